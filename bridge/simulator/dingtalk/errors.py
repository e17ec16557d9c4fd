"""What the vendor answers when it says no (reference sections 1.4 to 1.6)."""

from __future__ import annotations

from typing import Any, NoReturn


class ApiError(Exception):
    """A refusal of the new API: an HTTP status and ``{code, requestid, message}``."""

    def __init__(self, status: int, code: str, message: str, detail: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail or {}


class LegacyError(Exception):
    """A refusal of the legacy host: HTTP 200 and ``{errcode, errmsg}``."""

    def __init__(self, errcode: int, errmsg: str, sub_code: str = "") -> None:
        super().__init__(str(errcode))
        self.errcode = errcode
        self.errmsg = errmsg
        self.sub_code = sub_code

    def body(self, request_id: str) -> dict[str, Any]:
        """Return the answer's JSON."""
        answer: dict[str, Any] = {"errcode": self.errcode, "request_id": request_id}
        if self.sub_code:
            answer["sub_code"] = self.sub_code
            answer["sub_msg"] = self.errmsg
            answer["errmsg"] = f"ding talk error[subcode={self.sub_code},submsg={self.errmsg}]"
        else:
            answer["errmsg"] = self.errmsg
        return answer


def invalid(message: str) -> ApiError:
    """Return 400 ``invalidParameter``."""
    return ApiError(400, "invalidParameter", message)


def refuse(message: str) -> NoReturn:
    """Raise 400 ``invalidParameter``."""
    raise invalid(message)


def bad_time(text: str) -> ApiError:
    """Return the gateway's refusal of a time text (reference section 1.5)."""
    return ApiError(
        400,
        "InvalidParameter.ParsedISO8601TimestampError",
        f"Specified time stamp or date value is not well formatted: {text}",
    )


def missing_body() -> ApiError:
    """Return the refusal of a body that is not JSON."""
    return ApiError(400, "Missingbody", "缺少请求体或请求体不是JSON")


def item_not_found() -> ApiError:
    """Return 404 ``itemNotFound``."""
    return ApiError(404, "itemNotFound", "event not found")


def instance_not_exist() -> ApiError:
    """Return 404 ``instanceNotExist``."""
    return ApiError(404, "instanceNotExist", "instance not exist")


def permission_deny() -> ApiError:
    """Return the refusal of a person outside the app's authorised scope."""
    return ApiError(400, "permissionDeny", "permissionDeny")


def not_privileged(message: str = "permissionDenied") -> ApiError:
    """Return 403 ``permissionDenied``: the calendar is not the caller's to use."""
    return ApiError(403, "permissionDenied", message)


def scope_missing(scope: str) -> ApiError:
    """Return the refusal of an app without the permission point ``scope``."""
    return ApiError(
        403,
        "Forbidden.AccessDenied.AccessTokenPermissionDenied",
        "没有调用该接口的权限",
        {"accessdenieddetail": {"requiredScopes": [scope]}},
    )

"""Every code of DingTalk -> one class of :mod:`bridge.errors` (reference 1.2, 1.4-1.6, 2, 3).

Two dialects: the new API says HTTP status and a dotted ``code``; the old one says HTTP 200 and ``errcode``.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import (
    BridgeError,
    Exhausted,
    Missing,
    NotAllowed,
    OutcomeUnknown,
    Refused,
    Throttled,
    TokenStale,
    Unauthorised,
    Unreachable,
)
from bridge.providers.http import address_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.providers.http import Endpoint, Judge, Reply

VENDOR_ZONE: Final = dt.timezone(dt.timedelta(hours=8))
"""Where DingTalk's days and months presumably begin (reference 5.1; China has no daylight saving time)."""

WAIT_QPS_S: Final = 1.0
WAIT_QPM_S: Final = 60.0
"""Pause after "too many per second" and "too many per minute" (reference 5.4)."""

WAIT_BUSY_S: Final = 5.0
"""Pause after 429 ``system.busy``; no source says how long."""

WAIT_BAN_S: Final = 300.0
"""How long an egress address stays banned (reference 5.2)."""

BAN_STATUS: Final = "1111"
"""``status`` in the body of an address ban; also the ``code`` of the failure made of it."""

STALE: Final = frozenset({"invalidauthentication", "accesstoken.expired"})

SECRETS: Final = frozenset(
    {
        "invalidclientidorsecret",
        "invalid.client",
        "unauthorized.client",
        "unsupported.grant.type",
        "invalidsuitekey",
        "invalidsuiteticket",
        "invalidauthinfo",
        "authfailed",
    }
)
"""The app's id, secret or kind is wrong (reference 1.2, 6.4)."""

GONE: Final = frozenset({"itemnotfound", "instancenotexist", "invalidparameter.user.notfound"})
"""Only these say that a thing is not there; any other 404 is a path the vendor does not know."""

OAPI_STALE: Final = frozenset({"40001", "40014", "42001", "41001", "40000"})
OAPI_SECRETS: Final = frozenset({"40096", "40089", "40013"})
OAPI_BUSY: Final = frozenset({"-1", "15"})
OAPI_QPS: Final = frozenset({"90018", "90002"})
OAPI_MONTH: Final = "90020"
OAPI_GONE: Final = frozenset({"33012", "60121", "40104", "60003"})
OAPI_SCOPE: Final = frozenset({"50002", "50004"})
OAPI_PERMISSION: Final = frozenset({"60011"})
OAPI_ADDRESS: Final = frozenset({"60020"})
OAPI_AUTH: Final = "88"
"""Look at ``sub_code``; an empty one is a time-out of the vendor's own check (reference 1.6)."""

WORDS_CHARS_MAX: Final = 200
"""How much of the vendor's own message is repeated."""


def judge(now_ms: Callable[[], int]) -> Judge:
    """Return the judge of the new API's answers; ``now_ms`` tells when a quota ends."""

    def judge_reply(endpoint: Endpoint, reply: Reply) -> BridgeError | None:
        body = reply.json
        if body is None:
            return None
        folded = {key.lower(): value for key, value in body.items()}
        if str(folded.get("status", "")) == BAN_STATUS:
            return Throttled(
                f"{endpoint.name}: DingTalk bars this server's address for some minutes",
                retry_after_s=WAIT_BAN_S,
                code=BAN_STATUS,
            )
        if reply.status < 400:
            return _strayed(endpoint, folded)
        return _of_code(endpoint, reply, folded, now_ms)

    return judge_reply


def judge_oapi(now_ms: Callable[[], int]) -> Judge:
    """Return the judge of the old API's answers: HTTP 200 and ``errcode``."""

    def judge_reply(endpoint: Endpoint, reply: Reply) -> BridgeError | None:
        body = reply.json
        if body is None:
            return None
        if str(body.get("status", "")) == BAN_STATUS:
            return Throttled(
                f"{endpoint.name}: DingTalk bars this server's address for some minutes",
                retry_after_s=WAIT_BAN_S,
                code=BAN_STATUS,
            )
        code = str(body.get("errcode", "0") or "0")
        if code == "0":
            return None
        return _of_errcode(endpoint, code, body, now_ms())

    return judge_reply


def ban_s(error: Throttled) -> float:
    """Return for how many seconds a failure bars the whole address; 0 if it concerns one call only."""
    return error.retry_after_s if error.code == BAN_STATUS else 0.0


def month_left_s(now_ms: int) -> float:
    """Return the seconds until the vendor's next calendar month."""
    now = dt.datetime.fromtimestamp(now_ms / 1000, tz=VENDOR_ZONE)
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return max(1.0, (dt.datetime(year, month, 1, tzinfo=VENDOR_ZONE) - now).total_seconds())


def day_left_s(now_ms: int) -> float:
    """Return the seconds until the vendor's next midnight."""
    now = dt.datetime.fromtimestamp(now_ms / 1000, tz=VENDOR_ZONE)
    tomorrow = now.date() + dt.timedelta(days=1)
    midnight = dt.datetime.combine(tomorrow, dt.time(), tzinfo=VENDOR_ZONE)
    return max(1.0, (midnight - now).total_seconds())


# ---- the new API -----------------------------------------------------------------------------------------


def _of_code(
    endpoint: Endpoint, reply: Reply, body: dict[str, Any], now_ms: Callable[[], int]
) -> BridgeError | None:
    """Return the failure that an error body means; None leaves it to the HTTP status."""
    code = str(body.get("code") or "")
    key = code.lower()
    said = _said(endpoint, reply.status, code, body.get("message") or body.get("description"))
    if key in STALE:
        return TokenStale(said, code=code)
    if key in SECRETS:
        return _unauthorised(said, code, "secret")
    if key == "authenticationfailed.missingparameter":
        return _unauthorised(f"{said}; a proxy on the way seems to remove the token header", code, "address")
    if key == "idempotencyprocessing":
        return OutcomeUnknown(f"{said}; an earlier copy of the request is still being carried out", code=code)
    if key == "flowlimit":
        return Exhausted(
            f"{said}; this person's creations of today are used up",
            retry_after_s=day_left_s(now_ms()),
            code=code,
        )
    if key.startswith("forbidden."):
        return _forbidden(said, code, body, now_ms(), reply.retry_after_s or 0.0)
    if key == "permissiondeny":
        return _unauthorised(said, code, "visible_range")
    if key == "permissiondenied":
        return NotAllowed(said, code=code)
    if key in GONE:
        return Missing(said, code=code)
    if key.replace(".", "") == "systembusy" and reply.status < 500:
        return Throttled(said, retry_after_s=reply.retry_after_s or WAIT_BUSY_S, code=code)
    return _of_status(endpoint, reply, code, said)


def _of_status(endpoint: Endpoint, reply: Reply, code: str, said: str) -> BridgeError | None:
    """Return the failure of a code without a meaning of its own."""
    status = reply.status
    if status == 401:
        return TokenStale(said, code=code or str(status))
    if not reply.json:
        return None
    if status == 403:
        return NotAllowed(said, code=code)
    if status == 404:
        return Refused(f"{said}; DingTalk does not know this call", code=code or str(status))
    if 400 <= status < 500 and status != 429:
        return Refused(said, code=code or str(status))
    if status >= 500 and code:
        if endpoint.is_write:
            return OutcomeUnknown(f"{said}; whether it happened has to be asked", code=code)
        return Unreachable(f"{said}; it is tried again", code=code)
    return None


def _forbidden(said: str, code: str, body: dict[str, Any], now_ms: int, asked_s: float) -> BridgeError:
    """Tell throttling, quota, address and permission apart: all of them are HTTP 403.

    ``asked_s``: the Retry-After header, should there ever be one.
    """
    key = code.lower()
    if "qps" in key:
        return Throttled(said, retry_after_s=max(WAIT_QPS_S, asked_s), code=code)
    if "qpm" in key:
        return Throttled(said, retry_after_s=max(WAIT_QPM_S, asked_s), code=code)
    if "apicountlimit" in key:
        return Exhausted(
            f"{said}; the organisation's calls of this month are used up",
            retry_after_s=month_left_s(now_ms),
            code=code,
        )
    if "whitelist" in key:
        return _unauthorised(said, code, "address", body.get("message") or body.get("description"))
    scopes = _scopes(body)
    missing = f"; missing permission: {', '.join(scopes)}" if scopes else ""
    return _unauthorised(f"{said}{missing}", code, "permission")


def _strayed(endpoint: Endpoint, body: dict[str, Any]) -> BridgeError | None:
    """Return the failure of an old-style error in a successful answer: ``{"errcode": 404}``."""
    errcode = str(body.get("errcode", "0") or "0")
    if errcode == "0":
        return None
    said = _said(endpoint, 200, errcode, body.get("errmsg"))
    return Refused(f"{said}; DingTalk does not know this call, check base_url", code=errcode)


def _scopes(body: dict[str, Any]) -> list[str]:
    """Return ``accessdenieddetail.requiredScopes``, whatever the case of its letters."""
    detail = body.get("accessdenieddetail")
    if not isinstance(detail, dict):
        return []
    folded = {key.lower(): value for key, value in detail.items()}
    scopes = folded.get("requiredscopes")
    return [str(scope)[:80] for scope in scopes[:20]] if isinstance(scopes, list) else []


# ---- the old API -----------------------------------------------------------------------------------------


def _of_errcode(endpoint: Endpoint, errcode: str, body: dict[str, Any], now_ms: int) -> BridgeError:
    """Return the failure that an ``errcode`` means."""
    code = str(body.get("sub_code") or "") or errcode if errcode == OAPI_AUTH else errcode
    said = _said(endpoint, 200, code, body.get("errmsg"))
    if code in OAPI_STALE:
        return TokenStale(said, code=code)
    if code in OAPI_SECRETS:
        return _unauthorised(said, code, "secret")
    if code in OAPI_BUSY or code == OAPI_AUTH:
        if endpoint.is_write:
            return OutcomeUnknown(f"{said}; whether it happened has to be asked", code=code)
        return Unreachable(f"{said}; it is tried again", code=code)
    if code in OAPI_QPS:
        return Throttled(said, retry_after_s=WAIT_QPS_S, code=code)
    if code == OAPI_MONTH:
        return Exhausted(
            f"{said}; the organisation's calls of this month are used up",
            retry_after_s=month_left_s(now_ms),
            code=code,
        )
    if code in OAPI_GONE:
        return Missing(said, code=code)
    if code in OAPI_SCOPE:
        return _unauthorised(said, code, "visible_range")
    if code in OAPI_PERMISSION:
        return _unauthorised(said, code, "permission")
    if code in OAPI_ADDRESS:
        return _unauthorised(said, code, "address", body.get("errmsg"))
    return Refused(said, code=code)


# ---- sentences -------------------------------------------------------------------------------------------


def _unauthorised(said: str, code: str, cause: str, words: object = "") -> Unauthorised:
    """Return the failure that a person must mend; how, stands in ``model.cures``. ``words`` may name our address."""
    return Unauthorised(said, code=code, cause=cause, seen=address_in(words))


def _said(endpoint: Endpoint, status: int, code: str, words: object) -> str:
    """Return what was tried and what came back."""
    text = " ".join(str(words or "").split())[:WORDS_CHARS_MAX]
    shown = "".join(char for char in text if char.isprintable())
    named = code or "no code"
    return f"{endpoint.name}: DingTalk answered HTTP {status} {named}" + (f" ({shown})" if shown else "")

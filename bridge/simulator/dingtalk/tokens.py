"""Tokens: who gets one, how long it lives, what it opens (reference sections 1.1 to 1.3, 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk.errors import ApiError, LegacyError
from bridge.simulator.dingtalk.gateway import Call, Operation

if TYPE_CHECKING:
    from bridge.simulator.dingtalk.simulator import DingTalkSimulator

TOKEN_S: Final = 7200
"""Seconds an access token lives."""

CODE_S: Final = 300
"""Seconds a login code lives; it works once."""

REFRESH_S: Final = 30 * 86_400
"""Seconds a refresh token lives."""

TOKENS_MAX: Final = 10_000
"""Tokens of one kind that are remembered; the oldest go first."""


@dataclass(slots=True)
class Grant:
    """A token or code: for whom, and until when (milliseconds since 1970)."""

    union_id: str
    """Empty for the app."""
    expires_ms: int


class Tokens:
    """The tokens that were given out."""

    def __init__(self, simulator: DingTalkSimulator) -> None:
        self._sim = simulator
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}
        self._codes: dict[str, Grant] = {}
        self._current: dict[str, str] = {}

    def _new(self, kind: str, place: dict[str, Grant], union_id: str, lifetime_s: int) -> str:
        text = self._sim.store.token(kind).hex()
        place[text] = Grant(union_id, self._sim.store.now_ms() + lifetime_s * 1000)
        while len(place) > TOKENS_MAX:
            del place[next(iter(place))]
        return text

    def app(self, kind: str = "app") -> str:
        """Return the app's token: the same while it lives, and living longer each time it is fetched."""
        text = self._current.get(kind, "")
        grant = self._access.get(text)
        now_ms = self._sim.store.now_ms()
        if grant is not None and grant.expires_ms > now_ms:
            grant.expires_ms = now_ms + TOKEN_S * 1000
            return text
        self._current[kind] = self._new(kind, self._access, "", TOKEN_S)
        return self._current[kind]

    def corp(self) -> str:
        """Return a new token for the organisation; each fetch brings another one."""
        return self._new("corp", self._access, "", TOKEN_S)

    def code(self, union_id: str) -> str:
        """Return a login code."""
        return self._new("code", self._codes, union_id, CODE_S)

    def person(self, union_id: str, refresh: str = "") -> dict[str, Any]:
        """Return the answer to a person's login or refresh."""
        if not refresh or self._sim.switches["refresh_rotates"] == "yes":
            self._refresh.pop(refresh, None)
            refresh = self._new("refresh", self._refresh, union_id, REFRESH_S)
        return {
            "accessToken": self._new("user", self._access, union_id, TOKEN_S),
            "refreshToken": refresh,
            "expireIn": TOKEN_S,
            "corpId": self._sim.store.corp_id,
        }

    def redeem_code(self, code: str) -> str | None:
        """Return whose code it is, once."""
        return self._valid(self._codes.pop(code, None))

    def refresh_owner(self, refresh: str) -> str | None:
        """Return whose refresh token it is."""
        return self._valid(self._refresh.get(refresh))

    def _valid(self, grant: Grant | None) -> str | None:
        return grant.union_id if grant and grant.expires_ms > self._sim.store.now_ms() else None

    def check(self, text: str) -> str:
        """Return whose token it is, empty for the app's; raise 400 if it is none or too old."""
        grant = self._access.get(text)
        if grant is not None and grant.expires_ms > self._sim.store.now_ms():
            return grant.union_id
        status = self._sim.switches["invalid_token_status"]
        if grant is not None and grant.union_id:
            raise ApiError(status, "accesstoken.expired", "access token expired")
        raise ApiError(status, "InvalidAuthentication", "不合法的access_token")

    def revoke(self) -> None:
        """Make every access token worthless, as a new secret does."""
        self._access.clear()
        self._current.clear()

    def revoke_person(self, union_id: str) -> None:
        """Take a person's tokens away."""
        for place in (self._access, self._refresh, self._codes):
            for text in [text for text, grant in place.items() if grant.union_id == union_id]:
                del place[text]


def _is_app(sim: DingTalkSimulator, key: str | None, secret: str | None) -> bool:
    return bool(key) and key == sim.client_id and secret == sim.client_secret


def _bad_client() -> ApiError:
    return ApiError(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")


def _access_token(sim: DingTalkSimulator, call: Call) -> Any:
    fields = call.fields()
    if not _is_app(sim, fields.text("appKey"), fields.text("appSecret")):
        raise _bad_client()
    return {"accessToken": sim.tokens.app(), "expireIn": TOKEN_S}


def _unified_token(sim: DingTalkSimulator, call: Call) -> Any:
    fields = call.fields()
    key, secret = fields.text("client_id"), fields.text("client_secret")
    if call.params["corp"] != sim.store.corp_id:
        raise ApiError(500, "unknownError", "未知错误")
    if fields.text("grant_type") != "client_credentials":
        raise ApiError(400, "unsupported.grant.type", "unsupported grant type")
    if not _is_app(sim, key, secret):
        raise ApiError(400, "invalid.client", "invalid client")
    return {"access_token": sim.tokens.app(), "expires_in": TOKEN_S}


def _corp_token(sim: DingTalkSimulator, call: Call) -> Any:
    fields = call.fields()
    if not _is_app(sim, fields.text("suiteKey"), fields.text("suiteSecret")):
        raise ApiError(400, "invalidSuiteKey", "suitekey不合法")
    if not fields.text("suiteTicket"):
        raise ApiError(400, "invalidSuiteTicket", "suiteTicket不合法")
    if fields.text("authCorpId") != sim.store.corp_id:
        raise ApiError(400, "invalidAuthInfo", "企业未授权该应用")
    return {"accessToken": sim.tokens.corp(), "expireIn": TOKEN_S}


def _suite_token(sim: DingTalkSimulator, call: Call) -> Any:
    fields = call.fields()
    if not _is_app(sim, fields.text("suiteKey"), fields.text("suiteSecret")):
        raise _bad_client()
    if not fields.text("suiteTicket"):
        raise ApiError(400, "invalidSuiteTicket", "suiteTicket不合法")
    return {"accessToken": sim.tokens.app("suite"), "expireIn": TOKEN_S}


def _user_token(sim: DingTalkSimulator, call: Call) -> Any:
    fields = call.fields()
    if not _is_app(sim, fields.text("clientId"), fields.text("clientSecret")):
        raise _bad_client()
    match fields.text("grantType"):
        case "authorization_code":
            owner = sim.tokens.redeem_code(fields.text("code") or "")
            if owner is None:
                raise ApiError(400, "invalidParameter.authCode.notFound", "不合法的临时授权码")
            return sim.tokens.person(owner)
        case "refresh_token":
            refresh = fields.text("refreshToken") or ""
            owner = sim.tokens.refresh_owner(refresh)
            if owner is None:
                raise ApiError(400, "invalidParameter.refreshToken.notFound", "不合法的refreshToken")
            return sim.tokens.person(owner, refresh)
        case _:
            raise ApiError(400, "invalidParameter", "grantType invalid")


def _legacy_token(sim: DingTalkSimulator, call: Call) -> Any:
    key, secret = call.query_text("appkey"), call.query_text("appsecret")
    if key is None or secret is None:
        raise LegacyError(40035, "缺少参数 appkey 或 appsecret")
    if not _is_app(sim, key, secret):
        raise LegacyError(40096, "不合法的appKey或appSecret")
    kind = "app" if sim.switches["legacy_credential"] == "same" else "legacy"
    return {"errcode": 0, "errmsg": "ok", "access_token": sim.tokens.app(kind), "expires_in": TOKEN_S}


def _sns_token(sim: DingTalkSimulator, call: Call) -> Any:
    if not _is_app(sim, call.query_text("appid"), call.query_text("appsecret")):
        raise LegacyError(40089, "不合法的appid或appsecret")
    return {"errcode": 0, "errmsg": "ok", "access_token": sim.tokens.app("sns")}


OPERATIONS: Final = (
    Operation(
        name="GetAccessToken",
        method="POST",
        pattern="/v1.0/oauth2/accessToken",
        handler=_access_token,
        billed=False,
        caller="none",
    ),
    Operation(
        name="GetCorpAccessToken",
        method="POST",
        pattern="/v1.0/oauth2/corpAccessToken",
        handler=_corp_token,
        billed=False,
        caller="none",
    ),
    Operation(
        name="GetSuiteAccessToken",
        method="POST",
        pattern="/v1.0/oauth2/suiteAccessToken",
        handler=_suite_token,
        billed=False,
        caller="none",
    ),
    Operation(
        name="GetUserToken",
        method="POST",
        pattern="/v1.0/oauth2/userAccessToken",
        handler=_user_token,
        billed=False,
        caller="none",
    ),
    Operation(
        name="GetToken",
        method="POST",
        pattern="/v1.0/oauth2/{corp}/token",
        handler=_unified_token,
        billed=False,
        caller="none",
    ),
    Operation(
        name="gettoken",
        method="GET",
        pattern="/gettoken",
        handler=_legacy_token,
        billed=False,
        caller="none",
        host="oapi",
    ),
    Operation(
        name="sns/gettoken",
        method="GET",
        pattern="/sns/gettoken",
        handler=_sns_token,
        billed=False,
        caller="none",
        host="oapi",
    ),
)

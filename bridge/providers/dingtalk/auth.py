"""The app's access token (reference 1.1-1.3): one for every user inside the app's contact scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.errors import TokenStale, Unauthorised
from bridge.providers.auth import TokenKeeper
from bridge.providers.dingtalk.schema import number, text
from bridge.providers.http import Endpoint
from bridge.providers.limiter import Lane, Priority

if TYPE_CHECKING:
    from bridge.config import DingTalkSource
    from bridge.providers.http import Transport
    from bridge.providers.runtime import Runtime

AUTH_HEADER: Final = "x-acs-dingtalk-access-token"
"""Carries the raw token, without quotes (reference 9)."""

TOKEN_LIFE_S: Final = 7200
"""Seconds a token lives where the answer does not say (reference 1.3)."""

ACCESS_TOKEN: Final = Endpoint(name="oauth2.accessToken", method="POST", path="/v1.0/oauth2/accessToken")
"""Not a write: inside its life a repeated fetch returns the same token."""

_LANE: Final = Lane(priority=Priority.WRITE, patience_s=10.0)


def keeper(source: DingTalkSource, runtime: Runtime, api: Transport) -> TokenKeeper:
    """Return the keeper of the token of one app, shared through the vault."""

    def fetch() -> tuple[str, float]:
        body = {"appKey": source.client_id, "appSecret": source.client_secret}
        try:
            answer = api.send(ACCESS_TOKEN, body=body, lane=_LANE)
        except TokenStale as error:
            # There is no token in this call: what is refused here is the app itself.
            raise Unauthorised(str(error), code=error.code, cause="secret") from error
        token = text(answer, "accessToken")
        if not token:
            msg = f"{ACCESS_TOKEN.name}: DingTalk answered without a token; check client_id and client_secret"
            raise Unauthorised(msg, cause="secret")
        return token, float(number(answer, "expireIn") or TOKEN_LIFE_S)

    return TokenKeeper(runtime, f"{source.id}:{source.client_id}", fetch)

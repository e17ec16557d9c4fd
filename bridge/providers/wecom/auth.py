"""The app's access token (reference 1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.errors import TokenStale, Unauthorised
from bridge.providers.auth import TokenKeeper
from bridge.providers.http import Endpoint, Transport
from bridge.providers.limiter import Lane, Priority
from bridge.providers.wecom.schema import as_int, as_text

if TYPE_CHECKING:
    from bridge.providers.runtime import Runtime

GET_TOKEN: Final = Endpoint(name="gettoken", method="GET", path="/cgi-bin/gettoken")

TOKEN_LIFE_S: Final = 7200
"""Where ``expires_in`` is missing (document 91039, 2024-03)."""

PATIENCE_S: Final = 10.0
"""Everybody waits for this one call, so it goes first (seconds)."""


def keeper(
    runtime: Runtime, transport: Transport, *, source_id: str, corp_id: str, secret: str
) -> TokenKeeper:
    """Return the keeper of one app's token; each app has its own secret and its own token."""
    lane = Lane(priority=Priority.WRITE, patience_s=PATIENCE_S)

    def fetch() -> tuple[str, float]:
        try:
            answer = transport.send(GET_TOKEN, query={"corpid": corp_id, "corpsecret": secret}, lane=lane)
        except TokenStale as error:
            # There is no token in this call: what is refused here is the app itself.
            raise Unauthorised(str(error), code=error.code, cause="secret") from error
        return as_text(answer.get("access_token")), float(as_int(answer.get("expires_in"), TOKEN_LIFE_S))

    return TokenKeeper(runtime, f"wecom:{source_id}:{corp_id}", fetch)

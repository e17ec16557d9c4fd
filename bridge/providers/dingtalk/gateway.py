"""Asking for a Stream connection (reference 6.4): one call with the app's own secret, neither billed nor with a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from bridge.errors import Unreachable
from bridge.providers.dingtalk import codes, push
from bridge.providers.dingtalk.schema import text
from bridge.providers.http import Endpoint, Transport
from bridge.providers.limiter import Lane, Limiter, Priority, Rate

if TYPE_CHECKING:
    from bridge.config import DingTalkSource
    from bridge.providers.runtime import Runtime

OPEN: Final = Endpoint(name="stream.open", method="POST", path=push.OPEN_PATH)
"""Opening twice is harmless: a ticket that nobody uses ends by itself after 90 seconds."""

PATIENCE_S: Final = 10.0
OPENINGS_PER_S: Final = 1.0


class Gateway:
    """Opens Stream connections for one app. Thread-safe."""

    def __init__(self, source: DingTalkSource, runtime: Runtime) -> None:
        """Prepare; nothing is sent."""
        self._source = source
        self._api = Transport(
            source_id=source.id,
            base_url=source.base_url,
            runtime=runtime,
            limiter=Limiter(runtime.clock, concurrency=1, rate=Rate(per_s=OPENINGS_PER_S, burst=2.0)),
            judge=codes.judge(runtime.clock.now_ms),
            timeout_s=source.timeout_s,
            connections_max=1,
        )

    def open(self) -> str:
        """Return the address of a websocket, ticket included: it works once, for 90 seconds. Never to be logged."""
        answer = self._api.send(
            OPEN,
            body=push.open_body(self._source.client_id, self._source.client_secret),
            lane=Lane(priority=Priority.BACKGROUND, patience_s=PATIENCE_S),
        )
        endpoint, ticket = text(answer, "endpoint"), text(answer, "ticket")
        parts = urlsplit(endpoint)
        plain = self._source.base_url.startswith("http://")
        if parts.scheme not in (("ws", "wss") if plain else ("wss",)) or not parts.hostname or not ticket:
            msg = "DingTalk named no address for the Stream connection; it is asked again"
            raise Unreachable(msg)
        mark = "&" if parts.query else "?"
        return f"{endpoint}{mark}ticket={quote(ticket, safe='')}"

    def close(self) -> None:
        """Let go of the connection."""
        self._api.close()

"""Stream mode: the connection that the app opens to get its events (reference section 6.4)."""

from __future__ import annotations

import contextlib
import http
import json
import random
import threading
import urllib.parse
import weakref
import xml.sax.saxutils
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from websockets.exceptions import WebSocketException
from websockets.sync.server import Server, ServerConnection, serve

from bridge.simulator.dingtalk.errors import ApiError, missing_body
from bridge.simulator.dingtalk.gateway import Call, Operation
from bridge.simulator.dingtalk.push import NO_CONTENT, Push, pascal
from bridge.simulator.messages import Response

if TYPE_CHECKING:
    from websockets.http11 import Request as HandshakeRequest
    from websockets.http11 import Response as HandshakeResponse

    from bridge.simulator.dingtalk.simulator import DingTalkSimulator

TICKET_MS: Final = 90_000
"""Milliseconds a ticket lives; it works once."""

ACK_MS: Final = 3_000
"""Milliseconds in which an event must be acknowledged."""

SILENCE_MS: Final = 10_000
"""Milliseconds between the word ``disconnect`` and the end of the connection."""

CONNECTIONS_MAX: Final = 200

TICKETS_MAX: Final = 10_000

STOP_S: Final = 5.0
"""Seconds to wait for the listener's end."""


@dataclass(slots=True, kw_only=True, eq=False)
class Connection:
    """One websocket of the app."""

    id: str
    socket: ServerConnection
    topics: frozenset[tuple[str, str]]
    pinged_ms: int
    closing_ms: int | None = None
    """When the connection ends; set by ``disconnect``."""
    pings: int = 0
    pongs: int = 0
    opaque: str = ""
    acks: int = 0

    @property
    def takes_events(self) -> bool:
        """Whether events may be sent here."""
        wanted = any(kind == "EVENT" for kind, _ in self.topics)
        return wanted and self.closing_ms is None


@dataclass(slots=True)
class _Pending:
    push: Push
    connection: Connection
    until_ms: int


class Stream:
    """The websocket listener, its tickets and connections."""

    retries_s: tuple[int, ...] = (10, 30, 60, 120)

    def __init__(self, sim: DingTalkSimulator) -> None:
        self._sim = sim
        self._lock = threading.RLock()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._tickets: dict[str, tuple[int, frozenset[tuple[str, str]]]] = {}
        self._pending: dict[str, _Pending] = {}
        self._random = random.Random(0)  # noqa: S311 - which connection gets an event, the same in every run
        self._admitted: weakref.WeakKeyDictionary[ServerConnection, Connection] = weakref.WeakKeyDictionary()
        self.connections: list[Connection] = []
        self.opened = 0

    def open(self, topics: frozenset[tuple[str, str]]) -> dict[str, str]:
        """Return endpoint and ticket for one connection."""
        with self._lock:
            if self._server is None:
                self._server = serve(
                    self._talk,
                    "127.0.0.1",
                    0,
                    process_request=self._admit,
                    ping_interval=None,
                    close_timeout=1,
                )
                self._thread = threading.Thread(
                    target=self._server.serve_forever, name="dingtalk-stream", daemon=True
                )
                self._thread.start()
            port = self._server.socket.getsockname()[1]
            ticket = self._sim.store.token("ticket").hex()
            self._tickets[ticket] = (self._sim.store.now_ms() + TICKET_MS, topics)
            while len(self._tickets) > TICKETS_MAX:
                del self._tickets[next(iter(self._tickets))]
        self._sim.pusher.use(self)
        return {"endpoint": f"ws://127.0.0.1:{port}/connect", "ticket": ticket}

    def close(self) -> None:
        """End the connections and the listener."""
        with self._lock:
            server, self._server = self._server, None
            connections = list(self.connections)
        if server is None:
            return
        for connection in connections:
            connection.socket.close()
        server.shutdown()
        if self._thread is not None:
            self._thread.join(STOP_S)

    def clear(self) -> None:
        """Forget tickets and connections, as a restart of the vendor would."""
        with self._lock:
            self._tickets.clear()
            self._pending.clear()
            connections = list(self.connections)
        for connection in connections:
            threading.Thread(target=connection.socket.close, daemon=True).start()

    def _admit(self, socket: ServerConnection, request: HandshakeRequest) -> HandshakeResponse | None:
        """Let a connection in if its ticket is fresh."""
        parts = urllib.parse.urlsplit(request.path)
        ticket = urllib.parse.parse_qs(parts.query).get("ticket", [""])[0]
        with self._lock:
            until_ms, topics = self._tickets.pop(ticket, (0, frozenset()))
            crowded = len(self.connections) >= CONNECTIONS_MAX
        if parts.path != "/connect" or until_ms <= self._sim.store.now_ms() or crowded:
            return socket.respond(http.HTTPStatus.UNAUTHORIZED, "ticket invalid\n")
        with self._lock:
            self.opened += 1
            connection = Connection(
                id=f"c{self.opened}",
                socket=socket,
                topics=topics,
                pinged_ms=self._sim.store.now_ms(),
            )
            self._admitted[socket] = connection
        return None

    def _talk(self, socket: ServerConnection) -> None:
        """Read a connection's acknowledgements until it ends."""
        with self._lock:
            connection = self._admitted.pop(socket)
            self.connections.append(connection)
        try:
            with contextlib.suppress(WebSocketException, OSError):
                for text in socket:
                    self._take(connection, text)
        finally:
            with self._lock:
                self.connections.remove(connection)

    def _take(self, connection: Connection, text: str | bytes) -> None:
        try:
            frame = json.loads(text)
            message_id = frame["headers"]["messageId"]
            data = json.loads(frame.get("data") or "{}")
        except (ValueError, KeyError, TypeError):
            return
        with self._lock:
            connection.acks += 1
            if connection.opaque and message_id == f"ping-{connection.opaque}":
                connection.pongs += isinstance(data, dict) and data.get("opaque") == connection.opaque
                return
            pending = self._pending.pop(message_id, None)
        if pending is not None:
            later = isinstance(data, dict) and data.get("status", "SUCCESS") == "LATER"
            self._sim.pusher.done(pending.push, self, ok=frame.get("code") == 200 and not later)

    def send(self, push: Push) -> bool | None:
        """Give an event to one connection, chosen at random; return False if there is none."""
        with self._lock:
            able = [connection for connection in self.connections if connection.takes_events]
            if not able:
                return False
            connection = self._random.choice(able)
            message_id = f"{push.event_id}_{push.attempts}_{self._random.getrandbits(32):08x}"
            until_ms = self._sim.store.now_ms() + ACK_MS
            self._pending[message_id] = _Pending(push, connection, until_ms)
        try:
            connection.socket.send(json.dumps(self._frame(push, message_id), ensure_ascii=False))
        except (WebSocketException, OSError):
            with self._lock:
                self._pending.pop(message_id, None)
            return False
        return None

    def _frame(self, push: Push, message_id: str) -> dict[str, Any]:
        sim = self._sim
        data = pascal(push.data) if sim.switches["push_keys_stream"] == "pascal" else push.data
        frame: dict[str, Any] = {
            "specVersion": "1.0",
            "type": "EVENT",
            "headers": {
                "topic": "*",
                "messageId": message_id,
                "contentType": "application/json",
                "time": str(sim.store.now_ms()),
                "eventId": push.event_id,
                "eventType": push.event_type,
                "eventCorpId": sim.store.corp_id,
                "eventBornTime": str(push.born_ms),
                "eventUnifiedAppId": sim.unified_app_id,
            },
            "data": json.dumps(data, ensure_ascii=False),
        }
        if not push.has_content and sim.switches["push_quota_form"] == "frame":
            frame["data"] = "{}"
            frame |= NO_CONTENT
        return frame

    def give_up(self, push: Push) -> None:
        """Lose an event that nobody took."""

    def tick(self) -> None:
        """Take back what was not acknowledged, ping, and end connections that were told to go."""
        now_ms = self._sim.store.now_ms()
        with self._lock:
            late = [key for key, pending in self._pending.items() if pending.until_ms <= now_ms]
            overdue = [self._pending.pop(key) for key in late]
            leaving = [
                connection
                for connection in self.connections
                if connection.closing_ms is not None and connection.closing_ms <= now_ms
            ]
            every_ms = self._sim.switches["stream_ping_s"] * 1000
            quiet = [
                connection
                for connection in self.connections
                if every_ms and connection.closing_ms is None and connection.pinged_ms + every_ms <= now_ms
            ]
        for pending in overdue:
            self._sim.pusher.done(pending.push, self, ok=False)
        for connection in quiet:
            self.ping(connection)
        for connection in leaving:
            connection.closing_ms = now_ms + SILENCE_MS
            threading.Thread(target=connection.socket.close, daemon=True).start()

    def ping(self, connection: Connection) -> None:
        """Send the vendor's own ping."""
        with self._lock:
            connection.pinged_ms = self._sim.store.now_ms()
            connection.pings += 1
            connection.opaque = f"{connection.id}-{connection.pings}"
            headers = {
                "topic": "ping",
                "messageId": f"ping-{connection.opaque}",
                "contentType": "application/json",
                "time": str(connection.pinged_ms),
            }
        self._system(connection, headers, {"opaque": connection.opaque})

    def disconnect(self, reason: str) -> int:
        """Tell every connection to go; return how many were told."""
        with self._lock:
            connections = [connection for connection in self.connections if connection.closing_ms is None]
            for connection in connections:
                connection.closing_ms = self._sim.store.now_ms() + SILENCE_MS
        for connection in connections:
            headers = {"topic": "disconnect", "contentType": "application/json"}
            self._system(connection, headers, {"reason": reason})
        return len(connections)

    def drop(self) -> int:
        """Cut every connection without a word; return how many there were."""
        with self._lock:
            connections = list(self.connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.socket.socket.shutdown(2)
        return len(connections)

    def _system(self, connection: Connection, headers: dict[str, str], data: dict[str, str]) -> None:
        frame = {"specVersion": "1.0", "type": "SYSTEM", "headers": headers, "data": json.dumps(data)}
        with contextlib.suppress(WebSocketException, OSError):
            connection.socket.send(json.dumps(frame))

    def as_json(self) -> dict[str, Any]:
        """Return the open connections."""
        with self._lock:
            return {
                "opened": self.opened,
                "unacknowledged": len(self._pending),
                "connections": [
                    {
                        "id": connection.id,
                        "pings": connection.pings,
                        "pongs": connection.pongs,
                        "acks": connection.acks,
                        "closing": connection.closing_ms is not None,
                    }
                    for connection in self.connections
                ],
            }


def _open(sim: DingTalkSimulator, call: Call) -> Any:
    fields = call.fields()
    if fields.text("clientId") != sim.client_id or fields.text("clientSecret") != sim.client_secret:
        raise ApiError(401, "authFailed", "鉴权失败")
    rows = fields.rows("subscriptions")
    if not rows:
        raise missing_body()
    topics = frozenset((row.choice("type", ("EVENT", "CALLBACK")), row.needed_text("topic")) for row in rows)
    for name in ("ua", "localIp"):
        fields.text(name)
    answer = sim.stream.open(topics)
    if "application/json" in call.request.headers.get("Accept", ""):
        return answer
    inner = "".join(f"<{key}>{xml.sax.saxutils.escape(value)}</{key}>" for key, value in answer.items())
    return Response(
        body=f"<?xml version='1.0' encoding='UTF-8'?><result>{inner}</result>".encode(),
        headers={"Content-Type": "application/xml;charset=utf-8"},
    )


OPERATIONS: Final = (
    Operation(
        name="OpenConnection",
        method="POST",
        pattern="/v1.0/gateway/connections/open",
        handler=_open,
        billed=False,
        caller="none",
    ),
)

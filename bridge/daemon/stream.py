"""DingTalk Stream: pushes over a websocket that we open (reference 6.4), so that no public address is needed.

An event is acknowledged as soon as it is in the queue, which is memory: waiting for the look would cost more than the
3 seconds that DingTalk grants, and what a crash loses the next sweep finds. With a full queue the answer is LATER.
Of several nodes one holds the connection, by a lease in the database; when it dies another one takes it over.
"""

from __future__ import annotations

import json
import logging
import random
import threading
from typing import TYPE_CHECKING, Final

from websockets.exceptions import InvalidHandshake, InvalidURI, WebSocketException
from websockets.sync.client import connect

from bridge.config import DingTalkSource
from bridge.daemon.hooks import take_dingtalk
from bridge.engine.push import STREAM_ALIVE_MS
from bridge.errors import BadInput, BridgeError, Throttled
from bridge.log import fields
from bridge.providers.dingtalk.provider import DingTalkProvider
from bridge.providers.dingtalk.push import BODY_BYTES_MAX, acknowledge, read_frame

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

    from bridge.daemon.compose import Parts
    from bridge.engine.push import Pushes
    from bridge.providers.dingtalk.gateway import Gateway

log = logging.getLogger(__name__)

RETRY_FIRST_S: Final = 0.5
RETRY_MAX_S: Final = 60.0
"""Bounds of the wait before a new connection (seconds); doubled each time, and spread by half of it each way."""

STEADY_S: Final = 60.0
"""A connection that lived so long (seconds) was a good one: the next wait begins small again."""

OPEN_S: Final = 10.0
"""How long the handshake may take (seconds)."""

CLOSE_S: Final = 2.0
"""How long the end of a connection may take (seconds)."""

PING_S: Final = 60.0
"""Between our own pings (seconds), as DingTalk's Python SDK sends them; without an answer the connection is given up."""

HEAR_S: Final = 10.0
"""How long one look at the connection waits (seconds); then its being alive is noted, and its lease made longer."""

LEASE_MS: Final = 40_000
"""How long the connection belongs to a node after its last sign of life (milliseconds)."""

STANDBY_S: Final = 5.0
"""Between two looks of a node whether the connection is to be taken over (seconds)."""

STOP_S: Final = 15.0
"""How long the end waits for the thread (seconds)."""

_SILENT: Final = logging.getLogger("bridge.daemon.stream.silent")
"""The library writes whole addresses, and ours carry tickets."""
_SILENT.setLevel(logging.CRITICAL + 1)


class Stream:
    """One source's connection, kept open by a thread of its own until it is closed."""

    def __init__(self, source: DingTalkSource, gateway: Gateway, pushes: Pushes) -> None:
        self._source = source
        self._name = f"stream:{source.id}"
        self._gateway = gateway
        self._pushes = pushes
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._connection: ClientConnection | None = None
        self._rng = random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._thread = threading.Thread(target=self._run, name=f"stream-{source.id}", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def close(self) -> None:
        """End the connection."""
        self._ended.set()
        with self._lock:
            connection = self._connection
        if connection is not None:
            connection.close()
        self._thread.join(STOP_S)
        self._pushes.let_go(self._name)

    def _run(self) -> None:
        wait_s = RETRY_FIRST_S
        while not self._ended.is_set():
            since_s = self._pushes.now_s()
            retry_s = 0.0
            try:
                if not self._pushes.hold(self._name, LEASE_MS):
                    self._ended.wait(STANDBY_S * (0.5 + self._rng.random()))
                    continue
                wished = self._hold()
            except BridgeError as error:
                wished, retry_s = False, error.retry_after_s if isinstance(error, Throttled) else 0.0
                self._note_failure(error, error.code)
            except (WebSocketException, OSError, TimeoutError, ValueError) as error:
                wished = False
                self._note_failure(error, "")
            except Exception:
                wished = False
                log.exception("stream.broken", extra=fields(source=self._source.id))
            self._pushes.note_lost(self._source.id)
            if wished or self._pushes.now_s() - since_s > STEADY_S:
                wait_s = RETRY_FIRST_S
            spread_s = wait_s * (0.5 + self._rng.random())
            self._ended.wait(max(spread_s, min(retry_s, RETRY_MAX_S)))
            wait_s = RETRY_FIRST_S if wished else min(wait_s * 2, RETRY_MAX_S)

    def _note_failure(self, error: Exception, code: str) -> None:
        """Name the class only: texts of the library may quote what a server sent."""
        if not self._ended.is_set():
            log.warning(
                "stream.failed", extra=fields(source=self._source.id, error=type(error).__name__, code=code)
            )

    def _hold(self) -> bool:
        """Open one connection and listen until it ends; returns whether DingTalk asked for a new one."""
        address = self._gateway.open()
        try:
            connection = connect(
                address,
                open_timeout=OPEN_S,
                close_timeout=CLOSE_S,
                ping_interval=PING_S,
                ping_timeout=PING_S,
                max_size=BODY_BYTES_MAX,
                logger=_SILENT,
                user_agent_header="queqiao",
                **({"proxy": None} if address.startswith("ws://") else {}),
            )
        except (InvalidHandshake, InvalidURI) as error:
            msg = f"the Stream connection was refused ({type(error).__name__})"
            raise ConnectionError(msg) from None
        with connection:
            with self._lock:
                self._connection = connection
            try:
                log.info("stream.open", extra=fields(source=self._source.id))
                return self._listen(connection)
            finally:
                with self._lock:
                    self._connection = None

    def _listen(self, connection: ClientConnection) -> bool:
        held_s = self._pushes.now_s()
        while not self._ended.is_set():
            self._pushes.note_alive(self._source.id, STREAM_ALIVE_MS)
            if self._pushes.now_s() - held_s >= HEAR_S:
                if not self._pushes.hold(self._name, LEASE_MS):
                    return True  # we were silent for too long, and another node took it
                held_s = self._pushes.now_s()
            try:
                written = connection.recv(timeout=HEAR_S)
            except TimeoutError:
                continue
            if not self._answer(connection, written):
                return True
        return False

    def _answer(self, connection: ClientConnection, written: str | bytes) -> bool:
        """Take one frame and acknowledge it; returns False when the server asked us to go."""
        try:
            frame = read_frame(written)
            if frame.is_disconnect:
                return False
            later = frame.notice is not None and not take_dingtalk(
                self._pushes, self._source.id, frame.notice, self._source.corp_id
            )
            answer = acknowledge(frame, later=later)
        except BadInput:
            log.warning("stream.unreadable", extra=fields(source=self._source.id))
            return True
        if answer is not None:
            connection.send(json.dumps(answer))
        return True


def build_streams(parts: Parts, pushes: Pushes) -> list[Stream]:
    """Return a connection, not opened yet, for every source with ``push = "stream"``."""
    streams = []
    for source_id, source in parts.engine.sources.items():
        provider: object = parts.engine.providers[source_id]
        if (
            isinstance(source, DingTalkSource)
            and isinstance(provider, DingTalkProvider)
            and source.push == "stream"
        ):
            streams.append(Stream(source, provider.gateway, pushes))
    return streams

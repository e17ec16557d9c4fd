"""waitress around a WSGI application: bounded, HTTP/1.1 kept alive, and closed without loss.

Why not waitress alone: it closes the connection after every 204 and 304, which is what a calendar client gets
most, and its own way to stop drops answers that are not yet on the wire.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Final, cast

from waitress import wasyncore  # type: ignore[import-untyped]
from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.server import create_server  # type: ignore[import-untyped]
from waitress.task import ThreadedTaskDispatcher, WSGITask  # type: ignore[import-untyped]

from bridge.log import fields

if TYPE_CHECKING:
    from bridge.web.wsgi import App

log = logging.getLogger(__name__)

HEADER_BYTES_MAX: Final = 65_536
"""Request line and headers together; more is 431."""
CHANNEL_TIMEOUT_S: Final = 120
"""A connection without a request is closed after this; also one whose request never ends."""
CLEANUP_S: Final = 10
"""Between two looks for such connections."""
CLOSE_S: Final = 10.0
"""How long :meth:`RunningServer.close` waits for requests under way."""
BACKLOG: Final = 1024
"""Connections that the system keeps waiting for us."""
WRITES: Final = frozenset(
    {"PUT", "POST", "DELETE", "MOVE", "COPY", "PATCH", "MKCALENDAR", "MKCOL", "PROPPATCH"}
)
"""Methods whose answer may wait for a vendor."""
LINGER_S: Final = 2.0
"""How long a connection that we end may still send what nobody will read."""
LINGER_BYTES: Final = 65_536
ENDING: Final = "queqiao_ending"
"""Set on a waitress server once it takes no further requests."""
TICK_S: Final = 0.5
"""Longest sleep of the loop; it is woken when there is something to do."""


class _Task(WSGITask):  # type: ignore[misc]  # waitress has no types
    """A request that keeps its connection where HTTP/1.1 allows it: also after an answer without a body."""

    _building = False

    @property
    def has_body(self) -> bool:
        """Return whether a body follows the headers; a HEAD without a length has none to speak of."""
        bodyless = self.request.command == "HEAD" and self.content_length is None
        return bool(super().has_body) and not bodyless

    def build_response_header(self) -> bytes:
        """Write the status line and headers; the last answer of a server that ends says so."""
        if getattr(self.channel.server, ENDING, False) and not self.close_on_finish:
            super().set_close_on_finish()
        self._building = True
        try:
            return cast("bytes", super().build_response_header())
        finally:
            self._building = False

    def set_close_on_finish(self) -> None:
        """Close after this answer, unless only its missing body speaks for it."""
        wishes_close = self.request.headers.get("CONNECTION", "").lower() == "close"
        if self._building and self.version == "1.1" and not self.has_body and not wishes_close:
            return
        super().set_close_on_finish()


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection that is closed so that its last answer arrives.

    Closing a socket with unread bytes resets the connection, and the reset overtakes the answer: a client that
    sends too much would never read its 413. So our side is shut first, and what still comes is thrown away.
    """

    task_class = _Task
    _lingers_until = 0.0

    def handle_close(self) -> None:
        """Shut our side, and close when the other one has, or after a while."""
        if not self._lingers_until and self.connected:
            self._lingers_until = time.monotonic() + LINGER_S
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                super().handle_close()
            return
        super().handle_close()

    def readable(self) -> bool:
        """Return whether there may be something to read, or to throw away."""
        if not self._lingers_until:
            return bool(super().readable())
        if time.monotonic() > self._lingers_until:
            super().handle_close()
            return False
        return True

    def writable(self) -> bool:
        """Return whether there is something to send."""
        return not self._lingers_until and bool(super().writable())

    def handle_read(self) -> None:
        """Read; while lingering, throw away."""
        if not self._lingers_until:
            super().handle_read()
            return
        try:
            left = self.socket.recv(LINGER_BYTES)
        except BlockingIOError:
            return
        except OSError:
            left = b""
        if not left:
            super().handle_close()


class Workers:
    """Two groups of threads: one for requests that may wait for a vendor, one for all others.

    A write waits for its vendor for some seconds. With one group, as many slow writes as there are threads would
    make every reader wait, too; here they only make other writers wait.
    """

    def __init__(self, threads: int) -> None:
        self._readers = ThreadedTaskDispatcher()
        self._writers = ThreadedTaskDispatcher()
        writers = max(1, threads // 2)
        self._readers.set_thread_count(max(1, threads - writers))
        self._writers.set_thread_count(writers)

    def add_task(self, channel: Any) -> None:
        """Hand a connection with a complete request to one of the groups (waitress's word)."""
        requests = channel.requests
        command = getattr(requests[0], "command", "") if requests else ""
        group = self._writers if str(command).upper() in WRITES else self._readers
        group.add_task(channel)

    def stop(self, deadline: float) -> None:
        """End the threads; those that hang are left behind as daemons and said so. Waiting requests are dropped."""
        groups = (self._readers, self._writers)
        for group in groups:
            group.set_thread_count(0)
        for group in groups:
            with group.lock:
                while group.threads:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        log.warning("http.workers_left", extra=fields(threads=len(group.threads)))
                        break
                    group.thread_exit_cv.wait(left)
                while group.queue:
                    group.queue.popleft().cancel()


class RunningServer:
    """A server in a thread of its own."""

    def __init__(self, server: Any, workers: Workers, sockets: dict[int, Any], host: str, port: int) -> None:
        self._server = server
        self._workers = workers
        self._sockets = sockets
        self._stopping = threading.Event()
        self._closed = threading.Lock()
        self.host = host
        self.port = port
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{port}"
        self._thread = threading.Thread(target=self._loop, name=f"http-{port}", daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while not self._stopping.is_set():
            wasyncore.loop(timeout=TICK_S, map=self._sockets, use_poll=True, count=1)

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Take no more connections, finish what is under way for at most ``timeout_s`` seconds, close everything."""
        with self._closed:
            if self._stopping.is_set():
                return
            self._stopping.set()
        setattr(self._server, ENDING, True)
        with contextlib.suppress(OSError):
            self._server.pull_trigger()
        self._thread.join(timeout=TICK_S * 10)
        deadline = time.monotonic() + timeout_s
        self._server.accepting = False
        wasyncore.dispatcher.del_channel(self._server, self._sockets)
        with contextlib.suppress(OSError):
            self._server.socket.close()
        while time.monotonic() < deadline and self._is_busy():
            wasyncore.loop(timeout=0.05, map=self._sockets, use_poll=True, count=1)
        self._workers.stop(deadline)
        self._server.pull_trigger = lambda: None  # a thread that was left behind may still come back
        for channel in self._channels():
            HTTPChannel.handle_close(channel)  # not ours, which lingers; closes its temporary files, too
        self._server.trigger.close()
        wasyncore.close_all(self._sockets, ignore_all=True)

    def _is_busy(self) -> bool:
        """Return whether a request is being worked on, or an answer is not yet on the wire."""
        return any(one.requests or one.total_outbufs_len for one in self._channels())

    def _channels(self) -> list[Any]:
        """Return the open connections."""
        return [one for one in list(self._sockets.values()) if isinstance(one, HTTPChannel)]


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a bound socket; "" and ``*`` mean every IPv4 address, a name takes its first address.

    Raises OSError if the address cannot be had.
    """
    wanted = "0.0.0.0" if host in ("", "*") else host.strip("[]")  # noqa: S104  # what the administrator typed
    family, kind, proto, _, address = socket.getaddrinfo(
        wanted, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if wanted == "::" else 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def serve(
    app: App,
    host: str,
    port: int,
    *,
    threads: int = 16,
    connections_max: int = 1000,
    body_bytes_max: int = 2_000_000,
    channel_timeout_s: int = CHANNEL_TIMEOUT_S,
    sock: socket.socket | None = None,
) -> RunningServer:
    """Serve ``app`` in the background; port 0 takes a free one. Raises OSError if the address cannot be had.

    ``sock``: one that listens already, instead of ``host`` and ``port``; closed with the server.
    Half of the ``threads`` (at least one) are for requests that write, the others for all else.
    """
    sock = sock or listening_socket(host, port)
    sockets: dict[int, Any] = {}
    workers = Workers(threads)
    server = create_server(
        app,
        map=sockets,
        _start=False,
        _dispatcher=workers,
        sockets=[sock],
        threads=threads,
        connection_limit=connections_max,
        max_request_body_size=body_bytes_max,
        max_request_header_size=HEADER_BYTES_MAX,
        channel_timeout=channel_timeout_s,
        cleanup_interval=min(CLEANUP_S, channel_timeout_s),
        backlog=BACKLOG,
        clear_untrusted_proxy_headers=False,  # bridge.web.proxy does that, knowing whom to trust
        expose_tracebacks=False,
        ident="queqiao",
        asyncore_use_poll=True,
    )
    server.channel_class = _Channel
    server.accept_connections()
    name = sock.getsockname()
    return RunningServer(server, workers, sockets, str(name[0]), int(name[1]))

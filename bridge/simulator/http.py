"""The listener of a simulator: real HTTP/1.1 with keep-alive, one thread for each connection.

A vendor implements ``Simulator``; ``serve`` puts it on a port. The listener plays the faults, counts the
calls and answers the control plane, so a vendor only has to be the vendor.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import struct
import sys
import threading
import urllib.parse
from typing import Any, ClassVar, Final

from bridge.simulator import control
from bridge.simulator.clock import SimClock
from bridge.simulator.messages import Headers, Request, Response, json_response
from bridge.simulator.play import play
from bridge.simulator.records import Call, ControlError, Switch
from bridge.simulator.vendor import Simulator

__all__ = [
    "Call",
    "ControlError",
    "Headers",
    "Request",
    "Response",
    "RunningServer",
    "SimClock",
    "Simulator",
    "Switch",
    "json_response",
    "serve",
]

BODY_MAX: Final = 8 * 1024 * 1024
"""Bytes of a request body; more is answered 413."""

IDLE_S: Final = 120.0
"""Seconds a connection may be silent."""

CLOSE_WAIT_S: Final = 5.0
"""Seconds that ``close`` waits for the connections' threads."""

BACKLOG: Final = 512
"""Connections that may wait to be accepted."""

POLL_S: Final = 0.02
"""Seconds after which the listener looks whether it should stop."""


class _TooLarge(Exception):
    """The body is longer than ``BODY_MAX``."""


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "vendor-in-a-box"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = IDLE_S
    server: _Server

    _METHODS: ClassVar[frozenset[str]] = frozenset(
        {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"}
    )

    def __getattr__(self, name: str) -> Any:
        """Serve every method by the one function below."""
        if name.removeprefix("do_") in self._METHODS:
            return self._serve
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing; ``calls`` tells."""

    def _serve(self) -> None:
        simulator = self.server.simulator
        try:
            request = self._request()
        except _TooLarge:
            self.close_connection = True
            self._send(Response(status=413), None)
            return
        except (ValueError, OSError):
            self.close_connection = True
            return
        if request.path.startswith(control.PREFIX):
            self._send(control.answer(simulator, request), None)
            return
        outcome = play(simulator, request)
        if outcome.reset:
            self._reset()
        elif outcome.response is None:
            self.close_connection = True
        else:
            self._send(outcome.response, outcome.announced)

    def _request(self) -> Request:
        split = urllib.parse.urlsplit(self.path)
        return Request(
            method=self.command,
            path=urllib.parse.unquote(split.path),
            query=urllib.parse.parse_qs(split.query, keep_blank_values=True),
            headers=Headers(self.headers.items()),
            body=self._body(),
            peer=str(self.client_address[0]),
            target=self.path,
        )

    def _body(self) -> bytes:
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            return self._chunks()
        length = int(self.headers.get("Content-Length") or 0)
        if length < 0 or length > BODY_MAX:
            raise _TooLarge
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionResetError
        return body

    def _chunks(self) -> bytes:
        """Read a chunked body (RFC 9112 section 7.1)."""
        body = bytearray()
        while size := int(self.rfile.readline(64).partition(b";")[0], 16):
            if len(body) + size > BODY_MAX:
                raise _TooLarge
            body += self.rfile.read(size)
            self.rfile.readline(64)
        while self.rfile.readline(1024).strip():
            pass
        return bytes(body)

    def _send(self, response: Response, announced: int | None) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status >= 200 and response.status != 204:
            self.send_header("Content-Length", str(len(response.body) if announced is None else announced))
        if announced is not None:
            self.close_connection = True
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()
        if response.takeover is not None:
            self.close_connection = True
            self.connection.settimeout(None)
            response.takeover(self.connection)

    def _reset(self) -> None:
        """Close with a TCP RST: linger on, zero seconds (socket(7))."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server.abandon(self.connection)


class _Server(http.server.ThreadingHTTPServer):
    """Threads that end with the process; open connections are known, so that ``close`` can end them."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = BACKLOG
    allow_reuse_address = True

    def __init__(self, simulator: Simulator, address: tuple[str, int]) -> None:
        self.simulator = simulator
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._abandoned: set[int] = set()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without asking the name service for the host's name."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name = str(self.server_address[0])
        self.server_port = int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start the thread of one connection."""
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one connection until it ends."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._changed:
                self._open.discard(request)
                self._changed.notify_all()

    def abandon(self, connection: socket.socket) -> None:
        """Close ``connection`` without the orderly shutdown, which would turn a reset into a FIN."""
        with self._changed:
            self._abandoned.add(id(connection))

    def shutdown_request(self, request: Any) -> None:
        """End one connection."""
        with self._changed:
            abandoned = id(request) in self._abandoned
            self._abandoned.discard(id(request))
        if abandoned:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore callers that vanish; anything else is our own mistake and is shown by the base class."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def end_connections(self) -> None:
        """Cut the open connections and wait until their threads have closed them."""
        with self._changed:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, CLOSE_WAIT_S)


class RunningServer:
    """A simulator on a port."""

    def __init__(self, simulator: Simulator, host: str, port: int) -> None:
        self.simulator = simulator
        self._server = _Server(simulator, (host, port))
        self.port = self._server.server_port
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self.port}"
        simulator.url = self.url
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": POLL_S},
            name=simulator.name,
            daemon=True,
        )
        self._closed = threading.Event()
        self._thread.start()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, end the connections, close the simulator. May be called twice."""
        if self._closed.is_set():
            return
        self._server.shutdown()
        self._server.server_close()
        self.simulator.close()
        self._server.end_connections()
        self._thread.join(CLOSE_WAIT_S)
        self._closed.set()

    def wait(self) -> None:
        """Block until somebody calls ``close``."""
        self._closed.wait()

    def control(self, verb: str, arguments: Any = None, *, method: str | None = None) -> Any:
        """Ask the control plane without a socket; raise ``ControlError`` if it refuses."""
        body = b"" if arguments is None else json.dumps(arguments).encode()
        request = Request(
            method=method or ("GET" if arguments is None else "POST"),
            path=f"{control.PREFIX}{verb}",
            body=body,
        )
        response = control.answer(self.simulator, request)
        result = json.loads(response.body)
        if response.status != 200:
            raise ControlError(result["error"], status=response.status)
        return result


def serve(simulator: Simulator, host: str = "127.0.0.1", port: int = 0) -> RunningServer:
    """Put ``simulator`` on ``host:port`` (0: any free port) and return at once; raise OSError if taken."""
    return RunningServer(simulator, host, port)

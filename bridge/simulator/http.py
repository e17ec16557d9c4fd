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
import time
import urllib.parse
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from bridge.simulator import control
from bridge.simulator.clock import SimClock
from bridge.simulator.faults import GARBAGE, HTML_PAGE, Fault, Faults
from bridge.simulator.messages import Headers, Request, Response, json_response
from bridge.simulator.records import Call, CallLog, ControlError, NoticeLog, Switch, Switches

if TYPE_CHECKING:
    from collections.abc import Iterable

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


class Simulator(ABC):
    """A vendor. ``handle`` and ``control`` run under ``lock``: no two at the same time."""

    name: str = "vendor"
    verbs: tuple[str, ...] = ("state", "act")
    """Control verbs passed to ``control``; besides them it must understand ``reset``."""

    def __init__(
        self,
        *,
        clock: SimClock | None = None,
        switches: Iterable[Switch] = (),
        initial: dict[str, Any] | None = None,
    ) -> None:
        """Take ``initial`` for switch values that differ from the defaults."""
        self.clock = clock or SimClock()
        self.switches = Switches(switches, initial)
        self.faults = Faults()
        self.notices = NoticeLog()
        self.calls = CallLog()
        self.lock = threading.RLock()
        self.in_flight: Counter[str] = Counter()
        """Calls being answered now, by path; slow faults count."""
        self.url = ""
        """Where the simulator is served; set by ``serve``."""

    @abstractmethod
    def handle(self, request: Request) -> Response:
        """Answer one call of the vendor's API."""

    @abstractmethod
    def control(self, verb: str, arguments: dict[str, Any]) -> Any:
        """Answer ``reset`` and each of ``verbs``; raise ``ControlError`` for nonsense."""

    def facts(self) -> dict[str, Any]:
        """Return what somebody who wants to use the vendor has to be told: ids, secrets, people."""
        return {}

    def throttle_response(self, request: Request, fault: Fault) -> Response:
        """Return what the vendor answers to somebody who asks too often."""
        del request, fault
        return Response(status=429)

    def error_response(self, request: Request, fault: Fault) -> Response:
        """Return the vendor's answer with ``fault.code`` and ``fault.message``."""
        del request
        return json_response({"code": fault.code, "message": fault.message}, fault.status)

    def describe(self, request: Request, response: Response | None) -> tuple[str, str, str]:
        """Return endpoint, vendor's code and actor of a call, for the log of calls."""
        del response
        return request.path, "", ""

    def close(self) -> None:
        """Stop whatever the simulator runs besides the listener."""
        self.url = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What to do with the connection."""

    response: Response | None = None
    """None: no answer, the connection ends."""
    reset: bool = False
    """End it with a TCP reset."""
    announced: int | None = None
    """Content-Length to announce instead of the true one."""


def _play(simulator: Simulator, request: Request) -> _Outcome:
    """Answer one vendor call, with the fault that waits for it, and count it."""
    fault = simulator.faults.take(request)
    path = request.path
    with simulator.lock:
        simulator.in_flight[path] += 1
    try:
        outcome, real = _answer(simulator, request, fault)
    finally:
        with simulator.lock:
            simulator.in_flight[path] -= 1
            if not simulator.in_flight[path]:
                del simulator.in_flight[path]
    endpoint, code, actor = simulator.describe(request, outcome.response or real)
    simulator.calls.add(
        Call(
            endpoint=endpoint,
            method=request.method,
            status=outcome.response.status if outcome.response else 0,
            code=code,
            at=simulator.clock.now(),
            actor=actor,
            fault=fault.kind if fault else "",
        )
    )
    return outcome


def _answer(simulator: Simulator, request: Request, fault: Fault | None) -> tuple[_Outcome, Response | None]:
    """Return the outcome and, if the act happened, the vendor's own answer."""
    if fault is None:
        with simulator.lock:
            real = simulator.handle(request)
        return _Outcome(response=real), real
    acted: Response | None = None
    if fault.when == "after" or fault.kind == "slow":
        if fault.when == "before":
            time.sleep(fault.seconds)
        with simulator.lock:
            acted = simulator.handle(request)
        if fault.when == "after":
            time.sleep(fault.seconds)
    else:
        time.sleep(fault.seconds)
    return _spoil(simulator, request, fault, acted), acted


def _spoil(simulator: Simulator, request: Request, fault: Fault, acted: Response | None) -> _Outcome:
    """Return what the caller gets instead of ``acted``."""
    match fault.kind:
        case "lost":
            return _Outcome()
        case "reset":
            return _Outcome(reset=True)
        case "status":
            body = fault.body.encode()
            return _Outcome(response=Response(status=fault.status, body=body, headers=dict(fault.headers)))
        case "html":
            page = fault.body.encode() or HTML_PAGE
            headers = {"Content-Type": "text/html; charset=utf-8"}
            return _Outcome(response=Response(body=page, headers=headers))
        case "truncated":
            return _truncated(fault, acted)
        case "throttle":
            return _Outcome(response=simulator.throttle_response(request, fault))
        case "error":
            return _Outcome(response=simulator.error_response(request, fault))
        case "garbage":
            body = fault.body.encode() or GARBAGE
            return _Outcome(response=Response(body=body, headers={"Content-Type": "application/json"}))
        case "empty":
            return _Outcome(response=Response(headers={"Content-Type": "application/json"}))
        case _:
            return _Outcome(response=acted)


def _truncated(fault: Fault, acted: Response | None) -> _Outcome:
    full = acted or json_response({"result": {"items": [{"id": "0123456789"}], "more": False}})
    short = Response(status=full.status, body=full.body[: len(full.body) // 2], headers=full.headers)
    return _Outcome(response=short, announced=len(full.body) if fault.content_length == "wrong" else None)


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
        outcome = _play(simulator, request)
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

"""A vendor that is ill in ways of your choice: a front before the box that spoils the answers to some calls."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx

from bridge.errors import BridgeError, OutcomeUnknown, Throttled, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

HTML = b"<!DOCTYPE html><html><head><title>Login</title></head><body>secret-of-the-page</body></html>"
SLOW_S = 0.1
"""The patience (seconds) of a provider whose vendor is silent for longer."""

PATIENT_S = 10.0
"""The patience (seconds) of a provider in all other cases: a busy machine must not be taken for an ill vendor."""


@dataclass(frozen=True)
class Fault:
    """What the vendor does to a call, and what that means.

    ``read`` and ``write``: the class of the failure; None: the call succeeds all the same. ``sent``: how often a write
    goes out; ``wait_s``: for how long the vendor asked to wait; ``cause``: who must act.
    """

    name: str
    spoil: Callable[[Any], None]
    read: type[BridgeError] | None
    write: type[BridgeError] | None
    after: bool = False
    """The act happens; only the answer is spoiled."""
    wait_s: tuple[float, float] | None = None
    cause: str = ""
    tried: int = 1
    """How often a write is sent."""
    slow: bool = False


def answer(status: int, body: bytes = b"", **headers: object) -> Callable[[Any], None]:
    """Return a spoiler: a complete HTTP answer."""

    def spoil(handler: Any) -> None:
        handler.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"Content-Type": "application/json", **named}.items():
            handler.send_header(name, str(value))
        if status not in (204, 304):
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if status not in (204, 304):
            handler.wfile.write(body)

    return spoil


def raw(text: bytes, *, wait_s: float = 0.0, reset: bool = False) -> Callable[[Any], None]:
    """Return a spoiler: bytes as they are, then the end of the connection."""

    def spoil(handler: Any) -> None:
        handler.wfile.write(text)
        handler.wfile.flush()
        time.sleep(wait_s)
        if reset:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True

    return spoil


def drip(handler: Any) -> None:
    """Send one byte now and then: no pause is long, the whole never ends."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n")
    handler.close_connection = True
    try:
        for _ in range(25):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(SLOW_S / 5)
    except OSError:
        pass  # the other side had enough


def bomb(handler: Any) -> None:
    """Send a small answer that unpacks to more than any that is expected."""
    answer(200, BOMB, Content_Encoding="gzip")(handler)


BOMB = gzip.compress(b" " * (33 * 1024 * 1024), 9)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def _lost(name: str, spoil: Callable[[Any], None], *, after: bool = False, slow: bool = False) -> Fault:
    """Return a fault after which nobody knows whether the call had an effect."""
    return Fault(name, spoil, Unreachable, OutcomeUnknown, after=after, slow=slow)


def _wait(name: str, spoil: Callable[[Any], None], from_s: float, to_s: float, *, tried: int = 1) -> Fault:
    return Fault(name, spoil, Throttled, Throttled, wait_s=(from_s, to_s), tried=tried)


class InSeconds:
    """A date as a header, counted from when it is sent: a run of the whole suite takes longer than some of them."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __str__(self) -> str:
        return formatdate(time.time() + self._seconds, usegmt=True)


COMMON: tuple[Fault, ...] = (
    # ---- the connection
    _lost("reset before the answer", raw(b"", reset=True)),
    _lost("closed before the answer", raw(b"")),
    _lost("closed after the act", raw(b""), after=True),
    _lost("reset after the act", raw(b"", reset=True), after=True),
    _lost("half a status line", raw(b"HTTP/1.1 20")),
    _lost("half the headers", raw(HEAD)),
    _lost("half a body", raw(HEAD + b'Content-Length: 500\r\n\r\n{"errcode"')),
    _lost("half a body after the act", raw(HEAD + b'Content-Length: 500\r\n\r\n{"errcode"'), after=True),
    _lost("half a chunk", raw(HEAD + b'Transfer-Encoding: chunked\r\n\r\n40\r\n{"errcode"')),
    _lost("a chunk without a size", raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n")),
    _lost("silence", raw(b"", wait_s=5 * SLOW_S), slow=True),
    _lost(
        "silence after the headers", raw(HEAD + b"Content-Length: 50\r\n\r\n", wait_s=5 * SLOW_S), slow=True
    ),
    _lost("one byte now and then", drip, slow=True),
    _lost("another protocol", raw(b"SSH-2.0-OpenSSH_9.2\r\n")),
    _lost("two lengths", raw(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}")),
    _lost("headers without end", raw(HEAD + b"X-Filler: " + b"x" * 200_000 + b"\r\n\r\n")),
    # ---- bodies that are no answer of the vendor
    _lost("a page of a captive portal", answer(200, HTML, Content_Type="text/html")),
    _lost("a page after the act", answer(200, HTML, Content_Type="text/html"), after=True),
    _lost("cut JSON", answer(200, b'{"errcode":0,"schedule_id":"wc')),
    _lost("a list", answer(200, b"[]")),
    _lost("a text", answer(200, b'"ok"')),
    _lost("a number", answer(200, b"0")),
    _lost("null", answer(200, b"null")),
    _lost("bytes", answer(200, bytes(range(256)))),
    _lost("not gzip", answer(200, b"{}", Content_Encoding="gzip")),
    _lost("cut gzip", answer(200, gzip.compress(b'{"errcode":0}' * 99)[:30], Content_Encoding="gzip")),
    _lost("a gzip bomb", bomb),
    _lost("deep nesting", answer(200, b"[" * 100_000)),
    # ---- gateways and proxies
    _lost("301", answer(301, b"", Location="https://elsewhere.example/")),
    _lost("302 to a login page", answer(302, HTML, Location="/login", Content_Type="text/html")),
    _lost("307", answer(307, b"", Location="http://127.0.0.1:9/")),
    _lost("304", answer(304)),
    _lost("400 page", answer(400, HTML, Content_Type="text/html")),
    _lost("403 page", answer(403, HTML, Content_Type="text/html")),
    _lost("404 page", answer(404, HTML, Content_Type="text/html")),
    _lost("407", answer(407, HTML, Proxy_Authenticate="Basic", Content_Type="text/html")),
    _lost("413", answer(413, HTML, Content_Type="text/html")),
    _lost("500 page", answer(500, HTML, Content_Type="text/html")),
    _lost("500 empty", answer(500)),
    _lost("502", answer(502, HTML, Content_Type="text/html")),
    _lost("503", answer(503, HTML, Content_Type="text/html")),
    Fault(
        "503 until a time",
        answer(503, b"", Retry_After="120"),
        Throttled,
        OutcomeUnknown,
        wait_s=(120, 120),
    ),
    Fault(
        "503 page until a time",
        answer(503, HTML, Retry_After=InSeconds(900), Content_Type="text/html"),
        Throttled,
        OutcomeUnknown,
        wait_s=(600, 900),
    ),
    _lost("504", answer(504, HTML, Content_Type="text/html")),
    _lost("504 after the act", answer(504), after=True),
    _wait("429", answer(429), 60, 60),
    _wait("429 page", answer(429, HTML, Content_Type="text/html"), 60, 60),
    _wait("429 in seconds", answer(429, b"", Retry_After="120"), 120, 120),
    _wait("429 until a date", answer(429, b"", Retry_After=InSeconds(3600)), 3000, 3600),
    _wait("429 until the past", answer(429, b"", Retry_After=InSeconds(-3600)), 0, 0, tried=3),
    _wait("429 nonsense", answer(429, b"", Retry_After="soon"), 60, 60),
    _wait("429 for ever", answer(429, b"", Retry_After="99999999999"), 86_400, 86_400),
    # ---- odd, but an answer
)


def wrapped(change: Callable[[bytes], bytes], **headers: str) -> Callable[[Any], None]:
    """Return a spoiler: the box's own answer in another wrapping."""

    def spoil(handler: Any) -> None:
        status, body = handler.forwarded
        answer(status, change(body), **headers)(handler)

    return spoil


def early(handler: Any) -> None:
    """Send an interim answer first (RFC 8297)."""
    handler.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
    status, body = handler.forwarded
    answer(status, body)(handler)


HARMLESS: tuple[Fault, ...] = (
    Fault("another content type", wrapped(bytes, Content_Type="text/plain"), None, None, after=True),
    Fault("gzip", wrapped(gzip.compress, Content_Encoding="gzip"), None, None, after=True),
    Fault("a byte order mark", wrapped(lambda b: b and b"\xef\xbb\xbf" + b), None, None, after=True),
    Fault("white space", wrapped(lambda b: b"\r\n  " + b + b"\n"), None, None, after=True),
    Fault("an interim answer first", early, None, None, after=True),
    Fault(
        "cookies",
        wrapped(bytes, Set_Cookie="a=b; Domain=example.com", Retry_After="60"),
        None,
        None,
        after=True,
    ),
)


def coded(body: dict[str, Any], status: int = 200, **headers: str) -> Callable[[Any], None]:
    """Return a spoiler: the vendor's own error form."""
    return answer(status, json.dumps(body, ensure_ascii=False).encode(), **headers)


@dataclass
class Front:
    """Forwards to a box; the calls that ``aimed`` picks get ``fault`` instead."""

    target: str
    aimed: Callable[[str, str], bool] = lambda _method, _path: False
    fault: Fault | None = None
    hits: int = 0
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                path = self.path.partition("?")[0]
                fault = front.fault if front.aimed(self.command, path) else None
                if fault is not None:
                    front.hits += 1
                if fault is None or fault.after:
                    self.forwarded = front.forward(self.command, self.path, dict(self.headers), body)
                try:
                    if fault is None:
                        answer(*self.forwarded)(self)
                    else:
                        fault.spoil(self)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_args: Any) -> None:
                pass

        self._http = httpx.Client(timeout=10, trust_env=False)

        for verb in ("GET", "POST", "PUT", "DELETE"):
            setattr(Handler, f"do_{verb}", Handler.handle_any)

        class Server(ThreadingHTTPServer):
            def handle_error(self, _request: Any, _address: Any) -> None:
                pass  # the other side left, as it should

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        kept = {
            k: v for k, v in headers.items() if k.lower() not in ("host", "connection", "accept-encoding")
        }
        reply = self._http.request(method, f"{self.target}{path}", headers=kept, content=body)
        return reply.status_code, reply.content

    def spoil(self, fault: Fault | None, aimed: Callable[[str, str], bool]) -> None:
        """Let the calls that ``aimed`` picks be spoiled from now on."""
        self.fault, self.aimed, self.hits = fault, aimed, 0

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._http.close()
        self._thread.join(5)


class Hasty:
    """The machine's time of day; a monotonic clock on which waiting takes no time."""

    def __init__(self) -> None:
        self._slept_s = 0.0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic() + self._slept_s

    def sleep(self, seconds: float) -> None:
        self._slept_s += seconds


__all__ = ["COMMON", "HARMLESS", "Fault", "Front", "Hasty", "coded"]

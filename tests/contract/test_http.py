"""What becomes of every way in which a call can fail, against servers on this machine."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import socket
import struct
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bridge.clock import SystemClock
from bridge.errors import (
    BridgeError,
    Happened,
    OutcomeUnknown,
    Refused,
    Throttled,
    Unreachable,
)
from bridge.providers import http as transport_module
from bridge.providers.http import (
    ATTEMPTS_MAX,
    RETRY_AFTER_MAX_S,
    RETRY_MAX_S,
    Endpoint,
    Reply,
    Transport,
    parse_object,
    translate,
)
from bridge.providers.limiter import Lane, Limiter, Rate
from bridge.providers.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

READ = Endpoint(name="thing.get", method="POST", path="/thing/get")
WRITE = Endpoint(name="thing.add", method="POST", path="/thing/add", is_write=True)
SECRET_TOKEN = "tok-VERY-SECRET"
SECRET_TITLE = "dinner with the auditor"


class NoWait(SystemClock):
    """The machine's clock, but pauses take no time and are written down."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


class Server:
    """Answers each request with the next of a list of scripts; the last one stays."""

    def __init__(self) -> None:
        self.script: list[Callable[[BaseHTTPRequestHandler], None]] = []
        self.requests: list[tuple[str, str, bytes, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                outer.requests.append((self.command, self.path, body, dict(self.headers)))
                act = outer.script.pop(0) if len(outer.script) > 1 else outer.script[0]
                with contextlib.suppress(OSError):
                    act(self)

            do_GET = do_POST  # noqa: N815

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def answer(
    body: bytes | dict[str, Any] = b"{}", status: int = 200, **headers: str
) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return a script that sends one answer and closes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", headers.get("announced") or str(len(data)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(data)
        handler.close_connection = True

    return act


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close without a word."""
    handler.close_connection = True


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Send a TCP reset."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def silence(handler: BaseHTTPRequestHandler) -> None:
    """Say nothing for longer than anybody waits."""
    time.sleep(0.8)
    handler.close_connection = True


def nonsense(handler: BaseHTTPRequestHandler) -> None:
    """Answer in another protocol."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6 dinner with the auditor\r\n\r\n")
    handler.close_connection = True


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Send one byte after the other, each in time, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(60):
        handler.wfile.write(b" ")
        time.sleep(0.05)
    handler.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., Transport]]:
    made: list[Transport] = []

    def make(url: str, **more: Any) -> Transport:
        clock = more.pop("clock", None) or NoWait()
        counts = more.pop("counts", [])
        runtime = Runtime(clock=clock, count_call=lambda *what: counts.append(what))
        limiter = more.pop("limiter", None) or Limiter(
            clock, concurrency=4, rate=Rate(per_s=1000, burst=1000)
        )
        settings = {"judge": lambda _endpoint, _reply: None, "timeout_s": 0.3, **more}
        transport = Transport(source_id="test", base_url=url, runtime=runtime, limiter=limiter, **settings)
        made.append(transport)
        return transport

    yield make
    for transport in made:
        transport.close()


def failure(transport: Transport, endpoint: Endpoint) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        transport.send(endpoint, query={"access_token": SECRET_TOKEN}, body={"summary": SECRET_TITLE})
    return caught.value


# ---- the classes of httpx ----


def httpx_error_classes() -> list[type[Exception]]:
    roots: list[type[Exception]] = [
        httpx.HTTPError,
        httpx.InvalidURL,
        httpx.CookieConflict,
        httpx.StreamError,
    ]
    found: list[type[Exception]] = []
    while roots:
        kind = roots.pop()
        found.append(kind)
        roots += kind.__subclasses__()
    exported = {
        value
        for value in vars(httpx).values()
        if isinstance(value, type) and issubclass(value, Exception) and value.__module__.startswith("httpx")
    }
    assert exported <= set(found)
    return sorted(set(found), key=lambda kind: kind.__name__)


NEVER_LEFT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"}
NEVER_BUILT = {"InvalidURL", "UnsupportedProtocol"}


def example_of(kind: type[Exception]) -> Exception:
    request = httpx.Request("POST", f"https://vendor.example/?access_token={SECRET_TOKEN}")
    for arguments in (
        {"message": SECRET_TITLE, "request": request, "response": httpx.Response(500, request=request)},
        {"message": SECRET_TITLE},
        {},
    ):
        with contextlib.suppress(TypeError):
            return kind(**arguments)
    return kind(SECRET_TITLE)


@pytest.mark.parametrize("kind", httpx_error_classes(), ids=lambda kind: kind.__name__)
def test_every_class_of_httpx_maps_to_one_class_of_ours(kind: type[Exception]) -> None:
    error = example_of(kind)
    read, write = translate(READ, error), translate(WRITE, error)
    if kind.__name__ in NEVER_BUILT:
        expected = (Refused, Refused)
    elif kind.__name__ in NEVER_LEFT:
        expected = (Unreachable, Unreachable)
    else:
        expected = (Unreachable, OutcomeUnknown)
    assert (type(read), type(write)) == expected
    for ours in (read, write):
        assert SECRET_TOKEN not in str(ours)
        assert SECRET_TITLE not in str(ours)
        assert kind.__name__ in str(ours)


# ---- on the wire ----


def test_a_call_carries_path_query_headers_and_body_and_returns_the_object(
    server: Server, connect: Callable[..., Transport]
) -> None:
    server.script = [answer({"errcode": 0, "名": "值"})]
    endpoint = Endpoint(name="x", method="POST", path="/users/{user}/events")
    transport = connect(f"{server.url}/gate/")
    result = transport.send(
        endpoint,
        path={"user": "a/../b ?#ü"},
        query={"access_token": "a+b/c=", "n": 1},
        headers={"x-token": "t"},
        body={"t": "日程", "n": 1},
    )
    assert result == {"errcode": 0, "名": "值"}
    ((method, path, body, headers),) = server.requests
    assert method == "POST"
    assert path == "/gate/users/a%2F..%2Fb%20%3F%23%C3%BC/events?access_token=a%2Bb%2Fc%3D&n=1"
    assert json.loads(body) == {"t": "日程", "n": 1}
    assert headers["x-token"] == "t"
    assert headers["Content-Type"].startswith("application/json")
    assert "Cookie" not in headers


def test_an_id_of_dots_cannot_walk_through_the_path(
    server: Server, connect: Callable[..., Transport]
) -> None:
    server.script = [answer({"a": 1})]
    endpoint = Endpoint(name="x", method="GET", path="/users/{user}/events")
    connect(server.url).send(endpoint, path={"user": ".."})
    assert "/../" not in server.requests[0][1]
    assert server.requests[0][1].startswith("/users/")


@pytest.mark.parametrize("act", [hang_up, reset, silence, nonsense, drip], ids=lambda act: act.__name__)
def test_a_write_without_an_answer_is_sent_once_and_its_outcome_is_unknown(
    server: Server, connect: Callable[..., Transport], act: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    server.script = [act]
    error = failure(connect(server.url), WRITE)
    assert type(error) is OutcomeUnknown
    assert error.happened is Happened.MAYBE
    assert len(server.requests) == 1


@pytest.mark.parametrize("act", [hang_up, reset, nonsense], ids=lambda act: act.__name__)
def test_a_read_without_an_answer_is_tried_again_and_succeeds(
    server: Server, connect: Callable[..., Transport], act: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    server.script = [act, answer({"fine": 1})]
    assert connect(server.url).send(READ, body={}) == {"fine": 1}
    assert len(server.requests) == 2


def test_a_read_is_given_up_after_a_bounded_number_of_attempts_with_growing_pauses(
    server: Server, connect: Callable[..., Transport]
) -> None:
    server.script = [hang_up]
    clock = NoWait()
    counts: list[Any] = []
    error = failure(connect(server.url, clock=clock, counts=counts), READ)
    assert type(error) is Unreachable
    assert len(server.requests) == ATTEMPTS_MAX
    assert len(clock.pauses) == ATTEMPTS_MAX - 1
    assert all(0 < pause <= RETRY_MAX_S for pause in clock.pauses)
    assert clock.pauses[1] > clock.pauses[0]
    assert counts == [("test", "thing.get", "Unreachable", "")] * ATTEMPTS_MAX


def test_a_refused_connection_never_left_so_a_write_may_be_repeated(
    connect: Callable[..., Transport],
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        error = failure(connect(url), WRITE)
    assert type(error) is Unreachable
    assert error.happened is Happened.NO


def test_an_unknown_host_never_left(connect: Callable[..., Transport]) -> None:
    assert type(failure(connect("http://no-such-host.invalid", timeout_s=3.0), WRITE)) is Unreachable


BAD_ANSWERS = {
    "html": answer(b"<html><body>dinner with the auditor</body></html>"),
    "html 403": answer(b"<html>blocked</html>", status=403),
    "html 404": answer(b"not found", status=404),
    "bad gateway": answer(b"", status=502),
    "unavailable": answer(b"{}", status=503),
    "json 500": answer({"message": "oops"}, status=500),
    "redirect": answer(b"", status=302, Location="http://127.0.0.1:1/"),
    "a list": answer(b"[1, 2]"),
    "a text": answer(b'"ok"'),
    "truncated json": answer(b'{"errcode":0,"schedule_id":"ab'),
    "truncated body": answer(b'{"errcode":0}', announced="500"),
    "broken gzip": answer(b"not gzip at all", Content_Encoding="gzip"),
    "binary": answer(bytes(range(256))),
    "deep": answer(b"[" * 100_000),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_an_answer_that_is_not_the_vendors_leaves_a_write_in_doubt(
    server: Server, connect: Callable[..., Transport], name: str
) -> None:
    server.script = [BAD_ANSWERS[name]]
    assert type(failure(connect(server.url), WRITE)) is OutcomeUnknown
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_an_answer_that_is_not_the_vendors_makes_a_read_unreachable(
    server: Server, connect: Callable[..., Transport], name: str
) -> None:
    server.script = [BAD_ANSWERS[name]]
    assert type(failure(connect(server.url), READ)) is Unreachable


def test_an_answer_without_bounds_is_left(server: Server, connect: Callable[..., Transport]) -> None:
    server.script = [answer({"a": "x" * 5000})]
    transport = connect(server.url, answer_bytes_max=1000)
    assert type(failure(transport, WRITE)) is OutcomeUnknown
    assert type(failure(transport, READ)) is Unreachable


def test_an_empty_success_is_an_empty_object(server: Server, connect: Callable[..., Transport]) -> None:
    server.script = [answer(b"")]
    assert connect(server.url).send(WRITE, body={}) == {}


@pytest.mark.parametrize(
    ("header", "low_s", "high_s"),
    [
        ({"Retry_After": "17"}, 17, 17),
        ({"Retry_After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0, 0),
        ({"Retry_After": "Fri, 31 Dec 2999 23:59:59 GMT"}, RETRY_AFTER_MAX_S, RETRY_AFTER_MAX_S),
        ({"Retry_After": "99999999999999"}, RETRY_AFTER_MAX_S, RETRY_AFTER_MAX_S),
        ({"Retry_After": "soon"}, 60, 60),
        ({"Retry_After": "²"}, 60, 60),
        ({}, 60, 60),
    ],
)
def test_too_many_requests_is_throttled_for_as_long_as_the_vendor_says(
    server: Server, connect: Callable[..., Transport], header: dict[str, str], low_s: float, high_s: float
) -> None:
    server.script = [answer(b"<html>slow down</html>", status=429, **header)]
    error = failure(connect(server.url), WRITE)
    assert isinstance(error, Throttled)
    assert low_s <= error.retry_after_s <= high_s


def test_a_short_wait_is_waited_for_and_the_call_repeated_even_a_write(
    server: Server, connect: Callable[..., Transport]
) -> None:
    server.script = [answer(b"", status=429, Retry_After="1"), answer({"a": 1})]
    began_s = time.monotonic()
    assert connect(server.url, short_wait_s=5).send(WRITE, body={}) == {"a": 1}
    assert 0.9 < time.monotonic() - began_s < 5
    assert len(server.requests) == 2


def test_a_vendor_that_always_asks_for_a_moment_is_not_asked_for_ever(
    server: Server, connect: Callable[..., Transport]
) -> None:
    server.script = [answer(b"", status=429, Retry_After="0")]
    assert isinstance(failure(connect(server.url, short_wait_s=5), WRITE), Throttled)
    assert len(server.requests) == ATTEMPTS_MAX


def test_a_text_that_is_no_unicode_is_refused(server: Server, connect: Callable[..., Transport]) -> None:
    with pytest.raises(Refused):
        connect(server.url).send(WRITE, body={"summary": "\ud800"})
    assert server.requests == []


def test_after_a_throttle_the_endpoint_is_held_back_and_others_are_not(
    server: Server, connect: Callable[..., Transport]
) -> None:
    server.script = [answer(b"", status=429, Retry_After="30"), answer({"a": 1})]
    transport = connect(server.url)
    failure(transport, WRITE)
    with pytest.raises(Throttled) as caught:
        transport.send(WRITE, body={}, lane=Lane(patience_s=1))
    assert 25 < caught.value.retry_after_s <= 30
    assert transport.send(READ, body={}) == {"a": 1}
    assert len(server.requests) == 2


def test_the_vendors_own_judgement_comes_before_the_status(
    server: Server, connect: Callable[..., Transport]
) -> None:
    seen: list[Reply] = []

    def judge(endpoint: Endpoint, reply: Reply) -> BridgeError | None:
        seen.append(reply)
        return Refused("the vendor's no", code="E1") if reply.status == 500 else None

    server.script = [answer({"code": "E1"}, status=500), answer({"code": "E2"}, status=400)]
    transport = connect(server.url, judge=judge)
    error = failure(transport, WRITE)
    assert (type(error), error.code) == (Refused, "E1")
    error = failure(transport, WRITE)
    assert (type(error), error.code) == (Refused, "400")
    assert [reply.json for reply in seen] == [{"code": "E1"}, {"code": "E2"}]


def test_a_closed_transport_sends_nothing(server: Server, connect: Callable[..., Transport]) -> None:
    transport = connect(server.url)
    transport.close()
    assert type(failure(transport, WRITE)) is Unreachable
    assert server.requests == []


def test_a_header_that_cannot_be_sent_is_refused(server: Server, connect: Callable[..., Transport]) -> None:
    with pytest.raises(Refused):
        connect(server.url).send(WRITE, headers={"x-token": "日"}, body={})
    assert server.requests == []


@pytest.mark.parametrize(
    "url", ["", "ftp://host/", "https://", "https://host/?a=1", "host", "https://host/#x"]
)
def test_a_base_url_that_cannot_work_is_refused_at_once(connect: Callable[..., Transport], url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        connect(url)


def test_cookies_are_not_kept(server: Server, connect: Callable[..., Transport]) -> None:
    server.script = [answer({"a": 1}, Set_Cookie="who=lisi; Path=/")]
    transport = connect(server.url)
    transport.send(READ, body={})
    transport.send(READ, body={})
    assert all("Cookie" not in headers for _, _, _, headers in server.requests)


# ---- what must not be written anywhere ----


@pytest.mark.parametrize("act", [answer({"a": 1}), hang_up, nonsense, answer(b"<html>x")])
def test_neither_token_nor_title_reaches_a_log_or_a_traceback(
    server: Server, connect: Callable[..., Transport], act: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    server.script = [act]
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    names = ["httpx", "httpcore", "httpcore.http11", "httpcore.connection"]
    levels = {name: logging.getLogger(name).level for name in names}
    root.addHandler(handler)
    old = root.level
    root.setLevel(logging.DEBUG)
    try:
        transport = connect(server.url)
        for name in names:
            logging.getLogger(name).setLevel(logging.DEBUG)
        try:
            transport.send(WRITE, query={"access_token": SECRET_TOKEN}, body={"summary": SECRET_TITLE})
        except BridgeError as error:
            written.write("".join(traceback.format_exception(error)))
    finally:
        root.removeHandler(handler)
        root.setLevel(old)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    text = written.getvalue()
    assert SECRET_TOKEN not in text
    assert SECRET_TITLE not in text
    assert "access_token=" not in text


def test_warnings_of_the_http_libraries_still_pass(caplog: pytest.LogCaptureFixture) -> None:
    transport_module.silence_http_libraries()
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("httpx").info("HTTP Request: GET https://x/?access_token=1")
        logging.getLogger("httpx").warning("something is wrong")
    assert [record.getMessage() for record in caplog.records] == ["something is wrong"]


# ---- reading JSON ----


def test_a_text_cut_in_the_middle_of_an_emoji_does_not_make_an_answer_unreadable() -> None:
    assert parse_object(b'{"summary": "caf\\ud83d"}') == {"summary": "caf\ufffd"}
    assert parse_object('{"summary": "日程"}'.encode()[:-4] + b'"}') == {"summary": "日\ufffd"}
    assert parse_object(b'{"summary": "tab\there"}') == {"summary": "tab\there"}
    assert parse_object(b'{"list": [{"a": "\\ud800"}, 1, null]}') == {"list": [{"a": "\ufffd"}, 1, None]}


def test_an_emoji_written_as_two_escapes_stays_one() -> None:
    assert parse_object(b'{"summary": "\\ud83d\\ude00 \\ud83d"}') == {"summary": "\U0001f600 \ufffd"}


@pytest.mark.parametrize("body", [b"\xef\xbb\xbf{}", b"  \n", b"", b"{}"])
def test_a_byte_order_mark_or_an_empty_body_is_an_empty_object(body: bytes) -> None:
    assert parse_object(body) == {}


@pytest.mark.parametrize("body", [b"null", b"[]", b"1", b"{", b"nope", b'{"a":1}{"b":2}'])
def test_anything_but_an_object_is_nothing(body: bytes) -> None:
    assert parse_object(body) is None


def test_many_threads_share_one_transport(server: Server, connect: Callable[..., Transport]) -> None:
    server.script = [answer({"a": 1})]
    transport = connect(server.url, timeout_s=5.0)
    results: list[Any] = []

    def work() -> None:
        results.extend(transport.send(READ, body={"n": n})["a"] for n in range(5))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [1] * 40

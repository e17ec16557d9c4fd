"""The server itself: bounded, kept alive, and closed without loss."""

import http.client
import socket
import threading
import time

import pytest

from bridge.web.serve import serve
from bridge.web.wsgi import say, status_line


def hello(environ, start_response):
    return say(environ, start_response, 200, f"hello {environ['PATH_INFO']}")


def ask(port, path="/", method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        return connection.getresponse().read()
    finally:
        connection.close()


def test_port_0_takes_a_free_one_and_several_servers_live_side_by_side():
    servers = [serve(hello, "127.0.0.1", 0, threads=2) for _ in range(3)]
    assert len({one.port for one in servers}) == 3
    for one in servers:
        assert one.url == f"http://127.0.0.1:{one.port}"
        assert ask(one.port, "/x") == b"hello /x\n"
    servers[0].close()
    assert ask(servers[1].port) == b"hello /\n"
    for one in servers:
        one.close()
        one.close()  # twice does no harm


def test_a_taken_port_is_said_so():
    server = serve(hello, "127.0.0.1", 0, threads=2)
    try:
        with pytest.raises(OSError, match="in use"):
            serve(hello, "127.0.0.1", server.port, threads=2)
    finally:
        server.close()


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0", "", "*"])  # noqa: S104
def test_hosts_in_the_forms_that_people_type(host):
    server = serve(hello, host, 0, threads=2)
    try:
        connection = http.client.HTTPConnection("localhost", server.port, timeout=10)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        connection.close()
    finally:
        server.close()


def test_ipv6_is_served_where_there_is_some():
    try:
        server = serve(hello, "[::1]", 0, threads=2)
    except OSError:
        with socket.socket(socket.AF_INET6) as probe, pytest.raises(OSError, match=r".*"):
            probe.bind(("::1", 0))
        return
    assert server.url == f"http://[::1]:{server.port}"
    server.close()


def test_closing_waits_for_what_is_under_way_and_takes_nothing_new():
    began = threading.Event()
    answers = []

    def slow(environ, start_response):
        began.set()
        time.sleep(0.5)
        return say(environ, start_response, 200, "x" * 3_000_000)

    server = serve(slow, "127.0.0.1", 0, threads=2)
    thread = threading.Thread(target=lambda: answers.append(ask(server.port)))
    thread.start()
    began.wait(5)
    server.close()
    thread.join(10)
    assert [len(one) for one in answers] == [3_000_001]
    with pytest.raises(OSError, match=r".*"):
        ask(server.port)


def test_closing_does_not_wait_for_ever():
    release = threading.Event()
    began = threading.Event()

    def hanging(environ, start_response):
        began.set()
        release.wait(20)
        return say(environ, start_response, 200, "late")

    server = serve(hanging, "127.0.0.1", 0, threads=1)
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert began.wait(5)
    since = time.monotonic()
    server.close(timeout_s=0.3)
    assert time.monotonic() - since < 3
    release.set()
    connection.close()


def test_closing_leaves_no_thread_behind():
    before = set(threading.enumerate())
    server = serve(hello, "127.0.0.1", 0, threads=3)
    ask(server.port)
    server.close()
    assert {one for one in set(threading.enumerate()) - before if one.is_alive()} == set()


def test_idle_connections_do_not_keep_it_open():
    server = serve(hello, "127.0.0.1", 0, threads=2)
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
    ask(server.port)
    since = time.monotonic()
    server.close()
    assert time.monotonic() - since < 2
    for one in idle:
        one.close()


def test_a_connection_that_says_nothing_is_closed_after_a_while():
    server = serve(hello, "127.0.0.1", 0, threads=2, channel_timeout_s=1)
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as idle:
            assert idle.recv(1) == b""
    finally:
        server.close()


@pytest.mark.parametrize("status", [200, 204, 304, 404])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_connection_is_kept_unless_somebody_wants_it_closed(status, method):
    def app(environ, start_response):
        return (
            say(environ, start_response, status, "text") if status not in (204, 304) else bare(start_response)
        )

    def bare(start_response):
        start_response(status_line(status), [("ETag", '"x"')])
        return []

    server = serve(app, "127.0.0.1", 0, threads=2)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        for _ in range(3):
            connection.request(method, "/")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status
            kept = connection.sock
            assert kept is not None
        connection.request(method, "/", headers={"Connection": "close"})
        answer = connection.getresponse()
        answer.read()
        assert connection.sock is None or answer.headers["Connection"] == "close"
        raw = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        raw.sendall(f"{method} / HTTP/1.0\r\n\r\n".encode())
        while raw.recv(4096):
            pass  # HTTP/1.0 without keep-alive ends with the answer
        raw.close()
    finally:
        connection.close()
        server.close()


def test_a_head_of_a_stream_has_no_body_and_the_next_answer_is_right():
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else iter([b"a", b"b"])

    server = serve(app, "127.0.0.1", 0, threads=2)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("HEAD", "/")
        assert connection.getresponse().read() == b""
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"ab"
    finally:
        connection.close()
        server.close()


def test_an_application_that_fails_is_500_without_its_words():
    def app(environ, start_response):
        raise RuntimeError("secret")

    server = serve(app, "127.0.0.1", 0, threads=2)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.status == 500
        assert b"secret" not in answer.read()
    finally:
        connection.close()
        server.close()


def test_more_connections_than_allowed_wait_and_are_served_later():
    server = serve(hello, "127.0.0.1", 0, threads=2, connections_max=10)
    try:
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
        late = threading.Thread(target=ask, args=(server.port,))
        late.start()
        time.sleep(0.2)
        for one in held:
            one.close()
        late.join(10)
        assert not late.is_alive()
    finally:
        server.close()


def test_writers_that_wait_for_a_vendor_never_make_a_reader_wait():
    release = threading.Event()

    def app(environ, start_response):
        if environ["REQUEST_METHOD"] == "PUT":
            release.wait(20)
        return hello(environ, start_response)

    server = serve(app, "127.0.0.1", 0, threads=4)
    writers = [threading.Thread(target=ask, args=(server.port, "/", "PUT")) for _ in range(12)]
    try:
        for one in writers:
            one.start()
        time.sleep(0.2)
        since = time.monotonic()
        for _ in range(20):
            assert ask(server.port) == b"hello /\n"
        assert time.monotonic() - since < 2
    finally:
        release.set()
        for one in writers:
            one.join(10)
        assert not any(one.is_alive() for one in writers)
        server.close()

"""The shared base of the simulators, over real HTTP."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

from bridge.simulator.http import (
    ControlError,
    Request,
    Response,
    SimClock,
    Simulator,
    Switch,
    json_response,
    serve,
)


class Counter(Simulator):
    """A vendor whose only act is to count."""

    name = "counter"

    def __init__(self, **arguments) -> None:
        super().__init__(
            switches=[
                Switch(name="step", default=1, meaning="what one call adds"),
                Switch(name="mood", default="calm", choices=("calm", "wild"), meaning="nothing"),
            ],
            **arguments,
        )
        self.count = 0

    def handle(self, request: Request) -> Response:
        if request.path == "/echo":
            return json_response(
                {"query": request.query, "body": request.body.decode(), "peer": request.peer}
            )
        if request.path == "/upgrade":
            return Response(status=101, headers={"Upgrade": "echo"}, takeover=_echo)
        self.count += self.switches["step"]
        return json_response({"count": self.count, "pad": "x" * 200})

    def control(self, verb, arguments):
        if verb == "state":
            return {"count": self.count}
        if verb == "reset":
            self.count = 0
            return None
        return {"acted": arguments}

    def describe(self, request, response):
        return request.path.strip("/"), "", request.headers.get("X-User", "")


def _echo(connection: socket.socket) -> None:
    connection.sendall(connection.recv(100).upper())


@pytest.fixture
def server():
    with serve(Counter()) as running:
        yield running


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server.url, timeout=5) as http:
        yield http


def fault(client: httpx.Client, **what) -> None:
    assert client.post("/_control/fault", json=what).status_code == 200


def test_one_connection_serves_many_calls(client, server) -> None:
    for expected in range(1, 51):
        assert client.post("/add").json()["count"] == expected
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port))) as raw:
        raw.sendall(b"GET /echo?a=1&a=%20&b= HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        received = b""
        while received.count(b'"query"') < 2:
            received += raw.recv(4096)
    assert b'{"a":["1"," "],"b":[""]}' in received


def test_a_chunked_body_is_read(client) -> None:
    answer = client.post("/echo", content=iter([b"ab", b"cd"]))
    assert answer.json()["body"] == "abcd"


def test_a_body_beyond_the_limit_is_refused(server) -> None:
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port))) as raw:
        raw.sendall(b"POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 413")
    assert server.simulator.count == 0


def test_a_connection_can_be_taken_over(server) -> None:
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port))) as raw:
        raw.sendall(b"GET /upgrade HTTP/1.1\r\nHost: x\r\n\r\n")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += raw.recv(1)
        assert head.startswith(b"HTTP/1.1 101")
        raw.sendall(b"hello")
        assert raw.recv(100) == b"HELLO"


@pytest.mark.parametrize(("when", "count"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(("kind", "error"), [("lost", httpx.RemoteProtocolError), ("reset", httpx.ReadError)])
def test_an_answer_is_lost_before_or_after_the_act(client, server, kind, error, when, count) -> None:
    fault(client, kind=kind, when=when)
    with pytest.raises(error):
        client.post("/add")
    assert server.simulator.count == count
    assert client.post("/add").json()["count"] == count + 1


def test_a_status_fault_carries_body_and_headers(client, server) -> None:
    fault(client, kind="status", status=503, body="busy", headers={"Retry-After": "7"}, count=2)
    for _ in range(2):
        answer = client.post("/add")
        assert (answer.status_code, answer.text, answer.headers["Retry-After"]) == (503, "busy", "7")
    assert client.post("/add").json()["count"] == 1


def test_spoilt_bodies_are_what_they_are_called(client) -> None:
    fault(client, kind="html")
    assert client.post("/add").text.startswith("<!DOCTYPE html>")
    fault(client, kind="empty", when="after")
    assert client.post("/add").content == b""
    fault(client, kind="garbage")
    with pytest.raises(UnicodeDecodeError):
        client.post("/add").content.decode()
    fault(client, kind="truncated", when="after")
    answer = client.post("/add")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    fault(client, kind="truncated", content_length="wrong")
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/add")
    assert client.get("/_control/state").json() == {"count": 2}


def test_a_throttle_and_an_error_are_the_vendors_own(client) -> None:
    fault(client, kind="throttle")
    assert client.post("/add").status_code == 429
    fault(client, kind="error", code="no", message="not today", status=400)
    answer = client.post("/add")
    assert (answer.status_code, answer.json()) == (400, {"code": "no", "message": "not today"})


def test_a_slow_call_holds_nobody_else_up(client, server) -> None:
    fault(client, kind="slow", seconds=0.5, match="/slow")
    began = time.monotonic()
    thread = threading.Thread(target=httpx.post, args=(f"{server.url}/slow",))
    thread.start()
    while "/slow" not in server.simulator.in_flight:
        time.sleep(0.005)
    assert client.post("/quick").status_code == 200
    assert time.monotonic() - began < 0.4
    thread.join()
    assert time.monotonic() - began >= 0.5
    assert not server.simulator.in_flight


def test_faults_choose_by_path_method_and_user_and_skip(client) -> None:
    fault(client, kind="status", match="/b", method="PUT", user="lisi", skip=1, count=-1)
    assert client.put("/a/lisi").status_code == 200
    assert client.post("/b/lisi").status_code == 200
    assert client.put("/b/wangwu").status_code == 200
    assert client.put("/b", content="lisi").status_code == 200  # the one to skip
    assert client.put("/b", content="lisi").status_code == 503
    assert client.put("/b/lisi").status_code == 503
    assert len(client.get("/_control/faults").json()["faults"]) == 1
    client.post("/_control/clear_faults")
    assert client.put("/b/lisi").status_code == 200


@pytest.mark.parametrize(
    "nonsense",
    [
        {"kind": "sneeze"},
        {"kind": "lost", "when": "never"},
        {"kind": "lost", "oops": 1},
        {"kind": "lost", "count": "1"},
        5,
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(client, nonsense) -> None:
    assert client.post("/_control/fault", json=nonsense).status_code == 400
    assert client.get("/_control/faults").json() == {"faults": []}


def test_an_unknown_verb_lists_the_verbs(client) -> None:
    answer = client.get("/_control/nothing")
    assert answer.status_code == 404
    assert {"fault", "switch", "calls", "act", "state", "reset"} <= set(answer.json()["verbs"])


def test_the_control_plane_answers_loopback_only(server) -> None:
    from bridge.simulator import control

    for peer, status in [
        ("127.0.0.1", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("192.0.2.1", 403),
        ("", 403),
    ]:
        request = Request(method="GET", path="/_control/state", peer=peer)
        assert control.answer(server.simulator, request).status == status


def test_the_clock_can_be_moved_and_frozen(client, server) -> None:
    client.post("/_control/clock", json={"now": 1_800_000_000, "frozen": True})
    assert server.simulator.clock.now() == 1_800_000_000
    assert client.post("/_control/clock", json={"advance_s": 60}).json()["now"] == 1_800_000_060
    client.post("/_control/clock", json={"real": True})
    assert abs(server.simulator.clock.now() - time.time()) < 1
    client.post("/_control/clock", json={"advance_s": -3600})
    assert abs(client.get("/_control/clock").json()["offset_s"] + 3600) < 1
    assert client.post("/_control/clock", json={"now": "noon"}).status_code == 400


def test_a_clock_runs_on_after_it_was_set() -> None:
    clock = SimClock(now_s=1000)
    first = clock.now()
    time.sleep(0.01)
    assert 1000 <= first < clock.now() < 1010


def test_switches_are_checked_and_explained(client) -> None:
    assert client.post("/_control/switch", json={"step": 5}).json()["step"]["value"] == 5
    assert client.post("/add").json()["count"] == 5
    assert client.post("/_control/switch", json={"step": 6, "mood": "odd"}).status_code == 400
    assert client.post("/_control/switch", json={"steps": 6}).status_code == 400
    assert client.post("/_control/switch", json={"step": True}).status_code == 400
    switches = client.get("/_control/switch").json()
    assert switches["step"] == {"value": 5, "default": 1, "choices": [], "meaning": "what one call adds"}
    assert switches["mood"]["choices"] == ["calm", "wild"]


def test_calls_are_counted_with_actor_status_and_fault(client) -> None:
    client.post("/add", headers={"x-user": "lisi"})
    fault(client, kind="lost", when="after")
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/add")
    calls = client.get("/_control/calls?reset=1").json()
    assert calls["total"] == 2
    assert calls["counts"] == {"add": 2}
    assert [(call["actor"], call["status"], call["fault"]) for call in calls["calls"]] == [
        ("lisi", 200, ""),
        ("", 0, "lost"),
    ]
    assert client.get("/_control/calls").json()["total"] == 0


def test_a_reset_goes_back_to_the_start(client, server) -> None:
    client.post("/_control/switch", json={"step": 5})
    client.post("/add")
    server.simulator.notices.add(at=1, to="lisi", kind="hello", item_id="1", text="x")
    assert client.get("/_control/notices").json()["notices"][0]["to"] == "lisi"
    assert client.post("/_control/notices").json()["notices"]
    assert client.get("/_control/notices").json() == {"notices": []}
    fault(client, kind="lost")
    client.post("/_control/reset")
    assert client.get("/_control/faults").json() == {"faults": []}
    assert client.post("/add").json()["count"] == 1


def test_the_running_server_hands_the_control_plane_to_tests(server) -> None:
    assert server.control("switch", {"step": 2})["step"]["value"] == 2
    assert server.control("state") == {"count": 0}
    with pytest.raises(ControlError, match="no switch"):
        server.control("switch", {"nope": 2})


def test_closing_ends_idle_connections_and_wakes_the_waiting(client) -> None:
    running = serve(Counter())
    waiting = threading.Thread(target=running.wait)
    waiting.start()
    with contextlib.closing(socket.create_connection(("127.0.0.1", running.port))) as idle:
        idle.sendall(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(4096)
        running.close()
        running.close()
        assert idle.recv(1) == b""
    waiting.join(5)
    assert not waiting.is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", running.port), timeout=1)


def test_a_hundred_callers_at_once_are_all_answered(server) -> None:
    statuses = []

    def call() -> None:
        statuses.append(httpx.post(f"{server.url}/add").status_code)

    threads = [threading.Thread(target=call) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 100
    assert server.simulator.count == 100


def test_the_simulators_import_nothing_of_the_mapping_they_must_be_able_to_contradict() -> None:
    script = (
        "import sys, bridge.simulator.http, bridge.simulator.wecom, bridge.simulator.world;"
        "print([n for n in sys.modules if n.startswith('bridge.') and not n.startswith('bridge.simulator')"
        " or n.split('.')[0] in ('icalendar', 'dateutil', 'httpx', 'radicale', 'sqlalchemy')])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert shown.stdout.strip() == "[]"

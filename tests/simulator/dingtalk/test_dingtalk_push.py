"""Pushes: the encrypted callback over HTTP, and Stream over a real websocket."""

from __future__ import annotations

import http.server
import json
import queue
import threading
import urllib.parse

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bridge.simulator.dingtalk import crypto

OWN = {
    "token": "caldavbridge01",
    "aes_key": "Zq3W8xTn5RkLp0VbYc7HsJd2GfMe9UaKi4ouNrt1BQw",
    "owner": "dingq7x2m4bridge0key",
}
B_MESSAGE = (
    '{"EventType":"calendar_event_change","EventTime":1893456001000,"CorpId":"ding0f1e2d3c4b5a6978",'
    '"BizId":"1893456001000","CalendarEventId":"b2xkLWV2ZW50LWlk","CalendarEventUpdateTime":1893456000500,'
    '"CalendarId":"primary","UnionIdList":["unionAlice001","unionBob002"],"ChangeType":"updated",'
    '"operator":{"type":"user"},"LegacyCalendarEventId":"0A1B2C3D4E5F60718293A4B5C6D7E8F9"}'
)
VECTORS = {
    "P1": {
        "token": "mryue",
        "aes_key": "Yue0EfdN5900c1ce5cf6A152c63DDe1808a60c5ecd7",
        "owner": "ding6ccabc44d2c8d38b",
        "timestamp": "1608001896814",
        "nonce": "WL4PK6yA",
        "sealed": "0vJiX6vliEpwG3U45CtXqi+m8PXbQRARJ8p8BbDuD1EMTDf0jKpQ79QS93qEk7XHpP6u+oTTrd15NRPvNvmBKyDCYxxOK"
        "+HZeKju4yhELOFchzNukR+t8SB/qk4ROMu3",
        "signature": "03044561471240d4a14bb09372dfcfd4fd0e40cb",
        "message": '{"EventType":"check_url"}',
    },
    "P2": {
        "token": "123456",
        "aes_key": "1234567890123456789012345678901234567890123",
        "owner": "dingsnotzck6pm5veliw",
        "timestamp": "1614767836",
        "nonce": "A7Co0cJLMzIDtMMI",
        "sealed": "YvkvaGe4hQxd3VxRmEty0dVlnCOAqwf56xwTRHDHoOURqhalbmBJQk5FNcRk42Gl5T0YQXZNwpwWSm1xAFJ5ZA==",
        "signature": "9a95a004dd16f5c307e849b994173f76aa26e5eb",
        "message": "success",
    },
    "A": {
        **OWN,
        "timestamp": "1893456000000",
        "nonce": "n0nceAAAA",
        "random": b"0123456789abcdef",
        "sealed": "ds6Ags4Uk7hlv0K4Swgsy3KnEPTkbpFbps7EzQuQ2DhRxNyokh7Z7DdWUxB53gV9vJ2iRNq1DmiXyCV0C82GCNsWuUaz9hDYu"
        "CD13lD7Yrdy9zGA8jmhxlD3y7ET1m3Y",
        "signature": "0dc6e491799e4c981c27d81459b48e2806fc4427",
        "message": '{"EventType":"check_url"}',
    },
    "B": {
        **OWN,
        "timestamp": "1893456001234",
        "nonce": "n0nceBBBB",
        "random": b"fedcba9876543210",
        "sealed": "1nIlEwJEZUliW1He3lqwkWec9g50vEST1aSHOR8rE4AcQuloUVoSPyWQ0H//2nHmcGqAx6Qo8m8hBc7rImllQ9z4L+nDJFA6v"
        "BC0kCTxHNhSd5uVmlKtUc6VMyNL8OxOHjYv9tV3TRGx4i98DRhsDhXbDOI1jYUGrSXLdauwMN97ZVkkHIjgSXIZzGt7Y+afnO0t8NY6V"
        "ioeXIKaPaSC63hWwfHHxuCXgCKVMV6ioZl7EL2SYbT/0+vEFU2Tno9o2OELySGPNzc1gaQ/xVL0/9QoBdOYDa5x/m6iz6JzOP4wRYS8U"
        "NjRr07nMWxSJ1E3A/J53HVF5lI1DUQL8uvkrbNBKyGPxxWnkEtIiGyl5lNI6KmCX24OQIzvPPMlZbYaDK7VWt8m1I2/PrXmr93DtnKkS"
        "tP+vxwl/1GIEEnDaReom2xGFzc3Wqiml70ykwHf5iTfYGNwfUPW5j0gihgZ2LVJLhDmRlQEKBXdFkf4JCpTE4n/JhP+gtONjhkZLhDO+"
        "1O0jjvZGODdNFTytay7xDFGRXzHxiHScHbfQWL4ros=",
        "signature": "8cfdef7d16bdbc1b9cae297f6e019baf5d9c1c8c",
        "message": B_MESSAGE,
    },
    "C": {
        **OWN,
        "timestamp": "1893456001300",
        "nonce": "n0nceCCCC",
        "random": b"ABCDEFGHIJKLMNOP",
        "sealed": "SaW7GOsEChIcW6f4Au1vm9bkWm9nVAY+qLOXsfeclWBkKVf8peczSCStlMRAzAOzaiVAhY568gUbSUiiV8rOlw==",
        "signature": "1461695f713be2c5c1d97e3295b227462dfca0b7",
        "message": "success",
    },
    "D": {
        **OWN,
        "timestamp": "1893456002000",
        "nonce": "n0nceDDDD",
        "random": b"qrstuvwxyzQRSTUV",
        "sealed": "S3c4s5LEOAGIvn/eh3TplCb8kavwcJjZrDnxFnh8QR6die0qvsBrfhxdniAdF3MftAh4EcGWwds03QDvYoWC2ojUpd2zwvIsY"
        "ACJLi/Wv+b6GkcMhoAp7EzWT/GiU/H9",
        "signature": "9f9390f6220687e3181ac0a6d7acb1c8ea809a2d",
        "message": '{"EventType":"user_modify_org","UserId":["张三01"]}',
    },
    "E": {
        **OWN,
        "timestamp": "1893456003000",
        "nonce": "n0nceEEEE",
        "random": b"aaaaaaaaaaaaaaaa",
        "sealed": "ucyJ4SHvydt3hxot8pDbMkjqNB31Q56qNun5gG6eDKSBNWu+Q2QKH95Kxn83DzttD0Of4e3eM+o9qLeKQqtNhdBQD3Vd6kjkI"
        "9/HFtofqWqBlBZjmyy3sy2rTq4HvC1d",
        "signature": "92122e06db880072a698f13a1a777edeec86a7ee",
        "message": "x" * 24,
    },
}


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())
def test_the_published_vectors(vector):
    sealed, aes_key = vector["sealed"], vector["aes_key"]
    assert crypto.decrypt(sealed, aes_key=aes_key) == (vector["message"], vector["owner"])
    assert crypto.sign(vector["token"], vector["timestamp"], vector["nonce"], sealed) == vector["signature"]
    if "random" in vector:
        again = crypto.encrypt(
            vector["message"], aes_key=aes_key, owner=vector["owner"], random=vector["random"]
        )
        assert again == sealed


@pytest.mark.parametrize("sealed", ["", "AAAA", "not base64!", VECTORS["C"]["sealed"][:-8] + "AAAAAA=="])
def test_a_spoiled_envelope_is_noticed(sealed):
    with pytest.raises(ValueError, match=r"."):
        crypto.decrypt(sealed, aes_key=OWN["aes_key"])


@pytest.fixture
def box(new_box):
    """A company of its own: connections and workers end with the test."""
    return new_box()


class Hook:
    """An app's address for events, on a port."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.got: queue.Queue[dict] = queue.Queue()
        self.mood = "well"
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.answer(self, query, body["encrypt"])

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?x=1"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def answer(self, handler, query, sealed):
        assert query["signature"] == crypto.sign(OWN["token"], query["timestamp"], query["nonce"], sealed)
        assert query["msg_signature"] == query["signature"]
        message, owner = crypto.decrypt(sealed, aes_key=OWN["aes_key"])
        assert owner == self.owner
        self.got.put(json.loads(message))
        reply = crypto.encrypt("success", aes_key=OWN["aes_key"], owner=self.owner, random=b"r" * 16)
        stamp, nonce = query["timestamp"], query["nonce"]
        answer = {
            "msg_signature": crypto.sign(OWN["token"], stamp, nonce, reply),
            "timeStamp": stamp,
            "nonce": nonce,
            "encrypt": reply,
        }
        if self.mood == "wrong":
            answer["msg_signature"] = "0" * 40
        body = b"success" if self.mood == "plain" else json.dumps(answer).encode()
        handler.send_response(500 if self.mood == "ill" else 200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def next(self):
        return self.got.get(timeout=10)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def hook(make):
    found = Hook(make.client_id)
    yield found
    found.close()


def subscribe(box, hook):
    box.act("push_mode", mode="http", url=hook.url, token=OWN["token"], aes_key=OWN["aes_key"])
    assert hook.next() == {"EventType": "check_url"}


def test_an_event_reaches_the_callback_encrypted_and_in_pascal_case(box, make, hook):
    subscribe(box, hook)
    event = box.create(make.timed(attendees=[{"id": make.bob}]))
    got = hook.next()
    assert set(got) == {
        "EventType",
        "EventTime",
        "CorpId",
        "BizId",
        "CalendarEventId",
        "CalendarEventUpdateTime",
        "CalendarId",
        "UnionIdList",
        "ChangeType",
        "operator",
        "LegacyCalendarEventId",
    }
    assert (got["CalendarEventId"], got["ChangeType"]) == (event["id"], "created")
    assert got["UnionIdList"] == [make.alice, make.bob]
    box.put(event["id"], {"summary": "x"})
    assert hook.next()["ChangeType"] == "updated"
    box.delete(event["id"])
    assert hook.next()["ChangeType"] == "cancelled"
    box.switch(push_keys_http="camel", push_change_type="plain")
    box.create()
    got = hook.next()
    assert (got["changeType"], got["EventType"]) == ("create", "calendar_event_change")


@pytest.mark.parametrize("mood", ["ill", "plain", "wrong"])
def test_a_callback_that_does_not_say_success_is_tried_twice_more_and_then_listed(box, hook, wait, mood):
    subscribe(box, hook)
    hook.mood = mood
    event = box.create()["id"]
    assert hook.next()["CalendarEventId"] == event

    def fate():
        return box.server.control("state")["pushes"]["sent"][0]

    for attempts, seconds in ((1, 10), (2, 30)):
        wait(lambda: fate()["attempts"] == attempts)  # noqa: B023
        assert hook.got.empty()
        box.advance(seconds)
        assert hook.next()["CalendarEventId"] == event
    wait(lambda: fate()["fate"] == "lost")
    path = "/call_back/get_call_back_failed_result"
    assert box.http.get(path, params={"access_token": box.token}).json()["failed_list"] == []
    box.advance(180)
    listed = box.http.get(path, params={"access_token": box.token}).json()
    assert [row["call_back_tag"] for row in listed["failed_list"]] == ["calendar_event_change"]
    rows = box.ok("GET", "/v1.0/event/callbacks/failedResults")["failedList"]
    assert json.loads(rows[0]["callBackData"])["CalendarEventId"] == event
    box.switch(failed_list_read_removes="yes")
    box.ok("GET", "/v1.0/event/callbacks/failedResults")
    assert box.ok("GET", "/v1.0/event/callbacks/failedResults")["failedList"] == []


def test_a_callback_that_recovers_gets_the_event_at_the_next_try(box, hook, wait):
    subscribe(box, hook)
    hook.mood = "ill"
    box.create()
    hook.next()
    wait(lambda: box.server.control("state")["pushes"]["sent"][0]["attempts"] == 1)
    hook.mood = "well"
    box.advance(10)
    hook.next()
    wait(lambda: box.server.control("state")["pushes"]["sent"][0]["fate"] == "delivered")


def test_the_register_api_checks_the_address_with_the_corp_s_key(box, make, hook):
    body = {
        "call_back_tag": ["user_add_org", "calendar_event_change"],
        "token": OWN["token"],
        "aes_key": OWN["aes_key"],
        "url": hook.url,
    }
    hook.owner = make.corp_id
    hook.mood = "plain"
    assert box.legacy("/call_back/register_call_back", body)["errcode"] != 0
    hook.mood = "well"
    assert (
        box.legacy("/call_back/register_call_back", {**body, "token": "no blanks please"})["errcode"]
        == 400002
    )
    assert box.legacy("/call_back/register_call_back", body)["errcode"] == 0
    assert box.legacy("/call_back/register_call_back", body)["errcode"] != 0
    got = box.http.get("/call_back/get_call_back", params={"access_token": box.token}).json()
    assert got["url"] == hook.url
    while not hook.got.empty():
        hook.next()
    box.act("join", person={"userid": "dan05", "union_id": "DanUnion", "name": "Dan"})
    joined = hook.next()
    assert (joined["EventType"], joined["UserId"]) == ("user_add_org", ["dan05"])
    box.act("leave", **{"as": "dan05"})  # not among the tags
    box.create()
    assert hook.next()["EventType"] == "calendar_event_change"
    assert (
        box.http.get("/call_back/delete_call_back", params={"access_token": box.token}).json()["errcode"] == 0
    )


@pytest.mark.parametrize(
    ("switch", "kinds"),
    [
        ({}, ["created", "updated"]),
        ({"push_on": "content"}, ["created"]),
        ({"push_on": "all"}, ["created", "updated", "updated"]),
        ({"push_own_writes": "no"}, []),
        ({"push_fan_out": "per_user"}, ["created", "created", "updated", "updated"]),
    ],
)
def test_which_changes_are_pushed_is_a_switch(box, make, switch, kinds):
    box.switch(**switch)
    event = box.create(make.timed(attendees=[{"id": make.bob}]))["id"]
    box.ok("POST", box.event(event, make.bob, "/respond"), {"responseStatus": "accepted"})
    if switch.get("push_on") == "all":
        act = {"as": "bob02", "eventId": event, "reminders": [{"minutes": 5}]}
        box.act("reminders", **act)
    sent = box.server.control("state")["pushes"]["sent"]
    assert [push["data"]["changeType"] for push in sent] == kinds


def test_an_occurrence_is_pushed_with_its_own_id(box, make):
    box.create(make.timed(recurrence=make.rule("daily")))
    row = box.view("2026-11-05", "2026-11-06")[0]["id"]
    box.put(row, {"summary": "x"})
    sent = box.server.control("state")["pushes"]["sent"]
    assert sent[-1]["data"]["calendarEventId"] == row
    assert sent[-1]["data"]["calendarId"] != "primary"
    box.switch(push_calendar_id="primary")
    box.delete(row)
    last = box.server.control("state")["pushes"]["sent"][-1]["data"]
    assert (last["calendarId"], last["changeType"]) == ("primary", "cancelled")


def test_people_s_own_changes_are_pushed_even_if_the_app_s_are_not(box, make):
    box.switch(push_own_writes="no")
    box.create()
    box.act("create", **{"as": "alice01", "event": make.timed()})
    assert len(box.server.control("state")["pushes"]["sent"]) == 1


def test_directory_events_do_not_count_against_the_month(box, make):
    box.switch(monthly_pushes=1)
    box.act("join", person={"userid": "dan05", "union_id": "DanUnion", "name": "Dan"})
    box.create()
    box.create()
    sent = [push["data"] for push in box.server.control("state")["pushes"]["sent"]]
    assert sent[0]["userId"] == ["dan05"]
    assert "calendarEventId" in sent[1]
    assert sent[2]["errCode"] == 20001
    assert box.server.control("state")["pushes_by_month"] == {"2026-11": 1}


# Stream


def open_stream(box, make, **more):
    body = {
        "clientId": make.client_id,
        "clientSecret": make.client_secret,
        "subscriptions": [{"type": "EVENT", "topic": "*"}],
        "ua": "test/1",
        "localIp": "127.0.0.1",
        **more,
    }
    return box.http.post("/v1.0/gateway/connections/open", json=body, headers={"Accept": "application/json"})


def address(box, make):
    answer = open_stream(box, make).json()
    return f"{answer['endpoint']}?ticket={urllib.parse.quote(answer['ticket'])}"


def receive(socket):
    return json.loads(socket.recv(timeout=10))


def ack(socket, frame, status="SUCCESS", code=200):
    answer = {
        "code": code,
        "headers": {"messageId": frame["headers"]["messageId"], "contentType": "application/json"},
        "message": "OK",
        "data": json.dumps({"status": status, "message": ""}),
    }
    socket.send(json.dumps(answer))


def fates(box):
    return [push["fate"] for push in box.server.control("state")["pushes"]["sent"]]


def test_opening_a_stream_checks_the_app_and_speaks_xml_unless_json_is_asked_for(box, make):
    refused = open_stream(box, make, clientSecret="no")
    assert (refused.status_code, refused.json()["code"]) == (401, "authFailed")
    assert open_stream(box, make, subscriptions=[]).status_code == 400
    body = {
        "clientId": make.client_id,
        "clientSecret": make.client_secret,
        "subscriptions": [{"type": "EVENT", "topic": "*"}],
    }
    answer = httpx.post(f"{box.server.url}/v1.0/gateway/connections/open", json=body, trust_env=False)
    assert answer.text.startswith("<?xml")
    assert set(open_stream(box, make).json()) == {"endpoint", "ticket"}


def test_a_ticket_works_once_and_for_ninety_seconds(box, make):
    url = address(box, make)
    with connect(url):
        pass
    late = address(box, make)
    box.advance(90)
    for wrong in (url, late, url.partition("?")[0]):
        with pytest.raises(InvalidStatus) as caught:
            connect(wrong)
        assert caught.value.response.status_code == 401


def test_an_event_comes_over_the_stream_once_if_it_is_acknowledged(box, make, wait):
    with connect(address(box, make)) as socket:
        event = box.create(make.timed(attendees=[{"id": make.bob}]))["id"]
        frame = receive(socket)
        assert (frame["specVersion"], frame["type"]) == ("1.0", "EVENT")
        assert all(isinstance(value, str) for value in frame["headers"].values())
        assert frame["headers"]["eventType"] == "calendar_event_change"
        data = json.loads(frame["data"])
        assert (data["calendarEventId"], data["changeType"]) == (event, "created")
        ack(socket, frame)
        wait(lambda: fates(box) == ["delivered"])
        box.advance(300)
        assert [frame for frame in everything(socket) if frame["type"] == "EVENT"] == []


def everything(socket):
    """Return the frames that come within a third of a second of each other."""
    found = []
    while True:
        try:
            found.append(json.loads(socket.recv(timeout=0.3)))
        except TimeoutError:
            return found


@pytest.mark.parametrize("answer", ["LATER", "code 500", "silence"])
def test_an_event_that_is_not_taken_comes_again_until_it_is_lost(box, make, wait, answer):
    box.switch(stream_ping_s=0)
    with connect(address(box, make)) as socket:
        box.create()
        seen, messages = set(), set()
        for seconds in (10, 30, 60, 120, 0):
            frame = receive(socket)
            seen.add(frame["headers"]["eventId"])
            messages.add(frame["headers"]["messageId"])
            attempts = len(messages)
            match answer:
                case "LATER":
                    ack(socket, frame, "LATER")
                case "code 500":
                    ack(socket, frame, code=500)
                case _:
                    box.advance(3)
            wait(lambda: box.server.control("state")["pushes"]["sent"][0]["attempts"] == attempts)  # noqa: B023
            box.advance(seconds)
        assert (len(seen), len(messages)) == (1, 5)
        wait(lambda: fates(box) == ["lost"])


def test_an_event_without_any_connection_waits_for_one_and_then_gets_lost(box, make, wait):
    box.switch(stream_ping_s=0)
    with connect(address(box, make)) as socket:
        socket.close()
    wait(lambda: not box.server.control("state")["stream"]["connections"])
    box.create()
    wait(lambda: box.server.control("state")["pushes"]["sent"][0]["attempts"] == 1)
    with connect(address(box, make)) as socket:
        box.advance(10)
        ack(socket, receive(socket))
        wait(lambda: fates(box) == ["delivered"])


def test_the_server_pings_and_says_goodbye(box, make, wait):
    with connect(address(box, make)) as socket:
        wait(lambda: box.server.control("state")["stream"]["connections"])
        box.advance(30)
        frame = receive(socket)
        assert (frame["type"], frame["headers"]["topic"]) == ("SYSTEM", "ping")
        answer = {"code": 200, "headers": {"messageId": frame["headers"]["messageId"]}, "data": frame["data"]}
        socket.send(json.dumps(answer))
        wait(lambda: box.server.control("state")["stream"]["connections"][0]["pongs"] == 1)
        assert box.act("stream", what="disconnect", reason="connection is expired") == {"told": 1}
        frame = receive(socket)
        assert json.loads(frame["data"]) == {"reason": "connection is expired"}
        box.create()  # nothing is sent to a connection that was told to go
        box.advance(10)
        wait(lambda: not box.server.control("state")["stream"]["connections"])


def test_each_event_goes_to_one_of_several_connections(box, make, wait):
    box.switch(stream_ping_s=0)
    with connect(address(box, make)) as first, connect(address(box, make)) as second:
        wait(lambda: len(box.server.control("state")["stream"]["connections"]) == 2)
        for _ in range(8):
            box.create()
        got = {"first": [], "second": []}
        for name, socket in (("first", first), ("second", second)):
            for frame in everything(socket):
                got[name].append(frame["headers"]["eventId"])
                ack(socket, frame)
        assert got["first"]
        assert got["second"]
        assert len(set(got["first"] + got["second"])) == 8
        wait(lambda: fates(box) == ["delivered"] * 8)


def test_a_cut_connection_and_duplicates(box, make, wait):
    box.switch(push_duplicates="yes", stream_ping_s=0)
    with connect(address(box, make)) as socket:
        wait(lambda: box.server.control("state")["stream"]["connections"])
        box.create()
        frames = [receive(socket), receive(socket)]
        assert frames[0]["headers"]["eventId"] == frames[1]["headers"]["eventId"]
        assert box.act("stream", what="drop") == {"dropped": 1}
        wait(lambda: not box.server.control("state")["stream"]["connections"])


@pytest.mark.parametrize("form", ["data", "frame"])
def test_a_used_up_month_brings_frames_without_content(box, make, form):
    box.switch(monthly_pushes=0, push_quota_form=form)
    with connect(address(box, make)) as socket:
        box.switch(monthly_pushes=1)
        box.create()
        ack(socket, receive(socket))
        box.create()
        frame = receive(socket)
        shown = json.loads(frame["data"]) if form == "data" else frame
        assert shown["errCode"] == 20001
        assert "calendarEventId" not in frame["data"]


def test_the_stream_may_speak_pascal_case(box, make):
    box.switch(push_keys_stream="pascal")
    with connect(address(box, make)) as socket:
        box.create()
        assert "CalendarEventId" in json.loads(receive(socket)["data"])


def test_pushes_can_be_switched_off(box):
    box.act("push_mode", mode="off")
    box.create()
    assert box.server.control("state")["pushes"]["sent"] == []

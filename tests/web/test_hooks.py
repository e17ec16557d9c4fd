"""``/hook/SOURCE`` over real HTTP: the references' own vectors, forgeries, replays, repetitions, and a full queue."""

from __future__ import annotations

import http.client
import json
import logging
import time
from urllib.parse import quote, urlencode

import pytest
from davkit import running

from bridge.daemon.hooks import DingTalkHook, Replays, WeComHook
from bridge.providers.dingtalk import push as dingtalk
from bridge.providers.wecom import push as wecom
from bridge.simulator.dingtalk import crypto
from bridge.simulator.wecom import callbacks as sender

TOKEN = "bridgeTestToken2026"
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
CORP = "wwbridge0000000001"
V1 = {
    "msg_signature": "afeeb5b81e2193b5cea70b896efdfdc68337431e",
    "timestamp": "1767225600",
    "nonce": "nonce0001",
    "echostr": "4j/AuRx71kQlxVlzbpsMWBhPcgrjbCklX5fYn1DOD9RyjwLVxgvS/lR8bNaGmQ1DLqZVl+jExLu5/t/gpQ1c2A==",
}
V2 = {
    "msg_signature": "01be57d82b9a26d8bd8faaa9c688fb88e2fd0952",
    "timestamp": "1767229201",
    "nonce": "nonce0002",
}
V2_BODY = (
    b"<xml><ToUserName><![CDATA[wwbridge0000000001]]></ToUserName><AgentID><![CDATA[1000002]]></AgentID><Encrypt><![CDATA["
    b"wrNmYnsdngNwZHPRm4NnS5fqnPWzP313jWQif1B3JK/Ll/VFMcKhjjaK5IBZDG1WmXRq1eI8Pa1wFvJf3qydAmcx+mYKeyjLFRe9ssiCRxKp"
    b"xG4dQnfj9+PQK3K7gPEV6AF5esPeL3elqpOn5nwr8cUkyaAr9u2ozrz2FA42kRJcflxMhXBdI6NKAA7XGw6H9nJGrPH1EDriVpctkPhuTGQU"
    b"R+v7lreg99xE8dT+HrQwsftI7o4DGpNB85SeMIbbcwnyXJTi6cxVB8Y44O7W2NZOuNSf5km3lWol22/vmZwyX4VLpGAhs87lJ4h/lm0R1qii"
    b"gLwryJC2iDSS2yoiCZT1DDYv4C8hhZdVsavNz+nmlr9GLVneQ6hlNrB1IVxHw1q5V1jt/pPxKzagGc7TjUq85nX+JUWVcRiTwpWKF/bldG9u"
    b"FPq5gcI9MvPtJiaM8a3f0J2D99AYOfX/8UY2dbfxglfkPaQsC9CyC8Luba7BTv8tONWnfTpVIbRkhRlUDVG4ZQeafDHEE7V/c6gGhOcQ5bSZ"
    b"V3it1lKoP72skxg=]]></Encrypt></xml>"
)
DING = {
    "token": "caldavbridge01",
    "aes_key": "Zq3W8xTn5RkLp0VbYc7HsJd2GfMe9UaKi4ouNrt1BQw",
    "owner": "dingq7x2m4bridge0key",
}
A_ENCRYPT = "ds6Ags4Uk7hlv0K4Swgsy3KnEPTkbpFbps7EzQuQ2DhRxNyokh7Z7DdWUxB53gV9vJ2iRNq1DmiXyCV0C82GCNsWuUaz9hDYuCD13lD7Yrdy9zGA8jmhxlD3y7ET1m3Y"
B_QUERY = {
    "signature": "8cfdef7d16bdbc1b9cae297f6e019baf5d9c1c8c",
    "timestamp": "1893456001234",
    "nonce": "n0nceBBBB",
}
B_ENCRYPT = (
    "1nIlEwJEZUliW1He3lqwkWec9g50vEST1aSHOR8rE4AcQuloUVoSPyWQ0H//2nHmcGqAx6Qo8m8hBc7rImllQ9z4L+nDJFA6v"
    "BC0kCTxHNhSd5uVmlKtUc6VMyNL8OxOHjYv9tV3TRGx4i98DRhsDhXbDOI1jYUGrSXLdauwMN97ZVkkHIjgSXIZzGt7Y+afnO0t8NY6V"
    "ioeXIKaPaSC63hWwfHHxuCXgCKVMV6ioZl7EL2SYbT/0+vEFU2Tno9o2OELySGPNzc1gaQ/xVL0/9QoBdOYDa5x/m6iz6JzOP4wRYS8U"
    "NjRr07nMWxSJ1E3A/J53HVF5lI1DUQL8uvkrbNBKyGPxxWnkEtIiGyl5lNI6KmCX24OQIzvPPMlZbYaDK7VWt8m1I2/PrXmr93DtnKkS"
    "tP+vxwl/1GIEEnDaReom2xGFzc3Wqiml70ykwHf5iTfYGNwfUPW5j0gihgZ2LVJLhDmRlQEKBXdFkf4JCpTE4n/JhP+gtONjhkZLhDO+"
    "1O0jjvZGODdNFTytay7xDFGRXzHxiHScHbfQWL4ros="
)


class Clock:
    def __init__(self):
        self.at_ms = int(time.time() * 1000)
        self.since_s = 0.0

    def now_ms(self):
        return self.at_ms

    def monotonic_s(self):
        return self.since_s

    def sleep(self, seconds):
        raise AssertionError(seconds)


class Queue:
    """What the hooks hand over."""

    def __init__(self):
        self.taken, self.alive, self.spent = [], [], []
        self.room = True

    def take(self, source_id, news):
        if self.room:
            self.taken.append((source_id, news))
        return self.room

    def note_alive(self, source_id, length_ms):
        self.alive.append(source_id)

    def note_spent(self, source_id, *, spent):
        self.spent.append(spent)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def heard():
    return Queue()


@pytest.fixture
def ask(service, clock, heard):
    hooks = {
        "wecom": WeComHook("wecom", wecom.Callbacks(token=TOKEN, aes_key=KEY, receive_id=CORP), heard, clock),
        "dingtalk": DingTalkHook(
            "dingtalk",
            dingtalk.Callbacks(
                token=DING["token"], aes_key=DING["aes_key"], owner_keys=[DING["owner"], "dingcorp"]
            ),
            heard,
            clock,
            corp_id="",
        ),
    }
    with running(service, hooks=hooks) as box:

        def request(method, source, query, body=None, headers=None):
            written = query if isinstance(query, str) else urlencode(query)
            connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=10)
            try:
                connection.request(method, f"/hook/{source}?{written}", body, headers or {})
                answer = connection.getresponse()
                return answer.status, answer.read()
            finally:
                connection.close()

        yield request


def event(clock, *, schedule="s1", created=None, nonce="n1", name="modify_schedule"):
    """A genuine event of WeCom."""
    extra = {"CalId": "cal", **({"ScheduleId": schedule} if schedule else {})}
    now_s = clock.at_ms // 1000
    message = sender.event_xml(CORP, "lisi", created or now_s, name, extra)
    encrypted = sender.encrypt(KEY, message, CORP)
    query = {
        "msg_signature": sender.sign(TOKEN, str(now_s), nonce, encrypted),
        "timestamp": str(now_s),
        "nonce": nonce,
    }
    return query, sender.outer_xml(CORP, 1000002, encrypted).encode()


def posted(clock, message, *, nonce="n1", **other):
    """A genuine push of DingTalk."""
    with_ = {**DING, **other}
    sealed = crypto.encrypt(
        json.dumps(message), aes_key=with_["aes_key"], owner=with_["owner"], random=b"0123456789abcdef"
    )
    stamp = str(clock.at_ms)
    query = {
        "signature": crypto.sign(with_["token"], stamp, nonce, sealed),
        "timestamp": stamp,
        "nonce": nonce,
    }
    return query, json.dumps({"encrypt": sealed}).encode()


CHANGE = {
    "EventType": "calendar_event_change",
    "EventTime": 1893456001000,
    "CorpId": "ding0f1e2d3c4b5a6978",
    "BizId": "1893456001000",
    "CalendarEventId": "ev",
    "CalendarEventUpdateTime": 1893456000500,
    "CalendarId": "primary",
    "UnionIdList": ["a", "b"],
    "ChangeType": "updated",
}


def is_success(body):
    answer = json.loads(body)
    message, owner = crypto.decrypt(answer["encrypt"], aes_key=DING["aes_key"])
    signed = crypto.sign(DING["token"], answer["timeStamp"], answer["nonce"], answer["encrypt"])
    return (message, owner, answer["msg_signature"]) == ("success", DING["owner"], signed)


# ---- WeCom --------------------------------------------------------------------------------------------------------


def test_the_verification_vector_is_answered_with_the_plain_echo_alone(ask, clock, heard):
    clock.at_ms = 1767225600_000
    assert ask("GET", "wecom", V1) == (200, b"5927782489442352469")
    assert heard.taken == []


def test_a_plus_that_was_not_encoded_survives(ask, clock):
    clock.at_ms = 1767225600_000
    written = "&".join(f"{key}={quote(value, safe='+/=')}" for key, value in V1.items())
    assert "+" in written
    assert ask("GET", "wecom", written) == (200, b"5927782489442352469")


def test_the_event_vector_reaches_the_queue_and_gets_an_empty_answer(ask, clock, heard):
    clock.at_ms = 1767229201_000
    assert ask("POST", "wecom", V2, V2_BODY) == (200, b"")
    ((source, news),) = heard.taken
    assert (source, news.calendar_id, news.item_id, news.people) == (
        "wecom",
        "wcTESTcal0000000000000000000AAAA",
        "aa11bb22cc33dd44ee55ff6677889900",
        None,
    )
    assert heard.alive == ["wecom"]


@pytest.mark.parametrize(
    "spoil",
    [
        {"nonce": "nonce0003"},
        {"msg_signature": "0" * 40},
        {"msg_signature": ""},
        {"timestamp": "1767229202"},
        {"msg_signature": "é"},
    ],
)
def test_a_forged_event_is_refused_and_reaches_nothing(ask, clock, heard, caplog, spoil):
    clock.at_ms = 1767229201_000
    with caplog.at_level(logging.WARNING):
        assert ask("POST", "wecom", {**V2, **spoil}, V2_BODY)[0] == 403
    assert (heard.taken, heard.alive) == ([], [])
    assert any(record.message == "hook.refused" for record in caplog.records)
    assert "aa11bb22" not in caplog.text
    assert "wrNmYns" not in caplog.text


def test_one_changed_character_of_the_body_is_refused(ask, clock, heard):
    clock.at_ms = 1767229201_000
    assert ask("POST", "wecom", V2, V2_BODY.replace(b"wrNmYns", b"wrNmYnt"))[0] == 403
    assert heard.taken == []


@pytest.mark.parametrize("late_s", [-3600, 3600])
def test_a_stale_event_is_refused(ask, clock, late_s):
    query, body = event(clock)
    clock.at_ms += late_s * 1000
    assert ask("POST", "wecom", query, body)[0] == 403


def test_a_replay_is_refused_and_a_repetition_by_wecom_is_not(ask, clock, heard):
    query, body = event(clock)
    assert ask("POST", "wecom", query, body)[0] == 200
    assert ask("POST", "wecom", query, body)[0] == 403
    again, same = event(clock, nonce="n2")
    assert ask("POST", "wecom", again, same)[0] == 200
    assert len({news.key for _, news in heard.taken}) == 1


def test_what_the_queue_had_no_room_for_may_come_again_unchanged(ask, clock, heard):
    query, body = event(clock)
    heard.room = False
    assert ask("POST", "wecom", query, body)[0] == 503
    heard.room = True
    assert ask("POST", "wecom", query, body)[0] == 200


def test_a_changed_calendar_names_no_item(ask, clock, heard):
    query, body = event(clock, schedule="", name="modify_calendar")
    assert ask("POST", "wecom", query, body)[0] == 200
    ((_, news),) = heard.taken
    assert (news.calendar_id, news.item_id) == ("cal", "")


def test_events_of_other_kinds_are_heard_and_left_alone(ask, clock, heard):
    query, body = event(clock, name="enter_agent")
    assert ask("POST", "wecom", query, body) == (200, b"")
    assert heard.taken == []


@pytest.mark.parametrize("source", ["wecom", "dingtalk"])
@pytest.mark.parametrize(
    "body", [b"", b"<", b"{}", b"[]", b"null", b"\xff\xfe", b"<xml></xml>", b'{"encrypt":1}']
)
def test_nonsense_is_refused(ask, source, body):
    assert ask("POST", source, {"timestamp": "1", "nonce": "2", "msg_signature": "3"}, body)[0] == 403


@pytest.mark.parametrize(("source", "limit"), [("wecom", 64 * 1024), ("dingtalk", 256 * 1024)])
def test_a_body_that_is_longer_than_any_event_is_not_read(ask, source, limit):
    assert ask("POST", source, {}, b"x" * (limit + 1))[0] == 413


@pytest.mark.parametrize(("source", "method"), [("wecom", "PUT"), ("wecom", "DELETE"), ("dingtalk", "GET"), ("dingtalk", "PUT")])  # fmt: skip
def test_other_methods_are_not_for_callbacks(ask, source, method):
    assert ask(method, source, {})[0] == 405


def test_an_address_with_a_thousand_parameters_is_refused(ask):
    assert ask("POST", "wecom", "&".join(f"a{n}=1" for n in range(1000)), b"<xml/>")[0] == 403


# ---- DingTalk -----------------------------------------------------------------------------------------------------


def test_the_check_url_vector_is_answered_with_an_encrypted_success(ask, clock, heard):
    clock.at_ms = 1893456000_000
    query = {
        "msg_signature": "0dc6e491799e4c981c27d81459b48e2806fc4427",
        "timestamp": "1893456000000",
        "nonce": "n0nceAAAA",
    }
    status, body = ask("POST", "dingtalk", query, json.dumps({"encrypt": A_ENCRYPT}).encode())
    assert status == 200
    assert is_success(body)
    # Saving the address twice asks the same; it tells nothing.
    assert ask("POST", "dingtalk", query, json.dumps({"encrypt": A_ENCRYPT}).encode())[0] == 200
    assert heard.taken == []


def test_the_event_vector_names_its_event_and_people(ask, clock, heard):
    clock.at_ms = 1893456001_234
    status, body = ask("POST", "dingtalk", B_QUERY, json.dumps({"encrypt": B_ENCRYPT}).encode())
    assert status == 200
    assert is_success(body)
    ((source, news),) = heard.taken
    assert (source, news.item_id, news.people) == (
        "dingtalk",
        "b2xkLWV2ZW50LWlk",
        ("unionAlice001", "unionBob002"),
    )
    assert (news.updated_ms, news.is_exact) == (1893456000500, True)


def test_a_push_with_another_owner_token_or_key_is_refused(ask, clock, heard):
    for other in ({"owner": "dingsomebodyelse"}, {"token": "anothertoken"}, {"aes_key": "A" * 43}):
        query, body = posted(clock, CHANGE, **other)
        assert ask("POST", "dingtalk", query, body)[0] == 403
    assert heard.taken == []


def test_a_replayed_push_is_refused_under_either_name_of_the_signature(ask, clock, heard):
    query, body = posted(clock, CHANGE)
    assert ask("POST", "dingtalk", query, body)[0] == 200
    assert ask("POST", "dingtalk", query, body)[0] == 403
    renamed = {**query, "msg_signature": query["signature"], "extra": "1"}
    assert ask("POST", "dingtalk", renamed, body)[0] == 403
    assert len(heard.taken) == 1


def test_a_stale_push_is_refused(ask, clock):
    query, body = posted(clock, CHANGE)
    clock.at_ms += 2 * 3600 * 1000
    assert ask("POST", "dingtalk", query, body)[0] == 403


def test_a_full_queue_is_no_success_so_that_dingtalk_sends_it_again(ask, clock, heard):
    query, body = posted(clock, CHANGE)
    heard.room = False
    assert ask("POST", "dingtalk", query, body)[0] == 503
    heard.room = True
    status, answer = ask("POST", "dingtalk", query, body)
    assert status == 200
    assert is_success(answer)


def test_pushes_for_two_people_about_one_event_are_two_pushes(ask, clock, heard):
    for number, person in enumerate("ab"):
        query, body = posted(clock, {**CHANGE, "UnionIdList": [person]}, nonce=f"n{number}")
        assert ask("POST", "dingtalk", query, body)[0] == 200
    assert len({news.key for _, news in heard.taken}) == 2


def test_a_push_without_content_tells_that_the_months_pushes_are_used_up(ask, clock, heard):
    query, body = posted(clock, {"EventType": "calendar_event_change", "errCode": 20001})
    status, answer = ask("POST", "dingtalk", query, body)
    assert status == 200
    assert is_success(answer)
    assert (heard.taken, heard.spent) == ([], [True])


# ---- the memory of replays ----------------------------------------------------------------------------------------


def test_replays_are_forgotten_when_their_age_refuses_them_anyway():
    clock = Clock()
    replays = Replays(clock, kept_s=100)
    replays.add("a")
    clock.since_s = 99
    assert "a" in replays
    clock.since_s = 201
    assert "a" not in replays

"""What goes over the wire, call by call, and that a base URL may carry a path."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.config import DingTalkSource, WeComSource
from bridge.errors import Throttled, Unauthorised
from bridge.model.upstream import Create, Target, Update
from bridge.providers import registry
from bridge.providers.registry import build
from bridge.providers.runtime import Runtime
from bridge.providers.wecom.client import ENDPOINTS
from bridge.providers.wecom.provider import WeComProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Wire:
    """Writes down every request and answers success, or what is in ``answers``."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], Any]] = []
        self.answers: dict[str, list[dict[str, Any]]] = {}
        self.tokens = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                parts = urlsplit(self.path)
                query = {key: values[0] for key, values in parse_qs(parts.query).items()}
                body = json.loads(raw) if raw else None
                outer.seen.append((self.command, parts.path, query, body))
                data = json.dumps(outer.reply(parts.path)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json; charset=UTF-8")
                self.send_header("Content-Length", str(len(data)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(data)
                self.close_connection = True

            do_GET = answer  # noqa: N815
            do_POST = answer  # noqa: N815

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def reply(self, path: str) -> dict[str, Any]:
        waiting = self.answers.get(path.rpartition("/cgi-bin/")[2])
        if waiting:
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]
        answer: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}
        if path.endswith("gettoken"):
            self.tokens += 1
            answer |= {"access_token": f"T{self.tokens}", "expires_in": 7200}
        return answer

    def last(self) -> tuple[str, str, dict[str, str], Any]:
        return self.seen[-1]

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.close()


@pytest.fixture
def connect(wire: Wire) -> Iterator[Callable[..., WeComProvider]]:
    made: list[WeComProvider] = []

    def make(path: str = "", **more: Any) -> WeComProvider:
        source = WeComSource(id="w", corp_id="ww1", secret="s3cret", base_url=wire.url + path, **more)
        provider = build(source, Runtime())
        assert isinstance(provider, WeComProvider)
        made.append(provider)
        return provider

    yield make
    for provider in made:
        provider.close()


CALLS: list[tuple[str, Callable[[Any], Any], str, str, Any, dict[str, str]]] = [
    ("calendar.add", lambda c: c.calendar_add({"summary": "s"}), "POST", "oa/calendar/add",
     {"calendar": {"summary": "s"}}, {}),
    ("calendar.update", lambda c: c.calendar_update({"cal_id": "1"}), "POST", "oa/calendar/update",
     {"skip_public_range": 1, "calendar": {"cal_id": "1"}}, {}),
    ("calendar.get", lambda c: c.calendar_get(("1", "2")), "POST", "oa/calendar/get", {"cal_id_list": ["1", "2"]}, {}),
    ("calendar.del", lambda c: c.calendar_del("1"), "POST", "oa/calendar/del", {"cal_id": "1"}, {}),
    ("schedule.add", lambda c: c.schedule_add({"cal_id": "1"}), "POST", "oa/schedule/add",
     {"schedule": {"cal_id": "1"}}, {}),
    ("schedule.update", lambda c: c.schedule_update({"op_mode": 1, "schedule": {}}), "POST", "oa/schedule/update",
     {"op_mode": 1, "schedule": {}}, {}),
    ("schedule.get", lambda c: c.schedule_get(["1"]), "POST", "oa/schedule/get", {"schedule_id_list": ["1"]}, {}),
    ("schedule.get_by_calendar", lambda c: c.schedule_list("1", 5, 7), "POST", "oa/schedule/get_by_calendar",
     {"cal_id": "1", "offset": 5, "limit": 7}, {}),
    ("schedule.del", lambda c: c.schedule_del({"schedule_id": "1", "op_mode": 1, "op_start_time": 9}), "POST",
     "oa/schedule/del", {"schedule_id": "1", "op_mode": 1, "op_start_time": 9}, {}),
    ("schedule.add_attendees", lambda c: c.attendees_add("1", ["a"]), "POST", "oa/schedule/add_attendees",
     {"schedule_id": "1", "attendees": [{"userid": "a"}]}, {}),
    ("schedule.del_attendees", lambda c: c.attendees_del("1", ["a"]), "POST", "oa/schedule/del_attendees",
     {"schedule_id": "1", "attendees": [{"userid": "a"}]}, {}),
    ("user.get", lambda c: c.user_get("a b&c"), "GET", "user/get", None, {"userid": "a b&c"}),
    ("user.simplelist", lambda c: c.user_simplelist(1), "GET", "user/simplelist", None, {"department_id": "1"}),
    ("user.list", lambda c: c.user_list(1), "GET", "user/list", None, {"department_id": "1"}),
    ("user.list_id", lambda c: c.user_list_id("x", 9), "POST", "user/list_id", {"cursor": "x", "limit": 9}, {}),
    ("user.getuserid", lambda c: c.user_by_mobile("13800000000"), "POST", "user/getuserid",
     {"mobile": "13800000000"}, {}),
    ("user.get_userid_by_email", lambda c: c.user_by_email("a@b.c", 2), "POST", "user/get_userid_by_email",
     {"email": "a@b.c", "email_type": 2}, {}),
    ("department.list", lambda c: c.department_list(3), "GET", "department/list", None, {"id": "3"}),
    ("department.simplelist", lambda c: c.department_simplelist(3), "GET", "department/simplelist", None, {"id": "3"}),
    ("department.get", lambda c: c.department_get(3), "GET", "department/get", None, {"id": "3"}),
    ("auth.getuserinfo", lambda c: c.login_user("code"), "GET", "auth/getuserinfo", None, {"code": "code"}),
    ("getcallbackip", lambda c: c.callback_ips(), "GET", "getcallbackip", None, {}),
]  # fmt: skip


@pytest.mark.parametrize("base", ["", "/gate/wecom", "/gate/"])
@pytest.mark.parametrize("call", CALLS, ids=[call[0] for call in CALLS])
def test_every_call_has_the_documented_form(
    wire: Wire, connect: Callable[..., WeComProvider], call: Any, base: str
) -> None:
    _name, act, method, path, body, query = call
    act(connect(base)._client)
    token_call = wire.seen[0]
    assert token_call == (
        "GET",
        f"{base.rstrip('/')}/cgi-bin/gettoken",
        {"corpid": "ww1", "corpsecret": "s3cret"},
        None,
    )
    assert wire.last() == (
        method,
        f"{base.rstrip('/')}/cgi-bin/{path}",
        {"access_token": "T1", **query},
        body,
    )


def test_no_endpoint_is_left_out() -> None:
    assert {call[0] for call in CALLS} == {endpoint.name for endpoint in ENDPOINTS}


@pytest.mark.parametrize("code", [40014, 42001, 42009, 40082])
def test_a_stale_token_is_renewed_once_and_the_call_replayed_once(
    wire: Wire, connect: Callable[..., WeComProvider], code: int
) -> None:
    wire.answers["oa/schedule/add"] = [{"errcode": code}, {"errcode": 0, "schedule_id": "s1"}]
    assert connect()._client.schedule_add({})["schedule_id"] == "s1"
    assert [(path.rpartition("/")[2], query.get("access_token")) for _, path, query, _ in wire.seen] == [
        ("gettoken", None),
        ("add", "T1"),
        ("gettoken", None),
        ("add", "T2"),
    ]


def test_a_token_that_stays_stale_is_not_replayed_for_ever(
    wire: Wire, connect: Callable[..., WeComProvider]
) -> None:
    wire.answers["oa/schedule/add"] = [{"errcode": 40014}]
    with pytest.raises(Unauthorised):
        connect()._client.schedule_add({})
    assert len([path for _, path, _, _ in wire.seen if path.endswith("add")]) == 2


def test_an_expiry_without_its_length_is_two_hours(wire: Wire, connect: Callable[..., WeComProvider]) -> None:
    wire.answers["gettoken"] = [{"errcode": 0, "access_token": "T"}]
    connect()._client.callback_ips()
    assert wire.last()[2] == {"access_token": "T"}


def test_many_threads_fetch_one_token(wire: Wire, connect: Callable[..., WeComProvider]) -> None:
    client = connect()._client
    threads = [threading.Thread(target=client.callback_ips) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wire.tokens == 1
    assert len(wire.seen) == 13


def test_the_calls_of_one_endpoint_are_spread_over_the_minute(
    wire: Wire, connect: Callable[..., WeComProvider]
) -> None:
    provider = connect(calls_per_minute=10)
    client = provider._client
    client.callback_ips()
    from_now = client.in_lane(client.lane.__class__(patience_s=0.0))
    with pytest.raises(Throttled) as caught:
        from_now.callback_ips()
    assert 0 < caught.value.retry_after_s <= 6
    from_now.calendar_get(["x"])


# ---- the bodies of schedule writes ----

SEED_FIELDS = {
    "organizer", "schedule_id", "start_time", "end_time", "attendees", "summary", "description", "reminders", "location",
}  # fmt: skip
SEED_REMINDERS = {
    "is_remind", "remind_before_event_secs", "is_repeat", "repeat_type", "repeat_until", "is_custom_repeat",
    "repeat_interval", "repeat_day_of_week", "repeat_day_of_month", "timezone",
}  # fmt: skip

SNAPSHOT = {
    "schedule_id": "s1",
    "organizer": "lisi",
    "cal_id": "c1",
    "admins": ["lisi"],
    "attendees": [{"userid": "wangwu", "response_status": 2}],
    "summary": "old",
    "description": "d",
    "location": "l",
    "start_time": "1767837600",
    "end_time": 1767841200,
    "is_whole_day": 0,
    "status": 0,
    "sequence": 7,
    "reminders": {
        "is_remind": 1,
        "remind_before_event_secs": 900,
        "remind_time_diffs": [-900],
        "is_repeat": 1,
        "repeat_type": 2,
        "repeat_until": 1790000000,
        "is_custom_repeat": 1,
        "repeat_interval": 2,
        "repeat_day_of_week": [],
        "repeat_day_of_month": [8, 21],
        "timezone": 8,
        "exclude_time_list": [{"start_time": 1770516000}],
    },
}


def rename(provider: WeComProvider) -> None:
    """Change a title and nothing else."""
    before = {**SNAPSHOT, "start_time": 1767837600, "attendees": [{"userid": "wangwu"}]}
    target = Target(user_id="lisi", calendar_id="c1")
    provider.apply(
        target, Update(id="s1", before=before, after={**before, "summary": "new"}, snapshot=SNAPSHOT), "t"
    )


@pytest.mark.parametrize("legacy", [False, True])
def test_an_update_overwrites_with_everything_the_vendor_holds(
    wire: Wire, connect: Callable[..., WeComProvider], legacy: bool
) -> None:
    wire.answers["oa/schedule/get"] = [{"errcode": 0, "schedule_list": [SNAPSHOT]}]
    rename(connect(legacy_organizer=legacy))
    (body,) = [body for _, path, _, body in wire.seen if path.endswith("schedule/update")]
    expected = {
        "schedule_id": "s1",
        "admins": ["lisi"],
        "attendees": [{"userid": "wangwu"}],
        "summary": "new",
        "description": "d",
        "location": "l",
        "start_time": 1767837600,
        "end_time": 1767841200,
        "is_whole_day": 0,
        "reminders": {
            "is_remind": 1,
            "remind_before_event_secs": 900,
            "remind_time_diffs": [-900],
            "is_repeat": 1,
            "repeat_type": 2,
            "repeat_until": 1790000000,
            "is_custom_repeat": 1,
            "repeat_interval": 2,
            "repeat_day_of_month": [8, 21],
            "timezone": 8,
        },
    }
    if legacy:
        expected["organizer"] = "lisi"
    assert body == {"skip_attendees": 1, "op_mode": 0, "schedule": expected}


def test_the_older_shape_of_the_2022_page_is_complete(
    wire: Wire, connect: Callable[..., WeComProvider]
) -> None:
    weekly = {
        **SNAPSHOT["reminders"],
        "repeat_type": 1,
        "repeat_day_of_week": [4],
        "repeat_day_of_month": [1],
    }
    wire.answers["oa/schedule/get"] = [{"errcode": 0, "schedule_list": [{**SNAPSHOT, "reminders": weekly}]}]
    rename(connect(legacy_organizer=True))
    (body,) = [body for _, path, _, body in wire.seen if path.endswith("schedule/update")]
    assert set(body["schedule"]) >= SEED_FIELDS
    assert set(body["schedule"]["reminders"]) >= SEED_REMINDERS
    numbers = [body["schedule"][name] for name in ("start_time", "end_time")]
    assert all(
        type(number) is int for number in [*numbers, *body["schedule"]["reminders"]["repeat_day_of_week"]]
    )


def test_an_organizer_is_no_attendee_in_the_older_shape(
    wire: Wire, connect: Callable[..., WeComProvider]
) -> None:
    wire.answers["oa/schedule/add"] = [{"errcode": 0, "schedule_id": "s1"}]
    payload = {
        "summary": "x", "start_time": 1767837600, "end_time": 1767841200,
        "attendees": [{"userid": "LiSi"}, {"userid": "wangwu"}], "reminders": {},
    }  # fmt: skip
    target = Target(user_id="lisi", calendar_id="c1")
    connect(legacy_organizer=True).apply(target, Create(payload=payload), "t")
    body = next(body for _, path, _, body in wire.seen if path.endswith("schedule/add"))
    assert body["schedule"]["organizer"] == "lisi"
    assert body["schedule"]["attendees"] == [{"userid": "wangwu"}]
    assert body["schedule"]["cal_id"] == "c1"


def test_without_the_switch_no_organizer_is_sent(wire: Wire, connect: Callable[..., WeComProvider]) -> None:
    wire.answers["oa/schedule/add"] = [{"errcode": 0, "schedule_id": "s1"}]
    payload = {"start_time": 1767837600, "end_time": 1767841200, "attendees": [], "reminders": {}}
    connect().apply(Target(user_id="lisi", calendar_id="c1"), Create(payload=payload), "t")
    body = next(body for _, path, _, body in wire.seen if path.endswith("schedule/add"))
    assert "organizer" not in body["schedule"]


# ---- the registry ----


def test_every_kind_of_source_has_a_factory() -> None:
    tags = {source.__struct_config__.tag for source in (WeComSource, DingTalkSource)}
    assert tags == set(registry.FACTORIES)


@pytest.mark.parametrize(
    "more",
    [
        {"base_url": "qyapi.weixin.qq.com"},
        {"default_timezone": "Nowhere/Land"},
        {"callback_token": "t", "callback_aes_key": "short"},
    ],
    ids=str,
)
def test_a_source_that_cannot_work_is_refused_when_it_is_built(more: dict[str, Any]) -> None:
    source = WeComSource(id="w", corp_id="ww1", secret="s", **more)
    with pytest.raises((ValueError, KeyError)):
        build(source, Runtime())


def test_callbacks_are_read_where_they_are_configured(connect: Callable[..., WeComProvider]) -> None:
    assert connect().callbacks is None
    key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert connect(callback_token="t", callback_aes_key=key).callbacks is not None

"""When are people busy? From DingTalk's own word, kept for a moment; of WeCom from what the bridge holds."""

import datetime as dt

import pytest
from test_people import COLLEAGUE, STRANGER
from world import DingTalkSide, WeComSide, World, day, ics, vevent

from bridge.clock import ms_from_utc
from bridge.engine import freebusy, links
from bridge.engine.api import Known, Login
from bridge.errors import BadInput, Refused
from bridge.store import people

ME = "mailto:alice@example.com"
HOUR = dt.timedelta(hours=1)


def ms(moment):
    return ms_from_utc(moment.astimezone(dt.UTC))


def ask(world, *addresses, start=None, end=None):
    start = start or day(0, 0)
    return world.service.attendance("alice", addresses, ms(start), ms(end or start + 24 * HOUR))


def schedule_calls(world):
    return [call for call in world.all_calls() if "schedule" in call["endpoint"].lower()]


@pytest.fixture
def ding(tmp_path):
    made = World(DingTalkSide, tmp_path)
    yield made
    made.close()


def bob_has(world, start, end):
    body = {
        "summary": "Bob's own",
        "start": {"dateTime": f"{start:%Y-%m-%dT%H:%M:%S}.000+08:00", "timeZone": "Asia/Shanghai"},
        "end": {"dateTime": f"{end:%Y-%m-%dT%H:%M:%S}.000+08:00", "timeZone": "Asia/Shanghai"},
        "isAllDay": False,
        "reminders": [],
    }
    world.side.box.control("act", {"do": "create", "as": "bob02", "event": body})


def test_dingtalk_tells_when_a_colleague_is_busy_and_is_asked_once(ding):
    bob_has(ding, day(0, 9), day(0, 11))
    bob = COLLEAGUE["dingtalk"]
    (found,) = ask(ding, bob)
    assert (found.address, found.known, found.collections) == (bob, Known.TOLD, ())
    assert [(one.start_ms, one.end_ms, one.is_tentative) for one in found.spans] == [
        (ms(day(0, 9)), ms(day(0, 11)), False)
    ]
    assert len(schedule_calls(ding)) == 1
    (again,) = ask(ding, bob, start=day(0, 10), end=day(0, 12))
    assert again.spans == found.spans
    assert ask(ding, bob, start=day(0, 12), end=day(0, 13))[0].spans == ()
    assert len(schedule_calls(ding)) == 1
    ask(ding, bob, start=day(3, 10), end=day(3, 12))
    assert len(schedule_calls(ding)) == 2


def test_an_answer_is_believed_for_a_moment_only(ding, monkeypatch):
    bob = COLLEAGUE["dingtalk"]
    assert ask(ding, bob)[0].spans == ()
    bob_has(ding, day(0, 9), day(0, 11))
    assert ask(ding, bob)[0].spans == ()
    monkeypatch.setattr(freebusy, "KEPT_MS", -1)
    ask(ding, bob, start=day(1, 0))
    assert len(schedule_calls(ding)) == 2
    ask(ding, bob, start=day(1, 0))
    assert len(schedule_calls(ding)) == 3


def test_my_own_time_and_strangers_cost_no_call_of_the_calendar(world):
    mine, stranger = ask(world, ME.upper().replace("MAILTO", "mailto"), STRANGER)
    assert mine.known is Known.TOLD
    assert [one.slug for one in mine.collections] == [one.slug for one in world.service.collections("alice")]
    assert (stranger.known, stranger.spans, stranger.collections) == (Known.STRANGER, (), ())
    assert schedule_calls(world) == [] or world.side.source == "wecom"
    assert not [call for call in world.all_calls() if "querySchedule" in call["endpoint"]]


def test_of_wecom_only_those_are_known_who_use_the_bridge(tmp_path):
    world = World(WeComSide, tmp_path)
    try:
        lisi = COLLEAGUE["wecom"]
        assert ask(world, lisi)[0].known is Known.UNTOLD
        world.parts.admin.user_add("lisi", email="lisi@corp.example.com", links=[("wecom", "lisi")])
        (link,) = world.parts.admin.connect_links("lisi", patience_s=20)
        assert link["state"] == "connected"
        theirs = world.service.collections("lisi")[0]
        text = ics(vevent("u", day(0, 9), day(0, 11)))
        world.service.put(theirs.id, "u.ics", text.encode(), Login(user="lisi"))
        (found,) = ask(world, lisi)
        assert found.known is Known.TOLD
        assert [one.id for one in found.collections] == [theirs.id]
    finally:
        world.close()


def test_who_is_told_of_another_source_is_a_stranger(world):
    with world.parts.engine.store.write() as c:
        number = people.add(c, name="zoe", email="zoe@elsewhere.example", now_ms=1)
        people.add_link(c, principal_id=number, source_id="other", vendor_id="zoe")
        (row,) = people.links(c, number)
        people.set_link(c, row, upstream_id="zoe", state="connected")
    assert ask(world, "mailto:zoe@elsewhere.example")[0].known is Known.STRANGER


@pytest.mark.parametrize(
    ("fault", "known"),
    [
        ({"kind": "error", "code": "paramIllegal", "status": 400}, Known.UNTOLD),
        ({"kind": "error", "code": "ServiceUnavailable", "status": 503}, Known.LATER),
    ],
)
def test_a_vendor_that_does_not_tell_leaves_what_the_bridge_holds(ding, fault, known):
    bob = COLLEAGUE["dingtalk"]
    ding.fault(**fault, match="querySchedule", count=-1, when="before")
    assert ask(ding, bob)[0].known is known
    ding.parts.admin.user_add("bob", email="bob@corp.example", links=[("dingtalk", "bob02")])
    ding.parts.admin.connect_links("bob", patience_s=20)
    (found,) = ask(ding, bob, start=day(5, 0))
    assert found.known is Known.TOLD
    assert [one.user for one in found.collections] == ["bob"]


def test_too_many_people_and_too_long_a_time_are_refused_before_anybody_is_asked(world):
    world.side.calls.clear()
    crowd = [f"mailto:p{n}@example.org" for n in range(freebusy.PEOPLE_MAX + 1)]
    with pytest.raises(BadInput, match="people"):
        ask(world, *crowd)
    with pytest.raises(BadInput, match="days"):
        ask(world, ME, start=day(0), end=day(0) + dt.timedelta(days=93))
    with pytest.raises(BadInput, match="days"):
        ask(world, ME, start=day(0), end=day(0) - HOUR)
    assert world.all_calls() == []


def test_a_shared_calendar_is_not_my_time(ding):
    ding.side.box.control("act", {"do": "share", "as": "bob02", "with": "alice01", "privilege": "writer"})
    with ding.parts.engine.store.read() as c:
        (row,) = people.links(c, people.by_name(c, "alice").id)
    links.connect(ding.parts.engine, row)
    views = ding.service.collections("alice")
    assert {one.props["D:displayname"]: one.is_own_time for one in views} == {"我的日历": True, "Bob": False}


def test_what_clients_set_on_home_and_inbox_is_kept_apart(world):
    service = world.service
    service.set_person_props("alice", "home", {"C:a": "1", "C:b": "2"}, world.login)
    service.set_person_props("alice", "inbox", {"C:a": "3"}, world.login)
    service.set_person_props("alice", "home", {"C:b": None}, world.login)
    world.reopen()
    assert world.service.person_props("alice", "home") == {"C:a": "1"}
    assert world.service.person_props("alice", "inbox") == {"C:a": "3"}
    assert world.service.person_props("nobody", "home") == {}
    with pytest.raises(BadInput):
        world.service.set_person_props("alice", "home", {"C:a": "x" * 70_000}, world.login)
    for login in (Login(user="alice", read_only=True), Login(user="bob")):
        with pytest.raises(Refused, match=r"reading only|no such user"):
            world.service.set_person_props("alice", "home", {"C:a": "9"}, login)
    assert world.service.person_props("alice", "home") == {"C:a": "1"}

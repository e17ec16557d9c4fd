"""People, calendars, free and busy: what the directory and the calendar list tell, and what they may refuse."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from bridge.errors import Missing, NotAllowed, Throttled, Unauthorised, Unreachable
from bridge.model.event import Event
from bridge.model.people import Roster
from bridge.providers.base import Create, Target, Window

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("vendor_id", ["Qx7Lk2mVaZ9tRb4iE", "alice01"])
@pytest.mark.parametrize("numbers", ["plain", "text"])
def test_a_person_is_found_by_either_id(open_box: Callable[..., Any], vendor_id: str, numbers: str) -> None:
    box = open_box(switches={"directory_numbers": numbers})
    entry = box.provider.resolve_user(vendor_id)
    assert (entry.id, entry.alias, entry.name) == (box.alice, "alice01", "Alice")
    assert entry.emails == ("alice@corp.example", "alice@example.com")
    assert box.billed() == 0


def test_an_id_that_nobody_has_is_missing(box: Any) -> None:
    with pytest.raises(Missing):
        box.provider.resolve_user("nobody")


def test_where_the_directory_may_not_be_asked_the_id_is_believed(box: Any) -> None:
    box.server.control("act", {"do": "permissions", "remove": ["qyapi_get_member"]})
    assert box.provider.resolve_user("someUnionId").id == "someUnionId"


def test_a_host_without_directory_does_not_matter(open_box: Callable[..., Any]) -> None:
    box = open_box(oapi_base_url="http://127.0.0.1:9", timeout_s=0.5)
    assert box.provider.resolve_user(box.alice).id == box.alice
    assert box.provider.people([]) == {}


def test_addresses_are_found_enterprise_mailbox_first(box: Any) -> None:
    found = box.provider.lookup(["bob@corp.example", "alice@example.com", "nobody@corp.example"])
    assert found["bob@corp.example"].id == box.bob
    assert found["alice@example.com"].id == box.alice
    assert found["nobody@corp.example"] is None
    assert box.billed() == 0


def test_the_company_is_read_once_and_again_for_somebody_new_after_a_while(box: Any) -> None:
    box.provider.lookup(["bob@corp.example"])
    box.calls.clear()
    box.provider.lookup(["carol@corp.example"])
    assert not box.calls
    box.server.control(
        "act",
        {
            "do": "join",
            "person": {
                "userid": "dora",
                "union_id": "unionDora",
                "name": "Dora",
                "org_email": "dora@corp.example",
                "departments": [42],
            },
        },
    )
    assert box.provider.lookup(["dora@corp.example"]) == {"dora@corp.example": None}
    box.server.control("clock", {"advance_s": 1000})
    assert box.provider.lookup(["dora@corp.example"])["dora@corp.example"].id == "unionDora"


def test_an_address_that_two_people_share_names_nobody(open_box: Callable[..., Any]) -> None:
    people = [
        {
            "userid": "a",
            "union_id": "ua",
            "name": "A",
            "email": "team@corp.example",
            "org_email": "a@corp.example",
            "departments": [1],
        },
        {"userid": "b", "union_id": "ub", "name": "B", "email": "team@corp.example", "departments": [1, 7]},
        {"userid": "c", "union_id": "uc", "name": "C", "email": "a@corp.example", "departments": [7]},
    ]
    box = open_box(people=people)
    found = box.provider.lookup(["team@corp.example", "a@corp.example"])
    assert found["team@corp.example"] is None
    assert found["a@corp.example"].id == "ua"


def test_a_large_company_is_read_page_by_page(open_box: Callable[..., Any]) -> None:
    people = [
        {
            "userid": f"u{n}",
            "union_id": f"union{n}",
            "name": f"P{n}",
            "org_email": f"p{n}@corp.example",
            "departments": [1],
        }
        for n in range(250)
    ]
    box = open_box(people=people)
    assert box.provider.lookup(["p249@corp.example"])["p249@corp.example"].id == "union249"
    pages = 3 + 1
    assert box.calls["user.list"] == pages
    assert len(box.provider.people([f"union{n}" for n in range(250)])) == 250
    assert box.calls["user.list"] == pages


def test_people_are_named_and_strangers_left_out(box: Any) -> None:
    found = box.provider.people([box.bob, "stranger"])
    assert set(found) == {box.bob}
    assert found[box.bob].name == "Bob"
    box.calls.clear()
    assert box.provider.people(["stranger"]) == {}
    assert not box.calls


def test_without_permission_nobody_is_found_and_nothing_fails(box: Any) -> None:
    box.server.control(
        "act",
        {
            "do": "permissions",
            "remove": ["qyapi_get_department_member", "qyapi_get_department_list", "qyapi_get_member"],
        },
    )
    assert box.provider.lookup(["bob@corp.example"]) == {"bob@corp.example": None}
    assert box.provider.people([box.bob]) == {}


def test_a_directory_that_is_down_is_not_an_empty_directory(box: Any) -> None:
    box.server.control("fault", {"kind": "status", "status": 503, "match": "/topapi/", "count": -1})
    with pytest.raises(Unreachable):
        box.provider.lookup(["bob@corp.example"])


def test_a_throttled_directory_says_so(box: Any) -> None:
    box.server.control("fault", {"kind": "throttle", "match": "/topapi/", "count": -1})
    with pytest.raises(Throttled):
        box.provider.lookup(["bob@corp.example"])


# ---- calendars -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["primary", "opaque"])
def test_the_main_calendar_is_always_called_primary(open_box: Callable[..., Any], form: str) -> None:
    box = open_box(switches={"primary_calendar_id": form})
    shown = box.provider.calendars(box.alice, [])
    assert [(c.id, c.name, c.writable) for c in shown] == [("primary", "我的日历", True)]


def test_shared_calendars_say_whether_they_can_be_written(box: Any) -> None:
    for owner, privilege in (("bob02", "reader"), ("carol03", "free_busy_reader"), ("zhangwei04", "writer")):
        box.server.control("act", {"do": "share", "as": owner, "with": "alice01", "privilege": privilege})
    shown = {c.name: c for c in box.provider.calendars(box.alice, [])}
    assert set(shown) == {"我的日历", "Bob", "张伟"}
    assert not shown["Bob"].writable
    assert shown["Bob"].reason
    assert shown["张伟"].writable


def test_a_shared_calendar_is_read_like_any_other(box: Any) -> None:
    box.server.control("act", {"do": "share", "as": "bob02", "with": "alice01", "privilege": "reader"})
    body = {
        "summary": "Bob's",
        "start": {"dateTime": "2026-11-06T10:00:00.000+08:00", "timeZone": "Asia/Shanghai"},
        "end": {"dateTime": "2026-11-06T11:00:00.000+08:00", "timeZone": "Asia/Shanghai"},
        "isAllDay": False,
        "reminders": [],
        "recurrence": {
            "pattern": {"type": "daily", "interval": 1},
            "range": {"type": "numbered", "numberOfOccurrences": 3},
        },
    }
    box.server.control("act", {"do": "create", "as": "bob02", "event": body})
    shared = next(c for c in box.provider.calendars(box.alice, []) if c.id != "primary")
    target = Target(user_id=box.alice, calendar_id=shared.id)
    page = box.provider.changes(
        target, cursor="", page="", window=box.window, known=box.mirror.known(), deep=False
    )
    assert [item.snapshot["summary"] for item in page.items] == ["Bob's"]
    me = Roster(me=box.alice)
    assert box.provider.mapper.decode(page.items[0], "u", me).recurrence.rules[0].count == 3
    assert box.provider.mapper.allows_change(page.items[0].snapshot, me)


@pytest.mark.parametrize(
    "answer", [{}, {"response": None}, {"response": {"calendars": None}}, {"response": {"calendars": [None]}}]
)
def test_an_odd_calendar_list_leaves_the_main_calendar(box: Any, answer: dict[str, Any]) -> None:
    box.server.control(
        "fault", {"kind": "status", "status": 200, "match": "/calendars", "body": json.dumps(answer)}
    )
    assert [c.id for c in box.provider.calendars(box.alice, [])] == ["primary"]


def test_a_refused_calendar_list_leaves_the_main_calendar(box: Any) -> None:
    box.server.control(
        "fault", {"kind": "error", "status": 400, "code": "paramIllegal", "match": "/calendars"}
    )
    assert [c.id for c in box.provider.calendars(box.alice, [])] == ["primary"]


def test_somebody_outside_the_scope_is_named(box: Any) -> None:
    box.server.control(
        "fault", {"kind": "error", "status": 400, "code": "permissionDeny", "match": "/calendars"}
    )
    with pytest.raises(Unauthorised) as caught:
        box.provider.calendars(box.alice, [])
    assert caught.value.cause == "visible_range"


def test_calendars_cannot_be_made_changed_or_removed(box: Any) -> None:
    for call in (
        lambda: box.provider.make_calendar(box.alice, "n", "", []),
        lambda: box.provider.edit_calendar("primary", name="n", color=None),
        lambda: box.provider.remove_calendar("primary"),
    ):
        with pytest.raises(NotAllowed):
            call()
    assert box.billed() == 0


# ---- free and busy -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", ["empty", "null_item"])
def test_busy_spans_are_told_for_those_who_may_be_asked_about(
    open_box: Callable[..., Any], empty: str
) -> None:
    people = [
        {
            "userid": f"u{n}",
            "union_id": f"union{n}",
            "name": f"P{n}",
            "org_email": f"p{n}@corp.example",
            "departments": [1],
        }
        for n in range(45)
    ]
    box = open_box(
        people=people, switches={"empty_schedule": empty, "iso_milliseconds": "required_in_schedule"}
    )
    box.me = "union0"
    start = dt.datetime(2026, 11, 5, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
    box.provider.apply(
        box.target,
        Create(
            payload=box.payload(
                Event(uid="u", start=start, end=start + dt.timedelta(hours=1), summary="Busy")
            )
        ),
        "t1",
    )
    days = Event(uid="u", start=dt.date(2026, 11, 6), end=dt.date(2026, 11, 7), summary="Away")
    box.provider.apply(box.target, Create(payload=box.payload(days)), "t2")
    box.billed()
    found = box.provider.free_busy(
        box.target,
        [f"union{n}" for n in range(45)],
        Window(start=start - dt.timedelta(days=1), end=start + dt.timedelta(days=3)),
    )
    assert box.billed() == 3
    assert len(found) == 45
    assert next((span.start, span.end, span.tentative) for span in found["union0"]) == (
        start.astimezone(dt.UTC),
        start.astimezone(dt.UTC) + dt.timedelta(hours=1),
        False,
    )
    assert len(found["union0"]) == 2
    assert found["union44"] == []


def test_the_check_asks_for_a_token_and_bills_nothing(box: Any) -> None:
    box.provider.check()
    assert box.calls["oauth2.accessToken"] == 1
    assert box.billed() == 0

"""Lost answers: what happened is found out by asking, and nothing happens twice."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from bridge.errors import (
    BridgeError,
    Exhausted,
    Inexpressible,
    Missing,
    NotAllowed,
    OutcomeUnknown,
    Refused,
    Throttled,
    Unauthorised,
    Unreachable,
)
from bridge.model.event import Alarm, Event
from bridge.model.people import Attendee, PartStat, Roster
from bridge.model.recurrence import Freq, Recurrence, Rule
from bridge.providers.base import Applied, Create, Delete, Drop, NotApplied, Respond, Split, Update

if TYPE_CHECKING:
    from collections.abc import Callable

SHANGHAI = ZoneInfo("Asia/Shanghai")


def meeting(**more: Any) -> Event:
    start = dt.datetime(2026, 11, 5, 10, tzinfo=SHANGHAI)
    values: dict[str, Any] = {
        "uid": "u",
        "start": start,
        "end": start + dt.timedelta(hours=1),
        "summary": "Review",
    }
    return Event(**{**values, "alarms": (Alarm(before_start_s=600),), **more})


DAILY = meeting(recurrence=Recurrence(rules=(Rule(freq=Freq.DAILY),)), summary="Daily")


def at(event: Event, day: int) -> Event:
    assert isinstance(event.start, dt.datetime)
    start = event.start.replace(day=day)
    return replace(
        event, start=start, end=start + dt.timedelta(hours=1), recurrence_id=start, recurrence=Recurrence()
    )


def operations(box: Any) -> dict[str, Any]:
    """One operation of each kind on a calendar with a meeting, a series and an invitation."""
    single = box.create(meeting())
    master = box.create(DAILY)
    invited = box.server.control(
        "act",
        {
            "do": "create",
            "as": "bob02",
            "event": {**box.payload(meeting(summary="Invited")), "attendees": [{"id": box.alice}]},
        },
    )["eventId"]
    box.pull()
    renamed = meeting(summary="Renamed", alarms=(), location="Here")
    moved = replace(
        at(DAILY, 9),
        start=at(DAILY, 9).start + dt.timedelta(hours=2),
        end=at(DAILY, 9).end + dt.timedelta(hours=2),
    )
    return {
        "create": Create(payload=box.payload(meeting(summary="New", description="Text"))),
        "create_series": Create(payload=box.payload(replace(DAILY, summary="New series"))),
        "update": Update(
            id=single.id, before=box.payload(meeting()), after=box.payload(renamed), snapshot=single.snapshot
        ),
        "split": Split(
            series_id=master.id,
            at=at(DAILY, 9).start,
            before=box.payload(at(DAILY, 9)),
            after=box.payload(moved),
        ),
        "drop": Drop(series_id=master.id, at=at(DAILY, 10).start),
        "delete": Delete(id=single.id),
        "respond": Respond(id=invited, partstat=PartStat.TENTATIVE),
    }


KINDS = ("create", "create_series", "update", "split", "drop", "delete", "respond")
PATHS = {"create": "/events", "create_series": "/events", "respond": "/respond"}
METHODS = {"update": "PUT", "split": "PUT", "drop": "DELETE", "delete": "DELETE"}


def lose(box: Any, kind: str, *, when: str, fault: str) -> None:
    """Lose the answer to the write of a kind, before or after it has its effect."""
    box.server.control(
        "fault",
        {
            "kind": fault,
            "match": PATHS.get(kind, "/events/"),
            "method": METHODS.get(kind, "POST"),
            "when": when,
            "status": 504,
            "code": "service.timeout",
        },
    )


LOSSES = [(kind, "html", "stored") for kind in KINDS] + [
    ("create", "lost", "execute"),
    ("create", "garbage", "execute"),
    ("create_series", "status", "execute"),
    ("update", "lost", "stored"),
    ("drop", "status", "stored"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("kind", "fault", "replay"), LOSSES)
def test_a_lost_answer_is_settled_and_nothing_happens_twice(
    open_box: Callable[..., Any], kind: str, when: str, fault: str, replay: str
) -> None:
    box = open_box(switches={"idempotency_replay": replay}, timeout_s=0.5)
    operation, token = operations(box)[kind], str(uuid.uuid4())
    box.pull()
    count = len(box.server.control("state")["events"])
    lose(box, kind, when=when, fault=fault)
    with pytest.raises(OutcomeUnknown):
        box.provider.apply(box.target, operation, token)
    answer = box.provider.settle(box.target, operation, token, box.mirror.known())
    assert isinstance(answer, Applied) == (when == "after")
    if isinstance(answer, NotApplied):
        answer = box.provider.apply(box.target, operation, token)
    assert isinstance(answer, Applied)
    box.record(operation, answer)
    assert box.mirrored() == box.truth()
    box.pull(deep=True)
    assert box.mirrored() == box.truth()
    made = 1 if kind.startswith("create") else 0
    assert len(box.server.control("state")["events"]) == count + made


def test_an_equal_event_that_is_known_is_not_taken_for_the_lost_one(box: Any) -> None:
    twin = box.create(meeting())
    operation, token = Create(payload=box.payload(meeting())), str(uuid.uuid4())
    assert isinstance(box.provider.settle(box.target, operation, token, box.mirror.known()), NotApplied)
    lose(box, "create", when="after", fault="status")
    with pytest.raises(OutcomeUnknown):
        box.provider.apply(box.target, operation, token)
    answer = box.provider.settle(box.target, operation, token, box.mirror.known())
    assert isinstance(answer, Applied)
    assert answer.item is not None
    assert answer.item.id != twin.id


def test_a_write_that_is_still_running_is_not_repeated_blindly(open_box: Callable[..., Any]) -> None:
    box = open_box(switches={"idempotency_running_ms": 60_000})
    operation, token = Create(payload=box.payload(meeting())), str(uuid.uuid4())
    box.provider.apply(box.target, operation, token)
    with pytest.raises(OutcomeUnknown):
        box.provider.apply(box.target, operation, token)


# ---- saying no -----------------------------------------------------------------------------------------------


def refuse(box: Any, status: int, code: str, message: str = "") -> None:
    box.server.control(
        "fault",
        {
            "kind": "error",
            "match": "/events",
            "status": status,
            "code": code,
            "message": message,
            "count": -1,
        },
    )


def test_a_second_in_which_too_much_was_asked_is_waited_for(box: Any) -> None:
    box.server.control("fault", {"kind": "throttle", "match": "/events"})
    box.create(meeting())
    assert box.calls["events.create"] == 2
    assert len(box.truth()) == 1


@pytest.mark.parametrize(
    ("status", "code", "wanted"),
    [
        (400, "invalidParameter", Refused),
        (400, "permissionDeny", Unauthorised),
        (403, "Forbidden.AccessDenied.AccessTokenPermissionDenied", Unauthorised),
        (403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", Throttled),
        (403, "Forbidden.AccessDenied.ApiCountLimitForOrg", Exhausted),
        (400, "flowLimit", Exhausted),
        (404, "itemNotFound", Missing),
        (500, "unknownError", OutcomeUnknown),
    ],
)
def test_a_refused_creation_is_one_class_of_failure(
    box: Any, status: int, code: str, wanted: type[BridgeError]
) -> None:
    refuse(box, status, code)
    with pytest.raises(BridgeError) as caught:
        box.create(meeting())
    assert type(caught.value) is wanted
    assert "Review" not in str(caught.value)


def test_a_stale_token_is_renewed_once_and_the_write_replayed(box: Any) -> None:
    box.create(meeting())
    box.server.control("act", {"do": "revoke_token"})
    box.calls.clear()
    box.create(meeting(summary="Second"))
    assert box.calls["oauth2.accessToken"] == 1
    assert box.calls["events.create"] == 2
    assert len(box.truth()) == 2


@pytest.mark.parametrize("status", [400, 401])
def test_a_stale_token_may_come_with_either_status(open_box: Callable[..., Any], status: int) -> None:
    box = open_box(switches={"invalid_token_status": status})
    box.create(meeting())
    box.server.control("act", {"do": "revoke_token"})
    box.create(meeting(summary="Second"))


def test_a_wrong_secret_is_named_as_such(open_box: Callable[..., Any]) -> None:
    box = open_box(client_secret="wrong")
    with pytest.raises(Unauthorised) as caught:
        box.provider.check()
    assert caught.value.cause == "secret"


def test_a_missing_permission_is_named(box: Any) -> None:
    box.act("permissions", remove=["Calendar.Event.Write"])
    with pytest.raises(Unauthorised) as caught:
        box.create(meeting())
    assert caught.value.cause == "permission"
    assert "Calendar.Event.Write" in str(caught.value)


def test_the_hundred_creations_of_a_day_are_counted_here(open_box: Callable[..., Any]) -> None:
    box = open_box(creations_per_user_per_day=2)
    box.create(meeting())
    box.create(meeting())
    box.billed()
    with pytest.raises(Exhausted) as caught:
        box.create(meeting())
    assert box.billed() == 0
    assert 0 < caught.value.retry_after_s <= 86_400


def test_a_day_that_the_vendor_calls_full_stays_full(open_box: Callable[..., Any]) -> None:
    box = open_box(switches={"creations_per_day": 1})
    box.create(meeting())
    box.billed()
    for wanted in (1, 0):
        with pytest.raises(Exhausted):
            box.create(meeting())
        assert box.billed() == wanted


def test_a_vendor_that_is_down_is_unreachable(open_box: Callable[..., Any]) -> None:
    box = open_box()
    box.server.close()
    with pytest.raises(Unreachable):
        box.create(meeting())


# ---- occurrences that cannot be written ----------------------------------------------------------------------


def test_an_occurrence_that_is_gone_cannot_be_changed_and_is_dropped_already(box: Any) -> None:
    master = box.create(DAILY)
    box.drop(master.id, at(DAILY, 9).start)
    with pytest.raises(Missing):
        box.split(master.id, at(DAILY, 9), replace(at(DAILY, 9), summary="Other"))
    box.drop(master.id, at(DAILY, 9).start)


@pytest.mark.parametrize("setting", [{"future_instance_ids": "unknown"}, {"instance_write": "rejected"}])
def test_a_vendor_that_takes_no_single_occurrences_says_so(
    open_box: Callable[..., Any], setting: dict[str, Any]
) -> None:
    box = open_box(switches=setting)
    master = box.create(DAILY)
    with pytest.raises(Refused):
        box.split(master.id, at(DAILY, 20), replace(at(DAILY, 20), summary="Other"))
    with pytest.raises(Refused):
        box.drop(master.id, at(DAILY, 20).start)
    assert box.mirrored() == box.truth()


def test_a_series_that_changed_whole_is_not_taken_for_one_occurrence(open_box: Callable[..., Any]) -> None:
    box = open_box(switches={"instance_write": "series"})
    master = box.create(DAILY)
    with pytest.raises(NotAllowed):
        box.split(master.id, at(DAILY, 20), replace(at(DAILY, 20), summary="Other"))


def test_a_series_that_becomes_one_meeting_shows_one(box: Any) -> None:
    master = box.create(DAILY)
    single = replace(DAILY, recurrence=Recurrence())
    item = box.change(master.id, DAILY, single)
    assert box.provider.mapper.decode(item, "u", Roster(me=box.me)).recurrence.rules[0].count == 1
    assert len(box.truth()) == 1
    box.pull(deep=True)
    assert box.mirrored() == box.truth()
    again = box.change(master.id, single, DAILY)
    assert box.provider.mapper.decode(again, "u", Roster(me=box.me)).recurrence.rules
    box.pull(deep=True)
    assert box.mirrored() == box.truth()


# ---- answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", [PartStat.ACCEPTED, PartStat.DECLINED, PartStat.TENTATIVE, PartStat.NEEDS_ACTION]
)
def test_an_invitation_is_answered(box: Any, answer: PartStat) -> None:
    event_id = operations(box)["respond"].id
    item = box.apply(Respond(id=event_id, partstat=answer)).item
    event = box.provider.mapper.decode(item, "u", Roster(me=box.me))
    assert event.organizer is not None
    assert [attendee.partstat for attendee in event.attendees] == [answer]
    rows = box.act("show", eventId=event_id)["event"]["attendees"]
    assert (
        next(row for row in rows if row["id"] == box.alice)["responseStatus"].lower()
        == answer.value.replace("-", "").lower()
    )


def test_nobody_is_delegated_to(box: Any) -> None:
    with pytest.raises(Inexpressible):
        box.apply(Respond(id="x", partstat=PartStat.DELEGATED))


def test_only_the_organizer_may_change_an_event(box: Any) -> None:
    event_id = operations(box)["respond"].id
    me = Roster(me=box.me)
    assert box.provider.mapper.allows_change(box.mirror.items[event_id].snapshot, me)
    own = next(i for i in box.mirror.items.values() if i.snapshot["summary"] == "Daily")
    assert box.provider.mapper.allows_change(own.snapshot, me) == ""


def test_many_guests_are_invited_in_parts_and_all_read_back(open_box: Callable[..., Any]) -> None:
    people = [
        {
            "userid": f"u{n}",
            "union_id": f"union{n:04d}iE",
            "name": f"P{n}",
            "org_email": f"p{n}@corp.example",
            "departments": [1],
        }
        for n in range(1101)
    ]
    box = open_box(people=people)
    box.me = "union0000iE"
    known = Roster(me=box.me, ids={f"mailto:p{n}@corp.example": f"union{n:04d}iE" for n in range(1101)})
    guests = tuple(Attendee(address=f"mailto:p{n}@corp.example") for n in range(1, 1101))
    item = box.create(meeting(attendees=guests), known)
    assert box.calls["attendees.add"] == 2
    assert len(box.provider.mapper.decode(item, "u", known).attendees) == 1100
    box.mirror = type(box.mirror)()
    box.pull()
    held = box.mirror.items[item.id]
    assert len(box.provider.mapper.decode(held, "u", known).attendees) == 1100
    box.billed()
    box.pull()
    assert box.billed() == 1

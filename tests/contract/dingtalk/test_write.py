"""Edits: what the vendor's own app shows afterwards is what was asked for, once, whatever its unknown sides are like."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from bridge.model.event import Alarm, Event
from bridge.model.people import Attendee, Roster
from bridge.model.recurrence import Freq, NthDay, Recurrence, Rule, Weekday
from bridge.providers.base import Delete, Update

if TYPE_CHECKING:
    from collections.abc import Callable

SHANGHAI = ZoneInfo("Asia/Shanghai")
YORK = ZoneInfo("America/New_York")


def meeting(day: int = 5, hour: int = 10, **more: Any) -> Event:
    start = dt.datetime(2026, 11, day, hour, tzinfo=SHANGHAI)
    values: dict[str, Any] = {
        "uid": "u",
        "start": start,
        "end": start + dt.timedelta(hours=1),
        "summary": "Review",
        "description": "Agenda\nin the wiki",
        "location": "3F-12",
        "alarms": (Alarm(before_start_s=300), Alarm(before_start_s=3600)),
    }
    return Event(**{**values, **more})


def series(rule: Rule | None = None, **more: Any) -> Event:
    weekly = Rule(freq=Freq.WEEKLY, by_day=(NthDay(Weekday.MO), NthDay(Weekday.TH)))
    return meeting(recurrence=Recurrence(rules=(rule or weekly,)), **{"summary": "Series", **more})


def occurrence(event: Event, day: int) -> Event:
    assert isinstance(event.start, dt.datetime)
    start = event.start.replace(day=day)
    return replace(
        event,
        start=start,
        end=start + (event.end - event.start),
        recurrence_id=start,
        recurrence=Recurrence(),
    )


def roster(box: Any) -> Roster:
    return Roster(
        me=box.me,
        ids={
            "mailto:bob@corp.example": box.bob,
            "mailto:carol@corp.example": box.carol,
            "mailto:alice@corp.example": box.alice,
        },
    )


def same(box: Any) -> None:
    """The mirror, fed by answers alone and then by pulls, shows what the app shows."""
    assert box.mirrored() == box.truth()
    box.pull()
    assert box.mirrored() == box.truth()
    box.pull(deep=True)
    assert box.mirrored() == box.truth()


def test_a_created_event_costs_one_call_and_is_decoded_from_its_answer(box: Any) -> None:
    item = box.create(meeting())
    assert box.billed() == 1
    event = box.provider.mapper.decode(item, "u", Roster(me=box.me))
    assert event == meeting()
    same(box)


def test_an_event_without_alarms_has_none(box: Any) -> None:
    item = box.create(meeting(alarms=()))
    assert box.provider.mapper.decode(item, "u", Roster(me=box.me)).alarms == ()
    assert box.act("show", eventId=item.id)["event"]["reminders"] == []


def test_people_are_told_nothing_unless_the_source_says_so(open_box: Callable[..., Any]) -> None:
    for notify, heard in ((False, 0), (True, 1)):
        box = open_box(notify=notify)
        invited = meeting(attendees=(Attendee(address="mailto:bob@corp.example"),))
        item = box.create(invited, roster(box))
        box.apply(Delete(id=item.id))
        notices = box.server.control("notices")
        assert bool(notices["notices"] if isinstance(notices, dict) else notices) == bool(heard)


def test_an_update_sends_only_what_differs_and_always_the_reminders(box: Any) -> None:
    item = box.create(meeting())
    box.act("edit", eventId=item.id, event={"location": {"displayName": "Somewhere else"}})
    box.billed()
    box.change(item.id, meeting(), meeting(summary="Review, again"))
    assert box.billed() == 1
    shown = box.act("show", eventId=item.id)["event"]
    assert shown["summary"] == "Review, again"
    assert shown["location"]["displayName"] == "Somewhere else"
    assert [row["minutes"] for row in shown["reminders"]] == ["5", "60"]
    same(box)


def test_reminders_that_a_person_set_in_the_app_survive_an_update_of_something_else(box: Any) -> None:
    item = box.create(meeting())
    box.act("edit", eventId=item.id, event={"reminders": [{"method": "dingtalk", "minutes": 45}]})
    box.pull()
    box.change(item.id, meeting(), meeting(summary="Review, again"))
    assert [row["minutes"] for row in box.act("show", eventId=item.id)["event"]["reminders"]] == ["45"]


def test_texts_are_cleared(box: Any) -> None:
    item = box.create(meeting())
    box.change(item.id, meeting(), meeting(description="", location="", alarms=()))
    shown = box.act("show", eventId=item.id)["event"]
    assert not shown.get("description")
    assert not shown["location"]["displayName"]
    assert shown["reminders"] == []


def test_an_update_without_a_difference_costs_nothing(box: Any) -> None:
    item = box.create(meeting())
    box.billed()
    assert box.change(item.id, meeting(), meeting()).id == item.id
    assert box.billed() == 0


def test_a_timed_event_becomes_all_day_and_back(box: Any) -> None:
    item = box.create(meeting())
    days = meeting(start=dt.date(2026, 11, 5), end=dt.date(2026, 11, 7))
    box.change(item.id, meeting(), days)
    same(box)
    box.change(item.id, days, meeting(day=6))
    same(box)


def test_people_come_go_and_become_optional(box: Any) -> None:
    bob, carol = Attendee(address="mailto:bob@corp.example"), Attendee(address="mailto:carol@corp.example")
    known = roster(box)
    item = box.create(meeting(attendees=(bob,)), known)
    payloads = [
        box.payload(meeting(attendees=people), known)
        for people in ((bob,), (replace(bob, is_optional=True), carol), ())
    ]
    for before, after in itertools.pairwise(payloads):
        snapshot = box.mirror.items[item.id].snapshot
        box.apply(Update(id=item.id, before=before, after=after, snapshot=snapshot))
        now = box.act("show", eventId=item.id)["event"]["attendees"]
        assert {(row["id"], row["isOptional"]) for row in now if row["id"] != box.alice} == {
            (row["id"], row["isOptional"]) for row in after["attendees"]
        }
        held = box.mirror.items[item.id].snapshot["attendees"]
        assert {row["id"] for row in held} == {row["id"] for row in now}


def test_an_online_meeting_is_not_replaced_by_an_update(box: Any) -> None:
    event_id = box.act(
        "create",
        event={
            "summary": "Call",
            "start": {"dateTime": "2026-11-05T10:00:00.000+08:00", "timeZone": "Asia/Shanghai"},
            "end": {"dateTime": "2026-11-05T11:00:00.000+08:00", "timeZone": "Asia/Shanghai"},
            "isAllDay": False,
            "onlineMeetingInfo": {"type": "dingtalk"},
        },
    )["eventId"]
    link = box.act("show", eventId=event_id)["event"]["onlineMeetingInfo"]["url"]
    box.pull()
    box.change(event_id, meeting(summary="Call"), meeting(summary="Call two"))
    assert box.act("show", eventId=event_id)["event"]["onlineMeetingInfo"]["url"] == link


def _named(switches: dict[str, Any]) -> str:
    return ",".join(f"{name}={value}" for name, value in switches.items()) or "defaults"


WRITING = [
    {},
    {"empty_fields": "null"},
    {"empty_fields": "absent"},
    {"sdk_only_fields": "absent"},
    {"instance_id": "opaque"},
    {"instance_id": "master_epoch"},
    {"event_id": "single_base64"},
    {"all_day_zone": "Asia/Shanghai"},
    {"response_offset": "utc"},
    {"response_offset": "as_sent"},
    {"response_time_zone": "shanghai"},
    {"response_fraction": "yes"},
    {"update_time_precision": "minute"},
    {"put_reminders_omitted": "reset"},
    {"put_null": "reject"},
    {"put_attendees": "merge"},
    {"iso_milliseconds": "required"},
    {"both_date_forms": "reject"},
    {"list_master": "no"},
    {"list_master": "yes"},
    {"list_future_exceptions": "yes"},
    {"deleted_items": "never"},
    {"deleted_items": "full"},
    {"delta_filters": "required"},
    {"delta_filters": "rejected"},
    {"occurrence_edit_touches_master": "no"},
    {"get_cancelled": "readable"},
    {"exceptions_on_master_edit": "kept"},
    {"unknown_fields": "reject"},
    {"rich_text": "linked"},
    {"idempotency_scope": "app"},
    {"idempotency_failures": "yes"},
    {"idempotency_other_body": "reject"},
    {"idempotency_operations": "documented"},
    {"empty_success_body": "empty"},
    {"end_date": "inclusive_instant"},
    {"end_date": "exclusive_instant"},
    {"end_date": "inclusive_date_as_written"},
    {"yearly_without_day": "reject"},
    {"start_off_pattern": "rejected"},
    {"remove_recurrence": "null"},
    {"numbered_counts_removed": "yes"},
    {"undocumented_operations": "denied"},
    {"page_fill": "gaps"},
]  # fmt: skip


@pytest.mark.parametrize("switches", WRITING, ids=_named)
def test_series_are_written_split_and_thinned_out(
    open_box: Callable[..., Any], switches: dict[str, Any]
) -> None:
    box = open_box(switches=switches)
    box.pull()
    weekly = series()
    master = box.create(weekly)
    same(box)
    box.split(
        master.id,
        occurrence(weekly, 9),
        replace(
            occurrence(weekly, 9),
            summary="Moved",
            start=occurrence(weekly, 10).start,
            end=occurrence(weekly, 10).end,
        ),
    )
    same(box)
    box.drop(master.id, occurrence(weekly, 12).start)
    same(box)
    box.drop(master.id, occurrence(weekly, 12).start)
    same(box)
    moved = replace(
        occurrence(weekly, 9),
        summary="Moved",
        start=occurrence(weekly, 10).start,
        end=occurrence(weekly, 10).end,
    )
    exception = next(i for i in box.mirror.items.values() if i.series_id == master.id)
    box.change(exception.id, moved, replace(moved, location="Far away", alarms=()))
    same(box)
    assert ("Moved", ()) in box.alarms()
    box.apply(Delete(id=exception.id))
    same(box)
    counted = replace(
        weekly, recurrence=Recurrence(rules=(Rule(freq=Freq.WEEKLY, count=3, by_day=(NthDay(Weekday.TH),)),))
    )
    box.change(master.id, weekly, counted)
    box.pull(deep=True)
    assert box.mirrored() == box.truth()
    box.apply(Delete(id=master.id))
    same(box)
    assert box.truth() == []


RULES = {
    "end_date",
    "all_day_zone",
    "start_off_pattern",
    "yearly_without_day",
    "response_offset",
    "response_time_zone",
    "sdk_only_fields",
}


@pytest.mark.parametrize("switches", [{}, *(s for s in WRITING if RULES & s.keys())], ids=_named)
def test_rules_show_the_same_days_there(open_box: Callable[..., Any], switches: dict[str, Any]) -> None:
    box = open_box(switches=switches)
    box.pull()
    utc = dt.UTC
    until = dt.datetime(2027, 1, 10, 2, tzinfo=utc)
    rules = [
        Rule(freq=Freq.DAILY),
        Rule(freq=Freq.DAILY, interval=3, count=7),
        Rule(freq=Freq.DAILY, count=300),
        Rule(freq=Freq.DAILY, by_day=tuple(NthDay(Weekday(d)) for d in range(5)), until=until),
        Rule(
            freq=Freq.WEEKLY,
            interval=2,
            by_day=(NthDay(Weekday.TH), NthDay(Weekday.SU)),
            week_start=Weekday.SU,
        ),
        Rule(
            freq=Freq.WEEKLY,
            interval=2,
            by_day=(NthDay(Weekday.TH), NthDay(Weekday.SU)),
            week_start=Weekday.MO,
        ),
        Rule(freq=Freq.MONTHLY),
        Rule(freq=Freq.MONTHLY, by_day=(NthDay(Weekday.TH, 1),)),
        Rule(freq=Freq.MONTHLY, by_day=(NthDay(Weekday.TH),), by_set_pos=(1,)),
        Rule(freq=Freq.YEARLY),
        Rule(freq=Freq.YEARLY, by_month=(11,), by_day=(NthDay(Weekday.TH, 1),)),
    ]
    for number, rule in enumerate(rules):
        box.create(series(rule, summary=f"Series {number}") if number else series(rule))
    all_day = Event(
        uid="d",
        start=dt.date(2026, 11, 6),
        end=dt.date(2026, 11, 7),
        summary="Days",
        recurrence=Recurrence(rules=(Rule(freq=Freq.DAILY, count=150),)),
    )
    box.create(all_day)
    same(box)
    shown = [row for row in box.truth() if row[0] == "Days"]
    assert len(shown) == (box.window.end.date() - dt.date(2026, 11, 6)).days + (
        1 if box.window.end.time() > dt.time() else 0
    )

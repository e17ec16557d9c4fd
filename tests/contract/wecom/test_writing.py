"""Edits carried to a company in a box: what it holds afterwards, and what was sent for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import (
    Exhausted,
    Missing,
    NotAllowed,
    OutcomeUnknown,
    Refused,
    Throttled,
    Unauthorised,
    Unreachable,
)
from bridge.model.people import PartStat
from bridge.model.recurrence import Freq, NthDay, Rule, Weekday
from bridge.model.upstream import Applied, Create, Delete, Drop, Respond, Split, Update, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable

THURSDAY_10 = 1767837600
DAY = 86400
DAILY = Rule(freq=Freq.DAILY, count=10)


def create(bench: Any, event: Any) -> Upstream:
    applied = bench.provider.apply(bench.target, Create(payload=bench.payload(event)), "t")
    assert applied.item is not None
    return applied.item


def update(bench: Any, item: Upstream, before: Any, after: Any) -> Applied:
    operation = Update(
        id=item.id, before=bench.payload(before), after=bench.payload(after), snapshot=item.snapshot
    )
    return bench.provider.apply(bench.target, operation, "t")


def split(bench: Any, item: Upstream, series: Any, at: Any, after: Any) -> Applied:
    before = replace(after, start=at, end=at + (series.end - series.start), summary=series.summary,
                     description=series.description, location=series.location, attendees=series.attendees,
                     alarms=series.alarms)  # fmt: skip
    operation = Split(series_id=item.id, at=at, before=bench.payload(before), after=bench.payload(after))
    return bench.provider.apply(bench.target, operation, "t")


def held(bench: Any, schedule_id: str) -> dict[str, Any]:
    """Return what the company holds, by the provider's own reading."""
    found = bench.provider.fetch(bench.target, [schedule_id])[schedule_id]
    assert found is not None
    return found.snapshot


def names(snapshot: dict[str, Any]) -> list[str]:
    return [entry["userid"] for entry in snapshot["attendees"]]


def writes(bench: Any) -> list[str]:
    reads = ("/get", "get_by_calendar", "gettoken")
    return [c["endpoint"] for c in bench.calls() if not c["endpoint"].endswith(reads)]


# ---- creating ----


def test_a_created_event_is_held_and_read_back(bench: Any, say: Any) -> None:
    event = say.event(
        description="d", location="Room 3", alarms=say.alarms(900), attendees=say.guests("wangwu", "lisi")
    )
    item = create(bench, event)
    assert not item.cancelled
    assert item.snapshot["cal_id"] == bench.target.calendar_id
    back = bench.provider.mapper.decode(item, "u1", say.roster)
    assert (back.start, back.end, back.summary) == (event.start, event.end, event.summary)
    assert (back.description, back.location, back.alarms) == (event.description, event.location, event.alarms)
    assert names(held(bench, item.id)) == ["lisi", "wangwu"]


def test_an_event_with_an_unknown_attendee_is_refused_and_nothing_is_made(bench: Any, say: Any) -> None:
    payload = bench.payload(say.event())
    payload["attendees"] = [{"userid": "nobody"}]
    with pytest.raises(Refused) as caught:
        bench.provider.apply(bench.target, Create(payload=payload), "t")
    assert not isinstance(caught.value, Missing)
    assert bench.sweep().items == ()


@pytest.mark.parametrize("kind", ["html", "reset", "lost", "garbage", "empty", "truncated", "status"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_creation_without_a_clear_answer_is_settled_by_asking(
    bench: Any, say: Any, kind: str, when: str
) -> None:
    operation = Create(payload=bench.payload(say.event(attendees=say.guests("wangwu", "lisi"))))
    bench.fault(kind, match="schedule/add", when=when)
    known = bench.say_known()
    with pytest.raises(OutcomeUnknown):
        bench.provider.apply(bench.target, operation, "t")
    outcome = bench.provider.settle(bench.target, operation, "t", known)
    assert isinstance(outcome, Applied) == (when == "after")
    if isinstance(outcome, Applied):
        assert outcome.item is not None
        assert names(outcome.item.snapshot) == ["lisi", "wangwu"]
    assert len(bench.sweep().items) == (1 if when == "after" else 0)
    assert len([c for c in bench.calls("schedule/add") if c["endpoint"].endswith("schedule/add")]) == 1


def test_a_creation_is_not_mistaken_for_another_event_like_it(bench: Any, say: Any) -> None:
    first = create(bench, say.event())
    operation = Create(payload=bench.payload(say.event()))
    bench.fault("lost", match="schedule/add", when="before")
    with pytest.raises(OutcomeUnknown):
        bench.provider.apply(bench.target, operation, "t")
    known = bench.say_known(first.id)
    assert not isinstance(bench.provider.settle(bench.target, operation, "t", known), Applied)


@pytest.mark.parametrize(
    "change",
    [
        {"summary": "Other"},
        {"location": "x"},
        {"description": "x"},
        {"start": 1},
        {"end": 1},
        {"day": 1},
        {"rule": 1},
    ],
    ids=str,
)
def test_a_creation_is_not_surely_found_in_an_event_that_differs(
    bench: Any, say: Any, change: dict[str, Any]
) -> None:
    wanted = say.event()
    texts = {key: value for key, value in change.items() if isinstance(value, str)}
    other = replace(wanted, **texts)
    if "start" in change:
        other = replace(other, start=other.start + dt.timedelta(minutes=1))
    if "end" in change:
        other = replace(other, end=other.end + dt.timedelta(minutes=1))
    if "day" in change:
        other, wanted = say.event(dt.date(2026, 1, 9)), say.event(say.at(9, 0), say.at(10, 0))
    if "rule" in change:
        other = say.series(DAILY)
    known = bench.say_known()
    create(bench, other)
    outcome = bench.provider.settle(bench.target, Create(payload=bench.payload(wanted)), "t", known)
    assert isinstance(outcome, Applied)
    assert not outcome.is_sure
    create(bench, other)
    again = bench.provider.settle(bench.target, Create(payload=bench.payload(wanted)), "t", known)
    assert not isinstance(again, Applied), "either might be it"


def test_a_creation_is_not_found_in_an_event_that_differs_twice(bench: Any, say: Any) -> None:
    wanted = say.event()
    known = bench.say_known()
    create(bench, replace(wanted, summary="Other", location="x"))
    outcome = bench.provider.settle(bench.target, Create(payload=bench.payload(wanted)), "t", known)
    assert not isinstance(outcome, Applied)


@pytest.mark.parametrize(
    "switches",
    [
        {"all_day_end": "next_midnight"},
        {"all_day_end": "last_second"},
        {"empty_summary": "placeholder"},
        {"invalid_attendee": "drop"},
        {"list_order": "newest_first"},
        {"list_page_cap": 1},
        {"unknown_id_in_list": "omit"},
        {"list_superset": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["timed", "all_day", "untitled", "series"])
def test_a_creation_is_found_again_however_the_vendor_writes_it(
    make_bench: Callable[..., Any], say: Any, switches: dict[str, Any], kind: str
) -> None:
    bench = make_bench(switches)
    event = {
        "timed": say.event(description="two\r\nlines "),
        "all_day": say.event(dt.date(2026, 1, 9), dt.date(2026, 1, 12)),
        "untitled": say.event(summary=""),
        "series": say.series(Rule(freq=Freq.WEEKLY, count=5)),
    }[kind]
    others = [create(bench, say.event(say.at(day))).id for day in (7, 8, 10)]
    known = bench.say_known(*others)
    operation = Create(payload=bench.payload(event))
    bench.fault("lost", match="schedule/add", when="after")
    with pytest.raises(OutcomeUnknown):
        bench.provider.apply(bench.target, operation, "t")
    outcome = bench.provider.settle(bench.target, operation, "t", known)
    assert isinstance(outcome, Applied)
    assert outcome.item is not None
    assert outcome.item.id not in others


def test_a_creation_that_shows_late_is_looked_for_twice(make_bench: Callable[..., Any], say: Any) -> None:
    bench = make_bench({"list_delay_s": 0.5})
    bench.control("clock", {"real": True})
    bench.clock.sleep = lambda seconds: bench.control("clock", {"advance_s": seconds})
    operation = Create(payload=bench.payload(say.event()))
    bench.fault("lost", match="schedule/add", when="after")
    with pytest.raises(OutcomeUnknown):
        bench.provider.apply(bench.target, operation, "t")
    assert isinstance(bench.provider.settle(bench.target, operation, "t", bench.say_known()), Applied)


def test_a_yes_without_an_id_is_looked_for(bench: Any, say: Any) -> None:
    operation = Create(payload=bench.payload(say.event()))
    assert bench.target
    ok = '{"errcode":0,"errmsg":"ok"}'
    bench.fault("status", match="schedule/add", status=200, body=ok, when="after")
    with pytest.raises(OutcomeUnknown, match="without an id"):
        bench.provider.apply(bench.target, operation, "t")
    assert isinstance(bench.provider.settle(bench.target, operation, "t", bench.say_known()), Applied)
    series = say.series(DAILY)
    item = create(bench, series)
    bench.fault("status", match="schedule/update", status=200, body=ok, when="after")
    with pytest.raises(OutcomeUnknown, match="did not name"):
        split(bench, item, series, say.at(10), say.event(say.at(10, 14)))


@pytest.mark.parametrize("kind", ["lost", "html", "status", "error"])
def test_a_failing_read_back_does_not_undo_a_creation(bench: Any, say: Any, kind: str) -> None:
    event = say.event(attendees=say.guests("wangwu"))
    bench.fault(kind, match="schedule/get", count=-1, code=-1)
    item = create(bench, event)
    bench.control("clear_faults")
    assert held(bench, item.id)["summary"] == "Team sync"
    assert item.snapshot["cal_id"] == bench.target.calendar_id
    assert item.snapshot["schedule_id"] == item.id
    fresh = bench.provider.fetch(bench.target, [item.id])[item.id]
    mapper = bench.provider.mapper
    assert mapper.decode(item, "u", say.roster) == mapper.decode(fresh, "u", say.roster)


def test_the_days_creations_are_counted_and_end(make_bench: Callable[..., Any], say: Any) -> None:
    bench = make_bench(creations_per_day=2)
    create(bench, say.event())
    bench.fault("error", match="schedule/add", code=40058)
    with pytest.raises(Refused):
        create(bench, say.event())
    create(bench, say.event())
    with pytest.raises(Exhausted) as caught:
        create(bench, say.event())
    assert 0 < caught.value.retry_after_s <= DAY
    assert len(bench.sweep().items) == 2


def test_a_busy_vendor_leaves_a_creation_in_doubt(bench: Any, say: Any) -> None:
    bench.fault("error", match="schedule/add", code=-1)
    with pytest.raises(OutcomeUnknown):
        create(bench, say.event())


@pytest.mark.parametrize(("code", "kind"), [(45009, Throttled), (60020, Unauthorised)])
def test_what_the_vendor_refused_for_now_did_not_happen(bench: Any, say: Any, code: int, kind: type) -> None:
    assert bench.target
    bench.fault("error", match="schedule/add", code=code)
    with pytest.raises(kind):
        create(bench, say.event())


def test_too_many_calls_at_once_are_repeated_after_a_moment(bench: Any, say: Any) -> None:
    assert bench.target
    bench.fault("error", match="schedule/add", code=45033, count=2)
    create(bench, say.event())
    assert len(bench.sweep().items) == 1
    bench.fault("error", match="schedule/add", code=45033, count=3)
    with pytest.raises(Throttled):
        create(bench, say.event())


def test_nobody_listens_so_nothing_left(make_bench: Callable[..., Any], say: Any) -> None:
    bench = make_bench()
    payload = bench.payload(say.event())
    target = bench.target
    bench.server.close()
    with pytest.raises(Unreachable):
        bench.provider.apply(target, Create(payload=payload), "t")


# ---- updating ----


def test_an_update_changes_only_what_was_meant(bench: Any, say: Any) -> None:
    before = say.event(description="d", location="Room 3", attendees=say.guests("lisi", "wangwu"))
    item = create(bench, before)
    bench.act("edit", userid="lisi", schedule_id=item.id, fields={"location": "Room 9"})
    bench.act("respond", userid="wangwu", schedule_id=item.id, answer="accept")
    bench.calls()
    applied = update(bench, item, before, replace(before, summary="Renamed"))
    assert writes(bench) == ["oa/schedule/update"]
    assert applied.item is not None
    now = applied.item.snapshot
    assert (now["summary"], now["location"], now["description"]) == ("Renamed", "Room 9", "d")
    assert {a["userid"]: a["response_status"] for a in now["attendees"]} == {"lisi": 0, "wangwu": 2}


def test_an_update_that_stands_already_is_not_sent_again(bench: Any, say: Any) -> None:
    before = say.event()
    after = replace(before, summary="Renamed", attendees=say.guests("lisi", "wangwu"))
    item = create(bench, before)
    update(bench, item, before, after)
    bench.calls()
    bench.control("notices", {})
    update(bench, item, before, after)
    assert writes(bench) == []


@pytest.mark.parametrize(
    ("then", "calls"),
    [
        (("lisi", "wangwu", "zhaoliu"), ["oa/schedule/add_attendees"]),
        (("lisi",), ["oa/schedule/del_attendees"]),
        (("lisi", "zhaoliu"), ["oa/schedule/add_attendees", "oa/schedule/del_attendees"]),
        ((), ["oa/schedule/del_attendees"]),
    ],
    ids=str,
)
def test_a_change_of_people_only_uses_the_calls_for_people(
    bench: Any, say: Any, then: tuple[str, ...], calls: list[str]
) -> None:
    before = say.event(attendees=say.guests("lisi", "wangwu"))
    item = create(bench, before)
    bench.act("edit", userid="lisi", schedule_id=item.id, fields={"attendees": [
        {"userid": "lisi"}, {"userid": "wangwu"}, {"userid": "zhangsan"}]})  # fmt: skip
    bench.calls()
    after = replace(before, attendees=say.guests(*then))
    applied = update(bench, item, before, after)
    assert writes(bench) == calls
    assert applied.item is not None
    expected = {"zhangsan", *(then if len(then) > 1 else ())}
    assert set(names(applied.item.snapshot)) == expected


def test_a_refused_guest_leaves_everything_as_it_was(bench: Any, say: Any) -> None:
    before = say.event()
    item = create(bench, before)
    after = bench.payload(replace(before, summary="New"))
    after["attendees"] = [{"userid": "nobody"}]
    operation = Update(id=item.id, before=bench.payload(before), after=after, snapshot=item.snapshot)
    with pytest.raises(Refused):
        bench.provider.apply(bench.target, operation, "t")
    now = held(bench, item.id)
    assert (now["summary"], names(now)) == ("Team sync", [])


def test_guests_are_taken_out_again_when_the_rest_is_refused(bench: Any, say: Any) -> None:
    before = say.event()
    item = create(bench, before)
    after = replace(before, summary="New", attendees=say.guests("lisi", "wangwu"))
    bench.fault("error", match="schedule/update", code=90700)
    with pytest.raises(NotAllowed, match="meeting room"):
        update(bench, item, before, after)
    assert names(held(bench, item.id)) == []


@pytest.mark.parametrize(
    "switches", [{}, {"omitted_on_update": "kept"}, {"responses_on_update": "reset"}], ids=str
)
def test_an_all_day_event_becomes_a_timed_one_and_back(
    make_bench: Callable[..., Any], say: Any, switches: dict[str, Any]
) -> None:
    bench = make_bench(switches)
    day = say.event(dt.date(2026, 1, 9), alarms=say.alarms(-32400))
    timed = say.event(say.at(9), alarms=say.alarms(900))
    item = create(bench, day)
    for before, after in ((day, timed), (timed, day)):
        applied = update(bench, item, before, after)
        assert applied.item is not None
        back = bench.provider.mapper.decode(applied.item, "u1", say.roster)
        assert (back.start, back.end, back.alarms) == (after.start, after.end, after.alarms)


def test_a_reminder_that_only_the_app_can_make_survives_as_the_next_earlier_one(bench: Any, say: Any) -> None:
    before = say.event(alarms=say.alarms(900))
    item = create(bench, before)
    bench.act(
        "edit", userid="lisi", schedule_id=item.id,
        fields={"reminders": {"is_remind": 1, "remind_time_diffs": [-1800, -60], "timezone": 8}}, force=True,
    )  # fmt: skip
    assert held(bench, item.id)["reminders"]["remind_time_diffs"] == [-1800, -60]
    applied = update(bench, item, before, replace(before, summary="Renamed"))
    assert applied.item is not None
    assert sorted(applied.item.snapshot["reminders"]["remind_time_diffs"]) == [-3600, -300]


def test_moving_a_start_into_the_past_is_refused_with_a_sentence(bench: Any, say: Any) -> None:
    before = say.event()
    item = create(bench, before)
    past = dt.datetime(2026, 1, 2, 10, tzinfo=say.zone)
    with pytest.raises(Refused, match="passed"):
        update(bench, item, before, replace(before, start=past, end=past + dt.timedelta(hours=1)))


@pytest.mark.parametrize("switches", [{}, {"update_cancelled": "90461"}], ids=str)
def test_an_update_of_a_deleted_event_says_that_it_is_gone(
    make_bench: Callable[..., Any], say: Any, switches: dict[str, Any]
) -> None:
    bench = make_bench(switches)
    before = say.event()
    item = create(bench, before)
    bench.act("delete", userid="lisi", schedule_id=item.id)
    with pytest.raises(Missing):
        update(bench, item, before, replace(before, summary="x"))


@pytest.mark.parametrize(("failures", "works"), [(1, True), (2, True), (3, False)])
def test_an_update_overtaken_by_another_writer_is_laid_anew(
    bench: Any, say: Any, failures: int, works: bool
) -> None:
    before = say.event()
    item = create(bench, before)
    bench.fault("error", match="schedule/update", code=6000, count=failures)
    after = replace(before, summary="x")
    if works:
        update(bench, item, before, after)
        assert held(bench, item.id)["summary"] == "x"
    else:
        with pytest.raises(Exception, match="somebody else wrote"):
            update(bench, item, before, after)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", ["schedule/update", "schedule/add_attendees", "schedule/del_attendees"])
def test_an_update_without_an_answer_is_settled_and_can_be_repeated(
    bench: Any, say: Any, when: str, call: str
) -> None:
    before = say.event(attendees=say.guests("lisi", "wangwu"))
    after = replace(before, summary="New", attendees=say.guests("lisi", "zhaoliu"))
    item = create(bench, before)
    operation = Update(
        id=item.id, before=bench.payload(before), after=bench.payload(after), snapshot=item.snapshot
    )
    known = bench.say_known(item.id)
    bench.fault("lost", match=call, when=when)
    with pytest.raises(OutcomeUnknown):
        bench.provider.apply(bench.target, operation, "t")
    outcome = bench.provider.settle(bench.target, operation, "t", known)
    assert isinstance(outcome, Applied) == (call == "schedule/del_attendees" and when == "after")
    if not isinstance(outcome, Applied):
        outcome = bench.provider.apply(bench.target, operation, "t")
    assert outcome.item is not None
    assert outcome.item.snapshot["summary"] == "New"
    assert set(names(outcome.item.snapshot)) == {"lisi", "zhaoliu"}


def test_a_series_is_changed_as_a_whole_and_keeps_its_gaps(bench: Any, say: Any) -> None:
    before = say.series(DAILY)
    item = create(bench, before)
    bench.provider.apply(bench.target, Drop(series_id=item.id, at=say.at(10)), "t")
    applied = update(bench, item, before, replace(before, summary="New"))
    assert applied.item is not None
    assert applied.item.id == item.id
    assert applied.item.snapshot["summary"] == "New"
    assert applied.item.snapshot["reminders"]["exclude_time_list"] == [{"start_time": THURSDAY_10 + 2 * DAY}]


def test_a_series_made_in_a_form_of_its_own_keeps_it(bench: Any, say: Any) -> None:
    item = create(bench, say.series(DAILY))
    reminders = {"is_repeat": 1, "repeat_type": 7, "repeat_until": 0, "timezone": 8}
    bench.act("edit", userid="lisi", schedule_id=item.id, fields={"reminders": reminders})
    before = say.event()
    applied = update(bench, item, before, replace(before, summary="New", end=say.at(8, 12)))
    assert applied.item is not None
    now = applied.item.snapshot
    assert (now["summary"], now["end_time"] - now["start_time"]) == ("New", 7200)
    assert (now["reminders"]["is_repeat"], now["reminders"]["repeat_type"]) == (1, 7)


def test_the_rule_of_a_series_is_changed(bench: Any, say: Any) -> None:
    before = say.series(DAILY)
    after = say.series(Rule(freq=Freq.WEEKLY, count=3, by_day=(NthDay(Weekday.MO), NthDay(Weekday.TH))))
    item = create(bench, before)
    update(bench, item, before, after)
    assert bench.starts(item.id) == [THURSDAY_10, THURSDAY_10 + 4 * DAY, THURSDAY_10 + 7 * DAY]


@pytest.mark.parametrize(
    "switches", [{}, {"series_to_single": "ignored"}, {"series_to_single": "40058"}], ids=str
)
def test_a_series_becomes_single_or_the_vendor_is_quoted(
    make_bench: Callable[..., Any], say: Any, switches: dict[str, Any]
) -> None:
    bench = make_bench(switches)
    before, after = say.series(DAILY), say.event()
    item = create(bench, before)
    if switches:
        with pytest.raises(Refused):
            update(bench, item, before, after)
    else:
        applied = update(bench, item, before, after)
        assert applied.item is not None
        assert bench.starts(item.id) == [THURSDAY_10]


# ---- occurrences ----


def test_an_occurrence_is_split_off_as_a_schedule_of_its_own(bench: Any, say: Any) -> None:
    series = say.series(
        DAILY, attendees=say.guests("lisi", "wangwu"), alarms=say.alarms(900), location="Room 3"
    )
    item = create(bench, series)
    after = say.event(say.at(10, 14), attendees=series.attendees, alarms=series.alarms, location="Room 3")
    applied = split(bench, item, series, say.at(10), replace(after, summary="Moved"))
    assert applied.item is not None
    assert applied.series is not None
    assert applied.item.id != item.id
    assert applied.series.id == item.id
    now = applied.item.snapshot
    assert (now["summary"], now["location"], names(now)) == ("Moved", "Room 3", ["lisi", "wangwu"])
    assert now["start_time"] == THURSDAY_10 + 2 * DAY + 4 * 3600
    assert now["reminders"]["is_repeat"] == 0
    assert now["reminders"]["remind_time_diffs"] == [-900]
    assert applied.series.snapshot["reminders"]["exclude_time_list"] == [
        {"start_time": THURSDAY_10 + 2 * DAY}
    ]


def test_a_split_takes_what_the_vendor_changed_meanwhile(bench: Any, say: Any) -> None:
    series = say.series(DAILY, location="Room 3")
    item = create(bench, series)
    bench.act("edit", userid="lisi", schedule_id=item.id, fields={"location": "Room 9"})
    applied = split(
        bench, item, series, say.at(10), say.event(say.at(10), summary="Other", location="Room 3")
    )
    assert applied.item is not None
    assert applied.item.snapshot["location"] == "Room 9"
    assert applied.item.snapshot["summary"] == "Other"


@pytest.mark.parametrize("then", [("lisi", "wangwu", "zhaoliu"), ("lisi", "zhaoliu")], ids=str)
def test_the_people_of_one_occurrence_change(bench: Any, say: Any, then: tuple[str, ...]) -> None:
    series = say.series(DAILY, attendees=say.guests("lisi", "wangwu"))
    item = create(bench, series)
    applied = split(bench, item, series, say.at(10), say.event(say.at(10), attendees=say.guests(*then)))
    assert applied.item is not None
    assert set(names(applied.item.snapshot)) == set(then)
    assert names(held(bench, item.id)) == ["lisi", "wangwu"]


def test_an_occurrence_of_an_all_day_series_is_split_off_by_its_date(bench: Any, say: Any) -> None:
    series = say.series(Rule(freq=Freq.DAILY, count=5), dt.date(2026, 1, 8))
    item = create(bench, series)
    at = dt.date(2026, 1, 10)
    applied = split(bench, item, series, at, say.event(at, summary="Other"))
    assert applied.item is not None
    assert applied.series is not None
    back = bench.provider.mapper.decode(applied.series, "u1", say.roster)
    assert back.recurrence.exdates == (at,)
    assert bench.provider.mapper.decode(applied.item, "u1", say.roster).start == at


def test_an_occurrence_moves_to_an_earlier_day(bench: Any, say: Any) -> None:
    series = say.series(DAILY, attendees=say.guests("lisi", "wangwu"))
    item = create(bench, series)
    after = say.event(say.at(9, 16), attendees=series.attendees)
    applied = split(bench, item, series, say.at(10), after)
    assert applied.item is not None
    assert applied.item.snapshot["start_time"] == THURSDAY_10 + DAY + 6 * 3600
    assert names(applied.item.snapshot) == ["lisi", "wangwu"]
    assert THURSDAY_10 + 2 * DAY not in bench.starts(item.id)


@pytest.mark.parametrize("call", ["", "schedule/add", "schedule/del"])
def test_a_vendor_that_lets_nothing_move_back_at_all_gets_a_new_event(
    bench: Any, say: Any, call: str
) -> None:
    series = say.series(DAILY)
    item = create(bench, series)
    before, after = say.event(say.at(10)), say.event(say.at(10, 8), summary="Earlier")
    operation = Split(
        series_id=item.id, at=say.at(10), before=bench.payload(before), after=bench.payload(after)
    )
    bench.fault("error", match="schedule/update", code=90488, count=-1)
    if call:
        bench.fault("lost", match=call, when="after")
        known = bench.say_known(item.id)
        with pytest.raises(OutcomeUnknown):
            bench.provider.apply(bench.target, operation, "t")
        outcome = bench.provider.settle(bench.target, operation, "t", known)
    else:
        outcome = bench.provider.apply(bench.target, operation, "t")
    assert isinstance(outcome, Applied)
    assert outcome.item is not None
    assert bench.starts(outcome.item.id) == [THURSDAY_10 + 2 * DAY - 7200]
    assert len(bench.starts(item.id)) == 9
    assert len(bench.sweep().items) == 2


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("hour_and_day", [(10, 14), (9, 16)], ids=["same day", "earlier day"])
@pytest.mark.parametrize("call", ["schedule/update", "schedule/add", "schedule/del"])
def test_a_split_without_an_answer_is_settled(
    bench: Any, say: Any, when: str, hour_and_day: tuple[int, int], call: str
) -> None:
    day, hour = hour_and_day
    if (call == "schedule/update") != (day == 10):
        return
    series = say.series(DAILY)
    item = create(bench, series)
    after = say.event(say.at(day, hour), summary="Moved")
    before = say.event(say.at(10))
    operation = Split(
        series_id=item.id, at=say.at(10), before=bench.payload(before), after=bench.payload(after)
    )
    known = bench.say_known(item.id)
    bench.fault("lost", match=call, when=when)
    with pytest.raises(OutcomeUnknown):
        bench.provider.apply(bench.target, operation, "t")
    outcome = bench.provider.settle(bench.target, operation, "t", known)
    if not isinstance(outcome, Applied):
        assert when == "before"
        outcome = bench.provider.apply(bench.target, operation, "t")
    assert outcome.item is not None
    shown = [*bench.starts(item.id), *bench.starts(outcome.item.id)]
    moved = THURSDAY_10 + (day - 8) * DAY + (hour - 10) * 3600
    assert sorted(shown) == sorted([*(THURSDAY_10 + n * DAY for n in range(10) if n != 2), moved])
    assert len(bench.sweep().items) == 2


def test_a_refused_drop_after_a_move_takes_the_new_event_back(bench: Any, say: Any) -> None:
    series = say.series(DAILY)
    item = create(bench, series)
    bench.fault("error", match="schedule/del", code=90472)
    with pytest.raises(NotAllowed):
        split(bench, item, series, say.at(10), say.event(say.at(9, 16)))
    alive = [found for found in bench.sweep().items if not found.cancelled]
    assert [found.id for found in alive] == [item.id]


def test_an_occurrence_taken_out_before_gets_the_event_that_it_lacks(bench: Any, say: Any) -> None:
    series = say.series(DAILY)
    item = create(bench, series)
    bench.provider.apply(bench.target, Drop(series_id=item.id, at=say.at(10)), "t")
    applied = split(bench, item, series, say.at(10), say.event(say.at(10, 14)))
    assert applied.item is not None
    assert bench.starts(applied.item.id) == [THURSDAY_10 + 2 * DAY + 4 * 3600]


def test_an_occurrence_that_does_not_exist_cannot_be_split_off(bench: Any, say: Any) -> None:
    series = say.series(DAILY)
    item = create(bench, series)
    with pytest.raises(Refused, match="no occurrence"):
        split(bench, item, series, say.at(10, 11), say.event(say.at(10, 14)))


@pytest.mark.parametrize("switches", [{}, {"empty_series": "cancelled"}], ids=str)
def test_occurrences_are_dropped_one_by_one(
    make_bench: Callable[..., Any], say: Any, switches: dict[str, Any]
) -> None:
    bench = make_bench(switches)
    item = create(bench, say.series(Rule(freq=Freq.DAILY, count=3)))
    for number in range(3):
        applied = bench.provider.apply(bench.target, Drop(series_id=item.id, at=say.at(8 + number)), "t")
        assert applied.item is None
    assert bench.starts(item.id) == []


def test_an_occurrence_is_dropped_once(bench: Any, say: Any) -> None:
    item = create(bench, say.series(DAILY))
    drop = Drop(series_id=item.id, at=say.at(10))
    bench.provider.apply(bench.target, drop, "t")
    bench.calls()
    applied = bench.provider.apply(bench.target, drop, "t")
    assert writes(bench) == []
    assert applied.series is not None
    assert len(bench.starts(item.id)) == 9


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_drop_without_an_answer_is_settled(bench: Any, say: Any, when: str) -> None:
    item = create(bench, say.series(DAILY))
    drop = Drop(series_id=item.id, at=say.at(10))
    bench.fault("lost", match="schedule/del", when=when)
    with pytest.raises(OutcomeUnknown):
        bench.provider.apply(bench.target, drop, "t")
    outcome = bench.provider.settle(bench.target, drop, "t", bench.say_known(item.id))
    assert isinstance(outcome, Applied) == (when == "after")


def test_an_occurrence_of_a_vanished_series_is_gone(bench: Any, say: Any) -> None:
    item = create(bench, say.series(DAILY))
    bench.act("delete", userid="lisi", schedule_id=item.id)
    drop = Drop(series_id=item.id, at=say.at(10))
    assert bench.provider.apply(bench.target, drop, "t") == Applied(item=None)
    assert bench.provider.settle(bench.target, drop, "t", bench.say_known(item.id)) == Applied(item=None)


# ---- deleting and answering ----


@pytest.mark.parametrize("switches", [{}, {"second_del": "0"}], ids=str)
def test_a_deletion_may_be_repeated(
    make_bench: Callable[..., Any], say: Any, switches: dict[str, Any]
) -> None:
    bench = make_bench(switches)
    item = create(bench, say.event())
    for _ in range(2):
        assert bench.provider.apply(bench.target, Delete(id=item.id), "t") == Applied(item=None)
    found = bench.provider.fetch(bench.target, [item.id])[item.id]
    assert found is not None
    assert found.cancelled


def test_something_that_never_was_counts_as_deleted(bench: Any) -> None:
    assert bench.provider.apply(bench.target, Delete(id="0" * 32), "t") == Applied(item=None)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_deletion_without_an_answer_is_settled(bench: Any, say: Any, when: str) -> None:
    item = create(bench, say.event())
    bench.fault("lost", match="schedule/del", when=when)
    with pytest.raises(OutcomeUnknown):
        bench.provider.apply(bench.target, Delete(id=item.id), "t")
    outcome = bench.provider.settle(bench.target, Delete(id=item.id), "t", bench.say_known(item.id))
    assert isinstance(outcome, Applied) == (when == "after")


def test_another_apps_schedule_is_neither_changed_nor_deleted(bench: Any, make_bench: Any, say: Any) -> None:
    other = bench.second(secret="other")
    item = create(other, say.event())
    before = say.event()
    for operation in (
        Delete(id=item.id),
        Drop(series_id=item.id, at=say.at(10)),
        Update(
            id=item.id,
            before=bench.payload(before),
            after=bench.payload(replace(before, summary="x")),
            snapshot={},
        ),
    ):
        with pytest.raises(NotAllowed):
            bench.provider.apply(bench.target, operation, "t")
    assert held(other, item.id)["summary"] == "Team sync"


def test_answering_is_left_to_the_app(bench: Any, say: Any) -> None:
    item = create(bench, say.event())
    respond = Respond(id=item.id, partstat=PartStat.ACCEPTED)
    with pytest.raises(NotAllowed, match="WeCom app"):
        bench.provider.apply(bench.target, respond, "t")
    assert not isinstance(bench.provider.settle(bench.target, respond, "t", bench.say_known()), Applied)


# ---- the older form ----


@pytest.mark.parametrize("answer", ["required", "ignore", "90493"])
def test_the_organizer_of_the_2022_page_is_sent_until_it_is_unwanted(
    make_bench: Callable[..., Any], say: Any, answer: str
) -> None:
    bench = make_bench({"organizer_sent": answer}, legacy_organizer=True)
    before = say.event(attendees=say.guests("lisi", "wangwu"))
    item = create(bench, before)
    applied = update(bench, item, before, replace(before, summary="New"))
    assert applied.item is not None
    assert applied.item.snapshot["summary"] == "New"


def test_a_missing_organizer_is_for_a_person_to_mend(make_bench: Callable[..., Any], say: Any) -> None:
    bench = make_bench({"organizer_sent": "required"})
    with pytest.raises(Unauthorised, match="legacy_organizer"):
        create(bench, say.event())

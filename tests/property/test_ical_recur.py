"""Recurrence sets against two independent implementations: dateutil and recurring-ical-events."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from dateutil.rrule import rrulestr
from examples import at_least
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.ical.expand import expand, matches
from bridge.ical.recur import (
    FOREVER_MS,
    first_occurrences,
    instant,
    occurrences,
    rule_from_text,
    rule_to_text,
    span,
)
from bridge.ical.write import write
from bridge.model.event import CalendarObject, Event
from bridge.model.recurrence import Freq, NthDay, Recurrence, Rule, Weekday

ZONES = [
    ZoneInfo(key) for key in ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
]
WHOLE_DAY = [Freq.DAILY, Freq.WEEKLY, Freq.MONTHLY, Freq.YEARLY]
WALLS = st.datetimes(
    dt.datetime(2018, 1, 1),  # noqa: DTZ001 - wall time on purpose
    dt.datetime(2032, 12, 31),  # noqa: DTZ001
).map(lambda wall: wall.replace(second=0, microsecond=0))


def numbers(low: int, high: int, size: int = 3) -> st.SearchStrategy[tuple[int, ...]]:
    values = st.integers(low, high).filter(lambda value: value != 0 or low >= 0)
    return st.sets(values, max_size=size).map(lambda found: tuple(sorted(found)))


@st.composite
def rules(draw: st.DrawFn, *, freqs: list[Freq] = WHOLE_DAY) -> Rule:
    """Rules that RFC 5545 3.3.10 allows, common parts more often."""
    freq = draw(st.sampled_from(freqs))
    parts: dict[str, object] = {}
    may_count = freq in {Freq.MONTHLY, Freq.YEARLY}
    nth = st.integers(-5, 5) if may_count and draw(st.booleans()) else st.just(0)
    if draw(st.booleans()):
        days = draw(st.sets(st.builds(NthDay, st.sampled_from(Weekday), nth), max_size=3))
        is_plain = all(day.nth == 0 for day in days)
        assume(
            is_plain or all(day.nth != 0 for day in days)
        )  # dateutil intersects a mixture; RFC 5545 unites it
        parts["by_day"] = tuple(sorted(days))
    if draw(st.integers(0, 3)) == 0:
        parts["by_month"] = draw(numbers(1, 12))
    if freq is not Freq.WEEKLY and draw(st.integers(0, 3)) == 0:
        parts["by_month_day"] = draw(numbers(-31, 31))
    if freq is Freq.YEARLY and draw(st.integers(0, 5)) == 0:
        parts["by_year_day"] = draw(numbers(-366, 366))
    if freq is Freq.YEARLY and draw(st.integers(0, 5)) == 0 and not parts.get("by_day"):
        parts["by_week_no"] = draw(numbers(-53, 53))
        parts["by_day"] = (NthDay(draw(st.sampled_from(Weekday))),)
    if draw(st.integers(0, 3)) == 0:
        parts["by_hour"] = draw(numbers(0, 23))
    if any(parts.values()) and draw(st.integers(0, 3)) == 0:
        parts["by_set_pos"] = draw(numbers(-4, 4, 2))
    return Rule(
        freq=freq,
        interval=draw(st.sampled_from([1, 1, 1, 2, 3, 5])),
        week_start=draw(st.sampled_from([Weekday.MO, Weekday.MO, Weekday.SU, Weekday.WE])),
        **parts,  # type: ignore[arg-type]
    )


def by_dateutil(rule: Rule, start: dt.datetime, until: dt.datetime, n: int) -> list[dt.datetime]:
    """Bounded by a first look whether there is anything at all: dateutil would run to the year 9999."""
    return list(itertools.islice(rrulestr(rule_to_text(rule), dtstart=start).xafter(start, inc=True), n))


@at_least(250)
@given(rule=rules(), start=WALLS)
def test_wall_times_are_those_of_dateutil(rule: Rule, start: dt.datetime) -> None:
    # dateutil counts BYSETPOS of the first week from DTSTART on; the set is that of the whole week (RFC 5545 3.3.10).
    assume(not (rule.freq is Freq.WEEKLY and rule.by_set_pos and start.weekday() != rule.week_start))
    until = start.replace(year=start.year + 30, day=min(start.day, 28))
    ours = list(itertools.islice(expand(rule, start, until), 40))
    assume(len(ours) == 40)
    assert ours == by_dateutil(rule, start, until, 40)


@at_least(50)
@given(rule=rules(), start=WALLS)
def test_what_we_call_empty_is_empty_for_dateutil_too(rule: Rule, start: dt.datetime) -> None:
    until = start.replace(year=start.year + 6, day=min(start.day, 28))
    ours = list(expand(rule, start, until))
    assume(len(ours) < 40)
    theirs = rrulestr(rule_to_text(rule) + f";COUNT={len(ours) + 1}", dtstart=start)
    found = list(theirs) if ours or rule.freq is Freq.YEARLY else []
    assert [wall for wall in found if wall <= until] == ours or not found


@at_least(150)
@given(
    rule=rules(freqs=[Freq.HOURLY, Freq.MINUTELY, Freq.SECONDLY]).filter(lambda rule: not rule.by_year_day),
    start=WALLS,
    data=st.data(),
)
def test_rules_below_a_day_are_those_of_dateutil(rule: Rule, start: dt.datetime, data: st.DataObject) -> None:
    until = start + dt.timedelta(days=3)
    ours = list(itertools.islice(expand(rule, start, until), 30))
    assume(len(ours) > 1)
    assert ours == by_dateutil(rule, start, until, len(ours))


@at_least(150)
@given(rule=rules(), start=WALLS, ahead=st.integers(0, 4000))
def test_a_later_window_shows_what_the_whole_expansion_shows(
    rule: Rule, start: dt.datetime, ahead: int
) -> None:
    since = start + dt.timedelta(days=ahead)
    until = since + dt.timedelta(days=120)
    whole = [wall for wall in expand(rule, start, until) if wall >= since]
    assert list(expand(rule, start, until, since)) == whole


@st.composite
def objects(draw: st.DrawFn) -> CalendarObject:
    """A series with EXDATE, RDATE and overrides, timed in some zone or all-day."""
    wall = draw(WALLS)
    minutes = draw(st.sampled_from([0, 15, 60, 480]))
    all_day = draw(st.booleans())
    rule = draw(rules())
    if all_day:
        rule = Rule(freq=rule.freq, interval=rule.interval, by_day=rule.by_day, by_month=rule.by_month)
        start: dt.date | dt.datetime = wall.date()
        end: dt.date | dt.datetime = start + dt.timedelta(days=draw(st.integers(1, 3)))
    else:
        zone = draw(st.sampled_from(ZONES))
        start = wall.replace(tzinfo=zone)
        end = (start.astimezone(dt.UTC) + dt.timedelta(minutes=minutes)).astimezone(zone)
    assume(matches(rule, dt.datetime.combine(wall.date(), dt.time()) if all_day else wall))
    master = Event(uid="series", start=start, end=end, recurrence=Recurrence(rules=(rule,)), summary="s")
    first = first_occurrences(master, 12)
    chosen = draw(st.sets(st.sampled_from(first), max_size=4)) if first else set()
    ordered = sorted(chosen, key=instant)
    exdates, changed = ordered[::2], ordered[1::2]
    moved = dt.timedelta(days=draw(st.integers(-3, 3)))
    length = end - start
    overrides = tuple(
        Event(uid="series", recurrence_id=at, start=at + moved, end=at + moved + length, summary="o")
        for at in changed
    )
    if draw(st.booleans()):
        count = draw(st.integers(2, 12))
        rule = Rule(**{name: getattr(rule, name) for name in rule.__slots__} | {"count": count})
    elif draw(st.booleans()):
        last = start + dt.timedelta(days=draw(st.integers(0, 400)))
        until = last.astimezone(dt.UTC) if isinstance(last, dt.datetime) else last
        rule = Rule(**{name: getattr(rule, name) for name in rule.__slots__} | {"until": until})
    recurrence = Recurrence(rules=(rule,), exdates=tuple(exdates))
    master = Event(uid="series", start=start, end=end, recurrence=recurrence, summary="s")
    return CalendarObject(uid="series", master=master, overrides=overrides)


def by_library(obj: CalendarObject, start: dt.datetime, end: dt.datetime) -> list[tuple[str, str]]:
    calendar = icalendar.Calendar.from_ical(write(obj, dtstamp_ms=0))
    found = recurring_ical_events.of(calendar).between(start, end)
    return sorted((plain(event["DTSTART"].dt), plain(event["DTEND"].dt)) for event in found)


def plain(moment: dt.date | dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat() if isinstance(moment, dt.datetime) else moment.isoformat()


def ends_backwards(start: dt.date, end: dt.date) -> bool:
    """Wall time and instants run apart around a change of offset; there the library compares wall times."""
    if not isinstance(start, dt.datetime) or not isinstance(end, dt.datetime):
        return False
    before, after = start - dt.timedelta(hours=3), end + dt.timedelta(hours=3)
    return before.utcoffset() != after.utcoffset()


@at_least(150)
@given(obj=objects(), ahead=st.integers(-30, 400), days=st.integers(1, 90))
def test_occurrences_are_those_of_recurring_ical_events(obj: CalendarObject, ahead: int, days: int) -> None:
    assert obj.master is not None
    zone = obj.master.start.tzinfo if isinstance(obj.master.start, dt.datetime) else dt.UTC
    begin = dt.datetime.combine(obj.master.start, dt.time(), zone) + dt.timedelta(days=ahead)
    end = begin + dt.timedelta(days=days)
    ours = occurrences(obj, begin, end, limit=10_000)
    assume(not any(ends_backwards(one.start, one.end) for one in ours))
    assume(not ends_backwards(begin, begin))
    assume(not ends_backwards(end, end))
    assert sorted((plain(one.start), plain(one.end)) for one in ours) == by_library(obj, begin, end)


@at_least(200)
@given(obj=objects())
def test_the_span_covers_every_occurrence(obj: CalendarObject) -> None:
    starts_ms, ends_ms, recurring = span(obj)
    assert recurring
    far = dt.datetime(2060, 1, 1, tzinfo=dt.UTC)
    shown = occurrences(obj, dt.datetime(2010, 1, 1, tzinfo=dt.UTC), far, limit=500)
    early, late = dt.timezone(dt.timedelta(hours=14)), dt.timezone(dt.timedelta(hours=-14))
    for one in shown:
        assert milliseconds(one.start, early) >= starts_ms
        assert milliseconds(one.end, late) <= ends_ms
    assert (ends_ms == FOREVER_MS) == (
        obj.master.recurrence.rules[0].count is None and obj.master.recurrence.rules[0].until is None
    )


def milliseconds(moment: dt.date, zone: dt.tzinfo) -> int:
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time(), zone)
    return round(moment.timestamp() * 1000)


@at_least(300)
@given(rule=rules())
def test_a_rule_survives_its_text(rule: Rule) -> None:
    assert rule_from_text(rule_to_text(rule)) == rule


@at_least(15)
@given(
    freq=st.sampled_from(Freq),
    month_day=st.sampled_from([30, 31]),
    hours=numbers(0, 23),
    interval=st.integers(1, 10_000),
)
def test_a_rule_that_matches_nothing_costs_little(
    freq: Freq, month_day: int, hours: tuple[int, ...], interval: int
) -> None:
    rule = Rule(freq=freq, interval=interval, by_month=(2,), by_month_day=(month_day,), by_hour=hours)
    start = dt.datetime(2026, 1, 1, 9, tzinfo=dt.UTC)
    began = time.process_time()
    event = Event(uid="x", start=start, end=start, recurrence=Recurrence(rules=(rule,)))
    assert first_occurrences(event, 3) == [start]
    assert time.process_time() - began < 5

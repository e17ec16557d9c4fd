"""Laws of the mapping: reading back what was sent, laying changes over, and what the compiler makes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from examples import at_least, law
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.errors import Inexpressible
from bridge.ical.recur import occurrences as occurrences_of_object
from bridge.model.event import Alarm, CalendarObject, Event
from bridge.model.people import Attendee, Person, Roster
from bridge.model.recurrence import Freq, NthDay, Recurrence, Rule, Weekday
from bridge.model.upstream import Upstream
from bridge.plan.compile import compile_object
from bridge.providers.wecom.encode import nearest_diff
from bridge.providers.wecom.limits import DIFFS_ALL_DAY, DIFFS_TIMED, LIMITS
from bridge.providers.wecom.mapper import WeComMapper
from bridge.providers.wecom.overlay import lay, people_changes, with_people, writable
from bridge.providers.wecom.schema import as_ids
from bridge.providers.wecom.series import last_occurrence, occurrences

SHANGHAI = ZoneInfo("Asia/Shanghai")
MAPPER = WeComMapper(SHANGHAI)
NAMES = ["lisi", "wangwu", "zhaoliu", "zhangsan"]
ROSTER = Roster(
    me="lisi",
    ids={f"mailto:{name}@example.com": name for name in NAMES},
    people={name: Person(address=f"mailto:{name}@example.com", name=name.title()) for name in NAMES},
)
ME = ROSTER.people["lisi"]

# Zones that keep one offset of whole hours: what a series may be written in.
STEADY = st.sampled_from(
    [
        SHANGHAI,
        ZoneInfo("Asia/Tokyo"),
        ZoneInfo("America/Phoenix"),
        ZoneInfo("Etc/GMT+12"),
        ZoneInfo("Etc/UTC"),
    ]
)
ZONES = st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Etc/UTC"]).map(ZoneInfo)  # fmt: skip
DATES = st.dates(dt.date(1992, 1, 1), dt.date(2099, 12, 31))
"""China had daylight saving time until 1991."""
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
BEFORE = st.sampled_from([-diff for diff in DIFFS_ALL_DAY]) | st.integers(-90_000, 700_000)


@st.composite
def moments(draw: st.DrawFn, zones: st.SearchStrategy[ZoneInfo]) -> tuple[Any, Any]:
    """Return start and end, of one kind."""
    day = draw(DATES)
    if draw(st.booleans()):
        return day, day + dt.timedelta(days=draw(st.integers(1, 40)))
    start = dt.datetime.combine(
        day, dt.time(draw(st.integers(0, 23)), draw(st.integers(0, 59))), tzinfo=draw(zones)
    )
    return start, start.astimezone(dt.UTC) + dt.timedelta(seconds=draw(st.integers(1, 10**6)))


@st.composite
def events(draw: st.DrawFn, *, zones: st.SearchStrategy[ZoneInfo] = ZONES, rule: Any = None) -> Event:
    """Return an event; with ``rule``, a function from start to strategy, a series."""
    start, end = draw(moments(zones))
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
    attendees = tuple(
        Attendee(address=ROSTER.people[name].address, name=ROSTER.people[name].name) for name in sorted(names)
    )
    rules = (draw(rule(start)),) if rule else ()
    return Event(
        uid="u",
        start=start,
        end=end,
        summary=draw(TEXT),
        description=draw(TEXT),
        location=draw(TEXT),
        alarms=tuple(Alarm(before_start_s=s) for s in sorted(draw(st.sets(BEFORE, max_size=4)))),
        attendees=attendees,
        organizer=ME if attendees else None,
        recurrence=Recurrence(rules=rules),
    )


@st.composite
def ends(draw: st.DrawFn, start: Any) -> dict[str, Any]:
    """Return COUNT, UNTIL or nothing for a series that begins at ``start``."""
    kind = draw(st.sampled_from(["none", "count", "until"]))
    if kind == "none":
        return {}
    if kind == "count":
        return {"count": draw(st.integers(1, 60))}
    days = draw(st.integers(0, 900))
    if not isinstance(start, dt.datetime):
        return {"until": start + dt.timedelta(days=days)}
    return {"until": start.astimezone(dt.UTC) + dt.timedelta(days=days, seconds=draw(st.integers(-5, 5)))}


@st.composite
def safe_rules(draw: st.DrawFn, start: Any) -> Rule:
    """Return a rule that WeCom can say."""
    freq = draw(st.sampled_from([Freq.DAILY, Freq.WEEKLY, Freq.MONTHLY, Freq.YEARLY]))
    more: dict[str, Any] = draw(ends(start))
    today = Weekday(start.weekday())
    if freq is Freq.WEEKLY:
        if draw(st.booleans()):
            more["interval"] = draw(st.integers(1, 6))
            more["by_day"] = draw(st.sampled_from([(), (NthDay(today),)]))
        else:
            days = {today, *draw(st.sets(st.sampled_from(list(Weekday))))}
            more["by_day"] = tuple(NthDay(day) for day in sorted(days))
    if freq is Freq.MONTHLY:
        assume(start.day <= 28)
        more["interval"] = draw(st.integers(1, 14))
        days = draw(st.sets(st.integers(1, 28), max_size=4))
        more["by_month_day"] = tuple(sorted({start.day, *days})) if days else ()
    if freq is Freq.YEARLY:
        assume((start.month, start.day) != (2, 29))
    return Rule(freq=freq, **more)


def sent(event: Event) -> dict[str, Any]:
    return MAPPER.encode(event, ROSTER).value


def back(payload: dict[str, Any]) -> Event:
    return MAPPER.decode(Upstream(id="x", snapshot=payload), "u", ROSTER)


def kept(event: Event) -> Event:
    """Return an event without what encode declares as lost: alarms that do not exist, a lonely self."""
    allowed = DIFFS_ALL_DAY if event.is_all_day else DIFFS_TIMED
    diffs = {nearest_diff(alarm.before_start_s, allowed) for alarm in event.alarms} - {None}
    alone = [attendee.address for attendee in event.attendees] == [ME.address]
    return replace(
        event,
        alarms=tuple(Alarm(before_start_s=-diff) for diff in sorted(diffs, reverse=True) if diff is not None),
        attendees=() if alone else event.attendees,
        organizer=None if alone else event.organizer,
    )


@law
@given(events())
def test_what_was_sent_reads_as_the_event_without_its_declared_losses(event: Event) -> None:
    encoded = MAPPER.encode(event, ROSTER)
    assert back(encoded.value) == kept(event)
    lost = {loss.what for loss in encoded.losses}
    assert ("VALARM" in lost) == (kept(event).alarms != event.alarms)
    assert ("ATTENDEE" in lost) == (kept(event).attendees != event.attendees)


@law
@given(events(zones=STEADY, rule=safe_rules))
def test_a_series_reads_as_the_same_occurrences(event: Event) -> None:
    (rule,) = event.recurrence.rules
    again = back(sent(event))
    (read,) = again.recurrence.rules
    assert (again.start, again.end) == (event.start, event.end)
    for wanted, found in zip(_first(rule, event.start), _first(read, again.start), strict=True):
        assert wanted == found
    assert last_occurrence(rule, event.start) == last_occurrence(read, again.start)


def _first(rule: Rule, start: Any) -> list[Any]:
    return [moment for moment, _ in zip(occurrences(rule, start), range(80), strict=False)]


@at_least(200)
@given(events(zones=STEADY, rule=safe_rules))
def test_our_own_expansion_agrees_with_the_recurrence_library(event: Event) -> None:
    (rule,) = event.recurrence.rules
    start = (
        event.start
        if isinstance(event.start, dt.datetime)
        else dt.datetime.combine(event.start, dt.time(), dt.UTC)
    )
    span = dt.timedelta(days=1500)
    obj = CalendarObject(uid="u", master=event)
    found = occurrences_of_object(obj, start - dt.timedelta(days=2), start + span, limit=5000)
    expected = [occurrence[1] for occurrence in found]
    ours = [moment for moment, _ in zip(occurrences(rule, event.start), range(len(expected)), strict=False)]
    assert [str(moment) for moment in ours] == [str(moment) for moment in expected]


@at_least(200)
@given(events(zones=STEADY, rule=safe_rules))
def test_the_end_is_right_whether_it_is_counted_in_or_out(event: Event) -> None:
    (rule,) = event.recurrence.rules
    reminders = sent(event)["reminders"]
    until_s = reminders.get("repeat_until")
    last = last_occurrence(rule, event.start)
    if last is None:
        assert until_s is None
        return
    endless = replace(rule, count=None, until=None)
    for moment in occurrences(endless, event.start):
        start_s = _second(moment, reminders["timezone"])
        assert (start_s < until_s) == (start_s <= until_s) == (moment <= last)
        if moment > last:
            break


def _second(moment: Any, hours: int) -> int:
    if isinstance(moment, dt.datetime):
        return int(moment.timestamp())
    offset = dt.timezone(dt.timedelta(hours=hours))
    return int(dt.datetime.combine(moment, dt.time(), tzinfo=offset).timestamp())


@law
@given(events())
def test_sending_what_was_read_sends_the_same(event: Event) -> None:
    payload = sent(event)
    assert sent(back(payload)) == payload
    assert writable(payload) == payload


@at_least(200)
@given(events(), events(), events())
def test_a_change_lays_what_differs_and_nothing_else(one: Event, other: Event, vendor: Event) -> None:
    before, after, current = sent(one), sent(other), writable(sent(vendor))
    assert lay(current, before, before) == current
    laid = lay(current, before, after)
    for name in ("summary", "description", "location"):
        assert laid[name] == (after if before[name] != after[name] else current)[name]
    assert lay(laid, before, after) == laid
    assert {**lay(writable(before), before, after), "attendees": after["attendees"]} == after


@at_least(200)
@given(*[st.lists(st.sampled_from("abcdef"), unique=True) for _ in range(3)])
def test_people_are_added_and_removed_by_what_the_client_changed(
    before: list[str], after: list[str], current: list[str]
) -> None:
    def listed(names: list[str]) -> dict[str, Any]:
        return {"attendees": [{"userid": name} for name in names]}

    added, removed = people_changes(listed(before), listed(after), current)
    final = set(with_people(current, added, removed))
    assert final == (set(current) | (set(after) - set(before))) - (set(before) - set(after))
    assert not set(added) & set(current)
    assert set(removed) <= set(current)
    assert as_ids(listed(after)["attendees"]) == after


def test_people_are_the_same_whatever_their_case() -> None:
    one = {"attendees": [{"userid": "LiSi"}]}
    two = {"attendees": [{"userid": "lisi"}, {"userid": "WANGWU"}]}
    assert people_changes(one, two, ["LISI", "wangwu"]) == ([], [])
    assert people_changes(two, one, ["lisi", "WangWu"]) == ([], ["WangWu"])


# ---- with the compiler ----

BY_DAY = st.lists(st.sampled_from(list(Weekday)), unique=True, max_size=3).map(
    lambda days: tuple(NthDay(day) for day in sorted(days))
)


@st.composite
def any_rules(draw: st.DrawFn, start: Any) -> Rule:
    """Return rules that clients write, whether WeCom has a form for them or not."""
    freq = draw(st.sampled_from([Freq.DAILY, Freq.WEEKLY, Freq.MONTHLY, Freq.YEARLY]))
    more: dict[str, Any] = {"interval": draw(st.integers(1, 4)), **draw(ends(start))}
    if freq in (Freq.DAILY, Freq.WEEKLY):
        more["by_day"] = draw(BY_DAY)
        more["week_start"] = draw(st.sampled_from([Weekday.MO, Weekday.SU]))
    if freq is Freq.MONTHLY:
        kind = draw(st.sampled_from(["plain", "days", "nth"]))
        if kind == "days":
            more["by_month_day"] = tuple(
                sorted(draw(st.sets(st.integers(-3, 31).filter(bool), min_size=1, max_size=3)))
            )
        if kind == "nth":
            more["by_day"] = (
                NthDay(draw(st.sampled_from(list(Weekday))), draw(st.sampled_from([1, 2, 4, -1]))),
            )
    return Rule(freq=freq, **more)


@at_least(200)
@given(events(zones=ZONES, rule=any_rules))
def test_whatever_the_compiler_makes_of_a_series_can_be_sent(event: Event) -> None:
    start = (
        event.start
        if isinstance(event.start, dt.datetime)
        else dt.datetime.combine(event.start, dt.time(), dt.UTC)
    )
    try:
        compiled = compile_object(
            CalendarObject(uid="u", master=event), LIMITS, now=start, horizon=start + dt.timedelta(days=120)
        )
    except Inexpressible:
        return
    for piece in compiled.pieces:
        payload = sent(piece.event)
        assert sent(back(payload)) == payload


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland"])
def test_an_all_day_event_is_the_same_pair_of_dates_in_every_company(zone: str) -> None:
    mapper = WeComMapper(ZoneInfo(zone))
    for first in (dt.date(2026, 1, 1), dt.date(2026, 3, 28), dt.date(2026, 7, 1), dt.date(2026, 10, 24)):
        for days in (1, 2, 3, 14):
            event = Event(uid="u", start=first, end=first + dt.timedelta(days=days))
            payload = mapper.encode(event, ROSTER).value
            read = mapper.decode(Upstream(id="x", snapshot=payload), "u", ROSTER)
            assert (read.start, read.end) == (event.start, event.end)

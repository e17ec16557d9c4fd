"""Pairs of holes and singles: the day decides, the title counts most, and nobody is guessed at."""

import datetime as dt
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bridge.model.event import Event
from bridge.model.people import Attendee
from bridge.plan.splits import DAYS_AFTER_MAX, Hole, joined

ZONE = ZoneInfo("Asia/Shanghai")
START = dt.datetime(2026, 3, 2, 10, tzinfo=ZONE)


def event(days=0, hours=0, **fields):
    start = START + dt.timedelta(days=days, hours=hours)
    return Event(uid="", start=start, end=start + dt.timedelta(hours=1), **{"summary": "Sync", **fields})


def hole(days=0, series="a", **fields):
    shown = event(days, **fields)
    return Hole(series_id=series, at=shown.start.astimezone(dt.UTC), shown=shown)


def test_the_single_of_the_day_is_the_changed_occurrence():
    assert joined([hole()], {"x": event(hours=3)}) == {"x": hole()}


def test_a_single_before_the_day_or_long_after_it_is_none():
    assert joined([hole(7)], {"x": event(6), "y": event(8 + DAYS_AFTER_MAX)}) == {}
    assert joined([hole(7)], {"x": event(7 + DAYS_AFTER_MAX)}) == {"x": hole(7)}


def test_the_day_is_that_of_the_series():
    late = Event(uid="", summary="Sync", start=dt.datetime(2026, 3, 1, 17, tzinfo=dt.UTC), end=START)
    assert joined([hole()], {"x": late}) == {"x": hole()}, "it is 01:00 of the day in China"


def test_without_its_title_only_the_very_day_counts():
    words = {"description": "Agenda", "location": "Room"}
    assert joined([hole(**words)], {"x": event(summary="Else", **words)}) == {"x": hole(**words)}
    assert joined([hole(**words)], {"x": event(1, summary="Else", **words)}) == {}
    people = {"attendees": (Attendee(address="mailto:a@b"),)}
    assert joined([hole(**people)], {"x": event(summary="Else", **people)}) == {"x": hole(**people)}
    assert joined([hole()], {"x": event(summary="Else")}) == {}, "two empty descriptions say nothing"


def test_empty_titles_say_nothing():
    assert joined([hole(summary="")], {"x": event(summary="")}) == {}


def test_a_series_is_nobodys_occurrence():
    from bridge.model.recurrence import Freq, Recurrence, Rule

    assert joined([hole()], {"x": event(recurrence=Recurrence(rules=(Rule(freq=Freq.DAILY),)))}) == {}


def test_equal_candidates_are_left_alone_on_either_side():
    assert joined([hole()], {"x": event(hours=1), "y": event(hours=1)}) == {}
    assert joined([hole(), hole(series="b")], {"x": event(hours=1)}) == {}
    assert joined([hole(), hole()], {"x": event(hours=1)}) == {}


def test_neighbours_find_their_own_days():
    holes = [hole(n) for n in range(5)]
    singles = {str(n): event(n, hours=2) for n in range(5)}
    assert joined(holes, singles) == {str(n): hole(n) for n in range(5)}


def test_all_day_series_are_matched_by_date():
    shown = Event(uid="", summary="Off", start=dt.date(2026, 3, 2), end=dt.date(2026, 3, 3))
    gap = Hole(series_id="a", at=shown.start, shown=shown)
    timed = Event(uid="", summary="Off", start=START, end=START + dt.timedelta(hours=1))
    assert joined([gap], {"x": timed}) == {"x": gap}


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from("ab"), st.sampled_from(["S", "T", ""])), max_size=8
    ),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3), st.sampled_from(["S", "T", ""])), max_size=8),
)
def test_nobody_is_joined_twice_and_order_does_not_matter(gaps, found):
    holes = [hole(days, series, summary=title) for days, series, title in gaps]
    singles = {str(n): event(days, hours, summary=title) for n, (days, hours, title) in enumerate(found)}
    pairs = joined(holes, singles)
    used = [(one.series_id, one.at) for one in pairs.values()]
    assert len(used) == len(set(used))
    assert joined(holes[::-1], dict(reversed(singles.items()))) == pairs
    for key, one in pairs.items():
        assert singles[key].summary == one.shown.summary != ""

"""Which cycles a vendor's series can hold, and the RRULE that says so.

Decided from :class:`~bridge.model.limits.SeriesLimits` alone. A cycle that the vendor has no form for may still
be a few cycles that it has: every second day is three or four weekly series.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.model.recurrence import Freq, Moment, NthDay, Rule, Weekday
from bridge.plan.compiling.cycle import MONTHS, SAFE_DAY, WEEK, Cycle, Unit

if TYPE_CHECKING:
    from bridge.model.limits import SeriesLimits

SPLIT_MAX: Final = 12
"""Series that one cycle may become; beyond, its occurrences are dealt with one by one."""

TURN_WEEKS_MAX: Final = 400
"""Weeks in a turn up to which a daily rhythm is looked at as weekly ones; bounds the work."""


def allows(series: SeriesLimits, freq: Freq, interval: int) -> bool:
    """Return whether the vendor has a series of this frequency and interval."""
    if freq not in series.freqs:
        return False
    if interval == 1:
        return True
    freqs = series.freqs if series.interval_freqs is None else series.interval_freqs
    return freq in freqs and interval <= series.interval_max


def fit(cycle: Cycle, series: SeriesLimits) -> list[Cycle] | None:
    """Return the cycles, each one series of the vendor, that together are ``cycle``; None if there are none."""
    found = _fit_days(cycle, series) if cycle.unit is Unit.DAYS else _fit_months(cycle, series)
    if found is None or len(found) > SPLIT_MAX:
        return None
    return [each for each in found if not each.is_empty]


def _fit_days(cycle: Cycle, series: SeriesLimits) -> list[Cycle] | None:
    if cycle.step % WEEK:
        if allows(series, Freq.DAILY, cycle.step):
            return [cycle]
        turn = math.lcm(cycle.step, WEEK)
        if turn > TURN_WEEKS_MAX * WEEK:
            return None
        cycle = _respelled(cycle, cycle.base, turn, tuple(range(0, turn, cycle.step)))
    weeks = cycle.step // WEEK
    if not allows(series, Freq.WEEKLY, weeks):
        return [cycle] if cycle.size == 1 and allows(series, Freq.DAILY, cycle.step) else None
    if cycle.size == 1:
        return [cycle]
    is_plain = cycle.spots[-1] < WEEK and (weeks == 1 or series.week_start_free)
    groups = [cycle] if is_plain else _same_weeks(cycle, series)
    if series.weekly_days:
        return groups
    return [_respelled(group, group.base, group.step, (spot,)) for group in groups for spot in group.spots]


def _same_weeks(cycle: Cycle, series: SeriesLimits) -> list[Cycle]:
    """Split the days of a turn so that those of one series share a week, whichever day weeks begin on."""
    weeks = cycle.step // WEEK
    starts = week_starts(series)
    groups: dict[tuple[int, ...], list[int]] = {}
    for spot in cycle.spots:
        day = cycle.base + spot
        # Ordinal 1 is a Monday (1 January of year 1).
        numbers = tuple((day - 1 - start) // WEEK % weeks for start in starts)
        groups.setdefault(numbers, []).append(day)
    found = []
    for days in groups.values():
        begin = week_begin(min(days), starts[0])
        spots = tuple(sorted((day - begin) % WEEK for day in days))
        found.append(_respelled(cycle, begin, cycle.step, spots))
    return found


def week_starts(series: SeriesLimits) -> list[Weekday]:
    """Return the days on which the vendor's week may begin, where we have no say in it."""
    return [Weekday.MO] if series.week_start_free else sorted(series.week_starts)


def week_begin(ordinal: int, start: Weekday) -> int:
    """Return the first day of the week of a day, both as proleptic ordinals."""
    return ordinal - (ordinal - 1 - start) % WEEK


def _respelled(cycle: Cycle, base: int, step: int, spots: tuple[int, ...]) -> Cycle:
    """Return the occurrences of ``cycle`` that are also at the given spots."""
    start = cycle.wall(cycle.first)
    end = None if cycle.stop is None else cycle.wall(cycle.stop)
    return replace(cycle, base=base, step=step, spots=spots, first=-(2**62), stop=None).cut(start, end)


def _fit_months(cycle: Cycle, series: SeriesLimits) -> list[Cycle] | None:
    monthly = allows(series, Freq.MONTHLY, cycle.step)
    if cycle.nth is not None:
        return [cycle] if monthly and cycle.nth.nth in series.nth_weekday else None
    if cycle.size == 1 and _is_yearly(cycle, series):
        return [cycle]
    if not monthly or cycle.spots[-1] > SAFE_DAY or not series.month_days_max:
        return None
    size = series.month_days_max
    if cycle.size <= size:
        return [cycle]
    chunks = [cycle.spots[at : at + size] for at in range(0, cycle.size, size)]
    return [_respelled(cycle, cycle.base, cycle.step, chunk) for chunk in chunks]


def _is_yearly(cycle: Cycle, series: SeriesLimits) -> bool:
    """Return whether a date of the year can be held as YEARLY."""
    return not cycle.step % MONTHS and allows(series, Freq.YEARLY, cycle.step // MONTHS)


def needs_whole_turns(cycle: Cycle, series: SeriesLimits) -> bool:
    """Return whether the series must begin with the first occurrence of a turn.

    Without WKST it is unknown whether an interval is counted in calendar weeks or from the first occurrence; both
    mean the same only then.
    """
    is_long = cycle.step > (WEEK if cycle.unit is Unit.DAYS else 1)
    return cycle.size > 1 and is_long and not series.week_start_free


def rule_of(cycle: Cycle, series: SeriesLimits, *, until: Moment | None, has_exceptions: bool) -> Rule:
    """Return the RRULE of a stretch that :func:`fit` gave; ``until`` is the last occurrence, if there is one.

    COUNT where the vendor has one, but not with exceptions: whether it counts removed occurrences is unknown.
    """
    count = cycle.length
    counted = series.counts and count is not None and count <= series.count_max and not has_exceptions
    rule = _endless(cycle, series)
    if counted:
        return replace(rule, count=count)
    return replace(rule, until=until)


def _endless(cycle: Cycle, series: SeriesLimits) -> Rule:
    if cycle.unit is Unit.DAYS:
        weeks, odd = divmod(cycle.step, WEEK)
        if odd or not allows(series, Freq.WEEKLY, weeks):
            return Rule(freq=Freq.DAILY, interval=cycle.step)
        begin = (cycle.base - 1) % WEEK
        days = sorted(Weekday((begin + spot) % WEEK) for spot in cycle.spots)
        # A single day, or every week, is the same whatever day weeks begin on.
        week_start = Weekday(begin) if weeks > 1 and len(days) > 1 else Weekday.MO
        by_day = tuple(NthDay(day) for day in days)
        return Rule(freq=Freq.WEEKLY, interval=weeks, by_day=by_day, week_start=week_start)
    if cycle.nth is not None:
        return Rule(freq=Freq.MONTHLY, interval=cycle.step, by_day=(cycle.nth,))
    if cycle.size == 1 and _is_yearly(cycle, series):
        return Rule(freq=Freq.YEARLY, interval=cycle.step // MONTHS)
    return Rule(freq=Freq.MONTHLY, interval=cycle.step, by_month_day=cycle.spots)

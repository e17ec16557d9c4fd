"""From an RRULE to regular cycles: the rewrites of ``docs/compile.md``, and nothing about vendors.

A rule becomes *parts* (cycles, some limited to months of the year). What no cycle can say (BYSETPOS over several
days, day 31, week numbers ...) is left to expansion: then ``complete`` is False.
"""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge.model.recurrence import Freq, NthDay, Rule, Weekday
from bridge.plan.compiling.cycle import (
    MONTHS,
    SAFE_DAY,
    WEEK,
    Cycle,
    every_days,
    every_months,
    every_weeks,
    month_index,
    month_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

TIMES_MAX: Final = 8
"""Times of day (BYHOUR x BYMINUTE x BYSECOND, or every third hour) in one rule that are worth a series each."""

SPACING_MAX: Final = 48
"""Months in a turn up to which months are searched for even spacing: bounds the search, and who has more?"""

ALL_MONTHS: Final = frozenset(range(1, MONTHS + 1))
NTH_EVERYWHERE: Final = frozenset({1, 2, 3, 4, -1, -2, -3, -4})
"""Ordinals of weekdays that every month has."""
YEAR_DAY_SAFE: Final = 59
"""BYYEARDAY up to here (28 February), and from -306 (1 March), is the same date in every year."""
YEAR_DAY_SAFE_BACK: Final = -306
_COMMON_YEAR: Final = 2023


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One regular cycle, perhaps limited to some months."""

    cycle: Cycle
    months: frozenset[int] = ALL_MONTHS


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A rule as cycles, without its COUNT and UNTIL, from DTSTART on."""

    parts: tuple[Part, ...] = ()
    complete: bool = True
    """Whether the parts are the whole rule."""


NOTHING_REGULAR: Final = Parts(complete=False)


def parts_of(rule: Rule, start: dt.datetime, *, is_all_day: bool) -> Parts:
    """Return the regular cycles that a rule consists of, beginning at the local time ``start``."""
    rule = _hours_as_days(spelled_out(rule, start), start)
    times = _times(rule, start, is_all_day=is_all_day)
    if not times or len(times) > TIMES_MAX or (rule.by_set_pos and len(times) > 1):
        return NOTHING_REGULAR
    named = _NAMED.get(rule.freq)
    if named is None:
        return NOTHING_REGULAR
    found = named(rule, start.date())
    parts = []
    for part, at in itertools.product(found.parts, times):
        cycle = replace(part.cycle, at=at).cut(start, None)
        parts.append(replace(part, cycle=cycle))
    return replace(found, parts=tuple(parts))


def spelled_out(rule: Rule, start: dt.datetime) -> Rule:
    """Return the rule with the days that it takes from DTSTART written out (RFC 5545 3.3.10)."""
    if rule.by_week_no or rule.by_year_day or rule.by_month_day or rule.by_day:
        return rule
    match rule.freq:
        case Freq.YEARLY:
            return replace(rule, by_month=rule.by_month or (start.month,), by_month_day=(start.day,))
        case Freq.MONTHLY:
            return replace(rule, by_month_day=(start.day,))
        case Freq.WEEKLY:
            return replace(rule, by_day=(NthDay(Weekday(start.weekday())),))
        case _:
            return rule


def _hours_as_days(rule: Rule, start: dt.datetime) -> Rule:
    """Read HOURLY with an interval that divides a day as DAILY at several hours."""
    if rule.freq is not Freq.HOURLY or 24 % rule.interval or rule.by_set_pos:
        return rule
    hours = {(start.hour + rule.interval * turn) % 24 for turn in range(24 // rule.interval)}
    if rule.by_hour:
        hours &= set(rule.by_hour)
    return replace(rule, freq=Freq.DAILY, interval=1, by_hour=tuple(sorted(hours))) if hours else rule


def _times(rule: Rule, start: dt.datetime, *, is_all_day: bool) -> list[dt.time]:
    """Return the times of day; those of an all-day rule have no meaning (RFC 5545 3.3.10)."""
    if is_all_day:
        return [start.time()]
    hours = rule.by_hour or (start.hour,)
    minutes = rule.by_minute or (start.minute,)
    seconds = rule.by_second or (start.second,)
    if len(hours) * len(minutes) * len(seconds) > TIMES_MAX or max(seconds) > 59:
        return []
    return [dt.time(*clock) for clock in itertools.product(sorted(hours), sorted(minutes), sorted(seconds))]


# ---- one function per FREQ ---------------------------------------------------------------------------------


def _daily(rule: Rule, day: dt.date) -> Parts:
    if rule.by_set_pos or rule.by_year_day or rule.by_week_no:
        return NOTHING_REGULAR
    months = frozenset(rule.by_month) or ALL_MONTHS
    if rule.by_month_day:
        if rule.interval > 1:
            return NOTHING_REGULAR
        return _monthly(replace(rule, freq=Freq.MONTHLY), day)
    weekdays = {nth.day for nth in rule.by_day}
    at = dt.time()
    if not weekdays:
        return Parts(parts=(Part(cycle=every_days(rule.interval, day, at), months=months),))
    if rule.interval == 1:
        cycle = every_weeks(1, weekdays, day, Weekday.MO, at)
        return Parts(parts=(Part(cycle=cycle, months=months),))
    parts = []
    for turn in range(WEEK // math.gcd(rule.interval, WEEK)):
        first = day + dt.timedelta(days=turn * rule.interval)
        if first.weekday() in weekdays:
            step = math.lcm(rule.interval, WEEK)
            parts.append(Part(cycle=every_days(step, first, at), months=months))
    return Parts(parts=tuple(parts))


def _weekly(rule: Rule, day: dt.date) -> Parts:
    if rule.by_month_day or rule.by_year_day or rule.by_week_no:
        return NOTHING_REGULAR
    weekdays = {nth.day for nth in rule.by_day}
    if rule.by_set_pos:
        ordered = sorted(weekdays, key=lambda weekday: (weekday - rule.week_start) % WEEK)
        weekdays = _at_positions(ordered, rule.by_set_pos)
        if not weekdays:
            return Parts()
    months = frozenset(rule.by_month) or ALL_MONTHS
    cycle = every_weeks(rule.interval, weekdays, day, rule.week_start, dt.time())
    return Parts(parts=(Part(cycle=cycle, months=months),))


def _at_positions(ordered: list[Weekday], positions: Iterable[int]) -> set[Weekday]:
    picked = [pos - 1 if pos > 0 else len(ordered) + pos for pos in positions]
    return {ordered[index] for index in picked if 0 <= index < len(ordered)}


@dataclass(frozen=True, slots=True)
class _Days:
    """Days inside a month, sorted out."""

    dates: tuple[int, ...] = ()
    """Days of the month that every month has, ascending."""
    nths: tuple[NthDay, ...] = ()
    weekdays: frozenset[Weekday] = frozenset()
    """All such weekdays of the month."""
    complete: bool = True


def _month_days(rule: Rule) -> _Days:
    """Sort out BYMONTHDAY, BYDAY and BYSETPOS of a rule that speaks of days inside months."""
    if rule.by_month_day and rule.by_day:
        return _weekdays_on_dates(rule)
    if rule.by_month_day:
        dates = tuple(sorted({day for day in rule.by_month_day if 1 <= day <= SAFE_DAY}))
        single = len(rule.by_month_day) == 1 and set(rule.by_set_pos) <= {1, -1}
        if rule.by_set_pos and not single:
            return _Days(complete=False)
        return _Days(dates=dates, complete=len(dates) == len(set(rule.by_month_day)))
    plain = {nth.day for nth in rule.by_day if not nth.nth}
    if rule.by_set_pos:
        if len(plain) < len(rule.by_day):
            return _Days(complete=False)
        if len(plain) == WEEK:
            days = tuple(sorted({pos for pos in rule.by_set_pos if 1 <= pos <= SAFE_DAY}))
            return _Days(dates=days, complete=len(days) == len(set(rule.by_set_pos)))
        if len(plain) > 1:
            return _Days(complete=False)
        wanted = [NthDay(day, pos) for day in plain for pos in rule.by_set_pos]
        plain = set()
    else:
        wanted = [nth for nth in rule.by_day if nth.nth]
    nths = tuple(sorted(nth for nth in set(wanted) if nth.nth in NTH_EVERYWHERE and nth.day not in plain))
    complete = all(nth.nth in NTH_EVERYWHERE or nth.day in plain for nth in wanted)
    return _Days(nths=nths, weekdays=frozenset(plain), complete=complete)


def _weekdays_on_dates(rule: Rule) -> _Days:
    """Read ``BYDAY=TU;BYMONTHDAY=8,9,10,11,12,13,14`` as 2TU: seven days in a row hold each weekday once."""
    days = sorted(set(rule.by_month_day))
    is_block = len(days) == WEEK and days[0] % WEEK == 1 and days[0] > 0 and days[-1] - days[0] == WEEK - 1
    if not is_block or days[-1] > SAFE_DAY or rule.by_set_pos or any(nth.nth for nth in rule.by_day):
        return _Days(complete=False)
    ordinal = days[-1] // WEEK
    return _Days(nths=tuple(sorted(NthDay(nth.day, ordinal) for nth in set(rule.by_day))))


def _monthly(rule: Rule, day: dt.date) -> Parts:
    if rule.by_year_day or rule.by_week_no:
        return NOTHING_REGULAR
    found = _month_days(rule)
    base = month_index(day)
    turns = _turns({base}, rule.interval) if not rule.by_month else _limited(rule, base)
    parts = _in_months(found, turns)
    complete = found.complete
    if found.weekdays:
        if MONTHS % rule.interval:
            complete = False
        else:
            met = frozenset(month_of(base + turn) for turn in range(0, MONTHS, rule.interval))
            months = met & frozenset(rule.by_month) if rule.by_month else met
            parts += _whole_weeks(found.weekdays, day, months)
    return Parts(parts=tuple(parts), complete=complete)


def _limited(rule: Rule, base: int) -> list[tuple[int, int]]:
    """Return (first month number, step) of the cycles of a MONTHLY rule with BYMONTH."""
    met = range(base, base + rule.interval * MONTHS, rule.interval)
    wanted = {index for index in met if month_of(index) in rule.by_month}
    step = math.lcm(rule.interval, MONTHS)
    return _turns({index for index in wanted if index < base + step}, step)


def _turns(bases: set[int], step: int) -> list[tuple[int, int]]:
    """Return as few (base, step) of months as evenly spaced ones allow: 3,6,9,12 is every third month."""
    if len(bases) == 1 or step > SPACING_MAX:
        return [(base, step) for base in sorted(bases)]
    left = {base % step for base in bases}
    origin = {base % step: base for base in bases}
    turns = []
    for finer in (divisor for divisor in range(1, step) if step % divisor == 0):
        for phase in range(finer):
            series = set(range(phase, step, finer))
            if series <= left:
                turns.append((min(origin[index] for index in series), finer))
                left -= series
    return turns + [(origin[phase], step) for phase in sorted(left)]


def _in_months(found: _Days, turns: list[tuple[int, int]]) -> list[Part]:
    at = dt.time()
    parts = []
    for base, step in turns:
        if found.dates:
            parts.append(Part(cycle=every_months(step, base, found.dates, at)))
        parts += [Part(cycle=every_months(step, base, nth, at)) for nth in found.nths]
    return parts


def _whole_weeks(weekdays: frozenset[Weekday], day: dt.date, months: frozenset[int]) -> list[Part]:
    if not months:
        return []
    return [Part(cycle=every_weeks(1, set(weekdays), day, Weekday.MO, dt.time()), months=months)]


def _yearly(rule: Rule, day: dt.date) -> Parts:
    if rule.by_week_no:
        return NOTHING_REGULAR
    if rule.by_year_day:
        return _year_days(rule, day)
    if rule.by_set_pos and (len(rule.by_month) != 1 or not rule.by_day):
        return NOTHING_REGULAR
    if rule.by_month_day and not rule.by_day:
        return _year_dates(rule, day)
    if not rule.by_month and rule.by_day and not rule.by_month_day:
        return _year_weekdays(rule, day)
    found = _month_days(rule)
    months = sorted(rule.by_month) or sorted(ALL_MONTHS)
    turns = _turns({day.year * MONTHS + month - 1 for month in months}, rule.interval * MONTHS)
    parts = _in_months(found, turns)
    complete = found.complete
    if found.weekdays:
        if rule.interval > 1:
            complete = False
        else:
            parts += _whole_weeks(found.weekdays, day, frozenset(months))
    return Parts(parts=tuple(parts), complete=complete)


def _year_dates(rule: Rule, day: dt.date) -> Parts:
    """Read BYMONTH x BYMONTHDAY: dates that exist in every year are a cycle each, or share one."""
    step = rule.interval * MONTHS
    complete = True
    by_date: dict[int, set[int]] = {}
    for month, given in itertools.product(sorted(rule.by_month) or sorted(ALL_MONTHS), rule.by_month_day):
        length = calendar.monthrange(_COMMON_YEAR, month)[1]
        date = given if given > 0 else length + 1 + given
        if month == 2 and (given > SAFE_DAY or given < 0):
            complete = complete and given > SAFE_DAY + 1
        elif 1 <= date <= length:
            by_date.setdefault(date, set()).add(day.year * MONTHS + month - 1)
    turns: dict[tuple[int, int], list[int]] = {}
    for date, bases in sorted(by_date.items()):
        found = _turns(bases, step) if date <= SAFE_DAY else [(base, step) for base in sorted(bases)]
        for base, finer in found:
            turns.setdefault((base, finer), []).append(date)
    parts = [
        Part(cycle=every_months(finer, base, tuple(dates), dt.time()))
        for (base, finer), dates in turns.items()
    ]
    return Parts(parts=tuple(parts), complete=complete)


def _year_days(rule: Rule, day: dt.date) -> Parts:
    """Read BYYEARDAY as dates where leap years make no difference."""
    if rule.by_month or rule.by_month_day or rule.by_day or rule.by_set_pos:
        return NOTHING_REGULAR
    parts, complete = [], True
    new_year = dt.date(_COMMON_YEAR, 1, 1)
    for number in sorted(set(rule.by_year_day)):
        if not (1 <= number <= YEAR_DAY_SAFE or YEAR_DAY_SAFE_BACK <= number <= -1):
            complete = False
            continue
        date = new_year + dt.timedelta(days=number - 1 if number > 0 else 365 + number)
        base = day.year * MONTHS + date.month - 1
        parts.append(Part(cycle=every_months(rule.interval * MONTHS, base, (date.day,), dt.time())))
    return Parts(parts=tuple(parts), complete=complete)


def _year_weekdays(rule: Rule, day: dt.date) -> Parts:
    """Read BYDAY of a YEARLY rule without months: the nth of the year is the nth of January or December."""
    parts, complete = [], True
    plain = frozenset(nth.day for nth in rule.by_day if not nth.nth)
    if plain:
        if rule.interval > 1:
            complete = False
        else:
            parts += _whole_weeks(plain, day, ALL_MONTHS)
    for nth in sorted(set(rule.by_day)):
        if not nth.nth or (nth.day in plain and rule.interval == 1):
            continue
        if nth.nth not in NTH_EVERYWHERE:
            complete = False
            continue
        base = day.year * MONTHS + (0 if nth.nth > 0 else MONTHS - 1)
        parts.append(Part(cycle=every_months(rule.interval * MONTHS, base, nth, dt.time())))
    return Parts(parts=tuple(parts), complete=complete)


_NAMED: Final = {
    Freq.DAILY: _daily,
    Freq.WEEKLY: _weekly,
    Freq.MONTHLY: _monthly,
    Freq.YEARLY: _yearly,
}

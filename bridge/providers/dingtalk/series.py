"""The occurrences of the rules that DingTalk can say (reference 4.4). Pure.

Only what ``recurrence.pattern`` holds is expanded: days, weeks with weekdays, a day of the month, the nth of one
or more weekdays, a day of the year. The start itself always counts (RFC 5545 3.8.5.3).
"""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
from typing import TYPE_CHECKING, Final

from bridge.model.recurrence import Freq

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.model.recurrence import Moment, NthDay, Rule

YEAR_LAST: Final = 2100
"""Nothing is expanded beyond this year."""

OCCURRENCES_MAX: Final = 50_000
"""Occurrences of one series: every day from 1970 to the end of :data:`YEAR_LAST`."""

MONTHS: Final = 12


def occurrences(rule: Rule, start: Moment) -> Iterator[Moment]:
    """Yield the starts of a series in ascending order, in the zone of ``start``, until its end or the bounds."""
    last = _last_moment(rule, start)
    most = OCCURRENCES_MAX if rule.count is None else min(rule.count, OCCURRENCES_MAX)
    for day in itertools.islice(days(rule, _date_of(start)), most):
        moment = at_day(start, day)
        if last is not None and moment > last:
            return
        yield moment


def at_day(start: Moment, day: dt.date) -> Moment:
    """Return the occurrence of a series that falls on ``day``: the wall time of its start."""
    if not isinstance(start, dt.datetime):
        return day
    return start if day == start.date() else dt.datetime.combine(day, start.timetz()).replace(fold=0)


def days(rule: Rule, first: dt.date) -> Iterator[dt.date]:
    """Yield the days of a rule from ``first`` on, without COUNT and UNTIL."""
    yield first
    for day in _candidates(rule, first):
        if day.year > YEAR_LAST:
            return
        if day > first:
            yield day


def _candidates(rule: Rule, first: dt.date) -> Iterator[dt.date]:
    """Yield the days that the pattern names, ascending, beginning with the period of ``first``."""
    match rule.freq:
        case Freq.DAILY:
            return _daily(rule, first)
        case Freq.WEEKLY:
            return _weekly(rule, first)
        case Freq.MONTHLY:
            return _monthly(rule, first, first.day)
        case Freq.YEARLY:
            return _yearly(rule, first)
        case _:
            return iter(())


def _daily(rule: Rule, first: dt.date) -> Iterator[dt.date]:
    """Yield every ``interval``-th day, of the listed weekdays if there are any."""
    listed = {int(nth.day) for nth in rule.by_day}
    for steps in itertools.count():
        day = _plus(first, steps * rule.interval)
        if day is None or day.year > YEAR_LAST:
            return
        if not listed or day.weekday() in listed:
            yield day


def _weekly(rule: Rule, first: dt.date) -> Iterator[dt.date]:
    """Yield the listed weekdays of every ``interval``-th week; weeks begin on ``week_start``."""
    listed = {int(nth.day) for nth in rule.by_day} or {first.weekday()}
    offsets = sorted((day - rule.week_start) % 7 for day in listed)
    into = (first.weekday() - rule.week_start) % 7
    for weeks in itertools.count(0, rule.interval):
        for offset in offsets:
            day = _plus(first, weeks * 7 + offset - into)
            if day is None:
                return
            yield day


def _monthly(rule: Rule, first: dt.date, day_of_month: int) -> Iterator[dt.date]:
    """Yield one day, or the nth weekday, of every ``interval``-th month; months without it are skipped."""
    for months in itertools.count(0, rule.interval):
        year, month0 = divmod(first.year * MONTHS + first.month - 1 + months, MONTHS)
        if year > YEAR_LAST:
            return
        yield from _in_month(rule, year, month0 + 1, day_of_month)


def _yearly(rule: Rule, first: dt.date) -> Iterator[dt.date]:
    """Yield the same day or nth weekday of every ``interval``-th year."""
    month = rule.by_month[0] if rule.by_month else first.month
    for year in range(first.year, YEAR_LAST + 1, rule.interval):
        yield from _in_month(rule, year, month, first.day)


def _in_month(rule: Rule, year: int, month: int, default_day: int) -> list[dt.date]:
    """Return the days that a rule names in one month, ascending."""
    if rule.by_day:
        named = in_month(rule.by_day, year, month)
        if not rule.by_set_pos:
            return named
        picked = [pos - 1 if pos > 0 else len(named) + pos for pos in rule.by_set_pos]
        return [named[index] for index in sorted(set(picked)) if 0 <= index < len(named)]
    length = calendar.monthrange(year, month)[1]
    wanted = rule.by_month_day or (default_day,)
    exact = {day if day > 0 else length + 1 + day for day in wanted}
    return [dt.date(year, month, day) for day in sorted(exact) if 1 <= day <= length]


def in_month(by_day: Iterable[NthDay], year: int, month: int) -> list[dt.date]:
    """Return the days that BYDAY elements name in a month, ascending."""
    return sorted({day for nth in by_day for day in _weekdays(nth, year, month)})


def _weekdays(nth: NthDay, year: int, month: int) -> list[dt.date]:
    """Return the days of one BYDAY element in a month."""
    length = calendar.monthrange(year, month)[1]
    first = 1 + (int(nth.day) - dt.date(year, month, 1).weekday()) % 7
    all_days = [dt.date(year, month, day) for day in range(first, length + 1, 7)]
    if nth.nth == 0:
        return all_days
    index = nth.nth - 1 if nth.nth > 0 else len(all_days) + nth.nth
    return [all_days[index]] if 0 <= index < len(all_days) else []


def _last_moment(rule: Rule, start: Moment) -> Moment | None:
    """Return UNTIL as a moment of the kind of ``start``."""
    until = rule.until
    if until is None:
        return None
    if not isinstance(start, dt.datetime):
        return until.date() if isinstance(until, dt.datetime) else until
    if isinstance(until, dt.datetime):
        return until
    return dt.datetime.combine(until, dt.time.max, tzinfo=start.tzinfo)


def _date_of(start: Moment) -> dt.date:
    """Return the local date of a start."""
    return start.date() if isinstance(start, dt.datetime) else start


def _plus(day: dt.date, more: int) -> dt.date | None:
    """Return a day ``more`` days later; None beyond the calendar."""
    try:
        return day + dt.timedelta(days=more)
    except OverflowError:
        return None

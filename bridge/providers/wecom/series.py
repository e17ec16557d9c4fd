"""Which days a rule names: only the rules that a WeCom series can have (reference 6). Pure."""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
from typing import TYPE_CHECKING, Final

from bridge.model.recurrence import Freq, Weekday
from bridge.providers.wecom.limits import YEAR_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.model.recurrence import Moment, Rule

OCCURRENCES_MAX: Final = 50_000
"""Occurrences of one series: a day each from 1970 to 2105."""

MONTHS: Final = 12
DAYS_OF_WEEK: Final = 7


def occurrences(rule: Rule, start: Moment) -> Iterator[Moment]:
    """Yield the starts of a series in order, the first being ``start``, up to COUNT, UNTIL or the bounds."""
    most = OCCURRENCES_MAX if rule.count is None else min(rule.count, OCCURRENCES_MAX)
    for day in itertools.islice(_days(rule, _date_of(start)), most):
        moment = _on(start, day)
        if moment != start and _is_after(moment, rule.until):
            return
        yield moment


def last_occurrence(rule: Rule, start: Moment) -> Moment | None:
    """Return the last start of a series, or None if it has no end. Nothing is looked for after YEAR_MAX."""
    if rule.count is None and rule.until is None:
        return None
    last = start
    for moment in occurrences(rule, start):
        last = moment
    return last


def _on(start: Moment, day: dt.date) -> Moment:
    """Return the occurrence on a day: the wall time of the start."""
    if isinstance(start, dt.datetime):
        return dt.datetime.combine(day, start.timetz())
    return day


def _date_of(moment: Moment) -> dt.date:
    return moment.date() if isinstance(moment, dt.datetime) else moment


def _is_after(moment: Moment, until: Moment | None) -> bool:
    """Compare an occurrence with an inclusive UNTIL of whatever kind."""
    if until is None:
        return False
    if isinstance(moment, dt.datetime) and isinstance(until, dt.datetime):
        return moment > until
    return _date_of(moment) > _date_of(until)


def _days(rule: Rule, first: dt.date) -> Iterator[dt.date]:
    """Yield ``first`` and then the days that the pattern names."""
    yield first
    for day in _pattern(rule, first):
        if day.year > YEAR_MAX:
            return
        if day > first:
            yield day


def _pattern(rule: Rule, first: dt.date) -> Iterator[dt.date]:
    match rule.freq:
        case Freq.DAILY:
            return _every(first, rule.interval)
        case Freq.WEEKLY:
            return _weekly(rule, first)
        case Freq.MONTHLY:
            return _monthly(rule.by_month_day or (first.day,), first, rule.interval)
        case Freq.YEARLY:
            return _monthly((first.day,), first, rule.interval * MONTHS)
        case _:
            return iter(())


def _every(first: dt.date, step_days: int) -> Iterator[dt.date]:
    last = dt.date(YEAR_MAX, MONTHS, 31).toordinal()
    for ordinal in range(first.toordinal(), last + 1, step_days):
        yield dt.date.fromordinal(ordinal)


def _weekly(rule: Rule, first: dt.date) -> Iterator[dt.date]:
    named = {nth.day for nth in rule.by_day} or {Weekday(first.weekday())}
    from_week_start = sorted((day - rule.week_start) % DAYS_OF_WEEK for day in named)
    monday = first - dt.timedelta(days=(first.weekday() - rule.week_start) % DAYS_OF_WEEK)
    for week in _every(monday, rule.interval * DAYS_OF_WEEK):
        for days in from_week_start:
            yield week + dt.timedelta(days=days)


def _monthly(days: tuple[int, ...], first: dt.date, step_months: int) -> Iterator[dt.date]:
    """Yield the days of every ``step_months``-th month; a day that a month lacks is left out (RFC 5545 3.3.10)."""
    months = first.year * MONTHS + first.month - 1
    for number in range(months, (YEAR_MAX + 1) * MONTHS, step_months):
        year, month = divmod(number, MONTHS)
        length = calendar.monthrange(year, month + 1)[1]
        for day in days:
            if 1 <= day <= length:
                yield dt.date(year, month + 1, day)

"""A recurrence rule worked out in wall time (RFC 5545 section 3.3.10).

Why not dateutil: its iterator runs to the year 9999 when a rule matches nothing (30 February), whatever end it is
given; here the work is bounded by the window and by :data:`PERIODS_MAX`. The laws in ``tests/property`` hold both
against each other. Where they differ, RFC 5545 is followed: BYWEEKNO without a day takes the weekday of DTSTART,
and BYDAY=MO,2TU is a union.
"""

from __future__ import annotations

import calendar
import datetime as dt
from itertools import product
from typing import TYPE_CHECKING, Final

from bridge.ical.values import YEAR_MAX
from bridge.model.recurrence import Freq, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PERIODS_MAX: Final = 200_000
"""Most periods (years, months, ... seconds) looked at in one expansion: 547 years of days. Our own bound."""

BARREN_DAYS_MAX: Final = 146_097 + 366
"""Most days looked at one after another without finding any: a whole Gregorian cycle of 400 years. What has not
matched by then never will (but for intervals that no calendar can show)."""

_DAY: Final = dt.timedelta(days=1)

_STEP: Final = {
    Freq.HOURLY: dt.timedelta(hours=1),
    Freq.MINUTELY: dt.timedelta(minutes=1),
    Freq.SECONDLY: dt.timedelta(seconds=1),
}


def expand(
    rule: Rule, start: dt.datetime, until: dt.datetime, since: dt.datetime | None = None
) -> Iterator[dt.datetime]:
    """Yield the wall times that match ``rule``, ascending, from ``start`` (or the later ``since``) to ``until``.

    All three are without a zone; ``until`` is included. COUNT and UNTIL of the rule are the caller's business, and
    so is a ``start`` that does not match. Yields nothing more after :data:`PERIODS_MAX` periods.
    """
    since = start if since is None or since < start else since
    days = _Days(rule, start)
    walls = (
        _within_days(rule, start, until, since, days)
        if rule.freq in _STEP
        else _whole_days(rule, start, until, since, days)
    )
    for wall in walls:
        if wall > until:
            return
        if wall >= since:
            yield wall


def matches(rule: Rule, start: dt.datetime) -> bool:
    """Return whether ``start`` is in step with its own rule."""
    return any(True for _ in expand(rule, start, start))


class _Days:
    """Which days a rule allows: the BY parts, and what DTSTART adds where they are missing."""

    def __init__(self, rule: Rule, start: dt.datetime) -> None:
        self.months = frozenset(rule.by_month)
        self.month_days = frozenset(rule.by_month_day)
        self.year_days = frozenset(rule.by_year_day)
        self.weeks = frozenset(rule.by_week_no)
        self.week_start = int(rule.week_start)
        nth_counts = rule.freq in {Freq.YEARLY, Freq.MONTHLY} and not rule.by_week_no
        self.weekdays = frozenset(int(day.day) for day in rule.by_day if not (day.nth and nth_counts))
        self.nth = frozenset((int(day.day), day.nth) for day in rule.by_day if day.nth and nth_counts)
        self.nth_in_year = rule.freq is Freq.YEARLY and not rule.by_month
        if self.weeks and not (rule.by_day or self.month_days or self.year_days):
            self.weekdays = frozenset({start.weekday()})
        elif not (self.weeks or rule.by_day or self.month_days or self.year_days):
            if rule.freq is Freq.YEARLY:
                self.months = self.months or frozenset({start.month})
            if rule.freq in {Freq.YEARLY, Freq.MONTHLY}:
                self.month_days = frozenset({start.day})
            elif rule.freq is Freq.WEEKLY:
                self.weekdays = frozenset({start.weekday()})
        self.is_any = not (
            self.months or self.month_days or self.year_days or self.weeks or self.weekdays or self.nth
        )

    def allows(self, day: dt.date) -> bool:
        """Return whether every part that there is agrees."""
        if self.is_any:
            return True
        if self.months and day.month not in self.months:
            return False
        if (self.weekdays or self.nth) and day.weekday() not in self.weekdays and not self._is_nth(day):
            return False
        if self.month_days and day.day not in self.month_days:
            length = calendar.monthrange(day.year, day.month)[1]
            if day.day - length - 1 not in self.month_days:
                return False
        if self.year_days:
            number = day.timetuple().tm_yday
            if number not in self.year_days and number - _year_length(day.year) - 1 not in self.year_days:
                return False
        return not self.weeks or self._in_weeks(day)

    def _is_nth(self, day: dt.date) -> bool:
        if not self.nth:
            return False
        if self.nth_in_year:
            position, length = day.timetuple().tm_yday, _year_length(day.year)
        else:
            position, length = day.day, calendar.monthrange(day.year, day.month)[1]
        weekday = day.weekday()
        return (weekday, (position - 1) // 7 + 1) in self.nth or (
            weekday,
            -((length - position) // 7 + 1),
        ) in self.nth

    def _in_weeks(self, day: dt.date) -> bool:
        """Week 1 is the first with four days in its year; weeks begin on WKST."""
        begin = day - dt.timedelta(days=(day.weekday() - self.week_start) % 7)
        year = (begin + dt.timedelta(days=3)).year
        first = self._first_week(year)
        number = (begin - first).days // 7 + 1
        if number in self.weeks:
            return True
        count = (self._first_week(year + 1) - first).days // 7
        return number - count - 1 in self.weeks

    def _first_week(self, year: int) -> dt.date:
        fourth = dt.date(year, 1, 4)
        return fourth - dt.timedelta(days=(fourth.weekday() - self.week_start) % 7)


def _year_length(year: int) -> int:
    return 366 if calendar.isleap(year) else 365


def _whole_days(
    rule: Rule, start: dt.datetime, until: dt.datetime, since: dt.datetime, days: _Days
) -> Iterator[dt.datetime]:
    """YEARLY, MONTHLY, WEEKLY, DAILY: a period is a set of days, each with the same times."""
    times = [
        dt.time(hour, minute, second)
        for hour, minute, second in product(
            rule.by_hour or (start.hour,),
            rule.by_minute or (start.minute,),
            rule.by_second or (start.second,),
        )
    ]
    barren = 0
    for period in _periods(rule, start.date(), since.date(), until.date(), days):
        walls = [dt.datetime.combine(day, time) for day in period if days.allows(day) for time in times]
        if rule.by_set_pos:
            walls = _picked(walls, rule.by_set_pos)
        yield from walls
        barren = 0 if walls else barren + len(period)
        if barren > BARREN_DAYS_MAX:
            return


def _picked(walls: list[dt.datetime], positions: tuple[int, ...]) -> list[dt.datetime]:
    """Apply BYSETPOS to one period's ascending set."""
    count = len(walls)
    wanted = {position - 1 if position > 0 else count + position for position in positions}
    return [walls[index] for index in sorted(wanted) if 0 <= index < count]


def _periods(
    rule: Rule, start: dt.date, since: dt.date, until: dt.date, days: _Days
) -> Iterator[Sequence[dt.date]]:
    """Yield the days of each period that may reach from ``since`` to ``until``."""
    match rule.freq:
        case Freq.DAILY:
            step = rule.interval
            skipped = max((since - start).days // step, 0)
            for day in _dates(start, skipped, step, until):
                yield (day,)
        case Freq.WEEKLY:
            begin = start.toordinal() - (start.weekday() - int(rule.week_start)) % 7
            step = 7 * rule.interval
            skipped = max((since.toordinal() - begin) // step, 0)
            for day in _dates(dt.date.fromordinal(begin), skipped, step, until):
                yield [day + _DAY * number for number in range(7)]
        case Freq.MONTHLY:
            begin = start.year * 12 + start.month - 1
            skipped = max((since.year * 12 + since.month - 1 - begin) // rule.interval, 0)
            end = until.year * 12 + until.month - 1
            for count, number in enumerate(range(begin + skipped * rule.interval, end + 1, rule.interval)):
                if count >= PERIODS_MAX:
                    return
                if not days.months or number % 12 + 1 in days.months:
                    yield _month(number // 12, number % 12 + 1)
        case _:
            skipped = max((since.year - start.year) // rule.interval, 0)
            months = sorted(days.months) or range(1, 13)
            for year in range(start.year + skipped * rule.interval, until.year + 1, rule.interval):
                yield [day for month in months for day in _month(year, month)]


def _dates(start: dt.date, skipped: int, step: int, until: dt.date) -> Iterator[dt.date]:
    first = start.toordinal() + skipped * step
    last = min(until.toordinal(), dt.date(YEAR_MAX, 12, 31).toordinal())
    for count, ordinal in enumerate(range(first, last + 1, step)):
        if count >= PERIODS_MAX:
            return
        yield dt.date.fromordinal(ordinal)


def _month(year: int, month: int) -> list[dt.date]:
    return [dt.date(year, month, day) for day in range(1, calendar.monthrange(year, month)[1] + 1)]


def _within_days(
    rule: Rule, start: dt.datetime, until: dt.datetime, since: dt.datetime, days: _Days
) -> Iterator[dt.datetime]:
    """HOURLY, MINUTELY, SECONDLY: BY parts of the step's own size and above only filter."""
    step = _STEP[rule.freq] * rule.interval
    cursor = start
    if rule.freq is Freq.HOURLY:
        cursor = cursor.replace(minute=0, second=0)
    elif rule.freq is Freq.MINUTELY:
        cursor = cursor.replace(second=0)
    if since > cursor:
        cursor += step * ((since - cursor) // step)
    for _ in range(PERIODS_MAX):
        if cursor > until:
            return
        if not days.allows(cursor.date()):
            midnight = dt.datetime.combine(cursor.date() + _DAY, dt.time())
            cursor += step * -((cursor - midnight) // step)  # round up to the first step of the next day
            continue
        walls = _in_step(rule, start, cursor)
        yield from _picked(walls, rule.by_set_pos) if rule.by_set_pos else walls
        cursor += step


def _in_step(rule: Rule, start: dt.datetime, cursor: dt.datetime) -> list[dt.datetime]:
    if rule.by_hour and cursor.hour not in rule.by_hour:
        return []
    if rule.freq is Freq.HOURLY:
        minutes = rule.by_minute or (start.minute,)
    else:
        minutes = (cursor.minute,) if not rule.by_minute or cursor.minute in rule.by_minute else ()
    if rule.freq is not Freq.SECONDLY:
        seconds = rule.by_second or (start.second,)
    else:
        seconds = (cursor.second,) if not rule.by_second or cursor.second in rule.by_second else ()
    return [cursor.replace(minute=minute, second=second) for minute in minutes for second in seconds]

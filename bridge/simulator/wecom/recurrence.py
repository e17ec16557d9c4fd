"""When a WeCom series takes place: one question, "does it occur on this day?", asked day by day.

Source: reference sections 5.2, 6.1 and 17. Written without any iCalendar library on purpose.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.simulator.records import Switches
    from bridge.simulator.wecom.state import Content, Schedule

DAILY: Final = 0
WEEKLY: Final = 1
MONTHLY: Final = 2
YEARLY: Final = 5
WORKDAYS: Final = 7
REPEAT_TYPES: Final = (DAILY, WEEKLY, MONTHLY, YEARLY, WORKDAYS)

DAY_S: Final = 86_400
HOUR_S: Final = 3_600
DAYS_MAX: Final = 60_000
"""Days looked at in one question: more than the 136 years a uint32 second can name."""

EPOCH: Final = dt.date(1970, 1, 1)


def _days(month: int, first: int, last: int) -> set[dt.date]:
    return {dt.date(2026, month, day) for day in range(first, last + 1)}


HOLIDAYS: Final = (
    _days(1, 1, 3) | _days(2, 15, 23) | _days(4, 4, 6) | _days(5, 1, 5) | _days(6, 19, 21) | _days(10, 1, 7)
)
"""Days off in 2026 for the switch ``workdays`` = ``holidays``; an example, not a calendar to trust."""

EXTRA_WORKDAYS: Final = {dt.date(2026, 1, 4), dt.date(2026, 2, 14), dt.date(2026, 2, 28), dt.date(2026, 5, 9)}
"""Weekend days that are worked under the same switch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the silent points of the document are read."""

    until: str = "instant"
    """``instant``: start <= repeat_until; ``exclusive``: start < it; ``date``: by local date."""
    short_month: str = "skip"
    workdays: str = "mon_fri"
    week_start: str = "monday"
    off_pattern: str = "skip"
    """A start that does not match its own pattern: ``skip`` or ``included``."""
    interval: str = "all"
    """``all``: an interval counts for every repeat type; ``week_month``: only weekly and monthly."""


def reading(switches: Switches) -> Reading:
    """Return the reading that the switches ask for."""
    return Reading(
        until=switches["until_rule"],
        short_month=switches["short_month"],
        workdays=switches["workdays"],
        week_start=switches["week_start"],
        off_pattern=switches["start_off_pattern"],
        interval=switches["interval_scope"],
    )


def local_day(moment: int, timezone: int) -> dt.date:
    """Return the date of ``moment`` (seconds since 1970) at ``timezone`` hours from UTC."""
    return EPOCH + dt.timedelta(days=(moment + timezone * HOUR_S) // DAY_S)


def day_start(day: dt.date, timezone: int) -> int:
    """Return the second at which ``day`` begins."""
    return (day - EPOCH).days * DAY_S - timezone * HOUR_S


def occurs_on(day: dt.date, content: Content, how: Reading) -> bool:
    """Whether the series has an occurrence on local ``day``; ends and exclusions are not looked at."""
    rule = content.reminders
    first = local_day(content.start, rule.timezone)
    if day < first:
        return False
    if day == first and how.off_pattern == "included":
        return True
    step = max(rule.interval, 1) if rule.is_custom else 1
    if how.interval == "week_month" and rule.repeat_type not in (WEEKLY, MONTHLY):
        step = 1
    match rule.repeat_type:
        case 0:
            return (day - first).days % step == 0
        case 1:
            return _weekly(day, first, step, rule.weekdays if rule.is_custom else (), how)
        case 2:
            return _monthly(day, first, step, rule.monthdays if rule.is_custom else (), how)
        case 5:
            return (day.year - first.year) % step == 0 and _same_date(day, first, how)
        case _:
            return _is_workday(day, how)


def _weekly(day: dt.date, first: dt.date, step: int, weekdays: tuple[int, ...], how: Reading) -> bool:
    if day.isoweekday() not in (weekdays or (first.isoweekday(),)):
        return False
    shift = 1 if how.week_start == "sunday" else 0
    weeks = (day.toordinal() - 1 + shift) // 7 - (first.toordinal() - 1 + shift) // 7
    return weeks % step == 0


def _monthly(day: dt.date, first: dt.date, step: int, monthdays: tuple[int, ...], how: Reading) -> bool:
    months = (day.year - first.year) * 12 + day.month - first.month
    if months % step:
        return False
    wanted = monthdays or (first.day,)
    if day.day in wanted:
        return True
    last = calendar.monthrange(day.year, day.month)[1]
    return how.short_month == "clamp" and day.day == last and any(item > last for item in wanted)


def _same_date(day: dt.date, first: dt.date, how: Reading) -> bool:
    if (day.month, day.day) == (first.month, first.day):
        return True
    leap = (first.month, first.day) == (2, 29) and not calendar.isleap(day.year)
    return how.short_month == "clamp" and leap and (day.month, day.day) == (2, 28)


def _is_workday(day: dt.date, how: Reading) -> bool:
    if how.workdays == "holidays":
        if day in HOLIDAYS:
            return False
        if day in EXTRA_WORKDAYS:
            return True
    return day.isoweekday() <= 5


def within_until(start: int, content: Content, how: Reading) -> bool:
    """Whether an occurrence at ``start`` is before the end of the series."""
    rule = content.reminders
    if not rule.repeat_until:
        return True
    if how.until == "exclusive":
        return start < rule.repeat_until
    if how.until == "date":
        return local_day(start, rule.timezone) <= local_day(rule.repeat_until, rule.timezone)
    return start <= rule.repeat_until


def pattern_starts(content: Content, how: Reading, *, begin: int, end: int) -> Iterator[int]:
    """Yield the starts in [begin, end) that pattern and ``repeat_until`` give, exclusions not removed."""
    rule = content.reminders
    if not rule.is_repeat:
        if begin <= content.start < end:
            yield content.start
        return
    first = local_day(content.start, rule.timezone)
    time_of_day = content.start - day_start(first, rule.timezone)
    day = max(first, local_day(max(begin, 0), rule.timezone) - dt.timedelta(days=1))
    for _ in range(DAYS_MAX):
        start = day_start(day, rule.timezone) + time_of_day
        if start >= end or not within_until(start, content, how):
            return
        if start >= begin and occurs_on(day, content, how):
            yield start
        day += dt.timedelta(days=1)


def starts(schedule: Schedule, how: Reading, *, begin: int, end: int) -> Iterator[int]:
    """Yield the starts in [begin, end) that people see."""
    gone = set(schedule.excluded)
    for start in pattern_starts(schedule.content, how, begin=begin, end=end):
        if start not in gone:
            yield start


def has_start(schedule: Schedule, moment: int, how: Reading) -> bool:
    """Whether one of the schedule's occurrences starts at ``moment`` to the second."""
    return next(starts(schedule, how, begin=moment, end=moment + 1), None) is not None


def previous_start(content: Content, moment: int, how: Reading) -> int | None:
    """Return the last start of the pattern before ``moment``."""
    last = deque(pattern_starts(content, how, begin=content.start, end=moment), maxlen=1)
    return last[0] if last else None

"""Which days a series has: our own reading of pattern and range (reference section 4.4).

Nothing of the bridge is used here, so that this expansion may disagree with the bridge's.
"""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from bridge.simulator.dingtalk.times import When

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""Names in the order of ``date.weekday()``."""

INDEXES: Final = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1}

TYPES: Final = ("daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly")
"""What a request may say; ``relativeYearly`` appears in answers only."""

PERIODS_MAX: Final = 30_000
"""Days, weeks, months or years that an expansion walks through."""

LAST_YEAR: Final = 2120
"""No occurrence is generated after this year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A pattern and a range."""

    kind: str
    interval: int
    days: tuple[int, ...] = ()
    """Weekdays, 0 is Monday."""
    day_of_month: int | None = None
    index: int = 0
    """Position of a weekday in its month, from 0; -1 is the last."""
    first_day: int = 6
    """First weekday of a week; Sunday unless said otherwise."""
    count: int | None = None
    until: dt.datetime | None = None
    """``range.endDate`` with the offset that was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the open questions are read; the values of the switches of the same names."""

    end_date: str = "inclusive_date"
    start_off_pattern: str = "kept"
    short_month: str = "skip"
    numbered_counts_removed: bool = True
    relative_days: str = "nth_of_set"
    series_zone: str = "event"
    all_day_zone: str = "UTC"


def matches(rule: Rule, day: dt.date, reading: Reading) -> bool:
    """Whether a series that starts on ``day`` follows its own pattern there."""
    return next(_days(rule, day, reading), None) == day


def occurrences(rule: Rule, start: When, reading: Reading, removed: frozenset[int]) -> Iterator[When]:
    """Yield the original starts of a series in order, removed ones included.

    ``removed`` holds the epoch seconds of removed starts; they matter only if the count of a numbered
    range does not include them.
    """
    counted = 0
    for when in _starts(rule, start, reading):
        if rule.until is not None and _is_past(when, rule.until, reading):
            return
        if rule.count is not None and counted >= rule.count:
            return
        yield when
        epoch_s = int(when.at(reading.all_day_zone).timestamp())
        if reading.numbered_counts_removed or epoch_s not in removed:
            counted += 1


def _is_past(when: When, until: dt.datetime, reading: Reading) -> bool:
    """Whether an occurrence lies behind ``endDate``."""
    at = when.at(reading.all_day_zone)
    match reading.end_date:
        case "inclusive_instant":
            return at > until
        case "exclusive_instant":
            return at >= until
        case "inclusive_date_as_written":
            return when.local().date() > until.date()
        case _:
            zone = reading.all_day_zone if when.is_all_day else when.zone
            return when.local().date() > until.astimezone(ZoneInfo(zone)).date()


def _starts(rule: Rule, start: When, reading: Reading) -> Iterator[When]:
    """Yield starts without an end of the series."""
    if start.date is not None:
        for day in _with_start(rule, start.date, reading):
            yield When(date=day)
        return
    in_utc = reading.series_zone == "utc"
    zone = dt.UTC if in_utc else ZoneInfo(start.zone)
    first = start.at("UTC").astimezone(zone)
    for day in _with_start(rule, first.date(), reading):
        yield start.shifted_to(dt.datetime.combine(day, first.time(), tzinfo=zone))


def _with_start(rule: Rule, first: dt.date, reading: Reading) -> Iterator[dt.date]:
    """Yield the days, the start's own day first unless it is dropped for not matching."""
    days = _days(rule, first, reading)
    if reading.start_off_pattern == "kept":
        yield first
        days = itertools.dropwhile(lambda day: day <= first, days)
    yield from itertools.takewhile(lambda day: day.year <= LAST_YEAR, days)


def _days(rule: Rule, first: dt.date, reading: Reading) -> Iterator[dt.date]:
    """Yield the days of the pattern from ``first`` on."""
    candidates = _PATTERNS[rule.kind](rule, first, reading)
    return itertools.dropwhile(lambda day: day < first, candidates)


def _daily(rule: Rule, first: dt.date, reading: Reading) -> Iterator[dt.date]:
    del reading
    for step in range(PERIODS_MAX):
        yield first + dt.timedelta(days=step * rule.interval)


def _weekly(rule: Rule, first: dt.date, reading: Reading) -> Iterator[dt.date]:
    del reading
    week = first - dt.timedelta(days=(first.weekday() - rule.first_day) % 7)
    offsets = sorted((day - rule.first_day) % 7 for day in set(rule.days))
    for step in range(PERIODS_MAX):
        base = week + dt.timedelta(weeks=step * rule.interval)
        if base.year > LAST_YEAR:
            return
        for offset in offsets:
            yield base + dt.timedelta(days=offset)


def _months(rule: Rule, first: dt.date) -> Iterator[tuple[int, int]]:
    for step in range(PERIODS_MAX):
        year, month = divmod(first.year * 12 + first.month - 1 + step * rule.interval, 12)
        if year > LAST_YEAR:
            return
        yield year, month + 1


def _day_in(year: int, month: int, day: int, reading: Reading) -> dt.date | None:
    """Return that day; None or the month's last day if the month is too short."""
    length = calendar.monthrange(year, month)[1]
    if day <= length:
        return dt.date(year, month, day)
    return dt.date(year, month, length) if reading.short_month == "clamp" else None


def _absolute_monthly(rule: Rule, first: dt.date, reading: Reading) -> Iterator[dt.date]:
    for year, month in _months(rule, first):
        day = _day_in(year, month, rule.day_of_month or first.day, reading)
        if day is not None:
            yield day


def _relative_monthly(rule: Rule, first: dt.date, reading: Reading) -> Iterator[dt.date]:
    for year, month in _months(rule, first):
        yield from _relative_days(rule, year, month, reading)


def _relative_days(rule: Rule, year: int, month: int, reading: Reading) -> list[dt.date]:
    length = calendar.monthrange(year, month)[1]
    days = [dt.date(year, month, number) for number in range(1, length + 1)]
    if reading.relative_days == "nth_of_set":
        fitting = [day for day in days if day.weekday() in rule.days]
        return [fitting[rule.index]]
    each = ([day for day in days if day.weekday() == weekday] for weekday in set(rule.days))
    return sorted(fitting[rule.index] for fitting in each)


def _absolute_yearly(rule: Rule, first: dt.date, reading: Reading) -> Iterator[dt.date]:
    for year in range(first.year, LAST_YEAR + 1, rule.interval):
        day = _day_in(year, first.month, rule.day_of_month or first.day, reading)
        if day is not None:
            yield day


def _relative_yearly(rule: Rule, first: dt.date, reading: Reading) -> Iterator[dt.date]:
    for year in range(first.year, LAST_YEAR + 1, rule.interval):
        yield from _relative_days(rule, year, first.month, reading)


_PATTERNS: Final[dict[str, Callable[[Rule, dt.date, Reading], Iterator[dt.date]]]] = {
    "daily": _daily,
    "weekly": _weekly,
    "absoluteMonthly": _absolute_monthly,
    "relativeMonthly": _relative_monthly,
    "absoluteYearly": _absolute_yearly,
    "relativeYearly": _relative_yearly,
}

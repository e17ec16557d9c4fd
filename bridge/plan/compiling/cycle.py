"""Arithmetic of dates: an endless regular sequence and a stretch of it, every question answered without a loop.

A :class:`Cycle` is what a vendor's series can be: turns of ``step`` days or months, each with the same *spots*.
Occurrences have indexes; index 0 is the first spot of turn 0, and an occurrence keeps its index when the
stretch is cut or the whole is moved to another zone.
"""

from __future__ import annotations

import bisect
import calendar
import datetime as dt
import enum
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge.model.recurrence import NthDay, Weekday

if TYPE_CHECKING:
    from collections.abc import Iterator

MIDNIGHT: Final = dt.time()
MONTHS: Final = 12
WEEK: Final = 7
SAFE_DAY: Final = 28
"""The last day that every month has."""
YEAR_LAST: Final = 9990
"""Beyond this year no occurrence is computed; ``datetime`` ends nine years later."""
_LAST_ORDINAL: Final = dt.date(YEAR_LAST, 12, 31).toordinal()
_LAST_MONTH: Final = YEAR_LAST * MONTHS + 11


class Unit(enum.Enum):
    """What a turn is counted in."""

    DAYS = "days"
    MONTHS = "months"


def month_index(day: dt.date) -> int:
    """Return the number of the month of ``day``, counted from January of year 0."""
    return day.year * MONTHS + day.month - 1


def month_of(index: int) -> int:
    """Return the calendar month (1..12) of a month number."""
    return index % MONTHS + 1


def nth_weekday(year: int, month: int, spot: NthDay) -> int:
    """Return the day of the month of ``kXX`` for k in 1..4 or -1..-4: those that every month has."""
    if spot.nth > 0:
        first = dt.date(year, month, 1).weekday()
        return 1 + (spot.day - first) % WEEK + WEEK * (spot.nth - 1)
    length = calendar.monthrange(year, month)[1]
    last = dt.date(year, month, length).weekday()
    return length - (last - spot.day) % WEEK + WEEK * (spot.nth + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """A regular sequence of dates at one time of day, from index ``first`` to before ``stop``."""

    unit: Unit
    step: int
    """Days or months from one turn to the next."""
    base: int
    """Where turn 0 begins: a proleptic ordinal of a day, or a month number."""
    spots: tuple[int, ...]
    """Ascending. DAYS: days after the turn's beginning, below ``step``. MONTHS: days of the month that exist in
    each month the cycle meets; empty if ``nth`` is set."""
    nth: NthDay | None = None
    """MONTHS: the one weekday of the month instead of ``spots``."""
    at: dt.time = MIDNIGHT
    first: int = 0
    stop: int | None = None

    @property
    def size(self) -> int:
        """Return how many occurrences one turn has."""
        return 1 if self.nth else len(self.spots)

    @property
    def is_empty(self) -> bool:
        """Return whether the stretch has no occurrence."""
        return self.stop is not None and self.stop <= self.first

    @property
    def length(self) -> int | None:
        """Return the number of occurrences; None without an end."""
        return None if self.stop is None else max(0, self.stop - self.first)

    def date(self, index: int) -> dt.date:
        """Return the date of an occurrence, inside the stretch or not."""
        turn, spot = divmod(index, self.size)
        if self.unit is Unit.DAYS:
            return dt.date.fromordinal(self.base + turn * self.step + self.spots[spot])
        year, month0 = divmod(self.base + turn * self.step, MONTHS)
        day = nth_weekday(year, month0 + 1, self.nth) if self.nth else self.spots[spot]
        return dt.date(year, month0 + 1, day)

    def wall(self, index: int) -> dt.datetime:
        """Return the local time of an occurrence, without a zone."""
        return dt.datetime.combine(self.date(index), self.at)

    def ceil(self, day: dt.date) -> int:
        """Return the index of the first occurrence on or after ``day``, inside the stretch or not."""
        if self.unit is Unit.DAYS:
            turn, rest = divmod(day.toordinal() - self.base, self.step)
            return turn * self.size + bisect.bisect_left(self.spots, rest)
        turn, rest = divmod(month_index(day) - self.base, self.step)
        if rest:
            return (turn + 1) * self.size
        if self.nth:
            return turn + (nth_weekday(day.year, day.month, self.nth) < day.day)
        return turn * self.size + bisect.bisect_left(self.spots, day.day)

    def ceil_wall(self, wall: dt.datetime) -> int:
        """Return the index of the first occurrence at or after a local time."""
        day = wall.date()
        return self.ceil(day if wall.time() <= self.at else day + dt.timedelta(days=1))

    def index_of(self, wall: dt.datetime) -> int | None:
        """Return the index of the occurrence at a local time, None if the stretch has none there."""
        if wall.time() != self.at:
            return None
        index = self.ceil(wall.date())
        if index < self.first or (self.stop is not None and index >= self.stop):
            return None
        return index if self.date(index) == wall.date() else None

    def cut(self, start: dt.datetime | None, end: dt.datetime | None) -> Cycle:
        """Return the occurrences at or after ``start`` and before ``end``."""
        first = self.first if start is None else max(self.first, self.ceil_wall(start))
        stop = self.stop
        if end is not None:
            limit = self.ceil_wall(end)
            stop = limit if stop is None else min(stop, limit)
        return replace(self, first=first, stop=stop)

    def between(self, first: int, stop: int | None) -> Cycle:
        """Return the stretch of the given indexes."""
        return replace(self, first=first, stop=stop)

    def walls(self, end: dt.datetime) -> Iterator[dt.datetime]:
        """Yield the occurrences of the stretch before ``end``."""
        limit = self.cut(None, end).stop
        for index in range(self.first, limit or 0):
            yield self.wall(index)

    def within_calendar(self) -> Cycle:
        """Return the stretch without what lies beyond :data:`YEAR_LAST`, if it has an end there."""
        if self.stop is None or self.is_empty:
            return self
        turn = (self.stop - 1) // self.size
        edge = _LAST_ORDINAL if self.unit is Unit.DAYS else _LAST_MONTH
        if self.base + (turn + 1) * self.step <= edge:
            return self
        return self.cut(None, dt.datetime(YEAR_LAST, 1, 1))  # noqa: DTZ001  a wall time has no zone

    def moved(self, days: int, at: dt.time) -> Cycle | None:
        """Return the cycle ``days`` later at another time of day; None where that is no cycle."""
        if not days:
            return replace(self, at=at)
        if self.unit is Unit.DAYS:
            return replace(self, base=self.base + days, at=at)
        if self.nth or not all(1 <= spot + days <= SAFE_DAY for spot in self.spots):
            return None
        return replace(self, spots=tuple(spot + days for spot in self.spots), at=at)

    def same_turn(self, other: Cycle) -> bool:
        """Return whether both are stretches of the same endless sequence."""
        return self._form() == other._form()

    def _form(self) -> tuple[object, ...]:
        if self.unit is Unit.DAYS:
            phases = sorted((self.base + spot) % self.step for spot in self.spots)
            return (self.unit, self.step, tuple(phases), self.at)
        return (self.unit, self.step, self.base % self.step, self.spots, self.nth, self.at)


def every_days(step: int, day: dt.date, at: dt.time) -> Cycle:
    """Return every ``step``-th day from ``day``."""
    return Cycle(unit=Unit.DAYS, step=step, base=day.toordinal(), spots=(0,), at=at)


def every_weeks(step: int, weekdays: set[Weekday], day: dt.date, week_start: Weekday, at: dt.time) -> Cycle:
    """Return ``weekdays`` of every ``step``-th week, counted from the week of ``day``; index 0 may precede it."""
    base = day.toordinal() - (day.weekday() - week_start) % WEEK
    spots = tuple(sorted((weekday - week_start) % WEEK for weekday in weekdays))
    return Cycle(unit=Unit.DAYS, step=step * WEEK, base=base, spots=spots, at=at)


def every_months(step: int, base: int, spots: tuple[int, ...] | NthDay, at: dt.time) -> Cycle:
    """Return days, or one nth weekday, of every ``step``-th month from month number ``base``."""
    if isinstance(spots, NthDay):
        return Cycle(unit=Unit.MONTHS, step=step, base=base, spots=(), nth=spots, at=at)
    return Cycle(unit=Unit.MONTHS, step=step, base=base, spots=spots, at=at)


def may_meet(a: Cycle, b: Cycle) -> bool:
    """Return False only if the two certainly have no occurrence in common."""
    if a.at != b.at or a.is_empty or b.is_empty or _apart(a, b) or _apart(b, a):
        return False
    if a.unit is not b.unit:
        return True
    common = math.gcd(a.step, b.step)
    if a.unit is Unit.DAYS:
        phases = {(a.base + spot) % common for spot in a.spots}
        return any((b.base + spot) % common in phases for spot in b.spots)
    if (a.base - b.base) % common:
        return False
    return _days_may_meet(a, b)


def _apart(a: Cycle, b: Cycle) -> bool:
    return a.stop is not None and a.date(a.stop - 1) < b.date(b.first)


def _days_may_meet(a: Cycle, b: Cycle) -> bool:
    if a.nth and b.nth:
        if a.nth.day != b.nth.day:
            return False
        return a.nth.nth == b.nth.nth or (a.nth.nth > 0) != (b.nth.nth > 0)
    if a.nth or b.nth:
        return True
    return bool(set(a.spots) & set(b.spots))


def contains_all(a: Cycle, b: Cycle) -> bool:
    """Return True only if every occurrence of ``b`` is certainly one of ``a``."""
    if a.at != b.at or a.unit is not b.unit or b.step % a.step:
        return False
    if b.is_empty:
        return True
    if a.date(a.first) > b.date(b.first):
        return False
    if a.stop is not None and (b.stop is None or a.is_empty or a.date(a.stop - 1) < b.date(b.stop - 1)):
        return False
    if a.unit is Unit.DAYS:
        phases = {(a.base + spot) % a.step for spot in a.spots}
        return all((b.base + spot) % a.step in phases for spot in b.spots)
    if (a.base - b.base) % a.step or a.nth != b.nth:
        return False
    return set(b.spots) <= set(a.spots)

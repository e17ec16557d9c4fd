"""The client's recurrence set: regular parts that never meet, and the rest, one by one.

Keyed by original local time, before removals, changes and THISANDFUTURE.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.errors import Inexpressible
from bridge.plan.compiling.cycle import Cycle, contains_all, may_meet
from bridge.plan.compiling.expand import dates_of
from bridge.plan.compiling.rules import ALL_MONTHS, Part, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.model.event import Event
    from bridge.model.recurrence import Moment, Rule
    from bridge.plan.compiling.frame import Frame

SHORT: Final = dt.timedelta(days=5 * 366)
"""A rule that is over in less is dealt with as a whole; a longer or endless one year by year, so that what was
made of a year does not change when the horizon moves into the next."""

OTHERS_MAX: Final = 3000
"""Occurrences outside of regular parts that are looked at in one compilation."""

COUNT_WINDOW: Final = dt.timedelta(days=40 * 366)
"""How far the end of a COUNT is searched for in a rule that is not one regular part."""

TICK: Final = dt.timedelta(microseconds=1)
WHOLE: Final = 0
"""The chunk of occurrences that are dealt with together wherever they lie."""


class Other(NamedTuple):
    """An occurrence that no regular part has."""

    wall: dt.datetime
    chunk: int
    """Occurrences are gathered into runs within a chunk: a year, or :data:`WHOLE`."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A source of further occurrences: a rule, or a part that meets another."""

    rule: Rule | None
    part: Part | None
    last: dt.datetime | None
    """The last occurrence, None without an end (or with one too far to find)."""
    chunked: bool


class ClientSet:
    """DTSTART, RRULE and RDATE of a master."""

    def __init__(self, master: Event, frame: Frame) -> None:
        self.frame = frame
        self.start = frame.wall(master.start)
        self.parts: list[Part] = []
        self.leftovers: list[Leftover] = []
        for rule in master.recurrence.rules:
            self._take(rule)
        dates = {frame.wall(moment) for moment in master.recurrence.rdates} | {self.start}
        self.dates = sorted(dates)
        self._years: dict[int, frozenset[dt.datetime]] = {}

    def _take(self, rule: Rule) -> None:
        found = parts_of(rule, self.start, is_all_day=self.frame.is_all_day)
        last = self._last(rule, found.parts if found.complete else None)
        chunked = last is None or last - self.start > SHORT
        for part in found.parts:
            cycle = part.cycle
            if (
                rule.count is not None
                and found.complete
                and len(found.parts) == 1
                and part.months == ALL_MONTHS
            ):
                cycle = self._counted(cycle, rule.count)
            elif last is not None:
                cycle = cycle.cut(None, last + TICK)
            if not cycle.is_empty:
                self._accept(replace(part, cycle=cycle), last, chunked=chunked)
        if not found.complete:
            self.leftovers.append(Leftover(rule, None, last, chunked))

    def _counted(self, cycle: Cycle, count: int) -> Cycle:
        """End a cycle after ``count`` occurrences; DTSTART is the first of them, on the cycle or not."""
        on_cycle = cycle.index_of(self.start) is not None
        stop = cycle.first + count - (0 if on_cycle else 1)
        return replace(cycle, stop=stop).within_calendar()

    def _accept(self, part: Part, last: dt.datetime | None, *, chunked: bool) -> None:
        for other in self.parts:
            if not part.months & other.months:
                continue
            if part.months <= other.months and contains_all(other.cycle, part.cycle):
                return
            if may_meet(other.cycle, part.cycle):
                self.leftovers.append(Leftover(None, part, last, chunked))
                return
        self.parts.append(part)

    def _last(self, rule: Rule, parts: tuple[Part, ...] | None) -> dt.datetime | None:
        """Return the local time at which a rule ends at the latest, None for never."""
        if rule.until is not None:
            return self._until(rule.until)
        if rule.count is None:
            return None
        if parts is not None and len(parts) == 1 and parts[0].months == ALL_MONTHS:
            cycle = self._counted(parts[0].cycle, rule.count)
            return self.start if cycle.is_empty or cycle.stop is None else cycle.wall(cycle.stop - 1)
        last, count = self.start, 0
        try:
            for wall in dates_of(rule, self.start, self.start, self.start + COUNT_WINDOW):
                last, count = wall, count + 1
        except Inexpressible:
            return None
        return last if count >= rule.count - 1 else None

    def _until(self, until: Moment) -> dt.datetime:
        if not isinstance(until, dt.datetime) and not self.frame.is_all_day:
            return dt.datetime.combine(until, dt.time.max)
        return max(self.frame.walls(until))

    def contains(self, wall: dt.datetime) -> bool:
        """Return whether there is an occurrence at an original local time."""
        return self.in_parts(wall) or wall in self._others_of(wall.year)

    def _others_of(self, year: int) -> frozenset[dt.datetime]:
        if year not in self._years:
            low, high = dt.datetime(year, 1, 1), dt.datetime(year, 12, 31, 23, 59, 59)  # noqa: DTZ001
            self._years[year] = frozenset(other.wall for other in self.others(low, high, is_strict=True))
        return self._years[year]

    def in_parts(self, wall: dt.datetime) -> bool:
        """Return whether a regular part has the occurrence."""
        return any(wall.month in part.months and part.cycle.index_of(wall) is not None for part in self.parts)

    def others(self, low: dt.datetime, high: dt.datetime, *, is_strict: bool = False) -> list[Other]:
        """Return the occurrences in [low, high] that no regular part has, ascending.

        What is dealt with as a whole comes as a whole, beyond ``high`` too, unless ``is_strict``. Raises
        :class:`Inexpressible` above :data:`OTHERS_MAX`, or where finding them is too much work.
        """
        found: dict[dt.datetime, int] = {}
        for leftover in self.leftovers:
            end = high
            if not leftover.chunked and not is_strict and leftover.last is not None:
                end = max(high, leftover.last)
            for wall in _walk(leftover, self.start, low, end):
                if not self.in_parts(wall):
                    found.setdefault(wall, wall.year if leftover.chunked else WHOLE)
                if len(found) > OTHERS_MAX:
                    _refuse_many()
        for wall in self.dates:
            if low <= wall and not (is_strict and wall > high) and not self.in_parts(wall):
                found[wall] = WHOLE
        return [Other(wall, chunk) for wall, chunk in sorted(found.items())]

    def goes_on_after(self, high: dt.datetime) -> bool:
        """Return whether :meth:`others` leaves out what comes after ``high``."""
        return any(
            leftover.chunked and (leftover.last is None or leftover.last > high)
            for leftover in self.leftovers
        )


def _walk(
    leftover: Leftover, start: dt.datetime, low: dt.datetime, high: dt.datetime
) -> Iterator[dt.datetime]:
    high = high if leftover.last is None else min(high, leftover.last)
    if high < low:
        return iter(())
    if leftover.rule is not None:
        return dates_of(leftover.rule, start, low, high)
    part = leftover.part
    if part is None:
        return iter(())
    walls = part.cycle.cut(low, None).walls(high + TICK)
    return (wall for wall in walls if wall.month in part.months)


def _refuse_many() -> None:
    msg = (
        f"This series has more than {OTHERS_MAX} dates that follow no regular rhythm. "
        "An end date, or a rule that repeats by day, week, month or year, would help."
    )
    raise Inexpressible(msg)

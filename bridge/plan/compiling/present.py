"""What the last compilation left at the vendor, read back from its pieces."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.plan.compiling.client import TICK
from bridge.plan.compiling.frame import Frame, frame_of, offset_s
from bridge.plan.compiling.rules import ALL_MONTHS, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.model.recurrence import Moment, Rule
    from bridge.plan.compiling.cycle import Cycle
    from bridge.plan.items import Piece


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """One item that is at the vendor: a single event, or a series of one regular cycle."""

    key: str
    start: Moment
    """UTC, or a date."""
    frame: Frame
    cycle: Cycle | None

    def index_in(self, cycle: Cycle, frame: Frame) -> int | None:
        """Return the index at which a cycle, on its clock, has the start of this series, if it is the same series."""
        if self.cycle is None or self.frame.is_all_day != frame.is_all_day:
            return None
        wall = frame.wall(self.start)
        index = cycle.index_of(wall)
        if index is None or not self.cycle.same_turn(cycle):
            return None
        if frame.zone is None or self.frame.zone is None:
            return index
        here = offset_s(self.frame.zone, self.frame.wall(self.start))
        return index if here == offset_s(frame.zone, wall) else None

    def covers(self, instant: Moment) -> bool:
        """Return whether the item has an occurrence that begins at ``instant``."""
        if isinstance(instant, dt.datetime) == self.frame.is_all_day:
            return False
        if self.cycle is None:
            return instant == self.start
        return self.cycle.index_of(self.frame.wall(instant)) is not None


def read_present(existing: Iterable[Piece]) -> tuple[list[Held], frozenset[str]]:
    """Return the series and single events that are there, and the keys of changed occurrences."""
    held: list[Held] = []
    changed: set[str] = set()
    for piece in existing:
        if piece.key.startswith("@"):
            changed.add(piece.key)
            continue
        event = piece.event
        frame = frame_of(event.start)
        wall = frame.wall(event.start)
        rules = event.recurrence.rules
        cycle = _cycle_of(rules[0], wall, frame) if len(rules) == 1 else None
        if cycle is None and rules:
            continue
        held.append(Held(piece.key, frame.instant(wall), frame, cycle))
    held.sort(key=lambda one: one.key)
    return held, frozenset(changed)


def _cycle_of(rule: Rule, start: dt.datetime, frame: Frame) -> Cycle | None:
    """Return the cycle of a rule that a vendor holds; None for forms that no compilation makes."""
    found = parts_of(rule, start, is_all_day=frame.is_all_day)
    if not found.complete or len(found.parts) != 1 or found.parts[0].months != ALL_MONTHS:
        return None
    cycle = found.parts[0].cycle
    if cycle.index_of(start) is None:
        return None
    if rule.count is not None:
        return cycle.between(cycle.first, cycle.first + rule.count).within_calendar()
    if rule.until is not None:
        return cycle.cut(None, frame.wall(rule.until) + TICK)
    return cycle

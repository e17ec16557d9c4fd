"""When a stored text happens: its occurrences in a span of time, each with the VEVENT of the text that it shows.

Worked out by :mod:`bridge.ical.recur`, as everywhere in the bridge; here each occurrence learns which VEVENT it
shows, and whether its moments depend on where one looks from.
"""

from __future__ import annotations

import bisect
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError, Refused
from bridge.ical import lines, recur
from bridge.ical.lines import Line
from bridge.ical.parse import parse_text
from bridge.ical.values import parse_stamp

if TYPE_CHECKING:
    from bridge.ical.lines import Component
    from bridge.model.event import CalendarObject
    from bridge.model.recurrence import Moment

OCCURRENCES_MAX: Final = 20_000
"""Occurrences of one object in one answer; 54 years of a daily meeting."""
TEXT_BYTES_MAX: Final = 100_000_000
"""Longest object that is looked into; what is served was let in by the engine, whose own bound is lower."""
TIMES: Final = frozenset({"UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"})
"""The properties that decide when an event happens."""
WIDEN_MS: Final = 14 * 3_600_000
"""How far all-day and floating times may lie from their UTC reading: nobody lives further from it."""
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND: Final = dt.timedelta(milliseconds=1)


def in_ms(moment: dt.datetime) -> int:
    """Return milliseconds since 1970 of an aware time, exactly."""
    return (moment - _EPOCH) // _MILLISECOND


def at_ms(milliseconds: int) -> dt.datetime:
    """Return the time in UTC of milliseconds since 1970. Raises OverflowError outside of the years 1 to 9999."""
    return _EPOCH + milliseconds * _MILLISECOND


FIRST_MS: Final = in_ms(dt.datetime(3, 1, 1, tzinfo=dt.UTC))
LAST_MS: Final = in_ms(dt.datetime(9997, 12, 31, tzinfo=dt.UTC))
"""Two years inside what Python can hold, so that no zone and no margin can leave it."""


def seen_from(zone: dt.tzinfo, milliseconds: int) -> int:
    """Return when a wall time happens in ``zone``; the wall time as milliseconds since 1970 as if in UTC."""
    return in_ms(at_ms(milliseconds).replace(tzinfo=zone))


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence."""

    start: Moment
    end: Moment
    """Exclusive; of the kind of ``start``. Floating times are written as if in UTC."""
    origin: Moment | None
    """Its original start, None for an event that does not repeat."""
    number: int
    """Which VEVENT of the text it shows, counted from 0."""
    zoneless: bool
    """Whether it is all-day or floating."""

    def bounds_ms(self, zone: dt.tzinfo) -> tuple[int, int]:
        """Return start and end in milliseconds; ``zone`` is where all-day and floating ones happen."""
        return self._at_ms(self.start, zone), self._at_ms(self.end, zone)

    def _at_ms(self, moment: Moment, zone: dt.tzinfo) -> int:
        if not isinstance(moment, dt.datetime):
            moment = dt.datetime.combine(moment, dt.time(), zone)
        elif self.zoneless:
            moment = moment.replace(tzinfo=zone)
        return in_ms(moment)


class Worked:
    """What is kept of an object that has been read: its times, and which VEVENT an occurrence shows.

    Each VEVENT is read as its times alone, with its number for a title: nothing else matters here, and nothing else
    can be wrong.
    """

    def __init__(self, text: str) -> None:
        tree = lines.read(text, max_bytes=TEXT_BYTES_MAX)
        components = tree.components("VEVENT")
        self.floating = [_is_floating(component) for component in components]
        self.takes = [_takes(component) for component in components]
        """Per VEVENT: FBTYPE, or "" for what takes no time (RFC 4791 7.10)."""
        bare = [_times_of(component, number) for number, component in enumerate(components)]
        zones = tree.components("VTIMEZONE")
        reduced = lines.write(lines.make_component("VCALENDAR", [*zones, *bare]))
        self.object: CalendarObject = parse_text(reduced, default_zone="UTC", max_bytes=TEXT_BYTES_MAX).object
        self._master = int(self.object.master.summary) if self.object.master is not None else 0
        keyed = [
            (recur.instant(event.recurrence_id), event)
            for event in self.object.overrides
            if event.recurrence_id is not None
        ]
        self._overrides = {key: int(event.summary) for key, event in keyed}
        ranged = sorted((str(key), int(event.summary)) for key, event in keyed if event.this_and_future)
        self._ranged = [number for _, number in ranged]
        self._ranged_keys = [key for key, _ in ranged]

    def number_of(self, origin: Moment | None) -> int:
        """Return which VEVENT shows the occurrence that was to begin at ``origin``."""
        if origin is None:
            return self._master
        key = recur.instant(origin)
        if key in self._overrides:
            return self._overrides[key]
        place = bisect.bisect_left(self._ranged_keys, str(key))
        return self._ranged[place - 1] if place else self._master

    def between(self, start_ms: int, end_ms: int, *, limit: int) -> list[Occurrence]:
        """Return the first ``limit`` occurrences that may touch [start, end), by start.

        All-day and floating ones are returned up to :data:`WIDEN_MS` outside of the range.
        """
        start = min(max(FIRST_MS, start_ms), LAST_MS)
        end = min(max(start, end_ms), LAST_MS)
        loose = any(self.floating)
        times = recur.occurrences(
            self.object,
            at_ms(start - WIDEN_MS if loose else start),
            at_ms(end + WIDEN_MS if loose else end),
            limit=limit,
        )
        answer = []
        for one in times:
            number = self.number_of(one.recurrence_id)
            answer.append(Occurrence(one.start, one.end, one.recurrence_id, number, self.floating[number]))
        return answer


def work_out(text: str) -> Worked | None:
    """Return a text as it was read, None if it cannot be worked out."""
    try:
        return Worked(text)
    except (BridgeError, ValueError, OverflowError):
        return None


def occurrences(found: Worked, start_ms: int, end_ms: int) -> list[Occurrence]:
    """Return all occurrences that may touch [start, end), by start.

    Raises Refused (403) when there are more than :data:`OCCURRENCES_MAX`.
    """
    answer = found.between(start_ms, end_ms, limit=OCCURRENCES_MAX + 1)
    if len(answer) > OCCURRENCES_MAX:
        msg = "This span of time holds too many occurrences; ask for a shorter one."
        raise Refused(msg, precondition="D:number-of-matches-within-limits")
    return answer


def _times_of(component: Component, number: int) -> Component:
    """Return a VEVENT with nothing but its times, called by its number."""
    kept = [line for line in component.children if isinstance(line, Line) and line.name in TIMES]
    return component.with_children([*kept, lines.make("SUMMARY", str(number))])


def _takes(component: Component) -> str:
    said = {
        name: line.value.strip().upper() for name in ("STATUS", "TRANSP") if (line := component.first(name))
    }
    if said.get("TRANSP") == "TRANSPARENT" or said.get("STATUS") == "CANCELLED":
        return ""
    return "BUSY-TENTATIVE" if said.get("STATUS") == "TENTATIVE" else "BUSY"


def _is_floating(component: Component) -> bool:
    line = component.first("DTSTART")
    if line is None or (line.param("TZID") or "").strip():
        return False
    try:
        stamp = parse_stamp(line.value)
    except ValueError:
        return False
    return stamp.time is None or not stamp.is_utc

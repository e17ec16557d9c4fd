"""The occurrences of one calendar object in a span of time, for queries, free-busy and ``expand``.

Written with icalendar and recurring-ical-events: overrides, RANGE=THISANDFUTURE, RDATE, EXDATE, zones and objects
that are only overrides are theirs. Every VEVENT is numbered before it is expanded, so that each occurrence can
name the one it came from.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import icalendar
import recurring_ical_events

from bridge.clock import ms_from_utc, utc_from_ms
from bridge.errors import Refused

if TYPE_CHECKING:
    from bridge.engine.api import ObjectView

OCCURRENCES_MAX: Final = 20_000
"""Occurrences of one object in one answer; 54 years of a daily meeting."""
CALENDARS_KEPT: Final = 512
"""Parsed objects kept for the next query, about 30 kB each; keyed by etag, so never stale."""
NUMBER: Final = "X-QUEQIAO-NUMBER"
"""Marks a VEVENT with its place in the object while it is expanded."""
STEP_FIRST: Final = dt.timedelta(days=32)
"""How much is worked out first; each following step is twice as long."""
_FIRST_MS: Final = ms_from_utc(dt.datetime(2, 1, 1, tzinfo=dt.UTC))
_LAST_MS: Final = ms_from_utc(dt.datetime(9998, 12, 31, tzinfo=dt.UTC))
"""A year inside what Python can hold, so that no zone can leave it."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence."""

    start: dt.date | dt.datetime
    end: dt.date | dt.datetime
    """Exclusive; of the kind of ``start``. Datetimes may be floating."""
    number: int
    """Which VEVENT of the object it comes from, counted from 0."""
    component: Any
    """icalendar's Event: the source with times moved and without recurrence properties."""

    @property
    def zoneless(self) -> bool:
        """Return whether its moments depend on where one looks from: all-day or floating."""
        return not isinstance(self.start, dt.datetime) or self.start.tzinfo is None

    def bounds_ms(self, zone: dt.tzinfo) -> tuple[int, int]:
        """Return start and end in milliseconds; ``zone`` is used for all-day and floating ones."""
        return _at_ms(self.start, zone), _at_ms(self.end, zone)


def _at_ms(moment: dt.date | dt.datetime, zone: dt.tzinfo) -> int:
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return ms_from_utc(moment)


class _Kept:
    """A bounded memory of parsed objects."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, icalendar.Calendar] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, view: ObjectView) -> icalendar.Calendar:
        with self._guard:
            found = self._kept.get(view.etag)
            if found is not None:
                self._kept.move_to_end(view.etag)
                return found
        calendar = icalendar.Calendar.from_ical(view.text)
        for number, event in enumerate(calendar.walk("VEVENT")):
            event[NUMBER] = number
        with self._guard:
            self._kept[view.etag] = calendar
            if len(self._kept) > CALENDARS_KEPT:
                self._kept.popitem(last=False)
        return calendar


_kept = _Kept()


def occurrences(view: ObjectView, start_ms: int, end_ms: int) -> list[Occurrence] | None:
    """Return the occurrences that may touch [start, end), by start; None if the object cannot be worked out.

    All-day and floating ones may be returned up to a day outside of the range. Raises Refused (403) when there
    are more than :data:`OCCURRENCES_MAX`.
    """
    day = dt.timedelta(days=1)
    start = max(_FIRST_MS, start_ms)
    end = max(start, min(_LAST_MS, end_ms))
    try:
        query = recurring_ical_events.of(_kept.get(view), components=["VEVENT"])
        return _between(query, utc_from_ms(start) - day, utc_from_ms(end) + day)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, IndexError):
        return None


def _between(query: Any, start: dt.datetime, end: dt.datetime) -> list[Occurrence]:
    """Collect the occurrences in steps that grow, so that a dense series is noticed before it fills the memory."""
    found: dict[tuple[int, int], Occurrence] = {}
    step = STEP_FIRST
    while start <= end:
        until = min(end, start + step)
        for component in query.between(start, until):
            first = component["DTSTART"].dt
            number = int(component.get(NUMBER, 0))
            found.setdefault(
                (_at_ms(first, dt.UTC), number), Occurrence(first, component["DTEND"].dt, number, component)
            )
        if len(found) > OCCURRENCES_MAX:
            msg = "This span of time holds too many occurrences; ask for a shorter one."
            raise Refused(
                msg,
                precondition="D:number-of-matches-within-limits",
            )
        if until == end:
            break
        start, step = until, step * 2
    return [found[key] for key in sorted(found)]


def calendar_of(view: ObjectView) -> icalendar.Calendar:
    """Return the parsed object, whose VEVENTs carry :data:`NUMBER`. Not to be changed. Raises ValueError."""
    return _kept.get(view)

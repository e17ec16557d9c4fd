"""Calendar data in another shape than stored: ``C:expand`` and its kin (RFC 4791 section 9.6)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import icalendar

from radicale_plugin.occurrences import NUMBER, Occurrence, calendar_of, occurrences
from radicale_plugin.whole import PRODID

if TYPE_CHECKING:
    from bridge.engine.api import ObjectView

RECURRING: Final = ("RRULE", "RDATE", "EXDATE", "EXRULE", NUMBER)
"""What no expanded event may carry (RFC 4791 9.6.5), and our own mark."""


def expanded(view: ObjectView, start_ms: int, end_ms: int) -> str | None:
    """Return the object with one VEVENT per occurrence in [start, end), times in UTC, no VTIMEZONE.

    None if nothing of it happens there. An object that cannot be worked out is returned as it is: a client that
    sees it unexpanded is better off than one that sees no calendar at all.
    """
    found = occurrences(view, start_ms, end_ms)
    if found is None:
        return view.text
    inside = [one for one in found if _inside(one, start_ms, end_ms)]
    if not inside:
        return None
    source = calendar_of(view)
    shifts = _shifts(source)
    calendar = icalendar.Calendar()
    calendar.add("PRODID", str(source.get("PRODID", PRODID)))
    calendar.add("VERSION", "2.0")
    for one in inside:
        calendar.add_component(_instance(one, shifts, is_series=view.recurring))
    return str(calendar.to_ical(sorted=False).decode())


def _inside(one: Occurrence, start_ms: int, end_ms: int) -> bool:
    """Return whether an occurrence overlaps the range; all-day and floating ones as if in UTC."""
    first, last = one.bounds_ms(dt.UTC)
    return (last > start_ms or first == last == start_ms) and first < end_ms


def _shifts(source: icalendar.Calendar) -> dict[int, Any]:
    """Return, for each override of "this and future", by how much it moves an occurrence."""
    moved: dict[int, Any] = {}
    event: Any
    for event in source.walk("VEVENT"):
        origin = event.get("RECURRENCE-ID")
        if origin is not None and origin.params.get("RANGE", "").upper() == "THISANDFUTURE":
            start = event["DTSTART"].dt
            if isinstance(start, dt.datetime) == isinstance(origin.dt, dt.datetime):
                moved[int(event[NUMBER])] = start - origin.dt
    return moved


def _instance(one: Occurrence, shifts: dict[int, Any], *, is_series: bool) -> Any:
    """Return one expanded VEVENT."""
    event = one.component.copy()
    event.subcomponents = list(one.component.subcomponents)
    origin = event.pop("RECURRENCE-ID", None)
    for name in (*RECURRING, "DTSTART", "DTEND", "DURATION"):
        event.pop(name, None)
    event.add("DTSTART", _utc(one.start))
    event.add("DTEND", _utc(one.end))
    if origin is not None and is_series:
        at = one.start - shifts[one.number] if one.number in shifts else origin.dt
        event.add("RECURRENCE-ID", _utc(at))
    return event


def _utc(moment: dt.date | dt.datetime) -> dt.date | dt.datetime:
    if isinstance(moment, dt.datetime) and moment.tzinfo is not None:
        return moment.astimezone(dt.UTC)
    return moment

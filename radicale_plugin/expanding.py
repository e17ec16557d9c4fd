"""``C:expand``: one VEVENT per occurrence, times in UTC, nothing that recurs (RFC 4791 section 9.6.5).

The lines of the client's own text are kept; only times are written anew.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from bridge.ical import values
from bridge.ical.lines import Component, Line, make, make_component, read, write
from radicale_plugin.occurrences import TEXT_BYTES_MAX, Occurrence, occurrences

if TYPE_CHECKING:
    from bridge.engine.api import ObjectView
    from bridge.model.recurrence import Moment

DROPPED: Final = frozenset(
    {"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID"}
)
"""Properties that every instance gets anew or must not have."""


def expanded(view: ObjectView, start_ms: int, end_ms: int) -> str | None:
    """Return the object with one VEVENT per occurrence in [start, end), times in UTC, without VTIMEZONE.

    None if nothing of it happens there. An object that cannot be worked out is returned as it is: a client that
    sees it unexpanded is better off than one that sees no calendar at all.
    """
    found = occurrences(view, start_ms, end_ms)
    if found is None:
        return view.text
    inside = [one for one in found if _inside(one, start_ms, end_ms)]
    if not inside:
        return None
    tree = read(view.text, max_bytes=TEXT_BYTES_MAX)
    head = [child for child in tree.children if isinstance(child, Line)]
    components = tree.components("VEVENT")
    events = [_instance(components[one.number], one) for one in inside]
    return write(make_component("VCALENDAR", [*head, *events]))


def _inside(one: Occurrence, start_ms: int, end_ms: int) -> bool:
    """Return whether an occurrence overlaps the range; all-day and floating ones as if in UTC."""
    first, last = one.bounds_ms(dt.UTC)
    return (last > start_ms or first == last == start_ms) and first < end_ms


def _instance(component: Component, one: Occurrence) -> Component:
    """Return one expanded VEVENT: UID and the like first, then the times, then the rest as it was."""
    times = [_line("DTSTART", one.start, one), _line("DTEND", one.end, one)]
    if one.origin is not None:
        times.append(_line("RECURRENCE-ID", one.origin, one))
    rest = [
        child for child in component.children if isinstance(child, Component) or child.name not in DROPPED
    ]
    return component.with_children([*times, *rest])


def _line(name: str, moment: Moment, one: Occurrence) -> Line:
    if not isinstance(moment, dt.datetime):
        return make(name, values.date_text(moment), [("VALUE", "DATE")])
    return make(name, values.local_text(moment) if one.zoneless else values.utc_text(moment))

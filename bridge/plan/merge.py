"""Both sides changed one object: what of it meets in one property, and what is left of the vendor's change.

Three-way, against the last version both agreed on. People and alarms are lists that merge one by one, so they never
conflict; what differs in words, times or rule is one property each.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bridge.plan.absorb import same_moment

if TYPE_CHECKING:
    from bridge.model.event import Event

PROPERTIES: Final[dict[str, tuple[str, ...]]] = {
    "SUMMARY": ("summary",),
    "DESCRIPTION": ("description", "rich_description"),
    "LOCATION": ("location",),
    "DTSTART": ("start", "end"),
    "RRULE": ("recurrence",),
}
"""What counts as one property, by its name in the text."""


def conflicts(base: Event, ours: Event, was: Event, now: Event) -> tuple[str, ...]:
    """Return the properties that both sides changed, to different values.

    ``base`` and ``ours``: before and after the client's edit. ``was`` and ``now``: the vendor's, read back.
    """
    return tuple(
        name
        for name in PROPERTIES
        if not same(was, now, name) and not same(base, ours, name) and not same(ours, now, name)
    )


def without(now: Event, was: Event, names: tuple[str, ...]) -> Event:
    """Return the vendor's version as if it had not changed these properties."""
    fields: dict[str, Any] = {part: getattr(was, part) for name in names for part in PROPERTIES[name]}
    return replace(now, **fields) if fields else now


def value(event: Event, name: str) -> str:
    """Return a property for a receipt: what a person typed, or when it is."""
    if name == "DTSTART":
        return f"{event.start.isoformat()} / {event.end.isoformat()}"
    if name == "RRULE":
        return f"{len(event.recurrence.rules)} rule(s), {len(event.recurrence.exdates)} date(s) taken out"
    return str(getattr(event, PROPERTIES[name][0]))


def same(a: Event, b: Event, name: str) -> bool:
    """Return whether both have the same value of a property."""
    if name == "DTSTART":
        return same_moment(a.start, b.start) and same_moment(a.end, b.end)
    if name == "RRULE":
        return a.recurrence.rules == b.recurrence.rules
    return bool(getattr(a, PROPERTIES[name][0]) == getattr(b, PROPERTIES[name][0]))

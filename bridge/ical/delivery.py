"""What the server knows of the people on ATTENDEE lines, written onto them (RFC 6638 section 3.2.9).

Only the two parameters that are the server's to say are touched, PARTSTAT and SCHEDULE-STATUS; everything else of the
text stays byte for byte, DTSTAMP too: who sends the same text again gets the same text again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.ical import lines, people, zones
from bridge.ical.lines import Component, Line
from bridge.ical.vevent import context_of, read_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.model.event import Event
    from bridge.model.people import PartStat
    from bridge.model.recurrence import Moment

UNKNOWN_USER: Final = "3.7"
"""SCHEDULE-STATUS "invalid calendar user" (RFC 5546 section 3.6): nobody could be told."""

_STATUS: Final = "SCHEDULE-STATUS"
_MARK: Final = Line("", "ATTENDEE", f'ATTENDEE;{_STATUS}="{UNKNOWN_USER}"', ((_STATUS, (UNKNOWN_USER,)),), "")
_OWN_AGENTS: Final = frozenset({"CLIENT", "NONE"})
"""SCHEDULE-AGENT values with which a client says that inviting is not the server's business (RFC 6638 7.1)."""


class Word(NamedTuple):
    """What the server says of one person."""

    is_unknown: bool
    partstat: PartStat | None = None
    """The answer as the vendor has it; None: the line's own stays."""


def marked(text: str, default_zone: str, word: Callable[[Moment | None, str], Word | None]) -> str:
    """Return ``text`` with the server's words on its ATTENDEE lines; the very same text where they stand already.

    ``word`` is asked with RECURRENCE-ID (None for the master) and the lower-cased address; None leaves the line alone.
    ``text`` is one that was accepted, with ``default_zone`` for floating times.
    """
    if "ATTENDEE" not in text.upper():
        return text
    tree = lines.read(text, max_bytes=4 * lines.TEXT_BYTES_MAX)
    stated = zones.stated(default_zone)
    if stated is None:
        return text
    context = context_of(tree, stated)
    events = tree.components("VEVENT")
    main = next((one for one in events if one.first("RECURRENCE-ID") is None), None)
    master: Event | None = None if main is None else read_event(main, context, master=None)
    children: list[Line | Component] = []
    for child in tree.children:
        if isinstance(child, Component) and child.name == "VEVENT" and child.first("ATTENDEE") is not None:
            rid = None if child is main else read_event(child, context, master=master).recurrence_id
            children.append(_marked(child, rid, word))
        else:
            children.append(child)
    if all(one is other for one, other in zip(children, tree.children, strict=True)):
        return text
    return lines.write(tree.with_children(children))


def _marked(
    event: Component, rid: Moment | None, word: Callable[[Moment | None, str], Word | None]
) -> Component:
    children: list[Line | Component] = []
    for child in event.children:
        if isinstance(child, Line) and child.name == "ATTENDEE" and child.value.strip():
            said = word(rid, people.address(child).lower())
            children.append(child if said is None else _with(child, said))
        else:
            children.append(child)
    if all(one is other for one, other in zip(children, event.children, strict=True)):
        return event
    return event.with_children(children)


def _with(line: Line, word: Word) -> Line:
    """Return a line with the server's word; the same line if it says so already."""
    status = line.param(_STATUS)
    if word.is_unknown and (line.param("SCHEDULE-AGENT") or "").upper() not in _OWN_AGENTS:
        if status != UNKNOWN_USER:
            line = line.with_param(_STATUS, UNKNOWN_USER, like=_MARK)
    elif status == UNKNOWN_USER:
        line = line.with_param(_STATUS, None)
    if word.partstat is not None and people.attendee(line).partstat is not word.partstat:
        line = line.with_param("PARTSTAT", word.partstat.value)
    return line

"""A request's body as a calendar object (RFC 4791 section 4.1): what is wrong with it, in a sentence."""

from __future__ import annotations

import codecs
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.errors import BadInput, Refused
from bridge.ical import lines, zones
from bridge.ical.lines import BOM, Component
from bridge.ical.values import clean
from bridge.ical.vevent import Context, context_of, read_event
from bridge.model import fidelity
from bridge.model.event import CalendarObject, Event

if TYPE_CHECKING:
    from bridge.model.recurrence import Moment

OVERRIDES_MAX: Final = 2_000
"""Most overrides of one object. Our own bound."""

_DATA: Final = "C:valid-calendar-data"
_RESOURCE: Final = "C:valid-calendar-object-resource"
_COMPONENT: Final = "C:supported-calendar-component"
_FORMAT: Final = "C:supported-calendar-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a client sent, read."""

    object: CalendarObject
    text: str
    """The client's own text as it came, without a byte order mark and without characters that no XML answer
    can carry (control characters other than tab and line ends)."""
    tree: Component
    """``text`` as lines."""


def parse(body: bytes, *, default_zone: str, max_bytes: int = lines.TEXT_BYTES_MAX) -> Parsed:
    """Read one calendar object. ``default_zone`` (an IANA name) is where floating times happen.

    Raises BadInput or Inexpressible, and nothing else, with a sentence for the user, a CalDAV precondition and a
    status: 400 for what is no calendar text at all, 413 for too much of it, 403 otherwise. (A ``default_zone`` that
    does not exist is a mistake of the caller: ValueError.)
    """
    text = _decode(body, max_bytes)
    return parse_text(text, default_zone=default_zone, max_bytes=max_bytes)


def parse_text(text: str, *, default_zone: str, max_bytes: int = lines.TEXT_BYTES_MAX) -> Parsed:
    """Read one calendar object that is text already; see :func:`parse`."""
    zone = zones.stated(default_zone)
    tree = _read_tree(text, max_bytes)
    try:
        obj = _read_object(tree, zone)
    except Refused:
        raise
    except (OverflowError, ValueError, RecursionError) as error:
        # A value at the edge of what can be computed with: named checks come first, this is the net below them.
        msg = "The calendar data has a value that cannot be computed with."
        raise BadInput(msg) from error
    return Parsed(object=obj, text=text, tree=tree)


def _read_object(tree: Component, default_zone: dt.tzinfo) -> CalendarObject:
    """Return the object of a calendar that is lines already. Raises BadInput, Inexpressible."""
    events = _events(tree)
    uid = _uid(events)
    context = context_of(tree, default_zone)
    singles = [event for event in events if event.first("RECURRENCE-ID") is None]
    if len(singles) > 1:
        msg = f"Line {singles[1].begin.number}: a second VEVENT without RECURRENCE-ID for the same UID."
        raise BadInput(msg, precondition=_RESOURCE)
    master = read_event(singles[0], context, master=None) if singles else None
    overrides = _overrides([event for event in events if event not in singles], context, master)
    return CalendarObject(uid=uid, master=master, overrides=overrides)


def _decode(body: bytes, max_bytes: int) -> str:
    if len(body) > max_bytes:
        msg = f"The calendar data is longer than {max_bytes} bytes."
        raise BadInput(msg, precondition="C:max-resource-size", http_status=413)
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        msg = "The calendar data is in UTF-16; send it in UTF-8."
        raise BadInput(msg, precondition=_DATA, http_status=400)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        number = body.count(b"\n", 0, error.start) + 1
        msg = f"The calendar data is not in UTF-8: line {number} has bytes of another charset."
        raise BadInput(msg, precondition=_DATA, http_status=400) from None
    return clean(text.removeprefix(BOM))


def _read_tree(text: str, max_bytes: int) -> Component:
    opening = text[:4096].lstrip(BOM + " \t\r\n")[:32].upper()
    if not opening.startswith("BEGIN:VCALENDAR"):
        if not text.strip(BOM + " \t\r\n"):
            what = "The request has no calendar data."
        elif opening.startswith("BEGIN:VCARD"):
            what = "This is a contact (vCard), not a calendar."
        else:
            what = "This is not a calendar: the text does not begin with BEGIN:VCALENDAR."
        raise BadInput(what, precondition=_FORMAT, http_status=400)
    tree = lines.read(text, max_bytes=max_bytes)
    version = tree.first("VERSION")
    if version is not None and version.value.strip() == "1.0":
        raise BadInput(fidelity.sentence("VERSION"), precondition=_FORMAT)
    scale = tree.first("CALSCALE")
    if scale is not None and scale.value.strip().upper() not in {"GREGORIAN", ""}:
        raise BadInput(fidelity.sentence("CALSCALE", line=scale.number), precondition=_FORMAT)
    return tree


def _events(tree: Component) -> list[Component]:
    events = tree.components("VEVENT")
    others = [component for component in tree.components() if component.name in fidelity.COMPONENTS_REFUSED]
    if others and not events:
        raise BadInput(fidelity.COMPONENTS_REFUSED[others[0].name], precondition=_COMPONENT)
    if others:
        msg = f"Line {others[0].begin.number}: one object holds one kind of component; this one mixes two."
        raise BadInput(msg, precondition=_RESOURCE)
    if not events:
        msg = "The calendar has no event in it."
        raise BadInput(msg, precondition=_RESOURCE)
    return events


def _uid(events: list[Component]) -> str:
    uids: dict[str, int] = {}
    for event in events:
        line = event.first("UID")
        if line is None or not line.value.strip():
            msg = f"The VEVENT on line {event.begin.number} has no UID."
            raise BadInput(msg, precondition=_RESOURCE)
        uids.setdefault(line.value.strip(), line.number)
    if len(uids) > 1:
        number = list(uids.values())[1]
        msg = f"UID on line {number} is another one; an object holds one event with its changed occurrences."
        raise BadInput(msg, precondition=_RESOURCE)
    return next(iter(uids))


def _overrides(components: list[Component], context: Context, master: Event | None) -> tuple[Event, ...]:
    if len(components) > OVERRIDES_MAX:
        msg = f"The object has more than {OVERRIDES_MAX} changed occurrences."
        raise BadInput(msg, precondition=_RESOURCE)
    found: dict[tuple[bool, Moment], Event] = {}
    for component in components:
        event = read_event(component, context, master=master)
        recurrence_id = event.recurrence_id
        if isinstance(recurrence_id, dt.datetime):
            key: tuple[bool, Moment] = (True, recurrence_id.astimezone(dt.UTC))
        else:
            key = (False, recurrence_id or event.start)
        if key in found:
            msg = f"Line {component.begin.number}: two VEVENTs change the same occurrence."
            raise BadInput(msg, precondition=_RESOURCE)
        found[key] = event
    return tuple(found[key] for key in sorted(found))

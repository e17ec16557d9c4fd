"""Scheduling messages (RFC 5546) that clients send here: which are understood, and why the others are not."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.clock import ms_from_utc
from bridge.errors import BadInput, Refused
from bridge.ical import lines, people
from bridge.ical.values import parse_duration, parse_stamp
from bridge.ical.vevent import context_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.ical.lines import Component, Line

MESSAGE: Final = "C:valid-scheduling-message"
OBJECT: Final = "C:valid-calendar-object-resource"
_METHOD: Final = re.compile(rb"^METHOD(?:;[^:\r\n]*)?:[ \t]*([A-Za-z-]*)[ \t]*(?:\r\n|\n|\r)", re.MULTILINE)
EVENTS: Final = frozenset({"PUBLISH", "REQUEST"})
"""Methods whose events are simply events: stored without the method (RFC 4791 4.1 allows none)."""
ADVICE: Final = {
    "REPLY": "To answer an invitation, set PARTSTAT of your own ATTENDEE in the event; the vendor tells the organizer.",
    "CANCEL": "To cancel a meeting, delete the event; the vendor tells the guests.",
    "ADD": "To add an occurrence, add it to the event; the vendor tells the guests.",
    "REQUEST": "To invite, put the event into a calendar; the vendor invites.",
    "PUBLISH": "Put the event into a calendar.",
    "COUNTER": "The vendors know no counter-proposals; write to the organizer.",
    "DECLINECOUNTER": "The vendors know no counter-proposals.",
    "REFRESH": "Events are kept up to date here without being asked for.",
}
"""What to do instead, by method."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusyRequest:
    """A VFREEBUSY request (RFC 5546 3.3.2)."""

    uid: Line | None
    organizer: Line
    attendees: tuple[Line, ...]
    start_ms: int
    end_ms: int
    masked_uid: str
    """UID of an event that does not count, because it is being moved (``X-CALENDARSERVER-MASK-UID``); "" for none."""

    @property
    def organizer_address(self) -> str:
        """Return who asks, as a calendar user address."""
        return people.address(self.organizer)


def event_bytes(body: bytes) -> tuple[bytes, bool]:
    """Return the body of a PUT without a method, and whether there was one. Raises Refused for what is no event."""
    found = _METHOD.search(body)
    if found is None:
        return body, False
    method = found.group(1).decode().upper()
    if method not in EVENTS:
        msg = f"A message of the kind {_shown(method)} is no event. {ADVICE.get(method, '')}".rstrip()
        raise Refused(msg, precondition=OBJECT)
    return _METHOD.sub(b"", body), True


def read_request(text: str, zone: Callable[[], dt.tzinfo | None]) -> BusyRequest:
    """Read what was posted to an outbox; raises Refused with the precondition for anything but a busy-time request.

    ``zone`` tells in which zone a time without one is meant. RFC 5546 3.3.2 wants UTC; python-caldav sends others.
    """
    tree = lines.read(text)
    line = tree.first("METHOD")
    method = "" if line is None else line.value.strip().upper()
    found = tree.components()
    busy = tree.components("VFREEBUSY")
    if tree.name != "VCALENDAR":
        msg = "A scheduling message is a VCALENDAR."
        raise Refused(msg, precondition="C:valid-calendar-data")
    if not busy:
        what = f"{_shown(method)} of {_shown(found[0].name if found else 'nothing')}"
        advice = ADVICE.get(method, "Only requests for busy times are posted.")
        msg = f"An outbox takes requests for busy times only, not {what}. {advice}"
        raise Refused(msg, precondition=MESSAGE)
    if (
        method != "REQUEST"
        or len(busy) != 1
        or any(one.name not in ("VFREEBUSY", "VTIMEZONE") for one in found)
    ):
        msg = "A request for busy times has METHOD:REQUEST and exactly one VFREEBUSY."
        raise Refused(msg, precondition=MESSAGE)
    return _request(busy[0], _Times(tree, zone))


def _request(component: Component, times: _Times) -> BusyRequest:
    organizer = component.first("ORGANIZER")
    attendees = tuple(line for line in component.lines("ATTENDEE") if line.value.strip())
    if organizer is None or not organizer.value.strip() or not attendees:
        msg = "A request for busy times names an ORGANIZER and the ATTENDEEs."
        raise Refused(msg, precondition=MESSAGE)
    start_ms = times.moment_ms(component, "DTSTART")
    if component.first("DTEND") is not None or component.first("DURATION") is None:
        end_ms = times.moment_ms(component, "DTEND")
    else:
        end_ms = start_ms + _duration_ms(component)
    masked = component.first("X-CALENDARSERVER-MASK-UID")
    return BusyRequest(
        uid=component.first("UID"),
        organizer=organizer,
        attendees=attendees,
        start_ms=start_ms,
        end_ms=end_ms,
        masked_uid="" if masked is None else masked.value.strip(),
    )


class _Times:
    """Reads the times of a request."""

    def __init__(self, tree: Component, zone: Callable[[], dt.tzinfo | None]) -> None:
        self._tree = tree
        self._zone = zone

    def moment_ms(self, component: Component, name: str) -> int:
        """Return a time in milliseconds UTC; a day begins at midnight. Raises Refused, BadInput."""
        line = component.first(name)
        if line is None:
            msg = f"A request for busy times gives {name}."
            raise Refused(msg, precondition=MESSAGE)
        try:
            stamp = parse_stamp(line.value)
            if stamp.is_utc:
                return ms_from_utc(stamp.at(dt.UTC))
            context = context_of(self._tree, self._zone() or dt.UTC)
            return ms_from_utc(context.moment(line, stamp).astimezone(dt.UTC))
        except (ValueError, OverflowError) as error:
            msg = f"{name} {error}."
            raise BadInput(msg) from error


def _duration_ms(component: Component) -> int:
    line = component.first("DURATION")
    try:
        return 1000 * parse_duration("" if line is None else line.value).total_s
    except ValueError as error:
        msg = f"DURATION {error}."
        raise BadInput(msg) from error


def _shown(word: str) -> str:
    """Return a word of the client's as it may stand in a sentence."""
    return re.sub(r"[^A-Za-z0-9-]", "?", word)[:40] or "no method"

"""One VEVENT as far as any vendor could hold it (RFC 5545 section 3.6.1).

What no vendor holds (categories, class, attachments, X- properties ...) is not in the model: it lives in
the client's own text, and ``ical.overlay`` keeps it there byte for byte.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.model.recurrence import Moment, Recurrence

if TYPE_CHECKING:
    from bridge.model.people import Attendee, Person


class Status(enum.StrEnum):
    """STATUS of a VEVENT (RFC 5545 3.8.1.11)."""

    CONFIRMED = "CONFIRMED"
    TENTATIVE = "TENTATIVE"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Alarm:
    """A VALARM that every client would ring, relative to the start (RFC 5545 section 3.6.6)."""

    before_start_s: int
    """Seconds before DTSTART. TRIGGER counts the other way: -PT5M is 300; after the start is negative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One VEVENT. Words follow RFC 5545; nothing here knows text, JSON, HTTP or SQL."""

    uid: str
    start: Moment
    """DTSTART. A plain date is an all-day event; a datetime is aware, with the zone it was written in."""
    end: Moment
    """Exclusive end, of the same kind as ``start``; DURATION and the defaults of RFC 5545 3.6.1 are resolved."""
    recurrence_id: Moment | None = None
    """RECURRENCE-ID of an override; None for a master or a single event."""
    this_and_future: bool = False
    """RANGE=THISANDFUTURE on the RECURRENCE-ID."""
    recurrence: Recurrence = Recurrence()
    summary: str = ""
    description: str = ""
    rich_description: str = ""
    """HTML of X-ALT-DESC;FMTTYPE=text/html, or empty."""
    location: str = ""
    url: str = ""
    """The first link: URL, else CONFERENCE. A vendor's link to join the meeting, or one of the client's own."""
    conferences: tuple[str, ...] = ()
    """Further links of CONFERENCE, in order: a vendor's stands here where the client has one of its own."""
    status: Status = Status.CONFIRMED
    alarms: tuple[Alarm, ...] = ()
    """Ascending by ``before_start_s``, without doubles; only alarms with a trigger relative to the start."""
    organizer: Person | None = None
    attendees: tuple[Attendee, ...] = ()

    def __post_init__(self) -> None:
        for name, moment in (("DTSTART", self.start), ("DTEND", self.end)):
            if isinstance(moment, dt.datetime) and moment.tzinfo is None:
                msg = f"{name} is floating; give it a zone before mapping"
                raise ValueError(msg)
        if isinstance(self.start, dt.datetime) != isinstance(self.end, dt.datetime):
            msg = "DTSTART and DTEND are of different kinds (RFC 5545 3.8.2.2)"
            raise ValueError(msg)

    @property
    def is_all_day(self) -> bool:
        """Return whether start and end are plain dates."""
        return not isinstance(self.start, dt.datetime)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarObject:
    """One calendar object resource (RFC 4791 4.1): everything with one UID."""

    uid: str
    master: Event | None
    """None for an object that is only overrides, as a guest of single occurrences has."""
    overrides: tuple[Event, ...] = ()
    """Ascending by RECURRENCE-ID, each with one."""

    @property
    def events(self) -> tuple[Event, ...]:
        """Return master and overrides in order."""
        return ((self.master,) if self.master else ()) + self.overrides

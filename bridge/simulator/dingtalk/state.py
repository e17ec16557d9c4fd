"""What the vendor remembers: people, rooms, calendars, events, and every person's copy of an event."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import datetime as dt

    from bridge.simulator.dingtalk.recurrence import Rule
    from bridge.simulator.dingtalk.times import When

RESPONSES: Final = ("needsAction", "accepted", "declined", "tentative")


@dataclass(slots=True, kw_only=True)
class Person:
    """An employee."""

    userid: str
    union_id: str
    name: str
    email: str = ""
    org_email: str = ""
    mobile: str = ""
    departments: list[int] = field(default_factory=lambda: [1])
    in_scope: bool = True
    """Whether the app's authorised contact scope holds the person."""
    number: int = 0
    """Part of the opaque id of the main calendar."""


@dataclass(slots=True, kw_only=True)
class Department:
    """A department; 1 is the root."""

    id: int
    name: str
    parent_id: int


@dataclass(slots=True, kw_only=True)
class Room:
    """A meeting room."""

    id: str
    name: str
    capacity: int = 8


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder; ``minutes`` before the start."""

    method: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Booking:
    """A room taken by an event."""

    room_id: str
    name: str
    response: str


@dataclass(slots=True, kw_only=True)
class Guest:
    """One person's part in an event, the organizer's included."""

    union_id: str
    is_optional: bool = False
    response: str = "needsAction"
    reminders: tuple[Reminder, ...] | None = None
    """The person's own reminders; None: those of the event."""
    removed: bool = False
    """Whether the person deleted the own copy."""
    seq: int = 0
    """Last change that only this person sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """The content of an event, or of one occurrence of a series."""

    summary: str
    start: When
    end: When
    description: str = ""
    rich_text: str = ""
    recurrence: dict[str, Any] | None = None
    """As answers show it."""
    rule: Rule | None = None
    location: str = ""
    reminders: tuple[Reminder, ...] = ()
    online_meeting: dict[str, Any] | None = None
    ui_configs: tuple[dict[str, str], ...] = ()
    categories: tuple[dict[str, Any], ...] = ()
    card_instances: tuple[dict[str, Any], ...] = ()
    event_config: dict[str, bool] | None = None
    free_busy: str = "busy"
    rooms: tuple[Booking, ...] = ()


@dataclass(slots=True, kw_only=True)
class Override:
    """What differs in one occurrence of a series."""

    fields: dict[str, Any] = field(default_factory=dict)
    """Fields of ``Details``."""
    cancelled: bool = False
    guests: dict[str, Guest] | None = None
    """People of this occurrence, if they are not the series' people."""
    responses: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, int] = field(default_factory=dict)
    """People who deleted their copy of this occurrence, with the number of that change."""
    reminders: dict[str, tuple[Reminder, ...]] = field(default_factory=dict)
    updated_ms: int = 0
    seq: int = 0


@dataclass(slots=True, kw_only=True)
class Event:
    """A single event, or the master of a series."""

    key: str
    organizer: str
    calendar: str
    """Id of a subscribed calendar, or empty: the calendars of its people."""
    details: Details
    guests: dict[str, Guest]
    overrides: dict[int, Override] = field(default_factory=dict)
    """By original start, epoch seconds."""
    created_ms: int = 0
    updated_ms: int = 0
    seq: int = 0
    """Last change of content, for everybody and every occurrence."""
    master_seq: int = 0
    """Last change that shows on the master, occurrences' changes included."""
    master_ms: int = 0
    """When that was, if it was later than ``updated_ms``."""
    lost: dict[int, tuple[int, When]] = field(default_factory=dict)
    """Occurrences that had been generated when the rule was changed and are no more, with that change."""
    cancelled: bool = False
    gone: dict[str, int] = field(default_factory=dict)
    """People who lost the event, with the number of that change."""
    legacy_id: str = ""
    sign_ins: dict[str, int] = field(default_factory=dict)
    sign_outs: dict[str, int] = field(default_factory=dict)

    @property
    def is_series(self) -> bool:
        """Whether it recurs."""
        return self.details.rule is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What somebody may see: a single event, a master, or one occurrence with its own values."""

    event: Event
    origin: int | None
    """Original start of an occurrence, epoch seconds; None for a master or a single event."""
    origin_start: When | None
    details: Details
    guests: dict[str, Guest]
    cancelled: bool
    updated_ms: int
    seq: int

    def is_held_by(self, union_id: str) -> bool:
        """Whether this person's calendar shows it."""
        guest = self.guests.get(union_id)
        return guest is not None and not guest.removed

    def reminders_of(self, union_id: str) -> tuple[Reminder, ...]:
        """Return the reminders that ring for this person."""
        guest = self.guests.get(union_id)
        own = guest.reminders if guest else None
        return self.details.reminders if own is None else own


def whole(event: Event) -> Item:
    """Return the single event or the master."""
    return Item(
        event=event,
        origin=None,
        origin_start=None,
        details=event.details,
        guests=event.guests,
        cancelled=event.cancelled,
        updated_ms=max(event.updated_ms, event.master_ms),
        seq=event.master_seq if event.is_series else event.seq,
    )


def occurrence(event: Event, origin_start: When, all_day_zone: str) -> Item:
    """Return one occurrence, its override applied."""
    details = _moved(event.details, origin_start)
    origin = int(origin_start.at(all_day_zone).timestamp())
    override = event.overrides.get(origin)
    guests = event.guests
    if override is not None:
        details = dataclasses.replace(details, **override.fields)
        guests = _guests_of(event, override)
    return Item(
        event=event,
        origin=origin,
        origin_start=origin_start,
        details=details,
        guests=guests,
        cancelled=event.cancelled or (override is not None and override.cancelled),
        updated_ms=max(event.updated_ms, override.updated_ms if override else 0),
        seq=max(event.seq, override.seq if override else 0),
    )


def lost_occurrence(event: Event, origin: int) -> Item:
    """Return the tombstone of an occurrence that the series has lost."""
    seq, start = event.lost[origin]
    return Item(
        event=event,
        origin=origin,
        origin_start=start,
        details=_moved(event.details, start),
        guests=event.guests,
        cancelled=True,
        updated_ms=event.updated_ms,
        seq=seq,
    )


def _moved(details: Details, start: When) -> Details:
    """Return the series' content at another start, as long as before."""
    first, last = details.start, details.end
    if start.is_all_day != first.is_all_day:
        # A tombstone of the time before the series changed its kind: nobody asks how long it was.
        return dataclasses.replace(details, start=start, end=start)
    if start.date is not None and first.date is not None and last.date is not None:
        end = dataclasses.replace(last, date=start.date + (last.date - first.date))
    else:
        length = last.at("UTC") - first.at("UTC")
        end = last.shifted_to(start.at("UTC") + length)
    return dataclasses.replace(details, start=start, end=end)


def _guests_of(event: Event, override: Override) -> dict[str, Guest]:
    base = event.guests if override.guests is None else override.guests
    if not (override.responses or override.hidden or override.reminders):
        return base
    return {
        union_id: dataclasses.replace(
            guest,
            response=override.responses.get(union_id, guest.response),
            removed=guest.removed or union_id in override.hidden,
            reminders=override.reminders.get(union_id, guest.reminders),
        )
        for union_id, guest in base.items()
    }


def epoch_ms(moment: dt.datetime) -> int:
    """Return milliseconds since 1970."""
    return round(moment.timestamp() * 1000)

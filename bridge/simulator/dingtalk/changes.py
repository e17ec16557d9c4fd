"""Making changes: every way an event, an occurrence or somebody's copy of it becomes different.

These functions know no JSON and no HTTP; the API's operations and the acts of people both end here.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk.errors import refuse
from bridge.simulator.dingtalk.state import Event, Guest, Item, Override, Reminder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.simulator.dingtalk.simulator import DingTalkSimulator
    from bridge.simulator.dingtalk.state import Details
    from bridge.simulator.dingtalk.times import When

ATTENDEES_MAX: Final = 5000
"""People of one event."""

LOST_MAX: Final = 5000
"""Tombstones of occurrences kept for one series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a change is made."""

    by_app: bool = True
    """By a call of the API, not by a person in DingTalk's app."""
    push: bool = True
    """Whether people see a pop-up."""
    chat: bool = False
    """Whether people get a chat card."""


def touch(sim: DingTalkSimulator, event: Event, origin: int | None) -> int:
    """Give the event, or one occurrence, a new change number and time; return the number."""
    now_ms, seq = sim.store.now_ms(), sim.store.next_seq()
    if origin is None:
        event.updated_ms, event.seq, event.master_seq = now_ms, seq, seq
        return seq
    override = event.overrides.setdefault(origin, Override())
    override.updated_ms, override.seq = now_ms, seq
    if sim.switches["occurrence_edit_touches_master"] == "yes":
        event.master_seq, event.master_ms = seq, now_ms
    return seq


def invite(
    sim: DingTalkSimulator, wanted: Mapping[str, bool | None], present: Mapping[str, Guest]
) -> dict[str, Guest]:
    """Return guests for the unionIds of ``wanted``; those of ``present`` keep their answers."""
    guests = {}
    for union_id, is_optional in wanted.items():
        person = sim.store.people.get(union_id)
        if person is None and union_id not in present:
            if sim.switches["unknown_attendee"] == "ignore":
                continue
            refuse(f"attendee invalid: {union_id}")
        if person is not None and not person.in_scope and sim.switches["out_of_scope_attendee"] == "reject":
            refuse(f"attendee not in scope: {union_id}")
        guest = present.get(union_id) or Guest(union_id=union_id)
        optional = guest.is_optional if is_optional is None else is_optional
        guests[union_id] = dataclasses.replace(guest, is_optional=optional)
    return guests


def check_crowd(guests: Mapping[str, Guest]) -> None:
    """Raise 400 for too many people."""
    if len(guests) > ATTENDEES_MAX:
        refuse(f"attendees too many. Maximum allowed:{ATTENDEES_MAX}")


def create(
    sim: DingTalkSimulator,
    *,
    organizer: str,
    calendar: str,
    details: Details,
    wanted: Mapping[str, bool | None],
    manner: Manner,
) -> Event:
    """Add an event to the books and tell everybody concerned."""
    guests: dict[str, Guest] = {}
    if not calendar:
        guests = {organizer: Guest(union_id=organizer, response="accepted")}
        guests.update({key: guest for key, guest in invite(sim, wanted, guests).items() if key != organizer})
    elif wanted:
        refuse("Subscribed calendar not support attendees")
    check_crowd(guests)
    event = Event(
        key=sim.store.new_key(),
        organizer=organizer,
        calendar=calendar,
        details=details,
        guests=guests,
        created_ms=sim.store.now_ms(),
        legacy_id=sim.store.token("legacy").hex().upper(),
    )
    sim.store.events[event.key] = event
    touch(sim, event, None)
    sim.announce(event, None, "created", manner)
    return event


def edit(
    sim: DingTalkSimulator,
    item: Item,
    details: Details,
    guests: dict[str, Guest] | None,
    manner: Manner,
) -> None:
    """Replace the content of an event, a series or one occurrence; ``guests`` None: the same people."""
    event, before_guests = item.event, list(item.guests)
    moved = (item.details.start, item.details.end) != (details.start, details.end)
    if guests is not None:
        check_crowd(guests)
        _note_gone(sim, item, guests)
    if moved and sim.switches["time_change_resets_responses"] == "yes":
        guests = _unanswered(event, item.guests if guests is None else guests)
    if item.origin is None:
        before = _generated(sim, event)
        ruled = item.details.rule != details.rule
        starts = list(_override_starts(sim, event))
        event.details = details
        if guests is not None:
            event.guests = guests
        _treat_exceptions(sim, event, starts, moved=moved or ruled)
        seq = touch(sim, event, None)
        _note_lost(sim, event, before, seq)
    else:
        override = event.overrides.setdefault(item.origin, Override())
        for field in dataclasses.fields(details):
            value = getattr(details, field.name)
            if value != getattr(item.details, field.name):
                override.fields[field.name] = value
        if guests is not None:
            override.guests = guests
            override.responses.clear()
        touch(sim, event, item.origin)
    sim.announce(event, item.origin, "updated", manner, also=before_guests)


def reshape(
    sim: DingTalkSimulator, event: Event, details: Details, overrides: dict[int, Override], manner: Manner
) -> None:
    """Replace the content of a series together with what single occurrences have of their own."""
    before = _generated(sim, event)
    event.details, event.overrides = details, overrides
    _note_lost(sim, event, before, touch(sim, event, None))
    sim.announce(event, None, "updated", manner)


def _unanswered(event: Event, guests: Mapping[str, Guest]) -> dict[str, Guest]:
    return {
        key: guest if key == event.organizer else dataclasses.replace(guest, response="needsAction")
        for key, guest in guests.items()
    }


def _note_gone(sim: DingTalkSimulator, item: Item, guests: Mapping[str, Guest]) -> None:
    """Remember who loses the event, so that their calendars can report it."""
    for union_id in item.guests:
        if union_id not in guests:
            seq = sim.store.next_seq()
            if item.origin is None:
                item.event.gone[union_id] = seq
            else:
                item.event.overrides.setdefault(item.origin, Override()).hidden[union_id] = seq
    override = None if item.origin is None else item.event.overrides.get(item.origin)
    for union_id in guests:
        item.event.gone.pop(union_id, None)
        if override is not None:
            override.hidden.pop(union_id, None)


def _override_starts(sim: DingTalkSimulator, event: Event) -> list[When]:
    """Return the original starts of the occurrences that have an override."""
    items = (sim.store.occurrence(event, origin) for origin in event.overrides)
    return [item.origin_start for item in items if item is not None and item.origin_start is not None]


def _treat_exceptions(sim: DingTalkSimulator, event: Event, starts: list[When], *, moved: bool) -> None:
    """Drop or keep what single occurrences had of their own, after the series was edited."""
    mode = sim.switches["exceptions_on_master_edit"]
    if mode == "dropped" or (mode == "dropped_with_times" and moved) or not event.is_series:
        event.overrides.clear()
        return
    if not moved or not starts:
        return
    zone = sim.store.all_day_zone
    old = {start.local().date(): event.overrides.get(int(start.at(zone).timestamp())) for start in starts}
    event.overrides = {}
    last = max(old)
    for start in sim.store.starts(event):
        day = start.local().date()
        if day > last:
            break
        override = old.get(day)
        if override is not None:
            event.overrides[int(start.at(zone).timestamp())] = override


def _generated(sim: DingTalkSimulator, event: Event) -> dict[int, When]:
    """Return the occurrences that the list knows by now."""
    found: dict[int, When] = {}
    now_ms = sim.store.now_ms()
    for start in sim.store.starts(event):
        if start.at(sim.store.all_day_zone) > sim.store.generated_until() or len(found) >= LOST_MAX:
            break
        if sim.store.generated_ms(start) <= now_ms:
            found[int(start.at(sim.store.all_day_zone).timestamp())] = start
    return found


def _note_lost(sim: DingTalkSimulator, event: Event, before: dict[int, When], seq: int) -> None:
    after = _generated(sim, event)
    for origin in after:
        event.lost.pop(origin, None)
    for origin, start in before.items():
        if origin not in after and len(event.lost) < LOST_MAX:
            event.lost[origin] = (seq, start)


def cancel(sim: DingTalkSimulator, item: Item, manner: Manner) -> None:
    """Cancel an event, a series or one occurrence for everybody."""
    event = item.event
    if item.origin is None:
        event.cancelled = True
    else:
        event.overrides.setdefault(item.origin, Override()).cancelled = True
    touch(sim, event, item.origin)
    sim.announce(event, item.origin, "cancelled", manner)


def drop_copy(sim: DingTalkSimulator, item: Item, union_id: str, manner: Manner) -> None:
    """Remove an event, series or occurrence from one person's calendar; nobody else notices."""
    seq = sim.store.next_seq()
    if item.origin is None:
        guest = item.event.guests[union_id]
        guest.removed, guest.seq = True, seq
    else:
        item.event.overrides.setdefault(item.origin, Override()).hidden[union_id] = seq
    quiet = dataclasses.replace(manner, push=False, chat=False)
    sim.announce(item.event, item.origin, "cancelled", quiet, only=union_id)


def respond(sim: DingTalkSimulator, item: Item, union_id: str, response: str, manner: Manner) -> None:
    """Set one person's answer."""
    event = item.event
    if item.origin is None:
        event.guests[union_id].response = response
        for override in event.overrides.values():
            override.responses.pop(union_id, None)
            if override.guests and union_id in override.guests:
                override.guests[union_id].response = response
    else:
        event.overrides.setdefault(item.origin, Override()).responses[union_id] = response
    if sim.switches["responses_touch_event"] == "yes":
        touch(sim, event, item.origin)
    quiet = dataclasses.replace(manner, push=False, chat=False)
    sim.announce(event, item.origin, "updated", quiet, cause="response")


def remind(
    sim: DingTalkSimulator, item: Item, union_id: str, reminders: tuple[Reminder, ...], manner: Manner
) -> None:
    """Set one person's own reminders, which nobody else sees."""
    event, seq = item.event, sim.store.next_seq()
    if item.origin is None:
        guest = event.guests[union_id]
        guest.reminders, guest.seq = reminders, seq
    else:
        override = event.overrides.setdefault(item.origin, Override())
        override.reminders[union_id], override.seq = reminders, seq
    quiet = dataclasses.replace(manner, push=False, chat=False)
    sim.announce(event, item.origin, "updated", quiet, cause="reminder", only=union_id)


def forget_own_reminders(item: Item) -> None:
    """Let the event's reminders ring for the organizer again, who has just set them."""
    event = item.event
    if item.origin is None:
        guest = event.guests.get(event.organizer)
        if guest is not None:
            guest.reminders = None
    elif item.origin in event.overrides:
        event.overrides[item.origin].reminders.pop(event.organizer, None)


def replace(sim: DingTalkSimulator, item: Item, manner: Manner, **fields: Any) -> None:
    """Replace some fields of the content."""
    edit(sim, item, dataclasses.replace(item.details, **fields), None, manner)

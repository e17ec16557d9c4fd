"""From two payloads to the body of an update, and from a payload to the body of a creation. Pure.

Only what differs is sent (reference 3.4): never ``onlineMeetingInfo``, which would replace the meeting, and
reminders always, since leaving them out may set them back to the default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from bridge.providers.dingtalk import richtext
from bridge.providers.dingtalk.encode import METHOD
from bridge.providers.dingtalk.limits import ATTENDEES_PER_CALL
from bridge.providers.dingtalk.schema import flag, number, part, rows, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.providers.base import Json
    from bridge.providers.dingtalk.schema import AttendeeBody, EventBody

TEXTS: Final = ("summary", "description", "location")
SPAN: Final = ("start", "end", "isAllDay")
"""Sent together or not at all: a change of ``isAllDay`` needs both (reference 3.4)."""

ONE_OCCURRENCE: Final[Json] = {
    "pattern": {"type": "daily", "interval": 1, "firstDayOfWeek": "monday"},
    "range": {"type": "numbered", "numberOfOccurrences": 1},
}
"""A rule cannot surely be removed by an update (reference 12.31); a series of one occurrence is no series."""

_QUIET: Final = {"noPushNotification": "true", "noChatNotification": "true"}
"""``extra``: DingTalk tells everybody about everything unless told not to (gotcha 14)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendeeChanges:
    """Who has to be removed, then who has to be added."""

    remove: tuple[str, ...] = ()
    add: tuple[AttendeeBody, ...] = ()

    def __bool__(self) -> bool:
        """Return whether there is anything to do."""
        return bool(self.remove or self.add)


def create_body(payload: Json, *, notify: bool) -> tuple[EventBody, tuple[AttendeeBody, ...]]:
    """Return the body of a creation, without empty fields, and the people who exceed one call."""
    body = {name: value for name, value in payload.items() if name not in ("description", "location")}
    if payload.get("description"):
        body["description"] = payload["description"]
    if part(payload, "location").get("displayName"):
        body["location"] = payload["location"]
    people = list(payload.get("attendees") or ())
    body.pop("attendees", None)
    if people:
        body["attendees"] = people[:ATTENDEES_PER_CALL]
    if not notify:
        body["extra"] = dict(_QUIET)
    return cast("EventBody", body), tuple(people[ATTENDEES_PER_CALL:])


def update_body(before: Json, after: Json, snapshot: Json, *, notify: bool) -> EventBody:
    """Return the body of an update; empty if nothing but people differs.

    ``snapshot``: the event as the vendor last told it; what it holds beyond our payloads stays.
    """
    body: dict[str, Any] = {name: after[name] for name in TEXTS if differs(before, after, name)}
    if any(differs(before, after, name) for name in SPAN):
        body.update({name: after[name] for name in SPAN})
    if differs(before, after, "recurrence"):
        body["recurrence"] = after.get("recurrence") or ONE_OCCURRENCE
    if differs(before, after, "richTextDescription"):
        body["richTextDescription"] = after.get("richTextDescription") or {"text": ""}
    elif "description" in body and text(part(snapshot, "richTextDescription"), "text"):
        # Which of the two is shown is unknown; an old formatted text must not outlive the new plain one.
        body["richTextDescription"] = {"text": richtext.html_of(after["description"])}
    if differs(before, after, "reminders"):
        body["reminders"] = after["reminders"]
    elif body:
        body["reminders"] = _kept_reminders(after, snapshot)
    if body and not notify:
        body["extra"] = dict(_QUIET)
    return cast("EventBody", body)


def differs(before: Json, after: Json, name: str) -> bool:
    """Return whether a field of two payloads differs; an absent one is like null."""
    return before.get(name) != after.get(name)


def attendee_changes(before: Json, after: Json, snapshot: Json) -> AttendeeChanges:
    """Return who comes and goes. A change of ``isOptional`` is going and coming: there is no other call."""
    wanted = _invited(after.get("attendees") or ())
    if "attendees" in before:
        had = _invited(before["attendees"] or ())
    else:
        organizer = text(part(snapshot, "organizer"), "id")
        had = _invited(row for row in rows(snapshot, "attendees") if text(row, "id") != organizer)
    remove = tuple(vendor_id for vendor_id in had if wanted.get(vendor_id) != had[vendor_id])
    add: list[AttendeeBody] = [
        {"id": vendor_id, "isOptional": optional}
        for vendor_id, optional in wanted.items()
        if had.get(vendor_id) != optional
    ]
    return AttendeeChanges(remove=remove, add=tuple(add))


def batches(people: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Cut a list of people into parts that one call takes."""
    return [
        tuple(people[begin : begin + ATTENDEES_PER_CALL])
        for begin in range(0, len(people), ATTENDEES_PER_CALL)
    ]


def _invited(people: Iterable[Any]) -> dict[str, bool]:
    """Return id -> optional, in order."""
    return {text(row, "id"): bool(flag(row, "isOptional")) for row in people if text(row, "id")}


def _kept_reminders(after: Json, snapshot: Json) -> list[Json]:
    """Return the reminders as the vendor has them, in the one method that requests may name."""
    if snapshot.get("reminders") is None:
        kept: list[Json] = after.get("reminders") or []
        return kept
    minutes = {number(row, "minutes") for row in rows(snapshot, "reminders")}
    return [
        {"method": METHOD, "minutes": minute}
        for minute in sorted(known for known in minutes if known is not None)
        if minute >= 0
    ]

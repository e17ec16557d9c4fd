"""Event -> the fields of the create page (reference 3.3), and what did not fit. Pure.

A payload always names summary, description, start, end, isAllDay, attendees, location and reminders, so that two
payloads can be compared field by field and a cleared field is seen; ``recurrence`` and ``richTextDescription``
are absent where there is none.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from bridge.errors import Inexpressible
from bridge.model import fidelity
from bridge.model.event import Status
from bridge.model.loss import Encoded, Loss
from bridge.providers.dingtalk import richtext
from bridge.providers.dingtalk.limits import LIMITS, RICH_TEXT_CHARS_MAX
from bridge.providers.dingtalk.rules import encode_rule
from bridge.providers.dingtalk.times import stamp, zone_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.model.event import Alarm, Event
    from bridge.model.people import Roster
    from bridge.providers.base import Json
    from bridge.providers.dingtalk.schema import AttendeeBody, RecurrenceBody, ReminderBody, When

UNTITLED: Final = "（无标题）"
"""DingTalk refuses a blank ``summary``; this one is read back as none at all."""

MINUTE_S: Final = 60

METHOD: Final = "dingtalk"
"""The only ``reminders[].method`` that requests may name (seed page)."""

OWN_LINKS: Final = ("dingtalk://", "https://meeting.dingtalk.com/", "https://h5.dingtalk.com/")
"""Links that DingTalk made itself and that a client merely hands back."""

ONE_DAY: Final = dt.timedelta(days=1)


def encode(event: Event, roster: Roster) -> Encoded[Json]:
    """Return the payload of a single event, of a series with its rule, or of one occurrence.

    Raises :class:`bridge.errors.Inexpressible` where leaving something out would be a lie.
    """
    losses: list[Loss] = []
    _check(event)
    start, end = _span(event, losses)
    payload: Json = {
        "summary": _summary(event, losses),
        "description": _bounded("DESCRIPTION", event.description, LIMITS.description_chars_max),
        "start": start,
        "end": end,
        "isAllDay": event.is_all_day,
        "attendees": _attendees(event, roster, losses),
        "location": {"displayName": _bounded("LOCATION", event.location, LIMITS.location_chars_max)},
        "reminders": _reminders(event.alarms, losses),
    }
    recurrence = _recurrence(event, losses)
    if recurrence is not None:
        payload["recurrence"] = recurrence
    if event.rich_description:
        _rich(event, payload, losses)
    _note_unheld(event, roster, losses)
    return Encoded(payload, tuple(losses))


def chars(written: str) -> int:
    """Return the length in UTF-16 units: never less than the number of characters, however they are counted."""
    return len(written.encode("utf-16-le", "surrogatepass")) // 2


# ---- texts -----------------------------------------------------------------------------------------------


def _check(event: Event) -> None:
    """Refuse what has no form at all."""
    if event.this_and_future:
        msg = "DingTalk cannot change an occurrence and all that follow; split the series"
        raise Inexpressible(msg)
    year = event.start.year
    if not LIMITS.year_min <= year <= LIMITS.year_max:
        fidelity.refuse("dingtalk.DTSTART.year", year=year, first=LIMITS.year_min, last=LIMITS.year_max)
    if event.status is Status.CANCELLED:
        fidelity.refuse("dingtalk.STATUS.cancelled")


def _summary(event: Event, losses: list[Loss]) -> str:
    """Return ``summary``, which must not be blank."""
    if event.summary.strip():
        return _bounded("SUMMARY", event.summary, LIMITS.summary_chars_max)
    losses.append(fidelity.loss("dingtalk.SUMMARY.empty", shown=UNTITLED))
    return UNTITLED


def _bounded(what: str, written: str, most: int) -> str:
    """Return a text that is not longer than allowed; cutting it would lose what somebody wrote."""
    length = chars(written)
    if length > most:
        fidelity.refuse("dingtalk.TEXT.long", what=what, length=length, most=most)
    return written


def _rich(event: Event, payload: Json, losses: list[Loss]) -> None:
    """Add ``richTextDescription`` where it is the description with formatting."""
    length = chars(event.rich_description)
    if length > RICH_TEXT_CHARS_MAX:
        losses.append(fidelity.loss("dingtalk.X-ALT-DESC.long", length=length, most=RICH_TEXT_CHARS_MAX))
    elif richtext.adds_to(event.description, event.rich_description):
        payload["richTextDescription"] = {"text": event.rich_description}
    elif not richtext.says(event.description, event.rich_description):
        losses.append(fidelity.loss("dingtalk.X-ALT-DESC.other"))


# ---- times -----------------------------------------------------------------------------------------------


def _span(event: Event, losses: list[Loss]) -> tuple[When, When]:
    """Return ``start`` and ``end``: dates with an exclusive end, or times in the zone of the start."""
    if not isinstance(event.start, dt.datetime) or not isinstance(event.end, dt.datetime):
        end = event.end
        if end <= event.start:
            losses.append(Loss("DTEND", "an all-day event lasts at least one day"))
            end = event.start + ONE_DAY
        return {"date": event.start.isoformat()}, {"date": end.isoformat()}
    zone = zone_name(event.start.tzinfo, event.start.utcoffset())
    start, end_time = event.start, event.end
    if not zone:
        if event.recurrence.rules:
            msg = "a series needs a named time zone or a whole-hour offset in DingTalk"
            raise Inexpressible(msg)
        losses.append(fidelity.loss("dingtalk.TZID.unnamed"))
        start, zone = start.astimezone(dt.UTC), "UTC"
    if (
        end_time.timestamp() < start.timestamp()
    ):  # times of one zone compare by the wall clock, also when it goes back
        msg = "the event ends before it starts"
        raise Inexpressible(msg)
    end_there = end_time.astimezone(start.tzinfo)
    return (
        {"dateTime": stamp(start), "timeZone": zone},
        {"dateTime": stamp(end_there), "timeZone": zone},
    )


def _recurrence(event: Event, losses: list[Loss]) -> RecurrenceBody | None:
    """Return ``recurrence``; an occurrence has none of its own."""
    if event.recurrence_id is not None:
        return None
    if event.recurrence.rdates or len(event.recurrence.rules) > 1:
        msg = "RDATE and several rules in one series have no counterpart in DingTalk"
        raise Inexpressible(msg)
    if not event.recurrence.rules:
        return None
    recurrence = event.recurrence
    body, lost = encode_rule(recurrence.rules[0], event.start, has_holes=bool(recurrence.exdates))
    losses.extend(lost)
    return body


# ---- alarms and people -----------------------------------------------------------------------------------


def _reminders(alarms: Iterable[Alarm], losses: list[Loss]) -> list[ReminderBody]:
    """Return ``reminders``, always explicit: absent would mean 15 minutes, or 09:00 on the day before."""
    minutes: set[int] = set()
    for alarm in alarms:
        if alarm.before_start_s < 0:
            losses.append(fidelity.loss("dingtalk.VALARM.after"))
            continue
        earlier = -(-alarm.before_start_s // MINUTE_S)
        if earlier * MINUTE_S != alarm.before_start_s:
            losses.append(
                fidelity.loss("dingtalk.VALARM.seconds", minutes=earlier, seconds=alarm.before_start_s)
            )
        minutes.add(earlier)
    return [{"method": METHOD, "minutes": minute} for minute in sorted(minutes)]


def _attendees(event: Event, roster: Roster, losses: list[Loss]) -> list[AttendeeBody]:
    """Return ``attendees`` in the order of their ids, without the organizer, whom DingTalk adds by itself."""
    if not event.attendees:
        return []
    organizer = roster.id_of(event.organizer.address) if event.organizer else None
    own = {roster.me, organizer or roster.me}
    listed: dict[str, AttendeeBody] = {}
    for attendee in event.attendees:
        vendor_id = roster.id_of(attendee.address)
        if vendor_id is None:
            losses.append(fidelity.loss("dingtalk.ATTENDEE.stranger", address=attendee.address))
        elif vendor_id not in own:
            listed[vendor_id] = {"id": vendor_id, "isOptional": attendee.is_optional}
    if len(listed) > LIMITS.attendees_max:
        fidelity.refuse("dingtalk.ATTENDEE.many", count=len(listed), most=LIMITS.attendees_max)
    return [listed[vendor_id] for vendor_id in sorted(listed)]


def _note_unheld(event: Event, roster: Roster, losses: list[Loss]) -> None:
    """Note what the model knows and DingTalk has no field for."""
    if any(link and not link.startswith(OWN_LINKS) for link in (event.url, *event.conferences)):
        losses.append(fidelity.loss("dingtalk.URL"))
    if event.status is Status.TENTATIVE:
        losses.append(fidelity.loss("dingtalk.STATUS.tentative"))
    if event.organizer is not None and roster.id_of(event.organizer.address) != roster.me:
        losses.append(fidelity.loss("dingtalk.ORGANIZER"))

"""DingTalk's answers -> Event (reference 3.10). Pure, and never fails on a field of unknown value.

ORGANIZER and ATTENDEE: an event without other people has neither. Otherwise ORGANIZER is set and its own row is
left out of ATTENDEE: clients take the organizer for granted and would show it twice. Everybody else is listed,
the person whose calendar this is included, so that an invitation can be answered.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from bridge.model import fidelity
from bridge.model.event import Alarm, Event, Status
from bridge.model.people import Attendee, PartStat
from bridge.model.recurrence import Recurrence
from bridge.providers.dingtalk import richtext
from bridge.providers.dingtalk.encode import MINUTE_S, ONE_DAY, UNTITLED
from bridge.providers.dingtalk.rules import decode_rule
from bridge.providers.dingtalk.schema import flag, is_cancelled, number, part, rows, series_of, text
from bridge.providers.dingtalk.times import MOMENT_MISSING, is_all_day, moment_of, origin_of

if TYPE_CHECKING:
    from bridge.model.people import Person, Roster
    from bridge.model.recurrence import Moment
    from bridge.providers.base import Json, Upstream

PARTSTATS: Final = {
    "needsaction": PartStat.NEEDS_ACTION,
    "accepted": PartStat.ACCEPTED,
    "declined": PartStat.DECLINED,
    "tentative": PartStat.TENTATIVE,
}
"""``responseStatus``; anything else is read as no answer yet."""

ALARM_MINUTES_MAX: Final = 60 * 24 * 366 * 2
"""A reminder further away than two years is no reminder."""


def decode(item: Upstream, uid: str, roster: Roster, default_zone: dt.tzinfo) -> Event:
    """Read a snapshot: a single event, a master with its rule, or an occurrence with RECURRENCE-ID."""
    snapshot = item.snapshot
    start, end = span_of(snapshot, item.origin or MOMENT_MISSING, default_zone)
    occurrence = item.origin is not None or bool(item.series_id and item.series_id != item.id)
    occurrence = occurrence or bool(series_of(snapshot))
    organizer, attendees = _people(snapshot, roster)
    description, rich = _description(snapshot)
    summary = text(snapshot, "summary")
    return Event(
        uid=uid,
        start=start,
        end=end,
        recurrence_id=_recurrence_id(item, start) if occurrence else None,
        recurrence=Recurrence() if occurrence else recurrence_of(snapshot, start),
        summary="" if summary == UNTITLED else summary,
        description=description,
        rich_description=rich,
        location=text(part(snapshot, "location"), "displayName"),
        url=text(part(snapshot, "onlineMeetingInfo"), "url"),
        status=Status.CANCELLED if item.cancelled or is_cancelled(snapshot) else Status.CONFIRMED,
        alarms=_alarms(snapshot),
        organizer=organizer,
        attendees=attendees,
    )


def span_of(snapshot: Json, fallback: Moment, default_zone: dt.tzinfo) -> tuple[Moment, Moment]:
    """Return start and exclusive end; a stub without times gets ``fallback``."""
    all_day = is_all_day(snapshot)
    start = moment_of(part(snapshot, "start"), all_day=all_day, default_zone=default_zone)
    if start is None:
        start = fallback
        all_day = not isinstance(start, dt.datetime)
    end = moment_of(part(snapshot, "end"), all_day=all_day, default_zone=default_zone)
    if isinstance(start, dt.datetime):
        if not isinstance(end, dt.datetime) or end.timestamp() < start.timestamp():
            end = start
        return start, end.astimezone(start.tzinfo)
    return start, end if end is not None and end > start else start + ONE_DAY


def recurrence_of(snapshot: Json, start: Moment) -> Recurrence:
    """Return the rule of a master; nothing for a single event."""
    body = part(snapshot, "recurrence")
    rule = decode_rule(body, start) if body else None
    return Recurrence() if rule is None else Recurrence(rules=(rule,))


def people_of(snapshot: Json) -> dict[str, str]:
    """Return vendor id -> display name of organizer and attendees."""
    found: dict[str, str] = {}
    for row in (part(snapshot, "organizer"), *rows(snapshot, "attendees")):
        vendor_id = text(row, "id")
        if vendor_id:
            found[vendor_id] = text(row, "displayName") or found.get(vendor_id, "")
    return found


def allows_change(snapshot: Json, roster: Roster) -> str:
    """Return "" for the organizer (reference 3.4), else why the event cannot be changed."""
    organizer = part(snapshot, "organizer")
    organizer_id = text(organizer, "id")
    if not organizer_id or organizer_id == roster.me or flag(organizer, "self"):
        return ""
    return fidelity.sentence("dingtalk.ORGANIZER.guest")


def partstat_of(row: Json) -> PartStat:
    """Return the answer of one attendee row."""
    return PARTSTATS.get(text(row, "responseStatus").strip().lower(), PartStat.NEEDS_ACTION)


def _people(snapshot: Json, roster: Roster) -> tuple[Person | None, tuple[Attendee, ...]]:
    """Return ORGANIZER and ATTENDEEs; see the head of this file."""
    organizer = part(snapshot, "organizer")
    organizer_id = text(organizer, "id")
    attendees: dict[str, Attendee] = {}
    for row in rows(snapshot, "attendees"):
        vendor_id = text(row, "id")
        if not vendor_id or vendor_id == organizer_id:
            continue
        person = roster.person_of(vendor_id, text(row, "displayName"))
        attendees[vendor_id] = Attendee(
            address=person.address,
            name=person.name,
            partstat=partstat_of(row),
            is_optional=bool(flag(row, "isOptional")),
        )
    if not organizer_id:
        return None, tuple(attendees.values())
    is_mine = organizer_id == roster.me or bool(flag(organizer, "self"))
    if is_mine and not attendees:
        return None, ()
    return roster.person_of(organizer_id, text(organizer, "displayName")), tuple(attendees.values())


def _recurrence_id(item: Upstream, start: Moment) -> Moment:
    """Return RECURRENCE-ID: a date for an all-day series, else a time, in the zone of the occurrence."""
    origin = item.origin
    if origin is None:
        origin = origin_of(item.snapshot, all_day=is_all_day(item.snapshot))
    if origin is None:
        return start
    if isinstance(origin, dt.datetime) and isinstance(start, dt.datetime):
        return origin.astimezone(start.tzinfo)
    return origin


def _description(snapshot: Json) -> tuple[str, str]:
    """Return DESCRIPTION and, where it is that text with formatting, its HTML."""
    plain = text(snapshot, "description")
    markup = text(part(snapshot, "richTextDescription"), "text")
    if not plain.strip():
        plain = richtext.text_of(markup)
    return plain, markup if richtext.adds_to(plain, markup) else ""


def _alarms(snapshot: Json) -> tuple[Alarm, ...]:
    """Return the reminders of every method (dingtalk, sms, phone): whatever rings, rings."""
    minutes = {number(row, "minutes") for row in rows(snapshot, "reminders")}
    near = {minute for minute in minutes if minute is not None and abs(minute) <= ALARM_MINUTES_MAX}
    return tuple(Alarm(before_start_s=minute * MINUTE_S) for minute in sorted(near))

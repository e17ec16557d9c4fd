"""What an object means, as a hash: equal meaning gives equal hashes, whatever the spelling.

A single event is its instants: the zone in which they were written does not matter. In a series the zone does,
because it decides where later occurrences fall. Parts of a rule that only repeat what DTSTART says are left out.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from bridge.ical.rules import rule_to_text
from bridge.ical.zones import zone_name
from bridge.model.recurrence import Freq, Moment, NthDay, Rule, Weekday

if TYPE_CHECKING:
    from bridge.model.event import CalendarObject, Event
    from bridge.model.people import Attendee, Person

_DIGEST_BYTES: Final = 20
"""160 bits: no two objects of one calendar will ever share it by chance."""


def fingerprint(obj: CalendarObject) -> str:
    """Return a hash of the meaning of an object, in hexadecimal."""
    repeats = bool(obj.master and obj.master.recurrence) or bool(obj.overrides)
    meaning = [obj.uid, [_event(event, repeats=repeats) for event in _ordered(obj)]]
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def same(a: CalendarObject, b: CalendarObject) -> bool:
    """Return whether two objects mean the same."""
    return a is b or fingerprint(a) == fingerprint(b)


def _ordered(obj: CalendarObject) -> list[Event]:
    return [
        event
        for _, event in sorted(((_moment(event.recurrence_id), event) for event in obj.events), key=_first)
    ]


def _first(pair: tuple[str, Event]) -> str:
    return pair[0]


def _event(event: Event, *, repeats: bool) -> dict[str, Any]:
    is_series = repeats and event.recurrence_id is None
    zone = zone_name(event.start.tzinfo) if is_series and isinstance(event.start, dt.datetime) else ""
    return {
        "start": _moment(event.start),
        "end": _moment(event.end),
        "zone": zone,
        "rid": _moment(event.recurrence_id),
        "future": event.this_and_future,
        "rules": sorted(rule_to_text(canonical(rule, event.start)) for rule in event.recurrence.rules),
        "rdates": sorted({_moment(moment) for moment in event.recurrence.rdates}),
        "exdates": sorted({_moment(moment) for moment in event.recurrence.exdates}),
        "summary": _text(event.summary),
        "description": _text(event.description),
        "rich": _text(event.rich_description),
        "location": _text(event.location),
        "url": event.url,
        "conferences": list(event.conferences),
        "status": event.status.value,
        "alarms": sorted({alarm.before_start_s for alarm in event.alarms}),
        "organizer": _person(event.organizer),
        "attendees": sorted(_attendee(one) for one in event.attendees),
    }


def canonical(rule: Rule, start: Moment) -> Rule:
    """Return a rule without the parts that change nothing beside this DTSTART."""
    by_day, by_month_day, by_month = rule.by_day, rule.by_month_day, rule.by_month
    others = rule.by_year_day or rule.by_week_no or rule.by_set_pos
    if (
        rule.freq is Freq.WEEKLY
        and by_day == (NthDay(Weekday(start.weekday())),)
        and not (by_month_day or others)
    ):
        by_day = ()
    elif rule.freq is Freq.MONTHLY and by_month_day == (start.day,) and not (by_day or others):
        by_month_day = ()
    elif rule.freq is Freq.YEARLY and not (by_day or others) and by_month in {(), (start.month,)}:
        if by_month_day == (start.day,) and by_month:
            by_month_day, by_month = (), ()
        elif not by_month_day:
            by_month = ()
    week_counts = rule.by_week_no or (
        rule.freq is Freq.WEEKLY and (rule.interval > 1 or rule.by_set_pos) and by_day
    )
    return dataclasses.replace(
        rule,
        by_day=by_day,
        by_month_day=by_month_day,
        by_month=by_month,
        week_start=rule.week_start if week_counts else Weekday.MO,
    )


def _moment(moment: Moment | None) -> str:
    if moment is None:
        return ""
    return moment.astimezone(dt.UTC).isoformat() if isinstance(moment, dt.datetime) else moment.isoformat()


def _text(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _person(person: Person | None) -> list[str]:
    return [person.address.lower(), person.name] if person else []


def _attendee(one: Attendee) -> list[Any]:
    return [one.address.lower(), one.name, one.partstat.value, one.is_optional]

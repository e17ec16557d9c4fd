"""What WeCom says it holds -> Event. Pure, and never fails: unknown values read as the nearest harmless thing.

Also reads what only WeCom's own programs make: any reminder, patterns that we never write, answers that the older
documents do not know, numbers as text, and payloads of ours.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from bridge.model.event import Alarm, Event, Status
from bridge.model.people import Attendee, PartStat
from bridge.model.recurrence import Freq, NthDay, Recurrence, Rule, Weekday
from bridge.providers.wecom import schema
from bridge.providers.wecom.schema import (
    admins_of,
    as_flag,
    as_int,
    as_list,
    as_object,
    as_signed,
    as_text,
    excluded_of,
)
from bridge.providers.wecom.series import last_occurrence
from bridge.providers.wecom.times import all_day_span, all_day_zone, series_zone, time_at

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from bridge.model.people import Person, Roster
    from bridge.model.recurrence import Moment
    from bridge.model.upstream import Json, Upstream

HOURS_DEFAULT: Final = 8
"""``timezone`` where it is missing (reference 5.2)."""

INTERVAL_READ_MAX: Final = 1000
"""A larger interval than this is not believed."""

MONTH_DAYS: Final = range(1, 32)

_ANSWERS: Final = {
    0: PartStat.NEEDS_ACTION,
    1: PartStat.TENTATIVE,
    2: PartStat.ACCEPTED,
    3: PartStat.ACCEPTED,
    4: PartStat.DECLINED,
    5: PartStat.ACCEPTED,
    6: PartStat.TENTATIVE,
    7: PartStat.TENTATIVE,
    8: PartStat.DECLINED,
    9: PartStat.DECLINED,
}
"""``response_status``: 0..4 documented, 5..9 from Tencent's own tools (reference 5.1)."""

_ANSWERS_ONCE: Final = frozenset({3, 6, 8})
"""Answers to one occurrence only: of a whole series they say nothing, and WeCom does not say which one."""


def decode(item: Upstream, uid: str, roster: Roster, zone: ZoneInfo) -> Event:
    """Read a snapshot (or a payload); ``zone`` is the company's own."""
    snapshot = item.snapshot
    reminders = as_object(snapshot.get("reminders"))
    repeats = as_flag(reminders.get("is_repeat"))
    start, end = _span(snapshot, reminders, zone, repeats=repeats)
    recurrence = (
        _recurrence(snapshot, reminders, start, zone) if repeats and item.origin is None else Recurrence()
    )
    attendees = tuple(_attendees(snapshot, roster, repeats=repeats))
    return Event(
        uid=uid,
        start=start,
        end=end,
        recurrence_id=item.origin,
        recurrence=recurrence,
        summary=as_text(snapshot.get("summary")),
        description=as_text(snapshot.get("description")),
        location=as_text(snapshot.get("location")) or as_text(snapshot.get("place")),
        url=as_text(snapshot.get("meeting_link")),
        status=Status.CANCELLED if item.cancelled or schema.is_cancelled(snapshot) else Status.CONFIRMED,
        alarms=tuple(_alarms(reminders)),
        organizer=_organizer(snapshot, roster) if attendees else None,
        attendees=attendees,
    )


def hours_of(reminders: Json) -> int | None:
    """Return the hour offset that a schedule names, or None."""
    value = reminders.get("timezone")
    return None if value is None else as_signed(value, HOURS_DEFAULT)


# ---- times -------------------------------------------------------------------------------------------------


def _span(snapshot: Json, reminders: Json, zone: ZoneInfo, *, repeats: bool) -> tuple[Moment, Moment]:
    """Return start and exclusive end."""
    start_s = as_int(snapshot.get("start_time"))
    end_s = as_int(snapshot.get("end_time"), start_s)
    hours = hours_of(reminders)
    if as_flag(snapshot.get("is_whole_day")):
        return all_day_span(start_s, end_s, all_day_zone(start_s, hours, zone))
    named = zone
    if repeats:
        named = series_zone(HOURS_DEFAULT if hours is None else hours, zone, time_at(start_s, zone))
    return time_at(start_s, named), time_at(max(end_s, start_s), named)


# ---- series ------------------------------------------------------------------------------------------------


def _recurrence(snapshot: Json, reminders: Json, start: Moment, zone: ZoneInfo) -> Recurrence:
    """Return the rule and the occurrences that the vendor removed from it."""
    rule = _rule(reminders, start)
    if rule is None:
        return Recurrence()
    all_day = all_day_zone(as_int(snapshot.get("start_time")), hours_of(reminders), zone)
    until_s = as_int(reminders.get("repeat_until"))
    if until_s > 0:
        rule = _bounded(rule, start, until_s, all_day)
    return Recurrence(
        rules=(rule,), exdates=tuple(_in_form_of(start, s, all_day) for s in excluded_of(snapshot))
    )


def _in_form_of(start: Moment, seconds: int, all_day: dt.tzinfo) -> Moment:
    """Return an occurrence's start as the series writes its own."""
    if isinstance(start, dt.datetime):
        return time_at(seconds, start.tzinfo or all_day)
    return time_at(seconds, all_day).date()


def _bounded(rule: Rule, start: Moment, until_s: int, all_day: dt.tzinfo) -> Rule:
    """Return the rule with UNTIL at its last occurrence: every way to write the same end reads alike."""
    until: Moment = time_at(until_s, dt.UTC)
    if not isinstance(start, dt.datetime):
        until = time_at(until_s, all_day).date()
    last = last_occurrence(_with_until(rule, until), start)
    if last is not None:
        until = last.astimezone(dt.UTC) if isinstance(last, dt.datetime) else last
    return _with_until(rule, until)


def _with_until(rule: Rule, until: Moment) -> Rule:
    return Rule(
        freq=rule.freq,
        interval=rule.interval,
        until=until,
        by_day=rule.by_day,
        by_month_day=rule.by_month_day,
    )


def _rule(reminders: Json, start: Moment) -> Rule | None:
    """Return the rule of a repeating schedule; None for a kind of repetition that nobody documented."""
    is_custom = as_flag(reminders.get("is_custom_repeat"))
    interval = as_int(reminders.get("repeat_interval"), 1) if is_custom else 1
    interval = interval if 1 <= interval <= INTERVAL_READ_MAX else 1
    match as_int(reminders.get("repeat_type"), -1):
        case schema.DAILY:
            return Rule(freq=Freq.DAILY, interval=interval)
        case schema.WEEKLY:
            days = _week_days(reminders.get("repeat_day_of_week")) if is_custom else ()
            plain = days == (NthDay(Weekday(start.weekday())),)
            return Rule(freq=Freq.WEEKLY, interval=interval, by_day=() if plain else days)
        case schema.MONTHLY:
            month_days = _month_days(reminders.get("repeat_day_of_month")) if is_custom else ()
            plain = month_days == (start.day,)
            return Rule(freq=Freq.MONTHLY, interval=interval, by_month_day=() if plain else month_days)
        case schema.YEARLY:
            return Rule(freq=Freq.YEARLY, interval=interval)
        case schema.WORKDAYS:
            return Rule(freq=Freq.WEEKLY, by_day=tuple(NthDay(day) for day in Weekday if day <= Weekday.FR))
        case _:
            return None


def _week_days(value: Any) -> tuple[NthDay, ...]:
    """Read 1..7, Monday being 1."""
    numbers = {as_int(day) - 1 for day in as_list(value)}
    return tuple(NthDay(day) for day in Weekday if day in numbers)


def _month_days(value: Any) -> tuple[int, ...]:
    return tuple(sorted({as_int(day) for day in as_list(value)} & set(MONTH_DAYS)))


# ---- alarms and people -------------------------------------------------------------------------------------


def _alarms(reminders: Json) -> list[Alarm]:
    """Read today's reminders, or else the single one of the older page."""
    if not as_flag(reminders.get("is_remind")):
        return []
    diffs = [-as_int(diff) for diff in as_list(reminders.get("remind_time_diffs"))]
    if not diffs:
        diffs = [as_int(reminders.get("remind_before_event_secs"))]
    return [Alarm(before_start_s=seconds) for seconds in sorted(set(diffs))]


def _attendees(snapshot: Json, roster: Roster, *, repeats: bool) -> list[Attendee]:
    attendees: dict[str, Attendee] = {}
    for entry in as_list(snapshot.get("attendees")):
        userid = as_text(entry.get("userid")) if isinstance(entry, dict) else as_text(entry)
        if not userid:
            continue
        answer = as_int(entry.get("response_status")) if isinstance(entry, dict) else 0
        partstat = _ANSWERS.get(answer, PartStat.NEEDS_ACTION)
        if repeats and answer in _ANSWERS_ONCE:
            partstat = PartStat.NEEDS_ACTION
        person = roster.person_of(userid)
        attendee = Attendee(address=person.address, name=person.name, partstat=partstat)
        attendees.setdefault(userid.casefold(), attendee)
    return list(attendees.values())


def _organizer(snapshot: Json, roster: Roster) -> Person | None:
    """Return who a client should see as the organizer: WeCom keeps none since 2022.

    The older ``organizer``, else the first of those who may edit it, else whoever looks at it.
    """
    userid = as_text(snapshot.get("organizer")) or next(iter(admins_of(snapshot)), "") or roster.me
    return roster.person_of(userid) if userid else None

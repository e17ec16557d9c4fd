"""Event -> the ``schedule`` object of add and update, and what did not fit. Pure.

The payload holds only what an event says: no ids, no calendar, no ``organizer`` and no ``admins``; those belong to
the call and are added by the provider.

Who is an attendee: whoever the client lists and the directory knows. The acting user is listed only if the client
lists them *and* somebody else is invited: they see the calendar anyway, and nobody is invited to their own private
event. WeCom keeps no organizer, no optional attendees, and lets nobody answer for others; answers are therefore not
counted as losses.
"""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Final

from bridge.errors import Inexpressible
from bridge.model import fidelity
from bridge.model.event import Status
from bridge.model.loss import Encoded
from bridge.model.recurrence import Freq, Weekday
from bridge.providers.wecom import schema
from bridge.providers.wecom.limits import (
    ATTENDEES_MAX,
    DESCRIPTION_CHARS_MAX,
    DIFFS_ALL_DAY,
    DIFFS_TIMED,
    INTERVAL_MAX,
    LOCATION_CHARS_MAX,
    MONTH_DAY_MAX,
    REMIND_BEFORE_S,
    SUMMARY_CHARS_MAX,
)
from bridge.providers.wecom.schema import RemindersJson, same_id
from bridge.providers.wecom.series import last_occurrence, occurrences
from bridge.providers.wecom.times import DAY, epoch_of, first_second, last_second, near_hours, whole_hours

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from bridge.model.event import Alarm, Event
    from bridge.model.loss import Loss
    from bridge.model.people import Person, Roster
    from bridge.model.recurrence import Moment, Rule
    from bridge.model.upstream import Json

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

OPEN_END_PROBES: Final = 800
"""Occurrences of an endless series that are looked at for a change of the UTC offset: two years of days."""


def encode(event: Event, roster: Roster, zone: ZoneInfo) -> Encoded[Json]:
    """Return the payload of one event, series or occurrence; ``zone`` is the company's own.

    Raises Inexpressible for what WeCom has no form for.
    """
    if event.status is Status.CANCELLED:
        fidelity.refuse("wecom.STATUS.cancelled")
    start_s, end_s, hours = _span(event, zone)
    attendees, losses = _attendees(event, roster)
    reminders: RemindersJson = {}
    losses += _alarms(event, reminders)
    if event.recurrence.rules:
        _rule(event, reminders)
        hours = _series_hours(event, hours)
        until_s = _until(event.recurrence.rules[0], event.start, hours)
        if until_s is not None:
            reminders["repeat_until"] = until_s
    else:
        reminders["is_repeat"] = 0
    reminders["timezone"] = hours
    payload: Json = {
        "summary": _bounded("title", event.summary, SUMMARY_CHARS_MAX),
        "description": _bounded("description", event.description, DESCRIPTION_CHARS_MAX),
        "location": _bounded("location", event.location, LOCATION_CHARS_MAX),
        "start_time": start_s,
        "end_time": end_s,
        "is_whole_day": int(event.is_all_day),
        "attendees": [{"userid": userid} for userid in attendees],
        "reminders": dict(reminders),
    }
    return Encoded(payload, (*losses, *_unheld(event, roster)))


def _bounded(what: str, text: str, chars_max: int) -> str:
    """Return a text that fits; a vendor that cuts it would lose the rest in silence."""
    if len(text) > chars_max:
        fidelity.refuse("wecom.TEXT.long", what=what, length=len(text), most=chars_max)
    return text


# ---- times -------------------------------------------------------------------------------------------------


def _span(event: Event, zone: ZoneInfo) -> tuple[int, int, int]:
    """Return start, end and the hour offset to send, for a single event."""
    start, end = event.start, event.end
    if isinstance(start, dt.datetime) and isinstance(end, dt.datetime):
        start_s, end_s = epoch_of(start), epoch_of(end)
        if end_s <= start_s:
            fidelity.refuse("wecom.DTEND.zero")
        # The offset means nothing for a single event: the company's own, so that no re-save in another zone counts.
        return start_s, end_s, near_hours(zone, start.astimezone(zone).date())
    if end <= start:
        msg = "an all-day event has to end on a later day than it starts (the end is exclusive)"
        raise Inexpressible(msg)
    hours = near_hours(zone, start)
    return first_second(start, hours), last_second(end - DAY, hours), hours


# ---- people ------------------------------------------------------------------------------------------------


def _attendees(event: Event, roster: Roster) -> tuple[list[str], list[Loss]]:
    """Return the userids to invite, ascending, and what is lost of the list."""
    ids: dict[str, str] = {}
    strangers = optional = 0
    for attendee in event.attendees:
        userid = roster.id_of(attendee.address)
        if not userid:
            strangers += 1
            continue
        optional += attendee.is_optional
        ids.setdefault(userid.casefold(), userid)
    losses = []
    if strangers:
        losses.append(fidelity.loss("wecom.ATTENDEE.stranger", count=strangers))
    if optional:
        losses.append(fidelity.loss("wecom.ATTENDEE.optional", count=optional))
    if roster.me and set(ids) == {roster.me.casefold()}:
        losses.append(fidelity.loss("wecom.ATTENDEE.alone"))
        ids.clear()
    if len(ids) > ATTENDEES_MAX:
        fidelity.refuse("wecom.ATTENDEE.many", count=len(ids), most=ATTENDEES_MAX)
    return sorted(ids.values()), losses


def _unheld(event: Event, roster: Roster) -> list[Loss]:
    """Name what WeCom has no field for and the bridge keeps alone."""
    losses = []
    if event.organizer is not None and not _is_me(event.organizer, roster):
        losses.append(fidelity.loss("wecom.ORGANIZER"))
    if event.status is Status.TENTATIVE:
        losses.append(fidelity.loss("wecom.STATUS.tentative"))
    if event.rich_description:
        losses.append(fidelity.loss("wecom.X-ALT-DESC"))
    if event.url:
        losses.append(fidelity.loss("wecom.URL"))
    return losses


def _is_me(person: Person, roster: Roster) -> bool:
    userid = roster.id_of(person.address)
    return userid is not None and same_id(userid, roster.me)


# ---- alarms ------------------------------------------------------------------------------------------------


def nearest_diff(before_start_s: int, allowed: tuple[int, ...]) -> int | None:
    """Return the allowed diff that rings at the wanted time or else next before it; None if there is none."""
    wanted = -before_start_s
    return max((diff for diff in allowed if diff <= wanted), default=None)


def _alarms(event: Event, reminders: RemindersJson) -> list[Loss]:
    """Fill in the reminders, each snapped to one that WeCom has and that does not come later."""
    allowed = DIFFS_ALL_DAY if event.is_all_day else DIFFS_TIMED
    diffs: set[int] = set()
    losses: list[Loss] = []
    for alarm in event.alarms:
        diff = nearest_diff(alarm.before_start_s, allowed)
        if diff is not None:
            diffs.add(diff)
        if diff is None or diff != -alarm.before_start_s:
            losses.append(_alarm_loss(alarm, diff))
    set_diffs(reminders, diffs)
    return losses


def set_diffs(reminders: RemindersJson, diffs: set[int]) -> None:
    """Write reminders in today's form, and the one nearest to the start in the older form beside it."""
    reminders["is_remind"] = int(bool(diffs))
    if diffs:
        reminders["remind_time_diffs"] = sorted(diffs)
        older = [-diff for diff in diffs if -diff in REMIND_BEFORE_S]
        if older:
            reminders["remind_before_event_secs"] = min(older)


def _alarm_loss(alarm: Alarm, diff: int | None) -> Loss:
    wanted = _before(alarm.before_start_s)
    if diff is None:
        return fidelity.loss("wecom.VALARM.early", wanted=wanted)
    return fidelity.loss("wecom.VALARM.moved", wanted=wanted, given=_before(-diff))


def _before(seconds: int) -> str:
    """Say a distance to the start."""
    if seconds == 0:
        return "at the start"
    amount = abs(seconds)
    size, name = next(unit for unit in _UNITS if amount % unit[0] == 0)
    return f"{amount // size} {name} {'before' if seconds > 0 else 'after'} the start"


# ---- series ------------------------------------------------------------------------------------------------


def _series_hours(event: Event, single_hours: int) -> int:
    """Return the hour offset of a series, which has to be the same for all its occurrences."""
    start, rule = event.start, event.recurrence.rules[0]
    if not isinstance(start, dt.datetime):
        return single_hours
    hours = whole_hours(start)
    if hours is None:
        msg = "WeCom repeats events only at whole hours from UTC-12 to UTC+12"
        raise Inexpressible(msg)
    offset = start.utcoffset()
    for moment in itertools.islice(occurrences(rule, start), _probes(rule)):
        if isinstance(moment, dt.datetime) and moment.utcoffset() != offset:
            msg = "WeCom knows no daylight saving time: the series would be an hour off after a change"
            raise Inexpressible(msg)
    return hours


def _probes(rule: Rule) -> int | None:
    """Return how many occurrences to look at; None: all of a series with an end."""
    return OPEN_END_PROBES if rule.count is None and rule.until is None else None


def _rule(event: Event, reminders: RemindersJson) -> None:
    """Fill in the pattern; raises Inexpressible for all that is not safe under every reading."""
    if len(event.recurrence.rules) > 1 or event.recurrence.rdates:
        msg = "WeCom holds one plain rule per series"
        raise Inexpressible(msg)
    rule = event.recurrence.rules[0]
    if any(
        (rule.by_set_pos, rule.by_year_day, rule.by_week_no, rule.by_hour, rule.by_minute, rule.by_second)
    ):
        raise _odd_rule()
    reminders["is_repeat"] = 1
    match rule.freq:
        case Freq.DAILY:
            _plain(rule, reminders, schema.DAILY)
            if rule.by_day or rule.by_month_day or rule.by_month:
                raise _odd_rule()
        case Freq.WEEKLY:
            _weekly(rule, event.start, reminders)
        case Freq.MONTHLY:
            _monthly(rule, event.start, reminders)
        case Freq.YEARLY:
            _plain(rule, reminders, schema.YEARLY)
            _check_yearly(rule, event.start)
        case _:
            raise _odd_rule()


def _odd_rule() -> Inexpressible:
    msg = "WeCom has no form for this repetition"
    return Inexpressible(msg)


def _plain(rule: Rule, reminders: RemindersJson, repeat_type: int) -> None:
    """Write a pattern that follows from the start; an interval is documented for weeks and months only."""
    if rule.interval != 1:
        raise _odd_rule()
    reminders["repeat_type"] = repeat_type
    reminders["is_custom_repeat"] = 0


def _custom(rule: Rule, reminders: RemindersJson, repeat_type: int) -> None:
    if rule.interval > INTERVAL_MAX:
        raise _odd_rule()
    reminders["repeat_type"] = repeat_type
    reminders["is_custom_repeat"] = 1
    reminders["repeat_interval"] = rule.interval


def _weekly(rule: Rule, start: Moment, reminders: RemindersJson) -> None:
    """Write weekdays as numbers, Monday being 1."""
    if rule.by_month_day or rule.by_month or any(nth.nth for nth in rule.by_day):
        raise _odd_rule()
    days = sorted({nth.day for nth in rule.by_day}) or [Weekday(start.weekday())]
    # With several days the week's first day decides which fall together, and WeCom does not say which it takes.
    if start.weekday() not in days or (rule.interval > 1 and len(days) > 1):
        raise _odd_rule()
    _custom(rule, reminders, schema.WEEKLY)
    reminders["repeat_day_of_week"] = [day + 1 for day in days]


def _monthly(rule: Rule, start: Moment, reminders: RemindersJson) -> None:
    """Write days of the month; only those that every month has."""
    if rule.by_day or rule.by_month:
        raise _odd_rule()
    days = sorted(set(rule.by_month_day)) or [start.day]
    if start.day not in days or not 1 <= days[0] <= days[-1] <= MONTH_DAY_MAX:
        raise _odd_rule()
    _custom(rule, reminders, schema.MONTHLY)
    reminders["repeat_day_of_month"] = days


def _check_yearly(rule: Rule, start: Moment) -> None:
    """Accept a rule that names no other day than the start's; 29 February is not safe."""
    other_day = rule.by_day or rule.by_month_day not in ((), (start.day,))
    if other_day or rule.by_month not in ((), (start.month,)) or (start.month, start.day) == (2, 29):
        raise _odd_rule()


def _until(rule: Rule, start: Moment, hours: int) -> int | None:
    """Return 23:59:59 of the last occurrence's day: right whether WeCom counts its end in or out."""
    last = last_occurrence(rule, start)
    if last is None:
        return None
    day = (
        last.astimezone(dt.timezone(dt.timedelta(hours=hours))).date()
        if isinstance(last, dt.datetime)
        else last
    )
    return last_second(day, hours)

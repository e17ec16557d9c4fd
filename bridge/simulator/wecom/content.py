"""The ``schedule`` object of a request: read, checked, filled (reference 5.1, 5.2, 8)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.wecom import recurrence
from bridge.simulator.wecom.errors import (
    BAD_DIFFS,
    BAD_MONTHDAY,
    BAD_PARAMETER,
    BAD_REMINDER,
    BAD_REPEAT_TYPE,
    BAD_TIMEZONE,
    BAD_WEEKDAY,
    INTERVAL_MISSING,
    TOO_MANY_ATTENDEES,
    Refusal,
)
from bridge.simulator.wecom.fields import INT32_MAX, Fields, reject
from bridge.simulator.wecom.state import Content, Reminders

if TYPE_CHECKING:
    from bridge.simulator.records import Switches

SUMMARY_MAX: Final = 128
LOCATION_MAX: Final = 128
ADMINS_MAX: Final = 3
LIST_MAX: Final = 10_000
"""Elements of a list that is read at all."""

BEFORE_SECS: Final = (0, 300, 900, 3600, 86_400)
"""Values of ``remind_before_event_secs``."""

TIMED_DIFFS: Final = frozenset({0, -300, -900, -3600, -86_400})
ALL_DAY_DIFFS: Final = TIMED_DIFFS | {32_400, -172_800, -604_800}
"""Values of ``remind_time_diffs`` that the API takes (reference section 8)."""

CLIENT_DIFFS: Final = range(-604_800, 86_400)
"""Values that the app itself can make."""

TIMEZONES: Final = range(-12, 13)

SCHEDULE_FIELDS: Final = frozenset(
    {
        "schedule_id", "admins", "attendees", "summary", "description", "location", "start_time", "end_time",
        "is_whole_day", "cal_id", "reminders", "organizer", "allow_active_join", "only_organizer_create_chat",
        "skip_attendees",
    }
)  # fmt: skip
"""Names that some page lists for a write."""


def read_content(fields: Fields, base: Content, switches: Switches, *, by_client: bool = False) -> Content:
    """Return the content that ``fields`` ask for; what they leave out comes from ``base``.

    ``by_client``: the app's own reminder values are allowed. Raises ``Refusal``.
    """
    if switches["unknown_fields"] == "refuse" and fields.names() - SCHEDULE_FIELDS:
        reject("schedule", "unknown field")
    time_max = switches["time_max"]
    content = Content(
        start=fields.number("start_time", base.start, low=1, high=time_max),
        end=fields.number("end_time", base.end, low=1, high=time_max),
        is_whole_day=fields.flag("is_whole_day", base.is_whole_day),
        summary=fields.text("summary", base.summary, chars_max=SUMMARY_MAX),
        description=fields.text("description", base.description, chars_max=switches["description_max"]),
        location=fields.text("location", base.location, chars_max=LOCATION_MAX),
        admins=_unique(fields.idents("admins", base.admins, count_max=ADMINS_MAX)),
        attendees=read_attendees(fields, base.attendees, switches),
        reminders=_read_reminders(fields, base.reminders),
    )
    if content.start > content.end:
        raise Refusal(BAD_PARAMETER, "=missing paramters start_time")
    if content.start == content.end:
        reject("schedule.end_time", "must be after start_time")
    return dataclasses.replace(content, reminders=_checked(content, switches, by_client=by_client))


def read_attendees(fields: Fields, base: tuple[str, ...], switches: Switches) -> tuple[str, ...]:
    """Return the userids of ``attendees``, each once; refuse with 90464 when there are too many."""
    if "attendees" not in fields:
        return base
    attendees = read_userids(fields)
    if len(attendees) > switches["attendees_max"]:
        raise Refusal(TOO_MANY_ATTENDEES)
    return attendees


def read_userids(fields: Fields, *, count_max: int = LIST_MAX) -> tuple[str, ...]:
    """Return the userids of ``attendees``, each once."""
    return _unique(tuple(item.ident("userid") for item in fields.objects("attendees", count_max=count_max)))


def _unique(userids: tuple[str, ...]) -> tuple[str, ...]:
    return tuple({userid.lower(): userid for userid in reversed(userids)}.values())[::-1]


def _read_reminders(fields: Fields, base: Reminders) -> Reminders:
    """Read types and ranges of numbers; what the values mean is checked later."""
    if "reminders" not in fields:
        return base
    own = fields.object("reminders")
    low = -INT32_MAX - 1

    def numbers(name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        return own.numbers(name, default, low=low, high=INT32_MAX, count_max=LIST_MAX)

    return Reminders(
        is_remind=own.flag("is_remind", base.is_remind),
        before_secs=own.number("remind_before_event_secs", base.before_secs, low=low),
        diffs=numbers("remind_time_diffs", base.diffs),
        is_repeat=own.flag("is_repeat", base.is_repeat),
        repeat_type=own.number("repeat_type", base.repeat_type, low=low),
        repeat_until=own.number("repeat_until", base.repeat_until),
        is_custom=own.flag("is_custom_repeat", base.is_custom),
        interval=own.number("repeat_interval", base.interval),
        weekdays=numbers("repeat_day_of_week", base.weekdays),
        monthdays=numbers("repeat_day_of_month", base.monthdays),
        timezone=own.number("timezone", base.timezone, low=low),
    )


def _checked(content: Content, switches: Switches, *, by_client: bool) -> Reminders:
    """Return the reminders with what does not apply set back to its default."""
    rule = content.reminders
    if rule.timezone not in TIMEZONES:
        raise Refusal(BAD_TIMEZONE)
    if rule.is_remind:
        _check_remind(rule, content.is_whole_day, switches, by_client=by_client)
    if rule.is_repeat:
        _check_repeat(content, switches)
    blank = Reminders()
    changes: dict[str, Any] = {}
    if not rule.is_remind:
        changes = {"before_secs": blank.before_secs, "diffs": blank.diffs}
    if not rule.is_repeat:
        repeat = ("repeat_type", "repeat_until", "is_custom", "interval", "weekdays", "monthdays")
        changes |= {name: getattr(blank, name) for name in repeat}
    return dataclasses.replace(rule, **changes)


def _check_remind(rule: Reminders, is_whole_day: int, switches: Switches, *, by_client: bool) -> None:
    if rule.before_secs not in BEFORE_SECS:
        raise Refusal(BAD_REMINDER)
    allowed = ALL_DAY_DIFFS if is_whole_day else TIMED_DIFFS
    if any(diff not in (CLIENT_DIFFS if by_client else allowed) for diff in rule.diffs):
        raise Refusal(BAD_DIFFS)
    most = switches["reminder_entries_max"]
    if most and len(rule.diffs) > most:
        raise Refusal(BAD_DIFFS)


def _check_repeat(content: Content, switches: Switches) -> None:
    rule = content.reminders
    if rule.repeat_type not in recurrence.REPEAT_TYPES:
        raise Refusal(BAD_REPEAT_TYPE)
    if rule.is_custom and not rule.interval:
        raise Refusal(INTERVAL_MISSING)
    if any(day not in range(1, 8) for day in rule.weekdays):
        raise Refusal(BAD_WEEKDAY)
    if any(day not in range(1, 32) for day in rule.monthdays):
        raise Refusal(BAD_MONTHDAY)
    if rule.repeat_until and rule.repeat_until < content.start:
        reject("reminders.repeat_until", "before start_time")
    first = recurrence.local_day(content.start, rule.timezone)
    how = recurrence.reading(switches)
    if switches["start_off_pattern"] == "40058" and not recurrence.occurs_on(first, content, how):
        reject("reminders", "start_time does not match the repeat rule")

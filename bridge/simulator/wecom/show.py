"""How a schedule looks in an answer: all of it, or get_by_calendar's subset (reference 5.1, 5.2, 19)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.wecom import recurrence
from bridge.simulator.wecom.content import BEFORE_SECS

if TYPE_CHECKING:
    from bridge.simulator.records import Switches
    from bridge.simulator.wecom.state import Content, Reminders, Schedule

PLACEHOLDER: Final = "新建事件"
"""What the app shows for an empty summary."""


def show_schedule(
    schedule: Schedule, switches: Switches, *, full: bool, listed: bool, in_default_calendar: bool
) -> dict[str, Any]:
    """Return the JSON of one schedule.

    ``full``: with is_whole_day, remind_time_diffs and exclude_time_list. ``listed``: with sequence, which
    only get_by_calendar has.
    """
    content = schedule.content
    hide_calendar = in_default_calendar and not listed and switches["default_cal_id_on_get"] == "empty"
    placeholder = not content.summary and switches["empty_summary"] == "placeholder"
    shown: dict[str, Any] = {"schedule_id": schedule.schedule_id}
    if listed:
        shown["sequence"] = schedule.sequence
    if full and switches["organizer_sent"] == "required":
        shown["organizer"] = schedule.organizer
    shown |= {
        "admins": list(content.admins),
        "attendees": [
            {"userid": userid, "response_status": schedule.responses.get(userid, 0)}
            for userid in content.attendees
        ],
        "summary": PLACEHOLDER if placeholder else content.summary,
        "description": content.description,
        "location": content.location,
        "start_time": content.start,
        "end_time": _end(content, switches),
    }
    if full:
        shown["is_whole_day"] = content.is_whole_day
    if switches["extra_fields"]:
        shown |= {"event_time": content.start, "meeting": {"meeting_code": ""}, "new_flags": None}
    return shown | {
        "status": schedule.status,
        "cal_id": "" if hide_calendar else schedule.cal_id,
        "reminders": _reminders(schedule, switches, full=full),
    }


def _end(content: Content, switches: Switches) -> int:
    if not content.is_whole_day or switches["all_day_end"] == "as_written":
        return content.end
    zone = content.reminders.timezone
    last_day = recurrence.local_day(content.end - 1, zone)
    next_midnight = recurrence.day_start(last_day, zone) + recurrence.DAY_S
    return next_midnight if switches["all_day_end"] == "next_midnight" else next_midnight - 1


def _reminders(schedule: Schedule, switches: Switches, *, full: bool) -> dict[str, Any]:
    rule = schedule.content.reminders
    shown: dict[str, Any] = {
        "is_remind": rule.is_remind,
        "is_repeat": rule.is_repeat,
        "remind_before_event_secs": _legacy(rule),
        "timezone": rule.timezone % 2**32 if switches["timezone_shown"] == "unsigned" else rule.timezone,
    }
    if full:
        shown["remind_time_diffs"] = _diffs(rule, switches)
    if rule.is_repeat:
        shown |= {
            "repeat_type": rule.repeat_type,
            "is_custom_repeat": rule.is_custom,
            "repeat_interval": rule.interval,
            "repeat_day_of_week": list(rule.weekdays),
            "repeat_day_of_month": list(rule.monthdays),
        }
        if rule.repeat_until or switches["forever_shown"] == "zero":
            shown["repeat_until"] = rule.repeat_until
        if full and (schedule.excluded or switches["no_exclusions_shown"] == "empty"):
            shown["exclude_time_list"] = [{"start_time": start} for start in schedule.excluded]
    return shown


def _legacy(rule: Reminders) -> int:
    """Return the old field's nearest word for the reminder: 0 when it has none."""
    if not rule.diffs:
        return rule.before_secs
    return next((-diff for diff in rule.diffs if -diff in BEFORE_SECS), 0)


def _diffs(rule: Reminders, switches: Switches) -> list[int]:
    if rule.is_remind and not rule.diffs and switches["diffs_from_legacy"]:
        return [-rule.before_secs]
    return list(rule.diffs)

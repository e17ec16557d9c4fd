"""WeCom's update overwrites: what we want changed is laid over what the vendor holds now. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from bridge.providers.wecom import schema
from bridge.providers.wecom.decode import HOURS_DEFAULT, hours_of
from bridge.providers.wecom.encode import nearest_diff, set_diffs
from bridge.providers.wecom.limits import DIFFS_ALL_DAY, DIFFS_TIMED
from bridge.providers.wecom.schema import (
    AttendeeJson,
    DeleteJson,
    RemindersJson,
    ScheduleJson,
    admins_of,
    as_flag,
    as_ids,
    as_int,
    as_list,
    as_object,
    as_text,
)
from bridge.providers.wecom.times import at_offset, time_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.model.upstream import Json, Split

TEXTS: Final = ("summary", "description", "location")
TIMES: Final = ("start_time", "end_time", "is_whole_day")
ALARMS: Final = ("is_remind", "remind_time_diffs", "remind_before_event_secs")
REPEATS: Final = (
    "is_repeat",
    "repeat_type",
    "repeat_until",
    "is_custom_repeat",
    "repeat_interval",
    "repeat_day_of_week",
    "repeat_day_of_month",
)


def writable(snapshot: Json) -> ScheduleJson:
    """Return all of a snapshot that update takes, as numbers and lists that it accepts.

    Reminders that only WeCom's own programs can make are brought to the next earlier one that may be written:
    leaving them out would remove them altogether.
    """
    reminders = as_object(snapshot.get("reminders"))
    start_s = as_int(snapshot.get("start_time"))
    schedule: ScheduleJson = {
        "summary": as_text(snapshot.get("summary")),
        "description": as_text(snapshot.get("description")),
        "location": as_text(snapshot.get("location")) or as_text(snapshot.get("place")),
        "start_time": start_s,
        "end_time": max(as_int(snapshot.get("end_time")), start_s + 1),
        "is_whole_day": int(as_flag(snapshot.get("is_whole_day"))),
        "attendees": entries(as_ids(snapshot.get("attendees"))),
        "reminders": _repeats(reminders),
    }
    admins = admins_of(snapshot)
    if admins:
        schedule["admins"] = admins
    _set_alarms(schedule, reminders)
    return schedule


def _repeats(reminders: Json) -> RemindersJson:
    """Return the recurrence fields of a snapshot."""
    hours = hours_of(reminders)
    fields: RemindersJson = {
        "is_repeat": int(as_flag(reminders.get("is_repeat"))),
        "timezone": HOURS_DEFAULT if hours is None else hours,
    }
    if not fields["is_repeat"]:
        return fields
    fields["repeat_type"] = as_int(reminders.get("repeat_type"))
    fields["is_custom_repeat"] = int(as_flag(reminders.get("is_custom_repeat")))
    until_s = as_int(reminders.get("repeat_until"))
    if until_s > 0:
        fields["repeat_until"] = until_s
    if fields["is_custom_repeat"]:
        fields["repeat_interval"] = max(as_int(reminders.get("repeat_interval"), 1), 1)
        week_days = [as_int(day) for day in as_list(reminders.get("repeat_day_of_week"))]
        month_days = [as_int(day) for day in as_list(reminders.get("repeat_day_of_month"))]
        if week_days:
            fields["repeat_day_of_week"] = week_days
        if month_days:
            fields["repeat_day_of_month"] = month_days
    return fields


def _set_alarms(schedule: ScheduleJson, reminders: Mapping[str, Any]) -> None:
    """Write the reminders that a snapshot or payload holds, as far as they may be written."""
    allowed = DIFFS_ALL_DAY if schedule["is_whole_day"] else DIFFS_TIMED
    wanted: list[int] = []
    if as_flag(reminders.get("is_remind")):
        wanted = [as_int(diff) for diff in as_list(reminders.get("remind_time_diffs"))]
        wanted = wanted or [-as_int(reminders.get("remind_before_event_secs"))]
    snapped = {nearest_diff(-diff, allowed) for diff in wanted}
    target = schedule["reminders"]
    for name in ALARMS:
        cast("dict[str, Any]", target).pop(name, None)
    set_diffs(target, {diff for diff in snapped if diff is not None})


def lay(current: ScheduleJson, before: Json, after: Json) -> ScheduleJson:
    """Return ``current`` with every property taken from ``after`` in which ``before`` and ``after`` differ.

    Start, end and the all-day flag are one property, so are the reminders, and so is the whole recurrence.
    Attendees are not touched: see :func:`people_changes`.
    """
    fields: dict[str, Any] = dict(current)
    for name in TEXTS:
        if before.get(name) != after.get(name):
            fields[name] = as_text(after.get(name))
    times_differ = _differ(before, after, TIMES)
    if times_differ:
        fields.update({name: as_int(after.get(name)) for name in TIMES})
    laid = cast("ScheduleJson", fields)
    old, new = as_object(before.get("reminders")), as_object(after.get("reminders"))
    reminders: RemindersJson = {**current["reminders"]}
    repeats_differ = _differ(old, new, REPEATS)
    if as_flag(old.get("is_repeat")) or as_flag(new.get("is_repeat")):
        repeats_differ = repeats_differ or old.get("timezone") != new.get("timezone")
    if repeats_differ:
        reminders = _repeats(new)
    elif times_differ and not reminders.get("is_repeat"):
        reminders["timezone"] = as_int(new.get("timezone"), HOURS_DEFAULT)
    laid["reminders"] = reminders
    _set_alarms(laid, new if _differ(old, new, ALARMS) else current["reminders"])
    return laid


def _differ(before: Mapping[str, Any], after: Mapping[str, Any], names: Sequence[str]) -> bool:
    return any(before.get(name) != after.get(name) for name in names)


def people_changes(before: Json, after: Json, current: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the userids to add and to remove; who is there (or gone) already is left alone."""
    old = {userid.casefold() for userid in as_ids(before.get("attendees"))}
    wanted = {userid.casefold(): userid for userid in as_ids(after.get("attendees"))}
    present = {userid.casefold() for userid in current}
    added = [userid for key, userid in wanted.items() if key not in old and key not in present]
    removed = [userid for userid in current if userid.casefold() in old - set(wanted)]
    return added, removed


def with_people(current: Sequence[str], added: Sequence[str], removed: Sequence[str]) -> list[str]:
    """Return the list of people after a change."""
    gone = {userid.casefold() for userid in removed}
    return [*(userid for userid in current if userid.casefold() not in gone), *added]


def occurrence(series: ScheduleJson, at_s: int) -> ScheduleJson:
    """Return the single schedule that one occurrence of a series is."""
    fields: dict[str, Any] = dict(series)
    fields["start_time"] = at_s
    fields["end_time"] = at_s + series["end_time"] - series["start_time"]
    single = cast("ScheduleJson", fields)
    single["reminders"] = {"is_repeat": 0, "timezone": series["reminders"]["timezone"]}
    _set_alarms(single, series["reminders"])
    return single


def assumed(schedule: ScheduleJson, *, schedule_id: str, current: Json | None = None) -> Json:
    """Return the snapshot to expect after a write whose read-back failed."""
    known = current or {}
    answers = {
        as_text(entry.get("userid")).casefold(): entry
        for entry in as_list(known.get("attendees"))
        if isinstance(entry, dict)
    }
    fresh: Json = {**known, **schedule, "schedule_id": schedule_id, "status": 0}
    fresh["attendees"] = [
        answers.get(entry["userid"].casefold(), {"userid": entry["userid"], "response_status": 0})
        for entry in schedule.get("attendees", [])
    ]
    excluded = as_object(known.get("reminders")).get("exclude_time_list")
    reminders: Json = {**schedule.get("reminders", {})}
    if excluded and reminders.get("is_repeat"):
        reminders["exclude_time_list"] = excluded
    fresh["reminders"] = reminders
    return fresh


def without_occurrence(series: Json, at_s: int) -> Json:
    """Return the snapshot to expect of a series after one occurrence was taken out."""
    reminders = as_object(series.get("reminders"))
    starts = sorted({*schema.excluded_of(series), at_s})
    return {**series, "reminders": {**reminders, "exclude_time_list": [{"start_time": s} for s in starts]}}


# ---- occurrences -------------------------------------------------------------------------------------------


def split_off(series: Json, at_s: int, operation: Split) -> ScheduleJson:
    """Return the single schedule to be made of an occurrence: the series' as it is now, our change over it."""
    single = lay(occurrence(writable(series), at_s), operation.before, operation.after)
    people = as_ids(series.get("attendees"))
    added, removed = people_changes(operation.before, operation.after, people)
    single["attendees"] = entries(with_people(people, added, removed))
    return single


def moves_to_earlier_day(series: Json, at_s: int, single: ScheduleJson) -> bool:
    """Return whether the new start lies on a day before the occurrence's own (90488 otherwise)."""
    hours = hours_of(as_object(series.get("reminders")))
    zone = at_offset(HOURS_DEFAULT if hours is None else hours)
    return time_at(single["start_time"], zone).date() < time_at(at_s, zone).date()


def shows(series: Json, at_s: int) -> bool:
    """Return whether a series can have an occurrence at a time: within its bounds and not excluded."""
    if at_s in schema.excluded_of(series) or at_s < as_int(series.get("start_time")):
        return False
    until_s = as_int(as_object(series.get("reminders")).get("repeat_until"))
    return until_s <= 0 or at_s <= until_s


def drop_body(series_id: str, at_s: int) -> DeleteJson:
    """Return the body of schedule/del that takes one occurrence out."""
    return {"schedule_id": series_id, "op_mode": schema.THIS_ONLY, "op_start_time": at_s}


def entries(userids: Sequence[str]) -> list[AttendeeJson]:
    """Return attendees as they are written."""
    return [{"userid": userid} for userid in userids]

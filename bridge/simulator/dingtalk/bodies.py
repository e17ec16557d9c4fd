"""Reading the body of a create or update (reference sections 3.3, 3.4, 4.4)."""

from __future__ import annotations

import copy
import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk import recurrence
from bridge.simulator.dingtalk.errors import ApiError, invalid, refuse
from bridge.simulator.dingtalk.recurrence import Rule
from bridge.simulator.dingtalk.state import Reminder
from bridge.simulator.dingtalk.times import When, parse_date, parse_instant, zone_named

if TYPE_CHECKING:
    from bridge.simulator.dingtalk.shapes import Fields
    from bridge.simulator.records import Switches

SUMMARY_MAX: Final = 2048
"""Characters of a summary."""

DESCRIPTION_MAX: Final = 5000
"""Characters of a description."""

ATTENDEES_PER_CALL_MAX: Final = 500

INTERVAL_MAX: Final = 365

OCCURRENCES_MAX: Final = 99

UI_NAMES: Final = ("updateEventButton", "deleteEventButton", "transferEventButton", "attendee", "comment")

UI_STATES: Final = ("hide", "disable", "enable")

OLD_MINUTES: Final = (0, 5, 15, 30, 60, 1440)
"""What the legacy calendar API accepts."""

KNOWN: Final = frozenset(
    {
        "id",
        "summary",
        "description",
        "start",
        "end",
        "isAllDay",
        "recurrence",
        "attendees",
        "location",
        "reminders",
        "onlineMeetingInfo",
        "extra",
        "uiConfigs",
        "richTextDescription",
        "cardInstances",
        "categories",
        "eventConfig",
        "freeBusyStatus",
    }
)


def length_of(text: str, switches: Switches) -> int:
    """Return the number of characters, as the switch counts them."""
    if switches["length_unit"] == "utf16":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text)


def read_text(fields: Fields, name: str, longest: int, switches: Switches) -> str | None:
    """Return a text that is not too long, or cut to fit."""
    text = fields.text(name)
    if text is None or length_of(text, switches) <= longest:
        return text
    if switches["long_text"] == "truncate":
        return text[:longest]
    return refuse(f"Event {name} length must not exceed {longest}")


def read_summary(fields: Fields, switches: Switches) -> str | None:
    """Return the title; blank is refused."""
    text = read_text(fields, "summary", SUMMARY_MAX, switches)
    if text is not None and not text.strip():
        refuse("Event summary cannot be blank")
    return text


def read_times(fields: Fields, *, is_all_day: bool, switches: Switches) -> tuple[When | None, When | None]:
    """Return start and end as far as they were sent."""
    start = fields.inner("start")
    end = fields.inner("end")
    return (
        None if start is None else _when(start, "start", is_all_day=is_all_day, switches=switches),
        None if end is None else _when(end, "end", is_all_day=is_all_day, switches=switches),
    )


def _when(fields: Fields, name: str, *, is_all_day: bool, switches: Switches) -> When:
    date, text, zone = fields.text("date"), fields.text("dateTime"), fields.text("timeZone")
    lenient = switches["both_date_forms"] == "accept"
    if is_all_day:
        if not date:
            refuse(f"Event {name} time not set.")
        if (text or zone) and not lenient:
            refuse(f"{name}.dateTime and {name}.timeZone must be empty for an all-day event")
        return When(date=parse_date(date, f"{name}.date"))
    if not text:
        refuse(f"Event {name} time not set.")
    if date and not lenient:
        refuse(f"{name}.date must be empty for a timed event")
    if not zone:
        refuse(f"{name}.timeZone cannot be blank")
    zone_named(zone)
    read = parse_instant(text, switches, zone=zone)
    return When(instant=read.astimezone(dt.UTC), zone=zone, offset=read.utcoffset())


def check_span(start: When, end: When, switches: Switches) -> When:
    """Return the end; raise 400 if start and end do not go together."""
    if start.is_all_day != end.is_all_day:
        refuse("start and end must both be dates or both be times")
    if start.date is not None and end.date is not None:
        if end.date > start.date:
            return end
        if end.date == start.date and switches["all_day_zero_length"] == "one_day":
            return When(date=start.date + dt.timedelta(days=1))
        refuse("end.date must be after start.date")
    if start.zone != end.zone:
        refuse("start.timeZone and end.timeZone must be the same")
    first, last = start.at("UTC"), end.at("UTC")
    too_short = first == last and switches["zero_length"] == "reject"
    reversed_ = last < first and switches["end_before_start"] == "reject"
    if too_short or reversed_:
        refuse("Event end time must be after start time")
    return end


def read_recurrence(
    fields: Fields, switches: Switches, *, zone: str | None, by_app: bool = True
) -> tuple[dict[str, Any], Rule]:
    """Return the recurrence as answers will show it, and its meaning.

    People in DingTalk's own app (not ``by_app``) may also say ``relativeYearly``.
    """
    pattern, span = fields.inner("pattern"), fields.inner("range")
    if pattern is None or span is None:
        refuse("Recurrence pattern and range must be provided.")
    kinds = recurrence.TYPES if by_app else (*recurrence.TYPES, "relativeYearly")
    rule_fields = {**_pattern(pattern, switches, kinds), **_range(span, switches, zone)}
    echoed = copy.deepcopy({"pattern": _shown(pattern, PATTERN_NAMES), "range": _shown(span, RANGE_NAMES)})
    echoed["pattern"].setdefault("firstDayOfWeek", "sunday")
    return echoed, Rule(**rule_fields)


PATTERN_NAMES: Final = ("type", "dayOfMonth", "daysOfWeek", "index", "interval", "firstDayOfWeek")
RANGE_NAMES: Final = ("type", "endDate", "numberOfOccurrences")


def _shown(fields: Fields, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: fields.raw[name] for name in names if fields.has(name)}


def _pattern(fields: Fields, switches: Switches, kinds: tuple[str, ...]) -> dict[str, Any]:
    kind = fields.choice("type", kinds)
    interval = fields.whole("interval")
    if interval is None or not 1 <= interval <= INTERVAL_MAX:
        refuse(f"Recurrence interval must between [1, {INTERVAL_MAX}]")
    day = fields.whole("dayOfMonth")
    if day is not None and not 1 <= day <= 31:
        refuse("Recurrence dayOfMonth must between [1, 31]")
    strict_year = kind == "absoluteYearly" and switches["yearly_without_day"] == "reject"
    if day is None and (kind == "absoluteMonthly" or strict_year):
        refuse("Recurrence dayOfMonth not set.")
    days = _weekdays(fields.text("daysOfWeek"))
    if not days and kind in ("weekly", "relativeMonthly", "relativeYearly"):
        refuse("Recurrence daysOfWeek not set.")
    index = 0
    if kind in ("relativeMonthly", "relativeYearly") or fields.has("index"):
        index = recurrence.INDEXES[fields.choice("index", tuple(recurrence.INDEXES))]
    first_day = "sunday"
    if fields.has("firstDayOfWeek"):
        first_day = fields.choice("firstDayOfWeek", recurrence.WEEKDAYS)
    return {
        "kind": kind,
        "interval": interval,
        "days": days,
        "day_of_month": day if kind in ("absoluteMonthly", "absoluteYearly") else None,
        "index": index,
        "first_day": recurrence.WEEKDAYS.index(first_day),
    }


def _weekdays(text: str | None) -> tuple[int, ...]:
    if not text:
        return ()
    names = text.split(",")
    if not all(name in recurrence.WEEKDAYS for name in names):
        refuse("Recurrence daysOfWeek invalid")
    return tuple(sorted({recurrence.WEEKDAYS.index(name) for name in names}))


def _range(fields: Fields, switches: Switches, zone: str | None) -> dict[str, Any]:
    kind = fields.choice("type", ("noEnd", "endDate", "numbered"))
    count, until = fields.whole("numberOfOccurrences"), fields.text("endDate")
    lenient = switches["both_range_ends"] == "accept"
    if count is not None and until and not lenient:
        refuse("Recurrence range endDate and numberOfOccurrences cannot both be set")
    if count is not None and not 1 <= count <= OCCURRENCES_MAX:
        raise _bad_count()
    match kind:
        case "numbered":
            if count is None:
                raise _bad_count()
            return {"count": count}
        case "endDate":
            if not until:
                refuse("Recurrence range endDate not set.")
            return {"until": parse_instant(until, switches, zone=zone)}
        case _:
            if (count is not None or until) and not lenient:
                refuse("Recurrence range noEnd takes neither endDate nor numberOfOccurrences")
            return {}


def _bad_count() -> ApiError:
    return invalid(f"Recurrence range numberOfOccurrences must between [1, {OCCURRENCES_MAX}]")


def check_series(start: When, rule: Rule, switches: Switches, reading: recurrence.Reading) -> None:
    """Raise 400 for a series that cannot be."""
    if switches["start_off_pattern"] == "rejected" and not recurrence.matches(
        rule, _first_day(start, reading), reading
    ):
        refuse("Event start time does not match the recurrence pattern")
    if next(recurrence.occurrences(rule, start, reading, frozenset()), None) is None:
        refuse("Recurrence range endDate must be after the event start")


def _first_day(start: When, reading: recurrence.Reading) -> dt.date:
    if start.date is not None:
        return start.date
    return start.at("UTC").date() if reading.series_zone == "utc" else start.local().date()


def read_reminders(fields: Fields, switches: Switches) -> tuple[Reminder, ...] | None:
    """Return the reminders; None if none were sent."""
    rows = fields.rows("reminders")
    if rows is None:
        return None
    most = switches["reminders_max"]
    if most and len(rows) > most:
        refuse(f"reminders must not be more than {most}")
    return tuple(_reminder(row, switches) for row in rows)


def _reminder(row: Fields, switches: Switches) -> Reminder:
    if row.has("method"):
        row.choice("method", ("dingtalk",))
    minutes = row.whole("minutes")
    latest = switches["reminder_minutes_max"]
    if minutes is None or minutes < 0 or (latest and minutes > latest):
        refuse("reminder minutes invalid")
    if switches["reminder_minutes"] == "listed" and minutes not in OLD_MINUTES:
        refuse(f"reminder minutes must be one of {OLD_MINUTES}")
    return Reminder("dingtalk", minutes)


def default_reminders(*, is_all_day: bool) -> tuple[Reminder, ...]:
    """Return what rings if nothing was said: 15 minutes before, or 09:00 on the day before."""
    return (Reminder("dingtalk", 900 if is_all_day else 15),)


def read_guests(fields: Fields, name: str) -> dict[str, bool | None] | None:
    """Return unionId -> isOptional; None if nothing was sent."""
    rows = fields.rows(name)
    if rows is None:
        return None
    if len(rows) > ATTENDEES_PER_CALL_MAX:
        refuse(f"attendees batch size too large. Maximum allowed:{ATTENDEES_PER_CALL_MAX}")
    for row in rows:
        row.text("email")
    return {row.needed_text("id"): row.flag("isOptional") for row in rows}


def read_ui_configs(fields: Fields, *, strict: bool) -> tuple[dict[str, str], ...] | None:
    """Return uiConfigs; ``strict``: both fields are required, as in an update."""
    rows = fields.rows("uiConfigs")
    if rows is None:
        return None
    shown = []
    for row in rows:
        item = {}
        if strict or row.has("uiName"):
            item["uiName"] = row.choice("uiName", UI_NAMES)
        if strict or row.has("uiStatus"):
            item["uiStatus"] = row.choice("uiStatus", UI_STATES)
        shown.append(item)
    return tuple(shown)


def wants_meeting(fields: Fields) -> bool:
    """Whether an online meeting is asked for."""
    meeting = fields.inner("onlineMeetingInfo")
    if meeting is None:
        return False
    meeting.choice("type", ("dingtalk",))
    return True


def read_extra(fields: Fields) -> tuple[bool, bool]:
    """Return whether to send push notifications and chat cards."""
    extra = fields.strings("extra")
    return extra.get("noPushNotification") != "true", extra.get("noChatNotification") != "true"


def read_sdk_fields(fields: Fields) -> dict[str, Any]:
    """Return the fields of ``Details`` that only the SDK documents, as far as they were sent."""
    found: dict[str, Any] = {}
    cards = fields.rows("cardInstances")
    if cards is not None:
        found["card_instances"] = tuple(
            {"outTrackId": row.text("outTrackId"), "scenario": row.text("scenario")} for row in cards
        )
    categories = fields.rows("categories")
    if categories is not None:
        found["categories"] = tuple(
            {"categoryId": row.text("categoryId"), "displayName": row.text("displayName")}
            for row in categories
        )
    if fields.has("freeBusyStatus"):
        found["free_busy"] = fields.choice("freeBusyStatus", ("busy", "free"))
    return found


def read_event_config(fields: Fields) -> dict[str, bool] | None:
    """Return the switches for attendees, which only a create knows."""
    config = fields.inner("eventConfig")
    if config is None:
        return None
    names = ("allowAttendeeAddConference", "allowAttendeeAddParticipants", "allowAttendeeCreateComment")
    return {name: value for name in names if (value := config.flag(name)) is not None}


def check_names(fields: Fields, switches: Switches) -> None:
    """Raise 400 for a field nobody knows, if the switch says so."""
    strange = sorted(set(fields.raw) - KNOWN)
    if strange and switches["unknown_fields"] == "reject":
        refuse(f"unknown field {strange[0]}")

"""WeCom's JSON, as it is written and as it is read. Pure.

Writing keeps to the documents: numbers are JSON numbers, flags 0 or 1. Reading believes nothing: every reader
below returns a usable value whatever stands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT_CHARS_MAX: Final = 100_000
"""Code points read of one text; a hundred times what the vendor holds."""

_UINT32: Final = 2**32
_SIGN: Final = 2**31


class AttendeeJson(TypedDict):
    """``schedule.attendees[]`` in a write."""

    userid: str


class RemindersJson(TypedDict, total=False):
    """``schedule.reminders`` in a write (reference 5.2)."""

    is_remind: int
    remind_before_event_secs: int
    remind_time_diffs: list[int]
    is_repeat: int
    repeat_type: int
    repeat_until: int
    is_custom_repeat: int
    repeat_interval: int
    repeat_day_of_week: list[int]
    repeat_day_of_month: list[int]
    timezone: int


class ScheduleJson(TypedDict, total=False):
    """``schedule`` in add and update (reference 5.1)."""

    schedule_id: str
    cal_id: str
    organizer: str
    admins: list[str]
    summary: str
    description: str
    location: str
    start_time: int
    end_time: int
    is_whole_day: int
    attendees: list[AttendeeJson]
    reminders: RemindersJson


class UpdateJson(TypedDict, total=False):
    """The body of schedule/update (reference 5.4)."""

    skip_attendees: int
    op_mode: int
    op_start_time: int
    schedule: ScheduleJson


class DeleteJson(TypedDict, total=False):
    """The body of schedule/del (reference 5.5)."""

    schedule_id: str
    op_mode: int
    op_start_time: int


class ShareJson(TypedDict):
    """``calendar.shares[]``: 1 may view, 3 sees free or busy."""

    userid: str
    permission: int


class CalendarJson(TypedDict, total=False):
    """``calendar`` in add and update (reference 4.1)."""

    cal_id: str
    summary: str
    color: str
    description: str
    admins: list[str]
    shares: list[ShareJson]


# ---- op_mode (reference 5.4, 6.3) --------------------------------------------------------------------------

WHOLE_SERIES: Final = 0
THIS_ONLY: Final = 1

# ---- repeat_type -------------------------------------------------------------------------------------------

DAILY: Final = 0
WEEKLY: Final = 1
MONTHLY: Final = 2
YEARLY: Final = 5
WORKDAYS: Final = 7

STATUS_CANCELLED: Final = 1
PERMISSION_VIEW: Final = 1
PERMISSION_BUSY: Final = 3

# ---- lenient readers ---------------------------------------------------------------------------------------


def as_int(value: Any, default: int = 0) -> int:
    """Read a number that may come as text, as a float, or not at all."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if abs(value) < 2**62 else default
    if isinstance(value, str):
        text = value.strip()
        sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
        if digits.isascii() and digits.isdigit() and len(digits) <= len(str(2**63)):
            return sign * int(digits)
    return default


def as_signed(value: Any, default: int = 0) -> int:
    """Read a number that a vendor typed as uint32 although it may be negative (``timezone``)."""
    number = as_int(value, default)
    return number - _UINT32 if _SIGN <= number < _UINT32 else number


def as_flag(value: Any) -> bool:
    """Read 0/1, also as text or as a boolean."""
    return as_int(value) != 0 or value == "true"


def as_text(value: Any) -> str:
    """Read a text; anything else is empty."""
    return value[:TEXT_CHARS_MAX] if isinstance(value, str) else ""


def as_list(value: Any) -> list[Any]:
    """Read a list; anything else is empty."""
    return value if isinstance(value, list) else []


def as_object(value: Any) -> dict[str, Any]:
    """Read an object; anything else is empty."""
    return value if isinstance(value, dict) else {}


def as_ids(value: Any) -> list[str]:
    """Read a list of ids, which may be texts or objects with a ``userid``; empty ones are left out."""
    ids = (
        as_text(item.get("userid")) if isinstance(item, dict) else as_text(item) for item in as_list(value)
    )
    return [text for text in ids if text]


def admins_of(item: Mapping[str, Any]) -> list[str]:
    """Read ``admins``, which every official sample of calendar/get spells ``adminis`` (reference 4.1)."""
    return as_ids(item.get("admins")) or as_ids(item.get("adminis"))


def excluded_of(snapshot: Mapping[str, Any]) -> list[int]:
    """Return the starts removed from a series: ``reminders.exclude_time_list``, Unix seconds, ascending."""
    entries = as_list(as_object(snapshot.get("reminders")).get("exclude_time_list"))
    starts = {as_int(entry.get("start_time") if isinstance(entry, dict) else entry, -1) for entry in entries}
    return sorted(start for start in starts if start >= 0)


def is_cancelled(snapshot: Mapping[str, Any]) -> bool:
    """Return whether the vendor keeps the schedule only as a cancelled one."""
    return as_int(snapshot.get("status")) == STATUS_CANCELLED


def is_series(snapshot: Mapping[str, Any]) -> bool:
    """Return whether the schedule repeats."""
    return as_flag(as_object(snapshot.get("reminders")).get("is_repeat"))


def same_id(one: str, other: str) -> bool:
    """Compare userids: they are unique ignoring case (reference 11)."""
    return one.casefold() == other.casefold()

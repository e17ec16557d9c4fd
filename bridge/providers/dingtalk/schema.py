"""DingTalk's JSON: the bodies we send as types, and readers that take what comes (reference 3.3-3.12, 9).

Answers hold null-filled rows, numbers as strings and fields nobody announced; no reader here ever fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.providers.base import Json

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""``daysOfWeek`` and ``firstDayOfWeek`` in the order of :class:`bridge.model.recurrence.Weekday`."""

INDEXES: Final = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}
"""``pattern.index``."""

NUMBER_MAX: Final = 10**15
"""Larger numbers in answers are nonsense."""


class When(TypedDict, total=False):
    """``start`` and ``end``: ``date``, or ``dateTime`` with ``timeZone``."""

    date: str
    dateTime: str
    timeZone: str


class Pattern(TypedDict, total=False):
    """``recurrence.pattern``."""

    type: str
    interval: int
    daysOfWeek: str
    dayOfMonth: int
    index: str
    firstDayOfWeek: str


class Range(TypedDict, total=False):
    """``recurrence.range``."""

    type: str
    endDate: str
    numberOfOccurrences: int


class RecurrenceBody(TypedDict):
    """``recurrence``: always sent whole."""

    pattern: Pattern
    range: Range


class AttendeeBody(TypedDict, total=False):
    """One row of ``attendees``, ``attendeesToAdd``, ``attendeesToRemove``."""

    id: str
    isOptional: bool


class Place(TypedDict):
    """``location``."""

    displayName: str


class ReminderBody(TypedDict):
    """One row of ``reminders``."""

    method: str
    minutes: int


class MeetingBody(TypedDict):
    """``onlineMeetingInfo``: makes a video meeting; in an update it replaces the old one."""

    type: str


class UiConfig(TypedDict):
    """One row of ``uiConfigs``."""

    uiName: str
    uiStatus: str


class RichText(TypedDict):
    """``richTextDescription``."""

    text: str


class EventBody(TypedDict, total=False):
    """Every field of the create page; an update takes the same ones and ``id``."""

    id: str
    summary: str
    description: str
    start: When
    end: When
    isAllDay: bool
    recurrence: RecurrenceBody
    attendees: list[AttendeeBody]
    location: Place
    reminders: list[ReminderBody]
    onlineMeetingInfo: MeetingBody
    extra: dict[str, str]
    uiConfigs: list[UiConfig]
    richTextDescription: RichText


# ---- readers ---------------------------------------------------------------------------------------------


def text(record: Mapping[str, Any], name: str) -> str:
    """Return a field as text; absent, null and containers are empty."""
    value = record.get(name)
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value)


def number(record: Mapping[str, Any], name: str) -> int | None:
    """Return a field as a whole number; ``"15"``, ``15`` and ``15.0`` are the same."""
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = int(value) if isinstance(value, int | float) else int(value.strip())
    except (ValueError, OverflowError):
        return None
    return found if abs(found) <= NUMBER_MAX else None


def flag(record: Mapping[str, Any], name: str) -> bool | None:
    """Return a field as a truth value; ``"true"`` counts; None when it is absent or something else."""
    value = record.get(name)
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return None


def part(record: Mapping[str, Any], name: str) -> Json:
    """Return an object field; empty when it is absent or something else."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def rows(record: Mapping[str, Any], name: str) -> list[Json]:
    """Return the objects in an array field, without null rows and rows filled with nulls (gotcha 24)."""
    value = record.get(name)
    if not isinstance(value, list):
        return []
    return [
        row for row in value if isinstance(row, dict) and any(filled is not None for filled in row.values())
    ]


def texts(record: Mapping[str, Any], name: str) -> list[str]:
    """Return the non-empty texts (or numbers, as text) in an array field."""
    value = record.get(name)
    if not isinstance(value, list):
        return []
    found = [str(item) for item in value if isinstance(item, str | int) and not isinstance(item, bool)]
    return [item for item in found if item]


def series_of(snapshot: Mapping[str, Any]) -> str:
    """Return the id of the series an answer is an occurrence of; empty for masters and single events."""
    series_id = text(snapshot, "seriesMasterId")
    return "" if series_id == text(snapshot, "id") else series_id


def is_cancelled(snapshot: Mapping[str, Any]) -> bool:
    """Return whether an answer says ``cancelled`` (British and American spelling, any case)."""
    return text(snapshot, "status").strip().lower() in {"cancelled", "canceled"}


def is_series(snapshot: Mapping[str, Any]) -> bool:
    """Return whether an answer is the master of a series (reference 3.1)."""
    return not series_of(snapshot) and bool(text(part(part(snapshot, "recurrence"), "pattern"), "type"))

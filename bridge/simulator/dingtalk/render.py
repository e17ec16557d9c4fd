"""The event object in answers: each operation shows its own fields (reference section 3.10)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from bridge.simulator.dingtalk.times import When, iso_offset, iso_stamp, iso_utc

if TYPE_CHECKING:
    from bridge.simulator.dingtalk.calendars import Access
    from bridge.simulator.dingtalk.simulator import DingTalkSimulator
    from bridge.simulator.dingtalk.state import Details, Guest, Item

OPERATIONS: Final = ("create", "update", "get", "list", "view", "series", "instances")
"""Columns of the table below; ``series`` is events/{e}/instances, ``instances`` calendars/{c}/instances."""

_ALWAYS: Final = "+ + + + + s s"

_TABLE: Final[dict[str, str]] = {
    "id": _ALWAYS,
    "summary": _ALWAYS,
    "description": _ALWAYS,
    "status": "- - + + + s s",
    "start": _ALWAYS,
    "end": _ALWAYS,
    "originStart": "- - + + + - -",
    "isAllDay": _ALWAYS,
    "recurrence": _ALWAYS,
    "seriesMasterId": "- - + + + s s",
    "attendees": _ALWAYS,
    "organizer": _ALWAYS,
    "location": _ALWAYS,
    "location.meetingRooms": "- + s + + - s",
    "meetingRooms": "- - + + + s -",
    "reminders": "+ + + + - s s",
    "createTime": _ALWAYS,
    "updateTime": _ALWAYS,
    "onlineMeetingInfo": _ALWAYS,
    "onlineMeetingInfo.extraInfo": "+ - + + + s -",
    "recurrence.firstDayOfWeek": "+ + + + + - -",
    "richTextDescription": "+ + + + + - -",
    "uiConfigs": "+ + s - - - -",
    "categories": "s s + + + - -",
    "categories.categoryId": "s s - - - - -",
    "cardInstances": "s s s - - - -",
    "eventConfig": "s - - - - - -",
    "extendedProperties": "s s + + + s s",
    "extendedProperties.privateProperties": "- - - - + - -",
}
"""Reference section 3.10: ``+`` on the page, ``s`` in the SDK's model only, ``-`` absent."""


def _column(operation: str) -> dict[str, str]:
    index = OPERATIONS.index(operation)
    return {name: marks.split()[index] for name, marks in _TABLE.items()}


_COLUMNS: Final = {operation: _column(operation) for operation in OPERATIONS}

_ESSENTIAL: Final = frozenset({"id", "start", "end", "isAllDay", "seriesMasterId", "updateTime"})
"""Shown in any case by the two operations that are in the SDK only."""


class Renderer:
    """Writes items for one access and one operation."""

    def __init__(self, sim: DingTalkSimulator, access: Access, operation: str, attendees_max: int) -> None:
        self._sim = sim
        self._access = access
        self._operation = operation
        self._attendees_max = attendees_max

    def _shows(self, name: str) -> bool:
        mark = _COLUMNS[self._operation][name]
        if mark == "s" and self._sim.switches["sdk_only_fields"] == "absent":
            return self._operation in ("series", "instances") and name in _ESSENTIAL
        return mark != "-"

    def event(self, item: Item) -> dict[str, Any]:
        """Return the item's JSON."""
        full = {**self._identity(item), **self._content(item), **self._people(item)}
        shown = {name: full[name] for name in _TABLE if name in full and self._shows(name)}
        match self._sim.switches["empty_fields"]:
            case "null":
                return {name: None if _is_empty(value) else value for name, value in shown.items()}
            case "absent":
                return {name: value for name, value in shown.items() if not _is_empty(value)}
            case _:
                return {name: value for name, value in shown.items() if value is not None}

    def stub(self, item: Item) -> dict[str, Any]:
        """Return what is left of a deleted item: its id and that it is cancelled."""
        identity = self._identity(item)
        names = ("id", "status", "seriesMasterId", "originStart", "updateTime")
        return {name: identity[name] for name in names if identity.get(name)}

    def _identity(self, item: Item) -> dict[str, Any]:
        switches, store, event = self._sim.switches, self._sim.store, item.event
        precision = switches["update_time_precision"]
        found: dict[str, Any] = {
            "id": store.id_of(item, self._access.holder),
            "status": "cancelled" if self._is_gone(item) else "confirmed",
            "createTime": iso_stamp(event.created_ms, precision),
            "updateTime": iso_stamp(item.updated_ms, precision),
            "seriesMasterId": None,
            "originStart": None,
        }
        if item.origin_start is not None:
            found["seriesMasterId"] = store.id_of(store.whole(event), self._access.holder)
            found["originStart"] = {"dateTime": iso_utc(item.origin_start.at(store.all_day_zone))}
        return found

    def _is_gone(self, item: Item) -> bool:
        holder = self._access.holder
        return item.cancelled or bool(holder and not item.is_held_by(holder))

    def _content(self, item: Item) -> dict[str, Any]:
        details = item.details
        return {
            "summary": details.summary,
            "description": details.description,
            "start": self._when(details.start),
            "end": self._when(details.end),
            "isAllDay": details.start.is_all_day,
            "recurrence": self._recurrence(item),
            "location": self._location(details),
            "meetingRooms": [
                {"roomId": room.room_id, "responseStatus": room.response, "displayName": room.name}
                for room in details.rooms
            ],
            "onlineMeetingInfo": self._meeting(details),
            "richTextDescription": {"text": details.rich_text},
            "uiConfigs": [dict(row) for row in details.ui_configs],
            "categories": [self._category(row) for row in details.categories],
            "cardInstances": [dict(row) for row in details.card_instances],
            "eventConfig": details.event_config,
            "extendedProperties": self._extended(item),
        }

    def _people(self, item: Item) -> dict[str, Any]:
        organizer = item.event.organizer
        mine = item.guests.get(organizer)
        found: dict[str, Any] = {
            "organizer": {
                "id": organizer,
                "displayName": self._sim.store.name_of(organizer),
                "responseStatus": mine.response if mine else "accepted",
                "self": organizer == self._access.viewer.union_id,
            },
            "attendees": [self.guest(guest) for guest in list(item.guests.values())[: self._attendees_max]],
            "reminders": [
                {"method": reminder.method, "minutes": str(reminder.minutes)}
                for reminder in item.reminders_of(self._access.holder)
            ],
        }
        return found

    def guest(self, guest: Guest) -> dict[str, Any]:
        """Return one attendee's JSON."""
        return {
            "id": guest.union_id,
            "displayName": self._sim.store.name_of(guest.union_id),
            "responseStatus": guest.response,
            "self": guest.union_id == self._access.viewer.union_id,
            "isOptional": guest.is_optional,
        }

    def _when(self, when: When) -> dict[str, Any]:
        return when_json(self._sim, when)

    def _recurrence(self, item: Item) -> dict[str, Any] | None:
        recurrence = item.details.recurrence
        hidden = item.origin is not None and self._sim.switches["instance_recurrence"] == "absent"
        if recurrence is None or hidden:
            return None
        pattern = dict(recurrence["pattern"])
        if not self._shows("recurrence.firstDayOfWeek"):
            pattern.pop("firstDayOfWeek", None)
        return {"pattern": pattern, "range": dict(recurrence["range"])}

    def _location(self, details: Details) -> dict[str, Any]:
        location: dict[str, Any] = {"displayName": details.location}
        if self._shows("location.meetingRooms"):
            location["meetingRooms"] = [room.name for room in details.rooms]
        return location

    def _meeting(self, details: Details) -> dict[str, Any] | None:
        if details.online_meeting is None:
            return None
        meeting = dict(details.online_meeting)
        if not self._shows("onlineMeetingInfo.extraInfo"):
            meeting.pop("extraInfo", None)
        return meeting

    def _category(self, row: dict[str, Any]) -> dict[str, Any]:
        if self._shows("categories.categoryId"):
            return dict(row)
        return {"displayName": row["displayName"]}

    def _extended(self, item: Item) -> dict[str, Any]:
        found: dict[str, Any] = {"sharedProperties": {"belongCorpId": self._sim.store.corp_id}}
        if self._shows("extendedProperties.privateProperties"):
            link = f"https://example.invalid/detail?id={item.event.legacy_id}"
            found["privateProperties"] = {"dingtalkDetailUrl": link}
        return found


def when_json(sim: DingTalkSimulator, when: When) -> dict[str, Any]:
    """Return ``{date}`` or ``{dateTime, timeZone}``."""
    if when.date is not None:
        return {"date": when.date.isoformat()}
    at = when.at("UTC")
    name = "Asia/Shanghai" if sim.switches["response_time_zone"] == "shanghai" else when.zone
    match sim.switches["response_offset"]:
        case "utc":
            shown = at
        case "as_sent" if when.offset is not None:
            shown = at.astimezone(dt.timezone(when.offset))
        case _:
            shown = at.astimezone(ZoneInfo(name))
    fraction = sim.switches["response_fraction"] == "yes"
    return {"dateTime": iso_offset(shown, fraction=fraction), "timeZone": name}


def _is_empty(value: Any) -> bool:
    return value in (None, "", [], {}, {"text": ""}, {"displayName": ""})

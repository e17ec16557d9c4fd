"""Meeting rooms: book, release, look (reference section 3.13)."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk import changes
from bridge.simulator.dingtalk.changes import Manner
from bridge.simulator.dingtalk.errors import ApiError, refuse
from bridge.simulator.dingtalk.events import acts_as_organizer, target
from bridge.simulator.dingtalk.freebusy import read_window
from bridge.simulator.dingtalk.gateway import EVENTS_SCOPE_READ, EVENTS_SCOPE_WRITE, Call, Operation
from bridge.simulator.dingtalk.render import when_json
from bridge.simulator.dingtalk.state import Booking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.simulator.dingtalk.simulator import DingTalkSimulator
    from bridge.simulator.dingtalk.state import Item, Room

ROOMS_PER_EVENT_MAX: Final = 5

QUERY_DAYS_MAX: Final = 90

CHECK_DAYS: Final = 400
"""How far ahead a booking of a series looks for others."""

ROOM_LIST_MAX: Final = 100


def bookings(
    sim: DingTalkSimulator, room_id: str, low: dt.datetime, high: dt.datetime
) -> Iterator[tuple[Item, Booking]]:
    """Yield what takes the room between two instants."""
    zone = sim.store.all_day_zone
    for event in sim.store.events.values():
        for item in sim.store.items_between(event, low, high):
            for booking in item.details.rooms:
                taken = booking.room_id == room_id and booking.response != "declined"
                if taken and not item.cancelled and item.details.end.at(zone) > low:
                    yield item, booking


def book(sim: DingTalkSimulator, item: Item, rooms: list[Room], manner: Manner) -> None:
    """Take rooms for an event; raise 400 if one is taken, or the event cannot have rooms."""
    held = {booking.room_id for booking in item.details.rooms}
    new = [room for room in rooms if room.id not in held]
    if len(held) + len(new) > ROOMS_PER_EVENT_MAX:
        refuse(f"attendees batch size too large. Maximum allowed:{ROOMS_PER_EVENT_MAX}")
    rule = item.details.rule
    if item.origin is None and rule is not None and rule.until is None:
        refuse("Meeting room invalid")
    for room in new:
        if _is_taken(sim, item, room):
            raise ApiError(400, "meetingRoomNotAvailable", "room busy")
    added = tuple(Booking(room.id, room.name, "accepted") for room in new)
    changes.replace(sim, item, manner, rooms=(*item.details.rooms, *added))


def _is_taken(sim: DingTalkSimulator, item: Item, room: Room) -> bool:
    zone = sim.store.all_day_zone
    start = item.details.start.at(zone)
    if item.origin is None:
        spans = sim.store.items_between(item.event, None, start + dt.timedelta(days=CHECK_DAYS))
    else:
        spans = iter((item,))
    for span in spans:
        low, high = span.details.start.at(zone), span.details.end.at(zone)
        for other, _ in bookings(sim, room.id, low, high):
            if other.event is not item.event:
                return True
    return False


def _target(sim: DingTalkSimulator, call: Call) -> Item:
    access = sim.calendars.access(call.who, call.params["c"])
    access.need_writer()
    item = target(sim, access, call.params["e"])
    if item.event.calendar or not acts_as_organizer(access, item):
        refuse("current user is not the organizer")
    return item


def _room_ids(call: Call, name: str) -> list[str]:
    rows = call.fields().rows(name)
    if not rows:
        refuse(
            "Meeting rooms to remove must be provided." if "Remove" in name else "roomId must be provided."
        )
    return [row.needed_text("roomId") for row in rows]


def _known(sim: DingTalkSimulator, room_id: str) -> Room:
    room = sim.store.rooms.get(room_id)
    if room is None:
        refuse("roomId invalid")
    return room


def _add(sim: DingTalkSimulator, call: Call) -> Any:
    room_ids = _room_ids(call, "meetingRoomsToAdd")
    item = _target(sim, call)
    book(sim, item, [_known(sim, room_id) for room_id in room_ids], Manner(push=False))
    return {"result": True}


def _remove(sim: DingTalkSimulator, call: Call) -> Any:
    room_ids = _room_ids(call, "meetingRoomsToRemove")
    item = _target(sim, call)
    left = tuple(booking for booking in item.details.rooms if booking.room_id not in room_ids)
    changes.replace(sim, item, Manner(push=False), rooms=left)
    return {"result": True}


def _room_respond(sim: DingTalkSimulator, call: Call) -> Any:
    response = call.fields().choice("responseStatus", ("accepted", "tentative", "declined"))
    item, room_id = _target(sim, call), call.params["room"]
    if room_id not in {booking.room_id for booking in item.details.rooms}:
        refuse("roomId invalid")
    rooms = tuple(
        dataclasses.replace(booking, response=response) if booking.room_id == room_id else booking
        for booking in item.details.rooms
    )
    changes.replace(sim, item, Manner(push=False), rooms=rooms)
    return {"result": True}


def _schedules(sim: DingTalkSimulator, call: Call) -> Any:
    fields = call.fields()
    room_ids = fields.texts("roomIds")
    if not room_ids:
        refuse("query ids cannot be empty")
    if len(room_ids) > ROOMS_PER_EVENT_MAX:
        refuse("Cannot get schedule information for more than limit.")
    low, high = read_window(sim, fields)
    if high - low > dt.timedelta(days=QUERY_DAYS_MAX):
        refuse(f"Cannot query schedule for more than {QUERY_DAYS_MAX} days.")
    rows = []
    for room_id in room_ids:
        _known(sim, room_id)
        items = [
            {
                "status": "TENTATIVE" if booking.response == "tentative" else "BUSY",
                "eventId": sim.store.id_of(item, item.event.organizer),
                "organizer": {"id": item.event.organizer},
                "start": when_json(sim, item.details.start),
                "end": when_json(sim, item.details.end),
            }
            for item, booking in bookings(sim, room_id, low, high)
        ]
        rows.append({"roomId": room_id, "scheduleItems": items})
    return {"scheduleInformation": rows}


def _room_json(sim: DingTalkSimulator, room: Room) -> dict[str, Any]:
    return {
        "roomId": room.id,
        "corpId": sim.store.corp_id,
        "roomName": room.name,
        "roomStatus": 0,
        "roomLabels": [],
        "roomCapacity": room.capacity,
        "roomLocation": {"title": "HQ", "desc": ""},
        "roomGroup": {"groupId": 1, "groupName": "HQ", "parentId": 0},
    }


def _room_list(sim: DingTalkSimulator, call: Call) -> Any:
    if sim.store.people.get(call.query_text("unionId") or "") is None:
        raise ApiError(400, "user.not.employee", "user not employee")
    most = call.query_whole("maxResults", default=20)
    first = call.query_whole("nextToken", default=0)
    if not 1 <= most <= ROOM_LIST_MAX or first < 0:
        raise ApiError(400, "param.error", "param error")
    rooms = list(sim.store.rooms.values())
    more = first + most < len(rooms)
    shown = [_room_json(sim, room) for room in rooms[first : first + most]]
    return {"hasMore": more, "nextToken": first + most if more else None, "result": shown}


def _room_detail(sim: DingTalkSimulator, call: Call) -> Any:
    room = sim.store.rooms.get(call.params["room"])
    if room is None:
        raise ApiError(400, "param.error", "param error")
    return {"result": _room_json(sim, room)}


_EVENT: Final = "/v1.0/calendar/users/{u}/calendars/{c}/events/{e}"

OPERATIONS: Final = (
    Operation(
        name="AddMeetingRooms",
        method="POST",
        pattern=_EVENT + "/meetingRooms",
        handler=_add,
        scope=EVENTS_SCOPE_WRITE,
        idempotent="sdk",
    ),
    Operation(
        name="RemoveMeetingRooms",
        method="POST",
        pattern=_EVENT + "/meetingRooms/batchRemove",
        handler=_remove,
        scope=EVENTS_SCOPE_WRITE,
        idempotent="sdk",
    ),
    Operation(
        name="MeetingRoomRespond",
        method="POST",
        pattern=_EVENT + "/meetingRooms/{room}/respond",
        handler=_room_respond,
        scope=EVENTS_SCOPE_WRITE,
        idempotent="sdk",
        is_documented=False,
    ),
    Operation(
        name="GetMeetingRoomsSchedule",
        method="POST",
        pattern="/v1.0/calendar/users/{u}/meetingRooms/schedules/query",
        handler=_schedules,
        scope=EVENTS_SCOPE_READ,
    ),
    Operation(
        name="QueryMeetingRoomList",
        method="GET",
        pattern="/v1.0/rooms/meetingRoomLists",
        handler=_room_list,
        scope="VideoConference.Conference.Read",
    ),
    Operation(
        name="QueryMeetingRoom",
        method="GET",
        pattern="/v1.0/rooms/meetingRooms/{room}",
        handler=_room_detail,
        scope="VideoConference.Conference.Read",
    ),
)

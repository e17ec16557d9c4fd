"""People of an event, and what they answer (reference section 3.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk import bodies, changes
from bridge.simulator.dingtalk.changes import Manner
from bridge.simulator.dingtalk.errors import ApiError, item_not_found, refuse
from bridge.simulator.dingtalk.events import acts_as_organizer, gone_error, is_gone, locate, target
from bridge.simulator.dingtalk.gateway import EVENTS_SCOPE_READ, EVENTS_SCOPE_WRITE, Call, Operation
from bridge.simulator.dingtalk.render import Renderer
from bridge.simulator.dingtalk.state import RESPONSES

if TYPE_CHECKING:
    from bridge.simulator.dingtalk.shapes import Fields
    from bridge.simulator.dingtalk.simulator import DingTalkSimulator
    from bridge.simulator.dingtalk.state import Item

PAGE_MAX: Final = 500

PAGE_DEFAULT: Final = 100


def _own_item(sim: DingTalkSimulator, call: Call) -> Item:
    """Return the event of the path, for its organizer only."""
    access = sim.calendars.access(call.who, call.params["c"])
    access.need_writer()
    item = target(sim, access, call.params["e"])
    if item.event.calendar:
        raise _no_people()
    if not acts_as_organizer(access, item):
        refuse("current user is not the organizer")
    return item


def _no_people() -> ApiError:
    return ApiError(400, "invalidParameter.subscribed.invalid", "Subscribed calendar not support this method")


def _manner(fields: Fields) -> Manner:
    push, chat = fields.flag("pushNotification"), fields.flag("chatNotification")
    return Manner(push=push is not False, chat=chat is not False)


def _add(sim: DingTalkSimulator, call: Call) -> Any:
    fields = call.fields()
    wanted = bodies.read_guests(fields, "attendeesToAdd")
    if not wanted:
        refuse("Attendees to add must be provided.")
    item = _own_item(sim, call)
    new = changes.invite(
        sim, {key: wanted[key] for key in wanted if key != item.event.organizer}, item.guests
    )
    changes.edit(sim, item, item.details, {**item.guests, **new}, _manner(fields))


def _remove(sim: DingTalkSimulator, call: Call) -> Any:
    fields = call.fields()
    wanted = bodies.read_guests(fields, "attendeesToRemove") or {}
    item = _own_item(sim, call)
    if item.event.organizer in wanted:
        refuse("the organizer cannot be removed")
    left = {key: guest for key, guest in item.guests.items() if key not in wanted}
    if len(left) < len(item.guests):
        changes.edit(sim, item, item.details, left, _manner(fields))


def _list(sim: DingTalkSimulator, call: Call) -> Any:
    calendar_id, event_id = call.params["c"], call.params["e"]
    if not calendar_id.strip():
        raise ApiError(400, "invalidParameter.event.calendarId", "CalendarId cannot be blank")
    if not event_id.strip():
        raise ApiError(400, "invalidParameter.event.eventId", "eventId cannot be blank")
    most = call.query_whole("maxResults", default=PAGE_DEFAULT)
    if not 0 <= most <= PAGE_MAX:
        message = f"maxResults size must within range [0,{PAGE_MAX}]"
        raise ApiError(400, "invalidParameter.maxResults", message)
    access = sim.calendars.access(call.who, calendar_id)
    access.need_reader()
    item = locate(sim, access, event_id)
    if item.event.calendar:
        raise _no_people()
    if is_gone(access, item):
        raise gone_error(item)
    first = _offset(call.query_text("nextToken"))
    guests = list(item.guests.values())
    renderer = Renderer(sim, access, "get", PAGE_MAX)
    last = first + (most or PAGE_DEFAULT)
    return {
        "attendees": [renderer.guest(guest) for guest in guests[first:last]],
        "nextToken": f"a{last}" if last < len(guests) else None,
    }


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not (token.startswith("a") and token[1:].isascii() and token[1:].isdecimal()):
        refuse("nextToken invalid")
    return int(token[1:])


def _respond(sim: DingTalkSimulator, call: Call) -> Any:
    response = call.fields().choice("responseStatus", RESPONSES)
    access = sim.calendars.access(call.who, call.params["c"])
    item = target(sim, access, call.params["e"])
    person = call.who.union_id
    if person not in item.guests or (item.origin is None and person not in item.event.guests):
        raise item_not_found()
    changes.respond(sim, item, person, response, Manner())


_EVENT: Final = "/v1.0/calendar/users/{u}/calendars/{c}/events/{e}"

OPERATIONS: Final = (
    Operation(
        name="AddAttendee",
        method="POST",
        pattern=_EVENT + "/attendees",
        handler=_add,
        scope=EVENTS_SCOPE_WRITE,
        idempotent="documented",
    ),
    Operation(
        name="RemoveAttendee",
        method="POST",
        pattern=_EVENT + "/attendees/batchRemove",
        handler=_remove,
        scope=EVENTS_SCOPE_WRITE,
        idempotent="documented",
    ),
    Operation(
        name="ListAttendees",
        method="GET",
        pattern=_EVENT + "/attendees",
        handler=_list,
        scope=EVENTS_SCOPE_READ,
    ),
    Operation(
        name="RespondEvent",
        method="POST",
        pattern=_EVENT + "/respond",
        handler=_respond,
        scope=EVENTS_SCOPE_WRITE,
        idempotent="sdk",
    ),
)

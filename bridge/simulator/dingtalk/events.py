"""Create, update, delete, get one event (reference sections 3.3 to 3.6)."""

from __future__ import annotations

import dataclasses
import html
import re
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk import bodies, changes
from bridge.simulator.dingtalk.changes import Manner
from bridge.simulator.dingtalk.errors import (
    ApiError,
    instance_not_exist,
    item_not_found,
    not_privileged,
    refuse,
)
from bridge.simulator.dingtalk.gateway import EVENTS_SCOPE_READ, EVENTS_SCOPE_WRITE, Call, Operation
from bridge.simulator.dingtalk.render import Renderer
from bridge.simulator.dingtalk.shapes import Fields
from bridge.simulator.dingtalk.state import Details, whole

if TYPE_CHECKING:
    from bridge.simulator.dingtalk.calendars import Access
    from bridge.simulator.dingtalk.simulator import DingTalkSimulator
    from bridge.simulator.dingtalk.state import Guest, Item

GET_ATTENDEES_MAX: Final = 500

ANSWER_ATTENDEES: Final = 500
"""Attendees in the answer to a create or update."""

_TAG: Final = re.compile(r"<[^>]*>")


def locate(sim: DingTalkSimulator, access: Access, event_id: str) -> Item:
    """Return what ``event_id`` means in this calendar, deleted or not; raise 404 if it means nothing."""
    found = sim.store.find(event_id, access.holder)
    if found is None or not (access.shows(found[0]) or access.holder in found[0].gone):
        raise item_not_found()
    event, origin = found
    if origin is None:
        return whole(event)
    item = sim.store.occurrence(event, origin)
    if item is None or item.origin_start is None:
        raise instance_not_exist()
    if sim.switches["future_instance_ids"] == "unknown":
        changed = origin in event.overrides
        if not changed and sim.store.generated_ms(item.origin_start) > sim.store.now_ms():
            raise instance_not_exist()
    return item


def is_gone(access: Access, item: Item) -> bool:
    """Whether the item is cancelled, or no longer in this calendar."""
    return item.cancelled or bool(access.holder and not item.is_held_by(access.holder))


def gone_error(item: Item) -> ApiError:
    """Return the 404 for a cancelled event or occurrence."""
    return item_not_found() if item.origin is None else instance_not_exist()


def target(sim: DingTalkSimulator, access: Access, event_id: str) -> Item:
    """Return the living item that a write means; raise 404, or 400 if occurrences cannot be written."""
    item = locate(sim, access, event_id)
    if is_gone(access, item):
        raise gone_error(item)
    if item.origin is not None:
        match sim.switches["instance_write"]:
            case "rejected":
                refuse("eventId of a recurring instance not supported")
            case "series":
                return whole(item.event)
    return item


def acts_as_organizer(access: Access, item: Item) -> bool:
    """Whether the caller may act for the organizer: in the own calendar, or with ``writer`` in another's."""
    if access.calendar:
        return access.privilege in ("owner", "writer")
    return access.holder == item.event.organizer and access.privilege in ("owner", "writer")


def _meeting(sim: DingTalkSimulator) -> dict[str, Any]:
    """Return a new online meeting."""
    digits = sim.store.token("meeting").hex()
    conference = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return {
        "type": "dingtalk",
        "conferenceId": conference,
        "url": f"dingtalk://dingtalkclient/page/videoConfFromCalendar?confId={conference}",
        "extraInfo": {"roomCode": str(int(digits[:8], 16) % 900_000_000 + 100_000_000)},
    }


def _event_fields(sim: DingTalkSimulator, call: Call) -> Fields:
    if not call.request.body.strip():
        refuse("Event must be provided.")
    value = call.json()
    if value in (None, {}):
        refuse("Event must be provided.")
    fields = Fields(value)
    bodies.check_names(fields, sim.switches)
    return fields


def new_details(sim: DingTalkSimulator, fields: Fields, *, by_app: bool = True) -> Details:
    """Return the content of a create's body; raise 400 for anything the page forbids."""
    switches = sim.switches
    summary = bodies.read_summary(fields, switches)
    if summary is None:
        refuse("Event summary cannot be blank")
    is_all_day = bool(fields.flag("isAllDay"))
    start, end = bodies.read_times(fields, is_all_day=is_all_day, switches=switches)
    if start is None:
        refuse("Event start time not set.")
    if end is None:
        refuse("Event end time not set.")
    end = bodies.check_span(start, end, switches)
    shown, rule = None, None
    recurrence = fields.inner("recurrence")
    if recurrence is not None:
        shown, rule = bodies.read_recurrence(recurrence, switches, zone=start.zone or None, by_app=by_app)
        bodies.check_series(start, rule, switches, sim.store.reading())
    reminders = bodies.read_reminders(fields, switches)
    if reminders is None:
        reminders = bodies.default_reminders(is_all_day=is_all_day)
    return Details(
        summary=summary,
        start=start,
        end=end,
        recurrence=shown,
        rule=rule,
        reminders=reminders,
        online_meeting=_meeting(sim) if bodies.wants_meeting(fields) else None,
        ui_configs=bodies.read_ui_configs(fields, strict=False) or (),
        event_config=bodies.read_event_config(fields),
        **_texts(sim, fields),
        **bodies.read_sdk_fields(fields),
    )


def _texts(sim: DingTalkSimulator, fields: Fields) -> dict[str, Any]:
    """Return description, rich text and place as far as they were sent."""
    found: dict[str, Any] = {}
    description = bodies.read_text(fields, "description", bodies.DESCRIPTION_MAX, sim.switches)
    if description is not None:
        found["description"] = description
    rich = fields.inner("richTextDescription")
    rich_text = rich.text("text") if rich else None
    if rich_text is not None:
        found["rich_text"] = rich_text
    if sim.switches["rich_text"] == "linked":
        if rich_text is not None and description is None:
            found["description"] = html.unescape(_TAG.sub("", rich_text))[: bodies.DESCRIPTION_MAX]
        elif description is not None and rich_text is None:
            found["rich_text"] = f"<div>{html.escape(description)}</div>" if description else ""
    place = fields.inner("location")
    name = place.text("displayName") if place else None
    if name is not None:
        found["location"] = name
    return found


def create(sim: DingTalkSimulator, access: Access, fields: Fields, *, by_app: bool = True) -> Item:
    """Create an event from a body; the limit per day holds for the app only."""
    access.need_writer()
    organizer = access.holder or access.viewer.union_id
    if by_app:
        sim.quota.check_creation(organizer)
        if sim.switches["creation_failures_count"] == "yes":
            sim.quota.count_creation(organizer)
    details = new_details(sim, fields, by_app=by_app)
    push, chat = bodies.read_extra(fields)
    event = changes.create(
        sim,
        organizer=organizer,
        calendar=access.calendar,
        details=details,
        wanted=bodies.read_guests(fields, "attendees") or {},
        manner=Manner(by_app=by_app, push=push, chat=chat),
    )
    if by_app and sim.switches["creation_failures_count"] == "no":
        sim.quota.count_creation(organizer)
    return whole(event)


def _create(sim: DingTalkSimulator, call: Call) -> Any:
    access = sim.calendars.access(call.who, call.params["c"])
    item = create(sim, access, _event_fields(sim, call))
    return Renderer(sim, access, "create", ANSWER_ATTENDEES).event(item)


_CLEARED: Final[dict[str, Any]] = {
    "summary": "",
    "description": "",
    "location": {"displayName": ""},
    "richTextDescription": {"text": ""},
    "reminders": [],
    "attendees": [],
    "uiConfigs": [],
    "categories": [],
    "cardInstances": [],
}
"""What null means if it clears."""


def _without_nulls(sim: DingTalkSimulator, fields: Fields) -> Fields:
    """Return the body with nulls treated as the switch says."""
    nulls = [name for name, value in fields.raw.items() if value is None]
    removes_series = sim.switches["remove_recurrence"] == "null"
    mode = sim.switches["put_null"]
    if mode == "reject" and [name for name in nulls if name != "recurrence" or not removes_series]:
        refuse(f"{nulls[0]} must not be null")
    kept = {name: value for name, value in fields.raw.items() if value is not None}
    if mode == "clear":
        kept.update({name: _CLEARED[name] for name in nulls if name in _CLEARED})
    return Fields(kept)


def edited_details(sim: DingTalkSimulator, item: Item, fields: Fields) -> Details:
    """Return the content after an update; what the body leaves out stays."""
    switches, old = sim.switches, item.details
    given = _without_nulls(sim, fields)
    found: dict[str, Any] = {**_texts(sim, given), **bodies.read_sdk_fields(given)}
    summary = bodies.read_summary(given, switches)
    if summary is not None:
        found["summary"] = summary
    flag = given.flag("isAllDay")
    is_all_day = old.start.is_all_day if flag is None else flag
    start, end = bodies.read_times(given, is_all_day=is_all_day, switches=switches)
    if is_all_day != old.start.is_all_day and (start is None or end is None):
        refuse("start and end must be provided when isAllDay changes")
    if start is not None or end is not None:
        found["start"] = start or old.start
        found["end"] = bodies.check_span(found["start"], end or old.end, switches)
    found.update(_edited_rule(sim, item, given, fields, found.get("start", old.start).zone))
    reminders = bodies.read_reminders(given, switches)
    if reminders is None and switches["put_reminders_omitted"] == "reset":
        reminders = bodies.default_reminders(is_all_day=is_all_day)
    if reminders is not None:
        found["reminders"] = reminders
    if bodies.wants_meeting(given):
        found["online_meeting"] = _meeting(sim)
    ui_configs = bodies.read_ui_configs(given, strict=True)
    if ui_configs is not None:
        found["ui_configs"] = ui_configs
    details = dataclasses.replace(old, **found)
    if item.origin is None and details.rule is not None:
        bodies.check_series(details.start, details.rule, switches, sim.store.reading())
    return details


def _edited_rule(
    sim: DingTalkSimulator, item: Item, given: Fields, sent: Fields, zone: str
) -> dict[str, Any]:
    """Return recurrence and rule if the update changes them."""
    if "recurrence" in sent.raw and sent.raw["recurrence"] is None:
        if sim.switches["remove_recurrence"] == "null" and item.origin is None:
            return {"recurrence": None, "rule": None}
        return {}
    recurrence = given.inner("recurrence")
    if recurrence is None:
        return {}
    if item.origin is not None:
        refuse("recurrence of a recurring instance cannot be set")
    shown, rule = bodies.read_recurrence(recurrence, sim.switches, zone=zone or None)
    return {"recurrence": shown, "rule": rule}


def edited_guests(sim: DingTalkSimulator, item: Item, fields: Fields) -> dict[str, Guest] | None:
    """Return the people after an update, the organizer among them; None: nobody was named."""
    wanted = bodies.read_guests(fields, "attendees")
    if wanted is None and "attendees" in fields.raw and sim.switches["put_null"] == "clear":
        wanted = {}
    if wanted is None:
        return None
    if item.event.calendar:
        refuse("Subscribed calendar not support attendees")
    organizer = item.event.organizer
    kept = dict(item.guests) if sim.switches["put_attendees"] == "merge" else {}
    kept[organizer] = item.guests[organizer]
    kept.update(changes.invite(sim, {key: wanted[key] for key in wanted if key != organizer}, item.guests))
    return kept


def _patch(sim: DingTalkSimulator, call: Call) -> Any:
    access = sim.calendars.access(call.who, call.params["c"])
    access.need_writer()
    fields = _event_fields(sim, call)
    given = fields.text("id")
    if not given:
        refuse("Event id summary cannot be blank")
    if given != call.params["e"]:
        refuse("Event id in the body must be the one in the path")
    item = target(sim, access, call.params["e"])
    if not acts_as_organizer(access, item):
        raise _not_organizer(sim)
    details, guests = edited_details(sim, item, fields), edited_guests(sim, item, fields)
    push, chat = bodies.read_extra(fields)
    if fields.has("reminders") or sim.switches["put_reminders_omitted"] == "reset":
        changes.forget_own_reminders(item)
    changes.edit(sim, item, details, guests, Manner(push=push, chat=chat))
    return Renderer(sim, access, "update", ANSWER_ATTENDEES).event(again(sim, item))


def again(sim: DingTalkSimulator, item: Item) -> Item:
    """Return the item as it is after a change."""
    if item.origin is None:
        return whole(item.event)
    return sim.store.occurrence(item.event, item.origin) or item


def _not_organizer(sim: DingTalkSimulator) -> ApiError:
    match sim.switches["put_by_attendee"]:
        case "403":
            return not_privileged()
        case "404":
            return item_not_found()
        case _:
            return ApiError(400, "invalidParameter", "current user is not the organizer")


def _delete(sim: DingTalkSimulator, call: Call) -> Any:
    access = sim.calendars.access(call.who, call.params["c"])
    access.need_writer()
    push = call.query_flag("pushNotification", default=True)
    item = target(sim, access, call.params["e"])
    if acts_as_organizer(access, item):
        changes.cancel(sim, item, Manner(push=push))
    else:
        changes.drop_copy(sim, item, access.holder, Manner())


def _get(sim: DingTalkSimulator, call: Call) -> Any:
    access = sim.calendars.access(call.who, call.params["c"])
    access.need_reader()
    most = call.query_whole("maxAttendees", default=sim.switches["get_attendees_default"])
    if not 0 <= most <= GET_ATTENDEES_MAX:
        refuse(f"maxAttendees must within range [0,{GET_ATTENDEES_MAX}]")
    item = locate(sim, access, call.params["e"])
    if is_gone(access, item):
        match sim.switches["get_cancelled"]:
            case "item_not_found":
                raise item_not_found()
            case "instance_not_exist":
                raise instance_not_exist()
            case "by_kind":
                raise gone_error(item)
    return Renderer(sim, access, "get", most).event(item)


_EVENTS: Final = "/v1.0/calendar/users/{u}/calendars/{c}/events"

OPERATIONS: Final = (
    Operation(
        name="CreateEvent",
        method="POST",
        pattern=_EVENTS,
        handler=_create,
        scope=EVENTS_SCOPE_WRITE,
        idempotent="documented",
    ),
    Operation(
        name="CreateEventByMe",
        method="POST",
        pattern="/v1.0/calendar/me/calendars/{c}/events",
        handler=_create,
        scope=EVENTS_SCOPE_WRITE,
        caller="user",
        idempotent="sdk",
        is_documented=False,
    ),
    Operation(
        name="PatchEvent",
        method="PUT",
        pattern=_EVENTS + "/{e}",
        handler=_patch,
        scope=EVENTS_SCOPE_WRITE,
        idempotent="documented",
    ),
    Operation(
        name="DeleteEvent",
        method="DELETE",
        pattern=_EVENTS + "/{e}",
        handler=_delete,
        scope=EVENTS_SCOPE_WRITE,
        idempotent="documented",
    ),
    Operation(
        name="GetEvent",
        method="GET",
        pattern=_EVENTS + "/{e}",
        handler=_get,
        scope=EVENTS_SCOPE_READ,
    ),
)

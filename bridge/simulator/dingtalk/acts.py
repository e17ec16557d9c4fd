"""What people do in DingTalk's own app and console, and what a test may look at."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk import changes, events, listing, rooms, series
from bridge.simulator.dingtalk.calendars import PRIVILEGES, Access
from bridge.simulator.dingtalk.callbacks import read_target
from bridge.simulator.dingtalk.changes import Manner
from bridge.simulator.dingtalk.errors import ApiError
from bridge.simulator.dingtalk.render import Renderer
from bridge.simulator.dingtalk.shapes import Fields
from bridge.simulator.dingtalk.state import RESPONSES, Item, Reminder, whole
from bridge.simulator.dingtalk.store import person_from
from bridge.simulator.records import ControlError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.simulator.dingtalk.simulator import DingTalkSimulator
    from bridge.simulator.dingtalk.state import Person

    Act = Callable[[DingTalkSimulator, dict[str, Any]], Any]

BY_PERSON: Final = Manner(by_app=False, push=True, chat=True)

METHODS: Final = ("dingtalk", "sms", "phone")

SCOPES: Final = ("all", "one", "following")


def perform(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    """Do ``arguments["do"]``; raise ``ControlError`` for nonsense."""
    act = _ACTS.get(str(arguments.get("do")))
    if act is None:
        msg = f"'do' must be one of: {', '.join(sorted(_ACTS))}"
        raise ControlError(msg)
    try:
        return act(sim, arguments)
    except ApiError as error:
        raise ControlError(error.message) from error
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{arguments.get('do')}: {error!r}"
        raise ControlError(msg) from error


def _person(sim: DingTalkSimulator, arguments: dict[str, Any], name: str = "as") -> Person:
    person = sim.store.person(str(arguments.get(name, "")))
    if person is None:
        msg = f"{name!r} must name a person: userid, unionId, name or address"
        raise ControlError(msg)
    return person


def _access(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Access:
    return sim.calendars.access(_person(sim, arguments), str(arguments.get("calendarId", "primary")))


def _item(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Item:
    """Return what ``eventId`` names, or with ``origin`` (epoch seconds or ISO) one occurrence of it."""
    found = sim.store.find_any(str(arguments.get("eventId", "")))
    if found is None:
        msg = "'eventId' is unknown"
        raise ControlError(msg)
    event, origin = found
    if "origin" in arguments:
        origin = _epoch_s(arguments["origin"])
    item = whole(event) if origin is None else sim.store.occurrence(event, origin)
    if item is None or item.cancelled:
        msg = "there is no such occurrence, or it was cancelled"
        raise ControlError(msg)
    return item


def _epoch_s(value: Any) -> int:
    """Return epoch seconds of a number or an ISO time; a time without offset is UTC."""
    if isinstance(value, str) and not value.isdecimal():
        return int(_moment(value, dt.datetime.now(dt.UTC)).timestamp())
    return int(value)


def _own(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Item:
    """Return the item, for its organizer; with scope ``all`` the whole series."""
    item = _item(sim, arguments)
    if _person(sim, arguments).union_id != item.event.organizer:
        msg = "only the organizer can do that"
        raise ControlError(msg)
    scope = arguments.get("scope", "one" if item.origin is not None else "all")
    if scope not in SCOPES or (scope != "all" and item.origin is None and item.event.is_series):
        msg = "'scope' is all, one or following; the latter two need an occurrence"
        raise ControlError(msg)
    return whole(item.event) if scope == "all" else item


def _shown(sim: DingTalkSimulator, item: Item, person: str) -> dict[str, Any]:
    return {"eventId": sim.store.id_of(item, person), "key": item.event.key, "origin": item.origin}


def _create(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    access = _access(sim, arguments)
    item = events.create(sim, access, Fields(arguments["event"]), by_app=False)
    return _shown(sim, item, access.holder)


def _edit(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    item, fields = _own(sim, arguments), Fields(arguments["event"])
    if arguments.get("scope") == "following" and item.origin is not None:
        item = series.split(sim, item, fields, BY_PERSON)
        return _shown(sim, item, item.event.organizer)
    details, guests = events.edited_details(sim, item, fields), events.edited_guests(sim, item, fields)
    if fields.has("reminders"):
        changes.forget_own_reminders(item)
    changes.edit(sim, item, details, guests, BY_PERSON)
    return _shown(sim, events.again(sim, item), item.event.organizer)


def _move(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    """Shift start and end by ``minutes``, or whole ``days``, of wall time."""
    item = _own(sim, arguments)
    start, end = item.details.start, item.details.end
    step = dt.timedelta(minutes=int(arguments.get("minutes", 0)), days=int(arguments.get("days", 0)))
    if start.date is not None and end.date is not None:
        moved = (
            dataclasses.replace(start, date=start.date + step),
            dataclasses.replace(end, date=end.date + step),
        )
    else:
        moved = (series.wall_shift(start, step), series.wall_shift(end, step))
    changes.replace(sim, item, BY_PERSON, start=moved[0], end=moved[1])
    return _shown(sim, events.again(sim, item), item.event.organizer)


def _delete(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    item, person = _item(sim, arguments), _person(sim, arguments)
    if person.union_id != item.event.organizer:
        if not item.is_held_by(person.union_id):
            msg = "the event is not in this person's calendar"
            raise ControlError(msg)
        changes.drop_copy(sim, item, person.union_id, BY_PERSON)
        return {"deleted": "own copy"}
    item = _own(sim, arguments)
    if arguments.get("scope") == "following" and item.origin is not None:
        series.shorten(sim, item, BY_PERSON)
    else:
        changes.cancel(sim, item, BY_PERSON)
    return {"deleted": "for everybody"}


def _cancel_occurrence(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    return _delete(sim, {**arguments, "scope": "one"})


def _respond(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    item, person = _item(sim, arguments), _person(sim, arguments)
    response = arguments.get("response")
    if response not in RESPONSES or not item.is_held_by(person.union_id):
        msg = f"'response' is one of {', '.join(RESPONSES)}, from somebody invited"
        raise ControlError(msg)
    changes.respond(sim, item, person.union_id, response, BY_PERSON)
    return _shown(sim, item, person.union_id)


def _reminders(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    item, person = _item(sim, arguments), _person(sim, arguments)
    if not item.is_held_by(person.union_id):
        msg = "the event is not in this person's calendar"
        raise ControlError(msg)
    rows = tuple(
        Reminder(row.get("method", "dingtalk"), int(row["minutes"])) for row in arguments["reminders"]
    )
    if any(row.method not in METHODS for row in rows):
        msg = f"'method' is one of {', '.join(METHODS)}"
        raise ControlError(msg)
    changes.remind(sim, item, person.union_id, rows, BY_PERSON)
    return _shown(sim, item, person.union_id)


def _invite(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    item = _own(sim, arguments)
    names = [person.union_id for name in arguments["people"] if (person := sim.store.person(name))]
    new = changes.invite(sim, dict.fromkeys(names, bool(arguments.get("optional"))), item.guests)
    changes.edit(sim, item, item.details, {**item.guests, **new}, BY_PERSON)
    return _shown(sim, item, item.event.organizer)


def _uninvite(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    item = _own(sim, arguments)
    names = {person.union_id for name in arguments["people"] if (person := sim.store.person(name))}
    left = {key: guest for key, guest in item.guests.items() if key not in names - {item.event.organizer}}
    changes.edit(sim, item, item.details, left, BY_PERSON)
    return _shown(sim, item, item.event.organizer)


def _book_room(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    room = sim.store.rooms.get(str(arguments.get("roomId")))
    if room is None:
        msg = f"'roomId' is one of {', '.join(sim.store.rooms)}"
        raise ControlError(msg)
    item = _own(sim, arguments)
    rooms.book(sim, item, [room], BY_PERSON)
    return _shown(sim, item, item.event.organizer)


def _share(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    owner, grantee = _person(sim, arguments), _person(sim, arguments, "with")
    privilege = arguments.get("privilege", "reader")
    if privilege not in PRIVILEGES:
        msg = f"'privilege' is one of {', '.join(PRIVILEGES)}"
        raise ControlError(msg)
    acl = sim.calendars.share(owner.union_id, grantee.union_id, privilege)
    return {"aclId": acl.id, "calendarId": sim.store.calendar_id(owner)}


def _unshare(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    owner, grantee = _person(sim, arguments), _person(sim, arguments, "with")
    acls = sim.calendars.acls.get(owner.union_id, {})
    for text in [text for text, acl in acls.items() if acl.grantee == grantee.union_id]:
        del acls[text]
    return {"shared": False}


def _org_event(sim: DingTalkSimulator, kind: str, userids: list[str], **more: Any) -> None:
    sim.pusher.publish(kind, {"timeStamp": str(sim.store.now_ms()), "userId": userids, **more})


def _join(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    person = person_from(arguments["person"])
    sim.store.add_person(person)
    _org_event(sim, "user_add_org", [person.userid])
    return {"unionId": person.union_id}


def _leave(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    person = _person(sim, arguments)
    del sim.store.people[person.union_id]
    sim.tokens.revoke_person(person.union_id)
    _org_event(sim, "user_leave_org", [person.userid])
    return {"unionId": person.union_id}


_DIFF_NAMES: Final = {"name": "name", "org_email": "email", "email": "email", "mobile": "telephone"}


def _change_person(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    person, fields = _person(sim, arguments), arguments["fields"]
    before, after = {"userid": person.userid}, {"userid": person.userid}
    for name, value in fields.items():
        if name not in ("name", "email", "org_email", "mobile", "departments", "in_scope"):
            msg = f"a person has no {name!r} to change"
            raise ControlError(msg)
        if name in _DIFF_NAMES:
            before[_DIFF_NAMES[name]], after[_DIFF_NAMES[name]] = getattr(person, name), value
        setattr(person, name, value)
    sim.store.add_person(person)
    _org_event(sim, "user_modify_org", [person.userid], diffInfo={"prev": before, "curr": after})
    return {"unionId": person.union_id}


def _permissions(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    sim.permissions |= set(arguments.get("add", ()))
    sim.permissions -= set(arguments.get("remove", ()))
    return {"permissions": sorted(sim.permissions)}


def _revoke(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    if "as" in arguments:
        sim.tokens.revoke_person(_person(sim, arguments).union_id)
    else:
        sim.tokens.revoke()
    return {"revoked": True}


def _secret(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    sim.client_secret = str(arguments["secret"])
    sim.tokens.revoke()
    return {"changed": True}


def _login_as(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    sim.login_as = arguments.get("as")
    return {"as": sim.login_as}


def _redirects(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    sim.redirect_uris = list(arguments["uris"])
    return {"uris": sim.redirect_uris}


def _expire_sync(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    del arguments
    sim.marks.syncs.clear()
    return {"expired": True}


def _push_mode(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    """Choose Stream, HTTP (with ``url``, ``token``, ``aes_key``) or nothing, as in the developer console."""
    mode = arguments.get("mode")
    if mode == "http":
        if not sim.callbacks.register(read_target(arguments, str(arguments.get("owner", sim.client_id)))):
            msg = "the address did not answer check_url with an encrypted success"
            raise ControlError(msg)
    elif mode in ("stream", "off"):
        sim.push_mode = mode
    else:
        msg = "'mode' is stream, http or off"
        raise ControlError(msg)
    return {"mode": sim.push_mode}


def _stream(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    match arguments.get("what"):
        case "disconnect":
            return {"told": sim.stream.disconnect(str(arguments.get("reason", "connection is expired")))}
        case "drop":
            return {"dropped": sim.stream.drop()}
        case "ping":
            connections = list(sim.stream.connections)
            for connection in connections:
                sim.stream.ping(connection)
            return {"pinged": len(connections)}
        case _:
            msg = "'what' is disconnect, drop or ping"
            raise ControlError(msg)


def _moment(text: Any, default: dt.datetime) -> dt.datetime:
    if text is None:
        return default
    read = dt.datetime.fromisoformat(str(text))
    return read if read.tzinfo else read.replace(tzinfo=dt.UTC)


def _occurrences(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    """List what is really there between ``from`` and ``to``: in a calendar (``as``), or of one ``eventId``."""
    low = _moment(arguments.get("from"), sim.store.now())
    high = _moment(arguments.get("to"), low + dt.timedelta(days=366))
    if "eventId" in arguments:
        event = _item(sim, arguments).event
        holder = _person(sim, arguments).union_id if "as" in arguments else event.organizer
        found = [item for item in sim.store.items_between(event, low, high) if not item.cancelled]
        if holder in event.guests:
            found = [item for item in found if item.is_held_by(holder)]
    else:
        access = _access(sim, arguments)
        holder = access.holder
        found = listing.items_in_view(sim, access, low, high)
    zone = sim.store.all_day_zone
    found = [item for item in found if item.details.end.at(zone) > low or item.details.start.at(zone) >= low]
    found.sort(key=lambda item: (item.details.start.at(zone), item.event.key))
    return {"occurrences": listing.occurrences_json(found, sim, holder)}


def _show(sim: DingTalkSimulator, arguments: dict[str, Any]) -> Any:
    """Return an event as a GET by ``as`` would, deleted or not."""
    access = _access(sim, arguments)
    found = sim.store.find_any(str(arguments.get("eventId", "")))
    if found is None:
        return {"event": None}
    event, origin = found
    item = whole(event) if origin is None else sim.store.occurrence(event, origin)
    return {"event": Renderer(sim, access, "get", 500).event(item) if item else None}


def state(sim: DingTalkSimulator) -> dict[str, Any]:
    """Return what the vendor holds."""
    return {
        "people": [dataclasses.asdict(person) for person in sim.store.people.values()],
        "rooms": [dataclasses.asdict(room) for room in sim.store.rooms.values()],
        "events": [
            {
                "key": event.key,
                "organizer": event.organizer,
                "summary": event.details.summary,
                "isSeries": event.is_series,
                "cancelled": event.cancelled,
                "exceptions": len(event.overrides),
                "guests": {guest.union_id: guest.response for guest in event.guests.values()},
            }
            for event in sim.store.events.values()
        ],
        "seq": sim.store.seq,
        "calls_by_month": dict(sim.quota.months),
        "pushes_by_month": dict(sim.quota.push_months),
        "push_mode": sim.push_mode,
        "pushes": sim.pusher.as_json(),
        "stream": sim.stream.as_json(),
        "failed_callbacks": len(sim.callbacks.failed),
        "client_tokens": sim.repeats.as_json(),
        "permissions": sorted(sim.permissions),
    }


_ACTS: Final[dict[str, Act]] = {
    "create": _create,
    "edit": _edit,
    "move": _move,
    "delete": _delete,
    "cancel_occurrence": _cancel_occurrence,
    "respond": _respond,
    "reminders": _reminders,
    "invite": _invite,
    "uninvite": _uninvite,
    "book_room": _book_room,
    "share": _share,
    "unshare": _unshare,
    "join": _join,
    "leave": _leave,
    "change_person": _change_person,
    "permissions": _permissions,
    "revoke_token": _revoke,
    "change_secret": _secret,
    "login_as": _login_as,
    "redirect_uris": _redirects,
    "expire_sync_tokens": _expire_sync,
    "push_mode": _push_mode,
    "stream": _stream,
    "occurrences": _occurrences,
    "show": _show,
}

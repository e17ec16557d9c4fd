"""Sign-in, and the operations that only the SDK knows (reference sections 3.14 and 3.15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk import changes
from bridge.simulator.dingtalk.changes import Manner
from bridge.simulator.dingtalk.errors import ApiError, not_privileged, refuse
from bridge.simulator.dingtalk.events import acts_as_organizer, gone_error, is_gone, locate, target
from bridge.simulator.dingtalk.gateway import EVENTS_SCOPE_READ, EVENTS_SCOPE_WRITE, Call, Operation
from bridge.simulator.dingtalk.state import whole

if TYPE_CHECKING:
    from bridge.simulator.dingtalk.calendars import Access
    from bridge.simulator.dingtalk.simulator import DingTalkSimulator
    from bridge.simulator.dingtalk.state import Item

SIGN_PAGE_MAX: Final = 500


def _seen(sim: DingTalkSimulator, call: Call) -> tuple[Access, Item]:
    """Return the living event of the path."""
    access = sim.calendars.access(call.who, call.params["c"])
    access.need_reader()
    if not call.params["e"].strip():
        refuse("eventId cannot be blank")
    item = locate(sim, access, call.params["e"])
    if is_gone(access, item):
        raise gone_error(item)
    if item.event.calendar:
        refuse("Subscribed calendar not support this method")
    return access, item


def _mark(sim: DingTalkSimulator, call: Call, place: str) -> int:
    _, item = _seen(sim, call)
    if call.who.union_id not in item.guests:
        raise ApiError(400, "notInEvent", "user not in event")
    times: dict[str, int] = getattr(item.event, place)
    return times.setdefault(call.who.union_id, sim.store.now_ms())


def _sign_in(sim: DingTalkSimulator, call: Call) -> Any:
    return {"checkInTime": _mark(sim, call, "sign_ins")}


def _sign_out(sim: DingTalkSimulator, call: Call) -> Any:
    return {"checkOutTime": _mark(sim, call, "sign_outs")}


def _signed(
    sim: DingTalkSimulator, call: Call, place: str, done: tuple[str, ...], open_: tuple[str, ...], name: str
) -> Any:
    _, item = _seen(sim, call)
    kind = call.query_text("type")
    if kind not in done + open_:
        refuse("type invalid")
    if not 1 <= call.query_whole("maxResults", default=0) <= SIGN_PAGE_MAX:
        refuse("maxResults invalid")
    times: dict[str, int] = getattr(item.event, place)
    rows: list[dict[str, Any]] = []
    for union_id in item.guests:
        if (union_id in times) == (kind in done):
            row: dict[str, Any] = {"userId": union_id, "displayName": sim.store.name_of(union_id)}
            rows.append(row | ({name: times[union_id]} if union_id in times else {}))
    return {"users": rows[: call.query_whole("maxResults", default=0)], "nextToken": None}


def _sign_in_list(sim: DingTalkSimulator, call: Call) -> Any:
    done, open_ = ("sign_in", "check_in"), ("not_yet_sign_in", "not_yet_check_in")
    return _signed(sim, call, "sign_ins", done, open_, "checkInTime")


def _sign_out_list(sim: DingTalkSimulator, call: Call) -> Any:
    return _signed(sim, call, "sign_outs", ("sign_out",), ("not_yet_sign_out",), "checkOutTime")


def _link(sim: DingTalkSimulator, call: Call, what: str) -> str:
    access, item = _seen(sim, call)
    if not acts_as_organizer(access, item):
        message = f"Request user has no permission to launch {what}"
        raise ApiError(400, "permissionDenied", message)
    return f"http://qr.example.invalid/dingcheckin?isNew=1&code={item.event.legacy_id}"


def _sign_in_link(sim: DingTalkSimulator, call: Call) -> Any:
    return {"signInLink": _link(sim, call, "check in")}


def _sign_out_link(sim: DingTalkSimulator, call: Call) -> Any:
    return {"signOutLink": _link(sim, call, "sign out")}


def _cancel(sim: DingTalkSimulator, call: Call) -> Any:
    access = sim.calendars.access(call.who, call.params["c"])
    item = target(sim, access, call.params["e"])
    if not acts_as_organizer(access, item):
        raise not_privileged()
    changes.cancel(sim, item, Manner())
    return {"result": True}


def _transfer(sim: DingTalkSimulator, call: Call) -> Any:
    fields = call.fields()
    heir = fields.needed_text("newOrganizerId")
    leaves, tells = fields.flag("isExitCalendar"), fields.flag("needNotifyViaO2O")
    access = sim.calendars.access(call.who, call.params["c"])
    item = target(sim, access, call.params["e"])
    if item.origin is not None or not acts_as_organizer(access, item):
        raise not_privileged()
    if heir not in sim.store.people:
        refuse("newOrganizerId invalid")
    event = item.event
    guests = {**event.guests, **changes.invite(sim, {heir: False}, event.guests)}
    guests[heir].response = "accepted"
    if leaves:
        guests.pop(event.organizer)
    event.organizer = heir
    changes.edit(sim, item, item.details, guests, Manner(push=False, chat=bool(tells)))
    return {"result": True}


def _convert(sim: DingTalkSimulator, call: Call) -> Any:
    wanted = call.fields().texts("legacyEventIds")
    if not wanted:
        refuse("legacyEventIds cannot be empty")
    holder = call.who.union_id
    known = {event.legacy_id: event for event in sim.store.events.values() if holder in event.guests}
    found = {text: sim.store.id_of(whole(known[text]), holder) for text in wanted if text in known}
    return {"legacyEventIdMap": found}


def _categories(sim: DingTalkSimulator, call: Call) -> Any:
    del sim, call
    return {"categories": [{"openCategoryId": "cat-01", "displayName": "weekly"}]}


def _minutes(sim: DingTalkSimulator, call: Call) -> Any:
    _seen(sim, call)
    return {"minutes": []}


def _caldav(sim: DingTalkSimulator, call: Call) -> Any:
    call.fields().needed_text("device")
    digits = sim.store.token("caldav").hex()
    server = "calendar.example.invalid"
    return {"username": f"u_{digits[:8]}", "password": digits[8:16], "serverAddress": server}


def _plugins(sim: DingTalkSimulator, call: Call) -> Any:
    del sim, call
    return {"plugins": []}


_EVENT: Final = "/v1.0/calendar/users/{u}/calendars/{c}/events/{e}"


def _operation(
    name: str, method: str, path: str, handler: Any, *, write: bool, known: bool = True
) -> Operation:
    return Operation(
        name=name,
        method=method,
        pattern=path,
        handler=handler,
        scope=EVENTS_SCOPE_WRITE if write else EVENTS_SCOPE_READ,
        idempotent="sdk" if name in ("CancelEvent", "TransferEvent") else "",
        is_documented=known,
    )


OPERATIONS: Final = (
    _operation("SignIn", "POST", _EVENT + "/signin", _sign_in, write=True),
    _operation("CheckIn", "POST", _EVENT + "/checkIn", _sign_in, write=True),
    _operation("SignOut", "POST", _EVENT + "/signOut", _sign_out, write=True),
    _operation("GetSignInList", "GET", _EVENT + "/signin", _sign_in_list, write=False),
    _operation("GetSignOutList", "GET", _EVENT + "/signOut", _sign_out_list, write=False),
    _operation("GetSignInLink", "GET", _EVENT + "/signInLinks", _sign_in_link, write=True),
    _operation("GetSignOutLink", "GET", _EVENT + "/signOutLinks", _sign_out_link, write=True),
    _operation("CancelEvent", "POST", _EVENT + "/cancel", _cancel, write=True, known=False),
    _operation("TransferEvent", "POST", _EVENT + "/transfer", _transfer, write=True, known=False),
    _operation("ListAiMinutes", "GET", _EVENT + "/minutes", _minutes, write=False, known=False),
    _operation(
        "ConvertLegacyEventId",
        "POST",
        "/v1.0/calendar/users/{u}/legacyEventIds/convert",
        _convert,
        write=False,
        known=False,
    ),
    _operation("ListCategories", "GET", "/v1.0/calendar/categories", _categories, write=False, known=False),
    _operation(
        "GenerateCaldavAccount",
        "POST",
        "/v1.0/calendar/users/{u}/caldavAccounts",
        _caldav,
        write=True,
        known=False,
    ),
    _operation("ListOrgPlugins", "GET", "/v1.0/calendar/plugins", _plugins, write=False, known=False),
)

"""Calendars: the list, who may see whose, and subscribed ones (reference section 2)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk.errors import ApiError, not_privileged, refuse
from bridge.simulator.dingtalk.gateway import EVENTS_SCOPE_READ, Call, Operation

if TYPE_CHECKING:
    from bridge.simulator.dingtalk.shapes import Fields
    from bridge.simulator.dingtalk.simulator import DingTalkSimulator
    from bridge.simulator.dingtalk.state import Event, Person

PRIVILEGES: Final = ("free_busy_reader", "title_reader", "reader", "writer")

GRANTEES_MAX: Final = 500
"""People to whom one person may open the calendar."""

NAME_MAX: Final = 128
"""Characters of a subscribed calendar's name: fewer than this."""

ABOUT_MAX: Final = 1024
"""Characters of a subscribed calendar's description."""


@dataclass(slots=True, kw_only=True)
class Acl:
    """One grantee of a main calendar."""

    id: str
    grantee: str
    privilege: str


@dataclass(slots=True, kw_only=True)
class Subscribed:
    """A public calendar without attendees."""

    id: str
    name: str
    author: str
    description: str = ""
    managers: list[str] = field(default_factory=list)
    scope: dict[str, list[str]] = field(default_factory=dict)
    subscribers: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Which calendar a call means, and what the path's person may do there."""

    viewer: Person
    holder: str
    """unionId of the person whose copies of events are meant; empty for a subscribed calendar."""
    calendar: str
    """Id of a subscribed calendar, or empty."""
    privilege: str

    def need_reader(self) -> None:
        """Raise 403 unless events may be read."""
        if self.privilege not in ("reader", "writer", "owner"):
            raise not_privileged()

    def need_writer(self) -> None:
        """Raise 403 unless events may be written."""
        if self.privilege not in ("writer", "owner"):
            raise not_privileged()

    def shows(self, event: Event) -> bool:
        """Whether some part of the event belongs to this calendar."""
        if self.calendar or event.calendar:
            return self.calendar == event.calendar
        if self.holder in event.guests:
            return True
        return any(self.holder in (override.guests or ()) for override in event.overrides.values())


class Calendars:
    """Shares and subscribed calendars."""

    def __init__(self, sim: DingTalkSimulator) -> None:
        self._sim = sim
        self.acls: dict[str, dict[str, Acl]] = {}
        self.subscribed: dict[str, Subscribed] = {}

    def access(self, viewer: Person, calendar_id: str) -> Access:
        """Return what ``calendar_id`` is to ``viewer``; raise 400 or 403 if it is nothing."""
        store = self._sim.store
        if not calendar_id.strip():
            refuse("CalendarId cannot be blank")
        if calendar_id in ("primary", store.calendar_id(viewer)):
            return Access(viewer=viewer, holder=viewer.union_id, calendar="", privilege="owner")
        public = self.subscribed.get(calendar_id)
        if public is not None:
            privilege = self._public_privilege(public, viewer.union_id)
            return Access(viewer=viewer, holder="", calendar=public.id, privilege=privilege)
        for owner in store.people.values():
            if store.calendar_id(owner) == calendar_id:
                return Access(
                    viewer=viewer,
                    holder=owner.union_id,
                    calendar="",
                    privilege=self.privilege(owner.union_id, viewer.union_id),
                )
        return refuse("calendarId invalid")

    def privilege(self, owner: str, grantee: str) -> str:
        """Return what ``grantee`` may do in ``owner``'s calendar, or empty."""
        found = [acl.privilege for acl in self.acls.get(owner, {}).values() if acl.grantee == grantee]
        return max(found, key=PRIVILEGES.index, default="")

    def _public_privilege(self, public: Subscribed, union_id: str) -> str:
        if union_id == public.author:
            return "owner"
        if union_id in public.managers:
            return "writer"
        return "reader" if union_id in public.subscribers else ""

    def share(self, owner: str, grantee: str, privilege: str) -> Acl:
        """Open ``owner``'s calendar to ``grantee``; a second share replaces the first."""
        acls = self.acls.setdefault(owner, {})
        for acl in acls.values():
            if acl.grantee == grantee:
                acl.privilege = privilege
                return acl
        if len(acls) >= GRANTEES_MAX:
            refuse("shareExceedLimit")
        text = base64.urlsafe_b64encode(self._sim.store.token("acl", 15)).decode()
        acls[text] = Acl(id=text, grantee=grantee, privilege=privilege)
        return acls[text]

    def etag(self, access: Access) -> str:
        """Return the calendar's eTag."""
        if self._sim.switches["calendar_etag"] == "constant":
            return "0"
        last = 0
        for event in self._sim.store.events.values():
            if access.shows(event):
                guest = event.guests.get(access.holder)
                last = max(last, event.seq, event.master_seq, guest.seq if guest else 0)
            last = max(last, event.gone.get(access.holder, 0))
        return str(1_700_000_000_000 + last)


def _listed(sim: DingTalkSimulator, call: Call) -> Any:
    viewer, calendars, store = call.who, sim.calendars, sim.store
    main = "primary" if sim.switches["primary_calendar_id"] == "primary" else store.calendar_id(viewer)
    shown = [(main, "我的日历", "primary", "")]
    shown += [
        (store.calendar_id(owner), owner.name, "shared", "")
        for owner in store.people.values()
        if calendars.privilege(owner.union_id, viewer.union_id)
    ]
    shown += [
        (public.id, public.name, "subscribed", public.description)
        for public in calendars.subscribed.values()
        if viewer.union_id in {public.author, *public.managers, *public.subscribers}
    ]
    rows = [_row(sim, viewer, *row) for row in shown]
    return {"response": {"calendars": rows}}


def _row(
    sim: DingTalkSimulator, viewer: Person, calendar_id: str, name: str, kind: str, about: str
) -> dict[str, Any]:
    access = sim.calendars.access(viewer, calendar_id)
    word = sim.switches["calendar_privilege"]
    return {
        "id": calendar_id,
        "summary": name,
        "description": about,
        "timeZone": "Asia/Shanghai",
        "eTag": sim.calendars.etag(access),
        "type": kind,
        "privilege": access.privilege if word == "documented" else word,
    }


def _own(sim: DingTalkSimulator, call: Call) -> str:
    """Return the unionId of the path's person; only the own calendar may be shared."""
    access = sim.calendars.access(call.who, call.params["c"])
    if access.holder != call.who.union_id:
        raise not_privileged()
    return access.holder


def _acl_json(acl: Acl) -> dict[str, Any]:
    scope = {"userId": acl.grantee, "scopeType": "user"}
    return {"privilege": acl.privilege, "aclId": acl.id, "scope": scope}


def _create_acl(sim: DingTalkSimulator, call: Call) -> Any:
    owner, fields = _own(sim, call), call.fields()
    privilege = fields.choice("privilege", PRIVILEGES)
    told, scope = fields.flag("sendMsg"), fields.inner("scope")
    if told is None or scope is None:
        refuse("sendMsg and scope must be provided.")
    scope.choice("scopeType", ("user",))
    grantee = scope.needed_text("userId")
    if grantee not in sim.store.people or grantee == owner:
        refuse("scope.userId invalid")
    acl = sim.calendars.share(owner, grantee, privilege)
    if told:
        sim.tell(grantee, "share", acl.id, "")
    return _acl_json(acl)


def _list_acls(sim: DingTalkSimulator, call: Call) -> Any:
    return {"acls": [_acl_json(acl) for acl in sim.calendars.acls.get(_own(sim, call), {}).values()]}


def _delete_acl(sim: DingTalkSimulator, call: Call) -> Any:
    if sim.calendars.acls.get(_own(sim, call), {}).pop(call.params["acl"], None) is None:
        refuse("aclId invalid")


def _public(sim: DingTalkSimulator, call: Call, *, author_only: bool = False) -> Subscribed:
    """Return the subscribed calendar of the path, for its author or a manager."""
    calendar_id = call.params["c"]
    if not calendar_id.strip():
        refuse("calendar id cannot be blank")
    public = sim.calendars.subscribed.get(calendar_id)
    if public is None:
        refuse("calendar id invalid")
    union_id = call.who.union_id
    if union_id != public.author and (author_only or union_id not in public.managers):
        raise not_privileged()
    return public


def _public_fields(sim: DingTalkSimulator, fields: Fields, creator: str, *, partial: bool) -> dict[str, Any]:
    """Return the fields of ``Subscribed`` that were sent; raise 400 for what cannot be."""
    found: dict[str, Any] = {}
    name, about = fields.text("name"), fields.text("description")
    if name is not None or not partial:
        if not (name or "").strip():
            refuse("calendar name cannot be blank")
        if len(name or "") >= NAME_MAX:
            refuse(f"calendar name length must less than {NAME_MAX}")
        found["name"] = name
    if about is not None:
        if len(about) > ABOUT_MAX:
            refuse(f"calendar description length must not exceed {ABOUT_MAX}")
        found["description"] = about
    if fields.has("managers"):
        found["managers"] = fields.texts("managers")
    scope = fields.inner("subscribeScope")
    if scope is None and not partial:
        refuse("subscribe range cannot be null")
    if scope is not None:
        names = ("unionIds", "openConversationIds", "corpIds")
        read = {name: scope.texts(name) or [] for name in names}
        inside = creator in read["unionIds"] or sim.store.corp_id in read["corpIds"]
        if not (inside or read["openConversationIds"]):
            refuse("current user must in range")
        found["scope"] = read
    return found


def _create_public(sim: DingTalkSimulator, call: Call) -> Any:
    creator = call.who.union_id
    found = _public_fields(sim, call.fields(), creator, partial=False)
    text = base64.urlsafe_b64encode(sim.store.token("public", 12)).decode()
    sim.calendars.subscribed[text] = Subscribed(id=text, author=creator, **found)
    return {"calendarId": text}


def _get_public(sim: DingTalkSimulator, call: Call) -> Any:
    public = _public(sim, call)
    return {
        "calendarId": public.id,
        "name": public.name,
        "description": public.description,
        "author": public.author,
        "managers": public.managers,
        "subscribeScope": public.scope,
    }


def _update_public(sim: DingTalkSimulator, call: Call) -> Any:
    public = _public(sim, call)
    for name, value in _public_fields(sim, call.fields(), public.author, partial=True).items():
        setattr(public, name, value)
    return {"result": True}


def _delete_public(sim: DingTalkSimulator, call: Call) -> Any:
    del sim.calendars.subscribed[_public(sim, call, author_only=True).id]
    return {"result": True}


def _subscribable(sim: DingTalkSimulator, call: Call) -> Subscribed:
    calendar_id = call.params["c"]
    if not calendar_id.strip():
        refuse("calendarId cannot be blank")
    public = sim.calendars.subscribed.get(calendar_id)
    if public is None:
        refuse("calendar type invalid")
    return public


def _subscribe(sim: DingTalkSimulator, call: Call) -> Any:
    public, union_id = _subscribable(sim, call), call.who.union_id
    if union_id not in public.scope["unionIds"] and sim.store.corp_id not in public.scope["corpIds"]:
        raise ApiError(400, "permissionDenied", "用户不在订阅范围")
    public.subscribers.add(union_id)


def _unsubscribe(sim: DingTalkSimulator, call: Call) -> Any:
    public, union_id = _subscribable(sim, call), call.who.union_id
    if union_id not in public.subscribers:
        raise ApiError(400, "permissionDenied", "用户未订阅")
    public.subscribers.discard(union_id)
    return {"result": True}


_USER: Final = "/v1.0/calendar/users/{u}"


def _operation(name: str, method: str, path: str, handler: Any, scope: str) -> Operation:
    return Operation(name=name, method=method, pattern=_USER + path, handler=handler, scope=scope)


OPERATIONS: Final = (
    _operation("ListCalendars", "GET", "/calendars", _listed, EVENTS_SCOPE_READ),
    _operation("CreateAcls", "POST", "/calendars/{c}/acls", _create_acl, "Calendar.Acl.Write"),
    _operation("ListAcls", "GET", "/calendars/{c}/acls", _list_acls, "Calendar.Acl.Read"),
    _operation("DeleteAcl", "DELETE", "/calendars/{c}/acls/{acl}", _delete_acl, "Calendar.Acl.Write"),
    _operation(
        "CreateSubscribedCalendar",
        "POST",
        "/subscribedCalendars",
        _create_public,
        "Calendar.Calendar.Write",
    ),
    _operation(
        "GetSubscribedCalendar",
        "GET",
        "/subscribedCalendars/{c}",
        _get_public,
        "Calendar.Calendar.Read",
    ),
    _operation(
        "UpdateSubscribedCalendar",
        "PUT",
        "/subscribedCalendars/{c}",
        _update_public,
        "Calendar.Calendar.Write",
    ),
    _operation(
        "DeleteSubscribedCalendar",
        "DELETE",
        "/subscribedCalendars/{c}",
        _delete_public,
        "Calendar.Calendar.Write",
    ),
    _operation(
        "SubscribeCalendar",
        "POST",
        "/calendars/{c}/subscribe",
        _subscribe,
        "Calendar.Calendar.Write",
    ),
    _operation(
        "UnsubscribeCalendar",
        "POST",
        "/calendars/{c}/unsubscribe",
        _unsubscribe,
        "Calendar.Calendar.Write",
    ),
)

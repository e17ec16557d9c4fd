"""PROPPATCH (RFC 4918 section 9.2): all of it or nothing, and each property told what became of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from bridge.errors import Missing, NotAllowed, Refused
from radicale_plugin import davxml, deadprops, preferences, respond, timezones
from radicale_plugin.places import INBOX, special
from radicale_plugin.principals import Inbox, Principal
from radicale_plugin.properties import PROTECTED

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Mapping

    from radicale_plugin.context import Ask

ONLY = "Only calendars, the home and the inbox have properties that can be set."
KEPT_BY_US = "This property is kept by the server."
OK = "200 OK"
FORBIDDEN = "403 Forbidden"
FAILED_DEPENDENCY = "424 Failed Dependency"
ZONE_NAMES = frozenset({timezones.ZONE, timezones.ZONE_ID})


def answer(ask: Ask) -> respond.Answer:
    """Set and remove properties of one calendar for this user. Raises Missing, Refused."""
    changes = read_changes(davxml.parse(ask.body()))
    parts = ask.parts
    if ask.login.read_only:
        msg = "This app password may only read; make one that may write, too."
        raise NotAllowed(msg)
    if len(parts) < 2 or special(parts):
        return _of_a_person(ask, changes)
    view = ask.calendar()
    if len(parts) > 3 or (len(parts) == 3 and ask.service.get(view.id, parts[2]) is None):  # user, slug, href
        msg = "There is no such object."
        raise Missing(msg)
    if len(parts) == 3:
        return _told(ask, changes, dict.fromkeys(changes, ONLY))
    refused = _refused(view.props, changes)
    condition, kept = None, changes
    if not refused:
        try:
            kept = timezones.with_both(changes)
        except Refused as error:
            condition = error.precondition
            refused = dict.fromkeys(sorted(ZONE_NAMES & changes.keys()), str(error))
    if not refused:
        try:
            ask.service.set_props(view.id, kept, ask.login)
        except Refused as error:
            refused = dict.fromkeys(changes, str(error))
    return _told(ask, changes, refused, condition)


def read_changes(root: ET.Element | None) -> dict[str, str | None]:
    """Return name -> value to keep, or None to remove; the last one of a name counts. Raises Refused (400)."""
    if root is None or davxml.human(root.tag) != "D:propertyupdate":
        msg = "This is not a PROPPATCH body."
        raise Refused(msg, http_status=HTTPStatus.BAD_REQUEST)
    changes: dict[str, str | None] = {}
    for step in root:
        kind = davxml.human(step.tag)
        if kind not in ("D:set", "D:remove"):
            continue
        for holder in step:
            if davxml.human(holder.tag) == "D:prop":
                for prop in holder:
                    changes[davxml.human(prop.tag)] = deadprops.kept(prop) if kind == "D:set" else None
    if not changes:
        msg = "There is no property to set or to remove."
        raise Refused(msg, http_status=HTTPStatus.BAD_REQUEST)
    return changes


def _of_a_person(ask: Ask, changes: dict[str, str | None]) -> respond.Answer:
    """Keep what clients set on the home and the inbox: availability, alarms by default."""
    place = {(): "home", (INBOX,): "inbox"}.get(ask.parts[1:]) if ask.parts else None
    if place is None:
        return _told(ask, changes, dict.fromkeys(changes, ONLY))
    own = (Principal if place == "home" else Inbox)(ask, ask.login.user)
    refused = {name: KEPT_BY_US for name in changes if own.is_own(name)}
    refused.update(_refused(own.kept, changes))
    if not refused:
        try:
            ask.service.set_person_props(ask.login.user, place, changes, ask.login)
        except Refused as error:
            refused = dict.fromkeys(changes, str(error))
    protected = "D:cannot-modify-protected-property"
    return _told(ask, changes, refused, protected if KEPT_BY_US in refused.values() else None)


def _refused(props: Mapping[str, str], changes: dict[str, str | None]) -> dict[str, str]:
    """Return name -> sentence for what cannot be done here."""
    refused = {name: KEPT_BY_US for name in changes if name in PROTECTED}
    for name, value in changes.items():
        try:
            deadprops.bounded(value or "")
        except NotAllowed as error:
            refused[name] = str(error)
    new = [name for name, value in changes.items() if value is not None and name not in props]
    if len(props) + len(new) > deadprops.COUNT_MAX:
        refused.update(dict.fromkeys(new, "There are too many properties."))
    return refused


def _told(
    ask: Ask, changes: dict[str, str | None], refused: dict[str, str], condition: str | None = None
) -> respond.Answer:
    """Return 207: 200 for all (to who prefers that: nothing else), or 403 for the refused ones and 424 for the rest."""
    if not refused and preferences.honoured(ask, preferences.MINIMAL):
        return respond.empty(HTTPStatus.OK)  # RFC 8144 section 2.2
    parts = [f"<D:response><D:href>{ask.quoted(_own_path(ask))}</D:href>"]
    done = [davxml.element(name) for name in changes if name not in refused]
    if done:
        parts.append(davxml.propstat(FAILED_DEPENDENCY if refused else OK, done))
    for sentence in dict.fromkeys(refused.values()):
        names = [name for name, why in refused.items() if why == sentence]
        protected = any(name in PROTECTED for name in names)
        why = "D:cannot-modify-protected-property" if protected else condition
        error = davxml.element("D:error", davxml.element(why)) if why else ""
        text = f"<D:responsedescription>{davxml.escape(sentence)}</D:responsedescription>"
        parts.append(davxml.propstat(FORBIDDEN, map(davxml.element, names), error + text))
    parts.append("</D:response>")
    return respond.multistatus(davxml.multistatus(parts))


def _own_path(ask: Ask) -> str:
    parts = ask.parts
    return "/" + "/".join(parts) + ("" if len(parts) == 3 or not parts else "/")

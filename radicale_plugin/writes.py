"""PUT, DELETE, MOVE, MKCALENDAR and MKCOL: straight to the engine, with the bytes that the client sent."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from bridge.engine.api import CollectionView, PutResult
from bridge.errors import BridgeError, Missing, NotAllowed, PreconditionFailed, Refused
from radicale_plugin import davxml, deadprops, itip, reading, respond, scheduled, timezones
from radicale_plugin.context import Ask, quoted_etag, sanitise, segments, tag_listed
from radicale_plugin.places import special

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

MayWrite = Callable[[CollectionView], bool]

OTHER_DATA: Final = re.compile(
    r"text/(vcard|html|xml)|application/(calendar\+(json|xml)|json|xml|pdf|zip)|(image|audio|video|multipart)/.*"
)
"""Media types that are certainly no iCalendar. Everything else is tried: tools send what they like."""
_UID: Final = re.compile(rb"^UID(?:;[^:\r\n]*)?:([^\r\n]+(?:\r?\n[ \t][^\r\n]*)*)", re.MULTILINE)
PROTECTED_PLACE: Final = "Objects live in calendars, and calendars directly below their owner."
WHOLE: Final = "A whole calendar is never replaced by a client; put single events."


def require_write(ask: Ask, view: CollectionView, may_write: MayWrite) -> None:
    """Raise NotAllowed with the reason if this login may not write here."""
    if may_write(view):
        return
    if ask.login.read_only:
        why = "This app password may only read; make one that may write, too."
    else:
        why = view.reason or "This calendar cannot be written."
    raise NotAllowed(why, precondition="D:need-privileges")


# ---- PUT ----------------------------------------------------------------------------------------------------


def put(ask: Ask, may_write: MayWrite, object_bytes_max: int) -> respond.Answer:
    """Store one object (RFC 4791 5.3.2)."""
    parts = ask.parts
    if len(parts) < 3:  # user, slug, href
        raise NotAllowed(WHOLE)
    return store(ask, _parent(ask, parts), lambda _uid: parts[2], may_write, object_bytes_max, is_named=True)


def store(
    ask: Ask,
    view: CollectionView,
    name: Callable[[str], str],
    may_write: MayWrite,
    object_bytes_max: int,
    *,
    is_named: bool = False,
) -> respond.Answer:
    """Store one object under the name that ``name`` gives to its UID; ``is_named``: the client chose it."""
    require_write(ask, view, may_write)
    body, recoded = calendar_bytes(ask, object_bytes_max)
    body, had_method = itip.event_bytes(body)
    href = name(uid_of(body))
    if_none_match = ask.header_or_none("IF_NONE_MATCH") if is_named else "*"
    try:
        result = scheduled.guarded(
            ask,
            view,
            href,
            lambda if_match: ask.service.put(
                view.id, href, body, ask.login, if_match=if_match, if_none_match=if_none_match
            ),
        )
    except BridgeError as error:
        if isinstance(error, PreconditionFailed):
            now = reading.as_stored(ask, view, href, error.http_status)
            if now is not None:
                return now
        return respond.failure(error, inside=_where_the_uid_is(ask, view, body, error))
    headers = scheduled.headers_of(ask, view, href, body)
    if not is_named:
        headers["Location"] = ask.quoted(f"/{view.user}/{view.slug}/{href}")
    status = HTTPStatus.CREATED if result.created else HTTPStatus.OK
    return reading.as_stored(ask, view, href, status, headers) or _stored(
        result, headers, recoded=recoded or had_method
    )


def _parent(ask: Ask, parts: Sequence[str]) -> CollectionView:
    """Return the calendar that an object is to be in; raises Refused (409) if there is none."""
    view = ask.view(parts[0], parts[1]) if len(parts) == 3 and not special(parts) else None
    if view is None:
        msg = "There is no calendar at this place."
        raise Refused(msg, http_status=HTTPStatus.CONFLICT)
    return view


def calendar_bytes(ask: Ask, object_bytes_max: int) -> tuple[bytes, bool]:
    """Return the body in UTF-8, and whether that is not what was sent. Raises Refused."""
    if ask.header("CONTENT_RANGE"):
        msg = "A part of an object cannot be put."
        raise Refused(msg, http_status=HTTPStatus.BAD_REQUEST)
    if ask.header("CONTENT_ENCODING").strip().lower() not in ("", "identity"):
        msg = "Send the body without a content encoding."
        raise Refused(msg, http_status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    kind, _, rest = str(ask.environ.get("CONTENT_TYPE") or "").partition(";")
    if OTHER_DATA.fullmatch(kind.strip().lower()):
        msg = "Only text/calendar can be put here."
        raise Refused(msg, precondition="C:supported-calendar-data")
    body = ask.body()
    if len(body) > object_bytes_max:
        msg = f"The object has {len(body)} bytes; {object_bytes_max} are allowed."
        raise Refused(
            msg,
            precondition="C:max-resource-size",
        )
    charset = re.search(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]+)", rest)
    if charset is None:
        return body, False
    try:
        if codecs.lookup(charset.group(1)).name in ("utf-8", "ascii"):
            return body, False
        return body.decode(charset.group(1)).encode(), True
    except (
        LookupError,
        ValueError,
    ):  # what it says is not what it is: taken as UTF-8, or refused by the engine
        return body, False


def _stored(result: PutResult, headers: dict[str, str], *, recoded: bool) -> respond.Answer:
    """Return 201 or 204; an entity tag only for exactly the bytes that came (RFC 4791 5.3.4)."""
    if result.etag is not None and not recoded:
        headers["ETag"] = f'"{result.etag}"'
    return respond.empty(HTTPStatus.CREATED if result.created else HTTPStatus.NO_CONTENT, **headers)


def uid_of(body: bytes) -> str:
    """Return the first UID of a calendar object, "" if there is none."""
    found = _UID.search(body)
    if found is None:
        return ""
    return re.sub(rb"\r?\n[ \t]", b"", found.group(1)).decode(errors="replace").strip()


def _where_the_uid_is(ask: Ask, view: CollectionView, body: bytes, error: BridgeError) -> str:
    """Return the href inside ``C:no-uid-conflict`` (RFC 4791 5.3.2.1), "" for every other precondition."""
    uid = uid_of(body)
    if error.precondition != "C:no-uid-conflict" or not uid:
        return ""
    href = ask.service.href_of_uid(view.id, uid)
    return "" if href is None else davxml.href(f"{ask.base}/{view.user}/{view.slug}/{href}")


# ---- DELETE -------------------------------------------------------------------------------------------------


def delete(ask: Ask, may_write: MayWrite) -> respond.Answer:
    """Delete one object; a calendar only where its source allows that."""
    parts = ask.parts
    if len(parts) < 2 or special(parts):  # user, slug
        msg = "A principal, and what belongs to it, cannot be deleted by a client."
        raise NotAllowed(msg)
    view = ask.calendar()
    require_write(ask, view, may_write)
    if_match = ask.header_or_none("IF_MATCH")
    if len(parts) == 2:
        if if_match is not None and not tag_listed(if_match, view.etag, weak=False):
            msg = "The calendar has changed since."
            raise PreconditionFailed(msg)
        ask.service.remove_calendar(view.id, ask.login)
    elif len(parts) == 3:
        scheduled.guarded(
            ask,
            view,
            parts[2],
            lambda tag: ask.service.delete(view.id, parts[2], ask.login, if_match=tag),
        )
    else:
        msg = "There is no such object."
        raise Missing(msg)
    return respond.empty(HTTPStatus.NO_CONTENT)


# ---- MOVE ---------------------------------------------------------------------------------------------------


def move(ask: Ask, may_write: MayWrite, hosts: Sequence[str]) -> respond.Answer:
    """Move one object (RFC 4918 9.9). ``hosts`` are the names that this server is known by."""
    to = _destination(ask, hosts)
    parts = ask.parts
    if to and to[0] != ask.login.user:
        return respond.forbidden()
    if len(parts) < 3 or len(to) < 3:  # user, slug, href
        msg = "Only single objects can be moved, from calendar to calendar."
        raise NotAllowed(msg)
    if parts == to:
        msg = "Source and destination are the same."
        raise NotAllowed(msg)
    view = ask.calendar()
    if len(parts) > 3:
        msg = "There is no such object."
        raise Missing(msg)
    require_write(ask, view, may_write)
    target = _parent(ask, to)
    require_write(ask, target, may_write)
    _check_source(ask, view, parts[2])
    overwrite = ask.header("OVERWRITE").strip().upper() != "F"
    scheduled.check(ask, view, parts[2])
    is_new = ask.service.move(view.id, parts[2], target.id, to[2], ask.login, overwrite=overwrite)
    headers = scheduled.headers_of(ask, target, to[2], None)
    return respond.empty(HTTPStatus.CREATED if is_new else HTTPStatus.NO_CONTENT, **headers)


def _check_source(ask: Ask, view: CollectionView, href: str) -> None:
    """Check If-Match against what is to be moved; raises Missing, PreconditionFailed."""
    source = ask.service.get(view.id, href)
    if source is None:
        msg = "There is no such object."
        raise Missing(msg)
    if_match = ask.header_or_none("IF_MATCH")
    if if_match is not None and not tag_listed(if_match, quoted_etag(source), weak=False):
        msg = "The object has changed since."
        raise PreconditionFailed(msg)


def _destination(ask: Ask, hosts: Sequence[str]) -> tuple[str, ...]:
    """Return the segments of the Destination header; raises Refused (400, 502)."""
    text = ask.header("DESTINATION").strip()
    try:
        url = urlsplit(text)
        path = sanitise(unquote(url.path, errors="strict"))
    except (ValueError, UnicodeDecodeError) as error:
        msg = "The destination is not a URL."
        raise Refused(msg, http_status=HTTPStatus.BAD_REQUEST) from error
    if not text or (url.netloc and url.netloc.rpartition("@")[2].lower() not in hosts):
        status = HTTPStatus.BAD_GATEWAY if text else HTTPStatus.BAD_REQUEST
        msg = "The destination is not on this server."
        raise Refused(msg, http_status=status)
    if not (path + "/").startswith(ask.base + "/"):
        msg = "The destination is outside of the calendars."
        raise NotAllowed(msg)
    if any(ord(char) < 32 or ord(char) == 127 for char in path):  # control characters
        msg = "The destination holds control characters."
        raise Refused(msg, http_status=HTTPStatus.BAD_REQUEST)
    return segments(path[len(ask.base) :])


# ---- MKCALENDAR, MKCOL --------------------------------------------------------------------------------------


def make(ask: Ask, method: str) -> respond.Answer:
    """Make a calendar (RFC 4791 5.3.1, RFC 5689)."""
    root = davxml.parse(ask.body())
    parts = ask.parts
    if ask.login.read_only:
        msg = "This app password may only read; make one that may write, too."
        raise NotAllowed(msg)
    if len(parts) < 2 or special(parts) or (len(parts) == 2 and ask.view(parts[0], parts[1]) is not None):
        if method == "MKCOL":
            msg = "There is something at this place already."
            raise Refused(msg, http_status=HTTPStatus.METHOD_NOT_ALLOWED)
        msg = "There is something at this place already."
        raise Refused(
            msg,
            precondition="D:resource-must-be-null",
            http_status=HTTPStatus.CONFLICT,
        )
    if len(parts) > 2:
        if ask.view(parts[0], parts[1]) is None:
            msg = "There is no collection to make it in."
            raise Refused(msg, http_status=HTTPStatus.CONFLICT)
        raise NotAllowed(PROTECTED_PLACE, precondition="C:calendar-collection-location-ok")
    ask.service.make_calendar(parts[0], parts[1], _new_props(root, method), ask.login)
    return respond.empty(HTTPStatus.CREATED, Cache_Control="no-cache")


def _new_props(root: ET.Element | None, method: str) -> dict[str, str]:
    """Return the properties of a calendar to be made; raises Refused for what is no calendar of events."""
    wanted = {"C:mkcalendar"} if method == "MKCALENDAR" else {"D:mkcol"}
    if root is not None and davxml.human(root.tag) not in wanted:
        msg = f"This is not a body for {method}."
        raise Refused(msg, http_status=HTTPStatus.BAD_REQUEST)
    props: dict[str, str] = {}
    is_calendar = method == "MKCALENDAR"
    for prop in _set_props(root):
        name = davxml.human(prop.tag)
        if name == "D:resourcetype":
            is_calendar = is_calendar or any(davxml.human(kind.tag) == "C:calendar" for kind in prop)
        elif name == "C:supported-calendar-component-set":
            names = {(comp.get("name") or "").upper() for comp in prop}
            if "VEVENT" not in names:
                msg = "Only calendars of events can be made here, no lists of tasks."
                raise NotAllowed(
                    msg,
                    precondition="C:supported-calendar-component",
                )
        else:
            props[name] = deadprops.bounded(deadprops.kept(prop))
    if not is_calendar:
        msg = "Only calendars can be made here."
        raise NotAllowed(msg, precondition="D:valid-resourcetype")
    if len(props) > deadprops.COUNT_MAX:
        msg = "Too many properties."
        raise NotAllowed(msg)
    return {name: value for name, value in timezones.with_both(props).items() if value is not None}


def _set_props(root: ET.Element | None) -> list[ET.Element]:
    sets = [] if root is None else [child for child in root if davxml.human(child.tag) == "D:set"]
    return [prop for one in sets for holder in one if davxml.human(holder.tag) == "D:prop" for prop in holder]

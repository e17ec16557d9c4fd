"""GET and HEAD of an object or a whole calendar."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from bridge.errors import Missing, NotAllowed
from radicale_plugin import preferences, respond, scheduled, timezones
from radicale_plugin.context import Ask, http_date, quoted_etag, tag_listed
from radicale_plugin.places import special

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.engine.api import CollectionView, ObjectView
    from radicale_plugin.whole import Wholes


def answer(ask: Ask, wholes: Wholes) -> respond.Answer:
    """Answer a GET whose path the asker may read. Raises Missing, NotAllowed."""
    parts = ask.parts
    if len(parts) < 2 or special(parts):  # user, slug
        msg = "This is an address for calendar programs; there is nothing to look at."
        raise NotAllowed(msg)
    view = ask.calendar()
    if len(parts) == 2:
        name = view.props.get("D:displayname", "")
        headers = _headers(view.etag, view.modified_ms)
        headers["Content-Disposition"] = f"attachment; filename*=utf-8''{_file_name(name or view.slug)}"
        if _unchanged(ask, view.etag):
            return HTTPStatus.NOT_MODIFIED, headers, None, None
        description = view.props.get("C:calendar-description", "")
        return (
            HTTPStatus.OK,
            headers,
            wholes.text(ask.service, view, name=name, description=description),
            None,
        )
    found = ask.service.get(view.id, parts[2]) if len(parts) == 3 else None
    if found is None:
        msg = "There is no such object."
        raise Missing(msg)
    headers = _object_headers(ask, found)
    if _unchanged(ask, quoted_etag(found)):
        return HTTPStatus.NOT_MODIFIED, headers, None, None
    return HTTPStatus.OK, headers, timezones.as_wanted(ask, found.text).encode(), None


def as_stored(
    ask: Ask, view: CollectionView, href: str, status: int, more: Mapping[str, str] | None = None
) -> respond.Answer | None:
    """Return what is stored now as the body of an answer to an edit, None to who does not prefer that (RFC 8144 3)."""
    if not preferences.honoured(ask, preferences.REPRESENTATION):
        return None
    found = ask.service.get(view.id, href)
    if found is None:
        return None
    headers = {**_object_headers(ask, found), **(more or {})}
    headers["Content-Location"] = ask.quoted(f"/{view.user}/{view.slug}/{href}")
    return status, headers, timezones.as_wanted(ask, found.text).encode(), None


def _object_headers(ask: Ask, found: ObjectView) -> dict[str, str]:
    headers = _headers(quoted_etag(found), found.modified_ms)
    schedule_tag = scheduled.tag_of(ask, found)
    if schedule_tag is not None:
        headers["Schedule-Tag"] = schedule_tag
    return headers


def _headers(etag: str, modified_ms: int) -> dict[str, str]:
    return {
        "Content-Type": "text/calendar; charset=utf-8",
        "ETag": etag,
        "Last-Modified": http_date(modified_ms),
        "Cache-Control": "private, no-cache",
        "DAV": respond.DAV,
    }


def _unchanged(ask: Ask, etag: str) -> bool:
    header = ask.header_or_none("IF_NONE_MATCH")
    return header is not None and tag_listed(header, etag, weak=True)


def _file_name(name: str) -> str:
    return quote(re.sub(r"[\x00-\x1f/\\]", "_", name) + ".ics", safe="")

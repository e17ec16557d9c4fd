"""Schedule-Tag on the wire: the header of a meeting, and edits that are made only if it still is the same meeting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from bridge.errors import PreconditionFailed
from bridge.ical.schedule_tag import schedule_tag
from radicale_plugin.context import quoted_etag, tag_listed
from radicale_plugin.people import addresses_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.engine.api import CollectionView, ObjectView
    from radicale_plugin.context import Ask

T = TypeVar("T")
HEADER: Final = "IF_SCHEDULE_TAG_MATCH"
RACES_MAX: Final = 4
"""How often an edit is tried anew because a server's note of an answer came in between."""
CHANGED: Final = "The meeting was changed since you last read it; read it again and repeat the edit."


def tag_of(ask: Ask, found: ObjectView) -> str | None:
    """Return the quoted Schedule-Tag of an object as its owner sees it, None if it is no meeting."""
    if "ORGANIZER" not in found.text.upper():
        return None
    tag = schedule_tag(found.text, ask.remembered("own", lambda: _own(ask)))
    return None if tag is None else f'"{tag}"'


def _own(ask: Ask) -> frozenset[str]:
    return frozenset(one.lower() for one in addresses_of(ask.service, ask.login.user))


def check(ask: Ask, view: CollectionView, href: str) -> ObjectView | None:
    """Check If-Schedule-Tag-Match (RFC 6638 8.3); return the object it was held against, None without the header."""
    wanted = ask.header_or_none(HEADER)
    if wanted is None:
        return None
    found = ask.service.get(view.id, href)
    tag = None if found is None else tag_of(ask, found)
    if found is None or tag is None or not tag_listed(wanted, tag, weak=False):
        raise PreconditionFailed(CHANGED)
    return found


def guarded(ask: Ask, view: CollectionView, href: str, act: Callable[[str | None], T]) -> T:
    """Do ``act`` with the If-Match to use: the client's, and where the client names a Schedule-Tag the object's own.

    Raises PreconditionFailed (412).
    """
    if_match = ask.header_or_none("IF_MATCH")
    for left in reversed(range(RACES_MAX)):
        found = check(ask, view, href)
        if found is None or if_match is not None:
            return act(if_match)
        try:
            return act(quoted_etag(found))
        except PreconditionFailed:
            if not left:
                raise
    raise PreconditionFailed(CHANGED)


def headers_of(ask: Ask, view: CollectionView, href: str, body: bytes | None) -> dict[str, str]:
    """Return the Schedule-Tag header of what was just stored from ``body`` (None: not known), if it is a meeting."""
    if body is not None and b"ORGANIZER" not in body.upper():
        return {}
    found = ask.service.get(view.id, href)
    tag = None if found is None else tag_of(ask, found)
    return {} if tag is None else {"Schedule-Tag": tag}

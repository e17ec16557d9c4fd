"""What a secret address shows: one calendar, or all that a person has."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from bridge.engine.api import FeedView

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import sqlalchemy as sa

    from bridge.engine.api import CollectionView, ObjectView

TAG_CHARS: Final = 32
"""Hex digits of a feed's tag: 128 bits of SHA-256."""
_NAME: Final = "D:displayname"


def view_of(row: sa.RowMapping, views: Sequence[CollectionView]) -> FeedView | None:
    """Return a feed (``collection_id``, ``detail``, ``user``) of these calendars; None for one whose calendar is gone.

    A feed of all calendars is there as long as its person is, and empty where there is no calendar yet.
    """
    is_all = row["collection_id"] is None
    if not is_all and not views:
        return None
    user, detail = str(row["user"]), str(row["detail"])
    shown = sorted(views, key=lambda one: (not one.is_own_time, one.id))
    title = user if is_all else shown[0].props.get(_NAME, shown[0].slug)
    zones = {one.timezone for one in shown}
    zone = zones.pop() if len(zones) == 1 else ""
    said = "\n".join([detail, title, zone, *(f"{one.id}-{one.epoch}-{one.change_seq}" for one in shown)])
    return FeedView(
        user=user,
        title=title,
        etag=hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:TAG_CHARS],
        modified_ms=0 if is_all else shown[0].modified_ms,
        collection_ids=tuple(one.id for one in shown),
        detail=detail,
        timezone=zone,
    )


def without_doubles(shelves: Iterable[Iterable[ObjectView]]) -> Iterator[ObjectView]:
    """Yield the objects of calendars in this order, of each UID the first.

    One meeting that the vendor shows in several calendars of one source has one UID in all of them.
    """
    seen: set[str] = set()
    for objects in shelves:
        for one in objects:
            if one.uid not in seen:
                seen.add(one.uid)
                yield one

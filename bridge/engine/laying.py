"""What a change at the vendor makes of an object: the text, and what was agreed on item by item."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.engine import apart, directory, wholes
from bridge.engine.desired import desire
from bridge.engine.outcome import absorb
from bridge.engine.texts import (
    canonical,
    have_of,
    item_values,
    upstream_of,
)
from bridge.errors import Inexpressible
from bridge.model.event import CalendarObject, Status
from bridge.plan import pieces
from bridge.plan.moments import key_moment
from bridge.plan.steps import Have
from bridge.store import objects

if TYPE_CHECKING:
    import datetime as dt

    import sqlalchemy as sa

    from bridge.engine.context import Engine
    from bridge.model.people import Roster
    from bridge.model.upstream import Upstream
    from bridge.providers.base import Mapper
    from bridge.store.rows import CollectionRow, ItemRow


def live_after(rows: dict[str, ItemRow], changes: dict[str, Upstream | None]) -> bool:
    """Return whether anything of the object is left at the vendor."""
    states = {key: not row.cancelled for key, row in rows.items()}
    states.update({key: item is not None and not item.cancelled for key, item in changes.items()})
    mains = [alive for key, alive in states.items() if not key.startswith("@")]
    return any(mains) if mains else any(states.values())


def absorb_all(
    engine: Engine,
    obj: CalendarObject,
    rows: dict[str, ItemRow],
    changes: dict[str, Upstream | None],
    mapper: Mapper,
    roster: Roster,
) -> tuple[CalendarObject | None, int]:
    """Lay all changes over the object; returns it (None: it is gone) and how many occurrences could not be told."""
    after: CalendarObject | None = obj
    untold = 0
    compiled = apart.is_compiled(rows)
    for key, item in sorted(changes.items()):
        if compiled and not key.startswith("@") and after is not None:
            row = rows.get(key)
            after, more = apart.absorb_piece(after, row, item, mapper, roster, horizon=engine.horizon())
            untold += more
        else:
            after = _absorb(after, key, rows.get(key), item, mapper, roster, obj.uid, engine.horizon())
    return after, untold


def _absorb(
    obj: CalendarObject | None,
    key: str,
    row: ItemRow | None,
    item: Upstream | None,
    mapper: Mapper,
    roster: Roster,
    uid: str,
    horizon: dt.datetime,
) -> CalendarObject | None:
    if obj is None:
        return None
    was = None
    if row is not None and not row.cancelled and row.snapshot != "{}":
        was = mapper.decode(upstream_of(row), uid, roster)
    if item is None or item.cancelled:
        return obj if key == "" else absorb(obj, key, was, None)
    now = mapper.decode(item, uid, roster)
    if was is not None and now.status is Status.CANCELLED and key == "":
        return None
    if was is not None and key == "" and apart.is_part(obj, was, now):
        return pieces.absorb_piece(obj, was, now, horizon=horizon)[0]
    return absorb(obj, key, was, now)


def payloads(
    engine: Engine,
    obj: CalendarObject,
    rows: dict[str, ItemRow],
    changes: dict[str, Upstream | None],
    mapper: Mapper,
    roster: Roster,
    source_id: str,
) -> dict[str, dict[str, object]]:
    """Return what we would ask for each item of the new text: the next agreement to compare edits with."""
    merged: dict[str, Have] = have_of(rows.values(), mapper, obj.uid, roster)
    for key, item in changes.items():
        if item is None:
            merged.pop(key, None)
        else:
            payload, excluded = apart.held_as(rows, item, mapper, obj.uid, roster)
            merged[key] = Have(
                key=key,
                upstream_id=item.id,
                payload=payload,
                snapshot=item.snapshot,
                cancelled=item.cancelled,
                excluded=excluded,
            )
    span = wholes.span(engine, source_id)
    try:
        desired = desire(obj, merged, mapper, roster, span)
    except Inexpressible:
        return {}
    return {want.key: want.payload for want in desired.wants}


def store_items(
    c: sa.Connection,
    collection: CollectionRow,
    object_id: int,
    rows: dict[str, ItemRow],
    changes: dict[str, Upstream | None],
    payloads: dict[str, dict[str, object]],
) -> None:
    """Write down the items as the vendor tells them, each with what is agreed on from now on."""
    for key, item in changes.items():
        held = rows.get(key)
        if item is None:
            if key.startswith("@") and held is not None:
                gone = replace(upstream_of(held), cancelled=True)
                objects.put_item(c, item_values(object_id, collection.id, key, gone, {}))
            else:
                objects.remove_item(c, object_id, key)
            continue
        series_id = item.series_id or (held.series_id if held is not None else None) or None
        origin = key_moment(key[1:]) if key.startswith("@") else item.origin
        kept = replace(item, series_id=series_id, origin=origin)
        if item.cancelled and not key.startswith("@"):
            objects.remove_item(c, object_id, key)
            continue
        objects.put_item(c, item_values(object_id, collection.id, key, kept, payloads.get(key, {})))
    for key, row in rows.items():
        payload = payloads.get(key)
        if (
            key not in changes
            and not row.cancelled
            and payload is not None
            and canonical(payload) != row.payload
        ):
            objects.put_item(c, item_values(object_id, collection.id, key, upstream_of(row), payload))


def roster(
    engine: Engine,
    collection: CollectionRow,
    mapper: Mapper,
    items: list[Upstream],
    obj: CalendarObject | None,
) -> Roster:
    """Return who is who, of everybody that items and object mention."""
    ids: dict[str, str] = {}
    for item in items:
        ids.update(mapper.people_of(item.snapshot))
    addresses = directory.addresses_of(obj) if obj is not None else {}
    return directory.resolve(engine, collection.source_id, collection.me, addresses=addresses, ids=ids).roster

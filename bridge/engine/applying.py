"""What the vendor told of items, brought into the mirror: each object in a transaction of its own."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from bridge.engine import apart, laying
from bridge.engine.outcome import absorb
from bridge.engine.steps_json import makes_an_item
from bridge.engine.texts import (
    canonical,
    item_values,
    laid_over,
    object_values,
    read,
)
from bridge.ical import write as ical_write
from bridge.log import fields
from bridge.model.event import CalendarObject, Event
from bridge.plan.intent import Action, State
from bridge.plan.moments import override_key
from bridge.store import calendars, intents, objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.engine.context import Engine
    from bridge.engine.held import Brake, Changes
    from bridge.model.people import Roster
    from bridge.model.upstream import Upstream
    from bridge.providers.base import Mapper
    from bridge.store.rows import CollectionRow, ObjectRow

log = logging.getLogger(__name__)

NEW_TOGETHER: Final = 50
"""New objects that are added in one transaction: each of its own would wait for the disk."""

_SAFE_HREF: Final = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one pull did, per calendar."""

    added: int = 0
    changed: int = 0
    deleted: int = 0
    held: int = 0
    """Events whose deletion waits for an administrator."""
    waiting: int = 0
    pages: int = 0
    more: bool = False
    """A first load has further pages, which were left to later."""
    late: bool = False
    """News of a series had to wait for an edit on its way: which singles belong to it is not known yet."""
    seen: set[str] = field(default_factory=set)


def apply_items(
    engine: Engine,
    collection: CollectionRow,
    items: Iterable[Upstream],
    absent: Iterable[str],
    tally: Tally,
    *,
    aside: dict[str, Upstream] | None = None,
    brake: Brake | None = None,
) -> None:
    """Bring one collection to what the vendor says of some items; objects with an edit on its way wait.

    ``aside``: where unknown single events are put instead, until it is known which of them belong to a series.
    ``brake``: where deletions are put instead, until it is known how many there are.
    """
    grouped: dict[int, dict[str, Upstream | None]] = {}
    fresh: dict[str, list[Upstream]] = {}
    with engine.store.read() as c:
        making = any(makes_an_item(step) for step in intents.steps_under_way(c, collection.calendar_id))
    with engine.store.read() as c:  # a later snapshot: whatever was made by then is known by its id
        for item in items:
            _sort(c, collection, item, grouped, fresh)
        if aside is not None:
            apart.put_aside(c, collection, engine.provider(collection.source_id).mapper, fresh, aside)
        for upstream_id in absent:
            row = objects.item_by_upstream(c, collection.id, upstream_id)
            if row is not None and not row.cancelled:
                grouped.setdefault(row.object_id, {})[row.key] = None
        if brake is not None:
            grouped = {
                object_id: changes
                for object_id, changes in grouped.items()
                if not brake.takes(c, collection, object_id, changes)
            }
    doomed = None if brake is None else brake.aside(collection)
    for object_id, changes in grouped.items():
        apply_changes(engine, collection, object_id, changes, tally, doomed=doomed)
    if making:
        tally.waiting += len(fresh)  # any may be the very item that one of our own steps is making
    else:
        for batch in _batches(list(fresh.values())):
            _apply_new(engine, collection, batch, tally)


def apply_aside(engine: Engine, collection: CollectionRow, aside: dict[str, Upstream], tally: Tally) -> None:
    """Take up the single events that were put aside: changed occurrences where they fit one, else events of their own."""
    if aside and tally.late:
        tally.waiting += 1
    elif aside:
        mapper = engine.provider(collection.source_id).mapper
        with engine.store.read() as c:
            items = apart.sorted_out(c, collection, mapper, aside)
        apply_items(engine, collection, items, (), tally)


def _sort(
    c: sa.Connection,
    collection: CollectionRow,
    item: Upstream,
    grouped: dict[int, dict[str, Upstream | None]],
    fresh: dict[str, list[Upstream]],
) -> None:
    """Find the object that an item belongs to, or put it with the new ones of its series."""
    row = objects.item_by_upstream(c, collection.id, item.id)
    if row is not None:
        if canonical(item.snapshot) != row.snapshot or item.cancelled != bool(row.cancelled):
            grouped.setdefault(row.object_id, {})[row.key] = item
        return
    if item.series_id is not None and item.origin is not None:
        series = objects.item_by_upstream(c, collection.id, item.series_id)
        if series is not None:
            key = override_key(item.origin)
            held = next((r for r in objects.items(c, series.object_id) if r.key == key), None)
            if held is not None and item.cancelled and (held.cancelled or not held.series_id):
                return  # known to be gone, under another id; what came back stands as an event of its own
            grouped.setdefault(series.object_id, {})[key] = item
            return
        fresh.setdefault(item.series_id, []).append(item)
        return
    if not item.cancelled:
        fresh.setdefault(item.id, []).insert(0, item)


def apply_changes(
    engine: Engine,
    collection: CollectionRow,
    object_id: int,
    changes: dict[str, Upstream | None],
    tally: Tally,
    *,
    doomed: dict[int, Changes] | None = None,
) -> None:
    """Bring one object to what the vendor says; one that would be deleted is put into ``doomed`` if there is such."""
    with engine.store.read() as c:
        row = objects.get(c, object_id)
        rows = {r.key: r for r in objects.items(c, object_id)}
        open_intent = intents.has_open(c, object_id)
    if row is None:
        return
    if open_intent:
        tally.waiting += 1
        tally.late = tally.late or bool(row.recurring)
        return
    mapper = engine.provider(collection.source_id).mapper
    before = read(row.text, engine.default_zone(collection.source_id))
    roster = laying.roster(engine, collection, mapper, [u for u in changes.values() if u is not None], before)
    after, untold = laying.absorb_all(engine, before, rows, changes, mapper, roster)
    live = laying.live_after(rows, changes)
    now_ms = engine.clock.now_ms()
    splits_are_items = mapper.limits.splits_are_items
    if not live or after is None:
        if doomed is not None:
            doomed[object_id] = changes
        elif _delete_object(engine, collection, row, tally, now_ms) and splits_are_items:
            for left in apart.left_behind(rows, changes):
                _apply_new(engine, collection, [[left]], tally)
        return
    changes = apart.renamed(rows, changes, mapper, before, after)
    loose = apart.shown_again(rows, changes, mapper) if splits_are_items else {}
    after = apart.without_overrides(after, loose)
    zone = engine.default_zone(collection.source_id)
    text = laid_over(row.text, before, after, now_ms=now_ms, zone=zone)
    obj = read(text, zone) if text != row.text else before
    payloads = laying.payloads(engine, obj, rows, changes, mapper, roster, collection.source_id)
    with engine.store.write() as c:
        if intents.has_open(c, object_id) or not _store_text(c, collection, row, obj, text, tally, now_ms):
            tally.waiting += 1
            return
        laying.store_items(c, collection, object_id, rows, changes, payloads)
        for key in loose:
            objects.remove_item(c, object_id, key)
        if untold:
            _tell(c, row, untold, now_ms)
    for single in loose.values():
        if not single.cancelled:
            _apply_new(engine, collection, [[single]], tally)


def _tell(c: sa.Connection, row: ObjectRow, count: int, now_ms: int) -> None:
    """Leave a receipt for what was changed in the vendor's app and cannot be shown in the one object."""
    words = (
        f"{count} occurrences were changed at once in the vendor's app, in a part of this series that the vendor "
        "holds as one; too many to show one by one: change the series here, and it is the same on both sides again"
    )
    values = {
        "object_id": row.id,
        "collection_id": row.collection_id,
        "href": row.href,
        "uid": row.uid,
        "action": Action.PUT,
        "device": "app",
        "now_ms": now_ms,
        "state": State.MERGED,
        "closed_ms": now_ms,
        "words": words,
    }
    intents.add(c, values)
    log.warning("pull.piece_untold", extra=fields(object=row.id, count=count))


def _store_text(
    c: sa.Connection,
    collection: CollectionRow,
    row: ObjectRow,
    obj: CalendarObject,
    text: str,
    tally: Tally,
    now_ms: int,
) -> bool:
    """Serve a new text, if it is one; False when another edit was faster."""
    if text == row.text:
        return True
    seq = calendars.take_seq(c, collection.id, now_ms)
    values = object_values(obj, text, now_ms=now_ms, change_seq=seq)
    if not objects.change(c, row, {**values, "exact_until_ms": row.exact_until_ms}):
        return False
    tally.changed += 1
    return True


def _delete_object(
    engine: Engine, collection: CollectionRow, row: ObjectRow, tally: Tally, now_ms: int
) -> bool:
    with engine.store.write() as c:
        if intents.has_open(c, row.id):
            tally.waiting += 1
            return False
        current = objects.get(c, row.id)
        if current is None or current.revision != row.revision:
            return False
        seq = calendars.take_seq(c, collection.id, now_ms)
        objects.bury(c, collection.id, row.href, change_seq=seq, now_ms=now_ms)
        objects.remove(c, row.id)
    tally.deleted += 1
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _New:
    """An object that the vendor has and the mirror has not."""

    members: list[Upstream]
    anchor: str
    obj: CalendarObject
    text: str
    keys: dict[str, Upstream]
    payloads: dict[str, dict[str, object]]


def _batches(groups: list[list[Upstream]]) -> Iterator[list[list[Upstream]]]:
    for begin in range(0, len(groups), NEW_TOGETHER):
        yield groups[begin : begin + NEW_TOGETHER]


def _apply_new(engine: Engine, collection: CollectionRow, groups: list[list[Upstream]], tally: Tally) -> None:
    """Add new objects, each of the items that belong together, in one transaction."""
    now_ms = engine.clock.now_ms()
    found = [
        new for members in groups if (new := _assembled(engine, collection, members, now_ms)) is not None
    ]
    if not found:
        return
    try:
        with engine.store.write() as c:
            added = [_add(c, collection, new, now_ms) for new in found]
    except sa.exc.DBAPIError:
        if len(found) == 1:
            raise
        for members in groups:  # one that the database does not take keeps no other out
            _apply_new(engine, collection, [members], tally)
        return
    tally.added += sum(added)
    tally.waiting += len(added) - sum(added)


def _assembled(
    engine: Engine, collection: CollectionRow, members: list[Upstream], now_ms: int
) -> _New | None:
    mapper = engine.provider(collection.source_id).mapper
    live = [m for m in members if not m.cancelled]
    if not live:
        return None
    main = next((m for m in live if m.series_id is None), None)
    anchor = main.id if main is not None else live[0].series_id or live[0].id
    with engine.store.read() as c:
        uid = objects.uid_of(c, collection.source_id, anchor)
        twin = objects.by_uid(c, collection.id, uid) if uid is not None else None
    if uid is None or twin is not None:
        uid = f"{collection.source_id}-{anchor}@queqiao"
    roster = laying.roster(engine, collection, mapper, live, None)
    obj = _assemble(members, main, mapper, roster, uid)
    keys = {("" if m is main else override_key(m.origin) if m.origin is not None else ""): m for m in members}
    return _New(
        members=members,
        anchor=anchor,
        obj=obj,
        text=ical_write.write(obj, dtstamp_ms=now_ms),
        keys=keys,
        payloads=laying.payloads(engine, obj, {}, dict(keys), mapper, roster, collection.source_id),
    )


def _add(c: sa.Connection, collection: CollectionRow, new: _New, now_ms: int) -> bool:
    """Add one object; False where it came another way meanwhile."""
    known = any(objects.item_by_upstream(c, collection.id, m.id) is not None for m in new.members)
    if known or objects.by_uid(c, collection.id, new.obj.uid) is not None:
        return False
    seq = calendars.take_seq(c, collection.id, now_ms)
    values = object_values(new.obj, new.text, now_ms=now_ms, change_seq=seq)
    href = _free_href(c, collection.id, new.anchor)
    object_id = objects.add(
        c, {**values, "collection_id": collection.id, "href": href, "exact_until_ms": None}
    )
    for key, item in new.keys.items():
        objects.put_item(c, item_values(object_id, collection.id, key, item, new.payloads.get(key, {})))
    return True


def _assemble(
    members: list[Upstream], main: Upstream | None, mapper: Mapper, roster: Roster, uid: str
) -> CalendarObject:
    master: Event | None = mapper.decode(main, uid, roster) if main is not None else None
    obj = CalendarObject(uid=uid, master=master)
    for member in members:
        if member is main or member.origin is None:
            continue
        now = None if member.cancelled else mapper.decode(member, uid, roster)
        obj = absorb(obj, override_key(member.origin), None, now)
    return obj


def _free_href(c: sa.Connection, collection_id: int, anchor: str) -> str:
    """Mint a name from a safe alphabet; the vendor's id keeps it the same after a rebuild."""
    base = _SAFE_HREF.sub("-", anchor)[:120]
    href = f"{base}.ics"
    for number in range(2, 100):
        if objects.by_href(c, collection_id, href) is None:
            return href
        href = f"{base}-{number}.ics"
    return href

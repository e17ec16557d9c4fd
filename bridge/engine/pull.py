"""vendor -> us: what changed there is laid over what we serve, and nothing else is touched."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from bridge.engine import apart, directory
from bridge.engine.desired import Span, desire
from bridge.engine.held import Brake, dump_ids, held_ids
from bridge.engine.outcome import absorb
from bridge.engine.steps_json import makes_an_item
from bridge.engine.texts import (
    canonical,
    have_of,
    item_values,
    laid_over,
    loads,
    object_values,
    read,
    upstream_of,
)
from bridge.errors import BridgeError, Inexpressible, Missing, NotAllowed, Throttled, Unauthorised
from bridge.ical import write as ical_write
from bridge.log import fields
from bridge.model.event import CalendarObject, Event, Status
from bridge.plan.intent import Action, State, backoff_s
from bridge.plan.moments import key_moment, override_key
from bridge.plan.steps import Have
from bridge.providers.base import Known, Target
from bridge.store import calendars, intents, objects, shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import sqlalchemy as sa

    from bridge.engine.context import Engine
    from bridge.engine.held import Changes
    from bridge.model.people import Roster
    from bridge.model.upstream import Upstream
    from bridge.providers.base import Mapper
    from bridge.store.rows import CalendarRow, CollectionRow, ItemRow, ObjectRow

log = logging.getLogger(__name__)

PAGES_MAX: Final = 500
"""Pages of one pull."""
LEASE_MS: Final = 300_000
GONE_RETRY_S: Final = 300.0
"""Before the next look at a calendar that the vendor says is gone, or not ours (seconds): somebody has to act first."""
DEEP_EVERY_MS: Final = 6 * 3_600_000
"""How often a pull looks at the whole window where the vendor also has a delta."""
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
    late: bool = False
    """News of a series had to wait for an edit on its way: which singles belong to it is not known yet."""
    seen: set[str] = field(default_factory=set)


class Busy(BridgeError):
    """Another thread or node pulls this calendar right now."""


def pull(
    engine: Engine, calendar_id: int, *, deep: bool = False, full: bool = False, release: bool = False
) -> Tally:
    """Pull one upstream calendar into every collection that shows it.

    ``deep``: look at the whole window even where a delta exists; ``full``: forget the cursor as well; ``release``: let
    pass the deletions that were held (see ``plan.brake``).
    Raises Busy, and whatever the provider raises; the calendar's state says the same afterwards.
    """
    with leased(engine, calendar_id):
        with engine.store.read() as c:
            calendar = calendars.get(c, calendar_id)
        if calendar is None:
            msg = "there is no such calendar"
            raise Missing(msg)
        try:
            return _pull(engine, calendar, deep=deep or full or release, full=full, release=release)
        except BridgeError as error:
            _failed(engine, calendar_id, error)
            raise


@contextlib.contextmanager
def leased(engine: Engine, calendar_id: int) -> Iterator[None]:
    """Keep every other thread and node from reading the calendar meanwhile; raises Busy.

    Two answers of the vendor that are laid over a calendar in the wrong order would bring an older state back.
    """
    name = f"pull:{calendar_id}"
    owner = f"{engine.node}-{threading.get_ident()}"
    with engine.store.write() as c:
        if not shared.take_lease(c, name, owner=owner, length_ms=LEASE_MS):
            msg = "the calendar is being read by another node"
            raise Busy(msg)
    try:
        yield
    finally:
        with engine.store.write() as c:
            shared.release_lease(c, name, owner=owner)


def _failed(engine: Engine, calendar_id: int, error: BridgeError) -> None:
    now_ms = engine.clock.now_ms()
    state, cause = "delayed", ""
    retry_s = 0.0
    if isinstance(error, Unauthorised):
        state, retry_s, cause = "unauthorised", 60.0, error.cause
    elif isinstance(error, Throttled):
        state, retry_s = "throttled", error.retry_after_s
    elif isinstance(error, Missing):
        state, retry_s = "unlinked", GONE_RETRY_S
    elif isinstance(error, NotAllowed):
        state, retry_s, cause = "unauthorised", GONE_RETRY_S, "permission"
    with engine.store.write() as c:
        calendar = calendars.get(c, calendar_id)
        if calendar is not None:
            failures = calendar.failures + 1
            wait_ms = int(backoff_s(failures, retry_after_s=retry_s) * 1000)
            calendars.set_state(
                c,
                calendar,
                state=state,
                reason=str(error),
                cause=cause,
                failures=failures,
                pull_at_ms=now_ms + wait_ms,
            )
    log.warning(
        "pull.failed", extra=fields(calendar=calendar_id, error=type(error).__name__, code=error.code)
    )


def _pull(engine: Engine, calendar: CalendarRow, *, deep: bool, full: bool, release: bool) -> Tally:
    provider = engine.provider(calendar.source_id)
    with engine.store.read() as c:
        collections = calendars.collections_of_calendar(c, calendar.id)
        gone = objects.gone(c, calendar.id)
    acting = [c for c in collections if c.me]
    if not acting:
        msg = "nobody is linked to this calendar any more"
        raise Missing(msg)
    target = Target(user_id=calendar.account or acting[0].me, calendar_id=calendar.upstream_id)
    now_ms = engine.clock.now_ms()
    deep = deep or not calendar.cursor or now_ms - calendar.deep_ms > DEEP_EVERY_MS
    tally = Tally()
    cursor, page = "" if full else calendar.cursor, ""
    aside: dict[int, dict[str, Upstream]] = {c.id: {} for c in acting}
    splits_are_items = provider.mapper.limits.splits_are_items
    brake = Brake(engine, calendar, release=release)
    known = _known(engine, calendar, collections, gone, brake.unasked)

    def apply(
        collection: CollectionRow, object_id: int, changes: Changes, doomed: dict[int, Changes] | None
    ) -> None:
        _apply_changes(engine, collection, object_id, changes, tally, doomed=doomed)

    for _ in range(PAGES_MAX):
        result = provider.changes(
            target, cursor=cursor, page=page, window=engine.window(), known=known, deep=deep
        )
        tally.pages += 1
        brake.see(result.items)
        for collection in acting:
            held_back = aside[collection.id] if splits_are_items else None
            apply_items(engine, collection, result.items, result.absent, tally, aside=held_back, brake=brake)
        if not result.next:
            brake.settle(acting, apply)
            tally.held = brake.count
            for collection in acting:
                _apply_aside(engine, collection, aside[collection.id], tally)
        if not tally.waiting:
            done = brake.done() if not result.next else []
            note_gone(engine, calendar, [*brake.spare(result.items), *done], gone)
        if not result.next:
            # Objects with an edit on its way were passed over: the same stretch is asked for again.
            cursor = calendar.cursor if tally.waiting else result.cursor
            _succeeded(engine, calendar, brake, cursor=cursor, deep=deep)
            if tally.added or tally.changed or tally.deleted:
                log.info(
                    "pull.applied", extra=fields(calendar=calendar.id, changed=tally.changed + tally.added)
                )
            return tally
        page = result.next
    msg = f"the calendar has more than {PAGES_MAX} pages; it is read as far as that"
    raise BridgeError(msg)


def _known(
    engine: Engine,
    calendar: CalendarRow,
    collections: list[CollectionRow],
    gone: frozenset[str],
    unasked: frozenset[str],
) -> Known:
    with engine.store.read() as c:
        ids = objects.calendar_item_ids(c, calendar.id)
        snapshots = objects.snapshots(c, collections[0].id)
    told = {key: loads(text) for key, text in snapshots.items() if key not in unasked}
    return Known(ids=ids - unasked, gone=gone, snapshots=told)


def note_gone(
    engine: Engine, calendar: CalendarRow, items: Iterable[Upstream], gone: frozenset[str] = frozenset()
) -> None:
    """Remember which items are cancelled for good; ``gone``: those that are remembered already."""
    cancelled = {u.id for u in items if u.cancelled and u.series_id is None} - gone
    if cancelled:
        with engine.store.write() as c:
            objects.note_gone(c, calendar.id, cancelled)


def _succeeded(engine: Engine, calendar: CalendarRow, brake: Brake, *, cursor: str, deep: bool) -> None:
    """Note the age of the data; a poll without news writes this one row and nothing a client can see."""
    now_ms = engine.clock.now_ms()
    with engine.store.write() as c:
        current = calendars.get(c, calendar.id)
        if current is not None:
            calendars.set_state(
                c,
                current,
                cursor=cursor,
                pulled_ms=now_ms,
                deep_ms=now_ms if deep else current.deep_ms,
                failures=0,
                state="quarantined" if brake.left else "connected",
                reason=brake.reason,
                cause="",
                held=dump_ids(brake.left),
            )
    if brake.left - held_ids(calendar):
        log.warning("pull.held", extra=fields(calendar=calendar.id, count=brake.count))


# ---- one collection ---------------------------------------------------------------------------------------------


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
        _apply_changes(engine, collection, object_id, changes, tally, doomed=doomed)
    for members in fresh.values():
        if making:
            tally.waiting += 1  # it may be the very item that one of our own steps is making
        else:
            _apply_new(engine, collection, members, tally)


def _apply_aside(engine: Engine, collection: CollectionRow, aside: dict[str, Upstream], tally: Tally) -> None:
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
            if held is not None and bool(held.cancelled) and item.cancelled:
                return  # known to be gone, under another id
            grouped.setdefault(series.object_id, {})[key] = item
            return
        fresh.setdefault(item.series_id, []).append(item)
        return
    if not item.cancelled:
        fresh.setdefault(item.id, []).insert(0, item)


def _apply_changes(
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
    roster = _roster(engine, collection, mapper, [u for u in changes.values() if u is not None], before)
    after, untold = _absorb_all(engine, before, rows, changes, mapper, roster)
    live = _live_after(rows, changes)
    now_ms = engine.clock.now_ms()
    splits_are_items = mapper.limits.splits_are_items
    if not live or after is None:
        if doomed is not None:
            doomed[object_id] = changes
        elif _delete_object(engine, collection, row, tally, now_ms) and splits_are_items:
            for left in apart.left_behind(rows, changes):
                _apply_new(engine, collection, [left], tally)
        return
    changes = apart.renamed(rows, changes, mapper)
    loose = apart.shown_again(rows, changes, mapper) if splits_are_items else {}
    after = apart.without_overrides(after, loose)
    zone = engine.default_zone(collection.source_id)
    text = laid_over(row.text, before, after, now_ms=now_ms, zone=zone)
    obj = read(text, zone) if text != row.text else before
    payloads = _payloads(engine, obj, rows, changes, mapper, roster)
    with engine.store.write() as c:
        if intents.has_open(c, object_id) or not _store_text(c, collection, row, obj, text, tally, now_ms):
            tally.waiting += 1
            return
        _store_items(c, collection, object_id, rows, changes, payloads)
        for key in loose:
            objects.remove_item(c, object_id, key)
        if untold:
            _tell(c, row, untold, now_ms)
    for single in loose.values():
        if not single.cancelled:
            _apply_new(engine, collection, [single], tally)


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


def _live_after(rows: dict[str, ItemRow], changes: dict[str, Upstream | None]) -> bool:
    """Return whether anything of the object is left at the vendor."""
    states = {key: not row.cancelled for key, row in rows.items()}
    states.update({key: item is not None and not item.cancelled for key, item in changes.items()})
    mains = [alive for key, alive in states.items() if not key.startswith("@")]
    return any(mains) if mains else any(states.values())


def _absorb_all(
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
            after = _absorb(after, key, rows.get(key), item, mapper, roster, obj.uid)
    return after, untold


def _absorb(
    obj: CalendarObject | None,
    key: str,
    row: ItemRow | None,
    item: Upstream | None,
    mapper: Mapper,
    roster: Roster,
    uid: str,
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
    return absorb(obj, key, was, now)


def _payloads(
    engine: Engine,
    obj: CalendarObject,
    rows: dict[str, ItemRow],
    changes: dict[str, Upstream | None],
    mapper: Mapper,
    roster: Roster,
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
    span = Span(now=engine.now(), horizon=engine.horizon(), items_max=engine.sync.compile_items_max)
    try:
        desired = desire(obj, merged, mapper, roster, span)
    except Inexpressible:
        return {}
    return {want.key: want.payload for want in desired.wants}


def _store_items(
    c: sa.Connection,
    collection: CollectionRow,
    object_id: int,
    rows: dict[str, ItemRow],
    changes: dict[str, Upstream | None],
    payloads: dict[str, dict[str, object]],
) -> None:
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


# ---- new at the vendor ------------------------------------------------------------------------------------------


def _apply_new(engine: Engine, collection: CollectionRow, members: list[Upstream], tally: Tally) -> None:
    mapper = engine.provider(collection.source_id).mapper
    live = [m for m in members if not m.cancelled]
    if not live:
        return
    main = next((m for m in live if m.series_id is None), None)
    anchor = main.id if main is not None else live[0].series_id or live[0].id
    with engine.store.read() as c:
        uid = objects.uid_of(c, collection.source_id, anchor)
        twin = objects.by_uid(c, collection.id, uid) if uid is not None else None
    if uid is None or twin is not None:
        uid = f"{collection.source_id}-{anchor}@queqiao"
    roster = _roster(engine, collection, mapper, live, None)
    obj = _assemble(members, main, mapper, roster, uid)
    now_ms = engine.clock.now_ms()
    text = ical_write.write(obj, dtstamp_ms=now_ms)
    keys = {("" if m is main else override_key(m.origin) if m.origin is not None else ""): m for m in members}
    payloads = _payloads(engine, obj, {}, dict(keys), mapper, roster)
    with engine.store.write() as c:
        known = any(objects.item_by_upstream(c, collection.id, m.id) is not None for m in members)
        if known or objects.by_uid(c, collection.id, uid) is not None:
            tally.waiting += 1
            return
        seq = calendars.take_seq(c, collection.id, now_ms)
        values = object_values(obj, text, now_ms=now_ms, change_seq=seq)
        href = _free_href(c, collection.id, anchor)
        object_id = objects.add(
            c, {**values, "collection_id": collection.id, "href": href, "exact_until_ms": None}
        )
        for key, item in keys.items():
            objects.put_item(c, item_values(object_id, collection.id, key, item, payloads.get(key, {})))
    tally.added += 1


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


def _roster(
    engine: Engine,
    collection: CollectionRow,
    mapper: Mapper,
    items: list[Upstream],
    obj: CalendarObject | None,
) -> Roster:
    ids: dict[str, str] = {}
    for item in items:
        ids.update(mapper.people_of(item.snapshot))
    addresses = directory.addresses_of(obj) if obj is not None else {}
    return directory.resolve(engine, collection.source_id, collection.me, addresses=addresses, ids=ids).roster

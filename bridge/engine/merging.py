"""Before an edit leaves: what happened at the vendor since the client read the event is merged into it.

The vendors have no conditional write. So where the mirror may be old the items are read once more, and what changed
there is laid over the edit, property by property, against the last version that both sides agreed on. One property
changed on both sides: while the client still waits, it is told (412) and reads again; later on the change that a person
made last wins, and the other value stands in the receipt. Deletion against change: the change wins, and the receipt says so.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from bridge.engine import apart, laying, outcome
from bridge.engine.desired import occurs
from bridge.engine.texts import canonical, laid_over, object_values, read, upstream_of
from bridge.errors import PreconditionFailed
from bridge.log import fields
from bridge.plan import merge
from bridge.plan.intent import Action
from bridge.plan.moments import key_moment, moment_key, occurrence_of
from bridge.plan.ranges import place_of
from bridge.store import calendars, intents, objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.engine.context import Engine
    from bridge.model.event import CalendarObject, Event
    from bridge.model.people import Roster
    from bridge.model.upstream import Upstream
    from bridge.providers.base import Mapper, Target
    from bridge.store.rows import CollectionRow, IntentRow, ItemRow

log = logging.getLogger(__name__)

CONFLICT: Final = "the event was changed at the vendor at the same moment; read it again, your version is kept in the receipt"
"""Words of an edit that was not carried out because its client can still be told. Part of the outer contract: 412."""
NOTE_CHARS_MAX: Final = 500
"""Of a value that gave way, as the receipt shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What became of the edit."""

    intent: IntentRow
    notes: tuple[str, ...] = ()
    """What gave way, for the receipt."""


@dataclass(slots=True, kw_only=True)
class _Case:
    """One edit and what the vendor has by now."""

    engine: Engine
    intent: IntentRow
    collection: CollectionRow
    rows: dict[str, ItemRow]
    changes: dict[str, Upstream | None]
    mapper: Mapper
    roster: Roster
    base: CalendarObject
    notes: list[str] = field(default_factory=list)

    @property
    def zone(self) -> str:
        return self.engine.default_zone(self.collection.source_id)


def is_due(engine: Engine, intent: IntentRow, collection: CollectionRow, rows: list[ItemRow]) -> bool:
    """Return whether the items should be read again before the edit leaves: the mirror may be old.

    Where calls are billed and the write names only what changes, only an edit that had to wait is worth the call.
    """
    if intent.base_text is None or intent.steps_done or intent.step is not None:
        return False
    if not any(not row.cancelled and not row.key.startswith("@") for row in rows):
        return False
    now_ms = engine.clock.now_ms()
    freshness_ms = engine.sync.freshness_s * 1000
    if engine.provider(collection.source_id).mapper.limits.calls_billed:
        return now_ms - intent.opened_ms > freshness_ms
    with engine.store.read() as c:
        calendar = calendars.get(c, collection.calendar_id)
    return calendar is None or now_ms - calendar.pulled_ms > freshness_ms


def merge_in(
    engine: Engine,
    intent: IntentRow,
    owner: str,
    collection: CollectionRow,
    target: Target,
    rows: list[ItemRow],
) -> Merged:
    """Read the items again and merge. Raises PreconditionFailed where the waiting client is to be told."""
    live = {row.key: row for row in rows if not row.cancelled}
    told = engine.provider(collection.source_id).fetch(
        target, [row.upstream_id for key, row in live.items() if not key.startswith("@")]
    )
    changes = _changed(live, told)
    if not changes:
        return Merged(intent=intent)
    mapper = engine.provider(collection.source_id).mapper
    base = read(intent.base_text or "", engine.default_zone(collection.source_id))
    roster = laying.roster(engine, collection, mapper, [u for u in changes.values() if u is not None], base)
    case = _Case(
        engine=engine,
        intent=intent,
        collection=collection,
        rows={row.key: row for row in rows},
        changes=changes,
        mapper=mapper,
        roster=roster,
        base=base,
    )
    if all(
        changes.get(key, "") is None or _is_cancelled(changes.get(key))
        for key in live
        if not key.startswith("@")
    ):
        return _merge_with_deletion(case)
    if intent.action == Action.DELETE:
        return _delete_after_change(case, owner)
    return _merge_with_change(case, owner)


def _changed(live: Mapping[str, ItemRow], told: Mapping[str, Upstream | None]) -> dict[str, Upstream | None]:
    """Return what is not as it was, by piece key."""
    changes: dict[str, Upstream | None] = {}
    for key, row in live.items():
        if row.upstream_id not in told:
            continue
        item = told[row.upstream_id]
        if item is None or item.cancelled or canonical(item.snapshot) != row.snapshot:
            changes[key] = item
    return changes


def _is_cancelled(item: Upstream | None) -> bool:
    return item is not None and item.cancelled


def _merge_with_deletion(case: _Case) -> Merged:
    """Go on where the vendor has nothing of it any more: a deletion is done, a change makes it anew."""
    engine, intent = case.engine, case.intent
    with engine.store.write() as c:
        for key in case.rows:
            objects.remove_item(c, intent.object_id or 0, key)
    if intent.action == Action.DELETE:
        return Merged(intent=intent, notes=("it was gone at the vendor already",))
    log.info("intent.merged", extra=fields(intent=intent.id, outcome="made_again"))
    return Merged(
        intent=intent, notes=("it had been deleted at the vendor meanwhile; your change made it again",)
    )


def _delete_after_change(case: _Case, owner: str) -> Merged:
    """Let the change win where the client deletes what was changed at the vendor since."""
    if not _means_something(case):
        _store(case, owner, case.base, case.intent.client_text)
        return Merged(intent=case.intent)
    after, _untold = laying.absorb_all(
        case.engine, case.base, case.rows, case.changes, case.mapper, case.roster
    )
    _store(case, owner, after or case.base, case.intent.client_text)
    words = (
        CONFLICT
        if _waits(case)
        else "it was changed at the vendor after you last saw it, so it was not deleted"
    )
    raise PreconditionFailed(words)


def _merge_with_change(case: _Case, owner: str) -> Merged:
    ours = read(case.intent.client_text or "", case.zone)
    base_after, _untold = laying.absorb_all(
        case.engine, case.base, case.rows, case.changes, case.mapper, case.roster
    )
    if base_after is None:
        return Merged(intent=case.intent)
    ours_after = _laid(case, ours)
    if case.notes and _waits(case):
        _store(case, owner, base_after, case.intent.client_text)
        raise PreconditionFailed(CONFLICT)
    now_ms = case.engine.clock.now_ms()
    text = laid_over(case.intent.client_text or "", ours, ours_after, now_ms=now_ms, zone=case.zone)
    fresh = _store(case, owner, base_after, text)
    log.info("intent.merged", extra=fields(intent=case.intent.id, count=len(case.changes)))
    return Merged(intent=fresh, notes=tuple(case.notes))


def _laid(case: _Case, ours: CalendarObject) -> CalendarObject:
    """Return the client's object with the vendor's changes over it; who wins where both changed is noted."""
    after = ours
    for key, item in sorted(case.changes.items()):
        row = case.rows[key]
        if item is None or item.cancelled:
            continue
        was = case.mapper.decode(upstream_of(row), ours.uid, case.roster)
        now = case.mapper.decode(item, ours.uid, case.roster)
        base_event, our_event = _event(case.base, key), _event(ours, key)
        is_part = key == "" and apart.is_part(case.base, was, now)
        if is_part and _is_moved(case.base, ours):
            now, is_part = _at_our_time(case, ours, was, now), False
        if base_event is not None and our_event is not None:
            names = merge.conflicts(base_event, our_event, was, now)
            if names:
                now = _decided(case, item, names, our_event, was, now)
        compiled = apart.is_compiled(case.rows)
        if is_part or (compiled and not key.startswith("@")):
            after, _more = apart.absorb_piece(
                after, row, item, case.mapper, case.roster, horizon=case.engine.horizon()
            )
        else:
            after = outcome.absorb(after, key, was, now)
    return after


def _is_moved(base: CalendarObject, ours: CalendarObject) -> bool:
    """Return whether the client moved the whole series, or changed its rule."""
    a, b = base.master, ours.master
    return a is None or b is None or not merge.same(a, b, "DTSTART") or not merge.same(a, b, "RRULE")


def _at_our_time(case: _Case, ours: CalendarObject, was: Event, now: Event) -> Event:
    """Let the client's time count for the one occurrence that is left; what is not the same goes into the receipt."""
    if ours.master is None or not occurs(ours.master, now.start):
        case.notes.append(f"DTSTART: the vendor's gave way to yours: {merge.value(now, 'DTSTART')}")
    return merge.without(now, was, ("DTSTART",))


def _decided(
    case: _Case, item: Upstream, names: tuple[str, ...], ours: Event, was: Event, now: Event
) -> Event:
    """Let the later change win; the other value goes into the receipt."""
    theirs_ms = case.mapper.modified_ms(item.snapshot)
    # Vendors count whole seconds: within one, theirs is taken for the later one.
    vendor_wins = theirs_ms is None or theirs_ms // 1000 >= case.intent.opened_ms // 1000
    for name in names:
        lost = merge.value(ours if vendor_wins else now, name)[:NOTE_CHARS_MAX]
        who = (
            "yours gave way to a later change at the vendor"
            if vendor_wins
            else "the vendor's gave way to yours"
        )
        case.notes.append(f"{name}: {who}: {lost}")
    return now if vendor_wins else merge.without(now, was, names)


def _event(obj: CalendarObject, key: str) -> Event | None:
    """Return the event that an item shows."""
    if not key.startswith("@"):
        return obj.master
    place = place_of(obj, key_moment(key[1:]))
    for override in obj.overrides:
        if override.recurrence_id is not None and moment_key(override.recurrence_id) == moment_key(place.at):
            return override
    return occurrence_of(place.model, place.shown) if place.model is not None else None


def _means_something(case: _Case) -> bool:
    """Return whether anything that a client sees differs."""
    after, _untold = laying.absorb_all(
        case.engine, case.base, case.rows, case.changes, case.mapper, case.roster
    )
    return after != case.base


def _waits(case: _Case) -> bool:
    """Return whether the client of this edit is still there to be told."""
    waited_ms = case.engine.clock.now_ms() - case.intent.opened_ms
    return case.intent.attempts <= 1 and waited_ms < case.engine.sync.write_wait_s * 1000


def _store(case: _Case, owner: str, base_after: CalendarObject, text: str | None) -> IntentRow:
    """Make the vendor's version the new common base, and ``text`` what the client wants on top of it."""
    engine, intent, collection = case.engine, case.intent, case.collection
    now_ms = engine.clock.now_ms()
    base_text = laid_over(intent.base_text or "", case.base, base_after, now_ms=now_ms, zone=case.zone)
    wanted = base_after if text is None else read(text, case.zone)
    changes = apart.renamed(case.rows, case.changes, case.mapper, case.base, wanted)
    payloads = laying.payloads(
        engine, base_after, case.rows, changes, case.mapper, case.roster, collection.source_id
    )
    with engine.store.write() as c:
        row = objects.get(c, intent.object_id or 0)
        # The notes live as long as this attempt: what gave way has to be on disk with what took its place.
        lost_text = intent.client_text if case.notes and text != intent.client_text else None
        if not intents.merge(
            c, intent.id, owner=owner, base_text=base_text, client_text=text, lost_text=lost_text
        ):
            return intent
        laying.store_items(c, collection, intent.object_id or 0, case.rows, changes, payloads)
        if (
            row is not None
            and not row.deleted
            and text is not None
            and row.text == intent.client_text != text
        ):
            seq = calendars.take_seq(c, collection.id, now_ms)
            values = object_values(read(text, case.zone), text, now_ms=now_ms, change_seq=seq)
            objects.change(c, row, {**values, "exact_until_ms": row.exact_until_ms})
    return replace(intent, base_text=base_text, client_text=text)

"""What becomes of a step and of an intent: the journal's second half."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.engine import delivery, directory, wholes
from bridge.engine.texts import (
    item_values,
    laid_over,
    loads,
    object_values,
    read,
    upstream_of,
)
from bridge.model.upstream import Create, Delete, Drop, Json, Split, Update, Upstream
from bridge.plan import seriesids
from bridge.plan.absorb import absorb_main, absorb_occurrence, lay
from bridge.plan.intent import Action, State
from bridge.plan.moments import key_moment, moment_key, override_key
from bridge.store import calendars, intents, objects

if TYPE_CHECKING:
    import sqlalchemy as sa

    from bridge.engine.context import Engine
    from bridge.engine.steps_json import Sent
    from bridge.errors import Refused
    from bridge.model.event import CalendarObject, Event
    from bridge.model.people import Roster
    from bridge.model.upstream import Applied
    from bridge.providers.base import Mapper
    from bridge.store.rows import CollectionRow, IntentRow, ItemRow, ObjectRow


def record(
    c: sa.Connection,
    engine: Engine,
    collection: CollectionRow,
    object_id: int,
    sent: Sent,
    applied: Applied,
) -> None:
    """Write down the items as they are after a step."""
    rows = {row.key: row for row in objects.items(c, object_id)}
    operation = sent.operation
    if applied.series is not None and applied.series.cancelled:
        _record_lost_series(c, object_id, rows, applied.series.id)
        return
    if isinstance(operation, Drop):
        _record_drop(c, collection.id, object_id, rows, operation, applied)
    elif isinstance(operation, Delete):
        _record_delete(c, rows.get(sent.key), object_id, is_cut=wholes.is_cut(c, collection.source_id))
    elif applied.item is not None:
        row = rows.get(sent.key)
        if isinstance(operation, Create | Split | Update):
            payload: Json = operation.payload if isinstance(operation, Create) else operation.after
        else:
            payload = loads(row.payload) if row is not None else {}
        item = applied.item
        if isinstance(operation, Split):
            item = replace(item, series_id=operation.series_id, origin=operation.at)
        objects.put_item(c, item_values(object_id, collection.id, sent.key, item, payload))
        if isinstance(operation, Update) and _schedule_changed(operation):
            _forget_exceptions(c, engine, collection, object_id, rows, sent.key)
    if applied.series is not None:
        _refresh_series(c, collection.id, object_id, rows, applied.series)


def _record_lost_series(c: sa.Connection, object_id: int, rows: dict[str, ItemRow], series_id: str) -> None:
    """Forget a series that the vendor lost over one of its occurrences, with all its exceptions."""
    for row in rows.values():
        if row.upstream_id == series_id or seriesids.has(row.series_id, series_id):
            _forget_removal(c, object_id, row, series_id)


def _forget_removal(c: sa.Connection, object_id: int, row: ItemRow, series_id: str) -> None:
    """Forget what one series had of an occurrence; another series may have lost the same moment."""
    left = seriesids.without(row.series_id, series_id)
    if row.cancelled and left:
        other = replace(upstream_of(row), series_id=left)
        objects.put_item(c, item_values(object_id, row.collection_id, row.key, other, loads(row.payload)))
    else:
        objects.remove_item(c, object_id, row.key)


def _record_drop(
    c: sa.Connection,
    collection_id: int,
    object_id: int,
    rows: dict[str, ItemRow],
    operation: Drop,
    applied: Applied,
) -> None:
    key = override_key(operation.at)
    held = rows.get(key)
    if held is not None and not held.cancelled:
        return  # the series shows again what was split off: only the series was touched
    fallback = f"{operation.series_id}#{moment_key(operation.at)}"
    earlier = held.series_id if held is not None else ""
    gone = Upstream(
        id=applied.item.id if applied.item is not None else operation.instance_id or fallback,
        snapshot={},
        cancelled=True,
        series_id=seriesids.joined(earlier, operation.series_id) or operation.series_id,
        origin=operation.at,
    )
    objects.put_item(c, item_values(object_id, collection_id, key, gone, {}))


def _record_delete(c: sa.Connection, row: ItemRow | None, object_id: int, *, is_cut: bool) -> None:
    if row is None:
        return
    if row.key.startswith("@") and (row.series_id or not is_cut):
        # The occurrence stays removed from its series; the row remembers that.
        gone = replace(upstream_of(row), cancelled=True)
        objects.put_item(c, item_values(object_id, row.collection_id, row.key, gone, {}))
    else:
        objects.remove_item(c, object_id, row.key)


def _refresh_series(
    c: sa.Connection, collection_id: int, object_id: int, rows: dict[str, ItemRow], series: Upstream
) -> None:
    for row in rows.values():
        if row.upstream_id == series.id:
            values = item_values(object_id, collection_id, row.key, series, loads(row.payload))
            objects.put_item(c, values)


def _schedule_changed(operation: Update) -> bool:
    """Return whether an update moved a series or changed its rule, in either vendor's words."""
    names = ("start_time", "end_time", "is_whole_day", "start", "end", "isAllDay", "recurrence")
    if any(operation.before.get(name) != operation.after.get(name) for name in names):
        return True
    rule = [
        {
            k: v
            for k, v in (side.get("reminders") or {}).items()
            if k.startswith(("repeat", "is_repeat", "is_custom"))
        }
        if isinstance(side.get("reminders"), dict)
        else {}
        for side in (operation.before, operation.after)
    ]
    return rule[0] != rule[1]


def _forget_exceptions(
    c: sa.Connection,
    engine: Engine,
    collection: CollectionRow,
    object_id: int,
    rows: dict[str, ItemRow],
    series_key: str,
) -> None:
    """Forget the exceptions of a series that moved: the vendor may have lost them; they are made again where wanted."""
    splits_are_items = engine.provider(collection.source_id).mapper.limits.splits_are_items
    series = rows.get(series_key)
    for row in rows.values():
        if (
            series is None
            or not row.key.startswith("@")
            or not seriesids.has(row.series_id, series.upstream_id)
        ):
            continue
        if row.cancelled or not splits_are_items:
            _forget_removal(c, object_id, row, series.upstream_id)


GAVE_WAY: Final = "both sides had changed it; the text as you sent it is kept here"
"""Words of a receipt whose attempt that merged is not the one that came through."""


def complete(
    engine: Engine, intent: IntentRow, owner: str, *, losses: str, notes: tuple[str, ...] = ()
) -> None:
    """Close an intent that stands at the vendor; lay over what the vendor made of it.

    ``notes``: what gave way when both sides had changed it.
    """
    now_ms = engine.clock.now_ms()
    object_id = intent.object_id or 0
    if intent.action == Action.DELETE:
        with engine.store.write() as c:
            row = objects.get(c, object_id)
            later = [i for i in intents.open_of(c, object_id) if i.id != intent.id]
            intents.close(
                c,
                intent.id,
                owner=owner,
                state=State.APPLIED,
                now_ms=now_ms,
                words="; ".join(("deleted", *notes)),
                detach=not later,
            )
            if row is not None and row.deleted and not later:
                objects.remove(c, object_id)
        return
    with engine.store.read() as c:
        collection = calendars.collection(c, intent.collection_id)
        rows = {row.key: row for row in objects.items(c, object_id)}
        row = objects.get(c, object_id)
    text, changed = (None, False)
    if collection is not None and row is not None and not row.deleted and row.text == intent.client_text:
        zone = engine.default_zone(collection.source_id)
        text = _as_the_vendor_took_it(engine, collection, row, rows, now_ms)
        changed = text != row.text
        text = delivery.settled(engine, collection, rows.values(), read(text, zone), text)
    with engine.store.write() as c:
        if text is not None and row is not None and collection is not None and text != row.text:
            obj = read(text, engine.default_zone(collection.source_id))
            seq = calendars.take_seq(c, collection.id, now_ms)
            values = object_values(obj, text, now_ms=now_ms, change_seq=seq)
            objects.change(c, row, {**values, "exact_until_ms": row.exact_until_ms})
        state = State.MERGED if changed or notes or intent.lost_text else State.APPLIED
        told = (
            *(notes or ((GAVE_WAY,) if intent.lost_text else ())),
            *(
                ("the vendor keeps it a little differently; the calendar shows what it keeps",)
                if changed
                else ()
            ),
        )
        words = "; ".join(told) or "done"
        intents.close(c, intent.id, owner=owner, state=state, now_ms=now_ms, words=words, losses=losses)


def _as_the_vendor_took_it(
    engine: Engine,
    collection: CollectionRow,
    row: ObjectRow,
    rows: dict[str, ItemRow],
    now_ms: int,
) -> str:
    """Return the text with whatever differs between what was asked and what the vendor says it holds."""
    mapper = engine.provider(collection.source_id).mapper
    before = read(row.text, engine.default_zone(collection.source_id))
    resolved = directory.resolve(
        engine, collection.source_id, collection.me, addresses=directory.addresses_of(before), ask=False
    )
    after = before
    pieces: list[tuple[Event, Event]] = []
    for key, item in rows.items():  # all of them: an earlier edit's answer may not have been laid over yet
        if item.cancelled or item.payload == "{}":
            continue
        asked, holds = _answer(item, mapper, resolved.roster, row.uid)
        if is_piece(key):
            pieces.append((asked, holds))
        else:
            after = absorb(after, key, asked, holds)
    if pieces and after.master is not None:
        after = replace(after, master=_lay_common(after.master, pieces))
    return laid_over(row.text, before, after, now_ms=now_ms, zone=engine.default_zone(collection.source_id))


def _answer(item: ItemRow, mapper: Mapper, roster: Roster, uid: str) -> tuple[Event, Event]:
    """Return what was asked for, and what the vendor made of it."""
    upstream = upstream_of(item)
    asked = mapper.decode(replace(upstream, snapshot=loads(item.payload)), uid, roster)
    holds = mapper.decode(upstream, uid, roster)
    # Who organizes and what the rule looks like in the vendor's words is no answer to this edit.
    holds = replace(holds, organizer=asked.organizer, status=asked.status, recurrence=asked.recurrence)
    if not asked.attendees:
        holds = replace(holds, attendees=())
    return asked, holds


def _lay_common(master: Event, pieces: list[tuple[Event, Event]]) -> Event:
    """Lay over the master what the vendor made of every piece alike: they were asked for in the same words."""
    asked, holds = pieces[0]
    unlike = {
        name: getattr(asked, name)
        for name in WORDS
        if any(getattr(other, name) != getattr(holds, name) for _asked, other in pieces)
    }
    return lay(master, asked, replace(holds, start=asked.start, end=asked.end, **unlike))


WORDS: Final = ("summary", "description", "rich_description", "location", "url", "alarms", "attendees")
"""What pieces of one series have in common."""


def is_piece(key: str) -> bool:
    """Return whether an item is one of several that carry a compiled series."""
    return key.startswith("p")


def absorb(obj: CalendarObject, key: str, was: Event | None, now: Event | None) -> CalendarObject:
    """Lay a change of the item ``key`` over the object."""
    if key.startswith("@"):
        return absorb_occurrence(obj, key_moment(key[1:]), was, now)
    if key == "" and was is not None and now is not None:
        return absorb_main(obj, was, now)
    return obj


def refuse(engine: Engine, intent: IntentRow, owner: str, error: Refused) -> None:
    """Undo an edit that the vendor refused; the lost text stays in the receipt."""
    now_ms = engine.clock.now_ms()
    object_id = intent.object_id or 0
    words = str(error)
    with engine.store.write() as c:
        row = objects.get(c, object_id)
        later = [i for i in intents.open_of(c, object_id) if i.id != intent.id]
        collection = calendars.collection(c, intent.collection_id)
        if row is None or collection is None:
            intents.close(c, intent.id, owner=owner, state=State.REFUSED, now_ms=now_ms, words=words)
            return
        if later:
            # A newer edit is on its way: it is judged against what the vendor still holds.
            intents.rebase(c, later[0].id, intent.base_text)
            intents.close(
                c,
                intent.id,
                owner=owner,
                state=State.REFUSED,
                now_ms=now_ms,
                words=words,
                lost_text=intent.client_text,
            )
            return
        _restore(c, engine, intent, owner, row, collection, words=words, now_ms=now_ms)


def _restore(
    c: sa.Connection,
    engine: Engine,
    intent: IntentRow,
    owner: str,
    row: ObjectRow,
    collection: CollectionRow,
    *,
    words: str,
    now_ms: int,
) -> None:
    seq = calendars.take_seq(c, collection.id, now_ms)
    has_items = any(not item.cancelled for item in objects.items(c, row.id))
    base_text = intent.base_text
    if base_text is not None:
        obj = read(base_text, engine.default_zone(collection.source_id))
        values = object_values(obj, base_text, now_ms=now_ms, change_seq=seq)
        objects.change(c, row, {**values, "exact_until_ms": row.exact_until_ms})
        _close_refused(c, intent, owner, words=words, now_ms=now_ms)
        if intent.steps_done:
            _undo(c, intent, row.id, Action.PUT, base_text, now_ms)
        return
    objects.hide(c, row)
    objects.bury(c, collection.id, row.href, change_seq=seq, now_ms=now_ms)
    _close_refused(c, intent, owner, words=words, now_ms=now_ms, detach=not has_items)
    if has_items:
        _undo(c, intent, row.id, Action.DELETE, None, now_ms)
    else:
        objects.remove(c, row.id)


def _close_refused(
    c: sa.Connection, intent: IntentRow, owner: str, *, words: str, now_ms: int, detach: bool = False
) -> None:
    intents.close(
        c,
        intent.id,
        owner=owner,
        state=State.REFUSED,
        now_ms=now_ms,
        words=words,
        lost_text=intent.client_text,
        detach=detach,
    )


def _undo(
    c: sa.Connection, intent: IntentRow, object_id: int, action: Action, base_text: str | None, now_ms: int
) -> None:
    """Bring the vendor back to the last agreement after some steps of a refused edit had succeeded."""
    intents.add(
        c,
        {
            "object_id": object_id,
            "collection_id": intent.collection_id,
            "href": intent.href,
            "uid": intent.uid,
            "action": action,
            "device": "undo",
            "client_text": base_text,
            "base_text": intent.client_text,
            "now_ms": now_ms,
        },
    )

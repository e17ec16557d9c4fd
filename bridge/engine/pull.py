"""vendor -> us: what changed there is laid over what we serve, and nothing else is touched."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Final

from bridge.engine.applying import Tally, apply_aside, apply_changes, apply_items
from bridge.engine.held import Brake, dump_ids, held_ids
from bridge.engine.pacing import is_alive, is_billed
from bridge.engine.texts import (
    loads,
)
from bridge.errors import BridgeError, Missing, NotAllowed, Throttled, Unauthorised
from bridge.log import fields
from bridge.plan.intent import backoff_s
from bridge.providers.base import Known, Target
from bridge.store import calendars, objects, shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.engine.context import Engine
    from bridge.engine.held import Changes
    from bridge.model.upstream import Upstream
    from bridge.store.rows import CalendarRow, CollectionRow

log = logging.getLogger(__name__)

PAGES_MAX: Final = 500
"""Pages of one pull."""
LEASE_MS: Final = 300_000
GONE_RETRY_S: Final = 300.0
"""Before the next look at a calendar that the vendor says is gone, or not ours (seconds): somebody has to act first."""
DEEP_EVERY_MS: Final = 6 * 3_600_000
"""How often a pull looks at the whole window where the vendor also has a delta ..."""
DEEP_BILLED_MS: Final = 7 * 86_400_000
DEEP_UNTOLD_MS: Final = 2 * 86_400_000
"""... and where each page of it is billed: while pushes tell of what a delta may keep to itself, and without them."""


class Busy(BridgeError):
    """Another thread or node pulls this calendar right now."""


def pull(
    engine: Engine,
    calendar_id: int,
    *,
    deep: bool = False,
    full: bool = False,
    release: bool = False,
    by_page: bool = False,
) -> Tally:
    """Pull one upstream calendar into every collection that shows it.

    ``deep``: look at the whole window even where a delta exists; ``full``: forget the cursor as well; ``release``: let
    pass the deletions that were held (see ``plan.brake``); ``by_page``: of a first load do one page only, others wait too.
    Raises Busy, and whatever the provider raises; the calendar's state says the same afterwards.
    """
    with leased(engine, calendar_id):
        with engine.store.read() as c:
            calendar = calendars.get(c, calendar_id)
        if calendar is None:
            msg = "there is no such calendar"
            raise Missing(msg)
        try:
            deep = deep or full or release
            return _pull(engine, calendar, deep=deep, full=full, release=release, by_page=by_page)
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
            # Who was told when to come again is not sent to the end of the queue for having been told so often.
            attempts = 1 if state == "throttled" else failures
            wait_ms = int(backoff_s(attempts, retry_after_s=retry_s) * 1000)
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


def _pull(
    engine: Engine, calendar: CalendarRow, *, deep: bool, full: bool, release: bool, by_page: bool
) -> Tally:
    provider = engine.provider(calendar.source_id)
    with engine.store.read() as c:
        collections = calendars.collections_of_calendar(c, calendar.id)
        gone = objects.gone(c, calendar.id)
    acting = _acting(collections)
    target = Target(user_id=calendar.account or acting[0].me, calendar_id=calendar.upstream_id)
    now_ms = engine.clock.now_ms()
    first = not calendar.pulled_ms and not full
    if not first:
        deep = deep or not calendar.cursor or now_ms - calendar.deep_ms > _deep_every_ms(engine, calendar)
    tally = Tally()
    cursor, page = "" if full else calendar.cursor, ""
    aside: dict[int, dict[str, Upstream]] = {c.id: {} for c in acting}
    splits_are_items = provider.mapper.limits.splits_are_items
    brake = Brake(engine, calendar, release=release)
    known = _known(engine, calendar, collections, gone, brake.unasked)

    def apply(
        collection: CollectionRow, object_id: int, changes: Changes, doomed: dict[int, Changes] | None
    ) -> None:
        apply_changes(engine, collection, object_id, changes, tally, doomed=doomed)

    for _ in range(PAGES_MAX):
        result = provider.changes(
            target,
            cursor=cursor,
            page=page,
            window=engine.window(),
            known=known,
            deep=deep,
            first=first,
        )
        tally.pages += 1
        brake.see(result.items)
        for collection in acting:
            held_back = aside[collection.id] if splits_are_items else None
            apply_items(engine, collection, result.items, result.absent, tally, aside=held_back, brake=brake)
        if not result.next:
            brake.settle(acting, apply)
            tally.held = brake.count
        if not result.next or first:  # a first load brings its series first
            for collection in acting:
                apply_aside(engine, collection, aside[collection.id], tally)
                aside[collection.id].clear()
        if not tally.waiting:
            done = brake.done() if not result.next else []
            note_gone(engine, calendar, [*brake.spare(result.items), *done], gone)
        if not result.next:
            # Objects with an edit on its way were passed over: the same stretch is asked for again.
            cursor = calendar.cursor if tally.waiting else result.cursor
            _succeeded(engine, calendar, brake, cursor=cursor, deep=deep or first)
            if tally.added or tally.changed or tally.deleted:
                log.info(
                    "pull.applied", extra=fields(calendar=calendar.id, changed=tally.changed + tally.added)
                )
            return tally
        page = result.next
        if first and _progressed(engine, calendar, expected=result.expected) and by_page:
            tally.more = True
            return tally
    msg = f"the calendar has more than {PAGES_MAX} pages; it is read as far as that"
    raise BridgeError(msg)


def _acting(collections: list[CollectionRow]) -> list[CollectionRow]:
    """Return those whose person is linked. Raises Missing if nobody is."""
    acting = [c for c in collections if c.me]
    if not acting:
        msg = "nobody is linked to this calendar any more"
        raise Missing(msg)
    return acting


def _deep_every_ms(engine: Engine, calendar: CalendarRow) -> int:
    if not is_billed(engine, calendar.source_id):
        return DEEP_EVERY_MS
    return DEEP_BILLED_MS if is_alive(engine, calendar.source_id) else DEEP_UNTOLD_MS


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


def _progressed(engine: Engine, calendar: CalendarRow, *, expected: int) -> bool:
    """Note how much of a first load is here; returns whether this pull brought some of it.

    What is here stays, and whoever goes on with it begins after it.
    """
    with engine.store.write() as c:
        current = calendars.get(c, calendar.id)
        if current is None or current.pulled_ms:
            return False
        loaded = len(objects.calendar_item_ids(c, calendar.id))
        known = max(expected, current.expected, loaded)
        calendars.set_state(c, current, state="backfilling", loaded=loaded, expected=known)
    return loaded > calendar.loaded


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
                loaded=0,
                expected=0,
            )
    if brake.left - held_ids(calendar):
        log.warning("pull.held", extra=fields(calendar=calendar.id, count=brake.count))


# ---- one collection ---------------------------------------------------------------------------------------------

"""The occurrence index: what happens in a span of time without a text being read, and how it is kept up to date.

Rows are written with their object (``objects.add``, ``objects.change``); as time passes, ``tick`` writes long series
further, and works out what an earlier version left.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from bridge.engine.api import BusyTime, ObjectView
from bridge.engine.texts import read, served
from bridge.errors import BridgeError
from bridge.ical import recur
from bridge.ical.spans import KINDS, STEP_MS, Sure, narrowed, overlaps, spans_of, unread, window_end
from bridge.log import fields
from bridge.store import objects, occurrences

if TYPE_CHECKING:
    import datetime as dt

    import sqlalchemy as sa

    from bridge.engine.context import Engine
    from bridge.ical.spans import Span, Spans
    from bridge.store.occurrences import Due

log = logging.getLogger(__name__)

BATCH: Final = 100
"""Objects looked at together."""
ROWS_PER_WRITE: Final = 1_000
"""Rows after which a transaction ends: an edit waits for some tens of milliseconds at most."""
BATCHES_MAX: Final = 4
"""Batches of one tick; what is left has the next one."""


def occurring(
    c: sa.Connection,
    collection_id: int,
    start_ms: int,
    end_ms: int,
    zone: dt.tzinfo | None,
    *,
    texts: bool,
) -> tuple[list[ObjectView], list[ObjectView]]:
    """Return (what happens in [start, end), what may: its text says); see ``api.Service.get_occurring``."""
    if zone is None:
        sure = occurrences.touching(c, collection_id, start_ms, end_ms)
    else:
        sure, loose = occurrences.touching_firmly(c, collection_id, start_ms, end_ms)
        for object_id, span in loose:
            if overlaps(*narrowed(span, zone), start_ms, end_ms):
                sure[object_id] = Sure.LOOSE
    happening = sorted(object_id for object_id, how in sure.items() if how != Sure.LOOK)
    perhaps = sorted(object_id for object_id, how in sure.items() if how == Sure.LOOK)
    return (
        [served(row) for _, row in objects.by_ids(c, happening, texts=texts)],
        [served(row) for _, row in objects.by_ids(c, perhaps)],
    )


def busy(
    c: sa.Connection,
    collection_id: int,
    start_ms: int,
    end_ms: int,
    zone: dt.tzinfo,
    *,
    limit: int,
    but_uid: str = "",
) -> tuple[list[BusyTime], list[ObjectView]]:
    """Return (when time is taken in [start, end), whose text has to be read); see ``api.Service.get_busy``."""
    taken: list[BusyTime] = []
    perhaps: set[int] = set()
    for object_id, span in occurrences.busy(c, collection_id, start_ms, end_ms, limit=limit, but_uid=but_uid):
        if span.sure == Sure.LOOK:
            perhaps.add(object_id)
        else:
            starts_ms, ends_ms = _bounds(span, zone)
            taken.append(BusyTime(KINDS[span.busy], starts_ms, ends_ms))
    return taken, [served(row) for _, row in objects.by_ids(c, sorted(perhaps))]


def _bounds(span: Span, zone: dt.tzinfo) -> tuple[int, int]:
    return narrowed(span, zone) if span.sure == Sure.LOOSE else (span.starts_ms, span.ends_ms)


def tick(engine: Engine) -> int:
    """Write series further whose rows end too early, and what has none; returns how many objects were looked at."""
    looked = 0
    for _ in range(BATCHES_MAX):
        until_ms = window_end(engine.clock.now_ms())
        with engine.store.read() as c:
            due = occurrences.due(c, before_ms=until_ms - STEP_MS, limit=BATCH)
        looked += len(due)
        if due and not _renew(engine, due, until_ms):
            break
        if len(due) < BATCH:
            break
    return looked


def _renew(engine: Engine, due: list[Due], until_ms: int) -> int:
    """Return how many objects have new rows."""
    renewed = 0
    worked = [(row, _worked(engine, row, until_ms)) for row in due]
    while worked:
        rows = 0
        with engine.store.write() as c:
            while worked and rows < ROWS_PER_WRITE:
                row, spans = worked.pop()
                rows += len(spans.rows)
                renewed += occurrences.renew(c, row, spans)
    return renewed


def _worked(engine: Engine, row: Due, until_ms: int) -> Spans:
    """Return the spans of a stored text; one that is not readable is read in every query."""
    try:
        obj = read(row.text, engine.default_zone(row.source_id))
    except BridgeError as error:
        log.warning("timeindex.unreadable", extra=fields(object=row.id, error=type(error).__name__))
        return unread((row.starts_ms, row.ends_ms))
    return spans_of(row.text, recur.span(obj)[:2], until_ms)

"""Whether a vendor takes changes of single occurrences: no document says so, the first refusal teaches it.

Kept in the database: a series that was cut around its exceptions must not grow together again after a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.engine.desired import Span
from bridge.engine.texts import item_values
from bridge.store import objects, shared

if TYPE_CHECKING:
    import sqlalchemy as sa

    from bridge.engine.context import Engine
    from bridge.model.people import Roster
    from bridge.model.upstream import Upstream
    from bridge.store.rows import CollectionRow

CUT = "cut"
"""Said of a source that takes no change of one occurrence alone."""


def span(engine: Engine, source_id: str) -> Span:
    """Return from when to when series of a source are compiled now, and how."""
    with engine.store.read() as c:
        cut = is_cut(c, source_id)
    return Span(now=engine.now(), horizon=engine.horizon(), items_max=engine.sync.compile_items_max, cut=cut)


def is_cut(c: sa.Connection, source_id: str) -> bool:
    """Return whether series of a source are cut around their exceptions."""
    return shared.note(c, _key(source_id)) == CUT


def learn(engine: Engine, source_id: str) -> None:
    """Put down that a source takes no change of one occurrence alone."""
    with engine.store.write() as c:
        shared.put_note(c, _key(source_id), CUT)


def note_series(
    c: sa.Connection,
    engine: Engine,
    collection: CollectionRow,
    object_id: int,
    series: Upstream,
    roster: Roster,
) -> None:
    """Write down a series that the vendor changed although nobody meant it, so that it is changed back."""
    mapper = engine.provider(collection.source_id).mapper
    for row in objects.items(c, object_id):
        if row.upstream_id == series.id:
            payload = mapper.encode(mapper.decode(series, "", roster), roster).value
            objects.put_item(c, item_values(object_id, collection.id, row.key, series, payload))


def _key(source_id: str) -> str:
    return f"occurrences.{source_id}"

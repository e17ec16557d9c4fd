"""Checks that read every event: the columns beside a text follow from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from bridge.engine.custody.rows import Finding, Statement
from bridge.engine.texts import object_values, read
from bridge.errors import BridgeError
from bridge.ical.recur import FOREVER_MS
from bridge.ical.spans import reach_of, unread
from bridge.store import occurrences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.ical.spans import Spans

    ZoneOf = Callable[[str], str]

ROWS_AT_A_TIME: Final = 200
_AFTER: Final = sa.text("""
    SELECT object.id, uid, text, etag, starts_ms, ends_ms, recurring, object.change_seq, object.modified_ms,
      indexed_until_ms,
      collection_id, source_id
    FROM object JOIN collection ON collection.id = collection_id JOIN calendar ON calendar.id = calendar_id
    WHERE object.id > :after ORDER BY object.id LIMIT :count
""")
_MEND: Final = """
    UPDATE object SET uid = :uid, etag = :etag, starts_ms = :starts_ms, ends_ms = :ends_ms, recurring = :recurring,
      revision = revision + 1, change_seq = (SELECT change_seq + 1 FROM collection WHERE id = :collection_id)
    WHERE id = :id
"""
_COUNT_UP: Final = "UPDATE collection SET change_seq = change_seq + 1 WHERE id = :collection_id"
_COLUMNS: Final = ("uid", "etag", "starts_ms", "ends_ms", "recurring")
_COLUMNS_BEFORE: Final = ("uid", "etag", "recurring")
"""What follows from the text before its spans are worked out, which may widen the bounds."""
_ANEW: Final = (
    "DELETE FROM occurrence WHERE object_id = :id",
    """
    INSERT INTO occurrence (object_id, number, collection_id, reach, starts_ms, ends_ms, sure, busy)
    SELECT id, 0, collection_id, :reach, :starts_ms, :ends_ms, :sure, :busy FROM object WHERE id = :id
    """,
    "UPDATE object SET indexed_until_ms = 0 WHERE id = :id",
)
"""Until it is worked out anew, the text is read."""


def check_texts(c: sa.Connection, zone_of: ZoneOf) -> Iterator[Finding]:
    """Yield what is not readable, and what the columns say otherwise than the text."""
    after = 0
    while rows := c.execute(_AFTER, {"after": after, "count": ROWS_AT_A_TIME}).mappings().all():
        after = rows[-1]["id"]
        for row in rows:
            where = f"object {row['id']}"
            try:
                obj = read(row["text"], zone_of(row["source_id"]))
            except (BridgeError, ValueError):
                yield Finding(
                    check="text",
                    where=where,
                    words="its text is not readable; it is forgotten here and comes back from the vendor",
                    mends=Finding.one("DELETE FROM object WHERE id = :id", id=row["id"]),
                )
                continue
            until_ms = row["indexed_until_ms"]
            truth = object_values(
                obj,
                row["text"],
                now_ms=row["modified_ms"],
                change_seq=row["change_seq"],
                until_ms=0 if until_ms == FOREVER_MS else until_ms,
            )
            if until_ms:
                yield from _check_spans(c, row, truth["spans"], where)
            names = _COLUMNS if until_ms else _COLUMNS_BEFORE
            wrong = [name for name in names if truth[name] != row[name]]
            if wrong:
                values = {name: truth[name] for name in _COLUMNS}
                collection = {"collection_id": row["collection_id"]}
                yield Finding(
                    check="column",
                    where=where,
                    words=f"{', '.join(wrong)} do not follow from its text",
                    mends=(
                        Statement(text=sa.text(_MEND), values={**values, **collection, "id": row["id"]}),
                        Statement(text=sa.text(_COUNT_UP), values=collection),
                    ),
                )


def _check_spans(c: sa.Connection, row: sa.RowMapping, truth: Spans, where: str) -> Iterator[Finding]:
    """Yield where the occurrence index does not follow from the text."""
    held = occurrences.of_object(c, row["id"])
    if (held, row["indexed_until_ms"]) == (truth.rows, truth.until_ms):
        return
    (span,) = unread(truth.bounds).rows
    values = {"id": row["id"], "reach": reach_of(span), **span._asdict()}
    yield Finding(
        check="times",
        where=where,
        words="when it happens is not indexed as its text says; it is worked out anew",
        mends=tuple(Statement(text=sa.text(text), values=_named(text, values)) for text in _ANEW),
    )


def _named(text: str, values: dict[str, int]) -> dict[str, int]:
    """Return the values that a statement names."""
    return {name: value for name, value in values.items() if f":{name}" in text}

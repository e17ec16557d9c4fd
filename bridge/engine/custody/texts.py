"""Checks that read every event: the columns beside a text follow from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from bridge.engine.custody.rows import Finding, Statement
from bridge.engine.texts import object_values, read
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    ZoneOf = Callable[[str], str]

ROWS_AT_A_TIME: Final = 200
_AFTER: Final = sa.text("""
    SELECT object.id, uid, text, etag, starts_ms, ends_ms, recurring, object.change_seq, object.modified_ms,
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
            truth = object_values(obj, row["text"], now_ms=row["modified_ms"], change_seq=row["change_seq"])
            wrong = [name for name in _COLUMNS if truth[name] != row[name]]
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

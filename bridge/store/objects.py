"""Calendar objects, their vendor items, and what is left of deleted ones."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from bridge.store import occurrences
from bridge.store.rows import ItemRow, ObjectRow, many, one

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

IN_MAX = 500
"""Values of one IN list; longer lists are asked for in slices."""

_GET: Final = sa.text("SELECT * FROM object WHERE id = :id")
_BY_HREF: Final = sa.text("SELECT * FROM object WHERE collection_id = :collection_id AND href = :href")
_BY_HREFS: Final = sa.text("""
    SELECT href, uid, text, etag, starts_ms, ends_ms, recurring, modified_ms FROM object
    WHERE collection_id = :collection_id AND deleted = 0 AND href IN :hrefs
""").bindparams(sa.bindparam("hrefs", expanding=True))
_BY_UID: Final = sa.text(
    "SELECT * FROM object WHERE collection_id = :collection_id AND uid = :uid AND deleted = 0"
)
_ALL: Final = sa.text("SELECT * FROM object WHERE collection_id = :collection_id AND deleted = 0 ORDER BY id")
_ETAGS: Final = sa.text("""
    SELECT href, etag FROM object WHERE collection_id = :collection_id AND deleted = 0 ORDER BY id
""")
_TEXTS: Final = sa.text(
    "SELECT id, href, text FROM object WHERE collection_id = :collection_id AND deleted = 0"
)
"""Without ORDER BY: a database copies every text to sort it, 17 ms for 10,000 in SQLite."""
_BY_IDS: Final = sa.text("""
    SELECT id, href, uid, text, etag, starts_ms, ends_ms, recurring, modified_ms FROM object
    WHERE id IN :ids AND deleted = 0 ORDER BY id
""").bindparams(sa.bindparam("ids", expanding=True))
_SPANS_BY_IDS: Final = sa.text("""
    SELECT id, href, uid, '' AS text, etag, starts_ms, ends_ms, recurring, modified_ms FROM object
    WHERE id IN :ids AND deleted = 0 ORDER BY id
""").bindparams(sa.bindparam("ids", expanding=True))
_BETWEEN: Final = sa.text("""
    SELECT href, uid, text, etag, starts_ms, ends_ms, recurring, modified_ms FROM object
    WHERE collection_id = :collection_id AND deleted = 0
      AND ends_ms >= :start_ms AND starts_ms < :end_ms ORDER BY id
""")
_SPANS_BETWEEN: Final = sa.text("""
    SELECT href, uid, '' AS text, etag, starts_ms, ends_ms, recurring, modified_ms FROM object
    WHERE collection_id = :collection_id AND deleted = 0
      AND ends_ms >= :start_ms AND starts_ms < :end_ms ORDER BY id
""")
_SINCE: Final = sa.text("""
    SELECT href FROM object WHERE collection_id = :collection_id AND deleted = 0
      AND change_seq > :after_seq AND change_seq <= :upto_seq ORDER BY change_seq
""")
_GONE_SINCE: Final = sa.text("""
    SELECT href FROM tombstone WHERE collection_id = :collection_id
      AND change_seq > :after_seq AND change_seq <= :upto_seq ORDER BY change_seq
""")
_COUNT: Final = sa.text("SELECT COUNT(*) FROM object WHERE collection_id = :collection_id AND deleted = 0")
_TO_EXTEND: Final = sa.text("""
    SELECT id FROM object WHERE deleted = 0 AND exact_until_ms IS NOT NULL AND exact_until_ms < :before_ms ORDER BY id LIMIT :count
""")
_ADD: Final = sa.text("""
    INSERT INTO object (collection_id, href, uid, text, etag, starts_ms, ends_ms, recurring, exact_until_ms,
      change_seq, modified_ms, indexed_until_ms)
    VALUES (:collection_id, :href, :uid, :text, :etag, :starts_ms, :ends_ms, :recurring, :exact_until_ms,
      :change_seq, :modified_ms, :indexed_until_ms)
    RETURNING id
""")
_CHANGE: Final = sa.text("""
    UPDATE object SET uid = :uid, text = :text, etag = :etag, starts_ms = :starts_ms, ends_ms = :ends_ms,
      recurring = :recurring, exact_until_ms = :exact_until_ms, change_seq = :change_seq, modified_ms = :modified_ms,
      indexed_until_ms = :indexed_until_ms, deleted = 0, revision = revision + 1
    WHERE id = :id AND revision = :revision
""")
_EXACT: Final = sa.text("UPDATE object SET exact_until_ms = :exact_until_ms WHERE id = :id")
_RENAME: Final = sa.text("""
    UPDATE object SET href = :href, change_seq = :change_seq, modified_ms = :modified_ms, revision = revision + 1
    WHERE id = :id AND revision = :revision
""")
_HIDE: Final = sa.text("""
    UPDATE object SET deleted = 1, revision = revision + 1 WHERE id = :id AND revision = :revision
""")
_DETACH: Final = sa.text("UPDATE intent SET object_id = NULL WHERE object_id = :id AND closed_ms > 0")
"""Receipts outlive what they are about."""
_REMOVE: Final = sa.text("DELETE FROM object WHERE id = :id")
_TOMB: Final = sa.text("""
    INSERT INTO tombstone (collection_id, href, change_seq, deleted_ms) VALUES (:collection_id, :href, :change_seq, :now_ms)
    ON CONFLICT (collection_id, href) DO UPDATE SET change_seq = :change_seq, deleted_ms = :now_ms
""")
_UNTOMB: Final = sa.text("DELETE FROM tombstone WHERE collection_id = :collection_id AND href = :href")
_OLD_TOMBS: Final = sa.text("""
    SELECT collection_id, MAX(change_seq) AS seq FROM tombstone WHERE deleted_ms < :before_ms GROUP BY collection_id
""")
_FORGET_TOMBS: Final = sa.text(
    "DELETE FROM tombstone WHERE collection_id = :collection_id AND change_seq <= :seq"
)

_ITEMS: Final = sa.text("SELECT * FROM item WHERE object_id = :object_id ORDER BY id")
_ITEM_BY_UPSTREAM: Final = sa.text(
    "SELECT * FROM item WHERE collection_id = :collection_id AND upstream_id = :upstream_id"
)
_ITEM_IDS: Final = sa.text(
    "SELECT upstream_id FROM item WHERE collection_id = :collection_id AND cancelled = 0"
)
_CALENDAR_IDS: Final = sa.text("""
    SELECT DISTINCT i.upstream_id FROM item i JOIN collection c ON c.id = i.collection_id WHERE c.calendar_id = :calendar_id
""")
_SNAPSHOTS: Final = sa.text("""
    SELECT upstream_id, snapshot FROM item WHERE collection_id = :collection_id AND cancelled = 0
""")
_UID_OF: Final = sa.text("""
    SELECT o.uid FROM item i JOIN object o ON o.id = i.object_id JOIN collection c ON c.id = o.collection_id
    JOIN calendar k ON k.id = c.calendar_id
    WHERE k.source_id = :source_id AND i.upstream_id = :upstream_id ORDER BY o.id LIMIT 1
""")
_LINK_OF: Final = sa.text("""
    SELECT i.key, i.series_id, i.origin FROM item i JOIN collection c ON c.id = i.collection_id
    WHERE c.calendar_id = :calendar_id AND i.upstream_id = :upstream_id AND i.cancelled = 0 ORDER BY i.id LIMIT 1
""")
_SERIES_ITEMS: Final = sa.text("""
    SELECT i.* FROM item i JOIN object o ON o.id = i.object_id
    WHERE o.collection_id = :collection_id AND o.deleted = 0 AND o.recurring = 1 ORDER BY i.object_id, i.id
""")
_ITEM_PUT: Final = sa.text("""
    INSERT INTO item (object_id, collection_id, key, upstream_id, payload, snapshot, series_id, origin, cancelled)
    VALUES (:object_id, :collection_id, :key, :upstream_id, :payload, :snapshot, :series_id, :origin, :cancelled)
    ON CONFLICT (object_id, key) DO UPDATE SET upstream_id = :upstream_id, payload = :payload, snapshot = :snapshot,
      series_id = :series_id, origin = :origin, cancelled = :cancelled
""")
_ITEM_REMOVE: Final = sa.text("DELETE FROM item WHERE object_id = :object_id AND key = :key")
_GONE_ADD: Final = sa.text("""
    INSERT INTO gone (calendar_id, upstream_id) VALUES (:calendar_id, :upstream_id) ON CONFLICT DO NOTHING
""")
_GONE: Final = sa.text("SELECT upstream_id FROM gone WHERE calendar_id = :calendar_id")


def get(c: sa.Connection, object_id: int) -> ObjectRow | None:
    """Return an object by id, hidden ones too."""
    return one(ObjectRow, c.execute(_GET, {"id": object_id}))


def by_href(c: sa.Connection, collection_id: int, href: str) -> ObjectRow | None:
    """Return an object by its last path segment, hidden ones too."""
    return one(ObjectRow, c.execute(_BY_HREF, {"collection_id": collection_id, "href": href}))


Served = tuple[str, str, str, str, int, int, int, int]
"""href, UID, text, etag, starts_ms, ends_ms, recurring, modified_ms: a row as it comes from the driver, for many at once."""


def by_hrefs(c: sa.Connection, collection_id: int, hrefs: Sequence[str]) -> list[Served]:
    """Return those of the objects that are served."""
    found: list[Served] = []
    for index in range(0, len(hrefs), IN_MAX):
        values = {"collection_id": collection_id, "hrefs": list(hrefs[index : index + IN_MAX])}
        found += cast("list[Served]", c.execute(_BY_HREFS, values).cursor.fetchall())
    return found


def by_ids(c: sa.Connection, ids: Sequence[int], *, texts: bool = True) -> list[tuple[int, Served]]:
    """Return (id, object) of those of the objects that are served; without ``texts`` the text of each is ""."""
    found: list[tuple[int, Served]] = []
    for index in range(0, len(ids), IN_MAX):
        values = {"ids": list(ids[index : index + IN_MAX])}
        rows = c.execute(_BY_IDS if texts else _SPANS_BY_IDS, values).cursor.fetchall()
        found += [(row[0], row[1:]) for row in rows]
    return found


def by_uid(c: sa.Connection, collection_id: int, uid: str) -> ObjectRow | None:
    """Return the served object with a UID."""
    return one(ObjectRow, c.execute(_BY_UID, {"collection_id": collection_id, "uid": uid}))


def all_objects(c: sa.Connection, collection_id: int) -> list[ObjectRow]:
    """Return every served object."""
    return many(ObjectRow, c.execute(_ALL, {"collection_id": collection_id}))


def etags(c: sa.Connection, collection_id: int) -> list[tuple[str, str]]:
    """Return (href, etag) of every served object: a listing reads no text."""
    rows = c.execute(_ETAGS, {"collection_id": collection_id}).cursor.fetchall()
    return cast("list[tuple[str, str]]", rows)


def texts(c: sa.Connection, collection_id: int) -> list[tuple[str, str]]:
    """Return (href, text) of every served object, the oldest first."""
    rows = cast(
        "list[tuple[int, str, str]]", c.execute(_TEXTS, {"collection_id": collection_id}).cursor.fetchall()
    )
    rows.sort(key=itemgetter(0))
    return [(href, text) for _, href, text in rows]


def between(
    c: sa.Connection, collection_id: int, start_ms: int, end_ms: int, *, texts: bool = True
) -> list[Served]:
    """Return served objects whose span touches [start, end); without ``texts`` the text of each is ""."""
    values = {"collection_id": collection_id, "start_ms": start_ms, "end_ms": end_ms}
    return cast("list[Served]", c.execute(_BETWEEN if texts else _SPANS_BETWEEN, values).cursor.fetchall())


def changed(
    c: sa.Connection, collection_id: int, *, after_seq: int, upto_seq: int
) -> tuple[list[str], list[str]]:
    """Return (hrefs new or changed, hrefs deleted) in (after, upto]."""
    values = {"collection_id": collection_id, "after_seq": after_seq, "upto_seq": upto_seq}
    return [str(r[0]) for r in c.execute(_SINCE, values)], [str(r[0]) for r in c.execute(_GONE_SINCE, values)]


def count(c: sa.Connection, collection_id: int) -> int:
    """Return how many objects are served."""
    return int(c.execute(_COUNT, {"collection_id": collection_id}).scalar_one())


def to_extend(c: sa.Connection, *, before_ms: int, limit: int) -> list[int]:
    """Return objects whose compiled series end before a time."""
    return [int(r[0]) for r in c.execute(_TO_EXTEND, {"before_ms": before_ms, "count": limit})]


def add(c: sa.Connection, values: dict[str, Any]) -> int:
    """Insert an object with its ``spans`` (``ical.spans.Spans``) and forget the tombstone of its name."""
    collection_id, spans = values["collection_id"], values["spans"]
    c.execute(_UNTOMB, {"collection_id": collection_id, "href": values["href"]})
    object_id = int(c.execute(_ADD, {**values, "indexed_until_ms": spans.until_ms}).scalar_one())
    occurrences.add(c, object_id, collection_id, spans)
    return object_id


def change(c: sa.Connection, row: ObjectRow, values: dict[str, Any]) -> bool:
    """Replace an object's text and its ``spans``; False when another was faster (the revision moved)."""
    spans = values["spans"]
    c.execute(_UNTOMB, {"collection_id": row.collection_id, "href": row.href})
    known = {"id": row.id, "revision": row.revision, "indexed_until_ms": spans.until_ms}
    if c.execute(_CHANGE, {**values, **known}).rowcount != 1:
        return False
    occurrences.put(c, row.id, row.collection_id, spans)
    return True


def set_exact(c: sa.Connection, object_id: int, exact_until_ms: int | None) -> None:
    """Note until when the vendor shows an object's occurrences."""
    c.execute(_EXACT, {"id": object_id, "exact_until_ms": exact_until_ms})


def rename(c: sa.Connection, row: ObjectRow, *, href: str, change_seq: int, now_ms: int) -> bool:
    """Give an object another name in its collection."""
    c.execute(_UNTOMB, {"collection_id": row.collection_id, "href": href})
    values = {
        "id": row.id,
        "revision": row.revision,
        "href": href,
        "change_seq": change_seq,
        "modified_ms": now_ms,
    }
    return c.execute(_RENAME, values).rowcount == 1


def hide(c: sa.Connection, row: ObjectRow) -> bool:
    """Stop serving an object whose deletion still has to reach the vendor."""
    return c.execute(_HIDE, {"id": row.id, "revision": row.revision}).rowcount == 1


def remove(c: sa.Connection, object_id: int) -> None:
    """Delete an object with its items; its receipts outlive it."""
    c.execute(_DETACH, {"id": object_id})
    c.execute(_REMOVE, {"id": object_id})


def bury(c: sa.Connection, collection_id: int, href: str, *, change_seq: int, now_ms: int) -> None:
    """Remember a deletion for sync-collection."""
    c.execute(
        _TOMB, {"collection_id": collection_id, "href": href, "change_seq": change_seq, "now_ms": now_ms}
    )


def forget_tombstones(c: sa.Connection, before_ms: int) -> list[tuple[int, int]]:
    """Drop old tombstones; returns (collection, highest change number dropped)."""
    dropped = [(int(r[0]), int(r[1])) for r in c.execute(_OLD_TOMBS, {"before_ms": before_ms})]
    for collection_id, seq in dropped:
        c.execute(_FORGET_TOMBS, {"collection_id": collection_id, "seq": seq})
    return dropped


def items(c: sa.Connection, object_id: int) -> list[ItemRow]:
    """Return the vendor items of an object in the order they were made."""
    return many(ItemRow, c.execute(_ITEMS, {"object_id": object_id}))


def item_by_upstream(c: sa.Connection, collection_id: int, upstream_id: str) -> ItemRow | None:
    """Return the item with a vendor id."""
    return one(
        ItemRow, c.execute(_ITEM_BY_UPSTREAM, {"collection_id": collection_id, "upstream_id": upstream_id})
    )


def item_ids(c: sa.Connection, collection_id: int) -> frozenset[str]:
    """Return the ids of all live items of a collection."""
    return frozenset(str(r[0]) for r in c.execute(_ITEM_IDS, {"collection_id": collection_id}))


def calendar_item_ids(c: sa.Connection, calendar_id: int) -> frozenset[str]:
    """Return the ids of all items known in any collection of an upstream calendar."""
    return frozenset(str(r[0]) for r in c.execute(_CALENDAR_IDS, {"calendar_id": calendar_id}))


def snapshots(c: sa.Connection, collection_id: int) -> dict[str, str]:
    """Return vendor id -> snapshot text of live items."""
    return {str(r[0]): str(r[1]) for r in c.execute(_SNAPSHOTS, {"collection_id": collection_id})}


def uid_of(c: sa.Connection, source_id: str, upstream_id: str) -> str | None:
    """Return the UID under which anybody of the source already holds an item: one meeting, one UID."""
    row = c.execute(_UID_OF, {"source_id": source_id, "upstream_id": upstream_id}).first()
    return None if row is None else str(row[0])


def link_of(c: sa.Connection, calendar_id: int, upstream_id: str) -> tuple[str, str, str] | None:
    """Return (key, series id, origin) under which any collection of an upstream calendar holds a live item."""
    row = c.execute(_LINK_OF, {"calendar_id": calendar_id, "upstream_id": upstream_id}).first()
    return None if row is None else (str(row[0]), str(row[1]), str(row[2]))


def items_of_series(c: sa.Connection, collection_id: int) -> list[ItemRow]:
    """Return the vendor items of all served objects that repeat, object by object."""
    return many(ItemRow, c.execute(_SERIES_ITEMS, {"collection_id": collection_id}))


def put_item(c: sa.Connection, values: dict[str, Any]) -> None:
    """Insert or replace the item of a key."""
    c.execute(_ITEM_PUT, values)


def remove_item(c: sa.Connection, object_id: int, key: str) -> None:
    """Forget the item of a key."""
    c.execute(_ITEM_REMOVE, {"object_id": object_id, "key": key})


def note_gone(c: sa.Connection, calendar_id: int, upstream_ids: Iterable[str]) -> None:
    """Remember ids that are cancelled for good."""
    for upstream_id in upstream_ids:
        c.execute(_GONE_ADD, {"calendar_id": calendar_id, "upstream_id": upstream_id})


def gone(c: sa.Connection, calendar_id: int) -> frozenset[str]:
    """Return ids that are cancelled for good."""
    return frozenset(str(r[0]) for r in c.execute(_GONE, {"calendar_id": calendar_id}))

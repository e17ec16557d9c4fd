"""The occurrence index: when objects happen, without their texts (``ical.spans`` says what a row means)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast

import sqlalchemy as sa

from bridge.ical.spans import REACHES_MS, Span, Spans, Sure, reach_of
from bridge.store import schema

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS_AT_A_TIME: Final = 500
"""Rows of one INSERT."""

_FIRST: Final = sa.text("""
    INSERT INTO occurrence (object_id, number, collection_id, reach, starts_ms, ends_ms, sure, busy)
    VALUES (:object_id, :number, :collection_id, :reach, :starts_ms, :ends_ms, :sure, :busy)
""")
_OF: Final = sa.text("""
    SELECT starts_ms, ends_ms, sure, busy FROM occurrence WHERE object_id = :object_id ORDER BY number
""")
_FORGET: Final = sa.text("DELETE FROM occurrence WHERE object_id = :object_id")
_RENEW: Final = sa.text("""
    UPDATE object SET starts_ms = :starts_ms, ends_ms = :ends_ms, indexed_until_ms = :until_ms
    WHERE id = :object_id AND revision = :revision
""")
_DUE: Final = sa.text("""
    SELECT o.id, o.collection_id, o.text, o.revision, o.starts_ms, o.ends_ms, k.source_id
    FROM object o JOIN collection c ON c.id = o.collection_id JOIN calendar k ON k.id = c.calendar_id
    WHERE o.indexed_until_ms < :before_ms ORDER BY o.indexed_until_ms, o.id LIMIT :count
""")


def _touching(wanted: str) -> str:
    """Return the SELECT of all rows that touch [:start_ms, :end_ms): one short stretch of the index per length."""
    below = [f"AND starts_ms > :start_ms - {most}" for most in REACHES_MS]
    return " UNION ALL ".join(
        f"SELECT object_id, starts_ms, ends_ms, sure, busy FROM occurrence "  # noqa: S608  # constants only
        f"WHERE collection_id = :collection_id AND reach = {reach} AND starts_ms < :end_ms {bound} "
        f"AND (ends_ms > :start_ms OR (ends_ms = starts_ms AND starts_ms = :start_ms)) AND {wanted}"
        for reach, bound in enumerate([*below, ""])
    )


_ANYWHERE: Final = sa.text(f"""
    SELECT object_id, MIN(sure) FROM ({_touching("sure >= 0")}) AS touching GROUP BY object_id
""")  # noqa: S608
_FIRM: Final = sa.text(f"""
    SELECT object_id, MIN(sure) FROM ({_touching(f"sure <> {Sure.LOOSE:d}")}) AS touching GROUP BY object_id
""")  # noqa: S608
_LOOSE: Final = sa.text(_touching(f"sure = {Sure.LOOSE:d}"))
_BUSY: Final = sa.text(f"""
    SELECT t.object_id, t.starts_ms, t.ends_ms, t.sure, t.busy FROM ({_touching("busy > 0")}) AS t
    JOIN object o ON o.id = t.object_id WHERE o.deleted = 0 AND o.uid <> :but_uid LIMIT :count
""")  # noqa: S608


class Touch(NamedTuple):
    """A row that touches a range."""

    object_id: int
    span: Span


class Due(NamedTuple):
    """An object whose rows are missing or end too early."""

    id: int
    collection_id: int
    text: str
    revision: int
    starts_ms: int
    ends_ms: int
    source_id: str


def put(c: sa.Connection, object_id: int, collection_id: int, spans: Spans) -> None:
    """Write the rows of an object in place of those it has; nothing where they are the same."""
    if tuple(c.execute(_OF, {"object_id": object_id}).cursor.fetchall()) == spans.rows:
        return
    c.execute(_FORGET, {"object_id": object_id})
    add(c, object_id, collection_id, spans)


def add(c: sa.Connection, object_id: int, collection_id: int, spans: Spans) -> None:
    """Write the rows of an object that has none."""
    rows = [
        {
            "object_id": object_id,
            "number": number,
            "collection_id": collection_id,
            "reach": reach_of(span),
            **span._asdict(),
        }
        for number, span in enumerate(spans.rows)
    ]
    if len(rows) == 1:
        c.execute(_FIRST, rows[0])
        return
    for index in range(0, len(rows), ROWS_AT_A_TIME):
        c.execute(schema.occurrence.insert(), rows[index : index + ROWS_AT_A_TIME])


def of_object(c: sa.Connection, object_id: int) -> tuple[Span, ...]:
    """Return the rows of an object."""
    return tuple(Span(*row) for row in c.execute(_OF, {"object_id": object_id}))


def touching(c: sa.Connection, collection_id: int, start_ms: int, end_ms: int) -> dict[int, int]:
    """Return the objects (hidden ones, too) that touch [start, end), wherever one looks from, and how sure that is."""
    values = {"collection_id": collection_id, "start_ms": start_ms, "end_ms": end_ms}
    return dict(cast("list[tuple[int, int]]", c.execute(_ANYWHERE, values).cursor.fetchall()))


def touching_firmly(
    c: sa.Connection, collection_id: int, start_ms: int, end_ms: int
) -> tuple[dict[int, int], list[Touch]]:
    """Return as :func:`touching` what depends on nobody's place, and the loose rows that touch the range."""
    values = {"collection_id": collection_id, "start_ms": start_ms, "end_ms": end_ms}
    firm = dict(cast("list[tuple[int, int]]", c.execute(_FIRM, values).cursor.fetchall()))
    return firm, [_touch(row) for row in c.execute(_LOOSE, values).cursor.fetchall()]


def busy(
    c: sa.Connection, collection_id: int, start_ms: int, end_ms: int, *, limit: int, but_uid: str = ""
) -> list[Touch]:
    """Return the rows of served objects that touch [start, end) and take time, but not of one UID."""
    values = {
        "collection_id": collection_id,
        "start_ms": start_ms,
        "end_ms": end_ms,
        "count": limit,
        "but_uid": but_uid,
    }
    return [_touch(row) for row in c.execute(_BUSY, values).cursor.fetchall()]


def _touch(row: Sequence[int]) -> Touch:
    return Touch(row[0], Span(*row[1:]))


def due(c: sa.Connection, *, before_ms: int, limit: int) -> list[Due]:
    """Return objects whose rows are not there yet or end before a time, those without any first."""
    return [Due(*row) for row in c.execute(_DUE, {"before_ms": before_ms, "count": limit})]


def renew(c: sa.Connection, row: Due, spans: Spans) -> bool:
    """Write the rows of an object anew unless it changed meanwhile; returns whether it did not."""
    values = {"starts_ms": spans.bounds[0], "ends_ms": spans.bounds[1], "until_ms": spans.until_ms}
    if c.execute(_RENEW, {**values, "object_id": row.id, "revision": row.revision}).rowcount != 1:
        return False
    put(c, row.id, row.collection_id, spans)
    return True

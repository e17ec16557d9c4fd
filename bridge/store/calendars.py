"""Upstream calendars, the collections that show them, and the counter that orders changes."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from bridge.store.rows import CalendarRow, CollectionRow, many, one

_UPSERT: Final = sa.text("""
    INSERT INTO calendar (source_id, account, upstream_id, name, color)
    VALUES (:source_id, :account, :upstream_id, :name, :color)
    ON CONFLICT (source_id, account, upstream_id) DO UPDATE SET name = :name, color = :color
    RETURNING id
""")
_GET: Final = sa.text("SELECT * FROM calendar WHERE id = :id")
_ALL: Final = sa.text("SELECT * FROM calendar ORDER BY id")
_OF_SOURCE: Final = sa.text("SELECT * FROM calendar WHERE source_id = :source_id ORDER BY id")
_BY_UPSTREAM: Final = sa.text("""
    SELECT * FROM calendar WHERE source_id = :source_id AND account = :account AND upstream_id = :upstream_id
""")
_STATE: Final = sa.text("""
    UPDATE calendar SET cursor = :cursor, pulled_ms = :pulled_ms, deep_ms = :deep_ms, pull_at_ms = :pull_at_ms,
      failures = :failures, state = :state, reason = :reason, cause = :cause, held = :held, loaded = :loaded,
      expected = :expected WHERE id = :id
""")
_SOONER: Final = sa.text("""
    UPDATE calendar SET pull_at_ms = :at_ms WHERE source_id = :source_id AND pull_at_ms > :at_ms
""")
_ONE_SOONER: Final = sa.text("UPDATE calendar SET pull_at_ms = :at_ms WHERE id = :id AND pull_at_ms > :at_ms")
_AWAKE: Final = sa.text("""
    UPDATE calendar SET pull_at_ms = :now_ms WHERE pull_at_ms > :now_ms AND state NOT IN ('throttled', 'unauthorised')
      AND EXISTS (SELECT 1 FROM collection c JOIN principal p ON p.id = c.principal_id
                  WHERE c.calendar_id = calendar.id AND p.name = :user)
""")
_STATES: Final = sa.text(
    "SELECT source_id, state, cause, COUNT(*) FROM calendar GROUP BY source_id, state, cause"
)
_UNTHROTTLE: Final = sa.text("""
    UPDATE calendar SET pull_at_ms = :now_ms WHERE state = 'throttled' AND pull_at_ms > :after_ms
""")
_CLAIM_PULL: Final = sa.text("""
    UPDATE calendar SET pull_at_ms = :until_ms WHERE id = :id AND pull_at_ms = :pull_at_ms
""")
_RECURRING: Final = sa.text("""
    SELECT 1 FROM object o JOIN collection c ON c.id = o.collection_id
    WHERE c.calendar_id = :calendar_id AND o.recurring = 1 LIMIT 1
""")
_REMOVE: Final = sa.text("DELETE FROM calendar WHERE id = :id")
_DUE: Final = sa.text("""
    SELECT k.*, (SELECT MAX(p.looked_ms) FROM collection c JOIN principal p ON p.id = c.principal_id
                 WHERE c.calendar_id = k.id) AS looked_ms
    FROM calendar k WHERE k.pull_at_ms <= :now_ms AND EXISTS (SELECT 1 FROM collection c WHERE c.calendar_id = k.id)
    ORDER BY k.pulled_ms, k.loaded, k.id LIMIT :count
""")

_LOOKED: Final = sa.text("""
    SELECT COALESCE(MAX(p.looked_ms), 0) FROM collection c JOIN principal p ON p.id = c.principal_id
    WHERE c.calendar_id = :calendar_id
""")
_COUNT_LOOKED: Final = sa.text("""
    SELECT COALESCE(SUM(CASE WHEN looked_ms >= :since_ms THEN 1 ELSE 0 END), 0), COUNT(*) FROM (
      SELECT MAX(p.looked_ms) AS looked_ms FROM calendar k JOIN collection c ON c.calendar_id = k.id
      JOIN principal p ON p.id = c.principal_id WHERE k.source_id = :source_id GROUP BY k.id
    ) AS looked
""")

_COLLECTION: Final = """
    SELECT c.id, c.principal_id, u.name AS "user", u.email, c.calendar_id, k.source_id,
      k.upstream_id AS upstream_calendar_id, k.account, COALESCE(l.upstream_id, '') AS me, k.name AS calendar_name,
      k.color AS calendar_color, c.slug, c.writable, c.reason, c.props, c.change_seq, c.floor_seq, c.modified_ms
    FROM collection c JOIN principal u ON u.id = c.principal_id JOIN calendar k ON k.id = c.calendar_id
    LEFT JOIN link l ON l.principal_id = c.principal_id AND l.source_id = k.source_id
"""
_COLLECTION_BY_ID: Final = sa.text(_COLLECTION + " WHERE c.id = :id")
_COLLECTION_BY_SLUG: Final = sa.text(_COLLECTION + " WHERE u.name = :user AND c.slug = :slug")
_COLLECTIONS_OF_USER: Final = sa.text(_COLLECTION + " WHERE u.name = :user ORDER BY c.id")
_COLLECTIONS_OF_CALENDAR: Final = sa.text(_COLLECTION + " WHERE c.calendar_id = :calendar_id ORDER BY c.id")
_COLLECTIONS: Final = sa.text(_COLLECTION + " ORDER BY u.name, c.id")
_COLLECTION_ADD: Final = sa.text("""
    INSERT INTO collection (principal_id, calendar_id, slug, writable, reason, modified_ms)
    VALUES (:principal_id, :calendar_id, :slug, :writable, :reason, :now_ms)
    ON CONFLICT (principal_id, calendar_id) DO UPDATE SET writable = :writable, reason = :reason RETURNING id
""")
_COLLECTION_REMOVE: Final = sa.text("DELETE FROM collection WHERE id = :id")
_ORPHANS: Final = sa.text(
    "DELETE FROM calendar WHERE NOT EXISTS (SELECT 1 FROM collection c WHERE c.calendar_id = calendar.id)"
)
_TAKE: Final = sa.text("""
    UPDATE collection SET change_seq = change_seq + 1, modified_ms = :now_ms WHERE id = :id RETURNING change_seq
""")
_PROPS: Final = sa.text("UPDATE collection SET props = :props WHERE id = :id")
_FLOOR: Final = sa.text(
    "UPDATE collection SET floor_seq = :floor_seq WHERE id = :id AND floor_seq < :floor_seq"
)


def upsert(c: sa.Connection, *, source_id: str, account: str, upstream_id: str, name: str, color: str) -> int:
    """Insert or rename an upstream calendar."""
    values = {
        "source_id": source_id,
        "account": account,
        "upstream_id": upstream_id,
        "name": name,
        "color": color,
    }
    return int(c.execute(_UPSERT, values).scalar_one())


def get(c: sa.Connection, calendar_id: int) -> CalendarRow | None:
    """Return an upstream calendar."""
    return one(CalendarRow, c.execute(_GET, {"id": calendar_id}))


def all_calendars(c: sa.Connection) -> list[CalendarRow]:
    """Return every upstream calendar."""
    return many(CalendarRow, c.execute(_ALL))


def states(c: sa.Connection) -> dict[tuple[str, str, str], int]:
    """Return (source, state, cause) -> how many upstream calendars are in it."""
    return {(str(r[0]), str(r[1]), str(r[2])): int(r[3]) for r in c.execute(_STATES)}


def of_source(c: sa.Connection, source_id: str) -> list[CalendarRow]:
    """Return the calendars of one source."""
    return many(CalendarRow, c.execute(_OF_SOURCE, {"source_id": source_id}))


def by_upstream(c: sa.Connection, source_id: str, account: str, upstream_id: str) -> CalendarRow | None:
    """Return an upstream calendar by the vendor's id."""
    values = {"source_id": source_id, "account": account, "upstream_id": upstream_id}
    return one(CalendarRow, c.execute(_BY_UPSTREAM, values))


def set_state(c: sa.Connection, row: CalendarRow, **changes: Any) -> None:
    """Write cursor, pulled_ms, deep_ms, pull_at_ms, failures, state, reason, cause, held, loaded, expected."""
    names = (
        "cursor", "pulled_ms", "deep_ms", "pull_at_ms", "failures", "state", "reason", "cause", "held", "loaded", "expected",
    )  # fmt: skip
    c.execute(_STATE, {"id": row.id, **{name: changes.get(name, getattr(row, name)) for name in names}})


def pull_before(c: sa.Connection, source_id: str, at_ms: int) -> None:
    """Let no calendar of a source wait longer than until a time for its next pull."""
    c.execute(_SOONER, {"source_id": source_id, "at_ms": at_ms})


def pull_one_before(c: sa.Connection, calendar_id: int, at_ms: int) -> None:
    """Let one calendar wait no longer than until a time for its next pull."""
    c.execute(_ONE_SOONER, {"id": calendar_id, "at_ms": at_ms})


def pull_soon(c: sa.Connection, user: str, *, now_ms: int) -> None:
    """Let what a user looks at be pulled now, where no vendor asked to wait."""
    c.execute(_AWAKE, {"user": user, "now_ms": now_ms})


def wake(c: sa.Connection, *, now_ms: int, after_ms: int) -> int:
    """Let throttled calendars whose next pull is later than ``after_ms`` be tried now; returns how many."""
    return c.execute(_UNTHROTTLE, {"now_ms": now_ms, "after_ms": after_ms}).rowcount


def claim_pull(c: sa.Connection, row: CalendarRow, *, until_ms: int) -> bool:
    """Take the pull that is due as ``row`` says; False when another node took it. If we die it is due at ``until_ms``."""
    values = {"id": row.id, "pull_at_ms": row.pull_at_ms, "until_ms": until_ms}
    return c.execute(_CLAIM_PULL, values).rowcount == 1


def has_recurring(c: sa.Connection, calendar_id: int) -> bool:
    """Return whether anybody's collection of a calendar holds a series."""
    return c.execute(_RECURRING, {"calendar_id": calendar_id}).first() is not None


def looked_ms(c: sa.Connection, calendar_id: int) -> int:
    """Return when a client last asked for a calendar; 0: never."""
    return int(c.execute(_LOOKED, {"calendar_id": calendar_id}).scalar_one())


def count_looked(c: sa.Connection, source_id: str, *, since_ms: int) -> tuple[int, int]:
    """Return how many calendars of a source a client asked for since a time, and how many others are shown."""
    awake, shown = c.execute(_COUNT_LOOKED, {"source_id": source_id, "since_ms": since_ms}).one()
    return int(awake), int(shown) - int(awake)


def remove(c: sa.Connection, calendar_id: int) -> None:
    """Delete an upstream calendar and every collection that shows it."""
    c.execute(_REMOVE, {"id": calendar_id})


def due(c: sa.Connection, *, now_ms: int, count: int) -> list[tuple[CalendarRow, int]]:
    """Return calendars whose next pull is due, each with the time when a client last looked.

    The oldest data come first, so that nobody starves where there are fewer calls than calendars; of first loads those
    of which least is here.
    """
    rows = c.execute(_DUE, {"now_ms": now_ms, "count": count}).mappings().all()
    return [
        (
            CalendarRow(**{name: value for name, value in row.items() if name != "looked_ms"}),
            int(row["looked_ms"] or 0),
        )
        for row in rows
    ]


def collection(c: sa.Connection, collection_id: int) -> CollectionRow | None:
    """Return a collection by id."""
    return one(CollectionRow, c.execute(_COLLECTION_BY_ID, {"id": collection_id}))


def collection_by_slug(c: sa.Connection, user: str, slug: str) -> CollectionRow | None:
    """Return a collection by its URL."""
    return one(CollectionRow, c.execute(_COLLECTION_BY_SLUG, {"user": user, "slug": slug}))


def collections_of_user(c: sa.Connection, user: str) -> list[CollectionRow]:
    """Return a user's collections."""
    return many(CollectionRow, c.execute(_COLLECTIONS_OF_USER, {"user": user}))


def collections_of_calendar(c: sa.Connection, calendar_id: int) -> list[CollectionRow]:
    """Return every user's collection of one upstream calendar."""
    return many(CollectionRow, c.execute(_COLLECTIONS_OF_CALENDAR, {"calendar_id": calendar_id}))


def collections(c: sa.Connection) -> list[CollectionRow]:
    """Return every collection."""
    return many(CollectionRow, c.execute(_COLLECTIONS))


def add_collection(
    c: sa.Connection,
    *,
    principal_id: int,
    calendar_id: int,
    slug: str,
    writable: bool,
    reason: str,
    now_ms: int,
) -> int:
    """Insert a collection, or set the rights of the one that is there."""
    values = {
        "principal_id": principal_id,
        "calendar_id": calendar_id,
        "slug": slug,
        "writable": int(writable),
        "reason": reason,
        "now_ms": now_ms,
    }
    return int(c.execute(_COLLECTION_ADD, values).scalar_one())


def remove_collection(c: sa.Connection, collection_id: int) -> None:
    """Delete a collection, and the upstream calendar's row with the last of its collections."""
    c.execute(_COLLECTION_REMOVE, {"id": collection_id})
    c.execute(_ORPHANS)


def take_seq(c: sa.Connection, collection_id: int, now_ms: int) -> int:
    """Return the next change number. The row lock makes commit order equal number order."""
    return int(c.execute(_TAKE, {"id": collection_id, "now_ms": now_ms}).scalar_one())


def set_props(c: sa.Connection, collection_id: int, props: str) -> None:
    """Keep what this user's clients set on the collection, as JSON."""
    c.execute(_PROPS, {"id": collection_id, "props": props})


def raise_floor(c: sa.Connection, collection_id: int, floor_seq: int) -> None:
    """Forget sync tokens below a change number."""
    c.execute(_FLOOR, {"id": collection_id, "floor_seq": floor_seq})

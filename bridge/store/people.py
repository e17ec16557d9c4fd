"""Principals, app passwords, links, feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bridge.store.rows import LinkRow, PasswordRow, PrincipalRow, many, one

if TYPE_CHECKING:
    from collections.abc import Sequence

_ADD: Final = sa.text(
    "INSERT INTO principal (name, email, created_ms) VALUES (:name, :email, :now_ms) RETURNING id"
)
_BY_NAME: Final = sa.text("SELECT * FROM principal WHERE name = :name")
_ALL: Final = sa.text("SELECT * FROM principal ORDER BY name")
_REMOVE: Final = sa.text("DELETE FROM principal WHERE name = :name")
_LOOKED: Final = sa.text(
    "UPDATE principal SET looked_ms = :now_ms WHERE name = :name AND looked_ms < :older_ms"
)
_PROPS: Final = sa.text("UPDATE principal SET props = :props WHERE id = :id")

_PASSWORD_ADD: Final = sa.text("""
    INSERT INTO password (principal_id, label, hash, read_only, created_ms, expires_ms)
    VALUES (:principal_id, :label, :hash, :read_only, :now_ms, :expires_ms) RETURNING id
""")
_PASSWORD_CHECK: Final = sa.text("""
    SELECT p.id, p.label, p.read_only, p.last_used_ms, p.expires_ms, u.name AS "user"
    FROM password p JOIN principal u ON u.id = p.principal_id WHERE p.hash = :hash
""")
_PASSWORD_USED: Final = sa.text("UPDATE password SET last_used_ms = :now_ms WHERE id = :id")
_PASSWORDS: Final = sa.text("SELECT * FROM password WHERE principal_id = :principal_id ORDER BY id")
_PASSWORD_REVOKE: Final = sa.text("DELETE FROM password WHERE id = :id")

_LINK_ADD: Final = sa.text("""
    INSERT INTO link (principal_id, source_id, vendor_id) VALUES (:principal_id, :source_id, :vendor_id) RETURNING id
""")
_LINKS: Final = sa.text("SELECT * FROM link WHERE principal_id = :principal_id ORDER BY source_id")
_LINKS_DUE: Final = sa.text("""
    SELECT * FROM link WHERE state <> 'connected' AND retry_at_ms <= :now_ms ORDER BY retry_at_ms, id LIMIT :count
""")
_LINKS_STALE: Final = sa.text("""
    SELECT l.* FROM link l WHERE l.state = 'connected' AND l.source_id IN :source_ids AND l.checked_ms <= :before_ms
      AND (l.checked_ms <= :anyway_ms OR NOT EXISTS (
        SELECT 1 FROM collection c JOIN calendar k ON k.id = c.calendar_id
        WHERE c.principal_id = l.principal_id AND k.source_id = l.source_id
          AND (k.pulled_ms > :works_ms OR k.state = 'throttled')))
    ORDER BY l.checked_ms, l.id LIMIT :count
""").bindparams(sa.bindparam("source_ids", expanding=True, type_=sa.String))
_LINK_STATE: Final = sa.text("""
    UPDATE link SET state = :state, reason = :reason, cause = :cause, upstream_id = :upstream_id, retry_at_ms = :retry_at_ms,
      checked_ms = :checked_ms, calendar_attempts = :calendar_attempts WHERE id = :id
""")
_LINK_REMOVE: Final = sa.text(
    "DELETE FROM link WHERE principal_id = :principal_id AND source_id = :source_id"
)
_BY_UPSTREAM: Final = sa.text("""
    SELECT u.* FROM link l JOIN principal u ON u.id = l.principal_id
    WHERE l.source_id = :source_id AND l.upstream_id = :upstream_id
""")
_ALL_LINKS: Final = sa.text("""
    SELECT u.name AS "user", l.source_id, l.vendor_id, l.upstream_id FROM link l JOIN principal u ON u.id = l.principal_id
""")
_LINK_STATES: Final = sa.text("""
    SELECT source_id, state, cause, COUNT(*) FROM link GROUP BY source_id, state, cause
""")
_LINKED: Final = sa.text("""
    SELECT l.upstream_id, u.name, u.email FROM link l JOIN principal u ON u.id = l.principal_id
    WHERE l.source_id = :source_id AND l.upstream_id <> ''
""")

_FEED_ADD: Final = sa.text("""
    INSERT INTO feed (hash, principal_id, collection_id, detail, created_ms)
    VALUES (:hash, :principal_id, :collection_id, :detail, :now_ms) RETURNING id
""")
_FEED: Final = sa.text("""
    SELECT f.id, f.collection_id, f.detail, u.name AS "user" FROM feed f JOIN principal u ON u.id = f.principal_id
    WHERE f.hash = :hash
""")
_FEEDS: Final = sa.text("""
    SELECT f.id, u.name AS "user", c.slug AS collection, f.detail, f.created_ms, f.hash
    FROM feed f JOIN principal u ON u.id = f.principal_id LEFT JOIN collection c ON c.id = f.collection_id
    ORDER BY f.id
""")
_FEED_REVOKE: Final = sa.text("DELETE FROM feed WHERE id = :id")


def add(c: sa.Connection, *, name: str, email: str, now_ms: int) -> int:
    """Insert a principal; raises sqlalchemy.exc.IntegrityError when the name is taken."""
    return int(c.execute(_ADD, {"name": name, "email": email, "now_ms": now_ms}).scalar_one())


def by_name(c: sa.Connection, name: str) -> PrincipalRow | None:
    """Return a principal."""
    return one(PrincipalRow, c.execute(_BY_NAME, {"name": name}))


def all_principals(c: sa.Connection) -> list[PrincipalRow]:
    """Return every principal by name."""
    return many(PrincipalRow, c.execute(_ALL))


def remove(c: sa.Connection, name: str) -> bool:
    """Delete a principal with all that hangs on it."""
    return c.execute(_REMOVE, {"name": name}).rowcount > 0


def looked(c: sa.Connection, name: str, *, now_ms: int, older_ms: int) -> None:
    """Note that a client looked, unless that was noted after ``older_ms``."""
    c.execute(_LOOKED, {"name": name, "now_ms": now_ms, "older_ms": older_ms})


def set_props(c: sa.Connection, principal_id: int, props: str) -> None:
    """Keep what clients set on a person: JSON, by place."""
    c.execute(_PROPS, {"id": principal_id, "props": props})


def add_password(
    c: sa.Connection,
    *,
    principal_id: int,
    label: str,
    hashed: str,
    read_only: bool,
    now_ms: int,
    expires_ms: int | None,
) -> int:
    """Insert an app password by its keyed hash."""
    values = {
        "principal_id": principal_id,
        "label": label,
        "hash": hashed,
        "read_only": int(read_only),
        "now_ms": now_ms,
        "expires_ms": expires_ms,
    }
    return int(c.execute(_PASSWORD_ADD, values).scalar_one())


def check_password(c: sa.Connection, hashed: str) -> sa.RowMapping | None:
    """Return id, label, read_only, last_used_ms, expires_ms, user of a hash."""
    return c.execute(_PASSWORD_CHECK, {"hash": hashed}).mappings().first()


def password_used(c: sa.Connection, password_id: int, now_ms: int) -> None:
    """Note the last use."""
    c.execute(_PASSWORD_USED, {"id": password_id, "now_ms": now_ms})


def passwords(c: sa.Connection, principal_id: int) -> list[PasswordRow]:
    """Return a principal's app passwords."""
    return many(PasswordRow, c.execute(_PASSWORDS, {"principal_id": principal_id}))


def revoke_password(c: sa.Connection, password_id: int) -> None:
    """Delete one app password."""
    c.execute(_PASSWORD_REVOKE, {"id": password_id})


def add_link(c: sa.Connection, *, principal_id: int, source_id: str, vendor_id: str) -> int:
    """Insert a link in state ``starting``."""
    values = {"principal_id": principal_id, "source_id": source_id, "vendor_id": vendor_id}
    return int(c.execute(_LINK_ADD, values).scalar_one())


def links(c: sa.Connection, principal_id: int) -> list[LinkRow]:
    """Return a principal's links."""
    return many(LinkRow, c.execute(_LINKS, {"principal_id": principal_id}))


def links_due(c: sa.Connection, *, now_ms: int, count: int) -> list[LinkRow]:
    """Return links that wait to be connected."""
    return many(LinkRow, c.execute(_LINKS_DUE, {"now_ms": now_ms, "count": count}))


def links_stale(
    c: sa.Connection, source_ids: Sequence[str], *, before_ms: int, works_ms: int, anyway_ms: int, count: int
) -> list[LinkRow]:
    """Return connected links whose calendars were last listed before a time.

    Without those that show a calendar that was read since ``works_ms``, if they were listed since ``anyway_ms``.
    """
    values = {"before_ms": before_ms, "works_ms": works_ms, "anyway_ms": anyway_ms, "count": count}
    return many(LinkRow, c.execute(_LINKS_STALE, {"source_ids": list(source_ids), **values}))


def set_link(c: sa.Connection, row: LinkRow, **changes: Any) -> None:
    """Write state, reason, cause, upstream_id, retry_at_ms, checked_ms, calendar_attempts."""
    names = ("state", "reason", "cause", "upstream_id", "retry_at_ms", "checked_ms", "calendar_attempts")
    values = {name: changes.get(name, getattr(row, name)) for name in names}
    c.execute(_LINK_STATE, {"id": row.id, **values})


def all_links(c: sa.Connection) -> list[sa.RowMapping]:
    """Return user, source_id, vendor_id, upstream_id of every link."""
    return list(c.execute(_ALL_LINKS).mappings())


def link_states(c: sa.Connection) -> dict[tuple[str, str, str], int]:
    """Return (source, state, cause) -> how many links are in it."""
    return {(str(r[0]), str(r[1]), str(r[2])): int(r[3]) for r in c.execute(_LINK_STATES)}


def remove_link(c: sa.Connection, *, principal_id: int, source_id: str) -> bool:
    """Delete a link."""
    return c.execute(_LINK_REMOVE, {"principal_id": principal_id, "source_id": source_id}).rowcount > 0


def by_upstream(c: sa.Connection, source_id: str, upstream_id: str) -> list[PrincipalRow]:
    """Return principals linked to a vendor's user."""
    return many(PrincipalRow, c.execute(_BY_UPSTREAM, {"source_id": source_id, "upstream_id": upstream_id}))


def linked(c: sa.Connection, source_id: str) -> list[tuple[str, str, str]]:
    """Return (upstream id, principal name, e-mail) of everybody linked to a source."""
    return [tuple(row) for row in c.execute(_LINKED, {"source_id": source_id})]


def add_feed(
    c: sa.Connection, *, hashed: str, principal_id: int, collection_id: int | None, detail: str, now_ms: int
) -> int:
    """Insert a feed by its keyed hash; without a collection it shows all that the principal has."""
    values = {
        "hash": hashed,
        "principal_id": principal_id,
        "collection_id": collection_id,
        "detail": detail,
        "now_ms": now_ms,
    }
    return int(c.execute(_FEED_ADD, values).scalar_one())


def feed(c: sa.Connection, hashed: str) -> sa.RowMapping | None:
    """Return id, collection_id (None: all), detail, user of a hash."""
    return c.execute(_FEED, {"hash": hashed}).mappings().first()


def feeds(c: sa.Connection) -> list[sa.RowMapping]:
    """Return id, user, collection (None: all), detail, created_ms, hash of every feed."""
    return list(c.execute(_FEEDS).mappings())


def revoke_feed(c: sa.Connection, feed_id: int) -> None:
    """Delete one feed."""
    c.execute(_FEED_REVOKE, {"id": feed_id})

"""What nodes share: leases on the database's clock, access tokens, counts, the directory cache, meta values."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from bridge.store.engine import Store

_LEASE: Final = {
    "sqlite": sa.text("""
        INSERT INTO lease (name, owner, until_ms)
        VALUES (:name, :owner, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) + :length_ms)
        ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until_ms = excluded.until_ms
          WHERE lease.owner = :owner
            OR lease.until_ms < CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
        RETURNING owner
    """),
    "postgresql": sa.text("""
        INSERT INTO lease (name, owner, until_ms)
        VALUES (:name, :owner, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) + :length_ms)
        ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until_ms = excluded.until_ms
          WHERE lease.owner = :owner
            OR lease.until_ms < CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)
        RETURNING owner
    """),
}
"""The statements that need each database's own clock; leases never trust a node's."""
_HELD: Final = {
    "sqlite": sa.text("""
        SELECT 1 FROM lease
        WHERE name = :name AND until_ms >= CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
    """),
    "postgresql": sa.text("""
        SELECT 1 FROM lease
        WHERE name = :name AND until_ms >= CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)
    """),
}
_RELEASE: Final = sa.text("DELETE FROM lease WHERE name = :name AND owner = :owner")
_LEASE_OWNERS: Final = sa.text("SELECT DISTINCT owner FROM lease")
_RELEASE_ALL: Final = sa.text("DELETE FROM lease WHERE owner = :owner")
_END: Final = sa.text("DELETE FROM lease WHERE name = :name")
_FORGET_LEASES: Final = sa.text("DELETE FROM lease WHERE until_ms < :before_ms")
_TOKEN: Final = sa.text("SELECT value, expires_ms FROM token WHERE name = :name")
_TOKEN_PUT: Final = sa.text("""
    INSERT INTO token (name, value, expires_ms) VALUES (:name, :value, :expires_ms)
    ON CONFLICT (name) DO UPDATE SET value = :value, expires_ms = :expires_ms
""")
_TOKEN_FORGET: Final = sa.text("DELETE FROM token WHERE name = :name AND value = :value")
_TOKEN_DROP: Final = sa.text("DELETE FROM token WHERE name = :name")
_TOKEN_ADD: Final = sa.text("""
    INSERT INTO token (name, value, expires_ms) VALUES (:name, '', :expires_ms) ON CONFLICT (name) DO NOTHING RETURNING name
""")
_TOKENS_FORGET: Final = sa.text(
    "DELETE FROM token WHERE substr(name, 1, length(:prefix)) = :prefix AND expires_ms <= :now_ms"
)
_TALLY: Final = sa.text("SELECT used FROM tally WHERE name = :name")
_TALLIES: Final = sa.text("SELECT name, used FROM tally WHERE until_ms > :now_ms")
_TALLY_TAKE: Final = sa.text("""
    INSERT INTO tally (name, used, until_ms) VALUES (:name, 1, :until_ms)
    ON CONFLICT (name) DO UPDATE SET used = tally.used + 1 WHERE tally.used < :most
    RETURNING used
""")
_TALLY_GIVE_BACK: Final = sa.text("UPDATE tally SET used = used - 1 WHERE name = :name AND used > 0")
_TALLY_RAISE: Final = sa.text("""
    INSERT INTO tally (name, used, until_ms) VALUES (:name, :used, :until_ms)
    ON CONFLICT (name) DO UPDATE SET used = :used WHERE tally.used < :used
""")
_TALLY_FORGET: Final = sa.text("DELETE FROM tally WHERE until_ms < :before_ms")
_META: Final = sa.text("SELECT value FROM meta WHERE key = :key")
_META_ADD: Final = sa.text("INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT DO NOTHING")
_PERSON: Final = sa.text(
    "SELECT name, address, checked_ms FROM person WHERE source_id = :source_id AND upstream_id = :upstream_id"
)
_PEOPLE: Final = sa.text("""
    SELECT upstream_id, name, address FROM person WHERE source_id = :source_id ORDER BY upstream_id LIMIT :count
""")
_PERSON_PUT: Final = sa.text("""
    INSERT INTO person (source_id, upstream_id, name, address, checked_ms)
    VALUES (:source_id, :upstream_id, :name, :address, :checked_ms)
    ON CONFLICT (source_id, upstream_id) DO UPDATE SET name = :name, address = :address, checked_ms = :checked_ms
""")
_ADDRESS: Final = sa.text(
    "SELECT upstream_id, checked_ms FROM address WHERE source_id = :source_id AND address = :address"
)
_ADDRESS_PUT: Final = sa.text("""
    INSERT INTO address (source_id, address, upstream_id, checked_ms)
    VALUES (:source_id, :address, :upstream_id, :checked_ms)
    ON CONFLICT (source_id, address) DO UPDATE SET upstream_id = :upstream_id, checked_ms = :checked_ms
""")


def take_lease(c: sa.Connection, name: str, *, owner: str, length_ms: int) -> bool:
    """Take or extend a lease; compared with the database's clock, never a node's."""
    row = c.execute(_LEASE[c.dialect.name], {"name": name, "owner": owner, "length_ms": length_ms}).first()
    return row is not None


def is_leased(c: sa.Connection, name: str) -> bool:
    """Return whether anybody holds a lease."""
    return c.execute(_HELD[c.dialect.name], {"name": name}).first() is not None


def release_lease(c: sa.Connection, name: str, *, owner: str) -> None:
    """Give a lease back."""
    c.execute(_RELEASE, {"name": name, "owner": owner})


def end_lease(c: sa.Connection, name: str) -> bool:
    """End a lease, whoever holds it; False when nobody does, or another one ended it first."""
    return is_leased(c, name) and c.execute(_END, {"name": name}).rowcount == 1


def forget_leases(c: sa.Connection, before_ms: int) -> None:
    """Drop leases that ended long ago."""
    c.execute(_FORGET_LEASES, {"before_ms": before_ms})


def lease_owners(c: sa.Connection) -> list[str]:
    """Return who holds, or held, a lease."""
    return [str(r[0]) for r in c.execute(_LEASE_OWNERS)]


def release_leases(c: sa.Connection, owner: str) -> None:
    """Give back all leases of an owner that is no more."""
    c.execute(_RELEASE_ALL, {"owner": owner})


def meta(store: Store, key: str, *, size_bytes: int = 16) -> str:
    """Return a meta value, made at random once."""
    with store.read() as c:
        row = c.execute(_META, {"key": key}).first()
    if row is None:
        with store.write() as c:
            c.execute(_META_ADD, {"key": key, "value": secrets.token_hex(size_bytes)})
            row = c.execute(_META, {"key": key}).one()
    return str(row[0])


def note(c: sa.Connection, key: str) -> str:
    """Return a meta value that was put down, or ""."""
    row = c.execute(_META, {"key": key}).first()
    return "" if row is None else str(row[0])


def put_note(c: sa.Connection, key: str, value: str) -> None:
    """Put a meta value down unless there is one."""
    c.execute(_META_ADD, {"key": key, "value": value})


def person(c: sa.Connection, source_id: str, upstream_id: str) -> tuple[str, str, int] | None:
    """Return (name, address, checked at ms) of a vendor id."""
    row = c.execute(_PERSON, {"source_id": source_id, "upstream_id": upstream_id}).first()
    return None if row is None else (str(row[0]), str(row[1]), int(row[2]))


def people_of(c: sa.Connection, source_id: str, count: int) -> list[tuple[str, str, str]]:
    """Return (vendor id, name, address) of at most ``count`` people whom a source's directory told us of."""
    return [tuple(row) for row in c.execute(_PEOPLE, {"source_id": source_id, "count": count})]


def put_person(
    c: sa.Connection, source_id: str, upstream_id: str, *, name: str, address: str, checked_ms: int
) -> None:
    """Remember what the directory told."""
    values = {
        "source_id": source_id,
        "upstream_id": upstream_id,
        "name": name,
        "address": address,
        "checked_ms": checked_ms,
    }
    c.execute(_PERSON_PUT, values)


def address(c: sa.Connection, source_id: str, mail: str) -> tuple[str, int] | None:
    """Return (vendor id or "", checked at ms) of an e-mail address."""
    row = c.execute(_ADDRESS, {"source_id": source_id, "address": mail}).first()
    return None if row is None else (str(row[0]), int(row[1]))


def put_address(c: sa.Connection, source_id: str, mail: str, *, upstream_id: str, checked_ms: int) -> None:
    """Remember a hit, or with an empty id a miss."""
    c.execute(
        _ADDRESS_PUT,
        {"source_id": source_id, "address": mail, "upstream_id": upstream_id, "checked_ms": checked_ms},
    )


def token(c: sa.Connection, name: str) -> tuple[str, int] | None:
    """Return (value, expires at ms) of a token."""
    row = c.execute(_TOKEN, {"name": name}).first()
    return None if row is None else (str(row[0]), int(row[1]))


def put_token(c: sa.Connection, name: str, value: str, expires_ms: int) -> None:
    """Keep a token."""
    c.execute(_TOKEN_PUT, {"name": name, "value": value, "expires_ms": expires_ms})


def add_token(c: sa.Connection, name: str, expires_ms: int) -> bool:
    """Keep a name; False if it was there."""
    return c.execute(_TOKEN_ADD, {"name": name, "expires_ms": expires_ms}).first() is not None


def drop_token(c: sa.Connection, name: str) -> None:
    """Drop a token."""
    c.execute(_TOKEN_DROP, {"name": name})


def forget_tokens(c: sa.Connection, prefix: str, now_ms: int) -> None:
    """Drop what ended of the tokens whose names begin with ``prefix``."""
    c.execute(_TOKENS_FORGET, {"prefix": prefix, "now_ms": now_ms})


class TokenVault:
    """Access tokens in the database: fetched by one, used by all (``providers.runtime.TokenVault``)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def load(self, name: str) -> tuple[str, int] | None:
        """Return (token, expires at ms) or None."""
        with self._store.read() as c:
            row = c.execute(_TOKEN, {"name": name}).first()
        return None if row is None else (str(row[0]), int(row[1]))

    def save(self, name: str, token: str, expires_ms: int) -> None:
        """Keep a token for every node."""
        with self._store.write() as c:
            c.execute(_TOKEN_PUT, {"name": name, "value": token, "expires_ms": expires_ms})

    def forget(self, name: str, token: str) -> None:
        """Drop this very token; a newer one stays."""
        with self._store.write() as c:
            c.execute(_TOKEN_FORGET, {"name": name, "value": token})


class Tallies:
    """Counts in the database: one statement each, so that no two nodes take the last one (``providers.runtime.Tallies``)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, name: str, *, most: int, until_ms: int) -> bool:
        """Count one more, committed before it is used; False when ``most`` are taken."""
        if most < 1:
            return False
        with self._store.write() as c:
            values = {"name": name, "most": most, "until_ms": until_ms}
            return c.execute(_TALLY_TAKE, values).first() is not None

    def give_back(self, name: str) -> None:
        """Count one less."""
        with self._store.write() as c:
            c.execute(_TALLY_GIVE_BACK, {"name": name})

    def raise_to(self, name: str, used: int, *, until_ms: int) -> None:
        """Count at least so many."""
        with self._store.write() as c:
            c.execute(_TALLY_RAISE, {"name": name, "used": used, "until_ms": until_ms})

    def used(self, name: str) -> int:
        """Return the count."""
        with self._store.read() as c:
            row = c.execute(_TALLY, {"name": name}).first()
        return 0 if row is None else int(row[0])


def tallies(c: sa.Connection, *, now_ms: int) -> dict[str, int]:
    """Return name -> count of all whose time has not ended."""
    return {str(r[0]): int(r[1]) for r in c.execute(_TALLIES, {"now_ms": now_ms})}


def forget_tallies(c: sa.Connection, before_ms: int) -> None:
    """Drop counts whose time has long ended."""
    c.execute(_TALLY_FORGET, {"before_ms": before_ms})

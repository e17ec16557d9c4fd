"""Every table. Times are BIGINT milliseconds UTC named ``*_ms``; JSON and iCalendar are TEXT; flags are 0/1.

``migrations/`` holds the way here from any earlier schema; a test checks that both agree.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

Id = BigInteger().with_variant(Integer, "sqlite")
"""SQLite gives row ids only to a column that is exactly INTEGER."""


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _ref(name: str, target: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Id, ForeignKey(f"{target}.id", ondelete="CASCADE"), nullable=nullable)


def _text(name: str, default: str | None = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def _num(name: str, default: int = 0) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text(str(default)))


meta = Table("meta", metadata, Column("key", Text, primary_key=True), _text("value"))
"""``epoch`` (changes when a mirror is rebuilt) and ``pepper`` (keys the password hashes)."""

principal = Table(
    "principal",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    _text("email"),
    _num("created_ms"),
    _num("looked_ms"),
    _text("props", "{}"),
)

password = Table(
    "password",
    metadata,
    _id(),
    _ref("principal_id", "principal"),
    _text("label"),
    Column("hash", Text, nullable=False, unique=True),
    _num("read_only"),
    _num("created_ms"),
    Column("expires_ms", BigInteger),
    _num("last_used_ms"),
    Index("ix_password_principal_id", "principal_id"),
)

link = Table(
    "link",
    metadata,
    _id(),
    _ref("principal_id", "principal"),
    _text("source_id"),
    _text("vendor_id"),
    _text("upstream_id"),
    _text("state", "starting"),
    _text("reason"),
    _text("cause"),
    _num("retry_at_ms"),
    _num("checked_ms"),
    _num("calendar_attempts"),
    UniqueConstraint("principal_id", "source_id"),
)
"""Principal <-> upstream user. ``vendor_id`` is what was typed, ``upstream_id`` what calendar calls take."""

calendar = Table(
    "calendar",
    metadata,
    _id(),
    _text("source_id"),
    _text("account"),
    _text("upstream_id"),
    _text("name"),
    _text("color"),
    _text("cursor"),
    _num("pulled_ms"),
    _num("deep_ms"),
    _num("pull_at_ms"),
    _num("failures"),
    _text("state", "starting"),
    _text("reason"),
    _text("cause"),
    _text("held", "[]"),
    _num("loaded"),
    _num("expected"),
    UniqueConstraint("source_id", "account", "upstream_id"),
)
"""An upstream calendar. ``account`` is the acting user where ids are per user (DingTalk ``primary``), else empty.

``cause``: why the vendor refuses, see ``errors.Unauthorised``. ``held``: JSON list of the ids of items that are gone at
the vendor and whose deletion waits for an administrator. ``loaded`` of about ``expected`` items (0: unknown) of a first
load are here; once it has ended both say nothing.
"""

collection = Table(
    "collection",
    metadata,
    _id(),
    _ref("principal_id", "principal"),
    _ref("calendar_id", "calendar"),
    _text("slug"),
    _num("writable", 1),
    _text("reason"),
    _text("props", "{}"),
    _num("change_seq"),
    _num("floor_seq"),
    _num("modified_ms"),
    UniqueConstraint("principal_id", "slug"),
    UniqueConstraint("principal_id", "calendar_id"),
    Index("ix_collection_calendar_id", "calendar_id"),
)

object_ = Table(
    "object",
    metadata,
    _id(),
    _ref("collection_id", "collection"),
    _text("href"),
    _text("uid"),
    _text("text"),
    _text("etag"),
    _num("starts_ms"),
    _num("ends_ms"),
    _num("recurring"),
    Column("exact_until_ms", BigInteger),
    _num("revision", 1),
    _num("deleted"),
    _num("change_seq"),
    _num("modified_ms"),
    _num("indexed_until_ms"),
    UniqueConstraint("collection_id", "href"),
    Index(
        "uq_object_collection_id_uid",
        "collection_id",
        "uid",
        unique=True,
        sqlite_where=text("deleted = 0"),
        postgresql_where=text("deleted = 0"),
    ),
    Index("ix_object_collection_id_change_seq", "collection_id", "change_seq"),
    Index("ix_object_collection_id_ends_ms", "collection_id", "ends_ms"),
    Index("ix_object_indexed_until_ms", "indexed_until_ms"),
)
"""One calendar object resource. ``deleted``: gone for clients, its Delete has not reached the vendor yet.

``indexed_until_ms``: until when ``occurrence`` is worked out; 0: not yet, see ``ical.spans``.
"""

occurrence = Table(
    "occurrence",
    metadata,
    Column(
        "object_id", Id, ForeignKey("object.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("collection_id", Id, nullable=False),
    Column("reach", SmallInteger, nullable=False),
    Column("starts_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Column("sure", SmallInteger, nullable=False),
    Column("busy", SmallInteger, nullable=False),
    Index(
        "ix_occurrence_collection_id_reach",
        "collection_id",
        "reach",
        "starts_ms",
        "ends_ms",
        "sure",
        "busy",
        "object_id",
    ),
    sqlite_with_rowid=False,
)
"""When an object happens, without its text: see ``ical.spans``. Follows from the object, written with it."""

item = Table(
    "item",
    metadata,
    _id(),
    _ref("object_id", "object"),
    _ref("collection_id", "collection"),
    _text("key"),
    _text("upstream_id"),
    _text("payload", "{}"),
    _text("snapshot", "{}"),
    _text("series_id"),
    _text("origin"),
    _num("cancelled"),
    UniqueConstraint("object_id", "key"),
    UniqueConstraint("collection_id", "upstream_id"),
)
"""One thing at the vendor that carries part of an object. ``payload``: what we last agreed on; see providers.base."""

tombstone = Table(
    "tombstone",
    metadata,
    Column("collection_id", Id, ForeignKey("collection.id", ondelete="CASCADE"), primary_key=True),
    Column("href", Text, primary_key=True),
    _num("change_seq"),
    _num("deleted_ms"),
    Index("ix_tombstone_collection_id_change_seq", "collection_id", "change_seq"),
)

gone = Table(
    "gone",
    metadata,
    Column("calendar_id", Id, ForeignKey("calendar.id", ondelete="CASCADE"), primary_key=True),
    Column("upstream_id", Text, primary_key=True),
)
"""Items known to be cancelled for good, so that sweeps stay cheap."""

intent = Table(
    "intent",
    metadata,
    _id(),
    _ref("object_id", "object", nullable=True),
    _ref("collection_id", "collection"),
    _text("href"),
    _text("uid"),
    _text("action", "put"),
    _text("state", "waiting"),
    _text("device"),
    Column("client_text", Text),
    Column("base_text", Text),
    Column("lost_text", Text),
    Column("step", Text),
    _num("steps_done"),
    _num("attempts"),
    _num("retry_at_ms"),
    _num("opened_ms"),
    _num("closed_ms"),
    _text("owner"),
    _num("owned_until_ms"),
    _text("words"),
    _text("losses", "[]"),
    _text("request_id"),
    Index(
        "uq_intent_object_id_in_flight",
        "object_id",
        unique=True,
        sqlite_where=text("state = 'in_flight'"),
        postgresql_where=text("state = 'in_flight'"),
    ),
    Index("ix_intent_state_retry_at_ms", "state", "retry_at_ms"),
    Index("ix_intent_object_id", "object_id"),
    Index("ix_intent_collection_id_closed_ms", "collection_id", "closed_ms"),
)
"""A journaled edit; closed, it is the receipt. States: see ``plan.intent``. ``request_id``: of the client's request."""

lease = Table("lease", metadata, Column("name", Text, primary_key=True), _text("owner"), _num("until_ms"))

token = Table("token", metadata, Column("name", Text, primary_key=True), _text("value"), _num("expires_ms"))

tally = Table("tally", metadata, Column("name", Text, primary_key=True), _num("used"), _num("until_ms"))
"""What was used of something that is limited for some time; ``name`` holds the time, ``until_ms`` its end."""

feed = Table(
    "feed",
    metadata,
    _id(),
    Column("hash", Text, nullable=False, unique=True),
    _ref("principal_id", "principal"),
    _ref("collection_id", "collection", nullable=True),
    _text("detail", "full"),
    _num("created_ms"),
    _num("used_ms"),
)
"""A secret ICS address of one calendar, or without ``collection_id`` of all that its principal has."""

person = Table(
    "person",
    metadata,
    Column("source_id", Text, primary_key=True),
    Column("upstream_id", Text, primary_key=True),
    _text("name"),
    _text("address"),
    _num("checked_ms"),
)
"""What the directory told about vendor ids."""

address = Table(
    "address",
    metadata,
    Column("source_id", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    _text("upstream_id"),
    _num("checked_ms"),
)
"""What the directory told about e-mail addresses; an empty ``upstream_id`` is a remembered miss."""

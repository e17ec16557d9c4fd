"""Rows as frozen values: one class per table that the engine reads, fields named like the columns."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalRow:
    """A user of ours."""

    id: int
    name: str
    email: str
    created_ms: int
    looked_ms: int
    props: str
    """JSON: place (``home``, ``inbox``) -> name -> value, as clients set them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRow:
    """One app password; only its keyed hash is kept."""

    id: int
    principal_id: int
    label: str
    read_only: int
    created_ms: int
    expires_ms: int | None
    last_used_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """Principal <-> upstream user of a source."""

    id: int
    principal_id: int
    source_id: str
    vendor_id: str
    upstream_id: str
    state: str
    reason: str
    cause: str
    retry_at_ms: int
    checked_ms: int
    calendar_attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRow:
    """An upstream calendar and how far it is pulled."""

    id: int
    source_id: str
    account: str
    upstream_id: str
    name: str
    color: str
    cursor: str
    pulled_ms: int
    deep_ms: int
    pull_at_ms: int
    failures: int
    state: str
    reason: str
    cause: str
    held: str
    loaded: int
    expected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionRow:
    """One calendar of one user, with what is needed of its calendar and owner."""

    id: int
    principal_id: int
    user: str
    email: str
    calendar_id: int
    source_id: str
    upstream_calendar_id: str
    account: str
    me: str
    """The owner's upstream id."""
    calendar_name: str
    calendar_color: str
    slug: str
    writable: int
    reason: str
    props: str
    change_seq: int
    floor_seq: int
    modified_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRow:
    """One calendar object resource."""

    id: int
    collection_id: int
    href: str
    uid: str
    text: str
    etag: str
    starts_ms: int
    ends_ms: int
    recurring: int
    exact_until_ms: int | None
    revision: int
    deleted: int
    change_seq: int
    modified_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """One vendor item of an object."""

    id: int
    object_id: int
    collection_id: int
    key: str
    upstream_id: str
    payload: str
    snapshot: str
    series_id: str
    origin: str
    cancelled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentRow:
    """A journaled edit; closed, its receipt."""

    id: int
    object_id: int | None
    collection_id: int
    href: str
    uid: str
    action: str
    state: str
    device: str
    client_text: str | None
    base_text: str | None
    lost_text: str | None
    step: str | None
    steps_done: int
    attempts: int
    retry_at_ms: int
    opened_ms: int
    closed_ms: int
    words: str
    losses: str
    request_id: str
    """What the log calls the client's request; empty where none made the edit."""


def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def one(kind: type[T], result: sa.CursorResult[Any]) -> T | None:
    """Return the first row as ``kind``, or None."""
    row = result.mappings().first()
    return None if row is None else kind(**{name: row[name] for name in _names(kind)})


def many(kind: type[T], result: sa.CursorResult[Any]) -> list[T]:
    """Return all rows as ``kind``."""
    names = _names(kind)
    rows: Iterable[sa.RowMapping] = result.mappings()
    return [kind(**{name: row[name] for name in names}) for row in rows]

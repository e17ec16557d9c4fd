"""Between stored rows and values: etags, spans, what we have of an object at the vendor."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from bridge.engine.api import ObjectView
from bridge.ical import overlay as ical_overlay
from bridge.ical import parse as ical_parse
from bridge.ical import recur
from bridge.ical import spans as ical_spans
from bridge.model.upstream import Json, Upstream
from bridge.plan.moments import key_moment, moment_key
from bridge.plan.steps import Have

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.model.event import CalendarObject, Event
    from bridge.model.people import Roster
    from bridge.providers.base import Mapper
    from bridge.store.objects import Served
    from bridge.store.rows import ItemRow, ObjectRow

ETAG_CHARS = 32
"""Hex digits of an etag: 128 bits of SHA-256."""


def etag_of(text: str) -> str:
    """Return the unquoted entity tag of exactly these bytes."""
    return hashlib.sha256(text.encode()).hexdigest()[:ETAG_CHARS]


def canonical(value: Json) -> str:
    """Return the one text of a JSON object."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def loads(text: str) -> Json:
    """Read a stored JSON object."""
    value: Json = json.loads(text)
    return value


def view(row: ObjectRow) -> ObjectView:
    """Return an object as it is served."""
    return ObjectView(
        href=row.href,
        uid=row.uid,
        text=row.text,
        etag=row.etag,
        starts_ms=row.starts_ms,
        ends_ms=row.ends_ms,
        recurring=bool(row.recurring),
        modified_ms=row.modified_ms,
    )


def served(row: Served) -> ObjectView:
    """Return an object as it is served, from a row of many."""
    href, uid, text, etag, starts_ms, ends_ms, recurring, modified_ms = row
    return ObjectView(
        href=href,
        uid=uid,
        text=text,
        etag=etag,
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        recurring=bool(recurring),
        modified_ms=modified_ms,
    )


def read(text: str, default_zone: str) -> CalendarObject:
    """Parse a stored text; what was stored once is always readable."""
    return ical_parse.parse(text.encode(), default_zone=default_zone).object


def object_values(
    obj: CalendarObject, text: str, *, now_ms: int, change_seq: int, until_ms: int = 0
) -> dict[str, Any]:
    """Return the columns and spans that follow from an object and its text; the latter up to ``until_ms``, 0: as of now."""
    starts_ms, ends_ms, recurring = recur.span(obj)
    spans = ical_spans.spans_of(text, (starts_ms, ends_ms), until_ms or ical_spans.window_end(now_ms))
    return {
        "uid": obj.uid,
        "text": text,
        "etag": etag_of(text),
        "starts_ms": spans.bounds[0],
        "ends_ms": spans.bounds[1],
        "recurring": int(recurring),
        "spans": spans,
        "change_seq": change_seq,
        "modified_ms": now_ms,
    }


def upstream_of(row: ItemRow) -> Upstream:
    """Return an item as the vendor last told it."""
    return Upstream(
        id=row.upstream_id,
        snapshot=loads(row.snapshot),
        cancelled=bool(row.cancelled),
        series_id=row.series_id or None,
        origin=key_moment(row.origin) if row.origin else None,
    )


def item_values(
    object_id: int, collection_id: int, key: str, item: Upstream, payload: Json
) -> dict[str, Any]:
    """Return the columns of an item."""
    return {
        "object_id": object_id,
        "collection_id": collection_id,
        "key": key,
        "upstream_id": item.id,
        "payload": canonical(payload),
        "snapshot": canonical(item.snapshot),
        "series_id": item.series_id or "",
        "origin": moment_key(item.origin) if item.origin is not None else "",
        "cancelled": int(item.cancelled),
    }


def have_of(rows: Iterable[ItemRow], mapper: Mapper, uid: str, roster: Roster) -> dict[str, Have]:
    """Return what the vendor holds of an object, by piece key, in the order it was made."""
    have: dict[str, Have] = {}
    for row in rows:
        snapshot = loads(row.snapshot)
        excluded: frozenset[str] = frozenset()
        if not row.key.startswith("@") and not row.cancelled:
            event = mapper.decode(upstream_of(row), uid, roster)
            excluded = frozenset(moment_key(m) for m in event.recurrence.exdates)
        have[row.key] = Have(
            key=row.key,
            upstream_id=row.upstream_id,
            payload=loads(row.payload),
            snapshot=snapshot,
            series_id=row.series_id,
            cancelled=bool(row.cancelled),
            excluded=excluded,
        )
    return have


def laid_over(text: str, before: CalendarObject, after: CalendarObject, *, now_ms: int, zone: str) -> str:
    """Return the text with exactly the differences between two readings laid over it.

    ``zone`` is the one that floating times were read in: they stay floating.
    """
    if before is after:
        return text
    return ical_overlay.overlay(text, before, after, dtstamp_ms=now_ms, default_zone=zone)


def own_answer(event: Event, roster: Roster) -> str:
    """Return the PARTSTAT of the principal's own ATTENDEE line, or "" without one."""
    for attendee in event.attendees:
        if roster.me and roster.id_of(attendee.address) == roster.me:
            return attendee.partstat.value
    return ""

"""Single events beside a series, for vendors that keep no link between the two: which belong to it, and which no more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.engine.desired import occurs
from bridge.engine.texts import upstream_of
from bridge.errors import Inexpressible
from bridge.ical import recur
from bridge.model.people import Roster
from bridge.model.recurrence import Recurrence
from bridge.plan import pieces
from bridge.plan.absorb import same_moment
from bridge.plan.moments import key_moment, moment_key, occurrence_of, override_key
from bridge.plan.splits import Hole, joined
from bridge.store import objects

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    import sqlalchemy as sa

    from bridge.model.event import CalendarObject, Event
    from bridge.model.upstream import Json, Upstream
    from bridge.providers.base import Mapper
    from bridge.store.rows import CollectionRow, ItemRow

ASIDE_MAX: Final = 20_000
"""New single events of one calendar that are kept aside until a sweep has shown every series; further ones are taken
as the singles they seem to be."""


# ---- pieces of a compiled series ---------------------------------------------------------------------------------


def is_compiled(rows: Mapping[str, ItemRow]) -> bool:
    """Return whether several items, or one that is not the whole, carry the series."""
    mains = [key for key in rows if not key.startswith("@")]
    return bool(mains) and mains != [""]


def is_part(obj: CalendarObject, was: Event, now: Event | None) -> bool:
    """Return whether the one item of a series is only its last occurrence left, and took another time.

    Moved with it, the start of the series would show again what was removed, or changed, beside it.
    """
    master = obj.master
    if master is None or not master.recurrence.rules or was.recurrence.rules or now is None:
        return False
    if not now.recurrence.rules and same_moment(was.start, now.start) and same_moment(was.end, now.end):
        return False
    plain = replace(master, recurrence=Recurrence(rules=master.recurrence.rules))
    return len(recur.first_occurrences(plain, 2)) > 1


def absorb_piece(
    obj: CalendarObject,
    row: ItemRow | None,
    item: Upstream | None,
    mapper: Mapper,
    roster: Roster,
    *,
    horizon: dt.datetime,
) -> tuple[CalendarObject, int]:
    """Lay what became of a piece over the object; returns it and how many occurrences could not be told."""
    if row is None or row.cancelled or row.snapshot == "{}":
        return obj, 0
    was = mapper.decode(upstream_of(row), obj.uid, roster)
    now = None if item is None or item.cancelled else mapper.decode(item, obj.uid, roster)
    return pieces.absorb_piece(obj, was, now, horizon=horizon)


def renamed(
    rows: Mapping[str, ItemRow],
    changes: Mapping[str, Upstream | None],
    mapper: Mapper,
    before: CalendarObject,
    after: CalendarObject,
) -> dict[str, Upstream | None]:
    """Return the changes with single events that are changed occurrences of ``after`` by now under the key of such."""
    overridden = {moment_key(o.recurrence_id) for o in after.overrides if o.recurrence_id is not None}
    compiled = is_compiled(rows)
    gone: dict[str, Upstream | None] = {}
    found: dict[str, Upstream | None] = {}
    for key, item in changes.items():
        row = rows.get(key)
        found[key] = item
        if key.startswith("@") or row is None or item is None or item.cancelled or row.cancelled:
            continue
        was, now = (mapper.decode(one, "", Roster()) for one in (upstream_of(row), item))
        if was == now or was.recurrence or now.recurrence or moment_key(was.start) not in overridden:
            continue
        if not compiled and not is_part(before, was, now):
            continue
        gone[key] = None
        del found[key]
        found[override_key(was.start)] = item
    return {**gone, **found}


def held_as(
    rows: Mapping[str, ItemRow], item: Upstream, mapper: Mapper, uid: str, roster: Roster
) -> tuple[Json, frozenset[str]]:
    """Return a changed piece in our own words, as if we had asked for it, and the keys of what it excludes.

    A series is one even where the object would fit into single events by now: what is agreed on says that it stands.
    Of anything else that is no piece nothing is said: it is compared with what the object says of it.
    """
    if item.cancelled or item.origin is not None:
        return {}, frozenset()
    event = mapper.decode(item, uid, roster)
    if not is_compiled(rows) and not event.recurrence.rules:
        return {}, frozenset()
    excluded = frozenset(moment_key(moment) for moment in event.recurrence.exdates)
    try:
        return mapper.encode(event, roster).value, excluded
    except Inexpressible:
        return {}, excluded


# ---- what is new -------------------------------------------------------------------------------------------------


def put_aside(
    c: sa.Connection,
    collection: CollectionRow,
    mapper: Mapper,
    fresh: dict[str, list[Upstream]],
    aside: dict[str, Upstream],
) -> None:
    """Take unknown single events out of ``fresh``; where another user's collection tells what they are, with its word."""
    for key, members in list(fresh.items()):
        item = members[0]
        if len(members) > 1 or item.series_id is not None or len(aside) >= ASIDE_MAX:
            continue
        if mapper.decode(item, "", Roster()).recurrence:
            continue
        link = objects.link_of(c, collection.calendar_id, item.id)
        if link is None:
            aside[item.id] = item
            del fresh[key]
        elif link[0].startswith("@") and link[1]:
            aside[item.id] = replace(item, series_id=link[1], origin=key_moment(link[0][1:]))
            del fresh[key]


def sorted_out(
    c: sa.Connection, collection: CollectionRow, mapper: Mapper, aside: Mapping[str, Upstream]
) -> list[Upstream]:
    """Return the events that were put aside, those that are occurrences of a series with its id and their start."""
    rows = objects.items_of_series(c, collection.id)
    held = {row.upstream_id for row in rows}
    unlinked = {key: item for key, item in aside.items() if item.series_id is None}
    pairs = joined(
        _holes(mapper, rows), {key: mapper.decode(item, "", Roster()) for key, item in unlinked.items()}
    )
    items = []
    for key, item in aside.items():
        if key in pairs:
            items.append(replace(item, series_id=pairs[key].series_id, origin=pairs[key].at))
        else:
            known = item.series_id in held
            items.append(item if known else replace(item, series_id=None, origin=None))
    return items


def _holes(mapper: Mapper, rows: Iterable[ItemRow]) -> list[Hole]:
    """Return the occurrences that a vendor's series lack and that nobody here removed or changed."""
    rows = list(rows)
    ours = {(row.object_id, row.key) for row in rows if row.key.startswith("@")}
    found: list[Hole] = []
    for row in rows:
        if row.cancelled or row.key.startswith("@"):
            continue
        series = mapper.decode(upstream_of(row), "", Roster())
        for moment in series.recurrence.exdates:
            if (row.object_id, override_key(moment)) not in ours:
                at = key_moment(moment_key(moment))
                found.append(Hole(series_id=row.upstream_id, at=at, shown=occurrence_of(series, moment)))
    return found


# ---- what belongs to its series no more --------------------------------------------------------------------------


def shown_again(
    rows: Mapping[str, ItemRow], changes: Mapping[str, Upstream | None], mapper: Mapper
) -> dict[str, Upstream]:
    """Return the exceptions of series that a person moved, where the vendor lost the exclusion: key -> item as it is.

    The series has an ordinary occurrence there again. A live exception is an event beside it from now on; of a removed
    occurrence (a cancelled item) nothing is left to remember.
    """
    found: dict[str, Upstream] = {}
    for key, item in changes.items():
        row = rows.get(key)
        if row is None or row.cancelled or item is None or item.cancelled or key.startswith("@"):
            continue
        was, now = (mapper.decode(one, "", Roster()) for one in (upstream_of(row), item))
        if same_moment(was.start, now.start) and was.recurrence.rules == now.recurrence.rules:
            continue
        excluded = {moment_key(moment) for moment in now.recurrence.exdates}
        for at_key, exception in rows.items():
            if not at_key.startswith("@") or exception.series_id != row.upstream_id:
                continue
            if at_key[1:] in excluded:
                continue
            left = changes.get(at_key) or upstream_of(exception)
            if left.cancelled or occurs(now, key_moment(at_key[1:])):
                found[at_key] = replace(left, series_id=None, origin=None)
    return found


def without_overrides(obj: CalendarObject, keys: Iterable[str]) -> CalendarObject:
    """Return the object without some of its changed occurrences."""
    gone = set(keys)
    kept = [o for o in obj.overrides if o.recurrence_id is None or override_key(o.recurrence_id) not in gone]
    return replace(obj, overrides=tuple(kept)) if len(kept) < len(obj.overrides) else obj


def left_behind(rows: Mapping[str, ItemRow], changes: Mapping[str, Upstream | None]) -> list[Upstream]:
    """Return the exceptions that the vendor goes on showing after their series was deleted."""
    found = []
    for key, row in rows.items():
        item = changes.get(key, upstream_of(row))
        if key.startswith("@") and item is not None and not item.cancelled:
            found.append(replace(item, series_id=None, origin=None))
    return found

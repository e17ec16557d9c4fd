"""One look at a few items of one calendar, after a push named them.

What a push names is fetched and laid over what we serve by the very function that a pull uses. Where the answer shows
that more than the named items may have changed (a series lost an occurrence, a split made an item that nobody named),
the calendar is pulled instead: that is where such things are understood.
"""

from __future__ import annotations

import enum
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.engine import applying, pull
from bridge.engine.held import held_ids
from bridge.engine.steps_json import makes_an_item
from bridge.engine.texts import canonical, upstream_of
from bridge.log import fields
from bridge.model.people import Roster
from bridge.plan.absorb import same_moment
from bridge.plan.brake import EVENTS_MAX
from bridge.plan.moments import occurrence_of
from bridge.providers.base import Target
from bridge.store import calendars, intents, objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.engine.context import Engine
    from bridge.model.upstream import Upstream
    from bridge.providers.base import Mapper, Provider
    from bridge.store.rows import CalendarRow, CollectionRow, ItemRow

log = logging.getLogger(__name__)

ITEMS_MAX: Final = 1
"""Items that are fetched by a call each, where the vendor has no call for many; for more, one pull is cheaper."""

UNTOLD_MAX: Final = 10
"""Items that a pull said nothing of, and that are fetched by a call each after all; for more, the whole window is looked at."""

SECOND_MS: Final = 1000
"""Vendors tell the time of a change in whole seconds in one place, and finer in another."""

TOGETHER_MAX: Final = 100
"""Items that are fetched in one call, where the vendor has a call for many."""


class More(enum.IntEnum):
    """Whether more than the fetched items may have changed, and what finds it."""

    NO = 0
    MAYBE = 1
    """A delta tells; if it does not, there is no news."""
    CERTAIN = 2
    """A delta tells, or else the whole window has to be looked at."""
    WINDOW = 3
    """Only the whole window tells: deltas of deletions may be silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What came of a look."""

    waiting: frozenset[str] = frozenset()
    """Items that have to be asked for again: an edit of ours is on its way."""
    pulled: bool = False


def refresh(
    engine: Engine, calendar_id: int, item_ids: frozenset[str], told_ms: Mapping[str, int] | None = None
) -> Refreshed:
    """Fetch items and bring every collection of the calendar to what the vendor says of them.

    ``told_ms``: item -> the vendor's time of change, where the push told one and no deletion.
    Raises pull.Busy while the calendar is being read, and whatever the provider raises. A calendar that is shown to
    nobody any more is nothing to do.
    """
    with engine.store.read() as c:
        calendar = calendars.get(c, calendar_id)
        collections = [x for x in calendars.collections_of_calendar(c, calendar_id) if x.me]
    if calendar is None or not collections:
        return Refreshed()
    provider = engine.provider(calendar.source_id)
    waiting = frozenset(
        item_id for item_id in item_ids if _has_to_wait(engine, calendar, collections, item_id)
    )
    wanted = item_ids - waiting
    if not wanted:
        return Refreshed(waiting=waiting)
    together = provider.mapper.limits.fetches_together
    if len(wanted) > (TOGETHER_MAX if together else ITEMS_MAX):
        before = _held(engine, collections, wanted)
        pull.pull(engine, calendar_id)
        wanted = frozenset() if together else _untold(engine, collections, wanted, before, told_ms or {})
        if len(wanted) > UNTOLD_MAX:
            pull.pull(engine, calendar_id, deep=True)
        if not wanted or len(wanted) > UNTOLD_MAX:
            return Refreshed(waiting=waiting, pulled=True)
    with pull.leased(engine, calendar_id):
        held = _held(engine, collections, wanted)
        found = provider.fetch(_target(calendar, collections), sorted(wanted))
        unclear = (
            More.WINDOW if _braked(calendar, found) else _unclear(engine, provider, calendar, held, found)
        )
        late = frozenset() if unclear else _apply(engine, calendar, collections, found)
    if unclear:
        tally = pull.pull(engine, calendar_id, deep=unclear is More.WINDOW)
        if unclear is More.CERTAIN and not (tally.added or tally.changed or tally.deleted or tally.waiting):
            pull.pull(engine, calendar_id, deep=True)
        return Refreshed(waiting=waiting, pulled=True)
    return Refreshed(waiting=waiting | late)


def reread(engine: Engine, calendar_id: int) -> None:
    """Read a calendar's own name and colour again, then what is in it. Raises like :func:`refresh`."""
    with engine.store.read() as c:
        calendar = calendars.get(c, calendar_id)
        collections = [x for x in calendars.collections_of_calendar(c, calendar_id) if x.me]
    if calendar is None or not collections:
        return
    provider = engine.provider(calendar.source_id)
    seen = provider.calendars(collections[0].me, [calendar.upstream_id])
    same = next((x for x in seen if x.id == calendar.upstream_id), None)
    if same is not None and (same.name, same.color) != (calendar.name, calendar.color):
        with engine.store.write() as c:
            calendars.upsert(
                c,
                source_id=calendar.source_id,
                account=calendar.account,
                upstream_id=calendar.upstream_id,
                name=same.name,
                color=same.color,
            )
    if same is None:
        pull.pull(engine, calendar_id)  # gone, or taken away: the calendar's state says which


# ---- before the call --------------------------------------------------------------------------------------------


def _has_to_wait(
    engine: Engine, calendar: CalendarRow, collections: list[CollectionRow], item_id: str
) -> bool:
    """Return whether an edit of ours is on its way to the item, or may be making it."""
    with engine.store.read() as c:
        rows = [objects.item_by_upstream(c, x.id, item_id) for x in collections]
        held = [row for row in rows if row is not None]
        if held:
            return any(intents.has_open(c, row.object_id) for row in held)
        return any(makes_an_item(step) for step in intents.steps_under_way(c, calendar.id))


def _held(engine: Engine, collections: list[CollectionRow], wanted: frozenset[str]) -> dict[str, ItemRow]:
    """Return what we hold of the items, in whichever collection."""
    found: dict[str, ItemRow] = {}
    with engine.store.read() as c:
        for item_id in wanted:
            for collection in collections:
                row = objects.item_by_upstream(c, collection.id, item_id)
                if row is not None:
                    found[item_id] = row
                    break
    return found


def _target(calendar: CalendarRow, collections: list[CollectionRow]) -> Target:
    return Target(user_id=calendar.account or collections[0].me, calendar_id=calendar.upstream_id)


def _untold(
    engine: Engine,
    collections: list[CollectionRow],
    wanted: frozenset[str],
    before: Mapping[str, ItemRow],
    told_ms: Mapping[str, int],
) -> frozenset[str]:
    """Return the items of which a pull brought nothing: a delta may be silent, of deletions for one."""
    after = _held(engine, collections, wanted)
    with engine.store.read() as c:
        gone = objects.gone(c, collections[0].calendar_id)
    mapper = engine.provider(collections[0].source_id).mapper
    untold = set()
    for item_id in wanted - gone:
        was, row = before.get(item_id), after.get(item_id)
        if row is None or was is None:
            is_told = was is not row
        else:
            version_ms = mapper.modified_ms(upstream_of(row).snapshot)
            is_told = (row.snapshot, row.cancelled) != (was.snapshot, was.cancelled) or (
                version_ms is not None and 0 < told_ms.get(item_id, 0) < version_ms + SECOND_MS
            )
        if not is_told:
            untold.add(item_id)
    return frozenset(untold)


# ---- after the call ---------------------------------------------------------------------------------------------


def _unclear(
    engine: Engine,
    provider: Provider,
    calendar: CalendarRow,
    held: Mapping[str, ItemRow],
    found: Mapping[str, Upstream | None],
) -> More:
    """Return whether more than these items may have changed."""
    mapper = provider.mapper
    more = More.NO
    for item_id, item in found.items():
        row = held.get(item_id)
        if item is None or (item.cancelled and item.series_id is None):
            # Gone. An id that we never held may be any occurrence of a series.
            if row is None and not mapper.limits.splits_are_items and _has_series(engine, calendar):
                more = max(more, More.WINDOW)
        elif item.series_id is not None:
            known = item.cancelled or (row is not None and not row.cancelled)
            if not known and _is_plain(engine, calendar, mapper, item):
                more = max(more, More.MAYBE)
        elif row is None:
            if mapper.limits.splits_are_items:
                more = max(more, More.MAYBE)  # somebody split a series, and this is the new part
        else:
            more = max(more, _news_of_series(mapper, row, item))
    return more


def _braked(calendar: CalendarRow, found: Mapping[str, Upstream | None]) -> bool:
    """Return whether a deletion among these may have to be held, which only a pull judges."""
    gone = sum(item is None or item.cancelled for item in found.values())
    held = held_ids(calendar)
    return gone > EVENTS_MAX or (bool(held) and (gone > 0 or not held.isdisjoint(found)))


def _has_series(engine: Engine, calendar: CalendarRow) -> bool:
    with engine.store.read() as c:
        return calendars.has_recurring(c, calendar.id)


def _is_plain(engine: Engine, calendar: CalendarRow, mapper: Mapper, item: Upstream) -> bool:
    """Return whether an occurrence is like its series, or its series is not known: the news is elsewhere then."""
    with engine.store.read() as c:
        for collection in calendars.collections_of_calendar(c, calendar.id):
            row = objects.item_by_upstream(c, collection.id, item.series_id or "")
            if row is None or item.origin is None:
                continue
            series = mapper.decode(upstream_of(row), "", Roster())
            if not series.recurrence:
                return True
            now, like = mapper.decode(item, "", Roster()), occurrence_of(series, item.origin)
            texts = [(x.summary, x.description, x.location) for x in (now, like)]
            same_times = same_moment(now.start, like.start) and same_moment(now.end, like.end)
            return same_times and texts[0] == texts[1]
    return True


def _news_of_series(mapper: Mapper, row: ItemRow, item: Upstream) -> More:
    """Return whether news of a series may be news of its occurrences.

    Another rule, time or set of exclusions is. If the series says what it said before, but at another time of
    change, then some occurrence was changed, which the vendor does not name. If it is the very answer that we hold,
    this is most likely the echo of an edit that another node made.
    """
    was, now = mapper.decode(upstream_of(row), "", Roster()), mapper.decode(item, "", Roster())
    if not (was.recurrence or now.recurrence):
        return More.NO
    sweeps = mapper.limits.splits_are_items
    if was.recurrence != now.recurrence or not same_moment(was.start, now.start):
        return More.MAYBE if sweeps else More.CERTAIN
    if sweeps or was != now:
        return More.NO
    return More.MAYBE if canonical(item.snapshot) == row.snapshot else More.CERTAIN


def _apply(
    engine: Engine,
    calendar: CalendarRow,
    collections: list[CollectionRow],
    found: Mapping[str, Upstream | None],
) -> frozenset[str]:
    """Bring the collections to what was found; returns what an edit on its way kept from being applied."""
    items = [item for item in found.values() if item is not None]
    absent = [item_id for item_id, item in found.items() if item is None]
    tally = applying.Tally()
    for collection in collections:
        applying.apply_items(engine, collection, items, absent, tally)
    if tally.waiting:
        return frozenset(found)
    pull.note_gone(engine, calendar, items)
    changed = tally.added + tally.changed
    if changed or tally.deleted:
        log.info("push.applied", extra=fields(calendar=calendar.id, changed=changed, deleted=tally.deleted))
    return frozenset()

"""What a look at a calendar would delete is put aside until the whole of it is known; a mass deletion is held.

The ids of held items stand on the calendar (``calendar.held``). Every later look takes them as confirmed gone, except
those that it sees alive again; so the vendor's cursor may go on, nothing has to be asked for twice, and nothing is
forgotten across restarts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

from bridge.plan.brake import View, judge
from bridge.store import objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import sqlalchemy as sa

    from bridge.engine.context import Engine
    from bridge.model.upstream import Upstream
    from bridge.plan.brake import Verdict
    from bridge.store.rows import CalendarRow, CollectionRow

Changes = dict[str, "Upstream | None"]
"""Key of an item -> what became of it; None: confirmed gone."""


class Apply(Protocol):
    """Brings one object to what the vendor says; with ``doomed``, only notes it there if that would delete it."""

    def __call__(
        self,
        collection: CollectionRow,
        object_id: int,
        changes: Changes,
        doomed: dict[int, Changes] | None,
    ) -> None:
        """Apply."""
        ...


def held_ids(calendar: CalendarRow) -> frozenset[str]:
    """Return the ids of the items whose deletion waits for an administrator."""
    return frozenset(str(x) for x in json.loads(calendar.held))


def dump_ids(ids: Iterable[str]) -> str:
    """Return ids as ``calendar.held`` keeps them."""
    return json.dumps(sorted(ids))


class Brake:
    """Gathers the removals of one look at one calendar. ``release``: let pass what was held before."""

    def __init__(self, engine: Engine, calendar: CalendarRow, *, release: bool) -> None:
        self._engine = engine
        self._release = release
        self._held = held_ids(calendar)
        self._alive: set[str] = set()
        self._aside: dict[int, dict[int, Changes]] = {}
        self._ids: set[str] = set()
        self.left: frozenset[str] = self._held
        """Ids that are held after :meth:`settle`."""
        self.count = 0
        """Events that are held after :meth:`settle`, in the view that holds most."""
        self.reason = ""
        """What an administrator has to know about them; empty: nothing is held."""

    @property
    def unasked(self) -> frozenset[str]:
        """Ids that need no look: they are known to be gone, and on release everything is looked at."""
        return frozenset() if self._release else self._held

    def see(self, items: Iterable[Upstream]) -> None:
        """Note what is alive."""
        self._alive.update(item.id for item in items if not item.cancelled)

    def takes(self, c: sa.Connection, collection: CollectionRow, object_id: int, changes: Changes) -> bool:
        """Put the changes of an object aside if they may be its end, or if some already are aside."""
        aside = self.aside(collection)
        known = aside.get(object_id)
        if known is None:
            removes = any(item is None or item.cancelled for key, item in changes.items() if key[:1] != "@")
            if not removes and not self._is_held(c, object_id):
                return False
            known = aside[object_id] = {}
        known.update(changes)
        self._ids.update(item.id for item in changes.values() if item is not None)
        return True

    def _is_held(self, c: sa.Connection, object_id: int) -> bool:
        return bool(self._held) and any(x.upstream_id in self._held for x in objects.items(c, object_id))

    def aside(self, collection: CollectionRow) -> dict[int, Changes]:
        """Return what is aside of one collection: object -> changes."""
        return self._aside.setdefault(collection.id, {})

    def spare(self, items: Iterable[Upstream]) -> list[Upstream]:
        """Return the items of which nothing is aside."""
        return [item for item in items if item.id not in self._ids]

    def done(self) -> list[Upstream]:
        """Return the items that were aside and are not held, after :meth:`settle`."""
        items = (item for of in self._aside.values() for changes in of.values() for item in changes.values())
        return [item for item in items if item is not None and item.id not in self.left]

    def settle(self, collections: Sequence[CollectionRow], apply: Apply) -> None:
        """Apply what is aside, or hold the deletions among it."""
        doomed: dict[int, dict[int, Changes]] = {}
        for collection in collections:
            aside = self.aside(collection)
            self._remember(collection, aside)
            found = doomed[collection.id] = {}
            for object_id, changes in aside.items():
                apply(collection, object_id, changes, found)
        gone_ids = {collection_id: self._removed(found) for collection_id, found in doomed.items()}
        verdict = self._judge(gone_ids)
        held = self._held - self._alive
        for collection in collections:
            for object_id, changes in doomed[collection.id].items():
                was_held = bool(gone_ids[collection.id][object_id] & self._held)
                if verdict.pass_held if was_held else verdict.pass_fresh:
                    apply(collection, object_id, changes, None)
                else:
                    held |= gone_ids[collection.id][object_id]
        self._count(collections, held)

    def _remember(self, collection: CollectionRow, aside: dict[int, Changes]) -> None:
        """Take what was held earlier as gone, unless it was seen alive."""
        with self._engine.store.read() as c:
            for upstream_id in sorted(self._held - self._alive):
                row = objects.item_by_upstream(c, collection.id, upstream_id)
                if row is not None and not row.cancelled:
                    aside.setdefault(row.object_id, {}).setdefault(row.key, None)

    def _removed(self, doomed: Mapping[int, Changes]) -> dict[int, frozenset[str]]:
        """Return object -> ids of those of its items that the changes end."""
        with self._engine.store.read() as c:
            return {
                object_id: frozenset(
                    x.upstream_id
                    for x in objects.items(c, object_id)
                    if x.key in changes and not x.cancelled and _ends(x.key, changes[x.key])
                )
                for object_id, changes in doomed.items()
            }

    def _judge(self, gone_ids: Mapping[int, Mapping[int, frozenset[str]]]) -> Verdict:
        views = []
        with self._engine.store.read() as c:
            for collection_id, of in gone_ids.items():
                held = frozenset(object_id for object_id, ids in of.items() if ids & self._held)
                fresh = frozenset(of) - held
                views.append(View(served=objects.count(c, collection_id), held=held, fresh=fresh))
        return judge(views, release=self._release)

    def _count(self, collections: Sequence[CollectionRow], ids: Iterable[str]) -> None:
        """Note which of the ids are still served, and the numbers of the view that holds most."""
        left: set[str] = set()
        worst = (0, 0)
        with self._engine.store.read() as c:
            for collection in collections:
                events = set()
                for upstream_id in ids:
                    row = objects.item_by_upstream(c, collection.id, upstream_id)
                    if row is not None and not row.cancelled:
                        left.add(upstream_id)
                        events.add(row.object_id)
                worst = max(worst, (len(events), objects.count(c, collection.id)))
        self.left, self.count = frozenset(left), worst[0]
        if left:
            self.reason = (
                f"{worst[0]} of {worst[1]} events are gone at the vendor at once; none of them is deleted here until "
                "an administrator lets it pass: queqiao sync --user USER --release"
            )


def _ends(key: str, item: Upstream | None) -> bool:
    """Return whether a change of an object that ends is a reason for its end, and not an exception that lives on."""
    return item is None or item.cancelled or not key.startswith("@")

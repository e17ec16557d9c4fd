"""What we wrote to vendors lately: a push that only repeats it is an echo, and costs no call.

Only a help for the bill: what is forgotten here is asked for once more and found to be no news. What one node wrote
another one may hear of, so on PostgreSQL the nodes share it, as leases that end by themselves. An echo is taken at most
once per write, so a push that somebody else's change caused, and that looks exactly like ours, is at worst mistaken
once; the next sweep brings what it told.
"""

from __future__ import annotations

import datetime as dt
import secrets
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, TypeVar

from bridge.model.upstream import Delete
from bridge.store import shared

if TYPE_CHECKING:
    import sqlalchemy as sa

    from bridge.clock import Clock
    from bridge.model.upstream import Applied, Operation
    from bridge.store.engine import Store

KEPT_S: Final = 30.0
"""For how long a write may be echoed (seconds): vendors push within a few, and a job may wait for an edit's end."""

KEPT_MAX: Final = 5000
"""Writes remembered of each kind; the oldest leave first."""

SECOND_MS: Final = 1000

T = TypeVar("T")


class Echoes:
    """Thread-safe. ``store``: where nodes tell each other, if there may be several."""

    def __init__(self, clock: Clock, store: Store | None = None) -> None:
        self._clock = clock
        self._store = store
        self._lock = threading.Lock()
        self._written: OrderedDict[tuple[int, str, int], float] = OrderedDict()
        self._times: dict[tuple[int, str, int], int] = {}
        self._deleted: OrderedDict[tuple[int, str], float] = OrderedDict()

    def note(self, calendar_id: int, operation: Operation, applied: Applied) -> None:
        """Remember a step that stands at the vendor. ``calendar_id`` is our number of the calendar."""
        now_s = self._clock.monotonic_s()
        told = []
        with self._lock:
            for item in (applied.item, applied.series):
                if item is None:
                    continue
                if item.cancelled:
                    _put(self._deleted, (calendar_id, item.id), now_s)
                    told.append(_name(calendar_id, item.id))
                elif (changed_ms := version_ms(item.version)) is not None:
                    # Two writes in the vendor's one second have two echoes.
                    key = (calendar_id, item.id, changed_ms)
                    self._times[key] = self._times.get(key, 0) + 1
                    for dropped in _put(self._written, key, now_s):
                        self._times.pop(dropped, None)
                    told.append(f"{_name(*key)}/")
            if isinstance(operation, Delete):
                _put(self._deleted, (calendar_id, operation.id), now_s)
                told.append(_name(calendar_id, operation.id))
        if self._store is not None and told:
            with self._store.write() as c:
                for name in told:
                    _tell(c, name)

    def is_echo(self, calendar_id: int, item_id: str, *, updated_ms: int) -> bool:
        """Return whether a push tells nothing but a write of ours; each write answers yes once.

        ``updated_ms`` is the vendor's time of change; without one, only deletions are recognised: whatever is told
        of an item that we deleted a moment ago.
        """
        markers = [
            (calendar_id, item_id, marker_ms)
            # A marker without fractions of a second stands for that second.
            for marker_ms in dict.fromkeys((updated_ms, updated_ms // SECOND_MS * SECOND_MS))
            if marker_ms
        ]
        here = self._is_echo_here(calendar_id, item_id, markers)
        if self._store is None:
            return here
        with self._store.write() as c:
            elsewhere = shared.is_leased(c, _name(calendar_id, item_id))
            names = [f"{_name(*key)}/{copy}" for key in markers for copy in range(COPIES_MAX)]
            elsewhere = elsewhere or any(shared.end_lease(c, name) for name in names)
        return here or elsewhere

    def _is_echo_here(self, calendar_id: int, item_id: str, markers: list[tuple[int, str, int]]) -> bool:
        """Answer from what this process wrote."""
        since_s = self._clock.monotonic_s() - KEPT_S
        with self._lock:
            if self._deleted.get((calendar_id, item_id), since_s - 1) >= since_s:
                return True
            for key in markers:
                if self._written.get(key, since_s - 1) >= since_s:
                    self._times[key] -= 1
                    if not self._times[key]:
                        del self._times[key], self._written[key]
                    return True
        return False


COPIES_MAX: Final = 4
"""Writes of one item in one second of the vendor whose echoes are told apart between nodes."""


def _tell(c: sa.Connection, name: str) -> None:
    """Let every node know of a write; one of a moment is counted, for each has its echo."""
    counted = name.endswith("/")
    for copy in range(COPIES_MAX):
        owner = f"echo-{secrets.token_hex(8)}" if counted else "echo"
        length_ms = int(KEPT_S * 1000)
        if shared.take_lease(c, f"{name}{copy}" if counted else name, owner=owner, length_ms=length_ms):
            return


def _name(calendar_id: int, item_id: str, changed_ms: int | None = None) -> str:
    """Return the name of a lease: a write of one moment, or a deletion."""
    return f"echo:{calendar_id}:{item_id}:{'' if changed_ms is None else changed_ms}"


def version_ms(version: str) -> int | None:
    """Return a vendor's change marker as milliseconds since 1970, where it is a time; else None."""
    if version.isascii() and version.isdigit():
        return int(version[:16])
    try:
        moment = dt.datetime.fromisoformat(version)
    except ValueError:
        return None
    return None if moment.tzinfo is None else round(moment.timestamp() * 1000)


def _put(held: OrderedDict[T, float], key: T, value: float) -> list[T]:
    """Remember something; returns what had to be forgotten for it."""
    held[key] = value
    held.move_to_end(key)
    return [held.popitem(last=False)[0] for _ in range(len(held) - KEPT_MAX)]

"""What we wrote to vendors lately: a push that only repeats it is an echo, and costs no call.

Only a help for the bill: what is forgotten here, or was written by another node, is asked for once more and found to
be no news. An echo is taken at most once per write, so a push that somebody else's change caused, and that looks
exactly like ours, is at worst mistaken once; the next sweep brings what it told.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, TypeVar

from bridge.model.upstream import Delete

if TYPE_CHECKING:
    from bridge.clock import Clock
    from bridge.model.upstream import Applied, Operation

KEPT_S: Final = 30.0
"""For how long a write may be echoed (seconds): vendors push within a few, and a job may wait for an edit's end."""

KEPT_MAX: Final = 5000
"""Writes remembered of each kind; the oldest leave first."""

SECOND_MS: Final = 1000

T = TypeVar("T")


class Echoes:
    """Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._written: OrderedDict[tuple[int, str, int], float] = OrderedDict()
        self._times: dict[tuple[int, str, int], int] = {}
        self._deleted: OrderedDict[tuple[int, str], float] = OrderedDict()

    def note(self, calendar_id: int, operation: Operation, applied: Applied) -> None:
        """Remember a step that stands at the vendor. ``calendar_id`` is our number of the calendar."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            for item in (applied.item, applied.series):
                if item is None:
                    continue
                if item.cancelled:
                    _put(self._deleted, (calendar_id, item.id), now_s)
                elif (changed_ms := version_ms(item.version)) is not None:
                    # Two writes in the vendor's one second have two echoes.
                    key = (calendar_id, item.id, changed_ms)
                    self._times[key] = self._times.get(key, 0) + 1
                    for dropped in _put(self._written, key, now_s):
                        self._times.pop(dropped, None)
            if isinstance(operation, Delete):
                _put(self._deleted, (calendar_id, operation.id), now_s)

    def is_echo(self, calendar_id: int, item_id: str, *, updated_ms: int) -> bool:
        """Return whether a push tells nothing but a write of ours; each write answers yes once.

        ``updated_ms`` is the vendor's time of change; without one, only deletions are recognised: whatever is told
        of an item that we deleted a moment ago.
        """
        since_s = self._clock.monotonic_s() - KEPT_S
        with self._lock:
            if self._deleted.get((calendar_id, item_id), since_s - 1) >= since_s:
                return True
            # A marker without fractions of a second stands for that second.
            for marker_ms in dict.fromkeys((updated_ms, updated_ms // SECOND_MS * SECOND_MS)):
                key = (calendar_id, item_id, marker_ms)
                if marker_ms and self._written.get(key, since_s - 1) >= since_s:
                    self._times[key] -= 1
                    if not self._times[key]:
                        del self._times[key], self._written[key]
                    return True
        return False


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

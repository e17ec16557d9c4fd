"""What this process wrote lately: its echo in a delta is no news and costs no further call.

Forgetting is harmless: an echo that is not recognised is looked at once more.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

KEPT_MAX: Final = 5000
"""Ids remembered of each kind."""


class _Lately:
    """A bounded set; the oldest leave first."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, None] = OrderedDict()

    def add(self, item: str) -> None:
        self._held[item] = None
        self._held.move_to_end(item)
        while len(self._held) > KEPT_MAX:
            self._held.popitem(last=False)

    def __contains__(self, item: str) -> bool:
        return item in self._held

    def discard(self, item: str) -> bool:
        """Remove an id; return whether it was there."""
        return self._held.pop(item, self) is None


class OwnWrites:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dropped = _Lately()
        self._touched = _Lately()
        self._all_day: OrderedDict[str, bool] = OrderedDict()

    def note_drop(self, series_id: str, instance_id: str) -> None:
        """Remember that we removed an occurrence."""
        with self._lock:
            self._dropped.add(instance_id)
            self._touched.add(series_id)

    def note_split(self, series_id: str) -> None:
        """Remember that we changed an occurrence of a series, which may touch the series."""
        with self._lock:
            self._touched.add(series_id)

    def is_dropped(self, item_id: str) -> bool:
        """Return whether we removed this occurrence ourselves."""
        with self._lock:
            return item_id in self._dropped

    def take_touch(self, series_id: str) -> bool:
        """Return, once, whether we touched a series ourselves since this was last asked."""
        with self._lock:
            return self._touched.discard(series_id)

    def note_form(self, series_id: str, *, all_day: bool) -> None:
        """Remember whether a series is all-day."""
        with self._lock:
            self._all_day[series_id] = all_day
            self._all_day.move_to_end(series_id)
            while len(self._all_day) > KEPT_MAX:
                self._all_day.popitem(last=False)

    def form(self, series_id: str) -> bool | None:
        """Return whether a series is all-day; None if it was not seen lately."""
        with self._lock:
            return self._all_day.get(series_id)

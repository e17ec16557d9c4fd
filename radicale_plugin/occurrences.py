"""The occurrences of one calendar object, worked out from its text at most once per version."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from bridge.ical import worked as ical_worked
from bridge.ical.worked import TEXT_BYTES_MAX, WIDEN_MS, Occurrence, Worked, work_out

if TYPE_CHECKING:
    from bridge.engine.api import ObjectView

__all__ = ["TEXT_BYTES_MAX", "WIDEN_MS", "Occurrence", "occurrences", "worked"]

OBJECTS_KEPT: Final = 2_048
"""Parsed objects kept for the next query, about 3 kB each; keyed by etag, so never stale."""


class _Kept:
    """A bounded memory of read objects; None for one that cannot be worked out."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Worked | None] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, view: ObjectView) -> Worked | None:
        """Return the object, read at most once per version."""
        with self._guard:
            if view.etag in self._kept:
                self._kept.move_to_end(view.etag)
                return self._kept[view.etag]
        found = work_out(view.text)
        with self._guard:
            self._kept[view.etag] = found
            if len(self._kept) > OBJECTS_KEPT:
                self._kept.popitem(last=False)
        return found


_kept = _Kept()


def worked(view: ObjectView) -> Worked | None:
    """Return the object as it was read, None if it cannot be worked out."""
    return _kept.get(view)


def occurrences(view: ObjectView, start_ms: int, end_ms: int) -> list[Occurrence] | None:
    """Return the occurrences that may touch [start, end), by start; None if the object cannot be worked out.

    All-day and floating ones are returned up to :data:`WIDEN_MS` outside of the range. Raises Refused (403) when
    there are too many.
    """
    found = _kept.get(view)
    return None if found is None else ical_worked.occurrences(found, start_ms, end_ms)

"""A calendar-query, from its filters to the objects that meet them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from bridge.clock import SystemClock, utc_from_ms
from bridge.errors import BadInput, Inexpressible
from bridge.ical import lines, zones
from radicale_plugin.filters import CompFilter, read_filter
from radicale_plugin.matching import cannot_meet, judges_by_bounds, meets, range_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from bridge.engine.api import CollectionView, ObjectView, Service


@lru_cache(maxsize=256)
def zone_of(calendar_text: str) -> dt.tzinfo | None:
    """Return the zone of a ``calendar-timezone`` value: an iCalendar text with one VTIMEZONE (RFC 4791 5.2.2)."""
    try:
        found = lines.read(calendar_text).components("VTIMEZONE")
        tzid = found[0].first("TZID") if found else None
        if tzid is None:
            return None
        year = utc_from_ms(SystemClock().now_ms()).year
        return zones.resolve(tzid.value, found[0], (year - 1, year + 1))
    except (BadInput, Inexpressible, ValueError):
        return None


def select(
    service: Service,
    view: CollectionView,
    tests: Sequence[CompFilter],
    zone: dt.tzinfo | None = None,
    *,
    texts: bool = True,
) -> list[ObjectView]:
    """Return the objects that meet every filter. ``zone`` comes from the request, else from the calendar.

    Without ``texts`` they may come without theirs, which is how phones ask: only for tags, since a day.
    """
    if any(cannot_meet(test) for test in tests):
        return []
    zone = zone or zone_of(view.props.get("C:calendar-timezone", ""))
    texts = texts or not all(judges_by_bounds(test, zone) for test in tests)
    return [
        found
        for found in _candidates(service, view, tests, texts=texts)
        if all(meets(found, test, zone) for test in tests)
    ]


def _candidates(
    service: Service, view: CollectionView, tests: Sequence[CompFilter], *, texts: bool
) -> Sequence[ObjectView]:
    """Ask the engine for no more than the filters can want."""
    times = next((found for test in tests if (found := range_of(test)) is not None), None)
    if times is None and texts:
        return service.get_all(view.id)
    start_ms, end_ms = (None, None) if times is None else (times.start_ms, times.end_ms)
    return service.get_between(view.id, start_ms, end_ms, texts=texts)


__all__ = ["read_filter", "select", "zone_of"]

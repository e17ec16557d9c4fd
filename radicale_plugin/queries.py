"""A calendar-query, from its filters to the objects that meet them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from bridge.clock import SystemClock, utc_from_ms
from bridge.errors import BadInput, Inexpressible
from bridge.ical import lines, zones
from radicale_plugin.filters import CompFilter, TimeRange, read_filter
from radicale_plugin.matching import asks_only_for, cannot_meet, is_clear, meets, range_of

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
    times = next((found for test in tests if (found := range_of(test)) is not None), None)
    if times is None:
        if texts or not all(asks_only_for(test, None) for test in tests):
            return _meeting(service.get_all(view.id), tests, zone)
        return list(service.get_between(view.id, None, None, texts=False))
    by_time = all(asks_only_for(test, times) for test in tests)
    if times.start_ms is None or times.end_ms is None:
        return _half_open(service, view, tests, times, zone, texts=texts or not by_time)
    happening, perhaps = service.get_occurring(
        view.id, times.start_ms, times.end_ms, zone, texts=texts or not by_time
    )
    sure = list(happening) if by_time else _meeting(happening, tests, zone)
    return sure + _meeting(perhaps, tests, zone)


def _half_open(
    service: Service,
    view: CollectionView,
    tests: Sequence[CompFilter],
    times: TimeRange,
    zone: dt.tzinfo | None,
    *,
    texts: bool,
) -> list[ObjectView]:
    """Select what happens before or after a moment: by bounds, except for what is all-day or floating around it."""
    candidates = service.get_between(view.id, times.start_ms, times.end_ms, texts=texts)
    if texts:
        return _meeting(candidates, tests, zone)
    clear = [one for one in candidates if is_clear(one, times, zone)]
    known = {one.href for one in clear}
    near = [one.href for one in candidates if one.href not in known]
    return clear + _meeting(list(service.get_many(view.id, near).values()) if near else (), tests, zone)


def _meeting(
    candidates: Sequence[ObjectView], tests: Sequence[CompFilter], zone: dt.tzinfo | None
) -> list[ObjectView]:
    return [one for one in candidates if all(meets(one, test, zone) for test in tests)]


__all__ = ["read_filter", "select", "zone_of"]

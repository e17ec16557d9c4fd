"""The free-busy-query report (RFC 4791 section 7.10)."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Final, TypeAlias

from bridge.clock import SystemClock, utc_from_ms
from bridge.errors import Refused
from bridge.ical.lines import fold
from bridge.ical.values import utc_text
from radicale_plugin.occurrences import occurrences, worked
from radicale_plugin.whole import PRODID

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.engine.api import CollectionView, ObjectView, Service
    from radicale_plugin.filters import TimeRange

Periods: TypeAlias = dict[str, list[tuple[int, int]]]
"""FBTYPE -> [start, end) in milliseconds UTC."""
RANGE_MAX_MS: Final = 3 * 366 * 86_400_000
"""Longest span of one free-busy-query: three years."""
PERIODS_MAX: Final = 100_000
"""Most occurrences in one answer, before they are merged."""


def free_busy(service: Service, view: CollectionView, times: TimeRange, zone: dt.tzinfo | None) -> str:
    """Return a VCALENDAR with one VFREEBUSY. Raises Refused (403) for a range too long or too full."""
    if times.start_ms is None or times.end_ms is None or times.end_ms <= times.start_ms:
        msg = "A free-busy-query needs a start and a later end."
        raise Refused(msg, http_status=400)
    if times.end_ms - times.start_ms > RANGE_MAX_MS:
        msg = "This span of time is too long; ask for three years at most."
        raise Refused(
            msg,
            precondition="D:number-of-matches-within-limits",
        )
    return _text(
        busy_periods(service, view, times.start_ms, times.end_ms, zone), times.start_ms, times.end_ms
    )


def busy_periods(
    service: Service, view: CollectionView, start: int, end: int, zone: dt.tzinfo | None, *, but_uid: str = ""
) -> Periods:
    """Return when events of a calendar take time in [start, end), by kind; ``but_uid`` does not count.

    Raises Refused (403) where there is too much.
    """
    zone = zone or dt.UTC
    taken, perhaps = service.get_busy(view.id, start, end, zone, limit=PERIODS_MAX + 1, but_uid=but_uid)
    periods = itertools.chain(taken, *(_periods(found, start, end, zone) for found in perhaps))
    busy: Periods = {}
    for count, (kind, first, last) in enumerate(periods):
        if count >= PERIODS_MAX:
            msg = "This span of time holds too much; ask for a shorter one."
            raise Refused(msg, precondition="D:number-of-matches-within-limits")
        if first < end and last > start and first < last:
            busy.setdefault(kind, []).append((max(first, start), min(last, end)))
    return busy


def _periods(view: ObjectView, start: int, end: int, zone: dt.tzinfo) -> Iterator[tuple[str, int, int]]:
    source = worked(view)
    if source is None:
        return
    for one in occurrences(view, start, end) or ():
        kind = source.takes[one.number]
        if kind:
            yield kind, *one.bounds_ms(zone)


def _merged(periods: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(periods):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _text(busy: Periods, start: int, end: int) -> str:
    head = [f"UID:free-busy-{start}-{end}@queqiao.invalid"]
    return message([], [*head, *times_and_periods(busy, start, end)])


def times_and_periods(busy: Periods, start: int, end: int) -> list[str]:
    """Return the lines of a VFREEBUSY that say when; what overlaps is one."""
    return [
        f"DTSTAMP:{_stamp(SystemClock().now_ms())}",
        f"DTSTART:{_stamp(start)}",
        f"DTEND:{_stamp(end)}",
        *(
            f"FREEBUSY;FBTYPE={kind}:{_stamp(first)}/{_stamp(last)}"
            for kind in sorted(busy)
            for first, last in _merged(busy[kind])
        ),
    ]


def message(head: Iterable[str], lines: Iterable[str]) -> str:
    """Return a VCALENDAR with one VFREEBUSY; ``head`` is further lines of the VCALENDAR."""
    out = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODID}", *head, "BEGIN:VFREEBUSY", *lines]
    return "".join(fold(line) for line in [*out, "END:VFREEBUSY", "END:VCALENDAR"])


def _stamp(milliseconds: int) -> str:
    return utc_text(utc_from_ms(milliseconds))

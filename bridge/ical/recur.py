"""Recurrence sets (RFC 5545 section 3.8.5): which occurrences an object has, and from when to when it reaches.

Rules are worked out in the wall time of DTSTART's zone, so a meeting stays at its hour across changes of offset.
A wall time that does not exist counts with the offset before the gap, one that exists twice is the first
(RFC 5545 section 3.3.5). DTSTART is always in the set, and the first that COUNT counts. An occurrence is as long
as DTSTART to DTEND in wall time when both are in one zone (what clients show), else in exact time. EXDATE wins
over an override of the same occurrence; an override that matches no occurrence is shown.
"""

from __future__ import annotations

import datetime as dt
import heapq
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from bridge.ical.expand import expand, matches
from bridge.ical.rules import rule_from_text, rule_to_text
from bridge.ical.values import YEAR_MAX, YEAR_MIN
from bridge.model.event import CalendarObject, Event, Status
from bridge.model.recurrence import Freq, Moment, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "FOREVER_MS",
    "Occurrence",
    "end_of",
    "expand_rule",
    "first_occurrences",
    "instant",
    "occurrences",
    "occurrences_of",
    "rule_from_text",
    "rule_to_text",
    "span",
]

FOREVER_MS: Final = 253_402_300_799_000
"""9999-12-31T23:59:59Z in milliseconds since 1970: the end of an unbounded series, as in ``engine.api``."""

WIDENED: Final = dt.timedelta(hours=14)
"""How far an all-day value may begin earlier, or end later, than in UTC: the largest offset there is (UTC+14)."""

SPAN_COUNT_MAX: Final = 10_000
"""Most occurrences that are counted to find the end of a COUNT; a longer series counts as unbounded."""

_FIRST: Final = dt.datetime(YEAR_MIN, 1, 2, tzinfo=dt.UTC)
_LAST: Final = dt.datetime(YEAR_MAX, 12, 30, tzinfo=dt.UTC)
_DAY: Final = dt.timedelta(days=1)
_ZERO: Final = dt.timedelta()

Key: TypeAlias = dt.date
"""What tells occurrences apart: a date, or an aware UTC datetime (equal instants are equal)."""


class Occurrence(NamedTuple):
    """One occurrence of an object."""

    recurrence_id: Moment | None
    """Its original start, in the zone of DTSTART; None for an event that does not repeat."""
    start: Moment
    end: Moment


def instant(moment: Moment) -> Key:
    """Return what a start is compared by: its UTC time, or the date of an all-day one."""
    return moment.astimezone(dt.UTC) if isinstance(moment, dt.datetime) else moment


def occurrences(obj: CalendarObject, start: dt.datetime, end: dt.datetime, *, limit: int) -> list[Occurrence]:
    """Return the first ``limit`` occurrences that overlap ``[start, end)``, ascending by start.

    An occurrence without a length counts when it starts inside. All-day occurrences are taken in the zone of
    the (aware) ``start``. Cancelled overrides are listed; what they say is for the caller to look up.
    """
    zone = start.tzinfo or dt.UTC
    start, end = _clamped(start), _clamped(end)
    found: list[tuple[dt.datetime, Occurrence]] = []
    master = obj.master
    overridden = {instant(event.recurrence_id) for event in obj.overrides if event.recurrence_id is not None}
    excluded = _excluded(master) if master else frozenset()
    for event in obj.overrides:
        if event.recurrence_id is None or instant(event.recurrence_id) in excluded:
            continue
        _keep(found, Occurrence(event.recurrence_id, event.start, event.end), (start, end), zone)
    if master is not None:
        enough = limit + len(obj.overrides)
        shifts = _Shifts(obj)
        margin = shifts.largest + _length(master) + 2 * _DAY
        kept = 0
        since, until = start - min(margin, start - _FIRST), end + min(margin, _LAST - end)
        for moment in _starts(master, since, until):
            if instant(moment) in overridden:
                continue
            kept += _keep(found, shifts.occurrence(moment), (start, end), zone)
            if kept >= enough:
                break
    found.sort(key=lambda pair: pair[0])
    return [occurrence for _, occurrence in found[:limit]]


def occurrences_of(event: Event, start: dt.datetime, end: dt.datetime, *, limit: int) -> list[Occurrence]:
    """Return the occurrences of one event alone; see :func:`occurrences`."""
    return occurrences(CalendarObject(uid=event.uid, master=event), start, end, limit=limit)


def has_any(obj: CalendarObject) -> bool:
    """Return whether anything is left of an object: an occurrence neither removed nor cancelled."""
    if any(event.status is not Status.CANCELLED for event in obj.overrides):
        return True
    changed = {instant(event.recurrence_id) for event in obj.overrides if event.recurrence_id is not None}
    return obj.master is not None and any(instant(m) not in changed for m in _starts(obj.master, None, _LAST))


def first_occurrences(event: Event, n: int) -> list[Moment]:
    """Return the first ``n`` starts of an event's recurrence set, ascending; fewer when it ends before.

    Overrides play no part. The work is bounded: a rule that matches nothing for a very long time counts as over.
    """
    return list(islice(_starts(event, None, _LAST), n))


def expand_rule(rule: Rule, start: Moment, n: int) -> list[Moment]:
    """Return the first ``n`` starts of ``start`` and one rule, without RDATE and EXDATE."""
    return list(islice(_ruled(rule, start, None, _LAST), n))


def span(obj: CalendarObject) -> tuple[int, int, bool]:
    """Return (starts_ms, ends_ms, recurring): when the object's first occurrence starts and its last one ends.

    Milliseconds since 1970; ``FOREVER_MS`` for a series without an end, or with one that is too far to count.
    All-day values are widened by 14 hours on both sides. Never narrower than the truth.
    """
    starts: list[dt.datetime] = []
    ends: list[dt.datetime] = []
    forever = False
    for event in obj.overrides:
        starts.append(_early(event.start))
        ends.append(_late(event.end))
    master = obj.master
    recurring = bool(obj.overrides) or bool(master and master.recurrence)
    if master is not None:
        shifts = _Shifts(obj)
        excluded = _excluded(master)
        first = next(_starts(master, None, _LAST), master.start)
        starts.append(_early(first) - shifts.largest)
        last, forever = _last_start(master, excluded)
        ends.append(_late(end_of(master, last)) + shifts.largest)
    starts_ms = _ms(min(starts)) if starts else 0
    ends_ms = FOREVER_MS if forever else max(starts_ms, _ms(max(ends)) if ends else 0)
    return starts_ms, ends_ms, recurring


# ---- the set of starts ------------------------------------------------------------------------------------------


def _starts(event: Event, since: dt.datetime | None, until: dt.datetime) -> Iterator[Moment]:
    """Yield the recurrence set from ``since`` to ``until``, each instant once, without EXDATE.

    The order is ascending but for wall times around a change of offset.
    """
    excluded = _excluded(event)
    streams: list[Iterator[Moment]] = [iter((event.start,))]
    streams += [_ruled(rule, event.start, since, until) for rule in event.recurrence.rules]
    if event.recurrence.rdates:
        streams.append(iter(sorted(event.recurrence.rdates, key=_order)))
    before: Key | None = None
    seen: set[Key] = set()
    low = None if since is None else _order(_in_zone(since, event.start))
    high = _order(_in_zone(until, event.start))
    for moment in heapq.merge(*streams, key=_order) if len(streams) > 1 else streams[0]:
        key = instant(moment)
        order = _order(moment)
        if (
            key == before
            or key in seen
            or key in excluded
            or order > high
            or (low is not None and order < low)
        ):
            continue
        before = key
        if len(event.recurrence.rules) > 1 or event.recurrence.rdates:
            seen.add(key)
        yield moment


def _ruled(rule: Rule, start: Moment, since: dt.datetime | None, until: dt.datetime) -> Iterator[Moment]:
    """Yield DTSTART and what one rule adds. ``since`` is passed over by rules without COUNT."""
    wall = _wall(start)
    last = _wall(_in_zone(until, start))
    end = _until(rule, start)
    if isinstance(end, dt.datetime):
        last = min(last, _wall(_in_zone(end, start)) + _DAY)  # a day of room: compared exactly below
    elif end is not None:
        last = min(last, _wall(end))
    if rule.count is None:
        first = None if since is None else _wall(_in_zone(since, start))
        found: Iterator[dt.datetime] = expand(rule, wall, last, first)
    else:
        found = islice(expand(rule, wall, last), rule.count if matches(rule, wall) else rule.count - 1)
    yield start
    exact = end.astimezone(dt.UTC) if isinstance(end, dt.datetime) else None
    if isinstance(start, dt.datetime):
        for one in found:
            moment = one.replace(tzinfo=start.tzinfo)
            if exact is None or moment <= exact:
                yield moment
    else:
        for one in found:
            yield one.date()


def _until(rule: Rule, start: Moment) -> Moment | None:
    """Return UNTIL in the kind of the start, whichever kind it was made of."""
    end = rule.until
    if isinstance(start, dt.datetime) and end is not None and not isinstance(end, dt.datetime):
        return dt.datetime.combine(end, dt.time(23, 59, 59), start.tzinfo)
    if not isinstance(start, dt.datetime) and isinstance(end, dt.datetime):
        return end.date()
    return end


def _excluded(event: Event) -> frozenset[Key]:
    return frozenset(instant(moment) for moment in event.recurrence.exdates)


def _wall(moment: Moment) -> dt.datetime:
    """Return a start as wall time without a zone; a date begins at 00:00."""
    if isinstance(moment, dt.datetime):
        return moment.replace(tzinfo=None)
    return dt.datetime.combine(moment, dt.time())


def _order(moment: Moment) -> float:
    """Return a number that ascends with the start; only to be compared within one kind."""
    if isinstance(moment, dt.datetime):
        return moment.timestamp()
    return float(moment.toordinal())


def _in_zone(moment: dt.datetime, like: Moment) -> Moment:
    """Return ``moment`` in the kind and zone of another value."""
    if isinstance(like, dt.datetime):
        return moment.astimezone(like.tzinfo)
    return moment.date()


# ---- from a start to an occurrence ------------------------------------------------------------------------------


class _Shifts:
    """How an occurrence follows from its start: the master's length, or an override for this and all future."""

    def __init__(self, obj: CalendarObject) -> None:
        self._master = obj.master
        ranged = [
            event for event in obj.overrides if event.this_and_future and event.recurrence_id is not None
        ]
        self._ranged = sorted(ranged, key=lambda event: _order(event.recurrence_id or event.start))
        self.largest = max((abs(self._shift(event)) for event in self._ranged), default=_ZERO)
        if self._ranged:
            self.largest += max(_length(event) for event in self._ranged) + _DAY

    def occurrence(self, start: Moment) -> Occurrence:
        """Return what happens at an original start that has no override of its own."""
        master = self._master
        if master is None:  # pragma: no cover - asked only for the starts of a master
            return Occurrence(start, start, start)
        model = master
        for event in self._ranged:
            if event.recurrence_id is None or _utc(event.recurrence_id) >= _utc(start):
                break
            model = event
        moved = start if model is master else self._moved(model, start)
        return Occurrence(start if master.recurrence else None, moved, end_of(model, moved))

    @staticmethod
    def _shift(event: Event) -> dt.timedelta:
        """Return by how much the override moves its occurrence, in wall time of its zone."""
        origin = event.recurrence_id or event.start
        if isinstance(origin, dt.datetime) and isinstance(event.start, dt.datetime):
            origin = origin.astimezone(event.start.tzinfo)
        return _wall(event.start) - _wall(origin)

    def _moved(self, event: Event, start: Moment) -> Moment:
        shift = self._shift(event)
        if not isinstance(event.start, dt.datetime):
            return (_wall(start) + shift).date()
        zone = event.start.tzinfo
        wall = _wall(start.astimezone(zone) if isinstance(start, dt.datetime) else start)
        return (wall + shift).replace(tzinfo=zone)


def end_of(event: Event, start: Moment) -> Moment:
    """Return the end of the occurrence of ``event`` that begins at ``start`` (of the same kind)."""
    if start == event.start:
        return event.end
    if (
        isinstance(start, dt.datetime)
        and isinstance(event.start, dt.datetime)
        and isinstance(event.end, dt.datetime)
    ):
        if event.start.tzinfo is event.end.tzinfo:
            end = (_wall(start) + (_wall(event.end) - _wall(event.start))).replace(tzinfo=start.tzinfo)
            if end.timestamp() >= start.timestamp():
                return end
            length = _wall(event.end) - _wall(event.start)
        else:
            length = event.end.astimezone(dt.UTC) - event.start.astimezone(dt.UTC)
        return (start.astimezone(dt.UTC) + length).astimezone(event.end.tzinfo)
    return start + (_wall(event.end) - _wall(event.start))


def _length(event: Event) -> dt.timedelta:
    """Return an upper bound of how long an occurrence is."""
    if isinstance(event.start, dt.datetime) and isinstance(event.end, dt.datetime):
        return max(event.end.astimezone(dt.UTC) - event.start.astimezone(dt.UTC), _ZERO) + dt.timedelta(
            hours=3
        )
    return _wall(event.end) - _wall(event.start)


def _keep(
    found: list[tuple[dt.datetime, Occurrence]],
    occurrence: Occurrence,
    window: tuple[dt.datetime, dt.datetime],
    zone: dt.tzinfo,
) -> bool:
    start, end = _absolute(occurrence.start, zone), _absolute(occurrence.end, zone)
    inside = start < window[1] and (end > window[0] or (start == end and start >= window[0]))
    if inside:
        found.append((start, occurrence))
    return inside


def _absolute(moment: Moment, zone: dt.tzinfo) -> dt.datetime:
    if isinstance(moment, dt.datetime):
        return moment.astimezone(dt.UTC)
    return dt.datetime.combine(moment, dt.time(), zone).astimezone(dt.UTC)


def _clamped(moment: dt.datetime) -> dt.datetime:
    """Return an aware time in UTC, within what can be computed with."""
    if moment.year <= YEAR_MIN:
        return _FIRST + 30 * _DAY
    if moment.year >= YEAR_MAX:
        return _LAST - 30 * _DAY
    return moment.astimezone(dt.UTC)


def _utc(moment: Moment) -> dt.datetime:
    return _absolute(moment, dt.UTC)


# ---- the span ---------------------------------------------------------------------------------------------------


def _last_start(master: Event, excluded: frozenset[Key]) -> tuple[Moment, bool]:
    """Return the start of the last occurrence (or a later bound), and whether the series has no end."""
    last = master.start
    candidates = [moment for moment in master.recurrence.rdates if instant(moment) not in excluded]
    for rule in master.recurrence.rules:
        if rule.count is None and rule.until is None:
            return last, True
        if rule.count is not None:
            if rule.count > SPAN_COUNT_MAX:
                return last, True
            moments = list(islice(_ruled(rule, master.start, None, _LAST), rule.count + 1))
            kept = [moment for moment in moments if instant(moment) not in excluded]
            candidates += kept[-1:]
        else:
            candidates.append(_last_until(rule, master.start, excluded))
    return max([last, *candidates], key=_order), False


def _last_until(rule: Rule, start: Moment, excluded: frozenset[Key]) -> Moment:
    """Return the last start of a rule with UNTIL, looking back from its end; UNTIL itself if none is near."""
    until = _until(rule, start)
    if until is None or _order(until) <= _order(start):
        return start
    end = _utc(until) + _DAY
    days = {Freq.YEARLY: 366, Freq.MONTHLY: 31, Freq.WEEKLY: 7}.get(rule.freq, 1) * min(rule.interval, 3_660)
    for periods in (2, 14, 60):
        since = end - dt.timedelta(days=min(days * periods, 36_600))
        begin = max(since, _utc(start) - _DAY)
        moments = [moment for moment in _ruled(rule, start, begin, end) if instant(moment) not in excluded]
        if len(moments) > 1 or (moments and moments[0] != start):
            return max(moments, key=_order)
    return until


def _early(moment: Moment) -> dt.datetime:
    return _utc(moment) if isinstance(moment, dt.datetime) else _utc(moment) - WIDENED


def _late(moment: Moment) -> dt.datetime:
    return _utc(moment) if isinstance(moment, dt.datetime) else _utc(moment) + WIDENED


def _ms(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)

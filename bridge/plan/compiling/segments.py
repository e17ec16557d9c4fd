"""What the client changed about a series: removed and changed occurrences, and THISANDFUTURE.

A THISANDFUTURE override begins a new segment: from its RECURRENCE-ID on, occurrences have its fields and are moved
by as much as it is (RFC 5545 3.8.4.4). Everything is keyed by the original local time.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.model.event import Event, Status
from bridge.model.recurrence import Moment, Recurrence
from bridge.plan.compiling.cycle import MIDNIGHT, Cycle
from bridge.plan.compiling.frame import Frame, frame_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Occurrences with original local times in [low, high), and what they look like."""

    template: Event | None
    """None: cancelled, nothing to show."""
    low: dt.datetime | None
    high: dt.datetime | None
    delta: dt.timedelta
    frame: Frame
    """The clock that the template is written in."""

    def out(self, wall: dt.datetime) -> dt.datetime:
        """Return when the occurrence of an original local time begins, on this segment's clock."""
        # Adding nothing would still forget which of a doubled hour is meant.
        moved = wall + self.delta if self.delta else wall
        return dt.datetime.combine(moved.date(), MIDNIGHT) if self.frame.is_all_day else moved

    def moved(self, cycle: Cycle) -> Cycle | None:
        """Return the original cycle as it is shown; None where it is no cycle any more."""
        seconds = cycle.at.hour * 3600 + cycle.at.minute * 60 + cycle.at.second
        carried = dt.datetime(2000, 1, 1) + dt.timedelta(seconds=seconds) + self.delta  # noqa: DTZ001
        days = (carried.date() - dt.date(2000, 1, 1)).days
        return cycle.moved(days, MIDNIGHT if self.frame.is_all_day else carried.time())

    def show(self, template: Event, out: dt.datetime) -> Event:
        """Return the occurrence that begins at ``out``, as a single event."""
        start = self.frame.moment(out)
        end = end_of(template, start)
        if self.frame.skips(out):
            start = self.frame.moment(self.frame.wall(self.frame.instant(out)))
        return replace(
            template,
            start=start,
            end=end,
            recurrence=Recurrence(),
            recurrence_id=None,
            this_and_future=False,
        )


def end_of(template: Event, start: Moment) -> Moment:
    """Return the end of an occurrence: as long as the template in local time, or exactly so across two zones."""
    if not isinstance(start, dt.datetime):
        return start + dt.timedelta(days=template.end.toordinal() - template.start.toordinal())
    if not isinstance(template.start, dt.datetime) or not isinstance(template.end, dt.datetime):
        return start
    exact = template.end.astimezone(dt.UTC) - template.start.astimezone(dt.UTC)
    by_clock = start.astimezone(dt.UTC) + exact
    if template.end.tzinfo == template.start.tzinfo:
        end = (start.replace(tzinfo=None) + nominal_length(template)).replace(tzinfo=start.tzinfo)
        # Next to a DST gap the local length may come out as nothing or less.
        if end.astimezone(dt.UTC) > start.astimezone(dt.UTC) or not exact:
            return end
    return by_clock.astimezone(template.end.tzinfo)


def length_of(event: Event) -> dt.timedelta:
    """Return the exact length of an event."""
    if isinstance(event.start, dt.datetime) and isinstance(event.end, dt.datetime):
        return event.end.astimezone(dt.UTC) - event.start.astimezone(dt.UTC)
    return dt.timedelta(days=event.end.toordinal() - event.start.toordinal())


def nominal_length(event: Event) -> dt.timedelta:
    """Return the length of an event as its clock shows it; the exact one across two zones."""
    if (
        isinstance(event.start, dt.datetime)
        and isinstance(event.end, dt.datetime)
        and event.start.tzinfo == event.end.tzinfo
    ):
        return event.end.replace(tzinfo=None) - event.start.replace(tzinfo=None)
    return length_of(event)


@dataclass(frozen=True, slots=True)
class Override:
    """One changed occurrence."""

    event: Event
    rid: Moment
    wall: dt.datetime
    """Its original local time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """All that the client changed, in terms of original local times."""

    segments: tuple[Segment, ...]
    excluded: frozenset[dt.datetime]
    excluded_days: frozenset[dt.date]
    """Days of a timed series that a plain date in EXDATE removes."""
    overrides: tuple[Override, ...]

    def is_excluded(self, wall: dt.datetime) -> bool:
        """Return whether an occurrence is removed."""
        return wall in self.excluded or wall.date() in self.excluded_days

    def segment_of(self, wall: dt.datetime) -> Segment:
        """Return the segment of an original local time."""
        return next(
            segment for segment in reversed(self.segments) if segment.low is None or segment.low <= wall
        )


def read_changes(
    master: Event, overrides: Iterable[Event], frame: Frame, occurs: Callable[[dt.datetime], bool]
) -> Changes:
    """Sort out EXDATE and overrides. EXDATE wins over an override; a cancelled override removes its occurrence."""
    excluded: set[dt.datetime] = set()
    days: set[dt.date] = set()
    for moment in master.recurrence.exdates:
        if isinstance(moment, dt.datetime) or frame.is_all_day:
            excluded.update(frame.walls(moment))
        else:
            days.add(moment)
    kept: list[Override] = []
    ranges: list[Override] = []
    for event in overrides:
        if event.recurrence_id is None:
            continue
        walls = frame.walls(event.recurrence_id)
        override = Override(event, event.recurrence_id, next(filter(occurs, walls), walls[0]))
        if event.this_and_future:
            ranges.append(override)
        if excluded.intersection(walls) or override.wall.date() in days:
            continue
        if event.status is Status.CANCELLED:
            excluded.update(walls)
        elif not event.this_and_future or not occurs(override.wall):
            kept.append(override)
    segments = _segments(master, frame, sorted(ranges, key=lambda override: override.wall))
    kept.sort(key=lambda override: override.wall)
    return Changes(
        segments=segments,
        excluded=frozenset(excluded),
        excluded_days=frozenset(days),
        overrides=tuple(kept),
    )


def _segments(master: Event, frame: Frame, ranges: list[Override]) -> tuple[Segment, ...]:
    lows: list[dt.datetime | None] = [None, *(override.wall for override in ranges)]
    highs: list[dt.datetime | None] = [*(override.wall for override in ranges), None]
    segments = [
        Segment(template=master, low=None, high=highs[0], delta=dt.timedelta(), frame=frame),
    ]
    for override, low, high in zip(ranges, lows[1:], highs[1:], strict=True):
        event = override.event
        out = frame_of(event.start)
        if not out.is_all_day and not frame.is_all_day:
            out = frame
        origin = dt.datetime.combine(override.wall.date(), MIDNIGHT) if out.is_all_day else override.wall
        delta = out.wall(event.start) - origin
        shown = None if event.status is Status.CANCELLED else event
        segments.append(Segment(template=shown, low=low, high=high, delta=delta, frame=out))
    return tuple(segments)

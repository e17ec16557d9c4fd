"""From the client's set to strands: stretches of occurrences, each of which one series of the vendor can hold.

Here a cycle is cut where the zone changes its offset (for a vendor that repeats by whole hours), where months of
BYMONTH begin and end, and where a THISANDFUTURE takes over. Nothing here depends on today or on the horizon but
how many stretches are made: the same stretch is the same at every compilation.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.plan.compiling.client import SHORT, TICK, WHOLE, ClientSet, Other
from bridge.plan.compiling.cycle import MONTHS, Cycle
from bridge.plan.compiling.fit import fit
from bridge.plan.compiling.frame import Frame, carry, clocks, holds_zone, offset_s, periods, shares_offset
from bridge.plan.compiling.rules import ALL_MONTHS, Part
from bridge.plan.compiling.runs import runs
from bridge.plan.compiling.segments import Changes, Segment, end_of, length_of, nominal_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.model.event import Event
    from bridge.model.limits import SeriesLimits
    from bridge.model.recurrence import Moment

LOOK_BACK: Final = dt.timedelta(days=2 * 366)
"""How far back stretches are looked for: as far as one may have begun that still runs."""

ODD_ENDS_MAX: Final = 10
"""Occurrences at the end of a stretch whose length a change of offset inside them makes different."""


@dataclass(frozen=True, slots=True, eq=False)
class Strand:
    """Occurrences that one series of the vendor can hold."""

    cycle: Cycle
    frame: Frame
    """The clock that the vendor repeats by."""
    segment: Segment
    is_cut: bool = False
    """Whether the strand is one of several into which a cycle was cut."""
    wanted: frozenset[dt.datetime] | None = None
    """Of a run: the local times that are wanted; the others are dropped. None: all of them."""

    def instant(self, index: int) -> Moment:
        """Return when an occurrence begins, in UTC or as a date."""
        return self.frame.instant(self.cycle.wall(index))

    def out(self, index: int) -> dt.datetime:
        """Return when an occurrence begins on the segment's clock."""
        wall = self.cycle.wall(index)
        return wall if self.frame == self.segment.frame else self.segment.frame.wall(self.frame.instant(wall))


@dataclass(slots=True)
class Spun:
    """The client's set, as strands and single occurrences."""

    strands: list[Strand] = field(default_factory=list)
    singles: list[tuple[Segment, dt.datetime]] = field(default_factory=list)
    """Occurrences on their segment's clock."""
    has_runs: bool = False
    """Whether occurrences were left to be gathered into runs."""
    is_endless: bool = False
    """Whether there is more beyond the horizon than the strands say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """From when to when, and for whom."""

    series: SeriesLimits
    since: dt.datetime
    """Aware: occurrences that end later must be shown."""
    horizon: dt.datetime
    """Aware: occurrences that begin later need not be shown yet."""
    look_back: dt.timedelta
    """How long before ``since`` single occurrences may matter."""
    settled: frozenset[str] = frozenset()
    """Keys of occurrences that the vendor's series already lack, or show changed."""

    def low(self, frame: Frame) -> dt.datetime:
        """Return ``since`` on a clock; of all-day series, its UTC date."""
        moment = self.since if frame.zone is not None else self.since.astimezone(dt.UTC).date()
        return frame.wall(moment)

    def high(self, frame: Frame) -> dt.datetime:
        """Return ``horizon`` on a clock; of all-day series, the day after its UTC date: it may be that already."""
        if frame.zone is not None:
            return frame.wall(self.horizon)
        return frame.wall(self.horizon.astimezone(dt.UTC).date() + dt.timedelta(days=1))


def spin(client: ClientSet, changes: Changes, view: View, is_shown: Callable[[Moment], bool]) -> Spun:
    """Return the strands and single occurrences that together are the client's set as it is shown.

    ``is_shown``: whether the vendor already shows something that begins at an instant.
    """
    spun = Spun()
    loose: list[Other] = []
    reach = max(abs(segment.delta) for segment in changes.segments)
    for part in client.parts:
        for segment in changes.segments:
            cycle = part.cycle.cut(segment.low, segment.high)
            if segment.template is None or cycle.is_empty:
                continue
            for stretch, is_cut in _seasons(Part(cycle=cycle, months=part.months), client.frame, view, spun):
                if not _spread(stretch, segment, view, spun, is_cut=is_cut):
                    loose += _one_by_one(stretch, part.cycle, client, view, reach, spun)
    low = view.low(client.frame) - view.look_back - reach
    # To the end of the year: what is made of a year does not depend on how much of it is needed already.
    high = (view.high(client.frame) + reach).replace(month=12, day=31, hour=23, minute=59, second=59)
    loose += client.others(low, high)
    spun.is_endless = spun.is_endless or client.goes_on_after(high)
    _gather(loose, changes, view, spun, is_shown)
    return spun


# ---- cutting cycles ----------------------------------------------------------------------------------------


def _seasons(part: Part, frame: Frame, view: View, spun: Spun) -> Iterator[tuple[Cycle, bool]]:
    """Yield the stretches of a part that lie in its months; whole if it has all of them."""
    if part.months == ALL_MONTHS:
        yield part.cycle, False
        return
    first = part.cycle.wall(part.cycle.first)
    month = max(first, view.low(frame) - LOOK_BACK).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    month = month.replace(year=month.year - 1)
    high = view.high(frame)
    while month <= high:
        end = month
        while end.month in part.months:
            end = _next_month(end)
        if end == month:
            month = _next_month(month)
            continue
        if end > first:
            stretch = part.cycle.cut(month, end)
            if not stretch.is_empty:
                yield stretch, True
        month = end
    if part.cycle.stop is None or not part.cycle.cut(month, None).is_empty:
        spun.is_endless = True


def _next_month(month: dt.datetime) -> dt.datetime:
    return month.replace(year=month.year + month.month // MONTHS, month=month.month % MONTHS + 1)


def _spread(stretch: Cycle, segment: Segment, view: View, spun: Spun, *, is_cut: bool) -> bool:
    """Add the strands of a stretch; return False, and add none, if the vendor cannot hold it."""
    moved = segment.moved(stretch)
    if moved is None:
        return False
    found = Spun()
    for cycle, frame, is_period in _clocked(moved, segment, view, found):
        fitted = None if frame is None else fit(cycle, view.series)
        if frame is None or fitted is None:
            return False
        found.strands += [Strand(each, frame, segment, is_cut=is_cut or is_period) for each in fitted]
    spun.strands += found.strands
    spun.singles += found.singles
    spun.is_endless = spun.is_endless or found.is_endless
    return True


def _clocked(
    cycle: Cycle, segment: Segment, view: View, found: Spun
) -> Iterator[tuple[Cycle, Frame | None, bool]]:
    """Yield the cycle on clocks that the vendor repeats by, cut where the zone changes its offset.

    None for a clock where none serves: near midnight in UTC+13, the first of a month is the last of one.
    """
    frame = segment.frame
    first = cycle.wall(cycle.first)
    start = max(first, view.low(frame) - LOOK_BACK)
    if frame.zone is None or holds_zone(frame, start, view.high(frame), view.series):
        cycle = _without_odd_first(cycle, segment, found)
        if not cycle.is_empty:
            yield cycle, frame, False
        return
    length = dt.timedelta() if segment.template is None else nominal_length(segment.template)
    if shares_offset(cycle, frame.zone, length):
        carried = carry(cycle, offset_s(frame.zone, first), view.series)
        if carried is not None:
            yield *carried, False
            return
    for period in periods(frame.zone, start, view.high(frame)):
        part = cycle.cut(period.start, period.end)
        if period.end is not None and period.end > view.high(frame):
            found.is_endless = not cycle.cut(period.end, None).is_empty
        if period.end is not None:
            part = _without_odd_ends(part, segment, found)
        if part.is_empty:
            continue
        carried = carry(part, period.offset, view.series)
        is_period = not (period.start is None and period.end is None)
        yield (part, None, is_period) if carried is None else (*carried, is_period)


def _without_odd_ends(cycle: Cycle, segment: Segment, found: Spun) -> Cycle:
    """Take out the last occurrences if the change of offset falls into them and makes them longer or shorter."""
    template = segment.template
    if template is None or not isinstance(template.start, dt.datetime):
        return cycle
    stop = cycle.stop or cycle.first
    for index in range(stop - 1, max(cycle.first, stop - ODD_ENDS_MAX) - 1, -1):
        if not _is_odd(segment, template, cycle.wall(index)):
            break
        found.singles.append((segment, cycle.wall(index)))
        stop = index
    return cycle.between(cycle.first, stop)


def _without_odd_first(cycle: Cycle, segment: Segment, found: Spun) -> Cycle:
    """Take out the first occurrence if a change of offset falls into it: a vendor lets all others last as long."""
    template = segment.template
    if template is None or not isinstance(template.start, dt.datetime):
        return cycle
    first = cycle.wall(cycle.first)
    if not _is_odd(segment, template, first):
        return cycle
    found.singles.append((segment, first))
    return cycle.between(cycle.first + 1, cycle.stop)


def _is_odd(segment: Segment, template: Event, out: dt.datetime) -> bool:
    """Return whether a change of offset makes an occurrence longer or shorter than it is by the clock."""
    return length_of(segment.show(template, out)) != nominal_length(template)


# ---- the rest ----------------------------------------------------------------------------------------------


def _one_by_one(
    stretch: Cycle, whole: Cycle, client: ClientSet, view: View, reach: dt.timedelta, spun: Spun
) -> list[Other]:
    """Return the occurrences of a stretch that no series can hold."""
    last = None if whole.stop is None else whole.wall(whole.stop - 1)
    is_short = last is not None and last - client.start <= SHORT
    high = view.high(client.frame) + reach
    edge = dt.datetime(high.year + 1, 1, 1)  # noqa: DTZ001
    limit = edge if last is None or not is_short else last + TICK
    stretch = stretch.cut(view.low(client.frame) - view.look_back - reach, limit)
    if last is None or last > limit:
        spun.is_endless = True
    return [
        Other(wall, WHOLE if is_short else wall.year)
        for wall in map(stretch.wall, range(stretch.first, stretch.stop or stretch.first))
    ]


def _gather(
    loose: list[Other], changes: Changes, view: View, spun: Spun, is_shown: Callable[[Moment], bool]
) -> None:
    """Make runs and single occurrences of what is left, chunk by chunk and clock by clock."""
    overridden = {override.wall for override in changes.overrides}
    groups: dict[tuple[object, ...], _Group] = {}
    direct = {id(s): _is_direct(s, view) for s in changes.segments}
    carriers: dict[tuple[dt.time, int], tuple[int, dt.time, Frame]] = {}
    for other in sorted(loose):
        segment = changes.segment_of(other.wall)
        if segment.template is None or changes.is_excluded(other.wall):
            continue
        out = segment.out(other.wall)
        if not _is_due(segment, out, view) and not is_shown(segment.frame.instant(out)):
            continue
        spun.has_runs = True
        frame, at = segment.frame, out.time()
        days = 0
        if frame.zone is not None and not direct[id(segment)]:
            offset = offset_s(frame.zone, out)
            if (at, offset) not in carriers:
                carriers[at, offset] = clocks(at, offset, view.series)[0]
            days, at, frame = carriers[at, offset]
        key = (other.chunk, id(segment), None if frame is segment.frame else frame, at)
        group = groups.setdefault(key, _Group(segment, frame, at))
        day = out.date() + dt.timedelta(days=days)
        if other.wall in overridden:
            group.free.add(day)
        elif out.fold or (frame is not segment.frame and _is_odd(segment, segment.template, out)):
            # A vendor's clock would read the second of a doubled hour as the first.
            _add_single(segment, out, view, spun)
        else:
            group.dates[day] = out
    for group in groups.values():
        _gather_group(group, view, spun)


@dataclass(slots=True)
class _Group:
    segment: Segment
    frame: Frame
    at: dt.time
    dates: dict[dt.date, dt.datetime] = field(default_factory=dict)
    free: set[dt.date] = field(default_factory=set)


def _is_direct(segment: Segment, view: View) -> bool:
    frame = segment.frame
    return holds_zone(frame, view.low(frame) - LOOK_BACK, view.high(frame), view.series)


def _is_due(segment: Segment, out: dt.datetime, view: View) -> bool:
    """Return whether an occurrence is not over yet."""
    frame, template = segment.frame, segment.template
    if template is None:
        return False
    start = frame.moment(out)
    end = frame.wall(end_of(template, start))
    return end > view.low(frame) or out >= view.low(frame)


def _gather_group(group: _Group, view: View, spun: Spun) -> None:
    segment = group.segment
    cycles, singles = runs(sorted(group.dates), group.at, view.series, group.free)
    high = view.high(segment.frame)
    for cycle, shown in cycles:
        strand = Strand(
            cycle,
            group.frame,
            segment,
            is_cut=True,
            wanted=frozenset(dt.datetime.combine(day, group.at) for day in shown),
        )
        if strand.out(cycle.first) <= high:
            spun.strands.append(strand)
        else:
            spun.is_endless = True
    for day in singles:
        _add_single(segment, group.dates[day], view, spun)


def _add_single(segment: Segment, out: dt.datetime, view: View, spun: Spun) -> None:
    if out <= view.high(segment.frame):
        spun.singles.append((segment, out))
    else:
        spun.is_endless = True

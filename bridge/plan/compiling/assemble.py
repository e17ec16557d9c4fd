"""From strands to items: where each begins and ends, what is dropped from it, what is split off, what it is called."""

from __future__ import annotations

import bisect
import datetime as dt
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from bridge.model.recurrence import Moment, Recurrence
from bridge.plan.compiling.client import TICK, ClientSet
from bridge.plan.compiling.fit import needs_whole_turns, rule_of
from bridge.plan.compiling.segments import Changes, Override, Segment, nominal_length
from bridge.plan.compiling.strands import Spun, Strand, View
from bridge.plan.items import Piece
from bridge.plan.moments import moment_key, override_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bridge.model.event import Event
    from bridge.plan.compiling.present import Held

GAP_DROPS_MAX: Final = 8
"""Dropped occurrences in a row that a series bears; more of them, and it is cut in two. A cut costs one creation,
as a drop does, but also leaves one more item to be touched by each later edit; hence not 1."""

PAST_CHANGES_MAX: Final = 30
"""Removed and changed occurrences before today that a series held whole still brings along. With more, a newly
made series begins today: history is not worth a call to the vendor for each of them."""

PAST_LOOK_MAX: Final = 500
"""Past occurrences of a former series that are compared one by one with the client's set."""

PAST_DROPS_MAX: Final = 5
"""Past occurrences of a former series that may be missing from the client's set for the series to be kept."""


@dataclass(slots=True, eq=False)
class Draft:
    """One item in the making: a stretch of a strand, or a single event."""

    start: Moment
    """UTC, or a date."""
    event: Event
    segment: Segment
    is_whole: bool = False
    strand: Strand | None = None
    first: int = 0
    stop: int | None = None
    split: list[tuple[Moment, Override]] = field(default_factory=list)
    held: Held | None = None
    key: str = ""
    is_over: bool = False
    """Whether all of it lies before today."""

    def shows(self, instant: Moment) -> bool:
        """Return whether the item has an occurrence that begins at ``instant``, split off or not."""
        if self.strand is None:
            return self.start == instant
        if instant in self.event.recurrence.exdates:
            return False
        stretch = self.strand.cycle.between(self.first, self.stop)
        return any(stretch.index_of(wall) is not None for wall in self.strand.frame.walls(instant))


@dataclass(frozen=True, slots=True)
class _Removed:
    """When the removed (None) and changed occurrences of a segment would begin."""

    instants: Sequence[Moment] = ()
    at: Mapping[Moment, Override | None] = field(default_factory=dict)


_NOTHING: Final = _Removed()


class Assembly:
    """All items of one object, in the making."""

    def __init__(self, client: ClientSet, changes: Changes, view: View, held: list[Held]) -> None:
        self.client, self.changes, self.view = client, changes, view
        self.held = held
        self.drafts: list[Draft] = []
        self.is_endless = self.has_runs = False
        self._used: set[int] = set()
        self._split: set[int] = set()
        self._removed = self._removals()

    # ---- removed and changed occurrences -------------------------------------------------------------------

    def _removals(self) -> dict[int, _Removed]:
        """Return, by segment, when removed (None) and changed occurrences would begin."""
        found: dict[int, dict[Moment, Override | None]] = {}
        marks: list[tuple[dt.datetime, Override | None]] = [(wall, None) for wall in self.changes.excluded]
        marks += [(override.wall, override) for override in self.changes.overrides]
        for wall, override in marks:
            segment = self.changes.segment_of(wall)
            instant = segment.frame.instant(segment.out(wall))
            found.setdefault(id(segment), {})[instant] = override
        return {segment: _Removed(sorted(at), at) for segment, at in found.items()}

    def _marks(self, strand: Strand, first: int, stop: int | None) -> dict[int, Override | None]:
        """Return the indexes that are removed (None) or changed."""
        stretch = strand.cycle.between(first, stop)
        marks: dict[int, Override | None] = {}
        if stretch.is_empty:
            return marks
        removed = self._removed.get(id(strand.segment), _NOTHING)
        low = bisect.bisect_left(removed.instants, strand.instant(first))
        high = None if stop is None else bisect.bisect_right(removed.instants, strand.instant(stop - 1))
        for instant in removed.instants[low:high]:
            override = removed.at[instant]
            for wall in strand.frame.walls(instant):
                index = stretch.index_of(wall)
                if index is not None:
                    # Two runs may cross a changed date: it is split off from one and dropped from the other.
                    marks[index] = None if id(override) in self._split else override
        for day in self.changes.excluded_days:
            begin = dt.datetime.combine(day, dt.time()) + strand.segment.delta
            end = begin + dt.timedelta(days=1)
            index = stretch.ceil_wall(strand.frame.wall(strand.segment.frame.instant(begin)))
            while stretch.index_of(stretch.wall(index)) is not None and strand.out(index) < end:
                marks[index] = None
                index += 1
        if strand.wanted is not None and stop is not None:
            for index in range(first, stop):
                if stretch.wall(index) not in strand.wanted:
                    marks.setdefault(index, None)
        return marks

    def _is_removed(self, segment: Segment, out: dt.datetime) -> bool:
        if segment.frame.instant(out) in self._removed.get(id(segment), _NOTHING).at:
            return True
        return (out - segment.delta).date() in self.changes.excluded_days

    # ---- series and single events --------------------------------------------------------------------------

    def take(self, spun: Spun) -> None:
        """Make drafts of what was spun."""
        self.is_endless, self.has_runs = spun.is_endless, spun.has_runs
        order = {id(segment): number for number, segment in enumerate(self.changes.segments)}
        # In a fixed order: where two begin at once, each finds the item again that it had.
        singles = sorted(spun.singles, key=lambda single: (single[1], order[id(single[0])]))
        singles = [single for single in singles if self._is_due(*single)]
        whole = len(spun.strands) == 1 and not singles and not spun.is_endless
        for strand in spun.strands:
            self._take_strand(strand, is_whole=whole and not strand.is_cut)
        for segment, out in singles:
            self._take_single(segment, out)

    def _is_due(self, segment: Segment, out: dt.datetime) -> bool:
        """Return whether a single event is to be made, or is there already."""
        template = segment.template
        if template is None or self._is_removed(segment, out):
            return False
        return not self.is_over(segment.show(template, out)) or bool(
            self._single_at(segment.frame.instant(out))
        )

    def _take_strand(self, strand: Strand, *, is_whole: bool) -> None:
        template = strand.segment.template
        if template is None:
            return
        cycle = strand.cycle
        matches = self._matches(strand)
        length = nominal_length(template)
        low = self.view.low(strand.frame) - length + (TICK if length else dt.timedelta())
        first = today = max(cycle.first, cycle.ceil_wall(low))
        past = self._marks(strand, cycle.first, today) if is_whole else {}
        if is_whole and len(past) <= PAST_CHANGES_MAX and not self._cuts(strand, past):
            first = cycle.first
        elif matches:
            first = min(today, *matches)
        if cycle.stop is not None and first >= cycle.stop:
            return
        if strand.is_cut and strand.out(first) > self.view.high(strand.segment.frame):
            self.is_endless = True
            return
        marks = self._marks(strand, first, cycle.stop)
        cuts = self._cuts(strand, marks)
        stretches = [
            stretch
            for begin, stop in _between(first, cycle.stop, cuts)
            for stretch in _stretches(begin, stop, {i: m for i, m in marks.items() if i not in cuts}, matches)
        ]
        is_whole = is_whole and len(stretches) == 1
        for begin, stop in stretches:
            held = matches.get(begin)
            if held is not None:
                self._used.add(id(held))
            self._add_stretch(strand, begin, stop, marks, held, is_whole=is_whole)

    def _cuts(self, strand: Strand, marks: Mapping[int, Override | None]) -> frozenset[int]:
        """Return the exceptions that no series of this vendor can have."""
        if self.view.series.exceptions:
            return frozenset()
        return frozenset(i for i in marks if moment_key(strand.instant(i)) not in self.view.settled)

    def _matches(self, strand: Strand) -> dict[int, Held]:
        """Return the series at the vendor that this strand carries on, by the index that they begin with."""
        found: dict[int, Held] = {}
        for held in self.held:
            index = None if id(held) in self._used else held.index_in(strand.cycle, strand.frame)
            if index is not None:
                found.setdefault(index, held)
        return found

    def _add_stretch(
        self,
        strand: Strand,
        first: int,
        stop: int | None,
        marks: dict[int, Override | None],
        held: Held | None,
        *,
        is_whole: bool,
    ) -> None:
        head = self._head(strand, first, stop)
        if head > first:
            self._add_singles(strand, first, head, marks)
            first, held, is_whole = head, None, False
        inside = {
            index: mark for index, mark in marks.items() if index >= first and (stop is None or index < stop)
        }
        if stop is not None and (stop - first < 2 or stop - first - len(inside) < (1 if held else 2)):
            alone = is_whole and stop - first - len(inside) == 1
            self._add_singles(strand, first, stop, inside, is_whole=alone)
            return
        self._add_series(strand, first, stop, inside, held, is_whole=is_whole)

    def _head(self, strand: Strand, first: int, stop: int | None) -> int:
        """Return where a series can begin: with a whole turn, and at a time that there is."""
        turn = strand.cycle.size if needs_whole_turns(strand.cycle, self.view.series) else 1
        head = first + -first % turn
        if strand.frame.skips(strand.cycle.wall(head)):
            head += turn
        return head if stop is None else min(head, stop)

    def _add_singles(
        self,
        strand: Strand,
        first: int,
        stop: int,
        marks: dict[int, Override | None],
        *,
        is_whole: bool = False,
    ) -> None:
        for index in range(first, stop):
            if index not in marks:
                self._take_single(strand.segment, strand.out(index), is_whole=is_whole)

    def _add_series(
        self,
        strand: Strand,
        first: int,
        stop: int | None,
        marks: dict[int, Override | None],
        held: Held | None,
        *,
        is_whole: bool,
    ) -> None:
        template = strand.segment.template
        if template is None:
            return
        stretch = strand.cycle.between(first, stop)
        until = None if stop is None else strand.instant(stop - 1)
        rule = rule_of(stretch, self.view.series, until=until, has_exceptions=bool(marks))
        drops = tuple(strand.instant(index) for index, mark in sorted(marks.items()) if mark is None)
        event = strand.segment.show(template, strand.out(first))
        if strand.frame != strand.segment.frame:
            event = replace(event, start=_on(event.start, strand), end=_on(event.end, strand))
        event = replace(event, recurrence=Recurrence(rules=(rule,), exdates=drops))
        split = [(strand.instant(index), mark) for index, mark in sorted(marks.items()) if mark is not None]
        self._split.update(id(override) for _, override in split)
        low = self.view.low(strand.frame) - nominal_length(template)
        self.drafts.append(
            Draft(
                start=strand.instant(first),
                event=event,
                segment=strand.segment,
                is_whole=is_whole,
                strand=strand,
                first=first,
                stop=stop,
                split=split,
                held=held,
                is_over=stop is not None and strand.cycle.wall(stop - 1) < low,
            )
        )

    def _take_single(self, segment: Segment, out: dt.datetime, *, is_whole: bool = False) -> None:
        """Add a single event, unless it is over; one that is all there is is made as if it did not repeat."""
        template = segment.template
        if template is None or self._is_removed(segment, out):
            return
        if out > self.view.high(segment.frame) and not is_whole:
            self.is_endless = True
            return
        start = segment.frame.instant(out)
        held = self._single_at(start)
        event = segment.show(template, out)
        is_over = self.is_over(event)
        if is_over and held is None and not is_whole:
            return
        if held is not None:
            self._used.add(id(held))
        self.drafts.append(
            Draft(start=start, event=event, segment=segment, held=held, is_over=is_over, is_whole=is_whole)
        )

    def _single_at(self, start: Moment) -> Held | None:
        for held in self.held:
            if held.cycle is None and held.start == start and id(held) not in self._used:
                return held
        return None

    def is_over(self, event: Event) -> bool:
        """Return whether an event lies before today."""
        start, end = event.start, event.end
        if isinstance(start, dt.datetime) and isinstance(end, dt.datetime):
            return end <= self.view.since and start < self.view.since
        today = self.view.since.astimezone(dt.UTC).date()
        return end <= today and start < today

    # ---- what is there already and lies in the past --------------------------------------------------------

    def keep_past(self) -> None:
        """Keep what the vendor shows of the past, as far as the client's set still has it."""
        for held in self.held:
            if id(held) in self._used:
                continue
            if held.cycle is None:
                found = self._wanted(held.start)
                if found is not None:
                    self._take_single(*found)
            else:
                self._keep_series(held)

    def _keep_series(self, held: Held) -> None:
        cycle = held.cycle
        if cycle is None:
            return
        stop = cycle.ceil_wall(self.view.low(held.frame))
        stop = stop if cycle.stop is None else min(stop, cycle.stop)
        first = max(cycle.first, stop - PAST_LOOK_MAX)
        found = {index: self._wanted(held.frame.instant(cycle.wall(index))) for index in range(first, stop)}
        segment = next((one[0] for one in reversed(found.values()) if one is not None), None)
        kept = frozenset(cycle.wall(index) for index, one in found.items() if one and one[0] is segment)
        if segment is None or stop - first - len(kept) > PAST_DROPS_MAX or first > cycle.first:
            return
        strand = Strand(cycle.between(first, stop), held.frame, segment, is_cut=True, wanted=kept)
        marks = self._marks(strand, first, stop)
        self._add_stretch(strand, first, stop, marks, held, is_whole=False)

    def _wanted(self, instant: Moment) -> tuple[Segment, dt.datetime] | None:
        """Return the occurrence that begins at ``instant``, if it is an ordinary one that no draft shows."""
        for segment in self.changes.segments:
            if segment.template is None or isinstance(instant, dt.datetime) == segment.frame.is_all_day:
                continue
            for out in segment.frame.walls(instant):
                original = out - segment.delta
                if self.changes.segment_of(original) is not segment or self._is_removed(segment, out):
                    continue
                if self.client.contains(original) and not self._shows(segment, instant):
                    return segment, out
        return None

    def _shows(self, segment: Segment, instant: Moment) -> bool:
        return any(draft.segment is segment and draft.shows(instant) for draft in self.drafts)


def _on(moment: Moment, strand: Strand) -> Moment:
    """Write a time on the clock of a strand."""
    return moment.astimezone(strand.frame.zone) if isinstance(moment, dt.datetime) else moment


def _between(first: int, stop: int | None, cuts: frozenset[int]) -> Iterator[tuple[int, int | None]]:
    """Yield the index ranges between the cuts."""
    for cut in sorted(cuts):
        if cut > first:
            yield first, cut
        first = max(first, cut + 1)
    if stop is None or first < stop:
        yield first, stop


def _stretches(
    first: int, stop: int | None, marks: dict[int, Override | None], held: Mapping[int, Held]
) -> Iterator[tuple[int, int | None]]:
    """Yield index ranges without removed occurrences at their ends, cut at long gaps.

    A series that is there already keeps its ends: removing an occurrence costs less than moving the series.
    """
    drops = {index for index, mark in marks.items() if mark is None}
    ends = {index + (one.cycle.length or 0) for index, one in held.items() if one.cycle is not None}
    while first in drops and first not in held:
        first += 1
    while stop is not None and stop - 1 in drops and stop not in ends:
        stop -= 1
    begin = first
    for index in sorted(drops):
        if index < begin or index - 1 in drops:
            continue
        end = index
        while end in drops:
            end += 1
        if end - index > GAP_DROPS_MAX and (stop is None or end < stop):
            if index > begin:
                yield begin, index
            begin = end
    if stop is None or begin < stop:
        yield begin, stop


def name(drafts: list[Draft]) -> None:
    """Give each draft its key: the one it has at the vendor, else one made from its start."""
    taken: set[str] = set()
    unnamed = []
    # A series that has become the whole takes over the item of the whole, before what is kept of the past.
    for draft in sorted(drafts, key=lambda draft: not draft.is_whole):
        key = draft.held.key if draft.held is not None else "" if draft.is_whole else None
        if key is None or key in taken:
            unnamed.append(draft)
        else:
            draft.key = key
            taken.add(key)
    for draft in unnamed:
        key, number = f"p{moment_key(draft.start)}", 1
        while key in taken:
            number += 1
            key = f"p{moment_key(draft.start)}~{number}"
        draft.key = key
        taken.add(key)


def pieces_of(draft: Draft) -> Iterator[Piece]:
    """Yield the item and the occurrences split off from it."""
    yield Piece(key=draft.key, event=draft.event)
    for at, override in draft.split:
        yield Piece(key=override_key(at), event=alone(override.event), of=draft.key, at=at)


def alone(event: Event) -> Event:
    """Return a changed occurrence as an event of its own."""
    return replace(event, recurrence=Recurrence(), this_and_future=False)

"""Which single event is the changed occurrence of which series, where the vendor keeps no link between them.

A person who changes one occurrence in WeCom's app leaves two things behind: the series lists the occurrence's start as
excluded, and an ordinary single schedule shows what became of it (reference 6.3). Nothing in one points to the other.
A pair is recognised by day and content, and only where neither side has a second candidate that is as good.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.plan.moments import in_form_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.model.event import Event
    from bridge.model.recurrence import Moment

DAYS_AFTER_MAX: Final = 14
"""How many days later than it was a changed occurrence is still recognised, by its title. It never is earlier: WeCom
takes no start on an earlier day (90488, reference 5.4). Our own bound: what is put off further is hardly told from
another meeting, and what is joined wrongly would be deleted along with the series."""

PAIRS_MAX: Final = 200_000
"""Pairs that are compared in one go; with more, nothing is joined, and everything is shown as the single it is."""

_SAME_TITLE: Final = 4
_SAME_WORDS: Final = 2
_SAME_PEOPLE: Final = 1
"""What agreement counts. The title says more than all the rest, which without it must lie on the very same day.
Description and place count together, and only if they say anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """An occurrence that is missing from a series, and nobody here took it out."""

    series_id: str
    """The vendor's id of the series."""
    at: Moment
    """The original start: UTC, or a date."""
    shown: Event
    """What the series showed there; its start is in the series' zone."""


class _Fit(NamedTuple):
    """How well a single fits a hole; greater is better."""

    agreement: int
    days_nearer: int
    same_time: bool
    same_length: bool


def joined(holes: Iterable[Hole], singles: Mapping[str, Event]) -> dict[str, Hole]:
    """Return vendor id of a single event -> the occurrence that it is.

    Each side has to be the best choice of the other, and the only best one: two singles that fit a hole equally well
    stay singles, both of them.
    """
    gaps = list(holes)
    if len(gaps) * len(singles) > PAIRS_MAX:
        return {}
    fits: dict[tuple[int, str], _Fit] = {}
    for index, hole in enumerate(gaps):
        for key, single in singles.items():
            found = _fit(hole.shown, single)
            if found is not None:
                fits[index, key] = found
    by_hole: dict[int, _Best] = {}
    by_single: dict[str, _Best] = {}
    for (index, key), fit in fits.items():
        by_hole.setdefault(index, _Best()).offer(fit)
        by_single.setdefault(key, _Best()).offer(fit)
    pairs = {
        key: gaps[index]
        for (index, key), fit in fits.items()
        if by_hole[index].is_only(fit) and by_single[key].is_only(fit)
    }
    taken = Counter((hole.series_id, hole.at) for hole in pairs.values())
    return {key: hole for key, hole in pairs.items() if taken[hole.series_id, hole.at] == 1}


class _Best:
    """The best fit so far, and whether it came once."""

    def __init__(self) -> None:
        self._fit: _Fit | None = None
        self._count = 0

    def offer(self, fit: _Fit) -> None:
        if self._fit is None or fit > self._fit:
            self._fit, self._count = fit, 1
        elif fit == self._fit:
            self._count += 1

    def is_only(self, fit: _Fit) -> bool:
        return fit == self._fit and self._count == 1


def _fit(shown: Event, single: Event) -> _Fit | None:
    """Compare what the series showed with a single event; None if it cannot be what became of it."""
    if single.recurrence or single.recurrence_id is not None:
        return None
    start = in_form_of(single.start, shown.start)
    days = (_day(start) - _day(shown.start)).days
    agreement = _agreement(shown, single)
    if not agreement or not 0 <= days <= (DAYS_AFTER_MAX if agreement >= _SAME_TITLE else 0):
        return None
    same_time = (
        isinstance(start, dt.datetime)
        and isinstance(shown.start, dt.datetime)
        and start.time() == shown.start.time()
    )
    return _Fit(agreement, -days, same_time, _length(single) == _length(shown))


def _agreement(shown: Event, single: Event) -> int:
    """Return how much the contents have in common; 0 for nothing."""
    found = 0
    if _flat(shown.summary) and _flat(shown.summary) == _flat(single.summary):
        found += _SAME_TITLE
    words = (_flat(shown.description), _flat(shown.location))
    if any(words) and words == (_flat(single.description), _flat(single.location)):
        found += _SAME_WORDS
    people = {one.address.lower() for one in shown.attendees}
    if people and people == {one.address.lower() for one in single.attendees}:
        found += _SAME_PEOPLE
    return found


def _flat(text: str) -> str:
    return " ".join(text.split())


def _day(moment: Moment) -> dt.date:
    return moment.date() if isinstance(moment, dt.datetime) else moment


def _length(event: Event) -> dt.timedelta:
    """Return how long an event lasts; dates by whole days."""
    if isinstance(event.start, dt.datetime) and isinstance(event.end, dt.datetime):
        return event.end.astimezone(dt.UTC) - event.start.astimezone(dt.UTC)
    return dt.timedelta(days=event.end.toordinal() - event.start.toordinal())

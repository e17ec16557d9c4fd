"""Regular runs in a list of dates: what no rule says may still be a few short series.

The cost model: every call to the vendor counts the same, and a run is worth it if it saves calls.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.model.recurrence import Freq, NthDay, Weekday
from bridge.plan.compiling.cycle import MONTHS, SAFE_DAY, WEEK, Cycle, Unit
from bridge.plan.compiling.fit import allows, week_begin, week_starts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model.limits import SeriesLimits

RUN_MIN: Final = 3
"""Occurrences that a run must hold. Two dates always are a rhythm, but one that nobody meant."""
RUN_DAYS_MAX: Final = 6
RUN_WEEKS_MAX: Final = 5
RUN_MONTHS_MAX: Final = 12
"""Longest rhythms, in their units, that a run may have."""
MISSES_MAX: Final = 2
"""Dates in a row that a run may have to drop."""
CREATE_COST: Final = 1
DROP_COST: Final = 1
SINGLE_COST: Final = 1
"""Vendor calls: to create a series, to drop one occurrence of it, to create a single event."""


def runs(
    dates: Sequence[dt.date], at: dt.time, series: SeriesLimits, free: set[dt.date]
) -> tuple[list[tuple[Cycle, set[dt.date]]], list[dt.date]]:
    """Return series, and single dates, that together show ``dates`` (ascending, without doubles) for few calls.

    Each series comes with the dates that it shows; its other occurrences must be dropped.

    Greedy: the earliest date that is left takes the run that saves most. A run may hold other dates, to be
    dropped at a cost; those in ``free`` are split off from it anyway. Runs may cross, but share no wanted date.
    """
    left = set(dates)
    cycles: list[tuple[Cycle, set[dt.date]]] = []
    singles: list[dt.date] = []
    for day in dates:
        if day not in left:
            continue
        best: tuple[int, Cycle, set[dt.date]] | None = None
        for cycle in _rhythms(day, at, series, left):
            found = _best_prefix(cycle, left, free, dates[-1])
            if found is not None and (best is None or found[0] > best[0]):
                best = found
        if best is None:
            singles.append(day)
            left.remove(day)
        else:
            cycles.append((best[1], best[2]))
            left -= best[2]
    return cycles, singles


def _best_prefix(
    cycle: Cycle, left: set[dt.date], free: set[dt.date], last: dt.date
) -> tuple[int, Cycle, set[dt.date]] | None:
    """Return (calls saved, stretch, dates it shows) of the best beginning of a rhythm, None if none saves."""
    hits: set[dt.date] = set()
    cost, misses, saved, best = CREATE_COST, 0, 0, None
    index = cycle.first
    while misses <= MISSES_MAX:
        day = cycle.date(index)
        if day > last:
            break
        if day in left:
            hits.add(day)
            misses = 0
            saving = len(hits) * SINGLE_COST - cost
            if len(hits) >= RUN_MIN and saving > saved:
                saved, best = saving, (index + 1, len(hits))
        elif day not in free:
            cost += DROP_COST
            misses += 1
        else:
            misses = 0 if hits else MISSES_MAX + 1
        index += 1
    if best is None:
        return None
    stretch = cycle.between(cycle.first, best[0])
    return saved, stretch, {day for day in map(stretch.date, range(stretch.first, best[0])) if day in left}


def _rhythms(day: dt.date, at: dt.time, series: SeriesLimits, left: set[dt.date]) -> list[Cycle]:
    """Return the endless cycles from ``day`` that the vendor can hold, the plainest first."""
    found: list[Cycle] = []
    for weeks in range(1, RUN_WEEKS_MAX + 1):
        found += _weekly_rhythms(day, weeks, at, series, left)
    steps = (step for step in range(1, RUN_DAYS_MAX + 1) if allows(series, Freq.DAILY, step))
    found += [
        _from(Cycle(unit=Unit.DAYS, step=step, base=day.toordinal(), spots=(0,), at=at), day)
        for step in steps
    ]
    base = day.year * MONTHS + day.month - 1
    for months in range(1, RUN_MONTHS_MAX + 1):
        if not allows(series, Freq.MONTHLY, months):
            continue
        if day.day <= SAFE_DAY and series.month_days_max:
            found.append(Cycle(unit=Unit.MONTHS, step=months, base=base, spots=(day.day,), at=at))
        for nth in _ordinals(day, series):
            found.append(Cycle(unit=Unit.MONTHS, step=months, base=base, spots=(), nth=nth, at=at))
    return found


def _weekly_rhythms(
    day: dt.date, weeks: int, at: dt.time, series: SeriesLimits, left: set[dt.date]
) -> list[Cycle]:
    if not allows(series, Freq.WEEKLY, weeks):
        return []
    starts = week_starts(series)
    base = week_begin(day.toordinal(), starts[0])
    near = [day + dt.timedelta(days=more) for more in range(WEEK)]
    if weeks > 1:
        # Later days of the same week, whichever day it begins on.
        near = near[: min((start - day.weekday() - 1) % WEEK + 1 for start in starts)]
    spots = {(each.toordinal() - base) % WEEK for each in near if each in left}
    alone = ((day.toordinal() - base) % WEEK,)
    wanted = [alone] if len(spots) == 1 or not series.weekly_days else [alone, tuple(sorted(spots))]
    step = weeks * WEEK
    return [_from(Cycle(unit=Unit.DAYS, step=step, base=base, spots=each, at=at), day) for each in wanted]


def _from(cycle: Cycle, day: dt.date) -> Cycle:
    return replace(cycle, first=cycle.ceil(day))


def _ordinals(day: dt.date, series: SeriesLimits) -> list[NthDay]:
    weekday = Weekday(day.weekday())
    found = [NthDay(weekday, (day.day - 1) // WEEK + 1)]
    if (day + dt.timedelta(days=WEEK)).month != day.month:
        found.append(NthDay(weekday, -1))
    return [nth for nth in found if nth.nth in series.nth_weekday and nth.nth != 5]

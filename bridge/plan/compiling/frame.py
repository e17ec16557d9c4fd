"""Local time and instants: the clock a series is written in, and the clocks that a vendor can carry it by."""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from bridge.plan.compiling.cycle import MIDNIGHT, MONTHS, Cycle, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.model.limits import SeriesLimits
    from bridge.model.recurrence import Moment

DAY: Final = dt.timedelta(days=1)
HOUR_S: Final = 3600
DAY_S: Final = 86_400

PROBE_DAYS: Final = 14
"""Step of the search for changes of a zone's offset. Morocco's Ramadan, the shortest known, lasts about 30 days."""

STEADY_YEARS: Final = 20
"""A zone without a change for so many years ahead counts as fixed, as far as the zone database can tell."""

YEARLY_PROBES: Final = 40
"""Occurrences of a yearly series that must share one offset before it is taken to share it for ever."""

ETC_HOURS: Final = range(-12, 15)
"""Whole-hour offsets with a name of their own in the IANA database (``Etc/GMT-8`` is UTC+8)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The clock of a series. Local times are naive; all-day dates are midnights."""

    zone: dt.tzinfo | None
    """None: all-day, dates throughout."""

    @property
    def is_all_day(self) -> bool:
        """Return whether the series consists of dates."""
        return self.zone is None

    def wall(self, moment: Moment) -> dt.datetime:
        """Return the local time of a moment; a date is its midnight, and the other way round."""
        if not isinstance(moment, dt.datetime):
            return dt.datetime.combine(moment, MIDNIGHT)
        if self.zone is None:
            return dt.datetime.combine(moment.date(), MIDNIGHT)
        if moment.tzinfo is self.zone or moment.tzinfo == self.zone:
            return moment.replace(tzinfo=None)
        return moment.astimezone(self.zone).replace(tzinfo=None)

    def walls(self, moment: Moment) -> list[dt.datetime]:
        """Return every local time that names the instant of ``moment``: two beside a DST gap, else one.

        A rule makes local times inside a gap, and they mean an instant after it (RFC 5545 3.3.5); a client may
        name that same instant by either local time.
        """
        wall = self.wall(moment)
        if self.zone is None or not isinstance(moment, dt.datetime):
            return [wall]
        before = (wall - DAY).replace(tzinfo=self.zone).utcoffset()
        here = wall.replace(tzinfo=self.zone).utcoffset()
        if before is None or here is None or before >= here:
            return [wall]
        other = wall - (here - before)
        return [wall, other] if self.instant(other) == self.instant(wall) else [wall]

    def moment(self, wall: dt.datetime) -> Moment:
        """Return the date, or the time in this zone."""
        return wall.date() if self.zone is None else wall.replace(tzinfo=self.zone)

    def instant(self, wall: dt.datetime) -> Moment:
        """Return the date, or the time in UTC: equal occurrences have equal instants."""
        return wall.date() if self.zone is None else wall.replace(tzinfo=self.zone).astimezone(dt.UTC)

    def skips(self, wall: dt.datetime) -> bool:
        """Return whether clocks never show this local time: it lies in a DST gap."""
        return self.zone is not None and self.wall(self.instant(wall)) != wall


def frame_of(moment: Moment) -> Frame:
    """Return the clock that a DTSTART is written in."""
    return Frame(moment.tzinfo) if isinstance(moment, dt.datetime) else Frame(None)


def offset_s(zone: dt.tzinfo, wall: dt.datetime) -> int:
    """Return a zone's offset at a local time, in seconds east of UTC."""
    offset = wall.replace(tzinfo=zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _year_changes(zone: dt.tzinfo, year: int) -> tuple[tuple[dt.datetime, int], ...]:
    """Return the (instant, new offset) of a year's changes; instants are naive UTC."""

    def offset(utc: dt.datetime) -> int:
        local = utc.replace(tzinfo=dt.UTC).astimezone(zone).utcoffset()
        return 0 if local is None else int(local.total_seconds())

    changes: list[tuple[dt.datetime, int]] = []
    low, end = dt.datetime(year, 1, 1), dt.datetime(year + 1, 1, 1)  # noqa: DTZ001
    was = offset(low)
    while low < end:
        high = min(low + dt.timedelta(days=PROBE_DAYS), end)
        now = offset(high)
        if now != was:
            left, right = low, high
            while right - left > dt.timedelta(seconds=1):
                middle = left + (right - left) // 2
                middle = middle.replace(microsecond=0)
                left, right = (left, middle) if offset(middle) != was else (middle, right)
            changes.append((right, now))
        low, was = high, now
    return tuple(changes)


_year_changes_kept = functools.lru_cache(maxsize=4096)(_year_changes)


def changes_of(zone: dt.tzinfo, year: int) -> tuple[tuple[dt.datetime, int], ...]:
    """Return the (instant in naive UTC, new offset in s) of a zone's changes in a UTC year."""
    try:
        return _year_changes_kept(zone, year)
    except TypeError:  # a zone that cannot be hashed, as those of dateutil
        return _year_changes(zone, year)


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of local time with one offset."""

    start: dt.datetime | None
    end: dt.datetime | None
    """Exclusive; None: for ever, as far as the zone database can tell."""
    offset: int


def periods(zone: dt.tzinfo, start: dt.datetime, horizon: dt.datetime) -> Iterator[Period]:
    """Yield the stretches of one offset from local time ``start`` to the one that holds ``horizon``.

    An occurrence belongs to the stretch whose offset RFC 5545 3.3.5 gives it: local times inside a gap, and the
    first of a doubled hour, to the earlier one.
    """
    offset = offset_s(zone, start)
    begin: dt.datetime | None = None
    if isinstance(zone, dt.timezone):
        yield Period(None, None, offset)
        return
    year, steady = start.year, 0
    while steady < STEADY_YEARS:
        changes = changes_of(zone, year)
        for instant, after in changes:
            edge = instant + dt.timedelta(seconds=max(offset, after))
            if edge <= start or after == offset:
                continue
            yield Period(begin, edge, offset)
            if edge > horizon:
                return
            begin, offset = edge, after
        steady = 0 if changes else steady + 1
        year += 1
    yield Period(begin, None, offset)


def clocks(at: dt.time, offset: int, series: SeriesLimits) -> list[tuple[int, dt.time, Frame]]:
    """Return (days later, time of day, clock) of fixed whole-hour clocks for a local time at an offset, best first.

    The vendor uses the offset to find weekdays and days of the month, nothing else. So any whole hour serves on
    which occurrences keep their date; failing that, one on which all of them move to the day beside.
    """
    hours = series.offset_hours if series.whole_hour_offsets_only else ETC_HOURS
    local_s = at.hour * HOUR_S + at.minute * 60 + at.second
    ranked = []
    for hour in hours:
        days, second = divmod(local_s - offset + hour * HOUR_S, DAY_S)
        if abs(days) <= 1:
            ranked.append((abs(days), abs(hour - offset / HOUR_S), hour, days, second))
    named = not series.whole_hour_offsets_only
    return [
        (days, time_of(second, at.microsecond), Frame(fixed_zone(hour, named=named)))
        for _, _, hour, days, second in sorted(ranked)
    ]


def carry(cycle: Cycle, offset: int, series: SeriesLimits) -> tuple[Cycle, Frame] | None:
    """Return the cycle on a clock with a fixed whole-hour offset, at the same instants; None if none serves."""
    for days, at, frame in clocks(cycle.at, offset, series):
        moved = cycle.moved(days, at)
        if moved is not None:
            return moved, frame
    return None


def holds_zone(frame: Frame, start: dt.datetime, horizon: dt.datetime, series: SeriesLimits) -> bool:
    """Return whether the vendor can repeat by this very clock, at least from local time ``start`` on."""
    zone = frame.zone
    if zone is None:
        return True
    if not series.whole_hour_offsets_only:
        return isinstance(zone, ZoneInfo) and zone.key is not None
    steady = next(periods(zone, start, horizon))
    hours, rest = divmod(steady.offset, HOUR_S)
    return steady.end is None and not rest and hours in series.offset_hours


def time_of(second: int, microsecond: int = 0) -> dt.time:
    """Return the time of day ``second`` seconds after midnight."""
    return dt.time(second // HOUR_S, second // 60 % 60, second % 60, microsecond)


def fixed_zone(hour: int, *, named: bool) -> dt.tzinfo:
    """Return a zone that is always ``hour`` hours east of UTC, from the IANA database if it must have a name."""
    if not named:
        return dt.timezone(dt.timedelta(hours=hour))
    return ZoneInfo("Etc/UTC" if hour == 0 else f"Etc/GMT{-hour:+d}")


def shares_offset(cycle: Cycle, zone: dt.tzinfo, length: dt.timedelta) -> bool:
    """Return whether a yearly series of events always lies in the same offset, although its zone changes its own."""
    if cycle.unit is not Unit.MONTHS or cycle.step % MONTHS or cycle.size != 1:
        return False
    count = YEARLY_PROBES if cycle.length is None else min(YEARLY_PROBES, cycle.length)
    walls = [cycle.wall(cycle.first + turn) for turn in range(count)]
    return len({offset_s(zone, edge) for wall in walls for edge in (wall, wall + length)}) == 1

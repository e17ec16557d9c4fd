"""Between moments and WeCom's seconds. Pure.

An all-day event is a pair of dates on every path: from 00:00:00 of the first to 23:59:59 of the last day, at the
whole-hour offset that is sent beside it (reference 7).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from bridge.model import fidelity
from bridge.providers.wecom.limits import EPOCH_S_MAX, OFFSET_HOURS, YEAR_MAX

if TYPE_CHECKING:
    from bridge.model.recurrence import Moment

HOUR_S: Final = 3600
DAY: Final = dt.timedelta(days=1)
SECOND: Final = dt.timedelta(seconds=1)
MIDNIGHT: Final = dt.time()

ETC_HOURS: Final = range(-12, 15)
"""Whole-hour offsets that the IANA database names as ``Etc/GMT±n``, with the sign turned round."""

ZONE_PROBES: Final = 24
"""Months looked at to say whether a zone keeps one offset."""


def whole_hours(moment: dt.datetime) -> int | None:
    """Return the UTC offset of an aware time in hours if WeCom can say it (-12..12), else None."""
    offset = moment.utcoffset()
    if offset is None:
        return None
    hours, rest_s = divmod(int(offset.total_seconds()), HOUR_S)
    return hours if rest_s == 0 and hours in OFFSET_HOURS else None


def near_hours(zone: dt.tzinfo, day: dt.date) -> int:
    """Return the whole hours nearest below a zone's offset on a day, within -12..12."""
    offset = dt.datetime.combine(day, MIDNIGHT, tzinfo=zone).utcoffset() or dt.timedelta()
    hours = int(offset.total_seconds() // HOUR_S)
    return min(max(hours, OFFSET_HOURS.start), OFFSET_HOURS.stop - 1)


def at_offset(hours: int) -> dt.timezone:
    """Return the fixed zone of an hour offset; offsets that no zone has are brought within a day."""
    return dt.timezone(dt.timedelta(hours=max(-23, min(23, hours))))


def epoch_of(moment: dt.datetime) -> int:
    """Return the Unix seconds of an aware time; raises Inexpressible outside of what WeCom's uint32 holds."""
    seconds = (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // SECOND
    if not 0 < seconds <= EPOCH_S_MAX:
        fidelity.refuse("wecom.DTSTART.year", last=YEAR_MAX)
    return seconds


def first_second(day: dt.date, hours: int) -> int:
    """Return 00:00:00 of a day at an hour offset, in Unix seconds."""
    return epoch_of(dt.datetime.combine(day, MIDNIGHT, tzinfo=at_offset(hours)))


def last_second(day: dt.date, hours: int) -> int:
    """Return 23:59:59 of a day at an hour offset, in Unix seconds."""
    return epoch_of(dt.datetime.combine(day, dt.time(23, 59, 59), tzinfo=at_offset(hours)))


def time_at(seconds: int, zone: dt.tzinfo) -> dt.datetime:
    """Return the time of Unix seconds in a zone; what no calendar holds is brought to its edge."""
    return dt.datetime.fromtimestamp(min(max(seconds, 0), EPOCH_S_MAX), tz=zone)


def all_day_zone(start_s: int, hours: int | None, default: ZoneInfo) -> dt.tzinfo:
    """Return the zone in which an all-day schedule begins at midnight.

    Which one WeCom means is not documented: first the offset that it names, then the company's zone.
    """
    if hours is not None and time_at(start_s, at_offset(hours)).time() == MIDNIGHT:
        return at_offset(hours)
    return default


def all_day_span(start_s: int, end_s: int, zone: dt.tzinfo) -> tuple[dt.date, dt.date]:
    """Return first day and exclusive last day. An end at 00:00:00 is exclusive, any other is within its day."""
    first = time_at(start_s, zone).date()
    end = time_at(end_s, zone)
    last = end.date() if end.time() == MIDNIGHT else end.date() + DAY
    return first, max(last, first + DAY)


def series_zone(hours: int, default: ZoneInfo, around: dt.datetime) -> ZoneInfo:
    """Return a named zone that keeps an offset of ``hours`` all year round: the company's own if it does."""
    if all(_probe(around, month, default) == dt.timedelta(hours=hours) for month in range(ZONE_PROBES)):
        return default
    hours = min(max(hours, ETC_HOURS.start), ETC_HOURS.stop - 1)
    return ZoneInfo("Etc/UTC" if hours == 0 else f"Etc/GMT{-hours:+d}")


def _probe(around: dt.datetime, month: int, zone: ZoneInfo) -> dt.timedelta | None:
    """Return a zone's offset some months after a time."""
    return time_at(int(around.timestamp()) + month * 30 * 24 * HOUR_S, zone).utcoffset()


def occurrence_second(at: Moment, start_s: int, hours: int | None, default: ZoneInfo) -> int:
    """Return the start, in Unix seconds, of the occurrence at ``at`` of a series that starts at ``start_s``."""
    if isinstance(at, dt.datetime):
        return epoch_of(at)
    zone = all_day_zone(start_s, hours, default)
    wall = time_at(start_s, zone).time()
    return epoch_of(dt.datetime.combine(at, wall, tzinfo=zone))

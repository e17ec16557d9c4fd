"""DingTalk's times: ISO texts, zone names, all-day dates (reference 4.1-4.3). Pure."""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bridge.providers.dingtalk.schema import flag, part, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.model.recurrence import Moment
    from bridge.providers.dingtalk.schema import When

UTC_NAMES: Final = frozenset(
    {"UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Universal", "Etc/Universal", "GMT", "Etc/GMT"}
)
"""Zones without any offset, sent as ``UTC`` (reference 4.1)."""

HOUR_S: Final = 3600

GMT_OFFSETS: Final = range(-12, 15)
"""Whole hours east of Greenwich that have a name ``Etc/GMT-n`` (IANA etcetera file; the sign is turned)."""

HALF_DAY: Final = dt.timedelta(hours=12)

MOMENT_MISSING: Final = dt.date(1970, 1, 1)
"""Start of a stub that says no more than its id."""


def stamp(moment: dt.datetime) -> str:
    """Return ISO-8601 with milliseconds and offset: texts without are refused by some gateways (4.1)."""
    offset = moment.utcoffset() or dt.timedelta()
    if offset % dt.timedelta(minutes=1):
        # Local mean time of the 19th century: ISO offsets have no seconds.
        moment = moment.astimezone(dt.UTC)
        offset = dt.timedelta()
    written = moment.isoformat(timespec="milliseconds")
    return written.removesuffix("+00:00") + "Z" if not offset else written


def parse_stamp(written: str) -> dt.datetime | None:
    """Read an ISO-8601 time with or without fraction, seconds and offset; None for anything else."""
    try:
        return dt.datetime.fromisoformat(written.strip().replace("z", "Z"))
    except ValueError:
        return None


def parse_date(written: str) -> dt.date | None:
    """Read ``yyyy-MM-dd``, also at the head of a date-time; None for anything else."""
    try:
        return dt.date.fromisoformat(written.strip()[:10])
    except ValueError:
        return None


@functools.lru_cache(maxsize=1024)
def zone_of(name: str) -> dt.tzinfo | None:
    """Return the zone of an IANA name; None for names that nobody knows."""
    if not name:
        return None
    if name in UTC_NAMES:
        return dt.UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_name(zone: dt.tzinfo | None, offset: dt.timedelta | None) -> str:
    """Return the IANA name to send for a zone; empty where there is none (a half-hour fixed offset)."""
    key = getattr(zone, "key", None)
    if isinstance(key, str) and key:
        return "UTC" if key in UTC_NAMES else key
    if not isinstance(zone, dt.timezone) or offset is None:
        return ""
    if not offset:
        return "UTC"
    hours, rest_s = divmod(offset.total_seconds(), HOUR_S)
    if rest_s or int(hours) not in GMT_OFFSETS:
        return ""
    return f"Etc/GMT{-int(hours):+d}"


def is_all_day(snapshot: Mapping[str, Any]) -> bool:
    """Return whether an answer is an all-day event; where ``isAllDay`` is missing the parts decide."""
    start = part(snapshot, "start")
    said = flag(snapshot, "isAllDay")
    has_time = parse_stamp(text(start, "dateTime")) is not None
    if said is None or (not said and not has_time):
        return not has_time and parse_date(text(start, "date")) is not None
    return said


def moment_of(when: When | Mapping[str, Any], *, all_day: bool, default_zone: dt.tzinfo) -> Moment | None:
    """Read ``start`` or ``end``; None when it says nothing.

    Of ``date`` and ``dateTime`` (some answers fill both) the one that fits ``all_day`` counts.
    """
    stamped = parse_stamp(text(when, "dateTime"))
    zone = zone_of(text(when, "timeZone"))
    if not all_day:
        return None if stamped is None else _in_zone(stamped, zone, default_zone)
    day = parse_date(text(when, "date"))
    if day is not None or stamped is None:
        return day
    if zone is not None and stamped.tzinfo is not None:
        return stamped.astimezone(zone).date()
    return stamped.date()


def _in_zone(stamped: dt.datetime, zone: dt.tzinfo | None, default_zone: dt.tzinfo) -> dt.datetime:
    """Give a time the zone it was named with; without a name, the default zone if the offset is that zone's."""
    if stamped.tzinfo is None:
        return stamped.replace(tzinfo=zone or default_zone)
    if zone is not None:
        return stamped.astimezone(zone)
    here = stamped.astimezone(default_zone)
    if here.utcoffset() == stamped.utcoffset():
        return here
    return stamped if stamped.utcoffset() else stamped.astimezone(dt.UTC)


def origin_of(snapshot: Mapping[str, Any], *, all_day: bool) -> Moment | None:
    """Return the original start of an occurrence: UTC, or a date for an all-day series; None if not told."""
    origin = part(snapshot, "originStart")
    stamped = parse_stamp(text(origin, "dateTime"))
    if stamped is None:
        day = parse_date(text(origin, "date"))
        return day if all_day or day is None else dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)
    if stamped.tzinfo is None:
        stamped = stamped.replace(tzinfo=dt.UTC)
    moment = stamped.astimezone(dt.UTC)
    return origin_day(moment) if all_day else moment


def origin_day(moment: dt.datetime) -> dt.date:
    """Return the date whose midnight somewhere between UTC-12 and UTC+12 is ``moment``.

    An all-day occurrence starts at 00:00, in UTC or in the organisation's zone: nobody says which.
    """
    return (moment.astimezone(dt.UTC) + HALF_DAY).date()


def ms_of(moment: Moment) -> int:
    """Return milliseconds since 1970; a date counts as its midnight in UTC."""
    if isinstance(moment, dt.datetime):
        return round(moment.timestamp() * 1000)
    return round(dt.datetime.combine(moment, dt.time(), tzinfo=dt.UTC).timestamp() * 1000)


def instant_of(moment: Moment) -> dt.datetime:
    """Return an aware UTC time; a date is its midnight in UTC."""
    if isinstance(moment, dt.datetime):
        return moment.astimezone(dt.UTC)
    return dt.datetime.combine(moment, dt.time(), tzinfo=dt.UTC)

"""Times as DingTalk writes them (reference section 4.1)."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

from bridge.simulator.dingtalk.errors import bad_time, refuse

if TYPE_CHECKING:
    from bridge.simulator.records import Switches

YEARS: Final = range(1900, 2200)
"""Years a time may lie in: the vendor's own bounds are unknown, a calendar's people stay within these."""

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
"""The vendor's own days and months."""

_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::(\d\d)(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?",
    re.ASCII,
)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def zone_named(name: str) -> ZoneInfo:
    """Return the IANA zone; raise 400 for any other name."""
    if name not in _zone_names():
        refuse(f"timeZone invalid: {name}")
    return ZoneInfo(name)


def parse_date(text: str, field: str) -> dt.date:
    """Read ``yyyy-MM-dd``; raise 400 for anything else."""
    if _DATE.fullmatch(text):
        with contextlib.suppress(ValueError):
            read = dt.date.fromisoformat(text)
            if read.year in YEARS:
                return read
    return refuse(f"{field} must be a date, yyyy-MM-dd")


def parse_instant(
    text: str, switches: Switches, *, zone: str | None = None, schedule: bool = False
) -> dt.datetime:
    """Read an ISO-8601 date-time with offset; raise 400 if it is malformed.

    ``zone`` is the zone for a text without offset, if the switch allows one. ``schedule`` marks the
    free/busy query, for which a stricter reading has been reported.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        raise bad_time(text)
    date, minute, second, fraction, offset = match.groups()
    strict = switches["iso_milliseconds"]
    if fraction is None and (strict == "required" or (strict == "required_in_schedule" and schedule)):
        raise bad_time(text)
    try:
        read = dt.datetime.fromisoformat(
            f"{date}T{minute}:{second or '00'}{(fraction or '')[:7]}{offset or ''}"
        )
    except ValueError:
        raise bad_time(text) from None
    if read.year not in YEARS:
        raise bad_time(text)
    if read.tzinfo is None:
        if switches["iso_without_offset"] == "reject" or zone is None:
            raise bad_time(text)
        read = read.replace(tzinfo=zone_named(zone))
    return read


def iso_utc(moment: dt.datetime) -> str:
    """Return ``yyyy-MM-ddTHH:mm:ssZ``."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_offset(moment: dt.datetime, *, fraction: bool) -> str:
    """Return an aware time with its own offset; ``Z`` for UTC."""
    text = moment.isoformat(timespec="milliseconds" if fraction else "seconds")
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def iso_stamp(milliseconds: int, precision: str) -> str:
    """Return createTime or updateTime of ``milliseconds`` since 1970."""
    moment = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    match precision:
        case "minute":
            return moment.strftime("%Y-%m-%dT%H:%MZ")
        case "millisecond":
            return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
        case _:
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class When:
    """Start or end of an event: a date, or an instant in a zone."""

    date: dt.date | None = None
    instant: dt.datetime | None = None
    """UTC."""
    zone: str = ""
    offset: dt.timedelta | None = field(default=None, compare=False)
    """The offset that was sent; the same instant with another offset is the same time."""

    @property
    def is_all_day(self) -> bool:
        """Whether it is a date."""
        return self.date is not None

    def at(self, all_day_zone: str) -> dt.datetime:
        """Return the UTC instant; a date begins at midnight of ``all_day_zone``."""
        if self.date is not None:
            midnight = dt.datetime.combine(self.date, dt.time(), tzinfo=ZoneInfo(all_day_zone))
            return midnight.astimezone(dt.UTC)
        if self.instant is None:
            msg = "an end without a time"
            raise ValueError(msg)
        return self.instant

    def local(self) -> dt.datetime:
        """Return the wall time in the event's own zone; midnight for a date."""
        if self.date is not None:
            return dt.datetime.combine(self.date, dt.time())
        return self.at("UTC").astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)

    def shifted_to(self, instant: dt.datetime) -> When:
        """Return the same kind of time at another UTC instant."""
        return When(instant=instant.astimezone(dt.UTC), zone=self.zone, offset=self.offset)

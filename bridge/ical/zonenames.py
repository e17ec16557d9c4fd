"""Time zones by name: UTC, IANA, Windows, names inside paths, names that state their offset."""

from __future__ import annotations

import datetime as dt
import functools
import re
import zoneinfo
from typing import TYPE_CHECKING, Final, TypeAlias

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

if TYPE_CHECKING:
    from collections.abc import Iterator

Years: TypeAlias = tuple[int, int]
"""First and last year that something concerns, both included."""

_UTC_NAMES: Final = frozenset(
    {
        "utc",
        "etc/utc",
        "z",
        "gmt",
        "etc/gmt",
        "uct",
        "etc/uct",
        "zulu",
        "etc/zulu",
        "universal",
        "etc/universal",
    }
    | {"greenwich", "etc/greenwich", "gmt0", "etc/gmt0", "gmt+0", "gmt-0", "etc/gmt+0", "etc/gmt-0"}
)

_COMMON: Final = (
    "Asia/Shanghai",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Asia/Dubai",
    "Asia/Singapore",
    "Australia/Sydney",
    "Europe/Athens",
    "Europe/Moscow",
    "America/Sao_Paulo",
)
"""Zones that stand for a custom zone before others of the same offsets do."""

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,3}")
_NO_ZONES: Final = frozenset({"Factory", "localtime", "posixrules", "leapseconds"})
_STATED = re.compile(r"(?:UTC|GMT)?\s?([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
_NUMBERED = re.compile(r"(.+?)\s+\d{1,3}")
_WINDOWS: Final = {name.casefold(): zone for name, zone in WINDOWS_TO_OLSON.items()}


@functools.lru_cache(maxsize=2_048)
def by_name(tzid: str) -> dt.tzinfo | None:
    """Return the zone that a name alone stands for, or None."""
    name = tzid.strip().strip('"').strip()
    if name.casefold() in _UTC_NAMES:
        return dt.UTC
    zone = iana(name) or _windows(name)
    if zone is not None:
        return zone
    segments = [segment for segment in name.split("/") if segment]
    for length in (3, 2, 1):
        if len(segments) > length or (name.startswith("/") and len(segments) == length):
            tail = "/".join(segments[-length:])
            if tail.casefold() in _UTC_NAMES:
                return dt.UTC
            zone = iana(tail) or _windows(tail)
            if zone is not None:
                return zone
    stated = _STATED.fullmatch(name)
    if stated is None:
        return None
    offset = dt.timedelta(hours=int(stated.group(2)), minutes=int(stated.group(3) or 0))
    if offset > dt.timedelta(hours=15):
        return None
    return fixed(-offset if stated.group(1) == "-" else offset)


def fixed(offset: dt.timedelta) -> dt.tzinfo:
    """Return a zone of constant offset: UTC, ``Etc/GMT-8`` (which is UTC+8) and its like, else a bare offset."""
    if not offset:
        return dt.UTC
    hours, rest = divmod(int(offset.total_seconds()), 3600)
    zone = iana(f"Etc/GMT{-hours:+d}") if rest == 0 else None
    return zone or dt.timezone(offset)


def zone_name(zone: dt.tzinfo | None) -> str:
    """Return the name to write and compare by: an IANA name, ``UTC``, or ``UTC+05:45`` for a bare offset."""
    if isinstance(zone, dt.timezone):
        named = fixed(zone.utcoffset(None))
        return named.key if isinstance(named, zoneinfo.ZoneInfo) else str(named)
    key = str(getattr(zone, "key", None) or "UTC")
    return "UTC" if key.casefold() in _UTC_NAMES else key


def candidates() -> Iterator[str]:
    """Yield all IANA names, those first that shall stand for a custom zone before their equals."""
    yield from _COMMON
    yield from sorted(set(WINDOWS_TO_OLSON.values()))
    yield from sorted(_folded_names().values())


@functools.lru_cache(maxsize=1_024)
def iana(name: str) -> zoneinfo.ZoneInfo | None:
    """Return the IANA zone of that name, in whatever case it is written, or None."""
    if not _KEY.fullmatch(name) or name in _NO_ZONES:
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        key = _folded_names().get(name.casefold())
        return zoneinfo.ZoneInfo(key) if key and key != name else None


@functools.cache
def _folded_names() -> dict[str, str]:
    return {name.casefold(): name for name in sorted(zoneinfo.available_timezones()) if name not in _NO_ZONES}


def _windows(name: str) -> zoneinfo.ZoneInfo | None:
    folded = name.casefold()
    key = _WINDOWS.get(folded)
    if key is None:
        numbered = _NUMBERED.fullmatch(folded)
        if numbered is None:
            return None
        base = numbered.group(1)
        key = _WINDOWS.get(base) or _folded_names().get(base)
    return iana(key) if key else None

"""Property values as text and as Python values (RFC 5545 section 3.3). Lexical only: no zones, no components."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final, NamedTuple

YEAR_MIN: Final = 2
YEAR_MAX: Final = 9998
"""Years of times that we compute with: one year inside what Python can hold, so that no shift to another time
zone or by a duration's rounding can leave 0001..9999."""

_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)")
_DATE_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)[Tt](\d\d)(\d\d)(\d\d)([Zz]?)")
_DURATION = re.compile(
    r"([+-]?)P(?:(\d{1,7})W)?(?:(\d{1,9})D)?(?:T(?:(\d{1,11})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?",
    re.IGNORECASE,
)
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)(\d\d)?")
_ESCAPE = re.compile(r"\\([nN,;:\\\"])")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_LINE_END = re.compile(r"\r\n?|\n")


class Stamp(NamedTuple):
    """A DATE or DATE-TIME as written: still without a zone."""

    day: dt.date
    time: dt.time | None
    """None for a DATE. Seconds of 60 are read as 59 (RFC 5545 section 3.3.12)."""
    is_utc: bool

    def at(self, zone: dt.tzinfo) -> dt.datetime:
        """Return the moment; ``zone`` is used unless it was written in UTC. A DATE begins at 00:00."""
        return dt.datetime.combine(self.day, self.time or dt.time(), dt.UTC if self.is_utc else zone)

    def day_in(self, zone: dt.tzinfo) -> dt.date:
        """Return the date that is meant beside all-day values: a local midnight in UTC is the local day."""
        if self.is_utc:
            local = self.at(dt.UTC).astimezone(zone)
            if local.time() == dt.time():
                return local.date()
        return self.day


class Span(NamedTuple):
    """A DURATION: days count in wall time, seconds count exactly (RFC 5545 section 3.3.6)."""

    days: int
    seconds: int

    @property
    def total_s(self) -> int:
        """Return the length in seconds, a day being 86,400."""
        return self.days * 86_400 + self.seconds

    def after(self, start: dt.datetime) -> dt.datetime:
        """Return ``start`` plus this duration, in the zone of ``start``. May raise OverflowError."""
        moved = start + dt.timedelta(days=self.days)
        if not self.seconds:
            return moved
        return (moved.astimezone(dt.UTC) + dt.timedelta(seconds=self.seconds)).astimezone(start.tzinfo)


def parse_stamp(text: str) -> Stamp:
    """Read a DATE or a DATE-TIME. Raises ValueError with a reason that fits into a sentence."""
    text = text.strip()
    match = _DATE_TIME.fullmatch(text)
    if match is not None:
        year, month, day, hour, minute, second = (int(group) for group in match.groups()[:6])
        time = _checked_time(hour, minute, second)
        return Stamp(_checked_day(year, month, day), time, bool(match.group(7)))
    match = _DATE.fullmatch(text)
    if match is None:
        msg = "is neither a DATE (YYYYMMDD) nor a DATE-TIME (YYYYMMDDTHHMMSS)"
        raise ValueError(msg)
    year, month, day = (int(group) for group in match.groups())
    return Stamp(_checked_day(year, month, day), None, is_utc=False)


def _checked_day(year: int, month: int, day: int) -> dt.date:
    if not YEAR_MIN <= year <= YEAR_MAX:
        msg = f"has a year outside of {YEAR_MIN}..{YEAR_MAX}"
        raise ValueError(msg)
    try:
        return dt.date(year, month, day)
    except ValueError:
        msg = "is a day that does not exist"
        raise ValueError(msg) from None


def _checked_time(hour: int, minute: int, second: int) -> dt.time:
    try:
        return dt.time(hour, minute, 59 if second == 60 else second)
    except ValueError:
        msg = "is a time of day that does not exist"
        raise ValueError(msg) from None


def parse_duration(text: str) -> Span:
    """Read a DURATION. Raises ValueError with a reason that fits into a sentence."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()[1:]):
        msg = "is not a DURATION (such as PT1H30M)"
        raise ValueError(msg)
    weeks, days, hours, minutes, seconds = (int(group or 0) for group in match.groups()[1:])
    sign = -1 if match.group(1) == "-" else 1
    return Span(sign * (weeks * 7 + days), sign * (hours * 3600 + minutes * 60 + seconds))


def duration_text(seconds: int, *, whole_days: bool = False) -> str:
    """Write a DURATION of exact seconds; ``whole_days`` writes multiples of a day as ``P1D`` (nominal days)."""
    sign = "-" if seconds < 0 else ""
    rest = abs(seconds)
    if whole_days and rest and rest % 86_400 == 0:
        return f"{sign}P{rest // 86_400}D"
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "") + (f"{rest}S" if rest else "")
    return f"{sign}PT{parts or '0S'}"


def parse_offset(text: str) -> dt.timedelta:
    """Read a UTC-OFFSET such as ``+0100`` or ``-053000``. Raises ValueError."""
    match = _OFFSET.fullmatch(text.strip())
    if match is None:
        msg = "is not a UTC offset (such as +0100)"
        raise ValueError(msg)
    hours, minutes, seconds = int(match.group(2)), int(match.group(3)), int(match.group(4) or 0)
    size = dt.timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if size >= dt.timedelta(days=1):
        msg = "is a UTC offset of a day or more"
        raise ValueError(msg)
    return -size if match.group(1) == "-" else size


def offset_text(offset: dt.timedelta) -> str:
    """Write a UTC-OFFSET."""
    total = round(offset.total_seconds())
    sign = "-" if total < 0 else "+"
    hours, rest = divmod(abs(total), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{sign}{hours:02d}{minutes:02d}" + (f"{seconds:02d}" if seconds else "")


def date_text(day: dt.date) -> str:
    """Write a DATE."""
    return f"{day.year:04d}{day.month:02d}{day.day:02d}"


def local_text(moment: dt.datetime) -> str:
    """Write a DATE-TIME without its zone: the wall time of ``moment``."""
    return f"{date_text(moment)}T{moment.hour:02d}{moment.minute:02d}{moment.second:02d}"


def utc_text(moment: dt.datetime) -> str:
    """Write an aware moment as a DATE-TIME in UTC."""
    return local_text(moment.astimezone(dt.UTC)) + "Z"


def unescape(text: str) -> str:
    """Undo the escapes of a TEXT value; a backslash before anything else is an ordinary character."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: "\n" if match.group(1) in "nN" else match.group(1), text)


def escape(text: str) -> str:
    r"""Write a TEXT value: line ends become ``\n``; characters that no XML answer could carry are dropped."""
    text = clean(text).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return _LINE_END.sub(r"\\n", text)


def clean(text: str) -> str:
    """Drop control characters and non-characters that neither RFC 5545 nor XML 1.0 can carry."""
    return _UNPRINTABLE.sub("", text)

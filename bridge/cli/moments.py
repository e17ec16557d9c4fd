"""Times as people type them on a command line."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from bridge.clock import ms_from_utc

UNITS: Final = {
    "h": dt.timedelta(hours=1),
    "d": dt.timedelta(days=1),
    "w": dt.timedelta(weeks=1),
    "y": dt.timedelta(days=365),
}
SPAN_MAX: Final = dt.timedelta(days=36_500)
"""Longest time from now, either way: a hundred years, and a typing mistake beyond it."""
FORMS_SHOWN: Final = "90d, 12h, 2027-01-31 or 2027-01-31T18:00+08:00"


def later(text: str, now: dt.datetime) -> int:
    """Return a coming moment in milliseconds since 1970; raises ValueError with a sentence.

    ``now`` is aware. A date means the end of that day, in ``now``'s zone.
    """
    moment = _moment(text, now, sign=1)
    if not now < moment <= now + SPAN_MAX:
        msg = f"{text} is not in the coming hundred years"
        raise ValueError(msg)
    return ms_from_utc(moment)


def earlier(text: str, now: dt.datetime) -> int:
    """Return a past moment in milliseconds since 1970; raises ValueError with a sentence.

    A date means the beginning of that day, in ``now``'s zone.
    """
    moment = _moment(text, now, sign=-1)
    if not now - SPAN_MAX <= moment <= now:
        msg = f"{text} is not in the past hundred years"
        raise ValueError(msg)
    return ms_from_utc(moment)


def _moment(text: str, now: dt.datetime, *, sign: int) -> dt.datetime:
    """Read a span from now, a date, or an ISO time."""
    span = re.fullmatch(r"(\d{1,6})([hdwy])", text.strip().lower())
    if span:
        length = UNITS[span[2]] * int(span[1])
        if length > SPAN_MAX:
            msg = f"{text} is more than a hundred years"
            raise ValueError(msg)
        return now + sign * length
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text.strip()):
            day = dt.date.fromisoformat(text.strip()) + dt.timedelta(days=1 if sign > 0 else 0)
            return dt.datetime.combine(day, dt.time(), now.tzinfo)
        moment = dt.datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        msg = f"{text!r:.60} is no time; write {FORMS_SHOWN}"
        raise ValueError(msg) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)

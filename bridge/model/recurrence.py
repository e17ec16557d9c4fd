"""RRULE, RDATE, EXDATE as values (RFC 5545 section 3.8.5)."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from typing import TypeAlias

Moment: TypeAlias = dt.date | dt.datetime
"""A plain date (all-day) or an aware datetime. A naive datetime never appears in the model."""


class Freq(enum.StrEnum):
    """FREQ of an RRULE."""

    SECONDLY = "SECONDLY"
    MINUTELY = "MINUTELY"
    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


class Weekday(enum.IntEnum):
    """Days as Python counts them: Monday is 0."""

    MO = 0
    TU = 1
    WE = 2
    TH = 3
    FR = 4
    SA = 5
    SU = 6


@dataclass(frozen=True, slots=True, order=True)
class NthDay:
    """One element of BYDAY: ``2TU`` is NthDay(TU, 2), ``TU`` is NthDay(TU)."""

    day: Weekday
    nth: int = 0
    """0: every such day; otherwise -53..53 without 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One RRULE. Empty tuples are absent parts; order inside a part is ascending."""

    freq: Freq
    interval: int = 1
    count: int | None = None
    until: Moment | None = None
    """A date for all-day series; an aware UTC datetime for timed ones. Inclusive (RFC 5545 3.3.10)."""
    by_day: tuple[NthDay, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_month: tuple[int, ...] = ()
    by_set_pos: tuple[int, ...] = ()
    by_year_day: tuple[int, ...] = ()
    by_week_no: tuple[int, ...] = ()
    by_hour: tuple[int, ...] = ()
    by_minute: tuple[int, ...] = ()
    by_second: tuple[int, ...] = ()
    week_start: Weekday = Weekday.MO

    def __post_init__(self) -> None:
        if self.interval < 1:
            msg = f"INTERVAL must be at least 1, not {self.interval}"
            raise ValueError(msg)
        if self.count is not None and self.count < 1:
            msg = f"COUNT must be at least 1, not {self.count}"
            raise ValueError(msg)
        if self.count is not None and self.until is not None:
            msg = "COUNT and UNTIL exclude each other (RFC 5545 3.3.10)"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """The recurrence set of a master besides DTSTART."""

    rules: tuple[Rule, ...] = ()
    """Usually one; RFC 5545 3.8.5.3 says SHOULD NOT occur more than once."""
    rdates: tuple[Moment, ...] = ()
    exdates: tuple[Moment, ...] = ()

    def __bool__(self) -> bool:
        """Return whether the event repeats at all."""
        return bool(self.rules or self.rdates)

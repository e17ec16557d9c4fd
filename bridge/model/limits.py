"""What a vendor can hold, as data. One constant of :class:`Limits` per vendor, in its ``limits.py``."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.model.recurrence import Freq, Weekday


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesLimits:
    """Which recurrence rules a vendor's series can express exactly, under every reading of its documents."""

    freqs: frozenset[Freq] = frozenset({Freq.DAILY, Freq.WEEKLY, Freq.MONTHLY, Freq.YEARLY})
    interval_max: int = 1
    interval_freqs: frozenset[Freq] | None = None
    """Frequencies whose INTERVAL may exceed 1, up to ``interval_max``; None: all of ``freqs``."""
    counts: bool = False
    """Whether the vendor has a COUNT of its own."""
    count_max: int = 0
    weekly_days: bool = True
    """WEEKLY with several BYDAY."""
    month_days_max: int = 1
    """How many BYMONTHDAY values a MONTHLY series may have; only 1..28 are safe."""
    nth_weekday: frozenset[int] = frozenset()
    """Ordinals of MONTHLY;BYDAY=kXX that exist."""
    whole_hour_offsets_only: bool = False
    """The series carries an integer hour offset instead of a zone: DST and half hours drift."""
    offset_hours: range = range(-12, 15)
    week_start_free: bool = False
    """Whether WKST can be sent; without it, intervals over 1 with several days are unsafe."""
    week_starts: frozenset[Weekday] = frozenset({Weekday.MO, Weekday.SU})
    """Days on which the vendor's week may begin where WKST cannot be sent: days of an interval over 1 share a
    series only if they lie in one week whichever of these is true."""
    open_end: bool = True
    exceptions: bool = True
    """Whether single occurrences can be removed from a series, or changed; else it is cut around them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """One vendor. Lengths in the unit the vendor counts; seconds before the start for alarms."""

    kind: str
    summary_chars_max: int
    description_chars_max: int
    location_chars_max: int
    attendees_max: int
    min_duration_s: int = 0
    """1 where start == end is refused (WeCom), 0 where it is accepted."""
    alarms_timed: tuple[int, ...] | None = None
    """Allowed ``before_start_s`` of timed events; None: any whole minute from 0 up."""
    alarms_all_day: tuple[int, ...] | None = None
    can_respond: bool = False
    can_make_calendars: bool = False
    tells_free_busy: bool = False
    """Whether there is a call that says when people are busy (DingTalk querySchedule)."""
    calendar_ids_global: bool = False
    """A calendar id means the same calendar for everybody (WeCom); else each person has a ``primary`` (DingTalk)."""
    organizer_only: bool = False
    """Only the organizer may change an event (DingTalk)."""
    splits_are_items: bool = False
    """A changed occurrence becomes an item of its own, unlinked (WeCom); else an instance of the series."""
    calls_billed: bool = False
    """Every call of the calendar counts against the month (DingTalk)."""
    fetches_together: bool = False
    """One call reads many items (WeCom); else there is a call for each."""
    year_min: int = 1970
    year_max: int = 2100
    series: SeriesLimits = field(default_factory=SeriesLimits)

"""What a WeCom schedule can hold (reference: documents 93648 and 97720, revisions 2023-10 to 2025-05)."""

from __future__ import annotations

from typing import Final

from bridge.model.limits import Limits, SeriesLimits
from bridge.model.recurrence import Freq, Weekday

SUMMARY_CHARS_MAX: Final = 128
"""``summary``, in Unicode code points (document 93648)."""

DESCRIPTION_CHARS_MAX: Final = 1000
"""``description``, in Unicode code points (document 97720, 2023; 512 before)."""

LOCATION_CHARS_MAX: Final = 128
"""``location``, in Unicode code points."""

ATTENDEES_MAX: Final = 1000
"""``attendees``, cumulative (documents 93648, 97721)."""

ADMINS_MAX: Final = 3
"""``admins`` of a calendar or schedule."""

DIFFS_TIMED: Final = (-86_400, -3_600, -900, -300, 0)
"""Writable ``remind_time_diffs`` of timed schedules: seconds after the start (document 97720, 2023-10)."""

DIFFS_ALL_DAY: Final = (-604_800, -172_800, -86_400, -3_600, -900, -300, 0, 32_400)
"""The same of all-day schedules; 32400 is 09:00 on the day."""

REMIND_BEFORE_S: Final = (0, 300, 900, 3_600, 86_400)
"""Allowed ``remind_before_event_secs``, the single reminder of the older page."""

OFFSET_HOURS: Final = range(-12, 13)
"""``timezone``: whole hours east of UTC (90480 otherwise)."""

MONTH_DAY_MAX: Final = 28
"""What a monthly series does on day 29..31 in a shorter month is unknown (reference 6.1)."""

INTERVAL_MAX: Final = 52
"""``repeat_interval``. The vendor's bound is unknown; this one is ours."""

EPOCH_S_MAX: Final = 2**32 - 1
"""``start_time``, ``end_time`` and ``repeat_until`` are uint32 seconds: up to 2106-02-07."""

YEAR_MAX: Final = 2105
"""The last year that uint32 seconds hold completely."""

CALENDAR_NAME_CHARS_MAX: Final = 128
"""``calendar.summary``: 1..128 (document 93647)."""

SHARES_MAX: Final = 2000
"""``calendar.shares``: people of one calendar."""

LIMITS: Final = Limits(
    kind="wecom",
    summary_chars_max=SUMMARY_CHARS_MAX,
    description_chars_max=DESCRIPTION_CHARS_MAX,
    location_chars_max=LOCATION_CHARS_MAX,
    attendees_max=ATTENDEES_MAX,
    min_duration_s=1,
    alarms_timed=tuple(sorted(-diff for diff in DIFFS_TIMED)),
    alarms_all_day=tuple(sorted(-diff for diff in DIFFS_ALL_DAY)),
    can_respond=False,
    can_make_calendars=True,
    calendar_ids_global=True,
    organizer_only=False,
    splits_are_items=True,
    fetches_together=True,
    year_max=YEAR_MAX,
    series=SeriesLimits(
        interval_max=INTERVAL_MAX,
        interval_freqs=frozenset({Freq.WEEKLY, Freq.MONTHLY}),
        counts=False,
        weekly_days=True,
        month_days_max=MONTH_DAY_MAX,
        whole_hour_offsets_only=True,
        offset_hours=OFFSET_HOURS,
        week_start_free=False,
        # Unknown, and it may even be counted from the start's own weekday: several days never share an interval.
        week_starts=frozenset(Weekday),
        open_end=True,
    ),
)

"""What a DingTalk event can hold (seed page "创建日程"; reference 3.3, 4.4, 4.5, 5.1)."""

from __future__ import annotations

from typing import Final

from bridge.model.limits import Limits, SeriesLimits

SUMMARY_CHARS_MAX: Final = 2048
"""``summary`` (seed page). In UTF-16 units: the larger of the two ways a service may count characters."""

DESCRIPTION_CHARS_MAX: Final = 5000
"""``description`` (seed page), counted likewise."""

LOCATION_CHARS_MAX: Final = 1024
"""``location.displayName``. The vendor's bound is unknown; this one is ours."""

RICH_TEXT_CHARS_MAX: Final = 20_000
"""``richTextDescription.text``. The vendor's bound is unknown; this one is ours."""

ATTENDEES_MAX: Final = 5000
"""People of one event (reference 3.11)."""

ATTENDEES_PER_CALL: Final = 500
"""People in one create, add or batchRemove (reference 3.11)."""

INTERVAL_MAX: Final = 365
"""``pattern.interval``: 1..365 (error texts of the seed page)."""

COUNT_MAX: Final = 99
"""``range.numberOfOccurrences``: 1..99 (error texts of the seed page)."""

MONTH_DAY_MAX: Final = 28
"""What happens on day 29..31 in a shorter month is unknown (reference 4.4)."""

LIMITS: Final = Limits(
    kind="dingtalk",
    summary_chars_max=SUMMARY_CHARS_MAX,
    description_chars_max=DESCRIPTION_CHARS_MAX,
    location_chars_max=LOCATION_CHARS_MAX,
    attendees_max=ATTENDEES_MAX,
    min_duration_s=0,
    alarms_timed=None,
    alarms_all_day=None,
    calls_billed=True,
    can_respond=True,
    can_make_calendars=False,
    tells_free_busy=True,
    organizer_only=True,
    splits_are_items=False,
    series=SeriesLimits(
        interval_max=INTERVAL_MAX,
        counts=True,
        count_max=COUNT_MAX,
        weekly_days=True,
        month_days_max=1,
        nth_weekday=frozenset({1, 2, 3, 4, -1}),
        whole_hour_offsets_only=False,
        week_start_free=True,
        open_end=True,
    ),
)
"""All-day reminders count minutes before local midnight of the first day; a reminder on the day itself would
need negative minutes and does not exist (reference 4.3)."""

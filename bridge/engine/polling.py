"""How long a calendar waits between two sweeps: by whether pushes arrive, who looks, and whether it is night.

The budget of a billed source (``providers.dingtalk.budget``) has the last word; this keeps polling from spending it where
nobody would notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from bridge.clock import utc_from_ms
from bridge.engine.pacing import ASLEEP_S, LOOKED_LATELY_MS, SELDOM, is_billed, poll_factor, poll_s, spread_s

if TYPE_CHECKING:
    from bridge.engine.context import Engine
    from bridge.store.rows import CalendarRow

ASLEEP_MS: Final = 14 * LOOKED_LATELY_MS
"""A calendar that no client asked for in so long (milliseconds) is looked at once a day only, if calls are billed."""

NIGHT_FROM_H: Final = 22
NIGHT_TO_H: Final = 6
"""The night, in hours of the source's own zone."""

NIGHT_FACTOR: Final = 3
"""How much more seldom billed calendars are polled at night."""


def interval_s(engine: Engine, calendar: CalendarRow, looked_ms: int) -> float:
    """Return the seconds until the next sweep of a calendar that a client last asked for at ``looked_ms``."""
    source_id, now_ms = calendar.source_id, engine.clock.now_ms()
    seconds = poll_s(engine, source_id) * poll_factor(engine, source_id)
    billed = is_billed(engine, source_id)
    unseen_ms = now_ms - looked_ms
    if billed:
        seconds = max(seconds, spread_s(engine, source_id))
        if unseen_ms >= ASLEEP_MS:
            return max(ASLEEP_S, seconds)
    if unseen_ms >= LOOKED_LATELY_MS:
        seconds *= SELDOM
    if billed and (morning_s := until_morning_s(engine, source_id)):
        seconds = min(seconds * NIGHT_FACTOR, max(seconds, morning_s))
    return seconds


def until_morning_s(engine: Engine, source_id: str) -> float:
    """Return the seconds until the night of a source's people ends, as far as their zone tells; 0 by day."""
    zone = ZoneInfo(engine.default_zone(source_id))
    now = utc_from_ms(engine.clock.now_ms()).astimezone(zone)
    if NIGHT_TO_H <= now.hour < NIGHT_FROM_H:
        return 0.0
    hours = (NIGHT_TO_H - now.hour) % 24
    return max(1.0, hours * 3600.0 - now.minute * 60 - now.second)

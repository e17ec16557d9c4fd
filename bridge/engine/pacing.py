"""How a billed source's calls are spread over its month (product page, "The call budget").

The provider tells how fast the calls that are left may be spent; here they are shared by the calendars that somebody
looks at. While enough is left a push is followed at once by a look of its own. Where a month brings more than its plan
can carry one by one, what is told of a calendar waits for that calendar's next sweep, which brings all of it in one call:
everybody's data are a little older, nobody's are old.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.store import calendars, shared

if TYPE_CHECKING:
    from bridge.engine.context import Engine
    from bridge.store.rows import CalendarRow

LOOKED_LATELY_MS: Final = 24 * 3_600_000
"""A calendar that no client asked for in so long (milliseconds) is polled seldom; the next look ends that at once."""

SELDOM: Final = 10
"""How much more seldom that is."""

ASLEEP_S: Final = 86_400.0
"""Between two looks at a calendar for which there are no calls left, or that nobody looks at (seconds)."""

POLL_FACTOR: Final = 6.0
BILLED_POLL_FACTOR: Final = 24.0
"""How much more seldom calendars are polled while pushes tell what changes; the second where each poll costs something."""

CALLS_PER_SWEEP: Final = 1.6
"""Billed calls of one sweep, looks at the whole window now and then included."""

AWAKE: Final = 0.9
"""Share of a day's sweeps that nights, when sweeps are rarer, leave."""


def spread_s(engine: Engine, source_id: str) -> float:
    """Return the seconds between two sweeps of a calendar that the month's calls can carry; 0 while they last easily."""
    pace = engine.provider(source_id).pace()
    if pace is None or not pace.ahead:
        return 0.0
    since_ms = engine.clock.now_ms() - LOOKED_LATELY_MS
    with engine.store.read() as c:
        awake, others = calendars.count_looked(c, source_id, since_ms=since_ms)
    sweeps = max(1.0, awake + others / SELDOM)
    if pace.per_s <= 0:
        return ASLEEP_S
    return min(ASLEEP_S, AWAKE * CALLS_PER_SWEEP * sweeps / pace.per_s)


def later_s(engine: Engine, calendar: CalendarRow, looked_ms: int) -> float:
    """Return the seconds that news of a calendar waits for its next sweep; 0: it is looked at now.

    ``looked_ms``: when a client last asked for the calendar, or 0.
    """
    pace = engine.provider(calendar.source_id).pace()
    if pace is None:
        return 0.0
    now_ms = engine.clock.now_ms()
    since_s = max(0.0, (now_ms - calendar.pulled_ms) / 1000)
    if looked_ms and now_ms - looked_ms >= LOOKED_LATELY_MS:
        return max(1.0, ASLEEP_S - since_s)  # whoever looks again has it pulled at once
    spread = spread_s(engine, calendar.source_id)
    return max(1.0, spread - since_s) if spread else 0.0


# ---- how seldom to poll -----------------------------------------------------------------------------------------

EVERY_NODE: Final = "push"
"""Owner of the leases below: whichever node hears something keeps them for all."""


def poll_factor(engine: Engine, source_id: str) -> float:
    """Return how many times the usual interval a calendar of this source waits between two sweeps."""
    if not is_alive(engine, source_id):
        return 1.0
    return BILLED_POLL_FACTOR if is_billed(engine, source_id) else POLL_FACTOR


def is_alive(engine: Engine, source_id: str) -> bool:
    """Return whether pushes of a source arrive, with content, at whichever node."""
    with engine.store.read() as c:
        return shared.is_leased(c, alive_name(source_id)) and not shared.is_leased(c, used_up_name(source_id))


def poll_s(engine: Engine, source_id: str) -> float:
    """Return the usual interval between two sweeps, without pushes, in seconds."""
    return engine.sync.poll_billed_s if is_billed(engine, source_id) else engine.sync.poll_s


def is_billed(engine: Engine, source_id: str) -> bool:
    """Return whether a source's calls cost something."""
    return hasattr(engine.sources.get(source_id), "monthly_calls")


def alive_name(source_id: str) -> str:
    """Return the name of the lease that pushes keep while they arrive."""
    return f"push:{source_id}"


def used_up_name(source_id: str) -> str:
    """Return the name of the lease that says that a month's pushes are used up."""
    return f"push-spent:{source_id}"

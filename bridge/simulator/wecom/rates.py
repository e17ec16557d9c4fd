"""How often a call may be made (reference section 13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.simulator.wecom.errors import TOO_MANY_AT_ONCE, TOO_MANY_CALLS, Refusal

if TYPE_CHECKING:
    from bridge.simulator.wecom.office import Office

WINDOWS: Final = (
    ("corp", 60, "rate_corp_minute"),
    ("corp", 3600, "rate_corp_hour"),
    ("ip", 60, "rate_ip_minute"),
    ("ip", 3600, "rate_ip_hour"),
)

DAY_S: Final = 86_400
CHINA_S: Final = 8 * 3600
"""Day limits end at midnight in China."""

DEBUG_PER_MINUTE: Final = 5
"""Calls with debug=1 in a minute."""


class Rates:
    """Counters per window; exceeding one blocks for as long as the window is."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._counts: dict[tuple[str, str, int], tuple[int, int]] = {}
        self._blocked: dict[tuple[str, str, int], float] = {}
        self._days: dict[str, tuple[int, int]] = {}

    def check(self, path: str, peer: str, at_once: int, *, debug: bool) -> None:
        """Count one call; refuse with 45009 or 45033."""
        limit = self._office.switches["concurrency_max"]
        if limit and at_once > limit:
            raise Refusal(TOO_MANY_AT_ONCE)
        for scope, window_s, switch in WINDOWS:
            key = (path, peer if scope == "ip" else "", window_s)
            self._count(key, self._office.switches[switch])
        if debug:
            self._count(("debug", "", 60), DEBUG_PER_MINUTE)

    def today(self, name: str) -> int:
        """Return how often ``spend`` was called today for ``name``."""
        day, count = self._days.get(name, (0, 0))
        return count if day == self._day() else 0

    def spend(self, name: str) -> None:
        """Count one against the day."""
        self._days[name] = (self._day(), self.today(name) + 1)

    def clear(self) -> None:
        """Forget all counters and blocks."""
        self._counts.clear()
        self._blocked.clear()
        self._days.clear()

    def _day(self) -> int:
        return (self._office.now() + CHINA_S) // DAY_S

    def _count(self, key: tuple[str, str, int], limit: int) -> None:
        now = self._office.clock.now()
        if now < self._blocked.get(key, 0.0):
            raise Refusal(TOO_MANY_CALLS)
        window = int(now // key[2])
        last, count = self._counts.get(key, (window, 0))
        count = count + 1 if last == window else 1
        self._counts[key] = (window, count)
        if count > limit:
            self._blocked[key] = now + key[2]
            raise Refusal(TOO_MANY_CALLS)

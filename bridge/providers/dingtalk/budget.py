"""The month's billed calls, spread over the month (reference 5.2; product page, "The call budget").

Edits are never held back here: DingTalk itself says when nothing is left. Polling goes no further than a start-up
share plus its part of the month so far; what a person looks at may use nearly all. Calls are counted by this bridge
only: other apps of the organisation spend from the same quota, so ``monthly_calls`` is our share of it.
"""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING, Final

from bridge.errors import Throttled
from bridge.providers.dingtalk.codes import VENDOR_ZONE
from bridge.providers.limiter import Priority

if TYPE_CHECKING:
    from bridge.providers.runtime import Runtime

STARTING_SHARE: Final = 0.3
"""Share of the month's calls that polling may use at once: first loads of many people come together."""

PACED_SHARE: Final = 0.6
"""Share of the month's calls that polling gets evenly over the month; the rest is for edits."""

LOOK_SHARE: Final = 0.95
"""Share of the month's calls up to which what somebody looks at is still asked for."""

SAVED_EVERY: Final = 20
"""Calls between two savings of the count; so many may be forgotten when a process dies."""

LOADED_EVERY_S: Final = 60.0
"""Seconds between two looks at what other processes have spent."""


class Budget:
    """Counts the billed calls of one source. Thread-safe; the count is shared through the vault.

    Two processes that save in the same moment may lose a few calls of one: the vendor has the last word anyway.
    """

    def __init__(self, runtime: Runtime, source_id: str, monthly_calls: int) -> None:
        self._clock = runtime.clock
        self._vault = runtime.vault
        self._name = f"{source_id}:calls"
        self._monthly = monthly_calls
        self._lock = threading.Lock()
        self._month = ""
        self._shared = 0
        """What all processes have saved."""
        self._fresh = 0
        """What we have spent since."""
        self._loaded_s = float("-inf")

    def spend(self, priority: Priority, endpoint: str) -> None:
        """Count one call, or raise Throttled where the month's calls have to last longer."""
        with self._lock:
            self._refresh()
            used = self._shared + self._fresh
            wait_s = self._wait_s(priority, used)
            if wait_s > 0:
                msg = (
                    f"{endpoint}: {used} of the {self._monthly} calls of this month are used; the rest is spread "
                    "over the month, reading goes on later and edits go on now"
                )
                raise Throttled(msg, retry_after_s=wait_s)
            self._fresh += 1
            if self._fresh >= SAVED_EVERY:
                self._save()

    def give_back(self) -> None:
        """Undo one call that the vendor did not carry out, and so does not count."""
        with self._lock:
            self._fresh -= 1

    def used(self) -> int:
        """Return how many calls of this month are known to be spent."""
        with self._lock:
            self._refresh()
            return self._shared + self._fresh

    def close(self) -> None:
        """Save what is not saved yet."""
        with self._lock:
            if self._fresh:
                self._save()

    def _wait_s(self, priority: Priority, used: int) -> float:
        """Return how long a call of this urgency has to wait; 0 if it may go now."""
        if priority is Priority.WRITE:
            return 0.0
        start, end = self._span()
        now = self._now()
        left_s = max(1.0, (end - now).total_seconds())
        if priority is Priority.LOOK:
            return left_s if used >= LOOK_SHARE * self._monthly else 0.0
        length_s = (end - start).total_seconds()
        due_s = (used + 1 - STARTING_SHARE * self._monthly) / (PACED_SHARE * self._monthly) * length_s
        return min(max(0.0, due_s - (now - start).total_seconds()), left_s)

    def _refresh(self) -> None:
        """Begin a new month, and look now and then at what others have spent."""
        month = self._now().strftime("%Y-%m")
        if month != self._month:
            self._month, self._shared, self._fresh, self._loaded_s = month, 0, 0, float("-inf")
        if self._clock.monotonic_s() - self._loaded_s >= LOADED_EVERY_S:
            self._load()

    def _load(self) -> None:
        self._loaded_s = self._clock.monotonic_s()
        held = self._vault.load(f"{self._name}:{self._month}")
        if held is not None and held[0].isdecimal():
            self._shared = int(held[0])

    def _save(self) -> None:
        self._load()
        self._shared, self._fresh = max(0, self._shared + self._fresh), 0
        expires_ms = round(self._span()[1].timestamp() * 1000)
        self._vault.save(f"{self._name}:{self._month}", str(self._shared), expires_ms)

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._clock.now_ms() / 1000, tz=VENDOR_ZONE)

    def _span(self) -> tuple[dt.datetime, dt.datetime]:
        """Return the first moment of this month and of the next, at the vendor."""
        now = self._now()
        start = dt.datetime(now.year, now.month, 1, tzinfo=VENDOR_ZONE)
        return start, (start + dt.timedelta(days=32)).replace(day=1)

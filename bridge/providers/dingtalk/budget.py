"""The month's billed calls, spread over the month (reference 5.2; product page, "The call budget").

A call is counted in the database before it leaves, in one statement that refuses the one too many: neither a crash nor
another node makes more of them than ``monthly_calls``. Polling goes no further than a start-up share plus its part of
the month so far; what a person looks at may use nearly all; edits may use the rest. Other apps of the organisation
spend from the same quota, so ``monthly_calls`` is our share of it.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Final

from bridge.errors import Exhausted, Throttled
from bridge.providers.base import Pace
from bridge.providers.dingtalk.codes import VENDOR_ZONE
from bridge.providers.limiter import Priority

if TYPE_CHECKING:
    from bridge.providers.runtime import Runtime

STARTING_SHARE: Final = 0.3
"""Share of the month's calls that polling may use at once: first loads of many people come together."""

PACED_SHARE: Final = 0.65
"""Share of the month's calls that polling gets evenly over the month; the rest is for edits."""

LOOK_SHARE: Final = 0.97
"""Share of the month's calls up to which what somebody looks at is still asked for."""

EASY_SHARE: Final = 0.25
"""Share of the month's calls, besides the part of :data:`PACED_SHARE` that has passed, up to which calendars are polled as
often as is configured and pushes are followed one by one. Beyond it both are spread over what is left of the month."""

WRITES_SHARE: Final = 0.15
WRITES_KNOWN_AFTER: Final = dt.timedelta(days=5)
"""How many of the month's calls edits are expected to take, until so much of the month has shown better."""

COUNTLESS: Final = 2**60
"""More than any month has; a count that only tells how many there were."""


class Budget:
    """Counts the billed calls of one source (``providers.http.Meter``). Thread-safe."""

    def __init__(self, runtime: Runtime, source_id: str, monthly_calls: int) -> None:
        self._clock = runtime.clock
        self._tallies = runtime.tallies
        self._name = f"{source_id}:calls"
        self._writes = f"{source_id}:writes"
        self._monthly = monthly_calls

    def take(self, priority: Priority, endpoint: str) -> str:
        """Count one call that is about to leave; returns what :meth:`give_back` takes.

        Raises Exhausted when the month's calls are used up, Throttled where they have to last longer.
        """
        name, (start, end) = self._month(self._name), self._span()
        most = self._most(priority, start, end)
        until_ms = round(end.timestamp() * 1000)
        if self._tallies.take(name, most=most, until_ms=until_ms):
            if priority is Priority.WRITE:
                self._tallies.take(self._month(self._writes), most=COUNTLESS, until_ms=until_ms)
            return name
        used = self._tallies.used(name)
        left_s = max(1.0, (end - self._now()).total_seconds())
        day = f"{end:%Y-%m-%d}"
        if used >= self._monthly:
            msg = (
                f"{endpoint}: all {self._monthly} calls of this month are used; it goes on by itself on {day}, "
                "or after a restart with a larger monthly_calls"
            )
            raise Exhausted(msg, retry_after_s=left_s)
        msg = (
            f"{endpoint}: {used} of the {self._monthly} calls of this month are used; the rest is spread over the "
            f"month, which ends on {day}: reading goes on later, edits go on now"
        )
        raise Throttled(msg, retry_after_s=self._wait_s(priority, used, start, end))

    def give_back(self, taken: str) -> None:
        """Undo one call that the vendor certainly does not count."""
        self._tallies.give_back(taken)

    def used(self) -> int:
        """Return how many calls of this month are spent."""
        return self._tallies.used(self._month(self._name))

    def pace(self) -> Pace:
        """Return how fast calls may be spent: what polling may use until the month ends, without the edits to come."""
        start, end = self._span()
        passed_s, left_s = (self._now() - start).total_seconds(), (end - self._now()).total_seconds()
        known_s = WRITES_KNOWN_AFTER.total_seconds()
        expected = WRITES_SHARE * self._monthly * known_s / (passed_s + left_s)
        written = self._tallies.used(self._month(self._writes))
        to_come = (written + expected) / (passed_s + known_s) * left_s
        used, share = self.used(), passed_s / (passed_s + left_s)
        spare = (STARTING_SHARE + PACED_SHARE) * self._monthly - used - to_come
        return Pace(
            per_s=max(0.0, spare) / max(1.0, left_s),
            ahead=used > (EASY_SHARE + PACED_SHARE * share) * self._monthly,
        )

    def _most(self, priority: Priority, start: dt.datetime, end: dt.datetime) -> int:
        """Return up to which count a call of this urgency may go now."""
        match priority:
            case Priority.WRITE:
                return self._monthly
            case Priority.LOOK:
                return math.ceil(LOOK_SHARE * self._monthly)
            case Priority.BACKGROUND:
                passed = (self._now() - start) / (end - start)
                return math.floor((STARTING_SHARE + PACED_SHARE * passed) * self._monthly + 1e-6)

    def _wait_s(self, priority: Priority, used: int, start: dt.datetime, end: dt.datetime) -> float:
        """Return how long a call that was refused has to wait."""
        now = self._now()
        left_s = max(1.0, (end - now).total_seconds())
        if priority is not Priority.BACKGROUND:
            return left_s
        length_s = (end - start).total_seconds()
        due_s = (used + 1 - STARTING_SHARE * self._monthly) / (PACED_SHARE * self._monthly) * length_s
        return min(max(1.0, due_s - (now - start).total_seconds()), left_s)

    def _month(self, name: str) -> str:
        return f"{name}:{self._now():%Y-%m}"

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._clock.now_ms() / 1000, tz=VENDOR_ZONE)

    def _span(self) -> tuple[dt.datetime, dt.datetime]:
        """Return the first moment of this month and of the next, at the vendor."""
        now = self._now()
        start = dt.datetime(now.year, now.month, 1, tzinfo=VENDOR_ZONE)
        return start, (start + dt.timedelta(days=32)).replace(day=1)

"""One limiter per source: rates per endpoint, concurrency, priorities, penalties, creations per day.

Every HTTP request of a source takes a *turn* here first. Turns go to writes
before looks before background work, inside a class to whoever had the fewest turns lately, and never wait
longer than the caller's patience.
"""

from __future__ import annotations

import datetime as dt
import enum
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.clock import SystemClock
from bridge.errors import Exhausted, Throttled
from bridge.providers.runtime import MemoryTallies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.clock import Clock
    from bridge.providers.runtime import Tallies

EVERY_ENDPOINT: Final = "*"
"""Name for :meth:`Limiter.penalise` that holds back the whole source (a ban of the address, say)."""

WAITERS_MAX: Final = 500
"""Threads that may wait for a turn at one source; the next one is turned away at once."""

PENALTY_MAX_S: Final = 86_400.0
"""No answer of a vendor holds an endpoint back for longer than a day (seconds)."""

CREATIONS_MAX: Final = 1_000_000_000
"""More creations than any source has on one day: the count where the vendor itself said that none is left."""

WAIT_MIN_S: Final = 0.001
"""Shorter waits than this (seconds) are rounding, not waiting."""

NEWS_S: Final = 0.002
STEP_S: Final = 0.05
"""With an injected clock: real seconds to wait for news, and seconds of that clock that pass without any."""

DAY_S: Final = 86_400
"""Seconds of a calendar day at the vendors (China has no daylight saving time)."""


class Priority(enum.IntEnum):
    """Who goes first; smaller is sooner."""

    WRITE = 0
    """An edit that a client waits for, and the reads that belong to it."""
    LOOK = 1
    """What a person is looking at right now."""
    BACKGROUND = 2
    """Polling, backfilling, the horizon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A token bucket: ``per_s`` turns a second on average, ``burst`` at once."""

    per_s: float
    burst: float = 1.0

    def __post_init__(self) -> None:
        if self.per_s <= 0 or self.burst < 1:
            msg = "a rate needs more than 0 turns a second and a burst of at least 1"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """How urgent a call is, how long it may wait for its turn, and for whom it is made."""

    priority: Priority = Priority.LOOK
    patience_s: float = 5.0
    """Longest wait for a turn; more than this raises Throttled."""
    who: str = ""
    """Anything that tells people apart; turns of one class are shared fairly between them."""


@dataclass(slots=True)
class _Bucket:
    """The state of one endpoint."""

    rate: Rate
    tokens: float
    filled_s: float
    barred_until_s: float = 0.0

    def fill(self, now_s: float) -> None:
        """Add what has dripped in since the last look."""
        self.tokens = min(self.rate.burst, self.tokens + max(0.0, now_s - self.filled_s) * self.rate.per_s)
        self.filled_s = now_s

    def ready_in_s(self, now_s: float, ahead: int) -> float:
        """Return the wait until the turn after ``ahead`` others is due."""
        lacking = ahead + 1 - self.tokens
        return max(0.0, lacking / self.rate.per_s, self.barred_until_s - now_s)


@dataclass(slots=True, eq=False)
class _Waiter:
    """One thread in the queue."""

    endpoint: str
    order: tuple[int, int, int]


class Limiter:
    """Thread-safe. All times come from the injected clock."""

    def __init__(
        self,
        clock: Clock,
        *,
        concurrency: int,
        rate: Rate,
        rates: Mapping[str, Rate] | None = None,
        creations_per_day: int | None = None,
        day_offset_s: int = 8 * 3600,
        tallies: Tallies | None = None,
        name: str = "",
    ) -> None:
        """Prepare. ``tallies`` count the creations of a day for all nodes, under ``name``, the source's id."""
        if concurrency < 1:
            msg = "a source needs a concurrency of at least 1"
            raise ValueError(msg)
        self._clock = clock
        self._concurrency = concurrency
        self._rate = rate
        self._rates = dict(rates or {})
        self._creations_per_day = creations_per_day
        self._day_offset_s = day_offset_s
        self._tallies = tallies or MemoryTallies()
        self._name = name
        self._changed = threading.Condition()
        self._buckets: dict[str, _Bucket] = {}
        self._waiters: list[_Waiter] = []
        self._in_flight = 0
        self._serial = 0
        self._round = 0
        self._last_round: dict[str, int] = {}
        self._barred_until_s = 0.0
        self._is_ending = False

    def end(self) -> None:
        """Let nobody wait any more: who would have to is throttled at once. Calls in flight go on."""
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()

    # ---- turns -------------------------------------------------------------------------------------------

    @contextmanager
    def turn(self, endpoint: str, lane: Lane) -> Iterator[None]:
        """Hold one of the source's slots for one request to ``endpoint``.

        Raises Throttled, with the seconds to wait, as soon as it is known that the turn would come too late.
        """
        self._enter(endpoint, lane)
        try:
            yield
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    def _enter(self, endpoint: str, lane: Lane) -> None:
        """Queue, wait, take the slot."""
        with self._changed:
            if len(self._waiters) >= WAITERS_MAX:
                msg = f"{endpoint}: too many calls are waiting for this source; try again in a moment"
                raise Throttled(msg, retry_after_s=max(1.0, lane.patience_s))
            deadline_s = self._clock.monotonic_s() + max(0.0, lane.patience_s)
            waiter = self._queue(endpoint, lane)
            try:
                self._await_turn(waiter, deadline_s)
                self._bucket(endpoint).tokens -= 1
                self._in_flight += 1
                self._round = max(self._round, waiter.order[1])
            finally:
                self._waiters.remove(waiter)
                if not self._waiters:
                    self._last_round.clear()
                self._changed.notify_all()

    def _queue(self, endpoint: str, lane: Lane) -> _Waiter:
        """Line up: by class, then by how many turns this person had in this round, then by arrival."""
        round_number = max(self._round, self._last_round.get(lane.who, -1) + 1)
        if len(self._last_round) > WAITERS_MAX:
            self._last_round = {who: last for who, last in self._last_round.items() if last >= self._round}
        self._last_round[lane.who] = round_number
        self._serial += 1
        waiter = _Waiter(endpoint, (int(lane.priority), round_number, self._serial))
        self._waiters.append(waiter)
        return waiter

    def _await_turn(self, waiter: _Waiter, deadline_s: float) -> None:
        """Return when the waiter may go; raise Throttled when that would be after its deadline."""
        while True:
            now_s = self._clock.monotonic_s()
            wait_s = self._wait_s(waiter, now_s)
            if wait_s < WAIT_MIN_S and self._is_next(waiter, now_s):
                return
            if self._is_ending or now_s + wait_s > deadline_s or now_s >= deadline_s:
                msg = f"{waiter.endpoint}: the calls allowed for now are used up; try again later"
                raise Throttled(msg, retry_after_s=max(wait_s, 1.0))
            # Blocked only by others in flight or ahead: their leaving wakes us; the deadline bounds the wait.
            pause_s = wait_s if wait_s >= WAIT_MIN_S else deadline_s - now_s
            self._pause(max(pause_s, WAIT_MIN_S))

    def _pause(self, seconds: float) -> None:
        """Wait for news or for ``seconds``, whichever comes first; the lock is free meanwhile."""
        if isinstance(self._clock, SystemClock):
            self._changed.wait(seconds)
        elif not self._changed.wait(NEWS_S):
            # A clock that is not the machine's stands still while we wait: no news means that its time passes.
            self._clock.sleep(min(seconds, STEP_S))

    def _wait_s(self, waiter: _Waiter, now_s: float) -> float:
        """Return how long rates and penalties alone hold the waiter back."""
        bucket = self._bucket(waiter.endpoint)
        bucket.fill(now_s)
        ahead = sum(
            1 for other in self._waiters if other.endpoint == waiter.endpoint and other.order < waiter.order
        )
        return max(bucket.ready_in_s(now_s, ahead), self._barred_until_s - now_s)

    def _is_next(self, waiter: _Waiter, now_s: float) -> bool:
        """Return whether a slot is free that nobody more urgent could use right now."""
        free = self._concurrency - self._in_flight
        if free <= 0:
            return False
        ready_before = sum(
            1
            for other in self._waiters
            if other.order < waiter.order and self._wait_s(other, now_s) < WAIT_MIN_S
        )
        return ready_before < free

    def _bucket(self, endpoint: str) -> _Bucket:
        """Return the endpoint's bucket; endpoint names come from code, so there are few."""
        bucket = self._buckets.get(endpoint)
        if bucket is None:
            rate = self._rates.get(endpoint, self._rate)
            bucket = _Bucket(rate, rate.burst, self._clock.monotonic_s())
            self._buckets[endpoint] = bucket
        return bucket

    # ---- penalties ---------------------------------------------------------------------------------------

    def penalise(self, endpoint: str, seconds: float) -> None:
        """Hold back an endpoint (or :data:`EVERY_ENDPOINT`) after the vendor asked to wait."""
        with self._changed:
            until_s = self._clock.monotonic_s() + min(max(seconds, 0.0), PENALTY_MAX_S)
            if endpoint == EVERY_ENDPOINT:
                self._barred_until_s = max(self._barred_until_s, until_s)
            else:
                bucket = self._bucket(endpoint)
                bucket.barred_until_s = max(bucket.barred_until_s, until_s)
            self._changed.notify_all()

    # ---- creations per day -------------------------------------------------------------------------------

    def take_creation(self, key: str = "") -> None:
        """Count one creation for ``key`` (a person; "" is the app), for all nodes. Raises Exhausted when none is left."""
        most = CREATIONS_MAX if self._creations_per_day is None else self._creations_per_day
        left_s = self.day_left_s()
        until_ms = self._clock.now_ms() + int(left_s * 1000)
        if not self._tallies.take(self._today(key), most=most, until_ms=until_ms):
            day = self._day(until_ms + 1)
            msg = f"today's creations are used up at this source; a new day begins there with {day}"
            raise Exhausted(msg, retry_after_s=left_s)

    def give_back_creation(self, key: str = "") -> None:
        """Undo :meth:`take_creation` after a call that certainly made nothing."""
        self._tallies.give_back(self._today(key))

    def spend_creations(self, key: str = "") -> None:
        """Note that the vendor itself said that no creation is left for ``key`` today."""
        until_ms = self._clock.now_ms() + int(self.day_left_s() * 1000)
        self._tallies.raise_to(self._today(key), CREATIONS_MAX, until_ms=until_ms)

    def creations_today(self, key: str = "") -> int:
        """Return how many creations were counted today."""
        return self._tallies.used(self._today(key))

    def day_left_s(self) -> float:
        """Return the seconds until the vendor's midnight."""
        return DAY_S - (self._clock.now_ms() / 1000 + self._day_offset_s) % DAY_S

    def _today(self, key: str) -> str:
        """Return the name of today's count of a person."""
        return f"{self._name}:creations:{self._day(self._clock.now_ms())}:{key}"

    def _day(self, at_ms: int) -> dt.date:
        return dt.datetime.fromtimestamp(at_ms / 1000 + self._day_offset_s, tz=dt.UTC).date()

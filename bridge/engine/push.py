"""Pushes: a vendor says that something changed; what is there now is asked for, once for each calendar it concerns.

``take`` only puts a push into a queue in memory and returns at once. A push is a hint, never the news itself: one that
is lost (the process ended, the queue was full, the vendor failed for too long) costs time, because the next sweep
brings what it told. While pushes arrive, sweeps are that net and come more seldom (:func:`bridge.engine.pacing.poll_factor`).

Bursts: what is told about one calendar within :data:`QUIET_S` is asked for together. Echoes of our own writes are
dropped (:mod:`bridge.engine.echoes`); an item with an edit on its way is asked for when that has ended.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.engine import pull
from bridge.engine.judge import PRIMARY
from bridge.engine.pacing import EVERY_NODE, alive_name, later_s, poll_s, used_up_name
from bridge.engine.refresh import refresh, reread
from bridge.errors import BridgeError, Exhausted, NotAllowed, Throttled, Unauthorised
from bridge.log import fields
from bridge.plan.intent import backoff_s
from bridge.store import calendars, shared

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.engine.context import Engine
    from bridge.store.rows import CalendarRow

log = logging.getLogger(__name__)

WAITING_MAX: Final = 10_000
"""Pushes and items that wait in memory; more are sent back to the vendor, which tries again."""

QUIET_S: Final = 0.4
"""A calendar is asked for after so many seconds without a further push ..."""

GATHER_MAX_S: Final = 3.0
"""... or so many after the first one, if they do not end (seconds)."""

SEEN_MAX: Final = 20_000
"""Pushes remembered to recognise repetitions."""

SEEN_S: Final = 900.0
"""For how long a push is remembered (seconds): vendors repeat within three minutes."""

SAME_SECOND_S: Final = 3.0
"""A push whose key only tells seconds may be another one of the same second for so long (seconds); later it is a
repetition, which comes after 5 seconds at the earliest (WeCom reference 10.2)."""

BUSY_S: Final = 0.5
"""Between two looks whether a calendar that is being read, or an item that is being edited, is free (seconds)."""

EDIT_WAIT_S: Final = 600.0
"""For how long an item waits for the end of an edit (seconds); then the next sweep has to find it."""

ATTEMPTS_MAX: Final = 6
"""Times that a failing look is made: about half a minute; then the next sweep has to find it."""

RETRY_AFTER_MAX_S: Final = 60.0
"""A vendor that asks to wait longer than this (seconds) is left to the sweeps, which note its state."""

WORKERS: Final = 4
STOP_S: Final = 30.0
"""How long the end waits for a look that has begun (seconds): longer than a vendor's answer may take."""

STREAM_ALIVE_MS: Final = 180_000
"""For how long an open connection counts after its last sign of life (milliseconds)."""

CALLBACK_ALIVE_MS: Final = 24 * 3_600_000
"""For how long a callback address counts as working after a genuine callback (milliseconds): quiet nights exist."""

SPENT_MS: Final = 4 * 24 * 3_600_000
"""For how long a source whose pushes are used up is polled as if it had none (milliseconds): longer than a weekend. Each
further push without content begins it anew, the first one with content ends it."""

SPENT_NOTED_EVERY_S: Final = 3600.0
"""How often it is written down that pushes come without content (seconds)."""

NOTED_EVERY_S: Final = 60.0
"""How often a working push is written down (seconds)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a push says, in no vendor's words."""

    key: str
    """What two deliveries of one push have in common."""
    is_exact: bool = True
    """The key belongs to one push only; else to all of one second."""
    calendar_id: str = ""
    """The vendor's id; where each person has a ``primary``, it may be another name of that."""
    item_id: str = ""
    """Empty: the calendar itself changed."""
    people: tuple[str, ...] | None = None
    """Vendor ids of whom it concerns; None where a calendar's id means the same for everybody."""
    updated_ms: int = 0
    """The vendor's time of change, or 0."""
    is_deletion: bool = False
    """It tells that the item was deleted."""


@dataclass(slots=True, kw_only=True)
class _Batch:
    """What has to be asked for in one calendar."""

    calendar_id: int
    first_s: float
    due_s: float
    items: dict[str, list[News]] = field(default_factory=dict)
    itself: bool = False
    attempts: int = 0


class Pushes:
    """A bounded queue and the threads that work on it. Thread-safe."""

    def __init__(self, engine: Engine, *, waiting_max: int = WAITING_MAX, workers: int = WORKERS) -> None:
        self._engine = engine
        self._clock = engine.clock
        self._waiting_max = waiting_max
        self._workers = workers
        self._wake = threading.Condition()
        self._inbox: deque[Callable[[], None]] = deque()
        self._batches: dict[int, _Batch] = {}
        self._running: set[int] = set()
        self._busy = 0
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._noted: dict[str, float] = {}
        self._spent: dict[str, tuple[bool, float]] = {}
        self._threads: list[threading.Thread] = []
        self._closed = False

    def start(self) -> None:
        """Begin to work."""
        self._threads = [
            threading.Thread(target=self._work, name=f"push-{number}", daemon=True)
            for number in range(self._workers)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Finish what has begun; what waits is left to the next sweep."""
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        for thread in self._threads:
            thread.join(STOP_S)

    def take(self, source_id: str, news: News) -> bool:
        """Note a push; False when there is no room: the vendor shall send it again."""
        now_s = self._clock.monotonic_s()
        with self._wake:
            if self._closed:
                return False
            if self._is_repeated(source_id, news, now_s):
                return True
            waiting = len(self._inbox) + sum(max(1, len(batch.items)) for batch in self._batches.values())
            if waiting >= self._waiting_max:
                log.warning("push.full", extra=fields(source=source_id, waiting=waiting))
                return False
            self._seen.setdefault((source_id, news.key), now_s)
            while len(self._seen) > SEEN_MAX:
                self._seen.popitem(last=False)
            self._inbox.append(lambda: self._sort(source_id, news))
            self._wake.notify()
        return True

    def now_s(self) -> float:
        """Return seconds of a clock that never goes back."""
        return self._clock.monotonic_s()

    def is_idle(self) -> bool:
        """Return whether nothing waits and nothing is being done."""
        with self._wake:
            return not (self._inbox or self._batches or self._running or self._busy)

    def due_in_s(self) -> float | None:
        """Return the seconds until there is something to do; None: nothing waits."""
        with self._wake:
            return 0.0 if self._inbox else self._pause_s()

    def note_alive(self, source_id: str, length_ms: int) -> None:
        """Let every node know that pushes of a source arrive; written down at most once in a while."""
        now_s = self._clock.monotonic_s()
        with self._wake:
            if now_s - self._noted.get(source_id, now_s - NOTED_EVERY_S) < NOTED_EVERY_S:
                return
            self._noted[source_id] = now_s
            self._inbox.append(lambda: self._write_alive(source_id, length_ms))
            self._wake.notify()

    def hold(self, name: str, length_ms: int) -> bool:
        """Take, or keep, what only one node may have; False while another node has it."""
        with self._engine.store.write() as c:
            return shared.take_lease(c, name, owner=self._engine.node, length_ms=length_ms)

    def let_go(self, name: str) -> None:
        """Let another node have it."""
        with self._engine.store.write() as c:
            shared.release_lease(c, name, owner=self._engine.node)

    def note_lost(self, source_id: str) -> None:
        """Take note that a connection ended: the next sign of life is written down at once."""
        with self._wake:
            self._noted.pop(source_id, None)

    def note_spent(self, source_id: str, *, spent: bool) -> None:
        """Let every node know whether a source's pushes are used up: then polling goes on as if there were none."""
        now_s = self._clock.monotonic_s()
        with self._wake:
            known, noted_s = self._spent.get(source_id, (None, now_s))
            if known == spent and not (spent and now_s - noted_s >= SPENT_NOTED_EVERY_S):
                return
            self._spent[source_id] = spent, now_s
            self._inbox.append(lambda: self._write_spent(source_id, spent=spent))
            self._wake.notify()

    def _write_alive(self, source_id: str, length_ms: int) -> None:
        engine, name = self._engine, alive_name(source_id)
        with engine.store.write() as c:
            was_alive = shared.is_leased(c, name)
            shared.take_lease(c, name, owner=EVERY_NODE, length_ms=length_ms)
            if not was_alive:
                # What happened before is not told any more: look once, no later than without pushes.
                calendars.pull_before(c, source_id, engine.clock.now_ms() + _poll_ms(engine, source_id))
        if not was_alive:
            log.info("push.working", extra=fields(source=source_id))

    def _write_spent(self, source_id: str, *, spent: bool) -> None:
        engine, name = self._engine, used_up_name(source_id)
        with engine.store.write() as c:
            was_spent = shared.is_leased(c, name)
            if spent:
                shared.take_lease(c, name, owner=EVERY_NODE, length_ms=SPENT_MS)
            if spent and not was_spent:
                calendars.pull_before(c, source_id, engine.clock.now_ms() + _poll_ms(engine, source_id))
            if not spent:
                shared.release_lease(c, name, owner=EVERY_NODE)
        if spent and not was_spent:
            log.warning("push.spent", extra=fields(source=source_id))

    # ---- the queue --------------------------------------------------------------------------------------

    def _is_repeated(self, source_id: str, news: News, now_s: float) -> bool:
        """Return whether a push was taken before."""
        seen_s = self._seen.get((source_id, news.key))
        if seen_s is None:
            return False
        if now_s - seen_s > SEEN_S:
            del self._seen[source_id, news.key]
            return False
        return news.is_exact or now_s - seen_s > SAME_SECOND_S

    def step(self) -> bool:
        """Do one piece of work that is due, on the caller's thread; returns whether there was any."""
        with self._wake:
            task = self._next()
        if task is not None:
            task()
        return task is not None

    def _work(self) -> None:
        while True:
            with self._wake:
                task = None
                while not self._closed and (task := self._next()) is None:
                    self._wake.wait(self._pause_s())
            if task is None:
                return
            task()

    def _next(self) -> Callable[[], None] | None:
        """Take what is to be done now; under the lock."""
        if self._inbox:
            task = self._inbox.popleft()
            self._busy += 1
            return lambda: self._do(task)
        now_s = self._clock.monotonic_s()
        due = [b for b in self._batches.values() if b.due_s <= now_s and b.calendar_id not in self._running]
        if not due:
            return None
        batch = min(due, key=lambda b: b.due_s)
        del self._batches[batch.calendar_id]
        self._running.add(batch.calendar_id)
        return lambda: self._run(batch)

    def _pause_s(self) -> float | None:
        """Return how long nothing is to be done; None: until something arrives."""
        now_s = self._clock.monotonic_s()
        waits = [b.due_s - now_s for b in self._batches.values() if b.calendar_id not in self._running]
        return max(0.0, min(waits)) if waits else None

    def _do(self, task: Callable[[], None]) -> None:
        """Do a short piece of work; a database that fails loses a hint, which the next sweep makes good."""
        try:
            task()
        except Exception:
            log.exception("push.lost")
        finally:
            with self._wake:
                self._busy -= 1

    def _sort(self, source_id: str, news: News) -> None:
        """Find the calendars that a push concerns; people who are not linked cost nothing."""
        with self._engine.store.read() as c:
            rows = [row for row in calendars.of_source(c, source_id) if _concerns(news, row)]
        now_s = self._clock.monotonic_s()
        with self._wake:
            for row in rows:
                batch = self._batches.get(row.id)
                if batch is None:
                    batch = self._batches[row.id] = _Batch(calendar_id=row.id, first_s=now_s, due_s=now_s)
                batch.due_s = max(batch.due_s, min(now_s + QUIET_S, batch.first_s + GATHER_MAX_S))
                if news.item_id:
                    batch.items.setdefault(news.item_id, []).append(news)
                else:
                    batch.itself = True
            self._wake.notify()

    def _run(self, batch: _Batch) -> None:
        """Ask for what a batch names, and put back what has to be asked for again."""
        again: _Batch | None = None
        try:
            again = self._look(batch)
        except Exception:
            log.exception("push.broken", extra=fields(calendar=batch.calendar_id))
        finally:
            with self._wake:
                self._running.discard(batch.calendar_id)
                if again is not None:
                    self._put_back(again)
                self._wake.notify()

    def _put_back(self, batch: _Batch) -> None:
        """Wait for another turn, together with what arrived meanwhile; under the lock."""
        newer = self._batches.get(batch.calendar_id)
        if newer is not None:
            for item_id, told in newer.items.items():
                batch.items.setdefault(item_id, []).extend(told)
            batch.itself = batch.itself or newer.itself
        self._batches[batch.calendar_id] = batch

    def _look(self, batch: _Batch) -> _Batch | None:
        """Do what a batch asks for; returns what is left of it."""
        engine = self._engine
        wanted = {
            item_id: kept
            for item_id, told in batch.items.items()
            if (kept := [news for news in told if not self._is_echo(batch.calendar_id, news)])
        }
        now_s = self._clock.monotonic_s()
        if not (wanted or batch.itself) or self._leaves_to_sweep(batch.calendar_id):
            return None
        told_ms = {
            item_id: 0 if any(news.is_deletion for news in told) else max(news.updated_ms for news in told)
            for item_id, told in wanted.items()
        }
        try:
            if batch.itself:
                reread(engine, batch.calendar_id)
                batch.itself = False
            done = refresh(engine, batch.calendar_id, frozenset(wanted), told_ms)
        except pull.Busy:
            batch.items, batch.due_s = wanted, now_s + BUSY_S
            return self._until_given_up(batch, now_s, "busy")
        except BridgeError as error:
            batch.items = wanted
            return self._after_failure(batch, error)
        batch.items = {item_id: told for item_id, told in wanted.items() if item_id in done.waiting}
        batch.due_s = now_s + BUSY_S
        return self._until_given_up(batch, now_s, "edit") if batch.items else None

    def _leaves_to_sweep(self, calendar_id: int) -> bool:
        """Return whether the month's calls do not carry a look of its own: then the next sweep, which comes sooner, does it."""
        engine = self._engine
        with engine.store.read() as c:
            row, looked_ms = calendars.get(c, calendar_id), calendars.looked_ms(c, calendar_id)
        if row is None:
            return True
        wait_s = later_s(engine, row, looked_ms)
        if not wait_s:
            return False
        at_ms = engine.clock.now_ms() + int(wait_s * 1000)
        with engine.store.write() as c:
            calendars.pull_one_before(c, calendar_id, at_ms)
        log.info("push.gathered", extra=fields(calendar=calendar_id, retry_after_s=round(wait_s, 1)))
        return True

    def _until_given_up(self, batch: _Batch, now_s: float, reason: str) -> _Batch | None:
        """Wait on, but not for ever."""
        if now_s - batch.first_s < EDIT_WAIT_S:
            return batch
        self._give_up(batch, reason)
        return None

    def _is_echo(self, calendar_id: int, news: News) -> bool:
        return self._engine.echoes.is_echo(calendar_id, news.item_id, updated_ms=news.updated_ms)

    def _after_failure(self, batch: _Batch, error: BridgeError) -> _Batch | None:
        """Try again a bounded number of times, where that may help."""
        batch.attempts += 1
        retry_s = error.retry_after_s if isinstance(error, Throttled) else 0.0
        hopeless = isinstance(error, Unauthorised | Exhausted | NotAllowed) or retry_s > RETRY_AFTER_MAX_S
        log.warning(
            "push.failed",
            extra=fields(
                calendar=batch.calendar_id,
                error=type(error).__name__,
                code=error.code,
                attempt=batch.attempts,
            ),
        )
        if hopeless or batch.attempts >= ATTEMPTS_MAX:
            self._give_up(batch, "failed")
            return None
        batch.due_s = self._clock.monotonic_s() + backoff_s(batch.attempts, retry_after_s=retry_s)
        return batch

    def _give_up(self, batch: _Batch, reason: str) -> None:
        """Leave a calendar to its next sweep, and see to it that this comes as soon as without pushes."""
        engine = self._engine
        log.warning("push.left", extra=fields(calendar=batch.calendar_id, reason=reason))
        with engine.store.write() as c:
            row = calendars.get(c, batch.calendar_id)
            if row is not None:
                calendars.pull_one_before(
                    c, batch.calendar_id, engine.clock.now_ms() + _poll_ms(engine, row.source_id)
                )


# ---- which calendars --------------------------------------------------------------------------------------------


def _concerns(news: News, row: CalendarRow) -> bool:
    """Return whether a push is about a calendar.

    Where people are named, it is about the main calendar of each of them, whatever id it gives that; and about a
    calendar that is known by the very id, which somebody shares.
    """
    if news.people is None:
        return row.upstream_id == news.calendar_id
    if row.upstream_id == PRIMARY:
        return row.account in news.people
    return row.upstream_id == news.calendar_id


def _poll_ms(engine: Engine, source_id: str) -> int:
    return int(poll_s(engine, source_id) * 1000)

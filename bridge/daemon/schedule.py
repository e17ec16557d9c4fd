"""The ticker: APScheduler says when, the database says who (leases), the engine does."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from apscheduler.executors.pool import ThreadPoolExecutor as TickerPool
from apscheduler.schedulers.background import BackgroundScheduler

from bridge.engine import horizon, links, pull, timeindex
from bridge.engine.pacing import is_alive, poll_s
from bridge.engine.polling import interval_s
from bridge.errors import BridgeError
from bridge.log import fields
from bridge.store import calendars, intents, objects, shared
from bridge.store.clock import DatabaseClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.config import Sync
    from bridge.daemon.compose import Parts
    from bridge.store.rows import CalendarRow

log = logging.getLogger(__name__)

CARRY_S: Final = 1.0
LINK_S: Final = 2.0
PULL_S: Final = 1.0
TOKEN_S: Final = 120.0
HORIZON_S: Final = 3600.0
INDEX_S: Final = 10.0
FORGET_S: Final = 6 * 3600.0
PUSH_S: Final = 30.0
RECOVER_S: Final = 5.0
CLOCK_S: Final = 60.0
PULL_THREADS: Final = 4
PULLS_QUEUED_MAX: Final = 64
DAY_MS: Final = 86_400_000


class Schedule:
    """Runs the ticks until it is closed."""

    def __init__(self, parts: Parts, sync: Sync, *, pool: Executor | None = None) -> None:
        """``pool``: who pulls; a simulation hands in one that works on the caller's thread."""
        self._parts = parts
        self._engine = parts.engine
        self._sync = sync
        self._pool = pool or ThreadPoolExecutor(PULL_THREADS, thread_name_prefix="pull")
        self._pulling: set[int] = set()
        self._pushed: set[str] = set()
        self._moved_s = time.monotonic()
        self._ticker = BackgroundScheduler(
            executors={"default": TickerPool(4)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )

    def jobs(self) -> tuple[tuple[str, float, Callable[[], None]], ...]:
        """Return what is done regularly: name, every how many seconds, and the work."""
        return (
            ("carry", CARRY_S, self._carry),
            ("links", LINK_S, self._links),
            ("pull", PULL_S, self._pull),
            ("tokens", TOKEN_S, self._tokens),
            ("horizon", HORIZON_S, self._horizon),
            ("index", INDEX_S, self._index),
            ("forget", FORGET_S, self._forget),
            ("push", PUSH_S, self._push),
            ("recover", RECOVER_S, self._recover),
            ("clock", CLOCK_S, self._clock),
        )

    def start(self) -> None:
        """Begin to tick."""
        for name, seconds, work in self.jobs():
            self._ticker.add_job(self._tick, "interval", args=(name, work), seconds=seconds, id=name)
        self._ticker.start()

    def idle_s(self) -> float:
        """Return how many seconds ago the last tick of any job ended."""
        return time.monotonic() - self._moved_s

    def _tick(self, name: str, work: Callable[[], None]) -> None:
        """Run one job; what breaks is logged and the loop lives on."""
        try:
            work()
        except Exception:
            log.exception("tick.failed", extra=fields(job=name))
        self._moved_s = time.monotonic()

    def close(self) -> None:
        """End the ticks; a pull that runs is finished."""
        self._ticker.shutdown(wait=True)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _carry(self) -> None:
        self._parts.carrier.tick()

    def _recover(self) -> None:
        """Take over what processes of this host left behind; those of other hosts lose it when its time ends."""
        self._parts.carrier.recover()

    def _clock(self) -> None:
        clock = self._engine.clock
        if isinstance(clock, DatabaseClock):
            clock.measure()

    def _links(self) -> None:
        links.tick(self._engine)

    def _horizon(self) -> None:
        horizon.tick(self._engine)

    def _index(self) -> None:
        timeindex.tick(self._engine)

    def _tokens(self) -> None:
        for provider in self._engine.providers.values():
            try:
                provider.keep_token()
            except BridgeError as error:
                log.warning("token.failed", extra=fields(error=type(error).__name__, code=error.code))

    def _pull(self) -> None:
        room = PULLS_QUEUED_MAX - len(self._pulling)
        with self._engine.store.read() as c:
            due = calendars.due(c, now_ms=self._engine.clock.now_ms(), count=max(room, 0))
        for calendar, looked_ms in due:
            if calendar.id not in self._pulling:
                self._pulling.add(calendar.id)
                self._pool.submit(self._pull_one, calendar, looked_ms)

    def _pull_one(self, calendar: CalendarRow, looked_ms: int) -> None:
        try:
            with self._engine.store.write() as c:
                until_ms = self._engine.clock.now_ms() + pull.LEASE_MS
                if not calendars.claim_pull(c, calendar, until_ms=until_ms):
                    return  # another node does it, or did it
            tally = pull.pull(self._engine, calendar.id, by_page=True)
        except pull.Busy:
            self._next_at(calendar, self._sync.poll_s)
        except BridgeError:
            pass  # the calendar's own state says what and when again
        except Exception:
            log.exception("pull.broken", extra=fields(calendar=calendar.id))
            self._next_at(calendar, 10 * self._sync.poll_s)
        else:
            self._next_at(calendar, 0 if tally.more else interval_s(self._engine, calendar, looked_ms))
        finally:
            self._pulling.discard(calendar.id)

    def _push(self) -> None:
        """Poll the calendars of sources whose pushes have stopped no later than if there had never been any."""
        alive = {source_id for source_id in self._engine.sources if is_alive(self._engine, source_id)}
        for source_id in self._pushed - alive:
            log.warning("push.silent", extra=fields(source=source_id))
            at_ms = self._engine.clock.now_ms() + int(poll_s(self._engine, source_id) * 1000)
            with self._engine.store.write() as c:
                calendars.pull_before(c, source_id, at_ms)
        self._pushed = alive

    def _next_at(self, calendar: CalendarRow, seconds: float) -> None:
        with self._engine.store.write() as c:
            current = calendars.get(c, calendar.id)
            if current is not None:
                at_ms = self._engine.clock.now_ms() + int(seconds * 1000)
                calendars.set_state(c, current, pull_at_ms=at_ms)

    def _forget(self) -> None:
        before_ms = self._engine.clock.now_ms() - self._sync.history_days * DAY_MS
        with self._engine.store.write() as c:
            for collection_id, seq in objects.forget_tombstones(c, before_ms):
                calendars.raise_floor(c, collection_id, seq)
            intents.forget(c, before_ms)
            shared.forget_tallies(c, before_ms)
            shared.forget_leases(c, self._engine.clock.now_ms() - DAY_MS)

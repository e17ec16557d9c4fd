"""Virtual time: the real engine, store and simulators in one process and on one thread, with a clock that jumps.

Used by the whole-system simulation (tests/system) and by the runs over a month or many people (bill, scale).
"""

from __future__ import annotations

import random
import re
import socket
import urllib.parse
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, Final

import httpx
import sqlalchemy as sa

from bridge.daemon.compose import compose
from bridge.daemon.schedule import Schedule
from bridge.engine.carry import Carrier
from bridge.engine.push import Pushes
from bridge.simulator.clock import SimClock
from bridge.simulator.messages import Headers, Request
from bridge.simulator.play import play

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from bridge.config import Config
    from bridge.daemon.compose import Parts
    from bridge.engine.context import Engine
    from bridge.simulator.vendor import Simulator

BASE_URL: Final = "http://127.0.0.1:1"
"""Where configured sources are said to live: nothing is ever sent there, the wire takes it."""
JULIAN_EPOCH: Final = 2440587.5
DAY_S: Final = 86_400
DEAD_PID: Final = 4_194_305
"""No process ever has this number (Linux ends one below), so a node with it counts as dead once it is gone."""
FOLLOW_MAX: Final = 100
"""Edits of one object carried after another."""


class VirtualClock:
    """A clock that only moves when it is told to. Wall and monotonic time part when the wall clock is stepped."""

    def __init__(self, start_s: float) -> None:
        self.true_s = start_s
        self.step_s = 0.0
        self._began_s = start_s

    def now_ms(self) -> int:
        """Return milliseconds since 1970, as this machine believes."""
        return round((self.true_s + self.step_s) * 1000)

    def monotonic_s(self) -> float:
        """Return seconds since the simulation began."""
        return self.true_s - self._began_s + 1000.0

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.true_s += max(0.0, seconds)


class VendorClock(SimClock):
    """The vendor's clock: true time, whatever ours has been set to."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def now(self) -> float:
        """Return seconds since 1970."""
        return self._clock.true_s


class Wire(httpx.BaseTransport):
    """Hands requests to a simulator: the client's bytes in, the vendor's bytes out, no socket between."""

    def __init__(self, box: Simulator, around: Callable[[str], None] = lambda _when: None) -> None:
        self._box = box
        self._around = around
        """Called with ``before`` and ``after``: here the world may turn, or this node may die."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry one request."""
        self._around("before")
        outcome = play(self._box, _as_the_vendor_sees_it(request))
        self._around("after")
        response = outcome.response
        if outcome.reset or response is None:
            raise httpx.ReadError("the connection ended")
        if outcome.announced is not None and outcome.announced != len(response.body):
            raise httpx.RemoteProtocolError("the answer is shorter than announced")
        return httpx.Response(response.status, headers=response.headers, content=response.body)


def _as_the_vendor_sees_it(request: httpx.Request) -> Request:
    target = request.url.raw_path.decode()
    split = urllib.parse.urlsplit(target)
    return Request(
        method=request.method,
        path=urllib.parse.unquote(split.path),
        query=urllib.parse.parse_qs(split.query, keep_blank_values=True),
        headers=Headers(request.headers.items()),
        body=request.read(),
        target=target,
    )


class HereAndNow(Executor):
    """A pool without threads."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do it at once."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class InlineCarrier(Carrier):
    """Carries edits on the caller's thread, so that the order of everything is the seed's."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._pool.shutdown(wait=False)
        self._ready: list[int] = []
        self._pool = _Later(self._ready)  # type: ignore[assignment]

    def carry_soon(self, intent_id: int, *, lane: int = 0) -> threading.Event:
        """Carry it, and what waits behind it, before returning."""
        event = super().carry_soon(intent_id, lane=lane)
        for _ in range(FOLLOW_MAX):
            if not self._ready:
                break
            task = self._ready.pop(0)
            task()  # type: ignore[operator]
        event.set()
        return event


class _Later(Executor):
    """Keeps what is submitted for the caller to do: a follow-up is submitted from inside its predecessor."""

    def __init__(self, tasks: list[Any]) -> None:
        self._tasks = tasks

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Keep it."""
        self._tasks.append(lambda: fn(*args, **kwargs))
        return Future()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Forget what is left: it stays journaled."""
        self._tasks.clear()


class Node:
    """One daemon without its sockets and threads: engine, carrier, pushes and the schedule's jobs."""

    def __init__(
        self,
        config: Config,
        clock: VirtualClock,
        wire: httpx.BaseTransport,
        *,
        number: int = 0,
        count_call: Callable[[str, str, str, str], None] = lambda *_: None,
        rng: random.Random | None = None,
    ) -> None:
        """``rng``: where pauses and renewals take their chance from; ``number`` tells nodes of one world apart."""
        self.clock = clock
        self.parts: Parts = compose(
            config,
            clock=clock,
            wire=wire,
            carrier_of=InlineCarrier,
            count_call=count_call,
            rng=rng or seeded(number),
        )
        engine = self.parts.engine
        object.__setattr__(engine, "node", f"{socket.gethostname()}/{DEAD_PID}/{number:08x}")
        keep_time(engine.store.engine, clock)
        self.pushes = Pushes(engine)
        self.schedule = Schedule(self.parts, config.sync, pool=HereAndNow())
        self.jobs = {name: work for name, _, work in self.schedule.jobs()}
        self._every = {name: seconds for name, seconds, _ in self.schedule.jobs()}
        self._due = dict.fromkeys(self.jobs, clock.monotonic_s())
        self.parts.carrier.recover()

    def tick(self) -> None:
        """Do every job whose time has come, and every push that is due."""
        now_s = self.clock.monotonic_s()
        for name, work in self.jobs.items():
            if self._due[name] <= now_s:
                self._due[name] = now_s + self._every[name]
                work()
        while self.pushes.step():
            pass

    def close(self) -> None:
        """End in an orderly way."""
        self.pushes.close()
        self.parts.close()

    def vanish(self) -> None:
        """Be gone as after SIGKILL: nothing is finished, nothing is said."""
        self.parts.engine.store.engine.dispose()


def keep_time(engine: sa.Engine, clock: VirtualClock) -> None:
    """Let the database tell virtual time as well: its leases go by its own clock."""
    if engine.dialect.name == "sqlite":

        def julian(*_: object) -> float:
            return JULIAN_EPOCH + clock.true_s / DAY_S

        def register(raw: Any, _record: object) -> None:
            raw.create_function("julianday", -1, julian)

        sa.event.listen(engine, "connect", register)
        engine.dispose()
        return

    def virtual(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> Any:
        now = f"to_timestamp({clock.true_s:.3f})"
        return re.sub(r"\bclock_timestamp\(\)", now, statement), parameters

    sa.event.listen(engine, "before_cursor_execute", virtual, retval=True)


def seeded(seed: int) -> random.Random:
    """Return the one source of chance of a run."""
    return random.Random(seed)

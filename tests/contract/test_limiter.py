"""Turns: rates, slots, who goes first, and for how long anybody waits."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.clock import SystemClock
from bridge.errors import Exhausted, Throttled
from bridge.providers.limiter import EVERY_ENDPOINT, PENALTY_MAX_S, Lane, Limiter, Priority, Rate

if TYPE_CHECKING:
    from collections.abc import Callable

NOON_MS = 1_767_585_600_000
"""2026-01-05 12:00 +08:00."""


class FakeClock:
    """Time that passes only when somebody waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now_s = 1000.0
        self.wall_ms = NOON_MS

    def now_ms(self) -> int:
        return self.wall_ms

    def monotonic_s(self) -> float:
        with self._lock:
            return self._now_s

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now_s += seconds
            self.wall_ms += int(seconds * 1000)


def limiter(clock: FakeClock, *, concurrency: int = 100, rate: Rate | None = None, **more: object) -> Limiter:
    return Limiter(
        clock,
        concurrency=concurrency,
        rate=rate or Rate(per_s=1000, burst=1000),
        **more,  # type: ignore[arg-type]
    )


def run(*works: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


def until(true: Callable[[], bool]) -> None:
    for _ in range(2000):
        if true():
            return
        time.sleep(0.001)
    msg = "it did not happen"
    raise AssertionError(msg)


def test_a_burst_passes_at_once_and_then_the_rate_holds() -> None:
    clock = FakeClock()
    turns = limiter(clock, rate=Rate(per_s=2, burst=3))
    began_s = clock.monotonic_s()
    for _ in range(3):
        with turns.turn("a", Lane()):
            pass
    assert clock.monotonic_s() == began_s
    for _ in range(4):
        with turns.turn("a", Lane(patience_s=60)):
            pass
    assert clock.monotonic_s() - began_s == pytest.approx(2.0, abs=0.2)


def test_endpoints_have_buckets_of_their_own() -> None:
    clock = FakeClock()
    turns = limiter(clock, rate=Rate(per_s=0.01, burst=1), rates={"fast": Rate(per_s=100, burst=10)})
    for name in ("a", "b", "fast", "fast"):
        with turns.turn(name, Lane(patience_s=0)):
            pass
    with pytest.raises(Throttled), turns.turn("a", Lane(patience_s=0)):
        pass


def test_whoever_would_wait_too_long_is_told_at_once_how_long() -> None:
    clock = FakeClock()
    turns = limiter(clock, rate=Rate(per_s=0.1, burst=1))
    with turns.turn("a", Lane()):
        pass
    began_s = clock.monotonic_s()
    with pytest.raises(Throttled) as caught, turns.turn("a", Lane(patience_s=5)):
        pass
    assert clock.monotonic_s() == began_s
    assert caught.value.retry_after_s == pytest.approx(10, abs=0.1)


def test_never_more_calls_at_once_than_allowed_however_many_threads_ask() -> None:
    clock = FakeClock()
    turns = limiter(clock, concurrency=3)
    lock, now, most, done = threading.Lock(), 0, 0, 0

    def work() -> None:
        nonlocal now, most, done
        for _ in range(5):
            with turns.turn("a", Lane(patience_s=10_000)):
                with lock:
                    now += 1
                    most = max(most, now)
                time.sleep(0.0005)
                with lock:
                    now -= 1
                    done += 1

    run(*[work] * 20)
    assert (most, done) == (3, 100)


@settings(max_examples=15, deadline=None)
@given(threads=st.integers(2, 12), per_s=st.sampled_from([1.0, 5.0, 50.0]), burst=st.integers(1, 5))
def test_the_rate_holds_for_many_threads(threads: int, per_s: float, burst: int) -> None:
    clock = FakeClock()
    turns = limiter(clock, rate=Rate(per_s=per_s, burst=burst))
    began_s = clock.monotonic_s()
    lock, admitted = threading.Lock(), 0

    def work() -> None:
        nonlocal admitted
        for _ in range(3):
            with turns.turn("a", Lane(patience_s=10_000)), lock:
                admitted += 1
                assert admitted <= burst + per_s * (clock.monotonic_s() - began_s) + 1e-6

    run(*[work] * threads)
    assert admitted == threads * 3


def test_writes_go_before_looks_before_background_work() -> None:
    clock = FakeClock()
    turns = limiter(clock, concurrency=1)
    order: list[str] = []
    waiting: list[str] = []

    def work(name: str, priority: Priority) -> Callable[[], None]:
        def act() -> None:
            waiting.append(name)
            with turns.turn(name, Lane(priority=priority, patience_s=10_000)):
                order.append(name)

        return act

    holder_may_go = threading.Event()

    def hold() -> None:
        with turns.turn("hold", Lane()):
            holder_may_go.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    until(lambda: turns._in_flight == 1)
    threads = []
    for number, (name, priority) in enumerate(
        [("poll", Priority.BACKGROUND), ("look", Priority.LOOK), ("write", Priority.WRITE)]
    ):
        thread = threading.Thread(target=work(name, priority))
        thread.start()
        threads.append(thread)
        until(lambda number=number: len(turns._waiters) == number + 1)
    holder_may_go.set()
    for thread in [holder, *threads]:
        thread.join(20)
    assert order == ["write", "look", "poll"]


def test_one_busy_person_does_not_hold_up_another() -> None:
    clock = FakeClock()
    turns = limiter(clock, concurrency=1)
    order: list[str] = []
    release = threading.Event()

    def hold() -> None:
        with turns.turn("hold", Lane(who="x")):
            release.wait(20)

    def work(who: str) -> None:
        with turns.turn("a", Lane(who=who, patience_s=10_000)):
            order.append(who)

    threads = [threading.Thread(target=hold)]
    threads[0].start()
    until(lambda: turns._in_flight == 1)
    for number, who in enumerate(["busy", "busy", "busy", "busy", "quiet"]):
        thread = threading.Thread(target=work, args=(who,))
        thread.start()
        threads.append(thread)
        until(lambda number=number: len(turns._waiters) == number + 1)
    release.set()
    for thread in threads:
        thread.join(20)
    assert order.index("quiet") == 1


def test_a_call_blocked_by_others_gives_up_when_its_patience_ends() -> None:
    clock = FakeClock()
    turns = limiter(clock, concurrency=1)
    with turns.turn("a", Lane()):
        began_s = clock.monotonic_s()
        with pytest.raises(Throttled), turns.turn("b", Lane(patience_s=0.3)):
            pass
        assert 0.29 <= clock.monotonic_s() - began_s < 1
    with turns.turn("b", Lane(patience_s=0)):
        pass


def test_a_penalty_holds_back_one_endpoint_or_all() -> None:
    clock = FakeClock()
    turns = limiter(clock)
    turns.penalise("a", 20)
    with pytest.raises(Throttled) as caught, turns.turn("a", Lane(patience_s=3)):
        pass
    assert caught.value.retry_after_s == pytest.approx(20)
    with turns.turn("b", Lane(patience_s=0)):
        pass
    turns.penalise(EVERY_ENDPOINT, 10)
    with pytest.raises(Throttled), turns.turn("b", Lane(patience_s=3)):
        pass
    clock.advance(10)
    with turns.turn("b", Lane(patience_s=0)):
        pass
    began_s = clock.monotonic_s()
    with turns.turn("a", Lane(patience_s=60)):
        pass
    assert clock.monotonic_s() - began_s == pytest.approx(10, abs=0.1)


def test_a_penalty_is_never_longer_than_a_day() -> None:
    clock = FakeClock()
    turns = limiter(clock)
    turns.penalise("a", 1e12)
    turns.penalise("a", -5)
    clock.advance(PENALTY_MAX_S)
    with turns.turn("a", Lane(patience_s=0)):
        pass


def test_more_waiters_than_a_source_can_serve_are_turned_away_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bridge.providers.limiter.WAITERS_MAX", 3)
    turns = Limiter(SystemClock(), concurrency=1, rate=Rate(per_s=1000, burst=1000))
    done: list[int] = []

    def wait(number: int) -> None:
        with turns.turn("a", Lane(patience_s=20, who=str(number))):
            done.append(number)

    with turns.turn("a", Lane()):
        threads = [threading.Thread(target=wait, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        until(lambda: len(turns._waiters) == 3)
        with pytest.raises(Throttled, match="too many"), turns.turn("a", Lane(patience_s=20)):
            pass
    for thread in threads:
        thread.join(10)
    assert sorted(done) == [0, 1, 2]


def test_a_slot_is_given_back_when_the_call_fails() -> None:
    turns = limiter(FakeClock(), concurrency=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), turns.turn("a", Lane(patience_s=0)):
            raise ZeroDivisionError
    with turns.turn("a", Lane(patience_s=0)):
        pass


def test_the_machines_own_clock_wakes_a_waiter_when_a_slot_is_free() -> None:
    turns = Limiter(SystemClock(), concurrency=1, rate=Rate(per_s=1000, burst=1000))
    order: list[str] = []

    def wait() -> None:
        with turns.turn("b", Lane(patience_s=20)):
            order.append("second")

    with turns.turn("a", Lane()):
        thread = threading.Thread(target=wait)
        thread.start()
        until(lambda: len(turns._waiters) == 1)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]


def test_creations_of_a_day_end_and_begin_again_at_the_vendors_midnight() -> None:
    clock = FakeClock()
    turns = limiter(clock, creations_per_day=2)
    turns.take_creation("lisi")
    turns.take_creation("lisi")
    turns.take_creation("wangwu")
    with pytest.raises(Exhausted) as caught:
        turns.take_creation("lisi")
    assert caught.value.retry_after_s == pytest.approx(12 * 3600)
    assert (turns.creations_today("lisi"), turns.creations_today("wangwu")) == (2, 1)
    clock.advance(12 * 3600 - 1)
    with pytest.raises(Exhausted):
        turns.take_creation("lisi")
    clock.advance(1)
    turns.take_creation("lisi")
    assert turns.creations_today("lisi") == 1


def test_a_creation_that_did_not_happen_is_given_back() -> None:
    turns = limiter(FakeClock(), creations_per_day=1)
    turns.take_creation()
    turns.give_back_creation()
    turns.give_back_creation()
    turns.take_creation()
    with pytest.raises(Exhausted):
        turns.take_creation()


def test_the_vendors_own_word_ends_the_creations_of_the_day() -> None:
    clock = FakeClock()
    turns = limiter(clock)
    turns.take_creation("lisi")
    turns.spend_creations("lisi")
    with pytest.raises(Exhausted):
        turns.take_creation("lisi")
    turns.take_creation("wangwu")
    clock.advance(24 * 3600)
    turns.take_creation("lisi")


@pytest.mark.parametrize(("per_s", "burst"), [(0, 1), (-1, 1), (1, 0.5)])
def test_a_rate_that_lets_nothing_through_is_refused(per_s: float, burst: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        Rate(per_s=per_s, burst=burst)


def test_a_limiter_needs_at_least_one_slot() -> None:
    with pytest.raises(ValueError, match="concurrency"):
        limiter(FakeClock(), concurrency=0)


def test_a_limiter_that_ends_lets_nobody_wait_and_calls_in_flight_go_on():
    limiter = Limiter(SystemClock(), concurrency=1, rate=Rate(per_s=1000.0, burst=1000.0))
    lane = Lane(priority=Priority.WRITE, patience_s=60.0, who="alice")
    told = []

    def second():
        try:
            with limiter.turn("x", lane):
                told.append("went")
        except Throttled as error:
            told.append(error.retry_after_s)

    with limiter.turn("x", lane):
        waiter = threading.Thread(target=second)
        waiter.start()
        time.sleep(0.1)
        limiter.end()
        waiter.join(10)
        assert told == [1.0]
    with limiter.turn("x", lane):  # who need not wait goes
        pass

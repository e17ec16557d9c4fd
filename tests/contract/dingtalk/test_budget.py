"""The month's calls: polling is paced, edits use the rest, no call is forgotten."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import Exhausted, Throttled, Unreachable
from bridge.model.event import Event
from bridge.providers.dingtalk.budget import Budget
from bridge.providers.limiter import Priority
from bridge.providers.runtime import MemoryTallies, Runtime

if TYPE_CHECKING:
    from collections.abc import Callable

SHANGHAI = dt.timezone(dt.timedelta(hours=8))
DAY_S = 86_400


class Clock:
    def __init__(self, day: int = 1) -> None:
        self.now = dt.datetime(2026, 11, day, tzinfo=SHANGHAI).timestamp()

    def now_ms(self) -> int:
        return round(self.now * 1000)

    def monotonic_s(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def spent(budget: Budget, priority: Priority, most: int = 10_000) -> int:
    """Spend until it is refused; return how often it was not."""
    for count in range(most):
        try:
            budget.take(priority, "events.list")
        except Throttled:
            return count
    return most


def test_polling_gets_a_start_and_then_its_part_of_the_month() -> None:
    clock = Clock()
    budget = Budget(Runtime(clock=clock), "d", 1000)
    assert spent(budget, Priority.BACKGROUND) == 300
    clock.sleep(3 * DAY_S)
    assert 55 <= spent(budget, Priority.BACKGROUND) <= 65
    clock.sleep(26.9 * DAY_S)
    assert 575 <= spent(budget, Priority.BACKGROUND) <= 590
    assert budget.used() <= 950


def test_the_wait_is_as_long_as_it_takes() -> None:
    clock = Clock()
    budget = Budget(Runtime(clock=clock), "d", 1000)
    spent(budget, Priority.BACKGROUND)
    with pytest.raises(Throttled) as caught:
        budget.take(Priority.BACKGROUND, "events.list")
    assert 0 < caught.value.retry_after_s <= 30 * DAY_S / 600 + 1
    clock.sleep(caught.value.retry_after_s)
    budget.take(Priority.BACKGROUND, "events.list")


def test_what_somebody_looks_at_goes_further_and_edits_use_the_rest_and_then_name_the_day() -> None:
    budget = Budget(Runtime(clock=Clock(day=10)), "d", 100)
    assert spent(budget, Priority.BACKGROUND) == 49
    assert spent(budget, Priority.LOOK) == 48
    assert spent(budget, Priority.WRITE) == 3
    with pytest.raises(Exhausted, match="2026-12-01") as caught:
        budget.take(Priority.WRITE, "events.create")
    assert caught.value.retry_after_s == 21 * DAY_S


def test_a_new_month_begins_anew_in_china() -> None:
    clock = Clock(day=30)
    budget = Budget(Runtime(clock=clock), "d", 100)
    spent(budget, Priority.LOOK)
    clock.sleep(DAY_S - 1)
    with pytest.raises(Throttled):
        budget.take(Priority.LOOK, "events.get")
    clock.sleep(1)
    assert budget.used() == 0
    budget.take(Priority.LOOK, "events.get")


def test_the_count_is_shared_and_the_last_call_is_taken_once() -> None:
    clock, tallies = Clock(), MemoryTallies()
    nodes = [Budget(Runtime(clock=clock, tallies=tallies), "d", 1000) for _ in range(4)]
    made: list[int] = []
    threads = [
        threading.Thread(target=lambda node=node: made.append(spent(node, Priority.WRITE))) for node in nodes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(made) == 1000
    assert {node.used() for node in nodes} == {1000}
    assert Budget(Runtime(clock=clock, tallies=tallies), "other", 1000).used() == 0


def test_only_calls_that_dingtalk_counts_are_counted(open_box: Callable[..., Any]) -> None:
    box = open_box(monthly_calls=1000)
    box.provider.lookup(["bob@corp.example"])
    box.provider.check()
    assert box.provider.client.budget.used() == 0
    box.pull()
    assert box.provider.client.budget.used() == box.billed()
    before = box.provider.client.budget.used()
    box.server.control("fault", {"kind": "status", "status": 503, "match": "/calendars", "count": -1})
    with pytest.raises(Unreachable):
        box.provider.calendars(box.alice, [])
    assert box.provider.client.budget.used() == before


def test_every_attempt_whose_answer_is_lost_counts(open_box: Callable[..., Any]) -> None:
    box = open_box(monthly_calls=1000)
    box.server.control("fault", {"kind": "lost", "when": "after", "match": "/calendars", "count": -1})
    with pytest.raises(Unreachable):
        box.provider.calendars(box.alice, [])
    billed = sum(box.sim.quota.months.values())
    assert box.provider.client.budget.used() == billed > 1


def test_a_call_that_never_left_or_was_turned_away_does_not_count(open_box: Callable[..., Any]) -> None:
    box = open_box(monthly_calls=1000, base_url="http://127.0.0.1:9")
    with pytest.raises(Unreachable):
        box.provider.calendars(box.alice, [])
    assert box.provider.client.budget.used() == 0
    box = open_box(monthly_calls=1000)
    box.server.control("fault", {"kind": "throttle", "match": "/calendars", "count": -1})
    with pytest.raises(Throttled):
        box.provider.calendars(box.alice, [])
    assert box.provider.client.budget.used() == 0


def test_when_polling_has_to_wait_edits_go_on_to_the_last_call(open_box: Callable[..., Any]) -> None:
    box = open_box(monthly_calls=20)
    with pytest.raises(Throttled):
        for _ in range(20):
            box.pull()
    start = dt.datetime(2026, 11, 5, 10, tzinfo=SHANGHAI)
    event = Event(uid="u", start=start, end=start + dt.timedelta(hours=1), summary="Now")
    with pytest.raises(Exhausted):
        for _ in range(20):
            box.create(event)
    assert sum(box.sim.quota.months.values()) == 20
    assert len(box.truth()) >= 12


def test_a_pull_that_was_begun_is_finished(open_box: Callable[..., Any]) -> None:
    """With one call at a time for polling, a look that needs several would else never come to its end."""
    box = open_box(monthly_calls=30)
    assert spent(box.provider.client.budget, Priority.BACKGROUND) == 9
    box.runtime.tallies.give_back("dingtalk:calls:2026-11")
    before = box.provider.client.budget.used()
    box.pull(deep=True)
    assert box.provider.client.budget.used() - before > 1
    with pytest.raises(Throttled):
        box.pull(deep=True)

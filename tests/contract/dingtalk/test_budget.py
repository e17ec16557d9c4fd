"""The month's calls: polling is paced, edits never wait, the count outlives the process."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import Throttled, Unreachable
from bridge.model.event import Event
from bridge.providers.dingtalk.budget import Budget
from bridge.providers.limiter import Priority
from bridge.providers.runtime import MemoryVault, Runtime

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
            budget.spend(priority, "events.list")
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
    assert 530 <= spent(budget, Priority.BACKGROUND) <= 545
    assert budget.used() <= 900


def test_the_wait_is_as_long_as_it_takes() -> None:
    clock = Clock()
    budget = Budget(Runtime(clock=clock), "d", 1000)
    spent(budget, Priority.BACKGROUND)
    with pytest.raises(Throttled) as caught:
        budget.spend(Priority.BACKGROUND, "events.list")
    assert 0 < caught.value.retry_after_s <= 30 * DAY_S / 600 + 1
    clock.sleep(caught.value.retry_after_s)
    budget.spend(Priority.BACKGROUND, "events.list")


def test_what_somebody_looks_at_goes_further_and_edits_are_never_held_back() -> None:
    budget = Budget(Runtime(clock=Clock()), "d", 100)
    assert spent(budget, Priority.BACKGROUND) == 30
    assert spent(budget, Priority.LOOK) == 65
    assert spent(budget, Priority.WRITE, most=500) == 500


def test_a_new_month_begins_anew_in_china() -> None:
    clock = Clock(day=30)
    budget = Budget(Runtime(clock=clock), "d", 100)
    spent(budget, Priority.LOOK)
    clock.sleep(DAY_S - 1)
    with pytest.raises(Throttled):
        budget.spend(Priority.LOOK, "events.get")
    clock.sleep(1)
    assert budget.used() == 0
    budget.spend(Priority.LOOK, "events.get")


def test_the_count_outlives_the_process_and_is_shared() -> None:
    clock, vault = Clock(), MemoryVault()
    first = Budget(Runtime(clock=clock, vault=vault), "d", 1000)
    second = Budget(Runtime(clock=clock, vault=vault), "d", 1000)
    for _ in range(50):
        first.spend(Priority.WRITE, "events.create")
        second.spend(Priority.WRITE, "events.create")
    first.close()
    second.close()
    assert Budget(Runtime(clock=clock, vault=vault), "d", 1000).used() == 100
    assert Budget(Runtime(clock=clock, vault=vault), "other", 1000).used() == 0


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


def test_when_polling_has_to_wait_edits_go_on(open_box: Callable[..., Any]) -> None:
    box = open_box(monthly_calls=10)
    with pytest.raises(Throttled):
        for _ in range(20):
            box.pull()
    start = dt.datetime(2026, 11, 5, 10, tzinfo=SHANGHAI)
    event = Event(uid="u", start=start, end=start + dt.timedelta(hours=1), summary="Now")
    for _ in range(12):
        box.create(event)
    assert len(box.truth()) == 12

"""Edits in a storm: every call may fail in any way, and the company still ends with what was asked for, once."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import OutcomeUnknown, Overtaken, Throttled, Unreachable
from bridge.model.recurrence import Freq, Rule
from bridge.model.upstream import Applied, Create, Delete, Drop, Operation, Split, Update, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable

ATTEMPTS_MAX = 40
KINDS = ["lost", "reset", "html", "truncated", "garbage", "empty", "status"]
PATHS = ["schedule/add", "schedule/update", "schedule/del", "schedule/get", "attendees", "get_by_calendar"]


class Driver:
    """Carries operations as the engine does: unknown outcomes are settled, never hoped for."""

    def __init__(self, bench: Any, seed: int) -> None:
        self.bench = bench
        self.rng = random.Random(seed)
        self.ids: set[str] = set()

    def storm(self) -> None:
        """Put some faults into the way of the next calls."""
        for _ in range(self.rng.randrange(3)):
            self.bench.fault(
                self.rng.choice(KINDS),
                match=self.rng.choice(PATHS),
                when=self.rng.choice(["before", "after"]),
                skip=self.rng.randrange(2),
            )
        if self.rng.random() < 0.3:
            self.bench.fault("error", match=self.rng.choice(PATHS), code=self.rng.choice([-1, 45033, 6000]))

    def carry(self, operation: Operation) -> Applied:
        """Carry one operation to its end."""
        provider, target = self.bench.provider, self.bench.target
        in_doubt = False
        for _ in range(ATTEMPTS_MAX):
            try:
                if in_doubt:
                    known = self.bench.say_known(*self.ids)
                    outcome = provider.settle(target, operation, "t", known)
                    in_doubt = False
                    if not isinstance(outcome, Applied):
                        continue
                else:
                    outcome = provider.apply(target, operation, "t")
            except (OutcomeUnknown, Overtaken):
                in_doubt = True
                continue
            except (Unreachable, Throttled):
                self.bench.clock.sleep(100)
                continue
            for item in (outcome.item, outcome.series):
                if item is not None:
                    self.ids.add(item.id)
            return outcome
        msg = f"{operation} came to no end"
        raise AssertionError(msg)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "switches",
    [
        {},
        {
            "unknown_id_in_list": "omit",
            "get_order": "creation",
            "list_order": "newest_first",
            "second_del": "0",
        },
    ],
    ids=["", "other answers"],
)
def test_every_edit_happens_exactly_once(
    make_bench: Callable[..., Any], say: Any, switches: dict[str, Any], seed: int
) -> None:
    bench = make_bench(switches)
    driver = Driver(bench, seed)
    rng = driver.rng
    assert bench.target
    items: list[tuple[Upstream, Any]] = []
    expected: dict[str, list[tuple[str, int]]] = {}
    for step in range(6):
        driver.storm()
        if rng.random() < 0.5:
            event = say.event(say.at(8 + step, 9), summary=f"Single {step}")
            starts = [int(event.start.timestamp())]
        else:
            event = say.series(Rule(freq=Freq.DAILY, count=5), say.at(8 + step, 15), summary=f"Series {step}")
            starts = [int(event.start.timestamp()) + day * 86400 for day in range(5)]
        made = driver.carry(Create(payload=bench.payload(event))).item
        assert made is not None
        items.append((made, event))
        expected[made.id] = [(event.summary, start) for start in starts]
    for item, event in items:
        driver.storm()
        choice = rng.choice(["rename", "guests", "delete", "drop", "split", "split back"])
        if choice in ("rename", "guests") or (choice != "delete" and not event.recurrence.rules):
            after = replace(
                event, summary="New", attendees=say.guests("lisi", rng.choice(["wangwu", "zhaoliu"]))
            )
            if choice == "guests":
                after = replace(after, summary=event.summary)
            driver.carry(
                Update(
                    id=item.id,
                    before=bench.payload(event),
                    after=bench.payload(after),
                    snapshot=item.snapshot,
                )
            )
            expected[item.id] = [(after.summary, start) for _, start in expected[item.id]]
        elif choice == "delete":
            driver.carry(Delete(id=item.id))
            del expected[item.id]
        else:
            at = event.start.replace(day=event.start.day + 2)
            second = int(at.timestamp())
            expected[item.id] = [pair for pair in expected[item.id] if pair[1] != second]
            if choice == "drop":
                driver.carry(Drop(series_id=item.id, at=at))
                continue
            moved = at.replace(hour=17) if choice == "split" else at.replace(day=at.day - 1, hour=7)
            before = replace(
                event, start=at, end=at.replace(hour=16), recurrence=replace(event.recurrence, rules=())
            )
            after = replace(before, start=moved, end=moved.replace(hour=moved.hour + 1), summary="Moved")
            split = Split(series_id=item.id, at=at, before=bench.payload(before), after=bench.payload(after))
            single = driver.carry(split).item
            assert single is not None
            expected[single.id] = [("Moved", int(moved.timestamp()))]
    bench.control("clear_faults")
    held = {item.id: item.snapshot["summary"] for item in bench.sweep().items if not item.cancelled}
    found = sorted((name, start) for key, name in held.items() for start in bench.starts(key))
    assert found == sorted(pair for pairs in expected.values() for pair in pairs)
    assert set(held) == set(expected)

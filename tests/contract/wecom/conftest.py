"""A provider talking over HTTP to a WeCom company in a box."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from bridge.config import WeComSource
from bridge.model.event import Alarm, Event
from bridge.model.people import Attendee, Roster
from bridge.model.recurrence import Recurrence, Rule
from bridge.model.upstream import Target
from bridge.providers.base import ChangePage, Known, Window
from bridge.providers.registry import build
from bridge.providers.runtime import MemoryVault, Runtime
from bridge.simulator.clock import SimClock
from bridge.simulator.http import RunningServer, serve
from bridge.simulator.wecom import AGENT_ID, CORP_ID, SECRET
from bridge.simulator.wecom import build as build_company

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW_S = 1767542400
"""2026-01-05 00:00 +08:00, a Monday."""

SHANGHAI = ZoneInfo("Asia/Shanghai")

AGENTS = [
    {"agent_id": AGENT_ID, "secret": SECRET},
    {"agent_id": 1000003, "secret": "other"},
    {"agent_id": 1000007, "secret": "narrow", "visible": ["lisi", "wangwu"]},
]

WINDOW = Window(
    start=dt.datetime(2025, 10, 1, tzinfo=dt.UTC),
    end=dt.datetime(2027, 2, 1, tzinfo=dt.UTC),
)

ROSTER = Roster(
    me="lisi",
    ids={f"mailto:{name}@example.com": name for name in ("lisi", "wangwu", "zhangsan", "zhaoliu")},
)


class HastyClock:
    """A clock of its own on which waiting takes no time."""

    def __init__(self) -> None:
        self.now_s = float(NOW_S)
        self.slept_s = 0.0

    def now_ms(self) -> int:
        return int(self.now_s * 1000)

    def monotonic_s(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.slept_s += seconds


class Words:
    """Short ways to make model values."""

    zone = SHANGHAI
    roster = ROSTER

    @staticmethod
    def at(
        day: int, hour: int = 10, minute: int = 0, *, month: int = 1, zone: dt.tzinfo = SHANGHAI
    ) -> dt.datetime:
        """Return a time in 2026."""
        return dt.datetime(2026, month, day, hour, minute, tzinfo=zone)

    @staticmethod
    def event(start: Any = None, end: Any = None, **more: Any) -> Event:
        """Return an event; by default on Thursday 8 January 2026, 10:00 to 11:00 in Shanghai."""
        start = Words.at(8) if start is None else start
        if end is None:
            timed = isinstance(start, dt.datetime)
            end = start + (dt.timedelta(hours=1) if timed else dt.timedelta(days=1))
        return Event(uid="u1", start=start, end=end, **{"summary": "Team sync", **more})

    @staticmethod
    def series(rule: Rule, start: Any = None, end: Any = None, **more: Any) -> Event:
        """Return a series."""
        return Words.event(start, end, recurrence=Recurrence(rules=(rule,)), **more)

    @staticmethod
    def guests(*names: str) -> tuple[Attendee, ...]:
        """Return attendees at example.com."""
        return tuple(Attendee(address=f"mailto:{name}@example.com") for name in names)

    @staticmethod
    def alarms(*before_s: int) -> tuple[Alarm, ...]:
        """Return alarms, ascending."""
        return tuple(Alarm(before_start_s=seconds) for seconds in sorted(before_s))


@pytest.fixture
def say() -> type[Words]:
    """Return short ways to make model values."""
    return Words


@dataclass
class Bench:
    """A company, its provider for Li Si, and short words for both."""

    server: RunningServer
    clock: HastyClock = field(default_factory=HastyClock)
    source: dict[str, Any] = field(default_factory=dict)
    vault: MemoryVault = field(default_factory=MemoryVault)
    counted: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        runtime = Runtime(clock=self.clock, vault=self.vault, count_call=self._count)
        settings = {"secret": SECRET, "timeout_s": 2.0, **self.source}
        source = WeComSource(id="wecom", corp_id=CORP_ID, base_url=self.server.url, **settings)
        self.provider = build(source, runtime)
        self.roster = ROSTER
        self._target: Target | None = None
        self._others: list[Bench] = []

    def _count(self, _source: str, endpoint: str, outcome: str, _code: str) -> None:
        self.counted.append((endpoint, outcome))

    @property
    def target(self) -> Target:
        """Return Li Si in a calendar of his own."""
        if self._target is None:
            calendar = self.provider.make_calendar("lisi", "Li Si", "#3366CC", ["wangwu"])
            self._target = Target(user_id="lisi", calendar_id=calendar.id)
        return self._target

    # ---- the company ----

    def control(self, verb: str, arguments: Any = None) -> Any:
        return self.server.control(verb, {} if arguments is None else arguments)

    def act(self, do: str, **arguments: Any) -> Any:
        return self.control("act", {"do": do, **arguments})

    def fault(self, kind: str, **more: Any) -> None:
        self.control("fault", {"kind": kind, **more})

    def switch(self, **values: Any) -> None:
        self.control("switch", values)

    def calls(self, path: str = "") -> list[dict[str, Any]]:
        """Return the calls so far to a path and forget all."""
        calls = self.server.simulator.calls.as_json()["calls"]
        self.server.simulator.calls.clear()
        return [call for call in calls if path in call["endpoint"]]

    def starts(self, schedule_id: str) -> list[int]:
        rows = self.act("occurrences", schedule_id=schedule_id, **{"from": 0, "to": 2**32})
        return [row[0] for row in rows]

    # ---- the provider ----

    def payload(self, event: Event) -> dict[str, Any]:
        return self.provider.mapper.encode(event, self.roster).value

    def sweep(self, known: Known | None = None, window: Window = WINDOW) -> ChangePage:
        """Pull a whole calendar and return it as one page."""
        items, absent, page = [], [], ""
        for _ in range(100):
            step = self.provider.changes(
                self.target,
                cursor="",
                page=page,
                window=window,
                known=known or Known(ids=frozenset()),
                deep=False,
            )
            items += step.items
            absent += step.absent
            page = step.next
            if not page:
                return ChangePage(items=tuple(items), absent=tuple(absent), cursor=step.cursor)
        msg = "the sweep has no end"
        raise AssertionError(msg)

    def say_known(self, *ids: str) -> Known:
        """Return what a mirror knows."""
        return Known(ids=frozenset(ids))

    def second(self, **source: Any) -> Bench:
        """Return another app's provider in the same company; closed with this one."""
        other = Bench(self.server, source=source)
        self._others.append(other)
        return other

    def close(self) -> None:
        for bench in (self, *self._others):
            bench.provider.close()
        self.server.close()


@pytest.fixture
def make_bench() -> Iterator[Callable[..., Bench]]:
    """Return a function that opens a company: ``make_bench(switches={…}, secret=…)``."""
    benches: list[Bench] = []

    def make(switches: dict[str, Any] | None = None, **source: Any) -> Bench:
        company = build_company(
            agents=AGENTS, clock=SimClock(now_s=NOW_S, frozen=True), switches=switches or {}
        )
        bench = Bench(serve(company), source=source)
        benches.append(bench)
        return bench

    yield make
    for bench in benches:
        bench.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """Return a company with the default answers to everything the documents leave open."""
    return make_bench()

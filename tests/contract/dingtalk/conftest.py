"""DingTalk in a box on a port, our provider before it, and a plain mirror fed only by what the provider says."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import DingTalkSource
from bridge.model.people import Roster
from bridge.providers.base import (
    Applied,
    Create,
    Delete,
    Drop,
    Known,
    Operation,
    Split,
    Target,
    Update,
    Upstream,
    Window,
)
from bridge.providers.dingtalk.provider import DingTalkProvider
from bridge.providers.dingtalk.series import at_day, occurrences
from bridge.providers.runtime import MemoryVault, Runtime
from bridge.simulator.clock import SimClock
from bridge.simulator.dingtalk import build
from bridge.simulator.http import RunningServer, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.model.event import Event

NOW = 1793548800.0
"""2026-11-01 16:00 UTC."""

ALICE = "Qx7Lk2mVaZ9tRb4iE"
BOB = "Np3Wd8sYcH6uJf1iE"
CAROL = "Tz5Gk9xBqM2nVw7iE"

SHANGHAI = dt.timezone(dt.timedelta(hours=8))


class FastClock:
    """The vendor's wall clock; waiting costs no time."""

    def __init__(self, clock: SimClock) -> None:
        self._clock = clock
        self._slept_s = 0.0

    def now_ms(self) -> int:
        return int(self._clock.now() * 1000)

    def monotonic_s(self) -> float:
        return self._clock.now() + self._slept_s

    def sleep(self, seconds: float) -> None:
        self._slept_s += seconds


class Mirror:
    """What somebody knows who keeps exactly what pulls say."""

    def __init__(self) -> None:
        self.items: dict[str, Upstream] = {}
        self.removed: dict[tuple[str, int], str] = {}
        self.cursor = ""

    def known(self) -> Known:
        return Known(
            ids=frozenset(self.items) | frozenset(self.removed.values()),
            snapshots={item_id: item.snapshot for item_id, item in self.items.items()},
        )

    def take(self, item: Upstream) -> None:
        if item.series_id is None:
            if item.cancelled:
                self.forget(item.id)
            else:
                self.items[item.id] = item
            return
        assert item.origin is not None
        place = (item.series_id, _ms(item.origin))
        for other in [i for i in self.items.values() if i.series_id and self._place(i) == place]:
            del self.items[other.id]
        if item.cancelled:
            self.removed[place] = item.id
        else:
            self.removed.pop(place, None)
            self.items[item.id] = item

    def forget(self, item_id: str) -> None:
        item = self.items.pop(item_id, None)
        if item is not None and item.series_id is not None:
            self.removed[self._place(item)] = item_id
        for other in [i for i in self.items.values() if i.series_id == item_id]:
            del self.items[other.id]
        self.removed = {place: gone for place, gone in self.removed.items() if place[0] != item_id}

    @staticmethod
    def _place(item: Upstream) -> tuple[str, int]:
        assert item.series_id is not None
        assert item.origin is not None
        return (item.series_id, _ms(item.origin))

    def events(self, provider: DingTalkProvider, me: str) -> list[Event]:
        """Every occurrence there is, one by one."""
        roster = Roster(me=me)
        found: list[Event] = []
        changed = {self._place(i) for i in self.items.values() if i.series_id is not None}
        for item in self.items.values():
            event = provider.mapper.decode(item, "uid", roster)
            if item.series_id is not None or not event.recurrence.rules:
                found.append(event)
                continue
            for start in occurrences(event.recurrence.rules[0], event.start):
                if start.year > 2028:
                    break
                place = (item.id, _ms(start))
                if place not in changed and place not in self.removed:
                    found.append(_moved(event, start))
        return found


def _moved(event: Event, start: dt.date | dt.datetime) -> Event:
    if isinstance(start, dt.datetime):
        assert isinstance(event.start, dt.datetime)
        assert isinstance(event.end, dt.datetime)
        length = event.end.astimezone(dt.UTC) - event.start.astimezone(dt.UTC)
        end = (start.astimezone(dt.UTC) + length).astimezone(start.tzinfo)
        return replace(event, start=start, end=end, recurrence=type(event.recurrence)())
    return replace(
        event,
        start=start,
        end=at_day(start, start + (event.end - event.start)),
        recurrence=type(event.recurrence)(),
    )


def _ms(moment: dt.date | dt.datetime) -> int:
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time(), tzinfo=dt.UTC)
    return round(moment.timestamp() * 1000)


class Box:
    """The vendor, the provider of one app, one person's mirror."""

    alice, bob, carol = ALICE, BOB, CAROL
    now = dt.datetime.fromtimestamp(NOW, dt.UTC)

    def __init__(self, server: RunningServer, clock: SimClock, **source: Any) -> None:
        self.server = server
        self.clock = clock
        self.sim: Any = server.simulator
        self.calls: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.runtime = Runtime(clock=FastClock(clock), vault=MemoryVault(), count_call=self._count)
        options: dict[str, Any] = {
            "id": "dingtalk",
            "client_id": "dingk3v9exampleappkey",
            "client_secret": "S3cr3t-Value-For-Tests-Only",
            "corp_id": "ding7c1e0a94b2f35d68",
            "base_url": server.url,
            "oapi_base_url": server.url,
            "calls_per_second": 10_000,
            "monthly_calls": 1_000_000,
            "timeout_s": 5.0,
        }
        self.provider = DingTalkProvider(DingTalkSource(**{**options, **source}), self.runtime)
        self.mirror = Mirror()
        self.me = ALICE
        self.window = Window(start=self.now - dt.timedelta(days=30), end=self.now + dt.timedelta(days=120))

    def _count(self, _source: str, endpoint: str, outcome: str, _code: str) -> None:
        self.calls[endpoint] += 1
        self.outcomes[outcome] += 1

    @property
    def target(self) -> Target:
        return Target(user_id=self.me, calendar_id="primary")

    def billed(self) -> int:
        """How many calls of the calendar were made since the last time this was asked."""
        made = sum(count for name, count in self.calls.items() if name.split(".")[0] in BILLED)
        self.calls.clear()
        return made

    def act(self, do: str, **arguments: Any) -> Any:
        return self.server.control("act", {"do": do, "as": "alice01", **arguments})

    def pull(self, *, deep: bool = False) -> None:
        page = self.provider.changes(
            self.target,
            cursor=self.mirror.cursor,
            page="",
            window=self.window,
            known=self.mirror.known(),
            deep=deep,
        )
        ids = [item.id for item in page.items]
        assert len(ids) == len(set(ids))
        assert not page.next
        for item in sorted(page.items, key=lambda item: item.series_id is not None):
            self.mirror.take(item)
        for item_id in page.absent:
            self.mirror.forget(item_id)
        self.mirror.cursor = page.cursor

    def apply(self, operation: Operation, token: str = "") -> Applied:
        applied = self.provider.apply(self.target, operation, token or str(uuid.uuid4()))
        self.record(operation, applied)
        return applied

    def record(self, operation: Operation, applied: Applied) -> None:
        if applied.item is not None:
            self.mirror.take(applied.item)
        if isinstance(operation, Delete):
            self.mirror.forget(operation.id)

    def create(self, event: Event, roster: Roster | None = None) -> Upstream:
        payload = self.payload(event, roster)
        item = self.apply(Create(payload=payload)).item
        assert item is not None
        return item

    def payload(self, event: Event, roster: Roster | None = None) -> dict[str, Any]:
        return self.provider.mapper.encode(event, roster or Roster(me=self.me)).value

    def update_of(self, item_id: str, before: Event, after: Event, roster: Roster) -> Update:
        return Update(
            id=item_id,
            before=self.payload(before, roster),
            after=self.payload(after, roster),
            snapshot=self.mirror.items[item_id].snapshot,
        )

    def starts_of(self, event: Event, special: set[int], dice: random.Random) -> dt.date | dt.datetime:
        """Return a start inside the window that is none of the special ones (ms)."""
        starts = []
        for start in occurrences(event.recurrence.rules[0], event.start):
            if _instant(start) > self.window.end - dt.timedelta(days=1):
                break
            if _ms(start) not in special:
                starts.append(start)
        return dice.choice(starts)

    def change(self, item_id: str, before: Event, after: Event) -> Upstream:
        operation = Update(
            id=item_id,
            before=self.payload(before),
            after=self.payload(after),
            snapshot=self.mirror.items[item_id].snapshot,
        )
        item = self.apply(operation).item
        assert item is not None
        return item

    def split(self, series_id: str, occurrence: Event, after: Event) -> Upstream:
        operation = Split(
            series_id=series_id,
            at=occurrence.start,
            before=self.payload(occurrence),
            after=self.payload(after),
        )
        item = self.apply(operation).item
        assert item is not None
        return item

    def drop(self, series_id: str, at: dt.date | dt.datetime) -> None:
        self.apply(Drop(series_id=series_id, at=at))

    def truth(self) -> list[tuple[str, ...]]:
        """What the person sees in the vendor's own app."""
        found = self.server.control(
            "occurrences",
            {"as": self.me, "from": self.window.start.isoformat(), "to": self.window.end.isoformat()},
        )
        return sorted(
            (row["summary"], _utc(row["start"]), _utc(row["end"]), row["location"])
            for row in found["occurrences"]
        )

    def mirrored(self) -> list[tuple[str, ...]]:
        """The same, from the mirror."""
        shown = []
        for event in self.mirror.events(self.provider, self.me):
            start, end = _instant(event.start), _instant(event.end)
            if start < self.window.end and (end > self.window.start or start >= self.window.start):
                shown.append((event.summary, _text(event.start), _text(event.end), event.location))
        return sorted(shown)

    def alarms(self) -> set[tuple[str, tuple[int, ...]]]:
        return {
            (event.summary, tuple(alarm.before_start_s // 60 for alarm in event.alarms))
            for event in self.mirror.events(self.provider, self.me)
        }


BILLED = {"events", "attendees", "schedule", "calendars", "series"}


def _instant(moment: dt.date | dt.datetime) -> dt.datetime:
    if isinstance(moment, dt.datetime):
        return moment.astimezone(dt.UTC)
    return dt.datetime.combine(moment, dt.time(), tzinfo=dt.UTC)


def _text(moment: dt.date | dt.datetime) -> str:
    if isinstance(moment, dt.datetime):
        return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M")
    return moment.isoformat()


def _utc(text: str) -> str:
    return text[:16]


@pytest.fixture
def open_box() -> Iterator[Callable[..., Box]]:
    """Return what opens a box: keyword ``switches`` for the vendor, the rest for our source."""
    opened: list[Box] = []

    def opener(*, switches: dict[str, Any] | None = None, people: Any = None, **source: Any) -> Box:
        clock = SimClock(now_s=NOW)
        quiet = {"qps_limit": 0, **(switches or {})}
        box = Box(serve(build(clock=clock, switches=quiet, people=people)), clock, **source)
        opened.append(box)
        return box

    yield opener
    for box in opened:
        box.provider.close()
        box.server.close()


@pytest.fixture
def box(open_box: Callable[..., Box]) -> Box:
    return open_box()

"""A virtual month of an organisation at DingTalk: people in its app, their clients, the bridge, and Stream if there is one.

The vendor in a box counts the billed calls and pushes; what the bridge believes to have used plays no part.
"""

from __future__ import annotations

import datetime as dt
import heapq
import itertools
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from benchmarks.virtual import BASE_URL, Node, VendorClock, VirtualClock, Wire
from bridge.config import Config, Database, DingTalkSource, Sync
from bridge.daemon.stream import build_streams
from bridge.engine.api import Login
from bridge.engine.push import STREAM_ALIVE_MS
from bridge.errors import BridgeError
from bridge.simulator import dingtalk
from bridge.simulator.dingtalk.stream import Connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.engine.api import CollectionView

CHINA: Final = dt.timezone(dt.timedelta(hours=8))
START: Final = dt.datetime(2026, 6, 1, tzinfo=CHINA)
"""A Monday; this month has 22 working days."""
SOURCE: Final = "dingtalk"
WORK_FROM_H, WORK_UNTIL_H = 9, 18
LINKED_H: Final = 8
"""Hour of the first day at which everybody is linked."""
SETTLE_S: Final = 0.25
"""Between two looks while a push is being dealt with (seconds)."""
TICK_S: Final = 120.0
"""Between two ticks of the daemon while nothing is going on (seconds); the daemon itself ticks every second."""
POLL_S: Final = 3600.0
"""Between two polls of one client (seconds)."""
CLIENTS: Final = 2
STREAM_EVERY_S: Final = 60.0
WEEKEND: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is played."""

    people: int = 20
    days: int = 30
    app_edits: int = 4
    """In the vendor's app, a person and working day."""
    client_edits: int = 1
    stream: bool = True
    seed: int = 1
    singles: int = 40
    """Events of each person when the month begins."""
    series: int = 2
    monthly_calls: int = 5000
    """What the organisation's plan bills; the vendor refuses more."""
    switches: tuple[tuple[str, Any], ...] = ()
    """What is otherwise at this vendor."""


@dataclass(slots=True, kw_only=True)
class Edit:
    """One edit in the vendor's app that the mirror does not show yet."""

    at_s: float
    person: int
    item: str
    token: str
    """What the title says from then on; empty: it was deleted."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What the month came to."""

    billed: int = 0
    pushes: int = 0
    app_edits: int = 0
    client_edits: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    by_day: list[int] = field(default_factory=list)
    delays_s: list[float] = field(default_factory=list)
    """From an edit in the app to the mirror."""
    ages_s: list[float] = field(default_factory=list)
    """Of every calendar's data, looked at every hour of work."""
    worst_age_s: dict[int, float] = field(default_factory=dict)
    """Person -> oldest age met."""
    unseen: int = 0
    """Edits that the mirror does not show when the month ends, and the age of the oldest."""
    oldest_unseen_s: float = 0.0
    waiting: int = 0
    """Edits of clients that the vendor does not have when the month ends."""
    refused: int = 0
    states: Counter[str] = field(default_factory=Counter)


class Line:
    """The socket of a Stream connection without a network: frames in, acknowledgements out."""

    def __init__(self, month: Month) -> None:
        self._month = month
        self.connection: Connection | None = None

    def send(self, text: str) -> None:
        """The bridge's answer, or the vendor's frame, whichever side calls."""
        self._month.frame(text)

    def close(self) -> None:
        """Nothing to close."""


class Answers:
    """The other end: what the bridge writes."""

    def __init__(self, month: Month) -> None:
        self._month = month

    def send(self, text: str) -> None:
        """Hand an acknowledgement to the vendor."""
        self._month.acknowledge(text)


class Month:
    """One run. Everything happens on one thread, in virtual time."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.rng = random.Random(plan.seed)
        self.clock = VirtualClock(START.timestamp())
        people = [
            {
                "userid": f"u{number}",
                "union_id": f"Union{number:03d}iE",
                "name": f"Person {number}",
                "org_email": f"p{number}@corp.example",
                "departments": [42],
            }
            for number in range(plan.people)
        ]
        switches = {"monthly_calls": plan.monthly_calls, **dict(plan.switches)}
        self.box = dingtalk.build(clock=VendorClock(self.clock), people=people, switches=switches)
        facts = self.box.facts()
        source = DingTalkSource(
            id=SOURCE,
            base_url=BASE_URL,
            oapi_base_url=BASE_URL,
            client_id=facts["client_id"],
            client_secret=facts["client_secret"],
            corp_id=facts["corp_id"],
            push="stream" if plan.stream else "off",
            monthly_calls=plan.monthly_calls,
        )
        config = Config(
            database=Database(url=f"sqlite:///{folder / 'month.db'}"), sync=Sync(), source=(source,)
        )
        self.out = Outcome()
        self.pending: list[Edit] = []
        self.items: dict[int, list[str]] = {}
        """Person -> ids of what lives in their calendar and was made in the app."""
        self._tokens = itertools.count(1)
        self._order = itertools.count()
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self.box.push_mode = "off"
        for person in range(plan.people):
            self._furnish(person)
        self.box.push_mode = "stream" if plan.stream else "off"
        self.node = Node(config, self.clock, Wire(self.box))
        self.service = self.node.parts.service
        self.homes: dict[int, CollectionView] = {}
        self.held: dict[tuple[int, int], str] = {}
        """(person, client) -> sync token."""
        self._stream = build_streams(self.node.parts, self.node.pushes)
        self._socket = Line(self)
        if plan.stream:
            connection = Connection(
                id="c1",
                socket=self._socket,  # type: ignore[arg-type]
                topics=frozenset({("EVENT", "*")}),
                pinged_ms=0,
            )
            self._socket.connection = connection
            self.box.stream.connections.append(connection)

    # ---- before the month ------------------------------------------------------------------------------------

    def _furnish(self, person: int) -> None:
        """Give a person a calendar with a past and a future."""
        self.items[person] = []
        for number in range(self.plan.singles):
            begin = START + dt.timedelta(
                days=self.rng.randrange(-80, 60), hours=self.rng.randrange(WORK_FROM_H, WORK_UNTIL_H)
            )
            self.items[person].append(self._create(person, f"Event {number}", begin))
        for number in range(self.plan.series):
            begin = START + dt.timedelta(days=number - 40, hours=10 + number)
            recurrence = {
                "pattern": {"type": "weekly", "daysOfWeek": f"{begin:%A}".lower(), "interval": 1},
                "range": {"type": "noEnd"},
            }
            self._create(person, f"Weekly {number}", begin, recurrence=recurrence)

    def _act(self, do: str, person: int, **arguments: Any) -> Any:
        with self.box.lock:
            return self.box.control("act", {"do": do, "as": f"u{person}", **arguments})

    def _create(self, person: int, title: str, begin: dt.datetime, **more: Any) -> str:
        zone = "Asia/Shanghai"
        event = {
            "summary": title,
            "start": {"dateTime": begin.isoformat(), "timeZone": zone},
            "end": {"dateTime": (begin + dt.timedelta(hours=1)).isoformat(), "timeZone": zone},
            **more,
        }
        made = self._act("create", person, event=event)
        return str(made["eventId"])

    # ---- the month -------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Play it."""
        end = START + dt.timedelta(days=self.plan.days)
        self.at(START + dt.timedelta(hours=LINKED_H), self._link)
        for day in range(self.plan.days):
            date = START + dt.timedelta(days=day)
            self.at(date + dt.timedelta(hours=24) - dt.timedelta(seconds=1), self._note_day)
            if date.weekday() < WEEKEND:
                self._plan_day(date)
        for person, client in itertools.product(range(self.plan.people), range(CLIENTS)):
            first_s = self.rng.random() * POLL_S
            self.at(START + dt.timedelta(hours=LINKED_H + 0.5, seconds=first_s), self._poller(person, client))
        until_s = end.timestamp()
        while self._queue and self._queue[0][0] < until_s:
            at_s, _, work = heapq.heappop(self._queue)
            self._wait_until(at_s)
            work()
        self._wait_until(until_s - 1)
        self._close()
        return self.out

    def at(self, when: dt.datetime, work: Callable[[], None]) -> None:
        """Let something happen later."""
        heapq.heappush(self._queue, (when.timestamp(), next(self._order), work))

    def _link(self) -> None:
        admin = self.node.parts.admin
        for person in range(self.plan.people):
            admin.user_add(f"p{person}", email=f"p{person}@corp.example", links=[(SOURCE, f"u{person}")])
            admin.connect_links(f"p{person}", patience_s=60)
            (home,) = self.service.collections(f"p{person}")
            self.homes[person] = home
            self.service.touch(f"p{person}")

    def _plan_day(self, date: dt.datetime) -> None:
        span_s = (WORK_UNTIL_H - WORK_FROM_H) * 3600
        first = date + dt.timedelta(hours=WORK_FROM_H)
        for person in range(self.plan.people):
            for _ in range(self.plan.app_edits):
                moment = first + dt.timedelta(seconds=self.rng.random() * span_s)
                self.at(moment, lambda person=person: self._app_edit(person))  # type: ignore[misc]
            for _ in range(self.plan.client_edits):
                moment = first + dt.timedelta(seconds=self.rng.random() * span_s)
                self.at(moment, lambda person=person: self._client_edit(person))  # type: ignore[misc]
        for hour in range(WORK_FROM_H, WORK_UNTIL_H + 1):
            self.at(date + dt.timedelta(hours=hour), self._note_ages)

    # ---- what people do --------------------------------------------------------------------------------------

    def _app_edit(self, person: int) -> None:
        chance = self.rng.random()
        mine, token = self.items[person], f"A{next(self._tokens)}"
        begin = dt.datetime.fromtimestamp(self.clock.true_s, CHINA).replace(minute=0, second=0, microsecond=0)
        if chance < 0.3 or not mine:
            begin += dt.timedelta(days=self.rng.randrange(1, 20))
            item = self._create(person, f"Meeting {token}", begin)
            mine.append(item)
        elif chance < 0.4:
            item, token = mine.pop(self.rng.randrange(len(mine))), ""
            self._act("delete", person, eventId=item)
        else:
            item = self.rng.choice(mine)
            self._act("edit", person, eventId=item, event={"summary": f"Renamed {token}"})
        self.out.app_edits += 1
        self.pending = [e for e in self.pending if (e.person, e.item) != (person, item)] + [
            Edit(at_s=self.clock.true_s, person=person, item=item, token=token)
        ]
        self._push()

    def _client_edit(self, person: int) -> None:
        home, token = self.homes[person].id, f"C{next(self._tokens)}"
        login = Login(user=f"p{person}", device="phone")
        begin = START + dt.timedelta(days=self.rng.randrange(1, 50), hours=self.rng.randrange(8, 18))
        known = [o for o in self.service.get_all(home) if "SUMMARY:Mine" in o.text]
        self.out.client_edits += 1
        if known and self.rng.random() < 0.6:
            one = self.rng.choice(known)
            head, _, rest = one.text.partition("SUMMARY:Mine")
            text = f"{head}SUMMARY:Mine {token}\r\n{rest.partition(chr(10))[2]}"
            href, match = one.href, one.etag
        else:
            text, href, match = _text(token, begin), f"{token}.ics", None
        try:
            self.service.put(home, href, text.encode(), login, if_match=match)
        except BridgeError:
            self.out.refused += 1
        self._push()

    def _poller(self, person: int, client: int) -> Callable[[], None]:
        def poll() -> None:
            user = f"p{person}"
            self.service.touch(user)
            (view,) = self.service.collections(user)
            token = self.held.get((person, client), "")
            if token != view.sync_token:
                self.service.changes(view, token)
                self.held[person, client] = view.sync_token
            self.at(dt.datetime.fromtimestamp(self.clock.true_s + POLL_S, CHINA), poll)

        return poll

    # ---- time ------------------------------------------------------------------------------------------------

    def _wait_until(self, until_s: float) -> None:
        """Let time pass, with everything that the daemon does meanwhile."""
        while self.clock.true_s < until_s:
            step_s = TICK_S
            due_s = self.node.pushes.due_in_s()
            if due_s is not None:
                step_s = min(step_s, max(SETTLE_S, due_s))
            self.clock.sleep(min(step_s, until_s - self.clock.true_s))
            self._push()
            self.node.tick()
            self._look()

    def _push(self) -> None:
        """Do what the vendor's own worker does: send what is due."""
        if not self.plan.stream:
            return
        for due in self.box.pusher._due():
            self.box.pusher._attempt(due)
        self.node.pushes.note_alive(SOURCE, STREAM_ALIVE_MS)

    def frame(self, text: str) -> None:
        """Give a frame of the vendor to the bridge's Stream."""
        for stream in self._stream:
            stream._answer(Answers(self), text)  # type: ignore[arg-type]

    def acknowledge(self, text: str) -> None:
        """Give the bridge's answer to the vendor."""
        assert self._socket.connection is not None
        self.box.stream._take(self._socket.connection, text)

    # ---- what is seen ----------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Find edits that the mirror shows by now."""
        if not self.pending:
            return
        left = []
        with self.node.parts.engine.store.read() as c:
            for edit in self.pending:
                row = c.execute(_TEXT, {"home": self.homes[edit.person].id, "item": edit.item}).first()
                shown = row is None if not edit.token else row is not None and f" {edit.token}\r\n" in row[0]
                if shown:
                    self.out.delays_s.append(self.clock.true_s - edit.at_s)
                else:
                    left.append(edit)
        self.pending = left

    def _note_ages(self) -> None:
        now_ms = self.clock.now_ms()
        with self.node.parts.engine.store.read() as c:
            rows = c.execute(sa.text("SELECT id, pulled_ms, state FROM calendar ORDER BY id")).all()
        for number, pulled_ms, state in rows:
            age_s = (now_ms - pulled_ms) / 1000
            self.out.ages_s.append(age_s)
            self.out.worst_age_s[number] = max(self.out.worst_age_s.get(number, 0.0), age_s)
            self.out.states[state] += 1

    def billed(self) -> int:
        """Return what the vendor has counted this month."""
        return self.box.quota.months[f"{START:%Y-%m}"]

    def _note_day(self) -> None:
        self.out.by_day.append(self.billed() - sum(self.out.by_day))

    def _close(self) -> None:
        out = self.out
        out.billed = self.billed()
        out.pushes = self.box.quota.push_months[f"{START:%Y-%m}"]
        out.calls.update(self.box.calls.as_json()["counts"])
        out.unseen = len(self.pending)
        out.oldest_unseen_s = max((self.clock.true_s - e.at_s for e in self.pending), default=0.0)
        with self.node.parts.engine.store.read() as c:
            waits = sa.text("SELECT COUNT(*) FROM intent WHERE state IN ('waiting', 'in_flight')")
            out.waiting = int(c.execute(waits).scalar_one())
        self.node.close()


_TEXT: Final = sa.text("""
    SELECT o.text FROM item i JOIN object o ON o.id = i.object_id
    WHERE i.collection_id = :home AND i.upstream_id = :item AND i.cancelled = 0
""")


def _text(token: str, begin: dt.datetime) -> str:
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Month//Client//EN",
        "BEGIN:VEVENT",
        f"UID:{token}@month",
        "DTSTAMP:20260601T000000Z",
        f"DTSTART;TZID=Asia/Shanghai:{begin:%Y%m%dT%H%M%S}",
        f"DTEND;TZID=Asia/Shanghai:{begin + dt.timedelta(hours=1):%Y%m%dT%H%M%S}",
        f"SUMMARY:Mine {token}",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines)


def percentile(values: list[float], share: float) -> float:
    """Return the value that ``share`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

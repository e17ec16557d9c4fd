"""What costs a call at the vendor and what does not: bursts, echoes, silent deletions, links that work, a month that runs short."""

import datetime as dt
import time

import pytest
from world import DingTalkSide, WeComSide, World, day, ics, vevent

from bridge.engine import links, pacing
from bridge.engine.push import News, Pushes
from bridge.store import calendars, people
from bridge.store.shared import Tallies

HOUR = dt.timedelta(hours=1)
CHINA = dt.timezone(dt.timedelta(hours=8))
PATIENCE_S = 15


class Played:
    """A world whose pushes are worked on here and now."""

    def __init__(self, side, folder, switches=None):
        self.world = World(side, folder, switches=switches)
        self.pushes = Pushes(self.world.parts.engine)
        self.heard = 0
        self.engine = self.world.parts.engine

    def close(self):
        self.pushes.close()
        self.world.close()

    def plan(self, count):
        """Let the person have some events that both sides know."""
        for number in range(count):
            self.world.put(f"{number}.ics", ics(vevent(str(number), day(number), day(number) + HOUR)))
        self.world.carry()
        self.world.sync()
        self.forget()

    def forget(self):
        """Let what was pushed so far be long ago."""
        self.engine.echoes.__init__(self.engine.clock)
        self.heard = len(self.sent())
        self.world.side.calls.clear()

    def sent(self):
        state = self.world.side.box.control("state", {})
        return [p["data"] for p in state["pushes"]["sent"]] if "pushes" in state else []

    def hear(self):
        """Take what the box pushed since, and do all that follows."""
        for number, data in enumerate(self.sent()[self.heard :]):
            news = News(
                key=f"{self.heard}-{number}",
                calendar_id=data["calendarId"],
                item_id=data["calendarEventId"],
                people=tuple(data["unionIdList"]),
                updated_ms=data["calendarEventUpdateTime"],
                is_deletion=data["changeType"] == "cancelled",
            )
            assert self.pushes.take(self.world.side.source, news)
        self.heard = len(self.sent())
        self.settle()

    def settle(self):
        deadline = time.monotonic() + PATIENCE_S
        while not self.pushes.is_idle():
            assert time.monotonic() < deadline, "the queue does not become empty"
            if not self.pushes.step():
                time.sleep(0.02)

    def endpoints(self):
        return [call["endpoint"].rsplit("/", 1)[-1] for call in self.world.all_calls()]

    def row(self):
        with self.engine.store.read() as c:
            return calendars.all_calendars(c)[0]

    def titles(self):
        lines = [
            line
            for o in self.world.service.get_all(self.world.collection.id)
            for line in o.text.split("\r\n")
        ]
        return sorted(line[8:] for line in lines if line.startswith("SUMMARY:"))


@pytest.fixture
def make(tmp_path):
    made = []

    def build(side, **options):
        made.append(Played(side, tmp_path, **options))
        return made[-1]

    yield build
    for one in made:
        one.close()


def spend(played, used):
    """Let so many of the 5,000 calls be used; a share: of what has passed of the month, and some more."""
    now = dt.datetime.now(CHINA)
    month = now.strftime("%Y-%m")
    if isinstance(used, float):
        start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        end = (start + dt.timedelta(days=32)).replace(day=1)
        used = int(5000 * (0.6 * (now - start) / (end - start) + used))
    Tallies(played.engine.store).raise_to(f"dingtalk:calls:{month}", used, until_ms=2**50)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_a_burst_on_one_calendar_costs_one_call(make, count):
    played = make(DingTalkSide)
    played.plan(count)
    for number, item in enumerate(played.world.side.items()):
        played.world.side.rename(item, f"Other {number}")
    played.hear()
    assert played.titles() == sorted(f"Other {number}" for number in range(count))
    assert played.endpoints() == ["ListEvents"]


def test_a_burst_on_one_calendar_costs_one_call_at_wecom_too(make):
    played = make(WeComSide)
    played.plan(4)
    with played.engine.store.read() as c:
        cal_id = calendars.all_calendars(c)[0].upstream_id
    for number, item in enumerate(played.world.side.items()):
        played.world.side.rename(item, f"Other {number}")
        news = News(key=f"k{number}", is_exact=False, calendar_id=cal_id, item_id=item["schedule_id"])
        assert played.pushes.take("wecom", news)
    played.settle()
    assert played.titles() == [f"Other {number}" for number in range(4)]
    assert played.endpoints() == ["get"]


def test_a_burst_of_new_and_deleted_events_costs_one_call(make):
    played = make(DingTalkSide)
    played.plan(3)
    first, second, _ = played.world.side.items()
    played.world.side.remove(first)
    played.world.side.remove(second)
    start = day(4)
    event = {
        "summary": "New",
        "start": {"dateTime": start.isoformat(), "timeZone": "Asia/Shanghai"},
        "end": {"dateTime": (start + HOUR).isoformat(), "timeZone": "Asia/Shanghai"},
    }
    played.world.side.act("create", event=event)
    played.hear()
    assert played.titles() == ["New", "Planning"]
    assert played.endpoints() == ["ListEvents"]


def test_deletions_that_a_delta_is_silent_of_are_asked_for_after_all(make):
    played = make(DingTalkSide, switches={"deleted_items": "never"})
    played.plan(4)
    first, second, third, _ = played.world.side.items()
    played.world.side.remove(first)
    played.world.side.remove(second)
    played.world.side.rename(third, "Other")
    played.hear()
    assert played.titles() == ["Other", "Planning"]
    assert sorted(played.endpoints()) == ["GetEvent", "GetEvent", "ListEvents"]


def test_a_burst_of_our_own_writes_costs_nothing(make):
    played = make(DingTalkSide)
    played.plan(0)
    for number in range(5):
        played.world.put(f"{number}.ics", ics(vevent(str(number), day(number), day(number) + HOUR)))
    played.world.carry()
    played.world.side.calls.clear()
    played.hear()
    assert played.endpoints() == []


def test_when_a_month_runs_short_news_wait_for_one_sweep_that_comes_sooner(make):
    played = make(DingTalkSide)
    played.plan(2)
    with played.engine.store.write() as c:
        calendars.set_state(c, played.row(), pull_at_ms=2**50)
    spend(played, 0.275)  # more than pushes may use one by one, and less than sweeps may
    first, second = played.world.side.items()
    for title in ("A", "B", "C"):
        played.world.side.rename(first, title)
        played.world.side.rename(second, title)
        played.hear()
    assert played.endpoints() == []
    row = played.row()
    wait_s = (row.pull_at_ms - played.engine.clock.now_ms()) / 1000
    assert 0 < wait_s <= pacing.ASLEEP_S
    played.world.sync()
    assert played.titles() == ["C", "C"]


def test_news_of_a_calendar_nobody_looks_at_wait_until_somebody_does(make):
    played = make(DingTalkSide)
    played.plan(1)
    with played.engine.store.write() as c:
        long_ago_ms = played.engine.clock.now_ms() - 3 * pacing.LOOKED_LATELY_MS
        people.looked(c, "alice", now_ms=long_ago_ms, older_ms=2**50)
        calendars.set_state(c, played.row(), pull_at_ms=2**50)
    (item,) = played.world.side.items()
    played.world.side.rename(item, "Other")
    played.hear()
    assert played.endpoints() == []
    assert played.row().pull_at_ms <= played.engine.clock.now_ms() + pacing.ASLEEP_S * 1000
    played.world.service.touch("alice")
    assert played.row().pull_at_ms <= played.engine.clock.now_ms()


def test_sweeps_are_spread_over_what_is_left_of_the_month(make):
    played = make(DingTalkSide)
    assert pacing.spread_s(played.engine, "dingtalk") == 0
    spend(played, 4300)
    some = pacing.spread_s(played.engine, "dingtalk")
    spend(played, 4499)
    assert 0 < some <= pacing.spread_s(played.engine, "dingtalk") <= pacing.ASLEEP_S


def test_a_link_whose_calendar_is_read_needs_no_look_of_its_own(make):
    played = make(DingTalkSide)
    engine = played.engine

    def checked_before(age_ms, pulled_ms):
        now_ms = engine.clock.now_ms()
        with engine.store.write() as c:
            (link,) = people.links(c, people.by_name(c, "alice").id)
            people.set_link(c, link, checked_ms=now_ms - age_ms)
            calendars.set_state(c, played.row(), pulled_ms=now_ms - pulled_ms)
        played.world.side.calls.clear()
        links.tick(engine)
        return played.endpoints()

    day_ms = links.RECHECK_MS
    assert checked_before(3 * day_ms, day_ms) == []
    assert checked_before(3 * day_ms, 3 * day_ms) == ["ListCalendars"]
    assert checked_before(8 * day_ms, 0) == ["ListCalendars"]
    assert checked_before(0, 3 * day_ms) == []


def test_a_link_at_wecom_is_looked_at_every_day(make):
    played = make(WeComSide)
    engine = played.engine
    with engine.store.write() as c:
        (link,) = people.links(c, people.by_name(c, "alice").id)
        people.set_link(c, link, checked_ms=engine.clock.now_ms() - 2 * links.RECHECK_MS)
    played.world.side.calls.clear()
    assert links.tick(engine) == 1
    assert played.endpoints()

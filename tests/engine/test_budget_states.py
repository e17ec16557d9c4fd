"""The call budget as people meet it: used up is a state with its end, edits wait in the open, a restart asks again."""

import datetime as dt
import time
from dataclasses import replace

import msgspec
import pytest
from prometheus_client import generate_latest
from world import DingTalkSide, WeComSide, World, day, ics, vevent

from bridge.daemon.health import Health
from bridge.daemon.schedule import Schedule
from bridge.engine.pacing import ASLEEP_S, LOOKED_LATELY_MS, SELDOM
from bridge.engine.polling import ASLEEP_MS, NIGHT_FACTOR, interval_s
from bridge.store import calendars
from bridge.store.shared import Tallies

HOUR = dt.timedelta(hours=1)
CHINA = dt.timezone(dt.timedelta(hours=8))


def first_of_next_month():
    now = dt.datetime.now(CHINA)
    return (now.replace(day=1) + dt.timedelta(days=32)).strftime("%Y-%m-01")


@pytest.fixture
def world(tmp_path):
    made = World(DingTalkSide, tmp_path)
    yield made
    made.close()


def spend(world):
    """Let all calls of this month be used, as the count in the database says."""
    month = dt.datetime.now(CHINA).strftime("%Y-%m")
    Tallies(world.parts.engine.store).raise_to(f"dingtalk:calls:{month}", 5000, until_ms=2**50)


def put(world, name="a"):
    return world.put(f"{name}.ics", ics(vevent(name, day(0), day(0) + HOUR)))


def test_with_the_month_used_up_an_edit_is_kept_and_says_until_when_it_waits(world):
    spend(world)
    put(world)
    assert world.text("a.ics") is not None
    (row,) = world.parts.admin.status("alice")
    assert row["waiting"] == 1
    assert first_of_next_month() in row["waiting_reason"]
    assert first_of_next_month() in row["waiting_what"]
    assert first_of_next_month() in row["waiting_what_zh"]
    assert row["waiting_until_ms"] > time.time() * 1000
    assert world.writes() == []
    (receipt,) = world.receipts()
    assert receipt["outcome"] == "waiting"
    assert first_of_next_month() in receipt["words"]


def test_with_the_month_used_up_a_calendar_is_throttled_until_a_day(world):
    spend(world)
    (row,) = world.parts.admin.sync("alice", full=False)
    assert not row["ok"]
    (row,) = world.parts.admin.status("alice")
    assert row["state"] == "throttled"
    assert first_of_next_month() in row["what"]
    assert first_of_next_month() in row["what_zh"]
    assert abs(row["until_ms"] - world.parts.engine.clock.now_ms()) < 32 * 86_400_000


def test_a_restart_with_more_calls_carries_what_waited(world):
    spend(world)
    put(world)
    world.parts.admin.sync("alice", full=False)
    more = tuple(msgspec.structs.replace(s, monthly_calls=1_000_000) for s in world.config.source)
    world.config = msgspec.structs.replace(world.config, source=more)
    world.reopen()
    assert world.parts.carrier.wake() == 2
    world.carry()
    world.sync()
    assert world.side.titles() == ["Planning"]
    (row,) = world.parts.admin.status("alice")
    assert (row["state"], row["waiting"], row["until_ms"], row["waiting_until_ms"]) == (
        "connected",
        0,
        None,
        None,
    )


def test_the_vendors_own_word_names_the_same_end(world):
    world.fault(kind="error", status=403, code="Forbidden.AccessDenied.ApiCountLimitForOrg", count=-1)
    put(world)
    (row,) = world.parts.admin.status("alice")
    assert first_of_next_month() in row["waiting_what"]


def test_creations_of_a_day_are_counted_for_all_processes_and_end_at_the_vendors_midnight(tmp_path):
    world = World(WeComSide, tmp_path)
    try:
        few = tuple(msgspec.structs.replace(s, creations_per_day=2) for s in world.config.source)
        world.config = msgspec.structs.replace(world.config, source=few)
        world.reopen()
        put(world, "a")
        world.reopen()
        put(world, "b")
        world.reopen()
        put(world, "c")
        world.rest()  # on a busy machine it may still be inside its call
        assert len(world.side.items()) == 2
        (row,) = world.parts.admin.status("alice")
        tomorrow = (dt.datetime.now(CHINA) + dt.timedelta(days=1)).strftime("%Y-%m-%d")
        assert row["waiting"] == 1
        assert tomorrow in row["waiting_what"]
    finally:
        world.close()


class At:
    """The machine's clock, stopped at an hour in China."""

    def __init__(self, hour):
        self.ms = round(dt.datetime(2026, 11, 10, hour, 30, tzinfo=CHINA).timestamp() * 1000)

    def now_ms(self):
        return self.ms


def test_polling_is_slower_at_night_where_calls_cost_and_where_nobody_looks(tmp_path):
    for side, billed in ((DingTalkSide, True), (WeComSide, False)):
        (folder := tmp_path / side.source).mkdir()
        world = World(side, folder, poll_s=60, poll_billed_s=60)
        engine = world.parts.engine
        with engine.store.read() as c:
            (row,) = calendars.all_calendars(c)
        found = {}
        for hour in (12, 23, 3):
            engine_then = replace(engine, clock=At(hour))
            now_ms = engine_then.clock.ms
            found[hour] = [
                interval_s(engine_then, row, now_ms - unseen) for unseen in (0, LOOKED_LATELY_MS, ASLEEP_MS)
            ]
        night = NIGHT_FACTOR if billed else 1
        last = ASLEEP_S if billed else 60 * SELDOM
        assert found[12] == [60, 60 * SELDOM, last]
        assert found[23] == found[3] == [60 * night, 60 * SELDOM * night, last]
        world.close()


def test_the_first_look_after_a_while_brings_a_sweep_at_once(world):
    engine = world.parts.engine
    now_ms = engine.clock.now_ms()
    with engine.store.write() as c:
        c.exec_driver_sql(f"UPDATE principal SET looked_ms = {now_ms - LOOKED_LATELY_MS - 1000}")
        c.exec_driver_sql(f"UPDATE calendar SET pull_at_ms = {now_ms + 10**7}")
    world.service.touch("alice")
    with engine.store.read() as c:
        (row,) = calendars.all_calendars(c)
    assert row.pull_at_ms <= engine.clock.now_ms()
    with engine.store.write() as c:
        c.exec_driver_sql(f"UPDATE calendar SET pull_at_ms = {now_ms + 10**7}")
        c.exec_driver_sql(f"UPDATE principal SET looked_ms = {now_ms - 3_600_000}")
    world.service.touch("alice")
    with engine.store.read() as c:
        (row,) = calendars.all_calendars(c)
    assert row.pull_at_ms == now_ms + 10**7


def test_a_pull_that_another_node_took_is_not_made_again(world):
    engine = world.parts.engine
    with engine.store.write() as c:
        c.exec_driver_sql("UPDATE calendar SET pull_at_ms = 5")
    with engine.store.read() as c:
        (row,) = calendars.all_calendars(c)
    nodes = [Schedule(world.parts, engine.sync) for _ in range(2)]
    nodes[0]._pull_one(row, engine.clock.now_ms())
    once = len(world.all_calls())
    assert once > 0
    nodes[1]._pull_one(row, engine.clock.now_ms())
    assert len(world.all_calls()) == once


def test_the_months_calls_are_a_figure_that_can_be_watched(world):
    health = Health()
    health.attach(world.parts)
    put(world)
    world.sync()
    text = generate_latest(health.registry).decode()
    figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("queqiao_budget"))
    assert figures['queqiao_budget_limit{source="dingtalk"}'] == "5000.0"
    billed = sum(world.side.box.control("state", {})["calls_by_month"].values())
    assert float(figures['queqiao_budget_used{source="dingtalk"}']) == billed > 1

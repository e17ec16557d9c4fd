"""A first load: what is near in time first, of use after one page, told as it goes, gone on with after a restart."""

import datetime as dt
import random

import pytest
from world import DingTalkSide, WeComSide, World, day

from bridge.engine import pull
from bridge.providers.wecom.reading import GET_BATCH
from bridge.store import calendars, objects

COUNT = 2 * GET_BATCH + 50


@pytest.fixture
def make(tmp_path):
    made = []

    def build(side, **options):
        made.append(World(side, tmp_path, **options))
        return made[-1]

    yield build
    for one in made:
        one.close()


def row(world):
    with world.parts.engine.store.read() as c:
        return calendars.all_calendars(c)[0]


def anew(world):
    """Let the calendar be one that was never read."""
    with world.parts.engine.store.write() as c:
        calendars.set_state(c, row(world), pulled_ms=0, deep_ms=0, cursor="", state="starting")
    world.side.calls.clear()


def titles(world):
    lines = [line for o in world.service.get_all(world.collection.id) for line in o.text.split("\r\n")]
    return {line[8:] for line in lines if line.startswith("SUMMARY:")}


def endpoints(world):
    return [call["endpoint"].rsplit("/", 1)[-1] for call in world.all_calls()]


def fill_wecom(world):
    """Put events into the calendar, in no order; returns the titles, those nearest to now first."""
    cal_id = row(world).upstream_id
    now = dt.datetime.now(dt.UTC).timestamp()
    offsets = [3600 * (5 + 3 * number) * (1 if number % 3 else -1) for number in range(COUNT)]
    shuffled = random.Random(1).sample(offsets, COUNT)
    for offset in shuffled:
        begin = int(now + offset)
        schedule = {"summary": f"At {offset}", "start_time": begin, "end_time": begin + 1800}
        world.side.act("create", cal_id=cal_id, schedule=schedule)
    return [f"At {offset}" for offset in sorted(offsets, key=abs)]


def test_at_wecom_the_nearest_come_first_and_each_is_asked_for_once(make):
    world = make(WeComSide, switches={"users_may_add": True})
    near = fill_wecom(world)
    anew(world)
    engine = world.parts.engine
    for pages in (1, 2):
        assert pull.pull(engine, row(world).id, by_page=True).more
        assert titles(world) == set(near[: pages * GET_BATCH])
        (status,) = world.parts.admin.status("alice")
        assert (status["state"], status["loaded"], status["expected"]) == (
            "backfilling",
            pages * GET_BATCH,
            COUNT,
        )
        world.reopen()  # whoever goes on knows nothing but the database
        engine = world.parts.engine
    assert not pull.pull(engine, row(world).id, by_page=True).more
    assert titles(world) == set(near)
    assert endpoints(world).count("get") == 3
    (status,) = world.parts.admin.status("alice")
    assert (status["state"], status["loaded"], status["expected"]) == ("connected", None, None)


def test_a_load_that_nobody_interrupts_is_the_same(make):
    world = make(WeComSide, switches={"users_may_add": True})
    near = fill_wecom(world)
    anew(world)
    tally = pull.pull(world.parts.engine, row(world).id)
    assert (tally.added, tally.more) == (COUNT, False)
    assert titles(world) == set(near)
    assert sorted(endpoints(world)) == ["get"] * 3 + ["get_by_calendar"] * 2


def create(world, title, begin, **more):
    zone = {"timeZone": "Asia/Shanghai"}
    event = {
        "summary": title,
        "start": {"dateTime": begin.isoformat(), **zone},
        "end": {"dateTime": (begin + dt.timedelta(hours=1)).isoformat(), **zone},
        **more,
    }
    world.side.act("create", event=event)


def test_at_dingtalk_these_weeks_come_first(make):
    world = make(DingTalkSide)
    for number in range(5):
        create(world, f"Soon {number}", day(number))
        create(world, f"Late {number}", day(100 + number))
        create(world, f"Past {number}", day(-60 - number))
    weekly = {
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "numbered", "numberOfOccurrences": 5},
    }
    create(world, "Series", day(1), recurrence=weekly)
    anew(world)
    engine = world.parts.engine
    assert pull.pull(engine, row(world).id, by_page=True).more
    assert titles(world) == {f"Soon {number}" for number in range(5)}
    assert len(endpoints(world)) == 1
    (status,) = world.parts.admin.status("alice")
    assert (status["state"], status["loaded"]) == ("backfilling", 5)
    assert status["expected"] >= 5
    world.reopen()
    assert not pull.pull(world.parts.engine, row(world).id, by_page=True).more
    assert len(titles(world)) == 16
    assert world.parts.admin.status("alice")[0]["loaded"] is None


def test_an_empty_calendar_is_loaded_in_one_go(make):
    world = make(DingTalkSide)
    anew(world)
    assert not pull.pull(world.parts.engine, row(world).id, by_page=True).more
    assert world.parts.admin.status("alice")[0]["state"] == "connected"


def test_of_first_loads_those_come_first_of_which_least_is_here(make):
    world = make(DingTalkSide)
    with world.parts.engine.store.write() as c:
        (first,) = calendars.all_calendars(c)
        for name in ("b", "c"):
            other = calendars.upsert(
                c, source_id="dingtalk", account=name, upstream_id="primary", name=name, color=""
            )
            calendars.add_collection(
                c,
                principal_id=calendars.collections(c)[0].principal_id,
                calendar_id=other,
                slug=name,
                writable=True,
                reason="",
                now_ms=0,
            )
        calendars.set_state(c, first, pulled_ms=0, loaded=7, pull_at_ms=0)
        due = [calendar.loaded for calendar, _ in calendars.due(c, now_ms=1, count=9)]
    assert due == [0, 0, 7]


def test_one_event_that_cannot_be_kept_keeps_no_other_out(make, monkeypatch):
    import sqlalchemy as sa

    world = make(DingTalkSide)
    for number in range(5):
        create(world, f"E{number}", day(number))
    add = objects.add

    def refuse(c, values):
        if "SUMMARY:E3" in values["text"]:
            raise sa.exc.DataError("insert", {}, ValueError("no"))
        return add(c, values)

    monkeypatch.setattr(objects, "add", refuse)
    anew(world)
    with pytest.raises(sa.exc.DataError):
        pull.pull(world.parts.engine, row(world).id)
    assert titles(world) >= {"E0", "E1", "E2"}

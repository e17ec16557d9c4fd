"""A series of which one occurrence is left is one single event at the vendor: moved there, nothing else comes back."""

import pytest
from world import day, ics, stamp, vevent

from bridge.engine.api import Login
from bridge.ical import parse, recur

UID = "left"


def series(gone, hour=10, minute=0, title="Left"):
    """Return a series of two weeks without one of them."""
    out = f"EXDATE;TZID=Asia/Shanghai:{stamp(day(gone, hour, minute))}"
    return ics(
        vevent(
            UID,
            day(0, hour, minute),
            day(0, hour + 1, minute),
            "RRULE:FREQ=WEEKLY;COUNT=2",
            out,
            summary=title,
        )
    )


def shown(text):
    obj = parse.parse(text.encode(), default_zone="Asia/Shanghai", max_bytes=10**6).object
    found = recur.occurrences(obj, day(-5), day(30), limit=50)
    return [(int(start.timestamp()), int(end.timestamp())) for _, start, end in found]


@pytest.mark.parametrize("gone", [0, 7])
def test_what_a_person_moves_is_the_only_one(world, gone):
    world.put("w.ics", series(gone))
    (item,) = world.side.items()
    world.side.shift(item, 5400)
    world.sync(full=True)
    assert shown(world.text("w.ics")) == world.side.occurrences(day(-5), day(30))
    (item,) = world.side.items()
    world.side.shift(item, 3600)
    world.side.rename(item, "Renamed")
    world.sync(full=True)
    assert shown(world.text("w.ics")) == world.side.occurrences(day(-5), day(30))
    assert "SUMMARY:Renamed" in world.text("w.ics")
    (last,) = world.side.items()
    assert identity(last) == identity(item)


@pytest.mark.parametrize("gone", [0, 7])
def test_a_client_edits_what_a_person_moved(world, gone):
    world.put("w.ics", series(gone))
    (item,) = world.side.items()
    world.side.shift(item, 5400)
    world.sync(full=True)
    world.put("w.ics", world.text("w.ics").replace("SUMMARY:Left", "SUMMARY:Last"))
    (last,) = world.side.items()
    assert identity(last) == identity(item)
    assert world.side.titles() == ["Last"]
    world.sync(full=True)
    assert shown(world.text("w.ics")) == world.side.occurrences(day(-5), day(30))


@pytest.mark.parametrize("gone", [0, 7])
def test_both_move_it_while_the_edit_waits(world, gone):
    world.put("w.ics", series(gone))
    (item,) = world.side.items()
    world.fault(kind="status", status=503, match="", count=40, when="before")
    answer = world.service.put(
        world.collection.id, "w.ics", series(gone, 11, 0).encode(), Login(user="alice", device="test")
    )
    assert answer.waiting
    world.side.box.faults.clear()
    world.side.shift(item, 5400)
    world.carry()
    world.sync(full=True)
    assert len(world.side.items()) == 1
    assert shown(world.text("w.ics")) == world.side.occurrences(day(-5), day(30))


def identity(item):
    return item.get("schedule_id") or item["eventId"]

"""A series at the vendor stays one for us, also when what is left of it would fit into single events."""

import datetime as dt

import pytest
from world import WeComSide, day, ics, stamp, vevent

from bridge.engine.applying import Tally, apply_items
from bridge.model.upstream import Upstream
from bridge.store import calendars, objects

UID = "weekly"


def series(hour, minute, *lines):
    return vevent(
        UID,
        day(0, hour, minute),
        day(0, hour + 1, minute),
        "RRULE:FREQ=WEEKLY;COUNT=2",
        *lines,
        summary="All",
    )


def second(hour, minute):
    rid = f"RECURRENCE-ID;TZID=Asia/Shanghai:{stamp(day(7, hour, minute))}"
    return vevent(UID, day(7, 12), day(7, 13), rid, summary="Second")


def test_a_series_of_two_with_one_changed_is_moved_as_a_whole(world):
    world.put("w.ics", ics(series(10, 0)))
    world.sync(full=True)
    world.put("w.ics", ics(series(10, 0), second(10, 0)))
    world.side.rename(next(i for i in world.side.items() if "All" in str(i)), "All again")
    world.sync(full=True)
    text = world.text("w.ics")
    assert "All again" in text
    moved = ics(series(10, 45), second(10, 45)).replace("SUMMARY:All", "SUMMARY:Later")
    world.put("w.ics", moved)
    world.sync(full=True)
    low, high = day(-1), day(20)
    times = [(m, n) for m, n in ((day(0, 10, 45), day(0, 11, 45)), (day(7, 12), day(7, 13)))]
    expected = [(int(m.timestamp()), int(n.timestamp())) for m, n in times]
    assert world.side.occurrences(low, high) == expected
    assert world.text("w.ics").count("BEGIN:VEVENT") == 2


@pytest.mark.parametrize("world", [WeComSide], indirect=True, ids=["wecom"])
def test_an_occurrence_that_came_back_is_not_taken_for_its_removal(world):
    """No vendor can undo a removal: it comes back as an event of its own, and the series goes on telling it is gone."""
    gone = f"EXDATE;TZID=Asia/Shanghai:{stamp(day(14))}"
    lines = ("RRULE:FREQ=WEEKLY;COUNT=4",)
    plain = ics(vevent("back", day(0), day(0, 11), *lines))
    world.put("b.ics", plain)
    world.put("b.ics", ics(vevent("back", day(0), day(0, 11), *lines, gone)))
    world.sync(full=True)
    world.put("b.ics", plain)
    engine = world.parts.engine
    with engine.store.read() as c:
        collection = calendars.collection(c, world.collection.id)
        row = objects.by_href(c, world.collection.id, "b.ics")
        series = next(item.upstream_id for item in objects.items(c, row.id) if item.key == "")
    told = Upstream(
        id="removed", snapshot={}, cancelled=True, series_id=series, origin=day(14).astimezone(dt.UTC)
    )
    apply_items(engine, collection, [told], (), Tally())
    world.sync(full=True)
    assert len(world.service.get_all(world.collection.id)) == 1
    assert "EXDATE" not in world.text("b.ics")
    assert len(world.side.occurrences(day(-1), day(40))) == 4

"""Where DingTalk takes no change of one occurrence alone, a series is cut around it; nothing is refused."""

import datetime as dt

import pytest
from test_switches import occurrences
from world import DingTalkSide, World, day, ics, stamp, vevent

from bridge.errors import Refused

HOUR = dt.timedelta(hours=1)
START = day(-1)
END = START + dt.timedelta(days=61)
READINGS = [("instance_write", "rejected"), ("instance_write", "series"), ("future_instance_ids", "unknown")]


@pytest.fixture(params=READINGS, ids="-".join)
def world(request, tmp_path):
    made = World(DingTalkSide, tmp_path, switches=dict([request.param]))
    yield made
    made.close()


def series(*lines, summary="Series"):
    return vevent("u1", day(1), day(1) + HOUR, "RRULE:FREQ=WEEKLY;COUNT=9", *lines, summary=summary)


def change(at, *, summary):
    return vevent(
        "u1", at + HOUR, at + 2 * HOUR, f"RECURRENCE-ID;TZID=Asia/Shanghai:{stamp(at)}", summary=summary
    )


def exdate(at):
    return f"EXDATE;TZID=Asia/Shanghai:{stamp(at)}"


def check(world, text):
    world.carry()
    assert world.text("s.ics") == text
    assert world.side.occurrences(START, END) == occurrences(text)
    world.sync(full=True)
    assert world.text("s.ics") == text
    assert {receipt["outcome"] for receipt in world.receipts()} == {"applied"}


def test_the_life_of_a_series_with_exceptions(world):
    for text in (
        ics(series()),
        ics(series(exdate(day(15)))),
        ics(series(exdate(day(15))), change(day(29), summary="Other")),
        ics(series(exdate(day(15)), summary="Renamed"), change(day(29), summary="Other")),
        ics(series(exdate(day(15)), exdate(day(36)), summary="Renamed"), change(day(29), summary="Again")),
        ics(series(exdate(day(36)), summary="Renamed")),
        ics(series(summary="Renamed")),
    ):
        world.put("s.ics", text)
        check(world, text)
        world.reopen()
    assert len(world.side.items()) == 1, "it has grown together again"
    world.delete("s.ics")
    world.carry()
    assert world.side.items() == []


def test_once_learned_nothing_is_tried_in_vain(world):
    world.put("s.ics", ics(series()))
    world.put("s.ics", ics(series(exdate(day(15)))))
    world.carry()
    world.reopen()
    before = len(world.writes())
    world.put("s.ics", ics(series(exdate(day(15)), exdate(day(43)))))
    world.carry()
    assert all(call["status"] < 300 for call in world.writes()[before:])


def test_a_change_that_fits_no_event_at_all_teaches_nothing(tmp_path):
    """The occurrence could be changed; what it was to become is refused."""
    world = World(DingTalkSide, tmp_path)
    try:
        world.put("s.ics", ics(series()))
        world.fault(
            kind="status",
            status=400,
            count=-1,
            when="before",
            match="events",
            method="PUT",
            body='{"code": "invalidParameter", "message": "no"}',
        )
        with pytest.raises(Refused, match="invalidParameter"):
            world.put("s.ics", ics(series(), change(day(29), summary="Other")))
        world.side.box.faults.clear()
        world.carry()
        assert world.text("s.ics") == ics(series())
        world.put("s.ics", ics(series(), change(day(29), summary="Other")))
        world.carry()
        assert len(world.side.items()) == 1, "changed as one occurrence of its series"
    finally:
        world.close()

"""A series at the vendor stays one for us, also when what is left of it would fit into single events."""

from world import day, ics, stamp, vevent

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

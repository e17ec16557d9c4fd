"""Every point that the vendors' documents leave open, both ways: the bridge tells the truth under each."""

import datetime as dt

import pytest
from world import DingTalkSide, WeComSide, World, day, ics, stamp, vevent

from bridge.simulator import dingtalk, wecom

HOUR = dt.timedelta(hours=1)


def alternatives(build, side):
    for name, switch in build().switches.as_json().items():
        default = switch["default"]
        values = switch["choices"] or ([not default] if isinstance(default, bool) else [])
        for value in values:
            if value != default:
                yield pytest.param(side, name, value, id=f"{side.source}-{name}-{value}")


CASES = [*alternatives(wecom.build, WeComSide), *alternatives(dingtalk.build, DingTalkSide)]


def seconds(*pairs):
    return [(int(a.timestamp()), int(b.timestamp())) for a, b in pairs]


@pytest.mark.parametrize(("side", "switch", "value"), CASES)
def test_a_day_of_edits_on_both_sides_ends_in_the_same_truth(side, switch, value, tmp_path):
    world = World(side, tmp_path, switches={switch: value})
    try:
        scenario(world)
    finally:
        world.close()


def scenario(world):
    start = day(-1)
    end = start + dt.timedelta(days=60)
    single = ics(vevent("u1", day(0), day(0) + HOUR, "CATEGORIES:Mine", "DESCRIPTION:Bring it"))
    world.put("single.ics", single)
    master = vevent(
        "u2",
        day(1),
        day(1) + HOUR,
        "RRULE:FREQ=WEEKLY;COUNT=4",
        f"EXDATE;TZID=Asia/Shanghai:{stamp(day(8))}",
        summary="Series",
    )
    override = vevent(
        "u2",
        day(15) + HOUR,
        day(15) + 2 * HOUR,
        f"RECURRENCE-ID;TZID=Asia/Shanghai:{stamp(day(15))}",
        summary="Later",
    )
    world.put("series.ics", ics(master, override))
    whole = ics(vevent("u3", day(2).date(), day(4).date(), summary="Away"))
    world.put("whole.ics", whole)
    world.carry()
    expected = [
        (day(0), day(0) + HOUR),
        (day(1), day(1) + HOUR),
        (day(15) + HOUR, day(15) + 2 * HOUR),
        (day(22), day(22) + HOUR),
    ]
    timed = [o for o in world.side.occurrences(start, end) if o[1] - o[0] < 86_000]
    assert timed == seconds(*expected)
    world.sync()
    assert world.text("single.ics") == single
    assert len(world.service.get_all(world.collection.id)) == 3
    assert occurrences(world.text("series.ics")) == seconds(*expected[1:])
    before = world.collection.sync_token
    world.sync()
    assert world.collection.sync_token == before, "a poll without news is silent"
    item = next(i for i in world.side.items() if "Bring it" in str(i))
    world.side.rename(item, "Renamed")
    world.sync()
    text = world.text("single.ics")
    assert "SUMMARY:Renamed" in text
    assert "CATEGORIES:Mine" in text
    world.put("single.ics", text.replace("Bring it", "Leave it"))
    world.carry()
    assert any("Leave it" in str(i) and "Renamed" in str(i) for i in world.side.items())
    for href in ("single.ics", "series.ics", "whole.ics"):
        world.delete(href)
    world.carry()
    assert world.side.occurrences(start, end) == []
    world.sync()
    assert world.service.get_all(world.collection.id) == []


def occurrences(text):
    from bridge.ical import recur
    from bridge.ical.parse import parse

    found = recur.occurrences(
        parse(text.encode(), default_zone="Asia/Shanghai").object, day(-1), day(60), limit=100
    )
    return sorted((int(s.timestamp()), int(e.timestamp())) for _rid, s, e in found)

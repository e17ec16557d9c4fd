"""A series that a person moves in the vendor's app: the client sees what the app shows, whatever became of its exceptions."""

import pytest
from test_reading_back import HOUR, is_quiet, read, seconds, shown, truth
from world import DingTalkSide, WeComSide, World, day, ics, stamp, vevent

ZONED = "Asia/Shanghai"


def series(rule="RRULE:FREQ=WEEKLY;COUNT=6"):
    master = vevent("u1", day(0), day(0) + HOUR, rule, f"EXDATE;TZID={ZONED}:{stamp(day(7))}", "X-MINE:kept")
    override = vevent(
        "u1",
        day(14) + 3 * HOUR,
        day(14) + 4 * HOUR,
        f"RECURRENCE-ID;TZID={ZONED}:{stamp(day(14))}",
        summary="Later",
    )
    return ics(master, override)


def item_of(world):
    if world.side.source == "wecom":
        return next(i for i in world.side.items() if i["content"]["reminders"]["is_repeat"])
    return next(i for i in world.side.items() if i.get("recurrence"))


CASES = [
    *[(WeComSide, {"exclusions_on_update": value}) for value in ("on_pattern", "kept", "lost", "shifted")],
    *[
        (DingTalkSide, {"exceptions_on_master_edit": value, "occurrence_edit_touches_master": touch})
        for value in ("dropped_with_times", "dropped", "kept")
        for touch in ("yes", "no")
    ],
]


@pytest.fixture(params=CASES, ids=lambda case: "-".join([case[0].source, *case[1].values()]))
def moved(request, tmp_path):
    side, switches = request.param
    made = World(side, tmp_path, switches=switches)
    yield made
    made.close()


@pytest.mark.parametrize(
    "by", [3600, 7 * 86_400, 86_400 + 1800], ids=["an hour", "a week", "a day and a half hour"]
)
def test_a_series_moved_in_the_app_shows_what_the_app_shows(moved, by):
    moved.put("u1.ics", series())
    if moved.side.source == "wecom":
        item = item_of(moved)
        content = item["content"]
        fields = {"start_time": content["start"] + by, "end_time": content["end"] + by}
        if by % (7 * 86_400) >= 86_400:
            fields["reminders"] = {"is_repeat": 1, "repeat_type": 1, "is_custom_repeat": 0, "repeat_until": 0}
        moved.side.act("edit", schedule_id=item["schedule_id"], fields=fields)
    else:
        moved.side.shift(item_of(moved), by)
    moved.sync()
    assert shown(moved) == truth(moved)
    assert "X-MINE:kept" in moved.text("u1.ics")
    assert is_quiet(moved)


def test_a_series_renamed_in_the_app_keeps_what_the_app_keeps(moved):
    moved.put("u1.ics", series())
    moved.side.rename(item_of(moved), "Renamed")
    moved.sync()
    assert shown(moved) == truth(moved)
    assert read(moved.text("u1.ics")).master.summary == "Renamed"
    assert is_quiet(moved)


@pytest.mark.parametrize("takes", [False, True])
def test_what_was_split_off_a_deleted_series_lives_on_where_the_app_shows_it(tmp_path, takes):
    world = World(WeComSide, tmp_path, switches={"del_takes_parts": takes})
    try:
        world.put("u1.ics", series())
        world.side.remove(item_of(world))
        world.sync()
        assert (
            shown(world)
            == truth(world)
            == ([] if takes else seconds((day(14) + 3 * HOUR, day(14) + 4 * HOUR)))
        )
        assert is_quiet(world)
    finally:
        world.close()


@pytest.mark.parametrize("mode", ["on_pattern", "kept", "lost", "shifted"])
def test_an_occurrence_that_came_back_can_be_removed_again(tmp_path, mode):
    world = World(WeComSide, tmp_path, switches={"exclusions_on_update": mode})
    try:
        world.put("u1.ics", series())
        content = item_of(world)["content"]
        fields = {"start_time": content["start"] - 7 * 86_400, "end_time": content["end"] - 7 * 86_400}
        world.side.act("edit", schedule_id=item_of(world)["schedule_id"], fields=fields)
        world.sync()
        assert shown(world) == truth(world)
        for week in (21, 7):
            text = world.text("u1.ics")
            gone = f"EXDATE;TZID={ZONED}:{stamp(day(week))}\r\n"
            if gone not in text:
                world.put("u1.ics", text.replace("X-MINE", f"{gone}X-MINE", 1))
            assert shown(world) == truth(world)
        assert is_quiet(world)
    finally:
        world.close()

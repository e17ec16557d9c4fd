"""What people do to series in the vendor's own app arrives as one object that shows the vendor's truth."""

import datetime as dt

import pytest
from world import WeComSide, World, day, ics, stamp, vevent

from bridge.ical import recur
from bridge.ical.parse import parse

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
WEEKLY = "RRULE:FREQ=WEEKLY;COUNT=5"


def seconds(*pairs):
    return [(int(a.timestamp()), int(b.timestamp())) for a, b in pairs]


def read(text):
    return parse(text.encode(), default_zone="Asia/Shanghai").object


def shown(world, days=60):
    """Return what a client sees of the whole calendar."""
    found = []
    for row in world.service.get_all(world.collection.id):
        for _rid, start, end in recur.occurrences(read(row.text), day(-1), day(days), limit=400):
            if not isinstance(start, dt.datetime):
                start, end = (dt.datetime.combine(d, dt.time(), day(0).tzinfo) for d in (start, end))
            found.append((int(start.timestamp()), int(end.timestamp())))
    return sorted(found)


def truth(world, days=60):
    return world.side.occurrences(day(-1), day(days))


def texts(world):
    return [row.text for row in world.service.get_all(world.collection.id)]


def is_quiet(world):
    """Return whether another look, and a PUT of what is there already, cost nothing and change nothing."""
    token = world.collection.sync_token
    world.sync()
    world.sync(full=True)
    if world.collection.sync_token != token:
        return False
    world.side.calls.clear()
    for row in world.service.get_all(world.collection.id):
        world.put(row.href, row.text.replace("END:VEVENT", "X-NOTHING:1\r\nEND:VEVENT", 1))
    return world.writes() == []


@pytest.fixture
def wecom(tmp_path):
    made = World(WeComSide, tmp_path)
    yield made
    made.close()


def series_item(world):
    return next(i for i in world.side.items() if i["content"]["reminders"]["is_repeat"])


def split(world, at, op_mode=1, **fields):
    return world.side.act(
        "edit",
        schedule_id=series_item(world)["schedule_id"],
        op_mode=op_mode,
        op_start_time=int(at.timestamp()),
        fields=fields,
    )["schedule_id"]


MOVES = {
    "renamed": lambda at: {"summary": "Something else", "description": "Notes", "location": "Room 1"},
    "moved": lambda at: {
        "start_time": int((at + HOUR).timestamp()),
        "end_time": int((at + 2 * HOUR).timestamp()),
    },
    "put off": lambda at: {
        "start_time": int((at + dt.timedelta(days=2)).timestamp()),
        "end_time": int((at + dt.timedelta(days=2, hours=3)).timestamp()),
    },
}


SPLIT_SWITCHES = [
    {},
    {"list_order": "newest_first", "list_page_cap": 1},
    {"list_superset": True, "sequence": "revision", "split_responses": "copied"},
    {"no_exclusions_shown": "absent", "all_day_end": "next_midnight", "timezone_shown": "unsigned"},
]


def made_in_the_app(world, start=None, **fields):
    """Make a weekly series by hand in the app, as people could before 2022."""
    start = start or day(0)
    (cal_id,) = world.side.box.control("state", {})["calendars"]
    reminders = {
        "is_repeat": 1,
        "repeat_type": 1,
        "repeat_until": int((start + 30 * DAY).timestamp()),
        "timezone": 8,
    }
    schedule = {
        "summary": "Planning", "description": "Notes", "location": "Room 1",
        "start_time": int(start.timestamp()), "end_time": int((start + HOUR).timestamp()), "reminders": reminders,
    }  # fmt: skip
    return world.side.act("create", schedule={**schedule, **fields}, cal_id=cal_id)["schedule_id"]


@pytest.mark.parametrize("switches", SPLIT_SWITCHES, ids=lambda s: "-".join(map(str, s)) or "default")
@pytest.mark.parametrize("change", MOVES)
def test_an_occurrence_changed_in_the_app_becomes_an_override(tmp_path, change, switches):
    world = World(WeComSide, tmp_path, switches=switches)
    try:
        words = ("DESCRIPTION:Notes", "LOCATION:Room 1", "X-MINE:kept")
        world.put("u1.ics", ics(vevent("u1", day(0), day(0) + HOUR, WEEKLY, *words)))
        split(world, day(7), **MOVES[change](day(7)))
        world.sync()
        (text,) = texts(world)
        assert shown(world) == truth(world)
        assert [o.recurrence_id for o in read(text).overrides] == [day(7)]
        assert "EXDATE" not in text
        assert text.count("X-MINE:kept") == 2
        assert is_quiet(world)
    finally:
        world.close()


@pytest.mark.parametrize("order", ["creation", "newest_first"])
def test_a_first_load_joins_what_was_changed_before_anybody_looked(tmp_path, order):
    world = World(
        WeComSide, tmp_path, switches={"users_may_add": True, "list_order": order, "list_page_cap": 1}
    )
    try:
        made_in_the_app(world)
        split(world, day(7), **MOVES["moved"](day(7)))
        split(world, day(14), **MOVES["renamed"](day(14)))
        world.side.drop_occurrence(series_item(world), day(21))
        world.sync(full=True)
        (text,) = texts(world)
        assert shown(world) == truth(world)
        assert [o.recurrence_id for o in read(text).overrides] == [day(7), day(14)]
        assert read(text).master.recurrence.exdates == (day(21),)
        assert is_quiet(world)
    finally:
        world.close()


def test_an_exclusion_that_was_served_as_exdate_turns_into_the_override(tmp_path):
    world = World(WeComSide, tmp_path)
    try:
        world.put("u1.ics", ics(vevent("u1", day(0), day(0) + HOUR, WEEKLY)))
        single = split(world, day(7), **MOVES["moved"](day(7)))
        state = world.side.box.office.corp.schedules
        hidden = state.pop(single)  # the list is behind: it shows the series, and not yet what was split off
        world.sync()
        assert "EXDATE" in world.text("u1.ics")
        state[single] = hidden
        world.sync()
        (text,) = texts(world)
        assert "EXDATE" not in text
        assert [o.recurrence_id for o in read(text).overrides] == [day(7)]
        assert shown(world) == truth(world)
        world.side.remove(next(i for i in world.side.items() if i["schedule_id"] == single))
        world.sync()
        assert shown(world) == truth(world)
        assert f"EXDATE;TZID=Asia/Shanghai:{stamp(day(7))}" in world.text("u1.ics")
        assert is_quiet(world)
    finally:
        world.close()


def test_the_client_goes_on_with_what_was_joined(wecom):
    wecom.put("u1.ics", ics(vevent("u1", day(0), day(0) + HOUR, WEEKLY)))
    single = split(wecom, day(7), **MOVES["moved"](day(7)))
    wecom.sync()
    wecom.side.calls.clear()
    wecom.put("u1.ics", wecom.text("u1.ics").replace("RECURRENCE-ID", "LOCATION:Here\r\nRECURRENCE-ID"))
    assert [c["endpoint"] for c in wecom.writes()] == ["oa/schedule/update"]
    changed = next(i for i in wecom.side.items() if i["schedule_id"] == single)
    assert changed["content"]["location"] == "Here"
    wecom.side.rename(next(i for i in wecom.side.items() if i["schedule_id"] == single), "Once more")
    wecom.sync()
    assert "SUMMARY:Once more" in wecom.text("u1.ics")
    wecom.delete("u1.ics")
    assert wecom.side.items() == []


def test_two_singles_that_fit_equally_well_stay_singles(tmp_path):
    world = World(WeComSide, tmp_path, switches={"users_may_add": True})
    try:
        made_in_the_app(world)
        world.side.drop_occurrence(series_item(world), day(7))
        single = {"is_repeat": 0, "timezone": 8}
        for _ in range(2):
            made_in_the_app(world, start=day(7, 15), reminders=single)
        made_in_the_app(
            world, start=day(7, 9), summary="Quite another", description="", location="", reminders=single
        )
        world.sync()
        assert len(texts(world)) == 4
        assert shown(world) == truth(world)
        assert is_quiet(world)
    finally:
        world.close()


@pytest.mark.parametrize("cut", ["minus_one", "day_before", "previous_plus_one"])
@pytest.mark.parametrize("exclusions", ["dropped", "carried"])
def test_this_and_future_changed_in_the_app_gives_two_true_objects(tmp_path, cut, exclusions):
    world = World(WeComSide, tmp_path, switches={"cut_until": cut, "split_exclusions": exclusions})
    try:
        gone = f"EXDATE;TZID=Asia/Shanghai:{stamp(day(28))}"
        world.put("u1.ics", ics(vevent("u1", day(0), day(0) + HOUR, "RRULE:FREQ=WEEKLY;COUNT=8", gone)))
        split(
            world,
            day(14),
            op_mode=2,
            start_time=int((day(14) + 2 * HOUR).timestamp()),
            end_time=int((day(14) + 3 * HOUR).timestamp()),
        )
        world.sync()
        assert len(texts(world)) == 2
        assert shown(world) == truth(world)
        assert is_quiet(world)
    finally:
        world.close()

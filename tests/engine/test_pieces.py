"""A series that the vendor holds in pieces: what a person does to one piece in the app is told in the one object."""

import datetime as dt

import pytest
from test_reading_back import HOUR, is_quiet, read, shown, truth
from world import WeComSide, World, day, ics, stamp, vevent

from bridge.errors import Refused

NTH = "RRULE:FREQ=MONTHLY;BYDAY=2TU"
NEW_YORK = "America/New_York"


@pytest.fixture
def wecom(tmp_path):
    made = World(WeComSide, tmp_path)
    yield made
    made.close()


def second_tuesday():
    start = day(0, 9)
    while not (start.weekday() == 1 and 8 <= start.day <= 14):
        start += dt.timedelta(days=1)
    return start


def put_dates(world):
    """Put a series of five odd dates: one piece each."""
    dates = ",".join(stamp(day(n, 9 + n % 5)) for n in (3, 8, 16, 29))
    text = ics(vevent("u1", day(0, 9), day(0, 10), f"RDATE;TZID=Asia/Shanghai:{dates}", "X-MINE:kept"))
    world.put("u1.ics", text)
    assert len(world.side.items()) == 5


def at(world, index):
    return sorted(world.side.items(), key=lambda i: i["content"]["start"])[index]


def test_a_single_piece_moved_in_the_app_is_an_override(wecom):
    put_dates(wecom)
    item = at(wecom, 2)
    wecom.side.shift(item, 3600)
    wecom.sync()
    assert shown(wecom, 380) == truth(wecom, 380)
    (override,) = read(wecom.text("u1.ics")).overrides
    assert int(override.recurrence_id.timestamp()) == item["content"]["start"]
    assert is_quiet(wecom)
    wecom.side.rename(at(wecom, 2), "And renamed")
    wecom.sync()
    (override,) = read(wecom.text("u1.ics")).overrides
    assert override.summary == "And renamed"
    assert is_quiet(wecom)


def test_a_single_piece_deleted_in_the_app_is_an_exdate(wecom):
    put_dates(wecom)
    item = at(wecom, 3)
    wecom.side.remove(item)
    wecom.sync()
    assert shown(wecom, 380) == truth(wecom, 380)
    (gone,) = read(wecom.text("u1.ics")).master.recurrence.exdates
    assert int(gone.timestamp()) == item["content"]["start"]
    assert is_quiet(wecom)


def test_second_tuesdays_stay_what_the_app_shows(wecom):
    start = second_tuesday()
    wecom.put("u1.ics", ics(vevent("u1", start, start + HOUR, NTH, "X-MINE:kept")))
    for index in (1, 0):
        item = at(wecom, index)
        wecom.side.rename(item, f"Renamed {index}") if index else wecom.side.remove(item)
        wecom.sync()
        assert shown(wecom, 380) == truth(wecom, 380)
    assert {o.summary for o in read(wecom.text("u1.ics")).overrides} == {"Renamed 1"}
    assert "X-MINE:kept" in wecom.text("u1.ics")


def new_york(world, rule="RRULE:FREQ=WEEKLY"):
    start = day(0).replace(tzinfo=None)
    text = ics(vevent("u1", start, start + HOUR, rule, "X-MINE:kept", zone=NEW_YORK))
    world.put("u1.ics", text)
    pieces = sorted(world.side.items(), key=lambda i: i["content"]["start"])
    assert len(pieces) >= 3
    assert all(i["content"]["reminders"]["is_repeat"] for i in pieces[:2])
    return pieces


def test_an_occurrence_of_a_piece_deleted_in_the_app_is_an_exdate(wecom):
    piece = new_york(wecom)[1]
    second = dt.datetime.fromtimestamp(piece["content"]["start"] + 7 * 86_400, dt.UTC)
    wecom.side.drop_occurrence(piece, second)
    wecom.sync()
    assert shown(wecom, 380) == truth(wecom, 380)
    assert read(wecom.text("u1.ics")).master.recurrence.exdates == (second,)
    assert is_quiet(wecom)


def test_an_occurrence_of_a_piece_changed_in_the_app_is_an_override(wecom):
    piece = new_york(wecom)[1]
    second = piece["content"]["start"] + 7 * 86_400
    wecom.side.act(
        "edit",
        schedule_id=piece["schedule_id"],
        op_mode=1,
        op_start_time=second,
        fields={"start_time": second + 3600, "end_time": second + 7200},
    )
    wecom.sync()
    assert shown(wecom, 380) == truth(wecom, 380)
    (override,) = read(wecom.text("u1.ics")).overrides
    assert int(override.recurrence_id.timestamp()) == second
    assert is_quiet(wecom)


@pytest.mark.parametrize("index", [0, 1])
def test_a_whole_piece_deleted_in_the_app_takes_its_occurrences_away(wecom, index):
    piece = new_york(wecom)[index]
    wecom.side.remove(piece)
    wecom.sync()
    assert shown(wecom, 380) == truth(wecom, 380)
    assert is_quiet(wecom)


@pytest.mark.parametrize("index", [0, 1])
def test_a_piece_renamed_or_moved_in_the_app_is_told_occurrence_by_occurrence(wecom, index):
    piece = new_york(wecom)[index]
    wecom.side.rename(piece, "Summer plan")
    wecom.sync()
    obj = read(wecom.text("u1.ics"))
    assert {o.summary for o in obj.overrides} == {"Summer plan"}
    assert obj.master.summary == "Planning"
    assert shown(wecom, 380) == truth(wecom, 380)
    assert is_quiet(wecom)
    before = len(obj.overrides)
    wecom.side.shift(next(i for i in wecom.side.items() if i["schedule_id"] == piece["schedule_id"]), 1800)
    wecom.sync()
    assert shown(wecom, 380) == truth(wecom, 380)
    assert len(read(wecom.text("u1.ics")).overrides) == before
    assert is_quiet(wecom)


def test_a_piece_cut_in_the_app_ends_there(wecom):
    piece = new_york(wecom)[1]
    fourth = piece["content"]["start"] + 21 * 86_400
    wecom.side.act("delete", schedule_id=piece["schedule_id"], op_mode=2, op_start_time=fourth)
    wecom.sync()
    assert shown(wecom, 380) == truth(wecom, 380)
    assert is_quiet(wecom)


def test_two_rules_that_both_lack_a_date_lack_it_at_the_vendor(world):
    """Each rule is a series of its own there, and the date has to go from both."""
    world.put(
        "two.ics",
        ics(
            vevent(
                "two",
                day(0),
                day(0, 11),
                "RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=6",
                "RRULE:FREQ=DAILY;INTERVAL=2;COUNT=30",
                f"EXDATE;TZID=Asia/Shanghai:{stamp(day(14))},{stamp(day(28))}",
            )
        ),
    )
    world.rest()
    world.carry()
    shown = [start for start, _ in world.side.occurrences(day(0, 0), day(80))]
    gone = {day(14).timestamp(), day(28).timestamp()}
    expected = {day(n).timestamp() for n in range(0, 60, 2)} | {day(n).timestamp() for n in range(0, 84, 14)}
    assert shown == sorted(expected - gone)
    assert [r["outcome"] for r in world.receipts()] == ["applied"]
    before = len(world.writes())
    world.put("two.ics", world.text("two.ics"))
    assert len(world.writes()) == before


def test_receipts_outlive_the_event(world):
    world.put("gone.ics", ics(vevent("gone", day(0), day(0, 11))))
    world.delete("gone.ics")
    world.carry()
    assert world.text("gone.ics") is None
    assert [(r["action"], r["outcome"]) for r in world.receipts()] == [
        ("delete", "applied"),
        ("put", "applied"),
    ]


def test_the_lost_text_of_a_refused_creation_outlives_its_undoing(world):
    """The second item is refused: the first one is taken back, and what the client wrote is in the receipt."""
    text = ics(
        vevent("half", day(0), day(0, 11), f"RDATE;TZID=Asia/Shanghai:{stamp(day(3))},{stamp(day(9))}")
    )
    world.fault(**{**world.side.refusal, "match": world.side.create_endpoint, "skip": 1})
    with pytest.raises(Refused):
        world.put("half.ics", text)
    world.side.box.faults.clear()
    world.rest()
    world.carry()
    assert world.side.items() == []
    lost = [r["lost_text"] for r in world.receipts() if r["outcome"] == "refused"]
    assert lost == [text]

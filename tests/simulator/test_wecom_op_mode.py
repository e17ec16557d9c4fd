"""op_mode 0, 1 and 2 on update and del (reference 5.4, 5.5 and 6.3)."""

from __future__ import annotations

import pytest

DAY = 86400
FIRST = 1767542400 + DAY + 36000
"""Start of the fixture's series: ten days from 2026-01-06 10:00 +08:00."""

ALL_TEN = [FIRST + day * DAY for day in range(10)]


@pytest.fixture
def series(box, cal) -> str:
    return box.series(cal, summary="Daily", attendees=[{"userid": "lisi"}, {"userid": "wangwu"}])


def change(box, schedule_id: str, mode: int | None = None, at: int | None = None, code: int = 0, **fields):
    body = {"schedule": {"schedule_id": schedule_id, "start_time": FIRST, "end_time": FIRST + 3600, **fields}}
    if mode is not None:
        body["op_mode"] = mode
    if at is not None:
        body["op_start_time"] = at
    answer = box.post("oa/schedule/update", body)
    assert answer["errcode"] == code, answer
    return answer.get("schedule_id")


def delete(box, schedule_id: str, mode: int | None = None, at: int | None = None) -> int:
    body = {"schedule_id": schedule_id}
    if mode is not None:
        body["op_mode"] = mode
    if at is not None:
        body["op_start_time"] = at
    return box.code("oa/schedule/del", body)


DAILY = {"is_repeat": 1, "repeat_type": 0}


def test_an_update_overwrites_what_it_leaves_out(box, cal) -> None:
    schedule_id = box.add(
        cal,
        description="d",
        location="l",
        is_whole_day=1,
        admins=["lisi"],
        attendees=[{"userid": "lisi"}],
        reminders={"is_remind": 1, "remind_time_diffs": [-900], "timezone": 0},
    )
    assert change(box, schedule_id) == schedule_id
    shown = box.show(schedule_id)
    assert shown["summary"] == shown["description"] == shown["location"] == ""
    assert shown["is_whole_day"] == 0
    assert shown["attendees"] == shown["admins"] == []
    assert shown["reminders"] == {
        "is_remind": 0,
        "is_repeat": 0,
        "remind_before_event_secs": 0,
        "remind_time_diffs": [],
        "timezone": 8,
    }


def test_skipped_attendees_stay_with_their_answers(box, cal) -> None:
    schedule_id = box.add(cal, attendees=[{"userid": "lisi"}, {"userid": "wangwu"}])
    box.act("respond", userid="lisi", schedule_id=schedule_id, answer="accept")
    body = {"schedule": {"schedule_id": schedule_id, "start_time": FIRST, "end_time": FIRST + 60}}
    box.ok("oa/schedule/update", {"skip_attendees": 1, **body})
    assert box.show(schedule_id)["attendees"] == [
        {"userid": "lisi", "response_status": 2},
        {"userid": "wangwu", "response_status": 0},
    ]
    assert box.code("oa/schedule/update", {"skip_attendees": True, **body}) == 40058
    legacy = {"schedule": {**body["schedule"], "skip_attendees": True}}
    box.ok("oa/schedule/update", legacy)
    assert len(box.show(schedule_id)["attendees"]) == 2
    box.ok("oa/schedule/update", {"skip_attendees ": 1, **body})  # the official samples' typo does nothing
    assert box.show(schedule_id)["attendees"] == []


def test_people_who_stay_keep_their_answers_when_the_list_is_sent(box, cal) -> None:
    schedule_id = box.add(cal, attendees=[{"userid": "lisi"}, {"userid": "wangwu"}])
    box.act("respond", userid="lisi", schedule_id=schedule_id, answer="decline")
    change(box, schedule_id, attendees=[{"userid": "lisi"}, {"userid": "zhaoliu"}])
    assert box.show(schedule_id)["attendees"] == [
        {"userid": "lisi", "response_status": 4},
        {"userid": "zhaoliu", "response_status": 0},
    ]


def test_mode_1_splits_off_a_single_schedule_with_an_id_of_its_own(box, cal, series) -> None:
    moved = ALL_TEN[3] + 7200
    part = change(box, series, 1, ALL_TEN[3], start_time=moved, end_time=moved + 1800, summary="Moved")
    assert part != series
    assert box.starts(series) == ALL_TEN[:3] + ALL_TEN[4:]
    assert box.starts(part) == [moved]
    assert box.show(series)["reminders"]["exclude_time_list"] == [{"start_time": ALL_TEN[3]}]
    shown = box.show(part)
    assert (shown["summary"], shown["cal_id"], shown["reminders"]["is_repeat"]) == ("Moved", cal, 0)
    assert "exclude_time_list" not in shown["reminders"]
    assert [row["schedule_id"] for row in box.list(cal)] == [series, part]


def test_a_removed_occurrence_is_no_occurrence_any_more(box, series) -> None:
    assert delete(box, series, 1, ALL_TEN[3]) == 0
    assert delete(box, series, 1, ALL_TEN[3]) == 90482
    change(box, series, 1, ALL_TEN[3], start_time=ALL_TEN[3], end_time=ALL_TEN[3] + 60, code=90482)


def test_mode_2_cuts_the_series_and_makes_another(box, series) -> None:
    at = ALL_TEN[4]
    part = change(
        box,
        series,
        2,
        at,
        start_time=at + 3600,
        end_time=at + 7200,
        reminders={**DAILY, "repeat_until": at + 3 * DAY},
    )
    assert part != series
    assert box.starts(series) == ALL_TEN[:4]
    assert box.show(series)["reminders"]["repeat_until"] == at - 1
    assert box.starts(part) == [at + 3600 + day * DAY for day in range(3)]


def test_mode_2_at_the_first_occurrence_changes_all(box, series) -> None:
    part = change(box, series, 2, FIRST, summary="All", reminders={**DAILY, "repeat_until": ALL_TEN[2]})
    assert part == series
    assert box.starts(series) == ALL_TEN[:3]
    assert box.show(series)["summary"] == "All"


def test_mode_0_changes_all_and_keeps_exclusions_that_are_still_on_the_pattern(box, series) -> None:
    delete(box, series, 1, ALL_TEN[2])
    change(box, series, 0, summary="New", reminders={**DAILY, "repeat_until": ALL_TEN[9]})
    assert box.starts(series) == ALL_TEN[:2] + ALL_TEN[3:]
    change(box, series, start_time=FIRST + 60, reminders={**DAILY, "repeat_until": ALL_TEN[9] + 60})
    assert box.show(series)["reminders"]["exclude_time_list"] == []
    assert len(box.starts(series)) == 10


def test_deleting_one_later_ones_and_all(box, series) -> None:
    assert delete(box, series, 1, ALL_TEN[1]) == 0
    assert delete(box, series, 2, ALL_TEN[5]) == 0
    assert box.starts(series) == [ALL_TEN[0], *ALL_TEN[2:5]]
    assert box.show(series)["status"] == 0
    assert delete(box, series) == 0
    assert box.starts(series) == []
    assert box.show(series)["status"] == 1


def test_deleting_from_the_first_on_cancels_the_series(box, series) -> None:
    assert delete(box, series, 2, FIRST) == 0
    assert box.show(series)["status"] == 1


def test_a_split_off_schedule_outlives_its_series(box, series) -> None:
    part = change(box, series, 1, ALL_TEN[3], start_time=ALL_TEN[3], end_time=ALL_TEN[3] + 60)
    assert delete(box, series) == 0
    assert box.starts(part) == [ALL_TEN[3]]


@pytest.mark.parametrize("act", ["update", "del"])
@pytest.mark.parametrize(
    ("mode", "at", "code"),
    [
        (3, None, 90485),
        (1, None, 90482),
        (2, None, 90482),
        (1, FIRST + 1, 90482),
        (2, FIRST - DAY, 90482),
        (1, FIRST + 10 * DAY, 90482),
        (1, "x", 40058),
        ("1", FIRST, 40058),
        (True, FIRST, 40058),
        (0, "x", 40058),
    ],
)
def test_an_operation_that_fits_nothing_is_refused(box, series, act, mode, at, code) -> None:
    body = {"schedule_id": series} if act == "del" else {}
    if act == "update":
        body["schedule"] = {"schedule_id": series, "start_time": FIRST, "end_time": FIRST + 60}
    body |= {"op_mode": mode} | ({} if at is None else {"op_start_time": at})
    assert box.code(f"oa/schedule/{act}", body) == code
    assert box.starts(series) == ALL_TEN


def test_a_part_of_a_single_schedule_cannot_be_named(box, cal) -> None:
    single = box.add(cal)
    for mode in (1, 2):
        change(box, single, mode, FIRST, code=90485)
        assert delete(box, single, mode, FIRST) == 90485


def test_one_occurrence_cannot_repeat(box, series) -> None:
    at = ALL_TEN[2]
    change(box, series, 1, at, start_time=at, end_time=at + 60, reminders=DAILY, code=90484)


def test_the_new_start_is_on_the_day_or_later(box, series) -> None:
    at = ALL_TEN[2]
    midnight = at - 36000
    change(box, series, 1, at, start_time=midnight - 1, end_time=at, code=90488)
    change(box, series, 2, at, start_time=at - DAY, end_time=at, reminders=DAILY, code=90488)
    assert change(box, series, 1, at, start_time=midnight, end_time=at) != series


def test_the_start_of_a_single_schedule_cannot_move_into_the_past(box, cal) -> None:
    now = int(box.sim.clock.now())
    single = box.add(cal)
    change(box, single, start_time=now - 60, end_time=now + 60, code=90706)
    change(box, single, start_time=now, end_time=now + 60)
    box.control("clock", {"advance_s": 3600})
    change(box, single, start_time=now, end_time=now + 90)  # it did not move
    series = box.series(cal)
    change(box, series, start_time=now - DAY, end_time=now, reminders=DAILY)


def test_a_cancelled_schedule_can_be_read_but_not_written(box, cal) -> None:
    schedule_id = box.add(cal)
    assert delete(box, schedule_id) == 0
    assert delete(box, schedule_id) == 90460
    change(box, schedule_id, code=90460)
    people = {"schedule_id": schedule_id, "attendees": [{"userid": "lisi"}]}
    assert box.code("oa/schedule/add_attendees", people) == 90460
    assert box.code("oa/schedule/del_attendees", people) == 90460
    assert box.show(schedule_id)["status"] == 1


def test_a_calendar_id_in_an_update_changes_nothing(box, cal) -> None:
    schedule_id = box.add(cal)
    change(box, schedule_id, cal_id=box.calendar())
    assert box.show(schedule_id)["cal_id"] == cal


def test_a_booked_room_fixes_the_times(box, series) -> None:
    box.act("book_room", schedule_id=series)
    same = {**DAILY, "repeat_until": ALL_TEN[9]}
    change(box, series, summary="Other words", reminders={**same, "is_remind": 1})
    change(box, series, start_time=FIRST + 60, reminders=same, code=90700)
    change(box, series, reminders={**same, "timezone": 0}, code=90700)
    box.act("book_room", schedule_id=series, booked=False)
    change(box, series, start_time=FIRST + 60, reminders=same)


def test_every_write_tells_the_people_concerned_once(box) -> None:
    cal = box.calendar(shares=[{"userid": "lisi"}])
    assert [(item["to"], item["kind"]) for item in box.notices()] == [("lisi", "calendar_add")]
    schedule_id = box.add(cal, attendees=[{"userid": "wangwu"}])
    assert [(item["to"], item["item_id"]) for item in box.notices()] == [
        ("lisi", schedule_id),
        ("wangwu", schedule_id),
    ]
    change(box, schedule_id, attendees=[{"userid": "zhaoliu"}])
    assert {item["to"] for item in box.notices()} == {"lisi", "wangwu", "zhaoliu"}
    change(box, schedule_id, start_time="x", code=40058)
    assert box.notices() == []
    delete(box, schedule_id)
    assert {(item["to"], item["kind"]) for item in box.notices()} == {
        ("lisi", "schedule_del"),
        ("zhaoliu", "schedule_del"),
    }

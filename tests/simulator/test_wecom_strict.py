"""What WeCom refuses, and with which code."""

from __future__ import annotations

import json

import pytest

TIMES = {"start_time": 1767837600, "end_time": 1767841200}
CALENDAR = {"summary": "Li Si", "color": "#3366CC"}


def reminders(**rule):
    return {"reminders": rule}


REPEAT = {"is_repeat": 1, "repeat_type": 1}
CUSTOM = {**REPEAT, "is_custom_repeat": 1, "repeat_interval": 1}

SCHEDULES = [
    # numbers are numbers, flags are 0 and 1
    ({"start_time": "1767837600"}, 40058),
    ({"start_time": 1767837600.0}, 40058),
    ({"start_time": True}, 40058),
    ({"start_time": None}, 40058),
    ({"end_time": "1767841200"}, 40058),
    ({"is_whole_day": True}, 40058),
    ({"is_whole_day": "1"}, 40058),
    ({"is_whole_day": 2}, 40058),
    ({"summary": 5}, 40058),
    ({"location": ["x"]}, 40058),
    ({"attendees": "lisi"}, 40058),
    ({"attendees": ["lisi"]}, 40058),
    ({"attendees": [{"user_id": "lisi"}]}, 40058),
    ({"admins": "lisi"}, 40058),
    ({"reminders": []}, 40058),
    (reminders(is_remind=True), 40058),
    (reminders(timezone="8"), 40058),
    (reminders(is_remind=1, remind_time_diffs=["-900"]), 40058),
    (reminders(is_remind=1, remind_time_diffs=-900), 40058),
    (reminders(**CUSTOM, repeat_day_of_week=["4"]), 40058),
    # times
    ({"start_time": 1767841200}, 40058),
    ({"start_time": 1767841201}, 40058),
    ({"start_time": 0}, 40058),
    ({"start_time": -1}, 40058),
    ({"end_time": 2**32 - 1}, 0),
    ({"end_time": 2**32}, 40058),
    # lengths
    ({"summary": "会" * 128}, 0),
    ({"summary": "会" * 129}, 40058),
    ({"summary": ""}, 0),
    ({"description": "记" * 1000}, 0),
    ({"description": "记" * 1001}, 40058),
    ({"location": "x" * 128}, 0),
    ({"location": "x" * 129}, 40058),
    ({"attendees": [{"userid": ""}]}, 40058),
    ({"attendees": [{"userid": "x" * 65}]}, 40058),
    ({"cal_id": "x" * 65}, 40058),
    ({"cal_id": "wcUNKNOWN"}, 90457),
    # people
    ({"attendees": [{"userid": f"u{number}"} for number in range(1001)]}, 90464),
    ({"attendees": [{"userid": "ghost"}]}, 60111),
    ({"attendees": [{"userid": "LiSi"}, {"userid": "lisi"}]}, 0),
    ({"admins": ["lisi", "wangwu", "zhangsan", "zhaoliu"]}, 40058),
    ({"admins": ["lisi"], "attendees": [{"userid": "lisi"}]}, 0),
    ({"admins": ["lisi"]}, 90492),
    ({"admins": ["zhaoliu"], "attendees": [{"userid": "zhaoliu"}]}, 90492),
    # reminders
    (reminders(is_remind=1, remind_before_event_secs=3600), 0),
    (reminders(is_remind=1, remind_before_event_secs=600), 90471),
    (reminders(is_remind=1, remind_before_event_secs=-300), 90471),
    (reminders(is_remind=0, remind_before_event_secs=600), 0),
    (reminders(is_remind=1, remind_time_diffs=[0, -300, -900, -3600, -86400]), 0),
    (reminders(is_remind=1, remind_time_diffs=[0, 3600]), 90704),
    (reminders(is_remind=1, remind_time_diffs=[-600]), 90704),
    (reminders(is_remind=1, remind_time_diffs=[32400]), 90704),
    (reminders(is_remind=1, remind_time_diffs=[-172800]), 90704),
    (reminders(is_remind=0, remind_time_diffs=[-600]), 0),
    ({"is_whole_day": 1, **reminders(is_remind=1, remind_time_diffs=[32400, -172800, -604800, 0])}, 0),
    ({"is_whole_day": 1, **reminders(is_remind=1, remind_time_diffs=[28800])}, 90704),
    # recurrence
    *[(reminders(is_repeat=1, repeat_type=kind), 0) for kind in (0, 1, 2, 5, 7)],
    *[(reminders(is_repeat=1, repeat_type=kind), 90465) for kind in (3, 4, 6, 8, -1)],
    (reminders(is_repeat=0, repeat_type=99), 0),
    (reminders(**REPEAT, is_custom_repeat=1), 90486),
    (reminders(**REPEAT, is_custom_repeat=1, repeat_interval=0), 90486),
    (reminders(**CUSTOM, repeat_day_of_week=[1, 7]), 0),
    (reminders(**CUSTOM, repeat_day_of_week=[0]), 90467),
    (reminders(**CUSTOM, repeat_day_of_week=[8]), 90467),
    (reminders(**{**CUSTOM, "repeat_type": 2}, repeat_day_of_month=[1, 31]), 0),
    (reminders(**{**CUSTOM, "repeat_type": 2}, repeat_day_of_month=[0]), 90487),
    (reminders(**{**CUSTOM, "repeat_type": 2}, repeat_day_of_month=[32]), 90487),
    (reminders(**REPEAT, repeat_until=0), 0),
    (reminders(**REPEAT, repeat_until=1767837599), 40058),
    (reminders(**REPEAT, repeat_until=1767837600), 0),
    (reminders(timezone=-12), 0),
    (reminders(timezone=12), 0),
    (reminders(timezone=13), 90480),
    (reminders(timezone=-13), 90480),
    (reminders(timezone=5.5), 40058),
    # what nobody lists is ignored
    ({"exclude_time_list": [{"start_time": 1}], "transparency": "free", "organizer": "lisi"}, 0),
]


@pytest.mark.parametrize(("given", "code"), SCHEDULES, ids=lambda value: json.dumps(value)[:60])
def test_a_schedule_is_checked_field_by_field(box, cal, given, code) -> None:
    schedule = {"cal_id": cal, **TIMES, **given}
    assert box.code("oa/schedule/add", {"schedule": schedule}) == code
    assert len(box.list(cal)) == (code == 0)


@pytest.mark.parametrize(("given", "code"), [row for row in SCHEDULES if "cal_id" not in row[0]][::2])
def test_an_update_is_checked_like_an_addition(box, cal, given, code) -> None:
    schedule_id = box.add(cal)
    before = box.show(schedule_id)
    schedule = {"schedule_id": schedule_id, **TIMES, **given}
    assert box.code("oa/schedule/update", {"schedule": schedule}) == code
    assert code == 0 or box.show(schedule_id) == before


@pytest.mark.parametrize("missing", ["start_time", "end_time", "schedule_id"])
def test_required_fields_of_a_schedule_are_required(box, cal, missing) -> None:
    schedule = {"schedule_id": box.add(cal), "cal_id": cal, **TIMES}
    del schedule[missing]
    assert box.code("oa/schedule/update", {"schedule": schedule}) == 40058
    if missing != "schedule_id":
        answer = box.post("oa/schedule/add", {"schedule": schedule})
        assert answer["errcode"] == 40058
        assert missing in answer["errmsg"]


def test_a_start_after_the_end_gets_the_misleading_text(box, cal) -> None:
    backwards = {"cal_id": cal, "start_time": 1767841200, "end_time": 1767837600}
    assert "missing paramters start_time" in box.post("oa/schedule/add", {"schedule": backwards})["errmsg"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, 0),
        ({"summary": None}, 40058),
        ({"summary": ""}, 40058),
        ({"summary": "x" * 128}, 0),
        ({"summary": "x" * 129}, 40058),
        ({"color": "red"}, 90473),
        ({"color": "#12345"}, 90473),
        ({"color": "#1234567"}, 90473),
        ({"color": "#12345G"}, 90473),
        ({"color": 5}, 40058),
        ({"description": "x" * 512}, 0),
        ({"description": "x" * 513}, 40058),
        ({"shares": [{"permission": 1}]}, 40058),
        ({"shares": [{"userid": "lisi", "permission": 2}]}, 40058),
        ({"shares": [{"userid": "lisi", "permission": "1"}]}, 40058),
        ({"shares": [{"userid": "lisi", "permission": 3}]}, 0),
        ({"shares": [{"userid": "ghost"}] * 2001}, 40058),
        ({"shares": [{"userid": "lisi"}], "admins": ["lisi"]}, 0),
        ({"shares": [{"userid": "lisi"}], "admins": ["wangwu"]}, 90492),
        ({"shares": [{"userid": "ghost"}], "admins": ["ghost"]}, 90492),
        ({"shares": [{"userid": "lisi"}], "admins": ["lisi", "a", "b", "c"]}, 40058),
        ({"is_public": True}, 40058),
        ({"is_public": 1}, 90483),
        ({"is_corp_calendar": 1}, 90483),
        ({"is_public": 1, "public_range": {"userids": ["lisi"]}}, 0),
        ({"is_public": 1, "public_range": {"userids": ["u"] * 1001}}, 40058),
        ({"is_public": 1, "public_range": {"partyids": [1] * 101}}, 40058),
        ({"is_public": 1, "public_range": {"partyids": ["1"]}}, 40058),
        ({"set_as_default": True}, 40058),
        ({"organizer": "lisi", "readonly": 1}, 0),
    ],
    ids=lambda value: json.dumps(value)[:50],
)
def test_a_calendar_is_checked_field_by_field(box, given, code) -> None:
    assert box.code("oa/calendar/add", {"calendar": {**CALENDAR, **given}}) == code


@pytest.mark.parametrize("missing", ["summary", "color"])
def test_required_fields_of_a_calendar_are_required(box, cal, missing) -> None:
    calendar = {key: value for key, value in CALENDAR.items() if key != missing}
    assert box.code("oa/calendar/add", {"calendar": calendar}) == 40058
    assert box.code("oa/calendar/update", {"calendar": {"cal_id": cal, **calendar}}) == 40058


def test_an_update_of_a_calendar_needs_its_id(box, cal) -> None:
    assert box.code("oa/calendar/update", {"calendar": CALENDAR}) == 40058
    assert box.code("oa/calendar/update", {"calendar": {"cal_id": "wcNO", **CALENDAR}}) == 90457


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b'"x"',
        b'{"schedule_id_list":["a"],}',
        b"\xff{}",
        b'{"schedule_id_list":NaN}',
        b"{}x",
    ],
)
def test_a_body_that_is_no_json_object_is_refused(box, body) -> None:
    assert box.post("oa/schedule/get", body)["errcode"] == 40058


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("oa/schedule/get", {}, 90462),
        ("oa/schedule/get", {"schedule_id_list": []}, 90462),
        ("oa/schedule/get", {"schedule_id_list": "x"}, 40058),
        ("oa/schedule/get", {"schedule_id_list": [5]}, 40058),
        ("oa/schedule/get", {"schedule_id_list": ["x"] * 1001}, 40058),
        ("oa/schedule/get", {"schedule_id_list": ["x"]}, 90461),
        ("oa/calendar/get", {}, 90458),
        ("oa/calendar/get", {"cal_id_list": ["x"]}, 90457),
        ("oa/calendar/get", {"cal_id_list": ["x"] * 1001}, 40058),
        ("oa/calendar/del", {}, 40058),
        ("oa/calendar/del", {"cal_id": "x"}, 90457),
        ("oa/schedule/del", {}, 40058),
        ("oa/schedule/del", {"schedule_id": "x"}, 90461),
        ("oa/schedule/update", {}, 40058),
        ("oa/schedule/update", {"schedule": {"schedule_id": "x", **TIMES}}, 90461),
        ("oa/schedule/add", {"schedule": "x"}, 40058),
        ("oa/schedule/add_attendees", {"schedule_id": "x", "attendees": []}, 90461),
    ],
)
def test_ids_and_lists_are_checked(box, path, body, code) -> None:
    assert box.code(path, body) == code


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ({}, 0),
        ({"offset": 0, "limit": 1000}, 0),
        ({"limit": 1001}, 90469),
        ({"limit": 0}, 90469),
        ({"limit": -1}, 90469),
        ({"offset": -1}, 90470),
        ({"offset": "0"}, 40058),
        ({"cal_id": "wcNO"}, 90457),
        ({"cal_id": 5}, 40058),
    ],
)
def test_a_page_is_checked(box, cal, page, code) -> None:
    assert box.code("oa/schedule/get_by_calendar", {"cal_id": cal, **page}) == code


def test_attendee_calls_are_checked(box, cal) -> None:
    schedule_id = box.add(cal)
    for call in ("add_attendees", "del_attendees"):
        path = f"oa/schedule/{call}"
        assert box.code(path, {"schedule_id": schedule_id}) == 40058
        assert box.code(path, {"schedule_id": schedule_id, "attendees": []}) == 40058
        assert box.code(path, {"schedule_id": schedule_id, "attendees": [{"userid": 5}]}) == 40058
    body = {"schedule_id": schedule_id, "attendees": [{"userid": "ghost"}]}
    assert box.code("oa/schedule/add_attendees", body) == 60111
    assert box.code("oa/schedule/del_attendees", body) == 0


def test_a_thousand_attendees_are_the_most_in_all(make_box) -> None:
    people = [{"userid": f"u{number}"} for number in range(1001)]
    box = make_box(people=people)
    cal = box.calendar(shares=[])
    schedule_id = box.add(cal, attendees=people[:999])
    body = {"schedule_id": schedule_id, "attendees": people[998:1000]}
    assert box.code("oa/schedule/add_attendees", body) == 0
    body["attendees"] = people[1000:]
    assert box.code("oa/schedule/add_attendees", body) == 90464
    assert len(box.show(schedule_id)["attendees"]) == 1000
    body["attendees"] = people
    assert box.code("oa/schedule/del_attendees", body) == 40058
    body["attendees"] = people[:1000]
    assert box.code("oa/schedule/del_attendees", body) == 0
    assert box.show(schedule_id)["attendees"] == []


def test_every_call_needs_its_own_method(box, cal) -> None:
    for path in ("oa/calendar/get", "oa/schedule/get", "oa/schedule/add", "user/getuserid"):
        assert box.get(path)["errcode"] == 40058
    assert box.code("user/get", {}) == 40058
    assert box.http.post("/cgi-bin/gettoken").json()["errcode"] == 40058


def test_a_token_in_the_body_does_not_count(box, cal) -> None:
    answer = box.http.post("/cgi-bin/oa/calendar/get", json={"cal_id_list": [cal], "access_token": box.token})
    assert answer.json()["errcode"] == 41001

"""The examples of the reference's section 19, one after the other."""

from __future__ import annotations

import re

EXPECTED_SERIES = {
    "admins": ["lisi"],
    "summary": "Team sync",
    "description": "weekly",
    "location": "Room 3",
    "start_time": 1767837600,
    "end_time": 1767841200,
    "is_whole_day": 0,
    "status": 0,
    "reminders": {
        "is_remind": 1,
        "remind_before_event_secs": 900,
        "remind_time_diffs": [-900],
        "is_repeat": 1,
        "repeat_type": 1,
        "repeat_until": 1774540799,
        "is_custom_repeat": 1,
        "repeat_interval": 1,
        "repeat_day_of_week": [4],
        "repeat_day_of_month": [],
        "timezone": 8,
        "exclude_time_list": [{"start_time": 1768442400}, {"start_time": 1769047200}],
    },
}


def calendar_of_section_19(box) -> str:
    answer = box.ok(
        "oa/calendar/add",
        {
            "calendar": {
                "summary": "Li Si (bridge)",
                "color": "#3366CC",
                "description": "synced",
                "admins": ["lisi"],
                "shares": [{"userid": "lisi", "permission": 1}, {"userid": "ghost", "permission": 3}],
                "set_as_default": 0,
                "is_public": 0,
                "is_corp_calendar": 0,
            }
        },
    )
    assert [(item["errcode"], item["userid"]) for item in answer["fail_result"]["shares"]] == [
        (40003, "ghost")
    ]
    return answer["cal_id"]


def weekly_series(box, cal_id: str) -> str:
    answer = box.ok(
        "oa/schedule/add",
        {
            "schedule": {
                "cal_id": cal_id,
                "admins": ["lisi"],
                "summary": "Team sync",
                "description": "weekly",
                "location": "Room 3",
                "start_time": 1767837600,
                "end_time": 1767841200,
                "is_whole_day": 0,
                "attendees": [{"userid": "lisi"}, {"userid": "wangwu"}],
                "reminders": {
                    "is_remind": 1,
                    "remind_time_diffs": [-900],
                    "is_repeat": 1,
                    "repeat_type": 1,
                    "repeat_until": 1774540799,
                    "is_custom_repeat": 1,
                    "repeat_interval": 1,
                    "repeat_day_of_week": [4],
                    "timezone": 8,
                },
            }
        },
    )
    assert set(answer) == {"errcode", "errmsg", "schedule_id"}
    return answer["schedule_id"]


def test_calendars_are_added_updated_read_and_deleted(box) -> None:
    cal_id = calendar_of_section_19(box)
    assert re.fullmatch(r"wc[A-Za-z0-9_-]{30}", cal_id)
    corp_wide = box.ok(
        "oa/calendar/add",
        {
            "calendar": {
                "summary": "Holidays",
                "color": "#FF0000",
                "is_public": 1,
                "is_corp_calendar": 1,
                "public_range": {"userids": ["lisi"], "partyids": [1]},
            }
        },
    )["cal_id"]
    update = {
        "skip_public_range": 1,
        "calendar": {
            "cal_id": cal_id,
            "summary": "Li Si",
            "color": "#3366CC",
            "description": "synced",
            "admins": ["lisi"],
            "shares": [{"userid": "lisi", "permission": 1}],
        },
    }
    assert box.ok("oa/calendar/update", update) == {"errcode": 0, "errmsg": "ok"}
    shown = box.ok("oa/calendar/get", {"cal_id_list": [cal_id, corp_wide]})["calendar_list"]
    assert shown[0] == {
        "cal_id": cal_id,
        "admins": ["lisi"],
        "summary": "Li Si",
        "color": "#3366CC",
        "description": "synced",
        "shares": [{"userid": "lisi", "permission": 1}],
        "is_public": 0,
        "public_range": {"userids": [], "partyids": []},
        "is_corp_calendar": 0,
    }
    assert shown[1]["public_range"] == {"userids": ["lisi"], "partyids": [1]}
    assert box.ok("oa/calendar/del", {"cal_id": corp_wide}) == {"errcode": 0, "errmsg": "ok"}
    assert box.code("oa/calendar/del", {"cal_id": corp_wide}) == 90459


def test_the_series_with_a_moved_and_a_deleted_occurrence_reads_back_as_shown(box) -> None:
    cal_id = calendar_of_section_19(box)
    series = weekly_series(box, cal_id)
    box.act("respond", userid="lisi", schedule_id=series, answer="accept")
    moved = box.ok(
        "oa/schedule/update",
        {
            "skip_attendees": 1,
            "op_mode": 1,
            "op_start_time": 1768442400,
            "schedule": {
                "schedule_id": series,
                "summary": "Team sync (moved)",
                "description": "weekly",
                "location": "Room 5",
                "start_time": 1768456800,
                "end_time": 1768460400,
                "is_whole_day": 0,
                "reminders": {"is_remind": 1, "remind_time_diffs": [-900], "is_repeat": 0, "timezone": 8},
            },
        },
    )["schedule_id"]
    people = {"schedule_id": series, "attendees": [{"userid": "zhaoliu"}]}
    assert box.ok("oa/schedule/add_attendees", people) == {"errcode": 0, "errmsg": "ok"}
    assert box.ok("oa/schedule/del_attendees", people) == {"errcode": 0, "errmsg": "ok"}
    gone = {"schedule_id": series, "op_mode": 1, "op_start_time": 1769047200}
    assert box.ok("oa/schedule/del", gone) == {"errcode": 0, "errmsg": "ok"}
    shown = box.ok("oa/schedule/get", {"schedule_id_list": [series, moved]})["schedule_list"]
    assert shown[0] == {
        **EXPECTED_SERIES,
        "schedule_id": series,
        "cal_id": cal_id,
        "attendees": [
            {"userid": "lisi", "response_status": 2},
            {"userid": "wangwu", "response_status": 0},
        ],
    }
    assert shown[1] == {
        "schedule_id": moved,
        "admins": [],
        "cal_id": cal_id,
        "attendees": [
            {"userid": "lisi", "response_status": 0},
            {"userid": "wangwu", "response_status": 0},
        ],
        "summary": "Team sync (moved)",
        "description": "weekly",
        "location": "Room 5",
        "start_time": 1768456800,
        "end_time": 1768460400,
        "is_whole_day": 0,
        "status": 0,
        "reminders": {
            "is_remind": 1,
            "remind_before_event_secs": 900,
            "remind_time_diffs": [-900],
            "is_repeat": 0,
            "timezone": 8,
        },
    }


def test_a_list_has_the_documented_subset_and_keeps_what_is_cancelled(box) -> None:
    cal_id = calendar_of_section_19(box)
    day = {
        "cal_id": cal_id,
        "summary": "Holiday",
        "start_time": 1777564800,
        "end_time": 1777651199,
        "is_whole_day": 1,
        "reminders": {"is_remind": 1, "remind_time_diffs": [32400], "is_repeat": 0, "timezone": 8},
    }
    schedule_id = box.ok("oa/schedule/add", {"schedule": day})["schedule_id"]
    box.ok("oa/schedule/del", {"schedule_id": schedule_id})
    row = box.list(cal_id, offset=0, limit=500)[0]
    assert isinstance(row.pop("sequence"), int)
    assert row == {
        "schedule_id": schedule_id,
        "admins": [],
        "attendees": [],
        "summary": "Holiday",
        "description": "",
        "location": "",
        "start_time": 1777564800,
        "end_time": 1777651199,
        "status": 1,
        "cal_id": cal_id,
        "reminders": {"is_remind": 1, "is_repeat": 0, "remind_before_event_secs": 0, "timezone": 8},
    }
    assert box.list(cal_id, offset=1, limit=500) == []
    series = weekly_series(box, cal_id)
    rule = box.list(cal_id)[1]["reminders"]
    assert rule["repeat_day_of_week"] == [4]
    assert not {"exclude_time_list", "remind_time_diffs"} & set(rule)
    assert "sequence" not in box.show(series)


def test_the_legacy_update_of_the_seed_document_is_accepted(box) -> None:
    series = weekly_series(box, calendar_of_section_19(box))
    legacy = {
        "schedule": {
            "organizer": "lisi",
            "schedule_id": series,
            "start_time": 1767837600,
            "end_time": 1767841200,
            "attendees": [{"userid": "wangwu"}],
            "summary": "Team sync",
            "description": "weekly",
            "location": "Room 3",
            "reminders": {
                "is_remind": 1,
                "remind_before_event_secs": 900,
                "is_repeat": 1,
                "repeat_type": 1,
                "repeat_until": 1774540799,
                "is_custom_repeat": 1,
                "repeat_interval": 1,
                "repeat_day_of_week": [4],
                "repeat_day_of_month": [],
                "timezone": 8,
            },
        }
    }
    box.switch(update_reply_id=False)
    assert box.ok("oa/schedule/update", legacy) == {"errcode": 0, "errmsg": "ok"}
    shown = box.show(series)
    assert [item["userid"] for item in shown["attendees"]] == ["wangwu"]
    assert shown["reminders"]["remind_before_event_secs"] == 900


def test_the_field_catalogue_of_the_seed_document_is_taken_field_by_field(box, cal) -> None:
    """Workdays with days of week and month: values that do not apply are kept and do nothing."""
    schedule = {
        "cal_id": cal,
        "start_time": 1571274600,
        "end_time": 1571320210,
        "reminders": {
            "is_remind": 1,
            "remind_before_event_secs": 3600,
            "is_repeat": 1,
            "repeat_type": 7,
            "repeat_until": 1606976813,
            "is_custom_repeat": 1,
            "repeat_interval": 1,
            "repeat_day_of_week": [3, 7],
            "repeat_day_of_month": [10, 21],
            "timezone": 8,
        },
    }
    schedule_id = box.ok("oa/schedule/add", {"schedule": schedule})["schedule_id"]
    first_week = box.starts(schedule_id, end=1571274600 + 7 * 86400)
    assert [(start - 1571274600) // 86400 for start in first_week] == [0, 1, 4, 5, 6]


def test_an_error_text_has_hint_address_and_link(box) -> None:
    answer = box.post("oa/schedule/get", {"schedule_id_list": []})
    assert answer["errcode"] == 90462
    assert re.fullmatch(
        r".+, hint: \[1767542400_\d+_[0-9a-f]{32}\], from ip: 127\.0\.0\.1, "
        r"more info at https://open\.work\.weixin\.qq\.com/devtool/query\?e=90462",
        answer["errmsg"],
    )
    box.switch(hint_style="digits")
    assert re.search(r"hint: \[\d{25}\]", box.post("oa/schedule/get", {"schedule_id_list": []})["errmsg"])


def test_people_are_found_by_address_and_number(box) -> None:
    found = {"errcode": 0, "errmsg": "ok", "userid": "lisi"}
    assert box.post("user/get_userid_by_email", {"email": "lisi@example.com", "email_type": 2}) == found
    assert box.post("user/getuserid", {"mobile": "13800000000"}) == found
    sync = box.gettoken("sync")
    answer = box.post("user/list_id", {"cursor": "", "limit": 10000}, sync)
    assert answer["next_cursor"] == ""
    assert {"userid": "lisi", "department": 1} in answer["dept_user"]

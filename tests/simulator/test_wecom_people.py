"""The directory, logins, and what people and administrators do."""

from __future__ import annotations

import pytest

DAY = 86400
NOW = 1767542400
FIRST = NOW + DAY + 36000
TIMES = {"start_time": FIRST, "end_time": FIRST + 3600}


def test_a_member_is_read_with_the_fields_the_app_may_see(box) -> None:
    shown = box.get("user/get", userid="LiSi")
    assert (shown["userid"], shown["name"], shown["status"], shown["main_department"]) == (
        "lisi",
        "李四",
        1,
        1,
    )
    assert not {"email", "biz_mail", "mobile"} & set(shown)
    old = box.get("user/get", box.gettoken("old"), userid="lisi")
    assert (old["email"], old["biz_mail"]) == ("lisi@example.com", "lisi@corp.example.com")
    assert box.get("user/get", userid="ghost")["errcode"] == 60111
    assert box.get("user/get")["errcode"] == 40003
    assert box.get("user/get", userid="x" * 65)["errcode"] == 40003


def test_a_person_is_found_by_either_address(box) -> None:
    def find(email: str, **more) -> dict:
        return box.post("user/get_userid_by_email", {"email": email, **more})

    assert find("lisi@corp.example.com")["userid"] == "lisi"
    assert find("LISI@corp.example.com", email_type=1)["userid"] == "lisi"
    assert find("lisi@example.com")["errcode"] == 46004
    assert find("lisi@example.com", email_type=2)["userid"] == "lisi"
    assert find("lisi@example.com", email_type=3)["errcode"] == 40058
    assert find("lisi@example.com", email_type="2")["errcode"] == 40058
    assert find("lisi")["errcode"] == 40058
    assert box.code("user/get_userid_by_email", {}) == 40058
    narrow = box.gettoken("narrow")
    assert box.code("user/get_userid_by_email", {"email": "zhangsan@corp.example.com"}, narrow) == 46004


def test_a_mobile_number_is_checked(box) -> None:
    assert box.code("user/getuserid", {}) == 40058
    assert box.code("user/getuserid", {"mobile": "1380"}) == 40058
    assert box.code("user/getuserid", {"mobile": 13800000000}) == 40058
    assert box.code("user/getuserid", {"mobile": "13899999999"}) == 46004


def test_departments_and_their_members(box) -> None:
    box.act("add_department", department_id=2, name="Design")
    box.act("add_department", department_id=3, name="Icons", parent_id=2)
    box.act("add_person", userid="Mei-1", name="梅", departments=[3], email="mei@example.com")
    assert [item["id"] for item in box.get("department/list")["department"]] == [1, 2, 3]
    assert [item["id"] for item in box.get("department/simplelist", id=2)["department_id"]] == [2, 3]
    assert box.get("department/get", id=3)["department"]["parentid"] == 2
    assert box.get("department/get", id=9)["errcode"] == 60123
    assert box.get("department/get", id="x")["errcode"] == 40058
    assert [item["userid"] for item in box.get("user/simplelist", department_id=3)["userlist"]] == ["Mei-1"]
    assert len(box.get("user/list", department_id=1)["userlist"]) == 4
    assert box.get("user/list")["errcode"] == 40058
    narrow = box.gettoken("narrow")
    assert [item["userid"] for item in box.get("user/list", narrow, department_id=1)["userlist"]] == [
        "lisi",
        "wangwu",
    ]
    assert box.get("user/list", narrow, department_id=3)["errcode"] == 60011
    assert [item["id"] for item in box.get("department/list", narrow)["department"]] == [1]


def test_all_userids_are_listed_page_by_page_with_the_contact_secret(box) -> None:
    sync, seen, cursor = box.gettoken("sync"), [], ""
    while True:
        page = box.ok("user/list_id", {"cursor": cursor, "limit": 3}, sync)
        seen += [row["userid"] for row in page["dept_user"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == ["zhangsan", "lisi", "wangwu", "zhaoliu"]
    assert box.code("user/list_id", {"limit": 10001}, sync) == 40058
    assert box.code("user/list_id", {"cursor": "x"}, sync) == 40058


def test_a_login_code_works_once_for_five_minutes(box) -> None:
    code = box.act("oauth_code", userid="lisi")["code"]
    assert box.get("auth/getuserinfo", code=code)["userid"] == "lisi"
    assert box.get("auth/getuserinfo", code=code)["errcode"] == 40029
    assert box.get("auth/getuserinfo")["errcode"] == 40029
    late = box.act("oauth_code", userid="lisi")["code"]
    box.control("clock", {"advance_s": 300})
    assert box.get("auth/getuserinfo", code=late)["errcode"] == 40029
    old = box.act("oauth_code", userid="lisi")["code"]
    assert box.get("user/getuserinfo", code=old)["UserId"] == "lisi"


def test_a_ticket_shows_what_the_member_consented_to(box) -> None:
    code = box.act("oauth_code", userid="lisi", ticket=True)["code"]
    ticket = box.get("auth/getuserinfo", code=code)["user_ticket"]
    assert box.ok("auth/getuserdetail", {"user_ticket": ticket})["email"] == "lisi@example.com"
    assert box.code("auth/getuserdetail", {"user_ticket": "x"}) == 40029


def test_address_lists_are_answered(box) -> None:
    assert box.get("getcallbackip")["ip_list"] == ["127.0.0.1"]
    assert box.get("get_api_domain_ip")["errcode"] == 0


@pytest.mark.parametrize(
    ("answer", "scope", "status"),
    [
        ("accept", "all", 2),
        ("accept", "once", 3),
        ("accept", "future", 5),
        ("tentative", "all", 1),
        ("tentative", "once", 6),
        ("tentative", "future", 7),
        ("decline", "all", 4),
        ("decline", "once", 8),
        ("decline", "future", 9),
    ],
)
def test_attendees_answer_in_nine_ways(box, cal, answer, scope, status) -> None:
    schedule_id = box.add(cal, attendees=[{"userid": "lisi"}])
    box.act("respond", userid="lisi", schedule_id=schedule_id, answer=answer, scope=scope)
    assert box.show(schedule_id)["attendees"] == [{"userid": "lisi", "response_status": status}]
    assert box.list(cal)[0]["attendees"][0]["response_status"] == status


def test_only_attendees_answer_and_only_admins_edit(box, cal) -> None:
    schedule_id = box.add(cal, attendees=[{"userid": "lisi"}], admins=["lisi"])
    assert box.refused_act("respond", userid="wangwu", schedule_id=schedule_id, answer="accept") == 409
    assert box.refused_act("edit", userid="wangwu", schedule_id=schedule_id, fields={"summary": "x"}) == 409
    assert box.refused_act("delete", userid="wangwu", schedule_id=schedule_id) == 409
    assert box.refused_act("delete_calendar", userid="wangwu", cal_id=cal) == 409
    box.act("edit", userid="lisi", schedule_id=schedule_id, fields={"summary": "x"})
    assert box.show(schedule_id)["summary"] == "x"


def test_an_edit_in_the_app_changes_only_what_it_names(box, cal) -> None:
    schedule_id = box.add(cal, location="here", attendees=[{"userid": "lisi"}], reminders={"is_remind": 1})
    before = box.show(schedule_id)
    later = {"start_time": FIRST + 60, "end_time": FIRST + 120}
    box.act("edit", userid="lisi", schedule_id=schedule_id, fields=later, force=True)
    assert box.show(schedule_id) == {**before, **later}


def test_the_app_can_set_reminders_that_the_api_cannot(box, cal) -> None:
    schedule_id = box.add(cal)
    rule = {"is_remind": 1, "remind_time_diffs": [-601, 86399, -604800]}
    box.act("edit", userid="lisi", schedule_id=schedule_id, fields={"reminders": rule}, force=True)
    shown = box.show(schedule_id)["reminders"]
    assert (shown["remind_time_diffs"], shown["remind_before_event_secs"]) == ([-601, 86399, -604800], 0)
    too_far = {"reminders": {"is_remind": 1, "remind_time_diffs": [86400]}}
    assert box.refused_act("edit", userid="lisi", schedule_id=schedule_id, fields=too_far, force=True) == 409


def test_an_admin_splits_a_series_as_the_api_does(box, cal) -> None:
    series = box.series(cal, location="here", attendees=[{"userid": "lisi"}], admins=["lisi"])
    at = FIRST + 3 * DAY
    once = box.act(
        "edit", userid="lisi", schedule_id=series, fields={"summary": "Once"}, op_mode=1, op_start_time=at
    )
    part = box.show(once["schedule_id"])
    assert (part["summary"], part["location"], part["start_time"], part["end_time"]) == (
        "Once",
        "here",
        at,
        at + 3600,
    )
    assert part["reminders"]["is_repeat"] == 0
    later = FIRST + 6 * DAY
    rest = box.act(
        "edit", userid="lisi", schedule_id=series, fields={"summary": "Rest"}, op_mode=2, op_start_time=later
    )
    assert box.starts(rest["schedule_id"]) == [later + day * DAY for day in range(4)]
    assert box.starts(series) == [FIRST + day * DAY for day in (0, 1, 2, 4, 5)]
    box.act("delete", userid="lisi", schedule_id=series, op_mode=1, op_start_time=FIRST)
    assert box.starts(series) == [FIRST + day * DAY for day in (1, 2, 4, 5)]
    nonsense = {"userid": "lisi", "schedule_id": series, "op_mode": 1, "op_start_time": FIRST}
    assert box.refused_act("delete", **nonsense) == 409


def test_what_people_make_by_hand_is_out_of_reach(box, cal) -> None:
    made = box.act("create", userid="lisi", schedule={"summary": "Private", **TIMES})
    ids = {"schedule_id_list": [made["schedule_id"]]}
    assert box.code("oa/schedule/get", ids) == 90477
    update = {"schedule": {"schedule_id": made["schedule_id"], **TIMES}}
    assert box.code("oa/schedule/update", update) == 90479
    assert box.code("oa/schedule/del", {"schedule_id": made["schedule_id"]}) == 90479
    assert box.code("oa/schedule/get_by_calendar", {"cal_id": made["cal_id"]}) == 90466
    again = box.act("create", userid="lisi", schedule={"summary": "Private", **TIMES})
    assert again["cal_id"] == made["cal_id"]
    assert box.list(cal) == []


def test_a_calendar_is_changed_and_deleted_by_its_admin(box) -> None:
    cal = box.calendar(admins=["lisi"])
    schedule_id = box.add(cal)
    box.act("edit_calendar", userid="lisi", cal_id=cal, fields={"summary": "Mine", "color": "#ABCDEF"})
    shown = box.ok("oa/calendar/get", {"cal_id_list": [cal]})["calendar_list"][0]
    assert (shown["summary"], shown["color"]) == ("Mine", "#ABCDEF")
    box.act("delete_calendar", userid="lisi", cal_id=cal)
    assert box.code("oa/schedule/get", {"schedule_id_list": [schedule_id]}) == 90459
    assert box.act("calendar_occurrences", cal_id=cal, **{"from": 0, "to": 2**32}) == []
    assert box.refused_act("delete_calendar", userid="lisi", cal_id=cal) == 400


def test_a_new_app_and_a_new_person_can_be_added(box) -> None:
    box.act("add_agent", agent_id=1000099, secret="ninety-nine", visible=[])
    token = box.gettoken("ninety-nine")
    assert box.get("user/get", token, userid="lisi")["errcode"] == 60111
    box.act("add_person", userid="mei", email="mei@example.com", visible_to=[1000099])
    assert box.get("user/get", token, userid="mei")["name"] == "mei"


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"do": "dance"},
        {"do": "respond", "userid": "lisi"},
        {"do": "respond", "userid": "ghost", "schedule_id": "x", "answer": "accept"},
        {"do": "occurrences", "schedule_id": "x", "from": 0, "to": 1},
        {"do": "disable_app", "agent_id": 5},
        {"do": "leave", "userid": "ghost"},
        {"do": "disable_app", "agent_id": "x"},
        {"do": "verify_callback"},
    ],
)
def test_an_act_that_makes_no_sense_is_refused(box, arguments) -> None:
    answer = box.http.post("/_control/act", json=arguments)
    assert answer.status_code == 400
    assert answer.json()["error"]

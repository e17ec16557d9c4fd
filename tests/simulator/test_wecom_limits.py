"""Tokens, permissions, ownership, quotas, rates, faults."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

from bridge.simulator.wecom import AGENT_ID, CORP_ID, SECRET


def gettoken(box, **query):
    return box.http.get("/cgi-bin/gettoken", params=query).json()


def test_gettoken_answers_the_same_token_while_it_is_valid(box) -> None:
    first = gettoken(box, corpid=CORP_ID, corpsecret=SECRET)
    assert (first["access_token"], first["expires_in"]) == (box.token, 7200)
    assert len(first["access_token"]) <= 512
    box.control("clock", {"advance_s": 7000})
    again = gettoken(box, corpid=CORP_ID, corpsecret=SECRET)
    assert (again["access_token"], again["expires_in"]) == (box.token, 200)
    box.control("clock", {"advance_s": 200})
    assert box.get("getcallbackip")["errcode"] == 42001
    assert gettoken(box, corpid=CORP_ID, corpsecret=SECRET)["access_token"] != box.token


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, 41002),
        ({"corpid": CORP_ID}, 41004),
        ({"corpid": "wwother", "corpsecret": SECRET}, 40013),
        ({"corpid": CORP_ID, "corpsecret": "wrong"}, 40001),
    ],
)
def test_gettoken_says_what_is_wrong(box, query, code) -> None:
    assert gettoken(box, **query)["errcode"] == code


def test_too_many_wrong_secrets_bar_the_caller_for_an_hour(box) -> None:
    box.switch(bad_secrets_per_hour=3)
    for _ in range(3):
        assert gettoken(box, corpid=CORP_ID, corpsecret="wrong")["errcode"] == 40001
    assert gettoken(box, corpid=CORP_ID, corpsecret=SECRET)["errcode"] == 45009
    box.control("clock", {"advance_s": 3600})
    assert gettoken(box, corpid=CORP_ID, corpsecret=SECRET)["errcode"] == 0


def test_a_bad_or_revoked_token_is_told_from_a_missing_one(box) -> None:
    assert box.get("getcallbackip", token="")["errcode"] == 41001
    assert box.get("getcallbackip", token="nonsense")["errcode"] == 40014
    assert box.act("revoke_token", agent_id=AGENT_ID) == {"ended": 1}
    assert box.get("getcallbackip")["errcode"] == 40014
    assert box.gettoken(SECRET) != box.token


def test_only_trusted_addresses_may_call_but_all_may_fetch_tokens(box) -> None:
    box.switch(trusted_ips="203.0.113.7;198.51.100.1")
    assert box.gettoken(SECRET) == box.token
    assert box.get("getcallbackip")["errcode"] == 60020
    box.switch(trusted_ips="203.0.113.7;127.0.0.1")
    assert box.get("getcallbackip")["errcode"] == 0


def test_an_app_without_the_permission_is_told_so(box, cal) -> None:
    box.act("disable_app", agent_id=AGENT_ID)
    assert box.code("oa/calendar/get", {"cal_id_list": [cal]}) == 48002
    assert box.get("user/get", userid="lisi")["errcode"] == 0
    box.act("enable_app")
    assert box.code("oa/calendar/get", {"cal_id_list": [cal]}) == 0
    box.act("disable_app", how="app")
    assert box.code("oa/calendar/get", {"cal_id_list": [cal]}) == 50003
    assert gettoken(box, corpid=CORP_ID, corpsecret=SECRET)["errcode"] == 40001


def test_kinds_of_app_have_their_own_calls(box, cal) -> None:
    room, sync = box.gettoken("room"), box.gettoken("sync")
    assert box.code("oa/calendar/get", {"cal_id_list": [cal]}, room) == 48002
    assert box.code("oa/schedule/get", {"schedule_id_list": ["x"]}, room) == 90461
    assert box.code("oa/schedule/get", {"schedule_id_list": ["x"]}, sync) == 48002
    assert box.code("user/list_id", {}) == 48002


def test_an_app_reaches_its_own_things_only(box, cal) -> None:
    schedule_id, other = box.add(cal), box.gettoken("other")
    times = {"start_time": 1767837600, "end_time": 1767841200}
    for path, body in [
        ("oa/calendar/get", {"cal_id_list": [cal]}),
        ("oa/calendar/del", {"cal_id": cal}),
        ("oa/calendar/update", {"calendar": {"cal_id": cal, "summary": "x", "color": "#000000"}}),
        ("oa/schedule/get_by_calendar", {"cal_id": cal}),
        ("oa/schedule/add", {"schedule": {"cal_id": cal, **times}}),
        ("oa/schedule/get", {"schedule_id_list": [schedule_id]}),
        ("oa/schedule/update", {"schedule": {"schedule_id": schedule_id, **times}}),
        ("oa/schedule/del", {"schedule_id": schedule_id}),
        ("oa/schedule/add_attendees", {"schedule_id": schedule_id, "attendees": [{"userid": "lisi"}]}),
        ("oa/schedule/del_attendees", {"schedule_id": schedule_id, "attendees": [{"userid": "lisi"}]}),
    ]:
        assert box.code(path, body, other) == 90466, path
    assert box.show(schedule_id)["status"] == 0


def test_people_outside_the_visible_range_do_not_exist_for_the_app(box) -> None:
    narrow = box.gettoken("narrow")
    calendar = {"summary": "x", "color": "#000000", "shares": [{"userid": "lisi"}, {"userid": "zhangsan"}]}
    answer = box.ok("oa/calendar/add", {"calendar": calendar}, narrow)
    assert [item["userid"] for item in answer["fail_result"]["shares"]] == ["zhangsan"]
    schedule = box.schedule(answer["cal_id"], attendees=[{"userid": "zhangsan"}])
    assert box.code("oa/schedule/add", {"schedule": schedule}, narrow) == 60111
    assert box.get("user/get", narrow, userid="zhangsan")["errcode"] == 60111
    box.act("visible", agent_id=1000007, userids=["zhangsan"])
    assert box.code("oa/schedule/add", {"schedule": schedule}, narrow) == 0
    box.act("leave", userid="zhangsan")
    assert box.code("oa/schedule/add", {"schedule": schedule}, narrow) == 60111


def test_the_default_calendar_takes_what_names_none(box) -> None:
    assert box.add_code("") == 40058
    schedule = box.schedule("")
    del schedule["cal_id"]
    assert box.code("oa/schedule/add", {"schedule": schedule}) == 90708
    cal = box.calendar(set_as_default=1)
    schedule_id = box.ok("oa/schedule/add", {"schedule": schedule})["schedule_id"]
    assert box.show(schedule_id)["cal_id"] == cal
    box.ok("oa/calendar/del", {"cal_id": cal})
    assert box.code("oa/schedule/add", {"schedule": schedule}) == 90708


def test_a_calendar_update_overwrites_and_keeps_what_cannot_change(box) -> None:
    cal = box.calendar(description="d", admins=["lisi"])
    bare = {"cal_id": cal, "summary": "New", "color": "#000000", "is_public": 1, "is_corp_calendar": 1}
    box.ok("oa/calendar/update", {"calendar": bare})
    shown = box.ok("oa/calendar/get", {"cal_id_list": [cal]})["calendar_list"][0]
    assert (shown["description"], shown["shares"], shown["admins"]) == ("", [], [])
    assert (shown["is_public"], shown["is_corp_calendar"]) == (0, 0)


def test_the_subscribable_range_is_overwritten_unless_skipped(box) -> None:
    cal = box.calendar(is_public=1, public_range={"userids": ["lisi"], "partyids": [1]})
    bare = {"cal_id": cal, "summary": "New", "color": "#000000"}
    assert box.code("oa/calendar/update", {"calendar": bare}) == 90483
    box.ok("oa/calendar/update", {"skip_public_range": 1, "calendar": bare})
    shown = box.ok("oa/calendar/get", {"cal_id_list": [cal]})["calendar_list"][0]
    assert shown["public_range"] == {"userids": ["lisi"], "partyids": [1]}


def test_pages_follow_each_other_until_one_is_empty(box, cal) -> None:
    ids = [box.add(cal, summary=f"{number}") for number in range(7)]
    seen, offset = [], 0
    while page := box.list(cal, offset=offset, limit=3):
        seen += [row["schedule_id"] for row in page]
        offset += len(page)
    assert seen == ids
    later = box.add(cal)
    assert [row["schedule_id"] for row in box.list(cal, offset=7)] == [later]


def test_quotas_end_creation(box, cal) -> None:
    box.switch(quota_calendars_per_app=2, quota_shared_per_user=2, quota_schedules_per_day=2)
    answer = box.ok(
        "oa/calendar/add", {"calendar": {"summary": "x", "color": "#000000", "shares": [{"userid": "lisi"}]}}
    )
    assert "fail_result" not in answer
    assert box.code("oa/calendar/add", {"calendar": {"summary": "x", "color": "#000000"}}) == 90481
    box.switch(quota_calendars_per_app=10)
    third = box.ok(
        "oa/calendar/add", {"calendar": {"summary": "x", "color": "#000000", "shares": [{"userid": "lisi"}]}}
    )
    assert third["fail_result"]["shares"][0]["errcode"] == 90481
    box.ok("oa/calendar/del", {"cal_id": answer["cal_id"]})
    assert [box.add_code(cal) for _ in range(3)] == [0, 0, 45009]
    box.control("clock", {"advance_s": 86400 - 1})
    box.token = box.gettoken(SECRET)
    assert box.add_code(cal) == 45009
    box.control("clock", {"advance_s": 1})
    assert box.add_code(cal, start_time=1767837600, end_time=1767841200) == 0


def test_public_and_corp_wide_calendars_have_quotas(box) -> None:
    box.switch(quota_public_calendars=1, quota_corp_calendars=1)
    public = {"summary": "x", "color": "#000000", "public_range": {"userids": ["lisi"]}}
    assert box.code("oa/calendar/add", {"calendar": {**public, "is_public": 1}}) == 0
    assert box.code("oa/calendar/add", {"calendar": {**public, "is_public": 1}}) == 90481
    assert box.code("oa/calendar/add", {"calendar": {**public, "is_corp_calendar": 1}}) == 0
    assert box.code("oa/calendar/add", {"calendar": {**public, "is_corp_calendar": 1}}) == 90481


@pytest.mark.parametrize(
    ("switch", "block_s"),
    [("rate_corp_minute", 60), ("rate_corp_hour", 3600), ("rate_ip_minute", 60), ("rate_ip_hour", 3600)],
)
def test_a_rate_blocks_for_as_long_as_its_window(box, switch, block_s) -> None:
    box.switch(**{switch: 3})
    assert [box.get("getcallbackip")["errcode"] for _ in range(5)] == [0, 0, 0, 45009, 45009]
    assert box.get("get_api_domain_ip")["errcode"] == 0
    box.control("clock", {"advance_s": block_s - 1})
    assert box.get("getcallbackip")["errcode"] == 45009
    box.control("clock", {"advance_s": 1})
    assert box.get("getcallbackip")["errcode"] == 0


def test_debug_mode_allows_five_calls_a_minute(box) -> None:
    assert [box.get("getcallbackip", debug=1)["errcode"] for _ in range(6)] == [0] * 5 + [45009]
    assert box.get("getcallbackip")["errcode"] == 0


def test_too_many_calls_at_once_get_45033(box) -> None:
    box.switch(concurrency_max=1)
    box.control("fault", {"kind": "slow", "seconds": 0.4, "match": "getcallbackip"})
    url = f"{box.server.url}/cgi-bin/getcallbackip?access_token={box.token}"
    slow = threading.Thread(target=httpx.get, args=(url,))
    slow.start()
    while not box.sim.in_flight:
        time.sleep(0.005)
    assert box.get("getcallbackip")["errcode"] == 45033
    assert box.get("get_api_domain_ip")["errcode"] == 0
    slow.join()
    assert box.get("getcallbackip")["errcode"] == 0


def test_faults_speak_wecoms_language(box, cal) -> None:
    for fault, code in [
        ({"kind": "throttle"}, 45009),
        ({"kind": "throttle", "code": 45033}, 45033),
        ({"kind": "error"}, -1),
        ({"kind": "error", "code": 6000, "message": "data version conflict"}, 6000),
    ]:
        box.control("fault", fault)
        assert box.code("oa/calendar/get", {"cal_id_list": [cal]}) == code
    calls = box.control("calls", method="GET")["calls"]
    assert [call["code"] for call in calls][-4:] == ["45009", "45033", "-1", "6000"]


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_lost_answer_to_an_addition_may_or_may_not_have_made_it(box, cal, when, made) -> None:
    box.control("fault", {"kind": "lost", "when": when, "match": "schedule/add"})
    with pytest.raises(httpx.RemoteProtocolError):
        box.add(cal)
    assert len(box.list(cal)) == made
    box.add(cal)
    assert len(box.list(cal)) == made + 1


def test_a_fault_can_be_meant_for_one_person(box, cal) -> None:
    box.control("fault", {"kind": "throttle", "user": "wangwu", "count": -1})
    assert box.add_code(cal, attendees=[{"userid": "lisi"}]) == 0
    assert box.add_code(cal, attendees=[{"userid": "wangwu"}]) == 45009


def test_calls_name_endpoint_code_and_app(box, cal) -> None:
    box.control("calls?reset=1", method="GET")
    box.add(cal)
    box.code("oa/schedule/get", {"schedule_id_list": ["x"]})
    box.get("user/get", token="nonsense", userid="lisi")
    log = box.control("calls", method="GET")
    assert [(call["endpoint"], call["code"], call["actor"]) for call in log["calls"]] == [
        ("oa/schedule/add", "0", str(AGENT_ID)),
        ("oa/schedule/get", "90461", str(AGENT_ID)),
        ("user/get", "40014", ""),
    ]
    assert log["counts"]["oa/schedule/add"] == 1


def test_a_reset_empties_the_company(box, cal) -> None:
    box.add(cal)
    box.act("add_person", userid="newcomer")
    old = box.token
    box.control("reset", {})
    state = box.control("state", method="GET")
    assert (state["calendars"], state["schedules"]) == ({}, {})
    assert "newcomer" not in state["people"]
    assert box.get("getcallbackip", token=old)["errcode"] == 40014
    box.token = box.gettoken(SECRET)
    assert box.calendar() != cal


def test_a_thousand_calls_are_quick(box, cal) -> None:
    began = time.monotonic()
    for number in range(500):
        box.add(cal, summary=str(number))
    assert len(box.list(cal, limit=1000)) == 500
    assert time.monotonic() - began < 10

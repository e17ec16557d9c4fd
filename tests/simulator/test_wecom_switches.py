"""Every switch changes what it says, and nothing else is needed to see it.

``CHECKS`` holds one function for each switch; a switch without one fails the last test.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import httpx
import pytest

from bridge.simulator.wecom import AGENT_ID, CORP_ID, SECRET
from bridge.simulator.wecom.switches import SWITCHES

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 86400
NOW = 1767542400
FIRST = NOW + DAY + 36000
TIMES = {"start_time": FIRST, "end_time": FIRST + 3600}
CHECKS: dict[str, Callable] = {}


def check(*names: str):
    def register(function: Callable) -> Callable:
        CHECKS.update(dict.fromkeys(names, function))
        return function

    return register


def update(box, schedule_id: str, *, code: int = 0, mode: int | None = None, at: int | None = None, **fields):
    body = {"schedule": {"schedule_id": schedule_id, **TIMES, **fields}}
    body |= {} if mode is None else {"op_mode": mode, "op_start_time": at}
    answer = box.post("oa/schedule/update", body)
    assert answer["errcode"] == code, answer
    return answer


def daily(until_day: int = 9, **more):
    return {"is_repeat": 1, "repeat_type": 0, "repeat_until": FIRST + until_day * DAY, **more}


def get_calendar(box, cal_id: str) -> dict:
    return box.ok("oa/calendar/get", {"cal_id_list": [cal_id]})["calendar_list"][0]


@check("same_token", "expires_in_on_repeat")
def tokens_on_repeat(box, cal) -> None:
    def fetch() -> dict:
        return box.http.get("/cgi-bin/gettoken", params={"corpid": CORP_ID, "corpsecret": SECRET}).json()

    box.control("clock", {"advance_s": 100})
    assert fetch()["expires_in"] == 7100
    box.switch(expires_in_on_repeat="full")
    assert fetch() == {"errcode": 0, "errmsg": "ok", "access_token": box.token, "expires_in": 7200}
    box.switch(same_token="new")
    second = fetch()["access_token"]
    assert second != box.token
    assert box.get("getcallbackip")["errcode"] == box.get("getcallbackip", second)["errcode"] == 0
    box.switch(same_token="new_kills_old")
    assert box.get("getcallbackip", fetch()["access_token"])["errcode"] == 0
    assert box.get("getcallbackip", second)["errcode"] == 40014


@check("token_ttl_s", "expired_code")
def token_life(box, cal) -> None:
    box.act("revoke_token")
    box.switch(token_ttl_s=60, expired_code=40014)
    box.token = box.gettoken(SECRET)
    box.control("clock", {"advance_s": 59})
    assert box.get("getcallbackip")["errcode"] == 0
    box.control("clock", {"advance_s": 1})
    assert box.get("getcallbackip")["errcode"] == 40014
    box.switch(expired_code=42001)
    assert box.get("getcallbackip")["errcode"] == 42001


@check("bad_secrets_per_hour")
def wrong_secrets(box, cal) -> None:
    box.switch(bad_secrets_per_hour=1)
    query = {"corpid": CORP_ID, "corpsecret": "wrong"}
    codes = [box.http.get("/cgi-bin/gettoken", params=query).json()["errcode"] for _ in range(2)]
    assert codes == [40001, 45009]


@check("trusted_ips")
def trusted(box, cal) -> None:
    box.switch(trusted_ips="192.0.2.1")
    assert box.get("getcallbackip")["errcode"] == 60020


@check("hint_style")
def hints(box, cal) -> None:
    box.switch(hint_style="digits")
    assert re.search(r"hint: \[\d{25}\]", box.get("user/get", userid="ghost")["errmsg"])


@check("wrong_method_code")
def methods(box, cal) -> None:
    box.switch(wrong_method_code=40063)
    assert box.get("oa/schedule/get")["errcode"] == 40063


@check("unknown_path")
def unknown_paths(box, cal) -> None:
    assert box.code("oa/schedule/respond", {}) == 48001
    box.switch(unknown_path="-1")
    assert box.code("oa/schedule/respond", {}) == -1
    box.switch(unknown_path="404")
    answer = box.http.post("/cgi-bin/oa/schedule/respond", params={"access_token": box.token}, json={})
    assert (answer.status_code, answer.content) == (404, b"")


@check("null_value")
def nulls(box, cal) -> None:
    assert box.add_code(cal, location=None) == 40058
    box.switch(null_value="absent")
    assert box.add_code(cal, location=None, reminders=None) == 0


@check("unknown_fields")
def unknown_fields(box, cal) -> None:
    colour = {"summary": "x", "color": "#000000", "etag": "x"}
    assert box.add_code(cal, uid="x") == box.code("oa/calendar/add", {"calendar": colour}) == 0
    box.switch(unknown_fields="refuse")
    assert box.add_code(cal, uid="x") == box.code("oa/calendar/add", {"calendar": colour}) == 40058
    assert box.add_code(cal) == 0


@check("length_unit")
def length_units(box, cal) -> None:
    assert box.add_code(cal, summary="会" * 128) == 0
    box.switch(length_unit="bytes")
    assert box.add_code(cal, summary="会" * 128) == 40058
    assert box.add_code(cal, summary="会" * 42) == 0


@check("description_max")
def descriptions(box, cal) -> None:
    assert box.add_code(cal, description="x" * 513) == 0
    box.switch(description_max=512)
    assert box.add_code(cal, description="x" * 513) == 40058


@check("time_max")
def greatest_time(box, cal) -> None:
    assert box.add_code(cal, end_time=2**31) == 0
    box.switch(time_max=2**31 - 1)
    assert box.add_code(cal, end_time=2**31) == 40058


@check("rate_corp_minute", "rate_corp_hour", "rate_ip_minute", "rate_ip_hour")
def rates(box, cal) -> None:
    for name in ("rate_corp_minute", "rate_corp_hour", "rate_ip_minute", "rate_ip_hour"):
        box.control("clock", {"advance_s": 3600})
        box.token = box.gettoken(SECRET)
        box.switch(**{name: 1})
        assert [box.get("getcallbackip")["errcode"] for _ in range(2)] == [0, 45009]
        box.switch(**{name: 10**6})


@check("concurrency_max")
def concurrency(box, cal) -> None:
    box.sim.in_flight["/cgi-bin/getcallbackip"] += 1
    try:
        assert box.get("getcallbackip")["errcode"] == 0
        box.switch(concurrency_max=1)
        assert box.get("getcallbackip")["errcode"] == 45033
    finally:
        box.sim.in_flight.clear()


@check("quota_calendars_per_app", "quota_public_calendars", "quota_corp_calendars", "quota_shared_per_user")
def calendar_quotas(box, cal) -> None:
    plain = {"summary": "x", "color": "#000000"}
    ranged = {**plain, "public_range": {"userids": ["lisi"]}}
    box.switch(quota_public_calendars=0, quota_corp_calendars=0, quota_shared_per_user=1)
    assert box.code("oa/calendar/add", {"calendar": {**ranged, "is_public": 1}}) == 90481
    assert box.code("oa/calendar/add", {"calendar": {**ranged, "is_corp_calendar": 1}}) == 90481
    shared = box.ok("oa/calendar/add", {"calendar": {**plain, "shares": [{"userid": "lisi"}]}})
    assert shared["fail_result"]["shares"][0]["userid"] == "lisi"
    box.switch(quota_calendars_per_app=2)
    assert box.code("oa/calendar/add", {"calendar": plain}) == 90481


@check("quota_schedules_per_day", "attendees_max")
def schedule_quotas(box, cal) -> None:
    people = [{"userid": f"u{number}"} for number in range(301)]
    assert box.add_code(cal, attendees=people) == 60111
    box.switch(attendees_max=300, quota_schedules_per_day=0)
    assert box.add_code(cal, attendees=people) == 90464
    assert box.add_code(cal) == 45009


@check("lookup_misses_per_day")
def misses(box, cal) -> None:
    box.switch(lookup_misses_per_day=1)
    miss = {"email": "nobody@example.com"}
    assert [box.code("user/get_userid_by_email", miss) for _ in range(2)] == [46004, 45009]
    assert box.code("user/getuserid", {"mobile": "13800000000"}) == 45009


@check("contact_sync_new_ip")
def contact_sync(box, cal) -> None:
    sync = box.gettoken("sync")
    assert box.get("user/simplelist", sync, department_id=1)["errcode"] == 48009
    box.switch(contact_sync_new_ip=False)
    assert box.get("user/simplelist", sync, department_id=1)["errcode"] == 0


@check("not_enabled_code")
def not_enabled(box, cal) -> None:
    box.act("disable_app", agent_id=AGENT_ID)
    for code in (48002, 301002, 90472):
        box.switch(not_enabled_code=code)
        assert box.add_code(cal) == code


@check("adminis_key")
def admins_key(box, cal) -> None:
    for value, keys in [("admins", {"admins"}), ("adminis", {"adminis"}), ("both", {"admins", "adminis"})]:
        box.switch(adminis_key=value)
        assert {"admins", "adminis"} & set(get_calendar(box, cal)) == keys


@check("fail_result_code")
def fail_result(box, cal) -> None:
    for code in (40003, 40001, 60111):
        box.switch(fail_result_code=code)
        calendar = {"summary": "x", "color": "#000000", "shares": [{"userid": "ghost"}]}
        assert (
            box.ok("oa/calendar/add", {"calendar": calendar})["fail_result"]["shares"][0]["errcode"] == code
        )


@check("calendar_deleted_schedules", "deleted_calendar_in_list")
def deleted_calendars(box, cal) -> None:
    schedule_id = box.add(cal)
    box.ok("oa/calendar/del", {"cal_id": cal})
    ids = {"schedule_id_list": [schedule_id]}
    assert box.code("oa/schedule/get", ids) == 90459
    assert box.code("oa/schedule/del", {"schedule_id": schedule_id}) == 90459
    box.switch(calendar_deleted_schedules="90461")
    assert box.code("oa/schedule/get", ids) == 90461
    assert box.code("oa/calendar/get", {"cal_id_list": [cal]}) == 90459
    box.switch(deleted_calendar_in_list="omit", calendar_deleted_schedules="cancelled")
    assert box.ok("oa/calendar/get", {"cal_id_list": [cal]})["calendar_list"] == []
    other = box.calendar()
    second = box.add(other)
    box.ok("oa/calendar/del", {"cal_id": other})
    assert box.show(second)["status"] == 1


@check("invalid_attendee")
def invalid_attendees(box, cal) -> None:
    people = [{"userid": "lisi"}, {"userid": "ghost"}]
    assert box.add_code(cal, attendees=people) == 60111
    assert box.list(cal) == []
    box.switch(invalid_attendee="drop")
    shown = box.show(box.add(cal, attendees=people))
    assert shown["attendees"] == [{"userid": "lisi", "response_status": 0}]


@check("update_cancelled", "second_del")
def cancelled(box, cal) -> None:
    schedule_id = box.add(cal)
    box.ok("oa/schedule/del", {"schedule_id": schedule_id})
    box.switch(update_cancelled="90461", second_del="0")
    update(box, schedule_id, code=90461)
    assert box.code("oa/schedule/del", {"schedule_id": schedule_id}) == 0
    assert box.code("oa/schedule/del", {"schedule_id": schedule_id}, box.gettoken("other")) == 90466


@check("omitted_on_update")
def omitted(box, cal) -> None:
    box.switch(omitted_on_update="kept")
    schedule_id = box.add(
        cal,
        location="here",
        is_whole_day=1,
        attendees=[{"userid": "lisi"}],
        reminders={"is_remind": 1, "remind_time_diffs": [-900], "timezone": 7},
    )
    update(box, schedule_id, summary="New", reminders={"timezone": 6})
    shown = box.show(schedule_id)
    assert (shown["summary"], shown["location"], shown["is_whole_day"]) == ("New", "here", 1)
    assert shown["attendees"][0]["userid"] == "lisi"
    assert (shown["reminders"]["remind_time_diffs"], shown["reminders"]["timezone"]) == ([-900], 6)
    box.ok("oa/calendar/update", {"calendar": {"cal_id": cal, "summary": "x", "color": "#000000"}})
    assert len(get_calendar(box, cal)["shares"]) == 2
    box.switch(omitted_on_update="reset")
    update(box, schedule_id, summary="New")
    assert box.show(schedule_id)["location"] == ""


@check("update_requires_times")
def times_required(box, cal) -> None:
    schedule_id = box.add(cal)
    body = {"schedule": {"schedule_id": schedule_id, "summary": "Only words"}}
    assert box.code("oa/schedule/update", body) == 40058
    box.switch(update_requires_times=False)
    assert box.code("oa/schedule/update", body) == 0
    assert (box.show(schedule_id)["summary"], box.show(schedule_id)["start_time"]) == ("Only words", FIRST)


@check("update_reply_id")
def reply_id(box, cal) -> None:
    schedule_id = box.add(cal)
    assert update(box, schedule_id)["schedule_id"] == schedule_id
    box.switch(update_reply_id=False)
    assert "schedule_id" not in update(box, schedule_id)
    series = box.series(cal)
    assert update(box, series, mode=1, at=FIRST)["schedule_id"] != series


@check("organizer_sent")
def organizer(box, cal) -> None:
    schedule_id = box.add(cal, organizer="lisi")
    assert "organizer" not in box.show(schedule_id)
    box.switch(organizer_sent="90493")
    assert box.add_code(cal, organizer="lisi") == 90493
    update(box, schedule_id, organizer="lisi", code=90493)
    calendar = {"summary": "x", "color": "#000000"}
    assert box.code("oa/calendar/add", {"calendar": {**calendar, "readonly": 1}}) == 90493
    assert box.add_code(cal) == 0
    box.switch(organizer_sent="required")
    assert box.add_code(cal) == 90456
    assert box.code("oa/calendar/add", {"calendar": calendar}) == 90456
    assert box.add_code(cal, organizer="lisi", attendees=[{"userid": "lisi"}]) == 90474
    kept = box.add(cal, organizer="lisi", attendees=[{"userid": "wangwu"}])
    assert box.show(kept)["organizer"] == "lisi"
    update(box, kept, organizer="wangwu", code=90463)
    update(box, kept)
    made = box.ok("oa/calendar/add", {"calendar": {**calendar, "organizer": "lisi"}})["cal_id"]
    assert get_calendar(box, made)["organizer"] == "lisi"


@check("legacy_skip_attendees")
def legacy_skip(box, cal) -> None:
    schedule_id = box.add(cal, attendees=[{"userid": "lisi"}])
    update(box, schedule_id, skip_attendees=True)
    assert len(box.show(schedule_id)["attendees"]) == 1
    box.switch(legacy_skip_attendees=False)
    update(box, schedule_id, skip_attendees=True)
    assert box.show(schedule_id)["attendees"] == []


@check("schedule_admins_within")
def schedule_admins(box, cal) -> None:
    in_shares, in_attendees = (
        {"admins": ["lisi"]},
        {"admins": ["zhaoliu"], "attendees": [{"userid": "zhaoliu"}]},
    )
    for value, codes in [
        ("both", [90492, 90492]),
        ("shares", [0, 90492]),
        ("attendees", [90492, 0]),
        ("either", [0, 0]),
    ]:
        box.switch(schedule_admins_within=value)
        assert [box.add_code(cal, **in_shares), box.add_code(cal, **in_attendees)] == codes


@check("past_start_on_add")
def past_on_add(box, cal) -> None:
    past = {"start_time": NOW - 60, "end_time": NOW + 60}
    for value, code in [("allowed", 0), ("90706", 90706), ("40058", 40058)]:
        box.switch(past_start_on_add=value)
        assert box.add_code(cal, **past) == code


@check("past_start_on_split")
def past_on_split(box, cal) -> None:
    past = {"start_time": NOW - DAY, "end_time": NOW - DAY + 60}
    series = box.add(cal, **past, reminders={"is_repeat": 1, "repeat_type": 0})
    update(box, series, mode=1, at=NOW - DAY, **past)
    box.switch(past_start_on_split="90706")
    box.control("clock", {"advance_s": 1})
    update(box, series, mode=1, at=NOW, start_time=NOW, end_time=NOW + 60, code=90706)
    update(box, series, mode=1, at=NOW, start_time=NOW + 1, end_time=NOW + 60)


@check("op_mode_codes")
def op_mode_codes(box, cal) -> None:
    single, series = box.add(cal), box.series(cal)
    box.switch(op_mode_codes="table")
    update(box, single, mode=1, at=FIRST, code=90484)
    update(box, series, mode=1, at=FIRST, reminders=daily(), code=90485)


@check("responses_on_update")
def responses_on_update(box, cal) -> None:
    people = [{"userid": "lisi"}]
    schedule_id = box.add(cal, attendees=people)
    box.act("respond", userid="lisi", schedule_id=schedule_id, answer="accept")
    update(box, schedule_id, attendees=people)
    assert box.show(schedule_id)["attendees"][0]["response_status"] == 2
    box.switch(responses_on_update="reset")
    update(box, schedule_id, attendees=people)
    assert box.show(schedule_id)["attendees"][0]["response_status"] == 0


@check("empty_summary")
def empty_summary(box, cal) -> None:
    schedule_id = box.add(cal, summary="")
    assert box.show(schedule_id)["summary"] == ""
    box.switch(empty_summary="placeholder")
    assert box.show(schedule_id)["summary"] == "新建事件"


@check("reminder_entries_max")
def reminder_entries(box, cal) -> None:
    reminders = {"is_remind": 1, "remind_time_diffs": [-300, -900]}
    assert box.add_code(cal, reminders=reminders) == 0
    box.switch(reminder_entries_max=1)
    assert box.add_code(cal, reminders=reminders) == 90704


@check("until_rule")
def until_rule(box, cal) -> None:
    series = box.series(cal)
    for value, count in [("instant", 10), ("exclusive", 9), ("date", 10)]:
        box.switch(until_rule=value)
        assert len(box.starts(series)) == count
    box.ok("oa/schedule/del", {"schedule_id": series, "op_mode": 2, "op_start_time": FIRST + 3 * DAY})
    assert len(box.starts(series)) == 3


@check("cut_until")
def cut_until(box, cal) -> None:
    at = FIRST + 3 * DAY
    for value, until in [
        ("minus_one", at - 1),
        ("day_before", at - 36001),
        ("previous_plus_one", at - DAY + 1),
    ]:
        box.switch(cut_until=value)
        series = box.series(cal)
        box.ok("oa/schedule/del", {"schedule_id": series, "op_mode": 2, "op_start_time": at})
        assert box.show(series)["reminders"]["repeat_until"] == until
        assert len(box.starts(series)) == 3


@check("short_month")
def short_month(box, cal) -> None:
    start = 1769824800  # 2026-01-31 10:00 +08:00
    rule = {"is_repeat": 1, "repeat_type": 2, "repeat_until": start + 60 * DAY}
    series = box.add(cal, start_time=start, end_time=start + 60, reminders=rule)
    assert len(box.starts(series)) == 2
    box.switch(short_month="clamp")
    assert len(box.starts(series)) == 3


@check("workdays")
def workdays(box, cal) -> None:
    start = 1777860000  # 2026-05-04 10:00 +08:00
    rule = {"is_repeat": 1, "repeat_type": 7, "repeat_until": start + 6 * DAY}
    series = box.add(cal, start_time=start, end_time=start + 60, reminders=rule)
    assert len(box.starts(series)) == 5
    box.switch(workdays="holidays")
    assert box.starts(series) == [start + day * DAY for day in (2, 3, 4, 5)]


@check("week_start")
def week_start(box, cal) -> None:
    rule = {
        "is_repeat": 1,
        "repeat_type": 1,
        "is_custom_repeat": 1,
        "repeat_interval": 2,
        "repeat_day_of_week": [2, 7],
    }
    series = box.add(cal, reminders={**rule, "repeat_until": FIRST + 20 * DAY})
    monday = box.starts(series)
    box.switch(week_start="sunday")
    assert monday == [FIRST + day * DAY for day in (0, 5, 14, 19)]
    assert box.starts(series) == [FIRST + day * DAY for day in (0, 12, 14)]


@check("start_off_pattern")
def off_pattern(box, cal) -> None:
    rule = {
        "is_repeat": 1,
        "repeat_type": 1,
        "is_custom_repeat": 1,
        "repeat_interval": 1,
        "repeat_day_of_week": [4],
    }
    reminders = {**rule, "repeat_until": FIRST + 7 * DAY}
    series = box.add(cal, reminders=reminders)
    assert box.starts(series) == [FIRST + 2 * DAY]
    box.switch(start_off_pattern="included")
    assert box.starts(series) == [FIRST, FIRST + 2 * DAY]
    box.switch(start_off_pattern="40058")
    assert box.add_code(cal, reminders=reminders) == 40058


@check("interval_scope")
def interval_scope(box, cal) -> None:
    series = box.add(cal, reminders=daily(is_custom_repeat=1, repeat_interval=3))
    assert len(box.starts(series)) == 4
    box.switch(interval_scope="week_month")
    assert len(box.starts(series)) == 10


@check("exclusions_on_update")
def exclusions(box, cal) -> None:
    gone, later = FIRST + 2 * DAY, {"start_time": FIRST + 60, "end_time": FIRST + 90}
    for value, left, count in [
        ("on_pattern", [], 10),
        ("kept", [gone], 10),
        ("lost", [], 10),
        ("shifted", [gone + 60], 9),
    ]:
        box.switch(exclusions_on_update=value)
        series = box.series(cal)
        box.ok("oa/schedule/del", {"schedule_id": series, "op_mode": 1, "op_start_time": gone})
        update(box, series, **later, reminders={**daily(), "repeat_until": FIRST + 9 * DAY + 60})
        assert [item["start_time"] for item in box.show(series)["reminders"]["exclude_time_list"]] == left
        assert len(box.starts(series)) == count


@check("split_responses")
def split_responses(box, cal) -> None:
    for value, status in [("reset", 0), ("copied", 2)]:
        box.switch(split_responses=value)
        series = box.series(cal, attendees=[{"userid": "lisi"}])
        box.act("respond", userid="lisi", schedule_id=series, answer="accept")
        body = {
            "schedule": {"schedule_id": series, **TIMES},
            "skip_attendees": 1,
            "op_mode": 1,
            "op_start_time": FIRST,
        }
        part = box.ok("oa/schedule/update", body)["schedule_id"]
        assert box.show(part)["attendees"] == [{"userid": "lisi", "response_status": status}]


@check("split_exclusions")
def split_exclusions(box, cal) -> None:
    at, gone = FIRST + 3 * DAY, FIRST + 5 * DAY
    for value, count in [("dropped", 7), ("carried", 6)]:
        box.switch(split_exclusions=value)
        series = box.series(cal)
        box.ok("oa/schedule/del", {"schedule_id": series, "op_mode": 1, "op_start_time": gone})
        times = {"start_time": at, "end_time": at + 60}
        part = update(box, series, mode=2, at=at, **times, reminders=daily())["schedule_id"]
        assert len(box.starts(part)) == count
        assert len(box.starts(series)) == 3


@check("series_to_single")
def series_to_single(box, cal) -> None:
    series = box.series(cal)
    box.switch(series_to_single="40058")
    update(box, series, code=40058)
    box.switch(series_to_single="ignored")
    update(box, series, summary="Still a series")
    assert len(box.starts(series)) == 10
    box.switch(series_to_single="allowed")
    update(box, series)
    assert box.starts(series) == [FIRST]


@check("empty_series")
def empty_series(box, cal) -> None:
    for value, status in [("stays", 0), ("cancelled", 1)]:
        box.switch(empty_series=value)
        series = box.add(cal, reminders=daily(0))
        box.ok("oa/schedule/del", {"schedule_id": series, "op_mode": 1, "op_start_time": FIRST})
        assert box.show(series)["status"] == status


@check("unknown_id_in_list", "foreign_id_in_list", "get_order")
def lists(box, cal) -> None:
    first, second = box.add(cal), box.add(cal)
    other = box.gettoken("other")
    foreign_cal = box.calendar(other)
    schedule = box.schedule(foreign_cal)
    foreign = box.ok("oa/schedule/add", {"schedule": schedule}, other)["schedule_id"]

    def ask(*ids: str):
        answer = box.post("oa/schedule/get", {"schedule_id_list": list(ids)})
        return answer["errcode"] or [item["schedule_id"] for item in answer["schedule_list"]]

    assert ask(second, first, second) == [second, first]
    assert (ask(first, "ghost"), ask(first, foreign)) == (90461, 90466)
    box.switch(unknown_id_in_list="omit", foreign_id_in_list="omit", get_order="creation")
    assert ask(second, "ghost", foreign, first) == [first, second]
    ids = {"cal_id_list": ["ghost", foreign_cal, cal]}
    assert [item["cal_id"] for item in box.ok("oa/calendar/get", ids)["calendar_list"]] == [cal]


@check("list_order")
def list_order(box, cal) -> None:
    late = box.add(cal, start_time=FIRST + 10, end_time=FIRST + 20)
    early = box.add(cal)
    orders = {
        "creation": [late, early],
        "newest_first": [early, late],
        "by_start": [early, late],
        "by_id": sorted([late, early]),
    }
    for value, expected in orders.items():
        box.switch(list_order=value)
        assert [row["schedule_id"] for row in box.list(cal)] == expected


@check("list_superset")
def list_superset(box, cal) -> None:
    series = box.series(cal)
    extra = {"remind_time_diffs", "exclude_time_list"}
    row = box.list(cal)[0]
    assert "is_whole_day" not in row
    assert not extra & set(row["reminders"])
    box.switch(list_superset=True)
    row = box.list(cal)[0]
    assert extra <= set(row["reminders"])
    assert row.pop("sequence") > 0
    assert row == box.show(series)


@check("list_cancelled", "list_page_cap")
def list_contents(box, cal) -> None:
    gone, kept = box.add(cal), box.add(cal)
    box.ok("oa/schedule/del", {"schedule_id": gone})
    assert [row["schedule_id"] for row in box.list(cal)] == [gone, kept]
    box.switch(list_page_cap=1)
    assert [row["schedule_id"] for row in box.list(cal, limit=500)] == [gone]
    box.switch(list_cancelled=False)
    assert [row["schedule_id"] for row in box.list(cal)] == [kept]


@check("list_delay_s")
def list_delay(box, cal) -> None:
    box.switch(list_delay_s=5)
    schedule_id = box.add(cal)
    assert box.list(cal) == []
    assert box.show(schedule_id)["status"] == 0
    box.control("clock", {"advance_s": 5})
    assert len(box.list(cal)) == 1


@check("sequence")
def sequence(box, cal) -> None:
    schedule_id = box.add(cal)
    made = box.list(cal)[0]["sequence"]
    update(box, schedule_id)
    assert box.list(cal)[0]["sequence"] == made
    box.switch(sequence="revision")
    update(box, schedule_id)
    assert box.list(cal)[0]["sequence"] > made


@check("all_day_end")
def all_day_end(box, cal) -> None:
    midnight = NOW + DAY
    for end in (midnight + 2 * DAY, midnight + 2 * DAY - 1, midnight + 2 * DAY - 60):
        schedule_id = box.add(cal, start_time=midnight, end_time=end, is_whole_day=1)
        shown = {}
        for value in ("as_written", "last_second", "next_midnight"):
            box.switch(all_day_end=value)
            shown[value] = box.show(schedule_id)["end_time"]
        assert shown == {
            "as_written": end,
            "last_second": midnight + 2 * DAY - 1,
            "next_midnight": midnight + 2 * DAY,
        }
        timed = box.add(cal)
        assert box.show(timed)["end_time"] == FIRST + 3600


@check("diffs_from_legacy")
def diffs_from_legacy(box, cal) -> None:
    schedule_id = box.add(cal, reminders={"is_remind": 1, "remind_before_event_secs": 300})
    assert box.show(schedule_id)["reminders"]["remind_time_diffs"] == [-300]
    box.switch(diffs_from_legacy=False)
    shown = box.show(schedule_id)["reminders"]
    assert (shown["remind_time_diffs"], shown["remind_before_event_secs"]) == ([], 300)


@check("default_cal_id_on_get")
def default_cal_id(box, cal) -> None:
    default = box.calendar(set_as_default=1)
    inside, outside = box.add(default), box.add(cal)
    box.switch(default_cal_id_on_get="empty")
    assert (box.show(inside)["cal_id"], box.show(outside)["cal_id"]) == ("", cal)
    assert box.list(default)[0]["cal_id"] == default


@check("redundant_attendees")
def redundant_attendees(box, cal) -> None:
    schedule_id = box.add(cal, attendees=[{"userid": "lisi"}])
    add = {"schedule_id": schedule_id, "attendees": [{"userid": "LISI"}, {"userid": "wangwu"}]}
    assert box.code("oa/schedule/add_attendees", add) == 0
    assert [item["userid"] for item in box.show(schedule_id)["attendees"]] == ["lisi", "wangwu"]
    gone = {"schedule_id": schedule_id, "attendees": [{"userid": "zhaoliu"}]}
    assert box.code("oa/schedule/del_attendees", gone) == 0
    box.switch(redundant_attendees="40031")
    assert box.code("oa/schedule/add_attendees", add) == 40031
    assert box.code("oa/schedule/del_attendees", gone) == 40031


@check("del_takes_parts")
def del_takes_parts(box, cal) -> None:
    for value, status in [(False, 0), (True, 1)]:
        box.switch(del_takes_parts=value)
        series = box.series(cal)
        part = update(box, series, mode=1, at=FIRST)["schedule_id"]
        box.ok("oa/schedule/del", {"schedule_id": series})
        assert box.show(part)["status"] == status


@check("timezone_shown", "forever_shown", "no_exclusions_shown", "extra_fields")
def shapes(box, cal) -> None:
    series = box.add(cal, reminders={"is_repeat": 1, "repeat_type": 0, "timezone": -8})
    shown = box.show(series)
    assert (shown["reminders"]["timezone"], shown["reminders"]["repeat_until"]) == (-8, 0)
    assert shown["reminders"]["exclude_time_list"] == []
    box.switch(
        timezone_shown="unsigned", forever_shown="absent", no_exclusions_shown="absent", extra_fields=True
    )
    odd = box.show(series)
    assert odd["reminders"]["timezone"] == 2**32 - 8
    assert not {"repeat_until", "exclude_time_list"} & set(odd["reminders"])
    assert set(odd) > set(shown)


@check("admin_split_event", "own_writes_fire_callbacks", "callback_copies", "callback_retry_delay_s")
def events(box, cal) -> None:
    """The tests of callbacks look at these over HTTP; here: what is handed to the sender."""
    sent = []
    box.sim.sender.send = lambda callback, agent_id, event, actor, extra: sent.append((event, actor, extra))
    try:
        box.act("set_callback", url="http://127.0.0.1:9/", token="t", aes_key="A" * 43)
        series = box.series(cal)
        assert sent == []
        box.switch(own_writes_fire_callbacks=True)
        single = box.add(cal)
        assert sent == [("add_schedule", "sys", {"CalId": cal, "ScheduleId": single})]
        for value in ("A", "B", "both"):
            box.switch(admin_split_event=value)
            sent.clear()
            at = box.starts(series)[0]
            fields = {"summary": value}
            part = box.act(
                "edit", userid="lisi", schedule_id=series, fields=fields, op_mode=1, op_start_time=at, force=1
            )
            ids = {"A": [series], "B": [part["schedule_id"]], "both": [series, part["schedule_id"]]}
            assert [extra["ScheduleId"] for _, _, extra in sent] == ids[value]
    finally:
        del box.sim.sender.send


@check("users_may_add")
def users_may_add(box, cal) -> None:
    schedule = {"summary": "By hand", **TIMES}
    assert box.refused_act("create", userid="lisi", cal_id=cal, schedule=schedule) == 409
    box.switch(users_may_add=True)
    made = box.act("create", userid="lisi", cal_id=cal, schedule=schedule)["schedule_id"]
    assert box.show(made)["summary"] == "By hand"
    assert len(box.list(cal)) == 1
    update(box, made, code=90479)
    assert box.code("oa/schedule/del", {"schedule_id": made}) == 90479


@pytest.mark.parametrize("function", dict.fromkeys(CHECKS.values()), ids=lambda function: function.__name__)
def test_a_switch_changes_what_it_says(box, cal, function) -> None:
    function(box, cal)


def test_every_switch_is_looked_at_and_explained(box) -> None:
    assert {switch.name for switch in SWITCHES} == set(CHECKS)
    shown = box.control("switch", method="GET")
    assert all(value["meaning"] and value["value"] == value["default"] for value in shown.values())
    for name, value in shown.items():
        for choice in value["choices"]:
            box.switch(**{name: choice})


def test_a_switch_takes_only_its_own_values(box) -> None:
    for nonsense in (
        {"until_rule": "perhaps"},
        {"expired_code": "42001"},
        {"no_such": 1},
        {"list_superset": 1},
    ):
        answer = httpx.post(f"{box.server.url}/_control/switch", content=json.dumps(nonsense))
        assert answer.status_code == 400

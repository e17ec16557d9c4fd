"""Each open question about reading and writing can be answered either way."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("mode", "single", "instance"),
    [
        ("by_kind", "itemNotFound", "instanceNotExist"),
        ("item_not_found", "itemNotFound", "itemNotFound"),
        ("instance_not_exist", "instanceNotExist", "instanceNotExist"),
        ("readable", None, None),
    ],
)
def test_reading_a_cancelled_event(box, make, mode, single, instance):
    box.switch(get_cancelled=mode)
    event = box.create()["id"]
    box.create(make.timed(recurrence=make.rule("daily")))
    occurrence = next(row["id"] for row in box.view("2026-11-05", "2026-11-06"))
    for event_id, code in ((event, single), (occurrence, instance)):
        box.delete(event_id)
        if code is None:
            assert box.get(event_id)["status"] == "cancelled"
        else:
            assert box.refused("GET", box.event(event_id)) == (404, code)


@pytest.mark.parametrize(("mode", "minutes"), [("keep", ["5"]), ("reset", ["15"])])
def test_an_update_without_reminders(box, make, mode, minutes):
    box.switch(put_reminders_omitted=mode)
    event = box.create(make.timed(reminders=[{"method": "dingtalk", "minutes": 5}]))["id"]
    box.put(event, {"summary": "x"})
    assert [row["minutes"] for row in box.get(event)["reminders"]] == minutes


def test_an_update_with_null(box, make):
    event = box.create(make.timed(description="text", location={"displayName": "Room"}))["id"]
    body = {"description": None, "location": None, "reminders": None}
    box.put(event, body)
    assert box.get(event)["description"] == "text"
    box.switch(put_null="reject")
    assert box.refused("PUT", box.event(event), {"id": event, **body}) == (400, "invalidParameter")
    box.switch(put_null="clear")
    cleared = box.put(event, body)
    assert (cleared["description"], cleared["location"]["displayName"], cleared["reminders"]) == ("", "", [])


@pytest.mark.parametrize(
    ("mode", "left"), [("replace", ["alice", "carol"]), ("merge", ["alice", "bob", "carol"])]
)
def test_an_update_with_attendees(box, make, mode, left):
    box.switch(put_attendees=mode)
    event = box.create(make.timed(attendees=[{"id": make.bob}]))["id"]
    changed = box.put(event, {"attendees": [{"id": make.carol, "email": "carol@corp.example"}]})
    assert [row["id"] for row in changed["attendees"]] == [getattr(make, name) for name in left]


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [("400", (400, "invalidParameter")), ("403", (403, "permissionDenied")), ("404", (404, "itemNotFound"))],
)
def test_an_update_by_an_attendee(box, make, mode, wanted):
    box.switch(put_by_attendee=mode)
    event = box.create(make.timed(attendees=[{"id": make.bob}]))["id"]
    assert box.refused("PUT", box.event(event, make.bob), {"id": event, "summary": "x"}) == wanted


def test_zero_length_and_reversed_events(box, make):
    same = make.timed("2026-11-03T10:00:00", "2026-11-03T10:00:00")
    back = make.timed("2026-11-03T10:00:00", "2026-11-03T09:00:00")
    box.create(same)
    assert box.refused("POST", box.events(), back)[0] == 400
    box.switch(zero_length="reject", end_before_start="accept")
    assert box.refused("POST", box.events(), same)[0] == 400
    box.create(back)
    box.switch(all_day_zero_length="one_day")
    assert box.create(make.all_day("2026-11-10", "2026-11-10"))["end"] == {"date": "2026-11-11"}


def test_milliseconds_may_be_required(box, make):
    short = {"dateTime": "2026-11-03T10:00:00+08:00", "timeZone": "Asia/Shanghai"}
    body = make.timed() | {"start": short}
    path = f"/v1.0/calendar/users/{make.alice}/querySchedule"
    ask = {"userIds": [make.alice], "startTime": "2026-11-03T00:00Z", "endTime": "2026-11-04T00:00Z"}
    wanted = (400, "InvalidParameter.ParsedISO8601TimestampError")
    box.create(body)
    box.ok("POST", path, ask)
    box.switch(iso_milliseconds="required_in_schedule")
    box.create(body)
    assert box.refused("POST", path, ask) == wanted
    box.switch(iso_milliseconds="required")
    assert box.refused("POST", box.events(), body) == wanted
    assert box.refused("GET", box.events(), query={"timeMin": "2026-11-03T00:00:00Z"}) == wanted
    box.create()


def test_a_time_without_offset_may_be_read_in_its_zone(box, make):
    box.switch(iso_without_offset="zone")
    start = {"dateTime": "2026-11-03T10:00:00.000", "timeZone": "Asia/Shanghai"}
    assert box.create(make.timed() | {"start": start})["start"]["dateTime"] == "2026-11-03T10:00:00+08:00"


@pytest.mark.parametrize(
    ("switch", "shown"),
    [
        ({}, {"dateTime": "2026-11-03T10:00:00+08:00", "timeZone": "Asia/Shanghai"}),
        (
            {"response_offset": "as_sent"},
            {"dateTime": "2026-11-02T21:00:00-05:00", "timeZone": "Asia/Shanghai"},
        ),
        ({"response_offset": "utc"}, {"dateTime": "2026-11-03T02:00:00Z", "timeZone": "Asia/Shanghai"}),
        (
            {"response_fraction": "yes"},
            {"dateTime": "2026-11-03T10:00:00.000+08:00", "timeZone": "Asia/Shanghai"},
        ),
    ],
)
def test_times_in_answers(box, make, switch, shown):
    box.switch(**switch)
    start = {"dateTime": "2026-11-02T21:00:00.000-05:00", "timeZone": "Asia/Shanghai"}
    assert box.create(make.timed() | {"start": start})["start"] == shown


def test_a_zone_may_not_survive(box):
    zone = {"timeZone": "America/New_York"}
    body = {
        "summary": "x",
        "start": {"dateTime": "2026-11-03T10:00:00.000-05:00", **zone},
        "end": {"dateTime": "2026-11-03T11:00:00.000-05:00", **zone},
    }
    assert box.create(body)["start"]["timeZone"] == "America/New_York"
    utc = {name: {"dateTime": "2026-11-03T10:00:00.000Z", "timeZone": "UTC"} for name in ("start", "end")}
    assert box.create({"summary": "x", **utc})["start"] == {
        "dateTime": "2026-11-03T10:00:00Z",
        "timeZone": "UTC",
    }
    box.switch(response_time_zone="shanghai")
    shown = box.create(body)["start"]
    assert shown == {"dateTime": "2026-11-03T23:00:00+08:00", "timeZone": "Asia/Shanghai"}


@pytest.mark.parametrize(
    ("precision", "shown"),
    [
        ("second", "2026-11-02T04:00:00Z"),
        ("minute", "2026-11-02T04:00Z"),
        ("millisecond", "2026-11-02T04:00:00.000Z"),
    ],
)
def test_the_precision_of_updatetime(box, precision, shown):
    box.switch(update_time_precision=precision)
    assert box.create()["updateTime"] == shown


def test_empty_values_in_answers(box):
    event = box.create()["id"]
    assert (box.get(event)["description"], box.get(event)["uiConfigs"]) == ("", [])
    box.switch(empty_fields="null")
    read = box.get(event)
    assert (read["description"], read["uiConfigs"], read["seriesMasterId"]) == (None, None, None)
    box.switch(empty_fields="absent")
    assert not {"description", "uiConfigs", "seriesMasterId", "recurrence"} & set(box.get(event))


def test_fields_of_the_sdk_only_may_be_absent(box, make):
    box.switch(sdk_only_fields="absent")
    created = box.create(make.timed(eventConfig={"allowAttendeeAddConference": True}))
    assert not {"eventConfig", "categories", "cardInstances", "extendedProperties"} & set(created)
    assert {"uiConfigs", "attendees", "richTextDescription"} <= set(created)


def test_occurrences_may_not_repeat_the_rule(box, make):
    box.switch(instance_recurrence="absent")
    series = box.create(make.timed(recurrence=make.rule("daily")))
    assert "recurrence" not in box.view("2026-11-05", "2026-11-06")[0]
    assert "recurrence" in box.get(series["id"])


def test_long_texts_may_be_cut_and_characters_counted_in_utf_16(box, make):
    box.switch(long_text="truncate")
    assert box.create(make.timed(summary="x" * 3000))["summary"] == "x" * 2048
    box.switch(long_text="reject", length_unit="utf16")
    assert box.refused("POST", box.events(), make.timed(summary="😀" * 1025))[0] == 400
    box.switch(length_unit="code_points")
    box.create(make.timed(summary="😀" * 1025))


def test_the_page_s_own_sample_may_be_accepted(box, make):
    body = make.timed()
    body["start"]["date"] = "2026-11-03"
    assert box.refused("POST", box.events(), body)[0] == 400
    box.switch(both_date_forms="accept")
    assert "date" not in box.create(body)["start"]
    both = {"type": "endDate", "endDate": "2026-11-05T23:59:59.000+08:00", "numberOfOccurrences": 99}
    assert box.refused("POST", box.events(), make.timed(recurrence=make.rule("daily", span=both)))[0] == 400
    box.switch(both_range_ends="accept")
    assert len(box.days(eventId=box.create(make.timed(recurrence=make.rule("daily", span=both)))["id"])) == 3


def test_a_yearly_series_may_need_its_day(box, make):
    body = make.timed(recurrence=make.rule("absoluteYearly"))
    box.create(body)
    box.switch(yearly_without_day="reject")
    assert box.refused("POST", box.events(), body)[0] == 400


def test_a_new_time_may_set_the_answers_back(box, make):
    event = box.create(make.timed(attendees=[{"id": make.bob}]))["id"]
    box.ok("POST", box.event(event, make.bob, "/respond"), {"responseStatus": "accepted"})
    later = make.timed("2026-11-03T12:00:00", "2026-11-03T13:00:00")
    changed = box.put(event, {"start": later["start"], "end": later["end"]})
    assert changed["attendees"][1]["responseStatus"] == "accepted"
    box.switch(time_change_resets_responses="yes")
    first = make.timed()
    changed = box.put(event, {"start": first["start"], "end": first["end"]})
    assert [row["responseStatus"] for row in changed["attendees"]] == ["accepted", "needsAction"]


def test_unknown_people_may_be_ignored_and_strangers_to_the_app_refused(box, make):
    box.switch(unknown_attendee="ignore")
    assert len(box.create(make.timed(attendees=[{"id": "nobody"}]))["attendees"]) == 1
    box.act("change_person", **{"as": "bob02", "fields": {"in_scope": False}})
    box.switch(out_of_scope_attendee="reject")
    assert box.refused("POST", box.events(), make.timed(attendees=[{"id": make.bob}]))[0] == 400


def test_unknown_fields_may_be_refused(box, make):
    box.create(make.timed(iCalUID="x"))
    box.switch(unknown_fields="reject")
    assert box.refused("POST", box.events(), make.timed(iCalUID="x")) == (400, "invalidParameter")


def test_description_and_rich_text_may_be_linked(box, make):
    assert box.create(make.timed(description="a<b"))["richTextDescription"] == {"text": ""}
    box.switch(rich_text="linked")
    assert box.create(make.timed(description="a<b"))["richTextDescription"] == {"text": "<div>a&lt;b</div>"}
    rich = box.create(make.timed(richTextDescription={"text": "<p>a <b>&amp;</b> b</p>"}))
    assert rich["description"] == "a & b"


def test_reminders_may_be_limited(box, make):
    def wanted(*minutes):
        return make.timed(reminders=[{"method": "dingtalk", "minutes": number} for number in minutes])

    box.create(wanted(7, 8, 9, 100_000))
    box.switch(reminders_max=2, reminder_minutes="listed", reminder_minutes_max=60)
    box.create(wanted(5, 60))
    for minutes in ((5, 15, 30), (7,), (1440,)):
        assert box.refused("POST", box.events(), wanted(*minutes))[0] == 400


def test_an_attendee_may_know_the_event_by_another_id(box, make):
    box.switch(attendee_event_id="per_user")
    event = box.create(make.timed(attendees=[{"id": make.bob}]))["id"]
    bobs = box.list(make.bob)[0]["id"]
    assert bobs != event
    assert box.get(bobs, make.bob)["summary"] == "Design review"
    assert box.refused("GET", box.event(event, make.bob)) == (404, "itemNotFound")
    assert box.refused("GET", box.event(bobs)) == (404, "itemNotFound")
    series = box.create(make.timed(attendees=[{"id": make.bob}], recurrence=make.rule("daily")))
    row = box.view("2026-11-05", "2026-11-06", make.bob)[0]
    assert row["seriesMasterId"] != series["id"]
    box.ok("POST", box.event(row["id"], make.bob, "/respond"), {"responseStatus": "declined"})
    assert box.view("2026-11-05", "2026-11-06")[0]["attendees"][1]["responseStatus"] == "declined"


def test_ids_may_need_escaping_in_a_path(box):
    box.switch(event_id="single_base64")
    event = box.create()["id"]
    assert "/" in event
    assert "+" in event
    assert box.get(event)["id"] == event
    box.put(event, {"summary": "x"})
    box.delete(event)


def test_the_main_calendar_has_two_names(box, make):
    path = f"/v1.0/calendar/users/{make.alice}/calendars"
    assert box.ok("GET", path)["response"]["calendars"][0]["id"] == "primary"
    box.switch(calendar_privilege="VIEW_DETAIL")
    assert box.ok("GET", path)["response"]["calendars"][0]["privilege"] == "VIEW_DETAIL"
    box.switch(primary_calendar_id="opaque")
    opaque = box.ok("GET", path)["response"]["calendars"][0]["id"]
    assert opaque != "primary"
    box.create()
    assert len(box.ok("GET", box.events(calendar=opaque))["events"]) == 1


def test_other_small_switches(box, make):
    box.switch(empty_success_body="empty", invalid_token_status=401, unknown_user="permissionDeny")
    event = box.create()["id"]
    assert box.delete(event) is None
    assert box.refused("GET", box.events(), token="x") == (401, "InvalidAuthentication")
    assert box.refused("GET", box.events("alice01")) == (400, "permissionDeny")
    box.switch(legacy_credential="other", empty_schedule="null_item", directory_numbers="text")
    legacy = {"appkey": make.client_id, "appsecret": make.client_secret}
    assert box.http.get("/gettoken", params=legacy).json()["access_token"] != box.token
    ask = {
        "userIds": [make.alice],
        "startTime": "2026-11-03T00:00:00.000Z",
        "endTime": "2026-11-04T00:00:00.000Z",
    }
    path = f"/v1.0/calendar/users/{make.alice}/querySchedule"
    items = box.ok("POST", path, ask)["scheduleInformation"][0]["scheduleItems"]
    assert items == [{"status": None, "start": None, "end": None}]
    found = box.legacy("/topapi/v2/user/get", {"userid": "alice01"})["result"]
    assert (found["active"], found["dept_id_list"]) == ("true", ["1", "42"])
    box.switch(get_attendees_default=0, unanswered_status="BUSY")
    event = box.create(make.timed(attendees=[{"id": make.bob}]))["id"]
    assert box.get(event)["attendees"] == []
    rows = box.ok("POST", path, {**ask, "userIds": [make.bob]})["scheduleInformation"]
    assert rows[0]["scheduleItems"][0]["status"] == "BUSY"


def test_all_day_events_may_begin_at_midnight_in_shanghai(box, make):
    box.create(make.all_day("2026-11-10", "2026-11-11"))
    window = {"timeMin": "2026-11-09T16:00:00.000Z", "timeMax": "2026-11-09T17:00:00.000Z"}
    assert box.list(**window) == []
    box.switch(all_day_zone="Asia/Shanghai")
    assert len(box.list(**window)) == 1


def test_every_row_of_the_reference_has_its_switch(box):
    switches = box.server.control("switch")
    cited = " ".join(row["meaning"] for row in switches.values())
    missing = [number for number in range(1, 34) if f"12.{number} " not in cited]
    assert missing == []
    assert all(row["value"] == row["default"] for name, row in switches.items() if name != "qps_limit")

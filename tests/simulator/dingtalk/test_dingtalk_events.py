"""Create, change, delete and read events over real HTTP."""

from __future__ import annotations

import pytest


def test_a_created_event_comes_back_with_its_defaults(box, make):
    created = box.create(make.timed(description="Agenda", attendees=[{"id": make.bob, "isOptional": True}]))
    assert created["start"] == {"dateTime": "2026-11-03T10:00:00+08:00", "timeZone": "Asia/Shanghai"}
    assert created["isAllDay"] is False
    assert created["reminders"] == [{"method": "dingtalk", "minutes": "15"}]
    people = [
        (row["id"], row["responseStatus"], row["self"], row["isOptional"]) for row in created["attendees"]
    ]
    assert people == [(make.alice, "accepted", True, False), (make.bob, "needsAction", False, True)]
    assert created["organizer"]["displayName"] == "Alice"
    assert created["createTime"] == "2026-11-02T04:00:00Z"
    assert "status" not in created
    read = box.get(created["id"])
    assert read["status"] == "confirmed"
    assert read["description"] == "Agenda"
    assert box.get(created["id"], make.bob)["attendees"][1]["self"] is True


def test_an_all_day_event_rings_at_nine_on_the_day_before(box, make):
    created = box.create(make.all_day())
    assert created["reminders"] == [{"method": "dingtalk", "minutes": "900"}]
    assert created["start"] == {"date": "2026-11-10"}
    assert created["end"] == {"date": "2026-11-12"}


def test_an_empty_list_of_reminders_means_none(box, make):
    assert box.create(make.timed(reminders=[]))["reminders"] == []


def test_an_update_changes_only_what_it_names(box, make):
    event = box.create(make.timed(description="old", location={"displayName": "Room 1"}))
    box.advance(60)
    changed = box.put(event["id"], {"summary": "New title"})
    assert changed["summary"] == "New title"
    assert changed["updateTime"] == "2026-11-02T04:01:00Z"
    read = box.get(event["id"])
    assert (read["description"], read["location"]["displayName"]) == ("old", "Room 1")
    assert read["reminders"] == [{"method": "dingtalk", "minutes": "15"}]
    assert box.put(event["id"], {"description": "", "reminders": []})["description"] == ""
    assert box.get(event["id"])["reminders"] == []


def test_only_the_organizer_may_update(box, make):
    event = box.create(make.timed(attendees=[{"id": make.bob}]))
    body = {"id": event["id"], "summary": "Mine"}
    assert box.refused("PUT", box.event(event["id"], make.bob), body) == (400, "invalidParameter")
    assert box.refused("PUT", box.event(event["id"], make.carol), body) == (404, "itemNotFound")


def test_an_attendee_deletes_only_the_own_copy(box, make):
    event = box.create(make.timed(attendees=[{"id": make.bob}]))
    box.notices()
    box.delete(event["id"], make.bob)
    assert box.refused("GET", box.event(event["id"], make.bob)) == (404, "itemNotFound")
    assert box.get(event["id"])["status"] == "confirmed"
    assert box.notices() == []


def test_the_organizer_deletes_for_everybody_and_the_second_time_finds_nothing(box, make):
    event = box.create(make.timed(attendees=[{"id": make.bob}]))
    box.notices()
    assert set(box.delete(event["id"])) == {"requestId"}
    assert box.notices() == [(make.bob, "push")]
    for user in (make.alice, make.bob):
        assert box.refused("DELETE", box.event(event["id"], user)) == (404, "itemNotFound")


@pytest.mark.parametrize(
    ("extra", "kinds"),
    [
        ({}, ["push", "chat"]),
        ({"noPushNotification": "true"}, ["chat"]),
        ({"noChatNotification": "true"}, ["push"]),
        ({"noPushNotification": "true", "noChatNotification": "true"}, []),
        ({"noPushNotification": "false"}, ["push", "chat"]),
    ],
)
def test_extra_decides_who_is_told(box, make, extra, kinds):
    event = box.create(make.timed(attendees=[{"id": make.bob}], extra=extra))
    assert box.notices() == [(make.bob, kind) for kind in kinds]
    box.put(event["id"], {"summary": "Again", "extra": extra})
    assert box.notices() == [(make.bob, kind) for kind in kinds]


def test_pushnotification_false_keeps_a_deletion_quiet(box, make):
    event = box.create(make.timed(attendees=[{"id": make.bob}]))
    box.notices()
    box.delete(event["id"], query={"pushNotification": "false"})
    assert box.notices() == []


def test_an_update_with_a_meeting_replaces_the_meeting(box, make):
    event = box.create(make.timed(onlineMeetingInfo={"type": "dingtalk"}))
    first = event["onlineMeetingInfo"]
    assert set(first) == {"type", "conferenceId", "url", "extraInfo"}
    assert box.get(event["id"])["onlineMeetingInfo"] == first
    box.put(event["id"], {"summary": "Same meeting"})
    assert box.get(event["id"])["onlineMeetingInfo"] == first
    second = box.put(event["id"], {"onlineMeetingInfo": {"type": "dingtalk"}})["onlineMeetingInfo"]
    assert second["conferenceId"] != first["conferenceId"]
    assert "extraInfo" not in second


MATRIX = {
    "create": {"uiConfigs", "eventConfig", "cardInstances"},
    "update": {"uiConfigs", "cardInstances"},
    "get": {"status", "meetingRooms", "uiConfigs", "cardInstances"},
    "list": {"status", "meetingRooms"},
    "view": {"status", "meetingRooms"},
}
COMMON = {
    "id",
    "summary",
    "description",
    "start",
    "end",
    "isAllDay",
    "attendees",
    "organizer",
    "location",
    "createTime",
    "updateTime",
    "onlineMeetingInfo",
    "richTextDescription",
    "categories",
    "extendedProperties",
}
SERIES = {"status", "seriesMasterId", "recurrence", "onlineMeetingInfo", "extendedProperties"}


def test_each_operation_shows_exactly_its_own_fields(box, make):
    body = make.timed(
        onlineMeetingInfo={"type": "dingtalk"},
        uiConfigs=[{"uiName": "comment", "uiStatus": "hide"}],
        eventConfig={"allowAttendeeAddConference": True},
        cardInstances=[{"outTrackId": "t", "scenario": "s"}],
        categories=[{"categoryId": "c", "displayName": "weekly"}],
    )
    created = box.create(body)
    answers = {
        "create": created,
        "update": box.put(created["id"], {"summary": "Again"}),
        "get": box.get(created["id"]),
        "list": box.list()[0],
        "view": box.view("2026-11-01", "2026-12-01")[0],
    }
    for operation, answer in answers.items():
        reminders = set() if operation == "view" else {"reminders"}
        assert set(answer) == COMMON | reminders | MATRIX[operation], operation
    assert "categoryId" in created["categories"][0]
    assert answers["get"]["categories"] == [{"displayName": "weekly"}]
    assert "meetingRooms" not in created["location"]
    assert answers["update"]["location"]["meetingRooms"] == []
    assert "dingtalkDetailUrl" in answers["view"]["extendedProperties"]["privateProperties"]
    assert "privateProperties" not in answers["list"]["extendedProperties"]


def test_the_two_instance_operations_show_exactly_their_own_fields(box, make):
    body = make.timed("2026-11-01T10:00:00", "2026-11-01T11:00:00", recurrence=make.rule("daily"))
    series = box.create({**body, "onlineMeetingInfo": {"type": "dingtalk"}})
    day = {"timeMin": "2026-11-02T00:00:00.000Z", "timeMax": "2026-11-02T20:00:00.000Z"}
    by_event = box.ok("GET", box.event(series["id"], tail="/instances"), query=day)["events"]
    path = box.events().removesuffix("events") + "instances"
    by_calendar = box.ok("GET", path, query={"seriesMasterId": series["id"]})["events"]
    common = COMMON - {"richTextDescription", "categories"} | SERIES | {"reminders"}
    assert [row["start"]["dateTime"][:10] for row in by_event] == ["2026-11-02"]
    assert [row["start"]["dateTime"][:10] for row in by_calendar] == ["2026-11-01", "2026-11-02"]
    assert set(by_event[0]) == common | {"meetingRooms"}
    assert set(by_calendar[0]) == common
    assert "extraInfo" in by_event[0]["onlineMeetingInfo"]
    assert "extraInfo" not in by_calendar[0]["onlineMeetingInfo"]
    assert "firstDayOfWeek" not in by_event[0]["recurrence"]["pattern"]
    assert "meetingRooms" in by_calendar[0]["location"]
    assert "meetingRooms" not in by_event[0]["location"]


def test_attendees_can_be_added_listed_and_removed_by_the_organizer(box, make):
    event = box.create()
    path = box.event(event["id"], tail="/attendees")
    body = {"attendeesToAdd": [{"id": make.bob, "isOptional": True}, {"id": make.carol}]}
    box.ok("POST", path, body | {"pushNotification": False, "chatNotification": False})
    assert box.notices() == []
    page = box.ok("GET", path, query={"maxResults": 2})
    assert [row["id"] for row in page["attendees"]] == [make.alice, make.bob]
    rest = box.ok("GET", path, query={"maxResults": 2, "nextToken": page["nextToken"]})
    assert [row["id"] for row in rest["attendees"]] == [make.carol]
    assert rest["nextToken"] is None
    box.ok("POST", path + "/batchRemove", {"attendeesToRemove": [{"id": make.bob}, {"id": make.zhang}]})
    assert [row["id"] for row in box.ok("GET", path)["attendees"]] == [make.alice, make.carol]
    assert box.refused("GET", box.event(event["id"], make.bob)) == (404, "itemNotFound")
    other = box.event(event["id"], make.carol, "/attendees")
    assert box.refused("POST", other, body) == (400, "invalidParameter")


@pytest.mark.parametrize("response", ["needsAction", "accepted", "declined", "tentative"])
def test_an_attendee_answers_for_themselves(box, make, response):
    event = box.create(make.timed(attendees=[{"id": make.bob}]))
    box.ok("POST", box.event(event["id"], make.bob, "/respond"), {"responseStatus": response})
    assert box.get(event["id"])["attendees"][1]["responseStatus"] == response
    stranger = box.event(event["id"], make.carol, "/respond")
    assert box.refused("POST", stranger, {"responseStatus": response}) == (404, "itemNotFound")
    own = box.event(event["id"], make.bob, "/respond")
    assert box.refused("POST", own, {"responseStatus": "yes"}) == (400, "invalidParameter")


def test_maxattendees_cuts_the_people(box, make):
    event = box.create(make.timed(attendees=[{"id": make.bob}, {"id": make.carol}]))
    assert len(box.get(event["id"], maxAttendees=2)["attendees"]) == 2
    assert box.refused("GET", box.event(event["id"]), query={"maxAttendees": 501})[0] == 400
    assert len(box.list(maxAttendees=1)[0]["attendees"]) == 1


def test_a_person_shares_the_calendar_and_the_grantee_reads_or_writes_it(box, make):
    event = box.create()
    acls = f"/v1.0/calendar/users/{make.alice}/calendars/primary/acls"
    scope = {"scopeType": "user", "userId": make.bob}
    acl = box.ok("POST", acls, {"privilege": "reader", "sendMsg": True, "scope": scope})
    assert acl["privilege"] == "reader"
    assert box.notices() == [(make.bob, "share")]
    rows = box.ok("GET", f"/v1.0/calendar/users/{make.bob}/calendars")["response"]["calendars"]
    assert [(row["type"], row["privilege"]) for row in rows] == [("primary", "owner"), ("shared", "reader")]
    shared = rows[1]["id"]
    read = box.ok("GET", box.event(event["id"], make.bob, calendar=shared))
    assert read["summary"] == "Design review"
    path = box.event(event["id"], make.bob, calendar=shared)
    body = {"id": event["id"], "summary": "Bob was here"}
    assert box.refused("PUT", path, body) == (403, "permissionDenied")
    box.ok("POST", acls, {"privilege": "writer", "sendMsg": False, "scope": scope})
    assert box.ok("PUT", path, body)["summary"] == "Bob was here"
    made = box.ok("POST", box.events(make.bob, shared), make.timed(summary="By Bob"))
    assert made["organizer"]["id"] == make.alice
    listed = box.ok("GET", acls)["acls"]
    assert [row["privilege"] for row in listed] == ["writer"]
    box.ok("DELETE", f"{acls}/{listed[0]['aclId']}")
    assert box.refused("GET", path) == (403, "permissionDenied")


def test_a_subscribed_calendar_has_readers_and_no_attendees(box, make):
    base = f"/v1.0/calendar/users/{make.alice}/subscribedCalendars"
    body = {"name": "Holidays", "subscribeScope": {"corpIds": [make.corp_id]}}
    calendar = box.ok("POST", base, body)["calendarId"]
    assert box.ok("GET", f"{base}/{calendar}")["author"] == make.alice
    subscribe = f"/v1.0/calendar/users/{make.bob}/calendars/{calendar}/subscribe"
    box.ok("POST", subscribe)
    made = box.ok("POST", box.events(calendar=calendar), make.all_day(summary="New Year"))
    assert made["attendees"] == []
    assert box.refused("POST", box.events(make.bob, calendar), make.all_day()) == (403, "permissionDenied")
    view = box.ok(
        "GET",
        box.events(make.bob, calendar) + "view",
        query={"timeMin": "2026-11-01T00:00:00.000Z", "timeMax": "2026-12-01T00:00:00.000Z"},
    )
    assert [row["summary"] for row in view["events"]] == ["New Year"]
    path = box.event(made["id"], tail="/attendees", calendar=calendar)
    assert box.refused("GET", path) == (400, "invalidParameter.subscribed.invalid")
    assert box.list() == []
    assert box.ok("PUT", f"{base}/{calendar}", {"name": "Feiertage"}) == {"result": True}
    assert box.ok("POST", subscribe.replace("subscribe", "unsubscribe")) == {"result": True}
    assert box.ok("DELETE", f"{base}/{calendar}") == {"result": True}
    assert box.words("POST", base, {"name": " ", "subscribeScope": {}}) == "calendar name cannot be blank"
    assert box.words("POST", base, {"name": "x" * 128}) == "calendar name length must less than 128"
    assert box.words("POST", base, {"name": "x"}) == "subscribe range cannot be null"
    nobody = {"name": "x", "subscribeScope": {"unionIds": [make.bob]}}
    assert box.words("POST", base, nobody) == "current user must in range"


def test_free_and_busy_times_tell_no_titles(box, make):
    box.create(make.timed(attendees=[{"id": make.bob}]))
    box.create(make.all_day())
    box.create(make.timed("2026-11-03T12:00:00", "2026-11-03T13:00:00", freeBusyStatus="free"))
    path = f"/v1.0/calendar/users/{make.alice}/querySchedule"
    span = {"startTime": "2026-11-03T00:00:00.000+08:00", "endTime": "2026-11-13T00:00:00.000+08:00"}
    rows = box.ok("POST", path, {"userIds": [make.alice, make.bob, "nobody"], **span})["scheduleInformation"]
    assert [item["status"] for item in rows[0]["scheduleItems"]] == ["BUSY", "BUSY"]
    assert rows[0]["scheduleItems"][1]["start"] == {"date": "2026-11-10", "timeZone": "UTC"}
    assert [item["status"] for item in rows[1]["scheduleItems"]] == ["TENTATIVE"]
    assert rows[2]["error"] == "无权限"
    assert "Design review" not in str(rows)
    assert box.refused("POST", path, {"userIds": [make.alice] * 21, **span}) == (400, "paramIllegal")


def test_rooms_are_taken_once(box, make):
    rooms = [room["id"] for room in box.server.control("state")["rooms"]]
    first, second = box.create(), box.create()
    book = {"meetingRoomsToAdd": [{"roomId": rooms[0]}]}
    assert box.ok("POST", box.event(first["id"], tail="/meetingRooms"), book) == {"result": True}
    read = box.get(first["id"])
    assert read["location"]["meetingRooms"] == ["3F-12"]
    assert read["meetingRooms"][0]["responseStatus"] == "accepted"
    again = box.event(second["id"], tail="/meetingRooms")
    assert box.refused("POST", again, book) == (400, "meetingRoomNotAvailable")
    query = {
        "roomIds": [rooms[0]],
        "startTime": "2026-11-03T00:00Z",
        "endTime": "2026-11-04T00:00Z",
    }
    path = f"/v1.0/calendar/users/{make.alice}/meetingRooms/schedules/query"
    items = box.ok("POST", path, query)["scheduleInformation"][0]["scheduleItems"]
    assert [item["eventId"] for item in items] == [first["id"]]
    release = {"meetingRoomsToRemove": [{"roomId": rooms[0]}]}
    box.ok("POST", box.event(first["id"], tail="/meetingRooms/batchRemove"), release)
    assert box.ok("POST", again, book) == {"result": True}
    series = box.create(make.timed(recurrence=make.rule("daily")))
    assert box.words("POST", box.event(series["id"], tail="/meetingRooms"), book) == "Meeting room invalid"
    listed = box.ok("GET", "/v1.0/rooms/meetingRoomLists", query={"unionId": make.alice})["result"]
    assert [room["roomName"] for room in listed] == ["3F-12", "西湖"]


def test_people_sign_in_and_out(box, make):
    event = box.create(make.timed(attendees=[{"id": make.bob}]))
    time_ms = box.ok("POST", box.event(event["id"], make.bob, "/signin"))["checkInTime"]
    assert time_ms == 1793592000000
    assert box.ok("POST", box.event(event["id"], make.bob, "/signOut"))["checkOutTime"] == time_ms
    query = {"type": "sign_in", "maxResults": 100}
    users = box.ok("GET", box.event(event["id"], tail="/signin"), query=query)["users"]
    assert [row["userId"] for row in users] == [make.bob]
    query["type"] = "not_yet_sign_in"
    users = box.ok("GET", box.event(event["id"], tail="/signin"), query=query)["users"]
    assert [row["userId"] for row in users] == [make.alice]
    assert "signInLink" in box.ok("GET", box.event(event["id"], tail="/signInLinks"))
    assert box.refused("GET", box.event(event["id"], make.bob, "/signInLinks")) == (400, "permissionDenied")
    assert box.ok("GET", "/v1.0/calendar/categories")["categories"][0]["displayName"] == "weekly"

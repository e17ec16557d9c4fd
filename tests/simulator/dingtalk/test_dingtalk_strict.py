"""What the vendor refuses in the body of a write."""

from __future__ import annotations

import pytest

START = {"dateTime": "2026-11-03T10:00:00.000+08:00", "timeZone": "Asia/Shanghai"}
END = {"dateTime": "2026-11-03T11:00:00.000+08:00", "timeZone": "Asia/Shanghai"}
DAILY = {"pattern": {"type": "daily", "interval": 1}, "range": {"type": "noEnd"}}


def recurring(pattern=None, span=None):
    return {
        "recurrence": {
            "pattern": {"type": "daily", "interval": 1, **(pattern or {})},
            "range": span or {"type": "noEnd"},
        }
    }


WRONG = {
    "summary is a number": {"summary": 7},
    "description is an object": {"description": {}},
    "start is a text": {"start": "2026-11-03T10:00:00.000+08:00"},
    "start is null": {"start": None},
    "isAllDay is a text": {"isAllDay": "false"},
    "isAllDay is a number": {"isAllDay": 0},
    "attendees is an object": {"attendees": {"id": "x"}},
    "attendee is a text": {"attendees": ["x"]},
    "attendee without id": {"attendees": [{"isOptional": True}]},
    "attendee id is a number": {"attendees": [{"id": 7}]},
    "isOptional is a text": {"attendees": [{"id": "Np3Wd8sYcH6uJf1iE", "isOptional": "true"}]},
    "attendee is unknown": {"attendees": [{"id": "bob02"}]},
    "location is a text": {"location": "Room"},
    "displayName is a number": {"location": {"displayName": 7}},
    "reminders is an object": {"reminders": {"minutes": 5}},
    "minutes is a text": {"reminders": [{"method": "dingtalk", "minutes": "15"}]},
    "minutes is negative": {"reminders": [{"method": "dingtalk", "minutes": -5}]},
    "minutes is a fraction": {"reminders": [{"method": "dingtalk", "minutes": 1.5}]},
    "minutes is a boolean": {"reminders": [{"method": "dingtalk", "minutes": True}]},
    "minutes is missing": {"reminders": [{"method": "dingtalk"}]},
    "method is not dingtalk": {"reminders": [{"method": "sms", "minutes": 5}]},
    "meeting of another kind": {"onlineMeetingInfo": {"type": "zoom"}},
    "meeting without a kind": {"onlineMeetingInfo": {}},
    "extra with a boolean": {"extra": {"noPushNotification": True}},
    "extra is a list": {"extra": []},
    "unknown uiName": {"uiConfigs": [{"uiName": "everything", "uiStatus": "hide"}]},
    "unknown uiStatus": {"uiConfigs": [{"uiName": "comment", "uiStatus": "gone"}]},
    "rich text is a text": {"richTextDescription": "<b>x</b>"},
    "unknown freeBusyStatus": {"freeBusyStatus": "BUSY"},
    "eventConfig with a text": {"eventConfig": {"allowAttendeeAddConference": "true"}},
    "date beside dateTime": {"start": {**START, "date": "2026-11-03"}},
    "time without zone": {"start": {"dateTime": START["dateTime"]}},
    "zones differ": {"end": {**END, "timeZone": "Asia/Tokyo"}},
    "zone is not of the IANA": {
        "start": {**START, "timeZone": "China Standard Time"},
        "end": {**END, "timeZone": "China Standard Time"},
    },
    "zone in lower case": {
        "start": {**START, "timeZone": "asia/shanghai"},
        "end": {**END, "timeZone": "asia/shanghai"},
    },
    "zone is a path": {"start": {**START, "timeZone": "../etc/passwd"}},
    "end before start": {"start": END, "end": START},
    "all day with a time": {"isAllDay": True},
    "all day with a zone": {
        "isAllDay": True,
        "start": {"date": "2026-11-03", "timeZone": "UTC"},
        "end": {"date": "2026-11-04"},
    },
    "all day with end on the same day": {
        "isAllDay": True,
        "start": {"date": "2026-11-03"},
        "end": {"date": "2026-11-03"},
    },
    "date that does not exist": {
        "isAllDay": True,
        "start": {"date": "2026-02-30"},
        "end": {"date": "2026-03-01"},
    },
    "date before all time": {
        "isAllDay": True,
        "start": {"date": "0001-01-01"},
        "end": {"date": "0001-01-02"},
    },
    "date in another form": {"isAllDay": True, "start": {"date": "20261103"}, "end": {"date": "20261104"}},
    "recurrence is a text": {"recurrence": "FREQ=DAILY"},
    "recurrence without range": {"recurrence": {"pattern": DAILY["pattern"]}},
    "recurrence without pattern": {"recurrence": {"range": DAILY["range"]}},
    "pattern of an unknown type": recurring({"type": "hourly"}),
    "relativeYearly is only read": recurring(
        {"type": "relativeYearly", "index": "first", "daysOfWeek": "monday"}
    ),
    "interval is a text": recurring({"interval": "1"}),
    "weekly without days": recurring({"type": "weekly"}),
    "weekly with days in a list": recurring({"type": "weekly", "daysOfWeek": ["monday"]}),
    "weekly with capital letters": recurring({"type": "weekly", "daysOfWeek": "Monday"}),
    "weekly with short names": recurring({"type": "weekly", "daysOfWeek": "mon"}),
    "weekly with blanks": recurring({"type": "weekly", "daysOfWeek": "monday, tuesday"}),
    "monthly without a day": recurring({"type": "absoluteMonthly"}),
    "monthly with day 0": recurring({"type": "absoluteMonthly", "dayOfMonth": 0}),
    "monthly with day 32": recurring({"type": "absoluteMonthly", "dayOfMonth": 32}),
    "monthly with day -1": recurring({"type": "absoluteMonthly", "dayOfMonth": -1}),
    "relative without index": recurring({"type": "relativeMonthly", "daysOfWeek": "monday"}),
    "relative without days": recurring({"type": "relativeMonthly", "index": "first"}),
    "relative with fifth": recurring({"type": "relativeMonthly", "index": "fifth", "daysOfWeek": "monday"}),
    "week begins on an unknown day": recurring({"firstDayOfWeek": "mo"}),
    "range of an unknown type": recurring(span={"type": "forever"}),
    "count beside endDate": recurring(
        span={"type": "endDate", "endDate": "2026-12-31T00:00:00.000+08:00", "numberOfOccurrences": 5}
    ),
    "endDate is missing": recurring(span={"type": "endDate"}),
    "endDate before the start": recurring(
        span={"type": "endDate", "endDate": "2026-10-31T00:00:00.000+08:00"}
    ),
    "count is a text": recurring(span={"type": "numbered", "numberOfOccurrences": "5"}),
    "count without numbered": recurring(span={"type": "noEnd", "numberOfOccurrences": 5}),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_create_is_refused_when(box, make, wrong):
    assert box.refused("POST", box.events(), make.timed() | wrong) == (400, "invalidParameter")
    assert box.server.control("state")["events"] == []


# An update knows no eventConfig, and null in it is a matter of its own.
UPDATES = {name: wrong for name, wrong in WRONG.items() if "eventConfig" not in name and "null" not in name}


@pytest.mark.parametrize("wrong", UPDATES.values(), ids=UPDATES.keys())
def test_an_update_is_refused_when(box, make, wrong):
    event = box.create()
    before = box.get(event["id"])
    body = make.timed() | wrong | {"id": event["id"]}
    assert box.refused("PUT", box.event(event["id"]), body) == (400, "invalidParameter")
    assert box.get(event["id"]) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"summary": " "}, "Event summary cannot be blank"),
        ({"summary": None}, "Event summary cannot be blank"),
        ({"start": None}, "Event start time not set."),
        ({"end": None}, "Event end time not set."),
        ({"start": {"timeZone": "Asia/Shanghai"}}, "Event start time not set."),
        (recurring({"interval": 0}), "Recurrence interval must between [1, 365]"),
        (recurring({"interval": 366}), "Recurrence interval must between [1, 365]"),
        (recurring({"interval": None}), "Recurrence interval must between [1, 365]"),
        (
            recurring(span={"type": "numbered", "numberOfOccurrences": 100}),
            "Recurrence range numberOfOccurrences must between [1, 99]",
        ),
        (
            recurring(span={"type": "numbered", "numberOfOccurrences": 0}),
            "Recurrence range numberOfOccurrences must between [1, 99]",
        ),
        (recurring(span={"type": "numbered"}), "Recurrence range numberOfOccurrences must between [1, 99]"),
    ],
)
def test_the_documented_words_of_a_refusal(box, make, change, message):
    assert box.words("POST", box.events(), make.timed() | change) == message


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-03 10:00:00.000+08:00",
        "2026-11-03T10:00:00.000",
        "2026-11-03T10:00:00.000+0800",
        "2026-11-03T25:00:00.000+08:00",
        "2026-13-03T10:00:00.000+08:00",
        "20261103T100000Z",
        "2026-11-03",
        "1793592000000",
        "2026-11-03T10:00:00.000+08:00[Asia/Shanghai]",
        "0001-01-01T00:00:00.000+08:00",
    ],
)
def test_a_time_that_is_not_iso_8601_with_offset_is_refused(box, make, text):
    body = make.timed() | {"start": {"dateTime": text, "timeZone": "Asia/Shanghai"}}
    wanted = (400, "InvalidParameter.ParsedISO8601TimestampError")
    assert box.refused("POST", box.events(), body) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-03T02:00:00.000Z",
        "2026-11-03T02:00:00Z",
        "2026-11-03T02:00Z",
        "2026-11-03T10:00:00.123456+08:00",
        "2026-11-02T21:00:00.000-05:00",
    ],
)
def test_any_offset_says_the_same_instant(box, make, text):
    event = box.create(make.timed() | {"start": {"dateTime": text, "timeZone": "Asia/Shanghai"}})
    assert event["start"]["dateTime"] == "2026-11-03T10:00:00+08:00"


def test_texts_have_their_longest_length(box, make):
    assert len(box.create(make.timed(summary="字" * 2048))["summary"]) == 2048
    for wrong in ({"summary": "x" * 2049}, {"description": "x" * 5001}):
        assert box.refused("POST", box.events(), make.timed(**wrong)) == (400, "invalidParameter")


def test_at_most_500_people_are_named_in_one_call_and_5000_invited(new_box, make):
    crowd = [{"userid": f"u{n}", "union_id": f"U{n}", "name": f"P{n}"} for n in range(5001)]
    box = new_box(people=crowd)
    people = [{"id": f"U{n}"} for n in range(1, 501)]
    event = box.create(make.timed(attendees=people), "U0", query=None)
    assert box.refused("POST", box.events("U0"), make.timed(attendees=[*people, {"id": "U501"}]))[0] == 400
    path = box.event(event["id"], "U0", "/attendees")
    for first in range(501, 4501, 500):
        box.ok("POST", path, {"attendeesToAdd": [{"id": f"U{n}"} for n in range(first, first + 500)]})
    last = [{"id": f"U{n}"} for n in range(4501, 5000)]
    assert box.refused("POST", path, {"attendeesToAdd": [*last, {"id": "U5000"}]})[0] == 400
    box.ok("POST", path, {"attendeesToAdd": last})
    page = box.ok("GET", path, query={"maxResults": 500})
    assert (len(page["attendees"]), bool(page["nextToken"])) == (500, True)
    wrong = box.call("GET", path, query={"maxResults": 501}).json()
    assert (wrong["code"], wrong["message"]) == (
        "invalidParameter.maxResults",
        "maxResults size must within range [0,500]",
    )


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"", "application/json", "invalidParameter"),
        (b"{}", "application/json", "invalidParameter"),
        (b"null", "application/json", "invalidParameter"),
        (b"[]", "application/json", "invalidParameter"),
        (b"{broken", "application/json", "Missingbody"),
        (b"\xff\xfe", "application/json", "Missingbody"),
        (b'{"summary":"\\ud83d"}', "application/json", "Missingbody"),
        (b"[" * 100_000, "application/json", "Missingbody"),
        (b"summary=x", "application/x-www-form-urlencoded", "Missingbody"),
    ],
)
def test_a_body_must_be_a_json_object(box, content, kind, code):
    headers = {"x-acs-dingtalk-access-token": box.token, "Content-Type": kind}
    answer = box.http.post(box.events(), content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_an_update_names_its_event_in_the_body(box, make):
    event = box.create()
    path = box.event(event["id"])
    assert box.words("PUT", path, {"summary": "x"}) == "Event id summary cannot be blank"
    assert box.refused("PUT", path, {"id": "other", "summary": "x"}) == (400, "invalidParameter")
    assert box.refused("PUT", path, {"id": event["id"], "uiConfigs": [{"uiName": "comment"}]})[0] == 400
    body = {"id": event["id"], "isAllDay": True, "start": {"date": "2026-11-03"}}
    assert box.refused("PUT", path, body) == (400, "invalidParameter")
    whole = box.put(event["id"], make.all_day())
    assert (whole["isAllDay"], whole["start"]) == (True, {"date": "2026-11-10"})


def test_the_path_wants_a_unionid_and_a_calendar(box, make):
    assert box.refused("GET", "/v1.0/calendar/users/alice01/calendars") == (400, "invalidParameter")
    assert box.words("POST", box.events(calendar=""), make.timed()) == "CalendarId cannot be blank"
    assert box.refused("GET", box.events(calendar="nothing")) == (400, "invalidParameter")


@pytest.mark.parametrize(
    "query",
    [
        {"maxResults": "101"},
        {"maxResults": "0"},
        {"maxResults": "ten"},
        {"maxResults": "9" * 5000},
        {"maxAttendees": "101"},
        {"showDeleted": "yes"},
        {"nextToken": "unknown"},
        {"syncToken": "unknown"},
        {"timeMin": "2026-11-02T00:00:00.000Z", "timeMax": "2026-11-01T00:00:00.000Z"},
        {"timeMin": "2026-11-01T00:00:00.000Z", "timeMax": "2027-11-02T00:00:00.000Z"},
    ],
)
def test_a_list_is_refused_with(box, query):
    assert box.refused("GET", box.events(), query=query) == (400, "invalidParameter")


def test_a_raw_plus_in_the_query_is_a_blank(box):
    answer = box.call("GET", box.events() + "?timeMin=2026-11-01T00:00:00.000+08:00")
    assert answer.json()["code"] == "InvalidParameter.ParsedISO8601TimestampError"
    assert box.call("GET", box.events() + "?timeMin=2026-11-01T00:00:00.000%2B08:00").status_code == 200

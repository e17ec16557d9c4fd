"""Series: what occurs, what one occurrence may have of its own, what people do to series in the app."""

from __future__ import annotations

import datetime as dt

import pytest


def day(text, **more):
    """Return a timed body on that day, 10 to 11 in Shanghai."""
    shanghai = {"timeZone": "Asia/Shanghai"}
    return {
        "summary": "Series",
        "start": {"dateTime": f"{text}T10:00:00.000+08:00", **shanghai},
        "end": {"dateTime": f"{text}T11:00:00.000+08:00", **shanghai},
        **more,
    }


def days_of(box, event, **window):
    return [text[5:] for text in box.days(eventId=event["id"], **window)]


CASES = [
    # first day, pattern, range, days of the occurrences
    ("2026-11-02", {"type": "daily", "interval": 3}, 4, "11-02 11-05 11-08 11-11"),
    (
        "2026-11-02",
        {"type": "weekly", "daysOfWeek": "monday,friday"},
        5,
        "11-02 11-06 11-09 11-13 11-16",
    ),
    (
        "2026-11-01",
        {"type": "weekly", "interval": 2, "daysOfWeek": "sunday,monday", "firstDayOfWeek": "monday"},
        4,
        "11-01 11-09 11-15 11-23",
    ),
    (
        "2026-11-01",
        {"type": "weekly", "interval": 2, "daysOfWeek": "sunday,monday", "firstDayOfWeek": "sunday"},
        4,
        "11-01 11-02 11-15 11-16",
    ),
    ("2026-11-15", {"type": "absoluteMonthly", "dayOfMonth": 15}, 3, "11-15 12-15 01-15"),
    ("2026-10-31", {"type": "absoluteMonthly", "dayOfMonth": 31}, 4, "10-31 12-31 01-31 03-31"),
    (
        "2026-11-10",
        {"type": "relativeMonthly", "index": "second", "daysOfWeek": "tuesday"},
        3,
        "11-10 12-08 01-12",
    ),
    (
        "2026-11-27",
        {"type": "relativeMonthly", "index": "last", "daysOfWeek": "friday", "interval": 2},
        3,
        "11-27 01-29 03-26",
    ),
    (
        "2026-11-02",
        {
            "type": "relativeMonthly",
            "index": "first",
            "daysOfWeek": "monday,tuesday,wednesday,thursday,friday",
        },
        3,
        "11-02 12-01 01-01",
    ),
    ("2026-11-09", {"type": "absoluteYearly", "dayOfMonth": 9}, 2, "11-09 11-09"),
]


@pytest.mark.parametrize(("first", "pattern", "count", "wanted"), CASES)
def test_a_pattern_falls_on_its_days(box, make, first, pattern, count, wanted):
    recurrence = {"pattern": {"interval": 1, **pattern}, "range": make.numbered(count)}
    event = box.create(day(first, recurrence=recurrence))
    assert days_of(box, event) == wanted.split()


@pytest.mark.parametrize(
    ("name", "value", "first", "pattern", "wanted"),
    [
        (
            "short_month",
            "clamp",
            "2026-10-31",
            {"type": "absoluteMonthly", "dayOfMonth": 31},
            "10-31 11-30 12-31",
        ),
        ("short_month", "skip", "2028-02-29", {"type": "absoluteYearly"}, "02-29"),
        (
            "start_off_pattern",
            "kept",
            "2026-11-03",
            {"type": "weekly", "daysOfWeek": "monday"},
            "11-03 11-09 11-16",
        ),
        (
            "start_off_pattern",
            "dropped",
            "2026-11-03",
            {"type": "weekly", "daysOfWeek": "monday"},
            "11-09 11-16 11-23",
        ),
        (
            "relative_days",
            "nth_of_each",
            "2026-11-02",
            {"type": "relativeMonthly", "index": "first", "daysOfWeek": "monday,wednesday"},
            "11-02 11-04 12-02",
        ),
    ],
)
def test_the_switches_of_patterns(box, make, name, value, first, pattern, wanted):
    box.switch(**{name: value})
    recurrence = {"pattern": {"interval": 1, **pattern}, "range": make.numbered(3)}
    event = box.create(day(first, recurrence=recurrence))
    assert days_of(box, event) == wanted.split()


def test_a_start_off_the_pattern_may_be_refused(box, make):
    box.switch(start_off_pattern="rejected")
    weekly = make.rule("weekly", daysOfWeek="monday")
    assert box.refused("POST", box.events(), day("2026-11-03", recurrence=weekly)) == (
        400,
        "invalidParameter",
    )
    assert box.create(day("2026-11-02", recurrence=weekly))["id"]


@pytest.mark.parametrize(
    ("reading", "end", "wanted"),
    [
        ("inclusive_date", "2026-11-05T00:00:00.000+08:00", 4),
        ("inclusive_date", "2026-11-05T23:30:00.000Z", 5),
        ("inclusive_date_as_written", "2026-11-05T23:30:00.000Z", 4),
        ("inclusive_instant", "2026-11-05T00:00:00.000+08:00", 3),
        ("inclusive_instant", "2026-11-05T10:00:00.000+08:00", 4),
        ("exclusive_instant", "2026-11-05T10:00:00.000+08:00", 3),
    ],
)
def test_enddate_is_read_as_the_switch_says(box, make, reading, end, wanted):
    box.switch(end_date=reading)
    span = {"type": "endDate", "endDate": end}
    event = box.create(day("2026-11-02", recurrence=make.rule("daily", span=span)))
    assert len(days_of(box, event)) == wanted


@pytest.mark.parametrize(
    "reading", ["inclusive_date", "inclusive_date_as_written", "inclusive_instant", "exclusive_instant"]
)
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
def test_the_last_day_at_2359_is_right_under_every_reading(box, make, reading, zone):
    box.switch(end_date=reading)
    offset = "+08:00" if zone == "Asia/Shanghai" else "-05:00"
    body = {
        "summary": "x",
        "start": {"dateTime": f"2026-11-10T22:00:00.000{offset}", "timeZone": zone},
        "end": {"dateTime": f"2026-11-10T23:00:00.000{offset}", "timeZone": zone},
        "recurrence": make.rule(
            "daily", span={"type": "endDate", "endDate": f"2026-11-12T23:59:59.000{offset}"}
        ),
    }
    assert len(days_of(box, box.create(body))) == 3


def test_a_series_keeps_its_wall_time_across_a_change_of_the_clocks(box, make):
    zone = {"timeZone": "Europe/Berlin"}
    body = {
        "summary": "x",
        "start": {"dateTime": "2027-03-27T09:00:00.000+01:00", **zone},
        "end": {"dateTime": "2027-03-27T10:00:00.000+01:00", **zone},
        "recurrence": make.rule("daily", span=make.numbered(2)),
    }
    first = box.create(body)
    assert box.starts(eventId=first["id"]) == ["2027-03-27T16:00", "2027-03-28T15:00"]
    box.switch(series_zone="utc")
    assert box.starts(eventId=first["id"]) == ["2027-03-27T16:00", "2027-03-28T16:00"]


def weekly(box, make, **more):
    recurrence = make.rule("weekly", daysOfWeek="monday", span=make.numbered(4))
    return box.create(day("2026-11-02", recurrence=recurrence, **more))


def test_the_view_shows_every_occurrence_with_its_series_and_origin(box, make):
    series = weekly(box, make)
    rows = box.view("2026-11-01", "2026-12-01")
    assert [row["originStart"]["dateTime"] for row in rows] == [
        f"2026-11-{number:02}T02:00:00Z" for number in (2, 9, 16, 23)
    ]
    assert {row["seriesMasterId"] for row in rows} == {series["id"]}
    assert len({row["id"] for row in rows} | {series["id"]}) == 5
    assert all("recurrence" in row and "reminders" not in row for row in rows)
    read = box.get(rows[2]["id"])
    assert (read["start"], read["seriesMasterId"]) == (rows[2]["start"], series["id"])
    assert "seriesMasterId" not in box.get(series["id"])


@pytest.mark.parametrize("form", ["mixed", "opaque", "master_epoch"])
def test_ids_of_occurrences_come_in_several_forms(box, make, form):
    box.switch(instance_id=form)
    series = weekly(box, make)
    row = box.view("2026-11-01", "2026-12-01")[1]
    match form:
        case "opaque":
            assert "_" not in row["id"]
        case "master_epoch":
            assert (
                row["id"] == f"{series['id']}_{int(dt.datetime(2026, 11, 9, 2, tzinfo=dt.UTC).timestamp())}"
            )
        case _:
            assert row["id"].partition("_")[0] != series["id"]
            assert row["id"].partition("_")[2].isdecimal()
    assert box.get(row["id"])["originStart"] == row["originStart"]


def test_one_occurrence_is_changed_moved_and_cancelled(box, make):
    series = weekly(box, make, attendees=[{"id": make.bob}])
    ids = [row["id"] for row in box.view("2026-11-01", "2026-12-01")]
    moved = day("2026-11-10")
    box.put(ids[1], {"start": moved["start"], "end": moved["end"], "summary": "Moved"})
    box.delete(ids[2])
    rows = box.view("2026-11-01", "2026-12-01")
    assert [(row["summary"], row["start"]["dateTime"][:10]) for row in rows] == [
        ("Series", "2026-11-02"),
        ("Moved", "2026-11-10"),
        ("Series", "2026-11-23"),
    ]
    assert rows[1]["id"] == ids[1]
    assert rows[1]["originStart"]["dateTime"] == "2026-11-09T02:00:00Z"
    assert box.refused("GET", box.event(ids[2])) == (404, "instanceNotExist")
    assert box.refused("DELETE", box.event(ids[2])) == (404, "instanceNotExist")
    assert box.refused("PUT", box.event(ids[0]), {"id": ids[0], "recurrence": make.rule("daily")})[0] == 400
    box.put(series["id"], {"summary": "Renamed"})
    assert [row["summary"] for row in box.view("2026-11-01", "2026-12-01")] == ["Renamed", "Moved", "Renamed"]
    assert days_of(box, series) == ["11-02", "11-10", "11-23"]


def test_numbered_may_not_count_removed_occurrences(box, make):
    series = weekly(box, make)
    box.delete(box.view("2026-11-01", "2026-12-01")[1]["id"])
    assert days_of(box, series) == ["11-02", "11-16", "11-23"]
    box.switch(numbered_counts_removed="no")
    assert days_of(box, series) == ["11-02", "11-16", "11-23", "11-30"]


@pytest.mark.parametrize(
    ("mode", "change", "wanted"),
    [
        ("dropped_with_times", {"summary": "x"}, ["11-02T10", "11-10T10", "11-23T10"]),
        ("dropped_with_times", "times", ["11-02T12", "11-09T12", "11-16T12", "11-23T12"]),
        ("dropped", {"summary": "x"}, ["11-02T10", "11-09T10", "11-16T10", "11-23T10"]),
        ("kept", "times", ["11-02T12", "11-10T10", "11-23T12"]),
    ],
)
def test_editing_the_master_treats_exceptions_as_the_switch_says(box, make, mode, change, wanted):
    box.switch(exceptions_on_master_edit=mode)
    series = weekly(box, make)
    ids = [row["id"] for row in box.view("2026-11-01", "2026-12-01")]
    moved = day("2026-11-10")
    box.put(ids[1], {"start": moved["start"], "end": moved["end"]})
    box.delete(ids[2])
    if change == "times":
        later = day("2026-11-02")
        for side in ("start", "end"):
            later[side]["dateTime"] = later[side]["dateTime"].replace("T11", "T13").replace("T10", "T12")
        change = {"start": later["start"], "end": later["end"]}
    box.put(series["id"], change)
    assert [text[5:13] for text in box.starts(eventId=series["id"])] == wanted


def test_an_attendee_answers_and_removes_single_occurrences(box, make):
    weekly(box, make, attendees=[{"id": make.bob}])
    ids = [row["id"] for row in box.view("2026-11-01", "2026-12-01", make.bob)]
    box.ok("POST", box.event(ids[1], make.bob, "/respond"), {"responseStatus": "declined"})
    box.delete(ids[2], make.bob)
    answers = [row["attendees"][1]["responseStatus"] for row in box.view("2026-11-01", "2026-12-01")]
    assert answers == ["needsAction", "declined", "needsAction", "needsAction"]
    assert len(box.view("2026-11-01", "2026-12-01", make.bob)) == 3
    assert box.refused("GET", box.event(ids[2], make.bob)) == (404, "instanceNotExist")


def test_somebody_invited_to_one_occurrence_sees_only_that(box, make):
    weekly(box, make)
    ids = [row["id"] for row in box.view("2026-11-01", "2026-12-01")]
    box.ok("POST", box.event(ids[1], tail="/attendees"), {"attendeesToAdd": [{"id": make.carol}]})
    assert [row["id"] for row in box.view("2026-11-01", "2026-12-01", make.carol)] == [ids[1]]
    assert box.list(make.carol, showDeleted="true") == []


@pytest.mark.parametrize("mode", ["rejected", "series"])
def test_writes_to_occurrences_may_be_refused_or_hit_the_series(box, make, mode):
    box.switch(instance_write=mode)
    series = weekly(box, make)
    row = box.view("2026-11-01", "2026-12-01")[1]
    body = {"id": row["id"], "summary": "Changed"}
    if mode == "rejected":
        assert box.refused("PUT", box.event(row["id"]), body) == (400, "invalidParameter")
        assert box.refused("DELETE", box.event(row["id"])) == (400, "invalidParameter")
    else:
        box.ok("PUT", box.event(row["id"]), body)
        assert box.get(series["id"])["summary"] == "Changed"
        box.delete(row["id"])
        assert box.view("2026-11-01", "2026-12-01") == []


def test_ids_of_future_occurrences_may_be_unknown(box, make):
    box.switch(future_instance_ids="unknown")
    weekly(box, make)
    rows = box.view("2026-11-01", "2026-12-01")
    assert box.get(rows[0]["id"])["id"] == rows[0]["id"]
    assert box.refused("GET", box.event(rows[1]["id"])) == (404, "instanceNotExist")


def test_an_update_replaces_the_whole_rule(box, make):
    series = weekly(box, make)
    rule = make.rule("weekly", interval=2, daysOfWeek="monday", span=make.numbered(2))
    changed = box.put(series["id"], {"recurrence": rule})
    assert changed["recurrence"] == rule
    assert days_of(box, series) == ["11-02", "11-16"]
    box.put(series["id"], {"recurrence": None})
    assert box.get(series["id"])["recurrence"] == rule
    box.switch(remove_recurrence="null")
    box.put(series["id"], {"recurrence": None})
    assert "recurrence" not in box.get(series["id"])
    single = box.create()
    box.put(single["id"], {"recurrence": make.rule("daily", span=make.numbered(3))})
    assert len(box.days(eventId=single["id"])) == 3


def test_an_all_day_series_has_dates(box, make):
    yearly = {
        "pattern": {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 10},
        "range": make.numbered(2),
    }
    series = box.create(make.all_day(recurrence=yearly))
    row = box.view("2026-11-01", "2026-12-01")[0]
    assert (row["start"], row["end"]) == ({"date": "2026-11-10"}, {"date": "2026-11-12"})
    assert row["originStart"] == {"dateTime": "2026-11-10T00:00:00Z"}
    assert box.days(eventId=series["id"]) == ["2026-11-10", "2027-11-10"]
    box.delete(row["id"])
    assert box.days(eventId=series["id"]) == ["2027-11-10"]


# What people do in the app


def test_the_app_changes_this_and_following(box, make):
    series = weekly(box, make, attendees=[{"id": make.bob}])
    ids = [row["id"] for row in box.view("2026-11-01", "2026-12-01")]
    box.delete(ids[0])
    later = day("2026-11-16", summary="New era")
    for side in ("start", "end"):
        later[side]["dateTime"] = later[side]["dateTime"].replace("T10", "T14").replace("T11", "T15")
    act = {"as": "alice01", "eventId": ids[2], "scope": "following", "event": later}
    fresh = box.act("edit", **act)
    assert days_of(box, series) == ["11-09"]
    assert box.get(series["id"])["recurrence"]["range"] == make.numbered(2)
    assert box.starts(eventId=fresh["eventId"]) == ["2026-11-16T14:00", "2026-11-23T14:00"]
    assert box.get(fresh["eventId"], make.bob)["summary"] == "New era"


@pytest.mark.parametrize("span", ["noEnd", "endDate", "numbered"])
@pytest.mark.parametrize("reading", ["inclusive_date", "inclusive_instant", "exclusive_instant"])
def test_the_app_ends_a_series_before_an_occurrence(box, make, span, reading):
    box.switch(end_date=reading)
    ranges = {
        "noEnd": {"type": "noEnd"},
        "endDate": {"type": "endDate", "endDate": "2026-12-31T00:00:00.000+08:00"},
        "numbered": make.numbered(9),
    }
    recurrence = make.rule("weekly", daysOfWeek="monday", span=ranges[span])
    series = box.create(day("2026-11-02", recurrence=recurrence))
    third = box.view("2026-11-01", "2026-12-01")[2]
    box.act("delete", **{"as": "alice01", "eventId": third["id"], "scope": "following"})
    assert days_of(box, series) == ["11-02", "11-09"]


def test_people_move_remind_invite_and_leave_in_the_app(box, make):
    series = weekly(box, make, attendees=[{"id": make.bob}])
    alice, bob = {"as": "alice01"}, {"as": "bob02"}
    ids = [row["id"] for row in box.view("2026-11-01", "2026-12-01")]
    box.act("move", **alice, eventId=ids[1], minutes=90)
    assert box.starts(eventId=series["id"])[1] == "2026-11-09T11:30"
    box.act("cancel_occurrence", **alice, eventId=series["id"], origin="2026-11-16T10:00:00+08:00")
    assert days_of(box, series) == ["11-02", "11-09", "11-23"]
    box.act("respond", **bob, eventId=series["id"], response="accepted")
    box.act("reminders", **bob, eventId=series["id"], reminders=[{"method": "phone", "minutes": 5}])
    assert box.get(series["id"], make.bob)["reminders"] == [{"method": "phone", "minutes": "5"}]
    assert box.get(series["id"])["reminders"] == [{"method": "dingtalk", "minutes": "15"}]
    box.act("invite", **alice, eventId=series["id"], people=["Carol"], optional=True)
    box.act("uninvite", **alice, eventId=series["id"], people=["bob02"])
    assert [row["id"] for row in box.get(series["id"])["attendees"]] == [make.alice, make.carol]
    room = box.server.control("state")["rooms"][0]["id"]
    box.act("book_room", **alice, eventId=ids[3], roomId=room)
    assert box.get(ids[3])["location"]["meetingRooms"] == ["3F-12"]
    relative = {
        "pattern": {"type": "relativeYearly", "interval": 1, "index": "fourth", "daysOfWeek": "thursday"},
        "range": make.numbered(2),
    }
    made = box.act("create", **alice, event=day("2026-11-26", recurrence=relative))
    assert box.get(made["eventId"])["recurrence"]["pattern"]["type"] == "relativeYearly"
    assert box.days(eventId=made["eventId"]) == ["2026-11-26", "2027-11-25"]
    box.act("delete", **{"as": "carol03"}, eventId=series["id"])
    assert box.list(make.carol) == []
    box.act("delete", **alice, eventId=series["id"])
    assert box.refused("GET", box.event(series["id"])) == (404, "itemNotFound")


def test_somebody_who_leaves_is_no_longer_found(box, make):
    event = box.create(make.timed(attendees=[{"id": make.bob}]))
    box.act("leave", **{"as": "bob02"})
    assert box.refused("GET", box.event(event["id"], make.bob)) == (400, "invalidParameter")
    assert box.get(event["id"])["attendees"][1]["displayName"] == "Bob"
    dan = {"userid": "dan05", "union_id": "DanUnion", "name": "Dan", "departments": [42]}
    box.act("join", person=dan)
    assert box.list("DanUnion") == []
    box.act("change_person", **{"as": "dan05", "fields": {"org_email": "dan@corp.example"}})
    found = box.legacy("/topapi/v2/user/get", {"userid": "dan05"})["result"]
    assert found["org_email"] == "dan@corp.example"


def test_the_control_plane_refuses_nonsense(box, make):
    from bridge.simulator.http import ControlError

    event = box.create(make.timed(attendees=[{"id": make.bob}]))
    for arguments in (
        {"do": "fly"},
        {"do": "edit", "as": "nobody", "eventId": event["id"], "event": {}},
        {"do": "edit", "as": "bob02", "eventId": event["id"], "event": {"summary": "x"}},
        {"do": "edit", "as": "alice01", "eventId": event["id"], "event": {"summary": ""}},
        {"do": "delete", "as": "carol03", "eventId": event["id"]},
        {"do": "delete", "as": "alice01", "eventId": "unknown"},
        {"do": "respond", "as": "bob02", "eventId": event["id"], "response": "maybe"},
        {
            "do": "reminders",
            "as": "bob02",
            "eventId": event["id"],
            "reminders": [{"method": "fax", "minutes": 1}],
        },
        {"do": "share", "as": "alice01", "with": "bob02", "privilege": "god"},
        {"do": "push_mode", "mode": "pigeon"},
        {"do": "create", "as": "alice01"},
    ):
        with pytest.raises(ControlError):
            box.server.control("act", arguments)


def test_the_same_time_in_another_offset_is_no_change_of_time(box, make):
    series = weekly(box, make)
    box.delete(box.view("2026-11-01", "2026-12-01")[1]["id"])
    zone = {"timeZone": "Asia/Shanghai"}
    same = {
        "start": {"dateTime": "2026-11-02T02:00:00.000Z", **zone},
        "end": {"dateTime": "2026-11-02T03:00:00.000Z", **zone},
        "recurrence": make.rule("weekly", daysOfWeek="monday", span=make.numbered(4)),
    }
    box.put(series["id"], {**same, "summary": "x"})
    assert days_of(box, series) == ["11-02", "11-16", "11-23"]

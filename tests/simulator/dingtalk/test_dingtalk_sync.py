"""Lists, pages, deltas, and the switches that shape them."""

from __future__ import annotations

import pytest

HOUR_S = 3600
DAY_S = 86_400


def daily(box, make, first="2026-10-31", **more):
    body = make.timed(f"{first}T10:00:00", f"{first}T11:00:00", **more)
    return box.create({**body, "summary": "Daily", "recurrence": make.rule("daily")})


def starts(rows):
    return [row["start"].get("dateTime", row["start"].get("date"))[5:10] for row in rows]


def test_the_list_has_single_events_of_any_time_but_only_generated_occurrences(box, make):
    series = daily(box, make)
    single = box.create(make.timed("2027-03-01T10:00:00", "2027-03-01T11:00:00"))
    rows = box.list()
    assert starts(rows) == ["10-31", "11-01", "11-02", "03-01"]
    assert [row.get("seriesMasterId") for row in rows] == [series["id"]] * 3 + [None]
    assert rows[3]["id"] == single["id"]
    assert rows[0]["originStart"]["dateTime"] == "2026-10-31T02:00:00Z"


@pytest.mark.parametrize(
    ("switch", "wanted"),
    [
        ({"generated": "started"}, ["10-31", "11-01", "11-02"]),
        ({"generated": "today"}, ["10-31", "11-01", "11-02"]),
        ({"generated": "week_ahead"}, ["10-31", *(f"11-0{n}" for n in range(1, 10))]),
        ({"list_master": "yes"}, ["10-31", "10-31", "11-01", "11-02"]),
    ],
)
def test_what_has_been_generated_is_a_switch(box, make, switch, wanted):
    box.switch(**switch)
    daily(box, make)
    assert starts(box.list()) == wanted


def test_a_series_that_has_not_started_is_listed_by_its_master(box, make):
    series = daily(box, make, "2026-11-05")
    assert [row["id"] for row in box.list()] == [series["id"]]
    box.switch(list_master="no")
    assert box.list() == []


def test_a_changed_occurrence_of_the_future_is_not_listed_unless_the_switch_says_so(box, make):
    daily(box, make)
    future = box.view("2026-11-10", "2026-11-11")[0]
    cursor = box.cursor()
    box.advance(60)
    box.put(future["id"], {"summary": "Special"})
    assert box.delta(cursor) == []
    box.switch(list_future_exceptions="yes")
    assert [row["summary"] for row in box.list()] == ["Daily", "Daily", "Daily", "Special"]
    assert [row["id"] for row in box.delta(cursor)] == [future["id"]]


def test_the_edges_of_the_window_are_switches(box, make):
    box.create(make.timed("2026-11-03T10:00:00", "2026-11-03T11:00:00"))
    at, before = "2026-11-03T02:00:00.000Z", "2026-11-03T01:00:00.000Z"
    after = "2026-11-03T03:00:00.000Z"
    assert len(box.list(timeMin=at, timeMax=after)) == 1
    assert len(box.list(timeMin=before, timeMax=at)) == 0
    box.switch(list_time_min="exclusive", list_time_max="inclusive")
    assert len(box.list(timeMin=at, timeMax=after)) == 0
    assert len(box.list(timeMin=before, timeMax=at)) == 1


def test_pages_are_followed_to_the_end_and_the_last_one_carries_the_synctoken(box, make):
    made = [
        box.create(make.timed(f"2026-11-03T{n:02}:00:00", f"2026-11-03T{n:02}:30:00"))["id"] for n in range(7)
    ]
    first = box.ok("GET", box.events(), query={"maxResults": 3})
    assert len(first["events"]) == 3
    assert "syncToken" not in first
    rows, token = box.pages(box.events(), maxResults=3)
    assert [row["id"] for row in rows] == made
    assert token
    for fill in ("short", "gaps"):
        box.switch(page_fill=fill)
        rows, token = box.pages(box.events(), maxResults=3)
        assert [row["id"] for row in rows] == made
        assert token
    assert "syncToken" not in box.ok("GET", box.events(), query={"timeMax": "2026-12-01T00:00:00.000Z"})


@pytest.mark.parametrize(("mode", "shown"), [("absent", ...), ("null", None), ("empty", "")])
def test_the_last_page_says_so_in_its_own_way(box, mode, shown):
    box.switch(last_next_token=mode)
    box.create()
    assert box.ok("GET", box.events()).get("nextToken", ...) == shown


@pytest.mark.parametrize("order", ["start", "id", "updated"])
def test_the_order_of_the_list_is_a_switch(box, make, order):
    box.switch(list_order=order)
    late = box.create(make.timed("2026-11-05T10:00:00", "2026-11-05T11:00:00"))["id"]
    early = box.create(make.timed("2026-11-04T10:00:00", "2026-11-04T11:00:00"))["id"]
    wanted = {"start": [early, late], "id": sorted([early, late]), "updated": [early, late]}
    box.put(early, {"summary": "x"})
    assert [row["id"] for row in box.list()] == wanted[order]


def test_a_change_between_two_pages_is_not_lost(box, make):
    made = [
        box.create(make.timed(f"2026-11-03T{n:02}:00:00", f"2026-11-03T{n:02}:30:00"))["id"] for n in range(4)
    ]
    first = box.ok("GET", box.events(), query={"maxResults": 2})
    box.put(made[0], {"summary": "Changed meanwhile"})
    box.delete(made[3])
    last = box.ok("GET", box.events(), query={"nextToken": first["nextToken"]})
    assert [row["id"] for row in last["events"]] == [made[2]]
    delta = box.delta(last["syncToken"], showDeleted="true")
    assert {row["id"]: row["status"] for row in delta} == {made[0]: "confirmed", made[3]: "cancelled"}


def test_a_delta_has_what_changed_and_a_new_token(box, make):
    kept = box.create()["id"]
    cursor = box.cursor()
    assert box.delta(cursor) == []
    made = box.create(make.timed(attendees=[{"id": make.bob}]))["id"]
    answer = box.ok("GET", box.events(), query={"syncToken": cursor})
    assert [row["id"] for row in answer["events"]] == [made]
    assert box.delta(answer["syncToken"]) == []
    box.ok("POST", box.event(made, make.bob, "/respond"), {"responseStatus": "accepted"})
    assert [row["id"] for row in box.delta(answer["syncToken"])] == [made]
    assert kept not in [row["id"] for row in box.delta(cursor)]
    box.switch(delta_cursor="with_changes")
    fresh = box.cursor()
    assert "syncToken" not in box.ok("GET", box.events(), query={"syncToken": fresh})


def test_answers_may_leave_no_trace(box, make):
    box.switch(responses_touch_event="no")
    event = box.create(make.timed(attendees=[{"id": make.bob}]))
    cursor = box.cursor()
    box.advance(60)
    box.ok("POST", box.event(event["id"], make.bob, "/respond"), {"responseStatus": "accepted"})
    assert box.delta(cursor) == []
    assert box.get(event["id"])["updateTime"] == event["updateTime"]
    assert box.get(event["id"])["attendees"][1]["responseStatus"] == "accepted"


@pytest.mark.parametrize(
    ("mode", "asked", "shown"),
    [
        ("stub", "true", {"id", "status", "updateTime"}),
        ("stub", "false", None),
        ("full", "true", {"summary", "start", "status"}),
        ("full", "false", None),
        ("stub_always", "false", {"id", "status", "updateTime"}),
        ("never", "true", None),
    ],
)
def test_deletions_in_a_delta_look_as_the_switch_says(box, make, mode, asked, shown):
    box.switch(deleted_items=mode)
    event = box.create(make.timed(attendees=[{"id": make.bob}]))["id"]
    cursor, bobs = box.cursor(), box.cursor(make.bob)
    box.delete(event)
    for rows in (box.delta(cursor, showDeleted=asked), box.delta(bobs, make.bob, showDeleted=asked)):
        assert [row["id"] for row in rows] == ([event] if shown else [])
        if shown:
            assert rows[0]["status"] == "cancelled"
            assert set(rows[0]) == shown if mode != "full" else set(rows[0]) >= shown


def test_every_way_of_losing_an_event_shows_in_the_loser_s_delta(box, make):
    events = [box.create(make.timed(attendees=[{"id": make.bob}]))["id"] for _ in range(3)]
    bobs, alices = box.cursor(make.bob), box.cursor()
    box.ok(
        "POST", box.event(events[0], tail="/attendees/batchRemove"), {"attendeesToRemove": [{"id": make.bob}]}
    )
    box.delete(events[1], make.bob)
    box.delete(events[2])
    lost = box.delta(bobs, make.bob, showDeleted="true")
    assert {(row["id"], row["status"]) for row in lost} == {(event, "cancelled") for event in events}
    seen = {row["id"]: row["status"] for row in box.delta(alices, showDeleted="true")}
    assert seen == {events[0]: "confirmed", events[2]: "cancelled"}
    assert box.list(make.bob) == []
    assert len(box.list(make.bob, showDeleted="true")) == 3


def test_time_generates_occurrences_into_deltas(box, make):
    daily(box, make)
    cursor = box.cursor()
    box.advance(13 * HOUR_S)  # 01:00 on 3 November in Shanghai
    box.token = box.new_token()
    assert starts(box.delta(cursor)) == ["11-03"]
    box.switch(generated="started")
    assert box.delta(cursor) == []
    box.switch(delta_generation="no", generated="today")
    assert box.delta(cursor) == []
    assert starts(box.list()) == ["10-31", "11-01", "11-02", "11-03"]


def test_a_new_rule_reports_the_occurrences_that_are_no_more(box, make):
    series = daily(box, make)
    cursor = box.cursor()
    weekly = make.rule("weekly", daysOfWeek="saturday")
    box.put(series["id"], {"recurrence": weekly})
    delta = box.delta(cursor, showDeleted="true")
    shown = {row["originStart"]["dateTime"][8:10]: row["status"] for row in delta}
    assert shown == {"31": "confirmed", "01": "cancelled", "02": "cancelled"}
    assert starts(box.list()) == ["10-31"]


def test_cancelled_occurrences_appear_in_the_delta(box, make):
    daily(box, make)
    cursor, row = box.cursor(), box.list()[1]
    box.delete(row["id"])
    delta = box.delta(cursor, showDeleted="true")
    assert [(item["id"], item["status"]) for item in delta] == [(row["id"], "cancelled")]


def test_the_list_can_be_narrowed_to_one_series(box, make):
    first, _ = daily(box, make), daily(box, make)
    box.create()
    rows = box.list(seriesMasterId=first["id"])
    assert len(rows) == 3
    assert {row["seriesMasterId"] for row in rows} == {first["id"]}


def test_old_and_unknown_synctokens(box):
    cursor = box.cursor()
    box.advance(30 * DAY_S + 1)
    box.token = box.new_token()
    assert box.refused("GET", box.events(), query={"syncToken": cursor}) == (400, "invalidParameter")
    box.switch(sync_expired="full")
    box.create()
    assert len(box.delta(cursor)) == 1
    box.switch(sync_expired="error")
    fresh = box.cursor()
    box.act("expire_sync_tokens")
    assert box.refused("GET", box.events(), query={"syncToken": fresh}) == (400, "invalidParameter")


def test_a_token_belongs_to_its_calendar(box, make):
    cursor = box.cursor()
    assert box.refused("GET", box.events(make.bob), query={"syncToken": cursor}) == (400, "invalidParameter")
    for _ in range(2):
        box.create()
    page = box.ok("GET", box.events(), query={"maxResults": 1})["nextToken"]
    assert box.refused("GET", box.events(make.bob), query={"nextToken": page}) == (400, "invalidParameter")


@pytest.mark.parametrize(
    ("mode", "same", "other"),
    [("ignored", True, True), ("required", True, False), ("rejected", False, False)],
)
def test_filters_beside_a_synctoken(box, mode, same, other):
    low = "2026-11-01T00:00:00.000Z"
    cursor = box.cursor(timeMin=low)
    box.switch(delta_filters=mode)
    for text, fine in ((low, same), ("2026-11-02T00:00:00.000Z", other)):
        answer = box.call("GET", box.events(), query={"syncToken": cursor, "timeMin": text})
        assert (answer.status_code == 200) is fine


def test_a_delta_may_keep_the_first_pass_s_timemin(box, make):
    cursor = box.cursor(timeMin="2026-11-01T00:00:00.000Z")
    box.create(make.timed("2026-10-01T10:00:00", "2026-10-01T11:00:00"))
    assert len(box.delta(cursor)) == 1
    box.switch(delta_keeps_time_min="yes")
    assert box.delta(cursor) == []


def test_the_view_includes_what_ends_at_its_beginning_but_not_what_starts_at_its_end(box, make):
    box.create(make.timed("2026-11-03T23:00:00", "2026-11-04T00:00:00", summary="ends"))
    box.create(make.timed("2026-11-05T00:00:00", "2026-11-05T01:00:00", summary="starts"))
    assert [row["summary"] for row in box.view("2026-11-04", "2026-11-05")] == ["ends"]


def test_the_view_pages_and_follows_moved_occurrences(box, make):
    series = daily(box, make, "2026-11-03")
    far = box.view("2026-11-04", "2026-11-05")[0]["id"]
    moved = make.timed("2027-05-01T10:00:00", "2027-05-01T11:00:00")
    box.put(far, {"start": moved["start"], "end": moved["end"]})
    assert [row["id"] for row in box.view("2027-05-01", "2027-05-02")].count(far) == 1
    rows = box.view("2026-11-03", "2027-02-11")
    assert len(rows) == 99
    page = box.ok(
        "GET",
        box.events() + "view",
        query={"timeMin": "2026-11-03T00:00:00.000Z", "timeMax": "2027-03-01T00:00:00.000Z"},
    )
    assert (len(page["events"]), bool(page["nextToken"])) == (100, True)
    assert series["id"] not in {row["id"] for row in page["events"]}


def test_instances_of_one_series_default_to_today(box, make):
    series, single = daily(box, make), box.create()
    rows = box.ok("GET", box.event(series["id"], tail="/instances"))["events"]
    assert starts(rows) == ["11-02"]
    assert box.ok("GET", box.event(single["id"], tail="/instances"))["events"] == []
    path = box.events().removesuffix("events") + "instances"
    query = {"seriesMasterId": series["id"], "startRecurrenceId": 1793498400000}
    assert starts(box.ok("GET", path, query=query)["events"]) == ["11-01", "11-02"]
    box.switch(undocumented_operations="denied")
    assert box.refused("GET", path, query=query)[0] == 403


def test_the_calendar_s_etag_moves_with_its_events(box, make):
    def etag():
        path = f"/v1.0/calendar/users/{make.alice}/calendars"
        return box.ok("GET", path)["response"]["calendars"][0]["eTag"]

    before = etag()
    assert etag() == before
    box.create(user=make.bob)
    assert etag() == before
    box.create()
    assert etag() != before
    box.switch(calendar_etag="constant")
    assert etag() == "0"


def test_too_many_results_may_be_cut(box):
    box.switch(too_many_results="cut")
    assert box.ok("GET", box.events(), query={"maxResults": 500})["events"] == []


def test_editing_a_future_occurrence_shows_on_a_master_that_has_not_started(box, make):
    series = daily(box, make, "2026-11-05")
    row = box.view("2026-11-06", "2026-11-07")[0]["id"]
    cursor = box.cursor()
    box.advance(60)
    box.put(row, {"summary": "Special"})
    assert [(item["id"], item["summary"]) for item in box.delta(cursor)] == [(series["id"], "Daily")]
    assert box.get(series["id"])["updateTime"] == "2026-11-02T04:01:00Z"
    box.switch(occurrence_edit_touches_master="no")
    cursor = box.cursor()
    box.advance(60)
    box.put(row, {"summary": "Very special"})
    assert box.delta(cursor) == []
    assert box.get(series["id"])["updateTime"] == "2026-11-02T04:01:00Z"
    assert box.get(row)["updateTime"] == "2026-11-02T04:02:00Z"

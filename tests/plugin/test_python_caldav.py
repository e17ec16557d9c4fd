"""A real client library: python-caldav, from the address that a person types to expanded searches."""

import datetime as dt

import caldav
import pytest
from caldav.elements import ical
from davkit import event

UTC = dt.UTC


@pytest.fixture
def client(box):
    with caldav.DAVClient(url=f"{box.url}/dav/", username="alice", password="pw") as made:
        yield made


@pytest.mark.parametrize("path", ["/", "/dav/", "/dav/alice/", "/dav/alice/work/"])
def test_discovery_finds_the_calendars_from_any_address(box, path):
    with caldav.DAVClient(url=box.url + path, username="alice", password="pw") as made:
        principal = made.principal()
        assert str(principal.url).endswith("/dav/alice/")
        assert {one.get_display_name() for one in principal.get_calendars()} == {"Work", "second", "team"}
        assert principal.get_vcal_address().to_ical() == b"mailto:alice@example.org"


def test_events_are_made_read_changed_and_deleted(client):
    work = client.principal().calendar(name="Work")
    made = work.add_event(event("one", "SUMMARY:Tea"))
    assert work.get_event_by_uid("one").icalendar_component["SUMMARY"] == "Tea"
    with made.edit_icalendar_component() as component:
        component["SUMMARY"] = "Coffee"
    made.save()
    again = work.get_event_by_uid("one")
    assert again.icalendar_component["SUMMARY"] == "Coffee"
    again.delete()
    with pytest.raises(caldav.lib.error.NotFoundError):
        work.get_event_by_uid("one")


def test_searches_expand_on_the_server(client):
    work = client.principal().calendar(name="Work")
    work.add_event(event("series", "RRULE:FREQ=DAILY;COUNT=10", "SUMMARY:Daily"))
    work.add_event(event("once", "SUMMARY:Once", start="20260604T050000Z", end="20260604T060000Z"))
    span = {"start": dt.datetime(2026, 6, 3, tzinfo=UTC), "end": dt.datetime(2026, 6, 5, tzinfo=UTC)}
    found = work.search(**span, event=True, server_expand=True)
    starts = sorted(one.icalendar_component["DTSTART"].dt for one in found)
    assert [start.isoformat() for start in starts] == [
        "2026-06-02T01:00:00+00:00",  # the library asks for a day more on both sides
        "2026-06-03T01:00:00+00:00",
        "2026-06-04T01:00:00+00:00",
        "2026-06-04T05:00:00+00:00",
        "2026-06-05T01:00:00+00:00",
    ]
    assert len(work.search(**span, event=True, expand=True)) == 3
    assert len(work.search(**span, event=True)) == 2
    assert [one.icalendar_component["UID"] for one in work.search(event=True, summary="Once")] == ["once"]


def test_searches_by_property(client):
    work = client.principal().calendar(name="Work")
    work.add_event(event("a", "SUMMARY:Red", "CATEGORIES:outdoor,family"))
    work.add_event(event("b", "SUMMARY:Blue"))
    assert {str(one.icalendar_component["UID"]) for one in work.search(event=True, category="outdoor")} == {
        "a"
    }
    assert {str(one.icalendar_component["UID"]) for one in work.search(event=True, no_category=True)} == {"b"}
    assert work.search(todo=True) == []


def test_a_calendar_is_followed_by_its_sync_token(client):
    work = client.principal().calendar(name="Work")
    first = work.add_event(event("a"))
    objects = work.get_objects_by_sync_token(load_objects=True)
    assert [str(one.icalendar_component["UID"]) for one in objects] == ["a"]
    work.add_event(event("b"))
    first.delete()
    added, deleted = objects.sync()
    assert len(list(added)) == 1
    assert len(list(deleted)) == 1
    assert {str(one.icalendar_component["UID"]) for one in objects} == {"b"}


def test_a_calendar_is_made_and_coloured(client):
    made = client.principal().make_calendar(name="新的", cal_id="made")
    assert made.get_display_name() == "新的"
    made.set_properties([ical.CalendarColor("#abcdef")])
    assert made.get_properties([ical.CalendarColor()]) == {ical.CalendarColor.tag: "#abcdef"}


def test_free_busy_is_answered(client):
    work = client.principal().calendar(name="Work")
    work.add_event(event("a"))
    busy = work.freebusy_request(dt.datetime(2026, 6, 1, tzinfo=UTC), dt.datetime(2026, 6, 3, tzinfo=UTC))
    assert "20260602T010000Z/20260602T020000Z" in busy.data


def test_a_refusal_reaches_the_person(client, box):
    team = next(one for one in client.principal().get_calendars() if one.get_display_name() == "team")
    with pytest.raises(caldav.lib.error.DAVError):
        team.add_event(event("x"))
    assert box.service.calendars[3].objects == {}

"""Laying the vendor's changes over the client's words, property by property."""

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

from bridge.model.event import Alarm, CalendarObject, Event
from bridge.model.people import Attendee, PartStat
from bridge.model.recurrence import Freq, Recurrence, Rule
from bridge.plan.absorb import absorb_main, absorb_occurrence, lay
from bridge.plan.moments import key_moment, moment_key, occurrence_of

BERLIN = ZoneInfo("Europe/Berlin")
START = dt.datetime(2026, 3, 2, 9, tzinfo=BERLIN)
OURS = Event(
    uid="u",
    start=START,
    end=START + dt.timedelta(hours=1),
    summary="Team",
    description="client's own words, longer than the vendor keeps",
    alarms=(Alarm(before_start_s=600),),
    attendees=(
        Attendee(address="mailto:bob@example.com", name="Bob B."),
        Attendee(address="mailto:stranger@example.net"),
    ),
)
WAS = replace(
    OURS, description="client's own", alarms=(Alarm(before_start_s=900),), attendees=(OURS.attendees[0],)
)
WEEKLY = Recurrence(rules=(Rule(freq=Freq.WEEKLY),))


def test_what_the_vendor_did_not_change_stays_as_the_client_wrote_it():
    assert lay(OURS, WAS, WAS) is OURS
    laid = lay(OURS, WAS, replace(WAS, summary="Team moved"))
    assert laid == replace(OURS, summary="Team moved")


def test_an_answer_reaches_its_attendee_and_strangers_stay():
    now = replace(WAS, attendees=(replace(WAS.attendees[0], partstat=PartStat.ACCEPTED),))
    laid = lay(OURS, WAS, now)
    assert laid.attendees[0] == Attendee(
        address="mailto:bob@example.com", name="Bob B.", partstat=PartStat.ACCEPTED
    )
    assert laid.attendees[1] == OURS.attendees[1]


def test_people_whom_the_vendor_dropped_go_and_new_ones_come():
    now = replace(WAS, attendees=(Attendee(address="mailto:carol@example.com"),))
    assert [a.address for a in lay(OURS, WAS, now).attendees] == [
        "mailto:stranger@example.net",
        "mailto:carol@example.com",
    ]


def test_a_new_time_is_written_in_the_clients_zone():
    now = replace(
        WAS, start=dt.datetime(2026, 3, 2, 10, tzinfo=dt.UTC), end=dt.datetime(2026, 3, 2, 11, tzinfo=dt.UTC)
    )
    laid = lay(OURS, WAS, now)
    assert laid.start == dt.datetime(2026, 3, 2, 11, tzinfo=BERLIN)
    assert getattr(laid.start, "tzinfo", None) is BERLIN


def test_an_occurrence_moved_at_the_vendor_becomes_an_override_with_the_clients_other_words():
    master = replace(OURS, recurrence=WEEKLY)
    at = dt.datetime(2026, 3, 9, 8, tzinfo=dt.UTC)
    was = occurrence_of(replace(WAS, recurrence=WEEKLY), at)
    now = replace(was, start=was.start + dt.timedelta(hours=2), end=was.end + dt.timedelta(hours=2))
    obj = absorb_occurrence(CalendarObject(uid="u", master=master), at, was, now)
    (override,) = obj.overrides
    assert override.description == OURS.description
    assert override.start == dt.datetime(2026, 3, 9, 11, tzinfo=BERLIN)
    assert moment_key(override.recurrence_id) == "20260309T080000Z"


def test_an_occurrence_that_is_gone_is_an_exdate_and_no_override():
    master = replace(OURS, recurrence=WEEKLY)
    at = dt.datetime(2026, 3, 9, 8, tzinfo=dt.UTC)
    changed = absorb_occurrence(
        CalendarObject(uid="u", master=master), at, None, replace(WAS, start=at, end=at)
    )
    gone = absorb_occurrence(changed, at, changed.overrides[0], None)
    assert gone.overrides == ()
    assert [moment_key(m) for m in gone.master.recurrence.exdates] == ["20260309T080000Z"]
    again = absorb_occurrence(gone, at, None, None)
    assert again == gone


def test_an_exclusion_that_belongs_to_an_override_is_no_exdate():
    master = replace(OURS, recurrence=WEEKLY)
    at = dt.datetime(2026, 3, 9, 8, tzinfo=dt.UTC)
    obj = absorb_occurrence(CalendarObject(uid="u", master=master), at, None, replace(WAS, start=at, end=at))
    was = replace(WAS, recurrence=WEEKLY)
    now = replace(was, recurrence=replace(WEEKLY, exdates=(at, at + dt.timedelta(days=7))))
    master = absorb_main(obj, was, now).master
    assert [moment_key(m) for m in master.recurrence.exdates] == ["20260316T080000Z"]


def test_keys_name_moments_and_back():
    for moment in (dt.date(2026, 1, 15), dt.datetime(2026, 1, 15, 10, tzinfo=BERLIN)):
        assert key_moment(moment_key(moment)) == moment


def test_an_occurrence_keeps_its_exact_length_over_a_dst_change():
    night = replace(
        OURS,
        start=dt.datetime(2026, 3, 21, 23, tzinfo=BERLIN),
        end=dt.datetime(2026, 3, 22, 7, tzinfo=BERLIN),
    )
    moved = occurrence_of(night, dt.datetime(2026, 3, 28, 22, tzinfo=dt.UTC))
    assert moved.end.astimezone(dt.UTC) - moved.start.astimezone(dt.UTC) == dt.timedelta(hours=8)

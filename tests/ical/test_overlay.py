"""Single vendor changes laid over client texts: exactly which lines change, and how."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bridge.ical.lines import Component, read
from bridge.ical.overlay import overlay
from bridge.ical.parse import parse
from bridge.model.event import Alarm, CalendarObject, Event, Status
from bridge.model.people import Attendee, PartStat, Person
from bridge.model.recurrence import Freq, Recurrence, Rule

BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
NOW_MS = 1_767_600_000_000
NOW = "20260105T080000Z"

TEXT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//Client//EN
X-CLIENT:kept
BEGIN:VTIMEZONE
TZID:Berlin (custom)
X-LIC-LOCATION:Europe/Berlin
END:VTIMEZONE
BEGIN:VEVENT
DTSTAMP:20260101T000000Z
UID:u1
SEQUENCE:4
DTSTART;X-P=1;TZID="Berlin (custom)":20260112T090000
DTEND;TZID="Berlin (custom)":20260112T100000
RRULE:FREQ=WEEKLY;COUNT=10
EXDATE;TZID="Berlin (custom)":20260119T090000,20260126T090000
SUMMARY;LANGUAGE=de;X-A="b;c":Alt
DESCRIPTION;ALTREP="data:text/html,x":Worte
X-ALT-DESC;FMTTYPE=text/html:<b>Worte</b>
LOCATION:Raum 1
ORGANIZER;CN=Ann;SENT-BY="mailto:sec@example.com":mailto:ann@example.com
ATTENDEE;CN=Bob;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;X-NUM-GUESTS=0:MAILTO:Bob@example.com
ATTENDEE;PARTSTAT=ACCEPTED:mailto:cy@example.com
LAST-MODIFIED:20260101T000000Z
X-ODD;A=b:c
BEGIN:VALARM
ACTION:AUDIO
TRIGGER:-PT10M
X-SOUND:ping
END:VALARM
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT15M
DESCRIPTION:x
END:VALARM
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


def own(text: str) -> CalendarObject:
    return parse(text.encode(), default_zone="Asia/Shanghai").object


def master(obj: CalendarObject) -> Event:
    assert obj.master is not None
    return obj.master


def changed(obj: CalendarObject, **fields: Any) -> CalendarObject:
    return dataclasses.replace(obj, master=dataclasses.replace(master(obj), **fields))


def diff(text: str, result: str) -> tuple[list[str], list[str]]:
    """Lines that went and lines that came, without the stamps."""
    old, new = text.split("\r\n"), result.split("\r\n")
    stamps = ("DTSTAMP", "LAST-MODIFIED", "SEQUENCE")
    gone = [line for line in old if line not in new and not line.startswith(stamps)]
    came = [line for line in new if line not in old and not line.startswith(stamps)]
    return gone, came


def laid(text: str = TEXT, **fields: Any) -> tuple[list[str], list[str]]:
    before = own(text)
    after = changed(before, **fields)
    result = overlay(text, before, after, dtstamp_ms=NOW_MS, default_zone="Asia/Shanghai")
    assert own(result) == after
    return diff(text, result)


def test_a_title_changes_one_line_and_the_stamps() -> None:
    before = own(TEXT)
    result = overlay(TEXT, before, changed(before, summary="Neu, neuer"), dtstamp_ms=NOW_MS)
    expected = (
        TEXT.replace('SUMMARY;LANGUAGE=de;X-A="b;c":Alt', 'SUMMARY;LANGUAGE=de;X-A="b;c":Neu\\, neuer')
        .replace("DTSTAMP:20260101T000000Z", f"DTSTAMP:{NOW}")
        .replace("LAST-MODIFIED:20260101T000000Z", f"LAST-MODIFIED:{NOW}")
    )
    assert result == expected


def test_the_sequence_counts_times_rules_and_places_only() -> None:
    before = own(TEXT)
    event = master(before)
    for fields, sequence in (
        ({"description": "x"}, "SEQUENCE:4"),
        ({"alarms": ()}, "SEQUENCE:4"),
        ({"location": ""}, "SEQUENCE:5"),
        ({"end": event.end + HOUR}, "SEQUENCE:5"),
        ({"recurrence": dataclasses.replace(event.recurrence, exdates=())}, "SEQUENCE:5"),
    ):
        assert sequence in overlay(TEXT, before, changed(before, **fields), dtstamp_ms=NOW_MS).split("\r\n")


def test_new_words_take_the_old_html_along_and_drop_the_link_to_it() -> None:
    gone, came = laid(description="Neu & <gut>\nzwei", rich_description="<i>neu</i>")
    assert gone == [
        'DESCRIPTION;ALTREP="data:text/html,x":Worte',
        "X-ALT-DESC;FMTTYPE=text/html:<b>Worte</b>",
    ]
    assert came == ["DESCRIPTION:Neu & <gut>\\nzwei", "X-ALT-DESC;FMTTYPE=text/html:<i>neu</i>"]
    before = changed(own(TEXT), rich_description="")  # a vendor without HTML
    result = overlay(TEXT, before, changed(before, description="Neu & <gut>\nzwei"), dtstamp_ms=NOW_MS)
    assert "X-ALT-DESC;FMTTYPE=text/html:<html><body>Neu &amp\\; &lt\\;gut&gt\\;<br>zwei" in result
    assert laid(rich_description="")[0] == ["X-ALT-DESC;FMTTYPE=text/html:<b>Worte</b>"]


def test_words_come_and_go() -> None:
    assert laid(location="") == (["LOCATION:Raum 1"], [])
    assert laid(status=Status.CANCELLED) == ([], ["STATUS:CANCELLED"])
    conference = "CONFERENCE;VALUE=URI;FEATURE=VIDEO:https://a.example/"
    assert laid(url="https://a.example/") == ([], ["URL:https://a.example/", conference])


def test_a_link_of_the_clients_own_stays_beside_the_vendors() -> None:
    text = TEXT.replace("X-ODD", "URL:https://own.example/\r\nX-ODD")
    before = dataclasses.replace(master(own(text)), url="")
    after = dataclasses.replace(before, url="https://meet.example/")
    result = overlay(
        text,
        CalendarObject(uid="u1", master=before),
        CalendarObject(uid="u1", master=after),
        dtstamp_ms=NOW_MS,
    )
    assert diff(text, result) == ([], ["CONFERENCE;VALUE=URI;FEATURE=VIDEO:https://meet.example/"])
    back = overlay(
        result,
        CalendarObject(uid="u1", master=after),
        CalendarObject(uid="u1", master=before),
        dtstamp_ms=NOW_MS,
    )
    assert diff(text, back) == ([], [])


def test_a_move_keeps_zone_parameters_and_length() -> None:
    event = master(own(TEXT))
    start = event.start + DAY + 2 * HOUR
    _, came = laid(start=start, end=start + HOUR, recurrence=event.recurrence)
    assert came == [
        'DTSTART;X-P=1;TZID="Berlin (custom)":20260113T110000',
        'DTEND;TZID="Berlin (custom)":20260113T120000',
    ]
    assert laid(end=event.end + HOUR)[1] == ['DTEND;TZID="Berlin (custom)":20260112T110000']


@pytest.mark.parametrize(
    ("start", "end", "moved", "came"),
    [
        ("DTSTART:20260112T090000Z", "DURATION:PT1H", HOUR, ["DTSTART:20260112T100000Z"]),
        ("DTSTART:20260112T090000Z", "X-NONE:", HOUR, ["DTSTART:20260112T100000Z"]),
        (
            "DTSTART:20260112T090000",
            "DTEND:20260112T093000",
            HOUR,
            ["DTSTART:20260112T100000", "DTEND:20260112T103000"],
        ),
        ("DTSTART;VALUE=DATE:20260112", "X-NONE:", DAY, ["DTSTART;VALUE=DATE:20260113"]),
        ("DTSTART;VALUE=DATE;X-P=1:20260112", "DURATION:P2D", DAY, ["DTSTART;VALUE=DATE;X-P=1:20260113"]),
        (
            "DTSTART:20260112T090000Z",
            "DTEND;TZID=Europe/Berlin:20260112T110000",
            HOUR,
            ["DTSTART:20260112T100000Z", "DTEND;TZID=Europe/Berlin:20260112T120000"],
        ),
    ],
)
def test_the_form_of_the_time_is_the_clients(
    start: str, end: str, moved: dt.timedelta, came: list[str]
) -> None:
    text = "\r\n".join(
        ["BEGIN:VCALENDAR", "BEGIN:VEVENT", "UID:u1", start, end, "END:VEVENT", "END:VCALENDAR", ""]
    )
    event = master(own(text))
    assert laid(text, start=event.start + moved, end=event.end + moved)[1] == came


def test_a_longer_event_is_longer_in_the_style_of_the_client() -> None:
    for end, came in (("DURATION:PT1H", "DURATION:PT1H30M"), ("X-NONE:", "DTEND:20260112T093000Z")):
        lines = [
            "BEGIN:VCALENDAR",
            "BEGIN:VEVENT",
            "UID:u1",
            "DTSTART:20260112T090000Z",
            end,
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
        text = "\r\n".join(lines)
        assert laid(text, end=master(own(text)).end + HOUR / 2)[1] == [came]


def test_an_event_becomes_all_day_and_timed_again() -> None:
    text = TEXT.replace("RRULE:FREQ=WEEKLY;COUNT=10\r\n", "").replace("EXDATE", "X-EX")
    day = dt.date(2026, 1, 12)
    before = own(text)
    after = changed(before, start=day, end=day + 2 * DAY)
    result = overlay(text, before, after, dtstamp_ms=NOW_MS)
    assert diff(text, result)[1] == ["DTSTART;X-P=1;VALUE=DATE:20260112", "DTEND;VALUE=DATE:20260114"]
    timed = changed(
        before,
        start=dt.datetime(2026, 1, 12, 9, tzinfo=SHANGHAI),
        end=dt.datetime(2026, 1, 12, 10, tzinfo=SHANGHAI),
    )
    again = overlay(result, after, timed, dtstamp_ms=NOW_MS)
    assert "DTSTART;X-P=1;TZID=Asia/Shanghai:20260112T090000" in again
    assert "TZID:Asia/Shanghai\r\n" in again
    assert own(again) == timed


def test_the_second_of_two_equal_wall_times_is_written_in_utc() -> None:
    text = TEXT.replace("RRULE:FREQ=WEEKLY;COUNT=10\r\n", "").replace("EXDATE", "X-EX")
    start = dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC)
    _, came = laid(text, start=start, end=start + HOUR)
    assert came[0] == "DTSTART;X-P=1:20261025T013000Z"


def test_a_series_in_another_zone_is_written_in_it_and_a_single_event_keeps_its_own() -> None:
    event = master(own(TEXT))
    before = own(TEXT)
    moved = changed(
        before,
        start=dt.datetime(2026, 1, 12, 16, tzinfo=SHANGHAI),
        end=dt.datetime(2026, 1, 12, 17, tzinfo=SHANGHAI),
        recurrence=dataclasses.replace(event.recurrence, exdates=()),
    )
    result = overlay(TEXT, before, moved, dtstamp_ms=NOW_MS)
    assert "DTSTART;X-P=1;TZID=Asia/Shanghai:20260112T160000" in result
    assert "DTEND;TZID=Asia/Shanghai:20260112T170000" in result
    assert result.count("BEGIN:VTIMEZONE") == 2
    single = TEXT.replace("RRULE:FREQ=WEEKLY;COUNT=10\r\n", "")
    start = dt.datetime(2026, 1, 12, 17, tzinfo=SHANGHAI)
    assert laid(single, start=start, end=start + HOUR)[1][0].endswith("20260112T100000")


def test_dates_are_taken_out_of_and_added_to_the_clients_lists() -> None:
    event = master(own(TEXT))
    exdates = (event.recurrence.exdates[1], event.start + 3 * 7 * DAY)
    gone, came = laid(recurrence=dataclasses.replace(event.recurrence, exdates=exdates))
    assert gone == ['EXDATE;TZID="Berlin (custom)":20260119T090000,20260126T090000']
    assert came == [
        'EXDATE;TZID="Berlin (custom)":20260126T090000',
        'EXDATE;TZID="Berlin (custom)":20260202T090000',
    ]
    rule = Rule(freq=Freq.DAILY, count=3)
    assert laid(recurrence=dataclasses.replace(event.recurrence, rules=(rule,)))[1] == [
        "RRULE:FREQ=DAILY;COUNT=3"
    ]
    gone, came = laid(recurrence=Recurrence())
    assert (len(gone), came) == (2, [])


def test_an_exception_that_only_the_client_knows_stays() -> None:
    vendor = changed(own(TEXT), recurrence=dataclasses.replace(master(own(TEXT)).recurrence, exdates=()))
    event = master(vendor)
    added = changed(
        vendor, recurrence=dataclasses.replace(event.recurrence, exdates=(event.start + 21 * DAY,))
    )
    result = overlay(TEXT, vendor, added, dtstamp_ms=NOW_MS)
    assert diff(TEXT, result) == ([], ['EXDATE;TZID="Berlin (custom)":20260202T090000'])


def test_alarms_that_came_or_went_upstream_and_no_others() -> None:
    before = own(TEXT)
    vendor = changed(before, alarms=(Alarm(before_start_s=900),))
    none = overlay(TEXT, vendor, changed(vendor, alarms=()), dtstamp_ms=NOW_MS)
    assert master(own(none)).alarms == (Alarm(before_start_s=600),)
    assert "X-SOUND:ping" in none
    more = overlay(
        TEXT,
        vendor,
        changed(vendor, alarms=(Alarm(before_start_s=0), Alarm(before_start_s=900))),
        dtstamp_ms=NOW_MS,
    )
    assert diff(TEXT, more)[1][:2] == ["TRIGGER:PT0S", "DESCRIPTION:Alt"]
    same = overlay(TEXT, changed(vendor, alarms=()), vendor, dtstamp_ms=NOW_MS)
    assert same == TEXT


def test_an_alarm_that_names_its_moment_moves_with_a_single_event() -> None:
    text = (
        TEXT.replace("RRULE:FREQ=WEEKLY;COUNT=10\r\n", "")
        .replace("EXDATE", "X-EX")
        .replace("TRIGGER:-PT10M", "TRIGGER;VALUE=DATE-TIME:20260112T075000Z")
    )
    event = master(own(text))
    assert (
        laid(text, start=event.start + DAY, end=event.end + DAY)[1][-1]
        == "TRIGGER;VALUE=DATE-TIME:20260113T075000Z"
    )


def test_answers_change_in_place_and_guests_come_and_go() -> None:
    bob, cy = master(own(TEXT)).attendees
    dee = Attendee(address="mailto:dee@example.com", name="Dee, D", is_optional=True)
    gone, came = laid(attendees=(dataclasses.replace(bob, partstat=PartStat.DECLINED, is_optional=True), dee))
    assert gone == [
        "ATTENDEE;CN=Bob;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;X-NUM-GUESTS=0:MAILTO:Bob@example.com",
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:cy@example.com",
    ]
    result = overlay(
        TEXT,
        own(TEXT),
        changed(
            own(TEXT),
            attendees=(dataclasses.replace(bob, partstat=PartStat.DECLINED, is_optional=True), cy, dee),
        ),
        dtstamp_ms=NOW_MS,
    )
    attendees = [line.raw.replace("\r\n ", "").strip() for line in event_of(result).lines("ATTENDEE")]
    assert attendees == [
        "ATTENDEE;CN=Bob;PARTSTAT=DECLINED;RSVP=TRUE;X-NUM-GUESTS=0;ROLE=OPT-PARTICIPANT:MAILTO:Bob@example.com",
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:cy@example.com",
        'ATTENDEE;CN="Dee, D";ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION:mailto:dee@example.com',
    ]
    assert all(len(line) <= 75 for line in came)


def test_the_organizer_keeps_what_else_is_known_of_them() -> None:
    assert laid(organizer=Person(address="mailto:ann@example.com", name="Anna"))[1] == [
        'ORGANIZER;CN=Anna;SENT-BY="mailto:sec@example.com":mailto:ann@example.com'
    ]
    assert laid(organizer=Person(address="mailto:eve@example.com"))[1] == ["ORGANIZER:mailto:eve@example.com"]
    assert len(laid(organizer=None)[0]) == 1


def event_of(text: str, number: int = 0) -> Component:
    return read(text).components("VEVENT")[number]


def with_override(obj: CalendarObject, at: dt.datetime, **fields: Any) -> CalendarObject:
    model = master(obj)
    override = dataclasses.replace(
        model, recurrence=Recurrence(), recurrence_id=at, start=at, end=at + (model.end - model.start)
    )
    override = dataclasses.replace(override, **fields)
    return dataclasses.replace(obj, overrides=(*obj.overrides, override))


def test_a_changed_occurrence_is_made_from_the_masters_text() -> None:
    before = own(TEXT)
    at = dt.datetime(2026, 2, 2, 8, tzinfo=dt.UTC)
    vendor_before = changed(before, alarms=(), attendees=())
    vendor_after = with_override(vendor_before, at, summary="Anders", start=at + HOUR, end=at + 2 * HOUR)
    result = overlay(TEXT, vendor_before, vendor_after, dtstamp_ms=NOW_MS)
    added = event_of(result, 1)
    raws = [line.raw.strip() for line in added.children if not isinstance(line, Component)]
    assert raws == [
        f"DTSTAMP:{NOW}",
        "UID:u1",
        'RECURRENCE-ID;TZID="Berlin (custom)":20260202T090000',
        "SEQUENCE:5",
        'DTSTART;X-P=1;TZID="Berlin (custom)":20260202T100000',
        'DTEND;TZID="Berlin (custom)":20260202T110000',
        'SUMMARY;LANGUAGE=de;X-A="b;c":Anders',
        'DESCRIPTION;ALTREP="data:text/html,x":Worte',
        "X-ALT-DESC;FMTTYPE=text/html:<b>Worte</b>",
        "LOCATION:Raum 1",
        'ORGANIZER;CN=Ann;SENT-BY="mailto:sec@example.com":mailto:ann@example.com',
        *[line.raw.replace("\r\n", "").strip() for line in event_of(TEXT).lines("ATTENDEE")],
        f"LAST-MODIFIED:{NOW}",
        "X-ODD;A=b:c",
    ]
    assert len(added.components("VALARM")) == 2
    assert result.startswith(TEXT[: TEXT.index("END:VCALENDAR")])
    assert overlay(result, vendor_after, vendor_before, dtstamp_ms=NOW_MS) == TEXT


def test_a_changed_occurrence_changes_in_place_and_goes_alone() -> None:
    before = own(TEXT)
    at = dt.datetime(2026, 2, 2, 9, tzinfo=BERLIN)
    one = with_override(before, at, summary="Eins")
    text = overlay(TEXT, before, one, dtstamp_ms=NOW_MS)
    two = with_override(before, at, summary="Zwei")
    result = overlay(text, one, two, dtstamp_ms=NOW_MS)
    assert diff(text, result) == (
        ['SUMMARY;LANGUAGE=de;X-A="b;c":Eins'],
        ['SUMMARY;LANGUAGE=de;X-A="b;c":Zwei'],
    )
    assert own(result) == two
    dropped = changed(
        before,
        recurrence=dataclasses.replace(
            master(before).recurrence, exdates=(*master(before).recurrence.exdates, at)
        ),
    )
    gone = overlay(result, two, dropped, dtstamp_ms=NOW_MS)
    assert own(gone) == dropped
    assert gone.count("BEGIN:VEVENT") == 1


def test_a_master_comes_to_lone_overrides_and_the_last_event_does_not_go() -> None:
    at = dt.datetime(2026, 2, 2, 9, tzinfo=dt.UTC)
    lines = [
        "BEGIN:VCALENDAR",
        "BEGIN:VEVENT",
        "UID:own",
        "RECURRENCE-ID:20260202T090000Z",
        "DTSTART:20260202T100000Z",
        "X-A:b",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    text = "\n".join(lines)
    before = own(text)
    rule = Recurrence(rules=(Rule(freq=Freq.DAILY, count=5),))
    after = dataclasses.replace(
        before,
        uid="vendor's",
        master=Event(uid="vendor's", start=at - DAY, end=at - DAY + HOUR, recurrence=rule, summary="s"),
    )
    result = overlay(text, before, after, dtstamp_ms=NOW_MS)
    assert "\r" not in result
    assert "X-A:b\n" in result
    assert own(result).uid == "own"
    assert master(own(result)).recurrence == rule
    with pytest.raises(ValueError, match="no event"):
        overlay(text, before, CalendarObject(uid="own", master=None), dtstamp_ms=NOW_MS)


def test_a_date_beside_a_time_keeps_its_meaning_when_the_series_moves() -> None:
    text = TEXT.replace(
        'EXDATE;TZID="Berlin (custom)":20260119T090000,20260126T090000', "EXDATE;VALUE=DATE:20260119,20260126"
    )
    event = master(own(text))
    vendor = changed(own(text), recurrence=dataclasses.replace(event.recurrence, exdates=()))
    moved = changed(vendor, start=event.start + HOUR, end=event.end + HOUR)
    result = overlay(text, vendor, moved, dtstamp_ms=NOW_MS)
    assert master(own(result)).recurrence.exdates == event.recurrence.exdates


def test_an_alarm_of_nobody_is_not_touched() -> None:
    text = TEXT.replace("ACTION:AUDIO\r\nTRIGGER:-PT10M", "ACTION:NONE\r\nTRIGGER:-PT15M")
    result = overlay(text, own(text), changed(own(text), alarms=()), dtstamp_ms=NOW_MS)
    assert "ACTION:NONE\r\nTRIGGER:-PT15M\r\nX-SOUND:ping" in result
    assert "ACTION:DISPLAY" not in result

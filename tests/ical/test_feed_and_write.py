"""Feeds of many objects, fresh texts, content lines."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import pytest

from bridge.errors import BadInput
from bridge.ical.feed import feed
from bridge.ical.fingerprint import fingerprint, same
from bridge.ical.lines import Component, make, quote_param, read
from bridge.ical.lines import write as write_lines
from bridge.ical.parse import parse
from bridge.ical.recur import rule_from_text
from bridge.ical.write import write
from bridge.model.event import Alarm, CalendarObject, Event, Status
from bridge.model.people import Attendee, PartStat, Person
from bridge.model.recurrence import Freq, NthDay, Recurrence, Rule, Weekday

SAMPLES = sorted((Path(__file__).parent.parent / "golden" / "ical").glob("*/client.ics"))
TEXTS = [parse(path.read_bytes(), default_zone="Asia/Shanghai").text for path in SAMPLES]
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = dt.timedelta(hours=1)
SECRET = (
    "ATTENDEE",
    "ORGANIZER",
    "DESCRIPTION",
    "LOCATION",
    "URL",
    "X-",
    "VALARM",
    "COMMENT",
    "CATEGORIES",
    "ALTREP",
)


def merged(texts: list[str], detail: str) -> str:
    return "".join(feed(texts, name="Arbeit, 工作; 1", detail=detail, ttl_minutes=90))  # type: ignore[arg-type]


@pytest.mark.parametrize("detail", ["full", "title", "busy"])
def test_a_feed_is_one_calendar_that_others_can_read(detail: str) -> None:
    text = merged(TEXTS, detail)
    assert "\n" not in text.replace("\r\n", "")
    calendar = icalendar.Calendar.from_ical(text)
    assert "\r\nNAME:Arbeit\\, 工作\\; 1\r\n" in text
    assert "X-WR-CALNAME:Arbeit\\, 工作\\; 1\r\n" in text
    assert str(calendar["METHOD"]) == "PUBLISH"
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H30M\r\nX-PUBLISHED-TTL:PT1H30M\r\n" in text
    tree = read(text)
    names = [one.value for zone in tree.components("VTIMEZONE") for one in zone.lines("TZID")]
    assert len(names) == len(set(names))
    used = {
        line.param("TZID")
        for event in tree.components("VEVENT")
        for line in event.children
        if not isinstance(line, Component)
    }
    assert used - {None} == set(names)
    assert all(event.first("DTSTAMP") for event in tree.components("VEVENT"))
    sent = sum(text.count("BEGIN:VEVENT") for text in TEXTS)
    free = 2  # the cancelled event and the transparent one
    assert len(tree.components("VEVENT")) == (sent - free if detail == "busy" else sent)


@pytest.mark.parametrize("detail", ["title", "busy"])
def test_a_feed_of_little_detail_tells_no_more(detail: str) -> None:
    text = merged(TEXTS, detail)
    body = text[text.index("BEGIN:VEVENT") :]
    for event in read(text).components("VEVENT"):
        assert not event.components()
        assert not [
            line
            for line in event.children
            if not isinstance(line, Component) and line.name.startswith(SECRET)
        ]
    assert ("Wochenplanung" in body) == (detail == "title")
    assert "Punkte" not in body
    assert "mailto" not in body
    if detail == "busy":
        assert body.count("SUMMARY:Busy\r\n") == body.count("SUMMARY") > 5


def test_the_occurrences_of_a_feed_are_those_of_its_objects() -> None:
    tree = read(merged(TEXTS, "busy"))
    zones = tree.components("VTIMEZONE")
    for text in TEXTS:
        mine = parse(text.encode(), default_zone="Asia/Shanghai").object
        events = [
            event
            for event in tree.components("VEVENT")
            if (event.first("UID") or make("UID", "")).value == mine.uid
        ]
        if not events:
            continue
        again = parse(
            write_lines(tree.with_children([*zones, *events])).encode(), default_zone="Asia/Shanghai"
        ).object
        for one, other in zip(mine.events, again.events, strict=True):
            assert (one.start, one.end, one.recurrence_id, one.recurrence) == (
                other.start,
                other.end,
                other.recurrence_id,
                other.recurrence,
            )


def custom(tzid: str, offset: str, uid: str) -> str:
    return (
        f"BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:{tzid}\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:{offset}\n"
        f"TZOFFSETTO:{offset}\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:{uid}\nDTSTART;TZID={tzid}:20260105T090000\n"
        "SUMMARY:x\nEND:VEVENT\nEND:VCALENDAR\n"
    )


def test_one_name_for_two_zones_becomes_two_names() -> None:
    texts = [
        custom("Home", "+0100", "a"),
        custom("Home", "+0200", "b"),
        custom("Home", "+0100", "c"),
        custom("Home", "+0200", "d"),
    ]
    text = merged(texts, "full")
    tree = read(text)
    assert [zone.lines("TZID")[0].value for zone in tree.components("VTIMEZONE")] == ["Home", "Home 2"]
    assert [event.lines("DTSTART")[0].param("TZID") for event in tree.components("VEVENT")] == [
        "Home",
        "Home 2",
        "Home",
        "Home 2",
    ]


def test_a_text_that_is_no_calendar_takes_no_feed_away() -> None:
    assert merged(["", "BEGIN:VCALENDAR", TEXTS[0]], "full").count("BEGIN:VEVENT") == 1


def meeting() -> CalendarObject:
    start = dt.datetime(2026, 3, 2, 9, tzinfo=BERLIN)
    master = Event(
        uid="m1",
        start=start,
        end=start + HOUR,
        recurrence=Recurrence(
            rules=(
                Rule(
                    freq=Freq.WEEKLY,
                    interval=2,
                    by_day=(NthDay(Weekday.MO),),
                    until=dt.datetime(2026, 6, 1, tzinfo=dt.UTC),
                ),
            ),
            exdates=(dt.datetime(2026, 3, 16, 8, tzinfo=dt.UTC),),
        ),
        summary="周会, Team",
        description="a\nb",
        rich_description="<p>a</p>",
        location="Raum; 1",
        url="https://meet.example/?a=1;b,c",
        status=Status.TENTATIVE,
        alarms=(Alarm(before_start_s=-600), Alarm(before_start_s=900), Alarm(before_start_s=172_800)),
        organizer=Person(address="mailto:ann@example.com", name="Ann, A"),
        attendees=(
            Attendee(
                address="mailto:bob@example.com", name='B"ob', partstat=PartStat.DECLINED, is_optional=True
            ),
        ),
    )
    moved = dataclasses.replace(
        master,
        recurrence=Recurrence(),
        recurrence_id=dt.datetime(2026, 3, 30, 7, tzinfo=dt.UTC),
        start=dt.datetime(2026, 3, 31, 9, tzinfo=ZoneInfo("Asia/Shanghai")),
        end=dt.datetime(2026, 3, 31, 10, tzinfo=ZoneInfo("Asia/Shanghai")),
        alarms=(),
    )
    return CalendarObject(uid="m1", master=master, overrides=(moved,))


def test_a_vendors_meeting_as_text() -> None:
    text = write(meeting(), dtstamp_ms=1_767_600_000_999)
    lines = text.split("\r\n")
    assert lines[:4] == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Queqiao//CalDAV bridge//EN",
        "CALSCALE:GREGORIAN",
    ]
    assert [line for line in lines if line.startswith("TZID")] == ["TZID:Asia/Shanghai", "TZID:Europe/Berlin"]
    for line in (
        "DTSTAMP:20260105T080000Z",
        "DTSTART;TZID=Europe/Berlin:20260302T090000",
        "RRULE:FREQ=WEEKLY;UNTIL=20260601T000000Z;INTERVAL=2;BYDAY=MO",
        "EXDATE:20260316T080000Z",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260330T090000",
        "DTSTART;TZID=Asia/Shanghai:20260331T090000",
        "SUMMARY:周会\\, Team",
        "STATUS:TENTATIVE",
        "TRIGGER:PT10M",
        "TRIGGER:-PT15M",
        "TRIGGER:-P2D",
        "URL:https://meet.example/?a=1;b,c",
        'ORGANIZER;CN="Ann, A":mailto:ann@example.com',
        "ATTENDEE;CN=B^'ob;ROLE=OPT-PARTICIPANT;PARTSTAT=DECLINED:mailto:bob@example",
    ):
        assert line in lines
    assert same(parse(text.encode(), default_zone="UTC").object, meeting())
    calendar = icalendar.Calendar.from_ical(text)
    assert [str(event["SUMMARY"]) for event in calendar.walk("VEVENT")] == ["周会, Team"] * 2


def test_all_day_is_written_as_dates() -> None:
    obj = CalendarObject(uid="d", master=Event(uid="d", start=dt.date(2026, 1, 5), end=dt.date(2026, 1, 7)))
    text = write(obj, dtstamp_ms=0)
    assert "DTSTART;VALUE=DATE:20260105\r\nDTEND;VALUE=DATE:20260107\r\n" in text
    assert "VTIMEZONE" not in text


def test_a_series_of_a_bare_offset_gets_a_zone_and_a_single_event_utc() -> None:
    odd = dt.timezone(dt.timedelta(hours=7, minutes=17))
    single = Event(
        uid="d", start=dt.datetime(2026, 1, 5, 9, tzinfo=odd), end=dt.datetime(2026, 1, 5, 10, tzinfo=odd)
    )
    assert "DTSTART:20260105T014300Z" in write(CalendarObject(uid="d", master=single), dtstamp_ms=0)
    series = dataclasses.replace(single, recurrence=Recurrence(rules=(Rule(freq=Freq.DAILY),)))
    obj = CalendarObject(uid="d", master=series)
    text = write(obj, dtstamp_ms=0)
    assert (
        "DTSTART;TZID=UTC+07:17:20260105T090000" in text or 'DTSTART;TZID="UTC+07:17":20260105T090000' in text
    )
    assert same(parse(text.encode(), default_zone="UTC").object, obj)


def rule(text: str) -> Event:
    start = dt.datetime(2026, 1, 5, 9, tzinfo=BERLIN)
    return Event(
        uid="u",
        start=start,
        end=start + HOUR,
        recurrence=Recurrence(rules=(rule_from_text(text, start=start),)),
    )


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO;WKST=SU;INTERVAL=1", True),
        ("FREQ=MONTHLY", "FREQ=MONTHLY;BYMONTHDAY=5", True),
        ("FREQ=YEARLY", "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=5", True),
        ("FREQ=YEARLY", "FREQ=YEARLY;BYMONTH=1", True),
        ("FREQ=YEARLY", "FREQ=YEARLY;BYMONTHDAY=5", False),
        ("FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO,TU", False),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU", False),
        ("FREQ=DAILY;UNTIL=20260110T080000Z", "FREQ=DAILY;UNTIL=20260110T090000", True),
    ],
)
def test_rules_are_compared_by_what_they_say_beside_their_start(one: str, other: str, *, equal: bool) -> None:
    first, second = (CalendarObject(uid="u", master=rule(text)) for text in (one, other))
    assert same(first, second) is equal


def test_a_series_in_another_zone_is_another_series() -> None:
    here = CalendarObject(uid="u", master=rule("FREQ=WEEKLY"))
    event = rule("FREQ=WEEKLY")
    utc = dataclasses.replace(event, start=event.start.astimezone(dt.UTC), end=event.end.astimezone(dt.UTC))  # type: ignore[union-attr]
    there = CalendarObject(uid="u", master=utc)
    assert fingerprint(here) != fingerprint(there)
    assert not same(here, there)


@pytest.mark.parametrize(
    ("head", "params", "value"),
    [
        ("A", {}, "b:c"),
        ('A;X="b:c;d,e",f;Y=g', {"X": "b:c;d,e,f", "Y": "g"}, "v"),
        ("A;X=a^nb^^c^'d", {"X": 'a\nb^c"d'}, "v"),
        ('A;X="open', {"X": "open"}, "v"),
        ("A;X", {"X": ""}, "v"),
        ("A;x=1", {"X": "1"}, "v"),
    ],
)
def test_parameters_are_read(head: str, params: dict[str, str], value: str) -> None:
    line = read(f"BEGIN:X\n{head}:{value}\nEND:X\n").lines("A")[0]
    assert {name: line.param(name) for name in params} == params
    assert line.value == value


def test_parameters_are_changed_alone() -> None:
    line = read('BEGIN:X\nA;b="c;d";E=f:v\nEND:X\n').lines("A")[0]
    assert line.with_param("E", "x:y").raw == 'A;b="c;d";E="x:y":v\n'
    assert line.with_param("B", None).raw == "A;E=f:v\n"
    assert line.with_param("G", 'h"').raw == 'A;b="c;d";E=f;G=h^\':v\n'
    assert line.with_value("w").raw == 'A;b="c;d";E=f:w\n'
    assert quote_param("a\nb\x00") == "a^nb"


@pytest.mark.parametrize(
    "text",
    ["BEGIN:A\r\n\r\nX:1\r\n \r\nB:2\r\nEND:A\r\n\r\n", "\ufeff\nBEGIN:A\nEND:a", "BEGIN:A\rX:1\rEND:A\r"],
)
def test_odd_but_readable_texts_are_written_as_they_were(text: str) -> None:
    assert write_lines(read(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "X:1", "BEGIN:A\nEND:B", "BEGIN:A", "BEGIN:A\nEND:A\nBEGIN:A\nEND:A", "BEGIN:A\nno\nEND:A", " X"],
)
def test_what_is_not_one_component_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        read(text)

"""Bodies that clients send: what is accepted, repaired and refused, and how the refusal reads."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from bridge.errors import BadInput, Inexpressible, Refused
from bridge.ical.parse import Parsed, parse
from bridge.model.event import Alarm, Event, Status
from bridge.model.people import Attendee, PartStat, Person
from bridge.model.recurrence import Freq, NthDay, Weekday

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def calendar(*lines: str, uid: str | None = "u1", before: str = "") -> bytes:
    """One VEVENT with these lines, in a VCALENDAR."""
    inside = ([f"UID:{uid}"] if uid is not None else []) + list(lines)
    text = "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *before.splitlines(), "BEGIN:VEVENT", *inside])
    return (text + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n").encode()


def read(body: bytes) -> Parsed:
    return parse(body, default_zone="Asia/Shanghai")


def event(*lines: str, before: str = "") -> Event:
    master = read(calendar(*lines, before=before)).object.master
    assert master is not None
    return master


def refusal(body: bytes) -> Refused:
    with pytest.raises((BadInput, Inexpressible)) as caught:
        read(body)
    return caught.value


START = "DTSTART:20260105T090000Z"
CUSTOM = """BEGIN:VTIMEZONE
TZID:{tzid}
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:{offset}
TZOFFSETTO:{offset}
END:STANDARD
END:VTIMEZONE"""
ODD_RULES = """BEGIN:VTIMEZONE
TZID:Home
BEGIN:STANDARD
DTSTART:20200101T000000
RRULE:FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1
TZOFFSETFROM:+0130
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20200301T000000
RRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=1
TZOFFSETFROM:+0100
TZOFFSETTO:+0130
END:DAYLIGHT
END:VTIMEZONE"""


@pytest.mark.parametrize(
    ("body", "status", "precondition", "words"),
    [
        (b"", 400, "C:supported-calendar-data", "no calendar data"),
        (b"\r\n \r\n", 400, "C:supported-calendar-data", "no calendar data"),
        (b"hello", 400, "C:supported-calendar-data", "not a calendar"),
        (b"BEGIN:VCARD\r\nEND:VCARD\r\n", 400, "C:supported-calendar-data", "vCard"),
        (b"BEGIN:VEVENT\r\nEND:VEVENT\r\n", 400, "C:supported-calendar-data", "not a calendar"),
        ("BEGIN:VCALENDAR".encode("utf-16"), 400, "C:valid-calendar-data", "UTF-16"),
        (
            calendar(START, "SUMMARY:x").replace(b"x", b"Gr\xfc\xdfe"),
            400,
            "C:valid-calendar-data",
            "UTF-8: line 6",
        ),
        (calendar("X:" + "a" * 1_000_000), 413, "C:max-resource-size", "longer than 1000000 bytes"),
        (calendar(START)[:-30], 403, "C:valid-calendar-data", "never ended"),
        (calendar(START) + calendar(START), 403, "C:valid-calendar-data", "after the end"),
        (calendar(START, "no colon here"), 403, "C:valid-calendar-data", "Line 6"),
        (calendar(START, "BEGIN:VALARM"), 403, "C:valid-calendar-data", "ends another component"),
        (calendar(*["BEGIN:X"] * 9), 403, "C:valid-calendar-data", "nested"),
        (calendar(START, *["X:"] * 60_000), 403, "C:valid-calendar-data", "lines"),
        (calendar(START, uid=None), 403, "C:valid-calendar-object-resource", "no UID"),
        (calendar(START, uid=" "), 403, "C:valid-calendar-object-resource", "no UID"),
        (calendar(START, "UID:u2"), 403, "C:valid-calendar-data", "second one"),
        (
            calendar(START, "END:VEVENT", "BEGIN:VEVENT", "UID:u2", START),
            403,
            "C:valid-calendar-object-resource",
            "another one",
        ),
        (
            calendar(START, "END:VEVENT", "BEGIN:VEVENT", "UID:u1", START),
            403,
            "C:valid-calendar-object-resource",
            "second VEVENT without RECURRENCE-ID",
        ),
        (
            calendar(
                START, *["END:VEVENT", "BEGIN:VEVENT", "UID:u1", START, "RECURRENCE-ID:20260105T090000Z"] * 2
            ),
            403,
            "C:valid-calendar-object-resource",
            "same occurrence",
        ),
        (
            calendar(START, before="BEGIN:VTODO\nUID:u1\nEND:VTODO"),
            403,
            "C:valid-calendar-object-resource",
            "one kind",
        ),
        (
            b"BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nUID:a\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
            403,
            "C:supported-calendar-component",
            "tasks",
        ),
        (
            b"BEGIN:VCALENDAR\r\nBEGIN:VJOURNAL\r\nUID:a\r\nEND:VJOURNAL\r\nEND:VCALENDAR\r\n",
            403,
            "C:supported-calendar-component",
            "journal",
        ),
        (
            b"BEGIN:VCALENDAR\r\nBEGIN:VFREEBUSY\r\nUID:a\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n",
            403,
            "C:supported-calendar-component",
            "free-busy",
        ),
        (
            b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
            403,
            "C:valid-calendar-object-resource",
            "no event",
        ),
        (b"BEGIN:VCALENDAR\r\nVERSION:1.0\r\nEND:VCALENDAR\r\n", 403, "C:supported-calendar-data", "1.0"),
        (calendar(START, before="CALSCALE:CHINESE"), 403, "C:supported-calendar-data", "Gregorian"),
        (calendar("SUMMARY:x"), 403, "C:valid-calendar-data", "no DTSTART"),
        (calendar(START, "DTSTART:20260106T090000Z"), 403, "C:valid-calendar-data", "DTSTART on line 6"),
        (calendar("DTSTART:2026-01-05"), 403, "C:valid-calendar-data", "DTSTART on line 5 is neither"),
        (calendar("DTSTART:20260230T090000Z"), 403, "C:valid-calendar-data", "day that does not exist"),
        (calendar("DTSTART:20260105T250000Z"), 403, "C:valid-calendar-data", "time of day"),
        (calendar("DTSTART:00000105T090000Z"), 403, "C:valid-calendar-data", "year outside"),
        (calendar("DTSTART:120260105T090000Z"), 403, "C:valid-calendar-data", "neither"),
        (
            calendar(START, "DTEND:20260105T080000Z"),
            403,
            "C:valid-calendar-data",
            "DTEND on line 6 is before",
        ),
        (calendar(START, "DURATION:-PT1H"), 403, "C:valid-calendar-data", "DURATION on line 6 is before"),
        (calendar(START, "DURATION:1 hour"), 403, "C:valid-calendar-data", "not a DURATION"),
        (calendar(START, "DURATION:P9999999W"), 403, "C:valid-calendar-data", "years"),
        (
            calendar(START, "DTEND:20260105T100000Z", "DURATION:PT2H"),
            403,
            "C:valid-calendar-data",
            "different things",
        ),
        (
            calendar("DTSTART;TZID=Mars/Olympus:20260105T090000"),
            403,
            "C:valid-calendar-data",
            '"Mars/Olympus"',
        ),
        (calendar(START, "RRULE:"), 200, "", ""),
        (calendar(START, "RRULE:COUNT=3"), 403, "C:valid-calendar-data", "FREQ"),
        (
            calendar(START, "RRULE:FREQ=DAILY;COUNT=3;UNTIL=20260110"),
            403,
            "C:valid-calendar-data",
            "COUNT and UNTIL",
        ),
        (calendar(START, "RRULE:FREQ=DAILY;INTERVAL=0"), 403, "C:valid-calendar-data", "INTERVAL"),
        (calendar(START, "RRULE:FREQ=DAILY;COUNT=-1"), 403, "C:valid-calendar-data", "COUNT"),
        (calendar(START, "RRULE:FREQ=DAILY;COUNT=³"), 403, "C:valid-calendar-data", "COUNT"),
        (calendar(START, "RRULE:FREQ=MONTHLY;BYDAY=54MO"), 403, "C:valid-calendar-data", "BYDAY"),
        (calendar(START, "RRULE:FREQ=MONTHLY;BYDAY=XX"), 403, "C:valid-calendar-data", "weekday"),
        (calendar(START, "RRULE:FREQ=MONTHLY;BYMONTHDAY=0"), 403, "C:valid-calendar-data", "BYMONTHDAY"),
        (
            calendar(START, "RRULE:FREQ=DAILY;UNTIL=soon"),
            403,
            "C:valid-calendar-data",
            "RRULE on line 6: UNTIL",
        ),
        (calendar(START, "RRULE:FREQ=DAILY;BYMOON=1"), 403, "C:valid-calendar-data", "does not know"),
        (calendar(START, "RRULE:FREQ=SECONDLY"), 403, "C:valid-calendar-object-resource", "for ever"),
        (
            calendar(START, "RRULE:FREQ=MINUTELY;INTERVAL=5"),
            403,
            "C:valid-calendar-object-resource",
            "for ever",
        ),
        (calendar(START, "RRULE:FREQ=HOURLY"), 403, "C:valid-calendar-object-resource", "for ever"),
        (
            calendar(START, "RRULE:FREQ=SECONDLY;UNTIL=20270101T000000Z"),
            403,
            "C:valid-calendar-object-resource",
            "more than",
        ),
        (
            calendar(
                START, "RRULE:FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9;BYMINUTE=" + ",".join(map(str, range(60)))
            ),
            403,
            "C:valid-calendar-object-resource",
            "a day",
        ),
        (
            calendar(START, "RRULE:RSCALE=CHINESE;FREQ=YEARLY"),
            403,
            "C:valid-calendar-object-resource",
            "RSCALE",
        ),
        (
            calendar(START, "RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY"),
            403,
            "C:valid-calendar-object-resource",
            "EXRULE",
        ),
        (calendar(START, "EXDATE:tomorrow"), 403, "C:valid-calendar-data", "EXDATE on line 6"),
        (calendar(START, "RDATE:20260105T090000Z,x"), 403, "C:valid-calendar-data", "RDATE on line 6"),
        (
            calendar(START, "BEGIN:VALARM", "TRIGGER:soon", "END:VALARM"),
            403,
            "C:valid-calendar-data",
            "TRIGGER on line 7",
        ),
        (
            calendar("DTSTART;TZID=Home:20260105T090000", "RRULE:FREQ=DAILY;COUNT=3", before=ODD_RULES),
            403,
            "C:valid-calendar-object-resource",
            '"Home"',
        ),
        (
            calendar("DTSTART;TZID=Home:20260105T090000", before="BEGIN:VTIMEZONE\nTZID:Home\nEND:VTIMEZONE"),
            403,
            "C:valid-calendar-data",
            "no STANDARD",
        ),
    ],
)
def test_what_cannot_be_held_is_refused_with_a_reason(
    body: bytes, status: int, precondition: str, words: str
) -> None:
    if status == 200:
        assert read(body).object.master is not None
        return
    error = refusal(body)
    assert (error.http_status, error.precondition) == (status, precondition)
    assert words in str(error)


def test_a_refusal_says_no_private_word() -> None:
    error = refusal(
        calendar(START, "ATTENDEE:mailto:secret@example.com", "SUMMARY:Secret", "secret words without a sign")
    )
    assert "ecret" not in str(error)


@pytest.mark.parametrize(
    ("lines", "start", "end"),
    [
        ((START,), "2026-01-05T09:00:00+00:00", "2026-01-05T09:00:00+00:00"),
        ((START, "DTEND:20260105T090000Z"), "2026-01-05T09:00:00+00:00", "2026-01-05T09:00:00+00:00"),
        (("DTSTART;VALUE=DATE:20260105",), "2026-01-05", "2026-01-06"),
        (("DTSTART:20260105",), "2026-01-05", "2026-01-06"),
        (("DTSTART;VALUE=DATE:20260105T000000",), "2026-01-05", "2026-01-06"),
        (("DTSTART;VALUE=DATE:20260105", "DTEND;VALUE=DATE:20260105"), "2026-01-05", "2026-01-06"),
        (("DTSTART;VALUE=DATE:20260105", "DURATION:P2D"), "2026-01-05", "2026-01-07"),
        (("DTSTART;VALUE=DATE:20260105", "DURATION:PT36H"), "2026-01-05", "2026-01-07"),
        (("DTSTART;VALUE=DATE:20260105", "DTEND:20260107T000000"), "2026-01-05", "2026-01-07"),
        (("DTSTART;VALUE=DATE:20260105", "DTEND:20260106T160000Z"), "2026-01-05", "2026-01-07"),
        (("DTSTART;VALUE=DATE:20260105", "DTEND:20260105T180000"), "2026-01-05", "2026-01-06"),
        (
            ("DTSTART:20260105T090000", "DTEND;VALUE=DATE:20260106"),
            "2026-01-05T09:00:00+08:00",
            "2026-01-06T00:00:00+08:00",
        ),
        (
            ("DTSTART:20260105T090000", "DTEND;VALUE=DATE:20260105"),
            "2026-01-05T09:00:00+08:00",
            "2026-01-05T09:00:00+08:00",
        ),
        (
            (START, "DURATION:PT0S", "DTEND:20260105T100000Z"),
            "2026-01-05T09:00:00+00:00",
            "2026-01-05T10:00:00+00:00",
        ),
        (
            (START, "DURATION:PT1H", "DTEND:20260105T100000Z"),
            "2026-01-05T09:00:00+00:00",
            "2026-01-05T10:00:00+00:00",
        ),
        (("DTSTART:20260105T235960Z",), "2026-01-05T23:59:59+00:00", "2026-01-05T23:59:59+00:00"),
        (
            ("DTSTART;TZID=Europe/Berlin:20260328T120000", "DURATION:P1D"),
            "2026-03-28T12:00:00+01:00",
            "2026-03-29T12:00:00+02:00",
        ),
        (
            ("DTSTART;TZID=Europe/Berlin:20260328T120000", "DURATION:PT24H"),
            "2026-03-28T12:00:00+01:00",
            "2026-03-29T13:00:00+02:00",
        ),
        (
            ("DTSTART;TZID=Europe/Berlin:20260105T090000", "DTEND;TZID=America/New_York:20260105T050000"),
            "2026-01-05T09:00:00+01:00",
            "2026-01-05T05:00:00-05:00",
        ),
        (
            ("DTSTART;TZID=Europe/Berlin:20260329T023000",),
            "2026-03-29T02:30:00+01:00",
            "2026-03-29T02:30:00+01:00",
        ),
        (
            ("DTSTART;TZID=Europe/Berlin:20261025T023000",),
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:30:00+02:00",
        ),
        (
            ("DTSTART;TZID=Asia/Shanghai:20260105T090000Z",),
            "2026-01-05T09:00:00+00:00",
            "2026-01-05T09:00:00+00:00",
        ),
    ],
)
def test_start_and_end_are_resolved(lines: tuple[str, ...], start: str, end: str) -> None:
    found = event(*lines)
    assert (found.start.isoformat(), found.end.isoformat()) == (start, end)


@pytest.mark.parametrize(
    ("tzid", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("China Standard Time", "Asia/Shanghai"),
        ("China Standard Time 1", "Asia/Shanghai"),
        ('"China Standard Time"', "Asia/Shanghai"),
        ("/freeassociation.sourceforge.net/Tzfile/Europe/Berlin", "Europe/Berlin"),
        ("/mozilla.org/20070129_1/Europe/Berlin", "Europe/Berlin"),
        (
            "/softwarestudio.org/Olson_20011030_5/America/Argentina/Buenos_Aires",
            "America/Argentina/Buenos_Aires",
        ),
        ("/citadel.org/20070227_1/Asia/Kolkata", "Asia/Kolkata"),
        ("Asia/Shanghai ", "Asia/Shanghai"),
        ("UTC+08:00", "Asia/Shanghai"),
        ("GMT-0500", "Etc/GMT+5"),
    ],
)
def test_zone_names_of_real_clients_are_understood(tzid: str, zone: str) -> None:
    found = event(f"DTSTART;TZID={tzid}:20260105T090000")
    assert isinstance(found.start, dt.datetime)
    assert found.start == dt.datetime(2026, 1, 5, 9, tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize("tzid", ["UTC", "Etc/UTC", "GMT", "Z", "tzone://Microsoft/Utc", "Utc"])
def test_names_of_utc_are_utc(tzid: str) -> None:
    found = event(f"DTSTART;TZID={tzid}:20260105T090000")
    assert isinstance(found.start, dt.datetime)
    assert found.start.tzinfo is dt.UTC


def test_a_custom_zone_is_matched_by_its_rules() -> None:
    before = CUSTOM.format(tzid="TZ08", offset="+0800")
    found = event("DTSTART;TZID=TZ08:20260105T090000", "RRULE:FREQ=DAILY", before=before)
    assert found.start == dt.datetime(2026, 1, 5, 9, tzinfo=SHANGHAI)
    assert isinstance(found.start, dt.datetime)
    assert found.start.tzinfo is SHANGHAI


def test_a_custom_zone_that_equals_none_and_never_changes_is_a_fixed_offset() -> None:
    before = CUSTOM.format(tzid="Home", offset="+0717")
    found = event("DTSTART;TZID=Home:20260105T090000", "RRULE:FREQ=DAILY", before=before)
    assert isinstance(found.start, dt.datetime)
    assert found.start.tzinfo == dt.timezone(dt.timedelta(hours=7, minutes=17))


def test_a_single_event_in_a_zone_of_odd_rules_keeps_its_instant() -> None:
    winter = event("DTSTART;TZID=Home:20260105T090000", before=ODD_RULES)
    summer = event("DTSTART;TZID=Home:20260701T090000", before=ODD_RULES)
    assert winter.start == dt.datetime(2026, 1, 5, 8, tzinfo=dt.UTC)
    assert summer.start == dt.datetime(2026, 7, 1, 7, 30, tzinfo=dt.UTC)


def test_method_is_ignored_and_nothing_of_the_text_is_lost() -> None:
    body = calendar(START, "X-A;B=c:d", before="METHOD:REQUEST").replace(b"\r\n", b"\n")
    parsed = read(b"\xef\xbb\xbf" + body)
    assert parsed.text == body.decode()


def test_characters_that_no_answer_could_carry_are_dropped() -> None:
    parsed = read(calendar(START, "SUMMARY:a\x0bb\x00c\x1fd"))
    assert "SUMMARY:abcd\r\n" in parsed.text


def test_recurrence_values_take_the_kind_of_the_start() -> None:
    timed = event(
        "DTSTART;TZID=Europe/Berlin:20260105T090000",
        "RRULE:FREQ=DAILY;UNTIL=20260110",
        "EXDATE;VALUE=DATE:20260106",
        "EXDATE:20260107T080000Z,20260108T090000",
        "RDATE;VALUE=PERIOD:20260201T080000Z/PT1H",
    )
    assert timed.recurrence.rules[0].until == dt.datetime(2026, 1, 10, 22, 59, 59, tzinfo=dt.UTC)
    assert timed.recurrence.exdates == tuple(dt.datetime(2026, 1, day, 9, tzinfo=BERLIN) for day in (6, 7, 8))
    assert timed.recurrence.rdates == (dt.datetime(2026, 2, 1, 9, tzinfo=BERLIN),)
    all_day = event(
        "DTSTART;VALUE=DATE:20260105",
        "RRULE:FREQ=DAILY;UNTIL=20260109T160000Z",
        "EXDATE:20260105T160000Z",
        "EXDATE;TZID=Europe/Berlin:20260107T000000",
    )
    assert all_day.recurrence.rules[0].until == dt.date(2026, 1, 10)
    assert all_day.recurrence.exdates == (dt.date(2026, 1, 6), dt.date(2026, 1, 7))


def test_until_for_ever_and_until_in_the_past_are_accepted() -> None:
    forever = event(START, "RRULE:FREQ=DAILY;UNTIL=99991231T235959Z")
    assert forever.recurrence.rules[0].until is not None
    past = event(START, "RRULE:FREQ=DAILY;UNTIL=20200101T000000Z")
    assert past.recurrence.rules[0].until == dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def test_a_rule_is_read_whole() -> None:
    rule = event(
        START, "RRULE:freq=monthly;Interval=2;byday=2tu,-1FR;BYMONTH=3,1;WKST=SU;X-FOO=1;"
    ).recurrence.rules[0]
    assert (rule.freq, rule.interval, rule.by_month, rule.week_start) == (Freq.MONTHLY, 2, (1, 3), Weekday.SU)
    assert rule.by_day == (NthDay(Weekday.TU, 2), NthDay(Weekday.FR, -1))


def test_overrides_take_the_zone_of_the_master_and_stand_in_order() -> None:
    body = calendar(
        "DTSTART;TZID=Europe/Berlin:20260105T090000",
        "RRULE:FREQ=DAILY",
        *(
            "END:VEVENT",
            "BEGIN:VEVENT",
            "UID:u1",
            "RECURRENCE-ID:20260108T080000Z",
            "DTSTART:20260108T100000Z",
        ),
        *(
            "END:VEVENT",
            "BEGIN:VEVENT",
            "UID:u1",
            "RECURRENCE-ID;VALUE=DATE:20260106",
            "DTSTART:20260106T100000Z",
        ),
        "RRULE:FREQ=DAILY",
    )
    obj = read(body).object
    assert [one.recurrence_id for one in obj.overrides] == [
        dt.datetime(2026, 1, 6, 9, tzinfo=BERLIN),
        dt.datetime(2026, 1, 8, 9, tzinfo=BERLIN),
    ]
    assert all(not one.recurrence for one in obj.overrides)


def test_an_override_alone_is_an_object_without_a_master() -> None:
    obj = read(calendar("RECURRENCE-ID;RANGE=THISANDFUTURE:20260105T090000Z", START)).object
    assert obj.master is None
    assert obj.overrides[0].this_and_future


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        (("TRIGGER:-PT15M",), [900]),
        (("TRIGGER;RELATED=START:PT5M", "ACTION:AUDIO"), [-300]),
        (("TRIGGER:-P1DT1H", "ACTION:EMAIL", "ACKNOWLEDGED:20260101T000000Z"), [90_000]),
        (("TRIGGER;RELATED=END:-PT10M",), [-3000]),
        (("TRIGGER;VALUE=DATE-TIME:20260105T083000Z",), [1800]),
        (("TRIGGER:20260105T083000Z",), [1800]),
        (("TRIGGER;VALUE=DATE-TIME:19760401T005545Z", "ACTION:DISPLAY"), []),
        (("TRIGGER:-PT15M", "ACTION:NONE"), []),
        (("TRIGGER:-PT15M", "X-APPLE-DEFAULT-ALARM:TRUE"), []),
        (("ACKNOWLEDGED:20260101T000000Z",), []),
        (("TRIGGER;VALUE=DATE-TIME:20260105T085500Z", "RELATED-TO;RELTYPE=SNOOZE:x"), []),
        (("TRIGGER:-PT0S", "PROXIMITY:ARRIVE"), []),
    ],
)
def test_alarms_are_seconds_before_the_start(lines: tuple[str, ...], seconds: list[int]) -> None:
    found = event(
        START, "DURATION:PT1H", "X-MOZ-LASTACK:20260101T000000Z", "BEGIN:VALARM", *lines, "END:VALARM"
    )
    assert found.alarms == tuple(Alarm(before_start_s=second) for second in seconds)


def test_an_absolute_alarm_of_a_series_is_none_of_the_series() -> None:
    alarm = ("BEGIN:VALARM", "TRIGGER;VALUE=DATE-TIME:20260105T083000Z", "END:VALARM")
    assert event(START, "RRULE:FREQ=DAILY", *alarm).alarms == ()


def test_people_are_read_as_every_client_writes_them() -> None:
    found = event(
        START,
        'ORGANIZER;CN="Li, Si";EMAIL=lisi@example.com:/principals/users/lisi/',
        "ATTENDEE;CN=A^'B^^;PARTSTAT=accepted;ROLE=OPT-PARTICIPANT:MAILTO:A@Example.com",
        "ATTENDEE;PARTSTAT=X-MAYBE:mailto:a@example.COM",
        "ATTENDEE;PARTSTAT=X-MAYBE:bob@example.com",
        "ATTENDEE;PARTSTAT=DELEGATED:URN:uuid:1234",
        "ATTENDEE:",
    )
    assert found.organizer == Person(address="mailto:lisi@example.com", name="Li, Si")
    assert found.attendees == (
        Attendee(address="mailto:A@Example.com", name='A"B^', partstat=PartStat.ACCEPTED, is_optional=True),
        Attendee(address="mailto:bob@example.com"),
        Attendee(address="urn:uuid:1234", partstat=PartStat.DELEGATED),
    )


def test_words_are_unescaped_and_unknown_values_are_no_reason_to_refuse() -> None:
    found = event(
        START,
        r"SUMMARY;LANGUAGE=en:a\, b\; c\\n \N d \x \"",
        "DESCRIPTION:one\\n\r\n two",
        "X-ALT-DESC;FMTTYPE=text/plain:no",
        r"X-ALT-DESC;FMTTYPE=text/html:<p>a\nb</p>",
        "STATUS:NEEDS-ACTION",
        "CONFERENCE;VALUE=URI;FEATURE=AUDIO:tel:+1-2",
        "URL:",
    )
    assert found.summary == 'a, b; c\\n \n d \\x "'
    assert found.description == "one\ntwo"
    assert found.rich_description == "<p>a\nb</p>"
    assert found.status is Status.CONFIRMED
    assert found.url == "tel:+1-2"

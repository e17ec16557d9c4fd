"""calendar-query and expand, held against a second implementation: icalendar with recurring-ical-events."""

import datetime as dt
import random

import icalendar
import pytest
import recurring_ical_events
from davkit import calendar, event, times, vevent

WORK = "/dav/alice/work/"
UTC = dt.UTC


def hits(answer):
    assert answer.status == 207, answer.body
    return {href.removeprefix(WORK) for href in answer.parts}


def series(*lines, zone="Asia/Shanghai"):
    return calendar(
        ["UID:s", "DTSTAMP:20260101T000000Z", *(line.replace("@", f";TZID={zone}:") for line in lines)]
    )


ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]
SERIES = {
    "daily": ["DTSTART@20260310T090000", "DTEND@20260310T100000", "RRULE:FREQ=DAILY;COUNT=40"],
    "unbounded weekly": ["DTSTART@20250105T233000", "DTEND@20250106T013000", "RRULE:FREQ=WEEKLY;BYDAY=MO,SU"],
    "second Tuesday": ["DTSTART@20260113T090000", "DURATION:PT45M", "RRULE:FREQ=MONTHLY;BYDAY=2TU;COUNT=20"],
    "last day": ["DTSTART@20260131T090000", "DURATION:PT45M", "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1"],
    "with holes": ["DTSTART@20260310T090000", "DTEND@20260310T100000", "RRULE:FREQ=DAILY;COUNT=40",
                   "EXDATE@20260312T090000,20260320T090000"],
    "with extras": ["DTSTART@20260310T090000", "DTEND@20260310T100000", "RDATE@20260401T120000,20260501T130000"],
    "until": ["DTSTART@20260310T090000", "DTEND@20260310T100000", "RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20260601T000000Z"],
    "all day": ["DTSTART;VALUE=DATE:20260310", "DTEND;VALUE=DATE:20260312", "RRULE:FREQ=WEEKLY;COUNT=12"],
    "yearly": ["DTSTART;VALUE=DATE:20240229", "RRULE:FREQ=YEARLY"],
    "once": ["DTSTART@20260601T090000", "DTEND@20260603T100000"],
    "no end": ["DTSTART@20260601T090000"],
    "one day": ["DTSTART;VALUE=DATE:20260601"],
}  # fmt: skip


def oracle(text, start, end):
    """Return (start, end) of every occurrence that overlaps [start, end), all-day ones as if in UTC."""
    found = set()
    day = dt.timedelta(days=2)
    for one in recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(start - day, end + day):
        bounds = [in_utc(one[name].dt) for name in ("DTSTART", "DTEND")]
        if bounds[0] < end and (bounds[1] > start or bounds[0] == bounds[1] == start):
            found.add(tuple(bounds))
    return found


def in_utc(moment):
    if not isinstance(moment, dt.datetime):
        return dt.datetime.combine(moment, dt.time(), UTC)
    return moment.astimezone(UTC)


def stamp(moment):
    return moment.strftime("%Y%m%dT%H%M%SZ")


def windows():
    dice = random.Random(7)
    for _ in range(12):
        start = dt.datetime(2026, 3, 1, tzinfo=UTC) + dt.timedelta(minutes=dice.randrange(0, 200_000, 30))
        yield start, start + dt.timedelta(hours=dice.choice([1, 6, 24, 24 * 7, 24 * 45]))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("lines", SERIES.values(), ids=SERIES)
def test_expand_shows_exactly_the_occurrences_of_the_span(box, dav, lines, zone):
    text = series(*lines, zone=zone)
    box.service.seed(1, "s.ics", text)
    for start, end in windows():
        data = f'<C:calendar-data><C:expand start="{stamp(start)}" end="{stamp(end)}"/></C:calendar-data>'
        answer = dav.query(WORK, vevent(times(stamp(start), stamp(end))), data)
        expected = oracle(text, start, end)
        if not expected:
            assert answer.parts == {}
            continue
        shown = answer.parts[WORK + "s.ics"].text("C:calendar-data")
        assert {"RRULE", "RDATE", "EXDATE", "TZID", "VTIMEZONE"} & set(
            shown.replace(":", "\n").replace(";", "\n").split()
        ) == set()
        events = icalendar.Calendar.from_ical(shown).walk("VEVENT")
        assert {(in_utc(one["DTSTART"].dt), in_utc(one["DTEND"].dt)) for one in events} == expected
        assert len(events) == len(expected)
        assert {str(one["UID"]) for one in events} == {"s"}
        is_series = any(line.startswith(("RRULE", "RDATE")) for line in lines)
        assert all(("RECURRENCE-ID" in one) == is_series for one in events)


@pytest.mark.parametrize("zone", ZONES[:2])
@pytest.mark.parametrize("lines", SERIES.values(), ids=SERIES)
def test_a_query_misses_nothing_and_adds_only_what_depends_on_the_zone(box, dav, lines, zone):
    text = series(*lines, zone=zone)
    box.service.seed(1, "s.ics", text)
    widened = dt.timedelta(hours=14) if "VALUE=DATE" in lines[0] else dt.timedelta()
    for start, end in windows():
        found = hits(dav.query(WORK, vevent(times(stamp(start), stamp(end)))))
        if oracle(text, start, end):
            assert found == {"s.ics"}
        if not oracle(text, start - widened, end + widened):
            assert found == set()


OVERRIDES = calendar(
    ["UID:s", "DTSTART;TZID=Europe/Berlin:20260302T090000", "DTEND;TZID=Europe/Berlin:20260302T100000",
     "RRULE:FREQ=WEEKLY;COUNT=10", "SUMMARY:Weekly", "X-KEPT:1"],
    ["UID:s", "RECURRENCE-ID;TZID=Europe/Berlin:20260316T090000", "DTSTART:20260317T140000Z", "DURATION:PT2H",
     "SUMMARY:Moved"],
    ["UID:s", "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260406T090000",
     "DTSTART;TZID=Europe/Berlin:20260406T110000", "DTEND;TZID=Europe/Berlin:20260406T113000", "SUMMARY:Later"],
)  # fmt: skip


def expanded(dav, start, end):
    data = f'<C:calendar-data><C:expand start="{start}" end="{end}"/></C:calendar-data>'
    parts = dav.query(WORK, vevent(times(start, end)), data).parts
    return icalendar.Calendar.from_ical(parts[WORK + "s.ics"].text("C:calendar-data")).walk("VEVENT")


def test_expand_shows_moved_occurrences_where_they_are_with_their_origin(box, dav):
    box.service.seed(1, "s.ics", OVERRIDES)
    shown = [
        (
            stamp(one["RECURRENCE-ID"].dt),
            stamp(one["DTSTART"].dt),
            stamp(one["DTEND"].dt),
            str(one["SUMMARY"]),
        )
        for one in expanded(dav, "20260301T000000Z", "20260501T000000Z")
    ]
    assert sorted(shown) == [
        ("20260302T080000Z", "20260302T080000Z", "20260302T090000Z", "Weekly"),
        ("20260309T080000Z", "20260309T080000Z", "20260309T090000Z", "Weekly"),
        ("20260316T080000Z", "20260317T140000Z", "20260317T160000Z", "Moved"),
        ("20260323T080000Z", "20260323T080000Z", "20260323T090000Z", "Weekly"),
        ("20260330T070000Z", "20260330T070000Z", "20260330T080000Z", "Weekly"),
        ("20260406T070000Z", "20260406T090000Z", "20260406T093000Z", "Later"),
        ("20260413T070000Z", "20260413T090000Z", "20260413T093000Z", "Later"),
        ("20260420T070000Z", "20260420T090000Z", "20260420T093000Z", "Later"),
        ("20260427T070000Z", "20260427T090000Z", "20260427T093000Z", "Later"),
    ]


def test_expand_keeps_every_other_line_of_the_client(box, dav):
    box.service.seed(1, "s.ics", OVERRIDES)
    first = expanded(dav, "20260302T000000Z", "20260303T000000Z")[0]
    assert str(first["X-KEPT"]) == "1"


ONLY_OVERRIDES = calendar(
    [
        "UID:s",
        "RECURRENCE-ID:20260602T010000Z",
        "DTSTART:20260602T020000Z",
        "DTEND:20260602T030000Z",
        "SUMMARY:one",
    ],
    [
        "UID:s",
        "RECURRENCE-ID:20260609T010000Z",
        "DTSTART:20260609T020000Z",
        "DTEND:20260609T030000Z",
        "SUMMARY:two",
    ],
)


def test_an_object_that_is_only_overrides_does_not_break_a_report(box, dav):
    box.service.seed(1, "s.ics", ONLY_OVERRIDES)
    box.service.seed(1, "a.ics", event("a"))
    shown = expanded(dav, "20260601T000000Z", "20260605T000000Z")
    assert [str(one["SUMMARY"]) for one in shown] == ["one"]
    assert hits(dav.query(WORK, vevent(times("20260602T000000Z", "20260603T000000Z")))) == {"s.ics", "a.ics"}
    assert hits(dav.query(WORK, vevent(times("20260604T000000Z", "20260605T000000Z")))) == set()


def test_multiget_can_expand_and_names_what_does_not_happen_then(box, dav):
    box.service.seed(1, "s.ics", OVERRIDES)
    box.service.seed(1, "a.ics", event("a"))
    data = '<C:calendar-data><C:expand start="20260302T000000Z" end="20260303T000000Z"/></C:calendar-data>'
    parts = dav.multiget(WORK, WORK + "s.ics", WORK + "a.ics", data=data).parts
    assert parts[WORK + "s.ics"].text("C:calendar-data").count("BEGIN:VEVENT") == 1
    assert parts[WORK + "a.ics"].text("D:getetag")
    assert len(parts[WORK + "a.ics"].missing) == 1


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [("20260602T010000Z", "20260602T020000Z", True), ("20260602T020000Z", "20260602T030000Z", False),
     ("20260602T000000Z", "20260602T010000Z", False), ("20260602T013000Z", "20260602T014000Z", True),
     ("20260602T010000Z", "", True), ("20260602T020000Z", "", False), ("", "20260602T010001Z", True),
     ("", "20260602T010000Z", False)],
)  # fmt: skip
def test_a_span_includes_its_start_and_excludes_its_end(box, dav, start, end, found):
    box.service.seed(1, "a.ics", event("a"))
    assert hits(dav.query(WORK, vevent(times(start, end)))) == ({"a.ics"} if found else set())
    by_calendar = f'<C:comp-filter name="VCALENDAR">{times(start, end)}</C:comp-filter>'
    assert hits(dav.query(WORK, by_calendar)) == ({"a.ics"} if found else set())


def test_an_event_without_length_happens_where_it_starts(box, dav):
    box.service.seed(1, "a.ics", event("a", end="20260602T010000Z"))
    assert hits(dav.query(WORK, vevent(times("20260602T010000Z", "20260602T020000Z")))) == {"a.ics"}
    assert hits(dav.query(WORK, vevent(times("20260602T000000Z", "20260602T010000Z")))) == set()


def test_an_open_query_finds_a_series_as_long_as_it_lasts(box, dav):
    box.service.seed(1, "s.ics", event("s", "RRULE:FREQ=DAILY;COUNT=3"))
    box.service.seed(1, "u.ics", event("u", "RRULE:FREQ=DAILY"))
    assert hits(dav.query(WORK, vevent(times("20260604T013000Z")))) == {"s.ics", "u.ics"}
    assert hits(dav.query(WORK, vevent(times("20260604T020000Z")))) == {"u.ics"}
    assert hits(dav.query(WORK, vevent(times("", "20260602T000000Z")))) == set()


BERLIN = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTIMEZONE\r\nTZID:Asia/Shanghai\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n"


def test_all_day_events_happen_where_the_request_says(box, dav):
    box.service.seed(1, "a.ics", event("a", start="20260602", end="20260603"))
    before = vevent(times("20260601T100000Z", "20260601T160000Z"))  # until midnight in Shanghai
    after = vevent(times("20260602T160000Z", "20260603T100000Z"))
    inside = vevent(times("20260601T150000Z", "20260601T170000Z"))
    for zone in (f"<C:timezone>{BERLIN}</C:timezone>", "<C:timezone-id>Asia/Shanghai</C:timezone-id>"):
        assert hits(dav.query(WORK, before, more=zone)) == set()
        assert hits(dav.query(WORK, after, more=zone)) == set()
        assert hits(dav.query(WORK, inside, more=zone)) == {"a.ics"}
    for one in (before, after, inside):  # without a zone nobody may miss it, wherever they are
        assert hits(dav.query(WORK, one)) == {"a.ics"}


@pytest.mark.parametrize("name", ["VTODO", "VJOURNAL", "VFREEBUSY", "VALARM", "X-UNKNOWN"])
def test_a_query_for_something_else_than_events_finds_nothing(box, dav, name):
    box.service.seed(1, "a.ics", event("a", "BEGIN:VALARM", "TRIGGER:-PT5M", "ACTION:DISPLAY", "END:VALARM"))
    inner = f'<C:comp-filter name="{name}"/>'
    assert hits(dav.query(WORK, f'<C:comp-filter name="VCALENDAR">{inner}</C:comp-filter>')) == set()
    assert hits(dav.query(WORK, f'<C:comp-filter name="{name}"/>')) == set()
    absent = f'<C:comp-filter name="{name}"><C:is-not-defined/></C:comp-filter>'
    assert hits(dav.query(WORK, f'<C:comp-filter name="VCALENDAR">{absent}</C:comp-filter>')) == {"a.ics"}


RICH = event(
    "rich", "SUMMARY:Tea\\, 茶 and CAKE", "CATEGORIES:Work,Play", "ATTENDEE;PARTSTAT=NEEDS-ACTION;CN=Bob:mailto:bob@example.org",
    "ATTENDEE;PARTSTAT=ACCEPTED:mailto:eve@example.org", "DESCRIPTION:a long line that is folded \r\n somewhere in the middle",
    "BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT30M", "REPEAT:2", "DURATION:PT5M", "END:VALARM",
)  # fmt: skip


def prop(name, inner=""):
    return f'<C:prop-filter name="{name}">{inner}</C:prop-filter>'


def text(value, more=""):
    return f"<C:text-match{more}>{value}</C:text-match>"


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (prop("SUMMARY"), True),
        (prop("summary"), True),
        (prop("LOCATION"), False),
        (prop("LOCATION", "<C:is-not-defined/>"), True),
        (prop("SUMMARY", "<C:is-not-defined/>"), False),
        (prop("SUMMARY", text("tea, 茶")), True),
        (prop("SUMMARY", text("cake")), True),
        (prop("SUMMARY", text("cake", ' collation="i;octet"')), False),
        (prop("SUMMARY", text("CAKE", ' collation="i;octet"')), True),
        (prop("SUMMARY", text("coffee")), False),
        (prop("SUMMARY", text("coffee", ' negate-condition="yes"')), True),
        (prop("SUMMARY", text("tea", ' negate-condition="yes"')), False),
        (prop("CATEGORIES", text("play", ' match-type="equals"')), True),
        (prop("CATEGORIES", text("pla", ' match-type="equals"')), False),
        (prop("SUMMARY", text("tea", ' match-type="starts-with"')), True),
        (prop("SUMMARY", text("tea", ' match-type="ends-with"')), False),
        (prop("DESCRIPTION", text("folded somewhere")), True),
        (prop("UID", text("rich", ' collation="i;octet"')), True),
        (prop("UID", text("poor")), False),
        (prop("ATTENDEE", text("bob") + '<C:param-filter name="PARTSTAT">' + text("needs-action") + "</C:param-filter>"), True),
        (prop("ATTENDEE", text("eve") + '<C:param-filter name="PARTSTAT">' + text("needs-action") + "</C:param-filter>"), False),
        (prop("ATTENDEE", '<C:param-filter name="CN"/>'), True),
        (prop("ATTENDEE", '<C:param-filter name="ROLE"/>'), False),
        (prop("SUMMARY", '<C:param-filter name="LANGUAGE"><C:is-not-defined/></C:param-filter>'), True),
        (prop("DTSTART", times("20260602T000000Z", "20260603T000000Z")), True),
        (prop("DTSTART", times("20260603T000000Z", "20260604T000000Z")), False),
        (prop("SUMMARY", times("20260603T000000Z", "20260604T000000Z")), False),
        ('<C:comp-filter name="VALARM"/>', True),
        ('<C:comp-filter name="VALARM"><C:is-not-defined/></C:comp-filter>', False),
        ('<C:comp-filter name="VALARM">' + prop("ACTION", text("display")) + "</C:comp-filter>", True),
        ('<C:comp-filter name="VALARM">' + prop("ACTION", text("audio")) + "</C:comp-filter>", False),
        ('<C:comp-filter name="VALARM">' + times("20260602T003000Z", "20260602T003100Z") + "</C:comp-filter>", True),
        ('<C:comp-filter name="VALARM">' + times("20260602T004000Z", "20260602T004100Z") + "</C:comp-filter>", True),
        ('<C:comp-filter name="VALARM">' + times("20260602T004100Z", "20260603T010000Z") + "</C:comp-filter>", False),
        (times("20260602T000000Z", "20260603T000000Z") + prop("SUMMARY", text("tea")), True),
        (times("20260603T000000Z", "20260604T000000Z") + prop("SUMMARY", text("tea")), False),
        (prop("SUMMARY", text("tea")) + prop("LOCATION"), False),
    ],
)  # fmt: skip
def test_conditions_on_properties_parameters_and_alarms(box, dav, condition, found):
    box.service.seed(1, "rich.ics", RICH)
    assert hits(dav.query(WORK, vevent(condition))) == ({"rich.ics"} if found else set())


def test_alarms_of_a_series_ring_at_each_occurrence(box, dav):
    alarm = ["BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER;RELATED=END:PT10M", "END:VALARM"]
    box.service.seed(1, "s.ics", event("s", "RRULE:FREQ=DAILY;COUNT=3", *alarm))
    absolute = ["BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER;VALUE=DATE-TIME:20260520T080000Z", "END:VALARM"]
    box.service.seed(1, "a.ics", event("a", *absolute))

    def rings(start, end):
        return hits(
            dav.query(WORK, vevent(f'<C:comp-filter name="VALARM">{times(start, end)}</C:comp-filter>'))
        )

    assert rings("20260604T021000Z", "20260604T021100Z") == {"s.ics"}
    assert rings("20260604T020000Z", "20260604T021000Z") == set()
    assert rings("20260605T000000Z", "20260606T000000Z") == set()
    assert rings("20260520T000000Z", "20260521T000000Z") == {"a.ics"}


def test_a_condition_and_a_span_must_hold_for_the_same_occurrence(box, dav):
    box.service.seed(1, "s.ics", OVERRIDES)
    moved = prop("SUMMARY", text("Moved"))
    assert hits(dav.query(WORK, vevent(times("20260317T000000Z", "20260318T000000Z") + moved))) == {"s.ics"}
    assert hits(dav.query(WORK, vevent(times("20260302T000000Z", "20260303T000000Z") + moved))) == set()


def test_several_filters_must_all_hold(box, dav):
    box.service.seed(1, "a.ics", event("a", "SUMMARY:x"))
    both = f"<D:prop><D:getetag/></D:prop><C:filter>{vevent(prop('SUMMARY'))}</C:filter><C:filter>{vevent(prop('URL'))}</C:filter>"
    assert hits(dav.report(WORK, "C:calendar-query", both)) == set()


def test_a_large_calendar_is_answered_whole(box, dav):
    for number in range(3000):
        box.service.calendars[1].objects[f"{number}.ics"] = box.service.calendars[1].objects.get("0.ics") or box.service.seed(
            1, "0.ics", event("0"))  # fmt: skip
    import dataclasses

    objects = box.service.calendars[1].objects
    for name in list(objects):
        objects[name] = dataclasses.replace(objects[name], href=name)
    assert len(hits(dav.query(WORK, vevent(), "<C:calendar-data/>"))) == 3000
    assert len(hits(dav.sync(WORK))) == 3000


@pytest.mark.parametrize("home", ["", "Asia/Shanghai"], ids=["no zone", "home zone"])
@pytest.mark.parametrize("span", ["", times("20260401T120000Z"), times(end="20260401T120000Z"),
                                  times("20260401T120000Z", "20260402T120000Z")])  # fmt: skip
def test_a_query_for_tags_alone_names_what_a_query_with_data_names(box, dav, span, home):
    for name, body in SERIES.items():
        assert (
            dav.put(
                f"{WORK}{name}.ics".replace(" ", "-"), series(*body).replace("UID:s", f"UID:{name}")
            ).status
            == 201
        )
    zone = f"<C:timezone-id>{home}</C:timezone-id>" if home else ""
    asked = f"<C:filter>{vevent(span)}</C:filter>{zone}"
    box.service.calls.clear()
    tags = dav.report(WORK, "C:calendar-query", f"<D:prop><D:getetag/></D:prop>{asked}")
    looked = set(box.service.calls)
    both = dav.report(WORK, "C:calendar-query", f"<D:prop><D:getetag/><C:calendar-data/></D:prop>{asked}")
    assert hits(tags)
    assert {href: part.text("D:getetag") for href, part in tags.parts.items()} == {
        href: part.text("D:getetag") for href, part in both.parts.items()
    }
    closed = "start" in span and "end" in span
    assert ("tags_occurring" if closed else "spans_between") in looked
    assert not {"get_all", "get_between", "get_occurring"} & looked

"""RANGE=THISANDFUTURE moves occurrences: what the vendor shows goes by other moments than the client's RECURRENCE-IDs."""

from __future__ import annotations

import datetime as dt

import pytest
from fidelity_box import CHINA, ours

DAY = dt.timedelta(days=1)
FIRST = dt.datetime(2026, 1, 12, 17, tzinfo=CHINA)


def stamped(name, moment, parameters=""):
    return f"{name};TZID=Asia/Shanghai{parameters}:{moment:%Y%m%dT%H%M%S}"


def event(summary, start, *lines):
    return [
        "BEGIN:VEVENT",
        "UID:u",
        "DTSTAMP:20260101T000000Z",
        f"SUMMARY:{summary}",
        stamped("DTSTART", start),
        "DURATION:PT1H",
        *lines,
        "END:VEVENT",
    ]


def calendar(step, shift, changed=()):
    """Ten occurrences ``step`` apart, from the third on moved by ``shift``; those in ``changed`` an hour earlier."""
    freq = "DAILY" if step == DAY else "WEEKLY"
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Test//Client//EN"]
    lines += event("m", FIRST, f"RRULE:FREQ={freq};COUNT=10")
    third = FIRST + 2 * step
    lines += event("moved", third + shift, stamped("RECURRENCE-ID", third, ";RANGE=THISANDFUTURE"))
    for index in changed:
        rid = FIRST + index * step
        lines += event(f"o{index}", rid - dt.timedelta(hours=1), stamped("RECURRENCE-ID", rid))
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def quiet(box):
    """A look at everything changes nothing on either side."""
    writes, text = len(box.writes()), box.text("u.ics")
    box.sync(full=True)
    box.carry()
    return len(box.writes()) == writes and box.text("u.ics") == text


@pytest.mark.parametrize("step", [DAY, 7 * DAY], ids=["daily", "weekly"])
@pytest.mark.parametrize("shift", [DAY, -DAY, dt.timedelta(minutes=30)], ids=str)
@pytest.mark.parametrize("changed", [(), (5,), (3, 5)], ids=str)
def test_the_clients_text_stays_and_gets_no_occurrence_of_ours(box, step, shift, changed):
    text = calendar(step, shift, changed)
    box.put("u.ics", text)
    assert box.text("u.ics") == text
    assert sorted(set(box.shown())) == sorted(set(ours(text)))  # some meet, and DingTalk's windows overlap
    assert quiet(box)
    assert box.text("u.ics") == text


@pytest.mark.parametrize("index", [1, 2, 4, 9])
@pytest.mark.parametrize("changed", [(), (5,)], ids=str)
def test_an_occurrence_that_a_person_removes_is_gone_and_the_others_stay(box, index, changed):
    box.put("u.ics", calendar(7 * DAY, DAY, changed))
    before = box.shown()
    at = FIRST + index * 7 * DAY + (DAY if index >= 2 else dt.timedelta())
    assert any(box.side.drops(item, at.astimezone(dt.UTC)) for item in box.side.items())
    box.sync(full=True)
    assert len(box.shown()) == len(before) - 1
    assert ours(box.text("u.ics")) == box.shown()
    assert quiet(box)


def test_the_end_of_a_doubled_hour_does_not_lengthen_the_rest(box):
    start = dt.datetime(2025, 10, 26, 2, 45)  # noqa: DTZ001
    text = "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Test//Client//EN",
            "BEGIN:VEVENT",
            "UID:u",
            "DTSTAMP:20260101T000000Z",
            "SUMMARY:m",
            f"DTSTART;TZID=Europe/Berlin:{start - 6 * DAY:%Y%m%dT%H%M%S}",
            "DURATION:PT15M",
            "RRULE:FREQ=MONTHLY;INTERVAL=2;BYDAY=-1SU",
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
    )
    box.put("u.ics", text)
    assert len(box.shown()) > 5
    again = dt.date(2026, 10, 25)  # there, it ends when the clock says 3:00
    lengths = {end - begin for begin, end in box.shown() if begin.date() != again}
    assert lengths == {dt.timedelta(minutes=15)}
    assert quiet(box)
    assert box.text("u.ics") == text

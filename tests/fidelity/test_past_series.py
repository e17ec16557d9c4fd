"""Series that are over: history that a vendor holds whole goes there, any other stays here, and both are said."""

from __future__ import annotations

import datetime as dt

import pytest
from fidelity_box import NOW, ours

from bridge.errors import Refused

OVER = {
    "native": ("DTSTART:20250106T020000Z", "DTEND:20250106T030000Z", "RRULE:FREQ=WEEKLY;COUNT=4"),
    "summer time": (
        "DTSTART;TZID=Europe/Berlin:20250106T100000",
        "DTEND;TZID=Europe/Berlin:20250106T110000",
        "RRULE:FREQ=WEEKLY;UNTIL=20251201T090000Z",
    ),
    "dates": (
        "DTSTART:20250106T020000Z",
        "DTEND:20250106T030000Z",
        "RDATE:20250109T020000Z,20250218T020000Z,20250301T020000Z",
    ),
    "set positions": (
        "DTSTART:20250131T020000Z",
        "DTEND:20250131T030000Z",
        "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=9",
    ),
}
WHOLE = {("native", "wecom"), ("native", "dingtalk"), ("summer time", "dingtalk")}
"""What a vendor holds as one series; everything else would be history in pieces."""


def over(*lines):
    return "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Test//Client//EN",
            "BEGIN:VEVENT",
            "UID:over",
            "DTSTAMP:20260101T000000Z",
            "SUMMARY:Long ago",
            *lines,
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
    )


@pytest.mark.parametrize("form", OVER)
def test_a_series_that_is_over_is_kept_and_its_receipt_tells_where(box, form):
    vendor = box.side.source
    text = over(*OVER[form])
    box.put("over.ics", text)
    assert box.text("over.ics") == text
    losses = str(box.losses("over.ics"))
    if (form, vendor) in WHOLE:
        assert box.shown(NOW - dt.timedelta(days=400), NOW) == ours(text, NOW - dt.timedelta(days=400), NOW)
        assert "is over" not in losses
    else:
        assert box.side.items() == []
        assert "All of this series is over" in losses
    box.sync(full=True)
    assert box.text("over.ics") == text
    longer = (
        text.replace("COUNT=4", "COUNT=90").replace("UNTIL=2025", "UNTIL=2026").replace("COUNT=9", "COUNT=30")
    )
    longer = longer.replace("20250301T020000Z", "20260301T020000Z")
    box.put("over.ics", longer)
    assert box.shown() == ours(longer)
    assert box.shown(), "it goes on"
    box.delete("over.ics")
    box.sync(full=True)
    assert box.side.items() == []


def test_a_series_without_any_occurrence_is_refused(box):
    lines = ("DTSTART:20250106T020000Z", "DTEND:20250106T030000Z", "RRULE:FREQ=DAILY;COUNT=2")
    with pytest.raises(Refused, match="no occurrence") as refused:
        box.put("none.ics", over(*lines, "EXDATE:20250106T020000Z,20250107T020000Z"))
    assert refused.value.http_status == 403
    assert box.text("none.ics") is None

"""Every recurrence form of the table, through the engine, at both vendors."""

from __future__ import annotations

import datetime as dt

import pytest
from fidelity_box import HORIZON, NOW, order, ours, theirs

from bridge.errors import Refused
from bridge.model.fidelity import SENTENCES, TABLE, Fate, Section

ROWS = [row for row in TABLE if row.section is Section.SERIES]
LATER = NOW + dt.timedelta(days=7, hours=3)
"""After the first occurrence of every example."""
UNDEFINED = {"series in a zone that no known one equals"}

NOWHERE = [
    "BEGIN:VTIMEZONE",
    "TZID:Nowhere",
    "BEGIN:STANDARD",
    "DTSTART:20251005T030000",
    "TZOFFSETFROM:+0417",
    "TZOFFSETTO:+0317",
    "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=1SU",
    "END:STANDARD",
    "BEGIN:DAYLIGHT",
    "DTSTART:20250504T030000",
    "TZOFFSETFROM:+0317",
    "TZOFFSETTO:+0417",
    "RRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=1SU",
    "END:DAYLIGHT",
    "END:VTIMEZONE",
]


def text_of(row, *more):
    lines = [line.format(uid="series") for line in row.example]
    zones = NOWHERE if row.name in UNDEFINED else []
    return "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Test//Client//EN",
            *zones,
            "BEGIN:VEVENT",
            "UID:series",
            "DTSTAMP:20260101T000000Z",
            *more,
            *lines,
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
    )


def is_series(payload):
    return "recurrence" in payload or bool(payload.get("reminders") and _repeats(payload["reminders"]))


def _repeats(reminders):
    return isinstance(reminders, dict) and reminders.get("is_repeat") == 1


def fate_of(payloads):
    mains = {key: one for key, one in payloads.items() if one is not None and not key.startswith("@")}
    return Fate.NATIVE if set(mains) == {""} and is_series(mains[""]) else Fate.COMPILED


def drop_one(box, href):
    """Take one later occurrence away as a person at the vendor does; return whether there was one to take."""
    starts = [one[0] for one in ours(box.text(href)) if order(one) > LATER]
    singles = []
    for item in box.side.items():
        row = next(
            row for row in box.rows(href) if row.upstream_id in (item.get("schedule_id"), item.get("id"))
        )
        if not is_series(box.live(href)[row.key]):
            singles.append(item)
            continue
        for start in starts:
            if box.side.drops(item, start):
                return True
    if singles and starts:
        box.side.remove(singles[-1])
        return True
    return False


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_recurrence_form_has_the_fate_that_the_table_says(box, row):
    vendor = box.side.source
    cell = row.cells[vendor]
    text = text_of(row, "CATEGORIES:One")
    if cell.out is Fate.REFUSED:
        with pytest.raises(Refused) as refused:
            box.put("series.ics", text)
        assert refused.value.http_status == 403
        assert any(said.words.en.split("{")[0] in str(refused.value) for said in SENTENCES.values())
        assert box.text("series.ics") is None
        assert box.side.items() == []
        return
    box.put("series.ics", text)
    assert box.text("series.ics") == text
    assert fate_of(box.payloads("series.ics")) is cell.out
    expected = ours(text)
    assert theirs(text) == expected, "two libraries disagree about the client's text"
    assert box.shown() == expected
    box.side.calls.clear()
    again = text.replace("CATEGORIES:One", "CATEGORIES:Two")
    box.put("series.ics", again)
    assert box.all_calls() == []
    box.sync(full=True)
    assert box.text("series.ics") == again
    assert drop_one(box, "series.ics") == any(order(one) > LATER for one in expected)
    box.sync(full=True)
    if len(expected) > 1:
        assert ours(box.text("series.ics")) == box.shown()
        assert len(box.shown()) == len(expected) - 1
        assert "CATEGORIES:Two" in box.text("series.ics")


def test_the_examples_lie_within_what_is_looked_at():
    for row in ROWS:
        cells = {cell.out for cell in row.cells.values()}
        if cells != {Fate.REFUSED}:
            assert row.name == "YEARLY on 29 February" or len(ours(text_of(row), NOW, HORIZON)) > 0, row.name

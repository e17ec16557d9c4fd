"""Everything that the table calls native: it arrives at the vendor, and what people change there arrives here."""

from __future__ import annotations

import datetime as dt

import pytest
from fidelity_box import ours, theirs
from frames import frame

from bridge.model.fidelity import TABLE, VENDORS, Fate, Section

HREF = "native.ics"
ROWS = [row for row in TABLE if row.section is not Section.SERIES]
NATIVE = [(v, row) for v in VENDORS for row in ROWS if row.cells[v].out is Fate.NATIVE]
TIMES = {"DTSTART, DTEND", "DURATION"}


def rows(*sections):
    """Return (vendor, row) for every native row of these sections."""
    return [
        pytest.param(vendor, row, id=f"{vendor}-{row.name}")
        for vendor, row in NATIVE
        if row.section in sections and row.name not in ELSEWHERE
    ]


ELSEWHERE = {"PARTSTAT of one's own"}
"""Tested with somebody else's meeting, below."""


def put(box, row):
    """Put a row's example and return its text."""
    text = frame(row, box.side, "native")
    box.put(HREF, text)
    assert box.text(HREF) == text
    return text


def held(box):
    """Return the only item in one shape for both vendors."""
    (item,) = box.side.items()
    if box.side.source == "wecom":
        content = item["content"]
        return {
            "summary": content["summary"],
            "description": content["description"],
            "location": content["location"],
            "people": list(content["attendees"]),
            "optional": [],
            "alarms": sorted(-diff for diff in content["reminders"]["diffs"]),
            "rich": "",
        }
    others = [one for one in item["attendees"] if not one["self"]]
    return {
        "summary": item["summary"],
        "description": item["description"],
        "location": item["location"]["displayName"],
        "people": [one["id"] for one in others],
        "optional": [one["id"] for one in others if one["isOptional"]],
        "alarms": sorted(60 * int(one["minutes"]) for one in item["reminders"]),
        "rich": item["richTextDescription"]["text"],
    }


def edit(box, **fields):
    """Change an item as a person does in the vendor's app."""
    if box.side.source == "wecom":
        if "alarms" in fields:
            diffs = [-seconds for seconds in fields.pop("alarms")]
            fields["reminders"] = {"is_remind": int(bool(diffs)), "remind_time_diffs": diffs}
        if "people" in fields:
            fields["attendees"] = [{"userid": one} for one in fields.pop("people")]
        box.act({"do": "edit", "key": "", "fields": fields}, HREF)
        return
    if "alarms" in fields:
        minutes = [{"minutes": seconds // 60} for seconds in fields.pop("alarms")]
        box.act({"do": "reminders", "key": "", "reminders": minutes}, HREF)
    if "people" in fields:
        box.act({"do": "invite", "key": "", "people": fields.pop("people")}, HREF)
    if "location" in fields:
        fields["location"] = {"displayName": fields["location"]}
    if "rich" in fields:
        fields["richTextDescription"] = {"text": fields.pop("rich")}
    if fields:
        box.act({"do": "edit", "key": "", "event": fields}, HREF)


WORDS = {
    "SUMMARY": ("summary", "Quarterly review, part 2", "Another title", "SUMMARY:Another title"),
    "DESCRIPTION": (
        "description",
        "Bring notes, please\nSecond line",
        "Other\nwords",
        "DESCRIPTION:Other\\nwords",
    ),
    "LOCATION": ("location", "Room 5; east wing", "Roof, left", "LOCATION:Roof\\, left"),
}


@pytest.mark.parametrize(
    ("box", "row"), rows(Section.EVENT, Section.PARAMETER, Section.EXTENSION), indirect=["box"]
)
def test_a_native_property_arrives_on_both_sides(box, row):
    text = put(box, row)
    match row.name:
        case "SUMMARY" | "DESCRIPTION" | "LOCATION":
            field, there, changed, line = WORDS[row.name]
            assert held(box)[field] == there
            edit(box, **{field: changed})
            box.sync()
            assert line in box.text(HREF).split("\r\n")
        case "DTSTART, DTEND" | "DURATION":
            assert box.shown() == theirs(text)
            box.side.shift(box.side.items()[0], 5400)
            box.sync()
            assert "DTSTART;TZID=Asia/Shanghai:20260112T113000" in box.text(HREF)
            assert ours(box.text(HREF)) == box.shown()
            assert ("DURATION:PT1H30M" in box.text(HREF)) == (row.name == "DURATION")
        case "STATUS:CONFIRMED":
            box.side.remove(box.side.items()[0])
            box.sync()
            assert box.text(HREF) is None
        case "ATTENDEE":
            assert held(box)["people"] == [box.side.guest_id]
            third = {"wecom": "wangwu", "dingtalk": "Carol"}[box.side.source]
            edit(box, people=[box.side.guest_id, third] if box.side.source == "wecom" else [third])
            box.sync()
            lines = [line for line in unfolded(box.text(HREF)) if line.startswith("ATTENDEE")]
            assert f"ATTENDEE;CN=Guest:mailto:{box.side.guest}" in lines
            assert any({"wecom": "wangwu@", "dingtalk": "carol@"}[box.side.source] in line for line in lines)
        case "ROLE=OPT-PARTICIPANT":
            assert held(box)["optional"] == [box.side.guest_id]
            box.act({"do": "uninvite", "key": "", "people": [box.side.guest_id]}, HREF)
            box.act({"do": "invite", "key": "", "people": [box.side.guest_id]}, HREF)
            box.sync()
            assert "ROLE=REQ-PARTICIPANT" in box.text(HREF)
        case "X-ALT-DESC":
            assert held(box)["rich"] == "<html><body><p>Agenda <b>follows</b>.</p></body></html>"
            edit(box, rich="<p>Agenda <i>changed</i>.</p>", description="Agenda changed.")
            box.sync()
            assert "X-ALT-DESC;FMTTYPE=text/html:<p>Agenda <i>changed</i>.</p>" in unfolded(box.text(HREF))
            assert "DESCRIPTION:Agenda changed." in unfolded(box.text(HREF))
        case _:
            pytest.fail(f"{row.name} is native and nobody looks whether it is")


@pytest.mark.parametrize(("box", "row"), rows(Section.VALUE), indirect=["box"])
def test_a_time_of_any_form_is_the_same_time_at_the_vendor(box, row):
    text = put(box, row)
    expected = theirs(text) or ours(text)
    assert len(expected) == 1
    assert box.shown() == expected
    box.sync(full=True)
    assert box.text(HREF) == text
    (item,) = box.side.items()
    if isinstance(expected[0][0], dt.datetime):
        box.side.shift(item, 3600)
        moved = [tuple(one + dt.timedelta(hours=1) for one in expected[0])]
    else:
        move_days(box, item, 2)
        moved = [tuple(one + dt.timedelta(days=2) for one in expected[0])]
    box.sync()
    new = box.text(HREF)
    assert box.shown() == moved
    assert ours(new) == moved
    assert form(new) == form(text)


def form(text):
    """Return how DTSTART and DTEND are written, without when."""
    lines = [
        line for line in unfolded(text) if line.startswith(("DTSTART", "DTEND")) and line[-8:] != "T000000"
    ]
    inside = [line for line in lines if ":1970" not in line]
    return [(line.partition(":")[0], line.endswith("Z"), len(line.partition(":")[2])) for line in inside]


def unfolded(text):
    return text.replace("\r\n ", "").split("\r\n")


def move_days(box, item, days):
    if box.side.source == "dingtalk":
        box.act({"do": "move", "key": "", "days": days}, HREF)
    else:
        box.side.shift(item, days * 86_400)


ALARMS = {
    "TRIGGER before the start": 900,
    "TRIGGER before the end": 900,
    "TRIGGER at a moment, single event": 900,
    "TRIGGER after the start": 0,
    "TRIGGER on the day of an all-day event": -32_400,
    "ACTION:AUDIO": 900,
    "ACTION:EMAIL": 900,
}


@pytest.mark.parametrize(("box", "row"), rows(Section.ALARM), indirect=["box"])
def test_an_alarm_rings_at_the_vendor_when_it_rings_here(box, row):
    text = put(box, row)
    assert held(box)["alarms"] == [ALARMS[row.name]]
    box.sync(full=True)
    assert box.text(HREF) == text
    edit(box, alarms=[3600, 86_400])
    box.sync()
    new = unfolded(box.text(HREF))
    triggers = {line for line in new if line.startswith("TRIGGER")}
    gone = {line for line in unfolded(text) if line.startswith("TRIGGER")}
    if row.name != "TRIGGER after the start":  # that one rings here alone and is nobody's to take away
        assert not gone & triggers
    assert {"TRIGGER:-PT1H", "TRIGGER:-P1D"} <= triggers


def test_an_alarm_that_the_vendor_holds_at_another_time_stays_exact_here(box):
    alarms = [
        line
        for minutes in (10, 61)
        for line in ("BEGIN:VALARM", "ACTION:DISPLAY", f"TRIGGER:-PT{minutes}M", "END:VALARM")
    ]
    box.put(HREF, frame(row_of("DTSTART, DTEND"), box.side, "native", alarms))
    before = held(box)["alarms"]
    assert before == ([900, 86_400] if box.side.source == "wecom" else [600, 3660])
    edit(box, alarms=[*before, 0])
    box.sync()
    assert triggers(box) == {"TRIGGER:-PT10M", "TRIGGER:-PT61M", "TRIGGER:PT0S"}
    edit(box, alarms=[before[1], 0])
    box.sync()
    assert triggers(box) == {"TRIGGER:-PT61M", "TRIGGER:PT0S"}


def triggers(box):
    return {line for line in unfolded(box.text(HREF)) if line.startswith("TRIGGER")}


def test_every_component_row_that_is_native_is_a_series_or_tested_here():
    tested = {Section.EVENT, Section.PARAMETER, Section.EXTENSION, Section.VALUE, Section.ALARM}
    assert {row.section for _, row in NATIVE} <= tested


# ---- what only the vendor says -----------------------------------------------------------------------------------


def backward():
    return {
        (vendor, row.name)
        for vendor in VENDORS
        for row in ROWS
        if row.cells[vendor].back and row.cells[vendor].out is not Fate.NATIVE
    }


def test_the_table_names_what_only_the_vendor_says():
    assert backward() == {
        ("dingtalk", "ORGANIZER"),
        ("dingtalk", "URL"),
        ("dingtalk", "CONFERENCE"),
        ("wecom", "PARTSTAT of others"),
        ("dingtalk", "PARTSTAT of others"),
        ("wecom", "PARTSTAT of one's own"),
    }


def row_of(name):
    return next(row for row in TABLE if row.name == name)


def test_other_peoples_answers_come_from_the_vendor(box):
    text = frame(row_of("PARTSTAT of others"), box.side, "native")
    box.put(HREF, text)
    who = box.side.guest_id
    if box.side.source == "wecom":
        box.act({"do": "respond", "key": "", "userid": who, "answer": "accept"}, HREF)
    else:
        box.act({"do": "respond", "key": "", "as": who, "response": "accepted"}, HREF)
    box.sync()
    assert box.text(HREF) == text.replace("NEEDS-ACTION", "ACCEPTED").replace(
        "DTSTAMP:20260101T000000Z", "DTSTAMP:20260105T000000Z"
    )
    box.side.calls.clear()
    box.put(HREF, box.text(HREF).replace("PARTSTAT=ACCEPTED", "PARTSTAT=DECLINED"))
    assert box.all_calls() == []


@pytest.mark.parametrize("box", ["dingtalk"], indirect=True)
def test_ones_own_answer_to_a_meeting_that_dingtalk_holds_is_given_there(box):
    href = invited(box)
    assert "ORGANIZER" in box.text(href)
    assert box.side.guest in box.text(href)
    answered = box.text(href).replace("PARTSTAT=NEEDS-ACTION", "PARTSTAT=TENTATIVE")
    assert answered != box.text(href)
    box.put(href, answered)
    (item,) = box.side.items()
    assert [one["responseStatus"] for one in item["attendees"] if one["self"]] == ["tentative"]
    box.act({"do": "respond", "key": "", "response": "declined"}, href)
    box.sync()
    assert "PARTSTAT=DECLINED" in box.text(href)
    box.act({"do": "delete", "key": "", "as": box.side.guest_id}, href)
    box.sync()
    assert box.text(href) is None


def invited(box):
    """Let a colleague invite the user; return where the meeting is served."""
    event = {
        "summary": "Their meeting",
        "start": {"dateTime": "2026-01-12T10:00:00.000+08:00", "timeZone": "Asia/Shanghai"},
        "end": {"dateTime": "2026-01-12T11:00:00.000+08:00", "timeZone": "Asia/Shanghai"},
        "attendees": [
            {
                "id": next(
                    p["union_id"]
                    for p in box.side.box.control("state", {})["people"]
                    if p["userid"] == "alice01"
                )
            }
        ],
    }
    box.side.box.control("act", {"do": "create", "as": box.side.guest_id, "event": event})
    box.sync()
    (one,) = box.service.get_all(box.collection.id)
    return one.href


@pytest.mark.parametrize("box", ["dingtalk"], indirect=True)
@pytest.mark.parametrize("own", ["", "URL:https://wiki.example.com/agenda"])
def test_the_link_of_a_dingtalk_meeting_arrives_and_goes_no_way_back(box, own):
    box.put(HREF, frame(row_of("DTSTART, DTEND"), box.side, "native", [own] if own else []))
    box.act({"do": "edit", "key": "", "event": {"onlineMeetingInfo": {"type": "dingtalk"}}}, HREF)
    box.sync()
    new = unfolded(box.text(HREF))
    link = box.side.items()[0]["onlineMeetingInfo"]["url"]
    assert link
    assert f"CONFERENCE;VALUE=URI;FEATURE=VIDEO:{link}" in new
    assert (f"URL:{link}" in new) == (not own)
    assert not own or own in new
    box.side.calls.clear()
    box.put(HREF, box.text(HREF).replace("SUMMARY:Planning", "SUMMARY:Planned"))
    assert box.side.items()[0]["onlineMeetingInfo"]["url"] == link

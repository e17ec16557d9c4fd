"""Everything that the table calls refused: 403 with the sentence, nothing sent, nothing changed; and every sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fidelity_box import ME, ours
from frames import ALARM, TIMED, frame

from bridge.cli import fidelity as page
from bridge.errors import Refused
from bridge.model.event import Event
from bridge.model.fidelity import SENTENCES, TABLE, VENDORS, Fate, Said, Section, in_chinese
from bridge.model.people import Attendee, Roster
from bridge.providers.dingtalk.limits import LIMITS as DINGTALK
from bridge.providers.dingtalk.limits import RICH_TEXT_CHARS_MAX
from bridge.providers.dingtalk.mapper import DingTalkMapper
from bridge.providers.wecom.limits import LIMITS as WECOM
from bridge.providers.wecom.mapper import WeComMapper

HREF = "refused.ics"
LIMITS = {"wecom": WECOM, "dingtalk": DINGTALK}
OWN_ANSWER = "PARTSTAT of one's own"
REFUSED = [
    pytest.param(vendor, row, id=f"{vendor}-{row.name}")
    for vendor in VENDORS
    for row in TABLE
    if row.cells[vendor].out is Fate.REFUSED and row.section is not Section.SERIES and row.name != OWN_ANSWER
]


def event(*lines, times=TIMED, head=()):
    return "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Test//Client//EN",
            *head,
            "BEGIN:VEVENT",
            "UID:refused",
            "DTSTAMP:20260101T000000Z",
            *times,
            *lines,
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
    )


def pattern(key):
    """Return a pattern for a sentence of the table."""
    return re.sub(r"\\\{\w+\\\}", ".+", re.escape(SENTENCES[key].words.en))


def refuse(box, href, text, before):
    """Put what is refused; return the sentence. Nothing may have moved."""
    box.side.calls.clear()
    with pytest.raises(Refused) as refused:
        box.put(href, text)
    assert refused.value.http_status == 403
    assert box.text(href) == before
    assert box.writes() == []
    return str(refused.value), refused.value.precondition


@pytest.mark.parametrize(("box", "row"), REFUSED, indirect=["box"])
def test_a_refused_construct_changes_nothing(box, row):
    good = event("SUMMARY:Planning")
    is_other = row.section is Section.COMPONENT
    href = "other.ics" if is_other else HREF
    box.put(HREF, good)
    sentence, precondition = refuse(
        box, href, frame(row, box.side, "other" if is_other else "refused"), None if is_other else good
    )
    assert any(re.fullmatch(pattern(key), sentence) for key in SENTENCES)
    if is_other:
        assert precondition == "C:supported-calendar-component"
    assert box.text(HREF) == good
    assert box.side.titles() == ["Planning"]


@pytest.mark.parametrize("box", ["wecom"], indirect=True)
def test_an_answer_that_only_the_vendors_app_takes_is_refused(box):
    people = (
        "ORGANIZER:mailto:{guest}",
        "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{me}",
        "ATTENDEE:mailto:{guest}",
    )
    text = event(*[line.format(guest=box.side.guest, me=ME) for line in people], "SUMMARY:Planning")
    box.put(HREF, text)
    answered = text.replace("NEEDS-ACTION", "ACCEPTED")
    sentence, _ = refuse(box, HREF, answered, text)
    assert sentence == SENTENCES["ATTENDEE.answer"].words.en


@pytest.mark.parametrize("name", ["SUMMARY", "DESCRIPTION", "LOCATION"])
@pytest.mark.parametrize("letter", ["x", "计", "😀"])
def test_a_text_arrives_whole_up_to_the_limit_and_is_refused_beyond(box, name, letter):
    vendor = box.side.source
    most = getattr(LIMITS[vendor], f"{name.lower()}_chars_max")
    if letter == "😀" and vendor == "dingtalk":
        most //= 2  # two UTF-16 units: the larger of the ways to count
    fits = event(f"{name}:{letter * most}")
    box.put(HREF, fits)
    assert letter * most in str(box.side.items()[0])
    sentence, _ = refuse(box, HREF, event(f"{name}:{letter * (most + 1)}"), fits)
    assert re.fullmatch(pattern(f"{vendor}.TEXT.long"), sentence)


# ---- sentences ---------------------------------------------------------------------------------------------------


def alarm(trigger):
    return (*ALARM[:3], f"TRIGGER:{trigger}", ALARM[4])


STRANGER = "ATTENDEE:mailto:stranger@elsewhere.example"
BOSS = "ORGANIZER:mailto:boss@elsewhere.example"
HTML = "X-ALT-DESC;FMTTYPE=text/html:<p>{}</p>"
UNNAMED = ("DTSTART;TZID=UTC+05:17:20260112T100000", "DTEND;TZID=UTC+05:17:20260112T110000")

LOSSES = {
    "wecom.STATUS.tentative": ("STATUS:TENTATIVE",),
    "wecom.ATTENDEE.stranger": (STRANGER,),
    "wecom.ATTENDEE.optional": ("ATTENDEE;ROLE=OPT-PARTICIPANT:mailto:{guest}",),
    "wecom.ATTENDEE.alone": ("ATTENDEE:mailto:{me}",),
    "wecom.ORGANIZER": (BOSS,),
    "wecom.X-ALT-DESC": (HTML.format("Agenda"),),
    "wecom.URL": ("URL:https://example.com",),
    "wecom.VALARM.early": alarm("-P8D"),
    "wecom.VALARM.moved": alarm("-PT10M"),
    "dingtalk.STATUS.tentative": ("STATUS:TENTATIVE",),
    "dingtalk.SUMMARY.empty": (),
    "dingtalk.TZID.unnamed": UNNAMED,
    "dingtalk.ATTENDEE.stranger": (STRANGER,),
    "dingtalk.ORGANIZER": (BOSS,),
    "dingtalk.X-ALT-DESC.long": (
        "DESCRIPTION:x",
        HTML.format("<b>x</b>" + "&#32;" * (RICH_TEXT_CHARS_MAX // 5)),
    ),
    "dingtalk.X-ALT-DESC.other": ("DESCRIPTION:one", HTML.format("another")),
    "dingtalk.URL": ("URL:https://example.com",),
    "dingtalk.VALARM.after": alarm("PT5M"),
    "dingtalk.VALARM.seconds": alarm("-PT90S"),
}


@pytest.mark.parametrize(
    ("box", "key"), [pytest.param(key.split(".")[0], key, id=key) for key in LOSSES], indirect=["box"]
)
def test_a_loss_stands_in_the_receipt(box, key):
    lines = [
        line.format(guest=box.side.guest, me=ME) if "{guest}" in line or "{me}" in line else line
        for line in LOSSES[key]
    ]
    times = lines if lines and lines[0].startswith("DTSTART") else TIMED
    text = event(*([] if times is lines else lines), times=times)
    box.put(HREF, text)
    served = box.text(HREF).replace(';SCHEDULE-STATUS="3.7"', "")  # a stranger's line says so (RFC 6638)
    assert served == text
    said = SENTENCES[key]
    assert any(re.fullmatch(f"{said.what}: {pattern(key)}", loss) for loss in box.losses(HREF))


SERIES = {"RRULE.RSCALE", "RRULE.SKIP", "RRULE.endless", "RRULE.items", "EXRULE", "TZID.custom"}
"""Shown by the rows of the table's last section."""
ROWS = {
    *("VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY", "VERSION", "CALSCALE"),
    *("wecom.STATUS.cancelled", "dingtalk.STATUS.cancelled", "wecom.DTEND.zero"),
    *("wecom.DTSTART.year", "dingtalk.DTSTART.year"),
}
"""Shown by refused rows."""
HERE = {
    *("wecom.TEXT.long", "dingtalk.TEXT.long", "ATTENDEE.answer", "dingtalk.ORGANIZER.guest"),
    *("wecom.ATTENDEE.many", "dingtalk.ATTENDEE.many"),
}
PAST = {"RRULE.past"}
"""Said by receipts of series that are over: test_past_series."""


def test_every_sentence_is_said_somewhere():
    assert set(SENTENCES) == {*LOSSES, *SERIES, *ROWS, *HERE, *PAST}
    assert {key for key, said in SENTENCES.items() if said.said is Said.LOSS} == {*LOSSES, *PAST}


@pytest.mark.parametrize("vendor", VENDORS)
def test_more_people_than_a_vendor_holds_are_refused(vendor):
    mapper = WeComMapper(zone=DingTalkMapper().default_zone) if vendor == "wecom" else DingTalkMapper()
    most = LIMITS[vendor].attendees_max
    guests = tuple(Attendee(address=f"mailto:g{number}@example.com") for number in range(most + 1))
    roster = Roster(me="me", ids={one.address: one.address[7:] for one in guests})
    (start,) = ours(event())
    meeting = Event(uid="u", start=start[0], end=start[1], attendees=guests)
    with pytest.raises(Refused, match=pattern(f"{vendor}.ATTENDEE.many")):
        mapper.encode(meeting, roster)
    assert (
        len(
            mapper.encode(Event(uid="u", start=start[0], end=start[1], attendees=guests[1:]), roster).value[
                "attendees"
            ]
        )
        == most
    )


@pytest.mark.parametrize("box", ["dingtalk"], indirect=True)
def test_a_guest_is_told_who_may_change_a_meeting(box):
    moment = {"dateTime": "2026-01-12T10:00:00.000+08:00", "timeZone": "Asia/Shanghai"}
    end = {"dateTime": "2026-01-12T11:00:00.000+08:00", "timeZone": "Asia/Shanghai"}
    (me,) = [p["union_id"] for p in box.side.box.control("state", {})["people"] if p["userid"] == box.side.me]
    made = box.side.box.control(
        "act",
        {
            "do": "create",
            "as": box.side.guest_id,
            "event": {"summary": "Theirs", "start": moment, "end": end, "attendees": [{"id": me}]},
        },
    )
    box.sync()
    (one,) = box.service.get_all(box.collection.id)
    sentence, _ = refuse(box, one.href, one.text.replace("SUMMARY:Theirs", "SUMMARY:Mine"), one.text)
    assert sentence == SENTENCES["dingtalk.ORGANIZER.guest"].words.en
    box.side.box.control("act", {"do": "delete", "as": box.side.guest_id, "eventId": made["key"]})
    box.sync()


def test_every_sentence_has_a_chinese_form_with_the_same_numbers():
    for key, said in SENTENCES.items():
        names = set(re.findall(r"{(\w+)}", said.words.en))
        assert names == set(re.findall(r"{(\w+)}", said.words.zh)), key
        made = said.words.en.format(**dict.fromkeys(names, "7"))
        assert in_chinese(made) == said.words.zh.format(**dict.fromkeys(names, "7")), key
    assert in_chinese(
        "WeCom has no reminder 10 min before the start; it reminds 15 min before the start instead"
    ) == ("企业微信没有这个提醒时间（开始前 10 分钟），改为 开始前 15 分钟")
    assert in_chinese("something else") == "something else"


def test_the_page_is_what_the_table_says():
    shown = (Path(__file__).parents[2] / "docs" / "fidelity.md").read_text(encoding="utf-8")
    assert shown == page.text(), "docs/fidelity.md is stale: make docs"


def test_every_row_says_its_fate_for_every_vendor_once():
    assert len({(row.section, row.name) for row in TABLE}) == len(TABLE)
    for row in TABLE:
        assert set(row.cells) == set(VENDORS)
        for cell in row.cells.values():
            assert bool(cell.why.en) == bool(cell.why.zh), row.name

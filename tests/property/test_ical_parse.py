"""Whatever bytes a client sends: an object, or one of our refusals with a sentence. Never anything else."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from examples import at_least
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadInput, Inexpressible, Refused
from bridge.ical.feed import feed
from bridge.ical.fingerprint import fingerprint
from bridge.ical.lines import read as read_lines
from bridge.ical.lines import write as write_lines
from bridge.ical.overlay import overlay
from bridge.ical.parse import Parsed, parse
from bridge.ical.recur import first_occurrences, span
from bridge.ical.write import write

SAMPLES = [
    path.read_bytes()
    for path in sorted((Path(__file__).parent.parent / "golden" / "ical").glob("*/client.ics"))
]
LINES = sorted({line for sample in SAMPLES for line in sample.replace(b"\r\n", b"\n").split(b"\n") if line})
PRECONDITIONS = {
    "C:valid-calendar-data",
    "C:valid-calendar-object-resource",
    "C:supported-calendar-component",
    "C:supported-calendar-data",
    "C:max-resource-size",
}
FRAGMENTS = [
    *(b"BEGIN:VEVENT", b"END:VEVENT", b"BEGIN:VALARM", b"END:VALARM", b"BEGIN:VTODO", b"END:VTODO"),
    *(
        b"BEGIN:VTIMEZONE",
        b"END:VTIMEZONE",
        b"BEGIN:VCALENDAR",
        b"END:VCALENDAR",
        b"\xff\xfe",
        b"\x00",
        b"\r",
        b" ",
        b"",
    ),
    *(b"RRULE:FREQ=SECONDLY", b"RRULE:FREQ=DAILY;COUNT=99999999", b"RRULE:FREQ=YEARLY;INTERVAL=99999999999"),
    *(
        b"RRULE:FREQ=WEEKLY;UNTIL=99991231T235959Z",
        b"RRULE:FREQ=MONTHLY;BYDAY=0MO",
        b"RRULE:FREQ=DAILY;BYHOUR=-1",
    ),
    *(
        b"DTSTART:00010101T000000Z",
        b"DTSTART:99991231T235959Z",
        b"DTSTART;VALUE=DATE:99981231",
        b"DTSTART:20260230",
    ),
    *(
        b"DTSTART;TZID=Nowhere/City:20260101T090000",
        b"DTEND:20200101T000000Z",
        b"DURATION:-P1D",
        b"DURATION:P9999999W",
    ),
    *(b"DTSTART:20260101T246060Z", b"DTSTART:20261231T235960Z", b"EXDATE:20260101", b"EXDATE;VALUE=DATE:,,"),
    *(
        b"RDATE;VALUE=PERIOD:/,20260101T000000Z/PT1H",
        b"TRIGGER:",
        b"TRIGGER;RELATED=END:-P9999999W",
        b"TRIGGER:P",
    ),
    *(
        b"RECURRENCE-ID;RANGE=THISANDFUTURE:20260101T000000Z",
        b"UID:",
        b"UID:other",
        b"SUMMARY:\\",
        b"SUMMARY",
    ),
    *(
        b'ATTENDEE;CN="a:mailto:x',
        b"ORGANIZER:",
        b"ORGANIZER;:x",
        b"X;Y;Z=:1",
        b"TZOFFSETFROM:+9999",
        b"TZOFFSETTO:x",
    ),
    *(
        b"RRULE:FREQ=YEARLY;BYWEEKNO=53;BYSETPOS=-1",
        b"RRULE:RSCALE=CHINESE;FREQ=YEARLY",
        b"METHOD:REQUEST",
        b"CALSCALE:HEBREW",
    ),
]


def judged(body: bytes) -> Parsed | None:
    """Parse; check that a refusal says what it must, and that an acceptance can be worked with."""
    try:
        parsed = parse(body, default_zone="Asia/Shanghai")
    except (BadInput, Inexpressible) as refusal:
        check_refusal(refusal)
        return None
    assert write_lines(parsed.tree) == parsed.text
    starts_ms, ends_ms, _ = span(parsed.object)
    assert starts_ms <= ends_ms
    fingerprint(parsed.object)
    if parsed.object.master is not None:
        first_occurrences(parsed.object.master, 3)
    assert overlay(parsed.text, parsed.object, parsed.object, dtstamp_ms=0) == parsed.text
    assert (
        parse(write(parsed.object, dtstamp_ms=0).encode(), default_zone="UTC").object.uid == parsed.object.uid
    )
    assert "".join(feed([parsed.text], name="x", detail="busy", ttl_minutes=5)).endswith("END:VCALENDAR\r\n")
    return parsed


def check_refusal(refusal: Refused) -> None:
    assert str(refusal).endswith(".")
    assert "\n" not in str(refusal)
    assert refusal.precondition in PRECONDITIONS
    assert refusal.http_status in {400, 403, 413}


@at_least(500)
@given(body=st.binary(max_size=400) | st.text(max_size=300).map(str.encode))
def test_random_bytes_are_refused_in_words(body: bytes) -> None:
    assert judged(body) is None


@at_least(800)
@given(
    lines=st.lists(st.sampled_from([*LINES, *FRAGMENTS]), max_size=25),
    open_with=st.sampled_from([b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", b"BEGIN:VCALENDAR\r\n", b""]),
)
def test_lines_of_real_texts_in_any_order_are_judged(lines: list[bytes], open_with: bytes) -> None:
    judged(open_with + b"\r\n".join([*lines, b"END:VEVENT", b"END:VCALENDAR", b""]))


@at_least(1_500)
@given(seed=st.integers(0, 2**32))
def test_real_texts_with_damage_are_judged(seed: int) -> None:
    judged(damaged(random.Random(seed)))


@pytest.mark.slow
@at_least(60_000)
@given(seed=st.integers(0, 2**48))
def test_real_texts_with_much_damage_are_judged(seed: int) -> None:
    judged(damaged(random.Random(seed), hits=6))


def damaged(chance: random.Random, hits: int = 3) -> bytes:
    """One sample with a few lines, values or bytes replaced, doubled, swapped or lost."""
    lines = chance.choice(SAMPLES).replace(b"\r\n", b"\n").split(b"\n")
    for _ in range(chance.randint(1, hits)):
        at = chance.randrange(len(lines))
        match chance.randrange(8):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, chance.choice(FRAGMENTS))
            case 2:
                lines[at] = (
                    lines[at].partition(b":")[0] + b":" + chance.choice(LINES + FRAGMENTS).partition(b":")[2]
                )
            case 3:
                lines.insert(at, chance.choice(LINES))
            case 4:
                number = str(chance.choice([0, 1, 13, 32, 99, 2400, 9999, 99999999999])).encode()
                lines[at] = re.sub(rb"\d+", number, lines[at], count=1)
            case 5:
                lines[at] = lines[at].replace(chance.choice([b"=", b";", b":", b"T", b"Z", b"-"]), b"", 1)
            case 6:
                spot = chance.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:spot] + bytes([chance.randrange(256)]) + lines[at][spot + 1 :]
            case _:
                other = chance.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
        lines = lines or [b""]
    return chance.choice([b"\r\n", b"\n"]).join(lines)


@at_least(300)
@given(text=st.text(st.sampled_from('ABE:;="\\, \t\r\n\ufeffä^1'), max_size=80))
def test_lines_that_are_accepted_are_written_as_they_were(text: str) -> None:
    whole = f"BEGIN:X\r\n{text}\r\nEND:X\r\n"
    try:
        tree = read_lines(whole)
    except BadInput:
        return
    assert write_lines(tree) == whole

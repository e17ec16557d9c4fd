"""What real clients send, rebuilt, and what we understand of it.

Set QUEQIAO_UPDATE_GOLDEN=1 to rewrite ``object.txt``; the review happens in the diff.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.ical.fingerprint import same
from bridge.ical.lines import BOM, Line
from bridge.ical.lines import read as read_lines
from bridge.ical.lines import write as write_lines
from bridge.ical.overlay import overlay
from bridge.ical.parse import parse
from bridge.ical.recur import occurrences, rule_to_text, span
from bridge.ical.write import write
from bridge.ical.zones import zone_name

if TYPE_CHECKING:
    from bridge.model.event import CalendarObject, Event

FOLDER = Path(__file__).parent.parent / "golden" / "ical"
CASES = sorted(path.parent for path in FOLDER.glob("*/client.ics"))
UPDATE = os.environ.get("QUEQIAO_UPDATE_GOLDEN") == "1"
ZONE = "Asia/Shanghai"


def moment_text(moment: object) -> str:
    if isinstance(moment, dt.datetime):
        return f"{moment.replace(tzinfo=None).isoformat()} [{zone_name(moment.tzinfo)}]"
    return str(moment)


def describe_event(event: Event) -> list[str]:
    out = [f"event {moment_text(event.start)} to {moment_text(event.end)}"]
    if event.recurrence_id is not None:
        out.append(
            f"  recurrence-id {moment_text(event.recurrence_id)}" + " and future" * event.this_and_future
        )
    out += [f"  rule {rule_to_text(rule)}" for rule in event.recurrence.rules]
    out += [f"  rdate {moment_text(moment)}" for moment in event.recurrence.rdates]
    out += [f"  exdate {moment_text(moment)}" for moment in event.recurrence.exdates]
    for name in ("summary", "description", "rich_description", "location", "url"):
        value = getattr(event, name)
        if value:
            out.append(f"  {name} {value!r}")
    out.append(f"  status {event.status}")
    out += [f"  alarm {alarm.before_start_s} s before the start" for alarm in event.alarms]
    if event.organizer is not None:
        out.append(f"  organizer {event.organizer.name!r} {event.organizer.address}")
    for one in event.attendees:
        optional = " optional" if one.is_optional else ""
        out.append(f"  attendee {one.name!r} {one.address} {one.partstat}{optional}")
    return out


def describe(obj: CalendarObject) -> str:
    out = [f"uid {obj.uid}"]
    for event in obj.events:
        out += describe_event(event)
    starts_ms, ends_ms, recurring = span(obj)
    out.append(f"span {starts_ms} {ends_ms} {'recurring' if recurring else 'single'}")
    window = (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2028, 1, 1, tzinfo=dt.UTC))
    for one in occurrences(obj, *window, limit=20):
        out.append(f"occurs {moment_text(one.start)} to {moment_text(one.end)}")
    return "\n".join(out) + "\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_client_sent_is_understood_as_written_down(case: Path) -> None:
    parsed = parse((case / "client.ics").read_bytes(), default_zone=ZONE)
    described = describe(parsed.object)
    expected = case / "object.txt"
    if UPDATE:
        expected.write_text(described, encoding="utf-8")
    assert described == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_text_is_kept_byte_for_byte(case: Path) -> None:
    body = (case / "client.ics").read_bytes()
    parsed = parse(body, default_zone=ZONE)
    assert parsed.text == body.decode().removeprefix(BOM)
    assert write_lines(parsed.tree) == parsed.text
    assert overlay(parsed.text, parsed.object, parsed.object, dtstamp_ms=1) == parsed.text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_our_own_text_of_it_means_the_same(case: Path) -> None:
    obj = parse((case / "client.ics").read_bytes(), default_zone=ZONE).object
    again = parse(write(obj, dtstamp_ms=0).encode(), default_zone="UTC").object
    assert same(obj, again)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_change_and_its_undoing_leave_the_meaning(case: Path) -> None:
    parsed = parse((case / "client.ics").read_bytes(), default_zone=ZONE)
    changed = dataclasses.replace(
        parsed.object,
        master=None if parsed.object.master is None else shifted(parsed.object.master),
        overrides=tuple(shifted(event) for event in parsed.object.overrides),
    )
    there = overlay(parsed.text, parsed.object, changed, dtstamp_ms=1_000, default_zone=ZONE)
    assert same(parse(there.encode(), default_zone=ZONE).object, changed)
    back = overlay(there, changed, parsed.object, dtstamp_ms=2_000, default_zone=ZONE)
    assert same(parse(back.encode(), default_zone=ZONE).object, parsed.object)
    assert kept_lines(there) >= kept_lines(parsed.text)


def kept_lines(text: str) -> Counter[str]:
    """Everything that :func:`shifted` does not concern: extensions and what no vendor holds."""
    tree = read_lines(text)
    return Counter(
        line.raw
        for component in [tree, *tree.components("VEVENT", "VTIMEZONE")]
        for line in component.children
        if isinstance(line, Line)
        and (
            line.name.startswith("X-")
            or line.name in {"COLOR", "CATEGORIES", "CLASS", "PRIORITY", "TRANSP", "UID"}
        )
    )


def shifted(event: Event) -> Event:
    """Another title, another place, a day later, no alarms."""
    day = dt.timedelta(days=1)
    return dataclasses.replace(
        event,
        summary=event.summary + "!",
        location="",
        start=event.start + day,
        end=event.end + day,
        alarms=(),
    )

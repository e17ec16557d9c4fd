"""A whole calendar object around the example of a row of the fidelity table."""

from __future__ import annotations

import re

from fidelity_box import ME

from bridge.model.fidelity import Section

TIMED = ("DTSTART;TZID=Asia/Shanghai:20260112T100000", "DTEND;TZID=Asia/Shanghai:20260112T110000")
ALL_DAY = ("DTSTART;VALUE=DATE:20260112", "DTEND;VALUE=DATE:20260113")
ALARM = ("BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Reminder", "TRIGGER:-PT15M", "END:VALARM")
GUEST_AND_ME = ("ATTENDEE:mailto:{guest}", "ATTENDEE:mailto:{me}")

SILENT = {
    "TRIGGER at a moment, series",
    "TRIGGER after the start",
    "TRIGGER on the day of an all-day event",
    "RELATED-TO;RELTYPE=SNOOZE",
    "PROXIMITY",
    "ACTION:NONE",
    "X-APPLE-DEFAULT-ALARM",
    "X-APPLE-PROXIMITY",
}
"""Alarms of which the vendor knows nothing; of the others it knows when they ring."""

FOUND_BY_IT = {"EMAIL"}
"""Parameters that say who is meant: without them somebody else is."""

DEFINED = (
    "BEGIN:VTIMEZONE",
    "TZID:Our own",
    "BEGIN:STANDARD",
    "DTSTART:19700101T000000",
    "TZOFFSETFROM:+0800",
    "TZOFFSETTO:+0800",
    "END:STANDARD",
    "END:VTIMEZONE",
)


def example(row, side, uid):
    """Return the row's lines with its people and its UID."""
    names = {"{uid}": uid, "{guest}": side.guest, "{me}": ME}
    lines = list(row.example)
    for name, value in names.items():
        lines = [line.replace(name, value) for line in lines]
    return lines


def frame(row, side, uid, lines=None, summary="Planning"):
    """Return the text of one object with ``lines`` (or the row's example) where the row belongs."""
    lines = example(row, side, uid) if lines is None else lines
    at = {section: [] for section in Section}
    at[row.section] = list(lines)
    if row.section is Section.ALARM and lines and not lines[0].startswith("BEGIN"):
        at[Section.ALARM] = ["BEGIN:VALARM", *lines, "END:VALARM"]
    head = at[Section.CALENDAR]
    version = [] if any(line.startswith("VERSION") for line in head) else ["VERSION:2.0"]
    top = [line for line in at[Section.COMPONENT] if row.name.startswith("V") and " in " not in row.name]
    inside = [] if top else at[Section.COMPONENT]
    times = list(ALL_DAY if "all-day" in row.name and row.section is Section.ALARM else TIMED)
    if row.section is Section.VALUE:
        times = at[Section.VALUE]
    if row.name == "DURATION":
        times = times[:1]
    if row.name == "TRIGGER at a moment, series":
        times.append("RRULE:FREQ=WEEKLY;COUNT=3")
    words = [*at[Section.EVENT], *at[Section.PARAMETER], *at[Section.EXTENSION]]
    title = [] if any(line.startswith("SUMMARY") for line in words) else [f"SUMMARY:{summary}"]
    zones = list(DEFINED) if any("Our own" in line for line in times) else at[Section.ZONE]
    event = [
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTAMP:20260101T000000Z",
        *times,
        *title,
        *words,
        *inside,
        *at[Section.ALARM],
        "END:VEVENT",
    ]
    body = top or event
    return "\r\n".join(
        ["BEGIN:VCALENDAR", *version, "PRODID:-//Test//Client//EN", *head, *zones, *body, "END:VCALENDAR", ""]
    )


def without(row, side, uid):
    """Return the lines that are left when a client takes back the kept part of the example, and only that."""
    lines = example(row, side, uid)
    if row.section is Section.ALARM:
        return [] if row.name in SILENT else list(ALARM)
    if row.section is Section.PARAMETER:
        return lines if row.name in FOUND_BY_IT else [bare(line) for line in lines]
    if row.name == "X-ALT-DESC":
        return lines[:1]
    return []


def bare(line):
    """Return a property without its parameters."""
    name, value = re.fullmatch(r'([A-Z-]+)(?:;[^:"]*(?:"[^"]*"[^:"]*)*)?:(.*)', line).groups()
    return f"{name}:{value}"

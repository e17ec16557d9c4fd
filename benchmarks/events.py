"""A seeded month-in, month-out office calendar: the same seed gives the same bytes everywhere.

Mix (of a few real calendars, rounded): 60 % timed with a zone, 12 % all-day, 13 % bounded series with an EXDATE,
6 % open series, 4 % series with a changed occurrence, 5 % in UTC; most have people and alarms; Chinese and English
text; five years around June 2026.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
MIDDLE = dt.date(2026, 6, 1)
DAYS_EACH_WAY = 912
"""Two and a half years."""

ZONE = """BEGIN:VTIMEZONE
TZID:Asia/Shanghai
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0800
TZOFFSETTO:+0800
TZNAME:CST
END:STANDARD
END:VTIMEZONE
"""
TITLES = (
    "周会",
    "项目评审",
    "1:1",
    "客户拜访",
    "Design review",
    "Sprint planning",
    "面试",
    "午餐",
    "Release",
    "培训",
)
PLACES = ("3 楼会议室", "Room 12", "上海", "Zoom", "北京办公室", "")
NAMES = ("Zhang San", "李四", "Wang Wu", "赵六", "Chen Qi", "Anna", "Bo", "孙八")
WORDS = [
    "讨论",
    "上周",
    "进展",
    "与",
    "下周",
    "计划",
    "budget",
    "numbers",
    "customers",
    "风险",
    "负责人",
    "timeline",
    "附件",
    "见",
    "链接",
    "please",
    "bring",
    "notes",
]


@dataclass(frozen=True, slots=True)
class Sample:
    """One calendar object."""

    href: str
    uid: str
    text: str
    """With CRLF."""


def samples(count: int, seed: int) -> list[Sample]:
    """Return ``count`` objects."""
    chance = random.Random(seed)
    return [_sample(chance, index) for index in range(count)]


def plain(uid: str, *, day: dt.date, title: str, extra: str = "") -> str:
    """Return a simple timed event that every server and vendor takes; for writing."""
    start = dt.datetime.combine(day, dt.time(9), SHANGHAI)
    lines = [f"SUMMARY:{title}", "DTSTART;TZID=Asia/Shanghai:" + _local(start)]
    lines.append("DTEND;TZID=Asia/Shanghai:" + _local(start + dt.timedelta(hours=1)))
    if extra:
        lines.append(extra)
    lines += ["BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Reminder", "TRIGGER:-PT15M", "END:VALARM"]
    return _object(_event(uid, lines), zone=True)


def _sample(chance: random.Random, index: int) -> Sample:
    """Draw one object."""
    uid = f"bench-{index:06d}-{chance.getrandbits(64):016x}"
    kind = chance.random()
    day = MIDDLE + dt.timedelta(days=chance.randint(-DAYS_EACH_WAY, DAYS_EACH_WAY))
    start = dt.datetime.combine(day, dt.time(chance.randint(8, 18), chance.choice((0, 15, 30, 45))), SHANGHAI)
    length = dt.timedelta(minutes=chance.choice((15, 30, 30, 60, 60, 90, 120)))
    common = _common(chance)
    name = f"{index:06d}.ics"
    if kind < 0.60:
        return Sample(name, uid, _object(_event(uid, [*_timed(start, length), *common]), zone=True))
    if kind < 0.72:
        days = chance.choice((1, 1, 1, 2, 5))
        body = [
            f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{day + dt.timedelta(days=days):%Y%m%d}",
        ]
        return Sample(name, uid, _object(_event(uid, [*body, *common]), zone=False))
    if kind < 0.85:
        count = chance.randint(4, 30)
        skipped = start + dt.timedelta(weeks=chance.randint(1, count - 1))
        rule = [f"RRULE:FREQ=WEEKLY;COUNT={count}", f"EXDATE;TZID=Asia/Shanghai:{_local(skipped)}"]
        return Sample(name, uid, _object(_event(uid, [*_timed(start, length), *rule, *common]), zone=True))
    if kind < 0.91:
        rule = [chance.choice(("RRULE:FREQ=WEEKLY", "RRULE:FREQ=DAILY;INTERVAL=2", "RRULE:FREQ=MONTHLY"))]
        return Sample(name, uid, _object(_event(uid, [*_timed(start, length), *rule, *common]), zone=True))
    if kind < 0.95:
        moved = start + dt.timedelta(weeks=2)
        master = _event(uid, [*_timed(start, length), "RRULE:FREQ=WEEKLY;COUNT=12", *common])
        changed = _event(
            uid,
            [
                f"RECURRENCE-ID;TZID=Asia/Shanghai:{_local(moved)}",
                *_timed(moved + dt.timedelta(hours=2), length),
                *common,
            ],
        )
        return Sample(name, uid, _object(master + changed, zone=True))
    utc = start.astimezone(dt.UTC)
    body = [f"DTSTART:{utc:%Y%m%dT%H%M%SZ}", f"DTEND:{utc + length:%Y%m%dT%H%M%SZ}"]
    return Sample(name, uid, _object(_event(uid, [*body, *common]), zone=False))


def _common(chance: random.Random) -> list[str]:
    """Draw title, place, text, people, alarms."""
    lines = [f"SUMMARY:{chance.choice(TITLES)} {chance.randint(1, 99)}"]
    place = chance.choice(PLACES)
    if place:
        lines.append(f"LOCATION:{place}")
    if chance.random() < 0.8:
        lines.append("DESCRIPTION:" + " ".join(chance.choices(WORDS, k=chance.randint(5, 80))))
    if chance.random() < 0.7:
        lines.append("ORGANIZER;CN=Boss:mailto:boss@example.com")
        lines += [
            f"ATTENDEE;CN={chance.choice(NAMES)};PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:p{number}@example.com"
            for number in range(chance.randint(1, 8))
        ]
    if chance.random() < 0.6:
        minutes = chance.choice((5, 10, 15, 30, 60))
        lines += [
            "BEGIN:VALARM",
            "ACTION:DISPLAY",
            "DESCRIPTION:Reminder",
            f"TRIGGER:-PT{minutes}M",
            "END:VALARM",
        ]
    return lines


def _timed(start: dt.datetime, length: dt.timedelta) -> list[str]:
    """Return DTSTART and DTEND with a zone."""
    zone = "TZID=Asia/Shanghai"
    return [f"DTSTART;{zone}:{_local(start)}", f"DTEND;{zone}:{_local(start + length)}"]


def _local(moment: dt.datetime) -> str:
    """Write a local time."""
    return f"{moment:%Y%m%dT%H%M%S}"


def _event(uid: str, lines: list[str]) -> str:
    """Return one VEVENT."""
    head = [
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTAMP:20260101T000000Z",
        "CREATED:20260101T000000Z",
        "SEQUENCE:0",
    ]
    return "\n".join([*head, *lines, "END:VEVENT"]) + "\n"


def _object(events: str, *, zone: bool) -> str:
    """Return a whole object with CRLF and folded lines."""
    text = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Queqiao//Benchmark//EN\n"
    text += (ZONE if zone else "") + events + "END:VCALENDAR\n"
    return "".join(_folded(line) for line in text.splitlines())


def _folded(line: str) -> str:
    """Fold a line at 75 octets (RFC 5545 3.1)."""
    out, piece, room = [], "", 75
    for char in line:
        if len((piece + char).encode()) > room:
            out.append(piece)
            piece, room = "", 74
        piece += char
    return "\r\n ".join([*out, piece]) + "\r\n"

"""What clients write: events, series, and the exceptions they make in them."""

from __future__ import annotations

import datetime as dt
import re

from things import unfolded

STAMP = "%Y%m%dT%H%M%S"
RULE = re.compile(r"RRULE:FREQ=(DAILY|WEEKLY);COUNT=(\d+)\r?\n")
ALARM = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT7M\r\nEND:VALARM\r\n"
TIMES = r"(TZID=Asia/Shanghai[^:\r\n]*:)([0-9T,]+)"


def text_of(number, title, start, minutes, *lines):
    end = start + dt.timedelta(minutes=minutes)
    return "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Simulated//Client//EN",
            "BEGIN:VEVENT",
            f"UID:t{number}@sim",
            "DTSTAMP:20261201T000000Z",
            f"DTSTART;TZID=Asia/Shanghai:{start:{STAMP}}",
            f"DTEND;TZID=Asia/Shanghai:{end:{STAMP}}",
            f"SUMMARY:{title}",
            *lines,
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
    )


def shifted(text, minutes):
    """Return a text with its start and end moved, and the names of its exceptions with them."""
    text = unfolded(text)
    first = text.find("END:VEVENT")
    head, rest = text[:first], text[first:]
    for name in ("DTSTART", "DTEND", "EXDATE"):
        head = re.sub(f"({name};){TIMES}", lambda m: m[1] + m[2] + _later(m[3], minutes), head)
    rest = re.sub(f"(RECURRENCE-ID;){TIMES}", lambda m: m[1] + m[2] + _later(m[3], minutes), rest)
    return head + rest


def _later(times, minutes):
    return ",".join(
        f"{dt.datetime.strptime(one, STAMP) + dt.timedelta(minutes=minutes):{STAMP}}"  # noqa: DTZ007
        for one in times.split(",")
    )


def with_alarm(text):
    return text.replace("END:VEVENT", ALARM + "END:VEVENT", 1) if "-PT7M" not in text else text


def with_answer(text, mail, answer):
    """Return a text in which one of those invited says something else, or None if they are not invited."""
    text = unfolded(text)
    found = re.search(rf"ATTENDEE[^\r\n]*:mailto:{re.escape(mail)}", text, re.IGNORECASE)
    if found is None:
        return None
    line = re.sub(r";PARTSTAT=[A-Z-]+", "", found[0])
    return text.replace(found[0], line.replace("ATTENDEE", f"ATTENDEE;PARTSTAT={answer}", 1), 1)


def with_exception(text, pick, title):
    """Return a series with one more exception: without an occurrence, or (``title``) with another title for it.

    ``pick`` chooses among the occurrences that are not exceptions; None where the series has none left but one.
    """
    text = unfolded(text)
    first = text.find("END:VEVENT")
    master = text[text.find("BEGIN:VEVENT") : first]
    rule, begins = RULE.search(master), re.search(f"DTSTART;{TIMES}", master)
    ends = re.search(f"DTEND;{TIMES}", master)
    if rule is None or begins is None or ends is None:
        return None
    step = dt.timedelta(days=1 if rule[1] == "DAILY" else 7)
    start, end = (dt.datetime.strptime(m[2], STAMP) for m in (begins, ends))  # noqa: DTZ007
    taken = set(
        ",".join(times for _, times in re.findall(f"(?:EXDATE|RECURRENCE-ID);{TIMES}", text)).split(",")
    )
    free = [n for n in range(int(rule[2])) if f"{start + n * step:{STAMP}}" not in taken]
    if len(free) < 2:
        return None
    at = pick(free) * step
    stamp = f"{start + at:{STAMP}}"
    if title is None:
        return f"{text[:first]}EXDATE;TZID=Asia/Shanghai:{stamp}\r\n{text[first:]}"
    override = RULE.sub("", re.sub(r"EXDATE[^\r\n]*\r?\n", "", master))
    override = override.replace(begins[0], f"DTSTART;TZID=Asia/Shanghai:{stamp}")
    override = override.replace(ends[0], f"DTEND;TZID=Asia/Shanghai:{end + at:{STAMP}}")
    override = re.sub(r"SUMMARY:[^\r\n]*", f"SUMMARY:{title}", override)
    named = f"RECURRENCE-ID;TZID=Asia/Shanghai:{stamp}\r\n"
    last = text.rfind("END:VCALENDAR")
    return f"{text[:last]}{override}{named}END:VEVENT\r\n{text[last:]}"

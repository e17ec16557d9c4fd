"""Our answers held against Radicale's own, from the same storage: same objects, same tags, same data."""

import base64
import datetime as dt
import io
import sys

import icalendar
import pytest
from davkit import NS, Answer, calendar, event, tag, times, vevent
from radicale import config
from radicale.app import Application

import radicale_plugin
from bridge.engine.api import Login
from radicale_plugin.app import build_dav_app
from radicale_plugin.setup import shipped

ZONE = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\n"
ZONE += "TZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\n"
ZONE += "DTSTART:19700329T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n"
ZONE += "END:DAYLIGHT\r\nEND:VTIMEZONE\r\n"

OBJECTS = {
    "a.ics": event("a", "SUMMARY:Tea & 茶", "CATEGORIES:x,y"),
    "b c.ics": event("b", start="20260701T000000Z", end="20260701T010000Z"),
    "daily.ics": event("daily", "RRULE:FREQ=DAILY;COUNT=10", "EXDATE:20260604T010000Z"),
    "berlin.ics": event("berlin", "RRULE:FREQ=WEEKLY", start="20260302T080000Z", end="20260302T090000Z")
    .replace("DTSTART:20260302T080000Z", "DTSTART;TZID=Europe/Berlin:20260302T090000")
    .replace("DTEND:20260302T090000Z", "DTEND;TZID=Europe/Berlin:20260302T100000")
    .replace("BEGIN:VEVENT", ZONE + "BEGIN:VEVENT"),
    "moved.ics": calendar(
        ["UID:moved", "DTSTAMP:20260101T000000Z", "DTSTART:20260601T010000Z", "DTEND:20260601T020000Z",
         "RRULE:FREQ=DAILY;COUNT=5"],
        ["UID:moved", "DTSTAMP:20260101T000000Z", "RECURRENCE-ID:20260603T010000Z", "DTSTART:20260610T050000Z",
         "DTEND:20260610T060000Z", "SUMMARY:moved"]),
    "day.ics": event("day", start="20260615", end="20260616"),
}  # fmt: skip
BODIES = {
    "PROPFIND 1": ("PROPFIND", "1", "<D:propfind {ns}><D:prop><D:getetag/><D:resourcetype/><D:getcontentlength/></D:prop></D:propfind>"),
    "PROPFIND 0": ("PROPFIND", "0", "<D:propfind {ns}><D:prop><D:displayname/><CS:getctag/><D:sync-token/><D:getlastmodified/>"
                   "<ICAL:calendar-color/><C:supported-calendar-component-set/><D:nothing/></D:prop></D:propfind>"),
    "sync": ("REPORT", "1", "<D:sync-collection {ns}><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop>"
             "</D:sync-collection>"),
    "sync from a token": ("REPORT", "1", "<D:sync-collection {ns}><D:sync-token>http://queqiao.invalid/sync/e1-4</D:sync-token>"
                          "<D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>"),
    "multiget": ("REPORT", "1", "<C:calendar-multiget {ns}><D:prop><D:getetag/><C:calendar-data/><D:x/></D:prop>"
                 "<D:href>/alice/work/a.ics</D:href><D:href>/alice/work/b%20c.ics</D:href><D:href>/alice/work/none.ics</D:href>"
                 "</C:calendar-multiget>"),
    "query all": ("REPORT", "1", f"<C:calendar-query {{ns}}><D:prop><D:getetag/></D:prop><C:filter>{vevent()}</C:filter>"
                  "</C:calendar-query>"),
    "query a week": ("REPORT", "1", "<C:calendar-query {ns}><D:prop><D:getetag/><C:calendar-data/></D:prop><C:filter>"
                     + vevent(times("20260601T000000Z", "20260608T000000Z")) + "</C:filter></C:calendar-query>"),
    "query from": ("REPORT", "1", "<C:calendar-query {ns}><D:prop><D:getetag/></D:prop><C:filter>"
                   + vevent(times("20260609T000000Z")) + "</C:filter></C:calendar-query>"),
    "query text": ("REPORT", "1", "<C:calendar-query {ns}><D:prop><D:getetag/></D:prop><C:filter>"
                   + vevent('<C:prop-filter name="SUMMARY"><C:text-match>tea</C:text-match></C:prop-filter>')
                   + "</C:filter></C:calendar-query>"),
    "query tasks": ("REPORT", "1", "<C:calendar-query {ns}><D:prop><D:getetag/></D:prop><C:filter><C:comp-filter "
                    'name="VCALENDAR"><C:comp-filter name="VTODO"/></C:comp-filter></C:filter></C:calendar-query>'),
}  # fmt: skip
XMLNS = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())


@pytest.fixture
def ask(service):
    """Return a function that asks both, and both answers."""
    for name, text in OBJECTS.items():
        service.seed(1, name, text)
    service.seed(1, "gone.ics", event("gone"))
    service.delete(1, "gone.ics", Login(user="alice"))
    made = shipped(service, object_bytes_max=1_000_000, body_bytes_max=2_000_000)
    made.update({"auth": {"type": lambda one: radicale_plugin.Auth(one, service)}}, "test")
    assert isinstance(made, config.Configuration)
    applications = build_dav_app(service), Application(made)

    def both(method, depth, body):
        raw = body.replace("{ns}", XMLNS).encode()
        answers = []
        for application in applications:
            environ = {
                "REQUEST_METHOD": method, "PATH_INFO": "/alice/work/", "SCRIPT_NAME": "", "SERVER_PROTOCOL": "HTTP/1.1",
                "HTTP_DEPTH": depth, "CONTENT_LENGTH": str(len(raw)), "wsgi.input": io.BytesIO(raw), "wsgi.errors": sys.stderr,
                "HTTP_AUTHORIZATION": "Basic " + base64.b64encode(b"alice:pw").decode(),
                "queqiao.login": Login(user="alice"),
            }  # fmt: skip
            seen = []
            parts = application(environ, lambda status, headers, seen=seen: seen.append((status, headers)))
            answers.append(Answer(int(seen[0][0][:3]), dict(seen[0][1]), b"".join(parts)))
        return answers

    return both


def told(answer):
    """Return href -> status, values of what was found, names of what was not."""
    return {
        href: (part.status, {name: flat(one) for name, one in part.found.items()}, part.missing)
        for href, part in answer.parts.items()
    }


def flat(element):
    text = (
        (element.text or "").replace("\r\n", "\n").strip()
    )  # Radicale leaves line ends to the parser, which drops CR
    return text, sorted(child.tag + str(child.attrib) for child in element)


@pytest.mark.parametrize("name", BODIES)
def test_our_answer_says_what_radicales_says(ask, name):
    ours, theirs = ask(*BODIES[name])
    assert ours.status == theirs.status == 207
    expected = told(theirs)
    if name == "PROPFIND 1":  # the length of a whole calendar costs its rendering, and nobody asks for it
        length = tag("D:getcontentlength")
        del expected["/alice/work/"][1][length]
        expected["/alice/work/"][2].add(length)
    assert told(ours) == expected
    assert ours.token == theirs.token


@pytest.mark.parametrize("days", [("01", "02"), ("03", "05"), ("08", "11"), ("14", "16")])
def test_our_expansion_shows_what_radicales_shows(ask, days):
    start, end = (f"202606{day}T000000Z" for day in days)
    ours, theirs = ask(
        "REPORT",
        "1",
        f'<C:calendar-query {{ns}}><D:prop><C:calendar-data><C:expand start="{start}" end="{end}"/></C:calendar-data></D:prop>'
        f"<C:filter>{vevent(times(start, end))}</C:filter></C:calendar-query>",
    )
    assert ours.status == theirs.status == 207
    inside = {
        one
        for one in occurrences(theirs)
        if one[2] > f"2026-06-{days[0]}T" and one[1] < f"2026-06-{days[1]}T"
    }
    assert occurrences(ours) == inside  # Radicale also shows what was moved out of the span
    assert inside


def occurrences(answer):
    found = set()
    for href, part in answer.parts.items():
        for one in icalendar.Calendar.from_ical(part.found[tag("C:calendar-data")].text).walk("VEVENT"):
            found.add(
                (href, *(in_utc(one[name].dt) for name in ("DTSTART", "DTEND")), str(one.get("SUMMARY", "")))
            )
    return found


def in_utc(moment):
    return moment.astimezone(dt.UTC).isoformat() if hasattr(moment, "hour") else moment.isoformat()

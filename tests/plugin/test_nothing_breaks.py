"""Spoiled requests of every kind, by a seeded die: whatever a client sends is never answered with 5xx."""

import random

import pytest
from davkit import NS, calendar, event, times, vevent

XMLNS = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())
DATA = '<D:prop><D:getetag/><C:calendar-data><C:expand start="20260601T000000Z" end="20260701T000000Z"/></C:calendar-data></D:prop>'
RICH = event(
    "rich", "SUMMARY:Tea\\, 茶", "BEGIN:VALARM", "TRIGGER:-PT30M", "REPEAT:2", "DURATION:PT5M", "END:VALARM"
)
HARD = vevent(
    times("20260601T000000Z", "20260701T000000Z")
    + '<C:prop-filter name="SUMMARY"><C:text-match collation="i;octet" negate-condition="yes">tea</C:text-match></C:prop-filter>'
    + f'<C:comp-filter name="VALARM">{times("20260601T000000Z", "20260701T000000Z")}</C:comp-filter>'
)
REQUESTS = {
    "PROPFIND": ["<D:propfind {ns}><D:prop><D:displayname/><C:calendar-home-set/></D:prop></D:propfind>"],
    "REPORT": [
        f"<C:calendar-query {{ns}}>{DATA}<C:filter>{HARD}</C:filter><C:timezone-id>Europe/Berlin</C:timezone-id></C:calendar-query>",
        f"<C:calendar-multiget {{ns}}>{DATA}<D:href>/dav/alice/work/r.ics</D:href><D:href>x</D:href></C:calendar-multiget>",
        "<D:sync-collection {ns}><D:sync-token>http://queqiao.invalid/sync/e1-1</D:sync-token><D:prop><D:getetag/></D:prop>"
        "</D:sync-collection>",
        f"<C:free-busy-query {{ns}}>{times('20260601T000000Z', '20260701T000000Z')}</C:free-busy-query>",
    ],
    "PROPPATCH": [
        "<D:propertyupdate {ns}><D:set><D:prop><D:displayname>x</D:displayname><CS:y><C:z/></CS:y></D:prop></D:set></D:propertyupdate>"
    ],
    "MKCALENDAR": [
        "<C:mkcalendar {ns}><D:set><D:prop><D:displayname>x</D:displayname></D:prop></D:set></C:mkcalendar>"
    ],
    "PUT": [RICH, event("d", "RRULE:FREQ=DAILY", "EXDATE:20260603T010000Z")],
    "MOVE": [""],
}
PIECES = [
    "<D:prop/>", "", "<D:href/>", "<D:href>http://[</D:href>", "<D:href>%FF</D:href>", "<!-- x -->", "<?pi x?>", "name=''",
    "start='99991231T235959Z'", "start='00010101T000000Z'", "&#0;", "<q/>", "\0", "茶", "]]>", "20260230T000000Z", "-", "1",
    "RRULE:FREQ=SECONDLY", "DTSTART;TZID=Nowhere/X:20260101T000000", "RRULE:FREQ=YEARLY;BYDAY=5MO;COUNT=999999", "END:VEVENT",
    "BEGIN:VEVENT", "DURATION:P99999W", "TRIGGER:P1D",
]  # fmt: skip
PATHS = [
    "/dav/",
    "/dav/alice/",
    "/dav/alice/work/",
    "/dav/alice/work/r.ics",
    "/dav/alice/work/none.ics",
    "/dav/alice/new/",
]
HEADERS = {
    "Depth": ["0", "1", "infinity", "x", ""], "If-Match": ['"x"', "*", 'W/"x"', '"', ""], "If-None-Match": ["*", '"a"'],
    "Destination": ["/dav/alice/second/x.ics", "http://x/", "", "%", "//[", "/dav"], "Overwrite": ["T", "F", "x"],
    "Content-Type": ["text/calendar; charset=utf-16", "text/xml; charset=klingon", "x"], "Accept-Encoding": ["gzip"],
}  # fmt: skip


def spoiled(text, dice):
    for _ in range(dice.choice([0, 1, 1, 2, 4])):
        start = dice.randrange(len(text) + 1)
        end = min(len(text), start + dice.choice([0, 1, 5, 40]))
        text = text[:start] + dice.choice([*PIECES, text[start:end] * 3]) + text[end:]
    return text


@pytest.mark.parametrize("seed", range(6))
def test_no_request_is_answered_with_a_server_error(box, dav, seed):
    dice = random.Random(seed)
    box.service.seed(1, "r.ics", RICH)
    box.service.seed(1, "d.ics", event("d", "RRULE:FREQ=DAILY"))
    only = ["UID:o", "RECURRENCE-ID:20260602T050000Z", "DTSTART:20260602T060000Z", "DTEND:20260602T070000Z"]
    box.service.seed(1, "o.ics", calendar(only))
    statuses = set()
    for _ in range(400):
        method = dice.choice(["REPORT", *REQUESTS])
        body = spoiled(dice.choice(REQUESTS[method]).replace("{ns}", XMLNS), dice)
        chosen = {name: dice.choice(values) for name, values in HEADERS.items() if dice.random() < 0.1}
        answer = dav(method, dice.choice([*PATHS, PATHS[2], PATHS[3]]), body, **chosen)
        assert answer.status < 500 or answer.status == 502, (method, body, chosen)
        if answer.status == 207 and answer.headers["Content-Encoding"] is None:
            assert answer.xml is not None
        statuses.add(answer.status)
    assert {207, 400, 403} <= statuses

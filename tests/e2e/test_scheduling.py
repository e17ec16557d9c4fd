"""A colleague's free hour, asked by a client of the real daemon: one answer from both vendors, and few billed calls."""

import re
from xml.etree import ElementTree as ET

from harness import CALDAV, DAV, DAY, event, until

BUSY = f"{DAY:%Y%m%d}"
ASK = "\r\n".join(
    [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Test//Client//EN", "METHOD:REQUEST", "BEGIN:VFREEBUSY", "UID:ask-1",
        "DTSTAMP:20261101T000000Z", f"DTSTART:{BUSY}T000000Z", f"DTEND:{BUSY}T160000Z", "ORGANIZER:mailto:alice@example.com",
        "ATTENDEE:mailto:{0}", "END:VFREEBUSY", "END:VCALENDAR", "",
    ]
)  # fmt: skip


def busy_times(client, address):
    """Return (status, busy periods) of somebody, as the outbox of the client's user tells."""
    home = f"/dav/{client.user}/"
    body = (
        '<D:propfind xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:schedule-outbox-URL/>'
        "</D:prop></D:propfind>"
    )
    found = ET.fromstring(client.request("PROPFIND", home, body, {"Depth": "0"}).text)
    outbox = found.findtext(f".//{CALDAV}schedule-outbox-URL/{DAV}href")
    answer = client.request(
        "POST", outbox, ASK.format(address), {"Content-Type": "text/calendar; charset=utf-8"}
    )
    assert answer.status_code == 200, answer.text
    (response,) = ET.fromstring(answer.text)
    data = response.findtext(f"{CALDAV}calendar-data") or ""
    periods = re.findall(r"FREEBUSY;FBTYPE=(\S+?):(\S+)", data.replace("\r\n ", ""))
    return response.findtext(f"{CALDAV}request-status"), periods


def test_a_colleague_is_busy_where_either_vendor_says_so_and_strangers_are_not_asked_about(running, vendors):
    _bridge, clients = running
    alice, bob = clients["alice"], clients["bob"]
    until(lambda: len(bob.calendars()) == 2)
    ding = next(path for path in bob.calendars() if "dingtalk" in path)
    wecom = next(path for path in bob.calendars() if "wecom" in path)
    # Bob's own secrets: at DingTalk 10 to 11 in Shanghai, at WeCom at noon.
    assert bob.put(f"{ding}a.ics", event("a", summary="secret")).status_code == 201
    later = event("b", start=f"{BUSY}T120000", end=f"{BUSY}T123000", summary="secret")
    assert bob.put(f"{wecom}b.ics", later).status_code == 201
    vendors[1].forget_calls()
    status, periods = busy_times(alice, "bob@example.com")
    assert status == "2.0;Success"
    assert periods == [
        ("BUSY", f"{BUSY}T020000Z/{BUSY}T030000Z"),
        ("BUSY", f"{BUSY}T040000Z/{BUSY}T043000Z"),
    ]
    assert busy_times(alice, "BOB@example.com") == (status, periods)
    asked = [call for call in vendors[1].calls() if "schedule" in call["endpoint"].lower()]
    assert len(asked) == 1
    assert busy_times(alice, "stranger@elsewhere.example") == ("3.7;Invalid calendar user", [])
    assert [call for call in vendors[1].calls() if "schedule" in call["endpoint"].lower()] == asked


def test_an_ill_vendor_leaves_what_the_bridge_holds_or_says_later(running, vendors):
    _bridge, clients = running
    alice, bob = clients["alice"], clients["bob"]
    until(lambda: len(bob.calendars()) == 2)
    ding = next(path for path in bob.calendars() if "dingtalk" in path)
    assert bob.put(f"{ding}a.ics", event("a")).status_code == 201
    vendors[1].fault(
        kind="error", code="ServiceUnavailable", status=503, match="querySchedule", count=-1, when="before"
    )
    assert busy_times(alice, "bob@example.com") == (
        "2.0;Success",
        [("BUSY", f"{BUSY}T020000Z/{BUSY}T030000Z")],
    )

"""A colleague's free hour, asked by a client of the real daemon: one answer from both vendors, and few billed calls."""

import re
from xml.etree import ElementTree as ET

from harness import CALDAV, DAV, DAY, event, run_bridge, until

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


def test_an_invitation_goes_out_is_answered_and_does_not_hold_up_the_organizer(stack, vendors, tmp_path):
    _bridge, clients = run_bridge(stack, vendors, tmp_path, poll_s=1.0, poll_billed_s=1.0)
    alice, bob = clients["alice"], clients["bob"]
    until(lambda: len(alice.calendars()) == len(bob.calendars()) == 2)
    mine, theirs = (next(p for p in one.calendars() if "dingtalk" in p) for one in (alice, bob))
    people = ["ORGANIZER:mailto:alice@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com",
              "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob@example.com"]  # fmt: skip
    made = alice.put(f"{mine}m.ics", event("m", lines=people))
    tag = made.headers["Schedule-Tag"]
    assert made.status_code == 201

    # It is in Bob's calendar under the same UID, without a message in his inbox.
    def arrived():
        bodies = ((path, bob.request("GET", path).text) for path in hrefs(bob, theirs))
        return next((found for found in bodies if "UID:m\r\n" in found[1]), None)

    path, text = until(arrived)
    inbox = bob.request("PROPFIND", "/dav/bob/schedule-inbox/", None, {"Depth": "1"})
    assert inbox.text.count("<D:response>") == 1
    before = bob.request("GET", path).headers["Schedule-Tag"]
    answered = re.sub(r"(ATTENDEE[^:]*;PARTSTAT=)NEEDS-ACTION", r"\1ACCEPTED", text.replace("\r\n ", ""))
    assert answered != text.replace("\r\n ", "")
    done = bob.put(path, answered, **{"If-Schedule-Tag-Match": before})
    assert done.status_code == 204, done.text
    # Alice sees the answer; her tag is the same, and an edit under it goes through and keeps the answer.
    until(lambda: alice.request("GET", f"{mine}m.ics").text.count("PARTSTAT=ACCEPTED") == 2)
    got = alice.request("GET", f"{mine}m.ics")
    assert got.headers["Schedule-Tag"] == tag
    assert got.headers["ETag"] != made.headers.get("ETag")
    edit = event("m", lines=people, summary="Moved to room 2")
    changed = alice.put(f"{mine}m.ics", edit, **{"If-Schedule-Tag-Match": tag})
    assert changed.status_code == 204, changed.text
    after = alice.request("GET", f"{mine}m.ics")
    assert "SUMMARY:Moved to room 2" in after.text
    assert after.text.count("PARTSTAT=ACCEPTED") == 2
    assert after.headers["Schedule-Tag"] != tag
    assert alice.put(f"{mine}m.ics", edit, **{"If-Schedule-Tag-Match": tag}).status_code == 412
    until(lambda: "SUMMARY:Moved to room 2" in bob.request("GET", path).text)


def hrefs(client, calendar):
    found = ET.fromstring(client.request("PROPFIND", calendar, None, {"Depth": "1"}).text)
    return [one.findtext(f"{DAV}href") for one in found if one.findtext(f"{DAV}href") != calendar]

"""Two people: neither can see or touch the other's collections, by any method."""

import pytest
from harness import event

METHODS = [
    ("GET", None),
    ("HEAD", None),
    ("OPTIONS", None),
    ("PROPFIND", b""),
    ("DELETE", None),
    ("PUT", b"x"),
    ("POST", b"x"),
    (
        "PROPPATCH",
        b"<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop><D:displayname>x</D:displayname></D:prop></D:set></D:propertyupdate>",
    ),
    (
        "REPORT",
        b"<C:calendar-query xmlns:C='urn:ietf:params:xml:ns:caldav' xmlns:D='DAV:'><D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name='VCALENDAR'/></C:filter></C:calendar-query>",
    ),
    (
        "REPORT",
        b"<D:sync-collection xmlns:D='DAV:'><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>",
    ),
    ("MKCALENDAR", b""),
    ("MKCOL", b""),
    ("MOVE", None),
    ("COPY", None),
    ("LOCK", b""),
]


@pytest.mark.parametrize("where", ["home", "calendar", "event", "nothing"])
def test_no_method_shows_or_touches_the_others(running, vendors, where):
    _bridge, clients = running
    alice, bob = clients["alice"], clients["bob"]
    (calendar, *_others) = alice.calendars()
    text = event("u1", summary="Alice only")
    assert alice.put(f"{calendar}u1.ics", text).status_code == 201
    path = {
        "home": "/dav/alice/",
        "calendar": calendar,
        "event": f"{calendar}u1.ics",
        "nothing": "/dav/nobody/x/",
    }[where]
    own = bob.calendars()[0]
    for method, body in METHODS:
        headers = {"Depth": "1", "Destination": f"{bob.base}{own}stolen.ics"}
        answer = bob.request(method, path, body, headers)
        assert answer.status_code in (403, 404, 405, 501) or (method == "OPTIONS" and not answer.text), (
            method,
            answer.status_code,
        )
        assert "Alice only" not in answer.text
        assert "u1.ics" not in answer.text
    assert bob.put(f"{own}mine.ics", event("u2")).status_code == 201
    moved = bob.request("MOVE", f"{own}mine.ics", None, {"Destination": f"{bob.base}{calendar}put-there.ics"})
    assert moved.status_code in (403, 404)
    assert alice.get(f"{calendar}u1.ics").text == text
    assert alice.get(f"{calendar}put-there.ics").status_code == 404


def test_without_a_password_nothing_answers(running):
    bridge, clients = running
    for method, body in METHODS:
        answer = clients["alice"].http.request(
            method, f"{bridge.url}/dav/alice/", content=body, auth=("alice", "wrong")
        )
        assert answer.status_code in (401, 429)

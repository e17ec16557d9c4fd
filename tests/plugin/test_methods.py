"""Every method, asked for what it is for."""

import pytest
from davkit import calendar, event, tag, times, vevent

WORK = "/dav/alice/work/"


def test_options_says_what_can_be_done(dav):
    answer = dav("OPTIONS", WORK)
    assert answer.status == 200
    assert {"PUT", "REPORT", "MKCALENDAR"} <= set(answer.headers["Allow"].split(", "))
    assert "calendar-access" in answer.headers["DAV"]
    assert "2" not in answer.headers["DAV"].split(", ")  # no locks


def test_put_makes_and_changes_an_object_and_get_returns_its_bytes(dav):
    text = event("a", "SUMMARY:Tea & 茶")
    made = dav.put(WORK + "a.ics", text)
    assert made.status == 201
    again = dav.put(WORK + "a.ics", event("a", "SUMMARY:Coffee"), If_Match=made.headers["ETag"])
    assert (again.status, again.body) == (204, b"")
    got = dav("GET", WORK + "a.ics")
    assert got.status == 200
    assert got.body == event("a", "SUMMARY:Coffee").encode()
    assert got.headers["ETag"] == again.headers["ETag"] != made.headers["ETag"]
    assert got.headers["Content-Type"].startswith("text/calendar")
    assert got.headers["Last-Modified"].endswith("GMT")


def test_put_hands_the_engine_the_very_bytes_of_the_client(box, dav):
    seen = []
    put = box.service.put
    box.service.put = lambda number, href, body, login, **more: (
        seen.append((href, body, login, more)) or put(number, href, body, login, **more)
    )
    text = event("a", "x-odd;Param=1:kept as it is").replace("\r\n", "\n")
    dav.put(WORK + "a.ics", text, If_None_Match="*")
    href, body, login, more = seen[0]
    assert (href, body) == ("a.ics", text.encode())
    assert (login.user, login.device) == ("alice", "test")
    assert more == {"if_match": None, "if_none_match": "*"}


def test_head_is_get_without_its_body(box, dav):
    box.service.seed(1, "a.ics", event())
    for path in (WORK + "a.ics", WORK):
        got, head = dav("GET", path), dav("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["ETag"] == got.headers["ETag"]
        assert head.headers["Content-Length"] == str(len(got.body))


def test_get_answers_304_to_who_has_the_version(box, dav):
    box.service.seed(1, "a.ics", event())
    for path in (WORK + "a.ics", WORK):
        etag = dav("GET", path).headers["ETag"]
        for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            answer = dav("GET", path, If_None_Match=known)
            assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag)
        assert dav("GET", path, If_None_Match='"x"').status == 200


def test_get_on_a_calendar_returns_all_its_events_and_each_zone_once(box, dav):
    zone = "BEGIN:VTIMEZONE\r\nTZID:Asia/Shanghai\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
    zone += "TZOFFSETFROM:+0800\r\nTZOFFSETTO:+0800\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT"
    for uid in "ab":
        text = event(uid).replace("DTSTART:20260602T010000Z", "DTSTART;TZID=Asia/Shanghai:20260602T090000")
        box.service.seed(1, f"{uid}.ics", text.replace("BEGIN:VEVENT", zone))
    answer = dav("GET", WORK)
    text = answer.body.decode()
    assert text.count("BEGIN:VCALENDAR") == text.count("BEGIN:VTIMEZONE") == 1
    assert text.count("BEGIN:VEVENT") == 2
    assert "X-WR-CALNAME;VALUE=TEXT:Work\r\n" in text
    assert "attachment" in answer.headers["Content-Disposition"]


def test_delete_removes_an_object(box, dav):
    box.service.seed(1, "a.ics", event())
    answer = dav("DELETE", WORK + "a.ics")
    assert (answer.status, answer.body) == (204, b"")
    assert dav("GET", WORK + "a.ics").status == 404
    assert dav("DELETE", WORK + "a.ics").status == 404


def test_move_takes_an_object_to_another_calendar(box, dav):
    box.service.seed(1, "a.ics", event("a"))
    to = f"{box.url}/dav/alice/second/b.ics"
    assert dav("MOVE", WORK + "a.ics", Destination=to).status == 201
    assert dav("GET", WORK + "a.ics").status == 404
    assert dav("GET", "/dav/alice/second/b.ics").body == event("a").encode()


def test_move_over_an_object_needs_leave(box, dav):
    box.service.seed(1, "a.ics", event("a"))
    box.service.seed(1, "b.ics", event("b"))
    to = "/dav/alice/work/b.ics"  # a path is a Destination, too
    assert dav("MOVE", WORK + "a.ics", Destination=to, Overwrite="F").status == 412
    assert dav("GET", WORK + "b.ics").body == event("b").encode()
    assert dav("MOVE", WORK + "a.ics", Destination=to).status == 204
    assert dav("GET", WORK + "b.ics").body == event("a").encode()


def test_mkcalendar_makes_a_calendar_with_its_properties(box, dav):
    body = (
        '<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:I="http://apple.com/ns/ical/">'
        "<D:set><D:prop><D:displayname>新日历</D:displayname><I:calendar-color>#FF0000FF</I:calendar-color>"
        '<C:supported-calendar-component-set><C:comp name="VEVENT"/></C:supported-calendar-component-set>'
        "</D:prop></D:set></C:mkcalendar>"
    )
    assert dav("MKCALENDAR", "/dav/alice/new/", body).status == 201
    made = box.service.collection("alice", "new")
    assert dict(made.props) == {"D:displayname": "新日历", "ICAL:calendar-color": "#FF0000FF"}
    part = dav.propfind("/dav/alice/new/", "D:displayname", "ICAL:calendar-color").parts["/dav/alice/new/"]
    assert part.text("D:displayname") == "新日历"


def test_mkcalendar_needs_no_body(box, dav):
    assert dav("MKCALENDAR", "/dav/alice/plain").status == 201
    assert box.service.collection("alice", "plain") is not None


def test_extended_mkcol_makes_a_calendar(box, dav):
    body = (
        '<D:mkcol xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop>'
        "<D:resourcetype><D:collection/><C:calendar/></D:resourcetype><D:displayname>N</D:displayname>"
        "</D:prop></D:set></D:mkcol>"
    )
    assert dav("MKCOL", "/dav/alice/new/", body).status == 201
    assert box.service.collection("alice", "new").props["D:displayname"] == "N"


def test_multiget_returns_what_is_there_and_404_for_the_rest(box, dav):
    box.service.seed(1, "a.ics", event("a", "SUMMARY:<b> & 茶"))
    box.service.seed(1, "b.ics", event("b"))
    answer = dav.multiget(
        WORK, WORK + "a.ics", f"{box.url}{WORK}b.ics", WORK + "none.ics", "/elsewhere/x.ics", ""
    )
    parts = answer.parts
    assert answer.status == 207
    assert parts[WORK + "a.ics"].text("C:calendar-data") == event("a", "SUMMARY:<b> & 茶")
    assert parts[WORK + "a.ics"].text("D:getetag") == dav("GET", WORK + "a.ics").headers["ETag"]
    assert parts[WORK + "b.ics"].text("C:calendar-data") == event("b")
    assert parts[WORK + "none.ics"].status == 404
    assert parts["/elsewhere/x.ics"].status == 404
    assert box.service.calls.count("get_many") == 1


def test_multiget_names_each_object_once(box, dav):
    box.service.seed(1, "a.ics", event("a"))
    answer = dav.multiget(WORK, WORK + "a.ics", f"{box.url}{WORK}a.ics", WORK + "a.ics")
    assert list(answer.parts) == [WORK + "a.ics"]


def test_query_returns_what_happens_in_a_span_of_time(box, dav):
    box.service.seed(1, "a.ics", event("a"))
    box.service.seed(1, "b.ics", event("b", start="20260702T010000Z", end="20260702T020000Z"))
    answer = dav.query(WORK, vevent(times("20260601T000000Z", "20260603T000000Z")), "<C:calendar-data/>")
    assert list(answer.parts) == [WORK + "a.ics"]
    assert answer.parts[WORK + "a.ics"].text("C:calendar-data") == event("a")


def test_free_busy_query_merges_what_overlaps(box, dav):
    box.service.seed(1, "a.ics", event("a"))
    box.service.seed(1, "b.ics", event("b", start="20260602T013000Z", end="20260602T033000Z"))
    box.service.seed(
        1, "c.ics", event("c", "TRANSP:TRANSPARENT", start="20260602T100000Z", end="20260602T110000Z")
    )
    box.service.seed(
        1, "d.ics", event("d", "STATUS:TENTATIVE", start="20260602T120000Z", end="20260602T130000Z")
    )
    box.service.seed(
        1, "e.ics", event("e", "STATUS:CANCELLED", start="20260602T140000Z", end="20260602T150000Z")
    )
    box.service.seed(
        1, "f.ics", event("f", "RRULE:FREQ=DAILY", start="20260501T200000Z", end="20260501T210000Z")
    )
    answer = dav.report(WORK, "C:free-busy-query", times("20260602T000000Z", "20260603T000000Z"))
    text = answer.body.decode()
    assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (200, "text/calendar")
    assert [line for line in text.split("\r\n") if line.startswith("FREEBUSY")] == [
        "FREEBUSY;FBTYPE=BUSY:20260602T010000Z/20260602T033000Z",
        "FREEBUSY;FBTYPE=BUSY:20260602T200000Z/20260602T210000Z",
        "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260602T120000Z/20260602T130000Z",
    ]


def test_a_report_on_one_object_answers_for_it(box, dav):
    box.service.seed(1, "a.ics", event("a"))
    box.service.seed(1, "b.ics", event("b"))
    assert list(dav.query(WORK + "a.ics", vevent()).parts) == [WORK + "a.ics"]
    assert list(dav.multiget(WORK + "a.ics", WORK + "a.ics").parts) == [WORK + "a.ics"]


@pytest.mark.parametrize("method", ["LOCK", "UNLOCK", "COPY", "ACL", "PATCH", "TRACE", "BREW"])
def test_other_methods_are_not_allowed_and_told_so(dav, method):
    answer = dav(method, WORK)
    assert answer.status == 405
    assert "PROPFIND" in answer.headers["Allow"]


def test_the_connection_is_kept_alive_through_all_of_it(dav):
    dav.put(WORK + "a.ics", event())
    first = dav.connection.sock
    dav.put(WORK + "a.ics", event())  # 204
    dav("GET", WORK + "a.ics", If_None_Match="*")  # 304
    dav("HEAD", WORK + "a.ics")
    dav("DELETE", WORK + "a.ics")  # 204
    dav("GET", WORK + "a.ics")  # 404
    assert dav.connection.sock is first is not None


def test_looking_is_noted_and_writing_is_not(box, dav):
    dav.put(WORK + "a.ics", event())
    assert box.service.touched == []
    dav.propfind(WORK, "CS:getctag")
    dav("GET", WORK + "a.ics")
    assert box.service.touched == ["alice", "alice"]


def test_an_object_of_two_events_has_one_answer(box, dav):
    text = calendar(
        ["UID:a", "DTSTART:20260602T010000Z", "DTEND:20260602T020000Z", "RRULE:FREQ=DAILY;COUNT=3"],
        ["UID:a", "RECURRENCE-ID:20260603T010000Z", "DTSTART:20260603T050000Z", "DTEND:20260603T060000Z"],
    )
    assert dav.put(WORK + "a.ics", text).status == 201
    parts = dav.query(WORK, vevent(times("20260603T050000Z", "20260603T060000Z"))).parts
    assert list(parts) == [WORK + "a.ics"]
    assert parts[WORK + "a.ics"].found[tag("D:getetag")].text == dav("GET", WORK + "a.ics").headers["ETag"]

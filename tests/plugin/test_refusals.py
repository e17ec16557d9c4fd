"""What is refused, with which status, precondition and sentence; and that nothing changes then."""

import pytest
from davkit import NS, event, running, tag, times, vevent

from bridge.config import Server
from bridge.errors import (
    BadInput,
    Exhausted,
    Inexpressible,
    Missing,
    NotAllowed,
    OutcomeUnknown,
    Overtaken,
    PreconditionFailed,
    Refused,
    Throttled,
    Unauthorised,
    Unreachable,
)

WORK = "/dav/alice/work/"


@pytest.mark.parametrize(
    ("error", "status", "precondition", "retry_after"),
    [
        (BadInput("No good."), 403, "C:valid-calendar-data", None),
        (
            BadInput("Too long.", precondition="C:max-resource-size", http_status=413),
            413,
            "C:max-resource-size",
            None,
        ),
        (Inexpressible("WeCom has no form for it."), 403, "C:valid-calendar-object-resource", None),
        (NotAllowed("Not yours."), 403, None, None),
        (Missing("Gone."), 404, None, None),
        (PreconditionFailed("Changed."), 412, None, None),
        (Overtaken("Somebody was faster."), 409, None, None),
        (Refused("Odd.", http_status=400), 400, None, None),
        (Throttled("Wait.", retry_after_s=2.2), 503, None, "3"),
        (Exhausted("Next month.", retry_after_s=9e6), 503, None, "3600"),
        (Unreachable("Down."), 503, None, "30"),
        (OutcomeUnknown("Who knows."), 503, None, "30"),
        (Unauthorised("The secret is wrong."), 503, None, "30"),
    ],
)
@pytest.mark.parametrize("method", ["put", "delete", "move", "make_calendar", "set_props"])
def test_each_failure_of_the_engine_has_its_status_and_its_sentence(
    box, dav, method, error, status, precondition, retry_after
):
    box.service.seed(1, "a.ics", event("a"))
    box.service.refusals[method] = error
    ask = {
        "put": lambda: dav.put(WORK + "a.ics", event("a")),
        "delete": lambda: dav("DELETE", WORK + "a.ics"),
        "move": lambda: dav("MOVE", WORK + "a.ics", Destination="/dav/alice/second/a.ics"),
        "make_calendar": lambda: dav("MKCALENDAR", "/dav/alice/new/"),
        "set_props": lambda: dav.proppatch(
            WORK, "<D:set><D:prop><D:displayname>x</D:displayname></D:prop></D:set>"
        ),
    }
    answer = ask[method]()
    if method == "set_props" and isinstance(error, Refused):
        assert answer.status == 207  # each property is told for itself
        assert answer.parts[WORK].statuses == {tag("D:displayname"): 403}
        assert str(error).encode() in answer.body
        return
    assert answer.status == status
    assert answer.message == str(error)
    assert answer.precondition == (tag(precondition) if precondition else None)
    assert answer.headers["Retry-After"] == retry_after
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"


def test_a_failure_without_a_name_is_500_without_its_text(box, dav, caplog):
    box.service.refusals["put"] = RuntimeError("SUMMARY:Secret meeting of alice@example.org")
    answer = dav.put(WORK + "a.ics", event())
    assert answer.status == 500
    assert b"Secret" not in answer.body
    ours = [record for record in caplog.records if not record.name.startswith("waitress")]
    failed = [(record.name, record.getMessage()) for record in ours if record.levelname != "INFO"]
    assert failed == [("radicale_plugin.app", "dav.failed")]
    assert {record.getMessage() for record in ours} <= {"dav.failed", "http.request"}


def test_a_taken_uid_is_a_conflict_that_names_where_it_lives(box, dav):
    box.service.seed(1, "a.ics", event("urn:uuid:1234"))
    answer = dav.put(WORK + "b.ics", event("urn:uuid:1234"))
    assert (answer.status, answer.precondition) == (409, tag("C:no-uid-conflict"))
    assert answer.xml.find(f".//{tag('D:href')}").text == WORK + "a.ics"


@pytest.mark.parametrize("path", ["/dav/alice/", "/dav/", WORK, "/dav/alice/none/"])
def test_a_whole_calendar_is_never_replaced(box, dav, path):
    box.service.seed(1, "a.ics", event("a"))
    answer = dav.put(path, event("b"))
    assert answer.status == 403
    assert "never replaced" in answer.message
    assert list(box.service.calendars[1].objects) == ["a.ics"]


def test_a_whole_calendar_is_deleted_only_where_the_source_allows_it(box, dav):
    answer = dav("DELETE", WORK)
    assert answer.status == 403
    assert answer.message == "A whole calendar is never deleted by a client."
    for path in ("/dav/alice/", "/dav/"):
        assert dav("DELETE", path).status == 403
    box.service.allow_delete_calendar = True
    assert dav("DELETE", WORK, If_Match='"old"').status == 412
    assert dav("DELETE", WORK).status == 204
    assert dav("DELETE", WORK).status == 404


@pytest.mark.parametrize(
    "path", ["/dav/alice/none/a.ics", "/dav/alice/work/a/b.ics", "/dav/alice/work/a%2Fb.ics"]
)
def test_put_where_no_calendar_is_is_a_conflict(dav, path):
    assert dav.put(path, event()).status == 409


def test_move_refuses_what_makes_no_sense(box, dav):
    box.service.seed(1, "a.ics", event("a"))
    for to, status in {
        "": 400,
        "http://elsewhere.example/dav/alice/second/a.ics": 502,
        "http://[broken": 400,
        "/dav/alice/none/a.ics": 409,
        "/dav/alice/second/": 403,
        "/dav/alice/": 403,
        "/dav/alice/work/a.ics": 403,
        "/other/alice/second/a.ics": 403,
        "/dav/alice/second/a%00.ics": 400,
        "/dav/alice/second/%FF.ics": 400,
        "/dav/alice/team/a.ics": 403,
    }.items():
        assert dav("MOVE", WORK + "a.ics", Destination=to).status == status, to
    assert dav("MOVE", WORK, Destination="/dav/alice/x/").status == 403
    assert dav("MOVE", WORK + "none.ics", Destination="/dav/alice/second/a.ics").status == 404
    assert dav("MOVE", WORK + "a.ics", Destination="/dav/alice/second/a.ics", If_Match='"x"').status == 412
    assert list(box.service.calendars[1].objects) == ["a.ics"]


def test_making_a_calendar_where_something_is_or_where_none_may_be(dav):
    assert dav("MKCALENDAR", WORK).precondition == tag("D:resource-must-be-null")
    assert dav("MKCALENDAR", WORK).status == 409
    assert dav("MKCOL", WORK).status == 405
    assert dav("MKCALENDAR", "/dav/alice/").status == 409
    inside = dav("MKCALENDAR", WORK + "inner/")
    assert (inside.status, inside.precondition) == (403, tag("C:calendar-collection-location-ok"))
    assert dav("MKCALENDAR", "/dav/alice/none/inner/").status == 409


def test_only_calendars_of_events_can_be_made(box, dav):
    plain = dav("MKCOL", "/dav/alice/new/")
    assert (plain.status, plain.precondition) == (403, tag("D:valid-resourcetype"))
    tasks = (
        f'<C:mkcalendar xmlns:D="DAV:" xmlns:C="{NS["C"]}"><D:set><D:prop><C:supported-calendar-component-set>'
        '<C:comp name="VTODO"/></C:supported-calendar-component-set></D:prop></D:set></C:mkcalendar>'
    )
    answer = dav("MKCALENDAR", "/dav/alice/new/", tasks)
    assert (answer.status, answer.precondition) == (403, tag("C:supported-calendar-component"))
    box.service.can_make_calendars = False
    assert dav("MKCALENDAR", "/dav/alice/new/").message == "This vendor has no call to make a calendar."
    assert box.service.collection("alice", "new") is None


@pytest.mark.parametrize(
    "kind", ["text/vcard", "application/json", "image/png", "application/calendar+xml", "text/html"]
)
def test_another_media_type_is_refused_as_such(dav, kind):
    answer = dav("PUT", WORK + "a.ics", event(), Content_Type=kind)
    assert (answer.status, answer.precondition) == (403, tag("C:supported-calendar-data"))


@pytest.mark.parametrize(
    "kind", ["", "text/calendar", "TEXT/Calendar; charset=UTF-8", "text/plain", "application/octet-stream",
             "text/calendar; component=VEVENT", "application/x-www-form-urlencoded", "nonsense", 'text/calendar;charset="utf-8"'],
)  # fmt: skip
def test_a_sloppy_media_type_is_no_reason_to_refuse(dav, kind):
    answer = dav("PUT", WORK + "a.ics", event(), Content_Type=kind)
    assert answer.status == 201
    assert answer.headers["ETag"]


def test_another_charset_is_read_and_the_answer_has_no_etag(box, dav):
    text = event("a", "SUMMARY:茶")
    answer = dav("PUT", WORK + "a.ics", text.encode("gb18030"), Content_Type="text/calendar; charset=gb18030")
    assert (answer.status, answer.headers["ETag"]) == (201, None)
    assert dav("GET", WORK + "a.ics").body.decode() == text


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"\xff\xfe\x00", 400), (b"hello", 400), (b"BEGIN:VCALENDAR\r\n", 403), (b"BEGIN:VCARD\r\nEND:VCARD", 400),
     (event().replace("VEVENT", "VTODO").encode(), 403), (event().replace("UID:a\r\n", "").encode(), 403),
     (event().replace("20260602T010000Z", "20261302T010000Z").encode(), 403), (b"\0" * 1000, 400)],
)  # fmt: skip
def test_a_body_that_is_no_event_is_a_4xx_with_a_sentence(box, dav, body, status):
    answer = dav("PUT", WORK + "a.ics", body, Content_Type="text/calendar")
    assert answer.status == status
    assert answer.message
    assert box.service.calendars[1].objects == {}


def test_an_encoded_or_partial_body_is_refused(dav):
    assert dav.put(WORK + "a.ics", event(), Content_Encoding="gzip").status == 415
    assert dav.put(WORK + "a.ics", event(), Content_Range="bytes 0-10/20").status == 400


def test_an_etag_is_only_told_for_exactly_the_bytes_that_came(box, dav):
    box.service.normalise = lambda text: text.replace("SUMMARY:x", "SUMMARY:y")
    changed = dav.put(WORK + "a.ics", event("a", "SUMMARY:x"))
    assert (changed.status, changed.headers["ETag"]) == (201, None)
    kept = dav.put(WORK + "a.ics", event("a", "SUMMARY:z"))
    assert (kept.status, kept.headers["ETag"]) == (204, dav("GET", WORK + "a.ics").headers["ETag"])


def test_if_match_guards_put_and_delete(box, dav):
    box.service.seed(1, "a.ics", event("a"))
    etag = dav("GET", WORK + "a.ics").headers["ETag"]
    for wrong in ('"x"', f"W/{etag}", '"x", "y"'):
        assert dav.put(WORK + "a.ics", event("a", "SUMMARY:x"), If_Match=wrong).status == 412
        assert dav("DELETE", WORK + "a.ics", If_Match=wrong).status == 412
    assert dav.put(WORK + "new.ics", event("n"), If_Match="*").status == 412
    assert dav.put(WORK + "new.ics", event("n"), If_Match=etag).status == 412
    assert dav.put(WORK + "a.ics", event("a"), If_None_Match="*").status == 412
    assert dav("GET", WORK + "a.ics").body == event("a").encode()
    assert dav.put(WORK + "a.ics", event("a", "SUMMARY:x"), If_Match=f'"other", {etag}').status == 204
    assert dav("DELETE", WORK + "a.ics", If_Match="*").status == 204


def test_an_object_over_the_limit_is_refused_and_one_far_over_it_is_not_even_read(service):
    with running(service, Server(object_bytes_max=20_000, body_bytes_max=50_000)) as box:
        dav = box.client()
        large = dav.put(WORK + "a.ics", event("a", "X-A:" + "x" * 30_000))
        assert (large.status, large.precondition) == (403, tag("C:max-resource-size"))
        assert "20000" in large.message
        assert box.client().put(WORK + "a.ics", event("a", "X-A:" + "x" * 60_000)).status == 413
        part = dav.propfind(WORK, "C:max-resource-size").parts[WORK]
        assert part.text("C:max-resource-size") == "20000"
        assert box.service.calendars[1].objects == {}


BAD_XML = {
    "not XML": "hello",
    "cut off": "<D:propfind xmlns:D='DAV:'><D:prop>",
    "another root": "<x/>",
    "no namespace declared": "<D:propfind><D:prop/></D:propfind>",
    "empty root": "<D:propfind xmlns:D='DAV:'/>",
    "binary": "\0\1\2",
    "an entity bomb": '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>'
    "<D:propfind xmlns:D='DAV:'><D:prop><x>&c;</x></D:prop></D:propfind>",
    "an external entity": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'
    "<D:propfind xmlns:D='DAV:'><D:prop>&b;</D:prop></D:propfind>",
    "a document type": '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>',
    "too deep": "<a>" * 5000 + "</a>" * 5000,
    "an unknown encoding": "<?xml version='1.0' encoding='klingon'?><D:propfind xmlns:D='DAV:'><D:allprop/></D:propfind>",
}


@pytest.mark.parametrize("method", ["PROPFIND", "REPORT", "PROPPATCH", "MKCALENDAR", "MKCOL"])
@pytest.mark.parametrize("body", BAD_XML.values(), ids=BAD_XML)
def test_bad_xml_is_400_or_403_by_any_method(dav, method, body):
    path = "/dav/alice/new/" if method.startswith("MK") else WORK
    answer = dav(method, path, body)
    assert answer.status in (400, 403)
    assert b"root:" not in answer.body


@pytest.mark.parametrize(
    "filters",
    [
        "",
        '<C:comp-filter/>',
        '<C:comp-filter name="VCALENDAR"/><C:comp-filter name="VCALENDAR"/>',
        '<C:prop-filter name="UID"/>',
        vevent('<C:time-range start="yesterday"/>'),
        vevent('<C:time-range start="20261301T000000Z"/>'),
        vevent("<C:unknown/>"),
        vevent('<C:prop-filter name="SUMMARY"><C:text-match match-type="sounds-like">x</C:text-match></C:prop-filter>'),
        vevent("<C:prop-filter/>" ),
        vevent('<C:comp-filter name="VALARM">' * 9 + "</C:comp-filter>" * 9),
    ],
)  # fmt: skip
def test_a_filter_that_is_not_valid_is_told_so(box, dav, filters):
    box.service.seed(1, "a.ics", event())
    answer = dav.query(WORK, filters)
    assert answer.status == 403
    assert answer.precondition in (tag("C:valid-filter"), tag("C:supported-filter"))


def test_other_questions_that_cannot_be_answered(box, dav):
    box.service.seed(1, "a.ics", event())
    odd = vevent(
        '<C:prop-filter name="UID"><C:text-match collation="i;klingon">a</C:text-match></C:prop-filter>'
    )
    assert dav.query(WORK, odd).precondition == tag("C:supported-collation")
    data = '<C:calendar-data content-type="application/calendar+json"/>'
    assert dav.query(WORK, vevent(), data).precondition == tag("C:supported-calendar-data")
    assert dav.query(WORK, vevent(), "<C:calendar-data><C:expand/></C:calendar-data>").status == 403
    assert dav.report(WORK, "C:calendar-query", "<D:prop/>").precondition == tag("C:valid-filter")
    assert dav.report(WORK, "D:nonsense", "").precondition == tag("D:supported-report")
    assert dav.report("/dav/alice/", "D:sync-collection", "").precondition == tag("D:supported-report")
    assert dav.report(WORK, "C:free-busy-query", "").status == 400
    assert dav.report(WORK, "C:free-busy-query", times("20260601T000000Z", "20260601T000000Z")).status == 400
    assert dav.report(WORK, "C:free-busy-query", times("19000101T000000Z", "20990101T000000Z")).status == 403
    assert (
        dav.report("/dav/alice/none/", "C:calendar-query", f"<C:filter>{vevent()}</C:filter>").status == 404
    )
    assert dav("PROPFIND", WORK, Depth="2").status == 400
    assert dav("REPORT", WORK).status == 400


def test_a_dense_series_does_not_fill_the_memory(box, dav):
    box.service.seed(1, "a.ics", event("a", "RRULE:FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24)))))
    data = '<C:calendar-data><C:expand start="20260101T000000Z" end="20990101T000000Z"/></C:calendar-data>'
    answer = dav.query(WORK, vevent(), data)
    assert (answer.status, answer.precondition) == (403, tag("D:number-of-matches-within-limits"))

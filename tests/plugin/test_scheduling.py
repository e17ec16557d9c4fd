"""RFC 6638: what clients see of a server whose vendors invite, and when people are busy."""

import re

import icalendar
import pytest
from davkit import calendar, event, tag

from bridge.engine.api import Attendance, BusySpan, Known
from bridge.errors import BadInput
from bridge.ical.schedule_tag import schedule_tag

HOME = "/dav/alice/"
WORK = "/dav/alice/work/"
INBOX = "/dav/alice/schedule-inbox/"
OUTBOX = "/dav/alice/schedule-outbox/"
ME = "mailto:alice@example.org"
BOB = "mailto:bob@example.org"
HOUR = 3_600_000
START = 1_780_358_400_000  # 2026-06-02T00:00Z


def request(*attendees, organizer=ME, method="REQUEST", component="VFREEBUSY", more=(), times=None):
    times = times or ("DTSTART:20260602T000000Z", "DTEND:20260603T000000Z")
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", *([f"METHOD:{method}"] if method else []), f"BEGIN:{component}",
        "UID:ask-1", "DTSTAMP:20260601T000000Z", *times, *([f"ORGANIZER:{organizer}"] if organizer else []),
        *(f"ATTENDEE:{one}" for one in attendees), *more, f"END:{component}", "END:VCALENDAR", "",
    ]  # fmt: skip
    return "\r\n".join(lines)


def post(dav, text, path=OUTBOX):
    return dav("POST", path, text, Content_Type="text/calendar; charset=utf-8")


def responses(answer):
    assert answer.status == 200, answer.body
    assert answer.xml.tag == tag("C:schedule-response")
    found = {}
    for one in answer.xml:
        data = one.findtext(tag("C:calendar-data"))
        found[one.findtext(f"{tag('C:recipient')}/{tag('D:href')}")] = (
            one.findtext(tag("C:request-status")),
            icalendar.Calendar.from_ical(data) if data else None,
        )
    return found


def busy(cal):
    """Return (kind, start, end) of each FREEBUSY line, day and time of day."""
    (component,) = cal.walk("VFREEBUSY")
    text = component.to_ical().decode().replace("\r\n ", "")
    return re.findall(r"FREEBUSY;FBTYPE=([A-Z-]+):\d{6}(\d\dT\d{4})00Z/\d{6}(\d\dT\d{4})00Z", text)


# ---- discovery -----------------------------------------------------------------------------------------------


def test_a_client_learns_that_the_server_invites_and_where_to_ask(dav):
    assert "calendar-auto-schedule" in re.split(r",\s*", dav("OPTIONS", HOME).headers["DAV"])
    part = dav.propfind(
        HOME,
        "C:schedule-inbox-URL",
        "C:schedule-outbox-URL",
        "C:calendar-user-type",
        "C:calendar-user-address-set",
    ).parts[HOME]
    assert part.hrefs("C:schedule-inbox-URL") == [INBOX]
    assert part.hrefs("C:schedule-outbox-URL") == [OUTBOX]
    assert part.hrefs("C:calendar-user-address-set")[0] == ME
    assert part.text("C:calendar-user-type") == "INDIVIDUAL"


def test_inbox_and_outbox_are_what_the_standard_calls_so(dav):
    inbox = dav.propfind(INBOX, "D:resourcetype", "C:schedule-default-calendar-URL", "D:current-user-privilege-set",
                         "D:sync-token", "CS:getctag").parts[INBOX]  # fmt: skip
    assert {one.tag for one in inbox.found[tag("D:resourcetype")]} == {
        tag("D:collection"),
        tag("C:schedule-inbox"),
    }
    assert inbox.hrefs("C:schedule-default-calendar-URL") == [WORK]
    assert tag("C:schedule-deliver") in {
        one.tag for one in inbox.found[tag("D:current-user-privilege-set")].iter()
    }
    outbox = dav.propfind(OUTBOX, "D:resourcetype", "D:current-user-privilege-set").parts[OUTBOX]
    assert {one.tag for one in outbox.found[tag("D:resourcetype")]} == {
        tag("D:collection"),
        tag("C:schedule-outbox"),
    }
    assert tag("C:schedule-send-freebusy") in {
        one.tag for one in outbox.found[tag("D:current-user-privilege-set")].iter()
    }


def test_nothing_lies_in_the_inbox_however_it_is_asked(dav):
    assert list(dav.propfind(INBOX, "D:getetag", depth="1").parts) == [INBOX]
    first = dav.sync(INBOX)
    assert (first.status, first.parts) == (207, {})
    assert dav.sync(INBOX, first.token).token == first.token
    assert dav.sync(INBOX, "http://other/1").precondition == tag("D:valid-sync-token")
    assert dav.query(INBOX, '<C:comp-filter name="VCALENDAR"/>').parts == {}
    assert dav.multiget(INBOX, f"{INBOX}x.ics").parts[f"{INBOX}x.ics"].status == 404


def test_the_home_lists_calendars_and_neither_inbox_nor_outbox(dav):
    assert set(dav.propfind(HOME, "D:displayname", depth="1").parts) == {
        HOME,
        WORK,
        "/dav/alice/second/",
        "/dav/alice/team/",
    }


@pytest.mark.parametrize("path", [INBOX, OUTBOX, f"{INBOX}a.ics"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "MKCALENDAR"])
def test_nothing_is_put_into_inbox_or_outbox(dav, path, method):
    answer = dav(method, path, event() if method == "PUT" else None, Content_Type="text/calendar")
    assert answer.status in (403, 404, 405, 409)
    assert answer.message


@pytest.mark.parametrize("path", [HOME, INBOX])
def test_home_and_inbox_keep_what_clients_set(box, dav, path):
    value = "<C:calendar-availability>BEGIN:VCALENDAR&#13;&#10;END:VCALENDAR</C:calendar-availability>"
    body = f"<D:set><D:prop>{value}<C:default-alarm-vevent-datetime>x</C:default-alarm-vevent-datetime></D:prop></D:set>"
    assert set(dav.proppatch(path, body).parts[path].statuses.values()) == {200}
    part = dav.propfind(path, "C:calendar-availability", "C:default-alarm-vevent-datetime").parts[path]
    assert part.text("C:calendar-availability") == "BEGIN:VCALENDAR\r\nEND:VCALENDAR"
    assert part.text("C:default-alarm-vevent-datetime") == "x"
    dav.proppatch(path, "<D:remove><D:prop><C:calendar-availability/></D:prop></D:remove>")
    assert dav.propfind(path, "C:calendar-availability").parts[path].missing == {
        tag("C:calendar-availability")
    }


@pytest.mark.parametrize(
    ("path", "name"),
    [(HOME, "C:calendar-user-address-set"), (HOME, "D:displayname"), (HOME, "C:schedule-inbox-URL"),
     (INBOX, "C:schedule-default-calendar-URL"), (INBOX, "D:resourcetype")],
)  # fmt: skip
def test_what_the_server_says_of_home_and_inbox_stays(box, dav, path, name):
    answer = dav.proppatch(path, f"<D:set><D:prop><{name}>x</{name}><CS:y>z</CS:y></D:prop></D:set>")
    assert answer.parts[path].statuses == {tag(name): 403, tag("CS:y"): 424}
    assert answer.xml.find(f".//{tag('D:cannot-modify-protected-property')}") is not None
    assert box.service.props_of == {}


# ---- busy times ----------------------------------------------------------------------------------------------


@pytest.fixture
def told(box):
    spans = (BusySpan(start_ms=START - HOUR, end_ms=START + HOUR), BusySpan(start_ms=START + 5 * HOUR, end_ms=START + 6 * HOUR),
             BusySpan(start_ms=START + 5 * HOUR, end_ms=START + 7 * HOUR, is_tentative=True))  # fmt: skip
    box.service.time = {
        BOB: Attendance(address=BOB, known=Known.TOLD, spans=spans),
        "mailto:carol@example.org": Attendance(address="", known=Known.UNTOLD),
        "mailto:dora@example.org": Attendance(address="", known=Known.LATER),
    }
    return box


def test_busy_times_of_each_person_come_with_the_status_that_fits(told, dav):
    found = responses(
        post(
            dav,
            request(
                BOB, "mailto:carol@example.org", "mailto:dora@example.org", "mailto:eve@elsewhere.example"
            ),
        )
    )
    assert {address: status for address, (status, _) in found.items()} == {
        BOB: "2.0;Success",
        "mailto:carol@example.org": "5.3;No scheduling support for user",
        "mailto:dora@example.org": "5.1;Service unavailable",
        "mailto:eve@elsewhere.example": "3.7;Invalid calendar user",
    }
    data = found[BOB][1]
    assert data["METHOD"] == "REPLY"
    (component,) = data.walk("VFREEBUSY")
    assert (component["UID"], component["ORGANIZER"], component["ATTENDEE"]) == ("ask-1", ME, BOB)
    assert (component["DTSTART"].dt.hour, component["DTEND"].dt.day) == (0, 3)
    assert busy(data) == [
        ("BUSY", "02T0000", "02T0100"),
        ("BUSY", "02T0500", "02T0600"),
        ("BUSY-TENTATIVE", "02T0500", "02T0700"),
    ]
    assert all(found[address][1] is None for address in found if address != BOB)


def test_my_own_time_is_what_stands_in_my_calendars(told, dav):
    told.service.seed(1, "a.ics", event("a"))
    told.service.seed(2, "b.ics", event("b", start="20260602T013000Z", end="20260602T030000Z"))
    told.service.seed(
        2, "free.ics", event("f", "TRANSP:TRANSPARENT", start="20260602T100000Z", end="20260602T110000Z")
    )
    assert busy(responses(post(dav, request(ME)))[ME][1]) == [("BUSY", "02T0100", "02T0300")]
    masked = responses(post(dav, request(ME, more=["X-CALENDARSERVER-MASK-UID:b"])))
    assert busy(masked[ME][1]) == [("BUSY", "02T0100", "02T0200")]
    dav.proppatch(
        "/dav/alice/second/",
        "<D:set><D:prop><C:schedule-calendar-transp><C:transparent/></C:schedule-calendar-transp></D:prop></D:set>",
    )
    part = dav.propfind("/dav/alice/second/", "C:schedule-calendar-transp").parts["/dav/alice/second/"]
    assert part.found[tag("C:schedule-calendar-transp")][0].tag == tag("C:transparent")
    assert busy(responses(post(dav, request(ME)))[ME][1]) == [("BUSY", "02T0100", "02T0200")]


def test_apple_names_people_by_path_and_everybody_is_asked_once(told, dav):
    found = responses(
        post(dav, request(BOB, "MAILTO:bob@example.org", "/dav/alice/", organizer="/dav/alice/"))
    )
    assert {status for status, _ in found.values()} == {"2.0;Success"}
    assert set(found) == {BOB, "MAILTO:bob@example.org", "/dav/alice/"}
    assert told.service.asked[0][0] == (BOB, ME)


@pytest.mark.parametrize(
    ("text", "precondition"),
    [
        (request(BOB, organizer="mailto:bob@example.org"), "C:valid-organizer"),
        (request(BOB, organizer=""), "C:valid-scheduling-message"),
        (request(), "C:valid-scheduling-message"),
        (request(BOB, method="REPLY"), "C:valid-scheduling-message"),
        (request(BOB, method=""), "C:valid-scheduling-message"),
        (request(BOB, component="VEVENT"), "C:valid-scheduling-message"),
        (request(BOB, component="VEVENT", method="REPLY"), "C:valid-scheduling-message"),
        (request(BOB, component="VEVENT", method="CANCEL"), "C:valid-scheduling-message"),
        (request(BOB, component="VTODO"), "C:valid-scheduling-message"),
        (
            request(BOB, times=["DTSTART;TZID=Nowhere:20260602T000000", "DTEND:20260603T000000"]),
            "C:valid-calendar-data",
        ),
        (request(BOB, times=["DTSTART:20260602T000000Z"]), "C:valid-scheduling-message"),
        (request(BOB, times=["DTSTART:nonsense", "DTEND:20260603T000000Z"]), "C:valid-calendar-data"),
        ("nonsense", "C:valid-calendar-data"),
        ("", "C:valid-calendar-data"),
    ],
)
def test_what_is_no_request_for_busy_times_is_refused_with_the_reason(told, dav, text, precondition):
    answer = post(dav, text)
    assert (answer.status, answer.precondition) == (403, tag(precondition))
    assert answer.message
    assert told.service.asked == []


def test_an_outbox_refuses_other_data_and_says_what_the_engine_refuses(told, dav):
    answer = dav("POST", OUTBOX, "{}", Content_Type="application/json")
    assert answer.precondition == tag("C:supported-calendar-data")
    told.service.refusals["attendance"] = BadInput("Too many.", precondition="C:max-attendees-per-instance")
    answer = post(dav, request(BOB))
    assert (answer.status, answer.message) == (403, "Too many.")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("DTSTART:20260602T080000", "DTEND:20260603T080000"),
        ("DTSTART;TZID=Asia/Shanghai:20260602T080000", "DTEND;TZID=Asia/Tokyo:20260603T090000"),
        ("DTSTART;TZID=UTC:20260602T000000", "DTEND:20260603T000000Z"),
        ("DTSTART;VALUE=DATE:20260602", "DTEND;VALUE=DATE:20260603"),
    ],
)
def test_times_in_a_zone_or_in_mine_are_understood(told, dav, start, end):
    dav.proppatch(
        WORK, "<D:set><D:prop><C:calendar-timezone-id>Asia/Shanghai</C:calendar-timezone-id></D:prop></D:set>"
    )
    post(dav, request(BOB, times=[start, end]))
    shift = 8 * HOUR if "VALUE=DATE" in start else 0
    assert told.service.asked == [((BOB,), START - shift, START - shift + 24 * HOUR)]


def test_a_duration_is_an_end(told, dav):
    post(dav, request(BOB, times=["DTSTART:20260602T000000Z", "DURATION:PT2H"]))
    assert told.service.asked == [((BOB,), START, START + 2 * HOUR)]


def test_nobody_posts_anywhere_else(dav, box):
    assert post(dav, request(BOB), INBOX).precondition == tag("C:supported-collection")
    for path in (HOME, "/dav/", f"{WORK}a.ics"):
        assert post(dav, request(BOB), path).status == 405
    assert post(box.client("bob"), request(ME), OUTBOX).status == 403


# ---- messages that are put ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["REQUEST", "PUBLISH", "request"])
def test_an_invitation_that_is_put_is_an_event_without_its_method(box, dav, method):
    text = event("a", f"ORGANIZER:{BOB}").replace("VERSION:2.0", f"VERSION:2.0\r\nMETHOD:{method}")
    answer = dav.put(WORK + "a.ics", text)
    assert (answer.status, answer.headers["ETag"]) == (201, None)
    assert box.service.get(1, "a.ics").text == event("a", f"ORGANIZER:{BOB}")


@pytest.mark.parametrize(
    "method", ["REPLY", "CANCEL", "ADD", "COUNTER", "REFRESH", "DECLINECOUNTER", "X-OTHER"]
)
def test_a_message_that_is_no_event_is_refused_with_what_to_do_instead(box, dav, method):
    box.service.seed(1, "a.ics", event("a"))
    before = box.service.get(1, "a.ics")
    text = event("a", "SUMMARY:new").replace("VERSION:2.0", f"VERSION:2.0\r\nMETHOD:{method}")
    answer = dav.put(WORK + "a.ics", text)
    assert (answer.status, answer.precondition) == (403, tag("C:valid-calendar-object-resource"))
    assert method in answer.message
    assert box.service.get(1, "a.ics") == before


def test_a_method_inside_a_text_is_a_word_like_others(box, dav):
    text = event("a", "DESCRIPTION:do\\n", " METHOD:CANCEL")
    assert dav.put(WORK + "a.ics", text).status == 201
    assert box.service.get(1, "a.ics").text == text


# ---- Schedule-Tag ----------------------------------------------------------------------------------------------


def meeting(*, bob="NEEDS-ACTION", mine="ACCEPTED", title="Plan", status="", stamp="20260101T000000Z"):
    status = f";SCHEDULE-STATUS={status}" if status else ""
    return event(
        "m",
        f"SUMMARY:{title}",
        f"ORGANIZER:{ME}",
        f"ATTENDEE;PARTSTAT={mine}:{ME}",
        f"ATTENDEE;PARTSTAT={bob}{status}:{BOB}",
    ).replace("20260101T000000Z", stamp)


def test_a_schedule_tag_follows_what_people_decide_and_not_what_servers_note():
    def tags(text):
        return schedule_tag(text, {ME})

    first = tags(meeting())
    assert (
        tags(meeting(bob="ACCEPTED"))
        == tags(meeting(status='"1.2"'))
        == tags(meeting(stamp="20260202T000000Z"))
        == first
    )
    assert len({first, tags(meeting(title="Other")), tags(meeting(mine="DECLINED"))}) == 3
    assert schedule_tag(event("a", f"ATTENDEE:{BOB}"), {ME}) is None
    assert schedule_tag("ORGANIZER", {ME}) is None
    moved = meeting().replace("DTSTART:20260602T010000Z", "DTSTART:20260602T010001Z")
    assert moved != meeting()
    assert tags(moved) != first


def test_the_tag_stands_in_headers_and_properties_of_meetings_alone(box, dav):
    answer = dav.put(WORK + "m.ics", meeting())
    made = answer.headers["Schedule-Tag"]
    assert answer.status == 201
    assert made.startswith('"')
    assert (
        dav("GET", WORK + "m.ics").headers["Schedule-Tag"]
        == dav("HEAD", WORK + "m.ics").headers["Schedule-Tag"]
        == made
    )
    assert dav.put(WORK + "a.ics", event("a")).headers["Schedule-Tag"] is None
    assert dav("GET", WORK + "a.ics").headers["Schedule-Tag"] is None
    for parts in (
        dav.propfind(WORK, "D:getetag", "C:schedule-tag", "D:x", depth="1").parts,
        dav.multiget(WORK, WORK + "m.ics", WORK + "a.ics", data="<C:schedule-tag/><D:x/>").parts,
    ):
        assert parts[WORK + "m.ics"].text("C:schedule-tag") == made
        assert parts[WORK + "m.ics"].missing == {tag("D:x")}
        assert parts[WORK + "a.ics"].missing == {tag("C:schedule-tag"), tag("D:x")}
    moved = dav("MOVE", WORK + "m.ics", Destination=WORK + "n.ics")
    assert moved.headers["Schedule-Tag"] == made


def test_an_edit_by_schedule_tag_is_not_held_up_by_a_guests_answer(box, dav):
    made = dav.put(WORK + "m.ics", meeting()).headers["Schedule-Tag"]
    box.service.seed(1, "m.ics", meeting(bob="ACCEPTED"))
    answer = dav.put(WORK + "m.ics", meeting(title="New"), If_Schedule_Tag_Match=made)
    assert answer.status == 204
    assert "SUMMARY:New" in box.service.get(1, "m.ics").text
    again = dav.put(WORK + "m.ics", meeting(title="Newer"), If_Schedule_Tag_Match=made)
    assert again.status == 412
    assert "SUMMARY:New\r" in box.service.get(1, "m.ics").text
    assert dav("DELETE", WORK + "m.ics", If_Schedule_Tag_Match=made).status == 412
    assert dav("MOVE", WORK + "m.ics", Destination=WORK + "n.ics", If_Schedule_Tag_Match=made).status == 412
    assert dav("DELETE", WORK + "m.ics", If_Schedule_Tag_Match=answer.headers["Schedule-Tag"]).status == 204


def test_a_schedule_tag_of_what_is_no_meeting_or_not_there_never_matches(box, dav):
    dav.put(WORK + "a.ics", event("a"))
    for path in (WORK + "a.ics", WORK + "none.ics"):
        assert dav.put(path, event("a"), If_Schedule_Tag_Match='"x"').status == 412
    assert box.service.get(1, "none.ics") is None


def test_an_answer_that_comes_in_between_is_not_lost(box, dav, monkeypatch):
    made = dav.put(WORK + "m.ics", meeting()).headers["Schedule-Tag"]
    put, seen = box.service.put, []

    def late(*arguments, **conditions):
        seen.append(conditions["if_match"])
        if len(seen) == 1:
            box.service.seed(1, "m.ics", meeting(bob="ACCEPTED"))
        return put(*arguments, **conditions)

    monkeypatch.setattr(box.service, "put", late)
    assert dav.put(WORK + "m.ics", meeting(title="New"), If_Schedule_Tag_Match=made).status == 204
    assert len(set(seen)) == 2


# ---- a new object with a name of the server's -------------------------------------------------------------------


def test_an_event_that_is_posted_gets_a_name(box, dav):
    (place,) = dav.propfind(WORK, "D:add-member").parts[WORK].hrefs("D:add-member")
    answer = post(dav, event("abc"), place)
    assert (answer.status, answer.headers["Location"]) == (201, f"{WORK}abc.ics")
    assert dav("GET", answer.headers["Location"]).headers["ETag"] == answer.headers["ETag"]
    odd = post(dav, event("a/../b c"), place)
    assert odd.status == 201
    assert re.fullmatch(rf"{WORK}[0-9a-f]{{32}}\.ics", odd.headers["Location"])
    twice = post(dav, event("abc"), place)
    assert (twice.status, twice.precondition) == (409, tag("C:no-uid-conflict"))
    assert dav.propfind("/dav/alice/team/", "D:add-member").parts["/dav/alice/team/"].missing == {
        tag("D:add-member")
    }
    assert post(dav, event("x"), "/dav/alice/team/").status == 403
    assert post(dav, "BEGIN:VCALENDAR", place).precondition == tag("C:valid-calendar-data")


def test_a_series_with_its_changes_is_one_meeting():
    text = calendar(
        ["UID:a", f"ORGANIZER:{ME}", f"ATTENDEE:{BOB}"],
        ["UID:a", "RECURRENCE-ID:20260602T010000Z", f"ATTENDEE:{BOB}"],
    )
    assert schedule_tag(text, set()) == schedule_tag(
        text.replace("ATTENDEE:", "ATTENDEE;PARTSTAT=DECLINED:"), set()
    )

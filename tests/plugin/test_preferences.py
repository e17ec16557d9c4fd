"""Prefer (RFC 7240, RFC 8144), Brief, and zones by reference (RFC 7809)."""

import pytest
from davkit import event, tag

WORK = "/dav/alice/work/"
HOME = "/dav/alice/"
MINIMAL = "return=minimal"
ZONE = "\r\n".join([
    "BEGIN:VTIMEZONE", "TZID:{0}", "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0800", "TZOFFSETTO:+0800",
    "END:STANDARD", "END:VTIMEZONE", "",
])  # fmt: skip


def zoned(*, defined=(), used="Asia/Shanghai", uid="z"):
    text = event(uid, "DESCRIPTION:a\\n", " BEGIN:VTIMEZONE").replace(
        "DTSTART:20260602T010000Z", f"DTSTART;TZID={used}:20260602T010000"
    )
    text = text.replace("DTEND:20260602T020000Z", f"DTEND;TZID={used}:20260602T020000")
    return text.replace("BEGIN:VEVENT", "".join(ZONE.format(one) for one in defined) + "BEGIN:VEVENT")


def find(dav, path, *names, depth="0", **headers):
    inner = "".join(f"<{name}/>" for name in names)
    spaces = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/"'
    body = f"<D:propfind {spaces}><D:prop>{inner}</D:prop></D:propfind>"
    return dav("PROPFIND", path, body, Depth=depth, **headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"Prefer": "return=minimal"},
        {"Prefer": 'handling=lenient, RETURN="minimal"; x=1'},
        {"Prefer": "return=minimal, return=representation"},
        {"Brief": "t"},
    ],
)
@pytest.mark.parametrize("path", ["/dav/", HOME, WORK, WORK + "m.ics"])
def test_who_prefers_little_is_not_told_what_is_missing(box, dav, path, headers):
    box.service.seed(1, "m.ics", event("m"))
    part = find(dav, path, "D:resourcetype", "CS:none", **headers).parts[path]
    assert (set(part.found), part.missing) == ({tag("D:resourcetype")}, set())
    answer = find(dav, path, "CS:none", **headers)
    assert answer.headers["Preference-Applied"] == MINIMAL
    assert answer.parts[path].statuses == {}
    assert answer.body.count(b"200 OK") == 1
    plain = find(dav, path, "CS:none")
    assert plain.headers["Preference-Applied"] is None
    assert plain.parts[path].missing == {tag("CS:none")}


@pytest.mark.parametrize(
    "value", ["return=representation", "return=minimalist", "x;return=minimal", "return", "", ",,;=", "é"]
)
def test_other_preferences_change_nothing(dav, value):
    answer = find(dav, WORK, "CS:none", Prefer=value.encode("latin-1").decode("latin-1"))
    assert answer.headers["Preference-Applied"] is None
    assert answer.parts[WORK].missing == {tag("CS:none")}


def test_listings_and_reports_are_as_short(box, dav):
    box.service.seed(1, "m.ics", event("m"))
    box.service.seed(1, "n.ics", event("n", "ORGANIZER:mailto:alice@example.org"))
    for names in (("D:getetag", "CS:none"), ("D:getetag", "C:schedule-tag")):
        listing = find(dav, WORK, *names, depth="1", Prefer=MINIMAL).parts
        assert all(not part.missing for part in listing.values())
        assert tag("D:getetag") in listing[WORK + "m.ics"].found
    body = (
        '<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/><C:calendar-data/>'
        f"<C:x/></D:prop><D:href>{WORK}m.ics</D:href><D:href>{WORK}none.ics</D:href></C:calendar-multiget>"
    )
    answer = dav("REPORT", WORK, body, Prefer=MINIMAL)
    assert answer.headers["Preference-Applied"] == MINIMAL
    assert answer.parts[WORK + "m.ics"].missing == set()
    assert answer.parts[WORK + "none.ics"].status == 404  # a resource that is gone is news


def test_a_listing_can_leave_out_its_root(box, dav):
    box.service.seed(1, "m.ics", event("m"))
    answer = find(dav, WORK, "D:getetag", depth="1", Prefer="depth-noroot")
    assert set(answer.parts) == {WORK + "m.ics"}
    assert answer.headers["Preference-Applied"] == "depth-noroot"
    both = find(dav, HOME, "CS:none", depth="1", Prefer="return=minimal, depth-noroot")
    assert HOME not in both.parts
    assert WORK in both.parts
    assert set(both.headers["Preference-Applied"].split(", ")) == {"return=minimal", "depth-noroot"}
    assert set(find(dav, WORK, "D:getetag", depth="0", Prefer="depth-noroot").parts) == {WORK}


def test_properties_that_were_all_set_are_told_in_one_word(dav):
    def patch(name, **headers):
        body = f'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><{name}>x</{name}></D:prop></D:set></D:propertyupdate>'
        return dav("PROPPATCH", WORK, body, **headers)

    answer = patch("D:displayname", Prefer=MINIMAL)
    assert (answer.status, answer.body, answer.headers["Preference-Applied"]) == (200, b"", MINIMAL)
    assert dav.propfind(WORK, "D:displayname").parts[WORK].text("D:displayname") == "x"
    refused = patch("D:resourcetype", Prefer=MINIMAL)
    assert (refused.status, refused.headers["Preference-Applied"]) == (207, None)
    assert refused.parts[WORK].statuses == {tag("D:resourcetype"): 403}


def test_an_edit_can_be_answered_with_what_is_stored(box, dav):
    wanted = {"Prefer": "return=representation"}
    text = event("m", "ORGANIZER:mailto:alice@example.org")
    made = dav.put(WORK + "m.ics", text, **wanted)
    got = dav("GET", WORK + "m.ics")
    assert (made.status, made.body) == (201, got.body)
    for name in ("ETag", "Content-Type", "Schedule-Tag"):
        assert made.headers[name] == got.headers[name] is not None
    assert made.headers["Content-Location"] == WORK + "m.ics"
    assert made.headers["Preference-Applied"] == "return=representation"
    changed = dav.put(WORK + "m.ics", text.replace("METHOD", ""), If_Match=made.headers["ETag"], **wanted)
    assert (changed.status, changed.body) == (200, got.body)
    posted = dav("POST", WORK, event("p"), Content_Type="text/calendar", **wanted)
    assert (posted.status, posted.headers["Location"]) == (201, posted.headers["Content-Location"])
    assert b"UID:p" in posted.body


def test_who_comes_too_late_can_be_given_what_is_there(box, dav):
    box.service.seed(1, "m.ics", event("m", "SUMMARY:newer"))
    for condition in ({"If_Match": '"old"'}, {"If_None_Match": "*"}):
        answer = dav.put(WORK + "m.ics", event("m"), Prefer="return=representation", **condition)
        assert (answer.status, b"SUMMARY:newer" in answer.body) == (412, True)
        assert answer.headers["ETag"] == dav("GET", WORK + "m.ics").headers["ETag"]
        assert dav.put(WORK + "m.ics", event("m"), **condition).message
    gone = dav.put(WORK + "none.ics", event("m"), Prefer="return=representation", If_Match='"old"')
    assert (gone.status, gone.headers["Preference-Applied"]) == (412, "return=representation")


# ---- zones by reference ---------------------------------------------------------------------------------------


def data(dav, path, **headers):
    body = (
        '<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data/></D:prop>'
        f"<D:href>{path}</D:href></C:calendar-multiget>"
    )
    return dav("REPORT", WORK, body, **headers).parts[path].text("C:calendar-data")


def test_who_knows_the_zones_gets_none_but_odd_ones(box, dav):
    text = zoned(defined=["Asia/Shanghai", "Office", "China Standard Time"])
    box.service.seed(1, "z.ics", text)
    short = zoned(defined=["Office", "China Standard Time"])
    assert dav("GET", WORK + "z.ics", CalDAV_Timezones="F").body.decode() == short
    assert data(dav, WORK + "z.ics", CalDAV_Timezones="f") == short
    for headers in ({}, {"CalDAV_Timezones": "T"}, {"CalDAV_Timezones": "maybe"}):
        assert dav("GET", WORK + "z.ics", **headers).body.decode() == text


def test_who_wants_the_zones_gets_those_that_nobody_sent(box, dav):
    text = zoned()
    assert dav.put(WORK + "z.ics", text).status == 201
    assert dav("GET", WORK + "z.ics").body.decode() == text
    assert dav("GET", WORK + "z.ics", CalDAV_Timezones="F").body.decode() == text
    full = dav("GET", WORK + "z.ics", CalDAV_Timezones="T").body.decode()
    assert full.count("\r\nBEGIN:VTIMEZONE") == 1
    assert "TZID:Asia/Shanghai\r\n" in full
    start = full.index("BEGIN:VTIMEZONE")
    assert full[:start] + full[full.index("BEGIN:VEVENT") :] == text
    assert data(dav, WORK + "z.ics", CalDAV_Timezones="T").count("\nBEGIN:VTIMEZONE") == 1
    unknown = dav.put(WORK + "odd.ics", zoned(used="Office", uid="odd"))
    assert (unknown.status, unknown.precondition) == (403, tag("C:valid-calendar-data"))

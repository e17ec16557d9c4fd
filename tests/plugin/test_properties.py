"""PROPFIND and PROPPATCH."""

import dataclasses

import pytest
from davkit import NS, event, tag

WORK = "/dav/alice/work/"
HOME = "/dav/alice/"


def test_a_client_finds_its_way_from_the_host_to_the_calendars(dav):
    for path in ("/", "/dav/", "/dav", HOME, WORK):
        answer = dav.propfind(path, "D:current-user-principal")
        assert next(iter(answer.parts.values())).hrefs("D:current-user-principal") == [HOME], path
    principal = dav.propfind(HOME, "C:calendar-home-set", "D:principal-URL", "D:resourcetype").parts[HOME]
    assert principal.hrefs("C:calendar-home-set") == [HOME]
    assert principal.hrefs("D:principal-URL") == [HOME]
    assert {one.tag for one in principal.found[tag("D:resourcetype")]} == {
        tag("D:principal"),
        tag("D:collection"),
    }
    calendars = dav.propfind(HOME, "D:resourcetype", depth="1").parts
    assert {one.tag for one in calendars[WORK].found[tag("D:resourcetype")]} == {
        tag("C:calendar"),
        tag("D:collection"),
    }


def test_the_root_answers_under_the_name_it_was_asked_by(dav):
    assert list(dav.propfind("/", "D:resourcetype").parts) == ["/"]
    assert list(dav.propfind("/dav/", "D:resourcetype").parts) == ["/dav/"]


def test_who_i_am_is_a_mail_address_first(box, dav):
    part = dav.propfind(HOME, "C:calendar-user-address-set").parts[HOME]
    assert part.hrefs("C:calendar-user-address-set") == ["mailto:alice@example.org", HOME]
    part = box.client("bob").propfind("/dav/bob/", "C:calendar-user-address-set").parts["/dav/bob/"]
    assert part.hrefs("C:calendar-user-address-set") == ["/dav/bob/"]


def test_a_calendar_says_what_it_can_hold_and_do(dav):
    part = dav.propfind(
        WORK, "C:supported-calendar-component-set", "D:supported-report-set", "D:current-user-privilege-set",
        "D:owner", "D:displayname", "C:max-resource-size", "D:getcontenttype", "C:supported-calendar-data",
    ).parts[WORK]  # fmt: skip
    assert [one.get("name") for one in part.found[tag("C:supported-calendar-component-set")]] == ["VEVENT"]
    reports = {one.tag for one in part.found[tag("D:supported-report-set")].iter()}
    assert {tag("D:sync-collection"), tag("C:calendar-multiget"), tag("C:calendar-query")} <= reports
    assert {tag("D:expand-property"), tag("D:principal-property-search")} <= reports
    privileges = {one.tag for one in part.found[tag("D:current-user-privilege-set")].iter()}
    assert {
        tag("D:read"),
        tag("D:write"),
        tag("D:write-content"),
        tag("D:bind"),
        tag("D:unbind"),
    } <= privileges
    assert part.hrefs("D:owner") == [HOME]
    assert part.text("D:displayname") == "Work"
    assert part.missing == set()


def test_a_calendar_without_a_name_shows_its_slug(dav):
    assert (
        dav.propfind("/dav/alice/second/", "D:displayname").parts["/dav/alice/second/"].text("D:displayname")
        == "second"
    )


def test_what_is_not_there_is_404_in_its_propstat(dav):
    part = dav.propfind(
        WORK, "D:displayname", "C:schedule-inbox-URL", "CS:pushkey", "D:getcontentlength"
    ).parts[WORK]
    assert part.statuses == {
        tag("D:displayname"): 200,
        tag("C:schedule-inbox-URL"): 404,
        tag("CS:pushkey"): 404,
        tag("D:getcontentlength"): 404,
    }


def test_unknown_namespaces_and_none_at_all_come_back_as_they_were(dav):
    body = (
        '<D:propfind xmlns:D="DAV:" xmlns:a="urn:a&amp;b" xmlns:b="http://b/"><D:prop><a:x/><b:y/><z/>'
        "<D:displayname/></D:prop></D:propfind>"
    )
    part = dav("PROPFIND", WORK, body).parts[WORK]
    assert part.missing == {"{urn:a&b}x", "{http://b/}y", "z"}


def test_an_empty_body_means_all_properties(box, dav):
    box.service.seed(1, "a.ics", event("a"))
    for body in ("", '<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>'):
        parts = dav("PROPFIND", WORK, body, Depth="1").parts
        assert tag("CS:getctag") in parts[WORK].found
        assert parts[WORK + "a.ics"].text("D:getcontentlength") == str(len(event("a")))
        assert all(not part.missing for part in parts.values())


def test_allprop_can_include_more(dav):
    include = "<D:allprop/><D:include><C:max-resource-size/><D:x/></D:include>"
    body = f'<D:propfind xmlns:D="DAV:" xmlns:C="{NS["C"]}">{include}</D:propfind>'
    part = dav("PROPFIND", WORK, body).parts[WORK]
    assert tag("C:max-resource-size") in part.found
    assert part.missing == {tag("D:x")}


def test_propname_lists_names_without_values(box, dav):
    box.service.seed(1, "a.ics", event("a"))
    parts = dav("PROPFIND", WORK, '<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>', Depth="1").parts
    assert {tag("D:getetag"), tag("C:supported-calendar-component-set")} <= set(parts[WORK].found)
    assert tag("D:getcontenttype") in parts[WORK + "a.ics"].found
    assert all(not one.text and not len(one) for part in parts.values() for one in part.found.values())


def test_an_object_has_its_own_properties(box, dav):
    box.service.seed(1, "a.ics", event("a"))
    part = dav.propfind(WORK + "a.ics", "D:getetag", "D:resourcetype", "D:owner", "D:displayname",
                        "D:current-user-principal", "C:calendar-data").parts[WORK + "a.ics"]  # fmt: skip
    assert part.text("D:getetag") == dav("GET", WORK + "a.ics").headers["ETag"]
    assert len(part.found[tag("D:resourcetype")]) == 0
    assert part.hrefs("D:owner") == [HOME]
    assert part.missing == {tag("D:displayname"), tag("C:calendar-data")}


@pytest.mark.parametrize(
    "path", ["/dav/alice/none/", WORK + "none.ics", WORK + "a/b/c", "/dav/alice/none/a.ics"]
)
def test_what_does_not_exist_is_404(dav, path):
    assert dav.propfind(path, "D:displayname").status == 404


def test_depth_infinity_goes_one_level_down(box, dav):
    box.service.seed(1, "a.ics", event("a"))
    assert set(dav.propfind(WORK, "D:getetag", depth="infinity").parts) == {WORK, WORK + "a.ics"}
    assert "/dav/alice/work/a.ics" not in dav.propfind(HOME, "D:getetag", depth="infinity").parts


# ---- PROPPATCH ----------------------------------------------------------------------------------------------


def test_name_colour_and_order_are_set_and_removed(box, dav):
    answer = dav.proppatch(
        WORK,
        "<D:set><D:prop><D:displayname>Büro &amp; 茶</D:displayname><ICAL:calendar-order>7</ICAL:calendar-order>"
        '<ICAL:calendar-color symbolic-color="red">#FF2968FF</ICAL:calendar-color></D:prop></D:set>',
    )
    assert answer.status == 207
    assert set(answer.parts[WORK].statuses.values()) == {200}
    part = dav.propfind(WORK, "D:displayname", "ICAL:calendar-color", "ICAL:calendar-order").parts[WORK]
    assert [part.text(name) for name in ("D:displayname", "ICAL:calendar-color", "ICAL:calendar-order")] == [
        "Büro & 茶", "#FF2968FF", "7"]  # fmt: skip
    assert box.service.collection("alice", "work").props["ICAL:calendar-color"] == "#FF2968FF"
    dav.proppatch(WORK, "<D:remove><D:prop><ICAL:calendar-order/></D:prop></D:remove>")
    assert dav.propfind(WORK, "ICAL:calendar-order").parts[WORK].missing == {tag("ICAL:calendar-order")}


def test_a_value_with_elements_inside_is_kept_with_them(dav):
    dav.proppatch(
        WORK,
        "<D:set><D:prop><C:schedule-calendar-transp><C:transparent/></C:schedule-calendar-transp>"
        '<x:y xmlns:x="urn:x" xml:lang="de">a<x:z k="1&quot;&lt;"/>b</x:y></D:prop></D:set>',
    )
    inner = "<D:prop><C:schedule-calendar-transp/><x:y/></D:prop>"
    body = f'<D:propfind xmlns:D="DAV:" xmlns:C="{NS["C"]}" xmlns:x="urn:x">{inner}</D:propfind>'
    part = dav("PROPFIND", WORK, body).parts[WORK]
    assert [one.tag for one in part.found[tag("C:schedule-calendar-transp")]] == [tag("C:transparent")]
    odd = part.found["{urn:x}y"]
    assert (odd.text, odd[0].tag, odd[0].get("k"), odd[0].tail) == ("a", "{urn:x}z", '1"<', "b")


@pytest.mark.parametrize("text", ["data:application/xml,&lt;boom", "data:application/xml,", "&lt;b/&gt;"])
@pytest.mark.parametrize("name", ["D:displayname", "CS:something"])
def test_a_text_that_looks_like_markup_stays_a_text(dav, name, text):
    dav.proppatch(WORK, f"<D:set><D:prop><{name}>{text}</{name}></D:prop></D:set>")
    shown = dav.propfind(WORK, name).parts[WORK].text(name)
    assert shown == text.replace("&lt;", "<").replace("&gt;", ">")


@pytest.mark.parametrize(
    "name",
    [
        "D:getetag",
        "D:resourcetype",
        "CS:getctag",
        "D:sync-token",
        "C:supported-calendar-component-set",
        "D:owner",
    ],
)
@pytest.mark.parametrize("verb", ["set", "remove"])
def test_a_protected_property_is_refused_and_nothing_else_is_done(box, dav, name, verb):
    before = box.service.calendars[1].view
    answer = dav.proppatch(
        WORK,
        f"<D:{verb}><D:prop><{name}/></D:prop></D:{verb}>"
        "<D:set><D:prop><D:displayname>x</D:displayname></D:prop></D:set>",
    )
    assert answer.status == 207
    assert answer.parts[WORK].statuses == {tag(name): 403, tag("D:displayname"): 424}
    assert answer.xml.find(f".//{tag('D:cannot-modify-protected-property')}") is not None
    assert box.service.calendars[1].view == before
    assert (
        dav.propfind(WORK, "D:resourcetype").parts[WORK].found[tag("D:resourcetype")].find(tag("C:calendar"))
        is not None
    )


def test_the_last_word_on_a_property_counts(dav):
    dav.proppatch(
        WORK,
        "<D:set><D:prop><D:displayname>one</D:displayname></D:prop></D:set><D:remove><D:prop><D:displayname/></D:prop>"
        "</D:remove><D:set><D:prop><D:displayname>two</D:displayname></D:prop></D:set>",
    )
    assert dav.propfind(WORK, "D:displayname").parts[WORK].text("D:displayname") == "two"


def test_colour_can_be_set_on_a_calendar_that_cannot_be_written(dav):
    """Apple sends colour and order at every set-up; the engine keeps them for this user."""
    body = "<D:set><D:prop><ICAL:calendar-color>#00FF00FF</ICAL:calendar-color></D:prop></D:set>"
    answer = dav.proppatch("/dav/alice/team/", body)
    assert answer.parts["/dav/alice/team/"].statuses == {tag("ICAL:calendar-color"): 200}


def test_objects_and_the_root_keep_no_properties(box, dav):
    box.service.seed(1, "a.ics", event("a"))
    body = "<D:set><D:prop><CS:something>x</CS:something></D:prop></D:set>"
    for path in ("/dav/", "/dav/alice/schedule-outbox/", "/dav/alice/visible-people/", WORK + "a.ics"):
        answer = dav.proppatch(path, body)
        assert answer.status == 207
        assert answer.parts[path].statuses == {tag("CS:something"): 403}
    assert dav.proppatch("/dav/alice/none/", body).status == 404
    assert dav.proppatch(WORK + "none.ics", body).status == 404


def test_a_property_that_is_too_long_or_one_too_many_is_refused(box, dav):
    long = f"<D:set><D:prop><CS:long>{'x' * 70_000}</CS:long></D:prop></D:set>"
    assert dav.proppatch(WORK, long).parts[WORK].statuses == {tag("CS:long"): 403}
    many = "".join(f"<CS:p{number}>x</CS:p{number}>" for number in range(300))
    assert set(
        dav.proppatch(WORK, f"<D:set><D:prop>{many}</D:prop></D:set>").parts[WORK].statuses.values()
    ) == {403}
    assert set(box.service.collection("alice", "work").props) == {"D:displayname"}


@pytest.mark.parametrize("inner", ["", "<D:set/>", "<D:set><D:prop/></D:set>", "<D:other/>"])
def test_a_proppatch_without_a_property_is_a_bad_request(dav, inner):
    assert dav.proppatch(WORK, inner).status == 400


def test_characters_that_xml_cannot_carry_do_not_spoil_an_answer(box, dav):
    number = box.service.calendars[1]
    number.objects["a.ics"] = box.service.seed(1, "a.ics", event("a"))
    spoiled = dataclasses.replace(number.objects["a.ics"], text=event("a", "SUMMARY:a\x0b\x00b\ufffe"))
    number.objects["a.ics"] = spoiled
    data = dav.multiget(WORK, WORK + "a.ics").parts[WORK + "a.ics"].text("C:calendar-data")
    assert "SUMMARY:a\ufffd\ufffdb\ufffd\r\n" in data

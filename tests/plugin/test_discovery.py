"""What clients ask before they show a calendar: who am I, who else is there, what can be held."""

import uuid
from urllib.parse import unquote

import caldav
import pytest
from davkit import NS, tag

from bridge.engine.api import PersonView

HOME = "/dav/alice/"
WORK = "/dav/alice/work/"
PEOPLE = "/dav/alice/visible-people/"
BOB = f"{PEOPLE}bob@example.org/"
CAROL = f"{PEOPLE}carol.wu@example.org/"


@pytest.fixture
def company(box):
    box.service.people["alice"] = [
        PersonView(address="mailto:bob@example.org", name="Bob Meier"),
        PersonView(address="mailto:carol.wu@example.org", name="吴丽"),
    ]
    return box


def search(dav, *words, name="D:displayname", path=HOME, test="", kind="", props="<D:displayname/>"):
    kind = f' match-type="{kind}"' if kind else ""
    test = f' test="{test}"' if test else ""
    xmlns = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())
    inner = "".join(
        f"<D:property-search><D:prop><{name}/></D:prop><D:match{kind}>{word}</D:match></D:property-search>"
        for word in words
    )
    body = f"<D:principal-property-search {xmlns}{test}>{inner}<D:prop>{props}</D:prop></D:principal-property-search>"
    return dav("REPORT", path, body, Depth="0")


def test_colleagues_are_found_by_name_and_address_and_nobody_else(company, dav):
    assert list(search(dav, "meier").parts) == [BOB]
    assert list(search(dav, "吴").parts) == [CAROL]
    assert list(search(dav, "WU@", name="CS:email-address-set").parts) == [CAROL]
    assert list(search(dav, "mailto:bob", name="C:calendar-user-address-set").parts) == [BOB]
    assert search(dav, "dora").parts == {}
    assert search(company.client("bob"), "meier", path="/dav/bob/").parts == {}


def test_a_search_compares_as_it_is_told(company, dav):
    assert list(search(dav, "bob", kind="starts-with").parts) == [BOB]
    assert search(dav, "meier", kind="starts-with").parts == {}
    assert list(search(dav, "meier", kind="ends-with").parts) == [BOB]
    assert search(dav, "bob", kind="equals").parts == {}
    assert list(search(dav, "bob", "meier").parts) == [BOB]
    assert search(dav, "bob", "吴").parts == {}
    assert set(search(dav, "bob", "吴", test="anyof").parts) == {BOB, CAROL}


def test_a_search_works_at_every_place_that_announces_it(company, dav):
    for path in ("/dav/", HOME, PEOPLE, WORK):
        part = dav.propfind(path, "D:supported-report-set", "D:principal-collection-set").parts[path]
        reports = {one.tag for one in part.found[tag("D:supported-report-set")].iter()}
        assert tag("D:principal-property-search") in reports
        assert list(search(dav, "meier", path=path).parts) == [BOB]
        for place in part.hrefs("D:principal-collection-set"):
            assert dav.propfind(place, "D:resourcetype").status == 207


def test_i_find_myself_under_my_own_address(dav):
    assert list(search(dav, "alice@example", name="CS:email-address-set").parts) == [HOME]


def test_what_a_search_found_is_a_principal_that_can_be_looked_at(company, dav):
    names = ("D:resourcetype", "D:displayname", "D:principal-URL", "C:calendar-user-address-set", "C:calendar-user-type",
             "CS:email-address-set", "C:calendar-home-set")  # fmt: skip
    found = search(dav, "meier", props="".join(f"<{name}/>" for name in names)).parts[BOB]
    looked = dav.propfind(BOB, *names).parts[BOB]
    for part in (found, looked):
        assert [one.tag for one in part.found[tag("D:resourcetype")]] == [tag("D:principal")]
        assert part.text("D:displayname") == "Bob Meier"
        assert list(map(unquote, part.hrefs("D:principal-URL"))) == [BOB]
        assert part.hrefs("C:calendar-user-address-set") == ["mailto:bob@example.org"]
        assert part.text("C:calendar-user-type") == "INDIVIDUAL"
        assert part.found[tag("CS:email-address-set")][0].text == "bob@example.org"
        assert list(map(unquote, part.hrefs("C:calendar-home-set"))) == [BOB]  # where no calendar is seen
    assert dav.propfind(f"{PEOPLE}nobody@example.org/", "D:displayname").status == 404
    assert company.client("bob").propfind(BOB, "D:displayname").status == 403


def test_nobody_is_listed(company, dav):
    assert list(dav.propfind(PEOPLE, "D:displayname", depth="1").parts) == [PEOPLE]


def test_a_search_that_meets_too_many_says_so(box, dav):
    box.service.people["alice"] = [
        PersonView(address=f"mailto:p{n}@example.org", name=f"P {n}") for n in range(500)
    ]
    answer = search(dav, "P")
    assert len(answer.parts) == 101
    assert answer.parts[HOME].status == 507
    assert answer.xml.find(f".//{tag('D:number-of-matches-within-limits')}") is not None


def test_what_can_be_searched_is_told(dav):
    answer = dav.report(HOME, "D:principal-search-property-set", "")
    assert answer.status == 200
    names = {one[0].tag for one in answer.xml.iter(tag("D:prop"))}
    assert names == {tag("D:displayname"), tag("C:calendar-user-address-set"), tag("CS:email-address-set")}


def test_an_empty_search_finds_nobody_else_and_does_not_fail(company, dav):
    answer = dav.report(HOME, "D:principal-property-search", "")
    assert (answer.status, list(answer.parts)) == (207, [HOME])


def test_python_caldav_finds_me_and_colleagues(company, dav):
    with caldav.DAVClient(url=f"{company.url}/dav/", username="alice", password="pw") as client:
        assert [str(one.url.path) for one in client.search_principals()] == [HOME]
        assert [str(one.url.path) for one in client.search_principals("ali")] == [HOME]
        (bob,) = client.search_principals("meier")
        assert (bob.get_display_name(), bob.url.path) == ("Bob Meier", BOB)
        assert bob.get_calendars() == []


def words(dav, *tokens, context="attendee", limit=""):
    xmlns = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())
    inner = "".join(f"<CS:search-token>{one}</CS:search-token>" for one in tokens)
    inner += f"<CS:limit><CS:nresults>{limit}</CS:nresults></CS:limit>" if limit else ""
    body = f'<CS:calendarserver-principal-search {xmlns} context="{context}">{inner}<D:prop><D:displayname/></D:prop>'
    return dav("REPORT", "/dav/", f"{body}</CS:calendarserver-principal-search>", Depth="0")


def test_apples_word_search_finds_people_and_no_rooms(company, dav):
    assert list(words(dav, "mei", "bob").parts) == [BOB]
    assert list(words(dav, "carol").parts) == [CAROL]
    assert words(dav, "meier", context="location").parts == {}
    assert len(words(dav, "example", limit="1").parts) == 2  # one, and that there are more
    assert words(dav).status == 400


def test_who_am_i_is_answered_from_the_root_and_what_is_mine_from_the_home(dav):
    assert list(dav.report("/dav/", "D:principal-match", "<D:self/>").parts) == [HOME]
    inner = "<D:principal-property><D:owner/></D:principal-property><D:prop><D:displayname/></D:prop>"
    mine = dav.report(HOME, "D:principal-match", inner).parts
    assert set(mine) == {HOME, WORK, "/dav/alice/second/", "/dav/alice/team/"}
    assert mine[WORK].text("D:displayname") == "Work"


def test_expand_property_shows_what_stands_behind_an_href(company, dav):
    inner = (
        '<D:property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav">'
        '<D:property name="displayname"/><D:property name="calendar-user-type" namespace="urn:ietf:params:xml:ns:caldav"/>'
        '</D:property><D:property name="principal-URL"/><D:property name="nothing"/>'
    )
    answer = dav.report(HOME, "D:expand-property", inner)
    outer = answer.xml.find(tag("D:response"))
    home = outer.find(f".//{tag('C:calendar-home-set')}")
    assert home.findtext(f"{tag('D:response')}/{tag('D:href')}") == HOME
    assert home.findtext(f".//{tag('D:displayname')}") == "alice"
    assert home.findtext(f".//{tag('C:calendar-user-type')}") == "INDIVIDUAL"
    assert outer.findtext(f".//{tag('D:principal-URL')}/{tag('D:href')}") == HOME
    assert outer.find(f".//{tag('D:nothing')}") is not None


def test_expand_property_is_bounded_and_says_nothing_of_others(company, dav):
    deep = '<D:property name="principal-URL"/>'
    for _ in range(10):
        deep = f'<D:property name="principal-URL">{deep}</D:property>'
    assert dav.report(HOME, "D:expand-property", deep).status == 403
    assert dav.report("/dav/bob/", "D:expand-property", deep).status == 403
    for name in ("a b", "a&lt;b", "", "x}y"):
        assert dav.report(HOME, "D:expand-property", f'<D:property name="{name}"/>').status == 400


def test_a_calendar_says_what_it_can_hold(dav):
    part = dav.propfind(
        WORK, "D:resource-id", "C:min-date-time", "C:max-date-time", "C:schedule-calendar-transp"
    ).parts[WORK]
    urn = part.hrefs("D:resource-id")[0]
    assert uuid.UUID(urn.removeprefix("urn:uuid:")).version == 5
    assert dav.propfind(WORK, "D:resource-id").parts[WORK].hrefs("D:resource-id") == [urn]
    assert dav.propfind("/dav/alice/second/", "D:resource-id").parts["/dav/alice/second/"].hrefs(
        "D:resource-id"
    ) != [urn]
    assert part.text("C:min-date-time") == "19700101T000000Z"
    assert part.text("C:max-date-time") == "21001231T235959Z"
    assert part.found[tag("C:schedule-calendar-transp")][0].tag == tag("C:opaque")


def test_a_zone_by_name_is_the_zone_by_value(box, dav):
    def zone():
        part = dav.propfind(WORK, "C:calendar-timezone", "C:calendar-timezone-id").parts[WORK]
        return part.found.get(tag("C:calendar-timezone")), part.found.get(tag("C:calendar-timezone-id"))

    assert zone() == (None, None)
    dav.proppatch(
        WORK, "<D:set><D:prop><C:calendar-timezone-id>Europe/Berlin</C:calendar-timezone-id></D:prop></D:set>"
    )
    value, name = zone()
    assert name.text == "Europe/Berlin"
    assert "TZID:Europe/Berlin" in value.text
    other = value.text.replace("TZID:Europe/Berlin", "TZID:W. Europe Standard Time")
    dav.proppatch(WORK, f"<D:set><D:prop><C:calendar-timezone>{other}</C:calendar-timezone></D:prop></D:set>")
    value, name = zone()
    assert (value.text.replace("\r\n", "\n"), name.text) == (other.replace("\r\n", "\n"), "Europe/Berlin")
    dav.proppatch(WORK, "<D:remove><D:prop><C:calendar-timezone-id/></D:prop></D:remove>")
    assert zone() == (None, None)


@pytest.mark.parametrize(
    ("name", "value", "precondition"),
    [
        ("C:calendar-timezone-id", "Mars/Olympus", "C:valid-timezone"),
        ("C:calendar-timezone", "nonsense", "C:valid-calendar-data"),
        (
            "C:calendar-timezone",
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
            "C:valid-calendar-data",
        ),
    ],
)
def test_a_zone_that_is_none_is_refused_and_nothing_else_changes(box, dav, name, value, precondition):
    before = box.service.calendars[1].view
    answer = dav.proppatch(
        WORK, f"<D:set><D:prop><{name}>{value}</{name}><D:displayname>x</D:displayname></D:prop></D:set>"
    )
    assert answer.parts[WORK].statuses == {tag(name): 403, tag("D:displayname"): 424}
    assert answer.xml.find(f".//{tag('D:error')}/{tag(precondition)}") is not None
    assert box.service.calendars[1].view == before


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "MKCALENDAR", "MKCOL"])
@pytest.mark.parametrize("path", [PEOPLE, BOB, f"{BOB}x"])
def test_the_place_of_people_is_no_calendar(company, dav, method, path):
    answer = dav(method, path, Content_Type="text/calendar")
    assert answer.status in (403, 404, 405, 409)
    assert answer.message


def test_the_property_that_makes_a_calendar_a_calendar_stays(box, dav):
    before = box.service.calendars[1].view
    for inner in ("<D:remove><D:prop><D:resourcetype/></D:prop></D:remove>",
                  "<D:set><D:prop><D:resourcetype><D:collection/></D:resourcetype></D:prop></D:set>"):  # fmt: skip
        answer = dav.proppatch(WORK, inner)
        assert answer.parts[WORK].statuses == {tag("D:resourcetype"): 403}
        assert answer.xml.find(f".//{tag('D:cannot-modify-protected-property')}") is not None
    assert box.service.calendars[1].view == before

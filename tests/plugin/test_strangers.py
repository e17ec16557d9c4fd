"""Nobody sees or touches another's calendars, by any method, and nobody learns whether they exist."""

import pytest
from davkit import event, vevent

ALL = [
    "PROPFIND",
    "REPORT",
    "GET",
    "HEAD",
    "PUT",
    "DELETE",
    "MOVE",
    "COPY",
    "MKCALENDAR",
    "MKCOL",
    "PROPPATCH",
]
ALL += ["LOCK", "UNLOCK", "POST", "OPTIONS", "ACL"]
REPORTS = {
    "D:sync-collection": "<D:sync-token/><D:prop><D:getetag/></D:prop>",
    "C:calendar-multiget": "<D:prop><D:getetag/></D:prop><D:href>/dav/bob/home/secret.ics</D:href>",
    "C:calendar-query": f"<D:prop><D:getetag/></D:prop><C:filter>{vevent()}</C:filter>",
    "C:free-busy-query": '<C:time-range start="20260601T000000Z" end="20260701T000000Z"/>',
    "D:principal-property-search": "",
    "D:expand-property": "",
}
THEIRS = [
    "/dav/bob/",
    "/dav/bob/home/",
    "/dav/bob/home/secret.ics",
    "/dav/bob/none/",
    "/dav/nobody/",
    "/dav/nobody/x/y",
]


@pytest.fixture
def secret(box):
    box.service.seed(4, "secret.ics", event("secret", "SUMMARY:Takeover"))
    box.service.calls.clear()
    return box


def comparable(answer):
    return (
        answer.status,
        answer.body,
        sorted(key for key in answer.headers if key not in ("Date", "X-Request-Id")),
    )


@pytest.mark.parametrize("method", ALL)
def test_no_method_tells_apart_what_exists_from_what_does_not(secret, dav, method):
    answers = {
        str(comparable(dav(method, path, Depth="1", Destination="/dav/alice/work/x.ics", If_Match="*")))
        for path in THEIRS
    }
    assert len(answers) == 1
    assert answers.pop().startswith(("(403", "(405"))
    assert not {"collection", "collections", "get", "get_all", "delete", "move"} & set(secret.service.calls)


@pytest.mark.parametrize("depth", ["0", "1", "infinity"])
def test_propfind_shows_nothing_of_others(secret, dav, depth):
    for path in THEIRS:
        assert dav.propfind(path, "D:displayname", depth=depth).status == 403
    for path in ("/dav/", "/"):
        answer = dav.propfind(path, "D:displayname", "C:calendar-home-set", depth=depth)
        assert answer.status == 207
        assert b"bob" not in answer.body


@pytest.mark.parametrize("report", REPORTS)
def test_no_report_shows_anything_of_others(secret, dav, report):
    for path in THEIRS:
        assert dav.report(path, report, REPORTS[report]).status == 403
    own = dav.report("/dav/alice/work/", report, REPORTS[report])
    assert b"Takeover" not in own.body
    if report == "C:calendar-multiget":
        assert own.parts["/dav/bob/home/secret.ics"].status == 404


def test_put_into_another_calendar_changes_nothing(secret, dav):
    assert dav.put("/dav/bob/home/new.ics", event("new")).status == 403
    assert dav.put("/dav/bob/home/secret.ics", event("secret")).status == 403
    assert list(secret.service.calendars[4].objects) == ["secret.ics"]


def test_an_object_cannot_be_moved_to_or_from_another_user(secret, dav):
    secret.service.seed(1, "mine.ics", event("mine"))
    for to in ("/dav/bob/home/x.ics", "/dav/bob/home/", "/dav/bob/", "/dav/nobody/x/y.ics"):
        assert dav("MOVE", "/dav/alice/work/mine.ics", Destination=to).status == 403
    assert dav("MOVE", "/dav/bob/home/secret.ics", Destination="/dav/alice/work/x.ics").status == 403
    assert (
        dav("MOVE", "/dav/alice/work/../../bob/home/secret.ics", Destination="/dav/alice/work/x").status
        == 403
    )
    assert list(secret.service.calendars[4].objects) == ["secret.ics"]
    assert list(secret.service.calendars[1].objects) == ["mine.ics"]


@pytest.mark.parametrize(
    "path", ["/dav/alice/../bob/home/secret.ics", "/dav/alice/%2e%2e/bob/home/secret.ics", "/dav/./bob/home/secret.ics",
             "/dav//bob/home/secret.ics", "/dav/alice/work/..%2f..%2fbob/home/secret.ics"],
)  # fmt: skip
def test_no_spelling_of_a_path_leads_around_it(secret, dav, path):
    assert dav("GET", path).status in (403, 404)
    assert dav("DELETE", path).status in (403, 404)
    assert list(secret.service.calendars[4].objects) == ["secret.ics"]


def test_a_login_is_not_the_prefix_of_another(box):
    box.service.add_user("bobby")
    assert box.client("bobby").propfind("/dav/bob/", "D:displayname").status == 403
    assert box.client("bob").propfind("/dav/bobby/", "D:displayname").status == 403


def test_a_read_only_password_reads_everything_and_writes_nothing(box):
    box.service.seed(1, "a.ics", event("a"))
    reader = box.client("alice", "ro-pw")
    assert reader("GET", "/dav/alice/work/a.ics").status == 200
    before = box.service.calendars[1].view
    attempts = [
        reader.put("/dav/alice/work/b.ics", event("b")),
        reader.put("/dav/alice/work/a.ics", event("a", "SUMMARY:x")),
        reader("DELETE", "/dav/alice/work/a.ics"),
        reader("DELETE", "/dav/alice/work/"),
        reader("MOVE", "/dav/alice/work/a.ics", Destination="/dav/alice/second/a.ics"),
        reader("MKCALENDAR", "/dav/alice/new/"),
        reader("MKCOL", "/dav/alice/new/"),
        reader.proppatch(
            "/dav/alice/work/", "<D:set><D:prop><D:displayname>x</D:displayname></D:prop></D:set>"
        ),
    ]
    assert {answer.status for answer in attempts} == {403}
    assert box.service.calendars[1].view == before
    part = reader.propfind("/dav/alice/work/", "D:current-user-privilege-set").parts["/dav/alice/work/"]
    names = {one.tag.partition("}")[2] for one in part.found.popitem()[1].iter()}
    assert "read" in names
    assert not {"write", "write-content", "bind", "unbind", "all", "write-properties"} & names


def test_a_calendar_that_cannot_be_written_says_why(box, dav):
    box.service.seed(3, "a.ics", event("a"))
    for answer in (
        dav.put("/dav/alice/team/b.ics", event("b")),
        dav("DELETE", "/dav/alice/team/a.ics"),
        dav("DELETE", "/dav/alice/team/"),
        dav("MOVE", "/dav/alice/team/a.ics", Destination="/dav/alice/work/a.ics"),
    ):
        assert answer.status == 403
        assert answer.message == "This calendar belongs to somebody else."
    assert dav("GET", "/dav/alice/team/a.ics").status == 200
    part = dav.propfind("/dav/alice/team/", "D:current-user-privilege-set").parts["/dav/alice/team/"]
    assert "write" not in {one.tag.partition("}")[2] for one in part.found.popitem()[1].iter()}


def test_a_look_up_that_fails_is_an_answer_and_never_names_what_failed(box, dav):
    for name in ("collection", "collections", "etags", "addresses"):
        box.service.refusals[name] = RuntimeError("password=hunter2 at /var/lib/db")
        answer = dav.propfind("/dav/alice/work/" if name in ("collection", "etags") else "/dav/alice/",
                              "D:displayname", "C:calendar-user-address-set", depth="1")  # fmt: skip
        assert answer.status == 500
        assert b"hunter2" not in answer.body
    box.service.refusals["touch"] = RuntimeError()
    box.service.refusals["has_user"] = RuntimeError()
    assert dav.propfind("/dav/alice/work/", "D:displayname").status == 207

"""Who answers which path, and what becomes of a request that is nobody's."""

import logging

import prometheus_client
import pytest
from davkit import event, running

from bridge.config import Server
from bridge.errors import Throttled, Unreachable
from bridge.web.wsgi import say

ALL = ["GET", "HEAD", "PROPFIND", "REPORT", "OPTIONS", "PUT", "POST", "DELETE", "MKCOL"]


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("name", ["caldav", "carddav", "caldav/"])
def test_well_known_leads_to_the_calendars_by_every_method_and_without_a_login(box, method, name):
    answer = box.client(user="")(method, f"/.well-known/{name}", b"x" if method == "PUT" else None)
    assert (answer.status, answer.headers["Location"]) == (301, "/dav/")


@pytest.mark.parametrize("path", ["/.well-known/", "/.well-known/other", "/nothing", "/favicon.ico", "/feed/", "/feed",
                                  "/feed/a/b.ics", "/hook/", "/hook/none", "/davx/", "//", "/%2e%2e/etc/passwd"])  # fmt: skip
def test_everything_else_is_not_there(box, path):
    answer = box.client(user="")("GET", path)
    assert answer.status == (200 if path == "//" else 404)


def test_a_path_that_is_not_utf_8_is_a_bad_request(box):
    assert box.client()("GET", "/%FF").status == 400


@pytest.mark.parametrize("path", ["/", "/ui/", "/ui/anything"])
def test_the_page_tells_the_address_in_both_languages_and_runs_nothing(box, path):
    answer = box.client(user="")("GET", path)
    text = answer.body.decode()
    assert answer.status == 200
    assert f"{box.url}/dav/" in text
    assert "鹊桥" in text
    assert 'lang="en"' in text
    assert "<script" not in text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert box.client(user="")("HEAD", path).headers["Content-Length"] == str(len(answer.body))
    assert box.client(user="")("POST", path).status == 405


def test_the_page_shows_the_public_url_and_no_markup_of_a_stranger(service):
    with running(service, Server(public_url="https://cal.example.com/x")) as box:
        assert "https://cal.example.com/x/dav/" in box.client(user="")("GET", "/").body.decode()
    with running(service) as box:
        answer = box.client(user="")("GET", "/", Host='"><script>alert(1)</script>')
        assert b"<script" not in answer.body


def test_a_login_is_asked_for_at_once_and_in_utf_8(box):
    for method in ("PROPFIND", "GET", "PUT", "OPTIONS", "BREW"):
        for path in ("/dav/", "/dav/alice/", "/dav/nobody/x", "/dav"):
            answer = box.client(user="")(method, path)
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"] == 'Basic realm="Queqiao", charset="UTF-8"'
    assert box.client(user="")("PROPFIND", "/").status == 401


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic ", "Basic !!!", "Basic YWxpY2U=", "Basic OnB3", "Basic YWxpY2U6", "Bearer x", "Digest username=x",
     "basic", "Basic " + "A" * 60_000, "Basic YWxpY2U6cHc=x=", "Basic \xff\xfe", "Negotiate abc", "Basic YWwAaWNlOnB3"],
)  # fmt: skip
def test_a_malformed_authorization_is_401_and_never_an_error(box, header):
    client = box.client(user="")
    client.headers["Authorization"] = header
    assert client("PROPFIND", "/dav/alice/").status == 401


def test_credentials_in_other_spellings_are_understood(box):
    box.service.add_user("bär", password="päss:wörd")
    import base64

    for raw in ("bär:päss:wörd".encode(), "bär:päss:wörd".encode("latin-1")):
        for scheme in ("Basic", "basic", "BASIC"):
            client = box.client(user="")
            client.headers["Authorization"] = f"{scheme} {base64.b64encode(raw).decode()}"
            assert client("PROPFIND", "/dav/b%C3%A4r/").status == 207
    unpadded = base64.b64encode(b"alice:pw").decode().rstrip("=")
    client = box.client(user="")
    client.headers["Authorization"] = f"Basic {unpadded}"
    assert client("PROPFIND", "/dav/alice/").status == 207


def test_who_fails_too_often_is_told_to_wait_and_nobody_else_is(box):
    statuses = {box.client("alice", f"guess {number}")("PROPFIND", "/dav/").status for number in range(25)}
    assert statuses == {401, 429}
    blocked = box.client("alice", "guess")("PROPFIND", "/dav/")
    assert (blocked.status, 0 < int(blocked.headers["Retry-After"]) <= 60) == (429, True)
    assert box.client("bob")("PROPFIND", "/dav/").status == 207


def test_a_device_that_was_good_lately_is_not_locked_out_by_its_neighbour(box):
    assert box.client("alice")("PROPFIND", "/dav/").status == 207
    for number in range(30):
        box.client("alice", f"guess {number}")("PROPFIND", "/dav/")
    assert box.client("alice", "guess")("PROPFIND", "/dav/").status == 429
    assert box.client("alice")("PROPFIND", "/dav/").status == 207


def test_a_callback_reaches_its_source_without_a_login_and_with_a_bounded_body(service):
    seen = []

    def hook(environ, start_response):
        seen.append((environ["REQUEST_METHOD"], environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))))
        return say(environ, start_response, 200, "success")

    with running(service, Server(body_bytes_max=10_000), hooks={"wecom": hook}) as box:
        client = box.client(user="")
        assert client("POST", "/hook/wecom?msg_signature=x", b"<xml/>").body == b"success\n"
        assert client("GET", "/hook/wecom/").status == 200
        assert client("POST", "/hook/dingtalk", b"x").status == 404
        assert box.client(user="")("POST", "/hook/wecom", b"x" * 20_000).status == 413
    assert seen == [("POST", b"<xml/>"), ("GET", b"")]


def test_pages_of_others_take_over_the_root_but_not_the_calendars(service):
    def ui(environ, start_response):
        return say(
            environ, start_response, 200, f"page {environ['PATH_INFO']} under {environ['SCRIPT_NAME']}"
        )

    with running(service, Server(public_url="https://x/cal"), ui=ui) as box:
        client = box.client()
        assert client("GET", "/cal/ui/a%20b").body == b"page /ui/a b under /cal\n"
        assert client("POST", "/").body == b"page / under /cal\n"
        assert client("PROPFIND", "/cal/").status == 207
        assert client("GET", "/cal").body == b"page / under /cal\n"


def test_a_failure_outside_of_the_calendars_has_its_status_and_no_details(box):
    for error, status in ((Unreachable("The database is away."), 503), (Throttled("Wait.", retry_after_s=7), 503),
                          (RuntimeError("secret=1"), 500)):  # fmt: skip
        box.service.refusals["feed"] = error
        answer = box.client(user="")("GET", "/feed/abcdefghijklmnopqrst.ics")
        assert answer.status == status
        assert b"secret" not in answer.body
    box.service.refusals["login"] = RuntimeError("secret=1")
    assert box.client()("PROPFIND", "/dav/").status == 500
    assert box.client()("PROPFIND", "/dav/").status == 207


def test_every_answer_has_a_request_id_of_its_own(box):
    client = box.client()
    asked = [("GET", "/"), ("GET", "/x"), ("PROPFIND", "/dav/"), ("LOCK", "/dav/"), ("GET", "/feed/x")]
    seen = {client(method, path).headers["X-Request-Id"] for method, path in asked}
    assert len(seen) == 5
    assert None not in seen


def test_the_access_line_names_no_person_no_path_and_no_secret(box, caplog):
    caplog.set_level(logging.INFO, "bridge")
    box.service.seed(1, "dinner-with-eve.ics", event("a"))
    client = box.client()
    client("GET", "/dav/alice/work/dinner-with-eve.ics")
    client("GET", "/feed/very-secret-token-here.ics")
    client("X" * 30, "/dav/alice/")
    lines = [record for record in caplog.records if record.getMessage() == "http.request"]
    assert [(line.method, line.route, line.status) for line in lines] == [
        ("GET", "dav", 200),
        ("GET", "feed", 404),
        ("other", "dav", 405),
    ]
    assert lines[0].bytes == len(event("a"))
    everything = str([vars(record) for record in caplog.records])
    assert not any(secret in everything for secret in ("alice", "dinner", "secret-token", "YWxpY2U6cHc="))


def test_requests_are_counted_by_route_and_never_by_what_strangers_invent(service):
    registry = prometheus_client.CollectorRegistry()
    with running(service, registry=registry) as box:
        client = box.client()
        client("PROPFIND", "/dav/")
        client("INVENTED", "/dav/")
        client("GET", "/feed/nothing.ics")
    text = prometheus_client.generate_latest(registry).decode()
    assert 'queqiao_http_requests_total{method="PROPFIND",route="dav",status="207"} 1.0' in text
    assert 'method="other",route="dav",status="405"' in text
    assert "INVENTED" not in text
    assert 'queqiao_http_request_seconds_count{route="feed"} 1.0' in text

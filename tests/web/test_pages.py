"""The pages over real HTTP: signing in, and every promise of safety they make, one test each."""

import re
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from bridge.daemon import demo as daemon_demo


@pytest.fixture(scope="module")
def facts():
    with ExitStack() as stack:
        yield daemon_demo.start(stack, "127.0.0.1:0", None)


@pytest.fixture
def browser(facts):
    with httpx.Client(base_url=facts["url"]) as made:
        yield made


def seal_of(text):
    return re.search(r'name="csrf" value="([^"]+)"', text)[1]


def sign_in(browser, user, password, **more):
    page = browser.get("/ui/sign-in", params=more)
    fields = {"csrf": seal_of(page.text), "user": user, "password": password, **more}
    return browser.post("/ui/sign-in", data=fields)


def sign_in_as(browser, facts, index=0):
    who = facts["users"][index]
    answer = sign_in(browser, who["user"], who["password"])
    assert answer.status_code == 303, answer.text
    return who["user"]


def post(browser, path, **form):
    page = browser.get("/ui/")
    return browser.post(path, data={"csrf": seal_of(page.text), **form})


PAGES = (
    "/ui/", "/ui/connect", "/ui/connect/apple", "/ui/connect/davx5", "/ui/passwords", "/ui/feeds", "/ui/calendars", "/ui/changes",
    "/ui/why?q=a", "/ui/leave", "/ui/export.ics",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_for_people_who_signed_in(browser, facts, path):
    answer = browser.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/ui/sign-in")
    sign_in_as(browser, facts)
    assert browser.get(path).status_code == 200


def test_the_language_follows_the_browser_and_then_the_choice(browser):
    chinese = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}
    assert 'lang="zh-Hans"' in browser.get("/ui/sign-in", headers=chinese).text
    assert '<html lang="en">' in browser.get("/ui/sign-in?lang=en", headers=chinese).text
    assert '<html lang="en">' in browser.get("/ui/sign-in", headers=chinese).text


def test_a_password_made_on_the_page_connects_a_client_and_ends_when_it_is_revoked(browser, facts):
    user = sign_in_as(browser, facts)
    made = post(browser, "/ui/connect/thunderbird", label="My laptop").text
    password = re.search(r'id="password">([^<]+)<', made)[1]
    number = re.search(r"/ui/live/(\d+)", made)[1]
    assert "Waiting" in browser.get(f"/ui/live/{number}").text
    seen = httpx.request("PROPFIND", f"{facts['url']}/dav/{user}/", auth=(user, password))
    assert seen.status_code == 207
    assert "connected" in browser.get(f"/ui/live/{number}").text
    assert password not in browser.get("/ui/passwords").text
    assert post(browser, f"/ui/passwords/{number}/revoke").status_code == 303
    gone = httpx.request("PROPFIND", f"{facts['url']}/dav/{user}/", auth=(user, password))
    assert gone.status_code == 401


def test_a_profile_holds_an_account_that_works(browser, facts):
    import plistlib

    user = sign_in_as(browser, facts)
    answer = post(browser, "/ui/connect/apple/profile", label="iPhone")
    assert answer.headers["content-type"] == "application/x-apple-aspen-config"
    (account,) = plistlib.loads(answer.content)["PayloadContent"]
    assert account["CalDAVUsername"] == user
    assert account["CalDAVUseSSL"] is False
    url = f"http://{account['CalDAVHostName']}:{account['CalDAVPort']}{account['CalDAVPrincipalURL']}"
    answer = httpx.request("PROPFIND", url, auth=(user, account["CalDAVPassword"]))
    assert answer.status_code == 207


def test_a_feed_is_made_served_and_revoked(browser, facts):
    sign_in_as(browser, facts)
    slug = facts["users"][0]["calendars"][0].rstrip("/").rsplit("/", 1)[-1]
    page = post(browser, "/ui/feeds", calendar=slug, detail="busy").text
    url = re.search(r'id="newfeed">([^<]+)<', page)[1]
    assert httpx.get(url).status_code == 200
    number = max(int(x) for x in re.findall(r"/ui/feeds/(\d+)/revoke", page))
    assert post(browser, f"/ui/feeds/{number}/revoke").status_code == 303
    assert httpx.get(url).status_code == 404


def test_everything_is_exported_as_one_calendar(browser, facts):
    sign_in_as(browser, facts)
    text = browser.get("/ui/export.ics").text
    assert text.count("BEGIN:VCALENDAR") == 1
    assert text.count("BEGIN:VEVENT") >= 10


def test_an_edit_is_undone_from_its_receipt(browser, facts):
    user = facts["users"][1]
    sign_in_as(browser, facts, 1)
    shelf = next(url for url in user["calendars"] if "wecom" in url)
    body = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\nUID:undo-me\r\nDTSTAMP:20260101T000000Z\r\n"
        "DTSTART:20270105T010000Z\r\nDTEND:20270105T020000Z\r\nSUMMARY:To be undone\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    auth = (user["user"], user["password"])
    assert httpx.put(f"{shelf}undo-me.ics", content=body, auth=auth).status_code == 201
    page = browser.get("/ui/changes").text
    assert "To be undone" in page
    number = re.findall(r"/ui/changes/(\d+)/undo", page)[0]
    assert post(browser, f"/ui/changes/{number}/undo").status_code == 303
    assert httpx.get(f"{shelf}undo-me.ics", auth=auth).status_code == 404
    assert post(browser, f"/ui/changes/{number}/undo").status_code == 403
    with httpx.Client(base_url=facts["url"]) as other:
        sign_in_as(other, facts, 0)
        assert post(other, f"/ui/changes/{number}/undo").status_code == 404


def test_only_administrators_see_administration(browser, facts):
    sign_in_as(browser, facts, 1)
    assert browser.get("/ui/admin").status_code == 404
    assert post(browser, "/ui/admin/release", user="alice").status_code == 404
    with httpx.Client(base_url=facts["url"]) as admin:
        sign_in_as(admin, facts, 0)
        assert admin.get("/ui/admin").status_code == 200
        assert "in order" in post(admin, "/ui/admin/test/dingtalk").text
        made = post(admin, "/ui/admin/people", name="carol", email="c@example.com").text
        password = re.search(r'id="password">([^<]+)<', made)[1]
    with httpx.Client(base_url=facts["url"]) as carol:
        assert sign_in(carol, "carol", password).status_code == 303
        assert post(carol, "/ui/leave", name="somebody").status_code == 400
        assert post(carol, "/ui/leave", name="carol").status_code == 303
        assert carol.get("/ui/").status_code == 303
        assert sign_in(carol, "carol", password).status_code == 403


# ---- safety ----------------------------------------------------------------------------------------------


def test_session_fixation_the_name_of_a_session_changes_at_sign_in(browser, facts):
    who = facts["users"][0]
    browser.cookies.set("queqiao_session", "planted-by-somebody-else", domain="127.0.0.1", path="/")
    answer = sign_in(browser, who["user"], who["password"])
    fresh = [c for c in answer.headers.get_list("set-cookie") if c.startswith("queqiao_session=")]
    assert len(fresh) == 1
    assert "planted" not in fresh[0]
    assert "HttpOnly" in fresh[0]
    assert "SameSite=Lax" in fresh[0]
    planted = {"Cookie": "queqiao_session=planted-by-somebody-else"}
    assert httpx.get(f"{facts['url']}/ui/", headers=planted).status_code == 303
    first = re.match(r"queqiao_session=([^;]+)", fresh[0])[1]
    with httpx.Client(base_url=facts["url"]) as again:
        again.cookies.set("queqiao_session", first)
        again.post("/ui/sign-out", data={"csrf": seal_of(again.get("/ui/").text)})
    assert httpx.get(f"{facts['url']}/ui/", headers={"Cookie": f"queqiao_session={first}"}).status_code == 303


def test_a_session_ends_with_the_password_it_was_opened_with(browser, facts):
    user = sign_in_as(browser, facts)
    made = post(browser, "/ui/connect/gnome", label="borrowed").text
    password = re.search(r'id="password">([^<]+)<', made)[1]
    number = re.search(r"/ui/live/(\d+)", made)[1]
    with httpx.Client(base_url=facts["url"]) as other:
        assert sign_in(other, user, password).status_code == 303
        assert other.get("/ui/").status_code == 200
        post(browser, f"/ui/passwords/{number}/revoke")
        assert other.get("/ui/").status_code == 303


def test_a_password_that_may_only_read_cannot_make_one_that_may_write(browser, facts):
    user = sign_in_as(browser, facts)
    made = post(browser, "/ui/connect/gnome", label="reader", read_only="on").text
    password = re.search(r'id="password">([^<]+)<', made)[1]
    with httpx.Client(base_url=facts["url"]) as reader:
        assert sign_in(reader, user, password).status_code == 303
        assert reader.get("/ui/passwords").status_code == 200
        for path in (
            "/ui/connect/gnome",
            "/ui/connect/apple/profile",
            "/ui/passwords",
            "/ui/feeds",
            "/ui/leave",
        ):
            assert post(reader, path, label="x", name=user).status_code == 403, path
        assert post(reader, "/ui/admin/people", name="dave").status_code in (403, 404)


def test_csrf_a_form_without_this_sessions_seal_changes_nothing(browser, facts):
    sign_in_as(browser, facts)
    with httpx.Client(base_url=facts["url"]) as other:
        sign_in_as(other, facts, 1)
        foreign = seal_of(other.get("/ui/").text)
    before = browser.get("/ui/passwords").text.count("/revoke")
    for csrf in ("", "x", "é", foreign):
        assert browser.post("/ui/passwords", data={"csrf": csrf, "label": "evil"}).status_code == 403
    own = seal_of(browser.get("/ui/").text)
    crossing = {"Sec-Fetch-Site": "cross-site"}
    answer = browser.post("/ui/passwords", data={"csrf": own, "label": "evil"}, headers=crossing)
    assert answer.status_code == 403
    plain = browser.post(
        "/ui/passwords", content=f"csrf={own}&label=evil", headers={"Content-Type": "text/plain"}
    )
    assert plain.status_code == 400
    assert browser.get("/ui/passwords").text.count("/revoke") == before


def test_csrf_nobody_is_signed_in_as_somebody_else_by_a_form_from_elsewhere(browser, facts):
    who = facts["users"][0]
    form = {"user": who["user"], "password": who["password"]}
    with httpx.Client(base_url=facts["url"]) as other:
        foreign = seal_of(other.get("/ui/sign-in").text)
    browser.get("/ui/sign-in")
    assert browser.post("/ui/sign-in", data={**form, "csrf": foreign}).status_code == 403
    assert browser.get("/ui/").status_code == 303


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/ui//evil.example", "/ui/../../evil", "javascript:1",
     "/ui/\r\nX: y", "/ui/?x=//evil", "/dav/", "%2F%2Fevil.example"],
)  # fmt: skip
def test_open_redirect_after_signing_in_only_pages_of_ours_follow(browser, facts, target):
    who = facts["users"][0]
    answer = sign_in(browser, who["user"], who["password"], next=target)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/ui/"


def test_a_page_of_ours_does_follow(browser, facts):
    who = facts["users"][0]
    answer = sign_in(browser, who["user"], who["password"], next="/ui/passwords")
    assert answer.headers["location"] == "/ui/passwords"


def test_stored_xss_what_others_wrote_is_text(browser, facts):
    user = facts["users"][0]
    sign_in_as(browser, facts)
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'"
    body = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\nUID:evil<b>uid\r\nDTSTAMP:20260101T000000Z\r\n"
        f"DTSTART:20270106T010000Z\r\nDTEND:20270106T020000Z\r\nSUMMARY:{evil}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    auth = (user["user"], user["password"])
    shelf = next(url for url in user["calendars"] if "wecom" in url)
    assert httpx.put(f"{shelf}evil.ics", content=body, auth=auth).status_code == 201
    post(browser, "/ui/passwords", label=evil)
    for path in ("/ui/changes", "/ui/why?q=onerror", "/ui/passwords", "/ui/why?q=%3Cscript%3Ealert(2)"):
        page = browser.get(path).text
        assert "<script>alert" not in page, path
        assert "<img" not in page, path
        assert "&lt;script&gt;alert(2)" in page, path
    policy = browser.get("/ui/").headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_nothing_comes_from_elsewhere_and_nothing_is_inline(browser, facts):
    sign_in_as(browser, facts)
    for path in PAGES[:-1]:
        page = browser.get(path).text
        assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"(?!/ui/)", page), path
        tags = re.sub(r'"[^"]*"', '""', page)
        assert not re.search(r"<style|<[^>]*\s(?:style|on[a-z]+)=", tags), path
        assert not re.search(r"<script(?![^>]*src=)", page), path


def test_header_injection_no_input_reaches_a_header(browser, facts):
    for query in ("lang=zh%0d%0aSet-Cookie:x=y", "next=/ui/%0d%0aX-Evil:1"):
        answer = browser.get(f"/ui/sign-in?{query}")
        assert answer.status_code == 200
        assert "x-evil" not in answer.headers
        assert not any("x=y" in cookie for cookie in answer.headers.get_list("set-cookie"))
    sign_in_as(browser, facts)
    made = post(browser, "/ui/connect/apple/profile", label="a\r\nX-Evil: 1")
    assert "x-evil" not in made.headers


def test_feed_token_guessing_a_near_miss_looks_like_a_wild_guess(facts):
    url = facts["users"][0]["feeds"][0]
    token = url.rsplit("/", 1)[-1].removesuffix(".ics")
    assert len(token) >= 43  # 256 bits
    last = "A" if token[-3] != "A" else "B"
    answers = [
        httpx.get(f"{facts['url']}/feed/{guess}.ics")
        for guess in (token[:-3] + last + token[-2:], "A" * 43, token[:-1], token.swapcase(), "x")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_timing_a_wrong_name_costs_what_a_wrong_password_costs(tmp_path):
    """Each guess is the same statements on the database, whether the name exists, or the password is somebody else's."""
    import sqlalchemy as sa

    from bridge.config import Config, Database
    from bridge.daemon.compose import compose

    parts = compose(Config(database=Database(url=f"sqlite:///{tmp_path / 'x.db'}")))
    said = []

    def note(_connection, _cursor, statement, *_rest):
        said.append(statement)

    try:
        parts.admin.user_add("alice", email="", links=[])
        other = parts.admin.user_add("bob", email="", links=[]).password
        sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
        costs = []
        for user, password in (("alice", "wrong"), ("nobody", "wrong"), ("alice", other), ("nobody", other)):
            said.clear()
            assert parts.service.login(user, password) is None
            costs.append(tuple(said))
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)
        parts.close()
    assert costs[0]
    assert len(set(costs)) == 1


@pytest.mark.parametrize(
    "path",
    ["/ui/static/../site.py", "/ui/static/..%2fsite.py", "/ui/static/%2e%2e/%2e%2e/config.py", "/ui/static//etc/passwd",
     "/ui/static/queqiao.css", "/ui/static/", "/ui/connect/../../etc", "/ui/connect/..%2f..%2fetc"],
)  # fmt: skip
def test_path_traversal_only_known_files_are_served(facts, path):
    import socket
    from urllib.parse import urlsplit

    where = urlsplit(facts["url"])
    with socket.create_connection((where.hostname, where.port)) as wire:
        wire.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        answer = b""
        while piece := wire.recv(65536):
            answer += piece
    assert answer.split()[1] in (b"404", b"303"), answer[:200]
    assert b"root:" not in answer
    assert b"import" not in answer


def test_wrong_passwords_are_limited_without_waiting(browser, facts):
    import time

    statuses = []
    began_s = time.monotonic()
    for _ in range(25):
        statuses.append(sign_in(browser, "nobody-of-ours", "wrong-password").status_code)
    assert statuses[0] == 403
    assert statuses[-1] == 429
    assert time.monotonic() - began_s < 30
    sign_in_as(browser, facts)  # another name, the same router: not locked out


# ---- the vendors' doors ----------------------------------------------------------------------------------


def through(browser, source, chosen):
    """Go to the vendor's page, choose a person there, and return the address the browser is sent back to."""
    sent = browser.get(f"/ui/door/{source}")
    assert sent.status_code == 303
    page = httpx.get(sent.headers["location"])
    assert page.status_code == 200, page.text
    back = httpx.get(f"{sent.headers['location']}&sim_user={chosen}")
    assert back.status_code == 302, back.text
    return back.headers["location"]


def vendor_id(facts, source):
    state = httpx.get(f"{facts['simulators'][source]}/_control/state").json()
    people = state["people"]
    return (people if isinstance(people, list) else list(people.values()))[0]["userid"]


@pytest.mark.parametrize("source", ["wecom", "dingtalk"])
def test_somebody_signs_in_at_the_vendors_door(browser, facts, source):
    back = through(browser, source, vendor_id(facts, source))
    answer = browser.get(back)
    assert answer.status_code == 303, answer.text
    assert browser.get("/ui/").status_code == 200


@pytest.mark.parametrize("source", ["wecom", "dingtalk"])
def test_oauth_state_is_of_this_browser_and_good_once(browser, facts, source):
    chosen = vendor_id(facts, source)
    stolen = through(browser, source, chosen)
    with httpx.Client(base_url=facts["url"]) as other:
        assert other.get(stolen).status_code == 403  # another browser: no state of its own
        through(other, source, chosen)
        assert other.get(stolen).status_code == 403  # its own state is another one
        assert other.get("/ui/").status_code == 303
    kept = dict(browser.cookies)
    assert browser.get(stolen).status_code == 303
    with httpx.Client(base_url=facts["url"], cookies=kept) as replay:
        assert replay.get(stolen).status_code == 403  # the very cookie again: the state is used up
    with httpx.Client(base_url=facts["url"]) as liar:
        back = through(liar, source, chosen)
        assert liar.get(re.sub(r"state=[^&]+", "state=", back)).status_code == 403
    with httpx.Client(base_url=facts["url"]) as crossed:
        back = through(crossed, source, chosen)
        other_door = "dingtalk" if source == "wecom" else "wecom"
        assert crossed.get(back.replace(f"/door/{source}/", f"/door/{other_door}/")).status_code == 403


@pytest.mark.parametrize("source", ["wecom", "dingtalk"])
def test_who_refuses_at_the_vendor_stays_outside(browser, facts, source):
    answer = browser.get(through(browser, source, "-"))
    assert answer.status_code == 403
    assert browser.get("/ui/").status_code == 303


# ---- working days ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["wecom", "dingtalk"])
def test_an_event_on_every_working_day_reaches_the_vendor(browser, facts, kind):
    sign_in_as(browser, facts)
    assert "补班" in httpx.get(f"{facts['url']}/feed/workdays.ics").text
    user = facts["users"][0]
    shelf = next(url for url in user["calendars"] if f"/{kind}-" in url)
    slug = shelf.rstrip("/").rsplit("/", 1)[-1]
    form = {"title": f"Daily for {kind}", "calendar": slug, "first": "2026-12-21", "last": "2027-01-15"}
    answer = post(browser, "/ui/workdays", **form, start="09:30", end="09:45")
    assert answer.status_code == 303, answer.text
    assert f"Daily for {kind}" in httpx.get(f"{facts['simulators'][kind]}/_control/state").text
    assert post(browser, "/ui/workdays", **{**form, "last": "x"}, start="1", end="2").status_code == 400


def test_newer_data_of_working_days_is_taken_from_a_file(tmp_path):
    from bridge.errors import BadInput
    from bridge.web.pages import site

    path = tmp_path / "days.toml"
    path.write_text("[2031]\nannounced = 2030-11-01\nholidays = []\n")
    assert site.read_workdays(str(path)).is_announced(2031)
    with pytest.raises(BadInput, match="workday_data"):
        site.read_workdays(str(tmp_path / "missing.toml"))


# ---- behind a proxy --------------------------------------------------------------------------------------


@pytest.fixture
def behind(tmp_path):
    """The application as a TLS proxy reaches it, below a path of the public address."""
    from bridge.config import Config, Database, Server, Ui
    from bridge.daemon.compose import compose
    from bridge.engine.desk import Desk
    from bridge.web import build_app

    server = Server(public_url="https://cal.example.com/work")
    parts = compose(Config(server=server, database=Database(url=f"sqlite:///{tmp_path / 'x.db'}")))
    made = parts.admin.user_add("alice", email="", links=[])
    desk = Desk(parts.engine, parts.service, parts.admin)
    app = build_app(parts.service, server, dav=lambda *_: [b""], desk=desk, options=Ui())
    transport = httpx.WSGITransport(app=app, remote_addr="192.0.2.1")
    with httpx.Client(transport=transport, base_url="https://cal.example.com/work") as browser:
        yield browser, made.password
    parts.close()


def test_behind_tls_and_a_path_cookies_and_links_say_so(behind):
    browser, password = behind
    page = browser.get("/ui/sign-in")
    assert 'action="/work/ui/sign-in"' in page.text
    assert "https://cal.example.com/work/dav/" in page.text
    form = {"csrf": seal_of(page.text), "user": "alice", "password": password}
    answer = browser.post("/ui/sign-in", data=form)
    assert answer.headers["location"] == "/work/ui/"
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("queqiao_session="))
    assert "Secure" in cookie
    assert "Path=/work/" in cookie
    made = browser.get("/ui/connect/davx5")
    made = browser.post("/ui/connect/davx5", data={"csrf": seal_of(made.text)}).text
    assert re.search(r"davx5://alice:[a-z0-9-]+@cal\.example\.com/work/dav/", made)


def test_a_session_ends_after_its_hours_and_is_forgotten(tmp_path):
    import sqlalchemy as sa

    from bridge.config import Config, Database
    from bridge.daemon.compose import compose
    from bridge.engine.api import Login
    from bridge.engine.desk.visits import Visits

    parts = compose(Config(database=Database(url=f"sqlite:///{tmp_path / 'x.db'}")))
    password = parts.admin.user_add("alice", email="", links=[]).password
    visits = Visits(parts.engine)
    token = visits.begin(Login(user="alice"), length_ms=0, password=password)
    assert visits.find(token) is None
    good = visits.begin(Login(user="alice"), length_ms=60_000, password=password)
    assert visits.find(good).user == "alice"
    with parts.engine.store.read() as c:
        rows = c.execute(sa.text("SELECT name, value FROM token")).all()
    assert len(rows) == 1  # the one that ended is gone
    assert good not in str(rows)  # and a copy of the database opens nothing
    assert password not in str(rows)
    assert visits.once("x", length_ms=1000)
    assert not visits.once("x", length_ms=1000)
    parts.close()


def test_guessing_codes_at_a_door_is_limited(browser, facts):
    statuses = []
    for _ in range(22):
        sent = browser.get("/ui/door/wecom")
        state = re.search(r"state=([^&]+)", sent.headers["location"])[1]
        statuses.append(browser.get(f"/ui/door/wecom/back?code=guess&state={state}").status_code)
    assert statuses[0] == 403
    assert statuses[-1] == 429

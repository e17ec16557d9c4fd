"""What the pages say, in both languages, when a vendor refuses and when many events vanish; and the way out."""

import html
import re
import time
from contextlib import ExitStack

import httpx
import pytest

from bridge.config import Sync
from bridge.daemon import demo as daemon_demo
from bridge.model.cures import advice

PATIENCE_S = 90
"""How long a state may take to show: the demo polls every few seconds, on a busy machine later."""
MANY = 30


@pytest.fixture(scope="module")
def facts():
    with ExitStack() as stack:
        yield daemon_demo.start(stack, "127.0.0.1:0", None, sync=Sync(poll_s=1.0, poll_billed_s=60.0))


@pytest.fixture(scope="module")
def people(facts):
    """Alice, who is the administrator, and Bob, each with a browser."""
    with ExitStack() as stack:
        browsers = []
        for who in facts["users"]:
            browser = stack.enter_context(httpx.Client(base_url=facts["url"]))
            form = {
                "csrf": seal_of(browser.get("/ui/sign-in").text),
                "user": who["user"],
                "password": who["password"],
            }
            assert browser.post("/ui/sign-in", data=form).status_code == 303
            browsers.append(browser)
        yield browsers


def seal_of(text):
    return re.search(r'name="csrf" value="([^"]+)"', text)[1]


def post(browser, path, **form):
    return browser.post(path, data={"csrf": seal_of(browser.get("/ui/").text), **form})


def act(facts, do, **arguments):
    httpx.post(
        f"{facts['simulators']['wecom']}/_control/act", json={"do": do, **arguments}
    ).raise_for_status()


def wait_for(browser, path, words):
    """Return the page once it has the words."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        text = browser.get(path).text
        if words in text:
            return text
        assert time.monotonic() < until_s, f"{words!r} is not on {path}"
        time.sleep(1)


def both_languages(browser, path, cure):
    for lang, who, what in (("en", cure.who, cure.what), ("zh", cure.who_zh, cure.what_zh)):
        text = html.unescape(browser.get(path, params={"lang": lang}).text)
        assert who in text, lang
        assert what in text, lang
    browser.get(path, params={"lang": "en"})


def test_many_deletions_are_held_shown_and_let_pass_by_the_administrator(facts, people):
    alice, bob = people
    user = facts["users"][1]
    shelf = next(url for url in user["calendars"] if "/wecom-" in url)
    auth = (user["user"], user["password"])
    for n in range(MANY):
        body = (
            f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\nUID:mass-{n}\r\nDTSTAMP:20260101T000000Z\r\n"
            f"DTSTART:202701{n % 28 + 1:02}T010000Z\r\nDTEND:202701{n % 28 + 1:02}T020000Z\r\nSUMMARY:Mass {n}\r\n"
            "END:VEVENT\r\nEND:VCALENDAR\r\n"
        )
        assert httpx.put(f"{shelf}mass-{n}.ics", content=body, auth=auth).status_code == 201
    state = httpx.get(f"{facts['simulators']['wecom']}/_control/state").json()
    doomed = [
        x["schedule_id"] for x in state["schedules"].values() if x["content"]["summary"].startswith("Mass")
    ]
    assert len(doomed) == MANY
    for schedule_id in doomed:
        act(facts, "delete", schedule_id=schedule_id, userid="lisi")
    page = wait_for(alice, "/ui/admin", "/ui/admin/release")
    assert f"{MANY} events" in page
    both_languages(bob, "/ui/calendars", advice("quarantined", kind="wecom"))
    assert httpx.get(f"{shelf}mass-0.ics", auth=auth).status_code == 200
    assert post(bob, "/ui/admin/release", user="bob").status_code == 404
    assert post(alice, "/ui/admin/release", user="bob").status_code == 303
    assert "/ui/admin/release" not in alice.get("/ui/admin").text
    assert httpx.get(f"{shelf}mass-0.ics", auth=auth).status_code == 404


def test_an_app_that_was_switched_off_is_shown_with_its_cure_and_found_by_a_test_call(facts, people):
    alice, bob = people
    assert "in order" in post(alice, "/ui/admin/test/wecom").text
    act(facts, "disable_app")
    try:
        tried = post(alice, "/ui/admin/test/wecom").text
        assert "in order" not in tried
        assert 'class="note bad"' in tried
        page = wait_for(bob, "/ui/calendars", "Needs an administrator")
        assert "WeCom administrator" in page
        zh = bob.get("/ui/calendars?lang=zh").text
        assert "需要管理员处理" in zh
        assert "企业微信管理员" in zh
        assert bob.get("/ui/feeds").status_code == 200  # what is here is served all the same
    finally:
        act(facts, "enable_app")
    bob.get("/ui/calendars?lang=en")
    assert "in order" in post(alice, "/ui/admin/test/wecom").text

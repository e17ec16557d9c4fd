"""The pages in a real Chromium: both languages, phone and desk, light and dark, with and without scripts."""

import sys
import time
from pathlib import Path

import caldav
import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from conftest import PICTURES
from visitor import Visitor

LOOKS = [("en", 1200, False), ("zh", 390, False), ("en", 390, True), ("zh", 1200, True)]
PAGES = {
    "overview": "/ui/", "connect": "/ui/connect", "apple": "/ui/connect/apple", "thunderbird": "/ui/connect/thunderbird",
    "outlook": "/ui/connect/outlook", "google": "/ui/connect/google", "passwords": "/ui/passwords", "feeds": "/ui/feeds",
    "calendars": "/ui/calendars", "changes": "/ui/changes", "why": "/ui/why?q=e", "why-not": "/ui/why?q=nowhere-at-all",
    "workdays": "/ui/workdays", "leave": "/ui/leave", "admin": "/ui/admin",
}  # fmt: skip
ALL_IN = '.mark:has-text("Connected"), .mark:has-text("已连接")'


def put(user, shelf, name, title):
    body = (
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\nUID:{name}\r\nDTSTAMP:20260101T000000Z\r\n"
        f"DTSTART:20270111T010000Z\r\nDTEND:20270111T020000Z\r\nSUMMARY:{title}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    answer = httpx.put(f"{shelf}{name}.ics", content=body, auth=(user["user"], user["password"]))
    assert answer.status_code in (201, 204)


@pytest.mark.parametrize(("lang", "width", "dark"), LOOKS)
def test_every_page_is_accessible_fits_and_stays_at_home(chromium, facts, axe, lang, width, dark):
    PICTURES.mkdir(parents=True, exist_ok=True)
    found = {}

    def look(visitor, name):
        visitor.page.screenshot(
            path=PICTURES / f"{name}-{lang}-{width}{'-dark' if dark else ''}.png", full_page=True
        )
        problems = visitor.violations(axe)
        if visitor.overflows():
            problems.append("wider than the window")
        if problems:
            found[name] = problems

    put(facts["users"][0], facts["users"][0]["calendars"][1], f"seen-{lang}-{width}", "Seen in the browser")
    with Visitor(chromium, facts, lang=lang, width=width, dark=dark) as visitor:
        visitor.open("/")
        look(visitor, "sign-in")
        visitor.sign_in()
        for name, path in PAGES.items():
            visitor.open(path)
            look(visitor, name)
        for device in ("thunderbird", "davx5", "gnome", "outlook-classic"):
            visitor.open(f"/ui/connect/{device}")
            visitor.press("section[aria-labelledby=account] form button")
            look(visitor, f"{device}-made")
        visitor.open("/ui/connect/google")
        visitor.press("section[aria-labelledby=feed] form button")
        look(visitor, "google-made")
        visitor.open("/ui/admin")
        visitor.press('form[action$="/test/dingtalk"] button')
        look(visitor, "admin-tested")
        html_lang = visitor.page.locator("html").get_attribute("lang")
        assert html_lang == ("zh-Hans" if lang == "zh" else "en")
        assert visitor.troubles == []
    assert found == {}


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_from_the_demo_to_a_connected_client_following_only_the_page(chromium, facts, scripts):
    began_s = time.monotonic()
    with Visitor(chromium, facts, scripts=scripts) as visitor:
        visitor.sign_in()
        visitor.press('a[href$="/ui/connect/thunderbird"]')
        visitor.press("section[aria-labelledby=account] form button")
        mark = visitor.page.frame_locator("iframe.live")
        assert "Waiting" in mark.locator("p").inner_text()
        server, user, password = (visitor.read(one) for one in ("#server", "#user", "#password"))
        with caldav.DAVClient(url=server, username=user, password=password) as client:
            assert len(client.principal().calendars()) == 2
        mark.locator("text=Your Thunderbird connected").wait_for(timeout=20_000)
        assert visitor.troubles == []
    assert len(visitor.steps) <= 6, visitor.steps  # open, name, password, sign in, device, make
    assert time.monotonic() - began_s < 120


def test_what_is_to_be_typed_elsewhere_is_copied_by_a_button(chromium, facts):
    with Visitor(chromium, facts) as visitor:
        visitor.open("/")
        visitor.press('[data-copy="dav"] button')
        visitor.page.locator("text=Copied").wait_for()
        assert visitor.page.evaluate("navigator.clipboard.readText()") == f"{facts['url']}/dav/"


def test_the_language_is_switched_by_hand_and_stays(chromium, facts):
    with Visitor(chromium, facts) as visitor:
        visitor.open("/")
        visitor.press('a[hreflang="zh-Hans"]')
        assert visitor.page.locator("html").get_attribute("lang") == "zh-Hans"
        visitor.sign_in()
        assert visitor.page.locator("html").get_attribute("lang") == "zh-Hans"


def test_the_keyboard_reaches_the_content_at_once(chromium, facts):
    with Visitor(chromium, facts) as visitor:
        visitor.open("/")
        visitor.page.keyboard.press("Tab")
        assert visitor.page.evaluate("document.activeElement.className") == "skip"
        visitor.page.keyboard.press("Enter")
        assert visitor.page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("source", ["wecom", "dingtalk"])
def test_a_person_signs_in_at_the_vendor_with_two_clicks(chromium, facts, source):
    with Visitor(chromium, facts) as visitor:
        visitor.open("/")
        visitor.press(f'a[href*="/ui/door/{source}"]')
        assert visitor.page.url.startswith(facts["simulators"][source])
        visitor.press("li a")
        visitor.page.wait_for_url(f"{facts['url']}/ui/")
        assert visitor.read(".who") in {user["user"] for user in facts["users"]}


def test_a_title_that_is_a_script_stays_a_title(chromium, facts):
    user = facts["users"][1]
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    put(user, user["calendars"][1], "evil-title", evil)
    with Visitor(chromium, facts) as visitor:
        visitor.sign_in(1)
        for path in ("/ui/changes", "/ui/why?q=onerror"):
            visitor.open(path)
            visitor.page.wait_for_timeout(200)
            assert evil in visitor.page.locator("main").inner_text()
        assert visitor.troubles == []

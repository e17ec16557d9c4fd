"""The README's pictures, made anew: ``make pictures``."""

from contextlib import ExitStack

from conftest import FLAGS, ROOT
from playwright.sync_api import sync_playwright
from programs import need
from visitor import Visitor

from bridge.daemon import demo as daemon_demo

IMAGES = ROOT / "docs" / "images"
SHOTS = (
    ("overview-en", {"lang": "en", "width": 1000}, "/ui/", None),
    (
        "android-zh",
        {"lang": "zh", "width": 390},
        "/ui/connect/davx5",
        "section[aria-labelledby=account] form button",
    ),
    ("administration-dark", {"lang": "en", "width": 1000, "dark": True}, "/ui/admin", None),
)


def main():
    IMAGES.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        facts = daemon_demo.start(stack, "127.0.0.1:5299", None)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=need("chromium"), args=FLAGS)
        stack.callback(browser.close)
        for name, look, path, press in SHOTS:
            with Visitor(browser, facts, **look) as visitor:
                visitor.sign_in()
                visitor.open(path)
                if press:
                    visitor.press(press)
                    visitor.page.frame_locator("iframe.live").locator("p").wait_for()
                visitor.page.screenshot(path=IMAGES / f"{name}.png", full_page=True)


if __name__ == "__main__":
    main()

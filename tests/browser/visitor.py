"""Somebody at a browser: opens pages, reads them, counts what they had to do, and notes whatever goes wrong."""

from urllib.parse import urlsplit


class Visitor:
    """One browser window; ``troubles`` are console errors, dialogs and requests to elsewhere."""

    def __init__(self, chromium, facts, *, lang="en", width=1200, dark=False, scripts=True):
        self.facts = facts
        self.url = facts["url"]
        self.context = chromium.new_context(
            viewport={"width": width, "height": 844},
            locale="zh-CN" if lang == "zh" else "en-GB",
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            permissions=["clipboard-read", "clipboard-write"] if scripts else [],
        )
        self.page = self.context.new_page()
        self.troubles = []
        self.steps = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.troubles.append(f"console: {message.text}")

    def _dialog(self, dialog):
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request):
        if not request.url.startswith((self.url, "data:")) and urlsplit(request.url).netloc not in {
            urlsplit(one).netloc for one in self.facts["simulators"].values()
        }:
            self.troubles.append(f"request: {request.url}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()

    def open(self, path):
        self.steps.append(f"open {path}")
        answer = self.page.goto(self.url + path)
        assert answer.status == 200, (path, answer.status)

    def type(self, field, text):
        self.steps.append(f"type {field}")
        self.page.fill(field, text)

    def press(self, what):
        self.steps.append(f"press {what}")
        self.page.locator(what).first.click()

    def sign_in(self, index=0):
        who = self.facts["users"][index]
        self.open("/")
        self.type("#user", who["user"])
        self.type("#password", who["password"])
        self.press("main form button")
        assert urlsplit(self.page.url).path == "/ui/", self.page.url
        return who

    def read(self, selector):
        return self.page.locator(selector).inner_text().strip()

    def overflows(self):
        return self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )

    def violations(self, axe):
        self.page.evaluate(axe)
        said = self.page.evaluate("axe.run()")
        assert len(said["passes"]) >= 10, "it looked at nothing"
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in said["violations"]]

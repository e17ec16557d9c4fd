"""What all pages share: templates, the engine's doors, guarding of forms."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

import jinja2
import segno
from markupsafe import Markup

from bridge.errors import BadInput, NotAllowed
from bridge.ical import workdays
from bridge.web.pages import words
from bridge.web.pages.ask import Answer, Ask

if TYPE_CHECKING:
    from bridge.config import Ui
    from bridge.engine.desk import Desk
    from bridge.web.basic import Gate
    from bridge.web.proxy import Proxies

GUEST: Final = "queqiao_guest"
"""Cookie of a browser that has not signed in: its forms are sealed for it."""
SESSION: Final = "queqiao_session"
GUEST_BYTES: Final = 18
KINDS: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
STATIC_AGE_S: Final = 365 * 86_400


@dataclass(frozen=True, slots=True)
class File:
    """A file that pages load."""

    body: bytes
    content_type: str


class Site:
    """Thread-safe: nothing here changes."""

    def __init__(self, desk: Desk, ui: Ui, gate: Gate, proxies: Proxies, public_url: str) -> None:
        self.desk = desk
        self.gate = gate
        self.proxies = proxies
        self.public_url = public_url
        self.admins = frozenset(ui.admins)
        self.session_ms = round(ui.session_hours * 3_600_000)
        self.zone = ZoneInfo("Asia/Shanghai")
        self.workdays = read_workdays(ui.workday_data)
        self.files, self._names = _files()
        self._env = jinja2.Environment(
            loader=jinja2.PackageLoader("bridge.web", "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )

    def is_admin(self, ask: Ask) -> bool:
        """Return whether the administrator's pages are for who asks."""
        return ask.visit is not None and ask.visit.user in self.admins

    def names_of(self, ask: Ask) -> dict[str, str]:
        """Return the name of each calendar of who asks, by the part of its address that stands for it."""
        return {row["calendar"]: row["name"] for row in self.desk.admin.calendar_list(ask.user)}

    def url_of(self, ask: Ask) -> str:
        """Return what clients type, without a slash at its end."""
        return (self.public_url or f"{ask.origin}{ask.base}").rstrip("/")

    def csrf(self, ask: Ask) -> str:
        """Return what a form has to carry; gives a guest a name to seal it for."""
        if ask.visit is not None:
            return ask.visit.csrf
        if not ask.guest:
            ask.guest = secrets.token_urlsafe(GUEST_BYTES)
            ask.keep(GUEST, ask.guest, age_s=None)
        return self.desk.visits.seal("guest", ask.guest)

    def guard(self, ask: Ask) -> None:
        """Refuse a form that did not come from a page of ours, in this browser. Raises NotAllowed."""
        given = ask.form.get("csrf", "")
        elsewhere = str(ask.environ.get("HTTP_SEC_FETCH_SITE", "same-origin")) not in ("same-origin", "none")
        if ask.visit is not None:
            good = secrets.compare_digest(given.encode(errors="replace"), ask.visit.csrf.encode())
        else:
            good = bool(ask.guest) and self.desk.visits.is_sealed("guest", ask.guest, given)
        if elsewhere or not good:
            msg = "the form is too old or came from elsewhere; open the page again and repeat it"
            raise NotAllowed(msg)

    def show(self, ask: Ask, template: str, *, status: int = 200, **values: Any) -> Answer:
        """Return a page."""
        lang = ask.lang

        def t(english: str, chinese: str) -> str:
            return chinese if lang == "zh" else english

        text = self._env.get_template(template).render(
            t=t,
            lang=lang,
            ask=ask,
            base=ask.base,
            csrf=self.csrf(ask),
            user=ask.user,
            read_only=ask.visit is not None and ask.visit.read_only,
            is_admin=self.is_admin(ask),
            static=lambda name: f"{ask.base}/ui/static/{self._names[name]}",
            state=lambda name: words.named(words.STATES, name, lang),
            outcome=lambda name: words.named(words.OUTCOMES, name, lang),
            action=lambda name: words.named(words.ACTIONS, name, lang),
            detail=lambda name: words.named(words.DETAILS, name, lang),
            vendor=lambda name: words.named(words.VENDORS, name, lang),
            age=lambda seconds: words.age(seconds, lang),
            ago=lambda at_ms: words.age((self.desk.now_ms() - at_ms) / 1000 if at_ms else None, lang),
            moment=lambda at_ms: words.moment(at_ms, self.zone, lang),
            qr=qr,
            quote=quote,
            **values,
        )
        return Answer(status=status, body=text.encode())


def qr(text: str) -> Markup:
    """Return a QR code as inline SVG, with a quiet zone, dark on white in every colour scheme."""
    code = segno.make(text, error="m", micro=False)
    drawn = code.svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr")
    return Markup(drawn)  # noqa: S704  - drawn by the library from modules; the text itself is not in it


def read_workdays(path: str) -> workdays.Workdays:
    """Read the data that an administrator named, else what was shipped. Raises BadInput."""
    shipped = resources.files("bridge.ical") / "china.toml"
    try:
        text = (Path(path) if path else shipped).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = type(error).__name__
        msg = f"[ui] workday_data cannot be read ({reason}); give the file's absolute path, or leave it empty"
        raise BadInput(msg) from error
    return workdays.read(text)


def _files() -> tuple[dict[str, File], dict[str, str]]:
    """Return files by their public name, which holds a hash of what is in them, and public names by plain ones."""
    files: dict[str, File] = {}
    names: dict[str, str] = {}
    for entry in sorted((resources.files("bridge.web") / "static").iterdir(), key=lambda one: one.name):
        stem, _, kind = entry.name.rpartition(".")
        if kind not in KINDS:
            continue
        body = entry.read_bytes()
        public = f"{stem}.{hashlib.sha256(body).hexdigest()[:16]}.{kind}"
        files[public] = File(body, KINDS[kind])
        names[entry.name] = public
    return files, names

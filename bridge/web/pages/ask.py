"""One request to a page, read; and one answer, before it is sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from bridge.errors import BadInput

if TYPE_CHECKING:
    from bridge.engine.desk import Visit
    from bridge.web.wsgi import Environ

FORM_BYTES_MAX: Final = 20_000
"""Bytes of one form; the longest field of ours is a title."""
FIELDS_MAX: Final = 50
FIELD_CHARS_MAX: Final = 2000
COOKIES_CHARS_MAX: Final = 8000


@dataclass(slots=True, kw_only=True)
class Ask:
    """What a browser asks."""

    environ: Environ
    method: str
    path: str
    query: dict[str, str]
    cookies: dict[str, str]
    base: str
    """Path of the public URL, without a slash at its end."""
    origin: str
    """``https://host`` as people type it."""
    address: str
    """Where the browser is, as far as proxies are believed."""
    lang: str = "en"
    visit: Visit | None = None
    guest: str = ""
    """Name of a browser that has not signed in."""
    form: dict[str, str] = field(default_factory=dict)
    set_cookies: list[str] = field(default_factory=list)

    @property
    def user(self) -> str:
        """Return who is signed in; only pages that need it ask."""
        return self.visit.user if self.visit is not None else ""

    @property
    def is_secure(self) -> bool:
        """Return whether cookies may demand TLS."""
        return self.origin.startswith("https://")

    def keep(self, name: str, value: str, *, age_s: int | None, path: str | None = None) -> None:
        """Set a cookie; ``age_s`` 0 forgets it, None keeps it until the browser ends."""
        parts = [f"{name}={value}", f"Path={path or self.base + '/'}", "HttpOnly", "SameSite=Lax"]
        if age_s is not None:
            parts.append(f"Max-Age={age_s}")
        if self.is_secure:
            parts.append("Secure")
        self.set_cookies.append("; ".join(parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a page says."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "text/html; charset=utf-8"
    may_be_framed: bool = False
    """By our own pages only."""


def to(ask: Ask, path: str) -> Answer:
    """Send the browser to another page of ours; ``path`` begins with a slash."""
    return Answer(status=303, headers=(("Location", f"{ask.base}{path}"),))


def read_cookies(header: str) -> dict[str, str]:
    """Return cookies by name; a header that is none holds none."""
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(header[:COOKIES_CHARS_MAX])
    except CookieError:
        return {}
    return {name: one.value for name, one in jar.items()}


def read_query(text: str) -> dict[str, str]:
    """Return the first value of each parameter."""
    return _fields(text)


def read_form(environ: Environ) -> dict[str, str]:
    """Return the fields of a form that was sent. Raises BadInput."""
    kind = str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        msg = "a form is sent as application/x-www-form-urlencoded"
        raise BadInput(msg, http_status=400)
    size = int(environ.get("CONTENT_LENGTH") or 0)
    if size > FORM_BYTES_MAX:
        msg = f"a form may have {FORM_BYTES_MAX} bytes"
        raise BadInput(msg, http_status=400)
    body: bytes = environ["wsgi.input"].read(size)
    try:
        return _fields(body.decode())
    except UnicodeDecodeError:
        msg = "the form is not UTF-8"
        raise BadInput(msg, http_status=400) from None


def _fields(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        msg = f"a form has {FIELDS_MAX} fields at most"
        raise BadInput(msg, http_status=400) from None
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value[:FIELD_CHARS_MAX])
    return found

"""What one request is about: who asks, for which path, and the calendars it has looked at so far.

A calendar is read once per request, so that its token, its tag and its properties belong together, and always
*before* its objects: a token may be older than the objects listed with it, never newer (a newer one would hide
an event from the client for ever).
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

from radicale import pathutils

from bridge.errors import Missing, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.engine.api import CollectionView, Login, ObjectView, Service

T = TypeVar("T")
ENVIRON_LOGIN: Final = "queqiao.login"
"""Where whoever authenticated the request leaves its :class:`Login` in the WSGI environ."""
ENVIRON_SELF: Final = "queqiao.self"
"""Set when the root collection is served under another path than its own: that path, unquoted."""

READ_ONLY_GROUP: Final = "queqiao:read-only"
"""The group that a read-only app password puts its user in, for Radicale's rights plugin."""


def segments(path: str) -> tuple[str, ...]:
    """Return the parts of a sanitised path: () root, (user,), (user, slug), (user, slug, href)."""
    return tuple(part for part in path.split("/") if part)


@dataclass(slots=True)
class Ask:
    """One request."""

    service: Service
    login: Login
    base: str = ""
    """What stands before our paths in every href: the prefix of the public URL and ``/dav``; unquoted."""
    path: str = "/"
    """Sanitised, without ``base``."""
    environ: Mapping[str, Any] = field(default_factory=dict)
    _views: dict[tuple[str, str], CollectionView | None] = field(default_factory=dict)
    _remembered: dict[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the path's segments."""
        return segments(self.path)

    def header(self, name: str) -> str:
        """Return a request header ("" if absent); ``name`` as in the environ, ``IF_MATCH``."""
        return str(self.environ.get(f"HTTP_{name}", ""))

    def header_or_none(self, name: str) -> str | None:
        """Return a request header, None if absent or empty."""
        return self.header(name).strip() or None

    def body(self) -> bytes:
        """Read the request body; raises Refused (400) if the client stopped in the middle of it."""
        try:
            length = int(self.environ.get("CONTENT_LENGTH") or 0)
        except ValueError as error:
            msg = "Content-Length is not a number."
            raise Refused(msg, http_status=400) from error
        if length <= 0:
            return b""
        try:
            content = bytes(self.environ["wsgi.input"].read(length))
        except OSError as error:
            msg = "The request body did not arrive."
            raise Refused(msg, http_status=400) from error
        if len(content) < length:
            msg = "The request body is shorter than announced."
            raise Refused(msg, http_status=400)
        return content

    def view(self, user: str, slug: str) -> CollectionView | None:
        """Return a calendar as it was when this request first asked for it."""
        key = (user, slug)
        if key not in self._views:
            self._views[key] = self.service.collection(user, slug)
        return self._views[key]

    def remembered(self, name: str, find: Callable[[], T]) -> T:
        """Return what ``find`` found when this request first asked for it by ``name``."""
        if name not in self._remembered:
            self._remembered[name] = find()
        found: T = self._remembered[name]
        return found

    def views(self, user: str) -> list[CollectionView]:
        """Return all calendars of a user, in one look."""
        found = list(self.service.collections(user))
        for view in found:
            self._views.setdefault((user, view.slug), view)
        return [kept for view in found if (kept := self._views[user, view.slug]) is not None]

    def calendar(self) -> CollectionView:
        """Return the calendar that the path names or lies in; raises Missing."""
        parts = self.parts
        view = self.view(parts[0], parts[1]) if len(parts) > 1 else None
        if view is None:
            msg = "There is no such calendar."
            raise Missing(msg)
        return view

    def quoted(self, path: str) -> str:
        """Return the href of one of our unquoted paths."""
        return quote(self.base + path)


_current: ContextVar[Ask | None] = ContextVar("queqiao_ask", default=None)


def current() -> Ask | None:
    """Return the request that this thread works on; None inside a stock Radicale."""
    return _current.get()


@contextmanager
def asking(ask: Ask) -> Iterator[Ask]:
    """Make ``ask`` the current request."""
    mark = _current.set(ask)
    try:
        yield ask
    finally:
        _current.reset(mark)


@lru_cache(maxsize=4096)
def _date_of_second(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


def http_date(milliseconds: int) -> str:
    """Return an HTTP date (RFC 9110 5.6.7) of milliseconds since 1970."""
    return _date_of_second(max(0, milliseconds) // 1000)


def quoted_etag(view: ObjectView) -> str:
    """Return an object's entity tag as it stands in headers and properties."""
    return f'"{view.etag}"'


_TAG: Final = re.compile(r'(W/)?"([^"]*)"')


def tag_listed(header: str, etag: str, *, weak: bool) -> bool:
    """Return whether a quoted ``etag`` is named by If-Match (strong) or If-None-Match (``weak``) (RFC 9110 13.1)."""
    if header.strip() == "*":
        return True
    return any(
        f'"{found.group(2)}"' == etag and (weak or not found.group(1)) for found in _TAG.finditer(header)
    )


def sanitise(path: str) -> str:
    """Return Radicale's own idea of a path: absolute, without ``.`` and ``..``."""
    cleaned: str = pathutils.sanitize_path(path)
    return cleaned

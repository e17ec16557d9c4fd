"""``/feed/TOKEN.ics``: one calendar, or all of a person, for programs that only subscribe (Outlook, Google, phones)."""

from __future__ import annotations

import logging
import re
import threading
import zlib
from collections import OrderedDict
from email.utils import formatdate, parsedate_to_datetime
from itertools import chain
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from bridge.log import fields
from bridge.web.wsgi import Environ, StartResponse, method_of, reply, say, status_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.engine.api import FeedView, Service

log = logging.getLogger(__name__)

TTL_MINUTES: Final = 30
"""How often a subscriber is asked to come back (REFRESH-INTERVAL, X-PUBLISHED-TTL)."""
PIECE_BYTES: Final = 65_536
"""Text is gathered to pieces of about this size before it is compressed and sent."""
KEPT_BYTES_MAX: Final = 32_000_000
"""Rendered feeds kept in memory, keyed by etag; Outlook and its kin rarely send If-None-Match."""
KEPT_ONE_MAX: Final = 8_000_000
"""Largest feed that is kept."""
MICROSOFT: Final = re.compile(r"microsoft|outlook|msoffice|exchange", re.IGNORECASE)
"""Agents that are said to fail on compressed feeds (radicale.md section 9)."""

Detail: TypeAlias = Literal["full", "title", "busy"]
Key: TypeAlias = tuple[str, tuple[int, ...], str, str, str]
"""User, calendars, detail, title, tag: what the bytes of a feed depend on."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,200}")
_TAG: Final = re.compile(r'(?:W/)?"([^"]*)"')


class Render(Protocol):
    """``bridge.ical.feed.feed``."""

    def __call__(
        self, texts: Iterable[str], *, name: str, detail: Detail, ttl_minutes: int, zone: str
    ) -> Iterator[str]:
        """Yield one VCALENDAR in pieces."""
        ...


class Feeds:
    """Serves feeds; unknown, revoked and malformed addresses look the same."""

    def __init__(self, service: Service, render: Render) -> None:
        self._service = service
        self._render = render
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._guard = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse, name: str) -> Iterable[bytes]:
        """Answer a request for ``/feed/{name}``."""
        if method_of(environ) not in ("GET", "HEAD"):
            return say(environ, start_response, 405, "A feed can only be read.", Allow="GET, HEAD")
        token = name.removesuffix(".ics")
        view = self._service.feed(token) if _TOKEN.fullmatch(token) else None
        if view is None:
            return say(environ, start_response, 404, "There is no such feed.", Cache_Control="no-store")
        self._note(view)
        compressed = self._may_compress(environ)
        tag = f'"{view.etag}{"-gz" if compressed else ""}"'
        headers = [
            ("ETag", tag),
            ("Cache-Control", "private, no-cache"),
            ("Vary", "Accept-Encoding, User-Agent"),
            ("X-Robots-Tag", "noindex"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if view.modified_ms > 0:
            headers.append(("Last-Modified", formatdate(view.modified_ms // 1000, usegmt=True)))
        if _unchanged(environ, view):
            return reply(environ, start_response, 304, b"", headers)
        headers.append(("Content-Type", "text/calendar; charset=utf-8"))
        if compressed:
            headers.append(("Content-Encoding", "gzip"))
        return self._body(environ, start_response, view, headers, compressed=compressed)

    def _note(self, view: FeedView) -> None:
        """Tell the engine that somebody is looking; never a reason to fail."""
        try:
            self._service.touch(view.user)
        except Exception as error:  # a read must not fail because a note could not be kept
            log.warning("feed.touch_failed", extra=fields(error=type(error).__name__), exc_info=error)

    @staticmethod
    def _may_compress(environ: Environ) -> bool:
        accepted = [one.partition(";") for one in str(environ.get("HTTP_ACCEPT_ENCODING", "")).split(",")]
        wanted = any(
            name.strip().lower() == "gzip" and not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", rest)
            for name, _, rest in accepted
        )
        return wanted and MICROSOFT.search(str(environ.get("HTTP_USER_AGENT", ""))) is None

    def _body(
        self,
        environ: Environ,
        start_response: StartResponse,
        view: FeedView,
        headers: list[tuple[str, str]],
        *,
        compressed: bool,
    ) -> Iterable[bytes]:
        key = (view.user, view.collection_ids, view.detail, view.title, f"{view.etag}{compressed}")
        kept = self._recall(key)
        is_head = method_of(environ) == "HEAD"
        if kept is not None:
            start_response(status_line(200), [*headers, ("Content-Length", str(len(kept)))])
            return [] if is_head else [kept]
        if is_head:
            start_response(status_line(200), headers)
            return []
        pieces = self._pieces(view, compressed=compressed)
        first = next(pieces, b"")  # a failure to begin is still a proper answer
        start_response(status_line(200), headers)
        return self._remembered(key, chain([first], pieces))

    def _pieces(self, view: FeedView, *, compressed: bool) -> Iterator[bytes]:
        texts = (one.text for one in self._service.feed_objects(view))
        written = self._render(
            texts, name=view.title, detail=_detail(view), ttl_minutes=TTL_MINUTES, zone=view.timezone
        )
        packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS) if compressed else None
        for piece in _gathered(written):
            packed = piece if packer is None else packer.compress(piece)
            if packed:
                yield packed
        if packer is not None:
            yield packer.flush()

    # ---- memory ----------------------------------------------------------------------------------------

    def _recall(self, key: Key) -> bytes | None:
        with self._guard:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def _remembered(self, key: Key, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Pass the pieces on, and keep them if they were all sent and are not too many."""
        seen: list[bytes] = []
        size = 0
        for piece in pieces:
            size += len(piece)
            if size <= KEPT_ONE_MAX:
                seen.append(piece)
            yield piece
        if size <= KEPT_ONE_MAX:
            self._keep(key, b"".join(seen))

    def _keep(self, key: Key, body: bytes) -> None:
        with self._guard:
            self._kept_bytes += len(body) - len(self._kept.pop(key, b""))
            self._kept[key] = body
            while self._kept_bytes > KEPT_BYTES_MAX:
                _, dropped = self._kept.popitem(last=False)
                self._kept_bytes -= len(dropped)


def _detail(view: FeedView) -> Detail:
    """Return how much a feed tells; what is not known tells the least."""
    match view.detail:
        case "full" | "title" as known:
            return known
        case _:
            return "busy"


def _gathered(texts: Iterable[str]) -> Iterator[bytes]:
    """Join small texts to pieces worth sending."""
    waiting: list[str] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= PIECE_BYTES:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    if waiting:
        yield "".join(waiting).encode()


def _unchanged(environ: Environ, view: FeedView) -> bool:
    """Return whether the client has this version (RFC 9110 13.1.2, 13.1.3); a tag outweighs a date."""
    tags = str(environ.get("HTTP_IF_NONE_MATCH", "")).strip()
    if tags:
        names = {found.group(1).removesuffix("-gz") for found in _TAG.finditer(tags)}
        return tags == "*" or view.etag in names
    since = str(environ.get("HTTP_IF_MODIFIED_SINCE", "")).strip()
    if not since or view.modified_ms <= 0:
        return False
    try:
        return parsedate_to_datetime(since).timestamp() >= view.modified_ms // 1000
    except (TypeError, ValueError, OverflowError):
        return False

"""Who answers which path, and what every request goes through first.

In this order: a request id, the truth about proxies, UTF-8 paths, the route; then for calendars a bounded body and
a login. Whatever goes wrong below becomes an answer here, and one line in the log without path or name.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from bridge.errors import BridgeError, Throttled
from bridge.log import fields, request_scope
from bridge.web import body
from bridge.web.basic import Blocked, Gate, read_basic
from bridge.web.start_page import page
from bridge.web.wsgi import App, Environ, StartResponse, method_of, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bridge.engine.api import Login
    from bridge.web.feed import Feeds
    from bridge.web.metrics import HttpMetrics
    from bridge.web.proxy import Proxies

log = logging.getLogger(__name__)

REALM: Final = 'Basic realm="Queqiao", charset="UTF-8"'
ENVIRON_LOGIN: Final = "queqiao.login"
"""Where the DAV application finds who is asking."""
ENVIRON_SELF: Final = "queqiao.self"
"""Where the DAV application finds the path of its root when that is asked for at ``/``."""
ROUTES: Final = ("/dav", "/.well-known", "/feed", "/ui", "/hook")
DAV_AT_ROOT: Final = frozenset({"PROPFIND", "OPTIONS"})
"""What calendar programs ask at ``/`` when they only know the host."""
RETRY_AFTER_S: Final = 30


@dataclass(slots=True)
class Parts:
    """What a router is made of."""

    dav: App
    feeds: Feeds
    gate: Gate
    proxies: Proxies
    body_bytes_max: int
    hooks: Mapping[str, App] = field(default_factory=dict)
    """Source id -> what answers its callbacks."""
    ui: App | None = None
    """What answers ``/`` and ``/ui/…``; None: one static page."""
    metrics: HttpMetrics | None = None


class Router:
    """The WSGI application of the public listener."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        seen = _Seen(environ, self._parts.metrics)

        def noting(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            seen.status = int(status[:3])
            return start_response(status, [*headers, ("X-Request-Id", seen.request_id)], exc_info)

        with request_scope() as request_id:
            seen.request_id = request_id
            try:
                answer = self._answer(environ, noting, seen)
            except BridgeError as error:
                answer = _refused(environ, noting, error)
            except Exception as error:
                log.exception("http.failed", extra=fields(route=seen.route, error=type(error).__name__))
                answer = say(environ, noting, 500, "The bridge failed; its log says where.")
        if isinstance(answer, list):
            seen.done(sum(map(len, answer)))
            return answer
        return _Watched(answer, seen)

    def _answer(self, environ: Environ, start_response: StartResponse, seen: _Seen) -> Iterable[bytes]:
        self._parts.proxies.clean(environ)
        path = _decoded(str(environ.get("PATH_INFO") or "/"))
        if path is None:
            return say(environ, start_response, 400, "The path is not UTF-8.")
        path = self._inside("/" + path.lstrip("/"))  # who joins an address and a path may write two slashes
        first, _, rest = path[1:].partition("/")
        if first == "dav":
            seen.route = "dav"
            return self._calendars(environ, start_response, f"/{rest}")
        if path.rstrip("/") in ("/.well-known/caldav", "/.well-known/carddav"):
            seen.route = "well-known"
            to = quote(f"{environ['SCRIPT_NAME']}/dav/")
            return say(environ, start_response, 301, f"Calendars are at {to}", Location=to)
        if path == "/feed/workdays.ics" and self._parts.ui is not None:
            return self._people(environ, start_response, path, seen)
        if first == "feed" and rest and "/" not in rest:
            seen.route = "feed"
            return self._parts.feeds(environ, start_response, rest)
        if first == "hook":
            seen.route = "hook"
            return self._hook(environ, start_response, rest)
        if path == "/" or first == "ui":
            return self._people(environ, start_response, path, seen)
        return say(environ, start_response, 404, "There is nothing here.")

    def _inside(self, path: str) -> str:
        """Return the path without the public prefix, which a proxy may have left in or taken off."""
        prefix = self._parts.proxies.prefix
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            rest = path[len(prefix) :] or "/"
            if rest == "/" or rest.startswith(ROUTES):
                return rest
        return path

    # ---- calendars -------------------------------------------------------------------------------------

    def _calendars(self, environ: Environ, start_response: StartResponse, path: str) -> Iterable[bytes]:
        """Hand a request to the DAV application: with a login, a bounded body, and the path below ``/dav``."""
        login = self._login(environ)
        if login is None:
            return say(
                environ,
                start_response,
                401,
                "A user name and an app password are needed.",
                WWW_Authenticate=REALM,
            )
        if isinstance(login, Blocked):
            return say(
                environ,
                start_response,
                429,
                "Too many wrong passwords; wait a little.",
                Retry_After=str(login.retry_after_s),
            )
        try:
            body.settle(environ, self._parts.body_bytes_max)
        except body.TooLarge:
            return say(
                environ, start_response, 413, f"A request may have {self._parts.body_bytes_max} bytes."
            )
        except body.Unreadable:
            return say(environ, start_response, 400, "The body did not arrive as it was announced.")
        environ[ENVIRON_LOGIN] = login
        environ["SCRIPT_NAME"] = f"{environ['SCRIPT_NAME']}/dav"
        environ["PATH_INFO"] = path
        environ.pop("HTTP_AUTHORIZATION", None)
        return self._parts.dav(environ, start_response)

    def _login(self, environ: Environ) -> Login | Blocked | None:
        credentials = read_basic(str(environ.get("HTTP_AUTHORIZATION", "")))
        if credentials is None:
            return None
        hint = str(environ.get("HTTP_USER_AGENT", ""))[:200]
        return self._parts.gate.check(credentials, str(environ.get("REMOTE_ADDR", "")), hint)

    # ---- the rest --------------------------------------------------------------------------------------

    def _hook(self, environ: Environ, start_response: StartResponse, source: str) -> Iterable[bytes]:
        hook = self._parts.hooks.get(source.rstrip("/"))
        if hook is None:
            return say(environ, start_response, 404, "There is nothing here.")
        try:
            body.settle(environ, self._parts.body_bytes_max)
        except (body.TooLarge, body.Unreadable):
            return say(environ, start_response, 413, "The body is too long.")
        return hook(environ, start_response)

    def _people(
        self, environ: Environ, start_response: StartResponse, path: str, seen: _Seen
    ) -> Iterable[bytes]:
        if path == "/" and method_of(environ) in DAV_AT_ROOT:
            seen.route = "dav"
            environ[ENVIRON_SELF] = f"{environ['SCRIPT_NAME']}/"
            return self._calendars(environ, start_response, "/")
        seen.route = "ui"
        if self._parts.ui is None:
            return page(environ, start_response, self._parts.proxies)
        try:
            body.settle(environ, self._parts.body_bytes_max)
        except (body.TooLarge, body.Unreadable):
            return say(environ, start_response, 413, "The body is too long.")
        environ["PATH_INFO"] = path
        return self._parts.ui(environ, start_response)


def _decoded(path: str) -> str | None:
    """Return PATH_INFO as text: WSGI hands the bytes over as latin-1 (PEP 3333). None if they are not UTF-8."""
    try:
        text = path.encode("latin-1").decode()
    except UnicodeEncodeError:  # a server that decoded already
        text = path
    except UnicodeDecodeError:
        return None
    return text if text.startswith("/") else f"/{text}"


def _refused(environ: Environ, start_response: StartResponse, error: BridgeError) -> list[bytes]:
    """Return the answer to a failure with a name, outside of the calendars."""
    if error.http_status >= 500:
        log.warning("http.unavailable", extra=fields(error=type(error).__name__), exc_info=error)
        wait = error.retry_after_s if isinstance(error, Throttled) else RETRY_AFTER_S
        return say(
            environ, start_response, error.http_status, str(error), Retry_After=str(max(1, round(wait)))
        )
    return say(environ, start_response, error.http_status, str(error))


class _Seen:
    """What is counted and logged of one request: never its path, who asked, or from where."""

    def __init__(self, environ: Environ, metrics: HttpMetrics | None) -> None:
        self.method = method_of(environ)
        self.route = "none"
        self.status = 0
        self.request_id = ""
        self._metrics = metrics
        self._since = time.monotonic()

    def done(self, size: int) -> None:
        """Write the access line."""
        took_s = time.monotonic() - self._since
        log.info(
            "http.request",
            extra=fields(
                method=self.method if self.method.isalpha() and len(self.method) < 20 else "other",
                route=self.route,
                status=self.status,
                took_ms=round(took_s * 1000),
                bytes=size,
                request_id=self.request_id,
            ),
        )
        if self._metrics is not None:
            self._metrics.note(self.route, self.method, self.status, took_s)


class _Watched:
    """A body on its way; the access line is written when it is through."""

    def __init__(self, pieces: Iterable[bytes], seen: _Seen) -> None:
        self._pieces = pieces
        self._seen = seen
        self._size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._size += len(piece)
            yield piece

    def close(self) -> None:
        """End the request, whether all of it was sent or not."""
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()
        self._seen.done(self._size)

"""Radicale's Application with our answers: raw bytes, the engine's statuses, a sentence in every refusal.

Radicale keeps the frame: it sanitises and checks paths, asks auth, finds the handler by name, compresses and logs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from http.client import responses
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from radicale.app import Application
from radicale.app.base import Access

from bridge.engine.api import CollectionView, Login, Service
from bridge.errors import BridgeError, Refused
from bridge.log import fields
from radicale_plugin import posting, preferences, propfind, proppatch, reading, report, respond, setup, writes
from radicale_plugin.context import ENVIRON_LOGIN, Ask, asking, current, sanitise, segments
from radicale_plugin.whole import Wholes

log = logging.getLogger(__name__)

WsgiApp: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Any]
Intermediate: TypeAlias = tuple[str, list[tuple[str, str]], Iterable[bytes]]
LOOKS = frozenset({"GET", "HEAD", "PROPFIND", "REPORT"})
"""Methods that say that somebody is looking."""


class DavApplication(Application):
    """``/dav/``. Expects the authenticated :class:`Login` in the environ."""

    def __init__(
        self, configuration: Any, service: Service, *, object_bytes_max: int, hosts: Sequence[str]
    ) -> None:
        super().__init__(configuration)
        self.service = service
        self.object_bytes_max = object_bytes_max
        self._hosts = tuple(hosts)
        self._wholes = Wholes()

    # ---- before Radicale -------------------------------------------------------------------------------

    def _handle_request(self, environ: Mapping[str, Any]) -> Intermediate:
        """Turn away what is not the asker's before anything looks at it: one answer, whatever exists."""
        login = environ.get(ENVIRON_LOGIN)
        if not isinstance(login, Login):
            return _plain(respond.failure(Refused("Authentication is needed.", http_status=401)))
        base = str(environ.get("SCRIPT_NAME") or "").rstrip("/")
        path = sanitise(str(environ.get("PATH_INFO") or "/"))
        parts = segments(path)
        if parts and parts[0] != login.user:
            return _plain(respond.forbidden())
        if str(environ.get("REQUEST_METHOD", "")).upper() not in respond.METHODS:
            return _plain(respond.failure(Refused("There is no such method here.", http_status=405)))
        ask = Ask(self.service, login, base, path, environ)
        self._note(ask)
        with asking(ask):
            try:
                handled: Intermediate = super()._handle_request(_plainly(environ))
            except Exception as error:
                log.exception("dav.frame_failed", extra=fields(error=type(error).__name__))
                return _plain(respond.broken())
            return handled

    def _note(self, ask: Ask) -> None:
        """Tell the engine that somebody is looking; never a reason to fail."""
        if str(ask.environ.get("REQUEST_METHOD")).upper() in LOOKS:
            try:
                self.service.touch(ask.login.user)
            except Exception as error:  # a read must not fail because a note could not be kept
                log.warning("dav.touch_failed", extra=fields(error=type(error).__name__), exc_info=error)

    # ---- Radicale's methods ----------------------------------------------------------------------------

    def _answer(self, user: str, groups: set[str], work: Callable[[Ask], respond.Answer]) -> respond.Answer:
        """Do the work of a method; failures become answers here, so that Radicale never sees one."""
        ask = current()
        if ask is None or ask.login.user != user:
            return respond.forbidden()
        try:
            if not Access(self._rights, user, groups, f"/{'/'.join(ask.parts[:3])}").check("r"):
                return respond.forbidden()
            return preferences.told(ask, work(ask))
        except BridgeError as error:
            if error.http_status >= 500:  # the server's side of the status codes
                log.warning("dav.unavailable", extra=fields(error=type(error).__name__), exc_info=error)
            return respond.failure(error)
        except Exception as error:
            log.exception("dav.failed", extra=fields(error=type(error).__name__))
            return respond.broken()

    def _may_write(self, user: str, groups: set[str]) -> Callable[[CollectionView], bool]:
        """Return whether this login may write a calendar, by the rights plugin."""

        def may(view: CollectionView) -> bool:
            return bool(Access(self._rights, user, groups, f"/{view.user}/{view.slug}/").check("w"))

        return may

    def do_OPTIONS(  # noqa: N802
        self, environ: Any, base_prefix: str, path: str, user: str, user_groups: set[str], request_info: Any
    ) -> respond.Answer:
        """Say what can be done here."""
        del environ, base_prefix, path, request_info
        return self._answer(
            user, user_groups, lambda _ask: respond.empty(200, Allow=respond.ALLOW, DAV=respond.DAV)
        )

    def do_GET(  # noqa: N802
        self, environ: Any, base_prefix: str, path: str, user: str, user_groups: set[str], request_info: Any
    ) -> respond.Answer:
        """Return an object, or a whole calendar."""
        del environ, base_prefix, path, request_info
        return self._answer(user, user_groups, lambda ask: reading.answer(ask, self._wholes))

    def do_HEAD(  # noqa: N802
        self, environ: Any, base_prefix: str, path: str, user: str, user_groups: set[str], request_info: Any
    ) -> respond.Answer:
        """Do as GET; the body is dropped later."""
        return self.do_GET(environ, base_prefix, path, user, user_groups, request_info)

    def do_PROPFIND(  # noqa: N802
        self, environ: Any, base_prefix: str, path: str, user: str, user_groups: set[str], request_info: Any
    ) -> respond.Answer:
        """List properties."""
        del environ, base_prefix, path, request_info
        may_write = self._may_write(user, user_groups)
        return self._answer(
            user, user_groups, lambda ask: propfind.answer(ask, may_write, self.object_bytes_max)
        )

    def do_REPORT(  # noqa: N802
        self, environ: Any, base_prefix: str, path: str, user: str, user_groups: set[str], request_info: Any
    ) -> respond.Answer:
        """Search, fetch, sync."""
        del environ, base_prefix, path, request_info
        may_write = self._may_write(user, user_groups)
        return self._answer(
            user, user_groups, lambda ask: report.answer(ask, may_write, self.object_bytes_max)
        )

    def do_PROPPATCH(  # noqa: N802
        self, environ: Any, base_prefix: str, path: str, user: str, user_groups: set[str], request_info: Any
    ) -> respond.Answer:
        """Change properties."""
        del environ, base_prefix, path, request_info
        return self._answer(user, user_groups, proppatch.answer)

    def do_PUT(  # noqa: N802
        self, environ: Any, base_prefix: str, path: str, user: str, user_groups: set[str], request_info: Any
    ) -> respond.Answer:
        """Store an object."""
        del environ, base_prefix, path, request_info
        may_write = self._may_write(user, user_groups)
        return self._answer(user, user_groups, lambda ask: writes.put(ask, may_write, self.object_bytes_max))

    def do_POST(  # noqa: N802
        self, environ: Any, base_prefix: str, path: str, user: str, user_groups: set[str], request_info: Any
    ) -> respond.Answer:
        """Store a new object, or say when people are busy."""
        del environ, base_prefix, path, request_info
        may_write = self._may_write(user, user_groups)
        return self._answer(
            user, user_groups, lambda ask: posting.answer(ask, may_write, self.object_bytes_max)
        )

    def do_DELETE(  # noqa: N802
        self, environ: Any, base_prefix: str, path: str, user: str, user_groups: set[str], request_info: Any
    ) -> respond.Answer:
        """Delete an object."""
        del environ, base_prefix, path, request_info
        may_write = self._may_write(user, user_groups)
        return self._answer(user, user_groups, lambda ask: writes.delete(ask, may_write))

    def do_MOVE(  # noqa: N802
        self, environ: Any, base_prefix: str, path: str, user: str, user_groups: set[str], request_info: Any
    ) -> respond.Answer:
        """Move an object."""
        del base_prefix, path, request_info
        may_write = self._may_write(user, user_groups)
        hosts = (*self._hosts, str(environ.get("HTTP_HOST") or "").lower())
        return self._answer(user, user_groups, lambda ask: writes.move(ask, may_write, hosts))

    def do_MKCALENDAR(  # noqa: N802
        self, environ: Any, base_prefix: str, path: str, user: str, user_groups: set[str], request_info: Any
    ) -> respond.Answer:
        """Make a calendar."""
        del environ, base_prefix, path, request_info
        return self._answer(user, user_groups, lambda ask: writes.make(ask, "MKCALENDAR"))

    def do_MKCOL(  # noqa: N802
        self, environ: Any, base_prefix: str, path: str, user: str, user_groups: set[str], request_info: Any
    ) -> respond.Answer:
        """Make a calendar the extended way (RFC 5689)."""
        del environ, base_prefix, path, request_info
        return self._answer(user, user_groups, lambda ask: writes.make(ask, "MKCOL"))


def _plainly(environ: Mapping[str, Any]) -> dict[str, Any]:
    """Return the environ without what Radicale would act on: proxy headers, and its free-busy view by query."""
    kept = {
        key: value
        for key, value in environ.items()
        if not key.startswith(("HTTP_X_FORWARDED_", "HTTP_X_SCRIPT_NAME", "HTTP_X_REMOTE_"))
    }
    return {**kept, "QUERY_STRING": ""}


def _plain(answer: respond.Answer) -> Intermediate:
    """Return an answer in the form that Radicale's outer frame sends."""
    status, headers, body, _ = answer
    if body is not None:
        headers["Content-Length"] = str(len(body))
    return f"{status} {responses.get(status, 'Unknown')}", list(headers.items()), [body] if body else []


class _NoPaths(logging.Filter):
    """Silences Radicale while it works for us: its lines hold paths and user names, and failures are logged here."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record comes from somewhere else."""
        del record
        return current() is None


_NO_PATHS = _NoPaths()


def build_dav_app(
    service: Service,
    *,
    object_bytes_max: int = 1_000_000,
    body_bytes_max: int = 2_000_000,
    public_url: str = "",
) -> WsgiApp:
    """Return the WSGI application for ``/dav/``.

    It expects PATH_INFO without SCRIPT_NAME and decoded as UTF-8, a body with CONTENT_LENGTH, no X-Forwarded-*
    headers, and the authenticated :class:`Login` in ``environ["queqiao.login"]``: ``bridge.web`` does all that.
    ``public_url`` names a host that a Destination header may carry besides the request's own.
    """
    quiet = logging.getLogger("radicale")
    if quiet.level == logging.NOTSET:
        quiet.setLevel(logging.WARNING)
    quiet.addFilter(_NO_PATHS)
    configuration = setup.shipped(service, object_bytes_max=object_bytes_max, body_bytes_max=body_bytes_max)
    hosts = [urlsplit(public_url).netloc.lower()] if public_url else []
    app: WsgiApp = DavApplication(configuration, service, object_bytes_max=object_bytes_max, hosts=hosts)
    return app

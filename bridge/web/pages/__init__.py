"""``/`` and ``/ui/…``: pages for people, made on the server, in Chinese and English; scripts only add comfort.

Nothing on them comes from elsewhere, nothing that a vendor or a colleague wrote is more than text, and every form
carries a seal of the session it was shown in.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from bridge.errors import BadInput, BridgeError, Missing, NotAllowed
from bridge.log import fields
from bridge.web.pages import (
    admin,
    calendars,
    changes,
    connect,
    feeds,
    lang,
    leaving,
    passwords,
    sign_in,
    start,
    workdays,
)
from bridge.web.pages.ask import Answer, Ask, read_cookies, read_form, read_query, to
from bridge.web.pages.route import Needs, Route
from bridge.web.pages.site import GUEST, SESSION, STATIC_AGE_S, Site
from bridge.web.wsgi import method_of, reply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.web.wsgi import Environ, StartResponse

__all__ = ["Pages", "Site"]

log = logging.getLogger(__name__)

ROUTES: Final[tuple[Route, ...]] = (
    *start.ROUTES,
    *sign_in.ROUTES,
    *connect.ROUTES,
    *passwords.ROUTES,
    *feeds.ROUTES,
    *calendars.ROUTES,
    *changes.ROUTES,
    *leaving.ROUTES,
    *workdays.ROUTES,
    *admin.ROUTES,
)
CSP: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {frames}"
)
HEADERS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
)


class Pages:
    """The WSGI application of the pages; the router has cleaned path and proxy headers and bounded the body."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = str(environ["PATH_INFO"])
        if path.startswith("/ui/static/"):
            return self._file(environ, start_response, path.removeprefix("/ui/static/"))
        ask = self._read(environ, path)
        answer = self._answer(ask)
        headers = [
            *answer.headers,
            *HEADERS,
            ("Content-Security-Policy", CSP.format(frames="'self'" if answer.may_be_framed else "'none'")),
            ("Cache-Control", "no-store"),
            ("Vary", "Accept-Language, Cookie"),
            *(("Set-Cookie", cookie) for cookie in ask.set_cookies),
        ]
        return reply(
            environ, start_response, answer.status, answer.body, headers, content_type=answer.content_type
        )

    def _read(self, environ: Environ, path: str) -> Ask:
        cookies = read_cookies(str(environ.get("HTTP_COOKIE", "")))
        try:
            query = read_query(str(environ.get("QUERY_STRING", "")))
        except BadInput:
            query = {}
        ask = Ask(
            environ=environ,
            method=method_of(environ),
            path=path,
            query=query,
            cookies=cookies,
            base=str(environ.get("SCRIPT_NAME", "")),
            origin=self._site.proxies.public_origin(environ),
            address=str(environ.get("REMOTE_ADDR", "")),
            guest=cookies.get(GUEST, "")[:100],
        )
        ask.lang = lang.choose(
            query.get("lang", ""), cookies.get(lang.COOKIE, ""), str(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
        )
        if query.get("lang") in lang.LANGUAGES:
            ask.keep(lang.COOKIE, ask.lang, age_s=lang.YEAR_S)
        ask.visit = self._site.desk.visits.find(cookies.get(SESSION, ""))
        return ask

    def _answer(self, ask: Ask) -> Answer:
        try:
            return self._routed(ask)
        except BridgeError as error:
            if error.http_status >= 500:
                log.warning("page.unavailable", extra=fields(error=type(error).__name__), exc_info=error)
            return self._site.show(ask, "trouble.html", status=error.http_status, words=str(error))

    def _routed(self, ask: Ask) -> Answer:
        site = self._site
        method = "GET" if ask.method == "HEAD" else ask.method
        allowed = []
        for route in ROUTES:
            found = route.pattern.fullmatch(ask.path)
            if found is None:
                continue
            allowed.append(route.method)
            if route.method != method:
                continue
            if route.needs is not Needs.NOTHING and ask.visit is None:
                if method == "GET":
                    return to(ask, sign_in.path_for(ask.path))
                msg = "you are not signed in any more; sign in and repeat it"
                raise NotAllowed(msg)
            if method == "POST":
                ask.form = read_form(ask.environ)
                site.guard(ask)
                if (
                    route.needs in (Needs.WRITER, Needs.ADMIN)
                    and ask.visit is not None
                    and ask.visit.read_only
                ):
                    msg = "you signed in with a password that may only read; sign in with another one"
                    raise NotAllowed(msg)
            if route.needs is Needs.ADMIN and not site.is_admin(ask):
                msg = "there is no such page"
                raise Missing(msg)
            return route.act(site, ask, *found.groups())
        if allowed:
            return Answer(status=405, body=b"", headers=(("Allow", ", ".join(dict.fromkeys(allowed))),))
        msg = "there is no such page"
        raise Missing(msg)

    def _file(self, environ: Environ, start_response: StartResponse, name: str) -> list[bytes]:
        """Send a file by its public name: only names that were made at the start are known, so no path leads out."""
        found = self._site.files.get(name)
        if found is None or method_of(environ) not in ("GET", "HEAD"):
            return reply(environ, start_response, 404, b"There is nothing here.\n")
        headers = [
            ("Cache-Control", f"public, max-age={STATIC_AGE_S}, immutable"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        return reply(environ, start_response, 200, found.body, headers, content_type=found.content_type)

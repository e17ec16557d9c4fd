"""Small words of WSGI (PEP 3333) that the whole package shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http.client import responses
from typing import Any, Final, TypeAlias

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
App: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]
Headers: TypeAlias = list[tuple[str, str]]

BODYLESS: Final = frozenset({204, 304})


def status_line(status: int) -> str:
    """Return ``404 Not Found`` and the like."""
    return f"{status} {responses.get(status, 'Unknown')}"


def reply(
    environ: Environ,
    start_response: StartResponse,
    status: int,
    body: bytes = b"",
    headers: Iterable[tuple[str, str]] = (),
    *,
    content_type: str = "text/plain; charset=utf-8",
) -> list[bytes]:
    """Send a whole answer; HEAD gets its headers only."""
    named: Headers = list(headers)
    if status not in BODYLESS:
        named.append(("Content-Length", str(len(body))))
        if body:
            named.append(("Content-Type", content_type))
    start_response(status_line(status), named)
    return [] if environ.get("REQUEST_METHOD") == "HEAD" or status in BODYLESS else [body]


def say(
    environ: Environ, start_response: StartResponse, status: int, sentence: str, **headers: str
) -> list[bytes]:
    """Send a sentence; ``headers`` with ``_`` for ``-``."""
    named = [(key.replace("_", "-"), value) for key, value in headers.items()]
    return reply(environ, start_response, status, f"{sentence}\n".encode(), named)


def method_of(environ: Environ) -> str:
    """Return the request method in capitals."""
    return str(environ.get("REQUEST_METHOD", "GET")).upper()

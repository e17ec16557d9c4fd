"""What a failure looks like on the wire: a status, a precondition where one fits, and a sentence."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Final, TypeAlias

from bridge.errors import BridgeError, NotAllowed, Throttled
from radicale_plugin import davxml

Answer: TypeAlias = tuple[int, dict[str, str], bytes | None, None]
"""What a ``do_*`` method of Radicale's Application returns: status, headers, body, (unused) request text."""

RETRY_AFTER_S: Final = 30
"""Seconds a client is told to wait when a failure does not say how long."""
RETRY_AFTER_MAX_S: Final = 3600
"""Longest wait that a client is told; a quota may be exhausted for weeks, but it may also be raised."""

ALLOW: Final = "OPTIONS, GET, HEAD, POST, PUT, DELETE, MOVE, PROPFIND, PROPPATCH, REPORT, MKCALENDAR, MKCOL"
METHODS: Final = frozenset(ALLOW.split(", "))
DAV: Final = "1, 3, calendar-access, calendar-auto-schedule, extended-mkcol, calendarserver-principal-search"
"""Compliance classes (RFC 4918 18, RFC 4791 5.1, RFC 6638 2, RFC 5689 3.1): the vendors send invitations, so clients
must not. No locks, no address books."""


def empty(status: int, **headers: str) -> Answer:
    """Return an answer without a body; ``headers`` with ``_`` for ``-``."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    if status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        named["Content-Length"] = "0"
    return status, named, None, None


def xml(status: int, body: bytes) -> Answer:
    """Return an answer with an XML body."""
    return status, {"Content-Type": davxml.CONTENT_TYPE, "DAV": DAV}, body, None


def multistatus(body: bytes) -> Answer:
    """Return 207."""
    return xml(HTTPStatus.MULTI_STATUS, body)


def failure(error: BridgeError, *, inside: str = "") -> Answer:
    """Return the answer to a failure that has a name; ``inside`` is content of its precondition element."""
    status, headers, body, _ = xml(
        error.http_status, davxml.error(error.precondition, str(error), inside=inside)
    )
    if isinstance(error, Throttled):
        headers["Retry-After"] = str(min(RETRY_AFTER_MAX_S, max(1, math.ceil(error.retry_after_s))))
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ALLOW
    return status, headers, body, None


def forbidden() -> Answer:
    """Return the one answer for everything that is not the asker's, whether it exists or not."""
    return failure(NotAllowed("You may only use your own calendars.", precondition="D:need-privileges"))


def broken() -> Answer:
    """Return the answer to a failure without a name: a fault of ours, worth a retry."""
    status, headers, body, _ = xml(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        davxml.error(
            None, "The bridge failed; the log of the server says where. Nothing was changed knowingly."
        ),
    )
    headers["Retry-After"] = str(RETRY_AFTER_S)
    return status, headers, body, None

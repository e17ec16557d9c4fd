"""Every failure the bridge can name, by what the caller does next.

BridgeError
├── Refused          somebody said no; the same request will fail again
│   ├── BadInput     the client's bytes are not a calendar object that we can hold
│   ├── Inexpressible  the vendor has no form for it; silence would be a lie
│   ├── NotAllowed   rights: read-only, not the organizer, not yours
│   │   └── OccurrenceRefused  one occurrence cannot be changed alone
│   ├── PreconditionFailed  If-Match and its kin
│   └── Missing      there is no such thing (any more)
├── Unauthorised     the bridge's own credentials, permissions or address are refused; a person must mend it
├── TokenStale       the access token was called invalid; renew once, replay once
├── Throttled        asked to wait ``retry_after_s``; nothing happened
│   └── Exhausted    a quota is used up until ``retry_after_s`` from now
├── Unreachable      the request never left, or the vendor failed before acting; repeating it is safe
├── OutcomeUnknown   the request left and no answer came; ask before repeating
└── Overtaken        another node or person wrote first; read again
"""

from __future__ import annotations

import enum


class Happened(enum.Enum):
    """Whether the failed request may have had an effect at the vendor."""

    NO = "no"
    MAYBE = "maybe"


class BridgeError(Exception):
    """Base of all failures. ``str(error)`` is a sentence: what was tried, what came back, what to do."""

    http_status: int = 500
    happened: Happened = Happened.NO
    precondition: str | None = None
    """A CalDAV or DAV precondition element as ``C:name`` or ``D:name`` (RFC 4791 5.3.2.1), if one fits."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        precondition: str | None = None,
        http_status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        """The vendor's own code, for logs and the receipt; never for decisions."""
        if precondition is not None:
            self.precondition = precondition
        if http_status is not None:
            self.http_status = http_status


class Refused(BridgeError):
    """Somebody said no; the same request will fail again."""

    http_status = 403


class BadInput(Refused):
    """The client's bytes are not a calendar object that the bridge can hold."""

    http_status = 403
    precondition = "C:valid-calendar-data"


class Inexpressible(Refused):
    """The vendor has no form for it, and dropping it silently would be a lie."""

    http_status = 403
    precondition = "C:valid-calendar-object-resource"


class NotAllowed(Refused):
    """Rights: a read-only calendar, somebody else's meeting, somebody else's collection."""

    http_status = 403


class OccurrenceRefused(NotAllowed):
    """The vendor does not take a change, or a removal, of one occurrence alone; its series may be cut around it."""

    def __init__(self, message: str, *, code: str = "", is_sure: bool = True, series: object = None) -> None:
        super().__init__(message, code=code)
        self.is_sure = is_sure
        """False: it may be what the occurrence was to become that was refused."""
        self.series = series
        """The series (``Upstream``) as it is now, where the vendor changed that instead; else None."""


class PreconditionFailed(Refused):
    """If-Match, If-None-Match, or a newer version than the client has seen."""

    http_status = 412


class Missing(Refused):
    """There is no such thing, or it is gone at the vendor."""

    http_status = 404


class Unauthorised(BridgeError):
    """The bridge's own secret, permission, address or visible range is refused; a person must mend it."""

    http_status = 503

    def __init__(self, message: str, *, code: str = "", cause: str = "secret", seen: str = "") -> None:
        super().__init__(message, code=code)
        self.cause = cause
        """One of ``secret``, ``permission``, ``address``, ``visible_range``, ``app``, ``id``."""
        self.seen = seen
        """For ``address``: this machine's network address as the vendor saw it, where it says so. Never in the message."""


class TokenStale(BridgeError):
    """The access token was called invalid or expired; renew once, replay once."""

    http_status = 503


class Throttled(BridgeError):
    """The vendor, or our own limiter, asks to wait; nothing happened."""

    http_status = 503

    def __init__(self, message: str, *, retry_after_s: float, code: str = "") -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class Exhausted(Throttled):
    """A daily or monthly quota is used up; waiting a moment does not help."""


class Unreachable(BridgeError):
    """The request never left, or the vendor said that it did nothing; repeating it is safe."""

    http_status = 503


class OutcomeUnknown(BridgeError):
    """The request left and no answer came; ask before repeating."""

    http_status = 503
    happened = Happened.MAYBE


class Overtaken(BridgeError):
    """Another node or person wrote first; read again and decide again."""

    http_status = 409

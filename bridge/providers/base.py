"""The contract between the engine and a vendor.

Vocabulary: a *payload* is what we ask the vendor to hold for one item: a plain JSON object in the vendor's own
words, made by the pure ``encode`` and nothing else. A *snapshot* is what the vendor said it holds: the JSON of
its answer, read by the pure ``decode``. Two payloads are compared to decide whether a call is needed; a payload
is never compared with a snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bridge.model.upstream import (
    Applied,
    Create,
    Delete,
    Drop,
    Json,
    NotApplied,
    Operation,
    Respond,
    Split,
    Target,
    Update,
    Upstream,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from bridge.model.event import Event
    from bridge.model.limits import Limits
    from bridge.model.loss import Encoded
    from bridge.model.people import Roster

# ---- reading ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which times are mirrored: [start, end) in UTC."""

    start: dt.datetime
    end: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the mirror holds of a calendar: lets a provider fetch only what it must."""

    ids: frozenset[str]
    """Every item id of the calendar that is not known to be gone."""
    gone: frozenset[str] = frozenset()
    """Ids known to be cancelled for good: need no further look."""
    snapshots: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast the calls of a month may be spent from now on."""

    per_s: float
    """Calls a second that reading may make until the month ends, edits to come taken off; 0 when none is left."""
    ahead: bool
    """More is used than this part of the month should have used: what can be asked together should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePage:
    """One step of a pull."""

    items: tuple[Upstream, ...]
    """Complete items (all fields decode needs), each at most once per page."""
    absent: tuple[str, ...] = ()
    """Known ids that were missing from a *complete* listing **and** confirmed gone by asking for each."""
    next: str = ""
    """Pass to the following call for the next page; empty: this was the last."""
    cursor: str = ""
    """On the last page: keep it, and start the next pull with it."""
    expected: int = 0
    """How many items a first load brings, as far as is known or can be estimated; 0: unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamCalendar:
    """One calendar that a person has at the vendor and the app may use."""

    id: str
    name: str
    color: str = ""
    """``#RRGGBB`` or empty."""
    writable: bool = True
    reason: str = ""
    """Why it is not writable, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryEntry:
    """One person of the vendor's directory."""

    id: str
    """The id that calendar calls take (WeCom userid, DingTalk unionId)."""
    name: str
    emails: tuple[str, ...] = ()
    """Bare addresses, lower-case, the best one first."""
    alias: str = ""
    """The vendor's other id (DingTalk userid)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """One busy span of a person."""

    start: dt.datetime
    end: dt.datetime
    tentative: bool = False


class Mapper(Protocol):
    """The pure half of a provider: no I/O, no clock."""

    limits: Limits

    def encode(self, event: Event, roster: Roster) -> Encoded[Json]:
        """Return the payload of one item: a single event, a series (rule included) or one occurrence.

        ``event.recurrence`` holds at most one rule, within ``limits.series``, and no RDATE; EXDATEs are carried
        out as Drop operations and are ignored here. Raises :class:`bridge.errors.Inexpressible`.
        """
        ...

    def decode(self, item: Upstream, uid: str, roster: Roster) -> Event:
        """Read a snapshot. For a series the event carries its rule, and the vendor's exclusions as EXDATE.

        For an occurrence (``item.origin``) ``recurrence_id`` is set. Never fails on a field of unknown value.
        """
        ...

    def people_of(self, snapshot: Json) -> Mapping[str, str]:
        """Return vendor id -> display name of everybody a snapshot mentions, to build a roster."""
        ...

    def modified_ms(self, snapshot: Json) -> int | None:
        """Return when a person last changed an item (milliseconds UTC); None where the vendor does not say."""
        ...

    def allows_change(self, snapshot: Json, roster: Roster) -> str:
        """Return "" if ``roster.me`` may change the item, else why not, in a sentence."""
        ...


class Provider(Protocol):
    """One configured source. Thread-safe. Every method may raise the classes of :mod:`bridge.errors`."""

    source_id: str
    mapper: Mapper

    def check(self) -> None:
        """Ask for a token and make one harmless call; raises what is wrong."""
        ...

    def keep_token(self) -> None:
        """Renew the access token if it is about to end, so that no write has to wait for it."""
        ...

    def token_ends_ms(self) -> int | None:
        """Return when the access token ends (milliseconds UTC); None while none is held. Asks nobody."""
        ...

    def resolve_user(self, vendor_id: str) -> DirectoryEntry:
        """Return the person behind an id that an administrator typed (any kind of id the vendor has)."""
        ...

    def members(self) -> list[DirectoryEntry]:
        """Return everybody whom the app may see, each once, in the vendor's order; bounded. Many calls, none billed."""
        ...

    def lookup(self, addresses: Sequence[str]) -> Mapping[str, DirectoryEntry | None]:
        """Find people by bare, lower-case e-mail address; None: certainly not in the directory."""
        ...

    def people(self, ids: Sequence[str]) -> Mapping[str, DirectoryEntry]:
        """Return what the directory tells about vendor ids; unknown ones are missing."""
        ...

    def calendars(self, user_id: str, known_ids: Sequence[str]) -> list[UpstreamCalendar]:
        """Return the person's calendars. Where the vendor lists none (WeCom), look at ``known_ids``."""
        ...

    def make_calendar(self, user_id: str, name: str, color: str, members: Sequence[str]) -> UpstreamCalendar:
        """Make a calendar (WeCom); raises NotAllowed where the vendor has no such call."""
        ...

    def edit_calendar(self, calendar_id: str, *, name: str | None, color: str | None) -> UpstreamCalendar:
        """Change name or colour; the vendor's other fields stay. Raises NotAllowed where impossible."""
        ...

    def remove_calendar(self, calendar_id: str) -> None:
        """Delete a calendar with all that is in it."""
        ...

    def changes(
        self,
        target: Target,
        *,
        cursor: str,
        page: str,
        window: Window,
        known: Known,
        deep: bool,
        first: bool = False,
    ) -> ChangePage:
        """Return the next page of what changed.

        ``cursor`` is what the last complete pull ended with ("" for a first load), ``page`` what the last page
        of this pull named. ``deep`` asks for a full look at the window instead of a delta. ``first`` says that people
        wait for this calendar: what is near in time comes first, and what is known is not brought again.
        """
        ...

    def fetch(self, target: Target, ids: Sequence[str]) -> Mapping[str, Upstream | None]:
        """Ask for items one by one (or in batches); None: the vendor says that there is no such thing."""
        ...

    def apply(self, target: Target, operation: Operation, token: str) -> Applied:
        """Carry out one operation. ``token`` is the idempotency key: the same for every repetition.

        Raises OutcomeUnknown when it may have happened; the engine then calls :meth:`settle`.
        """
        ...

    def settle(self, target: Target, operation: Operation, token: str, known: Known) -> Applied | NotApplied:
        """Find out what became of an operation whose outcome is unknown, without repeating its effect."""
        ...

    def free_busy(
        self, target: Target, user_ids: Sequence[str], window: Window
    ) -> Mapping[str, Sequence[Busy]]:
        """Return busy spans of people; raises NotAllowed where the vendor has no such call."""
        ...

    def sign_in_address(self, redirect: str, state: str, *, inside: bool) -> str:
        """Return the vendor's sign-in page, which sends the browser to ``redirect`` with ``state`` and a code.

        ``inside``: the browser is the vendor's own app.
        """
        ...

    def signed_in(self, code: str) -> str:
        """Return the id (:attr:`DirectoryEntry.id`) of who signed in; "" for somebody who is no member."""
        ...

    def budget(self) -> tuple[int, int] | None:
        """Return (calls used this month, calls of the month); None where calls are not billed."""
        ...

    def pace(self) -> Pace | None:
        """Return how fast the month's calls may be spent now; None where calls are not billed."""
        ...

    def end_waits(self) -> None:
        """Let no call wait for its turn any more, before the process ends: who waits is throttled at once."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


__all__ = [
    "Applied",
    "Busy",
    "ChangePage",
    "Create",
    "Delete",
    "DirectoryEntry",
    "Drop",
    "Json",
    "Known",
    "Mapper",
    "NotApplied",
    "Operation",
    "Pace",
    "Provider",
    "Respond",
    "Split",
    "Target",
    "Update",
    "Upstream",
    "UpstreamCalendar",
    "Window",
]

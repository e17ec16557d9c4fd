"""The only door for plugin, web and command line. ``service.Service`` implements it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence


class SyncTokenInvalid(ValueError):
    """The sync token is unknown, of another epoch, or older than the kept history (RFC 6578 3.8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who a request comes from."""

    user: str
    device: str = ""
    """Label of the app password."""
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionView:
    """A snapshot of one calendar of one user (RFC 4791 4.2)."""

    id: int
    user: str
    slug: str
    """Second segment of ``/dav/USER/SLUG/``."""
    source_id: str
    writable: bool
    reason: str = ""
    """Why it is not writable, in a sentence."""
    props: Mapping[str, str] = field(default_factory=dict)
    """Radicale's property names: ``D:displayname``, ``ICAL:calendar-color``, ``C:calendar-description`` ...
    vendor values overlaid by what this user's clients set."""
    change_seq: int = 0
    epoch: str = ""
    modified_ms: int = 0
    timezone: str = ""
    """IANA name of the zone in which floating times are meant, unless a client set another; "": not known."""
    attendees_max: int = 0
    """Most attendees of one event at the vendor; 0: not known."""
    is_own_time: bool = True
    """Whether what stands here takes this user's time, unless a client says otherwise; not so in a shared calendar."""

    @property
    def sync_token(self) -> str:
        """Return the sync token of this snapshot: a URI (RFC 6578 6.2)."""
        return f"http://queqiao.invalid/sync/{self.epoch}-{self.change_seq}"

    @property
    def etag(self) -> str:
        """Return the quoted collection tag (ctag); moves together with the sync token."""
        return f'"{self.epoch}-{self.change_seq}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectView:
    """One calendar object as it is served."""

    href: str
    uid: str
    text: str
    """With CRLF line ends, exactly what GET returns."""
    etag: str
    """Unquoted hash of the served bytes."""
    starts_ms: int
    """First instant of the first occurrence; all-day and floating values widened by 14 h on both sides."""
    ends_ms: int
    """End of the last occurrence; ``FOREVER_MS`` when unbounded."""
    recurring: bool
    modified_ms: int


ALL_CALENDARS: Final = "all"
"""What stands for every calendar of a person, where a feed is made; no calendar has this name."""


class BusyTime(NamedTuple):
    """A time that is taken."""

    kind: str
    """FBTYPE (RFC 5545 3.2.9): ``BUSY`` or ``BUSY-TENTATIVE``."""
    starts_ms: int
    ends_ms: int


FOREVER_MS = 253_402_300_799_000
"""9999-12-31T23:59:59Z: the end of an unbounded series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutResult:
    """What became of a PUT, as far as it is known when the client is answered."""

    created: bool
    etag: str | None
    """Unquoted; None when what is served differs from the bytes that came (RFC 4791 5.3.4)."""
    waiting: bool = False
    """The vendor has not answered yet; the edit is journaled and will be carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """Somebody whom a user may find: a colleague at one of the user's sources."""

    address: str
    """``mailto:a@b``, lower-cased: what tells one person from another."""
    name: str = ""
    """As the vendor's directory has it; "" where it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusySpan:
    """When somebody is busy, as the vendor tells: [start, end), milliseconds UTC."""

    start_ms: int
    end_ms: int
    is_tentative: bool = False


class Known(enum.Enum):
    """How much is known of somebody's time."""

    TOLD = "told"
    """``spans`` and ``collections`` together are the answer."""
    STRANGER = "stranger"
    """Nobody of this address is in a directory that may be asked."""
    UNTOLD = "untold"
    """A colleague, but neither the vendor nor the bridge can say when that person is busy."""
    LATER = "later"
    """The vendor or its directory did not answer now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """One person's time."""

    address: str
    """As it was asked."""
    known: Known
    spans: Sequence[BusySpan] = ()
    collections: Sequence[CollectionView] = ()
    """Calendars that the bridge holds of this person: only *when* something happens in them may be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedView:
    """A secret ICS address, resolved."""

    user: str
    title: str
    etag: str
    """Unquoted; equal tags mean equal bodies."""
    modified_ms: int
    """0: not known, because calendars may come and go."""
    collection_ids: tuple[int, ...]
    """What it shows, the person's own time first."""
    timezone: str = ""
    """IANA name of the zone in which floating times are meant; "": not known, or not the same everywhere."""
    detail: str
    """``full``, ``title`` or ``busy``."""


class Service(Protocol):
    """Everything that plugin and web may ask. Thread-safe; failures are classes of :mod:`bridge.errors`."""

    def login(self, user: str, password: str, *, device_hint: str = "") -> Login | None:
        """Check an app password; never sleeps, never asks a vendor."""
        ...

    def has_user(self, user: str) -> bool:
        """Return whether there is such a principal."""
        ...

    def addresses(self, user: str) -> Sequence[str]:
        """Return a user's calendar user addresses (``mailto:a@b``), the best one first; empty if none is known."""
        ...

    def visible_people(self, user: str) -> Sequence[PersonView]:
        """Return whom a user may find, by address: linked to the same sources, or known there to the directory.

        Nobody is asked; at most ``visible.PEOPLE_MAX`` people are returned, the user not among them.
        """
        ...

    def attendance(
        self, user: str, addresses: Sequence[str], start_ms: int, end_ms: int
    ) -> Sequence[Attendance]:
        """Return what is known of the time of people, in the order asked; vendors may be asked, and are billed.

        Raises BadInput for more people or more time than ``freebusy`` allows at once.
        """
        ...

    def person_props(self, user: str, place: str) -> Mapping[str, str]:
        """Return what a user's clients set on ``home`` or ``inbox``."""
        ...

    def set_person_props(
        self, user: str, place: str, changes: Mapping[str, str | None], login: Login
    ) -> None:
        """PROPPATCH on ``home`` or ``inbox``; raises NotAllowed, BadInput (507)."""
        ...

    def collections(self, user: str) -> Sequence[CollectionView]:
        """Return a user's calendars, each a snapshot."""
        ...

    def collection(self, user: str, slug: str) -> CollectionView | None:
        """Return one calendar."""
        ...

    def get(self, collection_id: int, href: str) -> ObjectView | None:
        """Return one object."""
        ...

    def get_many(self, collection_id: int, hrefs: Sequence[str]) -> Mapping[str, ObjectView]:
        """Return those that exist."""
        ...

    def get_all(self, collection_id: int) -> Sequence[ObjectView]:
        """Return every object."""
        ...

    def etags(self, collection_id: int) -> Sequence[tuple[str, str]]:
        """Return (href, unquoted etag) of every object: what a listing needs, without any text."""
        ...

    def texts(self, collection_id: int) -> Sequence[tuple[str, str]]:
        """Return (href, text) of every object, the oldest first."""
        ...

    def get_between(
        self, collection_id: int, start_ms: int | None, end_ms: int | None, *, texts: bool = True
    ) -> Sequence[ObjectView]:
        """Return objects that may have an occurrence in [start, end): a superset, never less.

        Without ``texts`` their text is "": many times as fast for a listing.
        """
        ...

    def get_occurring(
        self,
        collection_id: int,
        start_ms: int,
        end_ms: int,
        zone: dt.tzinfo | None,
        *,
        texts: bool = True,
    ) -> tuple[Sequence[ObjectView], Sequence[ObjectView]]:
        """Return (objects with an occurrence in [start, end), objects whose text says whether they have one).

        ``zone`` is where all-day and floating ones happen; None: anywhere. Without ``texts`` the text of the former is
        "".
        """
        ...

    def get_busy(
        self,
        collection_id: int,
        start_ms: int,
        end_ms: int,
        zone: dt.tzinfo,
        *,
        limit: int,
        but_uid: str = "",
    ) -> tuple[Sequence[BusyTime], Sequence[ObjectView]]:
        """Return (when time is taken in [start, end), objects whose text says so), ``limit`` times at most.

        The event ``but_uid`` takes none. A time may reach beyond the range, and one in a far zone may lie outside of it.
        """
        ...

    def href_of_uid(self, collection_id: int, uid: str) -> str | None:
        """Return where a UID lives in the collection."""
        ...

    def changes(self, collection: CollectionView, sync_token: str) -> tuple[Sequence[str], Sequence[str]]:
        """Return (hrefs new or changed, hrefs deleted) after a token and up to the snapshot.

        An empty token is the first sync: all objects, no deletions. Raises SyncTokenInvalid.
        """
        ...

    def put(
        self,
        collection_id: int,
        href: str,
        body: bytes,
        login: Login,
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> PutResult:
        """Store an object and carry it to the vendor (bounded write-through).

        ``if_match`` is the header's text (``*`` or a list of quoted tags, weak ones never match), None if absent.
        """
        ...

    def delete(self, collection_id: int, href: str, login: Login, *, if_match: str | None = None) -> None:
        """Delete an object here and at the vendor."""
        ...

    def move(
        self,
        collection_id: int,
        href: str,
        to_collection_id: int,
        to_href: str,
        login: Login,
        *,
        overwrite: bool,
    ) -> bool:
        """Move an object; returns whether the target was new."""
        ...

    def make_calendar(self, user: str, slug: str, props: Mapping[str, str], login: Login) -> CollectionView:
        """MKCALENDAR: make a calendar at a vendor that allows it."""
        ...

    def set_props(self, collection_id: int, changes: Mapping[str, str | None], login: Login) -> None:
        """PROPPATCH: display name and colour go to the vendor where it can hold them, the rest is kept per user."""
        ...

    def remove_calendar(self, collection_id: int, login: Login) -> None:
        """DELETE on a calendar: refused unless its source says ``allow_delete_calendar``."""
        ...

    def feed(self, token: str) -> FeedView | None:
        """Resolve a secret feed address; None when unknown or revoked."""
        ...

    def feed_objects(self, feed: FeedView) -> Iterable[ObjectView]:
        """Return the objects of a feed, of each UID one: what two calendars hold is told once."""
        ...

    def touch(self, user: str) -> None:
        """Note that a client of this user is looking: polling goes where somebody looks."""
        ...

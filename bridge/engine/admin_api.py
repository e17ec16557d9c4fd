"""What the command line and the pages may ask besides calendar access. ``admin.Admin`` implements it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPassword:
    """An app password, shown once."""

    user: str
    label: str
    password: str
    password_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFeed:
    """A secret ICS address, shown once."""

    feed_id: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """One line of an import."""

    line: int
    """Where it stands, from 1."""
    name: str
    email: str = ""
    links: tuple[tuple[str, str], ...] = ()
    """(source id, vendor id), each source at most once."""


Row = dict[str, Any]
"""One line of a listing: JSON-able, keys are stable names."""


class Admin(Protocol):
    """People, devices, feeds, calendars, states, receipts. Failures are classes of :mod:`bridge.errors`."""

    def user_add(self, name: str, *, email: str, links: Sequence[tuple[str, str]]) -> NewPassword:
        """Make a person with links (source id, vendor id) and a first app password."""
        ...

    def user_import(
        self, people: Sequence[NewPerson], *, apply: bool, on_made: Callable[[list[NewPassword]], None] | None
    ) -> list[Row]:
        """Return per line what an import does, or why it cannot; with ``apply`` it is done, all of it or nothing.

        ``on_made`` gets the first app passwords of new people before anything is committed; None: none are made.
        Raises BadInput when ``apply`` meets a problem; then nothing was changed.
        """
        ...

    def directory(self, source_id: str) -> list[Row]:
        """Return id, alias, name, email of everybody whom a source's app may see, and who of them is linked."""
        ...

    def user_list(self) -> list[Row]:
        """Return name, email, links, passwords."""
        ...

    def user_remove(self, name: str) -> None:
        """Forget a person, their passwords, feeds and mirror; nothing at the vendor is touched."""
        ...

    def user_link(self, name: str, source_id: str, vendor_id: str) -> None:
        """Link a person to a vendor's user."""
        ...

    def user_unlink(self, name: str, source_id: str) -> None:
        """Forget the link and its mirror; nothing at the vendor is touched."""
        ...

    def connect_links(self, user: str, *, patience_s: float) -> list[Row]:
        """Resolve a person's new links now (calendars found or made); returns one row per link with its state."""
        ...

    def password_add(self, user: str, *, label: str, read_only: bool, expires_ms: int | None) -> NewPassword:
        """Make an app password for one device."""
        ...

    def password_list(self, user: str) -> list[Row]:
        """Return id, label, read_only, created, expires, last_used; never the password."""
        ...

    def password_revoke(self, user: str, which: str) -> int:
        """Revoke by id or label; returns how many."""
        ...

    def feed_add(self, user: str, collection: str, *, detail: str) -> NewFeed:
        """Make a secret address for one calendar (its slug), or for ``all`` of a person."""
        ...

    def feed_list(self, user: str | None) -> list[Row]:
        """Return id, user, collection, detail, created; never the token."""
        ...

    def feed_revoke(self, which: str) -> int:
        """Revoke by id or token; returns how many."""
        ...

    def calendar_list(self, user: str | None) -> list[Row]:
        """Return user, slug, source, name, colour, writable, state, age_s, events."""
        ...

    def calendar_create(self, source_id: str, *, name: str, members: Sequence[str], color: str) -> Row:
        """Make a calendar at the vendor, shared with members (user names of ours or vendor ids)."""
        ...

    def calendar_remove(self, source_id: str, calendar_id: str) -> None:
        """Delete a calendar at the vendor."""
        ...

    def status(self, user: str | None) -> list[Row]:
        """Return per calendar: state, age_s, waiting, oldest_waiting_s, held, reason, cause, and who must do what.

        ``loaded`` and ``expected``: how many items of a first load are here, and of about how many; None afterwards.
        ``who`` and ``what`` in English, ``who_zh`` and ``what_zh`` in Chinese (``model.cures``).
        """
        ...

    def changes(self, user: str | None, since_ms: int) -> list[Row]:
        """Return the receipt of every edit: at, user, device, calendar, action, outcome, words, lost."""
        ...

    def sync(self, user: str | None, *, full: bool, release: bool = False) -> list[Row]:
        """Pull now; returns per calendar what changed. ``release``: let pass the deletions that were held."""
        ...

    def explain(self, what: str) -> list[Row]:
        """Return the story of one event, by href, UID, or upstream id."""
        ...

    def close(self) -> None:
        """Let go of database and connections."""
        ...

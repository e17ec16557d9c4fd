"""Addresses and names <-> unionIds (reference 7): no call finds a person by e-mail, so everybody is read once.

Directory calls are not billed (reference 5.2). What is read is kept in memory for a while and may be lost.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.errors import Exhausted, Missing, Refused, Unauthorised, Unreachable
from bridge.providers.base import DirectoryEntry
from bridge.providers.dingtalk.schema import flag, number, part, rows, text, texts
from bridge.providers.limiter import Lane, Priority

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bridge.clock import Clock
    from bridge.providers.base import Json
    from bridge.providers.dingtalk.client import Client

ROOT_DEPARTMENT: Final = 1

DEPARTMENTS_MAX: Final = 3000
"""Departments read in one walk; the tree of a company with 50,000 people stays below."""

DEPARTMENT_PAGES_MAX: Final = 500
"""Pages of 100 people in one department."""

PEOPLE_MAX: Final = 100_000
"""People kept in memory."""

INDEX_KEPT_S: Final = 6 * 3600.0
"""How long a walk through the company counts (seconds)."""

MISS_KEPT_S: Final = 900.0
"""An address that was not found is believed for so long (seconds); somebody new may have joined."""

FAILURE_KEPT_S: Final = 300.0
"""A directory that may not be read is asked again after so long (seconds)."""

ASKED_SINGLY_MAX: Final = 20
"""Up to so many people are asked for one by one; for more the company is read."""

SCOPED_PEOPLE_MAX: Final = 1000
"""People named singly in the app's scope that are asked for."""

LANE: Final = Lane(priority=Priority.LOOK, patience_s=20.0, who="directory")

LASTING: Final = (Refused, Unauthorised)
"""Failures that asking again does not mend: no permission, no such call."""

DIRECTORY_CAUSES: Final = ("permission", "visible_range")
"""Why the directory alone is refused, while calendars may work."""


@dataclass(slots=True)
class _Index:
    """Everybody the app may see."""

    made_s: float
    readable: bool = True
    people: dict[str, DirectoryEntry] = field(default_factory=dict)
    """By unionId."""
    by_mail: dict[str, DirectoryEntry | None] = field(default_factory=dict)
    """None: two people share the address, so it names nobody."""


class Directory:
    """The company of one source. Thread-safe."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._index: _Index | None = None
        self._strangers: dict[str, float] = {}

    # ---- questions ---------------------------------------------------------------------------------------

    def resolve(self, vendor_id: str) -> DirectoryEntry:
        """Return the person behind a unionId or a userid.

        Where the directory may not be asked, or is not there at all, the id is taken for a unionId. Raises Missing if
        the directory knows neither, and whatever ends by itself (too many calls) or has to be mended first.
        """
        try:
            entry = self._by_unionid(vendor_id)
            if entry is None:
                entry = self._by_userid(vendor_id)
        except (*LASTING, Unreachable) as error:
            if isinstance(error, Unauthorised) and error.cause not in DIRECTORY_CAUSES:
                raise
            return DirectoryEntry(id=vendor_id, name="")
        if entry is None:
            msg = (
                "DingTalk's directory knows nobody by this id: neither a unionId nor a userid of the company"
            )
            raise Missing(msg)
        return entry

    def members(self) -> list[DirectoryEntry]:
        """Return everybody in the app's scope who has a unionId, each once."""
        found: dict[str, DirectoryEntry] = {}
        for user in self._users():
            entry = entry_of(user)
            if entry is not None and len(found) < PEOPLE_MAX:
                found.setdefault(entry.id, entry)
        return list(found.values())

    def lookup(self, addresses: Sequence[str]) -> dict[str, DirectoryEntry | None]:
        """Find people by address: enterprise mailbox first, then the address of the profile.

        None: not among those whom the app may see, as far as it may see addresses at all; no more can be known.
        """
        index = self._current(INDEX_KEPT_S)
        if any(address.lower() not in index.by_mail for address in addresses):
            index = self._current(MISS_KEPT_S)
        return {address: index.by_mail.get(address.lower()) for address in addresses}

    def people(self, ids: Sequence[str]) -> dict[str, DirectoryEntry]:
        """Return what is known of unionIds; people of other companies are missing."""
        index = self._index
        now_s = self._clock.monotonic_s()
        if index is not None and (now_s - index.made_s > INDEX_KEPT_S or not index.readable):
            index = None
        known = dict(index.people) if index is not None else {}
        asked = [i for i in ids if i not in known and self._strangers.get(i, 0.0) < now_s]
        if len(asked) > ASKED_SINGLY_MAX:
            known = self._current(INDEX_KEPT_S).people
        else:
            try:
                for vendor_id in asked:
                    self._ask_for(vendor_id, known, now_s)
            except LASTING:
                pass
        return {vendor_id: known[vendor_id] for vendor_id in ids if vendor_id in known}

    def _ask_for(self, vendor_id: str, known: dict[str, DirectoryEntry], now_s: float) -> None:
        """Ask for one person and remember a stranger."""
        entry = self._by_unionid(vendor_id)
        if entry is not None:
            known[entry.id] = entry
        elif len(self._strangers) < PEOPLE_MAX:
            self._strangers[vendor_id] = now_s + MISS_KEPT_S

    def _by_unionid(self, unionid: str) -> DirectoryEntry | None:
        """Two calls; None for somebody whom the company does not know."""
        try:
            found = part(self._client.user_by_unionid(LANE, unionid), "result")
        except Missing:
            return None
        userid = text(found, "userid")
        return self._by_userid(userid) if userid else None

    def _by_userid(self, userid: str) -> DirectoryEntry | None:
        """One call; None for somebody whom the company does not know."""
        try:
            return entry_of(part(self._client.user_get(LANE, userid), "result"))
        except Missing:
            return None

    # ---- the walk ----------------------------------------------------------------------------------------

    def _current(self, age_max_s: float) -> _Index:
        """Return the company as read at most ``age_max_s`` ago; one thread reads, the others wait for it."""
        with self._lock:
            index = self._index
            now_s = self._clock.monotonic_s()
            if index is not None:
                kept_s = min(age_max_s, INDEX_KEPT_S) if index.readable else FAILURE_KEPT_S
                if now_s - index.made_s <= kept_s:
                    return index
            try:
                fresh = self._read(now_s)
            except (Exhausted, *LASTING):
                fresh = _Index(made_s=now_s, readable=False)
            self._index = fresh
            return fresh

    def _read(self, now_s: float) -> _Index:
        """Walk through the departments in the app's scope."""
        index = _Index(made_s=now_s)
        second: list[tuple[str, DirectoryEntry]] = []
        for user in self._users():
            entry = entry_of(user)
            if entry is None or entry.id in index.people:
                continue
            if len(index.people) >= PEOPLE_MAX:
                break
            index.people[entry.id] = entry
            org_mail = text(user, "org_email").strip().lower()
            for mail in entry.emails:
                if mail == org_mail:
                    _put(index.by_mail, mail, entry)
                else:
                    second.append((mail, entry))
        firsts = frozenset(index.by_mail)
        for mail, entry in second:
            if mail not in firsts:
                _put(index.by_mail, mail, entry)
        return index

    def _users(self) -> Iterator[Json]:
        """Yield the records of everybody in scope, some of them several times."""
        departments, singles = self._scope()
        for userid in singles[:SCOPED_PEOPLE_MAX]:
            try:
                yield part(self._client.user_get(LANE, userid), "result")
            except Missing:
                continue
        for dept_id in self._departments(departments):
            yield from self._members(dept_id)

    def _scope(self) -> tuple[list[int], list[str]]:
        """Return the departments and people that the app may see; the whole company if that is not told."""
        try:
            scopes = part(self._client.scopes(LANE), "auth_org_scopes")
        except LASTING:
            return [ROOT_DEPARTMENT], []
        departments = [int(dept) for dept in texts(scopes, "authed_dept") if dept.lstrip("-").isdecimal()]
        singles = texts(scopes, "authed_user")
        if not departments and not singles:
            return [ROOT_DEPARTMENT], []
        return departments, singles

    def _departments(self, roots: Sequence[int]) -> Iterator[int]:
        """Yield departments, from the roots down; those outside the scope are passed over."""
        waiting, seen = deque(roots), set(roots)
        while waiting:
            dept_id = waiting.popleft()
            yield dept_id
            try:
                below = rows(self._client.department_listsub(LANE, dept_id), "result")
            except (Missing, Unauthorised):
                continue
            for row in below:
                child = number(row, "dept_id")
                if child is not None and child not in seen and len(seen) < DEPARTMENTS_MAX:
                    seen.add(child)
                    waiting.append(child)

    def _members(self, dept_id: int) -> Iterator[Json]:
        """Yield the people of one department."""
        cursor = 0
        for _ in range(DEPARTMENT_PAGES_MAX):
            try:
                page = part(self._client.user_list(LANE, dept_id, cursor=cursor), "result")
            except Missing:
                return
            yield from rows(page, "list")
            following = number(page, "next_cursor")
            if not flag(page, "has_more") or following is None or following == cursor:
                return
            cursor = following


def entry_of(user: Mapping[str, object]) -> DirectoryEntry | None:
    """Return a person; None for a record without unionId, for whom no calendar call can be made."""
    record = dict(user)
    unionid = text(record, "unionid") or text(record, "unionId")
    if not unionid:
        return None
    mails = (text(record, name).strip().lower() for name in ("org_email", "email"))
    return DirectoryEntry(
        id=unionid,
        name=text(record, "name"),
        emails=tuple(dict.fromkeys(mail for mail in mails if "@" in mail)),
        alias=text(record, "userid"),
    )


def _put(index: dict[str, DirectoryEntry | None], mail: str, entry: DirectoryEntry) -> None:
    """Give an address to a person; if it has another one already, to nobody."""
    held = index.get(mail, entry)
    index[mail] = entry if held is not None and held.id == entry.id else None

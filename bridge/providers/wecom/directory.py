"""Who is who: ids, names and addresses of members (reference 11).

A miss by address is punished: after too many, WeCom refuses all look-ups for up to a day. Hits and misses are
remembered, and misses per hour are bounded.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from bridge.errors import Missing, Refused, Throttled, Unauthorised
from bridge.providers.base import DirectoryEntry
from bridge.providers.wecom.schema import as_int, as_list, as_object, as_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.clock import Clock
    from bridge.model.upstream import Json
    from bridge.providers.wecom.client import Client

CORPORATE_MAIL: Final = 1
PERSONAL_MAIL: Final = 2
MAIL_TYPES: Final = (CORPORATE_MAIL, PERSONAL_MAIL)
"""``email_type``, in the order in which they are asked for."""

HIT_TTL_S: Final = 24 * 3600.0
"""How long a found person is believed (seconds)."""

MISS_TTL_S: Final = 6 * 3600.0
"""How long an address counts as unknown (seconds); new colleagues appear within a morning."""

CACHE_MAX: Final = 10_000
"""People and addresses remembered, each."""

MISSES_MAX: Final = 100
MISSES_WINDOW_S: Final = 3600.0
"""At most MISSES_MAX addresses that nobody has in this many seconds; the vendor's threshold is not published, but
"grows with the size of the company"."""

DEPARTMENTS_MAX: Final = 3000
MEMBERS_MAX: Final = 100_000
"""Departments and people of one walk through the company."""

ACTIVE: Final = 1
ABSENT: Final = frozenset({2, 5})
"""``status`` of a member who is disabled, or has left (reference 11)."""

ADDRESS_CHARS_MAX: Final = 254
"""Longest mail address (RFC 5321 4.5.3.1.3, errata 1690)."""

K = TypeVar("K")
V = TypeVar("V")


class _Cache(Generic[K, V]):
    """Remembers the newest ``CACHE_MAX`` values, each for a time. Not thread-safe by itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: OrderedDict[K, tuple[V, float]] = OrderedDict()

    def get(self, key: K) -> tuple[V] | None:
        """Return the value in a tuple, None if it is not remembered."""
        entry = self._entries.get(key)
        if entry is None or self._clock.monotonic_s() >= entry[1]:
            return None
        return (entry[0],)

    def put(self, key: K, value: V, ttl_s: float) -> None:
        """Remember a value for ``ttl_s`` seconds."""
        self._entries.pop(key, None)
        self._entries[key] = (value, self._clock.monotonic_s() + ttl_s)
        while len(self._entries) > CACHE_MAX:
            self._entries.popitem(last=False)


class Directory:
    """Asks the directory, and remembers. Thread-safe."""

    def __init__(self, clock: Clock, *, own_domain: str) -> None:
        """``own_domain``: where addresses of our own making live; those are never asked for."""
        self._clock = clock
        self._own_suffix = f"@{own_domain.lower()}"
        self._lock = threading.Lock()
        self._by_address: _Cache[str, str | None] = _Cache(clock)
        self._by_id: _Cache[str, DirectoryEntry | None] = _Cache(clock)
        self._misses: deque[float] = deque(maxlen=MISSES_MAX)

    def resolve(self, client: Client, vendor_id: str) -> DirectoryEntry:
        """Return the person behind a userid or a mail address that an administrator typed.

        An app that may not read the directory cannot check the id: then it is taken as it was given. Raises Missing
        if there certainly is no such person.
        """
        try:
            return _entry(client.user_get(vendor_id), vendor_id)
        except Missing:
            raise
        except Refused as error:
            if "@" in vendor_id:
                found = self.lookup(client, [vendor_id.lower()]).get(vendor_id.lower())
                if found is not None:
                    return found
            msg = "no such member, or outside the app's visible range; check the userid and the range"
            raise Missing(msg, code=error.code) from error
        except Unauthorised as error:
            if error.cause not in ("permission", "visible_range"):
                raise
            return DirectoryEntry(id=vendor_id, name="")

    def members(self, client: Client) -> list[DirectoryEntry]:
        """Return everybody whom the app may see: department by department, those who left or are disabled left out."""
        found: dict[str, DirectoryEntry] = {}
        departments = as_list(client.department_simplelist().get("department_id"))[:DEPARTMENTS_MAX]
        for department in departments:
            for member in self._of_department(client, as_int(as_object(department).get("id"))):
                userid = as_text(member.get("userid"))
                if userid and as_int(member.get("status"), ACTIVE) not in ABSENT and len(found) < MEMBERS_MAX:
                    found.setdefault(userid, _entry(member, userid))
        return list(found.values())

    def _of_department(self, client: Client, department_id: int) -> list[Json]:
        """Return a department's members: in detail, or by name where details are not allowed."""
        try:
            answer = client.user_list(department_id)
        except Missing:
            return []
        except Unauthorised as error:
            if error.cause not in ("permission", "address"):
                raise
            answer = client.user_simplelist(department_id)
        return [as_object(member) for member in as_list(answer.get("userlist"))]

    def people(self, client: Client, ids: Sequence[str]) -> Mapping[str, DirectoryEntry]:
        """Return what the directory tells about userids; those it does not tell about are missing."""
        known: dict[str, DirectoryEntry] = {}
        for userid in dict.fromkeys(ids):
            entry = self._person(client, userid)
            if entry is not None:
                known[userid] = entry
        return known

    def _person(self, client: Client, userid: str) -> DirectoryEntry | None:
        """Return one person, from memory if possible."""
        with self._lock:
            held = self._by_id.get(userid.casefold())
        if held is not None:
            return held[0]
        entry: DirectoryEntry | None
        try:
            entry = _entry(client.user_get(userid), userid)
        except Refused:
            entry = None
        with self._lock:
            self._by_id.put(userid.casefold(), entry, MISS_TTL_S if entry is None else HIT_TTL_S)
        return entry

    def lookup(self, client: Client, addresses: Sequence[str]) -> Mapping[str, DirectoryEntry | None]:
        """Find people by bare, lower-case address. None: not in the directory; missing: cannot be asked now."""
        answers: dict[str, DirectoryEntry | None] = {}
        for address in dict.fromkeys(addresses):
            if address.endswith(self._own_suffix):
                continue
            with self._lock:
                held = self._by_address.get(address)
            if held is None and not _is_address(address):
                held = (None,)
            if held is None and self._may_ask():
                held = (self._ask(client, address),)
            if held is not None:
                answers[address] = self._found(client, held[0], address)
        return answers

    def _found(self, client: Client, userid: str | None, address: str) -> DirectoryEntry | None:
        """Return the person whom an address led to, with the name as far as the app may read it."""
        if userid is None:
            return None
        try:
            entry = self._person(client, userid)
        except (Unauthorised, Throttled):
            entry = None
        return entry or DirectoryEntry(id=userid, name="", emails=(address,))

    def _may_ask(self) -> bool:
        """Return whether another miss would still be tolerated."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            return len(self._misses) < MISSES_MAX or now_s - self._misses[0] >= MISSES_WINDOW_S

    def _ask(self, client: Client, address: str) -> str | None:
        """Ask for a corporate, then for a personal address."""
        userid = ""
        for kind in MAIL_TYPES:
            try:
                userid = as_text(client.user_by_email(address, kind).get("userid"))
            except Refused:
                with self._lock:
                    self._misses.append(self._clock.monotonic_s())
            if userid:
                break
        with self._lock:
            self._by_address.put(address, userid or None, HIT_TTL_S if userid else MISS_TTL_S)
        return userid or None


def _is_address(text: str) -> bool:
    """Return whether a text can be a mail address at all; nonsense is not worth a miss."""
    local, at, domain = text.rpartition("@")
    return (
        bool(at and local and domain) and len(text) <= ADDRESS_CHARS_MAX and not any(map(str.isspace, text))
    )


def _entry(answer: Json, userid: str) -> DirectoryEntry:
    """Read user/get; apps made since 2022 are not told addresses (reference 11)."""
    mails = (as_text(answer.get(name)).strip().lower() for name in ("biz_mail", "email"))
    return DirectoryEntry(
        id=as_text(answer.get("userid")) or userid,
        name=as_text(answer.get("name")),
        emails=tuple(dict.fromkeys(mail for mail in mails if mail)),
    )

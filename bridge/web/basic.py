"""Basic authentication (RFC 7617) with app passwords: an answer at once, and a limit to guessing.

Nothing waits here: a worker that sleeps for a wrong password is a worker that a guesser has taken away. Who fails
too often is told to come back later (429), unless the very same credentials were good a moment ago: a forgotten
old device behind the same router must not lock out the phone beside it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.clock import Clock, SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.engine.api import Login

WINDOW_S: Final = 60.0
"""Failures are counted over this time."""
PAIR_FAILURES_MAX: Final = 20
"""Failures of one user name from one address in the window. A client with an old password asks every few seconds."""
ADDRESS_FAILURES_MAX: Final = 200
"""Failures from one address in the window: an office behind one router has many devices."""
TABLE_MAX: Final = 10_000
"""Addresses and pairs remembered; the oldest go first."""
GOOD_S: Final = 3600.0
"""How long credentials count as good lately."""
CREDENTIALS_CHARS_MAX: Final = 1024
"""Longest user name and password together."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request says of itself."""

    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """Too many failures."""

    retry_after_s: int


def read_basic(header: str) -> Credentials | None:
    """Read an Authorization header; None for everything that is not well-formed Basic."""
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic" or len(encoded) > CREDENTIALS_CHARS_MAX * 4:
        return None
    try:
        raw = base64.b64decode(encoded.strip() + "=" * (-len(encoded.strip()) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:  # RFC 7617 asks for UTF-8; some clients still send their own charset
        text = raw.decode("latin-1")
    user, colon, password = text.partition(":")
    if not colon or not user or not password or len(text) > CREDENTIALS_CHARS_MAX:
        return None
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):
        return None
    return Credentials(user, password)


class Gate:
    """Checks credentials, and counts failures per address and per user name and address."""

    def __init__(self, login: Callable[[str, str, str], Login | None], clock: Clock | None = None) -> None:
        self._login = login
        self._clock = clock or SystemClock()
        self._key = secrets.token_bytes(32)
        self._failures: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        self._good: OrderedDict[bytes, float] = OrderedDict()
        self._guard = threading.Lock()

    def check(self, credentials: Credentials, address: str, device_hint: str) -> Login | Blocked | None:
        """Return the login, None if it is wrong, or how long to wait. Never sleeps."""
        pair, digest = (address, credentials.user), self._digest(credentials)
        now = self._clock.monotonic_s()
        with self._guard:
            known = self._good.get(digest, 0.0) > now
            wait = (
                0.0
                if known
                else max(
                    self._wait(pair, PAIR_FAILURES_MAX, now),
                    self._wait((address, ""), ADDRESS_FAILURES_MAX, now),
                )
            )
        if wait > 0:
            return Blocked(max(1, round(wait)))
        login = self._login(credentials.user, credentials.password, device_hint)
        with self._guard:
            if login is None:
                self._good.pop(digest, None)
                self._count(pair, now)
                self._count((address, ""), now)
            else:
                self._good[digest] = now + GOOD_S
                self._good.move_to_end(digest)
                if len(self._good) > TABLE_MAX:
                    self._good.popitem(last=False)
        return login

    def wait_s(self, address: str, what: str) -> int:
        """Return for how many seconds an address may not try ``what`` again; 0: it may."""
        now = self._clock.monotonic_s()
        with self._guard:
            wait = max(
                self._wait((address, what), PAIR_FAILURES_MAX, now),
                self._wait((address, ""), ADDRESS_FAILURES_MAX, now),
            )
        return max(1, round(wait)) if wait > 0 else 0

    def failed(self, address: str, what: str) -> None:
        """Count a failure of something that is no password: a sign-in at a vendor."""
        now = self._clock.monotonic_s()
        with self._guard:
            self._count((address, what), now)
            self._count((address, ""), now)

    def _digest(self, credentials: Credentials) -> bytes:
        text = f"{credentials.user}\0{credentials.password}".encode(errors="surrogatepass")
        return hashlib.blake2b(text, key=self._key, digest_size=16).digest()

    def _wait(self, key: tuple[str, str], most: int, now: float) -> float:
        """Return for how many seconds a key is blocked."""
        since, count = self._failures.get(key, (now, 0))
        return since + WINDOW_S - now if count >= most else 0.0

    def _count(self, key: tuple[str, str], now: float) -> None:
        since, count = self._failures.pop(key, (now, 0))
        if now - since >= WINDOW_S:
            since, count = now, 0
        self._failures[key] = (since, count + 1)
        if len(self._failures) > TABLE_MAX:
            self._failures.popitem(last=False)

"""What a provider is given from outside, so that it needs neither the store nor the daemon."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bridge.clock import Clock, SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable


class TokenVault(Protocol):
    """Where access tokens are shared between threads, processes and nodes."""

    def load(self, name: str) -> tuple[str, int] | None:
        """Return (token, expires at ms) or None."""
        ...

    def save(self, name: str, token: str, expires_ms: int) -> None:
        """Keep a token for everybody."""
        ...

    def forget(self, name: str, token: str) -> None:
        """Drop this very token; a newer one stays."""
        ...


class MemoryVault:
    """A vault for one process, for tests and one-shot commands."""

    def __init__(self) -> None:
        self._tokens: dict[str, tuple[str, int]] = {}

    def load(self, name: str) -> tuple[str, int] | None:
        """Return (token, expires at ms) or None."""
        return self._tokens.get(name)

    def save(self, name: str, token: str, expires_ms: int) -> None:
        """Keep a token."""
        self._tokens[name] = (token, expires_ms)

    def forget(self, name: str, token: str) -> None:
        """Drop this very token; a newer one stays."""
        held = self._tokens.get(name)
        if held is not None and held[0] == token:
            self._tokens.pop(name, None)


class Tallies(Protocol):
    """Counts of what is limited for some time, shared between threads, processes and nodes. Thread-safe.

    A name holds what is counted and for which day or month, so a new time begins at nothing by itself.
    """

    def take(self, name: str, *, most: int, until_ms: int) -> bool:
        """Count one more, durably; False, and nothing counted, when ``most`` are taken. ``until_ms``: when its time ends."""
        ...

    def give_back(self, name: str) -> None:
        """Count one less."""
        ...

    def raise_to(self, name: str, used: int, *, until_ms: int) -> None:
        """Count at least so many."""
        ...

    def used(self, name: str) -> int:
        """Return the count."""
        ...


class MemoryTallies:
    """Counts of one process, for tests and one-shot commands."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: Counter[str] = Counter()

    def take(self, name: str, *, most: int, until_ms: int) -> bool:
        """Count one more; False when ``most`` are taken."""
        with self._lock:
            if self._used[name] >= most:
                return False
            self._used[name] += 1
            return True

    def give_back(self, name: str) -> None:
        """Count one less."""
        with self._lock:
            self._used[name] = max(0, self._used[name] - 1)

    def raise_to(self, name: str, used: int, *, until_ms: int) -> None:
        """Count at least so many."""
        with self._lock:
            self._used[name] = max(self._used[name], used)

    def used(self, name: str) -> int:
        """Return the count."""
        with self._lock:
            return self._used[name]


def _no_count(_source: str, _endpoint: str, _outcome: str, _code: str) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Clock, vault, counts and counters for one provider."""

    clock: Clock = field(default_factory=SystemClock)
    vault: TokenVault = field(default_factory=MemoryVault)
    tallies: Tallies = field(default_factory=MemoryTallies)
    count_call: Callable[[str, str, str, str], None] = _no_count
    """Called once per HTTP request with (source, endpoint, outcome, the vendor's code or "")."""
    rng: random.Random = field(default_factory=random.Random)
    """Spreads retries and renewals over time, guards nothing; a simulation hands in a seeded one."""
    wire: Any = None
    """Carries requests instead of the network, as an ``httpx.BaseTransport``: for a whole system in one process."""

"""What a provider is given from outside, so that it needs neither the store nor the daemon."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

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


def _no_count(_source: str, _endpoint: str, _outcome: str) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Clock, vault and counters for one provider."""

    clock: Clock = field(default_factory=SystemClock)
    vault: TokenVault = field(default_factory=MemoryVault)
    count_call: Callable[[str, str, str], None] = _no_count
    """Called once per HTTP request with (source, endpoint, outcome)."""

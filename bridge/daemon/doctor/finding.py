"""One thing that was looked at, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from bridge.model.cures_checks import CHECKS

if TYPE_CHECKING:
    from bridge.model.cures import Cure

Fact: TypeAlias = bool | int | float | str
Facts: TypeAlias = Mapping[str, Fact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One link of the chain."""

    check: str
    """Stable name: ``dns``, ``tls``, ``address``, ``disk`` …"""
    ok: bool | None
    """None: it could not be looked at, or does not apply."""
    says: str
    """For the administrator; may name hosts and people."""
    source: str = ""
    """Source id; empty: the bridge itself."""
    cure: Cure | None = None
    facts: Facts = field(default_factory=dict)
    """What may leave the house: numbers and fixed words, no name, address, title or secret."""

    def as_row(self) -> dict[str, Any]:
        """Return it for a program."""
        cure = self.cure.as_row() if self.cure is not None else {}
        return {"check": self.check, "source": self.source, "ok": self.ok, "says": self.says, **cure}


def good(check: str, says: str, source: str = "", *, facts: Facts | None = None) -> Finding:
    """Return a link that holds."""
    return Finding(check=check, ok=True, says=says, source=source, facts=facts or {})


def skipped(check: str, says: str, source: str = "", *, facts: Facts | None = None) -> Finding:
    """Return a link that could not be looked at."""
    return Finding(check=check, ok=None, says=says, source=source, facts=facts or {})


def bad(
    check: str, says: str, source: str = "", *, cure: Cure | None = None, facts: Facts | None = None
) -> Finding:
    """Return a link that is broken, with its cure: the given one, else that of the check's name."""
    return Finding(
        check=check, ok=False, says=says, source=source, cure=cure or CHECKS[check], facts=facts or {}
    )

"""How a problem of the configuration is told: where, what, why, and what to do about it."""

from __future__ import annotations

import datetime as dt
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Meta

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.config_scan import KeyPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to mend."""

    file: str
    line: int | None
    key: str
    """Dotted, with the position of a source counted from 1: ``source[2].corp_id``. Empty: the whole file."""
    reason: str
    cure: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        subject = f"{self.key}: " if self.key else ""
        return f"{place}: {subject}{self.reason}; {self.cure}"


class ConfigError(Exception):
    """The configuration cannot be used; holds every problem."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def dotted(key: KeyPath) -> str:
    """Write a key as people do; sources are counted from 1."""
    out = ""
    for part in key:
        out += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if out else part
    return out


def either(words: list[str]) -> str:
    """Return ``"a", "b" or "c"``."""
    quoted = [f'"{word}"' for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def as_toml(value: object) -> str:
    """Return a wrong value as it stands in the file, or nearly so."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return repr(value)


def is_choice(hint: Any) -> bool:
    """Return whether an option takes one of a few words."""
    return typing.get_origin(hint) is Literal


def wanted(hint: Any) -> str:
    """Say what an option's type accepts."""
    bounds: dict[str, Any] = {}
    while hasattr(hint, "__metadata__"):
        for note in hint.__metadata__:
            if isinstance(note, Meta):
                names = ("ge", "gt", "le", "min_length", "max_length")
                bounds |= {name: getattr(note, name) for name in names if getattr(note, name) is not None}
        hint = typing.get_args(hint)[0]
    if is_choice(hint):
        return either([str(word) for word in typing.get_args(hint)])
    if hint is bool:
        return "true or false"
    if hint in {int, float}:
        noun = "a whole number" if hint is int else "a number"
        return noun + _range(bounds)
    if hint is str:
        longest = f" of at most {bounds['max_length']} characters" if "max_length" in bounds else ""
        return f"a text in quotes{longest}" + (", not empty" if bounds.get("min_length") else "")
    return 'a list of texts, like ["one", "two"]'


def _range(bounds: Mapping[str, Any]) -> str:
    """Say what range a number must be in."""
    low = f"{bounds['ge']}" if "ge" in bounds else f"more than {bounds['gt']}" if "gt" in bounds else ""
    if low and "le" in bounds:
        return f" from {low} to {bounds['le']}"
    if low:
        return f" of at least {low}" if "ge" in bounds else f" of {low}"
    return f" of at most {bounds['le']}" if "le" in bounds else ""

"""What a simulator remembers for the tests: calls, notices, and the switches that shape it."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

CALLS_KEPT_MAX: Final = 100_000
"""Calls kept for ``calls``; the counters go on counting."""

NOTICES_KEPT_MAX: Final = 100_000
"""Notices kept for ``notices``; the oldest go first."""


class ControlError(Exception):
    """A control request that makes no sense; the message goes to the caller.

    ``status`` is the HTTP status of the answer.
    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of the vendor's API."""

    endpoint: str
    method: str
    status: int
    """HTTP status; 0 when no answer was sent."""
    code: str
    """The vendor's own code in the answer, or empty."""
    at: float
    """Seconds since 1970, the vendor's clock."""
    actor: str
    """Who called: an app, a user, or empty."""
    fault: str = ""
    """The kind of the fault that was played, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something a person was told by the vendor's app."""

    at: float
    """Seconds since 1970, the vendor's clock."""
    to: str
    kind: str
    item_id: str
    text: str


class CallLog:
    """The calls so far, newest last, and how many of each kind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=CALLS_KEPT_MAX)
        self._counts: Counter[str] = Counter()
        self._codes: Counter[str] = Counter()
        self._total = 0

    def add(self, call: Call) -> None:
        """Remember ``call``."""
        with self._lock:
            self._calls.append(call)
            self._counts[call.endpoint] += 1
            self._codes[f"{call.endpoint} {call.code}"] += 1
            self._total += 1

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._calls.clear()
            self._counts.clear()
            self._codes.clear()
            self._total = 0

    def as_json(self) -> dict[str, Any]:
        """Return ``{total, counts, codes, calls}``."""
        with self._lock:
            return {
                "total": self._total,
                "counts": dict(self._counts),
                "codes": dict(self._codes),
                "calls": [asdict(call) for call in self._calls],
            }


class NoticeLog:
    """What people were told, newest last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notices: deque[Notice] = deque(maxlen=NOTICES_KEPT_MAX)

    def add(self, *, at: float, to: str, kind: str, item_id: str, text: str = "") -> None:
        """Tell ``to``."""
        with self._lock:
            self._notices.append(Notice(at=at, to=to, kind=kind, item_id=item_id, text=text))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._notices.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """Return ``[{at, to, kind, item_id, text}]``."""
        with self._lock:
            return [asdict(notice) for notice in self._notices]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One point on which the vendor's documents are silent or disagree."""

    name: str
    default: str | int | float | bool | None
    meaning: str
    choices: tuple[str | int | float | bool | None, ...] = ()
    """All legal values; empty: any value of the default's type."""


class Switches:
    """The simulator's switches and where they stand."""

    def __init__(self, known: Iterable[Switch], initial: dict[str, Any] | None = None) -> None:
        self._known = {switch.name: switch for switch in known}
        self._values: dict[str, Any] = {name: switch.default for name, switch in self._known.items()}
        self.set(initial or {})
        self._initial = dict(self._values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def set(self, changes: dict[str, Any]) -> None:
        """Move switches, all or none; raise ``ControlError`` for an unknown name or value."""
        for name, value in changes.items():
            self._check(name, value)
        self._values.update(changes)

    def reset(self) -> None:
        """Go back to the values given at the start."""
        self._values = dict(self._initial)

    def as_json(self) -> dict[str, Any]:
        """Return ``{name: {value, default, choices, meaning}}``."""
        return {
            name: {
                "value": self._values[name],
                "default": switch.default,
                "choices": list(switch.choices),
                "meaning": switch.meaning,
            }
            for name, switch in self._known.items()
        }

    def _check(self, name: str, value: Any) -> None:
        switch = self._known.get(name)
        if switch is None:
            msg = f"no switch {name!r}; there are: {', '.join(sorted(self._known))}"
            raise ControlError(msg)
        if switch.choices:
            legal = any(value == choice and type(value) is type(choice) for choice in switch.choices)
        elif isinstance(switch.default, float):
            legal = isinstance(value, int | float) and not isinstance(value, bool)
        else:
            legal = type(value) is type(switch.default)
        if not legal:
            wanted = list(switch.choices) or f"a value like {switch.default!r}"
            msg = f"switch {name!r} cannot be {value!r}; it takes {wanted}"
            raise ControlError(msg)

"""Faults waiting to be played: what a bad network or an ill vendor does to one call."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.records import ControlError

if TYPE_CHECKING:
    from bridge.simulator.messages import Request

KINDS: Final = (
    "lost",
    "reset",
    "status",
    "html",
    "truncated",
    "throttle",
    "error",
    "slow",
    "garbage",
    "empty",
)

FAULTS_MAX: Final = 10_000
"""Faults that may wait at one time."""

SECONDS_MAX: Final = 600.0
"""Longest wait of a fault."""

HTML_PAGE: Final = (
    b"<!DOCTYPE html><html><head><title>Busy</title></head><body><h1>Please wait</h1></body></html>"
)

GARBAGE: Final = bytes(range(256)) * 2
"""Bytes that are neither UTF-8 nor JSON."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault. ``count`` is how often it will still be played; -1: until cleared."""

    kind: str
    match: str = ""
    """Substring of the path; empty: every path."""
    method: str | None = None
    user: str | None = None
    """Substring of the path, query or body: only calls that name this person."""
    count: int = 1
    skip: int = 0
    """Matching calls to let pass first."""
    when: str = "before"
    """``before``: the act does not happen. ``after``: it happens, and the answer is replaced."""
    status: int = 503
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    code: str | int = ""
    message: str = ""
    seconds: float = 0.0
    """Wait before the answer, with any kind; for ``slow`` it is the whole fault."""
    content_length: str = "right"
    """For ``truncated``: ``right`` announces the short body, ``wrong`` the full one."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Whatever else a vendor's throttle or error answer wants to know."""

    def as_json(self) -> dict[str, Any]:
        """Return the fault as it could be posted again."""
        return {name: getattr(self, name) for name in self.__slots__}

    def fits(self, request: Request) -> bool:
        """Whether the fault is meant for ``request``."""
        if self.match not in request.path:
            return False
        if self.method is not None and self.method.upper() != request.method:
            return False
        return self.user is None or self.user in request.target or self.user.encode() in request.body


_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "kind": (str,),
    "match": (str,),
    "method": (str, type(None)),
    "user": (str, type(None)),
    "count": (int,),
    "skip": (int,),
    "when": (str,),
    "status": (int,),
    "body": (str,),
    "headers": (dict,),
    "code": (str, int),
    "message": (str,),
    "seconds": (int, float),
    "content_length": (str,),
    "extra": (dict,),
}


def fault_from_json(value: Any) -> Fault:
    """Read one fault; raise ``ControlError`` with the reason if it makes no sense."""
    if not isinstance(value, Mapping):
        msg = "a fault is a JSON object"
        raise ControlError(msg)
    for name, item in value.items():
        kinds = _TYPES.get(name)
        if kinds is None:
            msg = f"a fault has no {name!r}; it may have: {', '.join(_TYPES)}"
            raise ControlError(msg)
        if not isinstance(item, kinds) or isinstance(item, bool):
            msg = f"fault {name!r} has the wrong type"
            raise ControlError(msg)
    fault = Fault(**{"kind": "", **value})
    if fault.kind not in KINDS:
        msg = f"fault kind {fault.kind!r} is not one of: {', '.join(KINDS)}"
        raise ControlError(msg)
    if fault.when not in ("before", "after") or fault.content_length not in ("right", "wrong"):
        msg = "fault 'when' is before or after; 'content_length' is right or wrong"
        raise ControlError(msg)
    if not (0 <= fault.seconds <= SECONDS_MAX and 100 <= fault.status <= 599):
        msg = f"fault 'seconds' is 0..{SECONDS_MAX:.0f}, 'status' 100..599"
        raise ControlError(msg)
    return fault


class Faults:
    """A queue: the first waiting fault that fits a call is played."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Queue ``fault``; raise ``ControlError`` when too many wait."""
        with self._lock:
            if len(self._waiting) >= FAULTS_MAX:
                msg = f"{FAULTS_MAX} faults are waiting already"
                raise ControlError(msg)
            self._waiting.append(fault)

    def take(self, request: Request) -> Fault | None:
        """Return the fault to play on ``request`` and count it down."""
        if not self._waiting:
            return None
        with self._lock:
            for index, fault in enumerate(self._waiting):
                if fault.count == 0 or not fault.fits(request):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.count > 0:
                    fault.count -= 1
                if fault.count == 0:
                    del self._waiting[index]
                return fault
        return None

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._waiting.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """Return the waiting faults, first played first."""
        with self._lock:
            return [fault.as_json() for fault in self._waiting]

"""One HTTP request and one answer, as plain data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket


class Headers(Mapping[str, str]):
    """Header fields by name, ignoring case (RFC 9110 section 5.1); the last value of a name wins."""

    __slots__ = ("_values",)

    def __init__(self, items: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        pairs = items.items() if isinstance(items, Mapping) else items
        self._values = {name.lower(): value for name, value in pairs}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a caller sent."""

    method: str
    path: str
    """Percent-decoded, without the query."""
    query: dict[str, list[str]] = field(default_factory=dict)
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    peer: str = "127.0.0.1"
    """The caller's IP address."""
    target: str = ""
    """The request target as sent: path and query, still percent-encoded."""

    def first(self, name: str, default: str = "") -> str:
        """Return the first value of query parameter ``name``."""
        values = self.query.get(name)
        return values[0] if values else default


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What the vendor answers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    takeover: Callable[[socket.socket], None] | None = None
    """For status 101: called with the raw connection once the header has been sent. It runs in the
    connection's own thread, may keep it as long as it likes, and the connection is closed afterwards."""


def json_response(obj: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return ``obj`` as a UTF-8 JSON answer."""
    body = json.dumps(obj, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(
        status=status,
        body=body,
        headers={"Content-Type": "application/json; charset=UTF-8", **(headers or {})},
    )

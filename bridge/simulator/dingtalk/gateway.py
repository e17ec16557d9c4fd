"""The front door: which operation a request means, and what is checked before it runs."""

from __future__ import annotations

import json
import re
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk.errors import ApiError, missing_body, refuse
from bridge.simulator.dingtalk.shapes import Fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.simulator.dingtalk.simulator import DingTalkSimulator
    from bridge.simulator.dingtalk.state import Person
    from bridge.simulator.messages import Request

    Handler = Callable[["DingTalkSimulator", "Call"], Any]

_WHOLE: Final = re.compile(r"-?\d{1,18}", re.ASCII)

EVENTS_SCOPE_READ: Final = "Calendar.Event.Read"
EVENTS_SCOPE_WRITE: Final = "Calendar.Event.Write"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of either host."""

    name: str
    method: str
    """HTTP method; ``*`` for any."""
    pattern: str
    """Path with ``{name}`` segments."""
    handler: Handler
    scope: str = ""
    """The permission point that the app must have."""
    billed: bool = True
    """Whether it counts against the monthly quota (reference section 5.2)."""
    caller: str = "app"
    """Who must show a token: ``app`` (an app or a person), ``user``, ``none``."""
    host: str = "api"
    """``api``, ``oapi`` (HTTP 200 and errcode) or ``login`` (a browser)."""
    idempotent: str = ""
    """Whether x-client-token counts: ``documented``, ``sdk``, or not at all."""
    is_documented: bool = True

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path."""
        return tuple(self.pattern.strip("/").split("/"))


@dataclass(slots=True, kw_only=True)
class Call:
    """One request on its way through the gateway."""

    request: Request
    operation: Operation
    params: dict[str, str]
    person: Person | None = None
    """Whom the path, or the user token, names."""
    user_token_of: str = ""
    """unionId of the person whose own token was shown; empty for the app's."""
    notes: dict[str, Any] = field(default_factory=dict)

    def json(self) -> Any:
        """Return the body; raise 400 ``Missingbody`` if it is not JSON."""
        kind = self.request.headers.get("Content-Type", "application/json")
        if "json" not in kind.lower():
            raise missing_body()
        try:
            value = json.loads(self.request.body)
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair could not be answered
        except (ValueError, RecursionError):
            raise missing_body() from None
        return value

    def fields(self) -> Fields:
        """Return the body's object."""
        return Fields(self.json())

    def form(self) -> Fields:
        """Return the legacy host's body: JSON, or a form whose values are texts."""
        kind = self.request.headers.get("Content-Type", "")
        body = self.request.body
        if "x-www-form-urlencoded" in kind.lower():
            pairs = urllib.parse.parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
            return Fields({name: _plain(values[-1]) for name, values in pairs.items()})
        return self.fields() if body.strip() else Fields({})

    @property
    def who(self) -> Person:
        """The path's person; the gateway has seen to it that there is one."""
        if self.person is None:
            refuse("userId invalid")
        return self.person

    def query_text(self, name: str) -> str | None:
        """Return a query parameter; empty counts as absent."""
        return self.request.first(name) or None

    def query_flag(self, name: str, *, default: bool) -> bool:
        """Return a ``true``/``false`` query parameter; raise 400 for anything else.

        Case does not matter: the official Python library sends ``True`` and ``False``.
        """
        text = self.query_text(name)
        if text is None:
            return default
        text = text.lower()
        if text not in ("true", "false"):
            refuse(f"{name} must be a Boolean")
        return text == "true"

    def query_whole(self, name: str, *, default: int) -> int:
        """Return a whole number of the query; raise 400 for anything else."""
        text = self.query_text(name)
        if text is None:
            return default
        if not _WHOLE.fullmatch(text):
            refuse(f"{name} must be a Number")
        return int(text)


def _plain(text: str) -> Any:
    """Return a form value as the JSON it would have been: numbers and booleans."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isascii() and text.isdecimal() else text


class Router:
    """Finds the operation of a request."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._by_size: dict[int, list[Operation]] = {}
        for operation in operations:
            self._by_size.setdefault(len(operation.segments), []).append(operation)
        for known in self._by_size.values():
            known.sort(key=lambda operation: [part.startswith("{") for part in operation.segments])

    def find(self, request: Request) -> Call | None:
        """Return the call, or None for a path or method that no operation has."""
        raw = (request.target or request.path).partition("?")[0]
        parts = tuple(urllib.parse.unquote(part) for part in raw.removeprefix("/").split("/"))
        for operation in self._by_size.get(len(parts), ()):
            if operation.method not in ("*", request.method):
                continue
            params = _match(operation.segments, parts)
            if params is not None:
                return Call(request=request, operation=operation, params=params)
        return None


def _match(pattern: tuple[str, ...], parts: tuple[str, ...]) -> dict[str, str] | None:
    params = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{"):
            params[wanted.strip("{}")] = part
        elif wanted != part:
            return None
    return params


def not_an_operation() -> ApiError:
    """Return the gateway's 404."""
    return ApiError(
        404,
        "InvalidAction.NotFound",
        "Specified api is not found, please check your url and method.",
    )

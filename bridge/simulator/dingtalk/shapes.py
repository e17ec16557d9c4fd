"""Strict reading of JSON: the right type or 400 (reference sections 3.3 and 9)."""

from __future__ import annotations

from typing import Any

from bridge.simulator.dingtalk.errors import ApiError, invalid, refuse


def _wrong(path: str, wanted: str) -> ApiError:
    return invalid(f"{path} must be {wanted}")


class Fields:
    """The fields of one JSON object; every reader raises 400 for a wrong type.

    ``null`` counts as absent. ``path`` names the object in messages.
    """

    def __init__(self, value: Any, path: str = "") -> None:
        if not isinstance(value, dict):
            raise _wrong(path or "body", "an Object")
        self.raw: dict[str, Any] = value
        self._path = path

    def _at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self.raw.get(name) is not None

    def text(self, name: str) -> str | None:
        """Return a String."""
        value = self.raw.get(name)
        if value is not None and not isinstance(value, str):
            raise _wrong(self._at(name), "a String")
        return value

    def needed_text(self, name: str) -> str:
        """Return a String that must not be blank."""
        value = self.text(name)
        if value is None or not value.strip():
            refuse(f"{self._at(name)} cannot be blank")
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """Return a String that must be one of ``allowed``."""
        value = self.needed_text(name)
        if value not in allowed:
            raise _wrong(self._at(name), f"one of {', '.join(allowed)}")
        return value

    def whole(self, name: str) -> int | None:
        """Return an Integer."""
        value = self.raw.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong(self._at(name), "an Integer")
        return value

    def flag(self, name: str) -> bool | None:
        """Return a Boolean."""
        value = self.raw.get(name)
        if value is not None and not isinstance(value, bool):
            raise _wrong(self._at(name), "a Boolean")
        return value

    def inner(self, name: str) -> Fields | None:
        """Return an Object."""
        value = self.raw.get(name)
        return None if value is None else Fields(value, self._at(name))

    def array(self, name: str) -> list[Any] | None:
        """Return an Array."""
        value = self.raw.get(name)
        if value is not None and not isinstance(value, list):
            raise _wrong(self._at(name), "an Array")
        return value

    def rows(self, name: str) -> list[Fields] | None:
        """Return an Array of Objects."""
        value = self.array(name)
        if value is None:
            return None
        return [Fields(item, f"{self._at(name)}[{index}]") for index, item in enumerate(value)]

    def texts(self, name: str) -> list[str] | None:
        """Return an Array of Strings."""
        value = self.array(name)
        if value is not None and not all(isinstance(item, str) for item in value):
            raise _wrong(self._at(name), "an Array of Strings")
        return value

    def strings(self, name: str) -> dict[str, str]:
        """Return a Map of Strings."""
        value = self.raw.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise _wrong(self._at(name), "a Map of String to String")
        return value

"""Reading a JSON body as strictly as WeCom does: numbers are numbers, flags are 0 or 1, lengths count."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from bridge.simulator.wecom.errors import BAD_PARAMETER, Refusal

UINT32_MAX: Final = 4_294_967_295
INT32_MAX: Final = 2_147_483_647
ID_BYTES_MAX: Final = 64
"""Bytes of a userid, cal_id or schedule_id (reference 4.1, 5.1)."""


def parse_body(body: bytes) -> dict[str, Any]:
    """Return the body's JSON object; refuse with 40058 anything else."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(BAD_PARAMETER, "body is not json") from error
    if not isinstance(value, dict):
        raise Refusal(BAD_PARAMETER, "body is not an object")
    return value


def _no_constant(name: str) -> Any:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def reject(name: str, why: str) -> NoReturn:
    """Refuse with the catch-all 40058."""
    raise Refusal(BAD_PARAMETER, f"{name}: {why}")


class Fields:
    """One JSON object of a request. Each reader returns ``default`` when the field is absent."""

    def __init__(
        self, value: Any, name: str, *, null_is_absent: bool = False, bytes_count: bool = False
    ) -> None:
        """Refuse with 40058 unless ``value`` is an object.

        ``bytes_count``: text limits count UTF-8 bytes instead of code points.
        """
        if not isinstance(value, dict):
            reject(name, "must be an object")
        if null_is_absent:
            value = {key: item for key, item in value.items() if item is not None}
        self._value: dict[str, Any] = value
        self._name = name
        self._null_is_absent = null_is_absent
        self._bytes_count = bytes_count

    def __contains__(self, name: str) -> bool:
        return name in self._value

    def names(self) -> set[str]:
        """Return the names that were sent."""
        return set(self._value)

    def raw(self, name: str) -> Any:
        """Return the value as sent, or None."""
        return self._value.get(name)

    def require(self, *names: str) -> None:
        """Refuse with 40058 when one of ``names`` is absent."""
        for name in names:
            if name not in self._value:
                raise Refusal(BAD_PARAMETER, f"=missing paramters {name}")

    def text(self, name: str, default: str, *, chars_max: int, empty: bool = True) -> str:
        """Return a text of at most ``chars_max`` characters."""
        if name not in self._value:
            return default
        value = self._string(name)
        size = len(value.encode()) if self._bytes_count else len(value)
        if size > chars_max:
            reject(f"{self._name}.{name}", "too long")
        if not value and not empty:
            reject(f"{self._name}.{name}", "empty")
        return value

    def ident(self, name: str, default: str | None = None) -> str:
        """Return an id of 1 to 64 bytes; without ``default`` it is required."""
        if name not in self._value and default is not None:
            return default
        self.require(name)
        value = self._string(name)
        if not value or len(value.encode()) > ID_BYTES_MAX:
            reject(f"{self._name}.{name}", "must have 1 to 64 bytes")
        return value

    def number(self, name: str, default: int, *, low: int = 0, high: int = UINT32_MAX) -> int:
        """Return a whole JSON number from ``low`` to ``high``."""
        if name not in self._value:
            return default
        value = self._value[name]
        if type(value) is not int or not low <= value <= high:
            reject(f"{self._name}.{name}", "must be a number in range")
        return value

    def flag(self, name: str, default: int) -> int:
        """Return 0 or 1."""
        return self.number(name, default, low=0, high=1)

    def numbers(
        self, name: str, default: tuple[int, ...], *, low: int, high: int, count_max: int
    ) -> tuple[int, ...]:
        """Return a list of whole JSON numbers."""
        if name not in self._value:
            return default
        items = self._list(name, count_max)
        if any(type(item) is not int or not low <= item <= high for item in items):
            reject(f"{self._name}.{name}", "must hold numbers in range")
        return tuple(items)

    def idents(self, name: str, default: tuple[str, ...], *, count_max: int) -> tuple[str, ...]:
        """Return a list of ids, each of 1 to 64 bytes."""
        if name not in self._value:
            return default
        items = self._list(name, count_max)
        for item in items:
            if not isinstance(item, str) or not item or len(item.encode()) > ID_BYTES_MAX:
                reject(f"{self._name}.{name}", "must hold ids of 1 to 64 bytes")
        return tuple(items)

    def object(self, name: str) -> Fields:
        """Return a nested object; it is required."""
        self.require(name)
        return self._nested(self._value[name], name)

    def objects(self, name: str, *, count_max: int) -> list[Fields]:
        """Return a list of objects, empty when absent."""
        if name not in self._value:
            return []
        return [self._nested(item, f"{name}[]") for item in self._list(name, count_max)]

    def _nested(self, value: Any, name: str) -> Fields:
        return Fields(value, name, null_is_absent=self._null_is_absent, bytes_count=self._bytes_count)

    def _list(self, name: str, count_max: int) -> list[Any]:
        value = self._value[name]
        if not isinstance(value, list):
            reject(f"{self._name}.{name}", "must be an array")
        if len(value) > count_max:
            reject(f"{self._name}.{name}", "too many elements")
        return value

    def _string(self, name: str) -> str:
        value = self._value[name]
        if not isinstance(value, str):
            reject(f"{self._name}.{name}", "must be a string")
        return value

"""Which series a removed occurrence was removed from: two series of one object may have lost the same moment."""

from __future__ import annotations

from typing import Final

BETWEEN: Final = " "
"""No vendor's id has a blank."""


def has(ids: str, one: str) -> bool:
    """Return whether ``one`` is among the ids."""
    return one in ids.split(BETWEEN)


def joined(ids: str, one: str) -> str:
    """Return the ids with ``one`` among them."""
    return ids if not ids or has(ids, one) else f"{ids}{BETWEEN}{one}"


def without(ids: str, one: str) -> str:
    """Return the ids without ``one``; empty if none is left."""
    return BETWEEN.join(each for each in ids.split(BETWEEN) if each != one)

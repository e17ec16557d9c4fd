"""What did not fit: encoding returns the value *and* its losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that the vendor cannot hold, in a sentence a person understands."""

    what: str
    """The iCalendar name: ``VALARM``, ``ATTENDEE`` ..."""
    why: str


@dataclass(frozen=True, slots=True)
class Encoded(Generic[T]):
    """A vendor form, and what it could not carry."""

    value: T
    losses: tuple[Loss, ...] = ()

"""What one calendar object looks like at a vendor: a few pieces, each one item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

    from bridge.model.event import Event
    from bridge.model.recurrence import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One vendor item that carries part of an object."""

    key: str
    """Stable name inside the object: "" for the single event, or for the series that holds the whole recurrence;
    ``p<start>`` for the series and single events that hold it together; ``@<recurrence-id>`` for a changed occurrence
    (of a series that a THISANDFUTURE moved: its start in that series). Times in UTC basic form, dates as YYYYMMDD.
    An item that is there already keeps the name it has."""
    event: Event
    """What the item shows. A series has exactly one rule within the vendor's limits, and EXDATE = the occurrences
    to be dropped from it (changed ones are not listed: splitting them off removes them)."""
    of: str | None = None
    """For a changed occurrence: the key of the series that it is split off from."""
    at: Moment | None = None
    """For a changed occurrence: its original start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A plan for a whole object."""

    pieces: tuple[Piece, ...]
    """Series before the occurrences that are split off from them; ascending by start."""
    exact_until: dt.datetime | None = None
    """None: exact for ever. Otherwise occurrences after this moment are added as the horizon moves."""

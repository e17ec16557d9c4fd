"""The words of the fidelity table: fates, cells, rows, sentences. PURE."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

VENDORS: Final = ("wecom", "dingtalk")
"""Kinds of vendor in the order of the table's columns; ``Limits.kind``."""


class Fate(enum.StrEnum):
    """What becomes of a construct that a client wrote (product page, "Fidelity")."""

    NATIVE = "native"
    """The vendor holds it."""
    KEPT = "kept"
    """The bridge holds it, byte for byte, and lays the vendor's changes over the rest."""
    COMPILED = "compiled"
    """A series that becomes several items at the vendor, which show the same occurrences."""
    REFUSED = "refused"
    """Silence would be a lie: 403 with a sentence, nothing sent, nothing changed."""


class Section(enum.StrEnum):
    """Where in a calendar object a construct stands, or what kind of construct it is."""

    CALENDAR = "calendar"
    COMPONENT = "component"
    EVENT = "event"
    VALUE = "value"
    PARAMETER = "parameter"
    ALARM = "alarm"
    ZONE = "zone"
    EXTENSION = "extension"
    SERIES = "series"


class Words(NamedTuple):
    """The same in both languages; ``{names}`` of :class:`bridge.model.limits.Limits` may stand in them."""

    en: str = ""
    zh: str = ""


NO_WORDS: Final = Words()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One construct at one vendor, in both directions."""

    out: Fate
    """Client to vendor."""
    back: bool = False
    """Vendor to client: whether a change that people make at the vendor arrives in this construct."""
    why: Words = NO_WORDS
    """A limit or a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One construct."""

    section: Section
    name: str
    """Unique in its section: the iCalendar name, with the value or parameter that matters."""
    source: str
    """Where it is defined."""
    example: tuple[str, ...]
    """Unfolded lines that a client would write, at the place that the section names. For SERIES and VALUE they stand
    for everything from DTSTART on."""
    cells: Mapping[str, Cell]
    """Kind of vendor -> what becomes of it; one cell for each of :data:`VENDORS`."""


class Said(enum.StrEnum):
    """What a sentence does."""

    LOSS = "loss"
    """It stands in the receipt of an edit that was carried out: the vendor shows less than the client wrote."""
    REFUSAL = "refusal"
    """It stands in the 403 of an edit that was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """What people are told; ``{names}`` are filled in by whoever says it."""

    vendor: str
    """Kind of vendor, or empty for what no vendor can hold."""
    what: str
    """The iCalendar name that it is about."""
    said: Said
    words: Words

"""What becomes of every calendar construct at each vendor: one table. PURE.

The mappers take their sentences from here, the tests put every row through a real engine and a vendor in a box, and
``docs/fidelity.md`` is printed from it. What the model does not read (most KEPT rows) needs no code to be kept: the
client's text is the base, and only what changed is laid over it.
"""

from __future__ import annotations

import functools
import re
import string
from typing import TYPE_CHECKING, Final, NoReturn

from bridge.errors import Inexpressible
from bridge.model import fidelity_events, fidelity_parts, fidelity_series
from bridge.model.fidelity_kinds import VENDORS, Cell, Fate, Row, Said, Section, Sentence, Words
from bridge.model.fidelity_words import SENTENCES
from bridge.model.loss import Loss

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "COMPONENTS_REFUSED",
    "RENEWED",
    "SENTENCES",
    "TABLE",
    "VENDORS",
    "Cell",
    "Fate",
    "Row",
    "Said",
    "Section",
    "Sentence",
    "Words",
    "cell",
    "in_chinese",
    "loss",
    "refuse",
    "sentence",
]

TABLE: Final[tuple[Row, ...]] = (
    *fidelity_parts.CALENDARS,
    *fidelity_parts.COMPONENTS,
    *fidelity_events.EVENTS,
    *fidelity_events.VALUES,
    *fidelity_events.PARAMETERS,
    *fidelity_parts.ALARMS,
    *fidelity_parts.ZONES,
    *fidelity_parts.EXTENSIONS,
    *fidelity_series.SERIES,
)
"""Every row, in the order of the page."""

RENEWED: Final = ("DTSTAMP", "LAST-MODIFIED")
"""Kept properties that are set anew in a component when a vendor's change is laid over it (RFC 5545 3.8.7)."""

COMPONENTS_REFUSED: Final[Mapping[str, str]] = {
    row.name: SENTENCES[row.name].words.en
    for row in fidelity_parts.COMPONENTS
    if all(one.out is Fate.REFUSED for one in row.cells.values())
}
"""Components that no calendar here holds -> the sentence (RFC 4791 5.2.3)."""

CHINESE_CHARS_MAX: Final = 2_000
"""Longer sentences than this are none of ours."""


@functools.cache
def _cells() -> Mapping[tuple[Section, str], Row]:
    return {(row.section, row.name): row for row in TABLE}


def cell(vendor: str, section: Section, name: str) -> Cell:
    """Return one cell of the table; raises KeyError for what it does not know."""
    return _cells()[section, name].cells[vendor]


def sentence(key: str, **values: object) -> str:
    """Return a sentence in English, its ``{names}`` filled in."""
    return SENTENCES[key].words.en.format(**values)


def loss(key: str, **values: object) -> Loss:
    """Return what to note in the receipt."""
    return Loss(SENTENCES[key].what, sentence(key, **values))


def refuse(key: str, **values: object) -> NoReturn:
    """Raise Inexpressible: dropping the thing silently would be a lie."""
    raise Inexpressible(sentence(key, **values))


def in_chinese(english: str) -> str:
    """Return the Chinese form of a sentence that was made from the table; any other comes back as it is."""
    if len(english) > CHINESE_CHARS_MAX:
        return english
    for pattern, words in _patterns():
        match = pattern.fullmatch(english)
        if match is not None:
            return words.zh.format(**{name: _term(value) for name, value in match.groupdict().items()})
    return english


_TERMS: Final = {
    "title": "标题",
    "description": "描述",
    "location": "地点",
    "d": "天",
    "h": "小时",
    "min": "分钟",
    "s": "秒",
    "before": "前",
    "after": "后",
}
_DISTANCE: Final = re.compile(r"(\d+) (d|h|min|s) (before|after) the start")


def _term(value: str) -> str:
    """Return the Chinese form of what was filled in, where it is a word of ours."""
    distance = _DISTANCE.fullmatch(value)
    if distance is not None:
        return f"开始{_TERMS[distance[3]]} {distance[1]} {_TERMS[distance[2]]}"
    return _TERMS.get(value, value)


@functools.cache
def _patterns() -> tuple[tuple[re.Pattern[str], Words], ...]:
    return tuple((re.compile(_pattern(said.words.en)), said.words) for said in SENTENCES.values())


def _pattern(template: str) -> str:
    parts = []
    for literal, name, _, _ in string.Formatter().parse(template):
        parts.append(re.escape(literal))
        if name is not None:
            parts.append(f"(?P<{name}>.+?)")
    return "".join(parts)

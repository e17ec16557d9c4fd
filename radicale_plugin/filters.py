"""The filter of a calendar-query as values (RFC 4791 section 9.7). What it means stands in :mod:`matching`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.clock import ms_from_utc
from bridge.errors import Refused
from bridge.ical.values import parse_stamp
from radicale_plugin import davxml

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

CHILDREN_MAX: Final = 100
"""Conditions of one filter; an honest one has fewer than ten."""
LEVELS_MAX: Final = 5
"""Nested comp-filters: VCALENDAR, VEVENT, VALARM, and two to spare."""
COLLATIONS: Final = frozenset({"", "default", "i;ascii-casemap", "i;octet", "i;unicode-casemap"})
MATCH_TYPES: Final = frozenset({"contains", "equals", "starts-with", "ends-with"})
"""RFC 6352 10.5.4 has all four, RFC 4791 only the first; clients send the others to CalDAV servers, too."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """[start, end) in milliseconds since 1970; None is open (RFC 4791 9.9)."""

    start_ms: int | None
    end_ms: int | None


@dataclass(frozen=True, slots=True)
class TextMatch:
    """A text to look for (RFC 4791 9.7.5)."""

    text: str
    octet: bool
    """Compare exactly; otherwise without regard to case."""
    negate: bool
    match_type: str

    def holds(self, value: str) -> bool:
        """Return whether ``value`` matches, before negation."""
        text = self.text
        if not self.octet:
            value, text = value.casefold(), text.casefold()
        if self.match_type == "equals":
            return value == text
        if self.match_type == "starts-with":
            return value.startswith(text)
        if self.match_type == "ends-with":
            return value.endswith(text)
        return text in value


@dataclass(frozen=True, slots=True)
class ParamFilter:
    """A condition on a parameter (RFC 4791 9.7.3)."""

    name: str
    absent: bool
    text: TextMatch | None


@dataclass(frozen=True, slots=True)
class PropFilter:
    """A condition on a property (RFC 4791 9.7.2)."""

    name: str
    absent: bool
    times: TimeRange | None
    text: TextMatch | None
    params: tuple[ParamFilter, ...]


@dataclass(frozen=True, slots=True)
class CompFilter:
    """A condition on a component (RFC 4791 9.7.1)."""

    name: str
    absent: bool
    times: TimeRange | None
    props: tuple[PropFilter, ...]
    comps: tuple[CompFilter, ...]


def read_filter(element: ET.Element) -> CompFilter:
    """Read a ``C:filter``. Raises Refused (403 with ``C:valid-filter`` and its kin)."""
    children = _known(element, {"C:comp-filter"})
    if len(children) != 1:
        msg = "a filter holds exactly one comp-filter"
        raise _invalid(msg)
    return _comp(children[0], 1)


def read_times(element: ET.Element) -> TimeRange | None:
    """Read the start and end of a time-range; None if it has neither."""
    start, end = (_moment(element, side) for side in ("start", "end"))
    return None if start is None and end is None else TimeRange(start, end)


def _moment(element: ET.Element, side: str) -> int | None:
    text = element.get(side)
    if text is None:
        return None
    try:
        stamp = parse_stamp(text)
    except ValueError as error:
        msg = f"the {side} of a time range {error}"
        raise _invalid(msg) from error
    return ms_from_utc(stamp.at(dt.UTC))


def _comp(element: ET.Element, level: int) -> CompFilter:
    if level > LEVELS_MAX:
        msg = "comp-filters nest too deep"
        raise _invalid(msg)
    children = _known(element, {"C:is-not-defined", "C:time-range", "C:prop-filter", "C:comp-filter"})
    return CompFilter(
        _name(element),
        _has(children, "C:is-not-defined"),
        _times(children),
        tuple(_prop(child) for child in _of(children, "C:prop-filter")),
        tuple(_comp(child, level + 1) for child in _of(children, "C:comp-filter")),
    )


def _prop(element: ET.Element) -> PropFilter:
    children = _known(element, {"C:is-not-defined", "C:time-range", "C:text-match", "C:param-filter"})
    return PropFilter(
        _name(element),
        _has(children, "C:is-not-defined"),
        _times(children),
        _text(children),
        tuple(_param(child) for child in _of(children, "C:param-filter")),
    )


def _param(element: ET.Element) -> ParamFilter:
    children = _known(element, {"C:is-not-defined", "C:text-match"})
    return ParamFilter(_name(element), _has(children, "C:is-not-defined"), _text(children))


def _text(children: list[ET.Element]) -> TextMatch | None:
    found = _of(children, "C:text-match")
    if not found:
        return None
    collation = found[0].get("collation", "")
    if collation not in COLLATIONS:
        msg = "This collation is not supported."
        raise Refused(msg, precondition="C:supported-collation")
    kind = found[0].get("match-type", "contains")
    if kind not in MATCH_TYPES:
        msg = "an unknown match-type"
        raise _invalid(msg)
    return TextMatch(
        "".join(found[0].itertext()),
        octet=collation == "i;octet",
        negate=found[0].get("negate-condition") == "yes",
        match_type=kind,
    )


def _times(children: list[ET.Element]) -> TimeRange | None:
    found = _of(children, "C:time-range")
    return read_times(found[0]) if found else None


def _name(element: ET.Element) -> str:
    name = (element.get("name") or "").upper()
    if not name:
        msg = "a condition without a name"
        raise _invalid(msg)
    return name


def _of(children: list[ET.Element], name: str) -> list[ET.Element]:
    return [child for child in children if davxml.human(child.tag) == name]


def _has(children: list[ET.Element], name: str) -> bool:
    return bool(_of(children, name))


def _known(element: ET.Element, names: set[str]) -> list[ET.Element]:
    """Return the children, all of which must be known: an unknown condition must not be taken as met."""
    children = list(element)
    if len(children) > CHILDREN_MAX:
        msg = "too many conditions"
        raise _invalid(msg)
    for child in children:
        if davxml.human(child.tag) not in names:
            msg = "The filter holds a condition that is not supported."
            raise Refused(msg, precondition="C:supported-filter")
    return children


def _invalid(why: str) -> Refused:
    return Refused(f"The filter is not valid: {why}.", precondition="C:valid-filter")

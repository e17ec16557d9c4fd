"""Properties that clients set and the bridge only keeps (RFC 4918 section 4), as texts for the database.

A plain text is kept as it is, so that a name or a colour reads the same everywhere. A value with elements inside
(``schedule-calendar-transp``) is kept as XML behind :data:`MARK`; a text that begins with the mark is kept as XML,
too, so nothing is ever taken for what it is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.errors import NotAllowed
from radicale_plugin.davxml import element, escape, human, inner_xml

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

MARK: Final = "data:application/xml,"
VALUE_CHARS_MAX: Final = 65_536
"""Longest value of one property; the longest honest one is a VTIMEZONE of a few kB."""
COUNT_MAX: Final = 200
"""Most properties of one calendar and user; clients set about ten."""
PLAIN: Final = frozenset(
    {
        "D:displayname",
        "C:calendar-description",
        "C:calendar-timezone",
        "ICAL:calendar-color",
        "ICAL:calendar-order",
    }
)
"""Properties that are text for everybody, vendors included: never marked."""


def kept(prop: ET.Element) -> str:
    """Return a property's value as it is kept."""
    if human(prop.tag) in PLAIN:
        return "".join(prop.itertext())
    text = prop.text or ""
    if len(prop) == 0 and not text.startswith(MARK):
        return text
    return MARK + inner_xml(prop)


def written(name: str, value: str) -> str:
    """Return a kept property as an element."""
    if value.startswith(MARK) and name not in PLAIN:
        return element(name, value[len(MARK) :])
    return element(name, escape(value))


def bounded(value: str) -> str:
    """Return ``value``; raises NotAllowed if it is too long to keep."""
    if len(value) > VALUE_CHARS_MAX:
        msg = f"A property may have {VALUE_CHARS_MAX} characters."
        raise NotAllowed(msg)
    return value

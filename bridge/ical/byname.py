"""Time zones by reference (RFC 7809): calendar data without the definitions that everybody knows, or with all of them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError
from bridge.ical import lines, zones
from bridge.ical.lines import Component

if TYPE_CHECKING:
    from collections.abc import Iterator

YEARS: Final[zones.Years] = (1970, 2037)
"""Years that an added definition is right for; rules without an end go on."""
_ZONE: Final = re.compile(r"^BEGIN:VTIMEZONE\r?\n.*?^END:VTIMEZONE\r?\n", re.MULTILINE | re.DOTALL)
_TZID: Final = re.compile(r"^TZID[^:\r\n]*:([^\r\n]*)", re.MULTILINE)


def without_definitions(text: str) -> str:
    """Return calendar data without the VTIMEZONEs whose TZID is a name of the IANA database; all else as it stands."""
    return _ZONE.sub(_unless_known, text)


def _unless_known(found: re.Match[str]) -> str:
    tzid = _TZID.search(found.group())
    return "" if tzid is not None and _is_standard(tzid[1].strip()) else found.group()


@lru_cache(maxsize=512)
def _is_standard(tzid: str) -> bool:
    zone = zones.by_name(tzid)
    return zone is not None and zones.zone_name(zone) == tzid


def with_definitions(text: str) -> str:
    """Return calendar data with a VTIMEZONE for each TZID that it uses and that is a name we know."""
    if "TZID=" not in text.upper():
        return text
    try:
        tree = lines.read(text, max_bytes=4 * lines.TEXT_BYTES_MAX)
    except BridgeError:
        return text
    known = {line.value.strip() for zone in tree.components("VTIMEZONE") for line in zone.lines("TZID")}
    wanted = dict.fromkeys(tzid for tzid in _used(tree) if tzid not in known)
    added = "".join(zones.vtimezone_for(tzid, *YEARS) for tzid in wanted if _is_standard(tzid))
    at = text.find("\nBEGIN:") + 1
    return text[:at] + added + text[at:] if added and at else text


def _used(component: Component) -> Iterator[str]:
    for child in component.children:
        if isinstance(child, Component):
            yield from _used(child)
        elif child.params and (tzid := child.param("TZID")):
            yield tzid

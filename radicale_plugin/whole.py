"""A whole calendar as one iCalendar stream, for GET on a calendar (no standard asks for it; people do)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bridge.ical import values
from bridge.ical.lines import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

PRODID: Final = "-//Queqiao//CalDAV bridge//EN"
_BEGIN: Final = "\nBEGIN:VEVENT"
_END: Final = "\nEND:VEVENT\r\n"
_ZONE_START: Final = "\nBEGIN:VTIMEZONE"
_ZONE: Final = re.compile(r"^BEGIN:VTIMEZONE\r?\n.*?^END:VTIMEZONE\r?\n", re.MULTILINE | re.DOTALL)
_TZID: Final = re.compile(r"^TZID[^:\r\n]*:([^\r\n]*)", re.MULTILINE)


def calendar_text(texts: Iterable[str], *, name: str, description: str) -> str:
    """Return one VCALENDAR with the events of all ``texts``; of each TZID, the first definition is kept."""
    zones: dict[str, str] = {}
    seen: set[str] = set()
    events: list[str] = []
    for text in texts:
        start, end = text.find(_BEGIN), text.rfind(_END)
        if start < 0 or end < start:
            continue  # what holds no event adds nothing
        inside = text[start + 1 : end + len(_END)]
        if text.find(_ZONE_START, start) >= 0:  # between or after the events: few programs write so
            _keep_zones(text, zones)
            inside = _ZONE.sub("", inside)
        elif (zone := text.find(_ZONE_START, 0, start + 1)) >= 0:
            before = text[zone + 1 : start + 1]
            if before not in seen:
                seen.add(before)
                _keep_zones(before, zones)
        events.append(inside)
    head = [fold("BEGIN:VCALENDAR"), fold("VERSION:2.0"), fold(f"PRODID:{PRODID}")]
    if name:
        head.append(fold(f"X-WR-CALNAME;VALUE=TEXT:{values.escape(name)}"))
    if description:
        head.append(fold(f"X-WR-CALDESC;VALUE=TEXT:{values.escape(description)}"))
    return "".join([*head, *zones.values(), *events, fold("END:VCALENDAR")])


def _keep_zones(text: str, zones: dict[str, str]) -> None:
    """Add the definitions inside ``text`` to ``zones`` by TZID, each unless it is there already."""
    for found in _ZONE.finditer(text):
        tzid = _TZID.search(found.group())
        zones.setdefault(tzid.group(1) if tzid else "", found.group())

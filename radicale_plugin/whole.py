"""A whole calendar as one iCalendar stream, for GET on a calendar (no standard asks for it; people do)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bridge.ical import values
from bridge.ical.lines import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

PRODID: Final = "-//Queqiao//CalDAV bridge//EN"
_PART: Final = re.compile(r"^BEGIN:(VTIMEZONE|VEVENT)\r?\n.*?^END:\1\r?\n", re.MULTILINE | re.DOTALL)
_TZID: Final = re.compile(r"^TZID[^:\r\n]*:([^\r\n]*)", re.MULTILINE)


def calendar_text(texts: Iterable[str], *, name: str, description: str) -> str:
    """Return one VCALENDAR with the events of all ``texts``; of each TZID, the first definition is kept."""
    zones: dict[str, str] = {}
    events: list[str] = []
    for text in texts:
        for part in _PART.finditer(text):
            if part.group(1) == "VEVENT":
                events.append(part.group())
            else:
                found = _TZID.search(part.group())
                zones.setdefault(found.group(1) if found else "", part.group())
    head = [fold("BEGIN:VCALENDAR"), fold("VERSION:2.0"), fold(f"PRODID:{PRODID}")]
    if name:
        head.append(fold(f"X-WR-CALNAME;VALUE=TEXT:{values.escape(name)}"))
    if description:
        head.append(fold(f"X-WR-CALDESC;VALUE=TEXT:{values.escape(description)}"))
    return "".join([*head, *zones.values(), *events, fold("END:VCALENDAR")])

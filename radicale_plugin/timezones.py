"""The zone of a calendar, by value and by name (RFC 4791 section 5.2.2, RFC 7809)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError, NotAllowed
from bridge.ical import byname, lines, zones
from bridge.ical.lines import fold
from radicale_plugin.whole import PRODID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.engine.api import CollectionView
    from radicale_plugin.context import Ask

ZONE: Final = "C:calendar-timezone"
ZONE_ID: Final = "C:calendar-timezone-id"
HEADER: Final = "CALDAV_TIMEZONES"
"""``F``: the client knows the zones of the IANA database, ``T``: it wants them all defined (RFC 7809 section 7.1)."""


def calendar_zone(view: CollectionView) -> str:
    """Return a calendar's zone as an iCalendar text, "" if there is none: what a client set, else its source's."""
    kept = view.props.get(ZONE, "")
    return kept or (_definition(view.timezone) if view.timezone else "")


def calendar_zone_id(view: CollectionView) -> str:
    """Return a calendar's zone by its IANA name, "" if there is none or nobody else knows it by name."""
    kept = view.props.get(ZONE, "")
    return _name_in(kept) if kept else view.timezone


def with_both(changes: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return changes of properties in which the zone by name is the zone by value: only that is kept.

    Raises NotAllowed with the precondition for a zone that is not valid or not known.
    """
    kept = dict(changes)
    if ZONE_ID in kept:
        name = kept.pop(ZONE_ID)
        if name is None:
            kept.setdefault(ZONE, None)
        elif ZONE not in kept:
            text = _definition(name.strip())
            if not text:
                msg = "This time zone is not known here; name one of the IANA database."
                raise NotAllowed(msg, precondition="C:valid-timezone")
            kept[ZONE] = text
    value = kept.get(ZONE)
    if value is not None and not _is_one_zone(value):
        msg = "A calendar-timezone is an iCalendar object with exactly one VTIMEZONE."
        raise NotAllowed(msg, precondition="C:valid-calendar-data")
    return kept


def as_wanted(ask: Ask, text: str) -> str:
    """Return an object's text with as many definitions of zones as the client asks for; as it stands to who does not."""
    wanted = ask.header(HEADER).strip().upper()
    if wanted == "F":
        return byname.without_definitions(text)
    return byname.with_definitions(text) if wanted == "T" else text


@lru_cache(maxsize=64)
def _definition(name: str) -> str:
    """Return an iCalendar object that defines an IANA zone, "" for a name that is not known."""
    zone = zones.by_name(name)
    if zone is None:
        return ""
    head = [fold("BEGIN:VCALENDAR"), fold("VERSION:2.0"), fold(f"PRODID:{PRODID}")]
    return "".join([*head, zones.vtimezone_for(name, *byname.YEARS), fold("END:VCALENDAR")])


@lru_cache(maxsize=256)
def _name_in(text: str) -> str:
    """Return the IANA name of the one zone that a text defines, "" if its name says none."""
    tzid = _tzid(text)
    zone = zones.by_name(tzid) if tzid else None
    return "" if zone is None else zones.zone_name(zone)


def _is_one_zone(text: str) -> bool:
    return _tzid(text) is not None


def _tzid(text: str) -> str | None:
    try:
        found = lines.read(text.strip()).components("VTIMEZONE")
    except (BridgeError, ValueError):
        return None
    line = found[0].first("TZID") if len(found) == 1 else None
    return None if line is None else line.value.strip()

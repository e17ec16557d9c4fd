"""ATTENDEE and ORGANIZER lines (RFC 5545 section 3.8.4) as people, and back."""

from __future__ import annotations

from typing import Final

from bridge.ical.lines import Line, make
from bridge.ical.values import clean
from bridge.model.people import Attendee, PartStat, Person

_OPTIONAL_ROLES: Final = frozenset({"OPT-PARTICIPANT", "NON-PARTICIPANT"})
_PARTSTATS: Final = {partstat.value: partstat for partstat in PartStat}


def address(line: Line) -> str:
    """Return the calendar user address of a line: ``mailto:`` in lower case, what follows as written.

    Apple names people by a path or an ``invalid:`` address and puts the mail address into EMAIL (RFC 7986);
    a bare ``a@b`` is taken as a mail address.
    """
    value = line.value.strip()
    if value[:7].lower() == "mailto:":
        return "mailto:" + value[7:].strip()
    email = (line.param("EMAIL") or "").strip()
    if "@" in email:
        return "mailto:" + (email[7:] if email[:7].lower() == "mailto:" else email)
    if "@" in value and ":" not in value and "/" not in value:
        return "mailto:" + value
    scheme, colon, rest = value.partition(":")
    return scheme.lower() + colon + rest if colon else value


def same_address(one: str, other: str) -> bool:
    """Return whether two addresses are one person's; mail addresses are compared without case."""
    return one.lower() == other.lower()


def person(line: Line) -> Person:
    """Return who an ORGANIZER line names."""
    return Person(address=address(line), name=(line.param("CN") or "").strip())


def attendee(line: Line) -> Attendee:
    """Return who an ATTENDEE line names; an unknown PARTSTAT is NEEDS-ACTION (RFC 5545 3.2.12)."""
    return Attendee(
        address=address(line),
        name=(line.param("CN") or "").strip(),
        partstat=_PARTSTATS.get((line.param("PARTSTAT") or "").upper(), PartStat.NEEDS_ACTION),
        is_optional=(line.param("ROLE") or "").upper() in _OPTIONAL_ROLES,
    )


def attendees(lines: list[Line]) -> tuple[Attendee, ...]:
    """Return everybody once, in order; of two lines for one address the first counts."""
    found: dict[str, Attendee] = {}
    for line in lines:
        if line.value.strip():
            one = attendee(line)
            found.setdefault(one.address.lower(), one)
    return tuple(found.values())


def attendee_line(one: Attendee, *, eol: str = "\r\n") -> Line:
    """Return a new ATTENDEE line."""
    params = [("CN", one.name)] if one.name else []
    params.append(("ROLE", "OPT-PARTICIPANT" if one.is_optional else "REQ-PARTICIPANT"))
    params.append(("PARTSTAT", one.partstat.value))
    return make("ATTENDEE", _uri(one.address), params, eol=eol)


def organizer_line(one: Person, *, eol: str = "\r\n") -> Line:
    """Return a new ORGANIZER line."""
    return make("ORGANIZER", _uri(one.address), [("CN", one.name)] if one.name else [], eol=eol)


def _uri(text: str) -> str:
    return clean(text).replace("\r", "").replace("\n", "")

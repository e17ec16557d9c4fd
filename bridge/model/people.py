"""People of a meeting: calendar user addresses here, the vendor's ids beside them (RFC 5545 3.8.4)."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class PartStat(enum.StrEnum):
    """PARTSTAT of an attendee (RFC 5545 3.2.12), as far as vendors know it."""

    NEEDS_ACTION = "NEEDS-ACTION"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    TENTATIVE = "TENTATIVE"
    DELEGATED = "DELEGATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """ORGANIZER, or the person behind an ATTENDEE."""

    address: str
    """A calendar user address, lower-cased scheme: usually ``mailto:a@b``."""
    name: str = ""
    """CN, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendee:
    """One ATTENDEE."""

    address: str
    name: str = ""
    partstat: PartStat = PartStat.NEEDS_ACTION
    is_optional: bool = False
    """ROLE=OPT-PARTICIPANT or NON-PARTICIPANT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """What is known of addresses and vendor ids, resolved before a pure mapping needs it."""

    me: str = ""
    """The vendor id of the principal on whose behalf the mapping is done."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """Lower-cased calendar user address -> vendor id. A missing key is a stranger."""
    people: Mapping[str, Person] = field(default_factory=dict)
    """Vendor id -> the person, for reading back."""
    domain: str = "queqiao.invalid"
    """Where addresses of people without a known address live; RFC 2606 makes it non-routable."""

    def id_of(self, address: str) -> str | None:
        """Return the vendor id behind a calendar user address, or None for a stranger."""
        known = self.ids.get(address.lower())
        if known is not None:
            return known
        suffix = f"@{self.domain}"
        bare = address.lower().removeprefix("mailto:")
        if bare.endswith(suffix):
            return _unescape(address[len("mailto:") :][: -len(suffix)])
        return None

    def person_of(self, vendor_id: str, name: str = "") -> Person:
        """Return the person behind a vendor id; an unknown one gets a non-routable address."""
        known = self.people.get(vendor_id)
        if known is not None:
            return known if known.name or not name else Person(address=known.address, name=name)
        return Person(address=f"mailto:{_escape(vendor_id)}@{self.domain}", name=name)


def _escape(vendor_id: str) -> str:
    """Write a vendor id as a mail local part; ids may hold any character, and case matters."""
    out = []
    for char in vendor_id:
        if char.isascii() and (char.islower() or char.isdigit() or char in "-."):
            out.append(char)
        else:
            out.append("".join(f"={byte:02x}" for byte in char.encode()))
    return "".join(out)


def _unescape(local: str) -> str:
    """Undo :func:`_escape`; text that was not written by it comes back as it is."""
    data = bytearray()
    index = 0
    while index < len(local):
        if local[index] == "=":
            try:
                data.append(int(local[index + 1 : index + 3], 16))
            except ValueError:
                return local
            index += 3
        else:
            data.extend(local[index].encode())
            index += 1
    try:
        return data.decode()
    except UnicodeDecodeError:
        return local

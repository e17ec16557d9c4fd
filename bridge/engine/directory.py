"""Addresses <-> vendor ids, resolved and remembered before a pure mapping needs them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError, Unauthorised
from bridge.log import fields
from bridge.model.people import Person, Roster
from bridge.store import people, shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.engine.context import Engine
    from bridge.model.event import CalendarObject

log = logging.getLogger(__name__)

DAY_MS: Final = 86_400_000
HIT_KEPT_MS: Final = 7 * DAY_MS
MISS_KEPT_MS: Final = DAY_MS
"""Vendors punish repeated misses (WeCom reference 11), so a miss is remembered for a day."""
ASKED_MAX: Final = 50
"""New people looked up for one mapping; the rest keep synthetic addresses until the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A roster, and which addresses could not be judged because the directory did not answer."""

    roster: Roster
    unsure: tuple[str, ...] = ()


def addresses_of(obj: CalendarObject) -> dict[str, str]:
    """Return lower-cased address -> name of everybody in an object."""
    found: dict[str, str] = {}
    for event in obj.events:
        if event.organizer is not None:
            found.setdefault(event.organizer.address, event.organizer.name)
        for attendee in event.attendees:
            found.setdefault(attendee.address, attendee.name)
    return found


def bare_mail(address: str) -> str:
    """Return ``a@b`` of ``mailto:a@b``, lower-cased; "" for anything else."""
    lowered = address.lower()
    return lowered.removeprefix("mailto:") if lowered.startswith("mailto:") else ""


def resolve(
    engine: Engine,
    source_id: str,
    me: str,
    *,
    addresses: Mapping[str, str] | None = None,
    ids: Mapping[str, str] | None = None,
    ask: bool = True,
) -> Resolved:
    """Build the roster for a mapping. ``ask`` False: only from what is remembered.

    ``addresses``: calendar user addresses of the client's text with names; ``ids``: vendor ids with names.
    """
    addresses, ids = addresses or {}, ids or {}
    domain = engine.mail_domain(source_id)
    known_ids, known_people = _linked(engine, source_id)
    unsure = _resolve_addresses(engine, source_id, addresses, known_ids, domain=domain, ask=ask)
    _resolve_people(engine, source_id, ids, known_people, domain=domain, ask=ask)
    for known_id, person in known_people.items():
        # Whoever is served under an address is known by it when the text comes back.
        known_ids.setdefault(person.address.lower(), known_id)
    draft = Roster(me=me, ids=known_ids, people=known_people, domain=domain)
    for address, name in addresses.items():
        vendor_id = draft.id_of(address)
        if vendor_id is not None:
            known_people[vendor_id] = Person(
                address=address, name=name
            )  # speak of people as the client's text does
    return Resolved(roster=draft, unsure=unsure)


def _linked(engine: Engine, source_id: str) -> tuple[dict[str, str], dict[str, Person]]:
    with engine.store.read() as c:
        rows = people.linked(c, source_id)
    ids = {f"mailto:{email.lower()}": upstream_id for upstream_id, _name, email in rows if email}
    persons = {
        upstream_id: Person(address=f"mailto:{email}", name="") for upstream_id, _name, email in rows if email
    }
    return ids, persons


def _resolve_addresses(
    engine: Engine, source_id: str, addresses: Iterable[str], known: dict[str, str], *, domain: str, ask: bool
) -> tuple[str, ...]:
    now_ms = engine.clock.now_ms()
    wanted: dict[str, str] = {}
    with engine.store.read() as c:
        for address in addresses:
            mail = bare_mail(address)
            if not mail or address.lower() in known or mail.endswith(f"@{domain}"):
                continue
            row = shared.address(c, source_id, mail)
            if row is not None and now_ms - row[1] < (HIT_KEPT_MS if row[0] else MISS_KEPT_MS):
                if row[0]:
                    known[address.lower()] = row[0]
            else:
                wanted[mail] = address.lower()
    if not wanted:
        return ()
    if not ask:
        return tuple(wanted.values())
    asked = list(wanted)[:ASKED_MAX]
    try:
        answers = engine.provider(source_id).lookup(asked)
    except Unauthorised:
        # The app may not look people up: waiting would not help, so they are strangers until somebody mends it.
        log.warning("directory.not_allowed", extra=fields(count=len(asked)))
        return ()
    except BridgeError:
        return tuple(wanted.values())
    with engine.store.write() as c:
        for mail, entry in answers.items():
            shared.put_address(c, source_id, mail, upstream_id=entry.id if entry else "", checked_ms=now_ms)
            if entry is not None:
                shared.put_person(
                    c, source_id, entry.id, name=entry.name, address=f"mailto:{mail}", checked_ms=now_ms
                )
                known[wanted[mail]] = entry.id
    return tuple(address for mail, address in wanted.items() if mail not in answers)


def _resolve_people(
    engine: Engine,
    source_id: str,
    ids: Mapping[str, str],
    known: dict[str, Person],
    *,
    domain: str,
    ask: bool,
) -> None:
    now_ms = engine.clock.now_ms()
    wanted: list[str] = []
    with engine.store.read() as c:
        for vendor_id, name in ids.items():
            held = known.get(vendor_id)
            if held is not None:
                if not held.name and name:
                    known[vendor_id] = Person(address=held.address, name=name)
                continue
            row = shared.person(c, source_id, vendor_id)
            if row is not None and now_ms - row[2] < (HIT_KEPT_MS if row[1] else MISS_KEPT_MS):
                known[vendor_id] = _person(vendor_id, row[1], name or row[0], domain)
            else:
                wanted.append(vendor_id)
    if not wanted or not ask:
        return
    asked = wanted[:ASKED_MAX]
    try:
        entries = engine.provider(source_id).people(asked)
    except BridgeError:
        return
    with engine.store.write() as c:
        for vendor_id in asked:
            entry = entries.get(vendor_id)
            address = f"mailto:{entry.emails[0]}" if entry is not None and entry.emails else ""
            name = entry.name if entry is not None else ids[vendor_id]
            shared.put_person(c, source_id, vendor_id, name=name, address=address, checked_ms=now_ms)
            if address:  # clients send back what they were shown: it need not be looked up then
                mail = bare_mail(address)
                shared.put_address(c, source_id, mail, upstream_id=vendor_id, checked_ms=now_ms)
            known[vendor_id] = _person(vendor_id, address, ids[vendor_id] or name, domain)


def _person(vendor_id: str, address: str, name: str, domain: str) -> Person:
    """Return a person; one whose address the directory keeps to itself gets one that leads nowhere, but has a name."""
    if address:
        return Person(address=address, name=name)
    return Roster(domain=domain).person_of(vendor_id, name)

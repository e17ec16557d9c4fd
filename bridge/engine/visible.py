"""Whom a user may find: colleagues at the sources that the user is linked to, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.engine.api import PersonView
from bridge.store import people, shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

PEOPLE_MAX: Final = 20_000
"""People that one look goes through: a large company; more are not found."""


def visible_people(c: sa.Connection, user: str) -> Sequence[PersonView]:
    """Return the people whom the directories of a user's sources have told us of, and those who use this bridge there.

    Only who has an address of the directory is shown: others could not be invited by it. Names are the directory's;
    names by which people sign in here are told to nobody.
    """
    principal = people.by_name(c, user)
    if principal is None:
        return ()
    own = {f"mailto:{principal.email.lower()}"} if principal.email else set()
    found: dict[str, PersonView] = {}
    for link in people.links(c, principal.id):
        if not link.upstream_id:
            continue
        names: dict[str, str] = {}
        for upstream_id, name, address in shared.people_of(c, link.source_id, PEOPLE_MAX):
            names[upstream_id] = name
            if upstream_id == link.upstream_id:
                own.add(address.lower())
            elif address:
                _add(found, address, name)
        for upstream_id, _login, email in people.linked(c, link.source_id):
            if email and upstream_id != link.upstream_id:
                _add(found, f"mailto:{email}", names.get(upstream_id, ""))
    return [one for address, one in sorted(found.items()) if address not in own][:PEOPLE_MAX]


def _add(found: dict[str, PersonView], address: str, name: str) -> None:
    address = address.lower()
    if address not in found or (name and not found[address].name):
        found[address] = PersonView(address=address, name=name)

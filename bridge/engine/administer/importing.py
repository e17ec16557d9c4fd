"""Many people at once, out of a file or a vendor's directory: planned first, then all of it or nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bridge.engine.administer.accounts import Accounts, check_user_name
from bridge.errors import BadInput
from bridge.store import people

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import sqlalchemy as sa

    from bridge.engine.admin_api import NewPassword, NewPerson, Row

PEOPLE_MAX: Final = 50_000
"""Lines of one import."""
EMAIL_CHARS_MAX: Final = 254
VENDOR_ID_CHARS_MAX: Final = 256
_EMAIL: Final = re.compile(r"[^\s@,;<>\"]+@[^\s@,;<>\"]+")


class Importing(Accounts):
    """Imports and what they are made of."""

    def user_import(
        self,
        people_given: Sequence[NewPerson],
        *,
        apply: bool,
        on_made: Callable[[list[NewPassword]], None] | None,
    ) -> list[Row]:
        """Plan an import, and with ``apply`` carry it out in one transaction. Raises BadInput, then nothing changed."""
        if len(people_given) > PEOPLE_MAX:
            msg = f"an import has at most {PEOPLE_MAX} people; split the file"
            raise BadInput(msg)
        if not apply:
            with self._store.read() as c:
                return self._plan(c, people_given)
        with self._store.write() as c:
            rows = self._plan(c, people_given)
            wrong = sum(1 for row in rows if row["problem"])
            if wrong:
                msg = f"{wrong} lines cannot be imported; nothing was changed"
                raise BadInput(msg)
            made = [
                self._carry_out(c, one, row, password=on_made is not None)
                for one, row in zip(people_given, rows, strict=True)
            ]
            if on_made is not None:
                on_made([password for password in made if password is not None])
        return rows

    def _plan(self, c: sa.Connection, given: Sequence[NewPerson]) -> list[Row]:
        """Return per line what it does and what is wrong with it."""
        known = {principal.name for principal in people.all_principals(c)}
        held: dict[tuple[str, str], str] = {}
        owner: dict[tuple[str, str], str] = {}
        for link in people.all_links(c):
            held[link["user"], link["source_id"]] = link["vendor_id"]
            for vendor_id in (link["vendor_id"], link["upstream_id"]):
                if vendor_id:
                    owner[link["source_id"], vendor_id] = link["user"]
        names: dict[str, int] = {}
        taken: dict[tuple[str, str], int] = {}
        rows: list[Row] = []
        for one in given:
            problem = _wrong_name(one, names) or self._wrong_links(one, held, owner, taken)
            added = [
                f"{source}={vendor_id}" for source, vendor_id in one.links if (one.name, source) not in held
            ]
            rows.append(
                {
                    "line": one.line,
                    "user": one.name,
                    "does": "" if problem else _does(one.name in known, added),
                    "links": added,
                    "problem": problem,
                }
            )
            names.setdefault(one.name, one.line)
        return rows

    def _wrong_links(
        self,
        one: NewPerson,
        held: dict[tuple[str, str], str],
        owner: dict[tuple[str, str], str],
        taken: dict[tuple[str, str], int],
    ) -> str:
        """Return what is wrong with somebody's links; "" if nothing is."""
        for source, vendor_id in one.links:
            if source not in self._engine.providers:
                return f"there is no source {source!r:.40} in the configuration"
            if not vendor_id or len(vendor_id) > VENDOR_ID_CHARS_MAX:
                return f"the id at {source} has 1 to {VENDOR_ID_CHARS_MAX} characters"
            before = held.get((one.name, source))
            if before not in (None, vendor_id):
                return f"{one.name} is linked to {source} as somebody else; `queqiao user unlink {one.name} {source}` first"
            other = owner.get((source, vendor_id))
            if other not in (None, one.name):
                return f"this id of {source} is linked to {other} already"
            first = taken.setdefault((source, vendor_id), one.line)
            if first != one.line:
                return f"line {first} has the same id of {source}"
        return ""

    def _carry_out(self, c: sa.Connection, one: NewPerson, row: Row, *, password: bool) -> NewPassword | None:
        principal = people.by_name(c, one.name)
        made = None
        if principal is None:
            principal_id = people.add(c, name=one.name, email=one.email, now_ms=self._engine.clock.now_ms())
            if password:
                made = self._new_password(
                    c, principal_id, one.name, label="first device", read_only=False, expires_ms=None
                )
        else:
            principal_id = principal.id
        for link in row["links"]:
            source, _, vendor_id = link.partition("=")
            people.add_link(c, principal_id=principal_id, source_id=source, vendor_id=vendor_id)
        return made

    def directory(self, source_id: str) -> list[Row]:
        """Return whom a source's app may see. Raises what the vendor refuses, Missing for an unknown source."""
        entries = self._engine.provider(source_id).members()
        with self._store.read() as c:
            linked: dict[str, Any] = {
                str(link[name]): link["user"]
                for link in people.all_links(c)
                if link["source_id"] == source_id
                for name in ("vendor_id", "upstream_id")
            }
        return [
            {
                "id": entry.alias or entry.id,
                "name": entry.name,
                "email": entry.emails[0] if entry.emails else "",
                "user": linked.get(entry.id) or linked.get(entry.alias or entry.id) or "",
            }
            for entry in entries
        ]


def _wrong_name(one: NewPerson, names: dict[str, int]) -> str:
    """Return what is wrong with a name or an address; "" if nothing is."""
    try:
        check_user_name(one.name)
    except BadInput as error:
        return str(error)
    if one.name in names:
        return f"line {names[one.name]} has the same name"
    if one.email and (len(one.email) > EMAIL_CHARS_MAX or not _EMAIL.fullmatch(one.email)):
        return "the e-mail address is none; write it like alice@corp.example.cn, or leave it empty"
    if len({source for source, _vendor_id in one.links}) != len(one.links):
        return "a source is named twice"
    return ""


def _does(is_known: bool, added: list[str]) -> str:
    """Say what a line does."""
    if not is_known:
        return "new"
    return "linked" if added else "nothing"

"""People, their links to vendors, and one password per device."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

import sqlalchemy.exc

from bridge.engine import links as engine_links
from bridge.engine.admin_api import NewPassword, Row
from bridge.engine.administer.base import Base, no_user
from bridge.engine.secrets import keyed_hash, new_password, normal
from bridge.errors import BadInput, Missing
from bridge.store import calendars, people

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

USER_CHARS_MAX: Final = 64
LABEL_CHARS_MAX: Final = 80
_USER: Final = re.compile(r"[^\s/:'\"*?,\\\x00-\x1f]+")


class Accounts(Base):
    """People, links, passwords."""

    def user_add(self, name: str, *, email: str, links: Sequence[tuple[str, str]]) -> NewPassword:
        """Make a person with links and a first app password."""
        check_user_name(name)
        if len({source_id for source_id, _ in links}) != len(links):
            msg = "a user has at most one link to each source; name each source once"
            raise BadInput(msg)
        for source_id, vendor_id in links:
            self._check_link(source_id, vendor_id)
        with self._store.write() as c:
            try:
                principal_id = people.add(c, name=name, email=email, now_ms=self._engine.clock.now_ms())
            except sqlalchemy.exc.IntegrityError:
                msg = f"there already is a user {name}; choose another name, or use `user link` and `password add`"
                raise BadInput(msg) from None
            for source_id, vendor_id in links:
                people.add_link(c, principal_id=principal_id, source_id=source_id, vendor_id=vendor_id)
            return self._new_password(
                c, principal_id, name, label="first device", read_only=False, expires_ms=None
            )

    def user_list(self) -> list[Row]:
        """Return name, email, links, passwords."""
        rows: list[Row] = []
        with self._store.read() as c:
            for principal in people.all_principals(c):
                links = [
                    {"source": x.source_id, "id": x.vendor_id, "state": x.state, "reason": x.reason}
                    for x in people.links(c, principal.id)
                ]
                rows.append(
                    {
                        "user": principal.name,
                        "email": principal.email,
                        "links": links,
                        "passwords": len(people.passwords(c, principal.id)),
                    }
                )
        return rows

    def user_remove(self, name: str) -> None:
        """Forget a person; nothing at the vendor is touched."""
        with self._store.write() as c:
            for collection in calendars.collections_of_user(c, name):
                calendars.remove_collection(c, collection.id)
            if not people.remove(c, name):
                raise no_user(name)

    def user_link(self, name: str, source_id: str, vendor_id: str) -> None:
        """Link a person to a vendor's user."""
        self._check_link(source_id, vendor_id)
        with self._store.write() as c:
            principal = self._principal(c, name)
            try:
                people.add_link(c, principal_id=principal.id, source_id=source_id, vendor_id=vendor_id)
            except sqlalchemy.exc.IntegrityError:
                msg = f"{name} is already linked to {source_id}; unlink first"
                raise BadInput(msg) from None

    def user_unlink(self, name: str, source_id: str) -> None:
        """Forget a link and its mirror; nothing at the vendor is touched."""
        with self._store.write() as c:
            principal = self._principal(c, name)
            if not people.remove_link(c, principal_id=principal.id, source_id=source_id):
                msg = f"{name} is not linked to {source_id}"
                raise Missing(msg)
            for collection in calendars.collections_of_user(c, name):
                if collection.source_id == source_id:
                    calendars.remove_collection(c, collection.id)

    def connect_links(self, user: str, *, patience_s: float) -> list[Row]:
        """Resolve a person's new links now and load their calendars; returns one row per link."""
        started_s = time.monotonic()
        with self._store.read() as c:
            links = people.links(c, self._principal(c, user).id)
        for link in links:
            if link.state != "connected" and time.monotonic() - started_s < patience_s:
                engine_links.connect(self._engine, link)
        for calendar in self._calendars_of(user):
            if not calendar.pulled_ms and time.monotonic() - started_s < patience_s:
                self._pull_quietly(calendar, full=False)
        with self._store.read() as c:
            shown = calendars.collections_of_user(c, user)
            return [
                {
                    "source": x.source_id,
                    "id": x.vendor_id,
                    "state": x.state,
                    "reason": x.reason,
                    "calendars": [s.slug for s in shown if s.source_id == x.source_id],
                }
                for x in people.links(c, self._principal(c, user).id)
            ]

    def _check_link(self, source_id: str, vendor_id: str) -> None:
        if source_id not in self._engine.providers:
            known = ", ".join(sorted(self._engine.providers)) or "none"
            msg = f"there is no source {source_id!r} in the configuration; there are: {known}"
            raise BadInput(msg)
        if not vendor_id or len(vendor_id) > 256:
            msg = "a vendor id has 1 to 256 characters"
            raise BadInput(msg)

    # ---- passwords

    def password_add(self, user: str, *, label: str, read_only: bool, expires_ms: int | None) -> NewPassword:
        """Make an app password for one device."""
        with self._store.write() as c:
            principal = self._principal(c, user)
            return self._new_password(
                c,
                principal.id,
                user,
                label=label[:LABEL_CHARS_MAX],
                read_only=read_only,
                expires_ms=expires_ms,
            )

    def _new_password(
        self,
        c: sa.Connection,
        principal_id: int,
        user: str,
        *,
        label: str,
        read_only: bool,
        expires_ms: int | None,
    ) -> NewPassword:
        password = new_password()
        password_id = people.add_password(
            c,
            principal_id=principal_id,
            label=label,
            hashed=keyed_hash(self._engine.pepper, "password", normal(password)),
            read_only=read_only,
            now_ms=self._engine.clock.now_ms(),
            expires_ms=expires_ms,
        )
        return NewPassword(user=user, label=label, password=password, password_id=str(password_id))

    def password_list(self, user: str) -> list[Row]:
        """Return id, label, read_only, created, expires, last_used; never the password."""
        with self._store.read() as c:
            rows = people.passwords(c, self._principal(c, user).id)
        return [
            {
                "id": str(x.id),
                "label": x.label,
                "read_only": bool(x.read_only),
                "created_ms": x.created_ms,
                "expires_ms": x.expires_ms,
                "last_used_ms": x.last_used_ms or None,
            }
            for x in rows
        ]

    def password_revoke(self, user: str, which: str) -> int:
        """Revoke by id or label; returns how many."""
        with self._store.write() as c:
            rows = people.passwords(c, self._principal(c, user).id)
            chosen = [x for x in rows if str(x.id) == which] or [x for x in rows if x.label == which]
            for row in chosen:
                people.revoke_password(c, row.id)
        return len(chosen)


def check_user_name(name: str) -> None:
    """Refuse names that cannot stand in a URL and in HTTP Basic authentication."""
    if (
        not _USER.fullmatch(name)
        or len(name) > USER_CHARS_MAX
        or name.count("@") > 1
        or name[0] in ".@"
        or name[-1] == "@"
    ):
        msg = (
            f"a user name has 1 to {USER_CHARS_MAX} characters without blanks or any of / : ' \" * ? , "
            "and at most one @ inside; choose another"
        )
        raise BadInput(msg)

"""What the command line asks (``admin_api.Admin``): people, devices, feeds, calendars, states, receipts."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy.exc

from bridge.config import kind_of
from bridge.engine import links as engine_links
from bridge.engine import pull as engine_pull
from bridge.engine.admin_api import NewFeed, NewPassword, Row
from bridge.engine.held import held_ids
from bridge.engine.links import COLOR
from bridge.engine.secrets import keyed_hash, new_password, new_token, normal
from bridge.errors import BadInput, BridgeError, Missing
from bridge.model.cures import advice
from bridge.plan.intent import State
from bridge.store import calendars, intents, objects, people

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import sqlalchemy as sa

    from bridge.engine.context import Engine
    from bridge.store.rows import CalendarRow, CollectionRow, PrincipalRow

USER_CHARS_MAX: Final = 64
LABEL_CHARS_MAX: Final = 80
RECEIPTS_MAX: Final = 1000
"""Lines of one ``changes`` listing."""
_USER: Final = re.compile(r"[^\s/:'\"*?,\\\x00-\x1f]+")


class Admin:
    """Implements ``admin_api.Admin``."""

    def __init__(self, engine: Engine, on_close: Callable[[], None]) -> None:
        self._engine = engine
        self._store = engine.store
        self._on_close = on_close

    def close(self) -> None:
        """Let go of database and connections."""
        self._on_close()

    def __enter__(self) -> Admin:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- people

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
                raise _no_user(name)

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

    # ---- feeds

    def feed_add(self, user: str, collection: str, *, detail: str) -> NewFeed:
        """Make a secret address for one calendar."""
        if detail not in ("full", "title", "busy"):
            msg = "detail is one of full, title, busy"
            raise BadInput(msg)
        token = new_token()
        with self._store.write() as c:
            principal = self._principal(c, user)
            row = calendars.collection_by_slug(c, user, collection)
            if row is None:
                slugs = ", ".join(x.slug for x in calendars.collections_of_user(c, user)) or "none yet"
                msg = f"{user} has no calendar {collection!r}; there are: {slugs}"
                raise Missing(msg)
            feed_id = people.add_feed(
                c,
                hashed=keyed_hash(self._engine.pepper, "feed", token),
                principal_id=principal.id,
                collection_id=row.id,
                detail=detail,
                now_ms=self._engine.clock.now_ms(),
            )
        return NewFeed(feed_id=str(feed_id), token=token)

    def feed_list(self, user: str | None) -> list[Row]:
        """Return id, user, collection, detail, created; never the token."""
        with self._store.read() as c:
            if user is not None:
                self._principal(c, user)
            rows = [x for x in people.feeds(c) if user is None or x["user"] == user]
        return [
            {
                "id": str(x["id"]),
                "user": x["user"],
                "collection": x["collection"],
                "detail": x["detail"],
                "created_ms": x["created_ms"],
            }
            for x in rows
        ]

    def feed_revoke(self, which: str) -> int:
        """Revoke by id, token or whole address; returns how many."""
        token = which.rsplit("/", 1)[-1].removesuffix(".ics")
        hashed = keyed_hash(self._engine.pepper, "feed", token)
        with self._store.write() as c:
            chosen = [x for x in people.feeds(c) if str(x["id"]) == which or x["hash"] == hashed]
            for row in chosen:
                people.revoke_feed(c, row["id"])
        return len(chosen)

    # ---- calendars

    def calendar_list(self, user: str | None) -> list[Row]:
        """Return user, slug, source, name, colour, writable, state, age_s, events."""
        rows: list[Row] = []
        with self._store.read() as c:
            for shown, calendar in self._shown(c, user):
                rows.append(
                    {
                        "user": shown.user,
                        "calendar": shown.slug,
                        "source": shown.source_id,
                        "id": shown.upstream_calendar_id,
                        "name": shown.calendar_name,
                        "color": shown.calendar_color,
                        "writable": bool(shown.writable),
                        "state": calendar.state,
                        "age_s": self._age_s(calendar),
                        "events": objects.count(c, shown.id),
                    }
                )
        return rows

    def calendar_create(self, source_id: str, *, name: str, members: Sequence[str], color: str) -> Row:
        """Make a calendar at the vendor, shared with members (user names of ours or vendor ids)."""
        provider = self._provider(source_id)
        if not members:
            msg = "name at least one member with --member"
            raise BadInput(msg)
        with self._store.read() as c:
            ids: dict[str, PrincipalRow | None] = {}
            for member in members:
                principal = people.by_name(c, member)
                links = people.links(c, principal.id) if principal is not None else []
                upstream = next(
                    (x.upstream_id for x in links if x.source_id == source_id and x.upstream_id), ""
                )
                ids[upstream or member] = principal if upstream else None
        order = list(ids)
        made = provider.make_calendar(order[0], name, color or COLOR, order)
        shown: list[str] = []
        with self._store.write() as c:
            now_ms = self._engine.clock.now_ms()
            for upstream_id in order:
                for principal in people.by_upstream(c, source_id, upstream_id):
                    engine_links.show(c, self._engine, source_id, principal, made, upstream_id, now_ms=now_ms)
                    shown.append(principal.name)
        for principal_name in shown:
            self._relook(principal_name, source_id)
        return {"source": source_id, "id": made.id, "name": made.name, "users": shown}

    def _relook(self, user: str, source_id: str) -> None:
        """Ask who of the members may write: the vendor decides."""
        with self._store.read() as c:
            links = [x for x in people.links(c, self._principal(c, user).id) if x.source_id == source_id]
        for link in links:
            engine_links.connect(self._engine, link)

    def calendar_remove(self, source_id: str, calendar_id: str) -> None:
        """Delete a calendar at the vendor, by its id there or the slug of any user's view of it."""
        provider = self._provider(source_id)
        with self._store.read() as c:
            ids = {x.upstream_calendar_id for x in calendars.collections(c) if x.slug == calendar_id}
            chosen = [
                x
                for x in calendars.of_source(c, source_id)
                if x.upstream_id == calendar_id or x.upstream_id in ids
            ]
        if len(chosen) != 1:
            msg = f"{source_id} has {len(chosen)} calendars by that name; give the id that `calendar list` shows"
            raise Missing(msg)
        provider.remove_calendar(chosen[0].upstream_id)
        with self._store.write() as c:
            calendars.remove(c, chosen[0].id)

    # ---- states and receipts

    def status(self, user: str | None) -> list[Row]:
        """Return per calendar: state, age of the data, what waits, what is wrong, who must act."""
        now_ms = self._engine.clock.now_ms()
        rows: list[Row] = []
        with self._store.read() as c:
            waiting = intents.waiting(c)
            for shown, calendar in self._shown(c, user):
                count, oldest_ms = waiting.get(shown.id, (0, 0))
                rows.append(
                    {
                        "user": shown.user,
                        "calendar": shown.slug,
                        "source": shown.source_id,
                        "state": calendar.state,
                        "age_s": self._age_s(calendar),
                        "waiting": count,
                        "oldest_waiting_s": (now_ms - oldest_ms) // 1000 if count else None,
                        "held": len(held_ids(calendar)),
                        "reason": calendar.reason,
                        **self._advice(calendar.source_id, calendar.state, calendar.cause),
                    }
                )
            rows += self._unconnected(c, user)
        return rows

    def _advice(self, source_id: str, state: str, cause: str) -> dict[str, str]:
        """Return who has to do what, in both languages."""
        source = self._engine.sources.get(source_id)
        kind = kind_of(source) if source is not None else ""
        return {"cause": cause, **advice(state, kind=kind, cause=cause).as_row()}

    def _unconnected(self, c: sa.Connection, user: str | None) -> list[Row]:
        rows: list[Row] = []
        for principal in people.all_principals(c):
            if user is not None and principal.name != user:
                continue
            rows += [
                {
                    "user": principal.name,
                    "calendar": None,
                    "source": link.source_id,
                    "state": link.state,
                    "age_s": None,
                    "waiting": 0,
                    "oldest_waiting_s": None,
                    "held": 0,
                    "reason": link.reason,
                    **self._advice(link.source_id, link.state, link.cause),
                }
                for link in people.links(c, principal.id)
                if link.state != "connected"
            ]
        return rows

    def changes(self, user: str | None, since_ms: int) -> list[Row]:
        """Return the receipt of every edit, newest first."""
        with self._store.read() as c:
            if user is not None:
                self._principal(c, user)
            rows = intents.receipts(c, user=user or "", since_ms=since_ms, count=RECEIPTS_MAX)
        return [_receipt(dict(row)) for row in rows]

    def sync(self, user: str | None, *, full: bool, release: bool = False) -> list[Row]:
        """Pull now; returns per calendar what changed. ``release``: let pass the deletions that were held."""
        if user is None:
            with self._store.read() as c:
                chosen = calendars.all_calendars(c)
        else:
            chosen = self._calendars_of(user)
        return [self._pull_quietly(calendar, full=full, release=release) for calendar in chosen]

    def _pull_quietly(self, calendar: CalendarRow, *, full: bool, release: bool = False) -> Row:
        row: Row = {"source": calendar.source_id, "calendar": calendar.name, "id": calendar.upstream_id}
        try:
            tally = engine_pull.pull(self._engine, calendar.id, deep=True, full=full, release=release)
        except BridgeError as error:
            return {**row, "ok": False, "error": str(error)}
        return {
            **row,
            "ok": True,
            "added": tally.added,
            "changed": tally.changed,
            "deleted": tally.deleted,
            "held": tally.held,
            "waiting": tally.waiting,
        }

    def explain(self, what: str) -> list[Row]:
        """Return the story of one event, by href, UID, or the vendor's id."""
        rows: list[Row] = []
        with self._store.read() as c:
            for shown in calendars.collections(c):
                row = objects.by_href(c, shown.id, what) or objects.by_uid(c, shown.id, what)
                if row is None:
                    item = objects.item_by_upstream(c, shown.id, what)
                    row = objects.get(c, item.object_id) if item is not None else None
                if row is not None:
                    rows.append(
                        {
                            "user": shown.user,
                            "calendar": shown.slug,
                            "href": row.href,
                            "uid": row.uid,
                            "deleted": bool(row.deleted),
                            "items": [
                                {"piece": x.key, "id": x.upstream_id, "removed": bool(x.cancelled)}
                                for x in objects.items(c, row.id)
                            ],
                        }
                    )
                href, uid = (row.href, row.uid) if row is not None else (what, what)
                rows += [
                    {
                        "user": shown.user,
                        "calendar": shown.slug,
                        **_intent_story(x.state, x.words, x.opened_ms, x.action),
                    }
                    for x in intents.story(c, collection_id=shown.id, href=href, uid=uid)
                ]
        if not rows:
            msg = "nothing is known of it: look for its file name in the URL, its UID, or the vendor's id"
            raise Missing(msg)
        return rows

    # ---- small things

    def _principal(self, c: sa.Connection, name: str) -> PrincipalRow:
        principal = people.by_name(c, name)
        if principal is None:
            raise _no_user(name)
        return principal

    def _provider(self, source_id: str) -> Any:
        return self._engine.provider(source_id)

    def _calendars_of(self, user: str) -> list[CalendarRow]:
        with self._store.read() as c:
            self._principal(c, user)
            return [calendar for _shown, calendar in self._shown(c, user)]

    def _shown(self, c: sa.Connection, user: str | None) -> list[tuple[CollectionRow, CalendarRow]]:
        by_id = {x.id: x for x in calendars.all_calendars(c)}
        rows = calendars.collections(c) if user is None else calendars.collections_of_user(c, user)
        return [(x, by_id[x.calendar_id]) for x in rows]

    def _age_s(self, calendar: CalendarRow) -> int | None:
        return (self._engine.clock.now_ms() - calendar.pulled_ms) // 1000 if calendar.pulled_ms else None


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


def _no_user(name: str) -> Missing:
    return Missing(f"there is no user {name!r}; `queqiao user list` shows who there is")


def _receipt(row: dict[str, Any]) -> Row:
    is_open = row["state"] in (State.WAITING, State.IN_FLIGHT)
    return {
        "opened_ms": row["opened_ms"],
        "closed_ms": row["closed_ms"] or None,
        "user": row["user"],
        "calendar": row["slug"],
        "device": row["device"],
        "action": row["action"],
        "href": row["href"],
        "uid": row["uid"],
        "outcome": ("in doubt" if row["step"] else "waiting") if is_open else row["state"],
        "words": row["words"],
        "not_at_vendor": [f"{what}: {why}" for what, why in json.loads(row["losses"])],
        "lost_text": row["lost_text"],
        "attempts": row["attempts"],
    }


def _intent_story(state: str, words: str, opened_ms: int, action: str) -> Row:
    return {"opened_ms": opened_ms, "action": action, "outcome": state, "words": words}

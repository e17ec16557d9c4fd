"""Calendars at a vendor that allows making them, and pulling all of them now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.engine import links as engine_links
from bridge.engine.administer.base import Base
from bridge.engine.links import COLOR
from bridge.errors import BadInput, Missing
from bridge.store import calendars, objects, people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.engine.admin_api import Row
    from bridge.store.rows import PrincipalRow


class Shelves(Base):
    """Listed, made, removed, pulled."""

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

    def sync(self, user: str | None, *, full: bool, release: bool = False) -> list[Row]:
        """Pull now; returns per calendar what changed. ``release``: let pass the deletions that were held."""
        if user is None:
            with self._store.read() as c:
                chosen = calendars.all_calendars(c)
        else:
            chosen = self._calendars_of(user)
        return [self._pull_quietly(calendar, full=full, release=release) for calendar in chosen]

"""What every part of the administration shares: the engine, and how people and calendars are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.engine import pull as engine_pull
from bridge.errors import BridgeError, Missing
from bridge.store import calendars, people

if TYPE_CHECKING:
    import sqlalchemy as sa

    from bridge.engine.admin_api import Row
    from bridge.engine.context import Engine
    from bridge.store.rows import CalendarRow, CollectionRow, PrincipalRow


class Base:
    """One engine, looked at from the administrator's side."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._store = engine.store

    def _principal(self, c: sa.Connection, name: str) -> PrincipalRow:
        principal = people.by_name(c, name)
        if principal is None:
            raise no_user(name)
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


def no_user(name: str) -> Missing:
    """Return what to say of a name that nobody has."""
    return Missing(f"there is no user {name!r}; `queqiao user list` shows who there is")

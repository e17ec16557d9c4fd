"""From a path to the resource that knows its properties; objects of a calendar are written without one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from radicale_plugin.places import INBOX, OUTBOX, PEOPLE, special
from radicale_plugin.principals import Inbox, Outbox, People, Person, Principal, Root, person_at
from radicale_plugin.properties import CalendarResource, Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.engine.api import CollectionView
    from radicale_plugin.context import Ask


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources that one request may look at."""

    ask: Ask
    may_write: Callable[[CollectionView], bool]
    object_bytes_max: int

    def at(self, parts: Sequence[str]) -> Resource | None:
        """Return what a path of at most three segments names; None for an object, or where nothing is.

        The path is the asker's own: nobody else's is looked at.
        """
        if not parts:
            return Root(self.ask)
        if parts[0] != self.ask.login.user:
            return None
        if len(parts) == 1:
            return Principal(self.ask, parts[0])
        if special(parts):
            return self._special(parts)
        view = self.ask.view(parts[0], parts[1]) if len(parts) == 2 else None
        return None if view is None else self.calendar(view)

    def _special(self, parts: Sequence[str]) -> Resource | None:
        user, place, *rest = parts
        if not rest:
            return {INBOX: Inbox, OUTBOX: Outbox, PEOPLE: People}[place](self.ask, user)
        if place == PEOPLE and len(rest) == 1:
            person = person_at(self.ask, rest[0])
            return None if person is None else Person(self.ask, user, person)
        return None

    def calendar(self, view: CollectionView) -> CalendarResource:
        """Return a calendar."""
        return CalendarResource(
            self.ask, view, writable=self.may_write(view), object_bytes_max=self.object_bytes_max
        )

    def own(self) -> list[Resource]:
        """Return the asker's principal and calendars, in one look."""
        user = self.ask.login.user
        return [Principal(self.ask, user), *map(self.calendar, self.ask.views(user))]

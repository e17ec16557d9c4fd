"""What is not as it should be at the vendors, by source: counted, with who has to do what, and without anybody's name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.model.cures import Cure, advice
from bridge.store import calendars, people

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

WELL: Final = frozenset({"starting", "backfilling", "connected"})
"""States that are no trouble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Calendars and links of one source that are in one state for one cause."""

    source: str
    state: str
    cause: str
    calendars: int
    links: int
    cure: Cure

    def as_row(self) -> dict[str, Any]:
        """Return it for a program, with its sentences."""
        return {
            "source": self.source,
            "state": self.state,
            "cause": self.cause,
            "calendars": self.calendars,
            "links": self.links,
            "reason": f"{self.source}: {self.calendars} calendars and {self.links} links are {self.state}",
            **self.cure.as_row(),
        }


def states(c: sa.Connection) -> tuple[Counter[tuple[str, str, str]], Counter[tuple[str, str, str]]]:
    """Return how many calendars, and how many links, are in (source, state, cause)."""
    return Counter(calendars.states(c)), Counter(people.link_states(c))


def troubles(c: sa.Connection, kinds: Callable[[str], str]) -> list[Trouble]:
    """Return what is wrong, the most common first. ``kinds``: source id -> kind of vendor."""
    seen, linked = states(c)
    return [
        Trouble(
            source=source,
            state=state,
            cause=cause,
            calendars=seen[source, state, cause],
            links=linked[source, state, cause],
            cure=advice(state, kind=kinds(source), cause=cause),
        )
        for (source, state, cause), _count in (seen + linked).most_common()
        if state not in WELL
    ]

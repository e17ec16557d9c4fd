"""The brake: a mass deletion at the vendor is held until an administrator lets it pass.

A slip in the vendor's app, a wiped account or a vendor's own mistake would otherwise empty every client within one
poll. Which deletions count as many is decided here, over one whole look at a calendar; each person's view of the
calendar is judged by itself, and one that is too much holds the deletions of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

EVENTS_MAX: Final = 10
"""Events that may go at once, however few the calendar has (docs/operate.md, "A mass deletion is held")."""
PARTS: Final = 5
"""One part in so many of a calendar's events may go at once, however many that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One person's view of the calendar, before anything is deleted."""

    served: int
    """Events that clients see, those that are about to go included."""
    held: frozenset[int] = frozenset()
    """Events that an earlier look held."""
    fresh: frozenset[int] = frozenset()
    """Events that are gone at the vendor since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of the deletions."""

    pass_held: bool
    pass_fresh: bool


def is_mass(going: int, served: int) -> bool:
    """Return whether so many deletions at once are too many: more than ten and more than a fifth."""
    return going > EVENTS_MAX and going * PARTS > served


def judge(views: Iterable[View], *, release: bool) -> Verdict:
    """Decide over all views of one calendar.

    Once something is held, everything that follows is held with it. ``release`` lets pass what was held, which is what
    the administrator has seen; what came after that is judged as if the held events were gone already.
    """
    views = list(views)
    if not release and any(view.held for view in views):
        return Verdict(pass_held=False, pass_fresh=False)
    mass = any(is_mass(len(view.fresh - view.held), view.served - len(view.held)) for view in views)
    return Verdict(pass_held=True, pass_fresh=not mass)

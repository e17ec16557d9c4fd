"""The states of an intent, as one table.

    waiting ──claim──▶ in_flight ──▶ applied | merged | refused | superseded      (closed: the receipt)
       ▲                  │
       └── retry later ───┘

A *waiting* intent that carries a ``step`` is in doubt: that step left and no answer came, so it is settled by asking
before anything else is sent.
"""

from __future__ import annotations

import enum
from typing import Final


class State(enum.StrEnum):
    """Where an intent stands."""

    WAITING = "waiting"
    IN_FLIGHT = "in_flight"
    APPLIED = "applied"
    MERGED = "merged"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


OPEN: Final = frozenset({State.WAITING, State.IN_FLIGHT})
CLOSED: Final = frozenset({State.APPLIED, State.MERGED, State.REFUSED, State.SUPERSEDED})

MOVES: Final[dict[State, frozenset[State]]] = {
    State.WAITING: frozenset({State.IN_FLIGHT, State.SUPERSEDED}),
    State.IN_FLIGHT: frozenset({State.WAITING, State.APPLIED, State.MERGED, State.REFUSED}),
    **{state: frozenset() for state in CLOSED},
}
"""What may follow what."""


class Action(enum.StrEnum):
    """What an intent asks for."""

    PUT = "put"
    DELETE = "delete"


BACKOFF_FIRST_S: Final = 1.0
BACKOFF_MAX_S: Final = 300.0


def backoff_s(attempts: int, *, retry_after_s: float = 0.0) -> float:
    """Return how long to wait after ``attempts`` failures: doubling, bounded, never before the vendor's own word."""
    doubled = BACKOFF_FIRST_S * 2.0 ** min(max(attempts - 1, 0), 12)
    return float(max(min(doubled, BACKOFF_MAX_S), retry_after_s))

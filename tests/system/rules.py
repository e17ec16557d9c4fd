"""All that can happen in one turn: the one table from which the seeded simulation and the state machine choose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import clients
import misfortune
import people


@dataclass(frozen=True)
class Rule:
    """One thing that can happen. ``weight``: how often, compared with the others."""

    act: Callable[[Any, Any], None]
    weight: float
    is_small: bool = True
    """It may happen while a node waits for the vendor; what concerns the nodes or all of time cannot."""
    is_possible: Callable[[Any], bool] = lambda _world: True


def daemon_ticks(world, mortal):
    world.survive(mortal, mortal.node.tick)


def daemon_pulls(world, mortal):
    user = world.rng.choice(world.office.people)
    world.survive(mortal, lambda: mortal.node.parts.admin.sync(user, full=False))


RULES = {
    "client_creates": Rule(clients.creates, 8),
    "client_edits": Rule(clients.edits, 11),
    "client_resaves": Rule(clients.resaves, 3),
    "client_excepts": Rule(clients.excepts, 5),
    "client_deletes": Rule(clients.deletes, 3),
    "client_moves": Rule(clients.moves, 4),
    "client_answers": Rule(clients.answers, 2),
    "client_syncs": Rule(clients.syncs, 12),
    "person_creates": Rule(people.creates, 5),
    "person_edits": Rule(people.edits, 10),
    "person_excepts": Rule(people.excepts, 3),
    "person_deletes": Rule(people.deletes, 2),
    "person_answers": Rule(people.answers, 2),
    "daemon_ticks": Rule(daemon_ticks, 22),
    "daemon_pulls": Rule(daemon_pulls, 6),
    "push_arrives": Rule(misfortune.push_arrives, 8),
    "push_is_lost": Rule(misfortune.push_is_lost, 2),
    "vendor_fails": Rule(misfortune.vendor_fails, 8),
    "token_lost": Rule(misfortune.token_lost, 1),
    "cursor_lost": Rule(misfortune.cursor_lost, 1),
    "clock_steps": Rule(misfortune.clock_steps, 1, is_small=False),
    "time_passes": Rule(misfortune.time_passes, 3, is_small=False),
    "node_will_die": Rule(misfortune.node_will_die, 3, is_small=False),
    "node_will_die_at": Rule(misfortune.node_will_die_at, 3, is_small=False),
    "node_restarts": Rule(misfortune.node_restarts, 1, is_small=False),
    "backup": Rule(misfortune.backup, 1, is_small=False, is_possible=misfortune.is_backup_worth_it),
    "restore": Rule(misfortune.restore, 0.5, is_small=False, is_possible=misfortune.is_there_a_backup),
}
NAMES = list(RULES)
WEIGHTS = [rule.weight for rule in RULES.values()]

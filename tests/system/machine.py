"""The whole system as a state machine of Hypothesis: the same rules, chosen, replayed and made shorter by it."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import always
import checks
from databases import empty_database
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from rules import RULES
from universe import NODES, World

SELDOM = 3.0
"""Weight of a rule that is offered once; heavier ones are offered more often, for Hypothesis chooses evenly."""
CALM_EVERY = 50
"""Steps between two looks at whether everything comes to rest, besides the one at each end."""
LUCK = st.integers(0, 2**32 - 1)
"""Decides all that a step leaves open: who, what, where."""


@dataclass
class Tally:
    """What a whole search did."""

    steps: int = 0
    runs: int = 0
    deaths: int = 0
    restores: int = 0
    played: set = field(default_factory=set)


class Everything(RuleBasedStateMachine):
    """Begins with an empty database and a new office; every rule is one step of the world."""

    vendor: str
    kind: str
    tally: Tally

    def __init__(self):
        super().__init__()
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            database = stack.enter_context(empty_database(self.kind, folder))
            self.world = World(0, self.vendor, database, folder)
            stack.callback(self.world.close)
            self._stack = stack.pop_all()
        self._steps = 0
        self._is_well = True
        self.tally.runs += 1

    def play(self, name, luck, node):
        """Let a moment pass, then do one thing."""
        self.tally.steps += 1
        self.tally.played.add(name)
        self._steps += 1
        world = self.world
        with self._ill_if_it_fails():
            world.rng.seed(luck)
            world.pass_moment()
            RULES[name].act(world, world.nodes[node])
            if self._steps % CALM_EVERY == 0:
                self._rest()

    @invariant()
    def holds(self):
        with self._ill_if_it_fails():
            always.all_of(self.world)

    def _rest(self):
        self.world.calm()
        checks.all_of(self.world)

    @contextlib.contextmanager
    def _ill_if_it_fails(self):
        try:
            yield
        except BaseException:
            self._is_well = False
            raise

    def teardown(self):
        try:
            if self._is_well:
                self._rest()
        finally:
            self.tally.deaths += self.world.deaths
            self.tally.restores += self.world.restores
            self._stack.close()


def _rule_of(name):
    def play(self, luck, node):
        self.play(name, luck, node)

    play.__name__ = name
    is_possible = RULES[name].is_possible
    made = rule(luck=LUCK, node=st.integers(0, NODES - 1))(play)
    return precondition(lambda self: is_possible(self.world))(made)


def machine_of(vendor, kind):
    """Return the state machine for one vendor on one database."""
    rules = {}
    for name, one in RULES.items():
        for copy in range(max(1, round(one.weight / SELDOM))):
            rules[f"{name}_{copy}" if copy else name] = _rule_of(name)
    values = {**rules, "vendor": vendor, "kind": kind, "tally": Tally()}
    return type(f"Everything_{vendor}_{kind}", (Everything,), values)


def search(vendor, kind, *, runs, steps, derandomize):
    """Play so many runs of so many steps each; returns what was done. Raises Broken with its story."""
    made = machine_of(vendor, kind)
    how = settings(
        max_examples=runs,
        stateful_step_count=steps,
        derandomize=derandomize,
        database=None,
        deadline=None,
        phases=[Phase.generate] if derandomize else [Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=not derandomize,
    )
    run_state_machine_as_test(made, settings=how)
    return made.tally

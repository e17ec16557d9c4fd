"""The state machine of the whole system: 500 steps for each vendor on each database, 10,000 in ``make test-nightly``."""

import os

import pytest
from databases import KINDS
from machine import search
from offices import OFFICES
from rules import RULES

NIGHTLY_STEPS = 10_000


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("vendor", sorted(OFFICES))
def test_no_invariant_breaks_in_500_steps(vendor, kind):
    tally = search(vendor, kind, runs=6, steps=100, derandomize=True)
    assert tally.steps >= 600  # the first run is the dullest that Hypothesis can think of
    assert tally.deaths
    assert len(tally.played) >= len(RULES) - 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("vendor", sorted(OFFICES))
def test_no_invariant_breaks_in_10000_steps(vendor, kind):
    steps = int(os.environ.get("QUEQIAO_STEPS", NIGHTLY_STEPS))
    tally = search(vendor, kind, runs=steps // 200, steps=200, derandomize="QUEQIAO_SEARCH" not in os.environ)
    assert tally.steps >= steps

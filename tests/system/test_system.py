"""The whole system under one seed, on both databases; ``pytest tests/system --seed 7 --steps 500`` plays another, or one again."""

import os

import always
import checks
import pytest
from offices import OFFICES
from universe import World

STEPS = 50
CALM_EVERY = 50
"""Steps between two looks at whether everything comes to rest."""


@pytest.mark.parametrize("vendor", sorted(OFFICES))
def test_no_invariant_breaks(vendor, database, tmp_path, request):
    asked = request.config.getoption("--seed")
    seed = asked if asked is not None else int(os.environ.get("QUEQIAO_SEED", "1"))
    run(seed, vendor, database, tmp_path, request.config.getoption("--steps") or STEPS)


def run(seed, vendor, database, folder, steps):
    world = World(seed, vendor, database, folder)
    try:
        for number in range(1, steps + 1):
            world.step()
            always.all_of(world)
            if number % CALM_EVERY == 0 or number == steps:
                world.calm()
                checks.all_of(world)
    finally:
        world.close()
    return world

"""A seed tells the same story in every process, whatever order Python gives to sets of strings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from offices import OFFICES

HERE = Path(__file__).parent
PLAY = """
import sys, tempfile
sys.path[:0] = sys.argv[1:4]
from pathlib import Path
from test_system import run
with tempfile.TemporaryDirectory() as folder:
    world = run(11, sys.argv[4], f"sqlite:///{folder}/queqiao.db", Path(folder), 60)
print("\\n".join(world.story))
"""


@pytest.mark.parametrize("vendor", sorted(OFFICES))
def test_a_seed_tells_the_same_story_in_every_process(vendor):
    paths = [str(HERE), str(HERE.parent), str(HERE.parents[1])]
    stories = [
        subprocess.run(
            [sys.executable, "-c", PLAY, *paths, vendor],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert stories[0].count("\n") > 40
    assert stories[0] == stories[1]

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fidelity"))
sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

from fidelity_box import SIDES, Box


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite what the cases produce; review the diff"
    )


class Boxes:
    """One box for each vendor, opened when it is first asked for, and anew after a case went wrong in it."""

    def __init__(self, factory):
        self._factory = factory
        self._opened = {}

    def __call__(self, vendor):
        if vendor not in self._opened:
            self._opened[vendor] = Box(SIDES[vendor], self._factory.mktemp(vendor))
        return self._opened[vendor]

    def discard(self, vendor):
        self._opened.pop(vendor).close()

    def close(self):
        for vendor in list(self._opened):
            self.discard(vendor)


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    made = Boxes(tmp_path_factory)
    yield made
    made.close()

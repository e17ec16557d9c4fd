"""What every test shares: a search that is the same in every run, unless one asks for a new one."""

import logging
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

from canary import OURS, Canary, learn_from_the_code

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("search", derandomize=False, print_blob=True)
settings.load_profile("search" if os.environ.get("QUEQIAO_SEARCH") else "repeatable")


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=None, help="replay one seed of the whole-system simulation")
    parser.addoption("--steps", type=int, default=None, help="how many steps a whole-system run takes")


CANARY = Canary()


def pytest_configure(config):
    learn_from_the_code(CANARY)


@pytest.fixture(autouse=True)
def _quiet_again():
    """Hear every line of our own loggers, and let no test pass in which one of them tells too much.

    Levels are put back afterwards: a command that ran inside the test's process set its own.
    """
    loggers = [logging.getLogger(name) for name in ("", *OURS)]
    levels = [one.level for one in loggers]
    for one in loggers[1:]:
        one.setLevel(logging.DEBUG)
    CANARY.forget_lines()
    loggers[0].addHandler(CANARY)
    yield
    loggers[0].removeHandler(CANARY)
    for one, level in zip(loggers, levels, strict=True):
        one.setLevel(level)
    told = CANARY.told()
    assert not told, "a log line holds a secret, a title, a person or an address"

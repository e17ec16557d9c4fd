"""What every test shares: a search that is the same in every run, unless one asks for a new one."""

import logging
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("search", derandomize=False, print_blob=True)
settings.load_profile("search" if os.environ.get("QUEQIAO_SEARCH") else "repeatable")


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=None, help="replay one seed of the whole-system simulation")
    parser.addoption("--steps", type=int, default=None, help="how many steps a whole-system run takes")


@pytest.fixture(autouse=True)
def _quiet_again():
    """Put log levels back: a command that ran inside the test's process set its own."""
    loggers = [logging.getLogger(name) for name in ("", "bridge", "radicale_plugin")]
    levels = [one.level for one in loggers]
    yield
    for one, level in zip(loggers, levels, strict=True):
        one.setLevel(level)

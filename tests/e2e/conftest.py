import json
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import boxes, run_bridge


@pytest.fixture
def stack():
    with ExitStack() as made:
        yield made


@pytest.fixture
def vendors(stack):
    return boxes(stack)


@pytest.fixture
def running(stack, vendors, tmp_path):
    bridge, clients = run_bridge(stack, vendors, tmp_path)
    return bridge, clients


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """``queqiao demo --json`` as a process; yields its facts."""
    log = (tmp_path_factory.mktemp("demo") / "log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge.cli.main", "demo", "--json", "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    line = process.stdout.readline()
    if not line:
        log.seek(0)
        raise AssertionError(log.read())
    yield json.loads(line)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    process.stdout.close()
    log.close()

"""A real Chromium without a screen, and the demo it looks at."""

import json
import subprocess
import sys
import tarfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from programs import need

from bridge.daemon import demo as daemon_demo

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "artifacts" / "pages"
AXE = "axe-core@4.14.1"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def facts():
    with ExitStack() as stack:
        yield daemon_demo.start(stack, "127.0.0.1:0", None)


@pytest.fixture(scope="session")
def chromium():
    path = need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The source of axe-core, as its package brings it."""
    folder = tmp_path_factory.mktemp("axe")
    command = [need("npm"), "pack", AXE, "--json", "--pack-destination", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    name = json.loads(done.stdout)[0]["filename"]
    with tarfile.open(folder / name) as package:
        return package.extractfile("package/axe.min.js").read().decode()

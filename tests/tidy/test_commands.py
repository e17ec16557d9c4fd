"""`make` and `.ci/venv`: what they do without touching the network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with the few tools that the script needs, and no package manager."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "id", "cat", "cksum"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


def venv(tools: Path, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(tools / "sh"), str(ROOT / ".ci/venv"), str(folder), "."],
        cwd=ROOT,
        env={"PATH": str(tools), "HOME": os.environ.get("HOME", "/")} | more,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_any_python_the_script_says_what_is_needed(tools: Path, tmp_path: Path) -> None:
    done = venv(tools, tmp_path / "v")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr


def test_a_python_that_is_too_old_is_named(tools: Path, tmp_path: Path) -> None:
    old = tools / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    assert "is not Python 3.11 or newer" in venv(tools, tmp_path / "v", PYTHON="python3").stderr
    assert not (tmp_path / "v").exists()


def test_a_python_without_ensurepip_and_without_apt_leaves_nothing_behind(
    tools: Path, tmp_path: Path
) -> None:
    (tools / "python3").symlink_to(sys.executable)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "ensurepip.py").write_text("raise ImportError('split off')\n")
    done = venv(tools, tmp_path / "v", PYTHONPATH=str(hidden))
    assert done.returncode == 1
    assert "ensurepip is missing" in done.stderr
    assert not (tmp_path / "v").exists()


def test_an_installed_environment_is_not_installed_again(tools: Path, tmp_path: Path) -> None:
    """The stamp names folder, project file and interpreter; a second run finds them unchanged."""
    folder = tmp_path / "v"
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin/python"
    python.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    pip = tmp_path / "fake" / "pip"
    pip.mkdir(parents=True)
    (pip / "__init__.py").write_text("")
    (pip / "__main__.py").write_text("")
    for _ in range(2):
        done = venv(tools, folder, PYTHONPATH=str(pip.parent))
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "calls").read_text().count("-m pip install") == 1


def test_every_target_of_the_makefile_can_be_planned() -> None:
    for target in ("help", "demo", "test", "test-slow", "lint", "bench", "clean"):
        done = subprocess.run(
            ["make", "-C", str(ROOT), "-n", target], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout

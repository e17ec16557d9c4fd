"""The project's files alone, as somebody has them who unpacks an archive of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def copied(target: Path) -> Path:
    """Copy what git knows, in the state that it has here; an unpacked archive is copied whole."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False
    ).stdout.split("\0")
    names = [name for name in listed if name and (ROOT / name).is_file()]
    if not names:
        shutil.copytree(
            ROOT, target, ignore=shutil.ignore_patterns(".venv", "dist", "__pycache__", ".*_cache")
        )
        return target
    for name in names:
        to = target / name
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, to)
        to.chmod((ROOT / name).stat().st_mode & 0o777)
    return target


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("tree") / "queqiao")

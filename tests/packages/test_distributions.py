"""Wheel and sdist: the same bytes from the same files, nothing missing, and a bridge that serves from the wheel alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from processes import WAIT_S, fetch

import bridge

pytestmark = pytest.mark.timeout(900)  # the longest takes a quarter of a minute on an idle machine

ROOT = Path(__file__).parents[2]
EPOCH = "1767225600"
INSTALL_S = 600


def built(tree: Path, out: Path, **more: str) -> tuple[Path, Path]:
    """Build both from a tree; return the wheel and the sdist."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(tree)]
    done = subprocess.run(
        command,
        env=os.environ | {"SOURCE_DATE_EPOCH": EPOCH} | more,
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def made(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return built(tree, tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def inside(made: tuple[Path, Path]) -> set[str]:
    with zipfile.ZipFile(made[0]) as wheel:
        return set(wheel.namelist())


def test_another_day_folder_zone_and_hash_seed_give_the_same_bytes(
    tree: Path, made: tuple[Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere"
    for path in sorted(tree.rglob("*"), reverse=True):
        if path.is_file():
            to = other / path.relative_to(tree)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(path.read_bytes())
            to.chmod(0o700 if path.stat().st_mode & 0o100 else 0o600)
            os.utime(to, (86_400, 86_400))
    again = built(other, tmp_path / "second", TZ="Asia/Kathmandu", LC_ALL="C", PYTHONHASHSEED="7")
    for first, second in zip(made, again, strict=True):
        assert first.name == second.name
        assert first.read_bytes() == second.read_bytes(), first.name


def test_the_wheel_holds_every_file_of_both_packages_and_nothing_else(tree: Path, inside: set[str]) -> None:
    packages = {
        str(path.relative_to(tree))
        for package in ("bridge", "radicale_plugin")
        for path in (tree / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    version = bridge.__version__
    assert {name for name in inside if not name.startswith((f"queqiao-{version}.d", "queqiao/"))} == packages
    for name in (
        "bridge/py.typed",
        "bridge/ical/china.toml",
        "bridge/web/templates/layout.html",
        "bridge/web/templates/device/apple.html",
        "bridge/web/static/queqiao.css",
        "bridge/store/migrations/env.py",
        "radicale_plugin/storage.py",
    ):
        assert name in inside, name
    assert any(name.startswith("bridge/store/migrations/versions/0") for name in inside)
    assert f"queqiao-{version}.dist-info/licenses/LICENSE" in inside
    shared = f"queqiao-{version}.data/data/share/queqiao"
    for name in ("config.example.toml", "systemd/queqiao.service", "systemd/queqiao-backup.timer"):
        assert f"{shared}/{name}" in inside, name


def test_the_sdist_is_the_tree(tree: Path, made: tuple[Path, Path]) -> None:
    with tarfile.open(made[1]) as archive:
        members = archive.getmembers()
    names = {member.name.split("/", 1)[1] for member in members if member.isfile()}
    files = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}
    assert names == files | {"PKG-INFO"}
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, int(EPOCH))}


def test_the_wheel_says_what_the_project_says(made: tuple[Path, Path]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    with zipfile.ZipFile(made[0]) as wheel:
        info = f"queqiao-{bridge.__version__}.dist-info"
        metadata = HeaderParser().parsestr(wheel.read(f"{info}/METADATA").decode())
        entries = wheel.read(f"{info}/entry_points.txt").decode()
    needed = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    plain = {str(one) for one in needed if one.marker is None}
    assert plain == {str(Requirement(text)) for text in project["dependencies"]}
    assert metadata["License-Expression"] == "GPL-3.0-or-later"
    assert "queqiao = bridge.cli.main:main" in entries


def test_in_a_fresh_environment_the_wheel_alone_serves_the_demo(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    """Installs with what the wheel itself asks for: a dependency that is not declared fails here."""
    folder = tmp_path / "fresh"
    venv.create(folder, with_pip=True)
    done = subprocess.run(
        [folder / "bin/python", "-m", "pip", "install", "--quiet", str(made[0])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_S,
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "share/queqiao/config.example.toml").is_file()
    hidden = {"PYTHONPATH", "QUEQIAO_CONFIG", "CREDENTIALS_DIRECTORY"}
    with subprocess.Popen(
        [folder / "bin/queqiao", "demo", "--listen", "127.0.0.1:0", "--dir", tmp_path / "demo", "--json"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name not in hidden},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert line, process.stderr.read()
            facts = json.loads(line)
            person = facts["users"][0]
            status, text = fetch(person["feeds"][0])
            assert status == 200
            assert text.count("BEGIN:VEVENT") > 10
            who = (person["user"], person["password"])
            assert fetch(person["calendars"][0], *who)[0] == 200
            home = facts["url"].removesuffix("/").removesuffix("/dav")
            with httpx.Client(timeout=WAIT_S, trust_env=False, follow_redirects=True) as browser:
                page = browser.get(home + "/ui/").text
                style = re.search(r'href="([^"]+\.css)"', page)
                assert style, page
                assert browser.get(str(httpx.URL(home).join(style[1]))).status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
        finally:
            process.kill()

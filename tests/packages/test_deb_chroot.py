"""The Debian package in a clean Debian: made by debootstrap, entered with chroot, thrown away. Needs root.

QUEQIAO_CHROOT may name a folder that debootstrap made earlier (``--variant=minbase --include=python3,adduser``); it is copied.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from processes import fetch, staying
from programs import need

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="a chroot needs root"),
]

ROOT = Path(__file__).parents[2]
EPOCH = "1767225600"
STEP_S = 900
UNIT = "usr/lib/systemd/system/queqiao.service"


def call(*words: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=STEP_S, **more)


def made(*words: str | Path, **more: Any) -> str:
    done = call(*words, **more)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


class Debian:
    """A clean system in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = ""

    def run(self, *words: str, status: int = 0, user: str | None = None) -> str:
        inside = ["runuser", "-u", user, "--", *words] if user else list(words)
        done = call(
            *("chroot", self.folder, *inside),
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "DEBIAN_FRONTEND": "noninteractive",
                "LC_ALL": "C.UTF-8",
            },
            stdin=subprocess.DEVNULL,
        )
        self.said = done.stdout + done.stderr
        assert done.returncode == status, (words, self.said)
        return done.stdout

    def install(self, package: Path) -> str:
        """Install, keeping changed configuration; return what was said."""
        shutil.copyfile(package, self.folder / "queqiao.deb")
        self.run("dpkg", "--install", "--force-confdef", "--force-confold", "/queqiao.deb")
        said = self.said
        assert self.run("dpkg-query", "-W", "-f", "${Status}", "queqiao") == "install ok installed"
        return said

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    @contextlib.contextmanager
    def serving(self, port: int) -> Iterator[str]:
        """Run what the unit runs, as its user; yield the address."""
        unit = (self / UNIT).read_text(encoding="utf-8")
        lines = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line)
        self.run(*lines["ExecStartPre"].split(), user=lines["User"])
        command = [
            "chroot",
            str(self.folder),
            "setpriv",
            f"--reuid={lines['User']}",
            f"--regid={lines['Group']}",
            "--clear-groups",
        ]
        with (
            (self.folder.parent / "log").open("ab") as log,
            subprocess.Popen([*command, *lines["ExecStart"].split()], stdout=log, stderr=log) as process,
        ):
            try:
                url = f"http://127.0.0.1:{port}"
                for _ in range(240):
                    assert process.poll() is None, (self.folder.parent / "log").read_text()
                    with contextlib.suppress(OSError):
                        if call("curl", "-sf", f"http://127.0.0.1:{port + 1}/readyz").returncode == 0:
                            break
                    time.sleep(0.5)
                yield url
                process.send_signal(signal.SIGTERM)
                assert process.wait(60) == 0
            finally:
                process.kill()


@pytest.fixture(scope="module")
def packages(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The package, and the next version of it: another file inside and another configuration shipped."""
    folder = tmp_path_factory.mktemp("packages")
    times = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH}
    made(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, tree, env=times)
    wheel = next(folder.glob("*.whl"))
    results = []
    for name in ("one", "two"):
        path = made(
            sys.executable, ROOT / "release/deb/build.py", wheel, "--out", folder / name, env=times
        ).split()[-1]
        results.append(Path(path))
    first, again = results
    assert first.read_bytes() == again.read_bytes(), "two builds differ"
    stage = folder / "next"
    made("dpkg-deb", "--raw-extract", first, stage)
    control = stage / "DEBIAN/control"
    version = made("dpkg-deb", "-f", first, "Version").strip()
    control.write_text(control.read_text().replace(f"Version: {version}\n", "Version: 99.0-1\n"))
    (stage / "usr/share/doc/queqiao/NEW").write_text("new\n")
    config = stage / "etc/queqiao/config.toml"
    config.write_text("# A newer one.\n" + config.read_text())
    newer = folder / "newer.deb"
    made("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", stage, newer)
    return first, newer


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Debian:
    folder = tmp_path_factory.mktemp("debian") / "root"
    ready = os.environ.get("QUEQIAO_CHROOT")
    if ready:
        made("cp", "-a", ready, folder)
    else:
        suite = made("sh", "-c", ". /etc/os-release; echo $VERSION_CODENAME").strip()
        made(need("debootstrap"), "--variant=minbase", "--include=python3,adduser", suite, folder)
    return Debian(folder)


def test_nothing_of_the_machine_that_built_it_is_inside(packages: tuple[Path, Path], tmp_path: Path) -> None:
    made("dpkg-deb", "--extract", packages[0], tmp_path)
    home = tmp_path / "usr/lib/queqiao"
    assert sorted(path.name for path in (home / "bin").iterdir()) == ["python", "queqiao"]
    assert not list(home.glob("lib/python*/site-packages/pip"))
    here = [str(ROOT), str(packages[0].parent), "/pytest-of-", "/stage/usr"]
    for path in tmp_path.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            assert not any(word.encode() in data for word in here), path
    sources = set(home.rglob("*.py"))
    compiled = {path.parent.parent / f"{path.name.split('.')[0]}.py" for path in home.rglob("*.pyc")}
    assert (
        len(sources - compiled) <= len(sources) // 100
    )  # what is not meant for this Python does not compile


def test_install_serve_upgrade_remove_purge(packages: tuple[Path, Path], debian: Debian) -> None:
    first, newer = packages
    assert "fill in /etc/queqiao/config.toml" in debian.install(first)
    assert debian.run("stat", "-c", "%U:%G %a", "/var/lib/queqiao").strip() == "queqiao:queqiao 700"
    assert debian.run("stat", "-c", "%U:%G %a", "/etc/queqiao/config.toml").strip() == "root:queqiao 640"
    assert "/nologin" in debian.run("getent", "passwd", "queqiao")
    assert "add a [[source]]" in debian.run("queqiao", "check-config", user="queqiao")
    assert ".TH QUEQIAO 1" in debian.run("zcat", "/usr/share/man/man1/queqiao.1.gz")
    debian.run("bash", "-n", "/usr/share/bash-completion/completions/queqiao")
    libraries = debian.run("find", "/usr/lib/queqiao", "-name", "*.so*", "-type", "f").split()
    assert "not found" not in debian.run("ldd", *libraries)
    with staying("simulate", "wecom") as box:
        app = box["agents"][0]
        port = 15_232
        config = f"""
[server]
listen = "127.0.0.1:{port}"
admin_listen = "127.0.0.1:{port + 1}"
[[source]]
id = "wecom"
kind = "wecom"
base_url = "{box["url"]}"
corp_id = "{box["corp_id"]}"
agent_id = {app["agent_id"]}
secret_file = "wecom-secret"
"""
        (debian / "etc/queqiao/config.toml").write_text(config)
        (debian / "etc/queqiao/wecom-secret").write_text(app["secret"] + "\n")
        debian.run("chgrp", "queqiao", "/etc/queqiao/wecom-secret")
        debian.run("chmod", "640", "/etc/queqiao/wecom-secret")
        debian.run("queqiao", "check-config", "--online", user="queqiao")
        member = box["people"][0]["userid"]
        added = debian.run(
            "queqiao", "user", "add", "alice", "--link", f"wecom={member}", "--json", user="queqiao"
        )
        password = added.split('"password": "')[1].split('"')[0]
        before = (debian / "usr/lib/queqiao").stat().st_mtime
        with debian.serving(port) as url:
            assert fetch(url + "/dav/alice/", "alice", password, "PROPFIND")[0] == 207
        assert "queqiao.db" in {path.name for path in (debian / "var/lib/queqiao").iterdir()}
        assert debian.run("dpkg", "--verify", "queqiao", status=0).split()[-1] == "/etc/queqiao/config.toml"
        assert (debian / "usr/lib/queqiao").stat().st_mtime == before

        debian.install(newer)
        assert debian.run("dpkg-query", "-W", "-f", "${Version}", "queqiao") == "99.0-1"
        assert (debian / "usr/share/doc/queqiao/NEW").exists()
        assert (debian / "etc/queqiao/config.toml").read_text() == config
        assert debian.run("stat", "-c", "%U:%G %a", "/etc/queqiao/config.toml").strip() == "root:queqiao 640"
        with debian.serving(port) as url:
            assert fetch(url + "/dav/alice/", "alice", password, "PROPFIND")[0] == 207

        debian.run("dpkg", "--remove", "queqiao")
        for gone in ("usr/bin/queqiao", "usr/lib/queqiao", UNIT, "usr/share/doc/queqiao"):
            assert not os.path.lexists(debian / gone), gone
        assert (debian / "etc/queqiao/config.toml").read_text() == config
        assert (debian / "var/lib/queqiao/queqiao.db").exists()

        debian.install(newer)
        with debian.serving(port) as url:
            assert fetch(url + "/dav/alice/", "alice", password, "PROPFIND")[0] == 207

    debian.run("dpkg", "--purge", "queqiao")
    assert "they stay" in debian.said
    assert [path.name for path in (debian / "etc/queqiao").iterdir()] == ["wecom-secret"]
    assert not (debian / "var/lib/queqiao").exists()
    debian.run("getent", "passwd", "queqiao", status=2)
    debian.run("dpkg-query", "-W", "queqiao", status=1)

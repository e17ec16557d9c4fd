"""Two daemons on one SQLite file: the second is refused, everything else goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from bridge.config import Config, Database, Server
from bridge.config_load import load
from bridge.daemon.compose import compose
from bridge.daemon.lock import DaemonLock, InUse
from bridge.daemon.run import Daemon
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "bridge.cli.main"]
WAIT_S = 60
CONFIG = """
[server]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
[database]
url = "sqlite:///{database}"
"""


def environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in ("QUEQIAO_CONFIG", "CREDENTIALS_DIRECTORY")}


def written(folder: Path, name: str, database: str = "queqiao.db") -> Path:
    path = folder / name
    path.write_text(CONFIG.format(database=database))
    path.chmod(0o600)
    return path


def start(config: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [*COMMAND, "--config", str(config), "serve", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line
    return process, json.loads(line)["url"]


def run(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--config", str(config), *words],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process, url = start(written(tmp_path, "config.toml"))
    try:
        yield process, url
    finally:
        process.kill()
        process.wait(WAIT_S)
        assert process.stdout is not None
        process.stdout.close()


def test_a_second_daemon_is_refused_in_a_sentence(daemon, tmp_path: Path) -> None:
    process, url = daemon
    (tmp_path / "link.db").symlink_to(tmp_path / "queqiao.db")
    for database in ("queqiao.db", "link.db"):
        second = run(written(tmp_path, "second.toml", database), "serve")
        assert second.returncode == 1
        assert "another daemon" in second.stderr
        assert f"process {process.pid}" in second.stderr
        assert len(second.stderr.strip().splitlines()) == 1, second.stderr
    assert httpx.get(f"{url}/", timeout=WAIT_S).status_code == 200


def test_verbs_and_a_stock_radicale_work_beside_the_daemon(daemon, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    done = run(config, "user", "add", "alice", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout.splitlines()[-1])
    parts = compose(load(config, credentials_dir=None))  # what a stock Radicale with our plugin opens
    try:
        assert parts.service.login("alice", made["password"]) is not None
    finally:
        parts.close()


def test_the_lock_of_a_process_that_was_killed_does_not_block(daemon, tmp_path: Path) -> None:
    process, _url = daemon
    process.send_signal(signal.SIGKILL)
    process.wait(WAIT_S)
    assert (tmp_path / "queqiao.db.lock").exists()
    again, _url = start(tmp_path / "config.toml")
    again.send_signal(signal.SIGTERM)
    assert again.wait(WAIT_S) == 0
    assert again.stdout is not None
    again.stdout.close()


def test_a_lock_is_let_go_when_its_daemon_ends(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/folder/q.db"
    first = DaemonLock(url)
    with pytest.raises(InUse, match=str(os.getpid())):
        DaemonLock(url)
    other = DaemonLock(f"sqlite:///{tmp_path}/other.db")
    other.close()
    first.close()
    first.close()
    DaemonLock(url).close()


def test_a_daemon_that_cannot_listen_lets_go_of_its_lock(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/q.db"
    nowhere = Config(
        server=Server(listen="192.0.2.1:9", admin_listen="127.0.0.1:0"), database=Database(url=url)
    )
    with pytest.raises(OSError, match=r"."):
        Daemon(nowhere)
    DaemonLock(url).close()


def test_a_database_on_a_server_needs_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    url = "postgresql+psycopg://u:p@127.0.0.1/q"
    first, second = DaemonLock(url), DaemonLock(url)
    first.close()
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BridgeError, match="must be able to write"):
        DaemonLock(f"sqlite:///{tmp_path}/file/q.db")

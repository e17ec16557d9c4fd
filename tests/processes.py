"""The command as people start it, for tests: processes that end or stay, an installation with WeCom simulated."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from click.testing import CliRunner

from bridge.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

COMMAND = [sys.executable, "-m", "bridge.cli.main"]
WAIT_S = 60


def environment() -> dict[str, str]:
    hidden = {"QUEQIAO_CONFIG", "CREDENTIALS_DIRECTORY"}
    return {name: value for name, value in os.environ.items() if name not in hidden}


def run(*words: str, folder: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        env=environment() | more,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )


@contextlib.contextmanager
def staying(*words: str, ends_with: int = 0) -> Iterator[dict[str, Any]]:
    """Start a verb that stays; yields its line of JSON, ends it as a service manager would."""
    with subprocess.Popen(
        [*COMMAND, *words], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            yield json.loads(line)
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == ends_with, process.stderr.read()
        finally:
            process.kill()


def fetch(url: str, user: str = "", password: str = "", method: str = "GET") -> tuple[int, str]:
    with httpx.Client(timeout=WAIT_S, trust_env=False) as client:
        answer = client.request(method, url, auth=(user, password) if user else None)
    return answer.status_code, answer.text


class Installation:
    """A configuration in a folder, with WeCom simulated."""

    def __init__(self, folder: Path, wecom: dict[str, Any]) -> None:
        self.config = folder / "config.toml"
        self.wecom = wecom
        app = wecom["agents"][0]
        self.config.write_text(
            f"""
[server]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
[database]
url = "sqlite:///queqiao.db"
[[source]]
id = "wecom"
kind = "wecom"
base_url = "{wecom["url"]}"
corp_id = "{wecom["corp_id"]}"
agent_id = {app["agent_id"]}
secret = "{app["secret"]}"
"""
        )
        self.config.chmod(0o600)

    def __call__(self, *words: str) -> Result:
        """Run a verb against the real database and vendor, in this process: a hundred starts would take minutes."""
        return CliRunner().invoke(cli, ["--config", str(self.config), *words])

    def json(self, *words: str) -> Any:
        done = self(*words, "--json")
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

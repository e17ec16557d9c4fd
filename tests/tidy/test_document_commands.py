"""Every command in a fenced ``sh`` block of the documents, in the order in which they stand there, one installation per document.

``queqiao …`` is run: against a configuration with both vendors simulated, in a folder of its own. What changes a machine (`ONLY_READ`) is
read by the shell, and what it names has to exist; installing is run for real by tests/packages.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
from click.testing import CliRunner
from processes import COMMAND, WAIT_S, environment, fetch, staying

from bridge.cli.main import cli
from bridge.config import DingTalkSource, Options, Server, Sync, WeComSource

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)

ONLY_READ = {"apt", "cp", "install", "pip", "podman", "python3", "sed", "sudoedit", "systemctl", "useradd"}
STAYS = {"serve", "demo", "simulate"}
PEOPLE = {"ZhangSan": "zhangsan", "manager4220": "alice01"}
"""People of the documents, and who plays them in the simulators."""


def blocks(path: Path) -> list[tuple[str, str]]:
    return FENCE.findall(path.read_text(encoding="utf-8"))


def commands(path: Path) -> list[list[str]]:
    """Return the words of each command, without ``sudo -u queqiao`` and the folder of our own command."""
    found = []
    for language, text in blocks(path):
        for line in text.splitlines() if language == "sh" else []:
            words = shlex.split(line, comments=True)
            if words[:1] == ["sudo"]:
                words = words[3:] if words[1] == "-u" else words[1:]
            if words:
                found.append([re.sub(r"^\S+/bin/(?=queqiao$|pip$)", "", words[0]), *words[1:]])
    return found


WITH_COMMANDS = [path for path in DOCUMENTS if commands(path)]
IDS = [str(path.relative_to(ROOT)) for path in WITH_COMMANDS]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_block_with_commands_says_that_it_is_one(path: Path) -> None:
    """So that none escapes the tests below."""
    for language, text in blocks(path):
        if language != "sh":
            assert not re.search(
                r"^(\S*/)?(sudo|queqiao|make|pip|systemctl|curl|podman) ", text, re.MULTILINE
            ), text


@pytest.fixture(scope="module")
def vendors() -> Iterator[dict[str, Any]]:
    with staying("simulate", "wecom") as wecom, staying("simulate", "dingtalk") as dingtalk:
        yield {"wecom": wecom, "dingtalk": dingtalk}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.fixture
def config(vendors: dict[str, Any], tmp_path: Path) -> Path:
    wecom, dingtalk = vendors["wecom"], vendors["dingtalk"]
    path = tmp_path / "config.toml"
    path.write_text(
        f"""
[server]
listen = "127.0.0.1:{free_port()}"
admin_listen = "127.0.0.1:{free_port()}"
[database]
url = "sqlite:///queqiao.db"
[[source]]
id = "wecom"
kind = "wecom"
base_url = "{wecom["url"]}"
corp_id = "{wecom["corp_id"]}"
agent_id = {wecom["agents"][0]["agent_id"]}
secret = "{wecom["agents"][0]["secret"]}"
[[source]]
id = "dingtalk"
kind = "dingtalk"
base_url = "{dingtalk["url"]}"
oapi_base_url = "{dingtalk["url"]}"
corp_id = "{dingtalk["corp_id"]}"
client_id = "{dingtalk["client_id"]}"
client_secret = "{dingtalk["client_secret"]}"
monthly_calls = 5000
"""
    )
    path.chmod(0o600)
    return path


def serve(config: Path) -> None:
    """Run the daemon until it is ready, and end it."""
    ready = re.sub(r"[\s\S]*admin_listen = \"(.*)\"[\s\S]*", r"http://\1/readyz", config.read_text())
    log = config.with_name("log")
    with (
        log.open("wb") as told,
        subprocess.Popen(
            [*COMMAND, "--config", str(config), "serve"], env=environment(), stderr=told
        ) as process,
    ):
        try:
            status = 0
            while status != 200:
                assert process.poll() is None, log.read_text()
                time.sleep(0.2)
                with contextlib.suppress(httpx.TransportError):
                    status, _ = fetch(ready)
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0, log.read_text()
        finally:
            process.kill()


def ours(words: list[str], config: Path) -> None:
    """Run one command of ours; it has to end with 0."""
    folder = config.parent
    words = [re.sub(r"(?<==)(\w+)$", lambda found: PEOPLE.get(found[1], found[1]), word) for word in words]
    words = [word.replace("/var/lib/queqiao", str(folder)).replace(":7001", ":0") for word in words]
    if words[0] in STAYS:
        more = (
            ["--listen", "127.0.0.1:0", "--dir", str(folder / "demo"), "--json"] if words == ["demo"] else []
        )
        if words == ["serve"]:
            serve(config)
        else:
            with staying(*words, *more) as facts:
                assert facts["url"]
        return
    done = CliRunner().invoke(cli, ["--config", str(config), *words], catch_exceptions=False)
    assert done.exit_code == 0, (words, done.output)


@pytest.mark.parametrize("path", WITH_COMMANDS, ids=IDS)
def test_every_command_of_a_document_works(path: Path, config: Path) -> None:
    told = commands(path)
    if not any(words[:4] == ["queqiao", "user", "add", "alice"] for words in told):
        ours(["user", "add", "alice", "--link", "dingtalk=manager4220"], config)
    for words in told:
        if words[0] == "queqiao":
            ours(words[1:], config)
        elif words[0] == "make":
            plan = subprocess.run(
                ["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert plan.returncode == 0, plan.stderr
        else:
            assert words[0] in ONLY_READ, f"{path.name}: nothing runs or reads {shlex.join(words)!r}"


@pytest.mark.parametrize("path", WITH_COMMANDS, ids=IDS)
def test_the_shell_can_read_every_block(path: Path) -> None:
    for language, text in blocks(path):
        if language == "sh":
            done = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", WITH_COMMANDS, ids=IDS)
def test_units_and_files_that_commands_name_exist(path: Path) -> None:
    units = {unit.name.split(".")[0] for unit in (ROOT / "systemd").iterdir()}
    for words in commands(path):
        if words[0] == "systemctl" and words[1] != "daemon-reload":
            named = {
                word.removesuffix(".timer").removesuffix(".service")
                for word in words[2:]
                if not word.startswith("-")
            }
            assert named <= units, words
        for word in words:
            if word.startswith("/etc/systemd/system/queqiao") and "*" not in word:
                assert (ROOT / "systemd" / Path(word).name).is_file(), word
            if word.startswith("release/"):
                assert (ROOT / word).is_file(), word


def test_the_command_that_makes_the_user_of_units_by_hand_does_what_it_should(tmp_path: Path) -> None:
    """The sed line of docs/install.md, on copies of the units."""
    words = next(one for one in commands(ROOT / "docs/install.md") if one[0] == "sed")
    for name in (ROOT / "systemd").iterdir():
        shutil.copyfile(name, tmp_path / name.name)
    changed = [tmp_path / Path(word).name for word in words[3:]]
    subprocess.run([*words[:3], *map(str, changed)], check=True)
    for unit in tmp_path.glob("*.service"):
        assert "\nDynamicUser" not in unit.read_text()
        assert "\nUser=queqiao\n" in unit.read_text()


TABLES: dict[str, type[Options]] = {
    "server": Server,
    "sync": Sync,
    "wecom": WeComSource,
    "dingtalk": DingTalkSource,
}


def test_the_limits_are_the_true_defaults() -> None:
    text = (ROOT / "docs/limits.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)\.(\w+)` \| ([\d.]+) \|", text, re.MULTILINE)
    assert len(rows) >= 10
    for table, option, value in rows:
        defaults = {field.name: field.default for field in msgspec.structs.fields(TABLES[table])}
        assert defaults[option] == float(value), option

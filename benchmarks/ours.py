"""The bridge: the real daemon as a process of its own, WeCom simulated, the calendars seeded through the store.

Writing ten thousand events through CalDAV would measure the vendor's limits; the store's own functions write the same
rows that a first load leaves behind.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.clock import SystemClock
from bridge.config_load import load
from bridge.engine import texts
from bridge.store import calendars, objects
from bridge.store.engine import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.events import Sample

ZONE = "Asia/Shanghai"
PEOPLE = ("zhangsan", "lisi", "wangwu", "zhaoliu")
"""Who works at the simulated company: one calendar of each size belongs to each of them."""
WAIT_S = 30


@dataclass(frozen=True, slots=True)
class Account:
    """How to reach one calendar."""

    url: str
    user: str
    password: str


class Accounts(dict[str, Account]):
    """An account for each named set of samples."""

    pid: int = 0
    """The daemon's."""


@contextlib.contextmanager
def serving(
    folder: Path, samples: Mapping[str, Sequence[Sample]], *, connections: int = 1000
) -> Iterator[Accounts]:
    """Run simulator and daemon; yields an account for each named set of samples."""
    with contextlib.ExitStack() as stack:
        vendor = stack.enter_context(_process("simulate", "wecom", "--listen", "127.0.0.1:0"))
        config = _config(folder, vendor, connections)
        accounts: dict[str, tuple[str, str, str]] = {}
        for (name, chosen), userid in zip(samples.items(), PEOPLE, strict=False):
            made = _verb(config, "user", "add", name, "--link", f"wecom={userid}", "--json")
            (row,) = _verb(config, "calendar", "list", "--user", name, "--json")
            _seed(config, name, row["calendar"], chosen)
            accounts[name] = (name, made["password"], row["calendar"])
        daemon = stack.enter_context(_process("--config", str(config), "serve", "--json"))
        found = Accounts(
            {
                name: Account(f"{daemon['url']}/dav/{user}/{slug}/", user, password)
                for name, (user, password, slug) in accounts.items()
            }
        )
        found.pid = daemon["pid"]
        yield found


def _config(folder: Path, vendor: Mapping[str, Any], connections: int) -> Path:
    """Write the configuration: no polling, no limits in the way."""
    app = vendor["agents"][0]
    path = folder / "config.toml"
    path.write_text(
        f"""
[server]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
threads = 8
connections_max = {connections}
[log]
level = "warning"
[sync]
poll_s = 86400
[[source]]
id = "wecom"
kind = "wecom"
base_url = "{vendor["url"]}"
corp_id = "{vendor["corp_id"]}"
agent_id = {app["agent_id"]}
secret = "{app["secret"]}"
calls_per_minute = 100000
[database]
url = "sqlite:///queqiao.db"
"""
    )
    return path


def _seed(config: Path, user: str, slug: str, samples: Sequence[Sample]) -> None:
    """Write the rows that a first load would have left."""
    now_ms = SystemClock().now_ms()
    store = Store(load(config).database.url)
    try:
        with store.write() as c:
            collection = calendars.collection_by_slug(c, user, slug)
            if collection is None:
                raise RuntimeError(f"{user} has no calendar {slug}")
            for sample in samples:
                values = texts.object_values(
                    texts.read(sample.text, ZONE),
                    sample.text,
                    now_ms=now_ms,
                    change_seq=calendars.take_seq(c, collection.id, now_ms),
                )
                row = {"collection_id": collection.id, "href": sample.href, "exact_until_ms": None}
                objects.add(c, row | values)
    finally:
        store.close()


def _verb(config: Path, *words: str) -> Any:
    """Run a verb; returns its line of JSON."""
    command = [sys.executable, "-m", "bridge.cli.main", "--config", str(config), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def _process(*words: str) -> Iterator[dict[str, Any]]:
    """Run a verb that stays; yields the line of JSON with which it says that it serves."""
    command = [sys.executable, "-m", "bridge.cli.main", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"queqiao {words[0]} ended without serving")
            yield {**json.loads(line), "pid": process.pid}
        finally:
            process.terminate()
            process.wait(WAIT_S)

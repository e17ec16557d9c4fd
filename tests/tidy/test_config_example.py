"""config.example.toml: it loads, and every option of every table stands in it with its true default."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.config import Database, DingTalkSource, Log, Options, Server, Sync, Ui, WeComSource, secret_names
from bridge.config_load import inspect

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
TABLES: dict[str, type[Options]] = {
    "server": Server,
    "database": Database,
    "log": Log,
    "sync": Sync,
    "ui": Ui,
    "wecom": WeComSource,
    "dingtalk": DingTalkSource,
}


def sections() -> dict[str, list[str]]:
    """Return the lines of each table; a source is called by its kind."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        header = re.fullmatch(r"\[\[?(\w+)\]?\]", line)
        if header:
            lines = []
            found[header[1] if header[1] != "source" else f"source{len(found)}"] = lines
        lines.append(line)
    for name in [name for name in found if name.startswith("source")]:
        kind = next(line for line in found[name] if line.startswith("kind = "))
        found[tomllib.loads(kind)["kind"]] = found.pop(name)
    return found


def options(lines: list[str]) -> dict[str, tuple[Any, bool]]:
    """Return option -> (value, whether it is only shown as a default)."""
    found: dict[str, tuple[Any, bool]] = {}
    for line in lines:
        written = re.fullmatch(r"(# )?([a-z_]+ = .*)", line)
        if written:
            ((name, value),) = tomllib.loads(written[2]).items()
            found[name] = (value, bool(written[1]))
    return found


def test_the_example_loads_without_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    path.chmod(0o600)
    for name in ("wecom-secret", "wecom-token", "dingtalk-secret"):
        (tmp_path / name).write_text("secret\n")
    (tmp_path / "wecom-aes-key").write_text("0123456789abcdefghijklmnopqrstuvwxyzABCDEFG\n")
    for secret in tmp_path.glob("*-*"):
        secret.chmod(0o600)
    inspection = inspect(path)
    assert inspection.problems == []
    assert inspection.config is not None
    assert [source.id for source in inspection.config.source] == ["wecom", "dingtalk"]


@pytest.mark.parametrize("table", TABLES)
def test_every_option_is_documented_and_nothing_else_is(table: str) -> None:
    shown = {name.removesuffix("_file") for name in options(sections()[table])} - {"kind"}
    assert shown == set(TABLES[table].__struct_fields__)


@pytest.mark.parametrize("table", TABLES)
def test_every_default_that_is_shown_is_the_true_one(table: str) -> None:
    defaults = {field.name: field.default for field in msgspec.structs.fields(TABLES[table])}
    for name, (value, is_default) in options(sections()[table]).items():
        if is_default:
            expected = defaults[name]
            assert value == (list(expected) if isinstance(expected, tuple) else expected), name


@pytest.mark.parametrize("table", TABLES)
def test_every_secret_is_marked(table: str) -> None:
    text = "\n".join(sections()[table])
    assert text.count("(secret") >= bool(secret_names(TABLES[table]))

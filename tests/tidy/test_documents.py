"""What the documents promise exists: make targets, verbs, options, links, one version."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

import bridge
from bridge.cli.main import cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
IDS = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


def code(path: Path) -> list[str]:
    """Return the lines of code blocks and the code spans of a document."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return [line for block in blocks for line in block.splitlines()] + spans


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_every_make_target_that_is_named_exists(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {found for line in code(path) for found in re.findall(r"\bmake ([a-z][a-z-]*)", line)}
    assert named <= targets


def words_of(line: str) -> list[list[str]]:
    """Return the words after each ``queqiao`` that is called in a line of code."""
    line = line.split("#")[0]
    calls = re.findall(r"(?:^|bin/|&& )queqiao((?: +[^\s;|)]+)+)", line)
    return [call.split() for call in calls]


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_every_verb_and_option_that_is_named_exists(path: Path) -> None:
    checked = 0
    for line in code(path):
        for words in words_of(line):
            command: click.Command = cli
            rest = list(words)
            while rest:
                word = rest.pop(0)
                if word.startswith("--"):
                    known = {name for parameter in command.params for name in parameter.opts}
                    assert word.split("=")[0] in known, f"{line!r}: {word}"
                elif isinstance(command, click.Group) and re.fullmatch(r"[a-z-]+", word):
                    found = command.commands.get(word)
                    assert found is not None, f"{line!r}: there is no verb {word}"
                    command = found
                    checked += 1
    if path.name in {"README.md", "operate.md"}:
        assert checked


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (path.parent / target).exists(), target


def test_every_verb_of_the_command_line_is_told_in_the_documents() -> None:
    told = "\n".join(line for path in DOCUMENTS for line in code(path))
    for name in cli.commands:
        assert re.search(rf"\b{re.escape(name)}\b", told), name


def test_there_is_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert project["version"] == bridge.__version__ == newest[1]


def test_large_files_and_functions_are_printed_and_never_fail(tmp_path: Path) -> None:
    large = tmp_path / "large.py"
    large.write_text("def f():\n" + "    x = 1\n" * 70 + "y = 2\n" * 400)
    command = [sys.executable, str(ROOT / ".ci/size"), str(large)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "471 lines" in done.stdout
    assert "f has 71 lines" in done.stdout

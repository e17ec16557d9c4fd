"""The repository itself: nothing of one machine, nothing left over, nothing that only its author understands."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BINARY = {".png", ".ico", ".gz", ".db"}
# Written in pieces, so that this file does not contain what it looks for.
MACHINE = re.compile(
    "|".join(["/ro" + "ot/", "/ho" + r"me/\w+/", "/wo" + r"rk/(?:main|shared)", "C:" + r"\\Users"])
)
HOSTS = re.compile(
    "|".join(["pypi" + r"\.org", "python" + r"hosted\.org", "mir" + r"rors\.\w+\.", "registry" + r"\.npm"])
)
LEFT_OVER = re.compile(
    "|".join(
        [
            "FIX" + "ME",
            r"\bX" + r"XX\b",
            r"^<" + "{7} ",
            r"^>" + "{7} ",
            "#" + r" type: ignore(?!\[)",
        ]
    ),
    re.MULTILINE,
)


UNFINISHED = re.compile("Not" + "ImplementedError")


def tracked() -> list[Path]:
    """Return the text files that belong to the project: what git knows, or what is there."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False
    ).stdout.split("\0")
    names = [name for name in listed if name]
    if not names:  # an unpacked archive
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if ".venv" not in path.parts]
    paths = [ROOT / name for name in names]
    return [path for path in paths if path.is_file() and path.suffix not in BINARY]


def texts() -> dict[str, str]:
    """Return name -> content; a file that is not UTF-8 fails here."""
    return {str(path.relative_to(ROOT)): path.read_bytes().decode("utf-8") for path in tracked()}


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return texts()


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a path of one machine", MACHINE),
        ("a package host", HOSTS),
        ("a left-over", LEFT_OVER),
        ("a stub", UNFINISHED),
    ],
)
def test_no_file_contains(files: dict[str, str], what: str, pattern: re.Pattern[str]) -> None:
    found = {
        name: match.group()
        for name, text in files.items()
        if name not in {"LICENSE", ".gitignore"}
        if not (pattern is UNFINISHED and name.startswith("tests/"))
        if (match := pattern.search(text))
    }
    assert found == {}, what


def test_text_files_end_with_one_newline_and_have_no_trailing_blanks(files: dict[str, str]) -> None:
    own = {
        name: text
        for name, text in files.items()
        if name.endswith((".py", ".md", ".toml", ".service")) and text
    }
    untidy = [
        name
        for name, text in own.items()
        if not text.endswith("\n") or text.endswith("\n\n") or re.search(r"[ \t]+$", text, re.MULTILINE)
    ]
    assert untidy == []


def test_shell_scripts_are_executable_and_parse() -> None:
    for name, shell in ((".ci/run", "bash"), (".ci/venv", "sh")):
        path = ROOT / name
        assert path.stat().st_mode & 0o111, name
        assert subprocess.run([shell, "-n", str(path)], check=False).returncode == 0


def test_every_module_says_what_it_is_for(files: dict[str, str]) -> None:
    silent = [
        name
        for name, text in files.items()
        if name.endswith(".py") and name.startswith(("bridge/", "radicale_plugin/", "benchmarks/"))
        if text.strip() and ast.get_docstring(ast.parse(text)) is None
    ]
    assert silent == []


def test_the_simulators_are_kept_from_everything_of_the_bridge() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    alone = next(contract for contract in contracts if contract.get("source_modules") == ["bridge.simulator"])
    modules = {f"bridge.{path.stem}" for path in (ROOT / "bridge").iterdir() if path.suffix in {".py", ""}}
    modules -= {"bridge.__init__", "bridge.__pycache__", "bridge.simulator"}
    assert set(alone["forbidden_modules"]) >= modules | {"radicale_plugin"}

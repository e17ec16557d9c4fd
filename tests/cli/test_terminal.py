"""Completion in a real shell, and the manual page as its readers see it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from programs import need

from bridge import __version__
from bridge.cli.help import SHELLS
from bridge.cli.main import cli
from bridge.cli.manual import page


def run(*words):
    done = CliRunner().invoke(cli, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout


def commands(group=cli, path=()):
    """Yield (words, command) of every verb."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def plain(text):
    """Return a page's text without roff's marks."""
    return re.sub(r"\\f[BIR]", "", text).replace("\\-", "-").replace("\\&", "")


def test_the_manual_names_every_verb_and_every_option():
    text = plain(run("man"))
    for words, command in commands():
        heading = re.search(
            rf"^\.SS {re.escape(' '.join(words))}( [^\n]*)?\n(.*?)(?=^\.S[SH] )", text, re.M | re.S
        )
        assert heading, words
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert all(name in heading[2] for name in parameter.opts), (words, parameter.opts)
    for parameter in cli.params:
        assert all(name in text for name in parameter.opts)
    assert f"queqiao {__version__}" in text
    assert "QUEQIAO_CONFIG" in text
    assert "EXIT STATUS" in text


def test_the_manual_is_well_formed_and_readable(tmp_path):
    mandoc = need("mandoc")
    file = tmp_path / "queqiao.1"
    file.write_text(run("man"))
    done = subprocess.run(
        [mandoc, "-T", "lint", "-W", "style", str(file)], capture_output=True, text=True, check=False
    )
    # There is no date on purpose: the same commands make the same page.
    wrong = [
        line for line in done.stdout.splitlines() if "missing date" not in line and "longer than" not in line
    ]
    assert wrong == []
    shown = subprocess.run(
        [mandoc, "-T", "utf8", str(file)], capture_output=True, text=True, check=True
    ).stdout
    shown = re.sub(r".\x08", "", shown)
    assert "user add NAME" in shown
    assert "--release" in shown


def test_no_text_can_become_a_request_of_roff():
    @click.group(help=".so /etc/passwd\n\n'ds x y\n\nback\\slash 中文")
    def root():
        pass

    text = page(root, "1")
    assert "\n.so" not in text
    assert "\n'ds" not in text
    assert "back\\eslash \\[u4E2D]\\[u6587]" in text


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_gets_a_script(shell):
    text = run("completion", shell)
    assert "_QUEQIAO_COMPLETE" in text
    assert f"{shell}_complete" in text


@pytest.mark.parametrize(
    ("line", "offered", "not_offered"),
    [
        ("queqiao ", {"serve", "check-config", "doctor", "user"}, {"import"}),
        ("queqiao user im", {"import"}, {"add"}),
        ("queqiao doctor --", {"--bundle", "--json"}, {"--online"}),
        ("queqiao simulate d", {"dingtalk"}, {"wecom"}),
        ("queqiao completion ", {"bash", "zsh", "fish"}, set()),
    ],
)
def test_bash_completes_verbs_options_and_choices(tmp_path, line, offered, not_offered):
    bash = need("bash")
    (tmp_path / "queqiao").write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from bridge.cli.main import main; main()" "$@"\n'
    )
    (tmp_path / "queqiao").chmod(0o755)
    script = tmp_path / "completion"
    script.write_text(run("completion", "bash"))
    words = line.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    asked = f"""
source {script}
COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}
function_of() {{ complete -p queqiao | sed 's/.*-F \\([^ ]*\\).*/\\1/'; }}
compopt() {{ :; }}
"$(function_of)" queqiao
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(
        [bash, "-c", asked],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
    )
    found = set(done.stdout.split())
    assert offered <= found, done.stderr
    assert not found & not_offered

"""Verbs for people at a terminal: ``completion``, ``man``."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

from bridge import __version__
from bridge.cli.manual import page

SHELLS: Final = ("bash", "zsh", "fish")
VARIABLE: Final = "_QUEQIAO_COMPLETE"
"""What the shells set when they ask; click answers then, before any verb runs."""


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell complete verbs and options.

    bash: queqiao completion bash > /etc/bash_completion.d/queqiao; zsh: > a folder of $fpath as _queqiao; fish: >
    ~/.config/fish/completions/queqiao.fish
    """
    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover  - the three are click's own
        msg = f"there is no completion for {shell}"
        raise click.UsageError(msg)
    asked = kind(ctx.find_root().command, {}, "queqiao", VARIABLE)
    click.echo(asked.source_template % asked.source_vars())


@click.command()
@click.pass_context
def man(ctx: click.Context) -> None:
    """Print the manual page queqiao(1); `queqiao man | man -l -` shows it."""
    root = ctx.find_root().command
    if isinstance(root, click.Group):
        click.echo(page(root, __version__), nl=False)

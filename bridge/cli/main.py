"""The command ``queqiao``: parse arguments, call, print."""

from __future__ import annotations

import io
import sys

import click

from bridge import __version__, log
from bridge.cli import calendars, care, custody, people, run
from bridge.cli import help as terminal
from bridge.cli.shell import Shell, Verbs


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    "config_flag",
    metavar="FILE",
    default=None,
    help="Default: $QUEQIAO_CONFIG, else ./config.toml, else /etc/queqiao/config.toml.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show what happens, on standard error.")
@click.version_option(__version__, prog_name="queqiao")
@click.pass_context
def cli(ctx: click.Context, config_flag: str | None, *, verbose: bool) -> None:
    """Queqiao: CalDAV and ICS for the schedules that live in WeCom and DingTalk."""
    shell = ctx.ensure_object(Shell)
    shell.config_flag = config_flag
    log.configure("info" if verbose else "error", "console")


for verb in (
    run.demo,
    run.serve,
    care.check_config,
    care.doctor,
    people.user,
    people.password,
    people.feed,
    calendars.calendar,
    calendars.status,
    calendars.changes,
    calendars.sync,
    calendars.explain,
    custody.backup,
    custody.restore,
    custody.verify,
    custody.migrate,
    run.simulate,
    terminal.completion,
    terminal.man,
):
    cli.add_command(verb)


def main() -> None:
    """Run the command; exits with 0 (done), 1 (failed) or 2 (usage or configuration)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a narrow locale must not turn a name into a crash
    cli(prog_name="queqiao")


if __name__ == "__main__":
    main()

"""Verbs that keep the database: ``backup``, ``restore``, ``verify``, ``migrate``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from bridge.cli.paper import clean, json_line
from bridge.cli.shell import EXIT_FAILED, Shell, as_json_option, confirm, print_rows

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@as_json_option
@click.pass_obj
def backup(shell: Shell, file: Path, *, as_json: bool) -> None:
    """Write everything that is known here into FILE, while the daemon serves.

    FILE holds everybody's schedules and the keys of password hashes; only its owner can read it. It restores into SQLite
    and PostgreSQL alike. Access tokens of the vendors are left out.
    """
    config = shell.config()
    from bridge.daemon import custody

    counts = custody.backup(config, file)
    if as_json:
        click.echo(json_line({"file": str(file), "rows": counts}))
    else:
        events, people = counts["object"], counts["principal"]
        click.echo(clean(f"{file}: {people} people, {events} events, {counts['intent']} edits and receipts"))


@click.command()
@click.argument("file", type=_FILE)
@click.option("--rehearse", is_flag=True, help="Try everything on a copy and change nothing.")
@as_json_option
@click.pass_obj
def restore(shell: Shell, file: Path, *, rehearse: bool, as_json: bool) -> None:
    """Put the backup FILE in the place of the database; the daemon must not run.

    The former database is kept beside it. Passwords and feeds that were revoked since the backup work again: revoke them
    again. Clients compare their calendars once; events that were changed since come back from the vendors.
    """
    config = shell.config()
    from bridge.daemon import restore as daemon_restore

    if not rehearse:
        confirm(f"Replace the database by {clean(str(file))}?")
    now_ms = int(shell.now().timestamp() * 1000)
    done = daemon_restore.restore(config, file, now_ms=now_ms, rehearse=rehearse)
    if as_json:
        click.echo(json_line({"file": str(file), "rehearsed": rehearse, **asdict(done)}))
        return
    what = "would be restored" if rehearse else "are restored"
    click.echo(
        clean(f"{done.counts['principal']} people and {done.counts['object']} events {what} from {file}")
    )
    if done.problems:
        click.echo(f"{done.problems} faults of the backup were mended on the way")
    if done.kept_as:
        click.echo(clean(f"the former database is {done.kept_as}"))


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended without guessing.")
@as_json_option
@click.pass_context
def verify(ctx: click.Context, *, repair: bool, as_json: bool) -> None:
    """Look whether the database holds together; with 1 as exit status when something is left wrong."""
    shell: Shell = ctx.obj
    config = shell.config()
    from bridge.daemon import custody

    problems = custody.verify(config, repair=repair)
    if as_json or problems:
        print_rows(
            [asdict(problem) for problem in problems], as_json=as_json, first=("check", "where", "words")
        )
    else:
        click.echo("everything holds together")
    if any(problem.can_be_mended for problem in problems) and not (repair or as_json):
        click.echo("`queqiao verify --repair` mends what can be mended; make a backup first")
    if any(not problem.mended for problem in problems):
        ctx.exit(EXIT_FAILED)


@click.command()
@click.pass_obj
def migrate(shell: Shell) -> None:
    """Bring the database to this version's schema; `serve` does it by itself. A SQLite file is copied first."""
    config = shell.config()
    from bridge.daemon import custody

    done, copy = custody.migrate(config, now_ms=int(shell.now().timestamp() * 1000))
    click.echo(clean(done))
    if copy:
        click.echo(clean(f"the database as it was: {copy}"))

"""The verb ``user import``: many people out of a file, or out of a vendor's directory."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bridge.cli import people_csv
from bridge.cli.paper import clean, json_line
from bridge.cli.shell import EXIT_FAILED, Shell, as_json_option, aside, new_file, print_rows, source_named

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from bridge.config import Config
    from bridge.engine.admin_api import Admin, NewPassword, NewPerson

_NEW: str = "FILE"


@click.command("import")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--from", "source", default=None, metavar="SOURCE", help="Out of the directory of this source.")
@click.option("--apply", "is_applied", is_flag=True, help="Do it; without this it is only shown.")
@click.option(
    "--save",
    "save_path",
    default=None,
    type=click.Path(path_type=Path),
    metavar=_NEW,
    help="Write the list as CSV, to edit it.",
)
@click.option(
    "--passwords",
    "passwords_path",
    default=None,
    type=click.Path(path_type=Path),
    metavar=_NEW,
    help="Make a first app password for each new person, and write them there.",
)
@as_json_option
@click.pass_context
def user_import(
    ctx: click.Context,
    file: Path | None,
    source: str | None,
    save_path: Path | None,
    passwords_path: Path | None,
    *,
    is_applied: bool,
    as_json: bool,
) -> None:
    """Import many people: shows what it would do; with --apply it is done, all of it or nothing.

    FILE is CSV whose first line names the columns: name, email, and one for each source with the vendor's ids. People who
    are there already get the links that they lack.
    """
    shell: Shell = ctx.obj
    config = shell.config()
    if (file is None) == (source is None):
        msg = "name a FILE or --from SOURCE"
        raise click.UsageError(msg)
    if passwords_path is not None and not is_applied:
        msg = "--passwords goes with --apply"
        raise click.UsageError(msg)
    with new_file(save_path, "--save") as save, new_file(passwords_path, "--passwords") as secret:
        with shell.admin(config) as admin:
            people = _listed(ctx, config, admin, file, source, as_json=as_json)
            if save is not None:
                save.write(people_csv.written(people, [one.id for one in config.source]))
            rows = admin.user_import(people, apply=False, on_made=None)
            wrong = [row for row in rows if row["problem"]]
            if is_applied and not wrong:
                rows = admin.user_import(people, apply=True, on_made=_writer(secret) if secret else None)
        _tell(rows, file, is_applied=is_applied and not wrong, as_json=as_json)
        if wrong:
            ctx.exit(EXIT_FAILED)


def _listed(
    ctx: click.Context, config: Config, admin: Admin, file: Path | None, source: str | None, *, as_json: bool
) -> list[NewPerson]:
    """Return whom to import; ends the verb where the file cannot be meant."""
    if file is None:
        name = source_named(config, source or "").id
        return people_csv.of_directory(
            name, admin.directory(name), (row["user"] for row in admin.user_list())
        )
    with file.open("rb") as stream:
        raw = stream.read(people_csv.FILE_BYTES_MAX + 1)
    people, mistakes = people_csv.read(raw, [one.id for one in config.source])
    if mistakes:
        # What the lines that can be read would do is checked as well, so that everything is told at once.
        rows = admin.user_import(people, apply=False, on_made=None)
        told = [(one.line, one.says) for one in mistakes]
        told += [(row["line"], row["problem"]) for row in rows if row["problem"]]
        if as_json:
            click.echo(json_line([{"line": line, "problem": says} for line, says in sorted(told)]))
        else:
            for line, says in sorted(told):
                click.echo(clean(f"{file}:{line}: {says}"))
            aside("nothing was changed")
        ctx.exit(EXIT_FAILED)
    return people


def _writer(file: BinaryIO) -> Callable[[list[NewPassword]], None]:
    """Return what writes passwords to disk before the people are committed: none may exist that nobody knows."""

    def write(made: list[NewPassword]) -> None:
        out = io.StringIO(newline="")
        rows = csv.writer(out)
        rows.writerow(["name", "password"])
        rows.writerows([one.user, one.password] for one in made)
        file.write(out.getvalue().encode())
        file.flush()
        os.fsync(file.fileno())

    return write


def _tell(rows: list[dict[str, object]], file: Path | None, *, is_applied: bool, as_json: bool) -> None:
    """Write what was, or would be, done."""
    wrong = [row for row in rows if row["problem"]]
    if as_json:
        click.echo(json_line(rows))
    elif wrong:
        for row in wrong:
            place = f"{file}:{row['line']}" if file else str(row["user"])
            click.echo(clean(f"{place}: {row['problem']}"))
    else:
        shown = [{name: row[name] for name in ("line", "user", "does", "links")} for row in rows]
        print_rows(shown, as_json=False, first=("line", "user", "does", "links"), empty="nobody")
    if wrong:
        aside("nothing was changed")
    elif is_applied:
        new = sum(1 for row in rows if row["does"] == "new")
        aside(f"{new} people are new; a running daemon connects the links, see `queqiao status`")
    else:
        aside("nothing was changed yet; --apply does it")

"""Verbs that look after the installation: ``check-config``, ``doctor``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.paper import clean, json_line
from bridge.cli.shell import EXIT_FAILED, EXIT_USAGE, Shell, as_json_option
from bridge.config import kind_of
from bridge.log import redact
from bridge.model.cures import NOBODY, cure_of

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.config_load import Problem
    from bridge.engine.admin_api import Row


@click.command("check-config")
@click.option("--online", is_flag=True, help="Ask every vendor as well.")
@as_json_option
@click.pass_context
def check_config(ctx: click.Context, *, online: bool, as_json: bool) -> None:
    """Report every problem of the configuration at once, with file, line, reason and cure."""
    shell: Shell = ctx.obj
    path, inspection = shell.inspect()
    rows = _asked(inspection.config) if online and inspection.config else []
    failed = [row for row in rows if not row["ok"]]
    if as_json:
        click.echo(
            json_line(
                {
                    "file": str(path),
                    "ok": not inspection.problems and not failed,
                    "problems": [asdict(problem) for problem in inspection.problems],
                    "warnings": [asdict(warning) for warning in inspection.warnings],
                    "sources": rows,
                }
            )
        )
    else:
        _tell("problem", inspection.problems)
        _tell("warning", inspection.warnings)
        _tell_sources(rows)
        if not inspection.problems:
            click.echo(
                f"{path}: usable" + (f", {len(failed)} sources answer with a failure" if failed else "")
            )
    if inspection.problems:
        ctx.exit(EXIT_USAGE)
    if failed:
        ctx.exit(EXIT_FAILED)


@click.command()
@as_json_option
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Ask each vendor, look at each calendar, and say what a person has to change, and where."""
    shell: Shell = ctx.obj
    _, inspection = shell.inspect()
    config = inspection.config or shell.config()
    sources = _asked(config)
    with shell.admin(config) as admin:
        ill = [row for row in admin.status(None) if row.get("who") != NOBODY]
    healthy = all(row["ok"] for row in sources) and not ill
    if as_json:
        warnings = [asdict(warning) for warning in inspection.warnings]
        click.echo(json_line({"ok": healthy, "warnings": warnings, "sources": sources, "calendars": ill}))
    else:
        _tell("warning", inspection.warnings)
        _tell_sources(sources)
        for row in ill:
            where = f"{row.get('user') or ''} {row.get('calendar') or row.get('source') or ''}".strip()
            click.echo(clean(f"calendar {where}: {row.get('state', '')}: {row.get('reason', '')}"))
            _tell_cure(row)
        if healthy:
            click.echo("nothing needs a person")
    if not healthy:
        ctx.exit(EXIT_FAILED)


def _asked(config: Config) -> list[Row]:
    """Ask every vendor; each row says ``ok`` and, where it is not, what a person has to do."""
    from bridge.daemon import compose

    kinds = {source.id: kind_of(source) for source in config.source}
    return [
        {
            **row,
            "error": redact(row["error"]),
            **({} if row["ok"] else cure_of(kinds[row["source"]], row["cause"]).as_row()),
        }
        for row in compose.check_online(config)
    ]


def _tell(word: str, problems: list[Problem]) -> None:
    """Write problems or warnings, one per line."""
    for problem in problems:
        click.echo(clean(f"{word}: {problem}"))


def _tell_sources(rows: list[dict[str, Any]]) -> None:
    """Write what the vendors said."""
    for row in rows:
        if row["ok"]:
            click.echo(clean(f"source {row.get('source', '')}: answers"))
            continue
        click.echo(
            clean(f"source {row.get('source', '')}: {row.get('reason') or row.get('error') or 'fails'}")
        )
        _tell_cure(row)


def _tell_cure(row: Row) -> None:
    """Write who has to do what, in both languages."""
    for who, what in (("who", "what"), ("who_zh", "what_zh")):
        if row.get(what):
            click.echo(f"  {clean(f'{row.get(who)}: {row[what]}')}")

"""Verbs that look after the installation: ``check-config``, ``doctor``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.paper import clean, json_line
from bridge.cli.shell import EXIT_FAILED, EXIT_USAGE, Shell, as_json_option, new_file
from bridge.config import kind_of
from bridge.log import redact
from bridge.model.cures import cure_of

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.config_load import Problem
    from bridge.daemon.doctor.finding import Finding
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
@click.option(
    "--bundle",
    "bundle_path",
    default=None,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write a report that may be sent to somebody: without names, titles and secrets.",
)
@as_json_option
@click.pass_context
def doctor(ctx: click.Context, *, bundle_path: Path | None, as_json: bool) -> None:
    """Look at every link of the chain, and say what a person has to change, and where.

    Names, connections, TLS, clocks, token, permission, visible range, callbacks, disk, database, calendars.
    """
    shell: Shell = ctx.obj
    _, inspection = shell.inspect()
    config = inspection.config or shell.config()
    from bridge.daemon import doctor as daemon_doctor
    from bridge.daemon.doctor.bundle import bundle

    with new_file(bundle_path, "--bundle") as file:
        report = daemon_doctor.examine(config)
        if file is not None:
            told = bundle(
                config, inspection.warnings, report, made_at=shell.now().isoformat(timespec="seconds")
            )
            file.write(json.dumps(told, indent=1, ensure_ascii=False).encode() + b"\n")
    if as_json:
        warnings = [asdict(warning) for warning in inspection.warnings]
        told = {
            "ok": report.healthy,
            "warnings": warnings,
            "checks": [one.as_row() for one in report.findings],
            "sources": [_source_row(source.id, report.findings) for source in config.source],
            "calendars": report.calendars,
        }
        click.echo(json_line(told))
    else:
        _tell("warning", inspection.warnings)
        for one in report.findings:
            word = "skipped" if one.ok is None else "ok" if one.ok else "FAILS"
            click.echo(clean(f"{word:<8}{one.check}{f' {one.source}' if one.source else ''}: {one.says}"))
            _tell_cure(one.as_row())
        for row in report.calendars:
            where = f"{row.get('user') or ''} {row.get('calendar') or row.get('source') or ''}".strip()
            click.echo(clean(f"FAILS   calendar {where}: {row.get('state', '')}: {row.get('reason', '')}"))
            _tell_cure(row)
        if report.healthy:
            click.echo("nothing needs a person")
    if not report.healthy:
        ctx.exit(EXIT_FAILED)


def _source_row(source_id: str, findings: list[Finding]) -> Row:
    """Return what became of asking one vendor, in the form of ``check-config --online``."""
    failed = next((one for one in findings if one.source == source_id and one.ok is False), None)
    if failed is None:
        return {"source": source_id, "ok": True, "error": "", "code": "", "cause": ""}
    facts = {name: failed.facts.get(name, "") for name in ("code", "cause")}
    return {"ok": False, "error": failed.says, **facts, **failed.as_row(), "source": source_id}


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

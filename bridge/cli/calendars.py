"""Verbs about calendars and what happens to them: ``calendar``, ``status``, ``changes``, ``sync``, ``explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bridge.cli.moments import FORMS_SHOWN, earlier
from bridge.cli.paper import clean, json_line
from bridge.cli.shell import Shell, as_json_option, confirm, print_rows, source_named, user_option

if TYPE_CHECKING:
    from bridge.engine.admin_api import Row


@click.group()
def calendar() -> None:
    """Calendars at the vendors."""


@calendar.command("list")
@user_option
@as_json_option
@click.pass_obj
def calendar_list(shell: Shell, user: str | None, *, as_json: bool) -> None:
    """Show which calendars are served to whom."""
    with shell.admin() as admin:
        rows = admin.calendar_list(user)
    print_rows(
        rows, as_json=as_json, first=("user", "calendar", "source", "name", "state"), empty="no calendars"
    )


@calendar.command("create")
@click.argument("source")
@click.option("--name", required=True, help="What people see.")
@click.option("--member", "members", multiple=True, required=True, metavar="USER", help="Repeatable.")
@click.option("--color", default="", metavar="#RRGGBB")
@as_json_option
@click.pass_obj
def calendar_create(
    shell: Shell, source: str, name: str, members: tuple[str, ...], color: str, *, as_json: bool
) -> None:
    """Make a calendar at a vendor that allows it (WeCom), shared with members."""
    config = shell.config()
    source_id = source_named(config, source).id
    with shell.admin(config) as admin:
        row = admin.calendar_create(source_id, name=name, members=members, color=color)
    if as_json:
        click.echo(json_line(row))
    else:
        print_rows([row], as_json=False)


@calendar.command("remove")
@click.argument("source")
@click.argument("calendar_id")
@click.pass_obj
def calendar_remove(shell: Shell, source: str, calendar_id: str) -> None:
    """Delete a calendar at the vendor, with every event in it."""
    config = shell.config()
    source_id = source_named(config, source).id
    confirm(f"Delete {clean(calendar_id)} at {source_id}, for everybody, with every event in it?")
    with shell.admin(config) as admin:
        admin.calendar_remove(source_id, calendar_id)
    click.echo(f"{clean(calendar_id)} is deleted at {source_id}")


@click.command()
@user_option
@as_json_option
@click.pass_obj
def status(shell: Shell, user: str | None, *, as_json: bool) -> None:
    """Show the state of every calendar, age of its data, what waits, and who must act."""
    with shell.admin() as admin:
        rows = admin.status(user)
    if as_json:
        print_rows(rows, as_json=True)
        return
    advice = (
        "reason", "cause", "until_ms", "who", "what", "who_zh", "what_zh", "waiting_reason", "waiting_until_ms",
        "waiting_what", "waiting_what_zh", "loaded", "expected",
    )  # fmt: skip
    plain = [
        {**{key: value for key, value in row.items() if key not in advice}, **_progress(row)} for row in rows
    ]
    print_rows(
        plain, as_json=False, first=("user", "calendar", "state", "age_s", "waiting"), empty="no calendars"
    )
    for line in dict.fromkeys(line for row in rows for line in _advice(row)):
        click.echo(line)


def _progress(row: Row) -> Row:
    """Return how far a first load has come, as ``done/estimated``; nothing once it has ended."""
    if row.get("loaded") is None:
        return {}
    return {"progress": f"{row['loaded']}/{row.get('expected') or '?'}"}


def _advice(row: Row) -> list[str]:
    """Return what is wrong with a calendar, and who has to do what in both languages; empty if nothing is."""
    where = f"{row.get('user') or ''} {row.get('calendar') or row.get('source') or ''}".strip()
    lines = [
        clean(f"{where}: {row[what]} ({row.get('waiting_reason')})")
        for what in ("waiting_what", "waiting_what_zh")
        if row.get(what)
    ]
    if row.get("state") == "connected":
        return lines
    for who, what in (("who", "what"), ("who_zh", "what_zh")):
        name = f" {row[who]}:" if row.get(who) else ""
        parts = [str(row[key]) for key in ("reason", what) if row.get(key)]
        if row.get(what):
            lines.append(clean(f"{where}:{name} {'; '.join(parts)}"))
    return lines


@click.command()
@user_option
@click.option("--since", default="7d", show_default=True, metavar="WHEN", help=FORMS_SHOWN)
@as_json_option
@click.pass_obj
def changes(shell: Shell, user: str | None, since: str, *, as_json: bool) -> None:
    """Show the receipt of every edit: when, which device, what became of it, the vendor's words."""
    try:
        since_ms = earlier(since, shell.now())
    except ValueError as error:
        msg = f"--since: {error}"
        raise click.UsageError(msg) from error
    with shell.admin() as admin:
        rows = admin.changes(user, since_ms)
    if not as_json:
        rows = [
            {**row, "lost_text": bool(row.get("lost_text"))} for row in rows
        ]  # whole objects: only as JSON
    first = ("opened_ms", "user", "device", "calendar", "action", "outcome", "words")
    print_rows(rows, as_json=as_json, first=first, empty="no edits")


@click.command()
@user_option
@click.option("--full", is_flag=True, help="Look at the whole window instead of what changed.")
@click.option(
    "--release",
    is_flag=True,
    help="Let the deletions that are held in this person's calendars pass, once; needs --user.",
)
@as_json_option
@click.pass_obj
def sync(shell: Shell, user: str | None, *, full: bool, release: bool, as_json: bool) -> None:
    """Pull now.

    More than 10 events and more than a fifth of a calendar that are gone at the vendor at once are held: clients keep
    seeing them, `status` calls the calendar quarantined, and later pulls keep holding. Look at the calendar in the
    vendor's app; if the events really are to go, run this with --release. What is back there by then is kept.
    """
    if release and user is None:
        msg = "--release needs --user: only what one person's calendars hold is let pass"
        raise click.UsageError(msg)
    with shell.admin() as admin:
        rows = admin.sync(user, full=full, release=release)
    print_rows(rows, as_json=as_json, first=("source", "calendar", "ok"), empty="no calendars")


@click.command()
@click.argument("what", metavar="OBJECT")
@as_json_option
@click.pass_obj
def explain(shell: Shell, what: str, *, as_json: bool) -> None:
    """Tell the story of one event, by its href, UID or the vendor's id."""
    with shell.admin() as admin:
        rows = admin.explain(what)
    print_rows(
        rows, as_json=as_json, first=("user", "calendar", "href", "opened_ms"), empty="nothing is known of it"
    )

"""Verbs about people, their devices and their secret addresses: ``user``, ``password``, ``feed``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import click

from bridge.cli.importing import user_import
from bridge.cli.moments import FORMS_SHOWN, later
from bridge.cli.paper import clean, json_line
from bridge.cli.shell import (
    Sentence,
    Shell,
    as_json_option,
    aside,
    confirm,
    new_file,
    print_rows,
    source_named,
    user_option,
)
from bridge.config import Config, address_of
from bridge.errors import BridgeError
from bridge.log import redact
from bridge.web.profile import profile

if TYPE_CHECKING:
    from bridge.engine.admin_api import Admin, NewPassword, Row

PATIENCE_S = 20.0
"""Seconds that ``user add`` and ``user link`` wait for a vendor to name or make the calendars."""


@click.group()
def user() -> None:
    """People: their names here, and who they are at the vendors."""


@user.command("add")
@click.argument("name")
@click.option("--email", default="", metavar="ADDRESS", help="How meetings name this person.")
@click.option("--link", "links", multiple=True, metavar="SOURCE=VENDOR_ID", help="Repeatable.")
@click.option(
    "--patience",
    "patience_s",
    default=PATIENCE_S,
    show_default=True,
    type=click.FloatRange(0, 600),
    help="Seconds to wait for the vendors.",
)
@as_json_option
@click.pass_obj
def user_add(
    shell: Shell, name: str, email: str, links: tuple[str, ...], patience_s: float, *, as_json: bool
) -> None:
    """Make a person with a first app password, which is shown once."""
    config = shell.config()
    pairs = [_link(text, config) for text in links]
    with shell.admin(config) as admin:
        made = admin.user_add(name, email=email, links=pairs)
        if not as_json:
            _print_account(config, made)
        rows = _connect(admin, made.user, patience_s, as_json=as_json) if pairs else []
    if as_json:
        click.echo(
            json_line(
                {
                    "user": made.user,
                    "password": made.password,
                    "url": _dav_url(config),
                    "links": rows,
                }
            )
        )


user.add_command(user_import)


@user.command("list")
@as_json_option
@click.pass_obj
def user_list(shell: Shell, *, as_json: bool) -> None:
    """Show who is known here."""
    with shell.admin() as admin:
        print_rows(
            admin.user_list(), as_json=as_json, first=("user", "email", "passwords"), empty="nobody yet"
        )


@user.command("remove")
@click.argument("name")
@click.pass_obj
def user_remove(shell: Shell, name: str) -> None:
    """Forget a person, their passwords, feeds and mirror; nothing changes at the vendor."""
    config = shell.config()
    confirm(f"Forget {clean(name)}?")
    with shell.admin(config) as admin:
        admin.user_remove(name)
    click.echo(f"{clean(name)} is forgotten; nothing was changed at the vendors")


@user.command("link")
@click.argument("name")
@click.argument("link", metavar="SOURCE=VENDOR_ID")
@click.option(
    "--patience",
    "patience_s",
    default=PATIENCE_S,
    show_default=True,
    type=click.FloatRange(0, 600),
    help="Seconds to wait for the vendor.",
)
@click.pass_obj
def user_link(shell: Shell, name: str, link: str, patience_s: float) -> None:
    """Say who a person is at a vendor."""
    config = shell.config()
    source_id, vendor_id = _link(link, config)
    with shell.admin(config) as admin:
        admin.user_link(name, source_id, vendor_id)
        _connect(admin, name, patience_s, as_json=False)


@user.command("unlink")
@click.argument("name")
@click.argument("source")
@click.pass_obj
def user_unlink(shell: Shell, name: str, source: str) -> None:
    """Forget a link and its mirror; nothing changes at the vendor."""
    config = shell.config()
    confirm(f"Forget {clean(name)}'s calendars of {clean(source)}?")
    with shell.admin(config) as admin:
        admin.user_unlink(name, source)
    click.echo(f"{clean(name)} is no longer linked to {clean(source)}")


@click.group()
def password() -> None:
    """App passwords: one per device."""


@password.command("add")
@click.argument("name", metavar="USER")
@click.option("--label", required=True, help="Which device, like 'phone'.")
@click.option("--read-only", is_flag=True, help="The device may look, not write.")
@click.option("--expires", default=None, metavar="WHEN", help=FORMS_SHOWN)
@click.option(
    "--profile",
    "profile_path",
    default=None,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write a .mobileconfig for an iPhone, iPad or Mac; it holds the password.",
)
@as_json_option
@click.pass_obj
def password_add(
    shell: Shell,
    name: str,
    label: str,
    expires: str | None,
    profile_path: Path | None,
    *,
    read_only: bool,
    as_json: bool,
) -> None:
    """Make a password, which is shown once."""
    config = shell.config()
    try:
        expires_ms = later(expires, shell.now()) if expires else None
    except ValueError as error:
        msg = f"--expires: {error}"
        raise click.UsageError(msg) from error
    with new_file(profile_path, "--profile") as file, shell.admin(config) as admin:
        made = admin.password_add(name, label=label, read_only=read_only, expires_ms=expires_ms)
        if file is not None:
            file.write(profile(made.user, made.password, address_of(config.server), label))
    if as_json:
        row = {"user": made.user, "password": made.password, "id": made.password_id, "url": _dav_url(config)}
        click.echo(json_line(row))
    else:
        _print_account(config, made)


@password.command("list")
@click.argument("name", metavar="USER")
@as_json_option
@click.pass_obj
def password_list(shell: Shell, name: str, *, as_json: bool) -> None:
    """Show which devices have a password; never the password."""
    with shell.admin() as admin:
        print_rows(admin.password_list(name), as_json=as_json, first=("id", "label"), empty="no passwords")


@password.command("revoke")
@click.argument("name", metavar="USER")
@click.argument("which", metavar="ID|LABEL")
@click.pass_obj
def password_revoke(shell: Shell, name: str, which: str) -> None:
    """Take a password back."""
    with shell.admin() as admin:
        count = admin.password_revoke(name, which)
    _told(count, "password", which)


@click.group()
def feed() -> None:
    """Secret ICS addresses, for clients that only subscribe."""


@feed.command("add")
@click.argument("name", metavar="USER")
@click.argument("collection")
@click.option("--detail", type=click.Choice(["full", "title", "busy"]), default="full", show_default=True)
@as_json_option
@click.pass_obj
def feed_add(shell: Shell, name: str, collection: str, detail: str, *, as_json: bool) -> None:
    """Make a secret address for one calendar, which is shown once.

    COLLECTION is its last path segment, or `all`: then every calendar of the person, now and later, each event once.
    """
    config = shell.config()
    slug = [part for part in urlsplit(collection).path.split("/") if part]
    if not slug:
        msg = "COLLECTION is empty; see `queqiao calendar list`"
        raise click.UsageError(msg)
    with shell.admin(config) as admin:
        made = admin.feed_add(name, slug[-1], detail=detail)
    url = f"{address_of(config.server)}/feed/{made.token}.ics"
    if as_json:
        click.echo(json_line({"url": url, "id": made.feed_id}))
        return
    click.echo(f"Feed     {url}")
    click.echo(f"webcal   webcal://{url.partition('://')[2]}")
    click.echo(f"Id       {made.feed_id}   (the address is shown once; whoever has it can read the calendar)")


@feed.command("list")
@user_option
@as_json_option
@click.pass_obj
def feed_list(shell: Shell, user: str | None, *, as_json: bool) -> None:
    """Show which feeds exist; never their addresses."""
    with shell.admin() as admin:
        print_rows(
            admin.feed_list(user), as_json=as_json, first=("id", "user", "collection"), empty="no feeds"
        )


@feed.command("revoke")
@click.argument("which", metavar="ID|TOKEN|URL")
@click.pass_obj
def feed_revoke(shell: Shell, which: str) -> None:
    """Take an address back."""
    token = which.rpartition("/feed/")[2].removesuffix(".ics") if "/feed/" in which else which
    with shell.admin() as admin:
        count = admin.feed_revoke(token)
    _told(count, "feed", "of that id or address")


def _link(text: str, config: Config) -> tuple[str, str]:
    """Read ``SOURCE=VENDOR_ID``; raises a usage error."""
    source_id, equals, vendor_id = text.partition("=")
    if not equals or not source_id or not vendor_id.strip():
        msg = f"{clean(text)!r:.80} is not SOURCE=VENDOR_ID, like wecom=zhangsan"
        raise click.UsageError(msg)
    return source_named(config, source_id).id, vendor_id.strip()


def _connect(admin: Admin, name: str, patience_s: float, *, as_json: bool) -> list[Row]:
    """Resolve new links and tell their state; a vendor that is away is no failure of the verb."""
    try:
        rows = admin.connect_links(name, patience_s=patience_s)
    except BridgeError as error:
        aside(f"the link is stored, but not yet connected: {redact(str(error))}")
        aside("a running daemon goes on trying; see `queqiao status`")
        return []
    if not as_json:
        print_rows(rows, as_json=False, first=("source", "state"), empty="no links")
    return rows


def _dav_url(config: Config) -> str:
    """Return the address that a CalDAV client is given."""
    return f"{address_of(config.server)}/dav/"


def _print_account(config: Config, made: NewPassword) -> None:
    """Write what a person types into a client."""
    click.echo(f"Address   {_dav_url(config)}")
    click.echo(f"          {_dav_url(config)}{quote(made.user)}/   (for clients that do not search)")
    click.echo(f"User      {clean(made.user)}")
    click.echo(f"Password  {made.password}   (shown once; id {made.password_id})")


def _told(count: int, noun: str, which: str) -> None:
    """Report how many were revoked; none is a failure."""
    if not count:
        msg = f"there is no {noun} {clean(which)}"
        raise Sentence(msg)
    click.echo(f"revoked {count} {noun}{'s' if count > 1 else ''}")

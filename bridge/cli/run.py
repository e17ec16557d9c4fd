"""Verbs that stay: ``serve``, ``demo``, ``simulate``."""

from __future__ import annotations

import importlib
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from bridge import log
from bridge.cli.paper import clean, json_line
from bridge.cli.shell import EXIT_FAILED, Sentence, Shell, as_json_option, aside
from bridge.config import split_listen
from bridge.config_load import ConfigError, Inspection

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from bridge.config import Config

DEMO_LISTEN: Final = "127.0.0.1:5232"


def _listen(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Check ``HOST:PORT``."""
    try:
        split_listen(value)
    except ValueError as error:
        msg = f"{error}; write it like 127.0.0.1:5232"
        raise click.BadParameter(msg) from error
    return value


@click.command()
@as_json_option
@click.pass_context
def serve(ctx: click.Context, *, as_json: bool) -> None:
    """Run the daemon: CalDAV, feeds, pages, callbacks, synchronisation. Ends on SIGTERM or SIGINT.

    SIGHUP reads the configuration anew; one that cannot be used is told and the old one stays.
    """
    shell: Shell = ctx.obj
    config = shell.config()
    log.configure(config.log.level, config.log.format)
    threading.excepthook = log.note_thread_failure
    from bridge.daemon import run

    def ready(facts: dict[str, Any]) -> None:
        click.echo(json_line(facts) if as_json else f"serving {facts.get('url', config.server.listen)}")

    def reload() -> Config | None:
        try:
            _, inspection = shell.inspect()
        except ConfigError as error:
            inspection = Inspection(config=None, problems=error.problems, warnings=[])
        for problem in inspection.problems:
            aside(f"problem: {problem}")
        if inspection.config is not None:
            log.configure(inspection.config.log.level, inspection.config.log.format)
        return inspection.config

    ctx.exit(_ran(lambda: run.serve(config, on_ready=ready, reload=reload), config.server.listen))


@click.command()
@click.option("--listen", default=DEMO_LISTEN, show_default=True, callback=_listen, metavar="HOST:PORT")
@click.option(
    "--dir",
    "directory",
    default=None,
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the database lives; default: a folder that is removed at the end.",
)
@as_json_option
@click.pass_context
def demo(ctx: click.Context, listen: str, directory: Path | None, *, as_json: bool) -> None:
    """Run both vendors simulated, the real daemon, two employees with a month of events."""
    log.configure("warning", "auto")
    threading.excepthook = log.note_thread_failure
    from bridge.daemon import demo as daemon_demo

    def ready(facts: dict[str, Any]) -> None:
        for line in [json_line(facts)] if as_json else demo_lines(facts):
            click.echo(line)

    ctx.exit(_ran(lambda: daemon_demo.run(listen, directory, on_ready=ready), listen))


def demo_lines(facts: dict[str, Any]) -> list[str]:
    """Return what a person needs to connect a client to the demo."""
    lines = ["The bridge is up. Open the page and follow it, or connect any CalDAV client.", ""]
    lines.append(
        f"Page       {facts['url']}/   (sign in as {facts['users'][0]['user']}, who is the administrator)"
    )
    lines.append(f"Address    {facts['url']}/dav/")
    for account in facts["users"]:
        lines += ["", f"User       {account['user']}", f"Password   {account['password']}"]
        lines += [f"Calendar   {url}" for url in account["calendars"]]
        lines += [f"Feed       {url}" for url in account["feeds"]]
    lines.append("")
    lines += [f"{name:<10} {url}   (simulated)" for name, url in facts["simulators"].items()]
    lines += [f"Operations {facts['admin']}", "", "Ctrl-C ends it."]
    return lines


@click.command()
@click.argument("vendor", type=click.Choice(["wecom", "dingtalk"]))
@click.option("--listen", default="127.0.0.1:0", show_default=True, callback=_listen, metavar="HOST:PORT")
@click.pass_context
def simulate(ctx: click.Context, vendor: str, listen: str) -> None:
    """Run one vendor in a box, over real HTTP.

    Writes one JSON line with url, ids, secrets and people, then serves.
    """
    http = importlib.import_module("bridge.simulator.http")
    box = importlib.import_module(f"bridge.simulator.{vendor}")
    host, port = split_listen(listen)
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    simulator = box.build()
    try:
        server = http.serve(simulator, host, port)
    except OSError as error:
        raise Sentence(_taken(listen, error)) from error
    with server:
        click.echo(json_line({"vendor": vendor, "url": server.url, **simulator.facts()}))
        ended.wait()
    ctx.exit(0)


def _ran(work: Callable[[], int], listen: str) -> int:
    """Run something that stays; returns its exit status, 0 or 1."""
    try:
        return EXIT_FAILED if work() else 0
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        raise Sentence(clean(_taken(listen, error))) from error


def _taken(listen: str, error: OSError) -> str:
    """Say why an address could not be listened on."""
    return f"cannot listen on {listen}: {error.strerror or type(error).__name__}"

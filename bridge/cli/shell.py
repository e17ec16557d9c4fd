"""What every verb shares: where the configuration is, how the database is opened, how failures are told."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from bridge import log
from bridge.cli.paper import clean, json_line, table
from bridge.config_forms import nearest
from bridge.config_load import ConfigError, Inspection, find, inspect
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from bridge.config import Config, Source
    from bridge.engine.admin_api import Admin, Row

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2

as_json_option = click.option("--json", "as_json", is_flag=True, help="One line of JSON instead of a table.")
user_option = click.option("--user", metavar="NAME", default=None, help="Only this person.")


class Sentence(click.ClickException):
    """A failure, told in one sentence on standard error."""

    exit_code = EXIT_FAILED

    def show(self, file: Any = None) -> None:
        """Write it."""
        click.echo(f"queqiao: {self.message}", file=file or sys.stderr)


class Misconfigured(Sentence):
    """The configuration cannot be used."""

    exit_code = EXIT_USAGE


class Verbs(click.Group):
    """The root of all verbs: turns every failure into a sentence and an exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; raises click's own exceptions and :class:`Sentence`, nothing else."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            raise Misconfigured(_problems(error)) from error
        except BridgeError as error:
            raise Sentence(clean(log.redact(str(error)))) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except OSError as error:
            raise Sentence(clean(_of_system(error))) from error
        except Exception as error:
            raise Sentence(clean(_of_foreign(error))) from error


def _problems(error: ConfigError) -> str:
    """List what is wrong with the configuration."""
    count = len(error.problems)
    head = "the configuration has a problem:" if count == 1 else f"the configuration has {count} problems:"
    return "\n".join([head, *(f"  {clean(str(problem))}" for problem in error.problems)])


def _of_system(error: OSError) -> str:
    """Say what the operating system refused."""
    what = f" {error.filename}" if error.filename else ""
    return f"the system refused{what}: {error.strerror or type(error).__name__}"


def _of_foreign(error: Exception) -> str:
    """Say what somebody else's code could not do, without the data it was given."""
    original = getattr(error, "orig", None)  # SQLAlchemy keeps the driver's error there
    if type(error).__module__.startswith("sqlalchemy") and original is not None:
        return f"the database failed: {log.redact(str(original).splitlines()[0])}"
    return f"this is a mistake of the program, please report it: {log.describe_failure(error)}"


def _open_admin(config: Config) -> AbstractContextManager[Admin]:
    """Open the real thing; imported late, because most of the program hangs on it."""
    from bridge.daemon import compose

    return compose.open_admin(config)


@dataclass(kw_only=True)
class Shell:
    """One call of the program."""

    config_flag: str | None = None
    open_admin: Callable[[Config], AbstractContextManager[Admin]] = _open_admin
    now: Callable[[], dt.datetime] = field(default=lambda: dt.datetime.now().astimezone())

    def inspect(self) -> tuple[Path, Inspection]:
        """Read the configuration and keep what is wrong with it; raises ConfigError if there is none."""
        path = find(self.config_flag)
        credentials = os.environ.get("CREDENTIALS_DIRECTORY")
        return path, inspect(path, credentials_dir=Path(credentials) if credentials else None)

    def config(self) -> Config:
        """Return the configuration; raises ConfigError."""
        _, inspection = self.inspect()
        if inspection.config is None:
            raise ConfigError(inspection.problems)
        return inspection.config

    @contextlib.contextmanager
    def admin(self, config: Config | None = None) -> Iterator[Admin]:
        """Open the database for one verb."""
        with self.open_admin(config or self.config()) as admin:
            yield admin


def source_named(config: Config, name: str) -> Source:
    """Return a configured source; raises a usage error that names the nearest one."""
    known = {source.id: source for source in config.source}
    if name in known:
        return known[name]
    near = nearest(name, list(known))
    hint = f"did you mean {near}?" if near else f"configured: {', '.join(known) or 'none'}"
    msg = f"there is no source {name!r:.40}; {hint}"
    raise click.UsageError(msg)


def print_rows(
    rows: Sequence[Row], *, as_json: bool, first: Sequence[str] = (), empty: str = "nothing"
) -> None:
    """Write a listing: a table, or one line with a JSON array."""
    if as_json:
        click.echo(json_line(list(rows)))
        return
    for line in table(rows, first) if rows else [empty]:
        click.echo(line)


def aside(text: str) -> None:
    """Say something on standard error that is no failure."""
    click.echo(clean(log.redact(text)), err=True)


@contextlib.contextmanager
def new_file(path: Path | None, option: str) -> Iterator[BinaryIO | None]:
    """Yield a new file that only its owner reads, before its content is made; it goes away if none is made.

    Raises a usage error that names the option where the file cannot be made, or is there.
    """
    if path is None:
        yield None
        return
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
    except OSError as error:
        msg = f"{option}: {clean(str(path))}: {error.strerror}; name a new file in a folder you may write to"
        raise click.UsageError(msg) from error
    try:
        with file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def confirm(question: str) -> None:
    """Ask a person at a terminal; a script has said what it wants. Raises click.Abort."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        click.confirm(question, abort=True)

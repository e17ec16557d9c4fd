"""``queqiao restore``: rehearse on a copy, set what is there aside, put the copy in its place."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from bridge.clock import utc_from_ms
from bridge.daemon.lock import DaemonLock
from bridge.engine.custody.backup import backup, is_backup, seal
from bridge.engine.custody.restore import make_truthful
from bridge.engine.custody.verify import verify
from bridge.errors import BadInput, BridgeError
from bridge.store.copying import clear, copy_rows, count_rows
from bridge.store.engine import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.config import Config

REHEARSAL: Final = ".rehearsal"
DEFAULT_ZONE: Final = "Asia/Shanghai"
"""Of sources that are not configured any more."""
_OTHERS: Final = sa.text(
    "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did or, rehearsed only, would do."""

    counts: Mapping[str, int]
    """Rows per table."""
    problems: int
    """What ``verify`` found in the backup and mended on the copy."""
    kept_as: str
    """Where the former database is; empty if there was none or nothing was changed."""


def restore(config: Config, file: Path, *, now_ms: int, rehearse: bool = False) -> Restored:
    """Put a backup in the place of a database. Raises BadInput for a file that is none, BridgeError if it is in use.

    Everything is tried on a copy first; until the last step the former database stays what it was, and afterwards
    it lies beside.
    """
    if not file.is_file():
        msg = f"there is no file {file}"
        raise BadInput(msg)
    if not is_backup(file):
        msg = f"{file} is no backup of queqiao, or a damaged one; nothing was changed"
        raise BadInput(msg)
    database_url = config.database.url
    url = sa.make_url(database_url)
    database = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
    with ExitStack() as stack:
        if database is not None and not rehearse:
            lock = DaemonLock(database_url)
            stack.callback(lock.close)
        copy = (database or file).with_name((database or file).name + REHEARSAL)
        stack.callback(_forget, copy)
        _forget(copy)
        copy.touch(mode=0o600)
        shutil.copyfile(file, copy)
        counts, problems = _rehearse(copy, config, now_ms)
        kept_as = ""
        if not rehearse:
            stamp = f"{utc_from_ms(now_ms):%Y%m%dT%H%M%SZ}"
            kept_as = _swap(copy, database, stamp) if database else _refill(copy, database_url, file, stamp)
    return Restored(counts=counts, problems=problems, kept_as=kept_as)


def zones(config: Config) -> Callable[[str], str]:
    """Return what tells the zone of each source's floating times."""
    known = {source.id: source.default_timezone for source in config.source}
    return lambda source_id: known.get(source_id, DEFAULT_ZONE)


def _rehearse(copy: Path, config: Config, now_ms: int) -> tuple[dict[str, int], int]:
    """Bring the copy to this version's schema, mend it, make it truthful; returns its rows and what was mended."""
    store = Store(f"sqlite:///{copy}")
    try:
        store.migrate()
        problems = verify(store, zones(config), repair=True)
        with store.write() as c:
            make_truthful(c, now_ms=now_ms)
        with store.read() as c:
            return count_rows(c), len(problems)
    finally:
        store.close()


def _swap(copy: Path, database: Path, stamp: str) -> str:
    """Put the copy in a SQLite file's place; the former stays beside it, under a name of its own."""
    seal(copy)
    kept = database.with_name(f"{database.name}.before-restore-{stamp}")
    if database.exists():
        try:
            with closing(sqlite3.connect(database)) as raw:
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.DatabaseError:
            pass  # too damaged to be tidied up: its files are set aside as they are
        for suffix in ("-wal", "-shm"):  # SQLite would play a foreign log into the restored file
            beside = database.with_name(database.name + suffix)
            if beside.exists():
                beside.rename(kept.with_name(kept.name + suffix))
        kept.hardlink_to(database)
    copy.replace(database)
    return str(kept) if kept.exists() else ""


def _refill(copy: Path, database_url: str, file: Path, stamp: str) -> str:
    """Put the copy's rows in the place of a PostgreSQL database's, in one transaction."""
    kept = file.with_name(f"before-restore-{stamp}.queqiao")
    target, source = Store(database_url), Store(f"sqlite:///{copy}")
    try:
        target.migrate()
        with target.read() as c:
            _check_alone(c, target)
        backup(target, kept)
        with target.write() as c, source.snapshot() as rows:
            _check_alone(c, target)
            clear(c)
            copy_rows(rows, c)
    finally:
        target.close()
        source.close()
    return str(kept)


def _check_alone(c: sa.Connection, target: Store) -> None:
    if c.execute(_OTHERS).scalar_one() > target.connections() - 1:
        msg = "others are connected to this database; stop every daemon of queqiao first. Nothing was changed"
        raise BridgeError(msg)


def _forget(copy: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        copy.with_name(copy.name + suffix).unlink(missing_ok=True)

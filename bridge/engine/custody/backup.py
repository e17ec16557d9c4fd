"""A backup: one SQLite file with every row, taken in one snapshot while the bridge serves.

The same file restores into SQLite and into PostgreSQL, whichever it came from.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from bridge.errors import BadInput
from bridge.store.copying import copy_rows
from bridge.store.engine import Store

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.store.engine import Store as StoreType

MARK: Final = 0x51514251
"""SQLite's ``application_id`` of a backup: "QQBQ"."""
PART: Final = ".part"


def backup(store: StoreType, file: Path) -> dict[str, int]:
    """Write a backup; returns the rows per table. Raises BadInput if the file exists, OSError if it cannot be written.

    The file appears whole or not at all, readable by its owner only: it holds everybody's schedules.
    """
    if file.exists():
        msg = f"{file} exists; a backup is never written over, choose another name"
        raise BadInput(msg)
    part = file.with_name(file.name + PART)
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        target = Store(f"sqlite:///{part}")
        try:
            target.migrate()
            with store.snapshot() as rows, target.write() as c:
                counts = copy_rows(rows, c)
        finally:
            target.close()
        seal(part)
        part.rename(file)
    except BaseException:
        for leftover in (part, *_beside(part)):
            leftover.unlink(missing_ok=True)
        raise
    _sync_folder(file.parent)
    return counts


def seal(part: Path) -> None:
    """Make one file of database and log, mark it as a backup, and see it on disk."""
    with closing(sqlite3.connect(part, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode = DELETE").fetchone()
        raw.execute(f"PRAGMA application_id = {MARK}")
    for leftover in _beside(part):
        leftover.unlink(missing_ok=True)
    fd = os.open(part, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def is_backup(file: Path) -> bool:
    """Return whether a file is a whole SQLite database that bears our mark."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as raw:
            mark = raw.execute("PRAGMA application_id").fetchone()[0]
            return bool(mark == MARK and raw.execute("PRAGMA quick_check").fetchone()[0] == "ok")
    except sqlite3.DatabaseError:
        return False


def _beside(file: Path) -> tuple[Path, Path]:
    """Return SQLite's two further files."""
    return file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

"""The verbs that keep the database: each opens it without the engine, so that an ill one can be looked at."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy.exc

from bridge.clock import utc_from_ms
from bridge.daemon.restore import zones
from bridge.engine.custody.backup import backup as write_backup
from bridge.engine.custody.verify import DAMAGED, Problem
from bridge.engine.custody.verify import verify as look
from bridge.errors import BridgeError
from bridge.store.engine import Store

if TYPE_CHECKING:
    from bridge.config import Config


def backup(config: Config, file: Path) -> dict[str, int]:
    """Write a backup beside a daemon that may be serving; returns rows per table. Raises BadInput, BridgeError, OSError."""
    store = Store(config.database.url)
    try:
        _same_schema(store)
        return write_backup(store, file)
    finally:
        store.close()


def verify(config: Config, *, repair: bool) -> list[Problem]:
    """Look whether the database holds together. Raises BridgeError for one of another schema."""
    store = Store(config.database.url)
    try:
        _same_schema(store)
        return look(store, zones(config), repair=repair)
    except sqlalchemy.exc.DatabaseError as error:
        if not isinstance(error.orig, sqlite3.DatabaseError) or isinstance(
            error.orig, sqlite3.OperationalError
        ):
            raise
        return [Problem(check="file", where="database", words=DAMAGED, mended=False, can_be_mended=False)]
    finally:
        store.close()


def migrate(config: Config, *, now_ms: int) -> tuple[str, str]:
    """Bring the database to this version's schema; returns what was done and where a copy from before lies, if any.

    Raises SchemaError for a newer schema. Nothing is copied when nothing has to be done, or of an empty database.
    """
    store = Store(config.database.url)
    try:
        copy = ""
        if store.is_sqlite and store.url.database and store.needs_migration():
            database = Path(store.url.database)
            file = database.with_name(f"{database.name}.before-migrate-{utc_from_ms(now_ms):%Y%m%dT%H%M%SZ}")
            store.copy_file(file)
            copy = str(file)
        return store.migrate(), copy
    finally:
        store.close()


def _same_schema(store: Store) -> None:
    if store.needs_migration() or store.is_empty():
        msg = "the database has no schema of this version yet; run `queqiao migrate` (or start the daemon) first"
        raise BridgeError(msg)

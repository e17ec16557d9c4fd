"""Opening a database: pragmas, transactions, the clock of the database, migrations."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_TIMEOUT_MS = 10_000
"""How long a SQLite writer waits for another one."""
POOL_SIZE = 20
POOL_OVERFLOW = 20
MIGRATIONS = Path(__file__).with_name("migrations")


class SchemaError(BridgeError):
    """The database has a schema that this version cannot serve."""


class Store:
    """One open database. Thread-safe; every transaction is short and holds no request."""

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite and self.url.database and self.url.database != ":memory:":
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {
            "pool_size": POOL_SIZE,
            "max_overflow": POOL_OVERFLOW,
            "pool_pre_ping": not self.is_sqlite,
        }
        if self.is_sqlite:
            options["connect_args"] = {"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000}
            options["poolclass"] = sa.QueuePool
        self.engine = sa.create_engine(self.url, **options)
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _sqlite_connect)
            sa.event.listen(self.engine, "begin", _sqlite_begin)
        else:
            sa.event.listen(self.engine, "connect", _postgres_connect)
        self._writer = self.engine.execution_options(queqiao_write=True)

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Run statements on one snapshot."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Run statements in one transaction; commit at the end, roll back on any exception."""
        with self._writer.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """Run long readings on one unchanging snapshot, beside writers."""
        options = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    def migrate(self) -> str:
        """Bring the schema to this version; returns what was done. Raises SchemaError on a newer one."""
        config, script = _alembic()
        head, current = script.get_current_head(), self._revision(script)
        if current == head:
            return f"schema {head} is current"
        with self._writer.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return f"schema {current or 'none'} brought to {head}"

    def needs_migration(self) -> bool:
        """Return whether there is a schema, and an older one. Raises SchemaError on a newer one."""
        _, script = _alembic()
        return self._revision(script) not in (None, script.get_current_head())

    def is_empty(self) -> bool:
        """Return whether there is no schema at all."""
        return self._revision(_alembic()[1]) is None

    def _revision(self, script: ScriptDirectory) -> str | None:
        with self.engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in {revision.revision for revision in script.walk_revisions()}:
            msg = (
                f"the database has schema {current}, which is newer than this version of queqiao; upgrade the software. "
                "Nothing was changed"
            )
            raise SchemaError(msg)
        return current

    def copy_file(self, file: Path) -> None:
        """Copy a SQLite database as it is, whatever its schema, beside writers. Raises OSError if ``file`` exists."""
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with self.engine.connect() as connection, contextlib.closing(sqlite3.connect(file)) as copy:
            connection.connection.driver_connection.backup(copy)  # type: ignore[union-attr]

    def connections(self) -> int:
        """Return how many connections this process has open."""
        pool = self.engine.pool
        return pool.checkedin() + pool.checkedout() if isinstance(pool, sa.QueuePool) else 0

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _alembic() -> tuple[AlembicConfig, ScriptDirectory]:
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config, ScriptDirectory.from_config(config)


def _sqlite_connect(raw: sqlite3.Connection, _record: object) -> None:
    raw.isolation_level = None  # we say BEGIN ourselves: pysqlite's own rules would start transactions late
    cursor = raw.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.close()


def _sqlite_begin(connection: sa.Connection) -> None:
    # A reader that turns into a writer can fail with SQLITE_BUSY at once; writers therefore say so from the start.
    writes = connection.get_execution_options().get("queqiao_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgres_connect(raw: Any, _record: object) -> None:
    with raw.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
        cursor.execute("SET lock_timeout = '10s'")
    raw.commit()

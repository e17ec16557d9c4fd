"""Every row of one database into another, whatever the two are: the one way of backup and restore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from bridge.store.schema import lease, metadata, token

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS_AT_A_TIME: Final = 500
"""Rows that are held in memory at once."""
LEFT_OUT: Final = frozenset({lease.name, token.name})
"""What is of the moment only: who works on what, and the vendors' access tokens."""


def kept_tables() -> list[sa.Table]:
    """Return the tables that a backup holds, those first that others refer to."""
    return [table for table in metadata.sorted_tables if table.name not in LEFT_OUT]


def copy_rows(source: sa.Connection, target: sa.Connection) -> dict[str, int]:
    """Copy every row; returns how many of each table. The target's tables exist and are empty."""
    counts: dict[str, int] = {}
    for table in kept_tables():
        counts[table.name] = 0
        for rows in _chunks(source, table):
            target.execute(table.insert(), rows)
            counts[table.name] += len(rows)
        _count_on(target, table)
    return counts


def clear(target: sa.Connection) -> None:
    """Remove every row."""
    for table in reversed(metadata.sorted_tables):
        target.execute(table.delete())


def count_rows(c: sa.Connection) -> dict[str, int]:
    """Return how many rows each kept table has."""
    return {
        table.name: int(c.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
        for table in kept_tables()
    }


def _chunks(source: sa.Connection, table: sa.Table) -> Iterator[list[dict[str, object]]]:
    result = source.execution_options(yield_per=ROWS_AT_A_TIME).execute(sa.select(table))
    for rows in result.mappings().partitions(ROWS_AT_A_TIME):
        yield [dict(row) for row in rows]


def _count_on(target: sa.Connection, table: sa.Table) -> None:
    """Let PostgreSQL number new rows after the copied ones; SQLite does by itself."""
    if target.dialect.name != "postgresql" or table.autoincrement_column is None:
        return
    column = table.autoincrement_column
    highest = target.execute(sa.select(sa.func.max(column))).scalar()
    sequence = sa.func.pg_get_serial_sequence(f'"{table.name}"', column.name)
    target.execute(sa.select(sa.func.setval(sequence, highest or 1, highest is not None)))

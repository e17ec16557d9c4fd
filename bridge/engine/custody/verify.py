"""Whether a database still holds together, and mending what can be mended without guessing.

Each check reads, and says for every finding what is wrong and, where the truth can be derived from other rows or asked
for at the vendor, what mends it. Findings name rows by number: no title, no address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from bridge.engine.custody.rows import CHECKS, Finding, Statement
from bridge.engine.custody.texts import check_texts
from bridge.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.engine.custody.texts import ZoneOf
    from bridge.store.engine import Store

DAMAGED: Final = "the file is damaged; restore a backup, or save what is left with `sqlite3 FILE .recover`"
FINDINGS_MAX: Final = 1000
"""Findings of one run; the next run finds the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding."""

    check: str
    where: str
    words: str
    mended: bool
    can_be_mended: bool


def verify(store: Store, zone_of: ZoneOf, *, repair: bool = False) -> list[Problem]:
    """Look at everything; with ``repair`` mend what can be mended, in one transaction.

    ``zone_of``: source id -> the IANA zone in which its floating times are meant.
    """
    opened = store.write() if repair else store.snapshot()
    with opened as c:
        found: list[Problem] = []
        for finding in _all(c, zone_of):
            can = bool(finding.mends)
            if repair:
                for statement in finding.mends:
                    c.execute(statement.text, statement.values)
            found.append(
                Problem(
                    check=finding.check,
                    where=finding.where,
                    words=finding.words,
                    mended=repair and can,
                    can_be_mended=can,
                )
            )
            if len(found) >= FINDINGS_MAX:
                break
    return found


def _all(c: sa.Connection, zone_of: ZoneOf) -> Iterator[Finding]:
    yield from _file(c)
    for check in CHECKS:
        yield from check(c)
    yield from check_texts(c, zone_of)


def _file(c: sa.Connection) -> Iterator[Finding]:
    """Ask SQLite about its own pages and references; PostgreSQL checks both by itself."""
    if c.dialect.name != "sqlite":
        return
    pages = [str(row[0]) for row in c.exec_driver_sql("PRAGMA integrity_check(20)")]
    if pages != ["ok"]:
        yield Finding(check="file", where="database", words=DAMAGED)
        return
    for row in c.exec_driver_sql("PRAGMA foreign_key_check"):
        table, rowid, parent = str(row[0]), row[1], str(row[2])
        yield Finding(
            check="reference",
            where=f"{table} {rowid}",
            words=f"it belongs to a row of {parent} that is gone",
            mends=(
                Statement(
                    text=sa.delete(metadata.tables[table]).where(sa.text("rowid = :row")),
                    values={"row": rowid},
                ),
            ),
        )

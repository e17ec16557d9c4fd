"""The database's clock, for nodes that share one: what is due, and whose time has ended, is then the same for all."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from bridge.clock import SystemClock
from bridge.log import fields

if TYPE_CHECKING:
    from bridge.store.engine import Store

log = logging.getLogger(__name__)

TOLD_MS: Final = 2000
"""A machine whose clock differs by more (milliseconds) is worth a line in the log."""

ROUND_TRIP_MAX_MS: Final = 1000
"""An answer that took longer (milliseconds) says too little about the time."""

_NOW: Final = sa.text("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)")


class DatabaseClock(SystemClock):
    """The machine's clock, corrected by what PostgreSQL's differs from it. Thread-safe."""

    def __init__(self, store: Store) -> None:
        """Ask once; raises what the database raises."""
        self._store = store
        self._ahead_ms = 0
        self.measure()

    def now_ms(self) -> int:
        """Return milliseconds since 1970-01-01 UTC, as the database counts them."""
        return super().now_ms() + self._ahead_ms

    def measure(self) -> None:
        """Ask again: clocks drift, and are set."""
        with self._store.read() as c:
            before_ms = super().now_ms()
            theirs_ms = int(c.execute(_NOW).scalar_one())
            after_ms = super().now_ms()
        if not 0 <= after_ms - before_ms <= ROUND_TRIP_MAX_MS:
            return
        ahead_ms = theirs_ms - (before_ms + after_ms) // 2
        if abs(ahead_ms) > TOLD_MS and abs(self._ahead_ms) <= TOLD_MS:
            log.warning("clock.differs", extra=fields(ahead_s=round(ahead_ms / 1000, 1)))
        self._ahead_ms = ahead_ms

"""What the service manager is told while the daemon runs: a word on its state, and a sign of life that is earned.

The sign (``WATCHDOG=1``) is given only after the loop has ticked and the database has answered since the last one. A
process that hangs in either is restarted by systemd; nothing is lost by that, edits are in the journal.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Final

import sqlalchemy.exc

from bridge.daemon.notify import notify
from bridge.log import fields
from bridge.model.cures import NOBODY, advice
from bridge.store import calendars, intents

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.store.engine import Store

log = logging.getLogger(__name__)

STATUS_S: Final = 20.0
"""Between two words to the service manager when it asks for no sign of life."""
SIGNS_PER_TIMEOUT: Final = 3
LATE_S: Final = 30.0
"""A loop whose shortest job did not end for so long hangs."""


def interval_s() -> float:
    """Return how often to give a sign: three times in what ``WATCHDOG_USEC`` allows (sd_watchdog_enabled(3))."""
    allowed, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not allowed.isdigit() or int(allowed) == 0 or pid not in ("", str(os.getpid())):
        return STATUS_S
    return int(allowed) / 1e6 / SIGNS_PER_TIMEOUT


class Watch:
    """A thread that looks and tells."""

    def __init__(self, store: Store, idle_s: Callable[[], float], kinds: Callable[[str], str]) -> None:
        """``idle_s``: seconds since the loop last ended a tick. ``kinds``: source id -> kind of vendor."""
        self._store = store
        self._idle_s = idle_s
        self._kinds = kinds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._ended.set()
        self._thread.join(timeout=LATE_S)

    def _run(self) -> None:
        every_s = interval_s()
        while not self._ended.wait(every_s):
            self.tell()

    def tell(self) -> bool:
        """Look once; returns whether a sign of life was given."""
        idle_s = self._idle_s()
        if idle_s > LATE_S:
            notify(f"STATUS=the loop has not moved for {idle_s:.0f} s")
            return False
        try:
            words = self.words()
        except sqlalchemy.exc.SQLAlchemyError as error:
            log.warning("watch.failed", extra=fields(error=type(error).__name__))
            notify("STATUS=the database does not answer")
            return False
        notify(f"WATCHDOG=1\nSTATUS={words}")
        return True

    def words(self) -> str:
        """Return the state in one line, read from the database."""
        with self._store.read() as c:
            rows = calendars.all_calendars(c)
            waiting = sum(count for count, _oldest in intents.waiting(c).values())
        ill = sum(advice(x.state, kind=self._kinds(x.source_id), cause=x.cause).who != NOBODY for x in rows)
        parts = [f"{len(rows)} calendars"]
        if waiting:
            parts.append(f"{waiting} edits on their way")
        parts.append(f"{ill} need a person: see `queqiao doctor`" if ill else "nothing needs a person")
        return "serving " + ", ".join(parts)

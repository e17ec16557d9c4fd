"""What operations ask: is it alive, is it of use and if not why, and the figures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy.exc
from prometheus_client import CollectorRegistry, Counter

from bridge.config import kind_of
from bridge.daemon.figures import Figures, disk_free_bytes
from bridge.daemon.troubles import troubles
from bridge.daemon.watch import LATE_S
from bridge.store.engine import SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.daemon.compose import Parts

CODES_MAX: Final = 200
"""Different codes of one source that are counted apart; a vendor that invents more gets ``other``."""
DISK_LOW_BYTES: Final = 200_000_000
"""Less room than this (bytes) is worth a word: a write-ahead log alone may need a good part of it."""
_CODE: Final = re.compile(r"[A-Za-z0-9._-]{0,80}")


class Health:
    """Answers ``/readyz`` and ``/metrics``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "queqiao_vendor_calls",
            "Requests to vendors by source, endpoint, outcome and the vendor's code.",
            ["source", "endpoint", "outcome", "code"],
            registry=self.registry,
        )
        self._codes: dict[str, set[str]] = {}
        self._parts: Parts | None = None
        self._idle_s: Callable[[], float] | None = None

    def count_call(self, source: str, endpoint: str, outcome: str, code: str = "") -> None:
        """Count one request to a vendor."""
        known = self._codes.setdefault(source, set())
        if code not in known:
            if len(known) >= CODES_MAX or not _CODE.fullmatch(code):
                code = "other"
            known.add(code)
        self._calls.labels(source, endpoint, outcome, code).inc()

    def attach(self, parts: Parts) -> None:
        """Begin to answer for an engine that runs."""
        self._parts = parts
        self.registry.register(Figures(parts, lambda: self._idle_s() if self._idle_s else None))

    def follow(self, idle_s: Callable[[], float]) -> None:
        """Begin to answer for the loop. ``idle_s``: seconds since it last ended a job."""
        self._idle_s = idle_s

    def readiness(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return (why requests cannot be served, what else is not well).

        A sick vendor is no reason not to serve: reads never wait for it, and edits are journaled.
        """
        if self._parts is None:
            return [_down("the engine is not running yet", "wait a moment")], []
        down = []
        idle_s = self._idle_s() if self._idle_s is not None else None
        if idle_s is None:
            down.append(_down("the loop has not begun yet", "wait a moment"))
        elif idle_s > LATE_S:
            down.append(
                _down(f"the loop has not moved for {idle_s:.0f} s", "look at the log; restart the service")
            )
        ill: list[dict[str, Any]] = []
        try:
            if self._parts.engine.store.needs_migration():
                down.append(
                    _down("the database has an older schema", "run `queqiao migrate`, or restart the service")
                )
            else:
                with self._parts.engine.store.read() as c:
                    ill = [one.as_row() for one in troubles(c, self._kind_of)]
        except sqlalchemy.exc.SQLAlchemyError as error:
            what = "start the database, or mend its disk; nothing is lost: edits were journaled before they were answered"
            down.append({**_down("the database does not answer", what), "error": type(error).__name__})
        except SchemaError:
            down.append(_down("the database has a newer schema than this version", "upgrade this node"))
        free = disk_free_bytes(self._parts.engine.store.url)
        if free is not None and free < DISK_LOW_BYTES:
            mb = free // 1_000_000
            ill.append(_down(f"the database's disk has only {mb} MB left", "make room on the disk"))
        return down, ill

    def _kind_of(self, source_id: str) -> str:
        source = self._parts.engine.sources.get(source_id) if self._parts is not None else None
        return kind_of(source) if source is not None else ""


def _down(reason: str, what: str) -> dict[str, Any]:
    return {"reason": reason, "who": "administrator of the bridge", "what": what}

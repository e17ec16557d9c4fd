"""The figures behind ``/metrics`` that are read when somebody asks: from the database, the loop and the disk.

Labels are sources, our own numbers, states and codes: never a person, a title or a calendar's name.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import sqlalchemy.exc
from prometheus_client.core import GaugeMetricFamily

from bridge import __version__
from bridge.config import DingTalkSource
from bridge.daemon.troubles import states
from bridge.engine.pacing import is_alive
from bridge.plan.intent import CLOSED
from bridge.store import calendars, intents, shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import sqlalchemy as sa
    from prometheus_client.core import Metric

    from bridge.daemon.compose import Parts

Values: TypeAlias = dict[tuple[str, ...], float]
"""Label values -> value."""

RECEIPTS_MS: Final = 24 * 3_600_000
"""How far back ended edits are counted (milliseconds)."""


def gauge(name: str, says: str, rows: Values, labels: tuple[str, ...] = ()) -> Metric:
    """Return one figure: label values -> value."""
    family = GaugeMetricFamily(f"queqiao_{name}", says, labels=labels)
    for values, value in rows.items():
        family.add_metric(list(values), value)
    return family


class Figures:
    """A collector (prometheus-client's protocol). A database that does not answer is a figure, not a failure."""

    def __init__(self, parts: Parts, idle_s: Callable[[], float | None]) -> None:
        self._parts = parts
        self._idle_s = idle_s
        self._started_s = time.monotonic()

    def describe(self) -> list[Metric]:
        """Return nothing: names are not known before the database is asked (and it is not, when registering)."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every figure."""
        yield gauge("build_info", "The version that runs.", {(__version__,): 1}, ("version",))
        yield gauge("uptime_seconds", "Since the process started.", {(): time.monotonic() - self._started_s})
        idle_s = self._idle_s()
        if idle_s is not None:
            yield gauge("loop_idle_seconds", "Since the loop last ended a job.", {(): idle_s})
        yield from self._disk()
        yield from self._tokens()
        try:
            with self._parts.engine.store.read() as c:
                found = [*self._calendars(c), *self._edits(c), *self._budget(c)]
            found.append(self._pushes())
        except sqlalchemy.exc.SQLAlchemyError:
            yield gauge("database_up", "Whether the database answers.", {(): 0})
            return
        yield gauge("database_up", "Whether the database answers.", {(): 1})
        yield from found

    def _calendars(self, c: sa.Connection) -> Iterable[Metric]:
        now_ms = self._parts.engine.clock.now_ms()
        rows = calendars.all_calendars(c)
        ages: Values = {(r.source_id, str(r.id)): (now_ms - r.pulled_ms) / 1000 for r in rows if r.pulled_ms}
        held: Values = {(r.source_id, str(r.id)): float(len(json.loads(r.held or "[]"))) for r in rows}
        where = ("source", "calendar")
        yield gauge("calendar_age_seconds", "Age of a calendar's data.", ages, where)
        yield gauge("held_deletions", "Deletions that an administrator has to let pass.", held, where)
        seen, linked = states(c)
        for name, says, counts in (
            ("calendars", "Calendars by state.", seen),
            ("links", "People's links to vendors by state.", linked),
        ):
            summed: Values = {}
            for (source, state, _cause), count in counts.items():
                summed[source, state] = summed.get((source, state), 0) + count
            yield gauge(name, says, summed, ("source", "state"))

    def _edits(self, c: sa.Connection) -> Iterable[Metric]:
        now_ms = self._parts.engine.clock.now_ms()
        waiting = intents.waiting(c)
        by_collection: Values = {(str(key),): float(count) for key, (count, _oldest_ms) in waiting.items()}
        oldest: Values = {
            (str(key),): (now_ms - oldest_ms) / 1000 for key, (_count, oldest_ms) in waiting.items()
        }
        where = ("collection",)
        yield gauge("intents_waiting", "Edits on their way, by calendar of a person.", by_collection, where)
        yield gauge("intent_oldest_seconds", "Age of the oldest edit on its way.", oldest, where)
        yield gauge("edits_waiting", "Edits on their way.", {(): sum(by_collection.values())})
        yield gauge(
            "edits_oldest_seconds", "Age of the oldest; 0: none.", {(): max(oldest.values(), default=0)}
        )
        closed = intents.closed_since(c, now_ms - RECEIPTS_MS)
        by_outcome: Values = {(str(state),): float(closed.get(state, 0)) for state in sorted(CLOSED)}
        yield gauge("receipts_day", "Edits that ended within 24 hours.", by_outcome, ("outcome",))
        yield gauge(
            "conflicts_day",
            "Edits of 24 hours that met a change at the vendor and were merged with it.",
            {(): by_outcome["merged",]},
        )

    def _budget(self, c: sa.Connection) -> Iterable[Metric]:
        """Yield what of the month's billed calls is used, by all nodes together."""
        spent = shared.tallies(c, now_ms=self._parts.engine.clock.now_ms())
        used: Values = {}
        most: Values = {}
        for source_id, source in self._parts.engine.sources.items():
            if isinstance(source, DingTalkSource):
                calls = [count for name, count in spent.items() if name.startswith(f"{source_id}:calls:")]
                used[source_id,], most[source_id,] = sum(calls), source.monthly_calls
        left = {key: max(0.0, most[key] - used[key]) for key in used}
        where = ("source",)
        yield gauge("budget_used", "Billed calls of this month.", used, where)
        yield gauge("budget_limit", "monthly_calls of a source.", most, where)
        yield gauge("budget_left", "Billed calls that are left of this month.", left, where)

    def _tokens(self) -> Iterable[Metric]:
        now_ms = self._parts.engine.clock.now_ms()
        ends = {key: one.token_ends_ms() for key, one in self._parts.engine.providers.items()}
        left: Values = {(key,): (end - now_ms) / 1000 for key, end in ends.items() if end is not None}
        yield gauge("token_expires_seconds", "Until the vendor's access token ends.", left, ("source",))

    def _pushes(self) -> Metric:
        engine = self._parts.engine
        alive: Values = {(key,): float(is_alive(engine, key)) for key in engine.sources}
        return gauge("push_alive", "Whether a source's pushes arrive.", alive, ("source",))

    def _disk(self) -> Iterable[Metric]:
        free = disk_free_bytes(self._parts.engine.store.url)
        if free is not None:
            yield gauge("disk_free_bytes", "Room on the database's disk.", {(): free})


def disk_free_bytes(url: Any) -> int | None:
    """Return the room on the disk of a SQLite file; None: the database is elsewhere, or its folder cannot be seen."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    try:
        return shutil.disk_usage(Path(url.database).parent).free
    except OSError:
        return None

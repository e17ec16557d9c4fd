"""What operations ask: is it alive, is it ready and if not why, and the figures."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import sqlalchemy.exc
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily

from bridge.config import DingTalkSource
from bridge.store import calendars, intents, shared

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric

    from bridge.daemon.compose import Parts


class Health:
    """Answers ``/healthz``, ``/readyz`` and ``/metrics``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "queqiao_vendor_calls",
            "Requests to vendors by source, endpoint and outcome.",
            ["source", "endpoint", "outcome"],
            registry=self.registry,
        )
        self._parts: Parts | None = None
        self._started_s = time.monotonic()

    def count_call(self, source: str, endpoint: str, outcome: str) -> None:
        """Count one request to a vendor."""
        self._calls.labels(source, endpoint, outcome).inc()

    def attach(self, parts: Parts) -> None:
        """Begin to answer for an engine that runs."""
        self._parts = parts
        self.registry.register(self)

    def readiness(self) -> list[dict[str, Any]]:
        """Return why requests cannot be served; empty: they can. A sick vendor is no reason: reads never wait for it."""
        if self._parts is None:
            return [{"reason": "the engine is not running yet"}]
        try:
            with self._parts.engine.store.read() as c:
                c.execute(sa.text("SELECT 1"))
        except sqlalchemy.exc.SQLAlchemyError as error:
            return [{"reason": "the database does not answer", "error": type(error).__name__}]
        return []

    def collect(self) -> Iterable[Metric]:
        """Yield the figures that are read from the database when asked (prometheus-client's collector protocol)."""
        uptime = GaugeMetricFamily("queqiao_uptime_seconds", "Seconds since the process started.")
        uptime.add_metric([], time.monotonic() - self._started_s)
        yield uptime
        if self._parts is None:
            return
        age = GaugeMetricFamily(
            "queqiao_calendar_age_seconds", "Age of a calendar's data.", labels=["source", "calendar"]
        )
        waiting = GaugeMetricFamily("queqiao_intents_waiting", "Edits on their way.", labels=["collection"])
        oldest = GaugeMetricFamily(
            "queqiao_intent_oldest_seconds", "Age of the oldest edit on its way.", labels=["collection"]
        )
        now_ms = self._parts.engine.clock.now_ms()
        with self._parts.engine.store.read() as c:
            for row in calendars.all_calendars(c):
                if row.pulled_ms:
                    age.add_metric([row.source_id, str(row.id)], (now_ms - row.pulled_ms) / 1000)
            for collection_id, (count, oldest_ms) in intents.waiting(c).items():
                waiting.add_metric([str(collection_id)], count)
                oldest.add_metric([str(collection_id)], (now_ms - oldest_ms) / 1000)
            spent = shared.tallies(c, now_ms=now_ms)
        yield age
        yield waiting
        yield oldest
        yield from self._budget(spent)

    def _budget(self, spent: dict[str, int]) -> Iterable[Metric]:
        """Yield what of the month's billed calls is used, by all nodes together."""
        used = GaugeMetricFamily("queqiao_budget_used", "Billed calls of this month.", labels=["source"])
        most = GaugeMetricFamily("queqiao_budget_limit", "monthly_calls of a source.", labels=["source"])
        sources = self._parts.engine.sources if self._parts is not None else {}
        for source_id, source in sources.items():
            if isinstance(source, DingTalkSource):
                calls = [count for name, count in spent.items() if name.startswith(f"{source_id}:calls:")]
                used.add_metric([source_id], sum(calls))
                most.add_metric([source_id], source.monthly_calls)
        yield used
        yield most

"""As time passes, compiled series are carried further: the loop's share of a compiled object."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Final

from bridge.clock import ms_from_utc
from bridge.engine.judge import judge_put
from bridge.engine.texts import read
from bridge.errors import BridgeError
from bridge.log import fields
from bridge.plan.intent import Action
from bridge.store import calendars, intents, objects

if TYPE_CHECKING:
    from bridge.engine.context import Engine

log = logging.getLogger(__name__)

BATCH: Final = 50
"""Objects extended in one tick."""
SLACK: Final = dt.timedelta(days=30)
"""How far the exact part may fall behind the horizon before it is extended: fewer, larger steps."""


def tick(engine: Engine) -> int:
    """Extend compiled series whose exact part ends too early; returns how many objects were looked at."""
    before_ms = ms_from_utc(engine.horizon() - SLACK)
    with engine.store.read() as c:
        due = objects.to_extend(c, before_ms=before_ms, limit=BATCH)
    for object_id in due:
        try:
            _extend(engine, object_id)
        except BridgeError as error:
            log.warning("horizon.failed", extra=fields(object=object_id, error=type(error).__name__))
    return len(due)


def _extend(engine: Engine, object_id: int) -> None:
    with engine.store.read() as c:
        row = objects.get(c, object_id)
        collection = calendars.collection(c, row.collection_id) if row is not None else None
        busy = intents.has_open(c, object_id)
    if row is None or collection is None or busy or row.deleted:
        return
    obj = read(row.text, engine.default_zone(collection.source_id))
    verdict = judge_put(engine, collection, row, obj)
    now_ms = engine.clock.now_ms()
    with engine.store.write() as c:
        current = objects.get(c, object_id)
        if current is None or current.revision != row.revision or intents.has_open(c, object_id):
            return
        objects.set_exact(c, object_id, verdict.exact_until_ms)
        if verdict.needs_vendor:
            intents.add(
                c,
                {
                    "object_id": object_id,
                    "collection_id": collection.id,
                    "href": row.href,
                    "uid": row.uid,
                    "action": Action.PUT,
                    "device": "horizon",
                    "client_text": row.text,
                    "base_text": row.text,
                    "now_ms": now_ms,
                },
            )

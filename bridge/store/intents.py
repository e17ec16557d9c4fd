"""The journal: edits on their way, and their receipts. The unique index on in-flight rows is the lock."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from bridge.log import current_request_id
from bridge.store.rows import IntentRow, many, one

_ADD: Final = sa.text("""
    INSERT INTO intent (object_id, collection_id, href, uid, action, state, device, client_text, base_text, opened_ms,
      closed_ms, words, losses, request_id)
    VALUES (:object_id, :collection_id, :href, :uid, :action, :state, :device, :client_text, :base_text, :now_ms,
      :closed_ms, :words, :losses, :request_id)
    RETURNING id
""")
_GET: Final = sa.text("SELECT * FROM intent WHERE id = :id")
_OPEN_OF: Final = sa.text("""
    SELECT * FROM intent WHERE object_id = :object_id AND state IN ('waiting', 'in_flight') ORDER BY id
""")
_HAS_OPEN: Final = sa.text("""
    SELECT COUNT(*) FROM intent WHERE object_id = :object_id AND state IN ('waiting', 'in_flight')
""")
_SUPERSEDE: Final = sa.text("""
    UPDATE intent SET state = 'superseded', closed_ms = :now_ms, words = :words
    WHERE object_id = :object_id AND state = 'waiting' AND step IS NULL AND steps_done = 0 AND opened_ms >= :since_ms
""")
_CLAIM: Final = sa.text("""
    UPDATE intent SET state = 'in_flight', owner = :owner, owned_until_ms = :until_ms, attempts = attempts + 1
    WHERE id = :id AND (state = 'waiting' OR (state = 'in_flight' AND owned_until_ms < :now_ms))
      AND NOT EXISTS (SELECT 1 FROM intent o WHERE o.object_id = intent.object_id AND o.id < intent.id
                      AND o.state IN ('waiting', 'in_flight'))
""")
_EXTEND: Final = sa.text("""
    UPDATE intent SET owned_until_ms = :until_ms WHERE id = :id AND owner = :owner AND state = 'in_flight'
""")
_STEP: Final = sa.text(
    "UPDATE intent SET step = :step WHERE id = :id AND owner = :owner AND state = 'in_flight'"
)
_STEP_DONE: Final = sa.text("""
    UPDATE intent SET step = NULL, steps_done = steps_done + 1 WHERE id = :id AND owner = :owner AND state = 'in_flight'
""")
_RETRY: Final = sa.text("""
    UPDATE intent SET state = 'waiting', retry_at_ms = :retry_at_ms, words = :words, step = :step, owner = '',
      client_text = COALESCE(:client_text, client_text)
    WHERE id = :id AND owner = :owner AND state = 'in_flight'
""")
_CLOSE: Final = sa.text("""
    UPDATE intent SET state = :state, closed_ms = :now_ms, words = :words, losses = :losses,
      lost_text = COALESCE(lost_text, :lost_text),
      step = NULL, owner = '', object_id = CASE WHEN :detach = 1 THEN NULL ELSE object_id END
    WHERE id = :id AND owner = :owner AND state = 'in_flight'
""")
_MERGE: Final = sa.text("""
    UPDATE intent SET base_text = :base_text, client_text = :client_text,
      lost_text = COALESCE(lost_text, :lost_text)
    WHERE id = :id AND owner = :owner AND state = 'in_flight'
""")
_REBASE: Final = sa.text("UPDATE intent SET base_text = :base_text WHERE id = :id")
_STEPS: Final = sa.text("""
    SELECT i.step FROM intent i JOIN collection c ON c.id = i.collection_id
    WHERE c.calendar_id = :calendar_id AND i.state IN ('waiting', 'in_flight') AND i.step IS NOT NULL
""")
_OWNERS: Final = sa.text("SELECT DISTINCT owner FROM intent WHERE state = 'in_flight'")
_ABANDON: Final = sa.text("""
    UPDATE intent SET owner = '', owned_until_ms = CASE WHEN step IS NULL THEN 0 ELSE owned_until_ms - :sooner_ms END
    WHERE state = 'in_flight' AND owner = :owner
""")
_DUE: Final = sa.text("""
    SELECT * FROM intent WHERE id IN (
      SELECT id FROM (
        SELECT i.id, i.retry_at_ms, ROW_NUMBER() OVER (PARTITION BY i.collection_id ORDER BY i.retry_at_ms, i.id) AS turn
        FROM intent i
        WHERE ((i.state = 'waiting' AND i.retry_at_ms <= :now_ms)
            OR (i.state = 'in_flight' AND i.owned_until_ms < :now_ms))
          AND NOT EXISTS (SELECT 1 FROM intent o WHERE o.object_id = i.object_id AND o.id < i.id
                          AND o.state IN ('waiting', 'in_flight'))
      ) AS ready ORDER BY turn, retry_at_ms, id LIMIT :count
    ) ORDER BY retry_at_ms, id
""")
"""Whose turn it is: of each collection one, then of each a second, the longest waiting first."""
_WAITING: Final = sa.text("""
    SELECT collection_id, COUNT(*) AS waiting, MIN(opened_ms) AS oldest_ms FROM intent
    WHERE state IN ('waiting', 'in_flight') GROUP BY collection_id
""")
_CLOSED_SINCE: Final = sa.text("""
    SELECT c.id, i.state, COUNT(*) FROM collection c
    JOIN intent i ON i.collection_id = c.id AND i.closed_ms >= :since_ms AND i.closed_ms > 0 GROUP BY c.id, i.state
""")
"""By collection, because that is how the index goes: counting must not read years of receipts."""
_DELAYED: Final = sa.text("""
    SELECT collection_id, words, retry_at_ms FROM intent
    WHERE state = 'waiting' AND retry_at_ms > :now_ms AND words <> '' ORDER BY retry_at_ms, id
""")
_WAKE: Final = sa.text(
    "UPDATE intent SET retry_at_ms = :now_ms WHERE state = 'waiting' AND retry_at_ms > :after_ms"
)
_RECEIPTS: Final = sa.text("""
    SELECT i.*, u.name AS "user", c.slug FROM intent i JOIN collection c ON c.id = i.collection_id
    JOIN principal u ON u.id = c.principal_id
    WHERE (:user = '' OR u.name = :user) AND i.opened_ms >= :since_ms ORDER BY i.id DESC LIMIT :count
""")
_STORY: Final = sa.text(
    "SELECT * FROM intent WHERE collection_id = :collection_id AND (href = :href OR uid = :uid) ORDER BY id"
)
_FORGET: Final = sa.text("DELETE FROM intent WHERE closed_ms > 0 AND closed_ms < :before_ms")


def add(c: sa.Connection, values: dict[str, Any]) -> int:
    """Journal an intent (or, closed at once, a receipt), under the id of the request that this thread works on."""
    defaults = {
        "state": "waiting",
        "closed_ms": 0,
        "words": "",
        "losses": "[]",
        "client_text": None,
        "base_text": None,
        "request_id": current_request_id(),
    }
    return int(c.execute(_ADD, {**defaults, **values}).scalar_one())


def get(c: sa.Connection, intent_id: int) -> IntentRow | None:
    """Return an intent."""
    return one(IntentRow, c.execute(_GET, {"id": intent_id}))


def open_of(c: sa.Connection, object_id: int) -> list[IntentRow]:
    """Return an object's open intents in order."""
    return many(IntentRow, c.execute(_OPEN_OF, {"object_id": object_id}))


def has_open(c: sa.Connection, object_id: int) -> bool:
    """Return whether an edit of the object is on its way."""
    return bool(c.execute(_HAS_OPEN, {"object_id": object_id}).scalar_one())


def supersede(c: sa.Connection, object_id: int, *, now_ms: int, words: str, since_ms: int = 0) -> int:
    """Close intents that never left: the same user's next edit takes their place. ``since_ms``: opened then or later."""
    values = {"object_id": object_id, "now_ms": now_ms, "words": words, "since_ms": since_ms}
    return c.execute(_SUPERSEDE, values).rowcount


def claim(c: sa.Connection, intent_id: int, *, owner: str, now_ms: int, until_ms: int) -> bool:
    """Take an intent to carry it; False when it is not this one's turn or another has it."""
    values = {"id": intent_id, "owner": owner, "now_ms": now_ms, "until_ms": until_ms}
    return c.execute(_CLAIM, values).rowcount == 1


def extend(c: sa.Connection, intent_id: int, *, owner: str, until_ms: int) -> bool:
    """Keep an intent longer; False when it was taken away."""
    return c.execute(_EXTEND, {"id": intent_id, "owner": owner, "until_ms": until_ms}).rowcount == 1


def set_step(c: sa.Connection, intent_id: int, *, owner: str, step: str | None) -> bool:
    """Write down what is about to be sent; None: nothing is."""
    return c.execute(_STEP, {"id": intent_id, "owner": owner, "step": step}).rowcount == 1


def step_done(c: sa.Connection, intent_id: int, *, owner: str) -> bool:
    """Note that the step stands at the vendor."""
    return c.execute(_STEP_DONE, {"id": intent_id, "owner": owner}).rowcount == 1


def retry(
    c: sa.Connection,
    intent_id: int,
    *,
    owner: str,
    retry_at_ms: int,
    words: str,
    step: str | None,
    client_text: str | None = None,
) -> bool:
    """Put an intent back; ``step`` stays when its outcome is unknown."""
    values = {
        "id": intent_id,
        "owner": owner,
        "retry_at_ms": retry_at_ms,
        "words": words,
        "step": step,
        "client_text": client_text,
    }
    return c.execute(_RETRY, values).rowcount == 1


def close(
    c: sa.Connection,
    intent_id: int,
    *,
    owner: str,
    state: str,
    now_ms: int,
    words: str = "",
    losses: str = "[]",
    lost_text: str | None = None,
    detach: bool = False,
) -> bool:
    """End an intent; it is its own receipt from now on. ``detach`` when the object itself goes."""
    values = {
        "id": intent_id,
        "owner": owner,
        "state": state,
        "now_ms": now_ms,
        "words": words,
        "losses": losses,
        "lost_text": lost_text,
        "detach": int(detach),
    }
    return c.execute(_CLOSE, values).rowcount == 1


def merge(
    c: sa.Connection,
    intent_id: int,
    *,
    owner: str,
    base_text: str | None,
    client_text: str | None,
    lost_text: str | None = None,
) -> bool:
    """Put an edit on top of another version that both sides agree on.

    ``lost_text``: the text as the client sent it, where a value of it gave way; the first one is kept.
    """
    values = {
        "id": intent_id,
        "owner": owner,
        "base_text": base_text,
        "client_text": client_text,
        "lost_text": lost_text,
    }
    return c.execute(_MERGE, values).rowcount == 1


def rebase(c: sa.Connection, intent_id: int, base_text: str | None) -> None:
    """Judge a waiting intent against another last agreement."""
    c.execute(_REBASE, {"id": intent_id, "base_text": base_text})


def steps_under_way(c: sa.Connection, calendar_id: int) -> list[str]:
    """Return the steps of an upstream calendar that left, or may have left, and are not settled."""
    return [str(r[0]) for r in c.execute(_STEPS, {"calendar_id": calendar_id})]


def owners(c: sa.Connection) -> list[str]:
    """Return who carries an intent right now."""
    return [str(r[0]) for r in c.execute(_OWNERS)]


def abandon(c: sa.Connection, owner: str, *, sooner_ms: int = 0) -> int:
    """Free what a dead owner was carrying; returns how many.

    A step that left may still be carried out by the vendor: it is freed only ``sooner_ms`` before its time ends.
    """
    return c.execute(_ABANDON, {"owner": owner, "sooner_ms": sooner_ms}).rowcount


def due(c: sa.Connection, *, now_ms: int, count: int) -> list[IntentRow]:
    """Return intents whose turn it is, the longest waiting first; those of dead owners too."""
    return many(IntentRow, c.execute(_DUE, {"now_ms": now_ms, "count": count}))


def waiting(c: sa.Connection) -> dict[int, tuple[int, int]]:
    """Return collection -> (how many wait, when the oldest was opened)."""
    return {int(r[0]): (int(r[1]), int(r[2])) for r in c.execute(_WAITING)}


def closed_since(c: sa.Connection, since_ms: int) -> dict[str, int]:
    """Return state -> how many edits ended in it since a time."""
    found: dict[str, int] = {}
    for _collection, state, count in c.execute(_CLOSED_SINCE, {"since_ms": since_ms}):
        found[str(state)] = found.get(str(state), 0) + int(count)
    return found


def delayed(c: sa.Connection, *, now_ms: int) -> dict[int, tuple[str, int]]:
    """Return collection -> (why, until when) of the edit that waits longest for its next try."""
    return {int(r[0]): (str(r[1]), int(r[2])) for r in c.execute(_DELAYED, {"now_ms": now_ms})}


def wake(c: sa.Connection, *, now_ms: int, after_ms: int) -> int:
    """Let edits whose next try is later than ``after_ms`` be tried now; returns how many."""
    return c.execute(_WAKE, {"now_ms": now_ms, "after_ms": after_ms}).rowcount


def receipts(c: sa.Connection, *, user: str, since_ms: int, count: int) -> list[sa.RowMapping]:
    """Return edits, newest first, with user and calendar."""
    return list(c.execute(_RECEIPTS, {"user": user, "since_ms": since_ms, "count": count}).mappings())


def story(c: sa.Connection, *, collection_id: int, href: str, uid: str) -> list[IntentRow]:
    """Return all edits of one object."""
    return many(IntentRow, c.execute(_STORY, {"collection_id": collection_id, "href": href, "uid": uid}))


def forget(c: sa.Connection, before_ms: int) -> int:
    """Drop old receipts."""
    return c.execute(_FORGET, {"before_ms": before_ms}).rowcount

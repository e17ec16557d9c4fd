"""Checks that need rows only."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bridge.engine.custody.restore import EPOCH_BYTES
from bridge.engine.steps_json import decode_sent
from bridge.plan.intent import CLOSED, OPEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One mending statement."""

    text: sa.Executable
    values: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong at one place, and what mends it; nothing where only a person can."""

    check: str
    where: str
    words: str
    mends: tuple[Statement, ...] = field(default=())

    @staticmethod
    def one(text: str, **values: Any) -> tuple[Statement, ...]:
        """Return one statement."""
        return (Statement(text=sa.text(text), values=values),)


_SEQ: Final = sa.text("""
    SELECT collection.id, collection.change_seq, MAX(seqs.change_seq)
    FROM collection JOIN (
      SELECT collection_id, change_seq FROM object UNION ALL SELECT collection_id, change_seq FROM tombstone
    ) AS seqs ON seqs.collection_id = collection.id
    GROUP BY collection.id, collection.change_seq
    HAVING MAX(seqs.change_seq) > collection.change_seq
""")
_FLOOR: Final = sa.text("SELECT id, change_seq FROM collection WHERE floor_seq > change_seq")
_TOMBSTONE: Final = sa.text("""
    SELECT tombstone.collection_id, object.id FROM tombstone JOIN object
      ON object.collection_id = tombstone.collection_id AND object.href = tombstone.href
    WHERE object.deleted = 0
""")
_HIDDEN: Final = sa.text("""
    SELECT object.id FROM object WHERE object.deleted <> 0 AND NOT EXISTS (
      SELECT 1 FROM intent WHERE intent.object_id = object.id AND intent.state IN ('waiting', 'in_flight')
    )
""")
_FOREIGN_ITEM: Final = sa.text("""
    SELECT item.id, object.collection_id FROM item JOIN object ON object.id = item.object_id
    WHERE item.collection_id <> object.collection_id
""")
_ITEMS: Final = sa.text("SELECT id, payload, snapshot FROM item")
_INTENTS: Final = sa.text("""
    SELECT id, state, object_id, closed_ms, step, client_text, action, losses FROM intent
""")
_CALENDARS: Final = sa.text("SELECT id, held FROM calendar")
_PROPS: Final = sa.text("SELECT id, props FROM collection")
_META: Final = sa.text("SELECT key, value FROM meta")
_HASHES: Final = sa.text("""
    SELECT 'password' AS kind, id, hash FROM password UNION ALL SELECT 'feed', id, hash FROM feed
""")
_UNLOOKED: Final = sa.text("""
    SELECT collection.id FROM collection LEFT JOIN calendar ON calendar.id = collection.calendar_id
    WHERE calendar.id IS NULL
""")

_HEX: Final = re.compile(r"[0-9a-f]{40,128}")
_NEW_EPOCH: Final = """
    INSERT INTO meta (key, value) VALUES ('epoch', :epoch) ON CONFLICT (key) DO UPDATE SET value = :epoch
"""
META_KEYS: Final = {"epoch": re.compile(r"[0-9a-f]{8,64}"), "pepper": re.compile(r"[0-9a-f]{64}")}


def sequence(c: sa.Connection) -> Iterator[Finding]:
    """Find change numbers beyond their collection's: they would be given out twice."""
    for collection_id, _seq, highest in c.execute(_SEQ):
        yield Finding(
            check="sequence",
            where=f"collection {collection_id}",
            words="its change number is behind its objects': clients would miss changes",
            mends=Finding.one(
                "UPDATE collection SET change_seq = :highest + 1 WHERE id = :id",
                highest=highest,
                id=collection_id,
            ),
        )
    for collection_id, seq in c.execute(_FLOOR):
        yield Finding(
            check="history",
            where=f"collection {collection_id}",
            words="its history is said to begin after its last change: no sync token would be accepted",
            mends=Finding.one(
                "UPDATE collection SET floor_seq = :seq WHERE id = :id", seq=seq, id=collection_id
            ),
        )


def tombstones(c: sa.Connection) -> Iterator[Finding]:
    """Find what is alive and buried at once."""
    for collection_id, object_id in c.execute(_TOMBSTONE):
        yield Finding(
            check="tombstone",
            where=f"object {object_id}",
            words="it is served and yet told to clients as deleted",
            mends=Finding.one(
                "DELETE FROM tombstone WHERE collection_id = :collection_id"
                " AND href = (SELECT href FROM object WHERE id = :id)",
                collection_id=collection_id,
                id=object_id,
            ),
        )


def hidden(c: sa.Connection) -> Iterator[Finding]:
    """Find what is hidden though no deletion is on its way."""
    for (object_id,) in c.execute(_HIDDEN):
        yield Finding(
            check="hidden",
            where=f"object {object_id}",
            words="it is hidden, but no deletion is on its way; the next pull shows it again if the vendor has it",
            mends=Finding.one("DELETE FROM object WHERE id = :id", id=object_id),
        )


def items(c: sa.Connection) -> Iterator[Finding]:
    """Find items in a calendar that is not their object's, or without what the vendor holds."""
    for item_id, collection_id in c.execute(_FOREIGN_ITEM):
        yield Finding(
            check="item",
            where=f"item {item_id}",
            words="it is noted in another calendar than its event",
            mends=Finding.one(
                "UPDATE item SET collection_id = :collection_id WHERE id = :id",
                collection_id=collection_id,
                id=item_id,
            ),
        )
    for item_id, payload, snapshot in c.execute(_ITEMS):
        if not (_is_object(payload) and _is_object(snapshot)):
            yield Finding(
                check="item",
                where=f"item {item_id}",
                words="what the vendor holds is not readable; it is asked for again at the next full pull",
                mends=Finding.one(
                    "UPDATE item SET payload = '{}', snapshot = '{}' WHERE id = :id", id=item_id
                ),
            )


def edits(c: sa.Connection) -> Iterator[Finding]:
    """Find edits that are neither open nor closed, or lack their object, their text or a readable step."""
    for row in c.execute(_INTENTS).mappings():
        where = f"edit {row['id']}"
        state = str(row["state"])
        if state not in OPEN | CLOSED:
            yield Finding(check="edit", where=where, words="its state is unknown; look at `queqiao changes`")
        elif state in OPEN and row["closed_ms"]:
            yield Finding(
                check="edit",
                where=where,
                words="it is on its way and closed at once",
                mends=Finding.one("UPDATE intent SET closed_ms = 0 WHERE id = :id", id=row["id"]),
            )
        elif state in OPEN and (
            row["object_id"] is None or (row["action"] == "put" and row["client_text"] is None)
        ):
            yield Finding(
                check="edit",
                where=where,
                words="it is on its way without its event or its text: it can never arrive",
                mends=Finding.one(
                    "UPDATE intent SET state = 'refused', closed_ms = opened_ms + 1, step = NULL,"
                    " words = 'the journal was damaged; make the edit again' WHERE id = :id",
                    id=row["id"],
                ),
            )
        elif state in CLOSED and not row["closed_ms"]:
            yield Finding(
                check="edit",
                where=where,
                words="its receipt has no time",
                mends=Finding.one("UPDATE intent SET closed_ms = opened_ms WHERE id = :id", id=row["id"]),
            )
        if row["step"] is not None and not _is_step(row["step"]):
            yield Finding(
                check="step",
                where=where,
                words="the step that may be in doubt is not readable; look in the vendor's app whether the event is there",
            )
        if not _is_list(row["losses"]):
            yield Finding(
                check="edit",
                where=where,
                words="the list of what did not fit is not readable",
                mends=Finding.one("UPDATE intent SET losses = '[]' WHERE id = :id", id=row["id"]),
            )


def calendars(c: sa.Connection) -> Iterator[Finding]:
    """Find notes beside calendars that cannot be read."""
    for calendar_id, held in c.execute(_CALENDARS):
        if not _is_list(held):
            yield Finding(
                check="held",
                where=f"calendar {calendar_id}",
                words="the list of held deletions is not readable; the next full pull makes it anew",
                mends=Finding.one(
                    "UPDATE calendar SET held = '[]', deep_ms = 0 WHERE id = :id", id=calendar_id
                ),
            )
    for collection_id, props in c.execute(_PROPS):
        if not _is_object(props):
            yield Finding(
                check="properties",
                where=f"collection {collection_id}",
                words="the properties that clients set are not readable",
                mends=Finding.one("UPDATE collection SET props = '{}' WHERE id = :id", id=collection_id),
            )
    for (collection_id,) in c.execute(_UNLOOKED):
        yield Finding(
            check="collection",
            where=f"collection {collection_id}",
            words="it shows no calendar of any vendor",
            mends=Finding.one("DELETE FROM collection WHERE id = :id", id=collection_id),
        )


def keys(c: sa.Connection) -> Iterator[Finding]:
    """Find lost keys and hashes that can fit nothing."""
    have = {str(row[0]): str(row[1]) for row in c.execute(_META)}
    for key, form in META_KEYS.items():
        if not form.fullmatch(have.get(key, "")):
            words = {
                "epoch": "the epoch of sync tokens is missing; a new one is made, clients compare everything once",
                "pepper": "the key of all password hashes is missing; restore a backup, or give out new passwords",
            }[key]
            mends = Finding.one(_NEW_EPOCH, epoch=secrets.token_hex(EPOCH_BYTES)) if key == "epoch" else ()
            yield Finding(check="key", where=f"meta {key}", words=words, mends=mends)
    for kind, row_id, hashed in c.execute(_HASHES):
        if not _HEX.fullmatch(str(hashed)):
            yield Finding(
                check="hash",
                where=f"{kind} {row_id}",
                words="its hash can fit nothing; it is revoked, make a new one",
                mends=Finding.one(_REVOKE[str(kind)], id=row_id),
            )


_REVOKE: Final = {
    "password": "DELETE FROM password WHERE id = :id",
    "feed": "DELETE FROM feed WHERE id = :id",
}

CHECKS: Final[tuple[Callable[[sa.Connection], Iterator[Finding]], ...]] = (
    sequence,
    tombstones,
    hidden,
    items,
    edits,
    calendars,
    keys,
)


def _loads(text: object) -> Any:
    try:
        return json.loads(str(text))
    except ValueError:
        return None


def _is_object(text: object) -> bool:
    return isinstance(_loads(text), dict)


def _is_list(text: object) -> bool:
    return isinstance(_loads(text), list)


def _is_step(text: object) -> bool:
    try:
        decode_sent(str(text))
    except (ValueError, KeyError, TypeError):
        return False
    return True

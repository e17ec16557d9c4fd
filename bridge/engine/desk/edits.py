"""A person's own edits: found again, undone, tried again; and events found by words of their title."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from bridge.errors import Missing, NotAllowed
from bridge.plan.intent import OPEN, State
from bridge.store import calendars, intents, objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from bridge.engine.admin_api import Row
    from bridge.engine.api import Login
    from bridge.engine.context import Engine
    from bridge.engine.service import Service
    from bridge.store.rows import CollectionRow, IntentRow, ObjectRow

FOUND_MAX: Final = 20
"""Events of one search."""
LOOKED_AT_MAX: Final = 20_000
"""Events that one search looks at."""
TITLE_CHARS_MAX: Final = 200
RECEIPTS_MAX: Final = 200
"""Receipts of one page."""


class Edits:
    """Thread-safe; every method looks only at what belongs to the user."""

    def __init__(self, engine: Engine, service: Service) -> None:
        self._store = engine.store
        self._service = service

    def receipts(self, user: str) -> list[Row]:
        """Return a user's edits, newest first, with ``id``, ``title`` and what may be done: ``can``."""
        with self._store.read() as c:
            rows = intents.receipts(c, user=user, since_ms=0, count=RECEIPTS_MAX)
            newest: set[tuple[int, str]] = set()
            found: list[Row] = []
            for row in rows:
                key = (row["collection_id"], row["href"])
                is_newest = key not in newest
                newest.add(key)
                text = row["client_text"] or row["base_text"] or row["lost_text"] or ""
                is_open = row["state"] in OPEN
                found.append(
                    {
                        "id": row["id"],
                        "opened_ms": row["opened_ms"],
                        "closed_ms": row["closed_ms"] or None,
                        "calendar": row["slug"],
                        "device": row["device"],
                        "action": row["action"],
                        "title": title_of(text),
                        "uid": row["uid"],
                        "outcome": ("in doubt" if row["step"] else "waiting") if is_open else row["state"],
                        "words": row["words"],
                        "losses": json.loads(row["losses"]),
                        "lost_text": row["lost_text"] or "",
                        "attempts": row["attempts"],
                        "can": _can(dict(row), is_newest=is_newest),
                    }
                )
        return found

    def again(self, intent_id: int, login: Login) -> None:
        """Send once more what was refused, as a new edit. Raises Missing, and what any write may raise."""
        row, collection = self._mine(intent_id, login)
        if _can(_as_dict(row), is_newest=self._is_newest(row)) != "again":
            msg = "this edit was not refused, or the event was edited since"
            raise NotAllowed(msg)
        if row.action == "delete":
            self._service.delete(collection.id, row.href, login)
            return
        text = row.lost_text or row.client_text or ""
        self._service.put(collection.id, row.href, text.encode(), login)

    def undo(self, intent_id: int, login: Login) -> None:
        """Bring back what was there before, as a new edit. Raises Missing, and what any write may raise."""
        row, collection = self._mine(intent_id, login)
        if _can(_as_dict(row), is_newest=self._is_newest(row)) != "undo":
            msg = "this edit cannot be undone any more: it did not happen, or the event was edited since"
            raise NotAllowed(msg)
        if row.base_text:
            self._service.put(collection.id, row.href, row.base_text.encode(), login)
        else:
            self._service.delete(collection.id, row.href, login)

    def find(self, user: str, words: str) -> list[Row]:
        """Return events whose title, UID or file name has the words: calendar, uid, href, title, starts_ms, deleted."""
        wanted = words.casefold().strip()
        found: list[Row] = []
        if not wanted:
            return found
        with self._store.read() as c:
            for slug, row in self._objects(c, user):
                title = title_of(row.text)
                if wanted in title.casefold() or words.strip() in (row.uid, row.href):
                    found.append(
                        {
                            "calendar": slug,
                            "uid": row.uid,
                            "href": row.href,
                            "title": title,
                            "starts_ms": row.starts_ms,
                        }
                    )
                    if len(found) >= FOUND_MAX:
                        break
        return found

    def _objects(self, c: sa.Connection, user: str) -> Iterator[tuple[str, ObjectRow]]:
        looked_at = 0
        for collection in calendars.collections_of_user(c, user):
            for row in objects.all_objects(c, collection.id):
                looked_at += 1
                if looked_at > LOOKED_AT_MAX:
                    return
                yield collection.slug, row

    def _mine(self, intent_id: int, login: Login) -> tuple[IntentRow, CollectionRow]:
        with self._store.read() as c:
            row = intents.get(c, intent_id)
            collection = calendars.collection(c, row.collection_id) if row is not None else None
        if row is None or collection is None or collection.user != login.user:
            msg = "there is no such edit of yours"
            raise Missing(msg)
        return row, collection

    def _is_newest(self, row: IntentRow) -> bool:
        with self._store.read() as c:
            story = intents.story(c, collection_id=row.collection_id, href=row.href, uid=row.uid or row.href)
        return bool(story) and story[-1].id == row.id


def _as_dict(row: IntentRow) -> Row:
    return {"state": row.state, "action": row.action, "lost_text": row.lost_text, "client_text": row.client_text,
            "base_text": row.base_text}  # fmt: skip


def _can(row: Row, *, is_newest: bool) -> str:
    """Return ``again``, ``undo`` or "": only the newest edit of an event can be taken up again."""
    if not is_newest or row["state"] in OPEN or row["action"] not in ("put", "delete"):
        return ""
    if row["state"] == State.REFUSED:
        return "again" if row["action"] == "delete" or row["lost_text"] or row["client_text"] else ""
    if row["state"] in (State.APPLIED, State.MERGED):
        return "undo" if row["base_text"] or row["action"] == "put" else ""
    return ""


def title_of(text: str) -> str:
    """Return the first SUMMARY of a calendar text, unfolded and unescaped; "" without one (RFC 5545 3.1, 3.3.11)."""
    start = text.find("\nSUMMARY")
    if start < 0:
        return ""
    piece = text[start + 1 : start + 4 * TITLE_CHARS_MAX]
    line = piece.replace("\r\n ", "").replace("\r\n\t", "").split("\r\n", 1)[0].split("\n", 1)[0]
    value = line.partition(":")[2]
    plain = value.replace("\\n", " ").replace("\\N", " ").replace("\\,", ",").replace("\\;", ";")
    return plain.replace("\\\\", "\\")[:TITLE_CHARS_MAX]

"""client -> us: PUT, DELETE, MOVE. Judge, journal, then wait a little for the vendor (bounded write-through)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy.exc

from bridge.engine import delivery, judge
from bridge.engine.api import Login, PutResult
from bridge.engine.merging import CONFLICT
from bridge.engine.points import Point, reached
from bridge.engine.texts import etag_of, object_values
from bridge.errors import BadInput, Missing, NotAllowed, Overtaken, PreconditionFailed, Refused
from bridge.ical import parse as ical_parse
from bridge.plan.intent import Action, State
from bridge.store import calendars, intents, objects

if TYPE_CHECKING:
    import sqlalchemy as sa

    from bridge.engine.carry import Carrier
    from bridge.engine.context import Engine
    from bridge.model.event import CalendarObject
    from bridge.store.rows import CollectionRow, ObjectRow

HREF_BYTES_MAX: Final = 512
"""Length of an object's name in a URL, in bytes; file-backed clients and proxies stay below."""
RACES_MAX: Final = 4
"""How often an edit is judged anew because another one was faster."""


class Writer:
    """Takes edits from clients."""

    def __init__(self, engine: Engine, carrier: Carrier) -> None:
        self._engine = engine
        self._carrier = carrier

    def put(
        self,
        collection_id: int,
        href: str,
        body: bytes,
        login: Login,
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> PutResult:
        """Store an object and carry it to the vendor; see ``api.Service.put``."""
        collection = self._writable(collection_id, login)
        check_href(href)
        zone = self._engine.default_zone(collection.source_id)
        parsed = ical_parse.parse(body, default_zone=zone, max_bytes=self._engine.object_bytes_max)
        for _ in range(RACES_MAX):
            with self._engine.store.read() as c:
                row = objects.by_href(c, collection_id, href)
                twin = objects.by_uid(c, collection_id, parsed.object.uid)
            judge.check_preconditions(row, if_match, if_none_match)
            _check_uid(row, twin, parsed.object.uid)
            if row is not None and not row.deleted and row.text == parsed.text:
                return PutResult(created=False, etag=row.etag)
            verdict = judge.judge_put(self._engine, collection, row, parsed.object)
            text = parsed.text if verdict.needs_vendor else self._settled(collection, row, parsed)
            if row is not None and not row.deleted and row.text == text:
                return PutResult(created=False, etag=None)
            try:
                intent_id = self._journal_put(collection, row, href, parsed.object, text, verdict, login)
            except (Overtaken, sqlalchemy.exc.IntegrityError):
                continue
            created = row is None or bool(row.deleted)
            reached(Point.JOURNALED)
            if intent_id is None:
                return PutResult(created=created, etag=etag_of(text) if text == parsed.text else None)
            return self._answer(intent_id, lane=collection_id, created=created, sent=parsed.text)
        msg = "the event is being changed by somebody else at the same moment; read it again and repeat the edit"
        raise PreconditionFailed(msg)

    def _settled(self, collection: CollectionRow, row: ObjectRow | None, parsed: ical_parse.Parsed) -> str:
        """Return the text as it is served when the vendor need not be asked: with what is known of its people."""
        with self._engine.store.read() as c:
            rows = objects.items(c, row.id) if row is not None else []
            busy = row is not None and intents.has_open(c, row.id)
        if busy:
            return parsed.text  # it waits behind another edit, and is settled after it
        return delivery.settled(self._engine, collection, rows, parsed.object, parsed.text)

    def _journal_put(
        self,
        collection: CollectionRow,
        row: ObjectRow | None,
        href: str,
        obj: CalendarObject,
        text: str,
        verdict: judge.Verdict,
        login: Login,
    ) -> int | None:
        """Commit the served text and, where the vendor has to learn of it, the intent; returns the open intent."""
        now_ms = self._engine.clock.now_ms()
        with self._engine.store.write() as c:
            seq = calendars.take_seq(c, collection.id, now_ms)
            values = object_values(obj, text, now_ms=now_ms, change_seq=seq)
            values["exact_until_ms"] = verdict.exact_until_ms
            if row is not None and row.deleted and row.uid != obj.uid:
                _step_aside(c, row, now_ms)
                row = None
            if row is None:
                object_id = objects.add(c, {**values, "collection_id": collection.id, "href": href})
                busy = False
            else:
                object_id = row.id
                busy = intents.has_open(c, object_id)
                if not objects.change(c, row, values):
                    msg = "another edit was faster"
                    raise Overtaken(msg)
            record: dict[str, Any] = {
                "object_id": object_id,
                "collection_id": collection.id,
                "href": href,
                "uid": obj.uid,
                "action": Action.PUT,
                "device": login.device,
                "client_text": text,
                "base_text": None if row is None or row.deleted else row.text,
                "now_ms": now_ms,
                "losses": json.dumps(verdict.losses, ensure_ascii=False),
            }
            if not verdict.needs_vendor and not busy:
                intents.add(
                    c,
                    {
                        **record,
                        "state": State.APPLIED,
                        "closed_ms": now_ms,
                        "words": verdict.words,
                    },
                )
                return None
            record["base_text"] = self._supersede(c, object_id, record["base_text"], now_ms)
            return intents.add(c, record)

    def delete(self, collection_id: int, href: str, login: Login, *, if_match: str | None = None) -> None:
        """Delete an object here and at the vendor; see ``api.Service.delete``."""
        collection = self._writable(collection_id, login)
        for _ in range(RACES_MAX):
            with self._engine.store.read() as c:
                row = objects.by_href(c, collection_id, href)
            if row is None or row.deleted:
                msg = "there is no such event (any more)"
                raise Missing(msg)
            judge.check_preconditions(row, if_match, None)
            intent_id = self._journal_delete(collection, row, login)
            if intent_id is None:
                continue
            reached(Point.JOURNALED)
            self._answer(intent_id, lane=collection_id, created=False, sent="")
            return
        msg = "the event is being changed by somebody else at the same moment; read it again and repeat"
        raise PreconditionFailed(msg)

    def _journal_delete(self, collection: CollectionRow, row: ObjectRow, login: Login) -> int | None:
        now_ms = self._engine.clock.now_ms()
        with self._engine.store.write() as c:
            if not objects.hide(c, row):
                return None
            seq = calendars.take_seq(c, collection.id, now_ms)
            objects.bury(c, collection.id, row.href, change_seq=seq, now_ms=now_ms)
            base_text = self._supersede(c, row.id, row.text, now_ms)
            return intents.add(
                c,
                {
                    "object_id": row.id,
                    "collection_id": collection.id,
                    "href": row.href,
                    "uid": row.uid,
                    "action": Action.DELETE,
                    "device": login.device,
                    "base_text": base_text,
                    "now_ms": now_ms,
                },
            )

    def move(
        self,
        collection_id: int,
        href: str,
        to_collection_id: int,
        to_href: str,
        login: Login,
        *,
        overwrite: bool,
    ) -> bool:
        """Move an object: inside a calendar only its name changes, between calendars it is made anew.

        Making it anew comes first: whatever happens, it never is nowhere.
        """
        self._writable(collection_id, login)
        check_href(to_href)
        with self._engine.store.read() as c:
            row = objects.by_href(c, collection_id, href)
            target = objects.by_href(c, to_collection_id, to_href)
        if row is None or row.deleted:
            msg = "there is no such event (any more)"
            raise Missing(msg)
        exists = target is not None and not target.deleted
        if exists and not overwrite:
            msg = "the target exists and the request says not to overwrite it"
            raise PreconditionFailed(msg)
        if collection_id == to_collection_id:
            return self._rename(row, target if exists else None, to_href, login)
        self._writable(to_collection_id, login)
        if exists:
            self.delete(to_collection_id, to_href, login)
        self.put(to_collection_id, to_href, row.text.encode(), login)
        reached(Point.HALF_MOVED)
        self.delete(collection_id, href, login)
        return not exists

    def _rename(self, row: ObjectRow, target: ObjectRow | None, to_href: str, login: Login) -> bool:
        if target is not None and target.id == row.id:
            return False
        if target is not None:
            self.delete(row.collection_id, to_href, login)
        now_ms = self._engine.clock.now_ms()
        with self._engine.store.write() as c:
            hidden = objects.by_href(c, row.collection_id, to_href)
            if hidden is not None:
                _step_aside(c, hidden, now_ms)
            seq = calendars.take_seq(c, row.collection_id, now_ms)
            if not objects.rename(c, row, href=to_href, change_seq=seq, now_ms=now_ms):
                msg = "another edit was faster"
                raise Overtaken(msg)
            objects.bury(c, row.collection_id, row.href, change_seq=seq, now_ms=now_ms)
        return target is None

    def _supersede(self, c: sa.Connection, object_id: int, base_text: str | None, now_ms: int) -> str | None:
        """Close edits that never left; returns the text that the vendor last agreed on.

        One out of a backup may have left after the backup was taken: the next edit waits behind it.
        """
        unsent = [
            i
            for i in intents.open_of(c, object_id)
            if i.state == State.WAITING
            and not i.step
            and not i.steps_done
            and i.opened_ms >= self._engine.restored_ms
        ]
        if unsent:
            words = "the next edit took its place before it left"
            since_ms = self._engine.restored_ms
            intents.supersede(c, object_id, now_ms=now_ms, words=words, since_ms=since_ms)
            return unsent[0].base_text
        return base_text

    def _answer(self, intent_id: int, *, lane: int, created: bool, sent: str) -> PutResult:
        """Wait for the vendor at most ``write_wait_s``, and say what is known by then."""
        self._carrier.carry_soon(intent_id, lane=lane).wait(self._engine.sync.write_wait_s)
        with self._engine.store.read() as c:
            intent = intents.get(c, intent_id)
            row = (
                objects.get(c, intent.object_id)
                if intent is not None and intent.object_id is not None
                else None
            )
        if intent is None:
            return PutResult(created=created, etag=None)
        if intent.state == State.REFUSED:
            if intent.words == CONFLICT:
                raise PreconditionFailed(CONFLICT)
            raise Refused(intent.words)
        same = row is not None and row.text == sent and not row.deleted
        waiting = intent.state in (State.WAITING, State.IN_FLIGHT)
        return PutResult(
            created=created, etag=row.etag if row is not None and same else None, waiting=waiting
        )

    def _writable(self, collection_id: int, login: Login) -> CollectionRow:
        with self._engine.store.read() as c:
            collection = calendars.collection(c, collection_id)
        if collection is None or collection.user != login.user:
            msg = "there is no such calendar"
            raise Missing(msg)
        if login.read_only:
            msg = "this device's password allows reading only; make one that may write on the start page"
            raise NotAllowed(msg, precondition="D:need-privileges")
        if not collection.writable:
            msg = collection.reason or "the calendar can only be read"
            raise NotAllowed(msg, precondition="D:need-privileges")
        return collection


def _step_aside(c: sa.Connection, hidden: ObjectRow, now_ms: int) -> None:
    """Free the name of an object whose deletion is still on its way, under one that no client can use."""
    objects.rename(c, hidden, href=f"{hidden.id}/deleted", change_seq=hidden.change_seq, now_ms=now_ms)


def check_href(href: str) -> None:
    """Refuse names that no URL can carry back."""
    if not href or "/" in href or "\x00" in href or href in (".", ".."):
        msg = "the name of an event must be one path segment"
        raise BadInput(msg, http_status=403, precondition="C:calendar-collection-location-ok")
    if len(href.encode()) > HREF_BYTES_MAX:
        msg = f"the name of an event may have {HREF_BYTES_MAX} bytes at most"
        raise BadInput(msg, http_status=414, precondition="C:calendar-collection-location-ok")


def _check_uid(row: ObjectRow | None, twin: ObjectRow | None, uid: str) -> None:
    if row is not None and not row.deleted and row.uid != uid:
        msg = "the UID of an event never changes; store the other event under a name of its own"
        raise BadInput(msg, http_status=409, precondition="C:no-uid-conflict")
    if twin is not None and (row is None or twin.id != row.id):
        msg = "the calendar already holds an event with this UID under another name"
        raise BadInput(msg, http_status=409, precondition="C:no-uid-conflict")

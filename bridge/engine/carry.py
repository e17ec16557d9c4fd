"""us -> vendor: intents are carried step by step until the vendor holds what the client wrote.

Nothing is open in the database while a request is. Before a request leaves, what it is about to do is written on the
intent; after a crash or a lost answer that very step is settled by asking before anything else is sent.
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.engine import merging, outcome, wholes
from bridge.engine.context import is_dead
from bridge.engine.desired import Desired, desire
from bridge.engine.doubt import nothing_else_made_it
from bridge.engine.judge import Situation, changed_answers, restriction, situation
from bridge.engine.points import Point, reached
from bridge.engine.steps_json import Sent, decode_sent, encode_sent
from bridge.engine.texts import read
from bridge.errors import (
    BridgeError,
    Missing,
    OccurrenceRefused,
    OutcomeUnknown,
    Overtaken,
    Refused,
    Throttled,
    Unauthorised,
)
from bridge.log import fields, request_scope
from bridge.model.people import PartStat
from bridge.model.upstream import Upstream
from bridge.plan.intent import Action, backoff_s
from bridge.plan.moments import key_moment
from bridge.plan.steps import Step, next_step
from bridge.providers.base import Applied, Create, Delete, Known, NotApplied, Respond, Target
from bridge.store import calendars, intents, objects, shared

if TYPE_CHECKING:
    from bridge.engine.context import Engine
    from bridge.model.event import CalendarObject
    from bridge.model.people import Roster
    from bridge.plan.items import Compiled
    from bridge.store.rows import CollectionRow, IntentRow

log = logging.getLogger(__name__)

STEPS_MAX: Final = 400
"""Operations of one edit; far above ``compile_items_max`` creations, drops and splits together."""
OWNED_MS: Final = 60_000
"""How long an intent belongs to the one who carries it without a sign of life; longer than any request may take."""
WAKE_AFTER_MS: Final = 15 * 60_000
"""What waits longer than this (milliseconds) waits for a quota; all other waits are shorter."""
SAME_TOKEN_MAX: Final = 4
"""Attempts at one edit that repeat a step under the token it was sent with first."""
ASK_AFTER_MS: Final = 12_000
"""A request that its process did not survive is asked for so long after it left (milliseconds): a vendor may still
carry it out for as long as the process would have waited for the answer. Sooner, it would be made a second time."""
SETTLE_AFTER_S: Final = 1.0
"""First wait before an unknown outcome is asked for."""


class Carrier:
    """Carries intents on a bounded pool of threads, calendar by calendar in turn: nobody waits behind somebody's hundred."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pool = ThreadPoolExecutor(engine.sync.carry_threads, thread_name_prefix="carry")
        self._done: dict[int, threading.Event] = {}
        self._lanes: OrderedDict[int, deque[tuple[int, threading.Event]]] = OrderedDict()
        """Collection -> its intents that wait for a thread."""
        self._lock = threading.Lock()
        self._closed = False

    def carry_soon(self, intent_id: int, *, lane: int = 0) -> threading.Event:
        """Start carrying; the event is set when this attempt has ended, however it ended. ``lane``: the collection."""
        with self._lock:
            event = self._done.get(intent_id)
            if event is not None:
                return event
            event = self._done[intent_id] = threading.Event()
            if self._closed:
                self._done.pop(intent_id).set()
                return event
            self._lanes.setdefault(lane, deque()).append((intent_id, event))
            self._pool.submit(self._run_next)
        return event

    def _run_next(self) -> None:
        """Carry the next intent of the collection whose turn it is; each submission finds one."""
        with self._lock:
            lane, waiting = next(iter(self._lanes.items()))
            intent_id, event = waiting.popleft()
            self._lanes.move_to_end(lane)
            if not waiting:
                del self._lanes[lane]
        self._run(lane, intent_id, event)

    def recover(self) -> int:
        """Free what processes of this host carried or held when they died; returns how many intents."""
        with self._engine.store.read() as c:
            owners = {*intents.owners(c), *shared.lease_owners(c)}
        dead = [owner for owner in owners if is_dead(owner)]
        if not dead:
            return 0
        with self._engine.store.write() as c:
            for owner in dead:
                shared.release_leases(c, owner)
            return sum(intents.abandon(c, owner, sooner_ms=OWNED_MS - ASK_AFTER_MS) for owner in dead)

    def wake(self) -> int:
        """Try now what waits for the end of a quota: it may have been raised; returns how many edits and calendars.

        Asking costs nothing: the bridge's own count refuses without a call, and calls that a vendor refuses for its
        quota are not billed.
        """
        now_ms = self._engine.clock.now_ms()
        with self._engine.store.write() as c:
            after_ms = now_ms + WAKE_AFTER_MS
            return intents.wake(c, now_ms=now_ms, after_ms=after_ms) + calendars.wake(
                c, now_ms=now_ms, after_ms=after_ms
            )

    def close(self) -> None:
        """Finish what has begun; what waits stays journaled."""
        with self._lock:
            self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            for event in self._done.values():
                event.set()

    def tick(self) -> int:
        """Take up intents that are due; returns how many."""
        with self._engine.store.read() as c:
            due = intents.due(
                c, now_ms=self._engine.clock.now_ms(), count=self._engine.sync.carry_threads * 4
            )
        for intent in due:
            self.carry_soon(intent.id, lane=intent.collection_id)
        return len(due)

    def _run(self, lane: int, intent_id: int, event: threading.Event) -> None:
        follow: int | None = None
        try:
            follow = carry(self._engine, intent_id)
        except Exception:
            log.exception("carry.failed", extra=fields(intent=intent_id))
        finally:
            with self._lock:
                self._done.pop(intent_id, None)
            event.set()
        if follow is not None:
            self.carry_soon(follow, lane=lane)


def carry(engine: Engine, intent_id: int) -> int | None:
    """Carry one intent as far as it goes now; returns the intent that waits behind it, if any."""
    now_ms = engine.clock.now_ms()
    owner = f"{engine.node}-{threading.get_ident()}"
    with engine.store.write() as c:
        if not intents.claim(c, intent_id, owner=owner, now_ms=now_ms, until_ms=now_ms + OWNED_MS):
            return None
        intent = intents.get(c, intent_id)
    if intent is None or intent.object_id is None:
        return None
    with request_scope(intent.request_id):
        _attempt(engine, intent, owner)
    with engine.store.read() as c:
        waiting = intents.open_of(c, intent.object_id)
    return waiting[0].id if waiting and waiting[0].id != intent_id else None


def _attempt(engine: Engine, intent: IntentRow, owner: str) -> None:
    """Carry a claimed intent as far as it goes now; however it ends is written down. Log lines carry its request's id."""
    job = _Job(engine, intent, owner)
    reached(Point.CLAIMED)
    try:
        job.run()
    except Overtaken:
        job.put_back(words="another node took over", retry_s=1.0, keep_step=True)
    except Refused as error:
        outcome.refuse(engine, job.fresh(), owner, error)
        log.info("intent.refused", extra=fields(intent=intent.id, code=error.code))
    except Throttled as error:
        job.put_back(words=str(error), retry_s=error.retry_after_s, keep_step=False)
    except OutcomeUnknown as error:
        job.put_back(words=str(error), retry_s=SETTLE_AFTER_S, keep_step=True)
    except Unauthorised as error:
        job.put_back(words=str(error), retry_s=UNAUTHORISED_RETRY_S, keep_step=False)
    except BridgeError as error:
        job.put_back(words=str(error), retry_s=0.0, keep_step=False)
    except Exception:
        log.exception("intent.broken", extra=fields(intent=intent.id))
        job.put_back(words="the bridge itself failed; see its log", retry_s=BROKEN_RETRY_S, keep_step=True)


LOST_SERIES: Final = (
    "the vendor deleted the whole series when asked to delete one occurrence; the series is made again as it was, "
    "change it as a whole or delete the occurrence in the vendor's app"
)
UNAUTHORISED_RETRY_S: Final = 60.0
"""Somebody has to change a setting first."""
BROKEN_RETRY_S: Final = 300.0


class _Job:
    """One attempt at one intent."""

    def __init__(self, engine: Engine, intent: IntentRow, owner: str) -> None:
        self._engine = engine
        self._intent = intent
        self._owner = owner
        with engine.store.read() as c:
            collection = calendars.collection(c, intent.collection_id)
        if collection is None:
            msg = "the calendar is not linked any more"
            raise Missing(msg)
        self._collection: CollectionRow = collection
        self._target = Target(user_id=collection.me, calendar_id=collection.upstream_calendar_id)
        self._zone = engine.default_zone(collection.source_id)
        self._answered: set[str] = set()
        self._again: Sent | None = None
        """A step that was sent, and that the vendor has not carried out as far as anybody can tell."""
        self._in_doubt = False
        self._losses = intent.losses
        self._plan: Compiled | None = None
        self._cut = self._is_newly_cut = False
        """Whether the vendor was found, or is known, to take no change of one occurrence alone."""
        self._roster: Roster | None = None
        self._notes: tuple[str, ...] = ()

    def fresh(self) -> IntentRow:
        """Return the intent as it stands in the database now."""
        with self._engine.store.read() as c:
            return intents.get(c, self._intent.id) or self._intent

    def put_back(self, *, words: str, retry_s: float, keep_step: bool) -> None:
        """Leave the intent for later."""
        intent = self.fresh()
        wait_s = backoff_s(intent.attempts, retry_after_s=retry_s)
        # As long as nobody could say what became of a step, it is asked for again: forgotten, it would be done twice.
        step = intent.step if keep_step or self._in_doubt else None
        with self._engine.store.write() as c:
            retry_at_ms = self._engine.clock.now_ms() + int(wait_s * 1000)
            intents.retry(c, intent.id, owner=self._owner, retry_at_ms=retry_at_ms, words=words, step=step)
        log.info("intent.waits", extra=fields(intent=intent.id, retry_after_s=round(wait_s, 1)))

    def run(self) -> None:
        """Do steps until none is left."""
        if self._intent.step is not None:
            try:
                self._settle(decode_sent(self._intent.step))
            except OccurrenceRefused as error:
                self._cut_instead(error)
        self._merge()
        for _ in range(STEPS_MAX):
            step = self._next()
            if step is None:
                reached(Point.DONE)
                if self._is_newly_cut:
                    wholes.learn(self._engine, self._collection.source_id)
                outcome.complete(
                    self._engine, self.fresh(), self._owner, losses=self._losses, notes=self._notes
                )
                reached(Point.CLOSED)
                log.info("intent.applied", extra=fields(intent=self._intent.id))
                return
            try:
                self._do(step)
            except OccurrenceRefused as error:
                self._cut_instead(error)
        msg = f"the edit needs more than {STEPS_MAX} calls to the vendor; make the series simpler"
        raise Refused(msg)

    def _cut_instead(self, error: OccurrenceRefused) -> None:
        """Cut the series around its exceptions from now on; raises ``error`` if it was cut already."""
        with self._engine.store.write() as c:
            intents.set_step(c, self._intent.id, owner=self._owner, step=None)
            self._intent = replace(self._intent, step=None)
            if isinstance(error.series, Upstream) and self._roster is not None:
                wholes.note_series(
                    c, self._engine, self._collection, self._intent.object_id or 0, error.series, self._roster
                )
        if self._cut:
            raise error
        self._cut = self._is_newly_cut = True
        self._plan = self._again = None
        if error.is_sure:
            wholes.learn(self._engine, self._collection.source_id)

    def _merge(self) -> None:
        """Bring in what happened at the vendor since the client read the event, where the mirror may be old."""
        with self._engine.store.read() as c:
            rows = objects.items(c, self._intent.object_id or 0)
        if not merging.is_due(self._engine, self._intent, self._collection, rows):
            return
        merged = merging.merge_in(
            self._engine, self._intent, self._owner, self._collection, self._target, rows
        )
        self._intent, self._notes = merged.intent, merged.notes

    def _next(self) -> Step | None:
        with self._engine.store.read() as c:
            rows = objects.items(c, self._intent.object_id or 0)
        base = read(self._intent.base_text, self._zone) if self._intent.base_text else None
        if self._intent.action == Action.DELETE:
            at = situation(
                self._engine, self._collection, rows, uid=self._intent.uid, texts=(base,) if base else ()
            )
            return self._next_delete(at)
        obj = read(self._intent.client_text or "", self._zone)
        at = situation(
            self._engine, self._collection, rows, uid=obj.uid, texts=(obj, base) if base else (obj,)
        )
        if at.unsure:
            msg = "the directory does not answer, so that it is not known yet whom to invite"
            raise Throttled(msg, retry_after_s=5.0)
        if restriction(at):
            return self._next_answer(at, obj, base)
        self._cut, self._roster = self._cut or at.span.cut, at.roster
        span = replace(at.span, cut=self._cut)
        desired = desire(obj, at.have, at.provider.mapper, at.roster, span, base=base, plan=self._plan)
        self._plan = desired.plan
        self._note_losses(desired)
        step = next_step(at.have, desired.wants, exclusions_told=at.provider.mapper.limits.splits_are_items)
        return step or self._next_answer(at, obj, base)

    def _next_answer(self, at: Situation, obj: CalendarObject, base: CalendarObject | None) -> Step | None:
        if not at.provider.mapper.limits.can_respond:
            return None
        for key, answer in changed_answers(at.roster, obj, base).items():
            item, main = at.have.get(key), at.have.get("")
            one = item if item is not None and not item.cancelled else main
            if one is None or one.cancelled or key in self._answered:
                continue
            self._answered.add(key)
            moment = key_moment(key[1:]) if one.key != key else None
            operation = Respond(id=one.upstream_id, partstat=PartStat(answer), at=moment)
            return Step(key=key, operation=operation)
        return None

    def _next_delete(self, at: Situation) -> Step | None:
        guest = bool(restriction(at)) and at.provider.mapper.limits.can_respond
        for item in at.have.values():
            if item.cancelled:
                continue
            if guest and item.key not in self._answered:
                self._answered.add(item.key)
                return Step(key=item.key, operation=Respond(id=item.upstream_id, partstat=PartStat.DECLINED))
            return Step(key=item.key, operation=Delete(id=item.upstream_id))
        return None

    def _do(self, step: Step) -> None:
        sent = Sent(key=step.key, operation=step.operation, token=self._token_of(step))
        with self._engine.store.write() as c:
            until_ms = self._engine.clock.now_ms() + OWNED_MS
            kept = intents.extend(c, self._intent.id, owner=self._owner, until_ms=until_ms)
            if not (kept and intents.set_step(c, self._intent.id, owner=self._owner, step=encode_sent(sent))):
                msg = "another node took the edit over"
                raise Overtaken(msg)
        reached(Point.STEP_WRITTEN)
        if isinstance(sent.operation, Create) and self._intent.opened_ms < self._engine.restored_ms:
            # Out of a backup: it may have been carried out after the backup was taken.
            if self._settle(sent):
                return
            with self._engine.store.write() as c:
                intents.set_step(c, self._intent.id, owner=self._owner, step=encode_sent(sent))
        provider = self._engine.provider(self._collection.source_id)
        try:
            applied = provider.apply(self._target, sent.operation, sent.token)
        except Missing:
            if not isinstance(sent.operation, Respond | Delete):
                raise
            applied = Applied(item=None)
        reached(Point.ANSWERED)
        self._record(sent, applied)
        reached(Point.RECORDED)

    def _token_of(self, step: Step) -> str:
        """Return the idempotency token: that of the same step before, so that a late first copy makes no second item.

        Not for ever: a vendor may also remember that a token failed.
        """
        again, self._again = self._again, None
        same = again is not None and (again.key, again.operation) == (step.key, step.operation)
        if again is not None and same and self._intent.attempts <= SAME_TOKEN_MAX:
            return again.token
        return str(uuid.uuid4())

    def _settle(self, sent: Sent) -> bool:
        """Ask what became of a step whose answer never came; returns whether it stands at the vendor."""
        provider = self._engine.provider(self._collection.source_id)
        with self._engine.store.read() as c:
            known = Known(ids=objects.calendar_item_ids(c, self._collection.calendar_id))
        self._in_doubt = True
        answer = provider.settle(self._target, sent.operation, sent.token, known)
        self._in_doubt = False
        if isinstance(answer, Applied) and not (
            answer.is_sure or nothing_else_made_it(self._engine, self._collection.calendar_id, answer)
        ):
            answer = NotApplied()
        log.info(
            "intent.settled",
            extra=fields(
                intent=self._intent.id, outcome="applied" if isinstance(answer, Applied) else "not_applied"
            ),
        )
        if isinstance(answer, NotApplied):
            self._again = sent
            with self._engine.store.write() as c:
                intents.set_step(c, self._intent.id, owner=self._owner, step=None)
            self._intent = replace(self._intent, step=None)
            return False
        self._record(sent, answer)
        return True

    def _record(self, sent: Sent, applied: Applied) -> None:
        """Write down what stands at the vendor now, together with the end of the step."""
        with self._engine.store.write() as c:
            if not intents.step_done(c, self._intent.id, owner=self._owner):
                # The effect is at the vendor, the intent is somebody else's: they settle this very step.
                msg = "another node took the edit over"
                raise Overtaken(msg)
            outcome.record(c, self._engine, self._collection, self._intent.object_id or 0, sent, applied)
        self._engine.echoes.note(self._collection.calendar_id, sent.operation, applied)
        self._intent = replace(self._intent, step=None, steps_done=self._intent.steps_done + 1)
        if applied.series is not None and applied.series.cancelled:
            # Repeating the series and the removal would only do the same again: the edit is undone instead.
            raise OccurrenceRefused(LOST_SERIES)

    def _note_losses(self, desired: Desired) -> None:
        self._losses = json.dumps([[loss.what, loss.why] for loss in desired.losses], ensure_ascii=False)

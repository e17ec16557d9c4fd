"""Everything about a client's edit that can be judged without asking the vendor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.engine import directory, wholes
from bridge.engine.desired import Desired, Span, desire
from bridge.engine.texts import have_of, own_answer, read
from bridge.errors import BadInput, NotAllowed, PreconditionFailed
from bridge.ical import recur
from bridge.model import fidelity
from bridge.plan.moments import override_key
from bridge.plan.steps import next_step
from bridge.store import objects

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.engine.context import Engine
    from bridge.model.event import CalendarObject
    from bridge.model.loss import Loss
    from bridge.model.people import Roster
    from bridge.model.upstream import Json
    from bridge.plan.steps import Have
    from bridge.providers.base import Provider
    from bridge.store.rows import CollectionRow, ItemRow, ObjectRow


HELD: Final = "kept here; the vendor holds it already"
KEPT: Final = "kept here only"
PRIMARY: Final = "primary"
"""How the main calendar of a person is called where ids mean another calendar for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an acceptable edit means."""

    needs_vendor: bool
    exact_until_ms: int | None
    losses: tuple[tuple[str, str], ...]
    words: str = HELD
    """What the receipt says if the vendor need not learn of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """An object between client and vendor, with all that a decision needs."""

    provider: Provider
    roster: Roster
    unsure: bool
    """Somebody's address could not be looked up now."""
    have: dict[str, Have]
    span: Span
    is_lent: bool = False
    """The calendar is somebody else's, who lets the principal write in it."""


def situation(
    engine: Engine,
    collection: CollectionRow,
    rows: list[ItemRow],
    *,
    uid: str,
    texts: tuple[CalendarObject, ...],
    ask: bool = True,
) -> Situation:
    """Gather what a decision about one object needs; ``texts`` are the readings whose people must be known."""
    provider = engine.provider(collection.source_id)
    addresses: dict[str, str] = {}
    for obj in texts:
        for address, name in directory.addresses_of(obj).items():
            addresses.setdefault(address, name)
    resolved = directory.resolve(engine, collection.source_id, collection.me, addresses=addresses, ask=ask)
    return Situation(
        provider=provider,
        roster=resolved.roster,
        unsure=bool(resolved.unsure),
        have=have_of(rows, provider.mapper, uid, resolved.roster),
        span=wholes.span(engine, collection.source_id),
        is_lent=not provider.mapper.limits.calendar_ids_global and collection.upstream_calendar_id != PRIMARY,
    )


def restriction(at: Situation) -> str:
    """Return why the principal may not change the object's content, or "".

    What stands in a lent calendar and does not invite the principal is the lender's: whether the writer may act for the
    lender is the vendor's to say.
    """
    mapper = at.provider.mapper
    for key in ("", *at.have):
        item = at.have.get(key)
        if item is not None and not item.cancelled:
            if at.is_lent and at.roster.me not in mapper.people_of(item.snapshot):
                return ""
            return mapper.allows_change(item.snapshot, at.roster)
    return ""


def judge_put(
    engine: Engine, collection: CollectionRow, row: ObjectRow | None, obj: CalendarObject
) -> Verdict:
    """Judge a new text against what is there; raises Refused."""
    zone = engine.default_zone(collection.source_id)
    with engine.store.read() as c:
        rows = objects.items(c, row.id) if row is not None else []
    base = read(row.text, zone) if row is not None and not row.deleted else None
    at = situation(engine, collection, rows, uid=obj.uid, texts=(obj, base) if base else (obj,))
    reason = restriction(at)
    if reason:
        return _judge_guest(at, obj, base, reason)
    _refuse_answers(at, obj, base)
    desired = desire(obj, at.have, at.provider.mapper, at.roster, at.span, base=base)
    is_over = not desired.wants and desired.exact_until_ms is None  # a series may begin beyond the horizon
    if is_over and not recur.has_any(obj):
        msg = "the object has no occurrence that could be shown; give it at least one, or delete it"
        raise BadInput(msg, precondition="C:valid-calendar-object-resource")
    past = (fidelity.loss("RRULE.past", kind=at.provider.mapper.limits.kind),) if is_over else ()
    step = next_step(at.have, desired.wants, exclusions_told=at.provider.mapper.limits.splits_are_items)
    return Verdict(
        needs_vendor=step is not None or at.unsure,
        exact_until_ms=desired.exact_until_ms,
        losses=_loss_pairs((*desired.losses, *past)),
        words=KEPT if is_over else HELD,
    )


def _judge_guest(at: Situation, obj: CalendarObject, base: CalendarObject | None, reason: str) -> Verdict:
    """Judge a guest's edit: alarms and the own answer may change, what the organizer decides may not."""
    if base is not None:
        mapper = at.provider.mapper
        before = _content(desire(base, at.have, mapper, at.roster, at.span, base=base))
        after = _content(desire(obj, at.have, mapper, at.roster, at.span, base=base))
        if before != after or _guests(base) != _guests(obj):
            raise NotAllowed(reason)
    answers = changed_answers(at.roster, obj, base)
    if answers and not at.provider.mapper.limits.can_respond:
        raise NotAllowed(CANNOT_RESPOND)
    return Verdict(needs_vendor=bool(answers), exact_until_ms=None, losses=())


CANNOT_RESPOND = fidelity.sentence("ATTENDEE.answer")


def _content(desired: Desired) -> dict[str, object]:
    """Return what an organizer decides of each item: everything but reminders.

    A changed occurrence that shows nothing new stands for an answer, or an alarm, of its own.
    """
    return {
        w.key: (_organized(w.payload), w.drops)
        for w in desired.wants
        if w.of is None or _organized(w.payload) != _organized(w.default)
    }


def _organized(payload: Json) -> Json:
    return {name: value for name, value in payload.items() if name != "reminders"}


def _guests(obj: CalendarObject) -> set[tuple[str, bool]]:
    """Return who is in an object, and whether they need not come; those too whom the vendor does not know."""
    return {(one.address.lower(), one.is_optional) for event in obj.events for one in event.attendees}


def _refuse_answers(at: Situation, obj: CalendarObject, base: CalendarObject | None) -> None:
    if base is None or at.provider.mapper.limits.can_respond:
        return
    organizer = base.master.organizer if base.master is not None else None
    if organizer is None or at.roster.id_of(organizer.address) == at.roster.me:
        return
    if changed_answers(at.roster, obj, base):
        raise NotAllowed(CANNOT_RESPOND)


def changed_answers(roster: Roster, obj: CalendarObject, base: CalendarObject | None) -> dict[str, str]:
    """Return piece key -> new PARTSTAT of the principal, where the client changed it."""
    if base is None:
        return {}
    before = {
        "" if e.recurrence_id is None else override_key(e.recurrence_id): own_answer(e, roster)
        for e in base.events
    }
    found: dict[str, str] = {}
    for event in obj.events:
        key = "" if event.recurrence_id is None else override_key(event.recurrence_id)
        answer = own_answer(event, roster)
        if answer and answer != before.get(key, before.get("", "")):
            found[key] = answer
    return found


def _loss_pairs(losses: Iterable[Loss]) -> tuple[tuple[str, str], ...]:
    return tuple((loss.what, loss.why) for loss in losses)


def check_preconditions(row: ObjectRow | None, if_match: str | None, if_none_match: str | None) -> None:
    """Apply If-Match and If-None-Match (RFC 9110 13.1); raises PreconditionFailed."""
    current = None if row is None or row.deleted else row.etag
    if if_match is not None and not (current is not None and _matches(if_match, current, weak=False)):
        msg = "the event was changed or deleted since you last read it; read it again and repeat the edit"
        raise PreconditionFailed(msg)
    if if_none_match is not None and current is not None and _matches(if_none_match, current, weak=True):
        msg = "there is already an event of this name; read it first, or choose another name"
        raise PreconditionFailed(msg)


def _matches(header: str, etag: str, *, weak: bool) -> bool:
    if header.strip() == "*":
        return True
    for part in header.split(","):
        tag = part.strip()
        if tag.startswith("W/"):
            if not weak:
                continue
            tag = tag[2:]
        if tag.strip('"') == etag:
            return True
    return False

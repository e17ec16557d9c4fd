"""A series is compiled: the client's recurrence set becomes the fewest vendor items that show the same occurrences.

``docs/compile.md`` tells how. The promise: from today (24 hours before ``now``, so that it is today's midnight in
any zone) to the horizon the items show exactly the client's occurrences. Before today they show what they showed,
as far as the client's set still has it; a new series that is held whole begins with its first occurrence, any
other begins today.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.model import fidelity
from bridge.model.event import CalendarObject, Event, Status
from bridge.plan.compiling.assemble import Assembly, alone, name, pieces_of
from bridge.plan.compiling.client import ClientSet
from bridge.plan.compiling.frame import frame_of
from bridge.plan.compiling.present import read_present
from bridge.plan.compiling.segments import Changes, Override, nominal_length, read_changes
from bridge.plan.compiling.strands import LOOK_BACK, View, spin
from bridge.plan.items import Compiled, Piece
from bridge.plan.moments import moment_key, override_key

if TYPE_CHECKING:
    from bridge.model.limits import Limits
    from bridge.model.recurrence import Moment

ITEMS_MAX: Final = 60
"""Items of one object that are not over yet. Product page: above a stated number it is refused."""

TODAY: Final = dt.timedelta(hours=24)
"""What is taken as today reaches so far back: the midnight that began the day, whatever the zone."""

EXISTING_MAX: Final = 5000
"""Pieces of an earlier compilation that are looked at."""

SETTLE_MAX: Final = 2
"""How often runs are looked for again, until what they find no longer depends on what was there before."""


def compile_object(
    obj: CalendarObject,
    limits: Limits,
    *,
    now: dt.datetime,
    horizon: dt.datetime,
    items_max: int = ITEMS_MAX,
    existing: tuple[Piece, ...] = (),
    settled: frozenset[str] = frozenset(),
) -> Compiled:
    """Return the items that show ``obj`` at a vendor with ``limits``.

    ``existing``: the pieces of the last compilation; what need not change keeps its key and its form. ``now`` and
    ``horizon`` are aware. ``settled``: keys of occurrences that the vendor's series already lack, or show changed: no cut
    is needed for them. Raises :class:`bridge.errors.Inexpressible` with a sentence if more than ``items_max`` items
    would be needed, or if finding them is too much work.
    """
    master = obj.master
    shown = [event for event in obj.overrides if event.status is not Status.CANCELLED]
    if master is None:
        return Compiled(pieces=tuple(_lone(event) for event in shown if event.recurrence_id is not None))
    if not master.recurrence:
        return _single(master, obj)
    return _series(master, obj, limits, now, horizon, items_max, existing[:EXISTING_MAX], settled)


def _lone(event: Event, at: Moment | None = None) -> Piece:
    """Return a changed occurrence, which began at ``at``, as an item that belongs to no series."""
    at = _utc(event.recurrence_id or event.start) if at is None else at
    return Piece(key=override_key(at), event=alone(event), at=at)


def _utc(moment: Moment) -> Moment:
    return moment.astimezone(dt.UTC) if isinstance(moment, dt.datetime) else moment


def _single(master: Event, obj: CalendarObject) -> Compiled:
    """Compile an event that does not repeat; overrides of it are unusual, but not impossible."""
    start = _utc(master.start)
    gone = {_utc(moment) for moment in master.recurrence.exdates}
    gone |= {_utc(event.recurrence_id) for event in obj.overrides if event.recurrence_id is not None}
    pieces = [] if start in gone else [Piece(key="", event=alone(master))]
    pieces += [
        _lone(event)
        for event in obj.overrides
        if event.status is not Status.CANCELLED and event.recurrence_id is not None
    ]
    return Compiled(pieces=tuple(pieces))


def _series(
    master: Event,
    obj: CalendarObject,
    limits: Limits,
    now: dt.datetime,
    horizon: dt.datetime,
    items_max: int,
    existing: tuple[Piece, ...],
    settled: frozenset[str],
) -> Compiled:
    frame = frame_of(master.start)
    client = ClientSet(master, frame)
    changes = read_changes(master, obj.overrides, frame, client.contains)
    length = max(nominal_length(event) for event in (master, *obj.overrides))
    view = View(
        series=limits.series,
        since=now - TODAY,
        horizon=_reach(horizon, changes.overrides),
        look_back=length + (LOOK_BACK if existing else dt.timedelta()),
        settled=settled,
    )
    made, pieces = _make(client, changes, view, existing)
    is_settled = not existing or not made.has_runs or set(pieces) == set(existing)
    for _ in range(0 if is_settled else SETTLE_MAX):
        made, again = _make(client, changes, view, pieces)
        if again == pieces:
            break
        pieces = again
    _check_count(made, pieces, limits, items_max)
    return Compiled(pieces=pieces, exact_until=horizon if made.is_endless else None)


def _make(
    client: ClientSet, changes: Changes, view: View, existing: tuple[Piece, ...]
) -> tuple[Assembly, tuple[Piece, ...]]:
    """Make the items, given what is there."""
    held, changed = read_present(existing)
    made = Assembly(client, changes, view, held)
    made.take(spin(client, changes, view, lambda instant: any(one.covers(instant) for one in held)))
    made.keep_past()
    made.drafts.sort(key=lambda draft: _order(draft.start))
    name(made.drafts)
    pieces = [piece for draft in made.drafts for piece in pieces_of(draft)]
    pieces = _named_apart(pieces + _unsplit(made, changed))
    pieces.sort(key=lambda piece: (piece.key.startswith("@"), _order(_utc(piece.at or piece.event.start))))
    return made, tuple(pieces)


def _reach(horizon: dt.datetime, overrides: tuple[Override, ...]) -> dt.datetime:
    """Look further where an occurrence from beyond the horizon was moved to this side of it."""
    reach = horizon
    for override in overrides:
        start, origin = _order(_utc(override.event.start)), _order(_utc(override.rid))
        if start <= horizon < origin <= horizon + LOOK_BACK:
            reach = max(reach, origin)
    return reach


def _unsplit(made: Assembly, changed: frozenset[str]) -> list[Piece]:
    """Return the changed occurrences that no series has: each is an item of its own."""
    split = {id(override) for draft in made.drafts for _, override in draft.split}
    found = []
    for override in made.changes.overrides:
        if id(override) in split:
            continue
        piece = _lone(override.event, made.client.frame.instant(override.wall))
        if made.is_over(override.event) and piece.key not in changed:
            continue
        is_far = _order(_utc(override.event.start)) > made.view.horizon < _order(_utc(override.rid))
        if is_far and made.client.contains(override.wall):
            made.is_endless = True
            continue
        found.append(piece)
    return found


def _named_apart(pieces: list[Piece]) -> list[Piece]:
    """Rename a changed occurrence if a THISANDFUTURE moved another one to where it began."""
    taken: set[str] = set()
    apart = []
    for piece in pieces:
        key, number = piece.key, 1
        while key in taken:
            number += 1
            key = f"p{moment_key(_utc(piece.event.start))}~{number}"
        taken.add(key)
        apart.append(piece if key == piece.key else replace(piece, key=key))
    return apart


def _order(moment: Moment) -> dt.datetime:
    """Return what items are ordered by; dates by their UTC midnight."""
    if isinstance(moment, dt.datetime):
        return moment
    return dt.datetime.combine(moment, dt.time(), tzinfo=dt.UTC)


def _check_count(made: Assembly, pieces: tuple[Piece, ...], limits: Limits, items_max: int) -> None:
    over = {draft.key for draft in made.drafts if draft.is_over}
    count = sum(
        piece.key not in over and not (piece.at is not None and made.is_over(piece.event)) for piece in pieces
    )
    if count > items_max:
        fidelity.refuse("RRULE.items", count=count, kind=limits.kind, most=items_max)


__all__ = ["ITEMS_MAX", "TODAY", "compile_object"]

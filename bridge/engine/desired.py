"""What the vendor should hold for an object: compile it, encode each piece."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.clock import ms_from_utc
from bridge.engine.fold import folded
from bridge.errors import Inexpressible
from bridge.ical import recur
from bridge.model.event import CalendarObject, Event
from bridge.model.recurrence import Moment, Recurrence
from bridge.model.upstream import Upstream
from bridge.plan.compile import compile_object
from bridge.plan.items import Compiled, Piece
from bridge.plan.moments import key_moment, moment_key, occurrence_of, override_key
from bridge.plan.steps import Have, Want, undropped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.model.loss import Loss
    from bridge.model.people import Roster
    from bridge.providers.base import Mapper


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when and until when a compiled series must be exact, and how many items it may take."""

    now: dt.datetime
    horizon: dt.datetime
    items_max: int
    cut: bool = False
    """Whether the vendor takes no exceptions: a series is cut around each that it does not have yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """The items an object should have at the vendor."""

    wants: tuple[Want, ...]
    losses: tuple[Loss, ...]
    exact_until_ms: int | None
    plan: Compiled | None = None
    """What was compiled; None for a series in the vendor's own form."""


def desire(
    obj: CalendarObject,
    have: Mapping[str, Have],
    mapper: Mapper,
    roster: Roster,
    span: Span,
    *,
    base: CalendarObject | None = None,
    plan: Compiled | None = None,
) -> Desired:
    """Compile and encode ``obj``.

    ``plan``: what an earlier call of the same attempt compiled; its items are on their way, so that it still holds.
    ``base``: the object as it was when ``have`` was agreed on. A series that the vendor's own app made in a form we
    would not have chosen stays in that form as long as its rule is not what changed.
    Raises Inexpressible.
    """
    if (
        plan is None
        and is_foreign_form(base or obj, have, mapper, roster, span)
        and _same_rule(base or obj, obj)
    ):
        return _encode(_foreign_pieces(obj), have, mapper, roster, exact_until=None)
    compiled = plan or _compile(obj, have, mapper, span, _existing(have, mapper, roster, obj.uid))
    desired = _encode(
        compiled.pieces, have, mapper, roster, exact_until=compiled.exact_until, is_cut=span.cut
    )
    return replace(desired, plan=compiled)


def is_foreign_form(
    obj: CalendarObject, have: Mapping[str, Have], mapper: Mapper, roster: Roster, span: Span
) -> bool:
    """Return whether the vendor holds the series as one item that we would write as several, or not at all."""
    main = have.get("")
    if main is None or main.cancelled or obj.master is None or not obj.master.recurrence:
        return False
    try:
        compiled = _compile(obj, have, mapper, replace(span, cut=False), ())
    except Inexpressible:
        return True
    return {p.key for p in compiled.pieces if not p.key.startswith("@")} != {""}


def _compile(
    obj: CalendarObject, have: Mapping[str, Have], mapper: Mapper, span: Span, existing: tuple[Piece, ...]
) -> Compiled:
    limits, settled = mapper.limits, frozenset[str]()
    if span.cut:
        limits = replace(limits, series=replace(limits.series, exceptions=False))
        settled = frozenset(key[1:] for key, item in have.items() if key.startswith("@") and item.series_id)
    return compile_object(
        obj,
        limits,
        now=span.now,
        horizon=span.horizon,
        items_max=span.items_max,
        existing=existing,
        settled=settled,
    )


def _same_rule(a: CalendarObject, b: CalendarObject) -> bool:
    if a.master is None or b.master is None:
        return False
    return a.master.recurrence.rules == b.master.recurrence.rules and bool(b.master.recurrence.rules)


def _foreign_pieces(obj: CalendarObject) -> tuple[Piece, ...]:
    """Carry a series in the vendor's own form: its rule is not touched, everything else is."""
    if obj.master is None:
        return ()
    exdates = obj.master.recurrence.exdates
    main = Piece(key="", event=replace(obj.master, recurrence=Recurrence(exdates=exdates)))
    overrides = [
        Piece(key=override_key(o.recurrence_id), event=o, of="", at=o.recurrence_id)
        for o in obj.overrides
        if o.recurrence_id is not None
    ]
    return (main, *overrides)


def _existing(have: Mapping[str, Have], mapper: Mapper, roster: Roster, uid: str) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for item in have.values():
        if item.cancelled or not item.payload:
            continue
        event = mapper.decode(Upstream(id=item.upstream_id, snapshot=item.payload), uid, roster)
        is_override = item.key.startswith("@")
        pieces.append(
            Piece(
                key=item.key,
                event=event,
                of="" if is_override and "" in have else None,
                at=key_moment(item.key[1:]) if is_override else None,
            )
        )
    return tuple(pieces)


def _encode(
    pieces: tuple[Piece, ...],
    have: Mapping[str, Have],
    mapper: Mapper,
    roster: Roster,
    *,
    exact_until: dt.datetime | None,
    is_cut: bool = False,
) -> Desired:
    wants: list[Want] = []
    losses: list[Loss] = []
    series = {p.key: p.event for p in pieces if p.at is None}
    for piece in pieces:
        encoded = mapper.encode(piece.event, roster)
        losses += [loss for loss in encoded.losses if loss not in losses]
        default = {}
        if piece.of is not None and piece.at is not None and piece.of in series:
            default = mapper.encode(occurrence_of(series[piece.of], piece.at), roster).value
        is_series = piece.at is None and (piece.event.recurrence.rules or piece.event.recurrence.exdates)
        wants.append(
            Want(
                key=piece.key,
                payload=encoded.value,
                of=piece.of,
                at=piece.at,
                default=default,
                drops=piece.event.recurrence.exdates if is_series else (),
            )
        )
    wants += _returned(wants, series, have, mapper, roster, is_cut=is_cut)
    wants = folded(wants, have, mapper, roster, next((p.event.uid for p in pieces), ""))
    until_ms = None if exact_until is None else ms_from_utc(exact_until)
    return Desired(wants=tuple(wants), losses=tuple(losses), exact_until_ms=until_ms)


def _returned(
    wants: list[Want],
    series: dict[str, Event],
    have: Mapping[str, Have],
    mapper: Mapper,
    roster: Roster,
    *,
    is_cut: bool,
) -> list[Want]:
    """Occurrences that were changed or removed and are ordinary again: they live on as items of their own.

    But for those around which a series was cut (``is_cut``): it grows together and shows them by itself.
    """
    if is_cut:
        have = {key: item for key, item in have.items() if item.series_id or not item.cancelled}
    wanted = {w.key for w in wants}
    back: dict[str, Want] = {}
    for want in wants:
        item = have.get(want.key)
        if want.key not in series or item is None or item.cancelled:
            continue
        event = series[want.key]
        candidates: list[Moment] = [
            key_moment(h.key[1:])
            for h in have.values()
            if h.key.startswith("@") and not h.cancelled and (h.series_id or not is_cut)
        ]
        dropped = {moment_key(m) for m in want.drops}
        for at in [*candidates, *undropped(item, have, want.drops)]:
            key = override_key(at)
            if key in wanted or moment_key(at) in dropped or not occurs(event, at):
                continue
            payload = mapper.encode(occurrence_of(event, at), roster).value
            back[key] = Want(key=key, payload=payload)
    return list(back.values())


def occurs(series: Event, at: Moment) -> bool:
    """Return whether a series has an occurrence that begins at ``at``."""
    if not series.recurrence.rules:
        return False
    begin = at if isinstance(at, dt.datetime) else dt.datetime.combine(at, dt.time(), tzinfo=dt.UTC)
    around = dt.timedelta(days=2)
    plain = replace(series, recurrence=Recurrence(rules=series.recurrence.rules))
    found = recur.occurrences(
        CalendarObject(uid=series.uid, master=plain), begin - around, begin + around, limit=OCCURRENCES_MAX
    )
    return any(moment_key(start) == moment_key(at) for _rid, start, _end in found)


OCCURRENCES_MAX = 1000
"""Bound on one look around a moment."""

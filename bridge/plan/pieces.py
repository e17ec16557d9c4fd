"""What a person did to one piece of a compiled series, told in the one object.

The vendor holds the object as several series and single events. In the object a piece is only some of its occurrences:
what became of them is an EXDATE, an override, or an RDATE where there are more of them now.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.ical import recur
from bridge.model.event import CalendarObject, Status
from bridge.model.recurrence import Moment, Recurrence
from bridge.plan.absorb import absorb_occurrence, same_moment
from bridge.plan.moments import in_form_of, moment_key, occurrence_of
from bridge.plan.ranges import place_of

if TYPE_CHECKING:
    from bridge.model.event import Event

OCCURRENCES_MAX: Final = 500
"""Occurrences of one piece that are looked at: more than a year of days."""

OVERRIDES_MAX: Final = 40
"""Overrides that one changed piece may turn into: the weeks from one change of the clock to the next and some more, and
below what a compiled object may have of items altogether."""


def absorb_piece(
    obj: CalendarObject, was: Event, now: Event | None, *, horizon: dt.datetime
) -> tuple[CalendarObject, int]:
    """Lay a change of one piece over the object; returns it and how many changed occurrences could not be told.

    ``now`` None: the piece is gone. Occurrences after ``horizon`` (aware) are not looked at.
    """
    if now is not None and now.status is Status.CANCELLED:
        now = None
    if not was.recurrence.rules and (now is None or not now.recurrence.rules):
        return _occurrence(obj, was.start, was, now), 0
    before = _starts(was, horizon)
    after = [] if now is None else _starts(now, horizon)
    pairs = _paired(was, now, before, after)
    gone_was, gone_now = _keys(was.recurrence), _keys(now.recurrence if now else Recurrence())
    changed: list[tuple[Moment, Event, Event]] = []
    for start, moved in pairs:
        is_hidden = moment_key(start) in gone_was
        if moved is None or now is None or moment_key(moved) in gone_now:
            if not is_hidden:
                obj = _occurrence(obj, start, occurrence_of(was, start), None)
            continue
        one, other = occurrence_of(was, start), occurrence_of(now, moved)
        if is_hidden:
            obj = _shown_again(obj, start)
        if replace(one, recurrence_id=None) != replace(other, recurrence_id=None):
            changed.append((start, one, other))
    known = {moment_key(moved) for _start, moved in pairs if moved is not None}
    extra = [] if now is None else [(m, now) for m in after if moment_key(m) not in known | gone_now]
    if len(changed) + len(extra) > OVERRIDES_MAX:
        return obj, len(changed) + len(extra)
    for start, one, other in changed:
        obj = _occurrence(obj, start, one, other)
    for start, event in extra:
        obj = _added(obj, start, occurrence_of(was, start), occurrence_of(event, start))
    return obj, 0


def _starts(piece: Event, horizon: dt.datetime) -> list[Moment]:
    """Return when a piece's occurrences begin, removed ones too."""
    plain = replace(piece, recurrence=Recurrence(rules=piece.recurrence.rules))
    if not plain.recurrence.rules:
        return [piece.start]
    begin = piece.start if isinstance(piece.start, dt.datetime) else _midnight(piece.start)
    found = recur.occurrences(
        CalendarObject(uid=piece.uid, master=plain),
        begin.astimezone(dt.UTC) - dt.timedelta(days=1),
        horizon,
        limit=OCCURRENCES_MAX,
    )
    return [start for _rid, start, _end in found]


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def _paired(
    was: Event, now: Event | None, before: list[Moment], after: list[Moment]
) -> list[tuple[Moment, Moment | None]]:
    """Return each occurrence with the one that it has become: in order if the piece moved as a whole, else by start."""
    if now is not None and not same_moment(was.start, now.start) and len(before) == len(after):
        return list(zip(before, after, strict=True))
    still = {moment_key(moment): moment for moment in after}
    return [(moment, still.get(moment_key(moment))) for moment in before]


def _keys(recurrence: Recurrence) -> set[str]:
    return {moment_key(moment) for moment in recurrence.exdates}


def _occurrence(obj: CalendarObject, start: Moment, was: Event, now: Event | None) -> CalendarObject:
    if was == now:
        return obj
    at = in_form_of(start, obj.master.start) if obj.master is not None else start
    return absorb_occurrence(obj, at, was, now)


def _shown_again(obj: CalendarObject, start: Moment) -> CalendarObject:
    """Take an EXDATE away: the vendor shows the occurrence."""
    if obj.master is None:
        return obj
    recurrence, key = obj.master.recurrence, moment_key(place_of(obj, start).at)
    exdates = tuple(m for m in recurrence.exdates if moment_key(m) != key)
    return replace(obj, master=replace(obj.master, recurrence=replace(recurrence, exdates=exdates)))


def _added(obj: CalendarObject, start: Moment, was: Event, now: Event) -> CalendarObject:
    """Add an occurrence that the client's set does not have."""
    if obj.master is None:
        return obj
    at, recurrence = in_form_of(start, obj.master.start), obj.master.recurrence
    if all(moment_key(m) != moment_key(at) for m in recurrence.rdates):
        recurrence = replace(recurrence, rdates=(*recurrence.rdates, at))
    obj = _shown_again(replace(obj, master=replace(obj.master, recurrence=recurrence)), start)
    return _occurrence(obj, at, was, now) if was != now else obj

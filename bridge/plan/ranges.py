"""Which occurrence of the client's set a vendor shows at a moment, where RANGE=THISANDFUTURE moved some (RFC 5545 3.8.4.4).

A vendor's series begins where its occurrences are shown; RECURRENCE-ID names where they were before they moved.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge.ical import recur
from bridge.plan.moments import in_form_of, moment_key

if TYPE_CHECKING:
    from bridge.model.event import CalendarObject, Event
    from bridge.model.recurrence import Moment

NEXT_MAX: Final = 50
"""Occurrences after the first of a range that are looked at for one to carry the range on."""

_TICK: Final = dt.timedelta(seconds=1)
_DAY: Final = dt.timedelta(days=1)
_FAR: Final = dt.timedelta(days=50 * 366)


@dataclass(frozen=True, slots=True)
class Place:
    """An occurrence: its RECURRENCE-ID, where it is shown if nothing else is said of it, and what it looks like then."""

    at: Moment
    shown: Moment
    model: Event | None
    """The master, or the override for this and all future occurrences that it falls under."""


def place_of(obj: CalendarObject, shown: Moment, start: Moment | None = None) -> Place:
    """Return the occurrence that a series of the vendor shows, or would show, at ``shown``.

    ``start``: where the item that is spoken of began so far, if there is one: a changed occurrence that no series has
    goes by its RECURRENCE-ID instead.
    """
    master, ranges = obj.master, _ranges(obj)
    plain = Place(shown, shown, master)
    if master is None or not ranges:
        return plain
    own = {moment_key(o.recurrence_id): o for o in obj.overrides if o.recurrence_id is not None}
    direct = own.get(moment_key(shown))
    found = []
    for number, model in enumerate(ranges):
        at = _unmoved(model, shown, master.start)
        if at is None or not _is_from(at, model) or any(_is_from(at, one) for one in ranges[number + 1 :]):
            continue
        if _occurs(master, at):
            found.append(Place(at, shown, model))
    changed = [place for place in found if moment_key(place.at) in own]
    if changed:
        return changed[-1]
    if direct is not None and (not found or (start is not None and _same(direct.start, start))):
        return plain
    return found[-1] if found else plain


def carried_on(obj: CalendarObject, first: Event) -> tuple[Event, ...]:
    """Return the range that begins with ``first`` as one that begins with the next occurrence without an override.

    Nothing where there is none: another range takes over, or the series is over.
    """
    master, rid = obj.master, first.recurrence_id
    if master is None or rid is None:
        return ()
    own = {moment_key(o.recurrence_id) for o in obj.overrides if o.recurrence_id is not None}
    later = [one for one in _ranges(obj) if one is not first and _is_from(one.recurrence_id or rid, first)]
    since = _utc(rid) + _TICK
    for occurrence in recur.occurrences_of(master, since, since + _FAR, limit=NEXT_MAX):
        at = occurrence.start
        if _utc(at) < since or moment_key(at) in own:
            continue
        if any(_is_from(at, one) for one in later):
            break
        start = _moved(first, at)
        return (replace(first, recurrence_id=at, start=start, end=recur.end_of(first, start)),)
    return ()


def _ranges(obj: CalendarObject) -> list[Event]:
    """Return the overrides for this and all future occurrences, ascending."""
    found = [o for o in obj.overrides if o.this_and_future and o.recurrence_id is not None]
    return sorted(found, key=lambda one: _utc(one.recurrence_id or one.start))


def _is_from(at: Moment, model: Event) -> bool:
    return model.recurrence_id is not None and _utc(at) >= _utc(model.recurrence_id)


def _shift(model: Event) -> dt.timedelta:
    """Return by how much a range moves its occurrences, in local time."""
    origin = model.recurrence_id or model.start
    return _wall(model.start) - _wall(in_form_of(origin, model.start))


def _moved(model: Event, at: Moment) -> Moment:
    return _in_place(_wall(in_form_of(at, model.start)) + _shift(model), model.start)


def _unmoved(model: Event, shown: Moment, like: Moment) -> Moment | None:
    """Return the original start of what a range shows; None where one side has times and the other only dates."""
    kinds = {isinstance(one, dt.datetime) for one in (model.start, shown, like)}
    if len(kinds) > 1:
        return None
    wall = _wall(in_form_of(shown, model.start)) - _shift(model)
    return in_form_of(_in_place(wall, model.start), like)


def _in_place(wall: dt.datetime, like: Moment) -> Moment:
    return wall.replace(tzinfo=like.tzinfo) if isinstance(like, dt.datetime) else wall.date()


def _occurs(master: Event, at: Moment) -> bool:
    """Return whether the rule and the dates of a series have an occurrence, removed or not."""
    whole = replace(master, recurrence=replace(master.recurrence, exdates=()))
    begin = _utc(at)
    around = recur.occurrences_of(whole, begin - _DAY, begin + _DAY, limit=NEXT_MAX)
    return any(moment_key(one.start) == moment_key(at) for one in around)


def _same(a: Moment, b: Moment) -> bool:
    return moment_key(a) == moment_key(b)


def _wall(moment: Moment) -> dt.datetime:
    if isinstance(moment, dt.datetime):
        return moment.replace(tzinfo=None)
    return dt.datetime.combine(moment, dt.time())


def _utc(moment: Moment) -> dt.datetime:
    if isinstance(moment, dt.datetime):
        return moment.astimezone(dt.UTC)
    return dt.datetime.combine(moment, dt.time(), dt.UTC)

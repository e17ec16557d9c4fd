"""Laying what changed at the vendor over what the client said, property by property.

``was`` and ``now`` are both read from the vendor, so whatever the vendor cannot hold is missing from both and does
not count as a change: it stays as the client wrote it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bridge.model.event import CalendarObject, Event, Status
from bridge.model.recurrence import Moment, Recurrence
from bridge.plan.moments import in_form_of, moment_key, occurrence_of
from bridge.plan.ranges import carried_on, place_of

if TYPE_CHECKING:
    from bridge.model.event import Alarm
    from bridge.model.people import Attendee

_PLAIN: Final = (
    "summary",
    "description",
    "rich_description",
    "location",
    "status",
    "organizer",
)


def same_moment(a: Moment | None, b: Moment | None) -> bool:
    """Return whether both are the same date or the same instant."""
    if a is None or b is None:
        return a is b
    return isinstance(a, dt.datetime) == isinstance(b, dt.datetime) and moment_key(a) == moment_key(b)


def lay(event: Event, was: Event, now: Event) -> Event:
    """Return ``event`` with every property taken from ``now`` that differs between ``was`` and ``now``."""
    changes: dict[str, Any] = {
        name: getattr(now, name) for name in _PLAIN if getattr(was, name) != getattr(now, name)
    }
    is_moved = not same_moment(was.start, now.start)
    if is_moved or not same_moment(was.end, now.end):
        changes["start"] = in_form_of(now.start, event.start)
        changes["end"] = in_form_of(now.end, event.end)
    if was.description != now.description and was.rich_description == now.rich_description:
        changes["rich_description"] = ""  # it says the old words, and some clients show nothing else
    if was.alarms != now.alarms:
        changes["alarms"] = _lay_alarms(event.alarms, was.alarms, now.alarms)
    if was.url != now.url:
        changes |= _lay_link(event, was.url, now.url)
    if was.attendees != now.attendees:
        changes["attendees"] = _lay_attendees(event.attendees, was.attendees, now.attendees)
    if was.recurrence != now.recurrence or (is_moved and now.recurrence.rules):
        changes["recurrence"] = _lay_recurrence(event, was.recurrence, now.recurrence, is_moved=is_moved)
    return replace(event, **changes) if changes else event


def _lay_alarms(ours: tuple[Alarm, ...], was: tuple[Alarm, ...], now: tuple[Alarm, ...]) -> tuple[Alarm, ...]:
    """Take away and add what the vendor did; an alarm that it only held at the nearest earlier time stays exact."""
    kept = {one for one in ours if (there := _held_as(one, was)) is None or there in now}
    return tuple(sorted(kept | (set(now) - set(was))))


def _held_as(alarm: Alarm, held: tuple[Alarm, ...]) -> Alarm | None:
    """Return the vendor's reminder that stands for an alarm: itself, else the next earlier; None if there is none."""
    return min((one for one in held if one >= alarm), default=None)


def _lay_link(event: Event, was: str, now: str) -> dict[str, Any]:
    """Put the vendor's link where its old one stands, else behind the client's own: those nobody takes away."""
    links = [link for link in (event.url, *event.conferences) if link]
    if was in links:
        links = [now if link == was else link for link in links]
    else:
        links.append(now)
    kept = tuple(dict.fromkeys(link for link in links if link))
    return {"url": kept[0] if kept else "", "conferences": kept[1:]}


def _lay_attendees(
    ours: tuple[Attendee, ...], was: tuple[Attendee, ...], now: tuple[Attendee, ...]
) -> tuple[Attendee, ...]:
    before = {a.address.lower(): a for a in was}
    after = {a.address.lower(): a for a in now}
    kept: list[Attendee] = []
    for attendee in ours:
        key = attendee.address.lower()
        if key in after:
            new, old = after[key], before.get(key)
            fields: dict[str, Any] = {
                name: getattr(new, name)
                for name in ("partstat", "is_optional")
                if old is None or getattr(old, name) != getattr(new, name)
            }
            kept.append(replace(attendee, **fields))
        elif key not in before:
            kept.append(attendee)  # a stranger whom the vendor never had
    present = {a.address.lower() for a in kept}
    kept += [a for key, a in after.items() if key not in present and key not in before]
    return tuple(kept)


def _lay_moments(
    ours: tuple[Moment, ...], was: tuple[Moment, ...], now: tuple[Moment, ...], like: Moment
) -> tuple[Moment, ...]:
    before, after = {moment_key(m) for m in was}, {moment_key(m): m for m in now}
    kept = [m for m in ours if moment_key(m) in after or moment_key(m) not in before]
    present = {moment_key(m) for m in kept}
    kept += [in_form_of(m, like) for key, m in after.items() if key not in present and key not in before]
    return tuple(kept)


def _lay_recurrence(event: Event, was: Recurrence, now: Recurrence, *, is_moved: bool) -> Recurrence:
    """Lay rules and dates. Of a series that moved the vendor's rule counts, even if it is the same as before.

    The client may have said the same in words that hang on the start: a COUNT where the vendor has a last day, a
    weekly rule without its day. Beside another start those words mean something else.
    """
    ours = event.recurrence
    return Recurrence(
        rules=now.rules if was.rules != now.rules or (is_moved and now.rules) else ours.rules,
        rdates=_lay_moments(ours.rdates, was.rdates, now.rdates, event.start),
        exdates=_lay_moments(ours.exdates, was.exdates, now.exdates, event.start),
    )


def absorb_main(obj: CalendarObject, was: Event, now: Event) -> CalendarObject:
    """Lay a change of the main item (key "") over the master.

    Occurrences that the vendor lists as excluded because they were split off stay overrides, not EXDATE.
    """
    if obj.master is None:
        return obj
    overridden = {moment_key(o.recurrence_id) for o in obj.overrides if o.recurrence_id is not None}
    master = lay(obj.master, _without(was, overridden), _without(now, overridden))
    return replace(obj, master=master)


def _without(event: Event, keys: set[str]) -> Event:
    exdates = tuple(m for m in event.recurrence.exdates if moment_key(m) not in keys)
    return replace(event, recurrence=replace(event.recurrence, exdates=exdates))


def absorb_occurrence(
    obj: CalendarObject, at: Moment, was: Event | None, now: Event | None
) -> CalendarObject:
    """Lay a change of one occurrence over the object.

    ``at``: where its series shows it. ``was`` None: the occurrence had not been touched so far; ``now`` None: it is gone.
    """
    place = place_of(obj, at, was.start if was is not None else None)
    at = place.at
    key = moment_key(at)
    current = next(
        (o for o in obj.overrides if o.recurrence_id is not None and moment_key(o.recurrence_id) == key), None
    )
    if current is not None and current.this_and_future and was is not None and was == now:
        return obj
    if current is not None and current.this_and_future:
        # Only this one changed: the range begins with the next.
        after = [o for o in obj.overrides if o is not current] + list(carried_on(obj, current))
        current = replace(current, this_and_future=False)
        obj = replace(obj, overrides=(*after, current))
    if now is None or now.status is Status.CANCELLED:
        return _remove_occurrence(obj, key, at, current)
    if current is None and place.model is not None and obj.master is not None and obj.master.recurrence:
        current = replace(
            occurrence_of(place.model, place.shown), recurrence_id=in_form_of(at, obj.master.start)
        )
    if current is None:
        fresh = replace(now, recurrence_id=at, recurrence=Recurrence())
    else:
        fresh = lay(
            current, replace(was, recurrence=Recurrence()) if was else occurrence_like(current, now), now
        )
        fresh = replace(fresh, recurrence_id=current.recurrence_id, recurrence=Recurrence())
    others = [o for o in obj.overrides if o.recurrence_id is None or moment_key(o.recurrence_id) != key]
    overrides = sorted([*others, fresh], key=lambda o: moment_key(o.recurrence_id) if o.recurrence_id else "")
    master = obj.master
    if master is not None:
        master = _without(master, {key})
    return replace(obj, master=master, overrides=tuple(overrides))


def occurrence_like(current: Event, now: Event) -> Event:
    """Return what the vendor would have said of an untouched occurrence: everything of ``now`` counts as changed."""
    return replace(
        now,
        summary=current.summary,
        description=current.description,
        location=current.location,
        start=current.start,
        end=current.end,
        recurrence=Recurrence(),
    )


def _remove_occurrence(obj: CalendarObject, key: str, at: Moment, current: Event | None) -> CalendarObject:
    overrides = tuple(o for o in obj.overrides if o is not current)
    master = obj.master
    if (
        master is not None
        and master.recurrence
        and key not in {moment_key(m) for m in master.recurrence.exdates}
    ):
        exdates = (*master.recurrence.exdates, in_form_of(at, master.start))
        master = replace(master, recurrence=replace(master.recurrence, exdates=exdates))
    return replace(obj, master=master, overrides=overrides)

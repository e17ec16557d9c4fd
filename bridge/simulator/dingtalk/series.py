"""Changing an occurrence and all that follow, as DingTalk's own app does it: one series ends, one begins."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bridge.simulator.dingtalk import changes, events
from bridge.simulator.dingtalk.errors import refuse
from bridge.simulator.dingtalk.state import Event, whole
from bridge.simulator.dingtalk.times import When

if TYPE_CHECKING:
    import datetime as dt

    from bridge.simulator.dingtalk.changes import Manner
    from bridge.simulator.dingtalk.shapes import Fields
    from bridge.simulator.dingtalk.simulator import DingTalkSimulator
    from bridge.simulator.dingtalk.state import Details, Item


def wall_shift(when: When, step: dt.timedelta) -> When:
    """Return the time moved by ``step`` of its own wall time."""
    return when.shifted_to((when.local() + step).replace(tzinfo=ZoneInfo(when.zone)))


def _before(sim: DingTalkSimulator, item: Item) -> list[When]:
    """Return the original starts before an occurrence."""
    found = []
    for start in sim.store.starts(item.event):
        if int(start.at(sim.store.all_day_zone).timestamp()) >= (item.origin or 0):
            break
        found.append(start)
    return found


def _ending(sim: DingTalkSimulator, details: Details, before: list[When]) -> Details:
    """Return the series' content with an end after the last of ``before``."""
    rule, recurrence = details.rule, details.recurrence
    if rule is None or recurrence is None:
        refuse("not a series")
    if rule.count is not None:
        span: dict[str, Any] = {"type": "numbered", "numberOfOccurrences": len(before)}
        shorter = dataclasses.replace(rule, count=len(before))
    else:
        zone = ZoneInfo(before[-1].zone or sim.store.all_day_zone)
        last = before[-1].local().replace(hour=23, minute=59, second=59, microsecond=0, tzinfo=zone)
        span = {"type": "endDate", "endDate": last.isoformat()}
        shorter = dataclasses.replace(rule, until=last)
    return dataclasses.replace(details, rule=shorter, recurrence={**recurrence, "range": span})


def shorten(sim: DingTalkSimulator, item: Item, manner: Manner) -> None:
    """End a series before an occurrence; what single occurrences before it had of their own stays."""
    event, before = item.event, _before(sim, item)
    if not before:
        changes.cancel(sim, whole(event), manner)
        return
    kept = {origin: override for origin, override in event.overrides.items() if origin < (item.origin or 0)}
    changes.reshape(sim, event, _ending(sim, event.details, before), kept, manner)


def split(sim: DingTalkSimulator, item: Item, fields: Fields, manner: Manner) -> Item:
    """Change an occurrence and all that follow; return the master of the new series."""
    event, before = item.event, _before(sim, item)
    if not before:
        master = whole(event)
        changes.edit(sim, master, events.edited_details(sim, master, fields), None, manner)
        return whole(event)
    details = _rest(item, len(before))
    fresh = Event(
        key=sim.store.new_key(),
        organizer=event.organizer,
        calendar=event.calendar,
        details=details,
        guests={key: dataclasses.replace(guest) for key, guest in event.guests.items()},
        created_ms=sim.store.now_ms(),
        legacy_id=sim.store.token("legacy").hex().upper(),
    )
    fresh.details = events.edited_details(sim, whole(fresh), fields)
    guests = events.edited_guests(sim, whole(fresh), fields)
    if guests is not None:
        fresh.guests = guests
    shorten(sim, item, manner)
    sim.store.events[fresh.key] = fresh
    changes.touch(sim, fresh, None)
    sim.announce(fresh, None, "created", manner)
    return whole(fresh)


def _rest(item: Item, used: int) -> Details:
    """Return the series' content from an occurrence on."""
    base, start = item.event.details, item.origin_start
    rule, recurrence = base.rule, base.recurrence
    if start is None or rule is None or recurrence is None:
        refuse("not a series")
    if rule.count is not None:
        span = {"type": "numbered", "numberOfOccurrences": rule.count - used}
        rule = dataclasses.replace(rule, count=rule.count - used)
        recurrence = {**recurrence, "range": span}
    if start.date is not None and base.start.date is not None and base.end.date is not None:
        end = When(date=start.date + (base.end.date - base.start.date))
    else:
        end = start.shifted_to(start.at("UTC") + (base.end.at("UTC") - base.start.at("UTC")))
    return dataclasses.replace(base, start=start, end=end, rule=rule, recurrence=recurrence)

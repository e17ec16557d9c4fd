"""Whether an item that does not show what was sent can be what a step of ours made before a person changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.engine.steps_json import makes_an_item
from bridge.store import calendars, intents, objects

if TYPE_CHECKING:
    from bridge.engine.context import Engine
    from bridge.model.upstream import Applied


def nothing_else_made_it(engine: Engine, calendar_id: int, applied: Applied) -> bool:
    """Return whether no other edit of ours, and no item from before, can account for the item.

    Asked after the item was found: what another step made by then is either known by its id or still under way.
    """
    with engine.store.read() as c:
        calendar = calendars.get(c, calendar_id)
        if calendar is None or not calendar.deep_ms:
            return False  # what the calendar held before is not known yet
        making = sum(makes_an_item(step) for step in intents.steps_under_way(c, calendar_id))
        known = objects.calendar_item_ids(c, calendar_id)
    return making <= 1 and (applied.item is None or applied.item.id not in known)

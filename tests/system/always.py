"""What must hold at every moment, whatever is on its way."""

from __future__ import annotations

import re
from collections import Counter

import told
from people import items_of
from things import number_in, unfolded


def all_of(world):
    """Check everything; raises Broken with the story."""
    if world.canary.told:
        world.fail(f"a log line tells {world.canary.told[0]}")
    once_each(world)
    nothing_vanishes(world)
    receipts(world)
    told.no_more_than_once(world)
    budget(world)


def once_each(world):
    """No event is two items in one calendar of the vendor."""
    for place in world.places:
        found = Counter(thing.number for _, thing in items_of(world, place))
        for number, count in found.items():
            thing = world.things[number]
            if count > 1 and not thing.is_series and not is_twofold(world, thing):
                world.fail(f"T{number} is {count} items at the vendor")


def is_twofold(world, thing):
    """Return whether a move may have left an event where it was: it met another change, or the vendor refused that.

    WeCom takes no call of an app about what people made themselves, so a copy of that is all that a move can make.
    """
    if thing.twofold or thing.waived or (thing.moved and thing.app_acts):
        return True
    rows = world.rows("SELECT base_text FROM intent WHERE action = 'delete' AND state = 'refused'")
    return thing.moved and any(number_in(row["base_text"]) == thing.number for row in rows)


def here(world):
    """Return (collection, number) of every object that clients are shown."""
    return [
        (place.collection, number_in(text))
        for place in world.places
        for _, text in world.nodes[0].service.texts(place.collection)
    ]


def nothing_vanishes(world):
    """What a client could see is there until somebody deletes it: never because it was missing somewhere."""
    visible = {number for _, number in here(world)}
    for thing in world.things.values():
        if thing.number in visible:
            thing.seen = True
        elif thing.seen and not thing.removed and not thing.waived and not _was_refused(world, thing):
            world.fail(f"T{thing.number} is gone though nobody deleted it")


def _was_refused(world, thing):
    return any(
        number_in(row["lost_text"]) == thing.number
        for row in world.rows(
            "SELECT lost_text FROM intent WHERE state = 'refused' AND lost_text IS NOT NULL"
        )
    )


def receipts(world):
    """Every acknowledged edit is in the journal, open or closed."""
    rows = None
    for thing in world.things.values():
        if thing.waived:
            continue
        for act in thing.acts:
            if act.by != "client" or not act.certain or act.is_journaled:
                continue
            rows = world.rows("SELECT * FROM intent") if rows is None else rows
            if receipt(rows, thing, act.token) is None:
                world.fail(f"{act.token} of T{thing.number} was acknowledged and left no receipt")
            act.is_journaled = True


def receipt(rows, thing, token):
    """Return the journal's row about an edit: it holds its text, or what of it gave way."""
    word = f"T{thing.number} {token}"
    for row in rows:
        for name in ("client_text", "lost_text", "words"):
            if re.search(rf"{word}(?!\d)", unfolded(row[name])):
                return row
    return None


def budget(world):
    """The vendor never had to refuse us for our rates, and the month was never overdrawn."""
    for call in world.office.new_calls():
        if not call.fault and any(word in call.code for word in world.office.throttle_codes):
            world.fail(f"the vendor had to slow us down: {call.endpoint} {call.code}")
    for month, count in world.office.billed().items():
        if count > world.office.monthly_calls:
            world.fail(f"{count} calls in {month}, {world.office.monthly_calls} allowed")

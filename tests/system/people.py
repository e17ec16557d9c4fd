"""What people do in the vendor's app."""

from __future__ import annotations

from clients import THINGS_MAX
from moments import day
from offices import Declined
from things import THING, Act, number_in


def in_the_app(world, place, what, work):
    try:
        work()
    except Declined as error:
        world.tell(f"   the app declines: {error}")
        return False
    world.tell(f"{place.host} in the app: {what}")
    return True


def items_of(world, place):
    """Return (item, thing) of what a calendar holds at the vendor."""
    found = []
    for title, item in world.office.items(place.host, place.calendar):
        match = THING.search(title)
        if match:
            found.append((item, world.things[int(match[1])]))
    return sorted(found, key=lambda pair: (pair[1].number, str(pair[0])))


def is_unheard_of(world, item, thing):
    """Return whether WeCom made an item of whose making the bridge has not heard yet.

    Known to break, so nobody changes such an item for now: the search by content does not find what a person has
    changed meanwhile, and it is made twice. WeCom has neither an idempotency token nor a field to mark what is ours.
    """
    if world.vendor != "wecom" or world.rows("SELECT 1 FROM item WHERE upstream_id = :id", id=str(item)):
        return False
    open_texts = world.rows("SELECT client_text FROM intent WHERE state IN ('waiting', 'in_flight')")
    return any(number_in(row["client_text"]) == thing.number for row in open_texts)


def some(world):
    """Choose a calendar and something in it; None if it is empty, or nobody may touch that now."""
    place = world.rng.choice(world.places)
    choices = items_of(world, place)
    if not choices:
        return None
    item, thing = world.rng.choice(choices)
    if is_unheard_of(world, item, thing):
        return None
    thing.touch()
    return place, item, thing


def creates(world, _mortal):
    place = world.rng.choice(world.places)
    if len(world.living()) >= THINGS_MAX:
        return
    thing, token = world.new_thing(place.user), world.next_token()
    title = world.title(thing, token)
    made = in_the_app(
        world,
        place,
        f"creates T{thing.number} {token}",
        lambda: world.office.create(place.host, place.calendar, title, day(world), 60),
    )
    if made:
        thing.acts.append(Act(token, "app", world.clock.true_s))
    else:
        thing.removed = True


def edits(world, _mortal):
    chosen = some(world)
    if chosen is None:
        return
    place, item, thing = chosen
    if world.rng.random() < 0.3:
        work = lambda: world.office.shift(place.host, item, 90)  # noqa: E731
        if in_the_app(world, place, f"shifts T{thing.number}", work):
            thing.app_acts += 1
            if thing.is_series:  # what was an exception may be shown again, or be lost
                thing.most *= 2
                thing.acts.append(Act("shift", "app", world.clock.true_s))
        return
    token = world.next_token()
    title = world.title(thing, token)
    work = lambda: world.office.rename(place.host, item, title)  # noqa: E731
    if in_the_app(world, place, f"renames T{thing.number} {token}", work):
        thing.app_acts += 1
        thing.acts.append(Act(token, "app", world.clock.true_s))


def excepts(world, _mortal):
    """Rename or remove one occurrence of a series."""
    chosen = some(world)
    if chosen is None or not chosen[2].is_series:
        return
    place, item, thing = chosen
    starts = world.office.starts(place.host, item)
    if not starts:
        return
    start = world.rng.choice(starts)
    if world.rng.random() < 0.5:
        work = lambda: world.office.remove_one(place.host, item, start)  # noqa: E731
        if in_the_app(world, place, f"drops one of T{thing.number}", work):
            thing.app_acts += 1
            thing.removed = thing.removed or len(starts) == 1
            thing.acts.append(Act("drop", "app", world.clock.true_s))
        return
    token = world.next_token()
    title = world.title(thing, token)
    work = lambda: world.office.rename_one(place.host, item, start, title)  # noqa: E731
    if in_the_app(world, place, f"renames one of T{thing.number} {token}", work):
        thing.app_acts += 1
        if world.vendor == "wecom":
            # Nothing tells that it was one: a client that moves the series meanwhile moves the occurrence as well.
            thing.is_apart, thing.most = True, 2 * thing.most
        thing.acts.append(Act(token, "app", world.clock.true_s))


def deletes(world, _mortal):
    chosen = some(world)
    if chosen is None:
        return
    place, item, thing = chosen
    if in_the_app(world, place, f"deletes T{thing.number}", lambda: world.office.remove(place.host, item)):
        thing.app_acts += 1
        thing.removed = True


def answers(world, _mortal):
    place = world.places[0]
    choices = items_of(world, place)
    if not choices:
        return
    item, thing = world.rng.choice(choices)
    how = world.rng.choice(("accept", "decline", "tentative"))
    thing.app_acts += in_the_app(
        world, place, f"bob answers T{thing.number} with {how}", lambda: world.office.answer("bob", item, how)
    )

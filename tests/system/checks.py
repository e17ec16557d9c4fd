"""What must hold once everything has come to rest."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import always
import icalendar
import recurring_ical_events
from always import receipt
from offices import CHINA
from people import items_of
from things import THING, unfolded

from bridge.plan.intent import CLOSED

WINDOW_DAYS = 60
SILENT_ROUNDS = 3


def mirrored(world, place):
    """Return (title, start, end) of all that a client would show of a calendar."""
    low = dt.datetime.fromtimestamp(world.clock.true_s, dt.UTC) - dt.timedelta(days=20)
    found = []
    for held in world.nodes[0].service.get_all(place.collection):
        read = icalendar.Calendar.from_ical(held.text)
        for event in recurring_ical_events.of(read).between(low, low + dt.timedelta(days=WINDOW_DAYS)):
            found.append((str(event["SUMMARY"]), _second(event.start), _second(event.end)))
    return sorted(found)


def _second(moment):
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time(), CHINA)
    return int(moment.timestamp())


def upstream(world, place):
    low = world.clock.true_s - 20 * 86_400
    return world.office.shown(place.host, place.calendar, low, low + WINDOW_DAYS * 86_400)


def all_of(world):
    """Check everything; raises Broken with the story."""
    shown = converged(world)
    for device in world.devices:
        device.sync(world.nodes[0].service, world)
    always.all_of(world)
    once_each(world, shown)
    nothing_lost(world, shown)
    silence(world)


def converged(world):
    """Return what each calendar shows, the same on both sides."""
    shown = {}
    for place in world.places:
        ours, theirs = mirrored(world, place), upstream(world, place)
        if ours != theirs:
            mine = [x for x in ours if x not in theirs]
            other = [x for x in theirs if x not in ours]
            world.fail(f"calendar {place.collection}: only here {mine}, only at the vendor {other}")
        shown[place] = ours
    return shown


def once_each(world, shown):
    """One event is at most one object here, and shows no occurrence twice."""
    for place in world.places:
        found = Counter(thing.number for _, thing in items_of(world, place))
        for number, count in found.items():
            thing = world.things[number]
            if count > thing.most and not always.is_twofold(world, thing):
                world.fail(f"T{number} is {count} items at the vendor")
    owners = {place.collection: place.user for place in world.places}
    for (collection, number), count in Counter(always.here(world)).items():
        thing = world.things[number]
        # What an older backup does not know of a series is apart: nothing at WeCom tells what was split off from it.
        known_apart = thing.is_apart or (thing.is_series and thing.waived) or always.is_twofold(world, thing)
        if count > 1 and owners[collection] == thing.owner and not known_apart:
            world.fail(f"T{number} is {count} objects here")
    for place, events in shown.items():
        for number, count in Counter(_number(title) for title, _, _ in events).items():
            thing = world.things[number]
            if thing.owner == place.user and count > thing.most and not always.is_twofold(world, thing):
                world.fail(f"T{number} shows {count} occurrences in {place.collection}")
    owned = Counter(
        number
        for place, events in shown.items()
        for number in {_number(title) for title, _, _ in events}
        if world.things[number].owner == place.user
    )
    for number, count in owned.items():
        thing = world.things[number]
        if count > 1 and not always.is_twofold(world, thing):
            world.fail(f"T{number} stands in {count} calendars of {thing.owner}")


def _number(title):
    return int(THING.search(title)[1])


def nothing_lost(world, shown):
    """What was acknowledged is visible, or a receipt says what became of it; nothing vanishes by itself."""
    receipts = world.rows("SELECT id, state, uid, client_text, lost_text, words FROM intent")
    for row in receipts:
        if row["state"] not in CLOSED:
            world.fail(f"intent {row['id']} has no end")
    visible = {}
    for events in shown.values():
        for title, _, _ in events:
            match = THING.search(title)
            visible.setdefault(int(match[1]), set()).add(f"e{match[2]}")
    for token in world.refused:
        for number, tokens in visible.items():
            if token in tokens:
                world.fail(f"{token} of T{number} was refused and is shown all the same")
    for thing in world.things.values():
        if not thing.waived:
            _kept(world, thing, receipts, visible.get(thing.number, set()))


def _kept(world, thing, receipts, visible):
    certain = [act for act in thing.acts if act.certain]
    written = {act.token: receipt(receipts, thing, act.token) for act in certain if act.by == "client"}
    for token, row in written.items():
        if row is None:
            world.fail(f"{token} of T{thing.number} was acknowledged and left no receipt")
    if not certain:
        return
    if not visible and not thing.removed and not any(row["state"] == "refused" for row in written.values()):
        world.fail(f"T{thing.number} is gone though nobody deleted it")
    last = certain[-1]
    if not visible or last.by != "client" or thing.acts[-1] is not last or last.token in visible:
        return
    if thing.is_series and last.token in _served(world, thing):
        return  # every occurrence has a title of its own: the series' one is kept, and shown by none
    if thing.removed and thing.moved:
        return  # the edited one is gone, another one in another calendar is not
    if written[last.token]["state"] != "refused" and not _gave_way(receipts, thing, last.token):
        world.fail(f"{last.token} of T{thing.number} was the last edit, and {visible} is shown")


def _served(world, thing):
    """Return the tokens in the texts of a thing, whatever of them an occurrence shows."""
    texts = (text for place in world.places for _, text in world.nodes[0].service.texts(place.collection))
    return {
        f"e{match[2]}"
        for text in texts
        for match in THING.finditer(unfolded(text))
        if int(match[1]) == thing.number
    }


def _gave_way(receipts, thing, token):
    words = [{**row, "client_text": ""} for row in receipts]
    return receipt(words, thing, token) is not None


def silence(world):
    """Further looks write nothing: not at the vendor, not to a client."""
    before = _tags(world)
    world.office.new_calls()
    world.quiet = True
    wrote = []
    for _ in range(SILENT_ROUNDS):
        world.clock.sleep(120.0)
        world.post.deliver_all()
        for mortal in world.nodes:
            mortal.node.tick()
        for user in world.office.people:
            mortal.node.parts.admin.sync(user, full=False)
        wrote += [call.endpoint for call in world.office.new_calls() if world.office.is_write(call)]
    world.quiet = False
    if wrote:
        world.fail(f"there is no silence: {wrote}")
    if _tags(world) != before:
        world.fail("tags change though nothing happens")


def _tags(world):
    tags = {}
    for place in world.places:
        (view,) = [v for v in world.nodes[0].service.collections(place.user) if v.id == place.collection]
        listed = world.nodes[0].service.get_all(view.id)
        tags[place] = (view.etag, view.sync_token, sorted((o.href, o.etag) for o in listed))
    return tags

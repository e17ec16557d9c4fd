"""What clients do: create, edit, delete, move, answer, look."""

from __future__ import annotations

import texts
from moments import day
from things import THING, Act, number_in

from bridge.errors import BridgeError

THINGS_MAX = 14
"""Events that live at one time; then there are only edits and deletions."""


def ask(world, mortal, work):
    """Make a client's request; returns ``yes``, ``no`` (a refusal in words) or ``?`` (the server died)."""
    try:
        result, lived = world.survive(mortal, work)
    except BridgeError as error:
        world.tell(f"   refused: {type(error).__name__}: {error}")
        return "no", None
    answer = "yes" if lived else "?"
    waits = lived and getattr(result, "waiting", False)
    world.tell(f"   -> {answer}{' waiting' if waits else ''}")
    return answer, result


def put(world, mortal, device, place, thing, href, text, token, *, if_match=None, if_none_match=None):
    act = Act(token, "client", world.clock.true_s)
    thing.acts.append(act)

    def work():
        return mortal.service.put(
            place.collection,
            href,
            text.encode(),
            device.login,
            if_match=if_match,
            if_none_match=if_none_match,
        )

    answer, _ = ask(world, mortal, work)
    act.certain = answer == "yes"
    act.at_s = world.clock.true_s
    if answer == "no":
        thing.acts.remove(act)
        world.refused.add(token)
    return answer


def creates(world, mortal):
    device = world.rng.choice(world.devices)
    if len(world.living()) >= THINGS_MAX:
        return
    place = world.rng.choice(world.places_of(device.user))
    thing, token, lines = world.new_thing(device.user), world.next_token(), []
    if world.rng.random() < 0.25:
        thing.most = world.rng.randrange(2, 6)
        lines.append(f"RRULE:FREQ={world.rng.choice(('DAILY', 'WEEKLY'))};COUNT={thing.most}")
    if world.rng.random() < 0.25 and place == world.places[0]:
        lines.append(f"ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{world.office.mails['bob']}")
        lines.append(f"ORGANIZER:mailto:{world.office.mails['alice']}")
    text = texts.text_of(thing.number, world.title(thing, token), day(world), 60, *lines)
    world.tell(f"{device.name} creates T{thing.number} {token} in {place.collection} {' '.join(lines[:1])}")
    star = world.rng.choice((None, "*"))
    href = f"t{thing.number}.ics"
    answer = put(world, mortal, device, place, thing, href, text, token, if_none_match=star)
    thing.removed = thing.removed or answer == "no"


def known(world, device, *, own=True):
    """Return (place, href, object, thing) of what a device holds and its person may change, or may only answer."""
    found = []
    for place in world.places_of(device.user):
        for href, held in sorted(device.held.get(place.collection, {}).items()):
            thing = world.things.get(number_in(held.text))
            if thing is not None and (thing.owner == device.user) == own:
                found.append((place, href, held, thing))
    return found


def some(world, **how):
    """Choose a device and something it holds; None if it holds nothing."""
    device = world.rng.choice(world.devices)
    choices = known(world, device, **how)
    return (device, *world.rng.choice(choices)) if choices else None


def edits(world, mortal):
    """Change a title or a time, from what the device holds: that may be stale, and then says so or says nothing."""
    chosen = some(world)
    if chosen is None:
        return
    device, place, href, held, thing = chosen
    token = world.next_token()
    text = THING.sub(world.title(thing, token), held.text, count=1)
    if world.rng.random() < 0.35:
        text = texts.shifted(text, 45)
    match = held.etag if world.rng.random() < 0.85 else None
    world.tell(f"{device.name} edits T{thing.number} {token} as {href}{'' if match else ' blindly'}")
    if match is None and thing.moved:
        thing.twofold = True  # it is made anew where it was moved away from
    put(world, mortal, device, place, thing, href, text, token, if_match=match)


def resaves(world, mortal):
    """Set an alarm, or store the very same again."""
    chosen = some(world)
    if chosen is None:
        return
    device, place, href, held, thing = chosen
    text = texts.with_alarm(held.text) if world.rng.random() < 0.5 else held.text
    thing.touch()
    world.tell(f"{device.name} stores T{thing.number} again{' with an alarm' if text != held.text else ''}")
    ask(
        world,
        mortal,
        lambda: mortal.service.put(place.collection, href, text.encode(), device.login, if_match=held.etag),
    )


def excepts(world, mortal):
    """Rename or remove one occurrence of a series."""
    device = world.rng.choice(world.devices)
    choices = [one for one in known(world, device) if one[3].is_series]
    if not choices:
        return
    place, href, held, thing = world.rng.choice(choices)
    if world.rng.random() < 0.5:
        token = world.next_token()
        text = texts.with_exception(held.text, world.rng.choice, world.title(thing, token))
        if text is not None:
            world.tell(f"{device.name} renames one of T{thing.number} {token}")
            put(world, mortal, device, place, thing, href, text, token, if_match=held.etag)
        return
    text = texts.with_exception(held.text, world.rng.choice, None)
    if text is None:
        return
    thing.touch()
    world.tell(f"{device.name} drops one of T{thing.number}")
    ask(
        world,
        mortal,
        lambda: mortal.service.put(place.collection, href, text.encode(), device.login, if_match=held.etag),
    )


def deletes(world, mortal):
    chosen = some(world)
    if chosen is None:
        return
    device, place, href, held, thing = chosen
    match = held.etag if world.rng.random() < 0.7 else None
    thing.touch()
    world.tell(f"{device.name} deletes T{thing.number} as {href}")
    answer, _ = ask(
        world,
        mortal,
        lambda: mortal.service.delete(place.collection, href, device.login, if_match=match),
    )
    thing.removed = thing.removed or answer != "no"


def moves(world, mortal):
    """Move inside a calendar or into another one of the same person."""
    chosen = some(world)
    if chosen is None:
        return
    device, place, href, _, thing = chosen
    target = world.rng.choice(world.places_of(device.user))
    name = f"m{world.next_token()}.ics"
    thing.touch()
    world.tell(
        f"{device.name} moves T{thing.number} from {place.collection}/{href} to {target.collection}/{name}"
    )
    answer, _ = ask(
        world,
        mortal,
        lambda: mortal.service.move(
            place.collection, href, target.collection, name, device.login, overwrite=False
        ),
    )
    if target != place:
        thing.moved = True
        thing.twofold = thing.twofold or answer != "yes"


def answers(world, mortal):
    """Answer an invitation, from a client."""
    chosen = some(world, own=False)
    if chosen is None:
        return
    device, place, href, held, thing = chosen
    answer = world.rng.choice(("ACCEPTED", "DECLINED", "TENTATIVE"))
    text = texts.with_answer(held.text, world.office.mails[device.user], answer)
    if text is None:
        return
    thing.touch()
    world.tell(f"{device.name} answers T{thing.number} with {answer}")
    ask(
        world,
        mortal,
        lambda: mortal.service.put(place.collection, href, text.encode(), device.login, if_match=held.etag),
    )


def syncs(world, mortal):
    device = world.rng.choice(world.devices)
    world.survive(mortal, lambda: device.sync(mortal.service, world))

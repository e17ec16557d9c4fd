"""What can happen in one turn: by a client, by people in the vendor's app, by the daemon, by bad luck."""

from __future__ import annotations

import datetime as dt
import re

import misfortune
from offices import CHINA, Declined
from universe import THING, Act

from bridge.errors import BridgeError

THINGS_MAX = 14
"""Events that live at one time; then there are only edits and deletions."""


def day(world):
    """Return a time of the next three weeks, in China."""
    today = dt.datetime.fromtimestamp(world.clock.true_s, CHINA).date()
    moment = dt.time(world.rng.randrange(8, 18), world.rng.choice((0, 15, 30)))
    return dt.datetime.combine(today + dt.timedelta(days=world.rng.randrange(2, 22)), moment, CHINA)


# ---- clients -----------------------------------------------------------------------------------------------------


def text_of(number, title, start, minutes, *lines):
    end = start + dt.timedelta(minutes=minutes)
    return "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Simulated//Client//EN",
            "BEGIN:VEVENT",
            f"UID:t{number}@sim",
            "DTSTAMP:20261201T000000Z",
            f"DTSTART;TZID=Asia/Shanghai:{start:%Y%m%dT%H%M%S}",
            f"DTEND;TZID=Asia/Shanghai:{end:%Y%m%dT%H%M%S}",
            f"SUMMARY:{title}",
            *lines,
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
    )


def ask(world, mortal, work):
    """Make a client's request; returns ``yes``, ``no`` (a refusal in words) or ``?`` (the server died)."""
    try:
        result, lived = world.survive(mortal, work)
    except BridgeError as error:
        world.tell(f"   refused: {type(error).__name__}: {error}")
        return "no", None
    return ("yes", result) if lived else ("?", None)


def put(world, mortal, device, thing, href, text, token, *, if_match=None):
    collection = world.home(device)
    act = Act(token, "client", world.clock.true_s)
    thing.acts.append(act)
    answer, result = ask(
        world,
        mortal,
        lambda: mortal.service.put(collection, href, text.encode(), device.login, if_match=if_match),
    )
    act.certain = answer == "yes"
    act.at_s = world.clock.true_s
    if answer == "no":
        thing.acts.remove(act)
        world.refused.add(token)
    world.tell(f"   -> {answer}{' waiting' if result is not None and result.waiting else ''}")
    return answer


def client_creates(world, mortal):
    device = world.rng.choice(world.devices)
    if len(world.living()) >= THINGS_MAX:
        return
    thing = world.new_thing(device.user)
    token = world.next_token()
    lines = []
    if world.rng.random() < 0.25:
        thing.is_series = True
        lines.append(f"RRULE:FREQ={world.rng.choice(('DAILY', 'WEEKLY'))};COUNT={world.rng.randrange(2, 6)}")
    if world.rng.random() < 0.2:
        lines.append(f"ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{world.office.mails['bob']}")
        lines.append(f"ORGANIZER:mailto:{world.office.mails['alice']}")
        if device.user != "alice":
            lines = lines[:-2]
    text = text_of(thing.number, world.title(thing, token), day(world), 60, *lines)
    world.tell(f"{device.name} creates T{thing.number} {token} {' '.join(lines[:1])}")
    answer = put(world, mortal, device, thing, f"t{thing.number}.ics", text, token)
    thing.removed = thing.removed or answer == "no"


def known(world, device):
    """Return (href, object, thing) of what a device holds and its person may change."""
    found = []
    for href, held in sorted(device.held.get(world.home(device), {}).items()):
        match = THING.search(held.text.replace("\r\n ", ""))
        thing = world.things.get(int(match[1])) if match else None
        if thing is not None and thing.owner == device.user:
            found.append((href, held, thing))
    return found


def client_edits(world, mortal):
    device = world.rng.choice(world.devices)
    choices = known(world, device)
    if not choices:
        return
    href, held, thing = world.rng.choice(choices)
    what = world.rng.choice(("rename", "rename", "shift", "alarm", "same"))
    token, text = world.next_token(), held.text
    if what in ("rename", "shift"):
        text = THING.sub(world.title(thing, token), text, count=1)
    if what == "shift":
        text = shifted(text, 45)
    if what == "alarm":
        alarm = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT7M\r\nEND:VALARM\r\n"
        text = text.replace("END:VEVENT", alarm + "END:VEVENT", 1) if "-PT7M" not in text else text
    world.tell(f"{device.name} edits T{thing.number} ({what}) {token} as {href}")
    if what in ("rename", "shift"):
        put(world, mortal, device, thing, href, text, token, if_match=held.etag)
        return
    answer, _ = ask(
        world,
        mortal,
        lambda: mortal.service.put(world.home(device), href, text.encode(), device.login, if_match=held.etag),
    )
    world.tell(f"   -> {answer}")


def shifted(text, minutes):
    """Return a text with the first start and end moved; only times with a zone are."""

    def later(match):
        moment = dt.datetime.strptime(match[2], "%Y%m%dT%H%M%S") + dt.timedelta(minutes=minutes)  # noqa: DTZ007
        return f"{match[1]}{moment:%Y%m%dT%H%M%S}"

    head, begin, rest = text.partition("BEGIN:VEVENT")
    for name in ("DTSTART", "DTEND"):
        rest = re.sub(rf"({name};TZID=[^:]+:)(\d{{8}}T\d{{6}})", later, rest, count=1)
    return head + begin + rest


def client_deletes(world, mortal):
    device = world.rng.choice(world.devices)
    choices = known(world, device)
    if not choices:
        return
    href, held, thing = world.rng.choice(choices)
    match = held.etag if world.rng.random() < 0.7 else None
    world.tell(f"{device.name} deletes T{thing.number} as {href}")
    answer, _ = ask(
        world,
        mortal,
        lambda: mortal.service.delete(world.home(device), href, device.login, if_match=match),
    )
    world.tell(f"   -> {answer}")
    thing.removed = thing.removed or answer != "no"


def client_moves(world, mortal):
    device = world.rng.choice(world.devices)
    choices = known(world, device)
    if not choices:
        return
    href, _, thing = world.rng.choice(choices)
    target = f"m{world.next_token()}.ics"
    world.tell(f"{device.name} moves T{thing.number} from {href} to {target}")
    home = world.home(device)
    answer, _ = ask(
        world,
        mortal,
        lambda: mortal.service.move(home, href, home, target, device.login, overwrite=False),
    )
    world.tell(f"   -> {answer}")


def client_syncs(world, mortal):
    device = world.rng.choice(world.devices)
    world.survive(mortal, lambda: device.sync(mortal.service, world))


# ---- people in the vendor's app ----------------------------------------------------------------------------------


def in_the_app(world, user, what, work):
    try:
        work()
    except Declined as error:
        world.tell(f"   the app declines: {error}")
        return False
    world.tell(f"{user} in the app: {what}")
    return True


def items_of(world, user):
    found = []
    for title, item in world.office.items(user, world.calendar(user)):
        match = THING.search(title)
        if match:
            found.append((item, world.things[int(match[1])]))
    return sorted(found, key=lambda pair: (pair[1].number, str(pair[0])))


def person_creates(world, _mortal):
    user = world.rng.choice(("alice", "bob"))
    if len(world.living()) >= THINGS_MAX:
        return
    thing, token = world.new_thing(user), world.next_token()
    title = world.title(thing, token)
    made = in_the_app(
        world,
        user,
        f"creates T{thing.number} {token}",
        lambda: world.office.create(user, world.calendar(user), title, day(world), 60),
    )
    if made:
        thing.acts.append(Act(token, "app", world.clock.true_s))
    else:
        thing.removed = True


def person_edits(world, _mortal):
    user = world.rng.choice(("alice", "bob"))
    choices = items_of(world, user)
    if not choices:
        return
    item, thing = world.rng.choice(choices)
    if world.rng.random() < 0.3:
        in_the_app(world, user, f"shifts T{thing.number}", lambda: world.office.shift(user, item, 90))
        return
    token = world.next_token()
    renamed = in_the_app(
        world,
        user,
        f"renames T{thing.number} {token}",
        lambda: world.office.rename(user, item, world.title(thing, token)),
    )
    if renamed:
        thing.acts.append(Act(token, "app", world.clock.true_s))


def person_deletes(world, _mortal):
    user = world.rng.choice(("alice", "bob"))
    choices = items_of(world, user)
    if not choices:
        return
    item, thing = world.rng.choice(choices)
    if in_the_app(world, user, f"deletes T{thing.number}", lambda: world.office.remove(user, item)):
        thing.removed = True


def person_answers(world, _mortal):
    choices = items_of(world, "alice")
    if not choices:
        return
    item, thing = world.rng.choice(choices)
    how = world.rng.choice(("accept", "decline", "tentative"))
    in_the_app(
        world, "bob", f"answers T{thing.number} with {how}", lambda: world.office.answer("bob", item, how)
    )


# ---- the daemon --------------------------------------------------------------------------------------------------


def daemon_ticks(world, mortal):
    world.survive(mortal, mortal.node.tick)


def daemon_pulls(world, mortal):
    user = world.rng.choice(("alice", "bob"))
    world.survive(mortal, lambda: mortal.node.parts.admin.sync(user, full=False))


RULES = {
    "client_creates": client_creates,
    "client_edits": client_edits,
    "client_deletes": client_deletes,
    "client_moves": client_moves,
    "client_syncs": client_syncs,
    "person_creates": person_creates,
    "person_edits": person_edits,
    "person_deletes": person_deletes,
    "person_answers": person_answers,
    "daemon_ticks": daemon_ticks,
    "daemon_pulls": daemon_pulls,
    "vendor_fails": misfortune.vendor_fails,
    "token_lost": misfortune.token_lost,
    "cursor_lost": misfortune.cursor_lost,
    "clock_steps": misfortune.clock_steps,
    "time_passes": misfortune.time_passes,
    "node_will_die": misfortune.node_will_die,
    "node_restarts": misfortune.node_restarts,
    "backup": misfortune.backup,
    "restore": misfortune.restore,
}
_WEIGHTS = {
    "client_creates": 8,
    "client_edits": 14,
    "client_deletes": 3,
    "client_moves": 3,
    "client_syncs": 12,
    "person_creates": 5,
    "person_edits": 10,
    "person_deletes": 2,
    "person_answers": 2,
    "daemon_ticks": 22,
    "daemon_pulls": 6,
    "vendor_fails": 8,
    "token_lost": 1,
    "cursor_lost": 1,
    "clock_steps": 1,
    "time_passes": 3,
    "node_will_die": 4,
    "node_restarts": 1,
    "backup": 1,
    "restore": 0.5,
}
NAMES = list(RULES)
WEIGHTS = [_WEIGHTS[name] for name in NAMES]
NOT_NESTED = {"node_restarts", "restore", "backup", "node_will_die", "clock_steps", "time_passes"}
"""What cannot happen while a node waits for the vendor, because it concerns the nodes or all of time."""

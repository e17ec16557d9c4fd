"""What must hold once everything has come to rest."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import icalendar
import recurring_ical_events
from offices import CHINA
from universe import SILENT_ROUNDS, THING

from bridge.plan.intent import CLOSED

WINDOW_DAYS = 60


def mirrored(world, user):
    """Return (title, start, end) of all that a client of this user would show."""
    low = dt.datetime.fromtimestamp(world.clock.true_s, dt.UTC) - dt.timedelta(days=20)
    found = []
    for held in world.nodes[0].service.get_all(world.home_of(user)):
        read = icalendar.Calendar.from_ical(held.text)
        for event in recurring_ical_events.of(read).between(low, low + dt.timedelta(days=WINDOW_DAYS)):
            found.append((str(event["SUMMARY"]), _second(event.start), _second(event.end)))
    return sorted(found)


def _second(moment):
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time(), CHINA)
    return int(moment.timestamp())


def upstream(world, user):
    low = world.clock.true_s - 20 * 86_400
    return world.office.shown(user, world.calendar(user), low, low + WINDOW_DAYS * 86_400)


def all_of(world):
    """Check everything; raises Broken with the story."""
    converged(world)
    for device in world.devices:
        device.sync(world.nodes[0].service, world)
    once_each(world)
    nothing_lost(world)
    silence(world)


def converged(world):
    for user in world.office.people:
        ours, theirs = mirrored(world, user), upstream(world, user)
        if ours != theirs:
            mine = [x for x in ours if x not in theirs]
            other = [x for x in theirs if x not in ours]
            world.fail(f"{user}'s calendar: only here {mine}, only at the vendor {other}")


def once_each(world):
    """One thing is at most one item at the vendor, and one object here."""
    for user in world.office.people:
        titles = Counter(thing.number for _, thing in world.items_of(user))
        for number, count in titles.items():
            if count > 1 and number not in world.copied:
                world.fail(f"T{number} is {count} items at the vendor")
        here = Counter()
        for held in world.nodes[0].service.get_all(world.home_of(user)):
            match = THING.search(held.text.replace("\r\n ", ""))
            here[int(match[1])] += 1
        for number, count in here.items():
            if count > 1 and number not in world.copied:
                world.fail(f"T{number} is {count} objects here")


def nothing_lost(world):  # noqa: C901, PLR0912 - one rule after another
    """What was acknowledged is visible, or a receipt says what became of it; nothing vanishes by itself."""
    receipts = world.rows("SELECT id, state, uid, client_text, lost_text, words FROM intent")
    for row in receipts:
        if row["state"] not in CLOSED:
            world.fail(f"intent {row['id']} has no end")
    visible = {}
    for user in world.office.people:
        for title, _, _ in mirrored(world, user):
            match = THING.search(title)
            visible.setdefault(int(match[1]), set()).add(f"e{match[2]}")
    for token in world.refused:
        for number, shown in visible.items():
            if token in shown:
                world.fail(f"{token} of T{number} was refused and is shown all the same")
    for thing in world.things.values():
        if thing.waived:
            continue
        shown = visible.get(thing.number, set())
        certain = [act for act in thing.acts if act.certain]
        written = {act.token: _receipt(receipts, thing, act.token) for act in certain if act.by == "client"}
        for token, row in written.items():
            if row is None:
                world.fail(f"{token} of T{thing.number} was acknowledged and left no receipt")
        if not certain:
            continue
        if not shown and not thing.removed and not _refused(written):
            world.fail(f"T{thing.number} is gone though nobody deleted it")
        if not shown or not certain or certain[-1].by != "client" or thing.acts[-1] is not certain[-1]:
            continue
        last = certain[-1].token
        if last not in shown and written[last]["state"] != "refused" and not _kept(receipts, last):
            world.fail(f"{last} of T{thing.number} was the last edit, and {shown} is shown")


def _receipt(receipts, thing, token):
    word = f"T{thing.number} {token}"
    for row in receipts:
        text = (row["client_text"] or "").replace("\r\n ", "")
        if f"{word}\r" in text or f"{word}\n" in text:
            return row
    return None


def _kept(receipts, token):
    return any(f"{token}\r" in (row["lost_text"] or "").replace("\r\n ", "") for row in receipts)


def _refused(written):
    return any(row is not None and row["state"] == "refused" for row in written.values())


def silence(world):
    """Further looks write nothing: not at the vendor, not to a client."""
    before = _tags(world)
    world.office.box.calls.clear()
    world.quiet = True
    for _ in range(SILENT_ROUNDS):
        world.clock.sleep(120.0)
        for mortal in world.nodes:
            mortal.node.tick()
        for user in world.office.people:
            mortal.node.parts.admin.sync(user, full=False)
    world.quiet = False
    wrote = [call.endpoint for call in world.office.box.calls._calls if world.office.is_write(call)]
    if wrote:
        world.fail(f"there is no silence: {wrote}")
    if _tags(world) != before:
        world.fail("tags change though nothing happens")


def _tags(world):
    tags = {}
    for user in world.office.people:
        for view in world.nodes[0].service.collections(user):
            listed = world.nodes[0].service.get_all(view.id)
            tags[user, view.id] = (view.etag, view.sync_token, sorted((o.href, o.etag) for o in listed))
    return tags

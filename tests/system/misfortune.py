"""What goes wrong: the vendor, the network, the clock, the process, the disk."""

from __future__ import annotations

from bridge.daemon.restore import restore as put_back
from bridge.engine.custody.backup import backup as take_backup
from bridge.engine.points import Point
from bridge.simulator.faults import fault_from_json

FUSE_MAX = 24
"""Commits and requests, before and after, among which a death falls: longer than any single edit has."""

FAULTS = (
    {"kind": "lost", "when": "before"},
    {"kind": "lost", "when": "after"},
    {"kind": "reset", "when": "before"},
    {"kind": "reset", "when": "after"},
    {"kind": "status", "status": 502, "when": "before"},
    {"kind": "status", "status": 504, "when": "after"},
    {"kind": "html", "when": "before"},
    {"kind": "html", "when": "after"},
    {"kind": "garbage", "when": "after"},
    {"kind": "truncated", "when": "after", "content_length": "wrong"},
    {"kind": "throttle", "when": "before"},
)


def vendor_fails(world, _mortal):
    fault = {
        **world.rng.choice(FAULTS),
        "match": world.rng.choice(world.office.fault_paths),
        "count": world.rng.choice((1, 1, 1, 2, 4)),
        "skip": world.rng.choice((0, 0, 1, 2)),
    }
    world.tell(f"fault: {fault}")
    world.office.box.faults.add(fault_from_json(fault))


def token_lost(world, _mortal):
    world.tell("the vendor forgets our token")
    world.office.lose_tokens()


def cursor_lost(world, _mortal):
    world.tell("the vendor forgets its cursors")
    world.office.lose_cursors()


def clock_steps(world, _mortal):
    world.clock.step_s = world.rng.choice((0.0, -90.0, 45.0, 3600.0, -3600.0))
    world.tell(f"our clock is off by {world.clock.step_s} s")


def time_passes(world, _mortal):
    seconds = world.rng.choice((60.0, 600.0, 5000.0))
    world.tell(f"{seconds} s pass")
    world.clock.sleep(seconds)


def node_will_die(world, mortal):
    if mortal.fuse is None:
        mortal.fuse = world.rng.randrange(1, FUSE_MAX)
        world.tell(f"node {world.nodes.index(mortal)} will die after {mortal.fuse} notches")


def node_restarts(world, mortal):
    number = world.nodes.index(mortal)
    world.tell(f"node {number} restarts in good order")
    mortal.fuse = None
    mortal.node.close()
    world.nodes[number] = world._node(number)


def node_will_die_at(world, _mortal):
    """Let whichever node comes to a named step of an edit die there."""
    point, number = world.rng.choice(list(Point)), world.rng.choice((1, 1, 1, 2, 3))
    world.deathbed.await_at(point, number)
    world.tell(f"whoever is at {point} for the {number}. time dies")


def push_arrives(world, mortal):
    waiting = world.post.waiting()
    if not waiting:
        return
    push = waiting.pop(world.rng.randrange(len(waiting)))
    if world.rng.random() < 0.2:
        waiting.append(push)  # it comes again
    world.tell("a push arrives")
    world.survive(mortal, lambda: world.post.deliver(mortal, push))


def push_is_lost(world, _mortal):
    waiting = world.post.waiting()
    if waiting:
        waiting.pop(world.rng.randrange(len(waiting)))
        world.tell("a push is lost")


def is_backup_worth_it(world):
    """Return whether there is something that the last backup does not have."""
    return any(thing.touched_since for thing in world.things.values())


def is_there_a_backup(world):
    return world.backup is not None


def backup(world, _mortal):
    if not is_backup_worth_it(world):
        return
    world.backup_number += 1
    file = world.folder / f"backup-{world.backup_number}"
    take_backup(world.nodes[0].engine.store, file)
    world.backup = file
    for thing in world.things.values():
        thing.touched_since = False
    world.tell("a backup is taken")


def restore(world, _mortal):
    """Put an older database back, as ``queqiao restore`` does: every daemon is ended before."""
    if not is_there_a_backup(world):
        return
    world.tell("the backup is restored")
    for mortal in world.nodes:
        mortal.fuse = None
        mortal.node.close()
    world.clock.sleep(1.0)  # what is set aside bears the second in its name
    put_back(world.config, world.backup, now_ms=world.clock.now_ms())
    world.restores += 1
    world.nodes = [world._node(2000 + 10 * world.restores + n) for n in range(len(world.nodes))]
    for thing in world.things.values():
        thing.waived = thing.waived or thing.touched_since
        thing.seen = False  # the older mirror may not have it until the next look
    world.backup = None

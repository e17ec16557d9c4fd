"""What goes wrong: the vendor, the network, the clock, the process, the disk."""

from __future__ import annotations

import shutil

import sqlalchemy as sa

from bridge.engine.custody.backup import backup as take_backup
from bridge.engine.custody.restore import make_truthful
from bridge.simulator.faults import fault_from_json
from bridge.store.engine import Store

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


def backup(world, _mortal):
    world.backup_number += 1
    file = world.folder / f"backup-{world.backup_number}"
    take_backup(world.nodes[0].engine.store, file)
    world.backup = file
    for thing in world.things.values():
        thing.touched_since = False
    world.tell("a backup is taken")


def restore(world, _mortal):
    """Put an older database back, as ``queqiao restore`` does: every daemon is ended before."""
    if world.backup is None or not world.nodes[0].engine.store.is_sqlite:
        return
    world.tell("the backup is restored")
    for mortal in world.nodes:
        mortal.fuse = None
        mortal.node.close()
    target = world.config.database.url.removeprefix("sqlite:///")
    for suffix in ("-wal", "-shm"):
        (world.folder / f"queqiao.db{suffix}").unlink(missing_ok=True)
    shutil.copyfile(world.backup, target)
    store = Store(world.config.database.url)
    store.migrate()
    with store.write() as c:
        make_truthful(c, now_ms=world.clock.now_ms())
    with store.read() as c:
        assert c.execute(sa.text("PRAGMA integrity_check")).scalar() == "ok"
    store.close()
    world.restores += 1
    world.nodes = [world._node(2000 + 10 * world.restores + n) for n in range(len(world.nodes))]
    for thing in world.things.values():
        thing.waived = thing.waived or thing.touched_since
    world.backup = None

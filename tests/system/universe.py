"""The whole system in one thread: clients, people, daemons, vendor, time and misfortune, all by one seed."""

from __future__ import annotations

import datetime as dt
import random
import re
from collections import Counter
from dataclasses import dataclass, field

import sqlalchemy as sa
from canary import TITLE, Canary
from mortal import Crash, Mortal
from offices import OFFICES

from benchmarks.virtual import VirtualClock
from bridge.config import Config, Database, Sync
from bridge.engine.api import Login, SyncTokenInvalid
from bridge.store import calendars

START = dt.datetime(2026, 12, 7, 1, tzinfo=dt.UTC)
"""A Monday morning in China."""
NODES = 2
CALM_ROUNDS = 400
"""Rounds after which everything must have come to rest."""
SILENT_ROUNDS = 3
STORY_LINES = 400
"""Last lines of a run's story that a failure shows."""
THING = re.compile(rf"{TITLE} T(\d+) e(\d+)")


class Broken(AssertionError):
    """An invariant does not hold; says which, and how to see it again."""


@dataclass
class Act:
    """One change of a thing's title that somebody made."""

    token: str
    by: str
    """``client`` or ``app``."""
    at_s: float
    certain: bool = True
    """False: nobody knows whether it was taken, because the node died before it answered."""


@dataclass
class Thing:
    """One event as people think of it, whatever names and ids it has."""

    number: int
    owner: str
    is_series: bool = False
    acts: list[Act] = field(default_factory=list)
    removed: bool = False
    """Somebody deleted it, at any time."""
    touched_since: bool = False
    """Since the last backup."""
    waived: bool = False
    """It was touched between a backup and its restore: the journal forgot, so only what is visible counts."""


class Device:
    """A client that only ever asks for what changed since its token."""

    def __init__(self, user, name):
        self.user, self.name = user, name
        self.login = Login(user=user, device=name)
        self.tokens = {}
        self.held = {}

    def sync(self, service, world):
        """Ask for the changes and hold the result against the whole listing."""
        service.touch(self.user)
        views = service.collections(self.user)
        for view in views:
            held = self.held.setdefault(view.id, {})
            try:
                changed, gone = service.changes(view, self.tokens.get(view.id, ""))
            except SyncTokenInvalid:
                if not world.restores:
                    world.fail(f"{self.name}: a sync token was refused though nothing was restored")
                held.clear()
                changed, gone = service.changes(view, "")
            for href in gone:
                held.pop(href, None)
            found = service.get_many(view.id, list(changed))
            for href in changed:
                if href in found:
                    held[href] = found[href]
                else:
                    held.pop(href, None)
            self.tokens[view.id] = view.sync_token
            listed = {o.href: o for o in service.get_all(view.id)}
            if {h: (o.etag, o.text) for h, o in held.items()} != {
                h: (o.etag, o.text) for h, o in listed.items()
            }:
                off = sorted(
                    h
                    for h in held.keys() | listed.keys()
                    if h not in held or h not in listed or held[h].etag != listed[h].etag
                )
                world.fail(f"{self.name}: deltas and listing differ at {off}")


class World:
    """Everything, and the rules by which it moves."""

    def __init__(self, seed, vendor, database, folder):
        self.seed, self.vendor, self.folder = seed, vendor, folder
        self.rng = random.Random(seed)
        self.clock = VirtualClock(START.timestamp())
        self.office = OFFICES[vendor](self.clock)
        self.config = Config(
            database=Database(url=database),
            sync=Sync(poll_billed_s=300.0),
            source=(self.office.config(),),
        )
        self.story = []
        self.things = {}
        self.refused = set()
        self.counts = Counter()
        self.restores = 0
        self.tokens_made = 0
        self.deaths = 0
        self.quiet = True
        self.inside = 0
        self.backup = None
        self.backup_number = 0
        self.copied = set()
        self.canary = Canary([*self.office.secrets, "@example.com", "张三", "李四"])
        self.canary.__enter__()
        self.nodes = [self._node(number) for number in range(NODES)]
        for user, vendor_id in self.office.people.items():
            admin = self.nodes[0].node.parts.admin
            admin.user_add(user, email=f"{user}@example.com", links=[(self.office.source, vendor_id)])
            (row,) = admin.connect_links(user, patience_s=60)
            assert row["state"] == "connected", row
        self.homes = {user: self.collection(user).id for user in self.office.people}
        self.upstreams = {user: self.upstream(home) for user, home in self.homes.items()}
        self.devices = [Device("alice", "alice-1"), Device("alice", "alice-2"), Device("bob", "bob-1")]
        self.office.box.calls.clear()
        self.quiet = False

    def _node(self, number):
        return Mortal(self.config, self.clock, self.office.box, number, self._meanwhile)

    def close(self):
        self.canary.__exit__()
        for mortal in self.nodes:
            mortal.is_dead = False
            mortal.node.vanish()

    # ---- telling -----------------------------------------------------------------------------------------------

    def tell(self, line):
        self.story.append(f"{self.clock.true_s - START.timestamp():10.1f}  {line}")

    def fail(self, why):
        story = "\n".join(self.story[-STORY_LINES:])
        raise Broken(f"{why}\nvendor {self.vendor}, seed {self.seed}; what led to it:\n{story}")

    # ---- looking -----------------------------------------------------------------------------------------------

    def upstream(self, collection_id):
        """Return the vendor's id of the calendar behind a collection."""
        with self.nodes[0].engine.store.read() as c:
            return calendars.collection(c, collection_id).upstream_calendar_id

    def rows(self, statement, **values):
        with self.nodes[0].engine.store.read() as c:
            return [dict(r) for r in c.execute(sa.text(statement), values).mappings()]

    def collection(self, user):
        return self.nodes[0].service.collections(user)[0]

    def home_of(self, user):
        return self.homes[user]

    def home(self, device):
        """Return the collection in which a device works."""
        return self.homes[device.user]

    def calendar(self, user):
        """Return the vendor's calendar behind a person's collection."""
        return self.upstreams[user]

    def living(self):
        return [thing for thing in self.things.values() if not thing.removed]

    def items_of(self, user):
        import rules

        return rules.items_of(self, user)

    def title(self, thing, token):
        thing.touched_since = True
        return f"{TITLE} T{thing.number} {token}"

    def new_thing(self, owner):
        thing = Thing(len(self.things) + 1, owner)
        self.things[thing.number] = thing
        return thing

    def next_token(self):
        self.tokens_made += 1
        return f"e{self.tokens_made}"

    # ---- misfortune --------------------------------------------------------------------------------------------

    def _meanwhile(self, mortal):
        """While one node waits for the vendor, somebody else may do something."""
        if self.quiet or self.inside or self.rng.random() > 0.15:
            return
        self.inside += 1
        try:
            others = [m for m in self.nodes if m is not mortal]
            self.turn(self.rng.choice(others), nested=True)
        finally:
            self.inside -= 1

    def survive(self, mortal, work):
        """Do something on a node that may die over it; returns (its result, whether it lived)."""
        try:
            return work(), True
        except Crash:
            if not mortal.is_dead:
                raise
            self.deaths += 1
            self.tell(f"node {self.nodes.index(mortal)} died")
            mortal.node.vanish()
            self.nodes[self.nodes.index(mortal)] = self._node(1000 + self.deaths)
            return None, False

    # ---- one turn ----------------------------------------------------------------------------------------------

    def turn(self, mortal, *, nested=False):
        """Do one thing, chosen by the seed."""
        import rules

        rule = self.rng.choices(rules.NAMES, rules.WEIGHTS)[0]
        if nested and rule in rules.NOT_NESTED:
            return
        self.counts[rule] += 1
        rules.RULES[rule](self, mortal)

    def step(self):
        self.clock.sleep(self.rng.choice((0.0, 0.3, 1.0, 2.0, 7.0, 40.0)))
        self.turn(self.rng.choice(self.nodes))
        if self.canary.told:
            self.fail(f"a log line tells {self.canary.told[0]}")

    # ---- rest --------------------------------------------------------------------------------------------------

    def calm(self):
        """Let all misfortune end, and everything come to rest."""
        self.tell("calm")
        self.quiet = True
        self.office.box.faults.clear()
        self.clock.step_s = 0.0
        for mortal in self.nodes:
            mortal.fuse = None
        for _ in range(CALM_ROUNDS):
            for mortal in self.nodes:
                mortal.node.tick()
            if not self.rows("SELECT id FROM intent WHERE state IN ('waiting', 'in_flight')"):
                break
            self.clock.sleep(15.0)
        else:
            self.fail("an edit never came to its end")
        for full in (False, True, False):
            for user in self.office.people:
                for row in self._sync(user, full=full):
                    if not row["ok"]:
                        self.fail(f"a pull failed though nothing is wrong: {row['error']}")
            for mortal in self.nodes:
                mortal.node.tick()
            self.clock.sleep(31.0)
        self.quiet = False

    def _sync(self, user, *, full):
        for _ in range(30):
            rows = self.nodes[0].node.parts.admin.sync(user, full=full)
            if all(row["ok"] for row in rows):
                break
            self.clock.sleep(60.0)
        return rows

"""The whole system in one thread: clients, people, daemons, vendor, time and misfortune, all by one seed."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter

import sqlalchemy as sa
from loglines import TITLE, Canary
from mortal import Crash, Deathbed, Mortal
from offices import OFFICES
from pushes import Post
from things import Broken, Device, Place, Thing

from benchmarks.virtual import VirtualClock
from bridge.config import Config, Database, Sync
from bridge.store import calendars

START = dt.datetime(2026, 12, 7, 1, tzinfo=dt.UTC)
"""A Monday morning in China."""
NODES = 2
CALM_ROUNDS = 400
"""Rounds after which everything must have come to rest."""
MEANWHILE = 0.15
"""How likely somebody else does something at a turn of a request."""
STORY_LINES = 400
"""Last lines of a run's story that a failure shows."""


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
        self.is_broken = False
        self.inside = 0
        self.acting = []
        self.backup = None
        self.backup_number = 0
        self.post = Post(self)
        self.canary = Canary([*self.office.secrets, "@example.com", "张三", "李四"])
        self.canary.__enter__()
        self.deathbed = Deathbed(lambda: self.acting[-1])
        self.deathbed.__enter__()
        self.nodes = [self._node(number) for number in range(NODES)]
        self.places = [place for user in self.office.people for place in self._connect(user)]
        self.devices = [Device("alice", "alice-1"), Device("alice", "alice-2"), Device("bob", "bob-1")]
        self.office.begin()
        self.quiet = False

    def _node(self, number):
        return Mortal(self.config, self.clock, self.office.box, number, self._meanwhile)

    def _connect(self, user):
        """Make a person known; returns their calendars."""
        node = self.nodes[0].node
        node.parts.admin.user_add(
            user, email=f"{user}@example.com", links=[(self.office.source, self.office.ids[user])]
        )
        (row,) = node.parts.admin.connect_links(user, patience_s=60)
        assert row["state"] == "connected", row
        self.office.make_more(node.parts.service, user)
        found = []
        for view in node.parts.service.collections(user):
            with node.parts.engine.store.read() as c:
                calendar = calendars.collection(c, view.id).upstream_calendar_id
            found.append(Place(user, view.id, calendar, self.office.host_of(user, calendar)))
        return found

    def close(self):
        self.deathbed.__exit__()
        self.canary.__exit__()
        for mortal in self.nodes:
            mortal.is_dead = False
            mortal.node.vanish()

    # ---- telling -----------------------------------------------------------------------------------------------

    def tell(self, line):
        self.story.append(f"{self.clock.true_s - START.timestamp():10.1f}  {line}")

    def fail(self, why):
        self.is_broken = True
        story = "\n".join(self.story[-STORY_LINES:])
        raise Broken(f"{why}\nvendor {self.vendor}, seed {self.seed}; what led to it:\n{story}")

    # ---- looking -----------------------------------------------------------------------------------------------

    def rows(self, statement, **values):
        with self.nodes[0].engine.store.read() as c:
            return [dict(r) for r in c.execute(sa.text(statement), values).mappings()]

    def places_of(self, user):
        return [place for place in self.places if place.user == user]

    def living(self):
        return [thing for thing in self.things.values() if not thing.removed]

    def title(self, thing, token):
        thing.touch()
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
        if self.quiet or self.inside or self.rng.random() > MEANWHILE:
            return
        self.inside += 1
        try:
            others = [m for m in self.nodes if m is not mortal]
            self.turn(self.rng.choice(others), nested=True)
        finally:
            self.inside -= 1

    def survive(self, mortal, work):
        """Do something on a node that may die over it; returns (its result, whether it lived)."""
        self.acting.append(mortal)
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
        finally:
            self.acting.pop()

    # ---- one turn ----------------------------------------------------------------------------------------------

    def turn(self, mortal, *, nested=False):
        """Do one thing, chosen by the seed."""
        import rules

        name = self.rng.choices(rules.NAMES, rules.WEIGHTS)[0]
        if nested and not rules.RULES[name].is_small:
            return
        self.counts[name] += 1
        rules.RULES[name].act(self, mortal)

    def step(self):
        """Let a moment pass, then do one thing."""
        self.pass_moment()
        self.turn(self.rng.choice(self.nodes))

    def pass_moment(self):
        self.clock.sleep(self.rng.choice((0.0, 0.3, 1.0, 2.0, 7.0, 40.0)))

    # ---- rest --------------------------------------------------------------------------------------------------

    def calm(self):
        """Let all misfortune end, and everything come to rest."""
        self.tell("calm")
        self.quiet = True
        self.office.box.faults.clear()
        self.clock.step_s = 0.0
        self.deathbed.clear()
        for mortal in self.nodes:
            mortal.fuse = None
        for _ in range(CALM_ROUNDS):
            self.post.deliver_all()
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

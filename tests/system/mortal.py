"""A node that can be killed between any two lines of its journal or of the wire, and at each named step."""

from __future__ import annotations

import contextlib
import os
from types import SimpleNamespace

import sqlalchemy as sa

from benchmarks.virtual import Node, Wire
from bridge.engine import points


class Crash(BaseException):
    """SIGKILL. Not an Exception, so that nothing in the bridge can catch it."""


class Mortal:
    """A node whose fuse burns one notch at each commit and each request, before and after."""

    def __init__(self, config, clock, box, number, between):
        self.is_dead = False
        self.fuse = None
        self._between = between
        """Called with this node while it waits for the vendor: the rest of the world goes on."""
        self.inside = False
        self.node = Node(config, clock, Wire(box, self._wire), number=number)
        hurry(self.node.parts.engine.store.engine)
        self._guard(self.node.parts.engine.store)

    @property
    def service(self):
        return self.node.parts.service

    @property
    def engine(self):
        return self.node.parts.engine

    def burn(self):
        """Die here if the fuse is at its end. A dead node does not do anything any more."""
        if self.fuse is not None and not self.is_dead:
            self.fuse -= 1
            self.is_dead = self.fuse <= 0
        if self.is_dead:
            raise Crash

    def die(self):
        """Die here and now."""
        self.is_dead = True
        raise Crash

    def _wire(self, _when):
        self.burn()
        self._between(self)
        if self.is_dead:
            raise Crash

    def _guard(self, store):
        write, read = store.write, store.read

        @contextlib.contextmanager
        def mortal_write():
            if self.is_dead:
                raise Crash
            with write() as c:
                yield c
                self.burn()
            self.burn()

        @contextlib.contextmanager
        def mortal_read():
            if self.is_dead:
                raise Crash
            with read() as c:
                yield c

        store.write, store.read = mortal_write, mortal_read


def hurry(engine):
    """Do without waiting for the disk: nothing here outlives this process."""
    word = "PRAGMA synchronous = OFF" if engine.dialect.name == "sqlite" else "SET synchronous_commit = off"

    def say(raw, _record):
        cursor = raw.cursor()
        cursor.execute(word)
        cursor.close()
        if engine.dialect.name != "sqlite":
            raw.commit()

    sa.event.listen(engine, "connect", say)
    engine.dispose()


class Deathbed:
    """Lets whoever reaches a named step die there, instead of killing the process of the test."""

    def __init__(self, who):
        self._who = who
        """Returns the node that works just now."""
        self._kept = points.os, points._place, points._left
        self.point = None

    def __enter__(self):
        points.os = SimpleNamespace(getpid=os.getpid, kill=lambda *_: self._die())
        self.clear()
        return self

    def __exit__(self, *exc):
        points.os, points._place, points._left = self._kept

    def await_at(self, point, number):
        """Let a node die when ``point`` is reached for the ``number``-th time from now on."""
        self.point = point
        points._place, points._left = point, number

    def clear(self):
        self.point = None
        points._place, points._left = "", 1

    def _die(self):
        self.clear()
        self._who().die()

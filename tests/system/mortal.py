"""A node that can be killed between any two lines of its journal or of the wire."""

from __future__ import annotations

import contextlib

from benchmarks.virtual import Node, Wire


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

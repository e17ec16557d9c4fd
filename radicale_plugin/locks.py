"""Locks per path, for a stock Radicale: it checks an etag and writes in two steps.

Held while the vendor is asked, so only writers of the same object may ever meet here.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class PathLocks:
    """A lock for each path that somebody holds or waits for, and for no other."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def holding(self, paths: Iterable[str]) -> Iterator[None]:
        """Hold several paths, taken in sorted order so that two movers cannot block each other."""
        with ExitStack() as stack:
            for path in sorted({path.rstrip("/") for path in paths}):
                stack.enter_context(self._one(path))
            yield

    @contextmanager
    def _one(self, path: str) -> Iterator[None]:
        with self._guard:
            lock, users = self._held.get(path, (threading.Lock(), 0))
            self._held[path] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, users = self._held[path]
                if users == 1:
                    del self._held[path]
                else:
                    self._held[path] = (lock, users - 1)


LOCKS = PathLocks()
"""The locks of this process: the same for every storage object, of which Radicale builds two."""

"""Where a process may die on its way: named places, so that a test can make a real one die there.

Inert unless ``QUEQIAO_CRASH_AT`` names a place, or ``PLACE:N`` for the Nth time it is reached; then the process gets SIGKILL.
"""

from __future__ import annotations

import enum
import os
import signal
import threading
from typing import Final

VARIABLE: Final = "QUEQIAO_CRASH_AT"


class Point(enum.StrEnum):
    """The steps of an edit, in order."""

    JOURNALED = "journaled"
    """The edit is on disk; nobody carries it yet."""
    CLAIMED = "claimed"
    """A carrier has it."""
    STEP_WRITTEN = "step_written"
    """What is about to be sent is on disk."""
    ANSWERED = "answered"
    """The vendor has done it; nothing of that is on disk."""
    RECORDED = "recorded"
    """The step's result is on disk."""
    DONE = "done"
    """The vendor holds all of it; the receipt is not written."""
    CLOSED = "closed"
    """The receipt is on disk; the client may not have heard."""
    HALF_MOVED = "half_moved"
    """The event is in the second calendar and still in the first."""


_lock = threading.Lock()
_place, _, _number = os.environ.get(VARIABLE, "").partition(":")
_left = int(_number) if _number.isdigit() else 1


def reached(point: Point) -> None:
    """Die here if that is wished; costs one comparison otherwise."""
    global _left  # a counter of the process, which ends with it
    if point != _place:
        return
    with _lock:
        _left -= 1
        if _left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

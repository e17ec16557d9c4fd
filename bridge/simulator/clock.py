"""The vendor's wall clock, which a test may move."""

from __future__ import annotations

import threading
import time


class SimClock:
    """Seconds since 1970; the machine's time plus an offset, or a frozen value.

    Safe to use from several threads.
    """

    def __init__(self, *, now_s: float | None = None, frozen: bool = False) -> None:
        self._lock = threading.Lock()
        self._offset_s = 0.0
        self._frozen_s: float | None = None
        if now_s is not None:
            self.set(now_s, frozen=frozen)

    @property
    def offset_s(self) -> float:
        """Seconds that this clock is ahead of the machine's."""
        return self.now() - time.time()

    @property
    def frozen(self) -> bool:
        """Whether time stands still until ``advance``, ``set`` or ``real``."""
        return self._frozen_s is not None

    def now(self) -> float:
        """Return seconds since 1970-01-01 UTC."""
        with self._lock:
            return self._now()

    def set(self, now_s: float, *, frozen: bool = False) -> None:
        """Make it ``now_s``; time goes on from there unless ``frozen``."""
        with self._lock:
            self._frozen_s = now_s if frozen else None
            self._offset_s = now_s - time.time()

    def advance(self, seconds: float) -> None:
        """Jump by ``seconds``; negative goes back."""
        with self._lock:
            if self._frozen_s is not None:
                self._frozen_s += seconds
            self._offset_s += seconds

    def real(self) -> None:
        """Follow the machine's clock again."""
        with self._lock:
            self._frozen_s = None
            self._offset_s = 0.0

    def _now(self) -> float:
        if self._frozen_s is not None:
            return self._frozen_s
        return time.time() + self._offset_s

"""The only wall clock. Everything else is handed a ``Clock`` or a time."""

from __future__ import annotations

import datetime as dt
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits; a test's clock may jump."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970-01-01 UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds of a clock that never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Return seconds of a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def utc_from_ms(milliseconds: int) -> dt.datetime:
    """Return the aware UTC time of ``milliseconds`` since 1970."""
    return dt.datetime.fromtimestamp(milliseconds / 1000, tz=dt.UTC)


def ms_from_utc(moment: dt.datetime) -> int:
    """Return milliseconds since 1970 of an aware time."""
    return round(moment.timestamp() * 1000)

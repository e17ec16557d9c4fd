"""What the occurrence index holds of one object: when it happens, without its text.

A span says where something happens, and how sure that is. What is not known (before and after the window in which a
long series is written down, and all of an object that cannot be worked out) is a span, too: :attr:`Sure.LOOK`.
So spans never say less than the text, and where they say ``LOOK`` the text decides.
"""

from __future__ import annotations

import datetime as dt
import enum
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.ical import recur
from bridge.ical.recur import FOREVER_MS
from bridge.ical.worked import WIDEN_MS, seen_from, work_out

if TYPE_CHECKING:
    from bridge.ical.worked import Occurrence, Worked

DAY_MS: Final = 86_400_000
BACK_MS: Final = 400 * DAY_MS
"""How far back a series is written down that began earlier."""
AHEAD_MS: Final = 600 * DAY_MS
"""How far ahead a series is written down, at least until the next extension; beyond, texts are read."""
STEP_MS: Final = 40 * DAY_MS
"""The window moves in steps of this, so that an edit in between finds the same spans and writes none."""
WHOLE_MAX: Final = 400
"""A series of up to so many occurrences is written down whole, wherever it lies."""
ROWS_MAX: Final = 1_500
"""Spans of one object in the window, more than a daily meeting has; behind them the text is read."""
KINDS: Final = ("", "BUSY", "BUSY-TENTATIVE")
"""FBTYPE by the number that is stored; the first takes no time (RFC 4791 7.10)."""
REACHES_MS: Final = (2 * 3_600_000, DAY_MS, 4 * DAY_MS, 32 * DAY_MS, 366 * DAY_MS)
"""Longest span of each class of length; longer ones are in a class behind these.

What overlaps a moment began at most this much earlier, so each class is a short stretch of an index by start.
"""


class Sure(enum.IntEnum):
    """How sure a span is; the lower, the surer."""

    EXACT = 0
    """It happens then."""
    LOOSE = 1
    """All-day or floating: widened by :data:`WIDEN_MS` on both sides; when it happens depends on where one looks from."""
    LOOK = 2
    """It may happen then; its text says whether."""


class Span(NamedTuple):
    """One occurrence, or a stretch of time about which only the text knows. Times as in ``ObjectView``."""

    starts_ms: int
    ends_ms: int
    sure: int
    busy: int
    """Place in :data:`KINDS`."""


class Spans(NamedTuple):
    """All spans of one object."""

    rows: tuple[Span, ...]
    until_ms: int
    """End of the window for which they were made; ``FOREVER_MS``: for all times."""
    bounds: tuple[int, int]
    """First start and last end, as in ``ObjectView``."""


def window_end(now_ms: int) -> int:
    """Return the end of the window of now."""
    return -(-(now_ms + AHEAD_MS) // STEP_MS) * STEP_MS


def spans_of(text: str, bounds: tuple[int, int], until_ms: int) -> Spans:
    """Return the spans of a text. ``bounds``: its :func:`bridge.ical.recur.span`; ``until_ms``: see :func:`window_end`."""
    found = work_out(text)
    if found is None:
        return unread(bounds)
    if any(found.floating[int(event.summary)] and not event.is_all_day for event in found.object.events):
        starts_ms, ends_ms, _ = recur.span(found.object)
        bounds = starts_ms - WIDEN_MS, min(FOREVER_MS, ends_ms + WIDEN_MS)
    if bounds[1] < FOREVER_MS:
        whole = found.between(bounds[0] - 2 * WIDEN_MS, bounds[1] + 2 * WIDEN_MS, limit=WHOLE_MAX + 1)
        if len(whole) <= WHOLE_MAX:
            return Spans(tuple(_span(found, one) for one in whole), FOREVER_MS, bounds)
    since_ms, last_ms = until_ms - STEP_MS - AHEAD_MS - BACK_MS, until_ms
    inside = found.between(since_ms, until_ms, limit=ROWS_MAX + 1)
    rows = [_span(found, one) for one in inside]
    if len(rows) > ROWS_MAX:
        last_ms = inside[ROWS_MAX].bounds_ms(dt.UTC)[0] - WIDEN_MS
        del rows[ROWS_MAX:]
    if bounds[0] < since_ms:
        rows.append(_look(bounds[0], since_ms))
    if bounds[1] > last_ms:
        rows.append(_look(last_ms, bounds[1]))
    return Spans(tuple(rows), until_ms, bounds)


def unread(bounds: tuple[int, int]) -> Spans:
    """Return the spans of an object whose text decides everything. ``bounds``: those of the object.

    Where its text was read from may lie as far to one side as who asks lies to the other.
    """
    return Spans((_look(bounds[0] - 2 * WIDEN_MS, bounds[1] + 2 * WIDEN_MS),), FOREVER_MS, bounds)


def reach_of(span: Span) -> int:
    """Return the class of length of a span: an index into :data:`REACHES_MS`, or one behind."""
    length_ms = span.ends_ms - span.starts_ms
    return next((n for n, most in enumerate(REACHES_MS) if length_ms <= most), len(REACHES_MS))


def narrowed(span: Span, zone: dt.tzinfo) -> tuple[int, int]:
    """Return start and end of a loose span where ``zone`` is the place that one looks from."""
    return (
        seen_from(zone, span.starts_ms + WIDEN_MS),
        seen_from(zone, span.ends_ms - WIDEN_MS),
    )


def overlaps(starts_ms: int, ends_ms: int, since_ms: int, until_ms: int) -> bool:
    """Apply the table of RFC 4791 9.9 for VEVENT; what has no length counts where it begins."""
    return starts_ms < until_ms and (ends_ms > since_ms or starts_ms == ends_ms == since_ms)


def _look(starts_ms: int, ends_ms: int) -> Span:
    return Span(starts_ms, ends_ms, Sure.LOOK, KINDS.index("BUSY"))


def _span(found: Worked, one: Occurrence) -> Span:
    starts_ms, ends_ms = one.bounds_ms(dt.UTC)
    busy = KINDS.index(found.takes[one.number])
    if one.zoneless:
        return Span(starts_ms - WIDEN_MS, ends_ms + WIDEN_MS, Sure.LOOSE, busy)
    return Span(starts_ms, ends_ms, Sure.EXACT, busy)

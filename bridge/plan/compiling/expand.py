"""The dates of any RRULE inside a window, never more work than the window is worth."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Final, NoReturn

from bridge.errors import Inexpressible
from bridge.ical.expand import expand, matches
from bridge.model.recurrence import Freq, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

TURNS_MAX: Final = 25_000
"""Days (of rules that repeat by hours, minutes or seconds: turns) that are walked through at most: 68 years."""

_STEPS: Final = {
    Freq.SECONDLY: dt.timedelta(seconds=1),
    Freq.MINUTELY: dt.timedelta(minutes=1),
    Freq.HOURLY: dt.timedelta(hours=1),
}


def dates_of(rule: Rule, start: dt.datetime, low: dt.datetime, high: dt.datetime) -> Iterator[dt.datetime]:
    """Yield the local times of a rule in [low, high], ascending; UNTIL is ignored.

    COUNT counts from ``start``, which always is the first, although it is yielded only if the rule makes it
    (RFC 5545 3.3.10). Raises :class:`Inexpressible` where more than :data:`TURNS_MAX` turns would have to be
    walked through.
    """
    since = start if rule.count is not None or low < start else low
    bound = since + TURNS_MAX * rule.interval * _STEPS.get(rule.freq, dt.timedelta(days=1))
    if rule.count is None:
        if high > bound:
            _refuse_work()
        return expand(rule, start, high, since)
    count = rule.count if matches(rule, start) else rule.count - 1
    found = list(itertools.islice(expand(rule, start, min(high, bound)), count))
    if len(found) < count and high > bound:
        _refuse_work()
    return (wall for wall in found if wall >= low)


def _refuse_work() -> NoReturn:
    msg = (
        "This series repeats too often, or began too long ago, to be worked out one by one. "
        "A later start, an end date or a simpler rule would help."
    )
    raise Inexpressible(msg)

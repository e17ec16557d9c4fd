"""The first page of a first load: the single events of these weeks, so that a calendar is of use before all of it is there."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from bridge.providers.base import ChangePage
from bridge.providers.dingtalk.compare import is_truncated
from bridge.providers.dingtalk.items import upstream
from bridge.providers.dingtalk.reading import identified, told
from bridge.providers.dingtalk.schema import is_cancelled, is_series, series_of
from bridge.providers.dingtalk.times import stamp

if TYPE_CHECKING:
    from bridge.providers.base import Window
    from bridge.providers.dingtalk.reading import Reader

BEFORE: Final = dt.timedelta(days=1)
AFTER: Final = dt.timedelta(days=30)
"""How much around now is shown first."""

REST: Final = "rest"
"""What the page is called that brings all of it."""


def nearest(reader: Reader, window: Window, now: dt.datetime) -> ChangePage:
    """Return the single events around now that one page of the list tells. One call.

    Series and their occurrences come with the rest, and so does everything that a list does not tell completely.
    """
    start, end = max(window.start, now - BEFORE), min(window.end, now + AFTER)
    if start >= end:
        return ChangePage(items=(), next=REST)
    found = [told(event) for event in identified(reader.between(stamp(start), stamp(end)))]
    singles = [
        event
        for event in found
        if not (is_cancelled(event) or is_series(event) or series_of(event) or is_truncated(event))
    ]
    whole = (window.end - window.start) / (end - start)
    return ChangePage(
        items=tuple(upstream(event) for event in singles), next=REST, expected=round(len(found) * whole)
    )

"""Telling the occurrences of a series apart: plain, changed, at odd times, missing. Pure."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.providers.dingtalk import series
from bridge.providers.dingtalk.compare import is_plain, origin_in
from bridge.providers.dingtalk.decode import recurrence_of, span_of
from bridge.providers.dingtalk.schema import is_series, text
from bridge.providers.dingtalk.times import MOMENT_MISSING, instant_of, is_all_day, ms_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.model.recurrence import Moment
    from bridge.model.upstream import Json
    from bridge.providers.base import Window

EDGE: Final = dt.timedelta(seconds=1)
"""Whether the edge of a window belongs to it is unknown; nothing is concluded about what lies on it."""

ALL_DAY_EDGE: Final = dt.timedelta(hours=14)
"""Where all-day events begin, in UTC or in the organisation's zone, is unknown."""

BEYOND: Final = dt.timedelta(days=2)
"""Occurrences are expanded so far beyond the window, to recognise those on its edge."""

LOOKS_MAX: Final = 6
"""Looks around missing occurrences in one pull; near ones share a look."""

NEAR: Final = dt.timedelta(days=14)
"""Missing occurrences that are no further apart than this share a look: it fits on one page."""

AROUND: Final = dt.timedelta(minutes=2)
"""How far around a missing occurrence is looked."""


@dataclass(slots=True, kw_only=True)
class Apart:
    """The occurrences of one series, by original start in ms."""

    plain: dict[int, Json] = field(default_factory=dict)
    """Shows nothing but its series."""
    extra: dict[int, Json] = field(default_factory=dict)
    """Like the series, at a time that its rule does not name."""
    exceptions: dict[int, Json] = field(default_factory=dict)
    missing: dict[int, Moment] = field(default_factory=dict)
    """Named by the rule, inside the window, not shown."""
    origins: dict[int, Moment] = field(default_factory=dict)
    """Of all that are shown."""


def tell_apart(
    series_id: str, master: Json, shown: Iterable[Json], window: Window, default_zone: dt.tzinfo
) -> Apart:
    """Compare what is shown of a series with the series itself."""
    all_day = is_all_day(master)
    found = Apart()
    named, judged = named_by(master, window, default_zone)
    for event in shown:
        origin = origin_in(event, all_day=all_day, default_zone=default_zone)
        key = ms_of(origin)
        found.origins[key] = origin
        if text(event, "id") != series_id and not is_plain(event, master, origin, default_zone):
            found.exceptions[key] = event
        elif key in named:
            found.plain[key] = event
        else:
            found.extra[key] = event
    found.missing = {key: moment for key, moment in judged.items() if key not in found.origins}
    return found


def named_by(
    master: Json, window: Window, default_zone: dt.tzinfo
) -> tuple[frozenset[int], dict[int, Moment]]:
    """Return the occurrences that a rule names (ms), and those of which a view must show every one."""
    start, _end = span_of(master, MOMENT_MISSING, default_zone)
    rules = recurrence_of(master, start).rules
    if not rules and is_series(master):
        return frozenset(), {}  # a pattern that nobody knows names nothing
    edge = ALL_DAY_EDGE if is_all_day(master) else EDGE
    named: set[int] = set()
    judged: dict[int, Moment] = {}
    for moment in series.occurrences(rules[0], start) if rules else (start,):
        instant = instant_of(moment)
        if instant > window.end + BEYOND:
            break
        named.add(ms_of(moment))
        if window.start + edge < instant < window.end - edge:
            judged[ms_of(moment)] = moment
    return frozenset(named), judged


def names_only(master: Json, removed: set[int], default_zone: dt.tzinfo) -> bool:
    """Return whether a rule names no occurrence but those removed ones (ms)."""
    start, _end = span_of(master, MOMENT_MISSING, default_zone)
    rules = recurrence_of(master, start).rules
    if not rules:
        return False
    named = itertools.islice(series.occurrences(rules[0], start), len(removed) + 1)
    return all(ms_of(moment) in removed for moment in named)


def is_in_sight(held: Json, window: Window, default_zone: dt.tzinfo) -> bool:
    """Return whether the view of a window must show something of an item, if it exists."""
    if is_series(held):
        return bool(named_by(held, window, default_zone)[1])
    start, end = span_of(held, MOMENT_MISSING, default_zone)
    edge = ALL_DAY_EDGE if is_all_day(held) else EDGE
    return instant_of(start) < window.end - edge and instant_of(end) > window.start + edge


def windows_around(moments: Iterable[Moment]) -> list[tuple[dt.datetime, dt.datetime]]:
    """Return at most :data:`LOOKS_MAX` windows that hold all moments; the nearest are joined first."""
    spans = []
    for moment in moments:
        margin = AROUND if isinstance(moment, dt.datetime) else ALL_DAY_EDGE
        spans.append((instant_of(moment) - margin, instant_of(moment) + margin))
    spans.sort()
    gaps = [(after[0] - before[0], index) for index, (before, after) in enumerate(itertools.pairwise(spans))]
    widest = sorted(gaps, reverse=True)[: LOOKS_MAX - 1]
    cuts = {index + 1 for gap, index in widest if gap > NEAR}
    joined: list[tuple[dt.datetime, dt.datetime]] = []
    for index, (start, end) in enumerate(spans):
        if joined and index not in cuts:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined

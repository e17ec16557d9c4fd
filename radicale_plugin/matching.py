"""Whether a calendar object meets a filter (RFC 4791 sections 9.7 and 9.9)."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from bridge.clock import ms_from_utc
from bridge.engine.api import FOREVER_MS, ObjectView
from bridge.errors import BadInput
from bridge.ical import lines, values
from radicale_plugin.occurrences import TEXT_BYTES_MAX, WIDEN_MS, Occurrence, occurrences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.ical.lines import Component, Line
    from radicale_plugin.filters import CompFilter, ParamFilter, PropFilter, TextMatch, TimeRange

REPEATS_MAX: Final = 100
"""Repetitions of one alarm that are looked at (REPEAT, RFC 5545 3.8.6.2)."""
ALARM_REACH_MS: Final = 400 * 86_400_000
"""An alarm further from its event than this is not searched for by time."""
ANSWERS_KEPT: Final = 50_000
"""Answers kept, about 200 bytes each."""
TEXT_LISTS: Final = frozenset({"CATEGORIES", "RESOURCES"})

_ZONELESS: Final = re.compile(r"^DTSTART(?![^:\r\n]*TZID)[^:\r\n]*:\d{8}(T\d{6})?\r?$", re.MULTILINE)


def meets(view: ObjectView, test: CompFilter, zone: dt.tzinfo | None) -> bool:
    """Return whether the object meets a whole filter. ``zone`` is where all-day events happen; None: anywhere."""
    if test.name != "VCALENDAR" or test.absent:
        return False
    if test.times is not None and not occurs(view, test.times, zone):
        return False
    if not test.props and all(_is_plain(comp) for comp in test.comps):
        return all(_plain_meets(view, comp, zone) for comp in test.comps)
    if not _uid_may_match(view, test):
        return False
    try:
        tree = lines.read(view.text, max_bytes=TEXT_BYTES_MAX)
    except BadInput:  # served all the same; only what can be read can be searched
        return False
    return _children_meet(view, tree, test, zone)


def cannot_meet(test: CompFilter) -> bool:
    """Return whether no object of ours can meet the filter: there are only events."""
    return (
        test.name != "VCALENDAR"
        or test.absent
        or any(
            (comp.name not in ("VEVENT", "VTIMEZONE") and not comp.absent)
            or (comp.name == "VEVENT" and comp.absent)
            for comp in test.comps
        )
    )


def is_clear(view: ObjectView, times: TimeRange, zone: dt.tzinfo | None) -> bool:
    """Return whether an object occurs in a range that is open at one end, by its bounds alone, wherever ``zone`` is."""
    half_open = times.start_ms is None or times.end_ms is None
    return half_open and _overlap(view.starts_ms, view.ends_ms, times, 0 if zone is None else -2 * WIDEN_MS)


def asks_only_for(test: CompFilter, times: TimeRange | None) -> bool:
    """Return whether an object meets the filter exactly when it occurs in ``times``, None: always."""
    spans = [one.times for one in (test, *test.comps) if one.times is not None]
    return (
        not test.props
        and all(_is_plain(comp) and not comp.absent for comp in test.comps)
        and all(span == times for span in spans)
    )


def range_of(test: CompFilter) -> TimeRange | None:
    """Return a span of time outside of which nothing meets the filter, None if there is none."""
    if test.times is not None:
        return test.times
    for comp in test.comps:
        if comp.name == "VEVENT" and comp.times is not None:
            return comp.times
    return None


# ---- time ---------------------------------------------------------------------------------------------------


def occurs(view: ObjectView, times: TimeRange, zone: dt.tzinfo | None) -> bool:
    """Return whether an occurrence overlaps the range."""
    if not _overlap(view.starts_ms, view.ends_ms, times, WIDEN_MS if zone is not None else 0):
        return False
    if is_clear(view, times, zone) or (zone is None and not view.recurring):
        return True  # the bounds are those of the first and the last occurrence
    if not view.recurring and _ZONELESS.search(view.text) is None:
        return True
    key = (view.etag, times, str(zone))
    known = _answers.get(key)
    if known is None:
        found = occurrences(view, *_closed(view, times))
        known = found is None or any(_touches(one, times, zone) for one in found)
        _answers.put(key, known)
    return known


class _Answers:
    """Remembers whether a version of an object occurs in a span: clients ask for the same ones again and again."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, TimeRange, str], bool] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: tuple[str, TimeRange, str]) -> bool | None:
        """Return what was found before."""
        with self._guard:
            return self._known.get(key)

    def put(self, key: tuple[str, TimeRange, str], answer: bool) -> None:
        """Keep an answer."""
        with self._guard:
            self._known[key] = answer
            if len(self._known) > ANSWERS_KEPT:
                self._known.popitem(last=False)


_answers = _Answers()


def _closed(view: ObjectView, times: TimeRange) -> tuple[int, int]:
    """Return the range with its open ends closed by the object's own bounds."""
    start = view.starts_ms if times.start_ms is None else times.start_ms
    if times.end_ms is not None:
        return start, times.end_ms
    last = view.ends_ms if view.ends_ms < FOREVER_MS else max(start, view.starts_ms) + ALARM_REACH_MS
    return start, last


def _touches(one: Occurrence, times: TimeRange, zone: dt.tzinfo | None) -> bool:
    start, end = one.bounds_ms(zone or dt.UTC)
    return _overlap(start, end, times, WIDEN_MS if one.zoneless and zone is None else 0)


def _overlap(start_ms: int, end_ms: int, times: TimeRange, widen_ms: int) -> bool:
    """Apply the table of RFC 4791 9.9 for VEVENT; one without length counts where it begins."""
    start_ms, end_ms = start_ms - widen_ms, end_ms + widen_ms
    after = times.start_ms is None or end_ms > times.start_ms or (start_ms == end_ms == times.start_ms)
    return after and (times.end_ms is None or start_ms < times.end_ms)


# ---- components ---------------------------------------------------------------------------------------------


def _is_plain(comp: CompFilter) -> bool:
    """Return whether a condition needs no look at the object's text."""
    return comp.name == "VEVENT" and not comp.props and not comp.comps


def _plain_meets(view: ObjectView, comp: CompFilter, zone: dt.tzinfo | None) -> bool:
    return not comp.absent and (comp.times is None or occurs(view, comp.times, zone))


def _uid_may_match(view: ObjectView, test: CompFilter) -> bool:
    """Settle the commonest question, "which object has this UID?", before any text is read."""
    return all(
        prop.text.holds(view.uid)
        for comp in test.comps
        if comp.name == "VEVENT"
        for prop in comp.props
        if prop.name == "UID" and prop.text is not None and not prop.text.negate
    )


def _children_meet(view: ObjectView, tree: Component, test: CompFilter, zone: dt.tzinfo | None) -> bool:
    if not all(_prop_meets(tree, prop, zone) for prop in test.props):
        return False
    for comp in test.comps:
        found = tree.components(comp.name)
        if comp.absent:
            if found:
                return False
        elif comp.name == "VEVENT":
            if not _event_meets(view, found, comp, zone):
                return False
        elif not any(_inside_meets(one, comp, zone) for one in found):
            return False
    return True


def _event_meets(
    view: ObjectView, events: Sequence[Component], test: CompFilter, zone: dt.tzinfo | None
) -> bool:
    """Return whether one VEVENT meets all conditions; with a time range, one that occurs inside it."""
    candidates = set(range(len(events)))
    if test.times is not None:
        if not occurs(view, test.times, zone):
            return False
        found = occurrences(view, *_closed(view, test.times))
        if found:
            candidates = {one.number for one in found if _touches(one, test.times, zone)}
    return any(
        all(_prop_meets(events[number], prop, zone) for prop in test.props)
        and all(_alarm_meets(view, events[number], number, comp, zone) for comp in test.comps)
        for number in candidates
        if number < len(events)
    )


def _inside_meets(component: Component, test: CompFilter, zone: dt.tzinfo | None) -> bool:
    return all(_prop_meets(component, prop, zone) for prop in test.props) and all(
        any(_inside_meets(one, comp, zone) for one in component.components(comp.name)) != comp.absent
        for comp in test.comps
    )


def _alarm_meets(
    view: ObjectView, event: Component, number: int, test: CompFilter, zone: dt.tzinfo | None
) -> bool:
    found = event.components(test.name)
    if test.absent:
        return not found
    return any(
        _inside_meets(one, test, zone)
        and (test.times is None or test.name != "VALARM" or _rings(view, one, number, test.times, zone))
        for one in found
    )


# ---- alarms -------------------------------------------------------------------------------------------------


def _rings(view: ObjectView, alarm: Component, number: int, times: TimeRange, zone: dt.tzinfo | None) -> bool:
    """Return whether an alarm goes off inside the range (RFC 4791 9.9, VALARM)."""
    trigger = alarm.first("TRIGGER")
    if trigger is None:
        return False
    try:
        repeats = _repeats(alarm)
        if (trigger.param("VALUE") or "").upper() == "DATE-TIME":
            at = ms_from_utc(values.parse_stamp(trigger.value).at(dt.UTC))
            return any(_inside(at + later, times) for later in repeats)
        offset = values.parse_duration(trigger.value).total_s * 1000
    except ValueError:
        return False
    if abs(offset) + repeats[-1] > ALARM_REACH_MS:
        return False
    start, end = _closed(view, times)
    at_end = (trigger.param("RELATED") or "").upper() == "END"
    slack = max(0, view.ends_ms - view.starts_ms) if at_end and not view.recurring else 86_400_000
    found = occurrences(view, start - offset - repeats[-1] - slack, end - offset + slack)
    for one in found or ():
        bounds = one.bounds_ms(zone or dt.UTC)
        base = bounds[1 if at_end else 0] + offset
        if one.number == number and any(_inside(base + later, times) for later in repeats):
            return True
    return False


def _repeats(alarm: Component) -> list[int]:
    """Return when an alarm goes off, in milliseconds after its trigger; the first is 0."""
    repeat, pause = alarm.first("REPEAT"), alarm.first("DURATION")
    if repeat is None or pause is None:
        return [0]
    step = max(0, values.parse_duration(pause.value).total_s) * 1000
    return [step * count for count in range(min(REPEATS_MAX, max(0, int(repeat.value))) + 1)]


def _inside(moment_ms: int, times: TimeRange) -> bool:
    return (times.start_ms is None or moment_ms >= times.start_ms) and (
        times.end_ms is None or moment_ms < times.end_ms
    )


# ---- properties ---------------------------------------------------------------------------------------------


def _prop_meets(component: Component, test: PropFilter, zone: dt.tzinfo | None) -> bool:
    found = component.lines(test.name)
    if test.absent:
        return not found
    if test.times is not None:
        found = [line for line in found if _in_range(line, test.times, zone)]
    for param in test.params:
        found = [line for line in found if _param_meets(line, param)]
    if not found or test.text is None:
        return bool(found)
    held = any(_value_matches(line, test.text) for line in found)
    return held != test.text.negate


def _value_matches(line: Line, text: TextMatch) -> bool:
    if line.name in TEXT_LISTS and text.match_type != "contains":
        pieces = re.split(r"(?<!\\),", line.value)
        return any(text.holds(values.unescape(piece)) for piece in pieces)
    return text.holds(values.unescape(line.value))


def _param_meets(line: Line, test: ParamFilter) -> bool:
    value = line.param(test.name)
    if test.absent or value is None:
        return test.absent and value is None
    return test.text is None or test.text.holds(value) != test.text.negate


def _in_range(line: Line, times: TimeRange, zone: dt.tzinfo | None) -> bool:
    """Return whether a property with a time lies in the range; a date lasts for its day."""
    try:
        stamp = values.parse_stamp(line.value)
    except ValueError:
        return False
    at = ms_from_utc(stamp.at(zone or dt.UTC))
    return _overlap(at, at + (86_400_000 if stamp.time is None else 0), times, 0)

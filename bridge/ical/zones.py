"""Time zones: from a TZID and its VTIMEZONE to a zone of the IANA database, and back to a VTIMEZONE.

A TZID is looked up, in this order, as: a name for UTC; an IANA name (also in another case); a Windows name
(CLDR's table, as icalendar carries it), also with the number that Outlook appends to a second definition; an
IANA name at the end of a path (``/freeassociation.sourceforge.net/Tzfile/Europe/Berlin``); X-LIC-LOCATION of
its VTIMEZONE; a name that states its offset (``GMT+08:00``). What is left is a custom zone: its VTIMEZONE is
worked out over the years that the object concerns, and the first IANA zone that has the same UTC offset
throughout these years stands for it (common zones are asked first). A custom zone that no IANA zone equals
becomes a fixed offset if it never changes, and is refused for a series if it does; a single event in it keeps its
instant, by the offset that holds at its moment (:func:`local_offset`).
"""

from __future__ import annotations

import calendar
import datetime as dt
import functools
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.errors import BadInput
from bridge.ical import lines, values
from bridge.ical.customzones import YEARS_MAX, local_offset, match
from bridge.ical.zonenames import Years, by_name, fixed, zone_name
from bridge.model import fidelity

if TYPE_CHECKING:
    from bridge.ical.lines import Component

__all__ = ["Years", "by_name", "fixed", "local_offset", "resolve", "stated", "vtimezone_for", "zone_name"]


def resolve(tzid: str, vtimezone: Component | None, years: Years) -> dt.tzinfo:
    """Return the zone that ``tzid`` means in an object that concerns ``years``.

    ``datetime.UTC``, a ZoneInfo, or a fixed offset. Raises BadInput when the name is unknown and nothing defines
    it, or its definition is broken; Inexpressible when the definition equals no zone that vendors know.
    """
    zone = by_name(tzid)
    if zone is not None:
        return zone
    if vtimezone is None:
        msg = f"The time zone {_shown(tzid)} is not defined: there is no VTIMEZONE for it, and no zone of that name."
        raise BadInput(msg, precondition="C:valid-calendar-data")
    location = vtimezone.first("X-LIC-LOCATION")
    if location is not None:
        zone = by_name(location.value)
        if zone is not None:
            return zone
    first = max(years[0], values.YEAR_MIN + 1)
    last = min(years[1], first + YEARS_MAX, values.YEAR_MAX - 1)
    found = match(lines.write(vtimezone), (min(first, values.YEAR_MAX - 1), last))
    if found is None:
        fidelity.refuse("TZID.custom", name=_shown(tzid))
    return found


def stated(name: str) -> dt.tzinfo:
    """Return the zone that our own configuration or the engine names. Raises ValueError for an unknown name."""
    zone = by_name(name)
    if zone is None:
        msg = f"There is no time zone {_shown(name)}."
        raise ValueError(msg)
    return zone


def _shown(tzid: str) -> str:
    """Return a zone's name as it may stand in a message: short, on one line."""
    return '"' + values.clean(tzid).replace("\n", " ").replace('"', "'")[:80] + '"'


# ---- from a zone to its VTIMEZONE -------------------------------------------------------------------------------

_ZERO: Final = dt.timedelta()
_DAY: Final = dt.timedelta(days=1)

_SCAN_STEP: Final = dt.timedelta(days=5)
"""Distance at which offsets are compared to find changes; no zone has changed twice within it since 1970."""

_LOOK_AHEAD_YEARS: Final = 9
"""Years after the last one that are looked at to tell "the fourth" from "the last" Sunday."""

_RULE_YEARS_MIN: Final = 3
"""Fewest consecutive years from which a yearly rule is made; fewer are listed as dates."""


class _Change(NamedTuple):
    """One change of offset as a VTIMEZONE states it."""

    wall: dt.datetime
    """Onset in the wall time before it; labelled UTC to be comparable."""
    before: dt.timedelta
    after: dt.timedelta
    is_daylight: bool
    name: str


@functools.lru_cache(maxsize=512)
def vtimezone_for(name: str, first_year: int, last_year: int) -> str:
    """Return a VTIMEZONE (CRLF) that is right for ``first_year`` to ``last_year``, both included.

    A yearly rule that still holds in ``last_year`` is written without an end, so that an open series stays right
    as long as the zone keeps its rules. Raises BadInput for a name that :func:`by_name` does not know.
    """
    zone = by_name(name)
    if zone is None:
        msg = f"The time zone {_shown(name)} is not known."
        raise BadInput(msg)
    first = min(max(first_year, values.YEAR_MIN + 1), values.YEAR_MAX - _LOOK_AHEAD_YEARS - 2)
    last = min(max(last_year, first), values.YEAR_MAX - _LOOK_AHEAD_YEARS - 2)
    begin = dt.datetime(first - 1, 1, 1, tzinfo=dt.UTC)
    changes = _changes(zone, begin, dt.datetime(last + _LOOK_AHEAD_YEARS, 12, 31, tzinfo=dt.UTC))
    parts = _observances(changes, last)
    if not changes or changes[0].wall.year >= first:
        parts.append(_first_observance(zone, begin, changes))
    eol = "\r\n"
    text = "".join(part for _, part in sorted(parts))
    return f"BEGIN:VTIMEZONE{eol}{lines.fold('TZID:' + values.clean(name), eol)}{text}END:VTIMEZONE{eol}"


def _changes(zone: dt.tzinfo, begin: dt.datetime, end: dt.datetime) -> list[_Change]:
    changes: list[_Change] = []
    low = begin
    offset = low.astimezone(zone).utcoffset()
    while low < end:
        high = low + _SCAN_STEP
        if high.astimezone(zone).utcoffset() != offset:
            moment = _bisect(zone, low, high, offset)
            local = moment.astimezone(zone)
            before, after = offset or _ZERO, local.utcoffset() or _ZERO
            saved, saved_before = local.dst() or _ZERO, low.astimezone(zone).dst() or _ZERO
            is_daylight = (
                saved > _ZERO or saved_before < _ZERO == saved
            )  # Dublin's winter is a negative saving
            changes.append(_Change(moment + before, before, after, is_daylight, local.tzname() or ""))
            offset, high = after, moment
        low = high
    return changes


def _bisect(zone: dt.tzinfo, low: dt.datetime, high: dt.datetime, offset: dt.timedelta | None) -> dt.datetime:
    """Return the first second at which the offset is no longer the one at ``low``."""
    while high - low > dt.timedelta(seconds=1):
        middle = low + dt.timedelta(seconds=int((high - low).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def _first_observance(zone: dt.tzinfo, begin: dt.datetime, changes: list[_Change]) -> tuple[str, str]:
    """Return what holds before the first change: an onset of its own, so that no time is undefined."""
    local = begin.astimezone(zone)
    offset = local.utcoffset() or _ZERO
    is_daylight = (local.dst() or _ZERO) > _ZERO
    start = begin if changes else dt.datetime(min(1970, begin.year), 1, 1, tzinfo=dt.UTC)
    change = _Change(start, offset, offset, is_daylight, local.tzname() or "")
    return values.local_text(start), _observance(change, "")


def _observances(changes: list[_Change], last_year: int) -> list[tuple[str, str]]:
    """Group changes of one kind into yearly rules and single dates."""
    groups: dict[tuple[dt.timedelta, dt.timedelta, bool, str], list[_Change]] = {}
    for change in changes:
        groups.setdefault(change[1:], []).append(change)
    out: list[tuple[str, str]] = []
    for group in groups.values():
        singles: list[_Change] = []
        index = 0
        while index < len(group):
            size, by_day = _run(group, index)
            run = group[index : index + size]
            index += size
            if run[0].wall.year > last_year:
                continue
            if size < _RULE_YEARS_MIN:
                singles += [change for change in run if change.wall.year <= last_year]
                continue
            rule = f"RRULE:FREQ=YEARLY;BYMONTH={run[0].wall.month};{by_day}"
            if run[-1].wall.year < last_year + _LOOK_AHEAD_YEARS:  # it ended while we looked
                # A day later than the last onset: the same set, also for those who compare UNTIL with wall times.
                rule += f";UNTIL={values.local_text(run[-1].wall - run[-1].before + _DAY)}Z"
            out.append((values.local_text(run[0].wall), _observance(run[0], lines.fold(rule))))
        if singles:
            dates = ",".join(values.local_text(change.wall) for change in singles[1:])
            extra = lines.fold("RDATE:" + dates) if dates else ""
            out.append((values.local_text(singles[0].wall), _observance(singles[0], extra)))
    return out


def _run(group: list[_Change], index: int) -> tuple[int, str]:
    """Return how many changes from ``index`` on follow one yearly rule, and its BYDAY part."""
    best, best_rule = 1, ""
    first = group[index].wall
    weekday = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")[first.weekday()]
    day = first.day
    nth = (day - 1) // 7 + 1
    shapes = [
        (f"BYDAY={nth}{weekday}", range((nth - 1) * 7 + 1, nth * 7 + 1), False),
        (f"BYDAY=-1{weekday}", range(-7, 0), True),
    ]
    for low in range(max(1, day - 6), day + 1):
        days = ",".join(map(str, range(low, low + 7)))
        shapes.append((f"BYMONTHDAY={days};BYDAY={weekday}", range(low, low + 7), False))
    for rule, days_allowed, from_end in shapes:
        size = 0
        for expected, change in enumerate(group[index:], first.year):
            wall = change.wall
            length = calendar.monthrange(wall.year, wall.month)[1]
            position = wall.day - length - 1 if from_end else wall.day
            same = (wall.year, wall.month, wall.weekday(), wall.time()) == (
                expected,
                first.month,
                first.weekday(),
                first.time(),
            )
            if not same or position not in days_allowed:
                break
            size += 1
        if size > best:
            best, best_rule = size, rule
    return best, best_rule


def _observance(change: _Change, extra: str) -> str:
    kind = "DAYLIGHT" if change.is_daylight else "STANDARD"
    eol = "\r\n"
    return (
        f"BEGIN:{kind}{eol}DTSTART:{values.local_text(change.wall)}{eol}"
        f"TZOFFSETFROM:{values.offset_text(change.before)}{eol}TZOFFSETTO:{values.offset_text(change.after)}{eol}"
        + (lines.fold(f"TZNAME:{values.escape(change.name)}", eol) if change.name else "")
        + extra
        + f"END:{kind}{eol}"
    )

"""Custom time zones: what a VTIMEZONE says, compared with the zones of the IANA database."""

from __future__ import annotations

import bisect
import datetime as dt
import functools
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.errors import BadInput, Inexpressible
from bridge.ical import lines, values
from bridge.ical.expand import expand
from bridge.ical.rules import rule_from_text
from bridge.ical.zonenames import Years, candidates, fixed, iana
from bridge.model.recurrence import Freq

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.ical.lines import Component

YEARS_MAX: Final = 12
"""Most years over which a custom zone is compared. Zone rules of the far future repeat those of the near one."""

ONSETS_MAX: Final = 2_000
"""Most changes of offset that are worked out of one VTIMEZONE; a real one has two a year."""

_SAMPLE_STEP = dt.timedelta(days=6)


class Onset(NamedTuple):
    """One change of offset."""

    at: dt.datetime
    """UTC."""
    before: dt.timedelta
    after: dt.timedelta


def local_offset(vtimezone: Component, local: dt.datetime) -> dt.timedelta | None:
    """Return the UTC offset that a VTIMEZONE gives to one wall time, or None if it has no observances.

    A wall time that happens twice is the first one; one that does not exist counts with the offset before the
    gap (RFC 5545 section 3.3.5).
    """
    wall = local.replace(tzinfo=dt.UTC)
    onsets = _onsets(lines.write(vtimezone), (local.year, local.year))
    if not onsets:
        return None
    offset = onsets[0].before
    for onset in onsets:
        if wall < onset.at + max(onset.before, onset.after):
            break
        offset = onset.after
    return offset


@functools.lru_cache(maxsize=512)
def match(text: str, years: Years) -> dt.tzinfo | None:
    """Return the IANA zone with the same offsets in these years, a fixed offset, or None."""
    onsets = _onsets(text, years)
    if not onsets:
        msg = "A VTIMEZONE has no STANDARD and no DAYLIGHT part, and its name is not known."
        raise BadInput(msg)
    samples = _samples(onsets, years)
    for name in candidates():
        zone = iana(name)
        if zone is not None and all(
            moment.astimezone(zone).utcoffset() == offset for moment, offset in samples
        ):
            return zone
    offsets = {offset for _, offset in samples}
    return fixed(offsets.pop()) if len(offsets) == 1 else None


def _samples(onsets: list[Onset], years: Years) -> list[tuple[dt.datetime, dt.timedelta]]:
    """Return moments within the years, and what the definition says the offset is then."""
    first, last = dt.datetime(years[0], 1, 1, tzinfo=dt.UTC), dt.datetime(years[1] + 1, 1, 1, tzinfo=dt.UTC)
    moments = [onset.at for onset in onsets] + [onset.at - dt.timedelta(seconds=1) for onset in onsets]
    moments = [moment for moment in moments if first <= moment < last]
    step = first
    while step < last:
        moments.append(step)
        step += _SAMPLE_STEP
    times = [onset.at for onset in onsets]
    samples = []
    for moment in moments:
        index = bisect.bisect_right(times, moment)
        samples.append((moment, onsets[index - 1].after if index else onsets[0].before))
    return samples


@functools.lru_cache(maxsize=256)
def _onsets(text: str, years: Years) -> list[Onset]:
    """Return the changes that a VTIMEZONE states, the last one before the years included."""
    found: set[Onset] = set()
    for observance in lines.read(text).components("STANDARD", "DAYLIGHT"):
        found.update(_observed(observance, years))
    ordered = sorted(found)
    # A change that another observance makes at the same moment, or none at all, is kept: the order decides.
    return ordered[:ONSETS_MAX]


def _observed(observance: Component, years: Years) -> Iterator[Onset]:
    before = _offset(observance, "TZOFFSETFROM")
    after = _offset(observance, "TZOFFSETTO")
    begin = observance.first("DTSTART")
    if begin is None:
        msg = f"Line {observance.begin.number}: a part of a VTIMEZONE has no DTSTART."
        raise BadInput(msg)
    start = _wall(begin)
    last = dt.datetime(years[1] + 1, 12, 31, tzinfo=dt.UTC).replace(tzinfo=None)
    walls = [start] if start <= last else []
    for line in observance.lines("RDATE"):
        walls.extend(_wall(line, item.partition("/")[0]) for item in line.value.split(","))
    for line in observance.lines("RRULE"):
        walls.extend(_ruled(line, start, before, years[0] - 2, last))
    earlier = [wall for wall in walls if wall.year < years[0] - 1]
    kept = [wall for wall in walls if wall.year >= years[0] - 1] + ([max(earlier)] if earlier else [])
    for wall in kept[:ONSETS_MAX]:
        if wall <= last:
            yield Onset((wall - before).replace(tzinfo=dt.UTC), before, after)


def _ruled(
    line: lines.Line, start: dt.datetime, before: dt.timedelta, from_year: int, last: dt.datetime
) -> Iterator[dt.datetime]:
    rule = rule_from_text(line.value, start=start.replace(tzinfo=dt.timezone(before)), where=_where(line))
    until = last
    if isinstance(rule.until, dt.datetime):
        until = min(last, (rule.until + before).replace(tzinfo=None))
    if rule.freq is not Freq.YEARLY:
        msg = f"{_where(line)} of a VTIMEZONE is not yearly."
        raise Inexpressible(msg)
    skipped_to = min(
        from_year, until.year - 1
    )  # years that are long over need no work, but the last ones count
    if (
        rule.count is None
        and rule.interval == 1
        and start.year < skipped_to
        and (start.month, start.day) != (2, 29)
    ):
        start = start.replace(year=skipped_to)
    yield from islice(expand(rule, start, until), min(rule.count or ONSETS_MAX, ONSETS_MAX))


def _wall(line: lines.Line, value: str | None = None) -> dt.datetime:
    text = (line.value if value is None else value).strip()
    if text.startswith("0001"):  # the first moment that .NET knows stands for "always"
        text = "0002" + text[4:]
    try:
        stamp = values.parse_stamp(text)
    except ValueError as error:
        msg = f"{_where(line)} {error}."
        raise BadInput(msg) from None
    return stamp.at(dt.UTC).replace(tzinfo=None)


def _offset(observance: Component, name: str) -> dt.timedelta:
    line = observance.first(name)
    if line is None:
        msg = f"Line {observance.begin.number}: a part of a VTIMEZONE has no {name}."
        raise BadInput(msg)
    try:
        return values.parse_offset(line.value)
    except ValueError as error:
        msg = f"{_where(line)} {error}."
        raise BadInput(msg) from None


def _where(line: lines.Line) -> str:
    return f"{line.name} on line {line.number}"

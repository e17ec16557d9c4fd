"""DTSTART, DTEND and DURATION of a client's text, changed in the client's own form."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Final

from bridge.ical import values, write, zones
from bridge.ical.lines import Line, make

if TYPE_CHECKING:
    from bridge.ical.sheet import Sheet
    from bridge.ical.vevent import Context
    from bridge.model.event import Event
    from bridge.model.recurrence import Moment

EQUAL_YEARS: Final = 5
"""Years from DTSTART on over which two zones must agree to stand for each other in a series."""


@dataclasses.dataclass(slots=True)
class Tools:
    """What every edit in one text shares."""

    context: Context
    dtstamp_ms: int
    eol: str
    zone_names: dict[str, zones.Years] = dataclasses.field(default_factory=dict)
    """Zones that new lines name, with the years they are needed for."""


def differ(one: Moment, other: Moment) -> bool:
    """Return whether two times are of another kind or another instant."""
    if isinstance(one, dt.datetime) and isinstance(other, dt.datetime):
        return one.astimezone(dt.UTC) != other.astimezone(dt.UTC)
    return isinstance(one, dt.datetime) or isinstance(other, dt.datetime) or one != other


def edit_times(sheet: Sheet, shown: Event, before: Event, after: Event, tools: Tools) -> Moment:
    """Set DTSTART and DTEND or DURATION where the time changed; return the start."""
    is_forced = _zone_is_forced(shown, before, after)
    is_moved = differ(before.start, after.start)
    if not (is_moved or differ(before.end, after.end) or is_forced):
        return shown.start
    start = after.start if is_moved or is_forced else shown.start
    same_kind = shown.is_all_day == before.is_all_day == after.is_all_day
    if same_kind and is_moved and _length(before) == _length(after):
        end = _plus(start, _length(shown))  # moved as a whole: the client's own length stays
    else:
        end = after.end if differ(before.end, after.end) or not same_kind else shown.end
    if is_date(start) != is_date(end) or _absolute(end) < _absolute(start):
        start, end = after.start, after.end  # the text is out of step with the vendor; the vendor is right
    write_times(sheet, shown, start, end, tools, is_forced=is_forced)
    return start


def write_times(
    sheet: Sheet, shown: Event, start: Moment, end: Moment, tools: Tools, *, is_forced: bool
) -> None:
    """Write the lines of a time in the client's style; ``is_forced`` writes them in the zone of ``start``."""
    start_line, end_line, length_line = sheet.first("DTSTART"), sheet.first("DTEND"), sheet.first("DURATION")
    keep_zone = bool(shown.recurrence)
    if start_line is None:  # pragma: no cover - a VEVENT without DTSTART is never accepted
        return
    new_start_line = start_line
    if is_forced or differ(shown.start, start):
        new_start_line = moment_line(
            "DTSTART",
            None if is_forced else start_line,
            start,
            tools,
            keep_zone=keep_zone,
            params_of=start_line,
        )
        sheet.replace(start_line, new_start_line)
    if end_line is not None:
        same_zone = end_line.param("TZID") == start_line.param("TZID")
        if (is_forced and same_zone) or differ(shown.end, end) or shown.is_all_day != is_date(end):
            model = new_start_line if same_zone or _is_odd(end_line, start_line) else end_line
            sheet.replace(
                end_line, moment_line("DTEND", model, end, tools, keep_zone=keep_zone, params_of=end_line)
            )
        if length_line is not None:
            sheet.remove("DURATION")
    elif length_line is not None:
        _write_duration(sheet, length_line, start, end)
    elif differ(end, start if isinstance(start, dt.datetime) else start + dt.timedelta(days=1)):
        line = moment_line("DTEND", new_start_line, end, tools, keep_zone=keep_zone)
        sheet.add(line, after=("DTSTART",))


def _write_duration(sheet: Sheet, line: Line, start: Moment, end: Moment) -> None:
    span = values.parse_duration(line.value)
    if isinstance(start, dt.datetime) and isinstance(end, dt.datetime):
        if differ(span.after(start), end):
            seconds = round((_absolute(end) - _absolute(start)).total_seconds())
            sheet.replace(line, line.with_value(values.duration_text(seconds)))
    elif span.seconds or start + dt.timedelta(days=span.days) != end:
        seconds = round((_absolute(end) - _absolute(start)).total_seconds())
        sheet.replace(line, line.with_value(values.duration_text(seconds, whole_days=True)))


def moment_line(
    name: str,
    model: Line | None,
    moment: Moment,
    tools: Tools,
    *,
    keep_zone: bool,
    params_of: Line | None = None,
) -> Line:
    """Return a line for ``moment`` in the zone and form of ``model``, where the instant allows it.

    The other parameters of ``params_of`` are kept. Without a model and where the kind changes, the zone of
    ``moment`` itself is used; also where the model is floating and nobody said in which zone that is.
    """
    zone = tools.context.zone_of(model) if model is not None and isinstance(moment, dt.datetime) else None
    base = params_of if params_of is not None else make(name, "", eol=tools.eol)
    if model is not None and zone is not None and isinstance(moment, dt.datetime):
        moment = moment.astimezone(zone)
        is_local = not model.value.strip().upper().endswith("Z")
        if is_local and not write.is_second(moment):
            return _with_form(base.with_param("TZID", None, like=model), values.local_text(moment), None)
        return _with_form(base.with_param("TZID", None), values.utc_text(moment), None)
    line, zone_name = write.moment_line(name, moment, keep_zone=keep_zone, eol=tools.eol)
    if zone_name is not None:
        write.need_zone(tools.zone_names, zone_name, moment.year)
    return _with_form(base.with_param("TZID", zone_name), line.value, line.param("VALUE"))


def _with_form(line: Line, value: str, value_type: str | None) -> Line:
    kind = (line.param("VALUE") or "").upper() or None
    if value_type != kind and not (kind == "DATE-TIME" and value_type is None):
        line = line.with_param("VALUE", value_type)
    return line.with_value(value)


def _zone_is_forced(shown: Event, before: Event, after: Event) -> bool:
    """Return whether a series came into another zone, so that its later occurrences fall elsewhere."""
    if (
        not after.recurrence
        or not isinstance(after.start, dt.datetime)
        or not isinstance(shown.start, dt.datetime)
    ):
        return False
    is_same = isinstance(before.start, dt.datetime) and _zone(before.start) == _zone(after.start)
    if is_same and before.recurrence:
        return False
    return not _equal_zones(shown.start, after.start)


def _equal_zones(one: dt.datetime, other: dt.datetime) -> bool:
    if _zone(one) == _zone(other):
        return True
    first = min(one.year, values.YEAR_MAX - EQUAL_YEARS - 1)
    moments = [
        dt.datetime(first, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=7 * week)
        for week in range(52 * EQUAL_YEARS)
    ]
    return all(
        moment.astimezone(one.tzinfo).utcoffset() == moment.astimezone(other.tzinfo).utcoffset()
        for moment in moments
    )


def _zone(moment: dt.datetime) -> str:
    return zones.zone_name(moment.tzinfo)


def is_date(moment: Moment) -> bool:
    """Return whether a time is all-day."""
    return not isinstance(moment, dt.datetime)


def _is_odd(end_line: Line, start_line: Line) -> bool:
    """Return whether DTEND is of another kind than DTSTART: then it takes the form of DTSTART."""
    return ("T" in end_line.value.upper()) != ("T" in start_line.value.upper())


def _absolute(moment: Moment) -> dt.datetime:
    if isinstance(moment, dt.datetime):
        return moment.astimezone(dt.UTC)
    return dt.datetime.combine(moment, dt.time(), dt.UTC)


def _length(event: Event) -> dt.timedelta:
    return _absolute(event.end) - _absolute(event.start)


def _plus(start: Moment, length: dt.timedelta) -> Moment:
    if isinstance(start, dt.datetime):
        return (start.astimezone(dt.UTC) + length).astimezone(start.tzinfo)
    return start + length

"""One VEVENT as a value: times, recurrence set, alarms, people, words (RFC 5545 section 3.6.1)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.errors import BadInput, Inexpressible
from bridge.ical import people, zones
from bridge.ical.lines import Component, Line
from bridge.ical.rules import check_bounds, rule_from_text
from bridge.ical.values import Span, Stamp, parse_duration, parse_stamp, unescape
from bridge.model import fidelity
from bridge.model.event import Alarm, Event, Status
from bridge.model.recurrence import Moment, Recurrence, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

DATES_MAX: Final = 5_000
"""Most RDATE or EXDATE values of one event. Our own bound."""

RULES_MAX: Final = 8
"""Most RRULE properties of one event; RFC 5545 3.8.5.3 asks for at most one."""

_ONCE: Final = frozenset({"DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "UID"})
_STATUSES: Final = {status.value: status for status in Status}
_APPLE_NEVER_YEAR: Final = 1976
"""Apple writes an absolute trigger on 1976-04-01 for "no alarm, although there are default alarms"."""


@dataclass(slots=True)
class Context:
    """What reading an event depends on besides its own component."""

    default_zone: dt.tzinfo
    vtimezones: Mapping[str, Component]
    """:func:`zone_key` of a TZID -> its VTIMEZONE in the same text."""
    years: zones.Years
    """First and last year that the object concerns."""
    is_series: bool
    """Whether anything repeats: then a custom zone must be a whole zone, not only an offset at one moment."""
    is_zone_stated: bool = True
    """Whether ``default_zone`` was given; false where it had to be guessed."""
    _zones: dict[str, dt.tzinfo | None] = field(default_factory=dict)

    def moment(self, line: Line, stamp: Stamp, floating: dt.tzinfo | None = None) -> dt.datetime:
        """Return a DATE-TIME in the zone that its line names; ``floating`` (or the default zone) if none."""
        if stamp.is_utc:
            return stamp.at(dt.UTC)
        tzid = line.param("TZID")
        if not tzid or not tzid.strip():
            return stamp.at(floating or self.default_zone)
        zone = self._zone(tzid)
        if zone is None:  # a custom zone that equals no known one: its offset at this moment is still certain
            offset = zones.local_offset(self.vtimezones[zone_key(tzid)], stamp.at(dt.UTC))
            zone = zones.fixed(offset or dt.timedelta())
        return stamp.at(zone)

    def zone_of(self, line: Line) -> dt.tzinfo | None:
        """Return the zone that a line with a DATE-TIME is written in.

        None for a DATE, for a floating time whose zone nobody stated, and for a custom zone that is known only
        moment by moment.
        """
        value = line.value.strip().upper()
        if "T" not in value:
            return None
        if value.endswith("Z"):
            return dt.UTC
        tzid = line.param("TZID")
        if tzid and tzid.strip():
            return self._zone(tzid)
        return self.default_zone if self.is_zone_stated else None

    def instant(self, moment: Moment) -> dt.datetime:
        """Return the UTC time of a start; an all-day event begins at midnight in the default zone."""
        if not isinstance(moment, dt.datetime):
            moment = dt.datetime.combine(moment, dt.time(), self.default_zone)
        return moment.astimezone(dt.UTC)

    def _zone(self, tzid: str) -> dt.tzinfo | None:
        if tzid not in self._zones:
            try:
                self._zones[tzid] = zones.resolve(
                    zone_key(tzid), self.vtimezones.get(zone_key(tzid)), self.years
                )
            except Inexpressible:
                if self.is_series:
                    raise
                self._zones[tzid] = None
        return self._zones[tzid]


def read_event(component: Component, context: Context, *, master: Event | None) -> Event:
    """Return the event of a VEVENT. ``master`` is given for an override: its RECURRENCE-ID takes that kind and zone.

    Raises BadInput naming property and line, Inexpressible for what no calendar here can hold.
    """
    found = _by_name(component)
    start_line = _one(found, "DTSTART")
    if start_line is None:
        msg = f"The VEVENT on line {component.begin.number} has no DTSTART."
        raise BadInput(msg)
    start = _read_start(start_line, context)
    end = _read_end(found, start, context)
    rid_line = _one(found, "RECURRENCE-ID")
    recurrence_id = None
    if rid_line is not None:
        recurrence_id = like(rid_line, _stamp(rid_line), context, master.start if master else None)
    recurrence = Recurrence() if rid_line is not None else _read_recurrence(found, start, context)
    uid = _one(found, "UID")
    organizer = _first(found, "ORGANIZER")
    description, rich = _read_descriptions(found)
    links = _read_links(found)
    return Event(
        uid=uid.value.strip() if uid else "",
        start=start,
        end=end,
        recurrence_id=recurrence_id,
        this_and_future=bool(rid_line and (rid_line.param("RANGE") or "").upper() == "THISANDFUTURE"),
        recurrence=recurrence,
        summary=_text(found, "SUMMARY"),
        description=description,
        rich_description=rich,
        location=_text(found, "LOCATION"),
        url=links[0] if links else "",
        conferences=links[1:],
        status=_STATUSES.get(_text(found, "STATUS").upper(), Status.CONFIRMED),
        alarms=_read_alarms(component, start, end, context, repeats=bool(recurrence)),
        organizer=people.person(organizer) if organizer and organizer.value.strip() else None,
        attendees=people.attendees(found.get("ATTENDEE", [])),
    )


def like(line: Line, stamp: Stamp, context: Context, model: Moment | None) -> Moment:
    """Return a value of RECURRENCE-ID, EXDATE or RDATE in the kind and zone of ``model`` (DTSTART).

    Real clients mix the kinds. A DATE beside a timed start stands for that day at the start's hour. A DATE-TIME
    beside an all-day start stands for its date: the local one if it is a local midnight in UTC, else as written.
    Without a model the value keeps its own kind.
    """
    if model is None:
        return stamp.day if stamp.time is None else context.moment(line, stamp)
    if not isinstance(model, dt.datetime):
        return stamp.day_in(context.default_zone)
    if stamp.time is None:
        return dt.datetime.combine(stamp.day, model.time(), model.tzinfo)
    moment = context.moment(line, stamp, model.tzinfo)
    return moment if moment.tzinfo is model.tzinfo else moment.astimezone(model.tzinfo)


def trigger_s(alarm: Component, start: Moment, end: Moment, context: Context, *, repeats: bool) -> int | None:
    """Return how many seconds before the start a VALARM rings; None if it is no alarm that rings for everyone.

    Not alarms: no TRIGGER (only acknowledged), ACTION:NONE, Apple's default alarms and its trigger in 1976, snoozed
    copies (RFC 9074 RELATED-TO;RELTYPE=SNOOZE) and alarms of a place (PROXIMITY), an absolute trigger in a series.
    An alarm that was acknowledged is one still: that it was dismissed once takes it from nobody.
    """
    line = alarm.first("TRIGGER")
    if line is None or _is_silent(alarm):
        return None
    if line.value[:1].isdigit():
        stamp = _stamp(line)
        if repeats or stamp.day.year == _APPLE_NEVER_YEAR:
            return None
        moment = stamp.at(context.default_zone) if stamp.time is None else context.moment(line, stamp)
        return round((context.instant(start) - moment.astimezone(dt.UTC)).total_seconds())
    span = _duration(line)
    if (line.param("RELATED") or "").upper() == "END":
        length = context.instant(end) - context.instant(start)
        return -(span.total_s + round(length.total_seconds()))
    return -span.total_s


def context_of(tree: Component, default_zone: dt.tzinfo) -> Context:
    """Return the context for the events of one calendar."""
    vtimezones: dict[str, Component] = {}
    for component in tree.components("VTIMEZONE"):
        tzid = component.first("TZID")
        if tzid is not None:
            vtimezones.setdefault(zone_key(tzid.value), component)
    events = tree.components("VEVENT")
    is_series = any(event.first("RRULE") or event.first("RDATE") for event in events)
    return Context(default_zone, vtimezones, _years(events, is_series=is_series), is_series)


def zone_key(tzid: str) -> str:
    """Return a TZID as it is compared: the property is a TEXT with escapes, the parameter has none."""
    return unescape(tzid).strip()


# ---- times ------------------------------------------------------------------------------------------------------


def _years(events: list[Component], *, is_series: bool) -> zones.Years:
    """Return the years in which a zone has to be right; an open series reaches a few years on."""
    years = [
        int(line.value.strip()[:4])
        for event in events
        for name in ("DTSTART", "DTEND")
        for line in event.lines(name)
        if line.value.strip()[:4].isascii() and line.value.strip()[:4].isdecimal()
    ]
    if not years:
        return (1970, 1970)
    return (min(years), max(years) + (4 if is_series else 0))


def _read_start(line: Line, context: Context) -> Moment:
    stamp = _stamp(line)
    if stamp.time is None or (stamp.time == dt.time() and (line.param("VALUE") or "").upper() == "DATE"):
        return stamp.day
    return context.moment(line, stamp)


def _read_end(found: Mapping[str, list[Line]], start: Moment, context: Context) -> Moment:
    """Resolve DTEND, DURATION and the defaults of RFC 5545 3.6.1 into an end of the start's kind."""
    end_line, length_line = _one(found, "DTEND"), _one(found, "DURATION")
    length = _duration(length_line) if length_line is not None else None
    try:
        if end_line is not None:
            end = _end_like(end_line, start, context)
            if length is not None and length.total_s and _after(start, length) != end:
                msg = f"DTEND on line {end_line.number} and DURATION say different things; send one of them."
                raise BadInput(msg)
        elif length is not None:
            end = _after(start, length)
        else:
            end = start if isinstance(start, dt.datetime) else start + dt.timedelta(days=1)
    except (OverflowError, ValueError):
        msg = "The event ends outside of the years that can be computed with."
        raise BadInput(msg) from None
    if isinstance(start, dt.datetime) and isinstance(end, dt.datetime):
        is_early = end.astimezone(dt.UTC) < start.astimezone(dt.UTC)
    else:
        is_early = end < start
    if is_early:
        line = end_line or length_line
        msg = f"{line.name if line else 'DTEND'} on line {line.number if line else 0} is before DTSTART."
        raise BadInput(msg)
    if end == start and not isinstance(start, dt.datetime):
        return start + dt.timedelta(days=1)
    return end


def _end_like(line: Line, start: Moment, context: Context) -> Moment:
    stamp = _stamp(line)
    if isinstance(start, dt.datetime):
        if stamp.time is not None:
            return context.moment(line, stamp)
        end = dt.datetime.combine(stamp.day, dt.time(), start.tzinfo)
        if end < start and stamp.day == start.date():  # "ends on the day it starts" leaves the end open
            return start
        return end
    if stamp.time is None:
        return stamp.day
    day = like(line, stamp, context, start)
    at_midnight = stamp.time == dt.time() or day != stamp.day
    return day if at_midnight else day + dt.timedelta(days=1)


def _after(start: Moment, span: Span) -> Moment:
    if isinstance(start, dt.datetime):
        return span.after(start)
    return start + dt.timedelta(days=span.days + -(-span.seconds // 86_400))


def _read_recurrence(found: Mapping[str, list[Line]], start: Moment, context: Context) -> Recurrence:
    if not ("RRULE" in found or "RDATE" in found or "EXDATE" in found):
        return Recurrence()
    if "EXRULE" in found:
        fidelity.refuse("EXRULE", line=found["EXRULE"][0].number)
    rules: list[Rule] = []
    for line in found.get("RRULE", []):
        if not line.value.strip():
            continue
        rule = rule_from_text(line.value, start=start, where=_where(line), floating=context.default_zone)
        check_bounds(rule, start, _where(line))
        rules.append(rule)
    if len(rules) > RULES_MAX:
        msg = f"The event has more than {RULES_MAX} recurrence rules; no calendar here can hold that."
        raise Inexpressible(msg)
    return Recurrence(
        rules=tuple(rules),
        rdates=_dates(found.get("RDATE", []), start, context),
        exdates=_dates(found.get("EXDATE", []), start, context),
    )


def _dates(lines: list[Line], start: Moment, context: Context) -> tuple[Moment, ...]:
    """Return the values of RDATE or EXDATE lines, ascending, each once; of a PERIOD the start."""
    moments: dict[Moment, Moment] = {}
    for line in lines:
        for moment in line_dates(line, start, context):
            key = moment.astimezone(dt.UTC) if isinstance(moment, dt.datetime) else moment
            moments.setdefault(key, moment)
    if len(moments) > DATES_MAX:
        msg = f"{_where(lines[0])}: more than {DATES_MAX} dates; no calendar here can hold that."
        raise Inexpressible(msg)
    return tuple(moments[key] for key in sorted(moments))


def line_dates(line: Line, start: Moment, context: Context) -> list[Moment]:
    """Return the values of one RDATE or EXDATE line in order, in the kind and zone of ``start``."""
    items = [item for item in line.value.split(",") if item.strip()]
    return [like(line, _stamp(line, item.partition("/")[0]), context, start) for item in items]


def _stamp(line: Line, value: str | None = None) -> Stamp:
    try:
        return parse_stamp(line.value if value is None else value)
    except ValueError as error:
        msg = f"{_where(line)} {error}."
        raise BadInput(msg) from None


def _duration(line: Line) -> Span:
    try:
        return parse_duration(line.value)
    except ValueError as error:
        msg = f"{_where(line)} {error}."
        raise BadInput(msg) from None


# ---- alarms and words -------------------------------------------------------------------------------------------


def _is_silent(alarm: Component) -> bool:
    for line in alarm.children:
        if not isinstance(line, Line):
            continue
        value = line.value.strip().upper()
        if (
            (line.name == "ACTION" and value == "NONE")
            or (line.name == "X-APPLE-DEFAULT-ALARM" and value == "TRUE")
            or line.name in {"PROXIMITY", "X-APPLE-PROXIMITY"}
            or (line.name == "RELATED-TO" and (line.param("RELTYPE") or "").upper() == "SNOOZE")
        ):
            return True
    return False


def _read_alarms(
    component: Component, start: Moment, end: Moment, context: Context, *, repeats: bool
) -> tuple[Alarm, ...]:
    seconds = set()
    for alarm in component.components("VALARM"):
        before_start_s = trigger_s(alarm, start, end, context, repeats=repeats)
        if before_start_s is not None:
            seconds.add(before_start_s)
    return tuple(Alarm(before_start_s=second) for second in sorted(seconds))


def _read_descriptions(found: Mapping[str, list[Line]]) -> tuple[str, str]:
    rich = ""
    for line in found.get("X-ALT-DESC", []):
        if (line.param("FMTTYPE") or "").lower() == "text/html":
            rich = unescape(line.value)
            break
    return _text(found, "DESCRIPTION"), rich


def _read_links(found: Mapping[str, list[Line]]) -> tuple[str, ...]:
    """Return the links of URL and CONFERENCE in this order, each once."""
    lines = [*found.get("URL", []), *found.get("CONFERENCE", [])]
    links = [line.value.strip() for line in lines if (line.param("VALUE") or "URI").upper() == "URI"]
    return tuple(dict.fromkeys(link for link in links if link))


def _by_name(component: Component) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for child in component.children:
        if isinstance(child, Line):
            found.setdefault(child.name, []).append(child)
    return found


def _first(found: Mapping[str, list[Line]], name: str) -> Line | None:
    lines = found.get(name)
    return lines[0] if lines else None


def _one(found: Mapping[str, list[Line]], name: str) -> Line | None:
    lines = found.get(name)
    if lines is None:
        return None
    if len(lines) > 1 and name in _ONCE:
        msg = f"{name} on line {lines[1].number} is the second one; there can be only one."
        raise BadInput(msg)
    return lines[0]


def _text(found: Mapping[str, list[Line]], name: str) -> str:
    line = _first(found, name)
    return unescape(line.value) if line is not None else ""


def _where(line: Line) -> str:
    return f"{line.name} on line {line.number}"

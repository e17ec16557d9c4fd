"""One VEVENT of a client's text, changed by exactly what differs between two events."""

from __future__ import annotations

import dataclasses
import datetime as dt
import html
from typing import TYPE_CHECKING, Final

from bridge.ical import people, values, write, zones
from bridge.ical.fingerprint import canonical
from bridge.ical.lines import Component, Line, make
from bridge.ical.recur import end_of, instant
from bridge.ical.rules import rule_from_text, rule_to_text
from bridge.ical.sheet import Sheet
from bridge.ical.vevent import Context, line_dates, trigger_s
from bridge.model import fidelity
from bridge.model.event import Event, Status
from bridge.model.recurrence import Recurrence

if TYPE_CHECKING:
    from bridge.model.people import Attendee
    from bridge.model.recurrence import Moment, Rule

EQUAL_YEARS: Final = 5
"""Years from DTSTART on over which two zones must agree to stand for each other in a series."""

_RECURRENCE: Final = ("RRULE", "RDATE", "EXDATE", "EXRULE")
_AFTER_DATES: Final = ("EXDATE", "RDATE", "RRULE", "DTEND", "DTSTART")


@dataclasses.dataclass(slots=True)
class Tools:
    """What every edit in one text shares."""

    context: Context
    dtstamp_ms: int
    eol: str
    zone_names: dict[str, zones.Years] = dataclasses.field(default_factory=dict)
    """Zones that new lines name, with the years they are needed for."""


def edit(component: Component, shown: Event, before: Event, after: Event, tools: Tools) -> Component:
    """Return ``component`` with the difference of ``before`` and ``after`` laid onto it.

    ``shown`` is the component's own event. Without a difference the same component comes back.
    """
    sheet = Sheet(component, tools.eol)
    start = _edit_times(sheet, shown, before, after, tools)
    is_new_time = sheet.is_changed
    _pin_dates(sheet, shown, start, tools)
    is_new_rule = _edit_recurrence(sheet, shown, start, before, after, tools)
    _edit_words(sheet, before, after)
    _edit_url(sheet, before.url, after.url)
    _edit_alarms(sheet, shown, before, after, tools)
    if not (after.recurrence or shown.recurrence) and differ(start, shown.start):
        _shift_absolute_alarms(sheet, shown, start, tools)
    _edit_people(sheet, before, after)
    if before.this_and_future != after.this_and_future:
        line = sheet.first("RECURRENCE-ID")
        if line is not None:
            sheet.replace(line, line.with_param("RANGE", "THISANDFUTURE" if after.this_and_future else None))
    if sheet.is_changed:
        stamp(sheet, tools, is_revision=is_new_time or is_new_rule or before.location != after.location)
    return sheet.component()


def stamp(sheet: Sheet, tools: Tools, *, is_revision: bool) -> None:
    """Renew DTSTAMP and LAST-MODIFIED, and count SEQUENCE up if ``is_revision``; only those that are there."""
    now = write.stamp_text(tools.dtstamp_ms)
    for name in fidelity.RENEWED:
        line = sheet.first(name)
        if line is not None:
            sheet.replace(line, line.with_value(now))
    sequence = sheet.first("SEQUENCE")
    if is_revision and sequence is not None:
        digits = sequence.value.strip()
        if digits.isascii() and digits.isdigit() and len(digits) < 10:
            sheet.replace(sequence, sequence.with_value(str(int(digits) + 1)))


def from_master(component: Component, shown: Event, like: Event, override: Event, tools: Tools) -> Component:
    """Return a new VEVENT for one occurrence: the master's text without its recurrence, and what the override changes.

    ``component`` and ``shown`` are the master in the text, ``like`` is what the override would be if it changed
    nothing: the difference of ``like`` and ``override`` is laid onto the copy.
    """
    sheet = Sheet(component, tools.eol)
    sheet.remove(*_RECURRENCE, "RECURRENCE-ID")
    start = sheet.first("DTSTART")
    origin = override.recurrence_id if override.recurrence_id is not None else override.start
    line = moment_line("RECURRENCE-ID", start, origin, tools, keep_zone=True)
    if override.this_and_future:
        line = line.with_param("RANGE", "THISANDFUTURE")
    sheet.add(line, after=("UID",))
    end = end_of(shown, like.start) if shown.is_all_day == like.is_all_day else like.end
    occurrence = dataclasses.replace(shown, start=like.start, end=end, recurrence=Recurrence())
    _write_times(sheet, shown, occurrence.start, occurrence.end, tools, is_forced=False)
    copied = sheet.component()
    edited = edit(copied, occurrence, like, override, tools)
    if edited is copied:
        stamp(sheet, tools, is_revision=False)
        return sheet.component()
    return edited


def differ(one: Moment, other: Moment) -> bool:
    """Return whether two times are of another kind or another instant."""
    if isinstance(one, dt.datetime) and isinstance(other, dt.datetime):
        return one.astimezone(dt.UTC) != other.astimezone(dt.UTC)
    return isinstance(one, dt.datetime) or isinstance(other, dt.datetime) or one != other


# ---- times ------------------------------------------------------------------------------------------------------


def _edit_times(sheet: Sheet, shown: Event, before: Event, after: Event, tools: Tools) -> Moment:
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
    if _is_date(start) != _is_date(end) or _absolute(end) < _absolute(start):
        start, end = after.start, after.end  # the text is out of step with the vendor; the vendor is right
    _write_times(sheet, shown, start, end, tools, is_forced=is_forced)
    return start


def _write_times(
    sheet: Sheet, shown: Event, start: Moment, end: Moment, tools: Tools, *, is_forced: bool
) -> None:
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
        if (is_forced and same_zone) or differ(shown.end, end) or shown.is_all_day != _is_date(end):
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


def _is_date(moment: Moment) -> bool:
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


# ---- recurrence -------------------------------------------------------------------------------------------------


def _pin_dates(sheet: Sheet, shown: Event, start: Moment, tools: Tools) -> None:
    """Write out RDATE and EXDATE whose meaning hangs on DTSTART (a DATE beside a time) before DTSTART moves."""
    if start is shown.start or _is_date(start) != shown.is_all_day:
        return
    for name in ("RDATE", "EXDATE"):
        for line in sheet.lines(name):
            before = line_dates(line, shown.start, tools.context)
            after = line_dates(line, start, tools.context)
            if [instant(moment) for moment in before] != [instant(moment) for moment in after]:
                sheet.replace(line, None)
                for moment in before:
                    sheet.add(_date_line(sheet, name, moment, tools), after=_AFTER_DATES)


def _edit_recurrence(
    sheet: Sheet, shown: Event, start: Moment, before: Event, after: Event, tools: Tools
) -> bool:
    """Set rules, and add and remove dates; return whether anything changed. ``start`` is DTSTART by now."""
    old, new = before.recurrence, after.recurrence
    if old and not new:
        sheet.remove(*_RECURRENCE)
        return True
    is_changed = False
    if _rules(old.rules, before) != _rules(new.rules, after):
        _write_rules(sheet, shown, after, tools)
        is_changed = True
    for name, olds, news in (("RDATE", old.rdates, new.rdates), ("EXDATE", old.exdates, new.exdates)):
        gone = _keys(olds) - _keys(news)
        added = [moment for moment in news if instant(moment) not in _keys(olds)]
        if gone or added:
            _write_dates(sheet, name, (gone, added), (shown.start, start), tools)
            is_changed = True
    return is_changed


def _rules(rules: tuple[Rule, ...], event: Event) -> set[str]:
    return {rule_to_text(canonical(rule, event.start)) for rule in rules}


def _write_rules(sheet: Sheet, shown: Event, after: Event, tools: Tools) -> None:
    wanted = {rule_to_text(canonical(rule, after.start)): rule for rule in after.recurrence.rules}
    stale: list[Line] = []
    for line in sheet.lines("RRULE"):
        rule = rule_from_text(line.value, start=shown.start, floating=tools.context.default_zone)
        key = rule_to_text(canonical(rule, after.start))
        if wanted.pop(key, None) is None:
            stale.append(line)
    for rule in wanted.values():
        text = rule_to_text(rule)
        if stale:
            line = stale.pop(0)
            sheet.replace(line, line.with_value(text))
        else:
            sheet.add(make("RRULE", text, eol=sheet.eol), after=("DTEND", "DURATION", "DTSTART"))
    for line in stale:
        sheet.replace(line, None)


def _write_dates(
    sheet: Sheet,
    name: str,
    change: tuple[set[Moment], list[Moment]],
    models: tuple[Moment, Moment],
    tools: Tools,
) -> None:
    """Take values away and add others. ``models`` are DTSTART as it was, which says what the text meant, and now."""
    gone, added = change
    present: set[Moment] = set()
    for line in sheet.lines(name):
        items = [item for item in line.value.split(",") if item.strip()]
        moments = line_dates(line, models[0], tools.context)
        kept = [item for item, moment in zip(items, moments, strict=True) if instant(moment) not in gone]
        if not kept:
            sheet.replace(line, None)
            continue
        left = line.with_value(",".join(kept)) if len(kept) < len(items) else line
        sheet.replace(line, left)
        present |= {instant(moment) for moment in line_dates(left, models[1], tools.context)}
    for moment in added:
        if instant(moment) not in present:
            sheet.add(_date_line(sheet, name, moment, tools), after=_AFTER_DATES)


def _date_line(sheet: Sheet, name: str, moment: Moment, tools: Tools) -> Line:
    """Return a line for one RDATE or EXDATE in the form of DTSTART."""
    start = sheet.first("DTSTART")
    return moment_line(name, None if _is_date(moment) else start, moment, tools, keep_zone=True)


def _keys(moments: tuple[Moment, ...]) -> set[Moment]:
    return {instant(moment) for moment in moments}


# ---- words ------------------------------------------------------------------------------------------------------


def _edit_words(sheet: Sheet, before: Event, after: Event) -> None:
    if before.summary != after.summary:
        sheet.put("SUMMARY", values.escape(after.summary), change=_without_altrep)
    if before.location != after.location:
        sheet.put("LOCATION", values.escape(after.location), change=_without_altrep)
    if before.description != after.description:
        sheet.put("DESCRIPTION", values.escape(after.description), change=_without_altrep)
    if before.rich_description != after.rich_description:
        _put_rich(sheet, after.rich_description)
    elif (
        before.description != after.description
        and not after.rich_description
        and _rich_line(sheet) is not None
    ):
        _put_rich(sheet, _as_html(after.description))  # else Outlook would go on showing the old words
    if before.status is not after.status and (after.status is not Status.CONFIRMED or sheet.first("STATUS")):
        sheet.put("STATUS", after.status.value)


def _without_altrep(line: Line) -> Line:
    """Drop a link to, or a copy of, the old words in another form."""
    return line if line.param("ALTREP") is None else line.with_param("ALTREP", None)


def _rich_line(sheet: Sheet) -> Line | None:
    for line in sheet.lines("X-ALT-DESC"):
        if (line.param("FMTTYPE") or "").lower() == "text/html":
            return line
    return None


def _put_rich(sheet: Sheet, text: str) -> None:
    line = _rich_line(sheet)
    if line is None:
        if text:
            sheet.add(write.rich_line(text, eol=sheet.eol), after=("DESCRIPTION",))
    else:
        sheet.replace(line, line.with_value(values.escape(text)) if text else None)


def _as_html(text: str) -> str:
    """Return plain words as HTML."""
    return "<html><body>" + "<br>".join(html.escape(text, quote=False).splitlines()) + "</body></html>"


def _edit_url(sheet: Sheet, before: str, after: str) -> None:
    """Set the vendor's link. A link of the client's own is kept: the vendor's stands in CONFERENCE beside it."""
    if before == after:
        return
    for name in ("URL", "CONFERENCE"):
        for line in sheet.lines(name):
            if line.value.strip() in {before, after}:
                sheet.replace(line, line.with_value(write.url_line(after).value) if after else None)
                return
    if after and sheet.first("URL") is None:
        sheet.add(write.url_line(after, eol=sheet.eol))
    elif after:
        uri = write.url_line(after).value
        sheet.add(make("CONFERENCE", uri, [("VALUE", "URI")], eol=sheet.eol), after=("URL",))


# ---- alarms -----------------------------------------------------------------------------------------------------


def _edit_alarms(sheet: Sheet, shown: Event, before: Event, after: Event, tools: Tools) -> None:
    old = {alarm.before_start_s for alarm in before.alarms}
    new = {alarm.before_start_s for alarm in after.alarms}
    if old == new:
        return
    present: set[int] = set()
    for alarm in sheet.components("VALARM"):
        seconds = trigger_s(alarm, shown.start, shown.end, tools.context, repeats=bool(shown.recurrence))
        if seconds is None:
            continue
        if seconds in old - new:
            sheet.replace(alarm, None)
        else:
            present.add(seconds)
    for one in after.alarms:
        if one.before_start_s in new - old - present:
            sheet.add_component(write.alarm_component(one, after.summary, eol=tools.eol))


def _shift_absolute_alarms(sheet: Sheet, shown: Event, start: Moment, tools: Tools) -> None:
    """Move alarms that name their moment along with the event: vendors count from the start."""
    for alarm in sheet.components("VALARM"):
        line = alarm.first("TRIGGER")
        if line is None or not line.value[:1].isdigit():
            continue
        seconds = trigger_s(alarm, shown.start, shown.end, tools.context, repeats=False)
        if seconds is None:
            continue
        moment = tools.context.instant(start) - dt.timedelta(seconds=seconds)
        inner = Sheet(alarm, tools.eol)
        inner.replace(line, line.with_param("TZID", None).with_value(values.utc_text(moment)))
        sheet.replace(alarm, inner.component())


# ---- people -----------------------------------------------------------------------------------------------------


def _edit_people(sheet: Sheet, before: Event, after: Event) -> None:
    if before.organizer != after.organizer:
        line = sheet.first("ORGANIZER")
        if after.organizer is None:
            sheet.remove("ORGANIZER")
        elif line is None:
            sheet.add(people.organizer_line(after.organizer, eol=sheet.eol))
        elif people.same_address(people.address(line), after.organizer.address):
            sheet.replace(line, line.with_param("CN", after.organizer.name or None))
        else:
            sheet.replace(line, people.organizer_line(after.organizer, eol=sheet.eol))
    old = {one.address.lower(): one for one in before.attendees}
    new = {one.address.lower(): one for one in after.attendees}
    if old == new:
        return
    lines = {people.address(line).lower(): line for line in reversed(sheet.lines("ATTENDEE"))}
    for key in old.keys() - new.keys():
        for line in [line for line in sheet.lines("ATTENDEE") if people.address(line).lower() == key]:
            sheet.replace(line, None)
    for key, one in new.items():
        if one == old.get(key):
            continue
        line = lines.get(key)
        if line is None:
            sheet.add(people.attendee_line(one, eol=sheet.eol), after=("ORGANIZER",))
        else:
            sheet.replace(line, _edited(line, old.get(key) or people.attendee(line), one))


def _edited(line: Line, before: Attendee, after: Attendee) -> Line:
    if before.partstat is not after.partstat:
        line = line.with_param("PARTSTAT", after.partstat.value)
    if before.name != after.name:
        line = line.with_param("CN", after.name or None)
    if before.is_optional != after.is_optional:
        line = line.with_param("ROLE", "OPT-PARTICIPANT" if after.is_optional else "REQ-PARTICIPANT")
    return line

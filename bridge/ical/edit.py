"""One VEVENT of a client's text, changed by exactly what differs between two events."""

from __future__ import annotations

import dataclasses
import datetime as dt
import html
from typing import TYPE_CHECKING

from bridge.ical import people, values, write
from bridge.ical.dates import RECURRENCE, edit_recurrence, pin_dates
from bridge.ical.recur import end_of
from bridge.ical.sheet import Sheet
from bridge.ical.times import Tools, differ, edit_times, moment_line, write_times
from bridge.ical.vevent import trigger_s
from bridge.model import fidelity
from bridge.model.event import Event, Status
from bridge.model.recurrence import Recurrence

if TYPE_CHECKING:
    from bridge.ical.lines import Component, Line
    from bridge.model.people import Attendee
    from bridge.model.recurrence import Moment


def edit(component: Component, shown: Event, before: Event, after: Event, tools: Tools) -> Component:
    """Return ``component`` with the difference of ``before`` and ``after`` laid onto it.

    ``shown`` is the component's own event. Without a difference the same component comes back.
    """
    sheet = Sheet(component, tools.eol)
    start = edit_times(sheet, shown, before, after, tools)
    is_new_time = sheet.is_changed
    pin_dates(sheet, shown, start, tools)
    is_new_rule = edit_recurrence(sheet, shown, start, before, after, tools)
    _edit_words(sheet, before, after)
    _edit_links(sheet, before, after)
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
    sheet.remove(*RECURRENCE, "RECURRENCE-ID")
    start = sheet.first("DTSTART")
    origin = override.recurrence_id if override.recurrence_id is not None else override.start
    line = moment_line("RECURRENCE-ID", start, origin, tools, keep_zone=True)
    if override.this_and_future:
        line = line.with_param("RANGE", "THISANDFUTURE")
    sheet.add(line, after=("UID",))
    end = end_of(shown, like.start) if shown.is_all_day == like.is_all_day else like.end
    occurrence = dataclasses.replace(shown, start=like.start, end=end, recurrence=Recurrence())
    write_times(sheet, shown, occurrence.start, occurrence.end, tools, is_forced=False)
    copied = sheet.component()
    edited = edit(copied, occurrence, like, override, tools)
    if edited is copied:
        stamp(sheet, tools, is_revision=False)
        return sheet.component()
    return edited


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


def _edit_links(sheet: Sheet, before: Event, after: Event) -> None:
    """Set the vendor's link, in URL and CONFERENCE. A link of the client's own stays in URL, without a second place."""
    old, new = _links(before), _links(after)
    gone = [link for link in old if link not in new]
    added = [link for link in new if link not in old]
    for link in gone:
        now = added.pop(0) if added else ""
        for line in [*sheet.lines("URL"), *sheet.lines("CONFERENCE")]:
            if line.value.strip() == link:
                sheet.replace(line, line.with_value(write.url_line(now).value) if now else None)
    for link in added:
        if sheet.first("URL") is None:
            sheet.add(write.url_line(link, eol=sheet.eol))
        sheet.add(write.conference_line(link, eol=sheet.eol), after=("URL",))


def _links(event: Event) -> tuple[str, ...]:
    return (event.url, *event.conferences) if event.url else event.conferences


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

"""RRULE, RDATE and EXDATE of a client's text: what differs is changed, what the client alone knows is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.ical.fingerprint import canonical
from bridge.ical.lines import Line, make
from bridge.ical.recur import instant
from bridge.ical.rules import rule_from_text, rule_to_text
from bridge.ical.times import Tools, is_date, moment_line
from bridge.ical.vevent import line_dates

if TYPE_CHECKING:
    from bridge.ical.sheet import Sheet
    from bridge.model.event import Event
    from bridge.model.recurrence import Moment, Rule

RECURRENCE: Final = ("RRULE", "RDATE", "EXDATE", "EXRULE")
"""The properties of a recurrence set."""

_AFTER_DATES: Final = ("EXDATE", "RDATE", "RRULE", "DTEND", "DTSTART")


def pin_dates(sheet: Sheet, shown: Event, start: Moment, tools: Tools) -> None:
    """Write out RDATE and EXDATE whose meaning hangs on DTSTART (a DATE beside a time) before DTSTART moves."""
    if start is shown.start or is_date(start) != shown.is_all_day:
        return
    for name in ("RDATE", "EXDATE"):
        for line in sheet.lines(name):
            before = line_dates(line, shown.start, tools.context)
            after = line_dates(line, start, tools.context)
            if [instant(moment) for moment in before] != [instant(moment) for moment in after]:
                sheet.replace(line, None)
                for moment in before:
                    sheet.add(_date_line(sheet, name, moment, tools), after=_AFTER_DATES)


def edit_recurrence(
    sheet: Sheet, shown: Event, start: Moment, before: Event, after: Event, tools: Tools
) -> bool:
    """Set rules, and add and remove dates; return whether anything changed. ``start`` is DTSTART by now."""
    old, new = before.recurrence, after.recurrence
    if old and not new:
        sheet.remove(*RECURRENCE)
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
    return moment_line(name, None if is_date(moment) else start, moment, tools, keep_zone=True)


def _keys(moments: tuple[Moment, ...]) -> set[Moment]:
    return {instant(moment) for moment in moments}

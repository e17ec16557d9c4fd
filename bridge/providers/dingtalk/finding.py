"""Finding what an operation is about: an occurrence by its original start, an event by what it says."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from bridge.providers.dingtalk.compare import origin_in, same_rule
from bridge.providers.dingtalk.decode import span_of
from bridge.providers.dingtalk.schema import is_cancelled, number, part, rows, series_of, text
from bridge.providers.dingtalk.times import MOMENT_MISSING, instant_of, is_all_day, ms_of

if TYPE_CHECKING:
    from bridge.model.recurrence import Moment
    from bridge.model.upstream import Json, Target
    from bridge.providers.base import Known
    from bridge.providers.dingtalk.reading import Reader

NARROW: Final = dt.timedelta(minutes=1)
ALL_DAY_NARROW: Final = dt.timedelta(hours=14)
"""How far around a start is looked: all-day events may begin at midnight in any zone."""

WIDE: Final = dt.timedelta(days=31)
"""How far a moved occurrence is looked for."""

CANDIDATES_MAX: Final = 5
"""Events that may be the one we look for, each asked for once."""


def find_occurrence(
    reader: Reader, series_id: str, at: Moment, default_zone: dt.tzinfo, *, also: Moment | None = None
) -> Json | None:
    """Return the occurrence of a series that began at ``at``, as the view shows it now, or None.

    One call where it stands at its place; two if it was moved or is gone; one more for ``also``, a place
    where it may have been moved to.
    """
    for middle, reach in ((at, _narrow(at)), (at, WIDE), *(((also, _narrow(also)),) if also else ())):
        looked = reader.view(instant_of(middle) - reach, instant_of(middle) + reach)
        for event in looked.events:
            if series_of(event) != series_id or is_cancelled(event):
                continue
            all_day = not isinstance(at, dt.datetime)
            if ms_of(origin_in(event, all_day=all_day, default_zone=default_zone)) == ms_of(at):
                return event
    return None


def find_created(
    reader: Reader, target: Target, payload: Json, known: Known, default_zone: dt.tzinfo
) -> Json | None:
    """Return an event that says what ``payload`` says and that nobody knew, or None.

    One call to look, one for each event that may be the one.
    """
    start, _end = span_of(payload, MOMENT_MISSING, default_zone)
    reach = _narrow(start)
    looked = reader.view(instant_of(start) - reach, instant_of(start) + reach)
    candidates: dict[str, None] = {}
    for event in looked.events:
        event_id = series_of(event) or text(event, "id")
        if event_id in known.ids or event_id in known.gone or is_cancelled(event):
            continue
        organizer = text(part(event, "organizer"), "id")
        if organizer not in ("", target.user_id) or not says(event, payload, default_zone):
            continue
        candidates[event_id] = None
    for event_id in list(candidates)[:CANDIDATES_MAX]:
        got = reader.get(event_id)
        if got is not None and says(got, payload, default_zone) and same_rule(got, payload):
            return got
    return None


def says(event: Json, payload: Json, default_zone: dt.tzinfo, *, before: Json | None = None) -> bool:
    """Return whether an event holds what a payload asks for: texts, place and times.

    With ``before``, only what differs between the two payloads counts, rule, reminders and people included.
    """
    for name in ("summary", "description"):
        if _counts(payload, before, name) and _folded(event, name) != _folded(payload, name):
            return False
    if _counts(payload, before, "location") and _place(event) != _place(payload):
        return False
    if any(_counts(payload, before, name) for name in ("start", "end", "isAllDay")):
        if is_all_day(event) != is_all_day(payload):
            return False
        spans = [span_of(side, MOMENT_MISSING, default_zone) for side in (event, payload)]
        if [ms_of(moment) for moment in spans[0]] != [ms_of(moment) for moment in spans[1]]:
            return False
    if before is None:
        return True
    return _says_more(event, payload, before)


def _says_more(event: Json, payload: Json, before: Json) -> bool:
    """Compare rule, reminders and people where two payloads differ."""
    if _counts(payload, before, "recurrence") and not _holds_rule(event, payload):
        return False
    if _counts(payload, before, "reminders") and _minutes(event) != _minutes(payload):
        return False
    if _counts(payload, before, "attendees"):
        organizer = text(part(event, "organizer"), "id")
        invited = {text(row, "id") for row in rows(event, "attendees")} - {organizer}
        return invited == {text(row, "id") for row in rows(payload, "attendees")}
    return True


def _holds_rule(event: Json, payload: Json) -> bool:
    """Return whether an event has the rule of a payload; none at all may be one occurrence by name."""
    if part(payload, "recurrence"):
        return same_rule(event, {**payload, "id": text(event, "id")})
    span = part(part(event, "recurrence"), "range")
    return not part(event, "recurrence") or number(span, "numberOfOccurrences") == 1


def _counts(payload: Json, before: Json | None, name: str) -> bool:
    return before is None or before.get(name) != payload.get(name)


def _folded(snapshot: Json, name: str) -> str:
    """Return a text without differences in blanks, which a service may tidy."""
    return " ".join(text(snapshot, name).split())


def _place(snapshot: Json) -> str:
    return text(part(snapshot, "location"), "displayName")


def _minutes(snapshot: Json) -> set[int | None]:
    return {number(row, "minutes") for row in rows(snapshot, "reminders")}


def _narrow(moment: Moment) -> dt.timedelta:
    return NARROW if isinstance(moment, dt.datetime) else ALL_DAY_NARROW

"""Telling a plain occurrence from an exception, and old news from new (reference 3.10). Pure.

No field marks an exception: it is one if it differs from what its series shows there.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from bridge.providers.dingtalk.client import PAGE_MAX
from bridge.providers.dingtalk.decode import partstat_of, span_of
from bridge.providers.dingtalk.schema import flag, is_cancelled, number, part, rows, series_of, text
from bridge.providers.dingtalk.times import (
    MOMENT_MISSING,
    instant_of,
    is_all_day,
    ms_of,
    origin_of,
    parse_stamp,
)

if TYPE_CHECKING:
    from bridge.model.recurrence import Moment
    from bridge.providers.base import Json

REMOVED_MARK: Final = "#"
"""Between a series' id and the time of a removed occurrence, in the id that we give to it."""


def removed_id(series_id: str, origin: Moment) -> str:
    """Return the id of a removed occurrence, which the vendor does not name any more."""
    return f"{series_id}{REMOVED_MARK}{ms_of(origin)}"


def removed_key(item_id: str) -> tuple[str, int] | None:
    """Return (series, origin ms) of an id made by :func:`removed_id`; None for ids of the vendor."""
    series_id, mark, written = item_id.rpartition(REMOVED_MARK)
    if not mark or not series_id or not written.removeprefix("-").isdecimal():
        return None
    return series_id, int(written)


def origin_in(snapshot: Json, *, all_day: bool, default_zone: dt.tzinfo) -> Moment:
    """Return the original start of an occurrence in its series' form; untold, it is where it starts."""
    told = origin_of(snapshot, all_day=all_day)
    if told is not None:
        return told
    start, _end = span_of(snapshot, MOMENT_MISSING, default_zone)
    if all_day:
        return start.date() if isinstance(start, dt.datetime) else start
    return instant_of(start)


def is_plain(occurrence: Json, master: Json, origin: Moment, default_zone: dt.tzinfo) -> bool:
    """Return whether an occurrence shows nothing but its series at ``origin``.

    Only what both answers tell is compared: a view tells no reminders and may leave out people.
    """
    if is_all_day(occurrence) != is_all_day(master):
        return False
    start, end = span_of(occurrence, MOMENT_MISSING, default_zone)
    if ms_of(start) != ms_of(origin):
        return False
    master_start, master_end = span_of(master, MOMENT_MISSING, default_zone)
    if ms_of(end) - ms_of(start) != ms_of(master_end) - ms_of(master_start):
        # All occurrences of a series last exactly as long as its first (RFC 5545 3.8.5.3).
        return False
    return same_content(occurrence, master)


def same_content(one: Json, other: Json) -> bool:
    """Return whether two answers tell the same, times aside, as far as both tell it."""
    if text(one, "summary") != text(other, "summary"):
        return False
    if text(one, "description") != text(other, "description"):
        return False
    if _place(one) != _place(other):
        return False
    told = ((_rich(one), _rich(other)), (_link(one), _link(other)), (_reminders(one), _reminders(other)))
    if any(mine is not None and theirs is not None and mine != theirs for mine, theirs in told):
        return False
    people, others = _people(one), _people(other)
    return people is None or others is None or people == others


def same_event(one: Json, other: Json, default_zone: dt.tzinfo) -> bool:
    """Return whether two answers about one id tell the same, rule included, as far as both tell it."""
    if is_cancelled(one) != is_cancelled(other):
        return False
    if is_all_day(one) != is_all_day(other):
        return False
    spans = [span_of(side, MOMENT_MISSING, default_zone) for side in (one, other)]
    if [ms_of(moment) for moment in spans[0]] != [ms_of(moment) for moment in spans[1]]:
        return False
    return same_rule(one, other) and same_content(one, other)


def same_rule(one: Json, other: Json) -> bool:
    """Return whether two answers have the same recurrence, as far as both tell it."""
    mine, theirs = _rule(one), _rule(other)
    if mine and theirs:
        return mine == theirs
    # An occurrence may or may not repeat its series' rule; for anything else an absent rule is no rule.
    return mine == theirs or bool(series_of(one)) or bool(series_of(other))


def same_version(one: Json, other: Json) -> bool:
    """Return whether ``updateTime`` is the same; an absent one tells nothing."""
    mine, theirs = _stamp_ms(one), _stamp_ms(other)
    return mine is None or theirs is None or mine == theirs


def with_reminders_of(occurrence: Json, master: Json) -> Json:
    """Return an occurrence of a view, which tells no reminders, with those of its series."""
    if occurrence.get("reminders") is not None or "reminders" not in master:
        return occurrence
    return {**occurrence, "reminders": master["reminders"]}


def is_truncated(snapshot: Json) -> bool:
    """Return whether a list or view may have cut the attendees off."""
    return len(rows(snapshot, "attendees")) >= PAGE_MAX


def _place(snapshot: Json) -> str:
    return text(part(snapshot, "location"), "displayName")


def _rich(snapshot: Json) -> str | None:
    return text(part(snapshot, "richTextDescription"), "text") or None


def _link(snapshot: Json) -> str | None:
    return text(part(snapshot, "onlineMeetingInfo"), "url") or None


def _reminders(snapshot: Json) -> frozenset[int | None] | None:
    if snapshot.get("reminders") is None:
        return None
    return frozenset(number(row, "minutes") for row in rows(snapshot, "reminders"))


def _people(snapshot: Json) -> frozenset[tuple[str, bool, str]] | None:
    """Return who is invited and what they answered; None where an answer may not tell all of it."""
    listed = rows(snapshot, "attendees")
    if not listed or len(listed) >= PAGE_MAX:
        return None
    return frozenset((text(row, "id"), bool(flag(row, "isOptional")), partstat_of(row)) for row in listed)


def _rule(snapshot: Json) -> tuple[Any, ...]:
    """Return what a rule means, whatever unused fields are filled."""
    body = part(snapshot, "recurrence")
    pattern, span = part(body, "pattern"), part(body, "range")
    kind, end = text(pattern, "type").lower(), text(span, "type").lower()
    if not kind:
        return ()
    return (
        kind,
        number(pattern, "interval") or 1,
        tuple(sorted(text(pattern, "daysOfWeek").lower().replace(" ", "").split(","))),
        number(pattern, "dayOfMonth") if kind == "absolutemonthly" else None,
        text(pattern, "index").lower() if kind.startswith("relative") else "",
        end,
        number(span, "numberOfOccurrences") if end == "numbered" else None,
        parse_stamp(text(span, "endDate")) if end == "enddate" else None,
    )


def _stamp_ms(snapshot: Json) -> int | None:
    stamped = parse_stamp(text(snapshot, "updateTime"))
    if stamped is None:
        return None
    return ms_of(stamped if stamped.tzinfo else stamped.replace(tzinfo=dt.UTC))

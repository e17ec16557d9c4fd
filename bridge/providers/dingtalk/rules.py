"""RRULE <-> ``recurrence`` (reference 4.4, 4.5). Pure.

Written: only what is exact under every reading of the vendor's documents. Read: everything.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NoReturn

from bridge.errors import Inexpressible
from bridge.model.loss import Loss
from bridge.model.recurrence import Freq, NthDay, Rule, Weekday
from bridge.providers.dingtalk import series
from bridge.providers.dingtalk.limits import COUNT_MAX, INTERVAL_MAX, LIMITS, MONTH_DAY_MAX
from bridge.providers.dingtalk.schema import INDEXES, WEEKDAYS, Pattern, Range, number, part, text
from bridge.providers.dingtalk.times import parse_date, parse_stamp, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.model.recurrence import Moment
    from bridge.providers.dingtalk.schema import RecurrenceBody

MONTHS: Final = 12

LAST_SECOND: Final = dt.time(23, 59, 59)
"""``endDate`` stands at the end of the last occurrence's day in the event's zone: so it is after the start and on
the right date, whether it is read as an instant, inclusive or not, or as an inclusive date (reference 4.4)."""

NOON: Final = dt.time(12)
"""The same for all-day series, in UTC: the same date in every zone from UTC-12 to UTC+11."""

_ORDINALS: Final = {name: nth for nth, name in INDEXES.items()}


# ---- writing ---------------------------------------------------------------------------------------------


def encode_rule(
    rule: Rule, start: Moment, *, has_holes: bool = False
) -> tuple[RecurrenceBody, tuple[Loss, ...]]:
    """Return ``recurrence`` for one rule, and losses. ``has_holes``: occurrences will be deleted from it.

    Raises :class:`Inexpressible` for rules without an exact counterpart.
    """
    pattern = _pattern(_without_times(rule, start), start)
    pattern["firstDayOfWeek"] = WEEKDAYS[rule.week_start]
    span = _range(rule, start, has_holes=has_holes)
    losses = (
        (Loss("RRULE", f"occurrences after {series.YEAR_LAST} are not sent"),) if _is_cut(rule, span) else ()
    )
    return {"pattern": pattern, "range": span}, losses


def _pattern(rule: Rule, start: Moment) -> Pattern:
    """Return the pattern of a rule."""
    if rule.by_year_day or rule.by_week_no:
        _refuse("BYYEARDAY and BYWEEKNO have no counterpart in DingTalk")
    if rule.interval > INTERVAL_MAX:
        _refuse(f"INTERVAL={rule.interval} is beyond DingTalk's {INTERVAL_MAX}")
    day = start.date() if isinstance(start, dt.datetime) else start
    write = _WRITERS.get(rule.freq)
    if write is None:
        _refuse(f"DingTalk repeats daily, weekly, monthly or yearly, not {rule.freq}")
    return write(rule, day)


def _without_times(rule: Rule, start: Moment) -> Rule:
    """Drop BYHOUR, BYMINUTE and BYSECOND where they only repeat the start; refuse them otherwise."""
    parts = (rule.by_hour, rule.by_minute, rule.by_second)
    if not any(parts):
        return rule
    own = (start.hour, start.minute, start.second) if isinstance(start, dt.datetime) else (-1, -1, -1)
    if any(given and given != (mine,) for given, mine in zip(parts, own, strict=True)):
        _refuse("several times of the day in one rule have no counterpart in DingTalk")
    return rule


def _daily(rule: Rule, day: dt.date) -> Pattern:
    """Write DAILY, or DAILY;BYDAY as the weekly rule that it is."""
    if rule.by_month or rule.by_month_day or rule.by_set_pos:
        _refuse("a daily rule limited by months, dates or positions has no counterpart in DingTalk")
    if not rule.by_day:
        return {"type": "daily", "interval": rule.interval}
    if rule.interval > 1:
        _refuse("every n-th day limited to weekdays has no counterpart in DingTalk")
    return _weekly(rule, day)


def _weekly(rule: Rule, day: dt.date) -> Pattern:
    """Write WEEKLY with its weekdays, the start's own among them."""
    if rule.by_month or rule.by_month_day or rule.by_set_pos or any(nth.nth for nth in rule.by_day):
        _refuse("a weekly rule limited by months, dates or positions has no counterpart in DingTalk")
    listed = sorted({int(nth.day) for nth in rule.by_day} or {day.weekday()})
    if day.weekday() not in listed:
        _refuse("the first occurrence is not on a weekday of its own rule")
    return {
        "type": "weekly",
        "interval": rule.interval,
        "daysOfWeek": ",".join(WEEKDAYS[weekday] for weekday in listed),
    }


def _monthly(rule: Rule, day: dt.date) -> Pattern:
    """Write MONTHLY on one day up to the 28th, or on the nth weekday."""
    if rule.by_month:
        _refuse("a monthly rule limited to some months has no counterpart in DingTalk")
    if rule.by_day:
        if rule.by_month_day:
            _refuse("weekdays that fall on given dates have no counterpart in DingTalk")
        return _relative(rule, day, rule.interval)
    if rule.by_set_pos or len(rule.by_month_day) > 1:
        _refuse("several days of a month in one rule have no counterpart in DingTalk")
    date = rule.by_month_day[0] if rule.by_month_day else day.day
    if not 1 <= date <= MONTH_DAY_MAX:
        _refuse(f"what DingTalk does on day {date} in shorter months is unknown")
    if date != day.day:
        _refuse("the first occurrence is not on the day of its own rule")
    return {"type": "absoluteMonthly", "interval": rule.interval, "dayOfMonth": date}


def _yearly(rule: Rule, day: dt.date) -> Pattern:
    """Write YEARLY on the start's date, or on the nth weekday of its month as every 12th month."""
    if rule.by_day:
        if rule.by_month != (day.month,) or rule.by_month_day:
            _refuse("the nth weekday of a year, or of several months, has no counterpart in DingTalk")
        if rule.interval * MONTHS > INTERVAL_MAX:
            _refuse(f"every {rule.interval} years is beyond DingTalk's {INTERVAL_MAX} months")
        return _relative(rule, day, rule.interval * MONTHS)
    if rule.by_month_day and not rule.by_month:
        _refuse("a date of every month in a yearly rule has no counterpart in DingTalk")
    if (
        rule.by_set_pos
        or rule.by_month not in {(), (day.month,)}
        or rule.by_month_day not in {(), (day.day,)}
    ):
        _refuse("a yearly rule on other dates than its start has no counterpart in DingTalk")
    if (day.month, day.day) == (2, 29):
        _refuse("what DingTalk does on 29 February in other years is unknown")
    return {"type": "absoluteYearly", "interval": rule.interval, "dayOfMonth": day.day}


def _relative(rule: Rule, day: dt.date, interval: int) -> Pattern:
    """Write the nth weekday of a month; ``BYDAY=XX;BYSETPOS=k`` is the same as ``BYDAY=kXX``."""
    if len(rule.by_day) != 1 or len(rule.by_set_pos) > 1:
        _refuse("several weekdays in a monthly rule have no unambiguous counterpart in DingTalk")
    named = rule.by_day[0]
    if bool(named.nth) == bool(rule.by_set_pos):
        _refuse("every such weekday of a month has no counterpart in DingTalk")
    nth = named.nth or rule.by_set_pos[0]
    if nth not in LIMITS.series.nth_weekday:
        _refuse("DingTalk knows the first to fourth and the last weekday of a month")
    if day not in series.in_month((NthDay(named.day, nth),), day.year, day.month):
        _refuse("the first occurrence is not on the weekday of its own rule")
    return {
        "type": "relativeMonthly",
        "interval": interval,
        "index": INDEXES[nth],
        "daysOfWeek": WEEKDAYS[named.day],
    }


def _range(rule: Rule, start: Moment, *, has_holes: bool) -> Range:
    """Return the range: a number where that is exact.

    Whether the number counts deleted occurrences is unknown (reference 12.14), so a series with holes has a date.
    """
    if rule.count is None and rule.until is None:
        return {"type": "noEnd"}
    if rule.count is not None and rule.count <= COUNT_MAX and not has_holes:
        return {"type": "numbered", "numberOfOccurrences": rule.count}
    starts = series.occurrences(rule, start)
    # The last one and how many there were, without keeping all of them.
    last = deque(enumerate(starts, start=1), maxlen=1)
    made, final = last[0] if last else (1, start)
    if made <= COUNT_MAX and not (has_holes and made > 1):
        return {"type": "numbered", "numberOfOccurrences": made}
    if made >= series.OCCURRENCES_MAX:
        _refuse(f"the rule has more than {series.OCCURRENCES_MAX} occurrences")
    return {"type": "endDate", "endDate": _end_date(final)}


def _is_cut(rule: Rule, span: Range) -> bool:
    """Return whether a rule names occurrences beyond the last year that is expanded."""
    if span["type"] != "endDate":
        return False
    final = parse_date(span["endDate"])
    until = rule.until
    return (until is not None and until.year > series.YEAR_LAST) or (
        until is None and final is not None and final.year >= series.YEAR_LAST
    )


def _end_date(final: Moment) -> str:
    """Return ``endDate`` for the last occurrence."""
    if isinstance(final, dt.datetime):
        return stamp(dt.datetime.combine(final.date(), LAST_SECOND, tzinfo=final.tzinfo))
    return stamp(dt.datetime.combine(final, NOON, tzinfo=dt.UTC))


def _refuse(why: str) -> NoReturn:
    """Refuse a rule."""
    msg = f"{why}; split the series or make single events"
    raise Inexpressible(msg)


_WRITERS: Final[dict[Freq, Callable[[Rule, dt.date], Pattern]]] = {
    Freq.DAILY: _daily,
    Freq.WEEKLY: _weekly,
    Freq.MONTHLY: _monthly,
    Freq.YEARLY: _yearly,
}


# ---- reading ---------------------------------------------------------------------------------------------


def decode_rule(recurrence: Mapping[str, Any], start: Moment) -> Rule | None:
    """Read ``recurrence``; None for a pattern that nobody knows.

    Parts that do not belong to the pattern's type are ignored: samples fill all of them.
    """
    pattern = part(recurrence, "pattern")
    day = start.date() if isinstance(start, dt.datetime) else start
    count, until = _end(part(recurrence, "range"), start)
    interval = min(max(number(pattern, "interval") or 1, 1), 100 * INTERVAL_MAX)
    named = _weekdays(pattern)
    kind = text(pattern, "type").strip().lower()
    week_start = _week_start(pattern, weekly=kind == "weekly")
    rule = Rule(freq=Freq.DAILY, interval=interval, count=count, until=until, week_start=week_start)
    match kind:
        case "daily":
            return rule
        case "weekly":
            listed = named or (Weekday(day.weekday()),)
            return replace(rule, freq=Freq.WEEKLY, by_day=tuple(NthDay(weekday) for weekday in listed))
        case "absolutemonthly":
            date = number(pattern, "dayOfMonth")
            by_month_day = (date,) if date is not None and 1 <= date <= 31 else (day.day,)
            return replace(rule, freq=Freq.MONTHLY, by_month_day=by_month_day)
        case "absoluteyearly":
            return replace(rule, freq=Freq.YEARLY)
        case "relativemonthly":
            return replace(rule, freq=Freq.MONTHLY, **_nth(pattern, named, day))
        case "relativeyearly":
            return replace(rule, freq=Freq.YEARLY, by_month=(day.month,), **_nth(pattern, named, day))
        case _:
            return None


def _nth(pattern: Mapping[str, Any], named: tuple[Weekday, ...], day: dt.date) -> dict[str, Any]:
    """Return BYDAY, and BYSETPOS where several weekdays share one index."""
    own = (day.day - 1) // 7 + 1
    nth = _ORDINALS.get(text(pattern, "index").strip().lower(), own if own in INDEXES else -1)
    if len(named) > 1:
        return {"by_day": tuple(NthDay(weekday) for weekday in named), "by_set_pos": (nth,)}
    return {"by_day": (NthDay(named[0] if named else Weekday(day.weekday()), nth),)}


def _weekdays(pattern: Mapping[str, Any]) -> tuple[Weekday, ...]:
    """Read ``daysOfWeek``: one text with commas (or, like its ancestor in Graph, a list)."""
    value = pattern.get("daysOfWeek")
    words = value if isinstance(value, list) else text(pattern, "daysOfWeek").split(",")
    folded = {str(word).strip().lower() for word in words}
    return tuple(Weekday(index) for index, name in enumerate(WEEKDAYS) if name in folded)


def _week_start(pattern: Mapping[str, Any], *, weekly: bool) -> Weekday:
    """Read ``firstDayOfWeek``; the vendor's default is Sunday, and it matters to weekly rules only."""
    name = text(pattern, "firstDayOfWeek").strip().lower()
    if name in WEEKDAYS:
        return Weekday(WEEKDAYS.index(name))
    return Weekday.SU if weekly else Weekday.MO


def _end(span: Mapping[str, Any], start: Moment) -> tuple[int | None, Moment | None]:
    """Read ``range`` as (COUNT, UNTIL); the type decides which part counts."""
    kind = text(span, "type").strip().lower()
    count = number(span, "numberOfOccurrences")
    counted = count if count is not None and count >= 1 else None
    if kind == "numbered" and counted is not None:
        return counted, None
    if kind == "noend":
        return None, None
    until = _until(text(span, "endDate"), start)
    if until is not None:
        return None, until
    return (None, None) if kind else (counted, None)


def _until(written: str, start: Moment) -> Moment | None:
    """Read ``endDate`` as an inclusive date in the event's zone: UTC for timed series, a date for all-day."""
    stamped = parse_stamp(written) if len(written.strip()) > len("yyyy-MM-dd") else None
    day = parse_date(written)
    if day is None:
        return None
    if not isinstance(start, dt.datetime):
        return max(day, start)
    if stamped is not None and stamped.tzinfo is not None:
        day = stamped.astimezone(start.tzinfo).date()
    last = dt.datetime.combine(max(day, start.date()), LAST_SECOND, tzinfo=start.tzinfo)
    return last.astimezone(dt.UTC)

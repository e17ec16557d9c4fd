"""RRULE as text and as a value (RFC 5545 section 3.3.10), and the bounds within which a rule is worked out."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from bridge.errors import BadInput, Inexpressible
from bridge.ical.values import YEAR_MAX, YEAR_MIN, Stamp, date_text, parse_stamp, utc_text
from bridge.model import fidelity
from bridge.model.recurrence import Freq, Moment, NthDay, Rule, Weekday

if TYPE_CHECKING:
    from collections.abc import Mapping

INTERVAL_MAX: Final = 1_000_000
"""Largest INTERVAL, in units of FREQ. Our own bound; DAILY with it spans 2,700 years."""

COUNT_MAX: Final = 10_000_000
"""Largest COUNT that is read. Our own bound."""

TIMES_PER_DAY_MAX: Final = 288
"""Most occurrences on one day: every five minutes. Our own bound against rules that only burn time."""

SUB_DAILY_MAX: Final = 100_000
"""Most steps between DTSTART and the end of an HOURLY, MINUTELY or SECONDLY rule. Our own bound."""

LIST_MAX: Final = 400
"""Most values in one BY part: BYYEARDAY can name 366 days and is the longest."""

_SUB_DAILY: Final[Mapping[Freq, int]] = {Freq.SECONDLY: 1, Freq.MINUTELY: 60, Freq.HOURLY: 3600}
"""Seconds in one step of the frequencies below a day."""

_LISTS: Final[Mapping[str, tuple[str, int, int]]] = {
    "BYMONTHDAY": ("by_month_day", -31, 31),
    "BYMONTH": ("by_month", 1, 12),
    "BYSETPOS": ("by_set_pos", -366, 366),
    "BYYEARDAY": ("by_year_day", -366, 366),
    "BYWEEKNO": ("by_week_no", -53, 53),
    "BYHOUR": ("by_hour", 0, 23),
    "BYMINUTE": ("by_minute", 0, 59),
    "BYSECOND": ("by_second", 0, 60),
}
"""Part -> (field of Rule, smallest, largest value); 0 is no value where the smallest is negative."""

_OMITTED: Final = frozenset({"OMIT", ""})


def rule_from_text(
    text: str, *, start: Moment | None = None, where: str = "RRULE", floating: dt.tzinfo = dt.UTC
) -> Rule:
    """Return the rule that ``text`` (the value of an RRULE) states.

    ``start`` is DTSTART: UNTIL becomes a date for an all-day start and an aware UTC time otherwise. An UNTIL
    without a zone is read in the zone of ``start``; an UNTIL that is a DATE includes the whole day of a timed
    series; a DATE-TIME ends an all-day series on its date: the one in the zone ``floating`` if it is midnight there
    (so some write a local day in UTC), else as written. Without ``start`` UNTIL keeps its own kind.
    ``where`` names the property in messages. Raises BadInput for what is no rule, and Inexpressible for RSCALE.
    """
    parts = _parts(text, where)
    _check_parts(parts, where)
    freq_text = parts.pop("FREQ", "")
    try:
        freq = Freq(freq_text)
    except ValueError:
        msg = f"{where} has no FREQ that RFC 5545 knows."
        raise BadInput(msg) from None
    lists = {
        field: _numbers(parts[part], where, part, low, high)
        for part, (field, low, high) in _LISTS.items()
        if part in parts
    }
    by_second = tuple(sorted({min(second, 59) for second in lists.pop("by_second", ())}))
    if "COUNT" in parts and "UNTIL" in parts:
        msg = f"{where} has both COUNT and UNTIL; they exclude each other (RFC 5545 3.3.10)."
        raise BadInput(msg)
    return Rule(
        freq=freq,
        interval=_number(parts.get("INTERVAL", "1"), where, "INTERVAL", 1, INTERVAL_MAX),
        count=_number(parts["COUNT"], where, "COUNT", 1, COUNT_MAX) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"], start, where, floating) if "UNTIL" in parts else None,
        by_day=_days(parts["BYDAY"], where) if "BYDAY" in parts else (),
        week_start=_weekday(parts.get("WKST", "MO"), where),
        by_second=by_second,
        **lists,
    )


def rule_to_text(rule: Rule) -> str:
    """Return the value of an RRULE: parts in a fixed order, so that equal rules give equal text."""
    parts = [f"FREQ={rule.freq}"]
    if rule.until is not None:
        is_time = isinstance(rule.until, dt.datetime)
        parts.append(f"UNTIL={utc_text(rule.until) if is_time else date_text(rule.until)}")  # type: ignore[arg-type]
    if rule.count is not None:
        parts.append(f"COUNT={rule.count}")
    if rule.interval != 1:
        parts.append(f"INTERVAL={rule.interval}")
    for part, values in (
        ("BYMONTH", rule.by_month),
        ("BYWEEKNO", rule.by_week_no),
        ("BYYEARDAY", rule.by_year_day),
        ("BYMONTHDAY", rule.by_month_day),
    ):
        if values:
            parts.append(f"{part}={','.join(map(str, values))}")
    if rule.by_day:
        parts.append("BYDAY=" + ",".join(f"{day.nth or ''}{day.day.name}" for day in rule.by_day))
    for part, values in (
        ("BYHOUR", rule.by_hour),
        ("BYMINUTE", rule.by_minute),
        ("BYSECOND", rule.by_second),
        ("BYSETPOS", rule.by_set_pos),
    ):
        if values:
            parts.append(f"{part}={','.join(map(str, values))}")
    if rule.week_start is not Weekday.MO:
        parts.append(f"WKST={rule.week_start.name}")
    return ";".join(parts)


def check_bounds(rule: Rule, start: Moment, where: str = "RRULE") -> None:
    """Raise Inexpressible for a rule that is legal and that no calendar here can show.

    That is: a rule below a day without an end, or with very many steps to its end; a very full day.
    """
    per_day = max(len(rule.by_hour), 1) * max(len(rule.by_minute), 1) * max(len(rule.by_second), 1)
    if per_day > TIMES_PER_DAY_MAX:
        msg = f"{where} asks for more than {TIMES_PER_DAY_MAX} occurrences a day; no calendar here can hold that."
        raise Inexpressible(msg)
    step_s = _SUB_DAILY.get(rule.freq)
    if step_s is None:
        return
    if not isinstance(start, dt.datetime):
        msg = f"{where} repeats an all-day event more often than daily, which RFC 5545 3.3.10 forbids."
        raise BadInput(msg)
    if rule.count is None and rule.until is None:
        fidelity.refuse("RRULE.endless", where=where, freq=rule.freq.lower())
    steps = rule.count or 0
    if isinstance(rule.until, dt.datetime):
        steps = int((rule.until - start).total_seconds()) // (step_s * rule.interval)
    if steps > SUB_DAILY_MAX:
        msg = f"{where} repeats {rule.freq.lower()} more than {SUB_DAILY_MAX} times; use a daily rule."
        raise Inexpressible(msg)


def _parts(text: str, where: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for piece in text.strip().split(";"):
        if not piece.strip():
            continue
        key, equals, value = piece.partition("=")
        key = key.strip().upper()
        if not equals or not key:
            msg = f"{where} has a part without a value."
            raise BadInput(msg)
        if key in parts:
            msg = f"{where} names a part twice."
            raise BadInput(msg)
        parts[key] = value.strip().upper()
    return parts


def _check_parts(parts: dict[str, str], where: str) -> None:
    """Take away what RFC 7529 adds as far as it changes nothing; refuse what is not known."""
    if parts.pop("RSCALE", "GREGORIAN") != "GREGORIAN":
        fidelity.refuse("RRULE.RSCALE", where=where)
    if parts.pop("SKIP", "") not in _OMITTED:
        fidelity.refuse("RRULE.SKIP", where=where)
    known = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST", *_LISTS}
    for key in [key for key in parts if key not in known]:
        if not key.startswith("X-"):
            msg = f"{where} has a part that RFC 5545 does not know."
            raise BadInput(msg)
        del parts[key]


def _number(text: str, where: str, part: str, low: int, high: int) -> int:
    digits = text[1:] if text[:1] in {"+", "-"} else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(COUNT_MAX))):
        msg = f"{where}: {part} is not a number that fits."
        raise BadInput(msg)
    value = int(text)
    if not low <= value <= high or (low < 0 and value == 0):
        msg = f"{where}: {part} is outside of {low}..{high}."
        raise BadInput(msg)
    return value


def _numbers(text: str, where: str, part: str, low: int, high: int) -> tuple[int, ...]:
    values = {_number(item.strip(), where, part, low, high) for item in text.split(",") if item.strip()}
    if not values or len(values) > LIST_MAX:
        msg = f"{where}: {part} names no value, or more than {LIST_MAX}."
        raise BadInput(msg)
    return tuple(sorted(values))


def _weekday(text: str, where: str) -> Weekday:
    try:
        return Weekday[text]
    except KeyError:
        msg = f"{where} names a weekday that does not exist."
        raise BadInput(msg) from None


def _days(text: str, where: str) -> tuple[NthDay, ...]:
    days: set[NthDay] = set()
    for item in (piece.strip() for piece in text.split(",")):
        if not item:
            continue
        nth = _number(item[:-2], where, "BYDAY", -53, 53) if len(item) > 2 else 0
        days.add(NthDay(_weekday(item[-2:], where), nth))
    if not days:
        msg = f"{where}: BYDAY names no day."
        raise BadInput(msg)
    return tuple(sorted(days))


def _until(text: str, start: Moment | None, where: str, floating: dt.tzinfo) -> Moment:
    if text.startswith("9999"):  # "for ever" as some clients write it
        text = f"{YEAR_MAX}{text[4:]}"
    elif text.startswith(("0000", "0001")):
        text = f"{YEAR_MIN:04d}{text[4:]}"
    try:
        return _until_like(parse_stamp(text), start, floating)
    except ValueError as error:
        msg = f"{where}: UNTIL {error}."
        raise BadInput(msg) from None


def _until_like(stamp: Stamp, start: Moment | None, floating: dt.tzinfo) -> Moment:
    if start is None:
        return stamp.day if stamp.time is None else stamp.at(dt.UTC)
    if not isinstance(start, dt.datetime):
        return stamp.day_in(floating)
    if stamp.time is None:
        stamp = stamp._replace(time=dt.time(23, 59, 59))
    return stamp.at(start.tzinfo or dt.UTC).astimezone(dt.UTC)

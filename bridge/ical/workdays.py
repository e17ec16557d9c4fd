"""Working days of mainland China: public holidays, and weekend days that are worked instead, from dated data.

The State Council announces each year's days late in the year before. A year without an announcement is told as such and
counts Monday to Friday.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import BadInput
from bridge.ical.values import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

SATURDAY: Final = 5
DAY: Final = dt.timedelta(days=1)
HOLIDAY_DAYS_MAX: Final = 31
"""Longest holiday that is believed; more is a slip of the pen."""
SERIES_DAYS_MAX: Final = 400
"""Longest series of working days, from its first day (days)."""
_EOL: Final = "\r\n"
_ZONE: Final = _EOL.join(
    (
        "BEGIN:VTIMEZONE",
        "TZID:Asia/Shanghai",
        "BEGIN:STANDARD",
        "DTSTART:19700101T000000",
        "TZOFFSETFROM:+0800",
        "TZOFFSETTO:+0800",
        "TZNAME:CST",
        "END:STANDARD",
        "END:VTIMEZONE",
        "",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """One holiday of one year, first and last day included."""

    zh: str
    en: str
    first: dt.date
    last: dt.date
    work: tuple[dt.date, ...]

    def days(self) -> Iterator[dt.date]:
        """Yield each day off."""
        for number in range((self.last - self.first).days + 1):
            yield self.first + number * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """What was announced for one year."""

    year: int
    announced: dt.date
    holidays: tuple[Holiday, ...]


class Workdays:
    """What is known of working days."""

    def __init__(self, years: tuple[Year, ...]) -> None:
        self.years = {one.year: one for one in years}
        every = [holiday for one in years for holiday in one.holidays]
        self._off = {day for holiday in every for day in holiday.days()}
        self._work = {day for holiday in every for day in holiday.work}

    def is_announced(self, year: int) -> bool:
        """Return whether a year's days are known."""
        return year in self.years

    def is_working(self, day: dt.date) -> bool:
        """Return whether people work on a day."""
        return day in self._work or (day.weekday() < SATURDAY and day not in self._off)

    def exceptions(self, first: dt.date, last: dt.date) -> tuple[list[dt.date], list[dt.date]]:
        """Return (weekdays off, weekend days worked) from ``first`` to ``last``, both included."""
        days = [first + number * DAY for number in range((last - first).days + 1)]
        return (
            [day for day in days if day.weekday() < SATURDAY and not self.is_working(day)],
            [day for day in days if day.weekday() >= SATURDAY and self.is_working(day)],
        )

    def unannounced(self, today: dt.date) -> list[int]:
        """Return which of this year and the next nobody has announced, as far as the data knows."""
        return [year for year in (today.year, today.year + 1) if not self.is_announced(year)]

    def texts(self, today: dt.date) -> Iterator[str]:
        """Yield one calendar text for each holiday, each make-up day, and each year that is not announced."""
        for one in self.years.values():
            for holiday in one.holidays:
                yield _all_day(holiday.first, holiday.last, f"{holiday.zh} 放假 {holiday.en}", one.announced)
                for day in holiday.work:
                    yield _all_day(day, day, f"{holiday.zh} 补班 Work day ({holiday.en})", one.announced)
        for year in self.unannounced(today):
            new_year = dt.date(year, 1, 1)
            words = f"{year} 年放假安排未收录 Holidays of {year} not announced"
            yield _all_day(new_year, new_year, words, new_year)


def read(text: str) -> Workdays:
    """Read the data. Raises BadInput with the year and what is wrong with it."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"the data of working days is not TOML: {error}"
        raise BadInput(msg) from error
    return Workdays(tuple(_year(name, value) for name, value in sorted(data.items())))


def _year(name: str, value: Any) -> Year:
    try:
        number = int(name)
        holidays = tuple(
            Holiday(
                zh=str(one["zh"]),
                en=str(one["en"]),
                first=_day(one["first"]),
                last=_day(one["last"]),
                work=tuple(_day(day) for day in one["work"]),
            )
            for one in value["holidays"]
        )
        made = Year(year=number, announced=_day(value["announced"]), holidays=holidays)
    except (KeyError, TypeError, ValueError) as error:
        msg = f"working days of {name}: a year has `announced` and `holidays` with zh, en, first, last, work; see china.toml"
        raise BadInput(msg) from error
    for holiday in holidays:
        if not 0 <= (holiday.last - holiday.first).days < HOLIDAY_DAYS_MAX:
            msg = f"working days of {name}: {holiday.en} ends before it begins, or is longer than {HOLIDAY_DAYS_MAX} days"
            raise BadInput(msg)
        odd = [day for day in holiday.work if day.weekday() < SATURDAY]
        if odd:
            msg = f"working days of {name}: {odd[0]} is no weekend day, so nobody makes up for anything on it"
            raise BadInput(msg)
    return made


def _day(value: object) -> dt.date:
    if isinstance(value, dt.datetime) or not isinstance(value, dt.date):
        raise TypeError
    return value


def _all_day(first: dt.date, last: dt.date, title: str, stamp: dt.date) -> str:
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Queqiao//workdays//ZH",
        "BEGIN:VEVENT",
        f"UID:workday-{first:%Y%m%d}@queqiao.invalid",
        f"DTSTAMP:{stamp:%Y%m%d}T000000Z",
        f"DTSTART;VALUE=DATE:{first:%Y%m%d}",
        f"DTEND;VALUE=DATE:{last + DAY:%Y%m%d}",
        f"SUMMARY:{escape(title)}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    )
    return _EOL.join(lines)


def series(
    workdays: Workdays,
    *,
    uid: str,
    title: str,
    first: dt.date,
    last: dt.date,
    start: dt.time,
    end: dt.time,
    stamp: dt.datetime,
) -> str:
    """Return an event on every working day from ``first`` to ``last``, in Chinese time, as one calendar text.

    Monday to Friday by rule, holidays as EXDATE, make-up days as RDATE (RFC 5545 3.8.5). Raises BadInput.
    """
    if not 0 <= (last - first).days < SERIES_DAYS_MAX:
        msg = f"a series of working days ends after it begins, and within {SERIES_DAYS_MAX} days"
        raise BadInput(msg, http_status=400)
    if end <= start:
        msg = "the event ends before it begins"
        raise BadInput(msg, http_status=400)
    while first <= last and (first.weekday() >= SATURDAY or not workdays.is_working(first)):
        first += DAY  # the first occurrence is part of the rule (RFC 5545 3.8.5.3)
    if first > last:
        msg = "there is no working day, Monday to Friday, between these days"
        raise BadInput(msg, http_status=400)
    off, extra = workdays.exceptions(first, last)

    def at(day: dt.date, clock: dt.time) -> str:
        return f"{day:%Y%m%d}T{clock:%H%M%S}"

    until = dt.datetime.combine(last, start, dt.timezone(dt.timedelta(hours=8))).astimezone(dt.UTC)
    lines = [
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{stamp:%Y%m%dT%H%M%SZ}",
        f"DTSTART;TZID=Asia/Shanghai:{at(first, start)}",
        f"DTEND;TZID=Asia/Shanghai:{at(first, end)}",
        f"RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;UNTIL={until:%Y%m%dT%H%M%SZ}",
        *(f"EXDATE;TZID=Asia/Shanghai:{at(day, start)}" for day in off),
        *(f"RDATE;TZID=Asia/Shanghai:{at(day, start)}" for day in extra),
        f"SUMMARY:{escape(title)}",
        "END:VEVENT",
    ]
    head = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Queqiao//workdays//ZH", "")
    return f"{_EOL.join(head)}{_ZONE}{_EOL.join(lines)}{_EOL}END:VCALENDAR{_EOL}"

"""When a series takes place, under every reading."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from dateutil import rrule

from bridge.simulator.wecom import recurrence
from bridge.simulator.wecom.recurrence import Reading
from bridge.simulator.wecom.state import Content, Reminders, Schedule

CHINA = dt.timezone(dt.timedelta(hours=8))


def moment(year: int, month: int, day: int, hour: int = 10, minute: int = 0, offset: int = 8) -> int:
    zone = dt.timezone(dt.timedelta(hours=offset))
    return int(dt.datetime(year, month, day, hour, minute, tzinfo=zone).timestamp())


def days(
    content: Content, how: Reading | None = None, end: int = moment(2030, 1, 1), excluded=()
) -> list[str]:
    schedule = Schedule(schedule_id="s", cal_id="c", agent_id=1, content=content, excluded=list(excluded))
    offset = dt.timezone(dt.timedelta(hours=content.reminders.timezone))
    found = recurrence.starts(schedule, how or Reading(), begin=0, end=end)
    return [dt.datetime.fromtimestamp(start, offset).strftime("%Y-%m-%d") for start in found]


def series(start: int, **rule) -> Content:
    return Content(start=start, end=start + 3600, reminders=Reminders(is_repeat=1, **rule))


def test_a_single_schedule_occurs_once() -> None:
    assert days(Content(start=moment(2026, 1, 5), end=moment(2026, 1, 6))) == ["2026-01-05"]


def test_daily_with_and_without_an_interval() -> None:
    until = moment(2026, 1, 9)
    assert days(series(moment(2026, 1, 5), repeat_until=until)) == [
        f"2026-01-0{day}" for day in (5, 6, 7, 8, 9)
    ]
    stepped = series(moment(2026, 1, 5), repeat_until=until, is_custom=1, interval=2)
    assert days(stepped) == ["2026-01-05", "2026-01-07", "2026-01-09"]
    assert len(days(stepped, Reading(interval="week_month"))) == 5


def test_an_interval_without_the_custom_flag_does_nothing() -> None:
    assert len(days(series(moment(2026, 1, 5), repeat_until=moment(2026, 1, 9), interval=2))) == 5


def test_weekly_by_the_start_or_by_named_days() -> None:
    until = moment(2026, 1, 31)
    assert days(series(moment(2026, 1, 8), repeat_type=1, repeat_until=until)) == [
        "2026-01-08",
        "2026-01-15",
        "2026-01-22",
        "2026-01-29",
    ]
    named = series(
        moment(2026, 1, 5), repeat_type=1, repeat_until=until, is_custom=1, interval=2, weekdays=(1, 7)
    )
    assert days(named) == ["2026-01-05", "2026-01-11", "2026-01-19", "2026-01-25"]


def test_the_week_may_start_on_sunday() -> None:
    named = series(
        moment(2026, 1, 5),
        repeat_type=1,
        repeat_until=moment(2026, 1, 31),
        is_custom=1,
        interval=2,
        weekdays=(1, 7),
    )
    assert days(named, Reading(week_start="sunday")) == ["2026-01-05", "2026-01-18", "2026-01-19"]


def test_a_start_off_the_pattern_is_skipped_or_one_more() -> None:
    rule = {
        "repeat_type": 1,
        "repeat_until": moment(2026, 1, 20),
        "is_custom": 1,
        "interval": 1,
        "weekdays": (3,),
    }
    assert days(series(moment(2026, 1, 5), **rule)) == ["2026-01-07", "2026-01-14"]
    assert days(series(moment(2026, 1, 5), **rule), Reading(off_pattern="included"))[0] == "2026-01-05"


def test_monthly_on_days_that_some_months_lack() -> None:
    rule = {"repeat_type": 2, "repeat_until": moment(2026, 5, 31)}
    start = moment(2026, 1, 31)
    assert days(series(start, **rule)) == ["2026-01-31", "2026-03-31", "2026-05-31"]
    assert days(series(start, **rule), Reading(short_month="clamp")) == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
    ]
    named = series(moment(2026, 1, 10), **rule, is_custom=1, interval=2, monthdays=(10, 30, 31))
    assert days(named) == ["2026-01-10", "2026-01-30", "2026-01-31", "2026-03-10", "2026-03-30", "2026-03-31",
                           "2026-05-10", "2026-05-30", "2026-05-31"]  # fmt: skip


def test_yearly_and_the_leap_day() -> None:
    start = moment(2024, 2, 29)
    assert days(series(start, repeat_type=5), end=moment(2033, 1, 1)) == [
        "2024-02-29",
        "2028-02-29",
        "2032-02-29",
    ]
    clamped = days(series(start, repeat_type=5), Reading(short_month="clamp"), end=moment(2027, 1, 1))
    assert clamped == ["2024-02-29", "2025-02-28", "2026-02-28"]
    every_other = series(moment(2024, 5, 1), repeat_type=5, is_custom=1, interval=2)
    assert days(every_other) == ["2024-05-01", "2026-05-01", "2028-05-01"]


def test_workdays_with_and_without_holidays() -> None:
    week = series(moment(2026, 5, 4), repeat_type=7, repeat_until=moment(2026, 5, 10))
    assert days(week) == [f"2026-05-0{day}" for day in (4, 5, 6, 7, 8)]
    assert days(week, Reading(workdays="holidays")) == [f"2026-05-0{day}" for day in (6, 7, 8, 9)]


def test_the_days_are_those_of_the_schedules_own_offset() -> None:
    """23:30 on a Thursday at +0 is a Friday in China."""
    start = moment(2026, 1, 8, 23, 30, offset=0)
    rule = {
        "repeat_type": 1,
        "repeat_until": start + 8 * 86400,
        "is_custom": 1,
        "interval": 1,
        "weekdays": (4,),
    }
    assert len(days(series(start, **rule, timezone=0))) == 2
    assert days(series(start, **{**rule, "weekdays": (5,)}, timezone=8)) == ["2026-01-09", "2026-01-16"]
    west = moment(2026, 1, 1, 1, offset=-12)
    assert days(series(west, repeat_type=2, timezone=-12), end=west + 40 * 86400) == [
        "2026-01-01",
        "2026-02-01",
    ]


@pytest.mark.parametrize(
    ("until", "how", "count"),
    [
        (moment(2026, 1, 7, 10), "instant", 3),
        (moment(2026, 1, 7, 10) - 1, "instant", 2),
        (moment(2026, 1, 7, 10), "exclusive", 2),
        (moment(2026, 1, 7, 10) + 1, "exclusive", 3),
        (moment(2026, 1, 7, 0), "date", 3),
        (moment(2026, 1, 6, 23, 59), "date", 2),
        (moment(2026, 1, 7, 23, 59), "date", 3),
    ],
)
def test_the_last_occurrence_depends_on_the_reading_of_repeat_until(until, how, count) -> None:
    assert len(days(series(moment(2026, 1, 5), repeat_until=until), Reading(until=how))) == count


def test_removed_occurrences_do_not_take_place() -> None:
    rule = {"repeat_until": moment(2026, 1, 7)}
    gone = [moment(2026, 1, 6)]
    assert days(series(moment(2026, 1, 5), **rule), excluded=gone) == ["2026-01-05", "2026-01-07"]


def test_a_series_without_an_end_is_answered_window_by_window() -> None:
    content = series(moment(2026, 1, 5), repeat_type=2)
    late = list(
        recurrence.pattern_starts(content, Reading(), begin=moment(2099, 1, 1), end=moment(2099, 3, 1))
    )
    assert late == [moment(2099, 1, 5), moment(2099, 2, 5)]
    never = series(moment(2026, 2, 1), repeat_type=2, is_custom=1, interval=12, monthdays=(30,))
    assert list(recurrence.pattern_starts(never, Reading(), begin=0, end=2**33)) == []


WEEKDAYS = (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU)


@pytest.mark.parametrize("seed", range(60))
def test_the_expansion_agrees_with_an_rrule_library(seed) -> None:
    """The same series as an RRULE, where RRULE and WeCom mean the same: short months skipped, weeks from Monday."""
    dice = random.Random(seed)
    offset = dice.randint(-12, 12)
    zone = dt.timezone(dt.timedelta(hours=offset))
    first = dt.datetime(2026, 1, 1, dice.randint(0, 23), 30, tzinfo=zone) + dt.timedelta(
        days=dice.randint(0, 700)
    )
    until = first + dt.timedelta(days=dice.randint(0, 1500))
    step, kind = dice.randint(1, 4), dice.choice([0, 1, 2, 5, 7])
    rule = {"repeat_type": kind, "is_custom": 1, "interval": step, "timezone": offset}
    wanted = {"dtstart": first, "until": until, "interval": step, "wkst": rrule.MO}
    match kind:
        case 0:
            wanted["freq"] = rrule.DAILY
        case 1:
            days_of_week = sorted(dice.sample(range(1, 8), dice.randint(1, 7)))
            rule["weekdays"] = tuple(days_of_week)
            wanted |= {"freq": rrule.WEEKLY, "byweekday": [WEEKDAYS[day - 1] for day in days_of_week]}
        case 2:
            days_of_month = sorted(dice.sample(range(1, 32), dice.randint(1, 5)))
            rule["monthdays"] = tuple(days_of_month)
            wanted |= {"freq": rrule.MONTHLY, "bymonthday": days_of_month}
        case 5:
            wanted["freq"] = rrule.YEARLY
        case _:
            wanted |= {"freq": rrule.WEEKLY, "interval": 1, "byweekday": WEEKDAYS[:5]}
    start = int(first.timestamp())
    content = series(start, **rule, repeat_until=int(until.timestamp()))
    found = list(recurrence.pattern_starts(content, Reading(), begin=0, end=2**33))
    assert found == [int(item.timestamp()) for item in rrule.rrule(**wanted)]


def test_the_calendar_shows_all_occurrences_in_order(box, cal) -> None:
    first = 1767542400 + 86400 + 36000
    series_id = box.series(cal)
    single = box.add(cal, start_time=first + 60, end_time=first + 90, is_whole_day=0, summary="Short")
    gone = box.add(cal)
    box.ok("oa/schedule/del", {"schedule_id": gone})
    rows = box.act("calendar_occurrences", cal_id=cal, **{"from": first, "to": first + 86401})
    assert [(row["start"], row["end"], row["schedule_id"], row["summary"]) for row in rows] == [
        (first, first + 3600, series_id, "Talk"),
        (first + 60, first + 90, single, "Short"),
        (first + 86400, first + 90000, series_id, "Talk"),
    ]
    assert box.act("occurrences", schedule_id=series_id, **{"from": first, "to": first + 1}) == [
        [first, first + 3600]
    ]

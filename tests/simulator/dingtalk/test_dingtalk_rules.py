"""The simulator's own expansion against dateutil's, wherever RFC 5545 and DingTalk mean the same."""

from __future__ import annotations

import datetime as dt
import itertools
import random

import pytest
from dateutil import rrule

from bridge.simulator.dingtalk.recurrence import Reading, Rule, occurrences
from bridge.simulator.dingtalk.times import When

KINDS = ("daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly")
SHOWN = 40
"""Occurrences compared of each rule."""


def pair(kind: str, random_: random.Random) -> tuple[Rule, dt.date, rrule.rrule]:
    """Return a rule of ours whose start matches it, the start, and the same in dateutil's words."""
    first = dt.date(2024, 1, 1) + dt.timedelta(days=random_.randrange(1500))
    begin = dt.datetime.combine(first, dt.time())
    interval = random_.choice([1, 1, 2, 3, 5, 12])
    same = {"dtstart": begin, "interval": interval, "count": SHOWN}
    if kind == "daily":
        return Rule(kind=kind, interval=interval), first, rrule.rrule(rrule.DAILY, **same)
    if kind == "weekly":
        days = sorted({first.weekday(), *random_.sample(range(7), random_.randrange(4))})
        week = random_.randrange(7)
        ours = Rule(kind=kind, interval=interval, days=tuple(days), first_day=week)
        return ours, first, rrule.rrule(rrule.WEEKLY, byweekday=days, wkst=week, **same)
    if kind == "absoluteMonthly":
        ours = Rule(kind=kind, interval=interval, day_of_month=first.day)
        return ours, first, rrule.rrule(rrule.MONTHLY, bymonthday=first.day, **same)
    if kind == "absoluteYearly":
        return Rule(kind=kind, interval=interval), first, rrule.rrule(rrule.YEARLY, **same)
    number = (first.day - 1) // 7
    number = -1 if number == 4 else number
    day = rrule.weekday(first.weekday(), number + 1 if number >= 0 else -1)
    ours = Rule(kind=kind, interval=interval, days=(first.weekday(),), index=number)
    if kind == "relativeMonthly":
        return ours, first, rrule.rrule(rrule.MONTHLY, byweekday=day, **same)
    return ours, first, rrule.rrule(rrule.YEARLY, bymonth=first.month, byweekday=day, **same)


@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_rules_of_each_kind_fall_on_the_same_days(kind):
    random_ = random.Random(kind)
    for _ in range(100):
        ours, first, theirs = pair(kind, random_)
        wanted = [moment.date() for moment in theirs if moment.year <= 2120]
        mine = occurrences(ours, When(date=first), Reading(), frozenset())
        assert [when.date for when in itertools.islice(mine, len(wanted))] == wanted, (ours, first)

"""Chinese working days against the published arrangements, and series that keep to them."""

import datetime as dt
from importlib import resources

import pytest
import recurring_ical_events
from icalendar import Calendar

from bridge.errors import BadInput
from bridge.ical import parse, workdays
from bridge.ical.feed import feed

KNOWN = workdays.read((resources.files("bridge.ical") / "china.toml").read_text("utf-8"))
STAMP = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def days(first, last):
    first, last = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


def test_the_days_of_2026_are_those_the_state_council_announced():
    assert sum(not KNOWN.is_working(day) for day in days("2026-02-15", "2026-02-23")) == 9
    for worked in ("2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"):
        assert KNOWN.is_working(dt.date.fromisoformat(worked)), worked
    # 365 days, 33 days off of which 27 fell on what would be weekdays or were moved, 6 weekend days worked
    off = {d for year in (KNOWN.years[2026],) for h in year.holidays for d in h.days()}
    assert len(off) == 33
    assert all(not KNOWN.is_working(day) for day in off)


def test_each_make_up_day_is_a_weekend_day_and_none_is_a_holiday():
    for year in KNOWN.years.values():
        off = {day for holiday in year.holidays for day in holiday.days()}
        for holiday in year.holidays:
            for day in holiday.work:
                assert day.weekday() >= 5
                assert day not in off


def test_a_year_that_is_not_announced_is_marked_and_counts_monday_to_friday():
    today = dt.date(2026, 12, 1)
    assert KNOWN.unannounced(today) == [2027]
    assert KNOWN.is_working(dt.date(2027, 1, 4))
    assert not KNOWN.is_working(dt.date(2027, 1, 3))
    text = "".join(feed(KNOWN.texts(today), name="x", detail="full", ttl_minutes=60))
    calendar = Calendar.from_ical(text)
    titles = [str(event["SUMMARY"]) for event in calendar.walk("VEVENT")]
    assert any("2027" in title and "not announced" in title for title in titles)
    assert sum("补班" in title for title in titles) == 5 + 6


@pytest.mark.parametrize(
    ("first", "last"),
    [("2026-01-01", "2026-12-31"), ("2026-09-19", "2026-10-11"), ("2025-12-29", "2026-03-01")],
)
def test_a_series_shows_every_working_day_and_no_other(first, last):
    first, last = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    text = workdays.series(
        KNOWN,
        uid="u",
        title="站会; daily",
        first=first,
        last=last,
        start=dt.time(0, 30),
        end=dt.time(1),
        stamp=STAMP,
    )
    parse.parse(text.encode(), default_zone="Asia/Shanghai")
    shown = recurring_ical_events.of(Calendar.from_ical(text)).between(first, last + dt.timedelta(days=1))
    seen = sorted(event["DTSTART"].dt.date() for event in shown)
    begins = min(seen)
    wanted = [d for d in days(str(begins), str(last)) if KNOWN.is_working(d)]
    assert seen == wanted
    assert all(not KNOWN.is_working(d) or d.weekday() >= 5 for d in days(str(first), str(begins))[:-1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[2027", "not TOML"),
        ("[2027]\nholidays = []", "announced"),
        ('[2027]\nannounced = "x"\nholidays = []', "2027"),
        ('[2027]\nannounced = 2026-11-01\nholidays = [{zh="a", en="b", first=2027-02-05, last=2027-02-01, work=[]}]', "ends before"),
        ('[2027]\nannounced = 2026-11-01\nholidays = [{zh="a", en="b", first=2027-02-05, last=2027-02-06, work=[2027-02-08]}]', "weekend"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_says_what_is_wrong(text, words):
    with pytest.raises(BadInput, match=words):
        workdays.read(text)

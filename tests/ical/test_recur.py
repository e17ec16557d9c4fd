"""Recurrence sets: examples of RFC 5545 3.8.5.3, changes of offset, exceptions, and how far a series reaches."""

from __future__ import annotations

import dataclasses
import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from bridge.engine import api
from bridge.ical import recur
from bridge.ical.recur import FOREVER_MS, first_occurrences, occurrences, rule_from_text, span
from bridge.model.event import CalendarObject, Event
from bridge.model.recurrence import Moment, Recurrence

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def series(start: Moment, *rules: str, length: dt.timedelta | None = None, **more: object) -> Event:
    if length is None:
        length = HOUR if isinstance(start, dt.datetime) else DAY
    recurrence = Recurrence(
        rules=tuple(rule_from_text(rule, start=start) for rule in rules),
        rdates=more.get("rdates", ()),  # type: ignore[arg-type]
        exdates=more.get("exdates", ()),  # type: ignore[arg-type]
    )
    return Event(uid="u", start=start, end=start + length, recurrence=recurrence)


def days(moments: list[Moment]) -> str:
    return " ".join(f"{moment.month}/{moment.day}" for moment in moments)


@pytest.mark.parametrize(
    ("start", "rule", "expected"),
    [
        ((1997, 9, 2), "FREQ=DAILY;COUNT=5", "9/2 9/3 9/4 9/5 9/6"),
        ((1997, 9, 2), "FREQ=DAILY;INTERVAL=10;COUNT=5", "9/2 9/12 9/22 10/2 10/12"),
        (
            (1998, 1, 1),
            "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU",
            "1/1 1/4 1/11 1/18 1/25 1/3 1/10 1/17",
        ),
        (
            (1997, 9, 2),
            "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
            "9/2 9/4 9/16 9/18 9/30 10/2 10/14 10/16",
        ),
        ((1997, 9, 5), "FREQ=MONTHLY;COUNT=4;BYDAY=1FR", "9/5 10/3 11/7 12/5"),
        ((1997, 9, 7), "FREQ=MONTHLY;INTERVAL=2;COUNT=6;BYDAY=1SU,-1SU", "9/7 9/28 11/2 11/30 1/4 1/25"),
        ((1997, 9, 22), "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "9/22 10/20 11/17 12/22 1/19 2/16"),
        ((1997, 9, 28), "FREQ=MONTHLY;BYMONTHDAY=-3", "9/28 10/29 11/28 12/29 1/29 2/26 3/29 4/28"),
        ((1997, 9, 2), "FREQ=MONTHLY;COUNT=5;BYMONTHDAY=2,15", "9/2 9/15 10/2 10/15 11/2"),
        ((1997, 9, 30), "FREQ=MONTHLY;COUNT=6;BYMONTHDAY=1,-1", "9/30 10/1 10/31 11/1 11/30 12/1"),
        (
            (1997, 9, 10),
            "FREQ=MONTHLY;INTERVAL=18;COUNT=8;BYMONTHDAY=10,11,12",
            "9/10 9/11 9/12 3/10 3/11 3/12 9/10 9/11",
        ),
        ((1997, 6, 10), "FREQ=YEARLY;COUNT=4;BYMONTH=6,7", "6/10 7/10 6/10 7/10"),
        ((1997, 1, 1), "FREQ=YEARLY;INTERVAL=3;COUNT=6;BYYEARDAY=1,100,200", "1/1 4/10 7/19 1/1 4/9 7/18"),
        ((1997, 5, 19), "FREQ=YEARLY;BYDAY=20MO;COUNT=3", "5/19 5/18 5/17"),
        ((1997, 5, 12), "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3", "5/12 5/11 5/17"),
        ((1997, 5, 12), "FREQ=YEARLY;BYWEEKNO=20;COUNT=3", "5/12 5/11 5/17"),
        ((1998, 2, 13), "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=5", "2/13 3/13 11/13 8/13 10/13"),
        (
            (1996, 11, 5),
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
            "11/5 11/7 11/2",
        ),
        ((1997, 9, 4), "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "9/4 10/7 11/6"),
        ((1997, 9, 29), "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=4", "9/29 10/30 11/27 12/30"),
        ((1997, 8, 5), "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "8/5 8/10 8/19 8/24"),
        ((1997, 8, 5), "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "8/5 8/17 8/19 8/31"),
        ((2007, 1, 15), "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "1/15 1/30 2/15 3/15 3/30"),
        ((2024, 2, 29), "FREQ=YEARLY;COUNT=3", "2/29 2/29 2/29"),
        ((2026, 1, 31), "FREQ=MONTHLY;COUNT=4", "1/31 3/31 5/31 7/31"),
        ((2026, 1, 6), "FREQ=MONTHLY;BYDAY=MO,2TU;COUNT=7", "1/6 1/12 1/13 1/19 1/26 2/2 2/9"),
    ],
)
def test_the_rules_of_rfc_5545(start: tuple[int, int, int], rule: str, expected: str) -> None:
    first = dt.datetime(*start, 9, tzinfo=NEW_YORK)
    found = first_occurrences(series(first, rule), 8)
    assert days(found).startswith(expected)
    assert len(found) == len(expected.split()) or "COUNT" not in rule
    assert all(moment.hour == 9 for moment in found)
    assert days(first_occurrences(series(first.date(), rule), 8)) == days(found)


def test_a_start_out_of_step_with_its_rule_is_the_first_of_count() -> None:
    start = dt.datetime(2026, 1, 7, 9, tzinfo=BERLIN)  # a Wednesday
    assert days(first_occurrences(series(start, "FREQ=WEEKLY;BYDAY=MO;COUNT=3"), 9)) == "1/7 1/12 1/19"
    assert days(first_occurrences(series(start, "FREQ=WEEKLY;BYDAY=MO;UNTIL=20200101"), 9)) == "1/7"


def test_a_meeting_stays_at_its_hour_and_a_missing_hour_is_counted_from_before_the_gap() -> None:
    start = dt.datetime(2026, 3, 28, 2, 30, tzinfo=BERLIN)
    found = first_occurrences(series(start, "FREQ=DAILY;COUNT=3"), 3)
    assert [moment.astimezone(dt.UTC).hour for moment in found if isinstance(moment, dt.datetime)] == [
        1,
        1,
        0,
    ]
    autumn = dt.datetime(2026, 10, 24, 2, 30, tzinfo=BERLIN)
    found = first_occurrences(series(autumn, "FREQ=DAILY;COUNT=3"), 3)
    assert [moment.astimezone(dt.UTC).hour for moment in found if isinstance(moment, dt.datetime)] == [
        0,
        0,
        1,
    ]


def test_an_occurrence_never_ends_before_it_starts() -> None:
    start = dt.datetime(2026, 3, 28, 2, 30, tzinfo=BERLIN)
    obj = CalendarObject(uid="u", master=series(start, "FREQ=DAILY;COUNT=3", length=dt.timedelta(minutes=45)))
    shown = occurrences(obj, start - DAY, start + 5 * DAY, limit=9)
    assert [(one.end.timestamp() - one.start.timestamp()) / 60 for one in shown] == [45, 45, 45]  # type: ignore[union-attr]


def test_until_is_an_instant_and_includes_it() -> None:
    start = dt.datetime(2026, 3, 27, 23, tzinfo=NEW_YORK)
    last = first_occurrences(series(start, "FREQ=DAILY;UNTIL=20260330T030000Z"), 9)
    assert days(last) == "3/27 3/28 3/29"
    assert days(first_occurrences(series(start, "FREQ=DAILY;UNTIL=20260330T025959Z"), 9)) == "3/27 3/28"


def test_dates_are_added_taken_away_and_shown_once() -> None:
    start = dt.datetime(2026, 1, 5, 9, tzinfo=BERLIN)
    extra = dt.datetime(2026, 1, 5, 18, tzinfo=BERLIN)
    event = series(
        start,
        "FREQ=DAILY;COUNT=4",
        "FREQ=WEEKLY;COUNT=2",
        rdates=(start + DAY, extra.astimezone(dt.UTC)),
        exdates=((start + 2 * DAY).astimezone(dt.UTC), start + 40 * DAY),
    )
    assert [str(moment)[:16] for moment in first_occurrences(event, 9)] == [
        *("2026-01-05 09:00", "2026-01-05 17:00", "2026-01-06 09:00", "2026-01-08 09:00", "2026-01-12 09:00")
    ]


def test_overrides_replace_move_and_extend_the_series() -> None:
    start = dt.datetime(2026, 1, 5, 9, tzinfo=BERLIN)
    master = series(start, "FREQ=DAILY;COUNT=4", exdates=(start + 3 * DAY,))

    def override(at: dt.datetime, to: dt.datetime) -> Event:
        return Event(uid="u", recurrence_id=at, start=to, end=to + HOUR)

    overrides = (
        override(start + DAY, start + 10 * DAY),
        override(start + 3 * DAY, start + 11 * DAY),  # excluded: EXDATE wins
        override(start + 30 * DAY, start + 30 * DAY),  # of no occurrence: shown
    )
    obj = CalendarObject(uid="u", master=master, overrides=overrides)
    shown = occurrences(obj, start - DAY, start + 60 * DAY, limit=99)
    assert days([one.start for one in shown]) == "1/5 1/7 1/15 2/4"
    assert days([one.recurrence_id for one in shown]) == "1/5 1/7 1/6 2/4"  # type: ignore[list-item]
    assert [one.start for one in occurrences(obj, start, start + 60 * DAY, limit=2)] == [
        start,
        start + 2 * DAY,
    ]
    assert (
        occurrences(obj, start + 10 * DAY, start + 10 * DAY + HOUR, limit=9)[0].recurrence_id == start + DAY
    )


def test_this_and_future_moves_what_follows_until_the_next_override() -> None:
    start = dt.datetime(2026, 3, 20, 9, tzinfo=BERLIN)
    later = start + 2 * DAY
    ranged = Event(
        uid="u",
        recurrence_id=later,
        this_and_future=True,
        start=later.replace(hour=11),
        end=later.replace(hour=14),
    )
    single = Event(uid="u", recurrence_id=start + 4 * DAY, start=start + 4 * DAY, end=start + 4 * DAY + HOUR)
    obj = CalendarObject(uid="u", master=series(start, "FREQ=DAILY;COUNT=12"), overrides=(ranged, single))
    shown = occurrences(obj, start, start + 20 * DAY, limit=99)
    hours = [(one.start.hour, one.end.hour) for one in shown]  # type: ignore[union-attr]
    assert hours == [(9, 10)] * 2 + [(11, 14)] * 2 + [(9, 10)] + [(11, 14)] * 7
    assert span(obj)[1] >= shown[-1].end.timestamp() * 1000  # type: ignore[union-attr]


def test_a_window_takes_what_overlaps_it_and_all_day_in_its_own_zone() -> None:
    start = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)
    timed = CalendarObject(uid="u", master=Event(uid="u", start=start, end=start + HOUR))
    instant = CalendarObject(uid="u", master=Event(uid="u", start=start, end=start))
    assert occurrences(timed, start - HOUR, start, limit=9) == []
    assert occurrences(timed, start + HOUR, start + 2 * HOUR, limit=9) == []
    assert len(occurrences(timed, start + HOUR / 2, start + HOUR, limit=9)) == 1
    assert occurrences(timed, start, start + HOUR, limit=9)[0].recurrence_id is None
    assert len(occurrences(instant, start, start + HOUR, limit=9)) == 1
    assert occurrences(instant, start - HOUR, start, limit=9) == []
    day = CalendarObject(uid="u", master=Event(uid="u", start=dt.date(2026, 1, 5), end=dt.date(2026, 1, 6)))
    midnight = dt.datetime(2026, 1, 5, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert occurrences(day, midnight - HOUR, midnight, limit=9) == []
    assert len(occurrences(day, midnight - HOUR, midnight + HOUR, limit=9)) == 1
    assert (
        len(
            occurrences(
                day, dt.datetime.min.replace(tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC), limit=9
            )
        )
        == 1
    )


@pytest.mark.parametrize(
    ("event", "starts", "ends", "recurring"),
    [
        (series(dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)), "2026-01-05T09:00", "2026-01-05T10:00", False),
        (series(dt.date(2026, 1, 5)), "2026-01-04T10:00", "2026-01-06T14:00", False),
        (
            series(dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC), "FREQ=DAILY;COUNT=3"),
            "2026-01-05T09:00",
            "2026-01-07T10:00",
            True,
        ),
        (
            series(dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC), "FREQ=WEEKLY;UNTIL=20260131T000000Z"),
            "2026-01-05T09:00",
            "2026-01-26T10:00",
            True,
        ),
        (
            series(dt.date(2026, 1, 5), "FREQ=YEARLY;UNTIL=20301231"),
            "2026-01-04T10:00",
            "2030-01-06T14:00",
            True,
        ),
        (
            series(
                dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC),
                "FREQ=DAILY;COUNT=3",
                exdates=tuple(dt.datetime(2026, 1, day, 9, tzinfo=dt.UTC) for day in (5, 7)),
            ),
            "2026-01-06T09:00",
            "2026-01-06T10:00",
            True,
        ),
    ],
)
def test_the_span_is_from_the_first_to_the_last_occurrence(
    event: Event, starts: str, ends: str, *, recurring: bool
) -> None:
    found = span(CalendarObject(uid="u", master=event))
    assert (text(found[0]), text(found[1]), found[2]) == (starts, ends, recurring)


def text(milliseconds: int) -> str:
    return (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)).isoformat()[:16]


def test_the_span_covers_overrides_and_knows_series_without_an_end() -> None:
    start = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)
    early = Event(uid="u", recurrence_id=start, start=start - 9 * DAY, end=start - 8 * DAY)
    open_end = CalendarObject(uid="u", master=series(start, "FREQ=DAILY"), overrides=(early,))
    assert span(open_end) == (round((start - 9 * DAY).timestamp() * 1000), FOREVER_MS, True)
    assert api.FOREVER_MS == recur.FOREVER_MS
    alone = CalendarObject(uid="u", master=None, overrides=(early,))
    assert text(span(alone)[0]) == "2025-12-27T09:00"
    long = CalendarObject(uid="u", master=series(start, "FREQ=DAILY;COUNT=9999999"))
    assert span(long)[1] == FOREVER_MS


def test_extra_dates_alone_make_a_series() -> None:
    start = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)
    event = dataclasses.replace(series(start), recurrence=Recurrence(rdates=(start + DAY,)))
    obj = CalendarObject(uid="u", master=event)
    assert [one.recurrence_id for one in occurrences(obj, start, start + 3 * DAY, limit=9)] == [
        start,
        start + DAY,
    ]
    assert span(obj)[2]

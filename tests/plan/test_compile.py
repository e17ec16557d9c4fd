"""What the compiler makes of the series that people really have, item by item."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from bridge.errors import Inexpressible
from bridge.ical.rules import rule_from_text
from bridge.model.event import CalendarObject, Event, Status
from bridge.model.recurrence import Freq, NthDay, Recurrence, Rule, Weekday
from bridge.plan.compile import compile_object
from bridge.providers.dingtalk.limits import LIMITS as DINGTALK
from bridge.providers.wecom.limits import LIMITS as WECOM

DAY = dt.timedelta(days=1)
SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
NOW = dt.datetime(2026, 1, 1, 2, 0, tzinfo=dt.UTC)
HORIZON = NOW + 400 * DAY
MONDAY = dt.datetime(2026, 1, 5, 9, 0, tzinfo=SHANGHAI)

both = pytest.mark.parametrize("limits", [WECOM, DINGTALK], ids=["wecom", "dingtalk"])


def event(start=MONDAY, rule="", hours=1, **recurrence) -> Event:
    length = dt.timedelta(hours=hours) if isinstance(start, dt.datetime) else DAY
    rules = tuple(rule_from_text(text) for text in rule.split() if text)
    return Event(uid="u", start=start, end=start + length, recurrence=Recurrence(rules=rules, **recurrence))


def override(rid, start=None, **fields) -> Event:
    start = rid if start is None else start
    return Event(
        uid="u",
        start=start,
        end=start + dt.timedelta(hours=1),
        recurrence_id=rid,
        **{"summary": "changed", **fields},
    )


def plan(master, limits, *overrides, **more):
    obj = CalendarObject(uid="u", master=master, overrides=overrides)
    return compile_object(obj, limits, **{"now": NOW, "horizon": HORIZON, **more})


def rules_of(compiled):
    return [piece.event.recurrence.rules[0] for piece in compiled.pieces if piece.event.recurrence.rules]


def starts_of(compiled):
    return [piece.event.start for piece in compiled.pieces]


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


# ---- held as it is ---------------------------------------------------------------------------------------------


@both
def test_a_single_event_is_one_item_even_in_the_past(limits):
    single = event(MONDAY - 900 * DAY)
    compiled = plan(single, limits)
    assert [piece.key for piece in compiled.pieces] == [""]
    assert compiled.pieces[0].event == single
    assert compiled.exact_until is None


@both
@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("FREQ=DAILY", Rule(freq=Freq.DAILY)),
        ("FREQ=WEEKLY", Rule(freq=Freq.WEEKLY, by_day=(NthDay(Weekday.MO),))),
        ("FREQ=WEEKLY;INTERVAL=2", Rule(freq=Freq.WEEKLY, interval=2, by_day=(NthDay(Weekday.MO),))),
        ("FREQ=WEEKLY;BYDAY=MO,TH", Rule(freq=Freq.WEEKLY, by_day=(NthDay(Weekday.MO), NthDay(Weekday.TH)))),
        ("FREQ=MONTHLY", Rule(freq=Freq.MONTHLY, by_month_day=(5,))),
        ("FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=5", Rule(freq=Freq.MONTHLY, interval=3, by_month_day=(5,))),
        ("FREQ=YEARLY", Rule(freq=Freq.YEARLY)),
        ("FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=5", Rule(freq=Freq.YEARLY)),
    ],
)
def test_a_rule_that_the_vendor_knows_is_one_open_series_from_its_first_occurrence(limits, text, rule):
    for now in (NOW, NOW + 300 * DAY):
        compiled = plan(event(MONDAY, text), limits, now=now)
        assert [piece.key for piece in compiled.pieces] == [""]
        assert rules_of(compiled) == [rule]
        assert starts_of(compiled) == [MONDAY]
        assert compiled.exact_until is None


@both
@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("FREQ=DAILY;BYDAY=MO,TU", Rule(freq=Freq.WEEKLY, by_day=(NthDay(Weekday.MO), NthDay(Weekday.TU)))),
        ("FREQ=DAILY;INTERVAL=14", Rule(freq=Freq.WEEKLY, interval=2, by_day=(NthDay(Weekday.MO),))),
        ("FREQ=DAILY;BYMONTHDAY=5", Rule(freq=Freq.MONTHLY, by_month_day=(5,))),
        ("FREQ=MONTHLY;BYDAY=MO", Rule(freq=Freq.WEEKLY, by_day=(NthDay(Weekday.MO),))),
        ("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=5", Rule(freq=Freq.YEARLY)),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=5", Rule(freq=Freq.MONTHLY, by_month_day=(5,))),
        ("FREQ=MONTHLY;BYMONTH=1,4,7,10", Rule(freq=Freq.MONTHLY, interval=3, by_month_day=(5,))),
        ("FREQ=YEARLY;BYDAY=MO", Rule(freq=Freq.WEEKLY, by_day=(NthDay(Weekday.MO),))),
        ("FREQ=YEARLY;BYMONTHDAY=5", Rule(freq=Freq.MONTHLY, by_month_day=(5,))),
        ("FREQ=YEARLY;BYYEARDAY=5", Rule(freq=Freq.YEARLY)),
        ("FREQ=WEEKLY;BYDAY=MO,WE;BYSETPOS=1", Rule(freq=Freq.WEEKLY, by_day=(NthDay(Weekday.MO),))),
        ("FREQ=HOURLY;INTERVAL=24", Rule(freq=Freq.DAILY)),
        ("FREQ=HOURLY;INTERVAL=3;BYHOUR=9", Rule(freq=Freq.DAILY)),
    ],
)
def test_a_rule_in_other_words_is_rewritten_into_one_open_series(limits, text, rule):
    compiled = plan(event(MONDAY, text), limits)
    assert [piece.key for piece in compiled.pieces] == [""]
    assert rules_of(compiled) == [rule]
    assert compiled.exact_until is None


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=MONTHLY;BYDAY=1MO",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1",
        "FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=1,2,3,4,5,6,7",
    ],
)
def test_dingtalk_knows_the_nth_weekday_however_it_is_written(text):
    assert rules_of(plan(event(MONDAY, text), DINGTALK)) == [
        Rule(freq=Freq.MONTHLY, by_day=(NthDay(Weekday.MO, 1),))
    ]


def test_dingtalk_holds_thanksgiving_as_every_twelfth_month():
    start = dt.datetime(2026, 11, 26, 12, 0, tzinfo=SHANGHAI)
    compiled = plan(event(start, "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH"), DINGTALK)
    assert rules_of(compiled) == [Rule(freq=Freq.MONTHLY, interval=12, by_day=(NthDay(Weekday.TH, 4),))]


def test_a_week_start_matters_only_to_several_days_of_several_weeks():
    compiled = plan(event(MONDAY, "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU"), DINGTALK)
    assert rules_of(compiled)[0].week_start is Weekday.SU
    assert len(compiled.pieces) == 1


def test_all_day_series_are_dates_throughout():
    compiled = plan(
        event(dt.date(2026, 1, 5), "FREQ=WEEKLY;UNTIL=20260202", exdates=(dt.date(2026, 1, 19),)), WECOM
    )
    (piece,) = compiled.pieces
    assert piece.event.start == dt.date(2026, 1, 5)
    assert type(piece.event.end) is dt.date
    assert piece.event.recurrence.rules[0].until == dt.date(2026, 2, 2)
    assert piece.event.recurrence.exdates == (dt.date(2026, 1, 19),)


# ---- ends ------------------------------------------------------------------------------------------------------


def test_count_becomes_until_where_there_is_no_count():
    assert rules_of(plan(event(MONDAY, "FREQ=WEEKLY;COUNT=10"), WECOM))[0].until == utc(2026, 3, 9, 1)
    assert rules_of(plan(event(MONDAY, "FREQ=WEEKLY;COUNT=10"), DINGTALK))[0].count == 10


def test_dingtalk_counts_to_99_and_needs_an_end_date_beyond():
    assert rules_of(plan(event(MONDAY, "FREQ=DAILY;COUNT=99"), DINGTALK))[0].count == 99
    long = rules_of(plan(event(MONDAY, "FREQ=DAILY;COUNT=100"), DINGTALK))[0]
    assert (long.count, long.until) == (None, utc(2026, 4, 14, 1))


def test_a_series_with_removed_occurrences_is_not_counted_because_nobody_says_whether_those_count():
    compiled = plan(event(MONDAY, "FREQ=WEEKLY;COUNT=10", exdates=(MONDAY + 21 * DAY,)), DINGTALK)
    rule = rules_of(compiled)[0]
    assert (rule.count, rule.until) == (None, utc(2026, 3, 9, 1))


def test_until_ends_with_the_last_occurrence_that_it_includes():
    at = "FREQ=WEEKLY;UNTIL=20260119T010000Z"
    before = "FREQ=WEEKLY;UNTIL=20260119T005959Z"
    assert rules_of(plan(event(MONDAY, at), WECOM))[0].until == utc(2026, 1, 19, 1)
    assert rules_of(plan(event(MONDAY, before), WECOM))[0].until == utc(2026, 1, 12, 1)


@both
def test_a_series_of_one_occurrence_is_a_single_event(limits):
    compiled = plan(event(MONDAY, "FREQ=WEEKLY;COUNT=1"), limits)
    assert len(compiled.pieces) == 1
    assert not compiled.pieces[0].event.recurrence


# ---- removed and changed occurrences ---------------------------------------------------------------------------


@both
def test_excluded_occurrences_are_dropped_and_other_exclusions_are_nothing(limits):
    exdates = (MONDAY + 7 * DAY, MONDAY + 8 * DAY, MONDAY + 21 * DAY)
    (piece,) = plan(event(MONDAY, "FREQ=WEEKLY", exdates=exdates), limits).pieces
    assert piece.event.recurrence.exdates == (utc(2026, 1, 12, 1), utc(2026, 1, 26, 1))


@both
def test_a_plain_date_in_exdate_removes_what_begins_that_day(limits):
    (piece,) = plan(event(MONDAY, "FREQ=WEEKLY", exdates=(dt.date(2026, 1, 12),)), limits).pieces
    assert piece.event.recurrence.exdates == (utc(2026, 1, 12, 1),)


@both
def test_a_new_series_begins_after_excluded_first_occurrences(limits):
    exdates = (MONDAY, MONDAY + 7 * DAY)
    (piece,) = plan(event(MONDAY, "FREQ=WEEKLY;COUNT=5", exdates=exdates), limits).pieces
    assert piece.event.start == MONDAY + 14 * DAY
    assert not piece.event.recurrence.exdates


@both
def test_a_series_that_is_there_keeps_its_first_day_and_drops_it(limits):
    before = plan(event(MONDAY, "FREQ=WEEKLY"), limits)
    after = plan(event(MONDAY, "FREQ=WEEKLY", exdates=(MONDAY,)), limits, existing=before.pieces)
    assert after.pieces[0].event.start == MONDAY
    assert after.pieces[0].event.recurrence.exdates == (utc(2026, 1, 5, 1),)


@both
def test_a_long_gap_cuts_a_series_in_two(limits):
    gap = tuple(MONDAY + weeks * 7 * DAY for weeks in range(10, 40))
    compiled = plan(event(MONDAY, "FREQ=WEEKLY", exdates=gap), limits)
    assert starts_of(compiled) == [MONDAY, MONDAY + 280 * DAY]
    assert not any(piece.event.recurrence.exdates for piece in compiled.pieces)
    assert compiled.exact_until is None


@both
def test_a_changed_occurrence_is_split_off_from_its_series(limits):
    changed = override(MONDAY + 7 * DAY, MONDAY + 8 * DAY)
    series, split = plan(event(MONDAY, "FREQ=WEEKLY"), limits, changed).pieces
    assert (split.key, split.of, split.at) == ("@20260112T010000Z", series.key, utc(2026, 1, 12, 1))
    assert split.event == changed
    assert not series.event.recurrence.exdates


@both
def test_a_cancelled_override_is_a_removed_occurrence(limits):
    cancelled = override(MONDAY + 7 * DAY, status=Status.CANCELLED)
    (series,) = plan(event(MONDAY, "FREQ=WEEKLY"), limits, cancelled).pieces
    assert series.event.recurrence.exdates == (utc(2026, 1, 12, 1),)


@both
def test_exdate_wins_over_an_override_of_the_same_occurrence(limits):
    rid = MONDAY + 7 * DAY
    (series,) = plan(event(MONDAY, "FREQ=WEEKLY", exdates=(rid,)), limits, override(rid)).pieces
    assert series.event.recurrence.exdates == (utc(2026, 1, 12, 1),)


@both
def test_an_override_of_no_occurrence_is_an_item_of_its_own(limits):
    series, orphan = plan(event(MONDAY, "FREQ=WEEKLY"), limits, override(MONDAY + 8 * DAY)).pieces
    assert (orphan.key, orphan.of) == ("@20260113T010000Z", None)
    assert series.key == ""


@both
def test_overrides_without_a_master_are_single_events(limits):
    obj = CalendarObject(
        uid="u",
        master=None,
        overrides=(
            override(MONDAY - 700 * DAY),
            override(MONDAY),
            override(MONDAY + DAY, status=Status.CANCELLED),
        ),
    )
    compiled = compile_object(obj, limits, now=NOW, horizon=HORIZON)
    assert [(piece.key, piece.of) for piece in compiled.pieces] == [
        ("@20240205T010000Z", None),
        ("@20260105T010000Z", None),
    ]


@both
def test_a_recurrence_id_in_another_zone_or_as_a_date_names_the_same_occurrence(limits):
    as_utc = override(utc(2026, 1, 12, 1), MONDAY + 8 * DAY)
    assert plan(event(MONDAY, "FREQ=WEEKLY"), limits, as_utc).pieces[1].of == ""
    all_day = event(dt.date(2026, 1, 5), "FREQ=WEEKLY")
    day = dt.date(2026, 1, 12)
    odd = replace(override(day), recurrence_id=dt.datetime(2026, 1, 12, tzinfo=SHANGHAI), end=day + DAY)
    assert plan(all_day, limits, odd).pieces[1].at == day


@both
def test_this_and_future_begins_a_second_series_with_its_own_time_and_title(limits):
    later = override(MONDAY + 14 * DAY, MONDAY + 15 * DAY + dt.timedelta(hours=2), this_and_future=True)
    one = override(MONDAY + 28 * DAY, summary="once")
    compiled = plan(event(MONDAY, "FREQ=WEEKLY"), limits, later, one)
    first, second, split = compiled.pieces
    assert first.event.recurrence.rules[0].until in (utc(2026, 1, 12, 1), None)
    assert first.event.recurrence.rules[0].count in (2, None)
    assert second.event.start == MONDAY + 15 * DAY + dt.timedelta(hours=2)
    assert second.event.summary == "changed"
    assert second.event.recurrence.rules[0].by_day == (NthDay(Weekday.TU),)
    assert (split.of, split.at, split.event.summary) == (second.key, utc(2026, 2, 3, 3), "once")
    assert compiled.exact_until is None


@both
def test_a_cancelled_this_and_future_ends_the_series(limits):
    end = override(MONDAY + 14 * DAY, this_and_future=True, status=Status.CANCELLED)
    (series,) = plan(event(MONDAY, "FREQ=WEEKLY"), limits, end).pieces
    rule = series.event.recurrence.rules[0]
    assert rule.count == 2 or rule.until == utc(2026, 1, 12, 1)


# ---- several items ---------------------------------------------------------------------------------------------


def test_wecom_gets_a_zone_with_dst_as_one_series_for_each_offset():
    start = dt.datetime(2026, 1, 5, 9, 0, tzinfo=BERLIN)
    compiled = plan(event(start, "FREQ=WEEKLY"), WECOM)
    assert [piece.event.start.isoformat() for piece in compiled.pieces] == [
        "2026-01-05T09:00:00+01:00",
        "2026-03-30T09:00:00+02:00",
        "2026-10-26T09:00:00+01:00",
    ]
    assert all(isinstance(piece.event.start.tzinfo, dt.timezone) for piece in compiled.pieces)
    assert compiled.exact_until == HORIZON
    assert len(plan(event(start, "FREQ=WEEKLY"), DINGTALK).pieces) == 1


def test_wecom_holds_a_yearly_date_in_a_dst_zone_as_one_series():
    start = dt.datetime(2026, 7, 4, 9, 0, tzinfo=BERLIN)
    compiled = plan(event(start, "FREQ=YEARLY"), WECOM)
    assert len(compiled.pieces) == 1
    assert compiled.exact_until is None


@pytest.mark.parametrize(("at", "hours"), [((0, 10), 6), ((23, 50), 5)])
def test_wecom_gets_half_hour_zones_on_a_whole_hour_with_the_same_dates(at, hours):
    start = dt.datetime(2026, 1, 5, *at, tzinfo=ZoneInfo("Asia/Kolkata"))
    (piece,) = plan(event(start, "FREQ=WEEKLY"), WECOM).pieces
    assert piece.event.start.utcoffset() == dt.timedelta(hours=hours)
    assert piece.event.start == start
    assert piece.event.start.date() == start.date()


def test_wecom_gets_far_eastern_zones_a_day_earlier():
    start = dt.datetime(2026, 1, 5, 0, 30, tzinfo=ZoneInfo("Pacific/Kiritimati"))
    (piece,) = plan(event(start, "FREQ=WEEKLY;BYDAY=MO,TH"), WECOM).pieces
    assert piece.event.start == start
    assert piece.event.recurrence.rules[0].by_day == (NthDay(Weekday.WE), NthDay(Weekday.SU))


def test_wecom_gets_a_second_tuesday_as_single_events_and_short_series():
    compiled = plan(event(MONDAY + 8 * DAY, "FREQ=MONTHLY;BYDAY=2TU"), WECOM)
    assert len(compiled.pieces) <= 13
    assert compiled.exact_until == HORIZON


@both
def test_the_last_day_of_the_month_is_single_events_up_to_the_horizon(limits):
    compiled = plan(event(dt.date(2026, 1, 31), "FREQ=MONTHLY;BYMONTHDAY=-1"), limits)
    assert len(compiled.pieces) == 13
    assert not rules_of(compiled)


@both
def test_days_that_every_month_has_are_series_beside_the_singles_of_the_31st(limits):
    start = dt.datetime(2026, 1, 10, 9, 0, tzinfo=SHANGHAI)
    compiled = plan(event(start, "FREQ=MONTHLY;BYMONTHDAY=10,20,31"), limits)
    assert len(rules_of(compiled)) == (1 if limits is WECOM else 2)
    assert all(rule.until is None and rule.count is None for rule in rules_of(compiled))
    singles = [piece.event.start for piece in compiled.pieces if not piece.event.recurrence]
    assert {start.day for start in singles} == {31}


def test_wecom_gets_every_second_day_as_weekly_series_because_daily_intervals_are_not_documented():
    compiled = plan(event(MONDAY, "FREQ=DAILY;INTERVAL=2"), WECOM)
    assert {rule.freq for rule in rules_of(compiled)} == {Freq.WEEKLY}
    assert {rule.interval for rule in rules_of(compiled)} == {2}
    assert compiled.exact_until is None
    assert rules_of(plan(event(MONDAY, "FREQ=DAILY;INTERVAL=2"), DINGTALK)) == [
        Rule(freq=Freq.DAILY, interval=2)
    ]


@both
def test_months_of_the_year_are_seasons(limits):
    compiled = plan(event(MONDAY, "FREQ=WEEKLY;BYDAY=MO,WE;BYMONTH=1,2,3,9,10,11,12"), limits)
    assert [start.date() for start in starts_of(compiled)] == [dt.date(2026, 1, 5), dt.date(2026, 9, 2)]
    assert compiled.exact_until == HORIZON


@both
def test_several_times_of_the_day_are_a_series_each(limits):
    compiled = plan(event(MONDAY, "FREQ=WEEKLY;BYDAY=MO;BYHOUR=9,14"), limits)
    assert [start.hour for start in starts_of(compiled)] == [9, 14]
    assert compiled.exact_until is None


@both
def test_a_list_of_dates_that_keeps_a_rhythm_is_one_series(limits):
    rdates = tuple(MONDAY + weeks * 7 * DAY for weeks in range(1, 20) if weeks != 7)
    (piece,) = plan(event(MONDAY, rdates=rdates), limits).pieces
    assert len(rules_of(plan(event(MONDAY, rdates=rdates), limits))) == 1
    assert piece.event.recurrence.exdates == (utc(2026, 2, 23, 1),)


@both
def test_dates_without_a_rhythm_are_single_events(limits):
    rdates = (MONDAY + 1 * DAY, MONDAY + 17 * DAY, MONDAY + 45 * DAY)
    compiled = plan(event(MONDAY, rdates=rdates), limits)
    assert [piece.key for piece in compiled.pieces] == [
        "p20260105T010000Z",
        "p20260106T010000Z",
        "p20260122T010000Z",
        "p20260219T010000Z",
    ]
    assert compiled.exact_until is None


@both
def test_a_start_that_its_rule_does_not_make_is_a_single_event_and_counts(limits):
    compiled = plan(event(MONDAY, "FREQ=WEEKLY;BYDAY=TU;COUNT=4"), limits)
    assert starts_of(compiled) == [MONDAY, MONDAY + DAY]
    rule = rules_of(compiled)[0]
    assert rule.count == 3 or rule.until == utc(2026, 1, 20, 1)


@both
def test_two_rules_show_their_common_occurrences_once(limits):
    compiled = plan(event(MONDAY, "FREQ=WEEKLY;BYDAY=MO FREQ=DAILY;UNTIL=20260110T000000Z"), limits)
    shown = [start.day for start in starts_of(compiled) if start.month == 1]
    assert sorted(shown) == [5, 6, 7, 8, 9] or len(compiled.pieces) <= 4


@both
def test_a_rule_that_another_contains_adds_nothing(limits):
    compiled = plan(event(MONDAY, "FREQ=WEEKLY;BYDAY=MO,TU FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"), limits)
    assert len(compiled.pieces) == 1
    assert compiled.exact_until is None


@both
def test_a_weekday_of_the_month_named_from_both_ends_is_shown_once(limits):
    compiled = plan(event(MONDAY + 22 * DAY, "FREQ=MONTHLY;BYDAY=4TU,-1TU"), limits)
    starts = starts_of(compiled)
    assert len(starts) == len(set(starts))


# ---- time goes by ----------------------------------------------------------------------------------------------


def test_a_series_with_a_long_changed_history_begins_today():
    start = MONDAY - 520 * 7 * DAY
    exdates = tuple(start + weeks * 7 * DAY for weeks in range(2, 502, 10))
    (piece,) = plan(event(start, "FREQ=WEEKLY", exdates=exdates), WECOM).pieces
    assert piece.event.start == MONDAY
    few = event(start, "FREQ=WEEKLY", exdates=exdates[:5])
    assert plan(few, WECOM).pieces[0].event.start == start


def test_pieces_of_the_past_are_not_made_but_kept_once_they_are_there():
    start = dt.datetime(2025, 6, 2, 9, 0, tzinfo=BERLIN)
    master = event(start, "FREQ=WEEKLY")
    early = plan(master, WECOM, now=start.astimezone(dt.UTC))
    assert early.pieces[0].event.start == start
    fresh = plan(master, WECOM)
    assert fresh.pieces[0].event.start == MONDAY.replace(tzinfo=BERLIN)
    kept = plan(master, WECOM, existing=early.pieces)
    assert kept.pieces[: len(early.pieces)] == early.pieces


def test_what_the_vendor_showed_before_today_stays_when_the_rule_changes():
    start = MONDAY - 10 * 7 * DAY
    early = plan(event(start, "FREQ=MONTHLY;BYMONTHDAY=27,30,31"), WECOM, now=start.astimezone(dt.UTC))
    later = plan(event(start, "FREQ=MONTHLY;BYMONTHDAY=30"), WECOM, existing=early.pieces)
    past = {piece.event.start.date() for piece in later.pieces if piece.event.start < NOW - DAY}
    assert dt.date(2025, 10, 30) in past
    assert not any(day.day == 31 for day in past)


def test_today_begins_a_day_before_now_so_that_it_is_today_everywhere():
    daily = event(MONDAY - 40 * DAY, "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=9,20")
    assert min(starts_of(plan(daily, WECOM))) > NOW - dt.timedelta(hours=24, minutes=60)


@both
def test_a_new_title_changes_no_key(limits):
    master = event(MONDAY, "FREQ=MONTHLY;BYMONTHDAY=-1 FREQ=WEEKLY;INTERVAL=3")
    before = plan(master, limits)
    after = plan(replace(master, summary="new"), limits, existing=before.pieces)
    assert [piece.key for piece in after.pieces] == [piece.key for piece in before.pieces]
    assert {piece.event.summary for piece in after.pieces} == {"new"}


@both
def test_adding_a_date_to_a_series_adds_one_item_and_touches_no_other(limits):
    before = plan(event(MONDAY, "FREQ=WEEKLY"), limits)
    after = plan(event(MONDAY, "FREQ=WEEKLY", rdates=(MONDAY + 3 * DAY,)), limits, existing=before.pieces)
    assert after.pieces[0] == before.pieces[0]
    assert [piece.key for piece in after.pieces] == ["", "p20260108T010000Z"]


# ---- refusals --------------------------------------------------------------------------------------------------


@both
def test_too_many_items_are_refused_with_their_number_and_what_would_help(limits):
    rdates = tuple(MONDAY + dt.timedelta(days=days * days, hours=days) for days in range(1, 20))
    with pytest.raises(Inexpressible, match=r"20 separate entries.*at most 12.*would help"):
        plan(event(MONDAY, rdates=rdates), limits, items_max=12)


@both
@pytest.mark.parametrize(
    "text", ["FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=MINUTELY;INTERVAL=7", "FREQ=HOURLY"]
)
def test_what_repeats_all_day_long_is_refused(limits, text):
    with pytest.raises(Inexpressible, match="would help"):
        plan(event(MONDAY, text), limits, items_max=20)


@both
def test_a_few_occurrences_by_the_minute_are_single_events(limits):
    compiled = plan(event(MONDAY, "FREQ=MINUTELY;INTERVAL=90;COUNT=4"), limits)
    assert [start.isoformat()[11:16] for start in starts_of(compiled)] == ["09:00", "10:30", "12:00", "13:30"]


@both
@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=7",
        "FREQ=YEARLY;INTERVAL=1000;BYMONTHDAY=3;BYMONTH=4",
        "FREQ=MONTHLY;INTERVAL=99999;BYMONTH=2,3",
        "FREQ=DAILY;INTERVAL=99999",
        "FREQ=WEEKLY;COUNT=10000000",
        "FREQ=DAILY;BYMONTHDAY=31;COUNT=10000000",
    ],
)
def test_rules_that_match_next_to_nothing_cost_next_to_nothing(limits, text):
    compiled = plan(event(MONDAY, text), limits)
    assert len(compiled.pieces) <= 12


def test_nothing_is_left_of_a_series_without_occurrences():
    compiled = plan(event(MONDAY, "FREQ=DAILY;COUNT=2", exdates=(MONDAY, MONDAY + DAY)), WECOM)
    assert compiled.pieces == ()

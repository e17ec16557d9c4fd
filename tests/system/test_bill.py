"""A few working days at DingTalk in virtual time: what they cost, as the vendor counts; the whole month is `make bench-bill`."""

import pytest

from benchmarks import bill
from benchmarks.month import Month, Plan, percentile

PEOPLE, DAYS, SINGLES = 4, 3, 10
FIRST_LOAD = 8
"""Billed calls of one person's first load at most: calendars, list, two views of the window, the series."""


def played(folder, **plan):
    return Month(Plan(people=PEOPLE, days=DAYS, singles=SINGLES, series=1, **plan), folder).run()


def test_with_stream_an_edit_costs_one_call_and_is_there_at_once(tmp_path):
    out = played(tmp_path)
    assert out.app_edits == 4 * PEOPLE * DAYS
    assert len(out.delays_s) + out.unseen >= out.app_edits - out.client_edits
    assert out.unseen == out.waiting == out.refused == 0
    assert percentile(out.delays_s, 0.95) <= 10
    sweeps = PEOPLE * DAYS
    assert out.billed <= FIRST_LOAD * PEOPLE + out.app_edits + out.client_edits + sweeps
    # One look for each edit in the app, none for the echoes of our own writes, and one for each series at first.
    assert out.calls["GetEvent"] <= out.app_edits + PEOPLE
    assert out.calls["ListCalendars"] == PEOPLE
    assert set(out.states) == {"connected"}


def test_without_push_a_small_plan_lasts_and_nobody_starves(tmp_path):
    calls = 300
    out = played(tmp_path, stream=False, monthly_calls=calls)
    assert out.billed <= calls
    assert out.waiting == out.refused == 0
    assert max(out.worst_age_s.values()) <= bill.STARVED_S
    assert max(out.worst_age_s.values()) <= 3 * min(out.worst_age_s.values()) + 3600


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("case", bill.CASES, ids=lambda case: case.name)
def test_a_whole_month_keeps_to_its_bill(case, tmp_path):
    out = Month(case.plan, tmp_path).run()
    assert bill.misses(case, out) == []

"""The month of events that the demo shows."""

from __future__ import annotations

import datetime as dt

import pytest

from bridge.simulator.wecom import build
from bridge.simulator.world import seed_wecom

MONTH = dt.date(2026, 3, 1)


def occurrences(sim, cal_id: str) -> list[dict]:
    return sim.control(
        "act", {"do": "calendar_occurrences", "cal_id": cal_id, "from": 0, "to": 1_780_000_000}
    )


def test_the_same_first_day_gives_the_same_month() -> None:
    first, second = build(), build()
    made = seed_wecom(first, MONTH)
    assert made == seed_wecom(second, MONTH)
    assert list(made.calendars) == ["zhangsan", "lisi"]
    for cal_id in made.calendars.values():
        assert occurrences(first, cal_id) == occurrences(second, cal_id)


@pytest.mark.parametrize("shift", range(7))
def test_the_month_is_realistic_whatever_weekday_it_starts_on(shift) -> None:
    sim = build()
    made = seed_wecom(sim, MONTH + dt.timedelta(days=shift))
    rows = [row for cal_id in made.calendars.values() for row in occurrences(sim, cal_id)]
    summaries = [row["summary"] for row in rows]
    assert 35 <= len(rows) <= 80
    assert summaries.count("周例会 Weekly sync") in (2, 3)
    assert "周例会(改到下午)Weekly sync, moved" in summaries
    assert "取消的会议 Cancelled meeting" not in summaries
    assert any(row["is_whole_day"] and row["end"] - row["start"] > 86400 for row in rows)
    state = sim.control("state", {})
    assert {1, 2, 4} <= {
        answer for item in state["schedules"].values() for answer in item["responses"].values()
    }
    assert sim.notices.as_json() == []


def test_the_month_belongs_to_the_app_and_its_people(box) -> None:
    made = seed_wecom(box.sim, MONTH)
    for userid, cal_id in made.calendars.items():
        shown = box.ok("oa/calendar/get", {"cal_id_list": [cal_id]})["calendar_list"][0]
        assert [item["userid"] for item in shown["shares"]] == [userid]
        assert [row["schedule_id"] for row in box.list(cal_id)] == made.schedules[userid]


def test_a_vendor_that_refuses_is_not_passed_over() -> None:
    with pytest.raises(RuntimeError, match="90706"):
        seed_wecom(build(switches={"past_start_on_add": "90706"}), dt.date(2020, 1, 1))

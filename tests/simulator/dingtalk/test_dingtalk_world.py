"""The month that the demo shows."""

from __future__ import annotations

import datetime as dt

import pytest

from bridge.simulator.world_dingtalk import seed_dingtalk

MONTH = dt.date(2026, 11, 1)


def test_the_month_has_every_kind_of_event_and_nobody_is_told(box, make):
    made = seed_dingtalk(box.sim, MONTH)
    assert made.people == (make.alice, make.bob)
    assert box.notices() == []
    state = box.server.control("state")
    assert state["pushes"]["sent"] == []
    assert state["calls_by_month"] == {}
    alice = box.view("2026-11-01", "2026-12-01")
    bob = box.view("2026-11-01", "2026-12-01", make.bob)
    assert (len(alice), len(bob)) == (22, 20)
    titles = " ".join(row["summary"] for row in alice)
    assert "Design review" in titles
    assert "出差" in titles
    assert any(row["isAllDay"] for row in alice)
    stand_ups = [
        row for row in alice if row["seriesMasterId" if "seriesMasterId" in row else "id"] == made.series
    ]
    moved = [row for row in stand_ups if row["start"]["dateTime"][11:16] == "11:00"]
    assert (len(stand_ups), len(moved)) == (12, 1)
    invitation = box.get(made.invitation)
    answers = {row["id"]: row["responseStatus"] for row in invitation["attendees"]}
    assert answers == {
        make.bob: "accepted",
        make.alice: "accepted",
        make.carol: "declined",
        make.zhang: "tentative",
    }
    assert any("onlineMeetingInfo" in row for row in alice)


def test_the_same_day_makes_the_same_month(new_box):
    months = []
    for _ in range(2):
        box = new_box()
        seed_dingtalk(box.sim, MONTH)
        months.append(box.view("2026-11-01", "2026-12-01"))
    assert months[0] == months[1]


@pytest.mark.parametrize("month", range(1, 13))
@pytest.mark.parametrize("switch", [{}, {"start_off_pattern": "rejected"}])
def test_every_month_can_be_filled(new_box, month, switch):
    box = new_box(switches=switch)
    first = dt.date(2027, month, 1)
    seed_dingtalk(box.sim, first, ("carol03", "zhangwei04"))
    assert len(box.sim.store.events) == 13

"""Pulls: the mirror shows what the vendor's own app shows, whatever its unknown sides are like."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import Unreachable
from bridge.model.people import Roster
from bridge.simulator.dingtalk.switches import SWITCHES

if TYPE_CHECKING:
    from collections.abc import Callable

DAY_S = 86_400


def timed(
    day: str, begin: str, end: str, zone: str = "Asia/Shanghai", offset: str = "+08:00", **more: Any
) -> dict[str, Any]:
    return {
        "summary": "Plain",
        "start": {"dateTime": f"{day}T{begin}:00.000{offset}", "timeZone": zone},
        "end": {"dateTime": f"{day}T{end}:00.000{offset}", "timeZone": zone},
        "isAllDay": False,
        "reminders": [{"method": "dingtalk", "minutes": 10}],
        **more,
    }


def repeats(pattern: dict[str, Any], span: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"recurrence": {"pattern": {"interval": 1, **pattern}, "range": span or {"type": "noEnd"}}}


DAILY = repeats({"type": "daily"})
WEEKDAYS = repeats({"type": "weekly", "daysOfWeek": "monday,wednesday", "firstDayOfWeek": "monday"})
NUMBERED = repeats({"type": "daily"}, {"type": "numbered", "numberOfOccurrences": 40})


def fill(box: Any) -> dict[str, str]:
    """A calendar of all kinds, made by people in DingTalk's app."""
    made = {
        "past": box.act("create", event=timed("2026-10-20", "09:00", "10:00", summary="Past"))["eventId"],
        "single": box.act("create", event=timed("2026-11-05", "09:00", "10:00", summary="Single"))["eventId"],
        "daily": box.act("create", event=timed("2026-10-28", "08:00", "08:15", summary="Daily", **DAILY))[
            "eventId"
        ],
        "weekly": box.act(
            "create", event=timed("2026-11-02", "11:00", "12:00", summary="Weekly", **WEEKDAYS)
        )["eventId"],
        "numbered": box.act(
            "create", event=timed("2026-11-10", "15:00", "16:00", summary="Numbered", **NUMBERED)
        )["eventId"],
        "york": box.act(
            "create",
            event=timed(
                "2026-10-26", "09:00", "10:00", "America/New_York", "-04:00", summary="York", **WEEKDAYS
            ),
        )["eventId"],
        "day": box.act(
            "create",
            event={
                "summary": "Whole days",
                "start": {"date": "2026-11-12"},
                "end": {"date": "2026-11-14"},
                "isAllDay": True,
                "reminders": [],
            },
        )["eventId"],
        "allday": box.act(
            "create",
            event={
                "summary": "Every week all day",
                "start": {"date": "2026-10-30"},
                "end": {"date": "2026-10-31"},
                "isAllDay": True,
                "reminders": [],
                **repeats({"type": "weekly", "daysOfWeek": "friday", "firstDayOfWeek": "sunday"}),
            },
        )["eventId"],
    }
    made["invited"] = box.server.control(
        "act",
        {
            "do": "create",
            "as": "bob02",
            "event": timed("2026-11-06", "17:00", "18:00", summary="Invited", attendees=[{"id": box.alice}]),
        },
    )["eventId"]
    return made


def epoch(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp())


def change_some(box: Any, made: dict[str, str]) -> None:
    """What people do on an ordinary day."""
    box.act("move", eventId=made["single"], minutes=30)
    box.act(
        "edit",
        eventId=made["daily"],
        origin=epoch("2026-11-09T08:00:00+08:00"),
        event={"summary": "Daily, long"},
    )
    box.act("move", eventId=made["daily"], origin=epoch("2026-11-10T08:00:00+08:00"), minutes=120)
    box.act("delete", eventId=made["weekly"], origin=epoch("2026-11-11T11:00:00+08:00"))
    box.act("delete", eventId=made["past"])
    box.act("delete", eventId=made["numbered"], origin=epoch("2026-11-12T15:00:00+08:00"))
    box.act("create", event=timed("2026-12-01", "13:00", "14:00", summary="Late news"))
    box.act("move", eventId=made["york"], origin=epoch("2026-10-28T09:00:00-04:00"), minutes=-60)


def test_a_first_load_shows_what_the_app_shows(box: Any) -> None:
    fill(box)
    box.pull()
    assert box.mirrored() == box.truth()
    assert len(box.truth()) > 100


def test_changes_arrive(box: Any) -> None:
    made = fill(box)
    box.pull()
    change_some(box, made)
    box.pull()
    box.pull(deep=True)
    assert box.mirrored() == box.truth()


def test_a_poll_without_news_costs_one_call_and_a_full_look_three(box: Any) -> None:
    made = fill(box)
    box.pull()
    change_some(box, made)
    box.pull()
    box.pull(deep=True)
    box.billed()
    box.pull()
    assert box.billed() == 1
    pages = -(-len(box.truth()) // 100)
    box.pull(deep=True)
    assert box.billed() <= 1 + pages + 1
    assert box.mirrored() == box.truth()


READING = {
    "instance_id", "event_id", "attendee_event_id", "list_master", "generated", "list_future_exceptions", "list_time_min",
    "list_time_max", "list_order", "page_fill", "last_next_token", "deleted_items", "sync_expired", "delta_filters",
    "delta_keeps_time_min", "delta_cursor", "delta_generation", "occurrence_edit_touches_master", "responses_touch_event",
    "get_cancelled", "response_offset", "response_time_zone", "response_fraction", "update_time_precision", "empty_fields",
    "sdk_only_fields", "instance_recurrence", "all_day_zone", "future_instance_ids", "exceptions_on_master_edit", "series_zone",
    "numbered_counts_removed", "end_date", "start_off_pattern", "short_month", "relative_days", "invalid_token_status",
    "undocumented_operations", "rich_text", "unknown_path", "too_many_results",
}  # fmt: skip


def _settings() -> list[Any]:
    """One setting for each choice that is not the default."""
    return [
        pytest.param({switch.name: choice}, id=f"{switch.name}={choice}")
        for switch in SWITCHES
        for choice in switch.choices
        if choice != switch.default and switch.name in READING
    ]


@pytest.mark.parametrize("switches", _settings())
def test_the_mirror_is_right_under_every_reading(
    open_box: Callable[..., Any], switches: dict[str, Any]
) -> None:
    box = open_box(switches=switches)
    made = fill(box)
    box.pull()
    assert box.mirrored() == box.truth()
    change_some(box, made)
    box.pull()
    box.pull(deep=True)
    assert box.mirrored() == box.truth()


def test_a_lost_cursor_costs_a_full_pass_and_nothing_else(box: Any) -> None:
    made = fill(box)
    box.pull()
    change_some(box, made)
    box.mirror.cursor = ""
    box.pull()
    assert box.mirrored() == box.truth()
    assert box.mirror.cursor


@pytest.mark.parametrize(
    "cursor", ["nonsense", "[]", '["x","y","z"]', '["gone","2026-01-01T00:00:00.000Z","plain"]', "null"]
)
def test_a_cursor_that_is_none_leads_to_a_full_pass(box: Any, cursor: str) -> None:
    fill(box)
    box.mirror.cursor = cursor
    box.pull()
    assert box.mirrored() == box.truth()


def test_an_expired_cursor_leads_to_a_full_pass(box: Any) -> None:
    made = fill(box)
    box.pull()
    change_some(box, made)
    box.act("expire_sync_tokens")
    box.pull()
    assert box.mirrored() == box.truth()


@pytest.mark.parametrize("deletions", ["stub", "never"])
def test_deletions_that_nobody_tells_are_found_by_a_full_look(
    open_box: Callable[..., Any], deletions: str
) -> None:
    box = open_box(switches={"deleted_items": deletions})
    made = fill(box)
    box.pull()
    for name in ("single", "day", "weekly"):
        box.act("delete", eventId=made[name])
    box.pull(deep=True)
    assert box.mirrored() == box.truth()
    assert not {made["single"], made["day"], made["weekly"]} & set(box.mirror.items)


def test_a_mirror_without_snapshots_is_right_too(box: Any) -> None:
    made = fill(box)
    box.pull()
    change_some(box, made)
    whole = box.mirror.known
    box.mirror.known = lambda: replace(whole(), snapshots=None)
    box.pull()
    box.pull(deep=True)
    assert box.mirrored() == box.truth()


def test_nothing_is_concluded_from_a_view_that_does_not_end(box: Any) -> None:
    """A page token that comes back for ever: nothing is missing, nothing is removed."""
    fill(box)
    box.pull()
    before = box.mirrored()
    page = json.dumps({"events": [], "nextToken": "again"})
    box.server.control(
        "fault", {"kind": "status", "status": 200, "match": "/eventsview", "body": page, "count": -1}
    )
    box.pull(deep=True)
    assert box.mirrored() == before


def test_an_empty_view_is_not_believed_without_asking(box: Any) -> None:
    """A view that is empty by mistake: each event is asked for and found."""
    fill(box)
    box.pull()
    singles = {item_id for item_id, item in box.mirror.items.items() if item.series_id is None}
    box.server.control(
        "fault",
        {"kind": "status", "status": 200, "match": "/eventsview", "body": '{"events":[]}', "count": 1},
    )
    box.pull(deep=True)
    assert singles <= set(box.mirror.items)
    assert box.mirrored() == box.truth()


def test_a_guest_of_one_occurrence_sees_that_one(box: Any) -> None:
    series = box.server.control(
        "act",
        {
            "do": "create",
            "as": "bob02",
            "event": timed("2026-11-03", "15:00", "16:00", summary="Bob's", **DAILY),
        },
    )["eventId"]
    box.server.control(
        "act",
        {
            "do": "invite",
            "as": "bob02",
            "eventId": series,
            "origin": epoch("2026-11-06T15:00:00+08:00"),
            "people": [box.alice],
        },
    )
    box.pull()
    assert box.mirrored() == box.truth()
    assert len(box.truth()) == 1
    box.pull(deep=True)
    assert box.mirrored() == box.truth()


def test_a_broken_network_leaves_the_mirror_as_it_was(box: Any) -> None:
    made = fill(box)
    box.pull()
    before, cursor = box.mirrored(), box.mirror.cursor
    change_some(box, made)
    box.server.control("fault", {"kind": "status", "status": 502, "match": "/eventsview", "count": -1})
    with pytest.raises(Unreachable):
        box.pull(deep=True)
    assert (box.mirrored(), box.mirror.cursor) == (before, cursor)
    box.sim.faults.clear()
    box.pull(deep=True)
    assert box.mirrored() == box.truth()


def test_items_asked_for_one_by_one_are_complete(box: Any) -> None:
    made = fill(box)
    change_some(box, made)
    box.pull()
    exceptions = [item for item in box.mirror.items.values() if item.series_id is not None]
    assert exceptions
    found = box.provider.fetch(
        box.target, [item.id for item in exceptions] + [made["single"], made["past"], "nothing"]
    )
    assert found["nothing"] is None
    assert found[made["past"]] is None
    for item in exceptions:
        again = found[item.id]
        assert (again.series_id, again.origin) == (item.series_id, item.origin)
        assert box.provider.mapper.decode(again, "u", Roster(me=box.me)) == box.provider.mapper.decode(
            item, "u", Roster(me=box.me)
        )

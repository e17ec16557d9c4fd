"""Who is busy when (reference section 3.12)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk.calendars import Access
from bridge.simulator.dingtalk.errors import ApiError
from bridge.simulator.dingtalk.gateway import Call, Operation
from bridge.simulator.dingtalk.listing import items_in_view
from bridge.simulator.dingtalk.render import when_json
from bridge.simulator.dingtalk.times import parse_instant

if TYPE_CHECKING:
    from bridge.simulator.dingtalk.shapes import Fields
    from bridge.simulator.dingtalk.simulator import DingTalkSimulator
    from bridge.simulator.dingtalk.state import Item, Person

USERS_MAX: Final = 20
"""People of one query."""

WINDOW_MAX: Final = dt.timedelta(days=366)
"""Longest window: the reference knows none; nobody needs more than a year."""


def _illegal() -> ApiError:
    return ApiError(400, "paramIllegal", "PARAM ILLEGAL")


def read_window(sim: DingTalkSimulator, fields: Fields) -> tuple[dt.datetime, dt.datetime]:
    """Return startTime and endTime; raise 400 unless both are there and in order."""
    first, last = fields.text("startTime"), fields.text("endTime")
    if not first or not last:
        raise _illegal()
    low = parse_instant(first, sim.switches, schedule=True)
    high = parse_instant(last, sim.switches, schedule=True)
    if high <= low:
        raise _illegal()
    return low, high


def _query(sim: DingTalkSimulator, call: Call) -> Any:
    fields = call.fields()
    users = fields.texts("userIds")
    if not users or len(users) > USERS_MAX:
        raise _illegal()
    low, high = read_window(sim, fields)
    if high - low > WINDOW_MAX:
        raise _illegal()
    return {"scheduleInformation": [_schedule(sim, union_id, low, high) for union_id in users]}


def _schedule(sim: DingTalkSimulator, union_id: str, low: dt.datetime, high: dt.datetime) -> dict[str, Any]:
    person = sim.store.people.get(union_id)
    if person is None or not person.in_scope:
        return {"userId": union_id, "error": "无权限", "scheduleItems": []}
    rows = [row for item in _busy(sim, person, low, high) if (row := _row(sim, union_id, item)) is not None]
    if not rows and sim.switches["empty_schedule"] == "null_item":
        rows = [{"status": None, "start": None, "end": None}]
    return {"userId": union_id, "scheduleItems": rows}


def _busy(sim: DingTalkSimulator, person: Person, low: dt.datetime, high: dt.datetime) -> list[Item]:
    access = Access(viewer=person, holder=person.union_id, calendar="", privilege="owner")
    zone = sim.store.all_day_zone
    # The view also returns what ends exactly at its lower bound; nobody is busy then.
    return [item for item in items_in_view(sim, access, low, high) if item.details.end.at(zone) > low]


def _row(sim: DingTalkSimulator, union_id: str, item: Item) -> dict[str, Any] | None:
    response = item.guests[union_id].response
    if item.details.free_busy == "free" or response == "declined":
        return None
    status = {"tentative": "TENTATIVE", "needsAction": sim.switches["unanswered_status"]}.get(
        response, "BUSY"
    )
    start, end = when_json(sim, item.details.start), when_json(sim, item.details.end)
    if item.details.start.is_all_day:
        start, end = {**start, "timeZone": "UTC"}, {**end, "timeZone": "UTC"}
    return {"status": status, "start": start, "end": end}


_SCOPE: Final = "Calendar.EventSchedule.Read"

OPERATIONS: Final = (
    Operation(
        name="GetSchedule",
        method="POST",
        pattern="/v1.0/calendar/users/{u}/querySchedule",
        handler=_query,
        scope=_SCOPE,
    ),
    Operation(
        name="GetScheduleByMe",
        method="POST",
        pattern="/v1.0/calendar/me/schedules/query",
        handler=_query,
        scope=_SCOPE,
        caller="user",
        is_documented=False,
    ),
)

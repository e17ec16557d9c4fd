"""Two employees and a month of events in DingTalk, for the demo and for tests.

Everything is made as people make it in DingTalk's own app, so it obeys the vendor's rules and costs no quota.
The same first day gives the same month.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.simulator.dingtalk import DingTalkSimulator

ZONE: Final = "Asia/Shanghai"

CHINA: Final = dt.timezone(dt.timedelta(hours=8))
"""The zone's offset, the same all the year."""

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededDingTalk:
    """What was made."""

    people: tuple[str, str]
    """The unionIds of the two."""
    events: dict[str, list[str]]
    """Event ids by the organizer's unionId, in order of creation; a series is its master."""
    series: str
    """The weekly series of which one occurrence was moved and one cancelled."""
    invitation: str
    """The second person's event to which the first is invited."""


class _Author:
    """Makes events in the name of people."""

    def __init__(self, simulator: DingTalkSimulator, first_day: dt.date) -> None:
        self._simulator = simulator
        self._first_day = first_day
        self.made: dict[str, list[str]] = {}

    def act(self, do: str, person: str, **arguments: Any) -> dict[str, Any]:
        """Act as ``person`` in the app."""
        answer: dict[str, Any] = self._simulator.control("act", {"do": do, "as": person, **arguments})
        return answer

    def weekday(self, weekday: int, week: int = 0) -> int:
        """Return the day (0 is the first) of the first such weekday, 0 is Monday, ``week`` weeks later."""
        return (weekday - self._first_day.weekday()) % 7 + 7 * week

    def date(self, day: int) -> dt.date:
        """Return the date of day ``day``."""
        return self._first_day + dt.timedelta(days=day)

    def _at(self, day: int, clock: str) -> dict[str, str]:
        moment = dt.datetime.combine(self.date(day), dt.time.fromisoformat(clock), CHINA)
        return {"dateTime": moment.isoformat(timespec="milliseconds"), "timeZone": ZONE}

    def span(self, day: int, start: str, end: str) -> dict[str, Any]:
        """Return start and end on one day."""
        return {"start": self._at(day, start), "end": self._at(day, end)}

    def timed(self, person: str, summary: str, day: int, clock: tuple[str, str], **more: Any) -> str:
        """Add a timed event; return its id."""
        return self._add(person, {"summary": summary, **self.span(day, *clock), **more})

    def all_day(self, person: str, summary: str, day: int, days: int = 1, **more: Any) -> str:
        """Add an all-day event of ``days`` days; return its id."""
        dates = {"start": {"date": str(self.date(day))}, "end": {"date": str(self.date(day + days))}}
        return self._add(person, {"summary": summary, "isAllDay": True, **dates, **more})

    def _add(self, person: str, body: dict[str, Any]) -> str:
        event_id = str(self.act("create", person, event=body)["eventId"])
        self.made.setdefault(person, []).append(event_id)
        return event_id

    def occurrence(self, person: str, event_id: str, number: int) -> str:
        """Return the id of an occurrence, counted from 0, of those not cancelled."""
        low = dt.datetime.combine(self.date(-7), dt.time(), CHINA)
        window = {"from": low.isoformat(), "to": (low + dt.timedelta(days=120)).isoformat()}
        found = self.act("occurrences", person, eventId=event_id, **window)["occurrences"]
        return str(found[number]["eventId"])


def _weekly(days: Sequence[int], *, interval: int = 1, count: int = 0) -> dict[str, Any]:
    span: dict[str, Any] = {"type": "noEnd"}
    if count:
        span = {"type": "numbered", "numberOfOccurrences": count}
    names = ",".join(DAYS[day] for day in days)
    pattern = {"type": "weekly", "interval": interval, "daysOfWeek": names, "firstDayOfWeek": "monday"}
    return {"pattern": pattern, "range": span}


def _ring(*minutes: int) -> list[dict[str, Any]]:
    return [{"method": "dingtalk", "minutes": number} for number in minutes]


def seed_dingtalk(
    simulator: DingTalkSimulator, month_start: dt.date, people: Sequence[str] = ("alice01", "bob02")
) -> SeededDingTalk:
    """Fill the month from ``month_start`` for two ``people`` (userid or unionId); return what was made.

    Nobody is told and nothing is pushed. Raises ControlError for an unknown person, or if a switch makes the
    vendor refuse something.
    """
    with simulator.lock:
        mode, simulator.push_mode = simulator.push_mode, "off"
        try:
            first, second = (_union_id(simulator, name) for name in people[:2])
            author = _Author(simulator, month_start)
            others = [name for name in simulator.store.people if name not in (first, second)]
            series = _engineer(author, first, [second, *others[:1]])
            invitation = _manager(author, second, [first, *others[:2]])
        finally:
            simulator.push_mode = mode
        simulator.notices.clear()
    return SeededDingTalk(people=(first, second), events=author.made, series=series, invitation=invitation)


def _union_id(simulator: DingTalkSimulator, name: str) -> str:
    person = simulator.store.person(name)
    return person.union_id if person is not None else name


def _engineer(author: _Author, who: str, guests: list[str]) -> str:
    """Make the first person's month; return the series with a moved and a cancelled occurrence."""
    invited = [{"id": union_id} for union_id in guests]
    stand_up = author.timed(
        who,
        "站会 Stand-up",
        author.weekday(0),
        ("09:30", "09:45"),
        attendees=invited,
        recurrence=_weekly((0, 2, 4)),
        reminders=_ring(5),
        location={"displayName": "3F-12"},
    )
    for union_id in guests:
        author.act("respond", union_id, eventId=stand_up, response="accepted")
    moved = author.occurrence(who, stand_up, 3)
    author.act("move", who, eventId=moved, minutes=90)
    author.act("delete", who, eventId=author.occurrence(who, stand_up, 5))
    review = author.timed(
        who,
        "Design review",
        author.weekday(1),
        ("10:00", "11:00"),
        attendees=[{"id": guests[0]}, *({"id": union_id, "isOptional": True} for union_id in guests[1:])],
        description="Agenda:\n1. API limits\n2. 推送与轮询",
        location={"displayName": "3F-12"},
        onlineMeetingInfo={"type": "dingtalk"},
        reminders=_ring(15, 60),
    )
    author.act("respond", guests[0], eventId=review, response="tentative")
    author.timed(who, "牙医 Dentist", author.weekday(3), ("08:30", "09:15"), reminders=_ring(1440, 30))
    author.timed(who, "Release window", author.weekday(3, 1), ("22:30", "23:59"), reminders=[])
    author.all_day(who, "杭州出差 Business trip", author.weekday(1, 1), 3, location={"displayName": "杭州"})
    author.all_day(who, "Rent", 4, reminders=_ring(900), recurrence=_monthly(author.date(4)))
    author.timed(
        who,
        "One-to-one",
        author.weekday(4),
        ("16:00", "16:30"),
        attendees=[{"id": guests[0]}],
        recurrence=_weekly((4,), interval=2, count=8),
    )
    author.timed(who, "读书会", author.weekday(2, 2), ("19:30", "21:00"), description="《凤凰项目》第 3 章")
    return stand_up


def _monthly(day: dt.date) -> dict[str, Any]:
    """Return a monthly rule on that day of the month."""
    pattern = {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": day.day, "firstDayOfWeek": "monday"}
    return {"pattern": pattern, "range": {"type": "noEnd"}}


def _manager(author: _Author, who: str, guests: list[str]) -> str:
    """Make the second person's month; return an invitation to the first."""
    planning = author.timed(
        who,
        "季度规划 Quarterly planning",
        author.weekday(2),
        ("14:00", "16:00"),
        attendees=[{"id": union_id} for union_id in guests],
        description="请提前准备各组目标。",
        location={"displayName": "西湖"},
    )
    for union_id, response in zip(guests, ("accepted", "declined", "tentative"), strict=False):
        author.act("respond", union_id, eventId=planning, response=response)
    author.timed(
        who,
        "Budget call",
        author.weekday(0, 1),
        ("11:00", "11:30"),
        onlineMeetingInfo={"type": "dingtalk"},
        reminders=_ring(10),
    )
    second_tuesday = {"type": "relativeMonthly", "interval": 1, "index": "second", "daysOfWeek": "tuesday"}
    author.timed(
        who,
        "All hands 全员会",
        _second_tuesday(author),
        ("17:00", "18:00"),
        attendees=[{"id": union_id} for union_id in guests],
        recurrence={
            "pattern": {**second_tuesday, "firstDayOfWeek": "monday"},
            "range": {"type": "numbered", "numberOfOccurrences": 12},
        },
    )
    author.all_day(who, "年假 Leave", author.weekday(4, 2), 4)
    author.timed(who, "面试 Interview", author.weekday(3, 1), ("15:00", "16:00"), reminders=_ring(15))
    return planning


def _second_tuesday(author: _Author) -> int:
    """Return the day of the first second Tuesday of a month, from the first day on."""
    day = author.weekday(1)
    while not 8 <= author.date(day).day <= 14:
        day += 7
    return day

"""Two employees and a month of events in WeCom, for the demo and for tests.

Everything is made through the simulator's own API and acts, so it obeys the vendor's rules. The same first
day gives the same month.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.messages import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.simulator.wecom import WecomSimulator

CHINA: Final = dt.timezone(dt.timedelta(hours=8))
"""The zone the two work in; WeCom's default ``timezone`` 8."""

COLOURS: Final = ("#3366CC", "#CC6633")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededWecom:
    """What was made."""

    calendars: dict[str, str]
    """``cal_id`` by userid: a calendar that the app made and shares with that person."""
    schedules: dict[str, list[str]]
    """``schedule_id``s by userid, in order of creation."""


class _Author:
    """Writes into one calendar in the name of the app."""

    def __init__(self, simulator: WecomSimulator, agent_id: int, first_day: dt.date) -> None:
        self._simulator = simulator
        self._first_day = first_day
        corp = simulator.office.corp
        query = {"corpid": [corp.corp_id], "corpsecret": [corp.agents[agent_id].secret]}
        answer = self._handle(Request(method="GET", path="/cgi-bin/gettoken", query=query))
        self._token: str = answer["access_token"]

    def call(self, path: str, **body: Any) -> dict[str, Any]:
        """POST to the simulator's API; raise RuntimeError when it refuses."""
        return self._handle(
            Request(
                method="POST",
                path=f"/cgi-bin/oa/{path}",
                query={"access_token": [self._token]},
                body=json.dumps(body).encode(),
            )
        )

    def act(self, what: str, **arguments: Any) -> Any:
        """Act as a person in the app."""
        return self._simulator.control("act", {"do": what, **arguments})

    def at(self, day: int, hour: int = 0, minute: int = 0) -> int:
        """Return seconds since 1970 of a time on day ``day`` (0 is the first)."""
        date = self._first_day + dt.timedelta(days=day)
        return int(dt.datetime.combine(date, dt.time(hour, minute), CHINA).timestamp())

    def weekday(self, isoweekday: int, week: int = 0) -> int:
        """Return the day of the first such weekday, ``week`` weeks later."""
        return (isoweekday - self._first_day.isoweekday()) % 7 + 7 * week

    def add(self, cal_id: str, summary: str, start: int, end: int, **more: Any) -> str:
        """Add a schedule; return its id."""
        diffs = more.pop("remind", [])
        repeat = more.pop("repeat", {"is_repeat": 0})
        people = [{"userid": userid} for userid in more.pop("attendees", [])]
        reminders = {"is_remind": int(bool(diffs)), "remind_time_diffs": diffs, "timezone": 8, **repeat}
        schedule = {
            "cal_id": cal_id,
            "summary": summary,
            "start_time": start,
            "end_time": end,
            "attendees": people,
            "reminders": reminders,
            **more,
        }
        return str(self.call("schedule/add", schedule=schedule)["schedule_id"])

    def _handle(self, request: Request) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._simulator.handle(request).body)
        if answer["errcode"]:
            msg = f"{request.path}: {answer['errmsg']}"
            raise RuntimeError(msg)
        return answer


def seed_wecom(
    simulator: WecomSimulator,
    month_start: dt.date,
    people: Sequence[str] = ("zhangsan", "lisi"),
    agent_id: int | None = None,
) -> SeededWecom:
    """Fill the month from ``month_start`` for two ``people``; return the calendars' ids.

    ``agent_id``: the app that owns the calendars; default: the first. Raises RuntimeError if a switch makes
    the vendor refuse something.
    """
    first, second = people[0], people[1]
    with simulator.lock:
        owner = agent_id if agent_id is not None else next(iter(simulator.office.corp.agents))
        author = _Author(simulator, owner, month_start)
        calendars = {
            userid: _calendar(author, simulator, userid, colour)
            for userid, colour in zip((first, second), COLOURS, strict=True)
        }
        schedules = {
            first: _engineer(author, calendars[first], [first, second, *_third(simulator, owner, people)]),
            second: _designer(author, calendars[second], second, first),
        }
        simulator.notices.clear()
    return SeededWecom(calendars=calendars, schedules=schedules)


def _third(simulator: WecomSimulator, agent_id: int, people: Sequence[str]) -> list[str]:
    """Return one more person that the app may invite, if there is one."""
    corp = simulator.office.corp
    others = [
        person.userid
        for person in corp.people.values()
        if person.userid not in people and corp.visible(corp.agents[agent_id], person.userid)
    ]
    return others[:1]


def _calendar(author: _Author, simulator: WecomSimulator, userid: str, colour: str) -> str:
    person = simulator.office.corp.person(userid)
    name = person.name if person is not None else userid
    calendar = {
        "summary": f"{name}的工作日历",
        "color": colour,
        "description": "",
        "admins": [userid],
        "shares": [{"userid": userid, "permission": 1}],
    }
    return str(author.call("calendar/add", calendar=calendar)["cal_id"])


def _weekly(*days: int, until: int, interval: int = 1) -> dict[str, Any]:
    return {
        "is_repeat": 1,
        "repeat_type": 1,
        "is_custom_repeat": 1,
        "repeat_interval": interval,
        "repeat_day_of_week": list(days),
        "repeat_until": until,
    }


def _engineer(author: _Author, cal_id: str, team: list[str]) -> list[str]:
    """Write a weekly series with an exclusion and a moved occurrence, stand-ups, a trip, a night, invitations."""
    at, monday = author.at, author.weekday(1)
    me, other = team[:2]
    until = at(30, 23, 59)
    sync = author.add(
        cal_id,
        "周例会 Weekly sync",
        at(monday, 10),
        at(monday, 11),
        description="议题:进度、风险、下周计划\nAgenda in the shared document.",
        location="3 号会议室",
        attendees=team,
        remind=[-900],
        repeat=_weekly(1, until=until),
    )
    author.call("schedule/del", schedule_id=sync, op_mode=1, op_start_time=at(monday + 7, 10))
    moved = author.call(
        "schedule/update",
        skip_attendees=1,
        op_mode=1,
        op_start_time=at(monday + 14, 10),
        schedule={
            "schedule_id": sync,
            "summary": "周例会(改到下午)Weekly sync, moved",
            "location": "5 号会议室",
            "start_time": at(monday + 14, 15),
            "end_time": at(monday + 14, 16),
            "reminders": {"is_remind": 1, "remind_time_diffs": [-900], "is_repeat": 0, "timezone": 8},
        },
    )["schedule_id"]
    first_workday = min(author.weekday(day) for day in range(1, 6))
    standup = author.add(
        cal_id,
        "站会 Stand-up",
        at(first_workday, 9, 30),
        at(first_workday, 9, 45),
        remind=[-300],
        repeat=_weekly(1, 2, 3, 4, 5, until=until),
    )
    milestone = author.add(
        cal_id, "项目里程碑 Project milestone", at(9), at(10) - 1, is_whole_day=1, remind=[32400]
    )
    trip = author.add(
        cal_id,
        "出差上海 Business trip to Shanghai",
        at(15),
        at(18) - 1,
        is_whole_day=1,
        location="上海",
        remind=[-86400],
    )
    night = author.add(
        cal_id,
        "系统上线 Release night",
        at(20, 22),
        at(21, 6),
        description="Rollback plan attached to ticket 4711.",
    )
    review = author.add(
        cal_id,
        "设计评审 Design review",
        at(5, 14),
        at(5, 15, 30),
        attendees=[me, other],
        location="Online",
        remind=[-3600, -900],
    )
    author.act("respond", userid=me, schedule_id=review, answer="accept")
    author.act("respond", userid=other, schedule_id=review, answer="tentative")
    lunch = author.add(cal_id, "午餐 Lunch", at(7, 12), at(7, 13), attendees=[me, other])
    author.act("respond", userid=other, schedule_id=lunch, answer="decline")
    payroll = author.add(
        cal_id,
        "报销截止 Expense report due",
        at(24, 17),
        at(24, 17, 30),
        remind=[-86400],
        repeat={"is_repeat": 1, "repeat_type": 2},
    )
    return [sync, str(moved), standup, milestone, trip, night, review, lunch, payroll]


def _designer(author: _Author, cal_id: str, me: str, other: str) -> list[str]:
    """Write fortnightly talks, a holiday, a birthday, a call abroad, a cancelled one."""
    at, thursday = author.at, author.weekday(4)
    talk = author.add(
        cal_id,
        "一对一 One-on-one",
        at(thursday, 16),
        at(thursday, 16, 30),
        attendees=[me, other],
        remind=[-900],
        repeat=_weekly(4, until=at(60, 23, 59), interval=2),
    )
    author.act("respond", userid=other, schedule_id=talk, answer="accept")
    leave = author.add(cal_id, "年假 Annual leave", at(11), at(13) - 1, is_whole_day=1)
    birthday = author.add(
        cal_id,
        "妈妈生日 Mum's birthday",
        at(18),
        at(19) - 1,
        is_whole_day=1,
        remind=[-604800, 32400],
        repeat={"is_repeat": 1, "repeat_type": 5},
    )
    call = author.add(
        cal_id,
        "客户电话会 Call with Example GmbH",
        at(3, 20),
        at(3, 21),
        location="https://meet.example.com/4711",
        description="Ansprechpartner: Frau Müller",
        remind=[-300],
    )
    workshop = author.add(
        cal_id, "用户研究 Workshop", at(22, 9), at(22, 17, 30), attendees=[me], remind=[-86400, -900]
    )
    dropped = author.add(cal_id, "取消的会议 Cancelled meeting", at(6, 11), at(6, 12))
    author.call("schedule/del", schedule_id=dropped)
    focus = author.add(cal_id, "", at(8, 9), at(8, 11))
    return [talk, leave, birthday, call, workshop, dropped, focus]

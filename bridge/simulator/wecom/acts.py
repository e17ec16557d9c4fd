"""What people do in the WeCom app; ``console`` has what administrators do.

Each act is a JSON object ``{"do": NAME, …}`` on the control verb ``act``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, NoReturn

from bridge.simulator.records import ControlError
from bridge.simulator.wecom import recurrence
from bridge.simulator.wecom.content import read_content
from bridge.simulator.wecom.errors import Refusal
from bridge.simulator.wecom.series import ALL, ONCE
from bridge.simulator.wecom.state import (
    CANCELLED,
    Calendar,
    Content,
    Person,
    Schedule,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.simulator.wecom.calendars import Calendars
    from bridge.simulator.wecom.console import Console
    from bridge.simulator.wecom.office import Office
    from bridge.simulator.wecom.series import Series

OCCURRENCES_MAX: Final = 100_000
"""Occurrences returned by one question."""

ANSWERS: Final = {
    ("accept", "all"): 2,
    ("accept", "once"): 3,
    ("accept", "future"): 5,
    ("tentative", "all"): 1,
    ("tentative", "once"): 6,
    ("tentative", "future"): 7,
    ("decline", "all"): 4,
    ("decline", "once"): 8,
    ("decline", "future"): 9,
}
"""``response_status`` by answer and reach (reference 5.1)."""

Arguments = dict[str, Any]


class Acts:
    """The acts by name."""

    def __init__(self, office: Office, calendars: Calendars, series: Series, console: Console) -> None:
        self._office = office
        self._calendars = calendars
        self._series = series
        self._acts: dict[str, Callable[[Arguments], Any]] = {
            "respond": self.respond,
            "edit": self.edit,
            "delete": self.delete,
            "create": self.create,
            "edit_calendar": self.edit_calendar,
            "delete_calendar": self.delete_calendar,
            "book_room": self.book_room,
            "occurrences": self.occurrences,
            "calendar_occurrences": self.calendar_occurrences,
            **console.acts(),
        }

    def play(self, arguments: Arguments) -> Any:
        """Do what ``arguments["do"]`` names; raise ``ControlError`` with the reason if it cannot be done."""
        act = self._acts.get(str(arguments.get("do")))
        if act is None:
            msg = f"no act {arguments.get('do')!r}; there are: {', '.join(self._acts)}"
            raise ControlError(msg)
        try:
            return act(arguments)
        except Refusal as refusal:
            msg = f"the app would refuse: {refusal.code} {refusal.detail}"
            raise ControlError(msg, status=409) from refusal
        except KeyError as error:
            msg = f"the act needs {error}"
            raise ControlError(msg) from error
        except (TypeError, ValueError) as error:
            msg = f"an argument has the wrong type: {error}"
            raise ControlError(msg) from error

    def respond(self, arguments: Arguments) -> Any:
        """Answer an invitation: ``{userid, schedule_id, answer, scope?}`` or a bare ``status``."""
        schedule, person = self._schedule(arguments), self._office.member(arguments["userid"])
        if person.userid not in schedule.content.attendees:
            self._refuse("only attendees answer")
        status = arguments.get("status")
        if status is None:
            key = (arguments["answer"], arguments.get("scope", "all"))
            if key not in ANSWERS:
                self._refuse(f"no answer {key}; there are: {sorted(ANSWERS)}")
            status = ANSWERS[key]
        schedule.responses[person.userid] = int(status)
        self._office.emit(
            schedule.agent_id,
            "respond_schedule",
            person.userid,
            CalId=schedule.cal_id,
            ScheduleId=schedule.schedule_id,
        )
        return {"response_status": int(status)}

    def edit(self, arguments: Arguments) -> Any:
        """Change fields as an admin in the app.

        ``{userid, schedule_id, fields, op_mode?, op_start_time?, force?}``: what ``fields`` leave out stays.
        """
        schedule = self._schedule(arguments)
        actor = self._admin(arguments, schedule)
        op_mode, moment = int(arguments.get("op_mode", ALL)), arguments.get("op_start_time")
        base = schedule.content
        if op_mode != ALL and moment is not None:
            base = dataclasses.replace(base, start=moment, end=moment + base.end - base.start)
        if op_mode == ONCE:
            base = dataclasses.replace(base, reminders=dataclasses.replace(base.reminders, is_repeat=0))
        fields = self._office.fields(arguments["fields"], "schedule")
        content = read_content(fields, base, self._office.switches, by_client=True)
        self._series.check(schedule, op_mode, moment, content)
        before = set(schedule.content.attendees)
        part = self._series.update(schedule, content, op_mode, moment)
        self._tell(part, "update", before)
        told = {"A": [schedule], "B": [part], "both": [schedule, part]}
        unique = {item.schedule_id: item for item in told[self._office.switches["admin_split_event"]]}
        for item in unique.values():
            self._event("modify_schedule", actor, item)
        return {"schedule_id": part.schedule_id}

    def delete(self, arguments: Arguments) -> Any:
        """Delete as an admin in the app: ``{userid, schedule_id, op_mode?, op_start_time?, force?}``."""
        schedule = self._schedule(arguments)
        actor = self._admin(arguments, schedule)
        op_mode, moment = int(arguments.get("op_mode", ALL)), arguments.get("op_start_time")
        self._series.check(schedule, op_mode, moment, None)
        self._series.delete(schedule, op_mode, moment)
        self._tell(schedule, "del", set())
        self._event("delete_schedule" if schedule.status == CANCELLED else "modify_schedule", actor, schedule)
        return {}

    def create(self, arguments: Arguments) -> Any:
        """Make a schedule by hand: ``{userid, schedule, cal_id?}``; without ``cal_id`` in the person's own."""
        person = self._office.member(arguments["userid"])
        fields = self._office.fields(arguments["schedule"], "schedule")
        content = read_content(fields, Content(), self._office.switches, by_client=True)
        agent_id, cal_id = 0, str(arguments.get("cal_id", ""))
        if cal_id:
            calendar = self._calendar(cal_id)
            if not self._office.switches["users_may_add"]:
                self._refuse("people cannot add schedules to a calendar that an app made")
            agent_id = calendar.agent_id
        else:
            cal_id = self._own_calendar(person).cal_id
        schedule = Schedule(
            schedule_id=self._office.corp.new_schedule_id(),
            cal_id=cal_id,
            agent_id=agent_id,
            maker=person.userid,
            organizer=person.userid,
            content=content,
            sequence=self._series.next_sequence(),
            created_at=self._office.clock.now(),
        )
        self._office.corp.schedules[schedule.schedule_id] = schedule
        self._tell(schedule, "add", set())
        self._event("add_schedule", person.userid, schedule)
        return {"schedule_id": schedule.schedule_id, "cal_id": cal_id}

    def edit_calendar(self, arguments: Arguments) -> Any:
        """Change a calendar as its admin: ``{userid, cal_id, fields: {summary?, color?, description?}}``."""
        calendar = self._calendar(arguments["cal_id"])
        actor = self._calendar_admin(arguments, calendar)
        for name in ("summary", "color", "description"):
            if name in arguments["fields"]:
                setattr(calendar, name, str(arguments["fields"][name]))
        self._office.tell(calendar.shares, "calendar_update", calendar.cal_id, calendar.summary)
        self._office.emit(calendar.agent_id, "modify_calendar", actor, CalId=calendar.cal_id)
        return {}

    def delete_calendar(self, arguments: Arguments) -> Any:
        """Delete a calendar as its admin: ``{userid, cal_id}``."""
        calendar = self._calendar(arguments["cal_id"])
        actor = self._calendar_admin(arguments, calendar)
        self._calendars.remove(calendar)
        self._office.emit(calendar.agent_id, "delete_calendar", actor, CalId=calendar.cal_id)
        return {}

    def book_room(self, arguments: Arguments) -> Any:
        """Book a meeting room for a schedule, or cancel it: ``{schedule_id, booked?}``."""
        schedule = self._schedule(arguments)
        schedule.room_booked = bool(arguments.get("booked", True))
        return {"room_booked": schedule.room_booked}

    def occurrences(self, arguments: Arguments) -> Any:
        """Return ``[[start, end], …]`` of a schedule with starts in [``from``, ``to``)."""
        return [[start, end] for start, end in self._occurrences(self._schedule(arguments), arguments)]

    def calendar_occurrences(self, arguments: Arguments) -> Any:
        """Return what the app shows of a calendar from ``from`` to ``to``, earliest first."""
        cal_id = str(arguments["cal_id"])
        calendar = self._office.corp.calendars.get(cal_id)
        if calendar is None or calendar.deleted:
            return []
        rows = [
            {
                "start": start,
                "end": end,
                "schedule_id": schedule.schedule_id,
                "summary": schedule.content.summary,
                "is_whole_day": schedule.content.is_whole_day,
            }
            for schedule in self._office.corp.schedules.values()
            if schedule.cal_id == cal_id
            for start, end in self._occurrences(schedule, arguments)
        ]
        return sorted(rows, key=lambda row: (row["start"], row["end"], row["schedule_id"]))

    def _occurrences(self, schedule: Schedule, arguments: Arguments) -> list[tuple[int, int]]:
        if schedule.status == CANCELLED:
            return []
        begin, end = int(arguments["from"]), int(arguments["to"])
        length = schedule.content.end - schedule.content.start
        how = recurrence.reading(self._office.switches)
        found: list[tuple[int, int]] = []
        for start in recurrence.starts(schedule, how, begin=begin, end=end):
            found.append((start, start + length))
            if len(found) >= OCCURRENCES_MAX:
                break
        return found

    def _tell(self, schedule: Schedule, what: str, before: set[str]) -> None:
        calendar = self._office.corp.calendars.get(schedule.cal_id)
        people = before | set(schedule.content.attendees) | self._office.calendar_people(calendar)
        self._office.tell(people, f"schedule_{what}", schedule.schedule_id, schedule.content.summary)

    def _event(self, event: str, actor: str, schedule: Schedule) -> None:
        self._office.emit(
            schedule.agent_id, event, actor, CalId=schedule.cal_id, ScheduleId=schedule.schedule_id
        )

    def _refuse(self, why: str) -> NoReturn:
        raise ControlError(why, status=409)

    def _schedule(self, arguments: Arguments) -> Schedule:
        schedule = self._office.corp.schedules.get(str(arguments["schedule_id"]))
        if schedule is None:
            msg = "no such schedule"
            raise ControlError(msg)
        return schedule

    def _calendar(self, cal_id: str) -> Calendar:
        calendar = self._office.corp.calendars.get(str(cal_id))
        if calendar is None or calendar.deleted:
            msg = "no such calendar"
            raise ControlError(msg)
        return calendar

    def _own_calendar(self, person: Person) -> Calendar:
        corp = self._office.corp
        for calendar in corp.calendars.values():
            if calendar.owner == person.userid:
                return calendar
        calendar = Calendar(
            cal_id=corp.new_cal_id(), agent_id=0, owner=person.userid, summary=f"{person.name}的日历"
        )
        corp.calendars[calendar.cal_id] = calendar
        return calendar

    def _admin(self, arguments: Arguments, schedule: Schedule) -> str:
        """Return the acting person's userid; only admins (and makers) may edit."""
        person = self._office.member(arguments["userid"])
        calendar = self._office.corp.calendars.get(schedule.cal_id)
        admins = {*schedule.content.admins, schedule.maker, *(calendar.admins if calendar else ())}
        if person.userid not in admins and not arguments.get("force"):
            self._refuse("only an admin of the schedule or of its calendar may change it")
        if schedule.status == CANCELLED:
            self._refuse("the schedule is cancelled")
        return person.userid

    def _calendar_admin(self, arguments: Arguments, calendar: Calendar) -> str:
        person = self._office.member(arguments["userid"])
        if person.userid not in calendar.admins and not arguments.get("force"):
            self._refuse("only an admin of the calendar may change it")
        return person.userid

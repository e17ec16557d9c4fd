"""``oa/schedule/*`` (reference section 5)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.wecom import errors
from bridge.simulator.wecom.content import LIST_MAX, read_content, read_userids
from bridge.simulator.wecom.errors import Refusal
from bridge.simulator.wecom.fields import Fields, reject
from bridge.simulator.wecom.office import Caller, Office, Route
from bridge.simulator.wecom.series import ALL, ONCE, Series
from bridge.simulator.wecom.show import show_schedule
from bridge.simulator.wecom.state import CANCELLED, Content, Schedule

if TYPE_CHECKING:
    from bridge.simulator.wecom.calendars import Calendars
    from bridge.simulator.wecom.rates import Rates
    from bridge.simulator.wecom.state import Agent

IDS_MAX: Final = 1000
PAGE_MAX: Final = 1000
PAGE: Final = 500
"""``limit`` of get_by_calendar when it is left out."""

REMOVED_MAX: Final = 1000
"""Elements of del_attendees (2025-05 page)."""

LIST_ORDERS: Final = {
    "newest_first": lambda schedule: -schedule.sequence,
    "by_start": lambda schedule: (schedule.content.start, schedule.schedule_id),
    "by_id": lambda schedule: schedule.schedule_id,
}


class Schedules:
    """The schedule endpoints."""

    def __init__(self, office: Office, calendars: Calendars, series: Series, rates: Rates) -> None:
        self._office = office
        self._calendars = calendars
        self._series = series
        self._rates = rates

    def routes(self) -> dict[str, Route]:
        """Return the endpoints by path below ``/cgi-bin/``."""
        acts = {
            "add": self.add,
            "update": self.update,
            "get": self.get,
            "del": self.delete,
            "add_attendees": self.add_attendees,
            "del_attendees": self.del_attendees,
        }
        both = ("self_built", "meeting_room")
        routes = {
            f"oa/schedule/{name}": Route(method="POST", act=act, kinds=both, schedule_api=True)
            for name, act in acts.items()
        }
        routes["oa/schedule/get_by_calendar"] = Route(
            method="POST", act=self.get_by_calendar, schedule_api=True
        )
        return routes

    def add(self, caller: Caller) -> dict[str, Any]:
        """Create a schedule."""
        given = caller.body.object("schedule")
        given.require("start_time", "end_time")
        organizer = self._organizer(given, None)
        content = read_content(given, Content(), self._office.switches)
        cal_id = given.ident("cal_id", "") or caller.agent.default_cal_id
        if not cal_id:
            raise Refusal(errors.NO_DEFAULT_CALENDAR)
        calendar = self._calendars.find(caller.agent, cal_id)
        content = self._with_people(content, content.attendees, cal_id, caller.agent, organizer)
        past = self._office.switches["past_start_on_add"]
        if past != "allowed" and content.start < self._office.now():
            raise Refusal(int(past))
        day_key = f"schedules {caller.agent.agent_id}"
        if self._rates.today(day_key) >= self._office.switches["quota_schedules_per_day"]:
            raise Refusal(errors.TOO_MANY_CALLS, "schedules of the day")
        self._rates.spend(day_key)
        schedule = Schedule(
            schedule_id=self._office.corp.new_schedule_id(),
            cal_id=calendar.cal_id,
            agent_id=caller.agent.agent_id,
            organizer=organizer,
            content=content,
            sequence=self._series.next_sequence(),
            created_at=self._office.clock.now(),
        )
        self._office.corp.schedules[schedule.schedule_id] = schedule
        self._told(schedule, "add", set())
        return {"schedule_id": schedule.schedule_id}

    def update(self, caller: Caller) -> dict[str, Any]:
        """Overwrite a schedule, one occurrence of it, or one and all later ones."""
        given = caller.body.object("schedule")
        old = self.find(caller.agent, given.ident("schedule_id"))
        if self._office.switches["update_requires_times"]:
            given.require("start_time", "end_time")
        self._organizer(given, old)
        op_mode, moment = self._operation(caller.body)
        content = read_content(given, self._base(old), self._office.switches)
        attendees = old.content.attendees if self._skips_attendees(caller.body, given) else content.attendees
        known = frozenset(old.content.attendees) if attendees is old.content.attendees else frozenset()
        content = self._with_people(content, attendees, old.cal_id, caller.agent, old.organizer, known=known)
        self._series.check(old, op_mode, moment, content)
        self._check_times(old, content, op_mode)
        before = set(old.content.attendees)
        changed = self._series.update(old, content, op_mode, moment)
        self._told(changed, "update", before)
        if changed is not old or self._office.switches["update_reply_id"]:
            return {"schedule_id": changed.schedule_id}
        return {}

    def delete(self, caller: Caller) -> dict[str, Any]:
        """Cancel a schedule, one occurrence of it, or one and all later ones."""
        schedule_id = caller.body.ident("schedule_id")
        op_mode, moment = self._operation(caller.body)
        known = self._office.corp.schedules.get(schedule_id)
        again = known is not None and known.status == CANCELLED and known.agent_id == caller.agent.agent_id
        if again and self._office.switches["second_del"] == "0":
            return {}
        schedule = self.find(caller.agent, schedule_id)
        self._series.check(schedule, op_mode, moment, None)
        self._series.delete(schedule, op_mode, moment)
        self._told(schedule, "del", set())
        return {}

    def add_attendees(self, caller: Caller) -> dict[str, Any]:
        """Add people; those who are in already stay as they are."""
        schedule, given = self._people_call(caller, LIST_MAX)
        added = self._resolve(given, caller.agent, frozenset())
        present = set(schedule.content.attendees)
        self._check_redundant(any(userid in present for userid in added))
        everybody = tuple(dict.fromkeys((*schedule.content.attendees, *added)))
        if len(everybody) > self._office.switches["attendees_max"]:
            raise Refusal(errors.TOO_MANY_ATTENDEES)
        schedule.content = dataclasses.replace(schedule.content, attendees=everybody)
        self._told(schedule, "add_attendees", set())
        return {}

    def del_attendees(self, caller: Caller) -> dict[str, Any]:
        """Remove people; those who are not in do not matter."""
        schedule, given = self._people_call(caller, REMOVED_MAX)
        gone = {userid.lower() for userid in given}
        before = set(schedule.content.attendees)
        self._check_redundant(bool(gone - {userid.lower() for userid in before}))
        left = tuple(userid for userid in schedule.content.attendees if userid.lower() not in gone)
        schedule.content = dataclasses.replace(schedule.content, attendees=left)
        schedule.responses = {user: answer for user, answer in schedule.responses.items() if user in left}
        self._told(schedule, "del_attendees", before)
        return {}

    def get(self, caller: Caller) -> dict[str, Any]:
        """Return schedules by id, with all fields."""
        ids = caller.body.idents("schedule_id_list", (), count_max=IDS_MAX)
        if not ids:
            raise Refusal(errors.NO_SCHEDULE_IDS)
        found = [
            item for schedule_id in dict.fromkeys(ids) if (item := self._listed(caller.agent, schedule_id))
        ]
        if self._office.switches["get_order"] == "creation":
            order = {schedule_id: place for place, schedule_id in enumerate(self._office.corp.schedules)}
            found.sort(key=lambda schedule: order[schedule.schedule_id])
        return {"schedule_list": [self.show(schedule, full=True) for schedule in found]}

    def get_by_calendar(self, caller: Caller) -> dict[str, Any]:
        """Return one page of a calendar's schedules, with the documented subset of fields."""
        cal_id = caller.body.ident("cal_id")
        low = -(2**31)
        offset, limit = caller.body.number("offset", 0, low=low), caller.body.number("limit", PAGE, low=low)
        if offset < 0:
            raise Refusal(errors.BAD_OFFSET)
        if not 1 <= limit <= PAGE_MAX:
            raise Refusal(errors.PAGE_TOO_LARGE)
        self._calendars.find(caller.agent, cal_id)
        cap = self._office.switches["list_page_cap"]
        page = self._in_calendar(cal_id)[offset : offset + (min(limit, cap) if cap else limit)]
        full = self._office.switches["list_superset"]
        return {"schedule_list": [self.show(schedule, full=full, listed=True) for schedule in page]}

    def show(self, schedule: Schedule, *, full: bool, listed: bool = False) -> dict[str, Any]:
        """Return the schedule as ``get`` (``full``) or get_by_calendar (``listed``) shows it."""
        agent = self._office.corp.agents.get(schedule.agent_id)
        is_default = agent is not None and agent.default_cal_id == schedule.cal_id
        return show_schedule(
            schedule, self._office.switches, full=full, listed=listed, in_default_calendar=is_default
        )

    def find(self, agent: Agent, schedule_id: str, *, read: bool = False) -> Schedule:
        """Return a schedule that the app may write, or ``read``; raise ``Refusal`` with the reason."""
        schedule = self._office.corp.schedules.get(schedule_id)
        if schedule is None:
            raise Refusal(errors.BAD_SCHEDULE_ID)
        if schedule.maker and not (read and schedule.agent_id == agent.agent_id):
            raise Refusal(errors.USERS_OWN if read else errors.USERS_OWN_WRITE)
        if schedule.agent_id != agent.agent_id:
            raise Refusal(errors.FOREIGN)
        calendar = self._office.corp.calendars.get(schedule.cal_id)
        fate = self._office.switches["calendar_deleted_schedules"]
        if (calendar is None or calendar.deleted) and fate != "cancelled":
            raise Refusal(int(fate))
        if schedule.status == CANCELLED and not read:
            raise Refusal(int(self._office.switches["update_cancelled"]))
        return schedule

    def _listed(self, agent: Agent, schedule_id: str) -> Schedule | None:
        omitted = {errors.BAD_SCHEDULE_ID: "unknown_id_in_list", errors.FOREIGN: "foreign_id_in_list"}
        try:
            return self.find(agent, schedule_id, read=True)
        except Refusal as refusal:
            if refusal.code in omitted and self._office.switches[omitted[refusal.code]] == "omit":
                return None
            raise

    def _in_calendar(self, cal_id: str) -> list[Schedule]:
        switches, now = self._office.switches, self._office.clock.now()
        found = [
            schedule
            for schedule in self._office.corp.schedules.values()
            if schedule.cal_id == cal_id
            and (switches["list_cancelled"] or schedule.status != CANCELLED)
            and (not switches["list_delay_s"] or schedule.created_at + switches["list_delay_s"] <= now)
        ]
        order = LIST_ORDERS.get(switches["list_order"])
        return sorted(found, key=order) if order is not None else found

    def _operation(self, body: Fields) -> tuple[int, int | None]:
        """Return ``op_mode`` and, for 1 and 2, ``op_start_time``."""
        op_mode = body.number("op_mode", ALL)
        moment = body.number("op_start_time", 0)
        return op_mode, moment if "op_start_time" in body else None

    def _base(self, old: Schedule) -> Content:
        """Return what an update's omitted fields fall back to."""
        if self._office.switches["omitted_on_update"] == "kept":
            return old.content
        return Content(start=old.content.start, end=old.content.end)

    def _skips_attendees(self, body: Fields, given: Fields) -> bool:
        if body.flag("skip_attendees", 0):
            return True
        legacy = given.raw("skip_attendees")
        return self._office.switches["legacy_skip_attendees"] and (legacy is True or legacy == 1)

    def _check_times(self, old: Schedule, content: Content, op_mode: int) -> None:
        """Refuse a start moved into the past (90706) and times of a booked room (90700)."""
        moved = content.start != old.content.start and content.start < self._office.now()
        single = not old.content.reminders.is_repeat and not content.reminders.is_repeat
        if op_mode == ALL and single and moved:
            raise Refusal(errors.START_IN_PAST)
        strict = self._office.switches["past_start_on_split"] == "90706"
        if op_mode == ONCE and strict and content.start < self._office.now():
            raise Refusal(errors.START_IN_PAST)
        if old.room_booked and _time_fields(old.content) != _time_fields(content):
            raise Refusal(errors.ROOM_BOOKED)

    def _organizer(self, given: Fields, old: Schedule | None) -> str:
        """Judge the legacy ``organizer`` and return it, empty where it is ignored."""
        mode = self._office.switches["organizer_sent"]
        if mode == "90493" and "organizer" in given:
            raise Refusal(errors.DEPRECATED)
        if mode != "required":
            return ""
        if old is None and "organizer" not in given:
            raise Refusal(errors.ORGANIZER_MISSING)
        organizer = given.ident("organizer", old.organizer if old else "")
        if old is not None and organizer.lower() != old.organizer.lower():
            raise Refusal(errors.ORGANIZER_FIXED)
        return organizer

    def _with_people(
        self,
        content: Content,
        attendees: tuple[str, ...],
        cal_id: str,
        agent: Agent,
        organizer: str,
        *,
        known: frozenset[str] = frozenset(),
    ) -> Content:
        """Return ``content`` with attendees and admins resolved; people in ``known`` are not judged again."""
        people = self._resolve(attendees, agent, known)
        if organizer and organizer.lower() in {userid.lower() for userid in people}:
            raise Refusal(errors.ORGANIZER_ATTENDS)
        admins = tuple(
            person.userid if (person := self._office.corp.person(userid)) else userid
            for userid in content.admins
        )
        shares = self._office.calendar_people(self._office.corp.calendars.get(cal_id))
        allowed = {
            "both": shares & set(people),
            "shares": shares,
            "attendees": set(people),
            "either": shares | set(people),
        }[self._office.switches["schedule_admins_within"]]
        if set(admins) - allowed:
            raise Refusal(errors.ADMIN_NOT_MEMBER)
        return dataclasses.replace(content, attendees=people, admins=admins)

    def _resolve(self, userids: tuple[str, ...], agent: Agent, known: frozenset[str]) -> tuple[str, ...]:
        found: list[str] = []
        for userid in userids:
            if userid in known:
                found.append(userid)
                continue
            person = self._office.corp.visible(agent, userid)
            if person is not None:
                found.append(person.userid)
            elif self._office.switches["invalid_attendee"] != "drop":
                raise Refusal(errors.USER_MISSING)
        return tuple(dict.fromkeys(found))

    def _people_call(self, caller: Caller, count_max: int) -> tuple[Schedule, tuple[str, ...]]:
        schedule = self.find(caller.agent, caller.body.ident("schedule_id"))
        caller.body.require("attendees")
        given = read_userids(caller.body, count_max=count_max)
        if not given:
            reject("attendees", "empty")
        return schedule, given

    def _check_redundant(self, redundant: bool) -> None:
        if redundant and self._office.switches["redundant_attendees"] != "ok":
            raise Refusal(errors.BAD_USERIDS)

    def _told(self, schedule: Schedule, what: str, before: set[str]) -> None:
        """Notify the people concerned, and the app itself where the switch says so."""
        calendar = self._office.corp.calendars.get(schedule.cal_id)
        people = before | set(schedule.content.attendees) | self._office.calendar_people(calendar)
        self._office.tell(people, f"schedule_{what}", schedule.schedule_id, schedule.content.summary)
        event = {"add": "add_schedule", "del": "delete_schedule"}.get(what, "modify_schedule")
        self._office.emit_own(
            schedule.agent_id, event, CalId=schedule.cal_id, ScheduleId=schedule.schedule_id
        )


def _time_fields(content: Content) -> tuple[object, ...]:
    """Return what must not change while a meeting room is booked (reference 5.4)."""
    rule = content.reminders
    repeat = dataclasses.replace(rule, is_remind=0, before_secs=0, diffs=())
    return content.start, content.end, content.is_whole_day, repeat

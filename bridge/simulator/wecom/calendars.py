"""``oa/calendar/*`` (reference section 4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.wecom import errors
from bridge.simulator.wecom.errors import Refusal
from bridge.simulator.wecom.fields import Fields, reject
from bridge.simulator.wecom.office import Caller, Office, Route
from bridge.simulator.wecom.state import CANCELLED, Calendar

if TYPE_CHECKING:
    from bridge.simulator.wecom.state import Agent

SUMMARY_MAX: Final = 128
DESCRIPTION_MAX: Final = 512
SHARES_MAX: Final = 2000
ADMINS_MAX: Final = 3
RANGE_USERS_MAX: Final = 1000
RANGE_PARTIES_MAX: Final = 100
IDS_MAX: Final = 1000

COLOUR: Final = re.compile(r"#[0-9A-Fa-f]{6}")

CALENDAR_FIELDS: Final = frozenset(
    {
        "cal_id", "admins", "set_as_default", "summary", "color", "description", "shares", "is_public",
        "public_range", "is_corp_calendar", "organizer", "readonly",
    }
)  # fmt: skip


class Calendars:
    """The calendar endpoints."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def routes(self) -> dict[str, Route]:
        """Return the endpoints by path below ``/cgi-bin/``."""
        acts = {"add": self.add, "update": self.update, "get": self.get, "del": self.delete}
        return {
            f"oa/calendar/{name}": Route(method="POST", act=act, schedule_api=True)
            for name, act in acts.items()
        }

    def add(self, caller: Caller) -> dict[str, Any]:
        """Create a calendar."""
        given = self._given(caller)
        agent, corp = caller.agent, self._office.corp
        calendar = Calendar(
            cal_id="",
            agent_id=agent.agent_id,
            organizer=given.ident("organizer", "") if self._organizer_required(given) else "",
            is_public=given.flag("is_public", 0),
            is_corp=given.flag("is_corp_calendar", 0),
        )
        failed = self._fill(calendar, Calendar(cal_id="", agent_id=0), given, agent)
        self._read_range(calendar, given)
        make_default = given.flag("set_as_default", 0) and not calendar.is_corp
        self._check_quota(calendar)
        calendar.cal_id = corp.new_cal_id()
        corp.calendars[calendar.cal_id] = calendar
        if make_default:
            agent.default_cal_id = calendar.cal_id
        self._office.tell(calendar.shares, "calendar_add", calendar.cal_id, calendar.summary)
        self._office.emit_own(agent.agent_id, "add_calendar", CalId=calendar.cal_id)
        return {"cal_id": calendar.cal_id, **failed}

    def update(self, caller: Caller) -> dict[str, Any]:
        """Overwrite a calendar."""
        given = self._given(caller)
        calendar = self.find(caller.agent, given.ident("cal_id"))
        kept = self._office.switches["omitted_on_update"] == "kept"
        before = set(calendar.shares)
        draft = Calendar(
            cal_id=calendar.cal_id,
            agent_id=calendar.agent_id,
            is_public=calendar.is_public,
            is_corp=calendar.is_corp,
            range_users=calendar.range_users,
            range_parties=calendar.range_parties,
            color=calendar.color,
        )
        base = calendar if kept else Calendar(cal_id="", agent_id=0)
        failed = self._fill(draft, base, given, caller.agent)
        if not caller.body.flag("skip_public_range", 0) and not (kept and "public_range" not in given):
            self._read_range(draft, given)
        for name in ("summary", "color", "description", "admins", "shares", "range_users", "range_parties"):
            setattr(calendar, name, getattr(draft, name))
        self._office.tell(before | set(calendar.shares), "calendar_update", calendar.cal_id, calendar.summary)
        self._office.emit_own(calendar.agent_id, "modify_calendar", CalId=calendar.cal_id)
        return failed

    def get(self, caller: Caller) -> dict[str, Any]:
        """Return calendars by id."""
        ids = caller.body.idents("cal_id_list", (), count_max=IDS_MAX)
        if not ids:
            raise Refusal(errors.NO_CALENDAR_IDS)
        found = [
            calendar for cal_id in dict.fromkeys(ids) if (calendar := self._listed(caller.agent, cal_id))
        ]
        if self._office.switches["get_order"] == "creation":
            order = list(self._office.corp.calendars)
            found.sort(key=lambda calendar: order.index(calendar.cal_id))
        return {"calendar_list": [self.render(calendar) for calendar in found]}

    def delete(self, caller: Caller) -> dict[str, Any]:
        """Delete a calendar and what is in it."""
        calendar = self.find(caller.agent, caller.body.ident("cal_id"))
        self.remove(calendar)
        self._office.emit_own(calendar.agent_id, "delete_calendar", CalId=calendar.cal_id)
        return {}

    def remove(self, calendar: Calendar) -> None:
        """Delete ``calendar``, whoever asked."""
        calendar.deleted = True
        for agent in self._office.corp.agents.values():
            if agent.default_cal_id == calendar.cal_id:
                agent.default_cal_id = ""
        if self._office.switches["calendar_deleted_schedules"] == "cancelled":
            for schedule in self._office.corp.schedules.values():
                if schedule.cal_id == calendar.cal_id:
                    schedule.status = CANCELLED
        self._office.tell(calendar.shares, "calendar_del", calendar.cal_id, calendar.summary)

    def find(self, agent: Agent, cal_id: str) -> Calendar:
        """Return the app's own calendar; refuse with 90457, 90459 or 90466."""
        calendar = self._office.corp.calendars.get(cal_id)
        if calendar is None:
            raise Refusal(errors.BAD_CALENDAR_ID)
        if calendar.agent_id != agent.agent_id:
            raise Refusal(errors.FOREIGN, "=invalid calendar id (belongs to other app)")
        if calendar.deleted:
            raise Refusal(errors.CALENDAR_DELETED)
        return calendar

    def render(self, calendar: Calendar) -> dict[str, Any]:
        """Return the calendar as ``get`` shows it."""
        key = self._office.switches["adminis_key"]
        shown: dict[str, Any] = {"cal_id": calendar.cal_id}
        if key in ("admins", "both"):
            shown["admins"] = list(calendar.admins)
        if key in ("adminis", "both"):
            shown["adminis"] = list(calendar.admins)
        if self._office.switches["organizer_sent"] == "required":
            shown["organizer"] = calendar.organizer
        return shown | {
            "summary": calendar.summary,
            "color": calendar.color,
            "description": calendar.description,
            "shares": [{"userid": user, "permission": level} for user, level in calendar.shares.items()],
            "is_public": calendar.is_public,
            "public_range": {"userids": list(calendar.range_users), "partyids": list(calendar.range_parties)},
            "is_corp_calendar": calendar.is_corp,
        }

    def _listed(self, agent: Agent, cal_id: str) -> Calendar | None:
        """Return the calendar for a list, or None where a switch leaves it out."""
        omitted = {
            errors.BAD_CALENDAR_ID: "unknown_id_in_list",
            errors.FOREIGN: "foreign_id_in_list",
            errors.CALENDAR_DELETED: "deleted_calendar_in_list",
        }
        try:
            return self.find(agent, cal_id)
        except Refusal as refusal:
            if self._office.switches[omitted[refusal.code]] == "omit":
                return None
            raise

    def _given(self, caller: Caller) -> Fields:
        given = caller.body.object("calendar")
        mode = self._office.switches["organizer_sent"]
        if mode == "90493" and ("organizer" in given or "readonly" in given):
            raise Refusal(errors.DEPRECATED)
        if self._office.switches["unknown_fields"] == "refuse" and given.names() - CALENDAR_FIELDS:
            reject("calendar", "unknown field")
        return given

    def _organizer_required(self, given: Fields) -> bool:
        if self._office.switches["organizer_sent"] != "required":
            return False
        if "organizer" not in given:
            raise Refusal(errors.ORGANIZER_MISSING)
        return True

    def _fill(self, calendar: Calendar, base: Calendar, given: Fields, agent: Agent) -> dict[str, Any]:
        """Write what was given into ``calendar``; return ``fail_result`` if people were left out."""
        given.require("summary")
        if not calendar.is_corp:
            given.require("color")
        calendar.summary = given.text("summary", "", chars_max=SUMMARY_MAX, empty=False)
        calendar.description = given.text("description", base.description, chars_max=DESCRIPTION_MAX)
        if not calendar.is_corp:
            calendar.color = given.text("color", "", chars_max=SUMMARY_MAX)
            if not COLOUR.fullmatch(calendar.color):
                raise Refusal(errors.BAD_COLOUR)
        failed: list[dict[str, Any]] = []
        calendar.shares = dict(base.shares)
        if "shares" in given:
            calendar.shares, failed = self._read_shares(given, calendar, agent)
        admins = given.idents("admins", tuple(base.admins), count_max=ADMINS_MAX)
        calendar.admins = list(dict.fromkeys(self._canonical(userid) for userid in admins))
        if set(calendar.admins) - set(calendar.shares):
            raise Refusal(errors.ADMIN_NOT_MEMBER)
        return {"fail_result": {"shares": failed}} if failed else {}

    def _canonical(self, userid: str) -> str:
        person = self._office.corp.person(userid)
        return userid if person is None else person.userid

    def _read_shares(
        self, given: Fields, calendar: Calendar, agent: Agent
    ) -> tuple[dict[str, int], list[dict[str, Any]]]:
        shares: dict[str, int] = {}
        failed: list[dict[str, Any]] = []
        limit = self._office.switches["quota_shared_per_user"]
        for item in given.objects("shares", count_max=SHARES_MAX):
            userid, permission = item.ident("userid"), item.number("permission", 1)
            if permission not in (1, 3):
                reject("shares[].permission", "must be 1 or 3")
            person = self._office.corp.visible(agent, userid)
            if person is None:
                failed.append(self._failed(self._office.switches["fail_result_code"], userid))
            elif self._shared_to(person.userid, calendar.cal_id) >= limit:
                failed.append(self._failed(errors.TOO_MANY_CALENDARS, userid))
            else:
                shares[person.userid] = permission
        return shares, failed

    def _failed(self, code: int, userid: str) -> dict[str, Any]:
        return {"errcode": code, "errmsg": errors.TEXTS[code], "userid": userid}

    def _shared_to(self, userid: str, but: str) -> int:
        return sum(
            userid in calendar.shares and not calendar.deleted and calendar.cal_id != but
            for calendar in self._office.corp.calendars.values()
        )

    def _read_range(self, calendar: Calendar, given: Fields) -> None:
        if not (calendar.is_public or calendar.is_corp):
            return
        if "public_range" not in given:
            raise Refusal(errors.RANGE_MISSING)
        own = given.object("public_range")
        calendar.range_users = list(own.idents("userids", (), count_max=RANGE_USERS_MAX))
        parties = own.numbers("partyids", (), low=0, high=2**32 - 1, count_max=RANGE_PARTIES_MAX)
        calendar.range_parties = list(parties)

    def _check_quota(self, calendar: Calendar) -> None:
        alive = [item for item in self._office.corp.calendars.values() if not item.deleted and item.agent_id]
        switches = self._office.switches
        own = sum(item.agent_id == calendar.agent_id for item in alive)
        public = sum(item.is_public for item in alive)
        corp_wide = sum(item.is_corp for item in alive)
        if (
            own >= switches["quota_calendars_per_app"]
            or (calendar.is_public and public >= switches["quota_public_calendars"])
            or (calendar.is_corp and corp_wide >= switches["quota_corp_calendars"])
        ):
            raise Refusal(errors.TOO_MANY_CALENDARS)

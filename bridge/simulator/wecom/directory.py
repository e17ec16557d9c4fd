"""People, departments and logins (reference sections 11 and 12)."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.wecom import errors
from bridge.simulator.wecom.errors import Refusal
from bridge.simulator.wecom.fields import ID_BYTES_MAX, reject
from bridge.simulator.wecom.office import Caller, Office, Route
from bridge.simulator.wecom.state import LEFT, Department, Person

if TYPE_CHECKING:
    from bridge.simulator.wecom.rates import Rates
    from bridge.simulator.wecom.state import Agent

CODE_S: Final = 300
"""Seconds an OAuth code lives."""

TICKET_S: Final = 1800
"""Seconds a user_ticket lives."""

LIST_ID_MAX: Final = 10_000
DETAILS: Final = ("email", "biz_mail", "mobile")
"""Fields that apps created since 2022-06-20 do not get."""

CALLBACK_IPS: Final = ["127.0.0.1"]

READERS: Final = ("self_built", "meeting_room", "contact_sync")


@dataclass(slots=True, kw_only=True)
class _Login:
    """An OAuth code or a user_ticket."""

    userid: str
    expires_at: float
    with_ticket: bool = False


class Directory:
    """The directory endpoints."""

    def __init__(self, office: Office, rates: Rates) -> None:
        self._office = office
        self._rates = rates
        self._codes: dict[str, _Login] = {}
        self._tickets: dict[str, _Login] = {}
        self._made = 0

    def routes(self) -> dict[str, Route]:
        """Return the endpoints by path below ``/cgi-bin/``."""
        gets = {
            "user/get": self.user_get,
            "user/simplelist": self.user_simplelist,
            "user/list": self.user_list,
            "department/list": self.department_list,
            "department/simplelist": self.department_simplelist,
            "department/get": self.department_get,
            "auth/getuserinfo": self.getuserinfo,
            "user/getuserinfo": self.getuserinfo_old,
            "getcallbackip": self.ip_list,
            "get_api_domain_ip": self.ip_list,
        }
        posts = {
            "user/getuserid": self.getuserid,
            "user/get_userid_by_email": self.userid_by_email,
            "auth/getuserdetail": self.getuserdetail,
        }
        routes = {path: Route(method="GET", act=act, kinds=READERS) for path, act in gets.items()}
        routes |= {path: Route(method="POST", act=act, kinds=READERS) for path, act in posts.items()}
        routes["user/list_id"] = Route(method="POST", act=self.list_id, kinds=("contact_sync",))
        return routes

    def clear(self) -> None:
        """Forget codes and tickets."""
        self._codes.clear()
        self._tickets.clear()

    def new_code(self, userid: str, *, with_ticket: bool) -> str:
        """Return a code as the login page would hand it to the redirect address."""
        self._made += 1
        code = hashlib.sha256(f"code/{self._made}/{userid}".encode()).hexdigest()
        expires_at = self._office.clock.now() + CODE_S
        self._codes[code] = _Login(userid=userid, expires_at=expires_at, with_ticket=with_ticket)
        return code

    def user_get(self, caller: Caller) -> dict[str, Any]:
        """Return one member."""
        userid = caller.query("userid")
        if not userid or len(userid.encode()) > ID_BYTES_MAX:
            raise Refusal(errors.INVALID_USERID)
        person = self._office.corp.visible(caller.agent, userid)
        if person is None:
            raise Refusal(errors.USER_MISSING)
        return self._details(person, caller.agent)

    def user_simplelist(self, caller: Caller) -> dict[str, Any]:
        """Return names and ids of a department's members."""
        people = self._members(caller)
        return {
            "userlist": [
                {
                    "userid": person.userid,
                    "name": person.name,
                    "department": list(person.departments),
                    "open_userid": "",
                }
                for person in people
            ]
        }

    def user_list(self, caller: Caller) -> dict[str, Any]:
        """Return a department's members in detail."""
        return {"userlist": [self._details(person, caller.agent) for person in self._members(caller)]}

    def getuserid(self, caller: Caller) -> dict[str, Any]:
        """Find a member by mobile number."""
        caller.body.require("mobile")
        mobile = caller.body.text("mobile", "", chars_max=32)
        if len(mobile) < 5:
            reject("mobile", "must have 5 to 32 characters")
        return self._look_up(caller.agent, "mobile", mobile)

    def userid_by_email(self, caller: Caller) -> dict[str, Any]:
        """Find a member by corporate (1, the default) or personal (2) address."""
        caller.body.require("email")
        email = caller.body.text("email", "", chars_max=256)
        if "@" not in email:
            reject("email", "not an address")
        kind = caller.body.number("email_type", 1, low=1, high=2)
        return self._look_up(caller.agent, "biz_mail" if kind == 1 else "email", email)

    def list_id(self, caller: Caller) -> dict[str, Any]:
        """Return all userids, page by page; the cursor is the number of rows already given."""
        limit = caller.body.number("limit", LIST_ID_MAX, low=1, high=LIST_ID_MAX)
        cursor = caller.body.text("cursor", "", chars_max=256)
        if cursor and not cursor.isdecimal():
            reject("cursor", "unknown")
        offset = int(cursor or 0)
        rows = [
            {"userid": person.userid, "department": department}
            for person in self._office.corp.people.values()
            if person.status != LEFT
            for department in person.departments
        ]
        more = offset + limit < len(rows)
        return {
            "next_cursor": str(offset + limit) if more else "",
            "dept_user": rows[offset : offset + limit],
        }

    def department_list(self, caller: Caller) -> dict[str, Any]:
        """Return the visible departments below one, or all."""
        shown = self._departments(caller)
        return {"department": [self._department(item) for item in shown]}

    def department_simplelist(self, caller: Caller) -> dict[str, Any]:
        """Return ids of the visible departments below one, or all."""
        return {
            "department_id": [
                {"id": item.department_id, "parentid": item.parent_id, "order": item.order}
                for item in self._departments(caller)
            ]
        }

    def department_get(self, caller: Caller) -> dict[str, Any]:
        """Return one department."""
        number = self._department_id(caller.query("id"))
        if number not in self._visible_departments(caller.agent):
            raise Refusal(errors.NO_PERMISSION)
        return {"department": self._department(self._office.corp.departments[number])}

    def getuserinfo(self, caller: Caller) -> dict[str, Any]:
        """Exchange an OAuth code; it works once."""
        login = self._redeem(caller.query("code"))
        answer: dict[str, Any] = {"userid": login.userid}
        if login.with_ticket:
            self._made += 1
            ticket = hashlib.sha256(f"ticket/{self._made}".encode()).hexdigest()
            expires_at = self._office.clock.now() + TICKET_S
            self._tickets[ticket] = _Login(userid=login.userid, expires_at=expires_at)
            answer |= {"user_ticket": ticket, "expires_in": TICKET_S}
        return answer

    def getuserinfo_old(self, caller: Caller) -> dict[str, Any]:
        """Exchange an OAuth code the old way, with capitalised names."""
        return {"UserId": self._redeem(caller.query("code")).userid, "DeviceId": ""}

    def getuserdetail(self, caller: Caller) -> dict[str, Any]:
        """Return what a member consented to show."""
        caller.body.require("user_ticket")
        login = self._tickets.get(caller.body.text("user_ticket", "", chars_max=512))
        if login is None or self._office.clock.now() >= login.expires_at:
            raise Refusal(errors.INVALID_CODE)
        person = self._office.corp.people[login.userid.lower()]
        return {"userid": person.userid, **{name: getattr(person, name) for name in DETAILS}}

    def ip_list(self, caller: Caller) -> dict[str, Any]:
        """Return the addresses that events come from."""
        del caller
        return {"ip_list": list(CALLBACK_IPS)}

    def _redeem(self, code: str) -> _Login:
        login = self._codes.pop(code, None)
        if login is None or self._office.clock.now() >= login.expires_at:
            raise Refusal(errors.INVALID_CODE)
        return login

    def _look_up(self, agent: Agent, field: str, value: str) -> dict[str, Any]:
        key = f"misses {agent.agent_id}"
        if self._rates.today(key) >= self._office.switches["lookup_misses_per_day"]:
            raise Refusal(errors.TOO_MANY_CALLS)
        for person in self._office.corp.people.values():
            same = getattr(person, field).lower() == value.lower()
            if same and person.status != LEFT and self._office.corp.sees(agent, person):
                return {"userid": person.userid}
        self._rates.spend(key)
        raise Refusal(errors.NOT_FOUND)

    def _details(self, person: Person, agent: Agent) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "userid": person.userid,
            "name": person.name,
            "department": list(person.departments),
            "main_department": person.departments[0] if person.departments else 0,
            "position": person.position,
            "status": person.status,
        }
        if agent.reads_details:
            shown |= {name: getattr(person, name) for name in DETAILS}
        return shown

    def _members(self, caller: Caller) -> list[Person]:
        sync = caller.agent.kind == "contact_sync"
        if sync and self._office.switches["contact_sync_new_ip"]:
            raise Refusal(errors.NEW_IP)
        number = self._department_id(caller.query("department_id"))
        if number not in self._visible_departments(caller.agent):
            raise Refusal(errors.NO_PERMISSION)
        corp = self._office.corp
        return [
            person
            for person in corp.people.values()
            if number in person.departments and person.status != LEFT and corp.sees(caller.agent, person)
        ]

    def _department_id(self, text: str) -> int:
        if not text.isdecimal():
            reject("department id", "must be a number")
        if int(text) not in self._office.corp.departments:
            raise Refusal(errors.DEPARTMENT_MISSING)
        return int(text)

    def _visible_departments(self, agent: Agent) -> set[int]:
        corp = self._office.corp
        if agent.visible is None:
            return set(corp.departments)
        return {
            number
            for person in corp.people.values()
            if person.status != LEFT and corp.sees(agent, person)
            for number in person.departments
        }

    def _departments(self, caller: Caller) -> list[Department]:
        corp = self._office.corp
        wanted = set(corp.departments)
        if caller.query("id"):
            wanted = {self._department_id(caller.query("id"))}
            for _ in corp.departments:
                wanted |= {
                    item.department_id for item in corp.departments.values() if item.parent_id in wanted
                }
        visible = self._visible_departments(caller.agent)
        return [item for number, item in corp.departments.items() if number in wanted & visible]

    def _department(self, item: Department) -> dict[str, Any]:
        plain = dataclasses.asdict(item)
        return {
            "id": plain["department_id"],
            "name": plain["name"],
            "name_en": "",
            "department_leader": [],
            "parentid": plain["parent_id"],
            "order": plain["order"],
        }

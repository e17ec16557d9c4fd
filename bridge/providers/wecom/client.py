"""WeCom's calls, one method each (reference 4, 5, 11, 12). No decisions here.

Every method raises the classes of :mod:`bridge.errors`. A token that WeCom calls invalid is renewed once, and the
call repeated once: an invalid token means that nothing happened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge.providers.auth import TokenKeeper, with_token
from bridge.providers.http import Endpoint, Transport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model.upstream import Json
    from bridge.providers.limiter import Lane
    from bridge.providers.wecom.schema import CalendarJson, DeleteJson, ScheduleJson, UpdateJson

LONG_TIMEOUT_S: Final = 30.0
"""For calls that reference 11 calls slow, and for long lists (seconds)."""


def _read(name: str, path: str, *, timeout_s: float | None = None) -> Endpoint:
    return Endpoint(name=name, method="POST", path=f"/cgi-bin/{path}", timeout_s=timeout_s)


def _write(name: str, path: str) -> Endpoint:
    return Endpoint(name=name, method="POST", path=f"/cgi-bin/{path}", is_write=True)


def _get(name: str, path: str, *, timeout_s: float | None = None) -> Endpoint:
    return Endpoint(name=name, method="GET", path=f"/cgi-bin/{path}", timeout_s=timeout_s)


CALENDAR_ADD: Final = _write("calendar.add", "oa/calendar/add")
CALENDAR_UPDATE: Final = _write("calendar.update", "oa/calendar/update")
CALENDAR_GET: Final = _read("calendar.get", "oa/calendar/get")
CALENDAR_DEL: Final = _write("calendar.del", "oa/calendar/del")
SCHEDULE_ADD: Final = _write("schedule.add", "oa/schedule/add")
SCHEDULE_UPDATE: Final = _write("schedule.update", "oa/schedule/update")
SCHEDULE_GET: Final = _read("schedule.get", "oa/schedule/get")
SCHEDULE_LIST: Final = _read(
    "schedule.get_by_calendar", "oa/schedule/get_by_calendar", timeout_s=LONG_TIMEOUT_S
)
SCHEDULE_DEL: Final = _write("schedule.del", "oa/schedule/del")
ATTENDEES_ADD: Final = _write("schedule.add_attendees", "oa/schedule/add_attendees")
ATTENDEES_DEL: Final = _write("schedule.del_attendees", "oa/schedule/del_attendees")
USER_GET: Final = _get("user.get", "user/get")
USER_SIMPLELIST: Final = _get("user.simplelist", "user/simplelist", timeout_s=LONG_TIMEOUT_S)
USER_LIST: Final = _get("user.list", "user/list", timeout_s=LONG_TIMEOUT_S)
USER_LIST_ID: Final = _read("user.list_id", "user/list_id", timeout_s=LONG_TIMEOUT_S)
USER_BY_MOBILE: Final = _read("user.getuserid", "user/getuserid")
USER_BY_EMAIL: Final = _read("user.get_userid_by_email", "user/get_userid_by_email")
DEPARTMENT_LIST: Final = _get("department.list", "department/list", timeout_s=LONG_TIMEOUT_S)
DEPARTMENT_SIMPLELIST: Final = _get(
    "department.simplelist", "department/simplelist", timeout_s=LONG_TIMEOUT_S
)
DEPARTMENT_GET: Final = _get("department.get", "department/get")
LOGIN_USER: Final = _get("auth.getuserinfo", "auth/getuserinfo")
CALLBACK_IPS: Final = _get("getcallbackip", "getcallbackip")

ENDPOINTS: Final = (
    CALENDAR_ADD, CALENDAR_UPDATE, CALENDAR_GET, CALENDAR_DEL, SCHEDULE_ADD, SCHEDULE_UPDATE, SCHEDULE_GET,
    SCHEDULE_LIST, SCHEDULE_DEL, ATTENDEES_ADD, ATTENDEES_DEL, USER_GET, USER_SIMPLELIST, USER_LIST, USER_LIST_ID,
    USER_BY_MOBILE, USER_BY_EMAIL, DEPARTMENT_LIST, DEPARTMENT_SIMPLELIST, DEPARTMENT_GET, LOGIN_USER, CALLBACK_IPS,
)  # fmt: skip
"""All calls but gettoken, which :mod:`bridge.providers.wecom.auth` makes."""


@dataclass(frozen=True, slots=True)
class Client:
    """Thread-safe. ``lane`` says how urgent the calls of this view are; :meth:`in_lane` returns another view."""

    transport: Transport
    tokens: TokenKeeper
    lane: Lane

    def in_lane(self, lane: Lane) -> Client:
        """Return the same client with another urgency."""
        return replace(self, lane=lane)

    def _send(self, endpoint: Endpoint, body: Json | None, query: dict[str, str | int] | None = None) -> Json:
        """Send with the app's token, which travels in the query only (41001 otherwise)."""
        return with_token(
            self.tokens,
            lambda token: self.transport.send(
                endpoint, query={"access_token": token, **(query or {})}, body=body, lane=self.lane
            ),
        )

    # ---- calendars ----

    def calendar_add(self, calendar: CalendarJson) -> Json:
        """Make a calendar; answers ``cal_id`` and perhaps ``fail_result``."""
        return self._send(CALENDAR_ADD, {"calendar": calendar})

    def calendar_update(self, calendar: CalendarJson) -> Json:
        """Overwrite a calendar, but for its public range; answers perhaps ``fail_result``."""
        return self._send(CALENDAR_UPDATE, {"skip_public_range": 1, "calendar": calendar})

    def calendar_get(self, cal_ids: Sequence[str]) -> Json:
        """Read 1..1000 calendars: ``calendar_list``."""
        return self._send(CALENDAR_GET, {"cal_id_list": list(cal_ids)})

    def calendar_del(self, cal_id: str) -> Json:
        """Delete a calendar."""
        return self._send(CALENDAR_DEL, {"cal_id": cal_id})

    # ---- schedules ----

    def schedule_add(self, schedule: ScheduleJson) -> Json:
        """Make a schedule; answers ``schedule_id``. A repeated call makes a second one."""
        return self._send(SCHEDULE_ADD, {"schedule": schedule})

    def schedule_update(self, body: UpdateJson) -> Json:
        """Overwrite a schedule, or split one occurrence off; answers perhaps ``schedule_id``."""
        return self._send(SCHEDULE_UPDATE, {**body})

    def schedule_get(self, schedule_ids: Sequence[str]) -> Json:
        """Read 1..1000 schedules completely: ``schedule_list``."""
        return self._send(SCHEDULE_GET, {"schedule_id_list": list(schedule_ids)})

    def schedule_list(self, cal_id: str, offset: int, limit: int) -> Json:
        """List a calendar's schedules, cancelled ones included, with fewer fields: ``schedule_list``."""
        return self._send(SCHEDULE_LIST, {"cal_id": cal_id, "offset": offset, "limit": limit})

    def schedule_del(self, body: DeleteJson) -> Json:
        """Cancel a schedule or one of its occurrences."""
        return self._send(SCHEDULE_DEL, {**body})

    def attendees_add(self, schedule_id: str, userids: Sequence[str]) -> Json:
        """Invite more people to a whole schedule."""
        return self._send(ATTENDEES_ADD, _attendees(schedule_id, userids))

    def attendees_del(self, schedule_id: str, userids: Sequence[str]) -> Json:
        """Take people out of a whole schedule."""
        return self._send(ATTENDEES_DEL, _attendees(schedule_id, userids))

    # ---- directory ----

    def user_get(self, userid: str) -> Json:
        """Read one member."""
        return self._send(USER_GET, None, {"userid": userid})

    def user_simplelist(self, department_id: int) -> Json:
        """List the members of one department: ``userlist`` with userid and name."""
        return self._send(USER_SIMPLELIST, None, {"department_id": department_id})

    def user_list(self, department_id: int) -> Json:
        """List the members of one department with details: ``userlist``."""
        return self._send(USER_LIST, None, {"department_id": department_id})

    def user_list_id(self, cursor: str, limit: int) -> Json:
        """List all members' ids: ``dept_user``, ``next_cursor``. Contact-sync secret only."""
        return self._send(USER_LIST_ID, {"cursor": cursor, "limit": limit})

    def user_by_mobile(self, mobile: str) -> Json:
        """Find a member by mobile number: ``userid``."""
        return self._send(USER_BY_MOBILE, {"mobile": mobile})

    def user_by_email(self, email: str, email_type: int) -> Json:
        """Find a member by corporate (1) or personal (2) address: ``userid``. Misses are punished."""
        return self._send(USER_BY_EMAIL, {"email": email, "email_type": email_type})

    def department_list(self, department_id: int) -> Json:
        """List departments below one, with details: ``department``."""
        return self._send(DEPARTMENT_LIST, None, {"id": department_id})

    def department_simplelist(self, department_id: int | None = None) -> Json:
        """List ids of departments below one, or of all that the app may see: ``department_id``."""
        query: dict[str, str | int] = {} if department_id is None else {"id": department_id}
        return self._send(DEPARTMENT_SIMPLELIST, None, query)

    def department_get(self, department_id: int) -> Json:
        """Read one department."""
        return self._send(DEPARTMENT_GET, None, {"id": department_id})

    # ---- login and callbacks ----

    def login_user(self, code: str) -> Json:
        """Return who logged in with an OAuth code (one use, 5 minutes): ``userid`` of a member."""
        return self._send(LOGIN_USER, None, {"code": code})

    def callback_ips(self) -> Json:
        """Return the addresses that callbacks come from: ``ip_list``."""
        return self._send(CALLBACK_IPS, None)


def _attendees(schedule_id: str, userids: Sequence[str]) -> Json:
    return {"schedule_id": schedule_id, "attendees": [{"userid": userid} for userid in userids]}

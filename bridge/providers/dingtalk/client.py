"""One method per call of DingTalk's API; nothing is decided here (reference 2.2, 3.2-3.12, 7.2).

Every method takes the lane first: how urgent the call is and for whom. Failures are classes of
:mod:`bridge.errors`. A stale token is renewed once and the call replayed once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.errors import Throttled
from bridge.providers.auth import with_token
from bridge.providers.dingtalk import auth, codes, schema
from bridge.providers.dingtalk.budget import Budget
from bridge.providers.http import Endpoint, Transport
from bridge.providers.limiter import EVERY_ENDPOINT, Limiter, Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.config import DingTalkSource
    from bridge.providers.base import Json, Target
    from bridge.providers.dingtalk.schema import AttendeeBody, EventBody
    from bridge.providers.limiter import Lane
    from bridge.providers.runtime import Runtime

PAGE_MAX: Final = 100
"""``maxResults`` and ``maxAttendees`` of list and view (reference 5.1)."""

ATTENDEES_PAGE_MAX: Final = 500
"""``maxAttendees`` of get, ``maxResults`` of the attendee list (reference 5.1)."""

SCHEDULE_USERS_MAX: Final = 20
"""People in one querySchedule (reference 3.12)."""

DIRECTORY_PAGE_MAX: Final = 100
"""``size`` of the directory lists (reference 7.2)."""

IDEMPOTENCY_HEADER: Final = "x-client-token"
"""Same text, same request, for a day (reference 5.3)."""

SUSTAINED: Final = 0.75
BURST: Final = 0.25
"""Shares of ``calls_per_second``: at once, and after that per second, never more than the vendor's second."""

SHORT_WAIT_S: Final = 5.0
"""Up to this wait (seconds) a throttled call is repeated here: a pull that was begun is billed already."""

_CALENDARS: Final = "/v1.0/calendar/users/{user}/calendars"
_EVENTS: Final = _CALENDARS + "/{calendar}/events"
_EVENT: Final = _EVENTS + "/{event}"


def _billed(name: str, method: str, path: str, *, is_write: bool = False) -> Endpoint:
    """Return a call of the calendar: all of them are billed (reference 5.2)."""
    return Endpoint(name=name, method=method, path=path, is_write=is_write, is_billed=True)


EVENTS_CREATE: Final = _billed("events.create", "POST", _EVENTS, is_write=True)
EVENTS_GET: Final = _billed("events.get", "GET", _EVENT)
EVENTS_LIST: Final = _billed("events.list", "GET", _EVENTS)
EVENTS_VIEW: Final = _billed("events.view", "GET", _CALENDARS + "/{calendar}/eventsview")
EVENT_INSTANCES: Final = _billed("events.instances", "GET", _EVENT + "/instances")
SERIES_INSTANCES: Final = _billed("series.instances", "GET", _CALENDARS + "/{calendar}/instances")
EVENTS_UPDATE: Final = _billed("events.update", "PUT", _EVENT, is_write=True)
EVENTS_DELETE: Final = _billed("events.delete", "DELETE", _EVENT, is_write=True)
ATTENDEES_ADD: Final = _billed("attendees.add", "POST", _EVENT + "/attendees", is_write=True)
ATTENDEES_REMOVE: Final = _billed(
    "attendees.remove", "POST", _EVENT + "/attendees/batchRemove", is_write=True
)
ATTENDEES_LIST: Final = _billed("attendees.list", "GET", _EVENT + "/attendees")
EVENTS_RESPOND: Final = _billed("events.respond", "POST", _EVENT + "/respond", is_write=True)
SCHEDULE: Final = _billed("schedule.query", "POST", "/v1.0/calendar/users/{user}/querySchedule")
CALENDARS_LIST: Final = _billed("calendars.list", "GET", _CALENDARS)
USERS_SEARCH: Final = Endpoint(name="users.search", method="POST", path="/v1.0/contact/users/search")
USER_TOKEN: Final = Endpoint(
    name="oauth2.userAccessToken", method="POST", path="/v1.0/oauth2/userAccessToken", is_write=True
)
"""A write: a code works once, so the call is not repeated (reference 1.2)."""
USERS_ME: Final = Endpoint(name="users.me", method="GET", path="/v1.0/contact/users/me")

USER_GET: Final = Endpoint(name="user.get", method="POST", path="/topapi/v2/user/get")
USER_BY_UNIONID: Final = Endpoint(name="user.byunionid", method="POST", path="/topapi/user/getbyunionid")
USER_BY_MOBILE: Final = Endpoint(name="user.bymobile", method="POST", path="/topapi/v2/user/getbymobile")
USER_LIST: Final = Endpoint(name="user.list", method="POST", path="/topapi/v2/user/list")
USER_LIST_SIMPLE: Final = Endpoint(name="user.listsimple", method="POST", path="/topapi/user/listsimple")
USER_LIST_ID: Final = Endpoint(name="user.listid", method="POST", path="/topapi/user/listid")
DEPARTMENT_LISTSUB: Final = Endpoint(
    name="department.listsub", method="POST", path="/topapi/v2/department/listsub"
)
DEPARTMENT_LISTSUBID: Final = Endpoint(
    name="department.listsubid", method="POST", path="/topapi/v2/department/listsubid"
)
SCOPES: Final = Endpoint(name="auth.scopes", method="GET", path="/auth/scopes")


class Client:
    """The two hosts of one source behind one limiter and one token. Thread-safe."""

    def __init__(self, source: DingTalkSource, runtime: Runtime) -> None:
        """Prepare; nothing is sent."""
        calls_per_s = source.calls_per_second
        self.limiter = Limiter(
            runtime.clock,
            concurrency=source.concurrency,
            rate=Rate(per_s=calls_per_s * SUSTAINED, burst=max(1.0, calls_per_s * BURST)),
            creations_per_day=source.creations_per_user_per_day,
            tallies=runtime.tallies,
            name=source.id,
        )
        self.budget = Budget(runtime, source.id, source.monthly_calls)
        self._api = Transport(
            source_id=source.id,
            base_url=source.base_url,
            runtime=runtime,
            limiter=self.limiter,
            judge=codes.judge(runtime.clock.now_ms),
            timeout_s=source.timeout_s,
            connections_max=source.concurrency,
            short_wait_s=SHORT_WAIT_S,
            meter=self.budget,
        )
        self._oapi = Transport(
            source_id=source.id,
            base_url=source.oapi_base_url,
            runtime=runtime,
            limiter=self.limiter,
            judge=codes.judge_oapi(runtime.clock.now_ms),
            timeout_s=source.timeout_s,
            connections_max=source.concurrency,
            short_wait_s=SHORT_WAIT_S,
        )
        self.tokens = auth.keeper(source, runtime, self._api)

    def end_waits(self) -> None:
        """Let no call wait for its turn any more."""
        self._api.end_waits()
        self._oapi.end_waits()

    def close(self) -> None:
        """Let go of connections."""
        self._api.close()
        self._oapi.close()

    # ---- events ------------------------------------------------------------------------------------------

    def create_event(self, lane: Lane, target: Target, body: EventBody, *, client_token: str) -> Json:
        """Create an event; returns it (3.3). The answer to a repetition with the same token is the first one."""
        return self._call(
            EVENTS_CREATE,
            lane,
            path=_of(target),
            body=dict(body),
            headers={IDEMPOTENCY_HEADER: client_token},
        )

    def get_event(
        self, lane: Lane, target: Target, event_id: str, *, attendees_max: int = ATTENDEES_PAGE_MAX
    ) -> Json:
        """Read one event, master or occurrence (3.6); raises Missing."""
        path = _of(target, event_id)
        return self._call(EVENTS_GET, lane, path=path, query={"maxAttendees": attendees_max})

    def list_events(
        self,
        lane: Lane,
        target: Target,
        *,
        time_min: str | None = None,
        time_max: str | None = None,
        show_deleted: bool | None = None,
        results_max: int | None = None,
        attendees_max: int | None = None,
        next_token: str | None = None,
        sync_token: str | None = None,
        series_id: str | None = None,
    ) -> Json:
        """List events by start, or what changed since a sync token (3.7); with ``time_max`` no token comes."""
        query = _query(
            timeMin=time_min,
            timeMax=time_max,
            showDeleted=show_deleted,
            maxResults=results_max,
            maxAttendees=attendees_max,
            nextToken=next_token,
            syncToken=sync_token,
            seriesMasterId=series_id,
        )
        return self._call(EVENTS_LIST, lane, path=_of(target), query=query)

    def view_events(
        self,
        lane: Lane,
        target: Target,
        *,
        time_min: str,
        time_max: str,
        results_max: int = PAGE_MAX,
        attendees_max: int = PAGE_MAX,
        next_token: str | None = None,
    ) -> Json:
        """Expand every occurrence with end >= ``time_min`` and start < ``time_max`` (3.8); no reminders."""
        query = _query(
            timeMin=time_min,
            timeMax=time_max,
            maxResults=results_max,
            maxAttendees=attendees_max,
            nextToken=next_token,
        )
        return self._call(EVENTS_VIEW, lane, path=_of(target), query=query)

    def event_instances(
        self,
        lane: Lane,
        target: Target,
        series_id: str,
        *,
        time_min: str,
        time_max: str,
        next_token: str | None = None,
    ) -> Json:
        """List occurrences of one series in a window (3.9, undocumented)."""
        query = _query(timeMin=time_min, timeMax=time_max, maxResults=PAGE_MAX, nextToken=next_token)
        return self._call(EVENT_INSTANCES, lane, path=_of(target, series_id), query=query)

    def series_instances(
        self, lane: Lane, target: Target, series_id: str, *, start_recurrence_id: str | None = None
    ) -> Json:
        """List the occurrences of one series that have been generated (3.9, undocumented)."""
        query = _query(seriesMasterId=series_id, startRecurrenceId=start_recurrence_id, maxResults=PAGE_MAX)
        return self._call(SERIES_INSTANCES, lane, path=_of(target), query=query)

    def update_event(
        self, lane: Lane, target: Target, event_id: str, body: EventBody, *, client_token: str
    ) -> Json:
        """Change the fields in ``body`` of an event or occurrence; returns it (3.4). The body names the id too."""
        return self._call(
            EVENTS_UPDATE,
            lane,
            path=_of(target, event_id),
            body={**body, "id": event_id},
            headers={IDEMPOTENCY_HEADER: client_token},
        )

    def delete_event(
        self, lane: Lane, target: Target, event_id: str, *, push_notification: bool, client_token: str
    ) -> None:
        """Cancel an event for all as its organizer, or remove the own copy as an attendee (3.5)."""
        self._call(
            EVENTS_DELETE,
            lane,
            path=_of(target, event_id),
            query=_query(pushNotification=push_notification),
            headers={IDEMPOTENCY_HEADER: client_token},
        )

    # ---- people of an event ------------------------------------------------------------------------------

    def add_attendees(
        self,
        lane: Lane,
        target: Target,
        event_id: str,
        attendees: Sequence[AttendeeBody],
        *,
        notify: bool,
        client_token: str,
    ) -> None:
        """Add up to 500 people (3.11)."""
        body = {"attendeesToAdd": list(attendees), "pushNotification": notify, "chatNotification": notify}
        path = _of(target, event_id)
        self._call(ATTENDEES_ADD, lane, path=path, body=body, headers={IDEMPOTENCY_HEADER: client_token})

    def remove_attendees(
        self, lane: Lane, target: Target, event_id: str, ids: Sequence[str], *, client_token: str
    ) -> None:
        """Remove up to 500 people (3.11)."""
        body = {"attendeesToRemove": [{"id": vendor_id} for vendor_id in ids]}
        path = _of(target, event_id)
        self._call(ATTENDEES_REMOVE, lane, path=path, body=body, headers={IDEMPOTENCY_HEADER: client_token})

    def list_attendees(
        self, lane: Lane, target: Target, event_id: str, *, next_token: str | None = None
    ) -> Json:
        """List the people of an event, 500 per page (3.11)."""
        query = _query(maxResults=ATTENDEES_PAGE_MAX, nextToken=next_token)
        return self._call(ATTENDEES_LIST, lane, path=_of(target, event_id), query=query)

    def respond(
        self, lane: Lane, target: Target, event_id: str, response_status: str, *, client_token: str
    ) -> None:
        """Answer an invitation in the name of the target's user (3.11)."""
        self._call(
            EVENTS_RESPOND,
            lane,
            path=_of(target, event_id),
            body={"responseStatus": response_status},
            headers={IDEMPOTENCY_HEADER: client_token},
        )

    # ---- calendars, free and busy ------------------------------------------------------------------------

    def list_calendars(self, lane: Lane, user_id: str) -> Json:
        """List the calendars of a person (2.2)."""
        return self._call(CALENDARS_LIST, lane, path={"user": user_id})

    def query_schedule(
        self, lane: Lane, user_id: str, user_ids: Sequence[str], *, start: str, end: str
    ) -> Json:
        """Ask for busy spans of up to 20 people (3.12)."""
        body = {"userIds": list(user_ids), "startTime": start, "endTime": end}
        return self._call(SCHEDULE, lane, path={"user": user_id}, body=body)

    # ---- directory, new host -----------------------------------------------------------------------------

    def search_users(
        self, lane: Lane, words: str, *, offset: int = 0, size: int = 20, exact: bool = False
    ) -> Json:
        """Find userids by name (7.2)."""
        body: Json = {"queryWord": words, "offset": offset, "size": size, "fullMatchField": int(exact)}
        return self._replayed(lambda token: self._sent(USERS_SEARCH, lane, token, body=body))

    def user_token(self, lane: Lane, client_id: str, client_secret: str, code: str) -> str:
        """Change the code of a sign-in for the person's own token (1.2); a code works once."""
        body: Json = {
            "clientId": client_id,
            "clientSecret": client_secret,
            "code": code,
            "grantType": "authorization_code",
        }
        return schema.text(self._api.send(USER_TOKEN, body=body, lane=lane), "accessToken")

    def user_me(self, lane: Lane, user_token: str) -> Json:
        """Return who a *user* token belongs to (8)."""
        return self._api.send(USERS_ME, headers={auth.AUTH_HEADER: user_token}, lane=lane)

    # ---- directory, old host -----------------------------------------------------------------------------

    def user_get(self, lane: Lane, userid: str) -> Json:
        """Return ``result`` with the person behind a userid (7.2); raises Missing."""
        return self._ask(USER_GET, lane, {"userid": userid, "language": "zh_CN"})

    def user_by_unionid(self, lane: Lane, unionid: str) -> Json:
        """Return ``result`` with the userid behind a unionId (7.2); raises Missing."""
        return self._ask(USER_BY_UNIONID, lane, {"unionid": unionid})

    def user_by_mobile(self, lane: Lane, mobile: str) -> Json:
        """Return ``result`` with the userid behind a telephone number (7.2); raises Missing."""
        return self._ask(USER_BY_MOBILE, lane, {"mobile": mobile})

    def user_list(self, lane: Lane, dept_id: int, *, cursor: int) -> Json:
        """Return a page of the people of one department (7.2)."""
        return self._ask(USER_LIST, lane, _page(dept_id, cursor))

    def user_list_simple(self, lane: Lane, dept_id: int, *, cursor: int) -> Json:
        """Return a page of names and userids of one department (7.2)."""
        return self._ask(USER_LIST_SIMPLE, lane, _page(dept_id, cursor))

    def user_list_id(self, lane: Lane, dept_id: int) -> Json:
        """Return all userids of one department (7.2)."""
        return self._ask(USER_LIST_ID, lane, {"dept_id": dept_id})

    def department_listsub(self, lane: Lane, dept_id: int) -> Json:
        """Return the departments one level below (7.2)."""
        return self._ask(DEPARTMENT_LISTSUB, lane, {"dept_id": dept_id})

    def department_listsubid(self, lane: Lane, dept_id: int) -> Json:
        """Return the ids of the departments one level below (7.2)."""
        return self._ask(DEPARTMENT_LISTSUBID, lane, {"dept_id": dept_id})

    def scopes(self, lane: Lane) -> Json:
        """Return which departments and people the app may see (7.2)."""
        return self._ask(SCOPES, lane, None)

    # ---- sending -----------------------------------------------------------------------------------------

    def _call(
        self,
        endpoint: Endpoint,
        lane: Lane,
        *,
        path: dict[str, str] | None = None,
        query: dict[str, str | int] | None = None,
        headers: dict[str, str] | None = None,
        body: Json | None = None,
    ) -> Json:
        """Send a call of the calendar."""

        def send(token: str) -> Json:
            return self._sent(endpoint, lane, token, path=path, query=query, headers=headers, body=body)

        return self._replayed(send)

    def _sent(
        self,
        endpoint: Endpoint,
        lane: Lane,
        token: str,
        *,
        path: dict[str, str] | None = None,
        query: dict[str, str | int] | None = None,
        headers: dict[str, str] | None = None,
        body: Json | None = None,
    ) -> Json:
        """Send to the new host, the token in its header."""
        signed = {**(headers or {}), auth.AUTH_HEADER: token}
        return self._api.send(endpoint, path=path, query=query, headers=signed, body=body, lane=lane)

    def _ask(self, endpoint: Endpoint, lane: Lane, body: Json | None) -> Json:
        """Send to the old host, the token in the query."""

        def send(token: str) -> Json:
            return self._oapi.send(endpoint, query={"access_token": token}, body=body, lane=lane)

        return self._replayed(send)

    def _replayed(self, send: Callable[[str], Json]) -> Json:
        """Send with a valid token; a ban of the address holds back the whole source."""
        try:
            return with_token(self.tokens, send)
        except Throttled as error:
            self.limiter.penalise(EVERY_ENDPOINT, codes.ban_s(error))
            raise


def _of(target: Target, event_id: str = "") -> dict[str, str]:
    """Return the path parts of a target; the transport quotes them."""
    return {"user": target.user_id, "calendar": target.calendar_id, "event": event_id}


def _page(dept_id: int, cursor: int) -> Json:
    """Return the body of the paged directory lists."""
    return {"dept_id": dept_id, "cursor": cursor, "size": DIRECTORY_PAGE_MAX, "contain_access_limit": False}


def _query(**given: str | int | bool | None) -> dict[str, str | int]:
    """Return query parameters without the absent ones; truth values as ``true`` and ``false`` (reference 9)."""
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in given.items()
        if value is not None
    }

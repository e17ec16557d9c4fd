"""The vendor as a whole: one listener for the new API, the legacy host and the login page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk import (
    acts,
    attendees,
    calendars,
    callbacks,
    directory,
    events,
    extras,
    freebusy,
    listing,
    login,
    rooms,
    stream,
    tokens,
)
from bridge.simulator.dingtalk.errors import ApiError, LegacyError, permission_deny, refuse, scope_missing
from bridge.simulator.dingtalk.gateway import Call, Operation, Router, not_an_operation
from bridge.simulator.dingtalk.push import Channel, Pusher
from bridge.simulator.dingtalk.quota import Quota, Repeats, rate_error
from bridge.simulator.dingtalk.state import Event, whole
from bridge.simulator.dingtalk.store import PEOPLE, Store, person_from
from bridge.simulator.dingtalk.switches import SWITCHES
from bridge.simulator.http import Simulator
from bridge.simulator.messages import Response, json_response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.simulator.clock import SimClock
    from bridge.simulator.dingtalk.changes import Manner
    from bridge.simulator.dingtalk.state import Person
    from bridge.simulator.faults import Fault
    from bridge.simulator.messages import Request

OPERATIONS: Final[tuple[Operation, ...]] = (
    *tokens.OPERATIONS,
    *calendars.OPERATIONS,
    *events.OPERATIONS,
    *listing.OPERATIONS,
    *attendees.OPERATIONS,
    *freebusy.OPERATIONS,
    *rooms.OPERATIONS,
    *extras.OPERATIONS,
    *directory.OPERATIONS,
    *callbacks.OPERATIONS,
    *stream.OPERATIONS,
    *login.OPERATIONS,
)

PERMISSIONS: Final = frozenset(
    {operation.scope for operation in OPERATIONS if operation.scope}
    | {directory.FIELD_EMAIL, directory.FIELD_MOBILE, "Contact.User.mobile"}
)
"""Everything an app can be allowed; a new app has it all."""

TOKEN_HEADER: Final = "x-acs-dingtalk-access-token"  # noqa: S105 - the header's name

_CHANGE_PLAIN: Final = {"created": "create", "updated": "update", "cancelled": "cancel"}

_PUSHED: Final = {
    "content": ("content",),
    "content_and_responses": ("content", "response"),
    "all": ("content", "response", "reminder"),
}


class DingTalkSimulator(Simulator):
    """DingTalk in a box. Calls and control verbs run one after another, under ``lock``."""

    name = "dingtalk"
    verbs = ("state", "act", "occurrences")

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        corp_id: str,
        people: Iterable[Person | dict[str, Any]] | None = None,
        switches: dict[str, Any] | None = None,
        clock: SimClock | None = None,
    ) -> None:
        super().__init__(clock=clock, switches=SWITCHES, initial=switches)
        self.client_id = client_id
        self._first_secret = client_secret
        self._corp_id = corp_id
        self._people = [person_from(value) for value in (PEOPLE if people is None else people)]
        self.unified_app_id = "6d0c1b2a-0000-4000-8000-00000000a001"
        self.router = Router(OPERATIONS)
        self.pusher = Pusher(self)
        self.stream = stream.Stream(self)
        self._begin()

    def _begin(self) -> None:
        """Be as after the start."""
        self.client_secret = self._first_secret
        self.store = Store(
            corp_id=self._corp_id,
            people=[_copy(person) for person in self._people],
            clock=self.clock,
            switches=self.switches,
        )
        self.tokens = tokens.Tokens(self)
        self.calendars = calendars.Calendars(self)
        self.marks = listing.Marks(self)
        self.quota = Quota(self.store, self.switches)
        self.repeats = Repeats(self.store, self.switches)
        self.callbacks = callbacks.Callbacks(self)
        self.permissions = set(PERMISSIONS)
        self.redirect_uris: list[str] = []
        self.login_as: str | None = None
        self.push_mode = "stream"

    # The API

    def handle(self, request: Request) -> Response:
        """Answer one call."""
        call = self.router.find(request)
        if call is None:
            return self._unknown(request)
        try:
            return self._checked(call)
        except LegacyError as error:
            return self._answer(error.body(self.store.request_id()))
        except ApiError as error:
            return self._refusal(error, host=call.operation.host)

    def _unknown(self, request: Request) -> Response:
        if not request.path.startswith("/v1.0/"):
            if request.path.startswith("/topapi/"):
                return self._answer(LegacyError(22, "不存在的方法名").body(self.store.request_id()))
            return self._answer({"errcode": 404, "errmsg": "请求的URI地址不存在"})
        if self.switches["unknown_path"] == "html":
            page = b"<html><head><title>404 Not Found</title></head><body>404</body></html>"
            return Response(status=404, body=page, headers={"Content-Type": "text/html"})
        return self._refusal(not_an_operation(), host="api")

    def _checked(self, call: Call) -> Response:
        """Let the gateway look at the call, then run it."""
        operation = call.operation
        if operation.caller != "none":
            call.user_token_of = self._token_owner(call)
        self._rate(operation)
        if operation.scope and operation.scope not in self.permissions:
            raise _forbidden(operation)
        if not operation.is_documented and self.switches["undocumented_operations"] == "denied":
            raise _forbidden(operation)
        if operation.billed:
            self.quota.take_month()
        stored = self.repeats.recall(call)
        if stored is not None:
            return stored
        try:
            call.person = self._person(call)
            response = self._run(call)
        except ApiError as error:
            response = self._refusal(error, host=operation.host)
        self.repeats.remember(call, response)
        return response

    def _run(self, call: Call) -> Response:
        result = call.operation.handler(self, call)
        if isinstance(result, Response):
            return result
        if result is None:
            if self.switches["empty_success_body"] == "empty":
                return Response(headers={"Content-Type": "application/json;charset=utf-8"})
            result = {"requestId": self.store.request_id()}
        return self._answer(result)

    def _token_owner(self, call: Call) -> str:
        """Return whose token was shown, empty for the app's; raise if it is missing or bad."""
        if call.operation.host == "oapi":
            text = call.request.first("access_token")
            if not text:
                raise LegacyError(88, "access_token为空", sub_code="40000")
            try:
                return self.tokens.check(text)
            except ApiError:
                raise LegacyError(88, "不合法的access_token", sub_code="40014") from None
        text = call.request.headers.get(TOKEN_HEADER, "")
        if not text:
            message = f"缺少参数：{TOKEN_HEADER}"
            raise ApiError(400, "AuthenticationFailed.MissingParameter", message)
        owner = self.tokens.check(text)
        if call.operation.caller == "user" and not owner:
            raise ApiError(400, "InvalidAuthentication", "不合法的access_token")
        return owner

    def _rate(self, operation: Operation) -> None:
        try:
            self.quota.take_rate(self.client_id, operation.name)
        except ApiError:
            if operation.host == "oapi":
                raise LegacyError(90018, "您的服务器调用该接口的频率过高") from None
            raise

    def _person(self, call: Call) -> Person | None:
        """Return the path's person; raise 400 for an unknown one or one outside the app's scope."""
        if call.operation.caller == "user":
            return self.store.people.get(call.user_token_of)
        union_id = call.params.get("u")
        if union_id is None:
            return None
        person = self.store.people.get(union_id)
        if person is None and self.switches["unknown_user"] == "invalidParameter":
            refuse("userId invalid")
        if person is None or not person.in_scope:
            raise permission_deny()
        if call.user_token_of not in ("", union_id):
            raise permission_deny()
        return person

    def _answer(self, value: Any, status: int = 200) -> Response:
        request_id = self.store.request_id()
        headers = {
            "Content-Type": "application/json;charset=utf-8",
            "x-acs-request-id": request_id,
            "x-acs-trace-id": request_id.replace("-", "").lower(),
        }
        return json_response(value, status, headers)

    def _refusal(self, error: ApiError, *, host: str) -> Response:
        if host == "oapi":
            message = error.message
            return self._answer(LegacyError(400002, message).body(self.store.request_id()))
        body = {"code": error.code, "requestid": self.store.request_id(), "message": error.message}
        return self._answer({**body, **error.detail}, error.status)

    # What the listener asks

    def facts(self) -> dict[str, Any]:
        """Return company, app and employees."""
        return {
            "corp_id": self._corp_id,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "people": [
                {"userid": p.userid, "unionId": p.union_id, "name": p.name, "email": p.org_email}
                for p in self.store.people.values()
            ],
        }

    def throttle_response(self, request: Request, fault: Fault) -> Response:
        """Return the vendor's word for ``too often``; ``fault.code`` may name another kind of limit."""
        with self.lock:
            if not request.path.startswith("/v1.0/"):
                return self._answer(
                    LegacyError(90018, "您的服务器调用该接口的频率过高").body(self.store.request_id())
                )
            return self._refusal(rate_error(str(fault.code) or "QpsLimitForAppkeyAndApi"), host="api")

    def error_response(self, request: Request, fault: Fault) -> Response:
        """Return a refusal with the fault's code."""
        with self.lock:
            if not request.path.startswith("/v1.0/"):
                number = int(fault.code) if str(fault.code).lstrip("-").isdecimal() else -1
                return self._answer(LegacyError(number, fault.message).body(self.store.request_id()))
            return self._refusal(ApiError(fault.status, str(fault.code), fault.message), host="api")

    def describe(self, request: Request, response: Response | None) -> tuple[str, str, str]:
        """Return operation, code and path user of a call."""
        call = self.router.find(request)
        code = ""
        if response is not None and b'code"' in response.body[:400]:
            try:
                answer = json.loads(response.body)
            except ValueError:
                answer = {}
            code = str(answer.get("code") or answer.get("errcode") or "")
        return call.operation.name if call else request.path, code, call.params.get("u", "") if call else ""

    # People and pushes

    def tell(self, union_id: str, kind: str, item_id: str, text: str) -> None:
        """Show a person something in DingTalk's app."""
        self.notices.add(at=self.clock.now(), to=union_id, kind=kind, item_id=item_id, text=text)

    def channel(self) -> Channel | None:
        """Return the way on which the app wants its events."""
        match self.push_mode:
            case "stream":
                return self.stream
            case "http":
                return self.callbacks
            case _:
                return None

    def announce(
        self,
        event: Event,
        origin: int | None,
        change: str,
        manner: Manner,
        *,
        cause: str = "content",
        only: str = "",
        also: Iterable[str] = (),
    ) -> None:
        """Tell the people concerned, and the app, that something changed.

        ``only`` names the one person concerned; ``also`` people who no longer belong to the event.
        """
        item = None if origin is None else self.store.occurrence(event, origin)
        item = item or whole(event)
        people = [only] if only else list(dict.fromkeys([event.organizer, *item.guests, *also]))
        if cause == "content" and not only:
            for union_id in people:
                if union_id != event.organizer:
                    self._notify(
                        union_id, self.store.id_of(item, union_id), f"{change} {item.details.summary}", manner
                    )
        if cause not in _PUSHED[self.switches["push_on"]]:
            return
        if manner.by_app and self.switches["push_own_writes"] == "no":
            return
        per_user = self.switches["attendee_event_id"] == "per_user"
        seen = [key for key in people if key in self.store.people and self.store.people[key].in_scope]
        alone = per_user or self.switches["push_fan_out"] == "per_user"
        for group in [[key] for key in seen] if alone else ([seen] if seen else []):
            self._push_event(event, self.store.id_of(item, group[0]), item.updated_ms, change, group)

    def _notify(self, union_id: str, item_id: str, text: str, manner: Manner) -> None:
        if manner.push:
            self.tell(union_id, "push", item_id, text)
        if manner.chat:
            self.tell(union_id, "chat", item_id, text)

    def _push_event(
        self, event: Event, event_id: str, updated_ms: int, change: str, people: list[str]
    ) -> None:
        calendar_id = event.calendar or "primary"
        if calendar_id == "primary" and self.switches["push_calendar_id"] == "opaque":
            calendar_id = self.store.calendar_id(self.store.people[people[0]])
        plain = self.switches["push_change_type"] == "plain"
        self.pusher.publish(
            "calendar_event_change",
            {
                "calendarEventId": event_id,
                "calendarEventUpdateTime": updated_ms,
                "calendarId": calendar_id,
                "unionIdList": people,
                "changeType": _CHANGE_PLAIN[change] if plain else change,
                "operator": {"type": "user"},
                "legacyCalendarEventId": event.legacy_id,
            },
        )

    # The control plane

    def control(self, verb: str, arguments: dict[str, Any]) -> Any:
        """Answer ``reset``, ``state``, ``act`` and ``occurrences``; raise ``ControlError`` for nonsense."""
        match verb:
            case "reset":
                self.pusher.clear()
                self.stream.clear()
                self._begin()
                return None
            case "state":
                return acts.state(self)
            case "occurrences":
                return acts.perform(self, {**arguments, "do": "occurrences"})
            case _:
                return acts.perform(self, arguments)

    def close(self) -> None:
        """Stop the Stream listener and the worker."""
        super().close()
        self.stream.close()
        self.pusher.close()


def _copy(person: Person) -> Person:
    return person_from(
        {
            "userid": person.userid,
            "union_id": person.union_id,
            "name": person.name,
            "email": person.email,
            "org_email": person.org_email,
            "mobile": person.mobile,
            "departments": list(person.departments),
            "in_scope": person.in_scope,
        }
    )


def _forbidden(operation: Operation) -> ApiError | LegacyError:
    if operation.host == "oapi":
        return LegacyError(88, f"应用尚未开通所需的权限：[{operation.scope}]", sub_code="60011")
    return scope_missing(operation.scope)

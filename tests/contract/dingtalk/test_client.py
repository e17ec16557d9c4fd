"""What goes over the wire: paths, queries, headers and bodies, byte for byte."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import DingTalkSource
from bridge.errors import Unauthorised
from bridge.model.upstream import Target
from bridge.providers.dingtalk.client import Client
from bridge.providers.limiter import Lane
from bridge.providers.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

LANE = Lane(who="somebody")
TARGET = Target(user_id="union/+ =", calendar_id="NTUw|x/../y==")


class Recorder:
    """A host that writes down what it is asked and answers what it was told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.answers: list[tuple[int, Any]] = []
        self.tokens = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = outer.take(self.command, self.path, dict(self.headers), body)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        if path.endswith("/oauth2/accessToken"):
            self.tokens += 1
            assert json.loads(body) == {"appKey": "key", "appSecret": "secret"}
            return 200, {"accessToken": f"token-{self.tokens}", "expireIn": 7200}
        told = {name.lower(): value for name, value in headers.items()}
        self.asked.append((method, path, told, json.loads(body) if body else None))
        return self.answers.pop(0) if self.answers else (200, {"errcode": 0})

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def host() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.close()


@pytest.fixture
def client(host: Recorder) -> Iterator[Client]:
    source = DingTalkSource(
        id="d",
        client_id="key",
        client_secret="secret",
        base_url=f"{host.url}/api",
        oapi_base_url=f"{host.url}/old",
        timeout_s=5,
    )
    made = Client(source, Runtime())
    yield made
    made.close()


def last(host: Recorder) -> tuple[str, str, dict[str, str], Any]:
    return host.asked[-1]


ROOT = "/api/v1.0/calendar/users/union%2F%2B%20%3D/calendars"
EVENTS = ROOT + "/NTUw%7Cx%2F..%2Fy%3D%3D/events"


def test_every_event_call_has_its_documented_form(client: Client, host: Recorder) -> None:
    """Reference 3.2 to 3.12."""
    everything: Any = {
        "summary": "S",
        "description": "D",
        "start": {"dateTime": "2026-11-03T10:00:00.000+08:00", "timeZone": "Asia/Shanghai"},
        "end": {"dateTime": "2026-11-03T11:00:00.000+08:00", "timeZone": "Asia/Shanghai"},
        "isAllDay": False,
        "recurrence": {
            "pattern": {"type": "daily", "interval": 1, "firstDayOfWeek": "monday"},
            "range": {"type": "numbered", "numberOfOccurrences": 5},
        },
        "attendees": [{"id": "x", "isOptional": True}],
        "location": {"displayName": "3F"},
        "reminders": [{"method": "dingtalk", "minutes": 15}],
        "onlineMeetingInfo": {"type": "dingtalk"},
        "extra": {"noPushNotification": "true", "noChatNotification": "true"},
        "uiConfigs": [{"uiName": "deleteEventButton", "uiStatus": "hide"}],
        "richTextDescription": {"text": "<b>D</b>"},
    }
    client.create_event(LANE, TARGET, everything, client_token="t-1")
    method, path, headers, body = last(host)
    assert (method, path, body) == ("POST", EVENTS, everything)
    assert headers["x-client-token"] == "t-1"
    assert headers["x-acs-dingtalk-access-token"] == "token-1"
    assert headers["content-type"] == "application/json; charset=utf-8"

    client.get_event(LANE, TARGET, "E/1")
    assert last(host)[:2] == ("GET", f"{EVENTS}/E%2F1?maxAttendees=500")
    client.update_event(LANE, TARGET, "E/1", {"summary": "S2"}, client_token="t-2")
    assert last(host)[:2] == ("PUT", f"{EVENTS}/E%2F1")
    assert last(host)[3] == {"summary": "S2", "id": "E/1"}
    client.delete_event(LANE, TARGET, "E/1", push_notification=False, client_token="t-3")
    assert last(host)[:2] == ("DELETE", f"{EVENTS}/E%2F1?pushNotification=false")
    assert last(host)[2]["x-client-token"] == "t-3"
    client.list_events(
        LANE,
        TARGET,
        time_min="2026-11-01T00:00:00.000+08:00",
        show_deleted=True,
        results_max=100,
        attendees_max=100,
    )
    assert last(host)[1] == (
        f"{EVENTS}?timeMin=2026-11-01T00%3A00%3A00.000%2B08%3A00&showDeleted=true&maxResults=100&maxAttendees=100"
    )
    client.list_events(LANE, TARGET, sync_token="s+/=", next_token="n&", series_id="M", time_max="Z")
    assert last(host)[1] == f"{EVENTS}?timeMax=Z&nextToken=n%26&syncToken=s%2B%2F%3D&seriesMasterId=M"
    client.view_events(LANE, TARGET, time_min="A", time_max="B", next_token="n")
    assert last(host)[1] == f"{EVENTS}view?timeMin=A&timeMax=B&maxResults=100&maxAttendees=100&nextToken=n"
    client.event_instances(LANE, TARGET, "M", time_min="A", time_max="B")
    assert last(host)[1] == f"{EVENTS}/M/instances?timeMin=A&timeMax=B&maxResults=100"
    client.series_instances(LANE, TARGET, "M", start_recurrence_id="1793583000000")
    assert last(host)[1] == EVENTS.removesuffix("events") + (
        "instances?seriesMasterId=M&startRecurrenceId=1793583000000&maxResults=100"
    )
    client.add_attendees(LANE, TARGET, "E", [{"id": "x", "isOptional": True}], notify=False, client_token="t")
    assert last(host)[:2] == ("POST", f"{EVENTS}/E/attendees")
    assert last(host)[3] == {
        "attendeesToAdd": [{"id": "x", "isOptional": True}],
        "pushNotification": False,
        "chatNotification": False,
    }
    client.remove_attendees(LANE, TARGET, "E", ["x"], client_token="t")
    assert last(host)[:2] == ("POST", f"{EVENTS}/E/attendees/batchRemove")
    assert last(host)[3] == {"attendeesToRemove": [{"id": "x"}]}
    client.list_attendees(LANE, TARGET, "E", next_token="n")
    assert last(host)[1] == f"{EVENTS}/E/attendees?maxResults=500&nextToken=n"
    client.respond(LANE, TARGET, "E", "tentative", client_token="t")
    assert last(host)[:2] == ("POST", f"{EVENTS}/E/respond")
    assert last(host)[3] == {"responseStatus": "tentative"}
    client.list_calendars(LANE, TARGET.user_id)
    assert last(host)[:2] == ("GET", ROOT)
    client.query_schedule(LANE, "u", ["a", "b"], start="A", end="B")
    assert last(host)[1] == "/api/v1.0/calendar/users/u/querySchedule"
    assert last(host)[3] == {"userIds": ["a", "b"], "startTime": "A", "endTime": "B"}


def test_every_directory_call_has_its_documented_form(client: Client, host: Recorder) -> None:
    """Reference 7.2 and 8."""
    page = {"dept_id": 7, "cursor": 3, "size": 100, "contain_access_limit": False}
    calls: list[tuple[Any, str, Any]] = [
        (
            lambda: client.user_get(LANE, "alice"),
            "topapi/v2/user/get",
            {"userid": "alice", "language": "zh_CN"},
        ),
        (lambda: client.user_by_unionid(LANE, "u"), "topapi/user/getbyunionid", {"unionid": "u"}),
        (lambda: client.user_by_mobile(LANE, "138"), "topapi/v2/user/getbymobile", {"mobile": "138"}),
        (lambda: client.user_list(LANE, 7, cursor=3), "topapi/v2/user/list", page),
        (lambda: client.user_list_simple(LANE, 7, cursor=3), "topapi/user/listsimple", page),
        (lambda: client.user_list_id(LANE, 7), "topapi/user/listid", {"dept_id": 7}),
        (lambda: client.department_listsub(LANE, 7), "topapi/v2/department/listsub", {"dept_id": 7}),
        (lambda: client.department_listsubid(LANE, 7), "topapi/v2/department/listsubid", {"dept_id": 7}),
    ]
    for call, path, body in calls:
        call()
        method, asked, headers, sent = last(host)
        assert (method, asked, sent) == ("POST", f"/old/{path}?access_token=token-1", body)
        assert "x-acs-dingtalk-access-token" not in headers
    client.scopes(LANE)
    assert last(host)[:2] == ("GET", "/old/auth/scopes?access_token=token-1")
    client.search_users(LANE, "Alice", exact=True)
    assert last(host)[:2] == ("POST", "/api/v1.0/contact/users/search")
    assert last(host)[3] == {"queryWord": "Alice", "offset": 0, "size": 20, "fullMatchField": 1}
    client.user_me(LANE, "user-token")
    assert last(host)[:2] == ("GET", "/api/v1.0/contact/users/me")
    assert last(host)[2]["x-acs-dingtalk-access-token"] == "user-token"
    assert host.tokens == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, {"code": "InvalidAuthentication"}), (401, {"code": "x"}), (400, {"code": "accesstoken.expired"})],
)
def test_a_stale_token_is_renewed_once_and_the_call_replayed_once(
    client: Client, host: Recorder, status: int, body: dict[str, str]
) -> None:
    host.answers = [(status, body), (200, {"id": "E"})]
    assert client.create_event(LANE, TARGET, {"summary": "S"}, client_token="t") == {"id": "E"}
    assert [asked[2]["x-acs-dingtalk-access-token"] for asked in host.asked] == ["token-1", "token-2"]
    host.answers = [(status, body)] * 3
    host.asked.clear()
    with pytest.raises(Unauthorised):
        client.create_event(LANE, TARGET, {"summary": "S"}, client_token="t")
    assert len(host.asked) == 2


def test_a_stale_token_of_the_old_host_is_renewed_too(client: Client, host: Recorder) -> None:
    host.answers = [
        (200, {"errcode": 88, "sub_code": "40014"}),
        (200, {"errcode": 0, "result": {"userid": "a"}}),
    ]
    assert client.user_by_unionid(LANE, "u")["result"] == {"userid": "a"}
    assert [asked[1].rpartition("=")[2] for asked in host.asked] == ["token-1", "token-2"]


def test_a_refused_app_is_unauthorised_not_renewed(host: Recorder) -> None:
    source = DingTalkSource(
        id="d", client_id="key", client_secret="wrong", base_url=host.url, oapi_base_url=host.url, timeout_s=5
    )
    host.take = lambda *_args: (401, {"code": "invalidClient"})  # type: ignore[method-assign,assignment]
    refused = Client(source, Runtime())
    with pytest.raises(Unauthorised) as caught:
        refused.list_calendars(LANE, "u")
    assert caught.value.cause == "secret"
    refused.close()

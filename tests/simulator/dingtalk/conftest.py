"""A DingTalk company on a port, and short words to talk to it over HTTP."""

from __future__ import annotations

import datetime as dt
import ssl
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from bridge.simulator.dingtalk import build
from bridge.simulator.http import RunningServer, SimClock, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALICE = "Qx7Lk2mVaZ9tRb4iE"
BOB = "Np3Wd8sYcH6uJf1iE"
CAROL = "Tz5Gk9xBqM2nVw7iE"
ZHANG = "Hs8Rc4pLdX1yKe6iE"
CLIENT_ID = "dingk3v9exampleappkey"
CLIENT_SECRET = "S3cr3t-Value-For-Tests-Only"
CORP_ID = "ding7c1e0a94b2f35d68"
NOW = dt.datetime(2026, 11, 2, 4, 0, tzinfo=dt.UTC).timestamp()
"""A Monday, noon in Shanghai."""
TOKEN_HEADER = "x-acs-dingtalk-access-token"


def timed(
    start: str = "2026-11-03T10:00:00", end: str = "2026-11-03T11:00:00", **more: Any
) -> dict[str, Any]:
    """Return the body of a timed event in Shanghai."""
    return {
        "summary": "Design review",
        "start": {"dateTime": f"{start}.000+08:00", "timeZone": "Asia/Shanghai"},
        "end": {"dateTime": f"{end}.000+08:00", "timeZone": "Asia/Shanghai"},
        **more,
    }


def all_day(first: str = "2026-11-10", end: str = "2026-11-12", **more: Any) -> dict[str, Any]:
    """Return the body of an all-day event."""
    return {"summary": "Offsite", "isAllDay": True, "start": {"date": first}, "end": {"date": end}, **more}


def rule(
    kind: str, *, interval: int = 1, span: dict[str, Any] | None = None, **pattern: Any
) -> dict[str, Any]:
    """Return a recurrence."""
    return {
        "pattern": {"type": kind, "interval": interval, "firstDayOfWeek": "monday", **pattern},
        "range": span or {"type": "noEnd"},
    }


def numbered(count: int) -> dict[str, Any]:
    return {"type": "numbered", "numberOfOccurrences": count}


class Box:
    """One company behind HTTP."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.sim = server.simulator
        # Nothing is encrypted here; looking for certificates would take longer than most tests.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.http = httpx.Client(base_url=server.url, timeout=10, trust_env=False, verify=context)
        self.token = self.new_token()

    def new_token(self) -> str:
        body = {"appKey": CLIENT_ID, "appSecret": self.sim.client_secret}
        return self.http.post("/v1.0/oauth2/accessToken", json=body).json()["accessToken"]

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """Call the new API; ``query``, ``headers`` and ``token`` are optional."""
        headers = {TOKEN_HEADER: more.pop("token", self.token), **more.pop("headers", {})}
        content = {} if body is None else {"json": body}
        return self.http.request(
            method, path, params=more.pop("query", None), headers=headers, **content, **more
        )

    def events(self, user: str = ALICE, calendar: str = "primary") -> str:
        return f"/v1.0/calendar/users/{user}/calendars/{quote(calendar, safe='')}/events"

    def event(self, event_id: str, user: str = ALICE, tail: str = "", calendar: str = "primary") -> str:
        return f"{self.events(user, calendar)}/{quote(event_id, safe='')}{tail}"

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.call(method, path, body, **more)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        """Return HTTP status and code of a refusal."""
        answer = self.call(method, path, body, **more)
        assert answer.status_code >= 400, answer.text
        found = answer.json()
        assert set(found) >= {"code", "requestid", "message"}
        return answer.status_code, found["code"]

    def words(self, method: str, path: str, body: Any = None, **more: Any) -> str:
        """Return the message of a refusal."""
        answer = self.call(method, path, body, **more)
        assert answer.status_code >= 400, answer.text
        return answer.json()["message"]

    def create(self, body: dict[str, Any] | None = None, user: str = ALICE, **more: Any) -> dict[str, Any]:
        return self.ok("POST", self.events(user), timed() if body is None else body, **more)

    def get(self, event_id: str, user: str = ALICE, **query: Any) -> dict[str, Any]:
        return self.ok("GET", self.event(event_id, user), query=query)

    def put(self, event_id: str, body: dict[str, Any], user: str = ALICE, **more: Any) -> dict[str, Any]:
        return self.ok("PUT", self.event(event_id, user), {"id": event_id, **body}, **more)

    def delete(self, event_id: str, user: str = ALICE, **more: Any) -> Any:
        return self.ok("DELETE", self.event(event_id, user), **more)

    def pages(self, path: str, **query: Any) -> tuple[list[dict[str, Any]], str | None]:
        """Follow nextToken to the end; return the events and the syncToken."""
        answer = self.ok("GET", path, query=query)
        found = list(answer["events"])
        while answer.get("nextToken"):
            more = {"nextToken": answer["nextToken"], "maxResults": query.get("maxResults", 100)}
            answer = self.ok("GET", path, query=more)
            found += answer["events"]
        return found, answer.get("syncToken")

    def list(self, user: str = ALICE, **query: Any) -> list[dict[str, Any]]:
        return self.pages(self.events(user), **query)[0]

    def cursor(self, user: str = ALICE, **query: Any) -> str:
        token = self.pages(self.events(user), **query)[1]
        assert token
        return token

    def delta(self, token: str, user: str = ALICE, **query: Any) -> list[dict[str, Any]]:
        return self.pages(self.events(user), syncToken=token, **query)[0]

    def view(self, low: str, high: str, user: str = ALICE) -> list[dict[str, Any]]:
        path = self.events(user) + "view"
        return self.pages(path, timeMin=f"{low}T00:00:00.000+08:00", timeMax=f"{high}T00:00:00.000+08:00")[0]

    def act(self, do: str, **arguments: Any) -> Any:
        return self.server.control("act", {"do": do, **arguments})

    def switch(self, **values: Any) -> None:
        self.server.control("switch", values)

    def advance(self, seconds: float) -> None:
        self.sim.clock.advance(seconds)

    def starts(self, **arguments: Any) -> list[str]:
        """Return the true occurrences' starts: dates, or Shanghai wall times."""
        found = self.act("occurrences", **{"from": "2026-01-01", "to": "2029-01-01", **arguments})
        zone = dt.timezone(dt.timedelta(hours=8))
        return [
            row["start"]
            if row["isAllDay"]
            else dt.datetime.fromisoformat(row["start"]).astimezone(zone).strftime("%Y-%m-%dT%H:%M")
            for row in found["occurrences"]
        ]

    def days(self, **arguments: Any) -> list[str]:
        return [start[:10] for start in self.starts(**arguments)]

    def notices(self) -> list[tuple[str, str]]:
        """Return (person, kind) of every notice so far, and forget them."""
        found = self.server.control("notices", {})["notices"]
        return [(row["to"], row["kind"]) for row in found]

    def legacy(self, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        params = {"access_token": self.token, **query}
        answer = self.http.post(path, params=params, json={} if body is None else body)
        assert answer.status_code == 200
        return answer.json()


def until(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Wait until ``condition`` is true and return its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            assert value, "waited in vain"
            return value
        time.sleep(0.01)


def company(*, frozen: bool = True, **arguments: Any) -> RunningServer:
    """Put a company on a port; its gateway does not count seconds unless told to."""
    clock = SimClock(now_s=NOW, frozen=frozen)
    return serve(build(clock=clock, **{"switches": {"qps_limit": 0}, **arguments}))


@pytest.fixture
def new_box() -> Iterator[Callable[..., Box]]:
    """Return a maker of boxes; each is closed at the end."""
    boxes: list[Box] = []

    def make(**arguments: Any) -> Box:
        boxes.append(Box(company(**arguments)))
        return boxes[-1]

    yield make
    for box in boxes:
        box.http.close()
        box.server.close()


@pytest.fixture(scope="module")
def module_server() -> Iterator[RunningServer]:
    with company() as server:
        yield server


@pytest.fixture
def box(module_server: RunningServer) -> Iterator[Box]:
    """A company as new, whose clock stands at Monday noon."""
    module_server.control("reset", {})
    module_server.simulator.clock.set(NOW, frozen=True)
    box = Box(module_server)
    yield box
    box.http.close()


@pytest.fixture
def wait() -> Callable[..., Any]:
    return until


@pytest.fixture
def make() -> Any:
    """The makers of bodies, for tests that cannot import this file."""
    return _Make


class _Make:
    timed = staticmethod(timed)
    all_day = staticmethod(all_day)
    rule = staticmethod(rule)
    numbered = staticmethod(numbered)
    alice, bob, carol, zhang = ALICE, BOB, CAROL, ZHANG
    client_id, client_secret, corp_id = CLIENT_ID, CLIENT_SECRET, CORP_ID

"""A WeCom company on a port, and short words to talk to it over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bridge.simulator.http import RunningServer, SimClock, serve
from bridge.simulator.wecom import AGENT_ID, CORP_ID, SECRET, build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = 1767542400
"""2026-01-05 00:00 +08:00, a Monday."""

AGENTS = [
    {"agent_id": AGENT_ID, "secret": SECRET},
    {"agent_id": 1000003, "secret": "other"},
    {"agent_id": 1000004, "secret": "old", "reads_details": True},
    {"agent_id": 1000005, "secret": "sync", "kind": "contact_sync"},
    {"agent_id": 1000006, "secret": "room", "kind": "meeting_room"},
    {"agent_id": 1000007, "secret": "narrow", "visible": ["lisi", "wangwu"]},
]


class Box:
    """One company behind HTTP."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.sim = server.simulator
        self.http = httpx.Client(base_url=server.url, timeout=10, trust_env=False)
        self.token = self.gettoken(SECRET)

    def gettoken(self, secret: str) -> str:
        answer = self.http.get("/cgi-bin/gettoken", params={"corpid": CORP_ID, "corpsecret": secret}).json()
        return answer.get("access_token", "")

    def get(self, path: str, token: str | None = None, **query: Any) -> dict[str, Any]:
        params = {"access_token": self.token if token is None else token, **query}
        return self.http.get(f"/cgi-bin/{path}", params=params).json()

    def post(self, path: str, body: Any, token: str | None = None, **query: Any) -> dict[str, Any]:
        params = {"access_token": self.token if token is None else token, **query}
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        answer = self.http.post(f"/cgi-bin/{path}", params=params, **content)
        assert answer.status_code == 200
        return answer.json()

    def ok(self, path: str, body: Any, token: str | None = None) -> dict[str, Any]:
        answer = self.post(path, body, token)
        assert answer["errcode"] == 0, answer
        return answer

    def code(self, path: str, body: Any, token: str | None = None) -> int:
        return self.post(path, body, token)["errcode"]

    def control(self, verb: str, arguments: Any = None, method: str = "POST") -> Any:
        answer = self.http.request(method, f"/_control/{verb}", json=arguments)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def act(self, do: str, **arguments: Any) -> Any:
        return self.control("act", {"do": do, **arguments})

    def refused_act(self, do: str, **arguments: Any) -> int:
        return self.http.post("/_control/act", json={"do": do, **arguments}).status_code

    def switch(self, **values: Any) -> None:
        self.control("switch", values)

    def notices(self) -> list[dict[str, Any]]:
        """Return the notices so far and forget them."""
        return self.control("notices", {})["notices"]

    def calendar(self, token: str | None = None, **more: Any) -> str:
        calendar = {
            "summary": "Li Si",
            "color": "#3366CC",
            "shares": [{"userid": "lisi"}, {"userid": "wangwu"}],
            **more,
        }
        return self.ok("oa/calendar/add", {"calendar": calendar}, token)["cal_id"]

    def schedule(self, cal_id: str, **more: Any) -> dict[str, Any]:
        """Return a schedule object: one hour, tomorrow at ten."""
        return {
            "cal_id": cal_id,
            "summary": "Talk",
            "start_time": NOW + 86400 + 36000,
            "end_time": NOW + 86400 + 39600,
            **more,
        }

    def add(self, cal_id: str, **more: Any) -> str:
        return self.ok("oa/schedule/add", {"schedule": self.schedule(cal_id, **more)})["schedule_id"]

    def add_code(self, cal_id: str, **more: Any) -> int:
        return self.code("oa/schedule/add", {"schedule": self.schedule(cal_id, **more)})

    def series(self, cal_id: str, **more: Any) -> str:
        """Add a daily series of ten days from tomorrow at ten."""
        start = NOW + 86400 + 36000
        repeat = {
            "is_repeat": 1,
            "repeat_type": 0,
            "repeat_until": start + 9 * 86400,
            **more.pop("repeat", {}),
        }
        return self.add(cal_id, reminders=repeat, **more)

    def show(self, schedule_id: str) -> dict[str, Any]:
        return self.ok("oa/schedule/get", {"schedule_id_list": [schedule_id]})["schedule_list"][0]

    def list(self, cal_id: str, **page: Any) -> list[dict[str, Any]]:
        return self.ok("oa/schedule/get_by_calendar", {"cal_id": cal_id, **page})["schedule_list"]

    def starts(self, schedule_id: str, begin: int = 0, end: int = 2**32) -> list[int]:
        rows = self.act("occurrences", schedule_id=schedule_id, **{"from": begin, "to": end})
        return [row[0] for row in rows]

    def close(self) -> None:
        self.http.close()
        self.server.close()


def build_box(**arguments: Any) -> Box:
    """Return a company on a port; its clock stands still at ``NOW``."""
    given = {"agents": AGENTS, "clock": SimClock(now_s=NOW, frozen=True), **arguments}
    return Box(serve(build(**given)))


@pytest.fixture
def make_box() -> Iterator[Callable[..., Box]]:
    """Return a function that builds a company of one's own."""
    boxes: list[Box] = []

    def make(**arguments: Any) -> Box:
        boxes.append(build_box(**arguments))
        return boxes[-1]

    yield make
    for box in boxes:
        box.close()


@pytest.fixture(scope="module")
def shared_box() -> Iterator[Box]:
    """One company for a module."""
    box = build_box()
    yield box
    box.close()


@pytest.fixture
def box(shared_box: Box) -> Box:
    """A company as it was at the start."""
    shared_box.control("clock", {"now": NOW, "frozen": True})
    shared_box.control("reset", {})
    shared_box.token = shared_box.gettoken(SECRET)
    return shared_box


@pytest.fixture
def cal(box: Box) -> str:
    """A calendar shared to lisi and wangwu."""
    return box.calendar()

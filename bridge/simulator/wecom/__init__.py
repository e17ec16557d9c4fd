"""WeCom in a box: calendar, schedule, directory and login calls, callbacks, limits and notices.

``build`` makes one; ``bridge.simulator.http.serve`` puts it on a port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.wecom.server import WecomSimulator
from bridge.simulator.wecom.state import Agent, Callback, Corp, Department, Person

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.simulator.clock import SimClock

__all__ = ["AGENT_ID", "CORP_ID", "SECRET", "WecomSimulator", "build"]

CORP_ID: Final = "wwsimulatedcorp001"
AGENT_ID: Final = 1000002
SECRET: Final = "simulated-app-secret-not-a-real-one-0000000"  # noqa: S105  (the box's own, opens nothing)

PEOPLE: Final = (
    {"userid": "zhangsan", "name": "张三", "position": "Engineer", "mobile": "13800000001"},
    {"userid": "lisi", "name": "李四", "position": "Designer", "mobile": "13800000000"},
    {"userid": "wangwu", "name": "王五", "position": "Manager", "mobile": "13800000003"},
    {"userid": "zhaoliu", "name": "赵六", "position": "Sales", "mobile": "13800000004"},
)


def build(
    corp_id: str = CORP_ID,
    agents: Iterable[Mapping[str, Any]] | None = None,
    people: Iterable[Mapping[str, Any]] | None = None,
    *,
    departments: Iterable[Mapping[str, Any]] = (),
    switches: dict[str, Any] | None = None,
    clock: SimClock | None = None,
) -> WecomSimulator:
    """Return a company.

    ``agents``: ``{agent_id, secret, kind?, visible?, calendar_api?, reads_details?, callback?: {url, token,
    aes_key}}``; default: one app that sees everybody. ``people``: ``{userid, name?, email?, biz_mail?, …}``;
    default: four, with addresses at example.com. ``switches``: values that differ from the defaults; raises
    ``ControlError`` for an unknown one.
    """
    corp = Corp(corp_id=corp_id)
    corp.departments[1] = Department(department_id=1, name="Company", parent_id=0)
    for department in departments:
        corp.departments[int(department["department_id"])] = Department(**department)
    for item in agents if agents is not None else ({"agent_id": AGENT_ID, "secret": SECRET},):
        given = dict(item)
        callback = given.pop("callback", None)
        agent = Agent(**given, callback=Callback(**callback) if callback else None)
        corp.agents[agent.agent_id] = agent
    for row in people if people is not None else _default_people():
        person = Person(**{"name": row["userid"], **row})
        corp.people[person.userid.lower()] = person
    return WecomSimulator(corp, clock=clock, switches=switches)


def _default_people() -> list[dict[str, Any]]:
    """Return the four with a personal address and a corporate one."""
    return [
        {
            **person,
            "email": f"{person['userid']}@example.com",
            "biz_mail": f"{person['userid']}@corp.example.com",
        }
        for person in PEOPLE
    ]

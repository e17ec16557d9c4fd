"""What administrators do in WeCom's console: people, apps, permissions, callback addresses."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from bridge.simulator.records import ControlError
from bridge.simulator.wecom.state import LEFT, Agent, Callback, Department, Person

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.simulator.wecom.directory import Directory
    from bridge.simulator.wecom.office import Office
    from bridge.simulator.wecom.tokens import Tokens

Arguments = dict[str, Any]


class Console:
    """The administrators' acts."""

    def __init__(self, office: Office, directory: Directory, tokens: Tokens) -> None:
        self._office = office
        self._directory = directory
        self._tokens = tokens

    def acts(self) -> dict[str, Callable[[Arguments], Any]]:
        """Return the acts by name."""
        return {
            "add_person": self.add_person,
            "leave": self.leave,
            "add_department": self.add_department,
            "add_agent": self.add_agent,
            "visible": self.visible,
            "disable_app": self.disable_app,
            "enable_app": self.enable_app,
            "revoke_token": self.revoke_token,
            "oauth_code": self.oauth_code,
            "set_callback": self.set_callback,
            "verify_callback": self.verify_callback,
            "callbacks": self.callbacks,
        }

    def add_person(self, arguments: Arguments) -> Any:
        """Add a member: ``{userid, name?, email?, biz_mail?, mobile?, departments?, visible_to?}``."""
        names = {field.name for field in dataclasses.fields(Person)}
        given = {name: value for name, value in arguments.items() if name in names}
        userid = str(arguments["userid"])
        person = Person(**{"name": userid, **given})
        self._office.corp.people[userid.lower()] = person
        for agent in self._office.corp.agents.values():
            if agent.visible is not None and agent.agent_id in arguments.get("visible_to", ()):
                agent.visible.append(userid)
        return dataclasses.asdict(person)

    def leave(self, arguments: Arguments) -> Any:
        """Let a member leave the company: ``{userid}``."""
        self._office.member(arguments["userid"]).status = LEFT
        return {}

    def add_department(self, arguments: Arguments) -> Any:
        """Add a department: ``{department_id, name, parent_id?}``."""
        number = int(arguments["department_id"])
        parent = int(arguments.get("parent_id", 1))
        department = Department(department_id=number, name=str(arguments["name"]), parent_id=parent)
        self._office.corp.departments[number] = department
        return dataclasses.asdict(department)

    def add_agent(self, arguments: Arguments) -> Any:
        """Add an app: ``{agent_id, secret, kind?, visible?, calendar_api?, reads_details?}``."""
        names = {"agent_id", "secret", "kind", "visible", "calendar_api", "reads_details"}
        agent = Agent(**{name: value for name, value in arguments.items() if name in names})
        self._office.corp.agents[agent.agent_id] = agent
        return {"agent_id": agent.agent_id}

    def visible(self, arguments: Arguments) -> Any:
        """Set an app's visible range: ``{agent_id?, userids}``; null: everybody."""
        userids = arguments["userids"]
        self._agent(arguments).visible = None if userids is None else [str(userid) for userid in userids]
        return {}

    def disable_app(self, arguments: Arguments) -> Any:
        """Take an app out of the schedule app's list, or with ``how`` = ``app`` stop it altogether."""
        self._set_app(arguments, on=False)
        return {}

    def enable_app(self, arguments: Arguments) -> Any:
        """Undo ``disable_app``."""
        self._set_app(arguments, on=True)
        return {}

    def revoke_token(self, arguments: Arguments) -> Any:
        """End the tokens of ``agent_id``, or of all apps."""
        agent_id = arguments.get("agent_id")
        return {"ended": self._tokens.revoke(None if agent_id is None else int(agent_id))}

    def oauth_code(self, arguments: Arguments) -> Any:
        """Return the code a login of ``userid`` brings: ``{userid, ticket?}``."""
        userid = self._office.member(arguments["userid"]).userid
        return {"code": self._directory.new_code(userid, with_ticket=bool(arguments.get("ticket")))}

    def set_callback(self, arguments: Arguments) -> Any:
        """Set where events go: ``{agent_id?, url, token, aes_key, verify?}``; no ``url``: nowhere."""
        agent = self._agent(arguments)
        agent.callback = None
        if arguments.get("url"):
            agent.callback = Callback(
                url=str(arguments["url"]), token=str(arguments["token"]), aes_key=str(arguments["aes_key"])
            )
            if arguments.get("verify"):
                self._office.sender.verify(agent.callback, agent.agent_id)
        return {}

    def verify_callback(self, arguments: Arguments) -> Any:
        """Send the verification GET; the result shows up in ``callbacks``."""
        agent = self._agent(arguments)
        if agent.callback is None:
            msg = "no callback URL is set"
            raise ControlError(msg)
        self._office.sender.verify(agent.callback, agent.agent_id)
        return {}

    def callbacks(self, arguments: Arguments) -> Any:
        """Return how many events wait and what became of the others."""
        result = self._office.sender.as_json()
        if arguments.get("clear"):
            self._office.sender.clear()
        return result

    def _set_app(self, arguments: Arguments, *, on: bool) -> None:
        agent = self._agent(arguments)
        if arguments.get("how", "calendar_api") == "app":
            agent.enabled = on
        else:
            agent.calendar_api = on

    def _agent(self, arguments: Arguments) -> Agent:
        agents = self._office.corp.agents
        agent_id = int(arguments.get("agent_id") or next(iter(agents)))
        if agent_id not in agents:
            msg = f"no app {agent_id}"
            raise ControlError(msg)
        return agents[agent_id]

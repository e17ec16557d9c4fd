"""What every part of the simulator shares, and what a caller looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.simulator.records import ControlError
from bridge.simulator.wecom.fields import Fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.simulator.clock import SimClock
    from bridge.simulator.messages import Request
    from bridge.simulator.records import NoticeLog, Switches
    from bridge.simulator.wecom.callbacks import Sender
    from bridge.simulator.wecom.state import Agent, Calendar, Corp, Person


@dataclass(slots=True, kw_only=True)
class Office:
    """The company, its clock and its switches."""

    corp: Corp
    switches: Switches
    clock: SimClock
    notices: NoticeLog
    sender: Sender

    def now(self) -> int:
        """Return whole seconds since 1970."""
        return int(self.clock.now())

    def tell(self, people: Iterable[str], kind: str, item_id: str, text: str = "") -> None:
        """Notify each of ``people`` once (reference section 3: no parameter suppresses it)."""
        for userid in sorted(set(people)):
            self.notices.add(at=self.clock.now(), to=userid, kind=kind, item_id=item_id, text=text)

    def emit(self, agent_id: int, event: str, actor: str, **extra: str) -> None:
        """Send an event to the app's callback URL, if it has one."""
        agent = self.corp.agents.get(agent_id)
        if agent is not None and agent.callback is not None:
            self.sender.send(agent.callback, agent_id, event, actor, extra)

    def emit_own(self, agent_id: int, event: str, **extra: str) -> None:
        """Report an app's own write back to it, where the switch says so."""
        if self.switches["own_writes_fire_callbacks"]:
            self.emit(agent_id, event, "sys", **extra)

    def fields(self, value: Any, name: str) -> Fields:
        """Return a strict reader of one JSON object."""
        return Fields(
            value,
            name,
            null_is_absent=self.switches["null_value"] == "absent",
            bytes_count=self.switches["length_unit"] == "bytes",
        )

    def member(self, userid: Any) -> Person:
        """Return the member who acts; raise ``ControlError`` if there is none."""
        person = self.corp.person(str(userid))
        if person is None:
            msg = f"no member {userid!r}"
            raise ControlError(msg)
        return person

    def calendar_people(self, calendar: Calendar | None) -> set[str]:
        """Return who is in the notify range of ``calendar``."""
        return set(calendar.shares) if calendar is not None else set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One call that passed token and permission."""

    agent: Agent
    request: Request
    body: Fields
    """The JSON object of a POST; empty for a GET."""

    def query(self, name: str) -> str:
        """Return a query parameter, empty when absent."""
        return self.request.first(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One endpoint."""

    method: str
    act: Callable[[Caller], dict[str, Any]]
    kinds: tuple[str, ...] = ("self_built",)
    """Kinds of app that may call it; others get 48002."""
    schedule_api: bool = False
    """Needs the permission of the schedule app."""

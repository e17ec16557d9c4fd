"""What every vendor in a box has: a clock, switches, faults, records; and what it must do itself."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import Counter
from typing import TYPE_CHECKING, Any

from bridge.simulator.clock import SimClock
from bridge.simulator.faults import Faults
from bridge.simulator.messages import Request, Response, json_response
from bridge.simulator.records import CallLog, NoticeLog, Switch, Switches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.simulator.faults import Fault


class Simulator(ABC):
    """A vendor. ``handle`` and ``control`` run under ``lock``: no two at the same time."""

    name: str = "vendor"
    verbs: tuple[str, ...] = ("state", "act")
    """Control verbs passed to ``control``; besides them it must understand ``reset``."""

    def __init__(
        self,
        *,
        clock: SimClock | None = None,
        switches: Iterable[Switch] = (),
        initial: dict[str, Any] | None = None,
    ) -> None:
        """Take ``initial`` for switch values that differ from the defaults."""
        self.clock = clock or SimClock()
        self.switches = Switches(switches, initial)
        self.faults = Faults()
        self.notices = NoticeLog()
        self.calls = CallLog()
        self.lock = threading.RLock()
        self.in_flight: Counter[str] = Counter()
        """Calls being answered now, by path; slow faults count."""
        self.url = ""
        """Where the simulator is served; set by ``serve``."""

    @abstractmethod
    def handle(self, request: Request) -> Response:
        """Answer one call of the vendor's API."""

    @abstractmethod
    def control(self, verb: str, arguments: dict[str, Any]) -> Any:
        """Answer ``reset`` and each of ``verbs``; raise ``ControlError`` for nonsense."""

    def facts(self) -> dict[str, Any]:
        """Return what somebody who wants to use the vendor has to be told: ids, secrets, people."""
        return {}

    def throttle_response(self, request: Request, fault: Fault) -> Response:
        """Return what the vendor answers to somebody who asks too often."""
        del request, fault
        return Response(status=429)

    def error_response(self, request: Request, fault: Fault) -> Response:
        """Return the vendor's answer with ``fault.code`` and ``fault.message``."""
        del request
        return json_response({"code": fault.code, "message": fault.message}, fault.status)

    def describe(self, request: Request, response: Response | None) -> tuple[str, str, str]:
        """Return endpoint, vendor's code and actor of a call, for the log of calls."""
        del response
        return request.path, "", ""

    def close(self) -> None:
        """Stop whatever the simulator runs besides the listener."""
        self.url = ""

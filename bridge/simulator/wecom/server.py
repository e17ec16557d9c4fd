"""WeCom in a box: from a request to an answer."""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.messages import Request, Response, json_response
from bridge.simulator.vendor import Simulator
from bridge.simulator.wecom import errors, login
from bridge.simulator.wecom.acts import Acts
from bridge.simulator.wecom.calendars import Calendars
from bridge.simulator.wecom.callbacks import Sender
from bridge.simulator.wecom.console import Console
from bridge.simulator.wecom.directory import Directory
from bridge.simulator.wecom.errors import Refusal, failure
from bridge.simulator.wecom.fields import parse_body
from bridge.simulator.wecom.office import Caller, Office, Route
from bridge.simulator.wecom.rates import Rates
from bridge.simulator.wecom.schedules import Schedules
from bridge.simulator.wecom.series import Series
from bridge.simulator.wecom.switches import SWITCHES
from bridge.simulator.wecom.tokens import Tokens

if TYPE_CHECKING:
    from bridge.simulator.clock import SimClock
    from bridge.simulator.faults import Fault
    from bridge.simulator.wecom.state import Corp

ROOT: Final = "/cgi-bin/"


class WecomSimulator(Simulator):
    """One company and its apps."""

    name = "wecom"

    def __init__(
        self, corp: Corp, *, clock: SimClock | None = None, switches: dict[str, Any] | None = None
    ) -> None:
        super().__init__(clock=clock, switches=SWITCHES, initial=switches)
        self._first = copy.deepcopy(corp)
        self.sender = Sender(corp.corp_id, self.switches, self.clock.now)
        self.office = Office(
            corp=corp, switches=self.switches, clock=self.clock, notices=self.notices, sender=self.sender
        )
        self._tokens = Tokens(self.office)
        self._rates = Rates(self.office)
        series = Series(self.office)
        calendars = Calendars(self.office)
        self._directory = Directory(self.office, self._rates)
        schedules = Schedules(self.office, calendars, series, self._rates)
        console = Console(self.office, self._directory, self._tokens)
        self._acts = Acts(self.office, calendars, series, console)
        self._routes = calendars.routes() | schedules.routes() | self._directory.routes()
        self._failures = 0

    def handle(self, request: Request) -> Response:
        """Answer one call; refusals have HTTP status 200 and an ``errcode``."""
        try:
            answer = self._answer(request)
        except Refusal as refusal:
            return self._failure(request, refusal.code, refusal.detail)
        return (
            answer
            if isinstance(answer, Response)
            else json_response({"errcode": 0, "errmsg": "ok", **answer})
        )

    def control(self, verb: str, arguments: dict[str, Any]) -> Any:
        """Answer ``state``, ``act`` and ``reset``."""
        if verb == "act":
            return self._acts.play(arguments)
        if verb == "reset":
            made = self.office.corp.made
            self.office.corp = copy.deepcopy(self._first)
            self.office.corp.made = made
            self._tokens.clear()
            self._rates.clear()
            self._directory.clear()
            self.sender.clear()
            return None
        return dataclasses.asdict(self.office.corp)

    def facts(self) -> dict[str, Any]:
        """Return company, apps and members."""
        corp = self.office.corp
        return {
            "corp_id": corp.corp_id,
            "agents": [{"agent_id": a.agent_id, "secret": a.secret} for a in corp.agents.values()],
            "people": [{"userid": p.userid, "name": p.name, "email": p.email} for p in corp.people.values()],
        }

    def throttle_response(self, request: Request, fault: Fault) -> Response:
        """Return 45009, or the code the fault names (45033)."""
        return self._failure(request, int(fault.code or errors.TOO_MANY_CALLS), fault.message)

    def error_response(self, request: Request, fault: Fault) -> Response:
        """Return the code the fault names, -1 if none."""
        return self._failure(request, int(fault.code or errors.SYSTEM_BUSY), fault.message)

    def describe(self, request: Request, response: Response | None) -> tuple[str, str, str]:
        """Return endpoint, errcode and the app's id."""
        code = ""
        if response is not None and response.body.startswith(b'{"errcode":'):
            code = response.body[11:24].split(b",")[0].decode("ascii", "replace")
        agent_id = self._tokens.owner(request.first("access_token"))
        return request.path.removeprefix(ROOT), code, "" if agent_id is None else str(agent_id)

    def close(self) -> None:
        """Stop sending events."""
        super().close()
        self.sender.close()

    def _answer(self, request: Request) -> dict[str, Any] | Response:
        name = request.path.removeprefix(ROOT)
        if request.path in login.PAGES and request.method == "GET":
            return login.page(self.office.corp, self._directory, request)
        if request.path == f"{ROOT}gettoken":
            if request.method != "GET":
                raise Refusal(self.switches["wrong_method_code"])
            self._limit(request)
            return self._tokens.gettoken(request)
        route = self._routes.get(name) if request.path.startswith(ROOT) else None
        if route is None:
            return self._unknown_path()
        agent = self._tokens.agent_of(request.first("access_token"))
        self._check_ip(request)
        self._limit(request)
        if request.method != route.method:
            raise Refusal(self.switches["wrong_method_code"])
        if agent.kind not in route.kinds:
            raise Refusal(errors.FORBIDDEN)
        if route.schedule_api and not agent.calendar_api:
            raise Refusal(self.switches["not_enabled_code"])
        return route.act(self._caller(route, agent_id=agent.agent_id, request=request))

    def _caller(self, route: Route, *, agent_id: int, request: Request) -> Caller:
        body = parse_body(request.body) if route.method == "POST" else {}
        agent = self.office.corp.agents[agent_id]
        return Caller(agent=agent, request=request, body=self.office.fields(body, "body"))

    def _limit(self, request: Request) -> None:
        debug = request.first("debug") == "1"
        self._rates.check(request.path, request.peer, self.in_flight[request.path], debug=debug)

    def _check_ip(self, request: Request) -> None:
        trusted = self.switches["trusted_ips"]
        if trusted and request.peer not in trusted.split(";"):
            raise Refusal(errors.UNTRUSTED_IP)

    def _unknown_path(self) -> Response:
        mode = self.switches["unknown_path"]
        if mode == "404":
            return Response(status=404)
        raise Refusal(int(mode))

    def _failure(self, request: Request, code: int, detail: str) -> Response:
        self._failures += 1
        answer = failure(
            code,
            detail,
            peer=request.peer,
            now_s=self.clock.now(),
            number=self._failures,
            digits=self.switches["hint_style"] == "digits",
        )
        return json_response(answer)

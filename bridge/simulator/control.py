"""The control plane: what a test tells a simulator, under ``/_control/VERB``, from this machine only."""

from __future__ import annotations

import ipaddress
import json
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.faults import fault_from_json
from bridge.simulator.messages import Request, Response, json_response
from bridge.simulator.records import ControlError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.simulator.vendor import Simulator

PREFIX: Final = "/_control/"


def answer(simulator: Simulator, request: Request) -> Response:
    """Answer one control request."""
    if not _is_loopback(request.peer):
        return json_response({"error": "the control plane answers this machine only"}, 403)
    verb = request.path.removeprefix(PREFIX).strip("/")
    common = _COMMON.get(verb)
    if common is None and verb not in simulator.verbs:
        verbs = sorted({*_COMMON, *simulator.verbs})
        return json_response({"error": f"no verb {verb!r}", "verbs": verbs}, 404)
    try:
        if common is not None:
            return json_response(common(simulator, request))
        with simulator.lock:
            return json_response(simulator.control(verb, _arguments(request)))
    except ControlError as error:
        return json_response({"error": str(error)}, error.status)


def _is_loopback(peer: str) -> bool:
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _json(request: Request) -> Any:
    if not request.body.strip():
        return {}
    try:
        return json.loads(request.body)
    except ValueError as error:
        msg = "the body is not JSON"
        raise ControlError(msg) from error


def _arguments(request: Request) -> dict[str, Any]:
    """Return the body's object, with query parameters as further strings."""
    body = _json(request)
    if not isinstance(body, dict):
        msg = "the body must be a JSON object"
        raise ControlError(msg)
    return {**{name: values[-1] for name, values in request.query.items()}, **body}


def _fault(simulator: Simulator, request: Request) -> Any:
    given = _json(request)
    faults = [fault_from_json(item) for item in (given if isinstance(given, list) else [given])]
    for fault in faults:
        simulator.faults.add(fault)
    return {"added": len(faults)}


def _faults(simulator: Simulator, request: Request) -> Any:
    del request
    return {"faults": simulator.faults.as_json()}


def _clear_faults(simulator: Simulator, request: Request) -> Any:
    del request
    simulator.faults.clear()
    return {"faults": []}


def _clock(simulator: Simulator, request: Request) -> Any:
    arguments = _arguments(request) if request.method == "POST" else {}
    for name in ("now", "advance_s"):
        value = arguments.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            msg = f"{name!r} is a number of seconds"
            raise ControlError(msg)
    if arguments.get("real"):
        simulator.clock.real()
    if "now" in arguments:
        simulator.clock.set(arguments["now"], frozen=bool(arguments.get("frozen")))
    if "advance_s" in arguments:
        simulator.clock.advance(arguments["advance_s"])
    clock = simulator.clock
    return {"now": clock.now(), "offset_s": clock.offset_s, "frozen": clock.frozen}


def _switch(simulator: Simulator, request: Request) -> Any:
    if request.method == "POST":
        with simulator.lock:
            simulator.switches.set(_arguments(request))
    return simulator.switches.as_json()


def _notices(simulator: Simulator, request: Request) -> Any:
    notices = simulator.notices.as_json()
    if request.method == "POST":
        simulator.notices.clear()
    return {"notices": notices}


def _calls(simulator: Simulator, request: Request) -> Any:
    calls = simulator.calls.as_json()
    if request.first("reset") == "1":
        simulator.calls.clear()
    return calls


def _reset(simulator: Simulator, request: Request) -> Any:
    """Go back to the state after the start; the clock stays where it is."""
    with simulator.lock:
        simulator.faults.clear()
        simulator.switches.reset()
        result = simulator.control("reset", _arguments(request))
        simulator.notices.clear()
        simulator.calls.clear()
    return {"reset": True} if result is None else result


_COMMON: Final[dict[str, Callable[[Simulator, Request], Any]]] = {
    "fault": _fault,
    "faults": _faults,
    "clear_faults": _clear_faults,
    "clock": _clock,
    "switch": _switch,
    "notices": _notices,
    "calls": _calls,
    "reset": _reset,
}

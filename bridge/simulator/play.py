"""One call played: the vendor's answer, or what the waiting fault makes of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.simulator.faults import GARBAGE, HTML_PAGE
from bridge.simulator.messages import Request, Response, json_response
from bridge.simulator.records import Call

if TYPE_CHECKING:
    from bridge.simulator.faults import Fault
    from bridge.simulator.vendor import Simulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What to do with the connection."""

    response: Response | None = None
    """None: no answer, the connection ends."""
    reset: bool = False
    """End it with a TCP reset."""
    announced: int | None = None
    """Content-Length to announce instead of the true one."""


def play(simulator: Simulator, request: Request) -> Outcome:
    """Answer one vendor call, with the fault that waits for it, and count it."""
    fault = simulator.faults.take(request)
    path = request.path
    with simulator.lock:
        simulator.in_flight[path] += 1
    try:
        outcome, real = _answer(simulator, request, fault)
    finally:
        with simulator.lock:
            simulator.in_flight[path] -= 1
            if not simulator.in_flight[path]:
                del simulator.in_flight[path]
    endpoint, code, actor = simulator.describe(request, outcome.response or real)
    simulator.calls.add(
        Call(
            endpoint=endpoint,
            method=request.method,
            status=outcome.response.status if outcome.response else 0,
            code=code,
            at=simulator.clock.now(),
            actor=actor,
            fault=fault.kind if fault else "",
        )
    )
    return outcome


def _answer(simulator: Simulator, request: Request, fault: Fault | None) -> tuple[Outcome, Response | None]:
    """Return the outcome and, if the act happened, the vendor's own answer."""
    if fault is None:
        with simulator.lock:
            real = simulator.handle(request)
        return Outcome(response=real), real
    acted: Response | None = None
    if fault.when == "after" or fault.kind == "slow":
        if fault.when == "before":
            time.sleep(fault.seconds)
        with simulator.lock:
            acted = simulator.handle(request)
        if fault.when == "after":
            time.sleep(fault.seconds)
    else:
        time.sleep(fault.seconds)
    return _spoil(simulator, request, fault, acted), acted


def _spoil(simulator: Simulator, request: Request, fault: Fault, acted: Response | None) -> Outcome:
    """Return what the caller gets instead of ``acted``."""
    match fault.kind:
        case "lost":
            return Outcome()
        case "reset":
            return Outcome(reset=True)
        case "status":
            body = fault.body.encode()
            return Outcome(response=Response(status=fault.status, body=body, headers=dict(fault.headers)))
        case "html":
            page = fault.body.encode() or HTML_PAGE
            headers = {"Content-Type": "text/html; charset=utf-8"}
            return Outcome(response=Response(body=page, headers=headers))
        case "truncated":
            return _truncated(fault, acted)
        case "throttle":
            return Outcome(response=simulator.throttle_response(request, fault))
        case "error":
            return Outcome(response=simulator.error_response(request, fault))
        case "garbage":
            body = fault.body.encode() or GARBAGE
            return Outcome(response=Response(body=body, headers={"Content-Type": "application/json"}))
        case "empty":
            return Outcome(response=Response(headers={"Content-Type": "application/json"}))
        case _:
            return Outcome(response=acted)


def _truncated(fault: Fault, acted: Response | None) -> Outcome:
    full = acted or json_response({"result": {"items": [{"id": "0123456789"}], "more": False}})
    short = Response(status=full.status, body=full.body[: len(full.body) // 2], headers=full.headers)
    return Outcome(response=short, announced=len(full.body) if fault.content_length == "wrong" else None)

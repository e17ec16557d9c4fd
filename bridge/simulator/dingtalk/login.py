"""The page on which a person logs in and agrees (reference section 8)."""

from __future__ import annotations

import html
import urllib.parse
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk.gateway import Call, Operation
from bridge.simulator.messages import Response

if TYPE_CHECKING:
    from bridge.simulator.dingtalk.simulator import DingTalkSimulator

_HTML: Final = {"Content-Type": "text/html; charset=utf-8"}

_NEEDED: Final = {"response_type": "code", "prompt": "consent"}

_SCOPES: Final = ({"openid"}, {"openid", "corpid"})


def _problem(sim: DingTalkSimulator, call: Call) -> str:
    """Return what is wrong with the address, or empty."""
    for name, wanted in _NEEDED.items():
        if call.query_text(name) != wanted:
            return f"{name} must be {wanted}"
    if call.query_text("client_id") != sim.client_id:
        return "client_id unknown"
    if set((call.query_text("scope") or "").split()) not in _SCOPES:
        return "scope invalid"
    redirect = urllib.parse.urlsplit(call.query_text("redirect_uri") or "")
    if redirect.scheme not in ("http", "https") or not redirect.netloc:
        return "redirect_uri invalid"
    known = sim.redirect_uris
    if known and call.query_text("redirect_uri") not in known:
        return "redirect_uri is not registered for this app"
    return ""


def _login(sim: DingTalkSimulator, call: Call) -> Any:
    problem = _problem(sim, call)
    if problem:
        page = f"<h1>400</h1><p>{html.escape(problem)}</p>"
        return Response(status=400, body=page.encode(), headers=dict(_HTML))
    chosen = call.query_text("sim_user") or sim.login_as
    if chosen is None:
        return Response(body=_choices(sim, call).encode(), headers=dict(_HTML))
    person = sim.store.person(chosen)
    answer: dict[str, str] = {"error": "access_denied"}
    if person is not None:
        code = sim.tokens.code(person.union_id)
        answer = {"authCode": code, "code": code}
    if call.query_text("state") is not None:
        answer["state"] = call.request.first("state")
    base = call.request.first("redirect_uri")
    mark = "&" if urllib.parse.urlsplit(base).query else "?"
    location = f"{base}{mark}{urllib.parse.urlencode(answer)}"
    return Response(status=302, headers={"Location": location})


def _choices(sim: DingTalkSimulator, call: Call) -> str:
    """Return a page with one link for each person, and one to refuse."""
    pairs = [(name, values[-1]) for name, values in call.request.query.items()]
    links = []
    for name, label in [
        *((person.userid, person.name) for person in sim.store.people.values()),
        ("-", "拒绝 Refuse"),
    ]:
        query = urllib.parse.urlencode([*pairs, ("sim_user", name)])
        links.append(f'<li><a href="/oauth2/auth?{html.escape(query)}">{html.escape(label)}</a></li>')
    return f"<!DOCTYPE html><title>DingTalk</title><ul>{''.join(links)}</ul>"


OPERATIONS: Final = (
    Operation(
        name="login",
        method="GET",
        pattern="/oauth2/auth",
        handler=_login,
        billed=False,
        caller="none",
        host="login",
    ),
)

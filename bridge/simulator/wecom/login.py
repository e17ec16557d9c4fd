"""The pages on which a member signs in (reference 12): by a scan in a browser, silently inside the app."""

from __future__ import annotations

import html
import urllib.parse
from typing import TYPE_CHECKING, Final

from bridge.simulator.messages import Response
from bridge.simulator.wecom.errors import Refusal

if TYPE_CHECKING:
    from bridge.simulator.messages import Request
    from bridge.simulator.wecom.directory import Directory
    from bridge.simulator.wecom.state import Corp

SCAN: Final = "/wwlogin/sso/login"
SCAN_OLD: Final = "/wwopen/sso/qrConnect"
INSIDE: Final = "/connect/oauth2/authorize"
PAGES: Final = frozenset({SCAN, SCAN_OLD, INSIDE})
UNTRUSTED: Final = 50001
"""The redirect domain is not registered as trusted."""
_HTML: Final = {"Content-Type": "text/html; charset=utf-8"}


def _problem(corp: Corp, request: Request) -> str:
    """Return what is wrong with the address, or empty."""
    if request.first("appid") != corp.corp_id:
        return "appid unknown"
    if request.path != INSIDE and request.first("agentid") not in {str(one) for one in corp.agents}:
        return "agentid unknown"
    if request.path == SCAN and request.first("login_type") != "CorpApp":
        return "login_type must be CorpApp"
    if request.path == INSIDE and (
        request.first("response_type") != "code"
        or request.first("scope") not in ("snsapi_base", "snsapi_privateinfo")
    ):
        return "response_type or scope invalid"
    return ""


def page(corp: Corp, directory: Directory, request: Request) -> Response:
    """Show the members to choose from; ``sim_user`` chooses one, ``-`` refuses."""
    problem = _problem(corp, request)
    if problem:
        return Response(status=400, body=f"<h1>{html.escape(problem)}</h1>".encode(), headers=dict(_HTML))
    target = urllib.parse.urlsplit(request.first("redirect_uri"))
    if target.scheme not in ("http", "https") or not target.netloc:
        raise Refusal(UNTRUSTED)
    chosen = request.first("sim_user")
    if not chosen:
        return Response(body=_choices(corp, request).encode(), headers=dict(_HTML))
    answer = {"state": request.first("state")} if "state" in request.query else {}
    person = corp.people.get(chosen.lower())
    if person is not None:
        answer = {"code": directory.new_code(person.userid, with_ticket=False), **answer}
    base = request.first("redirect_uri")
    mark = "&" if target.query else "?"
    return Response(status=302, headers={"Location": f"{base}{mark}{urllib.parse.urlencode(answer)}"})


def _choices(corp: Corp, request: Request) -> str:
    pairs = [(name, values[-1]) for name, values in request.query.items()]
    links = []
    for name, label in [*((one.userid, one.name) for one in corp.people.values()), ("-", "拒绝 Refuse")]:
        query = urllib.parse.urlencode([*pairs, ("sim_user", name)])
        links.append(f'<li><a href="{request.path}?{html.escape(query)}">{html.escape(label)}</a></li>')
    return f"<!DOCTYPE html><title>WeCom</title><ul>{''.join(links)}</ul>"

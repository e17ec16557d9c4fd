"""The listener for operators: ``/healthz`` (alive), ``/readyz`` (of use), ``/metrics``. Bind it to loopback."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from prometheus_client.exposition import choose_encoder

from bridge.log import fields
from bridge.web.wsgi import App, Environ, StartResponse, method_of, reply, say

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

log = logging.getLogger(__name__)

Readiness: TypeAlias = Callable[[], Sequence[Mapping[str, Any]]]
"""Returns why the bridge is not of use, as JSON-able objects; an empty sequence means ready."""


def build_admin_app(registry: CollectorRegistry, readiness: Readiness) -> App:
    """Return the WSGI application for ``admin_listen``."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if method_of(environ) not in ("GET", "HEAD"):
            return say(environ, start_response, 405, "This can only be read.", Allow="GET, HEAD")
        path = str(environ.get("PATH_INFO") or "/")
        if path == "/healthz":
            return say(environ, start_response, 200, "ok", Cache_Control="no-store")
        if path == "/readyz":
            return _ready(environ, start_response, readiness)
        if path == "/metrics":
            encode, kind = choose_encoder(str(environ.get("HTTP_ACCEPT", "")))
            headers = [("Cache-Control", "no-store")]
            return reply(environ, start_response, 200, encode(registry), headers, content_type=kind)
        return say(environ, start_response, 404, "Try /healthz, /readyz or /metrics.")

    return answer


def _ready(environ: Environ, start_response: StartResponse, readiness: Readiness) -> list[bytes]:
    try:
        reasons = [dict(reason) for reason in readiness()]
    except Exception as error:
        log.exception("admin.readiness_failed", extra=fields(error=type(error).__name__))
        reasons = [{"reason": "the check itself failed", "error": type(error).__name__}]
    body = json.dumps({"ready": not reasons, "reasons": reasons}, ensure_ascii=False).encode() + b"\n"
    return reply(
        environ,
        start_response,
        503 if reasons else 200,
        body,
        [("Cache-Control", "no-store")],
        content_type="application/json",
    )

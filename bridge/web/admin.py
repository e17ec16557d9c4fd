"""The listener for operators: ``/healthz`` (alive), ``/readyz`` (of use, and if not why), ``/metrics``. Bind it to loopback."""

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

Reasons: TypeAlias = Sequence[Mapping[str, Any]]
Readiness: TypeAlias = Callable[[], tuple[Reasons, Reasons]]
"""Returns (why the bridge is not of use, what else is not well), as JSON-able objects; both empty: all is well."""


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
        down, ill = readiness()
    except Exception as error:
        log.exception("admin.readiness_failed", extra=fields(error=type(error).__name__))
        down, ill = [{"reason": "the check itself failed", "error": type(error).__name__}], []
    state = "down" if down else "degraded" if ill else "ready"
    reasons = [dict(reason) for reason in (*down, *ill)]
    told = {"ready": not down, "state": state, "reasons": reasons}
    body = json.dumps(told, ensure_ascii=False).encode() + b"\n"
    return reply(
        environ,
        start_response,
        503 if down else 200,
        body,
        [("Cache-Control", "no-store")],
        content_type="application/json",
    )

"""What operators ask: alive, of use, and how much."""

import json

import prometheus_client
import pytest
from davkit import Dav

from bridge.web.admin import build_admin_app
from bridge.web.serve import serve


@pytest.fixture
def state():
    return {"reasons": [], "ill": []}


@pytest.fixture
def ask(state):
    registry = prometheus_client.CollectorRegistry()
    prometheus_client.Counter("queqiao_tests", "Tests.", registry=registry).inc()

    def readiness():
        if state["reasons"] is None:
            raise RuntimeError("postgresql://user:secret@host/")
        return state["reasons"], state["ill"]

    server = serve(build_admin_app(registry, readiness), "127.0.0.1", 0, threads=2)
    client = Dav(server.port, user="")
    yield client
    client.close()
    server.close()


def test_healthz_says_that_the_process_lives(ask, state):
    state["reasons"] = None
    assert (ask("GET", "/healthz").status, ask("GET", "/healthz").body) == (200, b"ok\n")


def test_readyz_lists_what_is_wrong(ask, state):
    answer = ask("GET", "/readyz")
    assert (answer.status, json.loads(answer.body)) == (200, {"ready": True, "state": "ready", "reasons": []})
    state["ill"] = [{"source": "wecom", "state": "unauthorised", "what": "密钥"}]
    answer = ask("GET", "/readyz")
    told = {"ready": True, "state": "degraded", "reasons": state["ill"]}
    assert (answer.status, json.loads(answer.body)) == (200, told)
    state["reasons"] = [{"reason": "the database does not answer"}]
    answer = ask("GET", "/readyz")
    told = {"ready": False, "state": "down", "reasons": [*state["reasons"], *state["ill"]]}
    assert (answer.status, json.loads(answer.body)) == (503, told)
    state["reasons"] = None
    answer = ask("GET", "/readyz")
    assert answer.status == 503
    assert b"secret" not in answer.body


def test_metrics_are_told_in_the_form_that_is_asked_for(ask):
    plain = ask("GET", "/metrics")
    assert plain.status == 200
    assert b"queqiao_tests_total 1.0" in plain.body
    modern = ask("GET", "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert modern.headers["Content-Type"].startswith("application/openmetrics-text")
    assert modern.body.endswith(b"# EOF\n")


def test_nothing_else_is_there_and_nothing_can_be_changed(ask):
    assert ask("GET", "/").status == 404
    assert ask("GET", "/dav/").status == 404
    for path in ("/healthz", "/readyz", "/metrics"):
        assert ask("POST", path).status == 405
        assert ask("HEAD", path).body == b""

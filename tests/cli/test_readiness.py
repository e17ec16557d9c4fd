"""``/readyz`` and ``/metrics`` of a daemon whose database or loop is in trouble."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest
from processes import Installation

from bridge.config_load import load
from bridge.daemon import health
from bridge.daemon.run import Daemon
from bridge.simulator import wecom
from bridge.simulator.http import serve


@pytest.fixture
def daemon(tmp_path):
    simulator = wecom.build()
    with serve(simulator, "127.0.0.1", 0) as vendor:
        place = Installation(tmp_path, {"url": vendor.url, **simulator.facts()})
        running = Daemon(load(place.config))
        yield running
        running.close()


def readyz(daemon):
    answer = httpx.get(f"{daemon.admin_url}/readyz")
    return answer.status_code, answer.json()


def value(daemon, name):
    answer = httpx.get(f"{daemon.admin_url}/metrics")
    assert answer.status_code == 200
    return [float(line.split()[-1]) for line in answer.text.splitlines() if line.startswith(f"{name} ")]


def test_a_daemon_that_serves_is_ready(daemon):
    assert readyz(daemon) == (200, {"ready": True, "state": "ready", "reasons": []})
    assert value(daemon, "queqiao_database_up") == [1.0]


def test_a_database_that_does_not_answer_is_down_and_figures_say_so(daemon):
    store = daemon.parts.engine.store
    path = Path(store.url.database)
    kept = path.with_suffix(".kept")
    path.rename(kept)
    path.mkdir()
    for name in ("-wal", "-shm"):
        Path(f"{path}{name}").unlink(missing_ok=True)
    store.engine.dispose()
    status, told = readyz(daemon)
    assert (status, told["ready"], told["state"]) == (503, False, "down")
    (reason,) = told["reasons"]
    assert (reason["reason"], reason["error"]) == ("the database does not answer", "OperationalError")
    assert reason["who"] == "administrator of the bridge"
    assert "start the database" in reason["what"]
    assert value(daemon, "queqiao_database_up") == [0.0]
    assert value(daemon, "queqiao_uptime_seconds")
    shutil.rmtree(path)
    kept.rename(path)
    store.engine.dispose()


@pytest.mark.parametrize(
    ("revision", "reason"),
    [
        ("0001", "the database has an older schema"),
        ("9999", "the database has a newer schema than this version"),
    ],
)
def test_another_schema_is_down(daemon, revision, reason):
    with daemon.parts.engine.store.write() as c:
        current = c.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
        c.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    status, told = readyz(daemon)
    assert (status, [one["reason"] for one in told["reasons"]]) == (503, [reason])
    with daemon.parts.engine.store.write() as c:
        c.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{current}'")
    assert readyz(daemon)[0] == 200


def test_a_loop_that_stands_is_down(daemon, monkeypatch):
    monkeypatch.setattr(health, "LATE_S", -1.0)
    status, told = readyz(daemon)
    assert status == 503
    assert [one["reason"] for one in told["reasons"]] == ["the loop has not moved for 0 s"]


def test_a_disk_that_is_nearly_full_is_degraded(daemon, monkeypatch):
    monkeypatch.setattr(health, "DISK_LOW_BYTES", 1 << 62)
    status, told = readyz(daemon)
    assert (status, told["state"]) == (200, "degraded")
    assert "the database's disk has only" in told["reasons"][0]["reason"]


def test_codes_of_a_vendor_cannot_flood_the_figures():
    counted = health.Health()
    for number in range(health.CODES_MAX + 50):
        counted.count_call("w", "user.get", "Refused", f"code{number}")
    counted.count_call("v", "user.get", "Refused", 'wild"}\ncode')
    samples = [
        s.labels for family in counted.registry.collect() for s in family.samples if s.name.endswith("_total")
    ]
    assert len([labels for labels in samples if labels["source"] == "w"]) == health.CODES_MAX + 1
    assert [labels["code"] for labels in samples if labels["source"] == "v"] == ["other"]

"""Our storage plugin inside an unmodified Radicale: fewer statuses, the same truth."""

import os
import subprocess
import sys

import httpx
import pytest
from harness import Bridge, Client, config_text, event, free_port, until


@pytest.fixture
def radicale(stack, vendors, tmp_path):
    bridge = Bridge(tmp_path, config_text(tmp_path, *vendors))
    bridge.queqiao("user", "add", "alice", "--link", "wecom=zhangsan", "--link", "dingtalk=alice01")
    port = free_port()
    (tmp_path / "users").write_text("alice:pw\nbob:pw\n")
    (tmp_path / "radicale.ini").write_text(
        f"[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = htpasswd\nhtpasswd_filename = {tmp_path}/users\n"
        f"htpasswd_encryption = plain\ndelay = 0\n[storage]\ntype = radicale_plugin\nqueqiao_config = {tmp_path}/config.toml\n"
        f"[rights]\ntype = owner_only\n[logging]\nlevel = warning\n"
    )
    with (tmp_path / "radicale.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "radicale", "--config", str(tmp_path / "radicale.ini")],
            stderr=log,
            env=os.environ,
        )
    stack.callback(lambda: (process.terminate(), process.wait(20)))
    url = f"http://127.0.0.1:{port}/"

    def up():
        try:
            return httpx.get(url).status_code
        except httpx.TransportError:
            return None

    until(up, 20)
    client = Client(url, "alice", "pw")
    stack.callback(client.close)
    return client


def test_edits_arrive_at_both_vendors_and_come_back(radicale, vendors):
    paths = radicale.calendars("")
    assert len(paths) == 2
    for path in paths:
        put = radicale.put(f"{path}u1.ics", event("u1", summary="Through stock Radicale"))
        assert put.status_code == 201, put.text
        got = radicale.get(f"{path}u1.ics")
        assert got.status_code == 200
        assert "SUMMARY:Through stock Radicale" in got.text
    assert (
        vendors[0].control("state")["schedules"].popitem()[1]["content"]["summary"]
        == "Through stock Radicale"
    )
    assert [e["summary"] for e in vendors[1].control("state")["events"]] == ["Through stock Radicale"]
    for path in paths:
        token, changed = radicale.sync(path)
        assert len(changed) == 1
        assert radicale.delete(f"{path}u1.ics").status_code in (200, 204)
        _token, changed = radicale.sync(path, token)
        assert list(changed.values()) == [None]
    assert all(e["cancelled"] for e in vendors[1].control("state")["events"])


def test_a_refusal_is_a_4xx_and_leaves_the_event(radicale):
    for path in radicale.calendars(""):
        assert radicale.put(f"{path}u1.ics", event("u1")).status_code == 201
        bad = radicale.put(f"{path}u1.ics", event("u1", summary="x" * 4000))
        assert 400 <= bad.status_code < 500
        assert "SUMMARY:Planning" in radicale.get(f"{path}u1.ics").text


def test_others_see_nothing(radicale):
    for path in radicale.calendars(""):
        answer = httpx.request(
            "PROPFIND", f"{radicale.base.rstrip('/')}{path}", auth=("bob", "pw"), headers={"Depth": "1"}
        )
        assert answer.status_code in (403, 404)

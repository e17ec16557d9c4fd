"""An edit in the vendor's app reaches a client without any poll: real callbacks, a real websocket, a real daemon."""

from __future__ import annotations

import json
import time

import httpx
import pytest
from harness import Bridge, Client, config_text, event, until

TOKEN = "bridgeTestToken2026"
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
SOON_S = 2.0
"""Seconds from the vendor's edit to the client."""


class Pushed:
    """A daemon that hears pushes, with alice linked to both vendors."""

    def __init__(self, stack, vendors, folder, push):
        self.wecom, self.dingtalk = vendors
        keys = f'callback_token = "{TOKEN}"\ncallback_aes_key = "{KEY}"\n'
        text = config_text(folder, *vendors).replace("allow_delete", f"{keys}allow_delete")
        text += f'push = "{push}"\n' + (keys if push == "http" else "")
        self.bridge = Bridge(folder, text)
        stack.callback(self.bridge.stop)
        links = ("--link", "wecom=zhangsan", "--link", "dingtalk=alice01")
        made = self.bridge.json("user", "add", "alice", "--email", "alice@example.com", *links)
        self.bridge.start()
        self.alice = Client(self.bridge.url, "alice", made["password"])
        stack.callback(self.alice.close)
        calendars = until(lambda: len(found := self.alice.calendars()) >= 2 and found)
        self.calendar = {
            "wecom": next(c for c in calendars if "wecom" in c),
            "dingtalk": next(c for c in calendars if "dingtalk" in c),
        }
        until(lambda: all(row["state"] == "connected" for row in self.status()))

    def status(self):
        return json.loads(self.bridge.queqiao("status", "--json").stdout)

    def listen(self, *, verify=False):
        where = {"url": f"{self.bridge.url}/hook/wecom", "token": TOKEN, "aes_key": KEY, "verify": verify}
        self.wecom.act("set_callback", **where)
        return where

    def put(self, source, uid, *lines):
        path = f"{self.calendar[source]}{uid}.ics"
        answer = self.alice.put(path, event(uid, lines=lines))
        assert answer.status_code == 201, answer.text
        return path

    def shows(self, path, words, seconds=SOON_S):
        began = time.monotonic()
        until(lambda: words in self.alice.get(path).text, seconds)
        return time.monotonic() - began


def wecom_schedule(vendors):
    return next(s for s in vendors[0].control("state")["schedules"].values() if s["status"] == 0)


def ding_event(vendors):
    return next(e for e in vendors[1].control("state")["events"] if not e["cancelled"])


def rename_at_dingtalk(vendors, title):
    vendors[1].act(
        "edit", **{"as": "alice01", "eventId": ding_event(vendors)["key"], "event": {"summary": title}}
    )


def connections(vendors):
    return vendors[1].control("state")["stream"]["connections"]


@pytest.fixture
def pushed(stack, vendors, tmp_path):
    def make(push):
        return Pushed(stack, vendors, tmp_path, push)

    return make


def test_wecom_callbacks(pushed, vendors):
    world = pushed("off")
    world.listen(verify=True)
    results = until(lambda: world.wecom.act("callbacks")["results"])
    assert results[0]["ok"], results
    path = world.put("wecom", "a")
    until(lambda: not json.loads(world.bridge.queqiao("status", "--json").stdout)[0].get("waiting"))
    schedule = wecom_schedule(vendors)
    world.wecom.forget_calls()
    edit = {"userid": "zhangsan", "schedule_id": schedule["schedule_id"]}
    world.wecom.act("edit", **edit, fields={"summary": "From the app"})
    world.shows(path, "SUMMARY:From the app")
    assert [c["endpoint"].split("/")[-1] for c in world.wecom.calls()] == ["get"]

    # A burst costs one more call, a deletion one to confirm it.
    world.wecom.forget_calls()
    for number in range(5):
        world.wecom.act("edit", **edit, fields={"summary": f"Draft {number}"})
    world.shows(path, "SUMMARY:Draft 4")
    assert len(world.wecom.calls()) <= 2
    world.wecom.act("delete", **edit)
    until(lambda: world.alice.get(path).status_code == 404, SOON_S)
    assert all(result["status"] == 200 for result in world.wecom.act("callbacks")["results"])

    # A stranger gets nowhere, and nothing of it stands in the log.
    forged = httpx.post(
        f"{world.bridge.url}/hook/wecom?msg_signature=f&timestamp=1&nonce=2", content=b"<xml>GEHEIM</xml>"
    )
    assert forged.status_code == 403
    assert "hook.refused" in world.bridge.log
    assert "GEHEIM" not in world.bridge.log
    assert httpx.post(f"{world.bridge.url}/hook/dingtalk").status_code == 404


def test_dingtalk_over_http(pushed, vendors):
    world = pushed("http")
    where = {"url": f"{world.bridge.url}/hook/dingtalk", "token": TOKEN, "aes_key": KEY}
    world.dingtalk.act("push_mode", mode="http", **where)
    path = world.put("dingtalk", "a")
    until(lambda: ding_event(vendors))
    time.sleep(1)
    world.dingtalk.forget_calls()
    rename_at_dingtalk(vendors, "From the phone")
    world.shows(path, "SUMMARY:From the phone")
    assert len(world.dingtalk.calls()) == 1
    fates = {push["fate"] for push in world.dingtalk.control("state")["pushes"]["sent"]}
    assert fates == {"delivered"}


def test_dingtalk_stream_and_its_interruptions(pushed, vendors):
    world = pushed("stream")
    until(lambda: connections(vendors))
    path = world.put("dingtalk", "a")
    until(lambda: not vendors[1].control("state")["stream"]["unacknowledged"])
    time.sleep(1)
    world.dingtalk.forget_calls()
    rename_at_dingtalk(vendors, "Over the wire")
    world.shows(path, "SUMMARY:Over the wire")
    assert len(world.dingtalk.calls()) == 1

    # The server's ping is answered.
    vendors[1].act("stream", what="ping")
    until(lambda: connections(vendors)[0]["pongs"] == 1)

    # It asks us to go; it cuts the line; each time there is a new connection, and edits arrive.
    for what, words in (("disconnect", "After the farewell"), ("drop", "After the fall")):
        before = {c["id"] for c in connections(vendors)}
        vendors[1].act("stream", what=what)
        until(lambda before=before: {c["id"] for c in connections(vendors) if not c["closing"]} - before, 10)
        rename_at_dingtalk(vendors, words)
        world.shows(path, f"SUMMARY:{words}")
    assert "ticket" not in world.bridge.log
    assert "push.working" in world.bridge.log

    # The end is quick and clean.
    began = time.monotonic()
    world.bridge.stop()
    assert time.monotonic() - began < 10
    until(lambda: not connections(vendors))
    assert "Traceback" not in world.bridge.log


def test_deliveries_that_come_twice_cost_one_look(pushed, vendors):
    vendors[1].control("switch", {"push_duplicates": "yes"})
    world = pushed("stream")
    until(lambda: connections(vendors))
    path = world.put("dingtalk", "a")
    time.sleep(1.5)
    world.dingtalk.forget_calls()
    rename_at_dingtalk(vendors, "Twice told")
    world.shows(path, "SUMMARY:Twice told")
    time.sleep(1)
    assert len(world.dingtalk.calls()) == 1
    pushes = world.dingtalk.control("state")["pushes"]["sent"]
    assert {push["fate"] for push in pushes} == {"delivered"}


def test_our_own_edits_come_back_as_echoes_and_cost_nothing(pushed, vendors):
    world = pushed("stream")
    until(lambda: connections(vendors))
    path = world.put("dingtalk", "a")
    answer = world.alice.put(path, event("a", summary="Mine"))
    assert answer.status_code in (201, 204)
    time.sleep(2)
    reads = [c for c in world.dingtalk.calls() if c["endpoint"] == "GetEvent"]
    world.dingtalk.forget_calls()
    assert world.alice.delete(path).status_code in (200, 204)
    time.sleep(2)
    assert len(world.dingtalk.control("state")["pushes"]["sent"]) >= 3
    assert reads == []
    assert [c["method"] for c in world.dingtalk.calls()] == ["DELETE"]


def test_pushes_that_are_used_up_are_said_so_and_polling_stays(pushed, vendors):
    vendors[1].control("switch", {"monthly_pushes": 1})
    world = pushed("stream")
    until(lambda: connections(vendors))
    world.put("dingtalk", "a")
    until(lambda: ding_event(vendors))
    rename_at_dingtalk(vendors, "Nobody tells")
    until(lambda: "push.spent" in world.bridge.log)


def test_a_wrong_secret_does_not_keep_the_daemon_from_serving(pushed, vendors):
    world = pushed("stream")
    until(lambda: connections(vendors))
    vendors[1].act("change_secret", secret="changed-by-the-administrator")
    vendors[1].act("stream", what="drop")
    until(lambda: "stream.failed" in world.bridge.log)
    assert world.alice.calendars()
    assert "changed-by" not in world.bridge.log

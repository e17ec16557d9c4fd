"""The daemon as a process: killed, restarted, cut off from the vendor; nothing is lost and nothing doubled."""

import datetime as dt

import pytest
from harness import Client, event, run_bridge, until

VENDORS = ["wecom", "dingtalk"]


def path_of(client, kind):
    return next(p for p in client.calendars() if p.rstrip("/").rsplit("/", 1)[-1].startswith(kind))


def titles(box, kind):
    state = box.control("state")
    if kind == "wecom":
        return sorted(s["content"]["summary"] for s in state["schedules"].values() if s["status"] == 0)
    return sorted(e["summary"] for e in state["events"] if not e["cancelled"])


@pytest.mark.parametrize("kind", VENDORS)
def test_with_the_vendor_down_a_put_is_answered_in_time_and_arrives_later_even_after_sigkill(
    stack, vendors, tmp_path, kind
):
    box = vendors[VENDORS.index(kind)]
    bridge, clients = run_bridge(stack, vendors, tmp_path, write_wait_s=1.0)
    alice = clients["alice"]
    path = path_of(alice, kind)
    box.fault(kind="status", status=503, count=-1)
    begun = dt.datetime.now(dt.UTC)
    answer = alice.put(f"{path}u1.ics", event("u1"))
    assert answer.status_code == 201
    assert (dt.datetime.now(dt.UTC) - begun).total_seconds() < 4
    assert alice.get(f"{path}u1.ics").text == event("u1")
    bridge.kill()
    box.control("clear_faults", {})
    bridge.start()
    again = Client(bridge.url, "alice", alice.password)
    stack.callback(again.close)
    assert again.get(f"{path}u1.ics").text == event("u1")
    until(lambda: titles(box, kind) == ["Planning"], 30)
    until(lambda: bridge.json("changes", "--user", "alice")[0]["outcome"] == "applied", 30)
    assert titles(box, kind) == ["Planning"]


@pytest.mark.parametrize("kind", VENDORS)
def test_killed_between_the_vendors_act_and_its_answer_there_is_exactly_one_event(
    stack, vendors, tmp_path, kind
):
    box = vendors[VENDORS.index(kind)]
    bridge, clients = run_bridge(stack, vendors, tmp_path, write_wait_s=1.0)
    alice = clients["alice"]
    path = path_of(alice, kind)
    match = "schedule/add" if kind == "wecom" else "/events"
    box.fault(kind="slow", seconds=20, when="after", match=match, method="POST")
    assert alice.put(f"{path}u1.ics", event("u1")).status_code == 201
    until(lambda: titles(box, kind) == ["Planning"], 10)
    bridge.kill()
    box.control("clear_faults", {})
    bridge.start()
    until(lambda: bridge.json("changes", "--user", "alice")[0]["outcome"] == "applied", 30)
    assert titles(box, kind) == ["Planning"]


@pytest.mark.parametrize("kind", VENDORS)
def test_killed_while_a_slow_vendor_has_not_acted_yet_there_is_exactly_one_event(
    stack, vendors, tmp_path, kind
):
    """Asking too soon would find nothing, make it again, and then the first request would still be carried out."""
    box = vendors[VENDORS.index(kind)]
    bridge, clients = run_bridge(stack, vendors, tmp_path, write_wait_s=0.5)
    alice = clients["alice"]
    path = path_of(alice, kind)
    match = "schedule/add" if kind == "wecom" else "/events"
    box.fault(kind="slow", seconds=6, match=match, method="POST")
    assert alice.put(f"{path}u1.ics", event("u1")).status_code == 201
    bridge.kill()
    bridge.start()
    until(lambda: bridge.json("changes", "--user", "alice")[0]["outcome"] == "applied", 40)
    until(lambda: titles(box, kind), 15)
    assert titles(box, kind) == ["Planning"]

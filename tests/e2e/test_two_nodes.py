"""Two daemons on one PostgreSQL: every pull once, every edit seen by both, and what a killed one left is finished."""

from __future__ import annotations

import itertools
import json
import os
import secrets
import threading
import time

import pytest
import sqlalchemy as sa
from harness import Bridge, Client, config_text, event, until

POSTGRES = os.environ.get("BRIDGE_TEST_POSTGRES", "")
VENDORS = ["wecom", "dingtalk"]
TOKEN = "bridgeTestToken2026"
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
POLL_S = 2.0
SWEEPS = {"wecom": "get_by_calendar", "dingtalk": "ListEvents"}

pytestmark = pytest.mark.skipif(
    not POSTGRES, reason="BRIDGE_TEST_POSTGRES names no server; .ci/run starts one"
)


class Pair:
    """Nodes A and B, behind no balancer: each test says which one it talks to."""

    def __init__(self, stack, vendors, folder, *, push="off", **sync):
        self.stack, self.vendors = stack, vendors
        schema = f"t{secrets.token_hex(6)}"
        admin = sa.create_engine(POSTGRES)
        with admin.begin() as c:
            c.execute(sa.schema.CreateSchema(schema))
        stack.callback(admin.dispose)
        stack.callback(self._drop, admin, schema)
        self.database = sa.create_engine(f"{POSTGRES}?options=-csearch_path%3D{schema}")
        stack.callback(self.database.dispose)
        self.nodes = []
        for name in "ab":
            (folder / name).mkdir()
            text = config_text(
                folder / name, *vendors, database=f"{POSTGRES}?options=-csearch_path%3D{schema}", **sync
            )
            text = text.replace(
                "allow_delete", f'callback_token = "{TOKEN}"\ncallback_aes_key = "{KEY}"\nallow_delete'
            )
            node = Bridge(folder / name, f'{text}push = "{push}"\n')
            stack.callback(node.stop)
            self.nodes.append(node)
        links = ("--link", "wecom=zhangsan", "--link", "dingtalk=alice01")
        self.password = self.nodes[0].json("user", "add", "alice", "--email", "alice@example.com", *links)[
            "password"
        ]

    def start(self):
        self.clients = []
        for node in self.nodes:
            node.start()
            client = Client(node.url, "alice", self.password)
            self.stack.callback(client.close)
            self.clients.append(client)
        self.calendar = {
            kind: until(lambda kind=kind: [c for c in self.clients[0].calendars() if kind in c])[0]
            for kind in VENDORS
        }
        until(lambda: all(row["state"] == "connected" for row in self.status()))
        return self

    def status(self):
        return self.rows("SELECT state FROM calendar")

    def rows(self, query):
        with self.database.begin() as c:
            return [dict(row) for row in c.execute(sa.text(query)).mappings()]

    @staticmethod
    def _drop(admin, schema):
        with admin.begin() as c:
            c.execute(sa.schema.DropSchema(schema, cascade=True))


@pytest.fixture
def pair(stack, vendors, tmp_path):
    return lambda **options: Pair(stack, vendors, tmp_path, **options)


def titles(box, kind):
    state = box.control("state")
    if kind == "wecom":
        return sorted(s["content"]["summary"] for s in state["schedules"].values() if s["status"] == 0)
    return sorted(e["summary"] for e in state["events"] if not e["cancelled"])


def test_what_one_node_took_is_served_by_the_other_at_once_and_tokens_fit_both(pair):
    nodes = pair().start()
    a, b = nodes.clients
    for kind in VENDORS:
        path = f"{nodes.calendar[kind]}u1.ics"
        token, _changed = b.sync(nodes.calendar[kind])
        made = a.put(path, event("u1"))
        assert made.status_code == 201
        seen = b.get(path)
        assert (seen.status_code, seen.text) == (200, event("u1"))
        assert seen.headers["etag"] == a.get(path).headers["etag"]
        token, changed = b.sync(nodes.calendar[kind], token)
        assert list(changed) == [path]
        assert a.sync(nodes.calendar[kind], token) == (token, {})
        stale = {"If-Match": seen.headers["etag"]}
        assert b.put(path, event("u1", summary="From B"), **stale).status_code in (201, 204)
        assert a.put(path, event("u1", summary="From A"), **stale).status_code == 412
        assert "From B" in a.get(path).text
        assert b.delete(path).status_code in (200, 204)
        assert a.get(path).status_code == 404


def test_of_two_devices_at_two_nodes_one_wins_and_one_event_is_made(pair, vendors):
    nodes = pair().start()
    path = f"{nodes.calendar['wecom']}u1.ics"
    for attempt in range(3):
        name = f"{attempt}.ics"
        answers = [0, 0]
        gate = threading.Barrier(2)

        def put(number, name=name, answers=answers, gate=gate):
            gate.wait(10)
            done = nodes.clients[number].put(
                path.replace("u1.ics", name), event(name, summary=name), **{"If-None-Match": "*"}
            )
            answers[number] = done.status_code

        threads = [threading.Thread(target=put, args=(number,)) for number in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(answers) == [201, 412]
    until(lambda: len(titles(vendors[0], "wecom")) == 3)
    time.sleep(1)
    assert titles(vendors[0], "wecom") == ["0.ics", "1.ics", "2.ics"]


def test_each_pull_is_made_by_one_node(pair, vendors):
    nodes = pair(poll_s=POLL_S, poll_billed_s=POLL_S).start()
    with nodes.database.begin() as c:  # day and night alike: all calendars are due, again and again
        c.execute(sa.text("UPDATE calendar SET pull_at_ms = 0"))
    time.sleep(1)
    for box in vendors:
        box.forget_calls()
    time.sleep(6 * POLL_S)
    for kind, box in zip(VENDORS, vendors, strict=True):
        made = [c["at"] for c in box.calls() if SWEEPS[kind] in c["endpoint"]]
        sweeps = [[at] for at in made[:1]]
        for before, at in itertools.pairwise(made):
            if at - before > POLL_S / 4:
                sweeps.append([])
            sweeps[-1].append(at)
        assert 1 <= len(sweeps) <= 7, made
        assert len({len(sweep) for sweep in sweeps[:-1]}) <= 1, made
        assert all(b[0] - a[0] >= POLL_S * 0.9 for a, b in itertools.pairwise(sweeps)), made


@pytest.mark.parametrize("kind", VENDORS)
def test_a_node_killed_while_it_carries_is_succeeded_and_there_is_exactly_one_event(pair, vendors, kind):
    box = vendors[VENDORS.index(kind)]
    nodes = pair(write_wait_s=1.0).start()
    path = f"{nodes.calendar[kind]}u1.ics"
    match = "schedule/add" if kind == "wecom" else "/events"
    box.fault(kind="slow", seconds=20, when="after", match=match, method="POST")
    assert nodes.clients[0].put(path, event("u1")).status_code == 201
    until(lambda: titles(box, kind) == ["Planning"], 10)
    nodes.nodes[0].kill()
    box.control("clear_faults", {})
    assert nodes.clients[1].get(path).text == event("u1")
    until(lambda: [r["state"] for r in nodes.rows("SELECT state FROM intent")] == ["applied"], 40)
    assert titles(box, kind) == ["Planning"]
    answer = nodes.clients[1].put(path, event("u1", summary="Later"))
    assert answer.status_code in (201, 204)
    until(lambda: titles(box, kind) == ["Later"])


def test_a_callback_may_reach_any_node(pair, vendors):
    nodes = pair().start()
    path = f"{nodes.calendar['wecom']}u1.ics"
    assert nodes.clients[0].put(path, event("u1")).status_code == 201
    until(lambda: titles(vendors[0], "wecom"))
    schedule = next(iter(vendors[0].control("state")["schedules"].values()))
    for number, node in enumerate(nodes.nodes):
        vendors[0].act("set_callback", url=f"{node.url}/hook/wecom", token=TOKEN, aes_key=KEY, verify=True)
        until(lambda: vendors[0].act("callbacks")["results"])
        words = f"Told to {number}"
        vendors[0].act(
            "edit", userid="zhangsan", schedule_id=schedule["schedule_id"], fields={"summary": words}
        )
        for client in nodes.clients:
            until(lambda client=client, words=words: words in client.get(path).text, 5)


def test_one_node_holds_the_stream_and_the_other_takes_over_when_it_is_killed(pair, vendors):
    nodes = pair(push="stream").start()

    def stream():
        return vendors[1].control("state")["stream"]

    until(lambda: stream()["connections"])
    time.sleep(3)
    assert stream()["opened"] == 1
    owner = nodes.rows("SELECT owner FROM lease WHERE name = 'stream:dingtalk'")[0]["owner"]
    holder = next(number for number, n in enumerate(nodes.nodes) if f"/{n.process.pid}/" in owner)
    other = nodes.clients[1 - holder]
    path = f"{nodes.calendar['dingtalk']}u1.ics"
    assert other.put(path, event("u1")).status_code == 201
    until(lambda: titles(vendors[1], "dingtalk"))
    vendors[1].forget_calls()
    assert other.put(path, event("u1", summary="Mine")).status_code in (201, 204)
    time.sleep(2)  # the push of it reaches the node that did not write it, and costs no look
    assert [c["endpoint"] for c in vendors[1].calls()] == ["PatchEvent"]
    nodes.nodes[holder].kill()
    until(lambda: stream()["opened"] == 2, 40)
    made = vendors[1].control("state")["events"][0]
    vendors[1].act("edit", **{"as": "alice01", "eventId": made["key"], "event": {"summary": "Told to B"}})
    until(lambda: "Told to B" in other.get(path).text, 10)


def test_the_months_last_call_is_made_once(pair, vendors):
    nodes = pair()
    for node in nodes.nodes:
        node.path.write_text(node.path.read_text() + "monthly_calls = 60\n")
    nodes.start()
    calls = [threading.Thread(target=_edit_much, args=(nodes, number)) for number in (0, 1)]
    for call in calls:
        call.start()
    for call in calls:
        call.join(90)
    until(lambda: nodes.rows("SELECT used FROM tally WHERE name LIKE 'dingtalk:calls:%'")[0]["used"] == 60)
    time.sleep(2)
    assert 50 <= sum(vendors[1].control("state")["calls_by_month"].values()) <= 60
    rows = json.loads(nodes.nodes[1].queqiao("status", "--json").stdout)
    (row,) = [r for r in rows if r["source"] == "dingtalk"]
    assert row["waiting"] > 0
    assert row["waiting_until_ms"] > time.time() * 1000


def _edit_much(nodes, number):
    for count in range(40):
        name = f"n{number}-{count}"
        path = f"{nodes.calendar['dingtalk']}{name}.ics"
        assert nodes.clients[number].put(path, event(name)).status_code == 201

"""A whole bridge for a test: vendors in a box in this process, the daemon as a process of its own, plain HTTP."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
from canary import SPEAKS

from bridge.simulator import dingtalk, wecom
from bridge.simulator.http import serve

DAV = "{DAV:}"
CALDAV = "{urn:ietf:params:xml:ns:caldav}"
READY_S = 30
DAY = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)
START, END = f"{DAY:%Y%m%d}T100000", f"{DAY:%Y%m%d}T110000"
"""When events are that say nothing else: in the future, whenever the tests run."""


class Box:
    """One simulated vendor, asked through its control interface only."""

    def __init__(self, stack: ExitStack, simulator) -> None:
        self.simulator = simulator
        server = serve(simulator, "127.0.0.1", 0)
        stack.callback(server.close)
        self.url = server.url

    def control(self, verb, arguments=None):
        if arguments is None:
            answer = httpx.get(f"{self.url}/_control/{verb}")
        else:
            answer = httpx.post(f"{self.url}/_control/{verb}", json=arguments)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def act(self, do, **arguments):
        return self.control("act", {"do": do, **arguments})

    def fault(self, **fault):
        self.control("fault", fault)

    def calls(self, *, writes=False):
        calls = self.control("calls")
        return [c for c in calls["calls"] if not writes or is_write(c)]

    def forget_calls(self):
        httpx.get(f"{self.url}/_control/calls?reset=1").raise_for_status()


def is_write(call):
    endpoint = call["endpoint"].lower()
    if "oa/" in endpoint:
        return any(word in endpoint for word in ("add", "update", "del"))
    return call.get("method", "") in ("POST", "PUT", "DELETE") and "/events" in endpoint


@dataclass
class Bridge:
    """``queqiao serve`` on a folder."""

    folder: Path
    config: str
    env: dict = field(default_factory=dict)
    process: subprocess.Popen | None = None
    url: str = ""

    def __post_init__(self):
        self.path = self.folder / "config.toml"
        self.path.write_text(self.config)

    def queqiao(self, *arguments, check=True):
        done = subprocess.run(
            [sys.executable, "-m", "bridge.cli.main", "--config", str(self.path), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, **self.env},
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def json(self, *arguments):
        return json.loads(self.queqiao(*arguments, "--json").stdout.strip().splitlines()[-1])

    def start(self):
        with (self.folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bridge.cli.main", "--config", str(self.path), "serve", "--json"],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **self.env},
            )
        line = self.process.stdout.readline()
        assert line, (self.folder / "daemon.log").read_text()
        self.url = json.loads(line)["url"]
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self.process.stdout.close()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(30) == 0
        if self.process is not None:
            self.process.stdout.close()
        assert SPEAKS.search(self.log) is None, "the daemon's log holds an address or a token"

    @property
    def log(self):
        return (self.folder / "daemon.log").read_text()


def config_text(
    folder: Path,
    wecom_box,
    dingtalk_box,
    *,
    listen="127.0.0.1:0",
    database="",
    allow_delete_calendar=False,
    **sync,
) -> str:
    lines = [
        f"{key} = {json.dumps(value)}"
        for key, value in {"write_wait_s": 3.0, "poll_s": 3600.0, "poll_billed_s": 3600.0, **sync}.items()
    ]
    facts, ding = wecom_box.simulator.facts(), dingtalk_box.simulator.facts()
    return f"""
[server]
listen = "{listen}"
admin_listen = "127.0.0.1:0"
[database]
url = "{database or f"sqlite:///{folder}/queqiao.db"}"
[sync]
{chr(10).join(lines)}
[[source]]
id = "wecom"
kind = "wecom"
base_url = "{wecom_box.url}"
corp_id = "{facts["corp_id"]}"
agent_id = {facts["agents"][0]["agent_id"]}
secret = "{facts["agents"][0]["secret"]}"
allow_delete_calendar = {str(allow_delete_calendar).lower()}
[[source]]
id = "dingtalk"
kind = "dingtalk"
base_url = "{dingtalk_box.url}"
oapi_base_url = "{dingtalk_box.url}"
client_id = "{ding["client_id"]}"
client_secret = "{ding["client_secret"]}"
corp_id = "{ding["corp_id"]}"
"""


class Client:
    """One device: plain HTTP, no CalDAV library between the test and the wire."""

    def __init__(self, url, user, password):
        self.user = user
        self.password = password
        self.base = url
        self.http = httpx.Client(auth=(user, password), timeout=30)

    def close(self):
        self.http.close()

    def request(self, method, path, body=None, headers=None):
        return self.http.request(method, urljoin(self.base, path), content=body, headers=headers or {})

    def calendars(self, root="/dav"):
        answer = self.request("PROPFIND", f"{root}/{self.user}/", PROPFIND_TYPE, {"Depth": "1"})
        assert answer.status_code == 207, answer.text
        found = []
        for response in ET.fromstring(answer.text):
            if response.find(f".//{CALDAV}calendar") is not None:
                found.append(urlsplit(response.findtext(f"{DAV}href")).path)
        return found

    def put(self, path, text, **headers):
        return self.request(
            "PUT",
            path,
            text.encode() if isinstance(text, str) else text,
            {"Content-Type": "text/calendar; charset=utf-8", **headers},
        )

    def get(self, path):
        return self.request("GET", path)

    def delete(self, path, **headers):
        return self.request("DELETE", path, None, headers)

    def sync(self, collection, token=""):
        body = f"""<?xml version="1.0"?><D:sync-collection xmlns:D="DAV:"><D:sync-token>{token}</D:sync-token>
          <D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>"""
        answer = self.request("REPORT", collection, body.encode(), {"Content-Type": "application/xml"})
        if answer.status_code != 207:
            return answer.status_code, {}
        root = ET.fromstring(answer.text)
        changed = {}
        for response in root.findall(f"{DAV}response"):
            href = urlsplit(response.findtext(f"{DAV}href")).path
            changed[href] = (
                None if response.find(f"{DAV}status") is not None else response.findtext(f".//{DAV}getetag")
            )
        return root.findtext(f"{DAV}sync-token"), changed

    def texts(self, collection):
        _token, changed = self.sync(collection)
        return {href: self.get(href).text for href in changed}


PROPFIND_TYPE = (
    b'<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/></D:prop></D:propfind>'
)


def until(condition, seconds=15.0):
    """Wait for something to become true; returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def boxes(stack: ExitStack):
    return Box(stack, wecom.build()), Box(stack, dingtalk.build())


def event(uid, *, start=START, end=END, zone="Asia/Shanghai", summary="Planning", lines=()):
    """Return one event as a client might write it, with a zone by name and extra lines."""
    value = f";TZID={zone}:" if zone else ":"
    return "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Test//Client//EN",
            "BEGIN:VEVENT",
            f"UID:{uid}",
            "DTSTAMP:20261101T000000Z",
            f"DTSTART{value}{start}",
            f"DTEND{value}{end}",
            f"SUMMARY:{summary}",
            *lines,
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
    )


def run_bridge(stack, vendors, folder, **sync):
    """Start ``queqiao serve`` with alice and bob linked to both vendors; returns (bridge, clients by name)."""
    bridge = Bridge(folder, config_text(folder, *vendors, **sync))
    stack.callback(bridge.stop)
    clients = {}
    made = {}
    for name, userid, ding in (("alice", "zhangsan", "alice01"), ("bob", "lisi", "bob02")):
        row = bridge.json(
            "user",
            "add",
            name,
            "--email",
            f"{name}@example.com",
            "--link",
            f"wecom={userid}",
            "--link",
            f"dingtalk={ding}",
        )
        made[name] = row["password"]
    bridge.start()
    for name, password in made.items():
        clients[name] = Client(bridge.url, name, password)
        stack.callback(clients[name].close)
    return bridge, clients


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

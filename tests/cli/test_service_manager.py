"""systemd: the units as it reads them, and its protocols over real sockets, signals and processes."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from processes import COMMAND, WAIT_S, Installation, environment, fetch, staying
from programs import need

from bridge.daemon.sockets import Sockets
from bridge.daemon.watch import LATE_S, STATUS_S, Watch, interval_s
from bridge.store.engine import Store

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
EXPOSURE_MAX = 2.0


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_the_sandbox_is_tight(unit):
    analyze = need("systemd-analyze", "systemd")
    done = subprocess.run(
        [analyze, "security", "--offline=true", str(unit)], capture_output=True, text=True, check=False
    )
    found = re.search(r"Overall exposure level for .*: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= EXPOSURE_MAX


def test_systemd_finds_nothing_to_complain_of(tmp_path):
    analyze = need("systemd-analyze", "systemd")
    for path in UNITS.iterdir():
        text = path.read_text().replace("/opt/queqiao/bin/queqiao", "/bin/true")
        (tmp_path / path.name).write_text(text)
    for path in sorted(tmp_path.iterdir()):
        name = path.with_name(path.name.replace("@.", "@a."))
        done = subprocess.run(
            [analyze, "verify", "--recursive-errors=no", "--man=no", str(name)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        )
        assert (done.returncode, done.stderr) == (0, ""), path.name


class Manager:
    """The socket that a service manager listens on."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.heard = []

    def until(self, words, seconds=WAIT_S):
        """Return the message that has these words in it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            with contextlib.suppress(TimeoutError):
                message = self.socket.recv(4096).decode()
                self.heard.append(message)
                if words in message:
                    return message
        raise AssertionError((words, self.heard))


@pytest.fixture
def manager(tmp_path):
    made = Manager(tmp_path)
    yield made
    made.socket.close()


@pytest.fixture(scope="module")
def wecom():
    with staying("simulate", "wecom") as box:
        yield box


@pytest.fixture
def office(tmp_path, wecom):
    made = Installation(tmp_path, wecom)
    port = free_port()
    made.config.write_text(
        made.config.read_text().replace('listen = "127.0.0.1:0"', f'listen = "127.0.0.1:{port}"', 1)
    )
    made.url = f"http://127.0.0.1:{port}"
    return made


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.contextmanager
def served(office, **more):
    command = [*COMMAND, "--config", str(office.config), "serve"]
    log = office.config.with_name("log")
    with (
        log.open("ab") as told,
        subprocess.Popen(
            command, env=environment() | more, stdout=subprocess.DEVNULL, stderr=told
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def test_the_manager_hears_of_start_life_reload_and_end(office, manager):
    with served(office, NOTIFY_SOCKET=manager.path, WATCHDOG_USEC="900000") as process:
        manager.until("READY=1")
        assert fetch(office.url + "/dav/")[0] == 401  # ready means that it answers
        first = manager.until("WATCHDOG=1")
        assert "STATUS=serving 0 calendars, nothing needs a person" in first
        manager.until("WATCHDOG=1")

        good = office.config.read_text()
        office.config.write_text(good.replace("[server]", "[server]\nthreds = 3"))
        process.send_signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in manager.until("RELOADING=1")
        assert "serving with the old one" in manager.until("READY=1")
        assert fetch(office.url + "/dav/")[0] == 401

        other = free_port()
        office.config.write_text(good.replace(office.url.removeprefix("http://"), f"127.0.0.1:{other}"))
        process.send_signal(signal.SIGHUP)
        manager.until("RELOADING=1")
        assert "STATUS=serving" in manager.until("READY=1")
        assert fetch(f"http://127.0.0.1:{other}/dav/")[0] == 401
        with pytest.raises(httpx.ConnectError):
            fetch(office.url + "/dav/")

        office.config.write_text(
            good.replace("sqlite:///queqiao.db", f"sqlite:////proc/{os.getpid()}/none.db")
        )
        process.send_signal(signal.SIGHUP)  # well-formed, but it does not start
        manager.until("RELOADING=1")
        manager.until("READY=1")
        assert fetch(f"http://127.0.0.1:{other}/dav/")[0] == 401

        process.send_signal(signal.SIGTERM)
        manager.until("STOPPING=1")
        assert process.wait(WAIT_S) == 0


def test_no_sign_of_life_without_life(tmp_path, manager, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", manager.path)
    store = Store(f"sqlite:///{tmp_path}/q.db")
    store.migrate()
    idle = [0.0]
    watch = Watch(store, lambda: idle[0], lambda _source: "wecom")
    assert watch.tell()
    manager.until("WATCHDOG=1")
    idle[0] = LATE_S + 1
    assert not watch.tell()
    assert "WATCHDOG" not in manager.until("the loop has not moved")
    idle[0] = 0.0
    with store.write() as c:
        c.exec_driver_sql("DROP TABLE calendar")
    assert not watch.tell()
    assert "WATCHDOG" not in manager.until("the database does not answer")
    store.close()


def test_the_interval_is_a_third_of_what_is_allowed_to_this_process(monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "90000000")
    assert interval_s() == 30.0
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + 1))
    assert interval_s() == STATUS_S
    monkeypatch.delenv("WATCHDOG_PID")
    monkeypatch.setenv("WATCHDOG_USEC", "x")
    assert interval_s() == STATUS_S


def test_a_socket_that_systemd_opened_is_served(office, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as handed:
        url = f"http://127.0.0.1:{handed.getsockname()[1]}"
        script = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid());"
            "os.execv(sys.argv[2], sys.argv[2:])"
        )
        command = [
            sys.executable,
            "-c",
            script,
            str(handed.fileno()),
            *COMMAND,
            "--config",
            str(office.config),
            "serve",
        ]
        with subprocess.Popen(
            command,
            env=environment() | {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "main"},
            stdout=subprocess.PIPE,
            pass_fds=(handed.fileno(), 3) if handed.fileno() == 3 else (handed.fileno(),),
            text=True,
        ) as process:
            try:
                assert process.stdout.readline().startswith("serving")
                assert fetch(url + "/dav/")[0] == 401
                process.send_signal(signal.SIGTERM)
                assert process.wait(WAIT_S) == 0
            finally:
                process.kill()


def test_sockets_meant_for_another_process_are_left_alone(monkeypatch):
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", "1")
    sockets = Sockets()
    lent = sockets.lend("127.0.0.1:0")
    assert lent.getsockname()[1] > 0
    assert "LISTEN_FDS" not in os.environ
    lent.close()
    sockets.close()


def body(number):
    return (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//T//EN\r\nBEGIN:VEVENT\r\n"
        f"UID:load-{number}\r\nDTSTAMP:20261101T000000Z\r\nDTSTART:20270105T{number % 20:02d}0000Z\r\n"
        f"DTEND:20270105T{number % 20:02d}3000Z\r\nSUMMARY:Load {number}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


def test_reloads_and_the_end_under_load_lose_nothing(office, manager):
    office("migrate")
    userid = office.wecom["people"][0]["userid"]
    made = office.json("user", "add", "alice", "--link", f"wecom={userid}")
    (calendar,) = office.json("calendar", "list", "--user", "alice")
    home = f"{office.url}/dav/alice/{calendar['calendar']}/"
    acknowledged, statuses, ended = [], [], threading.Event()
    numbers = itertools.count()
    lock = threading.Lock()

    def write():
        with httpx.Client(auth=("alice", made["password"]), timeout=WAIT_S, trust_env=False) as client:
            while not ended.is_set():
                with lock:
                    number = next(numbers)
                with contextlib.suppress(httpx.TransportError):
                    answer = client.put(f"{home}load-{number}.ics", content=body(number))
                    statuses.append(answer.status_code)
                    if answer.status_code == 201:
                        acknowledged.append(number)
                        continue
                time.sleep(0.02)

    with served(office, NOTIFY_SOCKET=manager.path) as process:
        manager.until("READY=1")
        writers = [threading.Thread(target=write) for _ in range(3)]
        for writer in writers:
            writer.start()
        for _ in range(2):
            time.sleep(1)
            before = len(acknowledged)
            process.send_signal(signal.SIGHUP)
            manager.until("RELOADING=1")
            manager.until("READY=1")
            deadline = time.monotonic() + WAIT_S
            while len(acknowledged) == before and time.monotonic() < deadline:
                time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
        ended.set()
        for writer in writers:
            writer.join()
    assert len(acknowledged) > 10
    assert {status for status in statuses if status >= 500} == set()
    with served(office, NOTIFY_SOCKET=manager.path):
        manager.until("READY=1")
        deadline = time.monotonic() + WAIT_S
        while [x for x in office.json("status") if x["waiting"]] and time.monotonic() < deadline:
            time.sleep(0.2)
        text = fetch(home, "alice", made["password"])[1]
        assert sorted(acknowledged) == sorted(
            number for number in acknowledged if f"UID:load-{number}\r\n" in text
        )
        titles = [x["content"]["summary"] for x in schedules(office)]
        assert {f"Load {number}" for number in acknowledged} <= set(titles)
        assert len(titles) == len(set(titles))


def schedules(office):
    state = httpx.get(office.wecom["url"] + "/_control/state", trust_env=False).json()
    return [
        x
        for x in state["schedules"].values()
        if x["status"] == 0 and x["content"]["summary"].startswith("Load")
    ]

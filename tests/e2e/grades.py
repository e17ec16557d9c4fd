"""Grades of two foreign suites, ours beside stock Radicale: ``make grades`` writes the table into docs/clients.md.

``caldav-server-tester`` says of each feature of a CalDAV server how well it works. The functional suite of python-caldav is fetched
as the project publishes it, into a folder that is thrown away, and runs with what the first suite found; so it skips what a
server does not claim. Both servers run here, with the same two people and nothing in their calendars.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
from collections import Counter
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import httpx

HERE = Path(__file__).parent
DOCS = HERE.parent.parent / "docs" / "clients.md"
BIN = Path(sys.executable).parent
START, END = "<!-- grades: written by `make grades` -->", "<!-- end of grades -->"
SUITE_S = 900
"""Longest run of one suite, in seconds."""
READY_S = 20
NEEDED = (
    "pytest",
    "pytest-asyncio",
    "tzlocal",
    "pyfakefs",
    "proxy.py",
    "httpx",
    "pyyaml",
    "vobject",
    "radicale>=3.9,<4",
)
"""What the suite of python-caldav imports besides itself."""
BY_DESIGN = {
    "save-load.todo": "both vendors' calendars hold events only; tasks are refused with `supported-calendar-component`",
    "save-load.journal": "the same for journals",
    "search.time-range.todo": "no tasks",
    "search.time-range.todo.strict": "no tasks",
    "search.recurrences.includes-implicit.todo": "no tasks",
    "search.recurrences.includes-implicit.todo.pending": "no tasks",
    "search.recurrences.expanded.todo": "no tasks",
    "search.time-range.open": "the suite's fixture for an open range is a task, so it could not look",
    "create-calendar.with-supported-component-types": "a list of tasks cannot be made",
    "scheduling.auto-schedule": "WeCom shows an invitation in the guest's own app calendar, which its API lets nobody read",
    "scheduling.mailbox.inbox-delivery": "the inbox stays empty: the vendor tells the guest",
    "scheduling.schedule-tag.stable-partstat": "the suite could not look without an invitation in the guest's calendar",
    "save-load.event.no-dtend": "WeCom refuses an event that ends when it begins (40058)",
}
"""Why a grade is lower than stock's: feature, or what it begins with up to a dot."""
FAILS_BY_DESIGN = {
    "testSearchShouldYieldData": "moves a single event of 2006 to 2007; WeCom does not move a start into the past (90706)",
    "testDateSearchAndFreeBusy": "moves a single event of 2006 to 2007; WeCom does not move a start into the past (90706)",
    "testInviteAndRespond": "WeCom shows an invitation in the guest's own app calendar, which its API does not let anybody read",
}
"""Tests of python-caldav that fail, and why."""


def graded(url: str, people: list[tuple[str, str]], folder: Path, *more: str) -> dict[str, str]:
    """Return feature -> grade; a feature that the suite does not list is ``full``."""
    sections = {
        f"user{number}": {"caldav_url": url, "caldav_username": user, "caldav_password": password}
        for number, (user, password) in enumerate(people)
    }
    config = folder / "caldav.json"
    config.write_text(json.dumps(sections))
    chosen = [word for name in sections for word in ("--config-section", name)]
    done = subprocess.run(
        [BIN / "caldav-server-tester", "--format", "json", *chosen, *more],
        capture_output=True,
        text=True,
        timeout=SUITE_S,
        env={**os.environ, "CALDAV_CONFIG_FILE": str(config)},
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found = json.loads(done.stdout)["features"]
    return {name: value.get("support") if isinstance(value, dict) else value for name, value in found.items()}


class Suite:
    """The functional tests of python-caldav, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.version = version("caldav")
        words = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--no-binary",
            "caldav",
            "-d",
            str(folder),
        ]
        subprocess.run([*words, f"caldav=={self.version}"], check=True, capture_output=True, timeout=SUITE_S)
        (packed,) = folder.glob("caldav-*.tar.gz")
        with tarfile.open(packed) as archive:
            archive.extractall(folder, filter="data")
        (self.folder,) = (one for one in folder.glob("caldav-*") if one.is_dir())
        venv.create(folder / "venv", with_pip=True)
        self.python = folder / "venv" / "bin" / "python"
        subprocess.run(
            [self.python, "-m", "pip", "install", "-q", str(self.folder), *NEEDED],
            check=True,
            capture_output=True,
            timeout=SUITE_S,
        )

    def run(
        self, name: str, url: str, people: list[tuple[str, str]], grades: dict[str, str]
    ) -> dict[str, str]:
        """Return test -> ``passed``, ``failed``, ``error`` or ``skipped``."""
        users = [{"url": url, "username": user, "password": password} for user, password in people]
        features = {feature: {"support": grade} for feature, grade in grades.items()}
        server = {
            "type": "external",
            "enabled": True,
            **users[0],
            "features": features,
            "scheduling_users": users,
        }
        others = {other: {"type": "embedded", "enabled": False} for other in ("radicale", "xandikos")}
        (self.folder / "tests" / "caldav_test_servers.json").write_text(
            json.dumps({"test-servers": {name: server, **others}})
        )
        options = ("asyncio_default_fixture_loop_scope=function", "filterwarnings=default")
        done = subprocess.run(
            [self.python, "-m", "pytest", "-v", "-k", name, *(word for one in options for word in ("-o", one)),
             "tests/test_caldav.py"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=SUITE_S,
            env={**os.environ, "PYTHON_CALDAV_TEST_DOCKER": "0"},
        )  # fmt: skip
        outcomes = re.findall(
            r"^tests/\S+::(\w+)(?:\[[^\]]*\])? (PASSED|FAILED|ERROR|SKIPPED)", done.stdout, re.MULTILINE
        )
        if not outcomes:
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
        return {test: outcome.lower() for test, outcome in outcomes}


def stock(stack: ExitStack, folder: Path, people: list[tuple[str, str]]) -> str:
    """Run an unmodified Radicale on an empty folder; returns its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "users").write_text("".join(f"{user}:{password}\n" for user, password in people))
    (folder / "stock.ini").write_text(
        f"[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = htpasswd\nhtpasswd_filename = {folder}/users\n"
        f"htpasswd_encryption = plain\ndelay = 0\n[storage]\nfilesystem_folder = {folder}/stock\n[logging]\nlevel = error\n"
    )
    process = subprocess.Popen([sys.executable, "-m", "radicale", "--config", str(folder / "stock.ini")])
    stack.callback(process.wait, 10)
    stack.callback(process.terminate)
    url = f"http://127.0.0.1:{port}/"
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return url
    msg = "Radicale did not start"
    raise RuntimeError(msg)


def grade(found: dict[str, str], name: str) -> str:
    """Return a feature's grade: its own, that of what it is part of where that is not full, else ``full``."""
    if name in found:
        return found[name] or "unknown"
    parent = name.rpartition(".")[0]
    return grade(found, parent) if parent else "full"


def counted(outcomes: dict[str, str]) -> str:
    """Return how many tests passed, failed and were skipped."""
    count = Counter(outcomes.values())
    failed = count["failed"] + count["error"]
    return f"{count['passed']} passed, {failed} failed, {count['skipped']} skipped"


def reason(name: str, reasons: dict[str, str]) -> str:
    """Return why a grade is as it is, "" if nobody says."""
    return next((why for key, why in reasons.items() if name == key or name.startswith(f"{key}.")), "")


def table(grades: dict[str, dict[str, str]], tests: dict[str, dict[str, str]], suite: str) -> str:
    """Return the lines for the page."""
    theirs, ours = grades["stock"], grades["ours"]
    features = sorted(set(theirs) | set(ours))

    def full(found: dict[str, str]) -> int:
        return sum(grade(found, name) == "full" for name in features)

    out = [
        START,
        "",
        "| suite | stock Radicale | Queqiao (WeCom) |",
        "| --- | --- | --- |",
        f"| caldav-server-tester {version('caldav-server-tester')}, of {len(features)} features that it names "
        f"| {full(theirs)} full | {full(ours)} full |",
        f"| python-caldav {suite}, functional | {counted(tests['stock'])} | {counted(tests['ours'])} |",
        "",
        f"Radicale {version('radicale')}. What is graded differently (`full` where a suite says nothing of a feature):",
        "",
        "| feature or test | stock | ours | why |",
        "| --- | --- | --- | --- |",
    ]
    for name in features:
        one, other = grade(theirs, name), grade(ours, name)
        if one != other:
            why = "" if other == "full" else reason(name, BY_DESIGN)
            out.append(f"| `{name}` | {one} | {other} | {why} |")
    for name in sorted(set(tests["stock"]) | set(tests["ours"])):
        one, other = tests["stock"].get(name, "not run"), tests["ours"].get(name, "not run")
        if one != other and "failed" in (one, other):
            out.append(
                f"| {name} | {one} | {other} | {FAILS_BY_DESIGN.get(name, '') if other == 'failed' else ''} |"
            )
    return "\n".join([*out, "", END])


def main() -> None:
    """Run everything and write the table."""
    sys.path.insert(0, str(HERE))
    from harness import boxes, run_bridge

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        people = [("alice", "pw"), ("bob", "pw")]
        theirs = stock(stack, folder, people)
        bridge, clients = run_bridge(stack, boxes(stack), folder, allow_delete_calendar=True)
        # The suite wants a calendar for tasks and cannot go on without; ours would refuse to make one of tasks.
        clients["alice"].request(
            "MKCALENDAR", "/dav/alice/caldav-server-checker-calendar_tasks/"
        ).raise_for_status()
        servers = {
            "stock": (theirs, people),
            "ours": (f"{bridge.url}/dav/", [(name, one.password) for name, one in clients.items()]),
        }
        suite = Suite(folder)
        grades, tests = {}, {}
        for name, (url, users) in servers.items():
            grades[name] = graded(url, users, folder)
            tests[name] = suite.run(name.capitalize(), url, users, grades[name])
            print(f"{name}: {counted(tests[name])}", flush=True)
        text = table(grades, tests, suite.version)
    page = DOCS.read_text()
    start, end = page.index(START), page.index(END) + len(END)
    DOCS.write_text(page[:start] + text + page[end:])
    print(text)


if __name__ == "__main__":
    main()

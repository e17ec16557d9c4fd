"""Many people on one machine: `python -m benchmarks.scale [--people 500] [--events 400] [--steady 180]`.

The real daemon as one process of its own, DingTalk simulated in another, so that its memory does not count. First load of
everybody at once, then some minutes of polling with edits in the vendor's app. Writes benchmarks/SCALE.md; the exit
status is 1 when a bound is missed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import sqlalchemy as sa

from benchmarks.month import percentile
from bridge.config_load import load
from bridge.daemon.compose import compose
from bridge.simulator import dingtalk
from bridge.simulator.http import serve
from bridge.store.engine import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS: Final = Path(__file__).with_name("SCALE.md")
CHINA: Final = dt.timezone(dt.timedelta(hours=8))
RSS_MAX_MB: Final = 300.0
FIRST_PAGE_MAX_S: Final = 600.0
"""Until everybody has their first events (seconds), however many wait."""
LOOK_S: Final = 2.0
LOAD_MAX_S: Final = 3600.0
POLL_S: Final = 60
AGE_MAX_S: Final = 10 * POLL_S
EDITS_PER_LOOK: Final = 4
DAYS_BACK, DAYS_AHEAD = 80, 300


@dataclass(slots=True, kw_only=True)
class Seen:
    """What was measured."""

    people: int
    events: int
    first_s: dict[int, float] = field(default_factory=dict)
    """Collection -> seconds from the daemon's start to its first event."""
    done_s: dict[int, float] = field(default_factory=dict)
    """Calendar -> seconds to the end of its first load."""
    loaded: int = 0
    rss_mb: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    ages_s: list[float] = field(default_factory=list)
    delays_s: list[float] = field(default_factory=list)
    unseen: int = 0
    asked_ms: list[float] = field(default_factory=list)
    """How long a client's PROPFIND took while everything was loading."""
    calls: dict[str, int] = field(default_factory=dict)


def office(people: int, events: int) -> None:
    """Be the vendor until standard input ends."""
    rng = random.Random(1)
    staff = [
        {
            "userid": f"u{number}",
            "union_id": f"Union{number:04d}iE",
            "name": f"Person {number}",
            "org_email": f"p{number}@corp.example",
            "departments": [42],
        }
        for number in range(people)
    ]
    box = dingtalk.build(people=staff, switches={"monthly_calls": 0, "monthly_pushes": 0})
    box.push_mode = "off"
    today = dt.datetime.now(CHINA).replace(minute=0, second=0, microsecond=0)
    items: list[list[str]] = []
    for person in range(people):
        mine = []
        for number in range(events):
            day = rng.randrange(-DAYS_BACK, DAYS_AHEAD)
            begin = today.replace(hour=rng.randrange(8, 19)) + dt.timedelta(days=day)
            event: dict[str, Any] = {
                "summary": f"Event {number}",
                "description": "What is to be talked about. " * 8,
                "start": {"dateTime": begin.isoformat(), "timeZone": "Asia/Shanghai"},
                "end": {
                    "dateTime": (begin + dt.timedelta(hours=1)).isoformat(),
                    "timeZone": "Asia/Shanghai",
                },
            }
            made = box.control("act", {"do": "create", "as": f"u{person}", "event": event})
            mine.append(made["eventId"])
        items.append(mine[:20])
    server = serve(box, "127.0.0.1", 0)
    print(json.dumps({"url": server.url, **box.facts(), "people": [], "items": items}), flush=True)
    sys.stdin.read()
    server.close()


@contextmanager
def process(*words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run a Python module that stays; yields it and its line of JSON."""
    with subprocess.Popen(
        [sys.executable, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        try:
            assert running.stdout is not None
            line = running.stdout.readline()
            if not line:
                raise RuntimeError(f"{words[1]} ended without serving")
            yield running, json.loads(line)
        finally:
            running.terminate()
            running.wait(60)


def vendor_calls(vendor: httpx.Client) -> dict[str, int]:
    """Return how many calls of each kind the vendor has counted."""
    return dict(vendor.get("/_control/calls").json().get("counts", {}))


def configure(folder: Path, vendor: dict[str, Any]) -> Path:
    """Write the configuration: a plan that has calls enough, and nothing else that is not a default."""
    path = folder / "config.toml"
    path.write_text(
        f"""
[server]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
[log]
level = "error"
[sync]
poll_billed_s = {POLL_S}
[[source]]
id = "dingtalk"
kind = "dingtalk"
base_url = "{vendor["url"]}"
oapi_base_url = "{vendor["url"]}"
corp_id = "{vendor["corp_id"]}"
client_id = "{vendor["client_id"]}"
client_secret = "{vendor["client_secret"]}"
push = "off"
monthly_calls = 5000000
[database]
url = "sqlite:///queqiao.db"
"""
    )
    return path


def memory_mb(pid: int) -> tuple[float, float]:
    """Return (resident now, the most that was ever resident) of a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    found = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    return int(found["VmRSS"]) / 1024, int(found["VmHWM"]) / 1024


def measure(people: int, events: int, steady_s: float, folder: Path) -> Seen:
    """Load everybody, then let time pass."""
    seen = Seen(people=people, events=events)
    with ExitStack() as stack:
        _, vendor = stack.enter_context(process("-m", "benchmarks.scale", "--office", f"{people},{events}"))
        path = configure(folder, vendor)
        parts = compose(load(path))
        password = ""
        for number in range(people):
            made = parts.admin.user_add(f"p{number}", email="", links=[("dingtalk", f"u{number}")])
            password = password or made.password
            parts.service.touch(
                f"p{number}"
            )  # somebody's client has asked: calendars that nobody wants are not polled
        parts.close()
        print("everybody is there; the daemon starts", flush=True)
        began_s = time.monotonic()
        running, daemon = stack.enter_context(
            process("-m", "bridge.cli.main", "--config", str(path), "serve", "--json")
        )
        store = Store(load(path).database.url)
        stack.callback(store.close)
        client = stack.enter_context(
            httpx.Client(base_url=daemon["url"], auth=("p0", password), trust_env=False, timeout=60)
        )
        watch = Watch(seen, running.pid, store, client, began_s)
        watch.until_loaded()
        vendor_client = stack.enter_context(httpx.Client(base_url=vendor["url"], trust_env=False, timeout=60))
        watch.steady(steady_s, vendor_client, vendor["items"])
        seen.calls = vendor_calls(vendor_client)
        seen.peak_mb = memory_mb(running.pid)[1]
    return seen


class Watch:
    """Looks at the daemon from outside: its memory, its database, its answers."""

    def __init__(self, seen: Seen, pid: int, store: Store, client: httpx.Client, began_s: float) -> None:
        self.seen, self._pid, self._store, self._client, self._began_s = seen, pid, store, client, began_s
        self._edits: dict[str, tuple[float, str]] = {}

    def _rows(self, statement: str, **values: Any) -> list[Any]:
        with self._store.read() as c:
            return list(c.execute(sa.text(statement), values).all())

    def _look(self) -> None:
        self.seen.rss_mb.append(memory_mb(self._pid)[0])

    def _ask(self) -> None:
        at_s = time.monotonic()
        answer = self._client.request("PROPFIND", "/dav/p0/", headers={"Depth": "1"})
        assert answer.status_code == 207, answer.status_code
        self.seen.asked_ms.append((time.monotonic() - at_s) * 1000)

    def until_loaded(self) -> None:
        """Watch the first load."""
        seen = self.seen
        told = 0
        while time.monotonic() - self._began_s < LOAD_MAX_S:
            now_s = time.monotonic() - self._began_s
            for collection, count in self._rows(
                "SELECT collection_id, COUNT(*) FROM object GROUP BY collection_id"
            ):
                if count:
                    seen.first_s.setdefault(collection, now_s)
            for (number,) in self._rows("SELECT id FROM calendar WHERE pulled_ms > 0"):
                seen.done_s.setdefault(number, now_s)
            self._look()
            self._ask()
            if now_s // 30 > told:
                told = int(now_s // 30)
                print(
                    f"{now_s:.0f} s: {len(seen.first_s)} have their first events, {len(seen.done_s)} all, "
                    f"{seen.rss_mb[-1]:.0f} MB",
                    flush=True,
                )
            if len(seen.done_s) >= seen.people:
                break
            time.sleep(LOOK_S)
        ((seen.loaded,),) = self._rows("SELECT COUNT(*) FROM object")

    def steady(self, seconds: float, vendor: httpx.Client, items: list[list[str]]) -> None:
        """Watch polling, while people edit in the vendor's app."""
        rng = random.Random(2)
        until_s = time.monotonic() + seconds
        number = 0
        while time.monotonic() < until_s + AGE_MAX_S:
            if time.monotonic() < until_s:
                for _ in range(EDITS_PER_LOOK):
                    person, number = rng.randrange(len(items)), number + 1
                    item = rng.choice(items[person])
                    body = {
                        "do": "edit",
                        "as": f"u{person}",
                        "eventId": item,
                        "event": {"summary": f"Edit {number}"},
                    }
                    vendor.post("/_control/act", json=body).raise_for_status()
                    self._edits[item] = time.monotonic(), f"Edit {number}"
                now_ms = time.time() * 1000
                for (pulled_ms,) in self._rows("SELECT pulled_ms FROM calendar"):
                    self.seen.ages_s.append((now_ms - pulled_ms) / 1000)
            elif not self._edits:
                break
            self._look()
            for item, (at_s, title) in list(self._edits.items()):
                rows = self._rows(
                    "SELECT o.text FROM item i JOIN object o ON o.id = i.object_id WHERE i.upstream_id = :item",
                    item=item,
                )
                if any(f"SUMMARY:{title}\r\n" in row[0] for row in rows):
                    self.seen.delays_s.append(time.monotonic() - at_s)
                    del self._edits[item]
            time.sleep(LOOK_S)
        self.seen.unseen = len(self._edits)


def misses(seen: Seen) -> list[str]:
    """Return what was missed, in words."""
    found = []
    if seen.peak_mb > RSS_MAX_MB:
        found.append(f"{seen.peak_mb:.0f} MB, more than {RSS_MAX_MB:g}")
    if len(seen.done_s) < seen.people or seen.loaded < seen.people * seen.events:
        found.append(f"only {len(seen.done_s)} calendars and {seen.loaded} events were loaded")
    if max(seen.first_s.values(), default=0.0) > FIRST_PAGE_MAX_S:
        found.append(f"somebody waited longer than {FIRST_PAGE_MAX_S:g} s for the first events")
    if max(seen.ages_s, default=0.0) > AGE_MAX_S:
        found.append(f"somebody's data were older than {AGE_MAX_S} s")
    if seen.unseen:
        found.append(f"{seen.unseen} edits never arrived")
    return found


def three(values: list[float], unit: str) -> str:
    """Return median, p95 and worst."""
    return " / ".join(f"{percentile(values, share):.1f}" for share in (0.5, 0.95, 1.0)) + f" {unit}"


def report(seen: Seen) -> str:
    """Return the page."""
    missed = misses(seen)
    calls = ", ".join(f"{name} {count}" for name, count in sorted(seen.calls.items(), key=lambda x: -x[1]))
    return "\n".join(
        [
            "# Many people on one machine",
            "",
            f"`make bench-scale` on {dt.datetime.now(dt.UTC):%Y-%m-%d}, Python {platform.python_version()}, SQLite: "
            f"{seen.people} people with {seen.events} events each at a simulated DingTalk with its limit of 20 calls a second "
            "and API. One daemon; the vendor, and what measures, are other processes.",
            "",
            "| | median / p95 / worst |",
            "|---|--:|",
            f"| from the daemon's start to a person's first events | {three(list(seen.first_s.values()), 's')} |",
            f"| to all of a person's events | {three(list(seen.done_s.values()), 's')} |",
            f"| a client's PROPFIND while everything loads | {three(seen.asked_ms, 'ms')} |",
            f"| steady state, polls every {POLL_S} s: age of the data | {three(seen.ages_s, 's')} |",
            f"| steady state: from an edit in the app to the mirror | {three(seen.delays_s, 's')} |",
            f"| resident memory of the daemon | {three(seen.rss_mb, 'MB')} |",
            "",
            f"{seen.loaded} events were loaded; the peak of resident memory (VmHWM) was {seen.peak_mb:.0f} MB. Calls: {calls}.",
            "",
            f"Missed: {'; '.join(missed)}." if missed else "All bounds kept.",
            "",
        ]
    )


def main() -> int:
    """Run everything; returns 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--steady", type=float, default=180.0, help="seconds")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--office", default="", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.office:
        people, events = chosen.office.split(",")
        office(int(people), int(events))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        seen = measure(chosen.people, chosen.events, chosen.steady, Path(folder))
    text = report(seen)
    chosen.out.write_text(text, encoding="utf-8")
    print(text)
    return 1 if misses(seen) else 0


if __name__ == "__main__":
    raise SystemExit(main())

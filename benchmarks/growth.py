"""What grows with the calendar: `python -m benchmarks.growth [--sizes 1000,100000]`.

The calendars differ only in their past: the same events lie in and after the week that is asked for. So whatever takes
longer in the larger one pays for what it does not return. Every round visits all of them; medians.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks import ours, page
from benchmarks.client import Client
from benchmarks.events import MIDDLE, Sample, plain, samples
from benchmarks.operations import OPERATIONS, Visit
from benchmarks.run import checked

NAMES: Final = (
    "PROPFIND 0, ctag and sync-token",
    "sync-collection, no change",
    "calendar-query, one week with data",
    "PUT new",
    "PUT If-Match, new category",
)
RECENT: Final = 500
"""Events that every calendar has, drawn from two and a half years around the week that is asked for."""
PAST_DAYS: Final = 5_000
"""Over so many days the others are spread; the last of them is a year before the week."""


def calendar(size: int, seed: int) -> list[Sample]:
    """Return ``size`` events of which all but the first :data:`RECENT` are past and do not repeat."""
    chosen = samples(min(size, RECENT), seed)
    for number in range(len(chosen), size):
        uid = f"past-{number:06d}"
        day = MIDDLE - dt.timedelta(days=365 + number % PAST_DAYS)
        chosen.append(Sample(f"{uid}.ics", uid, plain(uid, day=day, title=f"Past {number}")))
    return chosen


def main() -> int:
    """Measure, print, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,100000")
    parser.add_argument("--seed", type=int, default=20260601)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--out", type=Path, default=page.RESULTS)
    chosen = parser.parse_args()
    sizes = [int(size) for size in chosen.sizes.split(",")]
    data = {f"c{size}": calendar(size, chosen.seed) for size in sizes}
    operations = [operation for operation in OPERATIONS if operation.name in NAMES]
    took: dict[str, list[list[float]]] = {name: [[] for _ in sizes] for name in NAMES}
    with tempfile.TemporaryDirectory() as folder, ours.serving(Path(folder), data) as accounts:
        visits = []
        for name, objects in data.items():
            account = accounts[name]
            client = Client(name, account.url, account.user, account.password)
            visits.append(Visit(client, [sample.href for sample in objects]))
        for number in range(chosen.rounds + 1):
            for operation in operations:
                answers = []
                for place in range(len(visits)) if number % 2 else reversed(range(len(visits))):
                    visits[place] = replace(visits[place], round=number)
                    operation.prepare(visits[place])
                    answers.append(checked(operation, visits[place]))
                    if number:
                        took[operation.name][place].append(answers[-1].took_ms)
                if operation.same_hrefs and len({frozenset(one.hrefs) for one in answers}) != 1:
                    raise RuntimeError(f"{operation.name}: not the same objects")
        for visit in visits:
            visit.client.close()
    text = report(sizes, took, chosen.rounds)
    page.put(chosen.out, text)
    print(text)
    return 0


def report(sizes: list[int], took: dict[str, list[list[float]]], rounds: int) -> str:
    """Return the section."""
    lines = [
        "# What grows with the calendar",
        "",
        f"`python -m benchmarks.growth` on {dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores shared by client and "
        f"server, load average {os.getloadavg()[0]:.1f}; {rounds} rounds, taking turns; medians in milliseconds. The calendars "
        "differ in their past only, so each answer names the same objects. PUT new includes a simulated WeCom.",
        "",
        "| operation | " + " | ".join(f"{size:,} events" for size in sizes) + " | ratio |",
        "|---|" + "--:|" * (len(sizes) + 1),
    ]
    for name, columns in took.items():
        medians = [statistics.median(column) for column in columns]
        cells = " | ".join(f"{median:.2f}" for median in medians)
        lines.append(f"| {name} | {cells} | {medians[-1] / medians[0]:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())

"""Compare the bridge with stock Radicale in one run: `python -m benchmarks.run [--sizes 1000,10000] [--seed N]`.

Every round visits both servers, taking turns who is first, so that a machine that drifts is unfair to nobody.
Reports medians; writes benchmarks/RESULTS.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from benchmarks import ours, page, stock
from benchmarks.client import Answer, Client
from benchmarks.events import Sample, samples
from benchmarks.operations import OPERATIONS, Operation, Visit

OURS, STOCK = "queqiao", "stock"


def rounds_for(size: int) -> int:
    """Return how often each operation is measured: stock takes seconds per request at 10,000 events."""
    return 15 if size <= 1000 else 9


@dataclass(slots=True)
class Row:
    """One operation at one size."""

    operation: str
    took_ms: dict[str, list[float]] = field(default_factory=lambda: {OURS: [], STOCK: []})
    bytes: dict[str, int] = field(default_factory=dict)
    differences: set[str] = field(default_factory=set)

    def median(self, name: str) -> float:
        """Return the median time in milliseconds."""
        return statistics.median(self.took_ms[name])


def main() -> int:
    """Run everything; returns 1 when an answer was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000")
    parser.add_argument("--seed", type=int, default=20260601)
    parser.add_argument("--rounds", type=int, default=0, help="default: 15 up to 1,000 events, 9 above")
    parser.add_argument("--out", type=Path, default=page.RESULTS)
    chosen = parser.parse_args()
    sizes = [int(size) for size in chosen.sizes.split(",")]
    data = {f"c{size}": samples(size, chosen.seed) for size in sizes}
    tables: dict[int, list[Row]] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for name, objects in data.items():
            stock.write_calendar(Path(folder), name, objects)
        stock_url = stack.enter_context(stock.serving(Path(folder)))
        accounts = stack.enter_context(ours.serving(Path(folder), data))
        for size, (name, objects) in zip(sizes, data.items(), strict=True):
            account = accounts[name]
            clients = [
                Client(OURS, account.url, account.user, account.password),
                Client(STOCK, f"{stock_url}/{stock.USER}/{name}/", stock.USER, "any"),
            ]
            print(f"{size} events: warming up", flush=True)
            tables[size] = measure(clients, objects, chosen.rounds or rounds_for(size))
            for client in clients:
                client.close()
    text = report(tables, chosen.seed, chosen.rounds)
    page.put(chosen.out, text)
    print(text)
    return 0


def measure(clients: list[Client], objects: list[Sample], rounds: int) -> list[Row]:
    """Return one row per operation; the first, cold round is not counted."""
    visits = [Visit(client, [sample.href for sample in objects]) for client in clients]
    rows = [Row(operation.name) for operation in OPERATIONS]
    for number in range(rounds + 1):
        print(f"  round {number} of {rounds}", flush=True)
        for row, operation in zip(rows, OPERATIONS, strict=True):
            if number > operation.rounds_max:
                continue
            order = visits if number % 2 else visits[::-1]
            answers: dict[str, Answer] = {}
            for visit in order:
                visit.round = number
                operation.prepare(visit)
                answers[visit.client.name] = answer = checked(operation, visit)
                if number:
                    row.took_ms[visit.client.name].append(answer.took_ms)
                    row.bytes[visit.client.name] = len(answer.body)
            if operation.same_hrefs:
                row.differences |= answers[OURS].hrefs ^ answers[STOCK].hrefs
    return rows


def checked(operation: Operation, visit: Visit) -> Answer:
    """Measure once; raises RuntimeError for a status that makes the time worthless."""
    answer = operation.measure(visit)
    if answer.status not in operation.statuses:
        raise RuntimeError(f"{visit.client.name}: {operation.name}: {answer.status} {answer.body[:500]!r}")
    return answer


def report(tables: dict[int, list[Row]], seed: int, rounds: int) -> str:
    """Return the whole page."""
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("queqiao", "Radicale", "waitress", "SQLAlchemy")
    )
    lines = [
        "# The bridge and stock Radicale in one run",
        "",
        f"`make bench` on {dt.datetime.now(dt.UTC):%Y-%m-%d}: Python {platform.python_version()} on "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores shared by client and servers; {packages}; "
        f"seed {seed}.",
        "",
        "Both under waitress with 8 threads, one kept-alive connection, one request at a time, body read to its end; "
        "the servers take turns. Stock is multifilesystem without authentication and delays; the bridge checks a "
        "password, serves from SQLite (WAL, synchronous FULL) and carries each PUT to a simulated WeCom over HTTP before "
        "it answers, except where only a category changed, which no vendor has to hear of. Medians in milliseconds; "
        "a ratio below 1 means that the bridge is faster. Compare inside one table only. A week is expanded in at most three "
        "rounds. Stock has no 304 for a calendar and sends all of it again.",
    ]
    for size, rows in tables.items():
        lines += ["", f"## {size:,} events, {rounds or rounds_for(size)} rounds", ""]
        lines += [
            "| operation | bridge ms | stock ms | ratio | bridge kB | stock kB |",
            "|---|--:|--:|--:|--:|--:|",
        ]
        for row in rows:
            mine, theirs = row.median(OURS), row.median(STOCK)
            mine_kb, theirs_kb = (row.bytes[name] / 1000 for name in (OURS, STOCK))
            ratio = f"{mine / theirs:.3f}"
            lines.append(
                f"| {row.operation} | {mine:.1f} | {theirs:.1f} | {ratio} | {mine_kb:.1f} | {theirs_kb:.1f} |"
            )
        different = {row.operation: len(row.differences) for row in rows if row.differences}
        if different:
            told = "; ".join(f"{name}: {count}" for name, count in different.items())
            lines += ["", f"Objects that only one of the two named: {told}."]
        else:
            lines += ["", "Both named the same objects in every answer that lists some."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())

"""Many clients that poll: `python -m benchmarks.load [--clients 1000] [--every 10] [--seconds 60]`.

Each client has a connection of its own, kept open, and asks for ctag and sync token every so many seconds, spread
evenly, as phones do. Prints how long answers took from when they were due, errors, and the daemon's memory over the run.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import datetime as dt
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from benchmarks import ours, page
from benchmarks.events import samples
from benchmarks.operations import POLL

EVENTS: Final = 1000
MEMORY_EVERY_S: Final = 5.0
ANSWER_S: Final = 30.0
"""An answer that takes longer counts as an error."""


@dataclass(slots=True)
class Figures:
    """What a run found."""

    took_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)


async def client(
    account: ours.Account, first_s: float, every_s: float, until_s: float, found: Figures
) -> None:
    """Poll until the end."""
    parts = urlsplit(account.url)
    token = base64.b64encode(f"{account.user}:{account.password}".encode()).decode()
    body = POLL.encode()
    request = (
        f"PROPFIND {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Basic {token}\r\nDepth: 0\r\n"
        f"Content-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except OSError as error:
        found.errors.append(type(error).__name__)
        return
    due_s = first_s
    while due_s < until_s:
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        try:
            async with asyncio.timeout(ANSWER_S):
                writer.write(request)
                status = await answer(reader)
        except (OSError, EOFError, TimeoutError) as error:
            found.errors.append(type(error).__name__)
            break
        if status != 207:
            found.errors.append(str(status))
        found.took_ms.append((time.monotonic() - due_s) * 1000)
        due_s += every_s
    writer.close()


async def answer(reader: asyncio.StreamReader) -> int:
    """Read one whole answer; returns its status."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = next(
        (
            int(line.partition(":")[2])
            for line in head.split("\r\n")
            if line.lower().startswith("content-length:")
        ),
        0,
    )
    await reader.readexactly(length)
    return int(head.split(" ", 2)[1])


async def run(
    accounts: list[ours.Account], pid: int, clients: int, every_s: float, seconds: float
) -> Figures:
    """Let all clients poll."""
    found = Figures()
    start_s = time.monotonic() + 2 + clients / 500  # time to connect
    until_s = start_s + seconds
    tasks = [
        asyncio.create_task(
            client(accounts[n % len(accounts)], start_s + every_s * n / clients, every_s, until_s, found)
        )
        for n in range(clients)
    ]
    while time.monotonic() < until_s:
        await asyncio.sleep(MEMORY_EVERY_S)
        found.memory_mb.append(memory_mb(pid))
    await asyncio.gather(*tasks)
    return found


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


def main() -> int:
    """Measure, print, write the page; returns 1 after an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two polls of a client")
    parser.add_argument("--events", type=int, default=EVENTS, help="in each of four calendars")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=page.RESULTS)
    chosen = parser.parse_args()
    data = {f"u{number}": samples(chosen.events, number) for number in range(len(ours.PEOPLE))}
    with (
        tempfile.TemporaryDirectory() as folder,
        ours.serving(Path(folder), data, connections=chosen.clients + 100) as accounts,
    ):
        pid = accounts.pid
        found = asyncio.run(run(list(accounts.values()), pid, chosen.clients, chosen.every, chosen.seconds))
    text = report(found, chosen.clients, chosen.every, chosen.seconds)
    page.put(chosen.out, text)
    print(text)
    return 1 if found.errors else 0


def report(found: Figures, clients: int, every_s: float, seconds: float) -> str:
    """Return the section."""
    cuts = statistics.quantiles(found.took_ms, n=100) if len(found.took_ms) > 1 else [0.0] * 99
    kinds = ", ".join(f"{found.errors.count(kind)} × {kind}" for kind in sorted(set(found.errors))) or "none"
    memory = " ".join(f"{value:.0f}" for value in found.memory_mb)
    return (
        "# Many clients that poll\n\n"
        f"`python -m benchmarks.load` on {dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores shared by clients and server, "
        f"load average {os.getloadavg()[0]:.1f}: {clients:,} clients, each with a connection of its own, PROPFIND 0 every "
        f"{every_s:g} s for {seconds:g} s, spread evenly; times count from when a poll was due.\n\n"
        f"| polls | p50 ms | p95 ms | p99 ms | worst ms | errors |\n|--:|--:|--:|--:|--:|---|\n"
        f"| {len(found.took_ms):,} | {cuts[49]:.1f} | {cuts[94]:.1f} | {cuts[98]:.1f} "
        f"| {max(found.took_ms, default=0):.0f} | {kinds} |\n\n"
        f"The daemon's resident memory every {MEMORY_EVERY_S:g} s, in MB: {memory}.\n"
    )


if __name__ == "__main__":
    sys.exit(main())

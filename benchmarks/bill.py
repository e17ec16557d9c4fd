"""What a month costs at DingTalk: `python -m benchmarks.bill [--days 30] [--people 20] [--only NAME,…] [--seed N]`.

Three virtual months over the real engine and store and the vendor in a box, whose count of billed calls is the one that
counts. Writes benchmarks/BILL.md; the exit status is 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.month import CLIENTS, POLL_S, Month, Outcome, Plan, percentile

RESULTS: Final = Path(__file__).with_name("BILL.md")
PLAN_CALLS: Final = 5000
"""Billed calls of a standard organisation's month."""
STARVED_S: Final = 2 * 86_400.0
"""Nobody's data are ever older than this (seconds)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One month and what it must not exceed."""

    name: str
    title: str
    plan: Plan
    calls_max: int = PLAN_CALLS
    p95_max_s: float | None = None


CASES: Final = (
    Case(
        name="stream",
        title="4 + 1 edits a day, with Stream",
        plan=Plan(app_edits=4, client_edits=1),
        calls_max=4000,
        p95_max_s=10.0,
    ),
    Case(
        name="busy",
        title="10 + 3 edits a day, with Stream: more than the plan carries one by one",
        plan=Plan(app_edits=10, client_edits=3),
    ),
    Case(
        name="polling",
        title="4 + 1 edits a day, without push",
        plan=Plan(app_edits=4, client_edits=1, stream=False),
    ),
)


def misses(case: Case, out: Outcome) -> list[str]:
    """Return what a month missed, in words."""
    found = []
    if out.billed > case.calls_max:
        found.append(f"{out.billed} billed calls, more than {case.calls_max}")
    p95_s = percentile(out.delays_s, 0.95)
    if case.p95_max_s is not None and p95_s > case.p95_max_s:
        found.append(f"p95 from an edit to the mirror {p95_s:.1f} s, more than {case.p95_max_s:g} s")
    starved = [number for number, age_s in out.worst_age_s.items() if age_s > STARVED_S]
    if starved:
        found.append(f"{len(starved)} calendars were older than {STARVED_S / 3600:g} hours")
    if out.waiting:
        found.append(f"{out.waiting} edits of clients still wait")
    if out.refused:
        found.append(f"{out.refused} edits of clients were refused")
    return found


def row(case: Case, out: Outcome) -> str:
    """Return one line of the table."""
    ages = sorted(out.worst_age_s.values())
    shown = [
        case.title,
        f"{out.app_edits} + {out.client_edits}",
        f"{out.billed}",
        f"{out.pushes}",
        " / ".join(written(percentile(out.delays_s, share)) for share in (0.5, 0.95, 1.0)),
        " / ".join(written(percentile(out.ages_s, share)) for share in (0.5, 0.95, 1.0)),
        f"{written(ages[0])} – {written(ages[-1])}" if ages else "",
        f"{out.unseen}, {out.waiting}",
    ]
    return "| " + " | ".join(shown) + " |"


def written(seconds: float) -> str:
    """Return a span as people read it."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def report(results: list[tuple[Case, Outcome]], plan: Plan) -> str:
    """Return the page."""
    lines = [
        "# What a month costs at DingTalk",
        "",
        f"`make bench-bill`: {plan.people} people, {plan.days} days of June 2026 (22 working days) in virtual time, "
        f"{CLIENTS} clients a person that poll every {POLL_S / 60:.0f} minutes; each person begins with {plan.singles} events "
        f"and {plan.series} weekly series, and everybody is linked on the first morning, so that the first load is part of "
        "the bill. The engine, its schedule, the store and the client code are the real ones; the simulated vendor counts "
        "billed calls and pushes, and refuses more than 5,000 and 3,000.",
        "",
        "| month | edits in the app + by clients | billed calls | pushes | edit in the app to the mirror: p50 / p95 / worst "
        "| age of data at work: p50 / p95 / worst | oldest of each person | not shown, not sent at the end |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        *[row(case, out) for case, out in results],
        "",
    ]
    for case, out in results:
        calls = ", ".join(
            f"{name} {count}" for name, count in sorted(out.calls.items(), key=lambda pair: -pair[1])
        )
        days = " ".join(str(count) for count in out.by_day)
        missed = misses(case, out)
        lines += [
            f"## {case.title}",
            "",
            f"Calls, unbilled ones included: {calls}.",
            "",
            f"Billed calls by day: {days}.",
            "",
            f"Missed: {'; '.join(missed)}." if missed else "All targets met.",
            "",
        ]
    return "\n".join(lines)


def main() -> int:
    """Run everything; returns 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help=f"of {', '.join(case.name for case in CASES)}")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    wanted = set(chosen.only.split(",")) if chosen.only else {case.name for case in CASES}
    results = []
    for case in CASES:
        if case.name not in wanted:
            continue
        began_s = time.monotonic()
        plan = replace(case.plan, days=chosen.days, people=chosen.people, seed=chosen.seed)
        with tempfile.TemporaryDirectory() as folder:
            results.append((case, Month(plan, Path(folder)).run()))
        print(f"{case.name}: {time.monotonic() - began_s:.0f} s", flush=True)
        print(row(*results[-1]), flush=True)
    text = report(results, replace(Plan(), days=chosen.days, people=chosen.people))
    chosen.out.write_text(text, encoding="utf-8")
    return 1 if any(misses(case, out) for case, out in results) else 0


if __name__ == "__main__":
    raise SystemExit(main())

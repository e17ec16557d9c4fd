"""The benchmark measures what it says: the same data on both sides, and answers that are checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import icalendar

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.events import MIDDLE, plain, samples  # noqa: E402


def test_the_same_seed_gives_the_same_calendar_and_another_seed_another() -> None:
    assert samples(200, 1) == samples(200, 1)
    assert samples(200, 1) != samples(200, 2)
    assert samples(50, 1) == samples(200, 1)[:50]


def test_every_sample_is_a_valid_object_with_a_name_and_uid_of_its_own() -> None:
    chosen = samples(400, 7)
    assert len({sample.href for sample in chosen}) == len({sample.uid for sample in chosen}) == 400
    recurring = 0
    for sample in chosen:
        calendar = icalendar.Calendar.from_ical(sample.text)
        assert {str(event["UID"]) for event in calendar.walk("VEVENT")} == {sample.uid}
        recurring += "RRULE" in calendar.walk("VEVENT")[0]
        assert all(len(line.encode()) <= 75 for line in sample.text.split("\r\n"))
    assert 0.15 < recurring / len(chosen) < 0.35
    assert icalendar.Calendar.from_ical(plain("x", day=MIDDLE, title="T")).walk("VEVENT")


def test_a_small_run_measures_both_servers_and_writes_a_page(tmp_path: Path) -> None:
    page = tmp_path / "RESULTS.md"
    command = [sys.executable, "-m", "benchmarks.run", "--sizes", "120", "--rounds", "1", "--out", str(page)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert text.count("| PUT ") == 3
    assert "Both named the same objects" in text

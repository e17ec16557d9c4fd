"""The benchmark measures what it says: the same data on both sides, and answers that are checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import icalendar

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import growth, page  # noqa: E402
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


def test_a_new_section_takes_the_place_of_the_one_of_its_kind_only(tmp_path: Path) -> None:
    held = tmp_path / "RESULTS.md"
    for section in ("# One\n\na\n\n## Part\n", "# Two\n\nb\n", "# One\n\nc\n"):
        page.put(held, section)
    assert held.read_text(encoding="utf-8") == "# One\n\nc\n\n# Two\n\nb\n"


def test_calendars_that_grow_differ_in_their_past_only() -> None:
    small, large = growth.calendar(600, 7), growth.calendar(900, 7)
    assert large[:600] == small
    assert len({sample.uid for sample in large}) == 900
    assert not [
        sample
        for sample in large[600:]
        if "RRULE" in sample.text or "DTSTART;TZID=Asia/Shanghai:2026" in sample.text
    ]
    assert all("DTSTART" in sample.text for sample in large)


def test_a_few_clients_that_poll_get_their_answers(tmp_path: Path) -> None:
    held = tmp_path / "RESULTS.md"
    command = [
        sys.executable,
        "-m",
        "benchmarks.load",
        "--clients",
        "5",
        "--every",
        "1",
        "--seconds",
        "3",
        "--events",
        "20",
    ]
    done = subprocess.run(
        [*command, "--out", str(held)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=150
    )
    assert done.returncode == 0, done.stderr
    text = held.read_text(encoding="utf-8")
    assert "| 15 |" in text
    assert "none |" in text

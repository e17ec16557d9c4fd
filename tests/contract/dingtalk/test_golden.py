"""What clients send, and what DingTalk is asked to hold for it, piece by piece.

One folder per case under ``tests/golden/dingtalk``: ``client.ics``; ``upstream.json``, the payload of each VEVENT or the
sentence of the refusal; ``losses.txt``, empty when nothing is lost. Set QUEQIAO_UPDATE_GOLDEN=1 to rewrite the latter
two; the review happens in the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import Inexpressible
from bridge.ical.parse import parse
from bridge.model.people import Roster
from bridge.providers.base import Upstream
from bridge.providers.dingtalk.mapper import DingTalkMapper
from bridge.providers.dingtalk.series import occurrences

FOLDER = Path(__file__).parents[2] / "golden" / "dingtalk"
CASES = sorted(path.parent for path in FOLDER.glob("*/client.ics"))
UPDATE = os.environ.get("QUEQIAO_UPDATE_GOLDEN") == "1"
MAPPER = DingTalkMapper("Asia/Shanghai")
ROSTER = Roster(
    me="unionAlice",
    ids={
        "mailto:alice@corp.example": "unionAlice",
        "mailto:bob@corp.example": "unionBob",
        "mailto:carol@corp.example": "unionCarol",
    },
)


def encoded(case: Path) -> tuple[list[Any], list[str]]:
    """Return the payloads (or refusals) and the losses of a case."""
    found: list[Any] = []
    losses: list[str] = []
    for event in parse((case / "client.ics").read_bytes(), default_zone="Asia/Shanghai").object.events:
        try:
            made = MAPPER.encode(event, ROSTER)
        except Inexpressible as error:
            found.append({"refused": str(error)})
            continue
        found.append(made.value)
        losses += [f"{loss.what}: {loss.why}" for loss in made.losses]
    return found, losses


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_client_sent_becomes_what_dingtalk_is_asked(case: Path) -> None:
    payloads, losses = encoded(case)
    told = json.dumps(payloads, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    lines = "".join(f"{line}\n" for line in losses)
    if UPDATE:
        (case / "upstream.json").write_text(told, encoding="utf-8")
        (case / "losses.txt").write_text(lines, encoding="utf-8")
    assert (case / "upstream.json").read_text(encoding="utf-8") == told
    assert (case / "losses.txt").read_text(encoding="utf-8") == lines


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_dingtalk_is_asked_reads_back_as_what_the_client_sent(case: Path) -> None:
    payloads, losses = encoded(case)
    lost = {line.partition(":")[0] for line in losses}
    obj = parse((case / "client.ics").read_bytes(), default_zone="Asia/Shanghai").object
    for event, payload in zip(obj.events, payloads, strict=True):
        if "refused" in payload:
            continue
        back = MAPPER.decode(Upstream(id="E", snapshot=payload, origin=event.recurrence_id), "u", ROSTER)
        assert back.start == event.start or "TZID" in lost
        assert back.end == event.end or lost & {"TZID", "DTEND"}
        assert back.summary == event.summary or "SUMMARY" in lost
        assert (back.description, back.location) == (event.description, event.location)
        assert back.alarms == event.alarms or "VALARM" in lost
        assert [r.freq for r in back.recurrence.rules] == [] or event.recurrence.rules
        for mine, theirs in zip(event.recurrence.rules, back.recurrence.rules, strict=True):
            begun = [
                list(zip(range(500), occurrences(r, e.start), strict=False))
                for r, e in ((mine, event), (theirs, back))
            ]
            assert begun[0] == begun[1]


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 30

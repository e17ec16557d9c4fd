"""What clients send, encoded for DingTalk and read back, VEVENT by VEVENT and without an engine.

What becomes of ``tests/golden/dingtalk/CASE/client.ics`` in the end is tested there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.errors import Inexpressible, Refused
from bridge.ical.parse import parse
from bridge.model.event import Event
from bridge.model.people import Roster
from bridge.providers.base import Upstream
from bridge.providers.dingtalk.mapper import DingTalkMapper
from bridge.providers.dingtalk.series import occurrences

FOLDER = Path(__file__).parents[2] / "golden" / "dingtalk"
CASES = sorted(path.parent for path in FOLDER.glob("*/client.ics"))
MAPPER = DingTalkMapper("Asia/Shanghai")
ROSTER = Roster(
    me="unionAlice",
    ids={
        "mailto:alice@corp.example": "unionAlice",
        "mailto:bob@corp.example": "unionBob",
        "mailto:carol@corp.example": "unionCarol",
    },
)


def events_of(case: Path) -> tuple[Event, ...]:
    """Return the events of a case; none where there is nothing to read."""
    try:
        return parse((case / "client.ics").read_bytes(), default_zone="Asia/Shanghai").object.events
    except Refused:
        return ()


def encoded(case: Path) -> tuple[list[Any], list[str]]:
    """Return the payloads (or refusals) and the losses of a case."""
    found: list[Any] = []
    losses: list[str] = []
    for event in events_of(case):
        try:
            made = MAPPER.encode(event, ROSTER)
        except Inexpressible as error:
            found.append({"refused": str(error)})
            continue
        found.append(made.value)
        losses += [f"{loss.what}: {loss.why}" for loss in made.losses]
    return found, losses


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_dingtalk_is_asked_reads_back_as_what_the_client_sent(case: Path) -> None:
    payloads, losses = encoded(case)
    lost = {line.partition(":")[0] for line in losses}
    for event, payload in zip(events_of(case), payloads, strict=True):
        if "refused" in payload:
            continue
        back = MAPPER.decode(Upstream(id="E", snapshot=payload, origin=event.recurrence_id), "u", ROSTER)
        assert back.start == event.start or "TZID" in lost
        assert back.end == event.end or lost & {"TZID", "DTEND"}
        assert back.summary == event.summary or "SUMMARY" in lost
        blank = not event.description.strip()  # of an empty text DingTalk tells nothing
        assert (back.description, back.location) == ("" if blank else event.description, event.location)
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

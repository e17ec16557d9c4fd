"""From what WeCom holds to what is understood, and from what clients send there and back, without an engine.

``tests/golden/snapshots/wecom/CASE/snapshot.json`` -> ``event.txt``; set QUEQIAO_UPDATE_GOLDEN=1 to rewrite the answers,
the review happens in the diff. What becomes of ``tests/golden/wecom/CASE/client.ics`` in the end is tested there.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bridge.errors import Inexpressible, Refused
from bridge.ical.parse import parse
from bridge.model.event import Event
from bridge.model.people import Person, Roster
from bridge.model.recurrence import Weekday
from bridge.model.upstream import Upstream
from bridge.providers.wecom.mapper import WeComMapper

GOLDEN = Path(__file__).parents[2] / "golden"
CLIENT_CASES = sorted(path.parent for path in (GOLDEN / "wecom").glob("*/client.ics"))
VENDOR_CASES = sorted(path.parent for path in (GOLDEN / "snapshots" / "wecom").glob("*/snapshot.json"))
UPDATE = os.environ.get("QUEQIAO_UPDATE_GOLDEN") == "1"

ZONE = "Asia/Shanghai"
MAPPER = WeComMapper(ZoneInfo(ZONE))
NAMES = {"lisi": "Li Si", "wangwu": "Wang Wu", "zhaoliu": "Zhao Liu"}
ROSTER = Roster(
    me="lisi",
    ids={f"mailto:{name}@example.com": name for name in NAMES},
    people={key: Person(address=f"mailto:{key}@example.com", name=name) for key, name in NAMES.items()},
    domain="wecom.queqiao.invalid",
)


def check(path: Path, text: str) -> None:
    if UPDATE:
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def sent(event: Event) -> dict[str, Any]:
    """Return what is sent for one component, or the sentence of its refusal."""
    try:
        return MAPPER.encode(event, ROSTER).value
    except Inexpressible as error:
        return {"refused": str(error)}


def plain(value: Any) -> Any:
    """Return an event as texts and lists, without what is empty."""
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {name: plain(item) for name, item in fields.items() if item or type(item) in (int, Weekday)}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return (
        value if isinstance(value, str | int) else f"{value} {getattr(value, 'tzinfo', None) or ''}".strip()
    )


def test_there_are_enough_cases() -> None:
    assert len(CLIENT_CASES) >= 30
    assert len(VENDOR_CASES) >= 12


@pytest.mark.parametrize("case", VENDOR_CASES, ids=lambda case: case.name)
def test_what_wecom_holds_is_understood(case: Path) -> None:
    snapshot = json.loads((case / "snapshot.json").read_text(encoding="utf-8"))
    event = MAPPER.decode(Upstream(id="s", snapshot=snapshot), "uid", ROSTER)
    check(case / "event.txt", json.dumps(plain(event), ensure_ascii=False, indent=1) + "\n")


@pytest.mark.parametrize("case", CLIENT_CASES, ids=lambda case: case.name)
def test_what_was_sent_is_understood_as_it_was_meant(case: Path) -> None:
    for event in events_of(case):
        answer = sent(event)
        if "refused" in answer:
            assert len(answer["refused"]) > 20
            continue
        back = MAPPER.decode(Upstream(id="s", snapshot=answer), event.uid, ROSTER)
        assert (back.start, back.end) == (event.start, event.end)
        assert (back.summary, back.description, back.location) == (
            event.summary,
            event.description,
            event.location,
        )
        again = MAPPER.encode(dataclasses.replace(back, organizer=None), ROSTER)
        assert again.value == answer


def events_of(case: Path) -> tuple[Event, ...]:
    """Return the events of a case; none where there is nothing to read."""
    try:
        return parse((case / "client.ics").read_bytes(), default_zone=ZONE).object.events
    except Refused:
        return ()

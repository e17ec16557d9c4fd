"""A whole calendar as one stream: every event once and in order, every zone once, wherever a program put it."""

from __future__ import annotations

import dataclasses
import itertools
import random

import pytest
from fake_service import FakeService
from hypothesis import given
from hypothesis import strategies as st

from bridge.ical import lines
from radicale_plugin import whole

NAMES = ("Asia/Shanghai", "Europe/Berlin", "Mine")


def _zone(tzid: str, offset: str) -> str:
    return (
        f"BEGIN:VTIMEZONE\r\nTZID:{tzid}\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:{offset}\r\n"
        f"TZOFFSETTO:{offset}\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )


def _event(number: int) -> str:
    """Return an event whose description speaks of components, at the start of a folded line, too."""
    return (
        f"BEGIN:VEVENT\r\nUID:{number}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260602T010000Z\r\n"
        "DESCRIPTION:\\nBEGIN:VTIMEZONE\\n\r\n BEGIN:VTIMEZONE\r\n END:VEVENT\r\n"
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT\r\n"
    )


_ZONES = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(("+0800", "+0100"))), max_size=2)
_OBJECTS = st.lists(st.tuples(_ZONES, st.integers(0, 2), _ZONES, _ZONES), max_size=5)
"""Zones before, number of events, zones between the events, zones after them."""


@given(_OBJECTS)
def test_every_event_once_in_order_and_the_first_definition_of_every_zone(
    objects: list[tuple[list[tuple[str, str]], int, list[tuple[str, str]], list[tuple[str, str]]]],
) -> None:
    numbers = itertools.count()
    texts, events = [], []
    zones: dict[str, str] = {}
    for before, count, between, after in objects:
        mine = [_event(next(numbers)) for _ in range(count)]
        parts = [*(_zone(*one) for one in before), *mine[:1], *(_zone(*one) for one in between), *mine[1:]]
        parts += [_zone(*one) for one in after]
        texts.append(
            "".join(["BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\n", *parts, "END:VCALENDAR\r\n"])
        )
        if mine:
            events += mine
            for one in (*before, *between, *after):
                zones.setdefault(one[0], _zone(*one))
    text = whole.calendar_text(texts, name="Work; home", description="")
    tree = lines.read(text)
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
    assert text.startswith(head)
    assert text.endswith("".join([*zones.values(), *events, "END:VCALENDAR\r\n"]))
    assert [one.first("UID").value for one in tree.components("VEVENT")] == [
        str(n) for n in range(len(events))
    ]
    assert [one.first("TZID").value for one in tree.components("VTIMEZONE")] == list(zones)


def _object(number: int, title: str) -> str:
    event = _event(number).replace("DTSTAMP", f"SUMMARY:{title}\r\nDTSTAMP", 1)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{_zone('Mine', '+0100')}{event}END:VCALENDAR\r\n"


def test_a_calendar_held_in_pieces_is_the_calendar_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(3)
    service, wholes = FakeService(), whole.Wholes()
    service.add_user("alice")
    mine, other = service.add_calendar("alice", "a"), service.add_calendar("alice", "b")
    alive: set[int] = set()

    def check(calendar: int) -> set[str]:
        view = service.calendars[calendar].view
        service.calls.clear()
        told = wholes.text(service, view, name="n", description="")
        looked = set(service.calls)
        texts = [text for _, text in service.texts(calendar)]
        assert sorted(told.split(b"BEGIN:VEVENT")) == sorted(
            whole.calendar_text(texts, name="n", description="").encode().split(b"BEGIN:VEVENT")
        )
        return looked

    for number in range(20):
        service.seed(mine, f"{number}.ics", _object(number, "first"))
        alive.add(number)
    service.seed(other, "o.ics", _object(99, "other"))
    assert check(mine) == check(other) == {"texts"}
    assert check(mine) == set()
    for step in range(40):
        number = chance.randrange(30)
        if number in alive and chance.random() < 0.4:
            service.delete(mine, f"{number}.ics", service.passwords["alice", "pw"])
            alive.discard(number)
        else:
            service.seed(mine, f"{number}.ics", _object(number, f"step {step}"))
            alive.add(number)
        assert check(mine) <= {"changes", "get_many"}
    service.seed(mine, "1.ics", _object(1, "behind the history"))
    service.forget_history(mine)
    assert check(mine) == {"changes", "texts"}
    calendar = service.calendars[mine]
    calendar.view = dataclasses.replace(calendar.view, epoch="restored")
    assert check(mine) == {"texts"}
    monkeypatch.setattr(whole, "HELD_BYTES_MAX", 3_000)
    assert check(other) == set()
    service.seed(mine, "1.ics", _object(1, "too long to be held"))
    assert "texts" not in check(mine)
    assert check(mine) == check(mine) == {"texts"}
    service.seed(other, "o.ics", _object(99, "still fits"))
    assert "texts" not in check(other)

"""Nobody's edits wait behind all of somebody else's."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from bridge.engine import carry as carrying
from bridge.engine.carry import Carrier
from bridge.store import intents


def test_calendars_take_turns_on_the_threads(monkeypatch):
    order, gate = [], threading.Event()

    def one(_engine, intent_id):
        gate.wait(10)
        order.append(intent_id)

    monkeypatch.setattr(carrying, "carry", one)
    carrier = Carrier(SimpleNamespace(sync=SimpleNamespace(carry_threads=1)))
    events = [carrier.carry_soon(n, lane=1) for n in range(50)]
    events += [carrier.carry_soon(n, lane=2) for n in (100, 101)]
    assert carrier.carry_soon(7, lane=1) is events[7]  # on its way already: not twice
    gate.set()
    assert all(event.wait(10) for event in events)
    carrier.close()
    assert sorted(order) == [*range(50), 100, 101]
    assert [n for n in order if n < 50] == list(range(50))  # in order inside one calendar
    assert order.index(100) <= 3
    assert order.index(101) <= 5


def test_what_is_due_comes_from_every_calendar(world):
    with world.parts.engine.store.write() as c:
        c.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        one = world.collection.id
        for number in range(40):
            intents.add(c, {"collection_id": one, "object_id": None, "href": f"{number}", "uid": f"{number}", "action": "put",
                            "device": "", "client_text": "", "base_text": None, "now_ms": number})  # fmt: skip
        row = c.exec_driver_sql("SELECT principal_id, calendar_id FROM collection").one()
        c.exec_driver_sql("INSERT INTO principal (name) VALUES ('bob')")
        other = c.exec_driver_sql(
            "INSERT INTO collection (principal_id, calendar_id, slug) "
            "SELECT id, ?, 'x' FROM principal WHERE name = 'bob' RETURNING id",
            (row[1],),
        ).scalar_one()
        intents.add(c, {"collection_id": other, "object_id": None, "href": "b", "uid": "b", "action": "put",
                        "device": "", "client_text": "", "base_text": None, "now_ms": 99})  # fmt: skip
        due = intents.due(c, now_ms=10**15, count=4)
        assert {intent.collection_id for intent in due} == {one, other}
        assert len(due) == 4
        c.exec_driver_sql("DELETE FROM intent")

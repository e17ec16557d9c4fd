"""What gave way in a merge is in the receipt, also when the attempt that merged is not the one that came through."""

import pytest
import sqlalchemy as sa
from world import DingTalkSide, WeComSide, World, day, ics, vevent

from bridge.engine import carry as carrying
from bridge.errors import Unreachable


@pytest.fixture(params=[WeComSide, DingTalkSide], ids=lambda side: side.source)
def stale(request, tmp_path):
    """Return a world whose mirror is always old: every edit is merged."""
    made = World(request.param, tmp_path, freshness_s=0)
    yield made
    made.close()


def one(title):
    return ics(vevent("one", day(0), day(0, 11), summary=title))


def test_a_value_that_gave_way_outlives_its_attempt(stale, monkeypatch):
    engine = stale.parts.engine
    stale.put("one.ics", one("Before"))
    stale.fault(kind="status", status=503, match="", count=-1, when="before")
    assert stale.put("one.ics", one("By the client")).waiting
    stale.rest()
    stale.side.box.faults.clear()
    (item,) = stale.side.items()
    engine.clock.sleep(1.1)  # vendors count seconds
    stale.side.rename(item, "By a person")
    merged = []

    def merge_then_fail(*args):
        merged.append(real(*args))
        msg = "the vendor is gone right after it was read"
        raise Unreachable(msg)

    real = carrying.merging.merge_in
    with engine.store.write() as c:
        number = c.execute(sa.text("SELECT id FROM intent WHERE state = 'waiting'")).scalar_one()
        c.execute(sa.text("UPDATE intent SET retry_at_ms = 0"))
    with monkeypatch.context() as patched:
        patched.setattr(carrying.merging, "merge_in", merge_then_fail)
        carrying.carry(engine, number)
    assert merged[0].notes
    stale.carry()
    assert stale.side.titles() == ["By a person"]
    with engine.store.read() as c:
        row = c.execute(sa.text("SELECT * FROM intent WHERE id = :id"), {"id": number}).mappings().one()
    assert row["state"] == "merged"
    assert "SUMMARY:By the client" in row["lost_text"]
    assert "both sides" in row["words"]

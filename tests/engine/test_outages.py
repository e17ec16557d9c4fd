"""Nothing acknowledged is lost, nothing is made twice."""

import datetime as dt
import time

import msgspec
import pytest
from world import DingTalkSide, World, day, ics, vevent

from bridge.engine.carry import carry
from bridge.store import intents

HOUR = dt.timedelta(hours=1)


def one(summary="Once"):
    return ics(vevent("u1", day(0), day(0) + HOUR, summary=summary))


@pytest.mark.parametrize("kind", ["lost", "reset", "truncated", "html", "garbage", "empty"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_answer_lost_around_a_creation_leaves_exactly_one_event(world, kind, when):
    world.fault(kind=kind, when=when, match=world.side.create_endpoint, method="POST")
    world.put("u1.ics", one())
    assert world.text("u1.ics") == one()
    world.carry()
    assert world.side.titles() == ["Once"]
    world.sync()
    assert world.text("u1.ics") == one()
    assert [r["outcome"] for r in world.receipts()] == ["applied"]


CHANGES = {
    "renamed": lambda side, item: side.rename(item, "By hand"),
    "moved": lambda side, item: side.shift(item, 3600),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_person_changes_before_the_bridge_could_ask_is_not_made_again(world, change):
    world.sync(full=True)
    world.fault(kind="reset", when="after", match=world.side.create_endpoint, method="POST")
    assert world.put("u1.ics", one()).waiting
    world.rest()
    (item,) = world.side.items()
    CHANGES[change](world.side, item)
    world.carry(90)
    assert len(world.side.items()) == 1
    world.sync()
    (held,) = world.service.get_all(world.collection.id)
    assert held.href == "u1.ics"
    if change == "renamed":
        assert world.side.titles() == ["By hand"]
        assert "SUMMARY:By hand" in held.text
    else:
        assert held.starts_ms == int((day(0) + HOUR).timestamp() * 1000)
        assert "SUMMARY:Once" in held.text


def test_another_event_at_the_same_time_is_not_taken_for_the_one_in_doubt(world):
    """Its own edit is still on its way, so that nobody knows yet whose it is."""
    world.sync(full=True)
    world.fault(kind="reset", when="before", match=world.side.create_endpoint, method="POST", count=3)
    world.put("u1.ics", one())
    world.put("u2.ics", ics(vevent("u2", day(0), day(0) + HOUR, summary="Twice")))
    world.carry(90)
    assert world.side.titles() == ["Once", "Twice"]
    world.sync()
    assert "SUMMARY:Once" in world.text("u1.ics")
    assert "SUMMARY:Twice" in world.text("u2.ics")
    assert len(world.service.get_all(world.collection.id)) == 2


@pytest.mark.parametrize("kind", ["throttle", "status"])
def test_a_creation_in_doubt_stays_in_doubt_while_asking_for_it_fails(world, kind):
    world.fault(kind="reset", when="after", match=world.side.create_endpoint, method="POST")
    assert world.put("u1.ics", one()).waiting
    world.rest()
    world.fault(kind=kind, status=503, count=-1)
    for _ in range(2):
        with world.parts.engine.store.read() as c:
            (intent,) = intents.due(c, now_ms=world.parts.engine.clock.now_ms() + 10**9, count=5)
        carry(world.parts.engine, intent.id)
        with world.parts.engine.store.read() as c:
            assert intents.get(c, intent.id).step is not None
    world.side.box.faults.clear()
    world.reopen()
    world.carry(90)
    assert world.side.titles() == ["Once"]


def test_a_vendor_that_is_down_gets_the_edit_once_it_is_back(world):
    world.fault(kind="status", status=503, count=-1)
    result = world.put("u1.ics", one())
    assert result.waiting
    assert world.text("u1.ics") == one()
    world.side.box.faults.clear()
    world.carry()
    assert world.side.titles() == ["Once"]


def test_edits_made_while_the_vendor_is_down_arrive_as_one(world):
    world.put("u1.ics", one("First"))
    world.fault(kind="reset", when="before", count=-1)
    world.put("u1.ics", one("Second"))
    world.put("u1.ics", one("Third"))
    world.side.box.faults.clear()
    world.side.calls.clear()
    world.carry()
    assert world.side.titles() == ["Third"]
    outcomes = {r["outcome"] for r in world.receipts()}
    assert outcomes <= {"applied", "superseded"}


def test_an_event_deleted_before_it_ever_left_never_reaches_the_vendor(world):
    world.fault(kind="throttle", count=-1)
    world.put("u1.ics", one())
    world.rest()
    world.delete("u1.ics")
    world.side.box.faults.clear()
    world.side.calls.clear()
    world.carry()
    assert world.side.items() == []
    assert world.writes() == []
    assert world.text("u1.ics") is None


def test_a_lost_answer_to_a_deletion_ends_deleted(world):
    world.put("u1.ics", one())
    world.fault(kind="lost", when="after", match=world.side.delete_match, method=world.side.delete_method)
    world.delete("u1.ics")
    world.carry()
    assert world.side.items() == []
    world.sync()
    assert world.text("u1.ics") is None


def test_a_crash_after_the_request_left_is_settled_by_asking(world):
    """The process dies between the vendor's act and our note of it: the journal knows what was sent."""
    from bridge.engine import carry as engine_carry
    from bridge.engine import outcome

    class Death(BaseException):
        pass

    def die(*_args, **_kwargs):
        raise Death

    real = outcome.record
    outcome.record = die
    try:
        writer = world.service._writer
        intent_ids = []
        soon = writer._carrier.carry_soon
        writer._carrier.carry_soon = lambda i, **lane: (intent_ids.append(i), soon(-1, **lane))[1]
        world.put("u1.ics", one())
        with pytest.raises(Death):
            engine_carry.carry(world.parts.engine, intent_ids[0])
    finally:
        outcome.record = real
    assert world.side.titles() == ["Once"]
    world.reopen()
    with world.parts.engine.store.write() as c:
        for owner in intents.owners(c):
            intents.abandon(c, owner, sooner_ms=10**9)
    world.carry()
    assert world.side.titles() == ["Once"]
    assert [r["outcome"] for r in world.receipts()] == ["applied"]


def test_a_series_half_carried_goes_on_where_it_stopped(world):
    from world import stamp

    text = ics(
        vevent(
            "u1",
            day(0),
            day(0) + HOUR,
            "RRULE:FREQ=WEEKLY;COUNT=5",
            f"EXDATE;TZID=Asia/Shanghai:{stamp(day(7))}",
        ),
        vevent(
            "u1",
            day(14) + HOUR,
            day(14) + 2 * HOUR,
            f"RECURRENCE-ID;TZID=Asia/Shanghai:{stamp(day(14))}",
            summary="Moved",
        ),
    )
    world.fault(kind="status", status=503, count=-1, match=world.side.second_step)
    result = world.put("u1.ics", text)
    assert result.waiting
    world.side.box.faults.clear()
    world.carry()
    start = day(-1)
    found = world.side.occurrences(start, start + dt.timedelta(days=60))
    starts = [day(0), day(14) + HOUR, day(21), day(28)]
    assert found == [(int(s.timestamp()), int((s + HOUR).timestamp())) for s in starts]


def test_a_token_that_dies_early_is_renewed_without_the_client_noticing(world):
    world.side.kill_token()
    assert not world.put("u1.ics", one()).waiting
    assert world.side.titles() == ["Once"]


def test_a_vendor_that_acts_after_we_gave_up_makes_one_event_where_it_knows_tokens(tmp_path):
    world = World(DingTalkSide, tmp_path)
    try:
        hasty = tuple(msgspec.structs.replace(s, timeout_s=0.5) for s in world.config.source)
        world.config = msgspec.structs.replace(world.config, source=hasty)
        world.reopen()
        world.fault(kind="slow", seconds=4, match="/events", method="POST")
        world.put("a.ics", ics(vevent("a", day(0), day(0) + HOUR, summary="Once")))
        world.carry()
        time.sleep(4)
        assert world.side.titles() == ["Once"]
        assert [r["outcome"] for r in world.receipts()] == ["applied"]
    finally:
        world.close()

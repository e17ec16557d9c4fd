"""A push leads to one look at one item: counted at the vendor, bursts, echoes, edits on their way, failures."""

import time

import pytest
from world import DingTalkSide, WeComSide, World, day, ics, vevent

from bridge.engine import pacing
from bridge.engine.push import News, Pushes
from bridge.store import calendars, intents, objects

PATIENCE_S = 15


@pytest.fixture
def pushes(world):
    made = Pushes(world.parts.engine)
    made.start()
    yield made
    made.close()


def settle(pushes, seconds=PATIENCE_S):
    deadline = time.monotonic() + seconds
    while not pushes.is_idle():
        assert time.monotonic() < deadline, "the queue does not become empty"
        time.sleep(0.01)


def told(world, key, item_id, *, updated_ms=0, calendar=None, people=None):
    """What either vendor would push of an item."""
    if world.side.source == "wecom":
        cal_id = calendar or world.collection_row().upstream_calendar_id
        return News(key=key, is_exact=False, calendar_id=cal_id, item_id=item_id)
    people = people or (world.parts.engine and world.collection_row().account,)
    return News(
        key=key,
        calendar_id="opaque",
        item_id=item_id,
        people=people,
        updated_ms=updated_ms,
    )


@pytest.fixture(autouse=True)
def _row(monkeypatch):
    def collection_row(self):
        with self.parts.engine.store.read() as c:
            return calendars.collections(c)[0]

    monkeypatch.setattr(World, "collection_row", collection_row, raising=False)


def vendor_id(world, uid="a"):
    with world.parts.engine.store.read() as c:
        row = objects.by_uid(c, world.collection.id, uid)
        return next(item.upstream_id for item in objects.items(c, row.id) if not item.cancelled)


def visible(world):
    """Everything that a client could see."""
    return {
        name: rows for name, rows in world.dump().items() if name in ("object", "tombstone", "collection")
    }


def texts_of(world):
    with world.parts.engine.store.read() as c:
        return [row.text for row in objects.all_objects(c, world.collection.id)]


def planned(world, *lines):
    world.put("a.ics", ics(vevent("a", day(1), day(1, 11), *lines)))
    world.carry()
    time.sleep(0.01)
    # Long ago: what is pushed from now on is no echo.
    world.parts.engine.echoes.__init__(world.parts.engine.clock)
    world.side.calls.clear()


def test_a_push_costs_one_call_and_brings_the_vendors_edit(world, pushes):
    planned(world)
    (item,) = world.side.items()
    world.side.rename(item, "Moved by the boss")
    assert pushes.take(world.side.source, told(world, "k1", vendor_id(world)))
    settle(pushes)
    assert "SUMMARY:Moved by the boss" in world.text("a.ics")
    assert len(world.all_calls()) == 1


def test_a_burst_on_one_event_costs_one_call(world, pushes):
    planned(world)
    (item,) = world.side.items()
    for number in range(10):
        world.side.rename(item, f"Draft {number}")
        pushes.take(world.side.source, told(world, f"k{number}", vendor_id(world)))
    settle(pushes)
    assert "SUMMARY:Draft 9" in world.text("a.ics")
    assert len(world.all_calls()) == 1


def test_a_repeated_push_costs_nothing_more(world, pushes):
    planned(world)
    news = told(world, "same", vendor_id(world))
    for _ in range(3):
        assert pushes.take(world.side.source, news)
    settle(pushes)
    assert len(world.all_calls()) == 1


def test_a_push_about_nobody_of_ours_costs_nothing(world, pushes):
    planned(world)
    news = told(world, "k", "whatever", calendar="wc-somebody-elses", people=("stranger",))
    assert pushes.take(world.side.source, news)
    settle(pushes)
    assert world.all_calls() == []


def test_a_push_without_news_changes_nothing_a_client_can_see(world, pushes):
    planned(world)
    before = visible(world)
    pushes.take(world.side.source, told(world, "k", vendor_id(world)))
    settle(pushes)
    assert visible(world) == before


def test_an_event_deleted_at_the_vendor_is_confirmed_and_leaves(world, pushes):
    planned(world)
    item_id = vendor_id(world)
    (item,) = world.side.items()
    world.side.remove(item)
    pushes.take(world.side.source, told(world, "k", item_id))
    settle(pushes)
    assert world.text("a.ics") is None
    assert len(world.all_calls()) == 1


def test_a_push_that_lies_about_a_deletion_deletes_nothing(world, pushes):
    planned(world)
    pushes.take(world.side.source, told(world, "k", vendor_id(world)))
    settle(pushes)
    assert world.text("a.ics") is not None


def test_an_edit_on_its_way_is_waited_for(world, pushes):
    planned(world)
    engine = world.parts.engine
    with engine.store.write() as c:
        row = c.exec_driver_sql("SELECT id, collection_id, href, uid, text FROM object").one()
        values = {
            "object_id": row[0],
            "collection_id": row[1],
            "href": row[2],
            "uid": row[3],
            "action": "put",
            "device": "test",
            "now_ms": engine.clock.now_ms(),
            "client_text": row[4],
            "base_text": row[4],
        }
        intent_id = intents.add(c, values)
    (item,) = world.side.items()
    world.side.rename(item, "Later")
    pushes.take(world.side.source, told(world, "k", vendor_id(world)))
    time.sleep(1.2)
    assert world.all_calls() == []
    with engine.store.write() as c:
        intents.supersede(c, row[0], now_ms=engine.clock.now_ms(), words="test")
        assert intents.get(c, intent_id).state == "superseded"
    settle(pushes)
    assert "SUMMARY:Later" in world.text("a.ics")
    assert len(world.all_calls()) == 1


def test_a_failing_vendor_is_asked_again(world, pushes):
    planned(world)
    (item,) = world.side.items()
    world.side.rename(item, "After the storm")
    match = "schedule/get" if world.side.source == "wecom" else "/events/"
    world.fault(kind="status", status=502, match=match, count=8)
    pushes.take(world.side.source, told(world, "k", vendor_id(world)))
    settle(pushes, 40)
    assert "SUMMARY:After the storm" in world.text("a.ics")


def test_an_occurrence_removed_at_the_vendor_disappears(world, pushes):
    planned(world, "RRULE:FREQ=WEEKLY;COUNT=5")
    (item,) = world.side.items()
    world.side.drop_occurrence(item, day(8))
    pushes.take(world.side.source, told(world, "k", vendor_id(world), updated_ms=1))
    settle(pushes)
    assert "EXDATE" in world.text("a.ics")


def test_a_full_queue_says_so_and_has_room_again_later(world):
    planned(world)
    pushes = Pushes(world.parts.engine, waiting_max=2)
    source, news = world.side.source, [told(world, f"k{n}", f"item-{n}") for n in range(3)]
    assert [pushes.take(source, one) for one in news] == [True, True, False]
    pushes.start()
    try:
        settle(pushes)
        assert pushes.take(source, news[2])
        settle(pushes)
    finally:
        pushes.close()
    assert not pushes.take(source, told(world, "after", "the end"))


def test_while_pushes_arrive_polls_are_rare_and_not_when_they_are_used_up(world, pushes):
    engine, source = world.parts.engine, world.side.source
    assert pacing.poll_factor(engine, source) == 1.0
    pushes.note_alive(source, 60_000)
    settle(pushes)
    assert pacing.poll_factor(engine, source) == (
        pacing.BILLED_POLL_FACTOR if pacing.is_billed(engine, source) else pacing.POLL_FACTOR
    )
    pushes.note_spent(source, spent=True)
    settle(pushes)
    assert pacing.poll_factor(engine, source) == 1.0
    pushes.note_spent(source, spent=False)
    settle(pushes)
    assert pacing.poll_factor(engine, source) == (
        pacing.BILLED_POLL_FACTOR if pacing.is_billed(engine, source) else pacing.POLL_FACTOR
    )


def test_pushes_that_begin_to_arrive_after_a_silence_bring_the_next_sweep_forward(world, pushes):
    engine = world.parts.engine
    far_ms = engine.clock.now_ms() + 10**10
    with engine.store.write() as c:
        for row in calendars.all_calendars(c):
            calendars.set_state(c, row, pull_at_ms=far_ms)
    pushes.note_alive(world.side.source, 60_000)
    settle(pushes)
    with engine.store.read() as c:
        assert all(row.pull_at_ms < far_ms for row in calendars.all_calendars(c))


# ---- one vendor only --------------------------------------------------------------------------------------------


@pytest.fixture
def made(tmp_path):
    found = []

    def make(side, **options):
        world = World(side, tmp_path, **options)
        pushes = Pushes(world.parts.engine)
        pushes.start()
        found.append((world, pushes))
        return world, pushes

    yield make
    for world, pushes in found:
        pushes.close()
        world.close()


def sent_by(world):
    """What the box pushed, as the queue takes it."""
    return [p["data"] for p in world.side.box.control("state", {})["pushes"]["sent"]]


def hear(world, pushes, since=0):
    for number, data in enumerate(sent_by(world)[since:]):
        news = News(
            key=f"{since}-{number}",
            calendar_id=data["calendarId"],
            item_id=data["calendarEventId"],
            people=tuple(data["unionIdList"]),
            updated_ms=data["calendarEventUpdateTime"],
        )
        assert pushes.take("dingtalk", news)


def test_echoes_of_our_own_writes_cost_no_call_at_dingtalk(made):
    world, pushes = made(DingTalkSide)
    world.put("a.ics", ics(vevent("a", day(1), day(1, 11))))
    world.put("a.ics", ics(vevent("a", day(1), day(1, 12), summary="Longer")))
    world.carry()
    world.delete("a.ics")
    world.carry()
    world.side.calls.clear()
    assert len(sent_by(world)) >= 3
    before = visible(world)
    hear(world, pushes)
    settle(pushes)
    assert world.all_calls() == []
    assert visible(world) == before


def test_an_answer_that_comes_with_our_echo_is_not_taken_for_one(made):
    world, pushes = made(DingTalkSide)
    world.put("a.ics", ics(vevent("a", day(1), day(1, 11))))
    world.carry()
    (item,) = world.side.items()
    world.side.rename(item, "Somebody was faster")
    world.side.calls.clear()
    hear(world, pushes)
    settle(pushes)
    assert "SUMMARY:Somebody was faster" in world.text("a.ics")
    assert len(world.all_calls()) == 1


def test_an_event_that_was_never_seen_arrives_by_one_call(made):
    world, pushes = made(DingTalkSide)
    start = day(2)
    world.side.act(
        "create",
        event={
            "summary": "From the phone",
            "start": {"dateTime": start.isoformat(), "timeZone": "Asia/Shanghai"},
            "end": {"dateTime": day(2, 11).isoformat(), "timeZone": "Asia/Shanghai"},
        },
    )
    hear(world, pushes)
    settle(pushes)
    texts = texts_of(world)
    assert any("SUMMARY:From the phone" in text for text in texts)
    assert len(world.all_calls()) == 1


def test_a_moved_occurrence_arrives_under_the_id_of_the_occurrence(made):
    world, pushes = made(DingTalkSide)
    planned(world, "RRULE:FREQ=WEEKLY;COUNT=5")
    (item,) = world.side.items()
    heard = len(sent_by(world))
    world.side.act("move", eventId=item["eventId"], origin=int(day(8).timestamp()), scope="one", minutes=60)
    world.side.calls.clear()
    hear(world, pushes, heard)
    settle(pushes)
    assert "RECURRENCE-ID" in world.text("a.ics")


@pytest.mark.parametrize("named", ["A", "B", "both"])
def test_a_split_at_wecom_brings_both_parts_whichever_is_named(made, named):
    world, pushes = made(WeComSide, switches={"admin_split_event": named})
    planned(world, "RRULE:FREQ=WEEKLY;UNTIL=" + day(40).strftime("%Y%m%dT%H%M%SZ"))
    (item,) = world.side.items()
    answer = world.side.act(
        "edit",
        schedule_id=item["schedule_id"],
        op_mode=1,
        op_start_time=int(day(8).timestamp()),
        fields={"summary": "Only this time"},
    )
    ids = {"A": [item["schedule_id"]], "B": [answer["schedule_id"]]}
    for item_id in ids.get(named) or [item["schedule_id"], answer["schedule_id"]]:
        pushes.take("wecom", told(world, item_id, item_id))
    settle(pushes)
    texts = "".join(text for text in texts_of(world))
    assert texts.count("SUMMARY:Only this time") == 1
    assert "EXDATE" in texts or "RECURRENCE-ID" in texts


def test_a_calendar_renamed_at_wecom_is_read_again(made):
    world, pushes = made(WeComSide)
    cal_id = world.collection_row().upstream_calendar_id
    world.side.act("edit_calendar", cal_id=cal_id, fields={"summary": "New name"})
    pushes.take("wecom", News(key="k", is_exact=False, calendar_id=cal_id))
    settle(pushes)
    assert world.collection_row().calendar_name == "New name"


def test_many_items_of_one_calendar_are_one_pull_where_each_would_be_a_call(made):
    world, pushes = made(DingTalkSide)
    for number in range(8):
        world.put(f"{number}.ics", ics(vevent(str(number), day(number), day(number, 11))))
    world.carry()
    world.sync()
    world.parts.engine.echoes.__init__(world.parts.engine.clock)
    heard = len(sent_by(world))
    for item in world.side.items():
        world.side.rename(item, "All at once")
    world.side.calls.clear()
    hear(world, pushes, heard)
    settle(pushes)
    texts = texts_of(world)
    assert all("SUMMARY:All at once" in text for text in texts)
    assert len(world.all_calls()) <= 2

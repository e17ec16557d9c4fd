"""A mass deletion at the vendor reaches no client before an administrator lets it pass."""

import datetime as dt
import json

import pytest
from world import day, ics, vevent

from bridge.engine.pull import pull
from bridge.engine.refresh import refresh
from bridge.store import calendars, objects

HOUR = dt.timedelta(hours=1)
EVENTS = 14
MASS = 11


def calendar(world):
    with world.parts.engine.store.read() as c:
        (row,) = calendars.all_calendars(c)
    return row


def fill(world, count=EVENTS):
    for n in range(count):
        start = day(n % 5, 8 + n // 5)
        world.put(f"e{n}.ics", ics(vevent(f"u{n}", start, start + HOUR, summary=f"E{n}")))
    world.carry()
    world.sync()
    assert served(world) == count


def served(world):
    with world.parts.engine.store.read() as c:
        return objects.count(c, world.collection.id)


def remove(world, count):
    titles = {f"E{n}" for n in range(count)}
    for item in world.side.items():
        if title_of(item) in titles:
            world.side.remove(item)


def title_of(item):
    return item["content"]["summary"] if "content" in item else item["summary"]


def status(world):
    (row,) = world.parts.admin.status("alice")
    return row


def release(world):
    (row,) = world.parts.admin.sync("alice", full=False, release=True)
    assert row["ok"], row
    return row


def pull_as_the_daemon_does(world):
    return pull(world.parts.engine, calendar(world).id)


def test_a_mass_deletion_is_held_until_it_is_released(world):
    fill(world)
    remove(world, MASS)
    row = world.sync()
    assert (row["deleted"], row["held"]) == (0, MASS)
    assert served(world) == EVENTS
    assert status(world)["state"] == "quarantined"
    assert f"{MASS} of {EVENTS} events" in status(world)["reason"]
    assert status(world)["who"] == "administrator"
    for _ in range(2):
        pull_as_the_daemon_does(world)
        assert status(world)["state"] == "quarantined"
        assert served(world) == EVENTS
    row = release(world)
    assert (row["deleted"], row["held"]) == (MASS, 0)
    assert served(world) == EVENTS - MASS
    assert status(world)["state"] == "connected"
    assert status(world)["reason"] == ""
    assert world.sync()["deleted"] == 0


def test_what_is_held_survives_a_restart_and_changes_nothing_that_a_client_sees(world):
    fill(world)
    remove(world, MASS)
    pull_as_the_daemon_does(world)
    before = world.dump()
    world.reopen()
    pull_as_the_daemon_does(world)
    world.sync()
    assert world.dump() == before
    assert len(json.loads(calendar(world).held)) == MASS
    assert release(world)["deleted"] == MASS


@pytest.mark.parametrize("count", [10, 3])
def test_few_deletions_pass_at_once(world, count):
    fill(world)
    remove(world, count)
    row = world.sync()
    assert (row["deleted"], row["held"]) == (count, 0)
    assert status(world)["state"] == "connected"


def test_other_changes_are_applied_beside_held_deletions(world):
    fill(world)
    remove(world, MASS)
    last = next(i for i in world.side.items() if title_of(i) == f"E{EVENTS - 1}")
    world.side.rename(last, "Renamed")
    row = world.sync()
    assert row["held"] == MASS
    assert row["changed"] == 1
    assert "SUMMARY:Renamed" in world.text(f"e{EVENTS - 1}.ics")
    other = next(i for i in world.side.items() if title_of(i) == f"E{EVENTS - 2}")
    world.side.rename(other, "Later")
    assert world.sync()["changed"] == 1
    assert "SUMMARY:Later" in world.text(f"e{EVENTS - 2}.ics")


def test_deletions_that_follow_are_held_with_the_others_and_released_with_them(world):
    fill(world)
    remove(world, MASS)
    world.sync()
    remove(world, MASS + 1)
    assert world.sync()["held"] == MASS + 1
    assert served(world) == EVENTS
    assert release(world)["deleted"] == MASS + 1


def test_a_client_may_still_edit_and_delete_beside_what_is_held(world):
    fill(world)
    remove(world, MASS)
    world.sync()
    world.delete("e0.ics")
    start = day(2, 20)
    world.put("new.ics", ics(vevent("new", start, start + HOUR, summary="New")))
    world.carry()
    assert world.sync()["held"] == MASS - 1
    assert world.text("e0.ics") is None
    assert "SUMMARY:New" in world.text("new.ics")
    assert release(world)["deleted"] == MASS - 1
    assert "SUMMARY:New" in world.text("new.ics")


def test_a_push_about_what_is_held_deletes_nothing(world):
    fill(world)
    remove(world, MASS)
    world.sync()
    held = json.loads(calendar(world).held)
    refresh(world.parts.engine, calendar(world).id, frozenset(held[:2]))
    assert served(world) == EVENTS
    assert status(world)["state"] == "quarantined"


def test_pushes_about_many_deletions_at_once_are_held_like_a_pull(world):
    fill(world)
    with world.parts.engine.store.read() as c:
        ids = objects.item_ids(c, world.collection.id)
    remove(world, MASS)
    refresh(world.parts.engine, calendar(world).id, ids)
    assert served(world) == EVENTS
    assert status(world)["state"] == "quarantined"


def test_series_count_as_one_event_each_and_go_whole_when_released(world):
    for n in range(12):
        start = day(n % 5, 8 + n // 5)
        rule = "RRULE:FREQ=WEEKLY;COUNT=4"
        world.put(f"e{n}.ics", ics(vevent(f"u{n}", start, start + HOUR, rule, summary=f"E{n}")))
    world.carry()
    world.sync()
    texts = {n: world.text(f"e{n}.ics") for n in range(12)}
    remove(world, 12)
    assert world.sync()["held"] == 12
    assert world.sync()["held"] == 12
    assert {n: world.text(f"e{n}.ics") for n in range(12)} == texts
    release(world)
    assert served(world) == 0
    assert status(world)["state"] == "connected"


def test_a_vendor_that_is_ill_meanwhile_forgets_nothing(world):
    fill(world)
    remove(world, MASS)
    world.sync()
    world.fault(kind="status", status=503, count=-1)
    (row,) = world.parts.admin.sync("alice", full=False, release=True)
    assert not row["ok"]
    assert served(world) == EVENTS
    world.side.box.faults.clear()
    assert world.sync()["held"] == MASS
    assert release(world)["deleted"] == MASS


def test_what_was_only_missing_for_a_while_is_kept_and_the_quarantine_ends_by_itself(world):
    fill(world)
    provider = world.parts.engine.provider(world.side.source)
    changes = provider.changes

    def all_gone(target, *, known, **arguments):
        page = changes(target, known=known, **arguments)
        return type(page)(items=(), absent=tuple(known.ids), next=page.next, cursor=page.cursor)

    before = world.dump()
    provider.changes = all_gone
    try:
        assert world.sync()["held"] == EVENTS
    finally:
        provider.changes = changes
    row = world.sync(full=True)
    assert (row["deleted"], row["held"]) == (0, 0)
    assert status(world)["state"] == "connected"
    assert world.dump() == before

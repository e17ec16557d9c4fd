"""Both sides change one event: nothing is lost, and whose value gave way is told."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from world import DingTalkSide, WeComSide, World, day, ics, vevent

from bridge.errors import PreconditionFailed


def event(*lines, title="Planning", start=None, end=None):
    return ics(vevent("u1", start or day(0), end or day(0, 11), "X-MINE:kept", *lines, summary=title))


@pytest.fixture(params=[WeComSide, DingTalkSide], ids=["wecom", "dingtalk"])
def world(request, tmp_path):
    """A world in which the mirror is never fresh enough: every edit is preceded by a look."""
    made = World(request.param, tmp_path, freshness_s=0)
    made.put("a.ics", event())
    yield made
    made.close()


def offline(world):
    """Let nothing reach the vendor for the next calls: the edit waits."""
    world.fault(kind="status", status=503, match="", count=-1)


def online(world):
    world.side.box.faults.clear()


def late(world, act, *, text=None):
    """PUT (or DELETE) while the vendor is away, then act in the vendor's app, then carry."""
    offline(world)
    if text is None:
        world.delete("a.ics")
    else:
        world.put("a.ics", text)
    online(world)
    act()
    world.rest()
    world.carry()


def newest(world):
    return max(world.receipts(), key=lambda r: (r["opened_ms"], r["action"] == "delete"))


def item(world):
    (one,) = world.side.items()
    return one


def test_different_properties_of_one_event_are_merged(world):
    def moves():
        world.side.shift(item(world), 3600)

    late(world, moves, text=event(title="Mine"))
    assert world.side.titles() == ["Mine"]
    start = day(0) + dt.timedelta(hours=1)
    assert [one for one, _ in world.side.occurrences(day(0, 0), day(1, 0))] == [start.timestamp()]
    text = world.text("a.ics")
    assert "SUMMARY:Mine" in text
    assert f"DTSTART;TZID=Asia/Shanghai:{start:%Y%m%dT%H%M%S}" in text
    assert "X-MINE:kept" in text
    world.sync(full=True)
    assert world.text("a.ics") == text


def test_of_two_changes_of_one_property_the_later_one_counts_and_the_other_is_kept(world):
    def renames():
        world.side.rename(item(world), "Theirs")

    late(world, renames, text=event(title="Mine"))
    assert world.side.titles() == ["Theirs"]
    assert "SUMMARY:Theirs" in world.text("a.ics")
    receipt = newest(world)
    assert receipt["outcome"] == "merged"
    assert "SUMMARY" in receipt["words"]
    assert "Mine" in receipt["words"]
    world.sync(full=True)
    assert world.side.titles() == ["Theirs"]


def test_a_change_of_the_client_that_came_after_the_vendors_counts(tmp_path):
    """DingTalk says when an event was changed."""
    world = World(DingTalkSide, tmp_path, freshness_s=0)
    world.put("a.ics", event())
    world.side.rename(item(world), "Theirs")
    offline(world)

    time.sleep(1.1)  # the vendor counts whole seconds
    world.put("a.ics", event(title="Mine"))
    online(world)
    world.rest()
    world.carry()
    assert world.side.titles() == ["Mine"]
    receipt = newest(world)
    assert (receipt["outcome"], "Theirs" in receipt["words"]) == ("merged", True)
    world.close()


def test_while_the_client_waits_it_is_told_and_nothing_is_overwritten(tmp_path):
    world = World(WeComSide, tmp_path, freshness_s=0)
    world.put("a.ics", event())
    world.side.rename(item(world), "Theirs")
    with pytest.raises(PreconditionFailed):
        world.put("a.ics", event(title="Mine"))
    assert world.side.titles() == ["Theirs"]
    assert "SUMMARY:Theirs" in world.text("a.ics")
    receipt = newest(world)
    assert (receipt["outcome"], receipt["lost_text"]) == ("refused", event(title="Mine"))
    # It reads again and repeats its edit.
    world.put("a.ics", world.text("a.ics").replace("Theirs", "Agreed"))
    assert world.side.titles() == ["Agreed"]
    world.close()


def test_a_change_wins_over_a_deletion_by_the_client(world):
    def renames():
        world.side.rename(item(world), "Theirs")

    late(world, renames)
    assert world.side.titles() == ["Theirs"]
    assert "SUMMARY:Theirs" in world.text("a.ics")
    receipt = newest(world)
    assert (receipt["action"], receipt["outcome"]) == ("delete", "refused")
    assert "changed at the vendor" in receipt["words"]


def test_a_change_wins_over_a_deletion_at_the_vendor(world):
    def removes():
        world.side.remove(item(world))

    late(world, removes, text=event(title="Mine"))
    assert world.side.titles() == ["Mine"]
    receipt = newest(world)
    assert (receipt["outcome"], "made it again" in receipt["words"]) == ("merged", True)
    world.sync(full=True)
    assert "SUMMARY:Mine" in world.text("a.ics")
    assert len(world.service.get_all(world.collection.id)) == 1


def test_both_delete(world):
    late(world, lambda: world.side.remove(item(world)))
    assert world.side.items() == []
    assert world.text("a.ics") is None
    assert newest(world)["outcome"] == "applied"


def test_an_untouched_event_is_deleted_after_the_look(world):
    world.delete("a.ics")
    world.carry()
    assert world.side.items() == []
    assert newest(world)["outcome"] == "applied"


def test_people_and_alarms_of_both_sides_are_merged_one_by_one(tmp_path):
    world = World(WeComSide, tmp_path, freshness_s=0)
    world.put("a.ics", event("ATTENDEE:mailto:lisi@example.com", "ORGANIZER:mailto:alice@example.com"))
    guest = {a["userid"] for a in item(world)["attendees"]} if "attendees" in item(world) else set()
    late(
        world,
        lambda: world.side.rename(item(world), "Theirs"),
        text=event(
            "LOCATION:Room 7", "ATTENDEE:mailto:lisi@example.com", "ORGANIZER:mailto:alice@example.com"
        ),
    )
    assert item(world)["content"]["summary"] == "Theirs"
    assert {a["userid"] for a in item(world).get("attendees", [])} >= guest
    assert "LOCATION:Room 7" in world.text("a.ics")
    world.close()

"""An edit on either side arrives on the other, and nothing else moves."""

import datetime as dt

import pytest
from world import day, ics, stamp, vevent

from bridge.errors import Missing, PreconditionFailed, Refused

HOUR = dt.timedelta(hours=1)
WEEK = dt.timedelta(days=7)
KEPT = ("CATEGORIES:Project X", "X-CLIENT-THING;X-P=1:keep me", "CLASS:PRIVATE", "PRIORITY:3")


def seconds(*pairs):
    return [(int(a.timestamp()), int(b.timestamp())) for a, b in pairs]


def around(world, start=None, days=60):
    start = start or day(-1)
    return world.side.occurrences(start, start + dt.timedelta(days=days))


def test_a_timed_event_arrives_with_its_words_and_is_served_byte_for_byte(world):
    text = ics(
        vevent("u1", day(0), day(0) + HOUR, "DESCRIPTION:Bring notes\\, please", "LOCATION:Room 5", *KEPT)
    )
    result = world.put("u1.ics", text)
    assert result.created
    assert not result.waiting
    assert world.text("u1.ics") == text
    assert world.side.titles() == ["Planning"]
    assert around(world) == seconds((day(0), day(0) + HOUR))
    assert "Bring notes, please" in str(world.side.items()[0])
    assert "Room 5" in str(world.side.items()[0])


def test_an_all_day_event_is_a_pair_of_dates_on_both_sides(world):
    start = day(0).date()
    text = ics(vevent("u1", start, start + dt.timedelta(days=2)))
    world.put("u1.ics", text)
    ((begin, end),) = around(world)
    assert begin == int(day(0, 0).timestamp())
    assert int(day(2, 0).timestamp()) - 1 <= end <= int(day(2, 0).timestamp())
    world.sync(full=True)
    assert world.text("u1.ics") == text


def test_a_weekly_series_with_one_occurrence_moved_and_one_deleted(world):
    third = day(14)
    master = vevent(
        "u1",
        day(0),
        day(0) + HOUR,
        "RRULE:FREQ=WEEKLY;COUNT=5",
        f"EXDATE;TZID=Asia/Shanghai:{stamp(day(7))}",
        *KEPT,
    )
    moved = vevent(
        "u1",
        third + 3 * HOUR,
        third + 4 * HOUR,
        f"RECURRENCE-ID;TZID=Asia/Shanghai:{stamp(third)}",
        summary="Moved",
    )
    text = ics(master, moved)
    world.put("u1.ics", text)
    expected = [
        (day(0), day(0) + HOUR),
        (third + 3 * HOUR, third + 4 * HOUR),
        (day(21), day(21) + HOUR),
        (day(28), day(28) + HOUR),
    ]
    assert around(world) == seconds(*expected)
    world.sync(full=True)
    assert world.text("u1.ics") == text


def test_changing_moving_and_deleting_arrive(world):
    world.put("u1.ics", ics(vevent("u1", day(0), day(0) + HOUR)))
    world.put("u1.ics", ics(vevent("u1", day(1), day(1) + 2 * HOUR, summary="Longer")))
    assert world.side.titles() == ["Longer"]
    assert around(world) == seconds((day(1), day(1) + 2 * HOUR))
    world.delete("u1.ics")
    assert world.side.items() == []
    assert world.text("u1.ics") is None
    with pytest.raises(Missing):
        world.delete("u1.ics")


def test_a_series_changed_occurrence_by_occurrence_stays_what_the_client_says(world):
    master = vevent("u1", day(0), day(0) + HOUR, "RRULE:FREQ=WEEKLY;COUNT=4")
    world.put("u1.ics", ics(master))
    override = vevent(
        "u1",
        day(7) + HOUR,
        day(7) + 2 * HOUR,
        f"RECURRENCE-ID;TZID=Asia/Shanghai:{stamp(day(7))}",
        summary="Later",
    )
    world.put("u1.ics", ics(master, override))
    assert around(world) == seconds(
        *[
            (day(0), day(0) + HOUR),
            (day(7) + HOUR, day(7) + 2 * HOUR),
            (day(14), day(14) + HOUR),
            (day(21), day(21) + HOUR),
        ]
    )
    world.put("u1.ics", ics(master))
    assert around(world) == seconds(*[(day(n), day(n) + HOUR) for n in (0, 7, 14, 21)])
    gone = vevent(
        "u1",
        day(0),
        day(0) + HOUR,
        "RRULE:FREQ=WEEKLY;COUNT=4",
        f"EXDATE;TZID=Asia/Shanghai:{stamp(day(14))}",
    )
    world.put("u1.ics", ics(gone))
    assert around(world) == seconds(*[(day(n), day(n) + HOUR) for n in (0, 7, 21)])
    world.put("u1.ics", ics(master))
    assert around(world) == seconds(*[(day(n), day(n) + HOUR) for n in (0, 7, 14, 21)])


def test_an_edit_in_the_vendors_app_arrives_as_one_changed_href_with_the_clients_words_kept(world):
    text = ics(vevent("u1", day(0), day(0) + HOUR, *KEPT))
    world.put("u1.ics", text)
    world.put("u2.ics", ics(vevent("u2", day(1), day(1) + HOUR)))
    before = world.collection
    item = next(i for i in world.side.items() if "Planning" in str(i))
    world.side.rename(item, "Renamed in the app")
    world.sync()
    changed, deleted = world.service.changes(world.collection, before.sync_token)
    assert len(changed) == 1
    assert deleted == []
    new = world.text(changed[0])
    assert "SUMMARY:Renamed in the app" in new
    assert len(set(new.split("\r\n")) & set(KEPT)) in (0, len(KEPT))
    assert sum("Renamed" in world.text(h) for h in ("u1.ics", "u2.ics")) == 1


def test_everything_the_client_added_survives_a_vendor_edit(world):
    text = ics(
        vevent(
            "u1",
            day(0),
            day(0) + HOUR,
            *KEPT,
            "BEGIN:VALARM",
            "ACTION:AUDIO",
            "TRIGGER:-PT7M",
            "X-A:b",
            "END:VALARM",
        )
    )
    world.put("u1.ics", text)
    (item,) = world.side.items()
    world.side.shift(item, 3600)
    world.sync()
    old, new = text.split("\r\n"), world.text("u1.ics").split("\r\n")
    gone = set(old) - set(new)
    assert {line.split(";")[0].split(":")[0] for line in gone} <= {"DTSTART", "DTEND", "DTSTAMP"}
    assert f"DTSTART;TZID=Asia/Shanghai:{stamp(day(0) + HOUR)}" in new


def test_what_is_deleted_in_the_vendors_app_is_deleted_here(world):
    world.put("u1.ics", ics(vevent("u1", day(0), day(0) + HOUR)))
    token = world.collection.sync_token
    (item,) = world.side.items()
    world.side.remove(item)
    world.sync()
    assert world.text("u1.ics") is None
    assert world.service.changes(world.collection, token) == ([], ["u1.ics"])


def test_an_occurrence_deleted_in_the_vendors_app_becomes_an_exdate(world):
    world.put("u1.ics", ics(vevent("u1", day(0), day(0) + HOUR, "RRULE:FREQ=WEEKLY;COUNT=4", *KEPT)))
    (item,) = world.side.items()
    world.side.drop_occurrence(item, day(7))
    world.sync()
    new = world.text("u1.ics")
    assert f"EXDATE;TZID=Asia/Shanghai:{stamp(day(7))}" in new
    assert all(line in new for line in KEPT)
    world.put("u1.ics", new.replace("SUMMARY:Planning", "SUMMARY:Still three"))
    assert around(world) == seconds(*[(day(n), day(n) + HOUR) for n in (0, 14, 21)])


def test_a_poll_without_news_writes_nothing_that_a_client_could_see(world):
    world.put("u1.ics", ics(vevent("u1", day(0), day(0) + HOUR, "RRULE:FREQ=WEEKLY;COUNT=4")))
    world.sync()
    before, token = world.dump(), world.collection.sync_token
    world.side.calls.clear()
    for full in (False, True, False):
        row = world.sync(full=full)
        assert (row["added"], row["changed"], row["deleted"]) == (0, 0, 0)
    assert world.writes() == []
    assert world.dump() == before
    assert world.collection.sync_token == token


ALARM = ("BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT15M", "END:VALARM")
SNOOZED = (*ALARM[:-1], "ACKNOWLEDGED:20261101T000000Z", "END:VALARM")


@pytest.mark.parametrize(
    "lines",
    [
        ALARM,
        (*ALARM, "CATEGORIES:New"),
        SNOOZED,
        (*ALARM, "X-MOZ-LASTACK:20261101T000000Z"),
        (*ALARM, "COLOR:red", "TRANSP:TRANSPARENT"),
    ],
    ids=["the same", "a category", "a snooze", "an acknowledgement", "a colour"],
)
def test_a_put_that_changes_nothing_the_vendor_holds_costs_no_call(world, lines):
    world.put("u1.ics", ics(vevent("u1", day(0), day(0) + HOUR, *ALARM)))
    world.side.calls.clear()
    text = ics(vevent("u1", day(0), day(0) + HOUR, *lines))
    result = world.put("u1.ics", text)
    assert world.all_calls() == []
    assert world.text("u1.ics") == text
    assert result.etag is not None


def test_an_etag_that_is_old_is_refused_and_leaves_every_byte(world):
    text = ics(vevent("u1", day(0), day(0) + HOUR))
    etag = world.put("u1.ics", text).etag
    with pytest.raises(PreconditionFailed):
        world.put("u1.ics", text.replace("Planning", "x"), if_match='"nonsense"')
    with pytest.raises(PreconditionFailed):
        world.put("u1.ics", text.replace("Planning", "x"), if_none_match="*")
    assert world.text("u1.ics") == text
    world.put("u1.ics", text.replace("Planning", "y"), if_match=f'W/"z", "{etag}"')
    assert world.side.titles() == ["y"]


def test_a_move_inside_a_calendar_is_a_new_name_and_no_call(world):
    text = ics(vevent("u1", day(0), day(0) + HOUR))
    world.put("u1.ics", text)
    token = world.collection.sync_token
    world.side.calls.clear()
    cid = world.collection.id
    assert world.service.move(cid, "u1.ics", cid, "other.ics", world.login, overwrite=False)
    assert world.all_calls() == []
    assert world.text("u1.ics") is None
    assert world.text("other.ics") == text
    assert world.service.changes(world.collection, token) == (["other.ics"], ["u1.ics"])


def test_deleting_and_putting_again_before_it_left_is_one_change(world):
    world.put("u1.ics", ics(vevent("u1", day(0), day(0) + HOUR)))
    world.fault(kind="status", status=503, count=-1, match=world.side.write_match)
    world.delete("u1.ics")
    assert world.text("u1.ics") is None
    world.put("u1.ics", ics(vevent("u1", day(1), day(1) + HOUR, summary="Back")))
    world.side.box.faults.clear()
    world.carry()
    assert world.side.titles() == ["Back"]
    assert "Back" in world.text("u1.ics")


def test_the_vendors_no_restores_the_old_text_and_keeps_the_lost_one(world):
    old = ics(vevent("u1", day(0), day(0) + HOUR))
    world.put("u1.ics", old)
    world.fault(**world.side.refusal)
    with pytest.raises(Refused):
        world.put("u1.ics", old.replace("Planning", "Refused title"))
    assert world.text("u1.ics") == old
    world.side.box.faults.clear()
    receipt = world.receipts()[0]
    assert receipt["outcome"] == "refused"
    assert "Refused title" in receipt["lost_text"]
    with pytest.raises(Refused):
        world.fault(**world.side.refusal)
        world.put("new.ics", ics(vevent("u9", day(0), day(0) + HOUR)))
    assert world.text("new.ics") is None

"""Who is invited, who answered, who may change what: both vendors, through the real engine."""

import re

import pytest
from test_reading_back import HOUR, is_quiet, read, shown, truth
from world import DingTalkSide, WeComSide, World, day, ics, stamp, vevent

from bridge.errors import NotAllowed, Refused

COLLEAGUE = {"wecom": "mailto:lisi@corp.example.com", "dingtalk": "mailto:bob@corp.example"}
ME = "mailto:alice@example.com"
STRANGER = "mailto:eve@elsewhere.example"


def meeting(world, *people, summary="Planning", colleague="PARTSTAT=NEEDS-ACTION"):
    return ics(
        vevent(
            "u1",
            day(0),
            day(0) + HOUR,
            f"ORGANIZER:{ME}",
            f"ATTENDEE;CN=Colleague;{colleague};X-OF=theirs:{COLLEAGUE[world.side.source]}",
            *people,
            summary=summary,
        )
    )


def unfolded(text):
    return text.replace("\r\n ", "")


def attendee_lines(text):
    return re.findall(r"ATTENDEE[^\r\n]*", unfolded(text))


def line_of(text, address):
    (line,) = [line for line in attendee_lines(text) if line.lower().endswith(address)]
    return line


def people_at(world):
    (item,) = world.side.items()
    if world.side.source == "wecom":
        return set(item["content"]["attendees"])
    return {row["displayName"] for row in item["attendees"]}


def test_a_stranger_is_kept_and_marked_and_the_mark_costs_nothing(world):
    plain = meeting(world, f"ATTENDEE;CN=Eve;RSVP=TRUE:{STRANGER}")
    assert world.put("u1.ics", plain).etag is None, "what is served is not what was sent"
    served = world.text("u1.ics")
    assert line_of(served, STRANGER) == f'ATTENDEE;CN=Eve;RSVP=TRUE;SCHEDULE-STATUS="3.7":{STRANGER}'
    assert "SCHEDULE-STATUS" not in line_of(served, COLLEAGUE[world.side.source])
    assert unfolded(served).replace(';SCHEDULE-STATUS="3.7"', "") == unfolded(plain)
    assert len(people_at(world)) <= 2
    token = world.collection.sync_token
    world.side.calls.clear()
    for _ in range(2):
        assert world.put("u1.ics", plain).etag is None
        assert world.text("u1.ics") == served
        assert world.put("u1.ics", served).etag is not None
        bare = served.replace('"3.7"', "3.7")
        assert world.put("u1.ics", bare).etag is not None, "the same, in the client's spelling"
        assert world.text("u1.ics") == bare
        world.put("u1.ics", plain)
        served = world.text("u1.ics")
        assert served.count("SCHEDULE-STATUS") == 1
    assert world.writes() == []
    assert world.all_calls() == []
    assert world.collection.sync_token != token
    assert is_quiet(world)


def test_the_mark_goes_when_the_stranger_becomes_known(world):
    from bridge.store import shared

    text = meeting(world, f"ATTENDEE;CN=Eve:{STRANGER}", "X-A:1")
    world.put("u1.ics", text)
    assert "3.7" in world.text("u1.ics")
    upstream_id = {"wecom": "wangwu", "dingtalk": "Tz5Gk9xBqM2nVw7iE"}[world.side.source]
    with world.parts.engine.store.write() as c:
        mail = STRANGER.removeprefix("mailto:")
        now_ms = world.parts.engine.clock.now_ms()
        shared.put_address(c, world.side.source, mail, upstream_id=upstream_id, checked_ms=now_ms)
    before = len(people_at(world))
    world.put("u1.ics", world.text("u1.ics").replace("X-A:1", "X-A:2"))
    assert "SCHEDULE-STATUS" not in world.text("u1.ics")
    assert len(people_at(world)) == before + 1


def test_who_invites_strangers_alone_is_left_alone(world):
    text = meeting(world, f"ATTENDEE;SCHEDULE-AGENT=CLIENT:{STRANGER}")
    assert world.put("u1.ics", text).etag is not None
    assert world.text("u1.ics") == text


def test_an_answer_that_a_client_puts_into_anothers_mouth_goes_nowhere(world):
    true = meeting(world)
    world.put("u1.ics", true)
    for answer in ("ACCEPTED", "DECLINED"):
        world.side.calls.clear()
        world.put("u1.ics", true.replace("NEEDS-ACTION", answer))
        assert world.writes() == []
        assert unfolded(world.text("u1.ics")) == unfolded(true)
        claimed = meeting(world, summary=f"Said {answer}", colleague=f"PARTSTAT={answer}")
        world.put("u1.ics", claimed)
        assert "PARTSTAT=NEEDS-ACTION" in world.text("u1.ics")
        true = world.text("u1.ics")
    world.put("new.ics", meeting(world, colleague="PARTSTAT=ACCEPTED").replace("UID:u1", "UID:u2"))
    assert "PARTSTAT=NEEDS-ACTION" in world.text("new.ics")


def test_the_answers_of_others_come_from_the_vendor_and_stay(world):
    world.put("u1.ics", meeting(world, "X-MINE:kept"))
    (item,) = world.side.items()
    if world.side.source == "wecom":
        world.side.act("respond", userid="lisi", schedule_id=item["schedule_id"], answer="accept")
    else:
        world.side.act("respond", **{"as": "bob02"}, eventId=item["eventId"], response="accepted")
    world.sync()
    served = world.text("u1.ics")
    line = line_of(served, COLLEAGUE[world.side.source])
    assert "PARTSTAT=ACCEPTED" in line
    assert "X-OF=theirs" in line
    world.side.calls.clear()
    world.put("u1.ics", served.replace("PARTSTAT=ACCEPTED", "PARTSTAT=NEEDS-ACTION"))
    assert world.all_calls() == []
    assert "PARTSTAT=ACCEPTED" in world.text("u1.ics")
    world.put("u1.ics", meeting(world, summary="Renamed"))
    assert "PARTSTAT=ACCEPTED" in world.text("u1.ics")


@pytest.fixture
def guest(tmp_path):
    """Alice's DingTalk, with an invitation by Bob."""
    made = World(DingTalkSide, tmp_path)
    invite(made)
    made.sync()
    yield made
    made.close()


def invite(world, **fields):
    """Let Bob invite Alice; returns nothing: what she sees is what counts."""
    me = next(p for p in world.side.box.facts()["people"] if p["userid"] == "alice01")["unionId"]
    times = {
        "start": {"dateTime": day(0).isoformat(timespec="milliseconds"), "timeZone": "Asia/Shanghai"},
        "end": {"dateTime": (day(0) + HOUR).isoformat(timespec="milliseconds"), "timeZone": "Asia/Shanghai"},
    }
    body = {"summary": "Bob's meeting", **times, "attendees": [{"id": me, "isOptional": True}], **fields}
    world.side.act("create", **{"as": "bob02"}, event=body)


SERIES = {
    "recurrence": {
        "pattern": {"type": "weekly", "daysOfWeek": day(0).strftime("%A").lower(), "interval": 1},
        "range": {"type": "numbered", "numberOfOccurrences": 4},
    }
}


def only(world):
    (row,) = world.service.get_all(world.collection.id)
    return row


def my_answer(world):
    (item,) = world.side.items()
    return next(row["responseStatus"] for row in item["attendees"] if row["displayName"] == "Alice")


def test_an_invitation_shows_who_invites_and_that_one_is_optional(guest):
    obj = read(only(guest).text)
    assert obj.master.organizer.address == COLLEAGUE["dingtalk"]
    assert [(a.address, a.is_optional) for a in obj.master.attendees] == [(ME, True)]
    assert "ROLE=OPT-PARTICIPANT" in line_of(only(guest).text, ME)


@pytest.mark.parametrize("answer", ["ACCEPTED", "DECLINED", "TENTATIVE"])
def test_a_guests_answer_reaches_the_vendor_and_nothing_else_does(guest, answer):
    row = only(guest)
    guest.side.calls.clear()
    text = row.text.replace("PARTSTAT=NEEDS-ACTION", f"PARTSTAT={answer}")
    result = guest.put(row.href, text)
    assert result.etag is not None
    assert my_answer(guest) == answer.lower()
    assert [c["endpoint"] for c in guest.writes()] == ["RespondEvent"]
    guest.sync(full=True)
    assert guest.text(row.href) == text
    assert is_quiet(guest)


def test_a_guest_may_set_alarms_and_categories(guest):
    row = only(guest)
    alarm = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT7M\r\nEND:VALARM\r\n"
    text = row.text.replace("END:VEVENT", f"CATEGORIES:Mine\r\n{alarm}END:VEVENT")
    guest.side.calls.clear()
    guest.put(row.href, text)
    assert guest.all_calls() == []
    guest.sync(full=True)
    assert guest.text(row.href) == text


EDITS = {
    "title": lambda text: text.replace("Bob's meeting", "Mine"),
    "time": lambda text: text.replace(stamp(day(0)), stamp(day(0) - HOUR)),
    "place": lambda text: text.replace("END:VEVENT", "LOCATION:Elsewhere\r\nEND:VEVENT"),
    "colleague": lambda text: text.replace("END:VEVENT", "ATTENDEE:mailto:carol@corp.example\r\nEND:VEVENT"),
    "stranger": lambda text: text.replace("END:VEVENT", f"ATTENDEE:{STRANGER}\r\nEND:VEVENT"),
    "series": lambda text: text.replace("END:VEVENT", "RRULE:FREQ=DAILY;COUNT=3\r\nEND:VEVENT"),
    "cancelled": lambda text: text.replace("END:VEVENT", "STATUS:CANCELLED\r\nEND:VEVENT"),
    "role": lambda text: text.replace("ROLE=OPT-PARTICIPANT", "ROLE=REQ-PARTICIPANT"),
    "answer and title": lambda text: text.replace("Bob's", "My").replace("NEEDS-ACTION", "ACCEPTED"),
}


@pytest.mark.parametrize("what", EDITS)
def test_a_guest_changes_nothing_that_the_organizer_decides(guest, what):
    row = only(guest)
    text = EDITS[what](row.text)
    assert text != row.text
    guest.side.calls.clear()
    with pytest.raises((NotAllowed, Refused)) as caught:
        guest.put(row.href, text)
    assert caught.value.http_status == 403
    assert guest.writes() == []
    assert guest.text(row.href) == row.text


def test_a_guest_who_deletes_declines(guest):
    guest.delete(only(guest).href)
    guest.carry()
    (event,) = [e for e in guest.side.box.control("state", {})["events"] if not e["cancelled"]]
    answers = event["guests"]
    me = next(p for p in guest.side.box.facts()["people"] if p["userid"] == "alice01")["unionId"]
    assert answers[me] == "declined"
    guest.sync(full=True)
    assert guest.service.get_all(guest.collection.id) == []


@pytest.mark.parametrize(
    ("switch", "value"), [("instance_write", "occurrence"), ("instance_write", "rejected")]
)
def test_a_guest_answers_one_occurrence_alone(tmp_path, switch, value):
    world = World(DingTalkSide, tmp_path, switches={switch: value})
    try:
        invite(world, **SERIES)
        world.sync()
        row = only(world)
        obj = read(row.text)
        assert len(obj.master.recurrence.rules) == 1
        event = row.text[row.text.index("BEGIN:VEVENT") : row.text.index("END:VCALENDAR")]
        second = day(7)
        one = re.sub(r"RRULE[^\r\n]*\r\n", f"RECURRENCE-ID;TZID=Asia/Shanghai:{stamp(second)}\r\n", event)
        one = one.replace(stamp(day(0)), stamp(second)).replace(stamp(day(0) + HOUR), stamp(second + HOUR))
        text = row.text.replace("END:VCALENDAR", one.replace("NEEDS-ACTION", "DECLINED") + "END:VCALENDAR")
        if value == "rejected":
            with pytest.raises(Refused):
                world.put(row.href, text)
            world.carry()
            assert world.text(row.href) == row.text
        else:
            world.put(row.href, text)
            world.carry()
        (item,) = world.side.items()
        assert my_answer(world) == "needsAction"
        store = world.side.box.store
        event, _origin = store.find_any(item["eventId"])
        me = next(row["id"] for row in item["attendees"] if row["displayName"] == "Alice")
        mine = store.occurrence(event, int(second.timestamp())).guests[me].response
        assert mine == ("declined" if value == "occurrence" else "needsAction")
        world.sync(full=True)
        assert shown(world) == truth(world)
        assert (read(world.text(row.href)).overrides != ()) == (value == "occurrence")
        assert is_quiet(world)
    finally:
        world.close()


def test_role_and_optional_go_both_ways(tmp_path):
    world = World(DingTalkSide, tmp_path)
    try:
        world.put("u1.ics", meeting(world, colleague="ROLE=OPT-PARTICIPANT"))

        def optional():
            (item,) = world.side.items()
            return next(a["isOptional"] for a in item["attendees"] if a["displayName"] == "Bob")

        assert optional()
        world.put("u1.ics", meeting(world, colleague="ROLE=REQ-PARTICIPANT"))
        assert not optional()
        (item,) = world.side.items()
        world.side.act("uninvite", eventId=item["eventId"], people=["bob02"])
        world.side.act("invite", eventId=item["eventId"], people=["bob02"], optional=True)
        world.sync()
        assert "ROLE=OPT-PARTICIPANT" in line_of(world.text("u1.ics"), COLLEAGUE["dingtalk"])
        assert is_quiet(world)
    finally:
        world.close()


def test_in_wecom_an_answer_is_given_in_the_app(tmp_path):
    world = World(WeComSide, tmp_path, switches={"users_may_add": True})
    try:
        (cal_id,) = world.side.box.control("state", {})["calendars"]
        content = {
            "summary": "Lisi's meeting", "start_time": int(day(0).timestamp()),
            "end_time": int((day(0) + HOUR).timestamp()), "admins": ["lisi"],
            "attendees": [{"userid": "zhangsan"}, {"userid": "lisi"}],
            "reminders": {"is_repeat": 0, "timezone": 8},
        }  # fmt: skip
        world.side.act("create", userid="lisi", schedule=content, cal_id=cal_id)
        world.sync()
        row = only(world)
        assert read(row.text).master.organizer.address == "mailto:lisi@wecom.queqiao.invalid"
        mine = line_of(row.text, ME)
        world.side.calls.clear()
        with pytest.raises(NotAllowed, match="app"):
            claimed = mine.replace("NEEDS-ACTION", "ACCEPTED")
            world.put(row.href, unfolded(row.text).replace(mine, claimed))
        assert world.writes() == []
        (item,) = world.side.items()
        world.side.act("respond", schedule_id=item["schedule_id"], answer="tentative")
        world.sync()
        assert "PARTSTAT=TENTATIVE" in line_of(world.text(row.href), ME)
        world.put(row.href, world.text(row.href).replace("END:VEVENT", "CATEGORIES:Mine\r\nEND:VEVENT"))
        assert "PARTSTAT=TENTATIVE" in line_of(world.text(row.href), ME)
    finally:
        world.close()


def test_floating_times_and_odd_lines_survive_the_marks():
    from bridge.ical.delivery import Word, marked

    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:1", "DTSTART:20270101T100000",
        'attendee;CN="A, B";\r\n X-Q=1:MAILTO:A@B.C', "ATTENDEE:urn:uuid:1234", "END:VEVENT", "END:VCALENDAR", "",
    ]  # fmt: skip
    text = "\r\n".join(lines)
    asked = []
    assert marked(text, "Asia/Shanghai", lambda rid, address: asked.append((rid, address))) == text
    assert asked == [(None, "mailto:a@b.c"), (None, "urn:uuid:1234")]
    done = marked(text, "Asia/Shanghai", lambda _rid, _address: Word(is_unknown=True))
    assert done.count('SCHEDULE-STATUS="3.7"') == 2
    assert marked(done, "Asia/Shanghai", lambda _rid, _address: Word(is_unknown=True)) == done
    undone = marked(done, "Asia/Shanghai", lambda _rid, _address: Word(is_unknown=False))
    assert undone.replace("\r\n ", "") == text.replace("\r\n ", "")

"""Secret addresses of all that a person has: each meeting once, in every detail, and nothing of other people."""

import icalendar
import pytest
from test_people import invite
from world import DingTalkSide, WeComSide, World, day, ics, vevent

from bridge.engine import links
from bridge.engine.api import Login
from bridge.errors import Missing, NotAllowed
from bridge.ical.feed import feed as render
from bridge.store import people
from bridge.web.feed import Feeds


class Subscriber:
    """A program that only subscribes."""

    def __init__(self, world, detail="full", user="alice"):
        self.feeds = Feeds(world.service, render)
        self.made = world.parts.admin.feed_add(user, "all", detail=detail)

    def __call__(self, **headers):
        said = []
        environ = {"REQUEST_METHOD": "GET", **headers}
        body = b"".join(
            self.feeds(environ, lambda *words: said.extend(words), f"{self.made.token}.ics")
        ).decode()
        return int(said[0][:3]), dict(said[1]), body

    def uids(self):
        return sorted(str(one["UID"]) for one in icalendar.Calendar.from_ical(self()[2]).walk("VEVENT"))


@pytest.fixture
def wecom(tmp_path):
    made = World(WeComSide, tmp_path)
    yield made
    made.close()


@pytest.fixture
def ding(tmp_path):
    made = World(DingTalkSide, tmp_path)
    yield made
    made.close()


def put(world, view, uid, *lines):
    text = ics(vevent(uid, day(0, 9), day(0, 10), *lines))
    world.service.put(view.id, f"{uid}.ics", text.encode(), Login(user=view.user))


def test_all_calendars_are_one_with_each_event_and_each_zone_once(wecom):
    service = wecom.service
    first = wecom.collection
    second = service.make_calendar("alice", "wecom-second", {"D:displayname": "Second"}, wecom.login)
    reader = Subscriber(wecom)
    put(wecom, first, "one")
    put(wecom, first, "both")
    put(wecom, second, "both")
    put(wecom, second, "two")
    status, headers, body = reader()
    assert status == 200
    assert reader.uids() == ["both", "one", "two"]
    assert body.count("BEGIN:VTIMEZONE") == 1
    calendar = icalendar.Calendar.from_ical(body)
    assert (calendar["X-WR-CALNAME"], calendar["X-WR-TIMEZONE"]) == ("alice", "Asia/Shanghai")
    assert reader(HTTP_IF_NONE_MATCH=headers["ETag"])[0] == 304
    put(wecom, second, "three")
    assert reader(HTTP_IF_NONE_MATCH=headers["ETag"])[0] == 200
    assert reader.uids() == ["both", "one", "three", "two"]


def test_calendars_that_come_and_go_are_seen_at_once(wecom):
    reader = Subscriber(wecom)
    put(wecom, wecom.collection, "one")
    tag = reader()[1]["ETag"]
    made = wecom.service.make_calendar("alice", "wecom-second", {"D:displayname": "Second"}, wecom.login)
    put(wecom, made, "two")
    status, headers, _ = reader(HTTP_IF_NONE_MATCH=tag)
    assert (status, reader.uids()) == (200, ["one", "two"])
    assert "Last-Modified" not in headers  # a date does not tell that a calendar went away
    wecom.parts.admin.user_unlink("alice", "wecom")
    assert (
        reader(HTTP_IF_NONE_MATCH=headers["ETag"], HTTP_IF_MODIFIED_SINCE=headers.get("Date", ""))[0] == 200
    )
    assert reader.uids() == []


def test_a_meeting_in_my_calendar_and_in_a_shared_one_is_told_once(ding):
    invite(ding, summary="Ours")
    ding.side.box.control("act", {"do": "share", "as": "bob02", "with": "alice01", "privilege": "reader"})
    with ding.parts.engine.store.read() as c:
        (row,) = people.links(c, people.by_name(c, "alice").id)
    links.connect(ding.parts.engine, row)
    assert all(row["ok"] for row in ding.parts.admin.sync("alice", full=True))
    views = ding.service.collections("alice")
    assert [len(ding.service.etags(view.id)) for view in views] == [1, 1]
    reader = Subscriber(ding)
    assert reader()[2].count("SUMMARY:Ours") == 1
    assert Subscriber(ding, "busy")()[2].count("BEGIN:VEVENT") == 1


def test_two_people_with_all_see_their_own_and_a_revoked_address_sees_nothing(world):
    world.parts.admin.user_add("zoe", email="zoe@example.com", links=[])
    put(world, world.collection, "mine")
    mine, theirs = Subscriber(world), Subscriber(world, user="zoe")
    theirs.feeds = mine.feeds  # one process serves both, and remembers what it rendered
    assert mine.uids() == ["mine"]
    assert theirs.uids() == []
    listed = world.parts.admin.feed_list("alice")
    assert [(row["collection"], row["detail"]) for row in listed] == [("all", "full")]
    assert world.parts.admin.feed_revoke(listed[0]["id"]) == 1
    assert mine()[0] == 404
    assert theirs()[0] == 200


@pytest.mark.parametrize("detail", ["full", "title", "busy"])
def test_all_tells_no_more_than_its_detail(world, detail):
    put(world, world.collection, "mine", "DESCRIPTION:secret")
    text = Subscriber(world, detail)()[2]
    assert ("DESCRIPTION:secret" in text) == (detail == "full")
    assert ("SUMMARY:Planning" in text) == (detail in ("full", "title"))


def test_no_calendar_is_called_all(wecom):
    with pytest.raises(NotAllowed, match="all of them"):
        wecom.service.make_calendar("alice", "all", {}, wecom.login)
    with pytest.raises(Missing, match="all of them: all"):
        wecom.parts.admin.feed_add("alice", "none", detail="full")


def test_a_new_name_of_a_calendar_is_a_new_version_of_its_feed(wecom):
    made = wecom.parts.admin.feed_add("alice", wecom.collection.slug, detail="full")
    before = wecom.service.feed(made.token)
    wecom.service.set_props(wecom.collection.id, {"D:displayname": "Anders"}, wecom.login)
    after = wecom.service.feed(made.token)
    assert after.title == "Anders"
    assert after.etag != before.etag

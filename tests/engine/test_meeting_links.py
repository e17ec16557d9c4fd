"""The link of an online meeting: shown in every place a client may look, and never broken by an edit."""

import pytest
from test_reading_back import HOUR, is_quiet, read
from world import DingTalkSide, World, day, ics, vevent

from bridge.ical.feed import feed


@pytest.fixture
def dingtalk(tmp_path):
    made = World(DingTalkSide, tmp_path)
    yield made
    made.close()


def unfolded(text):
    return text.replace("\r\n ", "")


def only(world):
    (row,) = world.service.get_all(world.collection.id)
    return row


def online(world):
    (item,) = world.side.items()
    return item["onlineMeetingInfo"]


def times():
    return {
        "start": {"dateTime": day(0).isoformat(timespec="milliseconds"), "timeZone": "Asia/Shanghai"},
        "end": {"dateTime": (day(0) + HOUR).isoformat(timespec="milliseconds"), "timeZone": "Asia/Shanghai"},
    }


def test_a_meeting_made_in_the_app_shows_its_link_twice_and_not_in_the_words(dingtalk):
    event = {"summary": "Call", "description": "Agenda", "onlineMeetingInfo": {"type": "dingtalk"}, **times()}
    dingtalk.side.act("create", event=event)
    dingtalk.sync()
    text, link = unfolded(only(dingtalk).text), online(dingtalk)["url"]
    assert f"URL:{link}\r\n" in text
    assert f"CONFERENCE;VALUE=URI;FEATURE=VIDEO:{link}\r\n" in text
    assert "DESCRIPTION:Agenda\r\n" in text
    assert is_quiet(dingtalk)


@pytest.mark.parametrize("drops", [(), ("CONFERENCE",), ("URL",), ("URL", "CONFERENCE")])
def test_an_edit_never_breaks_the_meeting_whatever_a_client_drops(dingtalk, drops):
    dingtalk.put("u1.ics", ics(vevent("u1", day(0), day(0) + HOUR)))
    (item,) = dingtalk.side.items()
    dingtalk.side.act("edit", eventId=item["eventId"], event={"onlineMeetingInfo": {"type": "dingtalk"}})
    dingtalk.sync()
    before = online(dingtalk)
    text = unfolded(dingtalk.text("u1.ics"))
    assert text.count(before["url"]) == 2
    lines = [line for line in text.split("\r\n") if not line.startswith(drops or ("-",))]
    for title in ("Renamed", "Once more"):
        dingtalk.put("u1.ics", "\r\n".join(lines).replace("SUMMARY:Planning", f"SUMMARY:{title}"))
        assert dingtalk.side.titles() == [title]
        assert online(dingtalk)["conferenceId"] == before["conferenceId"]
        assert online(dingtalk)["url"] == before["url"]
    moved = vevent("u1", day(1), day(1) + 2 * HOUR, "LOCATION:Here", "DESCRIPTION:New words")
    dingtalk.put("u1.ics", ics(moved))
    assert online(dingtalk)["conferenceId"] == before["conferenceId"]


def test_a_new_link_takes_the_place_of_the_old_one_and_the_clients_own_stays(dingtalk):
    own = "URL:https://wiki.example.com/agenda"
    dingtalk.put("u1.ics", ics(vevent("u1", day(0), day(0) + HOUR, own)))
    (item,) = dingtalk.side.items()
    links = []
    for _ in range(2):
        dingtalk.side.act("edit", eventId=item["eventId"], event={"onlineMeetingInfo": {"type": "dingtalk"}})
        dingtalk.sync()
        text, link = unfolded(dingtalk.text("u1.ics")), online(dingtalk)["url"]
        assert own in text
        assert text.count(link) == 1
        assert not any(old in text for old in links if old != link)
        links.append(link)
    assert len(set(links)) == 2


def test_only_a_full_feed_says_the_link_in_words(dingtalk):
    event = {"summary": "Call", "description": "Agenda", "onlineMeetingInfo": {"type": "dingtalk"}, **times()}
    dingtalk.side.act("create", event=event)
    dingtalk.sync()
    text, link = only(dingtalk).text, online(dingtalk)["url"]

    def fed(detail, source=text):
        return "".join(feed([source], name="x", detail=detail, ttl_minutes=60))

    shown = read(fed("full").replace("METHOD:PUBLISH\r\n", "")).master
    assert shown.description == f"Agenda\n{link}"
    assert fed("full").count("DESCRIPTION:Agenda") == 1
    assert link not in unfolded(fed("title"))
    assert link not in unfolded(fed("busy"))
    bare = "\r\n".join(line for line in text.split("\r\n") if not line.startswith("DESCRIPTION:Agenda"))
    assert read(fed("full", bare).replace("METHOD:PUBLISH\r\n", "")).master.description == link
    said = unfolded(text).replace("Agenda", f"Agenda {link}")
    assert read(fed("full", said).replace("METHOD:PUBLISH\r\n", "")).master.description == f"Agenda {link}"
    rich = text.replace(
        "DESCRIPTION:Agenda", "X-ALT-DESC;FMTTYPE=text/html:<html><body>A</body></html>\r\nDESCRIPTION:A"
    )
    html = read(fed("full", rich).replace("METHOD:PUBLISH\r\n", "")).master.rich_description
    assert html.startswith("<html><body>A<p><a href=")
    assert html.endswith("</a></p></body></html>")

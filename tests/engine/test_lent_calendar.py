"""A colleague's DingTalk calendar in which one may write: what is made there is whole, and can be changed and deleted."""

import pytest
from world import DingTalkSide, World, day, ics, stamp, vevent

from bridge.engine import links
from bridge.errors import Refused
from bridge.store import people


@pytest.fixture
def ding(tmp_path):
    made = World(DingTalkSide, tmp_path)
    yield made
    made.close()


def lent(world):
    """Let Bob lend his calendar; returns how Alice's clients see it."""
    world.side.box.control("act", {"do": "share", "as": "bob02", "with": "alice01", "privilege": "writer"})
    with world.parts.engine.store.read() as c:
        (row,) = people.links(c, people.by_name(c, "alice").id)
    links.connect(world.parts.engine, row)
    return next(view for view in world.service.collections("alice") if not view.slug.endswith("primary"))


def shown(world):
    span = {"from": day(-1).isoformat(), "to": day(30).isoformat()}
    found = world.side.box.control("act", {"do": "occurrences", "as": "bob02", **span})["occurrences"]
    return sorted(one["summary"] for one in found)


def scattered(title):
    return ics(
        vevent(
            "s",
            day(0, 10),
            day(0, 11),
            "RDATE;TZID=Asia/Shanghai:" + ",".join(stamp(day(n, 9 + n)) for n in (2, 5)),
            summary=title,
        )
    )


def test_a_series_of_several_items_is_made_to_its_end(ding):
    view = lent(ding)
    ding.service.put(view.id, "s.ics", scattered("Rounds").encode(), ding.login)
    assert shown(ding) == ["Rounds"] * 3


def test_what_was_made_there_can_be_changed_and_deleted(ding):
    view = lent(ding)
    ding.service.put(view.id, "s.ics", scattered("Rounds").encode(), ding.login)
    ding.service.put(view.id, "s.ics", scattered("Visits").encode(), ding.login)
    assert shown(ding) == ["Visits"] * 3
    ding.service.delete(view.id, "s.ics", ding.login)
    assert shown(ding) == []
    assert ding.service.get(view.id, "s.ics") is None


def test_what_the_lender_only_attends_is_the_vendors_to_refuse(ding):
    view = lent(ding)
    body = {
        "summary": "Carol's",
        "start": {"dateTime": day(1, 9).isoformat(), "timeZone": "Asia/Shanghai"},
        "end": {"dateTime": day(1, 10).isoformat(), "timeZone": "Asia/Shanghai"},
        "attendees": [
            {"id": person["unionId"]}
            for person in ding.side.box.facts()["people"]
            if person["userid"] == "bob02"
        ],
    }
    ding.side.box.control("act", {"do": "create", "as": "carol03", "event": body})
    assert all(row["ok"] for row in ding.parts.admin.sync("alice", full=True))
    ((href, _),) = ding.service.etags(view.id)
    before = ding.service.get(view.id, href)
    with pytest.raises(Refused):
        ding.service.put(view.id, href, before.text.replace("Carol's", "Mine").encode(), ding.login)
    assert ding.service.get(view.id, href).text == before.text
    assert shown(ding) == ["Carol's"]

"""Whom a user may find: colleagues at shared sources, by what the directory told; never how they sign in here."""

import dataclasses

from test_people import COLLEAGUE, STRANGER, meeting

from bridge.store import people, shared


def test_a_colleague_whom_the_directory_told_of_is_found_and_a_stranger_is_not(world):
    assert world.service.visible_people("alice") == []
    world.put("m.ics", meeting(world, f"ATTENDEE:{STRANGER}"))
    (found,) = world.service.visible_people("alice")
    assert found.address == COLLEAGUE[world.side.source]
    assert found.name


def test_who_uses_the_bridge_is_found_by_address_and_not_by_the_name_to_sign_in_with(world):
    engine = world.parts.engine
    with engine.store.write() as c:
        for name, upstream in (("secret-login", "v2"), ("no-mail", "v3")):
            mail = "Bob@Example.com" if name == "secret-login" else ""
            number = people.add(c, name=name, email=mail, now_ms=1)
            people.add_link(c, principal_id=number, source_id=world.side.source, vendor_id=upstream)
            (row,) = people.links(c, number)
            people.set_link(c, row, upstream_id=upstream, state="connected")
    (found,) = world.service.visible_people("alice")
    assert dataclasses.astuple(found) == ("mailto:bob@example.com", "")
    with engine.store.write() as c:
        shared.put_person(c, world.side.source, "v2", name="Bob", address="", checked_ms=1)
    (found,) = world.service.visible_people("alice")
    assert found.name == "Bob"
    assert world.service.visible_people("nobody") == ()


def test_other_sources_people_are_not_found(world):
    with world.parts.engine.store.write() as c:
        shared.put_person(c, "elsewhere", "x", name="X", address="mailto:x@elsewhere.example", checked_ms=1)
    assert world.service.visible_people("alice") == []


def test_what_a_calendar_says_of_its_vendor(world):
    view = world.collection
    assert view.timezone == "Asia/Shanghai"
    assert view.attendees_max == world.parts.engine.provider(view.source_id).mapper.limits.attendees_max > 0

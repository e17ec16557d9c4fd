"""sync-collection (RFC 6578), snapshots, and that nothing moves without a change."""

import dataclasses
import threading

import pytest
from davkit import event, tag

WORK = "/dav/alice/work/"


def names(answer):
    assert answer.status == 207
    return {href.removeprefix(WORK): part.status for href, part in answer.parts.items()}


def test_a_first_sync_lists_what_is_there_and_nothing_that_was_deleted(box, dav):
    for name in ("a", "b", "c"):
        dav.put(f"{WORK}{name}.ics", event(name))
    dav("DELETE", WORK + "b.ics")
    first = dav.sync(WORK)
    assert names(first) == {"a.ics": 200, "c.ics": 200}
    assert first.parts[WORK + "a.ics"].text("D:getetag") == dav("GET", WORK + "a.ics").headers["ETag"]


def test_a_token_brings_what_changed_since_and_deletions_as_404(box, dav):
    for name in ("a", "b", "c"):
        dav.put(f"{WORK}{name}.ics", event(name))
    first = dav.sync(WORK)
    dav.put(WORK + "a.ics", event("a", "SUMMARY:new"))
    dav("DELETE", WORK + "b.ics")
    dav.put(WORK + "d.ics", event("d"))
    dav.put(WORK + "e.ics", event("e"))
    dav("DELETE", WORK + "e.ics")
    second = dav.sync(WORK, first.token)
    assert names(second) == {"a.ics": 200, "d.ics": 200, "b.ics": 404, "e.ics": 404}
    assert second.token != first.token
    assert names(dav.sync(WORK, second.token)) == {}
    assert dav.sync(WORK, second.token).token == second.token


def test_an_object_that_came_back_is_no_deletion(box, dav):
    dav.put(WORK + "a.ics", event("a"))
    first = dav.sync(WORK)
    dav("DELETE", WORK + "a.ics")
    dav.put(WORK + "a.ics", event("a", "SUMMARY:again"))
    assert names(dav.sync(WORK, first.token)) == {"a.ics": 200}


@pytest.mark.parametrize(
    "token",
    ["nonsense", "http://queqiao.invalid/sync/e1-999", "http://queqiao.invalid/sync/other-1", "http://radicale.org/ns/sync/1",
     "0", "&lt;x&gt;", "http://queqiao.invalid/sync/e1-", "http://queqiao.invalid/sync/e1--1"],
)  # fmt: skip
def test_a_token_that_is_not_ours_is_told_so(dav, token):
    answer = dav.sync(WORK, token)
    assert (answer.status, answer.precondition) == (403, tag("D:valid-sync-token"))


def test_a_token_older_than_the_history_is_told_so(box, dav):
    first = dav.sync(WORK)
    dav.put(WORK + "a.ics", event("a"))
    box.service.forget_history(1)
    assert dav.sync(WORK, first.token).precondition == tag("D:valid-sync-token")
    assert names(dav.sync(WORK)) == {"a.ics": 200}


def test_a_poll_without_news_changes_no_etag_ctag_or_token(box, dav):
    dav.put(WORK + "a.ics", event("a"))

    def look():
        part = dav.propfind(WORK, "D:getetag", "CS:getctag", "D:sync-token").parts[WORK]
        return [part.text(name) for name in ("D:getetag", "CS:getctag", "D:sync-token")], dav.sync(WORK).body

    first = look()
    assert look() == first
    assert first[0][0] == first[0][1]
    dav.put(WORK + "a.ics", event("a", "SUMMARY:new"))
    second = look()
    assert all(one != other for one, other in zip(first[0], second[0], strict=True))


def test_the_token_of_propfind_is_good_for_sync(box, dav):
    dav.put(WORK + "a.ics", event("a"))
    token = dav.propfind(WORK, "D:sync-token").parts[WORK].text("D:sync-token")
    dav.put(WORK + "b.ics", event("b"))
    assert names(dav.sync(WORK, token)) == {"b.ics": 200}


def test_sync_can_carry_the_data(box, dav):
    dav.put(WORK + "a.ics", event("a"))
    inner = "<D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/><C:calendar-data/><D:nonsense/></D:prop>"
    part = dav.report(WORK, "D:sync-collection", inner).parts[WORK + "a.ics"]
    assert part.text("C:calendar-data") == event("a")
    assert part.missing == {tag("D:nonsense")}


@pytest.mark.parametrize("ask", ["propfind", "sync"])
def test_a_token_is_never_newer_than_the_list_beside_it(box, dav, ask):
    """An event written while the answer is made must come with the next sync, or it would never come."""
    dav.put(WORK + "a.ics", event("a"))
    listed = box.service.etags

    def write_in_between(number):
        box.service.etags = listed
        objects = listed(number)
        box.service.seed(1, "late.ics", event("late"))
        return objects

    box.service.etags = write_in_between
    if ask == "propfind":
        answer = dav.propfind(WORK, "D:getetag", "D:sync-token", depth="1")
        token = answer.parts[WORK].text("D:sync-token")
    else:
        answer = dav.sync(WORK)
        token = answer.token
    assert WORK + "late.ics" not in answer.parts
    assert "late.ics" in names(dav.sync(WORK, token))


def test_an_object_that_vanishes_while_the_answer_is_made_is_a_404(box, dav):
    dav.put(WORK + "a.ics", event("a"))
    first = dav.sync(WORK)
    dav.put(WORK + "a.ics", event("a", "SUMMARY:x"))
    changes = box.service.changes

    def delete_in_between(view, token):
        found = changes(view, token)
        del box.service.calendars[1].objects["a.ics"]
        return found

    box.service.changes = delete_in_between
    assert names(dav.sync(WORK, first.token)) == {"a.ics": 404}


def test_a_home_is_listed_from_one_snapshot(box, dav):
    """The list of calendars, their tags and tokens come from a single look."""
    dav.propfind("/dav/alice/", "D:displayname")
    box.service.calls.clear()
    parts = dav.propfind("/dav/alice/", "CS:getctag", "D:sync-token", depth="1").parts
    assert set(parts) == {"/dav/alice/", WORK, "/dav/alice/second/", "/dav/alice/team/"}
    for href, part in parts.items():
        if href != "/dav/alice/":
            assert part.text("CS:getctag").strip('"') == part.text("D:sync-token").rpartition("/")[2]
    assert box.service.calls.count("collections") == 1
    assert "collection" not in box.service.calls


def test_a_poll_does_not_wait_for_a_write_that_waits_for_a_vendor(box):
    box.service.delays_s["put"] = 1.0
    writer, reader = box.client(), box.client()
    thread = threading.Thread(target=writer.put, args=(WORK + "a.ics", event("a")))
    thread.start()
    other = box.client("bob")
    answers = [reader.propfind(WORK, "CS:getctag"), other.propfind("/dav/bob/home/", "CS:getctag"),
               reader("GET", WORK + "none.ics"), reader("DELETE", WORK + "none.ics")]  # fmt: skip
    assert thread.is_alive()
    assert [one.status for one in answers] == [207, 207, 404, 404]
    thread.join()


def test_the_sync_token_is_a_uri_and_the_tags_are_quoted(box):
    view = box.service.collection("alice", "work")
    assert view.sync_token.startswith("http://")
    assert dataclasses.replace(view, change_seq=7).etag == '"e1-7"'

"""Feeds: for programs that only subscribe, behind an address that is the secret."""

import gzip
import threading
import time

import icalendar
import pytest
from davkit import event
from fake_service import FakeService

TOKEN = "abcdefghijklmnopqrstuvwxyz0123456789"
FEED = f"/feed/{TOKEN}.ics"


@pytest.fixture
def reader(box):
    box.service.seed(1, "a.ics", event("a", "SUMMARY:茶"))
    box.service.seed(1, "b.ics", event("b", start="20260603", end="20260604"))
    box.service.add_feed(TOKEN, 1)
    return box.client(user="")


def test_a_feed_is_one_calendar_that_says_how_often_to_come_back(reader, box):
    answer = reader("GET", FEED)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    calendar = icalendar.Calendar.from_ical(answer.body.decode())
    assert {str(one["UID"]) for one in calendar.walk("VEVENT")} == {"a", "b"}
    assert calendar["X-WR-CALNAME"] == "Work"
    assert calendar["X-PUBLISHED-TTL"] == "PT30M"
    assert "private" in answer.headers["Cache-Control"]
    assert answer.headers["ETag"].startswith('"')
    assert answer.headers["Last-Modified"].endswith("GMT")
    assert box.service.touched == ["alice"]
    assert "WWW-Authenticate" not in answer.headers


def test_the_suffix_is_a_courtesy(reader):
    assert reader("GET", f"/feed/{TOKEN}").body == reader("GET", FEED).body


@pytest.mark.parametrize("again", [1, 2])
def test_who_has_the_version_gets_304_until_something_changes(reader, box, again):
    for _ in range(again):
        first = reader("GET", FEED)
    etag = first.headers["ETag"]
    for known in (etag, f'"x", {etag}', f"W/{etag}", "*"):
        answer = reader("GET", FEED, If_None_Match=known)
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag)
    assert reader("GET", FEED, If_Modified_Since=first.headers["Last-Modified"]).status == 304
    assert reader("GET", FEED, If_Modified_Since="Mon, 01 Jan 2001 00:00:00 GMT").status == 200
    assert reader("GET", FEED, If_Modified_Since="yesterday").status == 200
    other = reader("GET", FEED, If_None_Match='"x"', If_Modified_Since=first.headers["Last-Modified"])
    assert other.status == 200  # the tag outweighs the date
    box.service.seed(1, "c.ics", event("c"))
    changed = reader("GET", FEED, If_None_Match=etag)
    assert changed.status == 200
    assert changed.headers["ETag"] != etag
    assert b"UID:c" in changed.body
    assert reader("GET", FEED, If_Modified_Since=first.headers["Last-Modified"]).status == 200


def test_a_feed_is_compressed_but_not_for_microsoft(reader):
    plain = reader("GET", FEED)
    packed = reader("GET", FEED, Accept_Encoding="gzip, br", User_Agent="Google-Calendar-Importer")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert reader("GET", FEED, If_None_Match=packed.headers["ETag"], Accept_Encoding="gzip").status == 304
    for agent in (
        "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0)",
        "Microsoft.Exchange/15",
        "MSOffice 16",
    ):
        answer = reader("GET", FEED, Accept_Encoding="gzip", User_Agent=agent)
        assert answer.headers["Content-Encoding"] is None
        assert answer.body == plain.body
    assert reader("GET", FEED, Accept_Encoding="gzip;q=0").headers["Content-Encoding"] is None


def test_head_tells_the_same_without_the_body(reader, box):
    head = reader("HEAD", FEED)
    assert (head.status, head.body) == (200, b"")
    assert "feed_objects" not in box.service.calls
    got = reader("GET", FEED)
    assert head.headers["ETag"] == got.headers["ETag"]
    again = reader("HEAD", FEED)
    assert again.headers["Content-Length"] == str(len(got.body))
    assert reader("GET", FEED).body == got.body


def test_a_second_reader_costs_no_second_rendering(reader, box):
    first = reader("GET", FEED)
    second = reader("GET", FEED)
    assert second.body == first.body
    assert box.service.calls.count("feed_objects") == 1
    assert second.headers["Content-Length"] == str(len(first.body))


@pytest.mark.parametrize("detail", ["full", "title", "busy", "unknown"])
def test_a_feed_tells_no_more_than_it_may(reader, box, detail):
    box.service.feeds[TOKEN] = (1, detail)
    text = reader("GET", FEED).body.decode()
    assert ("SUMMARY:茶" in text) == (detail in ("full", "title"))


@pytest.mark.parametrize(
    "token", ["x" * 36, "short", "", "..", "x" * 5000, "a b", "日程" * 10, TOKEN.upper(), TOKEN[:-1]]
)
def test_unknown_revoked_and_malformed_addresses_look_the_same(reader, box, token):
    from urllib.parse import quote

    answer = reader("GET", f"/feed/{quote(token, safe='%')}.ics")
    revoked = reader("GET", f"/feed/{'r' * 36}.ics")
    assert (answer.status, answer.body if token else b"") == (404, revoked.body if token else b"")
    assert sorted(answer.headers)[:3] == sorted(revoked.headers)[:3]


def test_a_feed_can_only_be_read(reader):
    for method in ("PUT", "POST", "DELETE", "PROPFIND"):
        answer = reader(method, FEED)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_a_large_feed_is_streamed_and_whole(reader, box):
    text = "DESCRIPTION:" + "x" * 3000
    for number in range(400):
        box.service.seed(1, f"{number}.ics", event(f"n{number}", text))
    answer = reader("GET", FEED)
    assert answer.headers["Content-Length"] is None
    assert answer.body.count(b"BEGIN:VEVENT") == 402
    packed = reader("GET", FEED, Accept_Encoding="gzip")
    assert gzip.decompress(packed.body) == answer.body


def test_many_readers_at_once_get_the_same(box, reader):
    bodies = []

    def read():
        client = box.client(user="")
        bodies.append(client("GET", FEED).body)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(set(bodies)) == 1


def test_a_note_that_cannot_be_kept_is_no_reason_to_fail(reader, box):
    box.service.refusals["touch"] = RuntimeError()
    assert reader("GET", FEED).status == 200


def test_an_unknown_token_is_looked_up_like_a_known_one(box, reader):
    """The only difference in time may be what the look-up itself takes: there is one look-up in either case."""
    box.service.calls.clear()
    reader("GET", f"/feed/{'u' * 36}.ics")
    assert box.service.calls == ["feed"]
    began = time.monotonic()
    for _ in range(20):
        reader("GET", f"/feed/{'u' * 36}.ics")
    assert time.monotonic() - began < 5
    assert isinstance(box.service, FakeService)

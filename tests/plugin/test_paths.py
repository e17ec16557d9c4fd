"""Odd names, odd users, odd transports: all of it is somebody's client."""

import base64
import gzip
import socket
from urllib.parse import quote

import pytest
from davkit import event, running, tag

from bridge.config import Server

WORK = "/dav/alice/work/"
NAMES = ["urn:uuid:1-2.ics", "a,b.ics", "a b.ics", "日程 1.ics", "a'b\"c.ics", "a*b?c.ics", "a&b<c>.ics", "a%b.ics", "a+b.ics",
         "a@b.ics", "~a.ics", "a;b=c.ics", "a#b.ics", "no-suffix", "a\\b.ics", "é.ics", "e\u0301.ics", ".hidden.ics", "👍.ics",
         "x" * 200 + ".ics"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_an_object_stays_at_the_name_it_was_put_to(box, dav, name):
    path = WORK + quote(name, safe="")
    assert dav.put(path, event("a")).status == 201
    assert list(box.service.calendars[1].objects) == [name]
    assert dav("GET", path).body == event("a").encode()
    listed = dav.propfind(WORK, "D:getetag", depth="1")
    assert set(listed.parts) == {WORK, WORK + name}
    hrefs = [one.text for one in listed.xml.iter(tag("D:href"))]
    assert dav.multiget(WORK, *[href for href in hrefs if href != WORK]).parts[WORK + name].status == 200
    assert set(dav.sync(WORK).parts) == {WORK + name}
    assert dav("MOVE", path, Destination=quote(f"/dav/alice/second/{name}")).status == 201
    assert dav("DELETE", "/dav/alice/second/" + quote(name, safe="")).status == 204


@pytest.mark.parametrize("name", ["a%00b.ics", "a%0Ab.ics", "a%7Fb.ics", "%FF%FE.ics", "%C0%AF.ics"])
def test_names_that_no_path_can_have_are_bad_requests(dav, name):
    for method in ("GET", "PUT", "DELETE", "PROPFIND"):
        assert dav(method, WORK + name, event() if method == "PUT" else None).status == 400


def test_an_encoded_slash_makes_another_level(dav):
    assert dav("GET", WORK + "a%2Fb.ics").status == 404
    assert dav.put(WORK + "a%2Fb.ics", event()).status == 409


@pytest.mark.parametrize(
    "user", ["zhang@example.org", "张三", "a b", "o'neil", "x,y*z?", "A.B-C_d~", "50%", "用户@公司.cn"]
)
def test_users_of_any_name_have_a_home(box, user):
    box.service.add_user(user, mail=[f"mailto:{user}"])
    box.service.add_calendar(user, "cal")
    dav = box.client(user)
    home = f"/dav/{user}/"
    part = dav.propfind("/dav/", "D:current-user-principal").parts["/dav/"]
    assert part.hrefs("D:current-user-principal") == [quote(home)]
    assert set(dav.propfind(quote(home), "D:displayname", depth="1").parts) == {home, f"{home}cal/"}
    assert dav.put(quote(f"{home}cal/a.ics"), event("a")).status == 201
    assert list(dav.sync(quote(f"{home}cal/")).parts) == [f"{home}cal/a.ics"]
    assert box.client("alice").propfind(quote(home), "D:displayname").status == 403


def raw(port, *pieces):
    """Send bytes as they are; return the status line and the rest."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for piece in pieces:
            connection.sendall(piece)
        received = b""
        while part := connection.recv(65536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return head.decode("latin-1"), body


BASIC = "Basic " + base64.b64encode(b"alice:pw").decode()


def test_a_chunked_body_is_put_whole(box):
    text = event("a", "SUMMARY:" + "茶" * 5000).encode()
    chunks = [text[start : start + 997] for start in range(0, len(text), 997)]
    pieces = [f"{len(one):x}\r\n".encode() + one + b"\r\n" for one in chunks]
    head = (
        f"PUT {WORK}a.ics HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC}\r\nContent-Type: text/calendar\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    answer, _ = raw(box.port, head.encode(), *pieces, b"0\r\n\r\n")
    assert answer.startswith("HTTP/1.1 201")
    assert box.service.calendars[1].objects["a.ics"].text.encode() == text


def test_a_chunked_body_over_the_limit_is_refused(service):
    with running(service, Server(object_bytes_max=10_000, body_bytes_max=20_000)) as box:
        head = f"PUT {WORK}a.ics HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC}\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
        answer, _ = raw(box.port, head.encode(), chunk, chunk, chunk, b"0\r\n\r\n")
        assert answer.startswith("HTTP/1.1 413")


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET / HTTP/1.1\r\nHost: x\r\n" + "X-A: " + "a" * 70_000 + "\r\n\r\n", "431"),
        (
            "GET / HTTP/1.1\r\nHost: x\r\n"
            + "".join(f"X-{n}: {'a' * 100}\r\n" for n in range(1000))
            + "\r\n",
            "431",
        ),
        ("GET /" + "a" * 70_000 + " HTTP/1.1\r\nHost: x\r\n\r\n", "431"),
        ("NONSENSE\r\n\r\n", "400"),
        ("PUT /dav/alice/work/a.ics HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", "400"),
        (
            "PUT /dav/alice/work/a.ics HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999999999999\r\n\r\n",
            "413",
        ),
    ],
    ids=["one long header", "many headers", "a long path", "nonsense", "negative length", "absurd length"],
)
def test_what_is_no_proper_http_is_a_4xx(box, request_text, status):
    answer, _ = raw(box.port, request_text.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1).encode())
    assert answer.split()[1] == status


def test_a_client_that_goes_away_in_the_middle_of_its_body_changes_nothing(box, dav):
    head = (
        f"PUT {WORK}a.ics HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC}\r\nContent-Length: 1000\r\n\r\nBEGIN:"
    )
    with socket.create_connection(("127.0.0.1", box.port)) as connection:
        connection.sendall(head.encode())
    assert dav("GET", WORK + "a.ics").status == 404


def test_expect_100_continue_is_answered(box):
    text = event("a").encode()
    with socket.create_connection(("127.0.0.1", box.port), timeout=10) as connection:
        connection.sendall(
            f"PUT {WORK}a.ics HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC}\r\nExpect: 100-continue\r\n"
            f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode()
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(text)
        assert b"HTTP/1.1 201" in connection.recv(65536)


def test_answers_are_compressed_for_who_asks(box, dav):
    box.service.seed(1, "a.ics", event("a"))
    answer = dav("GET", WORK + "a.ics", Accept_Encoding="gzip, deflate")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body) == event("a").encode()
    head = dav("HEAD", WORK + "a.ics", Accept_Encoding="gzip")
    assert head.headers["Content-Length"] == str(len(answer.body))


@pytest.mark.parametrize(
    "seen", ["/cal/dav/alice/", "/dav/alice/"], ids=["prefix left in", "prefix taken off"]
)
def test_a_public_url_with_a_path_is_honoured_in_every_href(service, seen):
    service.seed(1, "a.ics", event("a"))
    with running(service, Server(public_url="https://example.com/cal")) as box:
        dav = box.client()
        home = "/cal/dav/alice/"
        parts = dav.propfind(seen, "C:calendar-home-set", depth="1").parts
        assert set(parts) == {home, f"{home}work/", f"{home}second/", f"{home}team/"}
        assert parts[home].hrefs("C:calendar-home-set") == [home]
        assert list(dav.sync(f"{seen}work/").parts) == [f"{home}work/a.ics"]
        assert dav.multiget(f"{seen}work/", f"{home}work/a.ics").parts[f"{home}work/a.ics"].status == 200
        to = f"https://example.com{home}second/a.ics"
        assert dav("MOVE", f"{seen}work/a.ics", Destination=to).status == 201
        moved = dav("PROPFIND", seen.removesuffix("dav/alice/") + ".well-known/caldav")
        assert (moved.status, moved.headers["Location"]) == (301, "/cal/dav/")


def test_a_proxy_is_believed_only_when_it_is_trusted(service):
    said = {"X_Script_Name": "/proxy", "X_Forwarded_Host": "cal.example.com", "X_Forwarded_Proto": "https",
            "X_Remote_User": "bob", "X_Forwarded_For": "192.0.2.1"}  # fmt: skip
    with running(service) as box:
        assert list(box.client().propfind("/dav/", "D:owner").parts) == ["/dav/"]
        answer = box.client()("PROPFIND", "/dav/alice/", **said)
        assert list(answer.parts) == ["/dav/alice/"]
        assert box.client(user="")("PROPFIND", "/dav/bob/", **said).status == 401
    with running(service, Server(trusted_proxies=("127.0.0.0/8",))) as box:
        answer = box.client()("PROPFIND", "/dav/alice/", **said)
        assert list(answer.parts) == ["/proxy/dav/alice/"]
        assert b"https://cal.example.com/proxy/dav/" in box.client(user="")("GET", "/", **said).body
        assert box.client(user="")("PROPFIND", "/dav/bob/", **said).status == 401


def test_a_calendar_whose_path_begins_like_the_prefix_is_not_mangled(service):
    """Radicale takes the prefix off again when a proxy header is there: /cal/dav-x would lose its beginning."""
    service.add_user("cal")
    service.add_calendar("cal", "dav")
    with running(service, Server(public_url="https://x/cal", trusted_proxies=("127.0.0.1",))) as box:
        answer = box.client("cal")(
            "PROPFIND", "/cal/dav/cal/dav/", X_Forwarded_For="192.0.2.1", X_Forwarded_Host="x"
        )
        assert list(answer.parts) == ["/cal/dav/cal/dav/"]

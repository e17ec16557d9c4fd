"""A real server over the fake engine, and short words to talk to it over real HTTP."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import http.client
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from fake_service import FakeService

from bridge.config import Server
from bridge.web import build_app
from bridge.web.serve import serve
from radicale_plugin.app import build_dav_app

if TYPE_CHECKING:
    from collections.abc import Iterator

NS = {
    "D": "DAV:",
    "C": "urn:ietf:params:xml:ns:caldav",
    "CS": "http://calendarserver.org/ns/",
    "ICAL": "http://apple.com/ns/ical/",
    "Q": "urn:queqiao",
}


def tag(name: str) -> str:
    prefix, local = name.split(":")
    return f"{{{NS[prefix]}}}{local}"


def event(uid: str = "a", *extra: str, start: str = "20260602T010000Z", end: str = "20260602T020000Z") -> str:
    """Return a small calendar object; ``extra`` are lines of its VEVENT."""
    value = ";VALUE=DATE" if len(start) == 8 else ""
    return calendar(
        [f"UID:{uid}", "DTSTAMP:20260101T000000Z", f"DTSTART{value}:{start}", f"DTEND{value}:{end}", *extra]
    )


def calendar(*events: list[str]) -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//test//EN"]
    for one in events:
        lines += ["BEGIN:VEVENT", *one, "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


@dataclasses.dataclass
class Part:
    """One D:response."""

    status: int
    found: dict[str, ET.Element]
    missing: set[str]
    statuses: dict[str, int]

    def text(self, name: str) -> str:
        return self.found[tag(name)].text or ""

    def hrefs(self, name: str) -> list[str]:
        return [one.text or "" for one in self.found[tag(name)].iter(tag("D:href"))]


@dataclasses.dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def xml(self) -> ET.Element:
        return ET.fromstring(self.body)  # our own answer

    @property
    def precondition(self) -> str | None:
        """Return the precondition inside a D:error body."""
        root = self.xml
        assert root.tag == tag("D:error")
        names = [
            child.tag for child in root if child.tag not in (tag("Q:message"), tag("D:responsedescription"))
        ]
        return names[0] if names else None

    @property
    def message(self) -> str:
        return self.xml.findtext(tag("Q:message")) or ""

    @property
    def parts(self) -> dict[str, Part]:
        """Return unquoted href -> what a multistatus says of it."""
        found: dict[str, Part] = {}
        for response in self.xml.iter(tag("D:response")):
            href = unquote(response.findtext(tag("D:href")) or "")
            status = response.findtext(tag("D:status"))
            part = Part(int(status.split()[1]) if status else 200, {}, set(), {})
            for propstat in response.iter(tag("D:propstat")):
                code = int((propstat.findtext(tag("D:status")) or "").split()[1])
                for prop in propstat.find(tag("D:prop")) or ():
                    part.statuses[prop.tag] = code
                    if code == 200:
                        part.found[prop.tag] = prop
                    else:
                        part.missing.add(prop.tag)
            assert href not in found, f"{href} is answered twice"
            found[href] = part
        return found

    @property
    def token(self) -> str:
        return self.xml.findtext(tag("D:sync-token")) or ""


class Dav:
    """A client of one user, with one kept-alive connection."""

    def __init__(self, port: int, user: str = "alice", password: str = "pw") -> None:  # noqa: S107
        self.user = user
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        secret = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {secret}"} if user else {}

    def __call__(self, method: str, path: str, body: str | bytes | None = None, **headers: str) -> Answer:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        raw = body.encode() if isinstance(body, str) else body
        self.connection.request(method, path, raw, {**self.headers, **named})
        answer = self.connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())

    # ---- requests that are long to write ------------------------------------------------------------------

    def put(self, path: str, text: str, **headers: str) -> Answer:
        return self("PUT", path, text, Content_Type="text/calendar; charset=utf-8", **headers)

    def propfind(self, path: str, *names: str, depth: str = "0") -> Answer:
        inner = "".join(f"<{name}/>" for name in names)
        return self(
            "PROPFIND", path, f"<D:propfind {_XMLNS}><D:prop>{inner}</D:prop></D:propfind>", Depth=depth
        )

    def report(self, path: str, name: str, inner: str) -> Answer:
        return self("REPORT", path, f"<{name} {_XMLNS}>{inner}</{name}>", Depth="1")

    def sync(self, path: str, token: str = "") -> Answer:
        inner = (
            f"<D:sync-token>{token}</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop>"
        )
        return self.report(path, "D:sync-collection", inner)

    def multiget(self, path: str, *hrefs: str, data: str = "<C:calendar-data/>") -> Answer:
        inner = "".join(f"<D:href>{href}</D:href>" for href in hrefs)
        return self.report(path, "C:calendar-multiget", f"<D:prop><D:getetag/>{data}</D:prop>{inner}")

    def query(self, path: str, filters: str, data: str = "", more: str = "") -> Answer:
        inner = f"<D:prop><D:getetag/>{data}</D:prop><C:filter>{filters}</C:filter>{more}"
        return self.report(path, "C:calendar-query", inner)

    def proppatch(self, path: str, inner: str) -> Answer:
        return self("PROPPATCH", path, f"<D:propertyupdate {_XMLNS}>{inner}</D:propertyupdate>")

    def close(self) -> None:
        self.connection.close()


_XMLNS = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())


def vevent(inner: str = "") -> str:
    """Return a filter on VEVENT."""
    return f'<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">{inner}</C:comp-filter></C:comp-filter>'


def times(start: str = "", end: str = "") -> str:
    attributes = (f' start="{start}"' if start else "") + (f' end="{end}"' if end else "")
    return f"<C:time-range{attributes}/>"


@dataclasses.dataclass
class Box:
    """The server, its engine, and clients."""

    service: FakeService
    port: int
    url: str
    _clients: list[Dav] = dataclasses.field(default_factory=list)

    def client(self, user: str = "alice", password: str = "pw") -> Dav:  # noqa: S107
        made = Dav(self.port, user, password)
        self._clients.append(made)
        return made

    def close(self) -> None:
        for one in self._clients:
            one.close()


@contextlib.contextmanager
def running(service: FakeService, options: Server | None = None, **more: Any) -> Iterator[Box]:
    """Serve ``service`` on a free port of loopback."""
    options = options or Server()
    dav = build_dav_app(
        service,
        object_bytes_max=options.object_bytes_max,
        body_bytes_max=options.body_bytes_max,
        public_url=options.public_url,
    )
    app = build_app(service, options, dav=dav, **more)
    server = serve(app, "127.0.0.1", 0, threads=4, body_bytes_max=options.body_bytes_max)
    box = Box(service, server.port, server.url)
    try:
        yield box
    finally:
        box.close()
        server.close()


def two_users() -> FakeService:
    """Return an engine with alice (work, second, and read-only "team") and bob (home)."""
    service = FakeService()
    service.add_user("alice", mail=["mailto:alice@example.org"])
    service.add_user("bob")
    service.add_calendar("alice", "work", D__displayname="Work")
    service.add_calendar("alice", "second")
    service.add_calendar("alice", "team", writable=False, reason="This calendar belongs to somebody else.")
    service.add_calendar("bob", "home")
    return service

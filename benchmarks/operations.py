"""The requests that real clients send, each prepared (untimed) and measured (timed)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.events import SHANGHAI, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.client import Answer, Client

POLL = (
    '<d:propfind xmlns:d="DAV:" xmlns:cs="http://calendarserver.org/ns/"><d:prop><cs:getctag/><d:sync-token/>'
    "</d:prop></d:propfind>"
)
LIST = '<d:propfind xmlns:d="DAV:"><d:prop><d:getetag/></d:prop></d:propfind>'
SYNC = (
    '<d:sync-collection xmlns:d="DAV:"><d:sync-token>{token}</d:sync-token><d:sync-level>1</d:sync-level>'
    "<d:prop><d:getetag/></d:prop></d:sync-collection>"
)
WEEK = (
    '<c:calendar-query xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:prop><d:getetag/><c:calendar-data/>'
    '</d:prop><c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">'
    '<c:time-range start="20260601T000000Z" end="20260608T000000Z"/></c:comp-filter></c:comp-filter></c:filter>'
    "</c:calendar-query>"
)
START_ONLY = (
    '<c:calendar-query xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:prop><d:getetag/></d:prop>'
    '<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"><c:time-range start="20260301T000000Z"/>'
    "</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
)
EXPANDED = WEEK.replace(
    "<c:calendar-data/>",
    '<c:calendar-data><c:expand start="20260601T000000Z" end="20260608T000000Z"/></c:calendar-data>',
)
FREE_BUSY = (
    '<c:free-busy-query xmlns:c="urn:ietf:params:xml:ns:caldav">'
    '<c:time-range start="20260601T000000Z" end="20260701T000000Z"/></c:free-busy-query>'
)
MULTIGET = (
    '<c:calendar-multiget xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:prop><d:getetag/>'
    "<c:calendar-data/></d:prop>{hrefs}</c:calendar-multiget>"
)


CHANGING = "changing-00000.ics"
"""The object whose categories change before "sync-collection, one change"."""


@dataclass(slots=True)
class Visit:
    """What one target's rounds share."""

    client: Client
    hrefs: list[str]
    round: int = 0
    own: list[str] = field(default_factory=list)
    """Objects that this run has put."""
    etags: dict[str, str] = field(default_factory=dict)
    token: str = ""
    whole_etag: str = ""
    """The whole calendar's entity tag."""
    has_changing: bool = False
    """Whether :data:`CHANGING` is there."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table."""

    name: str
    measure: Callable[[Visit], Answer]
    statuses: tuple[int, ...]
    prepare: Callable[[Visit], None] = lambda _visit: None
    rounds_max: int = 100
    """After so many counted rounds it is left out: stock takes half a minute to expand a week of 10,000 events."""
    same_hrefs: bool = False
    """Whether all targets must answer with the same set of objects."""


def poll(visit: Visit) -> Answer:
    """Ask for ctag and sync token, as phones do every few minutes."""
    return visit.client.ask("PROPFIND", "", POLL, Depth="0")


def list_etags(visit: Visit) -> Answer:
    """List every object."""
    return visit.client.ask("PROPFIND", "", LIST, Depth="1")


def sync_first(visit: Visit) -> Answer:
    """Synchronise from nothing."""
    return visit.client.ask("REPORT", "", SYNC.format(token=""))


def remember_token(visit: Visit) -> None:
    """Take the token of now."""
    visit.token = poll(visit).text_of("sync-token")


def sync_token(visit: Visit) -> Answer:
    """Synchronise from the remembered token."""
    return visit.client.ask("REPORT", "", SYNC.format(token=visit.token))


def one_change(visit: Visit) -> None:
    """Take the token, then change one object in a way that no vendor has to hear of."""
    if not visit.has_changing:
        _done(visit.client.ask("PUT", CHANGING, _body(CHANGING, "Changing")), 201)
        visit.has_changing = True
    remember_token(visit)
    body = _body(CHANGING, "Changing", extra=f"CATEGORIES:round{visit.round}")
    _done(visit.client.ask("PUT", CHANGING, body), 204, 201)


def week(visit: Visit) -> Answer:
    """Ask for one week with data."""
    return visit.client.ask("REPORT", "", WEEK)


def since(visit: Visit) -> Answer:
    """Ask for the tags of what ends after three months ago, as iOS and DAVx5 do."""
    return visit.client.ask("REPORT", "", START_ONLY)


def week_expanded(visit: Visit) -> Answer:
    """Ask for one week, every occurrence as an event of its own."""
    return visit.client.ask("REPORT", "", EXPANDED)


def free_busy(visit: Visit) -> Answer:
    """Ask when somebody is busy in a month."""
    return visit.client.ask("REPORT", "", FREE_BUSY, Depth="1")


def multiget(visit: Visit) -> Answer:
    """Fetch a hundred objects by name."""
    first = (visit.round * 100) % max(1, len(visit.hrefs) - 100)
    hrefs = "".join(
        f"<d:href>{visit.client.path}{name}</d:href>" for name in visit.hrefs[first : first + 100]
    )
    return visit.client.ask("REPORT", "", MULTIGET.format(hrefs=hrefs))


def get_item(visit: Visit) -> Answer:
    """Fetch one object."""
    return visit.client.ask("GET", visit.hrefs[(visit.round * 7919) % len(visit.hrefs)])


def get_collection(visit: Visit) -> Answer:
    """Fetch the whole calendar as one file."""
    return visit.client.ask("GET")


def remember_whole(visit: Visit) -> None:
    """Take the whole calendar's entity tag of now; stock Radicale names it at GET only."""
    visit.whole_etag = visit.client.ask("GET").headers.get("etag", "")


def get_unchanged(visit: Visit) -> Answer:
    """Ask for the whole calendar unless it is still the one we have."""
    return visit.client.ask("GET", If_None_Match=visit.whole_etag)


def put_new(visit: Visit) -> Answer:
    """Make an object."""
    name = f"put-{len(visit.own):05d}.ics"
    body = _body(name, f"New {len(visit.own)}")
    answer = visit.client.ask("PUT", name, body, If_None_Match="*")
    visit.own.append(name)
    return answer


def fetch_etag(visit: Visit) -> None:
    """Learn the entity tag of the object that is about to be changed."""
    name = visit.own[visit.round % len(visit.own)]
    visit.etags[name] = visit.client.ask("GET", name).headers.get("etag", "")


def put_changed(visit: Visit) -> Answer:
    """Change the title of an object."""
    name = visit.own[visit.round % len(visit.own)]
    body = _body(name, f"Changed {visit.round}")
    return visit.client.ask("PUT", name, body, If_Match=visit.etags[name])


def put_category(visit: Visit) -> Answer:
    """Change only what no vendor holds."""
    name = visit.own[visit.round % len(visit.own)]
    body = _body(name, f"Changed {visit.round}", extra=f"CATEGORIES:kept{visit.round}")
    return visit.client.ask("PUT", name, body, If_Match=visit.etags[name])


def _body(name: str, title: str, extra: str = "") -> str:
    """Return what an own object holds: on a day of its own that is still to come, as WeCom wants it."""
    uid = name.removesuffix(".ics")
    number = int(uid.rpartition("-")[2])
    day = dt.datetime.now(SHANGHAI).date() + dt.timedelta(days=7 + number % 28)
    return plain(uid, day=day, title=title, extra=extra)


def _done(answer: Answer, *statuses: int) -> None:
    """Insist that an untimed step worked."""
    if answer.status not in statuses:
        raise RuntimeError(f"{answer.status} instead of {statuses}: {answer.body[:300]!r}")


OPERATIONS = (
    Operation("PROPFIND 0, ctag and sync-token", poll, (207,)),
    Operation("PROPFIND 1, getetag", list_etags, (207,), same_hrefs=True),
    Operation("sync-collection, initial", sync_first, (207,)),
    Operation("sync-collection, no change", sync_token, (207,), prepare=remember_token),
    Operation("sync-collection, one change", sync_token, (207,), prepare=one_change, same_hrefs=True),
    Operation("calendar-query, one week with data", week, (207,), same_hrefs=True),
    Operation("calendar-query, start only, getetag", since, (207,), same_hrefs=True),
    Operation("calendar-query, one week expanded", week_expanded, (207,), rounds_max=3, same_hrefs=True),
    Operation("free-busy-query, one month", free_busy, (200,)),
    Operation("calendar-multiget, 100", multiget, (207,), same_hrefs=True),
    Operation("GET item", get_item, (200,)),
    Operation("GET collection", get_collection, (200,)),
    Operation("GET collection, If-None-Match", get_unchanged, (304, 200), prepare=remember_whole),
    Operation("PUT new", put_new, (201,)),
    Operation("PUT If-Match, new title", put_changed, (204, 201), prepare=fetch_etag),
    Operation("PUT If-Match, new category", put_category, (204, 201), prepare=fetch_etag),
)

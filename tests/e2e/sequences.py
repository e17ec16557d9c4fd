"""What programs that do not run here send from account set-up to a deletion, as data; the bodies are our own, of the same shape.

Known from public descriptions: Apple's load test of macOS and iOS, the sources of DAVx5, CalDavSynchronizer and Evolution. ``{…}`` is filled
from what earlier answers said: a step never knows an address that the program would not know.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

NAMES: Final = (
    'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:S="http://calendarserver.org/ns/" '
    'xmlns:A="http://apple.com/ns/ical/"'
)


@dataclass(frozen=True)
class Step:
    """One request and what its answer must be."""

    method: str
    path: str
    status: int = 207
    body: str = ""
    depth: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    has: tuple[str, ...] = ()
    """Elements, ``{namespace}name``, that must be there with content, in a propstat of 200."""
    learns: dict[str, str] = field(default_factory=dict)
    """Name for later steps: element whose text, or whose href, is remembered."""
    says: tuple[str, ...] = ()
    """Text that the body must hold."""
    lacks: tuple[str, ...] = ()


D: Final = "{DAV:}"
C: Final = "{urn:ietf:params:xml:ns:caldav}"
S: Final = "{http://calendarserver.org/ns/}"
XML: Final = {"Content-Type": "text/xml; charset=utf-8"}
ICS: Final = {"Content-Type": "text/calendar; charset=utf-8"}


def props(*names: str) -> str:
    """Return a propfind for ``names`` with their prefixes."""
    return f"<D:propfind {NAMES}><D:prop>{''.join(f'<{name}/>' for name in names)}</D:prop></D:propfind>"


def propfind(path: str, *names: str, depth: str = "0", **more: object) -> Step:
    return Step("PROPFIND", path, depth=depth, body=props(*names), headers=XML, **more)  # type: ignore[arg-type]


def query(filters: str, *names: str, **more: object) -> Step:
    wanted = "".join(f"<{name}/>" for name in names)
    body = (
        f"<C:calendar-query {NAMES}><D:prop>{wanted}</D:prop><C:filter><C:comp-filter name='VCALENDAR'>"
        f"<C:comp-filter name='VEVENT'>{filters}</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
    )
    return Step("REPORT", "{calendar}", depth="1", body=body, headers=XML, **more)  # type: ignore[arg-type]


def multiget(*hrefs: str, **more: object) -> Step:
    asked = "".join(f"<D:href>{href}</D:href>" for href in hrefs)
    body = f"<C:calendar-multiget {NAMES}><D:prop><D:getetag/><C:calendar-data/></D:prop>{asked}</C:calendar-multiget>"
    return Step("REPORT", "{calendar}", depth="1", body=body, headers=XML, **more)  # type: ignore[arg-type]


def sync(token: str, *names: str, **more: object) -> Step:
    wanted = "".join(f"<{name}/>" for name in (names or ("D:getetag",)))
    body = (
        f"<D:sync-collection {NAMES}><D:sync-token>{token}</D:sync-token><D:sync-level>1</D:sync-level>"
        f"<D:prop>{wanted}</D:prop></D:sync-collection>"
    )
    learns = {"token": f"{D}sync-token"}
    return Step("REPORT", "{calendar}", body=body, headers=XML, learns=learns, **more)  # type: ignore[arg-type]


def put(text: str, status: int, **headers: str) -> Step:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Step("PUT", "{calendar}{uid}.ics", status, body=text, headers=ICS | named)


FRESH: Final = {"If_None_Match": "*"}
OWNED: Final = {"If_Match": "{etag}"}
SEE_ETAG: Final = propfind("{calendar}{uid}.ics", "D:getetag", learns={"etag": f"{D}getetag"})
DELETE: Final = Step("DELETE", "{calendar}{uid}.ics", 204, headers={"If-Match": "{etag}"})

APPLE_HOME: Final = (
    "D:add-member", "C:supported-calendar-component-set", "D:current-user-privilege-set", "D:displayname", "S:getctag",
    "D:owner", "D:resourcetype", "D:sync-token", "D:supported-report-set", "A:calendar-color", "A:calendar-order",
    "C:calendar-timezone", "C:default-alarm-vevent-date", "C:schedule-calendar-transp", "D:quota-available-bytes",
    "S:push-transports", "S:pushkey", "S:allowed-sharing-modes", "S:publish-url", "D:resource-id", "C:max-attendees-per-instance",
)  # fmt: skip

APPLE_ACCOUNT: Final = (
    propfind("/.well-known/caldav", "D:current-user-principal", "D:principal-URL", "D:resourcetype",
             has=(f"{D}current-user-principal",), learns={"principal": f"{D}current-user-principal"}),
    Step("OPTIONS", "{principal}", 200),
    propfind("{principal}", "C:calendar-home-set", "C:calendar-user-address-set", "D:current-user-principal", "D:displayname",
             "S:dropbox-home-URL", "S:email-address-set", "S:notification-URL", "D:principal-collection-set", "D:principal-URL",
             "D:resource-id", "C:schedule-inbox-URL", "C:schedule-outbox-URL", "D:supported-report-set",
             has=(f"{C}calendar-home-set", f"{C}calendar-user-address-set"),
             says=("mailto:alice@example.com",), learns={"home": f"{C}calendar-home-set"}),
    propfind("{home}", *APPLE_HOME, depth="1", has=(f"{D}resourcetype", f"{S}getctag", f"{D}sync-token",
             f"{D}current-user-privilege-set", f"{C}supported-calendar-component-set")),
    Step("PROPPATCH", "{calendar}", headers=XML, lacks=("403", "409"),
         body=f"<D:propertyupdate {NAMES}><D:set><D:prop><A:calendar-color symbolic-color='custom'>#1BADF8FF"
              "</A:calendar-color><A:calendar-order>2</A:calendar-order></D:prop></D:set></D:propertyupdate>"),
)  # fmt: skip

MACOS: Final = (
    *APPLE_ACCOUNT,
    sync("", "D:getcontenttype", "D:getetag"),
    put("{event}", 201, **FRESH),
    SEE_ETAG,
    sync("{token}", "D:getcontenttype", "D:getetag", says=("{uid}.ics",)),
    multiget("{calendar}{uid}.ics", says=("SUMMARY:{uid} Planning",)),
    put("{changed}", 204, **OWNED),
    SEE_ETAG,
    put("{changed}", 412, If_Match='"stale"'),
    DELETE,
    sync("{token}", says=("{uid}.ics", "404")),
)

IOS: Final = (
    *APPLE_ACCOUNT,
    propfind("{calendar}", "S:getctag", "D:sync-token", has=(f"{S}getctag", f"{D}sync-token")),
    put("{event}", 201, **FRESH),
    query("<C:time-range start='20261101T000000Z'/>", "D:getetag", "D:getcontenttype", says=("{uid}.ics",)),
    multiget("{calendar}{uid}.ics", "{calendar}never.ics", says=("SUMMARY:{uid} Planning", "404")),
    SEE_ETAG,
    put("{changed}", 204, **OWNED),
    SEE_ETAG,
    DELETE,
    query("<C:time-range start='20261101T000000Z'/>", "D:getetag", lacks=("{uid}.ics",)),
)

DAVX5: Final = (
    propfind("/.well-known/caldav", "D:resourcetype", "D:displayname", "C:calendar-home-set", "D:current-user-principal",
             learns={"principal": f"{D}current-user-principal"}),
    Step("OPTIONS", "{principal}", 200),
    propfind("{principal}", "C:calendar-home-set", "C:calendar-user-address-set", "D:group-membership",
             "S:calendar-proxy-read-for", "S:calendar-proxy-write-for", learns={"home": f"{C}calendar-home-set"}),
    propfind("{home}", "D:resourcetype", "D:current-user-privilege-set", "D:displayname", "D:owner", "C:calendar-description",
             "A:calendar-color", "C:calendar-timezone", "C:supported-calendar-component-set", "S:source", depth="1",
             has=(f"{D}resourcetype", f"{D}current-user-privilege-set")),
    propfind("{calendar}", "C:max-resource-size", "D:supported-report-set", "S:getctag", "D:sync-token",
             has=(f"{D}supported-report-set", f"{S}getctag", f"{D}sync-token")),
    put("{event}", 201, **FRESH),
    query("<C:time-range start='20260901T000000Z'/>", "D:getetag", says=("{uid}.ics",)),
    multiget("{calendar}{uid}.ics", says=("SUMMARY:{uid} Planning",)),
    SEE_ETAG,
    put("{changed}", 204, **OWNED),
    SEE_ETAG,
    DELETE,
    Step("DELETE", "{calendar}{uid}.ics", 404),
)  # fmt: skip

OUTLOOK: Final = (
    propfind("/.well-known/caldav", "D:current-user-principal", learns={"principal": f"{D}current-user-principal"}),
    propfind("{principal}", "C:calendar-home-set", learns={"home": f"{C}calendar-home-set"}),
    propfind("{home}", "D:resourcetype", "D:displayname", "A:calendar-color", "D:current-user-privilege-set",
             "C:supported-calendar-component-set", "A:calendar-order", depth="1", has=(f"{D}resourcetype",)),
    propfind("{calendar}", "D:resourcetype", has=(f"{D}resourcetype",), says=("calendar",)),
    Step("OPTIONS", "{calendar}", 200),
    propfind("{calendar}", "D:supported-report-set", has=(f"{D}supported-report-set",), says=("calendar-query",)),
    propfind("{calendar}", "D:current-user-privilege-set", has=(f"{D}current-user-privilege-set",)),
    propfind("{principal}", "C:calendar-user-address-set", says=("mailto:alice@example.com",)),
    put("{event}", 201, **FRESH),
    query("<C:time-range start='20261001T000000Z' end='20271201T000000Z'/>", "D:getetag", says=("{uid}.ics",)),
    multiget("{calendar}{uid}.ics", says=("SUMMARY:{uid} Planning",)),
    SEE_ETAG,
    put("{changed}", 204, **OWNED),
    SEE_ETAG,
    DELETE,
)  # fmt: skip

EVOLUTION: Final = (
    Step("OPTIONS", "/dav/", 200),
    propfind("/dav/", "D:resourcetype", "D:current-user-principal", "D:principal-URL", "C:calendar-home-set",
             learns={"principal": f"{D}current-user-principal"}),
    propfind("{principal}", "C:calendar-home-set", "C:calendar-user-address-set", "C:schedule-outbox-URL",
             says=("mailto:alice@example.com",), learns={"home": f"{C}calendar-home-set"}),
    propfind("{home}", "D:displayname", "D:resourcetype", "C:calendar-description", "C:supported-calendar-component-set",
             "S:getctag", "A:calendar-color", "A:calendar-order", "D:current-user-privilege-set", depth="1",
             has=(f"{S}getctag",)),
    propfind("{calendar}", "S:getctag", has=(f"{S}getctag",)),
    query("", "D:getetag"),
    put("{event}", 201, **FRESH),
    Step("GET", "{calendar}{uid}.ics", 200, says=("SUMMARY:{uid} Planning",)),
    SEE_ETAG,
    put("{changed}", 204, **OWNED),
    SEE_ETAG,
    propfind("{calendar}", "S:getctag", has=(f"{S}getctag",)),
    DELETE,
)  # fmt: skip

SEQUENCES: Final = {
    "macos": MACOS, "ios": IOS, "davx5": DAVX5, "caldavsynchronizer": OUTLOOK, "evolution": EVOLUTION,
}  # fmt: skip

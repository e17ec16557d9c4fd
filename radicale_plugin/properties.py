"""The properties of our resources: what each is, and how it is written (RFC 4918 15, 3744, 4791, 5397, 6578)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from radicale_plugin import deadprops, scheduled
from radicale_plugin.context import Ask, http_date
from radicale_plugin.davxml import element, escape, href
from radicale_plugin.places import PEOPLE
from radicale_plugin.timezones import calendar_zone, calendar_zone_id
from radicale_plugin.transparency import is_transparent

if TYPE_CHECKING:
    from bridge.engine.api import CollectionView, ObjectView

MIN_DATE_TIME: Final = "19700101T000000Z"
MAX_DATE_TIME: Final = "21001231T235959Z"
"""First and last moment at which an event may begin (RFC 4791 5.2.6, 5.2.7); ``model.limits`` has the years."""
ITEM_TYPE: Final = "text/calendar; charset=utf-8; component=VEVENT"

Writer: TypeAlias = Callable[[], str | None]
"""Returns a whole property element, or None where the resource has no such property."""


class Resource:
    """Anything with an href: knows its properties by name."""

    default: tuple[str, ...] = ()
    """What ``allprop`` returns (RFC 4918 9.1); expensive or unusual ones must be asked for by name."""

    def __init__(self, ask: Ask, path: str) -> None:
        self.ask = ask
        self.href = ask.quoted(path)
        self._writers: dict[str, Writer] = {}

    @property
    def names(self) -> list[str]:
        """Return the names of all properties."""
        return [name for name, writer in self._writers.items() if writer() is not None]

    def write(self, name: str) -> str | None:
        """Return one property as an element, None if there is no such property."""
        writer = self._writers.get(name)
        return None if writer is None else writer()

    def common(self, privileges: Sequence[str], reports: Sequence[str], owner: str) -> dict[str, Writer]:
        """Return what everything below a login has."""
        ask = self.ask
        return {
            "D:current-user-principal": lambda: element(
                "D:current-user-principal", self._principal(ask.login.user)
            ),
            "D:principal-collection-set": lambda: element(
                "D:principal-collection-set",
                href(f"{ask.base}/") + href(f"{ask.base}/{ask.login.user}/{PEOPLE}/"),
            ),
            "D:owner": lambda: element("D:owner", self._principal(owner) if owner else ""),
            "D:current-user-privilege-set": lambda: _privileges(privileges),
            "D:supported-report-set": lambda: element(
                "D:supported-report-set",
                "".join(
                    f"<D:supported-report><D:report><{name}/></D:report></D:supported-report>"
                    for name in reports
                ),
            ),
        }

    def identity(self, *parts: object) -> Writer:
        """Return how to write a resource-id that stays as long as the resource does (RFC 5842 3.1)."""
        name = "/".join(map(str, ("queqiao", *parts)))
        return lambda: element(
            "D:resource-id", f"<D:href>{uuid.uuid5(uuid.NAMESPACE_OID, name).urn}</D:href>"
        )

    def _principal(self, user: str) -> str:
        return href(f"{self.ask.base}/{user}/")


def _privileges(names: Sequence[str]) -> str:
    inner = "".join(f"<D:privilege><{name}/></D:privilege>" for name in names)
    return element("D:current-user-privilege-set", inner)


READ: Final = ("D:read", "D:read-current-user-privilege-set")
WRITE: Final = ("D:write", "D:write-properties", "D:write-content", "D:bind", "D:unbind")
PEOPLE_REPORTS: Final = (
    "D:expand-property",
    "D:principal-match",
    "D:principal-property-search",
    "D:principal-search-property-set",
    "CS:calendarserver-principal-search",
)
"""Reports that every resource answers (RFC 3744 9.2 to 9.5, RFC 3253 3.8)."""
CALENDAR_REPORTS: Final = (
    "D:sync-collection",
    "C:calendar-multiget",
    "C:calendar-query",
    "C:free-busy-query",
    *PEOPLE_REPORTS,
)
ITEM_REPORTS: Final = ("C:calendar-multiget", "C:calendar-query", *PEOPLE_REPORTS)


class CalendarResource(Resource):
    """``/dav/USER/SLUG/``."""

    default = (
        "D:resourcetype",
        "D:displayname",
        "D:owner",
        "D:getetag",
        "D:getlastmodified",
        "D:getcontenttype",
        "D:sync-token",
        "CS:getctag",
        "D:current-user-principal",
    )

    def __init__(self, ask: Ask, view: CollectionView, *, writable: bool, object_bytes_max: int) -> None:
        super().__init__(ask, f"/{view.user}/{view.slug}/")
        self._props = view.props
        privileges = (*READ, "C:read-free-busy", *(WRITE if writable else ()))
        self._writers = {
            **self.common(privileges, CALENDAR_REPORTS, view.user),
            **_calendar_constants(object_bytes_max),
            "D:resource-id": self.identity(view.user, view.slug, view.id),
            "D:add-member": lambda: (
                element("D:add-member", f"<D:href>{self.href}</D:href>") if writable else None
            ),
            "C:max-attendees-per-instance": lambda: (
                element("C:max-attendees-per-instance", str(view.attendees_max))
                if view.attendees_max
                else None
            ),
            "C:calendar-timezone": lambda: _if(escape(calendar_zone(view)), "C:calendar-timezone"),
            "C:calendar-timezone-id": lambda: _if(escape(calendar_zone_id(view)), "C:calendar-timezone-id"),
            "C:schedule-calendar-transp": lambda: element(
                "C:schedule-calendar-transp", "<C:transparent/>" if is_transparent(view) else "<C:opaque/>"
            ),
            "D:displayname": lambda: element(
                "D:displayname", escape(view.props.get("D:displayname") or view.slug)
            ),
            "D:getetag": lambda: element("D:getetag", escape(view.etag)),
            "CS:getctag": lambda: element("CS:getctag", escape(view.etag)),
            "D:sync-token": lambda: element("D:sync-token", escape(view.sync_token)),
            "D:getlastmodified": lambda: element("D:getlastmodified", http_date(view.modified_ms)),
        }

    @property
    def names(self) -> list[str]:
        """Return the names of all properties, kept ones included."""
        return list(dict.fromkeys([*super().names, *self._kept()]))

    def write(self, name: str) -> str | None:
        """Return one property; what clients set is returned as they set it."""
        if name in self._writers:
            return super().write(name)
        value = self._props.get(name) if name != "tag" else None
        return None if value is None else deadprops.written(name, value)

    def _kept(self) -> list[str]:
        return [name for name in self._props if name != "tag"]


def _calendar_constants(object_bytes_max: int) -> dict[str, Writer]:
    """Return what is the same for every calendar."""
    constants: Mapping[str, str] = {
        "D:resourcetype": "<D:collection/><C:calendar/>",
        "D:getcontenttype": "text/calendar; charset=utf-8",
        "C:supported-calendar-component-set": '<C:comp name="VEVENT"/>',
        "C:supported-calendar-data": '<C:calendar-data content-type="text/calendar" version="2.0"/>',
        "C:supported-collation-set": "".join(
            f"<C:supported-collation>{name}</C:supported-collation>"
            for name in ("i;ascii-casemap", "i;octet", "i;unicode-casemap")
        ),
        "C:max-resource-size": str(object_bytes_max),
        "C:min-date-time": MIN_DATE_TIME,
        "C:max-date-time": MAX_DATE_TIME,
    }
    return {name: _constant(name, inner) for name, inner in constants.items()}


def _if(inner: str, name: str) -> str | None:
    return element(name, inner) if inner else None


def _constant(name: str, inner: str) -> Writer:
    text = element(name, inner)
    return lambda: text


PROTECTED: Final = frozenset(
    {
        "D:resourcetype", "D:getetag", "D:getlastmodified", "D:getcontenttype", "D:getcontentlength",
        "D:creationdate", "D:lockdiscovery", "D:supportedlock", "D:sync-token", "D:owner", "D:group", "D:acl",
        "D:current-user-principal", "D:current-user-privilege-set", "D:resource-id", "D:add-member",
        "D:supported-privilege-set",
        "D:supported-report-set", "D:principal-collection-set", "D:principal-URL", "D:alternate-URI-set",
        "D:inherited-acl-set", "D:acl-restrictions", "D:quota-available-bytes", "D:quota-used-bytes",
        "D:group-member-set", "D:group-membership",
        "CS:getctag", "CS:email-address-set", "C:calendar-user-type", "C:schedule-inbox-URL", "C:schedule-outbox-URL",
        "C:schedule-tag", "C:timezone-service-set", "C:calendar-home-set", "C:calendar-user-address-set",
        "C:supported-calendar-component-set",
        "C:supported-calendar-data", "C:supported-collation-set", "C:max-resource-size", "C:min-date-time",
        "C:max-date-time", "C:max-instances", "C:max-attendees-per-instance", "C:calendar-data",
        "tag",
    }
)  # fmt: skip
"""What PROPPATCH never changes: computed by the server, or fixed for all calendars."""


# ---- objects: written without an instance each, there may be ten thousand ------------------------------------


def _length(view: ObjectView) -> str:
    return f"<D:getcontentlength>{len(view.text.encode())}</D:getcontentlength>"


ITEM: Final[Mapping[str, Callable[[ObjectView], str]]] = {
    "D:getetag": lambda view: f'<D:getetag>"{view.etag}"</D:getetag>',
    "D:getcontenttype": lambda _view: f"<D:getcontenttype>{ITEM_TYPE}</D:getcontenttype>",
    "D:getlastmodified": lambda view: f"<D:getlastmodified>{http_date(view.modified_ms)}</D:getlastmodified>",
    "D:getcontentlength": _length,
    "D:resourcetype": lambda _view: "<D:resourcetype/>",
}
"""Properties of an object; those that depend on who asks are added by :func:`item_writers`."""
ITEM_DEFAULT: Final = tuple(ITEM)
NEEDS_MORE: Final = frozenset(
    {"D:getlastmodified", "D:getcontentlength", "C:calendar-data", "C:schedule-tag"}
)
"""What of an object takes more to write than its name and its tag."""


def needs_text(names: Iterable[str]) -> bool:
    """Return whether any of these properties takes the object itself."""
    return not NEEDS_MORE.isdisjoint(names)


def item_writers(ask: Ask, owner: str, *, writable: bool) -> dict[str, Callable[[ObjectView], str]]:
    """Return how to write each property of the objects of one calendar."""
    common = Resource(ask, "/").common((*READ, *(WRITE[:3] if writable else ())), ITEM_REPORTS, owner)
    writers: dict[str, Callable[[ObjectView], str]] = {**ITEM, "C:schedule-tag": ScheduleTag(ask)}
    return {**writers, **{name: same(writer() or "") for name, writer in common.items()}}


class ScheduleTag:
    """Writes the property that only meetings have (RFC 6638 3.2.10)."""

    absent: Final = "<C:schedule-tag/>"
    """What is not found at an object that is no meeting."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def __call__(self, view: ObjectView) -> str:
        """Return the element, "" for what is no meeting."""
        tag = scheduled.tag_of(self._ask, view)
        return "" if tag is None else element("C:schedule-tag", escape(tag))


def same(text: str) -> Callable[[ObjectView], str]:
    """Return a writer that writes ``text`` for every object."""
    return lambda _view: text

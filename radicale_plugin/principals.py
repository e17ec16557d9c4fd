"""Resources that are about people: the root, a principal, and whom that principal may find (RFC 3744, RFC 4791)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radicale_plugin import deadprops
from radicale_plugin.context import ENVIRON_SELF, Ask
from radicale_plugin.davxml import element, escape, href
from radicale_plugin.people import addresses_of
from radicale_plugin.places import INBOX, OUTBOX, PEOPLE
from radicale_plugin.properties import PEOPLE_REPORTS, READ, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bridge.engine.api import PersonView

MAIL: Final = "mailto:"
ATTENDEES_MAX: Final = 100
"""People of one request for busy times, as in ``engine.freebusy``."""
NEVER_CHANGES: Final = "http://queqiao.invalid/sync/inbox-0"
"""Sync token and ctag of the inbox."""
INBOX_REPORTS: Final = ("D:sync-collection", "C:calendar-multiget", "C:calendar-query", *PEOPLE_REPORTS)
INBOX_PRIVILEGES: Final = (
    "D:write-properties", "C:schedule-deliver", "C:schedule-deliver-invite", "C:schedule-deliver-reply",
    "C:schedule-query-freebusy",
)  # fmt: skip
OUTBOX_PRIVILEGES: Final = (
    "C:schedule-send", "C:schedule-send-invite", "C:schedule-send-reply", "C:schedule-send-freebusy",
)  # fmt: skip
"""RFC 6638 section 6: meetings are sent by putting them into a calendar, requests for busy times by POST."""


class Root(Resource):
    """``/dav/``: only there to say who you are."""

    default = ("D:resourcetype", "D:current-user-principal")

    def __init__(self, ask: Ask) -> None:
        super().__init__(ask, "/")
        alias = ask.environ.get(ENVIRON_SELF)
        if alias:
            self.href = Ask(ask.service, ask.login).quoted(str(alias))
        self._writers = {
            **self.common(READ, PEOPLE_REPORTS, ""),
            "D:resourcetype": lambda: element("D:resourcetype", "<D:collection/>"),
        }


class Kept(Resource):
    """A resource of one person that keeps what clients set on it besides what it knows by itself."""

    def __init__(self, ask: Ask, path: str, place: str) -> None:
        super().__init__(ask, path)
        self.user = ask.login.user
        self.place = place
        self._set: Mapping[str, str] | None = None

    @property
    def kept(self) -> Mapping[str, str]:
        """Return what clients set, read when it is first asked for."""
        if self._set is None:
            self._set = self.ask.service.person_props(self.user, self.place)
        return self._set

    @property
    def names(self) -> list[str]:
        """Return the names of all properties, kept ones included."""
        return list(dict.fromkeys([*super().names, *self.kept]))

    def write(self, name: str) -> str | None:
        """Return one property; what clients set is returned as they set it."""
        if name in self._writers:
            return super().write(name)
        value = self.kept.get(name)
        return None if value is None else deadprops.written(name, value)

    def is_own(self, name: str) -> bool:
        """Return whether a property is the server's to say."""
        return name in self._writers


class Principal(Kept):
    """``/dav/USER/``: principal and calendar home in one, as clients know it from Radicale."""

    default = (
        "D:resourcetype",
        "D:displayname",
        "D:current-user-principal",
        "D:principal-URL",
        "C:calendar-home-set",
        "C:calendar-user-address-set",
    )

    def __init__(self, ask: Ask, user: str) -> None:
        super().__init__(ask, f"/{user}/", "home")
        bind = () if ask.login.read_only else ("D:bind",)
        mine = self._principal(user)
        self._addresses: Sequence[str] | None = None
        self._user = user
        self._writers = {
            **self.common((*READ, *bind), PEOPLE_REPORTS, user),
            "D:resourcetype": lambda: element("D:resourcetype", "<D:principal/><D:collection/>"),
            "D:displayname": lambda: element("D:displayname", escape(user)),
            "D:resource-id": self.identity(user),
            "D:principal-URL": lambda: element("D:principal-URL", mine),
            "D:alternate-URI-set": lambda: element("D:alternate-URI-set", _hrefs(self.addresses)),
            "D:group-member-set": lambda: element("D:group-member-set"),
            "D:group-membership": lambda: element("D:group-membership"),
            "C:calendar-home-set": lambda: element("C:calendar-home-set", mine),
            "C:calendar-user-address-set": lambda: element(
                "C:calendar-user-address-set", _hrefs(self.addresses) + mine
            ),
            "C:calendar-user-type": lambda: element("C:calendar-user-type", "INDIVIDUAL"),
            "C:schedule-inbox-URL": lambda: element(
                "C:schedule-inbox-URL", href(f"{ask.base}/{user}/{INBOX}/")
            ),
            "C:schedule-outbox-URL": lambda: element(
                "C:schedule-outbox-URL", href(f"{ask.base}/{user}/{OUTBOX}/")
            ),
            "CS:email-address-set": lambda: element("CS:email-address-set", _mails(self.addresses)),
        }

    @property
    def addresses(self) -> Sequence[str]:
        """Return the user's ``mailto:`` addresses, looked up when one is asked for."""
        if self._addresses is None:
            self._addresses = addresses_of(self.ask.service, self._user)
        return self._addresses


class Inbox(Kept):
    """``/dav/USER/schedule-inbox/`` (RFC 6638 2.2): empty; invitations arrive in the calendars themselves."""

    default = ("D:resourcetype", "D:owner", "C:schedule-default-calendar-URL")

    def __init__(self, ask: Ask, user: str) -> None:
        super().__init__(ask, f"/{user}/{INBOX}/", "inbox")
        self._writers = {
            **self.common((*READ, *INBOX_PRIVILEGES), INBOX_REPORTS, user),
            "D:resourcetype": lambda: element("D:resourcetype", "<D:collection/><C:schedule-inbox/>"),
            "D:resource-id": self.identity(user, INBOX),
            "CS:getctag": lambda: element("CS:getctag", NEVER_CHANGES),
            "D:sync-token": lambda: element("D:sync-token", NEVER_CHANGES),
            "C:supported-calendar-component-set": lambda: element(
                "C:supported-calendar-component-set", '<C:comp name="VEVENT"/>'
            ),
            "C:schedule-default-calendar-URL": self._default_calendar,
        }

    def _default_calendar(self) -> str | None:
        """Write where the vendor puts invitations: the first calendar that can be written, None if there is none."""
        views = self.ask.views(self.user)
        view = next((one for one in views if one.writable), None)
        if view is None:
            return None
        return element("C:schedule-default-calendar-URL", href(f"{self.ask.base}/{view.user}/{view.slug}/"))


class Outbox(Resource):
    """``/dav/USER/schedule-outbox/`` (RFC 6638 2.1): takes requests for busy times."""

    default = ("D:resourcetype", "D:owner")

    def __init__(self, ask: Ask, user: str) -> None:
        super().__init__(ask, f"/{user}/{OUTBOX}/")
        self._writers = {
            **self.common((*READ, *OUTBOX_PRIVILEGES), PEOPLE_REPORTS, user),
            "D:resourcetype": lambda: element("D:resourcetype", "<D:collection/><C:schedule-outbox/>"),
            "D:resource-id": self.identity(user, OUTBOX),
            "C:supported-calendar-data": lambda: element(
                "C:supported-calendar-data", '<C:calendar-data content-type="text/calendar" version="2.0"/>'
            ),
            "C:max-attendees-per-instance": lambda: element(
                "C:max-attendees-per-instance", str(ATTENDEES_MAX)
            ),
        }


class People(Resource):
    """``/dav/USER/visible-people/``: a collection of principals that lists nobody, but can be searched."""

    default = ("D:resourcetype",)

    def __init__(self, ask: Ask, user: str) -> None:
        super().__init__(ask, f"/{user}/{PEOPLE}/")
        self._writers = {
            **self.common(READ, PEOPLE_REPORTS, user),
            "D:resourcetype": lambda: element("D:resourcetype", "<D:collection/>"),
        }


class Person(Resource):
    """``/dav/USER/visible-people/ADDRESS/``: a colleague as this user may see them: a name and an address."""

    default = ("D:resourcetype", "D:displayname", "D:principal-URL", "C:calendar-user-address-set")

    def __init__(self, ask: Ask, user: str, person: PersonView) -> None:
        path = f"/{user}/{PEOPLE}/{person.address.removeprefix(MAIL)}/"
        super().__init__(ask, path)
        self._writers = {
            **self.common(READ, PEOPLE_REPORTS, ""),
            "D:resourcetype": lambda: element("D:resourcetype", "<D:principal/>"),
            "D:displayname": lambda: element("D:displayname", escape(shown_name(person))),
            # Of the calendars of others none is seen: an empty home, without which python-caldav fails.
            "C:calendar-home-set": lambda: element("C:calendar-home-set", f"<D:href>{self.href}</D:href>"),
            "D:resource-id": self.identity("person", person.address),
            "D:principal-URL": lambda: element("D:principal-URL", f"<D:href>{self.href}</D:href>"),
            "D:alternate-URI-set": lambda: element("D:alternate-URI-set", _hrefs([person.address])),
            "D:group-member-set": lambda: element("D:group-member-set"),
            "D:group-membership": lambda: element("D:group-membership"),
            "C:calendar-user-address-set": lambda: element(
                "C:calendar-user-address-set", _hrefs([person.address])
            ),
            "C:calendar-user-type": lambda: element("C:calendar-user-type", "INDIVIDUAL"),
            "CS:email-address-set": lambda: element("CS:email-address-set", _mails([person.address])),
        }


def shown_name(person: PersonView) -> str:
    """Return a person's name, or the address of one whose name nobody told."""
    return person.name or person.address.removeprefix(MAIL)


def person_at(ask: Ask, address: str) -> PersonView | None:
    """Return the person of a path below ``visible-people``, None for somebody whom the user may not find."""
    wanted = f"{MAIL}{address.lower()}"
    return next((one for one in ask.service.visible_people(ask.login.user) if one.address == wanted), None)


def _hrefs(addresses: Iterable[str]) -> str:
    return "".join(f"<D:href>{escape(address)}</D:href>" for address in addresses)


def _mails(addresses: Iterable[str]) -> str:
    return "".join(
        element("CS:email-address", escape(one.removeprefix(MAIL)))
        for one in addresses
        if one.startswith(MAIL)
    )

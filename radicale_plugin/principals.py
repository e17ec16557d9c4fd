"""Resources that are about people: the root, a principal, and whom that principal may find (RFC 3744, RFC 4791)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radicale_plugin.context import ENVIRON_SELF, Ask
from radicale_plugin.davxml import element, escape
from radicale_plugin.people import addresses_of
from radicale_plugin.places import PEOPLE
from radicale_plugin.properties import PEOPLE_REPORTS, READ, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.engine.api import PersonView

MAIL: Final = "mailto:"


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


class Principal(Resource):
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
        super().__init__(ask, f"/{user}/")
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
            "CS:email-address-set": lambda: element("CS:email-address-set", _mails(self.addresses)),
        }

    @property
    def addresses(self) -> Sequence[str]:
        """Return the user's ``mailto:`` addresses, looked up when one is asked for."""
        if self._addresses is None:
            self._addresses = addresses_of(self.ask.service, self._user)
        return self._addresses


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

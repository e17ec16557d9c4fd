"""Reports about people: who is there, who am I, and what stands behind an href (RFC 3744 section 9, RFC 3253 3.8).

Searches go through those whom the asker may find, never through the vendor: they cost no call and tell of nobody else.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from bridge.errors import Refused
from radicale_plugin import davxml, preferences, respond
from radicale_plugin.context import sanitise, segments
from radicale_plugin.principals import MAIL, Person, Principal, shown_name
from radicale_plugin.propfind import NAMES_MAX, Wanted, prop_names, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from radicale_plugin.properties import Resource
    from radicale_plugin.resources import Resources

FOUND_MAX: Final = 100
"""People in one answer. A search that meets more says so; nobody reads a longer list."""
TOKENS_MAX: Final = 20
"""Words of one search."""
EXPAND_DEPTH_MAX: Final = 4
"""How many hrefs deep an expand-property goes."""
EXPANDED_MAX: Final = 500
"""Resources that one expand-property writes."""
SEARCHED: Final = {
    "D:displayname": "Name",
    "C:calendar-user-address-set": "Calendar address",
    "CS:email-address-set": "E-mail address",
}
"""Properties that can be searched, and what a person calls them."""
SEARCH_PARTS: Final = frozenset(
    {
        "D:prop", "D:property-search", "D:apply-to-principal-collection-set", "CS:search-token", "CS:limit",
        "CS:nresults",
    }
)  # fmt: skip
"""What else stands in a search besides properties."""
_NAME: Final = re.compile(r"[^\W\d][\w.-]*")
"""A name as XML has it, without a prefix."""
_HREF: Final = re.compile(r"<D:href>([^<]*)</D:href>")


@dataclass(frozen=True, slots=True)
class _Known:
    """One person to search through."""

    name: str
    addresses: tuple[str, ...]
    resource: Callable[[], Resource]

    def values(self, name: str) -> tuple[str, ...]:
        """Return what stands in a property, as a search sees it."""
        match name:
            case "D:displayname":
                return (self.name,)
            case "C:calendar-user-address-set":
                return self.addresses
            case "CS:email-address-set":
                return tuple(one.removeprefix(MAIL) for one in self.addresses)
            case _:
                return ()


def answer(resources: Resources, root: ET.Element) -> respond.Answer | None:
    """Answer one of the reports about people; None for any other."""
    reports: dict[str, Callable[[Resources, ET.Element], respond.Answer]] = {
        "D:principal-property-search": _property_search,
        "D:principal-search-property-set": _property_set,
        "D:principal-match": _principal_match,
        "D:expand-property": _expand,
        "CS:calendarserver-principal-search": _word_search,
    }
    report = reports.get(davxml.human(root.tag))
    return None if report is None else report(resources, root)


# ---- searching ----------------------------------------------------------------------------------------------


def _everybody(resources: Resources) -> Iterator[_Known]:
    ask = resources.ask
    user = ask.login.user
    me = Principal(ask, user)
    yield _Known(user, tuple(me.addresses), lambda: me)
    for person in ask.service.visible_people(user):
        yield _Known(shown_name(person), (person.address,), lambda one=person: Person(ask, user, one))  # type: ignore[misc]


def _property_search(resources: Resources, root: ET.Element) -> respond.Answer:
    """``D:principal-property-search`` (RFC 3744 9.4); ``test`` and ``match-type`` as Apple's server has them."""
    searches = [child for child in root if davxml.human(child.tag) == "D:property-search"]
    if len(searches) > TOKENS_MAX:
        msg = f"A principal-property-search holds at most {TOKENS_MAX} property-search elements."
        raise Refused(msg, http_status=400)
    if not searches:  # nobody lists a directory, but an error makes some web clients stop: you find yourself
        me = Principal(resources.ask, resources.ask.login.user)
        return respond.multistatus(davxml.multistatus([written(me, Wanted(_wanted(root)))]))
    tests = [_read_test(one) for one in searches]
    every = (root.get("test") or "allof") != "anyof"

    def meets(one: _Known) -> bool:
        results = (test(one) for test in tests)
        return all(results) if every else any(results)

    return _found(resources, root, meets, FOUND_MAX)


def _read_test(element: ET.Element) -> Callable[[_Known], bool]:
    parts = {davxml.human(child.tag): child for child in element}
    prop, match = parts.get("D:prop"), parts.get("D:match")
    if prop is None or match is None or not len(prop):
        msg = "A property-search names properties in D:prop and words in D:match."
        raise Refused(msg, http_status=400)
    names = prop_names(prop)
    is_like = _comparison(match.get("match-type") or "contains", match.text or "")
    return lambda one: all(any(map(is_like, one.values(name))) for name in names)


def _comparison(kind: str, words: str) -> Callable[[str], bool]:
    wanted = words.strip().casefold()
    match kind:
        case "equals":
            return lambda value: value.casefold() == wanted
        case "starts-with":
            return lambda value: value.casefold().startswith(wanted)
        case "ends-with":
            return lambda value: value.casefold().endswith(wanted)
        case _:
            return lambda value: wanted in value.casefold()


def _word_search(resources: Resources, root: ET.Element) -> respond.Answer:
    """Apple's ``calendarserver-principal-search``: every word begins a name or stands in an address."""
    tokens = [
        (child.text or "").strip().casefold()
        for child in root
        if davxml.human(child.tag) == "CS:search-token"
    ]
    tokens = [token for token in tokens if token]
    if not tokens or len(tokens) > TOKENS_MAX:
        msg = f"A calendarserver-principal-search holds 1 to {TOKENS_MAX} search-token elements."
        raise Refused(msg, http_status=400)
    limits = [
        child.findtext(davxml.clark("CS:nresults")) for child in root if davxml.human(child.tag) == "CS:limit"
    ]
    asked = [int(text) for text in limits if text and text.strip().isdecimal()]
    if (root.get("context") or "") in ("location", "resource"):  # no vendor's rooms are known here
        return respond.multistatus(davxml.multistatus(()))

    def meets(one: _Known) -> bool:
        words = [one.name.casefold(), *one.name.casefold().split()]
        mails = [mail.casefold() for mail in one.values("CS:email-address-set")]
        return all(
            any(word.startswith(token) for word in words)
            or token in one.name.casefold()
            or any(token in mail for mail in mails)
            for token in tokens
        )

    return _found(resources, root, meets, min([FOUND_MAX, *asked]))


def _wanted(root: ET.Element) -> tuple[str, ...]:
    """Return the properties to tell: those in D:prop, and those that python-caldav writes beside an empty one."""
    prop = next((child for child in root if davxml.human(child.tag) == "D:prop"), None)
    if prop is None or len(prop):
        return prop_names(prop) if prop is not None else ()
    beside = ET.Element("beside")
    beside.extend(child for child in root if davxml.human(child.tag) not in SEARCH_PARTS)
    return prop_names(beside)


def _found(
    resources: Resources,
    root: ET.Element,
    meets: Callable[[_Known], bool],
    most: int,
) -> respond.Answer:
    """Write who meets a search; if they are too many, the first ones and a 507 for the rest (RFC 3744 9.4)."""
    wanted = Wanted(_wanted(root))
    parts: list[str] = []
    for one in _everybody(resources):
        if not meets(one):
            continue
        if len(parts) >= most:
            parts.append(_too_many(resources))
            break
        parts.append(written(one.resource(), wanted))
    return respond.multistatus(davxml.multistatus(parts))


def _too_many(resources: Resources) -> str:
    ask = resources.ask
    return (
        f"<D:response><D:href>{ask.quoted(ask.path)}</D:href><D:status>HTTP/1.1 507 Insufficient Storage</D:status>"
        "<D:error><D:number-of-matches-within-limits/></D:error>"
        "<D:responsedescription>There are more; search for more letters.</D:responsedescription></D:response>"
    )


def _property_set(resources: Resources, root: ET.Element) -> respond.Answer:
    """``D:principal-search-property-set`` (RFC 3744 9.5)."""
    del resources, root
    inner = (
        f"<D:principal-search-property><D:prop>{davxml.element(name)}</D:prop>"
        f'<D:description xml:lang="en">{words}</D:description></D:principal-search-property>'
        for name, words in SEARCHED.items()
    )
    return respond.xml(200, davxml.document("D:principal-search-property-set", inner))


# ---- who I am -----------------------------------------------------------------------------------------------


def _principal_match(resources: Resources, root: ET.Element) -> respond.Answer:
    """``D:principal-match`` (RFC 3744 9.3): the asker's principal, or what names the asker in a property."""
    parts = {davxml.human(child.tag): child for child in root}
    prop = parts.get("D:prop")
    wanted = Wanted(prop_names(prop) if prop is not None else ())
    below = resources.ask.parts
    if "D:self" in parts:
        mine = [one for one in resources.own()[:1] if len(below) < 2]
    elif "D:principal-property" in parts:
        names = prop_names(parts["D:principal-property"])
        me = resources.ask.quoted(f"/{resources.ask.login.user}/")
        mine = [one for one in _below(resources) if any(_names(one, name, me) for name in names)]
    else:
        msg = "A principal-match holds D:self or D:principal-property."
        raise Refused(msg, http_status=400)
    return respond.multistatus(davxml.multistatus(written(one, wanted) for one in mine))


def _below(resources: Resources) -> list[Resource]:
    parts = resources.ask.parts
    if len(parts) < 2:
        return resources.own()
    found = resources.at(parts)
    return [] if found is None else [found]


def _names(resource: Resource, name: str, me: str) -> bool:
    return f"<D:href>{me}</D:href>" in (resource.write(name) or "")


# ---- what stands behind an href -----------------------------------------------------------------------------


def _expand(resources: Resources, root: ET.Element) -> respond.Answer:
    """``D:expand-property`` (RFC 3253 3.8): properties whose hrefs are replaced by what they lead to."""
    found = resources.at(resources.ask.parts)
    if found is None:
        msg = "This report is for principals and calendars, not for objects."
        raise Refused(msg, precondition="D:supported-report")
    return respond.multistatus(davxml.multistatus([_Expansion(resources).written(found, root, 0)]))


class _Expansion:
    """Writes one answer, and counts what it holds."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._count = 0

    def written(self, resource: Resource, request: ET.Element, depth: int) -> str:
        """Return one response with the properties that ``request`` names."""
        self._count += 1
        if depth > EXPAND_DEPTH_MAX or self._count > EXPANDED_MAX:
            msg = "This expand-property leads too far; ask for less at once."
            raise Refused(msg, precondition="D:number-of-matches-within-limits")
        found, missing = [], []
        for child in _properties(request):
            name = davxml.human(f"{{{child.get('namespace') or 'DAV:'}}}{child.get('name') or ''}")
            text = resource.write(name)
            if text is None:
                missing.append(davxml.element(name))
            elif len(child):
                found.append(self._led(text, child, depth))
            else:
                found.append(text)
        minimal = preferences.honoured(resource.ask, preferences.MINIMAL)
        return davxml.response(resource.href, found, () if minimal else missing)

    def _led(self, text: str, request: ET.Element, depth: int) -> str:
        """Return a property with what stands behind each of its hrefs."""
        return _HREF.sub(lambda match: self._behind(match.group(1), request, depth), text)

    def _behind(self, quoted: str, request: ET.Element, depth: int) -> str:
        ask = self._resources.ask
        path = sanitise(unquote(unescape(quoted)))
        inside = quoted.startswith("/") and (path + "/").startswith(ask.base + "/")
        target = self._resources.at(segments(path[len(ask.base) :])) if inside else None
        return davxml.gone(quoted) if target is None else self.written(target, request, depth + 1)


def _properties(request: ET.Element) -> Iterable[ET.Element]:
    names = [child for child in request if davxml.human(child.tag) == "D:property"]
    if len(names) > NAMES_MAX or not all(
        _NAME.fullmatch(child.get("name") or "") and "}" not in (child.get("namespace") or "")
        for child in names
    ):
        msg = "Each D:property of an expand-property has the name, and the namespace, of a property."
        raise Refused(msg, http_status=400)
    return names

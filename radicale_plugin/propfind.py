"""PROPFIND (RFC 4918 section 9.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.engine.api import ObjectView
from bridge.errors import Missing, Refused
from radicale_plugin import davxml, preferences, respond
from radicale_plugin.davxml import quote_segment
from radicale_plugin.places import special
from radicale_plugin.properties import ITEM_DEFAULT, Resource, ScheduleTag, item_writers, needs_text
from radicale_plugin.resources import Resources

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Callable, Iterator, Sequence

    from bridge.engine.api import CollectionView
    from radicale_plugin.context import Ask

HREF_MARK: Final = "queqiao-href-mark"
ETAG_MARK: Final = "queqiao-etag-mark"
"""Stand in a pattern where an object's name and tag go; nothing else of a response looks like them."""
NAMES_MAX: Final = 500
"""Properties asked for in one request; Apple asks for about forty."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which properties a request wants."""

    names: tuple[str, ...] = ()
    everything: bool = False
    """``allprop``: the resource's default ones, and ``names``."""
    only_names: bool = False


def read_wanted(root: ET.Element | None) -> Wanted:
    """Read a ``D:propfind`` body; an empty one means ``allprop``. Raises Refused (400)."""
    if root is None:
        return Wanted(everything=True)
    children = {davxml.human(child.tag): child for child in root}
    if davxml.human(root.tag) == "D:propfind":
        if "D:prop" in children:
            return Wanted(prop_names(children["D:prop"]))
        if "D:allprop" in children:
            include = children.get("D:include")
            return Wanted(prop_names(include) if include is not None else (), everything=True)
        if "D:propname" in children:
            return Wanted(only_names=True)
    msg = "This is not a PROPFIND body."
    raise Refused(msg, http_status=400)


def prop_names(element: ET.Element) -> tuple[str, ...]:
    """Return the names inside a ``D:prop``, each once."""
    names = tuple(dict.fromkeys(davxml.human(child.tag) for child in element))
    if len(names) > NAMES_MAX:
        msg = "Too many properties are asked for."
        raise Refused(msg, http_status=400)
    return names


def answer(ask: Ask, may_write: Callable[[CollectionView], bool], object_bytes_max: int) -> respond.Answer:
    """Answer a PROPFIND whose path the asker may read. Raises Missing, Refused."""
    depth = ask.header("DEPTH").strip().lower() or "0"
    if depth not in ("0", "1", "infinity"):
        msg = "Depth must be 0, 1 or infinity."
        raise Refused(msg, http_status=400)
    wanted = read_wanted(davxml.parse(ask.body()))
    listing = _Listing(ask, wanted, may_write, object_bytes_max)
    return respond.multistatus(davxml.multistatus(listing.responses(with_children=depth != "0")))


class _Listing:
    """Writes the responses of one PROPFIND."""

    def __init__(
        self, ask: Ask, wanted: Wanted, may_write: Callable[[CollectionView], bool], object_bytes_max: int
    ) -> None:
        self._ask = ask
        self._wanted = wanted
        self._may_write = may_write
        self._resources = Resources(ask, may_write, object_bytes_max)

    def responses(self, *, with_children: bool) -> Iterator[str]:
        parts = self._ask.parts
        if len(parts) < 2 or special(parts):  # user and slug
            found = self._resources.at(parts)
            if found is None:
                msg = "There is nothing at this place."
                raise Missing(msg)
            if not self._without_root(with_children=with_children):
                yield self._resource(found)
            if with_children and len(parts) < 2:
                own = self._resources.own()
                yield from map(self._resource, own[1:] if parts else own[:1])
            return
        view = self._ask.calendar()
        if len(parts) == 2:
            if not self._without_root(with_children=with_children):
                yield self._resource(self._resources.calendar(view))
            if with_children:
                yield from self._items(view, None)
            return
        one = self._ask.service.get(view.id, parts[2]) if len(parts) == 3 else None
        if one is None:
            msg = "There is no such object."
            raise Missing(msg)
        yield from self._items(view, [one])

    def _without_root(self, *, with_children: bool) -> bool:
        return with_children and preferences.honoured(self._ask, preferences.NO_ROOT)

    def _resource(self, resource: Resource) -> str:
        return written(resource, self._wanted)

    def _items(self, view: CollectionView, objects: Sequence[ObjectView] | None) -> Iterator[str]:
        """Write some objects of a calendar, or with None all of them."""
        writers = item_writers(self._ask, view.user, writable=self._may_write(view))
        wanted = self._wanted
        if wanted.only_names:
            fixed = "".join(davxml.element(name) for name in writers)
            writers = {"": lambda _view: fixed}
            names: tuple[str, ...] = ("",)
        elif wanted.everything:
            names = tuple(dict.fromkeys((*ITEM_DEFAULT, *wanted.names)))
        else:
            names = wanted.names
        found, missing = [writers[n] for n in names if n in writers], [n for n in names if n not in writers]
        if objects is None and not needs_text(names):
            yield from listed(self._ask, view, found, missing)
            return
        every = self._ask.service.get_all(view.id) if objects is None else objects
        yield from item_responses(self._ask, view, every, found, missing)


def written(resource: Resource, wanted: Wanted) -> str:
    """Write one resource that is no object of a calendar."""
    if wanted.only_names:
        return davxml.response(resource.href, [davxml.element(name) for name in resource.names], ())
    names = wanted.names
    if wanted.everything:
        names = tuple(dict.fromkeys((*resource.default, *names)))
    found, missing = [], []
    for name in names:
        text = resource.write(name)
        if text is not None:
            found.append(text)
        elif name not in resource.default or name in wanted.names:
            missing.append(davxml.element(name))
    minimal = preferences.honoured(resource.ask, preferences.MINIMAL)
    return davxml.response(resource.href, found, () if minimal else missing)


def listed(
    ask: Ask,
    view: CollectionView,
    found: Sequence[Callable[[ObjectView], str]],
    missing: Sequence[str],
) -> Iterator[str]:
    """Write what ``item_responses`` writes of every object, without reading texts: see ``TEXTLESS``."""
    sample = ObjectView(href=HREF_MARK, uid="", text="", etag=ETAG_MARK, starts_ms=0, ends_ms=0, recurring=False,
                        modified_ms=0)  # fmt: skip
    (pattern,) = item_responses(ask, view, [sample], found, missing)
    start, rest = pattern.split(HREF_MARK, 1)
    middle, *ends = rest.split(ETAG_MARK)
    for href, etag in ask.service.etags(view.id):
        yield f"{start}{quote_segment(href)}{etag.join((middle, *ends))}"


def item_responses(
    ask: Ask,
    view: CollectionView,
    objects: Sequence[ObjectView],
    found: Sequence[Callable[[ObjectView], str]],
    missing: Sequence[str],
) -> Iterator[str]:
    """Write one ``D:response`` per object; the part that is the same for all is joined once."""
    if preferences.honoured(ask, preferences.MINIMAL):
        missing = ()
    if any(isinstance(write, ScheduleTag) for write in found):
        yield from _with_schedule_tags(ask, view, objects, found, missing)
        return
    start = f"<D:response><D:href>{calendar_href(ask, view)}"
    if found or not missing:
        middle, end = (
            "</D:href><D:propstat><D:prop>",
            "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>",
        )
    else:
        middle, end = "</D:href>", ""
    if missing:
        end += davxml.propstat("404 Not Found", [davxml.element(name) for name in missing])
    end += "</D:response>"
    if len(found) == 1:
        write = found[0]
        for one in objects:
            yield f"{start}{quote_segment(one.href)}{middle}{write(one)}{end}"
    else:
        for one in objects:
            yield f"{start}{quote_segment(one.href)}{middle}{''.join([write(one) for write in found])}{end}"


def _with_schedule_tags(
    ask: Ask,
    view: CollectionView,
    objects: Sequence[ObjectView],
    found: Sequence[Callable[[ObjectView], str]],
    missing: Sequence[str],
) -> Iterator[str]:
    """Write objects of which some have a Schedule-Tag and others have none."""
    start, lacking = calendar_href(ask, view), [davxml.element(name) for name in missing]
    minimal = preferences.honoured(ask, preferences.MINIMAL)
    for one in objects:
        texts = [write(one) for write in found]
        absent = [ScheduleTag.absent] if "" in texts and not minimal else []
        yield davxml.response(
            f"{start}{quote_segment(one.href)}", [text for text in texts if text], [*lacking, *absent]
        )


def calendar_href(ask: Ask, view: CollectionView) -> str:
    """Return a calendar's href, which ends with a slash."""
    return ask.quoted(f"/{view.user}/{view.slug}/")

"""REPORT: sync-collection (RFC 6578), calendar-multiget, calendar-query, free-busy-query (RFC 4791 section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from bridge.engine.api import CollectionView, ObjectView, SyncTokenInvalid
from bridge.errors import Refused
from bridge.ical import zones
from radicale_plugin import davxml, finding, respond, timezones
from radicale_plugin.context import Ask, sanitise, segments
from radicale_plugin.expanding import expanded
from radicale_plugin.filters import TimeRange, read_times
from radicale_plugin.freebusy import free_busy
from radicale_plugin.places import INBOX, special
from radicale_plugin.principals import INBOX_REPORTS, NEVER_CHANGES
from radicale_plugin.properties import ITEM_DEFAULT, item_writers, needs_text, same
from radicale_plugin.propfind import calendar_href, item_responses, listed, prop_names
from radicale_plugin.queries import read_filter, select, zone_of
from radicale_plugin.resources import Resources
from radicale_plugin.timezones import calendar_zone

if TYPE_CHECKING:
    import datetime as dt
    import xml.etree.ElementTree as ET
    from collections.abc import Callable, Iterator, Sequence

DATA: Final = "C:calendar-data"
HREFS_MAX: Final = 20_000
"""Objects named by one multiget; clients ask for 10 to 200."""


def answer(ask: Ask, may_write: Callable[[CollectionView], bool], object_bytes_max: int) -> respond.Answer:
    """Answer a REPORT whose path the asker may read. Raises Missing, Refused."""
    root = davxml.parse(ask.body())
    if root is None:
        msg = "A REPORT needs a body that says which one."
        raise Refused(msg, http_status=400)
    name = davxml.human(root.tag)
    about_people = finding.answer(Resources(ask, may_write, object_bytes_max), root)
    if about_people is not None:
        return about_people
    reports: dict[str, Callable[[_Report], respond.Answer]] = {
        "D:sync-collection": _Report.sync,
        "C:calendar-multiget": _Report.multiget,
        "C:calendar-query": _Report.query,
        "C:free-busy-query": _Report.free_busy,
    }
    parts = ask.parts
    if special(parts) == INBOX and len(parts) == 2 and name in INBOX_REPORTS:
        return _of_the_inbox(ask, root)
    if name not in reports or len(parts) < 2 or special(parts):  # user and slug
        msg = "There is no such report here."
        raise Refused(msg, precondition="D:supported-report")
    return reports[name](_Report(ask, root, ask.calendar(), may_write))


def _of_the_inbox(ask: Ask, root: ET.Element) -> respond.Answer:
    """Answer that nothing lies in the inbox, and never did."""
    name = davxml.human(root.tag)
    parts: list[str] = []
    if name == "D:sync-collection":
        token = (root.findtext(davxml.clark("D:sync-token")) or "").strip()
        if token not in ("", NEVER_CHANGES):
            msg = "This sync token is not known here (any more); begin anew."
            raise Refused(msg, precondition="D:valid-sync-token")
        parts = [davxml.element("D:sync-token", NEVER_CHANGES)]
    elif name == "C:calendar-multiget":
        parts = [
            davxml.gone(davxml.escape((child.text or "").strip()))
            for child in root
            if davxml.human(child.tag) == "D:href"
        ][:HREFS_MAX]
    return respond.multistatus(davxml.multistatus(parts))


@dataclass(frozen=True, slots=True)
class _Shape:
    """What each object's response holds."""

    found: tuple[Callable[[ObjectView], str], ...]
    missing: tuple[str, ...]


class _Report:
    """One report on one calendar, or on one object of it."""

    def __init__(
        self, ask: Ask, root: ET.Element, view: CollectionView, may_write: Callable[[CollectionView], bool]
    ) -> None:
        self._ask = ask
        self._root = root
        self._view = view
        self._may_write = may_write
        self._children = {davxml.human(child.tag): child for child in root}
        self._expand = self._read_expand()

    # ---- the four --------------------------------------------------------------------------------------

    def sync(self) -> respond.Answer:
        """Answer what changed since a token, up to the snapshot."""
        if len(self._ask.parts) != 2:  # user and slug
            msg = "There is no such report here."
            raise Refused(msg, precondition="D:supported-report")
        element = self._children.get("D:sync-token")
        token = "" if element is None else (element.text or "").strip()
        listing: Iterator[str] = iter(())
        if token:
            try:
                changed, deleted = self._ask.service.changes(self._view, token)
            except SyncTokenInvalid as error:
                msg = "This sync token is not known here (any more); begin anew."
                raise Refused(
                    msg,
                    precondition="D:valid-sync-token",
                ) from error
            by_href = self._ask.service.get_many(self._view.id, changed) if changed else {}
            objects: Sequence[ObjectView] = [by_href[href] for href in changed if href in by_href]
            gone = [*deleted, *(href for href in changed if href not in by_href)]
        elif self._asks_for_no_text():
            objects, gone = [], []
            shape = self._shape()
            listing = listed(self._ask, self._view, shape.found, shape.missing)
        else:
            objects, gone = self._ask.service.get_all(self._view.id), []
        start = calendar_href(self._ask, self._view)
        parts = [
            *listing,
            *self._responses(objects, keep_unseen=True),
            *(davxml.gone(start + davxml.quote_segment(href)) for href in dict.fromkeys(gone)),
            davxml.element("D:sync-token", davxml.escape(self._view.sync_token)),
        ]
        return respond.multistatus(davxml.multistatus(parts))

    def multiget(self) -> respond.Answer:
        """Answer the objects that the request names, in its order, and 404 for those that are not there."""
        asked = [child.text or "" for child in self._root if davxml.human(child.tag) == "D:href"]
        if len(asked) > HREFS_MAX:
            msg = "Too many objects are asked for at once."
            raise Refused(msg, http_status=400)
        names = {text: self._name_of(text) for text in dict.fromkeys(asked)}
        wanted = list(dict.fromkeys(name for name in names.values() if name))
        found = self._ask.service.get_many(self._view.id, wanted) if wanted else {}
        objects = [found[name] for name in wanted if name in found]
        hrefs = (one.href for one in objects)
        written = dict(zip(hrefs, self._responses(objects, keep_unseen=True), strict=True))
        start = calendar_href(self._ask, self._view)
        parts: dict[str, str] = {}
        for text, name in names.items():
            if name:
                parts.setdefault(name, written.get(name) or davxml.gone(start + davxml.quote_segment(name)))
            else:
                parts.setdefault(f"/{text}", davxml.gone(davxml.escape(text.strip())))
        return respond.multistatus(davxml.multistatus(parts.values()))

    def query(self) -> respond.Answer:
        """Answer the objects that meet the filter."""
        filters = [child for child in self._root if davxml.human(child.tag) == "C:filter"]
        if not filters:
            msg = "A calendar-query needs a filter."
            raise Refused(msg, precondition="C:valid-filter")
        tests = [read_filter(one) for one in filters]
        objects = select(
            self._ask.service, self._view, tests, self._zone(), texts=not self._asks_for_no_text()
        )
        if len(self._ask.parts) > 2:  # one object only
            objects = [one for one in objects if one.href == self._ask.parts[2]]
        return respond.multistatus(davxml.multistatus(self._responses(objects, keep_unseen=False)))

    def free_busy(self) -> respond.Answer:
        """Answer when the calendar's owner is busy."""
        element = self._children.get("C:time-range")
        times = read_times(element) if element is not None else None
        text = free_busy(self._ask.service, self._view, times or TimeRange(None, None), self._home_zone())
        return HTTPStatus.OK, {"Content-Type": "text/calendar; charset=utf-8"}, text.encode(), None

    # ---- parts -----------------------------------------------------------------------------------------

    def _asks_for_no_text(self) -> bool:
        prop = self._children.get("D:prop")
        return prop is not None and not needs_text(prop_names(prop))

    def _name_of(self, text: str) -> str:
        """Return the name inside our calendar of a requested href, "" if it lies elsewhere."""
        try:
            path = sanitise(unquote(urlsplit(text.strip()).path))
        except ValueError:
            return ""
        if not (path + "/").startswith(self._ask.base + "/"):
            return ""
        parts = segments(path[len(self._ask.base) :])
        inside = len(parts) == 3 and parts[:2] == (self._view.user, self._view.slug)
        return parts[2] if inside else ""

    def _responses(self, objects: Sequence[ObjectView], *, keep_unseen: bool) -> Iterator[str]:
        """Write objects; without ``keep_unseen`` those that expand to nothing are left out."""
        shape = self._shape()
        if self._expand is None:
            yield from item_responses(self._ask, self._view, objects, shape.found, shape.missing)
            return
        start, end = self._expand
        for one in objects:
            text = expanded(one, start, end)
            if text is not None:
                data = same(f"<C:calendar-data>{davxml.escape(text)}</C:calendar-data>")
                yield from item_responses(self._ask, self._view, [one], [*shape.found, data], shape.missing)
            elif keep_unseen:
                yield from item_responses(self._ask, self._view, [one], shape.found, [*shape.missing, DATA])

    def _shape(self) -> _Shape:
        writers = item_writers(self._ask, self._view.user, writable=self._may_write(self._view))
        prop = self._children.get("D:prop")
        if prop is not None:
            names = prop_names(prop)
        elif "D:propname" in self._children:
            return _Shape((lambda _view: "".join(davxml.element(name) for name in writers),), ())
        else:
            names = ITEM_DEFAULT if "D:allprop" in self._children else ()
        if self._expand is None:
            writers[DATA] = self._data
        found = tuple(writers[name] for name in names if name in writers)
        return _Shape(found, tuple(name for name in names if name not in writers and name != DATA))

    def _data(self, view: ObjectView) -> str:
        text = timezones.as_wanted(self._ask, view.text)
        return f"<C:calendar-data>{davxml.escape(text)}</C:calendar-data>"

    def _read_expand(self) -> tuple[int, int] | None:
        """Read ``C:expand`` and refuse a form of calendar data that we do not have."""
        prop = self._children.get("D:prop")
        data = None if prop is None else next((one for one in prop if davxml.human(one.tag) == DATA), None)
        if data is None:
            return None
        if (data.get("content-type") or "text/calendar").lower() != "text/calendar" or (
            data.get("version") or "2.0"
        ) != "2.0":
            msg = "Calendar data is text/calendar, version 2.0."
            raise Refused(msg, precondition="C:supported-calendar-data")
        for child in data:
            if davxml.human(child.tag) == "C:expand":
                times = read_times(child)
                if times is None or times.start_ms is None or times.end_ms is None:
                    msg = "expand needs a start and an end."
                    raise Refused(msg, precondition="C:valid-filter")
                return times.start_ms, times.end_ms
        return None

    def _zone(self) -> dt.tzinfo | None:
        """Return the zone that the request names for all-day and floating times (RFC 4791 9.8, RFC 7809 7.4)."""
        text = self._children.get("C:timezone")
        if text is not None:
            return zone_of((text.text or "").strip())
        name = self._children.get("C:timezone-id")
        return zones.by_name((name.text or "").strip()) if name is not None else None

    def _home_zone(self) -> dt.tzinfo | None:
        return zone_of(calendar_zone(self._view))

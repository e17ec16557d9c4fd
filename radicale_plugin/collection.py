"""Radicale's collections over the engine: the root, a principal, a calendar. Each is a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from radicale.storage import BaseCollection

from bridge.engine.api import CollectionView, Login, ObjectView, PutResult, Service, SyncTokenInvalid
from bridge.errors import BridgeError
from radicale_plugin import queries, whole
from radicale_plugin.context import http_date
from radicale_plugin.errno_words import as_value_error
from radicale_plugin.item import CalendarItem

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Iterable, Iterator, Mapping

    from radicale.item import Item

COMPONENTS = "VEVENT"
"""The only component that any vendor holds; kept as the value of ``supported-calendar-component-set``."""


class PlainCollection(BaseCollection):
    """The root (path "") or a principal (path ``user``): no objects, no properties of its own."""

    def __init__(self, path: str) -> None:
        self._path = path

    @property
    def path(self) -> str:
        """Return the path without slashes at its ends."""
        return self._path

    @property
    def tag(self) -> str:
        """Return "": neither calendar nor address book."""
        return ""

    @property
    def etag(self) -> str:
        """Return a constant: nothing here changes."""
        return '"plain"'

    @property
    def last_modified(self) -> str:
        """Return the epoch: nothing here changes."""
        return http_date(0)

    @overload
    def get_meta(self, key: None = None) -> Mapping[str, str]: ...
    @overload
    def get_meta(self, key: str) -> str | None: ...

    def get_meta(self, key: str | None = None) -> Mapping[str, str] | str | None:
        """Return no properties."""
        return {} if key is None else None

    def set_meta(self, props: Mapping[str, str]) -> None:
        """Refuse: there is nowhere to keep them."""
        del props
        msg = "[Errno 13] this collection has no properties of its own"
        raise ValueError(msg)

    def get_multi(self, hrefs: Iterable[str]) -> Iterator[tuple[str, Item | None]]:
        """Return None for each name."""
        return ((href, None) for href in hrefs)

    def get_all(self) -> Iterable[Item]:
        """Return nothing."""
        return ()

    def get_filtered(self, filters: Iterable[ET.Element]) -> Iterable[tuple[Item, bool]]:
        """Return nothing."""
        del filters
        return ()

    def has_uid(self, uid: str) -> bool:
        """Return False."""
        del uid
        return False

    def serialize(self, vcf_to_ics: bool = False, ShareActions: Any = None) -> str:  # noqa: N803
        """Return nothing."""
        del vcf_to_ics, ShareActions
        return ""

    def upload(self, href: str, item: Item) -> tuple[Item, Item | None]:
        """Refuse: objects live in calendars."""
        del href, item
        msg = "[Errno 13] objects live in calendars"
        raise ValueError(msg)

    def delete(self, href: str | None = None) -> None:
        """Refuse."""
        del href
        msg = "this collection cannot be deleted"
        raise PermissionError(msg)


class Calendar(BaseCollection):
    """One calendar as it was when the request began."""

    def __init__(self, service: Service, view: CollectionView, actor: Login) -> None:
        self._service = service
        self._actor = actor
        self.view = view

    @property
    def path(self) -> str:
        """Return ``user/slug``."""
        return f"{self.view.user}/{self.view.slug}"

    @property
    def tag(self) -> str:
        """Return VCALENDAR, whatever a PROPPATCH of resourcetype may have wished."""
        return "VCALENDAR"

    @property
    def etag(self) -> str:
        """Return the ctag of the snapshot."""
        return self.view.etag

    @property
    def last_modified(self) -> str:
        """Return the HTTP date of the last change."""
        return http_date(self.view.modified_ms)

    @overload
    def get_meta(self, key: None = None) -> Mapping[str, str]: ...
    @overload
    def get_meta(self, key: str) -> str | None: ...

    def get_meta(self, key: str | None = None) -> Mapping[str, str] | str | None:
        """Return the snapshot's properties, or one of them."""
        props = {
            **self.view.props,
            "tag": "VCALENDAR",
            "C:supported-calendar-component-set": COMPONENTS,
        }
        return props if key is None else props.get(key)

    def set_meta(self, props: Mapping[str, str]) -> None:
        """Keep what differs from the snapshot; Radicale hands over everything, merged."""
        before = dict(self.view.props)
        wanted = {
            key: value
            for key, value in props.items()
            if key not in ("tag", "C:supported-calendar-component-set")
        }
        changes: dict[str, str | None] = {
            key: value for key, value in wanted.items() if before.get(key) != value
        }
        changes.update({key: None for key in before if key not in wanted})
        if changes:
            try:
                self._service.set_props(self.view.id, changes, self._actor)
            except BridgeError as error:
                raise as_value_error(error) from error

    def sync(self, old_token: str = "") -> tuple[str, Iterable[str]]:
        """Return the snapshot's token, and lazily the names that changed since ``old_token``."""
        if old_token:
            changed, deleted = self._service.changes(self.view, old_token)
            return self.view.sync_token, (*changed, *deleted)
        return self.view.sync_token, self._first_sync()

    def _first_sync(self) -> Iterator[str]:
        """Read the names only when somebody wants them: PROPFIND asks for nothing but the token."""
        try:
            changed, _ = self._service.changes(self.view, "")
        except SyncTokenInvalid as error:  # the mirror was rebuilt between snapshot and listing
            msg = "the calendar was rebuilt; ask again"
            raise ValueError(msg) from error
        yield from changed

    def _item(self, view: ObjectView) -> CalendarItem:
        return CalendarItem(view, self)

    def get(self, href: str) -> CalendarItem | None:
        """Return one object."""
        found = self._service.get(self.view.id, href)
        return None if found is None else self._item(found)

    def get_multi(self, hrefs: Iterable[str]) -> Iterator[tuple[str, Item | None]]:
        """Return the objects with these names, in one query."""
        names = list(dict.fromkeys(hrefs))
        if not names:
            return
        found = self._service.get_many(self.view.id, names)
        for name in names:
            view = found.get(name)
            yield name, None if view is None else self._item(view)

    def get_all(self) -> Iterator[Item]:
        """Return every object."""
        for view in self._service.get_all(self.view.id):
            yield self._item(view)

    def get_filtered(self, filters: Iterable[ET.Element]) -> Iterator[tuple[Item, bool]]:
        """Return the objects that match, judged here and finally: Radicale's own test parses with vobject."""
        try:
            tests = [queries.read_filter(filter_) for filter_ in filters]
        except BridgeError as error:
            raise ValueError(str(error)) from error
        for view in queries.select(self._service, self.view, tests):
            yield self._item(view), True

    def has_uid(self, uid: str) -> bool:
        """Return whether the UID is taken."""
        return self._service.href_of_uid(self.view.id, uid) is not None

    def upload(self, href: str, item: Item) -> tuple[Item, Item | None]:
        """Store what a stock Radicale parsed and wrote anew; its own PUT has checked If-Match."""
        before = self.get(href)
        result = self.put(href, item.serialize().encode())
        stored = self.get(href)
        if stored is None:  # refused or deleted by another meanwhile
            msg = "the object was removed at once by somebody else"
            raise ValueError(msg)
        return stored, None if result.created else before

    def put(self, href: str, body: bytes) -> PutResult:
        """Store one object, failures in the words that a stock Radicale understands."""
        try:
            return self._service.put(self.view.id, href, body, self._actor)
        except BridgeError as error:
            raise as_value_error(error) from error

    def delete(self, href: str | None = None) -> None:
        """Delete an object, or the calendar where its source allows that."""
        if href is None:
            self._service.remove_calendar(self.view.id, self._actor)
        else:
            self._service.delete(self.view.id, href, self._actor)

    def serialize(self, vcf_to_ics: bool = False, ShareActions: Any = None) -> str:  # noqa: N803
        """Return the whole calendar as one iCalendar stream."""
        del vcf_to_ics, ShareActions
        return whole.calendar_text(
            (view.text for view in self._service.get_all(self.view.id)),
            name=self.view.props.get("D:displayname", ""),
            description=self.view.props.get("C:calendar-description", ""),
        )

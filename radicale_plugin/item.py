"""A calendar object as Radicale's Item: everything is a plain look-up, nothing is parsed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from radicale.item import Item
from radicale.item.filter import TIMESTAMP_MAX

from bridge.engine.api import FOREVER_MS, ObjectView
from radicale_plugin.context import http_date

if TYPE_CHECKING:
    from radicale.storage import BaseCollection

_OVERRIDE: Final = re.compile(r"^RECURRENCE-ID[;:][^\r\n]*(\r?\n[ \t][^\r\n]*)*\r?\n", re.MULTILINE)
_EVENT: Final = re.compile(r"^BEGIN:VEVENT\r?\n.*?^END:VEVENT\r?\n", re.MULTILINE | re.DOTALL)


class CalendarItem(Item):
    """One row, seen by Radicale."""

    def __init__(self, view: ObjectView, collection: BaseCollection) -> None:
        ends_s = TIMESTAMP_MAX if view.ends_ms >= FOREVER_MS else -(-view.ends_ms // 1000)
        super().__init__(
            collection=collection,
            href=view.href,
            last_modified=http_date(view.modified_ms),
            text=view.text,
            etag=f'"{view.etag}"',
            uid=view.uid,
            name="VCALENDAR",
            component_name="VEVENT",
            time_range=(view.starts_ms // 1000, ends_s),
        )

    @property
    def vobject_item(self) -> Any:
        """Return vobject's parse, which only a stock Radicale's ``expand`` and free-busy ask for.

        Its ``expand`` fails on an object without a master, and with it the whole report: the first override is
        shown to it as a plain event.
        """
        if self._vobject_item is None:
            events = _EVENT.findall(self._text or "")
            if events and all(_OVERRIDE.search(event) for event in events):
                self._vobject_item = Item(
                    collection_path=self._collection_path,
                    text=(self._text or "").replace(events[0], _OVERRIDE.sub("", events[0]), 1),
                ).vobject_item
        return super().vobject_item

"""Rights: everybody sees their own calendars, and writes where the calendar and the app password allow it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from radicale.rights import BaseRights

from bridge.clock import SystemClock
from radicale_plugin.context import READ_ONLY_GROUP, current, segments
from radicale_plugin.storage import service_of

if TYPE_CHECKING:
    from bridge.engine.api import Service

REMEMBER_MS: Final = 2_000
"""How long a stock Radicale believes an answer: it asks once per object of a listing. The engine checks writes."""
REMEMBERED_MAX: Final = 1_024
"""Calendars remembered at once."""


class Rights(BaseRights):
    """``[rights] type = radicale_plugin``."""

    def __init__(self, configuration: Any, service: Service | None = None) -> None:
        super().__init__(configuration)
        self._service = service_of(configuration) if service is None else service
        self._clock = SystemClock()
        self._known: OrderedDict[tuple[str, str], tuple[int, bool | None]] = OrderedDict()
        self._guard = threading.Lock()

    def authorization(self, user: str, user_groups: set[str], path: str) -> str:
        """Return Radicale's letters: R for root and own principal, r or rwdo for an own calendar, else nothing.

        A calendar that does not exist yet may be written ("w"), or MKCALENDAR could never be asked for. Objects
        are decided by their calendar. "d" and "o" tell a stock Radicale that a whole calendar is neither deleted
        nor overwritten; our own application leaves that to the engine, which can say why.
        """
        parts = segments(path)
        if not user or (parts and parts[0] != user):
            return ""
        if len(parts) < 2:  # user and slug
            return "R"
        if len(parts) > 2:
            return ""
        writable = self._is_writable(parts[0], parts[1])
        if READ_ONLY_GROUP in user_groups or writable is False:
            return "r"
        return "rwdo"

    def _is_writable(self, user: str, slug: str) -> bool | None:
        """Return whether a calendar may be written, None if there is none."""
        ask = current()
        if ask is not None:
            view = ask.view(user, slug)
            return None if view is None else view.writable
        now = self._clock.now_ms()
        with self._guard:
            known = self._known.get((user, slug))
        if known is not None and known[0] > now:
            return known[1]
        view = self._service.collection(user, slug)
        answer = None if view is None else view.writable
        with self._guard:
            self._known[user, slug] = (now + REMEMBER_MS, answer)
            self._known.move_to_end((user, slug))
            if len(self._known) > REMEMBERED_MAX:
                self._known.popitem(last=False)
        return answer

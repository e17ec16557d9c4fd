"""The ``organizer`` of the 2022 pages, sent only where it is configured (reference 16, 18)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.providers.wecom.codes import DeprecatedField
from bridge.providers.wecom.schema import same_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.model.upstream import Json


@dataclass(slots=True)
class Organizer:
    """Whether WeCom is told an organizer. Thread-safe: it can only change from yes to no."""

    is_sent: bool

    def send(self, call: Callable[[Any], Json], body: Mapping[str, Any], organizer: str) -> Json:
        """Make a call with ``organizer`` in its object; without it once the vendor says that it is unknown (90493).

        An organizer must not be an attendee as well (90474). An empty one is not sent.
        """
        if self.is_sent and organizer:
            told = {**body, "organizer": organizer}
            if "attendees" in told:
                told["attendees"] = [
                    entry for entry in told["attendees"] if not same_id(entry["userid"], organizer)
                ]
            try:
                return call(told)
            except DeprecatedField:
                self.is_sent = False
        return call(body)

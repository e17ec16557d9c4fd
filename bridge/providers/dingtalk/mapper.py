"""The pure half of the provider, as the contract wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.providers.dingtalk import decode, encode
from bridge.providers.dingtalk.limits import LIMITS
from bridge.providers.dingtalk.schema import text
from bridge.providers.dingtalk.times import parse_stamp, zone_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from bridge.model.event import Event
    from bridge.model.limits import Limits
    from bridge.model.loss import Encoded
    from bridge.model.people import Roster
    from bridge.providers.base import Json, Upstream


class DingTalkMapper:
    """Implements :class:`bridge.providers.base.Mapper`."""

    limits: Limits = LIMITS

    def __init__(self, default_timezone: str = "Asia/Shanghai") -> None:
        """Take the zone of times that come without a zone name; raises ValueError for an unknown one."""
        zone = zone_of(default_timezone)
        if zone is None:
            msg = f"{default_timezone!r} is no time zone of the IANA database"
            raise ValueError(msg)
        self.default_zone: dt.tzinfo = zone

    def encode(self, event: Event, roster: Roster) -> Encoded[Json]:
        """Return the payload of one item and what it cannot carry; raises Inexpressible."""
        return encode.encode(event, roster)

    def decode(self, item: Upstream, uid: str, roster: Roster) -> Event:
        """Read a snapshot."""
        return decode.decode(item, uid, roster, self.default_zone)

    def people_of(self, snapshot: Json) -> Mapping[str, str]:
        """Return vendor id -> display name of everybody in a snapshot."""
        return decode.people_of(snapshot)

    def modified_ms(self, snapshot: Json) -> int | None:
        """Return ``updateTime`` (reference 3.10)."""
        stamped = parse_stamp(text(snapshot, "updateTime"))
        return None if stamped is None or stamped.tzinfo is None else round(stamped.timestamp() * 1000)

    def allows_change(self, snapshot: Json, roster: Roster) -> str:
        """Return "" if ``roster.me`` may change the item, else why not."""
        return decode.allows_change(snapshot, roster)

"""The pure half of the provider: :func:`encode` and :func:`decode` for one company's zone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bridge.model.people import Roster
from bridge.providers.wecom.decode import decode
from bridge.providers.wecom.encode import encode
from bridge.providers.wecom.limits import LIMITS
from bridge.providers.wecom.schema import admins_of, as_ids, as_text, is_cancelled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from bridge.model.event import Event
    from bridge.model.limits import Limits
    from bridge.model.loss import Encoded
    from bridge.model.upstream import Json, Upstream

NO_TITLE = "新建事件"
"""What WeCom shows for an empty title (reference 5.1)."""

_BLANKS = re.compile(r"\s+")


@dataclass(slots=True)
class WeComMapper:
    """Implements :class:`bridge.providers.base.Mapper`."""

    zone: ZoneInfo
    """The company's own zone: all-day events, and times that need no other."""
    limits: Limits = field(default=LIMITS)

    def encode(self, event: Event, roster: Roster) -> Encoded[Json]:
        """Return the payload of one item. Raises Inexpressible."""
        return encode(event, roster, self.zone)

    def decode(self, item: Upstream, uid: str, roster: Roster) -> Event:
        """Read a snapshot."""
        return decode(item, uid, roster, self.zone)

    def people_of(self, snapshot: Json) -> Mapping[str, str]:
        """Return everybody a schedule mentions; WeCom gives ids only, so the names are empty."""
        ids = (*as_ids(snapshot.get("attendees")), *admins_of(snapshot), as_text(snapshot.get("organizer")))
        return {userid: "" for userid in ids if userid}

    def modified_ms(self, snapshot: Json) -> int | None:
        """Return None: WeCom does not say when a schedule was changed (reference 5.2)."""
        del snapshot
        return None

    def allows_change(self, snapshot: Json, roster: Roster) -> str:
        """Return why nobody may change the item, or ""; who may write is decided per calendar."""
        return "it was cancelled in WeCom" if is_cancelled(snapshot) else ""

    def differences(self, wanted: Upstream, held: Upstream) -> int:
        """Return in how many of title, description, place and time (with the rule) two schedules differ.

        People and reminders do not count: WeCom may drop a member whom the app cannot see.
        """
        nobody = Roster()
        ours, theirs = (_bare(self.decode(one, "", nobody)) for one in (wanted, held))
        texts = (
            int(ours.summary != theirs.summary)
            + int(ours.description != theirs.description)
            + int(ours.location != theirs.location)
        )
        ours, theirs = (replace(one, summary="", description="", location="") for one in (ours, theirs))
        return texts + int(ours != theirs)


def _bare(event: Event) -> Event:
    """Return what has to survive a write, in one spelling."""
    return replace(
        event,
        summary="" if event.summary == NO_TITLE else _flat(event.summary),
        description=_flat(event.description),
        location=_flat(event.location),
        url="",
        alarms=(),
        organizer=None,
        attendees=(),
        recurrence=replace(event.recurrence, exdates=()),
    )


def _flat(text: str) -> str:
    """Return a text without the blanks and line ends that a vendor may rewrite."""
    return _BLANKS.sub(" ", text).strip()

"""What passes between the engine and a vendor, as data: items as they are, and operations on them.

A *payload* is what we ask the vendor to hold for one item: a plain JSON object in the vendor's own words, made by the
pure ``encode`` and nothing else. A *snapshot* is what the vendor said it holds, read by the pure ``decode``. Two
payloads are compared to decide whether a call is needed; a payload is never compared with a snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from bridge.model.people import PartStat
    from bridge.model.recurrence import Moment

Json: TypeAlias = dict[str, Any]
"""A JSON object. Canonical text of it: sorted keys, no blanks, UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """In whose name, and in which calendar."""

    user_id: str
    """The vendor's id of the acting person (WeCom userid, DingTalk unionId)."""
    calendar_id: str
    """WeCom ``cal_id``; DingTalk calendarId, usually ``primary``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One item as the vendor holds it."""

    id: str
    """``schedule_id`` or event id."""
    snapshot: Json
    """All that ``decode`` needs, as the vendor sent it; stored as it is."""
    cancelled: bool = False
    """The vendor says it is cancelled or removed. With ``series_id``: that occurrence is gone."""
    series_id: str | None = None
    """The series this is an occurrence of, where the vendor tells (DingTalk ``seriesMasterId``)."""
    origin: Moment | None = None
    """The original start of that occurrence (UTC, or a date for all-day)."""
    version: str = ""
    """The vendor's change marker, if it has one (DingTalk ``updateTime``); never decisive."""


# ---- operations: one item each, decided by plan, carried out by apply -------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Make a new item."""

    payload: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Change one item from what we last asked for (``before``) to ``after``; only what differs is meant.

    What stands in ``snapshot`` and did not differ between ``before`` and ``after`` stays as the vendor has it
    *now*: a vendor whose update overwrites reads the item first and lays the change over it.
    """

    id: str
    before: Json
    after: Json
    snapshot: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Change one occurrence of a series, given by its original start ``at``."""

    series_id: str
    at: Moment
    before: Json
    """The payload that this occurrence had so far: the series' own, moved to ``at``."""
    after: Json
    instance_id: str = ""
    """The occurrence's own id where the vendor gave one; empty: the provider finds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Delete one occurrence of a series, given by its original start ``at``."""

    series_id: str
    at: Moment
    instance_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete a whole item. An item that is already gone counts as deleted."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Respond:
    """Answer an invitation in the name of the target's user."""

    id: str
    partstat: PartStat
    at: Moment | None = None
    """The original start of the one occurrence of the series ``id`` that is answered; None: ``id`` itself."""


Operation: TypeAlias = Create | Update | Split | Drop | Delete | Respond


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The operation stands at the vendor."""

    item: Upstream | None
    """The created, changed or split-off item as the vendor holds it now; None when it was deleted."""
    series: Upstream | None = None
    """After Split and Drop: the series as it is now, where that is known."""
    is_sure: bool = True
    """False: the item may be what was made, changed by a person since; true if nothing else of ours can have made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplied:
    """The vendor was asked and holds no trace of the operation; it may be sent again."""

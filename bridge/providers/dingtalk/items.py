"""Items as the contract wants them, made from the vendor's answers. Pure."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from bridge.model.upstream import Upstream
from bridge.providers.dingtalk.compare import removed_id
from bridge.providers.dingtalk.schema import is_cancelled, part, series_of, text
from bridge.providers.dingtalk.times import parse_stamp, stamp

if TYPE_CHECKING:
    from bridge.model.recurrence import Moment
    from bridge.model.upstream import Json


def upstream(snapshot: Json, *, series_id: str | None = None, origin: Moment | None = None) -> Upstream:
    """Return an item as the contract wants it."""
    return Upstream(
        id=text(snapshot, "id"),
        snapshot=snapshot,
        cancelled=is_cancelled(snapshot),
        series_id=series_id or series_of(snapshot) or None,
        origin=origin,
        version=text(snapshot, "updateTime"),
    )


def placed(snapshot: Json, series_id: str, origin: Moment) -> Json:
    """Return an occurrence's answer with series and original start, which some operations leave out."""
    told = dict(snapshot)
    if not series_of(snapshot):
        told["seriesMasterId"] = series_id
    if not part(snapshot, "originStart"):
        told["originStart"] = _origin_start(origin)
    return told


def in_zone_of(told: Json, ours: Json) -> Json:
    """Return an answer with the zone of what we hold or asked, if it names another one for the same start and end.

    Whether answers keep the zone of an event is unknown (reference 4.1); the vendor's clock for a series is the zone
    that it was sent in. A series read in another one would seem to have lost all that lies beyond a change of offset.
    """
    zone = text(part(ours, "start"), "timeZone")
    if not zone or text(part(told, "start"), "timeZone") in {"", zone}:
        return told
    if any(_instant(part(told, name)) != _instant(part(ours, name)) for name in ("start", "end")):
        return told
    return {**told, **{name: {**part(told, name), "timeZone": zone} for name in ("start", "end")}}


def _instant(when: Json) -> dt.datetime | None:
    stamped = parse_stamp(text(when, "dateTime"))
    return stamped if stamped is not None and stamped.tzinfo is not None else None


def removal(series_id: str, origin: Moment) -> Json:
    """Return what stands for a removed occurrence, of which the vendor tells nothing."""
    return {
        "id": removed_id(series_id, origin),
        "status": "cancelled",
        "seriesMasterId": series_id,
        "originStart": _origin_start(origin),
    }


def _origin_start(origin: Moment) -> Json:
    """Return ``originStart`` in the vendor's words."""
    if isinstance(origin, dt.datetime):
        return {"dateTime": stamp(origin.astimezone(dt.UTC))}
    return {"date": origin.isoformat()}

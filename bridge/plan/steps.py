"""From what the vendor holds and what it should hold to the next thing to do.

One step at a time, decided anew after each: whoever finds a half-done edit goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.model.upstream import Create, Delete, Drop, Json, Operation, Split, Update
from bridge.plan import seriesids
from bridge.plan.moments import key_moment, moment_key, override_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.model.recurrence import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Have:
    """One item that carries part of the object, as the journal knows it."""

    key: str
    upstream_id: str
    payload: Json
    snapshot: Json = field(default_factory=dict)
    series_id: str = ""
    cancelled: bool = False
    excluded: frozenset[str] = frozenset()
    """Of a series: keys of the occurrences that the vendor itself lists as removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """One item as it should be."""

    key: str
    payload: Json
    of: str | None = None
    at: Moment | None = None
    default: Json = field(default_factory=dict)
    """Of a changed occurrence: the payload it had as an ordinary one."""
    drops: tuple[Moment, ...] = ()
    """Of a series: occurrences that must be gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operation, and the item it is about."""

    key: str
    operation: Operation


def dropped(series: Have, have: Mapping[str, Have]) -> frozenset[str]:
    """Return the keys of occurrences that a series no longer shows by itself."""
    gone = {
        key[1:]
        for key, item in have.items()
        if key.startswith("@")
        and item.cancelled
        and (not item.series_id or seriesids.has(item.series_id, series.upstream_id))
    }
    return series.excluded | gone


def next_step(have: Mapping[str, Have], want: Sequence[Want], *, exclusions_told: bool) -> Step | None:
    """Return the next operation, or None when the vendor holds what it should.

    ``exclusions_told``: the series' snapshot lists what is removed from it, split-off occurrences too (WeCom).
    Series come before the occurrences split off from them, deletions last.
    """
    for wanted in want:
        step = _toward(have, wanted, exclusions_told=exclusions_told)
        if step is not None:
            return step
    wanted_keys = {w.key for w in want}
    for key, item in have.items():
        if key not in wanted_keys and not item.cancelled:
            return Step(key=key, operation=Delete(id=item.upstream_id))
    return None


def _toward(have: Mapping[str, Have], wanted: Want, *, exclusions_told: bool) -> Step | None:
    item = have.get(wanted.key)
    if item is None or item.cancelled:
        return Step(key=wanted.key, operation=_make(have, wanted))
    if item.payload != wanted.payload:
        update = Update(
            id=item.upstream_id, before=item.payload, after=wanted.payload, snapshot=item.snapshot
        )
        return Step(key=wanted.key, operation=update)
    if exclusions_told and wanted.of is not None and wanted.at is not None:
        series = have.get(wanted.of)
        if series is not None and not series.cancelled and moment_key(wanted.at) not in series.excluded:
            # The series shows again what was split off from it (its times changed): take it out once more.
            return Step(key=wanted.of, operation=Drop(series_id=series.upstream_id, at=wanted.at))
    return _drop(have, wanted, item)


def _make(have: Mapping[str, Have], wanted: Want) -> Operation:
    if wanted.of is not None and wanted.at is not None:
        series = have.get(wanted.of)
        if series is not None and not series.cancelled and moment_key(wanted.at) not in dropped(series, have):
            return Split(
                series_id=series.upstream_id, at=wanted.at, before=wanted.default, after=wanted.payload
            )
    return Create(payload=wanted.payload)


def _drop(have: Mapping[str, Have], wanted: Want, series: Have) -> Step | None:
    gone = dropped(series, have)
    for at in wanted.drops:
        exception = have.get(override_key(at))
        if exception is not None and not exception.cancelled:
            return Step(key=exception.key, operation=Delete(id=exception.upstream_id))
        if moment_key(at) not in gone:
            return Step(key=wanted.key, operation=Drop(series_id=series.upstream_id, at=at))
    return None


def undropped(series: Have, have: Mapping[str, Have], drops: Sequence[Moment]) -> list[Moment]:
    """Return occurrences that are gone from the series and are wanted back: no vendor can undo a removal."""
    wanted_gone = {moment_key(m) for m in drops}
    return [
        key_moment(key)
        for key in sorted(dropped(series, have) - wanted_gone)
        if not (override_key_of(key) in have and not have[override_key_of(key)].cancelled)
    ]


def override_key_of(key: str) -> str:
    """Return the piece key of an occurrence key."""
    return f"@{key}"

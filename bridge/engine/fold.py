"""A series that the vendor's app changed as a whole shows what we would otherwise ask for one occurrence at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.engine.texts import canonical
from bridge.ical import recur
from bridge.model.upstream import Upstream
from bridge.plan.moments import moment_key, occurrence_of
from bridge.plan.steps import Want

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.model.event import Event
    from bridge.model.people import Roster
    from bridge.model.recurrence import Moment
    from bridge.plan.steps import Have
    from bridge.providers.base import Mapper

FOLDED_MIN: Final = 2
FOLDED_MAX: Final = 100
"""Occurrences of a series that may stand for as many changed ones."""


def folded(
    wants: Sequence[Want], have: Mapping[str, Have], mapper: Mapper, roster: Roster, uid: str
) -> list[Want]:
    """Return the wants with changed occurrences left out that a series at the vendor shows already, all of them."""
    left = {want.key: want for want in wants}
    for item in have.values():
        loose = [w for w in left.values() if w.key.startswith("@") and not _is_held(have, w.key)]
        if len(loose) < FOLDED_MIN:
            break
        wanted = left.get(item.key)
        if item.cancelled or item.key.startswith("@") or not item.payload:
            continue
        if wanted is not None and wanted.payload == item.payload:
            continue
        series = _series(item.payload, mapper, roster, uid)
        shown = _starts(series, item.excluded)
        by_payload = {canonical(w.payload): w.key for w in loose}
        taken = {
            by_payload.get(canonical(mapper.encode(occurrence_of(series, start), roster).value), "")
            for start in shown
        }
        if not shown or "" in taken or len(taken) != len(shown):
            continue
        if wanted is not None and _has_more(wanted, left, taken, mapper, roster, uid):
            continue
        left = {key: want for key, want in left.items() if key not in taken and key != item.key}
        left = {item.key: Want(key=item.key, payload=item.payload), **left}
    return list(left.values())


def _is_held(have: Mapping[str, Have], key: str) -> bool:
    return key in have and not have[key].cancelled


def _series(payload: Mapping[str, object], mapper: Mapper, roster: Roster, uid: str) -> Event:
    return mapper.decode(Upstream(id="", snapshot=dict(payload)), uid, roster)


def _starts(series: Event, gone: frozenset[str]) -> list[Moment]:
    """Return the starts of a series that ends soon enough; none of any other."""
    rules = series.recurrence.rules
    if len(rules) != 1 or (rules[0].until is None and rules[0].count is None):
        return []
    found = recur.first_occurrences(series, FOLDED_MAX + 1)
    return [] if len(found) > FOLDED_MAX else [start for start in found if moment_key(start) not in gone]


def _has_more(
    wanted: Want, left: Mapping[str, Want], taken: set[str], mapper: Mapper, roster: Roster, uid: str
) -> bool:
    """Return whether a series is to show anything besides the occurrences that are changed."""
    series = _series(wanted.payload, mapper, roster, uid)
    gone = {moment_key(moment) for moment in wanted.drops}
    gone |= {key[1:] for key, want in left.items() if key in taken and want.of == wanted.key}
    found = recur.first_occurrences(series, FOLDED_MAX + 1)
    return len(found) > FOLDED_MAX or any(moment_key(start) not in gone for start in found)

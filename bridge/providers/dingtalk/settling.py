"""Asking what became of an operation whose answer never came; nothing here changes anything.

A repetition with the same ``x-client-token`` should be harmless (reference 5.3), but nobody promised it: so the
event is looked for first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from bridge.model.upstream import Applied, Create, Delete, Drop, NotApplied, Respond, Split, Update
from bridge.providers.dingtalk.decode import partstat_of, span_of
from bridge.providers.dingtalk.finding import find_created, find_occurrence, says
from bridge.providers.dingtalk.items import in_zone_of, placed, removal, upstream
from bridge.providers.dingtalk.schema import flag, is_cancelled, rows, text
from bridge.providers.dingtalk.times import MOMENT_MISSING
from bridge.providers.dingtalk.writing import item_of

if TYPE_CHECKING:
    import datetime as dt

    from bridge.model.upstream import Json, Operation, Target
    from bridge.providers.base import Known
    from bridge.providers.dingtalk.own import OwnWrites
    from bridge.providers.dingtalk.reading import Reader


class Settler:
    """Asks in the name of one person."""

    def __init__(self, reader: Reader, target: Target, own: OwnWrites, default_zone: dt.tzinfo) -> None:
        self._reader = reader
        self._target = target
        self._own = own
        self._zone = default_zone

    def settle(self, operation: Operation, known: Known) -> Applied | NotApplied:
        """Return what stands at the vendor."""
        match operation:
            case Create():
                return self._create(operation, known)
            case Update():
                return self._update(operation)
            case Split():
                return self._split(operation)
            case Drop():
                return self._drop(operation)
            case Delete():
                return self._delete(operation)
            case Respond():
                return self._respond(operation)
            case _:
                assert_never(operation)

    def _create(self, operation: Create, known: Known) -> Applied | NotApplied:
        """Look for an event of this content that nobody knew. One call, one more for a hit."""
        found = find_created(self._reader, self._target, operation.payload, known, self._zone)
        return NotApplied() if found is None else self._applied(in_zone_of(found, operation.payload))

    def _update(self, operation: Update) -> Applied | NotApplied:
        """Compare what was to change. One call. A half-done update may be repeated whole."""
        got = self._reader.get(operation.id)
        if got is None or is_cancelled(got):
            return NotApplied()
        holds = says(got, operation.after, self._zone, before=operation.before)
        return self._applied(in_zone_of(got, operation.after)) if holds else NotApplied()

    def _split(self, operation: Split) -> Applied | NotApplied:
        """Find the occurrence and compare. Up to four calls."""
        event_id = operation.instance_id
        if not event_id:
            moved_to, _end = span_of(operation.after, MOMENT_MISSING, self._zone)
            shown = find_occurrence(
                self._reader, operation.series_id, operation.at, self._zone, also=moved_to
            )
            event_id = text(shown or {}, "id")
        got = self._reader.get(event_id) if event_id else None
        before = {**operation.before, "recurrence": None}
        after = {**operation.after, "recurrence": None}
        if got is None or is_cancelled(got) or not says(got, after, self._zone, before=before):
            return NotApplied()
        snapshot = placed(got, operation.series_id, operation.at)
        return Applied(item=upstream(snapshot, series_id=operation.series_id, origin=operation.at))

    def _drop(self, operation: Drop) -> Applied | NotApplied:
        """Look for the occurrence. One or two calls."""
        series_id, at = operation.series_id, operation.at
        if find_occurrence(self._reader, series_id, at, self._zone) is not None:
            return NotApplied()
        return Applied(item=upstream(removal(series_id, at), series_id=series_id, origin=at))

    def _delete(self, operation: Delete) -> Applied | NotApplied:
        """Ask for the event. One call."""
        got = self._reader.get(operation.id)
        return Applied(item=None) if got is None or is_cancelled(got) else NotApplied()

    def _respond(self, operation: Respond) -> Applied | NotApplied:
        """Read the own answer. One call."""
        event_id = operation.id
        if operation.at is not None:
            found = find_occurrence(self._reader, operation.id, operation.at, self._zone)
            event_id = text(found or {}, "id")
        got = self._reader.get(event_id) if event_id else None
        if got is None or own_partstat(got, self._target.user_id) is not operation.partstat:
            return NotApplied()
        return self._applied(got)

    def _applied(self, snapshot: Json) -> Applied:
        complete = self._reader.with_all_attendees(snapshot)
        return Applied(item=item_of(complete, self._reader, self._own, self._zone))


def own_partstat(snapshot: Json, user_id: str) -> object:
    """Return the answer of one person; None if the person is not listed."""
    for row in rows(snapshot, "attendees"):
        if text(row, "id") == user_id or flag(row, "self"):
            return partstat_of(row)
    return None

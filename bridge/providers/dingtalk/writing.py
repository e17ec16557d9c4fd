"""Carrying out one operation (reference 3.3-3.5, 3.11, 5.3)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, assert_never

from bridge.errors import (
    BridgeError,
    Exhausted,
    Inexpressible,
    Missing,
    NotAllowed,
    OccurrenceRefused,
    OutcomeUnknown,
    PreconditionFailed,
    Refused,
)
from bridge.model.people import PartStat
from bridge.model.upstream import Applied, Create, Delete, Drop, Respond, Split, Update, Upstream
from bridge.providers.dingtalk import changing
from bridge.providers.dingtalk.compare import origin_in
from bridge.providers.dingtalk.finding import find_occurrence
from bridge.providers.dingtalk.items import in_zone_of, placed, removal, upstream
from bridge.providers.dingtalk.reading import Reader, told
from bridge.providers.dingtalk.schema import is_series, part, rows, series_of, text
from bridge.providers.dingtalk.times import is_all_day

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from bridge.model.upstream import Json, Operation, Target
    from bridge.providers.dingtalk.changing import AttendeeChanges
    from bridge.providers.dingtalk.client import Client
    from bridge.providers.dingtalk.own import OwnWrites
    from bridge.providers.limiter import Lane

RESPONSES: Final[Mapping[PartStat, str]] = {
    PartStat.NEEDS_ACTION: "needsAction",
    PartStat.ACCEPTED: "accepted",
    PartStat.DECLINED: "declined",
    PartStat.TENTATIVE: "tentative",
}
"""``responseStatus``; there is no delegation."""


ALONE: Final = (
    "DingTalk shows this occurrence but takes no change of it alone; change the series, or wait until its day"
)


class Writer:
    """Writes in the name of one person."""

    def __init__(
        self,
        client: Client,
        target: Target,
        lane: Lane,
        own: OwnWrites,
        default_zone: dt.tzinfo,
        *,
        notify: bool,
    ) -> None:
        self._client = client
        self._target = target
        self._lane = lane
        self._own = own
        self._zone = default_zone
        self._notify = notify
        self._reader = Reader(client, target, lane)

    def apply(self, operation: Operation, token: str) -> Applied:
        """Carry out one operation; see the method of each for the calls it makes."""
        match operation:
            case Create():
                return self._create(operation, token)
            case Update():
                return self._update(operation, token)
            case Split():
                return self._split(operation, token)
            case Drop():
                return self._drop(operation, token)
            case Delete():
                return self._delete(operation, token)
            case Respond():
                return self._respond(operation, token)
            case _:
                assert_never(operation)

    # ---- create ------------------------------------------------------------------------------------------

    def _create(self, operation: Create, token: str) -> Applied:
        """One call; one per further 500 people; one to read it where the answer does not tell enough."""
        body, further = changing.create_body(operation.payload, notify=self._notify)
        answer = self._counted_creation(body, token)
        event_id = text(answer, "id")
        if not event_id:
            msg = "events.create: DingTalk answered without an id; whether it happened has to be asked"
            raise OutcomeUnknown(msg)
        if further:
            try:
                self._change_people(event_id, changing.AttendeeChanges(add=further), token)
            except BridgeError as error:
                msg = (
                    "events.create: the event stands, not everybody is invited yet; it is looked for and kept"
                )
                raise OutcomeUnknown(msg, code=error.code) from error
        return Applied(item=self.item(self._enough(answer, operation.payload, stale=bool(further))))

    def _counted_creation(self, body: Any, token: str) -> Json:
        """Create, within the creations that a person has per day."""
        limiter, key = self._client.limiter, self._target.user_id
        limiter.take_creation(key)
        try:
            return self._client.create_event(self._lane, self._target, body, client_token=token)
        except OutcomeUnknown:
            raise
        except Exhausted as error:
            limiter.give_back_creation(key)
            if error.code.lower() == "flowlimit":
                limiter.spend_creations(key)
            raise
        except BridgeError:
            limiter.give_back_creation(key)
            raise

    def _enough(self, answer: Json, asked: Json, *, stale: bool) -> Json:
        """Return an answer that tells all that ``decode`` needs; reads the event only if it does not."""
        lacks_rule = bool(asked.get("recurrence")) and not is_series(answer)
        lacks_people = bool(asked.get("attendees")) and not rows(answer, "attendees")
        lacks_alarms = bool(asked.get("reminders")) and not rows(answer, "reminders")
        if stale or lacks_rule or lacks_people or lacks_alarms or not part(answer, "start"):
            got = self._reader.get(text(answer, "id"))
            if got is not None:
                return in_zone_of(self._reader.with_all_attendees(got), asked)
            return told({**asked, **{name: value for name, value in answer.items() if value is not None}})
        return in_zone_of(told(answer), asked)

    # ---- update ------------------------------------------------------------------------------------------

    def _update(self, operation: Update, token: str) -> Applied:
        """One call for content; one per 500 people who come or go, and then one to read the event."""
        snapshot = self._changed(operation.id, operation.before, operation.after, operation.snapshot, token)
        return Applied(item=self.item(snapshot))

    def _changed(self, event_id: str, before: Json, after: Json, snapshot: Json, token: str) -> Json:
        """Change what differs and return the event as it is now."""
        body = changing.update_body(before, after, snapshot, notify=self._notify)
        people = changing.attendee_changes(before, after, snapshot)
        answer = {**snapshot, "id": event_id}
        if body:
            changed = self._client.update_event(self._lane, self._target, event_id, body, client_token=token)
            answer = {**_identity(snapshot), **changed, "id": text(changed, "id") or event_id}
        if people:
            self._change_people(event_id, people, token)
        return self._enough(answer, {**after, **body}, stale=bool(people))

    def _change_people(self, event_id: str, people: AttendeeChanges, token: str) -> None:
        """Remove, then add, in parts of 500; each part has a token of its own."""
        for index, ids in enumerate(changing.batches(people.remove)):
            self._client.remove_attendees(
                self._lane, self._target, event_id, ids, client_token=f"{token}-r{index}"
            )
        for index, added in enumerate(changing.batches(people.add)):
            self._client.add_attendees(
                self._lane,
                self._target,
                event_id,
                added,
                notify=self._notify,
                client_token=f"{token}-a{index}",
            )

    # ---- occurrences -------------------------------------------------------------------------------------

    def _split(self, operation: Split, token: str) -> Applied:
        """One or two calls to find the occurrence, unless its id is known; then as an update."""
        series_id, at = operation.series_id, operation.at
        shown: Json = {"id": operation.instance_id}
        if not operation.instance_id:
            found = find_occurrence(self._reader, series_id, at, self._zone)
            if found is None:
                msg = "the series has no such occurrence at DingTalk any more"
                raise Missing(msg)
            shown = found
        event_id = text(shown, "id")
        before = {**operation.before, "recurrence": None}
        after = {**operation.after, "recurrence": None}
        self._own.note_split(series_id)
        try:
            snapshot = self._changed(event_id, before, after, shown, token)
        except PreconditionFailed:
            raise
        except Refused as error:
            raise _occurrence_refused(error) from error
        if text(snapshot, "id") == series_id and event_id != series_id:
            msg = "DingTalk changed the whole series instead of one occurrence; the calendar will show it"
            raise OccurrenceRefused(msg, series=upstream(snapshot))
        item = upstream(placed(snapshot, series_id, at), series_id=series_id, origin=at)
        return Applied(item=item)

    def _drop(self, operation: Drop, token: str) -> Applied:
        """One or two calls to find the occurrence, unless its id is known; one to delete it.

        An occurrence that the view does not show, near and far, is gone already. One more call looks whether the
        series is still there: that an occurrence can be deleted by its own id is not documented (reference 4.6),
        and a vendor that takes it for the series would have to be undone at once.
        """
        series_id, at = operation.series_id, operation.at
        gone = Applied(item=upstream(removal(series_id, at), series_id=series_id, origin=at))
        event_id = operation.instance_id or text(self._shown(series_id, at), "id")
        if not event_id:
            return gone
        try:
            self._erase(event_id, token)
        except Refused as error:
            if not isinstance(error, Missing) or self._shown(series_id, at):
                raise _occurrence_refused(error) from error
        self._own.note_drop(series_id, event_id)
        series = self._reader.get(series_id)
        if series is None or text(series, "status") == "cancelled":
            return Applied(item=None, series=Upstream(id=series_id, snapshot={}, cancelled=True))
        return gone

    def _shown(self, series_id: str, at: dt.date | dt.datetime) -> Json:
        """Return an occurrence as the view shows it; empty if it does not."""
        return find_occurrence(self._reader, series_id, at, self._zone) or {}

    # ---- delete, respond ---------------------------------------------------------------------------------

    def _delete(self, operation: Delete, token: str) -> Applied:
        """One call. As its organizer the event is cancelled for all, else the own copy is removed."""
        with suppress(Missing):
            self._erase(operation.id, token)
        self._own.note_drop("", operation.id)
        return Applied(item=None)

    def _erase(self, event_id: str, token: str) -> None:
        self._client.delete_event(
            self._lane, self._target, event_id, push_notification=self._notify, client_token=token
        )

    def _respond(self, operation: Respond, token: str) -> Applied:
        """One call, and one to read the event: the answer to an answer is empty. One or two more for one occurrence."""
        status = RESPONSES.get(operation.partstat)
        if status is None:
            msg = f"DingTalk takes no {operation.partstat.value} as an answer to an invitation"
            raise Inexpressible(msg)
        event_id = operation.id
        if operation.at is not None:
            found = find_occurrence(self._reader, operation.id, operation.at, self._zone)
            if found is None:
                msg = "the series has no such occurrence at DingTalk any more"
                raise NotAllowed(msg)
            event_id = text(found, "id")
        try:
            self._client.respond(self._lane, self._target, event_id, status, client_token=token)
        except Missing as error:
            if operation.at is None:
                raise
            raise NotAllowed(ALONE, code=error.code) from error
        got = self._reader.get(event_id)
        if got is not None and operation.at is not None:
            got = placed(got, operation.id, operation.at)
        return Applied(item=None if got is None else self.item(self._reader.with_all_attendees(got)))

    # ---- items -------------------------------------------------------------------------------------------

    def item(self, snapshot: Json) -> Upstream:
        """Return an item; of an occurrence with its original start in the form of its series."""
        return item_of(snapshot, self._reader, self._own, self._zone)


def item_of(snapshot: Json, reader: Reader, own: OwnWrites, default_zone: dt.tzinfo) -> Upstream:
    """Return an item. An all-day occurrence whose series was not seen lately costs one call for its form."""
    series_id = series_of(snapshot)
    if not series_id:
        if is_series(snapshot):
            own.note_form(text(snapshot, "id"), all_day=is_all_day(snapshot))
        return upstream(snapshot)
    all_day = own.form(series_id)
    if all_day is None:
        master = reader.get_readable(series_id)
        all_day = is_all_day(master if master is not None else snapshot)
        own.note_form(series_id, all_day=all_day)
    origin = origin_in(snapshot, all_day=all_day, default_zone=default_zone)
    return upstream(placed(snapshot, series_id, origin), series_id=series_id, origin=origin)


def _identity(snapshot: Json) -> Json:
    """Return what the answer to an update does not repeat (reference 3.10)."""
    names = ("seriesMasterId", "originStart", "status")
    return {name: snapshot[name] for name in names if snapshot.get(name) is not None}


def _occurrence_refused(error: Refused) -> OccurrenceRefused:
    """Return the failure for an occurrence that the vendor shows and does not let change."""
    is_gone = isinstance(error, Missing)
    return OccurrenceRefused(ALONE if is_gone else f"{ALONE} ({error})", code=error.code, is_sure=is_gone)

"""Carrying out one operation, and finding out what became of one (reference 5.3 to 5.6, 6.3).

WeCom has no idempotency key and no precondition. Every write therefore reads first and sends only what is still
lacking, so that a repetition after a half-done or unheard call adds nothing; and a creation without an answer is
looked for in the calendar before it is sent again.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from bridge.errors import BridgeError, Happened, Missing, NotAllowed, OutcomeUnknown, Overtaken, Refused
from bridge.model.upstream import (
    Applied,
    Create,
    Delete,
    Drop,
    Json,
    NotApplied,
    Operation,
    Respond,
    Split,
    Target,
    Update,
    Upstream,
)
from bridge.providers.wecom.codes import MovedTooEarly, NoSuchOccurrence
from bridge.providers.wecom.decode import hours_of
from bridge.providers.wecom.overlay import (
    assumed,
    drop_body,
    entries,
    lay,
    moves_to_earlier_day,
    people_changes,
    shows,
    split_off,
    with_people,
    without_occurrence,
    writable,
)
from bridge.providers.wecom.reading import fetch_all, list_all, upstream
from bridge.providers.wecom.schema import (
    THIS_ONLY,
    WHOLE_SERIES,
    ScheduleJson,
    UpdateJson,
    as_ids,
    as_int,
    as_object,
    as_text,
    excluded_of,
    is_cancelled,
    is_series,
)
from bridge.providers.wecom.times import occurrence_second

if TYPE_CHECKING:
    from bridge.clock import Clock
    from bridge.model.recurrence import Moment
    from bridge.providers.base import Known
    from bridge.providers.limiter import Limiter
    from bridge.providers.wecom.client import Client
    from bridge.providers.wecom.legacy import Organizer
    from bridge.providers.wecom.mapper import WeComMapper

OVERTAKEN_RETRIES: Final = 2
"""How often an update is read and laid anew after "data version conflict" (6000)."""

LOOKS: Final = 2
LOOK_PAUSE_S: Final = 1.0
"""Looks at a calendar for a creation that was not heard of, and the seconds between them: how soon a schedule can be
read after it was written is unknown (reference 9)."""

CANDIDATES_MAX: Final = 50
"""Schedules at the right time that are read completely to find one of ours."""

NO_ANSWERS: Final = "answering an invitation is done in the WeCom app; nobody else can do it for a member"


@dataclass(slots=True)
class Writer:
    """Writes schedules. Thread-safe."""

    mapper: WeComMapper
    limiter: Limiter
    clock: Clock
    organizer: Organizer

    # ---- doing ----

    def apply(self, client: Client, target: Target, operation: Operation) -> Applied:
        """Carry out one operation; see :meth:`bridge.providers.base.Provider.apply`."""
        match operation:
            case Create(payload=payload):
                return Applied(item=self._add(client, target, cast("ScheduleJson", payload)))
            case Update():
                return self._update(client, operation)
            case Split():
                return self._split(client, target, operation)
            case Drop():
                return self._drop(client, operation)
            case Delete(id=schedule_id):
                with contextlib.suppress(Missing):
                    client.schedule_del({"schedule_id": schedule_id})
                return Applied(item=None)
            case Respond():
                raise NotAllowed(NO_ANSWERS)

    def _add(self, client: Client, target: Target, schedule: ScheduleJson) -> Upstream:
        """Make a schedule in the target's calendar and read it back."""
        self.limiter.take_creation()
        full: ScheduleJson = {**schedule, "cal_id": target.calendar_id}
        try:
            answer = self.organizer.send(client.schedule_add, full, target.user_id)
        except BridgeError as error:
            if error.happened is Happened.NO:
                self.limiter.give_back_creation()
            raise
        schedule_id = as_text(answer.get("schedule_id"))
        if not schedule_id:
            msg = "schedule.add: WeCom said yes without an id; the schedule has to be looked for"
            raise OutcomeUnknown(msg)
        return self._read_back(client, schedule_id, assumed(full, schedule_id=schedule_id))

    def _update(self, client: Client, operation: Update) -> Applied:
        """Lay the change over what the vendor holds now; again if somebody wrote in the same moment."""
        for _ in range(OVERTAKEN_RETRIES):
            with contextlib.suppress(Overtaken):
                return self._update_once(client, operation)
        return self._update_once(client, operation)

    def _update_once(self, client: Client, operation: Update) -> Applied:
        """Read, lay over, send what differs. People travel by their own calls, so that answers survive."""
        current = self._current(client, operation.id)
        held = writable(current)
        laid = lay(held, operation.before, operation.after)
        people = as_ids(current.get("attendees"))
        added, removed = people_changes(operation.before, operation.after, people)
        if added:
            client.attendees_add(operation.id, added)
        laid["attendees"] = entries(with_people(people, added, []))
        if {**laid, "attendees": held["attendees"]} != held:
            try:
                self._overwrite(client, operation.id, current, laid)
            except Refused:
                if added:
                    with contextlib.suppress(BridgeError):
                        client.attendees_del(operation.id, added)
                raise
        if removed:
            client.attendees_del(operation.id, removed)
        laid["attendees"] = entries(with_people(people, added, removed))
        expected = assumed(laid, schedule_id=operation.id, current=current)
        fresh = self._read_back(client, operation.id, expected)
        if is_series(current) != bool(laid["reminders"]["is_repeat"]):
            fresh = self._turned(client, operation.id, fresh, expected)
        return Applied(item=fresh)

    def _turned(self, client: Client, schedule_id: str, fresh: Upstream, expected: Json) -> Upstream:
        """Return the series that became single, or the other way round; whether WeCom does that is unknown."""
        if is_series(fresh.snapshot) != is_series(expected):
            self.clock.sleep(LOOK_PAUSE_S)
            fresh = self._read_back(client, schedule_id, expected)
        if is_series(fresh.snapshot) != is_series(expected):
            msg = "WeCom does not turn a series into a single event or back; delete it and make a new one"
            raise Refused(msg)
        return fresh

    def _overwrite(self, client: Client, schedule_id: str, current: Json, laid: ScheduleJson) -> None:
        """Send a whole schedule.

        The list of people goes along although it is to be skipped: it is complete, so a vendor that does not know
        ``skip_attendees`` keeps everybody as well.
        """
        body: UpdateJson = {"skip_attendees": 1}
        if is_series(current):
            body["op_mode"] = WHOLE_SERIES

        def send(schedule: ScheduleJson) -> Json:
            return client.schedule_update({**body, "schedule": {**schedule, "schedule_id": schedule_id}})

        self.organizer.send(send, laid, as_text(current.get("organizer")))

    def _split(self, client: Client, target: Target, operation: Split) -> Applied:
        """Turn one occurrence into a schedule of its own."""
        series = self._current(client, operation.series_id)
        at_s = self._second(operation.at, series)
        single = split_off(series, at_s, operation)
        if at_s in excluded_of(series):
            # Taken out before, but its own schedule never came to be: only that is lacking.
            return Applied(
                item=self._add(client, target, single), series=upstream(operation.series_id, series)
            )
        if moves_to_earlier_day(series, at_s, single):
            return self._move_out(client, target, operation, series, at_s)
        same_people = as_ids(single["attendees"]) == as_ids(series.get("attendees"))
        body: UpdateJson = {"skip_attendees": int(same_people), "op_mode": THIS_ONLY, "op_start_time": at_s}

        def send(schedule: ScheduleJson) -> Json:
            return client.schedule_update(
                {**body, "schedule": {**schedule, "schedule_id": operation.series_id}}
            )

        try:
            answer = self.organizer.send(send, single, as_text(series.get("organizer")))
        except MovedTooEarly:
            return self._move_out(client, target, operation, series, at_s)
        schedule_id = as_text(answer.get("schedule_id"))
        if schedule_id in ("", operation.series_id):
            msg = "schedule.update: WeCom did not name the new schedule; it has to be looked for"
            raise OutcomeUnknown(msg)
        calendar_id = as_text(series.get("cal_id")) or target.calendar_id
        expected = assumed(single, schedule_id=schedule_id, current={"cal_id": calendar_id})
        return Applied(
            item=self._read_back(client, schedule_id, expected),
            series=self._read_back(client, operation.series_id, without_occurrence(series, at_s)),
        )

    def _move_out(self, client: Client, target: Target, operation: Split, series: Json, at_s: int) -> Applied:
        """Move an occurrence further back than WeCom does (90488): add a single one, drop the old."""
        item = self._add(client, target, split_off(series, at_s, operation))
        try:
            client.schedule_del(drop_body(operation.series_id, at_s))
        except Refused:
            with contextlib.suppress(BridgeError):
                client.schedule_del({"schedule_id": item.id})
            raise
        except BridgeError as error:
            msg = "the occurrence was added on its new day and may still stand on the old one; it is looked after"
            raise OutcomeUnknown(msg, code=error.code) from error
        expected = without_occurrence(series, at_s)
        return Applied(item=item, series=self._read_back(client, operation.series_id, expected))

    def _drop(self, client: Client, operation: Drop) -> Applied:
        """Take one occurrence out of a series; one that is out already is not taken out again."""
        series = self._look(client, operation.series_id)
        if series is None or is_cancelled(series):
            return Applied(item=None)
        at_s = self._second(operation.at, series)
        if not shows(series, at_s):
            return Applied(item=None, series=upstream(operation.series_id, series))
        try:
            client.schedule_del(drop_body(operation.series_id, at_s))
        except Missing:
            return Applied(item=None)
        expected = without_occurrence(series, at_s)
        return Applied(item=None, series=self._read_back(client, operation.series_id, expected))

    # ---- asking what became of it ----

    def settle(
        self, client: Client, target: Target, operation: Operation, known: Known
    ) -> Applied | NotApplied:
        """Find out; see :meth:`bridge.providers.base.Provider.settle`."""
        match operation:
            case Create(payload=payload):
                found = self._find(client, target, cast("ScheduleJson", payload), known)
                return NotApplied() if found is None else Applied(item=found[0], is_sure=found[1])
            case Update():
                return self._settle_update(client, operation)
            case Split():
                return self._settle_split(client, target, operation, known)
            case Drop(series_id=series_id, at=at):
                series = self._look(client, series_id)
                if series is None or is_cancelled(series):
                    return Applied(item=None)
                gone = not shows(series, self._second(at, series))
                return Applied(item=None, series=upstream(series_id, series)) if gone else NotApplied()
            case Delete(id=schedule_id):
                held = self._look(client, schedule_id)
                return Applied(item=None) if held is None or is_cancelled(held) else NotApplied()
            case Respond():
                return NotApplied()

    def _settle_update(self, client: Client, operation: Update) -> Applied | NotApplied:
        """Say Applied if laying the change over what is there now would change nothing."""
        current = self._current(client, operation.id)
        held = writable(current)
        people = as_ids(current.get("attendees"))
        lacking = any(people_changes(operation.before, operation.after, people))
        if lacking or lay(held, operation.before, operation.after) != held:
            return NotApplied()
        return Applied(item=upstream(operation.id, current))

    def _settle_split(
        self, client: Client, target: Target, operation: Split, known: Known
    ) -> Applied | NotApplied:
        """Say Applied if the series lacks the occurrence and a schedule of its own shows it.

        A move back is two calls; if only the first was heard of, the second is made up for here.
        """
        series = self._current(client, operation.series_id)
        at_s = self._second(operation.at, series)
        single = split_off(series, at_s, operation)
        is_out = at_s in excluded_of(series)
        if not is_out and single["start_time"] >= at_s:
            return NotApplied()
        found = self._find(client, target, single, known)
        if found is None or not (is_out or found[1]):
            return NotApplied()
        if not is_out:
            with contextlib.suppress(NoSuchOccurrence):
                client.schedule_del(drop_body(operation.series_id, at_s))
        expected = series if is_out else without_occurrence(series, at_s)
        now = self._read_back(client, operation.series_id, expected)
        return Applied(item=found[0], is_sure=found[1], series=now)

    def _find(
        self, client: Client, target: Target, wanted: ScheduleJson, known: Known
    ) -> tuple[Upstream, bool] | None:
        """Look for a schedule that nobody knows yet and that shows what was to be made.

        Only the app adds schedules to a calendar that it made (reference 4.1): if none shows just that, the only one
        that differs in one thing may be ours, changed by a person meanwhile. False says that this is not sure.
        """
        near: list[Upstream] = []
        for look in range(LOOKS):
            if look:
                self.clock.sleep(LOOK_PAUSE_S)
            fresh = {
                key: as_int(entry.get("start_time")) == wanted["start_time"]
                for key, entry in list_all(client, target.calendar_id).items()
                if key not in known.ids and key not in known.gone and not is_cancelled(entry)
            }
            candidates = sorted(fresh, key=lambda key: not fresh[key])
            found = fetch_all(client, candidates[:CANDIDATES_MAX])
            standing = [
                upstream(key, snapshot)
                for key, snapshot in found.items()
                if snapshot is not None and not is_cancelled(snapshot)
            ]
            best = self._best(standing, wanted)
            if best is not None:
                return best, True
            near = [
                one
                for one in standing
                if self.mapper.differences(Upstream(id="", snapshot={**wanted}), one) == 1
            ]
        return (near[0], False) if len(near) == 1 else None

    def _best(self, found: list[Upstream], wanted: ScheduleJson) -> Upstream | None:
        """Return the schedule that shows ``wanted``, preferring the same people; the first of equals."""
        ours = Upstream(id="", snapshot={**wanted})
        people = {userid.casefold() for userid in as_ids(wanted.get("attendees"))}
        same = [theirs for theirs in found if not self.mapper.differences(ours, theirs)]
        for theirs in same:
            if {userid.casefold() for userid in as_ids(theirs.snapshot.get("attendees"))} == people:
                return theirs
        return same[0] if same else None

    # ---- single steps ----

    def _look(self, client: Client, schedule_id: str) -> Json | None:
        """Return a schedule as it is now, None if there is none; raises NotAllowed if WeCom does not say."""
        found = fetch_all(client, [schedule_id])
        if schedule_id not in found:
            msg = (
                "WeCom does not show this schedule to the app: it belongs to another app or to a meeting room"
            )
            raise NotAllowed(msg)
        return found[schedule_id]

    def _current(self, client: Client, schedule_id: str) -> Json:
        """Return a schedule that stands; raises Missing when it is cancelled or gone."""
        snapshot = self._look(client, schedule_id)
        if snapshot is None or is_cancelled(snapshot):
            msg = "the schedule was deleted in WeCom"
            raise Missing(msg)
        return snapshot

    def _read_back(self, client: Client, schedule_id: str, expected: Json) -> Upstream:
        """Return what the vendor made of a write; a failure here does not undo the success."""
        snapshot: Json | None = None
        with contextlib.suppress(BridgeError):
            snapshot = fetch_all(client, [schedule_id]).get(schedule_id)
        return upstream(schedule_id, expected if snapshot is None else snapshot)

    def _second(self, at: Moment, series: Json) -> int:
        """Return an occurrence's start in Unix seconds."""
        hours = hours_of(as_object(series.get("reminders")))
        return occurrence_second(at, as_int(series.get("start_time")), hours, self.mapper.zone)

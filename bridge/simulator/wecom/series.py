"""What an edit does to a schedule, whoever makes it: op_mode 0, 1 and 2 (reference 5.4, 5.5, 6.3)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from bridge.simulator.wecom import recurrence
from bridge.simulator.wecom.errors import (
    BAD_OP_MODE,
    BAD_OP_START,
    ONCE_NEEDS_SINGLE,
    START_BEFORE_OP,
    Refusal,
)
from bridge.simulator.wecom.fields import reject
from bridge.simulator.wecom.state import CANCELLED, Content, Schedule

if TYPE_CHECKING:
    from bridge.simulator.wecom.office import Office

ALL: Final = 0
ONCE: Final = 1
FUTURE: Final = 2

FAR: Final = 2**33
"""A second after every uint32."""


class Series:
    """Changes schedules in place and makes the ones that are split off."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._sequence = 100

    def next_sequence(self) -> int:
        """Return the next ``sequence`` number."""
        self._sequence += 1
        return self._sequence

    def check(self, schedule: Schedule, op_mode: int, moment: int | None, content: Content | None) -> None:
        """Refuse an op_mode that does not fit; ``content`` is None for a deletion."""
        if op_mode not in (ALL, ONCE, FUTURE):
            raise Refusal(BAD_OP_MODE)
        if op_mode == ALL:
            return
        guide = self._office.switches["op_mode_codes"] == "guide"
        if not schedule.content.reminders.is_repeat:
            raise Refusal(BAD_OP_MODE if guide else ONCE_NEEDS_SINGLE)
        if op_mode == ONCE and content is not None and content.reminders.is_repeat:
            raise Refusal(ONCE_NEEDS_SINGLE if guide else BAD_OP_MODE)
        if moment is None or not recurrence.has_start(schedule, moment, self._how()):
            raise Refusal(BAD_OP_START)
        zone = schedule.content.reminders.timezone
        if content is not None and recurrence.local_day(content.start, zone) < recurrence.local_day(
            moment, zone
        ):
            raise Refusal(START_BEFORE_OP)

    def update(self, schedule: Schedule, content: Content, op_mode: int, moment: int | None) -> Schedule:
        """Apply an edit that passed ``check``; return the schedule that now carries ``content``."""
        if op_mode == ALL or moment is None or (op_mode == FUTURE and moment == self._first(schedule)):
            self._change_all(schedule, content)
            return schedule
        part = self._split_off(schedule, content)
        if op_mode == ONCE:
            self._exclude(schedule, moment)
        else:
            if self._office.switches["split_exclusions"] == "carried":
                part.excluded = [start for start in schedule.excluded if start >= moment]
            self._cut(schedule, moment)
        return part

    def delete(self, schedule: Schedule, op_mode: int, moment: int | None) -> None:
        """Apply a deletion that passed ``check``."""
        if op_mode == ALL or moment is None or (op_mode == FUTURE and moment == self._first(schedule)):
            self._cancel(schedule)
        elif op_mode == ONCE:
            self._exclude(schedule, moment)
        else:
            self._cut(schedule, moment)
        self._touch(schedule)

    def _how(self) -> recurrence.Reading:
        return recurrence.reading(self._office.switches)

    def _first(self, schedule: Schedule) -> int | None:
        begin = schedule.content.start
        return next(recurrence.pattern_starts(schedule.content, self._how(), begin=begin, end=FAR), None)

    def _touch(self, schedule: Schedule) -> None:
        if self._office.switches["sequence"] == "revision":
            schedule.sequence = self.next_sequence()

    def _cancel(self, schedule: Schedule) -> None:
        schedule.status = CANCELLED
        if self._office.switches["del_takes_parts"]:
            for part in self._office.corp.schedules.values():
                if part.split_from == schedule.schedule_id:
                    part.status = CANCELLED

    def _change_all(self, schedule: Schedule, content: Content) -> None:
        old = schedule.content
        if old.reminders.is_repeat != content.reminders.is_repeat:
            content = self._single_or_series(old, content)
        schedule.excluded = self._still_excluded(schedule, content)
        schedule.content = content
        keep = self._office.switches["responses_on_update"] == "kept"
        schedule.responses = {
            userid: answer
            for userid, answer in schedule.responses.items()
            if keep and userid in content.attendees
        }
        self._touch(schedule)

    def _single_or_series(self, old: Content, content: Content) -> Content:
        mode = self._office.switches["series_to_single"]
        if mode == "40058":
            reject("reminders.is_repeat", "can not be changed")
        if mode == "allowed":
            return content
        reminders = dataclasses.replace(
            old.reminders,
            is_remind=content.reminders.is_remind,
            before_secs=content.reminders.before_secs,
            diffs=content.reminders.diffs,
        )
        return dataclasses.replace(content, reminders=reminders)

    def _still_excluded(self, schedule: Schedule, content: Content) -> list[int]:
        """Return the exclusions that survive a change of the whole series."""
        old, rule = schedule.content, content.reminders
        if not rule.is_repeat:
            return []
        if (old.start, _pattern(old)) == (content.start, _pattern(content)):
            return schedule.excluded
        match self._office.switches["exclusions_on_update"]:
            case "lost":
                return []
            case "kept":
                return schedule.excluded
            case "shifted":
                moved = [start + content.start - old.start for start in schedule.excluded]
            case _:
                moved = schedule.excluded
        how = self._how()
        return [
            start
            for start in moved
            if any(recurrence.pattern_starts(content, how, begin=start, end=start + 1))
        ]

    def _split_off(self, schedule: Schedule, content: Content) -> Schedule:
        part = Schedule(
            schedule_id=self._office.corp.new_schedule_id(),
            cal_id=schedule.cal_id,
            agent_id=schedule.agent_id,
            maker=schedule.maker,
            organizer=schedule.organizer,
            content=content,
            sequence=self.next_sequence(),
            created_at=self._office.clock.now(),
            split_from=schedule.schedule_id,
        )
        if self._office.switches["split_responses"] == "copied":
            part.responses = {
                userid: answer for userid, answer in schedule.responses.items() if userid in content.attendees
            }
        self._office.corp.schedules[part.schedule_id] = part
        return part

    def _exclude(self, schedule: Schedule, moment: int) -> None:
        schedule.excluded = sorted({*schedule.excluded, moment})
        self._settle_empty(schedule)
        self._touch(schedule)

    def _cut(self, schedule: Schedule, moment: int) -> None:
        rule = schedule.content.reminders
        before = recurrence.day_start(recurrence.local_day(moment, rule.timezone), rule.timezone) - 1
        previous = recurrence.previous_start(schedule.content, moment, self._how())
        how = self._office.switches["cut_until"]
        if how == "day_before" or self._office.switches["until_rule"] == "date":
            until = before
        elif how == "previous_plus_one" and previous is not None:
            until = previous + 1
        else:
            until = moment - 1
        rule = dataclasses.replace(rule, repeat_until=until)
        schedule.content = dataclasses.replace(schedule.content, reminders=rule)
        schedule.excluded = [start for start in schedule.excluded if start < moment]
        self._settle_empty(schedule)
        self._touch(schedule)

    def _settle_empty(self, schedule: Schedule) -> None:
        """Cancel a series in which nothing is left, where the switch says so."""
        if self._office.switches["empty_series"] != "cancelled":
            return
        begin = schedule.content.start
        if next(recurrence.starts(schedule, self._how(), begin=begin, end=FAR), None) is None:
            schedule.status = CANCELLED


def _pattern(content: Content) -> tuple[object, ...]:
    rule = content.reminders
    return (
        rule.repeat_type,
        rule.repeat_until,
        rule.is_custom,
        rule.interval,
        rule.weekdays,
        rule.monthdays,
        rule.timezone,
    )

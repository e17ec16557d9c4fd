"""Many days of many people's edits, in any order, at a vendor of any habits: in the end both sides show the same."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from bridge.errors import Missing
from bridge.model.event import Alarm, Event
from bridge.model.people import Attendee, PartStat, Roster
from bridge.model.recurrence import Freq, NthDay, Recurrence, Rule, Weekday
from bridge.providers.base import Delete, Respond
from bridge.simulator.dingtalk.switches import SWITCHES
from bridge.simulator.records import ControlError

if TYPE_CHECKING:
    from collections.abc import Callable

LEFT_ALONE = {
    "instance_write", "future_instance_ids", "iso_milliseconds", "both_date_forms", "put_null", "unknown_user", "zero_length",
    "end_before_start", "all_day_zero_length", "remove_recurrence", "unknown_attendee", "out_of_scope_attendee", "reminder_minutes",
    "long_text", "length_unit", "creation_day", "push_keys_http", "refresh_token_rotates", "put_by_attendee",
    "start_off_pattern",
}  # fmt: skip
"""What this test does not touch, or what makes a vendor refuse."""

ZONES = ["Asia/Shanghai", "UTC", "America/New_York", "Europe/London"]


class Story:
    """One run: what happens is drawn from a seed."""

    def __init__(self, open_box: Callable[..., Any], seed: int, settings: int) -> None:
        self.dice = random.Random(seed)
        choosable = [s for s in SWITCHES if s.choices and len(s.choices) > 1 and s.name not in LEFT_ALONE]
        picked = self.dice.sample(choosable, settings)
        self.switches = {s.name: self.dice.choice([c for c in s.choices if c != s.default]) for s in picked}
        self.box = open_box(
            switches={"creations_per_day": 0, "monthly_calls": 0, **self.switches},
            creations_per_user_per_day=10_000,
        )
        self.made: dict[str, Event] = {}
        self.theirs: list[str] = []
        self.number = 0

    def event(self) -> Event:
        """Something that can be created."""
        self.number += 1
        day = self.box.now.date() + dt.timedelta(days=self.dice.randint(-10, 60))
        if self.dice.random() < 0.25:
            start: Any = day
            end: Any = day + dt.timedelta(days=self.dice.randint(1, 3))
        else:
            zone = ZoneInfo(self.dice.choice(ZONES))
            start = dt.datetime.combine(
                day, dt.time(self.dice.randint(0, 23), self.dice.choice([0, 30])), tzinfo=zone
            )
            end = (
                start.astimezone(dt.UTC) + dt.timedelta(minutes=self.dice.choice([15, 60, 600]))
            ).astimezone(zone)
        rules: tuple[Rule, ...] = ()
        if self.dice.random() < 0.6:
            rules = (self.rule(day),)
        people = (Attendee(address="mailto:bob@corp.example"),) if self.dice.random() < 0.3 else ()
        return Event(
            uid="u",
            start=start,
            end=end,
            summary=f"Event {self.number}",
            location=self.dice.choice(["", "3F", "4F"]),
            recurrence=Recurrence(rules=rules),
            alarms=tuple(
                Alarm(before_start_s=m * 60)
                for m in sorted(self.dice.sample([0, 5, 15, 60], self.dice.randint(0, 2)))
            ),
            attendees=people,
        )

    def rule(self, day: dt.date) -> Rule:
        own = Weekday(day.weekday())
        count = self.dice.choice([None, None, self.dice.randint(2, 30), 120])
        kinds = [
            Rule(freq=Freq.DAILY, interval=self.dice.randint(1, 3), count=count),
            Rule(
                freq=Freq.WEEKLY,
                by_day=tuple(NthDay(Weekday(d)) for d in sorted({int(own), self.dice.randint(0, 6)})),
                count=count,
            ),
        ]
        if day.day <= 28:
            kinds.append(Rule(freq=Freq.MONTHLY, count=count))
        return self.dice.choice(kinds)

    def known(self) -> Roster:
        return Roster(me=self.box.me, ids={"mailto:bob@corp.example": self.box.bob})

    # what can happen

    def client_creates(self) -> None:
        event = self.event()
        item = self.box.create(event, self.known())
        self.made[item.id] = event

    def client_edits(self) -> None:
        event_id = self.pick(self.made)
        before = self.made[event_id]
        after = replace(
            before, location=self.dice.choice(["5F", "6F", ""]), summary=f"{before.summary} edited"
        )
        operation = self.box.update_of(event_id, before, after, self.known())
        self.box.apply(operation)
        self.made[event_id] = after

    def client_deletes(self) -> None:
        event_id = self.pick(self.made)
        self.box.apply(Delete(id=event_id))
        del self.made[event_id]

    def client_drops(self) -> None:
        event_id, at = self.occurrence()
        self.box.drop(event_id, at)

    def client_splits(self) -> None:
        event_id, at = self.occurrence()
        event = self.made[event_id]
        end = at + (event.end - event.start) if not isinstance(at, dt.datetime) else None
        if end is None:
            end = (
                at.astimezone(dt.UTC) + (event.end.astimezone(dt.UTC) - event.start.astimezone(dt.UTC))
            ).astimezone(at.tzinfo)
        plain = replace(event, start=at, end=end, recurrence_id=at, recurrence=Recurrence(), attendees=())
        self.box.split(event_id, plain, replace(plain, summary=f"{event.summary} alone", alarms=()))

    def occurrence(self) -> tuple[str, Any]:
        """An occurrence of a series that nobody touched."""
        series = [i for i, e in self.made.items() if e.recurrence]
        event_id = self.dice.choice(series)
        event = self.made[event_id]
        special = {place[1] for place in self.box.mirror.removed if place[0] == event_id}
        special |= {
            self.box.mirror._place(i)[1] for i in self.box.mirror.items.values() if i.series_id == event_id
        }
        return event_id, self.box.starts_of(event, special, self.dice)

    def pick(self, ids: Any) -> str:
        return self.dice.choice(sorted(ids))

    def person_creates(self) -> None:
        event = self.event()
        body = {**self.box.payload(event, self.known()), "attendees": [{"id": self.box.alice}]}
        made = self.box.server.control("act", {"do": "create", "as": "bob02", "event": body})
        self.theirs.append(made["eventId"])

    def person_edits(self) -> None:
        owner, event_id = self.anybodys()
        self.as_owner(
            owner, "edit", eventId=event_id, event={"summary": f"By hand {self.dice.randint(0, 99)}"}
        )

    def person_moves(self) -> None:
        owner, event_id = self.anybodys()
        self.as_owner(owner, "move", eventId=event_id, minutes=30, days=self.dice.choice([0, 1]))

    def person_edits_one(self) -> None:
        owner, event_id, origin = self.anybodys_occurrence()
        self.as_owner(owner, "edit", eventId=event_id, origin=origin, event={"summary": "One by hand"})

    def person_moves_one(self) -> None:
        owner, event_id, origin = self.anybodys_occurrence()
        self.as_owner(
            owner, "move", eventId=event_id, origin=origin, minutes=45, days=self.dice.choice([0, 0, 3])
        )

    def person_deletes_one(self) -> None:
        owner, event_id, origin = self.anybodys_occurrence()
        self.as_owner(owner, "delete", eventId=event_id, origin=origin)

    def person_splits_the_rest(self) -> None:
        owner, event_id, origin = self.anybodys_occurrence()
        self.as_owner(
            owner, "edit", eventId=event_id, origin=origin, scope="following", event={"summary": "The rest"}
        )

    def person_deletes(self) -> None:
        owner, event_id = self.anybodys()
        self.as_owner(owner, "delete", eventId=event_id)

    def client_answers(self) -> None:
        self.box.pull()
        shown = [i for i in self.theirs if i in self.box.mirror.items]
        self.box.apply(Respond(id=self.dice.choice(shown), partstat=self.dice.choice(list(PartStat)[:4])))

    def time_passes(self) -> None:
        self.box.server.control("clock", {"advance_s": self.dice.randint(3600, 3 * 86_400)})

    def pull(self) -> None:
        self.box.pull(deep=self.dice.random() < 0.2)

    def anybodys(self) -> tuple[str, str]:
        ids = [("alice01", i) for i in self.made] + [("bob02", i) for i in self.theirs]
        owner, event_id = self.dice.choice(sorted(ids))
        self.made.pop(event_id, None)  # what the client remembers of it is out of date
        return owner, event_id

    def anybodys_occurrence(self) -> tuple[str, str, int]:
        owner, event_id = self.anybodys()
        found = self.box.server.control(
            "occurrences",
            {
                "eventId": event_id,
                "as": owner,
                "from": self.box.now.isoformat(),
                "to": self.box.window.end.isoformat(),
            },
        )["occurrences"]
        origins = [row["originStart"] for row in found if row["originStart"] is not None]
        return owner, event_id, self.dice.choice(origins)

    def as_owner(self, owner: str, do: str, **arguments: Any) -> None:
        self.box.server.control("act", {"do": do, "as": owner, **arguments})

    def compare_reminders(self) -> None:
        """Each item has the reminders that the person has in the app."""
        for item in self.box.mirror.items.values():
            shown = self.box.act("show", eventId=item.id)["event"]
            if shown is None:
                continue
            event = self.box.provider.mapper.decode(item, "u", self.known())
            theirs = sorted(int(row["minutes"]) * 60 for row in shown.get("reminders") or [])
            assert [alarm.before_start_s for alarm in event.alarms] == theirs, (shown, item, self.switches)

    def run(self, steps: int) -> None:
        acts = [
            self.client_creates, self.client_creates, self.client_edits, self.client_deletes, self.client_drops, self.client_splits,
            self.person_creates, self.person_edits, self.person_moves, self.person_edits_one, self.person_moves_one,
            self.person_deletes_one, self.person_splits_the_rest, self.person_deletes, self.client_answers, self.time_passes,
            self.pull, self.pull,
        ]  # fmt: skip
        for _ in range(steps):
            try:
                self.dice.choice(acts)()
            except (IndexError, ControlError, Missing):
                continue  # nothing there to do that with, or not any more
        self.box.pull()
        self.box.pull(deep=True)
        assert self.box.mirrored() == self.box.truth(), self.switches
        self.compare_reminders()
        calls = self.box.billed()
        self.box.pull(deep=True)
        assert self.box.mirrored() == self.box.truth(), self.switches
        assert self.box.billed() <= max(10, calls), self.switches


@pytest.mark.parametrize("seed", range(12))
def test_both_sides_agree_in_the_end(open_box: Callable[..., Any], seed: int) -> None:
    Story(open_box, seed, settings=0 if seed < 3 else 8).run(40)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1100))
def test_both_sides_agree_in_the_end_at_length(open_box: Callable[..., Any], seed: int) -> None:
    Story(open_box, seed, settings=12).run(100)

"""How long it takes to compile, encode and decode one object: `python -m benchmarks.compile [--rounds N]`.

Ordinary series should stay below 5 ms, the worst that is accepted below 100 ms; one event goes either way in less than
1 ms. Prints medians of one run.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import statistics
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bridge.errors import Inexpressible
from bridge.ical.rules import rule_from_text
from bridge.model.event import Alarm, CalendarObject, Event
from bridge.model.people import Attendee, Person, Roster
from bridge.model.recurrence import Moment, Recurrence
from bridge.model.upstream import Upstream
from bridge.plan.compile import compile_object
from bridge.providers.dingtalk.limits import LIMITS as DINGTALK
from bridge.providers.dingtalk.mapper import DingTalkMapper
from bridge.providers.wecom.limits import LIMITS as WECOM
from bridge.providers.wecom.mapper import WeComMapper

if TYPE_CHECKING:
    from bridge.model.limits import Limits
    from bridge.providers.base import Mapper

NOW = dt.datetime(2026, 6, 1, 4, tzinfo=dt.UTC)
HORIZON = NOW + dt.timedelta(days=400)
DAY = dt.timedelta(days=1)
SHANGHAI = dt.datetime(2026, 1, 5, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
BERLIN = dt.datetime(2026, 1, 5, 9, tzinfo=ZoneInfo("Europe/Berlin"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One series."""

    name: str
    rules: str
    start: Moment = SHANGHAI
    rdates: tuple[Moment, ...] = ()
    exdates: tuple[Moment, ...] = ()
    changed: int = 0
    """Overrides, one a week."""

    def object(self) -> CalendarObject:
        """Return the calendar object."""
        length = dt.timedelta(hours=1) if isinstance(self.start, dt.datetime) else DAY
        rules = tuple(rule_from_text(text) for text in self.rules.split())
        recurrence = Recurrence(rules=rules, rdates=self.rdates, exdates=self.exdates)
        master = Event(uid="u", start=self.start, end=self.start + length, recurrence=recurrence)
        overrides = tuple(
            replace(
                master,
                recurrence=Recurrence(),
                recurrence_id=self.start + number * 7 * DAY,
                start=self.start + number * 7 * DAY,
                end=self.start + number * 7 * DAY + 2 * length,
            )
            for number in range(1, self.changed + 1)
        )
        return CalendarObject(uid="u", master=master, overrides=overrides)


PEOPLE = tuple(Attendee(address=f"mailto:p{n}@example.com", name=f"Person {n}") for n in range(10))
ROSTER = Roster(me="p0", ids={person.address: f"p{n}" for n, person in enumerate(PEOPLE)})
RICH = Event(
    uid="u",
    start=SHANGHAI,
    end=SHANGHAI + dt.timedelta(hours=1),
    summary="Planning",
    description="What we talk about\n" * 20,
    location="Room 3",
    alarms=tuple(Alarm(before_start_s=seconds) for seconds in (300, 900, 3600)),
    organizer=Person(address="mailto:p0@example.com", name="Person 0"),
    attendees=PEOPLE,
)
WEEKLY = replace(RICH, recurrence=Recurrence(rules=(rule_from_text("FREQ=WEEKLY;BYDAY=MO,WE"),)))

CASES = (
    Case(name="weekly", rules="FREQ=WEEKLY;BYDAY=MO,WE"),
    Case(name="weekly, 10 removed, 10 changed", rules="FREQ=WEEKLY", changed=10,
         exdates=tuple(SHANGHAI + n * 7 * DAY for n in range(20, 30))),
    Case(name="daily, COUNT=200", rules="FREQ=DAILY;COUNT=200"),
    Case(name="weekly, a zone with DST", rules="FREQ=WEEKLY", start=BERLIN),
    Case(name="second Tuesday", rules="FREQ=MONTHLY;BYDAY=2TU"),
    Case(name="last working day", rules="FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"),
    Case(name="the 31st, all-day", rules="FREQ=MONTHLY;BYMONTHDAY=31", start=dt.date(2026, 1, 31)),
    Case(name="school year", rules="FREQ=WEEKLY;BYDAY=MO;BYMONTH=1,2,3,4,5,6,9,10,11,12", start=BERLIN),
    Case(name="20 dates", rules="", rdates=tuple(SHANGHAI + (150 + n * n) * DAY for n in range(20))),
    Case(name="daily since 1990", rules="FREQ=DAILY", start=SHANGHAI.replace(year=1990)),
    Case(name="worst: last day, since 1970", rules="FREQ=MONTHLY;BYMONTHDAY=-1",
         start=dt.date(1970, 1, 31)),
    Case(name="worst: 31st, COUNT=9999", rules="FREQ=DAILY;BYMONTHDAY=31;COUNT=9999"),
    Case(name="worst: working days by position", start=BERLIN,
         rules="FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,2,3,4,5,6,7,8,-8,-7,-6,-5,-4,-3,-2,-1"),
    Case(name="worst: every third hour but two", start=BERLIN, rules="FREQ=HOURLY;INTERVAL=3;BYHOUR=0,3,6,9,12,15"),
    Case(name="worst: 300 dates at random", rules="",
         rdates=tuple(SHANGHAI + (150 + n * n % 401) * DAY for n in range(300))),
    Case(name="worst: five rules that meet", start=BERLIN,
         rules="FREQ=MONTHLY;BYDAY=1MO,3TU FREQ=MONTHLY;BYMONTHDAY=1,31 FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,FR "
               "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO,TU FREQ=YEARLY;BYYEARDAY=100,200"),
    Case(name="worst: daily, 400 removed", rules="FREQ=DAILY",
         exdates=tuple(SHANGHAI + n * 3 * DAY for n in range(400))),
)  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print(f"{'case':40} {'vendor':9} {'items':>6} {'ms':>8} {'again ms':>9}")
    for case in CASES:
        for limits in (WECOM, DINGTALK):
            print(measure(case, limits, rounds))
    print(f"\n{'one event':40} {'vendor':9} {'encode ms':>15} {'decode ms':>9}")
    for name, event in (("ten people, three alarms", RICH), ("weekly series", WEEKLY)):
        for mapper in (WeComMapper(SHANGHAI.tzinfo), DingTalkMapper()):
            print(measure_mapping(name, event, mapper, rounds * 20))


def measure_mapping(name: str, event: Event, mapper: Mapper, rounds: int) -> str:
    """Return one line of the second table."""
    encode, decode = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        payload = mapper.encode(event, ROSTER).value
        sent = time.perf_counter()
        mapper.decode(Upstream(id="x", snapshot=payload), "u", ROSTER)
        encode.append((sent - began) * 1000)
        decode.append((time.perf_counter() - sent) * 1000)
    kind = mapper.limits.kind
    return f"{name:40} {kind:9} {statistics.median(encode):15.3f} {statistics.median(decode):9.3f}"


def measure(case: Case, limits: Limits, rounds: int) -> str:
    """Return one line of the table."""
    obj = case.object()
    try:
        made = compile_object(obj, limits, now=NOW, horizon=HORIZON)
        pieces, items = made.pieces, str(len(made.pieces))
    except Inexpressible:
        pieces, items = (), "no"
    first, again = [], []
    for _ in range(rounds):
        for existing, took in (((), first), (pieces, again)):
            began = time.perf_counter()
            with contextlib.suppress(Inexpressible):
                compile_object(obj, limits, now=NOW, horizon=HORIZON, existing=existing)
            took.append((time.perf_counter() - began) * 1000)
    return f"{case.name:40} {limits.kind:9} {items:>6} {statistics.median(first):8.2f} {statistics.median(again):9.2f}"


if __name__ == "__main__":
    main()

"""The vendor's books: who is who, which id means what, and which number the last change had."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import itertools
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk.expansion import Expansion
from bridge.simulator.dingtalk.recurrence import Reading
from bridge.simulator.dingtalk.state import Department, Event, Item, Person, Room, occurrence, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.simulator.clock import SimClock
    from bridge.simulator.dingtalk.times import When
    from bridge.simulator.records import Switches

DAY_S: Final = 86_400

SLACK: Final = dt.timedelta(hours=3)
"""More than any change of a zone's offset, by which the length of an all-day occurrence may differ."""

PEOPLE: Final[tuple[dict[str, Any], ...]] = (
    {
        "userid": "alice01",
        "union_id": "Qx7Lk2mVaZ9tRb4iE",
        "name": "Alice",
        "email": "alice@example.com",
        "org_email": "alice@corp.example",
        "mobile": "13800000001",
        "departments": [1, 42],
    },
    {
        "userid": "bob02",
        "union_id": "Np3Wd8sYcH6uJf1iE",
        "name": "Bob",
        "org_email": "bob@corp.example",
        "mobile": "13800000002",
        "departments": [42],
    },
    {
        "userid": "carol03",
        "union_id": "Tz5Gk9xBqM2nVw7iE",
        "name": "Carol",
        "org_email": "carol@corp.example",
        "departments": [42],
    },
    {
        "userid": "zhangwei04",
        "union_id": "Hs8Rc4pLdX1yKe6iE",
        "name": "张伟",
        "org_email": "zhangwei@corp.example",
        "mobile": "13800000004",
        "departments": [1],
    },
)
"""The employees of the simulated company, unless others are given."""

ROOMS: Final = (
    Room(id="e6b7b65b8b30fb707afcf6c3b699f028003e6834fdd7fee7", name="3F-12"),
    Room(id="a1c9d24e5f60718293a4b5c6d7e8f90112233445566778ff", name="西湖", capacity=20),
)


def person_from(value: Person | dict[str, Any]) -> Person:
    """Return a person from its fields."""
    return value if isinstance(value, Person) else Person(**value)


class Store:
    """Everything that survives a call."""

    def __init__(
        self, *, corp_id: str, people: Iterable[Person], clock: SimClock, switches: Switches
    ) -> None:
        self.corp_id = corp_id
        self._clock = clock
        self._switches = switches
        self.people: dict[str, Person] = {}
        self.names: dict[str, str] = {}
        """Names by unionId, of people who have left too."""
        self.departments = {
            1: Department(id=1, name="Corp Example", parent_id=0),
            42: Department(id=42, name="研发 R&D", parent_id=1),
        }
        self.rooms = {room.id: room for room in ROOMS}
        self.events: dict[str, Event] = {}
        self._expansions: dict[str, Expansion] = {}
        self._ids: dict[str, tuple[str, int | None, str]] = {}
        self._numbers: dict[str, Iterator[int]] = {}
        self.seq = 0
        for person in people:
            self.add_person(person)

    def now_ms(self) -> int:
        """Return milliseconds since 1970 by the vendor's clock."""
        return int(self._clock.now() * 1000)

    def now(self) -> dt.datetime:
        """Return the vendor's time, UTC."""
        return dt.datetime.fromtimestamp(self._clock.now(), dt.UTC)

    def next_seq(self) -> int:
        """Return the number of the next change."""
        self.seq += 1
        return self.seq

    # People

    def add_person(self, person: Person) -> None:
        """Add an employee."""
        person.number = person.number or 5_501_234 + len(self.people)
        self.people[person.union_id] = person
        self.names[person.union_id] = person.name
        for dept_id in person.departments:
            if dept_id not in self.departments:
                self.departments[dept_id] = Department(id=dept_id, name=f"Dept {dept_id}", parent_id=1)

    def person(self, name: str) -> Person | None:
        """Return the employee with this unionId, userid, name or address."""
        if name in self.people:
            return self.people[name]
        for person in self.people.values():
            if name in (person.userid, person.name, person.org_email, person.email) and name:
                return person
        return None

    def by_userid(self, userid: str) -> Person | None:
        """Return the employee with this userid."""
        return next((person for person in self.people.values() if person.userid == userid), None)

    def name_of(self, union_id: str) -> str:
        """Return the display name, also of somebody who has left."""
        return self.names.get(union_id, union_id)

    # Ids

    def token(self, kind: str, size: int = 16) -> bytes:
        """Return bytes that no earlier call has returned for this kind; the same in every run.

        Safe to call without the simulator's lock.
        """
        number = next(self._numbers.setdefault(kind, itertools.count(1)))
        return hashlib.sha256(f"{self.corp_id} {kind} {number}".encode()).digest()[:size]

    def new_key(self) -> str:
        """Return the id of a new event."""
        raw = base64.b64encode(self.token("event"))
        if self._switches["event_id"] == "single_base64":
            # The shape of an inner id, with the characters that a path must escape.
            return "+/" + raw.decode()
        return base64.b64encode(raw).decode()

    def request_id(self) -> str:
        """Return an id for one answer."""
        text = self.token("request").hex().upper()
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def calendar_id(self, person: Person) -> str:
        """Return the opaque id of a person's main calendar."""
        return base64.b64encode(f"{person.number}@users.dingtalk.com|140016".encode()).decode()

    def id_of(self, item: Item, holder: str) -> str:
        """Return the id under which ``holder`` knows the item, and remember it."""
        event = item.event
        own = holder if self._per_user(event, holder) else ""
        master = _digest(f"{event.key} {own}") if own else event.key
        if item.origin is None:
            self._ids[master] = (event.key, None, own)
            return master
        match self._switches["instance_id"]:
            case "opaque":
                text = _digest(f"{master} {item.origin}")
            case "master_epoch":
                text = f"{master}_{item.origin}"
            case _:
                text = f"{_digest(master)}_{item.origin}"
        self._ids[text] = (event.key, item.origin, own)
        return text

    def find(self, text: str, holder: str) -> tuple[Event, int | None] | None:
        """Return the event, and the original start of an occurrence, that ``holder`` calls ``text``."""
        known = self._ids.get(text)
        if known is None and "_" in text:
            master, _, origin = text.rpartition("_")
            if origin.isascii() and origin.isdecimal() and master in self._ids:
                known = (self._ids[master][0], int(origin), self._ids[master][2])
        if known is None:
            return None
        event = self.events.get(known[0])
        if event is None or known[2] != (holder if self._per_user(event, holder) else ""):
            return None
        return event, known[1]

    def find_any(self, text: str) -> tuple[Event, int | None] | None:
        """Return what ``text`` means to whoever knows it."""
        known = self._ids.get(text)
        return None if known is None else self.find(text, known[2])

    def _per_user(self, event: Event, holder: str) -> bool:
        return self._switches["attendee_event_id"] == "per_user" and holder not in ("", event.organizer)

    # Series

    @property
    def all_day_zone(self) -> str:
        """The zone in which all-day events are compared with instants."""
        return str(self._switches["all_day_zone"])

    def reading(self) -> Reading:
        """Return how the open questions about recurrence are read just now."""
        switches = self._switches
        return Reading(
            end_date=switches["end_date"],
            start_off_pattern=switches["start_off_pattern"],
            short_month=switches["short_month"],
            numbered_counts_removed=switches["numbered_counts_removed"] == "yes",
            relative_days=switches["relative_days"],
            series_zone=switches["series_zone"],
            all_day_zone=self.all_day_zone,
        )

    def starts(self, event: Event) -> Iterator[When]:
        """Yield the original starts of a series, removed ones included; nothing for a single event."""
        if event.is_series:
            for _, start in self._expansion(event).walk():
                yield start

    def _expansion(self, event: Event) -> Expansion:
        """Return the expansion of a series, the one already begun if nothing has changed since."""
        reading = self.reading()
        removed: frozenset[int] = frozenset()
        if not reading.numbered_counts_removed:
            removed = frozenset(origin for origin, override in event.overrides.items() if override.cancelled)
        known = self._expansions.get(event.key)
        if known is None or not known.is_of(event.details, reading, removed):
            known = self._expansions[event.key] = Expansion(event.details, reading, removed)
        return known

    def whole(self, event: Event) -> Item:
        """Return the single event or the master."""
        return whole(event)

    def occurrence(self, event: Event, origin: int) -> Item | None:
        """Return the occurrence that originally starts at ``origin``, cancelled or not; None: no such."""
        start = self._expansion(event).find(origin) if event.is_series else None
        return None if start is None else occurrence(event, start, self.all_day_zone)

    def occurrence_at(self, event: Event, start: When) -> Item:
        """Return the occurrence with this original start."""
        return occurrence(event, start, self.all_day_zone)

    def items_between(self, event: Event, low: dt.datetime | None, high: dt.datetime) -> Iterator[Item]:
        """Yield what a series or single event shows with end >= ``low`` and start < ``high``, cancelled or not."""
        zone = self.all_day_zone
        if not event.is_series:
            item = whole(event)
            if item.details.start.at(zone) < high and (low is None or item.details.end.at(zone) >= low):
                yield item
            return
        late = set(event.overrides)
        length = event.details.end.at(zone) - event.details.start.at(zone) + SLACK
        first_s = None if low is None else (low - length).timestamp()
        for origin, start in self._expansion(event).walk():
            changed = origin in late
            if first_s is not None and not changed and origin < first_s:
                continue
            late.discard(origin)
            if origin >= high.timestamp():
                if not changed and not late:
                    return
                if not changed:
                    continue
            item = occurrence(event, start, zone)
            if item.details.start.at(zone) < high and (low is None or item.details.end.at(zone) >= low):
                yield item

    def generated_ms(self, start: When) -> int:
        """Return when the occurrence with this original start comes into being for the list."""
        at_s = start.at(self.all_day_zone).timestamp()
        match self._switches["generated"]:
            case "started":
                return int(at_s * 1000)
            case "week_ahead":
                return int((at_s - 7 * DAY_S) * 1000)
            case _:
                local = start.local()
                day = dt.datetime.combine(local.date(), dt.time())
                return int((at_s - (local - day).total_seconds()) * 1000)

    def generated_until(self) -> dt.datetime:
        """Return an instant after the start of every occurrence that exists for the list by now."""
        return self.now() + dt.timedelta(days=9)


def _digest(text: str) -> str:
    return base64.b64encode(base64.b64encode(hashlib.sha256(text.encode()).digest()[:16])).decode()

"""The real engine between a test and one vendor in a box, on a day that never changes."""

from __future__ import annotations

import datetime as dt
import json
import time
from unittest import mock
from zoneinfo import ZoneInfo

import icalendar
import msgspec
import recurring_ical_events
from world import DingTalkSide, WeComSide, World

import bridge.daemon.compose as composing
from bridge.ical import parse, recur
from bridge.simulator import dingtalk, wecom
from bridge.simulator.clock import SimClock
from bridge.simulator.http import serve
from bridge.simulator.records import ControlError
from bridge.store import objects

CHINA = ZoneInfo("Asia/Shanghai")
NOW = dt.datetime(2026, 1, 5, 0, 0, tzinfo=dt.UTC)
"""Monday, 08:00 in China."""
HORIZON = NOW + dt.timedelta(days=400)
MANY = 1_000_000
ME = "alice@example.com"
OCCURRENCES_MAX = 2_000


class StoppedClock:
    """The wall clock stands; waiting is real."""

    def now_ms(self):
        return int(NOW.timestamp() * 1000)

    def monotonic_s(self):
        return time.monotonic()

    def sleep(self, seconds):
        time.sleep(seconds)


class WeCom(WeComSide):
    guest = "lisi@example.com"
    guest_id = "lisi"

    def __init__(self, stack, switches=None):
        self.box = wecom.build(
            clock=SimClock(now_s=NOW.timestamp()), switches={"users_may_add": True, **(switches or {})}
        )
        self.server = serve(self.box, "127.0.0.1", 0)
        stack.callback(self.server.close)
        self.calls = self.box.calls

    def config(self):
        return msgspec.structs.replace(super().config(), calls_per_minute=100_000)

    def perform(self, act, ids):
        """Do an act of a person; ``key`` in it names an item by its piece key."""
        arguments = {"userid": self.me, "force": True, **act}
        if "key" in arguments:
            arguments["schedule_id"] = ids[arguments.pop("key")]
        if arguments["do"] == "create":
            arguments["cal_id"] = next(iter(self.calendars()))
        return self.box.control("act", arguments)

    def drops(self, item, start):
        """Remove the occurrence at ``start`` as a person does; return whether the item had it."""
        try:
            self.drop_occurrence(item, start if isinstance(start, dt.datetime) else order((start,)))
        except ControlError:
            return False
        return True

    def calendars(self):
        return [
            cal_id
            for cal_id, one in self.box.control("state", {})["calendars"].items()
            if not one.get("deleted")
        ]

    def shown(self, start, end):
        """Return what the vendor shows as (start, end); whole days as dates with an exclusive end."""
        found = []
        for item in self.items():
            whole = bool(item["content"]["is_whole_day"])
            for a, b in self.act(
                "occurrences",
                schedule_id=item["schedule_id"],
                **{"from": int(start.timestamp()) - 86_400, "to": int(end.timestamp()) + 86_400},
            ):
                first, last = (dt.datetime.fromtimestamp(s, CHINA) for s in (a, b))
                if whole:
                    assert first.time() == dt.time()
                    assert last.time() in (
                        dt.time(23, 59, 59),
                        dt.time(),
                    )  # the last second, or what follows it
                    found.append((first.date(), (last + dt.timedelta(seconds=1)).date()))
                else:
                    found.append((first.astimezone(dt.UTC), last.astimezone(dt.UTC)))
        return within(found, start, end)


class DingTalk(DingTalkSide):
    guest = "bob@corp.example"
    guest_id = "Np3Wd8sYcH6uJf1iE"

    def __init__(self, stack, switches=None):
        free = {"qps_limit": 0, "creations_per_day": 0, "monthly_calls": 0}
        self.box = dingtalk.build(
            clock=SimClock(now_s=NOW.timestamp()), switches={**free, **(switches or {})}
        )
        self.server = serve(self.box, "127.0.0.1", 0)
        stack.callback(self.server.close)
        self.calls = self.box.calls

    def config(self):
        return msgspec.structs.replace(
            super().config(),
            monthly_calls=1_000_000_000,
            calls_per_second=10_000,
            creations_per_user_per_day=100_000,
        )

    def perform(self, act, ids):
        arguments = {"as": self.me, **act}
        if "key" in arguments:
            arguments["eventId"] = ids[arguments.pop("key")]
        return self.box.control("act", arguments)

    def drops(self, item, start):
        if not isinstance(start, dt.datetime):
            start = dt.datetime.combine(start, dt.time(), dt.UTC)
        try:
            self.drop_occurrence(item, start)
        except ControlError:
            return False
        return True

    def shown(self, start, end):
        found = []
        step = dt.timedelta(days=180)
        low = start - dt.timedelta(days=1)
        while low < end + dt.timedelta(days=1):
            rows = self.act("occurrences", **{"from": low.isoformat(), "to": (low + step).isoformat()})
            found += [(moment(row["start"]), moment(row["end"])) for row in rows["occurrences"]]
            low += step
        return within(found, start, end, once=True)


def moment(text):
    if "T" not in text:
        return dt.date.fromisoformat(text)
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


def order(one):
    start = one[0]
    return start if isinstance(start, dt.datetime) else dt.datetime.combine(start, dt.time(), CHINA)


def within(found, start, end, *, once=False):
    """Return what begins in [start, end), earliest first; ``once``: windows overlap, so doubles are not meant."""
    inside = [one for one in found if start <= order(one) < end]
    return sorted(set(inside) if once else inside, key=lambda one: (order(one), str(one)))


SIDES = {"wecom": WeCom, "dingtalk": DingTalk}


class Box(World):
    """One user, one vendor, one calendar; the date is always :data:`NOW`."""

    def open(self):
        with mock.patch.object(composing, "SystemClock", StoppedClock):
            super().open()

    def put(self, href, text, **conditions):
        body = text if isinstance(text, bytes) else text.encode()
        made = self.service.put(self.collection.id, href, body, self.login, **conditions)
        if made.waiting:
            self.carry()
        return made

    def rows(self, href):
        with self.parts.engine.store.read() as c:
            row = objects.by_href(c, self.collection.id, href)
            return [] if row is None else objects.items(c, row.id)

    def payloads(self, href):
        """Return piece key -> payload; None for an occurrence that is removed from its series."""
        return {
            row.key: None if row.cancelled else json.loads(row.payload)
            for row in sorted(self.rows(href), key=lambda row: row.key)
        }

    def live(self, href):
        return {key: payload for key, payload in self.payloads(href).items() if payload is not None}

    def ids(self, href):
        return {row.key: row.upstream_id for row in self.rows(href)}

    def act(self, act, href):
        return self.side.perform(act, self.ids(href))

    def shown(self, start=NOW, end=HORIZON):
        return self.side.shown(start, end)

    def losses(self, href):
        receipt = next(r for r in self.receipts() if r["href"] == href)
        return receipt["not_at_vendor"]

    def clear(self):
        """Delete everything through the front door, and see that nothing is left at the vendor."""
        for one in self.service.get_all(self.collection.id):
            self.delete(one.href)
        self.carry()
        assert self.side.items() == []


def ours(text, start=NOW, end=HORIZON):
    """Return the occurrences of a text as we understand it; cancelled ones are left out."""
    obj = parse.parse(text.encode(), default_zone="Asia/Shanghai").object
    gone = {
        recur.instant(one.recurrence_id)
        for one in obj.overrides
        if one.status == "CANCELLED" and one.recurrence_id
    }
    window = (start.astimezone(CHINA) - dt.timedelta(days=1), end.astimezone(CHINA))
    found = []
    for rid, first, last in recur.occurrences(obj, *window, limit=OCCURRENCES_MAX):
        if rid is not None and recur.instant(rid) in gone:
            continue
        if isinstance(first, dt.datetime):
            found.append((first.astimezone(dt.UTC), last.astimezone(dt.UTC)))
        else:
            found.append((first, last))
    return within(found, start, end)


def theirs(text, start=NOW, end=HORIZON):
    """Return the occurrences as icalendar and recurring-ical-events, which are not ours, understand the text."""
    calendar = icalendar.Calendar.from_ical(text.encode())
    events = recurring_ical_events.of(calendar, components=["VEVENT"]).between(
        start.astimezone(CHINA) - dt.timedelta(days=1), end.astimezone(CHINA) + dt.timedelta(days=1)
    )
    found = []
    for event in events:
        if str(event.get("STATUS", "")) == "CANCELLED":
            continue
        found.append((_plain(event["DTSTART"].dt), _plain(event["DTEND"].dt)))
    return within(found, start, end)


def _plain(value):
    if not isinstance(value, dt.datetime):
        return value
    return (value if value.tzinfo else value.replace(tzinfo=CHINA)).astimezone(dt.UTC)

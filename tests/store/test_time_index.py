"""The occurrence index says what the texts say: random objects, random spans of time, both databases."""

import contextlib
import datetime as dt
import functools
import itertools
import os
import random
import secrets
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from bridge.engine import texts, timeindex
from bridge.engine.api import CollectionView
from bridge.engine.service import Service
from bridge.errors import BridgeError
from bridge.ical import spans
from bridge.ical.recur import FOREVER_MS
from bridge.ical.worked import WIDEN_MS, at_ms, in_ms, work_out
from bridge.store import calendars, objects, occurrences, people
from radicale_plugin.filters import CompFilter, TimeRange
from radicale_plugin.freebusy import free_busy
from radicale_plugin.queries import select

NOW = 1_790_000_000_000
DAY = 86_400_000
HOUR = DAY // 24
HOME = "Asia/Shanghai"
ZONES = [None, "Europe/Berlin", HOME, "Pacific/Kiritimati", "Pacific/Honolulu"]
RULES = [
    "FREQ=DAILY", "FREQ=DAILY;INTERVAL=3;COUNT=7", "FREQ=DAILY;COUNT=900", "FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO,TH;COUNT=500",
    "FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", "FREQ=YEARLY", "FREQ=DAILY;BYHOUR=0,6,12,18;COUNT=5000", "FREQ=HOURLY;INTERVAL=7;COUNT=60",
    "FREQ=WEEKLY;UNTIL={until}", "FREQ=DAILY;UNTIL={until}", "FREQ=MONTHLY;BYDAY=5SU;BYMONTH=2",
]  # fmt: skip
LENGTHS_MIN = [0, 15, 30, 60, 120, 121, 600, 1440, 1441, 3 * 1440, 5 * 1440, 40 * 1440, 400 * 1440]


def collection(store):
    with store.write() as c:
        principal_id = people.add(c, name="alice", email="", now_ms=NOW)
        calendar_id = calendars.upsert(c, source_id="s", account="", upstream_id="p", name="n", color="")
        return calendars.add_collection(
            c,
            principal_id=principal_id,
            calendar_id=calendar_id,
            slug="s",
            writable=True,
            reason="",
            now_ms=NOW,
        )


class Maker:
    """Draws calendar objects, most of them odd."""

    def __init__(self, chance):
        self.chance = chance

    def accepted(self):
        """Yield (text, object) of what a PUT lets in."""
        for number in range(1000):
            text = self.text(f"u{number}")
            with contextlib.suppress(BridgeError):
                yield text, texts.read(text, HOME)

    def text(self, uid):
        kind = self.chance.choice(["zone", "zone", "utc", "floating", "day", "day", "berlin"])
        start = dt.datetime(2026, 9, 1, tzinfo=dt.UTC) + dt.timedelta(
            minutes=15 * self.chance.randint(-4 * 24 * 1100, 4 * 24 * 900)
        )
        if self.chance.random() < 0.1:
            start -= dt.timedelta(days=365 * self.chance.randint(3, 40))
        length = dt.timedelta(minutes=self.chance.choice(LENGTHS_MIN))
        events = [self.event(uid, kind, start, length, self.more(start, kind))]
        if "RRULE" in events[0]:
            for number in range(self.chance.choice([0, 0, 0, 1, 2])):
                origin = start + dt.timedelta(days=7 * (number + 1))
                moved = origin + dt.timedelta(minutes=15 * self.chance.randint(-3000, 3000))
                if kind == "day":
                    origin, moved = (x.replace(hour=0, minute=0) for x in (origin, moved))
                later = self.chance.random() < 0.3
                of = self.stamp("RECURRENCE-ID", kind, origin, ";RANGE=THISANDFUTURE" if later else "")
                length = dt.timedelta(minutes=self.chance.choice(LENGTHS_MIN[:10]))
                override = self.chance.choice([kind, kind, kind if later or kind == "day" else "utc"])
                events.append(self.event(uid, override, moved, length, [of, *self.takes()]))
        if len(events) > 1 and self.chance.random() < 0.2:
            events.pop(0)  # a guest of single occurrences
        return (
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//Test//EN\r\n"
            + "".join(events)
            + "END:VCALENDAR\r\n"
        )

    def takes(self):
        return [
            line
            for line in ("TRANSP:TRANSPARENT", "STATUS:TENTATIVE", "STATUS:CANCELLED")
            if self.chance.random() < 0.12
        ][:1]

    def more(self, start, kind):
        lines = self.takes()
        if self.chance.random() < 0.55:
            until = start + dt.timedelta(days=self.chance.randint(1, 1500))
            written = {"day": f"{until:%Y%m%d}", "floating": f"{until:%Y%m%dT%H%M%S}"}.get(
                kind, f"{until:%Y%m%dT%H%M%SZ}"
            )
            lines.append(f"RRULE:{self.chance.choice(RULES).format(until=written)}")
            if self.chance.random() < 0.3:
                lines.append(self.stamp("EXDATE", kind, start + dt.timedelta(days=7)))
        if self.chance.random() < 0.1:
            lines.append(
                self.stamp("RDATE", kind, start + dt.timedelta(days=self.chance.randint(1, 90), hours=5))
            )
        return lines

    def event(self, uid, kind, start, length, lines):
        if kind == "day":
            start, length = start.replace(hour=0, minute=0), max(length, dt.timedelta(days=1))
        times = [self.stamp("DTSTART", kind, start), self.stamp("DTEND", kind, start + length)]
        return "\r\n".join(
            ["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z", *times, *lines, "END:VEVENT", ""]
        )

    @staticmethod
    def stamp(name, kind, moment, more=""):
        if kind == "day":
            return f"{name}{more};VALUE=DATE:{moment:%Y%m%d}"
        zone = {"zone": ";TZID=Asia/Shanghai", "berlin": ";TZID=Europe/Berlin"}.get(kind, "")
        return f"{name}{more}{zone}:{moment:%Y%m%dT%H%M%S}{'Z' if kind == 'utc' else ''}"


worked_out = functools.lru_cache(maxsize=1000)(work_out)


def happens_in(one, start_ms, end_ms, zone):
    """Return the occurrences of a text that overlap a range, by reading it: (kind, start, end)."""
    worked = worked_out(one.text)
    found = []
    for occurrence in worked.between(start_ms - 2 * DAY, end_ms + 2 * DAY, limit=20_000):
        first, last = occurrence.bounds_ms(zone or dt.UTC)
        slack = WIDEN_MS if occurrence.zoneless and zone is None else 0
        if spans.overlaps(first - slack, last + slack, start_ms, end_ms):
            found.append((worked.takes[occurrence.number], first, last))
    return found


def vevents(times):
    return [CompFilter("VCALENDAR", False, None, (), (CompFilter("VEVENT", False, times, (), ()),))]


@pytest.fixture
def filled(store):
    seed = secrets.randbits(32) if os.environ.get("QUEQIAO_SEARCH") else 5
    print(f"seed {seed}")
    chance = random.Random(seed)
    mine, maker = collection(store), Maker(chance)
    with store.write() as c:
        for number, (text, obj) in enumerate(itertools.islice(maker.accepted(), 100)):
            values = texts.object_values(obj, text, now_ms=NOW, change_seq=1)
            row = {"collection_id": mine, "href": f"{number}.ics", "exact_until_ms": None}
            objects.add(c, row | values)
    engine = SimpleNamespace(
        store=store, clock=SimpleNamespace(now_ms=lambda: NOW), default_zone=lambda _source: HOME
    )
    view = CollectionView(id=mine, user="alice", slug="s", source_id="s", writable=True)
    return chance, engine, Service(engine, None), view


def ranges(chance, count):
    for number in range(count):
        start = NOW + chance.randint(-1200 * DAY, 1200 * DAY) // (15 * 60_000) * 15 * 60_000
        if number % 5 == 0:
            start = NOW // DAY * DAY + chance.randint(-400, 600) * DAY
        yield start, start + chance.choice([HOUR, DAY, DAY, 7 * DAY, 7 * DAY, 31 * DAY, 200 * DAY])


def check_queries(service, view, chance, count):
    everything = service.get_all(view.id)
    hits = 0
    for start, end in ranges(chance, count):
        name = chance.choice(ZONES)
        zone = ZoneInfo(name) if name else None
        found = {one.href for one in select(service, view, vevents(TimeRange(start, end)), zone)}
        assert found == {one.href for one in everything if happens_in(one, start, end, zone)}, (
            start,
            end,
            name,
        )
        tags = select(service, view, vevents(TimeRange(start, end)), zone, texts=False)
        assert {one.href for one in tags} == found
        hits += len(found)
    assert hits > count


def test_a_query_finds_what_the_texts_say(filled):
    chance, _, service, view = filled
    check_queries(service, view, chance, 25)


def test_free_busy_is_what_the_texts_say(filled):
    chance, _, service, view = filled
    everything = service.get_all(view.id)
    for start, end in ranges(chance, 10):
        name = chance.choice(ZONES)
        zone = ZoneInfo(name) if name else None
        taken = {}
        for one in everything:
            for kind, first, last in happens_in(one, start, end, zone or dt.UTC):
                first, last = max(first, start), min(last, end)
                if kind and first < last:
                    taken.setdefault(kind, []).append((first, last))
        told = {}
        for line in free_busy(service, view, TimeRange(start, end), zone).splitlines():
            if line.startswith("FREEBUSY"):
                kind, _, period = line.removeprefix("FREEBUSY;FBTYPE=").partition(":")
                told.setdefault(kind, []).append(
                    tuple(in_ms(dt.datetime.strptime(side, "%Y%m%dT%H%M%S%z")) for side in period.split("/"))
                )
        for kind in {*taken, *told}:
            assert told[kind] == sorted(told[kind])
            assert covered(told[kind]) == covered(taken[kind]), (start, end, name, kind)
            assert len(told[kind]) == len(covered(told[kind]))  # merged


def covered(periods):
    merged = []
    for first, last in sorted(periods):
        if merged and first <= merged[-1][1]:
            merged[-1][1] = max(last, merged[-1][1])
        else:
            merged.append([first, last])
    return merged


def test_a_half_open_range_misses_nothing(filled):
    chance, _, service, view = filled
    everything = service.get_all(view.id)
    for moment, _ in ranges(chance, 8):
        name = chance.choice(ZONES)
        zone = ZoneInfo(name) if name else None
        for times, closed in (
            (TimeRange(moment, None), [(moment, moment + days * DAY) for days in (30_000, 100)]),
            (TimeRange(None, moment), [(moment - days * DAY, moment) for days in (30_000, 100)]),
        ):
            truth = {
                one.href
                for one in everything
                if happens_in(one, *closed[one.recurring], zone)  # what repeats is only looked for nearby
            }
            for with_texts in (True, False):
                found = select(service, view, vevents(times), zone, texts=with_texts)
                assert truth <= {one.href for one in found}
                # a series may be said to reach further than its last occurrence, a single event never
                assert not {one.href for one in found if not one.recurring} - truth


def test_the_loop_writes_series_further_and_works_out_what_an_earlier_version_left(filled):
    chance, engine, service, view = filled
    with engine.store.write() as c:
        before = {one.href: occurrences.of_object(c, objects.by_href(c, view.id, one.href).id)
                  for one in service.get_all(view.id)}  # fmt: skip
        for due in occurrences.due(c, before_ms=FOREVER_MS + 1, limit=1000)[::3]:
            occurrences.put(c, due.id, view.id, spans.unread((due.starts_ms, due.ends_ms)))
            c.exec_driver_sql(f"UPDATE object SET indexed_until_ms = 0 WHERE id = {due.id:d}")
    check_queries(service, view, chance, 10)
    assert timeindex.tick(engine) == 34
    assert timeindex.tick(engine) == 0
    with engine.store.read() as c:
        for href, rows in before.items():
            assert occurrences.of_object(c, objects.by_href(c, view.id, href).id) == rows
    engine.clock.now_ms = lambda: NOW + 300 * DAY
    moved = timeindex.tick(engine)
    assert 10 < moved < 70  # endless and very long ones only
    assert timeindex.tick(engine) == 0
    check_queries(service, view, chance, 10)
    with engine.store.read() as c:
        looks = [
            span.starts_ms
            for href in before
            for span in occurrences.of_object(c, objects.by_href(c, view.id, href).id)
            if span.sure == spans.Sure.LOOK
        ]
    assert max(looks) >= NOW + 900 * DAY


def test_a_text_that_nobody_can_read_is_found_by_its_bounds(store):
    mine = collection(store)
    with store.write() as c:
        row = {
            "collection_id": mine,
            "href": "a.ics",
            "uid": "a",
            "text": "BEGIN:VCALENDAR\r\n",
            "etag": "e",
            "recurring": 0,
        }
        row |= {
            "starts_ms": NOW,
            "ends_ms": NOW + HOUR,
            "exact_until_ms": None,
            "change_seq": 1,
            "modified_ms": NOW,
        }
        object_id = objects.add(c, row | {"spans": spans.Spans((), 0, (NOW, NOW + HOUR))})
    engine = SimpleNamespace(
        store=store, clock=SimpleNamespace(now_ms=lambda: NOW), default_zone=lambda _source: HOME
    )
    assert timeindex.tick(engine) == 1
    view = CollectionView(id=mine, user="alice", slug="s", source_id="s", writable=True)
    service = Service(engine, None)
    assert [one.href for one in select(service, view, vevents(TimeRange(NOW, NOW + DAY)))] == ["a.ics"]
    assert select(service, view, vevents(TimeRange(NOW + DAY, NOW + 2 * DAY))) == []
    assert "FREEBUSY;" not in free_busy(service, view, TimeRange(NOW, NOW + DAY), None)
    with store.read() as c:
        assert occurrences.of_object(c, object_id)[0].sure == spans.Sure.LOOK


def test_spans_are_few_and_the_same_after_an_edit_that_moves_nothing():
    text = Maker(random.Random(1)).event(
        "u",
        "zone",
        dt.datetime(2026, 1, 1, 9, tzinfo=dt.UTC),
        dt.timedelta(hours=1),
        ["RRULE:FREQ=DAILY;BYHOUR=9,10,11,12"],
    )
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{text}END:VCALENDAR\r\n"
    made = spans.spans_of(
        text, (in_ms(dt.datetime(2026, 1, 1, 1, tzinfo=dt.UTC)), FOREVER_MS), spans.window_end(NOW)
    )
    assert len(made.rows) == spans.ROWS_MAX + 1
    assert made.rows[-1].sure == spans.Sure.LOOK
    assert at_ms(made.rows[0].starts_ms) == dt.datetime(2026, 1, 1, 1, tzinfo=dt.UTC)
    assert spans.window_end(NOW) == spans.window_end(NOW + 1)
    assert NOW + spans.AHEAD_MS <= spans.window_end(NOW) <= NOW + spans.AHEAD_MS + spans.STEP_MS

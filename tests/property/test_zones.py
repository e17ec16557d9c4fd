"""Every zone of the IANA database, at the next hour it skips and the next it repeats, at both vendors.

parse -> compile -> encode -> decode keeps the instants of timed events and the dates of all-day ones. What is expected
is worked out here from the zone alone, by wall clock and day, without the code under test.
"""

from __future__ import annotations

import datetime as dt
import functools
import zoneinfo
from typing import NamedTuple

import pytest

from bridge.ical import parse, recur
from bridge.model.event import CalendarObject
from bridge.model.people import Roster
from bridge.model.upstream import Upstream
from bridge.plan.compile import compile_object
from bridge.providers.dingtalk.mapper import DingTalkMapper
from bridge.providers.wecom.mapper import WeComMapper

NOW = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
HORIZON = NOW + dt.timedelta(days=400)
DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)
COMPANY = zoneinfo.ZoneInfo("Asia/Shanghai")
MAPPERS = {"wecom": WeComMapper(COMPANY), "dingtalk": DingTalkMapper()}
NO_ZONES = {"Factory", "localtime", "posixrules"}
ZONES = sorted(zoneinfo.available_timezones() - NO_ZONES)
ROSTER = Roster(me="me")
SERIES_DAYS = 9
"""Occurrences of a daily series; the edge lies in the middle."""


class Edge(NamedTuple):
    """The last second before a change of offset, in UTC, and what changes."""

    before: dt.datetime
    offset: dt.timedelta
    """East of UTC before the change."""
    jump: dt.timedelta
    """Positive: an hour is skipped; negative: one comes twice."""


@functools.cache
def edges(name: str, most: int = 2, until: dt.datetime = HORIZON) -> tuple[Edge, ...]:
    """Return the first ``most`` changes of a zone from :data:`NOW` on: a skipped and a repeated hour, as a rule."""
    zone = zoneinfo.ZoneInfo(name)
    found: list[Edge] = []
    low = NOW + 6 * DAY
    while low < until - 6 * DAY and len(found) < most:
        high = low + 2 * DAY
        if offset_at(low, zone) != offset_at(high, zone):
            found.append(bisected(low, high, zone))
        low = high
    return tuple(found)


def offset_at(moment: dt.datetime, zone: zoneinfo.ZoneInfo) -> dt.timedelta:
    return moment.astimezone(zone).utcoffset() or dt.timedelta()


def bisected(low: dt.datetime, high: dt.datetime, zone: zoneinfo.ZoneInfo) -> Edge:
    offset = offset_at(low, zone)
    while high - low > dt.timedelta(seconds=1):
        middle = low + dt.timedelta(seconds=(high - low).total_seconds() // 2)
        if offset_at(middle, zone) == offset:
            low = middle
        else:
            high = middle
    return Edge(low, offset, offset_at(high, zone) - offset)


def spots(name: str, changes: tuple[Edge, ...] | None = None) -> list[dt.datetime]:
    """Return wall times (naive) around the changes of a zone: before, in and after each."""
    walls = []
    for edge in edges(name) if changes is None else changes:
        change = (edge.before + dt.timedelta(seconds=1) + edge.offset).replace(tzinfo=None)
        walls += [
            change - HOUR,
            change,
            change + abs(edge.jump) / 2,
            change - abs(edge.jump) / 2,
            change + HOUR,
        ]
    return walls or [dt.datetime(2026, 3, 29, 2, 30), dt.datetime(2026, 12, 31, 23, 30)]  # noqa: DTZ001


def at(wall: dt.datetime, name: str) -> dt.datetime:
    """Return the instant of a wall time: the offset before a gap, the first of two (RFC 5545 3.3.5)."""
    return wall.replace(tzinfo=zoneinfo.ZoneInfo(name)).astimezone(dt.UTC)


def text(*lines: str) -> bytes:
    body = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//T//T//EN",
        "BEGIN:VEVENT",
        "UID:z",
        "DTSTAMP:20260101T000000Z",
    )
    return "\r\n".join([*body, *lines, "END:VEVENT", "END:VCALENDAR", ""]).encode()


def timed(name: str, start: dt.datetime, end: dt.datetime, *more: str) -> bytes:
    return text(f"DTSTART;TZID={name}:{start:%Y%m%dT%H%M%S}", f"DTEND;TZID={name}:{end:%Y%m%dT%H%M%S}", *more)


def dates(start: dt.date, end: dt.date, *more: str) -> bytes:
    return text(f"DTSTART;VALUE=DATE:{start:%Y%m%d}", f"DTEND;VALUE=DATE:{end:%Y%m%d}", *more)


def there_and_back(body: bytes, vendor: str, until: dt.datetime = HORIZON) -> list[tuple[dt.date, dt.date]]:
    """Return what a vendor shows after what we send it, in its own words: starts and ends, ascending."""
    mapper = MAPPERS[vendor]
    obj = parse.parse(body, default_zone="Asia/Shanghai").object
    compiled = compile_object(obj, mapper.limits, now=NOW, horizon=HORIZON)
    found: list[tuple[dt.date, dt.date]] = []
    for piece in compiled.pieces:
        payload = mapper.encode(piece.event, ROSTER).value
        item = Upstream(id=piece.key or "main", snapshot=payload)
        event = mapper.decode(item, "z", ROSTER)
        gone = {recur.instant(moment) for moment in piece.event.recurrence.exdates}
        shown = recur.occurrences(CalendarObject(uid="z", master=event), NOW, until, limit=2_000)
        found += [
            (recur.instant(start), recur.instant(end))
            for _, start, end in shown
            if recur.instant(start) not in gone
        ]
    return sorted(found)


def check_single(
    name: str, wall: dt.datetime, length: dt.timedelta, vendor: str, until: dt.datetime = HORIZON
) -> None:
    end_wall = wall + length
    start, end = at(wall, name), at(end_wall, name)
    if end <= start:  # a skipped hour may swallow the end
        return
    assert there_and_back(timed(name, wall, end_wall), vendor, until) == [(start, end)], (name, wall)
    utc = text(f"DTSTART:{start:%Y%m%dT%H%M%S}Z", f"DTEND:{end:%Y%m%dT%H%M%S}Z")
    assert there_and_back(utc, vendor, until) == [(start, end)]


@pytest.mark.parametrize("vendor", MAPPERS)
def test_a_timed_event_keeps_its_instants_around_every_change_of_every_zone(vendor: str) -> None:
    for name in ZONES:
        for wall in spots(name):
            check_single(name, wall, HOUR, vendor)


@pytest.mark.parametrize("vendor", MAPPERS)
def test_an_event_of_several_days_keeps_its_instants_over_every_change_of_every_zone(vendor: str) -> None:
    for name in ZONES:
        wall = spots(name)[0]
        check_single(name, wall - DAY, 2 * DAY + 3 * HOUR, vendor)


@pytest.mark.parametrize("vendor", MAPPERS)
def test_the_second_of_two_equal_hours_is_the_second_one_at_the_vendor(vendor: str) -> None:
    for name in ZONES:
        for edge in edges(name):
            if edge.jump < dt.timedelta():
                start = edge.before + dt.timedelta(seconds=1)
                body = text(f"DTSTART:{start:%Y%m%dT%H%M%S}Z", "DURATION:PT20M")
                assert there_and_back(body, vendor) == [(start, start + dt.timedelta(minutes=20))]


@pytest.mark.parametrize("vendor", MAPPERS)
@pytest.mark.parametrize("days", [1, 3])
def test_an_all_day_event_keeps_its_dates_wherever_the_company_is(vendor: str, days: int) -> None:
    for name in ZONES:
        mapper = WeComMapper(zoneinfo.ZoneInfo(name)) if vendor == "wecom" else DingTalkMapper(name)
        for edge in edges(name) or (Edge(NOW + 90 * DAY, dt.timedelta(), dt.timedelta()),):
            for shift in (-1, 0, 1):
                start = (edge.before + edge.offset).date() + shift * DAY
                end = start + days * DAY
                event = parse.parse(dates(start, end), default_zone=name).object.master
                assert event is not None
                payload = mapper.encode(event, ROSTER).value
                back = mapper.decode(Upstream(id="a", snapshot=payload), "z", ROSTER)
                assert (back.start, back.end) == (start, end), name


def daily(name: str, wall: dt.datetime) -> list[dt.datetime]:
    """Return a daily series by the clock: each occurrence at the same wall time."""
    return [at(wall + number * DAY, name) for number in range(SERIES_DAYS)]


def check_series(name: str, vendor: str) -> None:
    walls = spots(name)
    for wall in {walls[0], walls[-1], walls[len(walls) // 2]}:
        first = wall - (SERIES_DAYS // 2) * DAY
        body = timed(name, first, first + HOUR / 2, f"RRULE:FREQ=DAILY;COUNT={SERIES_DAYS}")
        starts = [start for start, _ in there_and_back(body, vendor)]
        assert starts == daily(name, first), (name, wall)
    weekly = timed(name, first, first + HOUR / 2, "RRULE:FREQ=WEEKLY;COUNT=52")
    starts = [start for start, _ in there_and_back(weekly, vendor)]
    expected = [at(first + number * 7 * DAY, name) for number in range(52)]
    assert starts == [one for one in expected if one < HORIZON], name


@pytest.mark.parametrize("vendor", MAPPERS)
def test_a_series_keeps_its_hour_over_every_change_of_every_zone(vendor: str) -> None:
    for name in ZONES:
        check_series(name, vendor)


@pytest.mark.slow
@pytest.mark.parametrize("vendor", MAPPERS)
@pytest.mark.parametrize("name", ZONES)
def test_a_timed_event_keeps_its_instants_around_every_change_for_twelve_years(
    vendor: str, name: str
) -> None:
    until = NOW + 12 * 365 * DAY
    for wall in spots(name, edges(name, 100, until)):
        check_single(name, wall, HOUR, vendor, until)


@pytest.mark.parametrize("vendor", MAPPERS)
def test_an_all_day_series_keeps_its_dates(vendor: str) -> None:
    first = dt.date(2026, 3, 25)
    body = dates(first, first + 2 * DAY, "RRULE:FREQ=DAILY;INTERVAL=3;COUNT=8")
    expected = [(first + 3 * n * DAY, first + (3 * n + 2) * DAY) for n in range(8)]
    assert there_and_back(body, vendor) == expected


def test_the_table_has_every_zone_and_both_kinds_of_edge() -> None:
    assert len(ZONES) > 450
    jumps = [edge.jump for name in ZONES for edge in edges(name)]
    assert sum(jump > dt.timedelta() for jump in jumps) > 150
    assert sum(jump < dt.timedelta() for jump in jumps) > 150
    assert {abs(jump) for jump in jumps} >= {HOUR, HOUR / 2, 2 * HOUR}

"""Zones against the IANA database, and our VTIMEZONEs against dateutil's reading of them."""

from __future__ import annotations

import datetime as dt
import io
import zoneinfo

import pytest
from dateutil.tz import tzical
from examples import at_least
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.ical import zones
from bridge.ical.lines import read
from bridge.ical.zonenames import WINDOWS_TO_OLSON

KEYS = sorted(
    key
    for key in zoneinfo.available_timezones()
    if key not in {"Factory", "localtime"} and zones.by_name(key) is not dt.UTC
)


@at_least(250)
@given(
    key=st.sampled_from(KEYS),
    first=st.integers(1970, 2030),
    length=st.integers(0, 30),
    data=st.data(),
)
def test_a_vtimezone_of_ours_is_right_for_its_years(
    key: str, first: int, length: int, data: st.DataObject
) -> None:
    text = zones.vtimezone_for(key, first, first + length)
    theirs = tzical(io.StringIO(text)).get()
    component = read(text)
    zone = zoneinfo.ZoneInfo(key)
    seconds = (dt.datetime(first + length + 1, 1, 1) - dt.datetime(first, 1, 1)).total_seconds()  # noqa: DTZ001
    for _ in range(10):
        moment = dt.datetime(first, 1, 1, tzinfo=dt.UTC) + dt.timedelta(
            seconds=data.draw(st.integers(0, int(seconds)))
        )
        local = moment.astimezone(zone)
        wall = local.replace(tzinfo=None, fold=0)
        if any((local + dt.timedelta(hours=hours)).utcoffset() != local.utcoffset() for hours in (-3, 3)):
            continue  # around a change dateutil and RFC 5545 name different offsets for the same wall time
        if not first <= wall.year <= first + length:
            continue
        assert theirs.utcoffset(wall) == local.utcoffset()
        assert zones.local_offset(component, local) == local.utcoffset()


@at_least(60)
@given(key=st.sampled_from(KEYS), year=st.integers(1990, 2035))
def test_a_custom_name_for_known_rules_is_a_zone_with_the_same_offsets(key: str, year: int) -> None:
    text = zones.vtimezone_for(key, year, year + 3).replace(f"TZID:{key}", "TZID:TZ08 (ours)")
    found = zones.resolve("TZ08 (ours)", read(text), (year, year + 3))
    zone = zoneinfo.ZoneInfo(key)
    moment = dt.datetime(year, 1, 1, 12, tzinfo=dt.UTC)
    while moment.year <= year + 3:
        assert moment.astimezone(found).utcoffset() == moment.astimezone(zone).utcoffset()
        moment += dt.timedelta(days=5)


@at_least(300)
@given(name=st.text(max_size=60) | st.sampled_from(KEYS).map(lambda key: f"/x.example.org/y/{key}"))
def test_any_name_is_a_zone_or_none(name: str) -> None:
    zone = zones.by_name(name)
    assume(zone is not None)
    assert dt.datetime(2026, 1, 1, tzinfo=zone).utcoffset() is not None


@pytest.mark.parametrize("name", sorted(WINDOWS_TO_OLSON))
def test_every_windows_name_is_known(name: str) -> None:
    zone = zones.by_name(name)
    assert zone is dt.UTC or isinstance(zone, zoneinfo.ZoneInfo)


IRREGULAR = [
    *("Asia/Shanghai", "Africa/Cairo", "Africa/Casablanca", "Europe/Dublin", "America/Sao_Paulo"),
    *("Australia/Lord_Howe", "Europe/Istanbul", "America/New_York", "Pacific/Apia"),
]


@pytest.mark.parametrize(
    "key", [key if key in IRREGULAR else pytest.param(key, marks=pytest.mark.slow) for key in KEYS]
)
def test_every_vtimezone_of_fifty_years_is_right_each_day(key: str) -> None:
    theirs = tzical(io.StringIO(zones.vtimezone_for(key, 1975, 2025))).get()
    zone = zoneinfo.ZoneInfo(key)
    moment = dt.datetime(1975, 1, 2, 12, tzinfo=dt.UTC)
    while moment.year <= 2025:
        local = moment.astimezone(zone)
        if all((local + dt.timedelta(hours=hours)).utcoffset() == local.utcoffset() for hours in (-3, 3)):
            assert theirs.utcoffset(local.replace(tzinfo=None, fold=0)) == local.utcoffset(), moment
        moment += dt.timedelta(days=1)

"""The law that everything else serves: what the vendor shows is what the client wrote.

A random object is PUT through the real engine into a vendor in a box, which expands its items with code of its own, under
every reading of its documents that concerns series; the client's set comes from dateutil. Neither side knows the other.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import fidelity_box
import pytest
from examples import LAW, law
from fidelity_box import SIDES, Box
from hypothesis import given, settings
from hypothesis import strategies as st
from test_compile_laws import HORIZON, NOW, client_set, in_window, objects

from bridge.errors import Refused
from bridge.ical.write import write

READINGS = {
    "wecom": [
        {},
        {"until_rule": "exclusive", "week_start": "sunday", "forever_shown": "absent"},
        {"until_rule": "date", "short_month": "clamp", "start_off_pattern": "included"},
        {"interval_scope": "week_month", "exclusions_on_update": "lost", "no_exclusions_shown": "absent"},
        {"exclusions_on_update": "kept", "series_to_single": "40058", "empty_series": "cancelled"},
        {"exclusions_on_update": "shifted", "workdays": "holidays", "all_day_end": "next_midnight"},
        {"all_day_end": "last_second", "timezone_shown": "unsigned"},
    ],
    "dingtalk": [
        {},
        {"response_offset": "utc", "end_date": "inclusive_instant"},
        {"response_offset": "as_sent", "end_date": "exclusive_instant", "exceptions_on_master_edit": "kept"},
        {"response_time_zone": "shanghai", "end_date": "inclusive_date_as_written"},
        {"instance_recurrence": "absent", "all_day_zone": "Asia/Shanghai", "short_month": "clamp"},
        {"exceptions_on_master_edit": "dropped", "numbered_counts_removed": "no"},
        {"instance_write": "rejected"},
        {"instance_write": "series"},
        {"future_instance_ids": "unknown"},
    ],
}
"""Both values, or all, of every switch that concerns series."""
CASES = [(vendor, switches) for vendor, many in READINGS.items() for switches in many]
SHARE = {vendor: -(-LAW // len(many)) for vendor, many in READINGS.items()}
"""Examples for each reading: together as many for a vendor as the law asks."""


def name_of(case):
    return " ".join([case[0], *(f"{name}={value}" for name, value in case[1].items())])


@pytest.fixture(params=CASES, ids=name_of)
def vendor(request, monkeypatch):
    """A vendor with one reading; the database in memory where there is a file system for that."""
    kind, switches = request.param
    monkeypatch.setattr(fidelity_box, "NOW", NOW)
    quick = Path("/dev/shm")  # noqa: S108  # syncing to a disk after every edit would be all that is measured
    folder = tempfile.mkdtemp(dir=quick if quick.is_dir() else None)
    made = Box(SIDES[kind], folder, switches=switches, future_days=(HORIZON - NOW).days)
    yield made
    made.close()
    shutil.rmtree(folder)


def starts_and_ends(shown, wanted, zone):
    """Count what is shown.

    Where clocks change during an occurrence, RFC 5545 3.8.5.3 lets it last exactly as long as the first, and clients let
    it end at the same time of day. A vendor that knows zones may do either: both are taken for what clients do.
    """
    by_start = {}
    for start, end in wanted:
        by_start.setdefault(start, set()).add(end)
    return Counter(
        (start, _as_clients_end(start, end, by_start.get(start, ()), zone)) for start, end in shown
    )


def _as_clients_end(start, end, ends, zone):
    if zone is None or end in ends:
        return end
    at = start.astimezone(zone).utcoffset()
    fits = [
        one for one in ends if abs(end - one) == abs(one.astimezone(zone).utcoffset() - at) != dt.timedelta()
    ]
    return fits[0] if fits else end


def timed(obj):
    return isinstance(obj.master.start, dt.datetime)


@pytest.mark.timeout(7200)
@settings(law, max_examples=max(SHARE.values()))
@given(obj=objects(), pulls=st.integers(0, 2))
def test_the_vendor_shows_exactly_what_the_client_wrote_and_gives_it_back(vendor, obj, pulls):
    text = write(obj, dtstamp_ms=0)
    try:
        vendor.put("a.ics", text)
    except Refused:
        assert vendor.side.items() == []
        return
    vendor.rest()
    vendor.carry()
    wanted = Counter()
    for (start, end, _), count in in_window(client_set(obj).seen, NOW, HORIZON).items():
        wanted[start, end] += count
    shown = vendor.shown(NOW - dt.timedelta(days=2), HORIZON + dt.timedelta(days=2))
    found = in_window(
        starts_and_ends(shown, wanted, obj.master.start.tzinfo if timed(obj) else None), NOW, HORIZON
    )
    if vendor.side.source == "dingtalk":  # windows overlap there, so that doubles cannot be told
        wanted = Counter(set(wanted))
    assert found == wanted
    before = len(vendor.writes())
    vendor.put("a.ics", text)
    if not pulls:  # a look at everything is dear
        vendor.sync()
    assert len(vendor.writes()) == before, "a plan after its own application is not empty"
    assert vendor.text("a.ics") == text
    vendor.clear()
    vendor.side.calls.clear()

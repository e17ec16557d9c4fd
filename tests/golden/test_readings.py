"""The same files at vendors that read every silent point of their documents otherwise.

Whatever the vendor does where its documents are silent, it shows the client's occurrences, and the client gets back its
own bytes. What a reading refuses outright is refused to the client with nothing left behind.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from fidelity_box import SIDES, Box, ours

from bridge.errors import Refused

HERE = Path(__file__).parent

READINGS = {
    "wecom": [
        {"all_day_end": "next_midnight", "timezone_shown": "unsigned", "forever_shown": "absent"},
        {"all_day_end": "last_second", "until_rule": "exclusive", "week_start": "sunday"},
        {"until_rule": "date", "short_month": "clamp", "start_off_pattern": "included"},
        {"interval_scope": "week_month", "no_exclusions_shown": "absent", "split_responses": "copied"},
        {"exclusions_on_update": "lost", "series_to_single": "40058", "empty_series": "cancelled"},
        {"exclusions_on_update": "kept", "list_superset": True, "list_order": "newest_first"},
        {
            "exclusions_on_update": "shifted",
            "workdays": "holidays",
            "list_cancelled": False,
            "list_page_cap": 3,
        },
    ],
    "dingtalk": [
        {"response_offset": "utc", "end_date": "inclusive_instant"},
        {"response_offset": "as_sent", "end_date": "exclusive_instant", "response_fraction": "yes"},
        {"response_time_zone": "shanghai", "end_date": "inclusive_date_as_written"},
        {"instance_recurrence": "absent", "all_day_zone": "Asia/Shanghai", "empty_fields": "null"},
        {"empty_fields": "absent", "sdk_only_fields": "absent", "put_reminders_omitted": "reset"},
        {"exceptions_on_master_edit": "dropped", "numbered_counts_removed": "no", "short_month": "clamp"},
        {"exceptions_on_master_edit": "kept", "rich_text": "linked", "iso_milliseconds": "required"},
        {"future_instance_ids": "unknown", "undocumented_operations": "denied"},
        {"instance_write": "rejected"},
        {"zero_length": "reject", "remove_recurrence": "null", "time_change_resets_responses": "yes"},
    ],
}
REFUSING = {"zero_length"}
"""Readings under which a vendor refuses what its documents do not promise."""

ZONES = {
    "apple_ios_all_day_with_default_alarm",
    "apple_macos_new_york_every_second_week",
    "berlin_daily_at_an_hour_that_is_skipped",
    "davx5_second_tuesday_by_setpos",
    "davx5_weekly_moved_occurrence",
    "evolution_daily_exdate_as_date",
    "google_los_angeles_daily_over_the_change",
    "outlook_export_custom_zone_name",
    "thunderbird_berlin_weekly_with_exdate",
}


def cases(vendor, names=None):
    found = sorted(path.parent for path in (HERE / vendor).glob("*/client.ics"))
    return [case for case in found if names is None or case.name in names]


def name_of(switches):
    return " ".join(f"{name}={value}" for name, value in switches.items())


ALL = [
    pytest.param(vendor, switches, id=f"{vendor} {name_of(switches)}")
    for vendor, sets in READINGS.items()
    for switches in sets
]


@pytest.mark.parametrize(("vendor", "switches"), ALL)
def test_series_in_zones_are_the_same_under_every_reading(vendor, switches, tmp_path):
    play(vendor, switches, cases(vendor, ZONES), tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("vendor", "switches"), ALL)
def test_every_case_is_the_same_under_every_reading(vendor, switches, tmp_path):
    play(vendor, switches, cases(vendor), tmp_path)


def play(vendor, switches, chosen, folder):
    box = Box(SIDES[vendor], folder, switches=switches)
    try:
        for case in chosen:
            one(box, case, may_refuse=bool(REFUSING & set(switches)))
            box.clear()
    finally:
        box.close()


def one(box, case, *, may_refuse):
    href = f"{case.name}.ics"
    try:
        box.put(href, (case / "client.ics").read_bytes())
    except Refused:
        assert may_refuse or not (case / "served.ics").exists(), case.name
        box.carry()
        assert box.side.items() == [], case.name
        return
    text = box.text(href)
    expected = [start for start, _ in ours(text)]
    assert [start for start, _ in box.shown()] == expected, case.name
    box.sync()
    box.sync(full=True)
    assert box.text(href) == text, case.name

"""What is read from WeCom, also what only its own programs write."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from examples import at_least
from hypothesis import given
from hypothesis import strategies as st

from bridge.model.event import Event, Status
from bridge.model.people import PartStat, Person, Roster
from bridge.model.recurrence import Freq, NthDay, Recurrence, Rule, Weekday
from bridge.model.upstream import Upstream
from bridge.providers.wecom.decode import decode
from bridge.providers.wecom.encode import encode
from bridge.providers.wecom.mapper import WeComMapper

SHANGHAI = ZoneInfo("Asia/Shanghai")
THURSDAY_10 = 1767837600
"""2026-01-08 10:00 +08:00."""
MIDNIGHT = 1767801600
"""2026-01-08 00:00 +08:00."""
WORK_WEEK = tuple(NthDay(day) for day in list(Weekday)[:5])


def read(zone: ZoneInfo = SHANGHAI, roster: Roster | None = None, **snapshot: Any) -> Event:
    full = {"schedule_id": "s1", "start_time": THURSDAY_10, "end_time": THURSDAY_10 + 3600, **snapshot}
    item = Upstream(id="s1", snapshot=full)
    return decode(item, "u1", roster or Roster(me="lisi"), zone)


def rule(**reminders: Any) -> Rule | None:
    rules = read(reminders={"is_repeat": 1, "timezone": 8, **reminders}).recurrence.rules
    return rules[0] if rules else None


def test_a_full_snapshot_is_read() -> None:
    roster = Roster(me="lisi", people={"wangwu": Person(address="mailto:ww@example.com", name="王五")})
    event = read(
        roster=roster,
        admins=["lisi"],
        attendees=[
            {"userid": "lisi", "response_status": 2},
            {"userid": "wangwu", "response_status": 4},
        ],
        summary="Team sync",
        description="weekly",
        location="Room 3",
        is_whole_day=0,
        status=0,
        cal_id="wc1",
        sequence=100,
        reminders={
            "is_remind": 1,
            "remind_before_event_secs": 900,
            "remind_time_diffs": [-900],
            "timezone": 8,
        },
    )
    assert event.start == dt.datetime(2026, 1, 8, 10, tzinfo=SHANGHAI)
    assert isinstance(event.start, dt.datetime)
    assert event.start.tzinfo == SHANGHAI
    assert event.end == dt.datetime(2026, 1, 8, 11, tzinfo=SHANGHAI)
    assert (event.summary, event.description, event.location) == ("Team sync", "weekly", "Room 3")
    assert event.status is Status.CONFIRMED
    assert [alarm.before_start_s for alarm in event.alarms] == [900]
    assert [(a.address, a.name, a.partstat) for a in event.attendees] == [
        ("mailto:lisi@queqiao.invalid", "", PartStat.ACCEPTED),
        ("mailto:ww@example.com", "王五", PartStat.DECLINED),
    ]
    assert event.organizer == Person(address="mailto:lisi@queqiao.invalid")
    assert not event.recurrence


# ---- never fails ----

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["1", "-3", "true"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
REMINDER_NAMES = st.sampled_from(
    [
        "is_remind", "remind_before_event_secs", "remind_time_diffs", "is_repeat", "repeat_type", "repeat_until",
        "is_custom_repeat", "repeat_interval", "repeat_day_of_week", "repeat_day_of_month", "timezone",
        "exclude_time_list",
    ]
)  # fmt: skip
NAMES = st.sampled_from(
    [
        "start_time", "end_time", "is_whole_day", "summary", "description", "location", "place", "attendees",
        "admins", "adminis", "organizer", "status", "meeting_link", "schedule_id",
    ]
)  # fmt: skip


@at_least(300)
@given(st.dictionaries(NAMES, JSON), st.dictionaries(REMINDER_NAMES, JSON) | JSON)
def test_no_snapshot_makes_reading_fail(snapshot: dict[str, Any], reminders: Any) -> None:
    item = Upstream(id="x", snapshot={**snapshot, "reminders": reminders})
    event = decode(item, "u", Roster(me="lisi"), SHANGHAI)
    assert event.uid == "u"
    assert event.end >= event.start


def test_an_empty_snapshot_is_an_event() -> None:
    event = decode(Upstream(id="x", snapshot={}), "u", Roster(), SHANGHAI)
    assert event.start == event.end == dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize("value", [THURSDAY_10, str(THURSDAY_10), float(THURSDAY_10), f" {THURSDAY_10} "])
def test_numbers_may_come_as_text(value: Any) -> None:
    event = read(start_time=value, reminders={"is_repeat": "1", "repeat_type": "0", "timezone": "8"})
    assert event.start == dt.datetime(2026, 1, 8, 10, tzinfo=SHANGHAI)
    assert event.recurrence.rules == (Rule(freq=Freq.DAILY),)


@pytest.mark.parametrize("end", [None, 0, THURSDAY_10 - 5, "later"])
def test_an_end_that_is_missing_or_before_the_start_is_the_start(end: Any) -> None:
    event = read(end_time=end)
    assert event.end == event.start


def test_the_oldest_page_names_the_place_elsewhere() -> None:
    assert read(location=3, place="Room 3").location == "Room 3"
    assert read(location="Room 4", place="Room 3").location == "Room 4"


def test_the_link_of_a_meeting_is_kept() -> None:
    assert read(meeting_link="https://meeting.example.com/1").url == "https://meeting.example.com/1"


@pytest.mark.parametrize(
    ("status", "cancelled"), [(0, False), (1, True), ("1", True), (None, False), (7, False)]
)
def test_a_cancelled_schedule_is_read_as_one(status: Any, cancelled: bool) -> None:
    assert (read(status=status).status is Status.CANCELLED) is cancelled


# ---- people ----

ANSWERS = [
    (0, PartStat.NEEDS_ACTION, PartStat.NEEDS_ACTION),
    (1, PartStat.TENTATIVE, PartStat.TENTATIVE),
    (2, PartStat.ACCEPTED, PartStat.ACCEPTED),
    (3, PartStat.ACCEPTED, PartStat.NEEDS_ACTION),
    (4, PartStat.DECLINED, PartStat.DECLINED),
    (5, PartStat.ACCEPTED, PartStat.ACCEPTED),
    (6, PartStat.TENTATIVE, PartStat.NEEDS_ACTION),
    (7, PartStat.TENTATIVE, PartStat.TENTATIVE),
    (8, PartStat.DECLINED, PartStat.NEEDS_ACTION),
    (9, PartStat.DECLINED, PartStat.DECLINED),
    (10, PartStat.NEEDS_ACTION, PartStat.NEEDS_ACTION),
    ("2", PartStat.ACCEPTED, PartStat.ACCEPTED),
    (None, PartStat.NEEDS_ACTION, PartStat.NEEDS_ACTION),
]


@pytest.mark.parametrize(("answer", "single", "whole_series"), ANSWERS)
def test_an_answer_to_one_occurrence_says_nothing_of_the_series(
    answer: Any, single: PartStat, whole_series: PartStat
) -> None:
    people = [{"userid": "wangwu", "response_status": answer}]
    assert read(attendees=people).attendees[0].partstat is single
    assert (
        read(attendees=people, reminders={"is_repeat": 1, "repeat_type": 0}).attendees[0].partstat
        is whole_series
    )


@pytest.mark.parametrize(
    ("snapshot", "organizer"),
    [
        ({"organizer": "zhaoliu", "admins": ["wangwu"]}, "zhaoliu"),
        ({"admins": ["wangwu", "lisi"]}, "wangwu"),
        ({"adminis": ["wangwu"]}, "wangwu"),
        ({}, "lisi"),
    ],
)
def test_whoever_may_edit_a_meeting_is_shown_as_its_organizer(
    snapshot: dict[str, Any], organizer: str
) -> None:
    event = read(attendees=[{"userid": "x"}], **snapshot)
    assert event.organizer == Person(address=f"mailto:{organizer}@queqiao.invalid")
    assert read(attendees=[], **snapshot).organizer is None


def test_people_named_twice_or_not_at_all_are_read_once() -> None:
    people = [{"userid": "Lisi"}, {"userid": "lisi"}, {}, "wangwu", None, {"userid": ""}]
    assert [a.address for a in read(attendees=people).attendees] == [
        "mailto:=4cisi@queqiao.invalid",
        "mailto:wangwu@queqiao.invalid",
    ]


# ---- reminders ----


@pytest.mark.parametrize(
    ("reminders", "before"),
    [
        ({"is_remind": 1, "remind_time_diffs": [-604800, 86399, -1]}, [-86399, 1, 604800]),
        ({"is_remind": 1, "remind_time_diffs": [0, 0, -300]}, [0, 300]),
        ({"is_remind": 1, "remind_before_event_secs": 900}, [900]),
        ({"is_remind": 1, "remind_time_diffs": [], "remind_before_event_secs": 3600}, [3600]),
        ({"is_remind": 1, "remind_time_diffs": [-300], "remind_before_event_secs": 3600}, [300]),
        ({"is_remind": 1}, [0]),
        ({"is_remind": 0, "remind_time_diffs": [-300], "remind_before_event_secs": 3600}, []),
        ({}, []),
        (None, []),
    ],
)
def test_any_reminder_is_read(reminders: Any, before: list[int]) -> None:
    assert [alarm.before_start_s for alarm in read(reminders=reminders).alarms] == before


# ---- all day ----


@pytest.mark.parametrize(
    ("end_s", "days"),
    [
        (MIDNIGHT + 86399, 1),
        (MIDNIGHT + 86340, 1),
        (MIDNIGHT + 86400, 1),
        (MIDNIGHT + 86401, 2),
        (MIDNIGHT + 3 * 86400 - 1, 3),
        (MIDNIGHT + 3 * 86400, 3),
        (MIDNIGHT, 1),
        (0, 1),
        (MIDNIGHT + 3600, 1),
    ],
)
def test_the_end_of_an_all_day_event_may_be_written_in_any_way(end_s: int, days: int) -> None:
    event = read(start_time=MIDNIGHT, end_time=end_s, is_whole_day=1, reminders={"timezone": 8})
    first = dt.date(2026, 1, 8)
    assert (event.start, event.end) == (first, first + dt.timedelta(days=days))
    assert event.is_all_day


@pytest.mark.parametrize("timezone", [8, None, "8"])
def test_an_all_day_event_is_read_in_the_companys_zone(timezone: Any) -> None:
    reminders = {} if timezone is None else {"timezone": timezone}
    event = read(start_time=MIDNIGHT, end_time=MIDNIGHT + 86399, is_whole_day=1, reminders=reminders)
    assert event.start == dt.date(2026, 1, 8)


def test_an_all_day_event_of_another_offset_is_read_in_that_offset() -> None:
    start_s = int(dt.datetime(2026, 1, 8, tzinfo=dt.timezone(dt.timedelta(hours=-5))).timestamp())
    event = read(start_time=start_s, end_time=start_s + 86399, is_whole_day=1, reminders={"timezone": -5})
    assert (event.start, event.end) == (dt.date(2026, 1, 8), dt.date(2026, 1, 9))


def test_an_all_day_event_at_the_companys_midnight_is_read_there_although_the_offset_says_otherwise() -> None:
    event = read(start_time=MIDNIGHT, end_time=MIDNIGHT + 86399, is_whole_day=1, reminders={"timezone": 3})
    assert (event.start, event.end) == (dt.date(2026, 1, 8), dt.date(2026, 1, 9))


def test_the_exclusions_and_the_end_of_an_all_day_series_are_dates() -> None:
    event = read(
        start_time=MIDNIGHT,
        end_time=MIDNIGHT + 86399,
        is_whole_day=1,
        reminders={
            "timezone": 8,
            "is_repeat": 1,
            "repeat_type": 0,
            "repeat_until": MIDNIGHT + 5 * 86400 - 1,
            "exclude_time_list": [{"start_time": MIDNIGHT + 86400}],
        },
    )
    assert event.recurrence == Recurrence(
        rules=(Rule(freq=Freq.DAILY, until=dt.date(2026, 1, 12)),), exdates=(dt.date(2026, 1, 9),)
    )


# ---- series ----


@pytest.mark.parametrize(
    ("reminders", "expected"),
    [
        ({"repeat_type": 0}, Rule(freq=Freq.DAILY)),
        ({"repeat_type": 0, "is_custom_repeat": 1, "repeat_interval": 3}, Rule(freq=Freq.DAILY, interval=3)),
        ({"repeat_type": 0, "is_custom_repeat": 0, "repeat_interval": 3}, Rule(freq=Freq.DAILY)),
        ({"repeat_type": 1}, Rule(freq=Freq.WEEKLY)),
        (
            {"repeat_type": 1, "is_custom_repeat": 1, "repeat_interval": 2, "repeat_day_of_week": [7, 4, 1]},
            Rule(
                freq=Freq.WEEKLY,
                interval=2,
                by_day=(NthDay(Weekday.MO), NthDay(Weekday.TH), NthDay(Weekday.SU)),
            ),
        ),
        ({"repeat_type": 1, "is_custom_repeat": 1, "repeat_day_of_week": [4]}, Rule(freq=Freq.WEEKLY)),
        ({"repeat_type": 1, "is_custom_repeat": 1, "repeat_day_of_week": []}, Rule(freq=Freq.WEEKLY)),
        (
            {"repeat_type": 1, "is_custom_repeat": 1, "repeat_day_of_week": [0, 8, "x"]},
            Rule(freq=Freq.WEEKLY),
        ),
        ({"repeat_type": 1, "is_custom_repeat": 0, "repeat_day_of_week": [1]}, Rule(freq=Freq.WEEKLY)),
        ({"repeat_type": 2}, Rule(freq=Freq.MONTHLY)),
        (
            {
                "repeat_type": 2,
                "is_custom_repeat": 1,
                "repeat_interval": 2,
                "repeat_day_of_month": [31, 10, 0, 32],
            },
            Rule(freq=Freq.MONTHLY, interval=2, by_month_day=(10, 31)),
        ),
        ({"repeat_type": 5}, Rule(freq=Freq.YEARLY)),
        ({"repeat_type": 5, "is_custom_repeat": 1, "repeat_interval": 2}, Rule(freq=Freq.YEARLY, interval=2)),
        ({"repeat_type": 7}, Rule(freq=Freq.WEEKLY, by_day=WORK_WEEK)),
        (
            {"repeat_type": 7, "is_custom_repeat": 1, "repeat_interval": 1, "repeat_day_of_week": [3, 7]},
            Rule(freq=Freq.WEEKLY, by_day=WORK_WEEK),
        ),
        ({"repeat_type": 3}, None),
        ({"repeat_type": "soon"}, None),
        ({}, None),
        ({"repeat_type": 0, "is_custom_repeat": 1, "repeat_interval": 0}, Rule(freq=Freq.DAILY)),
        ({"repeat_type": 0, "is_custom_repeat": 1, "repeat_interval": 10**9}, Rule(freq=Freq.DAILY)),
    ],
)
def test_every_repetition_is_read(reminders: dict[str, Any], expected: Rule | None) -> None:
    assert rule(**reminders) == expected


@pytest.mark.parametrize(
    ("until_s", "last"),
    [
        (THURSDAY_10 + 2 * 86400, 10),
        (THURSDAY_10 + 2 * 86400 - 1, 9),
        (THURSDAY_10 + 2 * 86400 + 1, 10),
        (MIDNIGHT + 3 * 86400 - 1, 10),
        (THURSDAY_10 + 3 * 86400 - 1, 10),
        (1, 8),
    ],
)
def test_every_way_to_write_the_same_end_reads_alike(until_s: int, last: int) -> None:
    found = rule(repeat_type=0, repeat_until=until_s)
    assert found == Rule(freq=Freq.DAILY, until=dt.datetime(2026, 1, last, 2, tzinfo=dt.UTC))


@pytest.mark.parametrize("until", [0, None, "", "0"])
def test_no_end_is_for_ever(until: Any) -> None:
    assert rule(repeat_type=0, repeat_until=until) == Rule(freq=Freq.DAILY)


def test_removed_occurrences_become_exclusions_in_the_series_own_zone() -> None:
    gaps = [
        THURSDAY_10 + 86400,
        {"start_time": THURSDAY_10 + 3 * 86400},
        {"start_time": str(THURSDAY_10)},
        {},
        None,
    ]
    event = read(reminders={"is_repeat": 1, "repeat_type": 0, "timezone": 8, "exclude_time_list": gaps})
    assert event.recurrence.exdates == tuple(
        dt.datetime(2026, 1, day, 10, tzinfo=SHANGHAI) for day in (8, 9, 11)
    )


@pytest.mark.parametrize(
    ("timezone", "company", "name"),
    [
        (8, "Asia/Shanghai", "Asia/Shanghai"),
        (None, "Asia/Shanghai", "Asia/Shanghai"),
        (9, "Asia/Shanghai", "Etc/GMT-9"),
        (-5, "Asia/Shanghai", "Etc/GMT+5"),
        (2**32 - 5, "Asia/Shanghai", "Etc/GMT+5"),
        ("-5", "Asia/Shanghai", "Etc/GMT+5"),
        (0, "Asia/Shanghai", "Etc/UTC"),
        (1, "Europe/Berlin", "Etc/GMT-1"),
        (2, "Europe/Berlin", "Etc/GMT-2"),
        (-7, "America/Phoenix", "America/Phoenix"),
        (12, "Asia/Shanghai", "Etc/GMT-12"),
        (-12, "Asia/Shanghai", "Etc/GMT+12"),
        (99, "Asia/Shanghai", "Etc/GMT-14"),
        (-99, "Asia/Shanghai", "Etc/GMT+12"),
    ],
)
def test_a_series_is_read_in_a_named_zone_that_keeps_its_offset(
    timezone: Any, company: str, name: str
) -> None:
    reminders = {"is_repeat": 1, "repeat_type": 0, "timezone": timezone}
    if timezone is None:
        del reminders["timezone"]
    event = read(ZoneInfo(company), reminders=reminders)
    assert isinstance(event.start, dt.datetime)
    assert event.start.tzinfo == ZoneInfo(name)
    assert event.start.timestamp() == THURSDAY_10


def test_a_single_event_is_read_in_the_companys_zone_whatever_its_offset() -> None:
    event = read(ZoneInfo("Europe/Berlin"), reminders={"is_repeat": 0, "timezone": -5})
    assert isinstance(event.start, dt.datetime)
    assert event.start.tzinfo == ZoneInfo("Europe/Berlin")


def test_an_occurrence_carries_its_original_start_and_no_rule() -> None:
    origin = dt.datetime(2026, 1, 8, 2, tzinfo=dt.UTC)
    snapshot = {
        "start_time": THURSDAY_10 + 7200,
        "end_time": THURSDAY_10 + 9000,
        "reminders": {"is_repeat": 1, "repeat_type": 0},
    }
    item = Upstream(id="x", snapshot=snapshot, series_id="s", origin=origin)
    event = decode(item, "u", Roster(), SHANGHAI)
    assert event.recurrence_id == origin
    assert not event.recurrence


def test_a_payload_of_ours_can_be_read_like_a_snapshot(say: Any) -> None:
    event = say.series(Rule(freq=Freq.WEEKLY, count=4), alarms=say.alarms(900))
    sent = encode(event, say.roster, SHANGHAI).value
    back = decode(Upstream(id="", snapshot=sent), "u1", say.roster, SHANGHAI)
    assert (back.start, back.end, back.summary, back.alarms) == (
        event.start,
        event.end,
        event.summary,
        event.alarms,
    )
    assert back.recurrence.rules == (
        Rule(freq=Freq.WEEKLY, until=dt.datetime(2026, 1, 29, 2, tzinfo=dt.UTC)),
    )


def test_everybody_whom_a_schedule_mentions_is_named() -> None:
    mapper = WeComMapper(SHANGHAI)
    snapshot = {"attendees": [{"userid": "a"}, {"userid": "b"}], "adminis": ["c"], "organizer": "d"}
    assert mapper.people_of(snapshot) == dict.fromkeys("abcd", "")
    assert mapper.people_of({}) == {}


def test_only_what_was_cancelled_cannot_be_changed() -> None:
    mapper = WeComMapper(SHANGHAI)
    assert mapper.allows_change({"status": 0, "admins": ["x"]}, Roster(me="lisi")) == ""
    assert "cancelled" in mapper.allows_change({"status": 1}, Roster(me="lisi"))

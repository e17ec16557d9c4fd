"""What is sent for an event, what is lost, and what is refused."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bridge.errors import Inexpressible
from bridge.model.event import Status
from bridge.model.people import Attendee, Person, Roster
from bridge.model.recurrence import Freq, NthDay, Recurrence, Rule, Weekday
from bridge.providers.wecom.encode import encode
from bridge.providers.wecom.limits import LIMITS

MO, TU, WE, TH, FR, SA, SU = (NthDay(day) for day in Weekday)
BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")


def payload(event: Any, roster: Roster | None = None, zone: ZoneInfo = SHANGHAI) -> dict[str, Any]:
    return encode(event, roster or Roster(me="lisi"), zone).value


def losses(event: Any, roster: Roster | None = None) -> list[str]:
    return [loss.what for loss in encode(event, roster or Roster(me="lisi"), SHANGHAI).losses]


def test_a_plain_event_is_sent_with_every_field_that_update_would_reset(say: Any) -> None:
    assert payload(say.event(description="d", location="Room 3")) == {
        "summary": "Team sync",
        "description": "d",
        "location": "Room 3",
        "start_time": 1767837600,
        "end_time": 1767841200,
        "is_whole_day": 0,
        "attendees": [],
        "reminders": {"is_remind": 0, "is_repeat": 0, "timezone": 8},
    }


def test_the_series_of_the_reference_becomes_its_fields(say: Any) -> None:
    rule = Rule(freq=Freq.WEEKLY, by_day=(TH,), until=dt.datetime(2026, 3, 26, 2, tzinfo=dt.UTC))
    reminders = payload(say.series(rule, alarms=say.alarms(900)))["reminders"]
    assert reminders == {
        "is_remind": 1,
        "remind_time_diffs": [-900],
        "remind_before_event_secs": 900,
        "is_repeat": 1,
        "repeat_type": 1,
        "repeat_until": 1774540799,
        "is_custom_repeat": 1,
        "repeat_interval": 1,
        "repeat_day_of_week": [4],
        "timezone": 8,
    }


def test_an_all_day_event_is_a_pair_of_dates_from_the_first_to_the_last_second(say: Any) -> None:
    sent = payload(say.event(dt.date(2026, 5, 1), dt.date(2026, 5, 4), alarms=say.alarms(-32400)))
    assert (sent["start_time"], sent["end_time"], sent["is_whole_day"]) == (
        1777564800,
        1777564800 + 3 * 86400 - 1,
        1,
    )
    assert sent["reminders"] == {"is_remind": 1, "remind_time_diffs": [32400], "is_repeat": 0, "timezone": 8}


@pytest.mark.parametrize(
    "zone", ["Asia/Kolkata", "Pacific/Auckland", "America/St_Johns", "Pacific/Kiritimati"]
)
def test_an_all_day_event_begins_at_midnight_of_the_offset_that_is_sent(say: Any, zone: str) -> None:
    for month in (1, 7):
        sent = payload(say.event(dt.date(2026, month, 1)), zone=ZoneInfo(zone))
        hours = sent["reminders"]["timezone"]
        assert -12 <= hours <= 12
        local = dt.datetime.fromtimestamp(sent["start_time"], dt.timezone(dt.timedelta(hours=hours)))
        assert local.replace(tzinfo=None) == dt.datetime(2026, month, 1)  # noqa: DTZ001
        assert sent["end_time"] - sent["start_time"] == 86399


def test_saving_the_same_instant_in_another_zone_changes_nothing(say: Any) -> None:
    here = say.event(say.at(8, 10))
    there = say.event(say.at(8, 10).astimezone(BERLIN))
    assert payload(here) == payload(there)


# ---- limits ----


@pytest.mark.parametrize(("name", "most"), [("summary", 128), ("description", 1000), ("location", 128)])
def test_a_text_is_counted_in_code_points_and_refused_when_it_is_too_long(
    say: Any, name: str, most: int
) -> None:
    for char in ("a", "日", "\U0001f600"):
        assert payload(say.event(**{name: char * most}))[name] == char * most
        with pytest.raises(Inexpressible, match=f"{most + 1} characters.*{most}"):
            payload(say.event(**{name: char * (most + 1)}))


def test_the_refusal_of_a_text_does_not_quote_it(say: Any) -> None:
    with pytest.raises(Inexpressible) as caught:
        payload(say.event(summary="dinner with the auditor " * 10))
    assert "auditor" not in str(caught.value)


@pytest.mark.parametrize("minutes", [0, -1])
def test_an_event_without_length_is_refused(say: Any, minutes: int) -> None:
    with pytest.raises(Inexpressible, match="length"):
        payload(say.event(say.at(8, 10), say.at(8, 10) + dt.timedelta(minutes=minutes)))
    with pytest.raises(Inexpressible):
        payload(say.event(dt.date(2026, 1, 2), dt.date(2026, 1, 2) + dt.timedelta(days=min(minutes, 0))))


def test_one_second_is_a_length(say: Any) -> None:
    sent = payload(say.event(say.at(8), say.at(8) + dt.timedelta(seconds=1)))
    assert sent["end_time"] - sent["start_time"] == 1
    assert LIMITS.min_duration_s == 1


@pytest.mark.parametrize("year", [1900, 1969, 2107, 9998])
def test_times_that_32_bits_do_not_hold_are_refused(say: Any, year: int) -> None:
    with pytest.raises(Inexpressible, match="1970 to 2105"):
        payload(say.event(dt.datetime(year, 6, 1, tzinfo=dt.UTC)))
    with pytest.raises(Inexpressible):
        payload(say.event(dt.date(year, 6, 1)))


def test_times_beyond_the_31_bits_of_the_oldest_page_are_sent(say: Any) -> None:
    assert payload(say.event(dt.datetime(2090, 1, 1, tzinfo=dt.UTC)))["start_time"] == 3786912000


def test_a_cancelled_event_is_refused(say: Any) -> None:
    with pytest.raises(Inexpressible, match="delete"):
        payload(say.event(status=Status.CANCELLED))


# ---- people ----


def test_attendees_are_sorted_userids_of_those_the_directory_knows(say: Any) -> None:
    event = say.event(attendees=(*say.guests("zhaoliu", "lisi", "wangwu"), Attendee(address="mailto:x@y.z")))
    encoded = encode(event, say.roster, SHANGHAI)
    assert encoded.value["attendees"] == [{"userid": "lisi"}, {"userid": "wangwu"}, {"userid": "zhaoliu"}]
    (loss,) = encoded.losses
    assert loss.what == "ATTENDEE"
    assert "1 of the attendees" in loss.why
    assert "x@y.z" not in loss.why


def test_nobody_is_invited_to_their_own_private_event(say: Any) -> None:
    event = say.event(attendees=say.guests("lisi"), organizer=Person(address="mailto:lisi@example.com"))
    encoded = encode(event, say.roster, SHANGHAI)
    assert encoded.value["attendees"] == []
    assert [loss.what for loss in encoded.losses] == ["ATTENDEE"]


def test_an_organizer_whom_the_client_does_not_list_is_not_listed(say: Any) -> None:
    event = say.event(attendees=say.guests("wangwu"), organizer=Person(address="mailto:lisi@example.com"))
    assert encode(event, say.roster, SHANGHAI).value["attendees"] == [{"userid": "wangwu"}]
    assert losses(event, say.roster) == []


def test_two_addresses_of_one_person_are_one_attendee(say: Any) -> None:
    roster = Roster(me="lisi", ids={"mailto:a@x.cn": "WangWu", "mailto:b@x.cn": "wangwu"})
    event = say.event(attendees=(Attendee(address="mailto:A@x.cn"), Attendee(address="mailto:b@x.cn")))
    assert payload(event, roster)["attendees"] == [{"userid": "WangWu"}]


def test_a_member_without_a_known_address_is_found_by_the_made_up_one(say: Any) -> None:
    roster = Roster(me="lisi", domain="wecom.queqiao.invalid")
    person = roster.person_of("Wang.Wu_1")
    assert payload(say.event(attendees=(Attendee(address=person.address),)), roster)["attendees"] == [
        {"userid": "Wang.Wu_1"}
    ]


def test_more_than_a_thousand_attendees_are_refused(say: Any) -> None:
    names = [f"u{number:04}" for number in range(1001)]
    roster = Roster(me="lisi", ids={f"mailto:{name}@x.cn": name for name in names})
    people = tuple(Attendee(address=f"mailto:{name}@x.cn") for name in names)
    assert len(payload(say.event(attendees=people[:1000]), roster)["attendees"]) == 1000
    with pytest.raises(Inexpressible, match="1001"):
        payload(say.event(attendees=people), roster)


def test_what_wecom_has_no_field_for_is_named(say: Any) -> None:
    event = say.event(
        attendees=(Attendee(address="mailto:wangwu@example.com", is_optional=True),),
        organizer=Person(address="mailto:boss@elsewhere.com"),
        status=Status.TENTATIVE,
        rich_description="<b>x</b>",
        url="https://meet.example.com/1",
    )
    assert losses(event, say.roster) == ["ATTENDEE", "ORGANIZER", "STATUS", "X-ALT-DESC", "URL"]


# ---- alarms ----


@pytest.mark.parametrize(
    ("asked", "sent", "lost"),
    [
        ([0], [0], 0),
        ([300], [-300], 0),
        ([600], [-900], 1),
        ([900], [-900], 0),
        ([901], [-3600], 1),
        ([7200], [-86400], 1),
        ([86400], [-86400], 0),
        ([86401], [], 1),
        ([604800], [], 1),
        ([-600], [0], 1),
        ([-32400], [0], 1),
        ([300, 900, 3600], [-3600, -900, -300], 0),
        ([600, 900], [-900], 1),
        ([600, 700, 800], [-900], 3),
        ([], [], 0),
    ],
)
def test_a_reminder_of_a_timed_event_never_comes_later_than_asked(
    say: Any, asked: list[int], sent: list[int], lost: int
) -> None:
    event = say.event(alarms=say.alarms(*asked))
    reminders = payload(event)["reminders"]
    assert reminders.get("remind_time_diffs", []) == sent
    assert reminders["is_remind"] == int(bool(sent))
    assert losses(event) == ["VALARM"] * lost


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (-32400, 32400),
        (-36000, 32400),
        (-32399, 0),
        (0, 0),
        (300, -300),
        (54000, -86400),
        (86400, -86400),
        (86401, -172800),
        (172800, -172800),
        (172801, -604800),
        (604800, -604800),
    ],
)
def test_a_reminder_of_an_all_day_event_has_more_choices(say: Any, asked: int, sent: int) -> None:
    event = say.event(dt.date(2026, 5, 1), alarms=say.alarms(asked))
    assert payload(event)["reminders"]["remind_time_diffs"] == [sent]
    assert losses(event) == ([] if sent == -asked else ["VALARM"])


@pytest.mark.parametrize(
    ("asked", "older"), [([900, 3600], 900), ([0], 0), ([-32400], None), ([604800, 300], 300)]
)
def test_the_older_single_reminder_is_sent_beside_todays_list(
    say: Any, asked: list[int], older: int | None
) -> None:
    event = say.event(dt.date(2026, 5, 1), alarms=say.alarms(*asked))
    assert payload(event)["reminders"].get("remind_before_event_secs") == older


def test_the_loss_of_a_reminder_says_what_comes_instead(say: Any) -> None:
    (loss,) = encode(say.event(alarms=say.alarms(600)), say.roster, SHANGHAI).losses
    assert "10 min before" in loss.why
    assert "15 min before" in loss.why


# ---- series ----


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        (Rule(freq=Freq.DAILY), {"repeat_type": 0, "is_custom_repeat": 0}),
        (
            Rule(freq=Freq.WEEKLY),
            {"repeat_type": 1, "is_custom_repeat": 1, "repeat_interval": 1, "repeat_day_of_week": [4]},
        ),
        (
            Rule(freq=Freq.WEEKLY, by_day=(MO, TU, WE, TH, FR)),
            {
                "repeat_type": 1,
                "is_custom_repeat": 1,
                "repeat_interval": 1,
                "repeat_day_of_week": [1, 2, 3, 4, 5],
            },
        ),
        (
            Rule(freq=Freq.WEEKLY, by_day=(TH, SU)),
            {"repeat_type": 1, "is_custom_repeat": 1, "repeat_interval": 1, "repeat_day_of_week": [4, 7]},
        ),
        (
            Rule(freq=Freq.WEEKLY, interval=2, by_day=(TH,), week_start=Weekday.SU),
            {"repeat_type": 1, "is_custom_repeat": 1, "repeat_interval": 2, "repeat_day_of_week": [4]},
        ),
        (
            Rule(freq=Freq.MONTHLY),
            {"repeat_type": 2, "is_custom_repeat": 1, "repeat_interval": 1, "repeat_day_of_month": [8]},
        ),
        (
            Rule(freq=Freq.MONTHLY, interval=3, by_month_day=(1, 8, 28)),
            {
                "repeat_type": 2,
                "is_custom_repeat": 1,
                "repeat_interval": 3,
                "repeat_day_of_month": [1, 8, 28],
            },
        ),
        (Rule(freq=Freq.YEARLY), {"repeat_type": 5, "is_custom_repeat": 0}),
        (
            Rule(freq=Freq.YEARLY, by_month=(1,), by_month_day=(8,)),
            {"repeat_type": 5, "is_custom_repeat": 0},
        ),
    ],
    ids=str,
)
def test_a_rule_that_is_safe_becomes_its_documented_form(
    say: Any, rule: Rule, fields: dict[str, Any]
) -> None:
    reminders = payload(say.series(rule))["reminders"]
    assert reminders == {"is_remind": 0, "is_repeat": 1, "timezone": 8, **fields}


@pytest.mark.parametrize(
    "rule",
    [
        Rule(freq=Freq.DAILY, interval=2),
        Rule(freq=Freq.DAILY, by_day=(MO, TH)),
        Rule(freq=Freq.DAILY, by_month=(1,)),
        Rule(freq=Freq.WEEKLY, by_day=(MO,)),
        Rule(freq=Freq.WEEKLY, interval=2, by_day=(MO, TH)),
        Rule(freq=Freq.WEEKLY, interval=53),
        Rule(freq=Freq.WEEKLY, by_month=(1,)),
        Rule(freq=Freq.MONTHLY, by_day=(NthDay(Weekday.TH, 2),)),
        Rule(freq=Freq.MONTHLY, by_month_day=(8, 29)),
        Rule(freq=Freq.MONTHLY, by_month_day=(-1,)),
        Rule(freq=Freq.MONTHLY, by_month_day=(9,)),
        Rule(freq=Freq.MONTHLY, by_month_day=(8,), by_set_pos=(1,)),
        Rule(freq=Freq.MONTHLY, by_month=(1, 2)),
        Rule(freq=Freq.YEARLY, interval=2),
        Rule(freq=Freq.YEARLY, by_month=(2,)),
        Rule(freq=Freq.YEARLY, by_month_day=(9,)),
        Rule(freq=Freq.YEARLY, by_day=(NthDay(Weekday.TH, 2),), by_month=(1,)),
        Rule(freq=Freq.YEARLY, by_year_day=(8,)),
        Rule(freq=Freq.YEARLY, by_week_no=(2,)),
        Rule(freq=Freq.HOURLY),
        Rule(freq=Freq.MINUTELY),
        Rule(freq=Freq.SECONDLY),
        Rule(freq=Freq.DAILY, by_hour=(10, 14)),
    ],
    ids=str,
)
def test_a_rule_that_some_reading_shows_otherwise_is_refused(say: Any, rule: Rule) -> None:
    with pytest.raises(Inexpressible):
        payload(say.series(rule))


@pytest.mark.parametrize("day", [29, 30, 31])
def test_a_month_day_that_some_month_lacks_is_refused(say: Any, day: int) -> None:
    with pytest.raises(Inexpressible):
        payload(say.series(Rule(freq=Freq.MONTHLY), say.at(day)))


def test_the_29th_of_february_is_refused_as_a_yearly_series(say: Any) -> None:
    with pytest.raises(Inexpressible):
        payload(say.series(Rule(freq=Freq.YEARLY), dt.datetime(2028, 2, 29, 10, tzinfo=SHANGHAI)))


def test_two_rules_or_added_dates_are_refused(say: Any) -> None:
    rule = Rule(freq=Freq.DAILY)
    for recurrence in (Recurrence(rules=(rule, rule)), Recurrence(rules=(rule,), rdates=(say.at(20),))):
        with pytest.raises(Inexpressible):
            payload(say.event(recurrence=recurrence))


def test_excluded_dates_are_somebody_elses_to_carry_out(say: Any) -> None:
    plain = say.series(Rule(freq=Freq.DAILY))
    with_gap = say.event(recurrence=Recurrence(rules=(Rule(freq=Freq.DAILY),), exdates=(say.at(9),)))
    assert payload(plain) == payload(with_gap)


@pytest.mark.parametrize("count", [1, 2, 10, 500])
def test_a_count_becomes_the_last_second_of_the_last_day(say: Any, count: int) -> None:
    rule = Rule(freq=Freq.DAILY, count=count)
    last = dt.date(2026, 1, 8) + dt.timedelta(days=count - 1)
    expected = dt.datetime.combine(last, dt.time(23, 59, 59), tzinfo=SHANGHAI).timestamp()
    assert payload(say.series(rule))["reminders"]["repeat_until"] == expected


@pytest.mark.parametrize(
    ("until", "last"),
    [
        (dt.datetime(2026, 1, 10, 2, 0, tzinfo=dt.UTC), 10),
        (dt.datetime(2026, 1, 10, 1, 59, 59, tzinfo=dt.UTC), 9),
        (dt.datetime(2026, 1, 10, 23, 0, tzinfo=dt.UTC), 10),
        (dt.datetime(2025, 1, 1, tzinfo=dt.UTC), 8),
        (dt.date(2026, 1, 10), 10),
    ],
)
def test_the_end_of_a_series_is_the_last_second_of_its_last_day(
    say: Any, until: dt.date | dt.datetime, last: int
) -> None:
    expected = dt.datetime(2026, 1, last, 23, 59, 59, tzinfo=SHANGHAI).timestamp()
    sent = payload(say.series(Rule(freq=Freq.DAILY, until=until)))
    assert sent["reminders"]["repeat_until"] == expected


def test_the_end_is_reckoned_in_the_offset_of_the_series(say: Any) -> None:
    zone = ZoneInfo("America/Phoenix")
    rule = Rule(freq=Freq.DAILY, count=3)
    sent = payload(say.series(rule, say.at(8, 23, zone=zone)))
    assert sent["reminders"]["timezone"] == -7
    assert sent["reminders"]["repeat_until"] == dt.datetime(2026, 1, 10, 23, 59, 59, tzinfo=zone).timestamp()


def test_the_end_of_an_all_day_series_is_its_last_day(say: Any) -> None:
    rule = Rule(freq=Freq.YEARLY, until=dt.date(2030, 6, 1))
    sent = payload(say.series(rule, dt.date(2026, 5, 1)))
    assert (
        sent["reminders"]["repeat_until"] == dt.datetime(2030, 5, 1, 23, 59, 59, tzinfo=SHANGHAI).timestamp()
    )


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "Pacific/Apia", "Australia/Darwin"])
def test_a_series_in_a_zone_without_a_whole_hour_in_range_is_refused(say: Any, zone: str) -> None:
    with pytest.raises(Inexpressible, match="whole hours"):
        payload(say.series(Rule(freq=Freq.DAILY), say.at(8, zone=ZoneInfo(zone))))


def test_a_series_that_meets_a_change_of_the_clocks_is_refused(say: Any) -> None:
    start = say.at(20, month=3, zone=BERLIN)
    with pytest.raises(Inexpressible, match="daylight"):
        payload(say.series(Rule(freq=Freq.DAILY), start))
    with pytest.raises(Inexpressible, match="daylight"):
        payload(say.series(Rule(freq=Freq.WEEKLY, count=3), start))
    sent = payload(say.series(Rule(freq=Freq.WEEKLY, count=2), start))
    assert sent["reminders"]["timezone"] == 1


@pytest.mark.parametrize("more", [{"count": 90_000}, {"until": dt.datetime(9999, 12, 31, tzinfo=dt.UTC)}])
def test_an_end_beyond_what_wecom_can_say_is_its_last_year(say: Any, more: dict[str, Any]) -> None:
    sent = payload(say.series(Rule(freq=Freq.DAILY, **more), dt.datetime(1971, 1, 1, tzinfo=dt.UTC)))
    assert (
        sent["reminders"]["repeat_until"] == dt.datetime(2105, 12, 31, 23, 59, 59, tzinfo=dt.UTC).timestamp()
    )


def test_weekdays_are_those_of_the_series_own_zone(say: Any) -> None:
    zone = ZoneInfo("America/Phoenix")
    sent = payload(say.series(Rule(freq=Freq.WEEKLY), say.at(8, 22, zone=zone)))
    assert sent["reminders"]["repeat_day_of_week"] == [4]


def test_an_occurrence_is_sent_as_a_single_event(say: Any) -> None:
    sent = payload(say.event(recurrence_id=say.at(8)))
    assert sent["reminders"]["is_repeat"] == 0


# ---- limits as data ----


def test_the_limits_say_what_encode_enforces() -> None:
    assert (LIMITS.summary_chars_max, LIMITS.description_chars_max, LIMITS.location_chars_max) == (
        128,
        1000,
        128,
    )
    assert LIMITS.attendees_max == 1000
    assert LIMITS.alarms_timed == (0, 300, 900, 3600, 86400)
    assert LIMITS.alarms_all_day == (-32400, 0, 300, 900, 3600, 86400, 172800, 604800)
    assert LIMITS.splits_are_items
    assert LIMITS.can_make_calendars
    assert not LIMITS.can_respond
    assert LIMITS.series.whole_hour_offsets_only
    assert (min(LIMITS.series.offset_hours), max(LIMITS.series.offset_hours)) == (-12, 12)
    assert LIMITS.series.interval_freqs == {Freq.WEEKLY, Freq.MONTHLY}
    assert not LIMITS.series.counts

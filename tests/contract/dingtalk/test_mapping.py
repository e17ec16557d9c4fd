"""The words of DingTalk: decode(what the vendor answers to encode(e)) is e, less the declared losses."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule
from examples import at_least, law
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bridge.errors import Inexpressible
from bridge.model.event import Alarm, Event, Status
from bridge.model.people import Attendee, PartStat, Person, Roster
from bridge.model.recurrence import Freq, NthDay, Recurrence, Rule, Weekday
from bridge.providers.base import Upstream
from bridge.providers.dingtalk import richtext
from bridge.providers.dingtalk.encode import UNTITLED
from bridge.providers.dingtalk.limits import LIMITS
from bridge.providers.dingtalk.mapper import DingTalkMapper
from bridge.providers.dingtalk.series import occurrences
from bridge.providers.dingtalk.times import stamp

ME, BOB, CAROL = "unionMe+/=", "unionBob", "unionCarol"
MAPPER = DingTalkMapper("Asia/Shanghai")
ROSTER = Roster(
    me=ME,
    ids={"mailto:me@x.cn": ME, "mailto:bob@x.cn": BOB, "mailto:carol@x.cn": CAROL},
    people={
        ME: Person(address="mailto:me@x.cn", name="Me"),
        BOB: Person(address="mailto:bob@x.cn", name="Bob"),
        CAROL: Person(address="mailto:carol@x.cn", name="Carol"),
    },
)
ZONES = [
    "Asia/Shanghai",
    "UTC",
    "America/New_York",
    "Europe/London",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Etc/GMT-9",
]


def encode(event: Event) -> dict[str, Any]:
    return MAPPER.encode(event, ROSTER).value


def decode(snapshot: dict[str, Any], **more: Any) -> Event:
    return MAPPER.decode(Upstream(id="E", snapshot={"id": "E", **snapshot}, **more), "u", ROSTER)


def answer(payload: dict[str, Any], style: dict[str, Any]) -> dict[str, Any]:
    """Say a payload back as one of the vendors that the reference thinks possible."""
    told = {
        **payload,
        "attendees": [
            {"id": ME, "displayName": "Me", "responseStatus": "accepted", "self": True, "isOptional": False},
            *(
                {
                    **row,
                    "displayName": row["id"].removeprefix("union"),
                    "responseStatus": "needsAction",
                    "self": False,
                }
                for row in payload["attendees"]
            ),
        ],
        "organizer": {"id": ME, "displayName": "Me", "responseStatus": "accepted", "self": True},
        "reminders": [
            {"method": style["method"], "minutes": style["minutes"](row["minutes"])}
            for row in payload["reminders"]
        ],
        "updateTime": "2026-11-01T09:30:00Z",
        "unknown": {"field": [None]},
    }
    for name in ("start", "end"):
        when = dict(payload[name])
        if "dateTime" in when:
            moment = dt.datetime.fromisoformat(when["dateTime"])
            if style["utc"]:
                moment = moment.astimezone(dt.UTC)
            when["dateTime"] = moment.isoformat(
                timespec="milliseconds" if style["fraction"] else "seconds"
            ).replace("+00:00", "Z")
            if style["both"]:
                when["date"] = "1999-09-09"
        elif style["both"]:
            when["dateTime"] = "1999-09-09T00:00:00Z"
        told[name] = when
    if style["nulls"]:
        told = {
            name: value or None if isinstance(value, str | list) else value for name, value in told.items()
        }
        told["onlineMeetingInfo"] = told["categories"] = None
        told.setdefault("recurrence", None)
        told["attendees"] = [*told["attendees"], None, {"id": None, "displayName": None}]
    if style["absent"]:
        told = {name: value for name, value in told.items() if value}
        told["isAllDay"] = payload["isAllDay"]
    return told


STYLES = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["dingtalk", "sms", "phone"]),
        "minutes": st.sampled_from([str, int, lambda minute: f" {minute} "]),
        "utc": st.booleans(),
        "fraction": st.booleans(),
        "both": st.booleans(),
        "nulls": st.booleans(),
        "absent": st.booleans(),
    }
)

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40).map(str.strip)


@st.composite
def spans(draw: st.DrawFn) -> tuple[Any, Any]:
    day = draw(st.dates(dt.date(2000, 1, 1), dt.date(2099, 1, 1)))
    if draw(st.booleans()):
        return day, day + dt.timedelta(days=draw(st.integers(1, 20)))
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    begin = dt.datetime.combine(day, draw(st.times()).replace(microsecond=0), tzinfo=zone)
    end = begin.astimezone(dt.UTC) + dt.timedelta(seconds=draw(st.integers(0, 200_000)))
    return begin, end.astimezone(zone)


@st.composite
def singles(draw: st.DrawFn) -> Event:
    start, end = draw(spans())
    people = draw(st.lists(st.sampled_from(["bob", "carol"]), unique=True))
    attendees = tuple(
        Attendee(address=f"mailto:{name}@x.cn", name=name.capitalize(), is_optional=draw(st.booleans()))
        for name in sorted(people)
    )
    minutes = sorted(draw(st.sets(st.integers(0, 40_000), max_size=4)))
    return Event(
        uid="u",
        start=start,
        end=end,
        summary=draw(TEXTS),
        description=draw(TEXTS),
        location=draw(TEXTS),
        alarms=tuple(Alarm(before_start_s=minute * 60) for minute in minutes),
        organizer=Person(address="mailto:me@x.cn", name="Me") if attendees else None,
        attendees=attendees,
    )


TITLED_AS_NONE = Event(
    uid="u",
    start=dt.datetime(2026, 11, 5, 10, tzinfo=dt.UTC),
    end=dt.datetime(2026, 11, 5, 11, tzinfo=dt.UTC),
    summary=UNTITLED,
)
PLAIN_STYLE = {
    "method": "dingtalk", "minutes": str, "utc": False, "fraction": False, "both": False, "nulls": False, "absent": False,
}  # fmt: skip


@example(event=TITLED_AS_NONE, style=PLAIN_STYLE)
@given(event=singles(), style=STYLES)
@law
def test_a_single_event_comes_back_as_it_was(event: Event, style: dict[str, Any]) -> None:
    encoded = MAPPER.encode(event, ROSTER)
    back = decode(answer(encoded.value, style))
    # Somebody may really write what stands for no title: the client's own text keeps it (overlay).
    assert back == (replace(event, summary="") if event.summary == UNTITLED else event)
    assert [loss.what for loss in encoded.losses] == ([] if event.summary else ["SUMMARY"])


@example(event=TITLED_AS_NONE)
@given(event=singles())
@law
def test_a_payload_is_a_snapshot_too(event: Event) -> None:
    back = MAPPER.decode(Upstream(id="E", snapshot=encode(event)), "u", ROSTER)
    summary = "" if event.summary == UNTITLED else event.summary
    assert replace(back, organizer=None) == replace(event, organizer=None, summary=summary)


@given(event=singles())
@at_least(300)
def test_times_carry_milliseconds_and_offset_or_are_dates(event: Event) -> None:
    for name in ("start", "end"):
        when = encode(event)[name]
        if event.is_all_day:
            assert set(when) == {"date"}
        else:
            assert set(when) == {"dateTime", "timeZone"}
            assert when["dateTime"][19:23] == ".000"
            assert dt.datetime.fromisoformat(when["dateTime"]) == getattr(event, name)


@st.composite
def rules(draw: st.DrawFn) -> tuple[Any, Rule]:
    start, _end = draw(spans())
    day = start.date() if isinstance(start, dt.datetime) else start
    assume(day.year < 2050)
    kind = draw(
        st.sampled_from(["daily", "workdays", "weekly", "monthly", "nth", "setpos", "yearly", "yearly_nth"])
    )
    week_start = Weekday(draw(st.integers(0, 6)))
    interval = draw(st.integers(1, 6))
    own, nth = Weekday(day.weekday()), (day.day - 1) // 7 + 1
    assume(nth < 5 or kind not in ("nth", "setpos", "yearly_nth"))
    assume(day.day <= 28 or kind != "monthly")
    assume((day.month, day.day) != (2, 29) or kind != "yearly")
    others = draw(st.sets(st.integers(0, 6)))
    weekdays = tuple(NthDay(Weekday(d)) for d in sorted({*others, int(own)}))
    common: dict[str, Any] = {"week_start": week_start}
    end = draw(st.sampled_from(["none", "count", "until"]))
    if end == "count":
        common["count"] = draw(st.integers(2, 130))
    elif end == "until":
        until = day + dt.timedelta(days=draw(st.integers(1, 3000)))
        is_timed = isinstance(start, dt.datetime)
        common["until"] = dt.datetime.combine(until, dt.time(12), tzinfo=dt.UTC) if is_timed else until
    made = {
        "daily": lambda: Rule(freq=Freq.DAILY, interval=interval, **common),
        "workdays": lambda: Rule(freq=Freq.DAILY, by_day=weekdays, **common),
        "weekly": lambda: Rule(freq=Freq.WEEKLY, interval=interval, by_day=weekdays, **common),
        "monthly": lambda: Rule(freq=Freq.MONTHLY, interval=interval, **common),
        "nth": lambda: Rule(freq=Freq.MONTHLY, interval=interval, by_day=(NthDay(own, nth),), **common),
        "setpos": lambda: Rule(
            freq=Freq.MONTHLY, interval=interval, by_day=(NthDay(own),), by_set_pos=(nth,), **common
        ),
        "yearly": lambda: Rule(freq=Freq.YEARLY, interval=interval, **common),
        "yearly_nth": lambda: Rule(
            freq=Freq.YEARLY, interval=interval, by_month=(day.month,), by_day=(NthDay(own, nth),), **common
        ),
    }
    return start, made[kind]()


def oracle(rule: Rule, start: Any, many: int) -> list[Any]:
    """Ask dateutil, in wall time."""
    wall = (
        start.replace(tzinfo=None)
        if isinstance(start, dt.datetime)
        else dt.datetime.combine(start, dt.time())
    )
    found = rrule.rrule(
        {"DAILY": 3, "WEEKLY": 2, "MONTHLY": 1, "YEARLY": 0}[rule.freq.value],
        dtstart=wall,
        interval=rule.interval,
        wkst=int(rule.week_start),
        byweekday=[rrule.weekday(int(d.day), d.nth or None) for d in rule.by_day] or None,
        bymonth=rule.by_month or None,
        bymonthday=rule.by_month_day or None,
        bysetpos=rule.by_set_pos or None,
    )
    shown = []
    for moment in itertools.islice(found, rule.count or many):
        at = moment.replace(tzinfo=start.tzinfo) if isinstance(start, dt.datetime) else moment.date()
        if (rule.until is not None and at > rule.until) or at.year > 2100:
            break
        shown.append(at)
    return shown[:many]


@given(made=rules())
@at_least(300)
def test_our_expansion_is_dateutils(made: tuple[Any, Rule]) -> None:
    start, rule = made
    assert list(itertools.islice(occurrences(rule, start), 150)) == oracle(rule, start, 150)


@given(made=rules(), style=STYLES)
@law
def test_a_series_shows_the_same_occurrences_after_a_round_trip(
    made: tuple[Any, Rule], style: dict[str, Any]
) -> None:
    start, rule = made
    length = dt.timedelta(hours=1) if isinstance(start, dt.datetime) else dt.timedelta(days=1)
    event = Event(uid="u", start=start, end=start + length, summary="S", recurrence=Recurrence(rules=(rule,)))
    encoded = MAPPER.encode(event, ROSTER)
    body = encoded.value["recurrence"]
    before = list(itertools.islice(occurrences(rule, start), 400))
    back = decode(answer(encoded.value, style))
    assert body["pattern"]["firstDayOfWeek"]
    assert 1 <= body["pattern"]["interval"] <= 365
    assert body["range"].get("numberOfOccurrences", 2) <= 99
    after = list(itertools.islice(occurrences(back.recurrence.rules[0], back.start), 400))
    assert after == before
    again = MAPPER.encode(replace(back, summary="S"), ROSTER).value
    assert again["recurrence"] == body


# ---- what is refused and what is lost ------------------------------------------------------------------------

START = dt.datetime(2026, 11, 5, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
THURSDAY = NthDay(Weekday.TH)


def meeting(**more: Any) -> Event:
    values: dict[str, Any] = {
        "uid": "u",
        "start": START,
        "end": START + dt.timedelta(hours=1),
        "summary": "Review",
    }
    return Event(**{**values, **more})


def repeating(rule: Rule, **more: Any) -> Event:
    return meeting(recurrence=Recurrence(rules=(rule,)), **more)


UNSAFE = {
    "every second by weekday": Rule(freq=Freq.DAILY, interval=2, by_day=(THURSDAY,)),
    "daily by month": Rule(freq=Freq.DAILY, by_month=(11,)),
    "daily by date": Rule(freq=Freq.DAILY, by_month_day=(5,)),
    "weekly off its days": Rule(freq=Freq.WEEKLY, by_day=(NthDay(Weekday.MO),)),
    "weekly by month": Rule(freq=Freq.WEEKLY, by_month=(11,)),
    "weekly by position": Rule(freq=Freq.WEEKLY, by_day=(THURSDAY,), by_set_pos=(1,)),
    "several dates": Rule(freq=Freq.MONTHLY, by_month_day=(5, 20)),
    "another date": Rule(freq=Freq.MONTHLY, by_month_day=(6,)),
    "last day": Rule(freq=Freq.MONTHLY, by_month_day=(-1,)),
    "fifth": Rule(freq=Freq.MONTHLY, by_day=(NthDay(Weekday.TH, 5),)),
    "last but one": Rule(freq=Freq.MONTHLY, by_day=(NthDay(Weekday.TH, -2),)),
    "all Thursdays": Rule(freq=Freq.MONTHLY, by_day=(THURSDAY,)),
    "two ordinals": Rule(freq=Freq.MONTHLY, by_day=(NthDay(Weekday.TH, 1), NthDay(Weekday.TH, 3))),
    "workday by position": Rule(
        freq=Freq.MONTHLY, by_day=tuple(NthDay(Weekday(d)) for d in range(5)), by_set_pos=(4,)
    ),
    "second while it starts on the first": Rule(freq=Freq.MONTHLY, by_day=(NthDay(Weekday.TH, 2),)),
    "Friday the 13th": Rule(freq=Freq.MONTHLY, by_day=(NthDay(Weekday.FR),), by_month_day=(13,)),
    "monthly in some months": Rule(freq=Freq.MONTHLY, by_month=(11, 12)),
    "two months a year": Rule(freq=Freq.YEARLY, by_month=(5, 11)),
    "another month": Rule(freq=Freq.YEARLY, by_month=(5,), by_month_day=(5,)),
    "a date of each month": Rule(freq=Freq.YEARLY, by_month_day=(5,)),
    "the first Thursday of a year": Rule(freq=Freq.YEARLY, by_day=(NthDay(Weekday.TH, 1),)),
    "every 31 years by weekday": Rule(
        freq=Freq.YEARLY, interval=31, by_month=(11,), by_day=(NthDay(Weekday.TH, 1),)
    ),
    "day of the year": Rule(freq=Freq.YEARLY, by_year_day=(100,)),
    "week of the year": Rule(freq=Freq.YEARLY, by_week_no=(20,)),
    "hourly": Rule(freq=Freq.HOURLY),
    "twice a day": Rule(freq=Freq.DAILY, by_hour=(10, 15)),
    "too rarely": Rule(freq=Freq.DAILY, interval=366),
}


@pytest.mark.parametrize("rule", UNSAFE.values(), ids=UNSAFE.keys())
def test_rules_without_an_exact_form_are_refused(rule: Rule) -> None:
    with pytest.raises(Inexpressible):
        encode(repeating(rule))


@pytest.mark.parametrize("day", [29, 30, 31])
def test_days_that_short_months_lack_are_refused(day: int) -> None:
    start = dt.datetime(2026, 12, day, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
    with pytest.raises(Inexpressible):
        encode(repeating(Rule(freq=Freq.MONTHLY), start=start, end=start))


def test_the_29th_of_february_is_refused_every_year() -> None:
    leap = dt.date(2028, 2, 29)
    with pytest.raises(Inexpressible):
        encode(repeating(Rule(freq=Freq.YEARLY), start=leap, end=leap + dt.timedelta(days=1)))


def test_dates_added_and_second_rules_are_refused() -> None:
    daily = Rule(freq=Freq.DAILY)
    for recurrence in (
        Recurrence(rules=(daily, daily)),
        Recurrence(rules=(daily,), rdates=(START,)),
        Recurrence(rdates=(START,)),
    ):
        with pytest.raises(Inexpressible):
            encode(meeting(recurrence=recurrence))
    with pytest.raises(Inexpressible):
        encode(meeting(recurrence_id=START, this_and_future=True))


def test_an_occurrence_has_no_rule_and_excluded_dates_are_not_sent() -> None:
    daily = Recurrence(rules=(Rule(freq=Freq.DAILY),), exdates=(START,))
    assert "recurrence" not in encode(meeting(recurrence=daily, recurrence_id=START))
    assert encode(meeting(recurrence=daily)) == encode(repeating(Rule(freq=Freq.DAILY)))


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("summary", LIMITS.summary_chars_max),
        ("description", LIMITS.description_chars_max),
        ("location", LIMITS.location_chars_max),
    ],
)
@pytest.mark.parametrize("char", ["x", "文", "😀"])
def test_texts_that_are_too_long_are_refused_with_numbers(name: str, most: int, char: str) -> None:
    units = len(char.encode("utf-16-le")) // 2
    encode(meeting(**{name: char * (most // units)}))
    with pytest.raises(Inexpressible, match=str(most)):
        encode(meeting(**{name: char * (most // units + 1)}))


def test_more_than_five_thousand_people_are_refused() -> None:
    people = tuple(Attendee(address=f"mailto:=55{n}@queqiao.invalid") for n in range(5001))
    with pytest.raises(Inexpressible, match="5000"):
        encode(meeting(attendees=people))


def test_an_end_before_the_start_is_refused_and_an_empty_day_mended() -> None:
    with pytest.raises(Inexpressible):
        encode(meeting(end=START - dt.timedelta(hours=1)))
    day = dt.date(2026, 11, 5)
    encoded = MAPPER.encode(meeting(start=day, end=day), ROSTER)
    assert encoded.value["end"] == {"date": "2026-11-06"}
    assert [loss.what for loss in encoded.losses] == ["DTEND"]


@pytest.mark.parametrize(
    ("before_s", "minutes", "lost"),
    [
        (0, [0], 0),
        (600, [10], 0),
        (601, [11], 1),
        (1, [1], 1),
        (-1, [], 1),
        (-600, [], 1),
        (1_209_600, [20_160], 0),
    ],
)
def test_alarms_are_whole_minutes_before_the_start(before_s: int, minutes: list[int], lost: int) -> None:
    for event in (meeting(), meeting(start=dt.date(2026, 11, 5), end=dt.date(2026, 11, 6))):
        encoded = MAPPER.encode(replace(event, alarms=(Alarm(before_start_s=before_s),)), ROSTER)
        assert [row["minutes"] for row in encoded.value["reminders"]] == minutes
        assert [loss.what for loss in encoded.losses] == ["VALARM"] * lost


def test_people_are_sorted_and_neither_organizer_nor_strangers_are_sent() -> None:
    people = ("carol@x.cn", "bob@x.cn", "me@x.cn", "stranger@y.org")
    event = meeting(
        organizer=Person(address="mailto:ME@x.cn"),
        attendees=tuple(Attendee(address=f"mailto:{p}") for p in people),
    )
    encoded = MAPPER.encode(event, ROSTER)
    assert [row["id"] for row in encoded.value["attendees"]] == [BOB, CAROL]
    assert [loss.what for loss in encoded.losses] == ["ATTENDEE"]
    assert "stranger@y.org" in encoded.losses[0].why


def test_somebody_without_a_known_address_is_invited_by_the_made_up_one() -> None:
    address = ROSTER.person_of("Qx7Lk2/+=").address
    assert encode(meeting(attendees=(Attendee(address=address),)))["attendees"] == [
        {"id": "Qx7Lk2/+=", "isOptional": False}
    ]


def test_what_has_no_field_is_a_loss() -> None:
    event = meeting(url="https://example.com/x", status=Status.TENTATIVE)
    assert {loss.what for loss in MAPPER.encode(event, ROSTER).losses} == {"URL", "STATUS"}
    assert MAPPER.encode(meeting(url="dingtalk://dingtalkclient/page/x"), ROSTER).losses == ()


@pytest.mark.parametrize(
    ("offset", "name"),
    [(8, "Etc/GMT-8"), (-5, "Etc/GMT+5"), (14, "Etc/GMT-14"), (-12, "Etc/GMT+12"), (0, "UTC")],
)
def test_whole_hour_offsets_have_a_name(offset: int, name: str) -> None:
    start = dt.datetime(2026, 11, 5, 10, tzinfo=dt.timezone(dt.timedelta(hours=offset)))
    sent = encode(repeating(Rule(freq=Freq.DAILY), start=start, end=start))
    assert sent["start"]["timeZone"] == name
    assert ZoneInfo(name).utcoffset(start.replace(tzinfo=None)) == dt.timedelta(hours=offset)


def test_other_offsets_are_sent_in_utc_and_cannot_repeat() -> None:
    start = dt.datetime(2026, 11, 5, 10, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))
    encoded = MAPPER.encode(meeting(start=start, end=start), ROSTER)
    assert encoded.value["start"] == {"dateTime": "2026-11-05T04:30:00.000Z", "timeZone": "UTC"}
    assert [loss.what for loss in encoded.losses] == ["TZID"]
    with pytest.raises(Inexpressible):
        encode(repeating(Rule(freq=Freq.DAILY), start=start, end=start))


def test_an_end_in_another_zone_is_converted() -> None:
    end = dt.datetime(2026, 11, 5, 5, tzinfo=ZoneInfo("Europe/London"))
    assert encode(meeting(end=end))["end"] == {
        "dateTime": "2026-11-05T13:00:00.000+08:00",
        "timeZone": "Asia/Shanghai",
    }


def test_offsets_of_the_nineteenth_century_do_not_reach_the_wire() -> None:
    assert stamp(dt.datetime(1890, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai"))).endswith("Z")
    with pytest.raises(Inexpressible):
        encode(meeting(start=START.replace(year=1890), end=START))


def test_long_series_end_on_the_last_day_whichever_way_the_end_is_read() -> None:
    event = repeating(Rule(freq=Freq.DAILY, count=120))
    assert encode(event)["recurrence"]["range"] == {
        "type": "endDate",
        "endDate": "2027-03-04T23:59:59.000+08:00",
    }
    days = repeating(Rule(freq=Freq.DAILY, count=120), start=dt.date(2026, 11, 5), end=dt.date(2026, 11, 6))
    assert encode(days)["recurrence"]["range"] == {"type": "endDate", "endDate": "2027-03-04T12:00:00.000Z"}


@pytest.mark.parametrize("rule", [{"count": 99_999}, {"until": dt.datetime(2999, 1, 1, tzinfo=dt.UTC)}])
def test_series_beyond_the_year_2100_end_there_and_say_so(rule: dict[str, Any]) -> None:
    encoded = MAPPER.encode(repeating(Rule(freq=Freq.DAILY, **rule)), ROSTER)
    assert encoded.value["recurrence"]["range"]["endDate"].startswith("2100-12-31")
    assert [loss.what for loss in encoded.losses] == ["RRULE"]


# ---- formatted text --------------------------------------------------------------------------------------------


def test_formatted_text_travels_with_the_plain_one() -> None:
    event = meeting(description="Agenda in wiki", rich_description="<div>Agenda in <b>wiki</b></div>")
    encoded = MAPPER.encode(event, ROSTER)
    assert encoded.value["richTextDescription"] == {"text": "<div>Agenda in <b>wiki</b></div>"}
    assert encoded.losses == ()
    assert decode(encoded.value).rich_description == event.rich_description


@pytest.mark.parametrize(
    ("markup", "lost"),
    [
        ("<div>Something <b>else</b></div>", ["X-ALT-DESC"]),
        ("<div>Agenda in wiki</div>", []),
        ("<b>" + "x" * 30_000 + "</b>", ["X-ALT-DESC"]),
    ],
)
def test_formatted_text_that_says_something_else_or_nothing_more_stays_here(
    markup: str, lost: list[str]
) -> None:
    encoded = MAPPER.encode(meeting(description="Agenda in wiki", rich_description=markup), ROSTER)
    assert "richTextDescription" not in encoded.value
    assert [loss.what for loss in encoded.losses] == lost


@pytest.mark.parametrize(
    ("plain", "markup", "description", "rich"),
    [
        ("a b", "<div>a b</div>", "a b", ""),
        (
            "a b",
            "<div style='clear:both;'>a <b>b</b></div>",
            "a b",
            "<div style='clear:both;'>a <b>b</b></div>",
        ),
        ("a b", "<div>stale <b>text</b></div>", "a b", ""),
        ("", "<div>only<br>here</div>", "only\nhere", ""),
        ("", "<p>only <b>here</b></p>", "only here", "<p>only <b>here</b></p>"),
        ("a &lt; b", "", "a &lt; b", ""),
        ("a", "<style>b{}</style><title>t</title>a", "a", ""),
    ],
)
def test_formatted_text_is_believed_where_it_agrees(
    plain: str, markup: str, description: str, rich: str
) -> None:
    event = decode({**encode(meeting()), "description": plain, "richTextDescription": {"text": markup}})
    assert (event.description, event.rich_description) == (description, rich)


@given(TEXTS)
def test_html_of_a_text_says_the_same_and_adds_nothing(plain: str) -> None:
    assert not richtext.adds_to(plain, richtext.html_of(plain))
    assert "".join(richtext.text_of(richtext.html_of(plain)).split()) == "".join(plain.split())


@given(st.text(max_size=200))
def test_no_markup_breaks_the_reader(markup: str) -> None:
    assert isinstance(richtext.text_of(markup), str)


# ---- answers of all kinds ----------------------------------------------------------------------------------------

BASE: dict[str, Any] = {
    "summary": "Stand-up",
    "start": {"dateTime": "2026-11-04T09:30:00+08:00", "timeZone": "Asia/Shanghai"},
    "end": {"dateTime": "2026-11-04T09:45:00+08:00", "timeZone": "Asia/Shanghai"},
    "isAllDay": False,
}


def recurring(pattern: dict[str, Any], span: dict[str, Any] | None = None) -> dict[str, Any]:
    return {**BASE, "recurrence": {"pattern": pattern, "range": span or {"type": "noEnd"}}}


RULES: list[tuple[dict[str, Any], dict[str, Any] | None, Rule]] = [
    ({"type": "daily", "interval": 2, "firstDayOfWeek": "monday"}, None, Rule(freq=Freq.DAILY, interval=2)),
    (
        {"type": "weekly", "interval": 1, "daysOfWeek": "monday, Wednesday"},
        None,
        Rule(freq=Freq.WEEKLY, by_day=(NthDay(Weekday.MO), NthDay(Weekday.WE)), week_start=Weekday.SU),
    ),
    (
        {"type": "weekly", "interval": "1", "daysOfWeek": ["monday"], "firstDayOfWeek": "tuesday"},
        None,
        Rule(freq=Freq.WEEKLY, by_day=(NthDay(Weekday.MO),), week_start=Weekday.TU),
    ),
    ({"type": "weekly"}, None, Rule(freq=Freq.WEEKLY, by_day=(NthDay(Weekday.WE),), week_start=Weekday.SU)),
    ({"type": "absoluteMonthly", "dayOfMonth": 4}, None, Rule(freq=Freq.MONTHLY, by_month_day=(4,))),
    ({"type": "absoluteMonthly", "dayOfMonth": None}, None, Rule(freq=Freq.MONTHLY, by_month_day=(4,))),
    (
        {"type": "relativeMonthly", "index": "last", "daysOfWeek": "friday"},
        None,
        Rule(freq=Freq.MONTHLY, by_day=(NthDay(Weekday.FR, -1),)),
    ),
    (
        {"type": "relativeMonthly", "index": "first", "daysOfWeek": "monday,tuesday"},
        None,
        Rule(freq=Freq.MONTHLY, by_day=(NthDay(Weekday.MO), NthDay(Weekday.TU)), by_set_pos=(1,)),
    ),
    (
        {"type": "relativeMonthly", "index": "odd", "daysOfWeek": None},
        None,
        Rule(freq=Freq.MONTHLY, by_day=(NthDay(Weekday.WE, 1),)),
    ),
    ({"type": "absoluteYearly", "dayOfMonth": 14, "index": "first"}, None, Rule(freq=Freq.YEARLY)),
    (
        {"type": "relativeYearly", "index": "first", "daysOfWeek": "wednesday"},
        None,
        Rule(freq=Freq.YEARLY, by_month=(11,), by_day=(NthDay(Weekday.WE, 1),)),
    ),
    (
        {"type": "daily"},
        {"type": "numbered", "numberOfOccurrences": "5", "endDate": "2020-01-01T10:15:30+08:00"},
        Rule(freq=Freq.DAILY, count=5),
    ),
    (
        {"type": "daily"},
        {"type": "endDate", "endDate": "2026-12-31T10:15:30+08:00", "numberOfOccurrences": 5},
        Rule(freq=Freq.DAILY, until=dt.datetime(2026, 12, 31, 15, 59, 59, tzinfo=dt.UTC)),
    ),
    (
        {"type": "daily"},
        {"type": "endDate", "endDate": "2026-12-30T20:00:00Z"},
        Rule(freq=Freq.DAILY, until=dt.datetime(2026, 12, 31, 15, 59, 59, tzinfo=dt.UTC)),
    ),
    (
        {"type": "daily"},
        {"type": "endDate", "endDate": "2026-12-31"},
        Rule(freq=Freq.DAILY, until=dt.datetime(2026, 12, 31, 15, 59, 59, tzinfo=dt.UTC)),
    ),
    (
        {"type": "daily"},
        {"type": "noEnd", "endDate": "2020-01-01T10:15:30+08:00", "numberOfOccurrences": 5},
        Rule(freq=Freq.DAILY),
    ),
    ({"type": "daily"}, {"numberOfOccurrences": 5}, Rule(freq=Freq.DAILY, count=5)),
    ({"type": "daily"}, {"type": "numbered", "numberOfOccurrences": 0}, Rule(freq=Freq.DAILY)),
    ({"type": "DAILY", "interval": 0}, {"type": "odd"}, Rule(freq=Freq.DAILY)),
]


@pytest.mark.parametrize(("pattern", "span", "wanted"), RULES)
def test_patterns_are_read(pattern: dict[str, Any], span: dict[str, Any] | None, wanted: Rule) -> None:
    assert decode(recurring(pattern, span)).recurrence.rules == (wanted,)


def test_an_all_day_series_ends_on_a_date() -> None:
    days = {**BASE, "start": {"date": "2026-11-04"}, "end": {"date": "2026-11-05"}, "isAllDay": True}
    for written in ("2026-12-31T23:59:59+08:00", "2026-12-31", "2026-12-31T12:00:00.000Z"):
        body = {"pattern": {"type": "daily"}, "range": {"type": "endDate", "endDate": written}}
        assert decode({**days, "recurrence": body}).recurrence.rules[0].until == dt.date(2026, 12, 31)


@pytest.mark.parametrize(
    "recurrence", [None, {}, {"pattern": None}, {"pattern": {"type": "everyFullMoon"}}, "weekly", []]
)
def test_unknown_rules_are_none(recurrence: Any) -> None:
    assert not decode({**BASE, "recurrence": recurrence}).recurrence


@pytest.mark.parametrize("end", [{"count": 1}, {"until": START}])
def test_a_series_of_one_stays_a_series_of_one(end: dict[str, Any]) -> None:
    sent = encode(repeating(Rule(freq=Freq.DAILY, **end)))
    assert sent["recurrence"]["range"] == {"type": "numbered", "numberOfOccurrences": 1}
    assert decode(sent).recurrence.rules[0].count == 1


@pytest.mark.parametrize(
    ("start", "all_day", "wanted"),
    [
        ({"dateTime": "2026-11-04T09:30:00+08:00"}, False, "2026-11-04T09:30:00+08:00"),
        (
            {"dateTime": "2026-11-04T01:30:00Z", "timeZone": "Asia/Shanghai"},
            False,
            "2026-11-04T09:30:00+08:00",
        ),
        (
            {"dateTime": "2026-11-04T01:30:00.123Z", "timeZone": "UTC"},
            None,
            "2026-11-04T01:30:00.123000+00:00",
        ),
        (
            {"dateTime": "2026-11-04T09:30:00", "timeZone": "Asia/Shanghai"},
            False,
            "2026-11-04T09:30:00+08:00",
        ),
        (
            {"dateTime": "2026-11-04T09:30", "timeZone": "China Standard Time"},
            False,
            "2026-11-04T09:30:00+08:00",
        ),
        (
            {"dateTime": "2026-11-04T04:00:00-05:00", "timeZone": "../etc/passwd"},
            False,
            "2026-11-04T04:00:00-05:00",
        ),
        ({"dateTime": "2026-11-04T04:00:00-05:00", "timeZone": "Asia"}, False, "2026-11-04T04:00:00-05:00"),
        (
            {"dateTime": "2026-11-04T09:30:00+08:00", "date": "2020-01-01", "timeZone": None},
            None,
            "2026-11-04T09:30:00+08:00",
        ),
        ({"date": "2026-11-04", "dateTime": "2020-01-01T09:30:00+08:00"}, True, "2026-11-04"),
        ({"date": "2026-11-04"}, None, "2026-11-04"),
        ({"date": "2026-11-04"}, "true", "2026-11-04"),
        ({"date": "2026-11-04", "dateTime": None}, False, "2026-11-04"),
        ({"dateTime": "2026-11-03T16:00:00Z", "timeZone": "Asia/Shanghai"}, True, "2026-11-04"),
        ({"date": "nonsense"}, True, "1970-01-01"),
        ({}, None, "1970-01-01"),
        (None, None, "1970-01-01"),
    ],
)
def test_every_way_to_tell_a_start_is_read(start: Any, all_day: Any, wanted: str) -> None:
    event = decode({"start": start, "end": None, "isAllDay": all_day})
    assert event.start.isoformat() == wanted
    assert event.end == (
        event.start if isinstance(event.start, dt.datetime) else event.start + dt.timedelta(days=1)
    )


@pytest.mark.parametrize(
    ("more", "item", "wanted"),
    [
        (
            {"originStart": {"dateTime": "2026-11-04T01:30:00Z"}, "seriesMasterId": "M"},
            {},
            "2026-11-04T09:30:00+08:00",
        ),
        (
            {"originStart": {"dateTime": "2026-11-04T01:30:00.000Z"}},
            {"series_id": "M"},
            "2026-11-04T09:30:00+08:00",
        ),
        ({"originStart": None, "seriesMasterId": "M"}, {}, "2026-11-04T09:30:00+08:00"),
        (
            {},
            {"series_id": "M", "origin": dt.datetime(2026, 11, 3, 1, 30, tzinfo=dt.UTC)},
            "2026-11-03T09:30:00+08:00",
        ),
        ({}, {"series_id": "M", "origin": dt.date(2026, 11, 3)}, "2026-11-03"),
        ({"seriesMasterId": ""}, {}, None),
        ({"seriesMasterId": "E"}, {}, None),
    ],
)
def test_occurrences_know_where_they_come_from(
    more: dict[str, Any], item: dict[str, Any], wanted: str | None
) -> None:
    event = decode({**recurring({"type": "daily"}), **more}, **item)
    assert (event.recurrence_id.isoformat() if event.recurrence_id else None) == wanted
    assert bool(event.recurrence) == (wanted is None)


@pytest.mark.parametrize("midnight", ["2026-11-04T00:00:00Z", "2026-11-03T16:00:00Z", "2026-11-04T05:00:00Z"])
def test_an_all_day_occurrence_comes_from_a_date_wherever_midnight_is(midnight: str) -> None:
    days = {
        "start": {"date": "2026-11-09"},
        "end": {"date": "2026-11-10"},
        "isAllDay": True,
        "seriesMasterId": "M",
    }
    assert decode({**days, "originStart": {"dateTime": midnight}}).recurrence_id == dt.date(2026, 11, 4)


def guest(vendor_id: str, answer: str, *, optional: Any = False) -> dict[str, Any]:
    return {"id": vendor_id, "displayName": vendor_id, "responseStatus": answer, "isOptional": optional}


def test_an_own_event_without_guests_has_neither_organizer_nor_attendees() -> None:
    event = decode({**BASE, "organizer": {"id": ME, "self": True}, "attendees": [guest(ME, "accepted")]})
    assert (event.organizer, event.attendees) == (None, ())


def test_an_invitation_lists_the_own_answer_and_not_the_organizer_again() -> None:
    rows = [
        guest(BOB, "accepted"),
        guest(ME, "tentative"),
        guest(CAROL, "declined", optional="true"),
        guest("X", "odd"),
    ]
    event = decode({**BASE, "organizer": {"id": BOB, "displayName": "Bob"}, "attendees": rows})
    assert event.organizer == Person(address="mailto:bob@x.cn", name="Bob")
    assert [(a.address, a.partstat, a.is_optional) for a in event.attendees] == [
        ("mailto:me@x.cn", PartStat.TENTATIVE, False),
        ("mailto:carol@x.cn", PartStat.DECLINED, True),
        (ROSTER.person_of("X").address, PartStat.NEEDS_ACTION, False),
    ]
    assert MAPPER.allows_change({**BASE, "organizer": {"id": BOB}}, ROSTER)
    assert (
        MAPPER.people_of({**BASE, "organizer": {"id": BOB, "displayName": "Bob"}, "attendees": rows[1:]})[BOB]
        == "Bob"
    )


def test_cancelled_events_say_so_in_both_spellings() -> None:
    for status, wanted in (
        ("cancelled", Status.CANCELLED),
        ("CANCELED", Status.CANCELLED),
        ("odd", Status.CONFIRMED),
    ):
        assert decode({**BASE, "status": status}).status is wanted
    assert decode(BASE, cancelled=True).status is Status.CANCELLED


def test_a_stub_that_tells_its_id_only_is_readable() -> None:
    event = decode(
        {"status": "cancelled"}, cancelled=True, series_id="M", origin=dt.datetime(2026, 11, 4, tzinfo=dt.UTC)
    )
    assert event.recurrence_id == event.start == dt.datetime(2026, 11, 4, tzinfo=dt.UTC)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "summary", "description", "start", "end", "isAllDay", "recurrence", "attendees", "organizer", "location", "reminders",
    "status", "seriesMasterId", "originStart", "onlineMeetingInfo", "richTextDescription",
)  # fmt: skip
INNER = ("date", "dateTime", "timeZone", "id", "minutes", "pattern", "range", "type", "text", "displayName")


@given(
    st.dictionaries(
        st.sampled_from(FIELDS),
        JUNK
        | st.dictionaries(st.sampled_from(INNER), JUNK)
        | st.lists(st.dictionaries(st.sampled_from(INNER), JUNK)),
    )
)
@at_least(200)
def test_no_answer_is_unreadable(snapshot: dict[str, Any]) -> None:
    assert decode(snapshot).uid == "u"
    assert isinstance(MAPPER.allows_change(snapshot, ROSTER), str)
    assert isinstance(MAPPER.people_of(snapshot), dict)

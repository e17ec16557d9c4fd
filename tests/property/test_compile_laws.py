"""Laws of the series compiler, held against vendors that read their documents in every way they allow.

Neither the client's set nor the vendor's is worked out with code of the bridge: the client's comes from dateutil in
local time, the vendor's from looking at every single day.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections import Counter
from dataclasses import dataclass, replace
from types import SimpleNamespace
from zoneinfo import ZoneInfo, available_timezones

import pytest
from dateutil import rrule as du
from examples import at_least, law
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.errors import Inexpressible
from bridge.model.event import CalendarObject, Event, Status
from bridge.model.people import Roster
from bridge.model.recurrence import Freq, NthDay, Recurrence, Rule, Weekday
from bridge.model.upstream import Upstream
from bridge.plan.compile import compile_object
from bridge.providers.dingtalk.limits import LIMITS as DINGTALK
from bridge.providers.dingtalk.mapper import DingTalkMapper
from bridge.providers.wecom.limits import LIMITS as WECOM
from bridge.providers.wecom.mapper import WeComMapper

DAY = dt.timedelta(days=1)
IANA = available_timezones()
NOW = dt.datetime(2026, 3, 11, 5, 20, tzinfo=dt.UTC)
HORIZON = NOW + 260 * DAY
BEYOND = HORIZON + 150 * DAY
ZONES = [
    ZoneInfo(key)
    for key in (
        "Asia/Shanghai",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Kiritimati",
        "America/St_Johns",
        "Africa/Casablanca",
        "UTC",
    )
]
ZONES += [dt.UTC, dt.timezone(dt.timedelta(hours=8)), dt.timezone(dt.timedelta(hours=5, minutes=30))]


# ---- the client's set, by dateutil -----------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="module")
def _no_search_for_a_day_that_never_comes():
    """Let dateutil give up at the end of the horizon's year instead of the year 9999."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(du, "datetime", SimpleNamespace(**{**vars(dt), "MAXYEAR": BEYOND.year + 1}))
        yield


def walls_of_rule(
    rule: Rule, start: dt.datetime, zone: dt.tzinfo | None, end: dt.datetime
) -> list[dt.datetime]:
    freqs = {freq: getattr(du, freq.value) for freq in Freq}
    parts = {
        "bymonth": rule.by_month,
        "bymonthday": rule.by_month_day,
        "byyearday": rule.by_year_day,
        "byweekno": rule.by_week_no,
        "byweekday": [du.weekday(nth.day, nth.nth or None) for nth in rule.by_day],
        "byhour": rule.by_hour,
        "bysetpos": rule.by_set_pos,
    }
    walk = du.rrule(
        freqs[rule.freq],
        dtstart=start,
        interval=rule.interval,
        wkst=int(rule.week_start),
        until=end,
        **{name: part for name, part in parts.items() if part},
    )
    walls = list(walk)
    if rule.count is not None:
        walls = walls[: rule.count if start in walls else rule.count - 1]
    if rule.until is not None:
        walls = [wall for wall in walls if moment_of(wall, zone) <= rule.until]
    return walls


def moment_of(wall: dt.datetime, zone: dt.tzinfo | None):
    return wall.date() if zone is None else wall.replace(tzinfo=zone).astimezone(dt.UTC)


@dataclass
class Shown:
    """What a person should see: (start, end, summary) of each occurrence, and what nobody needs to see."""

    seen: Counter
    every: set


def client_set(obj: CalendarObject) -> Shown:
    master = obj.master
    timed = isinstance(master.start, dt.datetime)
    zone = master.start.tzinfo if timed else None
    start = master.start.replace(tzinfo=None) if timed else dt.datetime.combine(master.start, dt.time())
    far = BEYOND.replace(tzinfo=None) + 5 * DAY
    walls = {start}
    for rule in master.recurrence.rules:
        walls.update(walls_of_rule(rule, start, zone, far))
    for moment in master.recurrence.rdates:
        walls.add(
            moment.astimezone(zone).replace(tzinfo=None) if timed else dt.datetime.combine(moment, dt.time())
        )
    gone = {m.astimezone(dt.UTC) if timed else m for m in master.recurrence.exdates}
    ranges = sorted((o for o in obj.overrides if o.this_and_future), key=lambda o: key(o.recurrence_id))
    seen = Counter()
    overrides = {key(o.recurrence_id): o for o in obj.overrides}
    for wall in sorted(walls):
        at = moment_of(wall, zone)
        if at in gone:
            continue
        override = overrides.get(at)
        if override is not None and not override.this_and_future:
            continue
        template, shift = master, dt.timedelta()
        for each in ranges:
            if key(each.recurrence_id) <= at:
                template = each
                origin = (
                    each.recurrence_id.astimezone(zone).replace(tzinfo=None) if timed else each.recurrence_id
                )
                moved = each.start.astimezone(zone).replace(tzinfo=None) if timed else each.start
                shift = moved - origin
        if template.status is Status.CANCELLED:
            continue
        begin = moment_of(wall + shift, zone)
        seen[begin, end_of(template, wall + shift, zone), template.summary] += 1
    for at, override in overrides.items():
        if at in gone or override.status is Status.CANCELLED:
            continue
        if override.this_and_future and at in {moment_of(wall, zone) for wall in walls}:
            continue
        seen[key(override.start), key(override.end), override.summary] += 1
    return Shown(seen, set(seen))


def end_of(event: Event, wall: dt.datetime, zone):
    """Where a client shows the end: as much later on the clock as DTEND is than DTSTART."""
    if zone is None:
        return wall.date() + (event.end - event.start)
    begin, end = moment_of(wall, zone), moment_of(wall + wall_length(event), zone)
    return end if end > begin else begin + (key(event.end) - key(event.start))


def wall_length(event: Event) -> dt.timedelta:
    return event.end.replace(tzinfo=None) - event.start.replace(tzinfo=None)


def key(moment):
    return moment.astimezone(dt.UTC) if isinstance(moment, dt.datetime) else moment


# ---- the vendors' sets, day by day -----------------------------------------------------------------------------


def nth_of_month(day: dt.date) -> set[int]:
    length = calendar.monthrange(day.year, day.month)[1]
    found = {(day.day - 1) // 7 + 1}
    if day.day + 7 > length:
        found.add(-1)
    return found


def week_number(day: dt.date, begin: int) -> int:
    return (day.toordinal() - 1 - begin) // 7


def falls_on(rule: Rule, first: dt.date, day: dt.date, week: object) -> bool:
    """Whether a vendor's pattern, begun on ``first``, has ``day``."""
    months = (day.year - first.year) * 12 + day.month - first.month
    match rule.freq:
        case Freq.DAILY:
            return (day - first).days % rule.interval == 0
        case Freq.WEEKLY:
            if day.weekday() not in {nth.day for nth in rule.by_day}:
                return False
            if week == "rolling":
                return (day - first).days // 7 % rule.interval == 0
            return (week_number(day, week) - week_number(first, week)) % rule.interval == 0
        case Freq.MONTHLY:
            if months % rule.interval:
                return False
            if rule.by_day:
                (nth,) = rule.by_day
                return day.weekday() == nth.day and nth.nth in nth_of_month(day)
            return day.day in rule.by_month_day
        case Freq.YEARLY:
            return months % (12 * rule.interval) == 0 and day.day == first.day
    raise AssertionError(rule)


def series_days(event: Event, zone, week: object, *, end: dt.date) -> list[dt.date]:
    (rule,) = event.recurrence.rules
    timed = isinstance(event.start, dt.datetime)
    first = event.start.date() if timed else event.start
    last = end
    if rule.until is not None:
        # Read as the end of that day on the series' own clock, as both encoders send it.
        last = min(end, rule.until.astimezone(zone).date() if timed else rule.until)
    days = []
    day = first
    while day <= last and (rule.count is None or len(days) < rule.count):
        if falls_on(rule, first, day, week):
            days.append(day)
        day += DAY
    return days


def vendor_sets(pieces, limits) -> list[Counter]:
    """What the vendor shows under each reading of its documents."""
    if not limits.series.whole_hour_offsets_only:
        return [vendor_set(pieces, limits, "sent")]
    rules = [rule for piece in pieces for rule in piece.event.recurrence.rules]
    is_plain = not any(rule.interval > 1 and rule.freq is Freq.WEEKLY for rule in rules)
    readings = [Weekday.MO] if is_plain else [Weekday.MO, Weekday.SU, Weekday.SA, "rolling"]
    return [vendor_set(pieces, limits, week) for week in readings]


def vendor_set(pieces, limits, week) -> Counter:
    seen = Counter()
    of_key = {piece.key: piece for piece in pieces}
    assert len(of_key) == len(pieces), "two items with one name"
    for piece in pieces:
        event = piece.event
        if not event.recurrence.rules:
            assert not event.recurrence.exdates
            assert not event.recurrence.rdates
            seen[key(event.start), key(event.end), event.summary] += 1
            continue
        check_limits(event, limits)
        rule = event.recurrence.rules[0]
        starts = {}
        zone = event.start.tzinfo if isinstance(event.start, dt.datetime) else None
        reading = int(rule.week_start) if week == "sent" else week
        for day in series_days(event, zone, reading, end=BEYOND.date() + 2 * DAY):
            wall = dt.datetime.combine(day, event.start.time() if zone else dt.time())
            starts[moment_of(wall, zone)] = end_of(event, wall, zone)
        assert key(event.start) in starts or not starts, "the start is not on its own pattern"
        split = [other.at for other in pieces if other.of == piece.key]
        gone = [*event.recurrence.exdates, *split]
        assert len(set(gone)) == len(gone)
        assert not (gone and rule.count is not None), "does COUNT count what is removed?"
        for at in gone:
            if key(at) <= (BEYOND if zone else BEYOND.date()):
                assert key(at) in starts, "nothing to remove there"
                del starts[key(at)]
        for start, end in starts.items():
            seen[start, end, event.summary] += 1
    return seen


def check_limits(event: Event, limits) -> None:
    (rule,) = event.recurrence.rules
    series = limits.series
    assert rule.freq in series.freqs
    assert not event.recurrence.rdates
    assert not any((rule.by_set_pos, rule.by_month, rule.by_year_day, rule.by_week_no, rule.by_hour))
    assert rule.interval <= series.interval_max
    if series.interval_freqs is not None and rule.freq not in series.interval_freqs:
        assert rule.interval == 1
    if rule.count is not None:
        assert series.counts
        assert rule.count <= series.count_max
    assert len(rule.by_month_day) <= series.month_days_max
    assert all(1 <= day <= 28 for day in rule.by_month_day)
    if rule.freq is Freq.MONTHLY:
        assert all(nth.nth in series.nth_weekday for nth in rule.by_day)
    else:
        assert all(nth.nth == 0 for nth in rule.by_day)
    if not isinstance(event.start, dt.datetime):
        return
    if not series.whole_hour_offsets_only:
        assert event.start.tzinfo.key in IANA
    else:
        hours = event.start.utcoffset() / dt.timedelta(hours=1)
        assert hours == int(hours)
        assert int(hours) in series.offset_hours


# ---- random objects --------------------------------------------------------------------------------------------

WEEKDAYS = st.sets(st.sampled_from(list(Weekday)), min_size=1, max_size=4)
TIMES = st.sampled_from([dt.time(h, m) for h, m in ((0, 0), (0, 10), (2, 30), (9, 0), (14, 45), (23, 50))])


def plain(days):
    return tuple(NthDay(day) for day in sorted(days))


@st.composite
def rules(draw, start, zone):
    freq = draw(st.sampled_from([Freq.DAILY, *[Freq.WEEKLY, Freq.MONTHLY] * 2, Freq.YEARLY]))
    rule = Rule(freq=freq, interval=draw(st.sampled_from([1, 1, 1, 1, 2, 3, 4, 6, 7, 12])))
    if draw(st.integers(0, 5)) == 0:
        rule = replace(
            rule, by_month=tuple(sorted(draw(st.sets(st.integers(1, 12), min_size=1, max_size=9))))
        )
    if freq in (Freq.DAILY, Freq.WEEKLY):
        if draw(st.integers(0, 3)):
            rule = replace(rule, by_day=plain(draw(WEEKDAYS)))
        rule = replace(
            rule, week_start=draw(st.sampled_from([Weekday.MO, Weekday.MO, Weekday.SU, Weekday.SA]))
        )
    else:
        rule = replace(rule, **draw(DAYS_OF_MONTHS))
        if freq is Freq.YEARLY and not draw(st.integers(0, 5)):
            rule = Rule(freq=freq, interval=rule.interval, **draw(DAYS_OF_YEARS))
    match draw(st.integers(0, 2)):
        case 1:
            rule = replace(rule, count=draw(st.sampled_from([1, 2, 3, 5, 10, 40, 120, 400])))
        case 2:
            minutes = draw(st.sampled_from([0, 0, -5, 700]))
            until = start + dt.timedelta(days=draw(st.integers(0, 900)), minutes=minutes)
            until = until.date() if zone is None else until.replace(tzinfo=zone).astimezone(dt.UTC)
            rule = replace(rule, until=until)
    return rule


def parts(**of):
    """Draw parts of a rule, each an ascending tuple."""
    return st.fixed_dictionaries(
        {name: values.map(lambda found: tuple(sorted(found))) for name, values in of.items()}
    )


def some(*values, most=3):
    return st.sets(st.sampled_from(values), min_size=1, max_size=most)


SAME_DAYS = st.builds(
    lambda nths, day: [NthDay(day, nth) for nth in nths],
    some(1, 2, 3, 4, 5, -1, -2),
    st.sampled_from(Weekday),
)
PLAIN_DAYS = WEEKDAYS.map(plain)
BLOCKS = st.sampled_from([1, 8, 15, 22, 3]).map(lambda first: range(first, first + 7))
DAYS_OF_MONTHS = st.one_of(
    st.just({}),
    parts(by_month_day=some(*range(1, 32), -1, -2)),
    parts(by_day=SAME_DAYS),
    parts(by_day=PLAIN_DAYS),
    parts(by_day=PLAIN_DAYS, by_set_pos=some(1, 2, 3, -1, -2)),
    parts(by_day=PLAIN_DAYS, by_month_day=BLOCKS),
)
DAYS_OF_YEARS = st.one_of(
    parts(by_year_day=some(1, 40, 59, 60, 100, -1, -306, -307)),
    parts(by_week_no=some(*range(1, 53)), by_day=PLAIN_DAYS),
)


@st.composite
def objects(draw):
    zone = draw(st.sampled_from([*ZONES, None, None]))
    day = (
        NOW.date()
        + dt.timedelta(days=draw(st.sampled_from([-700, -400, -100, -31, -8, -1, 0, 3, 40])))
        + (DAY * draw(st.integers(0, 9)))
    )
    at = draw(TIMES) if zone is not None else dt.time()
    wall = dt.datetime.combine(day, at)
    assume(zone is None or moment_of(wall, zone).astimezone(zone).replace(tzinfo=None) == wall)
    found = tuple(draw(rules(wall, zone)) for _ in range(draw(st.sampled_from([0, 1, 1, 1, 1, 1, 1, 2]))))
    rdates = tuple(
        moment
        for days in draw(st.lists(st.integers(1, 200), max_size=3 if found else 8))
        for moment in [form(wall + days * DAY, zone)]
    )
    assume(found or rdates)
    length = (
        draw(st.sampled_from([30, 60, 600, 3000]))
        if zone is not None
        else draw(st.sampled_from([1440, 2880]))
    )
    start = form(wall, zone)
    master = event(start, length, zone, summary="m", recurrence=Recurrence(rules=found, rdates=rdates))
    obj = CalendarObject(uid="u", master=master)
    occurrences = sorted(client_set(obj).every)
    picked = draw(st.lists(st.sampled_from([at for at, _, _ in occurrences]), max_size=6, unique=True))
    roles = [draw(st.sampled_from("xxoocfz")) for _ in picked]
    exdates, overrides = [], []
    for at, role in zip(picked, roles, strict=True):
        rid = at if zone is None else at.astimezone(zone)
        if moment_of_back(rid, zone) != at:
            continue
        if role == "f" and zone is not None and has_two_names(rid, zone):
            continue  # by how much a range is moved from a time that does not exist is open to readings
        if role == "x":
            exdates.append(rid)
        elif role == "z" and zone is not None:
            exdates.append(at)
        else:
            overrides.append(override(draw, rid, zone, role, len(overrides)))
    if draw(st.integers(0, 9)) == 0:
        overrides.append(
            override(draw, form(wall + 77 * DAY + dt.timedelta(hours=1) * bool(zone), zone), zone, "o", 99)
        )
    overrides.sort(key=lambda o: key(o.recurrence_id))
    keys = {key(o.recurrence_id) for o in overrides}
    assume(len(keys) == len(overrides))
    master = replace(master, recurrence=replace(master.recurrence, exdates=tuple(exdates)))
    return CalendarObject(uid="u", master=master, overrides=tuple(overrides))


def form(wall, zone):
    return wall.date() if zone is None else wall.replace(tzinfo=zone)


def moment_of_back(moment, zone):
    return moment if zone is None else moment.replace(fold=0).astimezone(dt.UTC)


def has_two_names(rid, zone):
    return any(
        moment_of(rid.replace(tzinfo=None) - dt.timedelta(minutes=gap), zone) == key(rid) for gap in (30, 60)
    )


def event(start, minutes, zone, **fields):
    if zone is None:
        return Event(uid="u", start=start, end=start + dt.timedelta(minutes=minutes), **fields)
    end = (start.replace(tzinfo=None) + dt.timedelta(minutes=minutes)).replace(tzinfo=zone)
    return Event(uid="u", start=start, end=end, **fields)


def override(draw, rid, zone, role, number):
    shift = draw(st.sampled_from([0, 0, 1, -1, 3])) * DAY
    if zone is not None:
        shift += draw(st.sampled_from([0, 60, -45])) * dt.timedelta(minutes=1)
        wall = rid.replace(tzinfo=None) + shift
        start = form(wall, zone)
    else:
        start = rid + shift
    status = Status.CANCELLED if role == "c" else Status.CONFIRMED
    return event(
        start,
        60 if zone is not None else 1440,
        zone,
        summary=f"o{number}",
        status=status,
        recurrence_id=rid,
        this_and_future=role == "f",
    )


# ---- laws ------------------------------------------------------------------------------------------------------

CUT = [replace(one, series=replace(one.series, exceptions=False)) for one in (WECOM, DINGTALK)]
"""Both vendors, should they take no change of one occurrence alone."""
VENDORS = pytest.mark.parametrize("limits", [WECOM, DINGTALK], ids=["wecom", "dingtalk"])


def compiled(obj, limits, **more):
    """Compile; None where it is refused, as long as the refusal says what would help."""
    try:
        return compile_object(obj, limits, **{"now": NOW, "horizon": HORIZON, **more})
    except Inexpressible as error:
        if "would help" not in str(error):
            raise
        return None


def in_window(counter: Counter, low: dt.datetime, high: dt.datetime) -> Counter:
    def inside(at) -> bool:
        if isinstance(at, dt.datetime):
            return low <= at <= high
        return low.date() <= at <= high.date()

    return Counter({what: count for what, count in counter.items() if inside(what[0])})


def check_exact(obj, limits, plan, *, now=NOW, horizon=HORIZON) -> None:
    wanted = client_set(obj)
    assert plan.exact_until in (None, horizon)
    high = BEYOND if plan.exact_until is None else horizon
    today = now - dt.timedelta(hours=12)
    for seen in vendor_sets(plan.pieces, limits):
        shown, due = in_window(seen, today, high), in_window(wanted.seen, today, high)
        assert not shown - due, "shown, but not wanted (or twice)"
        assert not due - shown, "wanted, but not shown"
        everything = in_window(seen, NOW - 1000 * DAY, BEYOND)
        assert set(everything) <= wanted.every, "an occurrence that the client does not have"


@VENDORS
@law
@given(obj=objects())
def test_the_items_show_exactly_the_clients_occurrences_from_today_to_the_horizon(limits, obj):
    plan = compiled(obj, limits)
    if plan is not None:
        check_exact(obj, limits, plan)


@pytest.mark.parametrize("limits", CUT, ids=["wecom", "dingtalk"])
@at_least(500)
@given(obj=objects(), days=st.sampled_from([0, 1, 9, 40]))
def test_without_exceptions_the_items_are_as_exact_and_have_none(limits, obj, days):
    plan = compiled(obj, limits, items_max=300)
    if plan is None:
        return
    check_exact(obj, limits, plan)
    for piece in plan.pieces:
        assert not piece.event.recurrence.exdates
        assert piece.of is None
    assert compiled(obj, limits, existing=plan.pieces, items_max=300) == plan
    later = compiled(obj, limits, horizon=HORIZON + days * DAY, existing=plan.pieces, items_max=300)
    assert set(plan.pieces) <= set(later.pieces)
    now = NOW + days * DAY
    aged = compiled(obj, limits, now=now, existing=plan.pieces, items_max=300)
    assert set(plan.pieces) <= set(aged.pieces)
    check_exact(obj, limits, aged, now=now)


@pytest.mark.parametrize("limits", CUT, ids=["wecom", "dingtalk"])
@at_least(200)
@given(before=objects(), after=objects())
def test_without_exceptions_it_does_not_matter_what_was_there_before(limits, before, after):
    old = compiled(before, limits)
    if old is not None:
        plan = compiled(after, limits, existing=old.pieces)
        if plan is not None:
            check_exact(after, limits, plan)
            assert compiled(after, limits, existing=plan.pieces) == plan


@VENDORS
@law
@given(obj=objects(), days=st.sampled_from([0, 1, 9, 40, 200]))
def test_compiling_again_changes_nothing_and_a_later_horizon_only_appends(limits, obj, days):
    plan = compiled(obj, limits, items_max=300)
    if plan is None:
        return
    assert compiled(obj, limits, existing=plan.pieces, items_max=300) == plan
    for existing in ((), plan.pieces):
        later = compiled(obj, limits, horizon=HORIZON + days * DAY, existing=existing, items_max=300)
        assert set(plan.pieces) <= set(later.pieces)


@VENDORS
@at_least(200)
@given(obj=objects(), steps=st.lists(st.sampled_from([1, 6, 30, 90]), min_size=1, max_size=4))
def test_as_days_go_by_items_stay_as_they_are_and_the_promise_holds(limits, obj, steps):
    plan = compiled(obj, limits, items_max=300)
    now = NOW
    for days in steps:
        if plan is None or now + days * DAY > HORIZON - 40 * DAY:
            return
        now += days * DAY
        before = plan
        plan = compiled(obj, limits, now=now, existing=before.pieces, items_max=300)
        if plan is not None:
            assert set(before.pieces) <= set(plan.pieces)
            check_exact(obj, limits, plan, now=now)


@VENDORS
@at_least(200)
@given(before=objects(), after=objects())
def test_whatever_was_there_before_the_new_items_are_exact(limits, before, after):
    old = compiled(before, limits)
    if old is not None:
        plan = compiled(after, limits, existing=old.pieces)
        if plan is not None:
            check_exact(after, limits, plan)
            assert compiled(after, limits, existing=plan.pieces) == plan


@pytest.mark.parametrize("mapper", [WeComMapper(ZONES[0]), DingTalkMapper()], ids=["wecom", "dingtalk"])
@at_least(200)
@given(obj=objects())
def test_what_is_read_back_from_the_vendors_own_words_compiles_to_the_same_items(mapper, obj):
    plan = compiled(obj, mapper.limits, items_max=300)
    if plan is None:
        return
    roster = Roster()
    payloads = {piece.key: mapper.encode(piece.event, roster).value for piece in plan.pieces}
    there = tuple(
        replace(piece, event=mapper.decode(Upstream(id="x", snapshot=payloads[piece.key]), "u", roster))
        for piece in plan.pieces
    )
    again = compiled(obj, mapper.limits, existing=there, items_max=300)
    assert {piece.key: mapper.encode(piece.event, roster).value for piece in again.pieces} == payloads
    assert [piece.event.recurrence.exdates for piece in again.pieces] == [
        piece.event.recurrence.exdates for piece in plan.pieces
    ]

"""Pulling a calendar, and asking for single schedules, under every reading of the documents."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import Missing, NotAllowed, Throttled, Unauthorised, Unreachable
from bridge.model.recurrence import Freq, Rule
from bridge.model.upstream import Create, Delete, Drop
from bridge.providers.base import Known, Window
from bridge.providers.wecom.reading import CURSOR, GET_BATCH, LIST_LIMIT, SWEEPS_MAX

if TYPE_CHECKING:
    from collections.abc import Callable


def create(bench: Any, event: Any) -> str:
    applied = bench.provider.apply(bench.target, Create(payload=bench.payload(event)), "t")
    return str(applied.item.id)


def ids(page: Any) -> set[str]:
    return {item.id for item in page.items}


def many(bench: Any, say: Any, count: int) -> list[str]:
    """Put events into the calendar faster than one by one through the provider."""
    client = bench.provider._client
    start = int(say.at(8).timestamp())
    return [
        client.schedule_add(
            {
                "cal_id": bench.target.calendar_id,
                "summary": f"E{n}",
                "start_time": start + n,
                "end_time": start + n + 60,
            }
        )["schedule_id"]
        for n in range(count)
    ]


READINGS = [
    {},
    {"unknown_id_in_list": "omit", "foreign_id_in_list": "omit"},
    {"list_order": "newest_first"},
    {"list_order": "by_id", "get_order": "creation"},
    {"list_page_cap": 2},
    {"list_superset": True},
    {"list_cancelled": False},
    {"same_token": "new_kills_old"},
]


@pytest.mark.parametrize("switches", READINGS, ids=str)
def test_a_pull_returns_what_stands_in_the_calendar_completely(
    make_bench: Callable[..., Any], say: Any, switches: dict[str, Any]
) -> None:
    bench = make_bench(switches)
    plain = create(bench, say.event(alarms=say.alarms(900, 3600)))
    day = create(bench, say.event(dt.date(2026, 1, 9)))
    series = create(bench, say.series(Rule(freq=Freq.DAILY, count=4)))
    bench.provider.apply(bench.target, Drop(series_id=series, at=say.at(9)), "t")
    page = bench.sweep()
    assert ids(page) == {plain, day, series}
    assert page.absent == ()
    assert page.cursor == CURSOR
    found = {item.id: item.snapshot for item in page.items}
    assert sorted(found[plain]["reminders"]["remind_time_diffs"]) == [-3600, -900]
    assert found[day]["is_whole_day"] == 1
    assert len(found[series]["reminders"]["exclude_time_list"]) == 1


@pytest.mark.parametrize("switches", READINGS, ids=str)
def test_a_deleted_schedule_is_told_once_and_not_looked_at_again(
    make_bench: Callable[..., Any], say: Any, switches: dict[str, Any]
) -> None:
    bench = make_bench(switches)
    kept, deleted = create(bench, say.event()), create(bench, say.event(say.at(9)))
    bench.act("delete", userid="lisi", schedule_id=deleted)
    page = bench.sweep(Known(ids=frozenset({kept, deleted})))
    assert {item.id: item.cancelled for item in page.items} == {kept: False, deleted: True}
    assert page.absent == ()
    page = bench.sweep(Known(ids=frozenset({kept}), gone=frozenset({deleted})))
    assert ids(page) == {kept}


@pytest.mark.parametrize("switches", READINGS, ids=str)
def test_something_that_is_in_no_list_is_asked_for_before_it_counts_as_absent(
    make_bench: Callable[..., Any], say: Any, switches: dict[str, Any]
) -> None:
    bench = make_bench(switches)
    kept = create(bench, say.event())
    gone = {f"{number:032x}" for number in range(5)}
    bench.calls()
    page = bench.sweep(Known(ids=frozenset({kept, *gone})))
    assert ids(page) == {kept}
    assert set(page.absent) == gone


def test_a_schedule_that_a_list_forgets_is_not_absent(bench: Any, say: Any) -> None:
    first, second = create(bench, say.event()), create(bench, say.event(say.at(9)))
    known = Known(ids=frozenset({first, second}))
    body = '{"errcode":0,"errmsg":"ok","schedule_list":[]}'
    bench.fault("status", match="get_by_calendar", status=200, body=body)
    page = bench.sweep(known)
    assert ids(page) == {first, second}
    assert page.absent == ()


def test_another_apps_schedule_is_neither_shown_nor_called_absent(bench: Any, say: Any) -> None:
    foreign = create(bench.second(secret="other"), say.event())
    mine = create(bench, say.event())
    page = bench.sweep(Known(ids=frozenset({foreign, mine})))
    assert ids(page) == {mine}
    assert page.absent == ()
    assert bench.provider.fetch(bench.target, [foreign, mine]).keys() == {mine}


def test_events_outside_the_window_are_left_alone_unless_they_are_known(bench: Any, say: Any) -> None:
    inside = create(bench, say.event())
    late = create(bench, say.event(dt.datetime(2028, 1, 1, 10, tzinfo=say.zone)))
    old = create(bench, say.event(dt.datetime(2024, 1, 1, 10, tzinfo=say.zone)))
    endless = create(bench, say.series(Rule(freq=Freq.DAILY), dt.datetime(2024, 1, 1, 10, tzinfo=say.zone)))
    ended = create(
        bench, say.series(Rule(freq=Freq.DAILY, count=9), dt.datetime(2024, 1, 1, 10, tzinfo=say.zone))
    )
    running = create(
        bench, say.series(Rule(freq=Freq.YEARLY, count=9), dt.datetime(2024, 1, 1, 10, tzinfo=say.zone))
    )
    assert ids(bench.sweep()) == {inside, endless, running}
    assert ids(bench.sweep(Known(ids=frozenset({old, late, ended})))) == {
        inside,
        endless,
        running,
        old,
        late,
        ended,
    }


def test_an_event_that_only_touches_the_window_is_in_it(bench: Any, say: Any) -> None:
    spanning = create(bench, say.event(say.at(1), say.at(20)))
    window = Window(start=say.at(10), end=say.at(11))
    assert ids(bench.sweep(window=window)) == {spanning}


def test_a_long_calendar_is_pulled_page_by_page_each_item_once(bench: Any, say: Any) -> None:
    wanted = many(bench, say, LIST_LIMIT + 30)
    seen: list[str] = []
    pages = 0
    page = ""
    bench.calls()
    while True:
        step = bench.provider.changes(
            bench.target,
            cursor="",
            page=page,
            window=Window(start=say.at(1), end=say.at(20)),
            known=Known(ids=frozenset(wanted)),
            deep=True,
        )
        pages += 1
        seen += [item.id for item in step.items]
        page = step.next
        if not page:
            break
    assert pages == 3
    assert sorted(seen) == sorted(wanted)
    calls = bench.calls()
    assert len([c for c in calls if c["endpoint"].endswith("schedule/get")]) == 6
    assert all(c["fault"] == "" for c in calls)


def test_a_vendor_that_ignores_the_offset_does_not_keep_us_for_ever(bench: Any, say: Any) -> None:
    item = create(bench, say.event())
    entry = f'{{"schedule_id":"{item}","start_time":1767837600,"end_time":1767841200,"status":0}}'
    body = f'{{"errcode":0,"errmsg":"ok","schedule_list":[{entry}]}}'
    bench.fault("status", match="get_by_calendar", status=200, body=body, count=-1)
    page = bench.sweep()
    assert ids(page) == {item}


def test_a_sweep_that_another_process_began_starts_again(bench: Any, say: Any) -> None:
    item = create(bench, say.event())
    step = bench.provider.changes(
        bench.target, cursor=CURSOR, page="of-another-node", window=Window(start=say.at(1), end=say.at(20)),
        known=Known(ids=frozenset({item})), deep=False,
    )  # fmt: skip
    assert ids(step) == {item}
    assert step.next


def test_unfinished_sweeps_are_forgotten_in_the_end(bench: Any, say: Any) -> None:
    create(bench, say.event())
    window = Window(start=say.at(1), end=say.at(20))
    known = Known(ids=frozenset())
    bench.provider._limiter._rate = bench.provider._limiter._rate.__class__(per_s=1e6, burst=1e6)
    bench.provider._limiter._buckets.clear()
    for _ in range(SWEEPS_MAX + 5):
        bench.provider.changes(bench.target, cursor="", page="", window=window, known=known, deep=False)
    assert len(bench.provider._sweeper._sweeps) == SWEEPS_MAX


@pytest.mark.parametrize("bad", [1, 3])
@pytest.mark.parametrize(
    "switches", [{}, {"unknown_id_in_list": "omit", "foreign_id_in_list": "omit"}], ids=str
)
def test_bad_ids_in_a_batch_do_not_hide_the_good_ones(
    make_bench: Callable[..., Any], say: Any, bad: int, switches: dict[str, Any]
) -> None:
    bench = make_bench(switches)
    good = many(bench, say, 20)
    unknown = [f"{number:032x}" for number in range(bad)]
    wanted = [*good[:7], *unknown, *good[7:]]
    bench.calls()
    found = bench.provider.fetch(bench.target, wanted)
    assert {key for key, item in found.items() if item is not None} == set(good)
    assert {key for key, item in found.items() if item is None} == set(unknown)
    assert len(bench.calls("schedule/get")) <= 12 * bad + 1


def test_a_whole_batch_of_bad_ids_costs_a_bounded_number_of_calls(bench: Any) -> None:
    unknown = [f"{number:032x}" for number in range(GET_BATCH)]
    assert bench.target
    bench.calls()
    found = bench.provider.fetch(bench.target, unknown)
    assert found == dict.fromkeys(unknown)
    assert len(bench.calls("schedule/get")) < 2 * GET_BATCH


def test_nothing_is_asked_for_nothing(bench: Any) -> None:
    assert bench.target
    bench.calls()
    assert bench.provider.fetch(bench.target, []) == {}
    assert bench.calls() == []


def test_an_answer_too_large_is_asked_for_in_parts(bench: Any, say: Any) -> None:
    good = many(bench, say, 8)
    bench.fault("error", match="schedule/get", code=45029)
    bench.calls()
    assert set(bench.provider.fetch(bench.target, good)) == set(good)
    assert len(bench.calls("schedule/get")) == 3


@pytest.mark.parametrize("switches", [{}, {"calendar_deleted_schedules": "cancelled"}], ids=str)
def test_a_deleted_calendar_says_so(
    make_bench: Callable[..., Any], say: Any, switches: dict[str, Any]
) -> None:
    bench = make_bench(switches)
    create(bench, say.event())
    bench.act("delete_calendar", userid="lisi", cal_id=bench.target.calendar_id)
    with pytest.raises(Missing):
        bench.sweep()


def test_another_apps_calendar_is_not_read(bench: Any, say: Any) -> None:
    other = bench.second(secret="other")
    assert other.target
    bench._target = other.target
    with pytest.raises(NotAllowed):
        bench.sweep()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "error", "code": 45009}, Throttled),
        ({"kind": "error", "code": 60020}, Unauthorised),
        ({"kind": "error", "code": 48002}, Unauthorised),
        ({"kind": "html"}, Unreachable),
        ({"kind": "status", "status": 503}, Unreachable),
        ({"kind": "error", "code": -1}, Unreachable),
    ],
    ids=str,
)
@pytest.mark.parametrize("skip", [0, 1], ids=["listing", "completing"])
def test_a_failing_vendor_never_looks_like_an_empty_calendar(
    bench: Any, say: Any, fault: dict[str, Any], kind: type, skip: int
) -> None:
    item = create(bench, say.event())
    bench.fault(**fault, match="schedule/get", count=-1, skip=skip)
    with pytest.raises(kind):
        bench.sweep(Known(ids=frozenset({item})))


def test_a_moment_of_illness_is_slept_over(bench: Any, say: Any) -> None:
    item = create(bench, say.event())
    for skip in (0, 1):
        bench.fault("reset", match="schedule/get", count=2, skip=skip)
        assert ids(bench.sweep()) == {item}


def test_an_expired_token_is_renewed_in_the_middle_of_a_pull(bench: Any, say: Any) -> None:
    item = create(bench, say.event())
    bench.calls()
    bench.control("clock", {"advance_s": 7300})
    assert ids(bench.sweep()) == {item}
    calls = bench.calls()
    assert len([c for c in calls if c["endpoint"].endswith("gettoken")]) == 1
    assert len([c for c in calls if c["code"] in ("42001", "40014")]) == 1


def test_after_a_deletion_of_ours_the_next_pull_is_quiet(bench: Any, say: Any) -> None:
    item = create(bench, say.event())
    bench.provider.apply(bench.target, Delete(id=item), "t")
    assert bench.sweep(Known(ids=frozenset(), gone=frozenset({item}))).items == ()


def taken(bench: Any, known: Known, *, deep: bool) -> tuple[set[str], list[str]]:
    """Sweep once; return the ids told and the calls made."""
    bench.calls()
    page, told = "", set()
    while True:
        step = bench.provider.changes(
            bench.target, cursor=CURSOR, page=page, window=WINDOW, known=known, deep=deep
        )
        told |= ids(step)
        page = step.next
        if not page:
            return told, [call["endpoint"].rsplit("/", 1)[-1] for call in bench.calls()]


WINDOW = Window(start=dt.datetime(2025, 12, 1, tzinfo=dt.UTC), end=dt.datetime(2026, 6, 1, tzinfo=dt.UTC))


@pytest.mark.parametrize("switches", [{}, {"list_superset": True}, {"list_order": "by_id"}], ids=str)
def test_a_sweep_costs_its_pages_and_the_batches_that_changed(
    make_bench: Callable[..., Any], say: Any, switches: dict[str, Any]
) -> None:
    bench = make_bench(switches)
    wanted = many(bench, say, 2 * GET_BATCH + 30)
    snapshots = {key: item.snapshot for key, item in bench.provider.fetch(bench.target, wanted).items()}
    known = Known(ids=frozenset(wanted), snapshots=snapshots)
    pages = ["get_by_calendar"] * 2  # the list, and the empty one behind it
    assert taken(bench, known, deep=False) == (set(), pages)
    bench.act("edit", userid="lisi", schedule_id=wanted[7], fields={"summary": "Other"})
    bench.act("edit", userid="lisi", schedule_id=wanted[9], fields={"location": "Room 2"})
    told, calls = taken(bench, known, deep=False)
    assert told == {wanted[7], wanted[9]}
    assert sorted(calls) == ["get", *pages]
    told, calls = taken(bench, known, deep=True)
    assert told == set(wanted)
    assert sorted(calls) == ["get"] * 3 + pages


def test_a_series_is_looked_at_in_every_sweep_for_its_excluded_days(bench: Any, say: Any) -> None:
    series = create(bench, say.series(Rule(freq=Freq.DAILY, count=4)))
    held = bench.provider.fetch(bench.target, [series])[series].snapshot
    bench.provider.apply(bench.target, Drop(series_id=series, at=say.at(9)), "t")
    told, calls = taken(bench, Known(ids=frozenset({series}), snapshots={series: held}), deep=False)
    assert told == {series}
    assert calls.count("get") == 1

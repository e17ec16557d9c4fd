"""Calendars: who sees and who may write, making, changing, removing, and the check of a source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import Inexpressible, Missing, NotAllowed, Refused, Throttled, Unauthorised, Unreachable
from bridge.providers.wecom.calendars import COLOR_DEFAULT, color_of, view

if TYPE_CHECKING:
    from collections.abc import Callable


def raw(bench: Any, cal_id: str) -> dict[str, Any]:
    """Return a calendar as the company holds it."""
    return bench.provider._client.calendar_get([cal_id])["calendar_list"][0]


@pytest.mark.parametrize("key", ["admins", "adminis", "both"])
def test_administrators_write_and_members_read(make_bench: Callable[..., Any], key: str) -> None:
    bench = make_bench({"adminis_key": key})
    made = bench.provider.make_calendar("lisi", "Team", "#3366CC", ["wangwu", "zhaoliu", "zhangsan"])
    seen = {
        user: bench.provider.calendars(user, [made.id])
        for user in ("lisi", "LiSi", "wangwu", "zhangsan", "nobody")
    }
    assert [c.writable for c in seen["lisi"]] == [True]
    assert [c.writable for c in seen["LiSi"]] == [True]
    assert [c.writable for c in seen["wangwu"]] == [True]
    (reader,) = seen["zhangsan"]
    assert not reader.writable
    assert "administrators" in reader.reason
    assert (reader.id, reader.name, reader.color) == (made.id, "Team", "#3366CC")
    assert seen["nobody"] == []


@pytest.mark.parametrize(
    ("calendar", "sees", "writes"),
    [
        ({"admins": ["lisi"]}, True, True),
        ({"adminis": ["LISI"]}, True, True),
        ({"shares": [{"userid": "lisi", "permission": 1}]}, True, False),
        ({"shares": [{"userid": "lisi"}]}, True, False),
        ({"shares": [{"userid": "lisi", "permission": "1"}]}, True, False),
        ({"shares": [{"userid": "lisi", "permission": 3}]}, False, False),
        ({"shares": [{"userid": "lisi", "permission": 3}], "admins": ["lisi"]}, True, True),
        ({"shares": [{"userid": "wangwu"}]}, False, False),
        ({}, False, False),
        ({"shares": None, "admins": None}, False, False),
        ({"is_corp_calendar": 1}, True, False),
        ({"is_public": 1, "public_range": {"userids": ["lisi"]}}, True, False),
        ({"is_public": 1, "public_range": {"userids": ["wangwu"]}}, False, False),
        ({"is_public": 0, "public_range": {"userids": ["lisi"]}}, False, False),
    ],
)
def test_who_sees_a_calendar_follows_from_what_wecom_says_of_it(
    calendar: dict[str, Any], sees: bool, writes: bool
) -> None:
    seen = view({"cal_id": "c", "summary": "s", **calendar}, "lisi")
    assert (seen is not None) == sees
    assert bool(seen and seen.writable) == writes
    assert bool(seen and seen.reason) == (sees and not writes)


@pytest.mark.parametrize("switches", [{}, {"deleted_calendar_in_list": "omit"}], ids=str)
def test_deleted_and_foreign_calendars_are_left_out(
    make_bench: Callable[..., Any], switches: dict[str, Any]
) -> None:
    bench = make_bench(switches)
    kept, deleted = (bench.provider.make_calendar("lisi", name, "", []) for name in "ab")
    foreign = bench.second(secret="other").provider.make_calendar("lisi", "c", "", [])
    bench.provider.remove_calendar(deleted.id)
    found = bench.provider.calendars("lisi", [deleted.id, kept.id, foreign.id, "wcnothing", kept.id])
    assert [c.id for c in found] == [kept.id, kept.id]


def test_no_known_calendars_cost_no_call(bench: Any) -> None:
    assert bench.provider.calendars("lisi", []) == []
    assert bench.calls() == []


def test_a_source_in_trouble_does_not_look_like_a_person_without_calendars(bench: Any) -> None:
    made = bench.provider.make_calendar("lisi", "Team", "", [])
    for code, kind in ((45009, Throttled), (48002, Unauthorised), (-1, Unreachable)):
        bench.control("clear_faults")
        bench.fault("error", match="calendar/get", code=code, count=-1)
        with pytest.raises(kind):
            bench.provider.calendars("lisi", [made.id])
        bench.clock.sleep(100)


def test_a_made_calendar_is_shared_with_its_members_and_edited_by_the_first_three(bench: Any) -> None:
    made = bench.provider.make_calendar(
        "lisi", " Team ", "#3366ccff", ["wangwu", "LISI", "zhaoliu", "zhangsan"]
    )
    assert (made.name, made.color, made.writable, made.reason) == ("Team", "#3366CC", True, "")
    held = raw(bench, made.id)
    assert [share["userid"] for share in held["shares"]] == ["lisi", "wangwu", "zhaoliu", "zhangsan"]
    assert {share["permission"] for share in held["shares"]} == {1}
    assert held["admins"] == ["lisi", "wangwu", "zhaoliu"]


def test_members_whom_the_app_cannot_see_are_counted(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(secret="narrow")
    made = bench.provider.make_calendar("lisi", "Team", "", ["wangwu", "wangwu", "lisi"])
    assert made.reason == ""
    body = (
        '{"errcode":0,"errmsg":"ok","cal_id":"wc1","fail_result":{"shares":'
        '[{"errcode":40003,"errmsg":"x","userid":"a"},{"errcode":40003,"errmsg":"x","userid":"b"}]}}'
    )
    bench.fault("status", match="calendar/add", status=200, body=body)
    made = bench.provider.make_calendar("lisi", "Team", "", ["a", "b"])
    assert made.id == "wc1"
    assert made.reason.startswith("2 of the members")


def test_a_person_whom_the_app_cannot_see_gets_no_calendar_and_leaves_none(bench: Any) -> None:
    body = (
        '{"errcode":0,"errmsg":"ok","cal_id":"wc1","fail_result":{"shares":'
        '[{"errcode":40003,"errmsg":"x","userid":"LiSi"}]}}'
    )
    bench.fault("status", match="calendar/add", status=200, body=body)
    bench.fault("status", match="calendar/del", status=200, body='{"errcode":0,"errmsg":"ok"}')
    with pytest.raises(NotAllowed, match="visible range"):
        bench.provider.make_calendar("lisi", "Team", "", [])
    assert [c["fault"] for c in bench.calls("calendar/del")] == ["status"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 129])
def test_a_name_that_wecom_does_not_hold_is_refused_here(bench: Any, name: str) -> None:
    with pytest.raises(Inexpressible, match="1 to 128"):
        bench.provider.make_calendar("lisi", name, "", [])
    assert bench.calls("calendar/add") == []


def test_more_members_than_wecom_holds_are_refused_here(bench: Any) -> None:
    with pytest.raises(Inexpressible, match="2000"):
        bench.provider.make_calendar("lisi", "Team", "", [f"u{number}" for number in range(2000)])
    assert bench.calls("calendar/add") == []


@pytest.mark.parametrize(
    ("given", "color"),
    [
        ("#3366cc", "#3366CC"),
        ("#3366CCFF", "#3366CC"),
        (" #3366cc ", "#3366CC"),
        ("#36c", "#3366CC"),
        ("", COLOR_DEFAULT),
        ("red", COLOR_DEFAULT),
        ("#12345", COLOR_DEFAULT),
        ("#zzzzzz", COLOR_DEFAULT),
        ("#3366cc; x", COLOR_DEFAULT),
    ],
)
def test_any_colour_becomes_one_that_wecom_takes(given: str, color: str) -> None:
    assert color_of(given) == color


def test_editing_a_calendar_leaves_the_rest_as_it_is(make_bench: Callable[..., Any]) -> None:
    bench = make_bench({"adminis_key": "adminis"})
    client = bench.provider._client
    cal_id = client.calendar_add(
        {
            "summary": "Old",
            "color": "#112233",
            "description": "about",
            "shares": [{"userid": "lisi", "permission": 1}, {"userid": "wangwu", "permission": 3}],
            "admins": ["lisi"],
            "is_public": 1,
            "public_range": {"userids": ["zhaoliu"], "partyids": [1]},
        }
    )["cal_id"]
    before = raw(bench, cal_id)
    bench.calls()
    edited = bench.provider.edit_calendar(cal_id, name="New", color=None)
    assert (edited.name, edited.color) == ("New", "#112233")
    assert raw(bench, cal_id) == {**before, "summary": "New"}
    edited = bench.provider.edit_calendar(cal_id, name=None, color="#aabbccff")
    assert raw(bench, cal_id) == {**before, "summary": "New", "color": "#AABBCC"}
    bench.calls()
    bench.provider.edit_calendar(cal_id, name="New", color="#AABBCC")
    assert bench.calls("calendar/update") == []


def test_a_calendar_that_is_gone_cannot_be_edited_but_counts_as_removed(bench: Any) -> None:
    made = bench.provider.make_calendar("lisi", "Team", "", [])
    bench.provider.remove_calendar(made.id)
    bench.provider.remove_calendar(made.id)
    with pytest.raises((Missing, Refused)):
        bench.provider.edit_calendar(made.id, name="x", color=None)


@pytest.mark.parametrize("answer", ["required", "ignore", "90493"])
def test_calendars_of_the_2022_page_have_an_organizer(make_bench: Callable[..., Any], answer: str) -> None:
    bench = make_bench({"organizer_sent": answer}, legacy_organizer=True)
    made = bench.provider.make_calendar("lisi", "Team", "", ["wangwu"])
    bench.provider.edit_calendar(made.id, name="New", color=None)
    assert raw(bench, made.id)["summary"] == "New"


# ---- the check ----


def test_a_source_in_order_passes_the_check(bench: Any) -> None:
    bench.provider.check()
    assert bench.counted[0] == ("gettoken", "ok")


@pytest.mark.parametrize(
    ("switches", "source", "cause"),
    [
        ({"trusted_ips": "203.0.113.7"}, {}, "address"),
        ({}, {"secret": "wrong"}, "secret"),
    ],
    ids=str,
)
def test_the_check_says_what_a_person_has_to_mend(
    make_bench: Callable[..., Any], switches: dict[str, Any], source: dict[str, Any], cause: str
) -> None:
    bench = make_bench(switches, **source)
    with pytest.raises(Unauthorised) as caught:
        bench.provider.check()
    assert caught.value.cause == cause


def test_the_check_sees_a_missing_permission(bench: Any) -> None:
    bench.fault("error", match="calendar/get", code=48002)
    with pytest.raises(Unauthorised) as caught:
        bench.provider.check()
    assert caught.value.cause == "permission"


def test_the_check_of_a_silent_vendor_says_unreachable(make_bench: Callable[..., Any]) -> None:
    bench = make_bench()
    bench.server.close()
    with pytest.raises(Unreachable):
        bench.provider.check()


def test_a_token_is_kept_warm(bench: Any) -> None:
    bench.provider.keep_token()
    assert [call["endpoint"] for call in bench.calls()] == ["gettoken"]
    bench.provider.keep_token()
    assert bench.calls() == []
    bench.clock.sleep(7000)
    bench.provider.keep_token()
    assert len(bench.calls()) == 1


def test_there_is_no_free_busy(bench: Any, say: Any) -> None:
    with pytest.raises(NotAllowed):
        bench.provider.free_busy(bench.target, ["lisi"], None)

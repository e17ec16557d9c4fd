"""Every error code of the reference has one class, and no message gives away what it must not."""

from __future__ import annotations

import pytest

from bridge import errors
from bridge.errors import (
    BridgeError,
    Happened,
    Inexpressible,
    Missing,
    NotAllowed,
    OutcomeUnknown,
    Overtaken,
    Refused,
    Throttled,
    TokenStale,
    Unauthorised,
    Unreachable,
)
from bridge.providers.http import Reply
from bridge.providers.wecom.client import ENDPOINTS, SCHEDULE_ADD, SCHEDULE_GET, USER_BY_EMAIL
from bridge.providers.wecom.codes import LOOKUP_WINDOW_S, failure_of, judge, vendor_words

TABLE = {
    # 2.1 general
    -1: Unreachable,
    6000: Overtaken,
    40001: Unauthorised,
    40003: Refused,
    40013: Unauthorised,
    40014: TokenStale,
    40029: Refused,
    40031: Refused,
    40035: Refused,
    40056: Unauthorised,
    40058: Refused,
    40063: Refused,
    40066: Refused,
    40068: Refused,
    40082: TokenStale,
    40091: Unauthorised,
    41001: Unauthorised,
    41002: Unauthorised,
    41004: Unauthorised,
    42001: TokenStale,
    42009: TokenStale,
    45009: Throttled,
    45029: Refused,
    45033: Throttled,
    46004: Missing,
    48001: Unauthorised,
    48002: Unauthorised,
    48004: Unauthorised,
    48006: Unauthorised,
    48009: Unauthorised,
    50001: Unauthorised,
    50002: Refused,
    50003: Unauthorised,
    60003: Missing,
    60011: Refused,
    60020: Unauthorised,
    60111: Refused,
    60123: Missing,
    81013: Refused,
    301002: Unauthorised,
    301007: Unauthorised,
    # 2.2 calendars and schedules
    90456: Unauthorised,
    90457: Missing,
    90458: Refused,
    90459: Missing,
    90460: Missing,
    90461: Missing,
    90462: Refused,
    90463: NotAllowed,
    90464: Inexpressible,
    90465: Inexpressible,
    90466: NotAllowed,
    90467: Inexpressible,
    90468: NotAllowed,
    90469: Refused,
    90470: Refused,
    90471: Inexpressible,
    90472: NotAllowed,
    90473: Refused,
    90474: Refused,
    90475: NotAllowed,
    90477: NotAllowed,
    90479: NotAllowed,
    90480: Inexpressible,
    90481: NotAllowed,
    90482: Refused,
    90483: Refused,
    90484: Refused,
    90485: Refused,
    90486: Refused,
    90487: Inexpressible,
    90488: Refused,
    90489: Refused,
    90490: Refused,
    90491: Refused,
    90492: Refused,
    90493: Refused,
    90494: NotAllowed,
    90495: NotAllowed,
    90496: Refused,
    90497: NotAllowed,
    90498: NotAllowed,
    90499: NotAllowed,
    90700: NotAllowed,
    90704: Inexpressible,
    90705: NotAllowed,
    90706: Refused,
    90707: NotAllowed,
    90708: Refused,
    90710: NotAllowed,
    400036: NotAllowed,
}
UNKNOWN = [1, 40099, 90476, 90478, 90701, 90702, 90703, 90709, 99999999, -2]

HINT = (
    "invalid op_start_time, hint: [1767900000_12_0123456789abcdef0123456789abcdef], from ip: 203.0.113.7, "
    "more info at https://open.work.weixin.qq.com/devtool/query?e=90482"
)


def family(error: BridgeError) -> type[BridgeError]:
    """Return the class of ``bridge.errors`` that an error belongs to."""
    return next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)


@pytest.mark.parametrize("code", TABLE)
def test_every_code_of_the_reference_has_its_class_for_a_read(code: int) -> None:
    error = failure_of(SCHEDULE_GET, code, HINT)
    assert family(error) is TABLE[code]
    assert error.code == str(code)
    assert str(code) in str(error)
    assert len(str(error)) > 20


@pytest.mark.parametrize("code", TABLE)
def test_every_code_of_the_reference_has_its_class_for_a_write(code: int) -> None:
    error = failure_of(SCHEDULE_ADD, code, HINT)
    assert family(error) is (OutcomeUnknown if code == -1 else TABLE[code])
    assert (error.happened is Happened.MAYBE) == (code == -1)


@pytest.mark.parametrize("code", UNKNOWN)
def test_a_code_that_nobody_documented_is_a_refusal(code: int) -> None:
    error = failure_of(SCHEDULE_ADD, code, "something new")
    assert type(error) is Refused
    assert "something new" in str(error)


@pytest.mark.parametrize("code", [code for code, kind in TABLE.items() if kind is Unauthorised])
def test_whoever_must_mend_a_permission_is_told_what(code: int) -> None:
    error = failure_of(SCHEDULE_ADD, code)
    assert isinstance(error, Unauthorised)
    assert error.cause in {"secret", "permission", "address", "visible_range", "app", "id"}


@pytest.mark.parametrize(
    ("code", "cause"),
    [(40001, "secret"), (60020, "address"), (48002, "permission"), (40013, "id"), (50003, "app")],
)
def test_the_cause_is_the_right_one(code: int, cause: str) -> None:
    error = failure_of(SCHEDULE_ADD, code)
    assert isinstance(error, Unauthorised)
    assert error.cause == cause


def test_misses_of_look_ups_block_for_longer_than_a_minute() -> None:
    lookup, other = failure_of(USER_BY_EMAIL, 45009), failure_of(SCHEDULE_ADD, 45009)
    assert isinstance(lookup, Throttled)
    assert isinstance(other, Throttled)
    assert lookup.retry_after_s == LOOKUP_WINDOW_S
    assert other.retry_after_s == 60


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HINT, "invalid op_start_time"),
        ("ok, from ip: 2001:db8:0:1:1:1:1:1", "ok"),
        ("invalid schedule id (belongs to other app)", "invalid schedule id (belongs to other app)"),
        ("not found hint: [166900000012345678901234]", "not found"),
        ("user lisi@example.com at 10.1.2.3\nsaid 0123456789abcdef0123456789abcdef", "user … at … said …"),
        ("call 13800000000", "call …"),
        ("", ""),
        ("x" * 5000, "x" * 120),
    ],
)
def test_the_vendors_words_are_quoted_without_addresses_and_hints(text: str, words: str) -> None:
    assert vendor_words(text) == words


# ---- answers ----


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_success_is_errcode_zero_and_nothing_else(endpoint: object) -> None:
    assert judge(endpoint, Reply(status=200, json={"errcode": 0})) is None  # type: ignore[arg-type]
    for body in ({}, {"errmsg": "ok"}, {"errcode": 40058, "errmsg": "x"}, {"errcode": "40058"}):
        assert judge(endpoint, Reply(status=200, json=body)) is not None  # type: ignore[arg-type]


def test_an_answer_without_errcode_leaves_a_write_in_doubt() -> None:
    assert type(judge(SCHEDULE_ADD, Reply(status=200, json={}))) is OutcomeUnknown
    assert type(judge(SCHEDULE_GET, Reply(status=502, json={"message": "bad gateway"}))) is Unreachable


def test_too_many_requests_without_errcode_is_left_to_the_status() -> None:
    assert judge(SCHEDULE_ADD, Reply(status=429, json={"message": "slow down"})) is None


def test_calls_are_writes_exactly_where_they_change_something() -> None:
    writes = {endpoint.name for endpoint in ENDPOINTS if endpoint.is_write}
    assert writes == {
        "calendar.add",
        "calendar.update",
        "calendar.del",
        "schedule.add",
        "schedule.update",
        "schedule.del",
        "schedule.add_attendees",
        "schedule.del_attendees",
    }

"""Every code of the reference's tables has one class, and so has every code that nobody wrote down."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from bridge.errors import (
    BridgeError,
    Exhausted,
    Missing,
    NotAllowed,
    OutcomeUnknown,
    Refused,
    Throttled,
    TokenStale,
    Unauthorised,
    Unreachable,
)
from bridge.providers.dingtalk import codes
from bridge.providers.http import Endpoint, Reply, judge_status

READ = Endpoint(name="events.get", method="GET", path="/x")
WRITE = Endpoint(name="events.create", method="POST", path="/x", is_write=True)
NOW_MS = int(dt.datetime(2026, 11, 30, 15, 59, tzinfo=dt.UTC).timestamp() * 1000)
"""One minute before midnight in Shanghai, and before the end of the month."""

NEW_API: list[tuple[int, str, type[BridgeError]]] = [
    # 1.2, 6.4: tokens
    (400, "invalidClientIdOrSecret", Unauthorised),
    (400, "invalid.client", Unauthorised),
    (400, "unsupported.grant.type", Unauthorised),
    (401, "unauthorized.client", Unauthorised),
    (400, "invalidSuiteKey", Unauthorised),
    (400, "invalidSuiteTicket", Unauthorised),
    (400, "invalidAuthInfo", Unauthorised),
    (401, "authFailed", Unauthorised),
    (500, "server.error", OutcomeUnknown),
    # 1.5: the gateway
    (400, "InvalidAuthentication", TokenStale),
    (400, "AuthenticationFailed.MissingParameter", Unauthorised),
    (400, "accesstoken.expired", TokenStale),
    (401, "whatever", TokenStale),
    (400, "InvalidParameter.ParsedISO8601TimestampError", Refused),
    (400, "Missingbody", Refused),
    (403, "Forbidden.AccessDenied.AccessTokenPermissionDenied", Unauthorised),
    (403, "Forbidden.AccessDenied.IpNotInWhiteList", Unauthorised),
    (403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", Throttled),
    (403, "Forbidden.AccessDenied.QpsLimitForApi", Throttled),
    (403, "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi", Throttled),
    (403, "Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi", Throttled),
    (403, "Forbidden.AccessDenied.QpmLimitForSuitekeyAndOrgAndApi", Throttled),
    (403, "Forbidden.AccessDenied.ApiCountLimitForOrg", Exhausted),
    (429, "systemBusy", Throttled),
    (429, "system.busy", Throttled),
    (500, "unknownError", OutcomeUnknown),
    (500, "system.error", OutcomeUnknown),
    (500, "systemError", OutcomeUnknown),
    (500, "system.busy", OutcomeUnknown),
    (502, "", OutcomeUnknown),
    (503, "", OutcomeUnknown),
    (504, "", OutcomeUnknown),
    (504, "service.timeout", OutcomeUnknown),
    # 2, 3: calendars, events, attendees, rooms, sign-in
    (400, "paramIllegal", Refused),
    (400, "invalidParameter", Refused),
    (403, "permissionDenied", NotAllowed),
    (400, "permissionDenied", NotAllowed),
    (400, "exceedSubscribeLimit", Refused),
    (400, "permissionDeny", Unauthorised),
    (400, "idempotencyProcessing", OutcomeUnknown),
    (400, "flowLimit", Exhausted),
    (404, "itemNotFound", Missing),
    (404, "instanceNotExist", Missing),
    (400, "invalidParameter.event.calendarId", Refused),
    (400, "invalidParameter.event.eventId", Refused),
    (400, "invalidParameter.subscribed.invalid", Refused),
    (400, "invalidParameter.maxResults", Refused),
    (400, "meetingRoomNotAvailable", Refused),
    (400, "param.error", Refused),
    (400, "user.not.employee", Refused),
    (400, "org.not.found", Refused),
    (400, "notInEvent", Refused),
    (400, "exceedMaxReceiverSize", Refused),
    (400, "parameter.error", Refused),
    (404, "invalidParameter.user.notFound", Missing),
    # nobody wrote these down
    (400, "somethingNew", Refused),
    (403, "Forbidden.AccessDenied.SomethingNew", Unauthorised),
    (403, "somethingNew", NotAllowed),
    (404, "somethingNew", Refused),
    (404, "", Refused),
    (409, "somethingNew", Refused),
    (418, "", Refused),
    (429, "somethingNew", Throttled),
    (500, "somethingNew", OutcomeUnknown),
]

OLD_API: list[tuple[str, str, type[BridgeError]]] = [
    ("-1", "", Unreachable),
    ("15", "isp.top-remote-connection-timeout", Unreachable),
    ("88", "40014", TokenStale),
    ("88", "40000", TokenStale),
    ("88", "60011", Unauthorised),
    ("88", "", Unreachable),
    ("88", "something", Refused),
    ("22", "", Refused),
    ("404", "", Refused),
    ("40001", "", TokenStale),
    ("40014", "", TokenStale),
    ("42001", "", TokenStale),
    ("41001", "", TokenStale),
    ("90018", "", Throttled),
    ("90002", "", Throttled),
    ("90020", "", Exhausted),
    ("60011", "", Unauthorised),
    ("60020", "", Unauthorised),
    ("33012", "", Missing),
    ("60121", "", Missing),
    ("40104", "", Missing),
    ("60003", "", Missing),
    ("50002", "", Unauthorised),
    ("50004", "", Unauthorised),
    ("400002", "", Refused),
    ("40035", "", Refused),
    ("40068", "", Refused),
    ("40069", "", Refused),
    ("60019", "", Refused),
    ("40096", "", Unauthorised),
    ("40089", "", Unauthorised),
    ("123456", "", Refused),
]


def judged(endpoint: Endpoint, status: int, body: dict[str, Any] | None) -> BridgeError | None:
    reply = Reply(status=status, json=body)
    return codes.judge(lambda: NOW_MS)(endpoint, reply) or judge_status(endpoint, reply)


@pytest.mark.parametrize(("status", "code", "wanted"), NEW_API)
@pytest.mark.parametrize("spelling", [str, str.upper])
def test_each_code_of_the_new_api_has_one_class(
    status: int, code: str, wanted: type[BridgeError], spelling: Any
) -> None:
    body = {spelling("code"): code, spelling("message"): "不合法", "requestid": "R"} if code else {}
    failure = judged(WRITE, status, body)
    if wanted is Refused and not code:
        wanted = OutcomeUnknown  # an empty answer is not the vendor's
    assert type(failure) is wanted
    read = judged(READ, status, body)
    expected = Unreachable if wanted is OutcomeUnknown and code != "idempotencyProcessing" else wanted
    assert type(read) is expected


@pytest.mark.parametrize(("errcode", "sub_code", "wanted"), OLD_API)
def test_each_code_of_the_old_api_has_one_class(
    errcode: str, sub_code: str, wanted: type[BridgeError]
) -> None:
    for shown in (errcode, int(errcode)):
        reply = Reply(status=200, json={"errcode": shown, "sub_code": sub_code, "errmsg": "出错"})
        assert type(codes.judge_oapi(lambda: NOW_MS)(READ, reply)) is wanted


def test_zero_is_no_failure() -> None:
    for zero in (0, "0"):
        assert codes.judge_oapi(lambda: NOW_MS)(READ, Reply(status=200, json={"errcode": zero})) is None
    assert judged(READ, 200, {"id": "x"}) is None
    assert judged(READ, 200, {}) is None


def test_an_old_error_from_the_new_host_is_an_unknown_call() -> None:
    failure = judged(READ, 200, {"errcode": 404, "errmsg": "请求的URI地址不存在"})
    assert type(failure) is Refused
    assert "404" in str(failure)


@pytest.mark.parametrize("body", [{"status": 1111, "wait": 5, "punish": "deny"}, {"status": "1111"}])
@pytest.mark.parametrize("status", [200, 403, 503])
def test_a_banned_address_waits_five_minutes(body: dict[str, Any], status: int) -> None:
    failure = judged(WRITE, status, body)
    assert type(failure) is Throttled
    assert failure.retry_after_s == 300
    assert codes.ban_s(failure) == 300
    old = codes.judge_oapi(lambda: NOW_MS)(READ, Reply(status=status, json=body))
    assert type(old) is Throttled


def test_quotas_end_with_their_day_and_month_in_china() -> None:
    day = judged(WRITE, 400, {"code": "flowLimit"})
    month = judged(WRITE, 403, {"code": "Forbidden.AccessDenied.ApiCountLimitForOrg"})
    assert isinstance(day, Exhausted)
    assert isinstance(month, Exhausted)
    assert (day.retry_after_s, month.retry_after_s) == (60, 60)
    assert codes.month_left_s(NOW_MS + 120_000) == pytest.approx(31 * 86_400 - 60)


def test_throttles_wait_as_long_as_their_window() -> None:
    second = judged(WRITE, 403, {"code": "Forbidden.AccessDenied.QpsLimitForApi"})
    minute = judged(WRITE, 403, {"code": "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi"})
    assert isinstance(second, Throttled)
    assert isinstance(minute, Throttled)
    assert (second.retry_after_s, minute.retry_after_s) == (1, 60)


@pytest.mark.parametrize("spelling", ["requiredScopes", "RequiredScopes", "requiredscopes"])
def test_a_missing_permission_is_in_the_sentence(spelling: str) -> None:
    failure = judged(
        WRITE,
        403,
        {
            "Code": "Forbidden.AccessDenied.AccessTokenPermissionDenied",
            "AccessDeniedDetail": {spelling: ["Calendar.Event.Write"]},
        },
    )
    assert isinstance(failure, Unauthorised)
    assert failure.cause == "permission"
    assert "Calendar.Event.Write" in str(failure)


def test_causes_tell_who_must_act() -> None:
    causes = {
        "invalidClientIdOrSecret": "secret",
        "Forbidden.AccessDenied.IpNotInWhiteList": "address",
        "permissionDeny": "visible_range",
    }
    for code, cause in causes.items():
        failure = judged(WRITE, 400, {"code": code})
        assert isinstance(failure, Unauthorised)
        assert failure.cause == cause


def test_the_vendors_words_are_kept_short_and_printable() -> None:
    failure = judged(READ, 400, {"code": "invalidParameter", "message": "a\r\nb\x00" + "x" * 5000})
    assert failure is not None
    assert len(str(failure)) < 400
    assert "\n" not in str(failure)
    assert "\x00" not in str(failure)


def test_html_is_not_the_vendors_answer() -> None:
    assert type(judged(READ, 200, None)) is Unreachable
    assert type(judged(WRITE, 200, None)) is OutcomeUnknown

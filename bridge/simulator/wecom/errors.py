"""WeCom's error codes and the shape of its error texts.

Source: official global error table, crawl of 2024-04-08; wecom reference section 2.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

SUCCESS: Final = 0
SYSTEM_BUSY: Final = -1
INVALID_SECRET: Final = 40001
INVALID_USERID: Final = 40003
INVALID_CORPID: Final = 40013
INVALID_TOKEN: Final = 40014
INVALID_CODE: Final = 40029
BAD_USERIDS: Final = 40031
BAD_PARAMETER: Final = 40058
EMPTY_PARAMETER: Final = 40063
TOKEN_MISSING: Final = 41001
CORPID_MISSING: Final = 41002
SECRET_MISSING: Final = 41004
TOKEN_EXPIRED: Final = 42001
TOO_MANY_CALLS: Final = 45009
TOO_MANY_AT_ONCE: Final = 45033
NOT_FOUND: Final = 46004
NOT_AUTHORISED: Final = 48001
FORBIDDEN: Final = 48002
NEW_IP: Final = 48009
APP_DISABLED: Final = 50003
NO_PERMISSION: Final = 60011
UNTRUSTED_IP: Final = 60020
USER_MISSING: Final = 60111
DEPARTMENT_MISSING: Final = 60123
ORGANIZER_MISSING: Final = 90456
BAD_CALENDAR_ID: Final = 90457
NO_CALENDAR_IDS: Final = 90458
CALENDAR_DELETED: Final = 90459
SCHEDULE_DELETED: Final = 90460
BAD_SCHEDULE_ID: Final = 90461
NO_SCHEDULE_IDS: Final = 90462
ORGANIZER_FIXED: Final = 90463
TOO_MANY_ATTENDEES: Final = 90464
BAD_REPEAT_TYPE: Final = 90465
FOREIGN: Final = 90466
BAD_WEEKDAY: Final = 90467
PAGE_TOO_LARGE: Final = 90469
BAD_OFFSET: Final = 90470
BAD_REMINDER: Final = 90471
BAD_COLOUR: Final = 90473
ORGANIZER_ATTENDS: Final = 90474
USERS_OWN: Final = 90477
USERS_OWN_WRITE: Final = 90479
BAD_TIMEZONE: Final = 90480
TOO_MANY_CALENDARS: Final = 90481
BAD_OP_START: Final = 90482
RANGE_MISSING: Final = 90483
ONCE_NEEDS_SINGLE: Final = 90484
BAD_OP_MODE: Final = 90485
INTERVAL_MISSING: Final = 90486
BAD_MONTHDAY: Final = 90487
START_BEFORE_OP: Final = 90488
ADMIN_NOT_MEMBER: Final = 90492
DEPRECATED: Final = 90493
ROOM_BOOKED: Final = 90700
BAD_DIFFS: Final = 90704
START_IN_PAST: Final = 90706
NO_DEFAULT_CALENDAR: Final = 90708

TEXTS: Final[dict[int, str]] = {
    SYSTEM_BUSY: "system busy",
    INVALID_SECRET: "invalid credential",
    INVALID_USERID: "invalid userid",
    INVALID_CORPID: "invalid corpid",
    INVALID_TOKEN: "invalid access_token",
    INVALID_CODE: "invalid code",
    BAD_USERIDS: "invalid userid list",
    BAD_PARAMETER: "invalid Request Parameter",
    EMPTY_PARAMETER: "some parameters are empty",
    TOKEN_MISSING: "access_token missing",
    CORPID_MISSING: "corpid missing",
    SECRET_MISSING: "corpsecret missing",
    TOKEN_EXPIRED: "access_token expired",
    TOO_MANY_CALLS: "api freq out of limit",
    TOO_MANY_AT_ONCE: "api concurrent out of limit",
    NOT_FOUND: "user not exist",
    NOT_AUTHORISED: "api not authorized",
    FORBIDDEN: "api forbidden",
    NEW_IP: "api forbidden for this ip, use user/list_id",
    APP_DISABLED: "app disabled",
    NO_PERMISSION: "no privilege to access/modify contact/party/agent",
    UNTRUSTED_IP: "not allow to access from your ip",
    USER_MISSING: "userid not found",
    DEPARTMENT_MISSING: "invalid party id",
    301002: "not allow operate another agent with this accesstoken",
    ORGANIZER_MISSING: "missing organizer",
    BAD_CALENDAR_ID: "invalid calendar id",
    NO_CALENDAR_IDS: "empty calendar id list",
    CALENDAR_DELETED: "calendar has been deleted",
    SCHEDULE_DELETED: "schedule has been deleted",
    BAD_SCHEDULE_ID: "invalid schedule id",
    NO_SCHEDULE_IDS: "empty schedule id list",
    ORGANIZER_FIXED: "organizer can not be modified",
    TOO_MANY_ATTENDEES: "too many attendees",
    BAD_REPEAT_TYPE: "invalid repeat type",
    FOREIGN: "invalid schedule id (belongs to other app)",
    BAD_WEEKDAY: "invalid repeat_day_of_week",
    PAGE_TOO_LARGE: "limit out of range",
    BAD_OFFSET: "invalid offset",
    BAD_REMINDER: "invalid remind_before_event_secs",
    90472: "no permission",
    BAD_COLOUR: "invalid color",
    ORGANIZER_ATTENDS: "organizer can not be attendee",
    USERS_OWN: "schedule created by user is not accessible",
    USERS_OWN_WRITE: "schedule created by user can not be operated",
    BAD_TIMEZONE: "invalid timezone",
    TOO_MANY_CALENDARS: "too many calendars",
    BAD_OP_START: "invalid op_start_time",
    RANGE_MISSING: "missing public_range",
    ONCE_NEEDS_SINGLE: "op_mode only this one conflicts with repeat",
    BAD_OP_MODE: "invalid op_mode",
    INTERVAL_MISSING: "missing repeat_interval",
    BAD_MONTHDAY: "invalid repeat_day_of_month",
    START_BEFORE_OP: "start_time should be later than op_start_time",
    ADMIN_NOT_MEMBER: "admin is not in member list",
    DEPRECATED: "deprecated parameter, check the fields",
    ROOM_BOOKED: "meeting room booked, cancel the booking first",
    BAD_DIFFS: "invalid remind_time_diffs",
    START_IN_PAST: "start_time of non-repeat schedule can not be changed to the past",
    NO_DEFAULT_CALENDAR: "creator has no default calendar",
}


class Refusal(Exception):
    """WeCom says no; becomes an answer with HTTP status 200 and ``errcode``."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        """Further words for ``errmsg``; not contractual."""


def failure(code: int, detail: str, *, peer: str, now_s: float, number: int, digits: bool) -> dict[str, Any]:
    """Return the answer of a refused call (reference section 1).

    ``number`` makes the hint differ from call to call; ``digits`` chooses the newer form of the hint,
    one number of 25 digits.
    """
    text = TEXTS.get(code, "unknown error")
    if detail:
        text = f"{text}, {detail}" if not detail.startswith("=") else detail[1:]
    digest = hashlib.md5(f"{code}/{number}".encode(), usedforsecurity=False)
    if digits:
        hint = f"{int(now_s):010d}{int(digest.hexdigest(), 16) % 10**15:015d}"
    else:
        hint = f"{int(now_s)}_{number % 100}_{digest.hexdigest()}"
    more = f"https://open.work.weixin.qq.com/devtool/query?e={code}"
    return {"errcode": code, "errmsg": f"{text}, hint: [{hint}], from ip: {peer}, more info at {more}"}

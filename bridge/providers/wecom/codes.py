"""WeCom's error codes, each with the one class that says what the caller does next (reference 2, 2024-04).

Codes are decisive, texts are not: ``errmsg`` may change and is only quoted, without the parts that name the
caller's address or the request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.errors import (
    BridgeError,
    Inexpressible,
    Missing,
    NotAllowed,
    Overtaken,
    Refused,
    Throttled,
    TokenStale,
    Unauthorised,
    Unreachable,
)
from bridge.providers.http import STATUS_TOO_MANY, address_in, asks_to_wait, unclear
from bridge.providers.wecom.schema import as_int, as_text

if TYPE_CHECKING:
    from bridge.providers.http import Endpoint, Reply

WORDS_CHARS_MAX: Final = 120
"""Characters of the vendor's own words that a message quotes."""

MINUTE_WINDOW_S: Final = 60.0
"""45009: the block lasts as long as the window that was exceeded; the minute's is the shortest (reference 13)."""

CONCURRENCY_WAIT_S: Final = 2.0
"""45033: too many calls at once; a moment suffices."""

LOOKUP_WINDOW_S: Final = 3600.0
"""45009 on look-ups by address: too many misses block them for up to a day (reference 11)."""

LOOKUPS: Final = frozenset({"user.getuserid", "user.get_userid_by_email"})
"""Endpoints whose misses block the caller for long."""


class NoSuchOccurrence(Refused):
    """``op_start_time`` is not the start of any occurrence (90482)."""


class MovedTooEarly(Refused):
    """One occurrence may not be moved so far back (90488): its day, or even its time, is the earliest."""


class DeprecatedField(Refused):
    """A field was sent that this form of the API no longer knows, probably ``organizer`` (90493)."""


class UnknownPerson(Refused):
    """A member does not exist, has left, or is outside the app's visible range."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means for us."""

    kind: type[BridgeError]
    sentence: str
    cause: str = ""
    """For Unauthorised: who must mend what."""
    wait_s: float = MINUTE_WINDOW_S
    """For Throttled: seconds to wait."""


def _mend(cause: str, sentence: str) -> Meaning:
    return Meaning(Unauthorised, sentence, cause=cause)


def _no(sentence: str) -> Meaning:
    return Meaning(Refused, sentence)


def _forbidden(sentence: str) -> Meaning:
    return Meaning(NotAllowed, sentence)


def _gone(sentence: str) -> Meaning:
    return Meaning(Missing, sentence)


def _cannot(sentence: str) -> Meaning:
    return Meaning(Inexpressible, sentence)


def _person(sentence: str) -> Meaning:
    return Meaning(UnknownPerson, sentence)


_STALE: Final = Meaning(TokenStale, "the access token is no longer valid")

MEANINGS: Final[dict[int, Meaning]] = {
    # ---- 2.1 general ----
    -1: Meaning(Unreachable, "WeCom is busy"),
    6000: Meaning(Overtaken, "somebody else wrote at the same moment; read again"),
    40001: _mend("secret", "the app's secret does not fit the company, or the app is stopped"),
    40003: _person("WeCom does not know a member by this id"),
    40013: _mend("id", "the company id is wrong"),
    40014: _STALE,
    40029: _no("the login code was used before or is older than 5 minutes; log in again"),
    40031: _person("the list of members holds an unknown id"),
    40035: _no("WeCom does not accept a value that was sent"),
    40056: _mend("app", "the agent id is wrong"),
    40058: _no("WeCom does not accept a value that was sent"),
    40063: _no("a required value is empty"),
    40066: _no("the list of departments is not valid"),
    40068: _no("the list of tags is not valid"),
    40082: _STALE,
    40091: _mend("secret", "the app's secret is not valid"),
    41001: _mend("secret", "the access token did not reach WeCom; look for a proxy that cuts the query off"),
    41002: _mend("id", "the company id is missing"),
    41004: _mend("secret", "the app's secret is missing"),
    42001: _STALE,
    42009: _STALE,
    45009: Meaning(Throttled, "the calls allowed by WeCom are used up"),
    45029: _no("the answer would be larger than WeCom sends"),
    45033: Meaning(Throttled, "too many calls at the same time", wait_s=CONCURRENCY_WAIT_S),
    46004: _gone("there is no such person in the directory, or not in the app's visible range"),
    48001: _mend("permission", "the app may not use this call"),
    48002: _mend("permission", "the app is not among those that may call the schedule API"),
    48004: _mend("permission", "the company withdrew the app's permission"),
    48006: _mend(
        "permission", "the permission was taken back after long disuse; an administrator must renew it"
    ),
    48009: _mend("address", "the directory may not be read from this address with this secret"),
    50001: _mend("app", "the login address is not a trusted domain of the app"),
    50002: _person("a member is outside the app's visible range"),
    50003: _mend("app", "the app is disabled"),
    60003: _gone("there is no such department"),
    60011: _person("the app has no right to see or change this member"),
    60020: _mend("address", "the caller's address is not among the trusted addresses of the app"),
    60111: _person("a member does not exist, has left, or is outside the app's visible range"),
    60123: _gone("there is no such department"),
    81013: _person("none of the members exists or may be seen by the app"),
    301002: _mend("app", "the secret belongs to another agent id"),
    301007: _mend("app", "WeCom has closed or blocked the company"),
    # ---- 2.2 calendars and schedules ----
    90456: _mend("app", "WeCom wants an organizer; set legacy_organizer for this source"),
    90457: _gone("there is no such calendar"),
    90458: _no("no calendar was named"),
    90459: _gone("the calendar was deleted"),
    90460: _gone("the schedule was deleted"),
    90461: _gone("there is no such schedule"),
    90462: _no("no schedule was named"),
    90463: _forbidden("the organizer cannot be changed"),
    90464: _cannot("there are more attendees than WeCom allows"),
    90465: _cannot("WeCom does not know this kind of repetition"),
    90466: _forbidden("it belongs to another app"),
    90467: _cannot("WeCom does not accept the days of the week"),
    90468: _forbidden("the organizer cannot be changed"),
    90469: _no("more was asked for at once than WeCom allows"),
    90470: _no("the page number is not valid"),
    90471: _cannot("WeCom has no reminder at this time"),
    90472: _forbidden("the app has no right to this calendar or schedule"),
    90473: _no("the colour is not valid"),
    90474: _no("the organizer must not be an attendee as well"),
    90475: _forbidden("the calendar belongs to another organizer"),
    90477: _forbidden("schedules that people made themselves can only be read by WeCom's own schedule app"),
    90479: _forbidden(
        "schedules that people made themselves can only be changed by WeCom's own schedule app"
    ),
    90480: _cannot("WeCom only knows whole hours from UTC-12 to UTC+12"),
    90481: _forbidden("the organizer has too many calendars"),
    90482: Meaning(NoSuchOccurrence, "the series has no occurrence at this time"),
    90483: _no("a public calendar needs a range of people"),
    90484: _no("a single occurrence can only be changed as one of a series"),
    90485: _no("a part can only be changed of a series"),
    90486: _no("the interval of the repetition is missing"),
    90487: _cannot("WeCom does not accept the days of the month"),
    90488: Meaning(MovedTooEarly, "an occurrence cannot be moved so far back"),
    90489: _no("only a public calendar can be subscribed to automatically"),
    90490: _no("there are too many subscribers"),
    90491: _person("a subscriber is outside the range of the calendar"),
    90492: _no("an administrator of the calendar is not among its members"),
    90493: Meaning(DeprecatedField, "a field was sent that WeCom no longer knows; unset legacy_organizer"),
    90494: _forbidden("the calendar was made by somebody else"),
    90495: _forbidden("this kind of app cannot name administrators"),
    90496: _no("a read-only calendar has no administrators"),
    90497: _forbidden("schedules made from mail cannot be changed here"),
    90498: _forbidden("another meeting room is booked already"),
    90499: _forbidden("the meeting room was booked by another app; cancel it there"),
    90700: _forbidden("a meeting room is booked for it; cancel the booking in WeCom first"),
    90704: _cannot("WeCom has no reminder at this time"),
    90705: _forbidden("who made it has left the company"),
    90706: _no("WeCom does not move the start of an event to a time that has passed"),
    90707: _forbidden("the meeting that belongs to it is in progress"),
    90708: _no("no calendar was named, and there is no default one"),
    90710: _forbidden("the meeting that belongs to it has ended"),
    400036: _forbidden("the maker of the meeting has no right to this calendar"),
}

UNKNOWN: Final = _no("WeCom refused")
"""Any other code but 0: the vendor answered and did nothing."""

_TAIL: Final = re.compile(r"[,;\s]*(hint\s*:|from ip\s*:|more info at).*", re.IGNORECASE | re.DOTALL)
_PRIVATE: Final = re.compile(
    r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:]{6,}|[0-9a-f]{24,}|\S+@\S+|https?://\S+|\d{7,}",
    re.IGNORECASE,
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")


def vendor_words(errmsg: str) -> str:
    """Return WeCom's text without hint, addresses, ids and links, cut to a line."""
    words = _TAIL.sub("", errmsg[: WORDS_CHARS_MAX * 8])
    words = _CONTROL.sub(" ", _PRIVATE.sub("…", words)).strip(" ,;")
    return words[:WORDS_CHARS_MAX]


def failure_of(endpoint: Endpoint, code: int, errmsg: str = "") -> BridgeError:
    """Return the failure that a non-zero ``errcode`` means.

    "Busy" does not say whether anything was done: for a write that is OutcomeUnknown, so that it is asked for.
    """
    meaning = MEANINGS.get(code, UNKNOWN)
    words = vendor_words(errmsg)
    message = f"{meaning.sentence} (WeCom {code}{': ' if words else ''}{words})"
    text = str(code)
    if meaning.kind is Unreachable:
        failure = unclear(endpoint, message)
        failure.code = text
        return failure
    if meaning.kind is Throttled:
        slow = endpoint.name in LOOKUPS and meaning.wait_s == MINUTE_WINDOW_S
        return Throttled(message, retry_after_s=LOOKUP_WINDOW_S if slow else meaning.wait_s, code=text)
    if meaning.kind is Unauthorised:
        seen = address_in(errmsg) if meaning.cause == "address" else ""
        return Unauthorised(message, code=text, cause=meaning.cause, seen=seen)
    return meaning.kind(message, code=text)


def judge(endpoint: Endpoint, reply: Reply) -> BridgeError | None:
    """Read an answer: every one of WeCom's has ``errcode``, and HTTP 200 whatever it says (reference 1)."""
    if reply.json is None:
        return None
    code = reply.json.get("errcode")
    if code is None:
        if reply.status == STATUS_TOO_MANY or asks_to_wait(endpoint, reply):
            return None
        return unclear(endpoint, f"the answer is not WeCom's (HTTP {reply.status}, no errcode)")
    number = as_int(code, default=-1)
    return None if number == 0 else failure_of(endpoint, number, as_text(reply.json.get("errmsg")))

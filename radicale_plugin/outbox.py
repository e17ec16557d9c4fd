"""POST to a scheduling outbox: when are these people busy? (RFC 6638 section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.engine.api import Attendance, Known
from bridge.errors import Refused
from bridge.ical import people
from radicale_plugin import davxml, itip, respond
from radicale_plugin.freebusy import Periods, busy_periods, message, times_and_periods
from radicale_plugin.people import addresses_of
from radicale_plugin.queries import zone_of
from radicale_plugin.timezones import calendar_zone
from radicale_plugin.transparency import is_transparent

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from bridge.ical.lines import Line
    from radicale_plugin.context import Ask
    from radicale_plugin.itip import BusyRequest

STATUS: Final = {
    Known.TOLD: "2.0;Success",
    Known.STRANGER: "3.7;Invalid calendar user",
    Known.UNTOLD: "5.3;No scheduling support for user",
    Known.LATER: "5.1;Service unavailable",
}
"""REQUEST-STATUS by what is known (RFC 5546 section 3.6)."""


def busy_times(ask: Ask, body: bytes) -> respond.Answer:
    """Answer a request for busy times with one response per person. Raises Refused."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        msg = "The body is not UTF-8."
        raise Refused(msg, precondition="C:valid-calendar-data") from error
    request = itip.read_request(text, lambda: _home_zone(ask))
    user = ask.login.user
    own = addresses_of(ask.service, user)
    me = f"{ask.base}/{user}"
    if not _is_me(request.organizer, own, me):
        msg = "You can only ask in your own name: ORGANIZER is none of your addresses."
        raise Refused(msg, precondition="C:valid-organizer")
    # Apple names the asker by the path of the principal.
    addresses = {
        line: own[0] if own and _is_me(line, own, me) else people.address(line) for line in request.attendees
    }
    asked = list(dict.fromkeys(addresses.values()))
    told = dict(
        zip(asked, ask.service.attendance(user, asked, request.start_ms, request.end_ms), strict=True)
    )
    parts = [_response(ask, request, line, told[address]) for line, address in addresses.items()]
    return respond.xml(200, davxml.document("C:schedule-response", parts))


def _home_zone(ask: Ask) -> dt.tzinfo | None:
    """Return the zone in which a time without one is meant: that of the asker's first calendar, None if there is none."""
    views = ask.views(ask.login.user)
    return zone_of(calendar_zone(views[0])) if views else None


def _is_me(line: Line, own: Sequence[str], path: str) -> bool:
    address = people.address(line)
    return address.rstrip("/") == path or any(people.same_address(address, one) for one in own)


def _response(ask: Ask, request: BusyRequest, line: Line, found: Attendance) -> str:
    recipient = f"<C:recipient><D:href>{davxml.escape(line.value.strip())}</D:href></C:recipient>"
    status = davxml.element("C:request-status", STATUS[found.known])
    data = ""
    if found.known is Known.TOLD:
        lines = times_and_periods(_periods(ask, request, found), request.start_ms, request.end_ms)
        uid = [] if request.uid is None else [f"UID:{request.uid.value}"]
        named = [f"{one.head}:{one.value}" for one in (request.organizer, line)]
        data = davxml.element(
            "C:calendar-data",
            davxml.escape(message(["METHOD:REPLY"], [*uid, *lines[:3], *named, *lines[3:]])),
        )
    return davxml.element("C:response", recipient + status + data)


def _periods(ask: Ask, request: BusyRequest, found: Attendance) -> Periods:
    """Return when a person is busy: the vendor's word, and what stands in the calendars that the bridge holds."""
    busy: Periods = {}
    for span in found.spans:
        first, last = max(span.start_ms, request.start_ms), min(span.end_ms, request.end_ms)
        if first < last:
            kind = "BUSY-TENTATIVE" if span.is_tentative else "BUSY"
            busy.setdefault(kind, []).append((first, last))
    for view in found.collections:
        if is_transparent(view):
            continue
        held = busy_periods(
            ask.service,
            view,
            request.start_ms,
            request.end_ms,
            zone_of(calendar_zone(view)),
            but_uid=request.masked_uid,
        )
        for kind, periods in held.items():
            busy.setdefault(kind, []).extend(periods)
    return busy

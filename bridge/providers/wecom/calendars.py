"""Calendars that the bridge's app made: reading, making, changing (reference 4)."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Final

from bridge.errors import Inexpressible, Missing, NotAllowed, Refused
from bridge.providers.base import UpstreamCalendar
from bridge.providers.wecom.limits import ADMINS_MAX, CALENDAR_NAME_CHARS_MAX, SHARES_MAX
from bridge.providers.wecom.schema import (
    PERMISSION_BUSY,
    PERMISSION_VIEW,
    CalendarJson,
    ShareJson,
    admins_of,
    as_flag,
    as_ids,
    as_int,
    as_list,
    as_object,
    as_text,
    same_id,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model.upstream import Json
    from bridge.providers.wecom.client import Client
    from bridge.providers.wecom.legacy import Organizer

COLOR_DEFAULT: Final = "#3370FF"
"""For calendars whose client names no colour; WeCom requires one."""

GET_BATCH: Final = 100
"""Ids per ``calendar/get``; 1000 are allowed."""

READ_ONLY: Final = "you can see this calendar but are not one of its administrators in WeCom"

_COLOR: Final = re.compile(r"#([0-9A-Fa-f]{6})(?:[0-9A-Fa-f]{2})?")
_SHORT_COLOR: Final = re.compile(r"#([0-9A-Fa-f])([0-9A-Fa-f])([0-9A-Fa-f])")


def color_of(text: str) -> str:
    """Return ``#RRGGBB``; transparency (Apple's ``#RRGGBBAA``) is cut off, nonsense becomes the default."""
    text = text.strip()
    if match := _COLOR.fullmatch(text):
        return f"#{match[1].upper()}"
    if match := _SHORT_COLOR.fullmatch(text):
        return "#" + "".join(digit * 2 for digit in match.groups()).upper()
    return COLOR_DEFAULT


def read(client: Client, cal_ids: Sequence[str]) -> dict[str, Json]:
    """Return calendars by id; what is deleted or another app's is missing."""
    found: dict[str, Json] = {}
    wanted = list(dict.fromkeys(cal_ids))
    for start in range(0, len(wanted), GET_BATCH):
        batch = wanted[start : start + GET_BATCH]
        try:
            found.update(_get(client, batch))
        except Refused:
            # One bad id fails the whole batch: ask for each.
            for cal_id in batch:
                with contextlib.suppress(Refused):
                    found.update(_get(client, [cal_id]))
    return found


def _get(client: Client, cal_ids: Sequence[str]) -> dict[str, Json]:
    entries = (entry for entry in as_list(client.calendar_get(cal_ids).get("calendar_list")))
    return {as_text(entry.get("cal_id")): entry for entry in entries if isinstance(entry, dict)}


def view(calendar: Json, user_id: str) -> UpstreamCalendar | None:
    """Return a calendar as a person sees it; None if it is not shared with them, or as free and busy only."""
    if any(same_id(admin, user_id) for admin in admins_of(calendar)):
        return _as_seen(calendar, writable=True)
    permission = _permission(calendar, user_id)
    if permission is None or permission == PERMISSION_BUSY:
        return None
    return _as_seen(calendar, writable=False)


def _permission(calendar: Json, user_id: str) -> int | None:
    """Return the permission that a person has by being named, or by the calendar being public."""
    for share in as_list(calendar.get("shares")):
        if isinstance(share, dict) and same_id(as_text(share.get("userid")), user_id):
            return as_int(share.get("permission"), PERMISSION_VIEW)
    public = as_ids(as_object(calendar.get("public_range")).get("userids"))
    named = as_flag(calendar.get("is_public")) and any(same_id(userid, user_id) for userid in public)
    return PERMISSION_VIEW if named or as_flag(calendar.get("is_corp_calendar")) else None


def _as_seen(calendar: Json, *, writable: bool) -> UpstreamCalendar:
    return UpstreamCalendar(
        id=as_text(calendar.get("cal_id")),
        name=as_text(calendar.get("summary")),
        color=as_text(calendar.get("color")),
        writable=writable,
        reason="" if writable else READ_ONLY,
    )


def make(
    client: Client, organizer: Organizer, user_id: str, name: str, color: str, members: Sequence[str]
) -> UpstreamCalendar:
    """Make a calendar for a person and others: all of them see it, the first three may edit it in WeCom.

    Members whom the app cannot see are left out by WeCom, and named by their number in ``reason``. Raises NotAllowed
    if the person themself is one of those.
    """
    by_key: dict[str, str] = {}
    for userid in (user_id, *members):
        by_key.setdefault(userid.casefold(), userid)
    people = list(by_key.values())
    if len(people) > SHARES_MAX:
        msg = f"a WeCom calendar has at most {SHARES_MAX} members, not {len(people)}"
        raise Inexpressible(msg)
    calendar: CalendarJson = {
        "summary": _name(name),
        "color": color_of(color),
        "description": "",
        "shares": [{"userid": userid, "permission": PERMISSION_VIEW} for userid in people],
        "admins": people[:ADMINS_MAX],
    }
    answer = organizer.send(client.calendar_add, calendar, user_id)
    cal_id = as_text(answer.get("cal_id"))
    left_out = as_ids(as_object(answer.get("fail_result")).get("shares"))
    if any(same_id(userid, user_id) for userid in left_out):
        client.calendar_del(cal_id)
        msg = "WeCom does not share a calendar with this member; put them into the app's visible range"
        raise NotAllowed(msg)
    reason = f"{len(left_out)} of the members are outside the app's visible range" if left_out else ""
    return UpstreamCalendar(id=cal_id, name=calendar["summary"], color=calendar["color"], reason=reason)


def edit(
    client: Client, organizer: Organizer, cal_id: str, *, name: str | None, color: str | None
) -> UpstreamCalendar:
    """Change name or colour: read, lay over, write back in full, since update overwrites."""
    current = read(client, [cal_id]).get(cal_id)
    if current is None:
        msg = "there is no such calendar in WeCom any more"
        raise Missing(msg)
    shares: list[ShareJson] = [
        {
            "userid": as_text(share.get("userid")),
            "permission": as_int(share.get("permission"), PERMISSION_VIEW),
        }
        for share in as_list(current.get("shares"))
        if isinstance(share, dict) and as_text(share.get("userid"))
    ]
    calendar: CalendarJson = {
        "cal_id": cal_id,
        "summary": as_text(current.get("summary")) if name is None else _name(name),
        "color": as_text(current.get("color")) if color is None else color_of(color),
        "description": as_text(current.get("description")),
        "shares": shares,
        "admins": admins_of(current),
    }
    if any(calendar.get(field) != current.get(field) for field in ("summary", "color")):
        organizer.send(client.calendar_update, calendar, as_text(current.get("organizer")))
    return UpstreamCalendar(id=cal_id, name=calendar["summary"], color=calendar["color"])


def _name(name: str) -> str:
    """Return a name that WeCom holds."""
    name = name.strip()
    if not 1 <= len(name) <= CALENDAR_NAME_CHARS_MAX:
        msg = f"the name of a WeCom calendar has 1 to {CALENDAR_NAME_CHARS_MAX} characters, not {len(name)}"
        raise Inexpressible(msg)
    return name

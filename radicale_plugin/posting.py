"""POST: a new object with a name of ours (RFC 5995), or a request for busy times (RFC 6638 section 5)."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

from bridge.errors import NotAllowed, Refused
from radicale_plugin import outbox, respond, writes
from radicale_plugin.places import OUTBOX, special

if TYPE_CHECKING:
    from bridge.engine.api import CollectionView
    from radicale_plugin.context import Ask
    from radicale_plugin.writes import MayWrite

_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,120}")
"""UIDs that can be a name as they are."""


def answer(ask: Ask, may_write: MayWrite, object_bytes_max: int) -> respond.Answer:
    """Answer a POST. Raises Refused, NotAllowed."""
    parts = ask.parts
    if len(parts) == 2 and special(parts) == OUTBOX:
        body, _recoded = writes.calendar_bytes(ask, object_bytes_max)
        return outbox.busy_times(ask, body)
    if special(parts):
        msg = "Nothing can be posted here. Requests for busy times go to the outbox, events into a calendar."
        raise NotAllowed(msg, precondition="C:supported-collection")
    if len(parts) != 2:
        msg = "Events are posted to a calendar, requests for busy times to the outbox."
        raise Refused(msg, http_status=405)
    view = ask.calendar()
    return writes.store(ask, view, lambda uid: _free_name(ask, view, uid), may_write, object_bytes_max)


def _free_name(ask: Ask, view: CollectionView, uid: str) -> str:
    """Return a name for a new object: its UID where that can be one and is free."""
    name = f"{uid}.ics"
    if _SAFE.fullmatch(uid) and ask.service.get(view.id, name) is None:
        return name
    return f"{secrets.token_hex(16)}.ics"

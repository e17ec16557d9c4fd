"""Properties that clients set on a person's home and inbox: availability, alarms by default. Kept, never interpreted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from bridge.errors import BadInput, Missing, NotAllowed
from bridge.store import people

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from bridge.engine.api import Login

BYTES_MAX: Final = 64_000
"""Everything that clients may set on one person, in bytes of JSON."""


def get(c: sa.Connection, user: str, place: str) -> Mapping[str, str]:
    """Return what is kept at ``home`` or ``inbox``; empty for somebody who is not there."""
    row = people.by_name(c, user)
    kept: dict[str, dict[str, str]] = {} if row is None else json.loads(row.props)
    return kept.get(place, {})


def change(c: sa.Connection, user: str, place: str, changes: Mapping[str, str | None], login: Login) -> None:
    """Set and remove (None) properties. Raises Missing, NotAllowed, BadInput (507)."""
    row = people.by_name(c, user)
    if row is None or login.user != user:
        msg = "there is no such user"
        raise Missing(msg)
    if login.read_only:
        msg = "this device's password allows reading only; make one that may write on the start page"
        raise NotAllowed(msg, precondition="D:need-privileges")
    kept: dict[str, dict[str, str]] = json.loads(row.props)
    here = kept.setdefault(place, {})
    for name, value in changes.items():
        if value is None:
            here.pop(name, None)
        else:
            here[name] = value
    text = json.dumps(kept, sort_keys=True, ensure_ascii=False)
    if len(text.encode()) > BYTES_MAX:
        msg = f"the properties of one person may take {BYTES_MAX} bytes at most"
        raise BadInput(msg, http_status=507, precondition="D:quota-not-exceeded")
    if text != row.props:
        people.set_props(c, row.id, text)

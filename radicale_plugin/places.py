"""Names below a principal that are no calendars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

PEOPLE: Final = "visible-people"
"""``/dav/USER/visible-people/``: whom this user may find, each as a principal; one person per address below it."""
INBOX: Final = "schedule-inbox"
"""``/dav/USER/schedule-inbox/``: always empty, because the vendor puts invitations right into calendars."""
OUTBOX: Final = "schedule-outbox"
"""``/dav/USER/schedule-outbox/``: takes requests for busy times."""
SPECIAL: Final = frozenset({PEOPLE, INBOX, OUTBOX})
"""Second segments that no calendar can have."""


def special(parts: Sequence[str]) -> str:
    """Return which of these places a path names or lies in, "" for none."""
    return parts[1] if len(parts) > 1 and parts[1] in SPECIAL else ""

"""Whether a calendar counts as busy time (RFC 6638 section 9.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.engine.api import CollectionView

TRANSP: Final = "C:schedule-calendar-transp"
_TRANSPARENT: Final = re.compile(r"(^|[<:\s])transparent\b", re.IGNORECASE)


def is_transparent(view: CollectionView) -> bool:
    """Return whether this user's clients took a calendar out of free-busy; without a word it counts."""
    return _TRANSPARENT.search(view.props.get(TRANSP, "")) is not None

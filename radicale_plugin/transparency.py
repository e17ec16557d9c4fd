"""Whether a calendar counts as busy time (RFC 6638 section 9.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.engine.api import CollectionView

TRANSP: Final = "C:schedule-calendar-transp"
_TRANSPARENT: Final = re.compile(r"(^|[<:\s])transparent\b", re.IGNORECASE)


def is_transparent(view: CollectionView) -> bool:
    """Return whether a calendar is left out of free-busy: as this user's clients said, else if it is not their time."""
    said = view.props.get(TRANSP)
    return not view.is_own_time if said is None else _TRANSPARENT.search(said) is not None

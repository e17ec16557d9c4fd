"""What a client would rather have: the Prefer header (RFC 7240, RFC 8144), Brief of older clients, zones by name (RFC 7809)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from radicale_plugin import respond
    from radicale_plugin.context import Ask

MINIMAL: Final = "return=minimal"
"""Leave out what was not found, and what says no more than that all went well."""
REPRESENTATION: Final = "return=representation"
"""Send what is stored now along with the answer to an edit."""
NO_ROOT: Final = "depth-noroot"
"""List what is inside a collection without the collection itself."""
HEADER_CHARS_MAX: Final = 1_000
"""As much of a Prefer header is read; clients send up to about a hundred."""
_ONE: Final = re.compile(
    r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*("[^"]*"|[^\s,;"]*))?\s*(?:;[^,]*)?(?:,|$)'
)


def honoured(ask: Ask, preference: str) -> bool:
    """Return whether the client prefers this; if so, the answer says that it was done."""
    wanted = ask.remembered("preferences", lambda: _read(ask))
    if preference not in wanted:
        return False
    applied: dict[str, None] = ask.remembered("applied", dict)
    applied[preference] = None
    return True


def told(ask: Ask, answer: respond.Answer) -> respond.Answer:
    """Return an answer with the preferences that it follows (RFC 7240 section 3)."""
    applied: dict[str, None] = ask.remembered("applied", dict)
    if applied:
        answer[1]["Preference-Applied"] = ", ".join(applied)
    return answer


def _read(ask: Ask) -> frozenset[str]:
    """Return the preferences as ``name`` or ``name=value``; of one that is named twice the first counts."""
    found: dict[str, str] = {}
    for one in _ONE.finditer(ask.header("PREFER")[:HEADER_CHARS_MAX]):
        found.setdefault(one[1].lower(), (one[2] or "").strip('"').lower())
    if ask.header("BRIEF").strip().lower() == "t":
        found.setdefault("return", "minimal")
    return frozenset(f"{name}={value}" if value else name for name, value in found.items())

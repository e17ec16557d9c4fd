"""Schedule-Tag: what of a meeting changes when people decide, not when a server notes an answer (RFC 6638 3.2.10).

It is worked out from the text alone, so it needs no place of its own and is the same on every node.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError
from bridge.ical import lines, people
from bridge.ical.lines import Component, Line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

CHARS: Final = 32
"""Hex digits of a tag: 128 bits of SHA-256."""
_SERVERS: Final = frozenset({"DTSTAMP", "LAST-MODIFIED"})
"""Properties that say when something was written, not what."""


def schedule_tag(text: str, own: Collection[str]) -> str | None:
    """Return the unquoted tag of a meeting; None for what is no scheduling object: nobody organizes it.

    Answers of other people and what the server says of their delivery do not count; the answer of ``own`` (lower-cased
    addresses) does: a person gives it, on this device or another.
    """
    if "ORGANIZER" not in text.upper():
        return None
    try:
        tree = lines.read(text, max_bytes=4 * lines.TEXT_BYTES_MAX)
    except BridgeError:
        return None
    if not any(event.first("ORGANIZER") is not None for event in tree.components("VEVENT")):
        return None
    digest = hashlib.sha256()
    for line in _said(tree, own):
        digest.update(f"{line}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:CHARS]


def _said(component: Component, own: Collection[str]) -> Iterator[str]:
    yield f"BEGIN:{component.name}"
    for child in component.children:
        if isinstance(child, Component):
            yield from _said(child, own)
        elif child.name not in _SERVERS:
            yield _without_answer(child, own)
    yield f"END:{component.name}"


def _without_answer(line: Line, own: Collection[str]) -> str:
    left_out = {"SCHEDULE-STATUS"}
    if line.name == "ATTENDEE" and people.address(line).lower() not in own:
        left_out |= {"PARTSTAT", "RSVP"}
    params = sorted(f"{name}={','.join(texts)}" for name, texts in line.params if name not in left_out)
    return ";".join([line.name, *params]) + f":{line.value}"

"""A whole calendar as one iCalendar stream, for GET on a calendar (no standard asks for it; people do)."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.engine.api import SyncTokenInvalid
from bridge.ical import values
from bridge.ical.lines import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.engine.api import CollectionView, Service

PRODID: Final = "-//Queqiao//CalDAV bridge//EN"
HELD_BYTES_MAX: Final = 64_000_000
"""Pieces of whole calendars held by one process; a longer calendar is read anew each time."""
PIECE_BYTES: Final = 300
"""What a piece takes beside its text."""
FOLLOWED_MAX: Final = 2_000
"""Changes that are followed one by one; after more, all is read."""
_BEGIN: Final = "\nBEGIN:VEVENT"
_END: Final = "\nEND:VEVENT\r\n"
_ZONE_START: Final = "\nBEGIN:VTIMEZONE"
_ZONE: Final = re.compile(r"^BEGIN:VTIMEZONE\r?\n.*?^END:VTIMEZONE\r?\n", re.MULTILINE | re.DOTALL)
_TZID: Final = re.compile(r"^TZID[^:\r\n]*:([^\r\n]*)", re.MULTILINE)


class Piece(NamedTuple):
    """What one object gives to the stream."""

    zones: tuple[tuple[str, str], ...]
    """(TZID, definition), in order."""
    events: bytes


class Cutter:
    """Cuts texts into pieces; the same zones before the events, which most programs write, are read once."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[tuple[str, str], ...]] = {}

    def piece(self, text: str) -> Piece:
        """Return what a text gives: nothing if it holds no event."""
        start, end = text.find(_BEGIN), text.rfind(_END)
        if start < 0 or end < start:
            return Piece((), b"")
        inside = text[start + 1 : end + len(_END)]
        zones: tuple[tuple[str, str], ...] = ()
        if text.find(_ZONE_START, start) >= 0:  # between or after the events: few programs write so
            zones = _zones(text)
            inside = _ZONE.sub("", inside)
        elif (zone := text.find(_ZONE_START, 0, start + 1)) >= 0:
            before = text[zone + 1 : start + 1]
            known = self._seen.get(before)
            zones = self._seen.setdefault(before, _zones(before)) if known is None else known
        return Piece(zones, inside.encode())


def joined(pieces: Iterable[Piece], *, name: str, description: str) -> bytes:
    """Return one VCALENDAR with the events of all pieces; of each TZID, the first definition is kept."""
    zones: dict[str, str] = {}
    events: list[bytes] = []
    last: tuple[tuple[str, str], ...] = ()
    for piece in pieces:
        if piece.zones is not last:
            for tzid, text in piece.zones:
                zones.setdefault(tzid, text)
            last = piece.zones
        events.append(piece.events)
    head = [fold("BEGIN:VCALENDAR"), fold("VERSION:2.0"), fold(f"PRODID:{PRODID}")]
    if name:
        head.append(fold(f"X-WR-CALNAME;VALUE=TEXT:{values.escape(name)}"))
    if description:
        head.append(fold(f"X-WR-CALDESC;VALUE=TEXT:{values.escape(description)}"))
    return b"".join(["".join([*head, *zones.values()]).encode(), *events, fold("END:VCALENDAR").encode()])


def calendar_text(texts: Iterable[str], *, name: str, description: str) -> str:
    """Return one VCALENDAR with the events of all ``texts``; of each TZID, the first definition is kept."""
    cutter = Cutter()
    return joined((cutter.piece(text) for text in texts), name=name, description=description).decode()


def _zones(text: str) -> tuple[tuple[str, str], ...]:
    found = []
    for zone in _ZONE.finditer(text):
        tzid = _TZID.search(zone.group())
        found.append((tzid.group(1) if tzid else "", zone.group()))
    return tuple(found)


class _Held(NamedTuple):
    """The pieces of one calendar as of a change number."""

    epoch: str
    change_seq: int
    pieces: Mapping[str, Piece]
    size: int


class Wholes:
    """Keeps whole calendars in pieces, so that after a change only what changed is read again.

    Bounded by :data:`HELD_BYTES_MAX`; the calendar that was not asked for the longest goes first.
    """

    def __init__(self) -> None:
        self._held: OrderedDict[int, _Held] = OrderedDict()
        self._guard = threading.Lock()

    def text(self, service: Service, view: CollectionView, *, name: str, description: str) -> bytes:
        """Return a whole calendar, at least as new as ``view``."""
        with self._guard:
            held = self._held.get(view.id)
        pieces = None if held is None else self._followed(service, view, held)
        if pieces is None:
            cutter = Cutter()
            pieces = {href: cutter.piece(text) for href, text in service.texts(view.id)}
        if held is None or held.pieces is not pieces:
            self._keep(view, pieces)
        return joined(pieces.values(), name=name, description=description)

    @staticmethod
    def _followed(service: Service, view: CollectionView, held: _Held) -> Mapping[str, Piece] | None:
        """Return the pieces with what changed since; None if that cannot be told or is too much."""
        if held.epoch != view.epoch:
            return None
        if held.change_seq >= view.change_seq:
            return held.pieces
        try:
            changed, gone = service.changes(view, replace(view, change_seq=held.change_seq).sync_token)
        except SyncTokenInvalid:
            return None
        if len(changed) > FOLLOWED_MAX:
            return None
        found = service.get_many(view.id, changed) if changed else {}
        pieces = dict(held.pieces)
        cutter = Cutter()
        for href in changed:
            if href in found:
                pieces[href] = cutter.piece(found[href].text)
        for href in (*gone, *(href for href in changed if href not in found)):
            pieces.pop(href, None)
        return pieces

    def _keep(self, view: CollectionView, pieces: Mapping[str, Piece]) -> None:
        size = sum(len(piece.events) + PIECE_BYTES for piece in pieces.values())
        with self._guard:
            self._held.pop(view.id, None)
            if size > HELD_BYTES_MAX:
                return
            self._held[view.id] = _Held(view.epoch, view.change_seq, pieces, size)
            total = sum(held.size for held in self._held.values())
            while total > HELD_BYTES_MAX:
                total -= self._held.popitem(last=False)[1].size

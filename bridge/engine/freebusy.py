"""When people are busy: from the vendor where it tells (billed, kept for a moment), else from what the bridge holds."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.clock import ms_from_utc, utc_from_ms
from bridge.engine import directory
from bridge.engine.api import Attendance, BusySpan, CollectionView, Known
from bridge.errors import BadInput, BridgeError, Refused, Unauthorised
from bridge.log import fields
from bridge.model.upstream import Target
from bridge.providers.base import Window
from bridge.store import calendars, people

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bridge.engine.context import Engine
    from bridge.providers.base import Busy
    from bridge.store.rows import CollectionRow, LinkRow

log = logging.getLogger(__name__)

PEOPLE_MAX: Final = 100
"""People of one question: five billed calls of DingTalk, which takes 20 at once (reference 3.12)."""
SPAN_MAX_MS: Final = 92 * 86_400_000
"""Longest span of one question; DingTalk's own bound is unknown (reference 3.12)."""
KEPT_MS: Final = 60_000
"""How long an answer of the vendor is believed; clients ask again at each key that is pressed."""
KEPT_MAX: Final = 5_000
"""Answers kept at once, one per asker and person."""
_DAY_MS: Final = 86_400_000
MAIN: Final = "primary"
"""A person's own calendar where ids are per person (DingTalk); all others are shared by somebody else."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the vendor said of one person; ``spans`` None: it may not be asked about this person."""

    start_ms: int
    end_ms: int
    until_ms: int
    spans: tuple[BusySpan, ...] | None

    def serves(self, start_ms: int, end_ms: int, now_ms: int) -> bool:
        """Return whether it is young enough and covers the time."""
        return now_ms < self.until_ms and self.start_ms <= start_ms and end_ms <= self.end_ms


@dataclass(slots=True)
class _Found:
    """What was found out about one address, over all sources."""

    spans: list[BusySpan] = field(default_factory=list)
    collections: list[CollectionView] = field(default_factory=list)
    outcomes: set[Known] = field(default_factory=set)


class FreeBusy:
    """Answers, and remembers for a moment. Thread-safe."""

    def __init__(self, engine: Engine, view: Callable[[CollectionRow], CollectionView]) -> None:
        self._engine = engine
        self._view = view
        self._kept: OrderedDict[tuple[str, str, str], _Answer] = OrderedDict()
        self._guard = threading.Lock()

    def ask(
        self, user: str, own: Sequence[str], addresses: Sequence[str], start_ms: int, end_ms: int
    ) -> list[Attendance]:
        """Return one answer per address, in order; ``own`` are the asker's addresses. Raises BadInput."""
        if len(addresses) > PEOPLE_MAX:
            msg = f"At most {PEOPLE_MAX} people can be asked about at once; ask again for the others."
            raise BadInput(msg, precondition="C:max-attendees-per-instance")
        if not start_ms < end_ms <= start_ms + SPAN_MAX_MS:
            msg = f"Ask about a span of at most {SPAN_MAX_MS // _DAY_MS} days, its end after its start."
            raise BadInput(msg, precondition="C:valid-scheduling-message")
        with self._engine.store.read() as c:
            principal = people.by_name(c, user)
            links = people.links(c, principal.id) if principal is not None else []
            mine = [self._view(row) for row in calendars.collections_of_user(c, user)]
        me = {one.lower() for one in own}
        found = {address: _Found() for address in addresses}
        for address in addresses:
            if address.lower() in me:
                found[address].outcomes.add(Known.TOLD)
                found[address].collections.extend(mine)
        others = [address for address in found if address.lower() not in me]
        for link in links:
            if link.upstream_id and link.source_id in self._engine.providers and others:
                self._ask_source(link, others, found, start_ms, end_ms)
        return [_told(address, found[address]) for address in addresses]

    def _ask_source(
        self, link: LinkRow, addresses: Sequence[str], found: Mapping[str, _Found], start_ms: int, end_ms: int
    ) -> None:
        """Add what one source, or the bridge for it, knows of these people."""
        resolved = directory.resolve(
            self._engine, link.source_id, link.upstream_id, addresses=dict.fromkeys(addresses, "")
        )
        ids: dict[str, str] = {}
        for address in addresses:
            vendor_id = resolved.roster.id_of(address)
            if vendor_id is not None:
                ids[address] = vendor_id
            elif address.lower() in resolved.unsure:
                found[address].outcomes.add(Known.LATER)
        answers: dict[str, tuple[BusySpan, ...] | None] = {}
        failed = Known.UNTOLD
        if ids and self._engine.provider(link.source_id).mapper.limits.tells_free_busy:
            try:
                answers = self._vendors_word(link, sorted(set(ids.values())), start_ms, end_ms)
            except BridgeError as error:
                log.warning("freebusy.not_told", extra=fields(error=type(error).__name__, count=len(ids)))
                if not isinstance(error, Refused | Unauthorised):
                    failed = Known.LATER
        for address, vendor_id in ids.items():
            spans = answers.get(vendor_id)
            held = [] if spans is not None else self._held(link.source_id, vendor_id)
            found[address].spans.extend(spans or ())
            found[address].collections.extend(held)
            found[address].outcomes.add(Known.TOLD if spans is not None or held else failed)

    def _held(self, source_id: str, vendor_id: str) -> list[CollectionView]:
        """Return the calendars of this source that a person who uses the bridge has here."""
        with self._engine.store.read() as c:
            return [
                self._view(row)
                for principal in people.by_upstream(c, source_id, vendor_id)
                for row in calendars.collections_of_user(c, principal.name)
                if row.source_id == source_id
            ]

    # ---- the vendor --------------------------------------------------------------------------------------

    def _vendors_word(
        self, link: LinkRow, vendor_ids: Sequence[str], start_ms: int, end_ms: int
    ) -> dict[str, tuple[BusySpan, ...] | None]:
        """Return the vendor's spans inside the time asked; None for people whom it does not tell about."""
        now_ms = self._engine.clock.now_ms()
        told: dict[str, _Answer] = {}
        with self._guard:
            for vendor_id in vendor_ids:
                kept = self._kept.get((link.source_id, link.upstream_id, vendor_id))
                if kept is not None and kept.serves(start_ms, end_ms, now_ms):
                    told[vendor_id] = kept
        asked = [vendor_id for vendor_id in vendor_ids if vendor_id not in told]
        if asked:
            # Whole days: who looks at the next meeting of the same day is answered without a call.
            first, last = start_ms // _DAY_MS * _DAY_MS, -(-end_ms // _DAY_MS) * _DAY_MS
            window = Window(start=utc_from_ms(first), end=utc_from_ms(last))
            target = Target(user_id=link.upstream_id, calendar_id=MAIN)
            answers = self._engine.provider(link.source_id).free_busy(target, asked, window)
            for vendor_id in asked:
                busy = answers.get(vendor_id)
                spans = None if busy is None else tuple(map(_span, busy))
                told[vendor_id] = _Answer(first, last, now_ms + KEPT_MS, spans)
            self._keep(link, {vendor_id: told[vendor_id] for vendor_id in asked})
        return {
            vendor_id: None if one.spans is None else tuple(_inside(one.spans, start_ms, end_ms))
            for vendor_id, one in told.items()
        }

    def _keep(self, link: LinkRow, answers: Mapping[str, _Answer]) -> None:
        with self._guard:
            for vendor_id, one in answers.items():
                key = (link.source_id, link.upstream_id, vendor_id)
                self._kept[key] = one
                self._kept.move_to_end(key)
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)


def _span(busy: Busy) -> BusySpan:
    return BusySpan(
        start_ms=ms_from_utc(busy.start.astimezone(dt.UTC)),
        end_ms=ms_from_utc(busy.end.astimezone(dt.UTC)),
        is_tentative=busy.tentative,
    )


def _inside(spans: Iterable[BusySpan], start_ms: int, end_ms: int) -> Iterable[BusySpan]:
    return (one for one in spans if one.start_ms < end_ms and one.end_ms > start_ms)


def _told(address: str, found: _Found) -> Attendance:
    """Return the best that is known of an address."""
    for outcome in (Known.TOLD, Known.LATER, Known.UNTOLD):
        if outcome in found.outcomes:
            return Attendance(
                address=address, known=outcome, spans=tuple(found.spans), collections=tuple(found.collections)
            )
    return Attendance(address=address, known=Known.STRANGER)

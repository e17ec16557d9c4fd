"""Who could be invited, and who answered what: the vendor's word on the ATTENDEE lines of a client's text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.engine import directory
from bridge.engine.texts import upstream_of
from bridge.ical.delivery import Word, marked
from bridge.plan.moments import override_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.engine.context import Engine
    from bridge.model.event import CalendarObject
    from bridge.model.people import PartStat, Roster
    from bridge.model.recurrence import Moment
    from bridge.providers.base import Mapper
    from bridge.store.rows import CollectionRow, ItemRow


def settled(
    engine: Engine, collection: CollectionRow, rows: Iterable[ItemRow], obj: CalendarObject, text: str
) -> str:
    """Return ``text`` (which reads as ``obj``) with what the vendor and its directory say of its people.

    Strangers get SCHEDULE-STATUS 3.7 and lose it when the directory knows them. Other people's PARTSTAT is what the
    vendor has; the principal's own, and that of strangers, is the client's to say.
    """
    if not any(event.attendees for event in obj.events):
        return text
    resolved = directory.resolve(
        engine, collection.source_id, collection.me, addresses=directory.addresses_of(obj), ask=False
    )
    mapper = engine.provider(collection.source_id).mapper
    live = {row.key: row for row in rows if not row.cancelled and row.snapshot != "{}"}
    speaker = _Speaker(obj, live, mapper, resolved.roster, frozenset(resolved.unsure))
    return marked(text, engine.default_zone(collection.source_id), speaker.word)


class _Speaker:
    """Says what is known of one person in one event of an object."""

    def __init__(
        self,
        obj: CalendarObject,
        live: dict[str, ItemRow],
        mapper: Mapper,
        roster: Roster,
        unsure: frozenset[str],
    ) -> None:
        self._live = live
        self._mapper = mapper
        self._roster = roster
        self._unsure = unsure
        self._uid = obj.uid
        self._organizers = {e.organizer.address.lower() for e in obj.events if e.organizer is not None}
        self._answers: dict[str, dict[str, PartStat]] = {}
        first = next(iter(live.values()), None)
        self._is_guest = first is not None and bool(mapper.allows_change(upstream_of(first).snapshot, roster))

    def word(self, rid: Moment | None, address: str) -> Word | None:
        """Return what to write onto a line, or None for nothing."""
        vendor_id = self._roster.id_of(address)
        if vendor_id is None:
            if address in self._unsure or address in self._organizers or self._is_guest:
                return None
            return Word(is_unknown=True)
        if vendor_id == self._roster.me:
            return Word(is_unknown=False)
        return Word(is_unknown=False, partstat=self._answers_of(rid).get(vendor_id))

    def _answers_of(self, rid: Moment | None) -> dict[str, PartStat]:
        """Return vendor id -> answer, as the item of an event has them; of an untouched occurrence its series'."""
        key = "" if rid is None else override_key(rid)
        row = self._live.get(key) or self._live.get("")
        row = row or next((r for k, r in self._live.items() if not k.startswith("@")), None)
        if row is None:
            return {}
        if row.key not in self._answers:
            event = self._mapper.decode(upstream_of(row), self._uid, self._roster)
            found = {self._roster.id_of(one.address): one.partstat for one in event.attendees}
            self._answers[row.key] = {key: value for key, value in found.items() if key is not None}
        return self._answers[row.key]

"""One pull: what changed in a calendar, under every reading of what the list, the delta and the view tell.

The list gives single events and past occurrences with reminders, and a token for the next delta. The view gives
every occurrence of the window without reminders. Neither surely gives the series themselves: each is asked for
once. An occurrence that differs from its series is an exception; one that the rule has and the view lacks is
looked for once more and then reported as removed (reference 3.7, 3.8, 12).
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.errors import Refused
from bridge.providers.base import ChangePage
from bridge.providers.dingtalk.apart import Apart, is_in_sight, names_only, tell_apart, windows_around
from bridge.providers.dingtalk.compare import (
    is_plain,
    is_truncated,
    origin_in,
    removed_key,
    same_event,
    same_rule,
    same_version,
    with_reminders_of,
)
from bridge.providers.dingtalk.items import in_zone_of, placed, removal, upstream
from bridge.providers.dingtalk.reading import FORMS, Cursor, Listing
from bridge.providers.dingtalk.schema import is_cancelled, is_series, part, series_of, text
from bridge.providers.dingtalk.times import is_all_day, ms_of, origin_of, stamp, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.model.recurrence import Moment
    from bridge.model.upstream import Json, Upstream
    from bridge.providers.base import Known, Window
    from bridge.providers.dingtalk.own import OwnWrites
    from bridge.providers.dingtalk.reading import Reader

MAIN_CALENDAR: Final = "primary"

EXCEPTION_GETS_MAX: Final = 60
"""Exceptions whose reminders are asked for in one pull; further ones are shown with those of their series."""

CONFIRM_GETS_MAX: Final = 100
"""Known items asked for in one pull because they were missing; the rest waits for the next full look."""


class Pull:
    """One pull of one calendar; used once."""

    def __init__(
        self,
        reader: Reader,
        own: OwnWrites,
        default_zone: dt.tzinfo,
        *,
        calendar_id: str,
        window: Window,
        known: Known,
        deep: bool,
    ) -> None:
        self._reader = reader
        self._own = own
        self._zone = default_zone
        self._is_main = calendar_id == MAIN_CALENDAR
        self._window = window
        self._known = known
        self._held = dict(known.snapshots or {})
        self._held_of: dict[str, dict[str, Json]] = {}
        for item_id, held in self._held.items():
            self._held_of.setdefault(series_of(held), {})[item_id] = held
        self._removed_known: dict[str, set[int]] = {}
        for key in map(removed_key, known.ids | known.gone):
            if key is not None:
                self._removed_known.setdefault(key[0], set()).add(key[1])
        self._deep = deep
        self._full = False
        self._looked = False
        self._complete = True
        self._listed: dict[str, Json] = {}
        self._fresh: dict[str, Json | None] = {}
        self._occurrences: dict[str, dict[str, Json]] = {}
        self._removed: dict[str, list[Json]] = {}
        self._missing: dict[str, dict[int, Moment]] = {}
        self._out: dict[str, Upstream] = {}
        self._absent: list[str] = []
        self._accounted: set[str] = set()
        self._exception_gets = EXCEPTION_GETS_MAX
        self._confirm_gets = CONFIRM_GETS_MAX
        self._unshown: set[str] = set()
        self._gone: set[str] = set()
        self._resolved: dict[str, tuple[Json, Apart]] = {}

    def run(self, cursor_text: str) -> ChangePage:
        """Return everything that changed, as one page.

        Calls: a delta without news 1; with ``deep`` and no news 1 + one per 360 days and 100 occurrences of the
        window; a full pass one per 100 events and the view, one per series that the list did not tell, one per
        exception in the future, and those that confirm what is missing.
        """
        listing, cursor = self._list(Cursor.load(cursor_text))
        self._listed = {text(event, "id"): self._in_our_zone(event) for event in listing.events}
        self._complete = listing.complete
        view: list[Json] = []
        if self._full or self._deep or self._needs_look():
            looked = self._reader.view(self._window.start, self._window.end)
            view, self._looked = looked.events, True
            self._complete = self._complete and looked.complete
        self._sort(view)
        if self._looked and self._complete:
            self._note_unshown()
        for series_id in sorted(self._occurrences.keys() | self._removed.keys()):
            self._resolve(series_id)
        if self._looked and self._complete:
            self._confirm_missing()
            self._report_empty()
            self._confirm_unseen()
        return ChangePage(items=tuple(self._out.values()), absent=tuple(self._absent), cursor=cursor.dump())

    # ---- list and delta ----------------------------------------------------------------------------------

    def _list(self, cursor: Cursor) -> tuple[Listing, Cursor]:
        """Return what the list tells, by delta where there is a cursor that still works."""
        if cursor.token and not (self._deep and self._known.snapshots is None):
            for form in (cursor.form, *(other for other in FORMS if other != cursor.form)):
                asked = replace(cursor, form=form)
                try:
                    listing = self._reader.delta(asked)
                except Refused:
                    continue
                return listing, replace(asked, token=listing.sync_token or cursor.token)
        self._full = True
        time_min = stamp(self._window.start)
        try:
            listing = self._reader.full(time_min)
        except Refused:
            if self._is_main:
                raise
            # Most pages document the list for the main calendar only; the view takes other ids too.
            return Listing(events=[]), Cursor()
        return listing, Cursor(token=listing.sync_token, time_min=time_min)

    def _needs_look(self) -> bool:
        """Return whether a delta tells of something that only the view shows in full."""
        return any(self._is_incomplete_news(event) for event in self._listed.values())

    def _is_incomplete_news(self, event: Json) -> bool:
        """Return whether one event of a delta may stand for changes that are not in the delta."""
        event_id, series_id = text(event, "id"), series_of(event)
        if is_cancelled(event):
            told = event_id in self._known.ids or (series_id and part(event, "originStart"))
            # A stub without a name may be any occurrence of any series.
            return not told and not self._own.is_dropped(event_id) and event_id not in self._known.gone
        held = self._held.get(series_id or event_id)
        if is_series(event):
            if held is None or not same_event(event, held, self._zone):
                return True
            # The same series with a new time of change: some occurrence was edited, and is not listed.
            return not same_version(event, held) and not self._own.take_touch(event_id)
        if not series_id:
            return held is not None and is_series(held)
        if series_id in self._listed:
            return False
        if held is not None and self._is_old_news(event, held):
            return False
        fresh = self._fetch_master(series_id)
        return fresh is not None and (held is None or not same_event(fresh, held, self._zone))

    def _is_old_news(self, occurrence: Json, master: Json) -> bool:
        """Return whether an occurrence in a delta says nothing that is not known."""
        held = self._held.get(text(occurrence, "id"))
        if held is not None:
            return same_event(occurrence, held, self._zone) and same_version(occurrence, held)
        origin = origin_in(occurrence, all_day=is_all_day(master), default_zone=self._zone)
        return is_plain(occurrence, master, origin, self._zone)

    # ---- sorting -----------------------------------------------------------------------------------------

    def _sort(self, view: Iterable[Json]) -> None:
        """Tell single events, series, occurrences and removals apart; what the list says has reminders."""
        for event in self._listed.values():
            event_id, series_id = text(event, "id"), series_of(event)
            if is_cancelled(event):
                self._note_removal(event)
            elif series_id:
                self._occurrences.setdefault(series_id, {})[event_id] = event
            else:
                self._emit(self._with_people(event))
                if is_series(event):
                    self._occurrences.setdefault(event_id, {})
        for event in view:
            event_id, series_id = text(event, "id"), series_of(event)
            if event_id in self._listed and not (is_series(event) and not series_id):
                continue
            if is_cancelled(event):
                self._note_removal(event)
            elif series_id or is_series(event):
                # Should a view show the first occurrence under the series' own id, it is one all the same.
                self._occurrences.setdefault(series_id or event_id, {})[event_id] = event
            else:
                self._note_viewed(event)

    def _note_viewed(self, event: Json) -> None:
        """Take a single event that only the view showed; its reminders are asked for if it is news."""
        event_id = text(event, "id")
        self._accounted.add(event_id)
        held = self._held.get(event_id)
        if held is not None and same_event(event, held, self._zone) and same_version(event, held):
            return
        self._emit(self._with_people(self._reader.get_readable(event_id) or event))

    def _note_unshown(self) -> None:
        """Take up the series that should have shown something and did not."""
        for item_id, held in self._held.items():
            told = item_id in self._accounted or item_id in self._occurrences
            if is_series(held) and not told and item_id not in self._known.gone and self._is_in_sight(held):
                self._occurrences[item_id] = {}
                self._unshown.add(item_id)

    def _note_removal(self, event: Json) -> None:
        """Take a cancelled event: an occurrence of a series, or an item of its own."""
        event_id = text(event, "id")
        held = self._held.get(event_id, {})
        series_id = series_of(event) or series_of(held)
        self._accounted.add(event_id)
        if series_id:
            told: Json = {name: held[name] for name in ("originStart", "isAllDay") if name in held}
            self._removed.setdefault(series_id, []).append({**told, **event})
        elif event_id in self._known.ids and event_id not in self._known.gone:
            self._emit(event)

    def _emit(self, snapshot: Json, *, series_id: str | None = None, origin: Moment | None = None) -> None:
        """Put an item on the page."""
        item_id = text(snapshot, "id")
        self._accounted.add(item_id)
        self._out[item_id] = upstream(snapshot, series_id=series_id, origin=origin)
        if is_series(snapshot):
            self._own.note_form(item_id, all_day=is_all_day(snapshot))

    def _with_people(self, snapshot: Json) -> Json:
        """Return an event with all attendees; those of long lists are kept while the event is the same."""
        if not is_truncated(snapshot):
            return snapshot
        held = self._held.get(text(snapshot, "id"))
        if held is not None and same_version(snapshot, held) and text(held, "updateTime"):
            return {**snapshot, "attendees": held.get("attendees")}
        got = self._reader.get_readable(text(snapshot, "id"))
        return snapshot if got is None else self._reader.with_all_attendees(got)

    # ---- series ------------------------------------------------------------------------------------------

    def _resolve(self, series_id: str) -> None:
        """Report a series, its exceptions and its removed occurrences."""
        shown = self._occurrences.get(series_id, {})
        if series_id in self._unshown and not self._is_there(series_id):
            return
        master = self._master(series_id)
        if master is None and (shown or series_id in self._known.ids):
            master = self._fetch_master(series_id)
        if master is None:
            self._report_orphans(series_id, shown)
            return
        found = self._told_apart(series_id, master, shown)
        if series_id not in self._listed and series_id not in self._fresh and self._is_odd(found):
            # We only remember the series; before anything is concluded, it is asked for.
            master = self._fetch_master(series_id) or master
            found = self._told_apart(series_id, master, shown)
        self._accounted.add(series_id)
        if self._fresh.get(series_id) is not None:
            self._emit(self._with_people(master))
        if not is_cancelled(master):
            self._resolved[series_id] = (master, found)
            self._report(series_id, master, found)

    def _is_there(self, series_id: str) -> bool:
        """Ask for a series that shows nothing; report it if DingTalk says that it is gone."""
        if self._confirm_gets <= 0:
            return False
        self._confirm_gets -= 1
        self._fresh[series_id] = self._reader.get(series_id)
        if self._fresh[series_id] is not None:
            return True
        self._accounted.add(series_id)
        self._gone.add(series_id)
        self._absent.append(series_id)
        return False

    def _master(self, series_id: str) -> Json | None:
        """Return a series as this pull knows it, or as it is remembered."""
        listed = self._listed.get(series_id)
        if listed is not None and not is_cancelled(listed):
            return listed
        if series_id in self._fresh:
            return self._fresh[series_id]
        return None if self._full else self._held.get(series_id)

    def _fetch_master(self, series_id: str) -> Json | None:
        """Ask for a series, once per pull."""
        if series_id not in self._fresh:
            got = self._reader.get_readable(series_id)
            self._fresh[series_id] = None if got is None else self._in_our_zone(got)
        return self._fresh[series_id]

    def _in_our_zone(self, event: Json) -> Json:
        """Return a series in the zone that we hold it in, where it comes back in the organisation's own."""
        held = self._held.get(text(event, "id"))
        if held is None or not is_series(event) or not same_rule(event, held):
            return event
        is_default = zone_of(text(part(event, "start"), "timeZone")) == self._zone
        return in_zone_of(event, held) if is_default else event

    def _told_apart(self, series_id: str, master: Json, shown: dict[str, Json]) -> Apart:
        """Compare what is shown with the series; missing is only what a complete view does not explain."""
        found = tell_apart(series_id, master, shown.values(), self._window, self._zone)
        quiet: set[int] = set(found.missing)
        if self._looked and self._complete:
            quiet = self._removed_known.get(series_id, set()) | self._stubs(series_id, master)
        found.missing = {key: moment for key, moment in found.missing.items() if key not in quiet}
        return found

    def _is_odd(self, found: Apart) -> bool:
        """Return whether a remembered series does not explain what is shown."""
        if found.missing:
            return True
        odd = itertools.chain(found.extra.values(), found.exceptions.values())
        return any(not self._is_held(event) for event in odd)

    def _is_held(self, event: Json) -> bool:
        """Return whether we hold an item as it is shown."""
        held = self._held.get(text(event, "id"))
        return held is not None and same_event(event, held, self._zone) and same_version(event, held)

    def _stubs(self, series_id: str, master: Json) -> set[int]:
        """Return the original starts (ms) of occurrences that this pull's list calls cancelled."""
        origins = (origin_of(stub, all_day=is_all_day(master)) for stub in self._removed.get(series_id, []))
        return {ms_of(origin) for origin in origins if origin is not None}

    def _known_exceptions(self, series_id: str, *, all_day: bool) -> dict[int, str]:
        """Return original start (ms) -> id of the exceptions that are held."""
        return {
            ms_of(origin_in(held, all_day=all_day, default_zone=self._zone)): item_id
            for item_id, held in self._held_of.get(series_id, {}).items()
        }

    def _report(self, series_id: str, master: Json, found: Apart) -> None:
        """Put what is special about a series on the page."""
        all_day = is_all_day(master)
        held = self._known_exceptions(series_id, all_day=all_day)
        back = held.keys() | self._removed_known.get(series_id, set())
        for key, event in found.plain.items():
            event_id = text(event, "id")
            self._accounted.add(event_id)
            if event_id != series_id and (key in back or event_id in self._known.ids):
                self._report_occurrence(series_id, found.origins[key], with_reminders_of(event, master))
        for key, event in found.extra.items():
            if text(event, "id") != series_id:
                self._report_occurrence(series_id, found.origins[key], with_reminders_of(event, master))
        for key, event in found.exceptions.items():
            self._report_exception(series_id, found.origins[key], event, master)
        for key in found.origins:
            # Shown under another id than the one we hold: the same occurrence.
            self._accounted.add(held.get(key, ""))
        for stub in self._removed.get(series_id, []):
            origin = origin_of(stub, all_day=all_day)
            if origin is not None and ms_of(origin) not in found.origins:
                self._emit(stub, series_id=series_id, origin=origin)
        self._missing[series_id] = {key: at for key, at in found.missing.items() if key not in held}

    def _report_occurrence(self, series_id: str, origin: Moment, snapshot: Json) -> None:
        """Put an occurrence on the page that is like its series."""
        if not self._is_held(snapshot):
            self._emit(placed(snapshot, series_id, origin), series_id=series_id, origin=origin)
        self._accounted.add(text(snapshot, "id"))

    def _report_exception(self, series_id: str, origin: Moment, event: Json, master: Json) -> None:
        """Put an exception on the page, with its own reminders as far as they may be asked for."""
        event_id = text(event, "id")
        self._accounted.add(event_id)
        snapshot = event
        if event.get("reminders") is None:
            if self._is_held(event):
                return
            snapshot = with_reminders_of(event, master)
            if self._exception_gets > 0:
                self._exception_gets -= 1
                got = self._reader.get_readable(event_id)
                if got is not None and not is_cancelled(got) and text(got, "id") == event_id:
                    snapshot = got
        snapshot = placed(self._with_people(snapshot), series_id, origin)
        self._emit(snapshot, series_id=series_id, origin=origin)

    def _report_orphans(self, series_id: str, shown: dict[str, Json]) -> None:
        """Put occurrences on the page whose series may not be read: a guest of single occurrences has no more."""
        for event in shown.values():
            all_day = is_all_day(event)
            origin = origin_in(event, all_day=all_day, default_zone=self._zone)
            bare: Json = {}
            self._report_exception(series_id, origin, event, bare)

    # ---- what is missing ---------------------------------------------------------------------------------

    def _confirm_missing(self) -> None:
        """Look once more for occurrences that the view did not show, then report them as removed."""
        wanted = [at for missing in self._missing.values() for at in missing.values()]
        if not wanted:
            return
        shown: set[tuple[str, int]] = set()
        for start, end in windows_around(wanted):
            looked = self._reader.view(start, end)
            if not looked.complete:
                return
            for event in looked.events:
                series_id = series_of(event) or text(event, "id")
                if series_id in self._missing and not is_cancelled(event):
                    all_day = self._is_all_day_series(series_id)
                    origin = origin_in(event, all_day=all_day, default_zone=self._zone)
                    shown.add((series_id, ms_of(origin)))
        for series_id, missing in self._missing.items():
            for key, at in missing.items():
                if (series_id, key) not in shown:
                    gone = removal(series_id, at)
                    self._emit(gone, series_id=series_id, origin=at)

    def _is_all_day_series(self, series_id: str) -> bool:
        """Return whether a resolved series is all-day."""
        return any(not isinstance(at, dt.datetime) for at in self._missing[series_id].values())

    def _report_empty(self) -> None:
        """Report series of which no occurrence is left as cancelled: there is nothing to show."""
        for series_id, (master, found) in self._resolved.items():
            if found.origins or not is_series(master):
                continue
            removed = self._removed_known.get(series_id, set()) | self._stubs(series_id, master)
            removed |= {
                ms_of(item.origin)
                for item in self._out.values()
                if item.series_id == series_id and item.cancelled and item.origin is not None
            }
            if names_only(master, removed, self._zone):
                self._emit({**master, "status": "cancelled"})

    def _confirm_unseen(self) -> None:
        """Ask for each held item that should have been shown and was not."""
        for item_id in self._unseen():
            series_id = series_of(self._held.get(item_id, {}))
            if series_id in self._gone:
                # Its series is confirmed gone, and the complete view does not show it.
                self._absent.append(item_id)
                continue
            if self._confirm_gets <= 0:
                break
            self._confirm_gets -= 1
            snapshot = self._reader.get(item_id)
            if snapshot is None:
                self._gone.add(item_id)
                self._absent.append(item_id)
            elif series_id:
                all_day = self._own.form(series_id)
                told = is_all_day(snapshot) if all_day is None else all_day
                origin = origin_in({**self._held[item_id], **snapshot}, all_day=told, default_zone=self._zone)
                self._emit(placed(snapshot, series_id, origin), series_id=series_id, origin=origin)
            else:
                self._emit(self._reader.with_all_attendees(snapshot))

    def _unseen(self) -> list[str]:
        """Return the held ids that this pull should have shown, series first."""
        if self._known.snapshots is None:
            found = sorted(self._known.ids - self._known.gone - self._accounted - self._out.keys())
            return [item_id for item_id in found if removed_key(item_id) is None]
        unseen = [
            (bool(series_of(held)), item_id)
            for item_id, held in self._held.items()
            if item_id not in self._accounted
            and item_id not in self._out
            and item_id not in self._known.gone
            and removed_key(item_id) is None
            and self._is_in_sight(held)
        ]
        return [item_id for _is_occurrence, item_id in sorted(unseen)]

    def _is_in_sight(self, held: Json) -> bool:
        """Return whether the view must show an item, if it exists."""
        told = not is_cancelled(held) and bool(part(held, "start"))
        return told and is_in_sight(held, self._window, self._zone)

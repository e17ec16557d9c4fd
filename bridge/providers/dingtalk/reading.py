"""Reading whole lists, views and single events: paging, completeness, who is asked how often.

Every HTTP request to the calendar is billed (reference 5.2); each method says how many it makes.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import Missing, NotAllowed, Refused
from bridge.providers.dingtalk.client import ATTENDEES_PAGE_MAX, PAGE_MAX
from bridge.providers.dingtalk.limits import ATTENDEES_MAX
from bridge.providers.dingtalk.schema import is_cancelled, rows, text
from bridge.providers.dingtalk.times import stamp
from bridge.providers.limiter import Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.providers.base import Json, Target
    from bridge.providers.dingtalk.client import Client
    from bridge.providers.limiter import Lane

PAGES_MAX: Final = 300
"""Pages of one list or view: 30,000 events."""

SLICE: Final = dt.timedelta(days=360)
"""Longest view that is asked for at once; a year is known to be accepted by the list (reference 3.7, 3.8)."""

FORMS: Final = ("plain", "filters", "bare")
"""How a delta may be asked for (reference 12.6): token and showDeleted; all filters again; the token alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where the next delta begins."""

    token: str = ""
    time_min: str = ""
    """The ``timeMin`` of the full pass, which a vendor may want repeated."""
    form: str = FORMS[0]

    def dump(self) -> str:
        """Return the text that the engine keeps; empty without a token: then the next pull is a full one."""
        if not self.token:
            return ""
        return json.dumps([self.token, self.time_min, self.form], separators=(",", ":"))

    @classmethod
    def load(cls, written: str) -> Cursor:
        """Read it back; anything else is no cursor."""
        try:
            token, time_min, form = json.loads(written)
        except (ValueError, TypeError):
            return cls()
        if not (isinstance(token, str) and isinstance(time_min, str) and form in FORMS):
            return cls()
        return cls(token=token, time_min=time_min, form=form)


@dataclass(slots=True, kw_only=True)
class Listing:
    """All pages of a list or view."""

    events: list[Json]
    complete: bool = True
    """False when a bound was met: then nothing may be concluded from what is missing."""
    sync_token: str = ""


class Reader:
    """Reads in the name of one person, with one urgency."""

    def __init__(self, client: Client, target: Target, lane: Lane) -> None:
        self._client = client
        self._target = target
        self._next = lane
        self._rest = replace(lane, priority=min(lane.priority, Priority.LOOK))

    def _lane(self) -> Lane:
        """Return the urgency of the next call: what was begun is finished, since half a pull is paid for nothing."""
        lane, self._next = self._next, self._rest
        return lane

    def get(self, event_id: str) -> Json | None:
        """Return an event with up to 500 attendees; None when DingTalk says that it is not there. One call."""
        try:
            return told(self._client.get_event(self._lane(), self._target, event_id))
        except Missing:
            return None

    def get_readable(self, event_id: str) -> Json | None:
        """Return an event; None also when this person may not read it. One call."""
        try:
            return self.get(event_id)
        except (NotAllowed, Refused):
            return None

    def with_all_attendees(self, snapshot: Json) -> Json:
        """Return an event with everybody in it.

        No call below 500 people, else one per 500.
        """
        if len(rows(snapshot, "attendees")) < ATTENDEES_PAGE_MAX:
            return snapshot
        found: list[Json] = []
        token: str | None = None
        for _ in range(ATTENDEES_MAX // ATTENDEES_PAGE_MAX + 1):
            page = self._client.list_attendees(
                self._lane(), self._target, text(snapshot, "id"), next_token=token
            )
            found += rows(page, "attendees")
            token = text(page, "nextToken") or None
            if token is None:
                break
        return {**snapshot, "attendees": found} if found else snapshot

    def full(self, time_min: str) -> Listing:
        """List everything that starts at or after ``time_min``. One call per 100 events."""
        return self._listed(
            lambda token: self._client.list_events(
                self._lane(),
                self._target,
                time_min=time_min,
                show_deleted=True,
                results_max=PAGE_MAX,
                attendees_max=PAGE_MAX,
                next_token=token,
            )
        )

    def between(self, time_min: str, time_max: str) -> Json:
        """Return the first page of what starts in [time_min, time_max): no token comes with that. One call."""
        return self._client.list_events(
            self._lane(),
            self._target,
            time_min=time_min,
            time_max=time_max,
            results_max=PAGE_MAX,
            attendees_max=PAGE_MAX,
        )

    def delta(self, cursor: Cursor) -> Listing:
        """List what changed since ``cursor``. One call if nothing did.

        Raises Refused for a token or a form that the vendor does not take.
        """
        forms: dict[str, dict[str, Any]] = {
            "plain": {"show_deleted": True},
            "filters": {
                "time_min": cursor.time_min,
                "show_deleted": True,
                "results_max": PAGE_MAX,
                "attendees_max": PAGE_MAX,
            },
            "bare": {},
        }
        filters = forms[cursor.form]
        return self._listed(
            lambda token: self._client.list_events(
                self._lane(), self._target, sync_token=cursor.token, next_token=token, **filters
            )
        )

    def view(self, start: dt.datetime, end: dt.datetime) -> Listing:
        """Expand every occurrence that touches [start, end). One call per 360 days and 100 occurrences."""
        events: dict[str, Json] = {}
        complete = True
        for begin, until in slices(start, end):
            part = self._pages(self._view_page(begin, until))
            complete = complete and part.complete
            for event in part.events:
                events.setdefault(text(event, "id"), event)
        return Listing(events=list(events.values()), complete=complete)

    def _view_page(self, start: dt.datetime, end: dt.datetime) -> Callable[[str | None], Json]:
        """Return what fetches one page of one slice."""
        return lambda token: self._client.view_events(
            self._lane(), self._target, time_min=stamp(start), time_max=stamp(end), next_token=token
        )

    def _listed(self, fetch: Callable[[str | None], Json]) -> Listing:
        """Follow the pages of a list."""
        listing = self._pages(fetch)
        listing.events = [told(event) for event in listing.events]
        return listing

    def _pages(self, fetch: Callable[[str | None], Json]) -> Listing:
        """Follow ``nextToken`` to its end (absent, null or empty); pages may be empty on the way."""
        events: list[Json] = []
        token: str | None = None
        passed: set[str] = set()
        for _ in range(PAGES_MAX):
            page = fetch(token)
            events += identified(page)
            token = text(page, "nextToken") or None
            if token is None:
                return Listing(events=events, sync_token=text(page, "syncToken"))
            if token in passed:
                break
            passed.add(token)
        return Listing(events=events, complete=False)


def identified(page: Mapping[str, Any]) -> list[Json]:
    """Return the events of a page that have an id: some answers hold a row of nulls (gotcha 24)."""
    return [event for event in rows(page, "events") if text(event, "id")]


def told(event: Json) -> Json:
    """Return an event of an operation that tells reminders: null and absent ones are none.

    A view tells no reminders at all; only there an absent field means that nothing is known.
    """
    if event.get("reminders") is not None or is_cancelled(event):
        return event
    return {**event, "reminders": []}


def slices(start: dt.datetime, end: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime]]:
    """Cut a window into parts that a view accepts."""
    while start < end:
        until = min(start + SLICE, end)
        yield start, until
        start = until

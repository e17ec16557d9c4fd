"""Reading schedules: completing them in batches, and sweeping a calendar (reference 5.7, 5.8, 9).

WeCom has no change feed. Every pull lists the whole calendar, which tells less than ``schedule/get``, and completes
what is new or was changed, now and then everything. One bad id may fail a whole batch, or be left out of it; both are
asked again in smaller parts.
"""

from __future__ import annotations

import itertools
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from bridge.errors import Missing, Refused
from bridge.model.upstream import Json, Upstream
from bridge.providers.base import ChangePage, Known, Window
from bridge.providers.wecom.schema import as_flag, as_int, as_list, as_object, as_text, is_cancelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.providers.wecom.client import Client

GET_BATCH: Final = 100
"""Ids per ``schedule/get``: 1000 are allowed, but then one bad id costs more, and the answer may be too large."""

SPLIT_CALLS_MAX: Final = 2 * GET_BATCH
"""Calls that may be spent on finding the bad ids of one batch."""

LIST_LIMIT: Final = 500
"""``limit`` of get_by_calendar: its default; 1000 is the most (document 97723)."""

PAGES_MAX: Final = 400
"""Pages of one sweep: 200,000 schedules, ten days of the app's own creations."""

CONFIRM_MAX: Final = 200
"""Ids missing from a listing that one sweep asks for; the rest waits for the next sweep."""

SWEEPS_MAX: Final = 256
"""Unfinished sweeps remembered; a forgotten one begins again."""

DAY_S: Final = 86_400
"""Slack around the window (seconds): whole days, whatever the zone."""

UNTOLD: Final = frozenset({"sequence", "cal_id"})
"""Fields of a list that ``schedule/get`` tells otherwise or not at all."""

CURSOR: Final = "swept"
"""What a finished pull ends with. The next one sweeps again: there is nothing to continue from."""

Found: TypeAlias = Mapping[str, Json | None]
"""Schedule by id; None: WeCom says that there is no such thing. A missing id: it would not say."""


def fetch_all(client: Client, ids: Iterable[str]) -> dict[str, Json | None]:
    """Read schedules completely, in batches.

    An id that WeCom refuses to talk about (another app's, 90466) is missing from the result. Raises everything that
    is not about single ids.
    """
    found: dict[str, Json | None] = {}
    wanted = list(dict.fromkeys(ids))
    for start in range(0, len(wanted), GET_BATCH):
        found.update(_fetch_batch(client, wanted[start : start + GET_BATCH]))
    return found


def _fetch_batch(client: Client, batch: Sequence[str]) -> dict[str, Json | None]:
    """Read one batch; halve it as long as it is refused."""
    found: dict[str, Json | None] = {}
    todo: deque[Sequence[str]] = deque([batch])
    for call in itertools.count(1):
        if not todo:
            break
        part = todo.popleft()
        try:
            answer = _by_id(client.schedule_get(part))
        except Refused as error:
            if len(part) > 1:
                if call >= SPLIT_CALLS_MAX:
                    raise
                middle = len(part) // 2
                todo += [part[:middle], part[middle:]]
            elif isinstance(error, Missing):
                found[part[0]] = None
            continue
        found.update({key: answer[key] for key in part if key in answer})
        omitted = [key for key in part if key not in answer]
        if len(part) == 1:
            found.update(dict.fromkeys(omitted))
        else:
            todo += [[key] for key in omitted]
    return found


def _by_id(answer: Json) -> dict[str, Json]:
    """Return the schedules of an answer by id; order and completeness are not promised."""
    entries = (entry for entry in as_list(answer.get("schedule_list")) if isinstance(entry, dict))
    return {
        as_text(entry.get("schedule_id")): entry for entry in entries if as_text(entry.get("schedule_id"))
    }


def upstream(schedule_id: str, snapshot: Json) -> Upstream:
    """Return a schedule as the engine sees it."""
    return Upstream(id=schedule_id, snapshot=snapshot, cancelled=is_cancelled(snapshot))


def list_all(client: Client, calendar_id: str) -> dict[str, Json]:
    """List a calendar completely: entries by id, cancelled ones included."""
    listed: dict[str, Json] = {}
    offset = 0
    for _ in range(PAGES_MAX):
        answer = client.schedule_list(calendar_id, offset, LIST_LIMIT)
        fresh = {key: entry for key, entry in _by_id(answer).items() if key not in listed}
        if not fresh:
            break
        listed.update(fresh)
        offset += len(as_list(answer.get("schedule_list")))
    return listed


# ---- the sweep ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sweep:
    """How far one pull has come."""

    offset: int = 0
    pages: int = 0
    seen: set[str] = field(default_factory=set)
    todo: list[tuple[str, Json]] = field(default_factory=list)
    """Of a first load: what is still to be completed, what is nearest in time at the end."""
    expected: int = 0


class Sweeper:
    """Sweeps calendars page by page. Thread-safe.

    Which ids a sweep has seen is kept here, and the page's text names the sweep. A sweep that this process does not
    know (it was restarted, or another node began it) starts again; nothing is lost but the calls.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sweeps: OrderedDict[str, _Sweep] = OrderedDict()

    def step(
        self,
        client: Client,
        calendar_id: str,
        *,
        page: str,
        window: Window,
        known: Known,
        deep: bool = True,
        near_s: float | None = None,
    ) -> ChangePage:
        """Return the next page of a sweep, complete items only.

        Calls: one, and one for each batch of what is new or was changed; with ``deep`` everything is asked for.
        ``near_s``: a time around which a first load begins (seconds since 1970): the calendar is listed as a whole
        then, and completed by one batch a page.
        """
        sweep = self._take(page)
        if near_s is not None or sweep.todo:
            return self._nearest(client, calendar_id, sweep, window, known, near_s or 0.0)
        answer = client.schedule_list(calendar_id, sweep.offset, LIST_LIMIT)
        entries = {key: entry for key, entry in _by_id(answer).items() if key not in sweep.seen}
        sweep.seen.update(entries)
        sweep.offset += len(as_list(answer.get("schedule_list")))
        sweep.pages += 1
        told = entries if deep else _news(entries, known.snapshots or {})
        items = self._complete(client, told, window, known)
        # "Page until the list is empty"; a list that only repeats itself is a vendor that ignores the offset.
        if entries and sweep.pages < PAGES_MAX:
            return ChangePage(items=tuple(items), next=self._keep(sweep))
        absent = () if entries else self._confirm(client, sweep, known, items)
        return ChangePage(items=tuple(items), absent=absent, cursor=CURSOR)

    def _nearest(
        self,
        client: Client,
        calendar_id: str,
        sweep: _Sweep,
        window: Window,
        known: Known,
        near_s: float,
    ) -> ChangePage:
        """Return the next batch of a first load."""
        if not sweep.seen:
            listed = list_all(client, calendar_id)
            sweep.seen = set(listed)
            wanted = _wanted(
                {key: listed[key] for key in listed.keys() - (known.snapshots or {}).keys()}, window, known
            )
            sweep.todo = sorted(wanted.items(), key=lambda pair: _distance_s(pair[1], near_s), reverse=True)
            sweep.expected = len(sweep.todo)
        batch, sweep.todo = dict(sweep.todo[-GET_BATCH:]), sweep.todo[:-GET_BATCH]
        items = self._complete(client, batch, window, known)
        if sweep.todo:
            return ChangePage(items=tuple(items), next=self._keep(sweep), expected=sweep.expected)
        absent = self._confirm(client, sweep, known, items)
        return ChangePage(items=tuple(items), absent=absent, cursor=CURSOR, expected=sweep.expected)

    def _confirm(self, client: Client, sweep: _Sweep, known: Known, items: list[Upstream]) -> tuple[str, ...]:
        """Ask for what no page listed; returns what is gone, and puts the rest with the items."""
        unseen = sorted(known.ids - known.gone - sweep.seen)[:CONFIRM_MAX]
        absent: list[str] = []
        for key, snapshot in fetch_all(client, unseen).items():
            if snapshot is None:
                absent.append(key)
            else:
                items.append(upstream(key, snapshot))
        return tuple(absent)

    def _complete(
        self, client: Client, entries: Mapping[str, Json], window: Window, known: Known
    ) -> list[Upstream]:
        """Complete the entries that matter; cancelled ones need no more than the listing tells."""
        wanted = _wanted(entries, window, known)
        items = [upstream(key, entry) for key, entry in wanted.items() if is_cancelled(entry)]
        alive = [key for key, entry in wanted.items() if not is_cancelled(entry)]
        found = fetch_all(client, alive)
        return [*items, *(upstream(key, snapshot) for key, snapshot in found.items() if snapshot is not None)]

    def _take(self, page: str) -> _Sweep:
        """Return the sweep that a page names, or a new one."""
        with self._lock:
            return self._sweeps.pop(page, None) or _Sweep()

    def _keep(self, sweep: _Sweep) -> str:
        """Remember a sweep and name it."""
        name = secrets.token_hex(8)
        with self._lock:
            self._sweeps[name] = sweep
            while len(self._sweeps) > SWEEPS_MAX:
                self._sweeps.popitem(last=False)
        return name


def _wanted(entries: Mapping[str, Json], window: Window, known: Known) -> dict[str, Json]:
    """Return the entries that matter: what is held, and what may show something in the window."""
    return {
        key: entry
        for key, entry in entries.items()
        if key not in known.gone and (key in known.ids or _overlaps(entry, window))
    }


def _distance_s(entry: Json, near_s: float) -> float:
    """Return how far from a time an entry is (seconds); series come first, for they may show something at any time."""
    if as_flag(as_object(entry.get("reminders")).get("is_repeat")):
        return 0.0
    return abs(as_int(entry.get("start_time")) - near_s)


def _news(entries: Mapping[str, Json], held: Mapping[str, Json]) -> dict[str, Json]:
    """Return the entries that may say something new.

    A list lacks the excluded days of series, so these always count; of a single schedule it lacks all but one reminder
    and whether it lasts whole days, which the next deep sweep finds.
    """
    return {
        key: entry
        for key, entry in entries.items()
        if key not in held
        or is_cancelled(entry)
        or as_flag(as_object(entry.get("reminders")).get("is_repeat"))
        or not _agree(entry, held[key])
    }


def _agree(entry: Json, held: Json) -> bool:
    """Return whether all that a list tells of a schedule is what is held."""
    for name, value in entry.items():
        if name in UNTOLD or name not in held:
            continue
        mine = held[name]
        same = _agree(value, mine) if isinstance(value, dict) and isinstance(mine, dict) else value == mine
        if not same:
            return False
    return True


def _overlaps(entry: Json, window: Window) -> bool:
    """Return whether a listed schedule may have an occurrence in the window."""
    first_s, last_s = window.start.timestamp() - DAY_S, window.end.timestamp() + DAY_S
    start_s = as_int(entry.get("start_time"))
    end_s = max(as_int(entry.get("end_time")), start_s)
    reminders = as_object(entry.get("reminders"))
    if as_flag(reminders.get("is_repeat")):
        until_s = as_int(reminders.get("repeat_until"))
        end_s = max(end_s, until_s + end_s - start_s) if until_s > 0 else int(last_s)
    return start_s < last_s and end_s >= first_s

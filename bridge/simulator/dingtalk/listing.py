"""Lists, deltas, the expanded view, and the occurrences of one series (reference sections 3.7 to 3.9)."""

from __future__ import annotations

import base64
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from bridge.simulator.dingtalk.errors import refuse
from bridge.simulator.dingtalk.events import is_gone
from bridge.simulator.dingtalk.gateway import EVENTS_SCOPE_READ, Call, Operation
from bridge.simulator.dingtalk.render import Renderer
from bridge.simulator.dingtalk.state import Event, lost_occurrence, whole
from bridge.simulator.dingtalk.times import SHANGHAI, parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.simulator.dingtalk.calendars import Access
    from bridge.simulator.dingtalk.simulator import DingTalkSimulator
    from bridge.simulator.dingtalk.state import Item

PAGE_MAX: Final = 100
"""Items of a page, and attendees of an item in it."""

TOKENS_MAX: Final = 20_000
"""Page and sync tokens that are remembered; the oldest go first."""

Ref = tuple[str, int | None, bool]
"""Event, original start, whether it is a tombstone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An item of somebody's calendar, as the list sees it."""

    item: Item
    seq: int
    gone: bool
    generated_ms: int
    """When it came into being; 0 unless it is an occurrence."""
    tombstone: bool = False

    @property
    def ref(self) -> Ref:
        """What a page token keeps of it."""
        return self.item.event.key, self.item.origin, self.tombstone


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """The moment a pass saw."""

    seq: int
    now_ms: int
    time_min: str
    calendar: str
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is still to come of a pass."""

    operation: str
    calendar: str
    refs: tuple[Ref, ...]
    sync: Sync | None
    stubs: str
    """How deleted items are shown: ``stub``, ``full``, or not at all."""
    number: int = 1


class Marks:
    """The page and sync tokens that were given out."""

    def __init__(self, sim: DingTalkSimulator) -> None:
        self._sim = sim
        self.pages: dict[str, Page] = {}
        self.syncs: dict[str, Sync] = {}

    def page(self, page: Page) -> str:
        """Return a nextToken."""
        return self._put("page", self.pages, page)

    def sync(self, sync: Sync) -> str:
        """Return a syncToken."""
        return self._put("sync", self.syncs, sync)

    def _put(self, kind: str, place: dict[str, Any], value: Any) -> str:
        text = base64.b64encode(self._sim.store.token(kind)).decode()
        place[text] = value
        while len(place) > TOKENS_MAX:
            del place[next(iter(place))]
        return text


def entries(sim: DingTalkSimulator, access: Access) -> Iterator[Entry]:
    """Yield everything the list could return: single events, masters, generated occurrences, deleted ones."""
    for event in sim.store.events.values():
        left = event.gone.get(access.holder, 0) if access.holder else 0
        if left or access.shows(event):
            for item, generated_ms, tombstone in _parts(sim, event):
                guest = event.guests.get(access.holder)
                override = event.overrides.get(item.origin) if item.origin is not None else None
                hidden = override.hidden.get(access.holder, 0) if override else 0
                seq = max(item.seq, left, hidden, guest.seq if guest else 0)
                gone = is_gone(access, item)
                if gone and access.holder not in item.guests and not (left or hidden or access.calendar):
                    continue  # an occurrence of a series to which this person was never invited
                yield Entry(item=item, seq=seq, gone=gone, generated_ms=generated_ms, tombstone=tombstone)


def _parts(sim: DingTalkSimulator, event: Event) -> Iterator[tuple[Item, int, bool]]:
    store, now_ms = sim.store, sim.store.now_ms()
    if not event.is_series:
        yield whole(event), 0, False
        return
    started = False
    future = set(event.overrides) if sim.switches["list_future_exceptions"] == "yes" else set()
    horizon = store.generated_until()
    for start in store.starts(event):
        generated_ms = store.generated_ms(start)
        origin = int(start.at(store.all_day_zone).timestamp())
        if generated_ms <= now_ms or origin in future:
            started = started or generated_ms <= now_ms
            future.discard(origin)
            item = store.occurrence_at(event, start)
            yield item, generated_ms if generated_ms <= now_ms else 0, False
        elif start.at(store.all_day_zone) > horizon and not future:
            break
    for origin in event.lost:
        yield lost_occurrence(event, origin), 0, True
    mode = sim.switches["list_master"]
    if mode == "yes" or (mode == "until_generated" and not started):
        yield whole(event), 0, False


def _item(sim: DingTalkSimulator, ref: Ref) -> Item | None:
    event = sim.store.events.get(ref[0])
    if event is None:
        return None
    if ref[1] is None:
        return whole(event)
    if ref[2]:
        return lost_occurrence(event, ref[1]) if ref[1] in event.lost else None
    return sim.store.occurrence(event, ref[1])


def _limits(sim: DingTalkSimulator, call: Call) -> tuple[int, int]:
    """Return maxResults and maxAttendees; raise 400 outside of what the pages allow."""
    found = []
    for name, least in (("maxResults", 1), ("maxAttendees", 0)):
        value = call.query_whole(name, default=PAGE_MAX)
        if value > PAGE_MAX and sim.switches["too_many_results"] == "cut":
            value = PAGE_MAX
        if not least <= value <= PAGE_MAX:
            refuse(f"{name} size must within range [{least},{PAGE_MAX}]")
        found.append(value)
    return found[0], found[1]


def _window(sim: DingTalkSimulator, call: Call) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Return timeMin and timeMax; raise 400 for malformed ones or more than a year."""
    low, high = (
        parse_instant(text, sim.switches) if (text := call.query_text(name)) else None
        for name in ("timeMin", "timeMax")
    )
    if low is not None and high is not None:
        if high < low:
            refuse("timeMax must be after timeMin")
        if high - low > dt.timedelta(days=sim.switches["window_days"]):
            refuse("timeMax - timeMin must not exceed 1 year")
    return low, high


def _ordered(sim: DingTalkSimulator, access: Access, found: list[Entry]) -> list[Entry]:
    key: Callable[[Entry], tuple[Any, ...]]
    match sim.switches["list_order"]:
        case "id":
            key = lambda entry: (sim.store.id_of(entry.item, access.holder),)  # noqa: E731
        case "updated":
            key = lambda entry: (-entry.seq, entry.item.origin or 0)  # noqa: E731
        case _:
            zone = sim.store.all_day_zone
            key = lambda entry: (entry.item.details.start.at(zone), entry.item.event.key)  # noqa: E731
    return sorted(found, key=key)


def _list(sim: DingTalkSimulator, call: Call) -> Any:
    access = sim.calendars.access(call.who, call.params["c"])
    access.need_reader()
    sizes = _limits(sim, call)
    next_token = call.query_text("nextToken")
    if next_token:
        return _page(sim, access, _known_page(sim, access, next_token, "list"), sizes)
    window = _window(sim, call)
    show_deleted = call.query_flag("showDeleted", default=False)
    token = call.query_text("syncToken")
    sync = _known_sync(sim, call, access, token) if token else None
    if sync is not None:
        return _delta(sim, access, sync, show_deleted=show_deleted, sizes=sizes)
    series = call.query_text("seriesMasterId")
    found = [
        entry
        for entry in entries(sim, access)
        if _starts_within(sim, entry.item, window)
        and (show_deleted or not entry.gone)
        and (series is None or _is_part_of(sim, access, entry.item, series))
    ]
    now = Sync(
        seq=sim.store.seq,
        now_ms=sim.store.now_ms(),
        time_min=call.query_text("timeMin") or "",
        calendar=_calendar_key(access),
    )
    page = Page(
        operation="list",
        calendar=_calendar_key(access),
        refs=tuple(entry.ref for entry in _ordered(sim, access, found)),
        sync=None if window[1] is not None else now,
        stubs=_stubs(sim, show_deleted=show_deleted, delta=False),
    )
    return _page(sim, access, page, sizes)


def _is_part_of(sim: DingTalkSimulator, access: Access, item: Item, series: str) -> bool:
    return item.origin is not None and sim.store.id_of(whole(item.event), access.holder) == series


def _calendar_key(access: Access) -> str:
    return access.calendar or access.holder


def _starts_within(
    sim: DingTalkSimulator, item: Item, window: tuple[dt.datetime | None, dt.datetime | None]
) -> bool:
    """Whether the item starts within the window; the edges are switches."""
    start, (low, high) = item.details.start.at(sim.store.all_day_zone), window
    if low is not None and (start < low or (start == low and sim.switches["list_time_min"] == "exclusive")):
        return False
    at_high = sim.switches["list_time_max"] == "inclusive"
    return high is None or start < high or (start == high and at_high)


def _stubs(sim: DingTalkSimulator, *, show_deleted: bool, delta: bool) -> str:
    match sim.switches["deleted_items"]:
        case "never":
            return ""
        case "stub_always":
            return "stub" if delta or show_deleted else ""
        case mode:
            return str(mode) if show_deleted else ""


def _known_page(sim: DingTalkSimulator, access: Access, token: str, operation: str) -> Page:
    page = sim.marks.pages.get(token)
    if page is None or page.calendar != _calendar_key(access) or page.operation != operation:
        refuse("nextToken invalid")
    return page


def _known_sync(sim: DingTalkSimulator, call: Call, access: Access, token: str) -> Sync | None:
    """Return what the token stands for; None: begin again; raise 400 for a bad token or bad filters."""
    sync = sim.marks.syncs.get(token)
    oldest_ms = sim.store.now_ms() - sim.switches["sync_age_s"] * 1000
    if sync is None or sync.now_ms < oldest_ms or sync.calendar != _calendar_key(access):
        if sim.switches["sync_expired"] == "full":
            return None
        refuse("syncToken invalid")
    time_min = call.query_text("timeMin") or ""
    mode = sim.switches["delta_filters"]
    if mode == "rejected" and (time_min or call.query_text("timeMax")):
        refuse("syncToken cannot be used together with timeMin or timeMax")
    if mode == "required" and time_min != sync.time_min:
        refuse("filters must be the same as in the initial request")
    return sync


def _delta(
    sim: DingTalkSimulator, access: Access, sync: Sync, *, show_deleted: bool, sizes: tuple[int, int]
) -> Any:
    now_ms = sim.store.now_ms()
    stubs = _stubs(sim, show_deleted=show_deleted, delta=True)
    low = None
    if sim.switches["delta_keeps_time_min"] == "yes" and sync.time_min:
        low = parse_instant(sync.time_min, sim.switches)
    grows = sim.switches["delta_generation"] == "yes"
    found = [
        entry
        for entry in entries(sim, access)
        if (entry.seq > sync.seq or (grows and sync.now_ms < entry.generated_ms <= now_ms))
        and (stubs or not entry.gone)
        and _starts_within(sim, entry.item, (low, None))
    ]
    fresh = Sync(seq=sim.store.seq, now_ms=now_ms, time_min=sync.time_min, calendar=sync.calendar)
    page = Page(
        operation="list",
        calendar=_calendar_key(access),
        refs=tuple(entry.ref for entry in _ordered(sim, access, found)),
        sync=fresh if found or sim.switches["delta_cursor"] == "always" else None,
        stubs=stubs,
    )
    return _page(sim, access, page, sizes)


def _page(sim: DingTalkSimulator, access: Access, page: Page, sizes: tuple[int, int]) -> dict[str, Any]:
    """Return one page and the token of the next."""
    most, attendees_max = sizes
    fill = sim.switches["page_fill"]
    if fill == "short":
        most = max(1, most // 2)
    elif fill == "gaps" and page.number % 2 == 0 and page.refs:
        most = 0
    renderer = Renderer(sim, access, page.operation, attendees_max)
    shown = []
    for ref in page.refs[:most]:
        item = _item(sim, ref)
        if item is None:
            continue
        if not is_gone(access, item):
            shown.append(renderer.event(item))
        elif page.stubs:
            shown.append(renderer.event(item) if page.stubs == "full" else renderer.stub(item))
    answer: dict[str, Any] = {"events": shown}
    rest = page.refs[most:]
    if rest:
        following = Page(
            operation=page.operation,
            calendar=page.calendar,
            refs=rest,
            sync=page.sync,
            stubs=page.stubs,
            number=page.number + 1,
        )
        answer["nextToken"] = sim.marks.page(following)
        return answer
    match sim.switches["last_next_token"]:
        case "null":
            answer["nextToken"] = None
        case "empty":
            answer["nextToken"] = ""
    if page.sync is not None:
        answer["syncToken"] = sim.marks.sync(page.sync)
    return answer


def items_in_view(
    sim: DingTalkSimulator, access: Access, low: dt.datetime | None, high: dt.datetime
) -> list[Item]:
    """Return every living occurrence and single event with end >= ``low`` and start < ``high``, in order."""
    found = [
        item
        for event in sim.store.events.values()
        if access.shows(event)
        for item in sim.store.items_between(event, low, high)
        if not is_gone(access, item)
    ]
    zone = sim.store.all_day_zone
    return sorted(found, key=lambda item: (item.details.start.at(zone), item.event.key))


def _paged_items(
    sim: DingTalkSimulator, call: Call, access: Access, operation: str, found: list[Item]
) -> Any:
    refs = tuple((item.event.key, item.origin, False) for item in found)
    page = Page(operation=operation, calendar=_calendar_key(access), refs=refs, sync=None, stubs="")
    return _page(sim, access, page, _limits(sim, call))


def _view(sim: DingTalkSimulator, call: Call) -> Any:
    access = sim.calendars.access(call.who, call.params["c"])
    access.need_reader()
    next_token = call.query_text("nextToken")
    if next_token:
        page = _known_page(sim, access, next_token, "view")
        return _page(sim, access, page, _limits(sim, call))
    low, high = _window(sim, call)
    if high is None:
        high = (low or sim.store.now()) + dt.timedelta(days=sim.switches["window_days"])
    return _paged_items(sim, call, access, "view", items_in_view(sim, access, low, high))


def _master(sim: DingTalkSimulator, access: Access, event_id: str) -> Event | None:
    """Return the event of a master's id, if it is alive in this calendar."""
    found = sim.store.find(event_id, access.holder)
    if found is None or found[1] is not None or not access.shows(found[0]):
        return None
    return None if is_gone(access, whole(found[0])) else found[0]


def _series(sim: DingTalkSimulator, call: Call) -> Any:
    access = sim.calendars.access(call.who, call.params["c"])
    access.need_reader()
    next_token = call.query_text("nextToken")
    if next_token:
        page = _known_page(sim, access, next_token, "series")
        return _page(sim, access, page, _limits(sim, call))
    low, high = _window(sim, call)
    if low is None and high is None:
        today = sim.store.now().astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
        low, high = today, today + dt.timedelta(days=1)
    if high is None:
        high = (low or sim.store.now()) + dt.timedelta(days=sim.switches["window_days"])
    event = _master(sim, access, call.params["e"])
    found = []
    if event is not None and event.is_series:
        found = [item for item in sim.store.items_between(event, low, high) if not is_gone(access, item)]
    return _paged_items(sim, call, access, "series", found)


def _instances(sim: DingTalkSimulator, call: Call) -> Any:
    access = sim.calendars.access(call.who, call.params["c"])
    access.need_reader()
    most, attendees_max = _limits(sim, call)
    event = _master(sim, access, call.query_text("seriesMasterId") or "")
    if event is None:
        refuse("seriesMasterId invalid")
    since_ms = call.query_whole("startRecurrenceId", default=0)
    found = [
        entry.item
        for entry in entries(sim, access)
        if entry.item.event is event
        and entry.item.origin is not None
        and entry.item.origin * 1000 >= since_ms
        and not entry.gone
    ]
    found.sort(key=lambda item: item.origin or 0)
    renderer = Renderer(sim, access, "instances", attendees_max)
    return {"events": [renderer.event(item) for item in found[:most]]}


def occurrences_json(items: list[Item], sim: DingTalkSimulator, holder: str) -> list[dict[str, Any]]:
    """Return what a person would see in the app: for tests that compare the real effect."""
    shown = []
    for item in items:
        start, end = item.details.start, item.details.end
        zone = ZoneInfo("UTC")
        shown.append(
            {
                "eventId": sim.store.id_of(item, holder),
                "masterId": sim.store.id_of(whole(item.event), holder),
                "summary": item.details.summary,
                "start": start.date.isoformat()
                if start.date
                else start.at("UTC").astimezone(zone).isoformat(),
                "end": end.date.isoformat() if end.date else end.at("UTC").astimezone(zone).isoformat(),
                "isAllDay": start.is_all_day,
                "originStart": item.origin,
                "location": item.details.location,
            }
        )
    return shown


_CALENDAR: Final = "/v1.0/calendar/users/{u}/calendars/{c}"

OPERATIONS: Final = (
    Operation(
        name="ListEvents",
        method="GET",
        pattern=_CALENDAR + "/events",
        handler=_list,
        scope=EVENTS_SCOPE_READ,
    ),
    Operation(
        name="ListEventsView",
        method="GET",
        pattern=_CALENDAR + "/eventsview",
        handler=_view,
        scope=EVENTS_SCOPE_READ,
    ),
    Operation(
        name="ListEventsViewByMe",
        method="GET",
        pattern="/v1.0/calendar/me/calendars/{c}/eventsview",
        handler=_view,
        scope=EVENTS_SCOPE_READ,
        caller="user",
        is_documented=False,
    ),
    Operation(
        name="ListInstances",
        method="GET",
        pattern=_CALENDAR + "/events/{e}/instances",
        handler=_series,
        scope=EVENTS_SCOPE_READ,
        is_documented=False,
    ),
    Operation(
        name="ListEventsInstances",
        method="GET",
        pattern=_CALENDAR + "/instances",
        handler=_instances,
        scope=EVENTS_SCOPE_READ,
        is_documented=False,
    ),
)

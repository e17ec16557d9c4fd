"""DingTalk behind the contract of :mod:`bridge.providers.base`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn

from bridge.clock import utc_from_ms
from bridge.errors import Missing, NotAllowed, Refused, Unauthorised
from bridge.providers.base import Busy, UpstreamCalendar
from bridge.providers.dingtalk.client import SCHEDULE_USERS_MAX, Client
from bridge.providers.dingtalk.directory import Directory
from bridge.providers.dingtalk.door import Door
from bridge.providers.dingtalk.gateway import Gateway
from bridge.providers.dingtalk.mapper import DingTalkMapper
from bridge.providers.dingtalk.nearest import nearest
from bridge.providers.dingtalk.own import OwnWrites
from bridge.providers.dingtalk.pulling import MAIN_CALENDAR, Pull
from bridge.providers.dingtalk.push import Callbacks
from bridge.providers.dingtalk.reading import Reader
from bridge.providers.dingtalk.schema import is_cancelled, part, rows, text
from bridge.providers.dingtalk.settling import Settler
from bridge.providers.dingtalk.times import instant_of, is_all_day, moment_of, stamp
from bridge.providers.dingtalk.writing import Writer, item_of
from bridge.providers.limiter import Lane, Priority

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.config import DingTalkSource
    from bridge.model.upstream import Applied, NotApplied, Operation, Target, Upstream
    from bridge.providers.base import ChangePage, DirectoryEntry, Json, Known, Pace, Window
    from bridge.providers.runtime import Runtime

WRITE_PATIENCE_S: Final = 10.0
LOOK_PATIENCE_S: Final = 10.0
BACKGROUND_PATIENCE_S: Final = 60.0
"""How long a call of each class may wait for its turn (seconds)."""

READABLE: Final = frozenset({"reader", "writer", "owner", "view_detail"})
"""Privileges that show whole events; ``VIEW_DETAIL`` stands in a sample only (reference 2.2)."""

WRITABLE: Final = frozenset({"writer", "owner"})

CALENDARS_MAX: Final = 500
"""Calendars of one person that are shown; 500 people may share theirs (reference 2.3)."""

MAIN_NAME: Final = "钉钉"
"""Name of the main calendar where DingTalk tells none."""

SHARED_READ_ONLY: Final = "it belongs to somebody else, who lets you read it"


def build(source: DingTalkSource, runtime: Runtime) -> DingTalkProvider:
    """Return the provider of one configured source; nothing is sent yet."""
    return DingTalkProvider(source, runtime)


class DingTalkProvider:
    """Implements :class:`bridge.providers.base.Provider`. Thread-safe."""

    def __init__(self, source: DingTalkSource, runtime: Runtime) -> None:
        """Prepare; nothing is sent. Raises ValueError for a base URL, time zone or key that is none."""
        self.source_id = source.id
        self.mapper = DingTalkMapper(source.default_timezone)
        self.client = Client(source, runtime)
        self._clock = runtime.clock
        self._notify = source.notify
        self._directory = Directory(self.client, runtime.clock)
        self._door = Door(source)
        self._monthly_calls = source.monthly_calls
        self._own = OwnWrites()
        self._zone = self.mapper.default_zone
        self.gateway = Gateway(source, runtime)
        """Opens Stream connections."""
        self.callbacks: Callbacks | None = None
        """Reads HTTP pushes, where the source has a callback key."""
        if source.callback_aes_key:
            self.callbacks = Callbacks(
                token=source.callback_token,
                aes_key=source.callback_aes_key,
                owner_keys=(source.client_id, source.corp_id),
            )

    def sign_in_address(self, redirect: str, state: str, *, inside: bool) -> str:
        """Return the sign-in page; it is the same inside the app."""
        _ = inside
        return self._door.address(redirect, state)

    def signed_in(self, code: str) -> str:
        """Return the unionId of who signed in."""
        return self._door.who(self.client, code)

    def budget(self) -> tuple[int, int] | None:
        """Return (calls used this month, calls of the month)."""
        return self.client.budget.used(), self._monthly_calls

    def pace(self) -> Pace:
        """Return how fast the month's calls may be spent now."""
        return self.client.budget.pace()

    def keep_token(self) -> None:
        """Renew the access token if it is about to end."""
        self.client.tokens.current()

    def token_ends_ms(self) -> int | None:
        """Return when the access token ends (milliseconds UTC)."""
        return self.client.tokens.ends_ms()

    def check(self) -> None:
        """Fetch a token and ask for the app's scope: two calls that are not billed."""
        self.client.tokens.current()
        with suppress(Missing, Refused):
            # A gateway without the old API is odd, but calendars work without it.
            self.client.scopes(_look("check"))

    # ---- people ------------------------------------------------------------------------------------------

    def resolve_user(self, vendor_id: str) -> DirectoryEntry:
        """Return the person behind a unionId or userid; see :meth:`Directory.resolve`."""
        return self._directory.resolve(vendor_id)

    def members(self) -> list[DirectoryEntry]:
        """Return everybody whom the app may see; see :meth:`Directory.members`."""
        return self._directory.members()

    def lookup(self, addresses: Sequence[str]) -> Mapping[str, DirectoryEntry | None]:
        """Find people by address; see :meth:`Directory.lookup`."""
        return self._directory.lookup(addresses)

    def people(self, ids: Sequence[str]) -> Mapping[str, DirectoryEntry]:
        """Return what the directory tells about unionIds."""
        return self._directory.people(ids)

    def free_busy(
        self, target: Target, user_ids: Sequence[str], window: Window
    ) -> Mapping[str, Sequence[Busy]]:
        """Return busy spans. One call per 20 people; those who may not be asked about are missing."""
        found: dict[str, Sequence[Busy]] = {}
        start, end = stamp(window.start), stamp(window.end)
        for begin in range(0, len(user_ids), SCHEDULE_USERS_MAX):
            asked = user_ids[begin : begin + SCHEDULE_USERS_MAX]
            answer = self.client.query_schedule(
                _look(target.user_id), target.user_id, asked, start=start, end=end
            )
            for row in rows(answer, "scheduleInformation"):
                if text(row, "userId") and not text(row, "error"):
                    found[text(row, "userId")] = self._spans(row)
        return found

    def _spans(self, row: Json) -> list[Busy]:
        """Return the busy spans of one person; an empty schedule may hold one row of nulls."""
        spans = []
        for item in rows(row, "scheduleItems"):
            status = text(item, "status").upper()
            start_part, end_part = part(item, "start"), part(item, "end")
            all_day = is_all_day(item)
            start = moment_of(start_part, all_day=all_day, default_zone=self._zone)
            end = moment_of(end_part, all_day=all_day, default_zone=self._zone)
            if status in {"BUSY", "TENTATIVE"} and start is not None and end is not None:
                spans.append(
                    Busy(start=instant_of(start), end=instant_of(end), tentative=status == "TENTATIVE")
                )
        return sorted(spans, key=lambda span: (span.start, span.end))

    # ---- calendars ---------------------------------------------------------------------------------------

    def calendars(self, user_id: str, known_ids: Sequence[str]) -> list[UpstreamCalendar]:
        """Return the main calendar, always as ``primary``, and shared ones that may be read. One call."""
        del known_ids
        try:
            answer = self.client.list_calendars(_look(user_id), user_id)
        except Refused:
            answer = {}
        except Unauthorised as error:
            if error.cause != "permission":
                raise
            answer = {}
        listed = rows(part(answer, "response") or answer, "calendars")[:CALENDARS_MAX]
        main = UpstreamCalendar(id=MAIN_CALENDAR, name=MAIN_NAME)
        shared: dict[str, UpstreamCalendar] = {}
        for row in listed:
            calendar_id, kind = text(row, "id"), text(row, "type").lower()
            if kind == "primary" or calendar_id == MAIN_CALENDAR:
                main = UpstreamCalendar(id=MAIN_CALENDAR, name=text(row, "summary") or MAIN_NAME)
            elif calendar_id and kind == "shared":
                _add_shared(shared, row)
        return [main, *shared.values()]

    def make_calendar(self, user_id: str, name: str, color: str, members: Sequence[str]) -> UpstreamCalendar:
        """Refuse: there is no such call (reference 2.1)."""
        del user_id, name, color, members
        _no_such_call("make calendars")

    def edit_calendar(self, calendar_id: str, *, name: str | None, color: str | None) -> UpstreamCalendar:
        """Refuse: there is no such call."""
        del calendar_id, name, color
        _no_such_call("rename or colour calendars")

    def remove_calendar(self, calendar_id: str) -> None:
        """Refuse: there is no such call."""
        del calendar_id
        _no_such_call("delete calendars")

    # ---- events ------------------------------------------------------------------------------------------

    def changes(
        self,
        target: Target,
        *,
        cursor: str,
        page: str,
        window: Window,
        known: Known,
        deep: bool,
        first: bool = False,
    ) -> ChangePage:
        """Return everything that changed as one page; :meth:`Pull.run` counts the calls.

        With ``first`` the single events of these weeks come a page before it, for one more call.

        Items of a series with ``series_id`` and ``origin``: exceptions, occurrences at times that the rule does
        not name, and removed ones (cancelled; where the vendor names them no more, their id is
        ``<series>#<original start in ms>``). Plain occurrences are not items.
        """
        reader = self._reader(target, Priority.BACKGROUND, BACKGROUND_PATIENCE_S)
        if first and not (cursor or page or known.ids):
            return nearest(reader, window, utc_from_ms(self._clock.now_ms()))
        pull = Pull(
            reader,
            self._own,
            self._zone,
            calendar_id=target.calendar_id,
            window=window,
            known=known,
            deep=deep,
        )
        return pull.run(cursor)

    def fetch(self, target: Target, ids: Sequence[str]) -> Mapping[str, Upstream | None]:
        """Ask for events one by one: one call each, see :func:`item_of` for occurrences."""
        reader = self._reader(target, Priority.LOOK, LOOK_PATIENCE_S)
        found: dict[str, Upstream | None] = {}
        for event_id in dict.fromkeys(ids):
            got = reader.get(event_id)
            if got is None:
                found[event_id] = None
            elif is_cancelled(got) and not part(got, "start"):
                found[event_id] = item_of({**got, "id": event_id}, reader, self._own, self._zone)
            else:
                complete = reader.with_all_attendees(got)
                found[event_id] = item_of(complete, reader, self._own, self._zone)
        return found

    def apply(self, target: Target, operation: Operation, token: str) -> Applied:
        """Carry out one operation with ``token`` as ``x-client-token``; :class:`Writer` counts the calls.

        A removed occurrence is returned as a cancelled item with the id that pulls give it.
        """
        lane = Lane(priority=Priority.WRITE, patience_s=WRITE_PATIENCE_S, who=target.user_id)
        writer = Writer(self.client, target, lane, self._own, self._zone, notify=self._notify)
        return writer.apply(operation, token)

    def settle(self, target: Target, operation: Operation, token: str, known: Known) -> Applied | NotApplied:
        """Ask what became of an operation; :class:`Settler` counts the calls."""
        del token
        reader = self._reader(target, Priority.WRITE, WRITE_PATIENCE_S)
        return Settler(reader, target, self._own, self._zone).settle(operation, known)

    def end_waits(self) -> None:
        """Let no call wait for its turn any more."""
        self.client.end_waits()

    def close(self) -> None:
        """Let go of connections."""
        self.gateway.close()
        self.client.close()

    def _reader(self, target: Target, priority: Priority, patience_s: float) -> Reader:
        return Reader(self.client, target, Lane(priority=priority, patience_s=patience_s, who=target.user_id))


def _look(who: str) -> Lane:
    """Return the lane of what a person or the administrator is looking at."""
    return Lane(priority=Priority.LOOK, patience_s=LOOK_PATIENCE_S, who=who)


def _add_shared(shared: dict[str, UpstreamCalendar], row: Json) -> None:
    """Take somebody else's calendar if whole events may be read in it."""
    privilege = text(row, "privilege").lower()
    if privilege not in READABLE:
        return
    calendar_id, writable = text(row, "id"), privilege in WRITABLE
    shared[calendar_id] = UpstreamCalendar(
        id=calendar_id,
        name=text(row, "summary") or calendar_id,
        writable=writable,
        reason="" if writable else SHARED_READ_ONLY,
    )


def _no_such_call(what: str) -> NoReturn:
    """Refuse what DingTalk has no call for."""
    msg = f"DingTalk lets no app {what}; use DingTalk itself"
    raise NotAllowed(msg)

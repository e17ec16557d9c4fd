"""WeCom behind the contract of :mod:`bridge.providers.base`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from bridge.errors import Missing, NotAllowed, Refused
from bridge.providers.http import Transport
from bridge.providers.limiter import Lane, Limiter, Priority, Rate
from bridge.providers.wecom import calendars
from bridge.providers.wecom.auth import keeper
from bridge.providers.wecom.client import Client
from bridge.providers.wecom.codes import judge
from bridge.providers.wecom.directory import Directory
from bridge.providers.wecom.door import Door
from bridge.providers.wecom.legacy import Organizer
from bridge.providers.wecom.mapper import WeComMapper
from bridge.providers.wecom.push import Callbacks
from bridge.providers.wecom.reading import Sweeper, fetch_all, upstream
from bridge.providers.wecom.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.config import WeComSource
    from bridge.model.upstream import Applied, NotApplied, Operation, Target, Upstream
    from bridge.providers.base import (
        Busy,
        ChangePage,
        DirectoryEntry,
        Known,
        Mapper,
        Pace,
        UpstreamCalendar,
        Window,
    )
    from bridge.providers.runtime import Runtime

WRITE_PATIENCE_S: Final = 20.0
LOOK_PATIENCE_S: Final = 10.0
BACKGROUND_PATIENCE_S: Final = 60.0
"""How long a call waits for its turn (seconds): an edit is carried on by the loop, a poll comes again."""

BURST_S: Final = 6.0
"""A bucket holds the calls of so many seconds: a burst is spread, a single edit never waits."""

SHORT_WAIT_S: Final = 5.0
"""Too many calls at once (45033) pass in a moment; that is waited for in the call (seconds)."""

PROBE_CALENDAR: Final = "wcqueqiaocheck00000000000000000"
"""An id that no calendar has; asking for it shows whether token, address and permission are in order."""


def build(source: WeComSource, runtime: Runtime) -> WeComProvider:
    """Return the provider of one configured source; nothing is sent yet."""
    return WeComProvider(source, runtime)


class WeComProvider:
    """Implements :class:`bridge.providers.base.Provider`. Thread-safe."""

    def __init__(self, source: WeComSource, runtime: Runtime) -> None:
        self.source_id = source.id
        zone = ZoneInfo(source.default_timezone)
        mapper = WeComMapper(zone)
        self.mapper: Mapper = mapper
        per_s = source.calls_per_minute / 60
        self._clock = runtime.clock
        self._limiter = Limiter(
            runtime.clock,
            concurrency=source.concurrency,
            rate=Rate(per_s=per_s, burst=max(1.0, per_s * BURST_S)),
            creations_per_day=source.creations_per_day,
            tallies=runtime.tallies,
            name=source.id,
        )
        self._transport = Transport(
            source_id=source.id,
            base_url=source.base_url,
            runtime=runtime,
            limiter=self._limiter,
            judge=judge,
            timeout_s=source.timeout_s,
            connections_max=source.concurrency,
            short_wait_s=SHORT_WAIT_S,
        )
        self._tokens = keeper(
            runtime, self._transport, source_id=source.id, corp_id=source.corp_id, secret=source.secret
        )
        self._client = Client(self._transport, self._tokens, Lane(patience_s=LOOK_PATIENCE_S))
        self._editing = self._client.in_lane(Lane(priority=Priority.WRITE, patience_s=WRITE_PATIENCE_S))
        self._directory = Directory(
            runtime.clock, own_domain=source.mail_domain or f"{source.id}.queqiao.invalid"
        )
        self._door = Door(source)
        self._organizer = Organizer(source.legacy_organizer)
        self._sweeper = Sweeper()
        self._writer = Writer(
            mapper=mapper,
            limiter=self._limiter,
            clock=runtime.clock,
            organizer=self._organizer,
        )
        self.callbacks: Callbacks | None = None
        """Reads what WeCom posts to ``/hook/SOURCE``; None unless token and key are configured."""
        if source.callback_token and source.callback_aes_key:
            self.callbacks = Callbacks(
                token=source.callback_token, aes_key=source.callback_aes_key, receive_id=source.corp_id
            )

    def _writing(self, target: Target) -> Client:
        return self._client.in_lane(
            Lane(priority=Priority.WRITE, patience_s=WRITE_PATIENCE_S, who=target.user_id)
        )

    def _looking(self, target: Target) -> Client:
        return self._client.in_lane(
            Lane(priority=Priority.LOOK, patience_s=LOOK_PATIENCE_S, who=target.user_id)
        )

    def _polling(self, target: Target) -> Client:
        return self._client.in_lane(
            Lane(priority=Priority.BACKGROUND, patience_s=BACKGROUND_PATIENCE_S, who=target.user_id)
        )

    # ---- the source ----

    def sign_in_address(self, redirect: str, state: str, *, inside: bool) -> str:
        """Return the page to scan, or the silent one inside the app."""
        return self._door.address(redirect, state, inside=inside)

    def signed_in(self, code: str) -> str:
        """Return the userid of who signed in; "" for an outsider."""
        return self._door.who(self._client, code)

    def budget(self) -> tuple[int, int] | None:
        """Return None: WeCom bills no calls."""
        return None

    def pace(self) -> Pace | None:
        """Return None: calls cost nothing."""
        return None

    def keep_token(self) -> None:
        """Renew the access token if it is about to end."""
        self._tokens.current()

    def token_ends_ms(self) -> int | None:
        """Return when the access token ends (milliseconds UTC)."""
        return self._tokens.ends_ms()

    def check(self) -> None:
        """Ask for a token and for a calendar that does not exist; raises what is wrong."""
        with contextlib.suppress(Refused):
            self._client.calendar_get([PROBE_CALENDAR])

    def end_waits(self) -> None:
        """Let no call wait for its turn any more."""
        self._transport.end_waits()

    def close(self) -> None:
        """Let go of connections."""
        self._transport.close()

    # ---- people ----

    def resolve_user(self, vendor_id: str) -> DirectoryEntry:
        """Return the person behind a userid or address that an administrator typed."""
        return self._directory.resolve(self._client, vendor_id)

    def members(self) -> list[DirectoryEntry]:
        """Return everybody whom the app may see."""
        return self._directory.members(self._client)

    def lookup(self, addresses: Sequence[str]) -> Mapping[str, DirectoryEntry | None]:
        """Find people by bare, lower-case e-mail address; None: certainly not in the directory."""
        return self._directory.lookup(self._client, addresses)

    def people(self, ids: Sequence[str]) -> Mapping[str, DirectoryEntry]:
        """Return what the directory tells about userids; unknown ones are missing."""
        return self._directory.people(self._client, ids)

    def free_busy(
        self, target: Target, user_ids: Sequence[str], window: Window
    ) -> Mapping[str, Sequence[Busy]]:
        """Raise NotAllowed: WeCom's server API has no free-busy (reference 14.4)."""
        msg = "WeCom does not tell servers when people are busy"
        raise NotAllowed(msg)

    # ---- calendars ----

    def calendars(self, user_id: str, known_ids: Sequence[str]) -> list[UpstreamCalendar]:
        """Return those of ``known_ids`` that the person may see; WeCom lists none by itself."""
        found = calendars.read(self._client, known_ids)
        views = (calendars.view(found[cal_id], user_id) for cal_id in known_ids if cal_id in found)
        return [seen for seen in views if seen is not None]

    def make_calendar(self, user_id: str, name: str, color: str, members: Sequence[str]) -> UpstreamCalendar:
        """Make a calendar; all members see it, the first three may edit it in WeCom."""
        return calendars.make(self._editing, self._organizer, user_id, name, color, members)

    def edit_calendar(self, calendar_id: str, *, name: str | None, color: str | None) -> UpstreamCalendar:
        """Change name or colour; members, administrators and description stay."""
        return calendars.edit(self._editing, self._organizer, calendar_id, name=name, color=color)

    def remove_calendar(self, calendar_id: str) -> None:
        """Delete a calendar with all that is in it; one that is gone already counts as deleted."""
        with contextlib.suppress(Missing):
            self._editing.calendar_del(calendar_id)

    # ---- schedules ----

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
        """Return the next page of a sweep, see :meth:`Sweeper.step`: WeCom has no change feed."""
        return self._sweeper.step(
            self._polling(target),
            target.calendar_id,
            page=page,
            window=window,
            known=known,
            deep=deep,
            near_s=self._clock.now_ms() / 1000 if first and not cursor else None,
        )

    def fetch(self, target: Target, ids: Sequence[str]) -> Mapping[str, Upstream | None]:
        """Ask for schedules; None: there is no such thing. One that WeCom does not show to the app is missing."""
        found = fetch_all(self._looking(target), ids)
        return {key: None if snapshot is None else upstream(key, snapshot) for key, snapshot in found.items()}

    def apply(self, target: Target, operation: Operation, token: str) -> Applied:
        """Carry out one operation. WeCom has no idempotency key, so ``token`` is not sent."""
        return self._writer.apply(self._writing(target), target, operation)

    def settle(self, target: Target, operation: Operation, token: str, known: Known) -> Applied | NotApplied:
        """Find out what became of an operation without an answer."""
        return self._writer.settle(self._writing(target), target, operation, known)

"""People and their calendars at a vendor: find who is meant, find or make calendars, show them as collections."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

from bridge.engine.pacing import is_billed
from bridge.errors import BridgeError, Missing, NotAllowed, OutcomeUnknown, Throttled, Unauthorised
from bridge.log import fields
from bridge.plan.intent import backoff_s
from bridge.store import calendars, people, shared

if TYPE_CHECKING:
    import sqlalchemy as sa

    from bridge.engine.context import Engine
    from bridge.providers.base import Provider, UpstreamCalendar
    from bridge.store.rows import LinkRow, PrincipalRow

log = logging.getLogger(__name__)

LEASE_MS: Final = 120_000
MAKE_ATTEMPTS_MAX: Final = 2
"""A calendar whose creation got no answer is made once more, then a person has to look: WeCom lists none."""
RECHECK_MS: Final = 24 * 3_600_000
"""How often a connected link's calendars are looked up again (milliseconds)."""
WORKS_MS: Final = 2 * RECHECK_MS
"""Where calls are billed, a link is not looked at as long as one of its calendars was read so lately: it works ..."""
LIST_AGAIN_MS: Final = 7 * RECHECK_MS
"""... but for what this finds besides: calendars that somebody shares by now."""
COLOR: Final = "#3F7FBF"
_NOT_SLUG: Final = re.compile(r"[^a-z0-9]+")


def connect(engine: Engine, link: LinkRow) -> str:
    """Bring one link to ``connected``; returns its state. Never raises for a vendor's sake."""
    name = f"link:{link.id}"
    with engine.store.write() as c:
        if not shared.take_lease(c, name, owner=engine.node, length_ms=LEASE_MS):
            return link.state
        current = next((x for x in people.links(c, link.principal_id) if x.id == link.id), None)
    try:
        if current != link:
            return current.state if current is not None else link.state  # another node did it meanwhile
        return _connect(engine, link)
    except BridgeError as error:
        return _failed(engine, link, error)
    finally:
        with engine.store.write() as c:
            shared.release_lease(c, name, owner=engine.node)


def _connect(engine: Engine, link: LinkRow) -> str:
    provider = engine.provider(link.source_id)
    upstream_id = link.upstream_id or provider.resolve_user(link.vendor_id).id
    now_ms = engine.clock.now_ms()
    with engine.store.write() as c:
        principal = _principal(c, link.principal_id)
        people.set_link(c, link, upstream_id=upstream_id)
        known = _known_ids(c, engine, link)
    if principal is None:
        msg = "the user is not there any more"
        raise Missing(msg)
    found = provider.calendars(upstream_id, known)
    if not found and provider.mapper.limits.can_make_calendars:
        found = [_make(engine, provider, link, principal, upstream_id)]
    with engine.store.write() as c:
        for calendar in found:
            show(c, engine, link.source_id, principal, calendar, upstream_id, now_ms=now_ms)
        people.set_link(
            c,
            link,
            upstream_id=upstream_id,
            state="connected",
            reason="",
            cause="",
            retry_at_ms=0,
            checked_ms=now_ms,
        )
    log.info("link.connected", extra=fields(link=link.id, count=len(found)))
    return "connected"


def _principal(c: sa.Connection, principal_id: int) -> PrincipalRow | None:
    return next((p for p in people.all_principals(c) if p.id == principal_id), None)


def _known_ids(c: sa.Connection, engine: Engine, link: LinkRow) -> list[str]:
    """Return the calendars of the source: WeCom tells nobody's calendars, so all known ones are asked about."""
    configured = getattr(engine.sources.get(link.source_id), "calendars", ())
    return list(
        dict.fromkeys([*(row.upstream_id for row in calendars.of_source(c, link.source_id)), *configured])
    )


def _make(
    engine: Engine, provider: Provider, link: LinkRow, principal: PrincipalRow, upstream_id: str
) -> UpstreamCalendar:
    """Make a person's first calendar. The attempt is counted before it leaves: a lost answer is not repeated for ever."""
    if link.calendar_attempts >= MAKE_ATTEMPTS_MAX:
        msg = (
            "making a calendar got no answer twice, and the vendor has no list to look it up in; "
            "run `queqiao calendar create` for this user"
        )
        raise NotAllowed(msg)
    with engine.store.write() as c:
        people.set_link(c, link, upstream_id=upstream_id, calendar_attempts=link.calendar_attempts + 1)
    try:
        return provider.make_calendar(upstream_id, principal.name, COLOR, [upstream_id])
    except OutcomeUnknown:
        raise
    except BridgeError:
        with engine.store.write() as c:  # nothing was made: the attempt does not count
            people.set_link(c, link, upstream_id=upstream_id, calendar_attempts=link.calendar_attempts)
        raise


def show(
    c: sa.Connection,
    engine: Engine,
    source_id: str,
    principal: PrincipalRow,
    calendar: UpstreamCalendar,
    upstream_id: str,
    *,
    now_ms: int,
    slug: str = "",
) -> int:
    """Show an upstream calendar as a collection of one person; returns the collection."""
    limits = engine.provider(source_id).mapper.limits
    account = "" if limits.calendar_ids_global else upstream_id
    calendar_id = calendars.upsert(
        c,
        source_id=source_id,
        account=account,
        upstream_id=calendar.id,
        name=calendar.name,
        color=calendar.color,
    )
    mine = next(
        (x for x in calendars.collections_of_user(c, principal.name) if x.calendar_id == calendar_id), None
    )
    return calendars.add_collection(
        c,
        principal_id=principal.id,
        calendar_id=calendar_id,
        slug=mine.slug if mine is not None else slug or free_slug(c, principal.name, source_id, calendar),
        writable=calendar.writable,
        reason=calendar.reason,
        now_ms=now_ms,
    )


def free_slug(c: sa.Connection, user: str, source_id: str, calendar: UpstreamCalendar) -> str:
    """Mint the URL segment of a calendar: ``<source>-<name>`` where the name has Latin letters, else its id."""
    word = _NOT_SLUG.sub("-", calendar.name.lower()).strip("-")[:40]
    if calendar.id == "primary":
        word = "primary"
    word = word or _NOT_SLUG.sub("-", calendar.id.lower()).strip("-")[-12:] or "calendar"
    taken = {x.slug for x in calendars.collections_of_user(c, user)}
    slug = f"{source_id}-{word}"
    number = 2
    while slug in taken:
        slug = f"{source_id}-{word}-{number}"
        number += 1
    return slug


def _failed(engine: Engine, link: LinkRow, error: BridgeError) -> str:
    state, retry_s, cause = "delayed", 0.0, ""
    if isinstance(error, Unauthorised):
        state, retry_s, cause = "unauthorised", 60.0, error.cause
    elif isinstance(error, Throttled):
        state, retry_s = "throttled", error.retry_after_s
    elif isinstance(error, Missing):
        state, retry_s, cause = "unauthorised", 300.0, "id"
    elif isinstance(error, NotAllowed):
        state, retry_s = "unauthorised", 300.0
    now_ms = engine.clock.now_ms()
    with engine.store.write() as c:
        row = next((x for x in people.links(c, link.principal_id) if x.id == link.id), None)
        if row is not None:
            # A link that works keeps working: its calendars are only looked up again later.
            kept = row.state == "connected"
            wait_ms = int(max(backoff_s(3, retry_after_s=retry_s), retry_s) * 1000)
            people.set_link(
                c,
                row,
                state="connected" if kept else state,
                reason=str(error),
                cause=cause,
                retry_at_ms=now_ms + wait_ms,
                checked_ms=now_ms if kept else row.checked_ms,
            )
    log.warning("link.failed", extra=fields(link=link.id, error=type(error).__name__, code=error.code))
    return state


def tick(engine: Engine, *, count: int = 20) -> int:
    """Connect links that wait, and look again at those not looked at for a day."""
    now_ms = engine.clock.now_ms()
    with engine.store.read() as c:
        due = people.links_due(c, now_ms=now_ms, count=count)
        for billed in (False, True):
            sources = [x for x in engine.sources if is_billed(engine, x) is billed]
            before_ms = now_ms - RECHECK_MS
            due += people.links_stale(
                c,
                sources,
                before_ms=before_ms,
                works_ms=now_ms - WORKS_MS,
                anyway_ms=now_ms - LIST_AGAIN_MS if billed else before_ms,
                count=count,
            )
    for link in due:
        connect(engine, link)
    return len(due)

"""The facade that plugin and web call (``api.Service``): reads from the mirror, writes through the journal."""

from __future__ import annotations

import contextlib
import json
import logging
from typing import TYPE_CHECKING, Final

from bridge.engine import feeds, person_props, timeindex
from bridge.engine import links as engine_links
from bridge.engine.api import (
    ALL_CALENDARS,
    FOREVER_MS,
    Attendance,
    BusyTime,
    CollectionView,
    FeedView,
    Login,
    ObjectView,
    PersonView,
    PutResult,
    SyncTokenInvalid,
)
from bridge.engine.custody.restore import number_of
from bridge.engine.freebusy import MAIN, FreeBusy
from bridge.engine.pacing import LOOKED_LATELY_MS
from bridge.engine.secrets import keyed_hash, normal
from bridge.engine.texts import served, view
from bridge.engine.visible import visible_people
from bridge.engine.write import Writer
from bridge.errors import BadInput, BridgeError, Missing, NotAllowed, OutcomeUnknown, Refused
from bridge.log import fields
from bridge.model.people import Roster
from bridge.store import calendars, objects, people, shared

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bridge.engine.carry import Carrier
    from bridge.engine.context import Engine
    from bridge.store.rows import CollectionRow

log = logging.getLogger(__name__)

NAME_PROP: Final = "D:displayname"
COLOR_PROP: Final = "ICAL:calendar-color"
COMPONENTS_PROP: Final = "C:supported-calendar-component-set"
USED_STEP_MS: Final = 60_000
"""How exactly the last use of a password and the last look of a user are noted."""
LOOKED_MAX: Final = 10_000
"""Users whose last look is remembered in this process, so that most requests need not ask the database."""
PROPS_BYTES_MAX: Final = 64_000
"""Everything that clients may set on one collection, in bytes of JSON."""
SUMMARY_CHARS_MAX: Final = 128
"""Length of a calendar's name at WeCom (reference 4.1)."""


class Service:
    """Implements ``api.Service``."""

    def __init__(self, engine: Engine, carrier: Carrier) -> None:
        self._engine = engine
        self._store = engine.store
        self._writer = Writer(engine, carrier)
        self._looked: dict[str, int] = {}
        """User -> when this process last asked whether the look has to be noted."""
        self._free_busy = FreeBusy(engine, self._view)

    # ---- who

    def login(self, user: str, password: str, *, device_hint: str = "") -> Login | None:
        """Check an app password by its keyed hash; an index look-up takes the same time for every guess."""
        _ = device_hint
        hashed = keyed_hash(self._engine.pepper, "password", normal(password))
        now_ms = self._engine.clock.now_ms()
        with self._store.read() as c:
            row = people.check_password(c, hashed)
        if (
            row is None
            or row["user"] != user
            or (row["expires_ms"] is not None and row["expires_ms"] <= now_ms)
        ):
            return None
        if now_ms - row["last_used_ms"] > USED_STEP_MS:
            with self._store.write() as c:
                people.password_used(c, row["id"], now_ms)
        return Login(user=user, device=row["label"], read_only=bool(row["read_only"]))

    def has_user(self, user: str) -> bool:
        """Return whether there is such a principal."""
        with self._store.read() as c:
            return people.by_name(c, user) is not None

    def addresses(self, user: str) -> Sequence[str]:
        """Return ``mailto:`` addresses by which a user is known, the best one first."""
        with self._store.read() as c:
            principal = people.by_name(c, user)
            if principal is None:
                return []
            found = [f"mailto:{principal.email}"] if principal.email else []
            for link in people.links(c, principal.id):
                if link.upstream_id:
                    known = shared.person(c, link.source_id, link.upstream_id)
                    nobody = Roster(domain=self._engine.mail_domain(link.source_id)).person_of(
                        link.upstream_id
                    )
                    found.append(known[1] if known is not None and known[1] else nobody.address)
        return list(dict.fromkeys(found))

    def visible_people(self, user: str) -> Sequence[PersonView]:
        """Return whom a user may find."""
        with self._store.read() as c:
            return visible_people(c, user)

    def attendance(
        self, user: str, addresses: Sequence[str], start_ms: int, end_ms: int
    ) -> Sequence[Attendance]:
        """Return what is known of the time of people."""
        return self._free_busy.ask(user, self.addresses(user), addresses, start_ms, end_ms)

    def person_props(self, user: str, place: str) -> Mapping[str, str]:
        """Return what a user's clients set on ``home`` or ``inbox``."""
        with self._store.read() as c:
            return person_props.get(c, user, place)

    def set_person_props(
        self, user: str, place: str, changes: Mapping[str, str | None], login: Login
    ) -> None:
        """PROPPATCH on ``home`` or ``inbox``."""
        with self._store.write() as c:
            person_props.change(c, user, place, changes, login)

    def touch(self, user: str) -> None:
        """Note that a client of this user is looking."""
        now_ms = self._engine.clock.now_ms()
        if 0 <= now_ms - self._looked.get(user, -USED_STEP_MS) < USED_STEP_MS:
            return
        with self._store.read() as c:
            row = people.by_name(c, user)
        if row is not None:
            if len(self._looked) >= LOOKED_MAX:
                self._looked.clear()
            self._looked[user] = now_ms
        if row is not None and now_ms - row.looked_ms > USED_STEP_MS:
            with self._store.write() as c:
                people.looked(c, user, now_ms=now_ms, older_ms=now_ms - USED_STEP_MS)
                if row.looked_ms and now_ms - row.looked_ms > LOOKED_LATELY_MS:
                    calendars.pull_soon(c, user, now_ms=now_ms)  # it was polled seldom until now

    # ---- calendars

    def collections(self, user: str) -> Sequence[CollectionView]:
        """Return a user's calendars."""
        with self._store.read() as c:
            return [self._view(row) for row in calendars.collections_of_user(c, user)]

    def collection(self, user: str, slug: str) -> CollectionView | None:
        """Return one calendar."""
        with self._store.read() as c:
            row = calendars.collection_by_slug(c, user, slug)
        return None if row is None else self._view(row)

    def _view(self, row: CollectionRow) -> CollectionView:
        props: dict[str, str] = {NAME_PROP: row.calendar_name or row.slug}
        if row.calendar_color:
            props[COLOR_PROP] = row.calendar_color
        props.update(json.loads(row.props))
        provider = self._engine.providers.get(row.source_id)
        limits = None if provider is None else provider.mapper.limits
        return CollectionView(
            id=row.id,
            user=row.user,
            slug=row.slug,
            source_id=row.source_id,
            writable=bool(row.writable),
            reason=row.reason,
            props=props,
            change_seq=row.change_seq,
            epoch=self._engine.epoch,
            modified_ms=row.modified_ms,
            timezone=self._engine.default_zone(row.source_id),
            attendees_max=0 if limits is None else limits.attendees_max,
            is_own_time=limits is None or limits.calendar_ids_global or row.upstream_calendar_id == MAIN,
        )

    # ---- objects

    def get(self, collection_id: int, href: str) -> ObjectView | None:
        """Return one object."""
        with self._store.read() as c:
            row = objects.by_href(c, collection_id, href)
        return None if row is None or row.deleted else view(row)

    def get_many(self, collection_id: int, hrefs: Sequence[str]) -> Mapping[str, ObjectView]:
        """Return those that exist."""
        with self._store.read() as c:
            return {
                row[0]: served(row) for row in objects.by_hrefs(c, collection_id, list(dict.fromkeys(hrefs)))
            }

    def get_all(self, collection_id: int) -> Sequence[ObjectView]:
        """Return every object."""
        with self._store.read() as c:
            return [view(row) for row in objects.all_objects(c, collection_id)]

    def etags(self, collection_id: int) -> Sequence[tuple[str, str]]:
        """Return (href, unquoted etag) of every object."""
        with self._store.read() as c:
            return objects.etags(c, collection_id)

    def texts(self, collection_id: int) -> Sequence[tuple[str, str]]:
        """Return (href, text) of every object, the oldest first."""
        with self._store.read() as c:
            return objects.texts(c, collection_id)

    def get_between(
        self, collection_id: int, start_ms: int | None, end_ms: int | None, *, texts: bool = True
    ) -> Sequence[ObjectView]:
        """Return objects that may have an occurrence in [start, end)."""
        with self._store.read() as c:
            rows = objects.between(
                c,
                collection_id,
                -FOREVER_MS if start_ms is None else start_ms,
                FOREVER_MS + 1 if end_ms is None else end_ms,
                texts=texts,
            )
        return [served(row) for row in rows]

    def get_occurring(
        self,
        collection_id: int,
        start_ms: int,
        end_ms: int,
        zone: dt.tzinfo | None,
        *,
        texts: bool = True,
    ) -> tuple[Sequence[ObjectView], Sequence[ObjectView]]:
        """Return (objects with an occurrence in [start, end), objects whose text says whether they have one)."""
        with self._store.read() as c:
            return timeindex.occurring(c, collection_id, start_ms, end_ms, zone, texts=texts)

    def get_busy(
        self,
        collection_id: int,
        start_ms: int,
        end_ms: int,
        zone: dt.tzinfo,
        *,
        limit: int,
        but_uid: str = "",
    ) -> tuple[Sequence[BusyTime], Sequence[ObjectView]]:
        """Return (when time is taken in [start, end), objects whose text says so)."""
        with self._store.read() as c:
            return timeindex.busy(c, collection_id, start_ms, end_ms, zone, limit=limit, but_uid=but_uid)

    def href_of_uid(self, collection_id: int, uid: str) -> str | None:
        """Return where a UID lives in the collection."""
        with self._store.read() as c:
            row = objects.by_uid(c, collection_id, uid)
        return None if row is None else row.href

    def changes(self, collection: CollectionView, sync_token: str) -> tuple[Sequence[str], Sequence[str]]:
        """Return (hrefs new or changed, hrefs deleted) after a token and up to the snapshot."""
        after_seq = self._seq_of(collection, sync_token) if sync_token else -1
        with self._store.read() as c:
            row = calendars.collection(c, collection.id)
            if row is None or (sync_token and after_seq < row.floor_seq):
                msg = "the sync token is older than the kept history; start again without one"
                raise SyncTokenInvalid(msg)
            changed, deleted = objects.changed(
                c, collection.id, after_seq=after_seq, upto_seq=collection.change_seq
            )
        return changed, deleted if sync_token else ()

    def _seq_of(self, collection: CollectionView, sync_token: str) -> int:
        prefix = collection.sync_token[: -len(f"{collection.epoch}-{collection.change_seq}")]
        number = (
            number_of(
                sync_token.removeprefix(prefix),
                collection.id,
                collection.epoch,
                collection.change_seq,
                self._engine.epochs_before,
            )
            if sync_token.startswith(prefix)
            else None
        )
        if number is None:
            msg = (
                "the sync token is not one of this calendar's, or younger than the backup it was restored from; "
                "start again without one"
            )
            raise SyncTokenInvalid(msg)
        return number

    def put(
        self,
        collection_id: int,
        href: str,
        body: bytes,
        login: Login,
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> PutResult:
        """Store an object and carry it to the vendor."""
        return self._writer.put(
            collection_id, href, body, login, if_match=if_match, if_none_match=if_none_match
        )

    def delete(self, collection_id: int, href: str, login: Login, *, if_match: str | None = None) -> None:
        """Delete an object here and at the vendor."""
        self._writer.delete(collection_id, href, login, if_match=if_match)

    def move(
        self,
        collection_id: int,
        href: str,
        to_collection_id: int,
        to_href: str,
        login: Login,
        *,
        overwrite: bool,
    ) -> bool:
        """Move an object; returns whether the target was new."""
        return self._writer.move(collection_id, href, to_collection_id, to_href, login, overwrite=overwrite)

    # ---- changing calendars

    def make_calendar(self, user: str, slug: str, props: Mapping[str, str], login: Login) -> CollectionView:
        """MKCALENDAR: the source is the one whose id the name begins with, else the only one that can."""
        if login.user != user or login.read_only:
            msg = "only the owner, with a password that may write, can make calendars here"
            raise NotAllowed(msg, precondition="D:need-privileges")
        with self._store.read() as c:
            principal = people.by_name(c, user)
            linked = {x.source_id: x for x in people.links(c, principal.id)} if principal is not None else {}
            exists = calendars.collection_by_slug(c, user, slug) is not None
        if exists:
            msg = "there already is a calendar of this name"
            raise BadInput(msg, http_status=405, precondition="D:resource-must-be-null")
        able = [
            source_id
            for source_id, link in linked.items()
            if link.upstream_id and self._engine.provider(source_id).mapper.limits.can_make_calendars
        ]
        components = props.get(COMPONENTS_PROP, "")
        if components and "VEVENT" not in components.upper().split(","):
            msg = f"a calendar of {components} cannot be made: both vendors' calendars hold events only"
            raise NotAllowed(msg, precondition="C:supported-calendar-component")
        named = [source_id for source_id in able if slug.startswith(f"{source_id}-")]
        if principal is None or not able:
            msg = "a calendar can be made in WeCom only, and this user is not linked to it; DingTalk has no such call"
            raise NotAllowed(msg, precondition="C:calendar-collection-location-ok")
        if slug == ALL_CALENDARS:
            msg = f"a calendar cannot be named {slug}: this stands for all of them where a feed is made"
            raise NotAllowed(msg, precondition="C:calendar-collection-location-ok")
        refused = [s for s in linked if slug.startswith(f"{s}-") and s not in able]
        if refused:
            msg = f"{refused[0]} has no call to make a calendar; make it in the vendor's app"
            raise NotAllowed(msg, precondition="C:calendar-collection-location-ok")
        link = linked[(named or able)[0]]
        name = (props.get(NAME_PROP) or slug)[:SUMMARY_CHARS_MAX]
        color = _color(props.get(COLOR_PROP, "")) or engine_links.COLOR
        with _said_now("make this calendar"):
            made = self._engine.provider(link.source_id).make_calendar(
                link.upstream_id, name, color, [link.upstream_id]
            )
        with self._store.write() as c:
            collection_id = engine_links.show(
                c,
                self._engine,
                link.source_id,
                principal,
                made,
                link.upstream_id,
                now_ms=self._engine.clock.now_ms(),
                slug=slug,
            )
        own = {k: v for k, v in props.items() if k not in (NAME_PROP, COLOR_PROP, COMPONENTS_PROP, "tag")}
        if own:
            self._keep_props(collection_id, dict(own))
        view_ = self.collection(user, slug)
        if view_ is None:
            msg = "the calendar was made, but is not shown yet; look again"
            raise Missing(msg)
        return view_

    def set_props(self, collection_id: int, changes: Mapping[str, str | None], login: Login) -> None:
        """PROPPATCH: a name or colour goes to the vendor where the calendar may be changed, the rest is kept."""
        with self._store.read() as c:
            row = calendars.collection(c, collection_id)
        if row is None or row.user != login.user:
            msg = "there is no such calendar"
            raise Missing(msg)
        limits = self._engine.provider(row.source_id).mapper.limits
        name, color = changes.get(NAME_PROP), _color(changes.get(COLOR_PROP) or "")
        kept = dict(changes)
        if limits.can_make_calendars and row.writable and not login.read_only and (name or color):
            taken = self._edit_at_vendor(
                row, name=name[:SUMMARY_CHARS_MAX] if name else None, color=color or None
            )
            if taken and name and len(name) <= SUMMARY_CHARS_MAX:
                kept[NAME_PROP] = None
        if kept:
            self._keep_props(collection_id, kept)

    def _edit_at_vendor(self, row: CollectionRow, *, name: str | None, color: str | None) -> bool:
        """Carry a name or colour to the vendor; where that fails it is this user's own all the same."""
        try:
            edited = self._engine.provider(row.source_id).edit_calendar(
                row.upstream_calendar_id, name=name, color=color
            )
        except BridgeError as error:
            log.warning("calendar.not_renamed", extra=fields(calendar=row.id, error=type(error).__name__))
            return False
        with self._store.write() as c:
            calendars.upsert(
                c,
                source_id=row.source_id,
                account=row.account,
                upstream_id=row.upstream_calendar_id,
                name=edited.name or name or row.calendar_name,
                color=edited.color or color or row.calendar_color,
            )
        return True

    def _keep_props(self, collection_id: int, changes: Mapping[str, str | None]) -> None:
        with self._store.write() as c:
            row = calendars.collection(c, collection_id)
            if row is None:
                return
            props: dict[str, str] = json.loads(row.props)
            for key, value in changes.items():
                if value is None:
                    props.pop(key, None)
                elif key != "tag":
                    props[key] = value
            text = json.dumps(props, sort_keys=True, ensure_ascii=False)
            if len(text.encode()) > PROPS_BYTES_MAX:
                msg = f"the properties of one calendar may take {PROPS_BYTES_MAX} bytes at most"
                raise BadInput(msg, http_status=507, precondition="D:quota-not-exceeded")
            if text != row.props:
                calendars.set_props(c, collection_id, text)

    def remove_calendar(self, collection_id: int, login: Login) -> None:
        """DELETE on a calendar: one stale client must not wipe a company's schedule."""
        with self._store.read() as c:
            row = calendars.collection(c, collection_id)
        if row is None or row.user != login.user:
            msg = "there is no such calendar"
            raise Missing(msg)
        source = self._engine.sources.get(row.source_id)
        if not getattr(source, "allow_delete_calendar", False):
            msg = "a whole calendar is not deleted by a client; the administrator can with `queqiao calendar remove`"
            raise NotAllowed(msg, precondition="D:need-privileges")
        if login.read_only or not row.writable:
            msg = row.reason or "the calendar can only be read"
            raise NotAllowed(msg, precondition="D:need-privileges")
        with _said_now("delete this calendar"):
            self._engine.provider(row.source_id).remove_calendar(row.upstream_calendar_id)
        with self._store.write() as c:
            calendars.remove(c, row.calendar_id)

    # ---- feeds

    def feed(self, token: str) -> FeedView | None:
        """Resolve a secret feed address."""
        with self._store.read() as c:
            row = people.feed(c, keyed_hash(self._engine.pepper, "feed", token))
            if row is None:
                return None
            number = row["collection_id"]
            if number is None:
                rows = calendars.collections_of_user(c, row["user"])
            else:
                one = calendars.collection(c, number)
                rows = [] if one is None else [one]
        return feeds.view_of(row, [self._view(one) for one in rows])

    def feed_objects(self, feed: FeedView) -> Iterable[ObjectView]:
        """Return the objects of a feed."""
        if len(feed.collection_ids) == 1:
            return self.get_all(feed.collection_ids[0])
        return feeds.without_doubles(map(self.get_all, feed.collection_ids))


@contextlib.contextmanager
def _said_now(what: str) -> Iterator[None]:
    """Turn an ill vendor into a refusal: whole calendars are not journaled, so a client is told now, and not with 5xx."""
    try:
        yield
    except Refused:
        raise
    except OutcomeUnknown as error:
        msg = f"nobody knows whether the vendor could {what}: look in its app before you try again ({error})"
        raise NotAllowed(msg, code=error.code) from error
    except BridgeError as error:
        msg = f"the vendor does not {what} now; nothing was changed, try again later ({error})"
        raise NotAllowed(msg, code=error.code) from error


def _color(text: str) -> str:
    """Return ``#RRGGBB`` of Apple's ``#RRGGBBAA`` or plain form, "" for anything else."""
    value = text.strip()
    digits = value[1:7]
    valid = (
        value.startswith("#") and len(value) in (7, 9) and all(d in "0123456789abcdefABCDEF" for d in digits)
    )
    return f"#{digits.upper()}" if valid else ""

"""The engine's contract in memory, without a vendor: what plugin and web are tested against.

Faithful where the contract speaks: snapshots, change numbers, tombstones, preconditions, UID uniqueness, rights.
What the real engine asks a vendor for is scripted: ``refusals`` and ``delays_s``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import threading
import time
from typing import TYPE_CHECKING, Any

from bridge.engine.api import (
    Attendance,
    BusyTime,
    CollectionView,
    FeedView,
    Known,
    Login,
    ObjectView,
    PersonView,
    PutResult,
    SyncTokenInvalid,
)
from bridge.errors import BadInput, BridgeError, Missing, NotAllowed, PreconditionFailed, Refused
from bridge.ical import recur, spans
from bridge.ical.parse import parse

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

_TAG = re.compile(r'(W/)?"([^"]*)"')


@dataclasses.dataclass
class _Calendar:
    view: CollectionView
    objects: dict[str, ObjectView] = dataclasses.field(default_factory=dict)
    log: list[tuple[int, str]] = dataclasses.field(default_factory=list)
    oldest_seq: int = 0


class FakeService:
    """See the module."""

    def __init__(self) -> None:
        self.guard = threading.RLock()
        self.passwords: dict[tuple[str, str], Login] = {}
        self.mail: dict[str, list[str]] = {}
        self.people: dict[str, list[PersonView]] = {}
        self.time: dict[str, Attendance] = {}
        self.asked: list[tuple[tuple[str, ...], int, int]] = []
        self.props_of: dict[tuple[str, str], dict[str, str]] = {}
        self.calendars: dict[int, _Calendar] = {}
        self.feeds: dict[str, tuple[int, str]] = {}
        self.calls: list[str] = []
        self.touched: list[str] = []
        self.refusals: dict[str, BridgeError] = {}
        """Method name -> what it raises next, once."""
        self.delays_s: dict[str, float] = {}
        self.normalise: Any = None
        """Called with the text that came; returns what is served instead."""
        self.can_make_calendars = True
        self.allow_delete_calendar = False
        self.clock_ms = 1_780_000_000_000

    # ---- set-up ----------------------------------------------------------------------------------------

    def add_user(self, user: str, *, mail: Sequence[str] = (), password: str = "pw") -> None:  # noqa: S107
        self.passwords[user, password] = Login(user=user, device="test")
        self.passwords[user, "ro-" + password] = Login(user=user, device="reader", read_only=True)
        self.mail[user] = list(mail)

    def add_calendar(
        self, user: str, slug: str, *, writable: bool = True, reason: str = "", **props: str
    ) -> int:
        with self.guard:
            number = len(self.calendars) + 1
            view = CollectionView(
                id=number,
                user=user,
                slug=slug,
                source_id="fake",
                writable=writable,
                reason=reason,
                props={key.replace("__", ":").replace("_", "-"): value for key, value in props.items()},
                change_seq=1,
                epoch=f"e{number}",
                modified_ms=self.clock_ms,
            )
            self.calendars[number] = _Calendar(view=view)
            return number

    def add_feed(self, token: str, collection_id: int, detail: str = "full") -> None:
        self.feeds[token] = (collection_id, detail)

    def seed(self, collection_id: int, href: str, text: str) -> ObjectView:
        """Store an object as if it came from the vendor."""
        with self.guard:
            return self._store(self.calendars[collection_id], href, text)

    def forget_history(self, collection_id: int) -> None:
        calendar = self.calendars[collection_id]
        calendar.oldest_seq = calendar.view.change_seq

    # ---- contract --------------------------------------------------------------------------------------

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.delays_s:
            time.sleep(self.delays_s[name])
        error = self.refusals.pop(name, None)
        if error is not None:
            raise error

    def login(self, user: str, password: str, *, device_hint: str = "") -> Login | None:
        self._called("login")
        return self.passwords.get((user, password))

    def has_user(self, user: str) -> bool:
        self._called("has_user")
        return user in self.mail

    def addresses(self, user: str) -> Sequence[str]:
        self._called("addresses")
        return self.mail.get(user, [])

    def visible_people(self, user: str) -> Sequence[PersonView]:
        self._called("visible_people")
        return self.people.get(user, [])

    def attendance(
        self, user: str, addresses: Sequence[str], start_ms: int, end_ms: int
    ) -> Sequence[Attendance]:
        self._called("attendance")
        self.asked.append((tuple(addresses), start_ms, end_ms))
        return [self._attendance(user, one) for one in addresses]

    def _attendance(self, user: str, address: str) -> Attendance:
        if address in self.mail.get(user, []):
            return Attendance(address=address, known=Known.TOLD, collections=self.collections(user))
        found = self.time.get(address.lower(), Attendance(address=address, known=Known.STRANGER))
        return dataclasses.replace(found, address=address)

    def person_props(self, user: str, place: str) -> Mapping[str, str]:
        self._called("person_props")
        return dict(self.props_of.get((user, place), {}))

    def set_person_props(
        self, user: str, place: str, changes: Mapping[str, str | None], login: Login
    ) -> None:
        self._called("set_person_props")
        kept = self.props_of.setdefault((user, place), {})
        for name, value in changes.items():
            kept.pop(name, None)
            if value is not None:
                kept[name] = value

    def collections(self, user: str) -> Sequence[CollectionView]:
        self._called("collections")
        with self.guard:
            return [one.view for one in self.calendars.values() if one.view.user == user]

    def collection(self, user: str, slug: str) -> CollectionView | None:
        self._called("collection")
        with self.guard:
            for one in self.calendars.values():
                if (one.view.user, one.view.slug) == (user, slug):
                    return one.view
        return None

    def get(self, collection_id: int, href: str) -> ObjectView | None:
        self._called("get")
        with self.guard:
            return self.calendars[collection_id].objects.get(href)

    def get_many(self, collection_id: int, hrefs: Sequence[str]) -> Mapping[str, ObjectView]:
        self._called("get_many")
        with self.guard:
            objects = self.calendars[collection_id].objects
            return {href: objects[href] for href in hrefs if href in objects}

    def etags(self, collection_id: int) -> Sequence[tuple[str, str]]:
        self._called("etags")
        with self.guard:
            return [(one.href, one.etag) for one in self.calendars[collection_id].objects.values()]

    def texts(self, collection_id: int) -> Sequence[tuple[str, str]]:
        self._called("texts")
        with self.guard:
            return [(one.href, one.text) for one in self.calendars[collection_id].objects.values()]

    def get_all(self, collection_id: int) -> Sequence[ObjectView]:
        self._called("get_all")
        with self.guard:
            return list(self.calendars[collection_id].objects.values())

    def get_between(
        self, collection_id: int, start_ms: int | None, end_ms: int | None, *, texts: bool = True
    ) -> Sequence[ObjectView]:
        self._called("get_between" if texts else "spans_between")
        with self.guard:
            return [
                one if texts else dataclasses.replace(one, text="")
                for one in self.calendars[collection_id].objects.values()
                if (start_ms is None or one.ends_ms >= start_ms)
                and (end_ms is None or one.starts_ms < end_ms)
            ]

    def get_occurring(
        self,
        collection_id: int,
        start_ms: int,
        end_ms: int,
        zone: dt.tzinfo | None,
        *,
        texts: bool = True,
    ) -> tuple[Sequence[ObjectView], Sequence[ObjectView]]:
        self._called("get_occurring" if texts else "tags_occurring")
        happening, perhaps = [], []
        with self.guard:
            for one in self.calendars[collection_id].objects.values():
                how = {
                    span.sure
                    for span in self._spans(one)
                    if spans.overlaps(*self._bounds(span, zone), start_ms, end_ms)
                }
                if how - {spans.Sure.LOOK}:
                    happening.append(one if texts else dataclasses.replace(one, text=""))
                elif how:
                    perhaps.append(one)
        return happening, perhaps

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
        self._called("get_busy")
        taken, perhaps = [], {}
        with self.guard:
            for one in self.calendars[collection_id].objects.values():
                for span in self._spans(one):
                    if (
                        one.uid != but_uid
                        and span.busy
                        and spans.overlaps(span.starts_ms, span.ends_ms, start_ms, end_ms)
                    ):
                        if span.sure == spans.Sure.LOOK:
                            perhaps[one.href] = one
                        else:
                            taken.append(BusyTime(spans.KINDS[span.busy], *self._bounds(span, zone)))
        return taken[:limit], list(perhaps.values())

    def _spans(self, one: ObjectView) -> Sequence[spans.Span]:
        until_ms = spans.window_end(self.clock_ms)
        return spans.spans_of(one.text, (one.starts_ms, one.ends_ms), until_ms).rows

    @staticmethod
    def _bounds(span: spans.Span, zone: dt.tzinfo | None) -> tuple[int, int]:
        if zone is not None and span.sure == spans.Sure.LOOSE:
            return spans.narrowed(span, zone)
        return span.starts_ms, span.ends_ms

    def href_of_uid(self, collection_id: int, uid: str) -> str | None:
        self._called("href_of_uid")
        with self.guard:
            return next(
                (o.href for o in self.calendars[collection_id].objects.values() if o.uid == uid), None
            )

    def changes(self, collection: CollectionView, sync_token: str) -> tuple[Sequence[str], Sequence[str]]:
        self._called("changes")
        with self.guard:
            calendar = self.calendars[collection.id]
            if not sync_token:
                return list(calendar.objects), []
            match = re.fullmatch(r"http://queqiao\.invalid/sync/(\w+)-(\d+)", sync_token)
            if match is None or match.group(1) != collection.epoch:
                raise SyncTokenInvalid(sync_token)
            since = int(match.group(2))
            if since < calendar.oldest_seq or since > collection.change_seq:
                raise SyncTokenInvalid(sync_token)
            touched = dict.fromkeys(
                href for seq, href in calendar.log if since < seq <= collection.change_seq
            )
            changed = [href for href in touched if href in calendar.objects]
            return changed, [href for href in touched if href not in calendar.objects]

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
        self._called("put")
        parsed = parse(body, default_zone="Asia/Shanghai")
        with self.guard:
            calendar = self.calendars[collection_id]
            self._may_write(calendar, login)
            before = calendar.objects.get(href)
            self._check(before, if_match, if_none_match)
            uid = parsed.object.uid
            for other in calendar.objects.values():
                if other.uid == uid and other.href != href:
                    msg = "Another object has this UID."
                    raise Refused(msg, precondition="C:no-uid-conflict", http_status=409)
            if before is not None and before.uid != uid:
                msg = "The object has another UID."
                raise Refused(msg, precondition="C:no-uid-conflict", http_status=409)
            came = body.decode("utf-8")
            served = self.normalise(parsed.text) if self.normalise else parsed.text
            stored = self._store(calendar, href, served)
            return PutResult(created=before is None, etag=stored.etag if served == came else None)

    def delete(self, collection_id: int, href: str, login: Login, *, if_match: str | None = None) -> None:
        self._called("delete")
        with self.guard:
            calendar = self.calendars[collection_id]
            self._may_write(calendar, login)
            before = calendar.objects.get(href)
            if before is None:
                msg = "There is no such object."
                raise Missing(msg)
            self._check(before, if_match, None)
            del calendar.objects[href]
            self._bump(calendar, href)

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
        self._called("move")
        with self.guard:
            source, target = self.calendars[collection_id], self.calendars[to_collection_id]
            self._may_write(source, login)
            self._may_write(target, login)
            moved = source.objects.get(href)
            if moved is None:
                msg = "There is no such object."
                raise Missing(msg)
            there = target.objects.get(to_href)
            if there is not None and not overwrite:
                msg = "There is something at the destination."
                raise PreconditionFailed(msg)
            for other in target.objects.values():
                if (
                    other.uid == moved.uid
                    and other.href != to_href
                    and (source is not target or other.href != href)
                ):
                    msg = "Another object there has this UID."
                    raise Refused(msg, precondition="C:no-uid-conflict", http_status=409)
            del source.objects[href]
            self._bump(source, href)
            self._store(target, to_href, moved.text)
            return there is None

    def make_calendar(self, user: str, slug: str, props: Mapping[str, str], login: Login) -> CollectionView:
        self._called("make_calendar")
        if not self.can_make_calendars:
            msg = "This vendor has no call to make a calendar."
            raise NotAllowed(msg)
        number = self.add_calendar(user, slug)
        calendar = self.calendars[number]
        calendar.view = dataclasses.replace(calendar.view, props=dict(props))
        return calendar.view

    def set_props(self, collection_id: int, changes: Mapping[str, str | None], login: Login) -> None:
        self._called("set_props")
        with self.guard:
            calendar = self.calendars[collection_id]
            props = {key: value for key, value in calendar.view.props.items() if key not in changes}
            props.update({key: value for key, value in changes.items() if value is not None})
            calendar.view = dataclasses.replace(calendar.view, props=props)
            self._bump(calendar, None)

    def remove_calendar(self, collection_id: int, login: Login) -> None:
        self._called("remove_calendar")
        if not self.allow_delete_calendar:
            msg = "A whole calendar is never deleted by a client."
            raise NotAllowed(msg)
        with self.guard:
            del self.calendars[collection_id]

    def feed(self, token: str) -> FeedView | None:
        self._called("feed")
        with self.guard:
            if token not in self.feeds:
                return None
            number, detail = self.feeds[token]
            view = self.calendars[number].view
            return FeedView(
                user=view.user,
                title=view.props.get("D:displayname", view.slug),
                etag=hashlib.sha256(f"{view.etag}{detail}".encode()).hexdigest()[:16],
                modified_ms=view.modified_ms,
                collection_ids=(number,),
                detail=detail,
            )

    def feed_objects(self, feed: FeedView) -> Iterable[ObjectView]:
        self._called("feed_objects")
        return list(self.calendars[feed.collection_ids[0]].objects.values())

    def touch(self, user: str) -> None:
        self._called("touch")
        self.touched.append(user)

    # ---- inside ----------------------------------------------------------------------------------------

    def _may_write(self, calendar: _Calendar, login: Login) -> None:
        if login.read_only or not calendar.view.writable:
            raise NotAllowed(calendar.view.reason or "This may only be read.")

    @staticmethod
    def _check(before: ObjectView | None, if_match: str | None, if_none_match: str | None) -> None:
        msg = "The object has changed since."
        if if_match is not None:
            tags = [found.group(2) for found in _TAG.finditer(if_match) if not found.group(1)]
            if before is None or (if_match != "*" and before.etag not in tags):
                raise PreconditionFailed(msg)
        if if_none_match is not None and before is not None:
            tags = [found.group(2) for found in _TAG.finditer(if_none_match)]
            if if_none_match == "*" or before.etag in tags:
                raise PreconditionFailed(msg)

    def _store(self, calendar: _Calendar, href: str, text: str) -> ObjectView:
        parsed = parse(text.encode(), default_zone="Asia/Shanghai")
        starts, ends, recurring = recur.span(parsed.object)
        view = ObjectView(
            href=href,
            uid=parsed.object.uid,
            text=text,
            etag=hashlib.sha256(text.encode()).hexdigest()[:32],
            starts_ms=starts,
            ends_ms=ends,
            recurring=recurring,
            modified_ms=self.clock_ms,
        )
        calendar.objects[href] = view
        self._bump(calendar, href)
        return view

    def _bump(self, calendar: _Calendar, href: str | None) -> None:
        self.clock_ms += 1000
        seq = calendar.view.change_seq + 1
        if href is not None:
            calendar.log.append((seq, href))
        calendar.view = dataclasses.replace(calendar.view, change_seq=seq, modified_ms=self.clock_ms)


__all__ = ["BadInput", "FakeService"]

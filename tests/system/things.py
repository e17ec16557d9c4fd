"""What a world is made of: calendars, events as people think of them, and clients."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from loglines import TITLE

from bridge.engine.api import Login, SyncTokenInvalid

THING = re.compile(rf"{TITLE} T(\d+) e(\d+)")


class Broken(AssertionError):
    """An invariant does not hold; says which, and how to see it again."""


@dataclass(frozen=True)
class Place:
    """One calendar of one person here, and who works in it in the vendor's app."""

    user: str
    collection: int
    calendar: str
    """The vendor's id of it."""
    host: str


@dataclass
class Act:
    """One change of a thing's title that somebody made."""

    token: str
    by: str
    """``client`` or ``app``."""
    at_s: float
    certain: bool = True
    """False: nobody knows whether it was taken, because the node died before it answered."""
    is_journaled: bool = False
    """The journal was seen to hold it."""


@dataclass
class Thing:
    """One event as people think of it, whatever names and ids it has."""

    number: int
    owner: str
    most: int = 1
    """Occurrences that it may show."""
    acts: list[Act] = field(default_factory=list)
    removed: bool = False
    """Somebody deleted it, at any time."""
    seen: bool = False
    """A client could see it."""
    app_acts: int = 0
    """What people did to it in the vendor's app."""
    twofold: bool = False
    """A move between calendars ended in the middle, or met another change: it may stand in both."""
    moved: bool = False
    is_apart: bool = False
    """People split it in the vendor's app: it may be several objects and items."""
    touched_since: bool = False
    """Since the last backup."""
    waived: bool = False
    """It was touched between a backup and its restore: the journal forgot, so only what is visible counts."""

    @property
    def is_series(self):
        return self.most > 1

    def touch(self):
        """Take note of something that a journal may know of."""
        self.touched_since = True


def unfolded(text):
    return (text or "").replace("\r\n ", "")


def number_in(text):
    """Return the number of the thing that a text is about, or None."""
    match = THING.search(unfolded(text))
    return int(match[1]) if match else None


class Device:
    """A client that only ever asks for what changed since its token."""

    def __init__(self, user, name):
        self.user, self.name = user, name
        self.login = Login(user=user, device=name)
        self.tokens = {}
        self.held = {}

    def sync(self, service, world):
        """Ask for the changes and hold the result against the whole listing."""
        service.touch(self.user)
        views = service.collections(self.user)
        for view in views:
            held = self.held.setdefault(view.id, {})
            try:
                changed, gone = service.changes(view, self.tokens.get(view.id, ""))
            except SyncTokenInvalid:
                if not world.restores:
                    world.fail(f"{self.name}: a sync token was refused though nothing was restored")
                held.clear()
                changed, gone = service.changes(view, "")
            for href in gone:
                held.pop(href, None)
            found = service.get_many(view.id, list(changed))
            for href in changed:
                if href in found:
                    held[href] = found[href]
                else:
                    held.pop(href, None)
            self.tokens[view.id] = view.sync_token
            listed = {o.href: o for o in service.get_all(view.id)}
            if _essence(held) != _essence(listed):
                off = sorted(
                    h
                    for h in held.keys() | listed.keys()
                    if h not in held or h not in listed or held[h].etag != listed[h].etag
                )
                world.fail(f"{self.name}: deltas and listing differ at {off}")


def _essence(objects):
    return {href: (o.etag, o.text) for href, o in objects.items()}

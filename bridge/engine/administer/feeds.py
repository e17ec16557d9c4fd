"""Secret ICS addresses."""

from __future__ import annotations

from bridge.engine.admin_api import NewFeed, Row
from bridge.engine.administer.base import Base
from bridge.engine.api import ALL_CALENDARS
from bridge.engine.secrets import keyed_hash, new_token
from bridge.errors import BadInput, Missing
from bridge.store import calendars, people


class Feeds(Base):
    """Made, listed, revoked."""

    def feed_add(self, user: str, collection: str, *, detail: str) -> NewFeed:
        """Make a secret address for one calendar, or for all of a person."""
        if detail not in ("full", "title", "busy"):
            msg = "detail is one of full, title, busy"
            raise BadInput(msg)
        token = new_token()
        with self._store.write() as c:
            principal = self._principal(c, user)
            row = calendars.collection_by_slug(c, user, collection)
            if row is None and collection != ALL_CALENDARS:
                slugs = ", ".join(x.slug for x in calendars.collections_of_user(c, user)) or "none yet"
                msg = f"{user} has no calendar {collection!r}; there are: {slugs}; or all of them: {ALL_CALENDARS}"
                raise Missing(msg)
            feed_id = people.add_feed(
                c,
                hashed=keyed_hash(self._engine.pepper, "feed", token),
                principal_id=principal.id,
                collection_id=None if row is None else row.id,
                detail=detail,
                now_ms=self._engine.clock.now_ms(),
            )
        return NewFeed(feed_id=str(feed_id), token=token)

    def feed_list(self, user: str | None) -> list[Row]:
        """Return id, user, collection, detail, created; never the token."""
        with self._store.read() as c:
            if user is not None:
                self._principal(c, user)
            rows = [x for x in people.feeds(c) if user is None or x["user"] == user]
        return [
            {
                "id": str(x["id"]),
                "user": x["user"],
                "collection": x["collection"] or ALL_CALENDARS,
                "detail": x["detail"],
                "created_ms": x["created_ms"],
            }
            for x in rows
        ]

    def feed_revoke(self, which: str) -> int:
        """Revoke by id, token or whole address; returns how many."""
        token = which.rsplit("/", 1)[-1].removesuffix(".ics")
        hashed = keyed_hash(self._engine.pepper, "feed", token)
        with self._store.write() as c:
            chosen = [x for x in people.feeds(c) if str(x["id"]) == which or x["hash"] == hashed]
            for row in chosen:
                people.revoke_feed(c, row["id"])
        return len(chosen)

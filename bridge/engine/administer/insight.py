"""What is known: states, receipts, the story of one event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from bridge.clock import utc_from_ms
from bridge.config import kind_of
from bridge.engine.administer.base import Base
from bridge.engine.held import held_ids
from bridge.errors import Missing
from bridge.model.cures import advice, edits_wait
from bridge.plan.intent import State
from bridge.store import calendars, intents, objects, people

if TYPE_CHECKING:
    import sqlalchemy as sa

    from bridge.engine.admin_api import Row
    from bridge.store.rows import CalendarRow

RECEIPTS_MAX: Final = 1000
"""Lines of one ``changes`` listing."""


class Insight(Base):
    """Read only."""

    def status(self, user: str | None) -> list[Row]:
        """Return per calendar: state, age of the data, what waits, what is wrong, who must act."""
        now_ms = self._engine.clock.now_ms()
        rows: list[Row] = []
        with self._store.read() as c:
            waiting = intents.waiting(c)
            delayed = intents.delayed(c, now_ms=now_ms)
            for shown, calendar in self._shown(c, user):
                count, oldest_ms = waiting.get(shown.id, (0, 0))
                until_ms = calendar.pull_at_ms if calendar.state == "throttled" else None
                rows.append(
                    {
                        "user": shown.user,
                        "calendar": shown.slug,
                        "source": shown.source_id,
                        "state": calendar.state,
                        "age_s": self._age_s(calendar),
                        "waiting": count,
                        "oldest_waiting_s": (now_ms - oldest_ms) // 1000 if count else None,
                        "held": len(held_ids(calendar)),
                        "reason": calendar.reason,
                        "until_ms": until_ms,
                        **_progress(calendar),
                        **self._advice(calendar.source_id, calendar.state, calendar.cause, until_ms),
                        **self._edits(calendar.source_id, *delayed.get(shown.id, ("", None))),
                    }
                )
            rows += self._unconnected(c, user)
        return rows

    def _advice(self, source_id: str, state: str, cause: str, until_ms: int | None = None) -> dict[str, str]:
        """Return who has to do what, in both languages."""
        source = self._engine.sources.get(source_id)
        kind = kind_of(source) if source is not None else ""
        until = self._written(source_id, until_ms)
        return {"cause": cause, **advice(state, kind=kind, cause=cause, until=until).as_row()}

    def _edits(self, source_id: str, words: str, until_ms: int | None) -> Row:
        """Return why edits wait, and until when, in both languages."""
        cure = edits_wait(self._written(source_id, until_ms)) if until_ms else None
        return {
            "waiting_reason": words,
            "waiting_until_ms": until_ms,
            "waiting_what": cure.what if cure else "",
            "waiting_what_zh": cure.what_zh if cure else "",
        }

    def _written(self, source_id: str, at_ms: int | None) -> str:
        """Write a time as the source's people read it."""
        if at_ms is None:
            return ""
        zone = ZoneInfo(self._engine.default_zone(source_id))
        return f"{utc_from_ms(at_ms).astimezone(zone):%Y-%m-%d %H:%M (UTC%:z)}"

    def _unconnected(self, c: sa.Connection, user: str | None) -> list[Row]:
        rows: list[Row] = []
        for principal in people.all_principals(c):
            if user is not None and principal.name != user:
                continue
            rows += [
                {
                    "user": principal.name,
                    "calendar": None,
                    "source": link.source_id,
                    "state": link.state,
                    "age_s": None,
                    "waiting": 0,
                    "oldest_waiting_s": None,
                    "held": 0,
                    "reason": link.reason,
                    "until_ms": link.retry_at_ms if link.state == "throttled" else None,
                    "loaded": None,
                    "expected": None,
                    **self._advice(
                        link.source_id,
                        link.state,
                        link.cause,
                        link.retry_at_ms if link.state == "throttled" else None,
                    ),
                    **self._edits(link.source_id, "", None),
                }
                for link in people.links(c, principal.id)
                if link.state != "connected"
            ]
        return rows

    def changes(self, user: str | None, since_ms: int) -> list[Row]:
        """Return the receipt of every edit, newest first."""
        with self._store.read() as c:
            if user is not None:
                self._principal(c, user)
            rows = intents.receipts(c, user=user or "", since_ms=since_ms, count=RECEIPTS_MAX)
        return [_receipt(dict(row)) for row in rows]

    def explain(self, what: str) -> list[Row]:
        """Return the story of one event, by href, UID, or the vendor's id."""
        rows: list[Row] = []
        with self._store.read() as c:
            for shown in calendars.collections(c):
                row = objects.by_href(c, shown.id, what) or objects.by_uid(c, shown.id, what)
                if row is None:
                    item = objects.item_by_upstream(c, shown.id, what)
                    row = objects.get(c, item.object_id) if item is not None else None
                if row is not None:
                    rows.append(
                        {
                            "user": shown.user,
                            "calendar": shown.slug,
                            "href": row.href,
                            "uid": row.uid,
                            "deleted": bool(row.deleted),
                            "items": [
                                {"piece": x.key, "id": x.upstream_id, "removed": bool(x.cancelled)}
                                for x in objects.items(c, row.id)
                            ],
                        }
                    )
                href, uid = (row.href, row.uid) if row is not None else (what, what)
                rows += [
                    {
                        "user": shown.user,
                        "calendar": shown.slug,
                        **_intent_story(x.state, x.words, x.opened_ms, x.action, x.request_id),
                    }
                    for x in intents.story(c, collection_id=shown.id, href=href, uid=uid)
                ]
        if not rows:
            msg = "nothing is known of it: look for its file name in the URL, its UID, or the vendor's id"
            raise Missing(msg)
        return rows


def _progress(calendar: CalendarRow) -> Row:
    """Return how much of a first load is here, and of about how much; None once it has ended, or where nothing is known."""
    loads = not calendar.pulled_ms
    return {
        "loaded": calendar.loaded if loads else None,
        "expected": (calendar.expected or None) if loads else None,
    }


def _receipt(row: dict[str, Any]) -> Row:
    is_open = row["state"] in (State.WAITING, State.IN_FLIGHT)
    return {
        "opened_ms": row["opened_ms"],
        "closed_ms": row["closed_ms"] or None,
        "user": row["user"],
        "calendar": row["slug"],
        "device": row["device"],
        "action": row["action"],
        "href": row["href"],
        "uid": row["uid"],
        "outcome": ("in doubt" if row["step"] else "waiting") if is_open else row["state"],
        "words": row["words"],
        "not_at_vendor": [f"{what}: {why}" for what, why in json.loads(row["losses"])],
        "lost_text": row["lost_text"],
        "attempts": row["attempts"],
        "request_id": row["request_id"],
    }


def _intent_story(state: str, words: str, opened_ms: int, action: str, request_id: str) -> Row:
    return {
        "opened_ms": opened_ms,
        "action": action,
        "outcome": state,
        "words": words,
        "request_id": request_id,
    }

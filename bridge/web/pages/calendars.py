"""Calendars: state, age, who must act; why an event is missing; everything as one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.errors import Missing
from bridge.ical.feed import feed as render_feed
from bridge.web.pages.ask import Answer, Ask
from bridge.web.pages.route import get

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.web.pages.site import Site

EXPORT_TTL_MINUTES = 1440


def page(site: Site, ask: Ask) -> Answer:
    """``GET /ui/calendars``; who looks here is polled like who looks with a calendar program."""
    site.desk.service.touch(ask.user)
    return site.show(
        ask,
        "calendars.html",
        rows=site.desk.admin.status(ask.user),
        shelves={row["calendar"]: row for row in site.desk.admin.calendar_list(ask.user)},
    )


def why(site: Site, ask: Ask) -> Answer:
    """``GET /ui/why?q=WORDS``: events by title, UID or file name, and the story of each."""
    wanted = ask.query.get("q", "").strip()[:200]
    found = site.desk.edits.find(ask.user, wanted) if wanted else []
    stories: list[dict[str, Any]] = [{**row, "story": _story(site, ask, str(row["uid"]))} for row in found]
    if wanted and not found:
        told = _story(site, ask, wanted)
        if told:
            blank = {"calendar": "", "uid": wanted, "title": wanted, "href": "", "starts_ms": 0}
            stories = [{**blank, "story": told}]
    return site.show(
        ask,
        "why.html",
        wanted=wanted,
        names=site.names_of(ask),
        stories=stories,
        rows=site.desk.admin.status(ask.user),
        past_days=site.desk.past_days,
        future_days=site.desk.future_days,
    )


def _story(site: Site, ask: Ask, uid: str) -> list[dict[str, Any]]:
    try:
        return [row for row in site.desk.admin.explain(uid) if row["user"] == ask.user]
    except Missing:
        return []


def export(site: Site, ask: Ask) -> Answer:
    """``GET /ui/export.ics``: all calendars of a person as one file."""

    def texts() -> Iterator[str]:
        for collection in site.desk.service.collections(ask.user):
            for one in site.desk.service.get_all(collection.id):
                yield one.text

    written = render_feed(texts(), name="Queqiao", detail="full", ttl_minutes=EXPORT_TTL_MINUTES)
    return Answer(
        body="".join(written).encode(),
        content_type="text/calendar; charset=utf-8",
        headers=(("Content-Disposition", 'attachment; filename="queqiao-export.ics"'),),
    )


ROUTES = (
    get(r"/ui/calendars", page),
    get(r"/ui/why", why),
    get(r"/ui/export\.ics", export),
)

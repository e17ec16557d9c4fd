"""Secret ICS addresses for programs that only subscribe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import Missing
from bridge.web.pages.ask import Answer, Ask, to
from bridge.web.pages.route import get, post

if TYPE_CHECKING:
    from bridge.web.pages.site import Site


def page(site: Site, ask: Ask) -> Answer:
    """``GET /ui/feeds``."""
    return _shown(site, ask, "")


def _shown(site: Site, ask: Ask, url: str) -> Answer:
    return site.show(
        ask,
        "feeds.html",
        rows=site.desk.admin.feed_list(ask.user),
        shelves=site.desk.admin.calendar_list(ask.user),
        made=url,
        names=site.names_of(ask),
        webcal="webcal://" + url.partition("://")[2] if url else "",
    )


def make(site: Site, ask: Ask) -> Answer:
    """``POST /ui/feeds``: the address is shown on this answer, and never again."""
    made = site.desk.admin.feed_add(
        ask.user, ask.form.get("calendar", ""), detail=ask.form.get("detail", "full")
    )
    return _shown(site, ask, f"{site.url_of(ask)}/feed/{made.token}.ics")


def revoke(site: Site, ask: Ask, feed_id: str) -> Answer:
    """``POST /ui/feeds/ID/revoke``."""
    if feed_id not in {row["id"] for row in site.desk.admin.feed_list(ask.user)}:
        msg = "there is no such feed of yours; it may have been revoked already"
        raise Missing(msg)
    site.desk.admin.feed_revoke(feed_id)
    return to(ask, "/ui/feeds")


ROUTES = (
    get(r"/ui/feeds", page),
    post(r"/ui/feeds", make),
    post(r"/ui/feeds/([0-9]{1,18})/revoke", revoke),
)

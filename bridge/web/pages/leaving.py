"""Leaving: what would go, what stays, and then the clean-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import BadInput
from bridge.web.pages.ask import Answer, Ask, to
from bridge.web.pages.route import get, post
from bridge.web.pages.site import SESSION

if TYPE_CHECKING:
    from bridge.web.pages.site import Site


def page(site: Site, ask: Ask) -> Answer:
    """``GET /ui/leave``: the preview."""
    admin = site.desk.admin
    return site.show(
        ask,
        "leave.html",
        passwords=len(admin.password_list(ask.user)),
        feeds=len(admin.feed_list(ask.user)),
        shelves=admin.calendar_list(ask.user),
        waiting=sum(int(row["waiting"]) for row in admin.status(ask.user)),
    )


def leave(site: Site, ask: Ask) -> Answer:
    """``POST /ui/leave``: forget everything here about a person who typed their own name."""
    if ask.form.get("name", "").strip() != ask.user:
        msg = "type your own user name, to show that you mean it; nothing was removed"
        raise BadInput(msg, http_status=400)
    site.desk.admin.user_remove(ask.user)
    site.desk.visits.end(ask.cookies.get(SESSION, ""))
    ask.keep(SESSION, "", age_s=0)
    return to(ask, "/ui/sign-in")


ROUTES = (get(r"/ui/leave", page), post(r"/ui/leave", leave))

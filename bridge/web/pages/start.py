"""The first pages: what this is, and how everything stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.web.pages import sign_in
from bridge.web.pages.ask import Answer, Ask, to
from bridge.web.pages.devices import DEVICES
from bridge.web.pages.route import Needs, get

if TYPE_CHECKING:
    from bridge.web.pages.site import Site


def door(site: Site, ask: Ask) -> Answer:
    """``GET /``."""
    return to(ask, "/ui/") if ask.visit is not None else sign_in.form(site, ask)


def home(site: Site, ask: Ask) -> Answer:
    """``GET /ui/``: a person's calendars and devices at a glance."""
    site.desk.service.touch(ask.user)
    passwords = site.desk.admin.password_list(ask.user)
    return site.show(
        ask,
        "home.html",
        url=site.url_of(ask),
        rows=site.desk.admin.status(ask.user),
        shelves={row["calendar"]: row for row in site.desk.admin.calendar_list(ask.user)},
        used=[row for row in passwords if row["last_used_ms"]],
        devices=DEVICES,
        open_edits=sum(1 for row in site.desk.edits.receipts(ask.user) if row["outcome"] == "waiting"),
    )


def bare(_site: Site, ask: Ask) -> Answer:
    """``GET /ui``."""
    return to(ask, "/ui/")


ROUTES = (
    get(r"/", door, Needs.NOTHING),
    get(r"/ui", bare, Needs.NOTHING),
    get(r"/ui/", home),
)

"""A person's edits: what became of each, in the vendor's words; undo and once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.engine.api import Login
from bridge.web.pages.ask import Answer, Ask, to
from bridge.web.pages.route import get, post

if TYPE_CHECKING:
    from bridge.web.pages.site import Site


def page(site: Site, ask: Ask) -> Answer:
    """``GET /ui/changes``."""
    return site.show(ask, "changes.html", rows=site.desk.edits.receipts(ask.user), names=site.names_of(ask))


def undo(site: Site, ask: Ask, intent_id: str) -> Answer:
    """``POST /ui/changes/ID/undo``."""
    site.desk.edits.undo(int(intent_id), _login(ask))
    return to(ask, "/ui/changes")


def again(site: Site, ask: Ask, intent_id: str) -> Answer:
    """``POST /ui/changes/ID/again``."""
    site.desk.edits.again(int(intent_id), _login(ask))
    return to(ask, "/ui/changes")


def _login(ask: Ask) -> Login:
    read_only = ask.visit is None or ask.visit.read_only
    return Login(user=ask.user, device="Queqiao page", read_only=read_only)


ROUTES = (
    get(r"/ui/changes", page),
    post(r"/ui/changes/([0-9]{1,18})/undo", undo),
    post(r"/ui/changes/([0-9]{1,18})/again", again),
)

"""App passwords: one for each device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.errors import BadInput, Missing
from bridge.web.pages.ask import Answer, Ask, to
from bridge.web.pages.route import get, post

if TYPE_CHECKING:
    from bridge.web.pages.site import Site

DAY_MS: Final = 86_400_000
LIVES: Final = ("", "7", "30", "90", "365")
"""Days that a password may be made for; empty: until it is revoked."""


def page(site: Site, ask: Ask) -> Answer:
    """``GET /ui/passwords``."""
    rows = site.desk.admin.password_list(ask.user)
    return site.show(ask, "passwords.html", rows=rows, made=None, lives=LIVES, now_ms=site.desk.now_ms())


def make(site: Site, ask: Ask) -> Answer:
    """``POST /ui/passwords``: the password is shown on this answer, and never again."""
    label = ask.form.get("label", "").strip()
    days = ask.form.get("days", "")
    if not label or not label.isprintable():
        msg = "give the device a name, so that you know later which password is whose"
        raise BadInput(msg, http_status=400)
    if days not in LIVES:
        msg = f"a password is good for one of {', '.join(LIVES[1:])} days, or until it is revoked"
        raise BadInput(msg, http_status=400)
    now_ms = site.desk.now_ms()
    made = site.desk.admin.password_add(
        ask.user,
        label=label,
        read_only="read_only" in ask.form,
        expires_ms=now_ms + int(days) * DAY_MS if days else None,
    )
    rows = site.desk.admin.password_list(ask.user)
    return site.show(ask, "passwords.html", rows=rows, made=made, lives=LIVES, now_ms=now_ms)


def revoke(site: Site, ask: Ask, password_id: str) -> Answer:
    """``POST /ui/passwords/ID/revoke``: whatever used it has to sign in anew."""
    if password_id not in {row["id"] for row in site.desk.admin.password_list(ask.user)}:
        msg = "there is no such password of yours; it may have been revoked already"
        raise Missing(msg)
    site.desk.admin.password_revoke(ask.user, password_id)
    return to(ask, "/ui/passwords")


ROUTES = (
    get(r"/ui/passwords", page),
    post(r"/ui/passwords", make),
    post(r"/ui/passwords/([0-9]{1,18})/revoke", revoke),
)

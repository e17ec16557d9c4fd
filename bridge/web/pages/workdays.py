"""Chinese working days: a calendar of holidays and make-up days, and series that keep to them."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import TYPE_CHECKING, Any, Final

from bridge.clock import utc_from_ms
from bridge.engine.api import Login
from bridge.errors import BadInput, Missing
from bridge.ical import workdays
from bridge.ical.feed import feed as render_feed
from bridge.web.pages.ask import Answer, Ask, to
from bridge.web.pages.route import Needs, get, post

if TYPE_CHECKING:
    from bridge.web.pages.site import Site

TTL_MINUTES: Final = 1440
TITLE_CHARS_MAX: Final = 128
SHOWN_DAYS: Final = 400
"""How far the page looks ahead."""


def feed(site: Site, ask: Ask) -> Answer:
    """``GET /feed/workdays.ics``: public, because everybody knows it."""
    written = render_feed(
        site.workdays.texts(_today(site)), name="工作日 Working days", detail="full", ttl_minutes=TTL_MINUTES
    )
    _ = ask
    return Answer(body="".join(written).encode(), content_type="text/calendar; charset=utf-8")


def page(site: Site, ask: Ask) -> Answer:
    """``GET /ui/workdays``."""
    today = _today(site)
    end = today + dt.timedelta(days=SHOWN_DAYS)
    coming: list[dict[str, Any]] = [
        {"zh": one.zh, "en": one.en, "first": one.first, "last": one.last, "work": one.work}
        for year in site.workdays.years.values()
        for one in year.holidays
        if today <= one.last and one.first <= end
    ]
    years = site.workdays.years
    url = site.url_of(ask)
    return site.show(
        ask,
        "workdays.html",
        coming=coming,
        missing=site.workdays.unannounced(today),
        announced=max((one.announced for one in years.values()), default=None),
        feed_url=f"{url}/feed/workdays.ics",
        webcal=f"webcal://{url.partition('://')[2]}/feed/workdays.ics",
        shelves=[row for row in site.desk.admin.calendar_list(ask.user) if row["writable"]],
        today=today,
    )


def make(site: Site, ask: Ask) -> Answer:
    """``POST /ui/workdays``: an event on every working day, into one of one's calendars."""
    title = ask.form.get("title", "").strip()[:TITLE_CHARS_MAX]
    if not title or not title.isprintable():
        msg = "give the event a title"
        raise BadInput(msg, http_status=400)
    shelf = site.desk.service.collection(ask.user, ask.form.get("calendar", ""))
    if shelf is None:
        msg = "you have no such calendar"
        raise Missing(msg)
    try:
        first, last = (dt.date.fromisoformat(ask.form.get(name, "")) for name in ("first", "last"))
        start, end = (dt.time.fromisoformat(ask.form.get(name, "")) for name in ("start", "end"))
    except ValueError:
        msg = "a day is written like 2026-12-01, a time like 09:30"
        raise BadInput(msg, http_status=400) from None
    uid = f"workdays-{secrets.token_hex(12)}"
    text = workdays.series(
        site.workdays, uid=uid, title=title, first=first, last=last, start=start, end=end,
        stamp=utc_from_ms(site.desk.now_ms()),
    )  # fmt: skip
    login = Login(user=ask.user, device="Queqiao page", read_only=ask.visit is None or ask.visit.read_only)
    site.desk.service.put(shelf.id, f"{uid}.ics", text.encode(), login)
    return to(ask, "/ui/changes")


def _today(site: Site) -> dt.date:
    return utc_from_ms(site.desk.now_ms()).astimezone(site.zone).date()


ROUTES = (
    get(r"/feed/workdays\.ics", feed, Needs.NOTHING),
    get(r"/ui/workdays", page),
    post(r"/ui/workdays", make),
)

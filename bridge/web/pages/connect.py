"""Connecting a device: exact steps, a password made for it, and a mark that shows its first sign of life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from bridge.errors import Missing
from bridge.web.pages.ask import Answer, Ask
from bridge.web.pages.devices import BY_NAME, DEVICES, Device
from bridge.web.pages.route import Needs, get, post
from bridge.web.profile import profile

if TYPE_CHECKING:
    from bridge.web.pages.site import Site

LIVE_S: Final = "3"
"""Seconds between two looks of the mark."""


def overview(site: Site, ask: Ask) -> Answer:
    """``GET /ui/connect``."""
    return site.show(ask, "connect.html", devices=DEVICES)


def device_page(site: Site, ask: Ask, name: str) -> Answer:
    """``GET /ui/connect/DEVICE``: what it takes, before a password is made."""
    return _shown(site, ask, _device(name))


def make(site: Site, ask: Ask, name: str) -> Answer:
    """``POST /ui/connect/DEVICE``: a password for this device, shown once among its steps."""
    device = _device(name)
    made = site.desk.admin.password_add(
        ask.user,
        label=ask.form.get("label", "").strip() or device.label,
        read_only="read_only" in ask.form,
        expires_ms=None,
    )
    return _shown(site, ask, device, password=made.password, password_id=made.password_id, label=made.label)


def apple_profile(site: Site, ask: Ask) -> Answer:
    """``POST /ui/connect/apple/profile``: a profile that holds a new password; the device asks for nothing."""
    label = ask.form.get("label", "").strip() or "Apple"
    made = site.desk.admin.password_add(
        ask.user, label=label, read_only="read_only" in ask.form, expires_ms=None
    )
    return Answer(
        body=profile(ask.user, made.password, site.url_of(ask), made.label),
        content_type="application/x-apple-aspen-config",
        headers=(("Content-Disposition", 'attachment; filename="queqiao.mobileconfig"'),),
    )


def feed(site: Site, ask: Ask, name: str) -> Answer:
    """``POST /ui/connect/DEVICE/feed``: a secret address for a program that only subscribes."""
    device = _device(name)
    made = site.desk.admin.feed_add(
        ask.user, ask.form.get("calendar", ""), detail=ask.form.get("detail", "full")
    )
    return _shown(site, ask, device, feed_url=f"{site.url_of(ask)}/feed/{made.token}.ics")


def live(site: Site, ask: Ask, password_id: str) -> Answer:
    """``GET /ui/live/ID``: the mark; it stands in a frame and looks again by itself, without a script."""
    row = next((x for x in site.desk.admin.password_list(ask.user) if x["id"] == password_id), None)
    shown = site.show(ask, "live.html", row=row)
    return Answer(body=shown.body, headers=(("Refresh", LIVE_S),), may_be_framed=True)


def _device(name: str) -> Device:
    device = BY_NAME.get(name)
    if device is None:
        msg = "there is no such page"
        raise Missing(msg)
    return device


def _davx5(url: str, user: str, password: str) -> str:
    """Return the link that DAVx⁵ opens with everything filled in; ``davx5`` means TLS, ``caldav`` none."""
    host = urlsplit(url)
    scheme = "davx5" if host.scheme == "https" else "caldav"
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{host.netloc}{host.path}/dav/"


def _shown(site: Site, ask: Ask, device: Device, **values: Any) -> Answer:
    url = site.url_of(ask)
    feed_url = str(values.pop("feed_url", ""))
    return site.show(
        ask,
        "device.html",
        device=device,
        url=url,
        dav_url=f"{url}/dav/",
        home_url=f"{url}/dav/{quote(ask.user)}/",
        davx5_url=_davx5(url, ask.user, str(values.get("password", ""))),
        shelves=site.desk.admin.calendar_list(ask.user),
        feed_url=feed_url,
        webcal_url="webcal://" + feed_url.partition("://")[2] if feed_url else "",
        **{"password": "", "password_id": "", "label": device.label, **values},
    )


ROUTES = (
    get(r"/ui/connect", overview),
    get(r"/ui/connect/([a-z0-9-]{1,20})", device_page),
    post(r"/ui/connect/apple/profile", apple_profile),
    post(r"/ui/connect/([a-z0-9-]{1,20})", make),
    post(r"/ui/connect/([a-z0-9-]{1,20})/feed", feed),
    get(r"/ui/live/([0-9]{1,18})", live, Needs.READER),
)

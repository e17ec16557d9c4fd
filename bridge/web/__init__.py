"""Everything over HTTP that is not CalDAV itself: routes, logins, feeds, pages, callbacks, operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.config import Ui
from bridge.ical.feed import feed as render_feed
from bridge.web.basic import Gate
from bridge.web.feed import Feeds
from bridge.web.metrics import HttpMetrics
from bridge.web.pages import Pages, Site
from bridge.web.proxy import Proxies
from bridge.web.router import Parts, Router

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prometheus_client import CollectorRegistry

    from bridge.clock import Clock
    from bridge.config import Server
    from bridge.engine.api import Service
    from bridge.engine.desk import Desk
    from bridge.web.wsgi import App

__all__ = ["build_app"]


def build_app(
    service: Service,
    server: Server,
    *,
    dav: App,
    hooks: Mapping[str, App] | None = None,
    ui: App | None = None,
    desk: Desk | None = None,
    options: Ui | None = None,
    registry: CollectorRegistry | None = None,
    clock: Clock | None = None,
) -> App:
    """Return the WSGI application of the public listener.

    ``dav`` answers below ``/dav/`` (``radicale_plugin.app.build_dav_app``); it gets the authenticated Login in
    ``environ["queqiao.login"]``. ``hooks`` maps a source id to what answers ``/hook/SOURCE``. ``desk`` with
    ``options`` makes the pages that answer ``/`` and ``/ui/…``; ``ui`` answers instead of them; without both there is
    one static page. ``registry`` receives the HTTP metrics.
    """
    gate = Gate(lambda user, password, hint: service.login(user, password, device_hint=hint), clock)
    proxies = Proxies(server.trusted_proxies, server.public_url)
    if ui is None and desk is not None:
        ui = Pages(Site(desk, options or Ui(), gate, proxies, server.public_url))
    return Router(
        Parts(
            dav=dav,
            feeds=Feeds(service, render_feed),
            gate=gate,
            proxies=proxies,
            body_bytes_max=server.body_bytes_max,
            hooks=dict(hooks or {}),
            ui=ui,
            metrics=HttpMetrics(registry) if registry is not None else None,
        )
    )

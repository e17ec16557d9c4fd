"""Everything over HTTP that is not CalDAV itself: routes, logins, feeds, pages, callbacks, operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.ical.feed import feed as render_feed
from bridge.web.basic import Gate
from bridge.web.feed import Feeds
from bridge.web.metrics import HttpMetrics
from bridge.web.proxy import Proxies
from bridge.web.router import Parts, Router

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prometheus_client import CollectorRegistry

    from bridge.clock import Clock
    from bridge.config import Server
    from bridge.engine.api import Service
    from bridge.web.wsgi import App

__all__ = ["build_app"]


def build_app(
    service: Service,
    server: Server,
    *,
    dav: App,
    hooks: Mapping[str, App] | None = None,
    ui: App | None = None,
    registry: CollectorRegistry | None = None,
    clock: Clock | None = None,
) -> App:
    """Return the WSGI application of the public listener.

    ``dav`` answers below ``/dav/`` (``radicale_plugin.app.build_dav_app``); it gets the authenticated Login in
    ``environ["queqiao.login"]``. ``hooks`` maps a source id to what answers ``/hook/SOURCE``. ``ui`` answers ``/``
    and ``/ui/…``; without it there is one static page. ``registry`` receives the HTTP metrics.
    """
    gate = Gate(lambda user, password, hint: service.login(user, password, device_hint=hint), clock)
    return Router(
        Parts(
            dav=dav,
            feeds=Feeds(service, render_feed),
            gate=gate,
            proxies=Proxies(server.trusted_proxies, server.public_url),
            body_bytes_max=server.body_bytes_max,
            hooks=dict(hooks or {}),
            ui=ui,
            metrics=HttpMetrics(registry) if registry is not None else None,
        )
    )

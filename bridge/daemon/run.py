"""The daemon: serve, tick, end without losing anything."""

from __future__ import annotations

import logging
import signal
import threading
from typing import TYPE_CHECKING, Any

from bridge.config import split_listen
from bridge.daemon.compose import compose
from bridge.daemon.health import Health
from bridge.daemon.hooks import build_hooks
from bridge.daemon.lock import DaemonLock
from bridge.daemon.notify import notify
from bridge.daemon.schedule import Schedule
from bridge.daemon.stream import build_streams
from bridge.engine.push import Pushes
from bridge.log import fields
from bridge.web import build_app
from bridge.web.admin import build_admin_app
from bridge.web.serve import serve as serve_wsgi
from radicale_plugin.app import build_dav_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from bridge.config import Config
    from bridge.daemon.compose import Parts

log = logging.getLogger(__name__)


class Daemon:
    """A running bridge. ``close`` finishes requests and steps that have begun; what waits stays journaled."""

    def __init__(self, config: Config) -> None:
        """Start. Raises lock.InUse when another daemon serves the same SQLite file, OSError for a taken address."""
        self.health = Health()
        self._closing: list[Callable[[], None]] = [DaemonLock(config.database.url).close]
        try:
            self.parts: Parts = compose(config, count_call=self.health.count_call)
            self._closing.append(self.parts.close)
            self.health.attach(self.parts)
            self._listen(config)
        except BaseException:
            self.close()
            raise

    def _listen(self, config: Config) -> None:
        service = self.parts.service
        dav = build_dav_app(
            service,
            object_bytes_max=config.server.object_bytes_max,
            body_bytes_max=config.server.body_bytes_max,
            public_url=config.server.public_url,
        )
        pushes = Pushes(self.parts.engine)
        pushes.start()
        self._closing.append(pushes.close)
        hooks = build_hooks(self.parts, pushes)
        app = build_app(service, config.server, dav=dav, hooks=hooks, registry=self.health.registry)
        host, port = split_listen(config.server.listen)
        main = serve_wsgi(
            app,
            host,
            port,
            threads=config.server.threads,
            connections_max=config.server.connections_max,
            body_bytes_max=config.server.body_bytes_max,
        )
        self._closing.append(main.close)
        admin_host, admin_port = split_listen(config.server.admin_listen)
        admin = serve_wsgi(
            build_admin_app(self.health.registry, self.health.readiness), admin_host, admin_port, threads=2
        )
        self._closing.append(admin.close)
        self.parts.carrier.recover()
        schedule = Schedule(self.parts, config.sync)
        schedule.start()
        self._closing.append(schedule.close)
        for stream in build_streams(self.parts, pushes):
            stream.start()
            self._closing.append(stream.close)
        self.url = config.server.public_url or main.url
        self.admin_url = admin.url
        log.info("daemon.serving", extra=fields(address=f"{host}:{main.port}"))

    def close(self) -> None:
        """End, the last thing begun first."""
        while self._closing:
            self._closing.pop()()


def serve(config: Config, *, on_ready: Callable[[dict[str, Any]], None] | None = None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit status."""
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        daemon = Daemon(config)
        try:
            notify("READY=1\nSTATUS=serving")
            if on_ready is not None:
                on_ready({"url": daemon.url, "admin": daemon.admin_url})
            ended.wait()
            notify("STOPPING=1")
        finally:
            daemon.close()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0

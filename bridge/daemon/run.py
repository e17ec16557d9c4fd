"""The daemon: serve, tick, end without losing anything."""

from __future__ import annotations

import contextlib
import logging
import queue
import signal
import time
from typing import TYPE_CHECKING, Any, Final

from bridge.config import kind_of, split_listen
from bridge.daemon.compose import compose
from bridge.daemon.health import Health
from bridge.daemon.hooks import build_hooks
from bridge.daemon.lock import DaemonLock
from bridge.daemon.notify import notify
from bridge.daemon.schedule import Schedule
from bridge.daemon.sockets import Sockets
from bridge.daemon.stream import build_streams
from bridge.daemon.watch import Watch
from bridge.engine.desk import Desk
from bridge.engine.push import Pushes
from bridge.errors import BridgeError
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

SIGNAL_S: Final = 1.0
"""Longest time (seconds) until a signal is noticed."""


class Daemon:
    """A running bridge. ``close`` finishes requests and steps that have begun; what waits stays journaled."""

    def __init__(self, config: Config, sockets: Sockets | None = None) -> None:
        """Start. Raises lock.InUse when another daemon serves the same SQLite file, OSError for a taken address.

        ``sockets`` outlive this daemon; without them it opens its own.
        """
        self._sockets = sockets or Sockets()
        self.health = Health()
        self._closing: list[Callable[[], None]] = [] if sockets else [self._sockets.close]
        self._closing.append(DaemonLock(config.database.url).close)
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
        app = build_app(
            service,
            config.server,
            dav=dav,
            hooks=hooks,
            desk=Desk(self.parts.engine, service, self.parts.admin),
            options=config.ui,
            registry=self.health.registry,
        )
        host, port = split_listen(config.server.listen)
        main = serve_wsgi(
            app,
            host,
            port,
            threads=config.server.threads,
            connections_max=config.server.connections_max,
            body_bytes_max=config.server.body_bytes_max,
            sock=self._sockets.lend(config.server.listen),
        )
        self._closing.append(main.close)
        admin_host, admin_port = split_listen(config.server.admin_listen)
        admin = serve_wsgi(
            build_admin_app(self.health.registry, self.health.readiness),
            admin_host,
            admin_port,
            threads=2,
            sock=self._sockets.lend(config.server.admin_listen, is_admin=True),
        )
        self._closing.append(admin.close)
        self.parts.carrier.recover()
        self.parts.carrier.wake()
        schedule = Schedule(self.parts, config.sync)
        schedule.start()
        self._closing.append(schedule.close)
        self.health.follow(schedule.idle_s)
        watch = Watch(self.parts.engine.store, schedule.idle_s, self._kind_of)
        watch.start()
        self._closing.append(watch.close)
        for stream in build_streams(self.parts, pushes):
            stream.start()
            self._closing.append(stream.close)
        self._closing.append(self.parts.end_waits)
        self.url = config.server.public_url or main.url
        self.admin_url = admin.url
        log.info("daemon.serving", extra=fields(address=f"{host}:{main.port}"))

    def _kind_of(self, source_id: str) -> str:
        source = self.parts.engine.sources.get(source_id)
        return kind_of(source) if source is not None else ""

    def close(self) -> None:
        """End, the last thing begun first."""
        while self._closing:
            self._closing.pop()()


def serve(
    config: Config,
    *,
    on_ready: Callable[[dict[str, Any]], None] | None = None,
    reload: Callable[[], Config | None] = lambda: None,
) -> int:
    """Run until SIGTERM or SIGINT; returns the exit status.

    On SIGHUP ``reload`` is asked for the configuration anew; it returns None when that cannot be used, and what runs
    goes on running.
    """
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()

    def note(number: int, _frame: FrameType | None) -> None:
        signals.put(number)

    before = {
        number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    }
    sockets = Sockets()
    try:
        daemon = Daemon(config, sockets)
        try:
            notify("READY=1\nSTATUS=serving")
            if on_ready is not None:
                on_ready({"url": daemon.url, "admin": daemon.admin_url})
            while _next_of(signals) == signal.SIGHUP:
                config, daemon = _reloaded(config, daemon, sockets, reload)
            notify("STOPPING=1\nSTATUS=finishing what has begun")
        finally:
            daemon.close()
    finally:
        sockets.close()
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def _next_of(signals: queue.SimpleQueue[int]) -> int:
    """Wait for a signal. Looks up now and then: one that the system gave to another thread wakes nobody here."""
    while True:
        with contextlib.suppress(queue.Empty):
            return signals.get(timeout=SIGNAL_S)


def _reloaded(
    config: Config, daemon: Daemon, sockets: Sockets, reload: Callable[[], Config | None]
) -> tuple[Config, Daemon]:
    """Begin anew with another configuration, or go on with the one that served so far."""
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}\nSTATUS=reading the configuration")
    wanted = reload()
    if wanted is None:
        log.error("config.refused", extra=fields(reason="kept_the_old_one"))
        notify("READY=1\nSTATUS=the new configuration cannot be used (see the log); serving with the old one")
        return config, daemon
    daemon.close()
    try:
        daemon, config = Daemon(wanted, sockets), wanted
    except (BridgeError, OSError) as error:
        log.error("config.refused", extra=fields(reason="does_not_start", error=type(error).__name__))  # noqa: TRY400
        daemon = Daemon(config, sockets)
    sockets.keep_only(config.server.listen, config.server.admin_listen)
    log.info("config.reloaded")
    notify("READY=1\nSTATUS=serving")
    return config, daemon

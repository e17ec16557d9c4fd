"""The only place that knows all parts: opens the database, builds providers, ties the engine together."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.clock import SystemClock
from bridge.config_load import load
from bridge.engine.admin import Admin
from bridge.engine.carry import Carrier
from bridge.engine.context import Engine
from bridge.engine.custody.restore import epochs_before, restored_ms
from bridge.engine.service import Service
from bridge.errors import BridgeError
from bridge.providers import registry
from bridge.providers.runtime import Runtime
from bridge.store.clock import DatabaseClock
from bridge.store.engine import Store
from bridge.store.shared import Tallies, TokenVault, meta

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.clock import Clock
    from bridge.config import Config
    from bridge.engine.admin_api import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """An engine that runs, and how to end it."""

    engine: Engine
    carrier: Carrier
    service: Service
    admin: Admin

    def end_waits(self) -> None:
        """Let no call to a vendor wait for its turn any more: a limit may last longer than a service manager waits."""
        for provider in self.engine.providers.values():
            provider.end_waits()

    def close(self) -> None:
        """Finish what has begun, then let go of everything."""
        self.end_waits()
        self.carrier.close()
        for provider in self.engine.providers.values():
            provider.close()
        self.engine.store.close()


def _count_nothing(_source: str, _endpoint: str, _outcome: str, _code: str) -> None:
    """Count nothing."""


def compose(
    config: Config,
    *,
    count_call: Callable[[str, str, str, str], None] = _count_nothing,
    clock: Clock | None = None,
    wire: object = None,
    carrier_of: Callable[[Engine], Carrier] = Carrier,
    rng: random.Random | None = None,
) -> Parts:
    """Open everything that a configuration names. Raises BridgeError when the database cannot be served.

    ``clock``, ``wire``, ``rng`` (see ``Runtime``) and ``carrier_of`` are for simulations, whose time and chance are not
    the machine's.
    """
    store = Store(config.database.url)
    try:
        store.migrate()
        if clock is None:
            clock = SystemClock() if store.is_sqlite else DatabaseClock(store)
        with store.read() as c:
            before, restored = epochs_before(c), restored_ms(c)
        runtime = Runtime(
            clock=clock,
            vault=TokenVault(store),
            tallies=Tallies(store),
            count_call=count_call,
            rng=rng or random.Random(),  # noqa: S311 - spreads load, guards nothing
            wire=wire,
        )
        engine = Engine(
            store=store,
            clock=clock,
            sync=config.sync,
            sources={source.id: source for source in config.source},
            providers={source.id: registry.build(source, runtime) for source in config.source},
            epoch=meta(store, "epoch", size_bytes=6),
            pepper=bytes.fromhex(meta(store, "pepper", size_bytes=32)),
            object_bytes_max=config.server.object_bytes_max,
            epochs_before=before,
            restored_ms=restored,
        )
    except BaseException:
        store.close()
        raise
    carrier = carrier_of(engine)
    parts: list[Parts] = []
    admin = Admin(engine, lambda: parts[0].close())
    parts.append(Parts(engine=engine, carrier=carrier, service=Service(engine, carrier), admin=admin))
    return parts[0]


def open_admin(config: Config) -> Admin:
    """Open what the command line asks; a context manager that closes everything."""
    return compose(config).admin


def open_service(path: str) -> Service:
    """Open the engine for a stock Radicale that has our storage plugin; lives as long as its process."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    config = load(Path(path), credentials_dir=Path(credentials) if credentials else None)
    return compose(config).service


def check_online(config: Config) -> list[Row]:
    """Ask every source for a token and one harmless call; one row per source."""
    rows: list[dict[str, Any]] = []
    for source in config.source:
        provider = registry.build(source, Runtime())
        try:
            provider.check()
        except BridgeError as error:
            cause = getattr(error, "cause", "")
            rows.append(
                {"source": source.id, "ok": False, "error": str(error), "code": error.code, "cause": cause}
            )
        else:
            rows.append({"source": source.id, "ok": True, "error": "", "code": "", "cause": ""})
        finally:
            provider.close()
    return rows

"""What every part of the engine shares: store, clock, providers, options. Built once, in ``daemon.compose``."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.clock import utc_from_ms
from bridge.engine.echoes import Echoes
from bridge.errors import Missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.clock import Clock
    from bridge.config import Source, Sync
    from bridge.providers.base import Provider, Window
    from bridge.store.engine import Store

OBJECT_BYTES_MAX = 1_000_000
"""Size of one calendar object, in bytes, unless the configuration says otherwise."""


def _host() -> str:
    """Return what processes share that can see each other: containers may have one host name, but other processes."""
    try:
        return f"{socket.gethostname()}:{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return socket.gethostname()


def node_name() -> str:
    """Return ``host/pid/random``: others on the same host can tell whether its process still lives."""
    return f"{_host()}/{os.getpid()}/{secrets.token_hex(4)}"


def is_dead(owner: str) -> bool:
    """Return whether an owner's process certainly is gone; of another host's nothing is certain."""
    parts = owner.split("/")
    if len(parts) < 3 or parts[0] != _host() or not parts[1].isdigit():
        return False
    pid = int(parts[1])
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The engine's surroundings. Thread-safe: nothing here is replaced."""

    store: Store
    clock: Clock
    sync: Sync
    sources: Mapping[str, Source]
    providers: Mapping[str, Provider]
    epoch: str
    """Part of every sync token; changes when the mirror is rebuilt."""
    pepper: bytes
    """Keys the hashes of app passwords and feed tokens."""
    epochs_before: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Epochs before a restore, and up to which change number of each collection their tokens still count."""
    restored_ms: int = 0
    """Edits opened before this time came out of a backup: the vendor may have them already."""
    object_bytes_max: int = OBJECT_BYTES_MAX
    node: str = field(default_factory=node_name)
    """This process, as owner of leases and intents."""
    echoes: Echoes = field(init=False)
    """What this process wrote to vendors lately."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "echoes", Echoes(self.clock, None if self.store.is_sqlite else self.store))

    def now(self) -> dt.datetime:
        """Return the time, aware, UTC."""
        return utc_from_ms(self.clock.now_ms())

    def horizon(self) -> dt.datetime:
        """Return until when series are compiled and calendars are mirrored."""
        return self.now() + dt.timedelta(days=self.sync.future_days)

    def window(self) -> Window:
        """Return the times that are mirrored."""
        from bridge.providers.base import Window

        now = self.now()
        return Window(
            start=now - dt.timedelta(days=self.sync.past_days),
            end=now + dt.timedelta(days=self.sync.future_days),
        )

    def provider(self, source_id: str) -> Provider:
        """Return the provider of a source; raises Missing when it is no longer configured."""
        try:
            return self.providers[source_id]
        except KeyError:
            msg = f"the source {source_id!r} is not in the configuration any more; add it again or unlink its users"
            raise Missing(msg) from None

    def default_zone(self, source_id: str) -> str:
        """Return the IANA zone in which floating times of a source's calendars are meant."""
        source = self.sources.get(source_id)
        return source.default_timezone if source is not None else "Asia/Shanghai"

    def mail_domain(self, source_id: str) -> str:
        """Return where addresses of people without a known e-mail live."""
        source = self.sources.get(source_id)
        configured = source.mail_domain if source is not None else ""
        return configured or f"{source_id}.queqiao.invalid"

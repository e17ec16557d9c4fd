"""One daemon per SQLite file: a second one would answer from the same mirror and carry the same edits.

PostgreSQL serves several nodes, which share the work by leases; a file has no such need. Verbs of the command line and
a stock Radicale with our plugin take no lock: they work beside the daemon.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from bridge.errors import BridgeError

SUFFIX: Final = ".lock"
PID_CHARS_MAX: Final = 20
"""Longest process number that is read back."""


class InUse(BridgeError):
    """Another daemon serves the same database."""


class DaemonLock:
    """Holds ``<database>.lock`` while a daemon lives; the system lets go of it with the process, however that ends.

    The file itself stays: to remove it would let two processes lock two files of one name. Raises InUse.
    """

    def __init__(self, database_url: str) -> None:
        self._fd = -1
        url = sa.make_url(database_url)
        if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
            return
        database = Path(url.database).resolve()  # one file, one lock, whatever links lead to it
        self._take(database, database.with_name(database.name + SUFFIX))

    def _take(self, database: Path, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            msg = f"cannot open {path}: {error.strerror}; the bridge's user must be able to write to that folder"
            raise BridgeError(msg) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = _owner(fd)
            os.close(fd)
            who = f" (process {owner})" if owner else ""
            msg = (
                f"another daemon{who} already serves {database}; stop it first, or give this one a database of its own. "
                "Other verbs of queqiao work beside it; several daemons need PostgreSQL"
            )
            raise InUse(msg) from error
        except OSError as error:
            os.close(fd)
            msg = f"cannot lock {path}: {error.strerror}; put the database on a local disk"
            raise BridgeError(msg) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._fd = fd

    def close(self) -> None:
        """Let go."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _owner(fd: int) -> str:
    """Return the process number that the holder wrote, or an empty string."""
    text = os.pread(fd, PID_CHARS_MAX, 0).decode("ascii", "replace").strip()
    return text if text.isdigit() else ""

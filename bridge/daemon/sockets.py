"""Listening sockets: opened here or handed over by the service manager (sd_listen_fds(3)), and kept across a reload.

While the daemon begins anew with another configuration, the system keeps new connections waiting on the socket: nobody
is refused.
"""

from __future__ import annotations

import os
import socket
from typing import Final

from bridge.config import split_listen
from bridge.web.serve import BACKLOG, listening_socket

FIRST_FD: Final = 3
"""SD_LISTEN_FDS_START."""
FDS_MAX: Final = 16
ADMIN_NAME: Final = "admin"
"""``FileDescriptorName=`` of the operators' socket; any other one is the main one."""


class Sockets:
    """One socket per address; ``lend`` gives a duplicate that a server may close."""

    def __init__(self) -> None:
        self._opened: dict[tuple[str, str], socket.socket] = {}
        self._handed = _from_manager()

    def lend(self, listen: str, *, is_admin: bool = False) -> socket.socket:
        """Return a listening socket for ``HOST:PORT``. Raises OSError if the address cannot be had.

        What the service manager handed over is taken whatever the configuration says: the unit decides.
        """
        role = ADMIN_NAME if is_admin else ""
        if role in self._handed:
            return self._handed[role].dup()
        key = (role, listen)  # port 0 is another free port for each role
        if key not in self._opened:
            opened = listening_socket(*split_listen(listen))
            opened.listen(BACKLOG)
            self._opened[key] = opened
        return self._opened[key].dup()

    def keep_only(self, *listens: str) -> None:
        """Close what no configuration names any more."""
        for key in [key for key in self._opened if key[1] not in listens]:
            self._opened.pop(key).close()

    def close(self) -> None:
        """Close all."""
        for sock in (*self._opened.values(), *self._handed.values()):
            sock.close()
        self._opened.clear()
        self._handed.clear()


def _from_manager() -> dict[str, socket.socket]:
    """Take what ``LISTEN_FDS`` announces, if it is meant for this process."""
    count, pid = os.environ.pop("LISTEN_FDS", ""), os.environ.pop("LISTEN_PID", "")
    names = os.environ.pop("LISTEN_FDNAMES", "").split(":")
    if not count.isdigit() or pid != str(os.getpid()):
        return {}
    handed: dict[str, socket.socket] = {}
    for number in range(min(int(count), FDS_MAX)):
        name = names[number] if number < len(names) else ""
        sock = socket.socket(fileno=FIRST_FD + number)
        sock.set_inheritable(False)
        sock.listen(BACKLOG)
        handed[ADMIN_NAME if name == ADMIN_NAME else ""] = sock
    return handed

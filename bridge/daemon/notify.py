"""systemd's notification protocol (sd_notify(3)): one datagram of words to $NOTIFY_SOCKET."""

from __future__ import annotations

import os
import socket


def notify(words: str) -> bool:
    """Tell the service manager; returns whether there was one to tell."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return False
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.connect(address)
            sender.sendall(words.encode())
        except OSError:
            return False
    return True

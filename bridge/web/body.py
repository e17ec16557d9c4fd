"""Request bodies: bounded, and with a length, whatever the server in front makes of chunks."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.web.wsgi import Environ

CHUNK_BYTES: Final = 65_536


class TooLarge(Exception):
    """The body is longer than allowed."""


class Unreadable(Exception):
    """The body did not arrive as it was announced."""


def settle(environ: Environ, bytes_max: int) -> None:
    """Make ``wsgi.input`` and CONTENT_LENGTH agree. Raises TooLarge, Unreadable.

    A body without a length (chunked) is read here, as far as the server hands chunks through; a server that hides
    their end says so by not setting ``wsgi.input_terminated``, and then there is no body.
    """
    text = str(environ.get("CONTENT_LENGTH") or "").strip()
    if text:
        if not text.isascii() or not text.isdigit():
            raise Unreadable
        if len(text) > 15 or int(text) > bytes_max:
            raise TooLarge
        return
    chunked = "chunked" in str(environ.get("HTTP_TRANSFER_ENCODING", "")).lower()
    if not chunked and not environ.get("wsgi.input_terminated"):
        environ["CONTENT_LENGTH"] = "0"
        return
    if not environ.get("wsgi.input_terminated"):
        raise Unreadable
    parts: list[bytes] = []
    size = 0
    while True:
        try:
            part = environ["wsgi.input"].read(CHUNK_BYTES)
        except OSError as error:
            raise Unreadable from error
        if not part:
            break
        size += len(part)
        if size > bytes_max:
            raise TooLarge
        parts.append(part)
    environ["wsgi.input"] = io.BytesIO(b"".join(parts))
    environ["CONTENT_LENGTH"] = str(size)
    environ.pop("HTTP_TRANSFER_ENCODING", None)

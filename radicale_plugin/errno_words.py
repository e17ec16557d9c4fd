"""Failures in the only words that a stock Radicale understands: ValueErrors with an errno in their text."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.errors import BridgeError


def as_value_error(error: BridgeError) -> ValueError:
    """Return what makes Radicale's PUT, PROPPATCH, MOVE and MKCALENDAR answer as close as they can.

    403 and 404 become its bare 403, 5xx its 500 (nothing else can be said), the rest its 400.
    """
    if error.http_status in (403, 404):
        number = errno.EACCES
    elif error.http_status >= 500:  # the server's side of the status codes
        number = errno.EIO
    else:
        return ValueError(str(error))
    return ValueError(f"[Errno {number}] {error}")

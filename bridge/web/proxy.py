"""Who is asking, by which name and under which path: the truth about proxies.

Headers of a proxy are believed from trusted peers only, and are taken out of the environ in every case: nothing
behind this may decide by a header that anybody can send.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.web.wsgi import Environ

FORGEABLE: Final[tuple[str, ...]] = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_SERVER",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_SSL",
    "HTTP_X_REAL_IP",
    "HTTP_X_REMOTE_ADDR",
    "HTTP_X_REMOTE_USER",
    "HTTP_X_SCRIPT_NAME",
    "HTTP_REMOTE_USER",
    "REMOTE_USER",
    "REMOTE_HOST",
    "HTTP_PROXY",
)
"""Everything that a proxy may say about a request, and that something behind us might believe."""
HOPS_MAX: Final = 20
"""Entries of X-Forwarded-For that are looked at, from the nearest on."""

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9._~%@+-]+)+")


class Proxies:
    """Cleans the environ. ``trusted`` are addresses and networks, ``public_url`` is the configured one."""

    def __init__(self, trusted: Sequence[str], public_url: str) -> None:
        self._networks = [ipaddress.ip_network(one, strict=False) for one in trusted]
        url = urlsplit(public_url)
        self.prefix = unquote(url.path).rstrip("/")
        """Path of the public URL, without a slash at its end; unquoted."""
        self.origin = f"{url.scheme}://{url.netloc}" if url.netloc else ""

    def clean(self, environ: Environ) -> None:
        """Set REMOTE_ADDR, wsgi.url_scheme, HTTP_HOST and SCRIPT_NAME to what is true for the client."""
        said = {name: str(environ.pop(name)) for name in FORGEABLE if name in environ}
        environ["SCRIPT_NAME"] = self.prefix
        if not self._trusts(str(environ.get("REMOTE_ADDR", ""))):
            return
        chain = [part.strip() for part in said.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
        for hop in reversed(chain[-HOPS_MAX:]):
            address = _bare(hop)
            if address is None:
                break
            environ["REMOTE_ADDR"] = address
            if not self._trusts(address):
                break
        scheme = _last(said, "HTTP_X_FORWARDED_PROTO").lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        host = _last(said, "HTTP_X_FORWARDED_HOST")
        if _HOST.fullmatch(host):
            environ["HTTP_HOST"] = host
        prefix = (_last(said, "HTTP_X_SCRIPT_NAME") or _last(said, "HTTP_X_FORWARDED_PREFIX")).rstrip("/")
        if _PREFIX.fullmatch(prefix):
            environ["SCRIPT_NAME"] = unquote(prefix)

    def _trusts(self, address: str) -> bool:
        try:
            peer = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(peer, "ipv4_mapped", None)
        return any(
            peer in network or (mapped is not None and mapped in network) for network in self._networks
        )

    def public_origin(self, environ: Environ) -> str:
        """Return ``https://host`` as people type it: the configured one, else what the request was sent to."""
        if self.origin:
            return self.origin
        host = str(environ.get("HTTP_HOST") or "")
        if not _HOST.fullmatch(host):
            host = f"{environ.get('SERVER_NAME', 'localhost')}:{environ.get('SERVER_PORT', '80')}"
        return f"{environ.get('wsgi.url_scheme', 'http')}://{host}"


def _last(said: dict[str, str], name: str) -> str:
    """Return the value that the nearest proxy wrote: it appends to what was there."""
    return said.get(name, "").rpartition(",")[2].strip()


def _bare(hop: str) -> str | None:
    """Return the address of an X-Forwarded-For entry, without a port."""
    text = hop.strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None

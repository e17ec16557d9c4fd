"""The way to a host: its name, a connection, TLS, and the clock by the answer's Date header (RFC 9110 6.6.1)."""

from __future__ import annotations

import email.utils
import ipaddress
import queue
import socket
import ssl
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from bridge.daemon.doctor.finding import Finding, bad, good, skipped

if TYPE_CHECKING:
    from collections.abc import Callable

LOOKUP_S: Final = 5.0
"""How long a name may take (seconds)."""
CONNECT_S: Final = 5.0
"""How long a connection, and TLS on it, may take (seconds)."""
SKEW_MAX_S: Final = 30.0
"""How far this machine's clock may be from a vendor's (seconds): signatures and tokens allow minutes, receipts look odd before."""
ROUND_TRIP_MAX_S: Final = 10.0
"""An answer that took longer (seconds) says too little about the time."""
DAYS_LEFT_MIN: Final = 14
"""A certificate of ours that ends sooner (days) should have been renewed by itself."""
PORTS: Final = {"http": 80, "https": 443}


def reach(url: str, source: str, *, now_s: Callable[[], float] = time.time) -> list[Finding]:
    """Look at the way to a vendor's URL, up to the first link that is broken."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    found: list[Finding] = []
    if goes_through_a_proxy(parts.scheme, host):
        found.append(skipped("dns", "a proxy looks names up (HTTPS_PROXY)", source, facts={"proxy": True}))
    else:
        found.append(lookup(host, port, source))
        if found[-1].ok is not False:
            found.append(connect(host, port, source, tls=parts.scheme == "https"))
    if found[-1].ok is not False:
        found.append(clock(url, source, now_s=now_s))
    return found


def goes_through_a_proxy(scheme: str, host: str) -> bool:
    """Return whether the environment sends requests to a host through a proxy (as the bridge's own calls go)."""
    is_here = host == "localhost" or host.endswith(".localhost") or _is_loopback(host)
    return not is_here and scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host)


def lookup(host: str, port: int, source: str = "") -> Finding:
    """Look a name up, in bounded time."""
    answers: queue.SimpleQueue[int | str] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(len(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except OSError as error:
            answers.put(error.strerror or type(error).__name__)
        except UnicodeError:
            answers.put("it is no host name")

    threading.Thread(target=ask, name="lookup", daemon=True).start()
    try:
        answer = answers.get(timeout=LOOKUP_S)
    except queue.Empty:
        return bad(
            "dns", f"nobody said within {LOOKUP_S:.0f} s where {host} is", source, facts={"timeout": True}
        )
    if isinstance(answer, str):
        return bad("dns", f"the name {host} is not known ({answer})", source)
    return good("dns", f"{host} is known", source, facts={"addresses": answer})


def connect(host: str, port: int, source: str = "", *, tls: bool, own: bool = False) -> Finding:
    """Connect, and where ``tls`` shake hands as the bridge would. ``own``: the certificate is ours to renew."""
    at = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), CONNECT_S) as plain:
            if not tls:
                return good("connection", f"{at} answers", source)
            with httpx.create_ssl_context().wrap_socket(plain, server_hostname=host) as safe:
                certificate = safe.getpeercert() or {}
                version = safe.version() or ""
    except ssl.SSLCertVerificationError as error:
        return bad(
            "tls",
            f"the certificate of {at} is not trusted: {error.verify_message}",
            source,
            facts={"code": error.verify_code},
        )
    except ssl.SSLError as error:
        return bad("tls", f"no TLS with {at} ({error.reason or type(error).__name__})", source)
    except OSError as error:
        why = error.strerror or (
            "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
        )
        return bad("connection", f"no connection to {at} ({why})", source, facts={"errno": error.errno or 0})
    ends_s = ssl.cert_time_to_seconds(str(certificate.get("notAfter", "Jan  1 00:00:00 2100 GMT")))
    days = int((ends_s - time.time()) // 86_400)
    if own and days < DAYS_LEFT_MIN:
        return bad(
            "certificate", f"the certificate of {at} ends in {days} days", source, facts={"days": days}
        )
    return good(
        "tls", f"{at} speaks {version}; its certificate ends in {days} days", source, facts={"days": days}
    )


def clock(url: str, source: str, *, now_s: Callable[[], float] = time.time) -> Finding:
    """Compare this machine's clock with the Date header of an answer, whatever its status."""
    host = urlsplit(url).hostname or ""
    try:
        with httpx.Client(
            timeout=CONNECT_S, trust_env=goes_through_a_proxy(urlsplit(url).scheme, host)
        ) as client:
            before_s = now_s()
            answer = client.head(url)
            after_s = now_s()
    except httpx.HTTPError as error:
        return bad("connection", f"{host} does not answer over HTTP ({type(error).__name__})", source)
    try:
        theirs_s = email.utils.parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except ValueError:
        return skipped("clock", f"{host} does not say what time it is", source)
    if not 0 <= after_s - before_s <= ROUND_TRIP_MAX_S:
        return skipped("clock", f"{host} took too long to compare clocks", source)
    # The header counts whole seconds, so the moment meant is half a second later on average.
    ahead_s = round((before_s + after_s) / 2 - theirs_s - 0.5, 1)
    if abs(ahead_s) > SKEW_MAX_S:
        way = "ahead of" if ahead_s > 0 else "behind"
        return bad(
            "clock",
            f"this machine's clock is {abs(ahead_s):.0f} s {way} that of {host}",
            source,
            facts={"ahead_s": ahead_s},
        )
    return good(
        "clock", f"within {max(1.0, abs(ahead_s)):.0f} s of {host}", source, facts={"ahead_s": ahead_s}
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

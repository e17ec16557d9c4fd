"""Sending JSON to a vendor and reading JSON back; no other part of a provider knows httpx.

Every failure becomes one class of :mod:`bridge.errors`, decided by one question: may the request have had an
effect? Calls marked as writes that left without a clear answer raise OutcomeUnknown; the same for a read is
Unreachable, and is tried again a few times. No message carries a URL, a token or a body.
"""

from __future__ import annotations

import email.utils
import ipaddress
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

import httpx
import msgspec

from bridge.errors import (
    BridgeError,
    OutcomeUnknown,
    Refused,
    Throttled,
    TokenStale,
    Unauthorised,
    Unreachable,
)
from bridge.log import fields
from bridge.providers.limiter import Lane, Limiter, Priority

if TYPE_CHECKING:
    from bridge.providers.base import Json
    from bridge.providers.runtime import Runtime

log = logging.getLogger(__name__)

ANSWER_BYTES_MAX: Final = 32 * 1024 * 1024
"""Largest decoded answer (bytes): 100 schedules with 1000 attendees each stay below."""

CONNECT_TIMEOUT_MAX_S: Final = 5.0
"""Seconds for a connection to stand; a dead address is known sooner than a slow answer."""

POOL_TIMEOUT_MAX_S: Final = 5.0
"""Seconds to get a connection out of the pool; the limiter admits no more calls than it has."""

TOTAL_TIMEOUT_FACTOR: Final = 3
"""An answer that drips in for longer than this many times the timeout is given up."""

KEEPALIVE_S: Final = 15.0
"""Idle seconds after which we close a connection, before the vendor's gateway does it in mid-request."""

ATTEMPTS_MAX: Final = 3
"""How often a call is sent at most: a read while the vendor is unreachable, any while it asks to wait shortly."""

RETRY_FIRST_S: Final = 0.2
RETRY_MAX_S: Final = 2.0
"""Pause before the second attempt, doubled each time up to this (seconds), of which half is random."""

RETRY_AFTER_DEFAULT_S: Final = 60.0
"""Where a vendor says "too many" without saying until when: its minute window (WeCom 13, DingTalk 5.2)."""

RETRY_AFTER_MAX_S: Final = 86_400.0
"""A longer Retry-After is not believed (seconds)."""

STATUS_TOO_MANY: Final = 429
STATUS_UNAVAILABLE: Final = 503
STATUS_OK_FIRST: Final = 200
STATUS_OK_LAST: Final = 299
STATUS_SERVER_FIRST: Final = 500

_BOM: Final = b"\xef\xbb\xbf"
_QUIET_LOGGERS: Final = (
    "httpx", "httpcore", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy",
    "httpcore.socks",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One call of a vendor's API, as data."""

    name: str
    """Stable and free of data; names the rate bucket and the metric: ``schedule.add``."""
    method: str
    path: str
    """Appended to the base URL; ``{name}`` is filled, quoted, from ``send(path=…)``."""
    is_write: bool = False
    """Whether the call changes anything: then a missing answer is OutcomeUnknown, nothing is sent twice."""
    timeout_s: float | None = None
    """For answers that are known to take long; otherwise the source's timeout."""
    is_billed: bool = False
    """Whether the vendor bills it: then each request is counted before it leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as a vendor's judge sees it."""

    status: int
    json: Json | None
    """The body if it is a JSON object; ``{}`` for an empty body; None for anything else."""
    retry_after_s: float | None = None
    """The Retry-After header in seconds, if there was one."""


Judge: TypeAlias = Callable[[Endpoint, Reply], BridgeError | None]
"""Reads a vendor's own error form. None: no error that it knows; then the HTTP status decides."""


class Meter(Protocol):
    """Counts billed requests; every attempt is one."""

    def take(self, priority: Priority, endpoint: str) -> str:
        """Count a request that is about to leave; returns what ``give_back`` takes. Raises Throttled or Exhausted."""
        ...

    def give_back(self, taken: str) -> None:
        """Undo it for a request that the vendor does not count."""
        ...


class _Free:
    """Counts nothing."""

    def take(self, _priority: Priority, _endpoint: str) -> str:
        """Let everything pass."""
        return ""

    def give_back(self, _taken: str) -> None:
        """Do nothing."""


def _is_uncounted(failure: BridgeError, reply: Reply) -> bool:
    """Return whether a vendor does not count a call with this answer: turned away at its gate, or by an ill one."""
    if isinstance(failure, Throttled | TokenStale | Unauthorised):
        return True
    return not reply.json and reply.status >= STATUS_SERVER_FIRST


class _Quiet(logging.Filter):
    """Lets only warnings pass: below that, HTTP libraries log whole URLs, and tokens travel in those."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record may be written."""
        return record.levelno >= logging.WARNING


_QUIET: Final = _Quiet()


def silence_http_libraries() -> None:
    """Keep URLs out of every log, whatever levels are set later. Safe to call often."""
    for name in _QUIET_LOGGERS:
        logging.getLogger(name).addFilter(_QUIET)


# ---- failures without an answer --------------------------------------------------------------------------

_NEVER_LEFT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
)
_NEVER_BUILT: Final = (httpx.InvalidURL, httpx.UnsupportedProtocol)
_HTTPX_ERRORS: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError)


class _NeverLeft(Unreachable):
    """Unreachable, and no byte of the request was sent. Stays in this file."""


def translate(endpoint: Endpoint, error: Exception) -> BridgeError:
    """Return our failure for one of httpx, by whether the request may have had an effect.

    The message names the class only: texts of the HTTP library may quote what a server sent.
    """
    kind = type(error).__name__
    if isinstance(error, _NEVER_BUILT):
        return Refused(
            f"{endpoint.name}: no request could be made of this ({kind}); check base_url and the ids"
        )
    if isinstance(error, _NEVER_LEFT):
        return Unreachable(f"{endpoint.name}: no connection to the vendor ({kind}); it is tried again")
    return unclear(endpoint, f"no answer came ({kind})")


def _never_built(endpoint: Endpoint, kind: str) -> BridgeError:
    """Return the failure of a call that is no valid HTTP request."""
    return Refused(f"{endpoint.name}: no request can be made of this ({kind}); check base_url and the ids")


def unclear(endpoint: Endpoint, what: str) -> BridgeError:
    """Return the failure of a request that left but has no clear answer: ask first, or simply repeat."""
    if endpoint.is_write:
        return OutcomeUnknown(f"{endpoint.name}: {what}; whether it happened has to be asked")
    return Unreachable(f"{endpoint.name}: {what}; it is tried again")


def asks_to_wait(endpoint: Endpoint, reply: Reply) -> bool:
    """Return whether an ill vendor says until when (RFC 9110 10.2.3); a write may have happened all the same."""
    return reply.status == STATUS_UNAVAILABLE and reply.retry_after_s is not None and not endpoint.is_write


def judge_status(endpoint: Endpoint, reply: Reply) -> BridgeError | None:
    """Return the failure that the HTTP status alone means, or None."""
    status = reply.status
    if status == STATUS_TOO_MANY:
        wait_s = RETRY_AFTER_DEFAULT_S if reply.retry_after_s is None else reply.retry_after_s
        msg = f"{endpoint.name}: the vendor asks to wait (HTTP {status})"
        return Throttled(msg, retry_after_s=wait_s, code=str(status))
    if asks_to_wait(endpoint, reply):
        msg = f"{endpoint.name}: the vendor asks to wait (HTTP {status})"
        return Throttled(msg, retry_after_s=reply.retry_after_s or 0.0, code=str(status))
    if reply.json is None:
        return unclear(endpoint, f"the answer is not the vendor's (HTTP {status}, no JSON object)")
    if STATUS_OK_FIRST <= status <= STATUS_OK_LAST:
        return None
    if status >= STATUS_SERVER_FIRST:
        return unclear(endpoint, f"the vendor failed (HTTP {status})")
    if status > STATUS_OK_LAST and not reply.json:
        return unclear(endpoint, f"the answer is not the vendor's (HTTP {status}, empty)")
    return Refused(f"{endpoint.name}: the vendor refused (HTTP {status})", code=str(status))


# ---- the transport ---------------------------------------------------------------------------------------


class Transport:
    """One host of one source. Thread-safe; connections are kept alive and shared."""

    def __init__(
        self,
        *,
        source_id: str,
        base_url: str,
        runtime: Runtime,
        limiter: Limiter,
        judge: Judge,
        timeout_s: float = 10.0,
        connections_max: int = 8,
        short_wait_s: float = 0.0,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
        meter: Meter | None = None,
    ) -> None:
        """Prepare; nothing is sent. ``base_url`` may carry a path; raises ValueError unless it is http(s).

        ``short_wait_s``: a vendor that asks to wait up to so many seconds is waited for here; longer waits, and with
        0 all of them, are the caller's.
        """
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            msg = f"source {source_id}: base_url must be http:// or https:// with a host, without query"
            raise ValueError(msg)
        silence_http_libraries()
        self._source_id = source_id
        self._base_url = base_url.rstrip("/")
        self._runtime = runtime
        self._limiter = limiter
        self._judge = judge
        self._meter = meter or _Free()
        self._timeout_s = timeout_s
        self._short_wait_s = short_wait_s
        self._answer_bytes_max = answer_bytes_max
        self._rng = runtime.rng
        self._client = httpx.Client(
            timeout=self._timeouts(timeout_s),
            limits=httpx.Limits(
                max_connections=connections_max,
                max_keepalive_connections=connections_max,
                keepalive_expiry=KEEPALIVE_S,
            ),
            follow_redirects=False,
            # A company's proxy is named by the environment; a simulator on this machine is never behind one.
            trust_env=not _is_loopback(parts.hostname),
            # Certificates are only read where they are needed: that takes longer than all the rest.
            verify=parts.scheme == "https",
            # Nobody's cookies: one jar would be shared by all threads.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"Accept": "application/json", "User-Agent": "queqiao"},
            transport=runtime.wire,
        )

    def send(
        self,
        endpoint: Endpoint,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Json | None = None,
        lane: Lane | None = None,
    ) -> Json:
        """Send one call and return the vendor's JSON object; ``{}`` if it answered success without a body.

        Raises the classes of :mod:`bridge.errors`. Reads are repeated while the vendor is unreachable, and any call
        that the vendor asks to repeat in a moment: then nothing happened.
        """
        request = self._build(endpoint, path or {}, query or {}, headers or {}, body)
        pause_s = RETRY_FIRST_S
        attempts_left = ATTEMPTS_MAX
        while True:
            attempts_left -= 1
            try:
                return self._attempt(endpoint, request, lane or Lane())
            except Unreachable:
                if endpoint.is_write or not attempts_left:
                    raise
                self._runtime.clock.sleep(pause_s * (0.5 + self._rng.random() / 2))
                pause_s = min(pause_s * 2, RETRY_MAX_S)
            except Throttled as error:
                # The limiter makes the next attempt wait as long as the vendor asked.
                if (
                    type(error) is not Throttled
                    or error.retry_after_s > self._short_wait_s
                    or not attempts_left
                ):
                    raise

    def end_waits(self) -> None:
        """Let no call wait for its turn any more: the process ends."""
        self._limiter.end()

    def close(self) -> None:
        """Close all connections; calls made afterwards raise Unreachable."""
        self._client.close()

    # ---- one attempt ----

    def _attempt(self, endpoint: Endpoint, request: httpx.Request, lane: Lane) -> Json:
        """Take a turn, send once, judge."""
        meter = self._meter if endpoint.is_billed else _Free()
        with self._limiter.turn(endpoint.name, lane):
            taken = meter.take(lane.priority, endpoint.name)
            try:
                reply = self._exchange(endpoint, request)
            except _NeverLeft as error:
                meter.give_back(taken)
                unsent = Unreachable(str(error))
                self._count(endpoint, unsent)
                raise unsent from None
            except BridgeError as error:
                self._count(endpoint, error)
                raise
            failure = self._judge(endpoint, reply) or judge_status(endpoint, reply)
            if failure is not None and _is_uncounted(failure, reply):
                meter.give_back(taken)
            self._count(endpoint, failure)
            if failure is None:
                return reply.json or {}
            if type(failure) is Throttled:
                self._limiter.penalise(endpoint.name, failure.retry_after_s)
            raise failure

    def _exchange(self, endpoint: Endpoint, request: httpx.Request) -> Reply:
        """Send the request and read the answer within bounds of time and size."""
        deadline_s = self._runtime.clock.monotonic_s() + TOTAL_TIMEOUT_FACTOR * self._timeout_of(endpoint)
        failure: BridgeError
        try:
            response = self._client.send(request, stream=True)
            try:
                body = self._read(endpoint, response, deadline_s)
            finally:
                response.close()
            return Reply(
                status=response.status_code,
                json=parse_object(body),
                retry_after_s=self._retry_after_s(response.headers.get("retry-after")),
            )
        except _HTTPX_ERRORS as error:
            failure = translate(endpoint, error)
            if isinstance(error, _NEVER_LEFT):
                failure = _NeverLeft(str(failure))
        except RuntimeError:
            # httpx's answer to a call on a closed client: nothing was sent.
            if not self._client.is_closed:
                raise
            failure = _NeverLeft(f"{endpoint.name}: the connection is being shut down")
        # Not "from error": an httpx exception holds the request, and with it the token.
        raise failure from None

    def _read(self, endpoint: Endpoint, response: httpx.Response, deadline_s: float) -> bytes:
        """Return the decoded body; a sender that never ends is left."""
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self._answer_bytes_max:
                raise unclear(endpoint, "the answer is larger than any that is expected")
            if self._runtime.clock.monotonic_s() > deadline_s:
                raise unclear(endpoint, "the answer took too long")
        return bytes(body)

    def _build(
        self,
        endpoint: Endpoint,
        path: Mapping[str, str],
        query: Mapping[str, str | int],
        headers: Mapping[str, str],
        body: Json | None,
    ) -> httpx.Request:
        """Put a request together; ids are quoted, so that none can change the path."""
        url = self._base_url + endpoint.path.format_map({key: _segment(value) for key, value in path.items()})
        if query:
            url = f"{url}?{urlencode(query, quote_via=quote)}"
        all_headers = dict(headers)
        if body is not None:
            all_headers["Content-Type"] = "application/json; charset=utf-8"
        try:
            return self._client.build_request(
                endpoint.method,
                url,
                content=None if body is None else msgspec.json.encode(body),
                headers=all_headers,
                timeout=self._timeouts(self._timeout_of(endpoint)),
            )
        except UnicodeError:
            failure = _never_built(endpoint, "UnicodeError")
        except _HTTPX_ERRORS as error:
            failure = translate(endpoint, error)
        raise failure from None

    def _timeout_of(self, endpoint: Endpoint) -> float:
        """Return how long one step of a call may take, in seconds."""
        return endpoint.timeout_s or self._timeout_s

    def _timeouts(self, timeout_s: float) -> httpx.Timeout:
        """Return the four timeouts of a call, in seconds."""
        return httpx.Timeout(
            connect=min(timeout_s, CONNECT_TIMEOUT_MAX_S),
            read=timeout_s,
            write=timeout_s,
            pool=min(timeout_s, POOL_TIMEOUT_MAX_S),
        )

    def _count(self, endpoint: Endpoint, failure: BridgeError | None) -> None:
        """Count one HTTP request by endpoint, outcome and the vendor's code."""
        outcome = "ok" if failure is None else type(failure).__name__
        code = "" if failure is None else failure.code
        self._runtime.count_call(self._source_id, endpoint.name, outcome, code)
        level = logging.INFO if endpoint.is_write else logging.DEBUG
        told = code if _CODE.fullmatch(code) else "other"
        extra = fields(source=self._source_id, endpoint=endpoint.name, outcome=outcome, code=told)
        log.log(level, "vendor.called", extra=extra)

    def _retry_after_s(self, value: str | None) -> float | None:
        """Read Retry-After (RFC 9110 10.2.3): seconds or a date; nonsense counts as absent."""
        if value is None:
            return None
        text = value.strip()
        if text.isascii() and text.isdigit():
            return min(float(text), RETRY_AFTER_MAX_S)
        try:
            moment = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        wait_s = moment.timestamp() - self._runtime.clock.now_ms() / 1000
        return min(max(wait_s, 0.0), RETRY_AFTER_MAX_S)


_CODE: Final = re.compile(r"[A-Za-z0-9._-]{0,80}")
"""What a vendor's code looks like; anything else might be a text."""
_NUMBERS: Final = re.compile(r"[0-9a-fA-F:.]{3,45}")
SEEN_CHARS_MAX: Final = 2000
"""Characters of a vendor's message that are looked through for an address."""


def address_in(words: object) -> str:
    """Return the first network address that a vendor's message names: the caller's, where a caller is refused."""
    for found in _NUMBERS.findall(str(words or "")[:SEEN_CHARS_MAX]):
        text = found.strip(".") if "." in found else found
        if text.count(".") != 3 and text.count(":") < 2:
            continue
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            continue
    return ""


# ---- pure parts ------------------------------------------------------------------------------------------


def parse_object(body: bytes) -> Json | None:
    """Return the JSON object in an answer; ``{}`` for an empty answer, None for anything else.

    A vendor that cut a text in the middle of an emoji must not make a whole calendar unreadable: broken UTF-8
    and lone surrogates become U+FFFD.
    """
    text = body.removeprefix(_BOM).strip()
    if not text:
        return {}
    value: Any
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            value = _scrubbed(json.loads(text.decode("utf-8", "replace"), strict=False))
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def _scrubbed(value: Any) -> Any:
    """Return a JSON value without lone surrogates, which no UTF-8 text can hold."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_scrubbed(item) for item in value]
        case dict():
            return {_scrubbed(key): _scrubbed(item) for key, item in value.items()}
        case _:
            return value


def _segment(value: str) -> str:
    """Quote one path segment; ``.`` and ``..`` as well, which would walk through the path."""
    return quote(value, safe="") if value.strip(".") else value.replace(".", "%2E")


def _is_loopback(host: str) -> bool:
    """Return whether a host name means this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

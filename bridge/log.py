"""Logs: event names, a closed list of fields, redaction. The only place that configures logging.

Everybody else writes ``log = logging.getLogger(__name__)`` and
``log.info("pull.applied", extra=fields(source="wecom", count=3))``. The message is an event name, stable
enough to count; there is no field for a title, a person, an address or a token, and what slips into a text
is masked here.
"""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
import sys
import traceback
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO, TypedDict, Unpack

import structlog

from bridge.errors import BridgeError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from structlog.typing import EventDict, Processor, WrappedLogger

VALUE_CHARS_MAX: Final = 2000
"""Characters of one value in a log line; what is longer is cut: an error page must not flood a disk."""
CAUSES_MAX: Final = 8
"""Links of an exception's chain that a log line shows."""
FRAMES_MAX: Final = 30
"""Frames of each traceback that a log line shows, the innermost ones."""
MASK: Final = "***"


class Fields(TypedDict, total=False):
    """Every field a log line may carry. Units stand in the names; no field for titles, people or secrets."""

    action: str
    ahead_s: float
    """How far the database's clock is ahead of this machine's (seconds)."""
    address: str
    """Where we listen, as ``host:port``; never a person's address."""
    attempt: int
    budget_left: int
    bytes: int
    calendar: int
    """Our number of a collection."""
    cause: str
    changed: int
    code: str
    """The vendor's own error code."""
    count: int
    deleted: int
    endpoint: str
    """The vendor's call, without query: ``schedule/add``."""
    error: str
    """Class name of a failure."""
    failed: int
    held: int
    intent: int | str
    """Our number of a journaled edit."""
    job: str
    kind: str
    """Kind of a provider: ``wecom``, ``dingtalk``."""
    link: int
    method: str
    node: str
    object: int
    """Our number of a calendar object."""
    operation: str
    """Create, Update, Split, Drop, Delete, Respond."""
    outcome: str
    pages: int
    reason: str
    """A fixed word of ours, never a text from outside."""
    request_id: str
    retry_after_s: float
    retry_at_ms: int
    route: str
    """Which part of the URL space: ``dav``, ``feed``, ``ui``, ``hook``, ``admin``; never a path."""
    schema: str
    """Revision of the database."""
    signal: str
    source: str
    """Id of a configured source."""
    state: str
    status: int
    """HTTP status."""
    threads: int
    took_ms: int
    until_ms: int
    version: str
    waiting: int


FIELD_NAMES: Final = frozenset(Fields.__annotations__)

_request_id: ContextVar[str] = ContextVar("queqiao_request_id", default="")


def fields(**values: Unpack[Fields]) -> dict[str, Any]:
    """Return ``extra`` for a logging call; mypy refuses a misspelt field."""
    return dict(values)


@contextlib.contextmanager
def request_scope(request_id: str = "") -> Iterator[str]:
    """Give every log line inside one request id: the given one, or a new random one of 16 hex digits."""
    chosen = request_id or secrets.token_hex(8)
    mark = _request_id.set(chosen)
    try:
        yield chosen
    finally:
        _request_id.reset(mark)


def current_request_id() -> str:
    """Return the id of the request this thread works on, or an empty string."""
    return _request_id.get()


# ---- redaction ---------------------------------------------------------------------------------------------

_SECRET_PARAMETER: Final = re.compile(
    r"(?i)\b(access_token|suite_access_token|corpsecret|appsecret|client_?secret|secret|password|token|ticket|"
    r"aes_key|msg_signature|signature|echostr)(\"?\s*[=:]\s*\"?)[^\s&\"',;}\])]+"
)
_SECRET_HEADER: Final = re.compile(
    r"(?i)\b(authorization|x-acs-dingtalk-access-token|cookie|set-cookie)(['\"]?\s*[=:,]\s*)[^\r\n]+"
)
_BEARER: Final = re.compile(r"(?i)\b(basic|bearer)\s+[a-z0-9+/=._~-]{8,}")
_FEED: Final = re.compile(r"(/feed/)[^\s/?\"']+")
_URL_PASSWORD: Final = re.compile(r"(://[^\s/:@]*:)[^\s@/]+@")
_MAIL: Final = re.compile(r"[^\s@<>\"'(=:,;]+@[^\s@<>\"'),;]+\.[a-zA-Z]{2,}")
_SPEAKS_SECRETS: Final = re.compile(r"(?i)access_token=|corpsecret=|appsecret=|/feed/")


def redact(text: str) -> str:
    """Return ``text`` with tokens, secrets, feed and mail addresses masked, and bounded in length."""
    if len(text) > VALUE_CHARS_MAX:
        text = text[:VALUE_CHARS_MAX] + "…"
    text = _SECRET_HEADER.sub(rf"\1\2{MASK}", text)
    text = _BEARER.sub(rf"\1 {MASK}", text)
    text = _SECRET_PARAMETER.sub(rf"\1\2{MASK}", text)
    text = _URL_PASSWORD.sub(rf"\1{MASK}@", text)
    text = _FEED.sub(rf"\1{MASK}", text)
    return _MAIL.sub(MASK, text)


def _redact_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask every text of a log line."""
    return {key: _redacted(value) for key, value in event.items()}


def _redacted(value: Any) -> Any:
    """Mask texts; numbers and truth values pass, everything else is shown as its type."""
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redacted(item) for item in list(value)[:FRAMES_MAX]]
    return type(value).__name__


def describe_failure(error: BaseException) -> str:
    """Return an exception's chain: classes and places, no message of foreign classes.

    A foreign message may hold anything (a parser quotes the line it failed on); our own are sentences that
    are written to be logged, and are masked like everything else.
    """
    parts: list[str] = []
    seen: BaseException | None = error
    for _ in range(CAUSES_MAX):
        if seen is None:
            break
        frames = traceback.extract_tb(seen.__traceback__)[-FRAMES_MAX:]
        places = " < ".join(
            f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in reversed(frames)
        )
        parts.append(f"{_headline(seen)} at {places}" if places else _headline(seen))
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return " | from ".join(parts)


def _headline(error: BaseException) -> str:
    """Return the class of a failure, and what may be said of it."""
    name = type(error).__name__
    if isinstance(error, BridgeError):
        return f"{name}: {redact(str(error))}"
    if isinstance(error, OSError) and error.errno is not None:
        return f"{name} errno {error.errno}"
    return name


def _failure(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace ``exc_info`` by a text without foreign messages."""
    info = event.pop("exc_info", None)
    error: BaseException | None = None
    if isinstance(info, BaseException):
        error = info
    elif isinstance(info, tuple):
        error = info[1]
    elif info:
        error = sys.exc_info()[1]
    if error is not None:
        event["failure"] = describe_failure(error)
    return event


def _request(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the request id, if there is one."""
    current = _request_id.get()
    if current:
        event.setdefault("request_id", current)
    return event


# ---- set-up -----------------------------------------------------------------------------------------------

QUIET: Final[dict[str, int]] = {
    "httpx": logging.WARNING,  # logs whole URLs at INFO, and WeCom's token travels in the query
    "httpcore": logging.WARNING,
    "radicale": logging.WARNING,  # one line per request with path and user name at INFO
    "waitress": logging.WARNING,
    "waitress.queue": logging.ERROR,  # "task queue depth" for each request over the thread count
    "apscheduler": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "alembic": logging.WARNING,
    "stamina": logging.WARNING,
    "websockets": logging.WARNING,
    "asyncio": logging.WARNING,
    "urllib3": logging.WARNING,
}
"""Other people's loggers and the level from which they are heard."""


class _NoSecretSpeech(logging.Filter):
    """Drops a foreign line that names a token or a feed address; ours are masked instead."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record may pass."""
        if record.name == "bridge" or record.name.startswith(("bridge.", "radicale_plugin")):
            return True
        try:
            text = record.getMessage()
        except (TypeError, ValueError):  # a foreign line whose arguments do not fit its text
            return False
        return _SPEAKS_SECRETS.search(text) is None


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what ``sys.stderr`` is at that moment, so a replaced or closed stream is never held."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        """Return the stream of this moment."""
        return sys.stderr

    @stream.setter
    def stream(self, _value: TextIO) -> None:
        """Ignore: there is no stream to keep."""


def build_handler(
    form: Literal["auto", "json", "console"] = "auto", *, stream: TextIO | None = None
) -> logging.Handler:
    """Return what turns records into lines: fields of the list only, masked. ``stream`` defaults to standard error."""
    handler: logging.Handler = _StderrHandler() if stream is None else logging.StreamHandler(stream)
    is_terminal = (stream or sys.stderr).isatty()
    as_json = form == "json" or (form == "auto" and not is_terminal)
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(allow=FIELD_NAMES),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _request,
        _failure,
        _redact_values,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False, sort_keys=True)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=is_terminal)
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(_NoSecretSpeech())
    handler.set_name("queqiao")
    return handler


def configure(
    level: str = "info", form: Literal["auto", "json", "console"] = "auto", *, stream: TextIO | None = None
) -> logging.Handler:
    """Send all logging through one handler; returns it. Calling again replaces the former one.

    ``level`` is of our own loggers: debug, info, warning or error. ``stream`` defaults to standard error.
    """
    handler = build_handler(form, stream=stream)
    root = logging.getLogger()
    for old in [known for known in root.handlers if known.get_name() == "queqiao"]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in ("bridge", "radicale_plugin"):
        logging.getLogger(name).setLevel(level.upper())
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(quiet)
    return handler


def note_thread_failure(failure: threading.ExceptHookArgs) -> None:
    """Log what nobody caught in a thread: for ``threading.excepthook``, whose own form shows foreign messages."""
    error = failure.exc_value
    if error is not None and not isinstance(error, SystemExit):
        extra = fields(error=type(error).__name__)
        logging.getLogger("bridge").critical("thread.uncaught", extra=extra, exc_info=error)

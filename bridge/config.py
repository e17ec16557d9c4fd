"""The configuration: TOML -> frozen structs. ``config.example.toml`` documents each option.

Only the shapes, their bounds and their forms stand here; ``config_load`` reads files and reports every
problem at once. A struct that is built in code is not checked: bounds and forms are for what people type.
"""

from __future__ import annotations

import functools
import typing
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

SECRET: Final[dict[str, Any]] = {"secret": True}
"""Marks an option whose value never reaches a log or a listing, and that also exists as ``<option>_file``."""

DAY_S: Final = 86_400

Listen: TypeAlias = Annotated[str, Meta(extra={"form": "listen"})]
Url: TypeAlias = Annotated[str, Meta(extra={"form": "url"})]
OptionalUrl: TypeAlias = Annotated[str, Meta(extra={"form": "optional_url"})]
Secret: TypeAlias = Annotated[str, Meta(min_length=1, extra=SECRET)]
OptionalSecret: TypeAlias = Annotated[str, Meta(extra=SECRET)]
AesKey: TypeAlias = Annotated[str, Meta(extra={**SECRET, "form": "aes_key"})]
Zone: TypeAlias = Annotated[str, Meta(extra={"form": "timezone"})]
Domain: TypeAlias = Annotated[str, Meta(extra={"form": "domain"})]
Slug: TypeAlias = Annotated[str, Meta(max_length=32, extra={"form": "slug"})]
Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """One table of the file. Its ``repr`` masks what is secret, for tracebacks and debuggers."""

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}={'***' if name in secret_names(type(self)) and value else repr(value)}"
            for name, value in ((name, getattr(self, name)) for name in self.__struct_fields__)
        )
        return f"{type(self).__name__}({shown})"


@functools.cache
def secret_names(options: type[msgspec.Struct]) -> frozenset[str]:
    """Return the names of a table's options that hold secrets."""
    hints = typing.get_type_hints(options, include_extras=True)
    return frozenset(name for name, hint in hints.items() if extra_of(hint).get("secret"))


def extra_of(hint: Any) -> dict[str, Any]:
    """Return what :data:`SECRET` and the forms above attached to an option's type."""
    found: dict[str, Any] = {}
    for note in getattr(hint, "__metadata__", ()):
        if isinstance(note, Meta) and note.extra:
            found.update(note.extra)
    return found


class Server(Options, frozen=True, kw_only=True):
    """``[server]``."""

    listen: Listen = "127.0.0.1:5232"
    admin_listen: Listen = "127.0.0.1:5233"
    public_url: OptionalUrl = ""
    """What clients type, without a trailing slash; may carry a path. Empty: derived from ``listen``."""
    trusted_proxies: Annotated[tuple[str, ...], Meta(max_length=64, extra={"form": "networks"})] = ()
    """Addresses or networks whose X-Forwarded-* and X-Script-Name are believed."""
    threads: Annotated[int, Meta(ge=1, le=256)] = 16
    connections_max: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    body_bytes_max: Annotated[int, Meta(ge=10_000, le=100_000_000)] = 2_000_000
    object_bytes_max: Annotated[int, Meta(ge=10_000, le=100_000_000)] = 1_000_000


class Database(Options, frozen=True, kw_only=True):
    """``[database]``."""

    url: Annotated[str, Meta(extra={**SECRET, "form": "database"})] = "sqlite:////var/lib/queqiao/queqiao.db"
    """SQLAlchemy's form; a SQLite path is absolute once ``config_load`` has seen it. May hold a password."""


class Log(Options, frozen=True, kw_only=True):
    """``[log]``."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"
    """``auto``: console on a terminal, JSON elsewhere."""


class Sync(Options, frozen=True, kw_only=True):
    """``[sync]``."""

    write_wait_s: Annotated[float, Meta(ge=0, le=60)] = 3.0
    """How long a client's write waits for the vendor before it is answered and carried on behind its back."""
    past_days: Annotated[int, Meta(ge=0, le=3650)] = 90
    future_days: Annotated[int, Meta(ge=1, le=3650)] = 400
    poll_s: Annotated[float, Meta(ge=1, le=DAY_S)] = 60.0
    """Between two looks at a WeCom calendar that a client asked for lately."""
    poll_billed_s: Annotated[float, Meta(ge=1, le=30 * DAY_S)] = 3600.0
    """The same for vendors that bill calls (DingTalk)."""
    freshness_s: Annotated[float, Meta(ge=0, le=DAY_S)] = 30.0
    compile_items_max: Annotated[int, Meta(ge=1, le=1000)] = 60
    carry_threads: Annotated[int, Meta(ge=1, le=128)] = 8
    history_days: Annotated[int, Meta(ge=1, le=3650)] = 90
    """How long deletions and receipts are remembered."""


class Ui(Options, frozen=True, kw_only=True):
    """``[ui]``."""

    admins: Annotated[tuple[str, ...], Meta(max_length=1000)] = ()
    """User names that see the administrator's pages."""
    session_hours: Annotated[float, Meta(ge=0.1, le=720)] = 12.0
    """How long somebody stays signed in to the pages, whatever they do meanwhile."""
    workday_data: Annotated[str, Meta(max_length=4096, extra={"form": "workdays"})] = ""
    """Absolute path of newer data of Chinese working days; empty: what is shipped."""


class WeComSource(Options, frozen=True, kw_only=True, tag_field="kind", tag="wecom"):
    """``[[source]]`` with ``kind = "wecom"``."""

    id: Slug
    corp_id: Text
    secret: Secret
    agent_id: Annotated[int, Meta(ge=0)] = 0
    base_url: Url = "https://qyapi.weixin.qq.com"
    callback_token: OptionalSecret = ""
    callback_aes_key: AesKey = ""
    calendars: Annotated[tuple[str, ...], Meta(max_length=10_000)] = ()
    """``cal_id``s that the app made earlier: WeCom lists none, so a bridge with a new database has to be told."""
    legacy_organizer: bool = False
    """Send ``organizer`` in schedule writes, as the 2022 page of the API did."""
    default_timezone: Zone = "Asia/Shanghai"
    timeout_s: Annotated[float, Meta(gt=0, le=120)] = 10.0
    allow_delete_calendar: bool = False
    calls_per_minute: Annotated[int, Meta(ge=1, le=100_000)] = 600
    """Per API; WeCom allows 10,000 per minute and company (reference 13)."""
    concurrency: Annotated[int, Meta(ge=1, le=128)] = 8
    creations_per_day: Annotated[int, Meta(ge=1, le=1_000_000)] = 20_000
    sign_in: bool = False
    """Offer the sign-in by WeCom on the pages."""
    login_url: Url = "https://login.work.weixin.qq.com"
    """Host of the sign-in page for browsers (reference 12)."""
    open_url: Url = "https://open.weixin.qq.com"
    """Host of the sign-in page inside WeCom's own app (reference 12)."""
    mail_domain: Domain = ""
    """Where addresses of members without a known e-mail live; empty: ``<id>.queqiao.invalid``."""


class DingTalkSource(Options, frozen=True, kw_only=True, tag_field="kind", tag="dingtalk"):
    """``[[source]]`` with ``kind = "dingtalk"``."""

    id: Slug
    client_id: Text
    client_secret: Secret
    corp_id: Annotated[str, Meta(max_length=200)] = ""
    base_url: Url = "https://api.dingtalk.com"
    oapi_base_url: Url = "https://oapi.dingtalk.com"
    push: Literal["stream", "http", "off"] = "off"
    callback_token: OptionalSecret = ""
    callback_aes_key: AesKey = ""
    monthly_calls: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 5000
    default_timezone: Zone = "Asia/Shanghai"
    timeout_s: Annotated[float, Meta(gt=0, le=120)] = 10.0
    calls_per_second: Annotated[int, Meta(ge=1, le=10_000)] = 20
    """Per API (reference 5.2)."""
    concurrency: Annotated[int, Meta(ge=1, le=128)] = 8
    creations_per_user_per_day: Annotated[int, Meta(ge=1, le=100_000)] = 100
    notify: bool = False
    """Let DingTalk send its own push and chat notices for edits made through the bridge."""
    sign_in: bool = False
    """Offer the sign-in by DingTalk on the pages."""
    login_url: Url = "https://login.dingtalk.com"
    """Host of the sign-in page (reference 8, 9)."""
    mail_domain: Domain = ""


Source: TypeAlias = WeComSource | DingTalkSource


def kind_of(source: Source) -> str:
    """Return the ``kind`` that chose a source's struct."""
    return str(type(source).__struct_config__.tag)


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file, secrets resolved."""

    server: Server = Server()
    database: Database = Database()
    log: Log = Log()
    sync: Sync = Sync()
    ui: Ui = Ui()
    source: tuple[Source, ...] = ()


def split_listen(text: str) -> tuple[str, int]:
    """Return (host, port) of ``HOST:PORT`` or ``[IPV6]:PORT``; raises ValueError with the reason."""
    host, colon, port_text = text.rpartition(":")
    if not colon or not host:
        msg = "it is not HOST:PORT"
        raise ValueError(msg)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        msg = "an IPv6 address stands in brackets, like [::1]:5232"
        raise ValueError(msg)
    if not (port_text.isascii() and port_text.isdigit()) or int(port_text) > 65_535:
        msg = "the port is not a number from 0 to 65535"
        raise ValueError(msg)
    return host, int(port_text)


def address_of(server: Server) -> str:
    """Return what clients type, without a trailing slash: ``public_url``, else a guess from ``listen``."""
    if server.public_url:
        return server.public_url.rstrip("/")
    host, port = split_listen(server.listen)
    if host in {"0.0.0.0", "::"}:  # noqa: S104  - nothing is bound here: a wildcard is no address to type
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

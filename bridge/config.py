"""The configuration: TOML -> frozen structs. ``config.example.toml`` documents each option.

Only the shapes stand here; ``config_load`` reads files and reports every problem at once.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """``[server]``."""

    listen: str = "127.0.0.1:5232"
    admin_listen: str = "127.0.0.1:5233"
    public_url: str = ""
    """What clients type, without a trailing slash; may carry a path. Empty: derived from ``listen``."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose X-Forwarded-* and X-Script-Name are believed."""
    threads: int = 16
    connections_max: int = 1000
    body_bytes_max: int = 2_000_000
    object_bytes_max: int = 1_000_000


class Database(msgspec.Struct, frozen=True, kw_only=True):
    """``[database]``."""

    url: str = "sqlite:///var/lib/queqiao/queqiao.db"


class Sync(msgspec.Struct, frozen=True, kw_only=True):
    """``[sync]``."""

    write_wait_s: float = 3.0
    """How long a client's write waits for the vendor before it is answered and carried on in the background."""
    past_days: int = 90
    future_days: int = 400
    poll_s: float = 60.0
    """Between two looks at a WeCom calendar that a client asked for lately."""
    poll_billed_s: float = 3600.0
    """The same for vendors that bill calls (DingTalk)."""
    freshness_s: float = 30.0
    compile_items_max: int = 60
    carry_threads: int = 8
    history_days: int = 90
    """How long deletions and receipts are remembered."""


class WeComSource(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="wecom"):
    """``[[source]]`` with ``kind = "wecom"``."""

    id: str
    corp_id: str
    secret: str
    agent_id: int = 0
    base_url: str = "https://qyapi.weixin.qq.com"
    callback_token: str = ""
    callback_aes_key: str = ""
    legacy_organizer: bool = False
    """Send ``organizer`` in schedule writes, as the 2022 page of the API did."""
    default_timezone: str = "Asia/Shanghai"
    timeout_s: float = 10.0
    allow_delete_calendar: bool = False
    calls_per_minute: int = 600
    """Per API; WeCom allows 10,000 per minute and company (reference 13)."""
    concurrency: int = 8
    creations_per_day: int = 20_000
    mail_domain: str = ""
    """Where addresses of members without a known e-mail live; empty: ``<id>.queqiao.invalid``."""


class DingTalkSource(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="dingtalk"):
    """``[[source]]`` with ``kind = "dingtalk"``."""

    id: str
    client_id: str
    client_secret: str
    corp_id: str = ""
    base_url: str = "https://api.dingtalk.com"
    oapi_base_url: str = "https://oapi.dingtalk.com"
    push: Literal["stream", "http", "off"] = "off"
    callback_token: str = ""
    callback_aes_key: str = ""
    monthly_calls: int = 5000
    default_timezone: str = "Asia/Shanghai"
    timeout_s: float = 10.0
    calls_per_second: int = 20
    """Per API (reference 5.2)."""
    concurrency: int = 8
    creations_per_user_per_day: int = 100
    notify: bool = False
    """Let DingTalk send its own push and chat notices for edits made through the bridge."""
    mail_domain: str = ""


Source: TypeAlias = WeComSource | DingTalkSource


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file, secrets resolved."""

    server: Server = Server()
    database: Database = Database()
    sync: Sync = Sync()
    source: tuple[Source, ...] = ()

"""A command line with a fake Admin behind it."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from bridge.cli.main import cli
from bridge.cli.shell import Shell
from bridge.engine.admin_api import NewFeed, NewPassword
from bridge.errors import Missing, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from click.testing import Result

    from bridge.config import Config
    from bridge.engine.admin_api import Row

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.timezone(dt.timedelta(hours=8)))

CONFIG = """
[server]
public_url = "https://cal.example.com/team"
[database]
url = "sqlite:///queqiao.db"
[[source]]
id = "wecom"
kind = "wecom"
corp_id = "ww1"
secret = "s"
[[source]]
id = "dingtalk"
kind = "dingtalk"
client_id = "ding1"
client_secret = "s"
push = "stream"
"""


class FakeAdmin:
    """Answers like the real thing would, and keeps a list of calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.vendor_is_away = False
        self.opened = 0
        self.closed = 0

    @contextlib.contextmanager
    def open(self, _config: Config) -> Iterator[FakeAdmin]:
        self.opened += 1
        try:
            yield self
        finally:
            self.closed += 1

    def user_add(self, name: str, *, email: str, links: Sequence[tuple[str, str]]) -> NewPassword:
        self.calls.append(("user_add", name, email, list(links)))
        return NewPassword(user=name, label="first", password="kept-secret", password_id="p1")

    def user_list(self) -> list[Row]:
        links = [{"source": "wecom", "id": "ZhangSan", "state": "connected", "reason": ""}]
        return [
            {"user": "alice", "email": "a@example.com", "links": links, "passwords": 2},
            {"user": "李四", "email": "", "links": [], "passwords": 0},
        ]

    def user_remove(self, name: str) -> None:
        self.calls.append(("user_remove", name))
        if name == "nobody":
            raise Missing("there is no person of that name")

    def user_link(self, name: str, source_id: str, vendor_id: str) -> None:
        self.calls.append(("user_link", name, source_id, vendor_id))

    def user_unlink(self, name: str, source_id: str) -> None:
        self.calls.append(("user_unlink", name, source_id))

    def connect_links(self, user: str, *, patience_s: float) -> list[Row]:
        self.calls.append(("connect_links", user, patience_s))
        if self.vendor_is_away:
            raise Unreachable("WeCom did not answer; access_token=abc123")
        return [{"source": "wecom", "state": "connected", "calendars": 1}]

    def password_add(self, user: str, *, label: str, read_only: bool, expires_ms: int | None) -> NewPassword:
        self.calls.append(("password_add", user, label, read_only, expires_ms))
        return NewPassword(user=user, label=label, password="kept-secret", password_id="p2")

    def password_list(self, user: str) -> list[Row]:
        return [{"id": "p1", "label": "phone", "read_only": False, "created_ms": 0, "expires_ms": None}]

    def password_revoke(self, user: str, which: str) -> int:
        return 1 if which == "phone" else 0

    def feed_add(self, user: str, collection: str, *, detail: str) -> NewFeed:
        self.calls.append(("feed_add", user, collection, detail))
        return NewFeed(feed_id="f1", token="T0ken")

    def feed_list(self, user: str | None) -> list[Row]:
        return [{"id": "f1", "user": user or "alice", "collection": "wecom-a", "detail": "full"}]

    def feed_revoke(self, which: str) -> int:
        self.calls.append(("feed_revoke", which))
        return 1

    def calendar_list(self, user: str | None) -> list[Row]:
        return [{"user": "alice", "calendar": "wecom-a", "name": "工作", "state": "connected", "age_s": 65}]

    def calendar_create(self, source_id: str, *, name: str, members: Sequence[str], color: str) -> Row:
        self.calls.append(("calendar_create", source_id, name, list(members), color))
        return {"id": "cal1", "name": name}

    def calendar_remove(self, source_id: str, calendar_id: str) -> None:
        self.calls.append(("calendar_remove", source_id, calendar_id))

    def status(self, user: str | None) -> list[Row]:
        return [
            {
                "user": "alice",
                "calendar": "wecom-a",
                "state": "connected",
                "age_s": 5,
                "waiting": 0,
                "oldest_waiting_s": None,
                "reason": "",
                "who": "nobody",
                "what": "nothing to do",
            },
            {
                "user": "alice",
                "calendar": "dingtalk-primary",
                "state": "unauthorised",
                "age_s": 90_000,
                "waiting": 2,
                "oldest_waiting_s": 61,
                "reason": "the secret is refused",
                "who": "administrator",
                "what": "mend it",
            },
        ]

    def changes(self, user: str | None, since_ms: int) -> list[Row]:
        self.calls.append(("changes", user, since_ms))
        return [
            {
                "opened_ms": 1_800_000_000_000,
                "closed_ms": None,
                "user": "alice",
                "outcome": "refused",
                "words": "no\x1b[31m",
                "lost_text": "BEGIN:VCALENDAR",
            }
        ]

    def sync(self, user: str | None, *, full: bool, release: bool = False) -> list[Row]:
        self.calls.append(("sync", user, full, release))
        return []

    def explain(self, what: str) -> list[Row]:
        if what == "boom":
            raise RuntimeError("Dentist at ten")
        return [{"user": "alice", "href": "a.ics", "opened_ms": 1_800_000_000_000, "outcome": "applied"}]


class Terminal:
    """Runs verbs in process; ``admin`` is what they talked to."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.admin = FakeAdmin()
        self.now = NOW

    def __call__(self, *words: str, stdin: str | None = None) -> Result:
        shell = Shell(open_admin=self.admin.open, now=lambda: self.now)
        return CliRunner().invoke(cli, ["--config", str(self.config), *words], obj=shell, input=stdin)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    path.chmod(0o600)
    return path


@pytest.fixture
def queqiao(config: Path) -> Iterator[Terminal]:
    yield Terminal(config)
    root = logging.getLogger()
    for handler in [known for known in root.handlers if known.get_name() == "queqiao"]:
        root.removeHandler(handler)
        handler.close()

"""``queqiao demo``: both vendors in a box, the real daemon, two employees with a month of events."""

from __future__ import annotations

import datetime as dt
import signal
import tempfile
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from bridge.config import Config, Database, DingTalkSource, Server, Sync, Ui, WeComSource, split_listen
from bridge.daemon.run import Daemon
from bridge.simulator import dingtalk, wecom
from bridge.simulator.http import serve as serve_simulator
from bridge.simulator.world import seed_wecom
from bridge.simulator.world_dingtalk import seed_dingtalk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from bridge.simulator.dingtalk import DingTalkSimulator
    from bridge.simulator.wecom import WecomSimulator

CHINA: Final = dt.timezone(dt.timedelta(hours=8))
DEMO_USERS: Final = ("alice", "bob")
DEMO_SYNC: Final = Sync(poll_s=5.0, poll_billed_s=10.0)
"""A demo is watched: it looks far more often than a real vendor's bill would allow."""
PATIENCE_S: Final = 30.0
"""How long a demo user's first load may take."""


def run(listen: str, directory: Path | None, *, on_ready: Callable[[dict[str, Any]], None]) -> int:
    """Serve the demo until SIGTERM or SIGINT; ``on_ready`` gets the facts as product.md shapes them."""
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with ExitStack() as stack:
            facts = start(stack, listen, directory)
            on_ready(facts)
            ended.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def start(
    stack: ExitStack, listen: str, directory: Path | None, *, sync: Sync | None = None
) -> dict[str, Any]:
    """Start everything on ``stack``; returns url, users, simulators, admin."""
    if directory is None:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="queqiao-demo-")))
    directory.mkdir(parents=True, exist_ok=True)
    boxes = _boxes(stack, dt.datetime.now(CHINA).date().replace(day=1))
    daemon = Daemon(_config(listen, directory, boxes, sync or DEMO_SYNC))
    stack.callback(daemon.close)
    users = [_user(daemon, name, links) for name, links in boxes.people]
    return {
        "url": daemon.url,
        "users": users,
        "simulators": {"wecom": boxes.wecom.url, "dingtalk": boxes.dingtalk.url},
        "admin": daemon.admin_url,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Boxes:
    """Both vendors, seeded, and who works there."""

    wecom: WecomSimulator
    dingtalk: DingTalkSimulator
    wecom_calendars: tuple[str, ...]
    people: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def _boxes(stack: ExitStack, month: dt.date) -> _Boxes:
    wecom_box, dingtalk_box = wecom.build(), dingtalk.build()
    stack.enter_context(serve_simulator(wecom_box, "127.0.0.1", 0))
    stack.enter_context(serve_simulator(dingtalk_box, "127.0.0.1", 0))
    seeded = seed_wecom(wecom_box, month)
    dingtalk_people = seed_dingtalk(dingtalk_box, month).people
    people = tuple(
        (name, (("wecom", userid), ("dingtalk", union_id)))
        for name, userid, union_id in zip(DEMO_USERS, seeded.calendars, dingtalk_people, strict=False)
    )
    return _Boxes(
        wecom=wecom_box,
        dingtalk=dingtalk_box,
        wecom_calendars=tuple(seeded.calendars.values()),
        people=people,
    )


def _config(listen: str, directory: Path, boxes: _Boxes, sync: Sync) -> Config:
    host, _port = split_listen(listen)
    shown = boxes.wecom.facts(), boxes.dingtalk.facts()
    return Config(
        server=Server(listen=listen, admin_listen=f"{host}:0"),
        database=Database(url=f"sqlite:///{directory.resolve() / 'queqiao.db'}"),
        sync=sync,
        ui=Ui(admins=DEMO_USERS[:1]),
        source=(
            WeComSource(
                id="wecom",
                base_url=boxes.wecom.url,
                corp_id=shown[0]["corp_id"],
                agent_id=shown[0]["agents"][0]["agent_id"],
                secret=shown[0]["agents"][0]["secret"],
                calendars=boxes.wecom_calendars,
                sign_in=True,
                login_url=boxes.wecom.url,
                open_url=boxes.wecom.url,
            ),
            DingTalkSource(
                id="dingtalk",
                base_url=boxes.dingtalk.url,
                oapi_base_url=boxes.dingtalk.url,
                client_id=shown[1]["client_id"],
                client_secret=shown[1]["client_secret"],
                corp_id=shown[1]["corp_id"],
                sign_in=True,
                login_url=boxes.dingtalk.url,
            ),
        ),
    )


def _user(daemon: Daemon, name: str, links: Sequence[tuple[str, str]]) -> dict[str, Any]:
    admin = daemon.parts.admin
    if name in {row["user"] for row in admin.user_list()}:
        made = admin.password_add(name, label="demo", read_only=False, expires_ms=None)
    else:
        made = admin.user_add(name, email=f"{name}@example.com", links=links)
    admin.connect_links(name, patience_s=PATIENCE_S)
    slugs = [row["calendar"] for row in admin.calendar_list(name)]
    feeds = [admin.feed_add(name, slug, detail="full").token for slug in slugs]
    return {
        "user": name,
        "password": made.password,
        "calendars": [f"{daemon.url}/dav/{quote(name)}/{quote(slug)}/" for slug in slugs],
        "feeds": [f"{daemon.url}/feed/{token}.ics" for token in feeds],
    }

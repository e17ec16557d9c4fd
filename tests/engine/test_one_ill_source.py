"""A source, a link or a calendar that is refused stalls no other one."""

import datetime as dt
import time
from contextlib import ExitStack

import msgspec
import pytest
import sqlalchemy as sa
from world import DingTalkSide, WeComSide, day, ics, vevent

from bridge.config import Config, Database, Sync
from bridge.daemon.compose import compose
from bridge.daemon.schedule import Schedule
from bridge.engine.api import Login

HOUR = dt.timedelta(hours=1)
PATIENCE_S = 20
SECRETS = {"wecom": "secret", "dingtalk": "client_secret"}


class Two:
    """Both vendors, and the secret of one of them is wrong."""

    def __init__(self, folder, ill):
        self.stack = ExitStack()
        self.sides = {side.source: side(self.stack) for side in (WeComSide, DingTalkSide)}
        self.ill, (self.well,) = ill, [name for name in self.sides if name != ill]
        sources = [side.config() for side in self.sides.values()]
        sync = Sync(write_wait_s=2.0, poll_s=0.2, poll_billed_s=0.2)
        self.config = Config(
            database=Database(url=f"sqlite:///{folder}/queqiao.db"), sync=sync, source=tuple(sources)
        )
        self.broken = msgspec.structs.replace(
            self.config,
            source=tuple(
                msgspec.structs.replace(s, **{SECRETS[ill]: "wrong"}) if s.id == ill else s for s in sources
            ),
        )

    def links(self):
        return [(name, side.me) for name, side in self.sides.items()]

    def open(self, config):
        parts = compose(config)
        self.stack.callback(parts.close)
        return parts


@pytest.fixture(params=["wecom", "dingtalk"])
def two(request, tmp_path):
    made = Two(tmp_path, request.param)
    with made.stack:
        yield made


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def run_ticks(two, parts):
    schedule = Schedule(parts, two.broken.sync)
    schedule.start()
    two.stack.callback(schedule.close)


def forget_tokens(parts):
    """Let every token have ended: the next call needs the secret."""
    with parts.engine.store.write() as c:
        c.execute(sa.text("DELETE FROM token"))


def states(parts):
    return {row["source"]: row["state"] for row in parts.admin.status("alice")}


def by_source(parts, source):
    return next(x for x in parts.service.collections("alice") if x.slug.startswith(source))


def test_a_link_that_is_refused_does_not_keep_the_other_from_connecting(two):
    parts = two.open(two.broken)
    parts.admin.user_add("alice", email="", links=two.links())
    run_ticks(two, parts)
    wait_for(lambda: states(parts) == {two.ill: "unauthorised", two.well: "connected"})
    ill = next(row for row in parts.admin.status("alice") if row["source"] == two.ill)
    assert ill["cause"] == "secret"
    assert ill["who"] != "nobody"


def test_a_source_whose_secret_went_bad_stalls_neither_reads_nor_writes_of_the_other(two):
    parts = compose(two.config)
    parts.admin.user_add("alice", email="", links=two.links())
    parts.admin.connect_links("alice", patience_s=PATIENCE_S)
    parts.close()
    parts = two.open(two.broken)
    forget_tokens(parts)
    login = Login(user="alice", device="test")
    text = ics(vevent("u1", day(0), day(0) + HOUR, summary="Made here"))
    ill = parts.service.put(by_source(parts, two.ill).id, "u1.ics", text.encode(), login)
    assert ill.waiting
    well = parts.service.put(by_source(parts, two.well).id, "u1.ics", text.encode(), login)
    assert not well.waiting
    run_ticks(two, parts)
    (item,) = two.sides[two.well].items()
    two.sides[two.well].rename(item, "Changed there")
    collection = by_source(parts, two.well)
    wait_for(lambda: "Changed there" in parts.service.get(collection.id, "u1.ics").text)
    wait_for(lambda: states(parts) == {two.ill: "unauthorised", two.well: "connected"})
    assert two.sides[two.ill].items() == []
    assert parts.service.get(by_source(parts, two.ill).id, "u1.ics") is not None

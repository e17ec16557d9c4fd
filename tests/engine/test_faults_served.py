"""Under every fault of a vendor: clients are answered from what is here, states name what is wrong and who must act, and
once the vendor is well again each edit stands there exactly once."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace

import msgspec
import pytest
from ill_vendor import COMMON, SLOW_S, Front, Hasty
from test_fault_table import DINGTALK_CODES, WECOM_CODES
from world import DingTalkSide, WeComSide, World, day, ics, vevent

from bridge.engine import pull
from bridge.engine.carry import Carrier, carry
from bridge.engine.service import Service
from bridge.errors import (
    BridgeError,
    Exhausted,
    Missing,
    NotAllowed,
    OutcomeUnknown,
    Overtaken,
    Refused,
    Throttled,
    Unauthorised,
)
from bridge.model.cures import STATES
from bridge.providers.registry import build
from bridge.providers.runtime import Runtime
from bridge.store import calendars, intents
from bridge.store.shared import Tallies, TokenVault

HOUR_MS = 3_600_000


class Ill:
    """The real engine before a front that spoils every call but that for the token."""

    def __init__(self, side_class, folder, stack):
        quiet = {"qps_limit": 0, "creations_per_day": 0} if side_class is DingTalkSide else None
        self.world = World(side_class, folder, switches=quiet)
        stack.callback(self.world.close)
        self.front = Front(self.world.side.server.url)
        stack.callback(self.front.close)
        self.clock = Hasty()
        changes = {"base_url": self.front.url, "timeout_s": SLOW_S}
        if side_class is DingTalkSide:
            changes |= {"oapi_base_url": self.front.url, "monthly_calls": 10**6}
        (source,) = self.world.config.source
        engine = self.world.parts.engine
        runtime = Runtime(clock=self.clock, vault=TokenVault(engine.store), tallies=Tallies(engine.store))
        provider = build(msgspec.structs.replace(source, **changes), runtime)
        stack.callback(provider.close)
        sync = msgspec.structs.replace(engine.sync, write_wait_s=20.0)
        self.engine = replace(engine, providers={source.id: provider}, sync=sync)
        self.carrier = Carrier(self.engine)
        stack.callback(self.carrier.close)
        self.service = Service(self.engine, self.carrier)
        self.calendar = self.row().id
        self.collection = self.world.collection.id
        pull.pull(self.engine, self.calendar)

    def row(self):
        with self.engine.store.read() as c:
            (row,) = calendars.all_calendars(c)
        return row

    def spoil(self, fault):
        self.clock.sleep(200_000)
        with self.engine.store.write() as c:
            c.exec_driver_sql("DELETE FROM tally")
            c.exec_driver_sql("UPDATE intent SET retry_at_ms = 0, attempts = 0")
        self.front.spoil(fault, lambda _method, path: "oken" not in path)

    def pull(self):
        try:
            pull.pull(self.engine, self.calendar)
        except BridgeError as error:
            return error
        return None

    def put(self, name):
        login = self.world.login
        text = ics(vevent(name, day(1), day(1, 11), summary=name))
        try:
            self.service.put(self.collection, f"{name}.ics", text.encode(), login)
        except BridgeError as error:
            return error
        return None

    def finish(self):
        """Carry what waits, now that the vendor is well."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with self.engine.store.write() as c:
                c.exec_driver_sql("UPDATE intent SET retry_at_ms = 0 WHERE state = 'waiting'")
            with self.engine.store.read() as c:
                waiting = intents.due(c, now_ms=2**50, count=20)
            if not waiting:
                return
            for intent in waiting:
                carry(self.engine, intent.id)
        raise AssertionError("an edit does not come to its end")

    def intent(self):
        (row,) = self.engine_rows("SELECT * FROM intent ORDER BY id DESC LIMIT 1")
        return row

    def engine_rows(self, query):
        with self.engine.store.read() as c:
            return [dict(r) for r in c.exec_driver_sql(query).mappings()]


TABLES = [
    pytest.param(WeComSide, (*COMMON, *WECOM_CODES), id="wecom"),
    pytest.param(DingTalkSide, (*COMMON, *DINGTALK_CODES), id="dingtalk"),
]


@pytest.fixture
def make(tmp_path):
    with ExitStack() as stack:
        yield lambda side: Ill(side, tmp_path, stack)


def state_of(error):
    """Return the state that a failed pull has to leave."""
    if isinstance(error, Unauthorised | NotAllowed):
        return "unauthorised"
    if isinstance(error, Missing):
        return "unlinked"
    return "throttled" if isinstance(error, Throttled) else "delayed"


@pytest.mark.parametrize(("side", "faults"), TABLES)
def test_a_failed_pull_leaves_the_state_that_fits_and_a_time_for_the_next(make, side, faults):
    ill = make(side)
    wrong = {}
    for fault in faults:
        ill.spoil(fault)
        before_ms = ill.engine.clock.now_ms()
        error = ill.pull()
        row = ill.row()
        (shown,) = ill.world.parts.admin.status("alice")
        if not isinstance(error, fault.read):
            wrong[fault.name] = f"{error!r}"
        elif row.state != state_of(error) or not shown["what"] or not shown["what_zh"]:
            wrong[fault.name] = f"{row.state} after {error!r}"
        elif isinstance(error, Unauthorised) and (shown["cause"] != error.cause or not shown["who"]):
            wrong[fault.name] = f"cause {shown['cause']}"
        elif isinstance(error, Throttled) and row.pull_at_ms < before_ms + int(error.retry_after_s * 1000):
            wrong[fault.name] = "too soon"
        elif not before_ms < row.pull_at_ms <= before_ms + 32 * 24 * HOUR_MS:
            wrong[fault.name] = f"next at {row.pull_at_ms - before_ms}"
        elif shown["state"] not in STATES or (isinstance(error, Exhausted) and not shown["until_ms"]):
            wrong[fault.name] = f"{shown}"
        ill.spoil(None)
        if ill.pull() is not None or ill.row().state != "connected" or ill.row().failures:
            wrong[fault.name] = "it did not recover"
    assert not wrong, "\n".join(f"{name}: {words}" for name, words in wrong.items())


@pytest.mark.parametrize(("side", "faults"), TABLES)
def test_edits_and_reads_are_answered_and_each_edit_arrives_once(make, side, faults):
    ill = make(side)
    wrong, expected = {}, []
    for number, fault in enumerate(faults):
        name = f"e{number}"
        ill.spoil(fault)
        error = ill.put(name)
        told = isinstance(error, Refused) and error.http_status < 500
        if error is not None and not told:
            wrong[fault.name] = f"the client was told {error!r}"
        if issubclass(fault.write, Refused) and not told:
            wrong[fault.name] = f"not refused: {error!r}"
        hits = ill.front.hits
        served = ill.service.get(ill.collection, f"{name}.ics")
        listed = {o.href for o in ill.service.get_all(ill.collection)}
        if ill.front.hits != hits:
            wrong[fault.name] = "a read asked the vendor"
        intent = ill.intent()
        if told:
            if served is not None or intent["state"] != "refused" or not intent["words"]:
                wrong[fault.name] = f"refused, but {intent['state']}"
        else:
            expected.append(name)
            if served is None or f"{name}.ics" not in listed:
                wrong[fault.name] = "not served"
            if intent["state"] != "waiting" or not intent["words"] or not intent["retry_at_ms"]:
                wrong[fault.name] = f"{intent['state']}: {intent['words']}"
            doubt = isinstance(intent["step"], str)
            if doubt != issubclass(fault.write, OutcomeUnknown | Overtaken):
                wrong[fault.name] = f"{'in doubt' if doubt else 'not in doubt'} after {fault.write.__name__}"
        ill.spoil(None)
        ill.finish()
    titles = ill.world.side.titles()
    if titles != sorted(expected):
        wrong["at the vendor"] = str(sorted(set(titles) ^ set(expected)) or titles)
    assert not wrong, "\n".join(f"{name}: {words}" for name, words in wrong.items())

"""Under every fault of a vendor: clients are answered from what is here, states name what is wrong and who must act, and
once the vendor is well again each edit stands there exactly once."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace

import httpx
import msgspec
import pytest
from ill_vendor import COMMON, PATIENT_S, SLOW_S, Front, Hasty
from test_fault_table import DINGTALK_CODES, WECOM_CODES
from world import DingTalkSide, WeComSide, World, day, ics, vevent

from bridge.config import Server
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
from bridge.web import build_app
from bridge.web.serve import serve
from radicale_plugin.app import build_dav_app

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
        changes = {"base_url": self.front.url, "timeout_s": PATIENT_S}
        if side_class is DingTalkSide:
            changes |= {"oapi_base_url": self.front.url, "monthly_calls": 10**6}
        (source,) = self.world.config.source
        engine = self.world.parts.engine
        runtime = Runtime(clock=self.clock, vault=TokenVault(engine.store), tallies=Tallies(engine.store))
        patient = msgspec.structs.replace(source, **changes)
        self.source_id, self.patient = source.id, build(patient, runtime)
        self.hasty = build(msgspec.structs.replace(patient, timeout_s=SLOW_S), runtime)
        stack.callback(self.patient.close)
        stack.callback(self.hasty.close)
        self.providers = {source.id: self.patient}
        sync = msgspec.structs.replace(engine.sync, write_wait_s=20.0)
        self.engine = replace(engine, providers=self.providers, sync=sync)
        self.carrier = Carrier(self.engine)
        stack.callback(self.carrier.close)
        self.service = Service(self.engine, self.carrier)
        options = Server()
        dav = build_dav_app(
            self.service, object_bytes_max=10**6, body_bytes_max=10**7, public_url=options.public_url
        )
        server = serve(build_app(self.service, options, dav=dav), "127.0.0.1", 0, threads=2)
        stack.callback(server.close)
        made = self.world.parts.admin.password_add("alice", label="test", read_only=False, expires_ms=None)
        self.path = f"/dav/alice/{self.world.collection.slug}/"
        self.http = httpx.Client(base_url=server.url, auth=("alice", made.password), timeout=30)
        stack.callback(self.http.close)
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
        self.providers[self.source_id] = self.hasty if fault is not None and fault.slow else self.patient
        self.front.spoil(fault, lambda _method, path: "oken" not in path)

    def pull(self):
        try:
            pull.pull(self.engine, self.calendar)
        except BridgeError as error:
            return error
        return None

    def put(self, name):
        """Return the status and the text of the answer to a client's PUT."""
        text = ics(vevent(name, day(1), day(1, 11), summary=name))
        answer = self.http.put(f"{self.path}{name}.ics", content=text, headers={"If-None-Match": "*"})
        return answer.status_code, answer.text

    def read(self, name):
        """Return the statuses of what clients ask all day, and how often the vendor was asked for it."""
        hits = self.front.hits
        statuses = [
            self.http.get(f"{self.path}{name}.ics").status_code,
            self.http.request("PROPFIND", self.path, headers={"Depth": "1"}).status_code,
            self.http.request("REPORT", self.path, content=SYNC, headers={"Depth": "1"}).status_code,
        ]
        return statuses, self.front.hits - hits

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


SYNC = (
    '<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop>'
    "</D:sync-collection>"
)
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
        status, words = ill.put(name)
        told = 400 <= status < 500
        if not told and status != 201:
            wrong[fault.name] = f"the client was told {status}: {words}"
        if issubclass(fault.write, Refused) and (not told or len(words) < 20):
            wrong[fault.name] = f"not refused: {status} {words}"
        statuses, asked = ill.read(name)
        if asked:
            wrong[fault.name] = "a read asked the vendor"
        if statuses != [404 if told else 200, 207, 207]:
            wrong[fault.name] = f"reads were answered with {statuses}"
        intent = ill.intent()
        if told:
            if intent["state"] != "refused" or not intent["words"]:
                wrong[fault.name] = f"refused, but {intent['state']}"
        else:
            expected.append(name)
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


def test_calendars_are_refused_with_a_sentence_while_wecom_is_ill(make):
    ill = make(WeComSide)
    wrong = {}
    for number, fault in enumerate((*COMMON, *WECOM_CODES)):
        ill.spoil(fault)
        path = f"/dav/alice/new{number}/"
        answer = ill.http.request("MKCALENDAR", path)
        if not 400 <= answer.status_code < 500 or len(answer.text) < 20:
            wrong[fault.name] = f"{answer.status_code} {answer.text}"
        if ill.http.request("PROPFIND", path, headers={"Depth": "0"}).status_code != 404:
            wrong[fault.name] = "it is shown, but was not made"
    ill.spoil(None)
    assert ill.http.request("MKCALENDAR", "/dav/alice/fine/").status_code == 201
    assert not wrong, "\n".join(f"{name}: {words}" for name, words in wrong.items())

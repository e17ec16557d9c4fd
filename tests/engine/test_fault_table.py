"""Every fault of a vendor on every call of its provider: the right class, the right wait, who must act, and no word
of secrets; no write is sent twice, and the next call is well again."""

from __future__ import annotations

import datetime as dt
import re
import socket
import uuid
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace

import msgspec
import pytest
from ill_vendor import COMMON, HARMLESS, PATIENT_S, SLOW_S, Fault, Front, Hasty, coded
from world import CHINA, DingTalkSide, WeComSide

from bridge.errors import (
    BridgeError,
    Exhausted,
    Inexpressible,
    Missing,
    NotAllowed,
    OccurrenceRefused,
    OutcomeUnknown,
    Overtaken,
    PreconditionFailed,
    Refused,
    Throttled,
    TokenStale,
    Unauthorised,
    Unreachable,
)
from bridge.model.event import Event
from bridge.model.people import PartStat, Roster
from bridge.model.recurrence import Freq, Recurrence, Rule
from bridge.providers.base import Create, Delete, Drop, Known, Respond, Split, Target, Update, Window
from bridge.providers.registry import build
from bridge.providers.runtime import MemoryVault, Runtime

HOUR = dt.timedelta(hours=1)
SECRET_WORDS = re.compile(r"secret-of-the-page|access_token=|127\.0\.0\.1|https?://|10\.1\.2\.3|wx-secret")
LONG_S = 200_000.0
"""Longer than any vendor asks to wait."""
FAMILIES = (
    Exhausted, Throttled, Unauthorised, TokenStale, OutcomeUnknown, Unreachable, Overtaken, Missing, NotAllowed,
    Inexpressible, Refused,
)  # fmt: skip


def code(number, read, write=None, *, wait_s=None, cause="", tried=1):
    """Return a fault of WeCom's own: HTTP 200 and an errcode."""
    body = {
        "errcode": number,
        "errmsg": "words, hint: [1], from ip: 10.1.2.3, more info at https://x.example",
    }
    return Fault(
        f"errcode {number}", coded(body), read, write or read, wait_s=wait_s, cause=cause, tried=tried
    )


WECOM_CODES = (
    code(-1, Unreachable, OutcomeUnknown),
    code("-1", Unreachable, OutcomeUnknown),
    code("nonsense", Unreachable, OutcomeUnknown),
    Fault("no errcode", coded({"access": 1}), Unreachable, OutcomeUnknown),
    Fault("an empty object", coded({}), Unreachable, OutcomeUnknown),
    Fault("an empty answer", coded({}, 204), Unreachable, OutcomeUnknown),
    Fault("an errcode and 500", coded({"errcode": 45009}, 500), Throttled, Throttled, wait_s=(60, 3600)),
    code(6000, Overtaken),
    code(40001, Unauthorised, cause="secret"),
    code(40003, Refused),
    code(40013, Unauthorised, cause="id"),
    code(40014, Unauthorised, cause="secret", tried=2),
    code(40058, Refused),
    code(40091, Unauthorised, cause="secret"),
    code(41001, Unauthorised, cause="secret"),
    code(42001, Unauthorised, cause="secret", tried=2),
    code(45009, Throttled, wait_s=(60, 3600)),
    code(45033, Throttled, wait_s=(1, 3), tried=3),
    code(48001, Unauthorised, cause="permission"),
    code(48002, Unauthorised, cause="permission"),
    code(48009, Unauthorised, cause="address"),
    code(50003, Unauthorised, cause="app"),
    code(60011, Refused),
    code(60020, Unauthorised, cause="address"),
    code(60111, Refused),
    code(90456, Unauthorised, cause="app"),
    code(90457, Missing),
    code(90459, Missing),
    code(90460, Missing),
    code(90461, Missing),
    code(90464, Inexpressible),
    code(90466, NotAllowed),
    code(90475, NotAllowed),
    code(90479, NotAllowed),
    code(90480, Inexpressible),
    code(301002, Unauthorised, cause="app"),
    code(999_999, Refused),
)


def new(name, http, read, write=None, *, wait_s=None, cause="", tried=1, **body):
    """Return a fault of DingTalk's new API."""
    told = {"requestId": "ABC", "code": name, "message": "words", **body}
    return Fault(
        f"{http} {name}",
        coded(told, http),
        read,
        write or read,
        wait_s=wait_s,
        cause=cause,
        tried=tried,
    )


DENIED = "Forbidden.AccessDenied."
MONTH_S = 32 * 86_400
DINGTALK_CODES = (
    new("InvalidAuthentication", 400, Unauthorised, cause="secret", tried=2),
    new("accesstoken.expired", 400, Unauthorised, cause="secret", tried=2),
    new("whatever", 401, Unauthorised, cause="secret", tried=2),
    new("AuthenticationFailed.MissingParameter", 400, Unauthorised, cause="address"),
    new("invalidClientIdOrSecret", 400, Unauthorised, cause="secret"),
    new("unauthorized.client", 401, Unauthorised, cause="secret"),
    new(f"{DENIED}AccessTokenPermissionDenied", 403, Unauthorised, cause="permission"),
    new(f"{DENIED}IpNotInWhiteList", 403, Unauthorised, cause="address"),
    new(f"{DENIED}QpsLimitForAppkeyAndApi", 403, Throttled, wait_s=(1, 1), tried=3),
    new(f"{DENIED}QpmLimitForAppkeyAndApi", 403, Throttled, wait_s=(60, 60)),
    new(f"{DENIED}ApiCountLimitForOrg", 403, Exhausted, wait_s=(1, MONTH_S)),
    new(f"{DENIED}SomethingNew", 403, Unauthorised, cause="permission"),
    new("", 403, Throttled, wait_s=(300, 300), status=1111),
    new("systemBusy", 429, Throttled, wait_s=(5, 5), tried=3),
    new("system.busy", 429, Throttled, wait_s=(5, 5), tried=3),
    new("system.busy", 500, Unreachable, OutcomeUnknown),
    new("unknownError", 500, Unreachable, OutcomeUnknown),
    new("service.timeout", 504, Unreachable, OutcomeUnknown),
    new("idempotencyProcessing", 400, OutcomeUnknown),
    new("flowLimit", 400, Exhausted, wait_s=(1, 86_400)),
    new("permissionDenied", 403, NotAllowed),
    new("permissionDeny", 400, Unauthorised, cause="visible_range"),
    new("invalidParameter", 400, Refused),
    new("paramIllegal", 400, Refused),
    new("Missingbody", 400, Refused),
    new("itemNotFound", 404, Missing),
    new("instanceNotExist", 404, Missing),
    new("somethingNew", 404, Refused),
    new("somethingNew", 409, Refused),
    new("somethingNew", 418, Refused),
    new("somethingNew", 500, Unreachable, OutcomeUnknown),
    Fault("errcode 404 in a success", coded({"errcode": 404, "errmsg": "x"}), Refused, Refused),
)


def old(errcode, read, *, sub="", wait_s=None, cause="", tried=1):
    """Return a fault of DingTalk's old API: HTTP 200, ``errcode``, and sometimes ``sub_code``."""
    body = {"errcode": errcode, "errmsg": "words", **({"sub_code": sub} if sub else {})}
    return Fault(f"{errcode} {sub}", coded(body), read, read, wait_s=wait_s, cause=cause, tried=tried)


DINGTALK_OLD_CODES = (
    old(-1, Unreachable),
    old(15, Unreachable, sub="isp.top-remote-connection-timeout"),
    old(88, Unreachable),
    old(88, Unauthorised, sub="40014", cause="secret"),
    old(88, Unauthorised, sub="40000", cause="secret"),
    old(88, Unauthorised, sub="60011", cause="permission"),
    old(22, Refused),
    old(404, Refused),
    old(40001, Unauthorised, cause="secret"),
    old(40014, Unauthorised, cause="secret"),
    old(42001, Unauthorised, cause="secret"),
    old(90002, Throttled, wait_s=(1, 1)),
    old(90018, Throttled, wait_s=(1, 1)),
    old(90020, Exhausted, wait_s=(1, MONTH_S)),
    old(60011, Unauthorised, cause="permission"),
    old(60020, Unauthorised, cause="address"),
    old(33012, Missing),
    old(60121, Missing),
    old(40104, Missing),
    old(50002, Unauthorised, cause="visible_range"),
    old(50004, Unauthorised, cause="visible_range"),
    old(40089, Unauthorised, cause="secret"),
    old(40096, Unauthorised, cause="secret"),
    old(999_999, Refused),
    Fault("a ban", coded({"status": 1111, "message": "x"}, 403), Throttled, Throttled, wait_s=(300, 300)),
)


class Bench:
    """A provider, the front before it, and one event and one series at the vendor."""

    def __init__(self, side_class, stack):
        quiet = {"qps_limit": 0, "creations_per_day": 0} if side_class is DingTalkSide else None
        self.side = side_class(stack, quiet)
        self.front = Front(self.side.server.url)
        stack.callback(self.front.close)
        self.clock = Hasty()
        changes = {"base_url": self.front.url, "timeout_s": PATIENT_S}
        if self.side.source == "dingtalk":
            changes |= {"oapi_base_url": self.front.url, "creations_per_user_per_day": 100_000}
        else:
            changes |= {"creations_per_day": 100_000}
        self.source = msgspec.structs.replace(self.side.config(), **changes, concurrency=4)
        self.stack = stack
        self.is_slow = False
        self.fresh()
        self.me = self.provider.resolve_user(self.side.me).id
        calendar = "primary"
        if self.side.source == "wecom":
            calendar = self.provider.make_calendar(self.me, "Alice", "#3F7FBF", [self.me]).id
        self.target = Target(user_id=self.me, calendar_id=calendar)
        start = dt.datetime.now(CHINA).replace(hour=10, minute=0, second=0, microsecond=0) + 7 * 24 * HOUR
        self.event = Event(uid="u", start=start, end=start + HOUR, summary="Planning")
        rule = Rule(freq=Freq.DAILY, count=5)
        self.series = replace(self.event, recurrence=Recurrence(rules=(rule,)))
        self.second = start + 24 * HOUR
        self.item = self.apply(Create(payload=self.payload(self.event))).item
        self.whole = self.apply(Create(payload=self.payload(self.series))).item

    def fresh(self):
        """Open the provider anew: no cache, no token."""
        self.vault = MemoryVault()
        runtime = Runtime(clock=self.clock, vault=self.vault)
        self.patient = build(self.source, runtime)
        self.hasty = build(msgspec.structs.replace(self.source, timeout_s=SLOW_S), runtime)
        self.stack.callback(self.patient.close)
        self.stack.callback(self.hasty.close)
        self.provider = self.hasty if self.is_slow else self.patient

    def payload(self, event):
        return self.provider.mapper.encode(event, Roster(me=getattr(self, "me", ""))).value

    def apply(self, operation):
        return self.provider.apply(self.target, operation, str(uuid.uuid4()))

    # ---- the calls

    def token(self):
        self.fresh()
        self.provider.keep_token()

    def check(self):
        self.provider.check()

    def calendars(self):
        self.provider.calendars(self.me, [self.target.calendar_id])

    def changes(self):
        now = dt.datetime.now(dt.UTC)
        window = Window(start=now - 24 * HOUR, end=now + 30 * 24 * HOUR)
        self.provider.changes(
            self.target, cursor="", page="", window=window, known=Known(ids=frozenset()), deep=True
        )

    def fetch(self):
        self.provider.fetch(self.target, [self.item.id])

    def create(self):
        self.apply(Create(payload=self.payload(self.event)))

    def update(self):
        before, title = self.payload(self.event), uuid.uuid4().hex
        after = self.payload(replace(self.event, summary=title))
        self.apply(Update(id=self.item.id, before=before, after=after, snapshot=self.item.snapshot))

    def _once(self, **changes):
        return replace(self.event, start=self.second, end=self.second + HOUR, **changes)

    def split(self):
        series = self.apply(Create(payload=self.payload(self.series))).item
        self.armed()
        before, after = self.payload(self._once()), self.payload(self._once(summary="Moved"))
        self.apply(Split(series_id=series.id, at=self.second, before=before, after=after))

    def drop(self):
        series = self.apply(Create(payload=self.payload(self.series))).item
        self.armed()
        self.apply(Drop(series_id=series.id, at=self.second))

    def delete(self):
        item = self.apply(Create(payload=self.payload(self.event))).item
        self.armed()
        self.apply(Delete(id=item.id))

    def respond(self):
        self.apply(Respond(id=self.invited(), partstat=PartStat.ACCEPTED))

    def invited(self):
        """Return an event that somebody else invited us to."""
        if not hasattr(self, "_invited"):
            held = self.front.fault, self.front.aimed
            self.front.spoil(None, lambda _m, _p: False)
            bob = self.provider.resolve_user("bob02").id
            target = Target(user_id=bob, calendar_id="primary")
            event = {**self.payload(self.event), "attendees": [{"id": self.me}]}
            made = self.provider.apply(target, Create(payload=event), str(uuid.uuid4()))
            self._invited = made.item.id
            self.front.spoil(*held)
        return self._invited

    def resolve(self):
        self.fresh()
        self.provider.resolve_user(self.side.me)

    def lookup(self):
        self.fresh()
        self.provider.lookup(["somebody@example.com"])

    def people(self):
        self.fresh()
        self.provider.people([self.me])

    def free_busy(self):
        now = dt.datetime.now(dt.UTC)
        self.provider.free_busy(self.target, [self.me], Window(start=now, end=now + HOUR))

    def make_calendar(self):
        self.provider.make_calendar(self.me, "Another", "#3F7FBF", [self.me])

    def edit_calendar(self):
        self.provider.edit_calendar(self.target.calendar_id, name=uuid.uuid4().hex, color=None)

    def remove_calendar(self):
        made = self.provider.make_calendar(self.me, "Another", "#3F7FBF", [self.me])
        self.armed()
        self.provider.remove_calendar(made.id)

    # ---- one case

    def armed(self):
        """Spoil from here on: what came before was preparation."""
        self.front.spoil(self.pending, self.front_aim)
        self.is_slow = self.pending is not None and self.pending.slow
        self.provider = self.hasty if self.is_slow else self.patient

    def outcome(self, call, fault):
        """Return (failure or None, how often the call was sent) of one call under one fault."""
        self.clock.sleep(LONG_S)
        self.pending, self.front_aim = fault, call.aimed
        if call.name == "respond":
            self.invited()
        if call.name not in PREPARED:
            self.armed()
        try:
            getattr(self, call.name)()
        except BridgeError as error:
            return error, self.front.hits
        finally:
            hits = self.front.hits
            self.front.spoil(None, lambda _m, _p: False)
            self.is_slow, self.provider = False, self.patient
            self.clock.sleep(LONG_S)
        return None, hits


PREPARED = ("split", "drop", "delete", "remove_calendar")
"""Calls that arm the fault themselves, once there is something to change."""


ALONE = {PreconditionFailed: PreconditionFailed, Refused: OccurrenceRefused}
"""Whatever is refused of one occurrence may be refused for being one: its series can be cut around it."""


def case(name, method, path, *, write=False, absorbs=(), turns=None):
    """Return a call: which request of it is spoiled, and whether that changes anything.

    ``absorbs``: failures (classes, names of classes without their children, causes) that it takes for an answer; ``turns``: those that it says in other words.
    """
    pattern = re.compile(path)
    return SimpleNamespace(
        name=name,
        write=write,
        absorbs=tuple(absorbs),
        turns=turns or {},
        aimed=lambda got, where: got == method and bool(pattern.search(where)),
    )


WECOM = (
    case("token", "GET", "gettoken"),
    case("check", "POST", "oa/calendar/get", absorbs=(Refused,)),
    case("calendars", "POST", "oa/calendar/get", absorbs=(Refused,)),
    case("changes", "POST", "get_by_calendar"),
    case("changes", "POST", "oa/schedule/get$", absorbs=(Refused,)),  # one bad item does not hide the others
    case("fetch", "POST", "oa/schedule/get$", absorbs=(Refused,)),
    case("create", "POST", "oa/schedule/add$", write=True),
    case("update", "POST", "oa/schedule/update", write=True),
    case("split", "POST", "oa/schedule/update", write=True),
    case("drop", "POST", "oa/schedule/del$", write=True, absorbs=(Missing,)),
    case("delete", "POST", "oa/schedule/del$", write=True, absorbs=(Missing,)),
    case("make_calendar", "POST", "oa/calendar/add", write=True),
    case("edit_calendar", "POST", "oa/calendar/update", write=True),
    case("remove_calendar", "POST", "oa/calendar/del", write=True, absorbs=(Missing,)),
    case("people", "GET", "user/get", absorbs=(Refused,)),
    case("lookup", "POST", "user/get_userid_by_email", absorbs=(Refused,)),
    case("resolve", "GET", "user/get", turns={Refused: Missing}, absorbs=("permission",)),
)
DINGTALK = (
    case("token", "POST", "oauth2/accessToken"),
    case("calendars", "GET", "/calendars$", absorbs=(Refused, "permission")),
    case("changes", "GET", "/events$"),
    case("fetch", "GET", "/events/[^/]+$", absorbs=(Missing,)),
    case("create", "POST", "/events$", write=True),
    case("update", "PUT", "/events/[^/]+$", write=True),
    # What is shown, but not to be changed alone, is no occurrence of its own.
    case("split", "PUT", "/events/[^/]+$", write=True, turns=ALONE),
    case("drop", "DELETE", "/events/[^/]+$", write=True, turns=ALONE),
    case("delete", "DELETE", "/events/[^/]+$", write=True, absorbs=(Missing,)),
    case("respond", "POST", "/respond$", write=True),
    case("free_busy", "POST", "querySchedule"),
)
DINGTALK_OLD = (
    case("check", "GET", "auth/scopes", absorbs=(Refused,)),
    # The directory alone may be closed or missing: calendars work, and an id is taken as it was given.
    case(
        "resolve", "POST", "user/getbyunionid", absorbs=(Refused, Unreachable, "permission", "visible_range")
    ),
    case("resolve", "POST", "v2/user/get$", absorbs=("Refused", Unreachable, "permission", "visible_range")),
    case("people", "POST", "user/getbyunionid", absorbs=(Refused, Unauthorised)),
    case("lookup", "GET", "auth/scopes", absorbs=(Refused, Unauthorised, Exhausted)),
    case("lookup", "POST", "department/listsub", absorbs=(Refused, Unauthorised, Exhausted)),
)
TABLES = [
    *[(DingTalkSide, call, (*COMMON, *HARMLESS, *DINGTALK_OLD_CODES)) for call in DINGTALK_OLD],
    *[(WeComSide, call, (*COMMON, *HARMLESS, *WECOM_CODES)) for call in WECOM],
    *[(DingTalkSide, call, (*COMMON, *HARMLESS, *DINGTALK_CODES)) for call in DINGTALK],
]


def family(error):
    return next((kind for kind in FAMILIES if isinstance(error, kind)), type(error))


def wrong_with(call, fault, error, hits):
    """Return what is not as the table says, in a sentence; empty: all is well."""
    expected = fault.write if call.write else fault.read
    expected = next(
        (to for kind, to in call.turns.items() if expected and issubclass(expected, kind)), expected
    )
    absorbed = tuple(kind for kind in call.absorbs if isinstance(kind, type))
    named = {fault.cause, expected.__name__ if expected else ""} & set(call.absorbs)
    if expected is not None and (issubclass(expected, absorbed) or named):
        expected = None
    if error is None or expected is None:
        if error is not None or expected is not None:
            return f"{family(error).__name__ if error else 'success'} instead of {expected}: {error}"
        return ""
    if not isinstance(error, expected) or family(error) is not family(
        expected("", **ARGUMENTS.get(expected, {}))
    ):
        return f"{type(error).__name__} instead of {expected.__name__}: {error}"
    if (
        fault.wait_s is not None
        and isinstance(error, Throttled)
        and not fault.wait_s[0] <= error.retry_after_s <= fault.wait_s[1]
    ):
        return f"waits {error.retry_after_s} s instead of {fault.wait_s}"
    if fault.cause and error.cause != fault.cause:
        return f"{error.cause} has to be mended instead of {fault.cause}"
    if SECRET_WORDS.search(str(error)):
        return f"tells too much: {error}"
    if call.write and hits != fault.tried and expected is not Overtaken:
        return f"the write was sent {hits} times instead of {fault.tried}"
    if not 1 <= hits <= 12:
        return f"sent {hits} times"
    return ""


ARGUMENTS = {Throttled: {"retry_after_s": 1.0}, Exhausted: {"retry_after_s": 1.0}}


@pytest.mark.parametrize(
    ("side", "call", "faults"),
    TABLES,
    ids=[f"{side.source}-{call.name}-{number}" for number, (side, call, _f) in enumerate(TABLES)],
)
def test_every_fault_has_its_class_its_wait_and_its_cure(side, call, faults):
    assert len(faults) >= 80
    with ExitStack() as stack:
        bench = Bench(side, stack)
        bench.outcome(call, None)  # well at first
        found = {}
        for fault in faults:
            error, hits = bench.outcome(call, fault)
            words = wrong_with(call, fault, error, hits)
            if words:
                found[fault.name] = words
            if isinstance(error, Exhausted):
                bench.fresh()  # it would go on to say so until the end of the day
        error, _hits = bench.outcome(call, None)
        assert error is None, f"it did not recover: {error}"
        assert not found, "\n".join(f"{name}: {words}" for name, words in found.items())


BROKEN = ("refused", "unknown host", "no TLS", "closed")


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("side", [WeComSide, DingTalkSide], ids=lambda side: side.source)
def test_a_call_that_never_left_is_safe_to_repeat(side, how, monkeypatch):
    resolve = socket.getaddrinfo

    def unknown(host, *rest, **more):
        if str(host).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with ExitStack() as stack:
        bench = Bench(side, stack)
        url = {
            "refused": "http://127.0.0.1:9",
            "unknown host": "http://vendor.invalid",
            "no TLS": bench.front.url.replace("http:", "https:"),
            "closed": bench.front.url,
        }[how]
        changes = {"base_url": url, **({"oapi_base_url": url} if side is DingTalkSide else {})}
        bench.provider.keep_token()
        bench.source = msgspec.structs.replace(bench.source, **changes)
        bench.provider = bench.patient = build(bench.source, Runtime(clock=bench.clock, vault=bench.vault))
        stack.callback(bench.provider.close)
        if how == "closed":
            bench.provider.close()
        table = WECOM if side is WeComSide else DINGTALK
        prepared = (
            "token",
            "split",
            "drop",
            "delete",
            "remove_calendar",
            "respond",
            "resolve",
            "people",
            "lookup",
        )
        for call in [c for c in table if c.name not in prepared]:
            error, hits = bench.outcome(call, None)
            assert family(error) is Unreachable, (call.name, error)
            assert hits == 0
        if how != "closed":
            with pytest.raises(Unreachable):
                bench.token()

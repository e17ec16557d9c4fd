"""Pushes over HTTP: registration, encrypted delivery, the list of failures (reference section 6.3)."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk import crypto
from bridge.simulator.dingtalk.errors import LegacyError
from bridge.simulator.dingtalk.gateway import Call, Operation
from bridge.simulator.dingtalk.push import Push, pascal

if TYPE_CHECKING:
    from bridge.simulator.dingtalk.simulator import DingTalkSimulator

ANSWER_S: Final = 2.5
"""Seconds in which the app must answer."""

ANSWER_MAX: Final = 64 * 1024
"""Bytes of an answer that are read."""

FAILED_AFTER_MS: Final = 180_000
"""Milliseconds until a failed push is in the list."""

FAILED_MAX: Final = 200
"""Entries of one answer of the list."""

FAILED_KEPT_MAX: Final = 10_000

TAGS: Final = frozenset(
    {
        "calendar_event_change",
        "user_add_org",
        "user_modify_org",
        "user_leave_org",
        "user_active_org",
        "org_dept_create",
        "org_dept_modify",
        "org_dept_remove",
        "org_change",
        "check_url",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where and how the app wants its events."""

    url: str
    token: str
    aes_key: str
    owner: str
    """Appended to every plaintext: client id in the console, corp id through the register API."""
    tags: frozenset[str] = TAGS


@dataclass(frozen=True, slots=True)
class _Failed:
    at_ms: int
    push: Push
    text: str


class Callbacks:
    """The HTTP channel."""

    retries_s: tuple[int, ...] = (10, 30)

    def __init__(self, sim: DingTalkSimulator) -> None:
        self._sim = sim
        self.target: Target | None = None
        self.failed: list[_Failed] = []

    def register(self, target: Target) -> bool:
        """Ask ``target`` to prove itself with ``check_url``; keep it if it does."""
        ok = self._post(target, json.dumps({"EventType": "check_url"}, separators=(",", ":")))
        if ok:
            self.target = target
            self._sim.push_mode = "http"
            self._sim.pusher.use(self)
        return ok

    def tick(self) -> None:
        """Nothing is due by itself."""

    def send(self, push: Push) -> bool | None:
        """Post one event."""
        target = self.target
        if target is None:
            return False
        if push.event_type not in target.tags:
            return True
        return self._post(target, self.plaintext(push))

    def give_up(self, push: Push) -> None:
        """Keep the push for the list of failures."""
        if len(self.failed) < FAILED_KEPT_MAX:
            self.failed.append(_Failed(self._sim.store.now_ms(), push, self.plaintext(push)))

    def plaintext(self, push: Push) -> str:
        """Return what is encrypted."""
        data = push.data
        upper = self._sim.switches["push_keys_http"] == "pascal"
        body = pascal(data) if upper else {**data, "eventId": push.event_id}
        envelope = {
            "EventType": push.event_type,
            "EventTime": push.born_ms,
            "CorpId": self._sim.store.corp_id,
            "BizId": str(push.born_ms),
        }
        return json.dumps({**envelope, **body}, ensure_ascii=False, separators=(",", ":"))

    def _post(self, target: Target, message: str) -> bool:
        """Deliver one plaintext; return whether the app answered with an encrypted ``success`` in time."""
        sealed = crypto.encrypt(
            message, aes_key=target.aes_key, owner=target.owner, random=self._sim.store.token("iv")
        )
        timestamp, nonce = str(self._sim.store.now_ms()), self._sim.store.token("nonce", 4).hex()
        signature = crypto.sign(target.token, timestamp, nonce, sealed)
        query = urllib.parse.urlencode(
            {"signature": signature, "msg_signature": signature, "timestamp": timestamp, "nonce": nonce}
        )
        try:
            status, body = _exchange(target.url, query, json.dumps({"encrypt": sealed}).encode())
            return status == 200 and _is_success(target, body)
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
            return False


def _exchange(url: str, query: str, body: bytes) -> tuple[int, bytes]:
    """POST ``body`` and return status and answer."""
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=ANSWER_S)
    mark = f"{parts.query}&{query}" if parts.query else query
    try:
        connection.request(
            "POST", f"{parts.path or '/'}?{mark}", body=body, headers={"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        return response.status, response.read(ANSWER_MAX)
    finally:
        connection.close()


def _is_success(target: Target, body: bytes) -> bool:
    answer = json.loads(body)
    wanted = crypto.sign(target.token, str(answer["timeStamp"]), answer["nonce"], answer["encrypt"])
    message, owner = crypto.decrypt(answer["encrypt"], aes_key=target.aes_key)
    return answer["msg_signature"] == wanted and message == "success" and owner == target.owner


def read_target(value: dict[str, Any], owner: str) -> Target:
    """Return the target that a registration describes; raise ValueError if it is malformed."""
    url, token, aes_key = (str(value.get(name, "")) for name in ("url", "token", "aes_key"))
    tags = value.get("call_back_tag", sorted(TAGS))
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        msg = "url"
        raise ValueError(msg)
    if not (3 <= len(token) <= 64 and token.isascii() and token.isalnum()):
        msg = "token"
        raise ValueError(msg)
    crypto.key_bytes(aes_key)
    if not isinstance(tags, list) or not tags or not set(tags) <= TAGS:
        msg = "call_back_tag"
        raise ValueError(msg)
    return Target(url=url, token=token, aes_key=aes_key, owner=owner, tags=frozenset(tags))


def _register(sim: DingTalkSimulator, call: Call) -> Any:
    updating = call.operation.name == "call_back/update_call_back"
    if sim.callbacks.target is not None and not updating:
        raise LegacyError(71006, "回调地址已经存在")
    try:
        target = read_target(call.fields().raw, sim.store.corp_id)
    except ValueError as error:
        raise LegacyError(400002, f"无效的参数: {error}") from error
    if not sim.callbacks.register(target):
        raise LegacyError(71007, "回调地址返回的字符串不是success")
    return {"errcode": 0, "errmsg": "ok"}


def _get(sim: DingTalkSimulator, call: Call) -> Any:
    del call
    target = sim.callbacks.target
    if target is None:
        raise LegacyError(71007, "回调地址不存在")
    return {
        "errcode": 0,
        "errmsg": "ok",
        "url": target.url,
        "token": target.token,
        "aes_key": target.aes_key,
        "call_back_tag": sorted(target.tags),
    }


def _delete(sim: DingTalkSimulator, call: Call) -> Any:
    del call
    sim.callbacks.target = None
    sim.push_mode = "stream"
    return {"errcode": 0, "errmsg": "ok"}


def _ready(sim: DingTalkSimulator) -> tuple[list[_Failed], bool]:
    """Return failures old enough to be listed, and whether there are more."""
    before_ms = sim.store.now_ms() - FAILED_AFTER_MS
    ready = [item for item in sim.callbacks.failed if item.at_ms <= before_ms]
    return ready[:FAILED_MAX], len(ready) > FAILED_MAX


def _forget(sim: DingTalkSimulator, shown: list[_Failed]) -> None:
    if sim.switches["failed_list_read_removes"] == "yes":
        gone = {id(item) for item in shown}
        sim.callbacks.failed = [item for item in sim.callbacks.failed if id(item) not in gone]


def _failed_legacy(sim: DingTalkSimulator, call: Call) -> Any:
    del call
    shown, more = _ready(sim)
    _forget(sim, shown)
    rows = [
        {
            "event_time": item.push.born_ms,
            "call_back_tag": item.push.event_type,
            "corpid": sim.store.corp_id,
            "callbackData": item.text,
            item.push.event_type: json.loads(item.text),
        }
        for item in shown
    ]
    return {"errcode": 0, "errmsg": "ok", "has_more": more, "failed_list": rows}


def _failed(sim: DingTalkSimulator, call: Call) -> Any:
    low = call.query_whole("beginTime", default=0)
    high = call.query_whole("endTime", default=sim.store.now_ms())
    ready, more = _ready(sim)
    shown = [item for item in ready if low <= item.push.born_ms <= high]
    _forget(sim, shown)
    rows = [
        {
            "callBackTag": item.push.event_type,
            "corpId": sim.store.corp_id,
            "eventTime": item.push.born_ms,
            "callBackData": item.text,
        }
        for item in shown
    ]
    return {"failedList": rows, "hasMore": more}


def _legacy(name: str, method: str, handler: Any) -> Operation:
    return Operation(
        name=f"call_back/{name}",
        method=method,
        pattern=f"/call_back/{name}",
        handler=handler,
        scope="qyapi_base",
        billed=False,
        host="oapi",
    )


OPERATIONS: Final = (
    _legacy("register_call_back", "POST", _register),
    _legacy("update_call_back", "POST", _register),
    _legacy("get_call_back", "GET", _get),
    _legacy("delete_call_back", "GET", _delete),
    _legacy("get_call_back_failed_result", "GET", _failed_legacy),
    Operation(
        name="GetCallBackFaileResult",
        method="GET",
        pattern="/v1.0/event/callbacks/failedResults",
        handler=_failed,
        scope="qyapi_base",
        billed=False,
    ),
)

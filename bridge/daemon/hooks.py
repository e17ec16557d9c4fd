"""What answers ``/hook/SOURCE``: callbacks of both vendors are checked, put into the queue, and answered at once.

What is not genuine gets 403 and one line in the log without a word of its content. Only genuine callbacks are
remembered, so strangers cannot push the memory of replays out. A replay that reaches another node passes there, and
costs at most one look.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from bridge.config import DingTalkSource
from bridge.engine.push import CALLBACK_ALIVE_MS, News
from bridge.errors import BridgeError
from bridge.log import fields
from bridge.providers.dingtalk import push as dingtalk
from bridge.providers.dingtalk.provider import DingTalkProvider
from bridge.providers.wecom import push as wecom
from bridge.providers.wecom.provider import WeComProvider
from bridge.web.wsgi import method_of, reply, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.clock import Clock
    from bridge.daemon.compose import Parts
    from bridge.engine.push import Pushes
    from bridge.web.wsgi import App, Environ, StartResponse

log = logging.getLogger(__name__)

QUERY_FIELDS_MAX: Final = 20
"""Parameters of a callback's address; vendors send four or five."""

REPLAYS_MAX: Final = 50_000
"""Genuine callbacks remembered to refuse their replay."""

RETRY_AFTER_S: Final = 10


def build_hooks(parts: Parts, pushes: Pushes) -> dict[str, App]:
    """Return source id -> application for every source whose callback is configured."""
    engine = parts.engine
    hooks: dict[str, App] = {}
    for source_id, source in engine.sources.items():
        provider: object = engine.providers[source_id]
        if isinstance(provider, WeComProvider) and provider.callbacks is not None:
            hooks[source_id] = WeComHook(source_id, provider.callbacks, pushes, engine.clock)
        if isinstance(provider, DingTalkProvider) and isinstance(source, DingTalkSource):
            if provider.callbacks is None or source.push != "http":
                continue
            hooks[source_id] = DingTalkHook(
                source_id, provider.callbacks, pushes, engine.clock, corp_id=source.corp_id
            )
    return hooks


class WeComHook:
    """Answers WeCom: the plain echo of a verification within 1 s, an empty 200 to an event within 5 s."""

    def __init__(self, source_id: str, callbacks: wecom.Callbacks, pushes: Pushes, clock: Clock) -> None:
        self._source_id = source_id
        self._callbacks = callbacks
        self._pushes = pushes
        self._clock = clock
        self._replays = Replays(clock, 2 * wecom.STALE_S)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        query = query_of(environ)
        now_s = self._clock.now_ms() / 1000
        try:
            if method_of(environ) == "GET":
                return reply(environ, start_response, 200, self._callbacks.verify(query, now_s=now_s))
            body = body_of(environ, wecom.BODY_BYTES_MAX)
            if method_of(environ) != "POST" or body is None:
                return _unfit(environ, start_response, body)
            notice = self._callbacks.receive(query, body, now_s=now_s)
        except BridgeError as error:
            return _refused(environ, start_response, self._source_id, type(error).__name__)
        mark = query.get("msg_signature", "")
        if mark in self._replays:
            return _refused(environ, start_response, self._source_id, "replayed")
        self._pushes.note_alive(self._source_id, CALLBACK_ALIVE_MS)
        if (
            notice.is_ours
            and notice.calendar_id
            and not self._pushes.take(self._source_id, news_of_wecom(notice))
        ):
            return _full(environ, start_response)
        self._replays.add(mark)
        return reply(environ, start_response, 200)


class DingTalkHook:
    """Answers DingTalk: an encrypted ``success`` to every genuine push, within 1.5 s."""

    def __init__(
        self,
        source_id: str,
        callbacks: dingtalk.Callbacks,
        pushes: Pushes,
        clock: Clock,
        *,
        corp_id: str,
    ) -> None:
        self._source_id = source_id
        self._callbacks = callbacks
        self._pushes = pushes
        self._clock = clock
        self._corp_id = corp_id
        self._replays = Replays(clock, 2 * dingtalk.STALE_S)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        query = query_of(environ)
        try:
            body = body_of(environ, dingtalk.BODY_BYTES_MAX)
            if method_of(environ) != "POST" or body is None:
                return _unfit(environ, start_response, body)
            notice = self._callbacks.receive(query, body, now_s=self._clock.now_ms() / 1000)
        except BridgeError as error:
            return _refused(environ, start_response, self._source_id, type(error).__name__)
        given = {name.lower(): value for name, value in query.items()}
        # Both names of the signature are accepted, so it is the signed values that tell a replay.
        mark = f"{given.get('timestamp', '')}:{given.get('nonce', '')}:{notice.key}"
        if mark in self._replays:
            return _refused(environ, start_response, self._source_id, "replayed")
        if not take_dingtalk(self._pushes, self._source_id, notice, self._corp_id):
            return _full(environ, start_response)
        if notice.event != dingtalk.CHECK_URL:
            self._pushes.note_alive(self._source_id, CALLBACK_ALIVE_MS)
            self._replays.add(mark)
        answer = json.dumps(self._callbacks.answer(query)).encode()
        return reply(environ, start_response, 200, answer, content_type="application/json")


def take_dingtalk(pushes: Pushes, source_id: str, notice: dingtalk.Notice, corp_id: str) -> bool:
    """Put a DingTalk push into the queue; False when there is no room. Others than of events are only heard."""
    if notice.quota_spent:
        pushes.note_spent(source_id, spent=True)
        return True
    foreign = bool(corp_id and notice.corp_id and corp_id != notice.corp_id)
    if foreign or not notice.is_calendar or not notice.event_id:
        return True
    pushes.note_spent(source_id, spent=False)
    return pushes.take(
        source_id,
        News(
            key=notice.key,
            is_exact=notice.has_exact_key,
            calendar_id=notice.calendar_id,
            item_id=notice.event_id,
            people=notice.user_ids,
            updated_ms=notice.updated_ms,
            is_deletion=notice.change == "cancelled",
        ),
    )


def news_of_wecom(notice: wecom.Notice) -> News:
    """Say in nobody's words what WeCom told. Its key only tells seconds (reference 10.2)."""
    return News(
        key=notice.key,
        is_exact=False,
        calendar_id=notice.calendar_id,
        item_id=notice.schedule_id if notice.event in wecom.SCHEDULE_EVENTS else "",
    )


class Replays:
    """Signatures of genuine callbacks, for as long as their age would let them pass again. Thread-safe."""

    def __init__(self, clock: Clock, kept_s: float) -> None:
        self._clock = clock
        self._kept_s = kept_s
        self._lock = threading.Lock()
        self._held: OrderedDict[str, float] = OrderedDict()

    def __contains__(self, mark: str) -> bool:
        with self._lock:
            self._forget()
            return mark in self._held

    def add(self, mark: str) -> None:
        """Remember one."""
        with self._lock:
            self._forget()
            self._held[mark] = self._clock.monotonic_s()

    def _forget(self) -> None:
        """Drop what is too old, or too many."""
        since_s = self._clock.monotonic_s() - self._kept_s
        while self._held and (len(self._held) >= REPLAYS_MAX or next(iter(self._held.values())) < since_s):
            self._held.popitem(last=False)


def query_of(environ: Environ) -> Mapping[str, str]:
    """Return the parameters of the address; a bare ``+`` stays one: it belongs to base64 (reference 10.2)."""
    written = str(environ.get("QUERY_STRING", "")).replace("+", "%2B")
    try:
        return dict(parse_qsl(written, keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX))
    except ValueError:
        return {}


def body_of(environ: Environ, bytes_max: int) -> bytes | None:
    """Return the body; None if it is longer than allowed. The router has settled its length."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > bytes_max:
        return None
    body: bytes = environ["wsgi.input"].read(length) if length else b""
    return body


def _unfit(environ: Environ, start_response: StartResponse, body: bytes | None) -> list[bytes]:
    if body is None:
        return say(environ, start_response, 413, "The body is too long.")
    return say(environ, start_response, 405, "Callbacks are posted.", Allow="GET, POST")


def _refused(environ: Environ, start_response: StartResponse, source_id: str, reason: str) -> list[bytes]:
    """Refuse what is forged, stale, broken or replayed, without telling which."""
    log.warning("hook.refused", extra=fields(source=source_id, reason=reason))
    return say(environ, start_response, 403, "This is not a callback of the vendor.")


def _full(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Let the vendor send it again."""
    return say(environ, start_response, 503, "Too much is waiting.", Retry_After=str(RETRY_AFTER_S))

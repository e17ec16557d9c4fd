"""Events sent to an app: encryption, signature, delivery with retries (reference section 10)."""

from __future__ import annotations

import base64
import hashlib
import http.client
import queue
import secrets
import struct
import threading
import time
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.simulator.records import Switches
    from bridge.simulator.wecom.state import Callback

BLOCK: Final = 32
"""Padding block in bytes: 32, not the cipher's 16."""

ATTEMPTS: Final = 4
"""The event and three retries in all."""

ANSWER_S: Final = 5.0
"""Seconds within which an event must be answered."""

VERIFY_S: Final = 1.0
"""Seconds within which the verification GET must be answered."""

WAITING_MAX: Final = 10_000
"""Events waiting to be delivered; more are lost."""

RESULTS_MAX: Final = 10_000
"""Delivery results kept."""


def key_bytes(aes_key: str) -> bytes:
    """Return the 32 bytes of an EncodingAESKey of 43 characters; spare bits are ignored."""
    return base64.b64decode(aes_key + "=")


def encrypt(aes_key: str, message: str, receive_id: str, *, salt: bytes | None = None) -> str:
    """Return ``msg_encrypt`` (reference 10.3); ``salt`` is the 16 random bytes."""
    key = key_bytes(aes_key)
    body = message.encode()
    block = (salt or secrets.token_bytes(16)) + struct.pack(">I", len(body)) + body + receive_id.encode()
    pad = BLOCK - len(block) % BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(block + bytes([pad]) * pad) + encryptor.finalize()).decode()


def sign(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    """Return ``msg_signature``."""
    parts = sorted(part.encode() for part in (token, timestamp, nonce, encrypted))
    return hashlib.sha1(b"".join(parts), usedforsecurity=False).hexdigest()


def event_xml(corp_id: str, actor: str, created_s: int, event: str, extra: dict[str, str]) -> str:
    """Return the inner XML of an event."""
    fields = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in extra.items())
    return (
        f"<xml><ToUserName><![CDATA[{corp_id}]]></ToUserName><FromUserName><![CDATA[{actor}]]></FromUserName>"
        f"<CreateTime>{created_s}</CreateTime><MsgType><![CDATA[event]]></MsgType>"
        f"<Event><![CDATA[{event}]]></Event>{fields}</xml>"
    )


def outer_xml(corp_id: str, agent_id: int, encrypted: str) -> str:
    """Return the body that is posted."""
    return (
        f"<xml><ToUserName><![CDATA[{corp_id}]]></ToUserName><AgentID><![CDATA[{agent_id}]]></AgentID>"
        f"<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One thing to send."""

    callback: Callback
    agent_id: int
    event: str
    """Empty: the verification GET."""
    message: str


class Sender:
    """Delivers events in order from a thread of its own, so that no API call waits for the receiver."""

    def __init__(self, corp_id: str, switches: Switches, now: Callable[[], float]) -> None:
        self._corp_id = corp_id
        self._switches = switches
        self._now = now
        self._jobs: queue.Queue[_Job | None] = queue.Queue(maxsize=WAITING_MAX)
        self._results: list[dict[str, Any]] = []
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def send(self, callback: Callback, agent_id: int, event: str, actor: str, extra: dict[str, str]) -> None:
        """Queue one event."""
        message = event_xml(self._corp_id, actor, int(self._now()), event, extra)
        self._put(_Job(callback=callback, agent_id=agent_id, event=event, message=message))

    def verify(self, callback: Callback, agent_id: int) -> None:
        """Queue the verification GET that saving a callback URL makes."""
        message = str(secrets.randbelow(9 * 10**18) + 10**18)
        self._put(_Job(callback=callback, agent_id=agent_id, event="", message=message))

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until everything queued was delivered or given up; False after ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while self._jobs.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.005)
        return not self._jobs.unfinished_tasks

    def as_json(self) -> dict[str, Any]:
        """Return ``{pending, results}``; each result tells event, attempts, status and whether it is ok."""
        return {"pending": self._jobs.unfinished_tasks, "results": list(self._results)}

    def clear(self) -> None:
        """Forget the results."""
        self._results.clear()

    def close(self) -> None:
        """Stop; what is still queued is lost."""
        self._stop.set()
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(ANSWER_S + 1)
            self._thread = None

    def _put(self, job: _Job) -> None:
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="wecom-callbacks", daemon=True)
            self._thread.start()
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self._note({"event": job.event, "ok": False, "status": 0, "attempts": 0, "body": ""})

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                if not self._stop.is_set():
                    self._deliver(job)
            finally:
                self._jobs.task_done()
        self._jobs.task_done()

    def _deliver(self, job: _Job) -> None:
        if not job.event:
            status, body = self._attempt(job)
            self._note({"event": "verify", "ok": status == 200 and body == job.message, "status": status,
                        "attempts": 1, "body": body})  # fmt: skip
            return
        for _ in range(max(1, self._switches["callback_copies"])):
            attempts, status, body = 0, 0, ""
            while attempts < ATTEMPTS and status != 200 and not self._stop.is_set():
                if attempts:
                    self._stop.wait(self._switches["callback_retry_delay_s"])
                status, body = self._attempt(job)
                attempts += 1
            self._note({"event": job.event, "ok": status == 200, "status": status, "attempts": attempts,
                        "body": body})  # fmt: skip

    def _attempt(self, job: _Job) -> tuple[int, str]:
        """Send once; return status (0: no answer in time) and body."""
        callback = job.callback
        encrypted = encrypt(callback.aes_key, job.message, self._corp_id)
        timestamp, nonce = str(int(self._now())), secrets.token_hex(5)
        query = {
            "msg_signature": sign(callback.token, timestamp, nonce, encrypted),
            "timestamp": timestamp,
            "nonce": nonce,
        }
        if not job.event:
            query["echostr"] = encrypted
        split = urllib.parse.urlsplit(callback.url)
        target = f"{split.path or '/'}?{'&'.join(filter(None, [split.query, urllib.parse.urlencode(query)]))}"
        secure = split.scheme == "https"
        maker = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = maker(split.hostname or "", split.port, timeout=ANSWER_S if job.event else VERIFY_S)
        try:
            if job.event:
                outer = outer_xml(self._corp_id, job.agent_id, encrypted)
                connection.request("POST", target, outer.encode(), {"Content-Type": "text/xml"})
            else:
                connection.request("GET", target)
            answer = connection.getresponse()
            return answer.status, answer.read(65_536).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def _note(self, result: dict[str, Any]) -> None:
        if len(self._results) >= RESULTS_MAX:
            del self._results[0]
        self._results.append(result)

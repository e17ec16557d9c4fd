"""Telling the app that something changed: what is pushed, when it is tried again (reference section 6)."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from bridge.simulator.dingtalk.simulator import DingTalkSimulator

POLL_S: Final = 0.02
"""Seconds between two looks at the queue."""

QUEUE_MAX: Final = 100_000
"""Deliveries that may wait; further ones are lost."""

KEPT_MAX: Final = 100_000
"""Pushes whose fate is remembered for ``state``."""

STOP_S: Final = 5.0
"""Seconds to wait for the worker's end."""

EXEMPT: Final = frozenset(
    {"user_add_org", "user_modify_org", "user_leave_org", "user_active_org", "org_dept_create", "check_url"}
)
"""Events that the monthly quota does not count."""

NO_CONTENT: Final = {"errCode": 20001, "errMsg": "本月Webhook与Stream推送用量已用完"}


@dataclass(slots=True, kw_only=True)
class Push:
    """One event for the app."""

    event_type: str
    event_id: str
    born_ms: int
    data: dict[str, Any]
    """camelCase, without the envelope; ``NO_CONTENT`` when the month's quota is used up."""
    attempts: int = 0
    fate: str = "waiting"
    """``waiting``, ``delivered`` or ``lost``."""

    @property
    def has_content(self) -> bool:
        """Whether the quota let it carry its content."""
        return self.data is not NO_CONTENT


class Channel(Protocol):
    """A way to the app."""

    retries_s: tuple[int, ...]
    """Seconds to wait after each failed attempt; then the push is given up."""

    def send(self, push: Push) -> bool | None:
        """Try once; return success, or None if the answer will be reported to ``Pusher.done``."""
        ...

    def give_up(self, push: Push) -> None:
        """Take note that the last attempt has failed."""
        ...

    def tick(self) -> None:
        """Do what is due by the vendor's clock."""
        ...


@dataclass(slots=True)
class _Due:
    push: Push
    at_ms: int
    channel: Channel = field(repr=False)


class Pusher:
    """The queue of pushes and the thread that works on it."""

    def __init__(self, sim: DingTalkSimulator) -> None:
        self._sim = sim
        self._lock = threading.Lock()
        self._queue: list[_Due] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._channels: list[Channel] = []
        self._since_ms = 0
        self.sent: list[Push] = []
        """Every push, in order of birth."""

    def start(self) -> None:
        """Start the worker, unless it runs."""
        with self._lock:
            if self._thread is None and not self._stop.is_set():
                self._since_ms = self._sim.store.now_ms()
                self._thread = threading.Thread(target=self._work, name="dingtalk-push", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop the worker."""
        self._stop.set()
        thread = self._thread
        if thread is not None:
            thread.join(STOP_S)

    def use(self, channel: Channel) -> None:
        """Let the worker look after ``channel``."""
        with self._lock:
            if channel not in self._channels:
                self._channels.append(channel)
        self.start()

    def clear(self) -> None:
        """Forget all pushes."""
        with self._lock:
            self._queue.clear()
            self.sent.clear()

    def publish(self, event_type: str, data: dict[str, Any]) -> None:
        """Queue an event for the channel that the app has chosen."""
        channel = self._sim.channel()
        if channel is None:
            return
        now_ms = self._sim.store.now_ms()
        if event_type not in EXEMPT and not self._sim.quota.take_push():
            data = NO_CONTENT
        event_id = self._sim.store.token("push", 10).hex()
        push = Push(event_type=event_type, event_id=event_id, born_ms=now_ms, data=data)
        copies = 2 if self._sim.switches["push_duplicates"] == "yes" else 1
        with self._lock:
            if len(self.sent) < KEPT_MAX:
                self.sent.append(push)
            if len(self._queue) + copies <= QUEUE_MAX:
                self._queue.extend(_Due(push, now_ms, channel) for _ in range(copies))

    def done(self, push: Push, channel: Channel, *, ok: bool) -> None:
        """Take the outcome of an attempt."""
        if ok:
            push.fate = "delivered"
            return
        with self._lock:
            attempt = push.attempts
            push.attempts += 1
            if attempt < len(channel.retries_s):
                at_ms = self._sim.store.now_ms() + channel.retries_s[attempt] * 1000
                self._queue.append(_Due(push, at_ms, channel))
                return
        push.fate = "lost"
        channel.give_up(push)

    def as_json(self) -> dict[str, Any]:
        """Return every push and its fate."""
        with self._lock:
            return {
                "waiting": len(self._queue),
                "sent": [
                    {
                        "eventType": push.event_type,
                        "eventId": push.event_id,
                        "fate": push.fate,
                        "attempts": push.attempts,
                        "data": push.data,
                    }
                    for push in self.sent
                ],
            }

    def _work(self) -> None:
        while not self._stop.wait(POLL_S):
            for channel in list(self._channels):
                channel.tick()
            for due in self._due():
                with contextlib.suppress(OSError):
                    self._attempt(due)

    def _due(self) -> list[_Due]:
        now_ms = self._sim.store.now_ms()
        with self._lock:
            due = [item for item in self._queue if item.at_ms <= now_ms]
            if due:
                self._queue = [item for item in self._queue if item.at_ms > now_ms]
        return due

    def _attempt(self, due: _Due) -> None:
        patience_ms = sum(due.channel.retries_s) * 1000
        if due.push.born_ms + patience_ms < self._since_ms:
            # Every attempt would have been made before anybody was there to take it.
            due.push.fate = "lost"
            due.channel.give_up(due.push)
            return
        outcome = due.channel.send(due.push)
        if outcome is not None:
            self.done(due.push, due.channel, ok=outcome)


def pascal(data: dict[str, Any]) -> dict[str, Any]:
    """Return the keys as HTTP pushes have them: PascalCase, but ``operator`` and ``errCode`` as they are."""
    kept = ("operator", "errCode", "errMsg")
    return {name if name in kept else name[:1].upper() + name[1:]: value for name, value in data.items()}

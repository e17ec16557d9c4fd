"""Limits and the memory of repeated requests (reference section 5)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.dingtalk.errors import ApiError
from bridge.simulator.dingtalk.times import SHANGHAI

if TYPE_CHECKING:
    from bridge.simulator.dingtalk.gateway import Call
    from bridge.simulator.dingtalk.store import Store
    from bridge.simulator.messages import Response
    from bridge.simulator.records import Switches

CLIENT_TOKEN_MS: Final = 86_400_000
"""Milliseconds a client token is remembered."""

REMEMBERED_MAX: Final = 100_000
"""Client tokens remembered; the oldest go first."""

DAY_MS: Final = 86_400_000


def rate_error(code: str) -> ApiError:
    """Return a throttling refusal, e.g. ``QpsLimitForAppkeyAndApi``."""
    return ApiError(403, f"Forbidden.AccessDenied.{code}", "请求被限流，请稍后重试")


class Quota:
    """Counters by second, minute, day and month of the vendor's clock."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self._store = store
        self._switches = switches
        self._window: dict[str, tuple[int, int]] = {}
        self.months: Counter[str] = Counter()
        self.push_months: Counter[str] = Counter()
        self.creations: dict[str, deque[int]] = {}

    def month(self) -> str:
        """Return the vendor's month, ``yyyy-MM``."""
        return self._store.now().astimezone(SHANGHAI).strftime("%Y-%m")

    def take_rate(self, app: str, operation: str) -> None:
        """Count a call; raise 403 if this second or minute has had enough."""
        now_s = self._store.now_ms() // 1000
        for name, span, code in (
            ("qps_limit", 1, "QpsLimitForAppkeyAndApi"),
            ("qpm_limit", 60, "QpmLimitForAppkeyAndApi"),
        ):
            limit = self._switches[name]
            key = f"{name} {app} {operation}"
            slot, used = self._window.get(key, (-1, 0))
            used = used + 1 if slot == now_s // span else 1
            if limit and used > limit:
                raise rate_error(code)
            self._window[key] = (now_s // span, used)

    def take_month(self) -> None:
        """Count a billed call; raise 403 if the organisation's month is used up."""
        limit = self._switches["monthly_calls"]
        month = self.month()
        if limit and self.months[month] >= limit:
            raise ApiError(403, "Forbidden.AccessDenied.ApiCountLimitForOrg", "本月API调用量已用完")
        self.months[month] += 1

    def take_push(self) -> bool:
        """Count a billed push; return whether it may carry its content."""
        limit = self._switches["monthly_pushes"]
        month = self.month()
        if limit and self.push_months[month] >= limit:
            return False
        self.push_months[month] += 1
        return True

    def check_creation(self, union_id: str) -> None:
        """Raise 400 ``flowLimit`` if this person has created enough events today."""
        limit = self._switches["creations_per_day"]
        made = self.creations.setdefault(union_id, deque())
        since_ms = self._day_start_ms()
        while made and made[0] < since_ms:
            made.popleft()
        if limit and len(made) >= limit:
            message = f"current user can not create events exceed {limit} per day"
            raise ApiError(400, "flowLimit", message)

    def count_creation(self, union_id: str) -> None:
        """Count an event created."""
        self.creations.setdefault(union_id, deque()).append(self._store.now_ms())

    def _day_start_ms(self) -> int:
        now = self._store.now()
        match self._switches["creation_day"]:
            case "rolling":
                return self._store.now_ms() - DAY_MS + 1
            case "utc":
                zone: dt.tzinfo = dt.UTC
            case _:
                zone = SHANGHAI
        midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return int(midnight.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class _Past:
    at_ms: int
    digest: str
    response: Response


class Repeats:
    """What was answered to a client token."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self._store = store
        self._switches = switches
        self._past: dict[str, _Past] = {}

    def _key(self, call: Call) -> str | None:
        token = call.request.headers.get("x-client-token")
        level = call.operation.idempotent
        if not token or not level:
            return None
        if level == "sdk" and self._switches["idempotency_operations"] == "documented":
            return None
        match self._switches["idempotency_scope"]:
            case "app":
                return token
            case "user":
                return f"{token} {call.operation.name} {call.params.get('u', '')}"
            case _:
                return f"{token} {call.operation.name}"

    def recall(self, call: Call) -> Response | None:
        """Return the stored answer; raise 400 while the first request runs or for another body."""
        key = self._key(call)
        past = self._past.get(key) if key else None
        age_ms = self._store.now_ms() - past.at_ms if past else 0
        if past is None or age_ms >= CLIENT_TOKEN_MS:
            return None
        if age_ms < self._switches["idempotency_running_ms"]:
            raise ApiError(400, "idempotencyProcessing", "Idempotency processing")
        if past.digest != _digest(call) and self._switches["idempotency_other_body"] == "reject":
            raise ApiError(400, "invalidParameter", "x-client-token was used for another request")
        return past.response if self._switches["idempotency_replay"] == "stored" else None

    def remember(self, call: Call, response: Response) -> None:
        """Store an answer, if the call carried a client token."""
        key = self._key(call)
        failed = response.status >= 400
        if key is None or (failed and self._switches["idempotency_failures"] == "no"):
            return
        self._past.pop(key, None)
        self._past[key] = _Past(self._store.now_ms(), _digest(call), response)
        while len(self._past) > REMEMBERED_MAX:
            del self._past[next(iter(self._past))]

    def as_json(self) -> dict[str, Any]:
        """Return how many are remembered."""
        return {"remembered": len(self._past)}


def _digest(call: Call) -> str:
    text = f"{call.request.method} {call.request.target or call.request.path}".encode()
    return hashlib.sha256(text + b"\0" + call.request.body).hexdigest()

"""gettoken and what an access_token is worth (reference 1.1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.simulator.wecom.errors import (
    APP_DISABLED,
    CORPID_MISSING,
    INVALID_CORPID,
    INVALID_SECRET,
    INVALID_TOKEN,
    SECRET_MISSING,
    TOKEN_MISSING,
    TOO_MANY_CALLS,
    Refusal,
)

if TYPE_CHECKING:
    from bridge.simulator.messages import Request
    from bridge.simulator.wecom.office import Office
    from bridge.simulator.wecom.state import Agent

BAR_S: Final = 3600
"""Seconds an IP is barred after too many wrong secrets."""


@dataclass(slots=True, kw_only=True)
class _Token:
    """One token that was handed out."""

    agent_id: int
    expires_at: float
    alive: bool = True


class Tokens:
    """The tokens of all apps."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._tokens: dict[str, _Token] = {}
        self._current: dict[int, str] = {}
        self._wrong: dict[str, list[float]] = {}
        self._made = 0

    def gettoken(self, request: Request) -> dict[str, Any]:
        """Answer ``GET gettoken``."""
        corp_id, secret = request.first("corpid"), request.first("corpsecret")
        if not corp_id:
            raise Refusal(CORPID_MISSING)
        if not secret:
            raise Refusal(SECRET_MISSING)
        self._check_bar(request.peer)
        if corp_id != self._office.corp.corp_id:
            raise Refusal(INVALID_CORPID)
        agent = next((item for item in self._office.corp.agents.values() if item.secret == secret), None)
        if agent is None or not agent.enabled:
            self._wrong.setdefault(request.peer, []).append(self._office.clock.now())
            raise Refusal(INVALID_SECRET)
        return self._hand_out(agent)

    def agent_of(self, value: str) -> Agent:
        """Return the app that ``value`` belongs to; refuse with 41001, 40014, 42001 or 50003."""
        if not value:
            raise Refusal(TOKEN_MISSING)
        token = self._tokens.get(value)
        if token is None or not token.alive or token.agent_id not in self._office.corp.agents:
            raise Refusal(INVALID_TOKEN)
        if self._office.clock.now() >= token.expires_at:
            raise Refusal(self._office.switches["expired_code"])
        agent = self._office.corp.agents[token.agent_id]
        if not agent.enabled:
            raise Refusal(APP_DISABLED)
        return agent

    def owner(self, value: str) -> int | None:
        """Return the agent id of a token, valid or not."""
        token = self._tokens.get(value)
        return None if token is None else token.agent_id

    def revoke(self, agent_id: int | None = None) -> int:
        """End the tokens of one app, or of all; return how many."""
        ended = [
            token
            for token in self._tokens.values()
            if token.alive and (agent_id is None or token.agent_id == agent_id)
        ]
        for token in ended:
            token.alive = False
        return len(ended)

    def clear(self) -> None:
        """Forget all tokens and wrong secrets."""
        self._tokens.clear()
        self._current.clear()
        self._wrong.clear()

    def _check_bar(self, peer: str) -> None:
        now, limit = self._office.clock.now(), self._office.switches["bad_secrets_per_hour"]
        wrong = [at for at in self._wrong.get(peer, ()) if now - at < BAR_S][-(limit + 1) :]
        self._wrong[peer] = wrong
        if len(wrong) >= limit:
            raise Refusal(TOO_MANY_CALLS, "too many wrong secrets")

    def _hand_out(self, agent: Agent) -> dict[str, Any]:
        now, switches = self._office.clock.now(), self._office.switches
        ttl, mode = switches["token_ttl_s"], switches["same_token"]
        value = self._current.get(agent.agent_id, "")
        token = self._tokens.get(value)
        if token is not None and mode == "same" and token.alive and now < token.expires_at:
            left = int(token.expires_at - now) or 1
            return self._answer(value, ttl if switches["expires_in_on_repeat"] == "full" else left)
        if token is not None and mode == "new_kills_old":
            token.alive = False
        self._made += 1
        seed = f"{self._office.corp.corp_id}/{agent.secret}/{self._made}".encode()
        value = hashlib.sha512(seed).hexdigest() + hashlib.sha256(seed).hexdigest()[:86]
        self._tokens[value] = _Token(agent_id=agent.agent_id, expires_at=now + ttl)
        self._current[agent.agent_id] = value
        return self._answer(value, ttl)

    def _answer(self, value: str, expires_in: int) -> dict[str, Any]:
        return {"access_token": value, "expires_in": expires_in}

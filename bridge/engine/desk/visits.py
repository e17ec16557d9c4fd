"""Sessions of the pages: kept in the database, so that any node answers; known by a hash, so that a copy opens nothing."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.engine.secrets import keyed_hash, normal
from bridge.store import people, shared

if TYPE_CHECKING:
    from bridge.engine.api import Login
    from bridge.engine.context import Engine

TOKEN_BYTES: Final = 24
"""Random bytes of a session's name: 192 bits."""
PREFIX: Final = "visit:"
ONCE: Final = "once:"
"""What may be used one time: states of a sign-in that came back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody who is signed in."""

    user: str
    device: str
    """Label of the app password, or the source whose door was used."""
    read_only: bool
    csrf: str
    """What every form of this session carries."""


class Visits:
    """Begins, finds and ends sessions. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._store = engine.store

    def begin(self, login: Login, *, length_ms: int, password: str = "", door: str = "") -> str:
        """Return the secret name of a new session.

        It ends with the app password it was opened with: ``password``; or with the link to a source: ``door``.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now_ms = self._engine.clock.now_ms()
        value = {
            "user": login.user,
            "device": login.device,
            "read_only": login.read_only,
            "password": keyed_hash(self._engine.pepper, "password", normal(password)) if password else "",
            "door": door,
        }
        with self._store.write() as c:
            shared.forget_tokens(c, PREFIX, now_ms)
            shared.forget_tokens(c, ONCE, now_ms)
            shared.put_token(c, self._name(token), json.dumps(value), now_ms + length_ms)
        return token

    def find(self, token: str) -> Visit | None:
        """Return who a session is of; None when it ended, or what it was opened with is no longer good."""
        if not token or len(token) > 100:
            return None
        now_ms = self._engine.clock.now_ms()
        with self._store.read() as c:
            row = shared.token(c, self._name(token))
            if row is None or row[1] <= now_ms:
                return None
            value = json.loads(row[0])
            principal = people.by_name(c, value["user"])
            if principal is None:
                return None
            if value["password"]:
                held = people.check_password(c, value["password"])
                expires_ms = held["expires_ms"] if held is not None else 0
                if held is None or (expires_ms is not None and expires_ms <= now_ms):
                    return None
            elif value["door"] not in {x.source_id for x in people.links(c, principal.id)}:
                return None
        return Visit(
            user=value["user"],
            device=value["device"],
            read_only=bool(value["read_only"]),
            csrf=self.seal("csrf", token),
        )

    def end(self, token: str) -> None:
        """Forget a session."""
        with self._store.write() as c:
            shared.drop_token(c, self._name(token))

    def once(self, what: str, *, length_ms: int) -> bool:
        """Return True the first time it is asked of ``what`` within ``length_ms``."""
        now_ms = self._engine.clock.now_ms()
        with self._store.write() as c:
            return shared.add_token(c, ONCE + hashlib.sha256(what.encode()).hexdigest(), now_ms + length_ms)

    def seal(self, kind: str, text: str) -> str:
        """Return what only this installation can make of a text."""
        return keyed_hash(self._engine.pepper, f"pages-{kind}", text)

    def is_sealed(self, kind: str, text: str, seal: str) -> bool:
        """Return whether a seal is ours; takes the same time for every guess."""
        return hmac.compare_digest(self.seal(kind, text).encode(), seal.encode(errors="replace"))

    @staticmethod
    def _name(token: str) -> str:
        return PREFIX + hashlib.sha256(token.encode(errors="replace")).hexdigest()

"""One access token per app, fetched once however many threads ask, shared through the vault."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeVar

from bridge.errors import BridgeError, Throttled, TokenStale, Unauthorised

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.providers.runtime import Runtime

T = TypeVar("T")

EARLY_S: Final = 300
"""A token is renewed this many seconds before it expires (WeCom reference 1.1, DingTalk reference 1.3)."""

JITTER_S: Final = 60
"""Nodes that share a token renew it up to this many seconds apart, so that usually only one asks."""

SHORT_LIFE_SHARE: Final = 4
"""A token that lives shortly is renewed in the last quarter of its life instead."""

FAILURE_TTL_S: Final = 2.0
"""For so long (seconds) a failed fetch answers everybody who asks, instead of a new fetch each."""

REFUSAL_TTL_S: Final = 30.0
"""The same after a refused secret: about 2000 of those in an hour bar an address (WeCom reference 1.1)."""

RENEWALS_MAX: Final = 30
RENEWALS_WINDOW_S: Final = 60.0
"""Tokens called invalid more than RENEWALS_MAX times in this many seconds: another fetch does not help."""

FETCH_WAIT_MAX_S: Final = 60.0
"""Longest wait (seconds) for another thread's fetch; transports answer or fail long before."""


@dataclass(frozen=True, slots=True)
class _Token:
    """A token in use."""

    text: str = field(repr=False)
    renew_ms: int
    """From this moment on a new one is fetched."""
    expires_ms: int
    """Until then it can be used while fetching a new one does not work."""


class _Flight:
    """One fetch under way and what came of it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.token: str | None = None
        self.error: BaseException | None = None


class TokenKeeper:
    """Keeps the token of one app. Thread-safe.

    ``fetch`` returns (token, seconds it lives) and may raise any class of :mod:`bridge.errors`.
    """

    def __init__(
        self,
        runtime: Runtime,
        name: str,
        fetch: Callable[[], tuple[str, float]],
    ) -> None:
        self._clock = runtime.clock
        self._vault = runtime.vault
        self._name = name
        self._fetch = fetch
        self._rng = runtime.rng
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._stale: str | None = None
        self._flight: _Flight | None = None
        self._failure: tuple[float, BridgeError] | None = None
        self._renewals: deque[float] = deque(maxlen=RENEWALS_MAX)

    def current(self) -> str:
        """Return a token that should be valid; fetches one when there is none or the end is near."""
        held = self._token
        if held is not None and self._clock.now_ms() < held.renew_ms:
            return held.text
        return self._obtain()

    def ends_ms(self) -> int | None:
        """Return when the token that is held ends (milliseconds UTC); None: none is."""
        held = self._token
        return None if held is None else held.expires_ms

    def renew(self, *, stale: str) -> str:
        """Return another token than ``stale``, which the vendor called invalid.

        However many threads complain of the same token, it is renewed once. Raises what the fetch raises, and
        Unauthorised when tokens are called invalid over and over.
        """
        with self._lock:
            held = self._token
            if held is not None and held.text != stale:
                return held.text
            if self._stale != stale:
                self._note_renewal()
                self._stale = stale
            self._token = None
        self._vault.forget(self._name, stale)
        return self._obtain()

    def _note_renewal(self) -> None:
        """Count a renewal, under the lock; refuse when there were too many in a short time."""
        now_s = self._clock.monotonic_s()
        full = len(self._renewals) == RENEWALS_MAX
        if full and now_s - self._renewals[0] < RENEWALS_WINDOW_S:
            msg = f"{self._name}: the vendor calls every new token invalid; check the app's id and secret"
            raise Unauthorised(msg, cause="secret")
        self._renewals.append(now_s)

    def _obtain(self) -> str:
        """Join the fetch under way or start one; while it lasts, a token that is not at its end still serves."""
        with self._lock:
            held, now_ms = self._token, self._clock.now_ms()
            if held is not None and now_ms < held.renew_ms:
                return held.text
            if self._failure is not None:
                until_s, error = self._failure
                if self._clock.monotonic_s() < until_s:
                    raise error.with_traceback(None)
                self._failure = None
            flight = self._flight
            if flight is not None and held is not None and now_ms < held.expires_ms:
                return held.text
            mine = flight is None
            if flight is None:
                flight = self._flight = _Flight()
        if mine:
            self._fly(flight, held)
        elif not flight.done.wait(FETCH_WAIT_MAX_S):
            msg = f"{self._name}: the token is still being fetched; try again in a moment"
            raise Throttled(msg, retry_after_s=FAILURE_TTL_S)
        if flight.error is not None:
            raise flight.error.with_traceback(None)
        if flight.token is None:
            msg = f"{self._name}: the token fetch ended without a token"
            raise Unauthorised(msg, cause="secret")
        return flight.token

    def _fly(self, flight: _Flight, held: _Token | None) -> None:
        """Find or fetch the token, and tell everybody who waits."""
        token: _Token | None = None
        failure: tuple[float, BridgeError] | None = None
        try:
            token = self._from_vault() or self._from_vendor()
            flight.token = token.text
        except BridgeError as error:
            ttl_s = _failure_ttl_s(error)
            if held is not None and self._clock.now_ms() < held.expires_ms:
                # Renewing early leaves time to fail: the old token serves until its end.
                token = replace(held, renew_ms=self._clock.now_ms() + int(ttl_s * 1000))
                flight.token = token.text
            else:
                flight.error = error
                failure = (self._clock.monotonic_s() + ttl_s, error)
        except BaseException as error:
            # Whatever it is (a broken vault, an interrupt), those who wait must not wait for ever.
            flight.error = error
            raise
        finally:
            with self._lock:
                self._token = token
                self._failure = failure
                self._flight = None
            flight.done.set()

    def _from_vault(self) -> _Token | None:
        """Return the shared token if it is another one than ours and not near its end."""
        shared = self._vault.load(self._name)
        if shared is None:
            return None
        text, expires_ms = shared
        left_s = (expires_ms - self._clock.now_ms()) / 1000
        held = self._token
        if text == self._stale or left_s <= 0 or (held is not None and held.text == text):
            return None
        return self._token_of(text, left_s)

    def _from_vendor(self) -> _Token:
        """Fetch a token and share it."""
        text, lives_s = self._fetch()
        if not text or lives_s <= 0:
            msg = f"{self._name}: the vendor answered without a usable token"
            raise Unauthorised(msg, cause="secret")
        self._vault.save(self._name, text, self._clock.now_ms() + int(lives_s * 1000))
        return self._token_of(text, lives_s)

    def _token_of(self, text: str, left_s: float) -> _Token:
        """Return a token that lives ``left_s`` more seconds, to be renewed some time before."""
        early_s = min(EARLY_S + self._rng.uniform(0, JITTER_S), left_s / SHORT_LIFE_SHARE)
        now_ms = self._clock.now_ms()
        return _Token(
            text, renew_ms=now_ms + int((left_s - early_s) * 1000), expires_ms=now_ms + int(left_s * 1000)
        )


def _failure_ttl_s(error: BridgeError) -> float:
    """Return for how long a failed fetch speaks for the next ones, in seconds."""
    if isinstance(error, Throttled):
        return max(FAILURE_TTL_S, error.retry_after_s)
    if isinstance(error, Unauthorised):
        return REFUSAL_TTL_S
    return FAILURE_TTL_S


def with_token(tokens: TokenKeeper, call: Callable[[str], T]) -> T:
    """Make a call with the current token; if the vendor calls that stale, renew once and replay once.

    A stale token means that nothing happened, so this is right for writes as well. Raises Unauthorised when
    the renewed token is refused too.
    """
    token = tokens.current()
    try:
        return call(token)
    except TokenStale:
        fresh = tokens.renew(stale=token)
    try:
        return call(fresh)
    except TokenStale as error:
        msg = "the vendor refused a token that it had just issued; check the app's id, secret and kind"
        raise Unauthorised(msg, code=error.code, cause="secret") from error

"""One token per app, fetched once however many threads ask."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import BridgeError, Throttled, TokenStale, Unauthorised, Unreachable
from bridge.providers.auth import (
    EARLY_S,
    FAILURE_TTL_S,
    JITTER_S,
    REFUSAL_TTL_S,
    RENEWALS_MAX,
    RENEWALS_WINDOW_S,
    TokenKeeper,
    with_token,
)
from bridge.providers.runtime import MemoryVault, Runtime

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 1_767_542_400.0

    def now_ms(self) -> int:
        return int(self.now_s * 1000)

    def monotonic_s(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Vendor:
    """Hands out numbered tokens, slowly, or fails."""

    def __init__(self, *, lives_s: float = 7200, delay_s: float = 0.0) -> None:
        self.fetched = 0
        self.lives_s = lives_s
        self.delay_s = delay_s
        self.error: BridgeError | None = None

    def fetch(self) -> tuple[str, float]:
        self.fetched += 1
        time.sleep(self.delay_s)
        if self.error is not None:
            raise self.error
        return f"T{self.fetched}", self.lives_s


def keeper(vendor: Vendor, clock: FakeClock, vault: MemoryVault | None = None) -> TokenKeeper:
    runtime = Runtime(clock=clock, vault=vault or MemoryVault(), rng=random.Random(3))
    return TokenKeeper(runtime, "wecom:test", vendor.fetch)


def in_threads(work: Callable[[], Any], count: int = 16) -> list[Any]:
    results: list[Any] = []

    def act() -> None:
        try:
            results.append(work())
        except BridgeError as error:
            results.append(error)

    threads = [threading.Thread(target=act) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return results


def test_a_token_is_fetched_once_however_many_threads_ask() -> None:
    vendor = Vendor(delay_s=0.05)
    tokens = keeper(vendor, FakeClock())
    assert in_threads(tokens.current) == ["T1"] * 16
    assert vendor.fetched == 1


def test_a_stale_token_is_renewed_once_however_many_threads_complain() -> None:
    vendor = Vendor(delay_s=0.02)
    tokens = keeper(vendor, FakeClock())
    stale = tokens.current()
    assert in_threads(lambda: tokens.renew(stale=stale)) == ["T2"] * 16
    assert vendor.fetched == 2
    assert tokens.renew(stale="T1") == "T2"
    assert vendor.fetched == 2


def test_a_token_is_renewed_some_minutes_before_it_expires() -> None:
    clock, vendor = FakeClock(), Vendor()
    tokens = keeper(vendor, clock)
    tokens.current()
    clock.now_s += 7200 - EARLY_S - JITTER_S - 1
    assert tokens.current() == "T1"
    clock.now_s += JITTER_S + 2
    assert tokens.current() == "T2"


def test_a_token_serves_until_its_end_while_no_new_one_can_be_fetched() -> None:
    clock, vendor = FakeClock(), Vendor()
    tokens = keeper(vendor, clock)
    tokens.current()
    vendor.error = Unreachable("down")
    clock.now_s += 7200 - EARLY_S
    assert [tokens.current() for _ in range(5)] == ["T1"] * 5
    assert vendor.fetched == 2
    clock.now_s += FAILURE_TTL_S
    assert tokens.current() == "T1"
    assert vendor.fetched == 3
    clock.now_s += EARLY_S
    with pytest.raises(Unreachable):
        tokens.current()


def test_nobody_waits_for_an_early_renewal_but_the_one_who_does_it() -> None:
    clock, vendor = FakeClock(), Vendor()
    tokens = keeper(vendor, clock)
    tokens.current()
    clock.now_s += 7200 - EARLY_S
    vendor.delay_s = 0.3
    began_s = time.monotonic()
    results: list[tuple[str, float]] = []

    def work() -> None:
        results.append((tokens.current(), time.monotonic() - began_s))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    for thread in threads:
        thread.join(10)
    assert sorted(token for token, _ in results) == ["T1", "T1", "T1", "T2"]
    assert all(after_s < 0.25 for token, after_s in results if token == "T1")


def test_a_short_lived_token_is_used_for_most_of_its_life() -> None:
    clock, vendor = FakeClock(), Vendor(lives_s=20)
    tokens = keeper(vendor, clock)
    tokens.current()
    clock.now_s += 14
    assert tokens.current() == "T1"
    clock.now_s += 2
    assert tokens.current() == "T2"


def test_another_process_uses_the_same_token() -> None:
    clock, vault, vendor = FakeClock(), MemoryVault(), Vendor()
    assert keeper(vendor, clock, vault).current() == "T1"
    assert keeper(vendor, clock, vault).current() == "T1"
    assert vendor.fetched == 1


def test_a_token_that_another_process_renewed_is_taken_instead_of_a_new_one() -> None:
    clock, vault, vendor = FakeClock(), MemoryVault(), Vendor()
    first, second = keeper(vendor, clock, vault), keeper(vendor, clock, vault)
    stale = first.current()
    assert second.current() == stale
    assert first.renew(stale=stale) == "T2"
    assert second.renew(stale=stale) == "T2"
    assert vendor.fetched == 2
    assert vault.load("wecom:test") == ("T2", clock.now_ms() + 7_200_000)


def test_an_expired_token_in_the_vault_is_not_used() -> None:
    clock, vault, vendor = FakeClock(), MemoryVault(), Vendor()
    vault.save("wecom:test", "old", clock.now_ms() - 1)
    assert keeper(vendor, clock, vault).current() == "T1"


def test_a_failure_reaches_everybody_who_waits_and_is_not_repeated_at_once() -> None:
    clock, vendor = FakeClock(), Vendor(delay_s=0.03)
    vendor.error = Unreachable("down")
    tokens = keeper(vendor, clock)
    assert all(result is vendor.error for result in in_threads(tokens.current))
    assert vendor.fetched == 1
    with pytest.raises(Unreachable):
        tokens.current()
    assert vendor.fetched == 1
    clock.now_s += FAILURE_TTL_S
    vendor.error = None
    assert tokens.current() == "T2"


def test_a_refused_secret_is_asked_about_more_rarely() -> None:
    clock, vendor = FakeClock(), Vendor()
    vendor.error = Unauthorised("bad secret", code="40001")
    tokens = keeper(vendor, clock)
    for _ in range(int(REFUSAL_TTL_S) * 4):
        with pytest.raises(Unauthorised):
            tokens.current()
        clock.now_s += 1
    assert vendor.fetched == 4


def test_a_throttled_fetch_waits_as_long_as_the_vendor_says() -> None:
    clock, vendor = FakeClock(), Vendor()
    vendor.error = Throttled("slow", retry_after_s=100)
    tokens = keeper(vendor, clock)
    for _ in range(99):
        with pytest.raises(Throttled):
            tokens.current()
        clock.now_s += 1
    assert vendor.fetched == 1


@pytest.mark.parametrize("token", [("", 7200.0), ("T", 0.0), ("T", -1.0)])
def test_an_answer_without_a_usable_token_is_a_refusal(token: tuple[str, float]) -> None:
    tokens = TokenKeeper(Runtime(clock=FakeClock()), "x", lambda: token)
    with pytest.raises(Unauthorised):
        tokens.current()


def test_an_unexpected_failure_does_not_leave_anybody_waiting() -> None:
    def broken() -> tuple[str, float]:
        time.sleep(0.03)
        raise ZeroDivisionError

    tokens = TokenKeeper(Runtime(clock=FakeClock()), "x", broken)
    failures: list[type[BaseException]] = []

    def work() -> None:
        try:
            tokens.current()
        except ZeroDivisionError as error:
            failures.append(type(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert failures == [ZeroDivisionError] * 4


def test_tokens_that_are_always_called_invalid_are_not_fetched_for_ever() -> None:
    clock, vendor = FakeClock(), Vendor()
    tokens = keeper(vendor, clock)

    def call(_token: str) -> None:
        raise TokenStale("40014", code="40014")

    for _ in range(RENEWALS_MAX * 3):
        with pytest.raises(Unauthorised):
            with_token(tokens, call)
    assert vendor.fetched <= RENEWALS_MAX + 2
    clock.now_s += RENEWALS_WINDOW_S + REFUSAL_TTL_S
    assert with_token(tokens, lambda token: token)


def test_a_call_is_replayed_once_with_the_renewed_token() -> None:
    tokens = keeper(Vendor(), FakeClock())
    seen: list[str] = []

    def call(token: str) -> str:
        seen.append(token)
        if token == "T1":
            raise TokenStale("expired", code="42001")
        return "done"

    assert with_token(tokens, call) == "done"
    assert seen == ["T1", "T2"]


def test_a_call_refused_twice_tells_who_must_mend_what() -> None:
    tokens = keeper(Vendor(), FakeClock())
    seen: list[str] = []

    def call(token: str) -> str:
        seen.append(token)
        raise TokenStale("no", code="40014")

    with pytest.raises(Unauthorised) as caught:
        with_token(tokens, call)
    assert (caught.value.cause, caught.value.code) == ("secret", "40014")
    assert seen == ["T1", "T2"]


def test_a_token_does_not_show_in_a_repr() -> None:
    tokens = keeper(Vendor(), FakeClock())
    tokens.current()
    assert "T1" not in repr(tokens._token)

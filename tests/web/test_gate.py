"""Counting failures, with a clock that can be turned."""

import pytest

from bridge.engine.api import Login
from bridge.web import basic
from bridge.web.basic import Blocked, Credentials, Gate, read_basic


class Clock:
    def __init__(self):
        self.now = 1000.0

    def monotonic_s(self):
        return self.now

    def now_ms(self):
        return int(self.now * 1000)

    def sleep(self, _seconds):
        pytest.fail("slept")


class Box:
    def __init__(self):
        self.clock = Clock()
        self.asked = 0
        self.passwords = {("alice", "right")}
        self.gate = Gate(self.login, self.clock)

    def login(self, user, password, _hint):
        self.asked += 1
        return Login(user=user) if (user, password) in self.passwords else None

    def ask(self, user="alice", password="wrong", address="192.0.2.1"):  # noqa: S107
        return self.gate.check(Credentials(user, password), address, "")


@pytest.fixture
def box():
    return Box()


def test_a_block_ends_by_itself_and_costs_no_look_up(box):
    for _ in range(basic.PAIR_FAILURES_MAX):
        assert box.ask() is None
    asked = box.asked
    blocked = box.ask()
    assert isinstance(blocked, Blocked)
    assert 0 < blocked.retry_after_s <= basic.WINDOW_S
    assert box.ask(password="right") == blocked
    assert box.asked == asked
    box.clock.now += basic.WINDOW_S
    assert box.ask(password="right") == Login(user="alice")


def test_another_address_and_another_user_are_not_blocked(box):
    for _ in range(basic.PAIR_FAILURES_MAX + 1):
        box.ask()
    assert box.ask(password="right", address="192.0.2.2") == Login(user="alice")
    assert box.ask("bob") is None


def test_many_names_from_one_address_are_blocked_together(box):
    for number in range(basic.ADDRESS_FAILURES_MAX):
        assert box.ask(f"user{number}") is None
    assert isinstance(box.ask("somebody else"), Blocked)
    assert box.ask("user1", address="192.0.2.2") is None


def test_a_password_that_was_revoked_is_refused_although_it_was_good(box):
    assert box.ask(password="right") == Login(user="alice")
    box.passwords.clear()
    assert box.ask(password="right") is None


def test_good_credentials_pass_a_block_for_an_hour_and_no_longer(box):
    box.ask(password="right")
    for _ in range(basic.PAIR_FAILURES_MAX):
        box.ask()
    assert box.ask(password="right") == Login(user="alice")
    box.clock.now += basic.GOOD_S + 1
    for _ in range(basic.PAIR_FAILURES_MAX):
        box.ask()
    assert isinstance(box.ask(password="right"), Blocked)


def test_the_tables_are_bounded(box, monkeypatch):
    monkeypatch.setattr(basic, "TABLE_MAX", 50)
    for number in range(500):
        box.ask(f"u{number}", address=f"2001:db8::{number:x}")
        box.passwords.add((f"u{number}", "right"))
        box.ask(f"u{number}", "right", address=f"2001:db8::{number:x}")
    assert len(box.gate._failures) <= 50
    assert len(box.gate._good) <= 50


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Basic YTpi", Credentials("a", "b")),
        ("Basic YTpiOmM=", Credentials("a", "b:c")),
        ("  basic   YTpi ", Credentials("a", "b")),
        ("Basic YTpiOmM", Credentials("a", "b:c")),
        ("Basic YTo=", None),
        ("Basic OmI=", None),
        ("Basic YWI=", None),
        ("BasicYTpi", None),
        ("", None),
        ("Basic ÿ", None),
    ],
)
def test_basic_headers_are_read_or_not(header, found):
    assert read_basic(header) == found

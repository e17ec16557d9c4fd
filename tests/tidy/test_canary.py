"""The canary of the suite sings: otherwise that it is silent everywhere would say nothing."""

import logging

import pytest
from canary import Canary

from bridge import log
from bridge.errors import Refused


@pytest.fixture
def bird():
    made = Canary()
    made.learn("Kanarienvogel", "kanarie-secret", "a", "schedule")
    return made


def heard(bird, name, level, message, **more):
    """Write one line to nobody but this bird."""
    logger = logging.Logger(name)  # noqa: LOG001  - one that nobody else hears
    logger.addHandler(bird)
    logger.log(level, message, **more)
    return [word for word, _line in bird.told()]


def test_a_title_in_a_field_is_heard_at_every_level_of_ours(bird):
    extra = log.fields(reason="about the Kanarienvogel")
    assert heard(bird, "bridge.engine", logging.DEBUG, "x.y", extra=extra) == ["Kanarienvogel"]
    bird.forget_lines()
    assert heard(bird, "radicale_plugin.app", logging.DEBUG, "Kanarienvogel") == ["Kanarienvogel"]


def test_a_title_that_is_a_word_of_our_code_says_nothing():
    made = Canary()
    made.learn("permission", "Unauthorised", "Kanarienvogel", "Zhang San")
    assert list(made.words) == ["Kanarienvogel", "Zhang San"]
    made.learn("vendor.called")
    assert heard(made, "bridge.x", logging.INFO, "vendor.called") == []


def test_a_secret_in_a_failure_of_ours_is_heard(bird):
    try:
        raise Refused("no: kanarie-secret")
    except Refused:
        assert heard(bird, "bridge.x", logging.ERROR, "x.y", exc_info=True) == ["kanarie-secret"]


def test_what_production_does_not_write_is_not_heard(bird):
    try:
        raise ValueError("a parser quotes Kanarienvogel")
    except ValueError:
        assert heard(bird, "bridge.x", logging.ERROR, "x.y", exc_info=True) == []
    assert heard(bird, "bridge.x", logging.INFO, "x.y", extra={"title": "Kanarienvogel"}) == []
    assert heard(bird, "httpx", logging.INFO, "GET http://x/?a=Kanarienvogel") == []
    assert heard(bird, "radicale.app", logging.WARNING, "Kanarienvogel") == ["Kanarienvogel"]


@pytest.mark.parametrize("text", ["from alice@corp.example", "GET /cgi?access_token=abcdefgh"])
def test_addresses_and_tokens_need_not_be_known(bird, text):
    # Both are masked before they are written; without the masks they would be heard.
    assert heard(bird, "bridge.x", logging.INFO, text) == []
    bird.lines["as if"] = text
    assert bird.told()

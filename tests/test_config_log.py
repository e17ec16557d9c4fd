"""Logs: events and fields arrive, secrets and people do not."""

from __future__ import annotations

import io
import json
import logging
import threading
from typing import TYPE_CHECKING

import pytest

from bridge import log
from bridge.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    names = ["bridge", "radicale_plugin", *log.QUIET]
    before = (root.level, {name: logging.getLogger(name).level for name in names})
    stream = io.StringIO()
    handler = log.configure("debug", "json", stream=stream)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before[0])
    for name, level in before[1].items():
        logging.getLogger(name).setLevel(level)


def read(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_carries_its_fields_and_the_id_of_the_request(lines: io.StringIO) -> None:
    with log.request_scope("abc"):
        logging.getLogger("bridge.engine").info("pull.applied", extra=log.fields(source="wecom", count=3))
    logging.getLogger("bridge.engine").debug("outside")
    first, second = read(lines)
    assert first["event"] == "pull.applied"
    assert (first["source"], first["count"], first["request_id"]) == ("wecom", 3, "abc")
    assert "request_id" not in second


def test_a_field_outside_the_list_does_not_reach_the_line(lines: io.StringIO) -> None:
    logging.getLogger("bridge.x").info("a.b", extra={"title": "Geheim", "count": 1})
    assert "Geheim" not in lines.getvalue()
    assert read(lines)[0]["count"] == 1


def test_no_field_collides_with_an_attribute_of_a_record() -> None:
    taken = vars(logging.makeLogRecord({})).keys() | {"message", "asctime"}
    assert not log.FIELD_NAMES & taken


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("GET /cgi-bin/x?access_token=abc.DEF-1&debug=1", "abc.DEF-1"),
        ("corpid=ww1&corpsecret=S3cr_et", "S3cr_et"),
        ('{"appSecret": "S3cret", "appKey": "k"}', "S3cret"),
        ("https://h/feed/0aB_tok-en.ics", "0aB_tok-en"),
        ("Authorization: Basic YWxpY2U6cHc=", "YWxpY2U6cHc="),
        ("{'x-acs-dingtalk-access-token': 'deadbeef'}", "deadbeef"),
        ("postgresql+psycopg://u:pa55@db/q", "pa55"),
        ("ATTENDEE;CN=Li:mailto:li.si@corp.example.cn", "li.si"),
        ("?msg_signature=0123abcd&timestamp=1", "0123abcd"),
    ],
)
def test_secrets_and_addresses_are_masked(text: str, hidden: str) -> None:
    masked = log.redact(text)
    assert hidden not in masked
    assert log.MASK in masked


@pytest.mark.parametrize("text", ["errcode 40014", "schedule/add answered 45009", "took 3 ms at 10:30"])
def test_ordinary_words_stay(text: str) -> None:
    assert log.redact(text) == text


def test_a_foreign_line_with_a_token_is_dropped_and_ours_is_masked(lines: io.StringIO) -> None:
    logging.getLogger("httpx").error("GET https://v/x?access_token=tok1")
    logging.getLogger("httpx").info("harmless but noisy")
    logging.getLogger("bridge.x").warning("asked /feed/tok2.ics")
    assert [line["event"] for line in read(lines)] == ["asked /feed/***"]


def test_a_traceback_shows_places_and_classes_but_no_foreign_message(lines: io.StringIO) -> None:
    try:
        try:
            int("Dentist at ten")
        except ValueError as error:
            raise Refused("the vendor said no to bob@example.com") from error
    except Refused:
        logging.getLogger("bridge.x").exception("carry.failed")
    line = read(lines)[0]
    assert "Dentist" not in lines.getvalue()
    assert "bob@" not in lines.getvalue()
    assert "Refused: the vendor said no" in str(line["failure"])
    assert "from ValueError at test_config_log.py" in str(line["failure"])


def test_what_a_thread_did_not_catch_is_logged_without_its_message(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", log.note_thread_failure)
    thread = threading.Thread(target=lambda: int("Dentist at ten"))
    thread.start()
    thread.join()
    assert read(lines)[0]["event"] == "thread.uncaught"
    assert "ValueError at test_config_log.py" in str(read(lines)[0]["failure"])
    assert "Dentist" not in lines.getvalue()


def test_a_long_value_is_cut(lines: io.StringIO) -> None:
    logging.getLogger("bridge.x").info("x" * 100_000)
    assert len(lines.getvalue()) < log.VALUE_CHARS_MAX + 500


def test_configuring_twice_writes_each_line_once(lines: io.StringIO) -> None:
    handler = log.configure("info", "json", stream=lines)
    logging.getLogger("bridge.x").info("once")
    logging.getLogger().removeHandler(handler)
    assert len(read(lines)) == 1


def test_the_console_form_is_one_readable_line() -> None:
    stream = io.StringIO()
    handler = log.configure("info", "console", stream=stream)
    logging.getLogger("bridge.x").info("pull.applied", extra=log.fields(count=3))
    logging.getLogger().removeHandler(handler)
    assert "pull.applied" in stream.getvalue()
    assert "count=3" in stream.getvalue()

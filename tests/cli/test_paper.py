"""Texts for people: bounded, aligned, harmless."""

from __future__ import annotations

import json

import pytest

from bridge.cli.paper import CELL_CHARS_MAX, SENTENCE_CHARS_MAX, cell, clean, json_line, span, table
from bridge.cli.run import demo_lines


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.6, "1 min"), (185, "3 min 5 s"), (86_400, "1 d"), (90_061, "1 d 1 h")],
)
def test_a_duration_is_told_in_two_units(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_long_text_is_cut_and_a_list_is_shortened() -> None:
    assert len(cell("words", "x" * 5000)) == CELL_CHARS_MAX
    assert len(clean("x" * 5000)) == SENTENCE_CHARS_MAX
    assert cell("", list(range(30))).endswith(" …")


def test_rows_with_different_keys_share_one_header() -> None:
    lines = table([{"a": 1}, {"b_s": 5, "a": True}], first=("b_s",))
    assert lines == ["B    A", "-    1", "5 s  yes"]


def test_a_json_line_is_ascii_and_reads_back() -> None:
    line = json_line({"name": "张三", "n": 1})
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line) == {"name": "张三", "n": 1}


def test_the_demo_tells_a_person_what_to_type() -> None:
    facts = {
        "url": "http://127.0.0.1:5232/dav/",
        "users": [{"user": "alice", "password": "pw", "calendars": ["http://c"], "feeds": ["http://f"]}],
        "simulators": {"wecom": "http://w", "dingtalk": "http://d"},
        "admin": "http://a",
    }
    text = "\n".join(demo_lines(facts))
    for word in ("http://127.0.0.1:5232/dav/", "alice", "pw", "http://c", "http://f", "http://w", "http://a"):
        assert word in text

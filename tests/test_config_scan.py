"""Lines of keys: the scanner must know what tomllib knows, and where it stands."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bridge.config_scan import key_lines, line_of

TRICKY = '''# a comment with = and [brackets]
top = 1
"quoted key" = "a # no comment"
dotted.deep.key = 'single'

[server] # why not
listen = """
multi = "line"
[not_a_table]
"""
list = [ # opening
  "a", # first = 1
  "]",
  ["nested", 'b'],
]
after = true
inline = { x = 1, y = "}" }

[[source]]
id = "one"
[source.sub]
k = 1
[[source]]
text = \'\'\'it''s\'\'\'
quotes = """"quoted""""
id = "two"
'''


def test_strings_arrays_and_comments_do_not_hide_lines() -> None:
    tomllib.loads(TRICKY)
    lines = key_lines(TRICKY)
    text = TRICKY.splitlines()

    def at(*path: str | int) -> str:
        return text[lines[path] - 1]

    assert at("top") == "top = 1"
    assert at("quoted key").startswith('"quoted key"')
    assert at("dotted", "deep", "key").startswith("dotted.deep")
    assert at("server", "listen").startswith("listen")
    assert at("server", "after") == "after = true"
    assert at("server", "inline").startswith("inline")
    assert at("source", 0, "id") == 'id = "one"'
    assert at("source", 0, "sub", "k") == "k = 1"
    assert at("source", 1, "id") == 'id = "two"'
    assert ("not_a_table",) not in lines
    assert ("server", "multi") not in lines


def test_an_unknown_path_gets_the_line_of_what_is_around_it() -> None:
    lines = key_lines(TRICKY)
    assert line_of(lines, ("server", "inline", "x")) == lines[("server", "inline")]
    assert line_of(lines, ("source", 1, "missing")) == lines[("source", 1)]
    assert line_of(lines, ("nothing",)) is None


KEYS = st.sampled_from(["a", "b", "long-key_1", '"quo ted"', '"a.b"', "'lit'"])
STRINGS = st.sampled_from(
    ['"x"', '"a \\" # = ["', "'c:\\\\'", '"""m\n[x]\ny = 1\n"""', "'''l\n# z\n'''", '"""\\""""', '""']
)
SCALARS = st.one_of(STRINGS, st.sampled_from(["1", "true", "-0.5", "1979-05-27", "1979-05-27T07:32:00Z"]))
ARRAYS = st.lists(SCALARS, max_size=3).map(lambda items: "[\n" + ",  # c ]\n".join(items) + "\n]")
VALUES = st.one_of(SCALARS, ARRAYS, st.just('{ p = 1, q = "}" }'))
BLOCKS = st.lists(st.tuples(KEYS, VALUES, st.sampled_from(["", "  # tail [ \" '"])), max_size=4)
DOCUMENTS = st.lists(st.tuples(st.sampled_from(["[t]", "[[s]]", "[u.v]", "[[s.n]]"]), BLOCKS), max_size=4)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the paths of all keys of tables, without what stands inside values."""
    if isinstance(value, dict):
        return [path, *(found for key, held in value.items() for found in leaves(held, (*path, key)))]
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return [found for index, item in enumerate(value) for found in leaves(item, (*path, index))]
    return [path]


@given(DOCUMENTS)
def test_every_key_that_tomllib_finds_is_found_on_a_line_that_holds_it(document: list[Any]) -> None:
    parts = []
    for header, block in document:
        parts.append(header)
        parts += [f"{key} = {value}{tail}" for key, value, tail in block]
    text = "\n".join(parts)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = key_lines(text)
    rows = text.split("\n")
    for path in leaves(data):
        inline = "p" in path or "q" in path
        if not path or inline or isinstance(path[-1], int):
            continue
        assert path in lines
        assert str(path[-1]) in rows[lines[path] - 1]


@given(st.text(alphabet="ab=[]\"'\\#\n{}., ", max_size=60))
def test_any_text_is_scanned_without_failing(text: str) -> None:
    lines = key_lines(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())

"""PURE. Where a key stands in a TOML text: tomllib reads values, but forgets the lines.

Expects text that tomllib has accepted; on anything else the answer is useless, never an exception or a loop.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys from the root; a number counts the tables of an array of tables: ``("source", 1, "corp_id")``."""

_KEY_PART: Final = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")
_TRIPLE: Final = ('"""', "'''")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) of each table header and each key of a TOML document."""
    lines: dict[KeyPath, int] = {}
    tables_seen: dict[KeyPath, int] = {}
    prefix: KeyPath = ()
    position, line = 0, 1
    while position < len(text):
        end = _line_end(text, position)
        start = text[position:end].strip()
        if start.startswith("["):
            is_array = start.startswith("[[")
            keys, _ = _dotted(start, 2 if is_array else 1)
            prefix = _resolve(keys, tables_seen, is_array=is_array)
            for depth in range(1, len(prefix) + 1):
                lines.setdefault(prefix[:depth], line)
        elif start and not start.startswith("#"):
            keys, after = _dotted(text, position)
            for depth in range(1, len(keys) + 1):
                lines.setdefault(prefix + tuple(keys[:depth]), line)
            end = _value_end(text, after)
        line += text.count("\n", position, end + 1)
        position = end + 1
    return lines


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of a key, or of the nearest table around it; None when there is none."""
    for length in range(len(path), 0, -1):
        found = lines.get(path[:length])
        if found is not None:
            return found
    return None


def _line_end(text: str, position: int) -> int:
    """Return where the newline of this line stands, or the end of the text."""
    found = text.find("\n", position)
    return len(text) if found < 0 else found


def _dotted(text: str, position: int) -> tuple[list[str], int]:
    """Read ``a."b.c".d`` from a position; returns the parts and where reading stopped."""
    parts: list[str] = []
    while found := _KEY_PART.match(text, position):
        parts.append(next(group for group in found.groups() if group is not None))
        position = found.end()
        if text[position : position + 1] != ".":
            break
        position += 1
    return parts, position


def _resolve(keys: list[str], tables_seen: dict[KeyPath, int], *, is_array: bool) -> KeyPath:
    """Return the full path of a header: parts that are arrays of tables mean their last table."""
    path: KeyPath = ()
    for index, key in enumerate(keys):
        path = (*path, key)
        if is_array and index == len(keys) - 1:
            tables_seen[path] = tables_seen.get(path, -1) + 1
        if path in tables_seen:
            path = (*path, tables_seen[path])
    return path


def _value_end(text: str, position: int) -> int:
    """Return the newline that ends a value, past strings, arrays and comments that span lines."""
    depth = 0
    while position < len(text):
        char = text[position]
        if char == "\n" and depth <= 0:
            return position
        if char in "\"'":
            position = _string_end(text, position)
            continue
        if char == "#":
            position = _line_end(text, position)
            continue
        depth += (char in "[{") - (char in "]}")
        position += 1
    return len(text)


def _string_end(text: str, position: int) -> int:
    """Return the position after the string that begins here."""
    quote = text[position : position + 3]
    if quote not in _TRIPLE:
        quote = text[position]
    escapes = quote[0] == '"'
    position += len(quote)
    while position < len(text):
        if escapes and text[position] == "\\":
            position += 2
            continue
        if text.startswith(quote, position):
            position += len(quote)
            while len(quote) == 3 and text[position : position + 1] == quote[0]:
                position += 1  # up to two quotes may stand right before the closing three
            return position
        if len(quote) == 1 and text[position] == "\n":
            return position
        position += 1
    return len(text)

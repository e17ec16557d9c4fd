"""What the command line writes: tables for people, one JSON line for programs. Pure: rows in, text out."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any, Final

from bridge.clock import utc_from_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.engine.admin_api import Row

CELL_CHARS_MAX: Final = 200
"""Characters of one cell; a vendor's words may be longer than a screen."""
SENTENCE_CHARS_MAX: Final = 1000
"""Characters of one sentence on a line of its own."""
LIST_SHOWN_MAX: Final = 8
"""Entries of a list inside one cell."""


def json_line(value: object) -> str:
    """Return one line of JSON, ASCII only: safe in every locale."""
    return json.dumps(value, separators=(", ", ": "), default=str)


def table(rows: Sequence[Row], first: Sequence[str] = ()) -> list[str]:
    """Return aligned lines: a header, then one line per row.

    Columns are the keys: ``first`` in this order where they occur, then the others as they come.
    """
    keys = dict.fromkeys(key for row in rows for key in row)
    columns = [key for key in first if key in keys] + [key for key in keys if key not in first]
    lines = [[_title(key) for key in columns]]
    lines += [[cell(key, row.get(key)) for key in columns] for row in rows]
    widths = [max(_width(line[index]) for line in lines) for index in range(len(columns))]
    return [
        "  ".join(_pad(text, width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def cell(key: str, value: Any) -> str:
    """Return one value for people; the unit stands at the end of its key."""
    if value is None or value == "" or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and (key.endswith("_ms") or key == "at"):
        return utc_from_ms(value).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, (int, float)) and key.endswith("_s"):
        return span(value)
    if isinstance(value, (list, tuple)):
        shown = ", ".join(cell("", item) for item in value[:LIST_SHOWN_MAX])
        return shown + (" …" if len(value) > LIST_SHOWN_MAX else "")
    if isinstance(value, dict):
        return " ".join(
            str(part) for part in (cell(name, held) for name, held in value.items()) if part != "-"
        )
    return clean(str(value), CELL_CHARS_MAX)


def clean(text: str, chars_max: int = SENTENCE_CHARS_MAX) -> str:
    """Return text that cannot move the cursor of a terminal, on one line, bounded."""
    shown = "".join(char if char.isprintable() else " " for char in text[: chars_max + 1])
    return shown if len(shown) <= chars_max else shown[: chars_max - 1] + "…"


def span(seconds: float) -> str:
    """Return a duration in its two largest units: ``3 min 5 s``."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        amount, left = divmod(left, size)
        if amount and len(parts) < 2:
            parts.append(f"{amount} {unit}")
        elif parts:
            break
    return " ".join(parts) or "0 s"


def _title(key: str) -> str:
    """Return a column's title: the key without its unit."""
    for unit in ("_ms", "_s"):
        key = key.removesuffix(unit)
    return key.replace("_", " ").upper()


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes; Chinese characters take two."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
        for char in text
    )


def _pad(text: str, width: int) -> str:
    """Fill up with blanks to a width in columns."""
    return text + " " * (width - _width(text))

"""Which of the two languages a page speaks."""

from __future__ import annotations

from typing import Final

COOKIE: Final = "queqiao_lang"
LANGUAGES: Final = ("zh", "en")
YEAR_S: Final = 365 * 86_400
RANGES_MAX: Final = 20
"""Entries of Accept-Language that are looked at."""


def choose(asked: str, kept: str, accept: str) -> str:
    """Return ``zh`` or ``en``: what was asked for, else what was chosen before, else what the browser likes best."""
    for wish in (asked, kept):
        if wish in LANGUAGES:
            return wish
    best, best_weight = "en", 0.0
    for entry in accept.split(",")[:RANGES_MAX]:
        name, _, rest = entry.strip().partition(";")
        language = name.strip().lower().partition("-")[0]
        weight = _weight(rest)
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(text: str) -> float:
    """Return the q-value of an entry (RFC 9110 12.4.2)."""
    name, _, value = text.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0

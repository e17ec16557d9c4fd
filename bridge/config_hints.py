"""What somebody meant who wrote a key that does not exist, or a line that is not TOML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.config import Database, DingTalkSource, Log, Server, Sync, Ui, WeComSource
from bridge.config_forms import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "appkey": ("client_id",),
    "appsecret": ("client_secret", "secret"),
    "corpsecret": ("secret",),
    "suitekey": ("client_id",),
    "suitesecret": ("client_secret",),
    "token": ("callback_token",),
    "aeskey": ("callback_aes_key",),
    "encodingaeskey": ("callback_aes_key",),
    "timezone": ("default_timezone",),
    "timeout": ("timeout_s",),
    "port": ("listen",),
    "host": ("listen",),
    "bind": ("listen",),
    "baseurl": ("base_url", "public_url"),
    "domain": ("mail_domain",),
}
"""What the vendors' consoles, older pages of theirs and other programs call an option, without ``_`` and ``-``."""

TABLES: Final = {"[server]": Server, "[database]": Database, "[log]": Log, "[sync]": Sync, "[ui]": Ui}
SOURCES: Final = {"wecom": WeComSource, "dingtalk": DingTalkSource}

_QUOTES: Final = "texts stand in quotes, a backslash in double quotes is doubled, each key stands once"
_SYNTAX: Final = (
    ("overwrite", "the key stands twice in its table: remove one of the two"),
    ("declare", "the table stands twice: put its options under one heading"),
    ("escape", "double the backslash, or write the text in single quotes"),
    ("Illegal character", "close the quotes on the same line"),
    ("Unterminated", "close the quotes"),
)
"""Word in tomllib's message -> cure."""


def cure_of_unknown(name: str, known: list[str]) -> str:
    """Return what to do about an unknown key; ``known`` are the keys that its table has."""
    for meant in ALIASES.get(name.lower().replace("_", "").replace("-", ""), ()):
        if meant in known:
            return f"did you mean {meant}?"
    for kind, options in SOURCES.items():
        others = [other for other in SOURCES.values() if other is not options]
        only_here = name in options.__struct_fields__ and all(name not in x.__struct_fields__ for x in others)
        if only_here and "kind" not in known and any(set(x.__struct_fields__) <= set(known) for x in others):
            return f'only a source with kind = "{kind}" has it; remove it, or change kind'
    near = nearest(name, known)
    if near:
        return f"did you mean {near}?"
    home = _home_of(name)
    return f"it belongs into {home}" if home else "remove it; config.example.toml lists every option"


def _home_of(name: str) -> str:
    """Return the table that has an option of this name, if one has."""
    for title, options in TABLES.items():
        if name in options.__struct_fields__:
            return title
    return "[[source]]" if any(name in options.__struct_fields__ for options in SOURCES.values()) else ""


def cure_of_syntax(reason: str, line: str) -> str:
    """Return what to do about a line that is not TOML; ``reason`` is tomllib's."""
    value = line.partition("=")[2].strip()
    if value.partition("#")[0].strip() in {"True", "False"}:
        return "write true or false, in small letters"
    if value[:1] in {"\u201c", "\u201d", "\u2018", "\u2019"}:
        return 'write straight quotes: "…"'
    for word, cure in _SYNTAX:
        if word in reason:
            return cure
    if value and value[0] not in "\"'[{=" and ("after a statement" in reason or not value[0].isdigit()):
        return f'write the text in quotes: {line.partition("=")[0].strip()[:60]} = "…"'
    return _QUOTES

"""``richTextDescription`` beside ``description``: which wins is unknown, so both always say the same. Pure."""

from __future__ import annotations

import html
from html.parser import HTMLParser
from typing import Final

STRUCTURE: Final = frozenset({"html", "head", "body", "meta", "div", "p", "br", "span", "style", "title"})
"""Tags that carry no formatting by themselves."""

BREAKS: Final = frozenset({"br", "div", "p", "li", "tr", "ul", "ol", "h1", "h2", "h3", "h4", "table"})
"""Tags that begin or end a line."""

UNSEEN: Final = frozenset({"head", "style", "title", "script"})
"""Tags whose text nobody reads."""

PLAIN_STYLES: Final = frozenset({"", "clear:both"})
"""Style attributes that DingTalk's editor puts around every line (seed page sample)."""


class _Reader(HTMLParser):
    """Collects the visible text and whether there is any formatting."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.is_formatted = False
        self._unseen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSEEN:
            self._unseen.append(tag)
        if tag in BREAKS:
            self.pieces.append("\n")
        style = dict(attrs).get("style") or ""
        if tag not in STRUCTURE or style.replace(" ", "").rstrip(";") not in PLAIN_STYLES:
            self.is_formatted = True

    def handle_endtag(self, tag: str) -> None:
        if self._unseen and self._unseen[-1] == tag:
            self._unseen.pop()
        if tag in BREAKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.pieces.append(data)


def text_of(markup: str) -> str:
    """Return the visible text of HTML, one line per block, without surrounding blanks."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    lines = ("".join(reader.pieces)).replace("\xa0", " ").split("\n")
    return "\n".join(stripped for line in lines if (stripped := " ".join(line.split())))


def html_of(plain: str) -> str:
    """Return HTML that shows plain text."""
    return html.escape(plain, quote=False).replace("\r\n", "\n").replace("\n", "<br>")


def adds_to(description: str, markup: str) -> bool:
    """Return whether HTML is the description with formatting: neither the bare text again nor another text."""
    if not markup.strip():
        return False
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return reader.is_formatted and says(description, markup)


def says(description: str, markup: str) -> bool:
    """Return whether HTML shows the words of the description and no others."""
    return _folded(text_of(markup)) == _folded(description)


def _folded(plain: str) -> str:
    """Return text without blanks and line ends: HTML does not keep them."""
    return "".join(plain.split())
